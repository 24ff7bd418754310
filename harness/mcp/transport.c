#include "mcp/transport.h"

#include <stdlib.h>
#include <string.h>

#include "io/json.h"

void mcp_exchange_release(struct mcp_exchange *x)
{
    rpc_frame_release(&x->frame);
    free(x->body);
    *x = (struct mcp_exchange)MCP_EXCHANGE_INIT;
}

void mcp_note_frame(const struct mcp_transport *t, enum mcp_direction direction,
                    const char *text, size_t len)
{
    if (t->opt.on_frame)
        t->opt.on_frame(direction, text, len, t->opt.on_frame_arg);
}

/* The answer to what a server asks of us: we have no capability but ping. */
static int reply(struct mcp_transport *t, const struct rpc_frame *f, int64_t deadline_ms,
                 struct err *err)
{
    json_t *frame =
        strcmp(f->method, "ping") == 0
            ? rpc_result(f->id, NULL)
            : rpc_error(f->id, RPC_METHOD_NOT_FOUND, "this client offers no such method");
    CLEANUP(free_ptr) char *text = rpc_text(frame);
    return t->send(t, text, deadline_ms, err);
}

/* Answers to requests that ran out of time may still come: ids count upward. */
static bool is_late(const json_t *id, const json_t *awaited)
{
    if (!json_is_integer(id))
        return false;
    return !awaited || json_integer_value(id) < json_integer_value(awaited);
}

static int dispatch(struct mcp_transport *t, struct rpc_frame *f, const json_t *id,
                    int64_t deadline_ms, struct rpc_frame *answer, bool *ret_found,
                    struct err *err)
{
    if (f->kind == RPC_NOTIFICATION)
        return 0;
    if (f->kind == RPC_REQUEST)
        return reply(t, f, deadline_ms, err);
    /* An error without an id can only be about the one request under way. */
    if (id && !*ret_found && (rpc_id_equal(f->id, id) || (f->error && !f->id))) {
        rpc_frame_release(answer);
        *answer = *f;
        *f = (struct rpc_frame)RPC_FRAME_INIT;
        *ret_found = true;
        return 0;
    }
    if (!f->id || is_late(f->id, id))
        return 0;
    CLEANUP(free_ptr) char *shown = json_dumps(f->id, JSON_COMPACT | JSON_ENCODE_ANY);
    return err_set(err, ERR_SHAPE, "the server answered id %.60s, which was never asked",
                   shown ? shown : "?");
}

int mcp_receive(struct mcp_transport *t, const char *text, size_t len, const json_t *id,
                int64_t deadline_ms, struct rpc_frame *answer, bool *ret_found,
                struct err *err)
{
    *ret_found = false;
    mcp_note_frame(t, MCP_RECEIVED, text, len);
    CLEANUP(json_drop) json_t *root = NULL;
    if (json_parse(text, len, &root, err))
        return err_prefix(err, "the server sent no JSON-RPC frame");
    /* Only 2025-03-26 has batches, and a client of it must read them. */
    bool batch = json_is_array(root) && t->revision && !strcmp(t->revision, "2025-03-26");
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
