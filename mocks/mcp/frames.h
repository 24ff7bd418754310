/*
 * The last frames that went over the wires of a server, each checked against its
 * revision.
 *
 * A frame of ours that breaks its revision's shape is a defect of waybill; one of a
 * client's is a finding about the client. Bounded: old ones are forgotten, counts stay;
 * of a long id or method the begin is kept, marked by an ellipsis, and of many findings
 * the first.
 */
#ifndef MOCKS_MCP_FRAMES_H
#define MOCKS_MCP_FRAMES_H

#include "mcp/frame.h"
#include <jansson.h>
#include <stdint.h>

struct mcp_frames;

struct mcp_frames *mcp_frames_new(void); /* never NULL */
void mcp_frames_free(struct mcp_frames *f);
/* server: a name for people, NULL = none. */
void mcp_frames_add(struct mcp_frames *f, const char *server,
                    const struct mcp_frame_context *cx, const json_t *frame);
/* One of a client's that was not read as a frame. why: what is said of it. */
void mcp_frames_add_junk(struct mcp_frames *f, const char *server, enum mcp_wire wire,
                         const char *why);
/* {"frames":[{"n","at_ms","direction":"in|out","server","transport","era","revision",
 * "kind","method","id","valid","findings":[..]}],"next":N,"received":N,"sent":N,
 * "invalid":{"received":N,"sent":N}}: those from number `since` on. Caller owns. */
json_t *mcp_frames_view(const struct mcp_frames *f, int64_t since);

#endif
