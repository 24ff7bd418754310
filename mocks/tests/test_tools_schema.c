/* What the management server and the workspace server list: names, their order, and the
 * input of each tool. */
#include "mocks/tests/mcp_fixture.h"

#define DRAFT07 "http://json-schema.org/draft-07/schema#"

/* ---- a schema in one line ---- */

static void add_type(struct buf *out, const json_t *schema);

static void add_range(struct buf *out, const json_t *schema, const char *low,
                      const char *high)
{
    const json_t *from = json_object_get(schema, low);
    const json_t *to = json_object_get(schema, high);
    if (!from && !to)
        return;
    buf_addc(out, '[');
    if (from)
        buf_addf(out, "%d", (int)json_integer_value(from));
    buf_adds(out, "..");
    if (to)
        buf_addf(out, "%d", (int)json_integer_value(to));
    buf_addc(out, ']');
}

/* "a* string, b integer[1..4]": members in their order, '*' = required. */
static void add_members(struct buf *out, json_t *schema)
{
    const json_t *required = json_object_get(schema, "required");
    const char *name = NULL;
    json_t *member = NULL;
    size_t start = out->len;
    json_object_foreach(json_object_get(schema, "properties"), name, member)
    {
        bool wanted = false;
        for (size_t i = 0; i < json_array_size(required); i++)
            wanted = wanted ||
                     strcmp(json_string_value(json_array_get(required, i)), name) == 0;
        buf_addf(out, "%s%s%s ", out->len > start ? ", " : "", name, wanted ? "*" : "");
        add_type(out, member);
    }
}

static void add_object(struct buf *out, json_t *schema)
{
    const json_t *more = json_object_get(schema, "additionalProperties");
    buf_addc(out, '{');
    if (json_object_get(schema, "properties"))
        add_members(out, schema);
    else if (json_object_size(more))
        add_type(out, more);
    buf_addc(out, '}');
}

static void add_type(struct buf *out, const json_t *schema)
{
    const char *type = json_str(schema, "type", "?");
    const json_t *either = json_object_get(schema, "anyOf");
    const json_t *names = json_object_get(schema, "enum");
    for (size_t i = 0; i < json_array_size(either); i++) {
        buf_adds(out, i ? " or " : "");
        add_type(out, json_array_get(either, i));
    }
    if (either)
        return;
    for (size_t i = 0; i < json_array_size(names); i++)
        buf_addf(out, "%s%s", i ? "/" : "", json_string_value(json_array_get(names, i)));
    if (names) {
        assert_string_equal(type, "string");
    } else if (strcmp(type, "object") == 0) {
        json_t *copy CLEANUP(json_drop) = json_deep_copy(schema);
        add_object(out, copy);
    } else if (strcmp(type, "array") == 0) {
        buf_adds(out, "[]");
        add_type(out, json_object_get(schema, "items"));
    } else {
        buf_adds(out, type);
        add_range(out, schema, "minimum", "maximum");
        add_range(out, schema, "minLength", "maxLength");
    }
    const json_t *usual = json_object_get(schema, "default");
    if (json_is_integer(usual))
        buf_addf(out, " = %d", (int)json_integer_value(usual));
    else if (usual)
        buf_addf(out, " = %s", json_string_value(usual));
}

/* ---- the management mode ---- */

#define W "workspace_id* string"
#define R W ", request_id* string"
#define LIMIT "integer[0..] or null"
#define PROVISION                                                                        \
    "name* string, role string, template string, runtime string, tier integer[1..4], "   \
    "parent_id string, model string"

static const struct {
    const char *tool, *input;
} management[] = {
    {"list_workspaces", ""},
    {"get_workspace", W},
    {"provision_workspace", PROVISION},
    {"deprovision_workspace", W ", confirm_name string"},
    {"restart_workspace", W},
    {"pause_workspace", W},
    {"resume_workspace", W},
    {"set_workspace_secret", W ", key* string, value* string"},
    {"list_workspace_secrets", W},
    {"delete_workspace_secret", W ", key* string"},
    {"set_org_secret", "key* string, value* string"},
    {"list_org_secrets", ""},
    {"delete_org_secret", "key* string"},
    {"set_workspace_budget",
     W ", budget_limits {hourly " LIMIT ", daily " LIMIT ", weekly " LIMIT
       ", monthly " LIMIT "}, budget_limit " LIMIT},
    {"set_llm_billing_mode", W ", mode* platform_managed/byok/disabled or null"},
    {"list_org_templates", ""},
    {"create_org_from_template", "dir string, template {}, mode merge/reconcile"},
    {"list_templates", ""},
    {"import_template", "name* string, files* {string}"},
    {"mint_org_token", "name string[..100]"},
    {"list_org_tokens", ""},
    {"revoke_org_token", "id* string"},
    {"mint_workspace_token", W},
    {"get_org_plugin_allowlist", "org_id string"},
    {"set_org_plugin_allowlist",
     "org_id string, plugins* []string, enabled_by* string[1..]"},
    {"export_bundle", W},
    {"import_bundle", "bundle* {}"},
    {"list_org_events", "workspace_id string"},
    {"list_pending_approvals", ""},
    {"create_approval", W ", action* string, reason string"},
    {"list_orgs", ""},
    {"get_org", "slug* string"},
    {"recreate_workspace",
     "workspace_id string, runtime string, slug string, all_runtimes boolean, actor "
     "string, reason string, recreate boolean, dry_run boolean"},
    {"create_issue",
     "title* string, description* string, repo string, severity "
     "critical/high/medium/low, external boolean, org_id string, org_slug string, "
     "workspace_id string, agent_role string, component string, environment "
     "prod/staging/dev, related_ids []string, reproduction string, logs_excerpt string, "
     "labels []string"},
    {"create_request",
     W ", kind* task/approval, recipient_type* user/agent, recipient_id* string, title* "
       "string, detail string, priority integer"},
    {"list_inbox", W ", status string"},
    {"check_requests", W ", status string"},
    {"get_request", R},
    {"respond_request", R ", action* done/rejected/approved, message string"},
    {"add_request_message", R ", body* string"},
    {"cancel_request", R},
};

static const char *const workspace_mode =
    "list_workspaces create_workspace provision_workspace get_workspace delete_workspace "
    "restart_workspace update_workspace pause_workspace resume_workspace chat_with_agent "
    "assign_agent replace_agent remove_agent move_agent get_model set_secret "
    "list_secrets "
    "delete_secret list_global_secrets set_global_secret delete_global_secret list_files "
    "read_file write_file delete_file replace_all_files get_config update_config "
    "commit_memory search_memory delete_memory session_search get_shared_context "
    "memory_set memory_get memory_list memory_delete_kv list_plugin_registry "
    "list_installed_plugins install_plugin uninstall_plugin list_plugin_sources "
    "list_available_plugins check_plugin_compatibility list_channel_adapters "
    "list_channels add_channel update_channel remove_channel send_channel_message "
    "test_channel discover_channel_chats async_delegate check_delegations "
    "record_delegation update_delegation_status report_activity list_activity "
    "notify_user list_traces list_schedules create_schedule update_schedule "
    "delete_schedule run_schedule get_schedule_history list_pending_approvals "
    "decide_approval create_approval get_workspace_approvals list_peers "
    "discover_workspace check_access list_events list_templates list_org_templates "
    "import_org import_template export_bundle import_bundle get_canvas_viewport "
    "set_canvas_viewport expand_team collapse_team list_remote_agents "
    "get_remote_agent_state get_remote_agent_setup_command check_remote_agent_freshness "
    "create_issue create_request list_inbox check_requests get_request respond_request "
    "add_request_message cancel_request";

/* Its tools; borrowed. manners: NULL = those of the specification. */
static const json_t *listed(struct mcp_fixture *f, const char *mode, const char *manners)
{
    strv_add(&f->env, "MOLECULE_API_URL=http://127.0.0.1:1");
    strv_add(&f->env, "LOG_LEVEL=60");
    strv_add(&f->env, "WAYBILL_VERB_MODE=real");
    if (manners)
        strv_addf(&f->env, "WAYBILL_MCP_MANNERS=%s", manners);
    start_server(f, mode);
    say_and_hear(f, INITIALIZE("2025-11-25"));
    say(f, INITIALIZED);
    say_and_hear(f, LIST);
    return json_object_get(result_of(f), "tools");
}

static void assert_input(const json_t *tool, const char *want)
{
    struct buf line CLEANUP(buf_release) = BUF_INIT(KIB(16));
    add_members(&line, json_object_get(tool, "inputSchema"));
    if (strcmp(line.data, want) != 0)
        fail_msg("%s takes: %s\ninstead of: %s", json_str(tool, "name", ""), line.data,
                 want);
}

/* The keys of an object in their order. Caller frees. */
static char *keys_of(json_t *object)
{
    struct strv names CLEANUP(strv_release) = STRV_INIT;
    const char *name = NULL;
    json_t *member = NULL;
    json_object_foreach(object, name, member)
    {
        strv_add(&names, name);
    }
    return strv_join(&names, " ");
}

static void assert_keys(json_t *object, const char *want)
{
    char *got CLEANUP(free_ptr) = keys_of(object);
    assert_string_equal(got, want);
}

static void lists_the_41_tools_with_their_input(void **state)
{
    const json_t *tools = listed(*state, "management", NULL);
    for (size_t i = 0; i < ARRAY_SIZE(management); i++) {
        const json_t *tool = json_array_get(tools, i);
        json_t *schema = json_object_get(tool, "inputSchema");
        assert_string_equal(json_str(tool, "name", ""), management[i].tool);
        assert_true(strncmp(json_str(tool, "description", ""), "Management", 10) == 0);
        assert_input(tool, management[i].input);
        assert_false(json_bool(schema, "additionalProperties", true));
        assert_null(json_object_get(schema, "$schema"));
        assert_null(json_object_get(tool, "execution"));
    }
    assert_int_equal(json_array_size(tools), 41);
    assert_int_equal(ARRAY_SIZE(management), 41);
}

static void writes_schemas_as_the_shipped_server_does(void **state)
{
    const json_t *tools = listed(*state, "management", "shipped");
    for (size_t i = 0; i < ARRAY_SIZE(management); i++) {
        const json_t *tool = json_array_get(tools, i);
        json_t *schema = json_object_get(tool, "inputSchema");
        assert_string_equal(json_str(tool, "name", ""), management[i].tool);
        assert_input(tool, management[i].input);
        assert_string_equal(json_str(schema, "$schema", ""), DRAFT07);
        assert_string_equal(
            json_str(json_object_get(tool, "execution"), "taskSupport", ""), "forbidden");
        if (!*management[i].input)
            assert_keys(schema, "$schema type properties");
        else if (json_object_get(schema, "required"))
            assert_keys(schema, "type properties required additionalProperties $schema");
        else
            assert_keys(schema, "type properties additionalProperties $schema");
    }
    json_t *name = json_object_get(
        json_object_get(json_object_get(json_array_get(tools, 2), "inputSchema"),
                        "properties"),
        "name");
    assert_keys(name, "type description");
    assert_string_equal(json_str(name, "description", ""), "Workspace name");
    assert_int_equal(json_array_size(tools), 41);
}

static void lists_the_96_tools_of_the_workspace_mode(void **state)
{
    struct strv names CLEANUP(strv_release) = STRV_INIT;
    strv_split(&names, workspace_mode, ' ');
    const json_t *tools = listed(*state, "workspace", NULL);
    assert_int_equal(names.n, 96);
    for (size_t i = 0; i < names.n; i++) {
        const json_t *tool = json_array_get(tools, i);
        assert_string_equal(json_str(tool, "name", ""), names.v[i]);
        assert_true(*json_str(tool, "description", "") != '\0');
        assert_string_equal(json_str(json_object_get(tool, "inputSchema"), "type", ""),
                            "object");
    }
    assert_int_equal(json_array_size(tools), 96);
    assert_input(json_array_get(tools, 1),
                 "name* string, role string, template string, tier number[1..4] = 1, "
                 "parent_id string, runtime string, workspace_dir string, "
                 "workspace_access none/read_only/read_write");
    assert_input(json_array_get(tools, 2),
                 "name* string, runtime* claude-code/hermes/openclaw/codex/google-adk/"
                 "external/kimi/kimi-cli, template string, tier number[1..4], role "
                 "string, parent_id string, workspace_dir string, workspace_access "
                 "none/read_only/read_write");
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, mcp_setup, mcp_teardown)
    const struct CMUnitTest tests[] = {
        T(lists_the_41_tools_with_their_input),
        T(writes_schemas_as_the_shipped_server_does),
        T(lists_the_96_tools_of_the_workspace_mode),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
