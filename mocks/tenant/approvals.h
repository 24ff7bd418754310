/*
 * The approval gate in front of two operations, and the rows it makes.
 * Wire shapes: the group "approvals" of mocks/contracts/routes.json. Off unless the
 * switch approvals_gate is on.
 */
#ifndef TENANT_APPROVALS_H
#define TENANT_APPROVALS_H

#include "mocks/server/router.h"

/* False: answered, 202 with a pending approval or 400. One approval is good for one
 * operation with the same context. anchor NULL = there is none. */
bool approval_need_secret_write(struct call *call, struct workspace *anchor,
                                const char *key);
bool approval_need_org_token(struct call *call, const char *name);

#endif
