/* Steps: which kind, which keys, which id. */
#include "scenario/parse.h"

#include <stdlib.h>
#include <string.h>

#include "base/ids.h"
#include "base/limits.h"
#include "base/num.h"
#include "io/json.h"
#include "scenario/explain.h"

enum { ID_MAX = 60 }; /* bytes of the name that a step without `id` goes by */

static bool is_common(const char *key)
{
    return field_find(common_step_fields, key) != NULL;
}

static bool is_extra(const char *key)
{
    for (const struct step_kind_row *row = step_kinds; row->key; row++)
        if (field_find(row->extra, key))
            return true;
    return false;
}

static void unknown_step(struct loader *l, const struct ynode *node)
{
    struct strv known CLEANUP(strv_release) = STRV_INIT;

    for (const struct step_kind_row *row = step_kinds; row->key; row++)
        strv_add(&known, row->key);
    for (size_t i = 0; i < node->n; i++) {
        const struct ypair *pair = &node->pairs[i];
        if (is_common(pair->key) || is_extra(pair->key))
            continue;
        char *hint CLEANUP(free_ptr) = suggestion(pair->key, &known);
        bad_key(l, pair, "unknown step '%s'%s", pair->key, hint);
        return;
    }
    bad_node(l, node, "the step does not say what it does (get, mcp, a2a, files, ...)");
}

/* The pair that names the step's kind, or NULL with a problem. */
static const struct ypair *find_kind(struct loader *l, const struct ynode *node,
                                     const struct step_kind_row **ret_row)
{
    const struct ypair *found = NULL;

    if (node->kind != YNODE_MAP || node->n == 0) {
        bad_node(l, node,
                 "a step has to be a mapping, as in {get: /workspaces, in: acme}");
        return NULL;
    }
    for (size_t i = 0; i < node->n; i++) {
        const struct ypair *pair = &node->pairs[i];
        const struct step_kind_row *row = step_kind_find(pair->key, pair->value);
        if (!row)
            continue;
        if (found) {
            bad_key(l, pair, "one step cannot be both '%s' and '%s'", found->key,
                    pair->key);
            return NULL;
        }
        found = pair;
        *ret_row = row;
    }
    if (!found)
        unknown_step(l, node);
    return found;
}

static bool check_keys(struct loader *l, const struct ynode *node,
                       const struct step_kind_row *row, const struct ypair *kind)
{
    struct strv known CLEANUP(strv_release) = STRV_INIT;
    const struct field_row value = {row->key, row->arg_type, true, row->fields, ""};
    bool ok = true;

    for (const struct field_row *f = common_step_fields; f->key; f++)
        strv_add(&known, f->key);
    for (const struct field_row *f = row->extra; f && f->key; f++)
        strv_add(&known, f->key);
    for (size_t i = 0; i < node->n; i++) {
        const struct ypair *pair = &node->pairs[i];
        const struct field_row *f = field_find(common_step_fields, pair->key);
        f = f ? f : field_find(row->extra, pair->key);
        if (pair == kind) {
            if (!(row->or_scalar && pair->value->kind == YNODE_SCALAR))
                ok = check_type(l, pair->key, pair->value, &value) && ok;
            else
                ok = check_type(l, pair->key, pair->value, &row->fields[0]) && ok;
        } else if (f) {
            ok = check_type(l, pair->key, pair->value, f) && ok;
        } else if (field_find(row->fields, pair->key)) {
            bad_key(l, pair, "'%s' belongs into '%s: {...}'", pair->key, row->key);
            ok = false;
        } else {
            char *hint CLEANUP(free_ptr) = suggestion(pair->key, &known);
            bad_key(l, pair, "unknown key '%s' in a '%s' step%s", pair->key, row->key,
                    hint);
            ok = false;
        }
    }
    return ok;
}

/* Ids */

static void take_id(struct loader *l, struct step *step, const char *prefix,
                    const char *base, const struct ynode *explicit_id)
{
    const char *glue = prefix[0] ? "/" : "";

    step->id = xasprintf("%s%s%s", prefix, glue, base);
    if (strv_has(&l->ids, step->id) && explicit_id)
        bad_node(l, explicit_id, "duplicate step id '%s'", base);
    for (int number = 2; strv_has(&l->ids, step->id); number++) {
        free(step->id);
        step->id = xasprintf("%s%s%s-%d", prefix, glue, base, number);
    }
    strv_add(&l->ids, step->id);
}

/* What an `mcp` step asks; the first one counts, read_mcp objects to others. */
static void find_mcp_op(struct step *step)
{
    for (const struct name_row *row = mcp_op_names; row->name; row++) {
        const struct ypair *pair = ynode_pair(step->node, row->name);
        if (step->kind != STEP_MCP || !pair || step->mcp_op != MCP_OP_NONE)
            continue;
        step->mcp_op = (enum mcp_op)row->value;
        step->mcp_arg = pair->value;
    }
}

static void name_step(struct loader *l, struct step *step, const char *prefix,
                      const char *id)
{
    const struct ynode *own = ynode_get(step->node, "id");
    const struct ynode *name = ynode_get(step->node, "name");

    if (step->kind == STEP_DENY) {
        own = own ? own : ynode_get(step->arg, "id");
        name = name ? name : ynode_get(step->arg, "name");
    }
    step->name = name && name->text ? xstrdup(name->text) : explain_step(step);
    if (id) {
        take_id(l, step, prefix, id, NULL);
        return;
    }
    if (own && own->text) {
        if (!own->text[0] || strpbrk(own->text, "/ "))
            bad_node(l, own, "an id is one word without '/'");
        take_id(l, step, prefix, own->text, own);
        return;
    }
    char *slug CLEANUP(free_ptr) =
        id_slug(name && name->text ? name->text : step->row->key, ID_MAX);
    take_id(l, step, prefix, slug[0] ? slug : "step", NULL);
}

/* What is common to all kinds */

static int read_int(const struct ynode *node)
{
    int64_t n = 0;

    if (!node || !node->text || !num_parse(node->text, 0, INT32_MAX, &n))
        return 0;
    return (int)n;
}

static void read_captures(struct loader *l, struct step *step)
{
    const struct ynode *map = ynode_get(step->node, "capture");

    if (!map || map->kind != YNODE_MAP)
        return;
    step->captures = xcalloc(map->n + 1, sizeof(*step->captures));
    for (size_t i = 0; i < map->n; i++) {
        const struct ypair *pair = &map->pairs[i];
        step->captures[step->n_captures++] =
            (struct capture){.name = pair->key,
                             .expr = read_program(l, pair->value),
                             .line = pair->line,
                             .col = pair->col};
    }
}

static void read_common(struct loader *l, struct step *step)
{
    const struct ynode *node = step->node, *expect = ynode_get(node, "expect");

    step->when = read_program(l, ynode_get(node, "when"));
    step->within_ms = read_duration(ynode_get(node, "within"));
    step->every_ms = read_duration(ynode_get(node, "every"));
    step->stays_ms = read_duration(ynode_get(node, "stays"));
    step->timeout_ms = read_duration(ynode_get(node, "timeout"));
    step->never = read_bool(ynode_get(node, "never"));
    step->always = read_bool(ynode_get(node, "always"));
    step->soft = read_bool(ynode_get(node, "soft"));
    step->stable_for = read_int(ynode_get(node, "stable_for"));
    step->retry = read_int(ynode_get(node, "retry"));
    read_texts(ynode_get(node, "terminal"), &step->terminal);
    read_texts(ynode_get(node, "transient"), &step->transient);
    if (expect && step->kind != STEP_DENY)
        read_expect(l, expect, &step->expects, &step->n_expects);
    read_captures(l, step);
    if (step->never && step->within_ms < 0)
        bad_node(l, ynode_get(node, "never"),
                 "'never' needs a window: say 'within' as well");
}

/* Kinds that need more than the table */

static void exactly_one(struct loader *l, const struct step *step,
                        const char *const *keys, size_t n_keys)
{
    struct strv all CLEANUP(strv_release) = STRV_INIT;
    size_t n = 0;

    for (size_t i = 0; i < n_keys; i++) {
        strv_add(&all, keys[i]);
        n += ynode_get(step->arg, keys[i]) != NULL;
    }
    char *list CLEANUP(free_ptr) = strv_join(&all, ", ");
    if (n != 1 && step->arg->kind == YNODE_MAP)
        bad_node(l, step->arg, "'%s' takes exactly one of %s", step->row->key, list);
}

static bool is_place(const struct ynode *node)
{
    return strcmp(node->text, "cp") == 0 || strcmp(node->text, "mock") == 0;
}

static void read_http(struct loader *l, struct step *step)
{
    static const char *const bodies[] = {"json", "body", "form"};
    const struct ynode *in = ynode_get(step->node, "in"),
                       *on = ynode_get(step->node, "on");
    const char *path = step->arg->text ? step->arg->text : "";
    bool url = strncmp(path, "http", 4) == 0 || strncmp(path, "${", 2) == 0;
    size_t n = 0;

    for (size_t i = 0; i < ARRAY_SIZE(bodies); i++)
        n += ynode_get(step->node, bodies[i]) != NULL;
    if (n > 1)
        bad_node(l, step->node, "one request has one body: json, body or form");
    if (in && on)
        bad_node(l, on,
                 "a request goes 'in' an organisation or 'on' cp or mock, not both");
    if (on && on->text && !is_place(on))
        bad_node(l, on, "'on' is cp or mock, not '%.40s'", on->text);
    if (!url && path[0] != '/')
        bad_node(l, step->arg, "'%.60s' is neither a path (/...) nor a URL", path);
    else if (!url && !in && !on)
        bad_node(l, step->arg,
                 "say where to ask for this path: 'in: ORG', 'on: cp' or a "
                 "whole URL");
}

static void read_group_defaults(struct step *step, const struct ynode *params)
{
    step->group_defaults = xcheck(json_object());
    for (size_t i = 0; params && params->kind == YNODE_MAP && i < params->n; i++)
        (void)json_object_set_new_nocheck(step->group_defaults, params->pairs[i].key,
                                          ynode_to_json(params->pairs[i].value));
}

static void check_with(struct loader *l, const struct step *step,
                       const struct ynode *params)
{
    const struct ynode *with = step->locals;
    struct strv known CLEANUP(strv_release) = STRV_INIT;

    for (size_t i = 0; params && params->kind == YNODE_MAP && i < params->n; i++) {
        const struct ypair *pair = &params->pairs[i];
        strv_add(&known, pair->key);
        if (pair->value->kind == YNODE_NULL && !ynode_get(with, pair->key))
            bad_node(l, step->arg, "group '%s' needs 'with: {%s: ...}'", step->arg->text,
                     pair->key);
    }
    for (size_t i = 0; with && with->kind == YNODE_MAP && i < with->n; i++) {
        const struct ypair *pair = &with->pairs[i];
        if (strv_has(&known, pair->key))
            continue;
        char *hint CLEANUP(free_ptr) = suggestion(pair->key, &known);
        bad_key(l, pair, "group '%s' has no parameter '%s'%s", step->arg->text, pair->key,
                hint);
    }
}

static void read_use(struct loader *l, struct step *step)
{
    const char *file = l->file;

    step->locals = ynode_get(step->node, "with");
    for (size_t i = 0; i < l->n_using; i++) {
        if (strcmp(l->using[i], step -> arg -> text) == 0) {
            bad_node(l, step->arg, "group '%s' uses itself", step->arg->text);
            return;
        }
    }
    if (l->n_using == GROUPS_DEEP) {
        bad_node(l, step->arg, "step groups are nested more than %d deep", GROUPS_DEEP);
        return;
    }
    const struct group_file *group = find_group(l, step->arg);
    if (!group || !group->doc) {
        l->lost_group = true;
        return;
    }
    const struct ynode *root = ydoc_root(group->doc), *params = ynode_get(root, "params");
    read_group_defaults(step, params);
    check_with(l, step, params);
    l->using[l->n_using++] = group->name;
    l->file = group->file;
    read_steps(l, ynode_get(root, "steps"), step->id, &step->group);
    l->file = file;
    l->n_using--;
}

/* deny */

static char *subject_of(const struct ynode *locals)
{
    const char *named = ynode_str(locals, "subject", NULL);
    struct strv all CLEANUP(strv_release) = STRV_INIT;

    if (named)
        return xstrdup(named);
    for (size_t i = 0; i < locals->n; i++)
        if (locals->pairs[i].value->kind == YNODE_SCALAR)
            strv_add(&all, locals->pairs[i].value->text);
    return strv_join(&all, ", ");
}

static void read_case(struct loader *l, const struct step *deny,
                      const struct ynode *locals, const char *id, struct deny_case *ret)
{
    ret->locals = locals;
    ret->line = locals->line;
    ret->subject = subject_of(locals);
    ret->step = read_step(l, ynode_get(deny->arg, "act"), deny->id, id);
    if (!ret->step)
        return;
    ret->step->soft = ret->step->soft || deny->soft;
    if (!ynode_get(ret->step->node, "name")) {
        free(ret->step->name);
        ret->step->name = xasprintf("%s: %s", deny->name, ret->subject);
    }
}

static bool says_how(const struct expect_group *groups, size_t n)
{
    static const enum expect_kind ways[] = {EXPECT_REFUSED_AS, EXPECT_STATUS,
                                            EXPECT_RPC_ERROR, EXPECT_MCP_ERROR,
                                            EXPECT_HTTP_STATUS};

    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; k < groups[i].n; k++)
            for (size_t w = 0; w < ARRAY_SIZE(ways); w++)
                if (groups[i].items[k].kind == ways[w])
                    return true;
    return false;
}

static void read_refused(struct loader *l, struct step *deny, const struct ynode *cases,
                         const struct ynode *expect)
{
    size_t n = cases->kind == YNODE_SEQ ? cases->n : 1;

    deny->refused = xcalloc(n, sizeof(*deny->refused));
    for (size_t i = 0; i < n; i++) {
        struct deny_case *c = &deny->refused[deny->n_refused];
        const struct ynode *locals = cases->kind == YNODE_SEQ ? cases->items[i] : cases;
        char *subject CLEANUP(free_ptr) = subject_of(locals);
        char *slug CLEANUP(free_ptr) = id_slug(subject, ID_MAX);
        char *id CLEANUP(free_ptr) =
            n > 1 ? xasprintf("refused/%s", slug) : xstrdup("refused");
        read_case(l, deny, locals, id, c);
        if (!c->step) {
            free(c->subject);
            *c = (struct deny_case){.line = 0};
            continue;
        }
        deny->n_refused++;
        read_expect(l, expect, &c->step->expects, &c->step->n_expects);
        if (!says_how(c->step->expects, c->step->n_expects))
            bad_node(l, expect,
                     "a denial says how it is refused: refused_as, status, "
                     "rpc_error, mcp_error or http_status");
    }
}

static void read_deny(struct loader *l, struct step *step)
{
    const struct ynode *act = ynode_get(step->arg, "act");
    const struct ynode *control = ynode_get(step->arg, "control");
    const struct ynode *own = ynode_get(step->arg, "control_expect");
    const struct ypair *wrong = ynode_pair(act, "expect");

    if (ynode_pair(step->node, "expect"))
        bad_key(l, ynode_pair(step->node, "expect"),
                "the 'expect' of a denial stands inside 'deny'");
    if (wrong) {
        bad_key(l, wrong, "the act of a denial has no 'expect' of its own");
        return;
    }
    if (control->kind != YNODE_MAP) {
        bad_node(l, control, "'control' has to be one case, as in {subject: concierge}");
        return;
    }
    read_case(l, step, control, "control", &step->control);
    if (!step->control.step)
        return;
    if (own)
        read_expect(l, own, &step->control.step->expects, &step->control.step->n_expects);
    else
        control_expect(control, step->control.subject, &step->control.step->expects,
                       &step->control.step->n_expects);
    read_refused(l, step, ynode_get(step->arg, "refused_for"),
                 ynode_get(step->arg, "expect"));
}

static void read_kind(struct loader *l, struct step *step)
{
    static const char *const plugin[] = {"install", "uninstall", "declare"};

    switch (step->kind) {
    case STEP_MCP:
        read_mcp(l, step);
        break;
    case STEP_HTTP:
        read_http(l, step);
        break;
    case STEP_PLUGIN:
        exactly_one(l, step, plugin, ARRAY_SIZE(plugin));
        break;
    case STEP_FIND_WORKSPACE:
        step->where_node = ynode_get(step->arg, "where");
        step->where = read_program(l, step->where_node);
        break;
    case STEP_USE:
        read_use(l, step);
        break;
    case STEP_DENY:
        read_deny(l, step);
        break;
    case STEP_FILES:
        if (ynode_get(step->arg, "read") && ynode_get(step->arg, "path"))
            bad_node(l, step->arg, "'files' lists a 'path' or reads a file, not both");
        break;
    case STEP_ORG:
    case STEP_WORKSPACE:
    case STEP_WAIT_ONLINE:
    case STEP_RESTART:
    case STEP_PAUSE:
    case STEP_RESUME:
    case STEP_DELETE:
    case STEP_A2A:
    case STEP_AUDIT:
    case STEP_RUN:
    case STEP_FAULT:
    case STEP_JOURNAL:
        break;
    }
}

/* Without a control a denial could be a platform that refuses everything: said in words
 * of its own, because it is the rule and not a missing key. */
static bool has_control(struct loader *l, const struct ypair *kind)
{
    if (strcmp(kind->key, "deny") != 0 || kind->value->kind != YNODE_MAP ||
        ynode_get(kind->value, "control"))
        return true;
    bad_key(l, kind,
            "a denial without its control proves nothing: add 'control: {subject: "
            "...}', for whom the same act succeeds");
    return false;
}

struct step *read_step(struct loader *l, const struct ynode *node, const char *prefix,
                       const char *id)
{
    const struct step_kind_row *row = NULL;
    const struct ypair *kind = find_kind(l, node, &row);

    if (!kind || !has_control(l, kind)) {
        lose_names(l, node);
        return NULL;
    }
    if (++l->scenario->n_steps > LIMIT_STEPS) {
        if (l->scenario->n_steps == LIMIT_STEPS + 1)
            bad_node(l, node, "a scenario has at most %d steps", LIMIT_STEPS);
        return NULL;
    }
    if (!check_keys(l, node, row, kind)) {
        lose_names(l, node);
        return NULL;
    }

    struct step *step = xcalloc(1, sizeof(*step));
    step->kind = row->kind;
    step->row = row;
    step->node = node;
    step->arg = kind->value;
    step->file = l->file;
    step->line = node->pairs[0].line;
    step->col = node->pairs[0].col;
    step->where = -1;
    find_mcp_op(step);
    name_step(l, step, prefix, id);
    read_common(l, step);
    l->depth++;
    if (l->depth > LIMIT_DEPTH) {
        bad_node(l, node, "steps are nested more than %d deep", LIMIT_DEPTH);
    } else {
        read_kind(l, step);
        if (ynode_get(node, "then"))
            read_steps(l, ynode_get(node, "then"), step->id, &step->then);
    }
    l->depth--;
    return step;
}

struct step *read_reading(struct loader *l, const struct ynode *node)
{
    struct step *step;
    const struct ypair *kind = ynode_pair(node, "get");

    if (!kind)
        return NULL;
    step = xcalloc(1, sizeof(*step));
    step->kind = STEP_HTTP;
    step->row = step_kind_find("get", kind->value);
    step->node = node;
    step->arg = kind->value;
    step->file = l->file;
    step->line = kind->line;
    step->col = kind->col;
    step->when = step->where = -1;
    step->within_ms = step->every_ms = step->stays_ms = step->timeout_ms = -1;
    step->id = xstrdup("");
    step->name = explain_step(step);
    read_http(l, step);
    return step;
}

void read_steps(struct loader *l, const struct ynode *list, const char *prefix,
                struct step_list *ret)
{
    if (!list || list->kind != YNODE_SEQ)
        return;
    ret->v = xcalloc(list->n + 1, sizeof(struct step *));
    for (size_t i = 0; i < list->n; i++) {
        struct step *step = read_step(l, list->items[i], prefix, NULL);
        if (step)
            ret->v[ret->n++] = step;
    }
}
