/* Messages that are larger than is good, and what is kept of them; a client that reads
 * nothing: a server over stdio in this process. */
#include "base/clock.h"
#include "base/limits.h"
#include "io/json.h"
#include "io/loop.h"
#include "mcp/jsonrpc.h"
#include "mocks/mcp/exchange.h"
#include "mocks/mcp/frames.h"
#include "mocks/mcp/stdio.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>
#include <cmocka.h>

#define PING(id) "{\"jsonrpc\":\"2.0\",\"id\":" id ",\"method\":\"ping\"}"
#define ASK(id) "{\"jsonrpc\":\"2.0\",\"id\":" id ",\"method\":\"large\"}"
#define INITIALIZE                                                                       \
    "{\"jsonrpc\":\"2.0\",\"id\":0,\"method\":\"initialize\",\"params\":{"               \
    "\"protocolVersion\":\"2025-03-26\",\"capabilities\":{},"                            \
    "\"clientInfo\":{\"name\":\"t\",\"version\":\"1\"}}}"

struct fixture {
    struct loop *loop;
    struct mcp_server *server;
    struct mcp_stdio *stdio;
    int in, out; /* the client's ends */
    int server_in, server_out;
    struct loop_fd *watch;
    struct buf heard;
    json_t *json; /* of the last line */
    size_t large; /* bytes of the answer, each of which takes two on the wire */
    bool ended;
    struct err err;
};

/* ---- the server ---- */

static void on_hello(struct exchange *x, void *arg)
{
    json_t *hello CLEANUP(json_drop) =
        json_make("{s:{},s:{}}", "capabilities", "serverInfo");

    (void)arg;
    exchange_hello(x, hello);
}

static void on_request(struct exchange *x, void *arg)
{
    const struct fixture *f = arg;
    char *text CLEANUP(free_ptr) = xmalloc(f->large);

    memset(text, '"', f->large);
    exchange_result(x, json_make("{s:s%}", "text", text, f->large));
}

static void on_end(const struct err *err, void *arg)
{
    struct fixture *f = arg;

    f->ended = true;
    if (err)
        f->err = *err;
}

/* ---- the client ---- */

static void hear_some(uint32_t events, void *arg)
{
    struct fixture *f = arg;
    char chunk[65536];
    ssize_t n = read(f->out, chunk, sizeof(chunk));

    (void)events;
    if (n > 0)
        buf_add(&f->heard, chunk, (size_t)n);
}

static int setup(void **state)
{
    struct fixture *f = xcalloc(1, sizeof(*f));
    const struct mcp_server_options opt = {
        .name = "s", .hello = on_hello, .request = on_request, .arg = f};
    int in[2] = {-1, -1}, out[2] = {-1, -1};

    if (loop_new(&f->loop, NULL) < 0 || pipe2(in, O_CLOEXEC) || pipe2(out, O_CLOEXEC))
        return -1;
    f->server = mcp_server_new(&opt);
    f->server_in = in[0];
    f->in = in[1];
    f->out = out[0];
    f->server_out = out[1];
    buf_init(&f->heard, 2 * LIMIT_RESPONSE_BODY);
    f->stdio =
        mcp_stdio_start(f->loop, f->server, f->server_in, f->server_out, on_end, f);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;

    loop_fd_remove(f->watch);
    mcp_stdio_free(f->stdio);
    mcp_server_free(f->server);
    loop_free(f->loop);
    close_fd(&f->in);
    close_fd(&f->out);
    close_fd(&f->server_in);
    close_fd(&f->server_out);
    buf_release(&f->heard);
    json_decref(f->json);
    free(f);
    return 0;
}

static void tick(void *arg)
{
    loop_stop(arg);
}

static void turn_loop(struct fixture *f)
{
    loop_timer_add(f->loop, 2, tick, f->loop);
    assert_int_equal(loop_run(f->loop, NULL), 0);
}

static void say(struct fixture *f, const char *line)
{
    assert_int_equal(write(f->in, line, strlen(line)), strlen(line));
    assert_int_equal(write(f->in, "\n", 1), 1);
}

static void hear(struct fixture *f)
{
    int64_t deadline = clock_mono_ms() + (int64_t)(10000 * clock_timeout_mul());
    char *end = NULL;

    if (!f->watch)
        f->watch = loop_fd_add(f->loop, f->out, EPOLLIN, hear_some, f);
    while (!(end = memchr(f->heard.data, '\n', f->heard.len))) {
        if (f->ended || clock_mono_ms() > deadline)
            fail_msg("no line came; %s", f->err.text);
        turn_loop(f);
    }
    json_decref(f->json);
    f->json = json_loadb(f->heard.data, (size_t)(end - f->heard.data), 0, NULL);
    assert_non_null(f->json);
    buf_consume(&f->heard, (size_t)(end - f->heard.data) + 1);
}

static int64_t code_of(const json_t *frame)
{
    return json_int(json_object_get(frame, "error"), "code", 0);
}

/* ---- the cases ---- */

static void makes_an_error_of_an_answer_that_no_message_holds(void **state)
{
    struct fixture *f = *state;
    f->large = LIMIT_RESPONSE_BODY / 2;
    say(f, ASK("1"));
    hear(f);
    assert_int_equal(json_int(f->json, "id", 0), 1);
    assert_int_equal(code_of(f->json), RPC_INTERNAL_ERROR);
    say(f, PING("2"));
    hear(f);
    assert_non_null(json_object_get(f->json, "result"));
}

static void makes_errors_of_the_answers_of_a_batch_that_no_message_holds(void **state)
{
    struct fixture *f = *state;
    f->large = LIMIT_RESPONSE_BODY / 6;
    say(f, INITIALIZE);
    hear(f);
    say(f, "[" ASK("1") "," ASK("2") "," ASK("3") "]");
    hear(f);
    assert_int_equal(json_array_size(f->json), 3);
    for (size_t i = 0; i < 3; i++) {
        const json_t *one = json_array_get(f->json, i);
        assert_int_equal(json_int(one, "id", 0), i + 1);
        assert_int_equal(code_of(one), RPC_INTERNAL_ERROR);
    }
}

static void ends_although_nobody_reads_its_last_answer(void **state)
{
    struct fixture *f = *state;
    int64_t deadline = clock_mono_ms() + (int64_t)(10000 * clock_timeout_mul());
    f->large = KIB(256);
    say(f, ASK("1"));
    close_fd(&f->in);
    while (!f->ended && clock_mono_ms() < deadline)
        turn_loop(f);
    assert_true(f->ended);
    assert_non_null(strstr(f->err.text, "are not read by the client"));
}

/* ---- frames ---- */

/* The row of one frame of a client's. frame: taken; the caller owns the row. */
static json_t *row_of(json_t *frame)
{
    const struct mcp_frame_context cx = {.sender = MCP_FROM_CLIENT};
    struct mcp_frames *frames = mcp_frames_new();

    mcp_frames_add(frames, "s", &cx, frame);
    json_t *view CLEANUP(json_drop) = mcp_frames_view(frames, 0);
    mcp_frames_free(frames);
    json_decref(frame);
    return json_incref(json_array_get(json_object_get(view, "frames"), 0));
}

static void keeps_the_begin_of_a_long_id_and_of_a_long_method(void **state)
{
    char text[1001] = "\xc3\xa4";
    (void)state;
    memset(text + 2, 'x', sizeof(text) - 3);
    json_t *row CLEANUP(json_drop) = row_of(
        json_make("{s:s,s:s,s:s}", "jsonrpc", "2.0", "id", text, "method", text + 2));
    const char *id = json_str(row, "id", ""), *method = json_str(row, "method", "");
    assert_int_equal(strlen(id), 203);
    assert_memory_equal(id, text, 200);
    assert_string_equal(id + 200, "\xe2\x80\xa6");
    assert_int_equal(strlen(method), 203);
    assert_string_equal(method + 200, "\xe2\x80\xa6");
}

static void cuts_an_id_between_characters(void **state)
{
    struct buf id CLEANUP(buf_release) = BUF_INIT(KIB(1));
    (void)state;
    buf_adds(&id, "x"); /* so that the last that fits would be half a character */
    while (id.len < 600)
        buf_adds(&id, "\xc3\xa4");
    json_t *row CLEANUP(json_drop) = row_of(
        json_make("{s:s,s:s,s:s}", "jsonrpc", "2.0", "id", id.data, "method", "m"));
    const char *kept = json_str(row, "id", "");
    assert_int_equal(strlen(kept), 202);
    assert_string_equal(kept + 199, "\xe2\x80\xa6");
}

static void keeps_ids_as_they_are_that_are_short(void **state)
{
    (void)state;
    json_t *row CLEANUP(json_drop) =
        row_of(json_make("{s:s,s:i,s:s}", "jsonrpc", "2.0", "id", 7, "method", "m"));
    assert_int_equal(json_int(row, "id", 0), 7);
    json_t *odd CLEANUP(json_drop) =
        row_of(json_make("{s:s,s:[i],s:s}", "jsonrpc", "2.0", "id", 7, "method", "m"));
    assert_true(json_is_array(json_object_get(odd, "id")));
}

static void keeps_the_first_of_many_findings(void **state)
{
    json_t *batch = json_array();
    (void)state;
    for (int i = 0; i < 1000; i++)
        json_push(batch, json_integer(i));
    json_t *row CLEANUP(json_drop) = row_of(batch);
    const json_t *findings = json_object_get(row, "findings");
    assert_int_equal(json_array_size(findings), 17);
    const char *last = json_string_value(json_array_get(findings, 16));
    assert_non_null(strstr(last, "more"));
}

#define CASE(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(makes_an_error_of_an_answer_that_no_message_holds),
        CASE(makes_errors_of_the_answers_of_a_batch_that_no_message_holds),
        CASE(ends_although_nobody_reads_its_last_answer),
        cmocka_unit_test(keeps_the_begin_of_a_long_id_and_of_a_long_method),
        cmocka_unit_test(cuts_an_id_between_characters),
        cmocka_unit_test(keeps_ids_as_they_are_that_are_short),
        cmocka_unit_test(keeps_the_first_of_many_findings),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
