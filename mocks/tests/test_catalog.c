/* The built-in catalog: its sizes, and what becomes of each plugin that is broken. */
#include "mocks/tests/rest_fixture.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/limits.h"
#include "mocks/forge/catalog.h"

#define OURS "molecule-ai/"
#define TEMPLATE OURS "molecule-ai-workspace-template-"

/* ---- sizes ---- */

static char *catalog_dir(void)
{
    char *self CLEANUP(free_ptr) = fs_self_exe(NULL);
    for (int i = 0; i < 5; i++) /* build/<mode>/mocks/tests/test_x */
        *strrchr(self, '/') = '\0';
    return fs_join(self, "mocks/catalog");
}

static size_t size_of(const char *rel)
{
    CLEANUP(free_ptr) char *dir = catalog_dir();
    CLEANUP(free_ptr) char *path = fs_join(dir, rel);
    CLEANUP(buf_release) struct buf text = BUF_INIT(LIMIT_FILE);
    assert_int_equal(fs_read(path, &text, NULL), 0);
    return text.len;
}

static void configurations_and_persona_have_production_sizes(void **state)
{
    (void)state;
    assert_true(size_of(TEMPLATE "platform-agent/main/config.yaml") > KIB(7));
    assert_true(size_of(TEMPLATE "platform-agent/main/prompts/concierge.md") > KIB(3));
    assert_true(size_of(TEMPLATE "seo-agent/main/config.yaml") > KIB(8));
}

struct sum {
    size_t files, bytes;
};

static int add_file(const struct fs_entry *entry, void *arg)
{
    struct sum *sum = arg;
    sum->files += entry->dir ? 0 : 1;
    sum->bytes += (size_t)entry->size;
    return 0;
}

static void seo_all_is_many_files_of_hundreds_of_kilobytes(void **state)
{
    (void)state;
    struct sum sum = {0, 0};
    CLEANUP(free_ptr) char *dir = catalog_dir();
    CLEANUP(free_ptr) char *tree = fs_join(dir, OURS "seo-all/main");
    assert_int_equal(catalog_walk(tree, add_file, &sum, NULL), 0);
    assert_in_range(sum.files, 50, 500);
    assert_in_range(sum.bytes, KIB(300), MIB(1));
}

static void has_a_template_for_every_runtime_it_names(void **state)
{
    (void)state;
    static const char *const names[] = {
        "platform-agent", "seo-agent", "claude-code-default", "hermes", "codex",
        "gemini-cli",     "openclaw"};
    CLEANUP(free_ptr) char *dir = catalog_dir();
    struct catalog *c = catalog_new();
    struct err err = ERR_INIT;
    int rc = catalog_add(c, dir, &err);
    for (size_t i = 0; rc == 0 && i < ARRAY_SIZE(names); i++)
        rc = json_object_get(catalog_templates(c), names[i]) ? 0 : -1;
    catalog_free(c);
    assert_int_equal(rc, 0);
}

/* ---- what is broken ---- */

static int up(void **state)
{
    (void)state;
    static const char *const more[] = {"--pace", "0.001", NULL};
    return platform_up(more);
}

static void wait_online(const char *id)
{
    int64_t deadline = clock_mono_ms() + (int64_t)(20000 * clock_timeout_mul());
    do
        assert_int_equal(ask_of(id, "GET", "", NULL), 200);
    while (strcmp(member("status"), "online") != 0 && clock_mono_ms() < deadline);
    assert_string_equal(member("status"), "online");
}

static void new_workspace(char id[37])
{
    assert_int_equal(
        ask("POST", "/workspaces", "{\"name\":\"w\",\"model\":\"moonshot/kimi-k2.6\"}"),
        201);
    memcpy(id, member("id"), 37);
    wait_online(id);
}

/* Status of the install; the workspace is online again afterwards. */
static int install(const char *id, const char *source, char **ret_error)
{
    CLEANUP(free_ptr) char *body = xasprintf("{\"source\":\"%s\"}", source);
    int status = ask_of(id, "POST", "/plugins", body);
    *ret_error = xstrdup(json_str(fx.json, "error", "-"));
    wait_online(id);
    return status;
}

static void refuses_what_it_must_refuse(void **state)
{
    (void)state;
    static const struct {
        const char *source;
        int status;
        const char *error;
    } rows[] = {
        {"local://broken-digest", 422, "plugin manifest integrity check failed"},
        {"gitea://molecule-ai/broken-digest#main", 422,
         "plugin manifest integrity check failed"},
        {"gitea://molecule-ai/Broken_Name#main", 400,
         "resolver returned invalid plugin name"},
        {"gitea://molecule-ai/broken-escape#main", 502,
         "failed to fetch plugin from gitea"},
        {"gitea://molecule-ai/broken-archive#main", 502,
         "failed to fetch plugin from gitea"},
        {"gitea://molecule-ai/seo-all/skills/nowhere#main", 404,
         "failed to fetch plugin from gitea"},
        {"gitea://molecule-ai/nothing#main", 404, "failed to fetch plugin from gitea"},
        {"github://molecule-ai/nothing#main", 404, "failed to fetch plugin from github"},
        {"local://nothing", 404, "failed to fetch plugin from local"},
        {"gitea://molecule-ai/seo-all#0123456789abcdef0123456789abcdef01234567", 404,
         "failed to fetch plugin from gitea"},
    };
    char id[37];
    new_workspace(id);
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        CLEANUP(free_ptr) char *error = NULL;
        assert_int_equal(install(id, rows[i].source, &error), rows[i].status);
        assert_string_equal(error, rows[i].error);
    }
    assert_int_equal(ask_of(id, "GET", "/plugins", NULL), 200);
    assert_int_equal(json_array_size(fx.json), 0);
}

static const char *content(const char *id, const char *path)
{
    CLEANUP(free_ptr) char *at = xasprintf("/files/%s", path);
    return ask_of(id, "GET", at, NULL) == 200 ? member("content") : "(no file)";
}

/* A restart may be put off: the box has what it is to have once it came. */
static void wait_content(const char *id, const char *path, const char *text_in_it)
{
    int64_t deadline = clock_mono_ms() + (int64_t)(20000 * clock_timeout_mul());
    while (!strstr(content(id, path), text_in_it) && clock_mono_ms() < deadline)
        ;
    assert_non_null(strstr(content(id, path), text_in_it));
}

/* Installs from the forge; the path on the box then holds the text. */
static void after(const char *id, const char *name, const char *path,
                  const char *text_in_it)
{
    CLEANUP(free_ptr) char *source = xasprintf("gitea://molecule-ai/%s#main", name);
    CLEANUP(free_ptr) char *error = NULL;
    assert_int_equal(install(id, source, &error), 200);
    wait_content(id, path, text_in_it);
    wait_online(id);
}

static void tolerates_what_it_must_tolerate(void **state)
{
    (void)state;
    char id[37];
    new_workspace(id);
    /* A fragment that is no JSON is left out, what stands beside it is not. */
    after(id, "broken-fragment", "CLAUDE.md", "# Kept");
    assert_null(strstr(content(id, ".claude/settings.json"), "half"));
    /* A setup.sh that fails is an error of its plugin alone. */
    after(id, "broken-setup", "CLAUDE.md", "# Plugin: broken-setup / rule: kept.md");
    /* An entry without a command stands in the file; nobody starts it. */
    after(id, "broken-entry", ".claude/settings.json", "nameless");
    assert_non_null(strstr(content(id, ".claude/settings.json"), "kept"));
    /* No plugin.yaml: installed all the same, unless a digest of it is asked for. */
    after(id, "broken-no-manifest",
          "plugins/broken-no-manifest/"
          "rules/alone.md",
          "# Alone");
    assert_int_equal(
        ask_of(id, "POST", "/plugins",
               "{\"source\":\"local://broken-no-manifest\",\"sha256\":\"00\"}"),
        422);
    assert_string_equal(member("error"),
                        "sha256 check failed: plugin.yaml not found in staged plugin");
    /* A link is left out; what is written below its name stays inside. */
    after(id, "broken-symlink", "plugins/broken-symlink/rules/kept.md", "# Kept");
    assert_false(fs_exists("/etc/kept.md"));
    /* No adaptor: the files lie there. */
    after(id, "broken-adaptor", "plugins/broken-adaptor/data/notes.txt", "Files");
}

static void wires_rules_skills_hooks_and_commands(void **state)
{
    (void)state;
    char id[37];
    new_workspace(id);
    after(id, "house-rules", "CLAUDE.md", "# Plugin: house-rules / rule: writing.md");
    assert_non_null(
        strstr(content(id, "CLAUDE.md"), "# Plugin: house-rules / fragment: context.md"));
    assert_null(strstr(content(id, "CLAUDE.md"), "README"));
    assert_non_null(strstr(content(id, "skills/hand-over/SKILL.md"), "# Hand over"));
    assert_non_null(strstr(content(id, ".claude/commands/hand-over.md"), "hand-over"));
    assert_non_null(strstr(content(id, ".claude/settings.json"), "hooks/note-write.sh"));
    assert_null(strstr(content(id, ".claude/settings.json"), "${CLAUDE_DIR}"));
    assert_non_null(strstr(content(id, "plugins/house-rules/.setup-done"), "set up"));
}

/* ---- a catalog of one's own ---- */

static char own_dir[64];

static int own_down(void **state)
{
    int rc = platform_down(state);
    return fs_rmtree(own_dir, NULL) < 0 ? -1 : rc;
}

/* A plugin of 101 MiB that takes no room: its file is a hole. */
static int own_up(void **state)
{
    (void)state;
    (void)snprintf(own_dir, sizeof own_dir, "/tmp/waybill-own-XXXXXX");
    if (!mkdtemp(own_dir))
        return -1;
    CLEANUP(free_ptr) char *template = fs_join(own_dir, "my-agent");
    CLEANUP(free_ptr) char *config = fs_join(template, "config.yaml");
    CLEANUP(free_ptr) char *catalog = fs_join(own_dir, "catalog");
    CLEANUP(free_ptr) char *large = fs_join(catalog, OURS "large/main/hole");
    static const char text[] = "name: my-agent\nruntime: claude-code\n"
                               "model: moonshot/kimi-k2.6\nmotto: from the disk\n";
    if (fs_mkparents(config, NULL) < 0 || fs_mkparents(large, NULL) < 0 ||
        fs_write(config, text, sizeof text - 1, 0644, NULL) < 0 ||
        fs_write(large, "", 0, 0644, NULL) < 0 || truncate(large, (off_t)MIB(101)) < 0) {
        (void)!fs_rmtree(own_dir, NULL);
        return -1;
    }
    const char *const more[] = {"--catalog", catalog, "--catalog", template, NULL};
    if (platform_up(more) == 0)
        return 0;
    (void)!fs_rmtree(own_dir, NULL);
    return -1;
}

static void a_plugin_past_the_size_limit_is_refused(void **state)
{
    (void)state;
    char id[37];
    CLEANUP(free_ptr) char *error = NULL;
    new_workspace(id);
    assert_int_equal(install(id, "local://large", &error), 413);
    assert_string_equal(error, "staged plugin exceeds size limit");
}

static void a_working_tree_is_a_template_as_it_is_on_the_disk(void **state)
{
    (void)state;
    char id[37];
    assert_int_equal(
        ask("POST", "/workspaces", "{\"name\":\"mine\",\"template\":\"my-agent\"}"), 201);
    memcpy(id, member("id"), 37);
    wait_online(id);
    assert_non_null(strstr(content(id, "config.yaml"), "motto: from the disk"));
    CLEANUP(free_ptr) char *config = fs_join(own_dir, "my-agent/config.yaml");
    static const char edited[] = "name: my-agent\nruntime: claude-code\nmotto: edited\n";
    assert_int_equal(fs_write(config, edited, sizeof edited - 1, 0644, NULL), 0);
    assert_int_equal(ask_of(id, "POST", "/restart", "{}"), 200);
    wait_content(id, "config.yaml", "motto: edited");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(configurations_and_persona_have_production_sizes),
        cmocka_unit_test(seo_all_is_many_files_of_hundreds_of_kilobytes),
        cmocka_unit_test(has_a_template_for_every_runtime_it_names),
        cmocka_unit_test_setup_teardown(refuses_what_it_must_refuse, up, platform_down),
        cmocka_unit_test_setup_teardown(tolerates_what_it_must_tolerate, up,
                                        platform_down),
        cmocka_unit_test_setup_teardown(a_plugin_past_the_size_limit_is_refused, own_up,
                                        own_down),
        cmocka_unit_test_setup_teardown(a_working_tree_is_a_template_as_it_is_on_the_disk,
                                        own_up, own_down),
        cmocka_unit_test_setup_teardown(wires_rules_skills_hooks_and_commands, up,
                                        platform_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
