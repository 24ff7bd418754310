/*
 * Reconcile: what is declared and not recorded is fetched and, unless boot-install
 * already brought it, delivered; then recorded; one restart at the end when anything was
 * delivered. Source: molecule-core, plugin reconcile (1c9f83df), with the gate of
 * the design.
 */
#ifndef TENANT_RECONCILE_H
#define TENANT_RECONCILE_H

#include "mocks/server/state.h"

/* Drops a reconcile under way: its box is being replaced. */
void reconcile_cancel(struct workspace *ws);

#endif
