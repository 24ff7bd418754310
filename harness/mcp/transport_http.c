/* Streamable HTTP: every message is a POST of its own; the answer to a request is one
 * JSON object or a stream of events, of which ours is taken and the rest dealt with. */
#include "mcp/transport.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/clock.h"
#include "base/limits.h"
#include "io/http.h"
#include "io/json.h"
#include "io/sse.h"
#include "io/wait.h"

#define CLOSE_TIMEOUT_MS 5000
#define DEFAULT_RETRY_MS 1000
#define STOP_POLL_MS 100
#define MAX_RESUMES 100 /* GETs for one answer, against a stream that ends at once */

struct http_transport {
    struct mcp_transport base;
    struct http *http; /* borrowed */
    struct http *side; /* owned; for what is sent while an answer still comes in */
    char *url;         /* owned */
    char *shown;       /* owned; it, for messages */
    bool receiving;    /* http is busy */
};

/* One answer as it comes in. */
struct incoming {
    struct http_transport *t;
    struct http_response *resp; /* its headers are known when the body begins */
    const json_t *id;           /* of the awaited response; NULL = none */
    int64_t deadline_ms;
    struct buf body; /* of everything but an event stream */
    struct sse_parser sse;
    bool started, is_sse, found, failed;
    struct rpc_frame *answer; /* borrowed */
    struct err err;           /* when failed */
};

static struct http_transport *self_of(struct mcp_transport *t)
{
    return (struct http_transport *)t;
}

static bool type_is(const struct http_response *resp, const char *type)
{
    const char *value = http_response_header(resp, "Content-Type");
    size_t n = strlen(type);
    return value && strncasecmp(value, type, n) == 0 &&
           (value[n] == '\0' || value[n] == ';' || value[n] == ' ');
}

static int on_event(const struct sse_event *event, void *arg)
{
    struct incoming *in = arg;
    /* One without data only carries the id to resume from; other kinds of event are not
     * the protocol's. */
    if (!*event->data || strcmp(event->event, "message") != 0)
        return 0;
    if (mcp_receive(&in->t->base, event->data, strlen(event->data), in->id,
                    in->deadline_ms, in->answer, &in->found, &in->err)) {
        in->failed = true;
        return 1;
    }
    return in->found;
}

static int on_data(const char *data, size_t len, void *arg)
{
    struct incoming *in = arg;
    if (!in->started) {
        in->started = true;
        /* Only the answer to a request is read as a stream; anything else would let a
         * server answer our replies with requests without end. */
        in->is_sse = in->id && type_is(in->resp, "text/event-stream");
    }
    if (!in->is_sse) {
        buf_add(&in->body, data, len);
        return 0;
    }
    int rc = sse_feed(&in->sse, data, len);
    if (rc == SSE_TOO_LONG) {
        in->failed = true;
        err_set(&in->err, ERR_SHAPE, "an event of more than %zu bytes", in->sse.data.max);
    }
    return rc;
}

static void incoming_release(struct incoming *in)
{
    buf_release(&in->body);
    sse_release(&in->sse);
}

static void common_headers(const struct http_transport *t, struct strv *headers)
{
    const struct mcp_transport *b = &t->base;
    if (b->session)
        strv_addf(headers, "Mcp-Session-Id: %s", b->session);
    if (mcp_revision_has(b->revision, MCP_F_VERSION_HEADER))
        strv_addf(headers, "MCP-Protocol-Version: %s", b->revision->name);
    if (b->extra)
        for (size_t i = 0; i < b->extra->n; i++)
            strv_add(headers, b->extra->v[i]);
    if (b->opt.headers)
        for (size_t i = 0; i < b->opt.headers->n; i++)
            strv_add(headers, b->opt.headers->v[i]);
}

/* What says of itself that it is JSON-RPC is judged as that. */
static bool is_frame(const json_t *j)
{
    for (size_t i = 0; i < json_array_size(j); i++)
        if (json_object_get(json_array_get(j, i), "jsonrpc"))
            return true;
    return json_object_get(j, "jsonrpc");
}

/* A body that need not be an answer: an error, or with results a result, is taken for
 * one; anything else is kept as it is. */
static void take_body(const struct incoming *in, bool results, struct mcp_exchange *ret)
{
    CLEANUP(rpc_frame_release) struct rpc_frame f = RPC_FRAME_INIT;
    CLEANUP(json_drop) json_t *j = NULL;
    if (in->body.len > 0 && !json_parse(in->body.data, in->body.len, &j, NULL) &&
        is_frame(j)) {
        mcp_note_received(&in->t->base, in->body.data, in->body.len, j);
        if (!rpc_parse_take(json_incref(j), &f, NULL, NULL) &&
            (f.error || (results && f.result))) {
            if (f.id && in->id && !rpc_id_equal(f.id, in->id) &&
                !in->t->base.to_the_letter)
                mcp_found(&in->t->base, "HTTP %d with an answer to another id",
                          ret->http_status);
            ret->frame = f;
            f = (struct rpc_frame)RPC_FRAME_INIT;
            return;
        }
    }
    ret->body = xstrdup(in->body.data);
}

/* All of a header's values as one list; NULL = it is not there. Caller frees. */
static char *all_of(const struct http_response *resp, const char *name)
{
    CLEANUP(strv_release) struct strv values = STRV_INIT;
    size_t n = strlen(name);
    for (size_t i = 0; i < resp->headers.n; i++) {
        const char *h = resp->headers.v[i];
        if (strncasecmp(h, name, n) == 0 && h[n] == ':')
            strv_add(&values, h + n + 1 + strspn(h + n + 1, " \t"));
    }
    CLEANUP(buf_release) struct buf all = BUF_INIT(LIMIT_ERROR_TEXT);
    for (size_t i = 0; i < values.n; i++)
        buf_addf(&all, "%s%s", i ? ", " : "", values.v[i]);
    return values.n ? buf_steal(&all) : NULL;
}

/* An answer that is not 2xx. */
static void take_refusal(const struct incoming *in, struct mcp_exchange *ret)
{
    const char *location = http_response_header(in->resp, "Location");
    ret->http_status = in->resp->status;
    ret->challenge = all_of(in->resp, "WWW-Authenticate");
    if (location && ret->http_status / 100 == 3)
        ret->location = xstrdup(location);
    take_body(in, false, ret);
}

/* A notification has no answer: a stream is not waited for. */
static int on_head(void *arg)
{
    const struct incoming *in = arg;
    return !in->id && type_is(in->resp, "text/event-stream");
}

/* One HTTP exchange; its body goes to in. text NULL = a GET that resumes a stream. */
static int perform(struct http_transport *t, struct http *http, const char *text,
                   struct incoming *in, struct err *err)
{
    CLEANUP(http_request_release) struct http_request req = HTTP_REQUEST_INIT;
    int64_t left = in->deadline_ms - clock_mono_ms();
    if (left <= 0)
        return err_set(err, ERR_TIMEOUT, "'%s' did not answer in time", t->shown);
    req.method = text ? "POST" : "GET";
    req.url = t->url;
    req.timeout_ms = left;
    req.ca_file = t->base.opt.ca_file;
    req.stop = t->base.opt.stop;
    req.on_data = on_data;
    req.on_head = on_head;
    req.on_data_arg = in;
    if (text) {
        req.body = text;
        req.body_len = strlen(text);
        strv_add(&req.headers, "Content-Type: application/json");
        strv_add(&req.headers, "Accept: application/json, text/event-stream");
        mcp_note_frame(&t->base, MCP_SENT, text, req.body_len);
    } else {
        strv_add(&req.headers, "Accept: text/event-stream");
        strv_addf(&req.headers, "Last-Event-ID: %s", in->sse.last_id.data);
    }
    common_headers(t, &req.headers);
    in->started = in->is_sse = false;
    buf_reset(&in->body);
    sse_reconnect(&in->sse);
    return http_perform(http, &req, in->resp, err);
}

static int http_send(struct mcp_transport *base, const char *text, int64_t deadline_ms,
                     struct mcp_exchange *ret, struct err *err)
{
    struct http_transport *t = self_of(base);
    if (t->receiving && !t->side && http_new(&t->side, err))
        return -1;
    CLEANUP(http_response_release) struct http_response resp = HTTP_RESPONSE_INIT;
    struct rpc_frame none = RPC_FRAME_INIT;
    CLEANUP(incoming_release)
    struct incoming in = {
        .t = t, .resp = &resp, .deadline_ms = deadline_ms, .answer = &none};
    buf_init(&in.body, LIMIT_ERROR_TEXT);
    sse_init(&in.sse, on_event, &in);
    if (perform(t, t->receiving ? t->side : t->http, text, &in, err))
        return -1;
    /* 202 without a body is the rule; some servers answer 200 with one. */
    bool accepted = resp.status / 100 == 2;
    if (accepted && ret)
        ret->http_status = resp.status;
    else if (ret)
        take_refusal(&in, ret);
    else if (!accepted)
        return err_set(err, ERR_SHAPE, "a notification was answered with HTTP %d: %.200s",
                       resp.status, in.body.data);
    bool ruled = mcp_revision_has(base->revision, MCP_F_STREAMABLE);
    if (accepted && ruled && resp.stopped)
        mcp_found(base,
                  "a notification was answered with HTTP %d and an event stream, not 202 "
                  "without a body",
                  resp.status);
    else if (accepted && ruled && (resp.status != 202 || in.body.len > 0))
        mcp_found(base,
                  "a notification was answered with HTTP %d and %zu bytes, not 202 "
                  "without a body",
                  resp.status, in.body.len);
    return 0;
}

/* A session id is visible ASCII. */
static int take_session(struct http_transport *t, const struct http_response *resp,
                        struct err *err)
{
    const char *id = http_response_header(resp, "Mcp-Session-Id");
    if (!id)
        return 0;
    if (mcp_revision_is_modern(t->base.revision)) {
        mcp_found(&t->base, "a session id, which %s does not have",
                  t->base.revision->name);
        return 0;
    }
    bool ok = *id != '\0';
    for (const char *p = id; *p; p++)
        ok = ok && *p >= 0x21 && *p <= 0x7e;
    if (!ok)
        return err_set(err, ERR_SHAPE, "the session id is not visible ASCII");
    free(t->base.session);
    t->base.session = xstrdup(id);
    return 0;
}

static int take_json(struct incoming *in, struct err *err)
{
    if (in->body.truncated)
        return err_set(err, ERR_SHAPE, "the answer is larger than %zu bytes",
                       in->body.max);
    if (in->body.len == 0)
        return err_set(err, ERR_SHAPE, "a request was answered with HTTP %d and no body",
                       in->resp->status);
    if (!type_is(in->resp, "application/json")) {
        const char *type = http_response_header(in->resp, "Content-Type");
        return err_set(err, ERR_SHAPE, "a request was answered with content type '%.80s'",
                       type ? type : "");
    }
    if (mcp_receive(&in->t->base, in->body.data, in->body.len, in->id, in->deadline_ms,
                    in->answer, &in->found, err))
        return -1;
    if (!in->found)
        return err_set(err, ERR_SHAPE, "the body holds no response to the request");
    return 0;
}

/* A body that is no stream. */
static int take_whole(struct incoming *in, struct mcp_exchange *ret, struct err *err)
{
    if (!in->t->base.to_the_letter)
        return take_json(in, err);
    take_body(in, true, ret);
    return 0;
}

/* A pause that the caller can end. */
static int pause_for(const struct http_transport *t, int64_t pause_ms, struct err *err)
{
    int64_t end = clock_mono_ms() + pause_ms;
    for (int64_t left = pause_ms; left > 0; left = end - clock_mono_ms()) {
        if (mcp_stopped(&t->base))
            break;
        (void)wait_pause(left > STOP_POLL_MS ? STOP_POLL_MS : left, -1);
    }
    if (mcp_stopped(&t->base))
        return err_set(err, ERR_TIMEOUT, "cancelled before '%s' answered", t->shown);
    return 0;
}

/* The stream ended before the answer came. Waits as long as the server asked, then asks
 * for the rest. */
static int resume(struct incoming *in, struct err *err)
{
    const struct mcp_revision *revision = in->t->base.revision;
    if (mcp_revision_is_modern(revision))
        return err_set(
            err, ERR_SHAPE,
            "the event stream ended without the response: the request is lost");
    bool may = !revision || mcp_revision_has(revision, MCP_F_SSE_RESUME);
    if (!in->sse.last_id.len || !may)
        return err_set(err, ERR_SHAPE, "the event stream ended without the response");
    int64_t pause = in->sse.retry_ms >= 0 ? in->sse.retry_ms : DEFAULT_RETRY_MS;
    if (pause >= in->deadline_ms - clock_mono_ms())
        return err_set(err, ERR_TIMEOUT, "the event stream ended without the response");
    if (pause_for(in->t, pause, err) || perform(in->t, in->t->http, NULL, in, err))
        return -1;
    if (in->resp->status == 405)
        return err_set(err, ERR_SHAPE,
                       "the event stream ended without the response, and the server does "
                       "not resume streams");
    /* Not the refusal of a request whose session is gone: this one was accepted, and
     * sent again it might be done twice. */
    if (in->resp->status == 404)
        return err_set(err, ERR_SHAPE,
                       "the event stream ended without the response, and the server has "
                       "forgotten it: whether the request was done is not known");
    return 0;
}

/* Sends text and reads until the response is there, over as many streams as it takes. */
static int converse(struct incoming *in, const char *text, struct mcp_exchange *ret,
                    struct err *err)
{
    struct err failed = ERR_INIT;
    int rc = perform(in->t, in->t->http, text, in, &failed);
    for (int i = 0; i < MAX_RESUMES; i++) {
        int status = in->resp->status;
        if (in->failed)
            failed = in->err;
        /* A stream that broke, or a GET for its rest that did not come through. */
        bool broken = rc && failed.kind == ERR_NET && (in->is_sse || i > 0) &&
                      in->sse.last_id.len &&
                      !mcp_revision_is_modern(in->t->base.revision);
        if (in->failed || (rc && !broken))
            return err_copy(err, &failed);
        if (!broken) {
            ret->http_status = status;
            if (status < 200 || status > 299) {
                take_refusal(in, ret);
                return 0;
            }
            if (in->found)
                return 0;
            if (!in->is_sse && !type_is(in->resp, "text/event-stream"))
                return take_whole(in, ret, err);
        }
        err_clear(&failed);
        rc = resume(in, &failed);
    }
    return err_set(err, ERR_SHAPE, "the event stream ended %d times without the response",
                   MAX_RESUMES);
}

static int http_exchange(struct mcp_transport *base, const char *text, const json_t *id,
                         int64_t deadline_ms, struct mcp_exchange *ret, struct err *err)
{
    struct http_transport *t = self_of(base);
    CLEANUP(http_response_release) struct http_response resp = HTTP_RESPONSE_INIT;
    CLEANUP(incoming_release)
    struct incoming in = {.t = t,
                          .resp = &resp,
                          .id = id,
                          .deadline_ms = deadline_ms,
                          .answer = &ret->frame};
    buf_init(&in.body, LIMIT_RESPONSE_BODY);
    sse_init(&in.sse, on_event, &in);
    t->receiving = true;
    int rc = converse(&in, text, ret, err);
    t->receiving = false;
    if (!rc && (base->handshake || mcp_revision_is_modern(base->revision)) &&
        ret->frame.result)
        rc = take_session(t, &resp, err);
    if (rc && err && err->kind == ERR_SHAPE)
        return err_prefix(err, "'%s'", t->shown);
    return rc;
}

static void http_finish(struct mcp_transport *base)
{
    struct http_transport *t = self_of(base);
    if (!base->session)
        return;
    CLEANUP(http_request_release) struct http_request req = HTTP_REQUEST_INIT;
    CLEANUP(http_response_release) struct http_response resp = HTTP_RESPONSE_INIT;
    req.method = "DELETE";
    req.url = t->url;
    req.timeout_ms = CLOSE_TIMEOUT_MS;
    req.ca_file = t->base.opt.ca_file;
    common_headers(t, &req.headers);
    free(TAKE(base->session));
    if (http_perform(t->http, &req, &resp, NULL))
        return; /* the server will forget the session by itself */
}

static void http_transport_free(struct mcp_transport *base)
{
    struct http_transport *t = self_of(base);
    http_free(t->side);
    mcp_transport_release(base);
    free(t->url);
    free(t->shown);
    free(t);
}

int mcp_http_new(struct http *http, const char *url, const struct mcp_options *opt,
                 struct mcp_transport **ret, struct err *err)
{
    (void)err;
    struct http_transport *t = xcalloc(1, sizeof(*t));
    t->base = (struct mcp_transport){.exchange = http_exchange,
                                     .send = http_send,
                                     .finish = http_finish,
                                     .free = http_transport_free,
                                     .wire = MCP_WIRE_HTTP};
    if (opt)
        t->base.opt = *opt;
    t->http = http;
    t->url = xstrdup(url);
    t->shown = http_url_shown(url);
    *ret = &t->base;
    return 0;
}
