/*
 * The revisions of the Model Context Protocol and what each of them has.
 * Source: Model Context Protocol, 2024-11-05 to 2026-07-28.
 *
 * Two eras: a legacy session begins with initialize; a modern request stands alone and
 * says its revision itself. What differs between revisions is asked here, by feature,
 * never by comparing names.
 */
#ifndef MCP_REVISION_H
#define MCP_REVISION_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

enum mcp_era { MCP_LEGACY, MCP_MODERN };

enum mcp_feature {
    MCP_F_STREAMABLE = 1 << 0, /* one HTTP endpoint, not a stream and a POST address */
    MCP_F_BATCH = 1 << 1,      /* arrays of messages must be read */
    MCP_F_VERSION_HEADER = 1 << 2,      /* MCP-Protocol-Version after the handshake */
    MCP_F_METHOD_HEADERS = 1 << 3,      /* Mcp-Method, Mcp-Name, Mcp-Param-* */
    MCP_F_SSE_RESUME = 1 << 4,          /* GET with Last-Event-ID */
    MCP_F_PING = 1 << 5,                /* both ways */
    MCP_F_CANCEL_BY_CLOSE = 1 << 6,     /* HTTP: closing the stream cancels */
    MCP_F_ARGUMENTS_AS_RESULT = 1 << 7, /* bad arguments are isError, not -32602 */
    MCP_F_STRUCTURED = 1 << 8,          /* structuredContent, an object */
    MCP_F_STRUCTURED_ANY = 1 << 9,      /* ... or any JSON */
    MCP_F_RESULT_TYPE = 1 << 10,        /* resultType, ttlMs and cacheScope in results */
    MCP_F_AUDIO = 1 << 11,              /* audio contents */
    MCP_F_LINKS = 1 << 12,              /* resource_link contents */
    MCP_F_HINTS = 1 << 13,       /* annotations of tools, the message of progress */
    MCP_F_TITLES = 1 << 14,      /* title and _meta of tools */
    MCP_F_ELICITATION = 1 << 15, /* a server asks elicitation/create */
};

struct mcp_revision {
    const char *name; /* "2025-11-25" */
    enum mcp_era era;
    unsigned features; /* of enum mcp_feature */
};

/* Oldest first. */
extern const struct mcp_revision mcp_revisions[];
extern const size_t mcp_revision_count;

/* NULL = no such revision; name may be NULL. */
const struct mcp_revision *mcp_revision_find(const char *name);
const struct mcp_revision *mcp_revision_latest(enum mcp_era era);
/* False for NULL. */
bool mcp_revision_has(const struct mcp_revision *r, enum mcp_feature feature);
bool mcp_revision_is_modern(const struct mcp_revision *r);
/* A client of this revision must not send the method any more. */
bool mcp_method_removed(const struct mcp_revision *r, const char *method);
/* False: the revision has the method no more, or not yet. A method that nobody knows may
 * exist, and before a revision is agreed on every one does. */
bool mcp_method_exists(const struct mcp_revision *r, const char *method);
/* The newest revision that an array of names (as in data.supported) has in common with
 * us; NULL = none. */
const struct mcp_revision *mcp_revision_choose(const json_t *names);
/* "2024-11-05, 2025-03-26, ...", for messages; borrowed, static. */
const char *mcp_revision_names(void);
const char *mcp_legacy_names(void); /* of those that begin with initialize */

#endif
