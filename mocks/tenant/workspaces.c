#include "mocks/tenant/workspace.h"

#include <string.h>

#include "base/clock.h"
#include "io/json.h"
#include "mocks/control_plane/boxes.h"
#include "mocks/tenant/handlers.h"
#include "mocks/tenant/models.h"
#include "mocks/tenant/rest.h"

const char *workspace_url(const struct workspace *ws)
{
    return ws->url ? ws->url : "";
}

const char *workspace_model(const struct workspace *ws)
{
    return secret_get(&ws->secrets, "MODEL");
}

/* What both shapes have. */
/* The keys in order, so that rendering has little to sort. */
bool workspace_has_machine(const struct workspace *ws)
{
    return box_running(ws) && strcmp(ws->status, "paused") != 0 &&
           strcmp(ws->status, "hibernated") != 0;
}

static json_t *common_row(const struct workspace *ws)
{
    json_t *row = json_object();
    json_object_set_new(row, "active_tasks", json_integer(ws->active_tasks));
    json_object_set_new(row, "agent_card",
                        ws->agent_card ? json_incref(ws->agent_card) : json_null());
    json_object_set_new(row, "broadcast_enabled", json_boolean(ws->broadcast_enabled));
    json_object_set_new(row, "collapsed", json_boolean(ws->collapsed));
    json_object_set_new(row, "compute",
                        ws->compute ? json_incref(ws->compute) : json_object());
    json_object_set_new(row, "id", json_string(ws->id));
    json_object_set_new(row, "kind", json_string(ws->kind));
    json_object_set_new(row, "last_error_rate", rest_number(ws->last_error_rate));
    json_object_set_new(row, "max_concurrent_tasks",
                        json_integer(ws->max_concurrent_tasks));
    json_object_set_new(row, "name", rest_string(ws->name));
    json_object_set_new(row, "parent_id",
                        ws->parent_id[0] ? json_string(ws->parent_id) : json_null());
    json_object_set_new(row, "role", rest_string(ws->role));
    json_object_set_new(row, "runtime", json_string(ws->runtime));
    json_object_set_new(row, "status", json_string(ws->status));
    json_object_set_new(row, "talk_to_user_enabled",
                        json_boolean(ws->talk_to_user_enabled));
    json_object_set_new(row, "tier", json_integer(ws->tier));
    json_object_set_new(row, "uptime_seconds", json_integer(ws->uptime_seconds));
    json_object_set_new(row, "url", rest_string(workspace_url(ws)));
    json_object_set_new(row, "x", rest_number(ws->x));
    json_object_set_new(row, "y", rest_number(ws->y));
    /* The one runtime whose provisioning may take longer than everyone's. */
    if (strcmp(ws->runtime, "hermes") == 0)
        json_object_set_new(row, "provision_timeout_ms", json_integer(1800000));
    return row;
}

json_t *workspace_row(const struct workspace *ws)
{
    json_t *row = common_row(ws);
    json_object_set_new(row, "current_task", rest_string(ws->current_task));
    json_object_set_new(row, "last_sample_error", rest_string(ws->last_sample_error));
    json_object_set_new(row, "monthly_spend", rest_number(ws->monthly_spend));
    json_object_set_new(row, "workspace_dir", rest_string(ws->workspace_dir));
    json_object_set_new(row, "budget_limit",
                        ws->budget_limit < 0 ? json_null()
                                             : json_integer(ws->budget_limit));
    return row;
}

json_t *workspace_detail(const struct workspace *ws)
{
    json_t *row = common_row(ws);
    int64_t seen = ws->last_outbound_at > ws->last_heartbeat_at ? ws->last_outbound_at
                                                                : ws->last_heartbeat_at;
    bool silent = clock_wall_ms() - seen > pace_ms(ws->org->plat, 300);
    json_object_set_new(row, "last_outbound_at", rest_time(ws->last_outbound_at));
    json_object_set_new(row, "last_heartbeat_at", rest_time(ws->last_heartbeat_at));
    if (switch_is(ws->org, "tools_in_row", "yes"))
        json_object_set_new(row, "loaded_mcp_tools",
                            ws->loaded_mcp_tools ? json_incref(ws->loaded_mcp_tools)
                                                 : json_null());
    json_object_set_new(row, "wedged", json_boolean(ws->active_tasks > 0 && silent));
    return row;
}

void workspace_list(struct call *call)
{
    json_t *rows = json_array();
    for (size_t i = 0; i < call->org->ws_n; i++)
        if (ws_live(call->org->ws[i]))
            json_array_append_new(rows, workspace_row(call->org->ws[i]));
    call_json(call, 200, rows);
}

void workspace_get(struct call *call)
{
    if (!rest_need_uuid(call, "invalid workspace ID"))
        return;
    struct workspace *ws = rest_need_row(call);
    if (!ws)
        return;
    if (ws_removed(ws) && !rest_query_bool(call, "include_removed")) {
        call_json(call, 410,
                  json_make("{s:s,s:s,s:s,s:o}", "error", "workspace removed", "hint",
                            "Regenerate workspace + token from the canvas \xe2\x86\x92 "
                            "Tokens tab",
                            "id", ws->id, "removed_at", rest_time(ws->removed_at)));
        return;
    }
    call_json(call, 200, workspace_detail(ws));
}

/* ---- checks ---- */

static bool text_ok(const char *s, size_t max, const char *forbidden)
{
    return !s || (strlen(s) <= max && strpbrk(s, forbidden) == NULL);
}

bool workspace_texts_ok(const char *name, const char *role, const char *model,
                        const char *runtime)
{
    return text_ok(name, 255, "\r\n{}[]|>*&!") && text_ok(role, 1000, "\r\n{}[]|>*&!") &&
           text_ok(model, 100, "\r\n") && text_ok(runtime, 100, "\r\n");
}

bool workspace_dir_ok(const char *dir)
{
    return !dir || !dir[0] || (dir[0] == '/' && strstr(dir, "..") == NULL);
}

bool workspace_access_ok(const char *access)
{
    static const char *const known[] = {"none", "read_only", "read_write"};
    for (size_t i = 0; access && access[0] && i < ARRAY_SIZE(known); i++)
        if (strcmp(access, known[i]) == 0)
            return true;
    return !access || !access[0];
}

static bool name_is_taken(const struct org *org, const char *name, const char *parent_id)
{
    for (size_t i = 0; i < org->ws_n; i++) {
        const struct workspace *ws = org->ws[i];
        if (ws_live(ws) && strcmp(ws->parent_id, parent_id) == 0 &&
            strcmp(ws->name, name) == 0)
            return true;
    }
    return false;
}

char *workspace_free_name(struct org *org, const char *name, const char *parent_id)
{
    enum { TRIES = 50 };
    if (!name_is_taken(org, name, parent_id))
        return xstrdup(name);
    for (int n = 2; n <= TRIES; n++) {
        char *next = xasprintf("%s (%d)", name, n);
        if (!name_is_taken(org, next, parent_id))
            return next;
        free_ptr(&next);
    }
    return NULL;
}

/* ---- PATCH ---- */

static bool parent_ok(const struct workspace *ws, const char *parent_id)
{
    if (!parent_id || !parent_id[0])
        return true;
    /* The database keeps a platform row at the root, and the API keeps the tree a tree.
     */
    const struct workspace *parent = ws_by_id(ws->org, parent_id);
    return parent && parent != ws && !ws_is_platform(ws) && !ws_is_above(ws, parent);
}

/* The stored model must run on the new runtime. False = answered. */
static bool need_runtime(struct call *call, const struct workspace *ws,
                         const char *runtime)
{
    if (!runtime_is_known(call->org, runtime)) {
        call_json(call, 422,
                  json_make("{s:s,s:s,s:s}", "code", "RUNTIME_UNSUPPORTED", "error",
                            "unsupported workspace runtime", "runtime", runtime));
        return false;
    }
    const char *model = workspace_model(ws);
    if (!model || model_fit(runtime, model, NULL) != MODEL_UNREGISTERED)
        return true;
    char *text CLEANUP(free_ptr) = xasprintf(
        "model \"%s\" is not a registered model for runtime \"%s\"", model, runtime);
    call_error(call, 422, text);
    return false;
}

static void patch_apply(struct workspace *ws, const json_t *body)
{
    const char *s = NULL;
    if ((s = json_str(body, "name", NULL)) != NULL && s[0])
        str_set(&ws->name, s);
    if ((s = json_str(body, "role", NULL)) != NULL)
        str_set(&ws->role, s);
    if ((s = json_str(body, "runtime", NULL)) != NULL && s[0])
        str_set(&ws->runtime, s);
    if ((s = json_str(body, "workspace_dir", NULL)) != NULL)
        str_set(&ws->workspace_dir, s[0] ? s : NULL);
    if (json_object_get(body, "parent_id"))
        ws->parent_id[0] = '\0';
    if ((s = json_str(body, "parent_id", NULL)) != NULL && s[0])
        snprintf(ws->parent_id, sizeof(ws->parent_id), "%s", s);
    ws->tier = (int)json_int(body, "tier", ws->tier);
    ws->collapsed = json_bool(body, "collapsed", ws->collapsed);
    json_t *compute = json_object_get(body, "compute");
    if (json_is_object(compute)) {
        json_decref(ws->compute);
        ws->compute = json_deep_copy(compute);
    }
    /* A position is two numbers or none. */
    json_t *x = json_object_get(body, "x");
    json_t *y = json_object_get(body, "y");
    if (json_is_number(x) && json_is_number(y)) {
        ws->x = json_number_value(x);
        ws->y = json_number_value(y);
    }
    ws->updated_at = clock_wall_ms();
}

void workspace_patch(struct call *call)
{
    static const struct rest_field fields[] = {
        {"name", 's'},      {"role", 's'},    {"tier", 'i'},          {"parent_id", 's'},
        {"collapsed", 'b'}, {"runtime", 's'}, {"workspace_dir", 's'}, {"compute", 'o'},
        {"x", 'n'},         {"y", 'n'}};
    if (!rest_need_uuid(call, "invalid workspace ID"))
        return;
    json_t *body = rest_need_body(call, "invalid request body");
    if (!body)
        return;
    const char *runtime = json_str(body, "runtime", NULL);
    if (!rest_fields_ok(body, fields, ARRAY_SIZE(fields)) ||
        !workspace_texts_ok(json_str(body, "name", NULL), json_str(body, "role", NULL),
                            NULL, runtime) ||
        !workspace_dir_ok(json_str(body, "workspace_dir", NULL))) {
        call_error(call, 400, "invalid request body");
        return;
    }
    struct workspace *ws = rest_need_ws(call);
    if (!ws || (runtime && runtime[0] && !need_runtime(call, ws, runtime)))
        return;
    if (!parent_ok(ws, json_str(body, "parent_id", NULL))) {
        call_error(call, 500, "failed to update workspace");
        return;
    }
    patch_apply(ws, body);
    json_t *answer = json_make("{s:s}", "status", "updated");
    if ((runtime && runtime[0]) || json_object_get(body, "workspace_dir") ||
        json_object_get(body, "compute"))
        json_object_set_new(answer, "needs_restart", json_true());
    call_json(call, 200, answer);
}

void workspace_provider_gone(struct call *call)
{
    call_error(call, 410, "this route is gone");
}

void workspace_patch_template(struct call *call)
{
    const char *name = rest_need_text(call, "template", "template is required");
    struct workspace *ws = name ? rest_need_ws(call) : NULL;
    if (!ws)
        return;
    if (!template_exists(call->org, name)) {
        call_json(call, 422,
                  json_make("{s:s,s:s,s:s}", "code", "TEMPLATE_UNSUPPORTED", "error",
                            "unsupported workspace template", "template", name));
        return;
    }
    str_set(&ws->template, name);
    ws->updated_at = clock_wall_ms();
    call_json(call, 200, json_make("{s:b,s:s}", "needs_restart", 1, "status", "updated"));
}

void workspace_patch_abilities(struct call *call)
{
    json_t *body = rest_need_body(call, "at least one ability field required");
    if (!body)
        return;
    json_t *broadcast = json_object_get(body, "broadcast_enabled");
    json_t *talk = json_object_get(body, "talk_to_user_enabled");
    if (!json_is_boolean(broadcast) && !json_is_boolean(talk)) {
        call_error(call, 400, "at least one ability field required");
        return;
    }
    struct workspace *ws = rest_need_ws(call);
    if (!ws)
        return;
    if (json_is_boolean(broadcast))
        ws->broadcast_enabled = json_is_true(broadcast);
    if (json_is_boolean(talk))
        ws->talk_to_user_enabled = json_is_true(talk);
    call_json(call, 200, json_make("{s:s}", "status", "updated"));
}
