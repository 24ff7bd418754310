/* What our MCP servers say over stdio, frame by frame, in both eras; the conformance
 * suite has no stdio at all. */
#include "mocks/tests/mcp_fixture.h"

#include <fcntl.h>

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

/* The shipped server knows no cursors: what is not on the first page is nowhere. */
static void lists_everything_at_once_with_the_shipped_manners(void **state)
{
    struct mcp_fixture *f = *state;
    strv_add(&f->env, "WAYBILL_MCP_MANNERS=shipped");
    strv_add(&f->env, "LOG_LEVEL=60");
    strv_add(&f->env, "MOLECULE_API_URL=http://127.0.0.1:1");
    start_server(f, "management --page-size 10");
    shake(f, "2025-11-25");
    say_and_hear(f, LIST);
    assert_null(json_object_get(result_of(f), "nextCursor"));
    assert_int_equal(json_array_size(json_object_get(result_of(f), "tools")), 42);
}

/* ---- descriptors ---- */

/* Through a shell, whose redirections are part of the words. */
static void run_in_shell(struct mcp_fixture *f, const char *words, const char *input,
                         struct proc_result *ret)
{
    char *self CLEANUP(free_ptr) = fs_self_exe(NULL);
    const char *tests = strstr(self, "/mocks/tests/");
    char *command CLEANUP(free_ptr) =
        xasprintf("exec %.*s/waybill-mock mcp a2a %s", (int)(tests - self), self, words);
    char *argv[] = {(char[]){"/bin/sh"}, (char[]){"-c"}, command, NULL};
    struct proc_spec spec = PROC_SPEC_INIT;

    spec.argv = argv;
    spec.env = &f->env;
    assert_int_equal(proc_run(&spec, input, strlen(input),
                              (int64_t)(PATIENCE_MS * clock_timeout_mul()), ret, NULL),
                     0);
}

static void reads_requests_from_a_file(void **state)
{
    static const char ping[] = "{\"jsonrpc\":\"2.0\",\"id\":5,\"method\":\"ping\"}\n";
    struct proc_result r CLEANUP(proc_result_release) = {.exit_code = -1};
    char path[] = "/tmp/waybill-requests-XXXXXX";
    int fd CLEANUP(close_fd) = mkstemp(path);
    assert_int_equal(write(fd, ping, sizeof(ping) - 1), sizeof(ping) - 1);
    char *words CLEANUP(free_ptr) = xasprintf("<%s", path);
    run_in_shell(*state, words, "", &r);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(r.exit_code, 0);
    assert_string_equal(r.out.data, "{\"jsonrpc\":\"2.0\",\"id\":5,\"result\":{}}\n");
}

static const struct {
    const char *words, *says;
} BAD_DESCRIPTORS[] = {
    {"<&-", "waybill-mock mcp: cannot read standard input: Bad file descriptor\n"},
    {"</", "waybill-mock mcp: cannot read standard input: Is a directory\n"},
    {">&-", "waybill-mock mcp: cannot write to standard output: Bad file descriptor\n"},
    {">/dev/full", "waybill-mock mcp: cannot write to standard output: No space left on "
                   "device\n"},
};

static void ends_with_the_reason_when_a_descriptor_is_of_no_use(void **state)
{
    for (size_t i = 0; i < ARRAY_SIZE(BAD_DESCRIPTORS); i++) {
        struct proc_result r CLEANUP(proc_result_release) = {.exit_code = -1};
        run_in_shell(*state, BAD_DESCRIPTORS[i].words, LIST "\n", &r);
        assert_string_equal(r.err.data, BAD_DESCRIPTORS[i].says);
        assert_int_equal(r.exit_code, 1);
        assert_int_equal(r.out.len, 0);
    }
}

/* Asks for far more than a pipe holds, without reading any of it. */
static void fill_its_stdout(struct mcp_fixture *f)
{
    for (int i = 0; i < 100; i++)
        say(f, LIST);
}

static void waits_for_who_reads_slowly(void **state)
{
    struct mcp_fixture *f = *state;
    int ends[2] = {-1, -1};
    /* With the flags that a client in Node gives to both ends of a socket. */
    assert_int_equal(pipe2(ends, O_CLOEXEC | O_NONBLOCK), 0);
    assert_int_equal(fcntl(ends[0], F_SETFL, 0), 0);
    start_server_on(f, "management", ends[1]);
    f->server.out = ends[0];
    close_fd(&ends[1]);
    fill_its_stdout(f);
    close_fd(&f->server.in);
    int status = 0;
    assert_int_equal(proc_wait(&f->server, clock_mono_ms() + 50, &status, NULL), 1);
    for (int i = 0; i < 100; i++) {
        hear(f);
        (void)result_of(f);
    }
    assert_int_equal(end(f), 0);
    assert_int_equal(f->in.len, 0);
}

static void ends_by_a_signal_as_it_should(void **state)
{
    static const int signals[] = {SIGTERM, SIGINT};
    struct mcp_fixture *f = *state;
    for (size_t i = 0; i < ARRAY_SIZE(signals); i++) {
        start_stdio(f, "2025-11-25");
        fill_its_stdout(f); /* while nobody reads it */
        free(next_line(f));
        proc_signal(&f->server, signals[i]);
        assert_int_equal(exit_of(f), 0);
        proc_release(&f->server);
        f->server = (struct proc)PROC_INIT;
        buf_reset(&f->in);
    }
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
        T(lists_everything_at_once_with_the_shipped_manners),
        T(reads_requests_from_a_file),
        T(ends_with_the_reason_when_a_descriptor_is_of_no_use),
        T(waits_for_who_reads_slowly),
        T(ends_by_a_signal_as_it_should),
        T(says_in_one_line_what_is_wrong_with_its_usage),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
