/*
 * As much of TOML 1.0 as codex's config.toml uses: tables with dotted and quoted names,
 * strings on one line, numbers, booleans, arrays, inline tables. Multi-line strings,
 * dates as values of their own and arrays of tables are taken as texts or refused.
 * Source: TOML 1.0.0; codex, config.toml, mcp_servers.
 */
#ifndef BOX_TOML_H
#define BOX_TOML_H

#include "base/buf.h"
#include "base/err.h"
#include <jansson.h>

/* *ret: an object of tables, owned by the caller. ERR_CONFIG names the line. */
MUST_CHECK int toml_parse(const char *text, json_t **ret, struct err *err);

/* Appends table [name] with its members; objects among them become tables below it. */
void toml_add_table(struct buf *out, const char *name, json_t *members);

/* A part of a table's name, quoted where it has to be; caller frees. */
char *toml_key(const char *key);

/* Appends text without the tables [name] and [name.…]. */
void toml_add_without(struct buf *out, const char *text, const char *name);

#endif
