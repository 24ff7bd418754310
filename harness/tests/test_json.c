/* Tests of JSON reading and writing, and of the event lines that are made of it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/limits.h"
#include "io/json.h"
#include "run/sink.h"
#include <stdlib.h>
#include <string.h>

/* Reads and writes again. */
static void assert_renders(const char *in, enum json_style style, const char *out)
{
    struct err err = ERR_INIT;
    json_t *j = NULL;
    char *text;

    if (json_parse(in, strlen(in), &j, &err) < 0)
        fail_msg("%s: %s", in, err.text);
    text = json_text(j, style);
    assert_string_equal(text, out);
    free(text);
    json_decref(j);
}

static void the_wire_form_sorts_keys_and_is_compact(void **state)
{
    (void)state;
    assert_renders("{\"b\": [1, 2, {}], \"a\": null, \"B\": true}", JSON_WIRE,
                   "{\"B\":true,\"a\":null,\"b\":[1,2,{}]}");
}

static void the_struct_form_keeps_the_order(void **state)
{
    (void)state;
    assert_renders("{\"b\": 1, \"a\": []}", JSON_STRUCT, "{\"b\":1,\"a\":[]}");
}

static void angle_brackets_and_ampersands_are_escaped(void **state)
{
    (void)state;
    assert_renders("\"<a>&\"", JSON_WIRE, "\"\\u003ca\\u003e\\u0026\"");
    assert_renders("{\"<\": 1}", JSON_STRUCT, "{\"\\u003c\":1}");
    assert_renders("\"<a>&\"", JSON_PRETTY, "\"<a>&\"");
}

static void line_separators_are_escaped_and_other_letters_are_not(void **state)
{
    (void)state;
    assert_renders("\"\xe2\x80\xa8\xe2\x80\xa9\xe2\x80\xa6\xc3\xa9\"", JSON_WIRE,
                   "\"\\u2028\\u2029\xe2\x80\xa6\xc3\xa9\"");
    assert_renders("\"\\ud83d\\ude00\"", JSON_WIRE, "\"\xf0\x9f\x98\x80\"");
}

static void control_characters_have_their_escapes(void **state)
{
    (void)state;
    assert_renders("\"\\u0001\\n\\r\\t\\u0000\\\\\\\"/\\u007f\"", JSON_WIRE,
                   "\"\\u0001\\n\\r\\t\\u0000\\\\\\\"/\x7f\"");
}

static void numbers_are_the_shortest_that_read_back(void **state)
{
    (void)state;
    assert_renders("[1.0, -0.5, 0.1, 100.25, 1e20, 1e21, 1e-6, 1e-7, 1.5e300]", JSON_WIRE,
                   "[1,-0.5,0.1,100.25,100000000000000000000,1e+21,0.000001,1e-7,"
                   "1.5e+300]");
    assert_renders("[9223372036854775807, -9223372036854775808]", JSON_WIRE,
                   "[9223372036854775807,-9223372036854775808]");
}

static void integers_that_64_bits_do_not_hold_are_real_numbers(void **state)
{
    (void)state;
    assert_renders("[9223372036854775808, -9223372036854775809, 9223372036854775807, "
                   "\"\\\"99999999999999999999\", 1.5]",
                   JSON_WIRE,
                   "[9223372036854775808,-9223372036854775808,9223372036854775807,"
                   "\"\\\"99999999999999999999\",1.5]");
    assert_renders("266666666666666666666.5", JSON_WIRE, "266666666666666655744");
    assert_renders("266666666666666655744", JSON_WIRE, "266666666666666655744");
    assert_renders("100000000000000000000e1", JSON_WIRE, "1e+21");
}

static void a_number_that_nothing_holds_is_an_error(void **state)
{
    static const char *const bad[] = {"1e999", "[99999999999999999999x]",
                                      "99999999999999999999-1", "-",
                                      "099999999999999999999"};
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        json_t *j = NULL;
        assert_int_equal(json_parse(bad[i], strlen(bad[i]), &j, NULL), -1);
        assert_null(j);
    }
}

static void the_pretty_form_indents_by_two(void **state)
{
    (void)state;
    assert_renders("{\"b\":[1],\"a\":{}}", JSON_PRETTY,
                   "{\n  \"b\": [\n    1\n  ],\n  \"a\": {}\n}");
}

static void bad_json_says_where(void **state)
{
    static const char text[] = "{\"a\": 1,\n \"b\": x}";
    struct err err = ERR_INIT;
    json_t *j = NULL;

    (void)state;
    assert_int_equal(json_parse(text, strlen(text), &j, &err), -1);
    assert_int_equal(err.kind, ERR_SHAPE);
    assert_non_null(strstr(err.text, "line 2, column 7"));
    assert_null(j);
}

static void text_after_the_value_and_nothing_at_all_are_errors(void **state)
{
    json_t *j = NULL;

    (void)state;
    assert_int_equal(json_parse("1 2", 3, &j, NULL), -1);
    assert_int_equal(json_parse("", 0, &j, NULL), -1);
    assert_int_equal(json_parse("\"\xff\"", 3, &j, NULL), -1);
}

static void deep_nesting_is_refused(void **state)
{
    char text[2 * (LIMIT_DEPTH + 1)];
    struct err err = ERR_INIT;
    json_t *j = NULL;

    (void)state;
    memset(text, '[', LIMIT_DEPTH + 1);
    memset(text + LIMIT_DEPTH + 1, ']', LIMIT_DEPTH + 1);
    assert_int_equal(json_parse(text + 1, sizeof(text) - 2, &j, &err), 0);
    json_decref(j);
    assert_int_equal(json_parse(text, sizeof(text), &j, &err), -1);
    assert_non_null(strstr(err.text, "nested"));
}

static void members_of_another_type_give_the_fallback(void **state)
{
    json_t *j = json_make("{s:s, s:i, s:b, s:s%}", "name", "x", "n", 3, "yes", 1, "cut",
                          "platform\0x", (size_t)10);

    (void)state;
    assert_string_equal(json_str(j, "name", "?"), "x");
    assert_string_equal(json_str(j, "n", "?"), "?");
    assert_string_equal(json_str(j, "none", "?"), "?");
    assert_string_equal(json_str(j, "cut", "?"), "?");
    assert_string_equal(json_str(NULL, "name", "?"), "?");
    assert_int_equal(json_int(j, "n", 9), 3);
    assert_int_equal(json_int(j, "name", 9), 9);
    assert_true(json_bool(j, "yes", false));
    assert_true(json_bool(j, "n", true));
    json_decref(j);
}

static void building_a_value_repairs_text_and_keeps_references(void **state)
{
    json_t *shared = json_string("s");
    json_t *j = json_make("{s:s, s:[i, I, f, n, O], s:s?, s:s*, s:{s:o}}", "bad",
                          "a\xff\xc0\x80z", "list", 1, (json_int_t)2, 0.5, shared, "null",
                          NULL, "gone", NULL, "deep", "own", shared);
    char *text = json_text(j, JSON_STRUCT);

    (void)state;
    assert_string_equal(text, "{\"bad\":\"a\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbdz\","
                              "\"list\":[1,2,0.5,null,\"s\"],\"null\":null,"
                              "\"deep\":{\"own\":\"s\"}}");
    free(text);
    json_decref(j);
}

static void an_event_survives_its_line(void **state)
{
    struct event out = {.kind = EV_CHECK,
                        .at_ms = 1750587072345,
                        .scenario = "delivery/x",
                        .step = "create",
                        .name = "status",
                        .verdict = VERDICT_BROKEN,
                        .expected = "201",
                        .actual = "a\nb<\xff",
                        .line = 12,
                        .exchange = 3};
    struct event in;
    struct err err = ERR_INIT;
    json_t *j = event_to_json(&out);
    char *line = json_text(j, JSON_STRUCT);
    json_t *back = NULL;

    (void)state;
    json_decref(j);
    assert_null(strchr(line, '\n'));
    assert_int_equal(strncmp(line, "{\"event\":\"check\",", 17), 0);
    assert_null(strstr(line, "step_name"));
    assert_int_equal(json_parse(line, strlen(line), &back, &err), 0);
    free(line);
    assert_int_equal(event_from_json(back, &in, &err), 0);
    assert_int_equal(in.kind, EV_CHECK);
    assert_true(in.at_ms == out.at_ms);
    assert_string_equal(in.scenario, "delivery/x");
    assert_string_equal(in.step, "create");
    assert_null(in.step_name);
    assert_int_equal(in.verdict, VERDICT_BROKEN);
    assert_string_equal(in.actual, "a\nb<\xef\xbf\xbd");
    assert_int_equal(in.line, 12);
    assert_int_equal(in.exchange, 3);
    json_decref(back);
}

static void a_bad_event_is_an_error(void **state)
{
    static const char *const bad[] = {
        "{}",
        "[]",
        "{\"event\":\"nothing\"}",
        "{\"event\":\"check\",\"verdict\":\"GOOD\"}",
        "{\"event\":\"check\",\"line\":\"1\"}",
        "{\"event\":\"check\",\"line\":99999999999}",
        "{\"event\":\"check\",\"name\":1}",
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        struct err err = ERR_INIT;
        struct event ev;
        json_t *j = NULL;

        assert_int_equal(json_parse(bad[i], strlen(bad[i]), &j, &err), 0);
        assert_int_equal(event_from_json(j, &ev, &err), -1);
        assert_int_equal(err.kind, ERR_SHAPE);
        json_decref(j);
    }
}

static void the_worse_verdict_wins_and_a_skip_does_not_hide_a_pass(void **state)
{
    (void)state;
    assert_int_equal(verdict_join(VERDICT_PASS, VERDICT_SKIP), VERDICT_PASS);
    assert_int_equal(verdict_join(VERDICT_SKIP, VERDICT_PASS), VERDICT_PASS);
    assert_int_equal(verdict_join(VERDICT_SKIP, VERDICT_SKIP), VERDICT_SKIP);
    assert_int_equal(verdict_join(VERDICT_SKIP, VERDICT_BROKEN), VERDICT_BROKEN);
    assert_int_equal(verdict_join(VERDICT_BROKEN, VERDICT_PASS), VERDICT_BROKEN);
    assert_int_equal(verdict_join(VERDICT_BROKEN, VERDICT_FAIL), VERDICT_FAIL);
}

static void joins_the_texts_of_parts(void **state)
{
    (void)state;
    json_t *parts CLEANUP(json_drop) =
        json_make("[{s:s,s:s},{s:s},{s:i},{s:s}]", "kind", "text", "text", "one", "kind",
                  "file", "text", 2, "text", "three");
    char *texts CLEANUP(free_ptr) = json_texts(parts);
    char *none CLEANUP(free_ptr) = json_texts(NULL);
    assert_string_equal(texts, "one\nthree");
    assert_string_equal(none, "");
}

static void shows_a_nul_in_a_part_and_cuts_nothing_off(void **state)
{
    (void)state;
    json_t *parts CLEANUP(json_drop) = NULL;
    const char *text =
        "[{\"text\":\"\\u0000a\\u0000\"},{\"text\":\"\"},{\"text\":\"b\"}]";
    assert_int_equal(json_parse(text, strlen(text), &parts, NULL), 0);
    char *texts CLEANUP(free_ptr) = json_texts(parts);
    assert_string_equal(texts, "\xef\xbf\xbd"
                               "a\xef\xbf\xbd\n\nb");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_wire_form_sorts_keys_and_is_compact),
        cmocka_unit_test(the_struct_form_keeps_the_order),
        cmocka_unit_test(angle_brackets_and_ampersands_are_escaped),
        cmocka_unit_test(line_separators_are_escaped_and_other_letters_are_not),
        cmocka_unit_test(control_characters_have_their_escapes),
        cmocka_unit_test(numbers_are_the_shortest_that_read_back),
        cmocka_unit_test(integers_that_64_bits_do_not_hold_are_real_numbers),
        cmocka_unit_test(a_number_that_nothing_holds_is_an_error),
        cmocka_unit_test(the_pretty_form_indents_by_two),
        cmocka_unit_test(bad_json_says_where),
        cmocka_unit_test(text_after_the_value_and_nothing_at_all_are_errors),
        cmocka_unit_test(deep_nesting_is_refused),
        cmocka_unit_test(members_of_another_type_give_the_fallback),
        cmocka_unit_test(building_a_value_repairs_text_and_keeps_references),
        cmocka_unit_test(an_event_survives_its_line),
        cmocka_unit_test(a_bad_event_is_an_error),
        cmocka_unit_test(the_worse_verdict_wins_and_a_skip_does_not_hide_a_pass),
        cmocka_unit_test(joins_the_texts_of_parts),
        cmocka_unit_test(shows_a_nul_in_a_part_and_cuts_nothing_off),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
