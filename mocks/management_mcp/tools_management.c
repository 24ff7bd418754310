#include "mocks/management_mcp/tools.h"

/* A row names only what it has. */
#pragma GCC diagnostic ignored "-Wmissing-field-initializers"

#define W "workspace_id*"
#define WS "/workspaces/{workspace_id}"
#define REQUESTS WS "/requests"
#define ALLOWLIST "/orgs/{org_id}/plugins/allowlist"
#define PROVISION                                                                        \
    "name*'Workspace name'; role; template; runtime; tier:int(1,4); parent_id; model"
#define ISSUE                                                                            \
    "title*; description*; repo; severity:enum(critical|high|medium|low); "              \
    "external:bool; "                                                                    \
    "org_id; org_slug; workspace_id; agent_role; component; "                            \
    "environment:enum(prod|staging|dev); related_ids:strings; reproduction; "            \
    "logs_excerpt; labels:strings"

/* clang-format off */
const struct tool management_tools[] = {
    {"list_workspaces", "Management: every workspace of the organisation, with its state and its place in the tree.",
     "", REST_MGMT, "GET", "/workspaces", BODY_NONE},
    {"get_workspace", "Management: one workspace by its id.",
     W, REST_MGMT, "GET", WS, BODY_NONE},
    {"provision_workspace", "Management: make a new workspace in the organisation.",
     PROVISION, REST_MGMT, "POST", "/workspaces", BODY_ARGS},
    {"deprovision_workspace", "Management: delete a workspace and what hangs on it.",
     W "; confirm_name", REST_MGMT, "DELETE", WS, BODY_NONE, .header = "X-Confirm-Name: {confirm_name}"},
    {"restart_workspace", "Management: restart a workspace.",
     W, REST_MGMT, "POST", WS "/restart", BODY_EMPTY},
    {"pause_workspace", "Management: pause a workspace and its descendants.",
     W, REST_MGMT, "POST", WS "/pause?cascade=true", BODY_EMPTY},
    {"resume_workspace", "Management: resume a workspace and its descendants.",
     W, REST_MGMT, "POST", WS "/resume?cascade=true", BODY_EMPTY},
    {"set_workspace_secret", "Management: set a secret of a workspace, which then restarts.",
     W "; key*; value*", REST_MGMT, "POST", WS "/secrets", BODY_ARGS},
    {"list_workspace_secrets", "Management: the names of a workspace's secrets, never their values.",
     W, REST_MGMT, "GET", WS "/secrets", BODY_NONE},
    {"delete_workspace_secret", "Management: delete a secret of a workspace.",
     W "; key*", REST_MGMT, "DELETE", WS "/secrets/{key}", BODY_NONE},
    {"set_org_secret", "Management: set a secret for the whole organisation.",
     "key*; value*", REST_MGMT, "POST", "/settings/secrets", BODY_ARGS},
    {"list_org_secrets", "Management: the names of the organisation's secrets.",
     "", REST_MGMT, "GET", "/settings/secrets", BODY_NONE},
    {"delete_org_secret", "Management: delete a secret of the organisation.",
     "key*", REST_MGMT, "DELETE", "/settings/secrets/{key}", BODY_NONE},
    {"set_workspace_budget", "Management: how much a workspace may spend per period, in US cents.",
     W "; budget_limits:periods; budget_limit:intnull(0,)", REST_MGMT, "PATCH", WS "/budget", BODY_ARGS,
     .any_of = "budget_limits|budget_limit"},
    {"set_llm_billing_mode", "Management: who pays for a workspace's model; null takes the override away.",
     W "; mode*:enumnull(platform_managed|byok|disabled)", REST_MGMT, "PUT",
     "/admin/workspaces/{workspace_id}/llm-billing-mode", BODY_ARGS},
    {"list_org_templates", "Management: the templates of whole organisations.",
     "", REST_MGMT, "GET", "/org/templates", BODY_NONE},
    {"create_org_from_template", "Management: make a tree of workspaces from an organisation template.",
     "dir; template:object; mode:enum(merge|reconcile)", REST_MGMT, "POST", "/org/import", BODY_ARGS,
     .any_of = "dir|template"},
    {"list_templates", "Management: the templates of workspaces.",
     "", REST_MGMT, "GET", "/templates", BODY_NONE},
    {"import_template", "Management: keep files as a new template.",
     "name*; files*:map", REST_MGMT, "POST", "/templates/import", BODY_ARGS},
    {"mint_org_token", "Management: make an Org API Key, a full administrator of the organisation; shown once.",
     "name:str(,100)", REST_MGMT, "POST", "/org/tokens", BODY_ARGS},
    {"list_org_tokens", "Management: the Org API Keys, by prefix.",
     "", REST_MGMT, "GET", "/org/tokens", BODY_NONE},
    {"revoke_org_token", "Management: revoke an Org API Key.",
     "id*", REST_MGMT, "DELETE", "/org/tokens/{id}", BODY_NONE},
    {"mint_workspace_token", "Management: make a bearer token for one workspace.",
     W, REST_MGMT, "POST", "/admin/workspaces/{workspace_id}/tokens", BODY_EMPTY},
    {"get_org_plugin_allowlist", "Management: which plugins the organisation allows.",
     "org_id", REST_MGMT, "GET", ALLOWLIST, BODY_NONE, .run = run_allowlist},
    {"set_org_plugin_allowlist", "Management: replace the list of allowed plugins.",
     "org_id; plugins*:strings; enabled_by*:str(1,)", REST_MGMT, "PUT", ALLOWLIST, BODY_ARGS, .run = run_allowlist},
    {"export_bundle", "Management: a workspace as a bundle.",
     W, REST_MGMT, "GET", "/bundles/export/{workspace_id}", BODY_NONE},
    {"import_bundle", "Management: make a workspace from a bundle.",
     "bundle*:object", REST_MGMT, "POST", "/bundles/import", BODY_ONE, .shape = "bundle"},
    {"list_org_events", "Management: what happened in the organisation, or to one workspace.",
     "workspace_id", REST_MGMT, "GET", "/events[/{workspace_id}]", BODY_NONE},
    {"list_pending_approvals", "Management: approvals that wait for somebody.",
     "", REST_MGMT, "GET", "/approvals/pending", BODY_NONE},
    {"create_approval", "Management: ask the user to approve an action, before a gated one is tried.",
     W "; action*; reason", REST_MGMT, "POST", REQUESTS, BODY_SHAPE,
     .shape = "{\"kind\":\"approval\",\"recipient_type\":\"user\",\"recipient_id\":\"\","
              "\"title\":\"{action}\",\"detail\":\"{reason}\"}"},
    {"list_orgs", "Management (CP-TIER): every organisation of the control plane.",
     "", REST_CP, "GET", "/api/v1/admin/orgs", BODY_NONE},
    {"get_org", "Management (CP-TIER): one organisation by its slug.",
     "slug*", REST_CP, "GET", "/api/v1/orgs/{slug}", BODY_NONE},
    {"recreate_workspace", "Management (CP-TIER): put workspaces on the current image of their runtime.",
     "workspace_id; runtime; slug; all_runtimes:bool; actor; reason; recreate:bool; dry_run:bool", REST_CP, NULL,
     NULL, BODY_NONE, .run = run_recreate},
    {NULL},
};

const struct tool management_verb[] = {
    {"create_workspace", "Management: make a new workspace in the organisation.",
     PROVISION, REST_MGMT, "POST", "/workspaces", BODY_ARGS},
    {NULL},
};

const struct tool shared_tools[] = {
    {"create_issue", "Management: file a bug report as an issue at the forge.",
     ISSUE, REST_GITEA, NULL, NULL, BODY_NONE, .run = run_create_issue},
    {"create_request", "Management: give somebody a task, or ask for an approval.",
     W "; kind*:enum(task|approval); recipient_type*:enum(user|agent); recipient_id*; title*; detail; priority:int",
     REST_API, "POST", REQUESTS, BODY_ARGS},
    {"list_inbox", "Management: requests addressed to this agent.",
     W "; status", REST_API, "GET", REQUESTS "/inbox[?status={status}]", BODY_NONE},
    {"check_requests", "Management: requests that this agent raised.",
     W "; status", REST_API, "GET", REQUESTS "[?status={status}]", BODY_NONE},
    {"get_request", "Management: one request with its messages.",
     W "; request_id*", REST_API, "GET", REQUESTS "/{request_id}", BODY_NONE},
    {"respond_request", "Management: settle a request.",
     W "; request_id*; action*:enum(done|rejected|approved); message", REST_API, "POST",
     REQUESTS "/{request_id}/respond", BODY_SHAPE,
     .shape = "{\"action\":\"{action}\",\"responder_type\":\"agent\",\"responder_id\":\"{workspace_id}\"}",
     .run = run_respond_request},
    {"add_request_message", "Management: add a message to a request.",
     W "; request_id*; body*", REST_API, "POST", REQUESTS "/{request_id}/messages", BODY_SHAPE,
     .shape = "{\"body\":\"{body}\",\"author_type\":\"agent\",\"author_id\":\"{workspace_id}\"}"},
    {"cancel_request", "Management: withdraw a request.",
     W "; request_id*", REST_API, "POST", REQUESTS "/{request_id}/cancel", BODY_NONE},
    {NULL},
};
/* clang-format on */
