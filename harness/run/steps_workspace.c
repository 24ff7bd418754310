/*
 * Workspaces: made, found, waited for, and their power switches.
 */
#include <stdlib.h>
#include <string.h>

#include "io/json.h"
#include "run/steps.h"

/* ---- what a scenario knows of a workspace ---- */

/* Binds the row's members under the name; token NULL = keep what was known. */
static void bind_row(struct ctx *ctx, const char *as, const char *org_name,
                     const json_t *row, const char *token)
{
    static const char *const members[] = {"id",      "name",      "kind", "status",
                                          "runtime", "parent_id", "url"};
    const json_t *known = vars_get(ctx->vars, as);
    json_t *bound = json_object();
    for (size_t i = 0; i < ARRAY_SIZE(members); i++) {
        json_t *value = json_object_get(row, members[i]);
        if (value)
            json_object_set(bound, members[i], value);
    }
    const char *old = json_str(known, "token", NULL);
    bool same = known && strcmp(json_str(known, "id", ""), json_str(row, "id", "")) == 0;
    if (!token && same)
        token = old;
    if (token)
        json_object_set_new(bound, "token", json_string(token));
    json_object_set_new(bound, "org", json_string(org_name));
    json_object_set_new(bound, "as", json_string(as));
    if (token) {
        CLEANUP(free_ptr) char *name = xasprintf("%s.token", as);
        ctx_secret(ctx, name, token);
    }
    vars_bind(ctx->vars, as, bound);
}

/* GET /workspaces/:id as the organisation's admin. */
static void read_workspace(struct ctx *ctx, const json_t *org, const char *id,
                           struct attempt *at)
{
    struct call c = CALL_INIT;
    CLEANUP(free_ptr) char *path = xasprintf("/workspaces/%s", id);
    call_tenant(&c, org, json_str(org, "admin_token", NULL), "GET", path, NULL);
    ctx_call(ctx, &c, at);
    call_release(&c);
}

/* The rows of GET /workspaces, borrowed from at->answer, or NULL. */
static json_t *read_rows(struct ctx *ctx, const json_t *org, struct attempt *at)
{
    struct call c = CALL_INIT;
    call_tenant(&c, org, json_str(org, "admin_token", NULL), "GET", "/workspaces", NULL);
    ctx_call(ctx, &c, at);
    call_release(&c);
    return json_is_array(at->answer) ? at->answer : NULL;
}

static char *answered(const struct attempt *at)
{
    return xasprintf("HTTP %d: %.400s", at->obs.status, at->body ? at->body : "");
}

/* ---- workspace ---- */

static int set_member(struct ctx *ctx, const struct step *step, const char *member,
                      json_t *body, struct err *err)
{
    CLEANUP(free_ptr) char *text = NULL;
    if (ctx_text(ctx, step, step_arg(step, member), &text, err) < 0)
        return -1;
    if (text)
        json_object_set_new(body, member, json_string(text));
    return 0;
}

static int workspace_body(struct ctx *ctx, const struct step *step, const char *as,
                          json_t *body, struct err *err)
{
    static const char *const members[] = {"name", "template", "runtime", "model", "role"};
    for (size_t i = 0; i < ARRAY_SIZE(members); i++)
        if (set_member(ctx, step, members[i], body, err) < 0)
            return -1;
    if (!json_object_get(body, "name")) {
        CLEANUP(free_ptr) char *name = xasprintf("%s-%s", as, ctx->run_id);
        json_object_set_new(body, "name", json_string(name));
    }
    if (step_arg(step, "parent")) {
        CLEANUP(json_drop) json_t *parent = NULL;
        if (ctx_ref(ctx, step, step_arg(step, "parent"), &parent, err) < 0)
            return -1;
        json_object_set(body, "parent_id", json_object_get(parent, "id"));
    }
    CLEANUP(json_drop) json_t *more = NULL;
    const struct ynode *extra = step_arg(step, "json");
    if (extra && vars_json(ctx->vars, extra, step->file, &more, err) < 0)
        return -1;
    if (more)
        (void)json_object_update(body, more);
    return 0;
}

/* Of a box, or of an agent that lives elsewhere. */
static const char *token_of(const json_t *created)
{
    const json_t *connection = json_object_get(created, "connection");
    return json_str(connection ? connection : created, "auth_token", NULL);
}

static void create_workspace(struct ctx *ctx, const json_t *org, const char *as,
                             json_t *body, struct attempt *at)
{
    struct err ledger = ERR_INIT;
    const char *expected = "HTTP 201 and the new workspace's id";
    CLEANUP(free_ptr)
    char *entry =
        xasprintf("%s/%s", json_str(org, "slug", ""), json_str(body, "name", ""));
    if (note_creating(ctx, "workspace", entry, &ledger) < 0) {
        json_decref(body);
        attempt_broken(at, "%s", ledger.text);
        return;
    }
    struct call c = CALL_INIT;
    call_tenant(&c, org, json_str(org, "admin_token", NULL), "POST", "/workspaces", body);
    c.timeout_ms = ctx_patient(ctx, 120000);
    ctx->learn_as = as;
    ctx_call(ctx, &c, at);
    ctx->learn_as = NULL;
    call_release(&c);
    if (at->obs.broken)
        return;
    const char *id = json_str(at->answer, "id", NULL);
    if (at->obs.status != 201 || !id) {
        CLEANUP(free_ptr) char *actual = answered(at);
        attempt_own(at, "created", VERDICT_FAIL, true, expected, actual);
        return;
    }
    note_created(ctx, "workspace", entry);
    struct attempt row;
    attempt_init(&row);
    read_workspace(ctx, org, id, &row);
    const char *org_name = json_str(org, "as", "");
    bind_row(ctx, as, org_name,
             json_str(row.answer, "id", NULL) ? row.answer : at->answer,
             token_of(at->answer));
    attempt_release(&row);
    attempt_own(at, "created", VERDICT_PASS, true, expected, id);
}

int act_workspace(struct ctx *ctx, const struct step *step, struct attempt *at,
                  struct err *err)
{
    CLEANUP(free_ptr) char *as = NULL;
    CLEANUP(json_drop) json_t *bound = NULL;
    CLEANUP(json_drop) json_t *org = NULL;
    CLEANUP(json_drop) json_t *body = json_object();
    if (ctx_text(ctx, step, step_arg(step, "as"), &as, err) < 0 ||
        ctx_ref(ctx, step, step_arg(step, "in"), &bound, err) < 0 ||
        ctx_org_of(ctx, step, bound, &org, err) < 0 ||
        workspace_body(ctx, step, as, body, err) < 0)
        return -1;
    create_workspace(ctx, org, as, TAKE(body), at);
    return 0;
}

/* ---- find workspace ---- */

/* 1 = the row is the one, 0 = it is not. */
static int matches(struct ctx *ctx, const struct step *step, const json_t *row,
                   struct err *err)
{
    CLEANUP(json_drop) json_t *results = NULL;
    CLEANUP(free_ptr) char *raised = NULL;
    if (step->where < 0)
        return 1;
    int rc =
        exprs_eval(ctx->opt->exprs, step->where, row, ctx->vars, &results, &raised, err);
    if (rc < 0)
        return -1;
    return rc == 0 && json_is_true(json_array_get(results, 0));
}

int act_find_workspace(struct ctx *ctx, const struct step *step, struct attempt *at,
                       struct err *err)
{
    CLEANUP(free_ptr) char *as = NULL;
    CLEANUP(json_drop) json_t *bound = NULL;
    CLEANUP(json_drop) json_t *org = NULL;
    CLEANUP(json_drop) json_t *found = NULL;
    if (ctx_text(ctx, step, step_arg(step, "as"), &as, err) < 0 ||
        ctx_ref(ctx, step, step_arg(step, "in"), &bound, err) < 0 ||
        ctx_org_of(ctx, step, bound, &org, err) < 0)
        return -1;
    const json_t *rows = read_rows(ctx, org, at);
    size_t i = 0, n = json_array_size(rows);
    for (; i < n && !found; i++) {
        json_t *row = json_array_get(rows, i);
        int rc = matches(ctx, step, row, err);
        if (rc < 0)
            return -1;
        if (rc > 0)
            found = json_incref(row);
    }
    if (at->obs.broken)
        return 0;
    const char *where =
        step->where >= 0 ? exprs_text(ctx->opt->exprs, step->where) : "any";
    CLEANUP(free_ptr) char *expected = xasprintf("a workspace where %s", where);
    if (!found) {
        CLEANUP(free_ptr)
        char *actual = rows ? xasprintf("none of %zu workspaces", n) : answered(at);
        attempt_own(at, "found", VERDICT_FAIL, false, expected, actual);
        return 0;
    }
    bind_row(ctx, as, json_str(org, "as", ""), found, NULL);
    attempt_own(at, "found", VERDICT_PASS, true, expected, json_str(found, "id", ""));
    attempt_answer(at, TAKE(found));
    return 0;
}

/* ---- wait online ---- */

/* The platform's own words about a workspace that is not well; caller frees. */
static char *sample_error(struct ctx *ctx, const json_t *org, const char *id)
{
    struct attempt at;
    attempt_init(&at);
    const json_t *rows = read_rows(ctx, org, &at);
    char *text = NULL;
    for (size_t i = 0; i < json_array_size(rows) && !text; i++) {
        const json_t *row = json_array_get(rows, i);
        if (strcmp(json_str(row, "id", ""), id) == 0)
            text = xstrdup(json_str(row, "last_sample_error", ""));
    }
    attempt_release(&at);
    return text ? text : xstrdup("");
}

struct online {
    bool all, final, provisioning_only;
    struct buf told;
    json_t *rows;
};

static void judge(struct ctx *ctx, const struct step *step, const json_t *ws,
                  const json_t *org, const struct attempt *at, struct online *o)
{
    const char *state = json_str(at->answer, "status", "");
    const char *as = json_str(ws, "as", "?");
    const char *id = json_str(ws, "id", "");
    if (o->told.len > 0)
        buf_adds(&o->told, "; ");
    if (at->obs.status == 410)
        state = "removed";
    if (strcmp(state, "online") == 0) {
        buf_addf(&o->told, "%s is online", as);
        return;
    }
    o->all = false;
    bool transient = step->transient.n > 0 && strv_has(&step->transient, state);
    if (!transient && (strcmp(state, "failed") == 0 || strcmp(state, "removed") == 0))
        o->final = true;
    if (strcmp(state, "provisioning") == 0) {
        buf_addf(&o->told, "%s is still provisioning", as);
        return;
    }
    o->provisioning_only = false;
    if (!*state) {
        buf_addf(&o->told, "%s: HTTP %d: %.200s", as, at->obs.status,
                 at->body ? at->body : "");
        return;
    }
    CLEANUP(free_ptr) char *why = sample_error(ctx, org, id);
    buf_addf(&o->told, "%s is %s%s%s", as, state, *why ? ": " : "", why);
}

static int look_at(struct ctx *ctx, const struct step *step, const struct ynode *node,
                   struct online *o, struct attempt *at, struct err *err)
{
    CLEANUP(json_drop) json_t *ws = NULL;
    CLEANUP(json_drop) json_t *org = NULL;
    if (ctx_ref(ctx, step, node, &ws, err) < 0 ||
        ctx_org_of(ctx, step, ws, &org, err) < 0)
        return -1;
    read_workspace(ctx, org, json_str(ws, "id", ""), at);
    if (at->obs.broken)
        return 0;
    judge(ctx, step, ws, org, at, o);
    if (json_str(at->answer, "id", NULL))
        bind_row(ctx, json_str(ws, "as", ""), json_str(ws, "org", ""), at->answer, NULL);
    json_array_append_new(o->rows, at->answer ? json_incref(at->answer) : json_null());
    return 0;
}

int act_wait_online(struct ctx *ctx, const struct step *step, struct attempt *at,
                    struct err *err)
{
    struct online o = {.all = true,
                       .provisioning_only = true,
                       .told = BUF_INIT(4096),
                       .rows = json_array()};
    const struct ynode *arg = step->arg;
    bool list = arg->kind == YNODE_SEQ;
    int rc = 0;
    for (size_t i = 0; rc == 0 && !at->obs.broken && i < (list ? arg->n : 1); i++)
        rc = look_at(ctx, step, list ? arg->items[i] : arg, &o, at, err);
    if (rc == 0 && !at->obs.broken) {
        bool final = o.final || o.all;
        attempt_own(at, "online", o.all ? VERDICT_PASS : VERDICT_FAIL, final,
                    "status online", o.told.data);
        at->own_late = o.provisioning_only ? VERDICT_BROKEN : VERDICT_FAIL;
        if (list)
            attempt_answer(at, json_incref(o.rows));
    }
    buf_release(&o.told);
    json_decref(o.rows);
    return rc;
}

/* ---- power ---- */

static int power(struct ctx *ctx, const struct step *step, const char *method,
                 const char *suffix, const char *confirm, struct attempt *at,
                 struct err *err)
{
    CLEANUP(json_drop) json_t *ws = NULL;
    CLEANUP(json_drop) json_t *org = NULL;
    if (ctx_ref(ctx, step, step->arg, &ws, err) < 0 ||
        ctx_org_of(ctx, step, ws, &org, err) < 0)
        return -1;
    CLEANUP(free_ptr)
    char *path = xasprintf("/workspaces/%s%s", json_str(ws, "id", ""), suffix);
    struct call c = CALL_INIT;
    call_tenant(&c, org, json_str(org, "admin_token", NULL), method, path,
                strcmp(method, "POST") == 0 ? json_object() : NULL);
    if (confirm)
        strv_addf(&c.headers, "%s: %s", confirm, json_str(ws, "name", ""));
    c.timeout_ms = step_timeout(ctx, step, 60000);
    ctx_call(ctx, &c, at);
    call_release(&c);
    return 0;
}

int act_restart(struct ctx *ctx, const struct step *step, struct attempt *at,
                struct err *err)
{
    return power(ctx, step, "POST", "/restart", NULL, at, err);
}

int act_pause(struct ctx *ctx, const struct step *step, struct attempt *at,
              struct err *err)
{
    return power(ctx, step, "POST", "/pause", NULL, at, err);
}

int act_resume(struct ctx *ctx, const struct step *step, struct attempt *at,
               struct err *err)
{
    return power(ctx, step, "POST", "/resume", NULL, at, err);
}

int act_delete(struct ctx *ctx, const struct step *step, struct attempt *at,
               struct err *err)
{
    return power(ctx, step, "DELETE", "?confirm=true", "X-Confirm-Name", at, err);
}
