/*
 * What the files of the frame checker share. Internal to harness/mcp: frame.c has what
 * every message must be, frame_calls.c requests and notifications, frame_answers.c
 * results and errors.
 */
#ifndef MCP_FRAME_PART_H
#define MCP_FRAME_PART_H

#include "mcp/frame.h"

struct frame_check {
    const struct mcp_frame_context *cx;
    struct strv *findings;
    const json_t *message;
    const char *method; /* of the message, or of the request that it answers; or NULL */
};

#define FIND(c, ...) mcp_finding_add((c)->findings, __VA_ARGS__)

enum member_kind {
    IS_ANYTHING,
    IS_TEXT,
    IS_BOOLEAN,
    IS_NUMBER,
    IS_TOKEN, /* as an id: a string or an integer */
    IS_OBJECT,
    IS_ARRAY,
    IS_TEXTS,     /* an array of strings */
    IS_SOME_TEXTS /* ... and not of none */
};

/* One member of an object. Before the revision that has the feature it is an extra member
 * that may be anything; 0 = it was always there. Lists end with a NULL name. */
struct member {
    const char *name;
    enum member_kind kind;
    bool required;
    unsigned feature;
};

/* The object has its members; whose they are is what the format says. */
void frame_members(const struct frame_check *c, const json_t *object,
                   const struct member *rows, const char *fmt, ...) PRINTF_LIKE(4, 5);
bool frame_is_token(const json_t *j);

/* False when no revision was agreed on. */
bool frame_has(const struct frame_check *c, enum mcp_feature feature);
bool frame_is_modern(const struct frame_check *c);
/* Of the revision, for a sentence. */
const char *frame_revision(const struct frame_check *c);

bool frame_is_any(const char *s, const char *const *list, size_t n);
#define IS_ANY(s, list) frame_is_any(s, list, ARRAY_SIZE(list))

void frame_check_request(const struct frame_check *c, const json_t *params);
void frame_check_notification(const struct frame_check *c, const json_t *params);
void frame_check_result(const struct frame_check *c, const json_t *result);
void frame_check_error(const struct frame_check *c, const json_t *error);

#endif
