/* The edges of our MCP servers that the conformance suite does not reach: bytes on a
 * pipe, batches, cancelling, cursors, sessions without a version header, streams. */
#include "mocks/tests/mcp_fixture.h"

#define CALL(id, name, arguments)                                                        \
    "{\"jsonrpc\":\"2.0\",\"id\":" id ",\"method\":\"tools/call\",\"params\":{"          \
    "\"name\":\"" name "\",\"arguments\":" arguments "}}"
#define M_CALL(id, name, arguments)                                                      \
    "{\"jsonrpc\":\"2.0\",\"id\":" id ",\"method\":\"tools/call\",\"params\":{"          \
    "\"name\":\"" name "\",\"arguments\":" arguments "," META "}}"
#define PROGRESS_CALL(id, name)                                                          \
    "{\"jsonrpc\":\"2.0\",\"id\":" id ",\"method\":\"tools/call\",\"params\":{"          \
    "\"name\":\"" name "\",\"_meta\":{\"progressToken\":\"p\"}}}"
#define CANCEL(id)                                                                       \
    "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/cancelled\",\"params\":{"           \
    "\"requestId\":" id "}}"
#define PING(id) "{\"jsonrpc\":\"2.0\",\"id\":" id ",\"method\":\"ping\"}"
#define LIST_FROM(cursor)                                                                \
    "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/list\",\"params\":{"               \
    "\"cursor\":" cursor "}}"
#define M_LIST_FROM(cursor)                                                              \
    "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/list\",\"params\":{"               \
    "\"cursor\":" cursor "," META "}}"
#define ON(method) MODERN "\nMcp-Method: " method

static const char *const LEGACY[] = {"2024-11-05", "2025-03-26", "2025-06-18",
                                     "2025-11-25"};

/* ---- stdio: bytes ---- */

/* What is left on its stdout until it ends. */
static void hear_all(struct mcp_fixture *f)
{
    char chunk[65536];
    ssize_t n = 0;

    while ((n = read(f->server.out, chunk, sizeof(chunk))) > 0)
        buf_add(&f->in, chunk, (size_t)n);
}

static void reads_lines_that_end_with_cr_lf(void **state)
{
    struct mcp_fixture *f = *state;
    start_stdio(f, "2025-11-25");
    say_and_hear(f, PING("1") "\r");
    assert_int_equal(json_int(result_of(f) ? f->json : NULL, "id", 0), 1);
    say(f, "\r");
    say(f, "");
    say(f, "\t");
    say(f, " \t \r");
    say_and_hear(f, PING("2") "\t");
    assert_int_equal(json_int(f->json, "id", 0), 2);
}

static void reads_a_last_line_without_an_end(void **state)
{
    static const char ping[] = PING("3");
    struct mcp_fixture *f = *state;
    start_stdio(f, "2025-11-25");
    assert_int_equal(write(f->server.in, ping, sizeof(ping) - 1), sizeof(ping) - 1);
    close_fd(&f->server.in);
    hear(f);
    assert_int_equal(json_int(f->json, "id", 0), 3);
}

static void calls_bytes_that_are_no_utf_8_a_parse_error(void **state)
{
    struct mcp_fixture *f = *state;
    start_stdio(f, "2025-11-25");
    say_and_hear(f, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"pi\xff\xfeng\"}");
    assert_int_equal(error_code(f), -32700);
    assert_null(json_object_get(f->json, "id"));
    say_and_hear(f, PING("2"));
    assert_int_equal(json_int(f->json, "id", 0), 2);
}

static void writes_no_newline_inside_a_message(void **state)
{
    struct mcp_fixture *f = *state;
    start_stdio(f, "2025-11-25");
    say(f, CALL("1", "a\\nb\\r\\u2028c", "{}"));
    char *line CLEANUP(free_ptr) = next_line(f);
    assert_non_null(strstr(line, "a\\nb\\r\\u2028c"));
    say_and_hear(f, PING("2"));
    assert_int_equal(json_int(f->json, "id", 0), 2);
}

/* A message, and blanks after it up to so many bytes. Caller frees. */
static char *long_line(const char *message, size_t len)
{
    char *line = xmalloc(len + 1);

    memset(line, ' ', len);
    memcpy(line, message, strlen(message));
    line[len] = '\0';
    return line;
}

static void throws_a_line_away_that_is_too_long(void **state)
{
    struct mcp_fixture *f = *state;
    char *line CLEANUP(free_ptr) = long_line(PING("1"), 2 * LIMIT_LINE);
    char *just CLEANUP(free_ptr) = long_line(PING("2"), LIMIT_LINE + 1);
    start_stdio(f, "2025-11-25");
    say_and_hear(f, line);
    assert_int_equal(error_code(f), -32600);
    assert_null(json_object_get(f->json, "id"));
    say_and_hear(f, just);
    assert_int_equal(error_code(f), -32600);
    say_and_hear(f, PING("3"));
    assert_int_equal(json_int(f->json, "id", 0), 3);
    assert_int_equal(write(f->server.in, line, 2 * LIMIT_LINE), 2 * LIMIT_LINE);
    hear(f); /* without its end it is refused as well */
    assert_int_equal(end(f), 0);
    hear_all(f);
    assert_int_equal(f->in.len, 0);
}

static void takes_the_longest_line_and_what_comes_with_it(void **state)
{
    struct mcp_fixture *f = *state;
    char *line CLEANUP(free_ptr) = long_line(PING("1"), LIMIT_LINE);
    char *lines CLEANUP(free_ptr) = xasprintf("%s\n%s", line, PING("2"));
    start_stdio(f, "2025-11-25");
    say_and_hear(f, lines);
    assert_int_equal(json_int(f->json, "id", 0), 1);
    hear(f);
    assert_int_equal(json_int(f->json, "id", 0), 2);
}

/* As of all that is no frame. */
static void says_nothing_to_a_long_line_with_the_shipped_manners(void **state)
{
    struct mcp_fixture *f = *state;
    char *line CLEANUP(free_ptr) = long_line(PING("1"), 2 * LIMIT_LINE);
    strv_add(&f->env, "WAYBILL_MCP_MANNERS=shipped");
    strv_add(&f->env, "LOG_LEVEL=60");
    strv_add(&f->env, "MOLECULE_API_URL=http://127.0.0.1:1");
    start_stdio(f, "2025-11-25");
    say(f, line);
    say_and_hear(f, PING("2"));
    assert_int_equal(json_int(f->json, "id", 0), 2);
}

static void says_nothing_but_frames_on_its_stdout(void **state)
{
    static const char *const servers[] = {"management", "workspace", "a2a"};
    struct mcp_fixture *f = *state;
    for (size_t i = 0; i < ARRAY_SIZE(servers); i++) {
        start_server(f, servers[i]);
        say(f, INITIALIZE("2024-11-05"));
        say(f, INITIALIZED);
        say(f, "{");
        say(f, LIST);
        say(f, CALL("1", "no_such_tool", "{}"));
        assert_int_equal(end(f), 0);
        hear_all(f);
        int n = 0;
        for (; memchr(f->in.data, '\n', f->in.len); n++) {
            hear(f);
            assert_string_equal(json_str(f->json, "jsonrpc", ""), "2.0");
        }
        assert_int_equal(n, 4);
        assert_int_equal(f->in.len, 0);
        proc_release(&f->server);
        f->server = (struct proc)PROC_INIT;
    }
}

static void answers_no_notification_and_no_response(void **state)
{
    struct mcp_fixture *f = *state;
    start_stdio(f, "2025-11-25");
    say(f, "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/nobody_knows\"}");
    say(f, "{\"jsonrpc\":\"2.0\",\"method\":\"tools/list\"}");
    say(f, "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{}}");
    say(f, CANCEL("99"));
    say(f, CANCEL("{}"));
    say_and_hear(f, PING("2"));
    assert_int_equal(json_int(f->json, "id", 0), 2);
    assert_int_equal(end(f), 0);
    hear_all(f);
    assert_int_equal(f->in.len, 0);
}

static void agrees_on_a_revision_over_stdio(void **state)
{
    static const char *const rows[][2] = {
        {"2024-11-05", "2024-11-05"}, {"2025-03-26", "2025-03-26"},
        {"2025-06-18", "2025-06-18"}, {"2025-11-25", "2025-11-25"},
        {"2026-07-28", "2025-11-25"}, {"1999-01-01", "2025-11-25"},
    };
    struct mcp_fixture *f = *state;
    start_server(f, "management");
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        char *hello CLEANUP(free_ptr) = initialize_in(rows[i][0]);
        say_and_hear(f, hello);
        assert_string_equal(json_str(result_of(f), "protocolVersion", ""), rows[i][1]);
    }
}

static void makes_bad_arguments_a_result_since_2025_11_25(void **state)
{
    struct mcp_fixture *f = *state;
    start_server(f, "management --diagnostics");
    for (size_t i = 0; i < ARRAY_SIZE(LEGACY); i++) {
        bool result = strcmp(LEGACY[i], "2025-11-25") == 0;
        shake(f, LEGACY[i]);
        say_and_hear(f, CALL("1", "test_slow", "{\"ms\":\"x\"}"));
        assert_int_equal(error_code(f), result ? 0 : -32602);
        assert_int_equal(json_bool(json_object_get(f->json, "result"), "isError", false),
                         result);
    }
    say_and_hear(f, M_CALL("2", "test_slow", "{\"ms\":\"x\"}"));
    assert_true(json_bool(result_of(f), "isError", false));
}

/* ---- cancelling ---- */

static void says_no_more_of_what_was_cancelled(void **state)
{
    struct mcp_fixture *f = *state;
    start_stdio(f, "2025-11-25");
    /* What was cancelled would be answered first. */
    say(f, CALL("1", "test_slow", "{\"ms\":20}"));
    say(f, M_CALL("2", "test_slow", "{\"ms\":20}"));
    say(f, CALL("3", "test_slow", "{\"ms\":200}"));
    say(f, CANCEL("1"));
    say(f, CANCEL("2"));
    hear(f);
    assert_int_equal(json_int(f->json, "id", 0), 3);
    say(f, CANCEL("3")); /* too late, and no fault */
    say_and_hear(f, CALL("4", "test_cancellations", "{}"));
    assert_string_equal(result_text(f), "2");
}

/* ---- batches ---- */

static const json_t *answer_to(const struct mcp_fixture *f, int id)
{
    for (size_t i = 0; i < json_array_size(f->json); i++) {
        const json_t *one = json_array_get(f->json, i);
        if (json_int(one, "id", -1) == id)
            return one;
    }
    fail_msg("no answer to %d", id);
    return NULL;
}

#define MIXED                                                                            \
    "[" PING("1") "," INITIALIZED "," CALL("2", "test_slow", "{\"ms\":5}") "," CANCEL(   \
        "99") ",{\"jsonrpc\":\"2.0\",\"id\":77,\"result\":{}},"                          \
              "{\"jsonrpc\":\"2.0\",\"id\":78,\"error\":{\"code\":1,\"message\":"        \
              "\"x\"}}," CALL("3", "no_such_tool", "{}") "," INITIALIZE_4 ",7,"          \
                                                         "{\"jsonrpc\":\"2.0\","         \
                                                         "\"id\":5,\"method\":7}]"
#define INITIALIZE_4                                                                     \
    "{\"jsonrpc\":\"2.0\",\"id\":4,\"method\":\"initialize\",\"params\":{"               \
    "\"protocolVersion\":\"2025-03-26\",\"capabilities\":{},\"clientInfo\":{"            \
    "\"name\":\"t\",\"version\":\"1\"}}}"

/* One answer to each request and to what is none, and to nothing else. */
static void check_mixed(const struct mcp_fixture *f)
{
    assert_true(json_is_array(f->json));
    assert_int_equal(json_array_size(f->json), 6);
    assert_non_null(json_object_get(answer_to(f, 1), "result"));
    assert_non_null(json_object_get(answer_to(f, 2), "result"));
    assert_int_equal(json_int(json_object_get(answer_to(f, 3), "error"), "code", 0),
                     -32602);
    assert_int_equal(json_int(json_object_get(answer_to(f, 4), "error"), "code", 0),
                     -32600);
    assert_int_equal(json_int(json_object_get(answer_to(f, 5), "error"), "code", 0),
                     -32600);
    assert_int_equal(json_int(json_object_get(answer_to(f, -1), "error"), "code", 0),
                     -32600);
}

static void answers_each_request_of_a_mixed_batch(void **state)
{
    struct mcp_fixture *f = *state;
    start_stdio(f, "2025-03-26");
    say_and_hear(f, MIXED);
    check_mixed(f);
    say(f, "[" INITIALIZED "," CANCEL("9") "]");
    say_and_hear(f, "[]");
    assert_int_equal(error_code(f), -32600);
}

static void answers_each_request_of_a_mixed_batch_over_http(void **state)
{
    struct mcp_fixture *f = *state;
    start_server(f, "management --http-port 0 --diagnostics");
    shake_hands(f, "2025-03-26");
    ask(f, "$S", MIXED);
    assert_int_equal(f->resp.status, 200);
    check_mixed(f);
    ask(f, "$S", "[" INITIALIZED ",{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{}}]");
    assert_int_equal(f->resp.status, 202);
    assert_int_equal(f->resp.body.len, 0);
    ask(f, NULL, "[" INITIALIZE("2025-03-26") "]");
    assert_int_equal(f->resp.status, 400);
    assert_null(http_response_header(&f->resp, "Mcp-Session-Id"));
}

static void has_batches_in_2025_03_26_alone(void **state)
{
    struct mcp_fixture *f = *state;
    start_server(f, "management");
    for (size_t i = 0; i < ARRAY_SIZE(LEGACY); i++) {
        bool has = strcmp(LEGACY[i], "2025-03-26") == 0;
        shake(f, LEGACY[i]);
        say_and_hear(f, "[" PING("1") "]");
        assert_int_equal(json_is_array(f->json), has);
        assert_int_equal(error_code(f), has ? 0 : -32600);
    }
}

static void has_batches_in_2025_03_26_alone_over_http(void **state)
{
    struct mcp_fixture *f = *state;
    start_server(f, "management --http-port 0");
    for (size_t i = 0; i < ARRAY_SIZE(LEGACY); i++) {
        bool has = strcmp(LEGACY[i], "2025-03-26") == 0;
        shake_hands(f, LEGACY[i]);
        ask(f, "$S", "[" PING("1") "]");
        assert_int_equal(f->resp.status, has ? 200 : 400);
        assert_int_equal(error_code(f), has ? 0 : -32600);
    }
}

static void heeds_the_notifications_of_a_batch(void **state)
{
    struct mcp_fixture *f = *state;
    start_stdio(f, "2025-03-26");
    /* Of a request before it, and of one beside it. */
    say(f, CALL("1", "test_slow", "{\"ms\":60000}"));
    say_and_hear(f, "[" CANCEL("1") "," CALL("2", "test_slow", "{\"ms\":60000}") "," PING(
                        "3") "," CANCEL("2") "]");
    assert_int_equal(json_array_size(f->json), 1);
    assert_non_null(answer_to(f, 3));
    say_and_hear(f, CALL("4", "test_cancellations", "{}"));
    assert_string_equal(result_text(f), "2");
    /* When nothing is left to answer, nothing is. */
    say(f, "[" CALL("5", "test_slow", "{\"ms\":60000}") "," CANCEL("5") "]");
    say_and_hear(f, PING("6"));
    assert_int_equal(json_int(f->json, "id", 0), 6);
}

static void tells_the_progress_of_a_batch_before_its_answers(void **state)
{
    struct mcp_fixture *f = *state;
    int n = 0;
    start_stdio(f, "2025-03-26");
    say(f, "[" PROGRESS_CALL("1", "test_tool_with_progress") "," PING("2") "]");
    for (hear(f); json_is_object(f->json); hear(f), n++)
        assert_string_equal(json_str(f->json, "method", ""), "notifications/progress");
    assert_int_equal(n, 3);
    assert_int_equal(json_array_size(f->json), 2);
}

static void streams_the_progress_of_a_batch_to_who_reads_streams(void **state)
{
    struct mcp_fixture *f = *state;
    start_server(f, "management --http-port 0 --diagnostics");
    shake_hands(f, "2025-03-26");
    ask(f, "$S", "[" PROGRESS_CALL("1", "test_tool_with_progress") "," PING("2") "]");
    assert_string_equal(http_response_header(&f->resp, "Content-Type"),
                        "text/event-stream");
    assert_non_null(http_response_header(&f->resp, "X-Accel-Buffering"));
    const char *note = strstr(f->resp.body.data, "notifications/progress");
    const char *answers = strstr(f->resp.body.data, "data: [");
    assert_true(note && answers && note < answers);
    assert_non_null(strstr(answers, "\"id\":2"));
    ask(f, "$S\nAccept: text/event-stream", "[" PING("2") "]");
    assert_non_null(strstr(f->resp.body.data, "data: [{"));
    ask(f, "$S\nAccept: application/json",
        "[" PROGRESS_CALL("1", "test_tool_with_progress") "]");
    assert_int_equal(json_array_size(f->json), 1);
}

/* Once, of some tries, well before what is not answered would be given up. */
static void ends_with_the_last_answer_of_a_batch(void **state)
{
    struct mcp_fixture *f = *state;
    bool soon = false;
    for (int i = 0; i < 5 && !soon; i++) {
        start_stdio(f, "2025-03-26");
        say(f, "[" CALL("1", "test_slow", "{\"ms\":50}") "]");
        int64_t start = clock_mono_ms();
        assert_int_equal(end(f), 0);
        soon = clock_mono_ms() - start < 1500;
        hear(f);
        assert_int_equal(json_array_size(f->json), 1);
        proc_release(&f->server);
        f->server = (struct proc)PROC_INIT;
    }
    assert_true(soon);
}

/* ---- pages ---- */

static void refuses_cursors_that_it_never_gave(void **state)
{
    static const char *const bad[] = {
        LIST_FROM("\"\""),
        LIST_FROM("\"from-0\""),
        LIST_FROM("\"from-7\""),
        LIST_FROM("\"from-10000\""),
        LIST_FROM("7"),
        LIST_FROM("{}"),
        LIST_FROM("\"from-10\\u0000\""),
        M_LIST_FROM("\"\""),
        M_LIST_FROM("\"from-7\""),
        M_LIST_FROM("[]"),
    };
    struct mcp_fixture *f = *state;
    start_server(f, "management --page-size 10");
    shake(f, "2025-11-25");
    say_and_hear(f, LIST_FROM("\"from-10\""));
    assert_int_equal(error_code(f), 0);
    say_and_hear(f, LIST_FROM("null"));
    assert_int_equal(error_code(f), 0);
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        say_and_hear(f, bad[i]);
        if (error_code(f) != -32602)
            fail_msg("taken for a cursor: %s", bad[i]);
    }
}

static void gives_each_modern_page_the_same_scope(void **state)
{
    struct mcp_fixture *f = *state;
    start_server(f, "management --page-size 30");
    say_and_hear(f, M_LIST_FROM("null"));
    char *scope CLEANUP(free_ptr) = xstrdup(json_str(result_of(f), "cacheScope", ""));
    assert_string_equal(json_str(result_of(f), "nextCursor", ""), "from-30");
    say_and_hear(f, M_LIST_FROM("\"from-30\""));
    assert_string_equal(json_str(result_of(f), "cacheScope", ""), scope);
    assert_null(json_object_get(result_of(f), "nextCursor"));
}

/* ---- HTTP: sessions, streams, who may come ---- */

static void keeps_sessions_in_2025_03_26_without_a_version_header(void **state)
{
    struct mcp_fixture *f = *state;
    start_server(f, "management --http-port 0");
    shake_hands(f, "2025-03-26");
    ask(f, "$S", LIST);
    assert_int_equal(f->resp.status, 200);
    (void)result_of(f);
    ask(f, NULL, LIST);
    assert_int_equal(f->resp.status, 400);
    ask(f, "Mcp-Session-Id: 0123456789abcdef0123456789abcdef", LIST);
    assert_int_equal(f->resp.status, 404);
    ask_url(f, "DELETE", f->url, "$S", NULL);
    assert_int_equal(f->resp.status, 204);
    ask(f, "$S", LIST);
    assert_int_equal(f->resp.status, 404);
    ask_url(f, "DELETE", f->url, "$S", NULL);
    assert_int_equal(f->resp.status, 404);
}

static void gives_session_ids_that_nobody_can_guess(void **state)
{
    struct mcp_fixture *f = *state;
    start_server(f, "management --http-port 0");
    shake_hands(f, "2025-03-26");
    char *first CLEANUP(free_ptr) = xstrdup(f->session);
    shake_hands(f, "2025-03-26");
    assert_string_not_equal(first, f->session);
    const char *id = strchr(f->session, ' ') + 1;
    assert_true(strlen(id) >= 32);
    for (; *id; id++)
        assert_in_range(*id, 0x21, 0x7e);
}

#define SLOW_WITH_PROGRESS                                                               \
    "{\"jsonrpc\":\"2.0\",\"id\":7,\"method\":\"tools/call\",\"params\":{\"name\":"      \
    "\"test_slow\",\"arguments\":{\"ms\":60000},\"_meta\":{\"progressToken\":1}}}"

static void opens_a_stream_to_listen_to(void **state)
{
    struct mcp_fixture *f = *state;
    struct stream s CLEANUP(stream_release) = {.until = ": listening"};
    buf_init(&s.text, MIB(1));
    start_server(f, "management --http-port 0 --diagnostics");
    shake_hands(f, "2025-03-26");
    stream(f, "GET", "$S", NULL, &s);
    assert_int_equal(f->resp.status, 200);
    assert_string_equal(http_response_header(&f->resp, "Content-Type"),
                        "text/event-stream");
    ask_url(f, "GET", f->url, "$S\nAccept: application/json", NULL);
    assert_int_equal(f->resp.status, 406);
    ask_url(f, "GET", f->url, NULL, NULL);
    assert_int_equal(f->resp.status, 400);
}

static void cancels_for_nobody_but_the_session_that_asked(void **state)
{
    struct mcp_fixture *f = *state;
    struct stream s CLEANUP(stream_release) = {.until = "notifications/progress"};
    buf_init(&s.text, MIB(1));
    start_server(f, "management --http-port 0 --diagnostics");
    shake_hands(f, "2025-11-25");
    stream(f, "POST", "$S", SLOW_WITH_PROGRESS, &s);
    char *first CLEANUP(free_ptr) = xstrdup(f->session);
    shake_hands(f, "2025-11-25");
    ask(f, "$S", CANCEL("7"));
    assert_int_equal(f->resp.status, 202);
    ask(f, "$S", CALL("8", "test_cancellations", "{}"));
    assert_string_equal(result_text(f), "0");
    ask(f, first, CANCEL("7"));
    ask(f, "$S", CALL("9", "test_cancellations", "{}"));
    assert_string_equal(result_text(f), "1");
}

static void
gives_a_stream_to_its_own_session_and_nothing_of_it_once_cancelled(void **state)
{
    struct mcp_fixture *f = *state;
    struct stream s CLEANUP(stream_release) = {.until = "notifications/progress"};
    buf_init(&s.text, MIB(1));
    start_server(f, "management --http-port 0 --diagnostics");
    shake_hands(f, "2025-11-25");
    stream(f, "POST", "$S", SLOW_WITH_PROGRESS, &s);
    const char *id = strstr(s.text.data, "id: ");
    assert_non_null(id);
    char *last CLEANUP(free_ptr) =
        xasprintf("$S\nLast-Event-ID: %.*s", (int)strcspn(id + 4, "\n"), id + 4);
    char *first = f->session;
    f->session = NULL;
    shake_hands(f, "2025-11-25");
    ask_url(f, "GET", f->url, last, NULL);
    assert_int_equal(f->resp.status, 400); /* of another session */
    free(f->session);
    f->session = first;
    ask(f, "$S", CANCEL("7"));
    ask_url(f, "GET", f->url, last, NULL);
    assert_int_equal(f->resp.status, 400); /* cancelled: nothing is left */
}

static const struct {
    const char *about, *method, *headers, *body;
    int status, code;
} ROWS[] = {
    {"GET from a foreign origin", "GET", "$S\nOrigin: http://evil.example", NULL, 403,
     -32600},
    {"DELETE from a foreign origin", "DELETE", "$S\nOrigin: http://evil.example", NULL,
     403, -32600},
    {"a handshake from a foreign origin", "POST", "Origin: https://evil.example",
     INITIALIZE("2024-11-05"), 403, -32600},
    {"a modern GET from a foreign origin", "GET", MODERN "\nOrigin: http://evil.example",
     NULL, 403, -32600},
    {"no body", "POST", "$S", "", 400, -32700},
    {"bytes that are no UTF-8", "POST", "$S",
     "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"\xff\"}", 400, -32700},
    {"JSON that is no object", "POST", "$S", "7", 400, -32600},
    {"neither method nor result", "POST", "$S", "{\"jsonrpc\":\"2.0\",\"id\":1}", 400,
     -32600},
    {"a DELETE with a version that nobody speaks", "DELETE",
     "$S\nMCP-Protocol-Version: 1999-01-01", NULL, 400, -32600},
    {"a modern notification", "POST", ON("notifications/cancelled"), CANCEL("7"), 202, 0},
};

static void refuses_over_http_what_it_should(void **state)
{
    struct mcp_fixture *f = *state;
    start_server(f, "management --http-port 0 --diagnostics");
    shake_hands(f, "2025-03-26");
    for (size_t i = 0; i < ARRAY_SIZE(ROWS); i++) {
        ask_url(f, ROWS[i].method, f->url, ROWS[i].headers, ROWS[i].body);
        if (f->resp.status != ROWS[i].status || error_code(f) != ROWS[i].code)
            fail_msg("%s: %d %s", ROWS[i].about, f->resp.status, f->resp.body.data);
        if (ROWS[i].code == -32700)
            assert_null(json_object_get(f->json, "id"));
    }
    ask(f, "$S", LIST); /* the session is none the worse for it */
    (void)result_of(f);
}

static void wants_the_token_of_every_method_and_not_in_the_address(void **state)
{
    static const char *const methods[] = {"GET", "POST", "DELETE"};
    struct mcp_fixture *f = *state;
    strv_add(&f->env, "TOKEN=let-me-in");
    start_server(f, "management --http-port 0 --bearer-env TOKEN");
    char *asked CLEANUP(free_ptr) = xasprintf("%s?access_token=let-me-in", f->url);
    for (size_t i = 0; i < ARRAY_SIZE(methods); i++) {
        ask_url(f, methods[i], asked, NULL, i == 1 ? LIST : NULL);
        assert_int_equal(f->resp.status, 401);
        assert_non_null(http_response_header(&f->resp, "WWW-Authenticate"));
    }
    ask(f, ON("tools/list"), LIST); /* in the modern era too */
    assert_int_equal(f->resp.status, 401);
    ask(f, "Authorization: Basic let-me-in", LIST);
    assert_int_equal(f->resp.status, 401);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, mcp_setup, mcp_teardown)
    const struct CMUnitTest tests[] = {
        T(reads_lines_that_end_with_cr_lf),
        T(reads_a_last_line_without_an_end),
        T(calls_bytes_that_are_no_utf_8_a_parse_error),
        T(writes_no_newline_inside_a_message),
        T(throws_a_line_away_that_is_too_long),
        T(takes_the_longest_line_and_what_comes_with_it),
        T(says_nothing_to_a_long_line_with_the_shipped_manners),
        T(says_nothing_but_frames_on_its_stdout),
        T(answers_no_notification_and_no_response),
        T(agrees_on_a_revision_over_stdio),
        T(makes_bad_arguments_a_result_since_2025_11_25),
        T(says_no_more_of_what_was_cancelled),
        T(answers_each_request_of_a_mixed_batch),
        T(answers_each_request_of_a_mixed_batch_over_http),
        T(has_batches_in_2025_03_26_alone),
        T(has_batches_in_2025_03_26_alone_over_http),
        T(heeds_the_notifications_of_a_batch),
        T(tells_the_progress_of_a_batch_before_its_answers),
        T(streams_the_progress_of_a_batch_to_who_reads_streams),
        T(ends_with_the_last_answer_of_a_batch),
        T(refuses_cursors_that_it_never_gave),
        T(gives_each_modern_page_the_same_scope),
        T(keeps_sessions_in_2025_03_26_without_a_version_header),
        T(gives_session_ids_that_nobody_can_guess),
        T(opens_a_stream_to_listen_to),
        T(cancels_for_nobody_but_the_session_that_asked),
        T(gives_a_stream_to_its_own_session_and_nothing_of_it_once_cancelled),
        T(refuses_over_http_what_it_should),
        T(wants_the_token_of_every_method_and_not_in_the_address),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
