/*
 * The identity gate of the platform agent, shared by register and heartbeat.
 * Wire shapes: the group "registry" of mocks/contracts/routes.json.
 */
#ifndef TENANT_REGISTRY_H
#define TENANT_REGISTRY_H

#include "mocks/server/state.h"
#include <jansson.h>
#include <stdbool.h>

/* What a body says of `mcp_server_present`: absence is not the same as false. */
enum tristate { TRI_ABSENT, TRI_FALSE, TRI_TRUE };
enum tristate registry_mcp_present(const json_t *body);

enum identity_fault { IDENTITY_OK, IDENTITY_NO_MODEL, IDENTITY_NO_MCP };
/* Whether a platform agent may come online. */
enum identity_fault registry_identity(const struct workspace *ws, enum tristate present);
/* The row fails with this message and the gate's event. Not for IDENTITY_OK. */
void registry_identity_fail(struct workspace *ws, enum identity_fault fault,
                            const char *message);

/* Whether the list has the tool that is demanded of the platform agent. */
bool registry_lists_required(const struct org *org, const json_t *tools);
/* Switch concierge_hold: a platform agent that does not report the demanded tool (tools
 * NULL = no list) is not let online. */
bool registry_holds(const struct workspace *ws, const json_t *tools);

#endif
