/*
 * What happens to a row when nothing is heard: the provision timeout and the liveness
 * TTL. Source: molecule-core workspace-server (every 30 s; 12 minutes; 180 s), scaled by
 * the pace.
 */
#ifndef CONTROL_PLANE_SWEEP_H
#define CONTROL_PLANE_SWEEP_H

#include "mocks/server/state.h"

/* Looks at every row, and again every 30 s of production time, until p->stopping. */
void sweep_start(struct platform *p);

#endif
