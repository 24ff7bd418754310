#include "base/clock.h"
#include "reports/render.h"

#include <string.h>

enum { CELL_MAX = 160 }; /* bytes of expected and actual in a table */

/* One table cell: no line breaks, no pipes, no markup. */
static void cell(struct buf *out, const char *text)
{
    size_t n = 0;
    for (const char *p = text; *p && n < CELL_MAX; p++, n++) {
        if (*p == '\n' || *p == '\r' || *p == '\t') {
            buf_addc(out, ' ');
        } else if (strchr("|\\`*_[]<>#", *p)) {
            buf_addc(out, '\\');
            buf_addc(out, *p);
        } else {
            buf_addc(out, *p);
        }
    }
    if (text[n]) {
        buf_adds(out, "…");
    }
}

static void render_reds(const struct report *r, struct buf *out)
{
    bool first = true;
    for (size_t i = 0; i < r->n_scenarios; i++) {
        const struct report_scenario *s = &r->scenarios[i];
        for (size_t k = 0; k < s->n_checks; k++) {
            const struct report_check *c = &s->checks[k];
            if (c->verdict == VERDICT_PASS || c->verdict == VERDICT_SKIP) {
                continue;
            }
            if (first) {
                buf_adds(out, "\n## What is red\n\n"
                              "| verdict | check | expected | actual | where |\n"
                              "| --- | --- | --- | --- | --- |\n");
                first = false;
            }
            buf_addf(out, "| %s | ", table_name(verdict_names, (int)c->verdict));
            cell(out, s->name);
            buf_adds(out, ": ");
            cell(out, c->step_name[0] ? c->step_name : c->step);
            buf_adds(out, ": **");
            cell(out, c->name);
            buf_adds(out, "** | ");
            cell(out, c->expected);
            buf_adds(out, " | ");
            cell(out, c->actual);
            buf_adds(out, " | ");
            cell(out, c->file);
            buf_addf(out, ":%d |\n", c->line);
        }
    }
}

static void render_findings(const struct report *r, struct buf *out)
{
    bool first = true;
    for (size_t i = 0; i < r->n_scenarios; i++) {
        const struct report_scenario *s = &r->scenarios[i];
        for (size_t k = 0; k < s->n_findings; k++) {
            const struct report_finding *f = &s->findings[k];
            const struct report_exchange *e = report_exchange_by_id(s, f->exchange);
            if (first) {
                buf_adds(out, "\n## MCP frames that break the protocol\n\n"
                              "| scenario | step | request | frames | what they break |\n"
                              "| --- | --- | --- | --- | --- |\n");
                first = false;
            }
            buf_adds(out, "| ");
            cell(out, s->name);
            buf_adds(out, " | ");
            cell(out, f->step);
            buf_adds(out, " | ");
            cell(out, e ? e->request : "");
            buf_addf(out, " | %d | ", f->frames);
            cell(out, f->text);
            buf_adds(out, " |\n");
        }
    }
}

static void render_scenarios(const struct report *r, struct buf *out)
{
    buf_adds(out, "\n## Scenarios\n\n"
                  "| verdict | scenario | proves | checks | time |\n"
                  "| --- | --- | --- | --- | --- |\n");
    for (size_t i = 0; i < r->n_scenarios; i++) {
        const struct report_scenario *s = &r->scenarios[i];
        char human[32];
        buf_addf(out, "| %s | ", table_name(verdict_names, (int)report_verdict(s)));
        cell(out, s->name);
        buf_adds(out, " | ");
        cell(out, s->proves);
        if (s->reason[0] || !s->ended) {
            buf_adds(out, " — ");
            cell(out, s->ended ? s->reason : "the run was cut off in this scenario");
        }
        buf_addf(out, " | %zu | %s |\n", s->n_checks, clock_human(s->duration_ms, human));
    }
}

void report_markdown(const struct report *r, struct buf *out)
{
    char human[32];
    buf_addf(out, "# waybill: %s\n\n", report_title(r));
    buf_addf(out, "Run %lld on target ", (long long)r->run);
    cell(out, r->target);
    buf_adds(out, ", contract ");
    cell(out, r->contract);
    buf_adds(out, ", seed ");
    cell(out, r->seed);
    buf_adds(out, ", started ");
    cell(out, r->started_at);
    buf_addf(out, ", %s.\n\n",
             r->ended ? clock_human(r->wall_ms, human) : "cut off before its end");
    buf_adds(out, "| | passed | failed | broken | skipped |\n"
                  "| --- | --- | --- | --- | --- |\n");
    buf_addf(out, "| scenarios | %d | %d | %d | %d |\n", r->passed, r->failed, r->broken,
             r->skipped);
    buf_addf(out, "| checks | %d | %d | %d | %d |\n", r->checks_passed, r->checks_failed,
             r->checks_broken, r->checks_skipped);
    if (r->leaked > 0) {
        buf_addf(out, "\n**%d resource%s left behind after teardown.**\n", r->leaked,
                 r->leaked == 1 ? " was" : "s were");
    }
    render_reds(r, out);
    render_findings(r, out);
    render_scenarios(r, out);
}
