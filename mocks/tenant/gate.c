#include "mocks/tenant/gate.h"

#include <string.h>

#include "base/fs.h"
#include "io/json.h"

static const char *const point_names[] = {
    [GATE_DECLARE] = "declare",
    [GATE_INSTALL] = "install",
    [GATE_RECONCILE] = "reconcile",
    [GATE_BOOT] = "boot",
};

static const char *profile_value(const struct org *org, const char *key,
                                 const char *fallback)
{
    return json_str(json_object_get(org->plat->profile, "values"), key, fallback);
}

static bool privileged_name(const struct org *org, const char *plugin_name)
{
    return strcmp(plugin_name,
                  profile_value(org, "privileged_plugin",
                                "molecule-ai-plugin-molecule-platform-mcp")) == 0;
}

/* A hook that takes every workspace for the concierge would be stopped by the gate. */
static bool nobody_asks(const struct org *org)
{
    return fault_mode(org, "entitlement-gate") || fault_mode(org, "concierge-hook");
}

bool gate_asks_first(const struct org *org)
{
    return switch_is(org, "gate_mode", "rfc") && !nobody_asks(org);
}

enum gate_known gate_known(const struct workspace *ws, const char *plugin_name,
                           const char *source_raw)
{
    if (privileged_name(ws->org, plugin_name))
        return GATE_PRIVILEGED;
    const json_t *seen = json_object_get(ws->org->plat->seen_sources, source_raw);
    if (!seen)
        return GATE_UNKNOWN;
    return json_is_true(seen) ? GATE_PRIVILEGED : GATE_ORDINARY;
}

/* Started from the management server's package, in its management mode. */
static bool starts_management(const json_t *entry, const char *package)
{
    const json_t *args = json_object_get(entry, "args");
    const char *mode = json_str(json_object_get(entry, "env"), "MOLECULE_MCP_MODE", "");
    for (size_t i = 0; i < json_array_size(args); i++) {
        const char *text = json_string_value(json_array_get(args, i));
        if (text && strncmp(text, package, strlen(package)) == 0)
            return strcasecmp(mode, "management") == 0;
    }
    return false;
}

/* The management MCP: under the platform's own name for it, or whatever the entry is
 * called, started as such. */
static bool registers_management(const struct org *org, json_t *servers)
{
    const char *package =
        profile_value(org, "management_package", "@molecule-ai/mcp-server");
    const char *name;
    json_t *entry;
    json_object_foreach(servers, name, entry)
    {
        if (strcmp(name, "molecule-platform") == 0 || starts_management(entry, package))
            return true;
    }
    return false;
}

/* Both of a plugin's files that may name servers are read, whoever renders which. */
static bool tree_registers(const struct org *org, const char *tree)
{
    static const char *const files[] = {"settings-fragment.json", "mcp-servers.json"};
    for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
        CLEANUP(free_ptr) char *path = fs_join(tree, files[i]);
        CLEANUP(json_drop) json_t *root = NULL;
        if (fs_exists(path) && json_read_file(path, &root, NULL) == 0 &&
            registers_management(org, json_object_get(root, "mcpServers")))
            return true;
    }
    return false;
}

enum gate_known gate_look(struct workspace *ws, const char *plugin_name,
                          const char *source_raw, const char *tree)
{
    if (privileged_name(ws->org, plugin_name))
        return GATE_PRIVILEGED;
    bool is = tree_registers(ws->org, tree);
    (void)json_object_set_new(ws->org->plat->seen_sources, source_raw, json_boolean(is));
    return is ? GATE_PRIVILEGED : GATE_ORDINARY;
}

bool gate_entitled(const struct workspace *ws, const char **why)
{
    *why = NULL;
    if (!ws->kind || ws_removed(ws))
        *why = "kind unreadable";
    else if (!ws_is_platform(ws))
        *why = "kind is not platform";
    else if (*ws->parent_id)
        *why = "not the organisation's root";
    return *why == NULL;
}

static void audit_gate(struct workspace *ws, enum gate_point point, bool allowed,
                       const char *plugin_name, const char *source_raw,
                       const char *actor_kind, const char *reason)
{
    CLEANUP(free_ptr)
    char *event = xasprintf("plugin.privileged.%s.%s", point_names[point],
                            allowed ? "allowed" : "refused");
    audit_add(ws, event, actor_kind,
              json_make("{s:s, s:s, s:s?, s:s}", "plugin_name", plugin_name, "source_raw",
                        source_raw ? source_raw : "", "kind", ws->kind, "reason",
                        reason));
}

/* The shipped gate stands where rows are written, sees the exact install name only, looks
 * at the kind only, and tells nobody but the log. */
static bool upstream_allows(const struct workspace *ws, enum gate_point point,
                            const char *plugin_name, char reason[256])
{
    if (point == GATE_BOOT || !privileged_name(ws->org, plugin_name) ||
        ws_is_platform(ws))
        return true;
    const char *function =
        point == GATE_DECLARE ? "recordDeclaredPlugin" : "recordWorkspacePluginInstall";
    (void)snprintf(
        reason, 256,
        "%s: refusing to %s privileged plugin \"%s\" on non-platform workspace "
        "%s (kind=%s)",
        function, point == GATE_DECLARE ? "declare" : "install", plugin_name, ws->id,
        ws->kind ? ws->kind : "?");
    return false;
}

bool gate_allows(struct workspace *ws, enum gate_point point, const char *plugin_name,
                 const char *source_raw, const char *tree, const char *actor_kind,
                 char reason[256])
{
    reason[0] = '\0';
    bool off = nobody_asks(ws->org);
    if (!off && switch_is(ws->org, "gate_mode", "upstream"))
        return upstream_allows(ws, point, plugin_name, reason);
    const char *source = source_raw ? source_raw : "";
    enum gate_known known = tree ? gate_look(ws, plugin_name, source, tree)
                                 : gate_known(ws, plugin_name, source);
    if (known != GATE_PRIVILEGED)
        return true;
    const char *why = NULL;
    if (off || gate_entitled(ws, &why)) {
        audit_gate(ws, point, true, plugin_name, source, actor_kind,
                   off ? "not asked" : "platform root");
        return true;
    }
    (void)snprintf(reason, 256,
                   "plugin \"%.120s\" is restricted to the org-root platform agent",
                   plugin_name);
    audit_gate(ws, point, false, plugin_name, source, actor_kind, why);
    return false;
}
