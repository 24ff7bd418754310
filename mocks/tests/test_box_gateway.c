/* The gateway of a box with a server behind it that takes its time: eras, progress,
 * cancellation, frames. */
#include "mocks/tests/box_fixture.h"

#define GATEWAY "/mcp/diag"
#define META(more)                                                                       \
    "\"_meta\":{" more "\"io.modelcontextprotocol/protocolVersion\":\"2026-07-28\","     \
    "\"io.modelcontextprotocol/clientCapabilities\":{}}"
#define ON(method)                                                                       \
    "Content-Type: application/json\nAccept: application/json, text/event-stream\n"      \
    "MCP-Protocol-Version: 2026-07-28\nMcp-Method: " method
#define CALLING(name) ON("tools/call") "\nMcp-Name: " name
#define METHOD(name)                                                                     \
    "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"" name "\",\"params\":{" META("") "}}"
#define CALL(name, arguments, meta)                                                      \
    "{\"jsonrpc\":\"2.0\",\"id\":7,\"method\":\"tools/call\",\"params\":{"               \
    "\"name\":\"" name "\",\"arguments\":" arguments "," META(meta) "}}"
#define LEGACY_CALL(id, name, arguments)                                                 \
    "{\"jsonrpc\":\"2.0\",\"id\":" id ",\"method\":\"tools/call\",\"params\":{"          \
    "\"name\":\"" name "\",\"arguments\":" arguments "}}"

static void start_with_diagnostics(struct fixture *f)
{
    char *self = fs_self_exe(NULL);
    char *servers = xasprintf("diag:\n  command: %s\n  args: [mcp, management, "
                              "--diagnostics]\n",
                              self);

    put(f, "configs/mcp_servers.yaml", servers);
    free(servers);
    free(self);
    start_ready(f);
}

static char *answer_text(struct fixture *f)
{
    json_t *body = body_json(f);
    const json_t *content = json_object_get(json_object_get(body, "result"), "content");
    char *text = xstrdup(json_str(json_array_get(content, 0), "text", ""));

    json_decref(body);
    return text;
}

static void assert_error(struct fixture *f, int status, int code)
{
    json_t *body = body_json(f);

    if (f->status != status ||
        json_int(json_object_get(body, "error"), "code", 0) != code)
        fail_msg("%d %s", f->status, f->body.data);
    json_decref(body);
}

static void serves_a_modern_client_too(void **state)
{
    struct fixture *f = *state;
    start_with_diagnostics(f);
    ask(f, "POST", GATEWAY, ON("server/discover"), METHOD("server/discover"));
    assert_int_equal(f->status, 200);
    assert_non_null(strstr(f->body.data, "\"supportedVersions\":[\"2026-07-28\"]"));
    assert_non_null(strstr(f->body.data, "\"name\":\"molecule-platform\""));
    assert_null(header(f, "Mcp-Session-Id"));
    ask(f, "POST", GATEWAY, ON("tools/list"), METHOD("tools/list"));
    assert_int_equal(f->status, 200);
    assert_non_null(strstr(f->body.data, "\"resultType\":\"complete\""));
    assert_non_null(strstr(f->body.data, "\"test_simple_text\""));
    ask(f, "POST", GATEWAY, ON("ping"), METHOD("ping"));
    assert_error(f, 404, -32601);
    ask(f, "POST", GATEWAY, ON("no/such"), METHOD("no/such"));
    assert_error(f, 404, -32601);
    ask(f, "POST", GATEWAY, CALLING("none"), CALL("none", "{}", ""));
    assert_error(f, 200, -32602);
}

static void holds_headers_against_the_schema_of_the_server_behind(void **state)
{
    struct fixture *f = *state;
    start_with_diagnostics(f);
    ask(f, "POST", GATEWAY, CALLING("test_headers"),
        CALL("test_headers", "{\"region\":\"eu\"}", ""));
    assert_error(f, 400, -32020);
    ask(f, "POST", GATEWAY, CALLING("test_headers") "\nMcp-Param-Region: eu",
        CALL("test_headers", "{\"region\":\"eu\"}", ""));
    assert_int_equal(f->status, 200);
}

/* The server for delegation speaks 2024-11-05, in which that is an error. */
static void takes_an_older_servers_refusal_of_arguments_for_a_result(void **state)
{
    struct fixture *f = *state;
    start_ready(f);
    ask(f, "POST", "/mcp/a2a", CALLING("delegate_task"), CALL("delegate_task", "{}", ""));
    json_t *body = body_json(f);
    if (!json_bool(json_object_get(body, "result"), "isError", false))
        fail_msg("%d %s", f->status, f->body.data);
    json_decref(body);
    ask(f, "POST", "/mcp/a2a", CALLING("no_such"), CALL("no_such", "{}", ""));
    assert_error(f, 200, -32602);
}

static void passes_progress_on_with_the_clients_own_token(void **state)
{
    struct fixture *f = *state;
    const char *at = NULL;
    int n = 0;
    start_with_diagnostics(f);
    ask(f, "POST", GATEWAY, CALLING("test_tool_with_progress"),
        CALL("test_tool_with_progress", "{}", "\"progressToken\":\"mine\","));
    assert_string_equal(header(f, "X-Accel-Buffering"), "no");
    for (at = f->body.data; (at = strstr(at, "\"progressToken\":\"mine\"")); at++)
        n++;
    assert_int_equal(n, 3);
    assert_non_null(strstr(f->body.data, "done in three steps"));
}

struct leaving {
    struct fixture *f;
    bool came; /* the first piece of the answer */
};

static int first_piece(const char *data, size_t len, void *arg)
{
    struct leaving *l = arg;

    (void)data;
    (void)len;
    l->came = true;
    return 0;
}

static bool has_come(struct fixture *f, void *arg)
{
    const struct leaving *l = arg;

    (void)f;
    return l->came;
}

static void never(const struct http_response *resp, const struct err *failed, void *arg)
{
    (void)resp;
    (void)failed;
    (void)arg;
}

/* A request, left as soon as its answer has begun. */
static void ask_and_leave(struct fixture *f, const char *headers, const char *body)
{
    struct http_request req = HTTP_REQUEST_INIT;
    struct leaving l = {.f = f};
    char *url = xasprintf("http://127.0.0.1:%d" GATEWAY, f->box_port);

    strv_split(&req.headers, headers, '\n');
    req.method = "POST";
    req.url = url;
    req.body = body;
    req.body_len = strlen(body);
    req.on_data = first_piece;
    req.on_data_arg = &l;
    struct http_call *call = http_async_start(f->http, &req, never, &l);
    pump(f, has_come, &l, "the begin of an answer");
    http_call_cancel(call);
    http_request_release(&req);
    free(url);
}

static void cancels_behind_it_when_a_modern_client_leaves(void **state)
{
    struct fixture *f = *state;
    int64_t deadline = clock_mono_ms() + (int64_t)(10000 * clock_timeout_mul());
    start_with_diagnostics(f);
    ask_and_leave(f, CALLING("test_slow"),
                  CALL("test_slow", "{\"ms\":60000}", "\"progressToken\":\"mine\","));
    for (;;) {
        ask(f, "POST", GATEWAY, CALLING("test_cancellations"),
            CALL("test_cancellations", "{}", ""));
        char *count = answer_text(f);
        bool done = strcmp(count, "1") == 0;
        free(count);
        if (done)
            return;
        if (clock_mono_ms() > deadline)
            fail_msg("the server behind was not told");
    }
}

static void cancels_behind_it_when_a_legacy_client_says_so(void **state)
{
    struct fixture *f = *state;
    start_with_diagnostics(f);
    ask(f, "POST", GATEWAY, NULL,
        "{\"jsonrpc\":\"2.0\",\"id\":0,\"method\":\"initialize\",\"params\":{"
        "\"protocolVersion\":\"2025-11-25\",\"capabilities\":{},"
        "\"clientInfo\":{\"name\":\"t\",\"version\":\"1\"}}}");
    char *session = xasprintf("Accept: application/json, text/event-stream\n"
                              "Mcp-Session-Id: %s",
                              header(f, "Mcp-Session-Id"));
    ask_and_leave(f, session,
                  "{\"jsonrpc\":\"2.0\",\"id\":7,\"method\":\"tools/call\",\"params\":{"
                  "\"name\":\"test_slow\",\"arguments\":{\"ms\":60000},"
                  "\"_meta\":{\"progressToken\":1}}}");
    ask(f, "POST", GATEWAY, session, LEGACY_CALL("8", "test_cancellations", "{}"));
    char *count = answer_text(f);
    assert_string_equal(count, "0"); /* that it left says nothing */
    free(count);
    ask(f, "POST", GATEWAY, session,
        "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/cancelled\",\"params\":{"
        "\"requestId\":7}}");
    assert_int_equal(f->status, 202);
    ask(f, "POST", GATEWAY, session, LEGACY_CALL("9", "test_cancellations", "{}"));
    count = answer_text(f);
    assert_string_equal(count, "1");
    free(count);
    free(session);
}

/* The server behind says that its list changes, as the SDK does; nobody would be told. */
static void promises_nothing_that_it_cannot_keep(void **state)
{
    static const char kept[] = "\"capabilities\":{\"tools\":{\"listChanged\":false}}";
    struct fixture *f = *state;
    set_switch(f, "mcp_manners", "shipped");
    start_with_diagnostics(f);
    ask(f, "POST", GATEWAY, ON("server/discover"), METHOD("server/discover"));
    assert_non_null(strstr(f->body.data, kept));
    ask(f, "POST", GATEWAY, NULL,
        "{\"jsonrpc\":\"2.0\",\"id\":0,\"method\":\"initialize\",\"params\":{"
        "\"protocolVersion\":\"2025-11-25\",\"capabilities\":{},"
        "\"clientInfo\":{\"name\":\"t\",\"version\":\"1\"}}}");
    assert_non_null(strstr(f->body.data, kept));
}

static void fails_the_one_request_that_the_server_behind_cannot_read(void **state)
{
    struct fixture *f = *state;
    char *text CLEANUP(free_ptr) = xcalloc(1, LIMIT_LINE + 1);
    start_with_diagnostics(f);
    memset(text, 'x', LIMIT_LINE);
    char *body CLEANUP(free_ptr) = xasprintf(
        "{\"jsonrpc\":\"2.0\",\"id\":7,\"method\":\"tools/call\",\"params\":{"
        "\"name\":\"test_simple_text\",\"arguments\":{\"a\":\"%s\"}," META("") "}}",
        text);
    ask(f, "POST", GATEWAY, CALLING("test_simple_text"), body);
    assert_error(f, 200, -32603);
    ask(f, "POST", GATEWAY, CALLING("test_simple_text"),
        CALL("test_simple_text", "{}", ""));
    char *said CLEANUP(free_ptr) = answer_text(f);
    assert_non_null(strstr(said, "simple text"));
}

static void shows_its_frames_and_finds_no_fault_in_its_own(void **state)
{
    struct fixture *f = *state;
    start_with_diagnostics(f);
    ask(f, "POST", GATEWAY, ON("tools/list"), METHOD("tools/list"));
    ask(f, "POST", GATEWAY, NULL, "{\"jsonrpc\":\"1.0\"}");
    ask(f, "GET", "/_box/frames", NULL, NULL);
    json_t *view = body_json(f);
    const json_t *frames = json_object_get(view, "frames");
    assert_int_equal(json_array_size(frames), 4);
    assert_string_equal(json_str(json_array_get(frames, 0), "server", ""), "diag");
    assert_string_equal(json_str(json_array_get(frames, 0), "era", ""), "modern");
    assert_true(json_is_true(json_object_get(json_array_get(frames, 1), "valid")));
    assert_true(json_is_false(json_object_get(json_array_get(frames, 2), "valid")));
    const json_t *invalid = json_object_get(view, "invalid");
    assert_int_equal(json_int(invalid, "received", -1), 1);
    assert_int_equal(json_int(invalid, "sent", -1), 0);
    json_decref(view);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        CASE(serves_a_modern_client_too),
        CASE(holds_headers_against_the_schema_of_the_server_behind),
        CASE(takes_an_older_servers_refusal_of_arguments_for_a_result),
        CASE(passes_progress_on_with_the_clients_own_token),
        CASE(cancels_behind_it_when_a_modern_client_leaves),
        CASE(cancels_behind_it_when_a_legacy_client_says_so),
        CASE(promises_nothing_that_it_cannot_keep),
        CASE(fails_the_one_request_that_the_server_behind_cannot_read),
        CASE(shows_its_frames_and_finds_no_fault_in_its_own),
    };
    int code;

    if (runs_as_box(argc, argv, &code))
        return code;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
