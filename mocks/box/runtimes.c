#include "mocks/box/runtimes.h"

#include "base/buf.h"
#include "base/fs.h"
#include "base/limits.h"
#include "io/json.h"
#include "io/yaml.h"
#include "mocks/box/toml.h"

#include <string.h>

static const struct runtime RUNTIMES[] = {
    {"claude-code", false, ".claude/settings.json", CONFIG_JSON, "mcpServers", NULL},
    {"hermes", true, ".hermes/config.yaml", CONFIG_YAML, "mcp_servers", NULL},
    {"codex", true, ".codex/config.toml", CONFIG_TOML, "mcp_servers", NULL},
    {"gemini-cli", true, ".gemini/settings.json", CONFIG_JSON, "mcpServers", NULL},
    {"openclaw", true, ".openclaw/openclaw.json", CONFIG_JSON, "mcp", "servers"},
    {"google-adk", false, NULL, CONFIG_JSON, NULL, NULL},
};

const struct runtime *runtime_find(const char *name)
{
    for (size_t i = 0; i < ARRAY_SIZE(RUNTIMES); i++)
        if (strcmp(RUNTIMES[i].name, name) == 0)
            return &RUNTIMES[i];
    return &RUNTIMES[0];
}

bool runtime_is_claude(const struct runtime *rt)
{
    return rt == &RUNTIMES[0];
}

char *runtime_config_path(const struct runtime *rt, const char *configs, const char *home)
{
    const char *dir = rt->in_home ? home : configs;

    return rt->file && dir ? fs_join(dir, rt->file) : NULL;
}

/* ---- the three formats ---- */

static int read_yaml(const char *path, json_t **ret, struct err *err)
{
    struct ydoc *doc CLEANUP(ydoc_drop) = NULL;

    if (yaml_read_file(path, LIMIT_FILE, &doc, err) < 0)
        return -1;
    *ret = ynode_to_json(ydoc_root(doc));
    return 0;
}

static int read_toml(const char *path, json_t **ret, struct err *err)
{
    struct buf text CLEANUP(buf_release) = BUF_INIT(LIMIT_FILE);

    return fs_read(path, &text, err) < 0 ? -1 : toml_parse(text.data, ret, err);
}

/* Mappings in block style; everything else as JSON, which YAML reads. */
static void add_yaml(struct buf *out, json_t *map, int indent)
{
    const char *key;
    json_t *value;

    json_object_foreach(map, key, value)
    {
        json_t *name CLEANUP(json_drop) = xcheck(json_string(key));
        char *quoted CLEANUP(free_ptr) = json_text(name, JSON_STRUCT);
        char *text CLEANUP(free_ptr) = json_text(value, JSON_STRUCT);
        bool plain = strspn(key, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                 "0123456789_-") == strlen(key);
        bool nested = json_is_object(value) && json_object_size(value) > 0;
        buf_addf(out, "%*s%s:%s%s\n", indent, "", plain && *key ? key : quoted,
                 nested ? "" : " ", nested ? "" : text);
        if (nested)
            add_yaml(out, value, indent + 2);
    }
}

static json_t *member(json_t *object, const char *key)
{
    json_t *there = json_object_get(object, key);

    if (!json_is_object(there)) {
        there = xcheck(json_object());
        (void)json_object_set_new(object, key, there);
    }
    return there;
}

static int read_whole(const struct runtime *rt, const char *path, json_t **ret,
                      struct err *err)
{
    switch (rt->format) {
    case CONFIG_JSON:
        return json_read_file(path, ret, err);
    case CONFIG_YAML:
        return read_yaml(path, ret, err);
    case CONFIG_TOML:
        return read_toml(path, ret, err);
    }
    return -1;
}

int runtime_read_servers(const struct runtime *rt, const char *path, json_t **ret,
                         struct err *err)
{
    json_t *root CLEANUP(json_drop) = NULL;

    *ret = NULL;
    if (!fs_exists(path))
        return 0;
    if (read_whole(rt, path, &root, err) < 0)
        return -1;
    json_t *servers = json_object_get(root, rt->key);
    if (rt->below)
        servers = json_object_get(servers, rt->below);
    if (json_is_object(servers))
        *ret = json_incref(servers);
    return 0;
}

/* What is there stays to the letter, comments included; only the tables of these servers
 * are written anew. */
static void add_to_toml(const char *path, const char *key, json_t *servers,
                        struct buf *out)
{
    struct buf old CLEANUP(buf_release) = BUF_INIT(LIMIT_FILE);
    const char *name;
    json_t *entry;

    if (fs_read(path, &old, NULL) == 0)
        buf_adds(out, old.data);
    json_object_foreach(servers, name, entry)
    {
        char *quoted CLEANUP(free_ptr) = toml_key(name);
        char *table CLEANUP(free_ptr) = xasprintf("%s.%s", key, quoted);
        struct buf rest CLEANUP(buf_release) = BUF_INIT(LIMIT_FILE);
        toml_add_without(&rest, out->data, table);
        toml_add_table(&rest, table, entry);
        buf_reset(out);
        buf_add(out, rest.data, rest.len);
    }
}

static void add_to_tree(const struct runtime *rt, const char *path, json_t *servers,
                        struct buf *out)
{
    json_t *root CLEANUP(json_drop) = NULL;

    if (read_whole(rt, path, &root, NULL) < 0 || !json_is_object(root)) {
        json_decref(root);
        root = xcheck(json_object());
    }
    json_t *there = member(root, rt->key);
    if (rt->below)
        there = member(there, rt->below);
    (void)json_object_update(there, servers);
    if (rt->format == CONFIG_YAML)
        add_yaml(out, root, 0);
    else
        json_render(root, JSON_PRETTY, out);
    if (!out->len || out->data[out->len - 1] != '\n')
        buf_addc(out, '\n');
}

int runtime_add_servers(const struct runtime *rt, const char *path, json_t *servers,
                        struct err *err)
{
    struct buf text CLEANUP(buf_release) = BUF_INIT(LIMIT_FILE);

    if (rt->format == CONFIG_TOML)
        add_to_toml(path, rt->key, servers, &text);
    else
        add_to_tree(rt, path, servers, &text);
    if (fs_mkparents(path, err) < 0)
        return -1;
    return fs_write(path, text.data, text.len, 0644, err);
}
