#include "mocks/server/router.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/limits.h"
#include "base/num.h"
#include "io/json.h"
#include "io/websocket.h"
#include "mocks/server/journal.h"
#include "mocks/server/state_save.h"
#include "mocks/server/switches.h"

enum { USUAL_ANSWER = 2048 }; /* bytes: most JSON answers fit */

/* A call and what the journal needs of a request that may be gone by then. */
struct record {
    struct call call; /* first: the two are converted into each other */
    char *method, *host, *path, *raw_path, *query;
    int64_t started_at_ms;
    bool waits_for_gone; /* nobody will answer it: it ends when its peer leaves */
    bool body_parsed;
};

static struct record *of(struct call *call)
{
    return (struct record *)call;
}

static char *dup_or_null(const char *s)
{
    return s == NULL ? NULL : xstrdup(s);
}

/* ---- patterns ---- */

/* Length of the segment at s, which ends at '/' or the end. */
static size_t segment(const char *s)
{
    return strcspn(s, "/");
}

/* Walks both; each parameter's raw text is given to take, when there is one. */
static bool walk(const char *pattern, const char *path,
                 void (*take)(const char *text, size_t len, void *arg), void *arg)
{
    while (*pattern == '/' && *path == '/') {
        pattern++;
        path++;
        if (*pattern == '*') {
            if (take != NULL)
                take(path, strlen(path), arg);
            return true;
        }
        size_t want = segment(pattern), have = segment(path);
        if (*pattern == ':') {
            if (have == 0)
                return false;
            if (take != NULL)
                take(path, have, arg);
        } else if (want != have || memcmp(pattern, path, want) != 0) {
            return false;
        }
        pattern += want;
        path += have;
    }
    return *pattern == '\0' && *path == '\0';
}

bool route_pattern_fits(const char *pattern, const char *path)
{
    return walk(pattern, path, NULL, NULL);
}

static int rank(const char *pattern)
{
    return *pattern == '*' ? 0 : *pattern == ':' ? 1 : 2;
}

/* Of two patterns that fit the same path: literal text before a parameter before the
 * rest, at the first segment where they differ. */
static bool more_specific(const char *a, const char *b)
{
    while (*a == '/' && *b == '/') {
        a++;
        b++;
        if (rank(a) != rank(b))
            return rank(a) > rank(b);
        a += segment(a);
        b += segment(b);
    }
    return false;
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c = (char)tolower((unsigned char)c);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static char *percent_decode(const char *text, size_t len)
{
    char *out = xmalloc(len + 1);
    size_t n = 0;
    for (size_t i = 0; i < len; i++) {
        int high = text[i] == '%' && i + 2 < len ? hex_digit(text[i + 1]) : -1;
        int low = high >= 0 ? hex_digit(text[i + 2]) : -1;
        /* %00 would hide what follows it from every check. */
        if (low < 0 || high + low == 0) {
            out[n++] = text[i];
            continue;
        }
        out[n++] = (char)(high * 16 + low);
        i += 2;
    }
    out[n] = '\0';
    return out;
}

struct params {
    struct call *call;
    size_t n;
};

static void take_param(const char *text, size_t len, void *arg)
{
    struct params *p = arg;
    if (p->n < ROUTE_PARAMS_MAX)
        p->call->params[p->n++] = percent_decode(text, len);
}

/* The first letters tell most rows apart. */
static bool may_fit(const char *pattern, const char *path)
{
    return path[0] == '/' && pattern[0] == '/' &&
           (pattern[1] == path[1] || pattern[1] == ':' || pattern[1] == '*');
}

static bool method_fits(const char *route, const char *method)
{
    return strcmp(route, method) == 0 ||
           (strcmp(method, "HEAD") == 0 && strcmp(route, "GET") == 0);
}

const struct route *route_find(const struct route *rows, size_t n, struct call *call)
{
    struct record *r = of(call);
    const struct route *best = NULL;
    /* The raw path, so that an escaped slash stays within its parameter. */
    for (size_t i = 0; i < n; i++) {
        if (may_fit(rows[i].pattern, r->raw_path) &&
            method_fits(rows[i].method, r->method) &&
            route_pattern_fits(rows[i].pattern, r->raw_path) &&
            (best == NULL || more_specific(rows[i].pattern, best->pattern)))
            best = &rows[i];
    }
    if (best != NULL) {
        struct params p = {call, 0};
        (void)walk(best->pattern, r->raw_path, take_param, &p);
    } else {
        route_explain_miss(rows, n, r->method, r->raw_path, call);
    }
    return best;
}

void route_run(struct call *call)
{
    if (call->route->fn)
        call->route->fn(call);
    else
        call_error(call, 501, "this route is not specified");
}

/* ---- the life of a call ---- */

/* Our own programs say who they are; for the rest the token tells, at the end. */
static void name_caller(struct call *call)
{
    static const struct {
        const char *prefix, *name;
    } rows[] = {
        {"waybill-box/", "box:"}, {"waybill-mock/", "platform"}, {"waybill/", "harness"}};
    const char *agent = httpd_header(call->req, "User-Agent");
    for (size_t i = 0; agent != NULL && i < ARRAY_SIZE(rows); i++) {
        size_t len = strlen(rows[i].prefix);
        if (strncmp(agent, rows[i].prefix, len) != 0)
            continue;
        bool box = rows[i].name[strlen(rows[i].name) - 1] == ':';
        (void)snprintf(call->caller, sizeof call->caller, "%s%s", rows[i].name,
                       box ? agent + len : "");
    }
}

static void record_free(struct record *r)
{
    char *owned[] = {r->method, r->host,       r->path,         r->raw_path,
                     r->query,  r->call.fault, r->call.decision};
    for (size_t i = 0; i < ARRAY_SIZE(owned); i++)
        free(owned[i]);
    for (size_t i = 0; i < ROUTE_PARAMS_MAX; i++)
        free(r->call.params[i]);
    json_decref(r->call.body);
    free(r);
}

/* status 0 = nobody was there to hear it. Returns the entry's number, 0 = none. */
static int64_t write_journal(struct record *r, int status)
{
    struct call *call = &r->call;
    route_hit(call->plat, call->route);
    if (call->org != NULL)
        call->org->answered[status / 100]++;
    if (call->plat->journal == NULL)
        return 0;
    if (call->caller[0] == '\0' && call->token != NULL && call->token->ws != NULL &&
        call->token->kind == TOKEN_INSTANCE)
        (void)snprintf(call->caller, sizeof call->caller, "box:%s", call->token->ws->id);
    CLEANUP(free_ptr) char *route = NULL;
    if (call->route != NULL)
        route = xasprintf("%s %s", call->route->method, call->route->pattern);
    const struct journal_entry entry = {
        .duration_ms = clock_mono_ms() - r->started_at_ms,
        .method = r->method,
        .host = r->host,
        .path = r->path,
        .query = r->query,
        .org = call->org == NULL ? NULL : call->org->slug,
        .route = route,
        .rule = call->route == NULL ? NULL : route_auth_name(call->route->auth),
        .auth = call->auth,
        .caller = call->caller[0] == '\0' ? "?" : call->caller,
        .status = status,
        .fault = call->fault,
        .decision = call->decision,
    };
    return journal_add(call->plat->journal, &entry);
}

static bool only_reads(const struct record *r)
{
    static const char *const methods[] = {"GET", "HEAD", "OPTIONS"};
    for (size_t i = 0; i < ARRAY_SIZE(methods); i++)
        if (strcmp(r->method, methods[i]) == 0)
            return true;
    return false;
}

static void touch(struct call *call)
{
    if (call->org != NULL)
        state_touch(call->org);
    else
        state_touch_all(call->plat);
}

/* What a request did lasts before its answer leaves. False: it could not be saved, and
 * must not be acknowledged. */
static bool conclude(struct record *r, int status)
{
    struct call *call = &r->call;
    int64_t entry = write_journal(r, status);
    bool reads = only_reads(r);
    if (call->plat->state == NULL)
        return true;
    if (!reads)
        touch(call);
    bool saved = state_commit(call->plat, NULL) == 0;
    if (reads)
        return true;
    touch(call); /* for what its handler does after the answer */
    if (!saved && entry > 0)
        journal_amend(call->plat->journal, entry, 503);
    return saved;
}

static void on_gone(struct httpd_req *req, void *arg)
{
    (void)req;
    struct record *r = arg;
    r->call.req = NULL;
    /* While the platform stops nothing comes back any more to answer it. */
    if (r->waits_for_gone || r->call.plat->stopping) {
        (void)conclude(r, 0);
        record_free(r);
    }
}

struct call *call_begin(struct httpd_req *req, struct platform *p, struct org *org)
{
    struct record *r = xcalloc(1, sizeof *r);
    r->call.req = req;
    r->call.plat = p;
    r->call.org = org;
    r->call.auth = "none";
    r->method = xstrdup(req->method);
    r->host = dup_or_null(httpd_header(req, "Host"));
    r->path = xstrdup(req->path);
    r->raw_path = xstrdup(req->raw_path);
    r->query = *req->query == '\0' ? NULL : xstrdup(req->query);
    r->started_at_ms = req->received_at_ms;
    name_caller(&r->call);
    req->user = &r->call;
    httpd_on_gone(req, on_gone, r);
    return &r->call;
}

void call_decide(struct call *call, const char *fmt, ...)
{
    struct buf text = BUF_INIT(LIMIT_ERROR_TEXT);
    va_list ap;
    va_start(ap, fmt);
    buf_vaddf(&text, fmt, ap);
    va_end(ap);
    free(call->decision);
    call->decision = buf_steal(&text);
}

json_t *call_body(struct call *call)
{
    struct record *r = of(call);
    if (!r->body_parsed && call->req != NULL) {
        r->body_parsed = true;
        if (call->req->body_len > 0 &&
            json_parse(call->req->body, call->req->body_len, &call->body, NULL) < 0)
            call->body = NULL;
    }
    return call->body;
}

/* ---- answers ---- */

/* body: taken. */
static void end_with(struct call *call, int status, const char *type, struct buf *body)
{
    struct record *r = of(call);
    struct httpd_req *req = call->req;
    bool saved = conclude(r, req == NULL ? 0 : status);
    if (req != NULL && !saved)
        httpd_reply_json(req, 503, json_make("{s:s}", "error", "state cannot be saved"));
    else if (req != NULL)
        httpd_reply_buf(req, status, type, body);
    record_free(r);
}

void call_bytes(struct call *call, int status, const char *type, const void *body,
                size_t len)
{
    CLEANUP(buf_release) struct buf copy = BUF_INIT(len);
    buf_add(&copy, body, len);
    end_with(call, status, type, &copy);
}

void call_file(struct call *call, int status, const char *type, int fd, size_t len)
{
    struct record *r = of(call);
    struct httpd_req *req = call->req;
    write_journal(r, req == NULL ? 0 : status);
    if (req != NULL)
        httpd_reply_file(req, status, type, fd, len);
    record_free(r);
}

void call_fault_leak(const struct org *org, json_t *body)
{
    json_t *first = json_is_array(body) ? json_array_get(body, 0) : body;
    if (json_is_object(first) && fault_is(org, "leak", "org-token"))
        (void)json_object_set_new(first, "debug", json_string(org->admin_token));
}

/* A tenant's own answers leak; a file's content does when the token is in the file. */
static bool may_leak(const struct call *call)
{
    return call->org != NULL && call->route != NULL && call->route->auth != ROUTE_CP &&
           strstr(call->route->pattern, "/files") == NULL;
}

static void answer_json(struct call *call, int status, json_t *body,
                        enum json_style style)
{
    if (may_leak(call))
        call_fault_leak(call->org, body);
    CLEANUP(buf_release) struct buf text = BUF_INIT(LIMIT_RESPONSE_BODY);
    buf_reserve(&text, USUAL_ANSWER);
    json_render(body, style, &text);
    json_decref(body);
    end_with(call, status, "application/json; charset=utf-8", &text);
}

void call_json(struct call *call, int status, json_t *body)
{
    answer_json(call, status, body, JSON_WIRE);
}

void call_struct(struct call *call, int status, json_t *body)
{
    answer_json(call, status, body, JSON_STRUCT);
}

void call_error(struct call *call, int status, const char *text)
{
    if (call->decision == NULL) /* else the journal would not tell why */
        call_decide(call, "%s", text);
    json_t *value = json_string(text);
    /* A quoted part of a request need not be UTF-8. */
    answer_json(call, status,
                json_make("{s:o}", "error", value == NULL ? json_string("?") : value),
                JSON_WIRE);
}

void call_text(struct call *call, int status, const char *text)
{
    call_bytes(call, status, "text/plain; charset=utf-8", text, strlen(text));
}

void call_empty(struct call *call, int status)
{
    call_bytes(call, status, NULL, "", 0);
}

void call_hang(struct call *call)
{
    struct record *r = of(call);
    r->waits_for_gone = true;
    if (call->req == NULL)
        on_gone(NULL, r);
}

struct httpd_stream *call_stream(struct call *call, int status, const char *type,
                                 void (*gone)(void *arg), void *arg)
{
    struct record *r = of(call);
    struct httpd_req *req = call->req;
    struct httpd_stream *stream = NULL;
    (void)conclude(r, req == NULL ? 0 : status);
    if (req != NULL)
        stream = httpd_stream_begin(req, status, type, gone, arg);
    record_free(r);
    return stream;
}

struct websocket *call_websocket(struct call *call, int64_t ping_ms,
                                 void (*gone)(void *arg), void *arg)
{
    struct record *r = of(call);
    struct httpd_req *req = call->req;
    write_journal(r, req == NULL ? 0 : 101);
    struct websocket *socket =
        req == NULL ? NULL : websocket_accept(req, ping_ms, gone, arg);
    record_free(r);
    return socket;
}

/* ---- the generic fault ---- */

/* The next word of *text, cut out and owned by the caller; NULL at the end. */
static char *next_word(const char **text)
{
    const char *start = *text + strspn(*text, " ");
    size_t len = strcspn(start, " ");
    *text = start + len;
    return len == 0 ? NULL : xstrndup(start, len);
}

static bool is_about(const struct call *call, const struct record *r, const char *method,
                     const char *pattern)
{
    if (strcmp(method, "*") != 0 && strcmp(method, r->method) != 0)
        return false;
    if (call->route != NULL && strcmp(pattern, call->route->pattern) == 0)
        return true;
    return route_pattern_fits(pattern, r->raw_path);
}

/* Which of the requests that fit a fault answer= are meant: "#N" or "#N-M", else all. */
struct range {
    int64_t from, to;
};

/* Cuts it off the pattern. */
static struct range take_range(char *pattern)
{
    struct range r = {1, INT64_MAX};
    char *hash = strchr(pattern, '#');
    if (hash == NULL)
        return r;
    *hash = '\0';
    char *dash = strchr(hash + 1, '-');
    if (dash != NULL) {
        *dash = '\0';
        (void)num_parse(dash + 1, 1, INT64_MAX, &r.to);
    }
    (void)num_parse(hash + 1, 1, INT64_MAX, &r.from);
    return r;
}

/* Counts this request of the organisation; whether the fault means it. */
static bool is_meant(struct call *call, const char *mode, struct range r)
{
    CLEANUP(free_ptr)
    char *key = xasprintf("%s %s", call->org == NULL ? "" : call->org->slug, mode);
    json_t *all = call->plat->answer_seen;
    int64_t seen = json_int(all, key, 0) + 1;
    (void)json_object_set_new(all, key, json_integer(seen));
    return seen >= r.from && seen <= r.to;
}

bool call_fault_answer(struct call *call)
{
    const char *whole = call->org != NULL ? fault_mode(call->org, "answer")
                                          : fault_run(call->plat, "answer");
    const char *mode = whole;
    if (mode == NULL)
        return false;
    CLEANUP(free_ptr) char *method = next_word(&mode);
    CLEANUP(free_ptr) char *pattern = next_word(&mode);
    CLEANUP(free_ptr) char *code = next_word(&mode);
    int64_t status = 0;
    if (method == NULL || pattern == NULL ||
        !num_parse(code == NULL ? "" : code, 100, 599, &status))
        return false;
    struct range range = take_range(pattern);
    if (!is_about(call, of(call), method, pattern) || !is_meant(call, whole, range))
        return false;
    CLEANUP(free_ptr) char *body = xstrdup(mode + strspn(mode, " "));
    call->fault = xstrdup("answer");
    bool json = *body == '{' || *body == '[';
    call_bytes(call, (int)status,
               json ? "application/json; charset=utf-8" : "text/plain; charset=utf-8",
               body, strlen(body));
    return true;
}
