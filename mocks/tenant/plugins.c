/*
 * Installing and removing a plugin of a running workspace.
 * Source: molecule-core, POST and DELETE /workspaces/:id/plugins (contract 2.15).
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
#include "mocks/tenant/plugin_stage.h"

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

/* NULL = as expected; else the text of the 422. Caller frees. */
static char *sha256_problem(const char *tree, const char *expected)
{
    if (!expected || !*expected)
        return NULL;
    CLEANUP(free_ptr) char *path = fs_join(tree, "plugin.yaml");
    CLEANUP(buf_release) struct buf text = BUF_INIT(LIMIT_FILE);
    if (fs_read(path, &text, NULL) < 0)
        return xstrdup("sha256 check failed: plugin.yaml not found in staged plugin");
    char got[65];
    sha256_hex(text.data, text.len, got);
    return strcasecmp(got, expected) == 0
               ? NULL
               : xasprintf("sha256 mismatch: expected %s, got %s", expected, got);
}

/* The shipped gate stands here, after delivery: a refusal is logged and nothing else. */
static void record(struct install *in)
{
    struct workspace *ws = in->ws;
    char reason[256];
    if (!gate_asks_first(ws->org) &&
        !gate_allows(ws, GATE_INSTALL, in->source.name, in->source.raw, NULL,
                     in->actor_kind, reason)) {
        log_warn("%s", reason);
        return;
    }
    (void)plugin_row_put(&ws->installed, in->source.name, in->source.raw,
                         in->track ? in->track : source_track(&in->source));
}

static void deliver(struct install *in, const char *tree)
{
    struct workspace *ws = in->ws;
    struct err err = ERR_INIT;
    if (!box_running(ws)) {
        install_refuse(in, 503, "workspace container not running");
        return;
    }
    if (plugin_deliver(ws, in->source.name, tree, &err) < 0) {
        log_warn("%s", err.text);
        if (ws->org->plat->self_hosted)
            install_refuse(in, 500, "failed to copy plugin to container");
        else
            install_refuse(in, 502, "failed to deliver plugin to workspace EC2");
        return;
    }
    record(in);
    box_arrived(ws, in->source.name, "install");
    json_t *body = json_make("{s:s, s:s, s:s}", "plugin", in->source.name, "source",
                             in->source.raw, "status", "installed");
    (void)provision_restart(ws, "plugin-install");
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
    CLEANUP(free_ptr) char *mismatch = sha256_problem(staged->tree, in->sha256);
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
        deliver(in, staged->tree);
    }
}

/* Refusals that need no archive; true when it was answered. */
static bool refused_early(struct workspace *ws, const char *source,
                          enum source_problem problem, plugin_done_fn *done, void *arg)
{
    if (ws_external_like(ws)) {
        done(422,
             json_make("{s:s, s:s}", "error",
                       "plugin install via push is not supported for external runtimes",
                       "hint",
                       "external workspaces pull plugins via GET "
                       "/workspaces/:id/plugins/:name/download"),
             arg);
    } else if (!source || !*source) {
        done(400,
             json_make("{s:s}", "error",
                       "'source' is required (e.g. \"local://my-plugin\" or "
                       "\"github://owner/repo\")"),
             arg);
    } else if (problem == SOURCE_BAD) {
        done(400, json_make("{s:s}", "error", "invalid plugin source"), arg);
    } else if (problem == SOURCE_SCHEME) {
        done(400,
             json_make("{s:[s,s,s], s:s}", "available_schemes", "gitea", "github",
                       "local", "error", "failed to resolve plugin source"),
             arg);
    } else if (problem == SOURCE_NAME) {
        done(400, json_make("{s:s}", "error", "invalid plugin name"), arg);
    } else {
        return false;
    }
    return true;
}

void plugin_install(struct workspace *ws, const char *source, const char *sha256,
                    const char *track, const char *actor_kind, plugin_done_fn *done,
                    void *arg)
{
    struct plugin_source parsed = PLUGIN_SOURCE_INIT;
    enum source_problem problem =
        source && *source ? source_parse(source, &parsed) : SOURCE_BAD;
    if (refused_early(ws, source, problem, done, arg)) {
        source_release(&parsed);
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
    if (!source_pinned(&in->source)) {
        CLEANUP(free_ptr)
        char *text = xasprintf("unpinned plugin source: append a tag or commit SHA (e.g. "
                               "\"%s://owner/repo#v1.2.0\"). Set "
                               "PLUGIN_ALLOW_UNPINNED=true to override",
                               in->source.scheme);
        install_refuse(in, 422, text);
        return;
    }
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

void plugin_uninstall(struct workspace *ws, const char *plugin_name, plugin_done_fn *done,
                      void *arg)
{
    if (ws_external_like(ws)) {
        done(422,
             json_make("{s:s}", "error",
                       "plugin uninstall via docker exec is not supported for external "
                       "runtimes"),
             arg);
        return;
    }
    CLEANUP(free_ptr)
    char *dir = strchr(plugin_name, '/') ? NULL : plugin_box_dir(ws, plugin_name);
    if (!*plugin_name || !dir) {
        done(400, json_make("{s:s}", "error", "invalid plugin name"), arg);
        return;
    }
    if (!box_running(ws)) {
        done(503, json_make("{s:s}", "error", "workspace container not running"), arg);
        return;
    }
    struct err err = ERR_INIT;
    if (fs_rmtree(dir, &err) < 0) {
        log_warn("%s", err.text);
        done(502,
             json_make("{s:s}", "error", "failed to remove plugin from workspace EC2"),
             arg);
        return;
    }
    (void)plugin_row_delete(&ws->installed, plugin_name);
    (void)provision_restart(ws, "plugin-uninstall");
    done(200, json_make("{s:s, s:s}", "plugin", plugin_name, "status", "uninstalled"),
         arg);
}
