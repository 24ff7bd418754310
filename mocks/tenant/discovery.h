/*
 * Who sees whom. Wire shapes: the group "discovery" of mocks/contracts/routes.json.
 */
#ifndef TENANT_DISCOVERY_H
#define TENANT_DISCOVERY_H

#include "mocks/server/state.h"
#include <stdbool.h>
#include <stddef.h>

/* Same id; same parent; or one somewhere above the other. NULL never may. */
bool discovery_allowed(const struct workspace *a, const struct workspace *b);

/* Calls fn for each peer: siblings (only if it has a parent), children, parent; removed
 * ones left out. */
typedef void discovery_fn(const struct workspace *peer, void *arg);
void discovery_each_peer(const struct workspace *ws, discovery_fn *fn, void *arg);

#endif
