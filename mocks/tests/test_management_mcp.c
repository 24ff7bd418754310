/* The MCP servers of a box against a platform that keeps what it was asked. */
#include "mocks/tests/calls_fixture.h"

static bool lists(struct fixture *x, const char *name)
{
    assert_int_equal(mcp_list_tools(x->client, &x->answer, &x->err), 0);
    const json_t *tools = json_object_get(x->answer.result, "tools");
    for (size_t i = 0; i < json_array_size(tools); i++)
        if (strcmp(json_str(json_array_get(tools, i), "name", "?"), name) == 0)
            return true;
    return false;
}

/* ---- every tool ---- */

#define ID "\"workspace_id\":\"w/1\""
#define WS "/workspaces/w%2F1"

/* In the order of the list; body NULL = none is sent. */
static const struct {
    const char *tool;
    const char *arguments;
    const char *line; /* of the request */
    const char *body;
} calls[] = {
    {"list_workspaces", "{}", "GET /workspaces HTTP", NULL},
    {"get_workspace", "{" ID "}", "GET " WS " HTTP", NULL},
    {"provision_workspace", "{\"name\":\"n\",\"tier\":4,\"model\":\"m\"}",
     "POST /workspaces HTTP", "{\"name\":\"n\",\"tier\":4,\"model\":\"m\"}"},
    {"deprovision_workspace", "{" ID ",\"confirm_name\":\"n\"}", "DELETE " WS " HTTP",
     NULL},
    {"restart_workspace", "{" ID "}", "POST " WS "/restart HTTP", "{}"},
    {"pause_workspace", "{" ID "}", "POST " WS "/pause?cascade=true HTTP", "{}"},
    {"resume_workspace", "{" ID "}", "POST " WS "/resume?cascade=true HTTP", "{}"},
    {"set_workspace_secret", "{" ID ",\"key\":\"K\",\"value\":\"V\"}",
     "POST " WS "/secrets HTTP", "{\"key\":\"K\",\"value\":\"V\"}"},
    {"list_workspace_secrets", "{" ID "}", "GET " WS "/secrets HTTP", NULL},
    {"delete_workspace_secret", "{" ID ",\"key\":\"K\"}", "DELETE " WS "/secrets/K HTTP",
     NULL},
    {"set_org_secret", "{\"key\":\"K\",\"value\":\"V\"}", "POST /settings/secrets HTTP",
     "{\"key\":\"K\",\"value\":\"V\"}"},
    {"list_org_secrets", "{}", "GET /settings/secrets HTTP", NULL},
    {"delete_org_secret", "{\"key\":\"K\"}", "DELETE /settings/secrets/K HTTP", NULL},
    {"set_workspace_budget", "{" ID ",\"budget_limits\":{\"daily\":5,\"hourly\":null}}",
     "PATCH " WS "/budget HTTP", "{\"budget_limits\":{\"daily\":5,\"hourly\":null}}"},
    {"set_llm_billing_mode", "{" ID ",\"mode\":null}",
     "PUT /admin/workspaces/w%2F1/llm-billing-mode HTTP", "{\"mode\":null}"},
    {"list_org_templates", "{}", "GET /org/templates HTTP", NULL},
    {"create_org_from_template", "{\"dir\":\"d\",\"mode\":\"merge\"}",
     "POST /org/import HTTP", "{\"dir\":\"d\",\"mode\":\"merge\"}"},
    {"list_templates", "{}", "GET /templates HTTP", NULL},
    {"import_template", "{\"name\":\"n\",\"files\":{\"a\":\"b\"}}",
     "POST /templates/import HTTP", "{\"name\":\"n\",\"files\":{\"a\":\"b\"}}"},
    {"mint_org_token", "{\"name\":\"n\"}", "POST /org/tokens HTTP", "{\"name\":\"n\"}"},
    {"list_org_tokens", "{}", "GET /org/tokens HTTP", NULL},
    {"revoke_org_token", "{\"id\":\"t\"}", "DELETE /org/tokens/t HTTP", NULL},
    {"mint_workspace_token", "{" ID "}", "POST /admin/workspaces/w%2F1/tokens HTTP",
     "{}"},
    {"get_org_plugin_allowlist", "{}", "GET /orgs/org-id/plugins/allowlist HTTP", NULL},
    {"set_org_plugin_allowlist",
     "{\"org_id\":\"o\",\"plugins\":[\"p\"],\"enabled_by\":\"me\"}",
     "PUT /orgs/o/plugins/allowlist HTTP", "{\"plugins\":[\"p\"],\"enabled_by\":\"me\"}"},
    {"export_bundle", "{" ID "}", "GET /bundles/export/w%2F1 HTTP", NULL},
    {"import_bundle", "{\"bundle\":{\"name\":\"b\"}}", "POST /bundles/import HTTP",
     "{\"name\":\"b\"}"},
    {"list_org_events", "{}", "GET /events HTTP", NULL},
    {"list_org_events", "{" ID "}", "GET /events/w%2F1 HTTP", NULL},
    {"list_pending_approvals", "{}", "GET /approvals/pending HTTP", NULL},
    {"create_approval", "{" ID ",\"action\":\"a\"}", "POST " WS "/requests HTTP",
     "{\"kind\":\"approval\",\"recipient_type\":\"user\",\"recipient_id\":\"\","
     "\"title\":\"a\"}"},
    {"list_orgs", "{}", "GET /api/v1/admin/orgs HTTP", NULL},
    {"get_org", "{\"slug\":\"s\"}", "GET /api/v1/orgs/s HTTP", NULL},
    {"recreate_workspace", "{\"slug\":\"s\",\"runtime\":\"hermes\",\"dry_run\":true}",
     "POST /api/v1/admin/tenants/s/workspaces/redeploy HTTP",
     "{\"runtime\":\"hermes\",\"recreate\":true,\"dry_run\":true,"
     "\"actor\":\"management-mcp\"}"},
    {"create_issue", "{\"title\":\"t\",\"description\":\"d\",\"repo\":\"o/r\"}",
     "POST /repos/o/r/issues HTTP", "{\"title\":\"t\",\"body\":\"d\\n\",\"labels\":[]}"},
    {"create_request",
     "{" ID ",\"kind\":\"task\",\"recipient_type\":\"user\",\"recipient_id\":\"u\","
     "\"title\":\"t\"}",
     "POST " WS "/requests HTTP",
     "{\"kind\":\"task\",\"recipient_type\":\"user\",\"recipient_id\":\"u\",\"title\":"
     "\"t\"}"},
    {"list_inbox", "{" ID ",\"status\":\"pending\"}",
     "GET " WS "/requests/inbox?status=pending HTTP", NULL},
    {"check_requests", "{" ID "}", "GET " WS "/requests HTTP", NULL},
    {"get_request", "{" ID ",\"request_id\":\"r\"}", "GET " WS "/requests/r HTTP", NULL},
    {"respond_request", "{" ID ",\"request_id\":\"r\",\"action\":\"done\"}",
     "POST " WS "/requests/r/respond HTTP",
     "{\"action\":\"done\",\"responder_type\":\"agent\",\"responder_id\":\"w/1\"}"},
    {"add_request_message", "{" ID ",\"request_id\":\"r\",\"body\":\"b\"}",
     "POST " WS "/requests/r/messages HTTP",
     "{\"body\":\"b\",\"author_type\":\"agent\",\"author_id\":\"w/1\"}"},
    {"cancel_request", "{" ID ",\"request_id\":\"r\"}",
     "POST " WS "/requests/r/cancel HTTP", NULL},
    {"create_workspace", "{\"name\":\"n\",\"parent_id\":\"p\"}", "POST /workspaces HTTP",
     "{\"name\":\"n\",\"parent_id\":\"p\"}"},
};

static void makes_the_rest_call_of_each_tool(void **state)
{
    struct fixture *x = *state;
    strv_addf(&x->env, "MOLECULE_CP_URL=%s", x->platform.url);
    strv_addf(&x->env, "GITEA_API_URL=%s", x->platform.url);
    strv_add(&x->env, "CP_ADMIN_API_TOKEN=cp-token");
    strv_add(&x->env, "GITEA_TOKEN=gitea-token");
    start_management(x);
    for (size_t i = 0; i < ARRAY_SIZE(calls); i++) {
        size_t before = strlen(requests(x));
        call(x, calls[i].tool, calls[i].arguments);
        if (x->answer.outcome != MCP_OK)
            fail_msg("%s: %s", calls[i].tool, text(x));
        const char *asked = requests(x) + before;
        assert_has(asked, calls[i].line);
        const char *body = strrchr(asked, '\r');
        CLEANUP(free_ptr)
        char *want = xasprintf("\r\n%s\n", calls[i].body ? calls[i].body : "");
        if (!body || strcmp(body, want) != 0)
            fail_msg("%s: the body is%s", calls[i].tool, body ? body : " absent");
    }
}

static void lists_the_tools_in_their_order_with_nothing_untested(void **state)
{
    struct fixture *x = *state;
    start_management(x);
    assert_int_equal(mcp_list_tools(x->client, &x->answer, &x->err), 0);
    const json_t *tools = json_object_get(x->answer.result, "tools");
    size_t at = 0;
    for (size_t i = 0; i < ARRAY_SIZE(calls); i++) {
        if (i && strcmp(calls[i].tool, calls[i - 1].tool) == 0)
            continue;
        assert_string_equal(json_str(json_array_get(tools, at), "name", ""),
                            calls[i].tool);
        assert_true(*json_str(json_array_get(tools, at), "description", "") != '\0');
        at++;
    }
    assert_int_equal(json_array_size(tools), at);
    assert_int_equal(at, 42);
}

static void sends_the_organisations_key_and_headers(void **state)
{
    struct fixture *x = *state;
    strv_add(&x->env, "MOLECULE_ORG_SLUG=acme");
    start_management(x);
    call(x, "deprovision_workspace", "{" ID ",\"confirm_name\":\"my box\"}");
    assert_has(requests(x), "Authorization: Bearer org-key\r\n");
    assert_has(requests(x), "X-Molecule-Org-Id: org-id\r\n");
    assert_has(requests(x), "X-Molecule-Org-Slug: acme\r\n");
    assert_has(requests(x), "X-Confirm-Name: my box\r\n");
}

static void uses_the_other_key_for_the_request_tools(void **state)
{
    struct fixture *x = *state;
    start_management(x);
    call(x, "check_requests", "{" ID "}");
    assert_has(requests(x), "Authorization: Bearer api-key\r\n");
    assert_has(requests(x), "X-Molecule-Org-Id: org-id\r\n");
    assert_null(strstr(requests(x), "org-key"));
}

/* ---- refusals ---- */

static void sends_nothing_without_a_key(void **state)
{
    struct fixture *x = *state;
    strv_add(&x->env, "MOLECULE_MCP_MODE=management");
    strv_add(&x->env, "MOLECULE_ORG_ID=org-id");
    start(x, NULL);
    call(x, "list_workspaces", "{}");
    assert_int_equal(x->answer.outcome, MCP_TOOL_ERROR);
    assert_has(text(x), "\"error\": \"AUTH_ERROR\"");
    assert_has(text(x), "MOLECULE_ORG_API_KEY is not set");
    assert_string_equal(requests(x), "");
}

static void sends_nothing_without_an_organisation(void **state)
{
    struct fixture *x = *state;
    strv_add(&x->env, "MOLECULE_MCP_MODE=management");
    strv_add(&x->env, "MOLECULE_ORG_API_KEY=org-key");
    start(x, NULL);
    call(x, "create_workspace", "{\"name\":\"n\"}");
    assert_has(text(x), "MOLECULE_ORG_ID or MOLECULE_ORG_SLUG is required");
    assert_string_equal(requests(x), "");
}

static void sends_nothing_to_a_control_plane_that_is_not_configured(void **state)
{
    struct fixture *x = *state;
    start_management(x);
    call(x, "list_orgs", "{}");
    assert_has(text(x), "CP_TIER_NOT_CONFIGURED");
    assert_has(text(x), "'list_orgs' is a control-plane tier tool");
    assert_string_equal(requests(x), "");
}

static void sends_nothing_when_the_arguments_are_bad(void **state)
{
    struct fixture *x = *state;
    start_management(x);
    static const struct {
        const char *tool, *arguments, *says;
    } bad[] = {
        {"create_workspace", "{}", "'name': Required"},
        {"create_workspace", "{\"name\":3}", "'name': Expected string, received number"},
        {"create_workspace", "{\"name\":\"n\",\"tier\":5}",
         "'tier': Number must be at most 4"},
        {"create_workspace", "{\"name\":\"n\",\"tier\":1.5}", "'tier': Expected integer"},
        {"create_workspace", "{\"name\":\"n\",\"kind\":\"platform\"}", "'kind'"},
        {"set_llm_billing_mode", "{" ID ",\"mode\":\"free\"}", "'mode': Invalid input"},
        {"set_workspace_budget", "{" ID ",\"budget_limits\":{\"daily\":-1}}",
         "'budget_limits.daily'"},
        {"set_workspace_budget", "{" ID "}",
         "Invalid argument: budget_limits or budget_limit is required"},
        {"set_org_plugin_allowlist", "{\"plugins\":[1],\"enabled_by\":\"x\"}",
         "'plugins.0'"},
        {"set_org_plugin_allowlist", "{\"plugins\":[],\"enabled_by\":\"\"}",
         "'enabled_by': Length must be at least 1"},
    };
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        call(x, bad[i].tool, bad[i].arguments);
        assert_int_equal(x->answer.outcome, MCP_TOOL_ERROR);
        assert_has(text(x), bad[i].says);
    }
    assert_string_equal(requests(x), "");
}

static int setup_refusing(void **state)
{
    static const struct fake_reply script[] = {
        {"403 Forbidden\r\nContent-Type: application/json", "{\"error\":\"no\"}", NULL},
        {"404 Not Found\r\nContent-Type: application/json", "{\"error\":\"gone\"}", NULL},
        {"429 Too Many Requests", "slow", NULL},
        {"200 OK", "", NULL},
        {"200 OK", "plain", NULL},
    };
    return setup_with(state, script, ARRAY_SIZE(script));
}

static void turns_refusals_into_envelopes(void **state)
{
    struct fixture *x = *state;
    start_management(x);
    call(x, "list_workspaces", "{}");
    assert_int_equal(x->answer.outcome, MCP_TOOL_ERROR);
    assert_string_equal(text(x), "{\n  \"error\": \"AUTH_ERROR\",\n"
                                 "  \"detail\": \"{\\\"error\\\":\\\"no\\\"}\",\n"
                                 "  \"status\": 403\n}");
    call(x, "list_workspaces", "{}");
    assert_has(text(x), "\"error\": \"HTTP 404\"");
    assert_has(text(x), "\"status\": 404");
    call(x, "list_workspaces", "{}");
    assert_has(text(x), "\"error\": \"RATE_LIMITED\"");
    call(x, "list_workspaces", "{}");
    assert_string_equal(text(x), "{\n  \"raw\": \"\",\n  \"status\": 200\n}");
    call(x, "list_workspaces", "{}");
    assert_string_equal(text(x), "{\n  \"raw\": \"plain\",\n  \"status\": 200\n}");
}

static void says_that_the_platform_cannot_be_reached(void **state)
{
    struct fixture *x = *state;
    strv_env_set(&x->env, "MOLECULE_API_URL", "http://127.0.0.1:1");
    start_management(x);
    call(x, "list_workspaces", "{}");
    assert_int_equal(x->answer.outcome, MCP_TOOL_ERROR);
    assert_has(text(x), "\"error\": \"Tenant host unreachable at http://127.0.0.1:1\"");
    call(x, "check_requests", "{" ID "}");
    assert_has(text(x), "\"error\": \"Platform unreachable at http://127.0.0.1:1\"");
}

/* ---- verbs and manners ---- */

static void lists_both_verbs_at_the_seed(void **state)
{
    struct fixture *x = *state;
    start_management(x);
    assert_true(lists(x, "create_workspace"));
    assert_true(lists(x, "provision_workspace"));
}

static void lists_only_provision_when_the_verb_is_real(void **state)
{
    struct fixture *x = *state;
    strv_add(&x->env, "WAYBILL_VERB_MODE=real");
    start_management(x);
    assert_false(lists(x, "create_workspace"));
    assert_true(lists(x, "provision_workspace"));
}

static void lists_neither_verb_when_it_is_a_phantom(void **state)
{
    struct fixture *x = *state;
    strv_add(&x->env, "WAYBILL_VERB_MODE=phantom");
    start_management(x);
    assert_false(lists(x, "create_workspace"));
    assert_false(lists(x, "provision_workspace"));
    call(x, "create_workspace", "{\"name\":\"n\"}");
    assert_int_equal(x->answer.outcome, MCP_RPC_ERROR);
    assert_string_equal(requests(x), "");
}

static void has_the_shipped_manners_when_asked(void **state)
{
    struct fixture *x = *state;
    strv_add(&x->env, "WAYBILL_MCP_MANNERS=shipped");
    start_management(x);
    assert_int_equal(mcp_junk_lines(x->client), 2);
    assert_has(requests(x), "GET /health HTTP");
    assert_has(requests(x), "GET /templates HTTP");
    call(x, "nope", "{}");
    assert_int_equal(x->answer.outcome, MCP_TOOL_ERROR);
    assert_string_equal(text(x), "MCP error -32602: Tool nope not found");
    call(x, "get_workspace", "{}");
    assert_int_equal(x->answer.outcome, MCP_TOOL_ERROR);
    assert_has(text(x), "MCP error -32602: Input validation error: Invalid arguments for "
                        "tool get_workspace: [");
    call(x, "list_orgs", "{\"extra\":1}");
    assert_int_equal(x->answer.outcome, MCP_OK);
    assert_has(text(x), "CP_TIER_NOT_CONFIGURED");
    assert_true(lists(x, "create_workspace"));
    const json_t *tool = json_array_get(json_object_get(x->answer.result, "tools"), 0);
    assert_string_equal(json_str(json_object_get(tool, "execution"), "taskSupport", ""),
                        "forbidden");
    assert_string_equal(json_str(json_object_get(tool, "inputSchema"), "$schema", ""),
                        "http://json-schema.org/draft-07/schema#");
}

static void asks_nothing_before_it_is_asked(void **state)
{
    struct fixture *x = *state;
    start_management(x);
    assert_true(lists(x, "create_workspace"));
    assert_int_equal(mcp_junk_lines(x->client), 0);
    assert_string_equal(requests(x), "");
}

/* ---- the other two servers ---- */

static void serves_the_workspace_tools_by_default(void **state)
{
    struct fixture *x = *state;
    strv_add(&x->env, "MOLECULE_API_TOKEN=token");
    start(x, NULL);
    assert_string_equal(mcp_server_name(x->client), "molecule-a2a");
    assert_true(lists(x, "list_peers"));
    call(x, "read_file", "{\"workspace_id\":\"w\",\"path\":\"a b/c.md\"}");
    assert_has(requests(x), "GET /workspaces/w/files/a%20b/c.md HTTP");
    assert_has(requests(x), "Authorization: Bearer token\r\n");
    call(x, "list_files", "{\"workspace_id\":\"w\",\"path\":\"plugins\",\"depth\":2}");
    assert_has(requests(x), "GET /workspaces/w/files?path=plugins&depth=2 HTTP");
    call(x, "create_workspace", "{\"name\":\"n\"}");
    assert_has(requests(x), "{\"name\":\"n\",\"tier\":1,\"canvas\":{\"x\":");
}

static int setup_with_peers(void **state)
{
    static const struct fake_reply script[] = {
        {FAKE_JSON,
         "[{\"id\":\"p\",\"name\":\"Peer\",\"role\":null,\"status\":\"online\",\"tier\":"
         "4,"
         "\"url\":\"http://x\"}]",
         NULL},
        {"401 Unauthorized", "{\"error\":\"missing workspace auth token\"}", NULL},
        {FAKE_JSON,
         "{\"jsonrpc\":\"2.0\",\"id\":\"1\",\"result\":{\"kind\":\"message\","
         "\"parts\":[{\"kind\":\"text\",\"text\":\"hello back\"}]}}",
         NULL},
    };
    return setup_with(state, script, ARRAY_SIZE(script));
}

static void serves_the_delegation_tools_with_the_boxs_own_token(void **state)
{
    struct fixture *x = *state;
    CLEANUP(free_ptr) char *token = xasprintf("%s/configs/.auth_token", x->dir);
    assert_int_equal(fs_mkparents(token, &x->err), 0);
    assert_int_equal(fs_write(token, "box-token\n", 10, 0600, &x->err), 0);
    strv_addf(&x->env, "WAYBILL_BOX_ROOT=%s", x->dir);
    strv_addf(&x->env, "PLATFORM_URL=%s", x->platform.url);
    strv_add(&x->env, "WORKSPACE_ID=me");
    start(x, "a2a");
    assert_string_equal(mcp_server_name(x->client), "a2a-delegation");
    assert_string_equal(mcp_revision(x->client), "2024-11-05");
    assert_false(lists(x, "create_workspace"));
    call(x, "list_peers", "{}");
    assert_has(requests(x), "GET /registry/me/peers HTTP");
    assert_has(requests(x), "Authorization: Bearer box-token\r\n");
    CLEANUP(free_ptr) char *origin = xasprintf("Origin: %s\r\n", x->platform.url);
    assert_has(requests(x), origin);
    assert_has(text(x), "\"name\": \"Peer\"");
    assert_null(strstr(text(x), "url"));
    call(x, "list_peers", "{}");
    assert_string_equal(text(x), "No peers available (this workspace may be isolated)");
    call(x, "delegate_task", "{\"workspace_id\":\"p\",\"task\":\"say hello\"}");
    assert_has(requests(x), "POST /workspaces/p/a2a HTTP");
    assert_has(requests(x), "X-Workspace-ID: me\r\n");
    assert_string_equal(text(x), "hello back");
    call(x, "delegate_task",
         "{\"workspace_id\":\"p\",\"task\":\"look\",\"attachments\":[{\"uri\":\"u\","
         "\"name\":\"n\"}]}");
    assert_has(requests(x), "\"parts\":[{\"kind\":\"text\",\"text\":\"look\"},{\"kind\":"
                            "\"file\",\"file\":{\"uri\":\"u\",\"name\":\"n\"}}]");
}

/* ---- npx ---- */

static int run_npx(struct fixture *x, const char *package, const char *input,
                   struct proc_result *ret)
{
    CLEANUP(free_ptr) char *link = xasprintf("%s/npx", x->dir);
    char *name = xstrdup(package);
    char *argv[] = {link, (char[]){"-y"}, name, NULL};
    struct proc_spec spec = PROC_SPEC_INIT;
    strv_env_set(&x->env, "PATH", x->dir);
    spec.argv = argv;
    spec.env = &x->env;
    int rc = fs_mkdirs(x->dir, &x->err);
    if (!rc && symlink(x->mock, link))
        rc = -1;
    if (!rc)
        rc = proc_run(&spec, input, strlen(input), 10000, ret, &x->err);
    free(name);
    return rc;
}

static void is_the_boxs_npx_for_its_package(void **state)
{
    struct fixture *x = *state;
    CLEANUP(proc_result_release) struct proc_result r = {.exit_code = -1};
    assert_int_equal(run_npx(x, "@molecule-ai/mcp-server@1.6.1",
                             "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\"}\n", &r),
                     0);
    assert_int_equal(r.exit_code, 0);
    assert_string_equal(r.out.data, "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{}}\n");
}

static void is_no_npx_for_other_packages(void **state)
{
    struct fixture *x = *state;
    CLEANUP(proc_result_release) struct proc_result r = {.exit_code = -1};
    assert_int_equal(run_npx(x, "left-pad", "", &r), 0);
    assert_int_equal(r.exit_code, 127);
    assert_has(r.err.data, "npx: no package 'left-pad' here");
}

static void is_no_server_where_the_real_one_is_wanted(void **state)
{
    struct fixture *x = *state;
    CLEANUP(proc_result_release) struct proc_result r = {.exit_code = -1};
    strv_add(&x->env, "WAYBILL_NPX=real");
    assert_int_equal(run_npx(x, "@molecule-ai/mcp-server", "", &r), 0);
    assert_int_equal(r.exit_code, 127);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(makes_the_rest_call_of_each_tool),
        T(lists_the_tools_in_their_order_with_nothing_untested),
        T(sends_the_organisations_key_and_headers),
        T(uses_the_other_key_for_the_request_tools),
        T(sends_nothing_without_a_key),
        T(sends_nothing_without_an_organisation),
        T(sends_nothing_to_a_control_plane_that_is_not_configured),
        T(sends_nothing_when_the_arguments_are_bad),
        cmocka_unit_test_setup_teardown(turns_refusals_into_envelopes, setup_refusing,
                                        teardown),
        T(says_that_the_platform_cannot_be_reached),
        T(lists_both_verbs_at_the_seed),
        T(lists_only_provision_when_the_verb_is_real),
        T(lists_neither_verb_when_it_is_a_phantom),
        T(has_the_shipped_manners_when_asked),
        T(asks_nothing_before_it_is_asked),
        T(serves_the_workspace_tools_by_default),
        cmocka_unit_test_setup_teardown(
            serves_the_delegation_tools_with_the_boxs_own_token, setup_with_peers,
            teardown),
        T(is_the_boxs_npx_for_its_package),
        T(is_no_npx_for_other_packages),
        T(is_no_server_where_the_real_one_is_wanted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
