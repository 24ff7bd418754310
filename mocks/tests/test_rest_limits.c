/*
 * Limits of the tenant's API that take many requests to reach.
 */
#include "mocks/tests/rest_fixture.h"

static int up(void **state)
{
    static const char *const none[] = {NULL};
    (void)state;
    return platform_up(none);
}

static void refuses_a_workspace_its_51st_token(void **state)
{
    (void)state;
    char id[37];
    external_workspace("many-tokens", NULL, id, NULL); /* has one already */
    for (int i = 1; i < 50; i++)
        assert_int_equal(ask_of(id, "POST", "/tokens", NULL), 201);
    assert_int_equal(ask_of(id, "POST", "/tokens", NULL), 429);
    assert_string_equal(text(), "{\"error\":\"maximum 50 active tokens per workspace\"}");
    char *admin CLEANUP(free_ptr) = xasprintf("/admin/workspaces/%s/tokens", id);
    assert_int_equal(ask("POST", admin, "{}"), 429);
    assert_string_equal(text(), "{\"error\":\"maximum 50 active tokens per workspace\"}");
    assert_int_equal(ask_of(id, "GET", "/tokens?limit=500", NULL), 200);
    assert_int_equal(json_int(fx.json, "count", 0), 50);
    const json_t *first = json_array_get(json_object_get(fx.json, "tokens"), 0);
    char *path CLEANUP(free_ptr) = xasprintf("/tokens/%s", json_str(first, "id", ""));
    assert_int_equal(ask_of(id, "DELETE", path, NULL), 200);
    assert_int_equal(ask_of(id, "POST", "/tokens", NULL), 201);
}

static void refuses_an_organisation_its_101st_token(void **state)
{
    (void)state;
    for (int i = 0; i < 100; i++)
        assert_int_equal(ask("POST", "/org/tokens", "{}"), 200);
    assert_int_equal(ask("POST", "/org/tokens", "{}"), 429);
    assert_string_equal(text(), "{\"error\":\"org api token mint ceiling exceeded\"}");
    assert_int_equal(ask("GET", "/org/tokens", NULL), 200);
    assert_int_equal(json_int(fx.json, "count", 0), 100);
}

static void keeps_no_configuration_above_256_kib(void **state)
{
    (void)state;
    char id[37];
    external_workspace("big-config", NULL, id, NULL);
    struct buf body CLEANUP(buf_release) = BUF_INIT(KIB(300));
    buf_adds(&body, "{\"a\":\"");
    while (body.len < KIB(256) - 2)
        buf_addc(&body, 'x');
    buf_adds(&body, "\"}");
    assert_int_equal(body.len, KIB(256));
    assert_int_equal(ask_of(id, "PATCH", "/config", body.data), 200);
    buf_addc(&body, ' ');
    assert_int_equal(ask_of(id, "PATCH", "/config", body.data), 400);
    assert_int_equal(ask_of(id, "GET", "/config", NULL), 200);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(refuses_a_workspace_its_51st_token),
        cmocka_unit_test(refuses_an_organisation_its_101st_token),
        cmocka_unit_test(keeps_no_configuration_above_256_kib),
    };
    return cmocka_run_group_tests_name("tenant limits", tests, up, platform_down);
}
