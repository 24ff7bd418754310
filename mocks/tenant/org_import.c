/*
 * Org templates: a tree of workspaces as one YAML document (DIR/org.yaml in the
 * repository molecule-ai/org-templates) or in the request, made all at once.
 *
 *   name, description, required_env: [NAME]
 *   defaults: {runtime, model, tier, template, plugins}
 *   workspaces: [{name, role, runtime, model, tier, template, plugins, children: [..]}]
 *
 * An entry that is a text names a file of the same directory which holds the entry.
 * A workspace that is already there, by its name below the same parent, is left as it is
 * (merge); reconcile also removes what an earlier import of the same template made and it
 * lists no more.
 */
#include <string.h>

#include "base/fs.h"
#include "base/limits.h"
#include "base/log.h"
#include "io/json.h"
#include "io/yaml.h"
#include "mocks/forge/catalog.h"
#include "mocks/tenant/handlers.h"
#include "mocks/tenant/models.h"
#include "mocks/tenant/rest.h"
#include "mocks/tenant/workspace.h"

/* ---- reading one ---- */

/* The repository molecule-ai/org-templates, a directory each; caller frees, NULL = none.
 */
static char *templates_dir(const struct platform *p)
{
    struct catalog_place place = {.path = NULL};
    if (catalog_find(p->repos, "molecule-ai", "org-templates", "main", &place) &&
        !place.packed)
        return place.path;
    catalog_place_release(&place);
    return NULL;
}

/* A YAML file as JSON; NULL = not there, or none. Owned by the caller. */
static json_t *read_yaml(const char *dir, const char *rel)
{
    char *path CLEANUP(free_ptr) = fs_join(dir, rel);
    struct ydoc *doc CLEANUP(ydoc_drop) = NULL;
    struct err err = ERR_INIT;
    if (!fs_exists(path))
        return NULL;
    if (yaml_read_file(path, LIMIT_FILE, &doc, &err) < 0) {
        log_warn("org template: %s", err.text);
        return NULL;
    }
    return ynode_to_json(ydoc_root(doc));
}

/* Replaces texts by the entries of the files that they name, at every depth. dir NULL =
 * there is none. False: one is not there. */
static bool expand(json_t *entries, const char *dir, int depth)
{
    size_t i = 0;
    json_t *entry = NULL;
    json_array_foreach(entries, i, entry)
    {
        if (json_is_string(entry)) {
            const char *rel = json_string_value(entry);
            json_t *read = dir && fs_path_is_safe(rel) ? read_yaml(dir, rel) : NULL;
            if (!read)
                return false;
            json_array_set_new(entries, i, read);
            entry = read;
        }
        if (depth <= 0 || !expand(json_object_get(entry, "children"), dir, depth - 1))
            return false;
    }
    return true;
}

/* Every entry is an object with a name. */
static bool entries_ok(const json_t *entries)
{
    size_t i = 0;
    json_t *entry = NULL;
    if (entries && !json_is_array(entries))
        return false;
    json_array_foreach(entries, i, entry)
    {
        if (!json_str(entry, "name", "")[0] ||
            !entries_ok(json_object_get(entry, "children")))
            return false;
    }
    return true;
}

static bool template_ok(const json_t *template)
{
    return json_str(template, "name", "")[0] &&
           json_is_array(json_object_get(template, "workspaces")) &&
           entries_ok(json_object_get(template, "workspaces"));
}

static size_t count_entries(const json_t *entries)
{
    size_t i = 0, n = 0;
    json_t *entry = NULL;
    json_array_foreach(entries, i, entry)
    {
        n += 1 + count_entries(json_object_get(entry, "children"));
    }
    return n;
}

/* ---- GET /org/templates ---- */

static int add_template(const struct fs_entry *entry, void *arg)
{
    struct call *call = ((void **)arg)[0];
    json_t *list = ((void **)arg)[1];
    if (!entry->dir)
        return 0;
    char *all CLEANUP(free_ptr) = templates_dir(call->plat);
    char *dir CLEANUP(free_ptr) = fs_join(all, entry->path);
    CLEANUP(json_drop) json_t *template = read_yaml(dir, "org.yaml");
    if (!template)
        return 0;
    json_t *entries = json_object_get(template, "workspaces");
    (void)expand(entries, dir, LIMIT_DEPTH);
    json_array_append_new(list,
                          json_make("{s:o,s:s,s:s,s:I}", "dir", rest_string(entry->path),
                                    "name", json_str(template, "name", entry->path),
                                    "description", json_str(template, "description", ""),
                                    "workspaces", (json_int_t)count_entries(entries)));
    return 0;
}

void org_template_list(struct call *call)
{
    void *arg[] = {call, json_array()};
    char *dir CLEANUP(free_ptr) = templates_dir(call->plat);
    if (dir)
        (void)fs_walk(dir, 1, add_template, arg, NULL);
    call_json(call, 200, arg[1]);
}

/* ---- POST /org/import ---- */

struct import {
    struct call *call;
    const char *name; /* of the template */
    const json_t *defaults;
    json_t *rows; /* of the answer */
    json_t *kept; /* workspace id -> true: what the template lists */
    size_t failed;
};

/* The entry's member, else its template's, else the default one. */
static const char *resolve(const struct import *im, const json_t *entry,
                           const struct ynode *config, const char *key)
{
    const char *nested = ynode_str(ynode_get(config, "runtime_config"), key, NULL);
    const char *value = json_str(entry, key, ynode_str(config, key, nested));
    return value ? value : json_str(im->defaults, key, "");
}

/* Why a workspace cannot be made; NULL = it can. */
static const char *refusal(const struct org *org, const char *name, const char *role,
                           const char *runtime, const char *model)
{
    if (!workspace_texts_ok(name, role, model, runtime))
        return "invalid workspace fields";
    if (!runtime_is_known(org, runtime))
        return "unsupported workspace runtime";
    if (!model[0])
        return "model is required";
    if (model_fit(runtime, model, NULL) == MODEL_UNREGISTERED)
        return "the model is not registered for the runtime";
    return NULL;
}

static void declare_all(const struct import *im, struct workspace *ws,
                        const json_t *sources)
{
    size_t i = 0;
    json_t *source = NULL;
    char reason[256];
    json_array_foreach(sources, i, source)
    {
        const char *text = json_string_value(source);
        if (text && plugin_declare(ws, text, rest_actor(im->call), reason) != 0)
            log_info("org import: %s of %s is not declared: %s", text, ws->id, reason);
    }
}

static struct workspace *make(struct import *im, const json_t *entry,
                              const char *parent_id)
{
    const char *template =
        json_str(entry, "template", json_str(im->defaults, "template", ""));
    struct ydoc *doc CLEANUP(ydoc_drop) =
        template[0] ? template_config(im->call->org, template) : NULL;
    const struct ynode *config = doc ? ydoc_root(doc) : NULL;
    const char *runtime = resolve(im, entry, config, "runtime");
    const char *model = resolve(im, entry, config, "model");
    const char *name = json_str(entry, "name", ""), *role = json_str(entry, "role", NULL);
    if (!runtime[0])
        runtime = "claude-code";
    const char *why = refusal(im->call->org, name, role, runtime, model);
    if (why) {
        im->failed++;
        json_array_append_new(
            im->rows, json_make("{s:s,s:o}", "error", why, "name", rest_string(name)));
        return NULL;
    }
    struct workspace *ws = ws_add(im->call->org, NULL, name, parent_id);
    str_set(&ws->role, role);
    str_set(&ws->template, template[0] ? template : NULL);
    str_set(&ws->runtime, runtime);
    ws->tier = im->call->plat->self_hosted
                   ? (int)json_int(entry, "tier", json_int(im->defaults, "tier", 3))
                   : 4;
    secret_set(&ws->secrets, "MODEL", model);
    json_object_set_new(ws->rest, "org_template", rest_string(im->name));
    declare_all(im, ws, json_object_get(im->defaults, "plugins"));
    declare_all(im, ws, json_object_get(entry, "plugins"));
    (void)provision_restart(ws, "create");
    return ws;
}

static struct workspace *find_live(struct org *org, const char *name,
                                   const char *parent_id)
{
    for (size_t i = 0; i < org->ws_n; i++) {
        struct workspace *ws = org->ws[i];
        if (ws_live(ws) && strcmp(ws->parent_id, parent_id) == 0 &&
            strcmp(ws->name, name) == 0)
            return ws;
    }
    return NULL;
}

static void import_entries(struct import *im, const json_t *entries,
                           const char *parent_id)
{
    size_t i = 0;
    json_t *entry = NULL;
    json_array_foreach(entries, i, entry)
    {
        const json_t *children = json_object_get(entry, "children");
        struct workspace *ws =
            find_live(im->call->org, json_str(entry, "name", ""), parent_id);
        bool existing = ws != NULL;
        ws = existing ? ws : make(im, entry, parent_id);
        if (!ws) { /* nothing can stand below what is not there */
            im->failed += count_entries(children);
            continue;
        }
        json_object_set_new(im->kept, ws->id, json_true());
        json_t *row = json_make("{s:s,s:o,s:s}", "id", ws->id, "name",
                                rest_string(ws->name), "status", ws->status);
        if (existing)
            json_object_set_new(row, "existing", json_true());
        json_array_append_new(im->rows, row);
        import_entries(im, children, ws->id);
    }
}

/* Removes what the template made once and lists no more, with everything below it. */
static size_t reconcile(const struct import *im)
{
    const struct org *org = im->call->org;
    size_t removed = 0;
    for (size_t i = 0; i < org->ws_n; i++) {
        struct workspace *ws = org->ws[i];
        if (!ws_live(ws) || json_object_get(im->kept, ws->id) ||
            strcmp(json_str(ws->rest, "org_template", ""), im->name) != 0)
            continue;
        for (size_t k = 0; k < org->ws_n; k++)
            if (ws_live(org->ws[k]) && ws_is_above(ws, org->ws[k])) {
                ws_remove(org->ws[k]);
                removed++;
            }
        ws_remove(ws);
        removed++;
    }
    return removed;
}

/* The document that the request means, expanded; NULL = answered. Owned by the caller. */
static json_t *need_template(struct call *call, const json_t *body)
{
    json_t *given = json_object_get(body, "template");
    const char *rel = json_str(body, "dir", "");
    if (!rel[0] && !given) {
        call_error(call, 400, "provide 'dir' or 'template'");
        return NULL;
    }
    if (rel[0] && !fs_path_is_safe(rel)) {
        call_error(call, 400, "invalid org directory");
        return NULL;
    }
    char *all CLEANUP(free_ptr) = templates_dir(call->plat);
    char *dir CLEANUP(free_ptr) = rel[0] && all ? fs_join(all, rel) : NULL;
    char *file CLEANUP(free_ptr) = dir ? fs_join(dir, "org.yaml") : NULL;
    if (rel[0] && (!file || !fs_exists(file))) {
        call_error(call, 404, "org template not found");
        return NULL;
    }
    json_t *template = dir ? read_yaml(dir, "org.yaml") : json_deep_copy(given);
    const char *why = NULL;
    if (json_is_object(template) &&
        !expand(json_object_get(template, "workspaces"), dir, LIMIT_DEPTH))
        why = "org template expansion failed";
    else if (!template_ok(template))
        why = "invalid org template";
    if (!why)
        return template;
    json_decref(template);
    call_error(call, 400, why);
    return NULL;
}

/* The organisation has every variable that the template wants. False = answered. */
static bool need_env(struct call *call, const json_t *template)
{
    size_t i = 0;
    json_t *name = NULL;
    json_t *missing = json_array();
    json_array_foreach(json_object_get(template, "required_env"), i, name)
    {
        const char *text = json_string_value(name);
        if (text && !secret_get(&call->org->secrets, text))
            json_array_append(missing, name);
    }
    if (json_array_size(missing) == 0) {
        json_decref(missing);
        return true;
    }
    call_json(call, 412,
              json_make("{s:s,s:o,s:s}", "error",
                        "missing required environment variables", "missing_env", missing,
                        "org", json_str(template, "name", "")));
    return false;
}

static void answer(const struct import *im, const char *mode)
{
    json_t *body =
        json_make("{s:I,s:s,s:O}", "count", (json_int_t)json_object_size(im->kept), "org",
                  im->name, "workspaces", im->rows);
    if (mode[0])
        json_object_set_new(body, "mode", json_string(mode));
    if (strcmp(mode, "reconcile") == 0)
        json_object_set_new(body, "reconcile_removed_count",
                            json_integer((json_int_t)reconcile(im)));
    if (im->failed) {
        char *text CLEANUP(free_ptr) = xasprintf(
            "%zu of the template's workspaces could not be created", im->failed);
        json_object_set_new(body, "error", json_string(text));
    }
    call_json(im->call, im->failed ? 207 : 201, body);
}

void org_import(struct call *call)
{
    json_t *body = rest_need_body(call, "provide 'dir' or 'template'");
    CLEANUP(json_drop) json_t *template = body ? need_template(call, body) : NULL;
    if (!template)
        return;
    if (!json_bool(body, "force", false) && !need_env(call, template))
        return;
    struct import im = {.call = call,
                        .name = json_str(template, "name", ""),
                        .defaults = json_object_get(template, "defaults"),
                        .rows = json_array(),
                        .kept = json_object()};
    /* The mode may lie in the body, which goes with the call. */
    char *mode CLEANUP(free_ptr) = xstrdup(json_str(body, "mode", ""));
    char parent[37];
    snprintf(parent, sizeof(parent), "%s", ws_default_parent(call->org));
    import_entries(&im, json_object_get(template, "workspaces"), parent);
    answer(&im, mode);
    json_decref(im.rows);
    json_decref(im.kept);
}
