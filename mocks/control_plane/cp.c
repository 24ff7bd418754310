/*
 * The control plane's routes.
 * Source: what its callers send and read: molecule-core (1c9f83df) workspace-server,
 * tests/e2e, tests/harness.
 */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/fs.h"
#include "base/ids.h"
#include "base/limits.h"
#include "io/json.h"
#include "mocks/control_plane/cp_stub.h"
#include "mocks/control_plane/instances.h"
#include "mocks/control_plane/required.h"
#include "mocks/server/router.h"
#include "mocks/server/session.h"
#include "mocks/server/state.h"

static void health(struct call *call)
{
    call_json(call, 200, json_make("{s:s}", "status", "ok"));
}

static json_t *org_json(const struct org *org)
{
    char when[32];
    return json_make("{s:s, s:s, s:s, s:s, s:s, s:s, s:s?}", "id", org->id, "slug",
                     org->slug, "name", org->name, "instance_status",
                     org->instance_status, "status", org->status, "created_at",
                     clock_rfc3339(org->created_at, when), "owner_user_id",
                     org->owner_user_id);
}

static void create_org(struct call *call)
{
    json_t *body = call_body(call);
    if (!json_is_object(body)) {
        call_error(call, 400, "invalid request body");
        return;
    }
    static const char *const required[] = {"slug", "name", "owner_user_id"};
    if (required_missing(call, body, required, ARRAY_SIZE(required)))
        return;
    const char *slug = json_str(body, "slug", "");
    if (!org_slug_valid(slug)) {
        call_error(call, 400, "invalid slug");
        return;
    }
    if (org_by_slug(call->plat, slug)) {
        call_error(call, 409, "slug already exists");
        return;
    }
    struct org *org = org_create(call->plat, slug, json_str(body, "name", ""),
                                 json_str(body, "owner_user_id", ""));
    call->org = org;
    call_json(call, 201, org_json(org));
}

/* A query parameter as a number within [0, max]. */
static size_t query_number(const struct call *call, const char *name, size_t fallback,
                           size_t max)
{
    const char *text = httpd_query(call->req, name);
    if (!text || !*text || strspn(text, "0123456789") != strlen(text) || strlen(text) > 6)
        return fallback;
    size_t value = 0;
    for (; *text; text++)
        value = value * 10 + (size_t)(*text - '0');
    return value < max ? value : max;
}

static void list_orgs(struct call *call)
{
    const struct platform *p = call->plat;
    size_t limit = query_number(call, "limit", 100, 1000);
    size_t offset = query_number(call, "offset", 0, 1000000);
    json_t *orgs = json_array();
    size_t seen = 0;
    for (size_t i = 0; i < p->orgs_n; i++) {
        if (p->orgs[i]->gone)
            continue;
        if (seen >= offset && json_array_size(orgs) < limit)
            (void)json_array_append_new(orgs, org_json(p->orgs[i]));
        seen++;
    }
    call_json(call, 200,
              json_make("{s:I, s:I, s:o}", "limit", (json_int_t)limit, "offset",
                        (json_int_t)offset, "orgs", orgs));
}

/* The organisation of the first parameter; answers 404 when there is none. */
static struct org *org_of(struct call *call)
{
    struct org *org = org_by_slug(call->plat, call->params[0]);
    if (!org)
        call_error(call, 404, "org not found");
    else
        call->org = org;
    return org;
}

static void get_org(struct call *call)
{
    const struct org *org = org_of(call);
    if (org)
        call_json(call, 200, org_json(org));
}

static void admin_token(struct call *call)
{
    const struct org *org = org_of(call);
    if (org && strcmp(org->status, "purged") == 0)
        call_error(call, 404, "org not found");
    else if (org)
        call_json(call, 200, json_make("{s:s}", "admin_token", org->admin_token));
}

static void delete_tenant(struct call *call)
{
    struct org *org = org_of(call);
    if (!org)
        return;
    if (strcmp(org->status, "purged") == 0) {
        call_error(call, 404, "org not found");
        return;
    }
    if (strcmp(json_str(call_body(call), "confirm", ""), org->slug) != 0) {
        call_error(call, 400, "confirm must equal the slug");
        return;
    }
    org_delete(org);
    call_json(call, 200, json_make("{s:s, s:s}", "slug", org->slug, "status", "deleted"));
}

static void console(struct call *call)
{
    struct workspace *ws = ws_anywhere(call->plat, call->params[0]);
    if (!ws) {
        call_error(call, 404, "workspace not found");
        return;
    }
    CLEANUP(free_ptr) char *path = xasprintf("%s/%s/console.log", ws->org->dir, ws->id);
    CLEANUP(buf_release) struct buf text = BUF_INIT(LIMIT_CHILD_OUTPUT);
    (void)!fs_read(path, &text, NULL);
    json_t *output = json_stringn(text.data, text.len);
    call_json(call, 200, json_make("{s:o}", "output", output ? output : json_string("")));
}

/* Whether the browser's user may see the tenant. */
static void tenant_member(struct call *call)
{
    char user[SESSION_USER_MAX];
    const char *slug = httpd_query(call->req, "slug");
    struct org *org = slug ? org_by_slug(call->plat, slug) : NULL;
    if (session_of(call->plat, call->req, user) != SESSION_VALID) {
        call->auth = "refused";
        call_error(call, 401, "unauthorized");
        return;
    }
    bool member = org && session_of_org(org, call->req) == SESSION_VALID;
    call_json(call, 200, json_make("{s:b, s:s}", "member", member, "user_id", user));
}

static const struct route rows[] = {
    {"GET", "/health", ROUTE_OPEN, health, "control-plane"},
    {"POST", "/cp/admin/orgs", ROUTE_CP, create_org, "control-plane"},
    {"GET", "/cp/admin/orgs", ROUTE_CP, list_orgs, "control-plane"},
    {"GET", "/cp/admin/orgs/:slug", ROUTE_CP, get_org, "control-plane"},
    {"GET", "/cp/admin/orgs/:slug/admin-token", ROUTE_CP, admin_token, "control-plane"},
    {"DELETE", "/cp/admin/tenants/:slug", ROUTE_CP, delete_tenant, "control-plane"},
    {"GET", "/cp/admin/workspaces/:id/console", ROUTE_CP, console, "control-plane"},
    {"POST", "/cp/workspaces/provision", ROUTE_SELF, instance_provision, "control-plane"},
    {"DELETE", "/cp/workspaces/:id", ROUTE_SELF, instance_delete, "control-plane"},
    {"GET", "/cp/workspaces/:id/status", ROUTE_SELF, instance_status, "control-plane"},
    {"GET", "/cp/tenants/config", ROUTE_SELF, tenant_config, "control-plane"},
    {"GET", "/cp/auth/tenant-member", ROUTE_SELF, tenant_member, "control-plane"},
    {"POST", "/api/v1/admin/tenants/:slug/workspaces/redeploy", ROUTE_CP, NULL,
     "control-plane"},
    {"POST", "/api/v1/admin/orgs", ROUTE_CP, create_org, "control-plane"},
    {"GET", "/api/v1/admin/orgs", ROUTE_CP, list_orgs, "control-plane"},
    {"GET", "/api/v1/orgs/:slug", ROUTE_CP, get_org, "control-plane"},
    {"GET", "/api/v1/admin/orgs/:slug/admin-token", ROUTE_CP, admin_token,
     "control-plane"},
    {"DELETE", "/api/v1/admin/tenants/:slug", ROUTE_CP, delete_tenant, "control-plane"},
};
const struct route_table cp_routes = {"control-plane", rows, ARRAY_SIZE(rows)};

static bool cp_token_ok(struct call *call)
{
    const char *header = httpd_header(call->req, "Authorization");
    bool ok = header && strncmp(header, "Bearer ", 7) == 0 &&
              const_time_equal(header + 7, call->plat->cp_token);
    call->auth = ok ? "admin" : "refused";
    return ok;
}

/* What is not there: under /cp/ it is not built, and says so. */
static void answer_unknown(struct call *call)
{
    const char *path = call->req->path;
    if (strncmp(path, "/cp/", 4) != 0 && strncmp(path, "/api/v1/", 8) != 0) {
        call_text(call, 404, "404 page not found");
        return;
    }
    CLEANUP(free_ptr)
    char *text = xasprintf("handler not implemented for %s %s", call->req->method, path);
    call_json(call, 501,
              json_make("{s:s, s:s}", "error", text, "hint",
                        "waybill-mock routes lists what the control plane answers"));
}

void cp_handle(struct httpd_req *req, struct platform *p)
{
    cp_run(call_begin(req, p, NULL));
}

void cp_run(struct call *call)
{
    if (call->plat->cp_stub) {
        cp_stub_run(call);
        return;
    }
    call->route = route_find(rows, ARRAY_SIZE(rows), call);
    if (call_fault_answer(call))
        return;
    if (!call->route) {
        answer_unknown(call);
        return;
    }
    call->auth = "open";
    if (call->route->auth == ROUTE_CP && !cp_token_ok(call)) {
        call_error(call, 401, "unauthorized");
        return;
    }
    route_run(call);
}
