/* Every tool of the workspace server against the platform: what the platform was asked,
 * that its answer is the tool's, and that it did what was asked. */
#include "mocks/tests/tools_fixture.h"

#define NONE NULL, NULL, NULL
#define ON_E "{\"workspace_id\":\"$E\"}"
#define ON_C "{\"workspace_id\":\"$C\"}"
#define NOBODY "00000000-0000-4000-8000-000000000000"

static int server_up(void **state)
{
    static const char *const key[] = {"MOLECULE_API_KEY=$A", NULL};
    (void)state;
    start_server("workspace", key);
    return 0;
}

static void makes_and_runs_workspaces(void **state)
{
    static const struct step steps[] = {
        {"create_workspace",
         "{\"name\":\"Made\",\"template\":\"claude-code-default\",\"parent_id\":\"$C\"}",
         "POST /workspaces 201", "{\"id\":\"*\"}", "/workspaces",
         "[{\"name\":\"Made\",\"parent_id\":\"$C\",\"x\":\"*\"}]", "$Wid"},
        {"list_workspaces", "{}", "GET /workspaces 200", "[{\"id\":\"$W\"}]", NONE},
        {"get_workspace", "{\"workspace_id\":\"$W\"}", "GET /workspaces/$W 200",
         "{\"id\":\"$W\",\"name\":\"Made\"}", NONE},
        {"update_workspace",
         "{\"workspace_id\":\"$W\",\"name\":\"Named\",\"role\":\"r\"}",
         "PATCH /workspaces/$W 200", "\"*\"", "/workspaces/$W",
         "{\"name\":\"Named\",\"role\":\"r\"}", NULL},
        {"restart_workspace", "{\"workspace_id\":\"$W\"}",
         "POST /workspaces/$W/restart 200", "{\"status\":\"*\"}", NONE},
        {"pause_workspace", "{\"workspace_id\":\"$W\"}", "POST /workspaces/$W/pause 200",
         "{\"status\":\"paused\"}", "/workspaces/$W", "{\"status\":\"paused\"}", NULL},
        {"resume_workspace", "{\"workspace_id\":\"$W\"}",
         "POST /workspaces/$W/resume 200", "{\"status\":\"*\"}", NONE},
    };
    /* It confirms as the platform once wanted it, not as it does now. */
    static const struct step refused[] = {
        {"delete_workspace", "{\"workspace_id\":\"$W\"}",
         "DELETE /workspaces/$W?confirm=true 400",
         "{\"error\":\"HTTP 400\","
         "\"detail\":\"~destructive_action_requires_confirmation\"}",
         "/workspaces/$W", "{\"name\":\"Named\"}", NULL},
    };
    (void)state;
    TAKE_STEPS(steps);
    REFUSE_STEPS(refused);
}

/* The id that the answer names is known only afterwards. */
static void provisions(const char *arguments, const char *asked_for, const char *answer)
{
    call_tool("provision_workspace", arguments);
    set_var("$W", json_str(m.value, "workspace_id", ""));
    assert_asked("provision_workspace", asked_for);
    assert_fits("provision_workspace", answer, m.value);
}

static void provisions_only_what_it_can_read_back(void **state)
{
    static const struct step refused[] = {
        {"provision_workspace",
         "{\"name\":\"No\",\"runtime\":\"hermes\",\"template\":\"no-such\"}",
         "POST /workspaces 422",
         "{\"error\":\"PROVISION_FAILED\",\"detail\":{\"error\":\"HTTP 422\"},"
         "\"requested_runtime\":\"hermes\",\"provisioned\":false}",
         NONE},
    };
    (void)state;
    REFUSE_STEPS(refused);
    provisions("{\"name\":\"Sure\",\"runtime\":\"claude-code\",\"role\":\"r\"}",
               "POST /workspaces 201\nGET /workspaces/$W 200",
               "{\"ok\":true,\"provisioned\":true,\"requested_runtime\":\"claude-code\","
               "\"resolved_runtime\":\"claude-code\","
               "\"template\":\"claude-code-default\",\"status\":\"provisioning\"}");
    assert_int_equal(ask_of(json_str(m.vars, "$W", ""), "GET", "", NULL), 200);
    assert_fits("the row", "{\"name\":\"Sure\",\"role\":\"r\"}", fx.json);
}

static void put_answer(const char *mode)
{
    json_t *body CLEANUP(json_drop) =
        json_make("{s:s,s:s}", "name", "answer", "mode", mode);
    char *text CLEANUP(free_ptr) = json_text(body, JSON_STRUCT);
    assert_int_equal(ask_at(fx.mock_url, NULL, "PUT", "/_mock/faults", text), 200);
}

static int fault_down(void **state)
{
    int status = ask_at(fx.mock_url, NULL, "DELETE", "/_mock/faults?name=answer", NULL);
    return status == 200 ? server_down(state) : -1;
}

static void does_not_believe_that_it_got_another_runtime(void **state)
{
    static const char args[] = "{\"name\":\"x\",\"runtime\":\"claude-code\"}";
    (void)state;
    put_answer("GET /workspaces/:id 200 {\"runtime\":\"hermes\"}");
    provisions(args, "POST /workspaces 201\nGET /workspaces/$W 200",
               "{\"error\":\"RUNTIME_MISMATCH\",\"requested_runtime\":\"claude-code\","
               "\"resolved_runtime\":\"hermes\",\"provisioned\":false}");
    assert_int_equal(m.answer.outcome, MCP_TOOL_ERROR);
    put_answer("POST /workspaces 201 {\"id\":\"" NOBODY "\"}");
    provisions(args, "POST /workspaces 201\nGET /workspaces/" NOBODY " 404",
               "{\"error\":\"PROVISION_UNVERIFIED\",\"workspace_id\":\"" NOBODY "\"}");
    put_answer("POST /workspaces 201 {}");
    provisions(args, "POST /workspaces 201",
               "{\"error\":\"PROVISION_FAILED\",\"provisioned\":false}");
}

static void keeps_secrets_files_and_configuration(void **state)
{
    static const struct step steps[] = {
        {"set_secret", "{\"workspace_id\":\"$E\",\"key\":\"PLAIN\",\"value\":\"v\"}",
         "POST /workspaces/$E/secrets 200", "{\"status\":\"saved\"}",
         "/workspaces/$E/secrets", "[{\"key\":\"PLAIN\"}]", NULL},
        {"list_secrets", ON_E, "GET /workspaces/$E/secrets 200", "[{\"key\":\"PLAIN\"}]",
         "/workspaces/$E/secrets", NULL, NULL},
        {"delete_secret", "{\"workspace_id\":\"$E\",\"key\":\"PLAIN\"}",
         "DELETE /workspaces/$E/secrets/PLAIN 200", "{\"status\":\"deleted\"}",
         "/workspaces/$E/secrets", "[]", NULL},
        {"set_global_secret", "{\"key\":\"WIDE\",\"value\":\"v\"}",
         "PUT /settings/secrets 200", "{\"status\":\"saved\"}", "/settings/secrets",
         "[{\"key\":\"WIDE\"}]", NULL},
        {"list_global_secrets", "{}", "GET /settings/secrets 200", "[{\"key\":\"WIDE\"}]",
         "/settings/secrets", NULL, NULL},
        {"delete_global_secret", "{\"key\":\"WIDE\"}",
         "DELETE /settings/secrets/WIDE 200", "{\"status\":\"deleted\"}",
         "/settings/secrets", "[]", NULL},
        {"get_model", ON_C, "GET /workspaces/$C/model 200", "{\"model\":\"*\"}",
         "/workspaces/$C/model", NULL, NULL},
        {"update_config", "{\"workspace_id\":\"$E\",\"config\":{\"a\":1}}",
         "PATCH /workspaces/$E/config 200", "{\"status\":\"updated\"}",
         "/workspaces/$E/config", "{\"data\":{\"a\":1}}", NULL},
        {"get_config", ON_E, "GET /workspaces/$E/config 200", "{\"data\":{\"a\":1}}",
         "/workspaces/$E/config", NULL, NULL},
        {"list_files", ON_C, "GET /workspaces/$C/files 200",
         "[{\"path\":\"config.yaml\"}]", NONE},
        {"write_file",
         "{\"workspace_id\":\"$C\",\"path\":\"notes/a b.md\",\"content\":\"text\"}",
         "PUT /workspaces/$C/files/notes/a b.md 200",
         "{\"status\":\"saved\",\"path\":\"notes/a b.md\"}",
         "/workspaces/$C/files/notes/a%20b.md", "{\"content\":\"text\"}", NULL},
        {"replace_all_files", "{\"workspace_id\":\"$C\",\"files\":{\"b.md\":\"b\"}}",
         "PUT /workspaces/$C/files 200", "{\"files\":1,\"status\":\"replaced\"}",
         "/workspaces/$C/files/b.md", "{\"content\":\"b\"}", NULL},
    };
    static const struct step refused[] = {
        {"read_file", "{\"workspace_id\":\"$C\",\"path\":\"no.md\"}",
         "GET /workspaces/$C/files/no.md 404", "{\"error\":\"HTTP 404\"}", NONE},
        {"delete_file", "{\"workspace_id\":\"$C\",\"path\":\"b.md\"}",
         "DELETE /workspaces/$C/files/b.md 400",
         "{\"error\":\"HTTP 400\",\"detail\":\"~absolute paths not permitted\"}", NONE},
    };
    (void)state;
    TAKE_STEPS(steps);
    call_tool("read_file", "{\"workspace_id\":\"$C\",\"path\":\"notes/a b.md\"}");
    assert_asked("read_file", "GET /workspaces/$C/files/notes/a b.md 200");
    assert_string_equal(answer_text(), "text");
    REFUSE_STEPS(refused);
}

static void remembers_by_key_but_not_without_a_plugin(void **state)
{
    static const struct step steps[] = {
        {"memory_set", "{\"workspace_id\":\"$E\",\"key\":\"k\",\"value\":\"v\"}",
         "POST /workspaces/$E/memory 200", "{\"key\":\"k\",\"status\":\"ok\"}",
         "/workspaces/$E/memory/k", "{\"value\":\"v\"}", NULL},
        {"memory_get", "{\"workspace_id\":\"$E\",\"key\":\"k\"}",
         "GET /workspaces/$E/memory/k 200", "{\"key\":\"k\",\"value\":\"v\"}",
         "/workspaces/$E/memory/k", NULL, NULL},
        {"memory_list", ON_E, "GET /workspaces/$E/memory 200", "[{\"key\":\"k\"}]",
         "/workspaces/$E/memory", NULL, NULL},
        {"memory_delete_kv", "{\"workspace_id\":\"$E\",\"key\":\"k\"}",
         "DELETE /workspaces/$E/memory/k 200", "{\"status\":\"deleted\"}",
         "/workspaces/$E/memory", "[]", NULL},
        {"session_search", "{\"workspace_id\":\"$E\",\"q\":\"x\",\"limit\":3}",
         "GET /workspaces/$E/session-search?q=x&limit=3 200", "[]", NONE},
    };
    static const struct step refused[] = {
        {"commit_memory", "{\"workspace_id\":\"$E\",\"content\":\"c\"}",
         "POST /workspaces/$E/memories 503", "{\"error\":\"HTTP 503\"}", NONE},
        {"search_memory", "{\"workspace_id\":\"$E\",\"query\":\"c\",\"scope\":\"TEAM\"}",
         "GET /workspaces/$E/memories?q=c&scope=TEAM 503", "{\"error\":\"HTTP 503\"}",
         NONE},
    };
    (void)state;
    TAKE_STEPS(steps);
    REFUSE_STEPS(refused);
}

static void looks_after_plugins(void **state)
{
    static const struct step steps[] = {
        {"list_plugin_registry", "{}", "GET /plugins 200", "\"*\"", "/plugins", NULL,
         NULL},
        {"list_plugin_sources", "{}", "GET /plugins/sources 200",
         "{\"schemes\":[\"gitea\",\"github\",\"local\"]}", "/plugins/sources", NULL,
         NULL},
        {"list_installed_plugins", ON_C, "GET /workspaces/$C/plugins 200", "\"*\"",
         "/workspaces/$C/plugins", NULL, NULL},
        {"list_available_plugins", ON_C, "GET /workspaces/$C/plugins/available 200",
         "\"*\"", "/workspaces/$C/plugins/available", NULL, NULL},
        {"check_plugin_compatibility", "{\"workspace_id\":\"$C\",\"runtime\":\"hermes\"}",
         "GET /workspaces/$C/plugins/compatibility?runtime=hermes 200",
         "{\"target_runtime\":\"hermes\"}",
         "/workspaces/$C/plugins/compatibility?runtime=hermes", NULL, NULL},
        {"install_plugin",
         "{\"workspace_id\":\"$C\",\"source\":\"gitea://molecule-ai/notes-mcp#main\"}",
         "POST /workspaces/$C/plugins 200", "{\"plugin\":\"notes-mcp\"}", NONE},
        {"uninstall_plugin", "{\"workspace_id\":\"$C\",\"name\":\"notes-mcp\"}",
         "DELETE /workspaces/$C/plugins/notes-mcp 200",
         "{\"plugin\":\"notes-mcp\",\"status\":\"uninstalled\"}", NONE},
    };
    (void)state;
    TAKE_STEPS(steps);
}

static void connects_channels(void **state)
{
    static const struct step refused[] = {
        {"list_channel_adapters", "{}", "GET /channels/adapters 501",
         "{\"error\":\"HTTP 501\"}", NONE},
        {"add_channel",
         "{\"workspace_id\":\"$E\",\"channel_type\":\"slack\","
         "\"config\":\"{\\\"webhook_url\\\":\\\"http://127.0.0.1/x\\\"}\","
         "\"allowed_users\":\"a, b\"}",
         "POST /workspaces/$E/channels 400",
         "{\"error\":\"HTTP 400\",\"detail\":\"~invalid channel config\"}", NONE},
        {"list_channels", ON_E, "GET /workspaces/$E/channels 501",
         "{\"error\":\"HTTP 501\"}", NONE},
        {"update_channel",
         "{\"workspace_id\":\"$E\",\"channel_id\":\"c\",\"enabled\":false}",
         "PATCH /workspaces/$E/channels/c 501", "{\"error\":\"HTTP 501\"}", NONE},
        {"remove_channel", "{\"workspace_id\":\"$E\",\"channel_id\":\"c\"}",
         "DELETE /workspaces/$E/channels/c 501", "{\"error\":\"HTTP 501\"}", NONE},
        {"send_channel_message",
         "{\"workspace_id\":\"$E\",\"channel_id\":\"c\",\"text\":\"t\"}",
         "POST /workspaces/$E/channels/c/send 404", "{\"error\":\"HTTP 404\"}", NONE},
        {"test_channel", "{\"workspace_id\":\"$E\",\"channel_id\":\"c\"}",
         "POST /workspaces/$E/channels/c/test 404", "{\"error\":\"HTTP 404\"}", NONE},
        {"discover_channel_chats", "{\"type\":\"telegram\",\"config\":{\"a\":1}}",
         "POST /channels/discover 501", "{\"error\":\"HTTP 501\"}", NONE},
    };
    (void)state;
    REFUSE_STEPS(refused);
    call_tool("add_channel", "{\"workspace_id\":\"$E\",\"channel_type\":\"telegram\","
                             "\"config\":\"{\"}");
    assert_asked("add_channel", "");
    assert_string_equal(answer_text(), "Error: config is not valid JSON");
}

static void gives_tasks_and_tells_of_them(void **state)
{
    static const struct step steps[] = {
        {"async_delegate",
         "{\"workspace_id\":\"$C\",\"target_id\":\"$E\",\"task\":\"t\"}",
         "POST /workspaces/$C/delegate 202", "{\"status\":\"delegated\"}", NONE},
        {"record_delegation",
         "{\"workspace_id\":\"$E\",\"target_id\":\"$C\",\"task\":\"t\","
         "\"delegation_id\":\"" NOBODY "\"}",
         "POST /workspaces/$E/delegations/record 202", "\"*\"",
         "/workspaces/$E/delegations", "[{\"delegation_id\":\"" NOBODY "\"}]", NULL},
        {"update_delegation_status",
         "{\"workspace_id\":\"$E\",\"delegation_id\":\"" NOBODY "\","
         "\"status\":\"completed\",\"response_preview\":\"done\"}",
         "POST /workspaces/$E/delegations/" NOBODY "/update 200", "\"*\"",
         "/workspaces/$E/delegations", "[{\"status\":\"completed\"}]", NULL},
        {"check_delegations", ON_E, "GET /workspaces/$E/delegations 200",
         "[{\"delegation_id\":\"" NOBODY "\"}]", "/workspaces/$E/delegations", NULL,
         NULL},
        {"report_activity",
         "{\"workspace_id\":\"$E\",\"activity_type\":\"agent_log\",\"summary\":\"s\"}",
         "POST /workspaces/$E/activity 200", "{\"status\":\"logged\"}",
         "/workspaces/$E/activity", "[{\"summary\":\"s\"}]", NULL},
        {"list_activity", "{\"workspace_id\":\"$E\",\"type\":\"agent_log\",\"limit\":1}",
         "GET /workspaces/$E/activity?type=agent_log&limit=1 200",
         "[{\"summary\":\"s\"}]", "/workspaces/$E/activity?type=agent_log&limit=1", NULL,
         NULL},
        {"notify_user", "{\"workspace_id\":\"$E\",\"message\":\"hello\"}",
         "POST /workspaces/$E/notify 200", "{\"status\":\"sent\"}",
         "/workspaces/$E/activity", "[{\"method\":\"notify\"}]", NULL},
        {"list_traces", ON_E, "GET /workspaces/$E/traces 200", "[]",
         "/workspaces/$E/traces", NULL, NULL},
    };
    (void)state;
    TAKE_STEPS(steps);
}

#define ON_S "{\"workspace_id\":\"$E\",\"schedule_id\":\"s\"}"

static void passes_on_what_the_platform_has_not(void **state)
{
    static const struct step refused[] = {
        {"list_schedules", ON_E, "GET /workspaces/$E/schedules 501",
         "{\"error\":\"HTTP 501\"}", NONE},
        {"create_schedule",
         "{\"workspace_id\":\"$E\",\"name\":\"n\",\"cron_expr\":\"* * * * *\","
         "\"prompt\":\"p\"}",
         "POST /workspaces/$E/schedules 501", "{\"error\":\"HTTP 501\"}", NONE},
        {"update_schedule",
         "{\"workspace_id\":\"$E\",\"schedule_id\":\"s\",\"enabled\":true}",
         "PATCH /workspaces/$E/schedules/s 501", "{\"error\":\"HTTP 501\"}", NONE},
        {"delete_schedule", ON_S, "DELETE /workspaces/$E/schedules/s 501",
         "{\"error\":\"HTTP 501\"}", NONE},
        {"run_schedule", ON_S, "POST /workspaces/$E/schedules/s/run 501",
         "{\"error\":\"HTTP 501\"}", NONE},
        {"get_schedule_history", ON_S, "GET /workspaces/$E/schedules/s/history 501",
         "{\"error\":\"HTTP 501\"}", NONE},
        {"assign_agent", "{\"workspace_id\":\"$E\",\"model\":\"m\"}",
         "POST /workspaces/$E/agent 501", "{\"error\":\"HTTP 501\"}", NONE},
        {"replace_agent", "{\"workspace_id\":\"$E\",\"model\":\"m\"}",
         "PATCH /workspaces/$E/agent 501", "{\"error\":\"HTTP 501\"}", NONE},
        {"remove_agent", ON_E, "DELETE /workspaces/$E/agent 501",
         "{\"error\":\"HTTP 501\"}", NONE},
        {"move_agent", "{\"workspace_id\":\"$E\",\"target_workspace_id\":\"$C\"}",
         "POST /workspaces/$E/agent/move 404", "{\"error\":\"HTTP 404\"}", NONE},
        {"delete_memory", "{\"workspace_id\":\"$E\",\"memory_id\":\"m\"}",
         "DELETE /workspaces/$E/memories/m 404", "{\"error\":\"HTTP 404\"}", NONE},
        {"get_shared_context", ON_E, "GET /workspaces/$E/shared-context 404",
         "{\"error\":\"HTTP 404\"}", NONE},
        {"get_canvas_viewport", "{}", "GET /canvas/viewport 501",
         "{\"error\":\"HTTP 501\"}", NONE},
        {"set_canvas_viewport", "{\"x\":1,\"y\":2.5,\"zoom\":1}",
         "PUT /canvas/viewport 501", "{\"error\":\"HTTP 501\"}", NONE},
        {"expand_team", ON_E, "POST /workspaces/$E/expand 404",
         "{\"error\":\"HTTP 404\"}", NONE},
        {"collapse_team", ON_E, "POST /workspaces/$E/collapse 404",
         "{\"error\":\"HTTP 404\"}", NONE},
    };
    (void)state;
    REFUSE_STEPS(refused);
}

static void asks_for_approvals_and_gives_them(void **state)
{
    static const struct step steps[] = {
        {"create_approval", "{\"workspace_id\":\"$E\",\"action\":\"a\",\"reason\":\"r\"}",
         "POST /workspaces/$E/approvals 201", "{\"status\":\"pending\"}",
         "/workspaces/$E/approvals", "[{\"action\":\"a\",\"reason\":\"r\"}]",
         "$Rapproval_id"},
        {"list_pending_approvals", "{}", "GET /approvals/pending 200",
         "[{\"id\":\"$R\"}]", "/approvals/pending", NULL, NULL},
        {"decide_approval",
         "{\"workspace_id\":\"$E\",\"approval_id\":\"$R\",\"decision\":\"denied\"}",
         "POST /workspaces/$E/approvals/$R/decide 200", "{\"status\":\"denied\"}", NONE},
        {"get_workspace_approvals", ON_E, "GET /workspaces/$E/approvals 200",
         "[{\"id\":\"$R\",\"status\":\"denied\"}]", "/workspaces/$E/approvals", NULL,
         NULL},
    };
    (void)state;
    TAKE_STEPS(steps);
}

static void finds_others(void **state)
{
    static const struct step steps[] = {
        {"list_peers", ON_E, "GET /registry/$E/peers 200", "\"*\"", NONE},
        {"check_access", "{\"caller_id\":\"$E\",\"target_id\":\"$C\"}",
         "POST /registry/check-access 200", "{\"allowed\":\"*\"}", NONE},
        {"discover_workspace", "{\"workspace_id\":\"$C\",\"caller_id\":\"$C\"}",
         "GET /registry/discover/$C 200", "{\"id\":\"$C\"}", NONE},
        {"list_events", "{}", "GET /events 200", "[{\"event_type\":\"*\"}]", NONE},
        {"list_events", ON_C, "GET /events/$C 200", "[{\"workspace_id\":\"$C\"}]", NONE},
    };
    (void)state;
    TAKE_STEPS(steps);
}

static void makes_workspaces_from_templates_and_bundles(void **state)
{
    static const struct step steps[] = {
        {"list_templates", "{}", "GET /templates 200", "[{\"id\":\"*\"}]", "/templates",
         NULL, NULL},
        {"list_org_templates", "{}", "GET /org/templates 200",
         "[{\"dir\":\"small-shop\"}]", "/org/templates", NULL, NULL},
        {"import_org", "{\"dir\":\"small-shop\"}", "POST /org/import 201",
         "{\"workspaces\":\"*\"}", "/workspaces", "[{\"name\":\"Shop front\"}]", NULL},
        {"import_template", "{\"name\":\"mine\",\"files\":{\"config.yaml\":\"a: b\\n\"}}",
         "POST /templates/import 201", "{\"name\":\"mine\"}", "/templates",
         "[{\"id\":\"mine\"}]", NULL},
        {"export_bundle", ON_E, "GET /bundles/export/$E 200", "{\"id\":\"$E\"}",
         "/bundles/export/$E", NULL, NULL},
        {"import_bundle", "{\"bundle\":{\"name\":\"Unpacked\"}}",
         "POST /bundles/import 201", "{\"name\":\"Unpacked\"}", "/workspaces",
         "[{\"name\":\"Unpacked\"}]", NULL},
    };
    (void)state;
    TAKE_STEPS(steps);
}

static void tells_of_agents_that_live_elsewhere(void **state)
{
    static const struct step steps[] = {
        {"list_remote_agents", "{}", "GET /workspaces 200",
         "{\"count\":1,\"agents\":[{\"id\":\"$E\",\"name\":\"Elsewhere\"}]}", NONE},
        {"get_remote_agent_state", ON_E, "GET /workspaces/$E 200",
         "{\"workspace_id\":\"$E\",\"paused\":false,\"deleted\":false,"
         "\"runtime\":\"external\"}",
         NONE},
        {"get_remote_agent_setup_command", ON_E, "GET /workspaces/$E 200",
         "{\"workspace_id\":\"$E\",\"workspace_name\":\"Elsewhere\","
         "\"setup_command\":\"~WORKSPACE_ID=$E PLATFORM_URL=\"}",
         NONE},
        {"get_remote_agent_setup_command",
         "{\"workspace_id\":\"$E\",\"platform_url_override\":\"https://far.example\"}",
         "GET /workspaces/$E 200", "{\"platform_url\":\"https://far.example\"}", NONE},
        {"check_remote_agent_freshness", ON_E, "GET /workspaces/$E 200",
         "{\"workspace_id\":\"$E\",\"fresh\":false,\"threshold_seconds\":90,"
         "\"seconds_since_heartbeat\":null}",
         NONE},
        {"check_remote_agent_freshness",
         "{\"workspace_id\":\"$C\",\"threshold_seconds\":60}", "GET /workspaces/$C 200",
         "{\"workspace_id\":\"$C\",\"fresh\":true,\"threshold_seconds\":60}", NONE},
    };
    static const struct step refused[] = {
        {"get_remote_agent_setup_command", ON_C, "GET /workspaces/$C 200",
         "{\"error\":\"~not external\",\"workspace_id\":\"$C\"}", NONE},
    };
    (void)state;
    TAKE_STEPS(steps);
    REFUSE_STEPS(refused);
}

static void has_an_agent_s_answer_as_text(void **state)
{
    (void)state;
    call_tool("chat_with_agent", "{\"workspace_id\":\"$C\",\"message\":\"hello there\"}");
    assert_asked("chat_with_agent", "POST /workspaces/$C/a2a 200");
    assert_int_equal(m.answer.outcome, MCP_OK);
    assert_null(m.value);
    assert_true(strlen(answer_text()) > 0);
}

/* What both modes have is tried with the other one; here, that it is called at all. */
static void shares_eight_tools_with_the_management_mode(void **state)
{
    static const struct step steps[] = {
        {"create_request",
         "{\"workspace_id\":\"$E\",\"kind\":\"task\",\"recipient_type\":\"agent\","
         "\"recipient_id\":\"$C\",\"title\":\"t\"}",
         "POST /workspaces/$E/requests 201", "{\"status\":\"pending\"}",
         "/workspaces/$E/requests", "[{\"title\":\"t\"}]", "$Rrequest_id"},
        {"list_inbox", ON_C, "GET /workspaces/$C/requests/inbox 200", "[{\"id\":\"$R\"}]",
         NONE},
        {"check_requests", ON_E, "GET /workspaces/$E/requests 200", "[{\"id\":\"$R\"}]",
         NONE},
        {"get_request", "{\"workspace_id\":\"$E\",\"request_id\":\"$R\"}",
         "GET /workspaces/$E/requests/$R 200", "{\"request\":{\"id\":\"$R\"}}", NONE},
        {"add_request_message",
         "{\"workspace_id\":\"$E\",\"request_id\":\"$R\",\"body\":\"b\"}",
         "POST /workspaces/$E/requests/$R/messages 201", "{\"request_id\":\"$R\"}", NONE},
        {"respond_request",
         "{\"workspace_id\":\"$C\",\"request_id\":\"$R\",\"action\":\"rejected\"}",
         "POST /workspaces/$C/requests/$R/respond 200", "{\"status\":\"rejected\"}",
         NONE},
    };
    static const struct step refused[] = {
        {"cancel_request", "{\"workspace_id\":\"$E\",\"request_id\":\"$R\"}",
         "POST /workspaces/$E/requests/$R/cancel 404", "{\"error\":\"HTTP 404\"}", NONE},
        {"create_issue", "{\"title\":\"t\",\"description\":\"d\",\"repo\":\"a/b\"}", "",
         "{\"error\":\"AUTH_ERROR\"}", NONE},
    };
    (void)state;
    TAKE_STEPS(steps);
    REFUSE_STEPS(refused);
}

static void leaves_no_tool_without_its_call(void **state)
{
    (void)state;
    assert_int_equal(tools_called(""), 96);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, server_up, server_down)
    const struct CMUnitTest tests[] = {
        /* While the concierge runs: files and plugins restart it. */
        T(finds_others),
        T(tells_of_agents_that_live_elsewhere),
        T(has_an_agent_s_answer_as_text),
        T(makes_and_runs_workspaces),
        T(provisions_only_what_it_can_read_back),
        cmocka_unit_test_setup_teardown(does_not_believe_that_it_got_another_runtime,
                                        server_up, fault_down),
        T(keeps_secrets_files_and_configuration),
        T(remembers_by_key_but_not_without_a_plugin),
        T(looks_after_plugins),
        T(connects_channels),
        T(gives_tasks_and_tells_of_them),
        T(passes_on_what_the_platform_has_not),
        T(asks_for_approvals_and_gives_them),
        T(makes_workspaces_from_templates_and_bundles),
        T(shares_eight_tools_with_the_management_mode),
        T(leaves_no_tool_without_its_call),
    };
    return cmocka_run_group_tests(tests, group_up, group_down);
}
