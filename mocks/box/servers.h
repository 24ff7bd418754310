/*
 * Which MCP servers the executor starts: the server map.
 *
 * Source: workspace-template-claude-code, claude_sdk_executor.py (8d6fc74): built-in a2a,
 * then config.yaml mcp_servers, mcp_servers.yaml, and mcpServers of
 * .claude/settings.json; a later one replaces an earlier one of the same name in its
 * place, and nothing replaces a2a. An entry needs a command; its args default to none.
 * The layers are Claude's; another runtime has its own configuration file instead.
 */
#ifndef BOX_SERVERS_H
#define BOX_SERVERS_H

#include "base/strv.h"
#include <stdbool.h>
#include <stddef.h>

enum server_source {
    SERVER_BUILTIN,
    SERVER_CONFIG_YAML,
    SERVER_MCP_SERVERS_YAML,
    SERVER_SETTINGS_JSON,
    SERVER_OWN_CONFIG, /* the configuration file of another runtime than claude-code */
};
const char *server_source_name(enum server_source source);

struct server_entry {
    char *name;
    enum server_source source;
    char *command;
    struct strv args;
    struct strv env; /* "NAME=value" as written, references unexpanded */
};

struct server_map {
    struct server_entry *v;
    size_t n;
};
#define SERVER_MAP_INIT                                                                  \
    {                                                                                    \
        .v = NULL, .n = 0                                                                \
    }

struct server_options {
    const char *configs; /* the box's /configs */
    const char *home;    /* the box's home; NULL = none */
    const char *runtime; /* "claude-code"; any other one starts what its own file lists */
    const char *a2a_exe; /* command of the built-in server; its args are "mcp", "a2a" */
    bool load_settings;  /* false: an executor that does not look at the file */
    void (*say)(const char *line); /* one line for each file or entry that is skipped */
};

/* Fills *ret, which must be empty. Files that are absent or broken give no entries. */
void server_map_load(const struct server_options *opt, struct server_map *ret);
void server_map_release(struct server_map *map);

#endif
