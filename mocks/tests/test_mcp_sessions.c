/* The sessions of our MCP servers over HTTP while calls are in flight: which are kept,
 * what is answered when one ends, and how many calls there can be. */
#include "base/limits.h"
#include "mocks/tests/mcp_http_fixture.h"

enum { SESSIONS_MAX = 512, CALLS_MAX = 256 };

#define PING "{\"jsonrpc\":\"2.0\",\"id\":8,\"method\":\"ping\"}"
#define SLOW CALL("test_slow", "{\"ms\":60000}")
#define SLOW_WITH_PROGRESS                                                               \
    "{\"jsonrpc\":\"2.0\",\"id\":7,\"method\":\"tools/call\",\"params\":{\"name\":"      \
    "\"test_slow\",\"arguments\":{\"ms\":60000},\"_meta\":{\"progressToken\":1}}}"

static void end_session(struct mcp_fixture *f)
{
    ask_url(f, "DELETE", f->url, "$S", NULL);
    assert_int_equal(f->resp.status, 204);
}

/* ---- which are kept ---- */

static bool is_unanswered(int fd)
{
    struct pollfd p = {.fd = fd, .events = POLLIN};

    return poll(&p, 1, 0) == 0;
}

/* A batch that is taken in, on a session that may be forgotten before: tried again then.
 * Returns its connection. */
static int send_in_time(struct mcp_fixture *f, const char *batch)
{
    int64_t deadline = clock_mono_ms() + (int64_t)(PATIENCE_MS * clock_timeout_mul());

    do {
        shake_hands(f, "2025-03-26");
        int fd = send_raw(f, f->session, batch);
        do {
            ask_url(f, "GET", f->frames_url, NULL, NULL);
            if (strstr(f->resp.body.data, "\"tools/call\""))
                return fd;
        } while (is_unanswered(fd));
        close_fd(&fd);
    } while (clock_mono_ms() < deadline);
    fail_msg("no batch was taken in");
    return -1;
}

static void keeps_a_session_whose_batch_has_a_call_in_flight(void **state)
{
    struct mcp_fixture *f = *state;
    start_server(f, "management --http-port 0 --diagnostics --session-idle-ms 10");
    int fd CLEANUP(close_fd) = send_in_time(f, "[" SLOW "]");
    (void)poll(NULL, 0, 20); /* the only thing that makes a session idle is time */
    ask(f, NULL, INITIALIZE("2025-03-26"));
    ask(f, "$S", PING);
    assert_int_equal(f->resp.status, 200);
    assert_true(is_unanswered(fd));
}

static void keeps_a_session_with_a_call_in_flight_when_there_are_many(void **state)
{
    struct mcp_fixture *f = *state;
    start_http(f);
    shake_hands(f, "2025-11-25");
    int fd CLEANUP(close_fd) = send_raw(f, f->session, SLOW);
    await_frame(f, "tools/call");
    for (int i = 0; i < SESSIONS_MAX; i++) {
        ask(f, NULL, INITIALIZE("2025-11-25"));
        assert_int_equal(f->resp.status, 200);
    }
    ask(f, "$S", PING);
    assert_int_equal(f->resp.status, 200);
    assert_true(is_unanswered(fd));
}

static void gives_no_session_when_all_are_in_use(void **state)
{
    struct mcp_fixture *f = *state;
    int fds[SESSIONS_MAX];
    char head[16] = "";
    start_http(f);
    for (int i = 0; i < SESSIONS_MAX; i++) {
        shake_hands(f, "2025-11-25");
        char *text CLEANUP(free_ptr) =
            xasprintf("GET /mcp HTTP/1.1\r\nHost: localhost\r\n"
                      "Accept: text/event-stream\r\n%s\r\n\r\n",
                      f->session);
        fds[i] = connect_to(f);
        assert_int_equal(write(fds[i], text, strlen(text)), (ssize_t)strlen(text));
        assert_true(read(fds[i], head, sizeof(head) - 1) > 0);
    }
    ask(f, NULL, INITIALIZE("2025-11-25"));
    assert_int_equal(f->resp.status, 503);
    assert_int_equal(error_code(f), -32603);
    assert_null(http_response_header(&f->resp, "Mcp-Session-Id"));
    end_session(f);
    shake_hands(f, "2025-11-25");
    for (int i = 0; i < SESSIONS_MAX; i++)
        close_fd(&fds[i]);
}

/* ---- what is answered when one ends ---- */

static void answers_a_call_whose_session_is_ended_with_404(void **state)
{
    struct mcp_fixture *f = *state;
    struct buf got CLEANUP(buf_release) = BUF_INIT(KIB(64));
    start_http(f);
    shake_hands(f, "2025-11-25");
    int fd CLEANUP(close_fd) = send_raw(f, f->session, SLOW);
    await_frame(f, "tools/call");
    end_session(f);
    read_to_end(fd, &got);
    assert_int_equal(strncmp(got.data, "HTTP/1.1 404", 12), 0);
    assert_non_null(strstr(got.data, "\"id\":7"));
    assert_non_null(strstr(got.data, "-32600"));
}

static void ends_a_stream_whose_session_is_ended_with_an_error(void **state)
{
    struct mcp_fixture *f = *state;
    struct buf got CLEANUP(buf_release) = BUF_INIT(KIB(64));
    start_http(f);
    shake_hands(f, "2025-11-25");
    char *headers CLEANUP(free_ptr) =
        xasprintf("%s\r\nAccept: application/json, text/event-stream", f->session);
    int fd CLEANUP(close_fd) = send_raw(f, headers, SLOW_WITH_PROGRESS);
    await_frame(f, "notifications/progress");
    end_session(f);
    read_to_end(fd, &got);
    assert_int_equal(strncmp(got.data, "HTTP/1.1 200", 12), 0);
    const char *error = strstr(got.data, "\"error\"");
    assert_non_null(error);
    assert_non_null(strstr(got.data, "\"id\":7"));
}

static void answers_each_request_of_a_batch_whose_session_is_ended(void **state)
{
    struct mcp_fixture *f = *state;
    struct buf got CLEANUP(buf_release) = BUF_INIT(KIB(64));
    start_http(f);
    shake_hands(f, "2025-03-26");
    int fd CLEANUP(close_fd) = send_raw(f, f->session, "[" SLOW "," PING "]");
    await_frame(f, "ping");
    end_session(f);
    read_to_end(fd, &got);
    assert_non_null(strstr(got.data, "\"id\":7"));
    assert_non_null(strstr(got.data, "\"error\""));
    assert_non_null(strstr(got.data, "\"id\":8"));
}

/* ---- how many calls there can be ---- */

static void refuses_a_call_when_too_many_are_in_flight(void **state)
{
    struct mcp_fixture *f = *state;
    start_stdio(f, "2025-11-25");
    for (int i = 0; i < CALLS_MAX; i++)
        say(f, SLOW);
    say_and_hear(f, PING);
    assert_int_equal(error_code(f), -32603);
    assert_int_equal(json_int(f->json, "id", 0), 8);
    say(f, "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/cancelled\",\"params\":{"
           "\"requestId\":7}}");
    say_and_hear(f, PING);
    assert_int_equal(error_code(f), 0);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, mcp_setup, mcp_teardown)
    const struct CMUnitTest tests[] = {
        T(keeps_a_session_whose_batch_has_a_call_in_flight),
        T(keeps_a_session_with_a_call_in_flight_when_there_are_many),
        T(gives_no_session_when_all_are_in_use),
        T(answers_a_call_whose_session_is_ended_with_404),
        T(ends_a_stream_whose_session_is_ended_with_an_error),
        T(answers_each_request_of_a_batch_whose_session_is_ended),
        T(refuses_a_call_when_too_many_are_in_flight),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
