/* How a child's output ends, and the child: frames that cannot be read, what is said when
 * nobody waits any more, and one that goes between two requests. */
#include "base/limits.h"
#include "harness/tests/mcp_fixture.h"
#include "io/wait.h"

#define OK(id)                                                                           \
    "echo '{\"jsonrpc\":\"2.0\",\"id\":" id                                              \
    ",\"result\":{\"resultType\":\"complete\",\"ok\":true}}';"
#define DRAIN "cat >/dev/null"

static void takes_an_answer_for_one_that_does_not_say_so(void **state)
{
    struct fixture *x = *state;
    open_shell(x, "read a; echo '{\"id\":1,\"result\":{\"ok\":true}}';" DRAIN, NULL);
    assert_int_equal(ask(x), -1);
    assert_int_equal(x->err.kind, ERR_SHAPE);
    assert_int_equal(mcp_junk_lines(x->client), 0);
    has_found(x, "x/y: 'jsonrpc' is not \"2.0\"");
}

static void says_that_an_answer_could_not_be_read(void **state)
{
    struct fixture *x = *state;
    struct mcp_options opt = {.revision = MCP_LATEST, .timeout_ms = 300};
    open_shell(x, "read a; echo '{ \"jsonrpc\":\"2.0\",\"id\":1,\"result\":}';" DRAIN,
               &opt);
    assert_int_equal(ask(x), -1);
    assert_int_equal(x->err.kind, ERR_SHAPE);
    assert_non_null(strstr(x->err.text, "a frame that cannot be read"));
    has_found(x, "x/y: no JSON");
}

static void hears_a_child_out(void **state)
{
    struct fixture *x = *state;
    open_shell(x,
               "read a;" OK("1") "echo right after;" DRAIN
                                 "; echo '{\"jsonrpc\":\"2.0\",\"id\":9,\"result\":{}}';"
                                 "echo good bye; printf 'no end'",
               NULL);
    is_answered(x);
    mcp_finish(x->client);
    assert_int_equal(mcp_junk_lines(x->client), 3);
    has_found(x, "'right after'");
    has_found(x, "an answer to id 9, which was never asked");
    has_found(x, "'good bye'");
    has_found(x, "'no end'");
    has_found(x, "a last line that no newline ends");
}

/* More than a pipe holds; written down is how it went. */
static void does_not_hold_up_a_child_that_has_much_to_say(void **state)
{
    struct fixture *x = *state;
    char dir[] = "/tmp/waybill-ends-XXXXXX";
    struct buf how = BUF_INIT(KIB(1));
    assert_non_null(mkdtemp(dir));
    CLEANUP(free_ptr) char *path = xasprintf("%s/how", dir);
    CLEANUP(free_ptr)
    char *script = xasprintf("read a;" OK("1") DRAIN
                             "; head -c 200000 /dev/zero >&2; "
                             "head -c 200000 /dev/zero | tr '\\0' '\\n'; echo done >%s",
                             path);
    open_shell(x, script, NULL);
    is_answered(x);
    mcp_finish(x->client);
    int rc = fs_read(path, &how, NULL);
    (void)unlink(path);
    (void)rmdir(dir);
    buf_release(&how);
    assert_int_equal(rc, 0);
    assert_int_equal(mcp_findings(x->client)->n, 0);
}

static void says_that_an_answer_has_no_newline(void **state)
{
    struct fixture *x = *state;
    open_shell(x,
               "read a; printf '{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{\"ok\":true}}'",
               NULL);
    assert_int_equal(ask(x), -1);
    assert_int_equal(x->err.kind, ERR_NET);
    has_found(x, "a last line that no newline ends");
}

/* Answers once, whatever id is asked. */
#define ONCE                                                                             \
    "read a; id=${a#*\\\"id\\\":};"                                                      \
    "answer() { echo \"{\\\"jsonrpc\\\":\\\"2.0\\\",\\\"id\\\":${id%%,*},"               \
    "\\\"result\\\":{\\\"resultType\\\":\\\"complete\\\",\\\"ok\\\":true}}\"; };"

static bool is_zombie(void *arg)
{
    CLEANUP(buf_release) struct buf stat = BUF_INIT(KIB(4));
    return fs_read(arg, &stat, NULL) || strstr(stat.data, ") Z ");
}

static void starts_a_modern_child_anew_that_went_meanwhile(void **state)
{
    struct fixture *x = *state;
    open_shell(x,
               "read a; id=${a#*\\\"id\\\":}; echo \"{\\\"jsonrpc\\\":\\\"2.0\\\","
               "\\\"id\\\":${id%%,*},\\\"result\\\":{\\\"resultType\\\":\\\"complete\\\","
               "\\\"ok\\\":true,\\\"pid\\\":$$}}\"",
               &modern);
    is_answered(x);
    CLEANUP(free_ptr)
    char *stat =
        xasprintf("/proc/%lld/stat", (long long)json_int(x->answer.result, "pid", 0));
    assert_true(wait_until(is_zombie, stat, clock_mono_ms() + PATIENCE_MS));
    is_answered(x);
    assert_int_equal(mcp_restarts(x->client), 1);
}

static void starts_a_modern_child_anew_that_closed_its_stdin(void **state)
{
    struct fixture *x = *state;
    open_shell(x, ONCE "exec </dev/null; answer; exec tail -f /dev/null", &modern);
    is_answered(x);
    is_answered(x);
    assert_int_equal(mcp_restarts(x->client), 1);
    assert_int_equal(mcp_findings(x->client)->n, 0);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(takes_an_answer_for_one_that_does_not_say_so),
        T(says_that_an_answer_could_not_be_read),
        T(hears_a_child_out),
        T(does_not_hold_up_a_child_that_has_much_to_say),
        T(says_that_an_answer_has_no_newline),
        T(starts_a_modern_child_anew_that_went_meanwhile),
        T(starts_a_modern_child_anew_that_closed_its_stdin),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
