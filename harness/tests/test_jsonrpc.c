#include "mcp/jsonrpc.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "io/json.h"

struct fixture {
    struct rpc_frame f;
    struct err err;
    enum rpc_code code;
    char *text;
};

static int setup(void **state)
{
    *state = xcalloc(1, sizeof(struct fixture));
    return 0;
}

static int teardown(void **state)
{
    struct fixture *x = *state;
    rpc_frame_release(&x->f);
    free(x->text);
    free(x);
    return 0;
}

static int parse(struct fixture *x, const char *text)
{
    return rpc_parse(text, strlen(text), &x->f, &x->code, &x->err);
}

static void reads_a_request_with_its_id_and_params(void **state)
{
    struct fixture *x = *state;
    assert_int_equal(
        parse(x,
              "{\"jsonrpc\":\"2.0\",\"id\":\"a\",\"method\":\"m\",\"params\":{\"k\":1}}"),
        0);
    assert_int_equal(x->f.kind, RPC_REQUEST);
    assert_string_equal(json_string_value(x->f.id), "a");
    assert_string_equal(x->f.method, "m");
    assert_int_equal(json_int(x->f.params, "k", 0), 1);
}

static void reads_zero_as_an_id(void **state)
{
    struct fixture *x = *state;
    assert_int_equal(parse(x, "{\"jsonrpc\":\"2.0\",\"id\":0,\"method\":\"m\"}"), 0);
    assert_int_equal(x->f.kind, RPC_REQUEST);
    assert_true(json_is_integer(x->f.id));
}

static void reads_a_notification(void **state)
{
    struct fixture *x = *state;
    assert_int_equal(parse(x, "{\"jsonrpc\":\"2.0\",\"method\":\"n\",\"params\":null}"),
                     0);
    assert_int_equal(x->f.kind, RPC_NOTIFICATION);
    assert_null(x->f.id);
    assert_null(x->f.params);
}

static void reads_a_result(void **state)
{
    struct fixture *x = *state;
    assert_int_equal(
        parse(x, "{\"jsonrpc\":\"2.0\",\"id\":7,\"result\":{},\"error\":null}"), 0);
    assert_int_equal(x->f.kind, RPC_RESPONSE);
    assert_non_null(x->f.result);
    assert_null(x->f.error);
}

static void reads_an_error_without_an_id(void **state)
{
    struct fixture *x = *state;
    assert_int_equal(parse(x, "{\"jsonrpc\":\"2.0\",\"id\":null,"
                              "\"error\":{\"code\":-32700,\"message\":\"parse error\"}}"),
                     0);
    assert_int_equal(x->f.kind, RPC_RESPONSE);
    assert_null(x->f.id);
    assert_int_equal(x->f.code, RPC_PARSE_ERROR);
}

static void calls_text_that_is_no_json_a_parse_error(void **state)
{
    struct fixture *x = *state;
    assert_int_equal(parse(x, "{\"jsonrpc\":"), -1);
    assert_int_equal(x->code, RPC_PARSE_ERROR);
    assert_int_equal(x->err.kind, ERR_SHAPE);
    assert_null(x->f.id);
}

static void refuses_what_is_json_but_no_frame(void **state)
{
    struct fixture *x = *state;
    /* clang-format off */
    static const char *const bad[] = {
        "[]",
        "[{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"m\"}]",
        "3",
        "{}",
        "{\"id\":1,\"method\":\"m\"}",
        "{\"jsonrpc\":2.0,\"id\":1,\"method\":\"m\"}",
        "{\"jsonrpc\":\"1.0\",\"id\":1,\"method\":\"m\"}",
        "{\"jsonrpc\":\"2.0\",\"id\":null,\"method\":\"m\"}",
        "{\"jsonrpc\":\"2.0\",\"id\":1.5,\"method\":\"m\"}",
        "{\"jsonrpc\":\"2.0\",\"id\":true,\"method\":\"m\"}",
        "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":4}",
        "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\\u0000x\"}",
        "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"m\",\"params\":\"x\"}",
        "{\"jsonrpc\":\"2.0\",\"id\":1}",
        "{\"jsonrpc\":\"2.0\",\"result\":{}}",
        "{\"jsonrpc\":\"2.0\",\"id\":null,\"result\":{}}",
        "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{},\"error\":{\"code\":1,\"message\":\"\"}}",
        "{\"jsonrpc\":\"2.0\",\"id\":1,\"error\":\"x\"}",
        "{\"jsonrpc\":\"2.0\",\"id\":1,\"error\":{\"code\":\"1\",\"message\":\"x\"}}",
        "{\"jsonrpc\":\"2.0\",\"id\":1,\"error\":{\"code\":1}}",
        "{\"jsonrpc\":\"2.0\",\"id\":1,\"error\":{\"code\":99999999999,\"message\":\"x\"}}",
    };
    /* clang-format on */
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        err_clear(&x->err);
        x->code = RPC_PARSE_ERROR;
        if (parse(x, bad[i]) == 0 || x->code != RPC_INVALID_REQUEST)
            fail_msg("taken for a frame: %s", bad[i]);
    }
}

static void keeps_the_usable_id_of_a_bad_request(void **state)
{
    struct fixture *x = *state;
    assert_int_equal(parse(x, "{\"jsonrpc\":\"2.0\",\"id\":5,\"method\":[]}"), -1);
    assert_int_equal(json_integer_value(x->f.id), 5);
}

static void builds_a_request_in_the_order_of_the_standard(void **state)
{
    struct fixture *x = *state;
    CLEANUP(json_drop) json_t *id = json_integer(3);
    CLEANUP(json_drop) json_t *params = json_pack("{s:s}", "a", "b\nc");
    x->text = rpc_text(rpc_request(id, "m", params));
    assert_string_equal(x->text, "{\"jsonrpc\":\"2.0\",\"id\":3,\"method\":\"m\","
                                 "\"params\":{\"a\":\"b\\nc\"}}");
}

static void builds_an_error_without_an_id_when_there_is_none(void **state)
{
    struct fixture *x = *state;
    x->text = rpc_text(rpc_error(NULL, RPC_PARSE_ERROR, "parse error"));
    assert_string_equal(x->text, "{\"jsonrpc\":\"2.0\",\"error\":{\"code\":-32700,"
                                 "\"message\":\"parse error\"}}");
}

static void echoes_an_id_with_its_type(void **state)
{
    struct fixture *x = *state;
    CLEANUP(json_drop) json_t *id = json_string("1");
    x->text = rpc_text(rpc_result(id, NULL));
    assert_string_equal(x->text, "{\"jsonrpc\":\"2.0\",\"id\":\"1\",\"result\":{}}");
}

static void builds_a_tool_result_of_text_that_is_not_utf8(void **state)
{
    struct fixture *x = *state;
    x->text = rpc_text(rpc_tool_text("a\xff", true));
    assert_string_equal(x->text,
                        "{\"content\":[{\"type\":\"text\",\"text\":\"a\xef\xbf\xbd\"}],"
                        "\"isError\":true}");
}

static void tells_ids_of_different_types_apart(void **state)
{
    (void)state;
    CLEANUP(json_drop) json_t *number = json_integer(1);
    CLEANUP(json_drop) json_t *text = json_string("1");
    assert_false(rpc_id_equal(number, text));
    assert_false(rpc_id_equal(NULL, NULL));
    assert_true(rpc_id_equal(number, number));
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(reads_a_request_with_its_id_and_params),
        T(reads_zero_as_an_id),
        T(reads_a_notification),
        T(reads_a_result),
        T(reads_an_error_without_an_id),
        T(calls_text_that_is_no_json_a_parse_error),
        T(refuses_what_is_json_but_no_frame),
        T(keeps_the_usable_id_of_a_bad_request),
        T(builds_a_request_in_the_order_of_the_standard),
        T(builds_an_error_without_an_id_when_there_is_none),
        T(echoes_an_id_with_its_type),
        T(builds_a_tool_result_of_text_that_is_not_utf8),
        T(tells_ids_of_different_types_apart),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
