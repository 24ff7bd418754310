/* `expect` and its matchers. */
#include "scenario/parse.h"

#include <stdlib.h>
#include <string.h>

#include "base/fs.h"
#include "base/num.h"
#include "scenario/match.h"
#include "scenario/surface.h"

static void add_matcher(struct matcher **v, size_t *n, enum match_op op,
                        const struct ynode *value, int line, int col)
{
    *v = xrealloc(*v, (*n + 1) * sizeof(**v));
    (*v)[(*n)++] = (struct matcher){.op = op, .value = value, .line = line, .col = col};
}

static void check_pattern(struct loader *l, const struct ynode *node)
{
    struct err why = ERR_INIT;

    if (node->kind != YNODE_SCALAR)
        bad_node(l, node, "'matches' has to be a regular expression");
    else if (!has_variable(node) && match_check_pattern(node->text, &why) < 0)
        bad_node(l, node, "%s", why.text);
}

static void names_of(const struct name_row *rows, struct strv *out)
{
    for (; rows->name; rows++)
        strv_add(out, rows->name);
}

/* A mapping of matchers; skip: a key that is not one ("of"), or NULL. */
static void read_matchers(struct loader *l, const struct ynode *map, const char *skip,
                          struct matcher **v, size_t *n)
{
    for (size_t i = 0; i < map->n; i++) {
        const struct ypair *pair = &map->pairs[i];
        int op = 0;
        if (skip && strcmp(pair->key, skip) == 0)
            continue;
        if (!table_value(match_op_names, pair->key, &op)) {
            struct strv known CLEANUP(strv_release) = STRV_INIT;
            names_of(match_op_names, &known);
            char *hint CLEANUP(free_ptr) = suggestion(pair->key, &known);
            bad_key(l, pair, "unknown matcher '%s'%s", pair->key, hint);
            continue;
        }
        if (op == MATCH_MATCHES || op == MATCH_NOT_MATCHES)
            check_pattern(l, pair->value);
        if (op == MATCH_ONE_OF && pair->value->kind != YNODE_SEQ &&
            !has_variable(pair->value))
            bad_node(l, pair->value, "'one_of' has to be a list");
        add_matcher(v, n, (enum match_op)op, pair->value, pair->line, pair->col);
    }
}

/* A bare value stands for one matcher. */
static void read_matcher(struct loader *l, const struct ynode *node, enum match_op bare,
                         struct matcher **v, size_t *n)
{
    if (node->kind == YNODE_MAP)
        read_matchers(l, node, NULL, v, n);
    else
        add_matcher(v, n, bare, node, node->line, node->col);
}

static struct expectation *add_expectation(struct expect_group *g, enum expect_kind kind,
                                           const struct ynode *node)
{
    g->items = xrealloc(g->items, (g->n + 1) * sizeof(*g->items));
    g->items[g->n] = (struct expectation){
        .kind = kind, .node = node, .line = node->line, .col = node->col, .expr = -1};
    return &g->items[g->n++];
}

static void read_json(struct loader *l, const struct ynode *node, struct expect_group *g)
{
    if (node->kind == YNODE_SEQ) {
        for (size_t i = 0; i < node->n; i++)
            read_json(l, node->items[i], g);
        return;
    }
    struct expectation *e = add_expectation(g, EXPECT_JSON, node);
    if (node->kind == YNODE_SCALAR) {
        e->expr = read_program(l, node);
        return;
    }
    const struct ynode *of = ynode_get(node, "of");
    if (!of || of->kind != YNODE_SCALAR) {
        bad_node(l, node, "'json' has to be a jq program, or {of: PROGRAM, equals: ...}");
        return;
    }
    e->expr = read_program(l, of);
    read_matchers(l, node, "of", &e->matchers, &e->n_matchers);
}

static void read_headers(struct loader *l, const struct ynode *node,
                         struct expect_group *g)
{
    if (node->kind != YNODE_MAP) {
        bad_node(l, node, "'header' has to be a mapping of names to values");
        return;
    }
    for (size_t i = 0; i < node->n; i++) {
        struct expectation *e = add_expectation(g, EXPECT_HEADER, node->pairs[i].value);
        e->header = xstrdup(node->pairs[i].key);
        read_matcher(l, e->node, MATCH_EQUALS, &e->matchers, &e->n_matchers);
    }
}

static void check_reason(struct loader *l, const struct ynode *node)
{
    int bit = 0;

    if (node->kind == YNODE_SCALAR && table_value(refusal_names, node->text, &bit))
        return;
    struct strv known CLEANUP(strv_release) = STRV_INIT;
    names_of(refusal_names, &known);
    char *list CLEANUP(free_ptr) = strv_join(&known, ", ");
    bad_node(l, node, "'%.40s' is no reason of a refusal; there are %s",
             node->kind == YNODE_SCALAR ? node->text : "this", list);
}

static void check_status(struct loader *l, const char *key, const struct ynode *node)
{
    int64_t n;

    if (node->kind == YNODE_SEQ) {
        for (size_t i = 0; i < node->n; i++)
            check_status(l, key, node->items[i]);
    } else if (node->kind != YNODE_MAP && !has_variable(node) &&
               (node->kind != YNODE_SCALAR || !num_parse(node->text, 0, 599, &n))) {
        bad_node(l, node, "'%s' has to be a number from 0 to 599, or a list of them",
                 key);
    }
}

static void read_status(struct loader *l, const struct ynode *node, enum expect_kind kind,
                        struct expect_group *g)
{
    struct expectation *e = add_expectation(g, kind, node);

    check_status(l, table_name(expect_names, (int)kind), node);
    read_matcher(l, node, node->kind == YNODE_SEQ ? MATCH_ONE_OF : MATCH_EQUALS,
                 &e->matchers, &e->n_matchers);
}

static bool is_bool(const struct ynode *node)
{
    return node->kind == YNODE_SCALAR &&
           (strcmp(node->text, "true") == 0 || strcmp(node->text, "false") == 0);
}

/* A code, or {code, message}; 'mcp_error' also true and false. */
static void read_error(struct loader *l, const struct ypair *pair, enum expect_kind kind,
                       struct expect_group *g)
{
    static const struct field_row fields[] = {
        {"code", FIELD_ANY, false, NULL, "its code"},
        {"message", FIELD_ANY, false, NULL, "its message"},
        {.key = NULL},
    };
    const struct ynode *node = pair->value;
    struct expectation *e = add_expectation(g, kind, node);

    if (kind == EXPECT_MCP_ERROR && is_bool(node))
        return;
    if (node->kind == YNODE_SCALAR) {
        add_matcher(&e->matchers, &e->n_matchers, MATCH_EQUALS, node, node->line,
                    node->col);
        return;
    }
    if (!check_fields(l, node, fields, NULL, "an expected error"))
        return;
    const struct ynode *code = ynode_get(node, "code");
    const struct ynode *message = ynode_get(node, "message");
    if (code)
        read_matcher(l, code, code->kind == YNODE_SEQ ? MATCH_ONE_OF : MATCH_EQUALS,
                     &e->matchers, &e->n_matchers);
    if (message)
        read_matcher(l, message, MATCH_CONTAINS, &e->message, &e->n_message);
}

static void read_took(struct loader *l, const struct ynode *node, struct expect_group *g)
{
    struct expectation *e = add_expectation(g, EXPECT_TOOK, node);

    if (node->kind != YNODE_MAP) {
        bad_node(l, node, "'took' has to be a mapping, as in {lt: 2s}");
        return;
    }
    read_matchers(l, node, NULL, &e->matchers, &e->n_matchers);
    for (size_t i = 0; i < e->n_matchers; i++) {
        const struct matcher *m = &e->matchers[i];
        if (m->op < MATCH_GT || m->op > MATCH_LTE ||
            (!has_variable(m->value) && read_duration(m->value) < 0))
            bad_node(l, m->value,
                     "'took' takes gt, gte, lt, lte with a duration such as 2s (a bare "
                     "number is seconds)");
    }
}

static void read_unchanged(struct loader *l, const struct ynode *node,
                           struct expect_group *g)
{
    struct step *reading = NULL;
    int expr = -1;

    if (check_fields(l, node, unchanged_fields, NULL, "'unchanged'")) {
        expr = read_program(l, ynode_get(node, "json"));
        reading = read_reading(l, node);
    }
    if (!reading)
        return;
    struct expectation *e = add_expectation(g, EXPECT_UNCHANGED, node);
    e->expr = expr;
    e->reading = reading;
}

static void read_contract(struct loader *l, const struct ynode *node,
                          struct expect_group *g)
{
    json_t *answers = l->catalogue->answers;
    struct expectation *e = add_expectation(g, EXPECT_CONTRACT, node);

    if (node->kind != YNODE_SCALAR || has_variable(node)) {
        bad_node(l, node, "'contract' has to be the id of an answer, without variables");
        return;
    }
    e->contract = json_object_get(answers, node->text);
    if (e->contract || !answers)
        return;
    struct strv known CLEANUP(strv_release) = STRV_INIT;
    const char *id = NULL;
    json_t *row = NULL;
    json_object_foreach(answers, id, row)
    {
        strv_add(&known, id);
    }
    char *hint CLEANUP(free_ptr) = suggestion(node->text, &known);
    bad_node(l, node, "the contract has no answer '%s'%s", node->text, hint);
}

static void read_tool(struct loader *l, const struct ynode *node, struct expect_group *g)
{
    static const struct field_row fields[] = {
        {"name", FIELD_TEXT, true, NULL, "of the tool"},
        {"title", FIELD_TEXT, false, NULL, "its title"},
        {"description", FIELD_ANY, false, NULL, "a matcher; a bare text is contained"},
        {"schema", FIELD_MAP, false, NULL, "what its inputSchema has, among others"},
        {"output_schema", FIELD_MAP, false, NULL, "the same of its outputSchema"},
        {"annotations", FIELD_MAP, false, NULL, "what its annotations have"},
        {.key = NULL},
    };
    struct expectation *e = add_expectation(g, EXPECT_TOOL, node);

    if (node->kind == YNODE_SCALAR || !check_fields(l, node, fields, NULL, "'tool'"))
        return;
    const struct ynode *description = ynode_get(node, "description");
    if (description)
        read_matcher(l, description, MATCH_CONTAINS, &e->matchers, &e->n_matchers);
}

static void read_tools(struct loader *l, const struct ynode *node, struct expect_group *g)
{
    static const struct field_row fields[] = {
        {"exactly", FIELD_ANY, false, NULL, "these names and no others"},
        {"include", FIELD_ANY, false, NULL, "these names among others"},
        {"exclude", FIELD_ANY, false, NULL, "none of these"},
        {.key = NULL},
    };

    (void)add_expectation(g, EXPECT_TOOLS, node);
    if (!check_fields(l, node, fields, NULL, "'tools'"))
        return;
    if (node->n == 0)
        bad_node(l, node, "'tools' says exactly, include or exclude");
    for (size_t i = 0; i < node->n; i++) {
        const struct ynode *names = node->pairs[i].value;
        if (names->kind != YNODE_SEQ && !has_variable(names))
            bad_node(l, names, "'%s' has to be a list of names", node->pairs[i].key);
    }
}

/* The file stands beside the scenario's. */
static void read_tools_match(struct loader *l, const struct ynode *node,
                             struct expect_group *g)
{
    struct expectation *e = add_expectation(g, EXPECT_TOOLS_MATCH, node);
    const char *slash = strrchr(l->file, '/');
    struct err why = ERR_INIT;

    if (node->kind != YNODE_SCALAR || has_variable(node)) {
        bad_node(l, node,
                 "'tools_match' has to be the name of a file, without variables");
        return;
    }
    char *folder CLEANUP(free_ptr) =
        slash ? xstrndup(l->file, (size_t)(slash - l->file)) : xstrdup(".");
    char *path CLEANUP(free_ptr) =
        node->text[0] == '/' ? xstrdup(node->text) : fs_join(folder, node->text);
    if (surface_read(path, &e->surface, &why))
        bad_node(l, node, "%s", why.text);
}

static void check_bool(struct loader *l, const char *key, const struct ynode *node)
{
    const struct field_row row = {key, FIELD_BOOL, false, NULL, ""};

    (void)check_type(l, key, node, &row);
}

static void read_one(struct loader *l, const struct ypair *pair, enum expect_kind kind,
                     struct expect_group *g)
{
    const struct ynode *node = pair->value;
    struct expectation *e;

    switch (kind) {
    case EXPECT_STATUS:
    case EXPECT_HTTP_STATUS:
        read_status(l, node, kind, g);
        return;
    case EXPECT_HEADER:
        read_headers(l, node, g);
        return;
    case EXPECT_JSON:
        read_json(l, node, g);
        return;
    case EXPECT_RPC_ERROR:
    case EXPECT_MCP_ERROR:
        read_error(l, pair, kind, g);
        return;
    case EXPECT_TOOL:
        read_tool(l, node, g);
        return;
    case EXPECT_TOOLS:
        read_tools(l, node, g);
        return;
    case EXPECT_TOOLS_MATCH:
        read_tools_match(l, node, g);
        return;
    case EXPECT_CONTRACT:
        read_contract(l, node, g);
        return;
    case EXPECT_TOOK:
        read_took(l, node, g);
        return;
    case EXPECT_UNCHANGED:
        read_unchanged(l, node, g);
        return;
    case EXPECT_BODY:
    case EXPECT_REPLY:
    case EXPECT_ENDED:
        e = add_expectation(g, kind, node);
        read_matcher(l, node, MATCH_CONTAINS, &e->matchers, &e->n_matchers);
        return;
    case EXPECT_BYTES:
    case EXPECT_COUNT:
        e = add_expectation(g, kind, node);
        read_matcher(l, node, MATCH_EQUALS, &e->matchers, &e->n_matchers);
        return;
    case EXPECT_MATCHES:
        check_pattern(l, node);
        e = add_expectation(g, kind, node);
        add_matcher(&e->matchers, &e->n_matchers, MATCH_MATCHES, node, node->line,
                    node->col);
        return;
    case EXPECT_IS_ERROR:
        check_bool(l, pair->key, node);
        e = add_expectation(g, kind, node);
        add_matcher(&e->matchers, &e->n_matchers, MATCH_EQUALS, node, node->line,
                    node->col);
        return;
    case EXPECT_ABSENT:
    case EXPECT_NO_SECRET:
    case EXPECT_FRAMES_VALID:
        check_bool(l, pair->key, node);
        (void)add_expectation(g, kind, node);
        return;
    case EXPECT_REFUSED_AS:
        for (size_t i = 0; node->kind == YNODE_SEQ && i < node->n; i++)
            check_reason(l, node->items[i]);
        if (node->kind != YNODE_SEQ)
            check_reason(l, node);
        (void)add_expectation(g, kind, node);
        return;
    case EXPECT_SUCCEEDS:
        return;
    }
}

static void unknown_expectation(struct loader *l, const struct ypair *pair)
{
    struct strv known CLEANUP(strv_release) = STRV_INIT;

    names_of(expect_names, &known);
    strv_add(&known, "name");
    char *hint CLEANUP(free_ptr) = suggestion(pair->key, &known);
    bad_key(l, pair, "unknown expectation '%s'%s", pair->key, hint);
}

static void read_group(struct loader *l, const struct ynode *map, struct expect_group *g)
{
    int kind = 0;

    g->line = map->line;
    if (map->kind != YNODE_MAP) {
        bad_node(l, map, "an expectation has to be a mapping, as in {status: 200}");
        return;
    }
    for (size_t i = 0; i < map->n; i++) {
        const struct ypair *pair = &map->pairs[i];
        if (strcmp(pair->key, "name") == 0) {
            if (pair->value->kind == YNODE_SCALAR)
                g->name = xstrdup(pair->value->text);
            else
                bad_node(l, pair->value, "'name' has to be a single value");
        } else if (table_value(expect_names, pair->key, &kind)) {
            size_t before = g->n;
            read_one(l, pair, (enum expect_kind)kind, g);
            /* Where somebody would look: at the key, not inside a block of text. */
            for (size_t k = before; k < g->n; k++)
                g->items[k].line =
                    g->items[k].kind == EXPECT_JSON ? g->items[k].line : pair->line;
        } else {
            unknown_expectation(l, pair);
        }
    }
    if (g->n == 0 && map->n <= (g->name ? 1 : 0))
        bad_node(l, map, "nothing is expected here");
}

/* Names of a step's checks: the group's, or the key's, numbered where they repeat. */
static void name_checks(struct expect_group *groups, size_t n)
{
    struct strv taken CLEANUP(strv_release) = STRV_INIT;

    for (size_t i = 0; i < n; i++) {
        for (size_t k = 0; k < groups[i].n; k++) {
            struct expectation *e = &groups[i].items[k];
            const char *key = table_name(expect_names, (int)e->kind);
            char *base CLEANUP(free_ptr) = groups[i].name == NULL ? xstrdup(key)
                                           : groups[i].n == 1
                                               ? xstrdup(groups[i].name)
                                               : xasprintf("%s: %s", groups[i].name, key);
            e->name = xstrdup(base);
            for (int number = 2; strv_has(&taken, e->name); number++) {
                free(e->name);
                e->name = xasprintf("%s-%d", base, number);
            }
            strv_add(&taken, e->name);
        }
    }
}

void read_expect(struct loader *l, const struct ynode *node, struct expect_group **ret,
                 size_t *ret_n)
{
    size_t n = node->kind == YNODE_SEQ ? node->n : 1;
    struct expect_group *groups = xcalloc(n + 1, sizeof(*groups));

    for (size_t i = 0; i < n; i++)
        read_group(l, node->kind == YNODE_SEQ ? node->items[i] : node, &groups[i]);
    name_checks(groups, n);
    *ret = groups;
    *ret_n = n;
}

void control_expect(const struct ynode *at, const char *subject,
                    struct expect_group **ret, size_t *ret_n)
{
    struct expect_group *g = xcalloc(1, sizeof(*g));

    g->line = at->line;
    struct expectation *e = add_expectation(g, EXPECT_SUCCEEDS, at);
    e->name = xstrdup("control");
    e->header = xstrdup(subject);
    *ret = g;
    *ret_n = 1;
}
