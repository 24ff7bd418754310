/*
 * Every route of a tenant in one table, and the order in which a request passes the
 * middleware. A row without a function is a route whose answer is not specified; it says
 * so with 501.
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
    {"GET", "/health", OPEN, health_get, "health"},
    {"GET", "/buildinfo", OPEN, buildinfo_get, "health"},
    {"GET", "/metrics", OPEN, metrics_get, "health"},
    {"GET", "/org/identity", OPEN, identity_get, "health"},
    {"GET", "/uploads/limits", OPEN, NULL, "chat-files"},
    {"GET", "/compute/metadata", OPEN, NULL, "workspaces"},
    {"GET", "/channels/adapters", OPEN, NULL, "channels"},
    {"POST", "/channels/discover", AA, NULL, "channels"},
    {"GET", "/workspaces/:id/channels", WA, NULL, "channels"},
    {"POST", "/workspaces/:id/channels", WA, channel_create, "channels"},
    {"PATCH", "/workspaces/:id/channels/:cid", WA, NULL, "channels"},
    {"DELETE", "/workspaces/:id/channels/:cid", WA, NULL, "channels"},
    {"POST", "/webhooks/:type", OPEN, webhook_post, "channels"},
    {"POST", "/webhooks/github", OPEN, NULL, "channels"},
    {"POST", "/webhooks/github/:wid", OPEN, NULL, "channels"},
    {"GET", "/canvas/viewport", OPEN, NULL, "canvas"},
    {"PUT", "/canvas/viewport", AA, NULL, "canvas"},

    {"GET", "/workspaces/:id/schedules", WA, NULL, "schedules"},
    {"POST", "/workspaces/:id/schedules", WA, NULL, "schedules"},
    {"PATCH", "/workspaces/:id/schedules/:sid", WA, NULL, "schedules"},
    {"DELETE", "/workspaces/:id/schedules/:sid", WA, NULL, "schedules"},
    {"POST", "/workspaces/:id/schedules/:sid/run", WA, NULL, "schedules"},
    {"GET", "/workspaces/:id/schedules/:sid/history", WA, NULL, "schedules"},
    {"GET", "/workspaces/:id/schedules/health", OPEN, NULL, "schedules"},
    {"GET", "/admin/schedules/*path", AA, NULL, "schedules"},

    {"GET", "/instructions", AA, NULL, "instructions"},
    {"POST", "/instructions", AA, NULL, "instructions"},
    {"PUT", "/instructions/:iid", AA, NULL, "instructions"},
    {"DELETE", "/instructions/:iid", AA, NULL, "instructions"},
    {"GET", "/workspaces/:id/instructions/resolve", WA, NULL, "instructions"},

    {"GET", "/workspaces", AA, workspace_list, "workspaces"},
    {"POST", "/workspaces", AA, workspace_create, "workspaces"},
    {"GET", "/workspaces/:id", OPEN, workspace_get, "workspaces"},
    {"PATCH", "/workspaces/:id", WA, workspace_patch, "workspaces"},
    {"DELETE", "/workspaces/:id", AA, workspace_delete, "workspaces"},
    {"PATCH", "/workspaces/:id/template", AA, workspace_patch_template, "workspaces"},
    {"PATCH", "/workspaces/:id/abilities", AA, workspace_patch_abilities, "workspaces"},
    {"GET", "/workspaces/:id/compute-options", WA, NULL, "workspaces"},
    {"POST", "/admin/workspaces/:id/set-compute-instance", AA, NULL, "workspaces"},
    {"POST", "/workspaces/:id/switch-provider", WA, NULL, "workspaces"},
    {"GET", "/workspaces/:id/provider", WA, workspace_provider_gone, "workspaces"},
    {"PUT", "/workspaces/:id/provider", WA, workspace_provider_gone, "workspaces"},
    {"GET", "/workspaces/:id/metrics", WA, NULL, "workspaces"},
    {"GET", "/workspaces/:id/artifacts", WA, NULL, "workspaces"},
    {"GET", "/workspaces/:id/agent", WA, NULL, "workspaces"},
    {"GET", "/admin/liveness", AA, NULL, "workspaces"},
    {"GET", "/workspaces/:id/console", AA, NULL, "workspaces"},
    {"GET", "/workspaces/:id/display", AA, NULL, "workspaces"},

    {"GET", "/workspaces/:id/state", OWN, power_state, "power"},
    {"POST", "/workspaces/:id/restart", WA, power_restart, "power"},
    {"POST", "/workspaces/:id/pause", WA, power_pause, "power"},
    {"POST", "/workspaces/:id/resume", WA, power_resume, "power"},
    {"POST", "/workspaces/:id/hibernate", WA, power_hibernate, "power"},
    {"POST", "/admin/workspaces/:id/restart", AA, power_admin_restart, "power"},
    {"POST", "/admin/workspaces/:id/bootstrap-failed", AA, power_bootstrap_failed,
     "power"},

    {"GET", "/workspaces/:id/tokens", WA, token_list, "tokens"},
    {"POST", "/workspaces/:id/tokens", WA, token_create, "tokens"},
    {"DELETE", "/workspaces/:id/tokens/:tid", WA, token_delete, "tokens"},
    {"POST", "/admin/workspaces/:id/tokens", AA, token_admin_create, "tokens"},
    {"POST", "/admin/workspaces/:id/revoke-auth-tokens", AA, token_admin_revoke,
     "tokens"},
    {"GET", "/org/tokens", AA, org_token_list, "org-tokens"},
    {"POST", "/org/tokens", AA, org_token_create, "org-tokens"},
    {"DELETE", "/org/tokens/:tid", AA, org_token_delete, "org-tokens"},
    {"GET", "/orgs/:id/plugins/allowlist", AA, allowlist_get, "allowlist"},
    {"PUT", "/orgs/:id/plugins/allowlist", AA, allowlist_put, "allowlist"},
    {"GET", "/approvals/pending", AA, approval_pending, "approvals"},
    {"GET", "/workspaces/:id/approvals", WA, approval_list, "approvals"},
    {"POST", "/workspaces/:id/approvals", WA, approval_create, "approvals"},
    {"POST", "/workspaces/:id/approvals/:aid/decide", WA, approval_decide, "approvals"},
    {"POST", "/workspaces/:id/approvals/:aid/withdraw", WA, approval_withdraw,
     "approvals"},

    {"GET", "/workspaces/:id/model", WA, model_get, "model"},
    {"PUT", "/workspaces/:id/model", WA, model_put, "model"},
    {"GET", "/workspaces/:id/secrets", WA, secret_list, "secrets"},
    {"POST", "/workspaces/:id/secrets", WA, secret_put, "secrets"},
    {"PUT", "/workspaces/:id/secrets", WA, secret_put, "secrets"},
    {"GET", "/workspaces/:id/secrets/values", OWN, secret_values, "secrets"},
    {"DELETE", "/workspaces/:id/secrets/:key", WA, secret_remove, "secrets"},
    {"GET", "/settings/secrets", AA, global_secret_list, "secrets"},
    {"POST", "/settings/secrets", AA, global_secret_put, "secrets"},
    {"PUT", "/settings/secrets", AA, global_secret_put, "secrets"},
    {"DELETE", "/settings/secrets/:key", AA, global_secret_remove, "secrets"},
    {"GET", "/admin/secrets", AA, global_secret_list, "secrets"},
    {"POST", "/admin/secrets", AA, global_secret_put, "secrets"},
    {"PUT", "/admin/secrets", AA, global_secret_put, "secrets"},
    {"DELETE", "/admin/secrets/:key", AA, global_secret_remove, "secrets"},
    {"GET", "/workspaces/:id/config", WA, config_get, "config"},
    {"PATCH", "/workspaces/:id/config", WA, config_patch, "config"},
    {"GET", "/workspaces/:id/budget", WA, budget_get, "budget"},
    {"PATCH", "/workspaces/:id/budget", AA, budget_patch, "budget"},
    {"GET", "/admin/workspaces/:id/llm-billing-mode", AA, billing_get, "billing"},
    {"PUT", "/admin/workspaces/:id/llm-billing-mode", AA, billing_put, "billing"},

    {"POST", "/registry/register", SELF, registry_register, "registry"},
    {"POST", "/registry/heartbeat", SELF, registry_heartbeat, "registry"},
    {"POST", "/registry/update-card", SELF, registry_update_card, "registry"},
    {"POST", "/registry/check-access", OPEN, registry_check_access, "discovery"},
    {"GET", "/registry/discover/:id", SELF, registry_discover, "discovery"},
    {"GET", "/registry/:id/peers", SELF, registry_peers, "discovery"},

    {"POST", "/workspaces/:id/a2a", OPEN, a2a_send, "a2a"},
    {"GET", "/workspaces/:id/a2a/queue/:qid", OPEN, a2a_queue_get, "a2a"},
    {"POST", "/workspaces/:id/mcp", WA, bridge_post, "bridge"},
    {"GET", "/workspaces/:id/mcp/stream", WA, bridge_stream, "bridge"},
    {"POST", "/admin/a2a-queue/drop-stale", AA, NULL, "a2a"},
    {"POST", "/workspaces/:id/delegate", WA, delegation_create, "delegation"},
    {"GET", "/workspaces/:id/delegations", WA, delegation_list, "delegation"},
    {"POST", "/workspaces/:id/delegations/record", WA, delegation_record, "delegation"},
    {"POST", "/workspaces/:id/delegations/:did/update", WA, delegation_update,
     "delegation"},
    {"GET", "/admin/delegations", AA, NULL, "delegation"},
    {"GET", "/admin/delegations/stats", AA, NULL, "delegation"},
    {"POST", "/workspaces/:id/chat/uploads", WA, chat_upload, "chat-files"},
    {"GET", "/workspaces/:id/chat/download", WA, chat_download, "chat-files"},
    {"GET", "/workspaces/:id/pending-uploads/:fid/content", WA, pending_upload_content,
     "chat-files"},
    {"POST", "/workspaces/:id/pending-uploads/:fid/ack", WA, pending_upload_ack,
     "chat-files"},
    {"GET", "/workspaces/:id/external/connection", WA, external_connection, "external"},
    {"POST", "/workspaces/:id/external/rotate", WA, external_rotate, "external"},

    {"GET", "/plugins", OPEN, plugin_registry, "plugins"},
    {"GET", "/plugins/sources", OPEN, plugin_sources, "plugins"},
    {"GET", "/workspaces/:id/plugins", WA, plugin_list, "plugins"},
    {"POST", "/workspaces/:id/plugins", WA, plugin_post, "plugins"},
    {"GET", "/workspaces/:id/plugins/available", WA, plugin_available, "plugins"},
    {"GET", "/workspaces/:id/plugins/compatibility", WA, plugin_compatibility, "plugins"},
    {"DELETE", "/workspaces/:id/plugins/:name", WA, plugin_delete, "plugins"},
    {"GET", "/workspaces/:id/plugins/:name/download", OWN, plugin_download, "plugins"},
    {"GET", "/admin/plugin-updates-pending", AA, plugin_updates_pending, "plugins"},
    {"POST", "/admin/plugin-updates/:id/apply", AA, plugin_update_apply, "plugins"},

    {"GET", "/workspaces/:id/files", WA, file_list, "files"},
    {"PUT", "/workspaces/:id/files", WA, file_replace, "files"},
    {"GET", "/workspaces/:id/files/*path", WA, file_read, "files"},
    {"PUT", "/workspaces/:id/files/*path", WA, file_write, "files"},
    {"DELETE", "/workspaces/:id/files/*path", WA, file_delete, "files"},
    {"POST", "/workspaces/:id/artifacts", WA, NULL, "files"},
    {"GET", "/templates", AA, template_list, "templates"},
    {"POST", "/templates/import", AA, template_import, "templates"},
    {"POST", "/admin/templates/refresh", AA, template_cache_refresh, "templates"},
    {"GET", "/bundles/export/:id", AA, bundle_export, "bundles"},
    {"POST", "/bundles/import", AA, bundle_import, "bundles"},
    {"GET", "/org/templates", AA, org_template_list, "org-import"},
    {"POST", "/org/import", AA, org_import, "org-import"},

    {"GET", "/events", AA, event_list, "events"},
    {"GET", "/events/:id", AA, event_list, "events"},
    {"GET", "/workspaces/:id/events/stream", WA, event_stream, "events"},
    {"GET", "/ws", OPEN, event_socket, "events"},
    {"GET", "/workspaces/:id/audit", WA, audit_list, "audit"},
    {"GET", "/workspaces/:id/traces", WA, trace_list, "search"},
    {"GET", "/workspaces/:id/rescue", WA, rescue_get, "terminal"},
    {"GET", "/workspaces/:id/terminal", WA, NULL, "terminal"},
    {"GET", "/workspaces/:id/terminal/diagnose", WA, terminal_diagnose, "terminal"},
    {"GET", "/workspaces/:id/activity", WA, activity_list, "activity"},
    {"POST", "/workspaces/:id/activity", WA, activity_create, "activity"},
    {"GET", "/workspaces/:id/transcript", WA, NULL, "search"},
    {"GET", "/workspaces/:id/chat-history", WA, NULL, "search"},
    {"POST", "/workspaces/:id/chat-session/new", WA, NULL, "search"},
    {"GET", "/workspaces/:id/session-search", WA, session_search, "search"},
    {"POST", "/workspaces/:id/notify", WA, notify_post, "activity"},
    {"POST", "/workspaces/:id/broadcast", WA, broadcast_post, "activity"},

    {"GET", "/workspaces/:id/memory", WA, memory_list, "memory"},
    {"POST", "/workspaces/:id/memory", WA, memory_put, "memory"},
    {"GET", "/workspaces/:id/memory/:key", WA, memory_get, "memory"},
    {"DELETE", "/workspaces/:id/memory/:key", WA, memory_delete, "memory"},
    {"GET", "/workspaces/:id/memories", WA, memory_without_plugin, "memory"},
    {"POST", "/workspaces/:id/memories", WA, memory_without_plugin, "memory"},
    {"GET", "/workspaces/:id/v2/memories", WA, NULL, "memory"},
    {"GET", "/workspaces/:id/v2/namespaces", WA, NULL, "memory"},
    {"GET", "/admin/memories/export", AA, NULL, "memory"},
    {"POST", "/admin/memories/import", AA, NULL, "memory"},

    {"POST", "/workspaces/:id/checkpoints", WA, checkpoint_put, "checkpoints"},
    {"GET", "/workspaces/:id/checkpoints/latest", WA, checkpoint_latest, "checkpoints"},
    {"GET", "/workspaces/:id/checkpoints/:wfid", WA, checkpoint_list, "checkpoints"},
    {"DELETE", "/workspaces/:id/checkpoints/:wfid", WA, checkpoint_delete, "checkpoints"},

    {"GET", "/requests/pending", AA, request_pending, "requests"},
    {"GET", "/requests/:rid", AA, request_get, "requests"},
    {"POST", "/requests/:rid/respond", AA, request_respond, "requests"},
    {"POST", "/requests/:rid/messages", AA, request_message, "requests"},
    {"POST", "/requests/:rid/cancel", AA, request_cancel, "requests"},
    {"GET", "/workspaces/:id/requests", WA, request_list, "requests"},
    {"POST", "/workspaces/:id/requests", WA, request_create, "requests"},
    {"GET", "/workspaces/:id/requests/inbox", WA, request_inbox, "requests"},
    {"GET", "/workspaces/:id/requests/:rid", WA, request_get, "requests"},
    {"POST", "/workspaces/:id/requests/:rid/respond", WA, request_respond, "requests"},
    {"POST", "/workspaces/:id/requests/:rid/messages", WA, request_message, "requests"},
    {"POST", "/workspaces/:id/requests/:rid/cancel", WA, request_cancel, "requests"},

    {"GET", "/user-tasks/pending", AA, user_task_pending, "user-tasks"},
    {"GET", "/workspaces/:id/user-tasks", WA, user_task_list, "user-tasks"},
    {"POST", "/workspaces/:id/user-tasks", WA, user_task_create, "user-tasks"},
    {"PATCH", "/workspaces/:id/user-tasks/:tid", WA, user_task_patch, "user-tasks"},
    {"DELETE", "/workspaces/:id/user-tasks/:tid", WA, user_task_delete, "user-tasks"},
    {"POST", "/workspaces/:id/user-tasks/:tid/resolve", WA, user_task_resolve,
     "user-tasks"},

    {"POST", "/workspaces/:id/agent", WA, NULL, "admin"},
    {"PATCH", "/workspaces/:id/agent", WA, NULL, "admin"},
    {"DELETE", "/workspaces/:id/agent", WA, NULL, "admin"},
    {"GET", "/admin/llm/offered-models", AA, NULL, "admin"},
    {"POST", "/admin/org/platform-agent", AA, platform_agent_install, "admin"},
};
const struct route_table tenant_routes = {"tenant", rows, ARRAY_SIZE(rows)};

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
    if (rest_pass_to_cp(call))
        return;
    call->route = route_find(rows, ARRAY_SIZE(rows), call);
    if (!call->route) {
        call_text(call, 404, "404 page not found");
        return;
    }
    if (from_replaced_box(call) || call_fault_answer(call) || !rest_need_auth(call))
        return;
    route_run(call);
}
