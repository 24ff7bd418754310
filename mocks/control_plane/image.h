/*
 * What a box's image holds besides the runtime: the platform agent's own image (switch
 * box_image=baked, being retired) has the management server and a template baked in.
 */
#ifndef CP_IMAGE_H
#define CP_IMAGE_H

#include "base/err.h"
#include "mocks/server/state.h"
#include <stdbool.h>

/* Whether this workspace's box is started from the platform agent's image. */
bool image_is_baked(const struct workspace *ws);
/* Makes /opt of the box what its image has. ERR_SYS. */
MUST_CHECK int image_write(struct workspace *ws, const char *root, struct err *err);

#endif
