/*
 * Which template a workspace is made from: names of the manifest, and where they stand.
 * Source: molecule-core (1c9f83df) manifest.json, and how workspace-server reads it.
 */
#include <string.h>

#include "base/fs.h"
#include "base/limits.h"
#include "io/json.h"
#include "io/yaml.h"
#include "mocks/control_plane/provision.h"
#include "mocks/forge/catalog.h"

bool template_find(const struct org *org, const char *name, struct template_ref *ret)
{
    const char *key;
    json_t *row;
    json_object_foreach(org->plat->manifest, key, row)
    {
        if (strcmp(key, name) != 0)
            continue;
        *ret = (struct template_ref){.name = key,
                                     .repo = json_str(row, "repo", ""),
                                     .ref = json_str(row, "ref", "main"),
                                     .runtime = json_str(row, "runtime", "")};
        if (strcmp(key, "platform-agent") == 0 && switch_is(org, "delivery", "asset"))
            ret->ref = "asset-era";
        return true;
    }
    return false;
}

char *template_dir(const struct org *org, const char *name)
{
    struct template_ref ref;
    CLEANUP(catalog_place_release) struct catalog_place place = {.path = NULL};
    if (!template_find(org, name, &ref))
        return NULL;
    CLEANUP(free_ptr) char *owner = xstrdup(ref.repo);
    char *slash = strchr(owner, '/');
    if (!slash)
        return NULL;
    *slash = '\0';
    bool there = catalog_find(org->plat->repos, owner, slash + 1, ref.ref, &place);
    return there && !place.packed ? TAKE(place.path) : NULL;
}

json_t *template_imported(const struct org *org, const char *id)
{
    return json_object_get(json_object_get(org->rest, "templates"), id);
}

bool template_exists(const struct org *org, const char *name)
{
    CLEANUP(free_ptr) char *dir = template_dir(org, name);
    return dir || template_imported(org, name);
}

struct ydoc *template_config(const struct org *org, const char *name)
{
    struct ydoc *doc = NULL;
    struct err err = ERR_INIT;
    const json_t *imported = template_imported(org, name);
    if (imported) {
        const char *text =
            json_str(json_object_get(imported, "files"), "config.yaml", NULL);
        if (!text || yaml_parse("config.yaml", text, strlen(text), &doc, &err) < 0)
            return NULL;
        return doc;
    }
    CLEANUP(free_ptr) char *dir = template_dir(org, name);
    if (!dir)
        return NULL;
    CLEANUP(free_ptr) char *path = fs_join(dir, "config.yaml");
    return yaml_read_file(path, LIMIT_FILE, &doc, &err) < 0 ? NULL : doc;
}

int template_refresh(struct platform *p, struct err *err)
{
    if (catalog_refresh(p->repos, err) < 0)
        return -1;
    json_decref(p->manifest);
    p->manifest = json_incref(catalog_templates(p->repos));
    return 0;
}

bool template_of(const struct workspace *ws, struct template_ref *ret)
{
    if (ws->template_once)
        return template_find(ws->org, ws->template_once, ret);
    if (ws->template && *ws->template)
        return template_find(ws->org, ws->template, ret);
    if (ws_is_platform(ws))
        return template_find(ws->org, "platform-agent", ret);
    CLEANUP(free_ptr) char *fallback = xasprintf("%s-default", ws->runtime);
    return template_find(ws->org, ws->runtime, ret) ||
           template_find(ws->org, fallback, ret);
}
