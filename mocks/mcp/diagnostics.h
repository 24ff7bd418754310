/*
 * Tools that exist to test clients and this server: the ones that the official
 * conformance suite asks for by name, and a few of our own.
 * Source: @modelcontextprotocol/conformance 0.2.0-alpha.12, its server scenarios.
 */
#ifndef MOCKS_MCP_DIAGNOSTICS_H
#define MOCKS_MCP_DIAGNOSTICS_H

#include "mocks/mcp/exchange.h"
#include <stdbool.h>
#include <stddef.h>

struct loop;
struct diagnostics;

struct diagnostics *diagnostics_new(struct loop *loop); /* never NULL */
void diagnostics_free(struct diagnostics *d);           /* takes NULL */
/* Appends what is listed; the tools below are numbered in that order. */
void diagnostics_add_views(json_t *views);
bool diagnostics_offered(const struct exchange *x, size_t i);
/* args: borrowed for the call. */
void diagnostics_call(struct diagnostics *d, struct exchange *x, size_t i,
                      const json_t *args);
/* x, of one of them, was cancelled. */
void diagnostics_gone(struct diagnostics *d, struct exchange *x);

#endif
