/* Arguments of tools that are on the edge of being none: empty texts, texts with a NUL
 * inside, integers that are written as reals; and those that are nested deeply. */
#include "mocks/tests/calls_fixture.h"

#define ID "\"workspace_id\":\"w\""

/* With a control plane and a forge, which are the same platform. */
static void start_with_all(struct fixture *x)
{
    strv_addf(&x->env, "MOLECULE_CP_URL=%s", x->platform.url);
    strv_addf(&x->env, "GITEA_API_URL=%s", x->platform.url);
    strv_add(&x->env, "CP_ADMIN_API_TOKEN=cp-token");
    strv_add(&x->env, "GITEA_TOKEN=gitea-token");
    strv_add(&x->env, "MOLECULE_ORG_SLUG=acme");
    strv_add(&x->env, "GITEA_ISSUE_REPO=own/repo");
    start_management(x);
}

static void start_a2a(struct fixture *x)
{
    strv_addf(&x->env, "PLATFORM_URL=%s", x->platform.url);
    strv_add(&x->env, "WORKSPACE_ID=me");
    start(x, "a2a");
}

struct row {
    const char *tool, *arguments;
    const char *has; /* of the requests; of the answer's text when nothing is sent */
};

static void each_asks(struct fixture *x, const struct row *rows, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        size_t before = strlen(requests(x));
        call(x, rows[i].tool, rows[i].arguments);
        assert_has(requests(x) + before, rows[i].has);
    }
}

static void each_is_refused(struct fixture *x, const struct row *rows, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        call(x, rows[i].tool, rows[i].arguments);
        if (x->answer.outcome != MCP_TOOL_ERROR)
            fail_msg("%s %s: %s", rows[i].tool, rows[i].arguments, text(x));
        assert_has(text(x), rows[i].has);
    }
    assert_string_equal(requests(x), "");
}

static void redeploys_nothing_for_an_empty_scope(void **state)
{
    static const struct row rows[] = {
        {"recreate_workspace", "{\"workspace_id\":\"\",\"runtime\":\"\"}",
         "SCOPE_REQUIRED"},
        {"recreate_workspace", "{\"runtime\":\"\"}", "SCOPE_REQUIRED"},
        {"recreate_workspace", "{\"workspace_id\":\"\"}", "SCOPE_REQUIRED"},
        {"recreate_workspace", "{\"runtime\":\"hermes\\u0000\"}", "runtime"},
    };
    start_with_all(*state);
    each_is_refused(*state, rows, ARRAY_SIZE(rows));
}

static void takes_an_empty_text_for_no_argument(void **state)
{
    static const struct row rows[] = {
        {"get_org_plugin_allowlist", "{\"org_id\":\"\"}",
         "GET /orgs/org-id/plugins/allowlist HTTP"},
        {"list_org_events", "{\"workspace_id\":\"\"}", "GET /events HTTP"},
        {"list_inbox", "{" ID ",\"status\":\"\"}",
         "GET /workspaces/w/requests/inbox HTTP"},
        {"recreate_workspace", "{\"slug\":\"\",\"runtime\":\"hermes\",\"actor\":\"\"}",
         "POST /api/v1/admin/tenants/acme/workspaces/redeploy HTTP"},
        {"recreate_workspace", "{\"runtime\":\"hermes\",\"actor\":\"\"}",
         "\"actor\":\"management-mcp\""},
        {"create_issue", "{\"title\":\"t\",\"description\":\"\",\"repo\":\"\"}",
         "POST /repos/own/repo/issues HTTP"},
        {"create_issue", "{\"title\":\"\",\"description\":\"\"}",
         "{\"title\":\"\",\"body\":\"\\n\",\"labels\":[]}"},
    };
    start_with_all(*state);
    each_asks(*state, rows, ARRAY_SIZE(rows));
}

static void sends_no_header_for_an_empty_argument(void **state)
{
    struct fixture *x = *state;
    start_management(x);
    call(x, "deprovision_workspace", "{" ID ",\"confirm_name\":\"\"}");
    assert_has(requests(x), "DELETE /workspaces/w HTTP");
    assert_null(strstr(requests(x), "X-Confirm-Name"));
}

static void adds_no_empty_message_to_a_request(void **state)
{
    struct fixture *x = *state;
    start_management(x);
    call(x, "respond_request",
         "{" ID ",\"request_id\":\"r\",\"action\":\"done\",\"message\":\"\"}");
    assert_has(requests(x), "POST /workspaces/w/requests/r/respond HTTP");
    assert_null(strstr(requests(x), "/messages"));
}

static void refuses_an_empty_text_where_the_path_needs_one(void **state)
{
    static const struct row rows[] = {
        {"get_workspace", "{\"workspace_id\":\"\"}",
         "Invalid argument: workspace_id is required"},
        {"delete_org_secret", "{\"key\":\"\"}", "Invalid argument: key is required"},
        {"get_request", "{" ID ",\"request_id\":\"\"}",
         "Invalid argument: request_id is required"},
        {"get_org", "{\"slug\":\"\"}", "Invalid argument: slug is required"},
        {"create_org_from_template", "{\"dir\":\"\"}",
         "Invalid argument: dir or template is required"},
    };
    start_with_all(*state);
    each_is_refused(*state, rows, ARRAY_SIZE(rows));
}

static void cuts_no_argument_short_at_a_nul(void **state)
{
    static const struct row rows[] = {
        {"get_workspace", "{\"workspace_id\":\"a\\u0000b\"}", "workspace_id"},
        {"list_inbox", "{" ID ",\"status\":\"a\\u0000b\"}", "status"},
        {"deprovision_workspace", "{" ID ",\"confirm_name\":\"a\\u0000b\"}",
         "confirm_name"},
        {"create_issue", "{\"title\":\"t\",\"description\":\"a\\u0000b\"}",
         "description"},
    };
    start_with_all(*state);
    each_is_refused(*state, rows, ARRAY_SIZE(rows));
}

static void lets_a_nul_into_the_body(void **state)
{
    static const struct row rows[] = {
        {"set_org_secret", "{\"key\":\"K\",\"value\":\"a\\u0000b\"}",
         "\"value\":\"a\\u0000b\""},
    };
    start_management(*state);
    each_asks(*state, rows, ARRAY_SIZE(rows));
}

static void delegates_to_nobody_without_a_name(void **state)
{
    static const struct row rows[] = {
        {"delegate_task", "{\"workspace_id\":\"\",\"task\":\"t\"}",
         "Invalid argument: workspace_id is required"},
        {"check_task_status", "{" ID ",\"task_id\":\"a\\u0000b\"}", "task_id"},
    };
    start_a2a(*state);
    each_is_refused(*state, rows, ARRAY_SIZE(rows));
}

static int setup_with_tasks(void **state)
{
    static const struct fake_reply tasks[] = {
        {FAKE_JSON, "[{\"status\":\"queued\"}]", NULL}};
    return setup_with(state, tasks, ARRAY_SIZE(tasks));
}

static void finds_no_task_that_has_no_name(void **state)
{
    struct fixture *x = *state;
    start_a2a(x);
    call(x, "check_task_status", "{" ID ",\"task_id\":\"\"}");
    assert_string_equal(text(x), "Error: no such task");
}

static void sends_empty_words_as_they_are(void **state)
{
    static const struct row rows[] = {
        {"delegate_task", "{" ID ",\"task\":\"\"}", "{\"kind\":\"text\",\"text\":\"\"}"},
        {"delegate_task_async", "{" ID ",\"task\":\"\"}",
         "{\"target_id\":\"w\",\"task\":\"\"}"},
    };
    start_a2a(*state);
    each_asks(*state, rows, ARRAY_SIZE(rows));
}

/* Our client writes 5.0 as 5, so these are lines of another one. */
static void say_lines(struct fixture *x, char *const *words, const char *lines,
                      struct proc_result *ret)
{
    char *argv[] = {x->mock, (char[]){"mcp"}, words[0], words[1], NULL};
    struct proc_spec spec = PROC_SPEC_INIT;
    spec.argv = argv;
    spec.env = &x->env;
    assert_int_equal(proc_run(&spec, lines, strlen(lines), 10000, ret, &x->err), 0);
}

#define CALL(id, tool, arguments)                                                        \
    "{\"jsonrpc\":\"2.0\",\"id\":" id ",\"method\":\"tools/call\",\"params\":{\"_meta\"" \
    ":{\"io.modelcontextprotocol/protocolVersion\":\"2026-07-28\","                      \
    "\"io.modelcontextprotocol/clientCapabilities\":{}},\"name\":\"" tool                \
    "\",\"arguments\":" arguments "}}\n"

static void reads_integers_that_are_written_as_reals(void **state)
{
    struct fixture *x = *state;
    CLEANUP(proc_result_release) struct proc_result r = {.exit_code = -1};
    char *const workspace[] = {(char[]){"workspace"}, NULL};
    say_lines(x, workspace,
              CALL("1", "session_search", "{" ID ",\"limit\":5.0}")
                  CALL("2", "list_files", "{" ID ",\"depth\":2e0}"),
              &r);
    assert_has(requests(x), "GET /workspaces/w/session-search?limit=5 HTTP");
    assert_has(requests(x), "GET /workspaces/w/files?depth=2 HTTP");
}

static void waits_for_milliseconds_that_are_written_as_a_real(void **state)
{
    struct fixture *x = *state;
    CLEANUP(proc_result_release) struct proc_result r = {.exit_code = -1};
    char *const diagnostics[] = {(char[]){"workspace"}, (char[]){"--diagnostics"}};
    say_lines(x, diagnostics,
              CALL("\"soon\"", "test_slow", "{\"ms\":0.0}")
                  CALL("\"later\"", "test_slow", "{\"ms\":500}"),
              &r);
    const char *soon = strstr(r.out.data, "\"soon\"");
    const char *later = strstr(r.out.data, "\"later\"");
    assert_non_null(soon);
    assert_non_null(later);
    assert_true(soon < later);
}

static int setup_with_nesting(void **state)
{
    static const struct fake_reply nested[] = {
        {FAKE_JSON,
         "[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]"
         "]",
         NULL}};
    return setup_with(state, nested, ARRAY_SIZE(nested));
}

/* To the platform, and back from it. */
static void passes_on_what_is_nested_deeply(void **state)
{
    struct fixture *x = *state;
    CLEANUP(buf_release) struct buf bundle = BUF_INIT(KIB(64));
    buf_adds(&bundle, "{\"bundle\":");
    for (int i = 0; i < 100; i++)
        buf_adds(&bundle, "{\"a\":");
    buf_adds(&bundle, "1");
    for (int i = 0; i < 101; i++)
        buf_addc(&bundle, '}');
    start_management(x);
    call(x, "import_bundle", bundle.data);
    assert_int_equal(x->answer.outcome, MCP_OK);
    assert_has(requests(x), "{\"a\":{\"a\":1}}");
    assert_null(strstr(text(x), "\"raw\""));
    assert_has(text(x), "[\n");
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(redeploys_nothing_for_an_empty_scope),
        T(takes_an_empty_text_for_no_argument),
        T(sends_no_header_for_an_empty_argument),
        T(adds_no_empty_message_to_a_request),
        T(refuses_an_empty_text_where_the_path_needs_one),
        T(cuts_no_argument_short_at_a_nul),
        T(lets_a_nul_into_the_body),
        T(delegates_to_nobody_without_a_name),
        cmocka_unit_test_setup_teardown(finds_no_task_that_has_no_name, setup_with_tasks,
                                        teardown),
        T(sends_empty_words_as_they_are),
        cmocka_unit_test_setup_teardown(passes_on_what_is_nested_deeply,
                                        setup_with_nesting, teardown),
        T(reads_integers_that_are_written_as_reals),
        T(waits_for_milliseconds_that_are_written_as_a_real),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
