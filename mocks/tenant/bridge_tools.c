#include <string.h>

#include "io/json.h"
#include "mocks/tenant/a2a.h"
#include "mocks/tenant/bridge.h"
#include "mocks/tenant/delegation.h"
#include "mocks/tenant/discovery.h"
#include "mocks/tenant/notify.h"
#include "mocks/tenant/rest.h"
#include "mocks/tenant/user_tasks.h"

static const char *arg(const struct bridge_call *b, const char *name)
{
    return json_str(b->args, name, NULL);
}

static void answer_pretty(struct bridge_call *b, json_t *value)
{
    char *text CLEANUP(free_ptr) = json_text(value, JSON_PRETTY);
    json_decref(value);
    bridge_text(b, text);
}

/* ---- peers ---- */

static void add_peer(const struct workspace *peer, void *list)
{
    json_t *row = json_object();
    json_object_set_new(row, "id", json_string(peer->id));
    json_object_set_new(row, "name", rest_string(peer->name));
    json_object_set_new(row, "role", rest_string(peer->role ? peer->role : ""));
    json_object_set_new(row, "status", json_string(peer->status));
    json_object_set_new(row, "tier", json_integer(peer->tier));
    json_array_append_new(list, row);
}

static void list_peers(struct bridge_call *b)
{
    const char *fault = fault_mode(b->call->org, "peers");
    if (fault)
        rest_fault(b->call, "peers");
    if (fault && strcmp(fault, "native") == 0) {
        bridge_text(b, "There are no platform peers; the native sessions_list shows one "
                       "native session: general-purpose.");
        return;
    }
    json_t *list = json_array();
    bool self = fault && strcmp(fault, "self") == 0;
    if (self)
        add_peer(b->ws, list);
    if (!fault || self)
        discovery_each_peer(b->ws, add_peer, list);
    if (json_array_size(list) == 0) {
        json_decref(list);
        bridge_text(b, "No peers found.");
        return;
    }
    answer_pretty(b, list);
}

static void get_workspace_info(struct bridge_call *b)
{
    const struct workspace *ws = b->ws;
    json_t *info = json_object();
    json_object_set_new(info, "id", json_string(ws->id));
    json_object_set_new(info, "name", rest_string(ws->name));
    json_object_set_new(info, "role", rest_string(ws->role ? ws->role : ""));
    json_object_set_new(info, "tier", json_integer(ws->tier));
    json_object_set_new(info, "status", json_string(ws->status));
    json_object_set_new(info, "runtime", json_string(ws->runtime));
    json_object_set_new(info, "parent_id",
                        ws->parent_id[0] ? json_string(ws->parent_id) : json_null());
    answer_pretty(b, info);
}

/* ---- what is asked of the user ---- */

static void request_user_action(struct bridge_call *b)
{
    const char *title = arg(b, "title");
    if (!title || !title[0]) {
        bridge_failed(b, "title is missing");
        return;
    }
    user_task_add(b->ws, title, arg(b, "detail"));
    char *text CLEANUP(free_ptr) = xasprintf("Asked the user: %s", title);
    bridge_text(b, text);
}

static void list_user_tasks(struct bridge_call *b)
{
    char *text CLEANUP(free_ptr) = json_text(user_task_rows(b->ws), JSON_STRUCT);
    bridge_text(b, text);
}

static void update_user_task(struct bridge_call *b)
{
    const char *id = arg(b, "user_task_id");
    if (!id || user_task_update(b->ws, id, arg(b, "title"), arg(b, "detail"),
                                arg(b, "status")) != USER_TASK_OK) {
        bridge_failed(b, "no such user task, or a wrong status");
        return;
    }
    bridge_text(b, "User task updated.");
}

static void delete_user_task(struct bridge_call *b)
{
    const char *id = arg(b, "user_task_id");
    if (!id || !user_task_remove(b->ws, id)) {
        bridge_failed(b, "no such user task");
        return;
    }
    bridge_text(b, "User task deleted.");
}

static void send_message_to_user(struct bridge_call *b)
{
    size_t bad = 0;
    const char *message = arg(b, "message");
    const json_t *attachments = json_object_get(b->args, "attachments");
    if (!message || !message[0] || !b->ws->talk_to_user_enabled ||
        !notify_attachments_ok(attachments, &bad)) {
        bridge_failed(b, "no message, or one that may not be sent");
        return;
    }
    notify_user(b->ws, message, attachments);
    bridge_text(b, "Message sent to user.");
}

/* ---- delegation ---- */

/* The agent to delegate to; NULL = answered. */
static struct workspace *need_target(struct bridge_call *b)
{
    const char *id = arg(b, "workspace_id");
    const char *task = arg(b, "task");
    struct workspace *target = id ? ws_by_id(b->call->org, id) : NULL;
    if (!task || !task[0] || !target || !ws_live(target) || target == b->ws ||
        !discovery_allowed(b->ws, target)) {
        bridge_failed(b, "no task, or an agent that cannot be reached from here");
        return NULL;
    }
    return target;
}

static void delegated(struct workspace *target, const struct a2a_result *result,
                      void *data)
{
    struct bridge_call *b = data;
    (void)target;
    if (result->outcome == A2A_QUEUED) {
        char *queued CLEANUP(free_ptr) =
            xasprintf("{\"status\":\"queued\",\"queue_id\":\"%s\"}", result->queue_id);
        bridge_text(b, queued);
        return;
    }
    if (result->outcome == A2A_POLLED) {
        bridge_text(b, "{\"status\":\"queued\",\"delivery_mode\":\"poll\"}");
        return;
    }
    char *text CLEANUP(free_ptr) =
        result->outcome == A2A_ANSWERED ? a2a_reply_text(result->resp) : NULL;
    if (text)
        bridge_text(b, text);
    else
        bridge_failed(b, "the agent gave no answer");
}

static void delegate_task(struct bridge_call *b)
{
    struct workspace *target = need_target(b);
    if (target)
        a2a_deliver(
            target, b->ws,
            a2a_text_message(arg(b, "task"), json_object_get(b->args, "attachments")),
            NULL, delegated, b);
}

/* How a delegation looks to the agent that made it; result: whether to tell it. */
static void answer_task(struct bridge_call *b, const json_t *row, bool result)
{
    json_t *view CLEANUP(json_drop) =
        json_make("{s:s,s:s,s:s}", "task_id", json_str(row, "id", ""), "status",
                  result ? json_str(row, "status", "") : "queued", "target_id",
                  json_str(row, "target_id", ""));
    static const char *const more[] = {"result", "error"};
    for (size_t i = 0; result && i < ARRAY_SIZE(more); i++)
        if (json_is_string(json_object_get(row, more[i])))
            json_object_set(view, more[i], json_object_get(row, more[i]));
    char *text CLEANUP(free_ptr) = json_text(view, JSON_STRUCT);
    bridge_text(b, text);
}

static void delegate_task_async(struct bridge_call *b)
{
    const struct workspace *target = need_target(b);
    if (target)
        answer_task(b,
                    delegation_start(b->ws, target->id, arg(b, "task"),
                                     json_object_get(b->args, "attachments")),
                    false);
}

static void check_task_status(struct bridge_call *b)
{
    const char *id = arg(b, "task_id");
    const char *target = arg(b, "workspace_id");
    const json_t *row = id ? delegation_find(b->ws, id) : NULL;
    if (!row || !target || strcmp(json_str(row, "target_id", ""), target) != 0)
        bridge_failed(b, "no such task");
    else
        answer_task(b, row, true);
}

static void needs_memory(struct bridge_call *b)
{
    bridge_failed(b, "memory plugin is not configured");
}

/* Fault bridge=creates: a row, of an agent that lives elsewhere. */
static void create_workspace(struct bridge_call *b)
{
    const char *name = arg(b, "name");
    if (!name || !name[0]) {
        bridge_failed(b, "name is missing");
        return;
    }
    rest_fault(b->call, "bridge");
    struct org *org = b->call->org;
    struct workspace *ws = ws_add(org, NULL, name, ws_default_parent(org));
    str_set(&ws->runtime, "external");
    ws->external = true;
    ws_set_status(ws, "awaiting_agent");
    char *text CLEANUP(free_ptr) = xasprintf("{\"id\":\"%s\"}", ws->id);
    bridge_text(b, text);
}

/* ---- the table ---- */

/* clang-format off */
const struct bridge_tool bridge_tools[] = {
    {"create_workspace", "Create a workspace.", "name* template",
     create_workspace, BRIDGE_IF_FAULTY},
    {"delegate_task", "Give a task to another agent and wait for its answer.",
     "workspace_id* task* attachments[]", delegate_task, BRIDGE_ALWAYS},
    {"delegate_task_async", "Give a task to another agent and go on.",
     "workspace_id* task* attachments[]", delegate_task_async, BRIDGE_ALWAYS},
    {"check_task_status", "Ask how a task that was given away is going.",
     "workspace_id* task_id*", check_task_status, BRIDGE_ALWAYS},
    {"list_peers", "List the agents that this one may talk to.", "", list_peers, BRIDGE_ALWAYS},
    {"get_workspace_info", "Tell about this workspace.", "", get_workspace_info, BRIDGE_ALWAYS},
    {"send_message_to_user", "Send the user a message.", "message* attachments[]",
     send_message_to_user, BRIDGE_IF_ALLOWED},
    {"request_user_action", "Ask the user to do something.", "title* detail",
     request_user_action, BRIDGE_ALWAYS},
    {"list_user_tasks", "List what was asked of the user.", "", list_user_tasks, BRIDGE_ALWAYS},
    {"update_user_task", "Change what was asked of the user.",
     "user_task_id* title detail status=pending|done|dismissed", update_user_task, BRIDGE_ALWAYS},
    {"delete_user_task", "Take back what was asked of the user.", "user_task_id*",
     delete_user_task, BRIDGE_ALWAYS},
    {"commit_memory", "Keep something in memory.", "content* scope=LOCAL|TEAM",
     needs_memory, BRIDGE_ALWAYS},
    {"recall_memory", "Look something up in memory.", "query scope=LOCAL|TEAM",
     needs_memory, BRIDGE_ALWAYS},
    {"commit_memory_v2", "Keep something in a memory namespace.", "content*",
     needs_memory, BRIDGE_ALWAYS},
    {"search_memory", "Search the memory namespaces.", "", needs_memory, BRIDGE_ALWAYS},
    {"commit_summary", "Keep a summary of the session.", "content*", needs_memory, BRIDGE_ALWAYS},
    {"list_writable_namespaces", "List the namespaces to write to.", "", needs_memory, BRIDGE_ALWAYS},
    {"list_readable_namespaces", "List the namespaces to read from.", "", needs_memory, BRIDGE_ALWAYS},
    {"forget_memory", "Remove something from memory.", "memory_id*", needs_memory, BRIDGE_ALWAYS},
};
/* clang-format on */
const size_t bridge_tools_n = ARRAY_SIZE(bridge_tools);

bool bridge_tool_offered(const struct org *org, const struct bridge_tool *tool)
{
    switch (tool->offer) {
    case BRIDGE_ALWAYS:
        return true;
    case BRIDGE_IF_ALLOWED:
        return switch_is(org, "bridge_send_message", "on");
    case BRIDGE_IF_FAULTY:
        return fault_is(org, "bridge", "creates");
    }
    return false;
}

const struct bridge_tool *bridge_tool_find(const struct org *org, const char *name)
{
    for (size_t i = 0; i < bridge_tools_n; i++)
        if (strcmp(bridge_tools[i].name, name) == 0 &&
            bridge_tool_offered(org, &bridge_tools[i]))
            return &bridge_tools[i];
    return NULL;
}

static json_t *attachments_schema(void)
{
    return json_make("{s:s,s:{s:s,s:{s:{s:s},s:{s:s},s:{s:s},s:{s:s}},s:[s,s]}}", "type",
                     "array", "items", "type", "object", "properties", "uri", "type",
                     "string", "name", "type", "string", "mimeType", "type", "string",
                     "size", "type", "integer", "required", "uri", "name");
}

/* Adds one argument of the table's short form to the schema. */
static void add_argument(const char *word, json_t *properties, json_t *required)
{
    size_t n = strcspn(word, "*=[");
    char *name CLEANUP(free_ptr) = xstrndup(word, n);
    json_t *schema =
        word[n] == '[' ? attachments_schema() : json_make("{s:s}", "type", "string");
    if (word[n] == '=') {
        struct strv values CLEANUP(strv_release) = STRV_INIT;
        json_t *list = json_array();
        strv_split(&values, word + n + 1, '|');
        for (size_t i = 0; i < values.n; i++)
            json_array_append_new(list, json_string(values.v[i]));
        json_object_set_new(schema, "enum", list);
    }
    json_object_set_new(properties, name, schema);
    if (word[n] == '*')
        json_array_append_new(required, json_string(name));
}

/* The platform keeps schemas as maps, which it renders with sorted keys. schema: taken.
 */
static json_t *sorted(json_t *schema)
{
    json_t *result = NULL;
    char *text CLEANUP(free_ptr) = json_text(schema, JSON_WIRE);
    json_decref(schema);
    return json_parse(text, strlen(text), &result, NULL) == 0 ? result : json_object();
}

json_t *bridge_tool_view(const struct bridge_tool *tool)
{
    struct strv words CLEANUP(strv_release) = STRV_INIT;
    json_t *properties = json_object();
    json_t *required = json_array();
    strv_split(&words, tool->args, ' ');
    for (size_t i = 0; i < words.n; i++)
        add_argument(words.v[i], properties, required);
    json_t *schema = json_object();
    json_object_set_new(schema, "type", json_string("object"));
    json_object_set_new(schema, "properties", properties);
    if (json_array_size(required) > 0)
        json_object_set(schema, "required", required);
    json_decref(required);
    json_t *view = json_object();
    json_object_set_new(view, "name", json_string(tool->name));
    json_object_set_new(view, "description", json_string(tool->description));
    json_object_set_new(view, "inputSchema", sorted(schema));
    return view;
}
