#include "mocks/mcp/exchange.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "io/json.h"
#include "mcp/meta.h"
#include "mocks/mcp/server_part.h"

/* How long a modern client may keep a list. */
enum { TTL_MS = 60000 };

static void set_default(json_t *object, const char *key, json_t *value)
{
    if (json_object_get(object, key))
        json_decref(value);
    else
        json_put(object, key, value);
}

/* ---- what was asked ---- */

const char *exchange_method(const struct exchange *x)
{
    return x->frame.method;
}

json_t *exchange_params(const struct exchange *x)
{
    return x->frame.params;
}

const struct mcp_revision *exchange_revision(const struct exchange *x)
{
    return x->revision;
}

bool exchange_has(const struct exchange *x, enum mcp_feature feature)
{
    return mcp_revision_has(x->revision, feature);
}

bool exchange_over_http(const struct exchange *x)
{
    return x->origin.port->wire == MCP_WIRE_HTTP;
}

const char *exchange_header(const struct exchange *x, const char *name)
{
    return x->origin.port->header ? x->origin.port->header(x, name) : NULL;
}

static const json_t *meta_of(const struct exchange *x)
{
    return json_object_get(x->frame.params, "_meta");
}

bool exchange_client_can(const struct exchange *x, const char *capability)
{
    return json_object_get(json_object_get(meta_of(x), MCP_META_CAPABILITIES),
                           capability);
}

void exchange_set_user(struct exchange *x, void *user)
{
    x->user = user;
}

void *exchange_user(const struct exchange *x)
{
    return x->user;
}

/* ---- on the way ---- */

json_t *exchange_progress_token(const struct exchange *x)
{
    json_t *token = json_object_get(meta_of(x), "progressToken");

    return json_is_string(token) || json_is_integer(token) ? token : NULL;
}

/* params: taken. */
static void note(struct exchange *x, const char *method, json_t *params)
{
    json_t *frame = rpc_notification(method, params);

    json_decref(params);
    mcp_server_saw(x->server, MCP_FROM_SERVER, x->origin.port->wire, x->revision, NULL,
                   frame);
    x->origin.port->note(x, frame);
}

void exchange_progress(struct exchange *x, double progress, double total,
                       const char *message)
{
    json_t *token = exchange_progress_token(x);

    if (!token || (x->has_progress && progress <= x->progress))
        return;
    x->progress = progress;
    x->has_progress = true;
    json_t *params = json_make("{s:O,s:f}", "progressToken", token, "progress", progress);
    if (total >= 0)
        json_put(params, "total", json_real(total));
    /* The first revision has no message. */
    if (message && exchange_has(x, MCP_F_STREAMABLE))
        json_put(params, "message", json_str_new(message));
    note(x, "notifications/progress", params);
}

static int level_of(const char *name)
{
    static const char *const levels[] = {"debug", "info",     "notice", "warning",
                                         "error", "critical", "alert",  "emergency"};
    for (size_t i = 0; name && i < ARRAY_SIZE(levels); i++)
        if (strcmp(levels[i], name) == 0)
            return (int)i;
    return -1;
}

void exchange_log(struct exchange *x, const char *level, const char *text)
{
    int wanted = level_of(json_str(meta_of(x), MCP_META_LOG_LEVEL, NULL));

    if (!mcp_revision_is_modern(x->revision) || wanted < 0 || level_of(level) < wanted)
        return;
    note(x, "notifications/message",
         json_make("{s:s,s:o}", "level", level, "data", json_str_new(text)));
}

void exchange_close_stream(struct exchange *x)
{
    if (x->origin.port->close_stream)
        x->origin.port->close_stream(x);
}

/* ---- what no message holds ---- */

/* What is sent in place of a frame; NULL = nothing. Owned by the caller. */
static json_t *instead_of(const json_t *frame)
{
    const json_t *one = NULL;
    size_t i = 0;

    if (json_object_get(frame, "method"))
        return NULL;
    if (!json_is_array(frame))
        return rpc_error(json_object_get(frame, "id"), RPC_INTERNAL_ERROR,
                         "the answer is larger than a message may be");
    json_t *errors = xcheck(json_array());
    json_array_foreach(frame, i, one)
    {
        json_push(errors, instead_of(one));
    }
    return errors;
}

char *mcp_text_within(json_t *frame, size_t max)
{
    char *text = json_text(frame, JSON_STRUCT);

    if (strlen(text) > max) {
        json_t *instead = instead_of(frame);
        free(text);
        text = instead ? rpc_text(instead) : NULL;
    }
    json_decref(frame);
    return text;
}

/* ---- the end ---- */

/* Out of the list of those that wait for an answer. */
static void settle(struct exchange *x)
{
    struct mcp_server *s = x->server;

    s->n_live--;
    if (x->prev)
        x->prev->next = x->next;
    else
        s->live = x->next;
    if (x->next)
        x->next->prev = x->prev;
}

static void release(struct exchange *x)
{
    rpc_frame_release(&x->frame);
    free(x);
}

/* The HTTP status that goes with a JSON-RPC error: the legacy revisions have none. */
static int status_of(const struct exchange *x, int code)
{
    if (!mcp_revision_is_modern(x->revision))
        return 200;
    if (code == RPC_METHOD_NOT_FOUND)
        return 404;
    if (code == MCP_HEADER_MISMATCH || code == MCP_MISSING_CAPABILITY ||
        code == MCP_UNSUPPORTED_VERSION)
        return 400;
    return 200;
}

/* frame: taken. */
static void answer(struct exchange *x, int status, json_t *frame)
{
    mcp_server_saw(x->server, MCP_FROM_SERVER, x->origin.port->wire, x->revision,
                   x->frame.method, frame);
    settle(x);
    x->origin.port->answer(x, status, frame);
    release(x);
}

static bool is_listing(const char *method)
{
    static const char *const listings[] = {"server/discover", "tools/list",
                                           "prompts/list",    "resources/list",
                                           "resources/read",  "resources/templates/list"};
    for (size_t i = 0; i < ARRAY_SIZE(listings); i++)
        if (strcmp(listings[i], method) == 0)
            return true;
    return false;
}

/* What a modern result has beside its own members. */
static void complete(const struct exchange *x, json_t *result)
{
    json_t *meta = json_object_get(result, "_meta");

    set_default(result, "resultType", json_string("complete"));
    if (is_listing(x->frame.method)) {
        set_default(result, "ttlMs", json_integer(TTL_MS));
        set_default(result, "cacheScope", json_string("private"));
    }
    if (!x->server->info)
        return;
    if (!json_is_object(meta)) {
        meta = json_object();
        json_put(result, "_meta", meta);
    }
    set_default(meta, MCP_META_SERVER, json_incref(x->server->info));
}

void exchange_result(struct exchange *x, json_t *result)
{
    if (exchange_has(x, MCP_F_RESULT_TYPE) && json_is_object(result)) {
        /* A copy of its own: the owner may have kept what it gave us. */
        json_t *own = xcheck(json_copy(result));
        json_t *meta = json_object_get(own, "_meta");
        if (meta)
            json_put(own, "_meta", json_copy(meta));
        json_decref(result);
        result = own;
        complete(x, result);
    }
    answer(x, 200, rpc_result(x->frame.id, result));
}

void exchange_error(struct exchange *x, int code, const char *message, json_t *data)
{
    json_t *frame = rpc_error(x->frame.id, code, message);

    if (data)
        json_put(json_object_get(frame, "error"), "data", data);
    answer(x, status_of(x, code), frame);
}

void exchange_refuse(struct exchange *x, struct mcp_refusal *why)
{
    answer(x, why->status, mcp_refusal_frame(why, x->frame.id));
}

void exchange_hello(struct exchange *x, const json_t *hello)
{
    const char *asked = json_str(x->frame.params, "protocolVersion", "");
    json_t *result = xcheck(json_object());

    if (mcp_revision_is_modern(x->revision))
        json_put(result, "supportedVersions", mcp_revision_list(false));
    else
        json_put(result, "protocolVersion",
                 json_string(x->server->opt.sdk1 ? asked : x->revision->name));
    json_put(result, "capabilities", json_incref(json_object_get(hello, "capabilities")));
    if (!mcp_revision_is_modern(x->revision))
        json_put(result, "serverInfo", json_incref(json_object_get(hello, "serverInfo")));
    if (json_object_get(hello, "instructions"))
        json_put(result, "instructions",
                 json_incref(json_object_get(hello, "instructions")));
    exchange_result(x, result);
}

void exchange_drop(struct exchange *x)
{
    struct mcp_server *s = x->server;

    if (s->opt.gone)
        s->opt.gone(x, s->opt.arg);
    settle(x);
    release(x);
}

void exchange_cancel(struct exchange *x)
{
    x->origin.port->answer(x, 0, NULL);
    exchange_drop(x);
}

void exchange_give_up(struct exchange *x, const char *why)
{
    const struct mcp_server *s = x->server;

    if (s->opt.gone)
        s->opt.gone(x, s->opt.arg);
    answer(x, 404, rpc_error(x->frame.id, RPC_INVALID_REQUEST, why));
}
