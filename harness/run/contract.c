/*
 * Contract profiles: what scenarios see as `contract`.
 */
#include "run/target.h"

#include <stdlib.h>
#include <string.h>

#include "base/fs.h"
#include "base/num.h"
#include "base/table.h"
#include "io/json.h"

static char *profile_path(const char *name, const char *dir)
{
    if (strchr(name, '/') || (strlen(name) > 5 && strstr(name, ".json")))
        return xstrdup(name);
    CLEANUP(free_ptr) char *file = xasprintf("%s.json", name);
    return fs_join(dir ? dir : ".", file);
}

static int unknown_switch(const json_t *switches, const char *name, struct err *err)
{
    const char *known[64];
    size_t n = 0;
    const char *key = NULL;
    json_t *value = NULL;
    json_object_foreach((json_t *)(uintptr_t)switches, key, value)
    {
        if (n < ARRAY_SIZE(known))
            known[n++] = key;
    }
    CLEANUP(free_ptr) char *meant = did_you_mean(name, known, n);
    return err_set(err, ERR_USAGE, "unknown switch '%s'%s", name, meant);
}

/* A number where the profile has a number, else the text. */
static json_t *switch_value(const json_t *old, const char *text)
{
    double number = 0;
    int64_t integer = 0;
    if (json_is_integer(old) && num_parse(text, INT64_MIN, INT64_MAX, &integer))
        return json_integer(integer);
    if (json_is_number(old) && num_parse_double(text, &number))
        return json_real(number);
    return json_string(text);
}

static int override(json_t *switches, const struct strv *given, struct err *err)
{
    for (size_t i = 0; given && i < given->n; i++) {
        const char *eq = strchr(given->v[i], '=');
        if (!eq || eq == given->v[i])
            return err_set(err, ERR_USAGE, "switch '%s' is not of the form NAME=VALUE",
                           given->v[i]);
        CLEANUP(free_ptr) char *name = xstrndup(given->v[i], (size_t)(eq - given->v[i]));
        const json_t *old = json_object_get(switches, name);
        if (!old)
            return unknown_switch(switches, name, err);
        json_object_set_new(switches, name, switch_value(old, eq + 1));
    }
    return 0;
}

int contract_load(const char *name, const char *contracts_dir,
                  const struct strv *switches, json_t **ret, struct err *err)
{
    CLEANUP(free_ptr) char *path = profile_path(name, contracts_dir);
    if (!fs_exists(path))
        return err_set(err, ERR_CONFIG, "unknown contract profile '%s' (no file %s)",
                       name, path);
    CLEANUP(json_drop) json_t *profile = NULL;
    if (json_read_file(path, &profile, err) < 0)
        return -1;
    json_t *table = json_object_get(profile, "switches");
    json_t *values = json_object_get(profile, "values");
    if (!json_is_object(table) || !json_is_object(values))
        return err_set(err, ERR_CONFIG,
                       "%s: a contract profile has the objects 'switches' and 'values'",
                       path);
    if (override(table, switches, err) < 0)
        return -1;
    json_t *all = json_copy(values);
    (void)json_object_update(all, table);
    const char *server = json_str(table, "server_name", "molecule-platform");
    const char *tool = json_str(table, "required_tool", "create_workspace");
    CLEANUP(free_ptr) char *id = xasprintf("mcp__%s__%s", server, tool);
    json_object_set_new(all, "name", json_string(json_str(profile, "name", name)));
    json_object_set_new(all, "mcp_server", json_string(server));
    json_object_set_new(all, "required_tool_id", json_string(id));
    *ret = all;
    return 0;
}
