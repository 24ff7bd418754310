#include "mocks/box/servers.h"

#include "base/fs.h"
#include "base/limits.h"
#include "base/table.h"
#include "io/json.h"
#include "io/yaml.h"
#include "mocks/box/runtimes.h"

#include <string.h>

static const struct name_row SOURCES[] = {{SERVER_BUILTIN, "builtin"},
                                          {SERVER_CONFIG_YAML, "config.yaml"},
                                          {SERVER_MCP_SERVERS_YAML, "mcp_servers.yaml"},
                                          {SERVER_SETTINGS_JSON, "settings.json"},
                                          {SERVER_OWN_CONFIG, "runtime config"},
                                          {0, NULL}};

const char *server_source_name(enum server_source source)
{
    return table_name(SOURCES, (int)source);
}

static void entry_release(struct server_entry *e)
{
    free(e->name);
    free(e->command);
    strv_release(&e->args);
    strv_release(&e->env);
    *e = (struct server_entry){.name = NULL};
}

void server_map_release(struct server_map *map)
{
    for (size_t i = 0; i < map->n; i++)
        entry_release(&map->v[i]);
    free(map->v);
    *map = (struct server_map)SERVER_MAP_INIT;
}

static struct server_entry *slot_for(struct server_map *map, const char *name)
{
    for (size_t i = 0; i < map->n; i++)
        if (strcmp(map->v[i].name, name) == 0) {
            entry_release(&map->v[i]);
            return &map->v[i];
        }
    map->v = xrealloc(map->v, (map->n + 1) * sizeof(*map->v));
    map->v[map->n] = (struct server_entry){.name = NULL};
    return &map->v[map->n++];
}

static char *text_of(const json_t *j)
{
    if (json_is_string(j))
        return xstrdup(json_string_value(j));
    return json_text(j, JSON_STRUCT); /* a number or a boolean, as YAML gives them */
}

/* Takes one {"command","args"?,"env"?} over; says why when it cannot. */
static void add_entry(const struct server_options *opt, struct server_map *map,
                      enum server_source source, const char *name, const json_t *entry)
{
    const char *command = json_str(entry, "command", NULL);
    const char *why = NULL;

    if (!name || !*name)
        why = "has no name";
    else if (strcmp(name, "a2a") == 0)
        why = "cannot replace the built-in server";
    else if (!command || !*command)
        why = "has no command";
    if (why) {
        char *line CLEANUP(free_ptr) =
            xasprintf("WARNING MCP server '%s' of %s %s, skipped", name ? name : "",
                      server_source_name(source), why);
        opt->say(line);
        return;
    }

    struct server_entry *e = slot_for(map, name);
    json_t *env = json_object_get(entry, "env");
    json_t *value;
    const char *key;
    size_t i;
    e->name = xstrdup(name);
    e->source = source;
    e->command = xstrdup(command);
    json_array_foreach(json_object_get(entry, "args"), i, value)
    {
        strv_take(&e->args, text_of(value));
    }
    json_object_foreach(env, key, value)
    {
        char *text CLEANUP(free_ptr) = text_of(value);
        strv_env_set(&e->env, key, text);
    }
}

/* A list of entries with a "name" each, or a map from name to entry. */
static void add_entries(const struct server_options *opt, struct server_map *map,
                        enum server_source source, json_t *servers)
{
    const char *name;
    json_t *entry;
    size_t i;

    json_array_foreach(servers, i, entry)
    {
        add_entry(opt, map, source, json_str(entry, "name", NULL), entry);
    }
    json_object_foreach(servers, name, entry)
    {
        add_entry(opt, map, source, name, entry);
    }
}

/* The file as JSON; NULL when it is absent, or broken, which is said. */
static json_t *read_yaml(const struct server_options *opt, const char *file)
{
    char *path CLEANUP(free_ptr) = fs_join(opt->configs, file);
    struct ydoc *doc CLEANUP(ydoc_drop) = NULL;
    struct err err = ERR_INIT;

    if (!fs_exists(path))
        return NULL;
    if (yaml_read_file(path, LIMIT_FILE, &doc, &err) < 0) {
        char *line CLEANUP(free_ptr) = xasprintf("WARNING %s", err.text);
        opt->say(line);
        return NULL;
    }
    return ynode_to_json(ydoc_root(doc));
}

static void add_config(const struct server_options *opt, struct server_map *map)
{
    json_t *config CLEANUP(json_drop) = read_yaml(opt, "config.yaml");

    add_entries(opt, map, SERVER_CONFIG_YAML, json_object_get(config, "mcp_servers"));
}

static void add_own_file(const struct server_options *opt, struct server_map *map)
{
    json_t *root CLEANUP(json_drop) = read_yaml(opt, "mcp_servers.yaml");
    json_t *servers = json_object_get(root, "mcp_servers");

    add_entries(opt, map, SERVER_MCP_SERVERS_YAML, servers ? servers : root);
}

/* settings.json, or what the runtime has in its place. */
static void add_own_config(const struct server_options *opt, const struct runtime *rt,
                           struct server_map *map)
{
    char *path CLEANUP(free_ptr) = runtime_config_path(rt, opt->configs, opt->home);
    json_t *servers CLEANUP(json_drop) = NULL;
    struct err err = ERR_INIT;

    if (!path)
        return;
    if (runtime_read_servers(rt, path, &servers, &err) < 0) {
        char *line CLEANUP(free_ptr) = xasprintf("WARNING %s", err.text);
        opt->say(line);
        return;
    }
    add_entries(opt, map,
                runtime_is_claude(rt) ? SERVER_SETTINGS_JSON : SERVER_OWN_CONFIG,
                servers);
}

void server_map_load(const struct server_options *opt, struct server_map *ret)
{
    const struct runtime *rt = runtime_find(opt->runtime);
    struct server_entry *a2a = slot_for(ret, "a2a");

    a2a->name = xstrdup("a2a");
    a2a->source = SERVER_BUILTIN;
    a2a->command = xstrdup(opt->a2a_exe);
    strv_add(&a2a->args, "mcp");
    strv_add(&a2a->args, "a2a");
    if (runtime_is_claude(rt)) {
        add_config(opt, ret);
        add_own_file(opt, ret);
    }
    if (opt->load_settings)
        add_own_config(opt, rt, ret);
}
