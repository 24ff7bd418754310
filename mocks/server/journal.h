/*
 * The request journal of the mock: the last LIMIT_JOURNAL_ENTRIES requests, in memory.
 *
 * An entry never holds a token: headers and bodies are not kept, and the values of query
 * parameters that carry one (token, key, secret, password) are replaced.
 */
#ifndef SERVER_JOURNAL_H
#define SERVER_JOURNAL_H

#include <jansson.h>
#include <stdint.h>

struct journal;

struct journal_entry {
    int64_t n;           /* from 1, given by journal_add */
    int64_t at_ms;       /* since the journal was made */
    int64_t duration_ms; /* from the complete request to its answer */
    const char *method;  /* every text is copied; NULL = null */
    const char *host, *path, *query;
    const char *org;      /* slug */
    const char *route;    /* "GET /workspaces/:id" */
    const char *auth;     /* admin org_token workspace open none refused */
    const char *caller;   /* "box:<ws>", harness, platform, ? */
    int status;           /* 0 = the peer left before the answer */
    const char *fault;    /* the fault that answered */
    const char *decision; /* why, in short words */
};

struct journal *journal_new(void);    /* never NULL */
void journal_free(struct journal *j); /* takes NULL */

/* entry->n is ignored. Returns the entry's number. The oldest entry leaves when the
 * journal is full. */
int64_t journal_add(struct journal *j, const struct journal_entry *entry);

struct journal_query {
    const char *org;       /* slug; NULL = any, likewise below */
    const char *workspace; /* id: in the path, or the caller is its box */
    const char *method;
    const char *path; /* prefix */
    int64_t since;    /* entries with n >= since */
    int64_t limit;    /* 0 = 1000; the oldest that fit come first */
};

/* {"entries":[...],"next":N}: N is the `since` that continues. Caller owns. */
json_t *journal_find(const struct journal *j, const struct journal_query *q);

#endif
