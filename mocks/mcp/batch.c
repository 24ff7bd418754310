#include "mocks/mcp/batch.h"

#include <stdlib.h>
#include <string.h>

struct batch {
    size_t left;     /* requests that wait for an answer, and one while it is read */
    json_t *answers; /* owned */
    const struct mcp_batch_owner *owner;
    void *arg; /* the owner's */
};

static void add(struct batch *b, json_t *frame)
{
    if (json_array_append_new(b->answers, xcheck(frame)))
        abort(); /* out of memory */
}

static void finish_one(struct batch *b)
{
    if (--b->left)
        return;
    bool any = json_array_size(b->answers) > 0;
    if (!any)
        json_decref(b->answers);
    b->owner->done(any ? b->answers : NULL, b->arg);
    free(b);
}

static void note(struct exchange *x, json_t *frame)
{
    const struct batch *b = x->origin.arg;

    b->owner->note(frame, b->arg);
}

static const char *header_for(const struct exchange *x, const char *name)
{
    const struct batch *b = x->origin.arg;

    return b->owner->header ? b->owner->header(name, b->arg) : NULL;
}

static void answer(struct exchange *x, int status, json_t *frame)
{
    struct batch *b = x->origin.arg;

    (void)status;
    if (frame)
        add(b, frame);
    finish_one(b);
}

/* What is answered without an exchange. id: borrowed, NULL = none. */
static void refuse_one(struct mcp_server *s, const struct mcp_origin *origin, json_t *id,
                       int code, const char *why)
{
    json_t *frame = rpc_error(id, code, why);

    mcp_server_saw(s, MCP_FROM_SERVER, origin->port->wire, origin->peer->revision, NULL,
                   frame);
    add(origin->arg, frame);
}

static void take_one(struct mcp_server *s, const struct mcp_origin *origin,
                     json_t *message)
{
    struct rpc_frame f CLEANUP(rpc_frame_release) = RPC_FRAME_INIT;
    struct batch *b = origin->arg;
    enum rpc_code code = RPC_INVALID_REQUEST;
    struct err err = ERR_INIT;
    bool read = rpc_parse_take(json_incref(message), &f, &code, &err) == 0;
    bool first = read && f.kind == RPC_REQUEST && strcmp(f.method, "initialize") == 0;

    if (read && !first) {
        b->left += f.kind == RPC_REQUEST;
        mcp_server_take(s, origin, false, &f);
        return;
    }
    mcp_server_saw(s, MCP_FROM_CLIENT, origin->port->wire, origin->peer->revision, NULL,
                   message);
    refuse_one(s, origin, f.id, (int)code,
               read ? "'initialize' must not be in a batch" : err.text);
}

void mcp_batch_take(struct mcp_server *s, const struct mcp_batch_owner *owner, void *arg,
                    struct mcp_peer *peer, json_t *messages)
{
#define PORT(w)                                                                          \
    {                                                                                    \
        .wire = (w), .note = note, .answer = answer, .header = header_for                \
    }
    static const struct mcp_port ports[] = {
        [MCP_WIRE_STDIO] = PORT(MCP_WIRE_STDIO), [MCP_WIRE_HTTP] = PORT(MCP_WIRE_HTTP)};
#undef PORT
    struct batch *b = xcalloc(1, sizeof(*b));
    const struct mcp_origin origin = {
        .port = &ports[owner->wire], .arg = b, .peer = peer};

    b->left = 1;
    b->answers = xcheck(json_array());
    b->owner = owner;
    b->arg = arg;
    for (size_t i = 0; i < json_array_size(messages); i++)
        take_one(s, &origin, json_array_get(messages, i));
    finish_one(b);
}
