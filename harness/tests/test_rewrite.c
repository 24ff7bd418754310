/* What ${...} in a jq program becomes, and what is refused. */
#include "base/limits.h"
#include "scenario/rewrite.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

static void assert_becomes(const char *text, const char *expected)
{
    struct buf out = BUF_INIT(KIB(4));
    struct strv paths = STRV_INIT;
    struct err err = ERR_INIT;
    int rc = rewrite_program(text, &out, &paths, &err);
    assert_string_equal(rc == 0 ? out.data : err.text, expected);
    buf_release(&out);
    strv_release(&paths);
}

static void a_variable_is_a_value_and_never_text(void **state)
{
    (void)state;
    assert_becomes(".a == ${x.y}", ".a == $vars.x.y");
    assert_becomes("\"id ${x.y}\"", "\"id \\($vars.x.y)\"");
    assert_becomes("\"\\(.a + ${x})\"", "\"\\(.a + $vars.x)\"");
    assert_becomes("${a-b.0}", "$vars[\"a-b\"][0]");
}

static void a_literal_is_one_in_strings_only(void **state)
{
    (void)state;
    assert_becomes("\"$${x}\"", "\"${x}\"");
    assert_becomes("e$${r", "malformed variable at '$${r'; write ${name.member}");
    assert_becomes("$${r}", "malformed variable at '$${r}'; write ${name.member}");
    assert_becomes("\"\\$${r\"", "malformed variable at '${r\"'; write ${name.member}");
}

static void brackets_and_quotes_have_to_close(void **state)
{
    (void)state;
    assert_becomes("[1, (2]", "the jq program has a ']' too many, at ']'");
    assert_becomes(".) | (.", "the jq program has a ')' too many, at ') | (.'");
    assert_becomes("\"a", "the jq program has a '\"' that is not closed");
    assert_becomes("# ) ]\n.", "\n.");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_variable_is_a_value_and_never_text),
        cmocka_unit_test(a_literal_is_one_in_strings_only),
        cmocka_unit_test(brackets_and_quotes_have_to_close),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
