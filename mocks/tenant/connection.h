/*
 * What an agent that runs elsewhere needs to join: addresses, a token, and texts to
 * paste. Wire shape: the group "external" of mocks/contracts/routes.json.
 */
#ifndef TENANT_CONNECTION_H
#define TENANT_CONNECTION_H

#include "mocks/server/router.h"

/* token "" = not shown. Owned by the caller. */
json_t *connection_block(struct call *call, const struct workspace *ws,
                         const char *token);

#endif
