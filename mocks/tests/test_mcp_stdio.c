/* What our MCP servers say over stdio, frame by frame, in both eras; the conformance
 * suite has no stdio at all. */
#include "mocks/tests/mcp_fixture.h"

#define CALL_ID(id, name, arguments)                                                     \
    "{\"jsonrpc\":\"2.0\",\"id\":" id ",\"method\":\"tools/call\",\"params\":{"          \
    "\"name\":\"" name "\",\"arguments\":" arguments "}}"
#define M_METHOD(name)                                                                   \
    "{\"jsonrpc\":\"2.0\",\"id\":8,\"method\":\"" name "\",\"params\":{" META "}}"

static void start(struct mcp_fixture *f)
{
    start_server(f, "management --diagnostics");
}

static const struct {
    const char *about, *frame;
    int code;
} ROWS[] = {
    {"no JSON", "{", -32700},
    {"no frame", "{\"jsonrpc\":\"1.0\",\"id\":1,\"method\":\"x\"}", -32600},
    {"an id that is null", "{\"jsonrpc\":\"2.0\",\"id\":null,\"method\":\"ping\"}",
     -32600},
    {"a batch", "[" LIST "]", -32600},
    {"ping", "{\"jsonrpc\":\"2.0\",\"id\":0,\"method\":\"ping\"}", 0},
    {"a method that nobody knows",
     "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"no/such\"}", -32601},
    {"an unknown tool", CALL_ID("1", "no_such_tool", "{}"), -32602},
    {"a bad cursor",
     "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/"
     "list\",\"params\":{\"cursor\":\"x\"}}",
     -32602},
    {"bad arguments are a result", CALL_ID("1", "test_slow", "{\"ms\":\"x\"}"), 0},
    {"a modern list", M_METHOD("tools/list"), 0},
    {"server/discover", M_METHOD("server/discover"), 0},
    {"server/discover without _meta",
     "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"server/discover\"}", -32602},
    {"modern initialize", M_METHOD("initialize"), -32601},
    {"modern ping", M_METHOD("ping"), -32601},
    {"_meta without capabilities",
     "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/list\",\"params\":{\"_meta\":{"
     "\"io.modelcontextprotocol/protocolVersion\":\"2026-07-28\"}}}",
     -32602},
    {"a version that nobody speaks",
     "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/list\",\"params\":{\"_meta\":{"
     "\"io.modelcontextprotocol/protocolVersion\":\"2027-01-01\","
     "\"io.modelcontextprotocol/clientCapabilities\":{}}}}",
     -32022},
};

static void answers_each_line_with_one_frame(void **state)
{
    struct mcp_fixture *f = *state;
    start_stdio(f, "2025-11-25");
    for (size_t i = 0; i < ARRAY_SIZE(ROWS); i++) {
        say_and_hear(f, ROWS[i].frame);
        if (error_code(f) != ROWS[i].code) {
            char *text = json_text(f->json, JSON_STRUCT);
            fail_msg("%s: %s", ROWS[i].about, text);
        }
    }
    /* Nothing else was said in between, nor comes at the end. */
    say_and_hear(f, "{\"jsonrpc\":\"2.0\",\"id\":\"last\",\"method\":\"ping\"}");
    assert_string_equal(json_str(f->json, "id", ""), "last");
    assert_int_equal(end(f), 0);
    assert_int_equal(f->in.len, 0);
}

static void leaves_out_the_id_that_it_could_not_read(void **state)
{
    struct mcp_fixture *f = *state;
    start(f);
    say_and_hear(f, "{");
    assert_null(json_object_get(f->json, "id"));
}

static void says_ids_back_as_they_came(void **state)
{
    struct mcp_fixture *f = *state;
    start(f);
    say_and_hear(f, "{\"jsonrpc\":\"2.0\",\"id\":0,\"method\":\"ping\"}");
    assert_true(json_is_integer(json_object_get(f->json, "id")));
    say_and_hear(f, "{\"jsonrpc\":\"2.0\",\"id\":\"0\",\"method\":\"ping\"}");
    assert_true(json_is_string(json_object_get(f->json, "id")));
}

static void serves_modern_requests_without_a_handshake(void **state)
{
    struct mcp_fixture *f = *state;
    start(f);
    say_and_hear(f, M_METHOD("server/discover"));
    assert_non_null(json_object_get(result_of(f), "supportedVersions"));
    say_and_hear(f, M_METHOD("tools/list"));
    assert_string_equal(json_str(result_of(f), "resultType", ""), "complete");
    assert_true(lists_tool(f, "create_workspace"));
    /* And a legacy client in the same process. */
    shake(f, "2025-03-26");
    say_and_hear(f, LIST);
    assert_null(json_object_get(result_of(f), "resultType"));
}

static void reads_batches_in_2025_03_26(void **state)
{
    struct mcp_fixture *f = *state;
    start_stdio(f, "2025-03-26");
    say_and_hear(f, "[{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\"}," INITIALIZED
                    "," CALL_ID("2", "test_slow", "{\"ms\":5}") "]");
    assert_int_equal(json_array_size(f->json), 2);
    say(f, "[" INITIALIZED "]");
    say_and_hear(f, "{\"jsonrpc\":\"2.0\",\"id\":9,\"method\":\"ping\"}");
    assert_int_equal(json_int(f->json, "id", 0), 9);
}

static void tells_progress_that_grows_and_stops_with_the_answer(void **state)
{
    struct mcp_fixture *f = *state;
    double last = -1;
    int n = 0;
    start_stdio(f, "2025-11-25");
    say(f, "{\"jsonrpc\":\"2.0\",\"id\":5,\"method\":\"tools/call\",\"params\":{\"name\":"
           "\"test_tool_with_progress\",\"_meta\":{\"progressToken\":\"t\"}}}");
    for (hear(f); json_object_get(f->json, "method"); hear(f)) {
        const json_t *params = json_object_get(f->json, "params");
        double now = json_number_value(json_object_get(params, "progress"));
        assert_string_equal(json_str(params, "progressToken", ""), "t");
        assert_true(now > last);
        last = now;
        n++;
    }
    assert_int_equal(n, 3);
    assert_int_equal(json_int(f->json, "id", 0), 5);
    /* Who gave no token is told nothing. */
    say_and_hear(f, CALL_ID("6", "test_tool_with_progress", "{}"));
    assert_int_equal(json_int(f->json, "id", 0), 6);
}

static void cancels_what_it_is_told_to_in_both_eras(void **state)
{
    struct mcp_fixture *f = *state;
    start_stdio(f, "2025-11-25");
    say(f, CALL_ID("7", "test_slow", "{\"ms\":60000}"));
    say(f, "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/cancelled\",\"params\":{"
           "\"requestId\":\"7\"}}"); /* another id */
    say_and_hear(f, CALL_ID("8", "test_cancellations", "{}"));
    assert_string_equal(result_text(f), "0");
    say(f, "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/cancelled\",\"params\":{"
           "\"requestId\":7}}");
    say_and_hear(f, CALL_ID("9", "test_cancellations", "{}"));
    assert_string_equal(result_text(f), "1");
    say(f,
        "{\"jsonrpc\":\"2.0\",\"id\":10,\"method\":\"tools/call\",\"params\":{\"name\":"
        "\"test_slow\",\"arguments\":{\"ms\":60000}," META "}}");
    say(f, "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/cancelled\",\"params\":{"
           "\"requestId\":10}}");
    say_and_hear(f, CALL_ID("11", "test_cancellations", "{}"));
    assert_string_equal(result_text(f), "2");
}

static void answers_what_is_under_way_when_its_stdin_ends(void **state)
{
    struct mcp_fixture *f = *state;
    start(f);
    say(f, CALL_ID("1", "test_slow", "{\"ms\":50}"));
    close_fd(&f->server.in);
    hear(f);
    assert_string_equal(result_text(f), "waited");
    assert_int_equal(end(f), 0);
}

static void ends_soon_when_nobody_waits_any_more(void **state)
{
    struct mcp_fixture *f = *state;
    start(f);
    say(f, CALL_ID("1", "test_slow", "{\"ms\":60000}"));
    assert_int_equal(end(f), 0);
}

static void lists_page_by_page(void **state)
{
    struct mcp_fixture *f = *state;
    start_server(f, "workspace --page-size 50");
    shake(f, "2024-11-05");
    say_and_hear(f, LIST);
    assert_int_equal(json_array_size(json_object_get(result_of(f), "tools")), 50);
    char *next CLEANUP(free_ptr) =
        xasprintf("{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/list\",\"params\":{"
                  "\"cursor\":\"%s\"}}",
                  json_str(result_of(f), "nextCursor", ""));
    say_and_hear(f, next);
    assert_true(json_array_size(json_object_get(result_of(f), "tools")) > 0);
}

static void keeps_to_the_delegation_servers_own_revision(void **state)
{
    struct mcp_fixture *f = *state;
    start_server(f, "a2a");
    say_and_hear(f, INITIALIZE("2025-11-25"));
    assert_string_equal(json_str(result_of(f), "protocolVersion", ""), "2024-11-05");
    say_and_hear(f, M_METHOD("server/discover"));
    assert_int_equal(error_code(f), -32601);
    say_and_hear(f, CALL_ID("1", "delegate_task", "{}"));
    assert_int_equal(error_code(f), -32602);
}

/* As 1.6.1 does: silence on what is no frame, agreement to anything, one era. */
static void has_the_shipped_manners_on_the_wire(void **state)
{
    struct mcp_fixture *f = *state;
    strv_add(&f->env, "WAYBILL_MCP_MANNERS=shipped");
    strv_add(&f->env, "LOG_LEVEL=60");
    strv_add(&f->env, "MOLECULE_API_URL=http://127.0.0.1:1");
    start_server(f, "management");
    say(f, "{");
    say_and_hear(f, INITIALIZE("1999-01-01"));
    assert_string_equal(json_str(result_of(f), "protocolVersion", ""), "1999-01-01");
    say_and_hear(f, M_METHOD("server/discover"));
    assert_int_equal(error_code(f), -32601);
    say_and_hear(f, M_METHOD("tools/list"));
    assert_null(json_object_get(result_of(f), "resultType"));
    say_and_hear(f, CALL_ID("1", "provision_workspace", "{\"name\":7}"));
    assert_non_null(strstr(result_text(f), "\"code\": \"invalid_type\""));
}

static const struct {
    const char *words, *says;
} BAD_USAGE[] = {
    {"nobody", "no server 'nobody'"},
    {"management again", "unexpected argument 'again'"},
    {"--http-port x", "--http-port wants a number from 0 to 65535, got 'x'"},
    {"--page-size 0", "--page-size wants a number from 1"},
    {"--nonsense", "unknown option or missing value '--nonsense'"},
    {"--bearer-env NOT_SET", "the variable 'NOT_SET' of --bearer-env is not set"},
};

static void says_in_one_line_what_is_wrong_with_its_usage(void **state)
{
    struct mcp_fixture *f = *state;
    char *self CLEANUP(free_ptr) = fs_self_exe(NULL);
    const char *tests = strstr(self, "/mocks/tests/");
    assert_non_null(tests);
    for (size_t i = 0; i < ARRAY_SIZE(BAD_USAGE); i++) {
        struct strv argv CLEANUP(strv_release) = STRV_INIT;
        struct proc_result r CLEANUP(proc_result_release) = {.exit_code = -1};
        struct proc_spec spec = PROC_SPEC_INIT;
        strv_addf(&argv, "%.*s/waybill-mock", (int)(tests - self), self);
        strv_add(&argv, "mcp");
        strv_split(&argv, BAD_USAGE[i].words, ' ');
        spec.argv = strv_argv(&argv);
        spec.env = &f->env;
        assert_int_equal(proc_run(&spec, "", 0, PATIENCE_MS, &r, NULL), 0);
        assert_int_equal(r.exit_code, 2);
        if (!strstr(r.err.data, BAD_USAGE[i].says))
            fail_msg("%s: %s", BAD_USAGE[i].words, r.err.data);
        assert_int_equal(r.out.len, 0);
    }
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, mcp_setup, mcp_teardown)
    const struct CMUnitTest tests[] = {
        T(answers_each_line_with_one_frame),
        T(leaves_out_the_id_that_it_could_not_read),
        T(says_ids_back_as_they_came),
        T(serves_modern_requests_without_a_handshake),
        T(reads_batches_in_2025_03_26),
        T(tells_progress_that_grows_and_stops_with_the_answer),
        T(cancels_what_it_is_told_to_in_both_eras),
        T(answers_what_is_under_way_when_its_stdin_ends),
        T(ends_soon_when_nobody_waits_any_more),
        T(lists_page_by_page),
        T(keeps_to_the_delegation_servers_own_revision),
        T(has_the_shipped_manners_on_the_wire),
        T(says_in_one_line_what_is_wrong_with_its_usage),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
