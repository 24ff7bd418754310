#include "mocks/server/journal.h"

#include <ctype.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/limits.h"
#include "io/json.h"

enum {
    DEFAULT_LIMIT = 1000,
    TEXT_MAX = 2048,  /* of one text of an entry */
    TOKEN_MIN = 40,   /* letters that make a token of a run; a UUID has 36 */
    ABSENT = 0xffff,  /* the length of a text that is NULL */
    INDEX_START = 256 /* a power of two, as every size of the index */
};

#define TEXT(member)                                                                     \
    {                                                                                    \
#member, offsetof(struct journal_entry, member)                                  \
    }
const struct journal_text journal_texts[JOURNAL_TEXTS] = {
    TEXT(method), TEXT(host), TEXT(path),   TEXT(query), TEXT(org),      TEXT(route),
    TEXT(rule),   TEXT(auth), TEXT(caller), TEXT(fault), TEXT(decision),
};

#define FILTER(member, argument, about)                                                  \
    {                                                                                    \
#member, argument, about, offsetof(struct journal_query, member)                 \
    }
const struct journal_filter journal_filters[JOURNAL_FILTERS] = {
    FILTER(org, "SLUG", "of this organisation"),
    FILTER(workspace, "ID", "about this workspace, or from its box"),
    FILTER(method, "METHOD", "with this method"),
    FILTER(path, "PREFIX", "whose path begins so"),
    FILTER(status, "STATUS", "answered 404, or 4xx for all of them"),
    FILTER(caller, "CALLER", "from harness, platform, box, box:ID or ?"),
    FILTER(route, "TEXT", "whose route contains this; none: without one"),
};

/* An entry as it lies in the ring; the texts follow, each with its NUL. */
struct kept {
    int64_t at_ms, duration_ms;
    int32_t status;
    uint32_t size; /* of all, a multiple of 8 */
    uint16_t len[JOURNAL_TEXTS];
};

struct journal {
    char *ring; /* max bytes; untouched pages cost nothing */
    size_t max;
    size_t head; /* where the next entry is put */
    size_t *at;  /* offset of each entry, a ring of its own */
    size_t cap;  /* of at; a power of two, or 0 */
    size_t first, count;
    int64_t next;
    int64_t start_ms;
};

const char **journal_text_of(struct journal_entry *e, size_t i)
{
    return (const char **)(void *)((char *)e + journal_texts[i].at);
}

const char **journal_filter_of(struct journal_query *q, size_t i)
{
    return (const char **)(void *)((char *)q + journal_filters[i].at);
}

struct journal *journal_new(size_t max_bytes)
{
    struct journal *j = xcalloc(1, sizeof *j);
    j->max = max_bytes == 0 ? LIMIT_JOURNAL_BYTES : max_bytes;
    if (j->max < KIB(64))
        j->max = KIB(64);
    j->ring = xcalloc(1, j->max);
    j->next = 1;
    j->start_ms = clock_mono_ms();
    return j;
}

void journal_free(struct journal *j)
{
    if (j == NULL)
        return;
    free(j->ring);
    free(j->at);
    free(j);
}

/* ---- what must not get in ---- */

static bool carries_secret(const char *name, size_t len)
{
    static const char *const words[] = {"token", "key", "secret", "password", "auth"};
    for (size_t w = 0; w < ARRAY_SIZE(words); w++) {
        size_t n = strlen(words[w]);
        for (size_t i = 0; i + n <= len; i++) {
            if (strncasecmp(name + i, words[w], n) == 0)
                return true;
        }
    }
    return false;
}

/* The query with the values of telling names replaced; NULL for none. */
static char *without_secrets(const char *query)
{
    if (query == NULL || *query == '\0')
        return NULL;
    struct buf out = BUF_INIT(KIB(64));
    for (const char *p = query; *p != '\0';) {
        size_t len = strcspn(p, "&");
        size_t name = strcspn(p, "=&");
        if (name < len && carries_secret(p, name))
            buf_addf(&out, "%.*s=...", (int)name, p);
        else
            buf_add(&out, p, len);
        p += len;
        if (*p == '&') {
            buf_addc(&out, '&');
            p++;
        }
    }
    return buf_steal(&out);
}

static bool of_token(char c)
{
    return isalnum((unsigned char)c) || c == '-' || c == '_';
}

/* Tokens are long and of both cases; ids, hashes and names are not. */
static bool looks_like_token(const char *run, size_t len)
{
    bool upper = false, lower = false;
    for (size_t i = 0; i < len; i++) {
        upper = upper || isupper((unsigned char)run[i]);
        lower = lower || islower((unsigned char)run[i]);
    }
    return len >= TOKEN_MIN && upper && lower;
}

/* Copies at most TEXT_MAX bytes with every token replaced; returns how many. */
static size_t copy_text(char *out, const char *text)
{
    size_t n = 0;
    while (*text != '\0' && n < TEXT_MAX) {
        size_t run = 0;
        while (of_token(text[run]))
            run++;
        bool token = looks_like_token(text, run);
        size_t len = token ? 3 : run == 0 ? 1 : run;
        if (len > TEXT_MAX - n)
            len = TEXT_MAX - n;
        memcpy(out + n, token ? "..." : text, len);
        n += len;
        text += run == 0 ? 1 : run;
    }
    out[n] = '\0';
    return n;
}

/* ---- the ring ---- */

static size_t offset_of(const struct journal *j, size_t i)
{
    return j->at[(j->first + i) & (j->cap - 1)];
}

static struct kept *kept_at(const struct journal *j, size_t i)
{
    return (struct kept *)(void *)(j->ring + offset_of(j, i));
}

static void drop_oldest(struct journal *j)
{
    j->first = (j->first + 1) & (j->cap - 1);
    j->count--;
}

static void grow_index(struct journal *j)
{
    if (j->count < j->cap)
        return;
    size_t cap = j->cap == 0 ? INDEX_START : 2 * j->cap;
    size_t *at = xmalloc(cap * sizeof *at);
    for (size_t i = 0; i < j->count; i++)
        at[i] = offset_of(j, i);
    free(j->at);
    j->at = at;
    j->cap = cap;
    j->first = 0;
}

/* Where `size` bytes can be put: the oldest entries that lie there leave. */
static char *make_room(struct journal *j, size_t size)
{
    size_t pos = j->head;
    if (pos + size > j->max) {
        while (j->count > 0 && offset_of(j, 0) >= pos)
            drop_oldest(j);
        pos = 0;
    }
    while (j->count > 0 && offset_of(j, 0) >= pos && offset_of(j, 0) < pos + size)
        drop_oldest(j);
    grow_index(j);
    j->at[(j->first + j->count++) & (j->cap - 1)] = pos;
    j->head = pos + size;
    return j->ring + pos;
}

static void put(struct journal *j, const struct journal_entry *entry)
{
    struct {
        struct kept k;
        char texts[JOURNAL_TEXTS * (TEXT_MAX + 1) + 8];
    } made;
    struct journal_entry e = *entry;
    CLEANUP(free_ptr) char *query = without_secrets(entry->query);
    e.query = query;
    made.k = (struct kept){
        .at_ms = e.at_ms, .duration_ms = e.duration_ms, .status = (int32_t)e.status};
    size_t used = 0;
    for (size_t i = 0; i < JOURNAL_TEXTS; i++) {
        const char *text = *journal_text_of(&e, i);
        made.k.len[i] = ABSENT;
        if (text == NULL)
            continue;
        made.k.len[i] = (uint16_t)copy_text(made.texts + used, text);
        used += (size_t)made.k.len[i] + 1;
    }
    size_t size = (offsetof(__typeof__(made), texts) + used + 7) & ~(size_t)7;
    made.k.size = (uint32_t)size;
    memcpy(make_room(j, size), &made, size);
    j->next++;
}

int64_t journal_add(struct journal *j, const struct journal_entry *entry)
{
    struct journal_entry e = *entry;
    e.at_ms = clock_mono_ms() - j->start_ms;
    put(j, &e);
    return j->next - 1;
}

void journal_restore(struct journal *j, const struct journal_entry *entry)
{
    if (j->count == 0)
        j->next = entry->n;
    if (entry->n != j->next)
        return;
    put(j, entry);
    j->start_ms = clock_mono_ms() - entry->at_ms;
}

int64_t journal_first(const struct journal *j)
{
    return j->next - (int64_t)j->count;
}

int64_t journal_next(const struct journal *j)
{
    return j->next;
}

static bool is_kept(const struct journal *j, int64_t n)
{
    return n >= journal_first(j) && n < j->next;
}

void journal_amend(struct journal *j, int64_t n, int status)
{
    if (is_kept(j, n))
        kept_at(j, (size_t)(n - journal_first(j)))->status = (int32_t)status;
}

bool journal_get(const struct journal *j, int64_t n, struct journal_entry *ret)
{
    if (!is_kept(j, n))
        return false;
    const struct kept *k = kept_at(j, (size_t)(n - journal_first(j)));
    *ret = (struct journal_entry){
        .n = n, .at_ms = k->at_ms, .duration_ms = k->duration_ms, .status = k->status};
    const char *text = (const char *)(k + 1);
    for (size_t i = 0; i < JOURNAL_TEXTS; i++) {
        if (k->len[i] == ABSENT)
            continue;
        *journal_text_of(ret, i) = text;
        text += k->len[i] + 1;
    }
    return true;
}

/* ---- looking ---- */

static bool same(const char *wanted, const char *have)
{
    return wanted == NULL || (have != NULL && strcmp(wanted, have) == 0);
}

static bool about_workspace(const struct journal_entry *e, const char *id)
{
    if (id == NULL)
        return true;
    if (e->path != NULL && strstr(e->path, id) != NULL)
        return true;
    return e->caller != NULL && strncmp(e->caller, "box:", 4) == 0 &&
           strcmp(e->caller + 4, id) == 0;
}

static bool status_fits(int status, const char *wanted)
{
    char have[16];
    if (wanted == NULL)
        return true;
    (void)snprintf(have, sizeof have, "%d", status);
    return strcmp(wanted, have) == 0 ||
           (*wanted == *have && strlen(have) == 3 && strcasecmp(wanted + 1, "xx") == 0);
}

int journal_query_check(const struct journal_query *q, struct err *err)
{
    const char *s = q->status;
    if (s == NULL)
        return 0;
    bool number = strlen(s) == 3 && strspn(s, "0123456789") == 3;
    bool class = strlen(s) == 3 && strspn(s, "12345") == 1 && !strcasecmp(s + 1, "xx");
    if (!number && !class && strcmp(s, "0") != 0)
        return err_set(err, ERR_USAGE, "status wants a number or 4xx, got '%s'", s);
    return 0;
}

static bool caller_fits(const char *caller, const char *wanted)
{
    if (wanted == NULL || caller == NULL)
        return wanted == NULL;
    return strcmp(caller, wanted) == 0 || (strncmp(caller, wanted, strlen(wanted)) == 0 &&
                                           caller[strlen(wanted)] == ':');
}

static bool route_fits(const char *route, const char *wanted)
{
    if (wanted == NULL)
        return true;
    return route == NULL ? strcmp(wanted, "none") == 0 : strstr(route, wanted) != NULL;
}

static bool fits(const struct journal_entry *e, const struct journal_query *q)
{
    return same(q->org, e->org) &&
           (q->method == NULL || (e->method && strcasecmp(q->method, e->method) == 0)) &&
           status_fits(e->status, q->status) && caller_fits(e->caller, q->caller) &&
           route_fits(e->route, q->route) && about_workspace(e, q->workspace) &&
           (q->path == NULL ||
            (e->path != NULL && strncmp(e->path, q->path, strlen(q->path)) == 0));
}

static json_t *render(struct journal_entry *e)
{
    json_t *row =
        json_make("{s:I, s:I}", "n", (json_int_t)e->n, "at_ms", (json_int_t)e->at_ms);
    for (size_t i = 0; i < JOURNAL_TEXTS; i++)
        (void)json_object_set_new(row, journal_texts[i].name,
                                  json_str_new(*journal_text_of(e, i)));
    (void)json_object_set_new(row, "status", json_integer(e->status));
    (void)json_object_set_new(row, "duration_ms", json_integer(e->duration_ms));
    return row;
}

/* The number of the first of the last so many that fit. */
static int64_t first_of_last(const struct journal *j, const struct journal_query *q)
{
    int64_t n = j->next, left = q->last;
    struct journal_entry e;
    while (left > 0 && journal_get(j, n - 1, &e)) {
        n--;
        left -= fits(&e, q) ? 1 : 0;
    }
    return n;
}

json_t *journal_find(const struct journal *j, const struct journal_query *q)
{
    json_t *entries = xcheck(json_array());
    int64_t limit = q->limit > 0 ? q->limit : DEFAULT_LIMIT;
    int64_t n = q->since > journal_first(j) ? q->since : journal_first(j);
    struct journal_entry e;
    if (q->last > 0 && n < first_of_last(j, q))
        n = first_of_last(j, q);
    for (; journal_get(j, n, &e); n++) {
        if (!fits(&e, q))
            continue;
        if ((int64_t)json_array_size(entries) == limit)
            break;
        (void)json_array_append_new(entries, render(&e));
    }
    int64_t next = n < j->next ? n : j->next;
    return json_make("{s:o, s:I}", "entries", entries, "next", (json_int_t)next);
}
