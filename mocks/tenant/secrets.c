#include <string.h>

#include "base/ids.h"
#include "io/json.h"
#include "mocks/tenant/approvals.h"
#include "mocks/tenant/handlers.h"
#include "mocks/tenant/models.h"
#include "mocks/tenant/rest.h"
#include "mocks/tenant/workspace.h"

static json_t *secret_row(const struct secret *s, const char *scope)
{
    return json_make("{s:o,s:b,s:o,s:s,s:o}", "created_at", rest_time(s->created_at),
                     "has_value", 1, "key", rest_string(s->key), "scope", scope,
                     "updated_at", rest_time(s->updated_at));
}

/* The id of these routes is compared as text, so it must be a UUID as it is stored. */
static struct workspace *need_workspace(struct call *call)
{
    const char *id = call->params[0];
    if (!id || !id_is_uuid(id) || strpbrk(id, "ABCDEF") != NULL) {
        call_error(call, 400, "invalid workspace ID");
        return NULL;
    }
    return rest_need_ws(call);
}

void secret_list(struct call *call)
{
    struct workspace *ws = need_workspace(call);
    if (!ws)
        return;
    json_t *rows = json_array();
    for (size_t i = 0; i < ws->secrets.n; i++)
        json_array_append_new(rows, secret_row(&ws->secrets.v[i], "workspace"));
    for (size_t i = 0; i < call->org->secrets.n; i++) {
        const struct secret *s = &call->org->secrets.v[i];
        if (!secret_get(&ws->secrets, s->key))
            json_array_append_new(rows, secret_row(s, "global"));
    }
    call_json(call, 200, rows);
}

/* False = answered. */
static bool need_pair(struct call *call, const char **ret_key, const char **ret_value)
{
    json_t *body = rest_need_body(call, "invalid request body");
    if (!body)
        return false;
    *ret_key = json_str(body, "key", "");
    *ret_value = json_str(body, "value", NULL);
    if ((*ret_key)[0] && *ret_value)
        return true;
    call_error(call, 400, "invalid request body");
    return false;
}

json_t *workspace_vendor_key_refusal(const char *key, const char *workspace_id)
{
    return json_make(
        "{s:s,s:s,s:s}", "error",
        "direct vendor key writes are blocked for platform-managed workspaces; use "
        "MODEL/LLM_PROVIDER or the platform LLM proxy env instead, or set this "
        "workspace's billing mode to 'byok' via /admin/workspaces/:id/llm-billing-mode",
        "key", key, "workspace_id", workspace_id);
}

static void restart_for_secret(struct workspace *ws)
{
    if (!ws_is_platform(ws))
        workspace_restart_auto(ws, "setting");
}

/* ws NULL = the organisation's. The name, never the value. */
static void record(struct call *call, const struct workspace *ws, const char *event_type,
                   const char *key)
{
    audit_line(call->org, ws, event_type, rest_actor(call),
               json_make("{s:s,s:s}", "key", key, "scope", ws ? "workspace" : "global"));
}

/* A change of a workspace's secret was made. */
static void answer_changed(struct call *call, struct workspace *ws, const char *key,
                           const char *event_type, const char *status)
{
    record(call, ws, event_type, key);
    json_t *answer = json_make("{s:s,s:s}", "key", key, "status", status);
    restart_for_secret(ws);
    call_json(call, 200, answer);
}

void secret_put(struct call *call)
{
    const char *key = NULL;
    const char *value = NULL;
    struct workspace *ws = need_workspace(call);
    if (!ws || !need_pair(call, &key, &value))
        return;
    if (secret_is_vendor_key(key) &&
        strcmp(workspace_billing_mode(ws), "platform_managed") == 0) {
        record(call, ws, "secret.set.refused", key);
        call_json(call, 400, workspace_vendor_key_refusal(key, ws->id));
        return;
    }
    if (!approval_need_secret_write(call, ws, key))
        return;
    secret_set(&ws->secrets, key, value);
    answer_changed(call, ws, key, "secret.set", "saved");
}

void secret_remove(struct call *call)
{
    struct workspace *ws = need_workspace(call);
    if (!ws)
        return;
    const char *key = call->params[1];
    if (!secret_delete(&ws->secrets, key)) {
        call_error(call, 404, "secret not found");
        return;
    }
    answer_changed(call, ws, key, "secret.delete", "deleted");
}

void secret_values(struct call *call)
{
    struct workspace *ws = need_workspace(call);
    if (!ws)
        return;
    json_t *values = json_object();
    for (size_t i = 0; i < call->org->secrets.n; i++)
        json_object_set_new(values, call->org->secrets.v[i].key,
                            rest_string(call->org->secrets.v[i].value));
    for (size_t i = 0; i < ws->secrets.n; i++)
        json_object_set_new(values, ws->secrets.v[i].key,
                            rest_string(ws->secrets.v[i].value));
    call_json(call, 200, values);
}

void global_secret_list(struct call *call)
{
    json_t *rows = json_array();
    for (size_t i = 0; i < call->org->secrets.n; i++)
        json_array_append_new(rows, secret_row(&call->org->secrets.v[i], "global"));
    call_json(call, 200, rows);
}

void global_secret_put(struct call *call)
{
    const char *key = NULL;
    const char *value = NULL;
    if (!need_pair(call, &key, &value) ||
        !approval_need_secret_write(call, ws_platform_root(call->org), key))
        return;
    secret_set(&call->org->secrets, key, value);
    record(call, NULL, "secret.set", key);
    call_json(
        call, 200,
        json_make("{s:s,s:s,s:s}", "key", key, "scope", "global", "status", "saved"));
}

void global_secret_remove(struct call *call)
{
    const char *key = call->params[0];
    if (!secret_delete(&call->org->secrets, key)) {
        call_error(call, 404, "secret not found");
        return;
    }
    record(call, NULL, "secret.delete", key);
    call_json(
        call, 200,
        json_make("{s:s,s:s,s:s}", "key", key, "scope", "global", "status", "deleted"));
}
