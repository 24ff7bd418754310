/* The client and the listener on one loop, against each other and against raw sockets. */
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

static int connect_raw(struct fixture *f)
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

static void send_raw(struct fixture *f, const char *text)
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
static void read_raw(struct fixture *f, struct buf *into, const char *until)
{
    struct reading r = {f, into, until};
    struct loop_fd *w = loop_fd_add(f->loop, f->client, EPOLLIN, on_raw_answer, &r);
    run_loop(f);
    loop_fd_remove(w);
}

/* ---- the client ---- */

static void gets_status_headers_and_body(void **state)
{
    struct fixture *f = *state;
    CLEANUP(result_release) struct result r = RESULT_INIT;
    struct http_request req = {.url = url(f->base, "/hello")};
    ask(f, &req, &r);
    assert_int_equal(r.resp.status, 200);
    assert_string_equal(r.resp.body.data, "hello");
    assert_string_equal(http_response_header(&r.resp, "content-TYPE"),
                        "text/plain; charset=utf-8");
    assert_null(http_response_header(&r.resp, "Content"));
}

static void reuses_one_connection(void **state)
{
    struct fixture *f = *state;
    CLEANUP(result_release) struct result r = RESULT_INIT;
    struct http_request req = {.url = url(f->raw_base, "/")};
    ask(f, &req, &r);
    ask(f, &req, &r);
    ask(f, &req, &r);
    assert_string_equal(r.resp.body.data, "1");
}

static void sends_method_and_body_and_neither_expect_nor_a_form_type(void **state)
{
    struct fixture *f = *state;
    CLEANUP(result_release) struct result r = RESULT_INIT;
    char *body = xmalloc(MIB(2));
    memset(body, 'x', MIB(2));
    struct http_request req = {
        .method = "PUT", .url = url(f->base, "/echo"), .body = body, .body_len = MIB(2)};
    ask(f, &req, &r);
    free(body);
    assert_int_equal(r.resp.status, 201);
    assert_int_equal(r.resp.body.len, MIB(2));
    assert_string_equal(http_response_header(&r.resp, "X-Method"), "PUT");
    req = (struct http_request){
        .method = "POST", .url = url(f->raw_base, "/x"), .body = "{}", .body_len = 2};
    strv_add(&req.headers, "X-Empty:");
    ask(f, &req, &r);
    http_request_release(&req);
    assert_non_null(strstr(f->raw.seen.data, "X-Empty:\r\n"));
    assert_non_null(strstr(f->raw.seen.data, "POST /x HTTP/1.1\r\n"));
    assert_null(strcasestr(f->raw.seen.data, "expect:"));
    assert_null(strcasestr(f->raw.seen.data, "content-type:"));
}

static void reads_a_chunked_body(void **state)
{
    struct fixture *f = *state;
    CLEANUP(result_release) struct result r = RESULT_INIT;
    f->raw.answer = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
                    "3\r\nabc\r\n4\r\ndefg\r\n0\r\n\r\n";
    struct http_request req = {.url = url(f->raw_base, "/")};
    ask(f, &req, &r);
    assert_string_equal(r.resp.body.data, "abcdefg");
}

static void times_out_as_a_timeout(void **state)
{
    struct fixture *f = *state;
    CLEANUP(result_release) struct result r = RESULT_INIT;
    f->raw.answer = "";
    struct http_request req = {.url = url(f->raw_base, "/x?secret=1"), .timeout_ms = 30};
    ask(f, &req, &r);
    assert_int_equal(r.failed.kind, ERR_TIMEOUT);
    assert_non_null(strstr(r.failed.text, "/x:"));
    assert_null(strstr(r.failed.text, "secret"));
}

static void a_refused_connection_is_a_network_error(void **state)
{
    struct fixture *f = *state;
    CLEANUP(result_release) struct result r = RESULT_INIT;
    /* Bound and closed at once: nobody listens there. */
    int fd = -1;
    struct err err = ERR_INIT;
    char text[64];
    assert_int_equal(httpd_bind(0, &fd, &err), 0);
    (void)snprintf(text, sizeof text, "http://127.0.0.1:%d/", httpd_fd_port(fd));
    assert_int_equal(close(fd), 0);
    struct http_request req = {.url = text};
    ask(f, &req, &r);
    assert_int_equal(r.failed.kind, ERR_NET);
    assert_int_equal(r.failed.sys, 7); /* CURLE_COULDNT_CONNECT */
}

static void an_answer_that_breaks_off_is_a_network_error(void **state)
{
    struct fixture *f = *state;
    CLEANUP(result_release) struct result r = RESULT_INIT;
    f->raw.answer = "SSH-2.0-what\r\n\r\n";
    struct http_request req = {.url = url(f->raw_base, "/")};
    ask(f, &req, &r);
    assert_int_equal(r.failed.kind, ERR_NET);
}

static void a_body_past_its_limit_is_a_shape_error(void **state)
{
    struct fixture *f = *state;
    CLEANUP(result_release) struct result r = RESULT_INIT;
    struct http_request req = {.url = url(f->base, "/hello"), .max_body = 4};
    ask(f, &req, &r);
    assert_int_equal(r.failed.kind, ERR_SHAPE);
    req.max_body = 5;
    ask(f, &req, &r);
    assert_int_equal(r.failed.kind, ERR_NONE);
}

static void refuses_urls_methods_and_headers_that_are_none(void **state)
{
    struct fixture *f = *state;
    CLEANUP(result_release) struct result r = RESULT_INIT;
    struct http_request req = {.url = "file:///etc/passwd"};
    ask(f, &req, &r);
    assert_int_equal(r.failed.kind, ERR_SHAPE);
    req = (struct http_request){.url = "http://:0:/"};
    ask(f, &req, &r);
    assert_int_equal(r.failed.kind, ERR_SHAPE);
    req = (struct http_request){.url = url(f->base, "/hello"), .method = "GET /x"};
    ask(f, &req, &r);
    assert_int_equal(r.failed.kind, ERR_SHAPE);
    req.method = NULL;
    strv_add(&req.headers, "X-A: b\r\nX-C: d");
    ask(f, &req, &r);
    http_request_release(&req);
    assert_int_equal(r.failed.kind, ERR_SHAPE);
    assert_int_equal(f->requests, 0);
}

static void follows_redirects_only_when_asked(void **state)
{
    struct fixture *f = *state;
    CLEANUP(result_release) struct result r = RESULT_INIT;
    struct http_request req = {.url = url(f->base, "/redirect?to=/hello")};
    ask(f, &req, &r);
    assert_int_equal(r.resp.status, 302);
    assert_string_equal(http_response_header(&r.resp, "Location"), "/hello");
    req.max_redirects = 2;
    ask(f, &req, &r);
    assert_int_equal(r.resp.status, 200);
    assert_null(http_response_header(&r.resp, "Location"));
    assert_string_equal(r.resp.body.data, "hello");
}

static void carries_the_bearer_to_the_same_host_only(void **state)
{
    struct fixture *f = *state;
    CLEANUP(result_release) struct result r = RESULT_INIT;
    char text[256];
    struct http_request req = {.url = text, .max_redirects = 3};
    strv_add(&req.headers, "Authorization: Bearer canary");
    (void)snprintf(text, sizeof text, "%s/redirect?to=/auth", f->base);
    ask(f, &req, &r);
    assert_string_equal(r.resp.body.data, "Bearer canary");
    (void)snprintf(text, sizeof text, "%s/redirect?to=http://localhost:%d/auth", f->base,
                   httpd_port(f->httpd));
    ask(f, &req, &r);
    assert_string_equal(r.resp.body.data, "none");
    /* Another port is another host. */
    (void)snprintf(text, sizeof text, "%s/redirect?to=http://127.0.0.1:%d/auth", f->base,
                   httpd_fd_port(f->raw.fd));
    ask(f, &req, &r);
    http_request_release(&req);
    assert_non_null(strstr(f->raw.seen.data, "GET /auth"));
    assert_null(strstr(f->raw.seen.data, "canary"));
}

static void a_cancelled_call_is_never_done(void **state)
{
    struct fixture *f = *state;
    CLEANUP(result_release) struct result gone = RESULT_INIT;
    CLEANUP(result_release) struct result r = RESULT_INIT;
    gone.loop = f->loop;
    struct http_request req = {.url = url(f->base, "/hello")};
    struct http_call *call = http_async_start(f->http, &req, on_done, &gone);
    http_call_cancel(call);
    ask(f, &req, &r);
    assert_int_equal(r.resp.status, 200);
    assert_int_equal(gone.done, 0);
}

static int stop_at_once(const char *data, size_t len, void *arg)
{
    buf_add(arg, data, len);
    return 1;
}

static void a_reader_that_has_enough_ends_the_transfer(void **state)
{
    struct fixture *f = *state;
    CLEANUP(result_release) struct result r = RESULT_INIT;
    CLEANUP(buf_release) struct buf got = BUF_INIT(KIB(1));
    struct http_request req = {
        .url = url(f->base, "/ticks"), .on_data = stop_at_once, .on_data_arg = &got};
    ask(f, &req, &r);
    assert_int_equal(r.failed.kind, ERR_NONE);
    assert_true(r.resp.stopped);
    assert_string_equal(got.data, "data: tick\n\n");
}

struct cancel_in_data {
    struct http_call *call;
    struct fixture *f;
};

static int cancel_on_data(const char *data, size_t len, void *arg)
{
    (void)data;
    (void)len;
    struct cancel_in_data *c = arg;
    http_call_cancel(c->call);
    loop_stop(c->f->loop);
    return 0;
}

static void a_reader_may_cancel_its_own_call(void **state)
{
    struct fixture *f = *state;
    CLEANUP(result_release) struct result r = RESULT_INIT;
    struct cancel_in_data c = {NULL, f};
    r.loop = f->loop;
    struct http_request req = {
        .url = url(f->base, "/hello"), .on_data = cancel_on_data, .on_data_arg = &c};
    c.call = http_async_start(f->http, &req, on_done, &r);
    run_loop(f);
    assert_int_equal(r.done, 0);
}

static void escapes_all_but_unreserved(void **state)
{
    (void)state;
    CLEANUP(free_ptr) char *s = http_escape("a-Z_0.~/ ?\xc3\xa9");
    assert_string_equal(s, "a-Z_0.~%2F%20%3F%C3%A9");
}

/* ---- the listener ---- */

static void decodes_path_and_query_and_keeps_them_raw(void **state)
{
    struct fixture *f = *state;
    CLEANUP(result_release) struct result r = RESULT_INIT;
    struct http_request req = {.url = url(f->base, "/a%20b?x=1%262&empty")};
    ask(f, &req, &r);
    assert_string_equal(r.resp.body.data,
                        "{\"empty\":true,\"query\":\"x=1%262\\u0026empty\","
                        "\"raw\":\"/a%20b\",\"x\":\"1\\u00262\"}");
}

static void answers_head_without_a_body(void **state)
{
    struct fixture *f = *state;
    CLEANUP(buf_release) struct buf got = BUF_INIT(KIB(4));
    (void)connect_raw(f);
    send_raw(f, "HEAD /hello HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    read_raw(f, &got, NULL);
    assert_non_null(strstr(got.data, "HTTP/1.1 200 OK\r\n"));
    assert_non_null(strstr(got.data, "Content-Length: 5\r\n"));
    assert_string_equal(strstr(got.data, "\r\n\r\n"), "\r\n\r\n");
}

static void keeps_a_connection_for_the_next_request(void **state)
{
    struct fixture *f = *state;
    CLEANUP(buf_release) struct buf got = BUF_INIT(KIB(4));
    (void)connect_raw(f);
    send_raw(f, "GET /later HTTP/1.1\r\nHost: x\r\n\r\n");
    read_raw(f, &got, "\r\n\r\nlater");
    send_raw(f, "GET /hello HTTP/1.1\r\nHost: x\r\n\r\nGET /hello HTTP/1.1\r\nHost: "
                "x\r\nConnection: close\r\n\r\n");
    buf_reset(&got);
    read_raw(f, &got, NULL);
    assert_int_equal(f->requests, 3);
    assert_non_null(strstr(got.data, "\r\n\r\nhelloHTTP/1.1 200 OK"));
}

static void takes_a_chunked_body(void **state)
{
    struct fixture *f = *state;
    CLEANUP(buf_release) struct buf got = BUF_INIT(KIB(4));
    (void)connect_raw(f);
    send_raw(f, "POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n"
                "Connection: close\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n");
    read_raw(f, &got, NULL);
    assert_string_equal(strstr(got.data, "\r\n\r\n"), "\r\n\r\nabcde");
}

static void answers_later(void **state)
{
    struct fixture *f = *state;
    CLEANUP(result_release) struct result r = RESULT_INIT;
    struct http_request req = {.url = url(f->base, "/later")};
    ask(f, &req, &r);
    assert_int_equal(r.resp.status, 200);
    assert_string_equal(r.resp.body.data, "later");
}

static void tells_when_the_peer_leaves_before_the_answer(void **state)
{
    struct fixture *f = *state;
    (void)connect_raw(f);
    send_raw(f, "GET /never HTTP/1.1\r\nHost: x\r\n\r\n");
    CLEANUP(result_release) struct result r = RESULT_INIT;
    struct http_request req = {.url = url(f->base, "/hello")};
    ask(f, &req, &r);
    assert_non_null(f->kept);
    assert_int_equal(f->gone, 0);
    assert_int_equal(close(f->client), 0);
    f->client = -1;
    run_loop(f);
    assert_int_equal(f->gone, 1);
}

static void tells_what_is_kept_when_it_stops(void **state)
{
    struct fixture *f = *state;
    CLEANUP(result_release) struct result r = RESULT_INIT;
    struct http_request req = {.url = url(f->base, "/hello")};
    (void)connect_raw(f);
    send_raw(f, "GET /never HTTP/1.1\r\nHost: x\r\n\r\n");
    ask(f, &req, &r);
    assert_non_null(f->kept);
    httpd_stop(TAKE(f->httpd));
    assert_int_equal(f->gone, 1);
    assert_null(f->kept);
}

static void streams_events_until_the_end(void **state)
{
    struct fixture *f = *state;
    CLEANUP(result_release) struct result r = RESULT_INIT;
    struct http_request req = {.url = url(f->base, "/ticks")};
    ask(f, &req, &r);
    assert_int_equal(r.resp.status, 200);
    assert_string_equal(http_response_header(&r.resp, "Content-Type"),
                        "text/event-stream");
    assert_string_equal(r.resp.body.data, "data: tick\n\ndata: tick\n\ndata: tick\n\n");
    assert_int_equal(f->stream_gone, 0);
}

static void sends_the_head_of_a_stream_before_its_first_event(void **state)
{
    struct fixture *f = *state;
    CLEANUP(buf_release) struct buf got = BUF_INIT(KIB(4));
    (void)connect_raw(f);
    send_raw(f, "GET /silent-stream HTTP/1.1\r\nHost: x\r\n\r\n");
    read_raw(f, &got, "\r\n\r\n");
    assert_non_null(f->stream);
    httpd_stream_write(f->stream, "data: one\n\n", 11);
    read_raw(f, &got, "data: one\n\n");
}

static void tells_when_the_reader_of_a_stream_leaves(void **state)
{
    struct fixture *f = *state;
    CLEANUP(buf_release) struct buf got = BUF_INIT(KIB(4));
    (void)connect_raw(f);
    send_raw(f, "GET /silent-stream HTTP/1.1\r\nHost: x\r\n\r\n");
    read_raw(f, &got, "\r\n\r\n");
    assert_int_equal(f->stream_gone, 0);
    assert_int_equal(close(f->client), 0);
    f->client = -1;
    run_loop(f);
    assert_int_equal(f->stream_gone, 1);
}

static void refuses_a_body_past_the_limit_by_its_length(void **state)
{
    struct fixture *f = *state;
    CLEANUP(result_release) struct result r = RESULT_INIT;
    char *body = xcalloc(1, LIMIT_REQUEST_BODY + 1);
    struct http_request req = {.method = "POST",
                               .url = url(f->base, "/echo"),
                               .body = body,
                               .body_len = LIMIT_REQUEST_BODY + 1};
    ask(f, &req, &r);
    free(body);
    assert_int_equal(r.resp.status, 413);
    assert_int_equal(f->requests, 0);
}

static void closes_on_garbage(void **state)
{
    struct fixture *f = *state;
    CLEANUP(buf_release) struct buf got = BUF_INIT(KIB(4));
    (void)connect_raw(f);
    send_raw(f, "\x16\x03\x01 this is not HTTP\r\n\r\n");
    read_raw(f, &got, NULL);
    assert_int_equal(f->requests, 0);
}

static void refuses_two_lengths(void **state)
{
    struct fixture *f = *state;
    CLEANUP(buf_release) struct buf got = BUF_INIT(KIB(4));
    (void)connect_raw(f);
    send_raw(f, "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n"
                "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n");
    read_raw(f, &got, "\r\n\r\n");
    assert_non_null(strstr(got.data, "HTTP/1.1 400 "));
    assert_int_equal(f->requests, 0);
}

static void names_the_port_that_is_taken(void **state)
{
    struct fixture *f = *state;
    struct err err = ERR_INIT;
    char text[32];
    int fd = -1;
    (void)snprintf(text, sizeof text, "127.0.0.1:%d", httpd_port(f->httpd));
    assert_int_equal(httpd_bind(httpd_port(f->httpd), &fd, &err), -1);
    assert_int_equal(err.sys, EADDRINUSE);
    assert_non_null(strstr(err.text, text));
}

/* ---- the client that waits, with the listener in a child ---- */

static int serve(void *arg)
{
    struct raw_server *s = arg;
    struct err err = ERR_INIT;
    return loop_run(s->loop, &err) == 0 ? 0 : 1;
}

static int setup_child(void **state)
{
    if (setup(state) < 0)
        return -1;
    struct fixture *f = *state;
    struct err err = ERR_INIT;
    return proc_fork(serve, &f->raw, &f->child, &err);
}

static void waits_for_answers_over_one_connection(void **state)
{
    struct fixture *f = *state;
    struct err err = ERR_INIT;
    struct http *http = NULL;
    struct http_response resp = HTTP_RESPONSE_INIT;
    struct http_request req = {.url = url(f->raw_base, "/"), .timeout_ms = PATIENCE_MS};
    assert_int_equal(http_new(&http, &err), 0);
    int first = http_perform(http, &req, &resp, &err);
    req.method = "POST";
    int second = http_perform(http, &req, &resp, &err);
    char body = resp.body.data[0];
    http_response_release(&resp);
    http_free(http);
    assert_int_equal(first, 0);
    assert_int_equal(second, 0);
    assert_int_equal(body, '1');
}

static void waits_no_longer_than_its_timeout(void **state)
{
    struct fixture *f = *state;
    struct err err = ERR_INIT;
    struct http *http = NULL;
    struct http_response resp = HTTP_RESPONSE_INIT;
    struct http_request req = {.url = url(f->base, "/never"), .timeout_ms = 50};
    assert_int_equal(http_new(&http, &err), 0);
    int64_t before = clock_mono_ms();
    int rc = http_perform(http, &req, &resp, &err);
    int64_t took = clock_mono_ms() - before;
    http_response_release(&resp);
    http_free(http);
    assert_int_equal(rc, -1);
    assert_int_equal(err.kind, ERR_TIMEOUT);
    assert_true(took >= 49);
}

#define IN_LOOP(t) cmocka_unit_test_setup_teardown(t, setup, teardown)
#define WITH_CHILD(t) cmocka_unit_test_setup_teardown(t, setup_child, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_LOOP(gets_status_headers_and_body),
        IN_LOOP(reuses_one_connection),
        IN_LOOP(sends_method_and_body_and_neither_expect_nor_a_form_type),
        IN_LOOP(reads_a_chunked_body),
        IN_LOOP(times_out_as_a_timeout),
        IN_LOOP(a_refused_connection_is_a_network_error),
        IN_LOOP(an_answer_that_breaks_off_is_a_network_error),
        IN_LOOP(a_body_past_its_limit_is_a_shape_error),
        IN_LOOP(refuses_urls_methods_and_headers_that_are_none),
        IN_LOOP(follows_redirects_only_when_asked),
        IN_LOOP(carries_the_bearer_to_the_same_host_only),
        IN_LOOP(a_cancelled_call_is_never_done),
        IN_LOOP(a_reader_that_has_enough_ends_the_transfer),
        IN_LOOP(a_reader_may_cancel_its_own_call),
        cmocka_unit_test(escapes_all_but_unreserved),
        IN_LOOP(decodes_path_and_query_and_keeps_them_raw),
        IN_LOOP(answers_head_without_a_body),
        IN_LOOP(keeps_a_connection_for_the_next_request),
        IN_LOOP(takes_a_chunked_body),
        IN_LOOP(answers_later),
        IN_LOOP(tells_when_the_peer_leaves_before_the_answer),
        IN_LOOP(tells_what_is_kept_when_it_stops),
        IN_LOOP(streams_events_until_the_end),
        IN_LOOP(sends_the_head_of_a_stream_before_its_first_event),
        IN_LOOP(tells_when_the_reader_of_a_stream_leaves),
        IN_LOOP(refuses_a_body_past_the_limit_by_its_length),
        IN_LOOP(closes_on_garbage),
        IN_LOOP(refuses_two_lengths),
        IN_LOOP(names_the_port_that_is_taken),
        WITH_CHILD(waits_for_answers_over_one_connection),
        WITH_CHILD(waits_no_longer_than_its_timeout),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
