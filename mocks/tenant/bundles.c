/*
 * Bundles: a workspace with its children as one document, out of one organisation and
 * into another.
 */
#include <string.h>

#include "base/clock.h"
#include "base/fs.h"
#include "base/limits.h"
#include "io/json.h"
#include "io/yaml.h"
#include "mocks/control_plane/seed.h"
#include "mocks/tenant/handlers.h"
#include "mocks/tenant/rest.h"
#include "mocks/tenant/workspace.h"

/* ---- out ---- */

/* A file under the box's /configs as text; "" when there is none. New reference. */
static json_t *config_file(const struct workspace *ws, const char *rel)
{
    char *path CLEANUP(free_ptr) = box_path(ws, "/configs", rel);
    struct buf text CLEANUP(buf_release) = BUF_INIT(LIMIT_FILE);
    if (!path || fs_read(path, &text, NULL) < 0)
        return json_string("");
    return rest_text(text.data, text.len);
}

struct tree {
    const struct workspace *ws;
    const char *below; /* "prompts" or "skills" */
    json_t *files;     /* {path below it: text} */
};

static int take_file(const struct fs_entry *entry, void *arg)
{
    const struct tree *tree = arg;
    if (entry->dir)
        return 0;
    char *rel CLEANUP(free_ptr) = xasprintf("%s/%s", tree->below, entry->path);
    json_object_set_new(tree->files, entry->path, config_file(tree->ws, rel));
    return 0;
}

static json_t *files_below(const struct workspace *ws, const char *below)
{
    struct tree tree = {ws, below, json_object()};
    char *dir CLEANUP(free_ptr) = box_path(ws, "/configs", below);
    if (dir)
        (void)fs_walk(dir, LIMIT_DEPTH, take_file, &tree, NULL);
    return tree.files;
}

/* Every directory under skills/ with its files; owned by the caller. */
static json_t *skills_of(const struct workspace *ws)
{
    json_t *skills = json_array();
    json_t *files = files_below(ws, "skills");
    const char *path = NULL;
    json_t *text = NULL;
    json_t *last = NULL;
    /* Sorted by path, so that the files of one skill stand together. */
    json_object_foreach(files, path, text)
    {
        size_t len = strcspn(path, "/");
        char *id CLEANUP(free_ptr) = xstrndup(path, len);
        if (!path[len])
            continue;
        if (!last || strcmp(json_str(last, "id", ""), id) != 0) {
            last = json_make("{s:o,s:o,s:s,s:{}}", "id", rest_string(id), "name",
                             rest_string(id), "description", "", "files");
            json_array_append_new(skills, last);
        }
        json_object_set(json_object_get(last, "files"), path + len + 1, text);
    }
    json_decref(files);
    return skills;
}

/* What the box's config.yaml says; NULL when there is none. */
static struct ydoc *config_of(const struct workspace *ws)
{
    struct ydoc *doc = NULL;
    struct err err = ERR_INIT;
    char *path CLEANUP(free_ptr) = box_path(ws, "/configs", "config.yaml");
    return path && yaml_read_file(path, LIMIT_FILE, &doc, &err) == 0 ? doc : NULL;
}

/* In the order of the document; owned by the caller. */
static json_t *bundle_of(const struct workspace *ws)
{
    struct ydoc *doc CLEANUP(ydoc_drop) = config_of(ws);
    const struct ynode *root = doc ? ydoc_root(doc) : NULL;
    json_t *bundle = json_object();
    json_object_set_new(bundle, "schema", json_string("workspace-bundle/1.0"));
    json_object_set_new(bundle, "id", json_string(ws->id));
    json_object_set_new(bundle, "name", rest_string(ws->name));
    json_object_set_new(
        bundle, "description",
        rest_string(ws->role ? ws->role : ynode_str(root, "description", "")));
    json_object_set_new(bundle, "tier", json_integer(ws->tier));
    const char *model = workspace_model(ws);
    json_object_set_new(bundle, "model", rest_string(model ? model : ""));
    json_object_set_new(bundle, "system_prompt", config_file(ws, "system-prompt.md"));
    json_object_set_new(bundle, "skills", skills_of(ws));
    json_object_set_new(bundle, "tools", json_array());
    json_object_set_new(bundle, "prompts", files_below(ws, "prompts"));
    json_t *below = json_array();
    for (size_t i = 0; i < ws->org->ws_n; i++) {
        const struct workspace *child = ws->org->ws[i];
        if (ws_live(child) && strcmp(child->parent_id, ws->id) == 0)
            json_array_append_new(below, bundle_of(child));
    }
    json_object_set_new(bundle, "sub_workspaces", below);
    json_object_set_new(bundle, "agent_card",
                        ws->agent_card ? json_deep_copy(ws->agent_card) : json_null());
    json_object_set_new(bundle, "author", json_string(""));
    json_object_set_new(bundle, "version",
                        rest_string(ynode_str(root, "version", "1.0.0")));
    return bundle;
}

void bundle_export(struct call *call)
{
    struct workspace *ws = rest_ws(call);
    if (!ws || !ws_live(ws)) {
        call_error(call, 404, "bundle not found");
        return;
    }
    call_struct(call, 200, bundle_of(ws));
}

/* ---- in ---- */

static void keep_files(struct workspace *ws, const char *below, json_t *files)
{
    const char *path = NULL;
    json_t *text = NULL;
    json_object_foreach(files, path, text)
    {
        char *full CLEANUP(free_ptr) = xasprintf("%s/%s", below, path);
        if (json_is_string(text) && fs_path_is_safe(full))
            seed_keep(ws, full, json_string_value(text));
    }
}

static void keep_bundle(struct workspace *ws, const json_t *bundle)
{
    size_t i = 0;
    json_t *skill = NULL;
    const char *prompt = json_str(bundle, "system_prompt", "");
    if (prompt[0])
        seed_keep(ws, "system-prompt.md", prompt);
    keep_files(ws, "prompts", json_object_get(bundle, "prompts"));
    json_array_foreach(json_object_get(bundle, "skills"), i, skill)
    {
        char *dir CLEANUP(free_ptr) = xasprintf("skills/%s", json_str(skill, "id", ""));
        keep_files(ws, dir, json_object_get(skill, "files"));
    }
}

/* Makes the workspace and those below it; the answer's struct, owned by the caller. It
 * keeps its name as it is, and has no parent that it was not given. */
static json_t *import(struct org *org, const json_t *bundle, const char *parent_id)
{
    const char *name = json_str(bundle, "name", "");
    const char *model = json_str(bundle, "model", "");
    const char *role = json_str(bundle, "description", "");
    struct workspace *ws = ws_add(org, NULL, name, parent_id);
    ws->tier = (int)json_int(bundle, "tier", ws->tier);
    str_set(&ws->role, role[0] ? role : NULL);
    if (model[0])
        secret_set(&ws->secrets, "MODEL", model);
    keep_bundle(ws, bundle);
    (void)provision_restart(ws, "create");
    bool failed = strcmp(ws->status, "failed") == 0;
    json_t *result =
        json_make("{s:s,s:o,s:s}", "workspace_id", ws->id, "name", rest_string(ws->name),
                  "status", failed ? "failed" : "provisioning");
    if (failed)
        json_object_set_new(result, "error", rest_string(ws->last_sample_error));
    json_t *children = json_array();
    size_t i = 0;
    json_t *below = NULL;
    json_array_foreach(json_object_get(bundle, "sub_workspaces"), i, below)
    {
        json_array_append_new(children, import(org, below, ws->id));
    }
    if (json_array_size(children) > 0)
        json_object_set(result, "children", children);
    json_decref(children);
    return result;
}

static bool named(const json_t *bundle)
{
    size_t i = 0;
    json_t *below = NULL;
    bool good = json_str(bundle, "name", "")[0] != '\0';
    json_array_foreach(json_object_get(bundle, "sub_workspaces"), i, below)
    {
        good = good && named(below);
    }
    return good;
}

void bundle_import(struct call *call)
{
    json_t *body = rest_need_body(call, "invalid bundle");
    if (!body)
        return;
    if (!named(body)) {
        call_error(call, 400, "bundle name is required");
        return;
    }
    call_struct(call, 201, import(call->org, body, NULL));
}
