#include "run/frames.h"

#include <stdlib.h>
#include <string.h>

void frames_release(struct frames *frames)
{
    for (size_t i = 0; i < frames->n; i++)
        free(frames->v[i].findings);
    free(frames->v);
    buf_release(&frames->sent);
    buf_release(&frames->received);
    *frames = (struct frames)FRAMES_INIT;
}

/* Of a full list: for an invalid frame the last valid one goes. False: there is none. */
static bool make_room(struct frames *frames, bool valid)
{
    size_t i = frames->n;
    if (frames->n < LIMIT_FRAMES)
        return true;
    frames->left_out++;
    if (valid || frames->n_valid == 0)
        return false;
    while (frames->v[i - 1].findings)
        i--;
    memmove(&frames->v[i - 1], &frames->v[i], (frames->n - i) * sizeof(*frames->v));
    frames->n--;
    frames->n_valid--;
    return true;
}

static void keep(struct frames *frames, const struct mcp_frame_seen *seen)
{
    static const char *const directions[] = {
        [MCP_SENT] = "sent", [MCP_RECEIVED] = "received", [MCP_JUNK] = "junk"};
    bool valid = seen->findings->n == 0;
    if (!make_room(frames, valid))
        return;
    if (!frames->v)
        frames->v = xcalloc(LIMIT_FRAMES, sizeof(*frames->v));
    frames->n_valid += valid;
    frames->v[frames->n++] =
        (struct frame){.direction = directions[seen->direction],
                       .transport = seen->wire == MCP_WIRE_STDIO ? "stdio" : "http",
                       .revision = seen->revision ? seen->revision->name : NULL,
                       .raw = seen->raw,
                       .findings = valid ? NULL : strv_join(seen->findings, "\n")};
}

void frames_note(struct frames *frames, const struct mcp_frame_seen *seen)
{
    struct buf *b = seen->direction == MCP_SENT ? &frames->sent : &frames->received;
    keep(frames, seen);
    if (b->len > 0)
        buf_addc(b, '\n');
    if (seen->direction == MCP_JUNK)
        buf_adds(b, "[not a frame] ");
    buf_add(b, seen->text, seen->len);
}

void frames_emit(struct ctx *ctx, int exchange, const struct frames *frames)
{
    for (size_t i = 0; i < frames->n; i++)
        emit_frame(ctx, exchange, &frames->v[i]);
}
