/*
 * The forge as a host of its own: one route, its token, and the fault plugin-fetch.
 */
#include <string.h>
#include <strings.h>

#include "base/strv.h"
#include "io/json.h"
#include "mocks/forge/forge.h"
#include "mocks/server/router.h"
#include "mocks/server/state.h"
#include "mocks/server/switches.h"

/* The organisation for whose box it is asked: a box names its platform. */
static struct org *asking_org(struct call *call)
{
    static const char scheme[] = "http://";
    const char *id = httpd_header(call->req, "X-Molecule-Org-Id");
    const char *origin = httpd_header(call->req, "Origin");
    if (id != NULL)
        return org_by_id(call->plat, id);
    if (origin == NULL || strncmp(origin, scheme, sizeof scheme - 1) != 0)
        return NULL;
    return org_by_host(call->plat, origin + sizeof scheme - 1);
}

/* Templates have a channel and a fault of their own. */
static bool is_template(const struct platform *p, const char *owner, const char *repo)
{
    CLEANUP(free_ptr) char *full = xasprintf("%s/%s", owner, repo);
    const char *name = NULL;
    json_t *row = NULL;
    json_object_foreach(p->manifest, name, row)
    {
        if (strcmp(json_str(row, "repo", ""), full) == 0)
            return true;
    }
    return false;
}

/* Whether this is the first fetch of the repository for the organisation. */
static bool first_fetch(struct org *org, const char *repo)
{
    json_t *failed = json_object_get(org->rest, "forge_failed_once");
    if (failed == NULL) {
        failed = xcheck(json_object());
        (void)json_object_set_new(org->rest, "forge_failed_once", failed);
    }
    if (json_object_get(failed, repo) != NULL)
        return false;
    (void)json_object_set_new(failed, repo, json_true());
    return true;
}

/* True when the switch plugin_fetch answered. */
static bool fault_answers(struct call *call, const char *repo)
{
    const char *mode = call->org != NULL ? switch_value(call->org, "plugin_fetch")
                                         : switch_run(call->plat, "plugin_fetch");
    int status = 0;
    if (strcmp(mode, "404") == 0)
        status = 404;
    else if (strcmp(mode, "401") == 0)
        status = 401;
    else if (strcmp(mode, "fail-once") == 0 && call->org != NULL &&
             first_fetch(call->org, repo))
        status = 500;
    bool hang = strcmp(mode, "hang") == 0;
    if (status == 0 && !hang)
        return false;
    call->fault = xstrdup("plugin-fetch");
    call_decide(call, "plugin_fetch=%s", mode);
    if (hang)
        call_hang(call);
    else
        call_json(call, status, json_make("{s:s}", "message", "fault"));
    return true;
}

static void refuse(struct call *call, int status, const char *why)
{
    call_decide(call, "%s", why);
    call_json(
        call, status,
        json_make("{s:s}", "message", status == 401 ? "invalid token" : "not found"));
}

static void give_archive(struct call *call, const char *owner, const char *repo,
                         const char *ref)
{
    struct err err = ERR_INIT;
    const struct buf *data = NULL;
    int found = forge_archive(call->plat->forge, owner, repo, ref, &data, &err);
    if (found < 0) {
        call_decide(call, "%s", err.text);
        call_json(call, 500, json_make("{s:s}", "message", err.text));
    } else if (found != FORGE_OK) {
        refuse(call, 404, "not in the catalog");
    } else {
        call_bytes(call, 200, "application/gzip", data->data, data->len);
    }
}

static void archive(struct call *call)
{
    const struct platform *p = call->plat;
    CLEANUP(free_ptr) char *owner = NULL;
    CLEANUP(free_ptr) char *repo = NULL;
    CLEANUP(free_ptr) char *ref = NULL;
    if (!forge_parse_path(call->req->path, &owner, &repo, &ref)) {
        refuse(call, 404, "no such route");
        return;
    }
    if (!is_template(p, owner, repo) && fault_answers(call, repo))
        return;
    enum forge_answer may =
        forge_check(p->forge, httpd_header(call->req, "Authorization"));
    call->auth = may == FORGE_OK ? "admin" : "refused";
    if (may == FORGE_OK)
        give_archive(call, owner, repo, ref);
    else if (may == FORGE_UNAUTHORIZED)
        refuse(call, 401, "not our token");
    else
        refuse(call, 404, "private repository, no token");
}

static const struct route rows[] = {
    {"GET", "/api/v1/repos/:owner/:repo/archive/*file", ROUTE_SELF, archive, "forge"},
};
const struct route_table forge_routes = {"forge", rows, ARRAY_SIZE(rows)};

void forge_handle(struct httpd_req *req, struct platform *p)
{
    struct call *call = call_begin(req, p, NULL);
    call->org = asking_org(call);
    call->route = route_find(rows, ARRAY_SIZE(rows), call);
    if (call_fault_answer(call))
        return;
    if (call->route)
        route_run(call);
    else
        refuse(call, 404, "no such route");
}
