/* Answers in pieces, and connections that go over to another protocol. */
#include "io/httpd_conn.h"

#include <string.h>

#include "base/limits.h"
#include "base/log.h"

enum { STREAM_BLOCK = 16 * 1024 };

static ssize_t on_pull(void *arg, uint64_t pos, char *out, size_t max)
{
    (void)pos;
    struct httpd_stream *s = arg;
    if (s->phase == CONN_GONE || s->pending.truncated)
        return MHD_CONTENT_READER_END_WITH_ERROR;
    if (s->pending.len > 0) {
        size_t n = s->pending.len < max ? s->pending.len : max;
        memcpy(out, s->pending.data, n);
        buf_consume(&s->pending, n);
        return (ssize_t)n;
    }
    if (s->ended)
        return MHD_CONTENT_READER_END_OF_STREAM;
    conn_suspend(s);
    return 0;
}

struct httpd_stream *httpd_stream_begin(struct httpd_req *req, int status,
                                        const char *type, void (*gone)(void *arg),
                                        void *arg)
{
    struct httpd_stream *s = conn_of(req);
    s->req_gone = NULL;
    s->stream_gone = gone;
    s->gone_arg = arg;
    conn_answer(s, status, type,
                MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, STREAM_BLOCK, on_pull,
                                                  s, NULL));
    s->phase = CONN_STREAMING;
    conn_watch_peer(s);
    return s;
}

void httpd_stream_write(struct httpd_stream *s, const void *data, size_t len)
{
    buf_add(&s->pending, data, len);
    if (s->pending.truncated)
        log_warn("http: a peer does not read its stream, which is cut off");
    conn_resume(s);
}

void httpd_stream_end(struct httpd_stream *s)
{
    s->ended = true;
    conn_unwatch(s);
    conn_resume(s);
}

static void on_upgraded(void *arg, struct MHD_Connection *conn, void *con_cls,
                        const char *early, size_t len, MHD_socket fd,
                        struct MHD_UpgradeResponseHandle *urh)
{
    (void)conn;
    (void)con_cls;
    struct httpd_stream *s = arg;
    s->upgraded = urh;
    if (s->phase != CONN_SWITCHING) {
        conn_give_back(s);
        return;
    }
    s->phase = CONN_UPGRADED;
    s->ready(s->d->loop, fd, early, len, s->gone_arg);
}

struct httpd_stream *httpd_upgrade(struct httpd_req *req, const char *protocol,
                                   httpd_ready_fn *ready, void (*gone)(void *arg),
                                   void *arg)
{
    struct httpd_stream *s = conn_of(req);
    s->req_gone = NULL;
    s->ready = ready;
    s->stream_gone = gone;
    s->gone_arg = arg;
    httpd_add_header(req, MHD_HTTP_HEADER_UPGRADE, protocol);
    conn_answer(s, MHD_HTTP_SWITCHING_PROTOCOLS, NULL,
                MHD_create_response_for_upgrade(on_upgraded, s));
    s->phase = CONN_SWITCHING;
    return s;
}

void httpd_upgrade_close(struct httpd_stream *s)
{
    s->ended = true;
    conn_give_back(s);
}
