#include "mocks/mcp/batch.h"

#include <stdlib.h>
#include <string.h>

struct batch {
    size_t left;     /* requests that wait for an answer, and one while it is read */
    json_t *answers; /* owned */
    mcp_batch_fn *done;
    void *arg;
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
    b->done(any ? b->answers : NULL, b->arg);
    free(b);
}

/* There is no stream to send it on. */
static void no_note(struct exchange *x, json_t *frame)
{
    (void)x;
    json_decref(frame);
}

static void answer(struct exchange *x, int status, json_t *frame)
{
    struct batch *b = x->origin.arg;

    (void)status;
    if (frame)
        add(b, frame);
    finish_one(b);
}

static void take_one(struct mcp_server *s, const struct mcp_origin *origin,
                     struct batch *b, json_t *message)
{
    struct rpc_frame f CLEANUP(rpc_frame_release) = RPC_FRAME_INIT;
    enum rpc_code code = RPC_INVALID_REQUEST;
    struct err err = ERR_INIT;

    if (rpc_parse_take(json_incref(message), &f, &code, &err)) {
        add(b, rpc_error(f.id, (int)code, err.text));
        return;
    }
    if (f.kind == RPC_REQUEST && strcmp(f.method, "initialize") == 0) {
        add(b,
            rpc_error(f.id, RPC_INVALID_REQUEST, "'initialize' must not be in a batch"));
        return;
    }
    b->left += f.kind == RPC_REQUEST;
    mcp_server_take(s, origin, false, &f);
}

void mcp_batch_take(struct mcp_server *s, enum mcp_wire wire, struct mcp_peer *peer,
                    json_t *messages, mcp_batch_fn *done, void *arg)
{
    static const struct mcp_port ports[] = {
        [MCP_WIRE_STDIO] = {.wire = MCP_WIRE_STDIO, .note = no_note, .answer = answer},
        [MCP_WIRE_HTTP] = {.wire = MCP_WIRE_HTTP, .note = no_note, .answer = answer},
    };
    struct batch *b = xcalloc(1, sizeof(*b));
    const struct mcp_origin origin = {.port = &ports[wire], .arg = b, .peer = peer};

    b->left = 1;
    b->answers = xcheck(json_array());
    b->done = done;
    b->arg = arg;
    for (size_t i = 0; i < json_array_size(messages); i++)
        take_one(s, &origin, b, json_array_get(messages, i));
    finish_one(b);
}
