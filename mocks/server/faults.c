#include "mocks/server/faults.h"

#include <string.h>

#include "base/num.h"
#include "base/strv.h"
#include "base/table.h"
#include "io/json.h"

/* clang-format off */
const struct fault_row fault_rows[] = {
    {"asset-channel", {{"stub", "cp_asset_mode", "drop"}, {"drop", "cp_asset_mode", "drop"}},
     "the control plane drops the template; the box starts with the stub"},
    {"entitlement-gate", {{"off", NULL, NULL}},
     "nobody asks who may hold the privileged plugin"},
    {"boot-install", {{"off", "boot_install", "off"},
                      {"unauthenticated", "boot_install_auth", "none"},
                      {"fail-once", NULL, NULL}},
     "declared plugins are not on the box when it starts"},
    {"plugin-fetch", {{"404", "plugin_fetch", "404"}, {"401", "plugin_fetch", "401"},
                      {"hang", "plugin_fetch", "hang"}, {"fail-once", "plugin_fetch", "fail-once"}},
     "the forge does not give the plugin's archive"},
    {"plugin-deliver", {{"fail", NULL, NULL}},
     "the platform cannot write a plugin to its box, nor remove it there"},
    {"heartbeat", {{"hold", NULL, NULL}},
     "heartbeats are answered and have no effect"},
    {"register", {{"refuse", NULL, NULL}, {"known-only", NULL, NULL}},
     "no box may register, or no id that the platform did not make"},
    {"org-create", {{"failed", "org_create", "failed"}, {"slow", "org_create", "slow"}},
     "the tenant's machine does not come up, or late"},
    {"cp-upstream", {{"down", NULL, NULL}},
     "a tenant does not reach its control plane"},
    {"org-delete", {{"leak", "org_delete", "leak"}, {"purged", "org_delete", "purged"}},
     "a deleted organisation stays"},
    {"server-name", {{"platform", "server_name", "platform"}},
     "the management server is registered under another name"},
    {"server-mode", {{"missing", NULL, NULL}},
     "the plugin does not say MOLECULE_MCP_MODE, so the server comes up as another one"},
    {"executor", {{"ignores-settings", "executor_loads_settings", "no"}},
     "the executor does not read settings.json"},
    {"env-expansion", {{"off", "env_expansion", "no"}},
     "references in a server's environment stay literal"},
    {"tools-report", {{"never", "loaded_tools_report", "never"}, {"empty", NULL, NULL}},
     "the box does not report its tools, or none"},
    {"verb", {{"phantom", "verb_mode", "phantom"}, {"real", "verb_mode", "real"}},
     "the management server does not list the tool that the platform demands"},
    {"secret", {{"embedded", NULL, NULL}},
     "the box writes the expanded secret into settings.json"},
    {"admin-token", {{"every-box", "admin_token_in_box_env", "yes"}, {"nobody", NULL, NULL}},
     "every box holds the organisation's admin token, or not even the concierge"},
    {"concierge-hook", {{"every-workspace", NULL, NULL}},
     "whatever is the concierge's alone (plugin, token) is prepared for every workspace"},
    {"leak", {{"org-token", NULL, NULL}},
     "the organisation's admin token is in answers, config.yaml, tool lists and chat"},
    {"agent", {{"silent", NULL, NULL}, {"generic", NULL, NULL}, {"native-peers", NULL, NULL},
               {"busy", NULL, NULL}, {"slow", NULL, NULL}, {"wedged", NULL, NULL},
               {"failing", NULL, NULL}},
     "the agent does not answer, or not as who it is, is busy, late, hangs or fails"},
    {"mcp-child", {{"missing", NULL, NULL}, {"crash", NULL, NULL}, {"duplicate", NULL, NULL}},
     "an MCP server cannot be started, ends at once, or registers a tool twice and dies of it"},
    {"gateway", {{"malformed", NULL, NULL}},
     "through a box's MCP gateway a tool lacks its schema and a result holds what no revision has"},
    {"npx", {{"slow", NULL, NULL}, {"stuck", NULL, NULL}},
     "npx has no cache: it takes 45 s to start a server, or 200 s, past the platform's grace"},
    {"env-mutator", {{"fail", NULL, NULL}},
     "a plugin that changes the environment of new boxes fails"},
    {"model", {{"wrong", NULL, NULL}, {"missing", NULL, NULL}},
     "the box gets another model than it was given, or none"},
    {"kind-check", {{"off", NULL, NULL}},
     "create and register take kind=platform from whoever says it"},
    {"org-guard", {{"off", NULL, NULL}},
     "a tenant answers requests of other organisations"},
    {"auth", {{"off", NULL, NULL}, {"closed", NULL, NULL}},
     "any bearer passes, or even the open reads want one"},
    {"store", {{"down", NULL, NULL}},
     "the tenant's data store does not answer, so that no token can be looked up"},
    {"provisioner", {{"absent", NULL, NULL}},
     "the tenant has nothing that makes boxes"},
    {"box-stop", {{"fail", NULL, NULL}},
     "a box that is to be removed does not stop"},
    {"demote", {{"off", NULL, NULL}},
     "a second platform root does not demote the first"},
    {"restart", {{"stuck", NULL, NULL}, {"fails", NULL, NULL}, {"loses-plugin", NULL, NULL}},
     "a restarted box does not come back, or fails, or is without its plugins"},
    {"reconcile", {{"off", NULL, NULL}, {"loops", NULL, NULL}},
     "nothing is delivered after online, or again each time"},
    {"audit", {{"off", NULL, NULL}},
     "privileged acts leave no audit row"},
    {"side-effect", {{"none", NULL, NULL}, {"no-delete", NULL, NULL}},
     "a create, or a delete, is answered as done and nothing was done"},
    {"peers", {{"empty", NULL, NULL}, {"native", NULL, NULL}, {"self", NULL, NULL}},
     "peers are not listed, or under another shape, or with the asker among them"},
    {"bridge", {{"creates", NULL, NULL}},
     "the platform's MCP bridge lists create_workspace and does it"},
    {"seo-skills", {{"asset", NULL, NULL}},
     "seo-all arrives over the asset channel, under agent-skills/, and not as a plugin"},
    {"answer", {{"METHOD PATTERN[#N[-M]] STATUS[ BODY]", NULL, NULL}},
     "that route answers this; with #N only from an organisation's N-th such request on, to the M-th"},
};
/* clang-format on */
const size_t fault_rows_n = ARRAY_SIZE(fault_rows);

const struct fault_row *fault_row_find(const char *name)
{
    for (size_t i = 0; i < fault_rows_n; i++)
        if (strcmp(fault_rows[i].name, name) == 0)
            return &fault_rows[i];
    return NULL;
}

static int unknown_fault(const char *name, struct err *err)
{
    const char *names[ARRAY_SIZE(fault_rows)];
    for (size_t i = 0; i < fault_rows_n; i++)
        names[i] = fault_rows[i].name;
    CLEANUP(free_ptr) char *meant = did_you_mean(name, names, fault_rows_n);
    return err_set(err, ERR_USAGE, "unknown fault '%s'%s", name, meant);
}

/* "#2", "#2-3" at the end of a pattern, or nothing. */
static bool range_ok(const char *pattern)
{
    const char *hash = strchr(pattern, '#');
    int64_t from = 0, to = 0;
    if (!hash)
        return true;
    char *first = xstrndup(hash + 1, strcspn(hash + 1, "-"));
    const char *dash = strchr(hash, '-');
    bool good = num_parse(first, 1, INT32_MAX, &from) &&
                (!dash || num_parse(dash + 1, from, INT32_MAX, &to));
    free(first);
    return good;
}

/* "POST /workspaces#2 500 {...}": a method, a path, which of the requests, a status. */
static int check_answer(const char *mode, struct err *err)
{
    struct strv words = STRV_INIT;
    int64_t status = 0;
    strv_split(&words, mode, ' ');
    bool good = words.n >= 3 && *words.v[1] == '/' && range_ok(words.v[1]) &&
                strspn(words.v[0], "ABCDEFGHIJKLMNOPQRSTUVWXYZ*") == strlen(words.v[0]) &&
                num_parse(words.v[2], 100, 599, &status);
    strv_release(&words);
    if (!good)
        return err_set(err, ERR_USAGE,
                       "fault 'answer' wants \"METHOD PATTERN[#N[-M]] STATUS[ BODY]\", "
                       "got '%s'",
                       mode);
    return 0;
}

int fault_check(const char *name, const char *mode, const char **ret_mode,
                struct err *err)
{
    const struct fault_row *row = fault_row_find(name);
    if (!row)
        return unknown_fault(name, err);
    if (strcmp(name, "answer") == 0) {
        *ret_mode = mode ? mode : "";
        return check_answer(*ret_mode, err);
    }
    if (!mode || !*mode || strcmp(mode, "on") == 0) {
        *ret_mode = row->modes[0].name;
        return 0;
    }
    for (size_t i = 0; i < FAULT_MODES_MAX && row->modes[i].name; i++) {
        if (strcmp(row->modes[i].name, mode) == 0) {
            *ret_mode = row->modes[i].name;
            return 0;
        }
    }
    struct buf known = BUF_INIT(256);
    for (size_t i = 0; i < FAULT_MODES_MAX && row->modes[i].name; i++)
        buf_addf(&known, "%s%s", i ? ", " : "", row->modes[i].name);
    int result = err_set(err, ERR_USAGE, "fault '%s' has no mode '%s'; known: %s", name,
                         mode, known.data);
    buf_release(&known);
    return result;
}

json_t *faults_json(void)
{
    json_t *list = json_array();
    for (size_t i = 0; i < fault_rows_n; i++) {
        json_t *modes = json_array();
        for (size_t m = 0; m < FAULT_MODES_MAX && fault_rows[i].modes[m].name; m++)
            (void)json_array_append_new(modes, json_string(fault_rows[i].modes[m].name));
        json_t *row = json_make("{s:s, s:o, s:s}", "name", fault_rows[i].name, "modes",
                                modes, "about", fault_rows[i].about);
        (void)json_array_append_new(list, row);
    }
    return list;
}
