#include "base/fs.h"
#include "base/limits.h"
#include "io/json.h"
#include "io/yaml.h"
#include "mocks/tenant/handlers.h"
#include "mocks/tenant/rest.h"

static json_t *template_view(const struct org *org, const char *name)
{
    struct template_ref ref;
    char *dir CLEANUP(free_ptr) = template_dir(org, name);
    if (!dir || !template_find(org, name, &ref))
        return NULL;
    char *path CLEANUP(free_ptr) = fs_join(dir, "config.yaml");
    struct ydoc *doc CLEANUP(ydoc_drop) = NULL;
    struct err err = ERR_INIT;
    const struct ynode *root = NULL;
    if (yaml_read_file(path, LIMIT_FILE, &doc, &err) == 0)
        root = ydoc_root(doc);
    const struct ynode *tier = ynode_get(root, "tier");
    return json_make("{s:s,s:o,s:o,s:o,s:o,s:o,s:[],s:i}", "id", name, "name",
                     rest_string(ynode_str(root, "name", name)), "description",
                     rest_string(ynode_str(root, "description", "")), "tier",
                     tier ? ynode_to_json(tier) : json_integer(3), "runtime",
                     rest_string(ynode_str(root, "runtime", ref.runtime)), "model",
                     rest_string(ynode_str(root, "model", "")), "skills", "skill_count",
                     0);
}

void template_list(struct call *call)
{
    const char *name = NULL;
    json_t *unused = NULL;
    json_t *list = json_array();
    json_object_foreach(call->plat->manifest, name, unused)
    {
        json_t *view = template_view(call->org, name);
        if (view)
            json_array_append_new(list, view);
    }
    call_json(call, 200, list);
}
