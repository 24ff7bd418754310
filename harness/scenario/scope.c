/* Is every variable, and every name, defined where it is used? Follows the order of a
 * run. */
#include "scenario/parse.h"

#include <stdlib.h>
#include <string.h>

#include "scenario/vars.h"

struct scope {
    struct loader *loader;
    const char *file;   /* of the nodes that are looked at */
    struct strv names;  /* bindings, captures, parameters */
    struct strv locals; /* of the `use` or `deny` that we are in */
    struct strv params; /* what ${params.x} may be */
};

/* What run.* holds: bind_run in run/context.c. */
static const char *const run_names[] = {"id",   "seed",  "started_at", "target",
                                        "uuid", "uuid2", "uuid3",      "pace"};
static const char *const roots[] = {"run", "contract", "env", "params"};

static void undefined(struct scope *sc, const struct ynode *at, const char *path,
                      const struct strv *known, const char *what)
{
    char *hint CLEANUP(free_ptr) = suggestion(what, known);

    problems_add(sc->loader->problems, sc->file, at->line, at->col, false,
                 "undefined variable '%s'%s", path, hint);
}

static void known_names(const struct scope *sc, struct strv *out)
{
    for (size_t i = 0; i < sc->names.n; i++)
        strv_add(out, sc->names.v[i]);
    for (size_t i = 0; i < sc->locals.n; i++)
        strv_add(out, sc->locals.v[i]);
}

static void known_roots(const struct scope *sc, struct strv *out)
{
    known_names(sc, out);
    for (size_t i = 0; i < ARRAY_SIZE(roots); i++)
        strv_add(out, roots[i]);
}

/* A step that could not be used may have bound it: one mistake, one problem. */
static bool is_lost(const struct scope *sc, const char *name)
{
    return sc->loader->lost_group || strv_has(&sc->loader->lost, name);
}

void lose_names(struct loader *l, const struct ynode *node)
{
    if (node->kind == YNODE_SCALAR && vars_name_is_good(node->text))
        strv_add(&l->lost, node->text);
    for (size_t i = 0; node->kind == YNODE_SEQ && i < node->n; i++)
        lose_names(l, node->items[i]);
    for (size_t i = 0; node->kind == YNODE_MAP && i < node->n; i++) {
        const struct ynode *value = node->pairs[i].value;
        bool captures =
            strcmp(node->pairs[i].key, "capture") == 0 && value->kind == YNODE_MAP;
        for (size_t k = 0; captures && k < value->n; k++)
            strv_add(&l->lost, value->pairs[k].key);
        if (strcmp(node->pairs[i].key, "use") == 0)
            l->lost_group = true;
        lose_names(l, value);
    }
}

static void contract_names(const struct scope *sc, struct strv *out)
{
    const char *key;
    json_t *value;

    json_object_foreach(sc->loader->catalogue->contract, key, value)
    {
        strv_add(out, key);
    }
}

struct use {
    struct scope *scope;
    const struct ynode *at;
};

static int check_path(const char *path, size_t offset, void *arg)
{
    const struct use *use = arg;
    struct scope *sc = use->scope;
    struct strv known CLEANUP(strv_release) = STRV_INIT;
    struct strv parts CLEANUP(strv_release) = STRV_INIT;

    (void)offset;
    strv_split(&parts, path, '.');
    const char *root = parts.v[0], *member = parts.n > 1 ? parts.v[1] : NULL;
    if (strcmp(root, "env") == 0)
        return 0;
    if (strcmp(root, "run") == 0) {
        for (size_t i = 0; i < ARRAY_SIZE(run_names); i++)
            strv_add(&known, run_names[i]);
    } else if (strcmp(root, "params") == 0) {
        strv_copy(&known, &sc->params);
    } else if (strcmp(root, "contract") == 0) {
        if (!sc->loader->catalogue->contract)
            return 0;
        contract_names(sc, &known);
    } else {
        known_roots(sc, &known);
        if (!strv_has(&known, root) && !is_lost(sc, root))
            undefined(sc, use->at, path, &known, root);
        return 0;
    }
    if (member && !strv_has(&known, member))
        undefined(sc, use->at, path, &known, member);
    return 0;
}

static void check_scalar(struct scope *sc, const struct ynode *node)
{
    struct use use = {.scope = sc, .at = node};
    size_t bad = 0;

    if (vars_each_path(node->text, check_path, &use, &bad) < 0)
        problems_add(
            sc->loader->problems, sc->file, node->line, node->col, false,
            "malformed variable at '%.20s'; write ${name.member}, or $${ for the "
            "text itself",
            node->text + bad);
}

/* Every text below node, but not what stands under the keys of skip. */
static void check_node(struct scope *sc, const struct ynode *node,
                       const char *const *skip)
{
    if (!node)
        return;
    if (node->kind == YNODE_SCALAR)
        check_scalar(sc, node);
    for (size_t i = 0; node->kind == YNODE_SEQ && i < node->n; i++)
        check_node(sc, node->items[i], NULL);
    for (size_t i = 0; node->kind == YNODE_MAP && i < node->n; i++) {
        const char *key = node->pairs[i].key;
        bool skipped = false;
        for (const char *const *s = skip; s && *s; s++)
            skipped = skipped || strcmp(*s, key) == 0;
        if (!skipped)
            check_node(sc, node->pairs[i].value, NULL);
    }
}

/* Names that stand without ${...} */

/* words: what else may stand there, NULL at the end, or NULL. */
static void check_ref(struct scope *sc, const struct ynode *node,
                      const char *const *words)
{
    struct strv known CLEANUP(strv_release) = STRV_INIT;

    if (node->kind != YNODE_SCALAR || has_variable(node))
        return;
    known_names(sc, &known);
    for (; words && *words; words++)
        strv_add(&known, *words);
    if (strv_has(&known, node->text) || is_lost(sc, node->text))
        return;
    char *hint CLEANUP(free_ptr) = suggestion(node->text, &known);
    problems_add(sc->loader->problems, sc->file, node->line, node->col, false,
                 "nothing is called '%.40s' here%s", node->text, hint);
}

static void check_value_refs(struct scope *sc, const struct ynode *node,
                             enum field_type type)
{
    static const char *const words[] = {"admin", "nobody", "cp", NULL};

    if (type != FIELD_REF && type != FIELD_REFS && type != FIELD_AS)
        return;
    check_ref(sc, node, type == FIELD_AS ? words : NULL);
    for (size_t i = 0; type == FIELD_REFS && node->kind == YNODE_SEQ && i < node->n; i++)
        check_ref(sc, node->items[i], NULL);
}

static void check_map_refs(struct scope *sc, const struct ynode *map,
                           const struct field_row *fields)
{
    for (const struct field_row *row = fields; row && row->key; row++) {
        const struct ynode *value = ynode_get(map, row->key);
        if (value)
            check_value_refs(sc, value, row->type);
    }
}

static void check_refs(struct scope *sc, const struct step *step)
{
    const struct step_kind_row *row = step->row;

    if (row->arg_type != FIELD_FIELDS)
        check_value_refs(sc, step->arg, row->arg_type);
    else if (step->arg->kind == YNODE_SCALAR)
        check_value_refs(sc, step->arg, row->fields[0].type);
    else
        check_map_refs(sc, step->arg, row->fields);
    check_map_refs(sc, step->node, row->extra);
    for (size_t i = 0; i < step->n_expects; i++)
        for (size_t k = 0; k < step->expects[i].n; k++)
            if (step->expects[i].items[k].reading)
                check_map_refs(sc, step->expects[i].items[k].reading->node,
                               unchanged_fields);
}

static void check_list(struct scope *sc, const struct step_list *list);
static void check_step(struct scope *sc, const struct step *step);

static void check_case(struct scope *sc, const struct step *deny,
                       const struct deny_case *c, const char *expect)
{
    struct strv outer = sc->locals;

    if (!c->step)
        return;
    check_node(sc, c->locals, NULL);
    sc->locals = (struct strv)STRV_INIT;
    strv_copy(&sc->locals, &outer);
    for (size_t i = 0; i < c->locals->n; i++)
        strv_add(&sc->locals, c->locals->pairs[i].key);
    check_step(sc, c->step);
    check_node(sc, ynode_get(deny->arg, expect), NULL);
    strv_release(&sc->locals);
    sc->locals = outer;
}

static void check_use(struct scope *sc, const struct step *step)
{
    struct strv locals = sc->locals, params = sc->params;
    const char *file = sc->file, *key;
    json_t *value;

    sc->locals = (struct strv)STRV_INIT;
    sc->params = (struct strv)STRV_INIT;
    strv_copy(&sc->locals, &locals);
    json_object_foreach(step->group_defaults, key, value)
    {
        strv_add(&sc->locals, key);
        strv_add(&sc->params, key);
    }
    if (step->group.n > 0)
        sc->file = step->group.v[0]->file;
    check_list(sc, &step->group);
    strv_release(&sc->locals);
    strv_release(&sc->params);
    sc->locals = locals;
    sc->params = params;
    sc->file = file;
}

static void check_step(struct scope *sc, const struct step *step)
{
    static const char *const not_now[] = {"then", "deny", NULL};
    const char *binds = NULL;

    check_refs(sc, step);
    if (step->kind == STEP_ORG || step->kind == STEP_WORKSPACE ||
        step->kind == STEP_FIND_WORKSPACE) {
        const struct ynode *as = step_arg(step, "as");
        binds = as ? as->text : NULL;
    }
    if (binds && !strv_has(&sc->names, binds))
        strv_add(&sc->names, binds);
    check_node(sc, step->node, not_now);
    if (step->kind == STEP_DENY) {
        static const char *const parts[] = {"act",    "control",        "refused_for",
                                            "expect", "control_expect", NULL};
        check_node(sc, step->arg, parts);
        check_case(sc, step, &step->control, "control_expect");
        for (size_t i = 0; i < step->n_refused; i++)
            check_case(sc, step, &step->refused[i], "expect");
    }
    if (step->kind == STEP_USE)
        check_use(sc, step);
    for (size_t i = 0; i < step->n_captures; i++)
        if (!strv_has(&sc->names, step->captures[i].name))
            strv_add(&sc->names, step->captures[i].name);
    check_list(sc, &step->then);
}

static void check_list(struct scope *sc, const struct step_list *list)
{
    for (size_t i = 0; i < list->n; i++)
        check_step(sc, list->v[i]);
}

void check_variables(struct loader *l, const struct scenario *s)
{
    struct scope sc = {.loader = l, .file = s->file};

    for (size_t i = 0; i < s->n_params; i++) {
        strv_add(&sc.names, s->params[i].name);
        strv_add(&sc.params, s->params[i].name);
    }
    check_list(&sc, &s->steps);
    strv_release(&sc.names);
    strv_release(&sc.params);
}
