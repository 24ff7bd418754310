/* Lists over several pages, and what a server says of its revisions and its tools. */
#include "base/limits.h"
#include "harness/tests/mcp_fixture.h"

#define NEW "\"2026-07-28\""
#define SESSION(id) FAKE_JSON "\r\nMcp-Session-Id: " id

static int list(struct fixture *x)
{
    err_clear(&x->err);
    return mcp_list_tools(x->client, &x->answer, &x->err);
}

static void begins_a_list_anew_in_a_new_session(void **state)
{
    struct fixture *x = *state;
    static const struct fake_reply script[] = {
        {SESSION("one"), INIT("2025-11-25"), NULL},
        ACCEPTED,
        {FAKE_JSON, RESULT("{\"tools\":[" TOOL("a") "],\"nextCursor\":\"old\"}"), NULL},
        {"404 Not Found", "gone", NULL},
        {SESSION("two"), INIT("2025-11-25"), NULL},
        ACCEPTED,
        {FAKE_JSON, RESULT("{\"tools\":[" TOOL("a") "],\"nextCursor\":\"new\"}"), NULL},
        {FAKE_JSON, RESULT("{\"tools\":[" TOOL("b") "]}"), NULL},
    };
    open_fake(x, script, ARRAY_SIZE(script), NULL);
    initialize(x);
    if (list(x))
        fail_msg("%s", x->err.text);
    assert_int_equal(x->answer.outcome, MCP_OK);
    assert_int_equal(json_array_size(json_object_get(x->answer.result, "tools")), 2);
    assert_int_equal(fake_count(requests(x), "\"cursor\":\"old\""), 1);
    assert_int_equal(fake_count(x->requests, "\"cursor\":\"new\""), 1);
}

static void gives_up_a_list_whose_session_is_lost_again(void **state)
{
    struct fixture *x = *state;
    static const struct fake_reply script[] = {
        {SESSION("one"), INIT("2025-11-25"), NULL},
        ACCEPTED,
        {"404 Not Found", "gone", NULL},
        {SESSION("two"), INIT("2025-11-25"), NULL},
        ACCEPTED,
        {"404 Not Found", "gone", NULL},
    };
    open_fake(x, script, ARRAY_SIZE(script), NULL);
    initialize(x);
    assert_int_equal(list(x), 0);
    assert_int_equal(x->answer.outcome, MCP_HTTP_ERROR);
    assert_int_equal(x->answer.http_status, 404);
    assert_int_equal(fake_count(requests(x), "\"tools/list\""), 2);
    assert_int_equal(fake_count(x->requests, "\"method\":\"initialize\""), 2);
}

/* Every page is another one and comes in time; there is no last. */
static void reads_a_list_within_one_deadline(void **state)
{
    struct fixture *x = *state;
    struct mcp_options opt = {.revision = MCP_LATEST, .timeout_ms = 400};
    open_shell(x,
               "n=0; while read a; do n=$((n+1)); id=${a#*\\\"id\\\":}; timeout 0.1 "
               "tail -f /dev/null; echo \"{\\\"jsonrpc\\\":\\\"2.0\\\",\\\"id\\\":"
               "${id%%,*},\\\"result\\\":{\\\"tools\\\":[],\\\"nextCursor\\\":"
               "\\\"$n\\\"}}\"; [ $n = 40 ] && exit; done",
               &opt);
    assert_int_equal(list(x), -1);
    assert_int_equal(x->err.kind, ERR_TIMEOUT);
}

static void reads_no_more_than_one_body_for_a_list(void **state)
{
    struct fixture *x = *state;
    CLEANUP(buf_release) struct buf page = BUF_INIT(MIB(8));
    buf_adds(&page, "{\"jsonrpc\":\"2.0\",\"id\":$ID,\"result\":{\"tools\":[],\"x\":\"");
    while (page.len < MIB(7))
        buf_adds(&page,
                 "0123456789012345678901234567890123456789012345678901234567890123");
    buf_adds(&page, "\",\"nextCursor\":\"$ID\"}}");
    const struct fake_reply script[] = {{FAKE_JSON, page.data, NULL}};
    open_fake(x, script, ARRAY_SIZE(script), NULL);
    assert_int_equal(list(x), -1);
    assert_int_equal(x->err.kind, ERR_SHAPE);
    assert_non_null(strstr(x->err.text, "tools/list has more than 67108864 bytes"));
}

static void does_not_call_a_tool_whose_headers_it_cannot_know(void **state)
{
    struct fixture *x = *state;
    static const struct fake_reply script[] = {
        {BAD_REQUEST, ERROR("-32020", ""), NULL},
        {FAKE_JSON,
         RESULT(
             "{" META ",\"tools\":[{\"name\":\"t\",\"inputSchema\":{\"type\":\"object\","
             "\"properties\":{\"a\":{\"type\":\"number\",\"x-mcp-header\":\"A\"}}}}]}"),
         NULL},
        {BAD_REQUEST, ERROR("-32020", ""), NULL},
    };
    open_fake(x, script, ARRAY_SIZE(script), &modern);
    assert_int_equal(mcp_call_tool(x->client, "t", NULL, &x->answer, &x->err), -1);
    assert_int_equal(x->err.kind, ERR_SHAPE);
    assert_non_null(strstr(x->err.text, "'x-mcp-header'"));
    assert_int_equal(fake_count(requests(x), "\"tools/call\""), 1);
}

static void ends_with_words_at_a_server_of_unknown_revisions(void **state)
{
    struct fixture *x = *state;
    static const struct fake_reply script[] = {
        {FAKE_JSON, DISCOVERED("[\"2031-01-01\"]"), NULL}};
    open_fake(x, script, ARRAY_SIZE(script), &any_era);
    assert_int_equal(mcp_initialize(x->client, &x->answer, &x->err), -1);
    assert_int_equal(x->err.kind, ERR_SHAPE);
    assert_non_null(strstr(x->err.text, "server 'fake' supports protocol revisions "
                                        "[\"2031-01-01\"]; known are 2024-11-05"));
    assert_null(mcp_revision(x->client));
}

static void names_the_revisions_that_initialize_may_answer(void **state)
{
    struct fixture *x = *state;
    static const struct fake_reply script[] = {{FAKE_JSON, INIT("2026-07-28"), NULL}};
    open_fake(x, script, ARRAY_SIZE(script), NULL);
    assert_int_equal(mcp_initialize(x->client, &x->answer, &x->err), -1);
    assert_non_null(strstr(x->err.text, "'2026-07-28'; known are 2024-11-05, 2025-03-26, "
                                        "2025-06-18 and 2025-11-25"));
    assert_null(strstr(x->err.text, "and 2026-07-28"));
}

#define DECLARES(name)                                                                   \
    "{\"name\":\"" name "\",\"inputSchema\":{\"type\":\"object\"},\"outputSchema\":{"    \
    "\"type\":\"object\",\"properties\":{\"n\":{\"type\":\"integer\"}},\"required\":["   \
    "\"n\"]}}"
#define GIVEN(more)                                                                      \
    {                                                                                    \
        FAKE_JSON, RESULT("{\"content\":[]" more "}"), NULL                              \
    }

static void call(struct fixture *x, const char *tool)
{
    if (mcp_call_tool(x->client, tool, NULL, &x->answer, &x->err))
        fail_msg("%s", x->err.text);
}

static void holds_results_against_what_the_tool_declared(void **state)
{
    struct fixture *x = *state;
    static const struct fake_reply script[] = {
        {FAKE_JSON, INIT("2025-11-25"), NULL},
        ACCEPTED,
        {FAKE_JSON, RESULT("{\"tools\":[" DECLARES("t") "," TOOL("free") "]}"), NULL},
        GIVEN(",\"structuredContent\":{\"n\":1}"),
        GIVEN(",\"isError\":true"),
        {FAKE_JSON, RESULT("{\"content\":[]}"), NULL},
        GIVEN(",\"structuredContent\":{\"n\":\"1\"}"),
        GIVEN(""),
    };
    open_fake(x, script, ARRAY_SIZE(script), NULL);
    initialize(x);
    assert_int_equal(list(x), 0);
    call(x, "t");
    call(x, "t");
    assert_int_equal(x->answer.outcome, MCP_TOOL_ERROR);
    call(x, "free");
    assert_int_equal(mcp_findings(x->client)->n, 0);
    call(x, "t");
    has_found_only(x, "the 'structuredContent' of tool 't' is not what its "
                      "'outputSchema' says: 'n': Expected integer");
    call(x, "t");
    has_found(x, "tool 't' declares an 'outputSchema' and answers without "
                 "'structuredContent'");
}

static void asks_for_no_structure_of_a_revision_that_has_none(void **state)
{
    struct fixture *x = *state;
    static const struct fake_reply script[] = {
        {FAKE_JSON, INIT("2025-03-26"), NULL},
        ACCEPTED,
        {FAKE_JSON, RESULT("{\"tools\":[" DECLARES("t") "]}"), NULL},
        GIVEN(""),
    };
    open_fake(x, script, ARRAY_SIZE(script), NULL);
    initialize(x);
    assert_int_equal(list(x), 0);
    call(x, "t");
    assert_int_equal(mcp_findings(x->client)->n, 0);
}

#define PAGE(scope, tool, more)                                                          \
    {                                                                                    \
        FAKE_JSON,                                                                       \
            RESULT("{\"resultType\":\"complete\",\"ttlMs\":0,\"cacheScope\":\"" scope    \
                   "\",\"tools\":[" TOOL(tool) "]" more "}"),                            \
            NULL                                                                         \
    }

static void finds_a_list_whose_pages_do_not_agree(void **state)
{
    struct fixture *x = *state;
    static const struct fake_reply script[] = {
        PAGE("private", "a", ",\"nextCursor\":\"2\""),
        PAGE("private", "b", ",\"nextCursor\":\"3\""),
        PAGE("private", "c", ""),
        PAGE("private", "a", ",\"nextCursor\":\"2\""),
        PAGE("public", "a", ""),
    };
    open_fake(x, script, ARRAY_SIZE(script), &modern);
    assert_int_equal(list(x), 0);
    assert_int_equal(mcp_findings(x->client)->n, 0);
    assert_int_equal(list(x), 0);
    has_found(x, "'cacheScope' is 'private' on one page and 'public' on another");
    has_found(x, "tools/list: tool 'a' is listed twice");
    assert_int_equal(mcp_findings(x->client)->n, 2);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(begins_a_list_anew_in_a_new_session),
        T(gives_up_a_list_whose_session_is_lost_again),
        T(reads_a_list_within_one_deadline),
        T(reads_no_more_than_one_body_for_a_list),
        T(does_not_call_a_tool_whose_headers_it_cannot_know),
        T(ends_with_words_at_a_server_of_unknown_revisions),
        T(names_the_revisions_that_initialize_may_answer),
        T(holds_results_against_what_the_tool_declared),
        T(asks_for_no_structure_of_a_revision_that_has_none),
        T(finds_a_list_whose_pages_do_not_agree),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
