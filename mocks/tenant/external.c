/*
 * Agents that run elsewhere: what one needs to join, shown again or with a new token.
 * Wire shape: group "external" of mocks/contracts/routes.json.
 */
#include "io/json.h"
#include "mocks/tenant/connection.h"
#include "mocks/tenant/handlers.h"
#include "mocks/tenant/models.h"
#include "mocks/tenant/rest.h"

static void answer(struct call *call, const struct workspace *ws, const char *token)
{
    call_json(call, 200,
              json_make("{s:o}", "connection", connection_block(call, ws, token)));
}

/* False = answered. */
static bool need_external(struct call *call, const struct workspace *ws, const char *verb)
{
    if (runtime_is_external(ws->runtime))
        return true;
    char *text CLEANUP(free_ptr) =
        xasprintf("%s is only valid for external/BYO-compute workspaces", verb);
    call_json(call, 400,
              json_make("{s:s,s:s,s:s}", "error", text, "hint",
                        "the platform runs this workspace and gives it its tokens",
                        "runtime", ws->runtime));
    return false;
}

void external_connection(struct call *call)
{
    const struct workspace *ws = rest_need_ws(call);
    if (ws && need_external(call, ws, "connection"))
        answer(call, ws, "");
}

void external_rotate(struct call *call)
{
    char token[44];
    struct workspace *ws = rest_need_ws(call);
    if (!ws || !need_external(call, ws, "rotate"))
        return;
    token_revoke_all(ws, -1);
    token_mint(call->org, ws, TOKEN_INSTANCE, NULL, token);
    answer(call, ws, token);
}
