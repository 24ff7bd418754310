/*
 * One request that a server has to answer, in either era and over either transport.
 * Source: Model Context Protocol 2024-11-05 to 2026-07-28 (requests, progress, logging,
 * cancellation; 2026-07-28: results, errors of the transport).
 *
 * A server answers it exactly once, at once or later from the loop; it is gone then.
 * When its client has cancelled it, or is no more, the server's `gone` is called instead
 * (server.h), and it is gone when that returns.
 */
#ifndef MOCKS_MCP_EXCHANGE_H
#define MOCKS_MCP_EXCHANGE_H

#include "mcp/revision.h"
#include <jansson.h>
#include <stdbool.h>

struct exchange;

/* What was asked; all borrowed. */
const char *exchange_method(const struct exchange *x);
json_t *exchange_params(const struct exchange *x); /* NULL = none */
/* The rules that it is answered by. Never NULL. */
const struct mcp_revision *exchange_revision(const struct exchange *x);
bool exchange_has(const struct exchange *x, enum mcp_feature feature);
bool exchange_over_http(const struct exchange *x);
/* NULL = absent, or over stdio. */
const char *exchange_header(const struct exchange *x, const char *name);
/* Modern: whether the client said that it can do this ("sampling"). */
bool exchange_client_can(const struct exchange *x, const char *capability);

/* The server's own, NULL at first. */
void exchange_set_user(struct exchange *x, void *user);
void *exchange_user(const struct exchange *x);

/* notifications/progress, when the client gave a token and the value has grown; total:
 * negative = not known; message: NULL = none. */
void exchange_progress(struct exchange *x, double progress, double total,
                       const char *message);
/* The token of its progress, borrowed; NULL = it wants none. */
json_t *exchange_progress_token(const struct exchange *x);
/* notifications/message, when the request asked for this level or a lesser one; never in
 * the legacy revisions, where no server here declares logging. */
void exchange_log(struct exchange *x, const char *level, const char *text);
/* Ends the stream of the answer; the rest is for who resumes it. Nothing where that is
 * not possible. */
void exchange_close_stream(struct exchange *x);

/* Each of these ends the exchange. result, data: taken; data NULL = none. What the
 * revision wants in a result beside its own members is added. */
void exchange_result(struct exchange *x, json_t *result);
void exchange_error(struct exchange *x, int code, const char *message, json_t *data);
/* The answer to initialize or server/discover. hello: borrowed: {"capabilities",
 * "serverInfo","instructions"?}. */
void exchange_hello(struct exchange *x, const json_t *hello);

#endif
