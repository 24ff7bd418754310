/*
 * POST /registry/heartbeat: the columns, the platform agent's gates, and the transitions
 * that a beat can cause.
 */
#include <string.h>

#include "base/clock.h"
#include "base/ids.h"
#include "io/json.h"
#include "mocks/tenant/a2a.h"
#include "mocks/tenant/a2a_queue.h"
#include "mocks/tenant/handlers.h"
#include "mocks/tenant/registry.h"
#include "mocks/tenant/rest.h"

struct beat {
    const json_t *body;
    struct workspace *ws;
    double error_rate;
    const char *sample_error, *runtime_state;
    bool unloaded; /* the management MCP is missing; holds recovery back */
};

static bool has_status(const struct beat *b, const char *status)
{
    return strcmp(b->ws->status, status) == 0;
}

static void go_online(struct call *call, struct beat *b, json_t *payload)
{
    call_decide(call, "%s -> online", b->ws->status);
    ws_set_status(b->ws, "online");
    if (payload)
        event_add(b->ws->org, b->ws, "WORKSPACE_ONLINE", payload);
    reconcile_start(b->ws);
}

/* payload: taken; sample_error is added. */
static void emit_degraded(struct beat *b, json_t *payload, const char *sample_error)
{
    json_object_set_new(payload, "sample_error", rest_string(sample_error));
    event_add(b->ws->org, b->ws, "WORKSPACE_DEGRADED", payload);
}

/* What is missing may be what reconcile brings, so that is not held back. */
static bool is_held(struct call *call, const struct beat *b)
{
    if (!registry_holds(b->ws, b->ws->loaded_mcp_tools))
        return false;
    call_decide(call, "held until its tool is loaded");
    reconcile_start(b->ws);
    return true;
}

static void store_columns(struct call *call, struct beat *b)
{
    struct workspace *ws = b->ws;
    ws->last_error_rate = b->error_rate;
    str_set(&ws->last_sample_error, b->sample_error);
    str_set(&ws->current_task, json_str(b->body, "current_task", ""));
    ws->active_tasks = json_int(b->body, "active_tasks", 0);
    ws->uptime_seconds = json_int(b->body, "uptime_seconds", 0);
    const json_t *spend = json_object_get(b->body, "monthly_spend");
    if (json_is_number(spend))
        ws->monthly_spend = json_number_value(spend);
    ws->last_heartbeat_at = clock_wall_ms();
    ws->last_heartbeat_mono = clock_mono_ms();
    const json_t *tools = json_object_get(b->body, "loaded_mcp_tools");
    json_decref(ws->loaded_mcp_tools);
    ws->loaded_mcp_tools = json_is_array(tools) ? json_deep_copy(tools) : NULL;
    json_t *card = json_object_get(b->body, "agent_card");
    if (card && !json_is_null(card)) {
        ws->last_register_failure_mono = 0;
        if (!ws->agent_card)
            ws->agent_card = json_deep_copy(card);
    }
    /* The one way online without an event. */
    if (has_status(b, "provisioning") && !is_held(call, b))
        go_online(call, b, NULL);
}

static void check_tools(struct call *call, struct beat *b)
{
    struct workspace *ws = b->ws;
    const char *plugin = "molecule-ai-plugin-molecule-platform-mcp";
    const json_t *tools = ws->loaded_mcp_tools;
    bool declared = plugin_row_find(&ws->declared, plugin) != NULL;
    bool missing = !tools || (declared && !registry_lists_required(ws->org, tools));
    if (!missing) {
        ws->mcp_unloaded_since_mono = 0;
        return;
    }
    int64_t now = clock_mono_ms();
    b->unloaded = true;
    if (ws->mcp_unloaded_since_mono == 0)
        ws->mcp_unloaded_since_mono = now;
    int64_t grace = pace_ms(ws->org->plat, (double)switch_int(ws->org, "grace_s"));
    if (now - ws->mcp_unloaded_since_mono < grace) {
        call_decide(call, "management MCP not loaded, within grace");
        return;
    }
    const char *text =
        tools ? "platform agent management MCP declared but not loaded; marking degraded "
                "(core#3082)"
              : "platform agent runtime did not report loaded_mcp_tools on a "
                "mcp_server_present=true heartbeat; cannot verify create_workspace tool "
                "is loaded \xe2\x80\x94 marking degraded (core#3082)";
    if (has_status(b, "online")) {
        ws_set_status(ws, "degraded");
        str_set(&ws->last_sample_error, text);
    }
    call_decide(call, "management MCP not loaded: degraded");
    emit_degraded(b,
                  json_make("{s:b,s:b}", "loaded_mcp_tools_absent", tools == NULL,
                            "management_mcp_missing", 1),
                  text);
}

/* False: the identity gate failed the row, and nothing more is looked at. */
static bool pass_platform_gate(struct call *call, struct beat *b)
{
    static const char *const messages[] = {
        [IDENTITY_OK] = "",
        [IDENTITY_NO_MODEL] =
            "platform agent heartbeat denied: no seeded MODEL workspace_secret; refusing "
            "to mark online (RCA #2970 FAIL-CLOSED)",
        [IDENTITY_NO_MCP] =
            "platform agent heartbeat denied: /opt/molecule-mcp-server missing; refusing "
            "to mark online (RCA #2970 FAIL-CLOSED)",
    };
    if (strcmp(b->ws->kind, "platform") != 0)
        return true;
    enum tristate present = registry_mcp_present(b->body);
    enum identity_fault fault = registry_identity(b->ws, present);
    if (fault != IDENTITY_OK) {
        registry_identity_fail(b->ws, fault, messages[fault]);
        call_decide(call, "identity gate: %s", messages[fault]);
        return false;
    }
    if (present == TRI_TRUE)
        check_tools(call, b);
    return true;
}

static bool register_failed_lately(const struct workspace *ws)
{
    return ws->last_register_failure_mono != 0 &&
           clock_mono_ms() - ws->last_register_failure_mono < pace_ms(ws->org->plat, 300);
}

static void degrade(struct call *call, struct beat *b, json_t *payload, const char *text)
{
    call_decide(call, "online -> degraded");
    ws_set_status(b->ws, "degraded");
    emit_degraded(b, payload, text);
}

static void evaluate_health(struct call *call, struct beat *b)
{
    struct workspace *ws = b->ws;
    bool failed = register_failed_lately(ws);
    bool wedged = strcmp(b->runtime_state, "wedged") == 0;
    if (has_status(b, "online") && wedged) {
        degrade(call, b, json_make("{s:s}", "runtime_state", "wedged"), b->sample_error);
    } else if (has_status(b, "online") && b->error_rate >= 0.5) {
        degrade(call, b, json_make("{s:o}", "error_rate", rest_number(b->error_rate)),
                b->sample_error);
    } else if (has_status(b, "online") && failed) {
        const char *text = "Register failed \xe2\x80\x94 workspace auth token may be "
                           "stale. Restart or reprovision to recover.";
        str_set(&ws->last_sample_error, text);
        degrade(call, b, json_make("{s:b}", "register_failure", 1), text);
    } else if (has_status(b, "degraded") && b->error_rate < 0.1 && !b->runtime_state[0] &&
               !failed && !b->unloaded) {
        go_online(call, b, json_object());
    }
}

static void evaluate_absence(struct call *call, struct beat *b)
{
    if (registry_holds(b->ws, b->ws->loaded_mcp_tools))
        return;
    if (has_status(b, "offline"))
        go_online(call, b, json_object());
    else if (has_status(b, "awaiting_agent") || has_status(b, "failed"))
        go_online(call, b, json_make("{s:s}", "recovered_from", b->ws->status));
}

static void take_beat(struct call *call, struct beat *b)
{
    store_columns(call, b);
    if (!pass_platform_gate(call, b))
        return;
    evaluate_health(call, b);
    evaluate_absence(call, b);
    restart_context_send(b->ws);
    a2a_queue_drain(b->ws);
}

void registry_heartbeat(struct call *call)
{
    static const struct rest_field fields[] = {
        {"workspace_id", 's'},       {"error_rate", 'n'},      {"sample_error", 's'},
        {"active_tasks", 'i'},       {"uptime_seconds", 'i'},  {"current_task", 's'},
        {"monthly_spend", 'n'},      {"runtime_state", 's'},   {"runtime_metadata", 'o'},
        {"mcp_server_present", 'b'}, {"loaded_mcp_tools", 'a'}};
    struct beat b = {.body = call_body(call)};
    const char *id = json_str(b.body, "workspace_id", "");
    if (!id[0] || !rest_fields_ok(b.body, fields, ARRAY_SIZE(fields))) {
        call_error(call, 400, "invalid request body");
        return;
    }
    b.ws = ws_by_id(call->org, id);
    b.error_rate = json_number_value(json_object_get(b.body, "error_rate"));
    b.sample_error = json_str(b.body, "sample_error", "");
    b.runtime_state = json_str(b.body, "runtime_state", "");
    if (!rest_need_registry(call, b.ws))
        return;
    if (!id_is_uuid(id)) {
        call_error(call, 500, "failed to update");
        return;
    }
    if (fault_is(call->org, "heartbeat", "hold"))
        rest_fault(call, "heartbeat");
    else if (b.ws && !ws_removed(b.ws))
        take_beat(call, &b);
    call_json(call, 200,
              json_make("{s:s,s:s}", "platform_inbound_secret",
                        b.ws ? b.ws->inbound_secret : "", "status", "ok"));
}
