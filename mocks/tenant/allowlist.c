/*
 * Which plugins an organisation allows. The rows are kept under the id of a workspace,
 * the organisation's root, and read at install (mocks/tenant/plugins.c). An empty list
 * allows everything.
 */
#include <string.h>

#include "base/clock.h"
#include "io/json.h"
#include "mocks/tenant/handlers.h"
#include "mocks/tenant/rest.h"

/* NULL = answered. */
static struct workspace *need_root(struct call *call)
{
    struct workspace *ws = rest_ws(call);
    if (!ws || !ws_live(ws)) {
        call_error(call, 404, "org not found");
        return NULL;
    }
    bool by_org_token = call->token && call->token->kind == TOKEN_ORG;
    if (by_org_token && call->token->ws != ws) {
        call_error(call, 403, "org access denied");
        return NULL;
    }
    return ws;
}

void allowlist_get(struct call *call)
{
    const struct workspace *ws = need_root(call);
    if (!ws)
        return;
    const json_t *names =
        json_object_get(rest_object(call->org->rest, "plugin_allowlist"), ws->id);
    const json_t *meta =
        json_object_get(rest_object(call->org->rest, "plugin_allowlist_meta"), ws->id);
    json_t *plugins = json_array();
    for (size_t i = 0; i < json_array_size(names); i++)
        json_array_append_new(
            plugins, json_make("{s:O,s:s,s:s}", "plugin_name", json_array_get(names, i),
                               "enabled_by", json_str(meta, "enabled_by", ""),
                               "enabled_at", json_str(meta, "enabled_at", "")));
    call_json(call, 200,
              json_make("{s:b,s:s,s:o}", "allow_all", json_array_size(plugins) == 0,
                        "org_id", ws->id, "plugins", plugins));
}

static bool name_ok(const json_t *name)
{
    const char *s = json_string_value(name);
    return s && s[0] && strlen(s) <= 128 && !strpbrk(s, "/\\ \t\r\n") &&
           strstr(s, "..") == NULL;
}

void allowlist_put(struct call *call)
{
    json_t *body = call_body(call);
    const char *by = rest_need_text(call, "enabled_by", "enabled_by is required");
    struct workspace *ws = by ? need_root(call) : NULL;
    if (!ws)
        return;
    json_t *names = json_array();
    size_t i = 0;
    json_t *name = NULL;
    json_array_foreach(json_object_get(body, "plugins"), i, name)
    {
        if (!name_ok(name)) {
            json_decref(names);
            call_json(call, 400,
                      json_make("{s:s,s:s,s:O}", "detail",
                                "a plugin is named by one path segment", "error",
                                "invalid plugin name", "plugin_name", name));
            return;
        }
        json_array_append(names, name);
    }
    char now[32];
    json_object_set(rest_object(call->org->rest, "plugin_allowlist"), ws->id, names);
    json_object_set_new(rest_object(call->org->rest, "plugin_allowlist_meta"), ws->id,
                        json_make("{s:s,s:s}", "enabled_by", by, "enabled_at",
                                  clock_rfc3339(clock_wall_ms(), now)));
    call_json(call, 200,
              json_make("{s:b,s:s,s:o}", "allow_all", json_array_size(names) == 0,
                        "org_id", ws->id, "plugins", names));
}
