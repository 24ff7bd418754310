#include "mocks/control_plane/image.h"

#include <string.h>

#include "base/fs.h"
#include "mocks/box/tree.h"

static const char servers[] = "molecule-platform:\n"
                              "  command: molecule-platform-mcp\n"
                              "  env: {MOLECULE_MCP_MODE: management}\n";

bool image_is_baked(const struct workspace *ws)
{
    return ws_is_platform(ws) && switch_is(ws->org, "box_image", "baked");
}

int image_write(struct workspace *ws, const char *root, struct err *err)
{
    CLEANUP(free_ptr) char *opt = fs_join(root, "opt");
    CLEANUP(free_ptr) char *server = fs_join(opt, "molecule-mcp-server");
    CLEANUP(free_ptr) char *baked = fs_join(opt, "molecule-platform-agent-template");
    CLEANUP(free_ptr) char *list = fs_join(baked, "mcp_servers.yaml");
    if (fs_rmtree(opt, err) < 0)
        return -1;
    if (!image_is_baked(ws))
        return 0;
    if (fs_mkdirs(server, err) < 0 || fs_mkdirs(baked, err) < 0)
        return -1;
    CLEANUP(free_ptr) char *template = template_dir(ws->org, "platform-agent");
    if (template && tree_copy(template, baked, NULL, err) < 0)
        return -1;
    return fs_write(list, servers, strlen(servers), 0644, err);
}
