/* Expectations that speak of MCP. */
#include "harness/tests/match_fixture.h"

#define MAKE                                                                             \
    "{\"name\":\"make\",\"description\":\"It makes a "                                   \
    "thing.\",\"inputSchema\":{\"type\":"                                                \
    "\"object\",\"required\":[\"size\",\"name\"],\"properties\":{\"name\":{\"type\":"    \
    "\"string\",\"minLength\":1}}},\"annotations\":{\"destructiveHint\":false}}"
#define HELLO "{\"name\":\"hello\",\"inputSchema\":{}}"
#define TOOLS(list) "{\"tools\":[" list "]}"

static void rpc_error_is(struct fixture *f, int code, const char *message)
{
    f->obs.has_rpc_error = true;
    f->obs.rpc_code = code;
    f->obs.rpc_message = message;
}

static void an_error_of_either_kind_is_an_mcp_error(void **state)
{
    struct fixture *f = *state;

    rpc_error_is(f, -32602, "tool x not found");
    assert_pass(f, "mcp-error");
    assert_pass(f, "mcp-error-any");
    f->obs.has_rpc_error = false;
    f->obs.is_error = 1;
    body_is(f, "MCP error -32602: Tool x not found");
    assert_pass(f, "mcp-error");
    assert_pass(f, "mcp-error-any");
    assert_fail(f, "mcp-error-none", "no error, neither of JSON-RPC nor of the tool",
                "an error of the tool: MCP error -32602: Tool x not found");
    body_is(f, "it was not found");
    assert_fail(
        f, "mcp-error",
        "an error of JSON-RPC or of the tool with code equals -32602 with message "
        "contains \"not found\"",
        "an error of the tool: it was not found");
}

static void a_result_is_no_mcp_error_whatever_it_says(void **state)
{
    struct fixture *f = *state;

    f->obs.is_error = 0;
    body_is(f, "MCP error -32602: Tool x not found");
    assert_fail(f, "mcp-error-any", "an error of JSON-RPC or of the tool",
                "a result of the tool: MCP error -32602: Tool x not found");
    assert_pass(f, "mcp-error-none");
}

static void a_status_is_only_there_over_http(void **state)
{
    struct fixture *f = *state;

    assert_fail(f, "http-status", "HTTP status one_of [200,202]",
                "no HTTP status: the server was not asked over HTTP");
    status_is(f, 202);
    assert_pass(f, "http-status");
}

static void a_server_that_ended_can_be_expected_and_nothing_else_of_it(void **state)
{
    struct fixture *f = *state;

    f->obs.ended = true;
    f->obs.unfit = "'npx' ended with exit code 1 before it answered";
    assert_pass(f, "ended");
    assert_fail(f, "mcp-error-none", "no error, neither of JSON-RPC nor of the tool",
                "'npx' ended with exit code 1 before it answered");
    f->obs.unfit = "'npx' ended with exit code 2 before it answered";
    assert_fail(f, "ended", "the server ends before it answers: contains \"exit code 1\"",
                "'npx' ended with exit code 2 before it answered");
    f->obs.ended = false;
    f->obs.unfit = NULL;
    answer_is(f, "{\"tools\":[]}");
    assert_fail(f, "ended", "the server ends before it answers: contains \"exit code 1\"",
                "it did not end; {\"tools\":[]}");
}

static void an_answer_that_is_none_fails_and_its_findings_count(void **state)
{
    struct fixture *f = *state;
    char one[] = "tool 'x' has no 'inputSchema' object";
    char *v[] = {one, NULL};
    struct strv findings = {.v = v, .n = 1, .cap = 0};

    f->obs.unfit = "result of 'tools/list': tool 'x' has no 'inputSchema' object";
    f->obs.findings = &findings;
    assert_fail(f, "mcp-error-none", "no error, neither of JSON-RPC nor of the tool",
                f->obs.unfit);
    assert_fail(f, "frames-valid", "frames as the revision has them", one);
    assert_pass(f, "frames-broken");
    findings.n = 0;
    assert_fail(f, "frames-valid", "frames as the revision has them", f->obs.unfit);
    assert_fail(f, "frames-broken", "frames that break the revision's rules",
                f->obs.unfit);
    f->obs.findings = NULL;
    f->obs.unfit = NULL;
}

static void finds_a_tool_by_its_name(void **state)
{
    struct fixture *f = *state;

    answer_is(f, TOOLS(MAKE "," HELLO));
    assert_pass(f, "tool");
    answer_is(f, TOOLS(MAKE));
    assert_fail(f, "tool", "tool \"hello\"", "1 tool: make");
    answer_is(f, "{\"content\":[]}");
    assert_fail(f, "tool", "tool \"hello\"", "no list of tools; {\"content\":[]}");
}

static void wants_parts_of_a_tool_and_no_more(void **state)
{
    struct fixture *f = *state;

    answer_is(f, TOOLS(HELLO "," MAKE));
    assert_pass(f, "tool-more");
}

static void says_which_part_of_a_tool_is_another(void **state)
{
    struct fixture *f = *state;

    answer_is(f, TOOLS("{\"name\":\"make\",\"description\":\"makes a thing\","
                       "\"inputSchema\":{\"required\":[\"size\"]}}"));
    match(f, "tool-more");
    assert_int_equal(f->out.v[0].verdict, MATCH_FAIL);
    assert_string_equal(f->out.v[0].actual, "inputSchema.required is [\"size\"]");
    answer_is(f, TOOLS("{\"name\":\"make\",\"description\":\"breaks\",\"inputSchema\":{"
                       "\"required\":[\"name\"],\"properties\":{\"name\":{\"type\":"
                       "\"string\"}}},\"annotations\":{\"destructiveHint\":false}}"));
    match(f, "tool-more");
    assert_int_equal(f->out.v[0].verdict, MATCH_FAIL);
    assert_string_equal(f->out.v[0].actual, "description is \"breaks\"");
}

static void compares_the_names_of_tools(void **state)
{
    struct fixture *f = *state;

    answer_is(f, TOOLS(HELLO "," MAKE));
    assert_pass(f, "tools-exactly");
    match(f, "tools-some");
    assert_string_equal(f->out.v[0].actual,
                        "listed, but not to be: hello; 2 tools: hello, make");
    answer_is(f, TOOLS(MAKE ",{\"name\":\"other\"}"));
    assert_pass(f, "tools-some");
    match(f, "tools-exactly");
    assert_int_equal(f->out.v[0].verdict, MATCH_FAIL);
    assert_string_equal(f->out.v[0].actual,
                        "missing: hello; not expected: other; 2 tools: make, other");
    answer_is(f, TOOLS(HELLO "," HELLO "," MAKE));
    match(f, "tools-exactly");
    assert_int_equal(f->out.v[0].verdict, MATCH_FAIL);
    assert_string_equal(f->out.v[0].actual,
                        "a name is listed twice; 3 tools: hello, hello, make");
}

static void compares_the_surface_with_a_file(void **state)
{
    struct fixture *f = *state;

    answer_is(f, TOOLS("{\"name\":\"make\",\"description\":\"makes a thing\","
                       "\"inputSchema\":{\"type\":\"object\",\"properties\":{\"name\":{"
                       "\"type\":\"string\"}}}}"));
    assert_pass(f, "tools-match");
    answer_is(f, TOOLS("{\"name\":\"make\",\"description\":\"makes a thing\","
                       "\"inputSchema\":{\"type\":\"object\",\"properties\":{\"name\":{"
                       "\"type\":\"integer\"}}}}," HELLO));
    match(f, "tools-match");
    assert_int_equal(f->out.v[0].verdict, MATCH_FAIL);
    assert_non_null(strstr(f->out.v[0].actual, "+ tool 'hello'"));
    assert_non_null(strstr(f->out.v[0].actual,
                           "inputSchema.properties.name.type: \"string\" is now"));
}

static void findings_are_what_frames_broke(void **state)
{
    struct fixture *f = *state;
    char one[] = "a result without an 'id'";
    char *v[] = {one, NULL};
    struct strv findings = {.v = v, .n = 0, .cap = 0};

    assert_fail(f, "frames-valid", "frames as the revision has them",
                "no frames: not an MCP step");
    f->obs.findings = &findings;
    assert_pass(f, "frames-valid");
    findings.n = 1;
    assert_fail(f, "frames-valid", "frames as the revision has them", one);
    assert_pass(f, "frames-broken");
    f->obs.findings = NULL;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(an_error_of_either_kind_is_an_mcp_error),
        T(a_result_is_no_mcp_error_whatever_it_says),
        T(a_status_is_only_there_over_http),
        T(a_server_that_ended_can_be_expected_and_nothing_else_of_it),
        T(an_answer_that_is_none_fails_and_its_findings_count),
        T(finds_a_tool_by_its_name),
        T(wants_parts_of_a_tool_and_no_more),
        T(says_which_part_of_a_tool_is_another),
        T(compares_the_names_of_tools),
        T(compares_the_surface_with_a_file),
        T(findings_are_what_frames_broke),
    };
    return cmocka_run_group_tests(tests, setup_once, teardown_once);
}
