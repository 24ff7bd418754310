/*
 * What reaches a box through the platform: messages, files, plugins, audit rows.
 */
#include <stdlib.h>
#include <string.h>

#include "base/ids.h"
#include "base/limits.h"
#include "io/json.h"
#include "run/steps.h"

/* Workspace and organisation that a member of the step names. */
static int workspace_of(struct ctx *ctx, const struct step *step, const char *member,
                        json_t **ws, json_t **org, struct err *err)
{
    if (ctx_ref(ctx, step, step_arg(step, member), ws, err) < 0)
        return -1;
    return ctx_org_of(ctx, step, *ws, org, err);
}

/* ---- a2a ---- */

static void send_message(struct ctx *ctx, const struct step *step, const json_t *ws,
                         const json_t *org, const char *token, const char *text,
                         struct attempt *at)
{
    char message_id[37], id[37];
    id_uuid4(message_id);
    id_uuid4(id);
    CLEANUP(free_ptr)
    char *path = xasprintf("/workspaces/%s/a2a", json_str(ws, "id", ""));
    struct call c = CALL_INIT;
    call_tenant(&c, org, token, "POST", path,
                json_make("{s:s, s:s, s:s, s:{s:{s:s, s:s, s:[{s:s, s:s}]}}}", "jsonrpc",
                          "2.0", "id", id, "method", "message/send", "params", "message",
                          "role", "user", "messageId", message_id, "parts", "kind",
                          "text", "text", text));
    c.protocol = "a2a";
    c.timeout_ms = step_timeout(ctx, step, 300000);
    ctx_call(ctx, &c, at);
    call_release(&c);
    if (at->obs.broken)
        return;
    const json_t *error = json_object_get(at->answer, "error");
    if (json_is_object(error)) {
        at->obs.has_rpc_error = true;
        at->obs.rpc_code = (int)json_int(error, "code", 0);
        at->rpc_message = xstrdup(json_str(error, "message", ""));
        at->obs.rpc_message = at->rpc_message;
    }
    at->reply =
        json_texts(json_object_get(json_object_get(at->answer, "result"), "parts"));
    at->obs.reply = at->reply;
    json_t *raw = at->answer ? json_incref(at->answer) : json_null();
    attempt_answer(at, json_make("{s:s, s:o}", "reply", at->reply, "raw", raw));
}

int act_a2a(struct ctx *ctx, const struct step *step, struct attempt *at, struct err *err)
{
    CLEANUP(json_drop) json_t *ws = NULL;
    CLEANUP(json_drop) json_t *org = NULL;
    CLEANUP(free_ptr) char *text = NULL;
    CLEANUP(free_ptr) char *token = NULL;
    if (workspace_of(ctx, step, "to", &ws, &org, err) < 0 ||
        ctx_text(ctx, step, step_arg(step, "text"), &text, err) < 0 ||
        step_token(ctx, step, step_arg(step, "as"), org, &token, err) < 0)
        return -1;
    send_message(ctx, step, ws, org, token, text, at);
    return 0;
}

/* ---- files ---- */

static int file_query(struct ctx *ctx, const struct step *step, struct call *c,
                      struct err *err)
{
    static const char *const members[] = {"root", "path", "depth"};
    CLEANUP(json_drop) json_t *query = json_object();
    for (size_t i = 0; i < ARRAY_SIZE(members); i++) {
        CLEANUP(free_ptr) char *text = NULL;
        if (ctx_text(ctx, step, step_arg(step, members[i]), &text, err) < 0)
            return -1;
        if (text)
            json_object_set_new(query, members[i], json_string(text));
    }
    call_query(c, query);
    return 0;
}

/* Each part of a path escaped, the slashes kept. */
static char *escape_path(const char *path)
{
    struct strv parts = STRV_INIT, escaped = STRV_INIT;
    strv_split(&parts, path, '/');
    for (size_t i = 0; i < parts.n; i++)
        strv_take(&escaped, http_escape(parts.v[i]));
    char *joined = strv_join(&escaped, "/");
    strv_release(&parts);
    strv_release(&escaped);
    return joined;
}

static void see_listing(struct attempt *at)
{
    if (json_is_array(at->answer)) {
        at->obs.absent = json_array_size(at->answer) == 0;
        attempt_answer(at, json_make("{s:O}", "files", at->answer));
    } else {
        attempt_answer(at, json_make("{s:[]}", "files"));
    }
}

static void see_file(const char *path, struct attempt *at)
{
    const char *content = json_str(at->answer, "content", NULL);
    at->obs.absent = at->obs.status == 404;
    if (!content) {
        at->obs.bytes = 0;
        attempt_answer(at,
                       json_make("{s:s, s:n, s:i}", "path", path, "content", "size", 0));
        return;
    }
    json_t *file = json_object_get(at->answer, "content");
    size_t len = json_string_length(file);
    at->obs.bytes = (int64_t)len;
    attempt_body(at, content, len);
}

/* The path of the request, and whether it is a listing. */
static int file_call(struct ctx *ctx, const struct step *step, const json_t *ws,
                     const json_t *org, struct call *c, char **read, struct err *err)
{
    if (ctx_text(ctx, step, step_arg(step, "read"), read, err) < 0)
        return -1;
    const char *id = json_str(ws, "id", "");
    CLEANUP(free_ptr) char *escaped = *read ? escape_path(*read) : NULL;
    CLEANUP(free_ptr)
    char *path = escaped ? xasprintf("/workspaces/%s/files/%s", id, escaped)
                         : xasprintf("/workspaces/%s/files", id);
    call_tenant(c, org, json_str(org, "admin_token", NULL), "GET", path, NULL);
    c->timeout_ms = step_timeout(ctx, step, 30000);
    return file_query(ctx, step, c, err);
}

int act_files(struct ctx *ctx, const struct step *step, struct attempt *at,
              struct err *err)
{
    CLEANUP(json_drop) json_t *ws = NULL;
    CLEANUP(json_drop) json_t *org = NULL;
    CLEANUP(free_ptr) char *read = NULL;
    struct call c = CALL_INIT;
    int rc = workspace_of(ctx, step, "of", &ws, &org, err);
    if (rc == 0)
        rc = file_call(ctx, step, ws, org, &c, &read, err);
    if (rc == 0)
        ctx_call(ctx, &c, at);
    call_release(&c);
    if (rc < 0 || at->obs.broken)
        return rc;
    /* A platform that cannot read is not a file that is missing. */
    if (at->obs.status >= 500 && at->obs.status != 501) {
        CLEANUP(free_ptr) char *answer = xstrdup(at->body ? at->body : "");
        attempt_broken(at, "the box's files cannot be read: HTTP %d: %.300s",
                       at->obs.status, answer);
        return 0;
    }
    if (read)
        see_file(read, at);
    else
        see_listing(at);
    return 0;
}

/* ---- plugin ---- */

static int plugin_declare(struct ctx *ctx, const json_t *ws, const json_t *org,
                          const char *source, struct attempt *at)
{
    struct call c = CALL_INIT;
    call_mock(ctx, &c, "POST", "/_mock/declare",
              json_make("{s:s, s:s, s:s}", "org", json_str(org, "slug", ""), "workspace",
                        json_str(ws, "id", ""), "source", source));
    ctx_call(ctx, &c, at);
    call_release(&c);
    if (!at->obs.broken && status_ok(at->obs.status))
        at->obs.is_error = !json_bool(at->answer, "declared", false);
    return 0;
}

static void plugin_change(struct ctx *ctx, const struct step *step, const json_t *ws,
                          const json_t *org, const char *token, const char *install,
                          const char *uninstall, struct attempt *at)
{
    struct call c = CALL_INIT;
    const char *id = json_str(ws, "id", "");
    CLEANUP(free_ptr) char *name = http_escape(uninstall ? uninstall : "");
    CLEANUP(free_ptr)
    char *path = install ? xasprintf("/workspaces/%s/plugins", id)
                         : xasprintf("/workspaces/%s/plugins/%s", id, name);
    call_tenant(&c, org, token, install ? "POST" : "DELETE", path,
                install ? json_make("{s:s}", "source", install) : NULL);
    c.timeout_ms = step_timeout(ctx, step, 300000);
    ctx_call(ctx, &c, at);
    call_release(&c);
}

int act_plugin(struct ctx *ctx, const struct step *step, struct attempt *at,
               struct err *err)
{
    CLEANUP(json_drop) json_t *ws = NULL;
    CLEANUP(json_drop) json_t *org = NULL;
    CLEANUP(free_ptr) char *install = NULL;
    CLEANUP(free_ptr) char *uninstall = NULL;
    CLEANUP(free_ptr) char *declare = NULL;
    CLEANUP(free_ptr) char *token = NULL;
    if (workspace_of(ctx, step, "on", &ws, &org, err) < 0 ||
        ctx_text(ctx, step, step_arg(step, "install"), &install, err) < 0 ||
        ctx_text(ctx, step, step_arg(step, "uninstall"), &uninstall, err) < 0 ||
        ctx_text(ctx, step, step_arg(step, "declare"), &declare, err) < 0 ||
        step_token(ctx, step, step_arg(step, "as"), org, &token, err) < 0)
        return -1;
    if (!install == !uninstall && !declare)
        return ctx_wrong(step, step->arg, err,
                         "plugin: give one of install, uninstall "
                         "and declare");
    if (declare)
        return plugin_declare(ctx, ws, org, declare, at);
    plugin_change(ctx, step, ws, org, token, install, uninstall, at);
    return 0;
}

/* ---- audit ---- */

static void ask(struct ctx *ctx, const json_t *org, const char *path, struct attempt *at)
{
    struct call c = CALL_INIT;
    call_tenant(&c, org, json_str(org, "admin_token", NULL), "GET", path, NULL);
    ctx_call(ctx, &c, at);
    call_release(&c);
}

/* The audit rows of every workspace of the organisation, one after the other. */
int act_audit(struct ctx *ctx, const struct step *step, struct attempt *at,
              struct err *err)
{
    CLEANUP(json_drop) json_t *bound = NULL;
    CLEANUP(json_drop) json_t *org = NULL;
    CLEANUP(json_drop) json_t *rows = NULL;
    CLEANUP(json_drop) json_t *events = json_array();
    if (ctx_ref(ctx, step, step_arg(step, "in"), &bound, err) < 0 ||
        ctx_org_of(ctx, step, bound, &org, err) < 0)
        return -1;
    ask(ctx, org, "/workspaces", at);
    if (at->obs.broken || !json_is_array(at->answer))
        return 0;
    rows = json_incref(at->answer);
    for (size_t i = 0; i < json_array_size(rows); i++) {
        CLEANUP(free_ptr)
        char *path = xasprintf("/workspaces/%s/audit?limit=500",
                               json_str(json_array_get(rows, i), "id", ""));
        ask(ctx, org, path, at);
        if (at->obs.broken)
            return 0;
        if (at->obs.status == 404 || at->obs.status == 501) {
            at->skip =
                xasprintf("the target keeps no audit rows (HTTP %d)", at->obs.status);
            return 0;
        }
        const json_t *some = json_object_get(at->answer, "events");
        if (json_is_array(some))
            (void)json_array_extend(events, (json_t *)(uintptr_t)some);
    }
    attempt_answer(at, json_make("{s:O}", "events", events));
    return 0;
}
