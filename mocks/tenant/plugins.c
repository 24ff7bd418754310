/*
 * Installing and removing a plugin of a running workspace.
 * Source: molecule-core, POST and DELETE /workspaces/:id/plugins.
 */
#include <stdio.h>
#include <string.h>

#include "base/fs.h"
#include "base/limits.h"
#include "base/ids.h"
#include "base/log.h"
#include "io/json.h"
#include "mocks/control_plane/boxes.h"
#include "mocks/server/state.h"
#include "mocks/tenant/gate.h"
#include "mocks/tenant/plugin_check.h"
#include "mocks/tenant/plugin_stage.h"
#include "mocks/tenant/workspace.h"

/* A removed plugin is gone from the agent after a restart, which waits for more. */
enum { UNINSTALL_RESTART_S = 2 };

struct install {
    struct workspace *ws;
    struct plugin_source source;
    char *sha256, *track, *actor_kind;
    plugin_done_fn *done;
    void *arg;
};

static void install_end(struct install *in, int status, json_t *body)
{
    in->done(status, body, in->arg);
    source_release(&in->source);
    free(in->sha256);
    free(in->track);
    free(in->actor_kind);
    free(in);
}

static void install_refuse(struct install *in, int status, const char *error)
{
    install_end(in, status,
                json_make("{s:s, s:s}", "error", error, "source", in->source.raw));
}

/* An empty or absent list allows everything; its owner is the parent, else itself. */
static bool allowlisted(const struct workspace *ws, const char *plugin_name)
{
    const json_t *lists = json_object_get(ws->org->rest, "plugin_allowlist");
    const json_t *list = json_object_get(lists, *ws->parent_id ? ws->parent_id : ws->id);
    if (!json_array_size(list))
        return true;
    for (size_t i = 0; i < json_array_size(list); i++) {
        const char *name = json_string_value(json_array_get(list, i));
        if (name && strcmp(name, plugin_name) == 0)
            return true;
    }
    return false;
}

/* The shipped gate stands here, after delivery: a refusal is logged and nothing else. */
static void record(struct install *in, const char *commit)
{
    struct workspace *ws = in->ws;
    const char *track = in->track ? in->track : source_track(&in->source);
    char reason[256];
    if (!gate_asks_first(ws->org) &&
        !gate_allows(ws, GATE_INSTALL, in->source.name, in->source.raw, NULL,
                     in->actor_kind, reason)) {
        log_warn("%s", reason);
    } else if (!source_track_ok(track)) {
        log_warn("install of %s on %s is not recorded: '%s' is no track", in->source.raw,
                 ws->id, track);
    } else {
        struct plugin_row *row =
            plugin_row_put(&ws->installed, in->source.name, in->source.raw, track);
        str_set(&row->installed_sha, commit);
    }
}

/* Docker mode: texts of skills are read at every turn, so they need no restart. */
static bool needs_restart(const struct install *in, const char *tree)
{
    CLEANUP(free_ptr) char *before = plugin_box_dir(in->ws, in->source.name);
    return !in->ws->org->plat->self_hosted || !before || !fs_is_dir(before) ||
           !plugin_only_skill_text(before, tree);
}

static void deliver(struct install *in, const struct staged *staged)
{
    struct workspace *ws = in->ws;
    struct err err = ERR_INIT;
    if (!workspace_has_machine(ws)) {
        install_refuse(in, 503, "workspace container not running");
        return;
    }
    bool restart = needs_restart(in, staged->tree);
    if (plugin_deliver(ws, in->source.name, staged->tree, &err) < 0) {
        const char *error = NULL;
        int status = plugin_deliver_status(ws, &error);
        log_warn("%s", err.text);
        install_refuse(in, status, error);
        return;
    }
    record(in, staged->commit);
    box_arrived(ws, in->source.name, "install");
    json_t *body = json_make("{s:s, s:s, s:s}", "plugin", in->source.name, "source",
                             in->source.raw, "status", "installed");
    if (restart)
        workspace_restart_auto(ws, "plugin-install");
    install_end(in, 200, body);
}

static void on_staged(const struct staged *staged, void *arg)
{
    struct install *in = arg;
    struct workspace *ws = in->ws;
    if (staged->status != 200) {
        install_refuse(in, staged->status, staged->error);
        return;
    }
    CLEANUP(free_ptr) char *mismatch = plugin_sha256_problem(staged->tree, in->sha256);
    char reason[256];
    if (mismatch) {
        install_refuse(in, 422, mismatch);
    } else if (!allowlisted(ws, in->source.name)) {
        (void)snprintf(reason, sizeof(reason),
                       "plugin \"%.128s\" is not in the org allowlist", in->source.name);
        install_refuse(in, 403, reason);
    } else if (gate_asks_first(ws->org) &&
               !gate_allows(ws, GATE_INSTALL, in->source.name, in->source.raw,
                            staged->tree, in->actor_kind, reason)) {
        install_end(in, 403, json_make("{s:s}", "error", reason));
    } else {
        deliver(in, staged);
    }
}

int plugin_source_refusal(const char *raw, struct plugin_source *ret, json_t **ret_body)
{
    enum source_problem problem = source_parse(raw, ret);
    switch (problem) {
    case SOURCE_BAD:
        *ret_body = json_make("{s:s}", "error", "invalid plugin source");
        return 400;
    case SOURCE_SCHEME:
        *ret_body = json_make("{s:[s,s,s], s:s}", "available_schemes", "gitea", "github",
                              "local", "error", "failed to resolve plugin source");
        return 400;
    case SOURCE_NAME:
        *ret_body = json_make("{s:s}", "error", "invalid plugin name");
        return 400;
    case SOURCE_OK:
        break;
    }
    if (source_pinned(ret))
        return 0;
    CLEANUP(free_ptr)
    char *text = xasprintf("unpinned plugin source: append a tag or commit SHA (e.g. "
                           "\"%s://owner/repo#v1.2.0\"). Set "
                           "PLUGIN_ALLOW_UNPINNED=true to override",
                           ret->scheme);
    *ret_body = json_make("{s:s, s:s}", "error", text, "source", raw);
    return 422;
}

void plugin_install(struct workspace *ws, const char *source, const char *sha256,
                    const char *track, const char *actor_kind, plugin_done_fn *done,
                    void *arg)
{
    struct plugin_source parsed = PLUGIN_SOURCE_INIT;
    json_t *refusal = NULL;
    int status = plugin_source_refusal(source, &parsed, &refusal);
    if (status) {
        source_release(&parsed);
        done(status, refusal, arg);
        return;
    }
    struct install *in = xcalloc(1, sizeof(*in));
    in->ws = ws;
    in->source = parsed;
    in->done = done;
    in->arg = arg;
    str_set(&in->sha256, sha256);
    str_set(&in->track, track);
    str_set(&in->actor_kind, actor_kind);
    char reason[256];
    /* Where the name or an earlier look tells, nothing is fetched for the unentitled. The
     * question is put again, with the tree, before delivery; only then is it audited as
     * allowed. */
    const char *why = NULL;
    if (gate_asks_first(ws->org) && !gate_entitled(ws, &why) &&
        !gate_allows(ws, GATE_INSTALL, in->source.name, in->source.raw, NULL,
                     in->actor_kind, reason)) {
        install_end(in, 403, json_make("{s:s}", "error", reason));
        return;
    }
    (void)stage_start(ws, &in->source, on_staged, in);
}

static void restart_due(void *arg)
{
    struct workspace *ws = arg;
    if (box_running(ws))
        workspace_restart_auto(ws, "plugin-uninstall");
}

void plugin_uninstall(struct workspace *ws, const char *plugin_name, plugin_done_fn *done,
                      void *arg)
{
    CLEANUP(free_ptr)
    char *dir = strchr(plugin_name, '/') ? NULL : plugin_box_dir(ws, plugin_name);
    if (!*plugin_name || !dir) {
        done(400, json_make("{s:s}", "error", "invalid plugin name"), arg);
        return;
    }
    if (!workspace_has_machine(ws)) {
        done(503, json_make("{s:s}", "error", "workspace container not running"), arg);
        return;
    }
    struct err err = ERR_INIT;
    if (plugin_remove(ws, plugin_name, dir, &err) < 0) {
        log_warn("%s", err.text);
        done(502,
             json_make("{s:s}", "error", "failed to remove plugin from workspace EC2"),
             arg);
        return;
    }
    (void)plugin_row_delete(&ws->installed, plugin_name);
    loop_timer_add(ws->org->plat->loop, pace_ms(ws->org->plat, UNINSTALL_RESTART_S),
                   restart_due, ws);
    done(200, json_make("{s:s, s:s}", "plugin", plugin_name, "status", "uninstalled"),
         arg);
}
