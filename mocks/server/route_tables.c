#include "mocks/server/router.h"

const struct route_table *const route_tables[] = {
    &tenant_routes, &cp_routes, &forge_routes, &mock_routes, NULL,
};

const char *route_auth_name(enum route_auth auth)
{
    static const char *const names[] = {
        [ROUTE_OPEN] = "open", [ROUTE_ADMIN] = "admin", [ROUTE_WORKSPACE] = "workspace",
        [ROUTE_OWN] = "own",   [ROUTE_SELF] = "self",   [ROUTE_CP] = "cp",
    };
    return names[auth];
}
