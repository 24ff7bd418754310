#include "mocks/mcp/frames.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/utf8.h"
#include "io/json.h"

enum {
    KEPT = 512,
    WORD_MAX = 200, /* bytes of an id or a method */
    FINDINGS_MAX = 16,
};

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

/* A value, or, where it is long, the begin of its text with a mark. value: borrowed, NULL
 * = none, which gives NULL; the caller owns the result. */
static json_t *shortened(json_t *value)
{
    struct buf text CLEANUP(buf_release) = BUF_INIT(WORD_MAX);

    if (json_is_string(value))
        buf_add(&text, json_string_value(value), json_string_length(value));
    else if (value)
        json_render(value, JSON_STRUCT, &text);
    if (!text.truncated)
        return json_incref(value);
    char *cut CLEANUP(free_ptr) =
        xasprintf("%.*s\xe2\x80\xa6", (int)utf8_valid(text.data, text.len), text.data);
    return json_str_new(cut);
}

static json_t *shortened_list(const struct strv *findings)
{
    json_t *words = xcheck(json_array());

    for (size_t i = 0; i < findings->n && i < FINDINGS_MAX; i++)
        json_push(words, json_str_new(findings->v[i]));
    if (findings->n > FINDINGS_MAX) {
        char *rest CLEANUP(free_ptr) =
            xasprintf("and %zu more", findings->n - FINDINGS_MAX);
        json_push(words, json_str_new(rest));
    }
    return words;
}

void mcp_frames_add(struct mcp_frames *f, const char *server,
                    const struct mcp_frame_context *cx, const json_t *frame)
{
    struct strv findings CLEANUP(strv_release) = STRV_INIT;
    bool valid = mcp_frame_check_json(frame, cx, &findings);
    const char *named = json_str(frame, "method", cx->method);
    json_t *name CLEANUP(json_drop) = named ? json_str_new(named) : NULL;
    json_t *method CLEANUP(json_drop) = shortened(name);
    json_t *id CLEANUP(json_drop) = shortened(json_object_get(frame, "id"));

    f->total[cx->sender]++;
    f->invalid[cx->sender] += !valid;
    keep(f, json_make("{s:I,s:I,s:s,s:s*,s:s,s:s*,s:s*,s:s,s:O*,s:O*,s:b,s:o}", "n",
                      (json_int_t)f->n, "at_ms", (json_int_t)clock_wall_ms(), "direction",
                      cx->sender == MCP_FROM_CLIENT ? "in" : "out", "server", server,
                      "transport", cx->wire == MCP_WIRE_HTTP ? "http" : "stdio", "era",
                      !cx->revision                          ? NULL
                      : mcp_revision_is_modern(cx->revision) ? "modern"
                                                             : "legacy",
                      "revision", cx->revision ? cx->revision->name : NULL, "kind",
                      kind_of(frame), "method", method, "id", id, "valid", (int)valid,
                      "findings", shortened_list(&findings)));
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
