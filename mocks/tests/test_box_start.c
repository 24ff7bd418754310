/* A box from its start to its end: boot-install, registry, heartbeat. */
#include "mocks/tests/box_fixture.h"

#define ARCHIVE "/api/v1/repos/molecule-ai/" MANAGEMENT "/archive/main.tar.gz"

static bool lists(const json_t *tools, const char *id)
{
    json_t *tool;
    size_t i;

    json_array_foreach(tools, i,
                       tool) if (strcmp(json_string_value(tool), id) == 0) return true;
    return false;
}

static void boots_registers_and_reports_its_tools(void **state)
{
    struct fixture *f = *state;
    struct stat st;
    make_concierge(f);
    start_box(f);
    json_t *beat = await_report(f);
    json_t *reg = nth_seen(f, "/registry/register", 0);
    assert_string_equal(json_str(reg, "auth", "?"), "");
    json_t *body = json_object_get(reg, "body");
    assert_string_equal(json_str(body, "id", ""), WORKSPACE);
    assert_true(json_is_true(json_object_get(body, "mcp_server_present")));
    assert_string_equal(json_str(json_object_get(body, "agent_card"), "name", ""),
                        "Concierge");
    assert_true(json_is_true(json_object_get(beat, "mcp_server_present")));
    assert_true(lists(json_object_get(beat, "loaded_mcp_tools"), REQUIRED_ID));
    assert_true(lists(json_object_get(beat, "loaded_mcp_tools"), "mcp__a2a__list_peers"));
    assert_string_equal(json_str(nth_seen(f, "/registry/heartbeat", 0), "auth", ""),
                        "Bearer box-token");
    char *token = fs_join(f->dir, "configs/.auth_token");
    assert_int_equal(stat(token, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    free(token);
    await_console(f, "[plugins] installed " MANAGEMENT " <- " MANAGEMENT_SOURCE "\n");
    char *settings = text_of(f, "configs/.claude/settings.json");
    assert_non_null(strstr(settings, "${MOLECULE_ORG_API_KEY}"));
    assert_null(strstr(settings, ORG_KEY));
    free(settings);
}

static void goes_on_beating_in_the_rhythm_of_the_contract(void **state)
{
    struct fixture *f = *state;
    start_ready(f);
    int64_t before = clock_mono_ms();
    (void)await_beat(f, 3);
    int64_t took = clock_mono_ms() - before;
    assert_true(took >= 100); /* three times 60 ms, less what had passed already */
}

static void removes_old_plugins_before_it_installs(void **state)
{
    struct fixture *f = *state;
    make_concierge(f);
    put(f, "configs/plugins/old/plugin.yaml", "name: old\n");
    start_ready(f);
    char *old = text_of(f, "configs/plugins/old/plugin.yaml");
    assert_string_equal(old, "");
    free(old);
}

static void starts_without_a_plugin_that_it_may_not_fetch(void **state)
{
    struct fixture *f = *state;
    make_concierge(f);
    strv_env_unset(&f->env, "MOLECULE_TEMPLATE_REPO_TOKEN");
    start_box(f);
    json_t *beat = await_report(f);
    assert_true(json_is_false(json_object_get(beat, "mcp_server_present")));
    assert_false(lists(json_object_get(beat, "loaded_mcp_tools"), REQUIRED_ID));
    await_console(f, "[plugins] fetch/extract failed: " MANAGEMENT_SOURCE "\n");
    assert_int_equal(count_seen(f, ARCHIVE), 1);
}

static void sends_no_token_with_the_unauthenticated_fault(void **state)
{
    struct fixture *f = *state;
    make_concierge(f);
    set_fault(f, "boot-install", "unauthenticated");
    start_ready(f);
    await_console(f, "[plugins] fetch/extract failed: " MANAGEMENT_SOURCE "\n");
}

static void installs_on_the_second_start_with_fail_once(void **state)
{
    struct fixture *f = *state;
    make_concierge(f);
    set_fault(f, "boot-install", "fail-once");
    start_ready(f);
    assert_int_equal(end_box(f), 0);
    char *first = text_of(f, "console.log");
    assert_non_null(strstr(first, "fetch/extract failed"));
    assert_null(strstr(first, "installed"));
    free(first);
    start_ready(f);
    await_console(f, "[plugins] installed " MANAGEMENT);
}

static void leaves_plugins_alone_without_boot_install(void **state)
{
    struct fixture *f = *state;
    make_concierge(f);
    set_switch(f, "boot_install", "off");
    put(f, "configs/plugins/kept/rules/a.md", "kept\n");
    start_ready(f);
    char *kept = text_of(f, "configs/plugins/kept/rules/a.md");
    assert_string_equal(kept, "kept\n");
    free(kept);
    char *log = text_of(f, "console.log");
    assert_null(strstr(log, "[plugins]"));
    free(log);
}

static void loses_plugins_at_a_restart_with_the_fault(void **state)
{
    struct fixture *f = *state;
    make_concierge(f);
    set_fault(f, "restart", "loses-plugin");
    start_ready(f);
    assert_int_equal(end_box(f), 0);
    char *path = fs_join(f->dir, "configs/plugins/" MANAGEMENT);
    assert_true(fs_exists(path));
    start_ready(f);
    assert_false(fs_exists(path));
    free(path);
}

static void names_each_source_that_it_cannot_use(void **state)
{
    struct fixture *f = *state;
    make_concierge(f);
    strv_env_set(&f->env, "MOLECULE_DECLARED_PLUGINS",
                 "github://o/r#main,gitea://only-owner,gitea://o/../r#main,"
                 "gitea://molecule-ai/" MANAGEMENT "/nowhere#main");
    start_ready(f);
    await_console(f, "[plugins] skip unsupported source: github://o/r#main\n");
    await_console(f, "[plugins] bad source: gitea://only-owner\n");
    await_console(f, "[plugins] bad source: gitea://o/../r#main\n");
    await_console(f, "[plugins] subpath not in archive: nowhere");
}

static void says_that_an_archive_is_none(void **state)
{
    struct fixture *f = *state;
    make_concierge(f);
    buf_reset(&f->archive);
    buf_adds(&f->archive, "this is no archive");
    start_ready(f);
    await_console(f, "[plugins] fetch/extract failed: " MANAGEMENT_SOURCE "\n");
}

static void installs_a_sub_path_under_its_last_name(void **state)
{
    struct fixture *f = *state;
    put(f, "forge/many/plugins/one/rules/a.md", "one\n");
    put(f, "forge/many/plugins/two/rules/a.md", "two\n");
    pack(f, "many");
    strv_env_set(&f->env, "MOLECULE_DECLARED_PLUGINS", "gitea://o/many/plugins/two");
    strv_env_set(&f->env, "MOLECULE_TEMPLATE_REPO_TOKEN", REPO_TOKEN);
    start_ready(f);
    char *rule = text_of(f, "configs/plugins/two/rules/a.md");
    assert_string_equal(rule, "two\n");
    free(rule);
}

static void registers_again_after_server_errors(void **state)
{
    struct fixture *f = *state;
    f->refuse_registers = 3;
    f->refuse_status = 503;
    start_ready(f);
    assert_int_equal(count_seen(f, "/registry/register"), 4);
}

static void gives_up_registering_after_eight_tries_and_beats(void **state)
{
    struct fixture *f = *state;
    f->refuse_registers = 100;
    f->refuse_status = 502;
    start_ready(f);
    (void)await_beat(f, 1);
    assert_int_equal(count_seen(f, "/registry/register"), 8);
}

static void takes_a_refusal_for_final_and_beats(void **state)
{
    struct fixture *f = *state;
    f->refuse_registers = 100;
    f->refuse_status = 400;
    start_ready(f);
    (void)await_beat(f, 1);
    assert_int_equal(count_seen(f, "/registry/register"), 1);
}

static void repeats_a_refused_beat_once_with_the_token_on_disk(void **state)
{
    struct fixture *f = *state;
    start_ready(f);
    put(f, "configs/.auth_token", "rotated");
    f->beats_401 = 1;
    (void)await_beat(f, 2);
    assert_string_equal(json_str(nth_seen(f, "/registry/heartbeat", -1), "auth", ""),
                        "Bearer rotated");
    assert_int_equal(count_seen(f, "/registry/register"), 1);
}

static void goes_on_beating_when_two_beats_are_refused(void **state)
{
    struct fixture *f = *state;
    start_ready(f);
    f->beats_401 = 4;
    (void)await_beat(f, 5);
    assert_int_equal(count_seen(f, "/registry/register"), 1);
}

static void tells_a_card_that_has_changed_once(void **state)
{
    struct fixture *f = *state;
    start_ready(f);
    put(f, "configs/skills/brief/SKILL.md", "brief\n");
    await_seen(f, "/registry/update-card", 1);
    json_t *body = json_object_get(nth_seen(f, "/registry/update-card", 0), "body");
    assert_string_equal(json_str(body, "workspace_id", ""), WORKSPACE);
    json_t *skills = json_object_get(json_object_get(body, "agent_card"), "skills");
    assert_string_equal(json_str(json_array_get(skills, 0), "id", ""), "brief");
    (void)await_beat(f, 2);
    assert_int_equal(count_seen(f, "/registry/update-card"), 1);
}

struct rhythm {
    const char *config, *heartbeat_s;
    int64_t least_ms, most_ms; /* of two beats at pace 0.01 */
};

/* The interval of config.yaml is held between 5 and 300 seconds. */
static const struct rhythm RHYTHMS[] = {
    {"observability:\n  heartbeat_interval_seconds: 1\n", "30", 80, 400},
    {"observability:\n  heartbeat_interval_seconds: 9000\n", "1", 5500, 0},
    {"observability: {}\n", "5", 80, 400},
};

static void beats_as_config_or_contract_say(void **state)
{
    struct fixture *f = *state;
    json_object_set_new(f->settings, "pace", json_real(0.01));
    for (size_t i = 0; i < ARRAY_SIZE(RHYTHMS); i++) {
        put(f, "configs/config.yaml", RHYTHMS[i].config);
        set_switch(f, "heartbeat_s", RHYTHMS[i].heartbeat_s);
        start_ready(f);
        int64_t before = clock_mono_ms();
        if (RHYTHMS[i].most_ms) {
            (void)await_beat(f, 2);
            assert_true(clock_mono_ms() - before >= RHYTHMS[i].least_ms);
        } else { /* the next one would come after 3 s: it is not there after 200 ms */
            int beats = count_seen(f, "/registry/heartbeat");
            while (clock_mono_ms() - before < 200)
                ask(f, "GET", "/health", NULL, NULL);
            assert_int_equal(count_seen(f, "/registry/heartbeat"), beats);
        }
        assert_int_equal(end_box(f), 0);
    }
}

static void says_what_it_works_on_and_that_it_is_idle_again(void **state)
{
    struct fixture *f = *state;
    start_ready(f);
    json_t *beat = await_beat(f, 1);
    assert_int_equal(json_int(beat, "active_tasks", -1), 0);
    assert_string_equal(json_str(beat, "current_task", "?"), "");
    ask(f, "POST", "/", NULL,
        "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"message/send\",\"params\":{"
        "\"configuration\":{\"blocking\":false},\"message\":{\"parts\":[{\"kind\":"
        "\"text\","
        "\"text\":\"Please work for 150 seconds\"}]}}}");
    beat = await_beat(f, 2);
    assert_int_equal(json_int(beat, "active_tasks", -1), 1);
    assert_string_equal(json_str(beat, "current_task", "?"),
                        "Please work for 150 seconds");
    beat = await_beat(f, 6);
    assert_int_equal(json_int(beat, "active_tasks", -1), 0);
}

static void says_that_its_agent_hangs_or_fails(void **state)
{
    struct fixture *f = *state;
    set_fault(f, "agent", "wedged");
    start_box(f);
    json_t *beat = await_beat(f, 1);
    assert_string_equal(json_str(beat, "runtime_state", ""), "wedged");
    assert_int_not_equal(strlen(json_str(beat, "sample_error", "")), 0);
    set_fault(f, "agent", "failing");
    write_settings(f);
    beat = await_beat(f, 2);
    assert_null(json_object_get(beat, "runtime_state"));
    assert_true(json_number_value(json_object_get(beat, "error_rate")) >= 0.5);
}

static void starts_dead_servers_again_at_most_twice_for_a_turn(void **state)
{
    struct fixture *f = *state;
    make_concierge(f);
    set_fault(f, "mcp-child", "missing");
    start_ready(f);
    char *reply = reply_to(f, "Create a workspace named x");
    assert_non_null(strstr(reply, "Task"));
    free(reply);
    char *log = text_of(f, "console.log");
    int started = 0;
    for (const char *at = log; (at = strstr(at, ": started again")); at++)
        started++;
    assert_int_equal(started, 2);
    free(log);
    /* Whoever repairs it is served at the next turn. */
    json_object_del(json_object_get(f->settings, "faults"), "mcp-child");
    write_settings(f);
    reply = reply_to(f, "Create a workspace named x");
    assert_non_null(strstr(reply, "id new-1"));
    free(reply);
}

static void reports_tools_after_the_first_turn_when_the_contract_says_so(void **state)
{
    struct fixture *f = *state;
    make_concierge(f);
    set_switch(f, "loaded_tools_report", "turn");
    start_box(f);
    assert_null(json_object_get(await_beat(f, 2), "loaded_mcp_tools"));
    free(reply_to(f, "Reply with PONG"));
    assert_true(
        lists(json_object_get(await_beat(f, 2), "loaded_mcp_tools"), REQUIRED_ID));
}

static void reports_tools_never_or_empty_with_the_faults(void **state)
{
    struct fixture *f = *state;
    make_concierge(f);
    set_fault(f, "tools-report", "never");
    start_box(f);
    assert_null(json_object_get(await_beat(f, 2), "loaded_mcp_tools"));
    set_fault(f, "tools-report", "empty");
    write_settings(f);
    json_t *tools = json_object_get(await_beat(f, 2), "loaded_mcp_tools");
    assert_true(json_is_array(tools));
    assert_int_equal(json_array_size(tools), 0);
}

static void leaves_the_presence_out_where_the_runtime_does_not_know_it(void **state)
{
    struct fixture *f = *state;
    make_concierge(f);
    set_switch(f, "delivery", "asset");
    start_box(f);
    assert_null(json_object_get(await_beat(f, 1), "mcp_server_present"));
}

static void misses_the_server_under_another_name(void **state)
{
    struct fixture *f = *state;
    make_concierge(f);
    set_fault(f, "server-name", "platform");
    start_box(f);
    json_t *beat = await_report(f);
    assert_true(json_is_false(json_object_get(beat, "mcp_server_present")));
    assert_true(lists(json_object_get(beat, "loaded_mcp_tools"),
                      "mcp__platform__create_workspace"));
}

static void ignores_settings_with_the_executor_fault(void **state)
{
    struct fixture *f = *state;
    make_concierge(f);
    set_fault(f, "executor", "ignores-settings");
    start_box(f);
    json_t *beat = await_report(f);
    assert_true(json_is_true(json_object_get(beat, "mcp_server_present")));
    assert_false(lists(json_object_get(beat, "loaded_mcp_tools"), REQUIRED_ID));
}

static void loads_the_servers_of_the_config_too(void **state)
{
    struct fixture *f = *state;
    make_concierge(f);
    strv_env_unset(&f->env, "MOLECULE_DECLARED_PLUGINS");
    put(f, "configs/config.yaml",
        "name: old\nmcp_servers:\n  - name: molecule-platform\n    command: npx\n"
        "    args: [\"-y\", \"@molecule-ai/mcp-server\"]\n"
        "    env: {MOLECULE_MCP_MODE: management}\n  - name: a2a\n    command: false\n");
    start_box(f);
    assert_true(lists(json_object_get(await_report(f), "loaded_mcp_tools"), REQUIRED_ID));
    ask(f, "GET", "/_box/state", NULL, NULL);
    json_t *view = body_json(f);
    json_t *servers = json_object_get(view, "servers");
    assert_int_equal(json_array_size(servers), 2);
    assert_string_equal(json_str(json_array_get(servers, 0), "source", ""), "builtin");
    assert_string_equal(json_str(json_array_get(servers, 1), "source", ""),
                        "config.yaml");
    json_decref(view);
}

static void reports_without_a_server_that_cannot_start(void **state)
{
    struct fixture *f = *state;
    make_concierge(f);
    set_fault(f, "mcp-child", "missing");
    start_box(f);
    json_t *beat = await_report(f);
    assert_false(lists(json_object_get(beat, "loaded_mcp_tools"), REQUIRED_ID));
    assert_true(lists(json_object_get(beat, "loaded_mcp_tools"), "mcp__a2a__list_peers"));
}

static void reports_without_a_server_that_crashes(void **state)
{
    struct fixture *f = *state;
    make_concierge(f);
    set_fault(f, "mcp-child", "crash");
    start_box(f);
    assert_false(
        lists(json_object_get(await_report(f), "loaded_mcp_tools"), REQUIRED_ID));
}

static void ends_with_its_children(void **state)
{
    struct fixture *f = *state;
    make_concierge(f);
    start_ready(f);
    assert_int_equal(end_box(f), 0);
    char *const argv[] = {(char[]){"pgrep"}, (char[]){"-f"}, f->dir, NULL};
    struct proc_result r = {.out = BUF_INIT(0), .err = BUF_INIT(0)};
    struct proc_spec spec = PROC_SPEC_INIT;
    spec.argv = argv;
    spec.env = &f->env;
    assert_int_equal(proc_run(&spec, NULL, 0, 10000, &r, NULL), 0);
    assert_string_equal(r.out.data, "");
    proc_result_release(&r);
}

static void gives_up_a_forge_that_hangs_and_starts(void **state)
{
    struct fixture *f = *state;
    make_concierge(f);
    f->forge_hangs = true;
    set_switch(f, "plugin_fetch", "hang");
    start_box(f);
    json_t *beat = await_beat(f, 1);
    assert_true(json_is_false(json_object_get(beat, "mcp_server_present")));
    assert_int_equal(count_seen(f, ARCHIVE), 4);
    await_console(f, "[plugins] fetch/extract failed: " MANAGEMENT_SOURCE "\n");
}

static void ends_in_the_middle_of_boot_install(void **state)
{
    struct fixture *f = *state;
    make_concierge(f);
    f->forge_hangs = true;
    start_box(f);
    await_seen(f, ARCHIVE, 1);
    assert_int_equal(end_box(f), 0);
}

static void ends_while_its_servers_start(void **state)
{
    struct fixture *f = *state;
    make_concierge(f);
    start_box(f);
    await_seen(f, "/registry/register", 1);
    assert_int_equal(end_box(f), 0);
}

static void refuses_to_run_without_its_environment(void **state)
{
    struct fixture *f = *state;
    int status = 0;
    strv_env_unset(&f->env, "WORKSPACE_ID");
    start_box(f);
    assert_int_equal(proc_wait(&f->box, clock_mono_ms() + 10000, &status, NULL), 0);
    assert_int_equal(WEXITSTATUS(status), 2);
    await_console(f, "'WORKSPACE_ID' is not set");
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        CASE(boots_registers_and_reports_its_tools),
        CASE(goes_on_beating_in_the_rhythm_of_the_contract),
        CASE(removes_old_plugins_before_it_installs),
        CASE(starts_without_a_plugin_that_it_may_not_fetch),
        CASE(sends_no_token_with_the_unauthenticated_fault),
        CASE(installs_on_the_second_start_with_fail_once),
        CASE(leaves_plugins_alone_without_boot_install),
        CASE(loses_plugins_at_a_restart_with_the_fault),
        CASE(names_each_source_that_it_cannot_use),
        CASE(says_that_an_archive_is_none),
        CASE(installs_a_sub_path_under_its_last_name),
        CASE(registers_again_after_server_errors),
        CASE(gives_up_registering_after_eight_tries_and_beats),
        CASE(takes_a_refusal_for_final_and_beats),
        CASE(repeats_a_refused_beat_once_with_the_token_on_disk),
        CASE(goes_on_beating_when_two_beats_are_refused),
        CASE(tells_a_card_that_has_changed_once),
        CASE(beats_as_config_or_contract_say),
        CASE(says_what_it_works_on_and_that_it_is_idle_again),
        CASE(says_that_its_agent_hangs_or_fails),
        CASE(starts_dead_servers_again_at_most_twice_for_a_turn),
        CASE(reports_tools_after_the_first_turn_when_the_contract_says_so),
        CASE(reports_tools_never_or_empty_with_the_faults),
        CASE(leaves_the_presence_out_where_the_runtime_does_not_know_it),
        CASE(misses_the_server_under_another_name),
        CASE(ignores_settings_with_the_executor_fault),
        CASE(loads_the_servers_of_the_config_too),
        CASE(reports_without_a_server_that_cannot_start),
        CASE(reports_without_a_server_that_crashes),
        CASE(ends_with_its_children),
        CASE(gives_up_a_forge_that_hangs_and_starts),
        CASE(ends_in_the_middle_of_boot_install),
        CASE(ends_while_its_servers_start),
        CASE(refuses_to_run_without_its_environment),
    };
    int code;

    if (runs_as_box(argc, argv, &code))
        return code;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
