#include "mocks/mcp/frames.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "io/json.h"

enum { KEPT = 512 };

struct mcp_frames {
    json_t *rows[KEPT]; /* owned; row n stands at n % KEPT */
    int64_t n;
    int64_t total[2], invalid[2]; /* by enum mcp_sender */
};

struct mcp_frames *mcp_frames_new(void)
{
    return xcalloc(1, sizeof(struct mcp_frames));
}

void mcp_frames_free(struct mcp_frames *f)
{
    for (size_t i = 0; f && i < KEPT; i++)
        json_decref(f->rows[i]);
    free(f);
}

static void keep(struct mcp_frames *f, json_t *row)
{
    json_t **place = &f->rows[f->n % KEPT];

    json_decref(*place);
    *place = row;
    f->n++;
}

static const char *kind_of(const json_t *frame)
{
    if (json_is_array(frame))
        return "batch";
    if (json_object_get(frame, "method"))
        return json_object_get(frame, "id") ? "request" : "notification";
    return json_object_get(frame, "error") ? "error" : "result";
}

void mcp_frames_add(struct mcp_frames *f, const char *server,
                    const struct mcp_frame_context *cx, const json_t *frame)
{
    struct strv findings CLEANUP(strv_release) = STRV_INIT;
    bool valid = mcp_frame_check_json(frame, cx, &findings);
    json_t *words = xcheck(json_array());
    const char *method = json_str(frame, "method", cx->method);

    for (size_t i = 0; i < findings.n; i++)
        (void)json_array_append_new(words, json_str_new(findings.v[i]));
    f->total[cx->sender]++;
    f->invalid[cx->sender] += !valid;
    keep(f,
         json_make("{s:I,s:I,s:s,s:s*,s:s,s:s*,s:s*,s:s,s:s*,s:O*,s:b,s:o}", "n",
                   (json_int_t)f->n, "at_ms", (json_int_t)clock_wall_ms(), "direction",
                   cx->sender == MCP_FROM_CLIENT ? "in" : "out", "server", server,
                   "transport", cx->wire == MCP_WIRE_HTTP ? "http" : "stdio", "era",
                   !cx->revision                          ? NULL
                   : mcp_revision_is_modern(cx->revision) ? "modern"
                                                          : "legacy",
                   "revision", cx->revision ? cx->revision->name : NULL, "kind",
                   kind_of(frame), "method", method, "id", json_object_get(frame, "id"),
                   "valid", (int)valid, "findings", words));
}

void mcp_frames_add_junk(struct mcp_frames *f, const char *server, enum mcp_wire wire,
                         const char *why)
{
    f->total[MCP_FROM_CLIENT]++;
    f->invalid[MCP_FROM_CLIENT]++;
    keep(f, json_make("{s:I,s:I,s:s,s:s*,s:s,s:s,s:b,s:[s]}", "n", (json_int_t)f->n,
                      "at_ms", (json_int_t)clock_wall_ms(), "direction", "in", "server",
                      server, "transport", wire == MCP_WIRE_HTTP ? "http" : "stdio",
                      "kind", "junk", "valid", 0, "findings", why));
}

json_t *mcp_frames_view(const struct mcp_frames *f, int64_t since)
{
    json_t *rows = xcheck(json_array());
    int64_t first = f->n > KEPT ? f->n - KEPT : 0;

    for (int64_t i = since > first ? since : first; i < f->n; i++)
        (void)json_array_append(rows, f->rows[i % KEPT]);
    return json_make("{s:o,s:I,s:I,s:I,s:{s:I,s:I}}", "frames", rows, "next",
                     (json_int_t)f->n, "received", (json_int_t)f->total[MCP_FROM_CLIENT],
                     "sent", (json_int_t)f->total[MCP_FROM_SERVER], "invalid", "received",
                     (json_int_t)f->invalid[MCP_FROM_CLIENT], "sent",
                     (json_int_t)f->invalid[MCP_FROM_SERVER]);
}
