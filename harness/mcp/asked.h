/*
 * The requests that were sent, so that what comes finds what it is about: its method, its
 * progress, whether it is awaited at all. Internal to harness/mcp.
 * Source: JSON-RPC 2.0, "Response object"; Model Context Protocol, "Progress".
 *
 * The newest with an id counts: a user's messages may use one again. No more than
 * ASKED_MOST are kept; what was answered goes first.
 */
#ifndef MCP_ASKED_H
#define MCP_ASKED_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

enum { ASKED_MOST = 256 };

enum asked_state {
    ASKED_OPEN,     /* under way */
    ASKED_GIVEN_UP, /* nobody waits any more; it may still be answered */
    ASKED_ANSWERED,
};

struct asked_request {
    json_t *id;    /* owned */
    char *method;  /* owned; NULL = its answer is not judged by it */
    json_t *token; /* owned; progressToken, NULL = none */
    double progress;
    bool progressed; /* progress was told */
    enum asked_state state;
};

struct asked {
    struct asked_request v[ASKED_MOST]; /* oldest first */
    size_t n;
};

/* Notes a request that is about to be sent. All borrowed; method and params may be NULL.
 */
void asked_add(struct asked *a, const json_t *id, const char *method,
               const json_t *params);
/* What is still open is given up. */
void asked_give_up(struct asked *a);
/* Their answers, should they come, are not judged by their methods any more. */
void asked_forget_methods(struct asked *a);
/* Lent until the next is added; NULL = there is none. */
struct asked_request *asked_find(struct asked *a, const json_t *id);
struct asked_request *asked_find_token(struct asked *a, const json_t *token);
void asked_release(struct asked *a);

#endif
