#include <ctype.h>
#include <string.h>

#include "io/json.h"
#include "mocks/tenant/handlers.h"
#include "mocks/tenant/rest.h"
#include "mocks/tenant/workspace.h"

static bool has_status(const struct workspace *ws, const char *status)
{
    return strcmp(ws->status, status) == 0;
}

/* False = answered. */
static bool need_running_parent(struct call *call, const struct workspace *ws)
{
    const struct workspace *parent = ws_parent(ws);
    if (!parent || !has_status(parent, "paused"))
        return true;
    char *text CLEANUP(free_ptr) = xasprintf(
        "parent workspace \"%s\" is paused \xe2\x80\x94 resume it first", parent->name);
    call_error(call, 409, text);
    return false;
}

/* False = the row has a box and may be restarted. */
static bool answer_noop(struct call *call, const struct workspace *ws)
{
    if (!ws_external_like(ws))
        return false;
    char *text CLEANUP(free_ptr) =
        xasprintf("%s workspaces are operator-driven \xe2\x80\x94 restart your local "
                  "agent; platform has nothing to restart",
                  ws->runtime);
    call_json(call, 200,
              json_make("{s:s,s:s,s:s}", "message", text, "runtime", ws->runtime,
                        "status", "noop"));
    return true;
}

static bool has_files(const struct workspace *ws, const char *template)
{
    return template && *template && template_exists(ws->org, template);
}

/* "My Agent" -> "my-agent", as folders of templates are called. Caller frees. */
static char *folder_name(const char *name)
{
    char *folder = xstrdup(name);
    for (char *s = folder; *s; s++)
        if (*s == ' ')
            *s = '-';
        else
            *s = (char)tolower((unsigned char)*s);
    return folder;
}

/* The template that this restart alone takes its files from, NULL = none of its own:
 * the one that was named, the one called as the workspace is, the runtime's. Caller
 * frees. (There are no templates of organisations to rebuild the configuration from.) */
static char *template_once(const struct workspace *ws, const json_t *body)
{
    const char *given = json_str(body, "template", "");
    if (has_files(ws, given))
        return xstrdup(given);
    if (!json_bool(body, "apply_template", false))
        return NULL;
    char *own CLEANUP(free_ptr) = folder_name(ws->name);
    char *usual CLEANUP(free_ptr) = xasprintf("%s-default", ws->runtime);
    if (has_files(ws, own))
        return TAKE(own);
    return has_files(ws, usual) ? TAKE(usual) : NULL;
}

/* False = answered. */
static bool need_provisioner(struct call *call)
{
    if (!fault_mode(call->org, "provisioner"))
        return true;
    rest_fault(call, "provisioner");
    call_error(call, 503, "provisioner not available");
    return false;
}

void power_restart(struct call *call)
{
    static const struct rest_field fields[] = {{"template", 's'},
                                               {"apply_template", 'b'},
                                               {"reset", 'b'},
                                               {"rebuild_config", 'b'}};
    json_t *body = NULL;
    if (call->req && call->req->body_len > 0) {
        body = call_body(call);
        if (!json_is_object(body) || !rest_fields_ok(body, fields, ARRAY_SIZE(fields))) {
            call_error(call, 400, "invalid JSON body");
            return;
        }
    }
    struct workspace *ws = rest_need_ws(call);
    if (!ws || answer_noop(call, ws) || !need_running_parent(call, ws) ||
        !need_provisioner(call))
        return;
    ws->reset_session = json_bool(body, "reset", false);
    char *once CLEANUP(free_ptr) = template_once(ws, body);
    const char *stored = has_files(ws, ws->template) ? ws->template : "existing-volume";
    if (fault_mode(call->org, "restart"))
        rest_fault(call, "restart");
    (void)provision_restart_from(ws, "restart", once);
    call_json(call, 200,
              json_make("{s:s,s:b,s:s}", "config_dir", once ? once : stored,
                        "reset_session", ws->reset_session, "status", "provisioning"));
}

void power_admin_restart(struct call *call)
{
    struct workspace *ws = rest_need_ws(call);
    if (!ws)
        return;
    if (fault_mode(call->org, "restart"))
        rest_fault(call, "restart");
    workspace_restart_auto(ws, "platform-agent");
    call_json(
        call, 202,
        json_make("{s:s,s:s}", "status", "restart_dispatched", "workspace_id", ws->id));
}

static void descendants_in_the_way(struct call *call, const struct workspace *ws,
                                   const char *verb)
{
    char *text CLEANUP(free_ptr) = xasprintf(
        "workspace has descendants \xe2\x80\x94 use ?cascade=true to %s all", verb);
    call_json(
        call, 409,
        json_make("{s:o,s:s}", "descendants", ws_list_descendants(ws), "error", text));
}

static void pause_one(struct workspace *ws)
{
    provision_stop(ws);
    ws_set_status(ws, "paused");
    str_set(&ws->url, "");
    event_add(ws->org, ws, "WORKSPACE_PAUSED", NULL);
}

void power_pause(struct call *call)
{
    struct workspace *ws = rest_ws(call);
    if (!ws || !ws_live(ws) || has_status(ws, "paused")) {
        call_error(call, 404, "workspace not found or already paused");
        return;
    }
    bool cascade = rest_query_bool(call, "cascade");
    if (!cascade && ws_count_descendants(ws) > 0) {
        descendants_in_the_way(call, ws, "pause");
        return;
    }
    int64_t n = 1;
    pause_one(ws);
    for (size_t i = 0; i < call->org->ws_n; i++) {
        struct workspace *below = call->org->ws[i];
        if (!ws_live(below) || has_status(below, "paused") || !ws_is_above(ws, below))
            continue;
        pause_one(below);
        n++;
    }
    call_json(call, 200,
              json_make("{s:I,s:s}", "paused_count", (json_int_t)n, "status", "paused"));
}

static void resume_one(struct workspace *ws)
{
    if (!provision_restart(ws, "resume"))
        ws_set_status(ws, "awaiting_agent");
}

void power_resume(struct call *call)
{
    struct workspace *ws = rest_ws(call);
    if (!ws || !ws_live(ws) || !has_status(ws, "paused")) {
        call_error(call, 404, "workspace not found or not paused");
        return;
    }
    if (!need_running_parent(call, ws) || !need_provisioner(call))
        return;
    bool cascade = rest_query_bool(call, "cascade");
    if (!cascade && ws_count_descendants(ws) > 0) {
        descendants_in_the_way(call, ws, "resume");
        return;
    }
    int64_t n = 1;
    resume_one(ws);
    for (size_t i = 0; i < call->org->ws_n; i++) {
        struct workspace *below = call->org->ws[i];
        if (!ws_live(below) || !has_status(below, "paused") || !ws_is_above(ws, below))
            continue;
        resume_one(below);
        n++;
    }
    call_json(
        call, 200,
        json_make("{s:I,s:s}", "resumed_count", (json_int_t)n, "status", "provisioning"));
}

void power_hibernate(struct call *call)
{
    struct workspace *ws = rest_ws(call);
    if (!ws || !ws_live(ws) ||
        !(has_status(ws, "online") || has_status(ws, "degraded"))) {
        call_error(call, 404,
                   "workspace not found or not in a hibernatable state (must be online "
                   "or degraded)");
        return;
    }
    if (ws->active_tasks > 0 && !rest_query_bool(call, "force")) {
        call_json(call, 409,
                  json_make("{s:I,s:s}", "active_tasks", (json_int_t)ws->active_tasks,
                            "error",
                            "workspace has active tasks; use ?force=true to terminate "
                            "them"));
        return;
    }
    /* The product says that it hibernated a busy workspace, and does not. */
    if (ws->active_tasks == 0) {
        provision_stop(ws);
        ws_set_status(ws, "hibernated");
        str_set(&ws->url, "");
        event_add(ws->org, ws, "WORKSPACE_HIBERNATED", NULL);
    }
    call_json(call, 200, json_make("{s:s}", "status", "hibernated"));
}

void power_state(struct call *call)
{
    const struct workspace *ws = rest_ws(call);
    if (!ws || ws_removed(ws)) {
        json_t *body = json_make("{s:b,s:o}", "deleted", 1, "workspace_id",
                                 rest_string(call->params[0]));
        if (ws)
            json_object_set_new(body, "status", json_string("removed"));
        call_json(call, 404, body);
        return;
    }
    call_json(call, 200,
              json_make("{s:b,s:b,s:s,s:s}", "deleted", 0, "paused",
                        has_status(ws, "paused"), "status", ws->status, "workspace_id",
                        ws->id));
}

void power_bootstrap_failed(struct call *call)
{
    json_t *body = rest_need_body(call, "invalid request body");
    if (!body)
        return;
    struct workspace *ws = rest_need_ws(call);
    if (!ws)
        return;
    json_t *answer = json_make("{s:b}", "ok", 1);
    if (has_status(ws, "provisioning"))
        provision_failed(ws, json_str(body, "error", "bootstrap failed"),
                         json_make("{s:s}", "log_tail", json_str(body, "log_tail", "")));
    else
        json_object_set_new(answer, "no_change", json_true());
    call_json(call, 200, answer);
}
