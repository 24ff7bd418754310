/*
 * What the box loaded, and what it says of it: server map, tools, agent card.
 */
#include "mocks/box/state.h"

#include "base/buf.h"
#include "base/fs.h"
#include "base/limits.h"
#include "io/json.h"
#include "io/loop.h"
#include "io/yaml.h"
#include "mocks/box/adaptors.h"
#include "mocks/box/expand.h"
#include "mocks/box/runtimes.h"
#include "mocks/box/tree.h"

#include <string.h>

/* The Claude CLI's MCP_TIMEOUT in production time, and the least that a loaded machine
 * is given: it is patience, not a clock of the product. */
enum { START_SECONDS = 60, START_LEAST_MS = 10000 };

struct waiter {
    struct waiter *next;
    char *server; /* NULL = all */
    waiter_fn *fn;
    void *arg;
    bool cancelled;
};

/* ---- waiting ---- */

static bool is_over(const struct box *b, const struct waiter *w)
{
    if (!b->mapped || !w->server)
        return box_settled(b);
    const struct child *child = box_child(b, w->server);
    return !child || child_state(child) != CHILD_STARTING;
}

static void free_waiter(struct waiter *w)
{
    free(w->server);
    free(w);
}

static void wake(struct box *b)
{
    struct waiter **at = &b->waiters;

    while (*at) {
        struct waiter *w = *at;
        if (!w->cancelled && !is_over(b, w)) {
            at = &w->next;
            continue;
        }
        *at = w->next;
        waiter_fn *fn = w->cancelled ? NULL : w->fn;
        void *arg = w->arg;
        free_waiter(w);
        if (!fn)
            continue;
        fn(arg);
        at = &b->waiters; /* fn may have changed the list */
    }
}

static void wake_soon(void *arg)
{
    struct box *b = arg;

    b->wake_timer = NULL;
    wake(b);
}

struct waiter *box_wait(struct box *b, const char *server, waiter_fn *fn, void *arg)
{
    struct waiter *w = xcalloc(1, sizeof(*w));

    w->server = server ? xstrdup(server) : NULL;
    w->fn = fn;
    w->arg = arg;
    w->next = b->waiters;
    b->waiters = w;
    if (is_over(b, w) && !b->wake_timer)
        b->wake_timer = loop_timer_add(b->loop, 0, wake_soon, b);
    return w;
}

void box_wait_cancel(struct box *b, struct waiter *w)
{
    (void)b;
    if (w)
        w->cancelled = true;
}

/* ---- loading ---- */

static void child_changed(struct child *child, void *arg)
{
    struct box *b = arg;

    if (!child_running(child))
        box_stopped_one(b);
    if (b->stopping || !b->mapped)
        return;
    wake(b);
    if (box_settled(b))
        link_settled(b);
}

static void read_config(struct box *b)
{
    char *path CLEANUP(free_ptr) = box_config_path(b, "config.yaml");
    char *prompt_path CLEANUP(free_ptr) = box_config_path(b, "system-prompt.md");
    struct ydoc *doc CLEANUP(ydoc_drop) = NULL;
    struct buf prompt = BUF_INIT(LIMIT_FILE);
    struct err err = ERR_INIT;

    if (yaml_read_file(path, LIMIT_FILE, &doc, &err) < 0)
        box_sayf("[config] %s", err.text);
    else
        b->config = ynode_to_json(ydoc_root(doc));
    if (fs_read(prompt_path, &prompt, NULL) == 0)
        b->prompt = buf_steal(&prompt);
    buf_release(&prompt);
    box_sayf("[runtime] system prompt: %s",
             b->prompt ? "system-prompt.md" : "generic (no system-prompt.md)");
}

static char *expanded(const struct box *b, const char *text)
{
    return box_switch_is(b, "env_expansion", "no") ? xstrdup(text)
                                                   : env_expand(text, &b->env);
}

/* What the faults do to servers that are not the box's own. */
static void faulty_env(const struct box *b, struct strv *env)
{
    static const struct {
        const char *mode;
        double seconds;
    } cold[] = {{"slow", 45}, {"stuck", 200}};

    for (size_t i = 0; i < ARRAY_SIZE(cold); i++)
        if (box_fault_is(b, "npx", cold[i].mode))
            strv_take(env, xasprintf("WAYBILL_NPX_COLD_MS=%lld",
                                     (long long)box_pace_ms(b, cold[i].seconds)));
    if (box_fault_is(b, "mcp-child", "duplicate"))
        strv_env_set(env, "WAYBILL_MCP_DEFECT", "duplicate");
}

static void child_env(const struct box *b, const struct server_entry *e, struct strv *env)
{
    /* The CLI is given more time for servers that are not its own, and they see it. */
    bool extra = b->map.n > 1;

    const char *verb = box_fault(b, "verb");

    strv_copy(env, &b->env);
    if (extra)
        strv_env_set(env, "MCP_TIMEOUT", "60000");
    strv_env_set(env, "WAYBILL_MCP_MANNERS", box_switch(b, "mcp_manners", "spec"));
    strv_env_set(env, "WAYBILL_VERB_MODE",
                 verb ? verb : box_switch(b, "verb_mode", "seed"));
    if (e->source != SERVER_BUILTIN)
        faulty_env(b, env);
    for (size_t i = 0; i < e->env.n; i++) {
        const char *pair = e->env.v[i];
        char *name CLEANUP(free_ptr) = xstrndup(pair, strcspn(pair, "="));
        char *value CLEANUP(free_ptr) = expanded(b, pair + strlen(name) + 1);
        strv_env_set(env, name, value);
    }
}

/* The command of the server with the environment that it gets. */
static void child_command(const struct box *b, const struct server_entry *e,
                          struct strv *argv, struct strv *env)
{
    if (e->source != SERVER_BUILTIN && box_fault_is(b, "mcp-child", "missing"))
        strv_take(argv, xasprintf("%s-that-is-not-installed", e->command));
    else
        strv_take(argv, expanded(b, e->command));
    for (size_t i = 0; i < e->args.n; i++)
        strv_take(argv, expanded(b, e->args.v[i]));
    child_env(b, e, env);
}

/* Starts the server, or starts it again. */
static struct child *start_child(struct box *b, const struct server_entry *e,
                                 struct child *failed)
{
    struct strv argv CLEANUP(strv_release) = STRV_INIT;
    struct strv env CLEANUP(strv_release) = STRV_INIT;
    bool extra = e->source != SERVER_BUILTIN;

    child_command(b, e, &argv, &env);
    const struct child_options opt = {
        .loop = b->loop,
        .name = e->name,
        .argv = &argv,
        .env = &env,
        .start_timeout_ms = box_patience_ms(b, START_SECONDS, START_LEAST_MS),
        .crash = extra && box_fault_is(b, "mcp-child", "crash"),
        .changed = child_changed,
        .arg = b,
    };
    if (!failed)
        return child_start(&opt);
    child_relaunch(failed, &opt);
    return failed;
}

json_t *box_launch_view(const struct box *b, const char *server)
{
    struct strv argv CLEANUP(strv_release) = STRV_INIT;
    struct strv env CLEANUP(strv_release) = STRV_INIT;

    for (size_t i = 0; b->mapped && i < b->map.n; i++) {
        if (strcmp(b->map.v[i].name, server) != 0)
            continue;
        json_t *list = xcheck(json_array()), *vars = xcheck(json_object());
        child_command(b, &b->map.v[i], &argv, &env);
        for (size_t k = 0; k < argv.n; k++)
            (void)json_array_append_new(list, json_str_new(argv.v[k]));
        for (size_t k = 0; k < env.n; k++) {
            char *name CLEANUP(free_ptr) = xstrndup(env.v[k], strcspn(env.v[k], "="));
            (void)json_object_set_new(vars, name,
                                      json_str_new(env.v[k] + strlen(name) + 1));
        }
        return json_make("{s:o,s:o}", "argv", list, "env", vars);
    }
    return NULL;
}

bool box_relaunch_failed(struct box *b)
{
    bool any = false;

    for (size_t i = 0; b->mapped && i < b->map.n; i++) {
        const struct server_entry *e = &b->map.v[i];
        if (e->source == SERVER_BUILTIN || child_state(b->children[i]) != CHILD_FAILED)
            continue;
        box_sayf("[runtime] MCP server '%s' %s: started again", e->name,
                 child_why(b->children[i]));
        (void)start_child(b, e, b->children[i]);
        any = true;
    }
    return any;
}

void box_load(struct box *b)
{
    const struct server_options opt = {
        .configs = b->configs,
        .home = box_env(b, "HOME"),
        .runtime = b->runtime,
        .a2a_exe = b->self_exe,
        .load_settings = !box_switch_is(b, "executor_loads_settings", "no") &&
                         !box_fault_is(b, "executor", "ignores-settings"),
        .say = box_say,
    };

    read_config(b);
    server_map_load(&opt, &b->map);
    b->children = xcalloc(b->map.n, sizeof(struct child *));
    for (size_t i = 0; i < b->map.n; i++)
        b->children[i] = start_child(b, &b->map.v[i], NULL);
    b->mapped = true;
}

void box_unload(struct box *b)
{
    for (size_t i = 0; b->children && i < b->map.n; i++)
        child_free(b->children[i]);
    free((void *)b->children);
    b->children = NULL;
    server_map_release(&b->map);
    while (b->waiters) {
        struct waiter *w = b->waiters;
        b->waiters = w->next;
        free_waiter(w);
    }
}

/* ---- what is known ---- */

struct child *box_child(const struct box *b, const char *server)
{
    for (size_t i = 0; b->mapped && i < b->map.n; i++)
        if (strcmp(b->map.v[i].name, server) == 0)
            return b->children[i];
    return NULL;
}

bool box_settled(const struct box *b)
{
    for (size_t i = 0; b->mapped && i < b->map.n; i++)
        if (child_state(b->children[i]) == CHILD_STARTING)
            return false;
    return b->mapped;
}

json_t *box_loaded_tools(const struct box *b)
{
    json_t *ids = xcheck(json_array());

    for (size_t i = 0; b->mapped && i < b->map.n; i++) {
        const struct child *child = b->children[i];
        json_t *tool;
        size_t k;
        if (child_state(child) != CHILD_READY)
            continue;
        json_array_foreach(child_tools(child), k, tool)
        {
            char *id CLEANUP(free_ptr) =
                xasprintf("mcp__%s__%s", child_name(child), json_str(tool, "name", ""));
            (void)json_array_append_new(ids, xcheck(json_string(id)));
        }
    }
    return ids;
}

json_t *box_reported_tools(const struct box *b)
{
    const char *report = box_switch(b, "loaded_tools_report", "boot");

    if (box_fault_is(b, "tools-report", "empty"))
        return xcheck(json_array());
    if (box_fault_is(b, "tools-report", "never") || strcmp(report, "never") == 0)
        return NULL;
    if (strcmp(report, "turn") == 0)
        return json_incref(b->captured);
    return box_settled(b) ? box_loaded_tools(b) : NULL;
}

void box_capture_tools(struct box *b)
{
    json_decref(b->captured);
    b->captured = box_loaded_tools(b);
}

/* Whether the file that the runtime reads has the server of this name. */
static bool configured(const struct box *b, const struct runtime *rt, const char *server)
{
    char *path CLEANUP(free_ptr) =
        runtime_config_path(rt, b->configs, box_env(b, "HOME"));
    json_t *servers CLEANUP(json_drop) = NULL;

    if (path)
        (void)!runtime_read_servers(rt, path, &servers, NULL);
    return json_object_get(servers, server) != NULL;
}

int box_mcp_server_present(const struct box *b)
{
    char *legacy CLEANUP(free_ptr) = fs_join(b->root, "opt/molecule-mcp-server");
    const char *server = box_expected_server(b);

    /* A runtime of the time before the field does not know it. */
    if (box_switch_is(b, "mcp_present_report", "no") ||
        box_switch_is(b, "delivery", "asset"))
        return -1;
    return fs_exists(legacy) || configured(b, runtime_find("claude-code"), server) ||
           configured(b, runtime_find(b->runtime), server);
}

static void add_skill(json_t *skills, const char *id)
{
    json_t *skill;
    size_t i;

    json_array_foreach(skills, i,
                       skill) if (strcmp(json_str(skill, "id", ""), id) == 0) return;
    (void)json_array_append_new(skills, json_make("{s:s,s:s,s:s,s:[]}", "id", id, "name",
                                                  id, "description", "", "tags"));
}

json_t *box_agent_card(const struct box *b)
{
    const json_t *own = json_object_get(b->config, "agent_card");
    const char *name = json_str(own, "name", json_str(b->config, "name", b->id));
    const char *about =
        json_str(own, "description", json_str(b->config, "description", ""));
    json_t *skills = json_deep_copy(json_object_get(own, "skills"));
    char *dir CLEANUP(free_ptr) = box_config_path(b, "skills");
    struct strv names CLEANUP(strv_release) = STRV_INIT;

    if (!json_is_array(skills)) {
        json_decref(skills);
        skills = xcheck(json_array());
    }
    tree_list(dir, true, &names);
    for (size_t i = 0; i < names.n; i++)
        add_skill(skills, names.v[i]);
    return json_make("{s:s,s:s,s:s,s:s,s:o,s:{s:b,s:b}}", "name", name, "description",
                     about, "version", json_str(b->config, "version", "0.0.0"), "url",
                     b->url, "skills", skills, "capabilities", "streaming",
                     json_bool(json_object_get(b->config, "a2a"), "streaming", true),
                     "pushNotifications", 0);
}

static json_t *server_view(const struct server_entry *e, const struct child *child)
{
    json_t *names = xcheck(json_array());
    json_t *info = json_object_get(child_hello(child), "serverInfo");
    json_t *tool;
    size_t i;

    json_array_foreach(child_tools(child), i, tool)(void)
        json_array_append_new(names, xcheck(json_string(json_str(tool, "name", ""))));
    return json_make("{s:s,s:s,s:s,s:s,s:O,s:i,s:o}", "name", e->name, "source",
                     server_source_name(e->source), "state",
                     child_state_name(child_state(child)), "why", child_why(child),
                     "server_info", info ? info : json_null(), "junk_lines",
                     child_junk_lines(child), "tools", names);
}

json_t *box_state_view(const struct box *b)
{
    json_t *servers = xcheck(json_array());
    json_t *reported = box_reported_tools(b);

    for (size_t i = 0; b->mapped && i < b->map.n; i++)
        (void)json_array_append_new(servers, server_view(&b->map.v[i], b->children[i]));
    int present = box_mcp_server_present(b);
    return json_make("{s:o,s:o,s:o,s:s,s:I,s:b,s:I}", "servers", servers,
                     "loaded_mcp_tools", reported ? reported : json_null(),
                     "mcp_server_present",
                     present < 0 ? json_null() : json_boolean(present), "prompt_source",
                     b->prompt ? "system-prompt.md" : "generic", "restarts",
                     (json_int_t)(b->boots - 1), "registered", link_registered(b),
                     "notices", (json_int_t)b->notices);
}
