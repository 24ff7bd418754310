/*
 * The handlers of the tenant's routes, one per row of the table in routes.c, by group.
 * Every one answers its call exactly once, now or later (mocks/server/router.h), after
 * org guard and authentication have passed.
 * Wire shapes: mocks/contracts/routes.json.
 */
#ifndef TENANT_HANDLERS_H
#define TENANT_HANDLERS_H

#include "mocks/server/router.h"

/* open ones: health.c */
route_fn health_get, buildinfo_get, metrics_get, identity_get;

/* create: workspace_create.c */
route_fn workspace_create;
/* read, patch, delete: workspaces.c, workspace_delete.c */
route_fn workspace_list, workspace_get, workspace_patch, workspace_patch_template,
    workspace_patch_abilities, workspace_provider_gone, workspace_delete;
/* power: power.c */
route_fn power_restart, power_pause, power_resume, power_hibernate, power_state,
    power_admin_restart, power_bootstrap_failed;

/* tokens: tokens.c */
route_fn token_list, token_create, token_delete, token_admin_create, token_admin_revoke,
    org_token_list, org_token_create, org_token_delete;
/* approvals: approvals.c */
route_fn approval_create, approval_list, approval_pending, approval_decide,
    approval_withdraw;
/* allowlist: allowlist.c */
route_fn allowlist_get, allowlist_put;
/* model, secrets: secrets.c, settings.c */
route_fn model_get, model_put, config_get, config_patch;
route_fn billing_get, billing_put, budget_get, budget_patch;
route_fn secret_list, secret_put, secret_remove, secret_values, global_secret_list,
    global_secret_put, global_secret_remove;

/* registry.c, heartbeat.c, discovery.c */
route_fn registry_register, registry_heartbeat, registry_update_card, registry_discover,
    registry_peers, registry_check_access;

/* a2a.c, bridge.c */
route_fn a2a_send, a2a_queue_get, bridge_post, bridge_stream;

/* delegation: delegation.c */
route_fn delegation_create, delegation_list, delegation_record, delegation_update;
/* external agents: external.c */
route_fn external_connection, external_rotate;
/* chat files: chat_files.c */
route_fn chat_upload, chat_download, pending_upload_content, pending_upload_ack;

/* plugins: plugin_routes.c */
route_fn plugin_list, plugin_post, plugin_delete, plugin_available, plugin_registry,
    plugin_sources, plugin_compatibility, plugin_download;
/* drift: plugin_updates.c */
route_fn plugin_updates_pending, plugin_update_apply;

/* files, templates: files.c, templates.c */
route_fn file_list, file_read, file_write, file_replace, file_delete;
route_fn template_list, template_import, template_cache_refresh;
/* bundles.c, org_import.c */
route_fn bundle_export, bundle_import, org_template_list, org_import;

/* activity, events: activity.c; audit, diagnostics: audit.c */
route_fn activity_list, activity_create, session_search, event_list;
route_fn audit_list, trace_list, rescue_get, terminal_diagnose;
/* notify, broadcast: notify.c */
route_fn notify_post, broadcast_post;
/* memory: memory.c; checkpoints: checkpoints.c */
route_fn memory_list, memory_get, memory_put, memory_delete, memory_without_plugin;
route_fn checkpoint_put, checkpoint_latest, checkpoint_list, checkpoint_delete;
/* requests: requests.c */
route_fn request_create, request_list, request_inbox, request_pending, request_get,
    request_respond, request_message, request_cancel;
/* user-tasks: user_tasks.c */
route_fn user_task_create, user_task_list, user_task_pending, user_task_resolve,
    user_task_patch, user_task_delete;

/* channels.c */
route_fn webhook_post, channel_create;

/* events as they happen: live.c */
route_fn event_stream, event_socket;

/* org_admin.c */
route_fn platform_agent_install;

#endif
