/*
 * Server-sent events: an incremental parser and a writer.
 * Source: WHATWG HTML, section 9.2 (event streams). CR, LF and CRLF end lines; ':' lines
 * are comments; data lines are joined by LF; an event ends at an empty line.
 */
#ifndef IO_SSE_H
#define IO_SSE_H

#include "base/buf.h"
#include <stdbool.h>
#include <stdint.h>

struct sse_event {
    const char *event; /* "message" when not given */
    const char *data;  /* "" for a priming event */
    const char *id;    /* last seen id, "" when none */
    int64_t retry_ms;  /* last seen retry, a day at most, -1 when none */
};

/* A positive return stops sse_feed, which returns it. */
typedef int sse_fn(const struct sse_event *event, void *arg);

struct sse_parser {
    struct buf line, data, event, id;
    struct buf last_id; /* of the last event that was complete, with data or without;
                           empty = none, or one that is too long to be given back */
    int64_t retry_ms;
    bool has_data, last_cr, started;
    sse_fn *fn;
    void *arg;
};

void sse_init(struct sse_parser *p, sse_fn *fn, void *arg);
void sse_release(struct sse_parser *p);
/* The stream goes on over another connection, from last_id. */
void sse_reconnect(struct sse_parser *p);
/* SSE_TOO_LONG: the event has more than p->data.max bytes (LIMIT_RESPONSE_BODY). */
enum { SSE_TOO_LONG = -1 };
int sse_feed(struct sse_parser *p, const char *data, size_t len);

/* Appends one event; event and id may be NULL. */
void sse_write(struct buf *out, const char *event, const char *id, const char *data);

#endif
