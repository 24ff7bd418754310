/* The delegation server of a box: its core tools, with the workspace's own token.
 * Source: molecule-ai workspace runtime, a2a MCP server (core tools). */
#include "mocks/management_mcp/tools.h"

#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/ids.h"
#include "io/json.h"

#pragma GCC diagnostic ignored "-Wmissing-field-initializers"

/* One call below this box's own workspace: path "/delegate" and so on, NULL as for
 * tool_send. */
static void own_call(struct tool_call *call, const char *method, const char *path,
                     const json_t *body, tool_then_fn *then)
{
    const char *id = env_get("WORKSPACE_ID");
    CLEANUP(free_ptr) char *escaped = http_escape(id ? id : "");
    CLEANUP(free_ptr)
    char *full = path ? xasprintf("/workspaces/%s%s", escaped, path) : NULL;
    tool_ask(call, method, full, body, then);
}

/* Whether the platform did what was asked; if not, the call is answered. */
static bool succeeded(struct tool_call *call, const struct rest_answer *answer)
{
    if (answer->ok)
        return true;
    CLEANUP(free_ptr)
    char *text = xasprintf("Error: %s: %s", json_str(answer->value, "error", "failed"),
                           json_str(answer->value, "detail", ""));
    tool_text(call, TOOL_PLATFORM_ERROR, text);
    return false;
}

static void compact(struct tool_call *call, const json_t *value)
{
    CLEANUP(free_ptr) char *text = json_text(value, JSON_STRUCT);
    tool_text(call, TOOL_OK, text);
}

static void answer_compact(struct tool_call *call, const struct rest_answer *answer)
{
    if (succeeded(call, answer))
        compact(call, answer->value);
}

static void peer_replied(struct tool_call *call, const struct rest_answer *answer)
{
    if (!succeeded(call, answer))
        return;
    CLEANUP(free_ptr) char *text = tool_reply_text(answer->value);
    if (text)
        tool_text(call, TOOL_OK, text);
    else
        compact(call, answer->value);
}

/* The task and its attachments. Caller owns. */
static json_t *message_parts(const struct tool_call *call)
{
    const json_t *files = json_object_get(call->args, "attachments");
    json_t *parts = json_make("[{s:s,s:O}]", "kind", "text", "text",
                              json_object_get(call->args, "task"));

    for (size_t i = 0; i < json_array_size(files); i++)
        if (json_array_append_new(parts, json_make("{s:s,s:O}", "kind", "file", "file",
                                                   json_array_get(files, i))))
            abort(); /* out of memory */
    return parts;
}

static void run_delegate_task(struct tool_call *call)
{
    char id[37];
    id_uuid4(id);
    CLEANUP(json_drop)
    json_t *body = json_make("{s:s,s:s,s:s,s:{s:{s:s,s:s,s:o}}}", "jsonrpc", "2.0", "id",
                             id, "method", "message/send", "params", "message", "role",
                             "user", "messageId", id, "parts", message_parts(call));
    CLEANUP(free_ptr) char *path = tool_path(call, "/workspaces/{workspace_id}/a2a");
    tool_ask(call, "POST", path, body, peer_replied);
}

static void delegated(struct tool_call *call, const struct rest_answer *answer)
{
    if (!succeeded(call, answer))
        return;
    CLEANUP(json_drop)
    json_t *task = json_make(
        "{s:s,s:s,s:O}", "task_id", json_str(answer->value, "delegation_id", ""),
        "status", "queued", "target_id", json_object_get(call->args, "workspace_id"));
    compact(call, task);
}

static void run_delegate_async(struct tool_call *call)
{
    CLEANUP(json_drop)
    json_t *body =
        json_make("{s:O,s:O}", "target_id", json_object_get(call->args, "workspace_id"),
                  "task", json_object_get(call->args, "task"));
    own_call(call, "POST", "/delegate", body, delegated);
}

static void tasks_known(struct tool_call *call, const struct rest_answer *answer)
{
    const char *asked = tool_arg(call, "task_id");
    if (!succeeded(call, answer))
        return;
    for (size_t i = 0; asked && i < json_array_size(answer->value); i++) {
        const json_t *row = json_array_get(answer->value, i);
        const char *id = json_str(row, "delegation_id", json_str(row, "id", ""));
        if (strcmp(id, asked) == 0) {
            compact(call, row);
            return;
        }
    }
    tool_text(call, TOOL_PLATFORM_ERROR, "Error: no such task");
}

static void run_check_task(struct tool_call *call)
{
    own_call(call, "GET", "/delegations", NULL, tasks_known);
}

/* A 401 looks like an empty organisation here, as on the real box: that peers are visible
 * has to be shown elsewhere. */
static void peers_known(struct tool_call *call, const struct rest_answer *answer)
{
    if (!answer->ok || json_array_size(answer->value) == 0) {
        tool_text(call, TOOL_OK, "No peers available (this workspace may be isolated)");
        return;
    }
    CLEANUP(json_drop) json_t *peers = json_array();
    for (size_t i = 0; i < json_array_size(answer->value); i++) {
        const json_t *row = json_array_get(answer->value, i);
        json_t *peer = json_make(
            "{s:O,s:O,s:O,s:O,s:O}", "id", json_object_get(row, "id"), "name",
            json_object_get(row, "name"), "role", json_object_get(row, "role"), "status",
            json_object_get(row, "status"), "tier", json_object_get(row, "tier"));
        if (json_array_append_new(peers, peer))
            abort(); /* out of memory */
    }
    tool_value(call, TOOL_OK, peers);
}

static void run_list_peers(struct tool_call *call)
{
    const char *id = env_get("WORKSPACE_ID");
    CLEANUP(free_ptr) char *escaped = http_escape(id ? id : "");
    CLEANUP(free_ptr) char *path = xasprintf("/registry/%s/peers", escaped);
    tool_ask(call, "GET", path, NULL, peers_known);
}

static void workspace_known(struct tool_call *call, const struct rest_answer *answer)
{
    if (succeeded(call, answer))
        tool_value(call, TOOL_OK, answer->value);
}

static void run_workspace_info(struct tool_call *call)
{
    own_call(call, "GET", "", NULL, workspace_known);
}

/* The row's path is below the own workspace, its body the arguments. */
static void run_own(struct tool_call *call)
{
    CLEANUP(free_ptr) char *path = tool_path(call, call->tool->path);
    bool get = strcmp(call->tool->method, "GET") == 0;
    own_call(call, call->tool->method, path, get ? NULL : call->args, answer_compact);
}

/* The route of what is not waited for takes no attachments. */
/* clang-format off */
const struct tool a2a_tools[] = {
    {"delegate_task", "Give a peer a task and wait for its answer.",
     "workspace_id*; task*; attachments:array", REST_BOX, .run = run_delegate_task},
    {"delegate_task_async", "Give a peer a task and do not wait.",
     "workspace_id*; task*", REST_BOX, .run = run_delegate_async},
    {"check_task_status", "What became of a task that was given without waiting.",
     "workspace_id*; task_id*", REST_BOX, .run = run_check_task},
    {"list_peers", "The workspaces that this one may talk to.", "", REST_BOX, .run = run_list_peers},
    {"get_workspace_info", "This workspace as the platform sees it.", "", REST_BOX, .run = run_workspace_info},
    {"send_message_to_user", "Send the user a message.",
     "message*; attachments:array", REST_BOX, "POST", "/notify", .run = run_own},
    {"commit_memory", "Remember something.",
     "content*; scope:enum(LOCAL|TEAM)", REST_BOX, "POST", "/memories", .run = run_own},
    {"recall_memory", "Look for something remembered.",
     "query; scope:enum(LOCAL|TEAM)", REST_BOX, "GET", "/memories[?q={query}][?scope={scope}]", .run = run_own},
    {NULL},
};
/* clang-format on */
