#include "mocks/server/journal_main.h"

#include <poll.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/args.h"
#include "base/limits.h"
#include "io/http.h"
#include "io/json.h"
#include "mocks/server/journal.h"
#include "mocks/server/state_store.h"

enum { PAGE = 1000, LOOK_EVERY_MS = 250, PATIENCE_MS = 30000 };
struct view {
    const char *url, *state;
    struct journal_query q;
    bool follow, json, colour;
    struct http *http;
    struct journal *kept; /* of a state file */
};

static void help(void)
{
    (void)fputs(
        "usage: waybill-mock journal [--url URL | --state FILE] [OPTION...]\n\n"
        "What a platform was asked and why it answered so, one line a request: its\n"
        "number, seconds since the start, who asked, the rule that the route goes by,\n"
        "as whom that let the caller in, and after the path what was decided.\n\n"
        "  --url URL            the platform (default: $WAYBILL_MOCK_URL)\n"
        "  --state FILE         a state file instead\n",
        stdout);
    for (size_t i = 0; i < JOURNAL_FILTERS; i++) {
        const struct journal_filter *f = &journal_filters[i];
        int used = printf("  --%s %s", f->name, f->argument);
        (void)printf("%*s%s\n", used < 23 ? 23 - used : 1, "", f->about);
    }
    (void)fputs("  --since N            from this number on\n"
                "  --limit N            at most so many, the oldest\n"
                "  --last N             only the last so many\n"
                "  --follow             and what comes, until it is interrupted\n"
                "  --json               a JSON object a line, with every member whole\n"
                "  --help               this text\n\n"
                "Example: waybill-mock journal --status 4xx --last 20\n",
                stdout);
}

#define AT(member) offsetof(struct view, member)
static const struct arg_row others[] = {
    {"url", ARG_TEXT, AT(url), 0, 0},
    {"state", ARG_TEXT, AT(state), 0, 0},
    {"since", ARG_INT64, AT(q.since), 0, INT64_MAX},
    {"limit", ARG_INT64, AT(q.limit), 1, INT64_MAX},
    {"last", ARG_INT64, AT(q.last), 1, INT64_MAX},
    {"follow", ARG_FLAG, AT(follow), 0, 0},
    {"json", ARG_FLAG, AT(json), 0, 0},
    {"help", ARG_HELP, 0, 0, 0},
};

/* 0 = taken, 1 = help was asked for. */
static int parse(struct view *v, int argc, char **argv, struct err *err)
{
    struct arg_row rows[JOURNAL_FILTERS + ARRAY_SIZE(others)];
    for (size_t i = 0; i < JOURNAL_FILTERS; i++) {
        const char *field = (const char *)journal_filter_of(&v->q, i);
        rows[i] = (struct arg_row){journal_filters[i].name, ARG_TEXT,
                                   (size_t)(field - (const char *)v), 0, 0};
    }
    memcpy(rows + JOURNAL_FILTERS, others, sizeof others);
    int parsed = args_parse(argc, argv, "waybill-mock journal", rows, ARRAY_SIZE(rows), v,
                            NULL, err);
    if (parsed != 0)
        return parsed;
    if (v->url == NULL && v->state == NULL)
        v->url = getenv("WAYBILL_MOCK_URL");
    if (v->url == NULL && v->state == NULL)
        return err_set(err, ERR_USAGE,
                       "which platform? name it with --url or WAYBILL_MOCK_URL, or its "
                       "state file with --state");
    if (v->state != NULL && (v->url != NULL || v->follow))
        return err_set(err, ERR_USAGE, "--state goes without --url and --follow");
    if (v->url != NULL && strncmp(v->url, "http://", 7) != 0 &&
        strncmp(v->url, "https://", 8) != 0)
        return err_set(err, ERR_USAGE,
                       "'%s' is no URL; a platform's is as in http://127.0.0.1:8080",
                       v->url);
    return journal_query_check(&v->q, err);
}

/* A page; caller owns. */
static int ask(struct view *v, const struct journal_query *q, json_t **ret,
               struct err *err)
{
    if (v->kept != NULL) {
        *ret = journal_find(v->kept, q);
        return 0;
    }
    struct journal_query copy = *q;
    CLEANUP(buf_release) struct buf url = BUF_INIT(KIB(64));
    buf_addf(&url, "%s/_mock/journal?since=%lld&limit=%lld", v->url, (long long)q->since,
             (long long)q->limit);
    if (q->last > 0)
        buf_addf(&url, "&last=%lld", (long long)q->last);
    for (size_t i = 0; i < JOURNAL_FILTERS; i++) {
        const char *value = *journal_filter_of(&copy, i);
        CLEANUP(free_ptr) char *escaped = value == NULL ? NULL : http_escape(value);
        if (escaped != NULL)
            buf_addf(&url, "&%s=%s", journal_filters[i].name, escaped);
    }
    CLEANUP(http_response_release) struct http_response resp = HTTP_RESPONSE_INIT;
    struct http_request req = HTTP_REQUEST_INIT;
    req.url = url.data;
    req.timeout_ms = PATIENCE_MS;
    if (http_perform(v->http, &req, &resp, err) < 0)
        return -1;
    if (resp.status != 200)
        return err_set(err, ERR_NET, "'%s' answers %d", v->url, resp.status);
    return json_parse(resp.body.data, resp.body.len, ret, err);
}

enum { ID_SHOWN = 12 }; /* columns of "box:" and as much of its id as tells boxes apart */

static void show_heads(void)
{
    (void)printf("%6s %9s  %-12s %-12s %-7s %6s %-9s %-9s %s\n", "n", "seconds", "org",
                 "caller", "method", "status", "rule", "auth", "path");
}

/* What a peer sent must not move the cursor. */
static void harmless(struct buf *text)
{
    for (size_t i = 0; i < text->len; i++)
        if ((unsigned char)text->data[i] < ' ' || text->data[i] == '\x7f')
            text->data[i] = '?';
}

static void show(const struct view *v, const json_t *e)
{
    if (v->json) {
        CLEANUP(free_ptr) char *text = json_text(e, JSON_STRUCT);
        (void)printf("%s\n", text);
        return;
    }
    const char *query = json_str(e, "query", NULL), *fault = json_str(e, "fault", NULL);
    const char *decision = json_str(e, "decision", "");
    CLEANUP(buf_release) struct buf left = BUF_INIT(KIB(16));
    CLEANUP(buf_release) struct buf right = BUF_INIT(KIB(16));
    buf_addf(&left, "%6lld %9.3f  %-12.12s %-*.*s %-7.7s ",
             (long long)json_int(e, "n", 0), (double)json_int(e, "at_ms", 0) / 1000,
             json_str(e, "org", "-"), ID_SHOWN, ID_SHOWN, json_str(e, "caller", "?"),
             json_str(e, "method", ""));
    buf_addf(&right, " %-9s %-9s %s%s%s", json_str(e, "rule", "-"),
             json_str(e, "auth", "-"), json_str(e, "path", ""), query ? "?" : "",
             query ? query : "");
    buf_addf(&right, "%s%s%s%s", fault ? "  fault " : "", fault ? fault : "",
             *decision ? "  " : "", decision);
    harmless(&left);
    harmless(&right);
    int64_t status = json_int(e, "status", 0);
    const char *paint = !v->colour ? "" : status >= 400 ? "\033[31m" : "\033[32m";
    (void)printf("%s%s%6lld%s%s\n", left.data, paint, (long long)status,
                 v->colour ? "\033[0m" : "", right.data);
}

/* Its own questions are requests too; who follows does not want to see them. */
static bool is_own(const struct view *v, const json_t *e)
{
    return v->follow && strcmp(json_str(e, "path", ""), "/_mock/journal") == 0;
}

static int list(struct view *v, struct err *err)
{
    int64_t left = v->q.limit > 0 ? v->q.limit : INT64_MAX;
    struct journal_query q = v->q;
    if (!v->json)
        show_heads();
    for (;;) {
        CLEANUP(json_drop) json_t *page = NULL;
        size_t i;
        json_t *e;
        q.limit = left < PAGE ? left : PAGE;
        if (ask(v, &q, &page, err) < 0)
            return -1;
        json_array_foreach(json_object_get(page, "entries"), i, e)
        {
            if (!is_own(v, e))
                show(v, e);
        }
        left -= (int64_t)json_array_size(json_object_get(page, "entries"));
        q.since = json_int(page, "next", q.since);
        q.last = 0;
        bool all = json_array_size(json_object_get(page, "entries")) < (size_t)q.limit;
        if (left <= 0 || (all && !v->follow))
            return 0;
        if (fflush(stdout) != 0)
            return 0; /* nobody reads it any more */
        if (all)
            (void)poll(NULL, 0, LOOK_EVERY_MS);
    }
}

int journal_main(int argc, char **argv)
{
    struct view v = {.url = NULL};
    struct err err = ERR_INIT;
    int result = parse(&v, argc, argv, &err);
    if (result == 1) {
        help();
        return 0;
    }
    const char *no_color = getenv("NO_COLOR");
    v.colour = isatty(STDOUT_FILENO) == 1 && (no_color == NULL || *no_color == '\0');
    if (result == 0 && v.state != NULL) {
        v.kept = journal_new(MIB(512));
        result = state_store_read_journal(v.state, v.kept, &err);
    } else if (result == 0) {
        result = http_new(&v.http, &err);
    }
    if (result == 0)
        result = list(&v, &err);
    journal_free(v.kept);
    http_free(v.http);
    if (result == 0)
        return 0;
    (void)fprintf(stderr, "waybill-mock: %s\n", err.text);
    return err.kind == ERR_USAGE || err.kind == ERR_CONFIG ? 2 : 3;
}
