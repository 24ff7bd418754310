/*
 * What an agent that runs elsewhere needs to join: addresses, a token, and texts to
 * paste. Source: platform contract, section 2.4 (answer of an external create) and 2.17.
 */
#ifndef TENANT_CONNECTION_H
#define TENANT_CONNECTION_H

#include "mocks/server/router.h"

/* token "" = not shown. Owned by the caller. */
json_t *connection_block(struct call *call, const struct workspace *ws,
                         const char *token);

#endif
