/* A batch over HTTP: one JSON array, or a stream when there is something to say before
 * it. It cannot be taken up again, and a client that leaves has not cancelled it. */
#include "mocks/mcp/http_part.h"

#include <stdlib.h>

#include "base/buf.h"
#include "base/limits.h"
#include "io/json.h"
#include "io/sse.h"
#include "mocks/mcp/batch.h"

struct http_batch {
    struct httpd_req *req;       /* NULL = it has left, or there is a stream */
    struct httpd_stream *stream; /* NULL = none, or it has left */
    bool json_ok, sse_ok;        /* what the client reads */
};

static void left(struct httpd_req *req, void *arg)
{
    struct http_batch *b = arg;

    (void)req;
    b->req = NULL;
}

static void stream_gone(void *arg)
{
    struct http_batch *b = arg;

    b->stream = NULL;
}

/* frame: taken. */
static void send_event(struct http_batch *b, json_t *frame)
{
    struct buf out CLEANUP(buf_release) = BUF_INIT(LIMIT_RESPONSE_BODY);
    char *text CLEANUP(free_ptr) = rpc_text(frame);

    if (b->req) {
        httpd_add_header(b->req, "Cache-Control", "no-cache");
        b->stream =
            httpd_stream_begin(TAKE(b->req), 200, "text/event-stream", stream_gone, b);
    }
    sse_write(&out, NULL, NULL, text);
    if (b->stream)
        httpd_stream_write(b->stream, out.data, out.len);
}

static void note(json_t *frame, void *arg)
{
    struct http_batch *b = arg;

    if (b->sse_ok && (b->req || b->stream))
        send_event(b, frame);
    else
        json_decref(frame);
}

static void done(json_t *answers, void *arg)
{
    struct http_batch *b = arg;

    if (answers && (b->stream || (b->req && !b->json_ok)))
        send_event(b, json_incref(answers));
    else if (answers && b->req)
        httpd_reply_json(b->req, 200, json_incref(answers));
    else if (b->req)
        httpd_reply(b->req, 202, NULL, "", 0);
    if (b->stream)
        httpd_stream_end(b->stream);
    json_decref(answers);
    free(b);
}

static const char *header(const char *name, void *arg)
{
    const struct http_batch *b = arg;

    return b->req ? httpd_header(b->req, name) : NULL;
}

static const struct mcp_batch_owner OWNER = {
    .wire = MCP_WIRE_HTTP, .note = note, .done = done, .header = header};

void http_batch_take(struct mcp_http *h, struct http_session *session,
                     struct httpd_req *req, json_t *messages)
{
    struct http_batch *b = xcalloc(1, sizeof(*b));

    b->req = req;
    b->json_ok = !httpd_header(req, "Accept") ||
                 http_accepts(req, "application/*", "application/json");
    b->sse_ok = http_accepts(req, "text/*", "text/event-stream");
    httpd_on_gone(req, left, b);
    mcp_batch_take(h->opt.server, &OWNER, b, &session->peer, messages);
}
