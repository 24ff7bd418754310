/* Making, reading, changing and removing workspaces, their tokens, secrets and settings.
 */
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
    fault("DELETE", "side-effect", "");
    fault("DELETE", "kind-check", "");
    return 0;
}

struct refusal {
    const char *body;
    int status;
    const char *says; /* part of the answer */
};

static void refuses_in_the_words_and_the_order_of_the_contract(void **state)
{
    (void)state;
    static const struct refusal rows[] = {
        {"", 400, "{\"error\":\"invalid workspace payload\"}"},
        {"not json", 400, "invalid workspace payload"},
        {"{\"role\":\"x\"}", 400, "invalid workspace payload"},
        {"{\"name\":7}", 400, "invalid workspace payload"},
        {"{\"name\":\"a\",\"tier\":\"two\"}", 400, "invalid workspace payload"},
        {"{\"name\":\"a\\nb\"}", 400, "{\"error\":\"invalid workspace fields\"}"},
        {"{\"name\":\"a|b\"}", 400, "invalid workspace fields"},
        {"{\"name\":\"a\",\"role\":\"r{\"}", 400, "invalid workspace fields"},
        {"{\"name\":\"a\",\"template\":\"../etc\"}", 400,
         "{\"error\":\"invalid template\"}"},
        {"{\"name\":\"a\",\"template\":\"no-such\"}", 422,
         "{\"code\":\"RUNTIME_UNRESOLVED\",\"error\":\"runtime could not be resolved "
         "from "
         "the requested template; refusing to silently provision the default runtime "
         "(controlplane#188)."},
        {"{\"name\":\"a\",\"external\":true,\"runtime\":\"codex\"}", 422,
         "\"external workspaces must use runtime \\\"external\\\", \\\"kimi\\\", or "
         "\\\"kimi-cli\\\"\",\"runtime\":\"codex\""},
        {"{\"name\":\"a\",\"runtime\":\"cobol\"}", 422,
         "{\"code\":\"RUNTIME_UNSUPPORTED\",\"error\":\"unsupported workspace runtime\","
         "\"runtime\":\"cobol\"}"},
        {"{\"name\":\"a\"}", 422,
         "{\"code\":\"MODEL_REQUIRED\",\"error\":\"model is required "},
        {"{\"name\":\"a\",\"model\":\"gpt-5.5\"}", 422,
         "{\"code\":\"UNREGISTERED_MODEL_FOR_RUNTIME\",\"error\":\"model \\\"gpt-5.5\\\" "
         "is "
         "not a registered model for runtime \\\"claude-code\\\"; pick one"},
        {"{\"name\":\"a\",\"model\":\"sonnet\"}", 422,
         "{\"code\":\"MISSING_BYOK_CREDENTIAL\",\"error\":\"model \\\"sonnet\\\" "
         "resolves to "
         "BYOK provider \\\"anthropic\\\" but no credential it accepts "
         "(ANTHROPIC_API_KEY, CLAUDE_CODE_OAUTH_TOKEN) exists"},
        {"{\"name\":\"a\",\"external\":true,\"workspace_dir\":\"rel\"}", 400,
         "invalid workspace directory"},
        {"{\"name\":\"a\",\"external\":true,\"workspace_access\":\"all\"}", 400,
         "invalid workspace access"},
        {"{\"name\":\"a\",\"external\":true,\"url\":\"ftp://x\"}", 400,
         "unsafe workspace URL: url scheme must be http or https, got \\\"ftp\\\""},
        {"{\"name\":\"a\",\"external\":true,\"url\":\"http://169.254.169.254/\"}", 400,
         "url targets a blocked address: link-local address (cloud metadata endpoint)"},
        {"{\"name\":\"a\",\"external\":true,\"delivery_mode\":\"fax\"}", 400,
         "delivery_mode must be 'push' or 'poll'"},
        {"{\"name\":\"a\",\"external\":true,"
         "\"parent_id\":\"00000000-0000-4000-8000-000000000000\"}",
         500, "{\"error\":\"failed to create workspace\"}"},
        {"{\"name\":\"a\",\"model\":\"moonshot/kimi-k2.6\",\"secrets\":"
         "{\"OPENAI_API_KEY\":\"x\"}}",
         400, "\"key\":\"OPENAI_API_KEY\",\"workspace_id\":\""},
    };
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        assert_int_equal(ask("POST", "/workspaces", rows[i].body), rows[i].status);
        if (!strstr(text(), rows[i].says))
            fail_msg("%s: expected '%s', got '%s'", rows[i].body, rows[i].says, text());
    }
}

static void makes_a_child_of_the_concierge_by_default(void **state)
{
    (void)state;
    char id[37];
    external_workspace("default-parent", NULL, id, NULL);
    assert_int_equal(ask_of(id, "GET", "", NULL), 200);
    assert_string_equal(member("parent_id"), fx.concierge);
    assert_string_equal(member("kind"), "workspace");
    assert_string_equal(member("status"), "awaiting_agent");
    assert_true(json_is_null(json_object_get(fx.json, "last_heartbeat_at")));
    assert_null(json_object_get(fx.json, "budget_limit"));
}

static void numbers_a_name_that_is_taken(void **state)
{
    (void)state;
    char first[37], second[37], below[37];
    external_workspace("twin", NULL, first, NULL);
    external_workspace("twin", NULL, second, NULL);
    external_workspace("twin", first, below, NULL);
    assert_int_equal(ask_of(second, "GET", "", NULL), 200);
    assert_string_equal(member("name"), "twin (2)");
    assert_int_equal(ask_of(below, "GET", "", NULL), 200);
    assert_string_equal(member("name"), "twin");
}

static void ignores_a_kind_in_the_body(void **state)
{
    (void)state;
    const char *body = "{\"name\":\"forged\",\"external\":true,\"kind\":\"platform\"}";
    assert_int_equal(ask("POST", "/workspaces", body), 201);
    char *id CLEANUP(free_ptr) = xstrdup(member("id"));
    assert_int_equal(ask_of(id, "GET", "", NULL), 200);
    assert_string_equal(member("kind"), "workspace");
    fault("PUT", "kind-check", "off");
    assert_int_equal(ask("POST", "/workspaces", body), 201);
    char *made CLEANUP(free_ptr) = xstrdup(member("id"));
    assert_int_equal(ask_of(made, "GET", "", NULL), 200);
    assert_string_equal(member("kind"), "platform");
    char *name CLEANUP(free_ptr) = xasprintf("X-Confirm-Name: %s", member("name"));
    with_header(name);
    assert_int_equal(ask_of(made, "DELETE", "?purge=true", NULL), 200);
}

static void can_say_201_and_make_nothing(void **state)
{
    (void)state;
    fault("PUT", "side-effect", "none");
    assert_int_equal(ask("POST", "/workspaces", "{\"name\":\"ghost\",\"external\":true}"),
                     201);
    char *id CLEANUP(free_ptr) = xstrdup(member("id"));
    assert_int_equal(ask_of(id, "GET", "", NULL), 404);
    assert_string_equal(text(), "{\"error\":\"workspace not found\"}");
}

static void fills_model_and_runtime_from_the_template(void **state)
{
    (void)state;
    assert_int_equal(
        ask("POST", "/workspaces", "{\"name\":\"seo\",\"template\":\"seo-agent\"}"), 201);
    assert_string_equal(member("status"), "provisioning");
    assert_string_equal(member("workspace_access"), "none");
    assert_int_equal(strlen(member("auth_token")), 43);
    char *id CLEANUP(free_ptr) = xstrdup(member("id"));
    assert_int_equal(ask_of(id, "GET", "/model", NULL), 200);
    assert_string_equal(
        text(), "{\"model\":\"moonshot/kimi-k2.6\",\"source\":\"workspace_secrets\"}");
}

static void tells_an_external_agent_how_to_join(void **state)
{
    (void)state;
    assert_int_equal(
        ask("POST", "/workspaces", "{\"name\":\"My Agent\",\"external\":true}"), 201);
    const json_t *c = json_object_get(fx.json, "connection");
    assert_non_null(strstr(json_str(c, "universal_mcp_snippet", ""),
                           "claude mcp add molecule-my-agent -s user"));
    assert_non_null(
        strstr(json_str(c, "codex_snippet", ""), "[mcp_servers.molecule-my-agent]"));
    assert_string_equal(json_str(c, "platform_url", ""), fx.url);
    assert_int_equal(ask("POST", "/workspaces",
                         "{\"name\":\"far\",\"external\":true,"
                         "\"url\":\"https://far.example.com/\"}"),
                     201);
    assert_string_equal(member("status"), "online");
    assert_null(json_object_get(fx.json, "connection"));
}

static void changes_what_a_patch_names(void **state)
{
    (void)state;
    char a[37], b[37];
    external_workspace("patch-a", NULL, a, NULL);
    external_workspace("patch-b", a, b, NULL);
    assert_int_equal(ask_of(a, "PATCH", "", "{\"name\":\"renamed\",\"role\":\"boss\"}"),
                     200);
    assert_string_equal(text(), "{\"status\":\"updated\"}");
    assert_int_equal(ask_of(a, "GET", "", NULL), 200);
    assert_string_equal(member("name"), "renamed");
    assert_string_equal(member("role"), "boss");
    assert_int_equal(ask_of(b, "PATCH", "", "{\"parent_id\":null}"), 200);
    assert_int_equal(ask_of(b, "GET", "", NULL), 200);
    assert_true(json_is_null(json_object_get(fx.json, "parent_id")));
    assert_int_equal(ask_of(a, "PATCH", "", "{\"runtime\":\"cobol\"}"), 422);
    assert_int_equal(ask_of("nonsense", "PATCH", "", "{}"), 400);
    assert_string_equal(member("error"), "invalid workspace ID");
    assert_int_equal(ask_of(a, "PATCH", "/template", "{\"template\":\"no-such\"}"), 422);
    assert_string_equal(member("code"), "TEMPLATE_UNSUPPORTED");
    assert_int_equal(ask_of(a, "PATCH", "/abilities", "{}"), 400);
    assert_int_equal(ask_of(a, "PATCH", "/abilities", "{\"broadcast_enabled\":true}"),
                     200);
    assert_int_equal(ask_of(a, "GET", "", NULL), 200);
    assert_true(json_is_true(json_object_get(fx.json, "broadcast_enabled")));
}

static void never_lets_a_row_be_its_own_ancestor(void **state)
{
    (void)state;
    char a[37], b[37];
    external_workspace("cycle-a", NULL, a, NULL);
    external_workspace("cycle-b", a, b, NULL);
    char *body CLEANUP(free_ptr) = xasprintf("{\"parent_id\":\"%s\"}", b);
    assert_int_equal(ask_of(a, "PATCH", "", body), 500);
    assert_int_equal(ask_of(a, "GET", "", NULL), 200);
    assert_string_equal(member("parent_id"), fx.concierge);
}

static void deletes_only_what_was_named_twice(void **state)
{
    (void)state;
    char a[37], b[37], c[37];
    external_workspace("doomed", NULL, a, NULL);
    external_workspace("doomed-child", a, b, NULL);
    external_workspace("doomed-grandchild", b, c, NULL);
    assert_int_equal(ask_of("nonsense", "DELETE", "", NULL), 400);
    assert_int_equal(ask_of(a, "DELETE", "", NULL), 400);
    assert_string_equal(
        text(),
        "{\"active_tasks\":0,\"child_count\":1,\"error\":"
        "\"destructive_action_requires_confirmation\",\"hint\":\"Re-send the same "
        "request with header X-Confirm-Name: doomed\",\"schedule_count\":0,"
        "\"workspace_name\":\"doomed\"}");
    with_header("X-Confirm-Name: doomed");
    assert_int_equal(ask_of(a, "DELETE", "", NULL), 409);
    assert_string_equal(member("status"), "confirmation_required");
    assert_int_equal(json_int(fx.json, "children_count", 0), 1);
    with_header("X-Confirm-Name: doomed");
    assert_int_equal(ask_of(a, "DELETE", "?confirm=true", NULL), 200);
    assert_string_equal(text(), "{\"cascade_deleted\":2,\"status\":\"removed\"}");
    assert_int_equal(ask_of(c, "GET", "", NULL), 410);
    assert_string_equal(member("error"), "workspace removed");
    assert_int_equal(ask_of(c, "GET", "?include_removed=true", NULL), 200);
    assert_int_equal(ask_of(a, "DELETE", "", NULL), 410);
    assert_int_equal(ask("GET", "/workspaces", NULL), 200);
    assert_null(strstr(text(), "doomed"));
}

static void purges_a_row_for_good(void **state)
{
    (void)state;
    char a[37], b[37];
    external_workspace("purged", NULL, a, NULL);
    external_workspace("purged-child", a, b, NULL);
    with_header("X-Confirm-Name: purged");
    assert_int_equal(ask_of(a, "DELETE", "?confirm=true&purge=true", NULL), 200);
    assert_string_equal(text(), "{\"cascade_deleted\":1,\"status\":\"purged\"}");
    assert_int_equal(ask_of(a, "GET", "?include_removed=true", NULL), 404);
    assert_int_equal(ask_of(b, "GET", "?include_removed=true", NULL), 404);
}

static void kills_the_tokens_of_a_removed_workspace(void **state)
{
    (void)state;
    char a[37], token[44];
    external_workspace("short-lived", NULL, a, token);
    char *path CLEANUP(free_ptr) = xasprintf("/workspaces/%s/secrets", a);
    assert_int_equal(ask_as(token, "GET", path, NULL), 200);
    with_header("X-Confirm-Name: short-lived");
    assert_int_equal(ask_of(a, "DELETE", "", NULL), 200);
    assert_int_equal(ask_as(token, "GET", path, NULL), 401);
}

static void pauses_and_resumes_with_what_is_below(void **state)
{
    (void)state;
    char a[37], b[37];
    external_workspace("power-a", NULL, a, NULL);
    external_workspace("power-b", a, b, NULL);
    assert_int_equal(ask_of(a, "POST", "/pause", NULL), 409);
    assert_string_equal(
        member("error"),
        "workspace has descendants \xe2\x80\x94 use ?cascade=true to pause all");
    assert_int_equal(ask_of(a, "POST", "/pause?cascade=true", NULL), 200);
    assert_string_equal(text(), "{\"paused_count\":2,\"status\":\"paused\"}");
    assert_int_equal(ask_of(a, "POST", "/pause", NULL), 404);
    assert_int_equal(ask_of(b, "POST", "/resume", NULL), 409);
    assert_string_equal(
        member("error"),
        "parent workspace \"power-a\" is paused \xe2\x80\x94 resume it first");
    assert_int_equal(ask_of(a, "POST", "/resume?cascade=true", NULL), 200);
    assert_string_equal(text(), "{\"resumed_count\":2,\"status\":\"provisioning\"}");
    assert_int_equal(ask_of(a, "POST", "/hibernate", NULL), 404);
    assert_int_equal(ask_of(a, "POST", "/restart", NULL), 200);
    assert_string_equal(member("status"), "noop");
    assert_int_equal(ask_of(a, "POST", "/restart", "{\"reset\":"), 400);
    assert_string_equal(member("error"), "invalid JSON body");
}

static void keeps_secrets_and_never_shows_them(void **state)
{
    (void)state;
    char a[37], token[44];
    external_workspace("secretive", NULL, a, token);
    assert_int_equal(ask_of(a, "POST", "/secrets", "{\"key\":\"K\",\"value\":\"hush\"}"),
                     200);
    assert_string_equal(text(), "{\"key\":\"K\",\"status\":\"saved\"}");
    assert_int_equal(
        ask("PUT", "/settings/secrets", "{\"key\":\"G\",\"value\":\"global\"}"), 200);
    assert_string_equal(text(),
                        "{\"key\":\"G\",\"scope\":\"global\",\"status\":\"saved\"}");
    assert_int_equal(ask_of(a, "GET", "/secrets", NULL), 200);
    assert_non_null(
        strstr(text(), "\"has_value\":true,\"key\":\"K\",\"scope\":\"workspace\""));
    assert_non_null(strstr(text(), "\"key\":\"G\",\"scope\":\"global\""));
    assert_null(strstr(text(), "hush"));
    char *path CLEANUP(free_ptr) = xasprintf("/workspaces/%s/secrets/values", a);
    assert_int_equal(ask_as(token, "GET", path, NULL), 200);
    assert_string_equal(text(), "{\"G\":\"global\",\"K\":\"hush\"}");
    assert_int_equal(
        ask_of(a, "POST", "/secrets", "{\"key\":\"OPENAI_API_KEY\",\"value\":\"x\"}"),
        400);
    assert_int_equal(ask_of(a, "DELETE", "/secrets/K", NULL), 200);
    assert_int_equal(ask_of(a, "DELETE", "/secrets/K", NULL), 404);
    assert_string_equal(member("error"), "secret not found");
    assert_int_equal(ask("DELETE", "/admin/secrets/G", NULL), 200);
}

static void takes_a_vendor_key_where_the_user_pays(void **state)
{
    (void)state;
    char a[37];
    external_workspace("payer", NULL, a, NULL);
    char *path CLEANUP(free_ptr) = xasprintf("/admin/workspaces/%s/llm-billing-mode", a);
    assert_int_equal(ask("PUT", path, "{}"), 400);
    assert_string_equal(member("error"),
                        "missing required field 'mode' (use null to clear override)");
    assert_int_equal(ask("PUT", path, "{\"mode\":\"byok\"}"), 200);
    assert_string_equal(member("resolved_mode"), "byok");
    assert_int_equal(
        ask_of(a, "POST", "/secrets", "{\"key\":\"OPENAI_API_KEY\",\"value\":\"x\"}"),
        200);
    assert_int_equal(ask("PUT", path, "{\"mode\":null}"), 200);
    assert_string_equal(member("resolved_mode"), "platform_managed");
}

static void reads_back_a_model_that_was_set(void **state)
{
    (void)state;
    char a[37];
    external_workspace("modelled", NULL, a, NULL);
    assert_int_equal(ask_of(a, "GET", "/model", NULL), 200);
    assert_string_equal(text(), "{\"model\":\"\",\"source\":\"unresolved\"}");
    assert_int_equal(ask_of(a, "PUT", "/model", "{\"model\":\"anything\"}"), 200);
    assert_string_equal(text(), "{\"model\":\"anything\",\"status\":\"saved\"}");
    assert_int_equal(ask_of(a, "GET", "/model", NULL), 200);
    assert_string_equal(member("model"), "anything");
    assert_int_equal(ask_of(a, "PUT", "/model", "{\"model\":\"\"}"), 200);
    assert_string_equal(text(), "{\"status\":\"cleared\"}");
    assert_int_equal(ask_of(fx.concierge, "PUT", "/model", "{\"model\":\"gpt-5.5\"}"),
                     422);
}

static void hands_out_workspace_tokens(void **state)
{
    (void)state;
    char a[37], instance[44];
    external_workspace("tokens", NULL, a, instance);
    assert_int_equal(ask_of(a, "POST", "/tokens", NULL), 201);
    char *token CLEANUP(free_ptr) = xstrdup(member("auth_token"));
    char *list CLEANUP(free_ptr) = xasprintf("/workspaces/%s/tokens", a);
    assert_int_equal(ask_as(token, "GET", list, NULL), 200);
    assert_int_equal(json_int(fx.json, "count", 0), 2);
    const json_t *rows = json_object_get(fx.json, "tokens");
    const char *newest = json_str(json_array_get(rows, 0), "id", "");
    assert_memory_equal(json_str(json_array_get(rows, 0), "prefix", ""), token, 8);
    char *one CLEANUP(free_ptr) = xasprintf("/workspaces/%s/tokens/%s", a, newest);
    assert_int_equal(ask("DELETE", one, NULL), 200);
    assert_int_equal(ask("DELETE", one, NULL), 404);
    assert_int_equal(ask_as(token, "GET", list, NULL), 401);
    char *all CLEANUP(free_ptr) = xasprintf("/admin/workspaces/%s/revoke-auth-tokens", a);
    assert_int_equal(ask("POST", all, NULL), 200);
    assert_int_equal(ask_as(instance, "GET", list, NULL), 401);
    char *mint CLEANUP(free_ptr) =
        xasprintf("/admin/workspaces/%s/tokens", "00000000-0000-4000-8000-000000000000");
    assert_int_equal(ask("POST", mint, "{}"), 404);
}

static void demotes_the_first_platform_root(void **state)
{
    (void)state;
    assert_int_equal(ask("POST", "/admin/org/platform-agent", "{}"), 400);
    assert_int_equal(ask("POST", "/admin/org/platform-agent", "{\"id\":\"short\"}"), 500);
    assert_string_equal(text(), "{\"error\":\"install failed\"}");
    const char *id = "11111111-1111-4111-8111-111111111111";
    assert_int_equal(ask("POST", "/admin/org/platform-agent",
                         "{\"id\":\"11111111-1111-4111-8111-111111111111\","
                         "\"name\":\"Second\"}"),
                     200);
    assert_string_equal(text(), "{\"kind\":\"platform\",\"platform_agent_id\":"
                                "\"11111111-1111-4111-8111-111111111111\",\"status\":"
                                "\"installed\"}");
    assert_int_equal(ask_of(id, "GET", "", NULL), 200);
    assert_string_equal(member("status"), "offline");
    assert_int_equal(ask_of(fx.concierge, "GET", "", NULL), 200);
    assert_string_equal(member("kind"), "workspace");
    assert_string_equal(member("parent_id"), id);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(refuses_in_the_words_and_the_order_of_the_contract),
        cmocka_unit_test(makes_a_child_of_the_concierge_by_default),
        cmocka_unit_test(numbers_a_name_that_is_taken),
        cmocka_unit_test_teardown(ignores_a_kind_in_the_body, lift_faults),
        cmocka_unit_test_teardown(can_say_201_and_make_nothing, lift_faults),
        cmocka_unit_test(fills_model_and_runtime_from_the_template),
        cmocka_unit_test(tells_an_external_agent_how_to_join),
        cmocka_unit_test(changes_what_a_patch_names),
        cmocka_unit_test(never_lets_a_row_be_its_own_ancestor),
        cmocka_unit_test(deletes_only_what_was_named_twice),
        cmocka_unit_test(purges_a_row_for_good),
        cmocka_unit_test(kills_the_tokens_of_a_removed_workspace),
        cmocka_unit_test(pauses_and_resumes_with_what_is_below),
        cmocka_unit_test(keeps_secrets_and_never_shows_them),
        cmocka_unit_test(takes_a_vendor_key_where_the_user_pays),
        cmocka_unit_test(reads_back_a_model_that_was_set),
        cmocka_unit_test(hands_out_workspace_tokens),
        cmocka_unit_test(demotes_the_first_platform_root),
    };
    return cmocka_run_group_tests_name("tenant workspaces", tests, up, platform_down);
}
