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

/* no_logs: nobody asked for log messages. */
static void check_rows(const struct row *rows, size_t n, bool no_logs)
{
    int wrong = 0;
    for (size_t i = 0; i < n; i++) {
        const struct row *r = &rows[i];
        struct strv findings = STRV_INIT;
        struct mcp_frame_context cx = {.revision = mcp_revision_find(r->revision),
                                       .wire = r->wire,
                                       .sender = r->sender,
                                       .method = r->method,
                                       .no_logs = no_logs};
        bool valid = mcp_frame_check(r->frame, strlen(r->frame), &cx, &findings);
        char *all = strv_join(&findings, "; ");
        bool right = r->finding ? !valid && strstr(all, r->finding) : valid && !*all;
        if (!right)
            print_error("%s\n  found: %s\n  wanted: %s\n", r->frame, all,
                        r->finding ? r->finding : "nothing");
        wrong += !right;
        free(all);
        strv_release(&findings);
    }
    assert_int_equal(wrong, 0);
}
#define CHECK(rows) check_rows(rows, ARRAY_SIZE(rows), false)

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
         RESPONSE("{\"content\":[{\"type\":\"audio\",\"data\":\"\",\"mimeType\":\"audio/"
                  "wav\"}]}"),
         NULL},
        {"2024-11-05", S, HTTP, "tools/call",
         RESPONSE("{\"content\":[{\"type\":\"audio\",\"data\":\"\",\"mimeType\":\"audio/"
                  "wav\"}]}"),
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

#define CONTENT(block) RESPONSE("{\"content\":[" block "]}")
#define CALLED(rev, block, finding)                                                      \
    {                                                                                    \
        rev, S, HTTP, "tools/call", CONTENT(block), finding                              \
    }

static void knows_the_members_of_contents(void **state)
{
    (void)state;
    static const struct row rows[] = {
        CALLED(OLD, "{\"type\":\"text\",\"text\":5}", "has no 'text' string"),
        CALLED(OLD, "{\"type\":\"text\",\"text\":\"\"}", NULL),
        CALLED(OLD, "{\"type\":\"image\",\"data\":5,\"mimeType\":\"a/b\"}", "no 'data'"),
        CALLED(OLD, "{\"type\":\"image\",\"data\":\"\"}", "has no 'mimeType'"),
        CALLED(OLD, "{\"type\":\"audio\",\"data\":\"\"}", "has no 'mimeType'"),
        CALLED(OLD, "{\"type\":\"resource\",\"resource\":\"x\"}", "no 'resource' object"),
        CALLED(OLD, "{\"type\":\"resource\",\"resource\":{\"text\":\"\"}}", "no 'uri'"),
        CALLED(OLD, "{\"type\":\"resource\",\"resource\":{\"uri\":\"a:b\"}}",
               "neither 'text' nor 'blob'"),
        CALLED(OLD,
               "{\"type\":\"resource\",\"resource\":{\"uri\":\"a:b\",\"blob\":\"\"}}",
               NULL),
        CALLED(OLD, "{\"type\":\"resource_link\",\"uri\":\"x\"}", "has no 'name'"),
        {"2024-11-05", S, HTTP, "tools/call",
         RESPONSE("{\"content\":[],\"structuredContent\":[1]}"), NULL},
        {"2025-06-18", S, HTTP, "tools/call",
         RESPONSE("{\"content\":[],\"structuredContent\":[1]}"), "'structuredContent'"},
    };
    CHECK(rows);
}

#define LISTED(rev, more, finding)                                                       \
    {                                                                                    \
        rev, S, HTTP, "tools/list",                                                      \
            RESPONSE("{\"resultType\":\"complete\",\"ttlMs\":1000.0,\"cacheScope\":"     \
                     "\"public\",\"tools\":[{\"name\":\"a\"" more "}]}"),                \
            finding                                                                      \
    }
#define INPUT ",\"inputSchema\":{\"type\":\"object\"}"

static void knows_the_members_of_tools(void **state)
{
    (void)state;
    static const struct row rows[] = {
        LISTED(OLD, INPUT ",\"description\":\"d\",\"title\":\"t\"", NULL),
        LISTED(OLD, INPUT ",\"description\":5", "'description' of tool 'a' is not a"),
        LISTED(OLD, INPUT ",\"title\":[]", "'title' of tool 'a' is not a string"),
        LISTED("2025-03-26", INPUT ",\"title\":[]", NULL),
        LISTED(OLD, INPUT ",\"annotations\":\"x\"", "'annotations' of tool 'a'"),
        LISTED("2024-11-05", INPUT ",\"annotations\":\"x\"", NULL),
        LISTED(OLD, INPUT ",\"annotations\":{\"readOnlyHint\":\"yes\"}",
               "'readOnlyHint'"),
        LISTED(OLD, INPUT ",\"annotations\":{\"title\":\"t\",\"openWorldHint\":true}",
               NULL),
        LISTED(OLD, INPUT ",\"outputSchema\":\"x\"", "'outputSchema' of tool 'a'"),
        LISTED(OLD, INPUT ",\"outputSchema\":{\"type\":\"string\"}",
               "not of type object"),
        LISTED(NEW, INPUT ",\"outputSchema\":{\"type\":\"string\"}", NULL),
        LISTED("2025-03-26", INPUT ",\"outputSchema\":\"x\"", NULL),
        LISTED(OLD, ",\"inputSchema\":{\"type\":\"object\",\"properties\":5}",
               "'properties' of the 'inputSchema' of tool 'a'"),
        LISTED(OLD, ",\"inputSchema\":{\"type\":\"object\",\"required\":\"x\"}",
               "'required' of the 'inputSchema' of tool 'a'"),
    };
    CHECK(rows);
}

#define COMPLETE(more) RESPONSE("{\"resultType\":\"complete\"" more "}")

static void knows_what_may_be_cached_and_asked_for(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {NEW, S, HTTP, "prompts/list", COMPLETE(",\"prompts\":[]"), "'ttlMs'"},
        {NEW, S, HTTP, "resources/list", COMPLETE(",\"resources\":[]"), "'ttlMs'"},
        {NEW, S, HTTP, "resources/templates/list", COMPLETE(",\"resourceTemplates\":[]"),
         "'cacheScope'"},
        {NEW, S, HTTP, "resources/read", COMPLETE(",\"contents\":[]"), "'ttlMs'"},
        {OLD, S, HTTP, "resources/read", COMPLETE(",\"contents\":[]"), NULL},
        {NEW, S, HTTP, "resources/list",
         COMPLETE(",\"resources\":[],\"ttlMs\":0.5,\"cacheScope\":\"public\""),
         "'ttlMs'"},
        {NEW, S, HTTP, "tools/call",
         RESPONSE("{\"resultType\":\"input_required\",\"inputRequests\":{\"a\":5}}"),
         "input request 'a' has no 'method'"},
        {NEW, S, HTTP, "tools/call",
         RESPONSE("{\"resultType\":\"input_required\",\"inputRequests\":{\"a\":"
                  "{\"method\":\"roots/list\"}}}"),
         NULL},
        {NEW, S, HTTP, "x",
         FAILURE("{\"code\":-32022,\"message\":\"m\",\"data\":{\"supported\":[],"
                 "\"requested\":\"x\"}}"),
         "'supported'"},
        {NEW, S, HTTP, "x",
         FAILURE("{\"code\":-32022,\"message\":\"m\",\"data\":{\"supported\":[1],"
                 "\"requested\":\"x\"}}"),
         "'supported'"},
    };
    CHECK(rows);
}

#define GREETED(version, more, finding)                                                  \
    {                                                                                    \
        NULL, S, HTTP, "initialize",                                                     \
            RESPONSE("{\"protocolVersion\":\"" version                                   \
                     "\",\"serverInfo\":{\"name\":\"a\",\"version\":\"1\"}" more "}"),   \
            finding                                                                      \
    }

static void knows_the_members_of_the_handshakes(void **state)
{
    (void)state;
    static const struct row rows[] = {
        GREETED("2025-11-25", ",\"capabilities\":{\"tools\":{}}", NULL),
        GREETED("2031-01-01", ",\"capabilities\":{}", NULL),
        GREETED("banana", ",\"capabilities\":{}", "'banana', which names no revision"),
        GREETED("2025-11-25", ",\"capabilities\":{\"tools\":true}", "'tools' of"),
        GREETED("2025-11-25", ",\"capabilities\":{},\"instructions\":5",
                "'instructions'"),
        {NEW, S, HTTP, "server/discover",
         COMPLETE(
             ",\"ttlMs\":0,\"cacheScope\":\"public\",\"capabilities\":{\"tools\":true},"
             "\"supportedVersions\":[\"2026-07-28\"]"),
         "'tools' of 'capabilities'"},
        {NEW, S, HTTP, "server/discover",
         COMPLETE(",\"ttlMs\":0,\"cacheScope\":\"public\",\"capabilities\":{},"
                  "\"supportedVersions\":[5]"),
         "'supportedVersions'"},
        {NULL, C, HTTP, NULL, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"initialize\"}",
         "'initialize' has no 'protocolVersion'"},
        {NULL, C, HTTP, NULL,
         "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"initialize\",\"params\":{"
         "\"protocolVersion\":\"2025-11-25\",\"capabilities\":{},\"clientInfo\":{}}}",
         "'clientInfo' has no name and version"},
    };
    CHECK(rows);
}

#define ASKS(rev, who, method, params, finding)                                          \
    {                                                                                    \
        rev, who, STDIO, NULL,                                                           \
            "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"" method                         \
            "\",\"params\":{" params "}}",                                               \
            finding                                                                      \
    }

static void knows_who_may_ask_what(void **state)
{
    (void)state;
    static const struct row rows[] = {
        ASKS(OLD, S, "ping", "", NULL),
        ASKS(OLD, S, "sampling/createMessage", "", NULL),
        ASKS(OLD, S, "tools/list", "", "'tools/list' is not for a server to ask"),
        ASKS(OLD, S, "initialize", "", "'initialize' is not for a server to ask"),
        ASKS(OLD, S, "elicitation/create", "", NULL),
        ASKS("2025-03-26", S, "elicitation/create", "", "2025-03-26 has no 'elicitation"),
        ASKS(OLD, C, "tools/list", "\"cursor\":5", "'cursor' of 'tools/list' is not a"),
        ASKS(OLD, C, "tools/list", "\"_meta\":5", "'_meta' of 'tools/list' is not an"),
        ASKS(OLD, C, "tools/list", "\"_meta\":{\"progressToken\":1.5}",
             "'progressToken'"),
        ASKS(OLD, C, "tools/list", "\"_meta\":{\"progressToken\":\"1\"}", NULL),
        ASKS(OLD, C, "tools/call", "", "'tools/call' has no 'name'"),
        ASKS(OLD, C, "tools/call", "\"name\":\"t\",\"arguments\":[]", "'arguments' of"),
        ASKS(OLD, C, "server/discover", "", "2025-11-25 has no 'server/discover'"),
        ASKS(NULL, C, "server/discover", "", NULL),
    };
    CHECK(rows);
}

#define TELLS(rev, method, params, finding)                                              \
    {                                                                                    \
        rev, S, STDIO, NULL,                                                             \
            "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/" method                    \
            "\",\"params\":{" params "}}",                                               \
            finding                                                                      \
    }
#define LEVEL(level) "\"level\":\"" level "\",\"data\":1"

static void knows_who_may_tell_what(void **state)
{
    (void)state;
    static const struct row rows[] = {
        TELLS(OLD, "message", LEVEL("info"), NULL),
        TELLS(OLD, "message", LEVEL("shout"), "of unknown level 'shout'"),
        TELLS(NEW, "message", LEVEL("info"), NULL),
        TELLS(OLD, "message", "\"level\":\"info\"", "has no 'data'"),
        TELLS(OLD, "initialized", "", "is not for a server to send"),
        TELLS(OLD, "tools/list_changed", "", NULL),
        TELLS(NEW, "tools/list_changed", "", "belongs to no subscription"),
        TELLS(NEW, "tools/list_changed",
              "\"_meta\":{\"io.modelcontextprotocol/subscriptionId\":1}", NULL),
        TELLS(OLD, "progress", "\"progressToken\":1,\"progress\":1,\"total\":\"x\"",
              "'total' of 'notifications/progress' is not a number"),
        TELLS(OLD, "progress", "\"progressToken\":1,\"progress\":1,\"message\":5",
              "'message' of 'notifications/progress' is not a string"),
        TELLS("2024-11-05", "progress",
              "\"progressToken\":1,\"progress\":1,\"message\":5", NULL),
        TELLS(OLD, "x", "\"_meta\":5", "'_meta' of 'notifications/x'"),
    };
    CHECK(rows);
}

static void knows_when_nobody_asked_for_log_messages(void **state)
{
    (void)state;
    static const struct row rows[] = {
        TELLS(OLD, "message", LEVEL("info"), NULL),
        TELLS(NEW, "message", LEVEL("info"), "which nobody asked for"),
    };
    check_rows(rows, ARRAY_SIZE(rows), true);
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
        cmocka_unit_test(knows_the_members_of_contents),
        cmocka_unit_test(knows_the_members_of_tools),
        cmocka_unit_test(knows_what_may_be_cached_and_asked_for),
        cmocka_unit_test(knows_the_members_of_the_handshakes),
        cmocka_unit_test(knows_who_may_ask_what),
        cmocka_unit_test(knows_who_may_tell_what),
        cmocka_unit_test(knows_when_nobody_asked_for_log_messages),
        cmocka_unit_test(finds_the_newest_revision_that_both_know),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
