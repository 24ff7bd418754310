#include "scenario/load.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/fs.h"
#include "base/limits.h"
#include "base/num.h"
#include "scenario/parse.h"
#include "scenario/vars.h"

#define WALK_DEPTH 16

/* "file:line:col: what" of the YAML reader as a problem with its place. */
static void add_yaml_problem(struct problems *p, const char *file, const struct err *err)
{
    size_t len = strlen(file);
    int64_t line = 0, col = 0;
    struct strv parts CLEANUP(strv_release) = STRV_INIT;

    if (strncmp(err->text, file, len) == 0 && err->text[len] == ':') {
        const char *rest = err->text + len + 1;
        strv_split(&parts, rest, ':');
        if (parts.n > 2 && num_parse(parts.v[0], 1, INT32_MAX, &line) &&
            num_parse(parts.v[1], 1, INT32_MAX, &col)) {
            rest += strlen(parts.v[0]) + strlen(parts.v[1]) + 2;
            problems_add(p, file, (int)line, (int)col, false, "%s",
                         rest + strspn(rest, " "));
            return;
        }
        problems_add(p, file, 1, 1, false, "%s", rest + strspn(rest, " "));
        return;
    }
    problems_add(p, file, 1, 1, false, "%s", err->text);
}

struct catalogue *catalogue_new(const char *root, const json_t *contract)
{
    struct catalogue *c = xcalloc(1, sizeof(*c));
    size_t len;

    c->root = xstrdup(root ? root : "scenarios");
    len = strlen(c->root);
    while (len > 1 && c->root[len - 1] == '/')
        c->root[--len] = '\0';
    c->exprs = exprs_new();
    c->contract = contract ? xcheck(json_copy((json_t *)(uintptr_t)contract)) : NULL;
    return c;
}

void catalogue_free(struct catalogue *c)
{
    if (!c)
        return;
    for (size_t i = 0; i < c->n; i++)
        scenario_free(c->v[i]);
    free(c->v);
    for (size_t i = 0; i < c->n_groups; i++) {
        ydoc_free(c->groups[i]->doc);
        free(c->groups[i]->name);
        free(c->groups[i]->file);
        free(c->groups[i]);
    }
    free(c->groups);
    exprs_free(c->exprs);
    json_decref(c->contract);
    json_decref(c->answers);
    free(c->root);
    free(c);
}

void catalogue_drop(struct catalogue **c)
{
    catalogue_free(*c);
    *c = NULL;
}

/* Step groups */

static char *folder_of(const char *file)
{
    const char *slash = strrchr(file, '/');

    return slash ? xstrndup(file, (size_t)(slash - file)) : xstrdup(".");
}

/* <root>/steps, or the steps/ folder beside or above the file that asks. */
static char *group_path(const struct loader *l, const char *name)
{
    char *folder CLEANUP(free_ptr) = folder_of(l->file);
    char *paths[] = {xasprintf("%s/steps/%s.yaml", l->catalogue->root, name),
                     xasprintf("%s/steps/%s.yaml", folder, name),
                     xasprintf("%s/../steps/%s.yaml", folder, name)};
    char *found = NULL;

    for (size_t i = 0; i < ARRAY_SIZE(paths); i++) {
        if (!found && fs_exists(paths[i]))
            found = TAKE(paths[i]);
        free(paths[i]);
    }
    return found;
}

static int add_group_name(const struct fs_entry *entry, void *arg)
{
    size_t len = strlen(entry->path);

    if (!entry->dir && len > 5 && strcmp(entry->path + len - 5, ".yaml") == 0) {
        char *name = xstrndup(entry->path, len - 5);
        strv_take(arg, name);
    }
    return 0;
}

static void no_group(struct loader *l, const struct ynode *name)
{
    char *folder CLEANUP(free_ptr) = fs_join(l->catalogue->root, "steps");
    struct strv known CLEANUP(strv_release) = STRV_INIT;

    (void)fs_walk(folder, 1, add_group_name, &known, NULL);
    char *hint CLEANUP(free_ptr) = suggestion(name->text, &known);
    bad_node(l, name, "no step group '%s' in %s%s", name->text, folder, hint);
}

static void check_version(struct loader *l, const struct ynode *root)
{
    const struct ynode *version = ynode_get(root, "waybill");

    int64_t n;

    /* What is no number at all is reported with the types of the keys. */
    if (version && version->kind == YNODE_SCALAR &&
        num_parse(version->text, 0, INT32_MAX, &n) && n != 1)
        bad_node(l, version,
                 "'waybill' has to be 1, the version of the language that is "
                 "known here");
}

/* The top level of a group's file; its steps are checked where it is used. */
static void check_group(struct loader *l, const struct group_file *g)
{
    const struct ynode *root = ydoc_root(g->doc), *name = ynode_get(root, "group");
    const char *file = l->file;

    l->file = g->file;
    (void)check_fields(l, root, group_fields, NULL, "a step group");
    check_version(l, root);
    if (name && name->text && strcmp(name->text, g->name) != 0)
        bad_node(l, name, "group '%s' has to be called '%s', as its file is", name->text,
                 g->name);
    l->file = file;
}

const struct group_file *find_group(struct loader *l, const struct ynode *name)
{
    struct catalogue *c = l->catalogue;
    struct err why = ERR_INIT;

    for (size_t i = 0; i < c->n_groups; i++)
        if (strcmp(c->groups[i]->name, name->text) == 0)
            return c->groups[i];

    char *file CLEANUP(free_ptr) =
        fs_path_is_safe(name->text) ? group_path(l, name->text) : NULL;
    if (!file) {
        no_group(l, name);
        return NULL;
    }
    struct group_file *g = xcalloc(1, sizeof(*g));
    g->name = xstrdup(name->text);
    g->file = TAKE(file);
    c->groups = xrealloc(c->groups, (c->n_groups + 1) * sizeof(struct group_file *));
    c->groups[c->n_groups++] = g;
    if (yaml_read_file(g->file, LIMIT_SCENARIO_FILE, &g->doc, &why) < 0)
        add_yaml_problem(l->problems, g->file, &why);
    else
        check_group(l, g);
    return g;
}

/* One scenario */

static void read_params(struct loader *l, struct scenario *s, const struct ynode *map)
{
    static const struct field_row fields[] = {
        {"default", FIELD_ANY, false, NULL, "its value without --set"},
        {"secret", FIELD_BOOL, false, NULL, "never written anywhere"},
        {"about", FIELD_TEXT, false, NULL, "what it is"},
        {.key = NULL},
    };

    if (!map || map->kind != YNODE_MAP)
        return;
    s->params = xcalloc(map->n + 1, sizeof(*s->params));
    for (size_t i = 0; i < map->n; i++) {
        const struct ypair *pair = &map->pairs[i];
        struct param *p = &s->params[s->n_params++];
        *p = (struct param){.name = pair->key, .line = pair->line, .col = pair->col};
        if (!vars_name_is_good(pair->key))
            bad_key(l, pair,
                    "'%s' cannot be a parameter's name: letters, digits, '_', '-'",
                    pair->key);
        bool described =
            pair->value->kind == YNODE_MAP &&
            (ynode_get(pair->value, "default") || ynode_get(pair->value, "secret") ||
             ynode_get(pair->value, "about"));
        if (!described) {
            p->value = pair->value->kind == YNODE_NULL ? NULL : pair->value;
            continue;
        }
        (void)check_fields(l, pair->value, fields, NULL, "a parameter");
        p->value = ynode_get(pair->value, "default");
        p->secret = read_bool(ynode_get(pair->value, "secret"));
    }
}

static char *text_of(const struct ynode *root, const char *key)
{
    const char *text = ynode_str(root, key, NULL);

    return text ? xstrdup(text) : NULL;
}

static void read_failure(struct loader *l, struct scenario *s, const struct ynode *root)
{
    const struct ypair *pair = ynode_pair(root, "expect_failure");

    if (!pair || pair->value->kind != YNODE_MAP)
        return;
    s->failure_ref = text_of(pair->value, "ref");
    s->failure_until = text_of(pair->value, "until");
    s->failure_line = pair->line;
    read_texts(ynode_get(pair->value, "checks"), &s->failure_checks);
    const struct ynode *until = ynode_get(pair->value, "until");
    if (until && until->text &&
        (strlen(until->text) != 10 || strspn(until->text, "0123456789-") != 10))
        bad_node(l, until, "'until' has to be a day, as in 2026-12-31");
}

static void read_scenario(struct loader *l, struct scenario *s, const struct ynode *root)
{
    const struct ynode *name = ynode_get(root, "name"), *steps = ynode_get(root, "steps");

    /* A wrong key must not hide what else is wrong, so that one check finds it all. */
    if (!check_fields(l, root, scenario_fields, NULL, "a scenario") &&
        root->kind != YNODE_MAP)
        return;
    check_version(l, root);
    s->short_name = text_of(root, "name");
    s->line = name ? name->line : 1;
    s->proves = text_of(root, "proves");
    read_texts(ynode_get(root, "refs"), &s->refs);
    read_texts(ynode_get(root, "tags"), &s->tags);
    read_texts(ynode_get(root, "needs"), &s->needs);
    read_texts(ynode_get(root, "targets"), &s->targets);
    s->budget_ms = read_duration(ynode_get(root, "budget"));
    read_params(l, s, ynode_get(root, "params"));
    read_failure(l, s, root);
    read_steps(l, steps, "", &s->steps);
    if (steps && steps->kind == YNODE_SEQ && steps->n == 0)
        bad_node(l, steps, "a scenario without steps proves nothing");
    check_variables(l, s);
}

/* Its path below the root, or below the folder that was given, without ".yaml". */
static char *scenario_name(const struct catalogue *c, const char *file, const char *given)
{
    size_t len = strlen(c->root), root_len = strlen(given);
    const char *rest = strrchr(file, '/') ? strrchr(file, '/') + 1 : file;

    if (strncmp(file, c->root, len) == 0 && file[len] == '/')
        rest = file + len + 1;
    else if (strstr(file, "/scenarios/"))
        rest = strstr(file, "/scenarios/") + strlen("/scenarios/");
    else if (root_len > 0 && strncmp(file, given, root_len) == 0 && file[root_len] == '/')
        rest = file + root_len + 1;
    len = strlen(rest);
    if (len > 5 && strcmp(rest + len - 5, ".yaml") == 0)
        len -= 5;
    else if (len > 4 && strcmp(rest + len - 4, ".yml") == 0)
        len -= 4;
    return xstrndup(rest, len);
}

static void check_duplicate(const struct loader *l, const struct scenario *s,
                            const struct ynode *name)
{
    for (size_t i = 0; i < l->catalogue->n; i++) {
        const struct scenario *other = l->catalogue->v[i];
        if (name && s->short_name && other->short_name &&
            strcmp(other->short_name, s->short_name) == 0)
            problems_add(l->problems, s->file, name->line, name->col, false,
                         "duplicate scenario name '%s', also in %s:%d", s->short_name,
                         other->file, other->line);
    }
}

static bool same_file(const char *a, const char *b)
{
    struct stat x, y;

    return strcmp(a, b) == 0 || (stat(a, &x) == 0 && stat(b, &y) == 0 &&
                                 x.st_dev == y.st_dev && x.st_ino == y.st_ino);
}

/* A group's own file, checked by itself as if a scenario used it. */
static void load_group(struct loader *l, struct scenario *s, const struct ynode *root)
{
    const struct ynode *params = ynode_get(root, "params"),
                       *name = ynode_get(root, "group");
    char *own CLEANUP(free_ptr) = scenario_name(l->catalogue, s->file, "");
    const char *base = strrchr(own, '/') ? strrchr(own, '/') + 1 : own;

    (void)check_fields(l, root, group_fields, NULL, "a step group");
    check_version(l, root);
    if (name->text && strcmp(name->text, base) != 0)
        bad_node(l, name, "group '%s' has to be called '%s', as its file is", name->text,
                 base);
    read_params(l, s, params);
    read_steps(l, ynode_get(root, "steps"), "", &s->steps);
}

static void load_file(struct catalogue *c, const char *file, const char *given,
                      struct problems *problems)
{
    struct err why = ERR_INIT;
    struct scenario *s;
    size_t before = problems->n;

    for (size_t i = 0; i < c->n; i++)
        if (same_file(c->v[i]->file, file))
            return;
    s = xcalloc(1, sizeof(*s));
    s->budget_ms = -1;
    s->exprs = c->exprs;
    s->file = xstrdup(file);
    s->name = scenario_name(c, file, given);
    struct loader l = {
        .catalogue = c, .problems = problems, .scenario = s, .file = s->file};
    if (yaml_read_file(file, LIMIT_SCENARIO_FILE, &s->doc, &why) < 0) {
        add_yaml_problem(problems, file, &why);
        scenario_free(s);
        return;
    }
    const struct ynode *root = ydoc_root(s->doc);
    bool group = ynode_get(root, "group") != NULL;
    if (group)
        load_group(&l, s, root);
    else
        read_scenario(&l, s, root);
    strv_release(&l.ids);
    strv_release(&l.lost);
    if (!group)
        check_duplicate(&l, s, ynode_get(root, "name"));
    bool broken = false;
    for (size_t i = before; i < problems->n; i++)
        broken = broken || !problems->v[i].advice;
    if (group || broken) {
        scenario_free(s);
        return;
    }
    c->v = xrealloc(c->v, (c->n + 1) * sizeof(struct scenario *));
    c->v[c->n++] = s;
}

/* Folders and names */

struct walk {
    struct catalogue *catalogue;
    const char *dir;
    struct problems *problems;
};

static bool is_yaml(const char *path)
{
    const char *dot = strrchr(path, '.');

    return dot && (strcmp(dot, ".yaml") == 0 || strcmp(dot, ".yml") == 0);
}

/* What lies beside the scenarios and is none. */
static bool is_other(const char *path)
{
    static const char *const folders[] = {"steps/", "targets/", "schema/", "incidents/"};

    for (size_t i = 0; i < ARRAY_SIZE(folders); i++)
        if (strncmp(path, folders[i], strlen(folders[i])) == 0)
            return true;
    return path[0] == '.' || strstr(path, "/.") != NULL;
}

static int visit(const struct fs_entry *entry, void *arg)
{
    const struct walk *w = arg;

    if (entry->dir || !is_yaml(entry->path) || is_other(entry->path))
        return 0;
    char *file CLEANUP(free_ptr) = fs_join(w->dir, entry->path);
    load_file(w->catalogue, file, w->dir, w->problems);
    return 0;
}

static int by_name(const void *a, const void *b)
{
    const struct scenario *const *x = a, *const *y = b;

    return strcmp((*x)->name, (*y)->name);
}

static int no_such(const struct catalogue *c, const char *path, struct err *err)
{
    struct strv known CLEANUP(strv_release) = STRV_INIT;
    struct problems ignored = PROBLEMS_INIT;
    struct catalogue *all CLEANUP(catalogue_drop) = catalogue_new(c->root, NULL);
    struct walk w = {all, all->root, &ignored};

    (void)fs_walk(all->root, WALK_DEPTH, visit, &w, NULL);
    problems_release(&ignored);
    for (size_t i = 0; i < all->n; i++)
        strv_add(&known, all->v[i]->name);
    char *hint CLEANUP(free_ptr) = suggestion(path, &known);
    return err_set(err, ERR_CONFIG, "no such scenario or folder: '%s'%s", path, hint);
}

int catalogue_load(struct catalogue *c, const char *path, struct problems *problems,
                   struct err *err)
{
    char *clean CLEANUP(free_ptr) =
        xstrdup(strncmp(path, "./", 2) == 0 ? path + 2 : path);
    size_t len = strlen(clean);
    struct walk w = {c, clean, problems};

    while (len > 1 && clean[len - 1] == '/')
        clean[--len] = '\0';
    if (fs_is_dir(clean)) {
        if (fs_walk(clean, WALK_DEPTH, visit, &w, err) < 0)
            return -1;
    } else if (fs_exists(clean)) {
        load_file(c, clean, "", problems);
    } else {
        char *named CLEANUP(free_ptr) = xasprintf("%s/%s.yaml", c->root, clean);
        char *folder CLEANUP(free_ptr) = xasprintf("%s/%s", c->root, clean);
        w.dir = folder;
        if (fs_exists(named))
            load_file(c, named, "", problems);
        else if (!fs_is_dir(folder))
            return no_such(c, path, err);
        else if (fs_walk(folder, WALK_DEPTH, visit, &w, err) < 0)
            return -1;
    }
    if (c->n > 1)
        qsort(c->v, c->n, sizeof(struct scenario *), by_name);
    return 0;
}

struct scenario *catalogue_find(const struct catalogue *c, const char *name)
{
    struct scenario *found = NULL;
    int n = 0;

    for (size_t i = 0; i < c->n; i++) {
        if (strcmp(c->v[i]->name, name) == 0)
            return c->v[i];
        if (c->v[i]->short_name && strcmp(c->v[i]->short_name, name) == 0) {
            found = c->v[i];
            n++;
        }
    }
    return n == 1 ? found : NULL;
}

void scenario_want(const struct scenario *s, struct exprs *exprs)
{
    for (size_t i = 0; i < s->n_expr_ids; i++)
        exprs_want(exprs, s->expr_ids[i]);
}

static void add_bad_program(int id, const char *file, int line, int col, const char *why,
                            void *arg)
{
    (void)id;
    problems_add(arg, file, line, col, false, "jq: %s", why);
}

int catalogue_compile(struct catalogue *c, struct problems *problems)
{
    return exprs_compile(c->exprs, add_bad_program, problems, NULL);
}

char *step_table_text(void)
{
    struct buf b = BUF_INIT(KIB(64));

    for (const struct step_kind_row *row = step_kinds; row->key; row++) {
        /* The two meanings of `delete` are one key of the language. */
        bool again = false;
        for (const struct step_kind_row *p = step_kinds; p < row; p++)
            again = again || strcmp(p->key, row->key) == 0;
        if (again)
            continue;
        buf_addf(&b, "%s:", row->key);
        for (const struct field_row *f = row->fields; f && f->key; f++)
            buf_addf(&b, " %s", f->key);
        const struct step_kind_row *more = row->kind == STEP_DELETE ? row + 1 : row;
        while (more->key && strcmp(more->key, row->key) != 0)
            more++;
        const struct field_row *extra = more->key ? more->extra : row->extra;
        buf_adds(&b, extra ? " |" : "");
        for (const struct field_row *f = extra; f && f->key; f++)
            buf_addf(&b, " %s", f->key);
        buf_addc(&b, '\n');
    }
    buf_adds(&b, "*:");
    for (const struct field_row *f = common_step_fields; f->key; f++)
        buf_addf(&b, " %s", f->key);
    buf_addc(&b, '\n');
    char *text = xstrdup(b.data);
    buf_release(&b);
    return text;
}
