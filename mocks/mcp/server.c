#include "mocks/mcp/server.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "io/json.h"
#include "mcp/meta.h"
#include "mocks/mcp/frames.h"
#include "mocks/mcp/server_part.h"

struct mcp_server *mcp_server_new(const struct mcp_server_options *opt)
{
    struct mcp_server *s = xcalloc(1, sizeof(*s));

    s->opt = *opt;
    s->name = opt->name ? xstrdup(opt->name) : NULL;
    s->opt.name = s->name;
    return s;
}

void mcp_server_free(struct mcp_server *s)
{
    while (s && s->live)
        exchange_drop(s->live);
    if (!s)
        return;
    json_decref(s->info);
    free(s->name);
    free(s);
}

void mcp_server_set_info(struct mcp_server *s, json_t *info)
{
    json_t *old = s->info;

    s->info = json_incref(info);
    json_decref(old);
}

const struct mcp_revision *mcp_negotiate(const char *asked)
{
    const struct mcp_revision *r = mcp_revision_find(asked);

    return r && r->era == MCP_LEGACY ? r : mcp_revision_latest(MCP_LEGACY);
}

void mcp_server_saw(const struct mcp_server *s, enum mcp_sender sender,
                    enum mcp_wire wire, const struct mcp_revision *revision,
                    const char *method, const json_t *frame)
{
    const struct mcp_frame_context cx = {
        .revision = revision, .wire = wire, .sender = sender, .method = method};

    if (s->opt.frames)
        mcp_frames_add(s->opt.frames, s->opt.name, &cx, frame);
}

/* ---- what a modern request says about itself ---- */

static const json_t *meta_of(const struct rpc_frame *f)
{
    return json_object_get(f->params, "_meta");
}

bool mcp_server_is_legacy(const struct mcp_server *s)
{
    return s->opt.sdk1 || s->opt.revision;
}

bool mcp_is_modern(const struct rpc_frame *f)
{
    const json_t *meta = meta_of(f);

    return json_object_get(meta, MCP_META_VERSION) ||
           json_object_get(meta, MCP_META_CAPABILITIES) ||
           (f->method && strcmp(f->method, "server/discover") == 0);
}

static bool refuse(struct mcp_refusal *why, int status, int code, const char *text)
{
    why->status = status;
    why->code = code;
    (void)snprintf(why->text, sizeof(why->text), "%s", text);
    return false;
}

bool mcp_check_meta(const struct rpc_frame *f, struct mcp_refusal *why)
{
    const json_t *meta = meta_of(f);

    if (!json_is_object(meta))
        return refuse(why, 400, RPC_INVALID_PARAMS, "params has no '_meta' object");
    if (!json_is_string(json_object_get(meta, MCP_META_VERSION)))
        return refuse(why, 400, RPC_INVALID_PARAMS,
                      "'_meta' has no '" MCP_META_VERSION "' of type string");
    if (!json_is_object(json_object_get(meta, MCP_META_CAPABILITIES)))
        return refuse(why, 400, RPC_INVALID_PARAMS,
                      "'_meta' has no '" MCP_META_CAPABILITIES "' object");
    return true;
}

json_t *mcp_revision_list(bool legacy)
{
    json_t *names = xcheck(json_array());

    for (size_t i = mcp_revision_count; i-- > 0;)
        if (legacy || mcp_revision_is_modern(&mcp_revisions[i]))
            (void)json_array_append_new(names,
                                        xcheck(json_string(mcp_revisions[i].name)));
    return names;
}

bool mcp_check_version(const char *asked, struct mcp_refusal *why)
{
    if (mcp_revision_is_modern(mcp_revision_find(asked)))
        return true;
    /* Of the others only those that go without a handshake are of use to who asks so. */
    why->data =
        json_make("{s:o,s:s}", "supported", mcp_revision_list(false), "requested", asked);
    return refuse(why, 400, MCP_UNSUPPORTED_VERSION, "unsupported protocol version");
}

/* ---- exchanges ---- */

enum { CALLS_MAX = 256 }; /* at once, of all clients: each may hold a descriptor */

static struct exchange *exchange_new(struct mcp_server *s,
                                     const struct mcp_origin *origin,
                                     const struct mcp_revision *revision,
                                     struct rpc_frame *frame)
{
    struct exchange *x = xcalloc(1, sizeof(*x));

    x->server = s;
    x->origin = *origin;
    x->revision = revision;
    x->frame = *frame;
    *frame = (struct rpc_frame)RPC_FRAME_INIT;
    x->next = s->live;
    if (x->next)
        x->next->prev = x;
    s->live = x;
    s->n_live++;
    if (origin->port->begin)
        origin->port->begin(x);
    return x;
}

/* Where nothing but the message itself has to be looked at. */
static bool check_frame(const struct rpc_frame *f, struct mcp_refusal *why)
{
    return mcp_check_meta(f, why) &&
           mcp_check_version(json_str(meta_of(f), MCP_META_VERSION, ""), why);
}

static void take_modern(struct mcp_server *s, struct exchange *x)
{
    const struct mcp_port *port = x->origin.port;
    struct mcp_refusal why = {.status = 0};

    if (port->check ? !port->check(x, &why) : !check_frame(&x->frame, &why))
        exchange_refuse(x, &why);
    else if (mcp_method_removed(x->revision, x->frame.method))
        exchange_error(x, RPC_METHOD_NOT_FOUND, "Method not found",
                       json_make("{s:o}", "supported", mcp_revision_list(true)));
    else if (strcmp(x->frame.method, "server/discover") == 0)
        s->opt.hello(x, s->opt.arg);
    else
        s->opt.request(x, s->opt.arg);
}

static void take_initialize(struct mcp_server *s, struct exchange *x)
{
    const char *asked = json_str(x->frame.params, "protocolVersion", NULL);
    const struct mcp_revision *agreed =
        mcp_negotiate(s->opt.revision ? s->opt.revision : asked);

    if (!asked) {
        exchange_error(x, RPC_INVALID_PARAMS, "protocolVersion is required", NULL);
        return;
    }
    x->revision = agreed;
    if (x->origin.peer)
        x->origin.peer->revision = agreed;
    s->opt.hello(x, s->opt.arg);
}

static void take_legacy(struct mcp_server *s, struct exchange *x)
{
    if (strcmp(x->frame.method, "initialize") == 0)
        take_initialize(s, x);
    else if (strcmp(x->frame.method, "ping") == 0)
        exchange_result(x, json_object());
    else if (strcmp(x->frame.method, "server/discover") == 0)
        exchange_error(x, RPC_METHOD_NOT_FOUND, "Method not found", NULL);
    else
        s->opt.request(x, s->opt.arg);
}

/* Only what the same client has asked: ids mean nothing anywhere else. */
static void take_cancelled(struct mcp_server *s, const struct mcp_peer *peer,
                           const struct rpc_frame *f)
{
    const json_t *id = json_object_get(f->params, "requestId");

    for (struct exchange *x = peer ? s->live : NULL; x; x = x->next)
        if (x->origin.peer == peer && rpc_id_equal(x->frame.id, id) &&
            strcmp(x->frame.method, "initialize") != 0) {
            exchange_cancel(x);
            return;
        }
}

void mcp_server_take(struct mcp_server *s, const struct mcp_origin *origin, bool modern,
                     struct rpc_frame *frame)
{
    const struct mcp_revision *agreed = origin->peer ? origin->peer->revision : NULL;
    const char *said = json_str(meta_of(frame), MCP_META_VERSION, NULL);
    const struct mcp_revision *revision =
        !modern ? agreed ? agreed : mcp_revision_latest(MCP_LEGACY)
        : mcp_revision_is_modern(mcp_revision_find(said))
            ? mcp_revision_find(said)
            : mcp_revision_latest(MCP_MODERN);
    bool first = !modern && frame->method && strcmp(frame->method, "initialize") == 0;

    mcp_server_saw(s, MCP_FROM_CLIENT, origin->port->wire,
                   first ? mcp_negotiate(json_str(frame->params, "protocolVersion", NULL))
                   : modern ? revision
                            : agreed,
                   NULL, frame->root);
    if (frame->kind == RPC_NOTIFICATION && frame->method &&
        strcmp(frame->method, "notifications/cancelled") == 0)
        take_cancelled(s, origin->peer, frame);
    if (frame->kind != RPC_REQUEST) {
        rpc_frame_release(frame);
        return;
    }
    struct exchange *x = exchange_new(s, origin, revision, frame);
    if (s->n_live > CALLS_MAX)
        exchange_error(x, RPC_INTERNAL_ERROR, "too many calls at once", NULL);
    else if (modern)
        take_modern(s, x);
    else
        take_legacy(s, x);
}

bool mcp_server_has_calls(const struct mcp_server *s, const struct mcp_peer *peer)
{
    const struct exchange *x = s->live;

    while (x && x->origin.peer != peer)
        x = x->next;
    return x;
}

void mcp_server_drop_peer(struct mcp_server *s, const struct mcp_peer *peer,
                          const char *why)
{
    struct exchange *next = NULL;

    for (struct exchange *x = s->live; x; x = next) {
        next = x->next;
        if (x->origin.peer != peer)
            continue;
        if (why)
            exchange_give_up(x, why);
        else
            exchange_cancel(x);
    }
}

json_t *mcp_refusal_frame(const struct mcp_refusal *why, json_t *id)
{
    json_t *frame = rpc_error(id, why->code, why->text);

    if (why->data &&
        json_object_set_new(json_object_get(frame, "error"), "data", why->data))
        abort(); /* out of memory */
    return frame;
}
