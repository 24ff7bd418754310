#include "io/websocket.h"

#include <errno.h>
#include <nettle/sha1.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>
#include <wslay/wslay.h>

#include "base/buf.h"
#include "base/ids.h"
#include "base/limits.h"
#include "base/log.h"
#include "io/loop.h"

enum {
    MESSAGE_MAX = 64 * 1024, /* of one message from the peer */
    /* What the kernel keeps for a peer that does not read is bounded as well. */
    SEND_BUFFER = 256 * 1024,
};

struct websocket {
    struct httpd_stream *conn;
    struct loop *loop; /* NULL until the socket is ours */
    int fd;            /* borrowed */
    wslay_event_context_ptr ctx;
    struct buf early; /* sent by the peer with its handshake */
    struct loop_fd *watch;
    struct loop_timer *ping;
    int64_t ping_ms;
    bool closing; /* the owner has left: only the goodbye is under way */
    void (*gone)(void *arg);
    void *arg;
};

/* ---- the handshake ---- */

/* Whether a comma-separated header has this word, in any case. */
static bool header_has(const struct httpd_req *req, const char *name, const char *word)
{
    const char *at = httpd_header(req, name);
    size_t len = strlen(word);
    while (at != NULL && *at != '\0') {
        at += strspn(at, " \t,");
        size_t n = strcspn(at, " \t,");
        if (n == len && strncasecmp(at, word, n) == 0)
            return true;
        at += n;
    }
    return false;
}

const char *websocket_refusal(const struct httpd_req *req)
{
    const char *key = httpd_header(req, "Sec-WebSocket-Key");
    if (strcmp(req->method, "GET") != 0)
        return "not a GET";
    if (!header_has(req, "Connection", "upgrade"))
        return "no 'Connection: upgrade'";
    if (!header_has(req, "Upgrade", "websocket"))
        return "no 'Upgrade: websocket'";
    if (!header_has(req, "Sec-WebSocket-Version", "13"))
        return "the version is not 13";
    return key == NULL || *key == '\0' ? "no Sec-WebSocket-Key" : NULL;
}

static void add_accept(struct httpd_req *req)
{
    static const char magic[] = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
    const char *key = httpd_header(req, "Sec-WebSocket-Key");
    unsigned char digest[SHA1_DIGEST_SIZE];
    struct sha1_ctx sha1;
    sha1_init(&sha1);
    sha1_update(&sha1, strlen(key), (const uint8_t *)key);
    sha1_update(&sha1, sizeof magic - 1, (const uint8_t *)magic);
    sha1_digest(&sha1, sizeof digest, digest);
    CLEANUP(free_ptr) char *accept = base64_encode(digest, sizeof digest);
    httpd_add_header(req, "Sec-WebSocket-Accept", accept);
}

/* ---- the end ---- */

static void release(struct websocket *ws)
{
    loop_fd_remove(ws->watch);
    loop_timer_cancel(ws->ping);
    wslay_event_context_free(ws->ctx);
    buf_release(&ws->early);
    free(ws);
}

/* The connection has ended, whoever ended it. */
static void finish(struct websocket *ws)
{
    void (*gone)(void *) = ws->closing ? NULL : ws->gone;
    void *arg = ws->arg;
    struct httpd_stream *conn = ws->conn;
    release(ws);
    httpd_upgrade_close(conn);
    if (gone != NULL)
        gone(arg);
}

/* The listener ends, or the peer left before the socket was ours. */
static void on_lost(void *arg)
{
    struct websocket *ws = arg;
    void (*gone)(void *) = ws->closing ? NULL : ws->gone;
    void *gone_arg = ws->arg;
    release(ws);
    if (gone != NULL)
        gone(gone_arg);
}

/* ---- frames ---- */

static ssize_t on_recv(wslay_event_context_ptr ctx, uint8_t *data, size_t len, int flags,
                       void *arg)
{
    (void)flags;
    struct websocket *ws = arg;
    if (ws->early.len > 0) {
        size_t n = ws->early.len < len ? ws->early.len : len;
        memcpy(data, ws->early.data, n);
        buf_consume(&ws->early, n);
        return (ssize_t)n;
    }
    ssize_t n = recv(ws->fd, data, len, MSG_DONTWAIT);
    if (n > 0)
        return n;
    bool later = n < 0 && (errno == EAGAIN || errno == EINTR);
    wslay_event_set_error(ctx, later ? WSLAY_ERR_WOULDBLOCK : WSLAY_ERR_CALLBACK_FAILURE);
    return -1;
}

static ssize_t on_send(wslay_event_context_ptr ctx, const uint8_t *data, size_t len,
                       int flags, void *arg)
{
    (void)flags;
    const struct websocket *ws = arg;
    ssize_t n = send(ws->fd, data, len, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (n >= 0)
        return n;
    bool later = errno == EAGAIN || errno == EINTR;
    wslay_event_set_error(ctx, later ? WSLAY_ERR_WOULDBLOCK : WSLAY_ERR_CALLBACK_FAILURE);
    return -1;
}

static void update_events(struct websocket *ws)
{
    uint32_t events = EPOLLIN | EPOLLRDHUP;
    if (wslay_event_want_write(ws->ctx))
        events |= EPOLLOUT;
    loop_fd_events(ws->watch, events);
}

static void on_ready_fd(uint32_t events, void *arg)
{
    struct websocket *ws = arg;
    bool broken = (events & (EPOLLERR | EPOLLHUP)) != 0;
    if (!broken && ((events & (EPOLLIN | EPOLLRDHUP)) != 0 || ws->early.len > 0))
        broken = wslay_event_recv(ws->ctx) != 0;
    if (!broken)
        broken = wslay_event_send(ws->ctx) != 0;
    if (broken || (!wslay_event_want_read(ws->ctx) && !wslay_event_want_write(ws->ctx)))
        finish(ws);
    else
        update_events(ws);
}

static void queue(struct websocket *ws, uint8_t opcode, const char *data, size_t len)
{
    struct wslay_event_msg msg = {
        .opcode = opcode, .msg = (const uint8_t *)data, .msg_length = len};
    /* Refused once a goodbye was said, which is as it should be. */
    (void)wslay_event_queue_msg(ws->ctx, &msg);
    if (ws->watch != NULL)
        update_events(ws);
}

static void on_ping_time(void *arg)
{
    struct websocket *ws = arg;
    ws->ping = NULL;
    if (ws->closing) { /* the peer has had its time to say goodbye */
        finish(ws);
        return;
    }
    ws->ping = loop_timer_add(ws->loop, ws->ping_ms, on_ping_time, ws);
    queue(ws, WSLAY_PING, NULL, 0);
}

static void on_upgraded(struct loop *loop, int fd, const void *early, size_t len,
                        void *arg)
{
    struct websocket *ws = arg;
    const int size = SEND_BUFFER;
    ws->loop = loop;
    ws->fd = fd;
    buf_add(&ws->early, early, len);
    if (setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof size) != 0)
        log_warn("http: cannot bound the buffer of a socket");
    ws->watch = loop_fd_add(loop, fd, EPOLLIN | EPOLLRDHUP | EPOLLOUT, on_ready_fd, ws);
    ws->ping = loop_timer_add(loop, ws->ping_ms, on_ping_time, ws);
}

/* ---- for the owner ---- */

struct websocket *websocket_accept(struct httpd_req *req, int64_t ping_ms,
                                   void (*gone)(void *arg), void *arg)
{
    static const struct wslay_event_callbacks callbacks = {.recv_callback = on_recv,
                                                           .send_callback = on_send};
    struct websocket *ws = xcalloc(1, sizeof *ws);
    ws->fd = -1;
    ws->ping_ms = ping_ms;
    ws->gone = gone;
    ws->arg = arg;
    buf_init(&ws->early, MESSAGE_MAX);
    if (wslay_event_context_server_init(&ws->ctx, &callbacks, ws) != 0)
        (void)xcheck(NULL);
    wslay_event_config_set_max_recv_msg_length(ws->ctx, MESSAGE_MAX);
    add_accept(req);
    ws->conn = httpd_upgrade(req, "websocket", on_upgraded, on_lost, ws);
    return ws;
}

void websocket_send(struct websocket *ws, const char *text, size_t len)
{
    if (wslay_event_get_queued_msg_length(ws->ctx) + len <= WEBSOCKET_QUEUE_MAX) {
        queue(ws, WSLAY_TEXT_FRAME, text, len);
        return;
    }
    log_warn("http: a peer does not read its WebSocket, which is cut off");
    if (ws->fd >= 0) /* seen by the loop, so that nobody is told from within this call */
        (void)shutdown(ws->fd, SHUT_RDWR);
}

void websocket_close(struct websocket *ws, int code)
{
    if (ws == NULL)
        return;
    ws->closing = true;
    (void)wslay_event_queue_close(ws->ctx, (uint16_t)code, NULL, 0);
    if (ws->watch != NULL)
        update_events(ws);
}
