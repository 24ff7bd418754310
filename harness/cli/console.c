#include "cli/console.h"

#include "base/buf.h"
#include "base/clock.h"
#include "base/limits.h"
#include "base/utf8.h"
#include "io/json.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { SHOWN_TEXT = 600 }; /* bytes of expected and actual on the screen */

struct console {
    struct sink sink;
    struct console_options opt;
    int total, done, red;
    int not_started; /* scenarios that an interruption kept from starting */
    int64_t started_ms, drawn_ms;
    char *running;   /* name of the scenario that started last */
    bool line_open;  /* the live line is on the screen */
    struct buf reds; /* red checks of scenarios that have not ended yet, see red_begin */
};

static const char *paint(const struct console *c, enum verdict verdict)
{
    static const char *const colours[] = {
        [VERDICT_PASS] = "\033[32m",
        [VERDICT_FAIL] = "\033[1;31m",
        [VERDICT_BROKEN] = "\033[1;33m",
        [VERDICT_SKIP] = "\033[2m",
    };
    return c->opt.colour ? colours[verdict] : "";
}

static const char *plain(const struct console *c)
{
    return c->opt.colour ? "\033[0m" : "";
}

static void erase_live(struct console *c)
{
    if (c->line_open) {
        fputs("\r\033[K", c->opt.out);
        c->line_open = false;
    }
}

static void draw_live(struct console *c)
{
    int64_t now = clock_mono_ms();
    if (!c->opt.live || c->total == 0 || now - c->drawn_ms < 50) {
        return;
    }
    c->drawn_ms = now;
    char human[32];
    fprintf(c->opt.out, "\r\033[K%d/%d scenarios, %d red, %s  %.40s", c->done, c->total,
            c->red, clock_human(now - c->started_ms, human),
            c->running ? c->running : "");
    fflush(c->opt.out);
    c->line_open = true;
}

/* Text of several lines, indented, cut off past SHOWN_TEXT. */
static void add_indented(struct buf *out, const char *label, const char *text)
{
    struct buf shown CLEANUP(buf_release) = BUF_INIT(KIB(256));
    size_t n = 0;
    text = text ? text : "";
    utf8_add_shown(&shown, text, strlen(text));
    buf_addf(out, "        %-9s ", label);
    while (n < shown.len && n < SHOWN_TEXT) {
        size_t len = utf8_len(shown.data + n, shown.len - n);
        buf_add(out, shown.data + n, len);
        if (shown.data[n] == '\n') {
            buf_adds(out, "                  ");
        }
        n += len;
    }
    buf_adds(out, n < shown.len ? " ...\n" : "\n");
}

static void add_check(struct console *c, const struct event *ev)
{
    struct buf line CLEANUP(buf_release) = BUF_INIT(KIB(16));
    const char *word = table_name(verdict_names, (int)ev->verdict);
    buf_addf(&line, "    %s%-6s%s ", paint(c, ev->verdict), word, plain(c));
    utf8_add_line(&line, ev->step_name ? ev->step_name : ev->step ? ev->step : "");
    buf_adds(&line, ": ");
    utf8_add_line(&line, ev->name);
    buf_addc(&line, '\n');
    if (ev->verdict == VERDICT_FAIL || ev->verdict == VERDICT_BROKEN) {
        add_indented(&line, "expected", ev->expected);
        add_indented(&line, "actual", ev->actual);
        buf_addf(&line, "        %-9s %s:%d (step %s)\n", "at", ev->file ? ev->file : "",
                 ev->line, ev->step);
    }
    /* Scenarios run side by side: lines are kept under their scenario's name. */
    buf_addf(&c->reds, "%s%c", ev->scenario, '\0');
    buf_add(&c->reds, line.data, line.len + 1);
}

/* Prints and forgets what was kept for that scenario. */
static void print_checks(struct console *c, const char *scenario)
{
    struct buf rest = BUF_INIT(c->reds.max);
    for (size_t at = 0; at < c->reds.len;) {
        const char *name = c->reds.data + at;
        const char *text = name + strlen(name) + 1;
        size_t len = strlen(name) + strlen(text) + 2;
        if (!strcmp(name, scenario)) {
            fputs(text, c->opt.out);
        } else {
            buf_add(&rest, name, len);
        }
        at += len;
    }
    buf_release(&c->reds);
    c->reds = rest;
}

static void print_line(struct console *c, const char *indent, const char *text)
{
    struct buf line CLEANUP(buf_release) = BUF_INIT(KIB(16));
    buf_adds(&line, indent);
    utf8_add_shown(&line, text, strlen(text));
    buf_addc(&line, '\n');
    fputs(line.data, c->opt.out);
}

static void scenario_ended(struct console *c, const struct event *ev)
{
    bool red = ev->verdict == VERDICT_FAIL || ev->verdict == VERDICT_BROKEN;
    c->done++;
    c->red += red;
    erase_live(c);
    if (ev->verdict == VERDICT_SKIP && ev->reason &&
        !strncmp(ev->reason, "not started", 11)) {
        c->not_started++;
        return;
    }
    if (red || !c->opt.quiet) {
        char right[64] = "";
        if (ev->verdict != VERDICT_SKIP) {
            char human[32];
            snprintf(right, sizeof(right), "%3d check%s %9s", ev->checks,
                     ev->checks == 1 ? " " : "s", clock_human(ev->duration_ms, human));
        }
        fprintf(c->opt.out, "%s%-6s%s %-46s %s\n", paint(c, ev->verdict),
                table_name(verdict_names, (int)ev->verdict), plain(c), ev->scenario,
                right);
        /* A FAIL is said by its checks, below. */
        if (ev->reason && ev->reason[0] && ev->verdict != VERDICT_PASS &&
            ev->verdict != VERDICT_FAIL) {
            print_line(c, "    ", ev->reason);
        }
    }
    print_checks(c, ev->scenario);
}

static void add_count(struct buf *out, int n, const char *word)
{
    if (n > 0) {
        buf_addf(out, "%s%d %s", out->len > 0 ? ", " : "", n, word);
    }
}

static void counts(struct console *c, const char *what, int passed, int failed,
                   int broken, int skipped)
{
    struct buf b CLEANUP(buf_release) = BUF_INIT(256);
    add_count(&b, passed, "passed");
    add_count(&b, failed, "failed");
    add_count(&b, broken, "broken");
    add_count(&b, skipped, "skipped");
    int n = passed + failed + broken + skipped;
    fprintf(c->opt.out, "%d %s%s: %s\n", n, what, n == 1 ? "" : "s",
            b.len > 0 ? b.data : "none");
}

static void run_ended(struct console *c, const struct event *ev)
{
    char human[32];
    erase_live(c);
    if (c->not_started > 0) {
        fprintf(c->opt.out, "%d not started\n", c->not_started);
    }
    if (!c->opt.quiet || c->red > 0) {
        fputc('\n', c->opt.out);
    }
    counts(c, "scenario", ev->passed, ev->failed, ev->broken, ev->skipped);
    counts(c, "check", ev->checks_passed, ev->checks_failed, ev->checks_broken,
           ev->checks_skipped);
    if (ev->leaked > 0) {
        fprintf(c->opt.out, "%sleft behind: %d%s\n", paint(c, VERDICT_FAIL), ev->leaked,
                plain(c));
    }
    enum verdict colour = ev->exit_code == 0   ? VERDICT_PASS
                          : ev->exit_code == 1 ? VERDICT_FAIL
                                               : VERDICT_BROKEN;
    const char *word = ev->exit_code == 0   ? "delivered"
                       : ev->exit_code == 1 ? "not delivered"
                       : ev->exit_code == 4 ? "something was left behind"
                       : ev->exit_code == 5 ? "nothing was proven"
                       : ev->exit_code > 5  ? "interrupted"
                                            : "could not find out";
    fprintf(c->opt.out, "%s%s%s in %s\n", paint(c, colour), word, plain(c),
            clock_human(ev->duration_ms, human));
    if (ev->reason && ev->reason[0] && ev->exit_code != 0) {
        print_line(c, "", ev->reason);
    }
}

static int console_event(struct sink *sink, const struct event *ev, struct err *err)
{
    struct console *c = (struct console *)sink;
    switch (ev->kind) {
    case EV_RUN_BEGIN:
        c->total = ev->scenarios;
        c->started_ms = clock_mono_ms();
        if (!c->opt.quiet) {
            fprintf(c->opt.out, "%d scenario%s on target %s, contract %s, seed %s\n",
                    ev->scenarios, ev->scenarios == 1 ? "" : "s", ev->target,
                    ev->contract, ev->seed);
        }
        break;
    case EV_SCENARIO_BEGIN:
        free(c->running);
        c->running = xstrdup(ev->scenario);
        break;
    case EV_CHECK:
        if (c->opt.verbose || ev->verdict == VERDICT_FAIL ||
            ev->verdict == VERDICT_BROKEN) {
            add_check(c, ev);
        }
        break;
    case EV_SCENARIO_END:
        scenario_ended(c, ev);
        break;
    case EV_RUN_END:
        run_ended(c, ev);
        break;
    case EV_STEP:
    case EV_EXCHANGE:
    case EV_FRAME:
    case EV_POLL:
    case EV_RESOURCE:
        break;
    }
    if (ev->kind != EV_RUN_END) {
        draw_live(c);
    }
    if (!c->line_open && fflush(c->opt.out) != 0 && errno != EPIPE) {
        return err_sys(err, errno, "cannot write to the terminal");
    }
    return 0;
}

static void console_close(struct sink *sink)
{
    struct console *c = (struct console *)sink;
    erase_live(c);
    free(c->running);
    buf_release(&c->reds);
    free(c);
}

int console_options_for(FILE *out, const char *mode, struct console_options *ret,
                        struct err *err)
{
    const char *no_color = getenv("NO_COLOR");
    const char *term = getenv("TERM");
    bool terminal = isatty(fileno(out)) == 1 && term && strcmp(term, "dumb") != 0;
    ret->out = out;
    ret->live = terminal;
    if (!strcmp(mode, "always") || !strcmp(mode, "never")) {
        ret->colour = mode[0] == 'a';
    } else if (!strcmp(mode, "auto")) {
        ret->colour = terminal && !(no_color && *no_color);
    } else {
        return err_set(err, ERR_USAGE, "--color takes auto, always or never, not '%s'",
                       mode);
    }
    return 0;
}

struct sink *console_sink(const struct console_options *opt)
{
    struct console *c = xcalloc(1, sizeof(*c));
    c->sink.event = console_event;
    c->sink.close = console_close;
    c->opt = *opt;
    buf_init(&c->reds, MIB(4));
    return &c->sink;
}

struct json_out {
    struct sink sink;
    FILE *out;
    bool reader_left; /* the run goes on without one */
};

static int json_event(struct sink *sink, const struct event *ev, struct err *err)
{
    struct json_out *j = (struct json_out *)sink;
    FILE *out = j->out;
    if (j->reader_left) {
        return 0;
    }
    json_t *line CLEANUP(json_drop) = event_to_json(ev);
    char *text CLEANUP(free_ptr) = json_text(line, JSON_STRUCT);
    fputs(text, out);
    fputc('\n', out);
    if (fflush(out) != 0) {
        j->reader_left = errno == EPIPE;
        return j->reader_left ? 0 : err_sys(err, errno, "cannot write the events");
    }
    return 0;
}

static void json_close(struct sink *sink)
{
    free(sink);
}

struct sink *json_sink(FILE *out)
{
    struct json_out *j = xcalloc(1, sizeof(*j));
    j->sink.event = json_event;
    j->sink.close = json_close;
    j->out = out;
    return &j->sink;
}
