/*
 * Making and destroying the rows of the state; for the control plane and the tests.
 */
#ifndef SERVER_STATE_NEW_H
#define SERVER_STATE_NEW_H

#include "mocks/server/state.h"

/* An empty platform with the built-in switch values, no listener, no loop. Tests may use
 * it as it is. Owned by the caller. */
struct platform *platform_state_new(void);
void platform_state_free(struct platform *p); /* takes NULL */

/* A row for an organisation, with its id, token, addresses and directory; nothing is
 * started. Takes over what was said of the slug before. */
struct org *org_row_add(struct platform *p, const char *slug, const char *name,
                        const char *owner_user_id);

#endif
