/* Tests of JSON to the letter and of the contract's answers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/fs.h"
#include "io/json.h"
#include "scenario/answers.h"
#include "scenario/wire.h"
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define UUID "7c9e6679-7425-40de-944b-e07fc1f90ae7"
#define TOKEN "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLM-_01"

static struct buf why = BUF_INIT(65536);

static int clear(void **state)
{
    (void)state;
    buf_release(&why);
    return 0;
}

static bool fits(const char *pattern, const char *text)
{
    json_t *p = json_loads(pattern, JSON_DECODE_ANY, NULL);
    buf_reset(&why);
    assert_non_null(p);
    bool result = wire_fits(p, text, strlen(text), &why);
    json_decref(p);
    return result;
}

static void differs(const char *pattern, const char *text, const char *finding)
{
    assert_false(fits(pattern, text));
    assert_string_equal(why.data, finding);
}

static void takes_the_same_text(void **state)
{
    (void)state;
    assert_true(fits("{\"a\":[1,true,null,0.5],\"b\":{},\"c\":[]}",
                     "{\"a\":[1,true,null,0.5],\"b\":{},\"c\":[]}"));
}

static void wants_no_blanks(void **state)
{
    (void)state;
    differs("{\"a\":1}", "{\"a\": 1}", "$.a: expected 1, came  1}");
    differs("{\"a\":1}", "{\"a\":1}\n", "$: expected the end, came \n");
    assert_false(fits("[1,2]", "[1, 2]"));
    assert_false(fits("{\"a\":1,\"b\":2}", "{\"a\":1, \"b\":2}"));
}

static void wants_numbers_as_they_are_written(void **state)
{
    (void)state;
    differs("0", "0.0", "$: expected 0, came 0.0");
    differs("{\"a\":1}", "{\"a\":\"1\"}", "$.a: expected 1, came \"1\"");
}

static void wants_members_in_order(void **state)
{
    (void)state;
    differs("{\"a\":1,\"b\":2}", "{\"b\":2,\"a\":1}",
            "$: expected the member 'a', which is out of order; came 'b'");
}

static void names_a_missing_member(void **state)
{
    (void)state;
    differs("{\"o\":{\"a\":1,\"b\":2}}", "{\"o\":{\"b\":2}}",
            "$.o: expected the member 'a', which is missing; came 'b'");
    differs("{\"a\":1,\"b\":2}", "{\"a\":1}",
            "$: expected the member 'b', which is missing; came the object's end");
}

static void names_an_extra_member(void **state)
{
    (void)state;
    differs("{\"a\":1}", "{\"a\":1,\"b\":2}", "$: expected no other member, came b");
    differs("{}", "{\"b\":2}", "$: expected no other member, came b");
}

static void an_optional_member_may_be_absent(void **state)
{
    (void)state;
    const char *pattern = "{\"a?\":1,\"b\":2,\"c?\":\"<int>\"}";
    assert_true(fits(pattern, "{\"a\":1,\"b\":2,\"c\":3}"));
    assert_true(fits(pattern, "{\"b\":2}"));
    assert_true(fits("{\"a?\":1}", "{}"));
    differs(pattern, "{\"b\":2,\"c\":\"x\"}", "$.c: expected <int>, came \"x\"");
}

static void escapes_as_the_platform_does(void **state)
{
    (void)state;
    assert_true(fits("\"<a> & b\"", "\"\\u003ca\\u003e \\u0026 b\""));
    assert_false(fits("\"<a> & b\"", "\"<a> & b\""));
    assert_true(fits("\"say \\\"x\\\"\"", "\"say \\\"x\\\"\""));
}

static void each_placeholder_takes_its_kind_only(void **state)
{
    (void)state;
    static const struct {
        const char *pattern, *good, *bad;
    } rows[] = {
        {"\"<uuid>\"", "\"" UUID "\"", "\"7c9e6679\""},
        {"\"<token>\"", "\"" TOKEN "\"", "\"" TOKEN "x\""},
        {"\"<time>\"", "\"2026-06-22T10:11:12.123456Z\"", "\"2026-06-22 10:11:12\""},
        {"\"<time>\"", "\"2026-06-22T10:11:12+02:00\"", "\"2026-06-22T10:11:12.Z\""},
        {"\"<hex>\"", "\"0af9\"", "\"0AF9\""},
        {"\"<text>\"", "\"\"", "1"},
        {"\"<url>\"", "\"http://a.localhost:1/x\"", "\"a.localhost\""},
        {"\"<int>\"", "-12", "1.5"},
        {"\"<int>\"", "0", "\"0\""},
        {"\"<number>\"", "1.5e3", "true"},
        {"\"<bool>\"", "false", "\"false\""},
        {"\"<any>\"", "{\"a\":[1]}", "{\"a\" :1}"},
        {"\"<any>\"", "\"x\"", ""},
        {"\"<uuid|null>\"", "null", "\"null\""},
        {"\"<text|null>\"", "\"x\"", "1"},
    };
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        if (!fits(rows[i].pattern, rows[i].good))
            fail_msg("%s: %s", rows[i].pattern, why.data);
        if (fits(rows[i].pattern, rows[i].bad))
            fail_msg("%s takes %s", rows[i].pattern, rows[i].bad);
    }
    assert_false(fits("\"<text>\"", "null"));
}

static void a_placeholder_is_a_piece_of_a_string(void **state)
{
    (void)state;
    const char *pattern = "\"model \\\"<text>\\\" of <uuid>, <int> left\"";
    assert_true(fits(pattern, "\"model \\\"m\\\" of " UUID ", 12 left\""));
    assert_false(fits(pattern, "\"model \\\"m\\\" of " UUID ", x left\""));
    assert_false(fits(pattern, "\"model \\\"m\\\" of " UUID ", 12 left!\""));
    assert_true(fits("\"name: <name>\"", "\"name: \\u003cname\\u003e\""));
}

static void each_element_fits_the_pattern(void **state)
{
    (void)state;
    assert_true(fits("[\"<each>\",{\"id\":\"<int>\"}]", "[{\"id\":1},{\"id\":2}]"));
    assert_true(fits("[\"<each>\",1]", "[]"));
    differs("[\"<each>\",{\"id\":\"<int>\"}]", "[{\"id\":1},{\"id\":null}]",
            "$[1].id: expected <int>, came null");
    differs("[\"<some>\",1]", "[]", "$: expected another element, came ]");
    differs("[1,2]", "[1]", "$: expected another element, came ]");
    assert_false(fits("[1]", "[1,2]"));
}

static void each_member_of_a_map_fits_and_is_sorted(void **state)
{
    (void)state;
    assert_true(fits("{\"<each>\":\"<int>\"}", "{\"a\":1,\"b\":2}"));
    assert_true(fits("{\"<each>\":\"<int>\"}", "{}"));
    differs("{\"<each>\":\"<int>\"}", "{\"b\":1,\"a\":2}",
            "$: expected sorted keys, came a");
    assert_false(fits("{\"<each>\":\"<int>\"}", "{\"a\":\"x\"}"));
}

static void a_text_is_cut_off_nowhere(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "", "{", "{\"a\"", "{\"a\":", "{\"a\":\"x", "[", "\"\\"};
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        assert_false(fits("{\"a\":\"<any>\"}", bad[i]));
        assert_false(fits("\"<any>\"", bad[i]));
        assert_false(fits("[\"<each>\",\"<any>\"]", bad[i]));
    }
}

static void refuses_a_placeholder_that_is_none(void **state)
{
    (void)state;
    static const char *const bad[] = {"\"<uid>\"", "{\"a\":[\"<txt|null>\"]}",
                                      "[\"<each>\"]", "[\"<some>\",1,2]"};
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        struct err err = ERR_INIT;
        json_t *p = json_loads(bad[i], JSON_DECODE_ANY, NULL);
        int r = wire_check(p, &err);
        json_decref(p);
        assert_int_equal(r, -1);
    }
}

/* ---- answers ---- */

static const char *const headers[] = {"Content-Type: application/json; charset=utf-8",
                                      "X-RateLimit-Limit: 600"};

static bool answers(const char *row, int status, const char *body)
{
    json_t *answer = json_loads(row, 0, NULL);
    struct strv list = STRV_INIT;
    for (size_t i = 0; i < ARRAY_SIZE(headers); i++)
        strv_add(&list, headers[i]);
    const struct observation obs = {.status = status,
                                    .has_status = true,
                                    .headers = &list,
                                    .body = body,
                                    .body_len = strlen(body)};
    buf_reset(&why);
    bool result = answer_fits(answer, &obs, &why);
    json_decref(answer);
    strv_release(&list);
    return result;
}

static void an_answer_is_its_status_headers_type_and_body(void **state)
{
    (void)state;
    assert_true(answers("{\"status\":200,\"body\":{\"a\":1}}", 200, "{\"a\":1}"));
    assert_false(answers("{\"status\":200,\"body\":{\"a\":1}}", 201, "{\"a\":1}"));
    assert_string_equal(why.data, "status: expected 200, came 201; the body: {\"a\":1}");
    assert_false(answers("{\"status\":200,\"text\":\"ok\"}", 200, "ok"));
    assert_string_equal(why.data,
                        "header Content-Type: text: expected 'text/plain; "
                        "charset=utf-8', came 'application/json; charset=utf-8'");
    assert_true(answers("{\"status\":404,\"empty\":true}", 404, ""));
    assert_false(answers("{\"status\":404,\"empty\":true}", 404, "x"));
}

static void an_answer_has_the_headers_that_it_names(void **state)
{
    (void)state;
    static const char type[] = "\"type\":\"application/json; charset=utf-8\"";
    CLEANUP(free_ptr)
    char *limit = xasprintf("{\"status\":200,%s,\"headers\":{\"x-ratelimit-limit\":"
                            "\"<int>\"}}",
                            type);
    CLEANUP(free_ptr)
    char *none =
        xasprintf("{\"status\":200,%s,\"headers\":{\"x-ratelimit-limit\":null}}", type);
    CLEANUP(free_ptr)
    char *absent =
        xasprintf("{\"status\":200,%s,\"headers\":{\"Retry-After\":\"<int>\"}}", type);
    assert_true(answers(limit, 200, "anything"));
    assert_false(answers(none, 200, "anything"));
    assert_false(answers(absent, 200, "anything"));
    assert_string_equal(why.data, "header Retry-After: expected '<int>', came none");
}

static void reading_refuses_a_wrong_file(void **state)
{
    (void)state;
    static const struct {
        const char *answers, *finding;
    } rows[] = {
        {"{\"id\":\"a\",\"status\":200}", "the answer 'a': says nothing of the body"},
        {"{\"id\":\"a\",\"empty\":true}", "the answer 'a': has no status"},
        {"{\"status\":200,\"empty\":true}", "an answer of GET /x has no id"},
        {"{\"id\":\"a\",\"status\":200,\"empty\":true},{\"id\":\"a\",\"status\":200,"
         "\"empty\":true}",
         "the answer 'a' is there twice"},
        {"{\"id\":\"a\",\"status\":200,\"body\":\"<uid>\"}",
         "no such placeholder: '<uid>'"},
    };
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        char path[] = "/tmp/waybill-answers-XXXXXX";
        struct err err = ERR_INIT;
        json_t *all = NULL;
        int fd = mkstemp(path);
        assert_true(fd >= 0);
        (void)close(fd);
        CLEANUP(free_ptr)
        char *text = xasprintf("{\"groups\":[{\"group\":\"g\",\"routes\":[{\"method\":"
                               "\"GET\",\"path\":\"/x\",\"answers\":[%s]}]}]}",
                               rows[i].answers);
        int r = fs_write(path, text, strlen(text), 0600, NULL);
        r = r == 0 ? answers_read(path, &all, &err) : 1;
        (void)unlink(path);
        json_decref(all);
        assert_int_equal(r, -1);
        if (!strstr(err.text, rows[i].finding))
            fail_msg("%s", err.text);
    }
}

static void the_contract_can_be_read(void **state)
{
    (void)state;
    json_t *all = NULL;
    struct err err = ERR_INIT;
    if (answers_read("mocks/contracts/routes.json", &all, &err) < 0)
        fail_msg("%s", err.text);
    json_decref(all);
}

static void an_answer_is_of_its_profiles(void **state)
{
    (void)state;
    json_t *one = json_loads("{\"profiles\":[\"shipped\"]}", 0, NULL);
    json_t *any = json_object();
    bool of[] = {answer_is_of(one, "shipped"), answer_is_of(one, "rfc"),
                 answer_is_of(any, "rfc")};
    json_decref(one);
    json_decref(any);
    assert_true(of[0]);
    assert_false(of[1]);
    assert_true(of[2]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(takes_the_same_text),
        cmocka_unit_test(wants_no_blanks),
        cmocka_unit_test(wants_numbers_as_they_are_written),
        cmocka_unit_test(wants_members_in_order),
        cmocka_unit_test(names_a_missing_member),
        cmocka_unit_test(names_an_extra_member),
        cmocka_unit_test(an_optional_member_may_be_absent),
        cmocka_unit_test(escapes_as_the_platform_does),
        cmocka_unit_test(each_placeholder_takes_its_kind_only),
        cmocka_unit_test(a_placeholder_is_a_piece_of_a_string),
        cmocka_unit_test(each_element_fits_the_pattern),
        cmocka_unit_test(each_member_of_a_map_fits_and_is_sorted),
        cmocka_unit_test(a_text_is_cut_off_nowhere),
        cmocka_unit_test(refuses_a_placeholder_that_is_none),
        cmocka_unit_test(an_answer_is_its_status_headers_type_and_body),
        cmocka_unit_test(an_answer_has_the_headers_that_it_names),
        cmocka_unit_test(reading_refuses_a_wrong_file),
        cmocka_unit_test(the_contract_can_be_read),
        cmocka_unit_test(an_answer_is_of_its_profiles),
    };
    return cmocka_run_group_tests(tests, NULL, clear);
}
