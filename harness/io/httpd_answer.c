/* What a handler reads of a request, and its answers that are complete. */
#include "io/httpd_conn.h"

#include <fcntl.h>
#include <string.h>

#include "base/limits.h"
#include "io/json.h"

/* ---- reading a request ---- */

/* libmicrohttpd leaves out the blanks before a value, and keeps those after it. */
static const char *without_blanks(struct httpd_stream *s, const char *value)
{
    size_t len = strlen(value);
    while (len > 0 && (value[len - 1] == ' ' || value[len - 1] == '\t'))
        len--;
    if (value[len] == '\0')
        return value;
    strv_take(&s->trimmed, xstrndup(value, len));
    return s->trimmed.v[s->trimmed.n - 1];
}

const char *httpd_header(const struct httpd_req *req, const char *name)
{
    struct httpd_stream *s = conn_of(req);
    const char *value = MHD_lookup_connection_value(s->conn, MHD_HEADER_KIND, name);
    return value == NULL ? NULL : without_blanks(s, value);
}

const char *httpd_query(const struct httpd_req *req, const char *name)
{
    const char *value = NULL;
    if (MHD_lookup_connection_value_n(conn_of(req)->conn, MHD_GET_ARGUMENT_KIND, name,
                                      strlen(name), &value, NULL) != MHD_YES)
        return NULL;
    return value == NULL ? "" : value;
}

struct visit {
    struct httpd_stream *s;
    void (*fn)(const char *name, const char *value, void *arg);
    void *arg;
};

static enum MHD_Result on_each_header(void *arg, enum MHD_ValueKind kind,
                                      const char *name, const char *value)
{
    (void)kind;
    const struct visit *v = arg;
    v->fn(name, value == NULL ? "" : without_blanks(v->s, value), v->arg);
    return MHD_YES;
}

void httpd_each_header(const struct httpd_req *req,
                       void (*fn)(const char *name, const char *value, void *arg),
                       void *arg)
{
    struct visit v = {conn_of(req), fn, arg};
    (void)MHD_get_connection_values(v.s->conn, MHD_HEADER_KIND, on_each_header, &v);
}

/* ---- answering ---- */

void httpd_add_header(struct httpd_req *req, const char *name, const char *value)
{
    strv_add(&conn_of(req)->extra, name);
    strv_add(&conn_of(req)->extra, value);
}

void httpd_set_fixed_headers(struct httpd_req *req, const struct httpd_fixed_header *rows,
                             size_t n)
{
    conn_of(req)->fixed = rows;
    conn_of(req)->fixed_n = n;
}

void httpd_reply(struct httpd_req *req, int status, const char *type, const void *body,
                 size_t len)
{
    void *data = NULL; /* copied by libmicrohttpd, which only forgot the const */
    if (len > 0)
        memcpy(&data, &body, sizeof(void *));
    conn_answer(conn_of(req), status, type,
                MHD_create_response_from_buffer(len, data, MHD_RESPMEM_MUST_COPY));
}

void httpd_reply_buf(struct httpd_req *req, int status, const char *type,
                     struct buf *body)
{
    size_t len = body->len;
    conn_answer(
        conn_of(req), status, type,
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
    conn_answer(conn_of(req), status, type,
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
    if (text.truncated) {
        status = 500;
        buf_reset(&text);
        buf_addf(&text, "{\"error\":\"the answer is larger than %zu bytes\"}", text.max);
    }
    httpd_reply_buf(req, status, "application/json; charset=utf-8", &text);
}

void httpd_on_gone(struct httpd_req *req, void (*gone)(struct httpd_req *req, void *arg),
                   void *arg)
{
    struct httpd_stream *s = conn_of(req);
    s->req_gone = gone;
    s->gone_arg = arg;
    if (s->suspended) /* else when it is kept: most are answered at once */
        conn_watch_peer(s);
}
