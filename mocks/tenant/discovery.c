#include "mocks/tenant/discovery.h"

#include <string.h>

#include "io/json.h"
#include "mocks/tenant/handlers.h"
#include "mocks/tenant/models.h"
#include "mocks/tenant/rest.h"
#include "mocks/tenant/workspace.h"

bool discovery_allowed(const struct workspace *a, const struct workspace *b)
{
    if (!a || !b)
        return false;
    if (a == b)
        return true;
    if (a->parent_id[0] && strcmp(a->parent_id, b->parent_id) == 0)
        return true;
    return ws_is_above(a, b) || ws_is_above(b, a);
}

void discovery_each_peer(const struct workspace *ws, discovery_fn *fn, void *arg)
{
    struct org *org = ws->org;
    for (size_t i = 0; ws->parent_id[0] && i < org->ws_n; i++) {
        const struct workspace *other = org->ws[i];
        if (other != ws && ws_live(other) && strcmp(other->parent_id, ws->parent_id) == 0)
            fn(other, arg);
    }
    for (size_t i = 0; i < org->ws_n; i++)
        if (ws_live(org->ws[i]) && strcmp(org->ws[i]->parent_id, ws->id) == 0)
            fn(org->ws[i], arg);
    const struct workspace *parent = ws_parent(ws);
    if (parent && ws_live(parent))
        fn(parent, arg);
}

static bool contains(const char *text, const char *part)
{
    return text && strcasestr(text, part) != NULL;
}

struct peer_list {
    json_t *rows;
    const char *query; /* NULL = everyone */
};

static void add_peer(const struct workspace *peer, void *arg)
{
    struct peer_list *list = arg;
    if (list->query && !contains(peer->name, list->query) &&
        !contains(peer->role, list->query))
        return;
    json_t *row = json_object();
    json_object_set_new(row, "active_tasks", json_integer(peer->active_tasks));
    json_object_set_new(row, "agent_card",
                        peer->agent_card ? json_deep_copy(peer->agent_card)
                                         : json_null());
    json_object_set_new(row, "id", json_string(peer->id));
    json_object_set_new(row, "name", rest_string(peer->name));
    json_object_set_new(row, "parent_id",
                        peer->parent_id[0] ? json_string(peer->parent_id) : json_null());
    json_object_set_new(row, "role", rest_string(peer->role));
    json_object_set_new(row, "status", json_string(peer->status));
    json_object_set_new(row, "tier", json_integer(peer->tier));
    json_object_set_new(row, "url", rest_string(workspace_url(peer)));
    json_array_append_new(list->rows, row);
}

void registry_peers(struct call *call)
{
    struct workspace *ws = rest_ws(call);
    if (!rest_need_discovery(call, ws))
        return;
    if (!ws || !ws_live(ws)) {
        call_error(call, 404, "workspace not found");
        return;
    }
    struct peer_list list = {.rows = json_array(), .query = rest_query(call, "q")};
    const char *fault = fault_mode(call->org, "peers");
    bool self = fault && strcmp(fault, "self") == 0;
    if (fault)
        rest_fault(call, "peers");
    if (self)
        add_peer(ws, &list);
    /* Otherwise whoever answers instead knows no peers of ours. */
    if (!fault || self)
        discovery_each_peer(ws, add_peer, &list);
    call_json(call, 200, list.rows);
}

static char *discovered_url(const struct workspace *target,
                            const struct workspace *caller)
{
    const char *url = workspace_url(target);
    bool up =
        strcmp(target->status, "online") == 0 || strcmp(target->status, "degraded") == 0;
    bool elsewhere = runtime_is_external(target->runtime);
    if (!url[0])
        return up && !elsewhere ? xasprintf("http://ws-%s:8000", target->id) : NULL;
    if (!elsewhere || (caller && runtime_is_external(caller->runtime)))
        return xstrdup(url);
    /* A caller in a container reaches the machine that it runs on by another name. */
    static const char *const local[] = {"://localhost", "://127.0.0.1"};
    for (size_t i = 0; i < ARRAY_SIZE(local); i++) {
        const char *at = strstr(url, local[i]);
        if (at)
            return xasprintf("%.*s://host.docker.internal%s", (int)(at - url), url,
                             at + strlen(local[i]));
    }
    return xstrdup(url);
}

void registry_discover(struct call *call)
{
    const char *caller_id = call->req ? httpd_header(call->req, "X-Workspace-ID") : NULL;
    if (!caller_id || !caller_id[0]) {
        call_error(call, 400, "X-Workspace-ID header is required");
        return;
    }
    struct workspace *caller = ws_by_id(call->org, caller_id);
    struct workspace *target = rest_ws(call);
    if (!rest_need_discovery(call, caller))
        return;
    bool self = call->params[0] && strcmp(caller_id, call->params[0]) == 0;
    if (!self && !discovery_allowed(caller, target)) {
        call_error(call, 403, "not authorized to discover this workspace");
        return;
    }
    if (!target || !ws_live(target)) {
        call_error(call, 404, "workspace not found");
        return;
    }
    char *url CLEANUP(free_ptr) = discovered_url(target, caller);
    if (!url) {
        call_json(call, 503,
                  json_make("{s:s,s:s}", "error", "workspace not available", "status",
                            target->status));
        return;
    }
    call_json(call, 200,
              json_make("{s:s,s:o,s:o}", "id", target->id, "name",
                        rest_string(target->name), "url", rest_string(url)));
}

void registry_check_access(struct call *call)
{
    json_t *body = rest_need_body(call, "invalid request body");
    if (!body)
        return;
    const char *from = json_str(body, "caller_id", "");
    const char *to = json_str(body, "target_id", "");
    if (!from[0] || !to[0]) {
        call_error(call, 400, "invalid request body");
        return;
    }
    bool allowed = discovery_allowed(ws_by_id(call->org, from), ws_by_id(call->org, to));
    call_json(call, 200, json_make("{s:b}", "allowed", allowed));
}
