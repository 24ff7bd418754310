/* The MCP bridge of a workspace, its tools and its stream. */
#include "mocks/tests/registry_fixture.h"

static int rpc(const char *id, const char *method, const char *params)
{
    char *body CLEANUP(free_ptr) = xasprintf(
        "{\"jsonrpc\":\"2.0\",\"id\":5,\"method\":\"%s\",\"params\":%s}", method, params);
    return ask_of(id, "POST", "/mcp", body);
}

static int call_tool(const char *id, const char *name, const char *arguments)
{
    char *params CLEANUP(free_ptr) =
        xasprintf("{\"name\":\"%s\",\"arguments\":%s}", name, arguments);
    return rpc(id, "tools/call", params);
}

static const char *tool_text(void)
{
    const json_t *content =
        json_object_get(json_object_get(fx.json, "result"), "content");
    return json_str(json_array_get(content, 0), "text", "(no text)");
}

static void speaks_mcp_with_http_200_for_every_refusal(void **state)
{
    (void)state;
    char id[37];
    external_workspace("bridged", NULL, id, NULL);
    assert_int_equal(rpc(id, "initialize", "{}"), 200);
    assert_non_null(strstr(text(), "{\"jsonrpc\":\"2.0\",\"id\":5,\"result\":{"));
    assert_non_null(strstr(text(), "\"protocolVersion\":\"2024-11-05\""));
    assert_int_equal(ask_of(id, "POST", "/mcp", "{"), 400);
    assert_string_equal(text(),
                        "{\"jsonrpc\":\"2.0\",\"id\":null,\"error\":{\"code\":-32700,"
                        "\"message\":\"parse error\"}}");
    assert_int_equal(rpc(id, "ping", "{}"), 200);
    assert_string_equal(text(),
                        "{\"jsonrpc\":\"2.0\",\"id\":5,\"error\":{\"code\":-32601,"
                        "\"message\":\"method not found\"}}");
    assert_int_equal(call_tool(id, "create_workspace", "{\"name\":\"x\"}"), 200);
    assert_string_equal(text(),
                        "{\"jsonrpc\":\"2.0\",\"id\":5,\"error\":{\"code\":-32000,"
                        "\"message\":\"tool call failed\"}}");
    assert_int_equal(call_tool(id, "recall_memory", "{}"), 200);
    assert_non_null(strstr(text(), "-32000"));
    assert_int_equal(rpc(id, "tools/call", "[]"), 200);
    assert_non_null(strstr(text(), "-32602"));
    assert_int_equal(rpc(id, "tools/list", "{}"), 200);
    const json_t *tools = json_object_get(json_object_get(fx.json, "result"), "tools");
    assert_int_equal(json_array_size(tools), 17);
    assert_string_equal(json_str(json_array_get(tools, 0), "name", ""), "delegate_task");
    assert_null(strstr(text(), "create_workspace"));
    char *path CLEANUP(free_ptr) = xasprintf("/workspaces/%s/mcp", id);
    assert_int_equal(ask_as(NULL, "POST", path, "{}"), 401);
}

/* Go decodes into a struct: what does not fit it is as unreadable as a broken body. */
static void takes_what_is_no_message_for_unreadable(void **state)
{
    (void)state;
    static const char *const bodies[] = {"[]",
                                         "5",
                                         "\"x\"",
                                         "{\"method\":5,\"id\":1}",
                                         "{\"jsonrpc\":2,\"method\":\"ping\"}",
                                         ""};
    char id[37];
    external_workspace("strict", NULL, id, NULL);
    for (size_t i = 0; i < ARRAY_SIZE(bodies); i++) {
        assert_int_equal(ask_of(id, "POST", "/mcp", bodies[i]), 400);
        assert_non_null(strstr(text(), "\"code\":-32700"));
    }
    assert_int_equal(ask_of(id, "POST", "/mcp", "null"), 200);
    assert_non_null(strstr(text(), "\"code\":-32601"));
}

/* Row n of the frames kept since `since`. */
static const json_t *frame_row(size_t n)
{
    return json_array_get(json_object_get(fx.json, "frames"), n);
}

static void keeps_its_frames_with_what_they_break(void **state)
{
    (void)state;
    char id[37];
    external_workspace("framed", NULL, id, NULL);
    assert_int_equal(ask_at(fx.mock_url, NULL, "GET", "/_mock/frames", NULL), 200);
    char *since CLEANUP(free_ptr) =
        xasprintf("/_mock/frames?since=%lld", (long long)json_int(fx.json, "next", 0));
    assert_int_equal(rpc(id, "tools/list", "{}"), 200);
    assert_int_equal(
        ask_of(id, "POST", "/mcp",
               "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/initialized\"}"),
        200);
    assert_int_equal(ask_of(id, "POST", "/mcp", "{"), 400);
    assert_int_equal(ask_at(fx.mock_url, NULL, "GET", since, NULL), 200);
    assert_int_equal(json_array_size(json_object_get(fx.json, "frames")), 6);
    assert_string_equal(json_str(frame_row(0), "direction", ""), "in");
    assert_string_equal(json_str(frame_row(0), "method", ""), "tools/list");
    assert_non_null(strstr(json_str(frame_row(0), "server", ""), id));
    assert_true(json_is_true(json_object_get(frame_row(0), "valid")));
    assert_string_equal(json_str(frame_row(1), "direction", ""), "out");
    assert_true(json_is_true(json_object_get(frame_row(1), "valid")));
    /* The contract's answer to a notification is no frame of any revision. */
    assert_true(json_is_true(json_object_get(frame_row(2), "valid")));
    assert_true(json_is_false(json_object_get(frame_row(3), "valid")));
    assert_string_equal(json_str(frame_row(4), "kind", ""), "junk");
    assert_int_equal(ask_at(fx.mock_url, NULL, "GET", "/_mock/frames?since=x", NULL),
                     400);
}

static void asks_the_user_and_reads_it_back(void **state)
{
    (void)state;
    char id[37], other[37];
    external_workspace("asker", NULL, id, NULL);
    external_workspace("onlooker", NULL, other, NULL);
    assert_int_equal(call_tool(id, "request_user_action", "{\"title\":\"Sign\"}"), 200);
    assert_string_equal(tool_text(), "Asked the user: Sign");
    assert_int_equal(ask_of(id, "GET", "/user-tasks", NULL), 200);
    char *task CLEANUP(free_ptr) =
        xstrdup(json_str(json_array_get(fx.json, 0), "id", ""));
    char *done CLEANUP(free_ptr) =
        xasprintf("{\"user_task_id\":\"%s\",\"status\":\"done\"}", task);
    assert_int_equal(call_tool(other, "update_user_task", done), 200);
    assert_non_null(strstr(text(), "-32000"));
    assert_int_equal(call_tool(id, "update_user_task", done), 200);
    assert_string_equal(tool_text(), "User task updated.");
    assert_int_equal(call_tool(id, "list_user_tasks", "{}"), 200);
    assert_non_null(strstr(tool_text(), "\"status\":\"done\""));
    char *resolve CLEANUP(free_ptr) = xasprintf("/user-tasks/%s/resolve", task);
    assert_int_equal(ask_of(id, "POST", resolve, "{\"status\":\"done\"}"), 404);
    assert_int_equal(call_tool(id, "delete_user_task", done), 200);
    assert_int_equal(ask_of(id, "GET", "/user-tasks", NULL), 200);
    assert_string_equal(text(), "[]");
}

static void lists_peers_literally(void **state)
{
    (void)state;
    char id[37];
    external_workspace("looker", NULL, id, NULL);
    assert_int_equal(call_tool(id, "list_peers", "{}"), 200);
    assert_non_null(strstr(tool_text(), fx.concierge));
    assert_ptr_equal(strstr(tool_text(), "[\n  {\n    \"id\": \""), tool_text());
    fault("PUT", "peers", "empty");
    assert_int_equal(call_tool(id, "list_peers", "{}"), 200);
    assert_string_equal(tool_text(), "No peers found.");
}

static int until_a_ping(const char *data, size_t len, void *arg)
{
    struct buf *seen = arg;
    buf_add(seen, data, len);
    return strstr(seen->data, ": ping") != NULL;
}

static void streams_the_endpoint_and_pings(void **state)
{
    (void)state;
    struct http_request req CLEANUP(http_request_release) = HTTP_REQUEST_INIT;
    struct buf seen CLEANUP(buf_release) = BUF_INIT(KIB(64));
    struct err err = ERR_INIT;
    char id[37], token[44];
    external_workspace("listener", NULL, id, token);
    char *url CLEANUP(free_ptr) = xasprintf("%s/workspaces/%s/mcp/stream", fx.url, id);
    req.url = url;
    req.timeout_ms = 30000;
    req.on_data = until_a_ping;
    req.on_data_arg = &seen;
    strv_addf(&req.headers, "Authorization: Bearer %s", token);
    strv_addf(&req.headers, "X-Molecule-Org-Id: %s", fx.org_id);
    assert_int_equal(http_perform(fx.http, &req, &fx.resp, &err), 0);
    assert_int_equal(fx.resp.status, 200);
    assert_string_equal(http_response_header(&fx.resp, "Content-Type"),
                        "text/event-stream");
    char *first CLEANUP(free_ptr) =
        xasprintf("event: endpoint\ndata: /workspaces/%s/mcp\n\n", id);
    assert_int_equal(strncmp(seen.data, first, strlen(first)), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(speaks_mcp_with_http_200_for_every_refusal),
        cmocka_unit_test(takes_what_is_no_message_for_unreadable),
        cmocka_unit_test(keeps_its_frames_with_what_they_break),
        cmocka_unit_test(asks_the_user_and_reads_it_back),
        cmocka_unit_test_teardown(lists_peers_literally, lift_faults),
    };
    const struct CMUnitTest streams[] = {
        cmocka_unit_test_setup_teardown(streams_the_endpoint_and_pings, up_fast,
                                        platform_down),
    };
    int failed =
        cmocka_run_group_tests_name("tenant bridge", tests, up_slow, platform_down);
    return failed +
           cmocka_run_group_tests_name("tenant bridge, its stream", streams, NULL, NULL);
}
