#include <string.h>

#include "io/json.h"
#include "mocks/tenant/handlers.h"
#include "mocks/tenant/rest.h"

void health_get(struct call *call)
{
    call_json(call, 200, json_make("{s:s}", "status", "ok"));
}

void buildinfo_get(struct call *call)
{
    call_json(call, 200, json_make("{s:s}", "git_sha", "dev"));
}

void metrics_get(struct call *call)
{
    size_t live = 0;
    for (size_t i = 0; i < call->org->ws_n; i++)
        live += ws_live(call->org->ws[i]) ? 1 : 0;
    char *text CLEANUP(free_ptr) =
        xasprintf("# HELP molecule_workspaces Workspaces that are not removed.\n"
                  "# TYPE molecule_workspaces gauge\nmolecule_workspaces %zu\n",
                  live);
    call_bytes(call, 200, "text/plain; version=0.0.4; charset=utf-8", text, strlen(text));
}

void identity_get(struct call *call)
{
    call_json(call, 200,
              json_make("{s:o,s:s,s:b,s:s}", "name", rest_string(call->org->name),
                        "org_id", call->org->id, "platform_managed_available", 1, "slug",
                        call->org->slug));
}
