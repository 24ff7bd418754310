#include "mocks/forge/catalog.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "io/json.h"
#include "io/yaml.h"

static const char packed_end[] = ".tar.gz";
static const char default_owner[] = "molecule-ai";

struct layer {
    char *dir;
    char *owner, *repo; /* of a working tree; NULL = a catalog */
};

struct catalog {
    struct layer *v;
    size_t n;
    json_t *templates;
};

struct catalog *catalog_new(void)
{
    struct catalog *c = xcalloc(1, sizeof *c);
    c->templates = xcheck(json_object());
    return c;
}

static void layer_release(struct layer *l)
{
    free(l->dir);
    free(l->owner);
    free(l->repo);
}

void catalog_free(struct catalog *c)
{
    if (c == NULL)
        return;
    for (size_t i = 0; i < c->n; i++)
        layer_release(&c->v[i]);
    free(c->v);
    json_decref(c->templates);
    free(c);
}

json_t *catalog_templates(const struct catalog *c)
{
    return c->templates;
}

void catalog_place_release(struct catalog_place *p)
{
    free(p->path);
    *p = (struct catalog_place){.path = NULL};
}

/* ---- looking things up ---- */

static bool is_name(const char *s)
{
    return fs_path_is_safe(s) && strchr(s, '/') == NULL;
}

static bool is_tree_of(const struct layer *l, const char *owner, const char *repo)
{
    return l->repo != NULL && strcmp(l->owner, owner) == 0 && strcmp(l->repo, repo) == 0;
}

static bool find_in(const struct layer *l, const char *owner, const char *repo,
                    const char *ref, struct catalog_place *ret)
{
    if (l->repo != NULL) {
        if (!is_tree_of(l, owner, repo))
            return false;
        *ret = (struct catalog_place){.path = xstrdup(l->dir)};
        return true;
    }
    CLEANUP(free_ptr) char *tree = xasprintf("%s/%s/%s/%s", l->dir, owner, repo, ref);
    CLEANUP(free_ptr) char *packed = xasprintf("%s%s", tree, packed_end);
    bool is_packed = fs_exists(packed) && !fs_is_dir(packed);
    if (!is_packed && !fs_is_dir(tree))
        return false;
    ret->packed = is_packed;
    ret->path = is_packed ? TAKE(packed) : TAKE(tree);
    return true;
}

bool catalog_find(const struct catalog *c, const char *owner, const char *repo,
                  const char *ref, struct catalog_place *ret)
{
    if (!is_name(owner) || !is_name(repo) || !is_name(ref))
        return false;
    for (size_t i = c->n; i-- > 0;) {
        if (find_in(&c->v[i], owner, repo, ref, ret))
            return true;
    }
    return false;
}

char *catalog_plugin(const struct catalog *c, const char *name)
{
    for (size_t i = c->n; i-- > 0;) {
        const struct layer *l = &c->v[i];
        struct catalog_place place = {.path = NULL};
        const char *owner = l->repo != NULL ? l->owner : default_owner;
        if (is_name(name) && find_in(l, owner, name, "main", &place) && !place.packed)
            return place.path;
        catalog_place_release(&place);
    }
    return NULL;
}

static int note_name(const struct fs_entry *entry, void *arg)
{
    if (entry->path[0] != '.')
        strv_add(arg, entry->path);
    return 0;
}

/* What stands directly in a directory; what cannot be listed holds nothing. */
static void names_in(const char *dir, struct strv *ret)
{
    (void)fs_walk(dir, 1, note_name, ret, NULL);
}

static void repos_of(const struct layer *l, struct strv *ret)
{
    CLEANUP(strv_release) struct strv owners = STRV_INIT;
    if (l->repo != NULL) {
        strv_addf(ret, "%s/%s", l->owner, l->repo);
        return;
    }
    names_in(l->dir, &owners);
    for (size_t i = 0; i < owners.n; i++) {
        CLEANUP(strv_release) struct strv repos = STRV_INIT;
        CLEANUP(free_ptr) char *dir = fs_join(l->dir, owners.v[i]);
        names_in(dir, &repos);
        for (size_t r = 0; r < repos.n; r++) {
            CLEANUP(free_ptr) char *at = fs_join(dir, repos.v[r]);
            if (fs_is_dir(at))
                strv_addf(ret, "%s/%s", owners.v[i], repos.v[r]);
        }
    }
}

static void sort_unique(struct strv *list)
{
    struct strv kept = STRV_INIT;
    strv_sort(list);
    for (size_t i = 0; i < list->n; i++) {
        if (i == 0 || strcmp(list->v[i], list->v[i - 1]) != 0)
            strv_add(&kept, list->v[i]);
    }
    strv_release(list);
    *list = kept;
}

void catalog_repos(const struct catalog *c, struct strv *ret)
{
    for (size_t i = 0; i < c->n; i++)
        repos_of(&c->v[i], ret);
    sort_unique(ret);
}

static void refs_of(const struct layer *l, const char *owner, const char *repo,
                    struct strv *ret)
{
    CLEANUP(strv_release) struct strv names = STRV_INIT;
    if (l->repo != NULL) {
        if (is_tree_of(l, owner, repo))
            strv_add(ret, "main");
        return;
    }
    CLEANUP(free_ptr) char *dir = xasprintf("%s/%s/%s", l->dir, owner, repo);
    names_in(dir, &names);
    for (size_t i = 0; i < names.n; i++) {
        CLEANUP(free_ptr) char *at = fs_join(dir, names.v[i]);
        size_t len = strlen(names.v[i]), end = sizeof packed_end - 1;
        if (fs_is_dir(at))
            strv_add(ret, names.v[i]);
        else if (len > end && strcmp(names.v[i] + len - end, packed_end) == 0)
            strv_addf(ret, "%.*s", (int)(len - end), names.v[i]);
    }
}

void catalog_refs(const struct catalog *c, const char *owner, const char *repo,
                  struct strv *ret)
{
    if (!is_name(owner) || !is_name(repo))
        return;
    for (size_t i = 0; i < c->n; i++)
        refs_of(&c->v[i], owner, repo, ret);
    sort_unique(ret);
}

bool catalog_has(const struct catalog *c, const char *owner, const char *repo)
{
    CLEANUP(strv_release) struct strv refs = STRV_INIT;
    catalog_refs(c, owner, repo, &refs);
    return refs.n > 0;
}

struct below {
    fs_visit_fn *visit;
    void *arg;
    const char *top; /* name of the directory that is walked */
};

static int visit_below(const struct fs_entry *entry, void *arg)
{
    const struct below *b = arg;
    CLEANUP(free_ptr) char *path = fs_join(b->top, entry->path);
    const struct fs_entry whole = {path, entry->dir, entry->size};
    return b->visit(&whole, b->arg);
}

struct top {
    const char *dir;
    fs_visit_fn *visit;
    void *arg;
    struct err *err;
};

static int visit_top(const struct fs_entry *entry, void *arg)
{
    const struct top *t = arg;
    if (strcmp(entry->path, ".git") == 0)
        return 0;
    int rc = t->visit(entry, t->arg);
    if (rc != 0 || !entry->dir)
        return rc;
    struct below b = {t->visit, t->arg, entry->path};
    CLEANUP(free_ptr) char *dir = fs_join(t->dir, entry->path);
    return fs_walk(dir, LIMIT_DEPTH, visit_below, &b, t->err);
}

int catalog_walk(const char *dir, fs_visit_fn *visit, void *arg, struct err *err)
{
    struct top t = {dir, visit, arg, err};
    return fs_walk(dir, 1, visit_top, &t, err);
}

/* ---- laying one over the others ---- */

static bool has_file(const char *dir, const char *name)
{
    CLEANUP(free_ptr) char *path = fs_join(dir, name);
    return fs_exists(path) && !fs_is_dir(path);
}

/* The text after "url =" of the remote "origin"; caller frees, NULL = none. */
static char *origin_url(const char *dir)
{
    CLEANUP(free_ptr) char *path = fs_join(dir, ".git/config");
    CLEANUP(buf_release) struct buf text = BUF_INIT(MIB(1));
    CLEANUP(strv_release) struct strv lines = STRV_INIT;
    bool origin = false;
    if (fs_read(path, &text, NULL) < 0)
        return NULL;
    strv_split(&lines, text.data, '\n');
    for (size_t i = 0; i < lines.n; i++) {
        const char *line = lines.v[i] + strspn(lines.v[i], " \t");
        if (*line == '[')
            origin = strncmp(line, "[remote \"origin\"]", 17) == 0;
        else if (origin && strncmp(line, "url", 3) == 0 && strchr(line, '=') != NULL) {
            const char *url = strchr(line, '=') + 1;
            return xstrdup(url + strspn(url, " \t"));
        }
    }
    return NULL;
}

/* Whose working tree it is: the last two parts of the remote's address. */
static void name_tree(struct layer *l)
{
    CLEANUP(free_ptr) char *url = origin_url(l->dir);
    const char *slash = strrchr(l->dir, '/');
    if (url != NULL) {
        size_t len = strcspn(url, " \t\r");
        if (len > 4 && strncmp(url + len - 4, ".git", 4) == 0)
            len -= 4;
        url[len] = '\0';
        char *repo = strrchr(url, '/');
        if (repo != NULL) {
            *repo++ = '\0';
            const char *owner = url + strlen(url);
            while (owner > url && owner[-1] != '/' && owner[-1] != ':')
                owner--;
            if (is_name(owner) && is_name(repo)) {
                l->owner = xstrdup(owner);
                l->repo = xstrdup(repo);
                return;
            }
        }
    }
    l->owner = xstrdup(default_owner);
    l->repo = xstrdup(slash + 1);
}

/* What a template is called whose repository is named so. */
static const char *template_name(const char *repo)
{
    static const char *const prefixes[] = {"molecule-ai-workspace-template-",
                                           "workspace-template-"};
    for (size_t i = 0; i < ARRAY_SIZE(prefixes); i++) {
        size_t len = strlen(prefixes[i]);
        if (strncmp(repo, prefixes[i], len) == 0 && repo[len] != '\0')
            return repo + len;
    }
    return repo;
}

bool catalog_names(json_t *templates, const char *full)
{
    const char *name = NULL;
    json_t *row = NULL;
    json_object_foreach(templates, name, row)
    {
        if (strcmp(json_str(row, "repo", ""), full) == 0)
            return true;
    }
    return false;
}

/* A repository with a config.yaml is a template, unless a manifest names it already. */
static void add_template(struct catalog *c, const char *full, const char *dir)
{
    CLEANUP(free_ptr) char *path = fs_join(dir, "config.yaml");
    CLEANUP(ydoc_drop) struct ydoc *doc = NULL;
    if (catalog_names(c->templates, full) || !has_file(dir, "config.yaml") ||
        yaml_read_file(path, LIMIT_FILE, &doc, NULL) < 0)
        return;
    const char *runtime = ynode_str(ydoc_root(doc), "runtime", "claude-code");
    (void)json_object_set_new(
        c->templates, template_name(strchr(full, '/') + 1),
        json_make("{s:s, s:s, s:s}", "repo", full, "ref", "main", "runtime", runtime));
}

static int check_template(const struct layer *l, const char *path, const char *name,
                          json_t *row, struct err *err)
{
    CLEANUP(free_ptr) char *owner = xstrdup(json_str(row, "repo", ""));
    CLEANUP(catalog_place_release) struct catalog_place place = {.path = NULL};
    char *slash = strchr(owner, '/');
    if (slash != NULL)
        *slash = '\0';
    if (slash == NULL ||
        !find_in(l, owner, slash + 1, json_str(row, "ref", "main"), &place))
        return err_set(err, ERR_CONFIG,
                       "'%s': template '%s' is at '%s@%s', which is not in the catalog",
                       path, name, json_str(row, "repo", ""),
                       json_str(row, "ref", "main"));
    return 0;
}

static int read_manifest(struct catalog *c, const struct layer *l, struct err *err)
{
    CLEANUP(free_ptr) char *path = fs_join(l->dir, "manifest.json");
    CLEANUP(json_drop) json_t *manifest = NULL;
    if (!fs_exists(path))
        return 0;
    if (json_read_file(path, &manifest, err) < 0)
        return -1;
    json_t *templates = json_object_get(manifest, "templates");
    if (!json_is_object(templates))
        return err_set(err, ERR_CONFIG, "'%s' wants an object 'templates'", path);
    const char *name = NULL;
    json_t *row = NULL;
    json_object_foreach(templates, name, row)
    {
        if (check_template(l, path, name, row, err) < 0)
            return -1;
    }
    return json_object_update(c->templates, templates) < 0
               ? err_set(err, ERR_BUG, "cannot merge '%s'", path)
               : 0;
}

static int add_tree(struct catalog *c, struct layer *l, struct err *err)
{
    static const char *const files[] = {"config.yaml", "plugin.yaml"};
    for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
        CLEANUP(free_ptr) char *path = fs_join(l->dir, files[i]);
        CLEANUP(ydoc_drop) struct ydoc *doc = NULL;
        if (has_file(l->dir, files[i]) && yaml_read_file(path, LIMIT_FILE, &doc, err) < 0)
            return -1;
    }
    name_tree(l);
    CLEANUP(free_ptr) char *full = xasprintf("%s/%s", l->owner, l->repo);
    add_template(c, full, l->dir);
    return 0;
}

static int add_catalog(struct catalog *c, const struct layer *l, struct err *err)
{
    CLEANUP(strv_release) struct strv repos = STRV_INIT;
    size_t served = 0;
    repos_of(l, &repos);
    for (size_t i = 0; i < repos.n; i++) {
        CLEANUP(free_ptr) char *dir = fs_join(l->dir, repos.v[i]);
        CLEANUP(strv_release) struct strv refs = STRV_INIT;
        CLEANUP(free_ptr) char *owner = xstrdup(repos.v[i]);
        *strchr(owner, '/') = '\0';
        if (has_file(dir, "config.yaml") || has_file(dir, "plugin.yaml"))
            return err_set(err, ERR_CONFIG,
                           "'%s' is a repository without a ref: a catalog holds "
                           "OWNER/REPO/REF/",
                           dir);
        refs_of(l, owner, repos.v[i] + strlen(owner) + 1, &refs);
        served += refs.n;
    }
    if (served == 0)
        return err_set(err, ERR_CONFIG,
                       "'%s' holds no repository: it wants config.yaml or plugin.yaml at "
                       "its root (a working tree), or OWNER/REPO/REF/ (a catalog)",
                       l->dir);
    if (read_manifest(c, l, err) < 0)
        return -1;
    for (size_t i = 0; i < repos.n; i++) {
        CLEANUP(free_ptr) char *dir = xasprintf("%s/%s/main", l->dir, repos.v[i]);
        add_template(c, repos.v[i], dir);
    }
    return 0;
}

int catalog_add(struct catalog *c, const char *dir, struct err *err)
{
    struct layer l = {.dir = realpath(dir, NULL)};
    if (l.dir == NULL)
        return err_set(err, ERR_CONFIG, "no catalog '%s': %s", dir,
                       strerrordesc_np(errno));
    int rc = 0;
    bool again = false;
    for (size_t i = 0; i < c->n && !again; i++)
        again = strcmp(c->v[i].dir, l.dir) == 0;
    bool tree = has_file(l.dir, "config.yaml") || has_file(l.dir, "plugin.yaml");
    if (!fs_is_dir(l.dir))
        rc = err_set(err, ERR_CONFIG, "catalog '%s' is not a directory", dir);
    else if (!again)
        rc = tree ? add_tree(c, &l, err) : add_catalog(c, &l, err);
    if (rc < 0 && err != NULL)
        err->kind = ERR_CONFIG; /* whatever is wrong with it, it is what was given */
    if (rc < 0 || again) {
        layer_release(&l);
        return rc;
    }
    c->v = xrealloc(c->v, (c->n + 1) * sizeof *c->v);
    c->v[c->n++] = l;
    return 0;
}

int catalog_refresh(struct catalog *c, struct err *err)
{
    int rc = 0;
    struct catalog *fresh = catalog_new();
    for (size_t i = 0; i < c->n && rc == 0; i++)
        rc = catalog_add(fresh, c->v[i].dir, err);
    if (rc == 0) {
        struct catalog old = *c;
        *c = *fresh;
        *fresh = old;
    }
    catalog_free(fresh);
    return rc;
}
