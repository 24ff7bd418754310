/*
 * The request journal of the mock: the last requests that fit into a given number of
 * bytes, in memory, numbered from 1 without gaps.
 *
 * An entry never holds a token: headers and bodies are not kept, the values of query
 * parameters that carry one (token, key, secret, password) are replaced, and so is
 * whatever else in a text has the form of a token. With a state file the entries are
 * written there too (state_store.h), from here.
 */
#ifndef SERVER_JOURNAL_H
#define SERVER_JOURNAL_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

struct journal;

struct journal_entry {
    int64_t n;           /* from 1, given by journal_add */
    int64_t at_ms;       /* since the journal was made, given by journal_add */
    int64_t duration_ms; /* from the complete request to its answer */
    const char *method;  /* every text is copied; NULL = null */
    const char *host, *path, *query;
    const char *org;      /* slug */
    const char *route;    /* "GET /workspaces/:id" */
    const char *rule;     /* that the route asks: open admin workspace own self cp */
    const char *auth;     /* its outcome: admin org_token workspace open none refused */
    const char *caller;   /* "box:<ws>", harness, platform, ? */
    const char *fault;    /* the fault that answered */
    const char *decision; /* why, in short words */
    int status;           /* 0 = the peer left before the answer */
};

/* The texts of an entry: their names in JSON, and where they stand. */
struct journal_text {
    const char *name;
    size_t at; /* offset in struct journal_entry */
};
enum { JOURNAL_TEXTS = 11 };
extern const struct journal_text journal_texts[JOURNAL_TEXTS];
const char **journal_text_of(struct journal_entry *e, size_t i);

/* max_bytes 0 = LIMIT_JOURNAL_BYTES; at least KIB(64). Never NULL. */
struct journal *journal_new(size_t max_bytes);
void journal_free(struct journal *j); /* takes NULL */

/* entry->n and at_ms are ignored. Returns the entry's number. The oldest entries leave
 * when the journal is full. */
int64_t journal_add(struct journal *j, const struct journal_entry *entry);
/* An entry as it was once kept, with its own n, which must follow the last one. */
void journal_restore(struct journal *j, const struct journal_entry *entry);
/* Another status for an entry that is kept; nothing when it is not. */
void journal_amend(struct journal *j, int64_t n, int status);

int64_t journal_first(const struct journal *j); /* the oldest kept; == next: none */
int64_t journal_next(const struct journal *j);  /* the number of the next entry */
/* false: not kept (any more). Texts are borrowed until the next journal_add. */
bool journal_get(const struct journal *j, int64_t n, struct journal_entry *ret);

struct journal_query {
    const char *org;       /* slug; NULL = any, likewise below */
    const char *workspace; /* id: in the path, or the caller is its box */
    const char *method;
    const char *path;   /* prefix */
    const char *status; /* "404", or "4xx" for all of them */
    const char *caller; /* whole, or what is before its ':' */
    const char *route;  /* a part of it, or "none" */
    int64_t since;      /* entries with n >= since */
    int64_t limit;      /* 0 = 1000; the oldest that fit come first */
    int64_t last;       /* of all that fit only the last so many; 0 = all */
};
/* The text filters by the name that they have in a query string and on a command line. */
struct journal_filter {
    const char *name, *argument, *about;
    size_t at; /* of a const char * in struct journal_query */
};
enum { JOURNAL_FILTERS = 7 };
extern const struct journal_filter journal_filters[JOURNAL_FILTERS];
const char **journal_filter_of(struct journal_query *q, size_t i);
/* ERR_USAGE: a filter that nothing can ever fit. */
int journal_query_check(const struct journal_query *q, struct err *err);

/* {"entries":[...],"next":N}: N is the `since` that continues. Caller owns. */
json_t *journal_find(const struct journal *j, const struct journal_query *q);

#endif
