/* The gates that a platform agent passes at register and at its beats. */
#include "mocks/tests/registry_fixture.h"
#include "base/clock.h"
#include "io/wait.h"

#define ROOT "33333333-3333-4333-8333-333333333333"
#define TOOL "mcp__molecule-platform__create_workspace"

/* A platform root that no box answers for; token: its instance token. It replaces the
 * concierge for the rest of the program. */
static void platform_root(const char *id, char token[44])
{
    char *body CLEANUP(free_ptr) = xasprintf("{\"id\":\"%s\"}", id);
    assert_int_equal(ask("POST", "/admin/org/platform-agent", body), 200);
    assert_int_equal(ask_of(id, "POST", "/secrets",
                            "{\"key\":\"MODEL\",\"value\":\"moonshot/kimi-k2.6\"}"),
                     200);
    char *reg CLEANUP(free_ptr) =
        xasprintf("{\"id\":\"%s\",\"kind\":\"platform\",\"url\":"
                  "\"http://localhost:9\",\"agent_card\":{}}",
                  id);
    assert_int_equal(enlist(NULL, reg), 200);
    memcpy(token, member("auth_token"), 44);
}

static void does_not_let_a_platform_agent_in_without_a_model(void **state)
{
    (void)state;
    assert_int_equal(ask("POST", "/admin/org/platform-agent", "{\"id\":\"" ROOT "\"}"),
                     200);
    assert_int_equal(enlist(NULL, "{\"id\":\"" ROOT "\",\"agent_card\":{},"
                                  "\"url\":\"http://localhost:9\"}"),
                     400);
    assert_string_equal(text(), "{\"error\":\"platform agent identity incomplete\"}");
    assert_string_equal(status_of(ROOT), "failed");
    assert_int_equal(ask("GET", "/events/" ROOT, NULL), 200);
    assert_non_null(strstr(text(), "\"code\":\"PLATFORM_AGENT_IDENTITY_GATE\""));
    assert_non_null(strstr(text(), "\"reason\":\"model_missing\""));
}

static void holds_back_a_platform_agent_without_its_server(void **state)
{
    (void)state;
    char token[44];
    platform_root(ROOT, token);
    assert_string_equal(status_of(ROOT), "online");
    assert_int_equal(enlist(token,
                            "{\"id\":\"" ROOT "\",\"agent_card\":{},\"url\":"
                            "\"http://localhost:9\",\"mcp_server_present\":false}"),
                     400);
    assert_string_equal(status_of(ROOT), "failed");
    assert_int_equal(beat(token, ROOT, ",\"mcp_server_present\":false"), 200);
    assert_string_equal(status_of(ROOT), "failed");
    assert_int_equal(beat(token, ROOT, ",\"mcp_server_present\":null"), 200);
    assert_string_equal(status_of(ROOT), "online");
}

static void waits_out_the_grace_for_a_list_of_tools(void **state)
{
    (void)state;
    char token[44];
    platform_root(ROOT, token);
    assert_int_equal(beat(token, ROOT, ",\"mcp_server_present\":true"), 200);
    assert_string_equal(status_of(ROOT), "online");
    assert_int_equal(beat(token, ROOT, ",\"mcp_server_present\":true"), 200);
    assert_string_equal(status_of(ROOT), "online");
}

static bool degraded_after_a_beat(void *token)
{
    assert_int_equal(beat(token, ROOT, ",\"mcp_server_present\":true"), 200);
    return strcmp(status_of(ROOT), "degraded") == 0;
}

static void degrades_after_the_grace_and_recovers_with_a_list(void **state)
{
    (void)state;
    char token[44];
    platform_root(ROOT, token);
    assert_true(wait_until(degraded_after_a_beat, token, clock_mono_ms() + 10000));
    assert_int_equal(ask("GET", "/events/" ROOT, NULL), 200);
    assert_non_null(strstr(text(), "\"loaded_mcp_tools_absent\":true,"
                                   "\"management_mcp_missing\":true"));
    /* Not declared on this row, so an empty list is no fault. */
    assert_int_equal(
        beat(token, ROOT, ",\"mcp_server_present\":true,\"loaded_mcp_tools\":[]"), 200);
    assert_string_equal(status_of(ROOT), "online");
}

static bool degraded_for_want_of_the_tool(void *token)
{
    assert_int_equal(
        beat(token, ROOT,
             ",\"mcp_server_present\":true,\"loaded_mcp_tools\":[\"mcp__a2a__x\"]"),
        200);
    return strcmp(status_of(ROOT), "degraded") == 0;
}

static void demands_the_tool_where_the_plugin_is_declared(void **state)
{
    (void)state;
    char token[44];
    platform_root(ROOT, token);
    assert_int_equal(
        ask_at(fx.mock_url, NULL, "POST", "/_mock/declare",
               "{\"org\":\"acme\",\"workspace\":\"" ROOT "\",\"source\":\"gitea://"
               "molecule-ai/molecule-ai-plugin-molecule-platform-mcp#main\"}"),
        200);
    assert_true(
        wait_until(degraded_for_want_of_the_tool, token, clock_mono_ms() + 10000));
    assert_int_equal(beat(token, ROOT,
                          ",\"mcp_server_present\":true,\"loaded_mcp_tools\":[\"" TOOL
                          "\"]"),
                     200);
    assert_string_equal(status_of(ROOT), "online");
}

int main(void)
{
    /* Each wants an organisation whose root was never seen. */
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(does_not_let_a_platform_agent_in_without_a_model,
                                        up_slow, platform_down),
        cmocka_unit_test_setup_teardown(holds_back_a_platform_agent_without_its_server,
                                        up_slow, platform_down),
        cmocka_unit_test_setup_teardown(waits_out_the_grace_for_a_list_of_tools, up_slow,
                                        platform_down),
        cmocka_unit_test_setup_teardown(degrades_after_the_grace_and_recovers_with_a_list,
                                        up_fast, platform_down),
        cmocka_unit_test_setup_teardown(demands_the_tool_where_the_plugin_is_declared,
                                        up_fast, platform_down),
    };
    return cmocka_run_group_tests_name("gates of the platform agent", tests, NULL, NULL);
}
