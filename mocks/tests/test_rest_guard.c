/* The organisation guard and authentication of a tenant, word for word. */
#include "mocks/tests/rest_fixture.h"

static int up(void **state)
{
    (void)state;
    static const char *const args[] = {"--pace", "1", NULL};
    return platform_up(args);
}

static int lift_faults(void **state)
{
    (void)state;
    strv_release(&fx.headers);
    fx.no_org = false;
    fault("DELETE", "auth", "");
    fault("DELETE", "org-guard", "");
    return 0;
}

static void asks_for_a_routing_header(void **state)
{
    (void)state;
    fx.no_org = true;
    assert_int_equal(ask("GET", "/workspaces", NULL), 400);
    assert_string_equal(
        text(), "{\"code\":\"TENANT_ORG_HEADER_REQUIRED\",\"detail\":\"SaaS tenant API "
                "requests must include X-Molecule-Org-Id matching the organization "
                "UUID.\",\"error\":\"missing tenant routing header\","
                "\"required_header\":\"X-Molecule-Org-Id\"}");
}

static void says_nothing_to_another_organisation(void **state)
{
    (void)state;
    fx.no_org = true;
    with_header("X-Molecule-Org-Id: 00000000-0000-4000-8000-000000000000");
    assert_int_equal(ask("GET", "/workspaces", NULL), 404);
    assert_string_equal(text(), "");
    assert_null(http_response_header(&fx.resp, "X-Frame-Options"));
}

static void guards_the_open_identity_too(void **state)
{
    (void)state;
    fx.no_org = true;
    assert_int_equal(ask_as(NULL, "GET", "/org/identity", NULL), 400);
    assert_int_equal(ask_as(NULL, "GET", "/org/identity", NULL), 200);
    assert_string_equal(member("org_id"), fx.org_id);
    assert_string_equal(member("slug"), "acme");
}

static void lets_a_page_of_its_own_host_in(void **state)
{
    (void)state;
    char *origin CLEANUP(free_ptr) = xasprintf("Origin: %s", fx.url);
    fx.no_org = true;
    with_header(origin);
    assert_int_equal(ask("GET", "/workspaces", NULL), 200);
    fx.no_org = true;
    with_header("Origin: http://evil.example.com");
    assert_int_equal(ask("GET", "/workspaces", NULL), 400);
}

static void leaves_health_without_a_guard(void **state)
{
    (void)state;
    fx.no_org = true;
    assert_int_equal(ask_as(NULL, "GET", "/health", NULL), 200);
    assert_string_equal(text(), "{\"status\":\"ok\"}");
    fx.no_org = true;
    assert_int_equal(ask_as(NULL, "GET", "/buildinfo", NULL), 200);
    assert_string_equal(text(), "{\"git_sha\":\"dev\"}");
}

static void lets_others_in_when_the_guard_is_off(void **state)
{
    (void)state;
    fault("PUT", "org-guard", "off");
    fx.no_org = true;
    assert_int_equal(ask("GET", "/workspaces", NULL), 200);
}

static void sends_the_security_headers(void **state)
{
    (void)state;
    assert_int_equal(ask("GET", "/workspaces", NULL), 200);
    assert_string_equal(http_response_header(&fx.resp, "X-Content-Type-Options"),
                        "nosniff");
    assert_string_equal(http_response_header(&fx.resp, "X-Frame-Options"), "DENY");
    assert_string_equal(http_response_header(&fx.resp, "Content-Security-Policy"),
                        "default-src 'self'");
    assert_null(http_response_header(&fx.resp, "X-RateLimit-Limit"));
}

static void answers_a_preflight(void **state)
{
    (void)state;
    with_header("Origin: http://localhost:3000");
    assert_int_equal(ask_as(NULL, "OPTIONS", "/workspaces", NULL), 204);
    assert_string_equal(http_response_header(&fx.resp, "Access-Control-Allow-Origin"),
                        "http://localhost:3000");
}

static void does_not_know_a_route(void **state)
{
    (void)state;
    assert_int_equal(ask("GET", "/nowhere", NULL), 404);
    assert_string_equal(text(), "404 page not found");
    assert_int_equal(ask("PUT", "/workspaces", "{}"), 404);
    assert_string_equal(text(), "404 page not found");
    assert_int_equal(ask("GET", "/uploads/limits", NULL), 501);
}

static void names_what_is_wrong_with_an_admin(void **state)
{
    (void)state;
    assert_int_equal(ask_as(NULL, "GET", "/workspaces", NULL), 401);
    assert_string_equal(text(), "{\"error\":\"admin auth required\"}");
    assert_int_equal(ask_as("wrong", "GET", "/workspaces", NULL), 401);
    assert_string_equal(text(), "{\"error\":\"invalid admin auth token\"}");
    with_header("Authorization: bearer lower-case");
    assert_int_equal(ask_as(NULL, "GET", "/workspaces", NULL), 401);
    assert_string_equal(text(), "{\"error\":\"admin auth required\"}");
}

static void names_what_is_wrong_with_a_workspace(void **state)
{
    (void)state;
    char a[37], b[37], a_token[44], b_token[44];
    external_workspace("guard-a", NULL, a, a_token);
    external_workspace("guard-b", NULL, b, b_token);
    char *path CLEANUP(free_ptr) = xasprintf("/workspaces/%s/secrets", a);
    assert_int_equal(ask_as(NULL, "GET", path, NULL), 401);
    assert_string_equal(text(), "{\"error\":\"missing workspace auth token\"}");
    assert_int_equal(ask_as(b_token, "GET", path, NULL), 401);
    assert_string_equal(text(), "{\"error\":\"invalid workspace auth token\"}");
    assert_int_equal(ask_as(a_token, "GET", path, NULL), 200);
    assert_int_equal(ask_as(a_token, "GET", "/workspaces", NULL), 401);
    assert_string_equal(text(), "{\"error\":\"invalid admin auth token\"}");
}

static void keeps_the_admin_out_of_what_is_the_workspaces_own(void **state)
{
    (void)state;
    char a[37], token[44];
    external_workspace("own", NULL, a, token);
    char *path CLEANUP(free_ptr) = xasprintf("/workspaces/%s/state", a);
    assert_int_equal(ask("GET", path, NULL), 401);
    assert_string_equal(text(), "{\"error\":\"invalid workspace auth token\"}");
    assert_int_equal(ask_as(token, "GET", path, NULL), 200);
    assert_string_equal(member("status"), "awaiting_agent");
    assert_int_equal(ask_of(a, "GET", "/secrets/values", NULL), 401);
}

static void takes_any_bearer_when_authentication_is_off(void **state)
{
    (void)state;
    fault("PUT", "auth", "off");
    assert_int_equal(ask_as("anything", "GET", "/workspaces", NULL), 200);
    assert_int_equal(ask_as(NULL, "GET", "/workspaces", NULL), 401);
}

static void takes_an_organisation_token_until_it_is_revoked(void **state)
{
    (void)state;
    assert_int_equal(ask("POST", "/org/tokens", "{\"name\":\"ci\"}"), 200);
    char *token CLEANUP(free_ptr) = xstrdup(member("auth_token"));
    char *path CLEANUP(free_ptr) = xasprintf("/org/tokens/%s", member("id"));
    assert_int_equal(strlen(token), 43);
    assert_memory_equal(token, member("prefix"), 8);
    assert_int_equal(ask_as(token, "GET", "/workspaces", NULL), 200);
    assert_int_equal(ask("GET", "/org/tokens", NULL), 200);
    assert_non_null(strstr(text(), "\"name\":\"ci\""));
    assert_null(strstr(text(), token));
    assert_int_equal(ask("DELETE", path, NULL), 200);
    assert_int_equal(ask_as(token, "GET", "/workspaces", NULL), 401);
    assert_int_equal(ask("DELETE", path, NULL), 404);
    assert_string_equal(member("error"), "token not found or already revoked");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(asks_for_a_routing_header, lift_faults),
        cmocka_unit_test_teardown(says_nothing_to_another_organisation, lift_faults),
        cmocka_unit_test_teardown(guards_the_open_identity_too, lift_faults),
        cmocka_unit_test_teardown(lets_a_page_of_its_own_host_in, lift_faults),
        cmocka_unit_test_teardown(leaves_health_without_a_guard, lift_faults),
        cmocka_unit_test_teardown(lets_others_in_when_the_guard_is_off, lift_faults),
        cmocka_unit_test_teardown(sends_the_security_headers, lift_faults),
        cmocka_unit_test_teardown(answers_a_preflight, lift_faults),
        cmocka_unit_test_teardown(does_not_know_a_route, lift_faults),
        cmocka_unit_test_teardown(names_what_is_wrong_with_an_admin, lift_faults),
        cmocka_unit_test_teardown(names_what_is_wrong_with_a_workspace, lift_faults),
        cmocka_unit_test_teardown(keeps_the_admin_out_of_what_is_the_workspaces_own,
                                  lift_faults),
        cmocka_unit_test_teardown(takes_any_bearer_when_authentication_is_off,
                                  lift_faults),
        cmocka_unit_test_teardown(takes_an_organisation_token_until_it_is_revoked,
                                  lift_faults),
    };
    return cmocka_run_group_tests_name("tenant guard", tests, up, platform_down);
}
