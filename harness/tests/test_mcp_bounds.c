/* What the MCP client must not do beyond its bounds: wait longer than it may, send again
 * what was accepted, take much for a lot. */
#include "base/limits.h"
#include "harness/tests/mcp_fixture.h"

#include <signal.h>
#include <sys/time.h>

#define NOTE "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/message\"}"

static int call(struct fixture *x)
{
    err_clear(&x->err);
    return mcp_call_tool(x->client, "t", NULL, &x->answer, &x->err);
}

static void does_not_call_again_what_was_accepted(void **state)
{
    struct fixture *x = *state;
    static const struct fake_reply script[] = {
        {FAKE_JSON "\r\nMcp-Session-Id: one", INIT("2025-11-25"), NULL},
        ACCEPTED,
        {FAKE_SSE, "id: 1\nretry: 1\ndata: " NOTE "\n\n", NULL},
        {"404 Not Found", "gone", NULL},
        {FAKE_JSON "\r\nMcp-Session-Id: two", INIT("2025-11-25"), NULL},
        ACCEPTED,
        {FAKE_JSON, RESULT("{\"content\":[]}"), NULL},
    };
    open_fake(x, script, ARRAY_SIZE(script), NULL);
    initialize(x);
    assert_int_equal(call(x), -1);
    assert_int_equal(x->err.kind, ERR_SHAPE);
    assert_non_null(strstr(x->err.text, "whether the request was done is not known"));
    assert_int_equal(fake_count(requests(x), "\"tools/call\""), 1);
    assert_int_equal(fake_count(x->requests, "GET / "), 1);
}

static void keeps_to_its_time_while_the_child_prints(void **state)
{
    struct fixture *x = *state;
    struct mcp_options opt = {.revision = MCP_LATEST, .timeout_ms = 300};
    int64_t start = clock_mono_ms();
    /* It ends by itself, lest a client that does not look at its clock hangs here. */
    open_shell(x, "timeout 20 yes", &opt);
    assert_int_equal(call(x), -1);
    assert_int_equal(x->err.kind, ERR_TIMEOUT);
    assert_true(clock_mono_ms() - start < 15000);
    assert_true(mcp_junk_lines(x->client) > 0);
}

static volatile sig_atomic_t stop_now;

static void on_alarm(int signal)
{
    (void)signal;
    stop_now = 1;
}

static void stops_in_the_pause_before_it_resumes(void **state)
{
    struct fixture *x = *state;
    static const struct fake_reply script[] = {
        {FAKE_SSE, "id: 1\nretry: 15000\ndata:\n\n", NULL}, ACCEPTED};
    struct mcp_options opt = {
        .revision = MCP_LATEST, .timeout_ms = PATIENCE_MS, .stop = &stop_now};
    struct sigaction action = {.sa_handler = on_alarm};
    struct sigaction old;
    const struct itimerval soon = {.it_value = {.tv_usec = 500000}};
    int64_t start = clock_mono_ms();
    stop_now = 0;
    open_fake(x, script, ARRAY_SIZE(script), &opt);
    assert_int_equal(sigaction(SIGALRM, &action, &old), 0);
    assert_int_equal(setitimer(ITIMER_REAL, &soon, NULL), 0);
    int rc = call(x);
    assert_int_equal(sigaction(SIGALRM, &old, NULL), 0);
    stop_now = 0;
    assert_int_equal(rc, -1);
    assert_int_equal(x->err.kind, ERR_TIMEOUT);
    assert_non_null(strstr(x->err.text, "cancelled"));
    assert_true(clock_mono_ms() - start < 12000);
}

static void keeps_many_lines_apart_from_a_long_one(void **state)
{
    struct fixture *x = *state;
    CLEANUP(free_ptr) char *big = xcalloc(1, MIB(1) + 1);
    memset(big, 'x', MIB(1));
    CLEANUP(json_drop) json_t *params = json_make("{s:s}", "big", big);
    /* The shell reads a byte at a time: the lines are there long before. */
    open_shell(x,
               "yes a log line | head -n 1000000 & read a; wait; "
               "echo '{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{\"ok\":true}}'; "
               "cat >/dev/null",
               NULL);
    if (mcp_request(x->client, "x/y", params, &x->answer, &x->err))
        fail_msg("%s", x->err.text);
    assert_true(json_bool(x->answer.result, "ok", false));
    assert_int_equal(mcp_junk_lines(x->client), 1000000);
}

static void takes_a_batch_for_one_whatever_comes_first(void **state)
{
    struct fixture *x = *state;
    open_shell(x, "read a; echo '[7," NOTE "]'; cat >/dev/null", NULL);
    assert_int_equal(mcp_request(x->client, "x/y", NULL, &x->answer, &x->err), -1);
    assert_int_equal(x->err.kind, ERR_SHAPE);
    assert_int_equal(mcp_junk_lines(x->client), 0);
}

static void takes_a_text_with_a_nul_in_it(void **state)
{
    struct fixture *x = *state;
    CLEANUP(buf_release) struct buf words = BUF_INIT(KIB(1));
    static const struct fake_reply script[] = {
        {FAKE_JSON,
         RESULT("{\"content\":[{\"type\":\"text\",\"text\":\"a\\u0000b\"}],"
                "\"isError\":true}"),
         NULL}};
    open_fake(x, script, ARRAY_SIZE(script), NULL);
    if (call(x))
        fail_msg("%s", x->err.text);
    assert_int_equal(x->answer.outcome, MCP_TOOL_ERROR);
    mcp_answer_words(&x->answer, &words);
    assert_string_equal(words.data, "the tool says it failed: a\xef\xbf\xbd"
                                    "b");
}

static void leaves_a_meta_alone_that_is_no_object(void **state)
{
    static const char *const others[] = {MCP_LATEST, MCP_MODERN_LATEST};
    static const struct fake_reply script[] = {{BAD_REQUEST, ERROR("-32602", ""), NULL}};
    struct fixture *x = *state;
    CLEANUP(json_drop)
    json_t *both = json_make("[{s:s,s:i},[i]]", "name", "t", "_meta", 7, 7);
    for (size_t i = 0; i < 4; i++) {
        struct mcp_options opt = {
            .revision = others[i / 2], .timeout_ms = PATIENCE_MS, .progress = true};
        open_fake(x, script, ARRAY_SIZE(script), &opt);
        if (mcp_request(x->client, "tools/call", json_array_get(both, i % 2), &x->answer,
                        &x->err))
            fail_msg("%s", x->err.text);
        assert_int_equal(x->answer.outcome, MCP_RPC_ERROR);
        assert_int_equal(
            fake_count(requests(x), i % 2 ? "\"params\":[7]" : "\"_meta\":7"), 1);
        mcp_close(TAKE(x->client));
        fake_stop(&x->server);
    }
}

static void keep_frame(const struct mcp_frame_seen *frame, void *arg)
{
    if (frame->direction != MCP_SENT && !((struct buf *)arg)->len)
        buf_add(arg, frame->text, frame->len);
}

static void shows_the_whole_of_a_line_with_a_nul_in_it(void **state)
{
    struct fixture *x = *state;
    CLEANUP(buf_release) struct buf first = BUF_INIT(KIB(4));
    CLEANUP(buf_release) struct buf line = BUF_INIT(KIB(4));
    struct mcp_options opt = {.revision = MCP_LATEST,
                              .timeout_ms = PATIENCE_MS,
                              .on_frame = keep_frame,
                              .on_frame_arg = &first};
    buf_add(&line, "begin\0", 6);
    for (size_t i = 0; i < 1000; i++)
        buf_addc(&line, 'A');
    open_shell(x,
               "read a; printf 'begin\\000'; head -c 1000 /dev/zero | tr '\\0' A; echo; "
               "echo '{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{\"content\":[]}}'; "
               "cat >/dev/null",
               &opt);
    if (call(x))
        fail_msg("%s", x->err.text);
    assert_int_equal(first.len, line.len);
    assert_memory_equal(first.data, line.data, line.len);
}

static void says_where_a_redirect_points_to(void **state)
{
    struct fixture *x = *state;
    CLEANUP(buf_release) struct buf words = BUF_INIT(KIB(1));
    static const struct fake_reply script[] = {
        {"307 Temporary Redirect\r\nLocation: http://127.0.0.1:1/mcp/", "", NULL}};
    open_fake(x, script, ARRAY_SIZE(script), NULL);
    assert_int_equal(call(x), 0);
    assert_int_equal(x->answer.outcome, MCP_HTTP_ERROR);
    mcp_answer_words(&x->answer, &words);
    assert_string_equal(words.data, "HTTP 307: it points to http://127.0.0.1:1/mcp/");
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(does_not_call_again_what_was_accepted),
        T(keeps_to_its_time_while_the_child_prints),
        T(stops_in_the_pause_before_it_resumes),
        T(keeps_many_lines_apart_from_a_long_one),
        T(takes_a_batch_for_one_whatever_comes_first),
        T(takes_a_text_with_a_nul_in_it),
        T(leaves_a_meta_alone_that_is_no_object),
        T(shows_the_whole_of_a_line_with_a_nul_in_it),
        T(says_where_a_redirect_points_to),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
