#include "mocks/server/router.h"

#include "io/json.h"
#include "mocks/box/box.h"

const struct route_table *const route_tables[] = {
    &tenant_routes, &cp_routes, &cp_stub_routes, &forge_routes, &mock_routes, NULL,
};

const char *route_auth_name(enum route_auth auth)
{
    static const char *const names[] = {
        [ROUTE_OPEN] = "open", [ROUTE_ADMIN] = "admin", [ROUTE_WORKSPACE] = "workspace",
        [ROUTE_OWN] = "own",   [ROUTE_SELF] = "self",   [ROUTE_CP] = "cp",
    };
    return names[auth];
}

static size_t count_all(void)
{
    size_t n = 0;
    for (size_t t = 0; route_tables[t]; t++)
        n += route_tables[t]->n;
    return n;
}

void route_hit(struct platform *p, const struct route *route)
{
    size_t before = 0;
    for (size_t t = 0; route && route_tables[t]; t++) {
        const struct route_table *table = route_tables[t];
        if (route >= table->rows && route < table->rows + table->n) {
            if (!p->route_hits)
                p->route_hits = xcalloc(count_all(), sizeof(*p->route_hits));
            p->route_hits[before + (size_t)(route - table->rows)]++;
            return;
        }
        before += table->n;
    }
}

json_t *route_list(const struct platform *p)
{
    json_t *list = xcheck(json_array());
    size_t n = 0;
    for (size_t t = 0; route_tables[t]; t++) {
        for (size_t i = 0; i < route_tables[t]->n; i++, n++) {
            const struct route *r = &route_tables[t]->rows[i];
            json_int_t hits = p && p->route_hits ? p->route_hits[n] : 0;
            (void)json_array_append_new(
                list,
                json_make("{s:s, s:s, s:s, s:s, s:s, s:b, s:I}", "plane",
                          route_tables[t]->plane, "group", r->group, "method", r->method,
                          "path", r->pattern, "auth", route_auth_name(r->auth), "built",
                          r->fn != NULL, "hits", hits));
        }
    }
    /* A box is a process of its own, which counts for nobody. */
    for (size_t i = 0; i < box_routes_n; i++)
        (void)json_array_append_new(
            list, json_make("{s:s, s:s, s:s, s:s, s:s, s:b, s:i}", "plane", "box",
                            "group", "box", "method", box_routes[i].method, "path",
                            box_routes[i].pattern, "auth", box_routes[i].auth, "built", 1,
                            "hits", 0));
    return json_make("{s:o}", "routes", list);
}
