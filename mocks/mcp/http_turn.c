/* Where the frames of one request go: a JSON answer, a stream, or who resumes it. */
#include "mocks/mcp/http_part.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/buf.h"
#include "base/limits.h"
#include "base/num.h"
#include "io/json.h"
#include "io/sse.h"
#include "mocks/mcp/batch.h"

enum { RETRY_MS = 250, FINISHED_MAX = 64 };

bool http_accepts(const struct httpd_req *req, const char *major, const char *full)
{
    const char *accept = httpd_header(req, "Accept");

    return accept && (strcasestr(accept, full) || strcasestr(accept, major) ||
                      strstr(accept, "*/*"));
}

/* ---- life ---- */

struct http_turn *http_turn_new(struct mcp_http *h, struct http_session *session,
                                struct httpd_req *req, bool modern)
{
    struct http_turn *t = xcalloc(1, sizeof(*t));

    t->h = h;
    t->session = session;
    t->req = req;
    t->modern = modern;
    /* Who says nothing reads JSON. */
    t->json_ok = !httpd_header(req, "Accept") ||
                 http_accepts(req, "application/*", "application/json");
    t->sse_ok = http_accepts(req, "text/*", "text/event-stream");
    t->number = ++h->last_number;
    t->next = h->turns;
    if (t->next)
        t->next->prev = t;
    h->turns = t;
    return t;
}

void http_turn_free(struct http_turn *t)
{
    if (t->prev)
        t->prev->next = t->next;
    else
        t->h->turns = t->next;
    if (t->next)
        t->next->prev = t->prev;
    json_decref(t->events);
    free(t);
}

static void end_stream(struct http_turn *t)
{
    if (t->stream)
        httpd_stream_end(t->stream);
    t->stream = NULL;
}

void http_turns_end(struct mcp_http *h, const struct http_session *session)
{
    struct http_turn *next = NULL;

    for (struct http_turn *t = h->turns; t; t = next) {
        next = t->next;
        if (t->session != session)
            continue;
        end_stream(t);
        http_turn_free(t);
    }
}

/* A client that lost its connection before the end may come for an answer, sent or not:
 * the oldest go. */
static void forget_finished(struct mcp_http *h)
{
    struct http_turn *oldest = NULL;
    size_t n = 0;

    for (struct http_turn *t = h->turns; t; t = t->next)
        if (t->finished) {
            oldest = t;
            n++;
        }
    if (n > FINISHED_MAX)
        http_turn_free(oldest);
}

/* The client has left. In the modern era that cancels; before, it may come back. */
static void left(struct http_turn *t)
{
    struct exchange *x = t->x;

    t->req = NULL;
    t->stream = NULL;
    if ((x && !t->modern) || t->batch)
        return;
    http_turn_free(t);
    if (x)
        exchange_drop(x);
}

static void stream_gone(void *arg)
{
    left(arg);
}

static void request_gone(struct httpd_req *req, void *arg)
{
    (void)req;
    left(arg);
}

/* ---- streams ---- */

enum { EVENT_ROOM = 128 }; /* for what an event has beside its data */

static void write_event(struct http_turn *t, size_t seq, const char *text)
{
    struct buf out CLEANUP(buf_release) = BUF_INIT(LIMIT_RESPONSE_BODY);
    char *id CLEANUP(free_ptr) =
        t->resumable ? xasprintf("%u-%zu", t->number, seq) : NULL;

    sse_write(&out, NULL, id, text);
    httpd_stream_write(t->stream, out.data, out.len);
}

static void begin_stream(struct http_turn *t)
{
    struct httpd_req *req = TAKE(t->req);

    /* What stands between us must not wait for the end of it. */
    httpd_add_header(req, "X-Accel-Buffering", "no");
    httpd_add_header(req, "Cache-Control", "no-cache");
    t->stream = httpd_stream_begin(req, 200, "text/event-stream", stream_gone, t);
}

/* An event without data: from here on the stream can be taken up. */
static void prime(struct http_turn *t)
{
    char *text CLEANUP(free_ptr) =
        xasprintf("id: %u-0\nretry: %d\ndata: \n\n", t->number, RETRY_MS);

    httpd_stream_write(t->stream, text, strlen(text));
}

/* frame: taken. */
static void send_event(struct http_turn *t, json_t *frame)
{
    char *text CLEANUP(free_ptr) =
        mcp_text_within(frame, LIMIT_RESPONSE_BODY - EVENT_ROOM);

    if (!text)
        return;
    if (t->req) {
        begin_stream(t);
        if (t->resumable)
            prime(t);
    }
    if (t->resumable && json_array_append_new(t->events, xcheck(json_string(text))))
        abort(); /* out of memory */
    if (t->stream)
        write_event(t, json_array_size(t->events), text);
}

/* frame: taken. */
static void tell(struct http_turn *t, json_t *frame)
{
    if (t->sse_ok && (t->req || t->stream || t->resumable))
        send_event(t, frame);
    else
        json_decref(frame);
}

/* The client does not wait any more; yet HTTP wants an end. A batch may have had nothing
 * to answer from the first. */
static void end_unanswered(struct http_turn *t)
{
    if (t->req && t->sse_ok && !t->batch)
        begin_stream(t);
    end_stream(t);
    if (t->req)
        httpd_reply(TAKE(t->req), 202, NULL, "", 0);
    http_turn_free(t);
}

/* The end of it. frame: taken; NULL = there is no answer. */
static void finish(struct http_turn *t, int status, json_t *frame)
{
    if (!frame) {
        end_unanswered(t);
        return;
    }
    if (t->req && (t->json_ok || status != 200)) {
        httpd_reply_json(t->req, status, frame);
    } else if (t->req || t->stream || t->resumable) {
        send_event(t, frame);
        end_stream(t);
        if (t->resumable) {
            t->finished = true; /* it can be taken up once more */
            forget_finished(t->h);
            return;
        }
    } else {
        json_decref(frame); /* nobody is there to read it */
    }
    http_turn_free(t);
}

static const char *turn_header(const struct http_turn *t, const char *name)
{
    return t->req ? httpd_header(t->req, name) : NULL;
}

/* ---- of one request ---- */

static void begin(struct exchange *x)
{
    struct http_turn *t = x->origin.arg;

    t->x = x;
    t->resumable = t->h->opt.resume && t->session && exchange_has(x, MCP_F_SSE_RESUME);
    if (t->resumable && !t->events)
        t->events = xcheck(json_array());
    httpd_on_gone(t->req, request_gone, t);
}

static bool check(const struct exchange *x, struct mcp_refusal *why)
{
    const struct http_turn *t = x->origin.arg;

    return http_check_modern(t->req, &x->frame, why);
}

static void note(struct exchange *x, json_t *frame)
{
    tell(x->origin.arg, frame);
}

/* Who has shaken hands is told the session; otherwise there is none. */
static void settle_session(struct http_turn *t, struct exchange *x, const json_t *frame)
{
    struct http_session *session = t->session;

    if (!session || strcmp(x->frame.method, "initialize") != 0)
        return;
    if (t->req && json_object_get(frame, "result")) {
        httpd_add_header(t->req, "Mcp-Session-Id", session->id);
        return;
    }
    t->session = NULL;
    x->origin.peer = NULL;
    if (http_session_lives(t->h, session))
        http_session_end(t->h, session);
}

static void answer(struct exchange *x, int status, json_t *frame)
{
    struct http_turn *t = x->origin.arg;

    t->x = NULL;
    settle_session(t, x, frame);
    finish(t, status, frame);
}

static const char *request_header(const struct exchange *x, const char *name)
{
    return turn_header(x->origin.arg, name);
}

static void close_stream(struct exchange *x)
{
    struct http_turn *t = x->origin.arg;

    if (!t->resumable || !t->sse_ok)
        return;
    if (t->req) {
        begin_stream(t);
        prime(t);
    }
    end_stream(t);
}

const struct mcp_port http_port = {
    .wire = MCP_WIRE_HTTP,
    .begin = begin,
    .check = check,
    .note = note,
    .answer = answer,
    .header = request_header,
    .close_stream = close_stream,
};

/* ---- of a batch ---- */

static void batch_note(json_t *frame, void *arg)
{
    tell(arg, frame);
}

static void batch_done(json_t *answers, void *arg)
{
    finish(arg, 200, answers);
}

static const char *batch_header(const char *name, void *arg)
{
    return turn_header(arg, name);
}

void http_turn_batch(struct mcp_http *h, struct http_session *session,
                     struct httpd_req *req, json_t *messages)
{
    static const struct mcp_batch_owner owner = {.wire = MCP_WIRE_HTTP,
                                                 .note = batch_note,
                                                 .done = batch_done,
                                                 .header = batch_header};
    struct http_turn *t = http_turn_new(h, session, req, false);

    t->batch = true;
    httpd_on_gone(req, request_gone, t);
    mcp_batch_take(h->opt.server, &owner, t, &session->peer, messages);
}

/* ---- GET ---- */

/* "7-2": the second event of stream 7. */
static struct http_turn *find_stream(struct mcp_http *h,
                                     const struct http_session *session,
                                     const char *event, size_t *ret_seq)
{
    char *text CLEANUP(free_ptr) = xstrdup(event);
    char *dash = strchr(text, '-');
    int64_t number = 0, seq = 0;

    if (!dash)
        return NULL;
    *dash = '\0';
    if (!num_parse(text, 1, UINT32_MAX, &number) ||
        !num_parse(dash + 1, 0, INT32_MAX, &seq))
        return NULL;
    *ret_seq = (size_t)seq;
    for (struct http_turn *t = h->turns; t; t = t->next)
        if (t->session == session && t->number == number && t->resumable)
            return t;
    return NULL;
}

static void take_up(struct http_turn *t, struct httpd_req *req, size_t seq)
{
    end_stream(t); /* the client knows better that it is broken */
    t->req = req;
    begin_stream(t);
    for (size_t i = seq; i < json_array_size(t->events); i++)
        write_event(t, i + 1, json_string_value(json_array_get(t->events, i)));
    if (t->finished)
        end_stream(t);
}

void http_turn_listen(struct mcp_http *h, struct http_session *session,
                      struct httpd_req *req)
{
    const char *last = httpd_header(req, "Last-Event-ID");
    size_t seq = 0;
    struct http_turn *t = last ? find_stream(h, session, last, &seq) : NULL;

    /* What has no stream yet has nothing to be taken up. */
    if (t && !t->req) {
        take_up(t, req, seq);
    } else if (last) {
        http_refuse(h, req, 400, NULL, RPC_INVALID_REQUEST,
                    "no stream with this Last-Event-ID");
    } else {
        /* Nothing is ever said on it: the server asks nothing and its tools stay. */
        t = http_turn_new(h, session, req, false);
        begin_stream(t);
        httpd_stream_write(t->stream, ": listening\n\n", 13);
    }
}
