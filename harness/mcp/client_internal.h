/*
 * What the files of the client share. Internal to harness/mcp: client.c has the calls,
 * era.c finds out how a server wants to be spoken to, modern.c makes requests that stand
 * alone, answer.c reads results.
 */
#ifndef MCP_CLIENT_INTERNAL_H
#define MCP_CLIENT_INTERNAL_H

#include "mcp/client.h"
#include "mcp/transport.h"

struct mcp_client {
    struct mcp_transport *transport; /* owned */
    char *asked;                     /* revision that the caller wants; NULL = find out */
    const struct mcp_revision *revision; /* in force; NULL before */
    json_t *server_info;                 /* owned, NULL before */
    json_t *capabilities;                /* owned, NULL before */
    char *instructions;                  /* owned, NULL = none */
    json_t *schemas; /* owned; inputSchema by tool, null for a tool that was dropped; of
                        the last list, modern HTTP only */
    json_t *outputs; /* owned; outputSchema by tool, of the last list; NULL before one */
    int64_t timeout_ms, probe_timeout_ms;
    json_int_t last_id;
    bool probing; /* no word to the server when a request runs out of time */
};

/* One request as it is: a new id, one exchange. headers: of this message, NULL = none. */
MUST_CHECK int client_exchange(struct mcp_client *c, const char *method, json_t *params,
                               const struct strv *headers, int64_t timeout_ms,
                               struct mcp_answer *ret, struct err *err);
/* Params, as a caller may write them wrong on purpose, to which _meta can be added. */
bool client_may_add_meta(const json_t *params);
/* What the server says of itself, from either handshake. */
void client_learn(struct mcp_client *c, const json_t *result, const json_t *info);
/* The revision that requests follow from here on; NULL = none yet. */
void client_follow(struct mcp_client *c, const struct mcp_revision *revision);

/* initialize and notifications/initialized, asking for a revision. */
MUST_CHECK int legacy_initialize(struct mcp_client *c, const char *asked,
                                 struct mcp_answer *ret, struct err *err);

/* A request that says everything itself. Refused with -32022, it is sent once more in a
 * revision that both know. */
MUST_CHECK int modern_request(struct mcp_client *c, const char *method, json_t *params,
                              int64_t timeout_ms, struct mcp_answer *ret,
                              struct err *err);
MUST_CHECK int modern_notify(struct mcp_client *c, const char *method, json_t *params,
                             struct mcp_exchange *ret, struct err *err);
/* Adds the headers that repeat a message of a modern revision; none elsewhere. */
void modern_headers(const struct mcp_client *c, const char *method, const json_t *params,
                    struct strv *headers);
/* server/discover in a modern revision. */
MUST_CHECK int modern_discover(struct mcp_client *c, int64_t timeout_ms,
                               struct mcp_answer *ret, struct err *err);
/* Drops tools whose annotations break the rules and keeps the schemas of the rest. */
void modern_keep_tools(struct mcp_client *c, json_t *tools);
/* ERR_SHAPE when the tool was dropped. */
MUST_CHECK int modern_check_tool(const struct mcp_client *c, const char *name,
                                 struct err *err);

/* What the server's list, all its pages, says of its tools' results: a tool that stands
 * in it twice is a finding, and so is later a result that is not what was declared. */
void declared_keep(struct mcp_client *c, const json_t *tools);
void declared_check(const struct mcp_client *c, const char *tool, const json_t *result);

/* Reads what came back for a request. */
MUST_CHECK int answer_read(const char *method, const struct mcp_revision *revision,
                           struct mcp_exchange *x, struct mcp_answer *ret,
                           struct err *err);

#endif
