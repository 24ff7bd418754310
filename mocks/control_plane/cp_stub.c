#include "mocks/control_plane/cp_stub.h"

#include <string.h>

#include "base/strv.h"
#include "io/json.h"
#include "mocks/control_plane/required.h"

static const char redeploys[] = "redeploy_fleet_calls";
static const char provisions[] = "provision_calls";
static const char configs[] = "tenants_config_calls";

static json_int_t counted(const struct call *call, const char *what)
{
    return json_int(call->plat->stub_calls, what, 0);
}

static void count(struct call *call, const char *what)
{
    (void)json_object_set_new(call->plat->stub_calls, what,
                              json_integer(counted(call, what) + 1));
}

static void health(struct call *call)
{
    call_text(call, 200, "ok");
}

static void state(struct call *call)
{
    call_json(call, 200,
              json_make("{s:I, s:I, s:I}", redeploys, counted(call, redeploys),
                        provisions, counted(call, provisions), configs,
                        counted(call, configs)));
}

static void create_org(struct call *call)
{
    static const char *const required[] = {"slug", "name", "owner_user_id"};
    const json_t *body = call_body(call);
    if (!required_missing(call, body, required, ARRAY_SIZE(required)))
        call_json(call, 201,
                  json_make("{s:b, s:s}", "ok", 1, "slug", json_str(body, "slug", "")));
}

static void provision(struct call *call)
{
    count(call, provisions);
    const char *ws = json_str(call_body(call), "workspace_id", "");
    ws = *ws ? ws : "harness-ws";
    CLEANUP(free_ptr) char *id = xasprintf("i-stub-%s", ws);
    CLEANUP(free_ptr) char *url = xasprintf("http://cp-stub:9090/cp/workspaces/%s", ws);
    call_json(call, 201,
              json_make("{s:s, s:s, s:s, s:s}", "instance_id", id, "state", "running",
                        "url", url, "workspace_id", ws));
}

static void config(struct call *call)
{
    count(call, configs);
    call_json(call, 200,
              json_make("{s:s, s:[], s:{}, s:{}}", "tenant_id", "harness-tenant",
                        "runtimes", "llm_endpoints", "feature_flags"));
}

static void unknown(struct call *call)
{
    CLEANUP(free_ptr)
    char *text = xasprintf("cp-stub: handler not implemented for %s %s",
                           call->req->method, call->req->path);
    call_json(call, 501,
              json_make("{s:s, s:s}", "error", text, "hint",
                        "the stub has no more routes; a platform started without "
                        "--cp-stub has a control plane"));
}

/* Counted, but nobody says what it answers. */
static void redeploy_fleet(struct call *call)
{
    count(call, redeploys);
    unknown(call);
}

static const struct route rows[] = {
    {"GET", "/healthz", ROUTE_OPEN, health, "cp-stub"},
    {"GET", "/__stub/state", ROUTE_OPEN, state, "cp-stub"},
    {"POST", "/cp/admin/orgs", ROUTE_OPEN, create_org, "cp-stub"},
    {"POST", "/cp/workspaces/provision", ROUTE_OPEN, provision, "cp-stub"},
    {"GET", "/cp/tenants/config", ROUTE_OPEN, config, "cp-stub"},
    {"POST", "/cp/admin/tenants/redeploy-fleet", ROUTE_OPEN, redeploy_fleet, "cp-stub"},
};
const struct route_table cp_stub_routes = {"cp-stub", rows, ARRAY_SIZE(rows)};

/* The method that its path wants; NULL = there is no such path. */
static const char *method_of(const char *path)
{
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
        if (route_pattern_fits(rows[i].pattern, path))
            return rows[i].method;
    return NULL;
}

void cp_stub_run(struct call *call)
{
    call->route = route_find(rows, ARRAY_SIZE(rows), call);
    call->auth = "open";
    if (call_fault_answer(call))
        return;
    if (call->route) {
        route_run(call);
        return;
    }
    const char *method = method_of(call->req->path);
    if (method) {
        CLEANUP(free_ptr)
        char *text = xasprintf("method not allowed; expected %s", method);
        call_error(call, 405, text);
    } else if (strncmp(call->req->path, "/cp/", 4) == 0) {
        unknown(call);
    } else {
        call_text(call, 404, "404 page not found");
    }
}
