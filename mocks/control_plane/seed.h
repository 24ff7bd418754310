/*
 * What the tenant itself sends to a new box: files of a template that was imported, and
 * files kept for one workspace (an imported bundle's); and what it demands of the config
 * that the box is going to start from.
 */
#ifndef CONTROL_PLANE_SEED_H
#define CONTROL_PLANE_SEED_H

#include "mocks/control_plane/assets.h"

/* Adds the files; those of the workspace win over its template's. ERR_SHAPE: an unsafe
 * path, or more than 256 KiB. */
MUST_CHECK int seed_files(const struct workspace *ws, struct assets *ret,
                          struct err *err);
/* Keeps a file for every next box of the workspace. */
void seed_keep(struct workspace *ws, const char *path, const char *text);

/* Whether env has what the config requires and the config's runtime is the workspace's.
 * false = the row has failed already. config: NULL is good. */
bool seed_check(struct workspace *ws, const struct asset *config, const struct strv *env);

#endif
