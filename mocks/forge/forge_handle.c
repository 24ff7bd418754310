/*
 * The forge as a host of its own: its table of routes, who may read, its archives, and
 * the fault plugin-fetch.
 */
#include <string.h>
#include <strings.h>

#include "base/strv.h"
#include "io/json.h"
#include "mocks/forge/forge.h"
#include "mocks/forge/forge_api.h"
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
    return catalog_names(p->manifest, full);
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

/* OWNER, REPO and the ref in front of ".tar.gz"; false = no archive's name. */
static bool archive_ref(const char *file, char **ret)
{
    static const char end[] = ".tar.gz";
    size_t len = file == NULL ? 0 : strlen(file), tail = sizeof end - 1;
    if (len <= tail || strcmp(file + len - tail, end) != 0)
        return false;
    *ret = xstrndup(file, len - tail);
    return true;
}

static void archive(struct call *call)
{
    CLEANUP(free_ptr) char *ref = NULL;
    struct err err = ERR_INIT;
    char commit[41];
    int fd = -1;
    size_t size = 0;
    int found = FORGE_NOT_FOUND;
    if (archive_ref(call->params[2], &ref))
        found = forge_archive(call->plat->forge, call->params[0], call->params[1], ref,
                              &fd, &size, commit, &err);
    if (found != FORGE_OK) {
        forge_error(call, found < 0 ? 500 : 404, found < 0 ? err.text : "not found");
        return;
    }
    CLEANUP(free_ptr) char *etag = xasprintf("\"%s\"", commit);
    const char *have = httpd_header(call->req, "If-None-Match");
    httpd_add_header(call->req, "ETag", etag);
    if (have != NULL && strcmp(have, etag) == 0)
        call_empty(call, 304);
    else
        call_file(call, 200, "application/gzip", fd, size);
}

#define REPO "/api/v1/repos/:owner/:repo"
static const struct route rows[] = {
    {"GET", REPO, ROUTE_SELF, forge_repo_get, "forge"},
    {"GET", REPO "/branches", ROUTE_SELF, forge_branch_list, "forge"},
    {"GET", REPO "/branches/:branch", ROUTE_SELF, forge_branch_get, "forge"},
    {"GET", REPO "/tags", ROUTE_SELF, forge_tag_list, "forge"},
    {"GET", REPO "/commits", ROUTE_SELF, forge_commit_list, "forge"},
    {"GET", REPO "/contents/*path", ROUTE_SELF, forge_contents_get, "forge"},
    {"GET", REPO "/raw/*path", ROUTE_SELF, forge_raw_get, "forge"},
    {"GET", REPO "/archive/*file", ROUTE_SELF, archive, "forge"},
    {"GET", REPO "/labels", ROUTE_SELF, forge_label_list, "forge"},
    {"GET", REPO "/issues", ROUTE_SELF, forge_issue_list, "forge"},
    {"POST", REPO "/issues", ROUTE_SELF, forge_issue_create, "forge"},
};
const struct route_table forge_routes = {"forge", rows, ARRAY_SIZE(rows)};

/* Whether the caller may use the repository of the call, and it is there. */
static bool need_access(struct call *call)
{
    static const struct {
        enum forge_answer may;
        const char *message;
    } refusals[] = {
        {FORGE_UNAUTHORIZED, "token is required"},
        {FORGE_FORBIDDEN,
         "token does not have at least one of required scope(s): [read:repository]"},
    };
    const char *owner = call->params[0], *repo = call->params[1];
    enum forge_answer may = forge_check(call->plat->forge, owner, repo,
                                        httpd_header(call->req, "Authorization"));
    call->auth = may == FORGE_OK ? "admin" : "refused";
    for (size_t i = 0; i < ARRAY_SIZE(refusals); i++) {
        if (refusals[i].may == may) {
            call_decide(call, "%s", refusals[i].message);
            forge_error(call, (int)may, refusals[i].message);
            return false;
        }
    }
    if (!catalog_has(call->plat->repos, owner, repo)) {
        call_decide(call, "not in the catalog");
        forge_error(call, 404, "The target couldn't be found.");
        return false;
    }
    return true;
}

void forge_handle(struct httpd_req *req, struct platform *p)
{
    struct call *call = call_begin(req, p, NULL);
    call->org = asking_org(call);
    call->route = route_find(rows, ARRAY_SIZE(rows), call);
    if (call_fault_answer(call))
        return;
    if (!call->route) {
        forge_error(call, 404, "not found");
        return;
    }
    bool fetch = call->route->fn == archive;
    if (fetch && !is_template(p, call->params[0], call->params[1]) &&
        fault_answers(call, call->params[1]))
        return;
    if (need_access(call))
        route_run(call);
}
