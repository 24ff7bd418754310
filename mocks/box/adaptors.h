/*
 * The plugin adaptors: what is made of each plugin tree whenever the box starts.
 *
 * Source: molecule_runtime plugins_registry (AgentskillsAdaptor, MCPServerAdaptor,
 * RawDropAdaptor), runtime 0.3.46; the claude-code layer. The adaptor is the one of the
 * image's registry (<plugin>/<runtime>.py), else the plugin's adapters/<runtime>.py
 * ('-' in a runtime's name is '_' there), read for the class that it gives; a plugin
 * without Python may say `adaptor:` in its plugin.yaml. Without any it is RawDrop.
 */
#ifndef BOX_ADAPTORS_H
#define BOX_ADAPTORS_H

#include "base/strv.h"
#include <stdbool.h>
#include <stdint.h>

/* One line of the box's console; without a newline. */
typedef void box_say_fn(const char *line);

struct adaptor_options {
    const char *configs;     /* the box's /configs */
    const char *plugins_dir; /* searched after /configs/plugins; NULL = none */
    const char *registry;    /* of the image: <plugin>/<runtime>.py; NULL = none */
    const char *runtime;     /* "claude-code" */
    const struct strv *env;  /* of the box */
    const char *server_name; /* the management server's key becomes this */
    int64_t setup_timeout_ms;
    bool descriptors;      /* mcp-servers.json is read too */
    bool embed_secrets;    /* fault secret=embedded */
    bool without_mode;     /* fault server-mode=missing */
    bool skills_as_assets; /* fault seo-skills=asset */
    box_say_fn *say;
};

enum adaptor_kind { ADAPTOR_MCP_SERVER, ADAPTOR_AGENTSKILLS, ADAPTOR_RAW_DROP };

/* Which adaptor the plugin of this name in this directory takes. */
enum adaptor_kind adaptor_of(const struct adaptor_options *opt, const char *name,
                             const char *dir);

/* Runs the adaptor of every plugin, by name; of two with one name the first wins. A
 * plugin that fails is said and the next one is taken. Blocks while a setup.sh runs. */
void adaptors_run(const struct adaptor_options *opt);

/* The name that the fragment of the management plugin gives its server. */
#define MANAGEMENT_SERVER "molecule-platform"

#endif
