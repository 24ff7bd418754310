/*
 * Outgoing HTTP over libcurl: one call that waits, and the same from an event loop.
 *
 * Connections are kept alive within one struct http. Redirects are followed only when
 * asked, and never with the Authorization header to another host. Proxies from the
 * environment are ignored. "Expect:" is never sent; a User-Agent is "<program>/<version>"
 * unless given. Names under .localhost resolve to
 * loopback. What the server answered (any status) is data; an error is that there was no
 * answer. Not thread safe.
 */
#ifndef IO_HTTP_H
#define IO_HTTP_H

#include "base/buf.h"
#include "base/err.h"
#include "base/strv.h"
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>

struct loop;

/* Called with each piece of a body as it comes; a non-zero return ends the transfer,
 * which then counts as complete (http_response.stopped). The answer's headers are in the
 * http_response already, its status is not. Other struct http may be used from here. */
typedef int http_data_fn(const char *data, size_t len, void *arg);

/* Called when the headers of the final answer are there, before its body. */
typedef int http_head_fn(void *arg);

struct http_request {
    const char *method; /* NULL = GET */
    const char *url;
    struct strv headers; /* "Name: value"; owned by whoever filled it */
    const char *body;    /* NULL = none; borrowed during the call (async: copied) */
    size_t body_len;
    int64_t timeout_ms;                /* of the whole exchange; 0 = none */
    int64_t connect_timeout_ms;        /* 0 = 10 s */
    int max_redirects;                 /* 0 = do not follow */
    size_t max_body;                   /* 0 = LIMIT_RESPONSE_BODY; more is ERR_SHAPE */
    const char *ca_file;               /* NULL = the system's */
    http_data_fn *on_data;             /* NULL = collect into response.body */
    http_head_fn *on_head;             /* NULL = none; non-zero ends it as on_data does */
    void *on_data_arg;                 /* of both */
    const volatile sig_atomic_t *stop; /* non-zero ends the wait within about a second,
                                          ERR_TIMEOUT; NULL = never */
};
#define HTTP_REQUEST_INIT                                                                \
    {                                                                                    \
        .method = NULL                                                                   \
    }
/* Frees the headers; everything else is borrowed. */
void http_request_release(struct http_request *req);

struct http_response {
    int status;
    struct strv headers; /* of the last answer, "Name: value" */
    struct buf body;     /* empty when on_data was given */
    int64_t elapsed_ms;
    bool stopped; /* on_data ended it */
};
#define HTTP_RESPONSE_INIT                                                               \
    {                                                                                    \
        .status = 0, .body = BUF_INIT(0)                                                 \
    }
void http_response_release(struct http_response *resp);
/* First value of a header by name (any case), borrowed, or NULL. */
const char *http_response_header(const struct http_response *resp, const char *name);

struct http; /* keeps connections */
MUST_CHECK int http_new(struct http **ret, struct err *err);
void http_free(struct http *http);

/* Waits for the answer. ERR_NET (sys = CURLcode), ERR_TIMEOUT, ERR_SHAPE (body too
 * large, bad URL). *ret must be initialised, and is released first. */
MUST_CHECK int http_perform(struct http *http, const struct http_request *req,
                            struct http_response *ret, struct err *err);

/* The same on a loop. */
struct http_async;
struct http_call;
/* failed: NULL when there is an answer, else why not. Both borrowed during the call. */
typedef void http_done_fn(const struct http_response *resp, const struct err *failed,
                          void *arg);
MUST_CHECK int http_async_new(struct loop *loop, struct http_async **ret,
                              struct err *err);
void http_async_free(struct http_async *a); /* drops what is under way, no callbacks */
/* Copies the request; done is called exactly once, never from within this call.
 * The handle dies when done starts. */
struct http_call *http_async_start(struct http_async *a, const struct http_request *req,
                                   http_done_fn *done, void *arg);
/* Drops the call; done is not called. */
void http_call_cancel(struct http_call *call);

/* The error says that no connection was made (refused, name not resolved, TLS not agreed
 * on): the request never left. */
bool http_err_unsent(const struct err *err);

/* For messages: without user and password, query and fragment, and not longer than a
 * line. Caller frees. */
char *http_url_shown(const char *url);

/* Percent-encodes everything but unreserved characters; caller frees. */
char *http_escape(const char *s);

#endif
