#include "harness/tests/mcp_fixture.h"

/* ---- stdio ---- */

static void lists_the_tools_of_a_real_server_over_stdio(void **state)
{
    struct fixture *x = *state;
    strv_add(&x->env, "MOLECULE_MCP_MODE=Management");
    open_mock(x, NULL);
    initialize(x);
    assert_string_equal(mcp_server_name(x->client), "molecule-platform");
    assert_string_equal(mcp_revision(x->client), "2025-11-25");
    assert_int_equal(mcp_list_tools(x->client, &x->answer, &x->err), 0);
    assert_int_equal(json_array_size(json_object_get(x->answer.result, "tools")), 42);
    assert_int_equal(mcp_junk_lines(x->client), 0);
    assert_int_equal(mcp_request(x->client, "ping", NULL, &x->answer, &x->err), 0);
    assert_int_equal(x->answer.outcome, MCP_OK);
}

static void asks_for_the_revision_that_it_is_given(void **state)
{
    struct fixture *x = *state;
    struct mcp_options opt = {.revision = "2024-11-05"};
    open_mock(x, &opt);
    initialize(x);
    assert_string_equal(mcp_revision(x->client), "2024-11-05");
}

static void keeps_the_kinds_of_error_apart(void **state)
{
    struct fixture *x = *state;
    strv_add(&x->env, "MOLECULE_MCP_MODE=management");
    open_mock(x, NULL);
    initialize(x);
    assert_int_equal(mcp_call_tool(x->client, "nope", NULL, &x->answer, &x->err), 0);
    assert_int_equal(x->answer.outcome, MCP_RPC_ERROR);
    assert_int_equal(x->answer.rpc_code, -32602);
    assert_non_null(strstr(x->answer.rpc_message, "nope"));
    assert_null(x->answer.result);
    assert_int_equal(mcp_call_tool(x->client, "get_workspace", NULL, &x->answer, &x->err),
                     0);
    assert_int_equal(x->answer.outcome, MCP_TOOL_ERROR);
    assert_non_null(x->answer.result);
    assert_int_equal(mcp_request(x->client, "no/method", NULL, &x->answer, &x->err), 0);
    assert_int_equal(x->answer.rpc_code, -32601);
}

static void skips_and_counts_log_lines_on_stdout(void **state)
{
    struct fixture *x = *state;
    strv_add(&x->env, "WAYBILL_MCP_MANNERS=shipped");
    strv_add(&x->env, "MOLECULE_API_URL=http://127.0.0.1:1");
    open_mock(x, NULL);
    initialize(x);
    assert_int_equal(mcp_junk_lines(x->client), 3);
}

static void says_how_a_server_ended_that_does_not_answer(void **state)
{
    struct fixture *x = *state;
    open_shell(x, "echo no such module >&2; exit 3", NULL);
    assert_int_equal(mcp_initialize(x->client, &x->answer, &x->err), -1);
    assert_int_equal(x->err.kind, ERR_NET);
    assert_non_null(strstr(x->err.text, "exit code 3"));
    assert_non_null(strstr(x->err.text, "no such module"));
}

static void does_not_wait_longer_than_the_deadline(void **state)
{
    struct fixture *x = *state;
    struct mcp_options opt = {.timeout_ms = 100};
    open_shell(x, "cat >/dev/null", &opt);
    int64_t start = clock_mono_ms();
    assert_int_equal(mcp_initialize(x->client, &x->answer, &x->err), -1);
    assert_int_equal(x->err.kind, ERR_TIMEOUT);
    assert_in_range(clock_mono_ms() - start, 90, 5000);
}

static void does_not_hang_on_a_server_that_does_not_read(void **state)
{
    struct fixture *x = *state;
    struct mcp_options opt = {.timeout_ms = 200};
    open_shell(x, "exec tail -f /dev/null", &opt);
    CLEANUP(free_ptr) char *big = xcalloc(1, 400001);
    memset(big, 'x', 400000);
    CLEANUP(json_drop) json_t *params = json_pack("{s:s}", "big", big);
    assert_int_equal(mcp_request(x->client, "ping", params, &x->answer, &x->err), -1);
    assert_true(x->err.kind == ERR_TIMEOUT || x->err.kind == ERR_NET);
}

static void answers_a_ping_of_the_server(void **state)
{
    struct fixture *x = *state;
    open_shell(
        x,
        "read a; echo '{\"jsonrpc\":\"2.0\",\"id\":\"p\",\"method\":\"ping\"}'; read b;"
        "case $b in *'\"id\":\"p\",\"result\":{}'*) "
        "echo '{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{\"seen\":true}}';; esac; "
        "cat >/dev/null",
        NULL);
    assert_int_equal(mcp_request(x->client, "x", NULL, &x->answer, &x->err), 0);
    assert_true(json_bool(x->answer.result, "seen", false));
}

static void refuses_an_answer_to_what_was_never_asked(void **state)
{
    struct fixture *x = *state;
    open_shell(x, "read a; echo '{\"jsonrpc\":\"2.0\",\"id\":77,\"result\":{}}'; cat",
               NULL);
    assert_int_equal(mcp_request(x->client, "x", NULL, &x->answer, &x->err), -1);
    assert_int_equal(x->err.kind, ERR_SHAPE);
    assert_non_null(strstr(x->err.text, "77"));
}

static void refuses_a_tool_result_without_content(void **state)
{
    struct fixture *x = *state;
    open_shell(x, "read a; echo '{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{}}'; cat",
               NULL);
    assert_int_equal(mcp_call_tool(x->client, "t", NULL, &x->answer, &x->err), -1);
    assert_int_equal(x->err.kind, ERR_SHAPE);
    assert_non_null(strstr(x->err.text, "content"));
}

struct seen {
    int sent, received, junk, invalid;
};

static void count_frame(const struct mcp_frame_seen *frame, void *arg)
{
    struct seen *seen = arg;
    seen->sent += frame->direction == MCP_SENT;
    seen->received += frame->direction == MCP_RECEIVED;
    seen->junk += frame->direction == MCP_JUNK;
    seen->invalid += !frame->valid;
}

static void shows_every_frame_to_who_wants_to_see_them(void **state)
{
    struct fixture *x = *state;
    struct seen seen = {0};
    struct mcp_options opt = {.on_frame = count_frame, .on_frame_arg = &seen};
    open_shell(
        x, "read a; echo hello; echo '{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{}}'; cat",
        &opt);
    assert_int_equal(mcp_request(x->client, "x", NULL, &x->answer, &x->err), 0);
    assert_int_equal(seen.sent, 1);
    assert_int_equal(seen.received, 1);
    assert_int_equal(seen.junk, 1);
    assert_int_equal(seen.invalid, 1);
}

static void says_that_a_program_is_missing(void **state)
{
    struct fixture *x = *state;
    char *argv[] = {(char[]){"/no/such/program"}, NULL};
    assert_int_equal(mcp_open_stdio(argv, &x->env, NULL, NULL, &x->client, &x->err), -1);
    assert_non_null(strstr(x->err.text, "/no/such/program"));
}

/* ---- Streamable HTTP ---- */

static void sends_the_session_and_the_revision_after_the_handshake(void **state)
{
    struct fixture *x = *state;
    static const struct fake_reply script[] = {
        {FAKE_JSON "\r\nMcp-Session-Id: s-1", INIT("2025-06-18"), NULL},
        ACCEPTED,
        {FAKE_JSON, RESULT("{}"), NULL},
        {"200 OK", "", NULL},
    };
    open_fake(x, script, ARRAY_SIZE(script), NULL);
    initialize(x);
    assert_string_equal(mcp_session(x->client), "s-1");
    assert_int_equal(mcp_request(x->client, "ping", NULL, &x->answer, &x->err), 0);
    mcp_close(TAKE(x->client));
    const char *all = requests(x);
    assert_int_equal(fake_count(all, "POST / "), 3);
    assert_int_equal(fake_count(all, "Mcp-Session-Id: s-1\r\n"), 3);
    assert_int_equal(fake_count(all, "MCP-Protocol-Version: 2025-06-18\r\n"), 3);
    assert_int_equal(fake_count(all, "Accept: application/json, text/event-stream\r\n"),
                     3);
    assert_int_equal(fake_count(all, "DELETE / "), 1);
}

static void sends_no_revision_header_before_2025_06_18(void **state)
{
    struct fixture *x = *state;
    static const struct fake_reply script[] = {
        {FAKE_JSON, INIT("2025-03-26"), NULL}, ACCEPTED, {FAKE_JSON, RESULT("{}"), NULL}};
    open_fake(x, script, ARRAY_SIZE(script), NULL);
    initialize(x);
    assert_int_equal(mcp_request(x->client, "ping", NULL, &x->answer, &x->err), 0);
    assert_null(mcp_session(x->client));
    assert_int_equal(fake_count(requests(x), "MCP-Protocol-Version"), 0);
}

static void adds_the_headers_that_it_was_given(void **state)
{
    struct fixture *x = *state;
    static const struct fake_reply script[] = {{FAKE_JSON, RESULT("{}"), NULL}};
    CLEANUP(strv_release) struct strv headers = STRV_INIT;
    strv_add(&headers, "Authorization: Bearer abc");
    struct mcp_options opt = {.headers = &headers};
    open_fake(x, script, ARRAY_SIZE(script), &opt);
    assert_int_equal(mcp_request(x->client, "ping", NULL, &x->answer, &x->err), 0);
    assert_int_equal(fake_count(requests(x), "Authorization: Bearer abc\r\n"), 1);
}

static void refuses_a_revision_that_it_does_not_know(void **state)
{
    struct fixture *x = *state;
    static const struct fake_reply script[] = {{FAKE_JSON, INIT("2026-07-28"), NULL}};
    open_fake(x, script, ARRAY_SIZE(script), NULL);
    assert_int_equal(mcp_initialize(x->client, &x->answer, &x->err), -1);
    assert_int_equal(x->err.kind, ERR_SHAPE);
    assert_non_null(strstr(x->err.text, "2026-07-28"));
    assert_null(mcp_revision(x->client));
}

static void takes_its_answer_out_of_an_event_stream(void **state)
{
    struct fixture *x = *state;
    static const struct fake_reply script[] = {
        {FAKE_SSE,
         ": hello\n\nid: 1\ndata:\n\n"
         "data: "
         "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/message\",\"params\":{}}\n\n"
         "data: {\"jsonrpc\":\"2.0\",\"id\":9,\"method\":\"ping\"}\r\n\r\n",
         "data: {\"jsonrpc\":\"2.0\",\"id\":$ID,\ndata: \"result\":{\"ok\":true}}\n\n"}};
    open_fake(x, script, ARRAY_SIZE(script), NULL);
    if (mcp_request(x->client, "x", NULL, &x->answer, &x->err))
        fail_msg("%s", x->err.text);
    assert_true(json_bool(x->answer.result, "ok", false));
    assert_int_equal(
        fake_count(requests(x), "{\"jsonrpc\":\"2.0\",\"id\":9,\"result\":{}}"), 1);
}

static void refuses_a_stream_that_ends_without_the_answer(void **state)
{
    struct fixture *x = *state;
    static const struct fake_reply script[] = {{FAKE_SSE, ": nothing\n\n", NULL}};
    open_fake(x, script, ARRAY_SIZE(script), NULL);
    assert_int_equal(mcp_request(x->client, "x", NULL, &x->answer, &x->err), -1);
    assert_int_equal(x->err.kind, ERR_SHAPE);
}

static void resumes_a_stream_from_its_last_event(void **state)
{
    struct fixture *x = *state;
    static const struct fake_reply script[] = {
        {FAKE_SSE, "id: e-5\nretry: 20\ndata:\n\n", NULL},
        {FAKE_SSE,
         "id: e-6\ndata: {\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{\"ok\":true}}\n\n",
         NULL}};
    open_fake(x, script, ARRAY_SIZE(script), NULL);
    if (mcp_request(x->client, "x", NULL, &x->answer, &x->err))
        fail_msg("%s", x->err.text);
    assert_true(json_bool(x->answer.result, "ok", false));
    assert_in_range(x->answer.elapsed_ms, 20, 5000);
    assert_int_equal(fake_count(requests(x), "GET / "), 1);
    assert_int_equal(fake_count(requests(x), "Last-Event-ID: e-5\r\n"), 1);
}

static void joins_the_pages_of_a_list(void **state)
{
    struct fixture *x = *state;
    static const struct fake_reply script[] = {
        {FAKE_JSON, RESULT("{\"tools\":[" TOOL("a") "],\"nextCursor\":\"\"}"), NULL},
        {FAKE_JSON,
         RESULT("{\"tools\":[" TOOL("b") "," TOOL("c") "],\"nextCursor\":null}"), NULL}};
    open_fake(x, script, ARRAY_SIZE(script), NULL);
    assert_int_equal(mcp_list_tools(x->client, &x->answer, &x->err), 0);
    assert_int_equal(json_array_size(json_object_get(x->answer.result, "tools")), 3);
    assert_int_equal(fake_count(requests(x), "\"params\":{\"cursor\":\"\"}"), 1);
}

static void refuses_a_list_that_repeats_its_cursor(void **state)
{
    struct fixture *x = *state;
    static const struct fake_reply script[] = {
        {FAKE_JSON, RESULT("{\"tools\":[],\"nextCursor\":\"again\"}"), NULL}};
    open_fake(x, script, ARRAY_SIZE(script), NULL);
    assert_int_equal(mcp_list_tools(x->client, &x->answer, &x->err), -1);
    assert_int_equal(x->err.kind, ERR_SHAPE);
    assert_non_null(strstr(x->err.text, "again"));
    assert_int_equal(fake_count(requests(x), "tools/list"), 2);
}

static void opens_a_forgotten_session_anew_once(void **state)
{
    struct fixture *x = *state;
    static const struct fake_reply script[] = {
        {FAKE_JSON "\r\nMcp-Session-Id: one", INIT("2025-11-25"), NULL},
        ACCEPTED,
        {"404 Not Found", "gone", NULL},
        {FAKE_JSON "\r\nMcp-Session-Id: two", INIT("2025-11-25"), NULL},
        ACCEPTED,
        {FAKE_JSON, RESULT("{\"ok\":true}"), NULL},
    };
    open_fake(x, script, ARRAY_SIZE(script), NULL);
    initialize(x);
    assert_int_equal(mcp_request(x->client, "x", NULL, &x->answer, &x->err), 0);
    assert_int_equal(x->answer.outcome, MCP_OK);
    assert_string_equal(mcp_session(x->client), "two");
    const char *all = requests(x);
    assert_int_equal(fake_count(all, "\"method\":\"initialize\""), 2);
    const char *second = strstr(strstr(all, "\"initialize\"") + 1, "\"initialize\"");
    assert_int_equal(fake_count(second, "Mcp-Session-Id: one"), 0);
}

static void gives_up_on_a_session_that_is_forgotten_again(void **state)
{
    struct fixture *x = *state;
    static const struct fake_reply script[] = {
        {FAKE_JSON "\r\nMcp-Session-Id: one", INIT("2025-11-25"), NULL},
        ACCEPTED,
        {"404 Not Found", "gone", NULL},
        {FAKE_JSON "\r\nMcp-Session-Id: two", INIT("2025-11-25"), NULL},
        ACCEPTED,
        {"404 Not Found", "gone", NULL},
    };
    open_fake(x, script, ARRAY_SIZE(script), NULL);
    initialize(x);
    assert_int_equal(mcp_request(x->client, "x", NULL, &x->answer, &x->err), 0);
    assert_int_equal(x->answer.outcome, MCP_HTTP_ERROR);
    assert_int_equal(x->answer.http_status, 404);
    assert_int_equal(fake_count(requests(x), "\"method\":\"initialize\""), 2);
}

static void reports_an_http_refusal_as_data(void **state)
{
    struct fixture *x = *state;
    static const struct fake_reply script[] = {
        {"401 Unauthorized\r\nContent-Type: application/json",
         "{\"error\":\"missing workspace auth token\"}", NULL}};
    open_fake(x, script, ARRAY_SIZE(script), NULL);
    assert_int_equal(mcp_initialize(x->client, &x->answer, &x->err), 0);
    assert_int_equal(x->answer.outcome, MCP_HTTP_ERROR);
    assert_int_equal(x->answer.http_status, 401);
    assert_non_null(strstr(x->answer.http_body, "missing workspace"));
    assert_int_equal(fake_count(requests(x), "notifications/initialized"), 0);
}

static void finds_a_json_rpc_error_behind_an_http_status(void **state)
{
    struct fixture *x = *state;
    static const struct fake_reply script[] = {
        {"400 Bad Request\r\nContent-Type: application/json",
         "{\"jsonrpc\":\"2.0\",\"id\":null,\"error\":{\"code\":-32700,\"message\":"
         "\"parse "
         "error\"}}",
         NULL}};
    open_fake(x, script, ARRAY_SIZE(script), NULL);
    assert_int_equal(mcp_request(x->client, "x", NULL, &x->answer, &x->err), 0);
    assert_int_equal(x->answer.outcome, MCP_RPC_ERROR);
    assert_int_equal(x->answer.rpc_code, -32700);
    assert_int_equal(x->answer.http_status, 400);
}

static void refuses_bodies_that_are_no_answer(void **state)
{
    struct fixture *x = *state;
    static const struct fake_reply script[] = {
        {"200 OK\r\nContent-Type: text/html", "<html>", NULL},
        {"202 Accepted", "", NULL},
        {FAKE_JSON, "{\"jsonrpc\":\"2.0\",\"id\":\"other\",\"result\":{}}", NULL},
        {FAKE_JSON, "{\"jsonrpc\":\"2.0\",\"method\":\"n\"}", NULL},
        {FAKE_JSON, "[" RESULT("{}") "]", NULL},
        {FAKE_JSON, RESULT("[]"), NULL},
    };
    open_fake(x, script, ARRAY_SIZE(script), NULL);
    for (size_t i = 0; i < ARRAY_SIZE(script); i++) {
        err_clear(&x->err);
        if (!mcp_request(x->client, "x", NULL, &x->answer, &x->err))
            fail_msg("taken for an answer: %s", script[i].body);
        assert_int_equal(x->err.kind, ERR_SHAPE);
    }
}

static void reads_a_batch_where_the_revision_has_batches(void **state)
{
    struct fixture *x = *state;
    static const struct fake_reply script[] = {
        {FAKE_JSON, INIT("2025-03-26"), NULL},
        ACCEPTED,
        {FAKE_JSON, "[{\"jsonrpc\":\"2.0\",\"method\":\"n\"}," RESULT("{}") "]", NULL}};
    open_fake(x, script, ARRAY_SIZE(script), NULL);
    initialize(x);
    assert_int_equal(mcp_request(x->client, "x", NULL, &x->answer, &x->err), 0);
}

static void tells_the_server_that_nobody_waits_any_more(void **state)
{
    struct fixture *x = *state;
    static const struct fake_reply script[] = {{FAKE_SSE, ": wait\n\n", ": late\n\n"}};
    struct mcp_options opt = {.timeout_ms = 150};
    open_fake(x, script, ARRAY_SIZE(script), &opt);
    assert_int_equal(mcp_request(x->client, "x", NULL, &x->answer, &x->err), -1);
    assert_int_equal(x->err.kind, ERR_TIMEOUT);
    assert_int_equal(fake_count(requests(x), "notifications/cancelled"), 1);
    assert_int_equal(fake_count(requests(x), "\"requestId\":1"), 1);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(lists_the_tools_of_a_real_server_over_stdio),
        T(asks_for_the_revision_that_it_is_given),
        T(keeps_the_kinds_of_error_apart),
        T(skips_and_counts_log_lines_on_stdout),
        T(says_how_a_server_ended_that_does_not_answer),
        T(does_not_wait_longer_than_the_deadline),
        T(does_not_hang_on_a_server_that_does_not_read),
        T(answers_a_ping_of_the_server),
        T(refuses_an_answer_to_what_was_never_asked),
        T(refuses_a_tool_result_without_content),
        T(shows_every_frame_to_who_wants_to_see_them),
        T(says_that_a_program_is_missing),
        T(sends_the_session_and_the_revision_after_the_handshake),
        T(sends_no_revision_header_before_2025_06_18),
        T(adds_the_headers_that_it_was_given),
        T(refuses_a_revision_that_it_does_not_know),
        T(takes_its_answer_out_of_an_event_stream),
        T(refuses_a_stream_that_ends_without_the_answer),
        T(resumes_a_stream_from_its_last_event),
        T(joins_the_pages_of_a_list),
        T(refuses_a_list_that_repeats_its_cursor),
        T(opens_a_forgotten_session_anew_once),
        T(gives_up_on_a_session_that_is_forgotten_again),
        T(reports_an_http_refusal_as_data),
        T(finds_a_json_rpc_error_behind_an_http_status),
        T(refuses_bodies_that_are_no_answer),
        T(reads_a_batch_where_the_revision_has_batches),
        T(tells_the_server_that_nobody_waits_any_more),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
