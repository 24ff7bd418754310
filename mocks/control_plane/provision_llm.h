/*
 * Who pays for a workspace's model, and what its box is told about it.
 */
#ifndef CONTROL_PLANE_PROVISION_LLM_H
#define CONTROL_PLANE_PROVISION_LLM_H

#include "base/strv.h"
#include "mocks/server/state.h"

/* env: has the secrets and, when there is one, MODEL. 0 = env is complete; 1 = the
 * provision is aborted: the row has failed already. */
int provision_llm(struct workspace *ws, struct strv *env);

/* The mode with which a box starts: "platform_managed", "byok" or "disabled". */
const char *provision_billing_mode(const struct workspace *ws, const struct strv *env);

#endif
