/*
 * A scripted HTTP server for tests: a forked child that gives the replies of a list, one
 * per request, the last one for ever, and keeps every request as text.
 *
 * "$ID" in a body stands for the JSON-RPC id of the request. Every connection is closed
 * after its reply, so a body needs no length.
 */
#ifndef HARNESS_TESTS_FAKE_HTTP_H
#define HARNESS_TESTS_FAKE_HTTP_H

#include "base/buf.h"
#include "base/err.h"
#include "io/httpd.h"
#include "io/proc.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

struct fake_reply {
    const char *head; /* "200 OK\r\nContent-Type: application/json" */
    const char *body;
    const char *rest; /* the body goes on with this after another request was answered
                         with 202; NULL = there is no more; FAKE_HOLD = it stays open
                         until the client closes it, which is kept as "[closed]" */
};
#define FAKE_HOLD "[hold]"
#define FAKE_JSON "200 OK\r\nContent-Type: application/json"
#define FAKE_SSE "200 OK\r\nContent-Type: text/event-stream"

struct fake_http {
    const struct fake_reply *script;
    size_t n;
    int listen_fd; /* owned, -1 = none */
    int log_fd;    /* owned, -1 = none; what was asked, in memory */
    struct proc proc;
    char url[64];
};
#define FAKE_HTTP_INIT                                                                   \
    {                                                                                    \
        .listen_fd = -1, .log_fd = -1, .proc = PROC_INIT                                 \
    }

/* Appends one request to text; false at the end of the connection. */
static inline bool fake_read_request(int fd, struct buf *text)
{
    char chunk[4096];
    for (;;) {
        const char *end = strstr(text->data, "\r\n\r\n");
        if (end) {
            const char *at = strcasestr(text->data, "\r\nContent-Length:");
            size_t want = 0;
            for (at = at && at < end ? at + 17 : "";
                 *at == ' ' || (*at >= '0' && *at <= '9'); at++)
                want = *at == ' ' ? want : want * 10 + (size_t)(*at - '0');
            if (text->len >= (size_t)(end + 4 - text->data) + want)
                return true;
        }
        ssize_t n = read(fd, chunk, sizeof(chunk));
        if (n <= 0)
            return false;
        buf_add(text, chunk, (size_t)n);
    }
}

static inline void fake_write(int fd, const char *text)
{
    size_t len = strlen(text);
    while (len) {
        ssize_t n = send(fd, text, len, MSG_NOSIGNAL);
        if (n <= 0)
            return; /* the client has what it wants */
        text += n;
        len -= (size_t)n;
    }
}

/* The body with the request's id in place of "$ID". */
static inline void fake_write_body(int fd, const char *body, const char *request)
{
    CLEANUP(buf_release) struct buf out = BUF_INIT(1 << 24);
    const char *id = strstr(request, "\"id\":");
    id = id ? id + 5 : "null";
    for (const char *hole = NULL; (hole = strstr(body, "$ID")); body = hole + 3) {
        buf_add(&out, body, (size_t)(hole - body));
        buf_add(&out, id, strcspn(id, ",}"));
    }
    buf_adds(&out, body);
    fake_write(fd, out.data);
}

/* Accepts one connection and reads its request, which is kept. */
static inline int fake_accept(const struct fake_http *f, struct buf *request)
{
    for (;;) {
        int fd = accept4(f->listen_fd, NULL, NULL, SOCK_CLOEXEC);
        buf_reset(request);
        if (fd >= 0 && fake_read_request(fd, request)) {
            buf_addc(request, '\n');
            if (write(f->log_fd, request->data, request->len) < 0)
                _exit(1);
            return fd;
        }
        if (fd >= 0)
            close(fd);
    }
}

static inline int fake_serve(void *arg)
{
    const struct fake_http *f = arg;
    struct buf request = BUF_INIT(1 << 24);
    struct buf nested = BUF_INIT(1 << 24);
    for (size_t i = 0;; i++) {
        const struct fake_reply *reply = &f->script[i < f->n ? i : f->n - 1];
        int fd = fake_accept(f, &request);
        fake_write(fd, "HTTP/1.1 ");
        fake_write(fd, reply->head);
        fake_write(fd, "\r\nConnection: close\r\n\r\n");
        fake_write_body(fd, reply->body, request.data);
        if (reply->rest && strcmp(reply->rest, FAKE_HOLD) == 0) {
            char unused[64];
            while (read(fd, unused, sizeof(unused)) > 0)
                ;
            if (write(f->log_fd, "[closed]\n", 9) < 0)
                _exit(1);
        } else if (reply->rest) {
            int other = fake_accept(f, &nested);
            fake_write(other, "HTTP/1.1 202 Accepted\r\nConnection: close\r\n"
                              "Content-Length: 0\r\n\r\n");
            close(other);
            fake_write_body(fd, reply->rest, request.data);
        }
        close(fd);
    }
    return 0;
}

/* script: borrowed for the server's life. 0, or negative with *err. */
static inline int fake_start(struct fake_http *f, const struct fake_reply *script,
                             size_t n, struct err *err)
{
    f->script = script;
    f->n = n;
    f->log_fd = memfd_create("requests", MFD_CLOEXEC);
    if (f->log_fd < 0)
        return err_set(err, ERR_SYS, "no memory for the requests");
    if (httpd_bind(0, &f->listen_fd, err))
        return -1;
    (void)snprintf(f->url, sizeof(f->url), "http://127.0.0.1:%d",
                   httpd_fd_port(f->listen_fd));
    return proc_fork(fake_serve, f, &f->proc, err);
}

static inline void fake_stop(struct fake_http *f)
{
    proc_release(&f->proc);
    close_fd(&f->listen_fd);
    close_fd(&f->log_fd);
    *f = (struct fake_http)FAKE_HTTP_INIT;
}

/* Everything that was asked so far. Caller frees. */
static inline char *fake_requests(const struct fake_http *f)
{
    struct buf text = BUF_INIT(1 << 24);
    char chunk[4096];
    off_t at = 0;
    for (ssize_t n; (n = pread(f->log_fd, chunk, sizeof(chunk), at)) > 0; at += n)
        buf_add(&text, chunk, (size_t)n);
    return buf_steal(&text);
}

static inline int fake_count(const char *text, const char *part)
{
    int n = 0;
    for (const char *at = text; (at = strstr(at, part)); at += strlen(part))
        n++;
    return n;
}

#endif
