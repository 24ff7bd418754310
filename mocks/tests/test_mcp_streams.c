/* The event streams of our MCP servers: progress, resuming, and who leaves. */
#include "base/limits.h"
#include "mocks/tests/mcp_http_fixture.h"

static void await_cancelled(struct mcp_fixture *f, const char *headers, const char *body)
{
    int64_t deadline = clock_mono_ms() + PATIENCE_MS;

    do {
        ask(f, headers, body);
        if (strcmp(result_text(f), "1") == 0)
            return;
    } while (clock_mono_ms() < deadline);
    fail_msg("the call was not cancelled");
}

static void streams_progress_and_cancels_when_the_client_leaves(void **state)
{
    struct mcp_fixture *f = *state;
    struct stream s CLEANUP(stream_release) = {.until = "notifications/progress"};
    buf_init(&s.text, MIB(1));
    start_http(f);
    stream(
        f, "POST", CALLING("test_slow"),
        "{\"jsonrpc\":\"2.0\",\"id\":7,\"method\":\"tools/call\",\"params\":{\"name\":"
        "\"test_slow\",\"arguments\":{\"ms\":60000},\"_meta\":{\"progressToken\":\"p\","
        "\"io.modelcontextprotocol/protocolVersion\":\"2026-07-28\","
        "\"io.modelcontextprotocol/clientCapabilities\":{}}}}",
        &s);
    assert_string_equal(http_response_header(&f->resp, "X-Accel-Buffering"), "no");
    assert_non_null(
        strstr(http_response_header(&f->resp, "Content-Type"), "text/event-stream"));
    await_cancelled(f, CALLING("test_cancellations"), M_CALL("test_cancellations", "{}"));
}

static void logs_only_what_a_modern_request_asked_for(void **state)
{
    struct mcp_fixture *f = *state;
    struct stream s CLEANUP(stream_release) = {.until = NULL};
    buf_init(&s.text, MIB(1));
    start_http(f);
    ask(f, CALLING("test_logging_tool"), M_CALL("test_logging_tool", "{}"));
    assert_non_null(strstr(result_text(f), "logged"));
    stream(f, "POST", CALLING("test_logging_tool"),
           "{\"jsonrpc\":\"2.0\",\"id\":7,\"method\":\"tools/call\",\"params\":{\"name\":"
           "\"test_logging_tool\",\"_meta\":{"
           "\"io.modelcontextprotocol/logLevel\":\"info\","
           "\"io.modelcontextprotocol/protocolVersion\":\"2026-07-28\","
           "\"io.modelcontextprotocol/clientCapabilities\":{}}}}",
           &s);
    assert_non_null(strstr(s.text.data, "\"level\":\"info\""));
    assert_non_null(strstr(s.text.data, "\"level\":\"error\""));
    assert_null(strstr(s.text.data, "\"level\":\"debug\""));
}

static void takes_up_a_legacy_stream_where_it_ended(void **state)
{
    struct mcp_fixture *f = *state;
    struct stream first CLEANUP(stream_release) = {.until = NULL};
    struct stream rest CLEANUP(stream_release) = {.until = NULL};
    buf_init(&first.text, MIB(1));
    buf_init(&rest.text, MIB(1));
    start_http(f);
    shake_hands(f, "2025-11-25");
    stream(f, "POST", "$S", CALL("test_reconnection", "{}"), &first);
    assert_null(strstr(first.text.data, "\"result\""));
    assert_non_null(strstr(first.text.data, "retry: "));
    const char *id = strstr(first.text.data, "id: ");
    assert_non_null(id);
    char *headers CLEANUP(free_ptr) =
        xasprintf("$S\nLast-Event-ID: %.*s", (int)strcspn(id + 4, "\n"), id + 4);
    stream(f, "GET", headers, NULL, &rest);
    assert_non_null(strstr(rest.text.data, "came after the stream was closed"));
    ask_url(f, "GET", f->url, headers, NULL); /* what was sent may not have come */
    assert_int_equal(f->resp.status, 200);
    assert_non_null(strstr(f->resp.body.data, "came after the stream was closed"));
}

static void leaves_a_call_without_a_stream_to_who_made_it(void **state)
{
    static const char call[] = CALL("test_slow", "{\"ms\":60000}");
    struct mcp_fixture *f = *state;
    start_http(f);
    shake_hands(f, "2025-11-25");
    int fd CLEANUP(close_fd) = send_raw(f, f->session, call);
    await_frame(f, "tools/call");
    ask_url(f, "GET", f->url, "$S\nLast-Event-ID: 2-0", NULL); /* its number, guessed */
    assert_int_equal(f->resp.status, 400);
    ask(f, "$S",
        "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/cancelled\",\"params\":{"
        "\"requestId\":7}}");
    struct buf answer CLEANUP(buf_release) = BUF_INIT(KIB(4));
    read_to_end(fd, &answer);
    assert_int_equal(strncmp(answer.data, "HTTP/1.1 2", 10), 0);
}

static void keeps_the_end_of_a_stream_for_who_lost_it(void **state)
{
    struct mcp_fixture *f = *state;
    struct stream s CLEANUP(stream_release) = {.until = NULL};
    struct stream again CLEANUP(stream_release) = {.until = NULL};
    buf_init(&s.text, MIB(1));
    buf_init(&again.text, MIB(1));
    start_http(f);
    shake_hands(f, "2025-11-25");
    stream(f, "POST", "$S",
           "{\"jsonrpc\":\"2.0\",\"id\":7,\"method\":\"tools/call\",\"params\":{\"name\":"
           "\"test_tool_with_progress\",\"_meta\":{\"progressToken\":1}}}",
           &s);
    const char *id = strstr(s.text.data, "id: ");
    assert_non_null(id);
    char *headers CLEANUP(free_ptr) =
        xasprintf("$S\nLast-Event-ID: %.*s", (int)strcspn(id + 4, "\n"), id + 4);
    stream(f, "GET", headers, NULL, &again);
    assert_int_equal(f->resp.status, 200);
    assert_non_null(strstr(again.text.data, "done in three steps"));
}

static void does_not_cancel_a_legacy_call_whose_client_left(void **state)
{
    struct mcp_fixture *f = *state;
    struct stream s CLEANUP(stream_release) = {.until = "notifications/progress"};
    buf_init(&s.text, MIB(1));
    start_http(f);
    shake_hands(f, "2025-06-18");
    stream(f, "POST", "$S",
           "{\"jsonrpc\":\"2.0\",\"id\":7,\"method\":\"tools/call\",\"params\":{\"name\":"
           "\"test_slow\",\"arguments\":{\"ms\":100},\"_meta\":{\"progressToken\":1}}}",
           &s);
    const char *id = strstr(s.text.data, "id: ");
    char *headers CLEANUP(free_ptr) =
        xasprintf("$S\nLast-Event-ID: %.*s", (int)strcspn(id + 4, "\n"), id + 4);
    struct stream rest CLEANUP(stream_release) = {.until = NULL};
    buf_init(&rest.text, MIB(1));
    stream(f, "GET", headers, NULL, &rest);
    assert_non_null(strstr(rest.text.data, "waited"));
    ask(f, "$S", CALL("test_cancellations", "{}"));
    assert_string_equal(result_text(f), "0");
}

static void cancels_a_legacy_call_when_it_is_told_to(void **state)
{
    struct mcp_fixture *f = *state;
    struct stream s CLEANUP(stream_release) = {.until = "notifications/progress"};
    buf_init(&s.text, MIB(1));
    start_http(f);
    shake_hands(f, "2025-11-25");
    stream(f, "POST", "$S",
           "{\"jsonrpc\":\"2.0\",\"id\":7,\"method\":\"tools/call\",\"params\":{\"name\":"
           "\"test_slow\",\"arguments\":{\"ms\":60000},\"_meta\":{\"progressToken\":1}}}",
           &s);
    ask(f, "$S",
        "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/cancelled\",\"params\":{"
        "\"requestId\":99}}");
    assert_int_equal(f->resp.status, 202);
    ask(f, "$S", CALL("test_cancellations", "{}"));
    assert_string_equal(result_text(f), "0");
    ask(f, "$S",
        "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/cancelled\",\"params\":{"
        "\"requestId\":7}}");
    await_cancelled(f, "$S", CALL("test_cancellations", "{}"));
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, mcp_setup, mcp_teardown)
    const struct CMUnitTest tests[] = {
        T(streams_progress_and_cancels_when_the_client_leaves),
        T(logs_only_what_a_modern_request_asked_for),
        T(takes_up_a_legacy_stream_where_it_ended),
        T(keeps_the_end_of_a_stream_for_who_lost_it),
        T(leaves_a_call_without_a_stream_to_who_made_it),
        T(does_not_cancel_a_legacy_call_whose_client_left),
        T(cancels_a_legacy_call_when_it_is_told_to),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
