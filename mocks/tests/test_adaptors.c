/* What the plugin adaptors make of a plugin tree, on real files. */
#include "base/fs.h"
#include "base/limits.h"
#include "io/json.h"
#include "mocks/box/adaptors.h"
#include "mocks/box/runtimes.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <cmocka.h>

#define MANAGEMENT "molecule-ai-plugin-molecule-platform-mcp"

struct fixture {
    char dir[64];
    struct strv env;
    struct adaptor_options opt;
};

static struct strv said;

static void say(const char *line)
{
    strv_add(&said, line);
}

static int setup(void **state)
{
    struct fixture *f = xcalloc(1, sizeof(*f));

    memcpy(f->dir, "/tmp/waybill-adaptors-XXXXXX",
           sizeof("/tmp/waybill-adaptors-XXXXXX"));
    if (!mkdtemp(f->dir)) {
        free(f);
        return -1;
    }
    strv_env_set(&f->env, "MOLECULE_ORG_API_KEY", "the-org-key");
    strv_env_set(&f->env, "PATH", "/usr/bin:/bin");
    strv_env_set(&f->env, "GH_TOKEN", "hidden");
    f->opt = (struct adaptor_options){.configs = f->dir,
                                      .runtime = "claude-code",
                                      .env = &f->env,
                                      .server_name = MANAGEMENT_SERVER,
                                      .setup_timeout_ms = 10000,
                                      .say = say};
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;

    (void)!fs_rmtree(f->dir, NULL);
    strv_release(&f->env);
    strv_release(&said);
    free(f);
    return 0;
}

static void put(const struct fixture *f, const char *rel, const char *text)
{
    char *path = fs_join(f->dir, rel);
    struct err err = ERR_INIT;

    if (fs_mkparents(path, &err) < 0 ||
        fs_write(path, text, strlen(text), 0644, &err) < 0)
        fail_msg("%s", err.text);
    free(path);
}

/* The file's text, or NULL; the caller frees. */
static char *text_of(const struct fixture *f, const char *rel)
{
    char *path = fs_join(f->dir, rel);
    struct buf b = BUF_INIT(LIMIT_FILE);
    int rc = fs_read(path, &b, NULL);

    free(path);
    if (rc < 0) {
        buf_release(&b);
        return NULL;
    }
    return buf_steal(&b);
}

static bool there(const struct fixture *f, const char *rel)
{
    char *path = fs_join(f->dir, rel);
    bool yes = fs_exists(path);

    free(path);
    return yes;
}

static void put_manifest(const struct fixture *f, const char *plugin, const char *adaptor)
{
    char *rel = xasprintf("plugins/%s/plugin.yaml", plugin);
    char *text = xasprintf("name: %s\nadaptor: %s\n", plugin, adaptor);

    put(f, rel, text);
    free(text);
    free(rel);
}

static void put_management(const struct fixture *f)
{
    put(f, "plugins/" MANAGEMENT "/plugin.yaml", "adaptor: mcp-server\n");
    put(f, "plugins/" MANAGEMENT "/settings-fragment.json",
        "{\"mcpServers\":{\"molecule-platform\":{\"command\":\"npx\",\"env\":{"
        "\"MOLECULE_ORG_API_KEY\":\"${MOLECULE_ORG_API_KEY}\"}}}}");
}

static void assert_settings(const struct fixture *f, const char *expected)
{
    char *text = text_of(f, ".claude/settings.json");

    assert_non_null(text);
    assert_string_equal(text, expected);
    free(text);
}

static void writes_the_server_with_its_secret_referenced(void **state)
{
    struct fixture *f = *state;
    put_management(f);
    adaptors_run(&f->opt);
    assert_settings(f, "{\n"
                       "  \"hooks\": {},\n"
                       "  \"mcpServers\": {\n"
                       "    \"molecule-platform\": {\n"
                       "      \"command\": \"npx\",\n"
                       "      \"env\": {\n"
                       "        \"MOLECULE_ORG_API_KEY\": \"${MOLECULE_ORG_API_KEY}\"\n"
                       "      }\n"
                       "    }\n"
                       "  }\n"
                       "}\n");
    assert_int_equal(said.n, 0);
}

static void embeds_the_secret_only_with_the_fault(void **state)
{
    struct fixture *f = *state;
    put_management(f);
    f->opt.embed_secrets = true;
    adaptors_run(&f->opt);
    char *text = text_of(f, ".claude/settings.json");
    assert_non_null(strstr(text, "the-org-key"));
    assert_null(strstr(text, "${"));
    free(text);
}

static void names_the_management_server_as_the_contract_does(void **state)
{
    struct fixture *f = *state;
    put_management(f);
    f->opt.server_name = "platform";
    adaptors_run(&f->opt);
    char *text = text_of(f, ".claude/settings.json");
    assert_non_null(strstr(text, "\"platform\": {"));
    assert_null(strstr(text, "molecule-platform"));
    free(text);
}

static void keeps_what_settings_hold_already(void **state)
{
    struct fixture *f = *state;
    put_management(f);
    put(f, ".claude/settings.json", "{\"mcpServers\":{\"mine\":{\"command\":\"x\"}}}");
    adaptors_run(&f->opt);
    char *text = text_of(f, ".claude/settings.json");
    assert_non_null(strstr(text, "\"mine\""));
    assert_non_null(strstr(text, "\"molecule-platform\""));
    free(text);
}

static void skips_a_broken_fragment_with_a_warning(void **state)
{
    struct fixture *f = *state;
    put_manifest(f, "bad", "mcp-server");
    put(f, "plugins/bad/settings-fragment.json", "{");
    put_management(f);
    adaptors_run(&f->opt);
    assert_int_equal(said.n, 1);
    assert_non_null(strstr(said.v[0], "WARNING plugin 'bad'"));
    char *text = text_of(f, ".claude/settings.json");
    assert_non_null(strstr(text, "molecule-platform"));
    free(text);
}

static void writes_nothing_for_a_broken_fragment(void **state)
{
    struct fixture *f = *state;
    put_manifest(f, "bad", "mcp-server");
    put(f, "plugins/bad/settings-fragment.json", "[]");
    adaptors_run(&f->opt);
    assert_false(there(f, ".claude/settings.json"));
    assert_int_equal(said.n, 1);
}

static void starts_from_nothing_when_settings_are_unreadable(void **state)
{
    struct fixture *f = *state;
    put_management(f);
    put(f, ".claude/settings.json", "not json");
    adaptors_run(&f->opt);
    char *text = text_of(f, ".claude/settings.json");
    assert_non_null(strstr(text, "molecule-platform"));
    free(text);
}

static void put_skills(const struct fixture *f)
{
    put(f, "plugins/seo-all/plugin.yaml", "name: seo-all\n");
    put(f, "plugins/seo-all/SKILL.md", "root skill\n");
    put(f, "plugins/seo-all/adapters/claude_code.py",
        "from plugins_registry.builtins import AgentskillsAdaptor as Adaptor\n");
    put(f, "plugins/seo-all/references/a.md", "reference\n");
    put(f, "plugins/seo-all/rules/evidence.md", "say why\n");
    put(f, "plugins/seo-all/NOTES.md", "a fragment");
    put(f, "plugins/seo-all/README.md", "about the plugin\n");
    put(f, "plugins/seo-all/skills/brief/SKILL.md", "brief\n");
}

static void copies_skills_and_makes_a_root_skill_of_the_plugin(void **state)
{
    struct fixture *f = *state;
    put_skills(f);
    adaptors_run(&f->opt);
    assert_true(there(f, "skills/brief/SKILL.md"));
    assert_true(there(f, "skills/seo-all/SKILL.md"));
    assert_true(there(f, "skills/seo-all/references/a.md"));
    assert_false(there(f, "skills/seo-all/adapters"));
    assert_false(there(f, "agent-skills"));
}

static void leaves_a_skill_that_is_there(void **state)
{
    struct fixture *f = *state;
    put_skills(f);
    put(f, "skills/brief/SKILL.md", "mine\n");
    adaptors_run(&f->opt);
    char *text = text_of(f, "skills/brief/SKILL.md");
    assert_string_equal(text, "mine\n");
    free(text);
}

static void appends_rules_and_fragments_to_the_memory_once(void **state)
{
    struct fixture *f = *state;
    put_skills(f);
    put(f, "CLAUDE.md", "before\n");
    adaptors_run(&f->opt);
    adaptors_run(&f->opt);
    char *text = text_of(f, "CLAUDE.md");
    assert_string_equal(text, "before\n"
                              "\n# Plugin: seo-all / rule: evidence.md\n\nsay why\n"
                              "\n# Plugin: seo-all / fragment: NOTES.md\n\na fragment\n");
    free(text);
}

static void lands_skills_under_agent_skills_with_the_fault(void **state)
{
    struct fixture *f = *state;
    put_skills(f);
    f->opt.skills_as_assets = true;
    adaptors_run(&f->opt);
    assert_true(there(f, "agent-skills/seo-all/SKILL.md"));
    assert_true(there(f, "agent-skills/seo-all/skills/brief/SKILL.md"));
    assert_false(there(f, "plugins/seo-all/SKILL.md"));
    assert_false(there(f, "plugins/seo-all/skills"));
    assert_false(there(f, "skills/seo-all"));
    assert_true(there(f, "plugins/seo-all/plugin.yaml"));
}

static void copies_hooks_and_commands_and_keeps_their_modes(void **state)
{
    struct fixture *f = *state;
    struct stat st;
    put_manifest(f, "p", "agentskills");
    put(f, "plugins/p/hooks/run.sh", "#!/bin/sh\n");
    put(f, "plugins/p/commands/go.md", "go\n");
    char *script = fs_join(f->dir, "plugins/p/hooks/run.sh");
    assert_int_equal(chmod(script, 0755), 0);
    free(script);
    adaptors_run(&f->opt);
    char *copied = fs_join(f->dir, ".claude/hooks/run.sh");
    assert_int_equal(stat(copied, &st), 0);
    free(copied);
    assert_int_equal(st.st_mode & 0777, 0755);
    assert_true(there(f, ".claude/commands/go.md"));
}

static void expands_the_folder_of_hooks_as_the_box_sees_it(void **state)
{
    struct fixture *f = *state;
    put_manifest(f, "p", "agentskills");
    put(f, "plugins/p/settings-fragment.json",
        "{\"hooks\":{\"Stop\":[{\"hooks\":[{\"type\":\"command\",\"command\":"
        "\"${CLAUDE_DIR}/hooks/a.sh\"}]}]}}");
    adaptors_run(&f->opt);
    char *text = text_of(f, ".claude/settings.json");
    assert_non_null(strstr(text, "\"command\": \"/configs/.claude/hooks/a.sh\""));
    free(text);
}

static void says_that_a_plugin_has_no_adaptor(void **state)
{
    struct fixture *f = *state;
    put(f, "plugins/odd/data.bin", "x");
    adaptors_run(&f->opt);
    assert_int_equal(said.n, 1);
    assert_non_null(strstr(said.v[0], "plugin 'odd' has no adaptor for runtime "
                                      "'claude-code'"));
    assert_non_null(strstr(said.v[0], "files dropped at /configs/plugins/odd"));
}

static void takes_the_first_of_two_plugins_of_one_name(void **state)
{
    struct fixture *f = *state;
    char *second = fs_join(f->dir, "second");
    put_manifest(f, "p", "agentskills");
    put(f, "second/p/plugin.yaml", "adaptor: agentskills\n");
    put(f, "second/q/plugin.yaml", "adaptor: agentskills\n");
    put(f, "plugins/p/rules/a.md", "first\n");
    put(f, "second/p/rules/a.md", "second\n");
    put(f, "second/q/rules/b.md", "other\n");
    f->opt.plugins_dir = second;
    adaptors_run(&f->opt);
    char *text = text_of(f, "CLAUDE.md");
    assert_non_null(strstr(text, "first"));
    assert_null(strstr(text, "second"));
    assert_non_null(strstr(text, "other"));
    free(text);
    free(second);
}

static void runs_setup_without_the_secrets(void **state)
{
    struct fixture *f = *state;
    put_manifest(f, "p", "agentskills");
    put(f, "plugins/p/rules/a.md", "rule\n");
    put(f, "plugins/p/setup.sh",
        "echo \"${GH_TOKEN:-none} $MOLECULE_ORG_API_KEY\" > out\n");
    adaptors_run(&f->opt);
    char *text = text_of(f, "plugins/p/out");
    assert_non_null(text);
    assert_string_equal(text, "none the-org-key\n");
    free(text);
}

static void says_that_setup_failed_and_goes_on(void **state)
{
    struct fixture *f = *state;
    put_manifest(f, "a", "agentskills");
    put_manifest(f, "b", "agentskills");
    put(f, "plugins/a/setup.sh", "exit 3\n");
    put(f, "plugins/b/rules/b.md", "rule\n");
    adaptors_run(&f->opt);
    assert_int_equal(said.n, 1);
    assert_non_null(strstr(said.v[0], "ERROR plugin 'a': setup.sh"));
    assert_true(there(f, "CLAUDE.md"));
}

struct choice {
    const char *file, *text;
    const char *runtime;
    enum adaptor_kind kind;
};

#define BUILTIN(class) "from plugins_registry.builtins import " class " as Adaptor\n"

static const struct choice CHOICES[] = {
    {"plugins/p/adapters/claude_code.py", BUILTIN("MCPServerAdaptor"), "claude-code",
     ADAPTOR_MCP_SERVER},
    {"plugins/p/adapters/claude_code.py", BUILTIN("AgentskillsAdaptor"), "claude-code",
     ADAPTOR_AGENTSKILLS},
    {"plugins/p/adapters/claude_code.py", BUILTIN("RawDropAdaptor"), "claude-code",
     ADAPTOR_RAW_DROP},
    {"plugins/p/adapters/claude_code.py", "# AgentskillsAdaptor would do\n",
     "claude-code", ADAPTOR_RAW_DROP},
    {"plugins/p/adapters/claude_code.py", BUILTIN("MCPServerAdaptor"), "hermes",
     ADAPTOR_RAW_DROP},
    {"plugins/p/adapters/google_adk.py", "class Adaptor(AgentskillsAdaptor): pass\n",
     "google-adk", ADAPTOR_AGENTSKILLS},
    {"registry/p/gemini_cli.py", BUILTIN("AgentskillsAdaptor"), "gemini-cli",
     ADAPTOR_AGENTSKILLS},
    {"plugins/p/plugin.yaml", "adaptor: mcp-server\nruntimes: [claude_code]\n",
     "claude-code", ADAPTOR_MCP_SERVER},
    {"plugins/p/plugin.yaml", "adaptor: mcp-server\nruntimes: [claude-code]\n", "codex",
     ADAPTOR_RAW_DROP},
    {"plugins/p/settings-fragment.json", "{}", "claude-code", ADAPTOR_RAW_DROP},
};

static void chooses_the_adaptor_by_registry_file_and_manifest(void **state)
{
    struct fixture *f = *state;
    char *registry = fs_join(f->dir, "registry");
    char *plugins = fs_join(f->dir, "plugins");
    char *dir = fs_join(f->dir, "plugins/p");
    f->opt.registry = registry;
    for (size_t i = 0; i < ARRAY_SIZE(CHOICES); i++) {
        (void)!fs_rmtree(plugins, NULL);
        (void)!fs_rmtree(registry, NULL);
        put(f, CHOICES[i].file, CHOICES[i].text);
        f->opt.runtime = CHOICES[i].runtime;
        if (adaptor_of(&f->opt, "p", dir) != CHOICES[i].kind)
            fail_msg("choice %zu: %s", i, CHOICES[i].file);
    }
    free(dir);
    free(plugins);
    free(registry);
}

static void takes_the_images_adaptor_before_the_plugins(void **state)
{
    struct fixture *f = *state;
    char *registry = fs_join(f->dir, "registry");
    char *dir = fs_join(f->dir, "plugins/p");
    f->opt.registry = registry;
    put(f, "registry/p/claude_code.py", BUILTIN("RawDropAdaptor"));
    put(f, "plugins/p/adapters/claude_code.py", BUILTIN("MCPServerAdaptor"));
    assert_int_equal(adaptor_of(&f->opt, "p", dir), ADAPTOR_RAW_DROP);
    free(dir);
    free(registry);
}

static void wires_a_server_although_its_setup_fails(void **state)
{
    struct fixture *f = *state;
    put_management(f);
    put(f, "plugins/" MANAGEMENT "/setup.sh", "exit 1\n");
    adaptors_run(&f->opt);
    assert_true(there(f, ".claude/settings.json"));
    assert_non_null(strstr(said.v[0], "setup.sh"));
}

static void stops_a_setup_that_takes_too_long(void **state)
{
    struct fixture *f = *state;
    put_manifest(f, "p", "agentskills");
    put(f, "plugins/p/setup.sh", "sleep 30\n");
    f->opt.setup_timeout_ms = 50;
    adaptors_run(&f->opt);
    assert_string_equal(said.v[0],
                        "ERROR plugin 'p': setup.sh of plugin 'p' took too long");
}

static void leaves_the_servers_of_a_plugin_that_is_gone(void **state)
{
    struct fixture *f = *state;
    char *plugins = fs_join(f->dir, "plugins");
    put_management(f);
    adaptors_run(&f->opt);
    char *before = text_of(f, ".claude/settings.json");
    assert_int_equal(fs_rmtree(plugins, NULL), 0);
    adaptors_run(&f->opt);
    assert_settings(f, before);
    free(before);
    free(plugins);
}

/* ---- the descriptor, for every runtime ---- */

struct rendering {
    const char *runtime, *file, *text;
};

#define ENTRY(pad)                                                                       \
    pad "\"tool-box\": {\n" pad "  \"command\": \"npx\",\n" pad "  \"args\": [\n" pad    \
        "    \"-y\",\n" pad "    \"a b\"\n" pad "  ],\n" pad "  \"env\": {\n" pad        \
        "    \"KEY\": \"${THE_KEY}\"\n" pad "  }\n" pad "}\n"

static const struct rendering RENDERINGS[] = {
    {"claude-code", ".claude/settings.json",
     "{\n  \"mcpServers\": {\n" ENTRY("    ") "  }\n}\n"},
    {"gemini-cli", ".gemini/settings.json",
     "{\n  \"mcpServers\": {\n" ENTRY("    ") "  }\n}\n"},
    {"openclaw", ".openclaw/openclaw.json",
     "{\n  \"mcp\": {\n    \"servers\": {\n" ENTRY("      ") "    }\n  }\n}\n"},
    {"codex", ".codex/config.toml",
     "[mcp_servers.tool-box]\ncommand = \"npx\"\nargs = [\"-y\",\"a b\"]\n\n"
     "[mcp_servers.tool-box.env]\nKEY = \"${THE_KEY}\"\n"},
    {"hermes", ".hermes/config.yaml",
     "mcp_servers:\n  tool-box:\n    command: \"npx\"\n    args: [\"-y\",\"a b\"]\n"
     "    env:\n      KEY: \"${THE_KEY}\"\n"},
};

static void put_descriptor(const struct fixture *f)
{
    put(f, "plugins/tools/mcp-servers.json",
        "{\"mcpServers\":{\"tool-box\":{\"command\":\"npx\",\"args\":[\"-y\",\"a b\"],"
        "\"env\":{\"KEY\":\"${THE_KEY}\"}}}}");
}

static void renders_the_descriptor_into_each_runtimes_own_file(void **state)
{
    struct fixture *f = *state;
    put_descriptor(f);
    strv_env_set(&f->env, "HOME", f->dir);
    f->opt.descriptors = true;
    for (size_t i = 0; i < ARRAY_SIZE(RENDERINGS); i++) {
        const struct rendering *r = &RENDERINGS[i];
        f->opt.runtime = r->runtime;
        adaptors_run(&f->opt);
        char *text = text_of(f, r->file);
        assert_non_null(text);
        assert_string_equal(text, r->text);
        free(text);
        /* Again: nothing is doubled, and it reads back as it was written. */
        adaptors_run(&f->opt);
        char *path = fs_join(f->dir, r->file);
        json_t *servers = NULL;
        assert_int_equal(
            runtime_read_servers(runtime_find(r->runtime), path, &servers, NULL), 0);
        assert_int_equal(json_object_size(servers), 1);
        json_t *entry = json_object_get(servers, "tool-box");
        assert_string_equal(json_str(entry, "command", ""), "npx");
        assert_int_equal(json_array_size(json_object_get(entry, "args")), 2);
        assert_string_equal(json_str(json_object_get(entry, "env"), "KEY", ""),
                            "${THE_KEY}");
        json_decref(servers);
        free(path);
    }
    assert_int_equal(said.n, 0);
}

static void keeps_what_codex_has_in_its_file(void **state)
{
    struct fixture *f = *state;
    put_descriptor(f);
    put(f, ".codex/config.toml",
        "model = \"gpt-5.5\" # mine\n\n[mcp_servers.tool-box]\ncommand = \"old\"\n\n"
        "[mcp_servers.tool-box.env]\nX = \"1\"\n\n[mcp_servers.other]\ncommand = 'o'\n"
        "env = { A = \"1\" }\n");
    strv_env_set(&f->env, "HOME", f->dir);
    f->opt.descriptors = true;
    f->opt.runtime = "codex";
    adaptors_run(&f->opt);
    char *text = text_of(f, ".codex/config.toml");
    assert_non_null(strstr(text, "model = \"gpt-5.5\" # mine\n"));
    assert_non_null(strstr(text, "[mcp_servers.other]\ncommand = 'o'\n"));
    assert_null(strstr(text, "old"));
    assert_null(strstr(text, "X = "));
    free(text);
}

static void leaves_the_descriptor_alone_before_its_time(void **state)
{
    struct fixture *f = *state;
    put_descriptor(f);
    adaptors_run(&f->opt);
    assert_false(there(f, ".claude/settings.json"));
    assert_non_null(strstr(said.v[0], "has no adaptor"));
}

static void says_where_a_runtime_has_no_place_for_servers(void **state)
{
    struct fixture *f = *state;
    put_descriptor(f);
    f->opt.descriptors = true;
    f->opt.runtime = "google-adk";
    adaptors_run(&f->opt);
    assert_non_null(strstr(said.v[0], "no adaptor for runtime 'google-adk'"));
}

#define CASE(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(writes_the_server_with_its_secret_referenced),
        CASE(embeds_the_secret_only_with_the_fault),
        CASE(names_the_management_server_as_the_contract_does),
        CASE(keeps_what_settings_hold_already),
        CASE(skips_a_broken_fragment_with_a_warning),
        CASE(writes_nothing_for_a_broken_fragment),
        CASE(starts_from_nothing_when_settings_are_unreadable),
        CASE(copies_skills_and_makes_a_root_skill_of_the_plugin),
        CASE(leaves_a_skill_that_is_there),
        CASE(appends_rules_and_fragments_to_the_memory_once),
        CASE(lands_skills_under_agent_skills_with_the_fault),
        CASE(copies_hooks_and_commands_and_keeps_their_modes),
        CASE(expands_the_folder_of_hooks_as_the_box_sees_it),
        CASE(says_that_a_plugin_has_no_adaptor),
        CASE(takes_the_first_of_two_plugins_of_one_name),
        CASE(runs_setup_without_the_secrets),
        CASE(says_that_setup_failed_and_goes_on),
        CASE(chooses_the_adaptor_by_registry_file_and_manifest),
        CASE(takes_the_images_adaptor_before_the_plugins),
        CASE(wires_a_server_although_its_setup_fails),
        CASE(stops_a_setup_that_takes_too_long),
        CASE(leaves_the_servers_of_a_plugin_that_is_gone),
        CASE(renders_the_descriptor_into_each_runtimes_own_file),
        CASE(keeps_what_codex_has_in_its_file),
        CASE(leaves_the_descriptor_alone_before_its_time),
        CASE(says_where_a_runtime_has_no_place_for_servers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
