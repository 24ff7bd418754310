/* What our MCP servers answer over HTTP, frame by frame: what the conformance suite does
 * not ask, in both eras. */
#include "base/limits.h"
#include "mocks/tests/mcp_http_fixture.h"

#define M_NOTE                                                                           \
    "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/cancelled\",\"params\":{" META "}}"

/* ---- the modern era: every row of the table of errors ---- */

static const struct {
    const char *about, *headers, *body;
    int status, code;
} MODERN_ROWS[] = {
    {"it is served", ON("tools/list"), M_LIST, 200, 0},
    {"no version header", "Mcp-Method: tools/list", M_LIST, 400, -32020},
    {"no Mcp-Method", MODERN, M_LIST, 400, -32020},
    {"another Mcp-Method", ON("tools/call"), M_LIST, 400, -32020},
    {"Mcp-Method in another case", ON("Tools/List"), M_LIST, 400, -32020},
    {"blanks around a header", MODERN "\nMcp-Method:   tools/list  ", M_LIST, 200, 0},
    {"a header's name in another case", MODERN "\nMCP-METHOD: tools/list", M_LIST, 200,
     0},
    {"no Mcp-Name", ON("tools/call"), M_CALL("test_simple_text", "{}"), 400, -32020},
    {"another Mcp-Name", CALLING("test_image_content"), M_CALL("test_simple_text", "{}"),
     400, -32020},
    {"Mcp-Name in base64", CALLING("=?base64?dGVzdF9zaW1wbGVfdGV4dA==?="),
     M_CALL("test_simple_text", "{}"), 200, 0},
    {"no _meta", ON("tools/list"), LIST, 400, -32602},
    {"_meta without a version", ON("tools/list"),
     "{\"jsonrpc\":\"2.0\",\"id\":\"l\",\"method\":\"tools/list\",\"params\":{\"_meta\":{"
     "\"io.modelcontextprotocol/clientCapabilities\":{}}}}",
     400, -32602},
    {"_meta without capabilities", ON("tools/list"),
     "{\"jsonrpc\":\"2.0\",\"id\":\"l\",\"method\":\"tools/list\",\"params\":{\"_meta\":{"
     "\"io.modelcontextprotocol/protocolVersion\":\"2026-07-28\"}}}",
     400, -32602},
    {"header and _meta differ", ON("tools/list"),
     "{\"jsonrpc\":\"2.0\",\"id\":\"l\",\"method\":\"tools/list\",\"params\":{\"_meta\":{"
     "\"io.modelcontextprotocol/protocolVersion\":\"2027-01-01\","
     "\"io.modelcontextprotocol/clientCapabilities\":{}}}}",
     400, -32020},
    {"a version that nobody speaks",
     "MCP-Protocol-Version: 2027-01-01\nMcp-Method: tools/list",
     "{\"jsonrpc\":\"2.0\",\"id\":\"l\",\"method\":\"tools/list\",\"params\":{\"_meta\":{"
     "\"io.modelcontextprotocol/protocolVersion\":\"2027-01-01\","
     "\"io.modelcontextprotocol/clientCapabilities\":{}}}}",
     400, -32022},
    {"a legacy version in _meta",
     "MCP-Protocol-Version: 2025-11-25\nMcp-Method: tools/list",
     "{\"jsonrpc\":\"2.0\",\"id\":\"l\",\"method\":\"tools/list\",\"params\":{\"_meta\":{"
     "\"io.modelcontextprotocol/protocolVersion\":\"2025-11-25\","
     "\"io.modelcontextprotocol/clientCapabilities\":{}}}}",
     400, -32022},
    {"a capability that the client has not", CALLING("test_missing_capability"),
     M_CALL("test_missing_capability", "{}"), 400, -32021},
    {"initialize", ON("initialize"), M_METHOD("initialize"), 404, -32601},
    {"ping", ON("ping"), M_METHOD("ping"), 404, -32601},
    {"logging/setLevel", ON("logging/setLevel"), M_METHOD("logging/setLevel"), 404,
     -32601},
    {"subscriptions/listen", ON("subscriptions/listen"), M_METHOD("subscriptions/listen"),
     404, -32601},
    {"prompts/list", ON("prompts/list"), M_METHOD("prompts/list"), 404, -32601},
    {"an unknown tool", CALLING("no_such_tool"), M_CALL("no_such_tool", "{}"), 200,
     -32602},
    {"bad arguments are a result", CALLING("test_slow"),
     M_CALL("test_slow", "{\"ms\":\"x\"}"), 200, 0},
    {"a bad cursor", ON("tools/list"),
     "{\"jsonrpc\":\"2.0\",\"id\":\"l\",\"method\":\"tools/list\",\"params\":{"
     "\"cursor\":\"x\"," META "}}",
     200, -32602},
    {"a header that repeats an argument",
     CALLING("test_headers") "\nMcp-Param-Region: eu",
     M_CALL("test_headers", "{\"region\":\"eu\"}"), 200, 0},
    {"its absence", CALLING("test_headers"),
     M_CALL("test_headers", "{\"region\":\"eu\"}"), 400, -32020},
    {"another value", CALLING("test_headers") "\nMcp-Param-Region: us",
     M_CALL("test_headers", "{\"region\":\"eu\"}"), 400, -32020},
    {"a header without its argument", CALLING("test_headers") "\nMcp-Param-Region: us",
     M_CALL("test_headers", "{}"), 400, -32020},
    {"an argument that is null needs none", CALLING("test_headers"),
     M_CALL("test_headers", "{}"), 200, 0},
    {"a number as such", CALLING("test_headers") "\nMcp-Param-Count: 42",
     M_CALL("test_headers", "{\"count\":42}"), 200, 0},
    {"a foreign origin", ON("tools/list") "\nOrigin: http://evil.example", M_LIST, 403,
     -32600},
    {"Mcp-Method twice", ON("tools/list") "\nMcp-Method: tools/call", M_LIST, 400,
     -32020},
    {"Mcp-Name twice", CALLING("test_simple_text") "\nmcp-name: test_image_content",
     M_CALL("test_simple_text", "{}"), 400, -32020},
    {"MCP-Protocol-Version twice", ON("tools/list") "\nMCP-Protocol-Version: 2025-11-25",
     M_LIST, 400, -32020},
    {"Mcp-Param-Region twice",
     CALLING("test_headers") "\nMcp-Param-Region: eu\nMcp-Param-Region: us",
     M_CALL("test_headers", "{\"region\":\"eu\"}"), 400, -32020},
    {"Mcp-Name where the body has no name", CALLING("test_simple_text"),
     "{\"jsonrpc\":\"2.0\",\"id\":7,\"method\":\"tools/call\",\"params\":{" META "}}",
     400, -32020},
    {"no name at all", ON("tools/call"),
     "{\"jsonrpc\":\"2.0\",\"id\":7,\"method\":\"tools/call\",\"params\":{" META "}}",
     200, -32602},
    {"Mcp-Name of a method that has none", ON("no/such") "\nMcp-Name: x",
     M_METHOD("no/such"), 404, -32601},
    {"an integer that is not the same",
     CALLING("test_headers") "\nMcp-Param-Count: 9007199254740992",
     M_CALL("test_headers", "{\"count\":9007199254740993}"), 400, -32020},
    {"a notification", ON("notifications/cancelled"), M_NOTE, 202, 0},
    {"a notification in another version than its _meta",
     "MCP-Protocol-Version: 1900-01-01\nMcp-Method: notifications/cancelled", M_NOTE, 400,
     -32020},
    {"a notification in a version that nobody speaks",
     "MCP-Protocol-Version: 1900-01-01\nMcp-Method: notifications/cancelled",
     "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/cancelled\",\"params\":{\"_meta\":{"
     "\"io.modelcontextprotocol/clientCapabilities\":{}}}}",
     400, -32022},
    {"a response", MODERN, "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{}}", 400, -32600},
    {"a batch", ON("tools/list"), "[" M_LIST "]", 400, -32600},
};

static void answers_each_modern_error_as_the_table_says(void **state)
{
    struct mcp_fixture *f = *state;
    start_http(f);
    for (size_t i = 0; i < ARRAY_SIZE(MODERN_ROWS); i++) {
        ask(f, MODERN_ROWS[i].headers, MODERN_ROWS[i].body);
        if (f->resp.status != MODERN_ROWS[i].status ||
            error_code(f) != MODERN_ROWS[i].code)
            fail_msg("%s: %d %s", MODERN_ROWS[i].about, f->resp.status,
                     f->resp.body.data);
        assert_null(http_response_header(&f->resp, "Mcp-Session-Id"));
    }
}

static void says_what_it_would_take(void **state)
{
    struct mcp_fixture *f = *state;
    start_http(f);
    ask(f, MODERN_ROWS[14].headers, MODERN_ROWS[14].body);
    const json_t *data = json_object_get(json_object_get(f->json, "error"), "data");
    assert_string_equal(json_str(data, "requested", ""), "2027-01-01");
    assert_string_equal(
        json_string_value(json_array_get(json_object_get(data, "supported"), 0)),
        "2026-07-28");
    ask(f, CALLING("test_missing_capability"), M_CALL("test_missing_capability", "{}"));
    data = json_object_get(json_object_get(f->json, "error"), "data");
    assert_true(json_is_object(
        json_object_get(json_object_get(data, "requiredCapabilities"), "sampling")));
}

static void completes_modern_results(void **state)
{
    struct mcp_fixture *f = *state;
    start_http(f);
    ask(f, ON("server/discover"), M_METHOD("server/discover"));
    const json_t *r = result_of(f);
    assert_string_equal(json_str(r, "resultType", ""), "complete");
    assert_string_equal(json_str(r, "cacheScope", ""), "private");
    assert_true(json_int(r, "ttlMs", -1) >= 0);
    assert_true(json_is_array(json_object_get(r, "supportedVersions")));
    assert_null(json_object_get(r, "serverInfo"));
    const json_t *info = json_object_get(json_object_get(r, "_meta"),
                                         "io.modelcontextprotocol/serverInfo");
    assert_string_equal(json_str(info, "name", ""), "molecule-platform");
    ask(f, ON("tools/list") "\nMcp-Session-Id: whatever", M_LIST);
    assert_string_equal(json_str(result_of(f), "resultType", ""), "complete");
    ask(f, CALLING("test_simple_text"), M_CALL("test_simple_text", "{}"));
    assert_string_equal(json_str(result_of(f), "resultType", ""), "complete");
    assert_null(json_object_get(result_of(f), "ttlMs"));
}

static void lists_the_same_to_everybody_but_by_authorization(void **state)
{
    struct mcp_fixture *f = *state;
    start_http(f);
    ask(f, ON("tools/list"), M_LIST);
    assert_false(lists_tool(f, "test_authorized"));
    ask(f, ON("tools/list") "\nAuthorization: Bearer x", M_LIST);
    assert_true(lists_tool(f, "test_authorized"));
    /* The same connection, without it. */
    ask(f, ON("tools/list"), M_LIST);
    assert_false(lists_tool(f, "test_authorized"));
    ask(f, CALLING("test_authorized"), M_CALL("test_authorized", "{}"));
    assert_int_equal(error_code(f), -32602);
}

static void takes_modern_notifications_without_a_body(void **state)
{
    struct mcp_fixture *f = *state;
    start_http(f);
    ask(f, ON("notifications/cancelled"),
        "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/cancelled\",\"params\":{"
        "\"requestId\":1}}");
    assert_int_equal(f->resp.status, 202);
    assert_int_equal(f->resp.body.len, 0);
    ask(f, MODERN "\nMcp-Method: other",
        "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/cancelled\"}");
    assert_int_equal(f->resp.status, 400);
    assert_null(json_object_get(f->json, "id"));
}

static void has_only_post_in_the_modern_era(void **state)
{
    struct mcp_fixture *f = *state;
    start_http(f);
    ask_url(f, "GET", f->url, MODERN, NULL);
    assert_int_equal(f->resp.status, 405);
    assert_string_equal(http_response_header(&f->resp, "Allow"), "POST");
    ask_url(f, "DELETE", f->url, MODERN, NULL);
    assert_int_equal(f->resp.status, 405);
}

/* ---- the legacy era ---- */

static const struct {
    const char *about, *method, *headers, *body;
    int status, code;
} LEGACY_ROWS[] = {
    {"it is served", "POST", "$S", LIST, 200, 0},
    {"no session", "POST", NULL, LIST, 400, -32600},
    {"an unknown session", "POST", "Mcp-Session-Id: abc", LIST, 404, -32600},
    {"its version", "POST", "$S\nMCP-Protocol-Version: 2025-06-18", LIST, 200, 0},
    {"a version that nobody speaks", "POST", "$S\nMCP-Protocol-Version: 1999-01-01", LIST,
     400, -32600},
    {"no version", "POST", "$S\nMCP-Protocol-Version: x", LIST, 400, -32600},
    {"a foreign origin alone", "POST", "$S\nOrigin: http://evil.example", LIST, 403,
     -32600},
    {"an origin that only looks local", "POST",
     "$S\nOrigin: http://localhost.evil.example", LIST, 403, -32600},
    {"an opaque origin", "POST", "$S\nOrigin: null", LIST, 403, -32600},
    {"our own origin", "POST", "$S\nOrigin: http://localhost:1234", LIST, 200, 0},
    {"an origin whose port is a name", "POST", "$S\nOrigin: http://localhost:evil", LIST,
     403, -32600},
    {"an origin whose port hides a host", "POST",
     "$S\nOrigin: http://localhost:1@evil.example", LIST, 403, -32600},
    {"an origin whose port is none", "POST", "$S\nOrigin: http://127.0.0.1:99999", LIST,
     403, -32600},
    {"an origin whose port has too many digits", "POST",
     "$S\nOrigin: http://127.0.0.1:000080", LIST, 403, -32600},
    {"an origin without the port it announces", "POST", "$S\nOrigin: http://[::1]:", LIST,
     403, -32600},
    {"the last port of all", "POST", "$S\nOrigin: https://[::1]:65535", LIST, 200, 0},
    {"a second origin", "POST",
     "$S\nOrigin: http://localhost\nOrigin: http://evil.example", LIST, 403, -32600},
    {"a host whose port hides another", "POST", "$S\nHost: localhost:1@evil", LIST, 403,
     -32600},
    {"a second version", "POST",
     "$S\nMCP-Protocol-Version: 2025-06-18\nMCP-Protocol-Version: 2025-11-25", LIST, 400,
     -32600},
    {"a second session", "POST", "$S\nMcp-Session-Id: abc", LIST, 400, -32600},
    {"a blank after the version", "POST", "$S\nMCP-Protocol-Version: 2025-06-18 ", LIST,
     200, 0},
    {"a blank after the origin", "POST", "$S\nOrigin: http://localhost:1234\t ", LIST,
     200, 0},
    {"a foreign host alone", "POST", "$S\nHost: evil.example", LIST, 403, -32600},
    {"no JSON", "POST", "$S", "{", 400, -32700},
    {"no frame", "POST", "$S", "{\"jsonrpc\":\"1.0\",\"id\":1,\"method\":\"x\"}", 400,
     -32600},
    {"an id that is null", "POST", "$S",
     "{\"jsonrpc\":\"2.0\",\"id\":null,\"method\":\"ping\"}", 400, -32600},
    {"a batch", "POST", "$S", "[" LIST "]", 400, -32600},
    {"ping", "POST", "$S", "{\"jsonrpc\":\"2.0\",\"id\":0,\"method\":\"ping\"}", 200, 0},
    {"a method that nobody knows", "POST", "$S",
     "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"no/such\"}", 200, -32601},
    {"an unknown tool", "POST", "$S", CALL("no_such_tool", "{}"), 200, -32602},
    {"params that are none", "POST", "$S",
     "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/call\",\"params\":{}}", 200,
     -32602},
    {"bad arguments are an error", "POST", "$S", CALL("test_slow", "{\"ms\":\"x\"}"), 200,
     -32602},
    {"no arguments at all", "POST", "$S",
     "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/call\",\"params\":{"
     "\"name\":\"test_simple_text\"}}",
     200, 0},
    {"another media type", "POST", "$S\nContent-Type: text/plain", LIST, 415, -32600},
    {"one that only begins alike", "POST", "$S\nContent-Type: application/jsonx", LIST,
     415, -32600},
    {"parameters of the media type", "POST",
     "$S\nContent-Type: application/json ;charset=utf-8", LIST, 200, 0},
    {"nothing that we answer", "POST", "$S\nAccept: text/html", LIST, 406, -32600},
    {"a notification", "POST", "$S", INITIALIZED, 202, 0},
    {"a response", "POST", "$S", "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{}}", 202, 0},
    {"a PUT", "PUT", "$S", "{}", 405, 0},
    {"a DELETE without a session", "DELETE", NULL, NULL, 400, -32600},
    {"a DELETE of an unknown session", "DELETE", "Mcp-Session-Id: a", NULL, 404, -32600},
};

static void answers_each_legacy_request_as_it_should(void **state)
{
    struct mcp_fixture *f = *state;
    start_server(f, "management --http-port 0 --diagnostics");
    shake_hands(f, "2025-06-18");
    for (size_t i = 0; i < ARRAY_SIZE(LEGACY_ROWS); i++) {
        ask_url(f, LEGACY_ROWS[i].method, f->url, LEGACY_ROWS[i].headers,
                LEGACY_ROWS[i].body);
        if (f->resp.status != LEGACY_ROWS[i].status ||
            error_code(f) != LEGACY_ROWS[i].code)
            fail_msg("%s: %d %s", LEGACY_ROWS[i].about, f->resp.status,
                     f->resp.body.data);
        if (f->resp.status == 202)
            assert_int_equal(f->resp.body.len, 0);
    }
}

static void knows_a_session_with_a_blank_after_its_id(void **state)
{
    struct mcp_fixture *f = *state;
    start_http(f);
    shake_hands(f, "2025-11-25");
    char *headers CLEANUP(free_ptr) = xasprintf("%s \t", f->session);
    ask(f, headers, LIST);
    assert_int_equal(f->resp.status, 200);
}

static void refuses_two_hosts(void **state)
{
    struct mcp_fixture *f = *state;
    struct buf got CLEANUP(buf_release) = BUF_INIT(KIB(64));
    start_http(f);
    int fd CLEANUP(close_fd) = send_raw(f, "Host: evil.example", LIST);
    read_to_end(fd, &got);
    assert_int_equal(strncmp(got.data, "HTTP/1.1 403", 12), 0);
}

static void names_the_methods_that_it_has(void **state)
{
    struct mcp_fixture *f = *state;
    start_server(f, "management --http-port 0");
    ask_url(f, "GET", f->url, NULL, NULL);
    assert_int_equal(f->resp.status, 405);
    assert_string_equal(http_response_header(&f->resp, "Allow"), "POST, DELETE");
}

static void ends_a_session_for_good(void **state)
{
    struct mcp_fixture *f = *state;
    start_http(f);
    shake_hands(f, "2025-11-25");
    ask_url(f, "DELETE", f->url, "$S", NULL);
    assert_int_equal(f->resp.status, 204);
    ask(f, "$S", LIST);
    assert_int_equal(f->resp.status, 404);
}

static void forgets_a_session_that_nobody_uses(void **state)
{
    struct mcp_fixture *f = *state;
    int64_t deadline = clock_mono_ms() + PATIENCE_MS;
    start_server(f, "management --http-port 0 --session-idle-ms 1");
    shake_hands(f, "2025-11-25");
    do {
        (void)poll(NULL, 0, 5); /* the only thing that makes a session idle is time */
        ask(f, "$S", LIST);
    } while (f->resp.status == 200 && clock_mono_ms() < deadline);
    assert_int_equal(f->resp.status, 404);
}

static void gives_no_session_to_a_handshake_that_failed(void **state)
{
    struct mcp_fixture *f = *state;
    start_http(f);
    ask(f, NULL,
        "{\"jsonrpc\":\"2.0\",\"id\":0,\"method\":\"initialize\",\"params\":{}}");
    assert_int_equal(error_code(f), -32602);
    assert_null(http_response_header(&f->resp, "Mcp-Session-Id"));
}

static const struct {
    const char *asked, *agreed;
} HANDSHAKES[] = {
    {"2024-11-05", "2024-11-05"}, {"2025-03-26", "2025-03-26"},
    {"2025-06-18", "2025-06-18"}, {"2025-11-25", "2025-11-25"},
    {"2026-07-28", "2025-11-25"}, {"1999-01-01", "2025-11-25"},
};

static void agrees_on_a_revision(void **state)
{
    struct mcp_fixture *f = *state;
    start_http(f);
    for (size_t i = 0; i < ARRAY_SIZE(HANDSHAKES); i++) {
        shake_hands(f, HANDSHAKES[i].asked);
        assert_string_equal(json_str(result_of(f), "protocolVersion", ""),
                            HANDSHAKES[i].agreed);
    }
}

static void makes_bad_arguments_a_result_since_2025_11_25(void **state)
{
    struct mcp_fixture *f = *state;
    start_http(f);
    shake_hands(f, "2025-11-25");
    ask(f, "$S", CALL("test_slow", "{\"ms\":\"x\"}"));
    assert_true(json_is_true(json_object_get(result_of(f), "isError")));
    assert_non_null(strstr(result_text(f), "'ms': Expected integer, received string"));
}

static void reads_batches_in_2025_03_26_alone(void **state)
{
    struct mcp_fixture *f = *state;
    start_http(f);
    shake_hands(f, "2025-03-26");
    ask(f, "$S",
        "[{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\"}," INITIALIZED ","
        "{\"jsonrpc\":\"2.0\",\"id\":\"two\",\"method\":\"tools/call\",\"params\":{"
        "\"name\":\"test_tool_with_progress\"}},7,"
        "{\"jsonrpc\":\"2.0\",\"id\":3,\"method\":\"initialize\",\"params\":{}}]");
    assert_int_equal(f->resp.status, 200);
    assert_int_equal(json_array_size(f->json), 4);
    ask(f, "$S", "[" INITIALIZED "]");
    assert_int_equal(f->resp.status, 202);
    assert_int_equal(f->resp.body.len, 0);
    ask(f, "$S", "[]");
    assert_int_equal(f->resp.status, 400);
}

static void serves_both_eras_on_one_endpoint_and_connection(void **state)
{
    struct mcp_fixture *f = *state;
    start_http(f);
    shake_hands(f, "2025-11-25");
    ask(f, ON("tools/list"), M_LIST);
    assert_non_null(json_object_get(result_of(f), "resultType"));
    ask(f, "$S", LIST);
    assert_null(json_object_get(result_of(f), "resultType"));
}

static void lists_page_by_page(void **state)
{
    struct mcp_fixture *f = *state;
    size_t n = 0;
    size_t pages = 0;
    char *body = xstrdup(LIST);
    start_server(f, "management --http-port 0 --page-size 10");
    shake_hands(f, "2025-11-25");
    for (;;) {
        ask(f, "$S", body);
        free(body);
        const char *cursor = json_str(result_of(f), "nextCursor", NULL);
        size_t size = json_array_size(json_object_get(result_of(f), "tools"));
        assert_true(size <= 10 && size > 0);
        n += size;
        pages++;
        if (!cursor)
            break;
        body = xasprintf("{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/list\","
                         "\"params\":{\"cursor\":\"%s\"}}",
                         cursor);
    }
    assert_int_equal(n, 42);
    assert_int_equal(pages, 5);
    ask(f, "$S",
        "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/list\",\"params\":{"
        "\"cursor\":\"from-7\"}}");
    assert_int_equal(error_code(f), -32602);
}

/* ---- authorization ---- */

static void wants_the_bearer_token_that_it_was_given(void **state)
{
    struct mcp_fixture *f = *state;
    strv_add(&f->env, "TOKEN=let-me-in");
    start_server(f, "management --http-port 0 --bearer-env TOKEN");
    ask(f, NULL, INITIALIZE("2025-06-18"));
    assert_int_equal(f->resp.status, 401);
    const char *challenge = http_response_header(&f->resp, "WWW-Authenticate");
    assert_non_null(challenge);
    const char *url = strstr(challenge, "resource_metadata=\"");
    assert_non_null(url);
    url += strlen("resource_metadata=\"");
    char *metadata CLEANUP(free_ptr) = xstrndup(url, strcspn(url, "\""));
    ask(f, "Authorization: Bearer wrong", INITIALIZE("2025-06-18"));
    assert_int_equal(f->resp.status, 401);
    assert_non_null(strstr(http_response_header(&f->resp, "WWW-Authenticate"),
                           "error=\"invalid_token\""));
    ask(f, "Authorization: Bearer let-me-in", INITIALIZE("2025-06-18"));
    assert_int_equal(f->resp.status, 200);
    ask_url(f, "GET", metadata, NULL, NULL);
    assert_int_equal(f->resp.status, 200);
    assert_string_equal(json_str(f->json, "resource", ""), f->url);
    assert_int_equal(json_array_size(json_object_get(f->json, "authorization_servers")),
                     1);
    char *longer CLEANUP(free_ptr) = xasprintf("%sXYZ", metadata);
    ask_url(f, "GET", longer, NULL, NULL);
    assert_int_equal(f->resp.status, 404);
}

/* ---- every frame is looked at ---- */

static void keeps_its_frames_and_finds_no_fault_in_its_own(void **state)
{
    struct mcp_fixture *f = *state;
    start_http(f);
    shake_hands(f, "2025-11-25");
    ask(f, "$S", LIST);
    ask(f, ON("tools/list"), M_LIST);
    ask(f, "$S", "{\"jsonrpc\":\"2.0\",\"id\":null,\"method\":\"ping\"}");
    ask_url(f, "GET", f->frames_url, NULL, NULL);
    const json_t *frames = json_object_get(f->json, "frames");
    assert_int_equal(json_array_size(frames), 8);
    const json_t *modern = json_array_get(frames, 4);
    assert_string_equal(json_str(modern, "era", ""), "modern");
    assert_string_equal(json_str(modern, "transport", ""), "http");
    assert_string_equal(json_str(modern, "method", ""), "tools/list");
    assert_string_equal(json_str(modern, "direction", ""), "in");
    const json_t *invalid = json_object_get(f->json, "invalid");
    assert_int_equal(json_int(invalid, "received", -1), 1);
    assert_int_equal(json_int(invalid, "sent", -1), 0);
}

static void keeps_what_it_refused_unread_among_its_frames(void **state)
{
    static const char *const rows[][2] = {
        {"Origin: http://evil.example", "this origin is not allowed"},
        {"Host: evil.example", "this host is not allowed"},
        {"Authorization: Bearer wrong", "the bearer token is not valid"},
        {"Authorization: Bearer let-me-in\nContent-Type: text/plain",
         "the Content-Type has to be application/json"},
        {"Authorization: Bearer let-me-in\nAccept: text/html",
         "answers are application/json or text/event-stream"},
    };
    struct mcp_fixture *f = *state;
    strv_add(&f->env, "TOKEN=let-me-in");
    start_server(f, "management --http-port 0 --bearer-env TOKEN");
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
        ask(f, rows[i][0], LIST);
    ask_url(f, "DELETE", f->url, rows[0][0], NULL); /* brings no message */
    ask_url(f, "GET", f->frames_url, NULL, NULL);
    const json_t *frames = json_object_get(f->json, "frames");
    size_t n = 0;
    for (size_t i = 0; i < json_array_size(frames); i++) {
        const json_t *row = json_array_get(frames, i);
        if (strcmp(json_str(row, "kind", ""), "junk") != 0)
            continue;
        assert_in_range(n, 0, ARRAY_SIZE(rows) - 1);
        assert_string_equal(json_str(row, "direction", ""), "in");
        assert_string_equal(
            json_string_value(json_array_get(json_object_get(row, "findings"), 0)),
            rows[n++][1]);
    }
    assert_int_equal(n, ARRAY_SIZE(rows));
    assert_int_equal(json_int(f->json, "received", -1), ARRAY_SIZE(rows));
}

/* Each as one that came and one that went, in this order. */
static void keeps_what_has_no_session_among_its_frames(void **state)
{
    static const char *const rows[][2] = {
        {NULL, LIST},
        {"Mcp-Session-Id: abc", LIST},
        {"MCP-Protocol-Version: 1999-01-01", LIST},
        {NULL, "[" LIST "]"},
        {"Mcp-Session-Id: abc", "[" LIST "]"},
    };
    struct mcp_fixture *f = *state;
    start_http(f);
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
        ask(f, rows[i][0], rows[i][1]);
    ask_url(f, "DELETE", f->url, NULL, NULL);
    ask_url(f, "GET", f->frames_url, NULL, NULL);
    const json_t *frames = json_object_get(f->json, "frames");
    assert_int_equal(json_array_size(frames), 2 * ARRAY_SIZE(rows) + 1);
    for (size_t i = 0; i < 2 * ARRAY_SIZE(rows); i++)
        assert_string_equal(json_str(json_array_get(frames, i), "direction", ""),
                            i % 2 ? "out" : "in");
}

static void shows_its_frames_to_no_other_site(void **state)
{
    struct mcp_fixture *f = *state;
    start_http(f);
    ask_url(f, "GET", f->frames_url, "Origin: https://evil.example", NULL);
    assert_int_equal(f->resp.status, 403);
    ask_url(f, "GET", f->frames_url, "Host: evil.example", NULL);
    assert_int_equal(f->resp.status, 403);
    ask_url(f, "GET", f->frames_url, "Origin: http://localhost:1234", NULL);
    assert_int_equal(f->resp.status, 200);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, mcp_setup, mcp_teardown)
    const struct CMUnitTest tests[] = {
        T(answers_each_modern_error_as_the_table_says),
        T(says_what_it_would_take),
        T(completes_modern_results),
        T(lists_the_same_to_everybody_but_by_authorization),
        T(takes_modern_notifications_without_a_body),
        T(has_only_post_in_the_modern_era),
        T(answers_each_legacy_request_as_it_should),
        T(knows_a_session_with_a_blank_after_its_id),
        T(refuses_two_hosts),
        T(names_the_methods_that_it_has),
        T(ends_a_session_for_good),
        T(forgets_a_session_that_nobody_uses),
        T(gives_no_session_to_a_handshake_that_failed),
        T(agrees_on_a_revision),
        T(makes_bad_arguments_a_result_since_2025_11_25),
        T(reads_batches_in_2025_03_26_alone),
        T(serves_both_eras_on_one_endpoint_and_connection),
        T(lists_page_by_page),
        T(wants_the_bearer_token_that_it_was_given),
        T(keeps_its_frames_and_finds_no_fault_in_its_own),
        T(shows_its_frames_to_no_other_site),
        T(keeps_what_it_refused_unread_among_its_frames),
        T(keeps_what_has_no_session_among_its_frames),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
