/*
 * The mock's own door, /_mock/: journal, faults, switches, rows and boxes. No
 * authentication; nothing here is part of the product.
 */
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "base/num.h"
#include "io/json.h"
#include "mocks/control_plane/boxes.h"
#include "mocks/forge/forge_api.h"
#include "mocks/mcp/frames.h"
#include "mocks/server/faults.h"
#include "mocks/server/journal.h"
#include "mocks/server/router.h"
#include "mocks/server/session.h"
#include "mocks/server/switches.h"

/* A query parameter that is given and not empty, else NULL. */
static const char *query(const struct call *call, const char *name)
{
    const char *value = httpd_query(call->req, name);
    return value && *value ? value : NULL;
}

static void info(struct call *call)
{
    const struct platform *p = call->plat;
    json_t *switches = json_object();
    const char *name;
    json_t *value;
    json_object_foreach(p->switches, name, value)
    {
        (void)json_object_set_new(switches, name, json_string(switch_run(p, name)));
    }
    call_json(call, 200,
              json_make("{s:s, s:f, s:o, s:o, s:i}", "contract", p->contract, "pace",
                        p->pace, "switches", switches, "faults", faults_json(), "pid",
                        (int)getpid()));
}

static void get_journal(struct call *call)
{
    struct journal_query q = {.org = NULL};
    for (size_t i = 0; i < JOURNAL_FILTERS; i++)
        *journal_filter_of(&q, i) = query(call, journal_filters[i].name);
    const char *since = query(call, "since"), *limit = query(call, "limit");
    const char *last = query(call, "last");
    if ((since && !num_parse(since, 0, INT64_MAX, &q.since)) ||
        (limit && !num_parse(limit, 1, INT64_MAX, &q.limit)) ||
        (last && !num_parse(last, 1, INT64_MAX, &q.last))) {
        call_error(call, 400, "since, limit and last want numbers");
        return;
    }
    struct err err = ERR_INIT;
    if (journal_query_check(&q, &err) < 0) {
        call_error(call, 400, err.text);
        return;
    }
    json_t *found = journal_find(call->plat->journal, &q);
    const struct org *org = q.org ? org_by_slug(call->plat, q.org) : NULL;
    if (org)
        call_fault_leak(org, found);
    call_struct(call, 200, found);
}

/* What is said of a slug that does not exist yet is kept for when it does. */
static json_t *scope(struct platform *p, const char *slug, const char *what)
{
    bool faults = strcmp(what, "faults") == 0;
    if (!slug)
        return faults ? p->faults : p->switches;
    struct org *org = org_by_slug(p, slug);
    if (org)
        return faults ? org->faults : org->switches;
    json_t *early = json_object_get(p->early, slug);
    if (!early) {
        early = json_make("{s:{}, s:{}}", "switches", "faults");
        (void)json_object_set_new(p->early, slug, early);
    }
    return json_object_get(early, what);
}

static void get_faults(struct call *call)
{
    const struct platform *p = call->plat;
    json_t *orgs = json_object();
    for (size_t i = 0; i < p->orgs_n; i++)
        if (!p->orgs[i]->gone && json_object_size(p->orgs[i]->faults))
            (void)json_object_set(orgs, p->orgs[i]->slug, p->orgs[i]->faults);
    call_json(call, 200, json_make("{s:O, s:o}", "run", p->faults, "orgs", orgs));
}

static void put_fault(struct call *call)
{
    const json_t *body = call_body(call);
    const char *mode = NULL;
    const char *name = json_str(body, "name", "");
    struct err err = ERR_INIT;
    if (fault_check(name, json_str(body, "mode", NULL), &mode, &err) < 0) {
        call_error(call, 400, err.text);
        return;
    }
    json_t *faults = scope(call->plat, json_str(body, "org", NULL), "faults");
    (void)json_object_set_new(faults, name, json_string(mode));
    if (strcmp(name, "answer") == 0)
        (void)json_object_clear(call->plat->answer_seen); /* #N counts from here */
    boxes_write_settings(call->plat);
    call_json(call, 200,
              json_make("{s:s, s:s, s:s}", "status", "on", "name", name, "mode", mode));
}

static void delete_fault(struct call *call)
{
    const char *name = query(call, "name");
    json_t *faults = scope(call->plat, query(call, "org"), "faults");
    if (name && !fault_row_find(name)) {
        call_error(call, 400, "unknown fault");
        return;
    }
    if (name)
        (void)json_object_del(faults, name);
    else
        (void)json_object_clear(faults);
    boxes_write_settings(call->plat);
    call_json(call, 200, json_make("{s:s}", "status", "off"));
}

static void put_switch(struct call *call)
{
    const json_t *body = call_body(call);
    const char *name = json_str(body, "name", ""), *value = json_str(body, "value", "");
    struct err err = ERR_INIT;
    if (switch_check(name, value, &err) < 0) {
        call_error(call, 400, err.text);
        return;
    }
    json_t *switches = scope(call->plat, json_str(body, "org", NULL), "switches");
    (void)!switch_set(switches, name, value, &err); /* it was checked above */
    boxes_write_settings(call->plat);
    call_json(call, 200, json_make("{s:s, s:s}", "name", name, "value", value));
}

/* The organisation of ?org= or of the body; answers 404 when there is none. */
static struct org *named_org(struct call *call, const char *slug)
{
    struct org *org = slug ? org_by_slug(call->plat, slug) : NULL;
    if (!org)
        call_error(call, 404, "no such organisation");
    return org;
}

static void add_rows(json_t *list, const struct workspace *ws,
                     const struct plugin_rows *rows, bool installed)
{
    for (size_t i = 0; i < rows->n; i++) {
        const struct plugin_row *row = &rows->v[i];
        json_t *out = json_make("{s:s, s:s, s:s}", "workspace_id", ws->id, "plugin_name",
                                row->plugin_name, "source_raw", row->source_raw);
        if (installed)
            (void)json_object_update_new(out, json_make("{s:s?, s:s?}", "tracked_ref",
                                                        row->tracked_ref, "installed_sha",
                                                        row->installed_sha));
        (void)json_array_append_new(list, out);
    }
}

static void get_declared(struct call *call)
{
    const char *only = query(call, "workspace");
    const struct org *org = named_org(call, query(call, "org")); /* may end the call */
    if (!org)
        return;
    json_t *declared = json_array(), *installed = json_array();
    for (size_t i = 0; i < org->ws_n; i++) {
        const struct workspace *ws = org->ws[i];
        if (ws->gone || (only && strcmp(only, ws->id) != 0))
            continue;
        add_rows(declared, ws, &ws->declared, false);
        add_rows(installed, ws, &ws->installed, true);
    }
    call_json(call, 200,
              json_make("{s:o, s:o}", "declared", declared, "installed", installed));
}

static void post_declare(struct call *call)
{
    const json_t *body = call_body(call);
    struct org *org = named_org(call, json_str(body, "org", NULL));
    if (!org)
        return;
    struct workspace *ws = ws_by_id(org, json_str(body, "workspace", ""));
    if (!ws || ws_removed(ws)) {
        call_error(call, 404, "no such workspace");
        return;
    }
    char reason[256];
    int refused = plugin_declare(ws, json_str(body, "source", ""), "system", reason);
    call_json(call, 200,
              json_make("{s:b, s:s?}", "declared", refused == 0, "reason",
                        refused ? reason : NULL));
}

static void get_boxes(struct call *call)
{
    const struct platform *p = call->plat;
    const char *slug = query(call, "org"), *only = query(call, "workspace");
    json_t *boxes = json_array();
    for (size_t i = 0; i < p->orgs_n; i++) {
        const struct org *org = p->orgs[i];
        if (org->gone || (slug && strcmp(slug, org->slug) != 0))
            continue;
        for (size_t w = 0; w < org->ws_n; w++) {
            json_t *view = org->ws[w]->gone || (only && strcmp(only, org->ws[w]->id) != 0)
                               ? NULL
                               : box_view(org->ws[w]);
            if (view)
                (void)json_array_append_new(boxes, view);
        }
    }
    call_json(call, 200, json_make("{s:o}", "boxes", boxes));
}

/* Of boxes and servers each has its own: /_box/frames, /_frames. */
static void get_frames(struct call *call)
{
    struct platform *p = call->plat;
    const char *since = query(call, "since");
    int64_t from = 0;
    if (since && !num_parse(since, 0, INT64_MAX, &from)) {
        call_error(call, 400, "'since' is a number");
        return;
    }
    if (!p->frames)
        p->frames = mcp_frames_new();
    call_json(call, 200, mcp_frames_view(p->frames, from));
}

static void post_kill(struct call *call)
{
    const json_t *body = call_body(call);
    struct workspace *ws = ws_anywhere(call->plat, json_str(body, "workspace", ""));
    int64_t signo = json_int(body, "signal", SIGKILL);
    if (!ws || signo < 1 || signo > 64) {
        call_error(call, 404, "no such workspace or signal");
        return;
    }
    bool sent = box_signal(ws, (int)signo);
    call_json(call, 200, json_make("{s:b}", "sent", sent));
}

static void get_tenants(struct call *call)
{
    const struct platform *p = call->plat;
    json_t *tenants = json_array();
    for (size_t i = 0; i < p->orgs_n; i++) {
        struct org *org = p->orgs[i];
        if (org->gone)
            continue;
        const struct workspace *root = ws_platform_root(org);
        (void)json_array_append_new(
            tenants,
            json_make("{s:s, s:s, s:s, s:s, s:s, s:s?}", "slug", org->slug, "id", org->id,
                      "url", org->url, "status", org->status, "instance_status",
                      org->instance_status, "concierge", root ? root->id : NULL));
    }
    call_json(call, 200, json_make("{s:o}", "tenants", tenants));
}

static void get_routes(struct call *call)
{
    call_struct(call, 200, route_list(call->plat));
}

/* A signed-in browser: what it sends as Cookie. */
static void post_session(struct call *call)
{
    CLEANUP(free_ptr)
    char *cookie = session_cookie(call->plat, json_str(call_body(call), "user_id", ""));
    if (cookie)
        call_json(call, 201, json_make("{s:s}", "cookie", cookie));
    else
        call_error(call, 400, "wants 'user_id', without '.', ';' and blanks");
}

static const struct route rows[] = {
    {"GET", "/_mock/info", ROUTE_OPEN, info, "mock"},
    {"GET", "/_mock/journal", ROUTE_OPEN, get_journal, "mock"},
    {"GET", "/_mock/faults", ROUTE_OPEN, get_faults, "mock"},
    {"PUT", "/_mock/faults", ROUTE_OPEN, put_fault, "mock"},
    {"DELETE", "/_mock/faults", ROUTE_OPEN, delete_fault, "mock"},
    {"PUT", "/_mock/switches", ROUTE_OPEN, put_switch, "mock"},
    {"GET", "/_mock/declared", ROUTE_OPEN, get_declared, "mock"},
    {"POST", "/_mock/declare", ROUTE_OPEN, post_declare, "mock"},
    {"GET", "/_mock/boxes", ROUTE_OPEN, get_boxes, "mock"},
    {"GET", "/_mock/frames", ROUTE_OPEN, get_frames, "mock"},
    {"POST", "/_mock/kill", ROUTE_OPEN, post_kill, "mock"},
    {"POST", "/_mock/session", ROUTE_OPEN, post_session, "mock"},
    {"GET", "/_mock/routes", ROUTE_OPEN, get_routes, "mock"},
    {"GET", "/_mock/tenants", ROUTE_OPEN, get_tenants, "mock"},
    {"GET", "/_mock/forge", ROUTE_OPEN, forge_mock_get, "mock"},
    {"PUT", "/_mock/forge", ROUTE_OPEN, forge_mock_put, "mock"},
};
const struct route_table mock_routes = {"mock", rows, ARRAY_SIZE(rows)};

/* A fault of these would lock the door behind itself. */
static bool sets_faults(const struct call *call)
{
    return call->route && (strcmp(call->route->pattern, "/_mock/faults") == 0 ||
                           strcmp(call->route->pattern, "/_mock/switches") == 0);
}

void mock_handle(struct httpd_req *req, struct platform *p)
{
    struct call *call = call_begin(req, p, NULL);
    call->auth = "open";
    call->route = route_find(rows, ARRAY_SIZE(rows), call);
    if (!sets_faults(call) && call_fault_answer(call))
        return;
    if (call->route)
        route_run(call);
    else
        call_error(call, 404, "no such route");
}
