/* Which request an answer belongs to: late ones, foreign ones, errors without an id, and
 * progress. */
#include "harness/tests/mcp_fixture.h"

#define SAY(frame) "echo '" frame "';"
#define OK(id) SAY("{\"jsonrpc\":\"2.0\",\"id\":" id ",\"result\":{\"ok\":true}}")
#define PROGRESS(token)                                                                  \
    "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/progress\",\"params\":{"            \
    "\"progressToken\":" token ",\"progress\":1}}"
#define DRAIN "cat >/dev/null"

static void judges_a_late_answer_by_its_own_request(void **state)
{
    struct fixture *x = *state;
    open_shell(
        x,
        "read a; read b;" SAY(
            "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{\"resultType\":\"complete\","
            "\"supportedVersions\":[\"2026-07-28\",\"2025-11-25\"],\"capabilities\":{},"
            "\"ttlMs\":0,\"cacheScope\":\"public\"}}")
            SAY("{\"jsonrpc\":\"2.0\",\"id\":2,\"result\":{\"protocolVersion\":"
                "\"2025-11-25\",\"capabilities\":{},\"serverInfo\":{\"name\":\"slow\","
                "\"version\":\"1\"}}}") DRAIN,
        &any_era);
    initialize(x);
    assert_string_equal(mcp_revision(x->client), "2025-11-25");
    assert_int_equal(mcp_findings(x->client)->n, 0);
}

static void takes_the_token_of_whoever_sets_it(void **state)
{
    struct fixture *x = *state;
    open_shell(x,
               "read a;" SAY(PROGRESS("\"mine\""))
                   OK("1") "read b;" SAY(PROGRESS("\"raw\""))
                       OK("\"r\"") "read c;" SAY(PROGRESS("\"mine\"")) OK("2") DRAIN,
               NULL);
    CLEANUP(json_drop)
    json_t *params = json_make("{s:{s:s}}", "_meta", "progressToken", "mine");
    if (mcp_request(x->client, "x/y", params, &x->answer, &x->err) ||
        mcp_send_text(x->client,
                      "{\"jsonrpc\":\"2.0\",\"id\":\"r\",\"method\":\"x/y\",\"params\":{"
                      "\"_meta\":{\"progressToken\":\"raw\"}}}",
                      &x->answer, &x->err))
        fail_msg("%s", x->err.text);
    is_answered(x); /* the progress of the first was only late */
    assert_int_equal(mcp_findings(x->client)->n, 0);
}

static void says_that_nobody_asked_for_progress(void **state)
{
    struct fixture *x = *state;
    open_shell(x, "read a;" SAY(PROGRESS("7")) OK("1") DRAIN, NULL);
    is_answered(x);
    has_found_only(x, "progress of a request that did not ask for it");
}

static void refuses_a_second_answer(void **state)
{
    struct fixture *x = *state;
    open_shell(x, "read a;" OK("1") "read b;" OK("1") OK("2") DRAIN, NULL);
    is_answered(x);
    assert_int_equal(ask(x), -1);
    assert_int_equal(x->err.kind, ERR_SHAPE);
    assert_non_null(strstr(x->err.text, "answered id 1, which was answered already"));
    has_found_only(x, "an answer to id 1, which was answered already");
}

static void refuses_an_answer_to_a_lower_id_that_was_never_asked(void **state)
{
    struct fixture *x = *state;
    open_shell(x, "read a;" OK("0") OK("1") DRAIN, NULL);
    assert_int_equal(ask(x), -1);
    assert_int_equal(x->err.kind, ERR_SHAPE);
    has_found_only(x, "an answer to id 0, which was never asked");
}

static void tells_an_error_without_an_id_from_its_answer(void **state)
{
    struct fixture *x = *state;
    open_shell(
        x,
        "read a;" SAY("{\"jsonrpc\":\"2.0\",\"error\":{\"code\":-32601,\"message\":"
                      "\"what?\"}}") OK("1") DRAIN,
        NULL);
    is_answered(x);
    has_found_only(x, "x/y: an error that does not say which request it answers");
}

static void takes_an_error_without_an_id_when_nothing_else_comes(void **state)
{
    struct fixture *x = *state;
    open_shell(
        x,
        "read a;" SAY("{\"jsonrpc\":\"2.0\",\"error\":{\"code\":-32601,\"message\":"
                      "\"what?\"}}") DRAIN,
        NULL);
    assert_int_equal(ask(x), 0);
    assert_int_equal(x->answer.outcome, MCP_RPC_ERROR);
    assert_int_equal(x->answer.rpc_code, -32601);
    has_found_only(x, "x/y: an error that does not say which request it answers");
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(judges_a_late_answer_by_its_own_request),
        T(takes_the_token_of_whoever_sets_it),
        T(says_that_nobody_asked_for_progress),
        T(refuses_a_second_answer),
        T(refuses_an_answer_to_a_lower_id_that_was_never_asked),
        T(tells_an_error_without_an_id_from_its_answer),
        T(takes_an_error_without_an_id_when_nothing_else_comes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
