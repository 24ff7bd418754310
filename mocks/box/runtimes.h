/*
 * The runtimes of which the platform starts boxes, and where each one keeps its MCP
 * servers.
 *
 * Source: the runtimes' own manuals for the files: Claude Code settings.json mcpServers,
 * codex config.toml [mcp_servers.NAME], gemini-cli settings.json mcpServers, hermes
 * config.yaml mcp_servers, openclaw openclaw.json mcp.servers. Entries have the same
 * members everywhere: command, args, env.
 */
#ifndef BOX_RUNTIMES_H
#define BOX_RUNTIMES_H

#include "base/err.h"
#include <jansson.h>
#include <stdbool.h>

enum config_format { CONFIG_JSON, CONFIG_YAML, CONFIG_TOML };

struct runtime {
    const char *name;
    bool in_home;     /* file lies in the home directory, else in /configs */
    const char *file; /* NULL = it has no place for MCP servers */
    enum config_format format;
    const char *key, *below; /* the map of servers: member key, or its member below */
};

/* Never NULL: what is not in the table is taken for claude-code, as the platform does. */
const struct runtime *runtime_find(const char *name);
/* Whether its executor is Claude's, with the layers of config.yaml and settings.json. */
bool runtime_is_claude(const struct runtime *rt);

/* Its configuration file; caller frees, NULL = it has none. */
char *runtime_config_path(const struct runtime *rt, const char *configs,
                          const char *home);
/* The servers in the file, name -> entry; *ret NULL = no file or none in it. Caller owns
 * *ret. ERR_CONFIG, ERR_SHAPE: the file is broken. */
MUST_CHECK int runtime_read_servers(const struct runtime *rt, const char *path,
                                    json_t **ret, struct err *err);
/* Adds them to the file, whatever else it holds is kept; an entry of the same name is
 * replaced whole. A broken file counts as empty. */
MUST_CHECK int runtime_add_servers(const struct runtime *rt, const char *path,
                                   json_t *servers, struct err *err);

#endif
