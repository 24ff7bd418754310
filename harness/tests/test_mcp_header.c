#include "mcp/header.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "io/json.h"

struct fixture {
    struct mcp_params params;
    struct buf why;
    struct strv headers;
    json_t *schema, *arguments;
};

static int setup(void **state)
{
    struct fixture *x = xcalloc(1, sizeof(*x));
    buf_init(&x->why, 4096);
    *state = x;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *x = *state;
    mcp_params_release(&x->params);
    buf_release(&x->why);
    strv_release(&x->headers);
    json_decref(x->schema);
    json_decref(x->arguments);
    free(x);
    return 0;
}

static void becomes(const char *value, const char *header)
{
    char *coded = mcp_header_encode(value, strlen(value));
    size_t len = 0;
    char *back = mcp_header_decode(coded, &len);
    bool same = strcmp(coded, header) == 0;
    bool round = back && len == strlen(value) && memcmp(back, value, len) == 0;
    free(coded);
    free(back);
    if (!same || !round)
        fail_msg("'%s' is not sent as '%s', or not read back", value, header);
}

static void sends_plain_values_as_they_are(void **state)
{
    (void)state;
    becomes("us-west1", "us-west1");
    becomes("us west 1", "us west 1");
    becomes("", "");
    becomes("=?base64?open", "=?base64?open");
}

static void wraps_what_a_header_cannot_carry(void **state)
{
    (void)state;
    becomes("Hello, \xe4\xb8\x96\xe7\x95\x8c", "=?base64?SGVsbG8sIOS4lueVjA==?=");
    becomes(" padded ", "=?base64?IHBhZGRlZCA=?=");
    becomes("line1\nline2", "=?base64?bGluZTEKbGluZTI=?=");
    becomes("=?base64?literal?=", "=?base64?PT9iYXNlNjQ/bGl0ZXJhbD89?=");
    becomes("\tindented", "=?base64?CWluZGVudGVk?=");
}

static void reads_nothing_from_a_broken_wrapper(void **state)
{
    (void)state;
    size_t len = 0;
    assert_null(mcp_header_decode("=?base64?SGVsbG8?=", &len));
    assert_null(mcp_header_decode("=?base64?!!!!?=", &len));
    assert_null(mcp_header_decode("=?base64?/w==?=", &len)); /* no UTF-8 */
    assert_null(mcp_header_decode("caf\xc3\xa9", &len));
    assert_null(mcp_header_decode("a\x01", &len));
}

static void takes_a_wrapper_of_another_case_literally(void **state)
{
    (void)state;
    size_t len = 0;
    char *text = mcp_header_decode(" =?BASE64?SGVsbG8=?= ", &len);
    assert_string_equal(text, "=?BASE64?SGVsbG8=?=");
    free(text);
}

static void compares_a_header_with_its_argument(void **state)
{
    struct fixture *x = *state;
    x->arguments = json_pack("{s:s,s:i,s:b,s:n}", "s", " a ", "i", 42, "b", 1, "n");
    const json_t *s = json_object_get(x->arguments, "s");
    const json_t *i = json_object_get(x->arguments, "i");
    const json_t *b = json_object_get(x->arguments, "b");
    assert_true(mcp_header_matches("=?base64?IGEg?=", s));
    assert_false(mcp_header_matches("a", s));
    assert_true(mcp_header_matches("42", i));
    assert_true(mcp_header_matches(" 42.0 ", i));
    assert_false(mcp_header_matches("43", i));
    assert_false(mcp_header_matches("42x", i));
    assert_true(mcp_header_matches("true", b));
    assert_false(mcp_header_matches("True", b));
    assert_false(mcp_header_matches("null", json_object_get(x->arguments, "n")));
}

static void tells_integers_apart_that_no_double_can(void **state)
{
    struct fixture *x = *state;
    x->arguments = json_pack("{s:I}", "i", (json_int_t)9007199254740993);
    const json_t *i = json_object_get(x->arguments, "i");
    assert_true(mcp_header_matches("9007199254740993", i));
    assert_false(mcp_header_matches("9007199254740992", i));
}

static void knows_which_member_a_method_names(void **state)
{
    struct fixture *x = *state;
    x->arguments = json_pack("{s:s,s:s}", "name", "n", "uri", "u");
    assert_string_equal(
        json_string_value(mcp_header_name_source("tools/call", x->arguments)), "n");
    assert_string_equal(
        json_string_value(mcp_header_name_source("prompts/get", x->arguments)), "n");
    assert_string_equal(
        json_string_value(mcp_header_name_source("resources/read", x->arguments)), "u");
    assert_null(mcp_header_name_source("tools/list", x->arguments));
}

static bool read_schema(struct fixture *x, const char *text)
{
    json_decref(x->schema);
    x->schema = json_loads(text, 0, NULL);
    assert_non_null(x->schema);
    buf_reset(&x->why);
    return mcp_params_read(x->schema, &x->params, &x->why);
}

static void mirrors_marked_arguments_at_any_depth(void **state)
{
    struct fixture *x = *state;
    assert_true(read_schema(
        x, "{\"type\":\"object\",\"properties\":{"
           "\"region\":{\"type\":\"string\",\"x-mcp-header\":\"Region\"},"
           "\"count\":{\"type\":\"integer\",\"x-mcp-header\":\"Count\"},"
           "\"dry\":{\"type\":\"boolean\",\"x-mcp-header\":\"Dry\"},"
           "\"free\":{\"type\":\"string\"},"
           "\"deep\":{\"type\":\"object\",\"properties\":{\"x\":{\"type\":\"string\","
           "\"x-mcp-header\":\"Deep\"}}}}}"));
    assert_int_equal(x->params.n, 4);
    x->arguments = json_pack("{s:s,s:i,s:b,s:s,s:{s:s}}", "region", "r", "count", -7,
                             "dry", 0, "free", "f", "deep", "x", " d");
    mcp_params_headers(&x->params, x->arguments, &x->headers);
    assert_int_equal(x->headers.n, 4);
    assert_true(strv_has(&x->headers, "Mcp-Param-Region: r"));
    assert_true(strv_has(&x->headers, "Mcp-Param-Count: -7"));
    assert_true(strv_has(&x->headers, "Mcp-Param-Dry: false"));
    assert_true(strv_has(&x->headers, "Mcp-Param-Deep: =?base64?IGQ=?="));
}

static void leaves_out_what_is_null_or_not_given(void **state)
{
    struct fixture *x = *state;
    assert_true(read_schema(
        x, "{\"properties\":{\"a\":{\"type\":\"string\",\"x-mcp-header\":\"A\"},"
           "\"b\":{\"type\":\"string\",\"x-mcp-header\":\"B\"},"
           "\"c\":{\"type\":\"string\",\"x-mcp-header\":\"C\"}}}"));
    x->arguments = json_pack("{s:n,s:s}", "a", "c", "");
    mcp_params_headers(&x->params, x->arguments, &x->headers);
    assert_int_equal(x->headers.n, 1);
    assert_string_equal(x->headers.v[0], "Mcp-Param-C: ");
}

static void refuses_annotations_that_break_the_rules(void **state)
{
    static const char *const bad[] = {
        "{\"properties\":{\"v\":{\"type\":\"string\",\"x-mcp-header\":\"\"}}}",
        "{\"properties\":{\"v\":{\"type\":\"string\",\"x-mcp-header\":7}}}",
        "{\"properties\":{\"v\":{\"type\":\"string\",\"x-mcp-header\":\"a b\"}}}",
        "{\"properties\":{\"v\":{\"type\":\"string\",\"x-mcp-header\":\"a:b\"}}}",
        "{\"properties\":{\"v\":{\"type\":\"string\",\"x-mcp-header\":\"R\xc3\xa9\"}}}",
        "{\"properties\":{\"v\":{\"type\":\"string\",\"x-mcp-header\":\"a\\t1\"}}}",
        "{\"properties\":{\"v\":{\"type\":\"number\",\"x-mcp-header\":\"A\"}}}",
        "{\"properties\":{\"v\":{\"type\":\"object\",\"x-mcp-header\":\"A\"}}}",
        "{\"properties\":{\"v\":{\"type\":\"null\",\"x-mcp-header\":\"A\"}}}",
        "{\"properties\":{\"v\":{\"x-mcp-header\":\"A\"}}}",
        ("{\"properties\":{\"v\":{\"type\":\"string\",\"x-mcp-header\":\"A\"},"
         "\"w\":{\"type\":\"string\",\"x-mcp-header\":\"a\"}}}"),
        ("{\"properties\":{\"v\":{\"type\":\"array\",\"items\":{\"type\":\"string\","
         "\"x-mcp-header\":\"A\"}}}}"),
        ("{\"anyOf\":[{\"properties\":{\"v\":{\"type\":\"string\","
         "\"x-mcp-header\":\"A\"}}}]}"),
        "{\"$defs\":{\"v\":{\"type\":\"string\",\"x-mcp-header\":\"A\"}}}",
        "{\"x-mcp-header\":\"A\",\"type\":\"string\"}",
    };
    struct fixture *x = *state;
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        if (read_schema(x, bad[i]))
            fail_msg("taken: %s", bad[i]);
        assert_true(x->why.len > 0);
    }
}

static void does_not_take_data_for_an_annotation(void **state)
{
    struct fixture *x = *state;
    assert_true(read_schema(x, "{\"properties\":{\"v\":{\"type\":\"object\",\"default\":"
                               "{\"x-mcp-header\":1}}}}"));
    assert_int_equal(x->params.n, 0);
    assert_true(read_schema(x, "{\"properties\":{\"v\":{\"items\":{\"default\":"
                               "{\"x-mcp-header\":\"A\"}}}}}"));
    assert_int_equal(x->params.n, 0);
}

static void does_not_take_a_name_for_an_annotation(void **state)
{
    static const char *const good[] = {
        ("{\"properties\":{\"v\":{\"items\":{\"properties\":{\"x-mcp-header\":"
         "{\"type\":\"string\"},\"default\":{\"type\":\"string\"}}}}}}"),
        "{\"$defs\":{\"x-mcp-header\":{\"type\":\"string\"}}}",
        "{\"patternProperties\":{\"x-mcp-header\":{\"type\":\"string\"}}}",
        "{\"dependencies\":{\"x-mcp-header\":[\"v\"]}}",
    };
    static const char *const bad[] = {
        ("{\"properties\":{\"v\":{\"items\":{\"properties\":{\"default\":"
         "{\"type\":\"string\",\"x-mcp-header\":\"A\"}}}}}}"),
        ("{\"patternProperties\":{\"enum\":{\"type\":\"string\","
         "\"x-mcp-header\":\"A\"}}}"),
    };
    struct fixture *x = *state;
    for (size_t i = 0; i < ARRAY_SIZE(good); i++)
        if (!read_schema(x, good[i]))
            fail_msg("refused: %s", good[i]);
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
        if (read_schema(x, bad[i]))
            fail_msg("taken: %s", bad[i]);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(sends_plain_values_as_they_are),
        T(wraps_what_a_header_cannot_carry),
        T(reads_nothing_from_a_broken_wrapper),
        T(takes_a_wrapper_of_another_case_literally),
        T(compares_a_header_with_its_argument),
        T(tells_integers_apart_that_no_double_can),
        T(knows_which_member_a_method_names),
        T(mirrors_marked_arguments_at_any_depth),
        T(leaves_out_what_is_null_or_not_given),
        T(refuses_annotations_that_break_the_rules),
        T(does_not_take_data_for_an_annotation),
        T(does_not_take_a_name_for_an_annotation),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
