/*
 * Where a request goes: the control plane, a tenant, the forge or the mock's own door.
 *
 * By the first host name of X-Forwarded-Host when it is one of ours, else by Host; where
 * that names no tenant, by X-Molecule-Org-Id (or -Slug). A self-hosted platform is one
 * tenant under every name.
 */
#ifndef SERVER_DISPATCH_H
#define SERVER_DISPATCH_H

#include "base/strv.h"
#include "io/httpd.h"
#include "mocks/server/state.h"

/* arg: the struct platform. */
void dispatch(struct httpd_req *req, void *arg);

/* The names under which tenants of a control plane are found: "api.X" has them under "X",
 * "staging-api.X" under "staging.X", any other host under itself. Caller frees. */
char *dispatch_tenant_domain(const char *cp_host);
/* Every name that the certificate must hold. */
void dispatch_names(const struct platform *p, struct strv *ret);

#endif
