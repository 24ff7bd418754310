/*
 * The HTTP listener of the mock platform, the boxes and the report server: libmicrohttpd
 * on an event loop, one thread.
 *
 * The handler is called when a request is complete (headers and body). It answers at once
 * or keeps the request and answers later from the loop; until then the connection is
 * suspended. Listeners bind to 127.0.0.1 only. Bodies past LIMIT_REQUEST_BODY are
 * answered 413 before the handler, 503 when all bodies together are past
 * LIMIT_REQUEST_BODIES; garbage closes the connection (libmicrohttpd's strict parsing). A
 * connection on which no complete request comes within LIMIT_HTTP_PATIENCE_MS is closed,
 * and the one that waits longest when there are more than LIMIT_CONNECTIONS
 * (environment: io/httpd_peers.h).
 */
#ifndef IO_HTTPD_H
#define IO_HTTPD_H

#include "base/buf.h"
#include "base/err.h"
#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

struct loop;
struct httpd;

struct httpd_req {
    const char *method;   /* as sent */
    const char *path;     /* decoded, without the query, begins with '/' */
    const char *raw_path; /* as sent, without the query */
    const char *query;    /* raw text after '?', "" when there is none */
    const char *body;     /* NUL-terminated */
    size_t body_len;
    bool tls;               /* came to a listener with TLS */
    int64_t received_at_ms; /* monotonic */
    void *user;             /* the handler's own; not touched here */
};

typedef void httpd_fn(struct httpd_req *req, void *arg);

/* Binds 127.0.0.1:port (0 = any). Returns a listening descriptor. ERR_SYS EADDRINUSE
 * names the port. */
MUST_CHECK int httpd_bind(int port, int *ret_fd, struct err *err);
int httpd_fd_port(int fd); /* port of a bound socket, -1 when it is none */

/* listen_fd: taken, also when it fails. ERR_CONFIG: libmicrohttpd is not installed. */
MUST_CHECK int httpd_start(struct loop *loop, int listen_fd, httpd_fn *fn, void *arg,
                           struct httpd **ret, struct err *err);
/* A certificate with its chain and its key, PEM; borrowed while the listener starts. */
struct httpd_tls {
    const char *cert, *key;
};
/* The same over TLS. */
MUST_CHECK int httpd_start_tls(struct loop *loop, int listen_fd,
                               const struct httpd_tls *tls, httpd_fn *fn, void *arg,
                               struct httpd **ret, struct err *err);
/* Closes every connection; what is kept or streaming is told by its gone callback and
 * dead afterwards. Never from within a handler or a gone callback. Takes NULL. */
void httpd_stop(struct httpd *d);
int httpd_port(const struct httpd *d);

/* Borrowed until the answer; NULL when absent. The first of that name, in any case,
 * without the blanks around its value. */
const char *httpd_header(const struct httpd_req *req, const char *name);
/* Decoded value of a query parameter, "" for "?name". */
const char *httpd_query(const struct httpd_req *req, const char *name);
/* Visits every request header. */
void httpd_each_header(const struct httpd_req *req,
                       void (*fn)(const char *name, const char *value, void *arg),
                       void *arg);

/* Adds a header to the answer that is about to be given. */
void httpd_add_header(struct httpd_req *req, const char *name, const char *value);
/* Headers that are the same for every answer; rows: kept, not copied. */
struct httpd_fixed_header {
    const char *name, *value;
};
void httpd_set_fixed_headers(struct httpd_req *req, const struct httpd_fixed_header *rows,
                             size_t n);
/* Each of these ends the request: req is gone afterwards. type NULL = no Content-Type.
 * HEAD requests get the headers only. */
void httpd_reply(struct httpd_req *req, int status, const char *type, const void *body,
                 size_t len);
/* The same without a copy: body is taken, and empty afterwards. */
void httpd_reply_buf(struct httpd_req *req, int status, const char *type,
                     struct buf *body);
/* len bytes of a file, from its beginning, without a copy in memory. fd: borrowed; what
 * it refers to must not change until the answer is sent. */
void httpd_reply_file(struct httpd_req *req, int status, const char *type, int fd,
                      size_t len);
void httpd_reply_text(struct httpd_req *req, int status, const char *text);
/* Compact JSON, JSON_WIRE of io/json.h. body: taken. One that is larger than
 * LIMIT_RESPONSE_BODY is answered 500 with {"error"} instead. */
void httpd_reply_json(struct httpd_req *req, int status, json_t *body);

/* An answer in pieces (text/event-stream). After begin, req is gone and the stream lives
 * until httpd_stream_end, or until the peer leaves, which calls gone (once, not after
 * end); the handle is dead when gone returns. */
struct httpd_stream;
struct httpd_stream *httpd_stream_begin(struct httpd_req *req, int status,
                                        const char *type, void (*gone)(void *arg),
                                        void *arg);
void httpd_stream_write(struct httpd_stream *s, const void *data, size_t len);
void httpd_stream_end(struct httpd_stream *s);

/* Another protocol over the same connection: 101 Switching Protocols with the headers
 * that were added and `Upgrade: protocol`. After it, req is gone. ready is called once,
 * when the answer is on its way: fd (non-blocking) is borrowed until httpd_upgrade_close,
 * early is what the peer has sent already, borrowed for the call. gone is called instead,
 * or later, when the connection cannot be kept; the handle is dead when it returns. That
 * the peer leaves is for the owner of fd to find out. */
typedef void httpd_ready_fn(struct loop *loop, int fd, const void *early, size_t len,
                            void *arg);
struct httpd_stream *httpd_upgrade(struct httpd_req *req, const char *protocol,
                                   httpd_ready_fn *ready, void (*gone)(void *arg),
                                   void *arg);
void httpd_upgrade_close(struct httpd_stream *s);

/* Called when the peer leaves before a kept request was answered; req is dead when it
 * returns, and must not be answered. Without it a kept request lives until its answer,
 * whoever is still there to read it. */
void httpd_on_gone(struct httpd_req *req, void (*gone)(struct httpd_req *req, void *arg),
                   void *arg);

#endif
