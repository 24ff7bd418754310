/* Expectations on what any step may answer. */
#include "harness/tests/match_fixture.h"

static void compares_a_status(void **state)
{
    struct fixture *f = *state;

    status_is(f, 200);
    assert_pass(f, "status");
    assert_pass(f, "status-list");
    status_is(f, 404);
    body_is(f, "no such thing");
    assert_pass(f, "status-range");
    assert_fail(f, "status", "status equals 200", "status 404: no such thing");
    assert_fail(f, "status-list", "status one_of [200,204]", "status 404: no such thing");
    status_is(f, 500);
    assert_fail(f, "status-range", "status gte 400 and lt 500",
                "status 500: no such thing");
}

static void compares_a_header_whatever_its_case(void **state)
{
    struct fixture *f = *state;
    char one[] = "Content-Type:  application/json; charset=utf-8", two[] = "X-Other: 1";
    char *v[] = {two, one, NULL};
    struct strv headers = {.v = v, .n = 2, .cap = 0};

    f->obs.headers = &headers;
    assert_pass(f, "header");
    headers.n = 1;
    assert_fail(f, "header", "content-type: header matches \"^application/json\"",
                "nothing");
    f->obs.headers = NULL;
}

static void compares_an_answer_of_the_contract(void **state)
{
    struct fixture *f = *state;
    char type[] = "Content-Type: application/json; charset=utf-8";
    char *v[] = {type, NULL};
    struct strv headers = {.v = v, .n = 1, .cap = 0};
    struct err err = ERR_INIT;

    status_is(f, 201);
    f->obs.headers = &headers;
    body_is(f, "{\"id\":\"7c9e6679-7425-40de-944b-e07fc1f90ae7\"}");
    assert_pass(f, "contract");
    body_is(f, "{\"id\":\"x\"}");
    assert_fail(f, "contract",
                "thing-create: POST /things answers 201 {\"id\":\"<uuid>\"}",
                "$.id: expected <uuid>, came \"x\"");

    /* An answer of another profile is the scenario's error, not the product's. */
    vars_set(f->vars, "contract", json_pack("{s:s}", "name", "rfc"));
    outcomes_release(&f->out);
    int r = match_step(step_of(f, "contract-shipped"), &f->obs, f->catalogue->exprs,
                       f->vars, &f->out, &err);
    f->obs.headers = NULL;
    assert_int_equal(r, -1);
    assert_non_null(strstr(err.text, "'thing-shipped' is not of the profile 'rfc'"));
}

static void wants_true_from_a_bare_program(void **state)
{
    struct fixture *f = *state;

    answer_is(f, "{\"ok\":true}");
    assert_pass(f, "json");
    answer_is(f, "{\"ok\":1}");
    assert_fail(f, "json", ".ok", "1; the answer: {\"ok\":1}");
    answer_is(f, "{\"ok\":\"true\"}");
    assert_fail(f, "json", ".ok", "\"true\"; the answer: {\"ok\":\"true\"}");
    answer_is(f, "[1]");
    assert_fail(f, "json", ".ok",
                "jq: Cannot index array with string \"ok\"; the answer: [1]");
}

static void compares_what_a_program_yields(void **state)
{
    struct fixture *f = *state;

    answer_is(f, "{\"n\":3.0}");
    assert_pass(f, "json-of");
    assert_pass(f, "json-exists");
    assert_fail(f, "json-not-equals", ".n not_equals 3", "3");
    assert_fail(f, "json-one-of", ".n one_of [1,\"two\"]", "3");
    answer_is(f, "{\"n\":\"3\"}");
    assert_fail(f, "json-of", ".n equals 3", "\"3\"");
    answer_is(f, "{\"n\":\"two\"}");
    assert_pass(f, "json-one-of");
    answer_is(f, "{\"list\":[1,2]}");
    assert_pass(f, "json-length");
    assert_fail(f, "json-exists", ".n exists true", "null; the answer: {\"list\":[1,2]}");
    answer_is(f, "{\"list\":[1]}");
    assert_fail(f, "json-length", ".list length {\"gt\":1}", "[1]");
}

static void shows_the_values_that_stood_in_a_program(void **state)
{
    struct fixture *f = *state;

    answer_is(f, "{\"text\":\"hello, you\"}");
    assert_pass(f, "json-variable");
    answer_is(f, "{\"text\":\"bye\"}");
    assert_fail(f, "json-variable", ".text == \"hello, you\"",
                "false; the answer: {\"text\":\"bye\"}");
}

static void makes_one_check_of_each_program(void **state)
{
    struct fixture *f = *state;

    answer_is(f, "{\"a\":true,\"b\":false}");
    match(f, "json-many");
    assert_int_equal(f->out.n, 2);
    assert_string_equal(f->out.v[0].name, "json");
    assert_int_equal(f->out.v[0].verdict, MATCH_PASS);
    assert_string_equal(f->out.v[1].name, "json-2");
    assert_int_equal(f->out.v[1].verdict, MATCH_FAIL);
    assert_false(outcomes_hold(&f->out));
}

static void looks_into_texts(void **state)
{
    struct fixture *f = *state;

    body_is(f, "say hello now");
    assert_pass(f, "body");
    assert_pass(f, "bytes");
    assert_fail(f, "matches", "text matches \"^h.llo$\"", "\"say hello now\"");
    body_is(f, "hallo");
    assert_pass(f, "matches");
    assert_fail(f, "body", "body contains \"hello\"", "\"hallo\"");
    assert_fail(f, "bytes", "bytes gt 10", "5");
    f->obs.body = NULL;
    answer_is(f, "{\"content\":\"hello\",\"path\":\"x\"}");
    assert_pass(f, "body");
}

static void compares_a_reply(void **state)
{
    struct fixture *f = *state;

    f->obs.reply = "PONG.";
    assert_pass(f, "reply");
    f->obs.reply = "PONG, by the Task tool";
    assert_fail(f, "reply",
                "reply contains \"PONG\" and not_contains [\"Task\",\"Error\"]",
                "\"PONG, by the Task tool\"");
    f->obs.reply = NULL;
    status_is(f, 502);
    body_is(f, "agent unreachable");
    assert_fail(f, "reply",
                "reply contains \"PONG\" and not_contains [\"Task\",\"Error\"]",
                "no reply; status 502: agent unreachable");
}

static void a_tool_result_is_not_a_protocol_error(void **state)
{
    struct fixture *f = *state;

    f->obs.is_error = 0;
    assert_pass(f, "is-error");
    f->obs.is_error = 1;
    answer_is(f, "{\"text\":\"boom\"}");
    assert_fail(f, "is-error", "is_error equals false", "an error of the tool: boom");
    f->obs.is_error = -1;
    f->obs.has_rpc_error = true;
    f->obs.rpc_code = -32601;
    f->obs.rpc_message = "method not found";
    assert_fail(f, "is-error", "is_error equals false",
                "JSON-RPC error -32601: method not found");
    assert_pass(f, "rpc-error");
    f->obs.rpc_code = -32000;
    assert_fail(
        f, "rpc-error",
        "JSON-RPC error with code equals -32601 with message contains \"not found\"",
        "JSON-RPC error -32000: method not found");
}

static void tells_the_reasons_of_a_refusal_apart(void **state)
{
    struct fixture *f = *state;

    f->obs.tool = "create_workspace";
    f->obs.has_rpc_error = true;
    f->obs.rpc_code = -32602;
    f->obs.rpc_message = "Unknown tool: create_workspace";
    assert_int_equal(match_refusals(&f->obs), REFUSED_RPC_ERROR | REFUSED_UNKNOWN_TOOL);
    assert_pass(f, "refused");
    f->obs.rpc_message = "invalid arguments";
    assert_int_equal(match_refusals(&f->obs), REFUSED_RPC_ERROR);
    f->obs.rpc_code = -32000;
    f->obs.rpc_message = "tool call failed";
    assert_true(match_refusals(&f->obs) & REFUSED_UNKNOWN_TOOL);
    f->obs.has_rpc_error = false;
    f->obs.is_error = 1;
    answer_is(f, "{\"text\":\"Tool create_workspace not found\"}");
    assert_int_equal(match_refusals(&f->obs), REFUSED_IS_ERROR | REFUSED_UNKNOWN_TOOL);
    answer_is(f, "{\"text\":\"workspace not found\"}");
    assert_int_equal(match_refusals(&f->obs), REFUSED_IS_ERROR);
}

static void tells_a_missing_server_from_a_missing_page(void **state)
{
    struct fixture *f = *state;

    status_is(f, 404);
    assert_int_equal(match_refusals(&f->obs), REFUSED_HTTP_404);
    f->obs.gateway = true;
    assert_int_equal(match_refusals(&f->obs), REFUSED_NO_SUCH_SERVER);
    assert_pass(f, "refused");
    status_is(f, 403);
    assert_fail(f, "refused-401", "refused as http_401",
                "refused as http_403; status 403: nothing");
    status_is(f, 200);
    body_is(f, "[]");
    assert_fail(f, "refused-401", "refused as http_401", "not refused; status 200: []");
}

static void measures_time_and_absence_and_count(void **state)
{
    struct fixture *f = *state;

    f->obs.elapsed_ms = 1999;
    assert_pass(f, "took");
    f->obs.elapsed_ms = 2000;
    match(f, "took");
    assert_int_equal(f->out.v[0].verdict, MATCH_FAIL);
    status_is(f, 404);
    assert_pass(f, "absent");
    f->obs.absent = 0;
    match(f, "absent");
    assert_int_equal(f->out.v[0].verdict, MATCH_FAIL);
    answer_is(f, "[1,2]");
    assert_pass(f, "count");
    answer_is(f, "{\"tools\":[1,2,3]}");
    assert_fail(f, "count", "count equals 2", "3");
}

static void finds_a_secret_wherever_it_is(void **state)
{
    struct fixture *f = *state;

    answer_is(f, "{\"env\":{\"TOKEN\":\"another\"}}");
    assert_pass(f, "no-secret");
    answer_is(f, "{\"env\":{\"TOKEN\":\"the-workers-token\"}}");
    assert_fail(f, "no-secret", "no secret of this run", "worker.token is in the answer");
    answer_is(f, "{}");
    f->obs.reply = "it is the-workers-token, keep it";
    assert_fail(f, "no-secret", "no secret of this run", "worker.token is in the reply");
}

static void what_could_not_be_read_is_broken_never_failed(void **state)
{
    static const char *const ids[] = {"status",    "json",   "json-of", "body",
                                      "is-error",  "absent", "reply",   "refused",
                                      "no-secret", "count"};
    struct fixture *f = *state;

    f->obs.broken = "cannot connect to 127.0.0.1:1";
    for (size_t i = 0; i < ARRAY_SIZE(ids); i++) {
        match(f, ids[i]);
        assert_int_equal(f->out.v[0].verdict, MATCH_BROKEN);
        assert_string_equal(f->out.v[0].actual, "cannot connect to 127.0.0.1:1");
    }
    assert_int_equal(match_refusals(&f->obs), 0);
}

static void names_checks_after_their_groups(void **state)
{
    static const char *const names[] = {"says hello", "both: status", "both: body",
                                        "status", "status-2"};
    struct fixture *f = *state;

    status_is(f, 200);
    body_is(f, "hello");
    match(f, "named");
    assert_int_equal(f->out.n, ARRAY_SIZE(names));
    for (size_t i = 0; i < ARRAY_SIZE(names); i++)
        assert_string_equal(f->out.v[i].name, names[i]);
    assert_int_equal(f->out.v[0].line, 38);
    assert_int_equal(f->out.v[2].line, 41);
}

static void cuts_what_is_too_long_to_read(void **state)
{
    struct fixture *f = *state;
    char *body = xmalloc(9001);

    memset(body, 'x', 9000);
    body[9000] = '\0';
    body_is(f, body);
    match(f, "body");
    free(body);
    assert_int_equal(f->out.v[0].verdict, MATCH_FAIL);
    assert_true(strlen(f->out.v[0].actual) <= MATCH_TEXT_MAX);
    assert_non_null(strstr(f->out.v[0].actual, "bytes)"));
}

static void compares_a_reading_before_and_after(void **state)
{
    struct fixture *f = *state;
    const struct expectation *e = &step_of(f, "unchanged")->expects[0].items[0];
    char *why = NULL;

    assert_string_equal(e->reading->row->method, "GET");
    status_is(f, 200);
    answer_is(f, "[{\"id\":1,\"at\":5}]");
    json_t *before = match_reading(e, &f->obs, f->catalogue->exprs, f->vars, &why);
    answer_is(f, "[{\"id\":1,\"at\":6}]");
    json_t *same = match_reading(e, &f->obs, f->catalogue->exprs, f->vars, &why);
    answer_is(f, "[{\"id\":1},{\"id\":2}]");
    json_t *more = match_reading(e, &f->obs, f->catalogue->exprs, f->vars, &why);
    status_is(f, 503);
    assert_null(match_reading(e, &f->obs, f->catalogue->exprs, f->vars, &why));
    match_unchanged(e, before, same, NULL, &f->out);
    match_unchanged(e, before, more, NULL, &f->out);
    match_unchanged(e, before, NULL, why, &f->out);
    json_decref(before);
    json_decref(same);
    json_decref(more);
    free(why);
    assert_int_equal(f->out.v[0].verdict, MATCH_PASS);
    assert_int_equal(f->out.v[1].verdict, MATCH_FAIL);
    assert_int_equal(f->out.v[2].verdict, MATCH_BROKEN);
    assert_string_equal(f->out.v[1].actual, "[[1,2]]");
}

static void a_control_succeeds_or_fails(void **state)
{
    struct fixture *f = *state;

    status_is(f, 200);
    assert_pass(f, "deny/control");
    assert_string_equal(f->out.v[0].name, "control");
    status_is(f, 403);
    body_is(f, "forbidden");
    assert_fail(f, "deny/control", "the same act succeeds for alice",
                "status 403: forbidden");
    assert_pass(f, "deny/refused/bob");
    assert_pass(f, "deny/refused/carol-c");
    status_is(f, 200);
    assert_fail(f, "deny/refused/bob", "refused as http_403",
                "not refused; status 200: forbidden");
}

static void a_pattern_that_a_variable_spoils_is_the_scenarios_error(void **state)
{
    struct fixture *f = *state;
    struct err err = ERR_INIT;

    body_is(f, "x");
    assert_int_equal(match_step(step_of(f, "bad-pattern"), &f->obs, f->catalogue->exprs,
                                f->vars, &f->out, &err),
                     -1);
    assert_string_equal(err.text,
                        "harness/tests/data/match.yaml:21:58: bad regular "
                        "expression '(': missing closing parenthesis at offset 1");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(compares_a_status),
        T(compares_a_header_whatever_its_case),
        T(compares_an_answer_of_the_contract),
        T(wants_true_from_a_bare_program),
        T(compares_what_a_program_yields),
        T(shows_the_values_that_stood_in_a_program),
        T(makes_one_check_of_each_program),
        T(looks_into_texts),
        T(compares_a_reply),
        T(a_tool_result_is_not_a_protocol_error),
        T(tells_the_reasons_of_a_refusal_apart),
        T(tells_a_missing_server_from_a_missing_page),
        T(measures_time_and_absence_and_count),
        T(finds_a_secret_wherever_it_is),
        T(what_could_not_be_read_is_broken_never_failed),
        T(names_checks_after_their_groups),
        T(cuts_what_is_too_long_to_read),
        T(compares_a_reading_before_and_after),
        T(a_control_succeeds_or_fails),
        T(a_pattern_that_a_variable_spoils_is_the_scenarios_error),
    };
    return cmocka_run_group_tests(tests, setup_once, teardown_once);
}
