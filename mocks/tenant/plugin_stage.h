/*
 * Fetching a plugin: its archive from the forge, unpacked into a staging directory of the
 * platform, checked. Nothing reaches a box from here.
 * Source: molecule-core workspace-server (1c9f83df), plugin install, from the fetch to
 * the manifest.
 */
#ifndef TENANT_PLUGIN_STAGE_H
#define TENANT_PLUGIN_STAGE_H

#include "mocks/server/state.h"
#include "mocks/tenant/plugin_source.h"

struct stage;

struct staged {
    int status;         /* 200, or the status that the install route answers */
    const char *error;  /* text of that answer; NULL with 200 */
    const char *tree;   /* directory of the plugin; NULL unless 200 */
    const char *commit; /* of its repository; NULL = none, it came from the registry */
};

/* staged: borrowed during the call. The tree is removed afterwards, unless it was moved
 * away. The stage is dead when done returns. */
typedef void stage_done_fn(const struct staged *staged, void *arg);

/* Never NULL. done is called once, from the loop, never from within this call. */
struct stage *stage_start(struct workspace *ws, const struct plugin_source *source,
                          stage_done_fn *done, void *arg);
void stage_cancel(struct stage *stage); /* done is not called; takes NULL */

/* Directory of the plugin on the workspace's box; caller frees. */
char *plugin_box_dir(const struct workspace *ws, const char *plugin_name);
/* Its plugin.yaml is there and not empty. */
bool plugin_on_box(const struct workspace *ws, const char *plugin_name);
/* Replaces the box's tree by the staged one, which is moved. ERR_SYS; ERR_NET under the
 * fault plugin-deliver, as below. */
MUST_CHECK int plugin_deliver(struct workspace *ws, const char *plugin_name,
                              const char *tree, struct err *err);
/* What a route answers when that failed; *ret_error is a literal. */
int plugin_deliver_status(const struct workspace *ws, const char **ret_error);
/* Removes dir, the plugin's on the box (plugin_box_dir). ERR_SYS. */
MUST_CHECK int plugin_remove(struct workspace *ws, const char *plugin_name,
                             const char *dir, struct err *err);

#endif
