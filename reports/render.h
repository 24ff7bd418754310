/*
 * The reports: each renders one run of the model into text.
 *
 * Sources: JUnit XML as Jenkins and GitLab read it (testsuites/testsuite/testcase with
 * failure, error, skipped); markdown as forges render it in a job summary.
 * Appends to out; a report past LIMIT_REPORT is cut off (out->truncated).
 */
#ifndef REPORTS_RENDER_H
#define REPORTS_RENDER_H

#include "base/buf.h"
#include "reports/model.h"

typedef void report_render_fn(const struct report *r, struct buf *out);

report_render_fn report_junit;
report_render_fn report_markdown;
report_render_fn report_html;

/* The renderers by name ("junit", "markdown", "html"); name NULL ends the table. */
struct report_format {
    const char *name;
    report_render_fn *render;
    const char *about;
};
extern const struct report_format report_formats[];

/* Text made safe for XML and HTML: the five special characters escaped, what XML 1.0
 * cannot carry and malformed UTF-8 replaced by U+FFFD. */
void xml_escape(struct buf *out, const char *text);

#endif
