/* One matcher on one value. */
#include "scenario/match.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <math.h>
#include <pcre2.h>
#include <stdlib.h>
#include <string.h>

#include "base/num.h"
#include "io/json.h"
#include "scenario/vars.h"

#define PATTERN_STEPS                                                                    \
    1000000 /* of PCRE2's match limit: bounds a pattern that explodes                    \
             */

static pcre2_code *compile_pattern(const char *pattern, struct err *err)
{
    int number = 0;
    PCRE2_SIZE offset = 0;
    PCRE2_UCHAR why[200];
    pcre2_code *code = pcre2_compile((PCRE2_SPTR)pattern, PCRE2_ZERO_TERMINATED,
                                     PCRE2_UTF | PCRE2_MULTILINE, &number, &offset, NULL);

    if (!code) {
        if (pcre2_get_error_message(number, why, sizeof(why)) < 0)
            why[0] = '\0';
        (void)err_set(err, ERR_CONFIG, "bad regular expression '%s': %s at offset %zu",
                      pattern, (const char *)why, (size_t)offset);
    }
    return code;
}

int match_check_pattern(const char *pattern, struct err *err)
{
    pcre2_code *code = compile_pattern(pattern, err);

    if (!code)
        return -1;
    pcre2_code_free(code);
    return 0;
}

static int pattern_found(const char *pattern, const char *text, size_t len,
                         struct err *err)
{
    pcre2_code *code = compile_pattern(pattern, err);

    if (!code)
        return -1;
    pcre2_match_data *data = xcheck(pcre2_match_data_create_from_pattern(code, NULL));
    pcre2_match_context *ctx = xcheck(pcre2_match_context_create(NULL));
    (void)pcre2_set_match_limit(ctx, PATTERN_STEPS);
    int rc = pcre2_match(code, (PCRE2_SPTR)text, len, 0, 0, data, ctx);
    if (rc < 0 && rc != PCRE2_ERROR_NOMATCH && rc > PCRE2_ERROR_UTF8_ERR1)
        rc = err_set(err, ERR_CONFIG, "the pattern '%s' takes too long on this text",
                     pattern);
    else
        rc = rc >= 0; /* text that is not UTF-8 matches nothing */
    pcre2_match_context_free(ctx);
    pcre2_match_data_free(data);
    pcre2_code_free(code);
    return rc;
}

/* Strings as they are, anything else as compact JSON; caller frees. */
static char *as_text(const json_t *j)
{
    if (json_is_string(j))
        return xstrndup(json_string_value(j), json_string_length(j));
    return xcheck(json_dumps(j, JSON_COMPACT | JSON_ENCODE_ANY));
}

/* Whole numbers and reals of the same value are equal, at every depth. */
static bool same(const json_t *a, const json_t *b)
{
    if (json_is_number(a) && json_is_number(b)) {
        if (json_is_integer(a) && json_is_integer(b))
            return json_integer_value(a) == json_integer_value(b);
        return !(json_number_value(a) < json_number_value(b)) &&
               !(json_number_value(a) > json_number_value(b));
    }
    if (json_is_array(a) && json_is_array(b)) {
        size_t n = json_array_size(a);
        for (size_t i = 0; i < n && n == json_array_size(b); i++)
            if (!same(json_array_get(a, i), json_array_get(b, i)))
                return false;
        return n == json_array_size(b);
    }
    if (json_is_object(a) && json_is_object(b)) {
        const char *key;
        json_t *members = json_copy((json_t *)(uintptr_t)a), *member;
        bool equal = json_object_size(a) == json_object_size(b);
        json_object_foreach(members, key, member)
        {
            const json_t *other = json_object_get(b, key);
            equal = equal && other && same(member, other);
        }
        json_decref(members);
        return equal;
    }
    return json_equal(a, b) != 0;
}

static bool contains(const json_t *actual, const json_t *part)
{
    if (json_is_array(part)) {
        for (size_t i = 0; i < json_array_size(part); i++)
            if (!contains(actual, json_array_get(part, i)))
                return false;
        return true;
    }
    if (json_is_array(actual)) {
        for (size_t i = 0; i < json_array_size(actual); i++)
            if (same(json_array_get(actual, i), part))
                return true;
        return false;
    }
    char *text CLEANUP(free_ptr) = as_text(part);
    if (json_is_object(actual))
        return json_object_get(actual, text) != NULL;
    return json_is_string(actual) &&
           memmem(json_string_value(actual), json_string_length(actual), text,
                  strlen(text)) != NULL;
}

static bool one_of(const json_t *actual, const json_t *list)
{
    for (size_t i = 0; i < json_array_size(list); i++)
        if (same(actual, json_array_get(list, i)))
            return true;
    return false;
}

/* A number, or a text that is wholly one (a header's value). */
static bool as_number(const json_t *j, double *ret)
{
    if (json_is_string(j))
        return num_parse_double(json_string_value(j), ret);
    *ret = json_number_value(j);
    return json_is_number(j);
}

/* Below, equal, above as -1, 0, 1; false when the two cannot be compared. */
static bool compare(const json_t *a, const json_t *b, int *ret)
{
    double x, y;

    if (as_number(a, &x) && as_number(b, &y)) {
        *ret = (x > y) - (x < y);
        return true;
    }
    if (!json_is_string(a) || !json_is_string(b))
        return false;
    int c = strcmp(json_string_value(a), json_string_value(b));
    *ret = (c > 0) - (c < 0);
    return true;
}

static bool ordered(enum match_op op, const json_t *actual, const json_t *limit)
{
    int c;

    if (!compare(actual, limit, &c))
        return false;
    return (op == MATCH_GT && c > 0) || (op == MATCH_GTE && c >= 0) ||
           (op == MATCH_LT && c < 0) || (op == MATCH_LTE && c <= 0);
}

/* Characters of a string, items of a list, members of an object; -1 for anything else. */
static json_int_t length_of(const json_t *j)
{
    if (json_is_array(j))
        return (json_int_t)json_array_size(j);
    if (json_is_object(j))
        return (json_int_t)json_object_size(j);
    if (!json_is_string(j))
        return -1;

    json_int_t n = 0;
    for (const char *s = json_string_value(j); *s; s++)
        n += ((unsigned char)*s & 0xC0) != 0x80;
    return n;
}

/* `length: 3`, or `length: {gt: 0}`. */
static int length_holds(const struct matcher *m, const json_t *actual,
                        const struct vars *vars, const char *file, struct err *err)
{
    json_t *length CLEANUP(json_drop) = xcheck(json_integer(length_of(actual)));
    struct matcher inner = {.op = MATCH_EQUALS, .value = m->value, .line = m->line};
    int op = 0, r = 1;

    if (m->value->kind != YNODE_MAP)
        return match_value(&inner, length, vars, file, err);
    for (size_t i = 0; r == 1 && i < m->value->n; i++) {
        const struct ypair *pair = &m->value->pairs[i];
        if (!table_value(match_op_names, pair->key, &op))
            return err_set(err, ERR_CONFIG, "%s:%d:%d: unknown matcher '%s'", file,
                           pair->line, pair->col, pair->key);
        inner = (struct matcher){(enum match_op)op, pair->value, pair->line, pair->col};
        r = match_value(&inner, length, vars, file, err);
    }
    return r;
}

static int pattern_holds(const struct matcher *m, const json_t *actual,
                         const json_t *expected, const char *file, struct err *err)
{
    struct err why = ERR_INIT;

    if (!actual)
        return m->op == MATCH_NOT_MATCHES;
    char *pattern CLEANUP(free_ptr) = as_text(expected);
    char *text CLEANUP(free_ptr) = as_text(actual);
    int r = pattern_found(pattern, text, strlen(text), &why);
    if (r < 0)
        return err_set(err, ERR_CONFIG, "%s:%d:%d: %s", file, m->line, m->col, why.text);
    return (m->op == MATCH_MATCHES) == (r == 1);
}

int match_value(const struct matcher *m, const json_t *actual, const struct vars *vars,
                const char *file, struct err *err)
{
    json_t *expected CLEANUP(json_drop) = NULL;

    if (m->op == MATCH_LENGTH)
        return length_holds(m, actual, vars, file, err);
    if (vars_json(vars, m->value, file, &expected, err) < 0)
        return -1;
    switch (m->op) {
    case MATCH_EQUALS:
        return actual && same(actual, expected);
    case MATCH_NOT_EQUALS:
        return !actual || !same(actual, expected);
    case MATCH_CONTAINS:
        return actual && contains(actual, expected);
    case MATCH_NOT_CONTAINS:
        /* None of them, where several are named. */
        for (size_t i = 0; json_is_array(expected) && i < json_array_size(expected); i++)
            if (actual && contains(actual, json_array_get(expected, i)))
                return 0;
        return json_is_array(expected) || !actual || !contains(actual, expected);
    case MATCH_MATCHES:
    case MATCH_NOT_MATCHES:
        return pattern_holds(m, actual, expected, file, err);
    case MATCH_ONE_OF:
        return actual && one_of(actual, expected);
    case MATCH_GT:
    case MATCH_GTE:
    case MATCH_LT:
    case MATCH_LTE:
        return actual && ordered(m->op, actual, expected);
    case MATCH_EXISTS:
        return (actual && !json_is_null(actual)) == json_is_true(expected);
    case MATCH_LENGTH:
        break;
    }
    return 0;
}
