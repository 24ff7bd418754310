/* What the plugin adaptors make of a plugin tree, on real files. */
#include "base/fs.h"
#include "base/limits.h"
#include "io/json.h"
#include "mocks/box/adaptors.h"

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

static void put_management(const struct fixture *f)
{
    put(f, "plugins/" MANAGEMENT "/plugin.yaml", "name: x\n");
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
    put(f, "plugins/seo-all/adapters/claude_code.py", "pass\n");
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
    put(f, "plugins/a/setup.sh", "exit 3\n");
    put(f, "plugins/b/rules/b.md", "rule\n");
    adaptors_run(&f->opt);
    assert_int_equal(said.n, 1);
    assert_non_null(strstr(said.v[0], "ERROR plugin 'a': setup.sh"));
    assert_true(there(f, "CLAUDE.md"));
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
        CASE(says_that_a_plugin_has_no_adaptor),
        CASE(takes_the_first_of_two_plugins_of_one_name),
        CASE(runs_setup_without_the_secrets),
        CASE(says_that_setup_failed_and_goes_on),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
