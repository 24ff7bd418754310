/*
 * Which template a workspace is made from: names of the manifest, and where they stand.
 * Source: contract 3.4.
 */
#include <string.h>

#include "base/fs.h"
#include "io/json.h"
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

bool template_of(const struct workspace *ws, struct template_ref *ret)
{
    if (ws->template && *ws->template)
        return template_find(ws->org, ws->template, ret);
    if (ws_is_platform(ws))
        return template_find(ws->org, "platform-agent", ret);
    CLEANUP(free_ptr) char *fallback = xasprintf("%s-default", ws->runtime);
    return template_find(ws->org, ws->runtime, ret) ||
           template_find(ws->org, fallback, ret);
}
