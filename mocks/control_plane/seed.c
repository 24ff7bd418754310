#include "mocks/control_plane/seed.h"

#include <string.h>

#include "base/fs.h"
#include "base/limits.h"
#include "io/json.h"
#include "io/yaml.h"

/* Files of the workspace itself: {path: text}. */
static const char kept[] = "config_files";

static bool template_may_send(const char *path)
{
    return strcmp(path, "config.yaml") == 0 || strncmp(path, "prompts/", 8) == 0;
}

static int add_files(json_t *files, bool (*may_send)(const char *path),
                     struct assets *ret, struct err *err)
{
    const char *path = NULL;
    json_t *text = NULL;
    size_t total = 0;
    json_object_foreach(files, path, text)
    {
        if (may_send && !may_send(path))
            continue;
        if (!fs_path_is_safe(path))
            return err_set(err, ERR_SHAPE, "invalid config file path \"%s\"", path);
        assets_add(ret, path, json_string_value(text), json_string_length(text));
    }
    for (size_t i = 0; i < ret->n; i++)
        total += ret->v[i].len;
    if (total > LIMIT_CONFIG_FILES)
        return err_set(err, ERR_SHAPE, "config files exceed %zu bytes",
                       LIMIT_CONFIG_FILES);
    return 0;
}

int seed_files(const struct workspace *ws, struct assets *ret, struct err *err)
{
    const json_t *imported =
        ws->template ? template_imported(ws->org, ws->template) : NULL;
    if (add_files(json_object_get(imported, "files"), template_may_send, ret, err) < 0)
        return -1;
    return add_files(json_object_get(ws->rest, kept), NULL, ret, err);
}

void seed_keep(struct workspace *ws, const char *path, const char *text)
{
    json_t *files = json_object_get(ws->rest, kept);
    if (!files) {
        files = json_object();
        (void)json_object_set_new(ws->rest, kept, files);
    }
    (void)json_object_set_new(files, path, json_str_new(text));
}

/* Names under required_env, at the top or in runtime_config, that env has not. */
static json_t *missing_env(const struct ynode *root, const struct strv *env)
{
    const struct ynode *const lists[] = {
        ynode_get(root, "required_env"),
        ynode_get(ynode_get(root, "runtime_config"), "required_env")};
    json_t *missing = json_array();
    for (size_t l = 0; l < ARRAY_SIZE(lists); l++)
        for (size_t i = 0; lists[l] && lists[l]->kind == YNODE_SEQ && i < lists[l]->n;
             i++) {
            const char *name = lists[l]->items[i]->text;
            if (name && !strv_env_get(env, name))
                (void)json_array_append_new(missing, json_str_new(name));
        }
    return missing;
}

static bool has_required_env(struct workspace *ws, const struct ynode *root,
                             const struct strv *env)
{
    json_t *missing = missing_env(root, env);
    if (json_array_size(missing) == 0) {
        json_decref(missing);
        return true;
    }
    CLEANUP(buf_release) struct buf text = BUF_INIT(LIMIT_ERROR_TEXT);
    buf_adds(&text, "provision aborted: the template requires variables that are not "
                    "set as secrets:");
    for (size_t i = 0; i < json_array_size(missing); i++)
        buf_addf(&text, "%s %s", i ? "," : "",
                 json_string_value(json_array_get(missing, i)));
    provision_failed(ws, text.data, json_make("{s:o}", "missing", missing));
    return false;
}

static bool has_its_runtime(struct workspace *ws, const char *seeded)
{
    if (!*seeded || strcmp(seeded, ws->runtime) == 0)
        return true;
    CLEANUP(free_ptr)
    char *text = xasprintf(
        "runtime seed mismatch: workspace requested runtime \"%s\" but the seeded "
        "config.yaml declares \"%s\" \xe2\x80\x94 the \"%s\" workspace template was not "
        "available at provision time (silent \"%s\" fallback). Refusing to launch a "
        "mislabeled agent; refresh the template cache (POST /admin/templates/refresh) "
        "and "
        "re-provision.",
        ws->runtime, seeded, ws->runtime, seeded);
    provision_failed(ws, text,
                     json_make("{s:s, s:s, s:s}", "requested_runtime", ws->runtime,
                               "seeded_runtime", seeded, "issue", "2027"));
    return false;
}

bool seed_check(struct workspace *ws, const struct asset *config, const struct strv *env)
{
    CLEANUP(ydoc_drop) struct ydoc *doc = NULL;
    if (!config || yaml_parse("config.yaml", config->data, config->len, &doc, NULL) < 0)
        return true;
    const struct ynode *root = ydoc_root(doc);
    return has_required_env(ws, root, env) &&
           has_its_runtime(ws, ynode_str(root, "runtime", ""));
}
