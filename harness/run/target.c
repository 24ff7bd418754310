#include "run/target.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/fs.h"
#include "base/limits.h"
#include "base/num.h"
#include "base/table.h"
#include "io/yaml.h"

void target_release(struct target *t)
{
    if (!t)
        return;
    char **owned[] = {&t->name,         &t->file,     &t->cp_url, &t->tenant_domain,
                      &t->mock_url,     &t->cp_token, &t->prefix, &t->owner,
                      &t->cp_token_env, &t->ca_file};
    for (size_t i = 0; i < ARRAY_SIZE(owned); i++) {
        char **text = owned[i];
        free(*text);
        *text = NULL;
    }
    strv_release(&t->needs);
    strv_release(&t->env);
}

char *target_tenant_domain(const char *cp_url)
{
    const char *host = strstr(cp_url, "://");
    host = host ? host + 3 : cp_url;
    size_t len = strcspn(host, "/");
    if (len > 4 && strncmp(host, "api.", 4) == 0)
        return xstrndup(host + 4, len - 4);
    if (len > 12 && strncmp(host, "staging-api.", 12) == 0)
        return xasprintf("staging.%.*s", (int)(len - 12), host + 12);
    return xstrndup(host, len);
}

char *target_tenant_url(const struct target *t, const char *slug)
{
    const char *cp = t->cp_url ? t->cp_url : "http://";
    const char *sep = strstr(cp, "://");
    int scheme = sep ? (int)(sep - cp) : 0;
    return xasprintf("%.*s://%s.%s", scheme, cp, slug, t->tenant_domain);
}

/* ---- the file ---- */

static const char *const target_keys[] = {"waybill",
                                          "target",
                                          "kind",
                                          "cp_url",
                                          "cp_url_env",
                                          "tenant_domain",
                                          "tenant_domain_env",
                                          "cp_token_env",
                                          "pace",
                                          "poll",
                                          "patience",
                                          "prefix",
                                          "owner",
                                          "needs",
                                          "env",
                                          "ca_file"};

static int bad(const struct ydoc *doc, const struct ynode *at, struct err *err,
               const char *what)
{
    return err_set(err, ERR_CONFIG, "%s:%d:%d: %s", ydoc_name(doc), at->line, at->col,
                   what);
}

static int check_keys(const struct ydoc *doc, const struct ynode *root, struct err *err)
{
    for (size_t i = 0; i < root->n; i++) {
        const struct ypair *pair = &root->pairs[i];
        size_t k = 0;
        while (k < ARRAY_SIZE(target_keys) && strcmp(pair->key, target_keys[k]) != 0)
            k++;
        if (k < ARRAY_SIZE(target_keys))
            continue;
        CLEANUP(free_ptr)
        char *meant = did_you_mean(pair->key, target_keys, ARRAY_SIZE(target_keys));
        return err_set(err, ERR_CONFIG, "%s:%d:%d: unknown key '%s' of a target%s",
                       ydoc_name(doc), pair->line, pair->col, pair->key, meant);
    }
    return 0;
}

static int read_list(const struct ydoc *doc, const struct ynode *root, const char *key,
                     struct strv *ret, struct err *err)
{
    const struct ynode *list = ynode_get(root, key);
    if (!list)
        return 0;
    if (list->kind != YNODE_SEQ)
        return bad(doc, list, err, "a list of names is expected here");
    for (size_t i = 0; i < list->n; i++) {
        if (list->items[i]->kind != YNODE_SCALAR)
            return bad(doc, list->items[i], err, "a name is expected here");
        strv_add(ret, list->items[i]->text);
    }
    return 0;
}

static int read_duration(const struct ydoc *doc, const struct ynode *root,
                         const char *key, int64_t *ret, struct err *err)
{
    const struct ynode *node = ynode_get(root, key);
    if (!node)
        return 0;
    if (node->kind != YNODE_SCALAR || clock_parse_duration(node->text, ret, NULL) < 0)
        return bad(doc, node, err, "a duration such as '15s' is expected here");
    return 0;
}

static char *dup_or_null(const struct ynode *root, const char *key, const char *fallback)
{
    const char *text = ynode_str(root, key, fallback);
    return text ? xstrdup(text) : NULL;
}

/* The variable that the file names wins over the value that it gives. */
static char *env_or_file(const struct ynode *root, const char *env_key, const char *key)
{
    const char *name = ynode_str(root, env_key, NULL);
    const char *value = name ? getenv(name) : NULL; /* NOLINT(concurrency-mt-unsafe) */
    return value && *value ? xstrdup(value) : dup_or_null(root, key, NULL);
}

static int read_scalars(const struct ydoc *doc, const struct ynode *root,
                        struct target *t, struct err *err)
{
    const struct ynode *pace = ynode_get(root, "pace");
    t->pace = 1.0;
    if (pace && (pace->kind != YNODE_SCALAR || !num_parse_double(pace->text, &t->pace) ||
                 t->pace <= 0 || t->pace > 10))
        return bad(doc, pace, err, "pace is a number above 0, at most 10");
    const char *kind = ynode_str(root, "kind", "");
    if (strcmp(kind, "mock") != 0 && strcmp(kind, "real") != 0)
        return bad(doc, ynode_get(root, "kind") ? ynode_get(root, "kind") : root, err,
                   "kind is 'mock' or 'real'");
    t->kind = strcmp(kind, "mock") == 0 ? TARGET_MOCK : TARGET_REAL;
    t->name = dup_or_null(root, "target", NULL);
    t->cp_url = env_or_file(root, "cp_url_env", "cp_url");
    t->tenant_domain = env_or_file(root, "tenant_domain_env", "tenant_domain");
    t->cp_token_env = dup_or_null(root, "cp_token_env", NULL);
    t->prefix = dup_or_null(root, "prefix", "e2e-");
    t->owner = dup_or_null(root, "owner", "e2e-runner");
    t->ca_file = dup_or_null(root, "ca_file", NULL);
    t->poll_ms = 15000;
    t->patience_ms = 10000;
    if (!t->name)
        return bad(doc, root, err, "'target' (the target's name) is missing");
    if (read_duration(doc, root, "poll", &t->poll_ms, err) < 0)
        return -1;
    return read_duration(doc, root, "patience", &t->patience_ms, err);
}

/* The addresses and the token of a control plane that must already be there. */
static int complete_real(const struct ydoc *doc, const struct ynode *root,
                         struct target *t, struct err *err)
{
    if (!t->cp_url)
        return t->kind == TARGET_MOCK
                   ? 0 /* the run starts it, and learns both then */
                   : bad(doc, root, err, "'cp_url' (the control plane) is missing");
    if (!strstr(t->cp_url, "://"))
        return bad(doc, ynode_get(root, "cp_url") ? ynode_get(root, "cp_url") : root, err,
                   "the control plane's address begins with https://");
    size_t len = strlen(t->cp_url);
    while (len > 0 && t->cp_url[len - 1] == '/')
        t->cp_url[--len] = '\0';
    if (!t->tenant_domain)
        t->tenant_domain = target_tenant_domain(t->cp_url);
    if (!t->cp_token_env)
        return bad(doc, root, err, "'cp_token_env' (name of a variable) is missing");
    const char *token = getenv(t->cp_token_env); /* NOLINT(concurrency-mt-unsafe) */
    if (!token || !*token)
        return err_set(err, ERR_CONFIG,
                       "target '%s' needs its control plane token in the environment "
                       "variable %s, which is not set; nothing was created",
                       t->name, t->cp_token_env);
    t->cp_token = xstrdup(token);
    if (t->kind == TARGET_MOCK)
        t->mock_url = xstrdup(t->cp_url);
    return 0;
}

static int read_target(const char *path, struct target *t, struct err *err)
{
    CLEANUP(ydoc_drop) struct ydoc *doc = NULL;
    if (yaml_read_file(path, LIMIT_SCENARIO_FILE, &doc, err) < 0)
        return -1;
    const struct ynode *root = ydoc_root(doc);
    if (root->kind != YNODE_MAP)
        return bad(doc, root, err, "a target file is a mapping");
    t->file = xstrdup(path);
    if (check_keys(doc, root, err) < 0 || read_scalars(doc, root, t, err) < 0 ||
        read_list(doc, root, "needs", &t->needs, err) < 0 ||
        read_list(doc, root, "env", &t->env, err) < 0)
        return -1;
    return complete_real(doc, root, t, err);
}

/* ---- finding it ---- */

static bool has_suffix(const char *s, const char *suffix)
{
    size_t n = strlen(s), m = strlen(suffix);
    return n >= m && strcmp(s + n - m, suffix) == 0;
}

struct names {
    struct strv list;
    const char *suffix;
};

static int collect_name(const struct fs_entry *entry, void *arg)
{
    struct names *names = arg;
    if (!entry->dir && has_suffix(entry->path, names->suffix))
        strv_take(&names->list,
                  xstrndup(entry->path, strlen(entry->path) - strlen(names->suffix)));
    return 0;
}

/* "unknown target 'stagin'; did you mean 'staging'? (known: mock, staging)" */
static int unknown_name(const char *what, const char *name, const char *dir,
                        const char *suffix, struct err *err)
{
    struct names names = {.list = STRV_INIT, .suffix = suffix};
    (void)fs_walk(dir, 1, collect_name, &names, NULL);
    strv_sort(&names.list);
    CLEANUP(free_ptr)
    char *meant =
        did_you_mean(name, (const char *const *)strv_argv(&names.list), names.list.n);
    CLEANUP(free_ptr) char *known = strv_join(&names.list, ", ");
    int rc = err_set(err, ERR_CONFIG, "unknown %s '%s'%s (known in %s: %s)", what, name,
                     meant, dir, names.list.n ? known : "none");
    strv_release(&names.list);
    return rc;
}

/* The path that a name or path stands for; NULL: *err says which names there are. */
static char *locate(const char *what, const char *name, const char *dir,
                    const char *suffix, struct err *err)
{
    if (strchr(name, '/') || has_suffix(name, suffix)) {
        if (fs_exists(name) && !fs_is_dir(name))
            return xstrdup(name);
        (void)err_set(err, ERR_CONFIG, "no such file '%s' (%s)", name, what);
        return NULL;
    }
    CLEANUP(free_ptr) char *file = xasprintf("%s%s", name, suffix);
    CLEANUP(free_ptr) char *path = fs_join(dir ? dir : ".", file);
    if (*name && fs_exists(path))
        return TAKE(path);
    (void)unknown_name(what, name, dir ? dir : ".", suffix, err);
    return NULL;
}

int target_load(const char *name, const char *targets_dir, struct target *ret,
                struct err *err)
{
    CLEANUP(free_ptr) char *path = locate("target", name, targets_dir, ".yaml", err);
    if (!path)
        return -1;
    struct target t = TARGET_INIT;
    if (read_target(path, &t, err) < 0) {
        target_release(&t);
        return -1;
    }
    *ret = t;
    return 0;
}
