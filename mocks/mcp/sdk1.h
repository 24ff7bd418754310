/*
 * How servers on the TypeScript SDK 1.x answer what is wrong with a tools/call: with a
 * result that looks like an error.
 * Source: @molecule-ai/mcp-server 1.6.1 on @modelcontextprotocol/sdk 1.x with zod.
 */
#ifndef MOCKS_MCP_SDK1_H
#define MOCKS_MCP_SDK1_H

#include "mocks/mcp/exchange.h"

/* A result with isError and the text "MCP error -32602: ...". */
void sdk1_error(struct exchange *x, const char *text);
/* issues: as mcp_schema_check writes them. */
void sdk1_bad_arguments(struct exchange *x, const char *tool, const json_t *issues);
/* Removes members that an object schema does not name: they are dropped silently. */
void sdk1_strip(const json_t *schema, json_t *value);

#endif
