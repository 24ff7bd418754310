/*
 * The MCP frames of one session, kept for the exchange that they belong to.
 *
 * Of a server that talks without end LIMIT_FRAMES are kept and the rest is counted; a
 * frame that breaks the protocol takes the place of a valid one.
 */
#ifndef RUN_FRAMES_H
#define RUN_FRAMES_H

#include "base/limits.h"
#include "mcp/client.h"
#include "run/context.h"

struct frames {
    struct buf sent, received; /* the text of the last request's frames, a line each */
    struct frame *v;           /* owned */
    size_t n;
    size_t n_valid;  /* of v */
    size_t left_out; /* how many more there were */
};
#define FRAMES_INIT                                                                      \
    {                                                                                    \
        .sent = BUF_INIT(LIMIT_STORED_BODY * 2),                                         \
        .received = BUF_INIT(LIMIT_STORED_BODY * 2)                                      \
    }
void frames_release(struct frames *frames);
void frames_note(struct frames *frames, const struct mcp_frame_seen *seen);
/* After the exchange of that number. */
void frames_emit(struct ctx *ctx, int exchange, const struct frames *frames);

#endif
