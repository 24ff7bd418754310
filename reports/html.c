#include "base/clock.h"
#include "base/embed.h"
#include "reports/render.h"

#include <string.h>

EMBED(style_css, "reports/web/style.css");

static void verdict_word(struct buf *out, enum verdict verdict)
{
    const char *name = table_name(verdict_names, (int)verdict);
    buf_addf(out, "<span class=\"verdict %s\">%s</span>", name, name);
}

static void labelled(struct buf *out, const char *label, const char *text)
{
    if (!text[0]) {
        return;
    }
    buf_addf(out, "<div class=\"label\">%s</div><pre>", label);
    xml_escape(out, text);
    buf_adds(out, "</pre>");
}

static void render_exchange(struct buf *out, const struct report_exchange *e)
{
    char human[32];
    buf_addf(out, "<details class=\"exchange\"><summary>#%d <code>", e->number);
    xml_escape(out, e->request);
    buf_adds(out, "</code> → ");
    if (e->error[0]) {
        xml_escape(out, e->error);
    } else if (e->status != 0) {
        buf_addf(out, "%d", e->status);
    } else {
        buf_adds(out, "answered");
    }
    buf_addf(out, " <span class=\"time\">%s</span></summary>",
             clock_human(e->duration_ms, human));
    labelled(out, "request headers", e->request_headers);
    labelled(out, "request body", e->request_body);
    labelled(out, "answer headers", e->response_headers);
    labelled(out, "answer body", e->response_body);
    if (e->n_frames > 0) {
        buf_addf(out, "<div class=\"label\">%d MCP frame%s over ", e->n_frames,
                 e->n_frames == 1 ? "" : "s");
        xml_escape(out, e->transport);
        buf_adds(out, e->revision[0] ? ", " : "");
        xml_escape(out, e->revision);
        buf_adds(out, "</div>");
    }
    buf_adds(out, "</details>");
}

/* Frames that break the protocol are shown whatever the checks say; of those that break
 * it alike, the first. */
static void render_findings(struct buf *out, const struct report_scenario *s)
{
    if (s->n_findings > 0) {
        buf_adds(out, "<h3>MCP frames that break the protocol</h3>");
    }
    for (size_t i = 0; i < s->n_findings; i++) {
        const struct report_finding *f = &s->findings[i];
        const struct report_exchange *e = report_exchange_by_id(s, f->exchange);
        buf_addf(out, "<div class=\"label\">%d frame%s step ", f->frames,
                 f->frames == 1 ? " in" : "s, the first in");
        xml_escape(out, f->step);
        buf_adds(out, "</div><pre>");
        xml_escape(out, f->text);
        buf_adds(out, "</pre>");
        if (e) {
            render_exchange(out, e);
        }
    }
}

static void render_check(struct buf *out, const struct report_scenario *s,
                         const struct report_check *c)
{
    bool red = c->verdict == VERDICT_FAIL || c->verdict == VERDICT_BROKEN;
    buf_adds(out, "<tr><td>");
    verdict_word(out, c->verdict);
    buf_adds(out, "</td><td><span class=\"step\">");
    xml_escape(out, c->step_name[0] ? c->step_name : c->step);
    buf_adds(out, "</span><br>");
    xml_escape(out, c->name);
    if (red) {
        labelled(out, "expected", c->expected);
        labelled(out, "actual", c->actual);
        const struct report_exchange *e = report_exchange_by_id(s, c->exchange);
        if (e) {
            render_exchange(out, e);
        }
    }
    buf_adds(out, "</td><td class=\"where\"><code>");
    xml_escape(out, c->file);
    buf_addf(out, ":%d</code><br><span class=\"step\">step ", c->line);
    xml_escape(out, c->step);
    buf_adds(out, "</span></td></tr>\n");
}

static void render_scenario(struct buf *out, const struct report_scenario *s)
{
    char human[32];
    enum verdict verdict = report_verdict(s);
    bool red = verdict == VERDICT_FAIL || verdict == VERDICT_BROKEN;
    buf_addf(out, "<details class=\"scenario\"%s><summary>", red ? " open" : "");
    verdict_word(out, verdict);
    buf_adds(out, "<span><b>");
    xml_escape(out, s->name);
    buf_adds(out, "</b><span class=\"proves\">");
    xml_escape(out, s->proves);
    buf_addf(out, "</span></span><span class=\"time\">%zu check%s, %s</span></summary>",
             s->n_checks, s->n_checks == 1 ? "" : "s",
             clock_human(s->duration_ms, human));
    buf_adds(out, "<div class=\"body\">");
    if (s->reason[0] || !s->ended) {
        buf_adds(out, "<p class=\"reason\">");
        xml_escape(out, s->ended ? s->reason : "the run was cut off in this scenario");
        buf_adds(out, "</p>");
    }
    if (s->n_checks > 0) {
        buf_adds(out, "<table><thead><tr><th>verdict</th><th>check</th>"
                      "<th class=\"where\">where</th></tr></thead><tbody>\n");
        for (size_t i = 0; i < s->n_checks; i++) {
            render_check(out, s, &s->checks[i]);
        }
        buf_adds(out, "</tbody></table>");
    }
    render_findings(out, s);
    buf_addf(out, "<p class=\"label\">%zu requests, %d polls, tags ", s->n_exchanges,
             s->polls);
    xml_escape(out, s->tags);
    buf_adds(out, "</p></div></details>\n");
}

static void tile(struct buf *out, const char *class, int value, const char *label)
{
    buf_addf(out, "<div class=\"tile\"><b class=\"%s\">%d</b><span>%s</span></div>",
             value > 0 ? class : "", value, label);
}

static void render_head(struct buf *out, const struct report *r)
{
    bool red = r->failed + r->broken > 0 || !r->ended || r->exit_code != 0;
    buf_adds(out, "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">"
                  "<meta name=\"viewport\" content=\"width=device-width\">"
                  "<title>waybill: ");
    buf_addf(out, "%s</title><style>\n", report_title(r));
    buf_adds(out, style_css_start);
    buf_addf(out, "</style></head><body><main><h1 class=\"%s\">%s</h1>",
             red ? "FAIL" : "PASS", report_title(r));
    buf_addf(out, "<p class=\"meta\">Run %lld on target ", (long long)r->run);
    xml_escape(out, r->target);
    buf_adds(out, ", contract ");
    xml_escape(out, r->contract);
    buf_adds(out, ", seed ");
    xml_escape(out, r->seed);
    buf_adds(out, ". Started ");
    xml_escape(out, r->started_at);
    if (r->ended) {
        char human[32];
        buf_addf(out, ", %s. Exit code %d.</p>", clock_human(r->wall_ms, human),
                 r->exit_code);
    } else {
        buf_adds(out, ", cut off before its end.</p>");
    }
    buf_adds(out, "<div class=\"tiles\">");
    tile(out, "PASS", r->passed, "scenarios passed");
    tile(out, "FAIL", r->failed, "failed");
    tile(out, "BROKEN", r->broken, "broken");
    tile(out, "SKIP", r->skipped, "skipped");
    tile(out, "PASS", r->checks_passed, "checks passed");
    tile(out, "FAIL", r->checks_failed + r->checks_broken, "checks red");
    buf_adds(out, "</div>");
    if (r->leaked > 0) {
        buf_addf(out, "<p class=\"FAIL\"><b>%d</b> left behind after teardown.</p>",
                 r->leaked);
    }
}

/* Red ones first: they are what the page is opened for. */
void report_html(const struct report *r, struct buf *out)
{
    static const enum verdict order[] = {VERDICT_FAIL, VERDICT_BROKEN, VERDICT_SKIP,
                                         VERDICT_PASS};
    render_head(out, r);
    buf_adds(out, "<h2>Scenarios</h2>\n");
    for (size_t k = 0; k < ARRAY_SIZE(order); k++) {
        for (size_t i = 0; i < r->n_scenarios; i++) {
            if (report_verdict(&r->scenarios[i]) == order[k]) {
                render_scenario(out, &r->scenarios[i]);
            }
        }
    }
    buf_adds(out, "<footer>waybill ");
    xml_escape(out, r->version);
    buf_adds(out, " — <code>");
    xml_escape(out, r->command_line);
    buf_adds(out, "</code></footer></main></body></html>\n");
}
