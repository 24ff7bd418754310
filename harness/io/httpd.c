#include "io/httpd_conn.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/limits.h"
#include "base/log.h"
#include "base/num.h"
#include "io/httpd_mhd.h"
#include "io/loop.h"

enum {
    LISTEN_BACKLOG = 511,
    CONNECTION_MEMORY = 32 * 1024, /* request line and headers of one request */
};

/* ---- the listening socket ---- */

static int make_listener(int fd, int port, struct err *err)
{
    const int one = 1;
    struct sockaddr_in addr = {.sin_family = AF_INET,
                               .sin_port = htons((uint16_t)port),
                               .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    /* A port in TIME_WAIT may be taken again; accepted sockets inherit NODELAY. */
    if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one) != 0 ||
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one) != 0 ||
        bind(fd, (const struct sockaddr *)&addr, sizeof addr) != 0 ||
        listen(fd, LISTEN_BACKLOG) != 0)
        return err_sys(err, errno, "cannot listen on '127.0.0.1:%d'", port);
    return 0;
}

int httpd_bind(int port, int *ret_fd, struct err *err)
{
    if (port < 0 || port > 65535)
        return err_set(err, ERR_USAGE, "%d is not a port (0 to 65535)", port);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return err_sys(err, errno, "cannot make a socket");
    if (make_listener(fd, port, err) < 0) {
        (void)close(fd);
        return -1;
    }
    *ret_fd = fd;
    return 0;
}

int httpd_fd_port(int fd)
{
    struct sockaddr_in addr = {.sin_family = AF_UNSPEC};
    socklen_t len = sizeof addr;
    if (getsockname(fd, (struct sockaddr *)&addr, &len) != 0 ||
        addr.sin_family != AF_INET)
        return -1;
    return ntohs(addr.sin_port);
}

/* ---- libmicrohttpd's callbacks ---- */

static void *on_uri(void *arg, const char *uri, struct MHD_Connection *conn)
{
    (void)conn;
    struct httpd *d = arg;
    struct httpd_stream *s = xcalloc(1, sizeof *s);
    s->d = d;
    buf_init(&s->body, LIMIT_REQUEST_BODY);
    buf_init(&s->pending, LIMIT_RESPONSE_BODY);
    s->uri = xstrdup(uri);
    char *mark = strchr(s->uri, '?');
    s->req.query = "";
    if (mark != NULL) {
        *mark = '\0';
        s->req.query = mark + 1;
    }
    s->req.raw_path = s->uri;
    s->req.tls = d->tls;
    s->next = d->live;
    if (s->next != NULL)
        s->next->prev = s;
    d->live = s;
    return s;
}

static void on_completed(void *arg, struct MHD_Connection *conn, void **con_cls,
                         enum MHD_RequestTerminationCode code)
{
    (void)code;
    struct httpd *d = arg;
    struct httpd_stream *s = *con_cls;
    *con_cls = NULL;
    if (s == NULL)
        return;
    peers_ended(conn);
    d->bodies -= s->body.len;
    conn_unwatch(s);
    conn_tell_gone(s);
    if (s->prev != NULL)
        s->prev->next = s->next;
    else
        d->live = s->next;
    if (s->next != NULL)
        s->next->prev = s->prev;
    if (s->response != NULL)
        MHD_destroy_response(s->response);
    strv_release(&s->trimmed);
    strv_release(&s->extra);
    buf_release(&s->body);
    buf_release(&s->pending);
    free(s->uri);
    free(s);
}

static void refuse(struct httpd_stream *s, int status)
{
    s->refused = true;
    s->refusal = status;
    s->d->bodies -= s->body.len;
    buf_release(&s->body);
}

/* Headers are in: decides whether the body is wanted. */
static void on_headers(struct httpd_stream *s, const char *method, const char *path)
{
    s->req.method = method;
    s->req.path = path;
    const char *length = httpd_header(&s->req, MHD_HTTP_HEADER_CONTENT_LENGTH);
    int64_t n = 0;
    if (length == NULL)
        return;
    /* Two lengths are how one request is smuggled in another. */
    if (httpd_header(&s->req, MHD_HTTP_HEADER_TRANSFER_ENCODING) != NULL) {
        refuse(s, MHD_HTTP_BAD_REQUEST);
    } else if (num_parse(length, 0, INT64_MAX, &n) && n > (int64_t)LIMIT_REQUEST_BODY) {
        refuse(s, MHD_HTTP_CONTENT_TOO_LARGE);
    }
}

/* A refused body is still read, up to a limit: closing at once would reset the connection
 * before the peer has seen why. */
static enum MHD_Result on_upload(struct httpd_stream *s, const char *data, size_t *len)
{
    if (!s->refused && *len > s->body.max - s->body.len)
        refuse(s, MHD_HTTP_CONTENT_TOO_LARGE);
    else if (!s->refused && *len > LIMIT_REQUEST_BODIES - s->d->bodies)
        refuse(s, MHD_HTTP_SERVICE_UNAVAILABLE);
    if (s->refused) {
        s->thrown += *len;
        if (s->thrown > 2 * LIMIT_REQUEST_BODY)
            return MHD_NO;
    } else {
        buf_add(&s->body, data, *len);
        s->d->bodies += *len;
    }
    *len = 0;
    return MHD_YES;
}

static enum MHD_Result give_response(struct httpd_stream *s)
{
    struct MHD_Response *response = TAKE(s->response);
    enum MHD_Result rc = MHD_queue_response(s->conn, (unsigned int)s->status, response);
    MHD_destroy_response(response);
    if (s->phase == CONN_ANSWERED)
        s->phase = CONN_SENT;
    return rc;
}

static const char *refusal_text(int status)
{
    switch (status) {
    case MHD_HTTP_CONTENT_TOO_LARGE:
        return "request body too large";
    case MHD_HTTP_SERVICE_UNAVAILABLE:
        return "too many request bodies at once";
    default:
        return "bad request";
    }
}

static enum MHD_Result on_complete_request(struct httpd_stream *s)
{
    s->req.body = s->body.data;
    s->req.body_len = s->body.len;
    s->req.received_at_ms = clock_mono_ms();
    s->phase = CONN_HANDLED;
    peers_request(s->conn);
    if (s->refused)
        httpd_reply_text(&s->req, s->refusal, refusal_text(s->refusal));
    else
        s->d->fn(&s->req, s->d->arg);
    if (s->response != NULL)
        return give_response(s);
    if (s->req_gone != NULL)
        conn_watch_peer(s);
    conn_suspend(s);
    return MHD_YES;
}

static enum MHD_Result on_request(void *arg, struct MHD_Connection *conn, const char *url,
                                  const char *method, const char *version,
                                  const char *upload, size_t *upload_size, void **con_cls)
{
    (void)arg;
    (void)version;
    struct httpd_stream *s = *con_cls;
    if (s->conn == NULL) {
        s->conn = conn;
        on_headers(s, method, url);
        /* Who waits for 100 is told before the body is sent, and sends none. */
        if (s->refused && httpd_header(&s->req, MHD_HTTP_HEADER_EXPECT) != NULL)
            return on_complete_request(s);
        return MHD_YES;
    }
    if (*upload_size > 0)
        return on_upload(s, upload, upload_size);
    if (s->phase == CONN_READING)
        return on_complete_request(s);
    if (s->response != NULL) /* kept, now answered */
        return give_response(s);
    return MHD_NO; /* the peer has left */
}

/* ---- the daemon on the loop ---- */

static void run(struct httpd *d)
{
    d->resumed = false;
    if (MHD_run(d->mhd) != MHD_YES)
        log_error("http: the listener on port %d does not run", d->port);
}

static void on_ready(uint32_t events, void *arg)
{
    (void)events;
    run(arg);
}

/* Until libmicrohttpd wants to run again, in ms; -1 = it can wait. */
static int64_t time_left(struct httpd *d)
{
    MHD_UNSIGNED_LONG_LONG left = 0;
    if (MHD_get_timeout(d->mhd, &left) != MHD_YES)
        return -1;
    return left > INT32_MAX ? INT32_MAX : (int64_t)left;
}

static int64_t on_prepare(void *arg)
{
    struct httpd *d = arg;
    int64_t left = time_left(d);
    /* With a polling loop of our own, a resumed connection shows in neither. */
    if (left != 0 && !d->resumed)
        return left;
    run(d);
    return d->resumed ? 0 : time_left(d);
}

static struct MHD_Daemon *start_daemon(struct httpd *d, int listen_fd,
                                       const struct httpd_tls *tls)
{
    struct MHD_OptionItem secret[] = {
        {MHD_OPTION_END, 0, NULL}, {MHD_OPTION_END, 0, NULL}, {MHD_OPTION_END, 0, NULL}};
    if (tls != NULL) {
        secret[0] = (struct MHD_OptionItem){MHD_OPTION_HTTPS_MEM_CERT, 0, NULL};
        secret[1] = (struct MHD_OptionItem){MHD_OPTION_HTTPS_MEM_KEY, 0, NULL};
        /* Only read, though the item has no const. */
        memcpy(&secret[0].ptr_value, &tls->cert, sizeof(void *));
        memcpy(&secret[1].ptr_value, &tls->key, sizeof(void *));
    }
    return MHD_start_daemon(
        MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME | MHD_ALLOW_UPGRADE |
            (tls != NULL ? MHD_USE_TLS : 0U),
        0, NULL, NULL, on_request, d, MHD_OPTION_LISTEN_SOCKET, listen_fd,
        MHD_OPTION_STRICT_FOR_CLIENT, 1, MHD_OPTION_CONNECTION_MEMORY_LIMIT,
        (size_t)CONNECTION_MEMORY, MHD_OPTION_NOTIFY_COMPLETED, on_completed, d,
        MHD_OPTION_NOTIFY_CONNECTION, peers_notify, d->peers, MHD_OPTION_CONNECTION_LIMIT,
        peers_daemon_limit(d->peers), MHD_OPTION_CONNECTION_TIMEOUT,
        peers_patience_s(d->peers), MHD_OPTION_URI_LOG_CALLBACK, on_uri, d,
        MHD_OPTION_ARRAY, secret, MHD_OPTION_END);
}

int httpd_start(struct loop *loop, int listen_fd, httpd_fn *fn, void *arg,
                struct httpd **ret, struct err *err)
{
    return httpd_start_tls(loop, listen_fd, NULL, fn, arg, ret, err);
}

int httpd_start_tls(struct loop *loop, int listen_fd, const struct httpd_tls *tls,
                    httpd_fn *fn, void *arg, struct httpd **ret, struct err *err)
{
    if (httpd_mhd_load(err) < 0) {
        (void)close(listen_fd);
        return -1;
    }
    struct httpd *d = xcalloc(1, sizeof *d);
    *d = (struct httpd){.loop = loop, .fn = fn, .arg = arg, .tls = tls != NULL};
    d->port = httpd_fd_port(listen_fd);
    /* An inherited descriptor comes as whoever bound it left it. */
    int flags = fcntl(listen_fd, F_GETFL);
    if (d->port < 0 || flags < 0 || fcntl(listen_fd, F_SETFL, flags | O_NONBLOCK) != 0 ||
        fcntl(listen_fd, F_SETFD, FD_CLOEXEC) != 0) {
        (void)close(listen_fd);
        free(d);
        return err_set(err, ERR_SYS, "descriptor %d is not a listening socket",
                       listen_fd);
    }
    d->peers = peers_new(loop);
    d->mhd = start_daemon(d, listen_fd, tls);
    if (d->mhd == NULL) {
        /* Whether libmicrohttpd closed it depends on where it failed. */
        if (fcntl(listen_fd, F_GETFD) >= 0)
            (void)close(listen_fd);
        int port = d->port;
        peers_free(d->peers);
        free(d);
        return err_set(err, ERR_SYS, "cannot start the HTTP listener on port %d", port);
    }
    const union MHD_DaemonInfo *info =
        MHD_get_daemon_info(d->mhd, MHD_DAEMON_INFO_EPOLL_FD);
    d->watch = loop_fd_add(loop, info->epoll_fd, EPOLLIN, on_ready, d);
    loop_prepare_add(loop, on_prepare, d);
    *ret = d;
    return 0;
}

void httpd_stop(struct httpd *d)
{
    if (d == NULL)
        return;
    loop_prepare_remove(d->loop, on_prepare, d);
    loop_fd_remove(d->watch);
    /* libmicrohttpd must not be stopped while a connection is suspended. */
    for (struct httpd_stream *s = d->live; s != NULL; s = s->next) {
        conn_unwatch(s);
        conn_tell_gone(s);
        conn_give_back(s);
        conn_resume(s);
    }
    MHD_stop_daemon(d->mhd); /* closes the socket, calls on_completed for the rest */
    peers_free(d->peers);
    free(d);
}

int httpd_port(const struct httpd *d)
{
    return d->port;
}
