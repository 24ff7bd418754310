#include "io/http.h"

#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>

#include "base/log.h"
#include "io/http_easy.h"
#include "io/loop.h"

struct http_call {
    struct http_async *owner;
    struct http_call *prev, *next;
    CURL *easy; /* NULL when the request could not even be set up */
    bool added; /* the multi handle has it */
    struct transfer t;
    struct http_request req; /* own copy of everything */
    struct http_response resp;
    struct err failed;
    struct loop_timer *starter; /* pending start or pending bad news */
    http_done_fn *done;
    void *arg;
};

struct http_async {
    struct loop *loop;
    CURLM *multi;
    struct loop_timer *timer;
    struct http_call *calls;
    bool in_curl; /* libcurl is on the stack and must not be entered again */
};

/* The copies of a request are const to everyone but who frees them. */
static void *own_copy(const char *p)
{
    void *out = NULL;
    memcpy(&out, &p, sizeof out);
    return out;
}

static void call_free(struct http_call *c)
{
    struct http_async *a = c->owner;
    loop_timer_cancel(c->starter);
    if (c->added)
        (void)curl_multi_remove_handle(a->multi, c->easy);
    if (c->easy != NULL)
        curl_easy_cleanup(c->easy);
    transfer_release(&c->t);
    if (c->prev != NULL)
        c->prev->next = c->next;
    else
        a->calls = c->next;
    if (c->next != NULL)
        c->next->prev = c->prev;
    const char *own[] = {c->req.method, c->req.url, c->req.body, c->req.ca_file};
    for (size_t i = 0; i < ARRAY_SIZE(own); i++)
        free(own_copy(own[i]));
    http_request_release(&c->req);
    http_response_release(&c->resp);
    free(c);
}

/* Frees the call, then tells: the handle is dead when done starts. */
static void call_finish(struct http_call *c, bool answered)
{
    http_done_fn *done = c->done;
    void *arg = c->arg;
    struct err failed = c->failed;
    struct http_response resp = c->resp;
    c->resp = (struct http_response)HTTP_RESPONSE_INIT;
    call_free(c);
    done(answered ? &resp : NULL, answered ? NULL : &failed, arg);
    http_response_release(&resp);
}

/* Ends what is complete. Callbacks may start and cancel calls, so begin again each time.
 */
static void reap(struct http_async *a)
{
    struct CURLMsg *msg;
    int left;
    while ((msg = curl_multi_info_read(a->multi, &left)) != NULL) {
        if (msg->msg != CURLMSG_DONE)
            continue;
        CURLcode rc = msg->data.result;
        char *private = NULL;
        (void)curl_easy_getinfo(msg->easy_handle, CURLINFO_PRIVATE, &private);
        struct http_call *c = (struct http_call *)(void *)private;
        bool answered = transfer_outcome(&c->t, rc, &c->failed) == 0;
        call_finish(c, answered);
    }
}

static void drive(struct http_async *a, curl_socket_t fd, int what)
{
    int running = 0;
    a->in_curl = true;
    CURLMcode rc = curl_multi_socket_action(a->multi, fd, what, &running);
    a->in_curl = false;
    if (rc != CURLM_OK)
        log_error("http: %s", curl_multi_strerror(rc));
    for (struct http_call *c = a->calls, *next; c != NULL; c = next) {
        next = c->next;
        if (c->t.aborted) /* cancelled from within a body callback */
            call_free(c);
    }
    reap(a);
}

/* A watched socket; freed with libcurl's interest in it. */
struct watch {
    struct http_async *a;
    struct loop_fd *fd;
    curl_socket_t sock;
};

static void on_socket(uint32_t events, void *arg)
{
    struct watch *w = arg;
    int what = 0;
    if ((events & EPOLLIN) != 0)
        what |= CURL_CSELECT_IN;
    if ((events & EPOLLOUT) != 0)
        what |= CURL_CSELECT_OUT;
    if ((events & (EPOLLERR | EPOLLHUP)) != 0)
        what |= CURL_CSELECT_ERR;
    drive(w->a, w->sock, what);
}

static int on_curl_socket(CURL *easy, curl_socket_t fd, int what, void *arg,
                          void *watched)
{
    (void)easy;
    struct http_async *a = arg;
    struct watch *w = watched;
    if (what == CURL_POLL_REMOVE) {
        if (w != NULL) {
            loop_fd_remove(w->fd);
            free(w);
        }
        (void)curl_multi_assign(a->multi, fd, NULL);
        return 0;
    }
    uint32_t events = 0;
    if ((what & CURL_POLL_IN) != 0)
        events |= EPOLLIN;
    if ((what & CURL_POLL_OUT) != 0)
        events |= EPOLLOUT;
    if (w != NULL) {
        loop_fd_events(w->fd, events);
        return 0;
    }
    w = xcalloc(1, sizeof *w);
    w->a = a;
    w->sock = fd;
    w->fd = loop_fd_add(a->loop, fd, events, on_socket, w);
    (void)curl_multi_assign(a->multi, fd, w);
    return 0;
}

static void on_timer(void *arg)
{
    struct http_async *a = arg;
    a->timer = NULL;
    drive(a, CURL_SOCKET_TIMEOUT, 0);
}

static int on_curl_timer(CURLM *multi, long timeout_ms, void *arg)
{
    (void)multi;
    struct http_async *a = arg;
    loop_timer_cancel(a->timer);
    a->timer = NULL;
    if (timeout_ms >= 0)
        a->timer = loop_timer_add(a->loop, timeout_ms, on_timer, a);
    return 0;
}

int http_async_new(struct loop *loop, struct http_async **ret, struct err *err)
{
    (void)err;
    struct http_async *a = xcalloc(1, sizeof *a);
    a->loop = loop;
    *ret = a;
    return 0;
}

static int ensure_multi(struct http_async *a, struct err *err)
{
    if (a->multi != NULL)
        return 0;
    if (transfer_global_init(err) < 0)
        return -1;
    a->multi = xcheck(curl_multi_init());
    (void)curl_multi_setopt(a->multi, CURLMOPT_SOCKETFUNCTION, on_curl_socket);
    (void)curl_multi_setopt(a->multi, CURLMOPT_SOCKETDATA, a);
    (void)curl_multi_setopt(a->multi, CURLMOPT_TIMERFUNCTION, on_curl_timer);
    (void)curl_multi_setopt(a->multi, CURLMOPT_TIMERDATA, a);
    return 0;
}

void http_async_free(struct http_async *a)
{
    if (a == NULL)
        return;
    while (a->calls != NULL)
        call_free(a->calls);
    if (a->multi != NULL)
        (void)curl_multi_cleanup(a->multi); /* closes the sockets: on_curl_socket */
    loop_timer_cancel(a->timer);
    free(a);
}

static void copy_request(struct http_request *dst, const struct http_request *src)
{
    *dst = *src;
    dst->method = src->method == NULL ? NULL : xstrdup(src->method);
    dst->url = src->url == NULL ? NULL : xstrdup(src->url);
    dst->ca_file = src->ca_file == NULL ? NULL : xstrdup(src->ca_file);
    dst->body = NULL;
    if (src->body != NULL) {
        char *body = xmalloc(src->body_len + 1);
        memcpy(body, src->body, src->body_len);
        body[src->body_len] = '\0';
        dst->body = body;
    }
    dst->headers = (struct strv)STRV_INIT;
    strv_copy(&dst->headers, &src->headers);
}

static int call_add(struct http_call *c, struct err *err)
{
    CURLMcode rc = curl_multi_add_handle(c->owner->multi, c->easy);
    if (rc != CURLM_OK)
        return err_set(err, ERR_BUG, "cannot start a request: %s",
                       curl_multi_strerror(rc));
    c->added = true;
    return 0;
}

static void on_start(void *arg)
{
    struct http_call *c = arg;
    c->starter = NULL;
    if (c->failed.kind == ERR_NONE && call_add(c, &c->failed) == 0)
        return;
    call_finish(c, false);
}

static int call_prepare(struct http_call *c, struct err *err)
{
    struct http_async *a = c->owner;
    if (ensure_multi(a, err) < 0)
        return -1;
    c->easy = xcheck(curl_easy_init());
    c->t = (struct transfer){.easy = c->easy, .req = &c->req, .resp = &c->resp};
    if (transfer_setup(&c->t, err) < 0)
        return -1;
    (void)curl_easy_setopt(c->easy, CURLOPT_PRIVATE, c);
    return a->in_curl ? 0 : call_add(c, err);
}

struct http_call *http_async_start(struct http_async *a, const struct http_request *req,
                                   http_done_fn *done, void *arg)
{
    struct http_call *c = xcalloc(1, sizeof *c);
    c->owner = a;
    c->done = done;
    c->arg = arg;
    c->resp = (struct http_response)HTTP_RESPONSE_INIT;
    copy_request(&c->req, req);
    c->next = a->calls;
    if (c->next != NULL)
        c->next->prev = c;
    a->calls = c;
    /* Bad news, and a start from within libcurl, wait for the next turn. */
    if (call_prepare(c, &c->failed) < 0 || !c->added)
        c->starter = loop_timer_add(a->loop, 0, on_start, c);
    return c;
}

void http_call_cancel(struct http_call *call)
{
    if (call == NULL)
        return;
    if (call->owner->in_curl && call->added) {
        call->t.aborted = true;
        return;
    }
    call_free(call);
}
