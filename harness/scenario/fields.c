/* Keys and types of mappings, by table. */
#include "scenario/parse.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/limits.h"
#include "base/num.h"
#include "scenario/vars.h"

static void PRINTF_LIKE(4, 0)
    bad_at(struct loader *l, int line, int col, const char *fmt, va_list ap)
{
    struct buf text CLEANUP(buf_release) = BUF_INIT(LIMIT_ERROR_TEXT);

    buf_vaddf(&text, fmt, ap);
    problems_add(l->problems, l->file, line, col, false, "%s", text.data);
}

void bad_node(struct loader *l, const struct ynode *node, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    bad_at(l, node->line, node->col, fmt, ap);
    va_end(ap);
}

void bad_key(struct loader *l, const struct ypair *pair, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    bad_at(l, pair->line, pair->col, fmt, ap);
    va_end(ap);
}

char *suggestion(const char *word, const struct strv *known)
{
    return did_you_mean(word, (const char *const *)known->v, known->n);
}

static void add_keys(struct strv *out, const struct field_row *fields)
{
    for (const struct field_row *row = fields; row && row->key; row++)
        strv_add(out, row->key);
}

bool check_fields(struct loader *l, const struct ynode *map,
                  const struct field_row *fields, const struct field_row *more,
                  const char *what)
{
    bool ok = true;

    if (map->kind != YNODE_MAP) {
        bad_node(l, map, "%s has to be a mapping", what);
        return false;
    }
    for (size_t i = 0; i < map->n; i++) {
        const struct ypair *pair = &map->pairs[i];
        const struct field_row *row = field_find(fields, pair->key);
        row = row ? row : field_find(more, pair->key);
        if (row) {
            ok = check_type(l, pair->key, pair->value, row) && ok;
            continue;
        }
        struct strv known CLEANUP(strv_release) = STRV_INIT;
        add_keys(&known, fields);
        add_keys(&known, more);
        char *hint CLEANUP(free_ptr) = suggestion(pair->key, &known);
        bad_key(l, pair, "unknown key '%s' in %s%s", pair->key, what, hint);
        ok = false;
    }
    for (const struct field_row *row = fields; row && row->key; row++) {
        if (row->required && !ynode_get(map, row->key)) {
            bad_node(l, map, "%s lacks '%s' (%s)", what, row->key, row->about);
            ok = false;
        }
    }
    return ok;
}

bool has_variable(const struct ynode *node)
{
    return node->kind == YNODE_SCALAR && strstr(node->text, "${") != NULL;
}

static const char *kind_word(const struct ynode *node)
{
    switch (node->kind) {
    case YNODE_NULL:
        return "nothing";
    case YNODE_SCALAR:
        return "a single value";
    case YNODE_SEQ:
        return "a list";
    case YNODE_MAP:
        return "a mapping";
    }
    return "?";
}

static bool wrong(struct loader *l, const char *key, const struct ynode *node,
                  const char *want)
{
    if (node->kind == YNODE_SCALAR)
        bad_node(l, node, "'%s' has to be %s, not '%.40s'", key, want, node->text);
    else
        bad_node(l, node, "'%s' has to be %s, not %s", key, want, kind_word(node));
    return false;
}

static bool all_scalars(const struct ynode *node)
{
    if (node->kind == YNODE_SCALAR)
        return true;
    if (node->kind != YNODE_SEQ)
        return false;
    for (size_t i = 0; i < node->n; i++)
        if (node->items[i]->kind != YNODE_SCALAR)
            return false;
    return true;
}

static bool is_command(const struct ynode *node)
{
    if (node->kind == YNODE_SCALAR)
        return node->text[0] && !strpbrk(node->text, " \t\n");
    return node->n > 0 && all_scalars(node);
}

static bool is_bool(const struct ynode *node)
{
    return node->kind == YNODE_SCALAR && !node->quoted &&
           (strcmp(node->text, "true") == 0 || strcmp(node->text, "false") == 0);
}

static bool check_number(struct loader *l, const char *key, const struct ynode *node,
                         enum field_type type)
{
    static const char duration[] =
        "a duration such as 250ms, 30s, 5m or 2h (a bare number is seconds)";
    struct err why = ERR_INIT;
    int64_t n;

    if (node->kind != YNODE_SCALAR)
        return wrong(l, key, node, type == FIELD_INT ? "a whole number" : duration);
    if (type == FIELD_INT)
        return num_parse(node->text, 0, INT32_MAX, &n) ||
               wrong(l, key, node, "a whole number");
    return clock_parse_duration(node->text, &n, &why) == 0 ||
           wrong(l, key, node, duration);
}

static bool check_name(struct loader *l, const char *key, const struct ynode *node)
{
    static const char *const reserved[] = {"run", "contract", "env", "params"};

    if (node->kind != YNODE_SCALAR || !vars_name_is_good(node->text))
        return wrong(l, key, node, "a name of letters, digits, '_' and '-'");
    for (size_t i = 0; i < ARRAY_SIZE(reserved); i++)
        if (strcmp(node->text, reserved[i]) == 0) {
            bad_node(l, node, "'%s' is a name of the language, choose another",
                     node->text);
            return false;
        }
    return true;
}

static bool check_as(struct loader *l, const char *key, const struct ynode *node)
{
    static const struct field_row fields[] = {
        {"bearer", FIELD_TEXT, true, NULL, "the token"},
        {.key = NULL},
    };

    if (node->kind == YNODE_MAP)
        return check_fields(l, node, fields, NULL, "'as'");
    return node->kind == YNODE_SCALAR || wrong(l, key, node, "a name or {bearer: TEXT}");
}

static bool check_capture(struct loader *l, const char *key, const struct ynode *node)
{
    bool ok = true;

    if (node->kind != YNODE_MAP)
        return wrong(l, key, node, "a mapping of names to jq programs");
    for (size_t i = 0; i < node->n; i++) {
        const struct ypair *pair = &node->pairs[i];
        if (pair->value->kind != YNODE_SCALAR)
            ok = wrong(l, pair->key, pair->value, "a jq program");
        if (!vars_name_is_good(pair->key)) {
            bad_key(l, pair,
                    "'%s' cannot be a variable's name: letters, digits, '_', '-'",
                    pair->key);
            ok = false;
        }
    }
    return ok;
}

static bool check_cases(struct loader *l, const char *key, const struct ynode *node)
{
    bool ok = node->kind == YNODE_MAP || (node->kind == YNODE_SEQ && node->n > 0);

    for (size_t i = 0; ok && node->kind == YNODE_SEQ && i < node->n; i++)
        ok = node->items[i]->kind == YNODE_MAP;
    return ok || wrong(l, key, node, "{subject: NAME, ...}, or a list of such");
}

bool check_type(struct loader *l, const char *key, const struct ynode *node,
                const struct field_row *row)
{
    bool scalar = node->kind == YNODE_SCALAR;

    switch (row->type) {
    case FIELD_TEXT:
    case FIELD_REF:
        return scalar || wrong(l, key, node, "a single value");
    case FIELD_PLAIN:
        if (scalar && has_variable(node))
            return wrong(l, key, node, "known without variables");
        return scalar || wrong(l, key, node, "a single value");
    case FIELD_JQ:
        return scalar || wrong(l, key, node, "a jq program");
    case FIELD_BOOL:
        return is_bool(node) || wrong(l, key, node, "true or false");
    case FIELD_INT:
    case FIELD_DURATION:
        return check_number(l, key, node, row->type);
    case FIELD_REFS:
    case FIELD_TEXTS:
        return all_scalars(node) ||
               wrong(l, key, node, "a single value or a list of them");
    case FIELD_COMMAND:
        return is_command(node) ||
               wrong(l, key, node, "a list of words, as in [program, argument]");
    case FIELD_BIND:
        return check_name(l, key, node);
    case FIELD_MAP:
        return node->kind == YNODE_MAP || node->kind == YNODE_NULL ||
               has_variable(node) || wrong(l, key, node, "a mapping");
    case FIELD_ANY:
        return true;
    case FIELD_FIELDS: {
        char *what CLEANUP(free_ptr) = xasprintf("'%s'", key);
        return check_fields(l, node, row->fields, NULL, what);
    }
    case FIELD_STEP:
        return node->kind == YNODE_MAP || wrong(l, key, node, "a step");
    case FIELD_STEPS:
        return node->kind == YNODE_SEQ || wrong(l, key, node, "a list of steps");
    case FIELD_EXPECT:
        return node->kind == YNODE_MAP || node->kind == YNODE_SEQ ||
               wrong(l, key, node, "a mapping, or a list of mappings");
    case FIELD_CAPTURE:
        return check_capture(l, key, node);
    case FIELD_CASES:
        return check_cases(l, key, node);
    case FIELD_ORG_HEADER:
        if (is_bool(node) && read_bool(node))
            return wrong(l, key, node, "false, or an organisation's id");
        return scalar || wrong(l, key, node, "false, or an organisation's id");
    case FIELD_AS:
        return check_as(l, key, node);
    }
    return true;
}

void read_texts(const struct ynode *node, struct strv *out)
{
    if (node && node->kind == YNODE_SCALAR)
        strv_add(out, node->text);
    for (size_t i = 0; node && node->kind == YNODE_SEQ && i < node->n; i++)
        if (node->items[i]->kind == YNODE_SCALAR)
            strv_add(out, node->items[i]->text);
}

int64_t read_duration(const struct ynode *node)
{
    int64_t ms = -1;
    struct err why = ERR_INIT;

    if (!node || node->kind != YNODE_SCALAR ||
        clock_parse_duration(node->text, &ms, &why) < 0)
        return -1;
    return ms;
}

bool read_bool(const struct ynode *node)
{
    return node && node->kind == YNODE_SCALAR && strcmp(node->text, "true") == 0;
}

int read_program(struct loader *l, const struct ynode *node)
{
    struct scenario *s = l->scenario;
    struct err why = ERR_INIT;
    int id = -1;

    if (!node || node->kind != YNODE_SCALAR)
        return -1;
    if (exprs_add(l->catalogue->exprs, node->text, l->file, node->line, node->col, &id,
                  &why) < 0) {
        /* The place stands in the text already. */
        const char *text = strstr(why.text, ": ");
        bad_node(l, node, "%s", text ? text + 2 : why.text);
        return -1;
    }
    for (size_t i = 0; i < s->n_expr_ids; i++)
        if (s->expr_ids[i] == id)
            return id;
    s->expr_ids = xrealloc(s->expr_ids, (s->n_expr_ids + 1) * sizeof(int));
    s->expr_ids[s->n_expr_ids++] = id;
    return id;
}
