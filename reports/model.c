#include "reports/model.h"

#include "base/num.h"
#include "reports/store.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

static int64_t to_int(const char *text)
{
    int64_t value = 0;
    return num_parse(text, INT64_MIN, INT64_MAX, &value) ? value : 0;
}

static int to_small_int(const char *text)
{
    int64_t value = to_int(text);
    return value > INT_MAX ? INT_MAX : value < INT_MIN ? INT_MIN : (int)value;
}

static enum verdict to_verdict(const char *text)
{
    int value = VERDICT_BROKEN;
    table_value(verdict_names, text, &value);
    return (enum verdict)value;
}

/* Grows an array by one zeroed element. */
static void *grow(void **array, size_t *n, size_t size)
{
    *array = xrealloc(*array, (*n + 1) * size);
    char *last = (char *)*array + *n * size;
    memset(last, 0, size);
    (*n)++;
    return last;
}

static int visit_run(int columns, const char *const *v, void *arg)
{
    (void)columns;
    struct report *r = arg;
    r->run = to_int(v[0]);
    r->started_at = xstrdup(v[1]);
    r->target = xstrdup(v[2]);
    r->contract = xstrdup(v[3]);
    r->seed = xstrdup(v[4]);
    r->ended = v[6][0] != '\0';
    r->wall_ms = to_int(v[5]);
    r->exit_code = to_small_int(v[6]);
    int *counts[] = {&r->passed,        &r->failed,        &r->broken,
                     &r->skipped,       &r->checks_passed, &r->checks_failed,
                     &r->checks_broken, &r->checks_skipped};
    for (size_t i = 0; i < ARRAY_SIZE(counts); i++) {
        *counts[i] = to_small_int(v[7 + i]);
    }
    r->planned = to_small_int(v[15]);
    r->leaked = to_small_int(v[16]);
    r->version = xstrdup(v[17]);
    r->command_line = xstrdup(v[18]);
    return 0;
}

static int visit_scenario(int columns, const char *const *v, void *arg)
{
    (void)columns;
    struct report *r = arg;
    struct report_scenario *s =
        grow((void **)&r->scenarios, &r->n_scenarios, sizeof(*r->scenarios));
    s->name = xstrdup(v[1]);
    s->file = xstrdup(v[2]);
    s->proves = xstrdup(v[3]);
    s->tags = xstrdup(v[4]);
    s->started_ms = to_int(v[5]);
    s->ended = v[6][0] != '\0';
    s->verdict = to_verdict(v[6]);
    s->reason = xstrdup(v[7]);
    s->duration_ms = to_int(v[8]);
    s->polls = to_small_int(v[9]);
    return 0;
}

static int visit_check(int columns, const char *const *v, void *arg)
{
    (void)columns;
    struct report_scenario *s = arg;
    struct report_check *c = grow((void **)&s->checks, &s->n_checks, sizeof(*s->checks));
    c->step = xstrdup(v[0]);
    c->step_name = xstrdup(v[1]);
    c->name = xstrdup(v[2]);
    c->verdict = to_verdict(v[3]);
    c->expected = xstrdup(v[4]);
    c->actual = xstrdup(v[5]);
    c->file = xstrdup(v[6]);
    c->line = to_small_int(v[7]);
    c->exchange = to_int(v[8]);
    return 0;
}

static int visit_exchange(int columns, const char *const *v, void *arg)
{
    (void)columns;
    struct report_scenario *s = arg;
    struct report_exchange *e =
        grow((void **)&s->exchanges, &s->n_exchanges, sizeof(*s->exchanges));
    e->id = to_int(v[0]);
    e->number = to_small_int(v[1]);
    e->step = xstrdup(v[2]);
    e->protocol = xstrdup(v[3]);
    e->request = xstrdup(v[4]);
    e->request_headers = xstrdup(v[5]);
    e->request_body = xstrdup(v[6]);
    e->status = to_small_int(v[7]);
    e->response_headers = xstrdup(v[8]);
    e->response_body = xstrdup(v[9]);
    e->error = xstrdup(v[10]);
    e->transport = xstrdup("");
    e->revision = xstrdup("");
    e->duration_ms = to_int(v[11]);
    return 0;
}

static int visit_frame(int columns, const char *const *v, void *arg)
{
    (void)columns;
    struct report_scenario *s = arg;
    for (size_t i = 0; i < s->n_exchanges; i++) {
        struct report_exchange *e = &s->exchanges[i];
        if (e->id != to_int(v[0])) {
            continue;
        }
        e->n_frames++;
        free(e->transport);
        e->transport = xstrdup(v[1]);
        if (*v[2]) {
            free(e->revision);
            e->revision = xstrdup(v[2]);
        }
    }
    return 0;
}

static int visit_finding(int columns, const char *const *v, void *arg)
{
    (void)columns;
    struct report_scenario *s = arg;
    struct report_finding *f =
        grow((void **)&s->findings, &s->n_findings, sizeof(*s->findings));
    f->step = xstrdup(v[0]);
    f->text = xstrdup(v[1]);
    f->frames = to_small_int(v[2]);
    f->exchange = to_int(v[3]);
    return 0;
}

static int load_scenario_rows(struct store *s, struct report *r, struct err *err)
{
    static const char sql[] =
        "SELECT id,name,file,proves,tags,started_ms,verdict,reason,duration_ms,"
        "(SELECT count(*) FROM poll p WHERE p.scenario=scenario.id)"
        " FROM scenario WHERE run=?1 ORDER BY name";
    return store_query(s, sql, &r->run, 1, visit_scenario, r, err);
}

static int load_details(struct store *s, int64_t run, size_t index,
                        struct report_scenario *scenario, struct err *err)
{
    static const char checks[] =
        "SELECT step,step_name,name,verdict,expected,actual,file,line,exchange"
        " FROM check_ WHERE scenario=(SELECT id FROM scenario WHERE run=?1"
        " ORDER BY name LIMIT 1 OFFSET ?2) ORDER BY id";
    static const char exchanges[] =
        "SELECT id,number,step,protocol,request,request_headers,request_body,status,"
        "response_headers,response_body,error,duration_ms"
        " FROM exchange WHERE scenario=(SELECT id FROM scenario WHERE run=?1"
        " ORDER BY name LIMIT 1 OFFSET ?2) ORDER BY number";
    static const char frames[] =
        "SELECT f.exchange,f.transport,f.revision"
        " FROM frame f JOIN exchange e ON e.id=f.exchange WHERE e.scenario="
        "(SELECT id FROM scenario WHERE run=?1 ORDER BY name LIMIT 1 OFFSET ?2)"
        " ORDER BY f.id";
    /* Log lines differ, if only in their times: one finding for a scenario. */
    static const char findings[] =
        "SELECT e.step,f.direction||': '||f.findings,count(*),e.id,min(f.id)"
        " FROM frame f JOIN exchange e ON e.id=f.exchange WHERE e.scenario="
        "(SELECT id FROM scenario WHERE run=?1 ORDER BY name LIMIT 1 OFFSET ?2)"
        " AND f.findings IS NOT NULL AND NOT f.raw GROUP BY f.direction,"
        "CASE f.direction WHEN 'junk' THEN '' ELSE e.step||' '||f.findings END"
        " ORDER BY min(f.id)";
    int64_t params[] = {run, (int64_t)index};
    if (store_query(s, checks, params, 2, visit_check, scenario, err) < 0) {
        return -1;
    }
    if (store_query(s, exchanges, params, 2, visit_exchange, scenario, err) < 0) {
        return -1;
    }
    if (!store_has_frames(s)) {
        return 0;
    }
    return store_query(s, frames, params, 2, visit_frame, scenario, err) < 0 ||
                   store_query(s, findings, params, 2, visit_finding, scenario, err) < 0
               ? -1
               : 0;
}

int report_load(struct store *s, int64_t run, struct report **ret, struct err *err)
{
    static const char sql[] =
        "SELECT id,started_at,target,contract,seed,wall_ms,exit_code,passed,failed,"
        "broken,skipped,checks_passed,checks_failed,checks_broken,checks_skipped,planned,"
        "leaked,version,command_line FROM v_run WHERE id=?1";
    struct report *r CLEANUP(report_drop) = xcalloc(1, sizeof(*r));
    int64_t id = run != 0 ? run : store_last_run(s);
    if (store_query(s, sql, &id, 1, visit_run, r, err) < 0) {
        return -1;
    }
    if (r->run == 0) {
        return run == 0 ? err_set(err, ERR_CONFIG, "the database holds no run yet")
                        : err_set(err, ERR_CONFIG, "the database holds no run %lld",
                                  (long long)run);
    }
    if (load_scenario_rows(s, r, err) < 0) {
        return -1;
    }
    for (size_t i = 0; i < r->n_scenarios; i++) {
        if (load_details(s, r->run, i, &r->scenarios[i], err) < 0) {
            return -1;
        }
    }
    *ret = TAKE(r);
    return 0;
}

static void scenario_release(struct report_scenario *s)
{
    for (size_t i = 0; i < s->n_checks; i++) {
        struct report_check *c = &s->checks[i];
        char *strings[] = {c->step,     c->step_name, c->name,
                           c->expected, c->actual,    c->file};
        for (size_t k = 0; k < ARRAY_SIZE(strings); k++) {
            free(strings[k]);
        }
    }
    for (size_t i = 0; i < s->n_exchanges; i++) {
        struct report_exchange *e = &s->exchanges[i];
        char *strings[] = {
            e->step,         e->protocol,         e->request,       e->request_headers,
            e->request_body, e->response_headers, e->response_body, e->error,
            e->transport,    e->revision};
        for (size_t k = 0; k < ARRAY_SIZE(strings); k++) {
            free(strings[k]);
        }
    }
    for (size_t i = 0; i < s->n_findings; i++) {
        free(s->findings[i].step);
        free(s->findings[i].text);
    }
    free(s->checks);
    free(s->exchanges);
    free(s->findings);
    char *strings[] = {s->name, s->file, s->proves, s->tags, s->reason};
    for (size_t k = 0; k < ARRAY_SIZE(strings); k++) {
        free(strings[k]);
    }
}

void report_free(struct report *r)
{
    if (!r) {
        return;
    }
    for (size_t i = 0; i < r->n_scenarios; i++) {
        scenario_release(&r->scenarios[i]);
    }
    free(r->scenarios);
    char *strings[] = {r->started_at, r->target,  r->contract,
                       r->seed,       r->version, r->command_line};
    for (size_t k = 0; k < ARRAY_SIZE(strings); k++) {
        free(strings[k]);
    }
    free(r);
}

void report_drop(struct report **r)
{
    report_free(*r);
    *r = NULL;
}

enum verdict report_verdict(const struct report_scenario *s)
{
    return s->ended ? s->verdict : VERDICT_BROKEN;
}

const char *report_title(const struct report *r)
{
    if (!r->ended) {
        return "Cut off";
    }
    if (r->failed > 0) {
        return "Not delivered";
    }
    if (r->leaked > 0) {
        return "Something was left behind";
    }
    if (r->broken > 0) {
        return "Could not find out";
    }
    return r->exit_code == 0 ? "Delivered" : "Nothing was proven";
}

const struct report_exchange *report_exchange_by_id(const struct report_scenario *s,
                                                    int64_t id)
{
    for (size_t i = 0; i < s->n_exchanges && id != 0; i++) {
        if (s->exchanges[i].id == id) {
            return &s->exchanges[i];
        }
    }
    return NULL;
}
