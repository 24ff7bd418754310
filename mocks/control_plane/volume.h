/*
 * Docker mode: a workspace's container has its /configs on a volume, which outlives it;
 * the template comes from the platform's own disk, the token is there before the first
 * start. Source: molecule-core workspace-server (1c9f83df), Docker provisioner.
 */
#ifndef CONTROL_PLANE_VOLUME_H
#define CONTROL_PLANE_VOLUME_H

#include "mocks/control_plane/assets.h"
#include "mocks/server/state.h"

/* Whether the workspace has been provisioned before: its files are to be kept. */
bool volume_exists(const struct workspace *ws);
/* Makes what is missing of the container's directories, empties none. ERR_SYS. */
MUST_CHECK int volume_make(struct workspace *ws, struct err *err);
/* Reads every file of the row's template. 0 = read, 1 = the row has none. ERR_SYS,
 * ERR_SHAPE: more than the channel may carry. */
MUST_CHECK int volume_template(const struct workspace *ws, struct assets *ret,
                               struct err *err);
/* A new instance token in /configs/.auth_token. ERR_SYS. */
MUST_CHECK int volume_write_token(struct workspace *ws, struct err *err);

#endif
