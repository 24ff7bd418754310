#include "mocks/box/adaptors.h"

#include "base/buf.h"
#include "base/fs.h"
#include "base/limits.h"
#include "io/json.h"
#include "io/proc.h"
#include "mocks/box/expand.h"
#include "mocks/box/merge.h"
#include "mocks/box/runtimes.h"
#include "mocks/box/tree.h"

#include <string.h>

/* Not handed to a plugin's setup.sh. */
static const char *const SETUP_HIDDEN[] = {
    "CLAUDE_CODE_OAUTH_TOKEN",      "ANTHROPIC_API_KEY",    "OPENAI_API_KEY",
    "WORKSPACE_AUTH_TOKEN",         "GITHUB_TOKEN",         "GH_TOKEN",
    "MOLECULE_TEMPLATE_REPO_TOKEN", "MOLECULE_ADMIN_TOKEN",
};

/* Markdown in a plugin's root that is about the plugin, not for the agent. */
static const char *const NOT_FRAGMENTS[] = {"README.md", "CHANGELOG.md", "LICENSE.md",
                                            "CONTRIBUTING.md", "SKILL.md"};

struct plugin {
    const char *name;
    const char *dir;
    const struct adaptor_options *opt;
    struct err *err;
};

static bool ends_with(const char *s, const char *end)
{
    size_t n = strlen(s);
    size_t m = strlen(end);

    return n >= m && strcmp(s + n - m, end) == 0;
}

static bool has(const char *dir, const char *rel)
{
    char *path CLEANUP(free_ptr) = fs_join(dir, rel);

    return fs_exists(path);
}

static bool is_fragment(const char *file)
{
    for (size_t i = 0; i < ARRAY_SIZE(NOT_FRAGMENTS); i++)
        if (strcmp(file, NOT_FRAGMENTS[i]) == 0)
            return false;
    return ends_with(file, ".md");
}

/* ---- CLAUDE.md ---- */

/* Appends the file under its heading, once: a box may start again on the same /configs.
 */
static int append_memory(const struct plugin *p, const char *what, const char *rel,
                         struct buf *memory)
{
    char *path CLEANUP(free_ptr) = fs_join(p->dir, rel);
    const char *file = strrchr(rel, '/');
    struct buf text CLEANUP(buf_release) = BUF_INIT(LIMIT_FILE);
    char *heading CLEANUP(free_ptr) =
        xasprintf("# Plugin: %s / %s: %s\n", p->name, what, file ? file + 1 : rel);

    if (strstr(memory->data, heading))
        return 0;
    if (fs_read(path, &text, p->err) < 0)
        return -1;
    if (memory->len)
        buf_addc(memory, '\n');
    buf_addf(memory, "%s\n%s", heading, text.data);
    if (!ends_with(text.data, "\n"))
        buf_addc(memory, '\n');
    return 0;
}

static int wire_memory(const struct plugin *p)
{
    char *path CLEANUP(free_ptr) = fs_join(p->opt->configs, "CLAUDE.md");
    char *rules_dir CLEANUP(free_ptr) = fs_join(p->dir, "rules");
    struct strv rules CLEANUP(strv_release) = STRV_INIT;
    struct strv roots CLEANUP(strv_release) = STRV_INIT;
    struct buf memory CLEANUP(buf_release) = BUF_INIT(LIMIT_FILE);

    tree_list(rules_dir, false, &rules);
    tree_list(p->dir, false, &roots);
    if (fs_exists(path) && fs_read(path, &memory, p->err) < 0)
        return -1;
    size_t before = memory.len;
    for (size_t i = 0; i < rules.n; i++) {
        char *rel CLEANUP(free_ptr) = xasprintf("rules/%s", rules.v[i]);
        if (ends_with(rel, ".md") && append_memory(p, "rule", rel, &memory) < 0)
            return -1;
    }
    for (size_t i = 0; i < roots.n; i++)
        if (is_fragment(roots.v[i]) &&
            append_memory(p, "fragment", roots.v[i], &memory) < 0)
            return -1;
    if (memory.len == before)
        return 0;
    return fs_write(path, memory.data, memory.len, 0644, p->err);
}

/* ---- skills ---- */

/* Copies one skill unless a skill of that name is there. */
static int wire_skill(const struct plugin *p, const char *src, const char *name,
                      const struct strv *skip)
{
    char *rel CLEANUP(free_ptr) = xasprintf("skills/%s", name);
    char *dst CLEANUP(free_ptr) = fs_join(p->opt->configs, rel);

    if (fs_exists(dst))
        return 0;
    return tree_copy(src, dst, skip, p->err);
}

static int wire_skills(const struct plugin *p)
{
    char *skills CLEANUP(free_ptr) = fs_join(p->dir, "skills");
    struct strv names CLEANUP(strv_release) = STRV_INIT;
    struct strv skip CLEANUP(strv_release) = STRV_INIT;

    tree_list(skills, true, &names);
    for (size_t i = 0; i < names.n; i++) {
        char *src CLEANUP(free_ptr) = fs_join(skills, names.v[i]);
        if (wire_skill(p, src, names.v[i], NULL) < 0)
            return -1;
    }
    if (!has(p->dir, "SKILL.md"))
        return 0;
    /* A SKILL.md in the root makes the whole plugin one skill. */
    strv_add(&skip, ".git");
    strv_add(&skip, "__pycache__");
    strv_add(&skip, "adapters");
    return wire_skill(p, p->dir, p->name, &skip);
}

/* The way of before: the skills travel as template assets and land under agent-skills/,
 * and the plugin holds none. */
static int wire_skills_as_assets(const struct plugin *p)
{
    char *rel CLEANUP(free_ptr) = xasprintf("agent-skills/%s", p->name);
    char *dst CLEANUP(free_ptr) = fs_join(p->opt->configs, rel);
    char *skills CLEANUP(free_ptr) = fs_join(p->dir, "skills");
    char *root CLEANUP(free_ptr) = fs_join(p->dir, "SKILL.md");

    if (!fs_exists(skills) && !fs_exists(root))
        return 0;
    if (tree_copy(p->dir, dst, NULL, p->err) < 0 || fs_rmtree(skills, p->err) < 0)
        return -1;
    return fs_rmtree(root, p->err);
}

/* ---- setup.sh ---- */

static int run_setup(const struct plugin *p)
{
    char *script CLEANUP(free_ptr) = fs_join(p->dir, "setup.sh");
    char *const argv[] = {(char[]){"bash"}, script, NULL};
    struct strv env CLEANUP(strv_release) = STRV_INIT;
    struct proc_result result = {.out = BUF_INIT(0), .err = BUF_INIT(0)};
    struct proc_spec spec = PROC_SPEC_INIT;
    int rc;

    if (!fs_exists(script))
        return 0;
    strv_copy(&env, p->opt->env);
    for (size_t i = 0; i < ARRAY_SIZE(SETUP_HIDDEN); i++)
        strv_env_unset(&env, SETUP_HIDDEN[i]);
    spec.argv = argv;
    spec.env = &env;
    spec.cwd = p->dir;
    rc = proc_run(&spec, NULL, 0, p->opt->setup_timeout_ms, &result, p->err);
    if (rc == 0 && (result.timed_out || result.exit_code != 0))
        rc = err_set(p->err, ERR_SYS, "setup.sh of plugin '%s' %s", p->name,
                     result.timed_out ? "took too long" : "failed");
    proc_result_release(&result);
    return rc;
}

/* ---- the claude layer ---- */

/* What the plugin says of the management server, as the contract or a drift has it: under
 * another contract it goes by another name. */
static void adjust_server(json_t *servers, const struct adaptor_options *opt)
{
    json_t *entry = json_object_get(servers, MANAGEMENT_SERVER);
    const char *server_name = opt->server_name;

    if (entry && opt->without_mode)
        (void)json_object_del(json_object_get(entry, "env"), "MOLECULE_MCP_MODE");
    if (!entry || strcmp(server_name, MANAGEMENT_SERVER) == 0)
        return;
    (void)json_object_set(servers, server_name, entry);
    (void)json_object_del(servers, MANAGEMENT_SERVER);
}

/* The file as an object, NULL when it is not there or, which is said, none. */
static json_t *read_object(const struct plugin *p, const char *file)
{
    char *path CLEANUP(free_ptr) = fs_join(p->dir, file);
    json_t *root CLEANUP(json_drop) = NULL;
    struct err why = ERR_INIT;

    if (!fs_exists(path))
        return NULL;
    if (json_read_file(path, &root, &why) == 0 && json_is_object(root))
        return TAKE(root);
    char *line CLEANUP(free_ptr) =
        xasprintf("WARNING plugin '%s': %s is not valid JSON, skipped (%s)", p->name,
                  file, why.text[0] ? why.text : "no object");
    p->opt->say(line);
    return NULL;
}

static int merge_fragment(const struct plugin *p, const char *claude_dir)
{
    char *to CLEANUP(free_ptr) = fs_join(claude_dir, "settings.json");
    json_t *fragment CLEANUP(json_drop) = read_object(p, "settings-fragment.json");
    json_t *settings CLEANUP(json_drop) = NULL;
    json_t *merged CLEANUP(json_drop) = NULL;
    struct buf text CLEANUP(buf_release) = BUF_INIT(LIMIT_FILE);

    if (!fragment)
        return 0;
    /* A file that cannot be read counts as {}, as the runtime has it. */
    (void)!json_read_file(to, &settings, NULL);
    adjust_server(json_object_get(fragment, "mcpServers"), p->opt);
    /* As the box sees itself: the mock runs no hooks, and whoever reads the file must not
     * find out where it really lies. */
    merged = settings_merge(settings, fragment, "/configs/.claude");
    if (p->opt->embed_secrets)
        settings_embed_env(json_object_get(merged, "mcpServers"), p->opt->env);
    json_render(merged, JSON_PRETTY, &text);
    if (!ends_with(text.data, "\n"))
        buf_addc(&text, '\n');
    return fs_write(to, text.data, text.len, 0644, p->err);
}

static int wire_claude_layer(const struct plugin *p)
{
    static const char *const COPIED[] = {"hooks", "commands"};
    char *claude_dir CLEANUP(free_ptr) = fs_join(p->opt->configs, ".claude");

    if (fs_mkdirs(claude_dir, p->err) < 0)
        return -1;
    for (size_t i = 0; i < ARRAY_SIZE(COPIED); i++) {
        char *src CLEANUP(free_ptr) = fs_join(p->dir, COPIED[i]);
        char *dst CLEANUP(free_ptr) = fs_join(claude_dir, COPIED[i]);
        if (fs_is_dir(src) && tree_copy(src, dst, NULL, p->err) < 0)
            return -1;
    }
    return merge_fragment(p, claude_dir);
}

/* ---- the descriptor ---- */

/* mcp-servers.json says for every runtime which servers there are; each runtime has them
 * in the configuration that it reads itself. False = the plugin has none. */
static bool register_servers(const struct plugin *p, int *ret_rc)
{
    const struct runtime *rt = runtime_find(p->opt->runtime);
    json_t *descriptor CLEANUP(json_drop) =
        p->opt->descriptors ? read_object(p, "mcp-servers.json") : NULL;
    json_t *servers = json_object_get(descriptor, "mcpServers");
    char *path CLEANUP(free_ptr) =
        runtime_config_path(rt, p->opt->configs, strv_env_get(p->opt->env, "HOME"));

    *ret_rc = 0;
    if (!json_is_object(servers) || !path)
        return false;
    adjust_server(servers, p->opt);
    if (p->opt->embed_secrets)
        settings_embed_env(servers, p->opt->env);
    *ret_rc = runtime_add_servers(rt, path, servers, p->err);
    return true;
}

/* ---- all plugins ---- */

static int wire_skills_layer(const struct plugin *p)
{
    bool moved = p->opt->skills_as_assets && strstr(p->name, "seo");

    if (wire_memory(p) < 0)
        return -1;
    if ((moved ? wire_skills_as_assets(p) : wire_skills(p)) < 0)
        return -1;
    return run_setup(p);
}

static int wire_plugin(const struct plugin *p)
{
    enum adaptor_kind kind = adaptor_of(p->opt, p->name, p->dir);
    int rc;
    bool registered = register_servers(p, &rc);

    if (rc < 0)
        return -1;
    switch (kind) {
    case ADAPTOR_MCP_SERVER: /* its servers are wired even when its setup fails */
        return wire_claude_layer(p) < 0 ? -1 : wire_skills_layer(p);
    case ADAPTOR_AGENTSKILLS:
        return wire_skills_layer(p) < 0 ? -1 : wire_claude_layer(p);
    case ADAPTOR_RAW_DROP:
        break;
    }
    if (registered)
        return 0;
    char *line CLEANUP(free_ptr) =
        xasprintf("plugin '%s' has no adaptor for runtime '%s' — files dropped at "
                  "/configs/plugins/%s but no tools/sub-agents were wired in",
                  p->name, p->opt->runtime, p->name);
    p->opt->say(line);
    return 0;
}

static void wire_folder(const struct adaptor_options *opt, const char *folder,
                        struct strv *seen)
{
    struct strv names CLEANUP(strv_release) = STRV_INIT;

    tree_list(folder, true, &names);
    for (size_t i = 0; i < names.n; i++) {
        struct err err = ERR_INIT;
        char *dir CLEANUP(free_ptr) = fs_join(folder, names.v[i]);
        const struct plugin p = {.name = names.v[i], .dir = dir, .opt = opt, .err = &err};
        if (strv_has(seen, names.v[i]))
            continue;
        strv_add(seen, names.v[i]);
        if (wire_plugin(&p) < 0) {
            char *line CLEANUP(free_ptr) =
                xasprintf("ERROR plugin '%s': %s", names.v[i], err.text);
            opt->say(line);
        }
    }
}

void adaptors_run(const struct adaptor_options *opt)
{
    char *own CLEANUP(free_ptr) = fs_join(opt->configs, "plugins");
    struct strv seen CLEANUP(strv_release) = STRV_INIT;

    wire_folder(opt, own, &seen);
    if (opt->plugins_dir)
        wire_folder(opt, opt->plugins_dir, &seen);
}
