/*
 * An organisation: created, waited for, and removed again whatever happens.
 */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "io/json.h"
#include "run/steps.h"

enum { SLUG_MAX = 31 };

/* ---- ledger ---- */

int note_creating(struct ctx *ctx, const char *kind, const char *id, struct err *err)
{
    if (ledger_note(ctx->ledger, ctx->name, kind, id, "creating", err) < 0)
        return -1;
    ctx->made = xrealloc(ctx->made, (ctx->n_made + 1) * sizeof(*ctx->made));
    ctx->made[ctx->n_made++] = (struct made){xstrdup(kind), xstrdup(id), false};
    emit_resource(ctx, kind, id, "creating");
    return 0;
}

static void note_state(struct ctx *ctx, const char *kind, const char *id,
                       const char *state)
{
    struct err err = ERR_INIT;
    if (ledger_note(ctx->ledger, ctx->name, kind, id, state, &err) < 0)
        ctx_verdict(ctx, VERDICT_BROKEN, "%s", err.text);
    emit_resource(ctx, kind, id, state);
}

static void forget(struct ctx *ctx, size_t i)
{
    free(ctx->made[i].kind);
    free(ctx->made[i].id);
    memmove(ctx->made + i, ctx->made + i + 1, (ctx->n_made - i - 1) * sizeof(*ctx->made));
    ctx->n_made--;
}

void note_created(struct ctx *ctx, const char *kind, const char *id)
{
    for (size_t i = 0; i < ctx->n_made; i++)
        if (strcmp(ctx->made[i].kind, kind) == 0 && strcmp(ctx->made[i].id, id) == 0)
            ctx->made[i].created = true;
    note_state(ctx, kind, id, "created");
}

/* The platform said that it did not make it, or was never asked. */
static void note_refused(struct ctx *ctx, const char *kind, const char *id)
{
    for (size_t i = 0; i < ctx->n_made; i++) {
        if (strcmp(ctx->made[i].kind, kind) != 0 || strcmp(ctx->made[i].id, id) != 0)
            continue;
        forget(ctx, i);
        break;
    }
    note_state(ctx, kind, id, "removed");
}

/* ---- creating ---- */

/* "e2e-1a2b3c4d-9f31c07e-acme": the prefix and the run's id tell a sweep whose it is. The
 * random part is long enough for every organisation of many runs side by side. */
static char *make_slug(const struct ctx *ctx, const char *as)
{
    char tail[9];
    id_hex(tail, 8);
    char name[16] = "";
    size_t n = 0;
    for (const char *c = as; *c && n < 12; c++)
        if (isalnum((unsigned char)*c))
            name[n++] = (char)tolower((unsigned char)*c);
    name[n] = '\0';
    char *slug = xasprintf("%s%s-%s-%s", ctx->target->prefix, ctx->run_id, tail, name);
    if (strlen(slug) > SLUG_MAX)
        slug[SLUG_MAX] = '\0';
    return slug;
}

/* Switches and faults of one organisation, set before it is there. */
static int set_world(struct ctx *ctx, const struct step *step, const char *member,
                     const char *slug, struct attempt *at, struct err *err)
{
    const struct ynode *node = step_arg(step, member);
    CLEANUP(json_drop) json_t *wanted = NULL;
    const char *name = NULL;
    json_t *value = NULL;
    if (node && vars_json(ctx->vars, node, step->file, &wanted, err) < 0)
        return -1;
    json_object_foreach(wanted, name, value)
    {
        struct call c = CALL_INIT;
        bool is_switch = strcmp(member, "switches") == 0;
        json_t *body = json_make("{s:s, s:s}", "name", name, "org", slug);
        if (is_switch || !json_is_null(value))
            json_object_set(body, is_switch ? "value" : "mode", value);
        call_mock(ctx, &c, "PUT", is_switch ? "/_mock/switches" : "/_mock/faults", body);
        ctx_call(ctx, &c, at);
        call_release(&c);
        if (at->obs.broken)
            return 0;
        if (!status_ok(at->obs.status)) {
            CLEANUP(free_ptr) char *answer = xstrdup(at->body ? at->body : "");
            attempt_broken(at, "cannot set %s '%s' of the organisation: HTTP %d: %s",
                           is_switch ? "switch" : "fault", name, at->obs.status, answer);
            return 0;
        }
    }
    return 0;
}

static void created(struct attempt *at, enum verdict v, bool final, const char *fmt, ...)
    PRINTF_LIKE(4, 5);
static void created(struct attempt *at, enum verdict v, bool final, const char *fmt, ...)
{
    struct buf text = BUF_INIT(1024);
    va_list ap;
    va_start(ap, fmt);
    buf_vaddf(&text, fmt, ap);
    va_end(ap);
    attempt_own(at, "created", v, final, "an organisation whose platform answers",
                text.data);
    buf_release(&text);
}

/* A request on a connection that is kept may be sent, lost and sent again; that the
 * second was refused would say nothing of the first. */
static bool connect_afresh(struct ctx *ctx, struct attempt *at)
{
    struct err err = ERR_INIT;
    struct http *http = NULL;
    if (http_new(&http, &err) < 0) {
        attempt_broken(at, "%s", err.text);
        at->unsent = true;
        return false;
    }
    http_free(ctx->http);
    ctx->http = http;
    return true;
}

static bool request_org(struct ctx *ctx, const char *slug, const char *name,
                        struct attempt *at)
{
    struct call c = CALL_INIT;
    call_cp(ctx, &c, "POST", "/cp/admin/orgs",
            json_make("{s:s, s:s, s:s}", "slug", slug, "name", name, "owner_user_id",
                      ctx->target->owner));
    c.timeout_ms = ctx_patient(ctx, 120000);
    if (connect_afresh(ctx, at))
        ctx_call(ctx, &c, at);
    call_release(&c);
    if (at->obs.broken) {
        /* It may exist all the same, and stays in the list, unless nothing was sent. */
        if (at->unsent)
            note_refused(ctx, "org", slug);
        return false;
    }
    if (status_ok(at->obs.status) && json_str(at->answer, "id", NULL)) {
        note_created(ctx, "org", slug);
        return true;
    }
    if (at->obs.status >= 400 && at->obs.status < 500)
        note_refused(ctx, "org", slug);
    created(at, VERDICT_FAIL, true, "the control plane answered HTTP %d: %.300s",
            at->obs.status, at->body ? at->body : "");
    return false;
}

/* The row of GET /cp/admin/orgs, borrowed from at->answer, or NULL. */
static json_t *read_org_row(struct ctx *ctx, const char *slug, struct attempt *at)
{
    struct call c = CALL_INIT;
    size_t i = 0;
    json_t *row = NULL;
    call_cp(ctx, &c, "GET", "/cp/admin/orgs?limit=500", NULL);
    ctx_call(ctx, &c, at);
    call_release(&c);
    json_array_foreach(json_object_get(at->answer, "orgs"), i, row)
    {
        if (strcmp(json_str(row, "slug", ""), slug) == 0)
            return row;
    }
    return NULL;
}

enum stage { STAGE_READY, STAGE_WAIT, STAGE_STOP };

static enum stage look_running(struct ctx *ctx, json_t *org, struct attempt *at)
{
    const json_t *row = read_org_row(ctx, json_str(org, "slug", ""), at);
    const char *state = json_str(row, "instance_status", "");
    if (at->obs.broken)
        return STAGE_WAIT;
    if (strcmp(state, "running") == 0)
        return STAGE_READY;
    if (strcmp(state, "failed") == 0) {
        created(at, VERDICT_FAIL, true, "instance_status is 'failed'");
        return STAGE_STOP;
    }
    created(at, VERDICT_BROKEN, false, "instance_status is still '%s'",
            row ? state : "not listed");
    return STAGE_WAIT;
}

static enum stage look_token(struct ctx *ctx, json_t *org, struct attempt *at)
{
    struct call c = CALL_INIT;
    CLEANUP(free_ptr)
    char *path = xasprintf("/cp/admin/orgs/%s/admin-token", json_str(org, "slug", ""));
    call_cp(ctx, &c, "GET", path, NULL);
    ctx->learn_as = json_str(org, "as", NULL);
    ctx_call(ctx, &c, at);
    ctx->learn_as = NULL;
    call_release(&c);
    const char *token = json_str(at->answer, "admin_token", NULL);
    if (token) {
        json_object_set_new(org, "admin_token", json_string(token));
        return STAGE_READY;
    }
    if (!at->obs.broken)
        created(at, VERDICT_FAIL, false, "no admin token: HTTP %d", at->obs.status);
    return STAGE_WAIT;
}

static enum stage look_health(struct ctx *ctx, json_t *org, struct attempt *at)
{
    struct call c = CALL_INIT;
    call_tenant(&c, org, NULL, "GET", "/health", NULL);
    ctx_call(ctx, &c, at);
    call_release(&c);
    if (!at->obs.broken && status_ok(at->obs.status))
        return STAGE_READY;
    if (!at->obs.broken)
        created(at, VERDICT_BROKEN, false, "/health answers HTTP %d", at->obs.status);
    return STAGE_WAIT;
}

/* One after the other, each until it is ready; what the last look said is in *at. */
static bool wait_for_org(struct ctx *ctx, const struct step *step, json_t *org,
                         struct attempt *at)
{
    static enum stage (*const looks[])(struct ctx *, json_t *, struct attempt *) = {
        look_running, look_token, look_health};
    int64_t within = step->within_ms >= 0 ? step->within_ms : 900000;
    int64_t deadline = clock_mono_ms() + ctx_patient(ctx, within);
    struct pacer pacer;
    int tries = 0;
    pacer_init(&pacer, ctx, step->every_ms);
    for (size_t i = 0; i < ARRAY_SIZE(looks);) {
        enum stage stage = looks[i](ctx, org, at);
        emit_poll(ctx, step, ++tries, stage == STAGE_READY, at->exchange,
                  at->obs.broken         ? at->obs.broken
                  : stage == STAGE_READY ? "ready"
                  : at->own_actual       ? at->own_actual
                                         : "");
        if (stage == STAGE_STOP)
            return false;
        if (stage == STAGE_READY) {
            i++;
            continue;
        }
        if (clock_mono_ms() >= deadline || pacer_wait(&pacer, ctx, deadline))
            return false;
    }
    return true;
}

int act_org(struct ctx *ctx, const struct step *step, struct attempt *at, struct err *err)
{
    CLEANUP(free_ptr) char *as = NULL;
    CLEANUP(free_ptr) char *name = NULL;
    CLEANUP(json_drop) json_t *org = NULL;
    if (ctx_text(ctx, step, step_arg(step, "as"), &as, err) < 0 ||
        ctx_text(ctx, step, step_arg(step, "name"), &name, err) < 0)
        return -1;
    CLEANUP(free_ptr) char *slug = make_slug(ctx, as);
    CLEANUP(free_ptr) char *url = target_tenant_url(ctx->target, slug);
    if (set_world(ctx, step, "switches", slug, at, err) < 0 ||
        (!at->obs.broken && set_world(ctx, step, "faults", slug, at, err) < 0))
        return -1;
    if (at->obs.broken)
        return 0;
    struct err ledger = ERR_INIT;
    if (note_creating(ctx, "org", slug, &ledger) < 0) {
        attempt_broken(at, "%s", ledger.text);
        return 0;
    }
    if (!request_org(ctx, slug, name ? name : as, at))
        return 0;
    org = json_make("{s:s, s:s, s:s, s:s, s:s}", "id", json_str(at->answer, "id", ""),
                    "slug", slug, "url", url, "name", name ? name : as, "as", as);
    if (!wait_for_org(ctx, step, org, at))
        return 0;
    created(at, VERDICT_PASS, true, "%s", url);
    attempt_answer(at, json_make("{s:s, s:s, s:s}", "id", json_str(org, "id", ""), "slug",
                                 slug, "url", url));
    CLEANUP(free_ptr) char *secret = xasprintf("%s.admin_token", as);
    ctx_secret(ctx, secret, json_str(org, "admin_token", NULL));
    vars_bind(ctx->vars, as, TAKE(org));
    return 0;
}

/* ---- removing ---- */

static bool org_is_gone(struct ctx *ctx, const char *slug, struct attempt *at)
{
    const json_t *row = read_org_row(ctx, slug, at);
    if (at->obs.broken || !json_is_array(json_object_get(at->answer, "orgs")))
        return false; /* not being able to look is not "gone" */
    return !row || strcmp(json_str(row, "status", ""), "purged") == 0;
}

static bool request_removal(struct ctx *ctx, const char *slug, struct attempt *at)
{
    struct call c = CALL_INIT;
    CLEANUP(free_ptr) char *path = xasprintf("/cp/admin/tenants/%s", slug);
    call_cp(ctx, &c, "DELETE", path, json_make("{s:s}", "confirm", slug));
    c.timeout_ms = ctx_patient(ctx, 60000);
    ctx_call(ctx, &c, at);
    call_release(&c);
    return !at->obs.broken && (status_ok(at->obs.status) || at->obs.status == 404);
}

bool teardown_org(struct ctx *ctx, const char *slug)
{
    struct attempt at;
    struct pacer pacer;
    int64_t budget = ctx_scaled(ctx, 60000);
    int64_t least = (int64_t)(3000 * clock_timeout_mul());
    int64_t deadline = clock_mono_ms() + (budget > least ? budget : least);
    bool asked = false, gone = false;
    ctx->look_until_ms = deadline;
    attempt_init(&at);
    pacer_init(&pacer, ctx, -1);
    for (;;) {
        if (!asked)
            asked = request_removal(ctx, slug, &at);
        gone = org_is_gone(ctx, slug, &at);
        if (gone || clock_mono_ms() >= deadline)
            break;
        (void)pacer_wait(&pacer, ctx, deadline);
    }
    ctx->look_until_ms = 0;
    attempt_release(&at);
    note_state(ctx, "org", slug, gone ? "removed" : "leaked");
    return gone;
}

/* Workspaces go with their organisation: "SLUG/NAME". */
static void settle_workspaces(struct ctx *ctx, const char *slug, const char *state)
{
    size_t n = strlen(slug);
    for (size_t i = ctx->n_made; i > 0; i--) {
        const struct made *m = &ctx->made[i - 1];
        if (strcmp(m->kind, "workspace") == 0 && strncmp(m->id, slug, n) == 0 &&
            m->id[n] == '/')
            note_state(ctx, m->kind, m->id, state);
    }
}

void teardown(struct ctx *ctx)
{
    /* A first signal has brought us here; a second one is the supervisor's business. */
    ctx->stopping = false;
    close_fd(&ctx->stop_fd);
    for (size_t i = ctx->n_made; i > 0; i--) {
        const struct made *m = &ctx->made[i - 1];
        if (strcmp(m->kind, "org") != 0)
            continue;
        /* Its workspaces after it: they are gone only once it is. */
        const char *state = "kept";
        if (ctx->opt->keep)
            note_state(ctx, m->kind, m->id, state);
        else
            state = teardown_org(ctx, m->id) ? "removed" : "leaked";
        settle_workspaces(ctx, m->id, state);
    }
}
