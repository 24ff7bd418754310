/*
 * Templates: those of the manifest, and those that were imported (state.h), which can be
 * used like them.
 */
#include <string.h>

#include "base/fs.h"
#include "base/ids.h"
#include "base/log.h"
#include "io/json.h"
#include "io/yaml.h"
#include "mocks/tenant/handlers.h"
#include "mocks/tenant/rest.h"

enum { FILES_MAX = 200, ID_MAX = 99 };

/* A list of texts as it stands in the config; owned by the caller. */
static json_t *list_or_empty(const struct ynode *node)
{
    return node && node->kind == YNODE_SEQ ? ynode_to_json(node) : json_array();
}

static json_t *template_view(const struct org *org, const char *id, const char *name)
{
    struct ydoc *doc CLEANUP(ydoc_drop) = template_config(org, id);
    const struct ynode *root = doc ? ydoc_root(doc) : NULL;
    const struct ynode *run = ynode_get(root, "runtime_config");
    const struct ynode *tier = ynode_get(root, "tier");
    const struct ynode *env = ynode_get(root, "required_env");
    const struct ynode *models = ynode_get(root, "models");
    struct template_ref ref;
    const char *runtime = template_find(org, id, &ref) ? ref.runtime : "";
    json_t *skills = list_or_empty(ynode_get(root, "skills"));
    json_t *view =
        json_make("{s:s,s:o,s:o,s:o,s:o,s:o}", "id", id, "name",
                  rest_string(ynode_str(root, "name", name)), "description",
                  rest_string(ynode_str(root, "description", "")), "tier",
                  tier ? ynode_to_json(tier) : json_integer(3), "runtime",
                  rest_string(ynode_str(root, "runtime", runtime)), "model",
                  rest_string(ynode_str(root, "model", ynode_str(run, "model", ""))));
    env = env ? env : ynode_get(run, "required_env");
    models = models ? models : ynode_get(run, "models");
    if (models)
        json_object_set_new(view, "models", list_or_empty(models));
    if (env)
        json_object_set_new(view, "required_env", list_or_empty(env));
    json_object_set_new(view, "skill_count", json_integer((int)json_array_size(skills)));
    json_object_set_new(view, "skills", skills);
    return view;
}

void template_list(struct call *call)
{
    const char *id = NULL;
    json_t *row = NULL;
    json_t *list = json_array();
    json_object_foreach(call->plat->manifest, id, row)
    {
        char *dir CLEANUP(free_ptr) = template_dir(call->org, id);
        if (dir)
            json_array_append_new(list, template_view(call->org, id, id));
    }
    json_object_foreach(json_object_get(call->org->rest, "templates"), id, row)
    {
        json_array_append_new(list,
                              template_view(call->org, id, json_str(row, "name", id)));
    }
    call_json(call, 200, list);
}

/* Every file has a path that stays in the template, and text. */
static bool files_ok(json_t *files)
{
    const char *path = NULL;
    json_t *text = NULL;
    bool good = json_is_object(files) && json_object_size(files) > 0;
    json_object_foreach(files, path, text)
    {
        good = good && fs_path_is_safe(path) && json_is_string(text);
    }
    return good;
}

void template_import(struct call *call)
{
    json_t *body = rest_need_body(call, "invalid request body");
    if (!body)
        return;
    const char *name = json_str(body, "name", "");
    json_t *files = json_object_get(body, "files");
    char *id CLEANUP(free_ptr) = id_slug(name, ID_MAX);
    if (json_object_size(files) > FILES_MAX) {
        char *text CLEANUP(free_ptr) =
            xasprintf("too many files (%zu), max %d", json_object_size(files), FILES_MAX);
        call_error(call, 400, text);
        return;
    }
    if (!id[0] || !files_ok(files)) {
        call_error(call, 400, "invalid request body");
        return;
    }
    struct template_ref ref;
    if (template_find(call->org, id, &ref) || template_imported(call->org, id)) {
        call_json(call, 409,
                  json_make("{s:s,s:s}", "error", "template already exists", "id", id));
        return;
    }
    json_object_set_new(
        rest_object(call->org->rest, "templates"), id,
        json_make("{s:o,s:O}", "name", rest_string(name), "files", files));
    call_json(call, 201,
              json_make("{s:s,s:o,s:s}", "id", id, "name", rest_string(name), "status",
                        "imported"));
}

/* A self-hosted platform has its templates on its own disk and refreshes nothing. */
void template_cache_refresh(struct call *call)
{
    struct err err = ERR_INIT;
    if (call->plat->self_hosted) {
        call_error(call, 503, "template cache refresh is not configured");
        return;
    }
    if (template_refresh(call->plat, &err) < 0)
        log_warn("templates: %s", err.text);
    call_json(call, 200, json_make("{s:s}", "status", "refreshed"));
}
