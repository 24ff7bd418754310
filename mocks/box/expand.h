/*
 * References to the environment inside text: ${NAME} and ${NAME:-default}.
 *
 * Source: the Claude CLI's expansion of MCP server entries. The adaptors leave such
 * references as they are; only the launch of a server resolves them.
 */
#ifndef BOX_EXPAND_H
#define BOX_EXPAND_H

#include "base/strv.h"
#include <jansson.h>

/* NAME is a letter or '_' and then letters, digits, '_'; anything else stays as it is. A
 * name that is not in env becomes its default, or nothing. Caller frees. */
char *env_expand(const char *text, const struct strv *env);

/* Expands every string value of every server entry's env in place (servers: name ->
 * entry): what a box does that embeds secrets in its files (fault secret=embedded). */
void settings_embed_env(json_t *servers, const struct strv *env);

#endif
