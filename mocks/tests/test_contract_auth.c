/* What stands before every handler, swept over all routes of the tables: each refusal is
 * the answer that mocks/contracts/routes.json has for it. */
#include "mocks/tests/rest_fixture.h"

#include "mocks/server/router.h"
#include "scenario/answers.h"

static json_t *answers;
static char ws_id[37], ws_token[44], other_token[44];

static int up(void **state)
{
    (void)state;
    static const char *const args[] = {"--pace", "1", NULL};
    struct err err = ERR_INIT;
    if (answers_read("mocks/contracts/routes.json", &answers, &err) < 0) {
        print_error("%s\n", err.text);
        return -1;
    }
    if (platform_up(args) < 0)
        return -1;
    external_workspace("swept", NULL, ws_id, ws_token);
    external_workspace("another", NULL, (char[37]){0}, other_token);
    return 0;
}

static int down(void **state)
{
    json_decref(TAKE(answers));
    return platform_down(state);
}

/* The last answer is that one of the contract. */
static void shows(const char *id, const struct route *route, const char *with)
{
    struct buf why CLEANUP(buf_release) = BUF_INIT(KIB(64));
    const struct observation obs = {.has_status = true,
                                    .status = fx.resp.status,
                                    .headers = &fx.resp.headers,
                                    .body = fx.resp.body.data,
                                    .body_len = fx.resp.body.len};
    const json_t *answer = json_object_get(answers, id);
    if (!answer)
        fail_msg("the contract has no answer '%s'", id);
    if (!answer_fits(answer, &obs, &why))
        fail_msg("%s %s with %s is not %s: %s", route->method, route->pattern, with, id,
                 why.data);
}

/* A path of the route: the swept workspace for :id, words for the rest. */
static char *path_of(const struct route *route)
{
    struct buf path = BUF_INIT(KIB(4));
    bool first = true;
    for (const char *s = route->pattern; *s;) {
        if (*s == ':' || *s == '*') {
            buf_adds(&path, first && *s == ':' ? ws_id : "x");
            first = false;
            s += strcspn(s, "/");
        } else {
            buf_addc(&path, *s++);
        }
    }
    return buf_steal(&path);
}

typedef void visit_fn(const struct route *route, const char *path);

/* Every row of a table that has the rule; rule -1 = all. Fails when there is none. */
static void each(const struct route_table *table, int rule, visit_fn *visit)
{
    size_t n = 0;
    for (size_t i = 0; i < table->n; i++) {
        const struct route *route = &table->rows[i];
        if (rule >= 0 && (int)route->auth != rule)
            continue;
        char *path CLEANUP(free_ptr) = path_of(route);
        visit(route, path);
        n++;
    }
    assert_true(n > 0);
}

struct attempt {
    const char *bearer, *id;
};

static void sweep(const struct route *route, const char *path, const struct attempt *a,
                  size_t n)
{
    for (size_t i = 0; i < n; i++) {
        (void)ask_as(a[i].bearer, route->method, path, NULL);
        shows(a[i].id, route, a[i].bearer ? "a bearer that is not enough" : "no bearer");
    }
}

static void refuse_admin(const struct route *route, const char *path)
{
    const struct attempt a[] = {{NULL, "auth-admin-missing"},
                                {"wrong", "auth-admin-invalid"},
                                {ws_token, "auth-admin-invalid"}};
    sweep(route, path, a, ARRAY_SIZE(a));
    with_header("Authorization: bearer lower-case-is-none");
    (void)ask_as(NULL, route->method, path, NULL);
    shows("auth-admin-missing", route, "another scheme");
}

static void refuse_workspace(const struct route *route, const char *path)
{
    const struct attempt a[] = {{NULL, "auth-workspace-missing"},
                                {"wrong", "auth-workspace-invalid"},
                                {other_token, "auth-workspace-invalid"}};
    sweep(route, path, a, ARRAY_SIZE(a));
}

static void refuse_own(const struct route *route, const char *path)
{
    const struct attempt a[] = {{NULL, "auth-workspace-missing"},
                                {"wrong", "auth-workspace-invalid"},
                                {other_token, "auth-workspace-invalid"},
                                {fx.admin, "auth-own-admin"}};
    sweep(route, path, a, ARRAY_SIZE(a));
}

static void admin_routes_refuse_whoever_is_no_admin(void **state)
{
    (void)state;
    each(&tenant_routes, ROUTE_ADMIN, refuse_admin);
}

static void workspace_routes_refuse_other_workspaces(void **state)
{
    (void)state;
    each(&tenant_routes, ROUTE_WORKSPACE, refuse_workspace);
}

static void own_routes_refuse_even_the_admin(void **state)
{
    (void)state;
    each(&tenant_routes, ROUTE_OWN, refuse_own);
}

static void refuse_cp(const struct route *route, const char *path)
{
    const char *bearers[] = {NULL, "wrong", fx.admin, ws_token};
    for (size_t i = 0; i < ARRAY_SIZE(bearers); i++) {
        (void)ask_at(json_str(fx.info, "cp_url", ""), bearers[i], route->method, path,
                     NULL);
        shows("auth-cp", route, bearers[i] ? "a wrong bearer" : "no bearer");
    }
}

static void control_plane_routes_refuse_tenants_tokens(void **state)
{
    (void)state;
    each(&cp_routes, ROUTE_CP, refuse_cp);
}

static void asks_for_existence_last(const struct route *route, const char *path)
{
    (void)path;
    if (strncmp(route->pattern, "/workspaces/:id/", 16) != 0)
        return;
    struct route unknown = *route;
    char *as_unknown CLEANUP(free_ptr) =
        xasprintf("/workspaces/00000000-0000-4000-8000-000000000000%s",
                  route->pattern + strlen("/workspaces/:id"));
    unknown.pattern = as_unknown;
    char *elsewhere CLEANUP(free_ptr) = path_of(&unknown);
    (void)ask_as(ws_token, route->method, elsewhere, NULL);
    shows("auth-workspace-invalid", route, "a workspace that is not there");
}

static void workspace_routes_do_not_tell_what_exists(void **state)
{
    (void)state;
    each(&tenant_routes, ROUTE_WORKSPACE, asks_for_existence_last);
}

/* ---- the organisation guard ---- */

static bool is_exempt(const char *path)
{
    static const char *const exempt[] = {"/health", "/buildinfo", "/metrics",
                                         "/registry/register", "/registry/heartbeat"};
    for (size_t i = 0; i < ARRAY_SIZE(exempt); i++)
        if (strcmp(path, exempt[i]) == 0)
            return true;
    return strncmp(path, "/cp/", 4) == 0;
}

static void guard(const struct route *route, const char *path)
{
    if (is_exempt(path)) {
        fx.no_org = true;
        (void)ask_as(NULL, route->method, path, NULL);
        if (fx.resp.status == 404 || strstr(text(), "TENANT_ORG_HEADER_REQUIRED"))
            fail_msg("%s %s is guarded", route->method, route->pattern);
        return;
    }
    fx.no_org = true;
    (void)ask_as(fx.admin, route->method, path, NULL);
    shows("guard-no-header", route, "no organisation");
    fx.no_org = true;
    with_header("X-Molecule-Org-Id: 00000000-0000-4000-8000-000000000000");
    (void)ask_as(fx.admin, route->method, path, NULL);
    shows("guard-other-org", route, "another organisation");
    fx.no_org = true;
    with_header("X-Molecule-Org-Slug: acme");
    (void)ask_as(fx.admin, route->method, path, NULL);
    shows("guard-other-org", route, "a slug alone");
}

static void every_route_but_a_few_wants_its_organisation(void **state)
{
    (void)state;
    each(&tenant_routes, -1, guard);
}

static void the_guard_lets_replays_and_its_own_pages_pass(void **state)
{
    (void)state;
    char *replay CLEANUP(free_ptr) =
        xasprintf("Fly-Replay-Src: instance=1;state=%s;t=2", fx.org_id);
    char *referer CLEANUP(free_ptr) =
        xasprintf("Referer: https://%s/page", strstr(fx.url, "://") + 3);
    const char *const headers[] = {replay, referer};
    for (size_t i = 0; i < ARRAY_SIZE(headers); i++) {
        fx.no_org = true;
        with_header(headers[i]);
        assert_int_equal(ask("GET", "/workspaces", NULL), 200);
    }
}

/* ---- no route, no handler ---- */

static bool is_known(const char *method, const char *path)
{
    for (size_t i = 0; i < tenant_routes.n; i++)
        if (strcmp(tenant_routes.rows[i].method, method) == 0 &&
            route_pattern_fits(tenant_routes.rows[i].pattern, path))
            return true;
    return false;
}

static void ask_wrongly(const struct route *route, const char *path)
{
    static const char *const methods[] = {"GET", "POST", "PUT", "PATCH", "DELETE"};
    for (size_t i = 0; i < ARRAY_SIZE(methods); i++) {
        if (is_known(methods[i], path))
            continue;
        (void)ask(methods[i], path, NULL);
        shows("guard-no-route", route, methods[i]);
    }
}

static void a_wrong_method_is_no_route(void **state)
{
    (void)state;
    each(&tenant_routes, -1, ask_wrongly);
}

static void no_route_without_a_bearer_either(void **state)
{
    (void)state;
    static const struct route none = {"GET", "/no/such/route", ROUTE_OPEN, NULL, NULL};
    (void)ask_as(NULL, "GET", none.pattern, NULL);
    shows("guard-no-route", &none, "no bearer");
}

static void ask_unspecified(const struct route *route, const char *path)
{
    if (route->fn)
        return;
    (void)ask_as(route->auth == ROUTE_OWN ? ws_token : fx.admin, route->method, path,
                 NULL);
    shows("guard-unspecified", route, "the right bearer");
}

static void answers_501_where_nothing_is_specified(void **state)
{
    (void)state;
    each(&tenant_routes, -1, ask_unspecified);
}

static void answers_a_preflight_to_the_letter(void **state)
{
    (void)state;
    static const struct route route = {"OPTIONS", "/workspaces", ROUTE_OPEN, NULL, NULL};
    with_header("Origin: http://localhost:3000");
    (void)ask_as(NULL, "OPTIONS", "/workspaces", NULL);
    shows("guard-preflight", &route, "a known origin");
}

static void admits_that_the_store_is_down(void **state)
{
    (void)state;
    static const struct route route = {"GET", "/workspaces", ROUTE_ADMIN, NULL, NULL};
    fault("PUT", "store", "down");
    (void)ask_as(fx.admin, "GET", "/workspaces", NULL);
    shows("auth-store-down", &route, "the right bearer");
    (void)ask_as(NULL, "GET", "/workspaces", NULL);
    shows("auth-admin-missing", &route, "no bearer");
    fault("DELETE", "store", "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(admin_routes_refuse_whoever_is_no_admin),
        cmocka_unit_test(workspace_routes_refuse_other_workspaces),
        cmocka_unit_test(own_routes_refuse_even_the_admin),
        cmocka_unit_test(control_plane_routes_refuse_tenants_tokens),
        cmocka_unit_test(workspace_routes_do_not_tell_what_exists),
        cmocka_unit_test(every_route_but_a_few_wants_its_organisation),
        cmocka_unit_test(the_guard_lets_replays_and_its_own_pages_pass),
        cmocka_unit_test(a_wrong_method_is_no_route),
        cmocka_unit_test(no_route_without_a_bearer_either),
        cmocka_unit_test(answers_501_where_nothing_is_specified),
        cmocka_unit_test(answers_a_preflight_to_the_letter),
        cmocka_unit_test(admits_that_the_store_is_down),
    };
    return cmocka_run_group_tests_name("every route of the tables", tests, up, down);
}
