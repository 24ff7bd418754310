/*
 * tools/list and tools/call of a server whose tools are known: pages, who may see which,
 * arguments checked against the tool's schema and against the headers that repeat them.
 * Source: Model Context Protocol 2024-11-05 to 2026-07-28, tools.
 */
#ifndef MOCKS_MCP_TOOLS_H
#define MOCKS_MCP_TOOLS_H

#include "mocks/mcp/exchange.h"
#include <stdbool.h>
#include <stddef.h>

struct mcp_tools;

struct mcp_tools_options {
    /* Calls tool number `index`; args: borrowed for the call, an object that fits the
     * tool's schema, with its defaults. Answered as every exchange. */
    void (*call)(struct exchange *x, size_t index, json_t *args, void *arg);
    /* Whether this exchange sees the tool: by its authorization, never by its connection
     * or by what came before. NULL = everybody sees everything. */
    bool (*offered)(const struct exchange *x, size_t index, void *arg);
    void *arg;
    size_t page; /* tools on a page, 0 = all */
    bool sdk1;   /* the manners of the TypeScript SDK 1.x, see server.h */
};

/* views: taken, an array of what is listed: {"name","description","inputSchema",..}. */
struct mcp_tools *mcp_tools_new(json_t *views, const struct mcp_tools_options *opt);
void mcp_tools_free(struct mcp_tools *t); /* takes NULL */

/* Answers tools/list and tools/call; anything else is not found. */
void mcp_tools_request(struct mcp_tools *t, struct exchange *x);

/* A tools/call result of one text, as its answer. */
void mcp_tools_text(struct exchange *x, const char *text, bool is_error);

/* False, with the exchange answered, when a header that repeats an argument is missing
 * or says something else. schema: of the tool. */
bool mcp_tools_check_headers(struct exchange *x, const json_t *schema,
                             const json_t *args);

#endif
