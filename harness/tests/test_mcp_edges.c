/* The edges of the MCP client that the conformance suite does not reach: bytes on a pipe,
 * children that die or stay, cancelling, batches, cursors, and every way back to the
 * legacy era. */
#include "base/limits.h"
#include "harness/tests/mcp_fixture.h"

#include <signal.h>

#define NEW "\"2026-07-28\""
#define SAY(frame) "echo '" frame "';"
#define ANSWER(id, result) "{\"jsonrpc\":\"2.0\",\"id\":" id ",\"result\":" result "}"
#define REFUSAL(id, code, more)                                                          \
    "{\"jsonrpc\":\"2.0\",\"id\":" id ",\"error\":{\"code\":" code                       \
    ",\"message\":\"no\"" more "}}"
#define HELLO(id, revision)                                                              \
    ANSWER(id, "{\"protocolVersion\":\"" revision                                        \
               "\",\"capabilities\":{},\"serverInfo\":{\"name\":\"old\","                \
               "\"version\":\"1\"}}")
#define CANCELLED(id)                                                                    \
    "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/cancelled\",\"params\":{"           \
    "\"requestId\":" id "}}"
#define NOTE                                                                             \
    "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/message\",\"params\":{"             \
    "\"level\":\"info\",\"data\":1}}"
#define DRAIN "cat >/dev/null"

/* A shell that runs these lines; the last one is followed by NULL. */
static void open_child(struct fixture *x, const struct mcp_options *opt, ...)
{
    CLEANUP(strv_release) struct strv lines = STRV_INIT;
    va_list ap;
    va_start(ap, opt);
    for (const char *line = NULL; (line = va_arg(ap, const char *));)
        strv_add(&lines, line);
    va_end(ap);
    CLEANUP(free_ptr) char *script = strv_join(&lines, "\n");
    open_shell(x, script, opt);
}

/* With whatever answer. */
static void comes_back(struct fixture *x)
{
    if (ask(x))
        fail_msg("%s", x->err.text);
}

static void ask_in_vain(struct fixture *x, enum err_kind kind, const char *why)
{
    assert_int_equal(ask(x), -1);
    if (x->err.kind != kind || !strstr(x->err.text, why))
        fail_msg("%s", x->err.text);
}

static bool is_ok(const struct fixture *x)
{
    return json_bool(x->answer.result, "ok", false);
}

/* ---- stdio: bytes ---- */

static void reads_lines_that_end_with_cr_lf(void **state)
{
    struct fixture *x = *state;
    open_shell(
        x,
        "read a; printf '\\r\\n\\n%s\\r\\n' '" ANSWER("1", "{\"ok\":true}") "'; " DRAIN,
        NULL);
    comes_back(x);
    assert_true(is_ok(x));
    assert_int_equal(mcp_junk_lines(x->client), 0);
    assert_int_equal(mcp_findings(x->client)->n, 0);
}

static void calls_a_frame_broken_that_is_no_utf_8(void **state)
{
    struct fixture *x = *state;
    open_shell(x,
               "read a; printf '{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{\"a\":\"\\377\""
               "}}\\n'; " SAY(ANSWER("1", "{\"ok\":true}")) DRAIN,
               NULL);
    comes_back(x);
    assert_true(is_ok(x));
    assert_int_equal(mcp_junk_lines(x->client), 0);
    assert_int_equal(mcp_findings(x->client)->n, 1);
    assert_non_null(strstr(mcp_findings(x->client)->v[0], "x/y: no JSON"));
}

static void gives_up_on_a_line_without_end(void **state)
{
    struct fixture *x = *state;
    open_shell(x, "read a; tr '\\0' x </dev/zero", NULL);
    ask_in_vain(x, ERR_SHAPE, "a line of more than 8388608 bytes");
}

static void puts_a_message_together_that_comes_in_pieces(void **state)
{
    struct fixture *x = *state;
    /* The second piece is sent when the client has read the first: it has answered. */
    open_shell(x,
               "read a; printf '{\"jsonrpc\":\"2.0\",\"id\":\"p\",\"method\":\"ping\"}"
               "\\n{\"jsonrpc\":\"2.0\",'; read b; printf "
               "'\"id\":1,\"result\":{\"ok\":true}}\\n'; " DRAIN,
               NULL);
    comes_back(x);
    assert_true(is_ok(x));
    assert_int_equal(mcp_junk_lines(x->client), 0);
}

/* ---- stdio: children ---- */

static void says_how_a_child_died_in_the_middle_of_a_call(void **state)
{
    struct fixture *x = *state;
    open_child(x, NULL, "read a", SAY(HELLO("1", "2025-11-25")), "read b; read c",
               "echo out of luck >&2; printf '{\"jsonrpc\":'; kill -9 $$", NULL);
    initialize(x);
    ask_in_vain(x, ERR_NET, "was ended by signal 9 before it answered");
    assert_non_null(strstr(x->err.text, "out of luck"));
    ask_in_vain(x, ERR_NET, "");
    assert_int_equal(mcp_restarts(x->client), 0); /* its session is gone: not in secret */
}

/* A shell writes down in $f how it was ended. */
static char *ended_how(struct fixture *x, const char *script)
{
    char dir[] = "/tmp/waybill-edges-XXXXXX";
    struct buf how = BUF_INIT(KIB(1));
    assert_non_null(mkdtemp(dir));
    CLEANUP(free_ptr) char *path = xasprintf("%s/how", dir);
    CLEANUP(free_ptr)
    char *text = xasprintf("f=%s; trap 'echo term >>$f; %s", path, script);
    open_shell(x, text, NULL);
    comes_back(x);
    mcp_close(TAKE(x->client));
    int rc = fs_read(path, &how, NULL);
    (void)unlink(path);
    (void)rmdir(dir);
    if (rc)
        fail_msg("the child wrote nothing");
    return buf_steal(&how);
}

#define TO_THE_END                                                                       \
    "' TERM; read a;" SAY(ANSWER("1", "{}")) DRAIN "; echo eof >>$f; while :; do :; "    \
                                                   "done"

static void ends_a_child_that_ignores_eof_with_term(void **state)
{
    char *how = ended_how(*state, "exit" TO_THE_END);
    bool right = strcmp(how, "eof\nterm\n") == 0;
    free(how);
    assert_true(right);
}

static void ends_a_child_that_ignores_term_with_kill(void **state)
{
    int64_t start = clock_mono_ms();
    char *how = ended_how(*state, TO_THE_END);
    bool right = strcmp(how, "eof\nterm\n") == 0;
    free(how);
    assert_true(right);
    assert_true(clock_mono_ms() - start >= 1900); /* it was given both graces */
}

/* ---- cancelling ---- */

static void ignores_an_answer_that_comes_too_late(void **state)
{
    struct fixture *x = *state;
    struct mcp_options opt = {.revision = MCP_LATEST,
                              .timeout_ms = PATIENCE_MS,
                              .stop = &x->stop,
                              .on_notification = stop_soon,
                              .on_notification_arg = x};
    open_child(x, &opt, "read a", SAY(NOTE), "read b",
               "case $b in *notifications/cancelled*)",
               SAY(ANSWER("1", "{\"ok\":false}")), "read c", SAY(ANSWER("1", "{}")),
               SAY(ANSWER("2", "{\"ok\":true}")), "esac", DRAIN, NULL);
    ask_in_vain(x, ERR_TIMEOUT, "cancelled");
    x->stop = 0;
    comes_back(x);
    assert_true(is_ok(x));
}

static void ignores_a_server_that_cancels_what_was_never_asked(void **state)
{
    struct fixture *x = *state;
    open_child(x, NULL, "read a", SAY(CANCELLED("1")), SAY(CANCELLED("99")),
               SAY(CANCELLED("\"x\"")), SAY(ANSWER("1", "{\"ok\":true}")), DRAIN, NULL);
    comes_back(x);
    assert_true(is_ok(x));
}

static void never_cancels_initialize(void **state)
{
    struct fixture *x = *state;
    static const struct fake_reply script[] = {{FAKE_SSE, ": wait\n\n", FAKE_HOLD}};
    struct mcp_options opt = {.revision = MCP_LATEST, .timeout_ms = 150};
    open_fake(x, script, ARRAY_SIZE(script), &opt);
    assert_int_equal(mcp_initialize(x->client, &x->answer, &x->err), -1);
    assert_int_equal(x->err.kind, ERR_TIMEOUT);
    mcp_close(TAKE(x->client));
    assert_int_equal(fake_count(requests(x), "\"initialize\""), 1);
    assert_int_equal(fake_count(x->requests, "notifications/cancelled"), 0);
}

/* ---- batches ---- */

static void reads_a_batch_from_a_child_and_out_of_a_stream(void **state)
{
    struct fixture *x = *state;
    static const struct fake_reply script[] = {
        {FAKE_JSON, INIT("2025-03-26"), NULL},
        ACCEPTED,
        {FAKE_SSE,
         "data: [" NOTE ",{\"jsonrpc\":\"2.0\",\"id\":$ID,\"result\":{\"ok\":true}}]\n\n",
         NULL}};
    open_child(x, NULL, "read a", SAY(HELLO("1", "2025-03-26")), "read b; read c",
               SAY("[" NOTE "," CANCELLED("9") "," ANSWER("2", "{\"ok\":true}") "]"),
               DRAIN, NULL);
    initialize(x);
    comes_back(x);
    assert_true(is_ok(x));
    assert_int_equal(mcp_findings(x->client)->n, 0);
    mcp_close(TAKE(x->client));
    open_fake(x, script, ARRAY_SIZE(script), NULL);
    initialize(x);
    comes_back(x);
    assert_true(is_ok(x));
}

static void answers_the_ping_in_a_batch(void **state)
{
    struct fixture *x = *state;
    open_child(x, NULL, "read a", SAY(HELLO("1", "2025-03-26")), "read b; read c",
               SAY("[{\"jsonrpc\":\"2.0\",\"id\":\"p\",\"method\":\"ping\"}]"), "read d",
               "case $d in *'\"id\":\"p\",\"result\":{}'*)",
               SAY(ANSWER("2", "{\"ok\":true}")), "esac", DRAIN, NULL);
    initialize(x);
    comes_back(x);
    assert_true(is_ok(x));
}

static void refuses_a_batch_of_every_other_revision(void **state)
{
    static const char *const others[] = {"2024-11-05", "2025-06-18", "2025-11-25"};
    struct fixture *x = *state;
    for (size_t i = 0; i < ARRAY_SIZE(others); i++) {
        CLEANUP(free_ptr)
        char *script = xasprintf("read a; echo '%s'; read b; read c; echo '[%s]'; cat",
                                 HELLO("1", "2099-09-09"), ANSWER("2", "{\"ok\":true}"));
        memcpy(strstr(script, "2099-09-09"), others[i], 10);
        open_shell(x, script, NULL);
        initialize(x);
        ask_in_vain(x, ERR_SHAPE, "a batch");
        mcp_close(TAKE(x->client));
    }
}

/* ---- pages ---- */

static void stops_at_an_error_in_the_middle_of_a_list(void **state)
{
    struct fixture *x = *state;
    static const struct fake_reply script[] = {
        {FAKE_JSON, RESULT("{\"tools\":[" TOOL("a") "],\"nextCursor\":\"2\"}"), NULL},
        {FAKE_JSON, ERROR("-32602", ""), NULL}};
    open_fake(x, script, ARRAY_SIZE(script), NULL);
    assert_int_equal(mcp_list_tools(x->client, &x->answer, &x->err), 0);
    assert_int_equal(x->answer.outcome, MCP_RPC_ERROR);
    assert_int_equal(x->answer.rpc_code, -32602);
    assert_null(x->answer.result); /* half a list is none */
    assert_int_equal(fake_count(requests(x), "tools/list"), 2);
}

static void refuses_a_cursor_that_is_no_text(void **state)
{
    struct fixture *x = *state;
    static const struct fake_reply script[] = {
        {FAKE_JSON, RESULT("{\"tools\":[],\"nextCursor\":7}"), NULL}};
    open_fake(x, script, ARRAY_SIZE(script), NULL);
    assert_int_equal(mcp_list_tools(x->client, &x->answer, &x->err), -1);
    assert_non_null(strstr(x->err.text, "'nextCursor' is not a string"));
}

/* ---- which era ---- */

static void falls_back_after_any_http_answer_that_is_not_modern(void **state)
{
    static const struct {
        const char *head, *body;
    } rows[] = {
        {"400 Bad Request", ""},
        {"400 Bad Request\r\nContent-Type: text/html", "<html>no</html>"},
        {BAD_REQUEST, "{\"error\":\"bad request\"}"},
        {BAD_REQUEST, "{\"jsonrpc\":\"2.0\",\"error\":{\"code\":-32000,\"message\":"
                      "\"Bad Request: no valid session ID provided\"},\"id\":null}"},
        {BAD_REQUEST, ERROR("-32600", "")},
        {BAD_REQUEST, ERROR("-32602", "")},
        {"404 Not Found", ""},
        {"405 Method Not Allowed\r\nAllow: GET", ""},
        {"406 Not Acceptable", "no"},
        {"415 Unsupported Media Type", ""},
        {"500 Internal Server Error", "oops"},
        {FAKE_JSON, ERROR("-32601", "")},
        {FAKE_JSON, ERROR("-32602", "")},
        {"202 Accepted", ""},
    };
    struct fixture *x = *state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct fake_reply script[] = {{rows[i].head, rows[i].body, NULL},
                                      {FAKE_JSON, INIT("2025-06-18"), NULL},
                                      ACCEPTED};
        err_clear(&x->err);
        open_fake(x, script, ARRAY_SIZE(script), &any_era);
        if (mcp_initialize(x->client, &x->answer, &x->err) ||
            x->answer.outcome != MCP_OK || !mcp_revision(x->client))
            fail_msg("%s %s: %s", rows[i].head, rows[i].body, x->err.text);
        assert_string_equal(mcp_revision(x->client), "2025-06-18");
        assert_int_equal(fake_count(requests(x), "\"initialize\""), 1);
        mcp_close(TAKE(x->client));
        fake_stop(&x->server);
    }
}

static void stays_modern_after_every_modern_error(void **state)
{
    static const char *const errors[] = {
        ERROR("-32020", ""),
        ERROR("-32021", ",\"data\":{\"requiredCapabilities\":{\"sampling\":{}}}"),
        ERROR("-32022", ""),
        ERROR("-32022", ",\"data\":{\"supported\":[],\"requested\":" NEW "}"),
        ERROR("-32022", ",\"data\":{\"supported\":\"all\",\"requested\":" NEW "}"),
    };
    struct fixture *x = *state;
    for (size_t i = 0; i < ARRAY_SIZE(errors); i++) {
        struct fake_reply script[] = {{BAD_REQUEST, errors[i], NULL}};
        open_fake(x, script, ARRAY_SIZE(script), &any_era);
        assert_int_equal(mcp_initialize(x->client, &x->answer, &x->err), 0);
        assert_int_equal(x->answer.outcome, MCP_RPC_ERROR);
        assert_int_equal(fake_count(requests(x), "\"initialize\""), 0);
        mcp_close(TAKE(x->client));
        fake_stop(&x->server);
    }
}

static void falls_back_over_stdio_after_any_other_error(void **state)
{
    static const char *const codes[] = {"-32700", "-32600", "-32601", "-32602",
                                        "-32603", "-32000", "-32002", "1"};
    struct fixture *x = *state;
    for (size_t i = 0; i < ARRAY_SIZE(codes); i++) {
        CLEANUP(free_ptr)
        char *script = xasprintf("read a; echo '{\"jsonrpc\":\"2.0\",\"id\":1,\"error\":{"
                                 "\"code\":%s,\"message\":\"no\"}}'; read b; "
                                 "echo '%s'; cat >/dev/null",
                                 codes[i], HELLO("2", "2025-11-25"));
        open_shell(x, script, &any_era);
        initialize(x);
        assert_string_equal(mcp_revision(x->client), "2025-11-25");
        mcp_close(TAKE(x->client));
    }
}

#define DISCOVERED_2                                                                     \
    ANSWER("2", "{" META ",\"supportedVersions\":[" NEW "],\"capabilities\":{}}")
#define SUPPORTED(versions)                                                              \
    ",\"data\":{\"supported\":[" versions "],\"requested\":" NEW "}"

static void takes_a_revision_that_a_child_names(void **state)
{
    struct fixture *x = *state;
    open_child(x, &any_era, "read a",
               SAY(REFUSAL("1", "-32022", SUPPORTED("\"2031-01-01\"," NEW))),
               "read b; case $b in *server/discover*)", SAY(DISCOVERED_2), "esac", DRAIN,
               NULL);
    initialize(x);
    assert_string_equal(mcp_revision(x->client), "2026-07-28");
}

static void does_not_shake_hands_after_a_modern_error_of_a_child(void **state)
{
    struct fixture *x = *state;
    /* initialize would be answered. */
    open_child(x, &any_era, "read a",
               SAY(REFUSAL("1", "-32022", SUPPORTED("\"2031-01-01\""))), "read b",
               SAY(HELLO("2", "2025-11-25")), DRAIN, NULL);
    assert_int_equal(mcp_initialize(x->client, &x->answer, &x->err), 0);
    assert_int_equal(x->answer.outcome, MCP_RPC_ERROR);
    assert_int_equal(x->answer.rpc_code, -32022);
}

static void ends_with_words_at_a_revision_that_nobody_knows(void **state)
{
    struct fixture *x = *state;
    open_shell(x, "read a;" SAY(HELLO("1", "1999-01-01")) DRAIN, NULL);
    assert_int_equal(mcp_initialize(x->client, &x->answer, &x->err), -1);
    assert_int_equal(x->err.kind, ERR_SHAPE);
    assert_non_null(strstr(x->err.text, "'old' answers initialize with protocol revision "
                                        "'1999-01-01'; known are 2024-11-05"));
}

/* ---- HTTP ---- */

static void opens_nothing_anew_without_a_session(void **state)
{
    struct fixture *x = *state;
    static const struct fake_reply script[] = {
        {FAKE_JSON, INIT("2025-11-25"), NULL}, ACCEPTED, {"404 Not Found", "no", NULL}};
    open_fake(x, script, ARRAY_SIZE(script), NULL);
    initialize(x);
    comes_back(x);
    assert_int_equal(x->answer.outcome, MCP_HTTP_ERROR);
    assert_int_equal(x->answer.http_status, 404);
    assert_int_equal(fake_count(requests(x), "\"initialize\""), 1);
}

static void says_what_a_refusal_in_the_middle_of_a_session_wants(void **state)
{
    struct fixture *x = *state;
    static const struct fake_reply script[] = {
        {FAKE_JSON "\r\nMcp-Session-Id: s", INIT("2025-11-25"), NULL},
        ACCEPTED,
        {"401 Unauthorized\r\nWWW-Authenticate: Bearer error=\"invalid_token\"",
         "expired", NULL},
        {"403 Forbidden", "", NULL}};
    CLEANUP(buf_release) struct buf words = BUF_INIT(KIB(1));
    open_fake(x, script, ARRAY_SIZE(script), NULL);
    initialize(x);
    comes_back(x);
    mcp_answer_words(&x->answer, &words);
    assert_string_equal(words.data,
                        "HTTP 401: the server wants a token of scheme Bearer; "
                        "error invalid_token: expired");
    buf_reset(&words);
    comes_back(x);
    mcp_answer_words(&x->answer, &words);
    assert_string_equal(words.data, "HTTP 403: not allowed");
    assert_int_equal(fake_count(requests(x), "\"initialize\""), 1);
}

static void does_not_resume_for_ever(void **state)
{
    struct fixture *x = *state;
    static const struct fake_reply script[] = {
        {FAKE_SSE, "id: 7\nretry: 1\ndata:\n\n", NULL}};
    open_fake(x, script, ARRAY_SIZE(script), NULL);
    ask_in_vain(x, ERR_SHAPE, "ended 100 times without the response");
    assert_int_equal(fake_count(requests(x), "GET / "), 100);
    assert_int_equal(fake_count(x->requests, "POST / "), 1);
}

static void resumes_from_the_newest_event_with_its_own_session(void **state)
{
    struct fixture *x = *state;
    static const struct fake_reply script[] = {
        {FAKE_JSON "\r\nMcp-Session-Id: s-1", INIT("2025-11-25"), NULL},
        ACCEPTED,
        {FAKE_SSE, "id: a\nretry: 1\ndata:\n\nid: b\ndata: " NOTE "\n\n", NULL},
        {FAKE_SSE, "id: c\ndata: " NOTE "\n\n", NULL},
        {FAKE_SSE, "data: " ANSWER("2", "{\"ok\":true}") "\n\n", NULL}};
    open_fake(x, script, ARRAY_SIZE(script), NULL);
    initialize(x);
    comes_back(x);
    assert_true(is_ok(x));
    const char *get = strstr(requests(x), "GET / ");
    assert_non_null(get);
    assert_int_equal(fake_count(get, "Last-Event-ID: b\r\n"), 1);
    assert_int_equal(fake_count(get, "Last-Event-ID: c\r\n"), 1);
    assert_int_equal(fake_count(get, "Mcp-Session-Id: s-1\r\n"), 2);
    assert_int_equal(fake_count(get, "MCP-Protocol-Version: 2025-11-25\r\n"), 2);
}

static void pings_a_modern_server_with_what_it_has(void **state)
{
    struct fixture *x = *state;
    static const struct fake_reply script[] = {
        {FAKE_JSON, DISCOVERED("[" NEW "]"), NULL}};
    open_fake(x, script, ARRAY_SIZE(script), &modern);
    assert_int_equal(mcp_ping(x->client, &x->answer, &x->err), 0);
    assert_int_equal(x->answer.outcome, MCP_OK);
    assert_int_equal(fake_count(requests(x), "Mcp-Method: server/discover\r\n"), 1);
    assert_int_equal(fake_count(x->requests, "\"ping\""), 0);
}

static void pings_a_legacy_server(void **state)
{
    struct fixture *x = *state;
    open_mock(x, NULL);
    initialize(x);
    assert_int_equal(mcp_ping(x->client, &x->answer, &x->err), 0);
    assert_int_equal(x->answer.outcome, MCP_OK);
    assert_int_equal(json_object_size(x->answer.result), 0);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(reads_lines_that_end_with_cr_lf),
        T(calls_a_frame_broken_that_is_no_utf_8),
        T(gives_up_on_a_line_without_end),
        T(puts_a_message_together_that_comes_in_pieces),
        T(says_how_a_child_died_in_the_middle_of_a_call),
        T(ends_a_child_that_ignores_eof_with_term),
        T(ends_a_child_that_ignores_term_with_kill),
        T(ignores_an_answer_that_comes_too_late),
        T(ignores_a_server_that_cancels_what_was_never_asked),
        T(never_cancels_initialize),
        T(reads_a_batch_from_a_child_and_out_of_a_stream),
        T(answers_the_ping_in_a_batch),
        T(refuses_a_batch_of_every_other_revision),
        T(stops_at_an_error_in_the_middle_of_a_list),
        T(refuses_a_cursor_that_is_no_text),
        T(falls_back_after_any_http_answer_that_is_not_modern),
        T(stays_modern_after_every_modern_error),
        T(falls_back_over_stdio_after_any_other_error),
        T(takes_a_revision_that_a_child_names),
        T(does_not_shake_hands_after_a_modern_error_of_a_child),
        T(ends_with_words_at_a_revision_that_nobody_knows),
        T(opens_nothing_anew_without_a_session),
        T(says_what_a_refusal_in_the_middle_of_a_session_wants),
        T(does_not_resume_for_ever),
        T(resumes_from_the_newest_event_with_its_own_session),
        T(pings_a_modern_server_with_what_it_has),
        T(pings_a_legacy_server),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
