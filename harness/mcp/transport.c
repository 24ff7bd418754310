#include "mcp/transport.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "io/json.h"

#define MAX_FINDINGS 100 /* a server that is wrong at every turn says nothing new */

void mcp_exchange_release(struct mcp_exchange *x)
{
    rpc_frame_release(&x->frame);
    free(x->body);
    free(x->challenge);
    free(x->location);
    *x = (struct mcp_exchange)MCP_EXCHANGE_INIT;
}

void mcp_transport_release(struct mcp_transport *t)
{
    free(t->session);
    asked_release(&t->asked);
    rpc_frame_release(&t->aside);
    strv_release(&t->findings);
    strv_release(&t->own_findings);
}

bool mcp_stopped(const struct mcp_transport *t)
{
    return t->opt.stop && *t->opt.stop;
}

static void keep(struct strv *list, const char *text)
{
    if (list->n < MAX_FINDINGS && !strv_has(list, text))
        strv_add(list, text);
}

void mcp_found(struct mcp_transport *t, const char *fmt, ...)
{
    va_list ap;
    CLEANUP(buf_release) struct buf text = BUF_INIT(1024);
    CLEANUP(strv_release) struct strv line = STRV_INIT;
    va_start(ap, fmt);
    buf_vaddf(&text, fmt, ap);
    va_end(ap);
    mcp_finding_add(&line, "%s", text.data);
    keep(&t->findings, line.v[0]);
}

/* ---- every frame, checked and shown ---- */

/* The caller wrote what is sent: what it breaks is no finding. */
static bool is_meant(const struct mcp_transport *t)
{
    return t->to_the_letter || t->meant;
}

static void show(const struct mcp_transport *t, enum mcp_direction direction,
                 const char *text, size_t len, const struct strv *findings)
{
    struct mcp_frame_seen seen = {.direction = direction,
                                  .text = text,
                                  .len = len,
                                  .wire = t->wire,
                                  .revision = t->revision,
                                  .valid = direction != MCP_JUNK && findings->n == 0,
                                  .raw = direction == MCP_SENT && is_meant(t),
                                  .findings = findings};
    if (t->opt.on_frame)
        t->opt.on_frame(&seen, t->opt.on_frame_arg);
}

/* The method is what a reader needs to find the frame again. */
static void keep_all(struct strv *list, const char *method, const struct strv *findings)
{
    for (size_t i = 0; i < findings->n; i++) {
        CLEANUP(free_ptr)
        char *text = method ? xasprintf("%s: %s", method, findings->v[i])
                            : xstrdup(findings->v[i]);
        keep(list, text);
    }
}

void mcp_note_frame(struct mcp_transport *t, enum mcp_direction direction,
                    const char *text, size_t len)
{
    CLEANUP(strv_release) struct strv findings = STRV_INIT;
    struct mcp_frame_context cx = {
        .revision = t->revision, .wire = t->wire, .sender = MCP_FROM_CLIENT};
    if (direction == MCP_JUNK) {
        strv_addf(&findings, "a line on stdout that is no frame: '%.*s'",
                  (int)(len > 80 ? 80 : len), text);
        mcp_found(t, "%s", findings.v[0]);
    }
    if (!t->opt.on_frame) /* our own frames are only read again for who looks at them */
        return;
    if (direction == MCP_SENT) {
        (void)mcp_frame_check(text, len, &cx, &findings);
        if (!is_meant(t))
            keep_all(&t->own_findings, t->method, &findings);
    }
    show(t, direction, text, len, &findings);
}

static const char *method_of(const json_t *id, void *arg)
{
    const struct asked_request *r = asked_find(arg, id);
    return r ? r->method : NULL;
}

void mcp_note_received(struct mcp_transport *t, const char *text, size_t len,
                       const json_t *root)
{
    CLEANUP(strv_release) struct strv findings = STRV_INIT;
    struct mcp_frame_context cx = {.revision = t->revision,
                                   .wire = t->wire,
                                   .sender = MCP_FROM_SERVER,
                                   .method_of = method_of,
                                   .method_of_arg = &t->asked,
                                   .no_logs = !is_meant(t)};
    const char *method = method_of(json_object_get(root, "id"), &t->asked);
    t->received += len;
    if (root)
        (void)mcp_frame_check_json(root, &cx, &findings);
    else
        (void)mcp_frame_check(text, len, &cx, &findings);
    keep_all(&t->findings, method ? method : t->method, &findings);
    show(t, MCP_RECEIVED, text, len, &findings);
}

/* ---- what came ---- */

/* The answer to what a server asks of us: we have no capability but ping. */
static int reply(struct mcp_transport *t, const struct rpc_frame *f, int64_t deadline_ms,
                 struct err *err)
{
    if (mcp_revision_is_modern(t->revision)) /* it must not ask, nor we answer */
        return 0;
    json_t *frame =
        strcmp(f->method, "ping") == 0
            ? rpc_result(f->id, NULL)
            : rpc_error(f->id, RPC_METHOD_NOT_FOUND, "this client offers no such method");
    CLEANUP(free_ptr) char *text = rpc_text(frame);
    return t->send(t, text, deadline_ms, NULL, err);
}

/* Progress is told for a token that was given, and goes forward. */
static void see_progress(struct mcp_transport *t, const json_t *params)
{
    double now = json_number_value(json_object_get(params, "progress"));
    struct asked_request *r =
        asked_find_token(&t->asked, json_object_get(params, "progressToken"));
    if (!r) {
        mcp_found(t, "progress of a request that did not ask for it");
        return;
    }
    if (r->state != ASKED_OPEN) /* it was on its way already */
        return;
    if (r->progressed && now <= r->progress)
        mcp_found(t, "progress that does not grow: %g after %g", now, r->progress);
    r->progress = now;
    r->progressed = true;
}

static void notify(struct mcp_transport *t, const struct rpc_frame *f)
{
    if (strcmp(f->method, "notifications/progress") == 0)
        see_progress(t, f->params);
    if (t->opt.on_notification)
        t->opt.on_notification(f->method, f->params, t->opt.on_notification_arg);
}

/* An answer is to something that was asked, and comes once; it may come late. */
static int tick_off(struct mcp_transport *t, const json_t *id, struct err *err)
{
    struct asked_request *r = asked_find(&t->asked, id);
    if (r && r->state == ASKED_OPEN) {
        r->state = ASKED_ANSWERED;
        return 0;
    }
    if (r && r->state == ASKED_GIVEN_UP)
        return 0;
    CLEANUP(free_ptr) char *shown = json_dumps(id, JSON_COMPACT | JSON_ENCODE_ANY);
    const char *why = r ? "was answered already" : "was never asked";
    mcp_found(t, "an answer to id %.60s, which %s", shown ? shown : "?", why);
    return err_set(err, ERR_SHAPE, "the server answered id %.60s, which %s",
                   shown ? shown : "?", why);
}

/* An error without an id. Over HTTP and to a user's message it is the answer; on a pipe
 * it may as well be about what was sent before, a notification too. True when taken. */
static bool put_aside(struct mcp_transport *t, struct rpc_frame *f)
{
    if (t->wire != MCP_WIRE_STDIO || t->to_the_letter)
        return false;
    mcp_found(t, "%s: an error that does not say which request it answers",
              t->method ? t->method : "");
    rpc_frame_release(&t->aside);
    t->aside = *f;
    *f = (struct rpc_frame)RPC_FRAME_INIT;
    return true;
}

static int dispatch(struct mcp_transport *t, struct rpc_frame *f, const json_t *id,
                    int64_t deadline_ms, struct rpc_frame *answer, bool *ret_found,
                    struct err *err)
{
    if (f->kind == RPC_NOTIFICATION) {
        notify(t, f);
        return 0;
    }
    if (f->kind == RPC_REQUEST)
        return reply(t, f, deadline_ms, err);
    if (f->id && tick_off(t, f->id, err))
        return -1;
    bool ours = f->id ? rpc_id_equal(f->id, id) : id && !put_aside(t, f);
    if (!ours || *ret_found)
        return 0;
    rpc_frame_release(answer);
    *answer = *f;
    *f = (struct rpc_frame)RPC_FRAME_INIT;
    *ret_found = true;
    return 0;
}

void mcp_note_rest(struct mcp_transport *t, const char *text, size_t len,
                   const json_t *root)
{
    size_t n = json_is_array(root) ? json_array_size(root) : 1;
    mcp_note_received(t, text, len, root);
    for (size_t i = 0; i < n; i++) {
        const json_t *one = json_is_array(root) ? json_array_get(root, i) : root;
        const json_t *id = json_object_get(one, "id");
        if (id && !json_is_null(id) && !json_object_get(one, "method"))
            (void)tick_off(t, id, NULL);
    }
}

int mcp_receive(struct mcp_transport *t, const char *text, size_t len, const json_t *id,
                int64_t deadline_ms, struct rpc_frame *answer, bool *ret_found,
                struct err *err)
{
    json_t *root = NULL;
    int rc = json_parse(text, len, &root, err);
    *ret_found = false;
    mcp_note_received(t, text, len, root);
    if (rc)
        return err_prefix(err, "the server sent no JSON-RPC frame");
    return mcp_receive_take(t, root, id, deadline_ms, answer, ret_found, err);
}

int mcp_receive_take(struct mcp_transport *t, json_t *taken, const json_t *id,
                     int64_t deadline_ms, struct rpc_frame *answer, bool *ret_found,
                     struct err *err)
{
    CLEANUP(json_drop) json_t *root = taken;
    *ret_found = false;
    bool batch = json_is_array(root) && mcp_revision_has(t->revision, MCP_F_BATCH);
    size_t n = batch ? json_array_size(root) : 1;
    for (size_t i = 0; i < n; i++) {
        CLEANUP(rpc_frame_release) struct rpc_frame f = RPC_FRAME_INIT;
        json_t *one = batch ? json_array_get(root, i) : root;
        if (rpc_parse_take(json_incref(one), &f, NULL, err))
            return err_prefix(err, "the server's message");
        if (dispatch(t, &f, id, deadline_ms, answer, ret_found, err))
            return -1;
    }
    return 0;
}
