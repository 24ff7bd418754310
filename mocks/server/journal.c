#include "mocks/server/journal.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/limits.h"

enum { DEFAULT_LIMIT = 1000, MAX_QUERY = 2048 };

/* The texts of an entry, in one table so that none is forgotten. */
enum text {
    METHOD,
    HOST,
    PATH,
    QUERY,
    ORG,
    ROUTE,
    AUTH,
    CALLER,
    FAULT,
    DECISION,
    TEXTS,
};
static const char *const text_names[TEXTS] = {
    "method", "host", "path",   "query", "org",
    "route",  "auth", "caller", "fault", "decision",
};

struct kept {
    int64_t n, at_ms, duration_ms;
    int status;
    char *text[TEXTS]; /* owned; NULL = null */
};

struct journal {
    struct kept *ring; /* LIMIT_JOURNAL_ENTRIES of them, grown on the way there */
    size_t cap, count;
    size_t first; /* index of the oldest */
    int64_t next;
    int64_t start_ms;
};

struct journal *journal_new(void)
{
    struct journal *j = xcalloc(1, sizeof *j);
    j->next = 1;
    j->start_ms = clock_mono_ms();
    return j;
}

static void kept_release(struct kept *k)
{
    for (int i = 0; i < TEXTS; i++)
        free(k->text[i]);
    *k = (struct kept){.n = 0};
}

void journal_free(struct journal *j)
{
    if (j == NULL)
        return;
    for (size_t i = 0; i < j->count; i++)
        kept_release(&j->ring[(j->first + i) % j->cap]);
    free(j->ring);
    free(j);
}

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
    struct buf out = BUF_INIT(MAX_QUERY);
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

/* Place for one more: a new one, or the oldest one's. */
static struct kept *make_room(struct journal *j)
{
    if (j->count < j->cap)
        return &j->ring[(j->first + j->count++) % j->cap];
    if (j->cap == LIMIT_JOURNAL_ENTRIES) {
        struct kept *oldest = &j->ring[j->first];
        kept_release(oldest);
        j->first = (j->first + 1) % j->cap;
        return oldest;
    }
    /* Growing only before the ring has turned, so the order stays. */
    size_t cap = j->cap == 0 ? 256 : 2 * j->cap;
    if (cap > LIMIT_JOURNAL_ENTRIES)
        cap = LIMIT_JOURNAL_ENTRIES;
    j->ring = xrealloc(j->ring, cap * sizeof(j->ring[0]));
    j->cap = cap;
    return &j->ring[j->count++];
}

int64_t journal_add(struct journal *j, const struct journal_entry *entry)
{
    struct kept *k = make_room(j);
    const char *const texts[TEXTS] = {
        [METHOD] = entry->method, [HOST] = entry->host,
        [PATH] = entry->path,     [QUERY] = NULL,
        [ORG] = entry->org,       [ROUTE] = entry->route,
        [AUTH] = entry->auth,     [CALLER] = entry->caller,
        [FAULT] = entry->fault,   [DECISION] = entry->decision,
    };
    *k = (struct kept){.n = j->next++,
                       .at_ms = clock_mono_ms() - j->start_ms,
                       .duration_ms = entry->duration_ms,
                       .status = entry->status};
    for (int i = 0; i < TEXTS; i++)
        k->text[i] = texts[i] == NULL ? NULL : xstrdup(texts[i]);
    k->text[QUERY] = without_secrets(entry->query);
    return k->n;
}

static bool same(const char *wanted, const char *have)
{
    return wanted == NULL || (have != NULL && strcmp(wanted, have) == 0);
}

static bool about_workspace(const struct kept *k, const char *id)
{
    if (id == NULL)
        return true;
    if (k->text[PATH] != NULL && strstr(k->text[PATH], id) != NULL)
        return true;
    const char *caller = k->text[CALLER];
    return caller != NULL && strncmp(caller, "box:", 4) == 0 &&
           strcmp(caller + 4, id) == 0;
}

static bool fits(const struct kept *k, const struct journal_query *q)
{
    if (k->n < q->since || !same(q->org, k->text[ORG]) ||
        !same(q->method, k->text[METHOD]) || !about_workspace(k, q->workspace))
        return false;
    return q->path == NULL || (k->text[PATH] != NULL &&
                               strncmp(k->text[PATH], q->path, strlen(q->path)) == 0);
}

static json_t *render(const struct kept *k)
{
    json_t *row = xcheck(json_object());
    (void)json_object_set_new(row, "n", json_integer(k->n));
    (void)json_object_set_new(row, "at_ms", json_integer(k->at_ms));
    for (int i = 0; i < TEXTS; i++) {
        const char *text = k->text[i];
        json_t *value = text == NULL ? json_null() : json_string(text);
        /* What a peer sent need not be UTF-8. */
        (void)json_object_set_new(row, text_names[i],
                                  value == NULL ? json_string("?") : value);
    }
    (void)json_object_set_new(row, "status", json_integer(k->status));
    (void)json_object_set_new(row, "duration_ms", json_integer(k->duration_ms));
    return row;
}

json_t *journal_find(const struct journal *j, const struct journal_query *q)
{
    json_t *entries = xcheck(json_array());
    int64_t limit = q->limit > 0 ? q->limit : DEFAULT_LIMIT;
    int64_t next = j->next;
    for (size_t i = 0; i < j->count; i++) {
        const struct kept *k = &j->ring[(j->first + i) % j->cap];
        if (!fits(k, q))
            continue;
        if ((int64_t)json_array_size(entries) == limit) {
            next = k->n;
            break;
        }
        (void)json_array_append_new(entries, render(k));
    }
    return xcheck(json_pack("{s:o,s:I}", "entries", entries, "next", (json_int_t)next));
}
