/* Reports: text from peers can be anything, and must not break the form. */
#include "base/limits.h"
#include "io/proc.h"
#include "reports/render.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static char hostile[] = "<a href='x'>&\"</a> \x01\x1f \xff\xc3 ]]> | `x`\nline";

static struct report_check checks[] = {
    {.step = hostile,
     .step_name = hostile,
     .name = hostile,
     .verdict = VERDICT_FAIL,
     .expected = hostile,
     .actual = hostile,
     .file = hostile,
     .line = 3,
     .exchange = 1},
    {.step = hostile,
     .step_name = hostile,
     .name = hostile,
     .verdict = VERDICT_PASS,
     .expected = hostile,
     .actual = hostile,
     .file = hostile,
     .line = 4},
};
static struct report_exchange exchanges[] = {
    {
        .id = 1,
        .number = 1,
        .step = hostile,
        .protocol = hostile,
        .request = hostile,
        .request_headers = hostile,
        .request_body = hostile,
        .status = 200,
        .response_headers = hostile,
        .response_body = hostile,
        .error = hostile,
        .n_frames = 1,
        .transport = hostile,
        .revision = hostile,
    },
};
static struct report_finding findings[] = {
    {.step = hostile, .text = hostile, .frames = 2, .exchange = 1},
};
static struct report_scenario scenarios[] = {
    {.name = hostile,
     .file = hostile,
     .proves = hostile,
     .tags = hostile,
     .reason = hostile,
     .ended = true,
     .verdict = VERDICT_FAIL,
     .checks = checks,
     .n_checks = 2,
     .exchanges = exchanges,
     .n_exchanges = 1,
     .findings = findings,
     .n_findings = 1},
    {.name = hostile,
     .file = hostile,
     .proves = hostile,
     .tags = hostile,
     .reason = hostile,
     .ended = true,
     .verdict = VERDICT_SKIP},
    {.name = hostile,
     .file = hostile,
     .proves = hostile,
     .tags = hostile,
     .reason = hostile,
     .ended = false,
     .verdict = VERDICT_PASS},
};
static const struct report report = {
    .run = 1,
    .started_at = hostile,
    .target = hostile,
    .contract = hostile,
    .seed = hostile,
    .version = hostile,
    .command_line = hostile,
    .ended = true,
    .exit_code = 1,
    .failed = 1,
    .broken = 1,
    .skipped = 1,
    .checks_passed = 1,
    .checks_failed = 1,
    .planned = 3,
    .scenarios = scenarios,
    .n_scenarios = 3,
};

static void escapes_markup_and_replaces_what_xml_cannot_carry(void **state)
{
    (void)state;
    struct buf out CLEANUP(buf_release) = BUF_INIT(KIB(4));
    xml_escape(&out, "a<b>&\"'\x01\xff\xed\xa0\x80 \xc3\xa9");
    assert_string_equal(out.data, "a&lt;b&gt;&amp;&quot;&#39;\xef\xbf\xbd\xef\xbf\xbd"
                                  "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd \xc3\xa9");
}

/* xmllint is the judge, not our own eye. */
static void assert_well_formed(const struct buf *text, const char *option)
{
    const char *const argv[] = {"xmllint", "--noout", option, "-", NULL};
    struct strv env CLEANUP(strv_release) = STRV_INIT;
    strv_add(&env, "PATH=/usr/local/bin:/usr/bin:/bin");
    struct proc_spec spec = PROC_SPEC_INIT;
    spec.argv = (char *const *)(const void *)argv;
    spec.env = &env;
    struct proc_result result CLEANUP(proc_result_release) = {.exit_code = -1};
    struct err err = ERR_INIT;
    assert_int_equal(proc_run(&spec, text->data, text->len, 20000, &result, &err), 0);
    if (result.exit_code != 0) {
        fail_msg("xmllint: %s", result.err.data);
    }
}

static void writes_junit_that_parses(void **state)
{
    (void)state;
    struct buf out CLEANUP(buf_release) = BUF_INIT(LIMIT_REPORT);
    report_junit(&report, &out);
    assert_well_formed(&out, "--nonet");
    assert_non_null(strstr(out.data, "<testsuites name=\"waybill\" tests=\"4\""
                                     " failures=\"1\" errors=\"1\" skipped=\"1\""));
}

static void writes_html_without_a_tag_of_a_peer(void **state)
{
    (void)state;
    struct buf out CLEANUP(buf_release) = BUF_INIT(LIMIT_REPORT);
    report_html(&report, &out);
    assert_null(strstr(out.data, "<a href"));
    assert_non_null(strstr(out.data, "&lt;a href"));
    assert_non_null(strstr(out.data, "frames that break the protocol"));
    assert_non_null(strstr(out.data, "2 frames, the first in step "));
}

static void writes_markdown_tables_that_stay_tables(void **state)
{
    (void)state;
    struct buf out CLEANUP(buf_release) = BUF_INIT(LIMIT_REPORT);
    report_markdown(&report, &out);
    for (const char *p = out.data; (p = strstr(p, "<a href")) != NULL; p++) {
        assert_int_equal(p[-1], '\\');
    }
    assert_non_null(strstr(out.data, "## What is red"));
    assert_non_null(strstr(out.data, "## MCP frames that break the protocol"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(escapes_markup_and_replaces_what_xml_cannot_carry),
        cmocka_unit_test(writes_junit_that_parses),
        cmocka_unit_test(writes_html_without_a_tag_of_a_peer),
        cmocka_unit_test(writes_markdown_tables_that_stay_tables),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
