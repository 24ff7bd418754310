/*
 * Tenants that are there from the start: those of --tenant, and the one of a self-hosted
 * platform. They run at once and are empty, unless a concierge is seeded.
 * Source: molecule-core (1c9f83df) tests/harness; workspace-server, self-hosted.
 */
#ifndef SERVER_FIXED_H
#define SERVER_FIXED_H

#include "mocks/server/platform.h"
#include "mocks/server/state.h"

/* Every "SLUG,HOST,ORG_ID,ADMIN_TOKEN" is well formed and none is there twice.
 * ERR_USAGE. */
MUST_CHECK int fixed_check(const struct platform_options *options, struct err *err);

/* Makes the rows, without starting anything; the port must be known. */
void fixed_add(struct platform *p, const struct platform_options *options);
/* Provisions the concierges, when they are wanted. */
void fixed_start(struct platform *p, const struct platform_options *options);

#endif
