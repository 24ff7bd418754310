/* How the client finds out which era a server is of, and how it speaks with a modern
 * one. */
#include "harness/tests/mcp_fixture.h"
#include "io/wait.h"

#include <signal.h>

#define NEW "\"2026-07-28\""

/* ---- the era, over HTTP ---- */

static void asks_a_modern_server_without_a_handshake(void **state)
{
    struct fixture *x = *state;
    static const struct fake_reply script[] = {
        {FAKE_JSON, DISCOVERED("[" NEW "]"), NULL},
        {FAKE_JSON, RESULT("{" META ",\"tools\":[" TOOL("a") "]}"), NULL},
    };
    open_fake(x, script, ARRAY_SIZE(script), &any_era);
    initialize(x);
    assert_string_equal(mcp_revision(x->client), "2026-07-28");
    assert_string_equal(mcp_server_name(x->client), "fake");
    assert_int_equal(mcp_list_tools(x->client, &x->answer, &x->err), 0);
    assert_int_equal(x->answer.outcome, MCP_OK);
    const char *all = requests(x);
    assert_int_equal(fake_count(all, "POST / "), 2);
    assert_int_equal(fake_count(all, "MCP-Protocol-Version: 2026-07-28\r\n"), 2);
    assert_int_equal(fake_count(all, "Mcp-Method: server/discover\r\n"), 1);
    assert_int_equal(fake_count(all, "Mcp-Method: tools/list\r\n"), 1);
    assert_int_equal(fake_count(all, "\"io.modelcontextprotocol/protocolVersion\":" NEW),
                     2);
    assert_int_equal(fake_count(all, "\"io.modelcontextprotocol/clientCapabilities\":{}"),
                     2);
    assert_int_equal(fake_count(all, "\"io.modelcontextprotocol/clientInfo\":{\"name\""),
                     2);
    assert_int_equal(fake_count(all, "initialize"), 0);
    assert_int_equal(mcp_findings(x->client)->n, 0);
}

/* What a legacy server may answer to a modern request. */
static void falls_back_after(struct fixture *x, const char *head, const char *body)
{
    struct fake_reply script[] = {
        {head, body, NULL}, {FAKE_JSON, INIT("2025-11-25"), NULL}, ACCEPTED};
    open_fake(x, script, ARRAY_SIZE(script), &any_era);
    initialize(x);
    assert_string_equal(mcp_revision(x->client), "2025-11-25");
    const char *second = strstr(requests(x), "\"initialize\"");
    assert_non_null(second);
    assert_int_equal(fake_count(x->requests, "notifications/initialized"), 1);
    assert_int_equal(fake_count(x->requests, "notifications/cancelled"), 0);
    assert_int_equal(mcp_findings(x->client)->n, 0);
}

static void falls_back_after_400_without_a_body(void **state)
{
    falls_back_after(*state, "400 Bad Request", "");
}

static void falls_back_after_400_of_another_kind(void **state)
{
    falls_back_after(*state, BAD_REQUEST, ERROR("-32000", ""));
}

static void falls_back_after_404(void **state)
{
    falls_back_after(*state, "404 Not Found\r\nContent-Type: text/plain", "no");
}

static void falls_back_after_an_unknown_method(void **state)
{
    falls_back_after(*state, FAKE_JSON, ERROR("-32601", ""));
}

static void falls_back_after_a_result_of_something_else(void **state)
{
    falls_back_after(*state, FAKE_JSON, RESULT("{\"hello\":true}"));
}

static void falls_back_when_the_server_names_legacy_revisions_only(void **state)
{
    falls_back_after(*state, BAD_REQUEST,
                     ERROR("-32022", ",\"data\":{\"supported\":[\"2025-11-25\"],"
                                     "\"requested\":" NEW "}"));
}

static void takes_a_revision_that_the_server_names(void **state)
{
    struct fixture *x = *state;
    static const struct fake_reply script[] = {
        {BAD_REQUEST,
         ERROR("-32022", ",\"data\":{\"supported\":[\"2031-01-01\"," NEW
                         "],\"requested\":" NEW "}"),
         NULL},
        {FAKE_JSON, DISCOVERED("[" NEW "]"), NULL},
    };
    open_fake(x, script, ARRAY_SIZE(script), &any_era);
    initialize(x);
    assert_string_equal(mcp_revision(x->client), "2026-07-28");
    assert_int_equal(fake_count(requests(x), "\"initialize\""), 0);
}

static void does_not_fall_back_from_a_modern_error(void **state)
{
    struct fixture *x = *state;
    static const struct fake_reply script[] = {
        {BAD_REQUEST,
         ERROR("-32022",
               ",\"data\":{\"supported\":[\"2031-01-01\"],\"requested\":" NEW "}"),
         NULL},
    };
    open_fake(x, script, ARRAY_SIZE(script), &any_era);
    assert_int_equal(mcp_initialize(x->client, &x->answer, &x->err), 0);
    assert_int_equal(x->answer.outcome, MCP_RPC_ERROR);
    assert_int_equal(x->answer.rpc_code, -32022);
    assert_non_null(json_object_get(x->answer.rpc_data, "supported"));
    assert_int_equal(fake_count(requests(x), "POST / "), 1);
}

static void does_not_take_a_missing_token_for_an_era(void **state)
{
    struct fixture *x = *state;
    static const struct fake_reply script[] = {
        {"401 Unauthorized\r\nWWW-Authenticate: Bearer error=\"invalid_token\", "
         "resource_metadata=\"http://127.0.0.1/.well-known/oauth-protected-resource\"",
         "", NULL},
    };
    open_fake(x, script, ARRAY_SIZE(script), &any_era);
    assert_int_equal(mcp_initialize(x->client, &x->answer, &x->err), 0);
    assert_int_equal(x->answer.outcome, MCP_HTTP_ERROR);
    assert_int_equal(fake_count(requests(x), "POST / "), 1);
    CLEANUP(buf_release) struct buf words = BUF_INIT(1024);
    mcp_answer_words(&x->answer, &words);
    assert_string_equal(words.data,
                        "HTTP 401: the server wants a token of scheme Bearer; error "
                        "invalid_token; how to get one: "
                        "http://127.0.0.1/.well-known/oauth-protected-resource");
}

static void says_that_a_token_does_not_allow_it(void **state)
{
    struct fixture *x = *state;
    static const struct fake_reply script[] = {
        {"403 Forbidden\r\nWWW-Authenticate: Bearer error=\"insufficient_scope\", "
         "scope=\"tools:call\"",
         "", NULL},
    };
    open_fake(x, script, ARRAY_SIZE(script), &any_era);
    assert_int_equal(mcp_initialize(x->client, &x->answer, &x->err), 0);
    CLEANUP(buf_release) struct buf words = BUF_INIT(1024);
    mcp_answer_words(&x->answer, &words);
    assert_string_equal(words.data, "HTTP 403: the token does not allow this; scheme "
                                    "Bearer; error insufficient_scope; scope tools:call");
}

/* ---- the era, over stdio ---- */

#define SAY(frame) "echo '" frame "';"
#define DISCOVER_1                                                                       \
    SAY("{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{" META ",\"supportedVersions\":[" NEW \
        "],\"capabilities\":{\"tools\":{}},\"serverInfo\":{\"name\":\"fake\"}}}")
#define INIT_2(revision)                                                                 \
    SAY("{\"jsonrpc\":\"2.0\",\"id\":2,\"result\":{\"protocolVersion\":\"" revision      \
        "\",\"capabilities\":{},\"serverInfo\":{\"name\":\"old\",\"version\":\"1\"}}}")

static void speaks_with_a_modern_child(void **state)
{
    struct fixture *x = *state;
    open_shell(x,
               "read a;" DISCOVER_1 "read b; case $b in *server/discover*) ;; "
               "*protocolVersion*) " SAY(
                   "{\"jsonrpc\":\"2.0\",\"id\":2,\"result\":{"
                   "\"resultType\":\"complete\",\"seen\":true}}") ";"
                                                                  "esac; cat >/dev/null",
               &any_era);
    initialize(x);
    assert_string_equal(mcp_revision(x->client), "2026-07-28");
    if (mcp_request(x->client, "x/y", NULL, &x->answer, &x->err))
        fail_msg("%s", x->err.text);
    assert_true(json_bool(x->answer.result, "seen", false));
}

static void falls_back_when_a_child_refuses_with_any_code(void **state)
{
    struct fixture *x = *state;
    open_shell(
        x,
        "read a;" SAY(
            "{\"jsonrpc\":\"2.0\",\"id\":1,\"error\":{\"code\":-32602,"
            "\"message\":\"not yet\"}}") "read b;" INIT_2("2024-11-05") "cat >/dev/null",
        &any_era);
    initialize(x);
    assert_string_equal(mcp_revision(x->client), "2024-11-05");
}

static void falls_back_when_a_child_says_nothing(void **state)
{
    struct fixture *x = *state;
    /* Answers initialize only, and must not hear of a cancelled request before it. */
    open_shell(
        x,
        "read a; read b; case $b in *initialize*) " INIT_2("2025-06-18") " esac;"
                                                                         "cat >/dev/null",
        &any_era);
    int64_t start = clock_mono_ms();
    initialize(x);
    assert_string_equal(mcp_revision(x->client), "2025-06-18");
    assert_in_range(clock_mono_ms() - start, 250, 20000);
}

static void starts_a_child_anew_that_dies_of_a_modern_request(void **state)
{
    struct fixture *x = *state;
    open_shell(x,
               "read a; case $a in *server/discover*) exit 1;; esac;"
               "echo '{\"jsonrpc\":\"2.0\",\"id\":2,\"result\":{\"protocolVersion\":"
               "\"2025-11-25\",\"capabilities\":{},\"serverInfo\":{\"name\":\"old\","
               "\"version\":\"1\"}}}'; cat >/dev/null",
               &any_era);
    initialize(x);
    assert_string_equal(mcp_server_name(x->client), "old");
    assert_int_equal(mcp_restarts(x->client), 1);
}

static void goes_back_to_a_modern_child_that_was_slow_to_start(void **state)
{
    struct fixture *x = *state;
    open_shell(
        x,
        "read a; read b;" DISCOVER_1 SAY(
            "{\"jsonrpc\":\"2.0\",\"id\":2,\"error\":{\"code\":-32601,"
            "\"message\":\"no initialize here\"}}") "read c;" SAY("{\"jsonrpc\":\"2.0\","
                                                                  "\"id\":3,\"result\":"
                                                                  "{" META
                                                                  ",\"supportedVersions\""
                                                                  ":[" NEW
                                                                  "],\"capabilities\":{}}"
                                                                  "}") "cat >/dev/null",
        &any_era);
    initialize(x);
    assert_string_equal(mcp_revision(x->client), "2026-07-28");
}

static void starts_a_modern_child_anew_that_has_ended(void **state)
{
    struct fixture *x = *state;
    open_shell(x,
               "read a; case $a in *first*) exit 0;; esac; id=${a#*\\\"id\\\":};"
               "echo \"{\\\"jsonrpc\\\":\\\"2.0\\\",\\\"id\\\":${id%%,*},\\\"result\\\":{"
               "\\\"resultType\\\":\\\"complete\\\"}}\"; cat >/dev/null",
               &modern);
    assert_int_equal(mcp_request(x->client, "first", NULL, &x->answer, &x->err), -1);
    assert_int_equal(x->err.kind, ERR_NET);
    err_clear(&x->err);
    if (mcp_request(x->client, "next", NULL, &x->answer, &x->err))
        fail_msg("%s", x->err.text);
    assert_int_equal(mcp_restarts(x->client), 1);
}

static void takes_an_older_revision_that_the_server_offers(void **state)
{
    struct fixture *x = *state;
    static const struct fake_reply script[] = {{FAKE_JSON, INIT("2024-11-05"), NULL},
                                               ACCEPTED};
    open_fake(x, script, ARRAY_SIZE(script), NULL);
    initialize(x);
    assert_string_equal(mcp_revision(x->client), "2024-11-05");
    assert_int_equal(fake_count(requests(x), "\"protocolVersion\":\"2025-11-25\""), 1);
}

/* ---- modern requests ---- */

#define MARKED                                                                           \
    "{\"name\":\"t\",\"inputSchema\":{\"type\":\"object\",\"properties\":{\"r\":{"       \
    "\"type\":\"string\",\"x-mcp-header\":\"Region\"}}}}"
#define BADLY_MARKED                                                                     \
    "{\"name\":\"bad\",\"inputSchema\":{\"type\":\"object\",\"properties\":{\"r\":{"     \
    "\"type\":\"number\",\"x-mcp-header\":\"Region\"}}}}"
#define CALLED RESULT("{\"resultType\":\"complete\",\"content\":[]}")

static void repeats_marked_arguments_in_headers(void **state)
{
    struct fixture *x = *state;
    static const struct fake_reply script[] = {
        {FAKE_JSON, RESULT("{" META ",\"tools\":[" MARKED "," BADLY_MARKED "]}"), NULL},
        {FAKE_JSON, CALLED, NULL}};
    open_fake(x, script, ARRAY_SIZE(script), &modern);
    assert_int_equal(mcp_list_tools(x->client, &x->answer, &x->err), 0);
    assert_int_equal(json_array_size(json_object_get(x->answer.result, "tools")), 1);
    assert_int_equal(mcp_findings(x->client)->n, 1);
    assert_non_null(strstr(mcp_findings(x->client)->v[0], "'bad' is left out"));
    CLEANUP(json_drop) json_t *arguments = json_pack("{s:s}", "r", "\xc3\xa9");
    assert_int_equal(mcp_call_tool(x->client, "t", arguments, &x->answer, &x->err), 0);
    assert_int_equal(mcp_call_tool(x->client, "bad", arguments, &x->answer, &x->err), -1);
    assert_int_equal(x->err.kind, ERR_SHAPE);
    const char *all = requests(x);
    assert_int_equal(fake_count(all, "Mcp-Name: t\r\n"), 1);
    assert_int_equal(fake_count(all, "Mcp-Param-Region: =?base64?w6k=?=\r\n"), 1);
    assert_int_equal(fake_count(all, "\"name\":\"bad\""), 0);
}

static void lists_first_when_a_call_lacks_its_headers(void **state)
{
    struct fixture *x = *state;
    static const struct fake_reply script[] = {
        {BAD_REQUEST, ERROR("-32020", ""), NULL},
        {FAKE_JSON, RESULT("{" META ",\"tools\":[" MARKED "]}"), NULL},
        {FAKE_JSON, CALLED, NULL}};
    open_fake(x, script, ARRAY_SIZE(script), &modern);
    CLEANUP(json_drop) json_t *arguments = json_pack("{s:s}", "r", "here");
    assert_int_equal(mcp_call_tool(x->client, "t", arguments, &x->answer, &x->err), 0);
    assert_int_equal(x->answer.outcome, MCP_OK);
    assert_int_equal(fake_count(requests(x), "Mcp-Param-Region: here\r\n"), 1);
}

static void keeps_annotations_of_a_child_to_itself(void **state)
{
    struct fixture *x = *state;
    open_shell(x,
               "read a;" SAY("{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{" META
                             ",\"tools\":[" BADLY_MARKED "]}}") "cat >/dev/null",
               &modern);
    assert_int_equal(mcp_list_tools(x->client, &x->answer, &x->err), 0);
    assert_int_equal(json_array_size(json_object_get(x->answer.result, "tools")), 1);
}

#define ASKS                                                                             \
    RESULT("{\"resultType\":\"input_required\",\"inputRequests\":{\"k\":{\"method\":"    \
           "\"elicitation/create\",\"params\":{}}},\"requestState\":\"s-1\"}")

static void gives_input_only_when_the_caller_has_some(void **state)
{
    struct fixture *x = *state;
    static const struct fake_reply script[] = {{FAKE_JSON, ASKS, NULL},
                                               {FAKE_JSON, CALLED, NULL}};
    open_fake(x, script, ARRAY_SIZE(script), &modern);
    assert_int_equal(mcp_call_tool(x->client, "t", NULL, &x->answer, &x->err), 0);
    assert_int_equal(x->answer.outcome, MCP_INPUT_REQUIRED);
    assert_int_equal(fake_count(requests(x), "POST / "), 1);
    CLEANUP(json_drop) json_t *asked = json_incref(x->answer.result);
    CLEANUP(json_drop) json_t *input = json_pack("{s:{s:s}}", "k", "action", "accept");
    assert_int_equal(
        mcp_call_again(x->client, "t", NULL, asked, input, &x->answer, &x->err), 0);
    assert_int_equal(x->answer.outcome, MCP_OK);
    const char *all = requests(x);
    assert_int_equal(fake_count(all, "\"requestState\":\"s-1\""), 1);
    assert_int_equal(fake_count(all, "\"inputResponses\":{\"k\":{\"action\""), 1);
    assert_int_equal(fake_count(all, "\"id\":1,"), 1);
    assert_int_equal(fake_count(all, "\"id\":2,"), 1);
}

static void takes_a_missing_result_type_for_complete(void **state)
{
    struct fixture *x = *state;
    static const struct fake_reply script[] = {
        {FAKE_JSON, RESULT("{\"content\":[]}"), NULL},
        {FAKE_JSON, RESULT("{\"resultType\":\"soon\",\"content\":[]}"), NULL}};
    open_fake(x, script, ARRAY_SIZE(script), &modern);
    assert_int_equal(mcp_call_tool(x->client, "t", NULL, &x->answer, &x->err), 0);
    assert_int_equal(x->answer.outcome, MCP_OK);
    assert_non_null(strstr(mcp_findings(x->client)->v[0], "no 'resultType'"));
    assert_int_equal(mcp_call_tool(x->client, "t", NULL, &x->answer, &x->err), -1);
    assert_int_equal(x->err.kind, ERR_SHAPE);
    assert_non_null(strstr(x->err.text, "soon"));
}

static bool was_closed(void *arg)
{
    return strstr(requests(arg), "[closed]") != NULL;
}

static void cancels_a_modern_request_by_closing_its_stream(void **state)
{
    struct fixture *x = *state;
    static const struct fake_reply script[] = {{FAKE_SSE, ": wait\n\n", FAKE_HOLD}};
    struct mcp_options opt = {.revision = MCP_MODERN_LATEST, .timeout_ms = 150};
    open_fake(x, script, ARRAY_SIZE(script), &opt);
    assert_int_equal(mcp_request(x->client, "x", NULL, &x->answer, &x->err), -1);
    assert_int_equal(x->err.kind, ERR_TIMEOUT);
    assert_true(wait_until(was_closed, x, clock_mono_ms() + 10000));
    assert_int_equal(fake_count(requests(x), "notifications/cancelled"), 0);
}

static void does_not_resume_a_modern_stream(void **state)
{
    struct fixture *x = *state;
    static const struct fake_reply script[] = {
        {FAKE_SSE, "id: 7\nretry: 1\ndata:\n\n", NULL}};
    open_fake(x, script, ARRAY_SIZE(script), &modern);
    assert_int_equal(mcp_request(x->client, "x", NULL, &x->answer, &x->err), -1);
    assert_non_null(strstr(x->err.text, "the request is lost"));
    assert_int_equal(fake_count(requests(x), "GET / "), 0);
}

static void does_not_answer_what_a_modern_server_must_not_ask(void **state)
{
    struct fixture *x = *state;
    open_shell(
        x,
        "read a;" SAY("{\"jsonrpc\":\"2.0\",\"id\":9,\"method\":\"ping\"}") SAY(
            "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{\"resultType\":"
            "\"complete\"}}") "read b; case $b in *second*) " SAY("{\"jsonrpc\":\"2.0\","
                                                                  "\"id\":2,\"result\":{"
                                                                  "\"resultType\":"
                                                                  "\"complete\"}}") " esa"
                                                                                    "c; "
                                                                                    "cat "
                                                                                    ">/"
                                                                                    "dev/"
                                                                                    "nul"
                                                                                    "l",
        &modern);
    assert_int_equal(mcp_request(x->client, "x", NULL, &x->answer, &x->err), 0);
    assert_int_equal(mcp_request(x->client, "second", NULL, &x->answer, &x->err), 0);
    assert_int_equal(mcp_findings(x->client)->n, 1);
    assert_non_null(strstr(mcp_findings(x->client)->v[0], "sends no requests"));
}

/* ---- both eras ---- */

struct told {
    int n;
    char last[64];
};

static void keep_notification(const char *method, const json_t *params, void *arg)
{
    struct told *told = arg;
    (void)params;
    told->n++;
    (void)snprintf(told->last, sizeof(told->last), "%s", method);
}

#define PROGRESS(token, n)                                                               \
    "data: {\"jsonrpc\":\"2.0\",\"method\":\"notifications/progress\",\"params\":{"      \
    "\"progressToken\":" token ",\"progress\":" n "}}\n\n"

static void tells_progress_and_checks_that_it_grows(void **state)
{
    struct fixture *x = *state;
    struct told told = {0};
    struct mcp_options opt = {.revision = MCP_LATEST,
                              .progress = true,
                              .on_notification = keep_notification,
                              .on_notification_arg = &told};
    static const struct fake_reply script[] = {
        {FAKE_SSE,
         PROGRESS("1", "1") PROGRESS("1", "0.5")
             PROGRESS("5", "1") "data: " RESULT("{\"content\":[]}") "\n\n",
         NULL}};
    open_fake(x, script, ARRAY_SIZE(script), &opt);
    assert_int_equal(mcp_call_tool(x->client, "t", NULL, &x->answer, &x->err), 0);
    assert_int_equal(told.n, 3);
    assert_string_equal(told.last, "notifications/progress");
    assert_int_equal(fake_count(requests(x), "\"_meta\":{\"progressToken\":1}"), 1);
    assert_int_equal(mcp_findings(x->client)->n, 2);
    assert_non_null(strstr(mcp_findings(x->client)->v[0], "does not grow"));
    assert_non_null(strstr(mcp_findings(x->client)->v[1], "did not ask for it"));
}

static void cancels_a_request_when_the_caller_wants_it(void **state)
{
    struct fixture *x = *state;
    struct mcp_options opt = {.revision = MCP_LATEST,
                              .timeout_ms = PATIENCE_MS,
                              .stop = &x->stop,
                              .on_notification = stop_soon,
                              .on_notification_arg = x};
    open_shell(
        x,
        "read a;" SAY(
            "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/message\"}") "read b; case "
                                                                          "$b in "
                                                                          "*notifications"
                                                                          "/cancelled*"
                                                                          "\\\"requestId"
                                                                          "\\\":1*) "
                                                                          "read c; " SAY(
                                                                              "{\"jsonrpc"
                                                                              "\":\"2."
                                                                              "0\","
                                                                              "\"id\":2,"
                                                                              "\"result\""
                                                                              ":{\"ok\":"
                                                                              "true}}") " esac; cat >/dev/null",
        &opt);
    assert_int_equal(mcp_request(x->client, "x", NULL, &x->answer, &x->err), -1);
    assert_int_equal(x->err.kind, ERR_TIMEOUT);
    assert_non_null(strstr(x->err.text, "cancelled"));
    x->stop = 0;
    err_clear(&x->err);
    if (mcp_request(x->client, "y", NULL, &x->answer, &x->err))
        fail_msg("%s", x->err.text);
    assert_true(json_bool(x->answer.result, "ok", false));
}

static void says_when_a_notification_is_not_answered_with_202(void **state)
{
    struct fixture *x = *state;
    static const struct fake_reply script[] = {{FAKE_JSON, INIT("2025-11-25"), NULL},
                                               {FAKE_JSON, "{}", NULL}};
    open_fake(x, script, ARRAY_SIZE(script), NULL);
    initialize(x);
    assert_int_equal(mcp_findings(x->client)->n, 1);
    assert_non_null(strstr(mcp_findings(x->client)->v[0], "not 202"));
}

static void says_what_junk_a_child_prints(void **state)
{
    struct fixture *x = *state;
    open_shell(x,
               "echo starting up; read a;" SAY(
                   "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{}}") "cat >/dev/null",
               NULL);
    assert_int_equal(mcp_request(x->client, "x", NULL, &x->answer, &x->err), 0);
    assert_int_equal(mcp_junk_lines(x->client), 1);
    assert_non_null(strstr(mcp_findings(x->client)->v[0], "'starting up'"));
}

static void says_that_a_server_does_not_resume(void **state)
{
    struct fixture *x = *state;
    static const struct fake_reply script[] = {
        {FAKE_SSE, "id: 7\nretry: 1\n\n", NULL},
        {"405 Method Not Allowed\r\nAllow: POST", "", NULL}};
    open_fake(x, script, ARRAY_SIZE(script), NULL);
    assert_int_equal(mcp_request(x->client, "x", NULL, &x->answer, &x->err), -1);
    assert_non_null(strstr(x->err.text, "does not resume streams"));
    assert_int_equal(fake_count(requests(x), "Last-Event-ID: 7\r\n"), 1);
}

static void gives_up_on_a_list_without_end(void **state)
{
    struct fixture *x = *state;
    static const struct fake_reply script[] = {
        {FAKE_JSON, RESULT("{\"tools\":[],\"nextCursor\":\"after $ID\"}"), NULL}};
    open_fake(x, script, ARRAY_SIZE(script), NULL);
    assert_int_equal(mcp_list_tools(x->client, &x->answer, &x->err), -1);
    assert_int_equal(x->err.kind, ERR_SHAPE);
    assert_non_null(strstr(x->err.text, "more than 1000 pages"));
}

static void takes_an_empty_cursor_for_a_cursor(void **state)
{
    struct fixture *x = *state;
    static const struct fake_reply script[] = {
        {FAKE_JSON, RESULT("{\"tools\":[],\"nextCursor\":\"\"}"), NULL}};
    open_fake(x, script, ARRAY_SIZE(script), NULL);
    assert_int_equal(mcp_list_tools(x->client, &x->answer, &x->err), -1);
    assert_non_null(strstr(x->err.text, "repeats the cursor ''"));
    assert_int_equal(fake_count(requests(x), "tools/list"), 2);
}

/* A shell writes down how it was ended. */
static char *ended_how(struct fixture *x, const char *script)
{
    CLEANUP(free_ptr) char *path = xasprintf("/tmp/mcp-end-%d", (int)getpid());
    CLEANUP(free_ptr) char *text = xasprintf("f=%s; %s", path, script);
    struct buf how = BUF_INIT(1024);
    open_shell(x, text, NULL);
    assert_int_equal(mcp_request(x->client, "x", NULL, &x->answer, &x->err), 0);
    mcp_close(TAKE(x->client));
    int rc = fs_read(path, &how, NULL);
    (void)unlink(path);
    if (rc)
        fail_msg("the child wrote nothing");
    return buf_steal(&how);
}

static void ends_a_child_by_closing_its_stdin(void **state)
{
    char *how =
        ended_how(*state, "trap 'echo term >>$f' TERM; read a;" SAY(
                              "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{}}") "cat; echo "
                                                                              "eof >>$f");
    bool right = strcmp(how, "eof\n") == 0;
    free(how);
    assert_true(right);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(asks_a_modern_server_without_a_handshake),
        T(falls_back_after_400_without_a_body),
        T(falls_back_after_400_of_another_kind),
        T(falls_back_after_404),
        T(falls_back_after_an_unknown_method),
        T(falls_back_after_a_result_of_something_else),
        T(falls_back_when_the_server_names_legacy_revisions_only),
        T(takes_a_revision_that_the_server_names),
        T(does_not_fall_back_from_a_modern_error),
        T(does_not_take_a_missing_token_for_an_era),
        T(says_that_a_token_does_not_allow_it),
        T(speaks_with_a_modern_child),
        T(falls_back_when_a_child_refuses_with_any_code),
        T(falls_back_when_a_child_says_nothing),
        T(starts_a_child_anew_that_dies_of_a_modern_request),
        T(goes_back_to_a_modern_child_that_was_slow_to_start),
        T(starts_a_modern_child_anew_that_has_ended),
        T(takes_an_older_revision_that_the_server_offers),
        T(repeats_marked_arguments_in_headers),
        T(lists_first_when_a_call_lacks_its_headers),
        T(keeps_annotations_of_a_child_to_itself),
        T(gives_input_only_when_the_caller_has_some),
        T(takes_a_missing_result_type_for_complete),
        T(cancels_a_modern_request_by_closing_its_stream),
        T(does_not_resume_a_modern_stream),
        T(does_not_answer_what_a_modern_server_must_not_ask),
        T(tells_progress_and_checks_that_it_grows),
        T(cancels_a_request_when_the_caller_wants_it),
        T(says_when_a_notification_is_not_answered_with_202),
        T(says_what_junk_a_child_prints),
        T(says_that_a_server_does_not_resume),
        T(gives_up_on_a_list_without_end),
        T(takes_an_empty_cursor_for_a_cursor),
        T(ends_a_child_by_closing_its_stdin),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
