/* A message that goes out as it was written: the step `raw: {text: ...}`. */
#include "harness/tests/mcp_fixture.h"

static void send_text(struct fixture *x, const char *text)
{
    if (mcp_send_text(x->client, text, &x->answer, &x->err))
        fail_msg("%s", x->err.text);
}

static void sends_it_to_the_letter(void **state)
{
    struct fixture *x = *state;
    static const struct fake_reply script[] = {
        {"400 Bad Request\r\nContent-Type: text/plain", "no such thing", NULL}};
    open_fake(x, script, ARRAY_SIZE(script), NULL);
    send_text(x, "{\"jsonrpc\": \"2.0\",  \"id\": 1.5}");
    assert_int_equal(x->answer.outcome, MCP_HTTP_ERROR);
    assert_int_equal(x->answer.http_status, 400);
    assert_string_equal(x->answer.http_body, "no such thing");
    assert_int_equal(fake_count(requests(x), "{\"jsonrpc\": \"2.0\",  \"id\": 1.5}"), 1);
    assert_int_equal(mcp_findings(x->client)->n, 0);
}

static void takes_the_error_without_an_id_for_its_answer(void **state)
{
    struct fixture *x = *state;
    strv_add(&x->env, "MOLECULE_MCP_MODE=management");
    open_mock(x, NULL);
    initialize(x);
    send_text(x, "{\"jsonrpc\":\"2.0\",");
    assert_int_equal(x->answer.outcome, MCP_RPC_ERROR);
    assert_int_equal(x->answer.rpc_code, -32700);
    /* What comes next is not mixed up with it. */
    assert_int_equal(mcp_request(x->client, "ping", NULL, &x->answer, &x->err), 0);
    assert_int_equal(x->answer.outcome, MCP_OK);
}

static void does_not_wait_after_a_notification_over_stdio(void **state)
{
    struct fixture *x = *state;
    open_mock(x, NULL);
    initialize(x);
    send_text(x, "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/unheard\"}");
    assert_int_equal(x->answer.outcome, MCP_OK);
    assert_null(x->answer.result);
    assert_int_equal(mcp_request(x->client, "ping", NULL, &x->answer, &x->err), 0);
    assert_int_equal(x->answer.outcome, MCP_OK);
}

static void shows_the_status_of_what_has_no_body(void **state)
{
    struct fixture *x = *state;
    static const struct fake_reply script[] = {ACCEPTED};
    open_fake(x, script, ARRAY_SIZE(script), NULL);
    send_text(x, "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/unheard\"}");
    assert_int_equal(x->answer.outcome, MCP_OK);
    assert_int_equal(x->answer.http_status, 202);
    assert_string_equal(x->answer.http_body ? x->answer.http_body : "", "");
}

static void adds_the_headers_that_the_modern_revision_wants(void **state)
{
    struct fixture *x = *state;
    static const struct fake_reply script[] = {
        {FAKE_JSON, DISCOVERED("[\"2026-07-28\"]"), NULL},
        {BAD_REQUEST, ERROR("-32602", ""), NULL}};
    open_fake(x, script, ARRAY_SIZE(script), &modern);
    initialize(x);
    send_text(x, "{\"jsonrpc\":\"2.0\",\"id\":7,\"method\":\"tools/call\","
                 "\"params\":{\"name\":\"t\"}}");
    assert_int_equal(x->answer.outcome, MCP_RPC_ERROR);
    assert_int_equal(x->answer.http_status, 400);
    const char *sent = strstr(requests(x), "Mcp-Method: tools/call\r\n");
    assert_non_null(sent);
    assert_int_equal(fake_count(sent, "Mcp-Name: t\r\n"), 1);
    /* The body has no _meta, as it was written. */
    assert_int_equal(fake_count(sent, "_meta"), 0);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(sends_it_to_the_letter),
        T(takes_the_error_without_an_id_for_its_answer),
        T(does_not_wait_after_a_notification_over_stdio),
        T(shows_the_status_of_what_has_no_body),
        T(adds_the_headers_that_the_modern_revision_wants),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
