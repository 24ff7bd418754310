#include "base/ids.h"
#include "io/json.h"
#include "mocks/tenant/handlers.h"
#include "mocks/tenant/rest.h"

void platform_agent_install(struct call *call)
{
    static const struct rest_field fields[] = {{"id", 's'}, {"name", 's'}};
    json_t *body = rest_need_body(call, "invalid request body");
    if (!body)
        return;
    const char *id = json_str(body, "id", "");
    const char *name = json_str(body, "name", "");
    if (!id[0] || !rest_fields_ok(body, fields, ARRAY_SIZE(fields))) {
        call_error(call, 400, "invalid request body");
        return;
    }
    struct workspace *ws =
        id_is_uuid(id) ? ws_install_platform(call->org, id, name[0] ? name : NULL) : NULL;
    if (!ws) {
        call_error(call, 500, "install failed");
        return;
    }
    if (fault_mode(call->org, "demote"))
        rest_fault(call, "demote");
    call_json(call, 200,
              json_make("{s:s,s:s,s:s}", "kind", "platform", "platform_agent_id", ws->id,
                        "status", "installed"));
}
