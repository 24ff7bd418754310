#include "mocks/server/switches.h"

#include <math.h>
#include <string.h>

#include "base/fs.h"
#include "base/num.h"
#include "base/table.h"
#include "io/json.h"
#include "mocks/server/faults.h"

struct switch_row {
    const char *name;
    const char *values; /* "a|b|c"; "*" = a name; "#", also as one of several, = a
                         * number that is not negative */
    const char *value;  /* of the profile rfc */
};

static const struct switch_row switch_rows[] = {
    {"cp_asset_mode", "consume|drop", "consume"},
    {"gate_mode", "rfc|upstream", "rfc"},
    {"verb_mode", "seed|real|phantom", "seed"},
    {"required_tool", "*", "create_workspace"},
    {"server_name", "*", "molecule-platform"},
    {"executor_loads_settings", "yes|no", "yes"},
    {"env_expansion", "yes|no", "yes"},
    {"loaded_tools_report", "boot|turn|never", "boot"},
    {"mcp_present_report", "yes|no", "yes"},
    {"delivery", "plugin|asset", "plugin"},
    {"boot_install", "on|off", "on"},
    {"admin_token_in_box_env", "no|yes", "no"},
    {"boot_install_auth", "token|none", "token"},
    {"plugin_fetch", "ok|404|401|hang|fail-once", "ok"},
    {"org_create", "ok|slow|failed", "ok"},
    {"org_delete", "gone|purged|leak", "gone"},
    {"approvals_gate", "off|on", "off"},
    {"rate_limit", "off|unlimited|#", "off"},
    {"mcp_manners", "spec|shipped", "spec"},
    {"tenant_ready_ms", "#", "0"},
    {"box_ready_ms", "#", "0"},
    {"heartbeat_s", "#", "30"},
    {"grace_s", "#", "90"},
    {"ttl_s", "#", "180"},
    {"provision_timeout_s", "#", "720"},
    {"stale_s", "#", "180"},
    {"push_async_s", "#", "0"},
    {"bridge_send_message", "off|on", "off"},
    {"plugin_descriptor", "no|yes", "no"},
    {"install_check", "row|box", "row"},
    {"concierge_hold", "off|on", "off"},
    {"tools_in_row", "no|yes", "no"},
    {"llm_provider_export", "first|always", "first"},
    {"box_image", "plain|baked", "plain"},
};

/* Other words for a switch, as people know them. */
static const char *const aliases[][2] = {
    {"unloaded_grace_s", "grace_s"},
};

static const struct switch_row *row_find(const char *name)
{
    for (size_t i = 0; i < ARRAY_SIZE(aliases); i++)
        if (strcmp(aliases[i][0], name) == 0)
            name = aliases[i][1];
    for (size_t i = 0; i < ARRAY_SIZE(switch_rows); i++)
        if (strcmp(switch_rows[i].name, name) == 0)
            return &switch_rows[i];
    return NULL;
}

json_t *switches_builtin(void)
{
    json_t *all = json_object();
    for (size_t i = 0; i < ARRAY_SIZE(switch_rows); i++)
        (void)json_object_set_new(all, switch_rows[i].name,
                                  json_string(switch_rows[i].value));
    return all;
}

static bool value_fits(const struct switch_row *row, const char *value)
{
    double number = 0;
    if (strcmp(row->values, "*") == 0)
        return *value != '\0';
    struct strv known = STRV_INIT;
    strv_split(&known, row->values, '|');
    bool number_fits = strv_has(&known, "#") && num_parse_double(value, &number);
    bool fits = number_fits ? number >= 0 : *value != '#' && strv_has(&known, value);
    strv_release(&known);
    return fits;
}

int switch_check(const char *name, const char *value, struct err *err)
{
    const struct switch_row *row = row_find(name);
    if (!row) {
        const char *names[ARRAY_SIZE(switch_rows)];
        for (size_t i = 0; i < ARRAY_SIZE(switch_rows); i++)
            names[i] = switch_rows[i].name;
        CLEANUP(free_ptr) char *meant = did_you_mean(name, names, ARRAY_SIZE(names));
        return err_set(err, ERR_USAGE, "unknown switch '%s'%s", name, meant);
    }
    if (!value_fits(row, value))
        return err_set(err, ERR_USAGE, "switch '%s' does not take '%s'; it takes %s",
                       name, value,
                       *row->values == '#'   ? "a number"
                       : *row->values == '*' ? "a name"
                                             : row->values);
    return 0;
}

/* A tool's bare name, of its id mcp__SERVER__NAME too: which server it is of is another
 * switch. */
static const char *bare_tool(const char *value)
{
    const char *server = strncmp(value, "mcp__", 5) == 0 ? value + 5 : NULL;
    const char *after = server ? strstr(server, "__") : NULL;
    return after && after[2] ? after + 2 : value;
}

int switch_set(json_t *switches, const char *name, const char *value, struct err *err)
{
    if (switch_check(name, value, err) < 0)
        return -1;
    const char *own = row_find(name)->name;
    if (strcmp(own, "required_tool") == 0)
        value = bare_tool(value);
    (void)json_object_set_new(switches, own, json_string(value));
    return 0;
}

int profile_load(struct platform *p, const char *name_or_file, struct err *err)
{
    bool is_file = strchr(name_or_file, '/') || strstr(name_or_file, ".json");
    CLEANUP(free_ptr)
    char *path = is_file ? xstrdup(name_or_file)
                         : xasprintf("%s/%s.json", p->contracts_dir, name_or_file);
    if (!fs_exists(path))
        return err_set(err, ERR_CONFIG, "no contract profile '%s' (looked for '%s')",
                       name_or_file, path);
    CLEANUP(json_drop) json_t *profile = NULL;
    if (json_read_file(path, &profile, err) < 0)
        return err_prefix(err, "contract profile '%s'", name_or_file);
    json_t *values = json_object_get(profile, "switches");
    if (!json_is_object(values) || !json_is_string(json_object_get(profile, "name")))
        return err_set(err, ERR_CONFIG, "'%s' wants a 'name' and an object 'switches'",
                       path);
    const char *name;
    json_t *value;
    json_object_foreach(values, name, value)
    {
        if (!json_is_string(value))
            return err_set(err, ERR_CONFIG, "'%s': switch '%s' wants a text", path, name);
        if (switch_set(p->switches, name, json_string_value(value), err) < 0)
            return err_prefix(err, "'%s'", path);
    }
    str_set(&p->contract, json_str(profile, "name", name_or_file));
    json_decref(p->profile);
    p->profile = TAKE(profile);
    return 0;
}

/* The value that one of these faults gives a switch, NULL = none does. */
static const char *turned_by(const json_t *faults, const char *name)
{
    for (size_t i = 0; json_object_size(faults) > 0 && i < fault_rows_n; i++) {
        const struct fault_row *row = &fault_rows[i];
        const char *mode = json_str(faults, row->name, NULL);
        for (size_t m = 0; mode && m < FAULT_MODES_MAX && row->modes[m].name; m++)
            if (row->modes[m].sets && strcmp(row->modes[m].name, mode) == 0 &&
                strcmp(row->modes[m].sets, name) == 0)
                return row->modes[m].value;
    }
    return NULL;
}

const char *switch_run(const struct platform *p, const char *name)
{
    const char *value = turned_by(p->faults, name);
    const struct switch_row *row = row_find(name);
    return value ? value : json_str(p->switches, name, row ? row->value : NULL);
}

const char *fault_run(const struct platform *p, const char *name)
{
    return json_str(p->faults, name, NULL);
}

const char *switch_value(const struct org *org, const char *name)
{
    const char *value = turned_by(org->faults, name);
    if (!value)
        value = json_str(org->switches, name, NULL);
    return value ? value : switch_run(org->plat, name);
}

bool switch_is(const struct org *org, const char *name, const char *value)
{
    const char *now = switch_value(org, name);
    return now && strcmp(now, value) == 0;
}

int64_t switch_int(const struct org *org, const char *name)
{
    const char *text = switch_value(org, name);
    double number = 0;
    return text && num_parse_double(text, &number) ? llround(number) : 0;
}

const char *fault_mode(const struct org *org, const char *name)
{
    const char *mode = json_str(org->faults, name, NULL);
    return mode ? mode : fault_run(org->plat, name);
}

bool fault_is(const struct org *org, const char *name, const char *mode)
{
    const char *now = fault_mode(org, name);
    return now && strcmp(now, mode) == 0;
}

json_t *switches_effective(const struct org *org)
{
    json_t *all = json_object();
    for (size_t i = 0; i < ARRAY_SIZE(switch_rows); i++) {
        const char *name = switch_rows[i].name;
        (void)json_object_set_new(all, name, json_string(switch_value(org, name)));
    }
    return all;
}

json_t *faults_effective(const struct org *org)
{
    json_t *all = json_deep_copy(org->plat->faults);
    (void)json_object_update(all, org->faults);
    return xcheck(all);
}

int64_t pace_ms(const struct platform *p, double seconds)
{
    int64_t ms = llround(seconds * 1000 * p->pace);
    return ms > 0 ? ms : 1;
}

char *required_tool_id(const struct org *org)
{
    const json_t *switches = json_object_get(org->plat->profile, "switches");
    return xasprintf("mcp__%s__%s",
                     json_str(switches, "server_name", "molecule-platform"),
                     switch_value(org, "required_tool"));
}
