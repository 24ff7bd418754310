#include "mocks/server/routes_main.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/args.h"
#include "base/fs.h"
#include "io/http.h"
#include "io/json.h"
#include "mocks/server/router.h"

enum { ASK_TIMEOUT_MS = 10000 };

static const char help[] =
    "usage: waybill-mock routes [OPTION...]\n"
    "\n"
    "Every route of the mock: plane, group, method, path, auth, whether it is built or\n"
    "unspecified (its shape is not known: 501), and how many requests of the last run\n"
    "asked for it. auth is who may: open (anybody), admin, workspace (the one in the "
    "path),\n"
    "own (that one, where it has tokens), cp (the control plane's admin), self (the "
    "route\n"
    "decides by itself).\n"
    "\n"
    "  --hits FILE  of this run: DATABASE.routes.json (default: of build/results.db, "
    "else\n"
    "               of waybill-results.db here)\n"
    "  --url URL    of the platform that runs there, as in http://127.0.0.1:8080\n"
    "  --json       one JSON object\n"
    "  --help       this text\n"
    "\n"
    "Example: waybill run && waybill-mock routes\n";

struct options {
    const char *hits, *url;
    bool json;
};

/* What a run leaves when it ends; the first that is there. */
static const char *const last_runs[] = {"build/results.db.routes.json",
                                        "waybill-results.db.routes.json"};

static int ask(const char *url, json_t **ret, struct err *err)
{
    struct http *http = NULL;
    struct http_response resp CLEANUP(http_response_release) = HTTP_RESPONSE_INIT;
    size_t len = strlen(url);
    CLEANUP(free_ptr)
    char *whole = xasprintf("%.*s/_mock/routes",
                            (int)(len > 0 && url[len - 1] == '/' ? len - 1 : len), url);
    const struct http_request req = {.url = whole, .timeout_ms = ASK_TIMEOUT_MS};
    if (http_new(&http, err) < 0)
        return -1;
    int result = http_perform(http, &req, &resp, err);
    http_free(http);
    if (result == 0 && resp.status != 200)
        return err_set(err, ERR_SHAPE, "%s answers %d: is it a mock platform?", whole,
                       resp.status);
    return result < 0 ? -1 : json_parse(resp.body.data, resp.body.len, ret, err);
}

static const json_t *same_route(const json_t *routes, const json_t *route)
{
    static const char *const keys[] = {"plane", "method", "path"};
    size_t i = 0;
    json_t *other = NULL;
    json_array_foreach(routes, i, other)
    {
        size_t same = 0;
        for (size_t k = 0; k < ARRAY_SIZE(keys); k++)
            same +=
                strcmp(json_str(other, keys[k], ""), json_str(route, keys[k], "")) == 0;
        if (same == ARRAY_SIZE(keys))
            return other;
    }
    return NULL;
}

/* The tables are this program's; an older run may have known others. */
static void take_hits(json_t *list, const json_t *from)
{
    size_t i = 0;
    json_t *route = NULL;
    json_array_foreach(json_object_get(list, "routes"), i, route)
    {
        const json_t *hit = same_route(json_object_get(from, "routes"), route);
        (void)json_object_set_new(route, "hits", json_integer(json_int(hit, "hits", 0)));
    }
}

/* *ret_from: where the hits are from, NULL = nowhere. */
static int get_routes(const struct options *o, json_t **ret, const char **ret_from,
                      struct err *err)
{
    *ret_from = o->url ? o->url : o->hits;
    if (o->url)
        return ask(o->url, ret, err);
    for (size_t i = 0; !*ret_from && i < ARRAY_SIZE(last_runs); i++)
        if (fs_exists(last_runs[i]))
            *ret_from = last_runs[i];
    CLEANUP(json_drop) json_t *run = NULL;
    if (*ret_from && json_read_file(*ret_from, &run, err) < 0)
        return -1;
    *ret = route_list(NULL);
    take_hits(*ret, run);
    return 0;
}

/* ---- the table ---- */

static const char *const columns[] = {"plane", "group", "method", "path", "auth"};
enum { COLUMNS_N = sizeof columns / sizeof *columns };

static int by_columns(const void *a, const void *b)
{
    static const int order[] = {0, 1, 3, 2};
    const json_t *x = *(json_t *const *)a, *y = *(json_t *const *)b;
    for (size_t i = 0; i < ARRAY_SIZE(order); i++) {
        const char *key = columns[order[i]];
        int differs = strcmp(json_str(x, key, ""), json_str(y, key, ""));
        if (differs)
            return differs;
    }
    return 0;
}

static void print_row(const json_t *row, const int *widths)
{
    for (size_t c = 0; c < COLUMNS_N; c++)
        (void)printf("%-*s  ", widths[c], json_str(row, columns[c], "?"));
    (void)printf("%-11s  %8lld\n",
                 json_bool(row, "built", false) ? "built" : "unspecified",
                 (long long)json_int(row, "hits", 0));
}

static void print_table(const json_t *routes, const char *from)
{
    size_t n = json_array_size(routes), i = 0, unspecified = 0, asked = 0;
    json_t **rows = xcalloc(n + 1, sizeof(json_t *));
    int widths[COLUMNS_N];
    json_t *row = NULL;
    for (size_t c = 0; c < COLUMNS_N; c++)
        widths[c] = (int)strlen(columns[c]);
    json_array_foreach(routes, i, row)
    {
        rows[i] = row;
        unspecified += !json_bool(row, "built", false);
        asked += json_int(row, "hits", 0) > 0;
        for (size_t c = 0; c < COLUMNS_N; c++) {
            int len = (int)strlen(json_str(row, columns[c], "?"));
            widths[c] = len > widths[c] ? len : widths[c];
        }
    }
    qsort(rows, n, sizeof(json_t *), by_columns);
    for (size_t c = 0; c < COLUMNS_N; c++)
        (void)printf("%-*s  ", widths[c], columns[c]);
    (void)printf("%-11s  %8s\n", "state", "hits");
    for (i = 0; i < n; i++)
        print_row(rows[i], widths);
    (void)printf("%zu routes, %zu unspecified, %zu asked%s%s\n", n, unspecified, asked,
                 from ? "; hits from " : "; no run has left hits", from ? from : "");
    free(rows);
}

/* 0 = taken, 1 = help was asked for. */
static int parse(int argc, char **argv, struct options *o, struct err *err)
{
    static const struct arg_row rows[] = {
        {"hits", ARG_TEXT, offsetof(struct options, hits), 0, 0},
        {"url", ARG_TEXT, offsetof(struct options, url), 0, 0},
        {"json", ARG_FLAG, offsetof(struct options, json), 0, 0},
        {"help", ARG_HELP, 0, 0, 0},
    };
    int parsed = args_parse(argc, argv, "waybill-mock routes", rows, ARRAY_SIZE(rows), o,
                            NULL, err);
    if (parsed != 0)
        return parsed;
    if (o->hits && o->url)
        return err_set(err, ERR_USAGE, "--hits and --url exclude each other");
    if (o->url && strncmp(o->url, "http://", 7) != 0 &&
        strncmp(o->url, "https://", 8) != 0)
        return err_set(err, ERR_USAGE,
                       "'%s' is no URL; a platform's is as in http://127.0.0.1:8080",
                       o->url);
    return 0;
}

int routes_main(int argc, char **argv)
{
    struct options o = {.json = false};
    struct err err = ERR_INIT;
    CLEANUP(json_drop) json_t *list = NULL;
    const char *from = NULL;
    int parsed = parse(argc, argv, &o, &err);
    if (parsed == 1)
        return fputs(help, stdout) < 0 ? 1 : 0;
    if (parsed < 0 || get_routes(&o, &list, &from, &err) < 0) {
        (void)fprintf(stderr, "waybill-mock: %s\n", err.text);
        return o.url && parsed == 0 ? 3 : 2;
    }
    if (o.json) {
        CLEANUP(free_ptr) char *text = json_text(list, JSON_STRUCT);
        return puts(text) < 0 ? 1 : 0;
    }
    print_table(json_object_get(list, "routes"), from);
    return 0;
}
