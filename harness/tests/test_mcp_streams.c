/* Event streams that answer a request: what is in them, where they go on, and what stands
 * in for an answer. */
#include "base/limits.h"
#include "harness/tests/mcp_fixture.h"

#define NOTE "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/message\"}"
#define STREAMED(result) "data: " RESULT(result) "\n\n"

static void does_not_resume_after_its_deadline(void **state)
{
    struct fixture *x = *state;
    static const struct fake_reply script[] = {
        {FAKE_SSE, "id: 1\nretry: 9223372036854775807\ndata:\n\n", NULL}};
    struct mcp_options opt = {.revision = MCP_LATEST, .timeout_ms = 2000};
    open_fake(x, script, ARRAY_SIZE(script), &opt);
    assert_int_equal(ask(x), -1);
    assert_int_equal(x->err.kind, ERR_TIMEOUT);
    assert_int_equal(fake_count(requests(x), "GET / "), 0);
}

static void passes_over_events_of_another_kind(void **state)
{
    struct fixture *x = *state;
    static const struct fake_reply script[] = {
        {FAKE_SSE,
         "event: ping\ndata: 2026-01-01\n\nevent: message\n" STREAMED("{\"ok\":true}"),
         NULL}};
    open_fake(x, script, ARRAY_SIZE(script), NULL);
    is_answered(x);
    assert_int_equal(mcp_findings(x->client)->n, 0);
}

static void reads_an_event_as_long_as_a_body(void **state)
{
    struct fixture *x = *state;
    CLEANUP(buf_release) struct buf body = BUF_INIT(MIB(16));
    buf_adds(&body,
             "data: {\"jsonrpc\":\"2.0\",\"id\":$ID,\"result\":{\"ok\":true,\"x\":\"");
    while (body.len < MIB(9))
        buf_adds(&body,
                 "0123456789012345678901234567890123456789012345678901234567890123");
    buf_adds(&body, "\"}}\n\n");
    const struct fake_reply script[] = {{FAKE_SSE, body.data, NULL}};
    open_fake(x, script, ARRAY_SIZE(script), NULL);
    is_answered(x);
}

static void does_not_resume_from_part_of_an_id(void **state)
{
    struct fixture *x = *state;
    CLEANUP(buf_release) struct buf body = BUF_INIT(KIB(8));
    buf_adds(&body, "id: ");
    while (body.len < KIB(5))
        buf_addc(&body, 'x');
    buf_adds(&body, "\nretry: 1\ndata:\n\n");
    const struct fake_reply script[] = {{FAKE_SSE, body.data, NULL}};
    open_fake(x, script, ARRAY_SIZE(script), NULL);
    assert_int_equal(ask(x), -1);
    assert_int_equal(x->err.kind, ERR_SHAPE);
    assert_int_equal(fake_count(requests(x), "GET / "), 0);
}

static void tries_again_when_a_stream_cannot_be_resumed_at_once(void **state)
{
    struct fixture *x = *state;
    static const struct fake_reply script[] = {
        {FAKE_SSE, "id: 1\nretry: 1\ndata:\n\n", NULL},
        {"", "", NULL}, /* no answer at all */
        {FAKE_SSE, "data: {\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{\"ok\":true}}\n\n",
         NULL},
    };
    open_fake(x, script, ARRAY_SIZE(script), NULL);
    is_answered(x);
    assert_int_equal(fake_count(requests(x), "Last-Event-ID: 1\r\n"), 2);
}

static void forgets_its_position_when_it_is_told_to(void **state)
{
    struct fixture *x = *state;
    static const struct fake_reply script[] = {
        {FAKE_SSE, "id: 1\nretry: 1\ndata:\n\n", NULL},
        {FAKE_SSE, "id:\ndata: " NOTE "\n\n", NULL},
    };
    open_fake(x, script, ARRAY_SIZE(script), NULL);
    assert_int_equal(ask(x), -1);
    assert_int_equal(x->err.kind, ERR_SHAPE);
    assert_int_equal(fake_count(requests(x), "GET / "), 1);
}

/* ---- refusals ---- */

static void says(const struct fixture *x, const char *words)
{
    CLEANUP(buf_release) struct buf out = BUF_INIT(KIB(4));
    mcp_answer_words(&x->answer, &out);
    assert_string_equal(out.data, words);
}

static void judges_what_a_refusal_says(void **state)
{
    struct fixture *x = *state;
    static const struct fake_reply script[] = {
        {BAD_REQUEST, "{\"jsonrpc\":\"2.0\",\"id\":$ID,\"error\":{\"code\":\"x\"}}",
         NULL},
        {BAD_REQUEST,
         "{\"jsonrpc\":\"2.0\",\"id\":99,\"error\":{\"code\":-32602,\"message\":\"m\"}}",
         NULL},
    };
    open_fake(x, script, ARRAY_SIZE(script), NULL);
    assert_int_equal(ask(x), 0);
    assert_int_equal(x->answer.outcome, MCP_HTTP_ERROR);
    has_found(x, "x/y: the code of the error is not an integer");
    assert_int_equal(ask(x), 0);
    assert_int_equal(x->answer.outcome, MCP_RPC_ERROR);
    has_found(x, "HTTP 400 with an answer to another id");
}

static void leaves_a_refusal_alone_that_is_no_json_rpc(void **state)
{
    struct fixture *x = *state;
    static const struct fake_reply script[] = {{BAD_REQUEST, "{\"error\":\"no\"}", NULL}};
    open_fake(x, script, ARRAY_SIZE(script), NULL);
    assert_int_equal(ask(x), 0);
    assert_int_equal(x->answer.outcome, MCP_HTTP_ERROR);
    assert_int_equal(mcp_findings(x->client)->n, 0);
}

static void says_why_the_end_of_the_handshake_is_refused(void **state)
{
    struct fixture *x = *state;
    static const struct fake_reply script[] = {
        {FAKE_JSON, INIT("2025-11-25"), NULL},
        {"401 Unauthorized\r\nWWW-Authenticate: Bearer error=\"invalid_token\"", "",
         NULL},
    };
    open_fake(x, script, ARRAY_SIZE(script), NULL);
    if (mcp_initialize(x->client, &x->answer, &x->err))
        fail_msg("%s", x->err.text);
    assert_int_equal(x->answer.outcome, MCP_HTTP_ERROR);
    says(x, "HTTP 401: the server wants a token of scheme Bearer; error invalid_token");
}

static void does_not_wait_for_a_stream_after_a_notification(void **state)
{
    struct fixture *x = *state;
    static const struct fake_reply script[] = {
        {FAKE_JSON, INIT("2025-11-25"), NULL},
        {FAKE_SSE, "", FAKE_HOLD},
        {FAKE_JSON, RESULT("{\"ok\":true}"), NULL},
    };
    open_fake(x, script, ARRAY_SIZE(script), NULL);
    initialize(x);
    has_found(x, "a notification was answered with HTTP 200 and an event stream");
    is_answered(x);
}

static void reads_every_challenge(void **state)
{
    struct fixture *x = *state;
    static const struct fake_reply script[] = {
        {"401 Unauthorized\r\nWWW-Authenticate: Basic realm=\"a, Bearer b\"\r\n"
         "WWW-Authenticate: Digest error=\"theirs\", bearer scope=\"a, \\\"b\\\"\" , "
         "resource_metadata = http://h/x, Negotiate error=other",
         "", NULL},
    };
    open_fake(x, script, ARRAY_SIZE(script), NULL);
    assert_int_equal(ask(x), 0);
    says(x, "HTTP 401: the server wants a token of scheme bearer; scope a, \"b\"; how to "
            "get one: http://h/x");
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(does_not_resume_after_its_deadline),
        T(passes_over_events_of_another_kind),
        T(reads_an_event_as_long_as_a_body),
        T(does_not_resume_from_part_of_an_id),
        T(tries_again_when_a_stream_cannot_be_resumed_at_once),
        T(forgets_its_position_when_it_is_told_to),
        T(judges_what_a_refusal_says),
        T(leaves_a_refusal_alone_that_is_no_json_rpc),
        T(says_why_the_end_of_the_handshake_is_refused),
        T(does_not_wait_for_a_stream_after_a_notification),
        T(reads_every_challenge),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
