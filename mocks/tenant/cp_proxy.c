/*
 * What a tenant passes on to its control plane: a few prefixes of /cp/, never /cp/admin/.
 * Source: molecule-core workspace-server (1c9f83df), its proxy for /cp/.
 */
#include <string.h>

#include "mocks/tenant/rest.h"

static bool passed_on(const char *path)
{
    static const char *const prefixes[] = {"/cp/auth/", "/cp/orgs", "/cp/billing/",
                                           "/cp/templates", "/cp/legal/"};
    for (size_t i = 0; i < ARRAY_SIZE(prefixes); i++)
        if (strncmp(path, prefixes[i], strlen(prefixes[i])) == 0)
            return true;
    return false;
}

bool rest_pass_to_cp(struct call *call)
{
    const char *path = call->req->path;
    if (strncmp(path, "/cp/", 4) != 0)
        return false;
    if (call->plat->self_hosted || !passed_on(path)) {
        call_decide(call, "not passed on to the control plane");
        call_text(call, 404, "404 page not found");
    } else if (fault_mode(call->org, "cp-upstream")) {
        rest_fault(call, "cp-upstream");
        call_text(call, 502, "control plane unavailable");
    } else {
        call->org = NULL;
        cp_run(call);
    }
    return true;
}
