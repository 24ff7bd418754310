#include "reports/render.h"

#include <stdlib.h>
#include <string.h>

static void attribute(struct buf *out, const char *name, const char *value)
{
    buf_addf(out, " %s=\"", name);
    xml_escape(out, value);
    buf_addc(out, '"');
}

/* The classname is the folder, as CI systems group by it. */
static void testcase_open(struct buf *out, const struct report_scenario *s,
                          const char *name)
{
    buf_adds(out, "    <testcase");
    attribute(out, "classname", s->name);
    attribute(out, "name", name);
    attribute(out, "file", s->file);
}

static void verdict_element(struct buf *out, enum verdict verdict, const char *message,
                            const char *text)
{
    static const char *const elements[] = {
        [VERDICT_PASS] = NULL,
        [VERDICT_FAIL] = "failure",
        [VERDICT_BROKEN] = "error",
        [VERDICT_SKIP] = "skipped",
    };
    const char *element = elements[verdict];
    if (!element) {
        return;
    }
    buf_addf(out, "      <%s", element);
    attribute(out, "message", message);
    buf_adds(out, ">");
    xml_escape(out, text);
    buf_addf(out, "</%s>\n", element);
}

static void render_check(const struct report_scenario *s, const struct report_check *c,
                         struct buf *out)
{
    char *name CLEANUP(free_ptr) =
        xasprintf("%s: %s", c->step_name[0] ? c->step_name : c->step, c->name);
    testcase_open(out, s, name);
    buf_addf(out, " line=\"%d\"", c->line);
    if (c->verdict == VERDICT_PASS) {
        buf_adds(out, "/>\n");
        return;
    }
    buf_adds(out, ">\n");
    char *text CLEANUP(free_ptr) = xasprintf("expected: %s\nactual: %s\nat: %s:%d",
                                             c->expected, c->actual, c->file, c->line);
    verdict_element(out, c->verdict, name, text);
    buf_adds(out, "    </testcase>\n");
}

/* What ended a scenario but is no check of its own: a skip, a deadline, a broken step. */
static bool has_own_case(const struct report_scenario *s)
{
    enum verdict verdict = report_verdict(s);
    if (verdict == VERDICT_PASS) {
        return false;
    }
    for (size_t i = 0; i < s->n_checks; i++) {
        if (s->checks[i].verdict == verdict) {
            return false;
        }
    }
    return true;
}

static void render_scenario(const struct report_scenario *s, struct buf *out)
{
    int count[4] = {0};
    for (size_t i = 0; i < s->n_checks; i++) {
        count[s->checks[i].verdict]++;
    }
    bool own = has_own_case(s);
    if (own) {
        count[report_verdict(s)]++;
    }
    buf_adds(out, "  <testsuite");
    attribute(out, "name", s->name);
    buf_addf(out,
             " tests=\"%zu\" failures=\"%d\" errors=\"%d\" skipped=\"%d\""
             " time=\"%.3f\">\n",
             s->n_checks + (own ? 1 : 0), count[VERDICT_FAIL], count[VERDICT_BROKEN],
             count[VERDICT_SKIP], (double)s->duration_ms / 1000.0);
    for (size_t i = 0; i < s->n_checks; i++) {
        render_check(s, &s->checks[i], out);
    }
    if (own) {
        const char *reason = s->reason[0] ? s->reason : "the run was cut off";
        testcase_open(out, s, "scenario");
        buf_adds(out, ">\n");
        verdict_element(out, report_verdict(s), reason, reason);
        buf_adds(out, "    </testcase>\n");
    }
    buf_adds(out, "  </testsuite>\n");
}

void report_junit(const struct report *r, struct buf *out)
{
    struct buf suites CLEANUP(buf_release) = BUF_INIT(out->max);
    size_t tests = 0;
    int own[4] = {0};
    for (size_t i = 0; i < r->n_scenarios; i++) {
        const struct report_scenario *s = &r->scenarios[i];
        render_scenario(s, &suites);
        tests += s->n_checks;
        if (has_own_case(s)) {
            own[report_verdict(s)]++;
            tests++;
        }
    }
    buf_adds(out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites");
    attribute(out, "name", "waybill");
    buf_addf(out,
             " tests=\"%zu\" failures=\"%d\" errors=\"%d\" skipped=\"%d\""
             " time=\"%.3f\">\n",
             tests, r->checks_failed + own[VERDICT_FAIL],
             r->checks_broken + own[VERDICT_BROKEN],
             r->checks_skipped + own[VERDICT_SKIP], (double)r->wall_ms / 1000.0);
    buf_add(out, suites.data, suites.len);
    buf_adds(out, "</testsuites>\n");
}
