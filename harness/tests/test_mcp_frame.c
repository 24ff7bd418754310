#include "mcp/frame.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define RESPONSE(result) "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":" result "}"
#define FAILURE(error) "{\"jsonrpc\":\"2.0\",\"id\":1,\"error\":" error "}"
#define META                                                                             \
    "\"_meta\":{\"io.modelcontextprotocol/protocolVersion\":\"2026-07-28\","             \
    "\"io.modelcontextprotocol/clientCapabilities\":{}}"

/* One frame and what is wrong with it: a part of the sentence, or NULL when nothing is.
 */
struct row {
    const char *revision; /* NULL = not agreed on */
    enum mcp_sender sender;
    enum mcp_wire wire;
    const char *method; /* that a response answers */
    const char *frame;
    const char *finding;
};
#define S MCP_FROM_SERVER
#define C MCP_FROM_CLIENT
#define HTTP MCP_WIRE_HTTP
#define STDIO MCP_WIRE_STDIO
#define OLD "2025-11-25"
#define NEW "2026-07-28"

static void check_rows(const struct row *rows, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        const struct row *r = &rows[i];
        struct strv findings = STRV_INIT;
        struct mcp_frame_context cx = {.revision = mcp_revision_find(r->revision),
                                       .wire = r->wire,
                                       .sender = r->sender,
                                       .method = r->method};
        bool valid = mcp_frame_check(r->frame, strlen(r->frame), &cx, &findings);
        char *all = strv_join(&findings, "; ");
        bool right = r->finding ? !valid && strstr(all, r->finding) : valid && !*all;
        if (!right)
            print_error("%s\n  found: %s\n  wanted: %s\n", r->frame, all,
                        r->finding ? r->finding : "nothing");
        free(all);
        strv_release(&findings);
        assert_true(right);
    }
}
#define CHECK(rows) check_rows(rows, ARRAY_SIZE(rows))

static void knows_what_json_rpc_allows(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {OLD, C, HTTP, NULL, "{\"jsonrpc\":\"2.0\",\"id\":0,\"method\":\"ping\"}", NULL},
        {OLD, C, HTTP, NULL, "{\"jsonrpc\":\"2.0\",\"id\":\"a\",\"method\":\"ping\"}",
         NULL},
        {OLD, C, HTTP, NULL, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\\u0000\"}",
         "a NUL character"},
        {OLD, C, HTTP, NULL, "{\"jsonrpc\":\"2.0\",\"id\":null,\"method\":\"ping\"}",
         "a string or an integer"},
        {OLD, C, HTTP, NULL, "{\"jsonrpc\":\"2.0\",\"id\":1.5,\"method\":\"ping\"}",
         "neither a string nor an integer"},
        {OLD, C, HTTP, NULL, "{\"id\":1,\"method\":\"ping\"}", "'jsonrpc'"},
        {OLD, C, HTTP, NULL,
         "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\",\"params\":[]}",
         "'params' is not an object"},
        {OLD, S, HTTP, NULL, "{\"jsonrpc\":\"2.0\",\"id\":1}", "neither 'method'"},
        {OLD, S, HTTP, NULL, "{\"jsonrpc\":\"2.0\",\"result\":{}}", "without an 'id'"},
        {OLD, S, HTTP, NULL, RESPONSE("{},\"error\":{\"code\":1,\"message\":\"m\"}"),
         "both 'result' and 'error'"},
        {OLD, S, HTTP, NULL, RESPONSE("[]"), "'result' is not an object"},
        {OLD, S, HTTP, NULL, FAILURE("{\"code\":-32601,\"message\":\"m\"}"), NULL},
        {OLD, S, HTTP, NULL, FAILURE("{\"code\":1.5,\"message\":\"m\"}"),
         "not an integer"},
        {OLD, S, HTTP, NULL, FAILURE("{\"code\":1}"), "no 'message'"},
        {OLD, S, HTTP, NULL,
         "{\"jsonrpc\":\"2.0\",\"id\":null,\"error\":{\"code\":-32700,\"message\":\"\"}}",
         "'id' is null"},
        {OLD, S, HTTP, NULL,
         "{\"jsonrpc\":\"2.0\",\"error\":{\"code\":-32700,\"message\":\"\"}}", NULL},
        {OLD, S, HTTP, NULL, "nonsense", "no JSON"},
        {OLD, S, STDIO, NULL, "{\"jsonrpc\":\"2.0\",\n\"id\":1,\"result\":{}}",
         "newline"},
        {OLD, S, HTTP, NULL, "{\"jsonrpc\":\"2.0\",\n\"id\":1,\"result\":{}}", NULL},
        {OLD, S, HTTP, NULL, "7", "a message is an object"},
        {OLD, S, HTTP, NULL, "{\"jsonrpc\":\"2.0\",\"method\":\"ping\"}",
         "no notification"},
        {OLD, S, HTTP, NULL,
         "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"notifications/x\"}", "has an 'id'"},
    };
    CHECK(rows);
}

static void knows_which_revision_has_batches(void **state)
{
    (void)state;
    static const char ping[] = "[{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\"}]";
    static const struct row rows[] = {
        {"2025-03-26", C, HTTP, NULL, ping, NULL},
        {"2024-11-05", C, HTTP, NULL, ping, "a batch, which 2024-11-05"},
        {"2025-06-18", C, HTTP, NULL, ping, "a batch, which 2025-06-18"},
        {NEW, C, HTTP, NULL, ping, "a batch"},
        {"2025-03-26", C, HTTP, NULL, "[]", "a batch of nothing"},
        {"2025-03-26", C, HTTP, NULL,
         "[{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"initialize\"}]", "in a batch"},
    };
    CHECK(rows);
}

static void knows_the_members_of_results(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {OLD, S, HTTP, "tools/list", RESPONSE("{\"tools\":[]}"), NULL},
        {OLD, S, HTTP, "tools/list", RESPONSE("{}"), "no 'tools' array"},
        {OLD, S, HTTP, "tools/list", RESPONSE("{\"tools\":[{\"name\":\"a\"}]}"),
         "no 'inputSchema'"},
        {OLD, S, HTTP, "tools/list",
         RESPONSE("{\"tools\":[{\"name\":\"a\",\"inputSchema\":{}}]}"), "of type object"},
        {OLD, S, HTTP, "tools/list",
         RESPONSE("{\"tools\":[{\"name\":\"a\",\"inputSchema\":{\"type\":\"object\"}},"
                  "{\"name\":\"a\",\"inputSchema\":{\"type\":\"object\"}}]}"),
         "listed twice"},
        {OLD, S, HTTP, "tools/list", RESPONSE("{\"tools\":[],\"nextCursor\":\"\"}"),
         NULL},
        {OLD, S, HTTP, "tools/list", RESPONSE("{\"tools\":[],\"nextCursor\":7}"),
         "'nextCursor'"},
        {OLD, S, HTTP, "tools/call", RESPONSE("{\"content\":[]}"), NULL},
        {OLD, S, HTTP, "tools/call", RESPONSE("{\"content\":[],\"isError\":\"no\"}"),
         "'isError'"},
        {OLD, S, HTTP, "tools/call", RESPONSE("{\"content\":[{\"type\":\"text\"}]}"),
         "has no 'text'"},
        {OLD, S, HTTP, "tools/call", RESPONSE("{\"content\":[{\"type\":\"film\"}]}"),
         "unknown type 'film'"},
        {OLD, S, HTTP, "tools/call",
         RESPONSE("{\"content\":[{\"type\":\"audio\",\"data\":\"\"}]}"), NULL},
        {"2024-11-05", S, HTTP, "tools/call",
         RESPONSE("{\"content\":[{\"type\":\"audio\",\"data\":\"\"}]}"),
         "2024-11-05 has no contents of type 'audio'"},
        {OLD, S, HTTP, "tools/call",
         RESPONSE("{\"content\":[],\"structuredContent\":[]}"), "'structuredContent'"},
        {NEW, S, HTTP, "tools/call",
         RESPONSE(
             "{\"resultType\":\"complete\",\"content\":[],\"structuredContent\":[]}"),
         NULL},
        {NULL, S, HTTP, "initialize", RESPONSE("{}"), "no 'protocolVersion'"},
    };
    CHECK(rows);
}

static void knows_the_modern_rules(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {NEW, C, HTTP, NULL,
         "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/list\",\"params\":{" META "}}",
         NULL},
        {NEW, C, HTTP, NULL, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/list\"}",
         "'protocolVersion'"},
        {NEW, C, HTTP, NULL,
         "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\",\"params\":{" META "}}",
         "has no 'ping'"},
        {NEW, C, STDIO, NULL, "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{}}",
         "sends no responses"},
        {NEW, S, STDIO, NULL, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\"}",
         "sends no requests"},
        {NEW, C, HTTP, NULL,
         "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/cancelled\",\"params\":"
         "{\"requestId\":1}}",
         "closing its stream"},
        {NEW, C, STDIO, NULL,
         "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/cancelled\",\"params\":"
         "{\"requestId\":1}}",
         NULL},
        {NEW, S, HTTP, "x", RESPONSE("{}"), "no 'resultType'"},
        {NEW, S, HTTP, "x", RESPONSE("{\"resultType\":\"later\"}"), "'later'"},
        {NEW, S, HTTP, "tools/list",
         RESPONSE("{\"resultType\":\"complete\",\"tools\":[]}"), "'ttlMs'"},
        {NEW, S, HTTP, "tools/list",
         RESPONSE("{\"resultType\":\"complete\",\"tools\":[],\"ttlMs\":0,\"cacheScope\":"
                  "\"public\"}"),
         NULL},
        {NEW, S, HTTP, "tools/list",
         RESPONSE(
             "{\"resultType\":\"input_required\",\"requestState\":\"s\",\"tools\":[],"
             "\"ttlMs\":0,\"cacheScope\":\"public\"}"),
         "answered with 'input_required'"},
        {NEW, S, HTTP, "tools/call", RESPONSE("{\"resultType\":\"input_required\"}"),
         "without 'inputRequests'"},
        {NEW, S, HTTP, "tools/call",
         RESPONSE("{\"resultType\":\"input_required\",\"requestState\":\"s\"}"), NULL},
        {NEW, S, HTTP, "x", FAILURE("{\"code\":-32050,\"message\":\"m\"}"),
         "is reserved"},
        {NEW, S, HTTP, "x", FAILURE("{\"code\":-32002,\"message\":\"m\"}"), "earlier"},
        {OLD, S, HTTP, "x", FAILURE("{\"code\":-32002,\"message\":\"m\"}"), NULL},
        {NEW, S, HTTP, "x", FAILURE("{\"code\":-32022,\"message\":\"m\"}"),
         "'supported'"},
        {NEW, S, HTTP, "x",
         FAILURE("{\"code\":-32021,\"message\":\"m\",\"data\":{\"requiredCapabilities\":"
                 "[\"sampling\"]}}"),
         "requiredCapabilities"},
    };
    CHECK(rows);
}

static void finds_the_newest_revision_that_both_know(void **state)
{
    (void)state;
    json_t *names = json_pack("[s,s,s]", "2025-06-18", "2030-01-01", "2025-03-26");
    assert_string_equal(mcp_revision_choose(names)->name, "2025-06-18");
    json_array_clear(names);
    assert_null(mcp_revision_choose(names));
    json_decref(names);
    assert_string_equal(mcp_revision_latest(MCP_LEGACY)->name, OLD);
    assert_string_equal(mcp_revision_latest(MCP_MODERN)->name, NEW);
    assert_null(mcp_revision_find(NULL));
    assert_false(mcp_revision_has(NULL, MCP_F_PING));
    for (size_t i = 0; i < mcp_revision_count; i++)
        assert_non_null(strstr(mcp_revision_names(), mcp_revisions[i].name));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(knows_what_json_rpc_allows),
        cmocka_unit_test(knows_which_revision_has_batches),
        cmocka_unit_test(knows_the_members_of_results),
        cmocka_unit_test(knows_the_modern_rules),
        cmocka_unit_test(finds_the_newest_revision_that_both_know),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
