#include "io/httpd.h"

#include <errno.h>
#include <fcntl.h>
#include <microhttpd.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/limits.h"
#include "base/log.h"
#include "base/num.h"
#include "base/strv.h"
#include "io/httpd_peers.h"
#include "io/json.h"
#include "io/loop.h"

enum {
    LISTEN_BACKLOG = 511,
    CONNECTION_MEMORY = 32 * 1024, /* request line and headers of one request */
    STREAM_BLOCK = 16 * 1024,
};

enum phase {
    READING,   /* headers are in, the body is coming */
    HANDLED,   /* the handler has it: answered within its call, or kept */
    ANSWERED,  /* response is set, libmicrohttpd has not taken it yet */
    STREAMING, /* libmicrohttpd pulls from pending */
    SWITCHING, /* the answer is 101, the socket is not ours yet */
    UPGRADED,  /* the socket is its owner's */
    SENT,      /* nothing more to do here */
    GONE,      /* the peer has left, its owner knows */
};

/*
 * One request from its first line to its last byte, also as a stream. libmicrohttpd owns
 * its life: made in on_uri, freed in on_completed, so a suspended connection must be
 * resumed for the request to end.
 */
struct httpd_stream {
    struct httpd_req req; /* first: the two are converted into each other */
    struct httpd *d;
    struct httpd_stream *prev, *next;
    struct MHD_Connection *conn; /* NULL until the headers are in */
    enum phase phase;
    bool suspended;
    bool refused;      /* the body is read and thrown away, then answered `refusal` */
    int refusal;       /* status */
    size_t thrown;     /* bytes thrown away */
    char *uri;         /* owned: raw_path and query point into it */
    struct buf body;   /* of the request */
    struct strv extra; /* name, value, name, value ... of the answer */
    const struct httpd_fixed_header *fixed; /* of the answer, borrowed */
    size_t fixed_n;
    struct MHD_Response *response;
    int status;
    struct loop_fd *watch; /* for a peer that leaves while we are suspended */
    void (*req_gone)(struct httpd_req *req, void *arg);
    void (*stream_gone)(void *arg);
    httpd_ready_fn *ready; /* SWITCHING */
    struct MHD_UpgradeResponseHandle *upgraded;
    void *gone_arg;
    struct buf pending; /* STREAMING: not yet pulled */
    bool ended;         /* STREAMING: no more will be written */
};

struct httpd {
    struct loop *loop;
    struct MHD_Daemon *mhd;
    struct loop_fd *watch;
    httpd_fn *fn;
    void *arg;
    struct httpd_stream *live;
    struct peers *peers;
    size_t bodies; /* bytes of bodies in memory */
    int port;
    bool tls;
    bool resumed; /* a connection was resumed since the last run */
};

static struct httpd_stream *of(const struct httpd_req *req)
{
    /* Every httpd_req that a handler sees is the head of one of these. */
    struct httpd_stream *out = NULL;
    memcpy(&out, &req, sizeof(void *));
    return out;
}

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

/* ---- suspending, and a peer that leaves meanwhile ---- */

static void unwatch(struct httpd_stream *s)
{
    loop_fd_remove(s->watch);
    s->watch = NULL;
}

static void resume(struct httpd_stream *s)
{
    if (!s->suspended)
        return;
    s->suspended = false;
    s->d->resumed = true;
    MHD_resume_connection(s->conn);
}

/* Tells the owner, once, that there is nobody left to answer. */
static void tell_gone(struct httpd_stream *s)
{
    enum phase was = s->phase;
    s->phase = GONE;
    if (was == HANDLED && s->req_gone != NULL)
        s->req_gone(&s->req, s->gone_arg);
    else if ((was == STREAMING || was == SWITCHING || was == UPGRADED) && !s->ended &&
             s->stream_gone != NULL)
        s->stream_gone(s->gone_arg);
}

static void on_peer_left(uint32_t events, void *arg)
{
    (void)events;
    struct httpd_stream *s = arg;
    unwatch(s);
    tell_gone(s);
    resume(s); /* on_request or on_pull then ends the connection */
}

/* libmicrohttpd does not look at a suspended connection. */
static void watch_peer(struct httpd_stream *s)
{
    if (s->watch != NULL)
        return;
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(s->conn, MHD_CONNECTION_INFO_CONNECTION_FD);
    if (info != NULL)
        s->watch = loop_fd_add(s->d->loop, info->connect_fd, EPOLLRDHUP, on_peer_left, s);
}

static void suspend(struct httpd_stream *s)
{
    s->suspended = true;
    MHD_suspend_connection(s->conn);
}

/* The socket of an upgraded connection; libmicrohttpd closes it on its next run. */
static void give_back(struct httpd_stream *s)
{
    if (s->upgraded == NULL)
        return;
    (void)MHD_upgrade_action(TAKE(s->upgraded), MHD_UPGRADE_ACTION_CLOSE);
    s->d->resumed = true;
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
    unwatch(s);
    tell_gone(s);
    if (s->prev != NULL)
        s->prev->next = s->next;
    else
        d->live = s->next;
    if (s->next != NULL)
        s->next->prev = s->prev;
    if (s->response != NULL)
        MHD_destroy_response(s->response);
    strv_release(&s->extra);
    buf_release(&s->body);
    buf_release(&s->pending);
    free(s->uri);
    free(s);
}

static ssize_t on_pull(void *arg, uint64_t pos, char *out, size_t max)
{
    (void)pos;
    struct httpd_stream *s = arg;
    if (s->phase == GONE || s->pending.truncated)
        return MHD_CONTENT_READER_END_WITH_ERROR;
    if (s->pending.len > 0) {
        size_t n = s->pending.len < max ? s->pending.len : max;
        memcpy(out, s->pending.data, n);
        buf_consume(&s->pending, n);
        return (ssize_t)n;
    }
    if (s->ended)
        return MHD_CONTENT_READER_END_OF_STREAM;
    suspend(s);
    return 0;
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
    if (s->phase == ANSWERED)
        s->phase = SENT;
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
    s->phase = HANDLED;
    peers_request(s->conn);
    if (s->refused)
        httpd_reply_text(&s->req, s->refusal, refusal_text(s->refusal));
    else
        s->d->fn(&s->req, s->d->arg);
    if (s->response != NULL)
        return give_response(s);
    if (s->req_gone != NULL)
        watch_peer(s);
    suspend(s);
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
    if (s->phase == READING)
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
        unwatch(s);
        tell_gone(s);
        give_back(s);
        resume(s);
    }
    MHD_stop_daemon(d->mhd); /* closes the socket, calls on_completed for the rest */
    peers_free(d->peers);
    free(d);
}

int httpd_port(const struct httpd *d)
{
    return d->port;
}

/* ---- reading a request ---- */

const char *httpd_header(const struct httpd_req *req, const char *name)
{
    return MHD_lookup_connection_value(of(req)->conn, MHD_HEADER_KIND, name);
}

const char *httpd_query(const struct httpd_req *req, const char *name)
{
    const char *value = NULL;
    if (MHD_lookup_connection_value_n(of(req)->conn, MHD_GET_ARGUMENT_KIND, name,
                                      strlen(name), &value, NULL) != MHD_YES)
        return NULL;
    return value == NULL ? "" : value;
}

struct visit {
    void (*fn)(const char *name, const char *value, void *arg);
    void *arg;
};

static enum MHD_Result on_each_header(void *arg, enum MHD_ValueKind kind,
                                      const char *name, const char *value)
{
    (void)kind;
    const struct visit *v = arg;
    v->fn(name, value == NULL ? "" : value, v->arg);
    return MHD_YES;
}

void httpd_each_header(const struct httpd_req *req,
                       void (*fn)(const char *name, const char *value, void *arg),
                       void *arg)
{
    struct visit v = {fn, arg};
    (void)MHD_get_connection_values(of(req)->conn, MHD_HEADER_KIND, on_each_header, &v);
}

/* ---- answering ---- */

void httpd_add_header(struct httpd_req *req, const char *name, const char *value)
{
    strv_add(&of(req)->extra, name);
    strv_add(&of(req)->extra, value);
}

void httpd_set_fixed_headers(struct httpd_req *req, const struct httpd_fixed_header *rows,
                             size_t n)
{
    of(req)->fixed = rows;
    of(req)->fixed_n = n;
}

/* response: taken. */
static void answer(struct httpd_stream *s, int status, const char *type,
                   struct MHD_Response *response)
{
    s->response = xcheck(response);
    s->status = status;
    s->phase = ANSWERED;
    bool typed = false;
    for (size_t i = 0; i < s->fixed_n; i++)
        (void)MHD_add_response_header(response, s->fixed[i].name, s->fixed[i].value);
    for (size_t i = 0; i + 1 < s->extra.n; i += 2) {
        if (MHD_add_response_header(response, s->extra.v[i], s->extra.v[i + 1]) !=
            MHD_YES)
            log_warn("http: cannot send the header '%s'", s->extra.v[i]);
        if (strcasecmp(s->extra.v[i], MHD_HTTP_HEADER_CONTENT_TYPE) == 0)
            typed = true;
    }
    if (type != NULL && !typed)
        (void)MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, type);
    unwatch(s);
    resume(s);
}

void httpd_reply(struct httpd_req *req, int status, const char *type, const void *body,
                 size_t len)
{
    void *data = NULL; /* copied by libmicrohttpd, which only forgot the const */
    if (len > 0)
        memcpy(&data, &body, sizeof(void *));
    answer(of(req), status, type,
           MHD_create_response_from_buffer(len, data, MHD_RESPMEM_MUST_COPY));
}

void httpd_reply_buf(struct httpd_req *req, int status, const char *type,
                     struct buf *body)
{
    size_t len = body->len;
    answer(of(req), status, type,
           MHD_create_response_from_buffer(len, buf_steal(body), MHD_RESPMEM_MUST_FREE));
}

void httpd_reply_file(struct httpd_req *req, int status, const char *type, int fd,
                      size_t len)
{
    int own = fcntl(fd, F_DUPFD_CLOEXEC, 0); /* libmicrohttpd closes it */
    if (own < 0) {
        httpd_reply_text(req, 500, "no descriptor left");
        return;
    }
    answer(of(req), status, type,
           MHD_create_response_from_fd_at_offset64((uint64_t)len, own, 0));
}

void httpd_reply_text(struct httpd_req *req, int status, const char *text)
{
    httpd_reply(req, status, "text/plain; charset=utf-8", text, strlen(text));
}

void httpd_reply_json(struct httpd_req *req, int status, json_t *body)
{
    CLEANUP(buf_release) struct buf text = BUF_INIT(LIMIT_RESPONSE_BODY);
    json_render(body, JSON_WIRE, &text);
    json_decref(body);
    httpd_reply_buf(req, status, "application/json; charset=utf-8", &text);
}

struct httpd_stream *httpd_stream_begin(struct httpd_req *req, int status,
                                        const char *type, void (*gone)(void *arg),
                                        void *arg)
{
    struct httpd_stream *s = of(req);
    s->req_gone = NULL;
    s->stream_gone = gone;
    s->gone_arg = arg;
    answer(s, status, type,
           MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, STREAM_BLOCK, on_pull, s,
                                             NULL));
    s->phase = STREAMING;
    watch_peer(s);
    return s;
}

void httpd_stream_write(struct httpd_stream *s, const void *data, size_t len)
{
    buf_add(&s->pending, data, len);
    if (s->pending.truncated)
        log_warn("http: a peer does not read its stream, which is cut off");
    resume(s);
}

void httpd_stream_end(struct httpd_stream *s)
{
    s->ended = true;
    unwatch(s);
    resume(s);
}

static void on_upgraded(void *arg, struct MHD_Connection *conn, void *con_cls,
                        const char *early, size_t len, MHD_socket fd,
                        struct MHD_UpgradeResponseHandle *urh)
{
    (void)conn;
    (void)con_cls;
    struct httpd_stream *s = arg;
    s->upgraded = urh;
    if (s->phase != SWITCHING) {
        give_back(s);
        return;
    }
    s->phase = UPGRADED;
    s->ready(s->d->loop, fd, early, len, s->gone_arg);
}

struct httpd_stream *httpd_upgrade(struct httpd_req *req, const char *protocol,
                                   httpd_ready_fn *ready, void (*gone)(void *arg),
                                   void *arg)
{
    struct httpd_stream *s = of(req);
    s->req_gone = NULL;
    s->ready = ready;
    s->stream_gone = gone;
    s->gone_arg = arg;
    httpd_add_header(req, MHD_HTTP_HEADER_UPGRADE, protocol);
    answer(s, MHD_HTTP_SWITCHING_PROTOCOLS, NULL,
           MHD_create_response_for_upgrade(on_upgraded, s));
    s->phase = SWITCHING;
    return s;
}

void httpd_upgrade_close(struct httpd_stream *s)
{
    s->ended = true;
    give_back(s);
}

void httpd_on_gone(struct httpd_req *req, void (*gone)(struct httpd_req *req, void *arg),
                   void *arg)
{
    struct httpd_stream *s = of(req);
    s->req_gone = gone;
    s->gone_arg = arg;
    if (s->suspended) /* else when it is kept: most are answered at once */
        watch_peer(s);
}
