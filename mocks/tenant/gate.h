/*
 * The entitlement gate: who may hold the plugin that carries the management MCP server.
 * Source: molecule-core workspace-server (1c9f83df), the gate; gate_mode `rfc` is the
 * design, `upstream` the code.
 */
#ifndef TENANT_GATE_H
#define TENANT_GATE_H

#include "mocks/server/state.h"

/* What is known of a plugin before the question is asked. */
enum gate_known { GATE_ORDINARY, GATE_PRIVILEGED, GATE_UNKNOWN };

/* By install name alone, then by what was seen of the source before. */
enum gate_known gate_known(const struct workspace *ws, const char *plugin_name,
                           const char *source_raw);
/* Looks which MCP servers the tree registers, and remembers it for the source. */
enum gate_known gate_look(struct workspace *ws, const char *plugin_name,
                          const char *source_raw, const char *tree);
/* The workspace is the organisation's root and kind=platform. why: a literal. */
bool gate_entitled(const struct workspace *ws, const char **why);
/* The gate asks before anything is delivered (rfc) rather than when rows are written. */
bool gate_asks_first(const struct org *org);

#endif
