/* Servers that misbehave on stdio, and what the box makes of them. */
#include "base/clock.h"
#include "base/limits.h"
#include "io/json.h"
#include "io/loop.h"
#include "mocks/box/child.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

struct fixture {
    struct loop *loop;
    struct child *child;
    struct strv env;
    int answers;
    bool was_gone;
    int code; /* of an error */
    char *result;
    struct child_call *other; /* that an answer cancels */
};

static int setup(void **state)
{
    struct fixture *f = xcalloc(1, sizeof(*f));

    strv_env_set(&f->env, "PATH", "/usr/bin:/bin");
    *state = f;
    return loop_new(&f->loop, NULL);
}

static int teardown(void **state)
{
    struct fixture *f = *state;

    child_free(f->child);
    loop_free(f->loop);
    strv_release(&f->env);
    free(f->result);
    free(f);
    return 0;
}

static void changed(struct child *child, void *arg)
{
    (void)child;
    (void)arg;
}

static void start(struct fixture *f, const char *script, int64_t timeout_ms)
{
    struct strv argv = STRV_INIT;

    strv_add(&argv, "bash");
    strv_add(&argv, "-c");
    strv_add(&argv, script);
    const struct child_options opt = {.loop = f->loop,
                                      .name = "s",
                                      .argv = &argv,
                                      .env = &f->env,
                                      .start_timeout_ms = timeout_ms,
                                      .changed = changed,
                                      .arg = f};
    f->child = child_start(&opt);
    strv_release(&argv);
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

static void await_state(struct fixture *f, enum child_state wanted)
{
    int64_t deadline = clock_mono_ms() + (int64_t)(10000 * clock_timeout_mul());

    while (child_state(f->child) != wanted) {
        if (clock_mono_ms() > deadline)
            fail_msg("state %s, not %s (%s)", child_state_name(child_state(f->child)),
                     child_state_name(wanted), child_why(f->child));
        turn_loop(f);
    }
}

static void answered(json_t *result, const json_t *error, void *arg)
{
    struct fixture *f = arg;

    f->answers++;
    f->was_gone = !result && !error;
    f->code = (int)json_int(error, "code", 0);
    f->result = result ? json_text(result, JSON_WIRE) : NULL;
}

static void cancels_the_other(json_t *result, const json_t *error, void *arg)
{
    const struct fixture *f = arg;

    child_call_cancel(f->other);
    answered(result, error, arg);
}

static void await_answer(struct fixture *f)
{
    int64_t deadline = clock_mono_ms() + (int64_t)(10000 * clock_timeout_mul());

    while (f->answers == 0 && clock_mono_ms() < deadline)
        turn_loop(f);
    assert_int_equal(f->answers, 1);
}

#define HELLO                                                                            \
    "read -r l; echo '{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{\"protocolVersion\":"    \
    "\"2024-11-05\",\"capabilities\":{},\"serverInfo\":{\"name\":\"s\",\"version\":"     \
    "\"1\"}}}'; read -r l; "
#define NO_TOOLS                                                                         \
    "read -r l; echo '{\"jsonrpc\":\"2.0\",\"id\":2,\"result\":{\"tools\":[]}}'; "

static void reads_every_page_between_log_lines(void **state)
{
    struct fixture *f = *state;
    start(
        f,
        "echo starting up; echo '{\"level\":30}'; " HELLO
        "read -r l; echo '{\"jsonrpc\":\"2.0\",\"id\":2,\"result\":{\"tools\":[{\"name\":"
        "\"a\"}],\"nextCursor\":\"\"}}'; read -r l; case $l in *'\"cursor\":\"\"'*) echo "
        "'{\"jsonrpc\":\"2.0\",\"id\":3,\"result\":{\"tools\":[{\"name\":\"b\"}]}}';; "
        "esac; read -r l",
        10000);
    await_state(f, CHILD_READY);
    assert_int_equal(json_array_size(child_tools(f->child)), 2);
    assert_true(child_has_tool(f->child, "b"));
    assert_false(child_has_tool(f->child, "c"));
    assert_int_equal(child_junk_lines(f->child), 2);
    assert_string_equal(json_str(child_hello(f->child), "protocolVersion", ""),
                        "2024-11-05");
}

static void answers_the_servers_ping(void **state)
{
    struct fixture *f = *state;
    start(f,
          HELLO
          "echo '{\"jsonrpc\":\"2.0\",\"id\":\"p\",\"method\":\"ping\"}'; read -r l; "
          "read -r m; case \"$l$m\" in *'\"id\":\"p\",\"result\":{}'*) echo "
          "'{\"jsonrpc\":\"2.0\",\"id\":2,\"result\":{\"tools\":[]}}';; esac; read -r l",
          10000);
    await_state(f, CHILD_READY);
}

struct bad_server {
    const char *about, *script, *why;
};

static const struct bad_server BAD[] = {
    {"ends at once", "exit 3", "exited with code 3"},
    {"is killed", "kill -9 $$", "was ended by signal 9"},
    {"ends after the handshake", HELLO "exit 0", "exited with code 0"},
    {"refuses to initialize",
     "read -r l; echo '{\"jsonrpc\":\"2.0\",\"id\":1,\"error\":{\"code\":-1,\"message\":"
     "\"no\"}}'; read -r l",
     "refused to initialize"},
    {"lists no array",
     HELLO "read -r l; echo '{\"jsonrpc\":\"2.0\",\"id\":2,\"result\":{\"tools\":7}}'; "
           "read -r l",
     "listed no array of tools"},
    {"says nothing", "while read -r l; do :; done", "did not list its tools in time"},
    {"writes a line without an end",
     "head -c 80000000 /dev/zero; while read -r l; do :; done",
     "wrote a line that is too long"},
    {"closes its stdout",
     "trap '' TERM; exec 1>&-; while read -r l; do :; done; "
     "read -r l < /dev/zero",
     "closed its stdout"},
};

static void fails_servers_that_do_not_keep_the_protocol(void **state)
{
    struct fixture *f = *state;
    for (size_t i = 0; i < ARRAY_SIZE(BAD); i++) {
        start(f, BAD[i].script, strstr(BAD[i].about, "nothing") ? 100 : 10000);
        await_state(f, CHILD_FAILED);
        if (strcmp(child_why(f->child), BAD[i].why) != 0)
            fail_msg("%s: '%s'", BAD[i].about, child_why(f->child));
        while (child_running(f->child))
            turn_loop(f);
        child_free(f->child);
        f->child = NULL;
    }
}

static void fails_a_server_that_lists_without_an_end(void **state)
{
    struct fixture *f = *state;
    start(f,
          HELLO
          "i=2; while read -r l; do echo \"{\\\"jsonrpc\\\":\\\"2.0\\\",\\\"id\\\":$i,"
          "\\\"result\\\":{\\\"tools\\\":[],\\\"nextCursor\\\":\\\"x\\\"}}\"; "
          "i=$((i+1)); done",
          30000);
    await_state(f, CHILD_FAILED);
    assert_string_equal(child_why(f->child), "lists its tools without an end");
}

static void fails_a_command_that_does_not_exist(void **state)
{
    struct fixture *f = *state;
    struct strv argv = STRV_INIT;
    strv_add(&argv, "no-such-command-anywhere");
    const struct child_options opt = {.loop = f->loop,
                                      .name = "s",
                                      .argv = &argv,
                                      .env = &f->env,
                                      .start_timeout_ms = 1000,
                                      .changed = changed,
                                      .arg = f};
    f->child = child_start(&opt);
    strv_release(&argv);
    (void)child_request(f->child, "tools/list", NULL, answered, f);
    await_state(f, CHILD_FAILED);
    await_answer(f);
    assert_true(f->was_gone);
    assert_non_null(strstr(child_why(f->child), "no-such-command-anywhere"));
}

static void tells_pending_calls_that_the_server_is_gone(void **state)
{
    struct fixture *f = *state;
    start(f, HELLO NO_TOOLS "read -r l; exit 1", 10000);
    await_state(f, CHILD_READY);
    (void)child_request(f->child, "tools/call", NULL, answered, f);
    await_answer(f);
    assert_true(f->was_gone);
    assert_int_equal(child_state(f->child), CHILD_FAILED);
    f->answers = 0;
    (void)child_request(f->child, "tools/call", NULL, answered, f);
    assert_int_equal(f->answers, 0); /* never from within */
    await_answer(f);
    assert_true(f->was_gone);
}

static void drops_the_answer_of_a_cancelled_call(void **state)
{
    struct fixture *f = *state;
    start(f,
          HELLO NO_TOOLS
          "read -r l; read -r l; echo "
          "'{\"jsonrpc\":\"2.0\",\"id\":3,\"result\":{\"n\":1}}'; "
          "echo '{\"jsonrpc\":\"2.0\",\"id\":4,\"result\":{\"n\":2}}'; read -r l",
          10000);
    await_state(f, CHILD_READY);
    struct child_call *first = child_request(f->child, "x", NULL, answered, f);
    (void)child_request(f->child, "y", NULL, answered, f);
    child_call_cancel(first);
    await_answer(f);
    assert_string_equal(f->result, "{\"n\":2}");
}

static void forgets_a_call_that_is_cancelled(void **state)
{
    struct fixture *f = *state;
    start(f, HELLO NO_TOOLS "while read -r l; do :; done", 10000);
    await_state(f, CHILD_READY);
    struct child_call *first = child_request(f->child, "x", NULL, answered, f);
    (void)child_request(f->child, "y", NULL, answered, f);
    assert_int_equal(child_waiting(f->child), 2);
    child_call_cancel(first);
    assert_int_equal(child_waiting(f->child), 1);
}

/* One that is made when the server is gone already waits for the loop alone. */
static void says_nothing_of_a_cancelled_call_to_a_server_that_is_gone(void **state)
{
    struct fixture *f = *state;
    start(f, "exit 1", 10000);
    await_state(f, CHILD_FAILED);
    child_call_cancel(child_request(f->child, "x", NULL, cancels_the_other, f));
    (void)child_request(f->child, "y", NULL, answered, f);
    await_answer(f);
    assert_int_equal(child_waiting(f->child), 0);
}

static void lets_an_answer_cancel_another_call(void **state)
{
    struct fixture *f = *state;
    start(f, HELLO NO_TOOLS "read -r l; read -r l; exit 1", 10000);
    await_state(f, CHILD_READY);
    f->other = child_request(f->child, "x", NULL, answered, f);
    (void)child_request(f->child, "y", NULL, cancels_the_other, f);
    await_answer(f);
    assert_int_equal(child_waiting(f->child), 0);
}

static void sends_more_than_a_pipe_holds(void **state)
{
    struct fixture *f = *state;
    char *big = xmalloc(300001);
    memset(big, 'x', 300000);
    big[300000] = '\0';
    start(f,
          HELLO NO_TOOLS
          "read -r l; echo \"{\\\"jsonrpc\\\":\\\"2.0\\\",\\\"id\\\":3,\\\"result\\\":{"
          "\\\"n\\\":${#l}}}\"; read -r l",
          10000);
    await_state(f, CHILD_READY);
    json_t *params = json_pack("{s:s}", "text", big);
    (void)child_request(f->child, "big", params, answered, f);
    json_decref(params);
    free(big);
    await_answer(f);
    assert_non_null(f->result);
    assert_non_null(strstr(f->result, "{\"n\":3000"));
}

static json_t *text_of_bytes(size_t len)
{
    char *text CLEANUP(free_ptr) = xmalloc(len);

    memset(text, 'x', len);
    return json_make("{s:s%}", "text", text, len);
}

/* In its place nothing is sent, and what comes after it arrives whole. */
static void refuses_a_request_that_is_no_line_and_sends_the_next(void **state)
{
    struct fixture *f = *state;
    json_t *params CLEANUP(json_drop) = text_of_bytes(LIMIT_LINE);
    start(f,
          HELLO NO_TOOLS
          "read -r l; case $l in *'\"id\":4,\"method\":\"y\"}') echo "
          "'{\"jsonrpc\":\"2.0\",\"id\":4,\"result\":{\"n\":2}}';; esac; read -r l",
          10000);
    await_state(f, CHILD_READY);
    (void)child_request(f->child, "x", params, answered, f);
    assert_int_equal(f->answers, 0); /* never from within */
    await_answer(f);
    assert_int_equal(f->code, -32603);
    f->answers = 0;
    (void)child_request(f->child, "y", NULL, answered, f);
    await_answer(f);
    assert_string_equal(f->result, "{\"n\":2}");
}

static void refuses_what_does_not_fit_beside_what_is_not_read(void **state)
{
    struct fixture *f = *state;
    json_t *params CLEANUP(json_drop) = text_of_bytes(LIMIT_LINE / 2);
    start(f, HELLO NO_TOOLS "kill -STOP $$", 10000);
    await_state(f, CHILD_READY);
    (void)child_request(f->child, "x", params, answered, f);
    (void)child_request(f->child, "y", params, answered, f);
    (void)child_request(f->child, "z", params, answered, f);
    await_answer(f);
    assert_int_equal(f->code, -32603);
    assert_int_equal(child_waiting(f->child), 2);
}

/* What a server answers may be larger than what it can be asked. */
static void reads_a_longer_line_than_it_writes(void **state)
{
    struct fixture *f = *state;
    start(f,
          HELLO NO_TOOLS
          "read -r l; printf '{\"jsonrpc\":\"2.0\",\"id\":3,\"result\":\"'; "
          "head -c 10000000 /dev/zero | tr '\\0' x; printf '\"}\\n'; read -r l",
          10000);
    await_state(f, CHILD_READY);
    (void)child_request(f->child, "x", NULL, answered, f);
    await_answer(f);
    assert_non_null(f->result);
    assert_int_equal(strlen(f->result), 10000002);
}

#define CASE(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(reads_every_page_between_log_lines),
        CASE(answers_the_servers_ping),
        CASE(fails_servers_that_do_not_keep_the_protocol),
        CASE(fails_a_server_that_lists_without_an_end),
        CASE(fails_a_command_that_does_not_exist),
        CASE(tells_pending_calls_that_the_server_is_gone),
        CASE(drops_the_answer_of_a_cancelled_call),
        CASE(forgets_a_call_that_is_cancelled),
        CASE(says_nothing_of_a_cancelled_call_to_a_server_that_is_gone),
        CASE(lets_an_answer_cancel_another_call),
        CASE(sends_more_than_a_pipe_holds),
        CASE(refuses_a_request_that_is_no_line_and_sends_the_next),
        CASE(reads_a_longer_line_than_it_writes),
        CASE(refuses_what_does_not_fit_beside_what_is_not_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
