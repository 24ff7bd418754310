/*
 * The client and the listener on one loop, against each other and against raw sockets.
 * One test program includes it once.
 */
#ifndef TESTS_HTTP_FIXTURE_H
#define TESTS_HTTP_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/limits.h"
#include "io/http.h"
#include "io/httpd.h"
#include "io/loop.h"
#include "io/proc.h"

enum { PATIENCE_MS = 10000 };

/* ---- a listener that answers each request head with fixed text ---- */

struct raw_peer {
    int fd;
    struct loop_fd *watch;
    struct buf in;
};

struct raw_server {
    struct loop *loop;
    int fd;
    struct loop_fd *watch;
    struct raw_peer peers[8];
    int accepted;
    const char *answer; /* "#" in it becomes the number of connections so far */
    struct buf seen;    /* everything that came in */
};

static void on_raw_data(uint32_t events, void *arg);

static struct raw_server *raw_of(struct raw_peer *peer);

struct fixture {
    struct loop *loop;
    struct httpd *httpd;
    struct http_async *http;
    struct raw_server raw;
    char base[64];     /* of the listener */
    char raw_base[64]; /* of the raw server */
    /* what the handlers saw */
    int requests, gone, stream_gone;
    struct buf body;
    struct httpd_req *kept;
    struct httpd_stream *stream;
    struct loop_timer *timer;
    int left;   /* events of a stream still to come */
    int client; /* raw client socket, -1 = none */
    struct proc child;
};

static struct fixture *fx; /* of the running test: raw_peer has no room for it */

static struct raw_server *raw_of(struct raw_peer *peer)
{
    (void)peer;
    return &fx->raw;
}

static void raw_close(struct raw_peer *peer)
{
    loop_fd_remove(peer->watch);
    peer->watch = NULL;
    if (peer->fd >= 0)
        (void)close(peer->fd);
    peer->fd = -1;
    buf_release(&peer->in);
}

static void raw_answer(struct raw_server *s, struct raw_peer *peer)
{
    CLEANUP(buf_release) struct buf out = BUF_INIT(KIB(64));
    for (const char *p = s->answer; *p != '\0'; p++) {
        if (*p == '#')
            buf_addf(&out, "%d", s->accepted);
        else
            buf_addc(&out, *p);
    }
    if (send(peer->fd, out.data, out.len, MSG_NOSIGNAL) < 0)
        raw_close(peer);
}

static void on_raw_data(uint32_t events, void *arg)
{
    (void)events;
    struct raw_peer *peer = arg;
    struct raw_server *s = raw_of(peer);
    char chunk[4096];
    ssize_t n = recv(peer->fd, chunk, sizeof chunk, MSG_DONTWAIT);
    if (n <= 0) {
        raw_close(peer);
        return;
    }
    buf_add(&peer->in, chunk, (size_t)n);
    buf_add(&s->seen, chunk, (size_t)n);
    if (strstr(peer->in.data, "\r\n\r\n") != NULL) {
        buf_reset(&peer->in);
        raw_answer(s, peer);
    }
}

static void on_raw_accept(uint32_t events, void *arg)
{
    (void)events;
    struct raw_server *s = arg;
    int fd = accept4(s->fd, NULL, NULL, SOCK_CLOEXEC);
    for (size_t i = 0; fd >= 0 && i < ARRAY_SIZE(s->peers); i++) {
        struct raw_peer *peer = &s->peers[i];
        if (peer->fd >= 0)
            continue;
        s->accepted++;
        peer->fd = fd;
        buf_init(&peer->in, KIB(64));
        peer->watch = loop_fd_add(s->loop, fd, EPOLLIN, on_raw_data, peer);
        return;
    }
}

static int raw_start(struct raw_server *s, struct loop *loop, const char *answer)
{
    struct err err = ERR_INIT;
    s->loop = loop;
    s->answer = answer;
    s->fd = -1;
    buf_init(&s->seen, MIB(1));
    for (size_t i = 0; i < ARRAY_SIZE(s->peers); i++)
        s->peers[i].fd = -1;
    if (httpd_bind(0, &s->fd, &err) < 0)
        return -1;
    s->watch = loop_fd_add(loop, s->fd, EPOLLIN, on_raw_accept, s);
    return 0;
}

static void raw_stop(struct raw_server *s)
{
    for (size_t i = 0; i < ARRAY_SIZE(s->peers); i++)
        raw_close(&s->peers[i]);
    loop_fd_remove(s->watch);
    if (s->fd >= 0)
        (void)close(s->fd);
    buf_release(&s->seen);
}

/* ---- the handlers of the real listener ---- */

static void answer_kept(void *arg)
{
    struct fixture *f = arg;
    struct httpd_req *req = TAKE(f->kept);
    f->timer = NULL;
    httpd_reply_text(req, 200, "later");
}

static void on_kept_gone(struct httpd_req *req, void *arg)
{
    struct fixture *f = arg;
    assert_ptr_equal(req, f->kept);
    f->kept = NULL;
    f->gone++;
    loop_stop(f->loop);
}

static void on_stream_gone(void *arg)
{
    struct fixture *f = arg;
    f->stream = NULL;
    f->stream_gone++;
    loop_stop(f->loop);
}

static void next_event(void *arg)
{
    struct fixture *f = arg;
    f->timer = NULL;
    if (f->stream == NULL)
        return;
    if (f->left-- == 0) {
        httpd_stream_end(TAKE(f->stream));
        return;
    }
    httpd_stream_write(f->stream, "data: tick\n\n", 12);
    f->timer = loop_timer_add(f->loop, 1, next_event, f);
}

/* Each of its bytes takes six on the wire. */
static void reply_large(struct httpd_req *req)
{
    size_t len = LIMIT_RESPONSE_BODY / 6;
    char *text CLEANUP(free_ptr) = xmalloc(len);

    memset(text, '<', len);
    httpd_reply_json(req, 200, json_pack("{s:s%}", "text", text, len));
}

static void handle_slow_kinds(struct fixture *f, struct httpd_req *req)
{
    if (strcmp(req->path, "/later") == 0) {
        f->kept = req;
        f->timer = loop_timer_add(f->loop, 3, answer_kept, f);
    } else if (strcmp(req->path, "/never") == 0) {
        f->kept = req;
        httpd_on_gone(req, on_kept_gone, f);
    } else if (strcmp(req->path, "/ticks") == 0) {
        f->stream = httpd_stream_begin(req, 200, "text/event-stream", on_stream_gone, f);
        f->left = 3;
        next_event(f);
    } else if (strcmp(req->path, "/silent-stream") == 0) {
        f->stream = httpd_stream_begin(req, 200, "text/event-stream", on_stream_gone, f);
    } else {
        httpd_reply_text(req, 404, "no such page");
    }
}

static void handle(struct httpd_req *req, void *arg)
{
    struct fixture *f = arg;
    f->requests++;
    buf_reset(&f->body);
    buf_add(&f->body, req->body, req->body_len);
    if (strcmp(req->path, "/hello") == 0) {
        httpd_reply_text(req, 200, "hello");
    } else if (strcmp(req->path, "/echo") == 0) {
        httpd_add_header(req, "X-Method", req->method);
        httpd_reply(req, 201, "application/octet-stream", req->body, req->body_len);
    } else if (strcmp(req->path, "/large") == 0) {
        reply_large(req);
    } else if (strcmp(req->path, "/redirect") == 0) {
        httpd_add_header(req, "Location", httpd_query(req, "to"));
        httpd_reply(req, 302, NULL, "", 0);
    } else if (strcmp(req->path, "/auth") == 0) {
        const char *value = httpd_header(req, "authorization");
        httpd_reply_text(req, 200, value == NULL ? "none" : value);
    } else if (strcmp(req->path, "/a b") == 0) {
        const char *empty = httpd_query(req, "empty");
        httpd_reply_json(req, 200,
                         json_pack("{s:s,s:s,s:s,s:b}", "raw", req->raw_path, "query",
                                   req->query, "x", httpd_query(req, "x"), "empty",
                                   empty != NULL && *empty == '\0'));
    } else {
        handle_slow_kinds(f, req);
    }
}

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    struct err err = ERR_INIT;
    int fd = -1;
    fx = f;
    f->client = -1;
    f->child = (struct proc)PROC_INIT;
    buf_init(&f->body, LIMIT_REQUEST_BODY);
    if (loop_new(&f->loop, &err) < 0 || httpd_bind(0, &fd, &err) < 0 ||
        httpd_start(f->loop, fd, handle, f, &f->httpd, &err) < 0 ||
        http_async_new(f->loop, &f->http, &err) < 0 ||
        raw_start(&f->raw, f->loop, "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n#") < 0)
        return -1;
    (void)snprintf(f->base, sizeof f->base, "http://127.0.0.1:%d", httpd_port(f->httpd));
    (void)snprintf(f->raw_base, sizeof f->raw_base, "http://localhost:%d",
                   httpd_fd_port(f->raw.fd));
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    proc_release(&f->child);
    http_async_free(f->http);
    raw_stop(&f->raw);
    if (f->client >= 0)
        (void)close(f->client);
    httpd_stop(f->httpd);
    loop_timer_cancel(f->timer);
    loop_free(f->loop);
    buf_release(&f->body);
    free(f);
    fx = NULL;
    return 0;
}

/* ---- asking ---- */

struct result {
    struct loop *loop;
    struct err failed;
    struct http_response resp;
    int done;
};
#define RESULT_INIT                                                                      \
    {                                                                                    \
        .failed = ERR_INIT, .resp = HTTP_RESPONSE_INIT                                   \
    }

static void result_release(struct result *r)
{
    http_response_release(&r->resp);
}

static void on_done(const struct http_response *resp, const struct err *failed, void *arg)
{
    struct result *r = arg;
    r->done++;
    if (failed != NULL)
        r->failed = *failed;
    if (resp != NULL) {
        r->resp.status = resp->status;
        r->resp.stopped = resp->stopped;
        strv_copy(&r->resp.headers, &resp->headers);
        r->resp.body.max = LIMIT_RESPONSE_BODY;
        buf_add(&r->resp.body, resp->body.data, resp->body.len);
    }
    loop_stop(r->loop);
}

static void on_patience(void *arg)
{
    *(bool *)arg = true;
    loop_stop(fx->loop);
}

/* Runs the loop until someone stops it; fails the test when nobody does. */
static void run_loop(struct fixture *f)
{
    struct err err = ERR_INIT;
    bool late = false;
    struct loop_timer *guard = loop_timer_add(
        f->loop, (int64_t)(PATIENCE_MS * clock_timeout_mul()), on_patience, &late);
    assert_int_equal(loop_run(f->loop, &err), 0);
    assert_false(late);
    loop_timer_cancel(guard);
}

static void ask(struct fixture *f, const struct http_request *req, struct result *r)
{
    result_release(r);
    *r = (struct result)RESULT_INIT;
    r->loop = f->loop;
    assert_non_null(http_async_start(f->http, req, on_done, r));
    assert_int_equal(r->done, 0);
    run_loop(f);
    assert_int_equal(r->done, 1);
}

static const char *url(const char *base, const char *path)
{
    static char text[512];
    (void)snprintf(text, sizeof text, "%s%s", base, path);
    return text;
}

UNUSED static int connect_raw(struct fixture *f)
{
    struct sockaddr_in addr = {.sin_family = AF_INET,
                               .sin_port = htons((uint16_t)httpd_port(f->httpd)),
                               .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    f->client = fd;
    assert_int_equal(connect(fd, (const struct sockaddr *)&addr, sizeof addr), 0);
    return fd;
}

UNUSED static void send_raw(struct fixture *f, const char *text)
{
    assert_int_equal(send(f->client, text, strlen(text), MSG_NOSIGNAL), strlen(text));
}

struct reading {
    struct fixture *f;
    struct buf *into;
    const char *until; /* NULL = the end of the connection */
};

static void on_raw_answer(uint32_t events, void *arg)
{
    (void)events;
    struct reading *r = arg;
    char chunk[4096];
    ssize_t n = recv(r->f->client, chunk, sizeof chunk, MSG_DONTWAIT);
    if (n > 0)
        buf_add(r->into, chunk, (size_t)n);
    if (n <= 0 || (r->until != NULL && strstr(r->into->data, r->until) != NULL))
        loop_stop(r->f->loop);
}

/* Reads until the text has come, or to the end of the connection. */
UNUSED static void read_raw(struct fixture *f, struct buf *into, const char *until)
{
    struct reading r = {f, into, until};
    struct loop_fd *w = loop_fd_add(f->loop, f->client, EPOLLIN, on_raw_answer, &r);
    run_loop(f);
    loop_fd_remove(w);
}

#define IN_LOOP(t) cmocka_unit_test_setup_teardown(t, setup, teardown)

#endif
