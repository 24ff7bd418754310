/* Secrets are replaced in every spelling, whole, and never by accident in half. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "io/json.h"
#include "run/redact.h"

static struct redact secrets;

static int setup(void **state)
{
    (void)state;
    secrets = (struct redact)REDACT_INIT;
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    redact_release(&secrets);
    return 0;
}

static void assert_redacted(const char *text, size_t max, const char *want)
{
    CLEANUP(free_ptr) char *got = redact_text(&secrets, text, strlen(text), max);
    assert_string_equal(got, want);
}

static void replaces_every_occurrence_by_the_name(void **state)
{
    (void)state;
    redact_add(&secrets, "acme.admin_token", "0123456789");
    assert_redacted("a 0123456789 b 0123456789", 0,
                    "a <secret:acme.admin_token> b <secret:acme.admin_token>");
}

static void leaves_short_values_alone(void **state)
{
    (void)state;
    redact_add(&secrets, "pin", "1234567");
    redact_add(&secrets, "none", NULL);
    assert_redacted("1234567", 0, "1234567");
}

static void replaces_the_longer_of_two_secrets_first(void **state)
{
    (void)state;
    redact_add(&secrets, "short", "abcdefgh");
    redact_add(&secrets, "long", "abcdefgh-and-more");
    assert_redacted("abcdefgh-and-more abcdefgh", 0, "<secret:long> <secret:short>");
}

static void knows_the_json_and_the_percent_spelling(void **state)
{
    (void)state;
    redact_add(&secrets, "key", "quote\"and/slash");
    assert_redacted("{\"k\":\"quote\\\"and/slash\"}", 0, "{\"k\":\"<secret:key>\"}");
    assert_redacted("?k=quote%22and%2Fslash", 0, "?k=<secret:key>");
}

static void numbers_two_values_of_one_name(void **state)
{
    (void)state;
    redact_add(&secrets, "auth_token", "first-token-value");
    redact_add(&secrets, "auth_token", "second-token-value");
    redact_add(&secrets, "other", "first-token-value");
    assert_redacted("first-token-value second-token-value", 0,
                    "<secret:auth_token> <secret:auth_token-2>");
}

static void learns_token_members_at_any_depth(void **state)
{
    (void)state;
    CLEANUP(json_drop)
    json_t *j = json_make("{s:[{s:s, s:s}], s:{s:s}}", "rows", "auth_token",
                          "a-token-of-a-row", "id", "a-plain-identifier", "connection",
                          "platform_inbound_secret", "an-inbound-secret");
    redact_learn(&secrets, NULL, j);
    assert_string_equal(redact_find(&secrets, "x a-token-of-a-row", 18), "auth_token");
    assert_non_null(redact_find(&secrets, "an-inbound-secret", 17));
    assert_null(redact_find(&secrets, "a-plain-identifier", 18));
}

/* An MCP tool answers with JSON as text, and its frame is JSON around that. */
static void learns_token_members_of_json_within_texts(void **state)
{
    (void)state;
    CLEANUP(json_drop)
    json_t *j = json_make("{s:[{s:s}]}", "content", "text",
                          "{\n  \"auth_token\": \"a-token-in-a-text\"}");
    redact_learn(&secrets, NULL, j);
    assert_non_null(redact_find(&secrets, "a-token-in-a-text", 17));
}

/* A settings file names the variable that holds the secret; the same name in capitals in
   an environment holds it. */
static void learns_variables_but_not_references_to_them(void **state)
{
    (void)state;
    CLEANUP(json_drop)
    json_t *j =
        json_make("{s:{s:s, s:s}}", "env", "ORG_API_KEY", "${ADMIN_KEY_OF_THE_ORG}",
                  "ADMIN_TOKEN", "a-token-in-an-environment");
    redact_learn(&secrets, NULL, j);
    assert_null(redact_find(&secrets, "${ADMIN_KEY_OF_THE_ORG}", 23));
    assert_non_null(redact_find(&secrets, "a-token-in-an-environment", 25));
}

/* Whatever the place of the cut, no prefix of the secret of any length is left. */
static void leaves_no_part_of_a_secret_at_a_cut(void **state)
{
    (void)state;
    const char *text = "0123456789 the-secret-value tail tail tail tail";
    redact_add(&secrets, "s", "the-secret-value");
    for (size_t max = 1; max < strlen(text); max++) {
        CLEANUP(free_ptr) char *got = redact_text(&secrets, text, strlen(text), max);
        assert_null(strstr(got, "the-s"));
    }
}

static void makes_valid_utf8_of_anything(void **state)
{
    (void)state;
    assert_redacted("ok \xc3\xa4 \xff \xe2\x82", 0, "ok \xc3\xa4 ? ??");
    CLEANUP(free_ptr) char *got = redact_text(&secrets, "a\0b", 3, 0);
    assert_string_equal(got, "a?b");
    CLEANUP(json_drop) json_t *j = json_string("\xed\x9f\xbf");
    assert_non_null(j);
    assert_redacted("\xed\xa0\x80", 0, "???"); /* a surrogate is no character */
}

static void replaces_in_every_string_of_a_document(void **state)
{
    (void)state;
    redact_add(&secrets, "s", "the-secret-value");
    CLEANUP(json_drop)
    json_t *j = json_make("{s:s, s:[s, i], s:s}", "a", "x the-secret-value", "b",
                          "the-secret-value", 1, "c", "plain");
    redact_json(&secrets, j);
    CLEANUP(free_ptr) char *text = json_dumps(j, JSON_COMPACT);
    assert_string_equal(
        text, "{\"a\":\"x <secret:s>\",\"b\":[\"<secret:s>\",1],\"c\":\"plain\"}");
}

#define EACH(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        EACH(replaces_every_occurrence_by_the_name),
        EACH(leaves_short_values_alone),
        EACH(replaces_the_longer_of_two_secrets_first),
        EACH(knows_the_json_and_the_percent_spelling),
        EACH(numbers_two_values_of_one_name),
        EACH(learns_token_members_at_any_depth),
        EACH(learns_token_members_of_json_within_texts),
        EACH(learns_variables_but_not_references_to_them),
        EACH(leaves_no_part_of_a_secret_at_a_cut),
        EACH(makes_valid_utf8_of_anything),
        EACH(replaces_in_every_string_of_a_document),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
