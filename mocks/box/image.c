/*
 * The platform agent's image: what it fills in before the runtime starts, and the entry
 * that it asserts again after the adaptors.
 *
 * Source: workspace-template-platform-agent, entrypoint (the image that is being
 * retired): MOLECULE_PLATFORM_AGENT_IMAGE_BAKED=1.
 */
#include "mocks/box/state.h"

#include "base/fs.h"
#include "io/json.h"
#include "mocks/box/runtimes.h"
#include "mocks/box/tree.h"

#include <string.h>

static bool is_baked(const struct box *b)
{
    const char *baked = box_env(b, "MOLECULE_PLATFORM_AGENT_IMAGE_BAKED");

    return baked && strcmp(baked, "1") == 0;
}

void image_fill(struct box *b)
{
    static const char *const parts[] = {"config.yaml", "mcp_servers.yaml", "prompts"};
    char *template CLEANUP(free_ptr) =
        fs_join(b->root, "opt/molecule-platform-agent-template");

    for (size_t i = 0; is_baked(b) && i < ARRAY_SIZE(parts); i++) {
        char *from CLEANUP(free_ptr) = fs_join(template, parts[i]);
        char *to CLEANUP(free_ptr) = box_config_path(b, parts[i]);
        struct err err = ERR_INIT;
        if (fs_exists(to) || !fs_exists(from))
            continue;
        if ((fs_is_dir(from) ? tree_copy(from, to, NULL, &err)
                             : tree_copy_file(from, to, &err)) < 0)
            box_sayf("[image] %s", err.text);
    }
}

void image_assert_server(struct box *b)
{
    const struct runtime *claude = runtime_find("claude-code");
    const char *name = box_expected_server(b);
    char *path CLEANUP(free_ptr) = runtime_config_path(claude, b->configs, NULL);
    json_t *there CLEANUP(json_drop) = NULL;
    struct err err = ERR_INIT;

    if (!is_baked(b))
        return;
    (void)!runtime_read_servers(claude, path, &there, NULL);
    if (json_object_get(there, name))
        return;
    json_t *servers CLEANUP(json_drop) =
        json_make("{s:{s:s,s:{s:s}}}", name, "command", "molecule-platform-mcp", "env",
                  "MOLECULE_MCP_MODE", "management");
    if (runtime_add_servers(claude, path, servers, &err) < 0)
        box_sayf("[image] %s", err.text);
}
