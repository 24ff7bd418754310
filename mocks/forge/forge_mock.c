/*
 * /_mock/forge: who may read a repository, and commits to it. What is committed stands in
 * <dir>/forge/OWNER/REPO/REF/, one more layer over the catalog.
 */
#include <string.h>

#include "base/fs.h"
#include "io/json.h"
#include "mocks/box/tree.h"
#include "mocks/forge/forge.h"
#include "mocks/forge/forge_api.h"

static json_t *repo_view(struct platform *p, const char *full)
{
    CLEANUP(strv_release) struct strv refs = STRV_INIT;
    CLEANUP(free_ptr) char *owner = xstrdup(full);
    char *repo = strchr(owner, '/');
    json_t *tips = xcheck(json_object());
    *repo++ = '\0';
    catalog_refs(p->repos, owner, repo, &refs);
    for (size_t i = 0; i < refs.n; i++) {
        CLEANUP(forge_tip_release) struct forge_tip tip = {.path = NULL};
        if (forge_tip(p->forge, owner, repo, refs.v[i], &tip, NULL) == FORGE_OK)
            (void)json_object_set_new(tips, refs.v[i], json_string(tip.commit));
    }
    return json_make("{s:s, s:s, s:o}", "repo", full, "access",
                     forge_access(p->forge, full), "refs", tips);
}

void forge_mock_get(struct call *call)
{
    CLEANUP(strv_release) struct strv repos = STRV_INIT;
    json_t *list = xcheck(json_array());
    catalog_repos(call->plat->repos, &repos);
    for (size_t i = 0; i < repos.n; i++)
        (void)json_array_append_new(list, repo_view(call->plat, repos.v[i]));
    call_json(call, 200,
              json_make("{s:o, s:s, s:s}", "repos", list, "forge_token",
                        call->plat->forge_token, "url", call->plat->forge_url));
}

/* The tree to change: a copy of what the ref is now, or of main when it is new. */
static int open_tree(struct platform *p, const char *owner, const char *repo,
                     const char *ref, const char *dir, struct err *err)
{
    CLEANUP(strv_release) struct strv skip = STRV_INIT;
    CLEANUP(catalog_place_release) struct catalog_place from = {.path = NULL};
    if (fs_is_dir(dir))
        return 0;
    if (!catalog_find(p->repos, owner, repo, ref, &from) &&
        !catalog_find(p->repos, owner, repo, "main", &from))
        return err_set(err, ERR_CONFIG, "no repository '%s/%s'", owner, repo);
    if (from.packed)
        return err_set(err, ERR_CONFIG, "'%s/%s' at '%s' is an archive", owner, repo,
                       ref);
    strv_add(&skip, ".git");
    return tree_copy(from.path, dir, &skip, err);
}

static int put_files(const char *dir, json_t *files, struct err *err)
{
    const char *path = NULL;
    json_t *text = NULL;
    json_object_foreach(files, path, text)
    {
        if (!fs_path_is_safe(path))
            return err_set(err, ERR_CONFIG, "'%.100s' is no path in a repository", path);
        CLEANUP(free_ptr) char *full = fs_join(dir, path);
        int rc = json_is_string(text)
                     ? fs_mkparents(full, err) < 0
                           ? -1
                           : fs_write(full, json_string_value(text),
                                      json_string_length(text), 0644, err)
                     : fs_rmtree(full, err);
        if (rc < 0)
            return -1;
    }
    return 0;
}

static int commit(struct platform *p, const char *owner, const char *repo,
                  const char *ref, json_t *files, struct forge_tip *ret, struct err *err)
{
    CLEANUP(free_ptr) char *layer = fs_join(p->dir, "forge");
    CLEANUP(free_ptr) char *rel = xasprintf("%s/%s/%s", owner, repo, ref);
    CLEANUP(free_ptr) char *dir = fs_join(layer, rel);
    if (!fs_path_is_safe(rel) || strchr(ref, '/') != NULL || strchr(repo, '/') != NULL)
        return err_set(err, ERR_CONFIG, "'%.100s' names no ref", rel);
    if (open_tree(p, owner, repo, ref, dir, err) < 0 || put_files(dir, files, err) < 0 ||
        catalog_add(p->repos, layer, err) < 0)
        return -1;
    int rc = forge_tip(p->forge, owner, repo, ref, ret, err);
    return rc == FORGE_OK ? 0 : err_set(err, ERR_BUG, "'%s' is not served", rel);
}

void forge_mock_put(struct call *call)
{
    struct platform *p = call->plat;
    const json_t *body = call_body(call);
    const char *full = json_str(body, "repo", ""), *ref = json_str(body, "ref", "main");
    const char *access = json_str(body, "access", NULL);
    json_t *files = json_object_get(body, "files");
    CLEANUP(free_ptr) char *owner = xstrdup(full);
    CLEANUP(forge_tip_release) struct forge_tip tip = {.path = NULL};
    struct err err = ERR_INIT;
    char *repo = strchr(owner, '/');
    if (repo == NULL || (access == NULL && !json_is_object(files))) {
        call_error(call, 400, "wants repo (OWNER/REPO) and access or files");
        return;
    }
    *repo++ = '\0';
    if (access != NULL && !forge_set_access(p->forge, full, access))
        call_error(call, 400, "access is private, public or restricted");
    else if (json_is_object(files) && commit(p, owner, repo, ref, files, &tip, &err) < 0)
        call_error(call, 400, err.text);
    else
        call_json(call, 200, repo_view(p, full));
}
