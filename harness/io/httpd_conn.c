#include "io/httpd_conn.h"

#include <string.h>
#include <strings.h>
#include <sys/epoll.h>

#include "base/log.h"
#include "io/loop.h"

struct httpd_stream *conn_of(const struct httpd_req *req)
{
    struct httpd_stream *out = NULL;
    memcpy(&out, &req, sizeof(void *));
    return out;
}

void conn_unwatch(struct httpd_stream *s)
{
    loop_fd_remove(s->watch);
    s->watch = NULL;
}

void conn_resume(struct httpd_stream *s)
{
    if (!s->suspended)
        return;
    s->suspended = false;
    s->d->resumed = true;
    MHD_resume_connection(s->conn);
}

void conn_tell_gone(struct httpd_stream *s)
{
    enum conn_phase was = s->phase;
    s->phase = CONN_GONE;
    if (was == CONN_HANDLED && s->req_gone != NULL)
        s->req_gone(&s->req, s->gone_arg);
    else if ((was == CONN_STREAMING || was == CONN_SWITCHING || was == CONN_UPGRADED) &&
             !s->ended && s->stream_gone != NULL)
        s->stream_gone(s->gone_arg);
}

static void on_peer_left(uint32_t events, void *arg)
{
    (void)events;
    struct httpd_stream *s = arg;
    conn_unwatch(s);
    conn_tell_gone(s);
    conn_resume(s); /* on_request or on_pull then ends the connection */
}

void conn_watch_peer(struct httpd_stream *s)
{
    if (s->watch != NULL)
        return;
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(s->conn, MHD_CONNECTION_INFO_CONNECTION_FD);
    if (info != NULL)
        s->watch = loop_fd_add(s->d->loop, info->connect_fd, EPOLLRDHUP, on_peer_left, s);
}

void conn_suspend(struct httpd_stream *s)
{
    s->suspended = true;
    MHD_suspend_connection(s->conn);
}

void conn_give_back(struct httpd_stream *s)
{
    if (s->upgraded == NULL)
        return;
    (void)MHD_upgrade_action(TAKE(s->upgraded), MHD_UPGRADE_ACTION_CLOSE);
    s->d->resumed = true;
}

void conn_answer(struct httpd_stream *s, int status, const char *type,
                 struct MHD_Response *response)
{
    s->response = xcheck(response);
    s->status = status;
    s->phase = CONN_ANSWERED;
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
    conn_unwatch(s);
    conn_resume(s);
}
