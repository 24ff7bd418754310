/*
 * Every route of a tenant in one table, and the order in which a request passes the
 * middleware. A row without a function is a route whose answer is not specified; it says
 * so with 501.
 * Source: platform contract, sections 2.1 and 2.3; the sections of each group.
 */
#include <string.h>

#include "mocks/tenant/handlers.h"
#include "mocks/tenant/rest.h"

#define OPEN ROUTE_OPEN
#define AA ROUTE_ADMIN
#define WA ROUTE_WORKSPACE
#define OWN ROUTE_OWN
#define SELF ROUTE_SELF

static const struct route rows[] = {
    /* 2.3 */
    {"GET", "/health", OPEN, health_get},
    {"GET", "/buildinfo", OPEN, buildinfo_get},
    {"GET", "/metrics", OPEN, metrics_get},
    {"GET", "/org/identity", OPEN, identity_get},
    {"GET", "/uploads/limits", OPEN, NULL},
    {"GET", "/compute/metadata", OPEN, NULL},
    {"GET", "/channels/adapters", OPEN, NULL},
    {"GET", "/canvas/viewport", OPEN, NULL},

    /* 2.4, 2.5 */
    {"GET", "/workspaces", AA, workspace_list},
    {"POST", "/workspaces", AA, workspace_create},
    {"GET", "/workspaces/:id", OPEN, workspace_get},
    {"PATCH", "/workspaces/:id", WA, workspace_patch},
    {"DELETE", "/workspaces/:id", AA, workspace_delete},
    {"PATCH", "/workspaces/:id/template", AA, workspace_patch_template},
    {"PATCH", "/workspaces/:id/abilities", AA, workspace_patch_abilities},
    {"GET", "/workspaces/:id/compute-options", WA, NULL},
    {"GET", "/workspaces/:id/console", AA, NULL},
    {"GET", "/workspaces/:id/display", AA, NULL},

    /* 2.6 */
    {"GET", "/workspaces/:id/state", OWN, power_state},
    {"POST", "/workspaces/:id/restart", WA, power_restart},
    {"POST", "/workspaces/:id/pause", WA, power_pause},
    {"POST", "/workspaces/:id/resume", WA, power_resume},
    {"POST", "/workspaces/:id/hibernate", WA, power_hibernate},
    {"POST", "/admin/workspaces/:id/restart", AA, power_admin_restart},
    {"POST", "/admin/workspaces/:id/bootstrap-failed", AA, power_bootstrap_failed},

    /* 2.8 */
    {"GET", "/workspaces/:id/tokens", WA, token_list},
    {"POST", "/workspaces/:id/tokens", WA, token_create},
    {"DELETE", "/workspaces/:id/tokens/:tid", WA, token_delete},
    {"POST", "/admin/workspaces/:id/tokens", AA, token_admin_create},
    {"POST", "/admin/workspaces/:id/revoke-auth-tokens", AA, token_admin_revoke},
    {"GET", "/org/tokens", AA, org_token_list},
    {"POST", "/org/tokens", AA, org_token_create},
    {"DELETE", "/org/tokens/:tid", AA, org_token_delete},
    {"GET", "/orgs/:id/plugins/allowlist", AA, allowlist_get},
    {"PUT", "/orgs/:id/plugins/allowlist", AA, allowlist_put},
    {"GET", "/approvals/pending", AA, approval_pending},
    {"GET", "/workspaces/:id/approvals", WA, approval_list},
    {"POST", "/workspaces/:id/approvals", WA, approval_create},
    {"POST", "/workspaces/:id/approvals/:aid/decide", WA, approval_decide},
    {"POST", "/workspaces/:id/approvals/:aid/withdraw", WA, approval_withdraw},

    /* 2.9 */
    {"GET", "/workspaces/:id/model", WA, model_get},
    {"PUT", "/workspaces/:id/model", WA, model_put},
    {"GET", "/workspaces/:id/secrets", WA, secret_list},
    {"POST", "/workspaces/:id/secrets", WA, secret_put},
    {"PUT", "/workspaces/:id/secrets", WA, secret_put},
    {"GET", "/workspaces/:id/secrets/values", OWN, secret_values},
    {"DELETE", "/workspaces/:id/secrets/:key", WA, secret_remove},
    {"GET", "/settings/secrets", AA, global_secret_list},
    {"POST", "/settings/secrets", AA, global_secret_put},
    {"PUT", "/settings/secrets", AA, global_secret_put},
    {"DELETE", "/settings/secrets/:key", AA, global_secret_remove},
    {"GET", "/admin/secrets", AA, global_secret_list},
    {"POST", "/admin/secrets", AA, global_secret_put},
    {"PUT", "/admin/secrets", AA, global_secret_put},
    {"DELETE", "/admin/secrets/:key", AA, global_secret_remove},
    {"GET", "/workspaces/:id/budget", WA, budget_get},
    {"PATCH", "/workspaces/:id/budget", AA, budget_patch},
    {"GET", "/admin/workspaces/:id/llm-billing-mode", AA, billing_get},
    {"PUT", "/admin/workspaces/:id/llm-billing-mode", AA, billing_put},

    /* 2.10 to 2.12 */
    {"POST", "/registry/register", SELF, registry_register},
    {"POST", "/registry/heartbeat", SELF, registry_heartbeat},
    {"POST", "/registry/update-card", SELF, registry_update_card},
    {"POST", "/registry/check-access", OPEN, registry_check_access},
    {"GET", "/registry/discover/:id", SELF, registry_discover},
    {"GET", "/registry/:id/peers", SELF, registry_peers},

    /* 2.13, 2.14 */
    {"POST", "/workspaces/:id/a2a", OPEN, a2a_send},
    {"GET", "/workspaces/:id/a2a/queue/:qid", OPEN, a2a_queue_get},
    {"POST", "/workspaces/:id/mcp", WA, bridge_post},

    /* 2.15 */
    {"GET", "/plugins", OPEN, plugin_registry},
    {"GET", "/plugins/sources", OPEN, plugin_sources},
    {"GET", "/workspaces/:id/plugins", WA, plugin_list},
    {"POST", "/workspaces/:id/plugins", WA, plugin_post},
    {"GET", "/workspaces/:id/plugins/available", WA, plugin_available},
    {"GET", "/workspaces/:id/plugins/compatibility", WA, plugin_compatibility},
    {"DELETE", "/workspaces/:id/plugins/:name", WA, plugin_delete},

    /* 2.16 */
    {"GET", "/workspaces/:id/files", WA, file_list},
    {"PUT", "/workspaces/:id/files", WA, file_replace},
    {"GET", "/workspaces/:id/files/*path", WA, file_read},
    {"PUT", "/workspaces/:id/files/*path", WA, file_write},
    {"DELETE", "/workspaces/:id/files/*path", WA, file_delete},
    {"GET", "/templates", AA, template_list},

    /* 2.17 */
    {"GET", "/events", AA, event_list},
    {"GET", "/events/:id", AA, event_list},
    {"GET", "/workspaces/:id/audit", WA, audit_list},
    {"GET", "/workspaces/:id/activity", WA, activity_list},
    {"POST", "/workspaces/:id/activity", WA, activity_create},
    {"GET", "/user-tasks/pending", AA, user_task_pending},
    {"GET", "/workspaces/:id/user-tasks", WA, user_task_list},
    {"POST", "/workspaces/:id/user-tasks", WA, user_task_create},
    {"PATCH", "/workspaces/:id/user-tasks/:tid", WA, user_task_patch},
    {"DELETE", "/workspaces/:id/user-tasks/:tid", WA, user_task_delete},
    {"POST", "/workspaces/:id/user-tasks/:tid/resolve", WA, user_task_resolve},

    /* 2.18 */
    {"POST", "/admin/org/platform-agent", AA, platform_agent_install},
};

/* What a box said last before it was told to end may come after its row went back to
 * provisioning; a machine that is gone brings nothing online. */
static bool from_replaced_box(struct call *call)
{
    const char *url = httpd_header(call->req, "X-Waybill-Box");
    if (!url || box_is_current(call->org, url))
        return false;
    call_decide(call, "a box that was replaced");
    call_error(call, 503, "this box was replaced");
    return true;
}

void tenant_handle(struct httpd_req *req, struct org *org)
{
    struct call *call = call_begin(req, org->plat, org);
    if (rest_cors(call) || !rest_need_rate(call) || !rest_need_org(call))
        return;
    rest_security_headers(call);
    call->route = route_find(rows, ARRAY_SIZE(rows), call);
    if (!call->route) {
        call_text(call, 404, "404 page not found");
        return;
    }
    if (from_replaced_box(call) || call_fault_answer(call) || !rest_need_auth(call))
        return;
    if (!call->route->fn) {
        call_error(call, 501, "this route is not specified");
        return;
    }
    call->route->fn(call);
}
