/* Checking a value against a schema that was read. */
#include "mcp/schema_part.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/limits.h"
#include "io/json.h"

/* ---- what is found ---- */

static void pop(json_t *array)
{
    if (json_array_remove(array, json_array_size(array) - 1))
        abort(); /* it was just appended */
}

bool schema_misfit(struct schema_run *r, const struct schema_at *at, const char *fmt, ...)
{
    struct buf text = BUF_INIT(LIMIT_ERROR_TEXT);
    va_list ap;

    if (!schema_is_heard(r))
        return false;
    va_start(ap, fmt);
    buf_vaddf(&text, fmt, ap);
    va_end(ap);
    json_t *message = json_strn_new(text.data, text.len);
    buf_release(&text);
    json_push(r->issues, json_make("{s:s,s:o,s:o}", "keyword", at->keyword, "message",
                                   message, "path", json_deep_copy(r->path)));
    return false;
}

bool schema_give_up(struct schema_run *r, const char *why)
{
    if (!r->gave_up)
        r->gave_up = why;
    return false;
}

bool schema_spend(struct schema_run *r, int64_t steps)
{
    r->left -= steps;
    return r->left >= 0 || schema_give_up(r, "checking the value takes too long");
}

bool schema_is_heard(const struct schema_run *r)
{
    return r->issues && !r->gave_up && json_array_size(r->issues) < SCHEMA_ISSUES;
}

bool schema_goes_on(const struct schema_run *r, bool fits)
{
    return !r->gave_up && (fits || schema_is_heard(r));
}

static void saw(const struct schema_at *at, const char *name)
{
    if (at->seen)
        json_put(at->seen, name, json_true());
}

/* "12": arrays keep what was seen as objects do. */
static void saw_index(const struct schema_at *at, size_t i)
{
    char name[24];

    (void)snprintf(name, sizeof(name), "%zu", i);
    saw(at, name);
}

static bool was_seen(const struct schema_at *at, const char *name)
{
    return at->seen && json_object_get(at->seen, name);
}

/* ---- subschemas ---- */

/* Of a member; step: taken. */
static bool fits_inside(struct schema_run *r, const json_t *schema, json_t *step,
                        const json_t *value)
{
    json_push(r->path, step);
    bool fits = schema_fits(r, schema, value, NULL);
    pop(r->path);
    return fits;
}

/* Without a word about why not. */
static bool fits_quietly(struct schema_run *r, const json_t *schema, const json_t *value,
                         json_t *seen)
{
    json_t *issues = r->issues;

    r->issues = NULL;
    bool fits = schema_fits(r, schema, value, seen);
    r->issues = issues;
    return fits;
}

/* In place: what it saw counts when it fits. */
static bool applies(struct schema_run *r, const json_t *schema,
                    const struct schema_at *at, bool quietly)
{
    json_t *seen CLEANUP(json_drop) = at->seen ? xcheck(json_object()) : NULL;
    bool fits = quietly ? fits_quietly(r, schema, at->value, seen)
                        : schema_fits(r, schema, at->value, seen);

    if (fits && seen && json_object_update(at->seen, seen))
        abort(); /* out of memory */
    return fits;
}

static bool check_ref(struct schema_run *r, const struct schema_at *at)
{
    return applies(r, json_object_get(r->schema->refs, json_string_value(at->arg)), at,
                   false);
}

static bool check_all_of(struct schema_run *r, const struct schema_at *at)
{
    bool fits = true;

    for (size_t i = 0; i < json_array_size(at->arg) && schema_goes_on(r, fits); i++)
        fits = applies(r, json_array_get(at->arg, i), at, false) && fits;
    return fits;
}

static bool check_any_of(struct schema_run *r, const struct schema_at *at)
{
    bool fits = false;

    /* Every one of them, as each may see something else. */
    for (size_t i = 0; i < json_array_size(at->arg) && (!fits || at->seen) && !r->gave_up;
         i++)
        fits = applies(r, json_array_get(at->arg, i), at, true) || fits;
    return fits || schema_misfit(r, at, "Invalid input");
}

static bool check_one_of(struct schema_run *r, const struct schema_at *at)
{
    size_t n = 0;

    for (size_t i = 0; i < json_array_size(at->arg) && !r->gave_up; i++)
        n += applies(r, json_array_get(at->arg, i), at, true);
    return n == 1 ||
           schema_misfit(r, at, "Invalid input: it fits %zu of the alternatives", n);
}

static bool check_not(struct schema_run *r, const struct schema_at *at)
{
    return !fits_quietly(r, at->arg, at->value, NULL) ||
           schema_misfit(r, at, "Invalid input: it is what must not be");
}

static bool check_if(struct schema_run *r, const struct schema_at *at)
{
    const char *branch = applies(r, at->arg, at, true) ? "then" : "else";
    const json_t *schema = json_object_get(at->schema, branch);

    return !schema || applies(r, schema, at, false);
}

/* ---- arrays ---- */

static bool check_items_from(struct schema_run *r, const struct schema_at *at,
                             size_t from)
{
    bool fits = true;

    for (size_t i = from; i < json_array_size(at->value) && schema_goes_on(r, fits);
         i++) {
        saw_index(at, i);
        fits = fits_inside(r, at->arg, json_integer((json_int_t)i),
                           json_array_get(at->value, i)) &&
               fits;
    }
    return fits;
}

static bool check_prefix(struct schema_run *r, const struct schema_at *at)
{
    bool fits = true;

    size_t n = json_array_size(at->arg);
    for (size_t i = 0; i < n && i < json_array_size(at->value) && schema_goes_on(r, fits);
         i++) {
        saw_index(at, i);
        fits = fits_inside(r, json_array_get(at->arg, i), json_integer((json_int_t)i),
                           json_array_get(at->value, i)) &&
               fits;
    }
    return fits;
}

static bool check_items(struct schema_run *r, const struct schema_at *at)
{
    if (!json_is_array(at->value))
        return true;
    if (json_is_array(at->arg))
        return check_prefix(r, at);
    return check_items_from(
        r, at,
        r->schema->dialect == SCHEMA_2020
            ? json_array_size(json_object_get(at->schema, "prefixItems"))
            : 0);
}

/* Only where 'items' is an array. */
static bool check_additional_items(struct schema_run *r, const struct schema_at *at)
{
    const json_t *items = json_object_get(at->schema, "items");

    if (!json_is_array(at->value) || !json_is_array(items))
        return true;
    return check_items_from(r, at, json_array_size(items));
}

static bool check_min_items(struct schema_run *r, const struct schema_at *at)
{
    double limit = json_number_value(at->arg);
    return !json_is_array(at->value) || (double)json_array_size(at->value) >= limit ||
           schema_misfit(r, at, "Array must have at least %g items", limit);
}

static bool check_max_items(struct schema_run *r, const struct schema_at *at)
{
    double limit = json_number_value(at->arg);
    return !json_is_array(at->value) || (double)json_array_size(at->value) <= limit ||
           schema_misfit(r, at, "Array must have at most %g items", limit);
}

static bool check_contains(struct schema_run *r, const struct schema_at *at)
{
    bool counted = r->schema->dialect == SCHEMA_2020;
    const json_t *low = counted ? json_object_get(at->schema, "minContains") : NULL;
    const json_t *high = counted ? json_object_get(at->schema, "maxContains") : NULL;
    double n = 0;

    if (!json_is_array(at->value))
        return true;
    for (size_t i = 0; i < json_array_size(at->value) && !r->gave_up; i++)
        if (fits_quietly(r, at->arg, json_array_get(at->value, i), NULL)) {
            n++;
            if (counted)
                saw_index(at, i);
        }
    if (n < (low ? json_number_value(low) : 1))
        return schema_misfit(r, at, "Array has %g items of the kind that it must contain",
                             n);
    return !high || n <= json_number_value(high) ||
           schema_misfit(r, at, "Array has %g items of a kind that may be there %g times",
                         n, json_number_value(high));
}

static bool check_unevaluated_items(struct schema_run *r, const struct schema_at *at)
{
    bool fits = true;

    for (size_t i = 0; i < json_array_size(at->value) && schema_goes_on(r, fits); i++) {
        char name[24];
        (void)snprintf(name, sizeof(name), "%zu", i);
        if (was_seen(at, name))
            continue;
        fits = fits_inside(r, at->arg, json_integer((json_int_t)i),
                           json_array_get(at->value, i)) &&
               fits;
        saw(at, name);
    }
    return fits;
}

/* ---- objects ---- */

static bool check_required(struct schema_run *r, const struct schema_at *at)
{
    bool fits = true;

    if (!json_is_object(at->value))
        return true;
    for (size_t i = 0; i < json_array_size(at->arg) && schema_goes_on(r, fits); i++) {
        const char *name = json_string_value(json_array_get(at->arg, i));
        if (json_object_get(at->value, name))
            continue;
        json_push(r->path, json_string(name));
        fits = schema_misfit(r, at, "Required");
        pop(r->path);
    }
    return fits;
}

static bool check_properties(struct schema_run *r, const struct schema_at *at)
{
    const char *name = NULL;
    json_t *schema = NULL;
    bool fits = true;

    json_object_foreach((json_t *)(uintptr_t)at->arg, name, schema)
    {
        const json_t *member = json_object_get(at->value, name);
        if (!schema_goes_on(r, fits))
            break;
        if (!member)
            continue;
        saw(at, name);
        fits = fits_inside(r, schema, json_string(name), member) && fits;
    }
    return fits;
}

static bool check_pattern_properties(struct schema_run *r, const struct schema_at *at)
{
    const char *name = NULL, *pattern = NULL;
    json_t *member = NULL, *schema = NULL;
    bool fits = true;

    json_object_foreach((json_t *)(uintptr_t)at->value, name, member)
    {
        json_object_foreach((json_t *)(uintptr_t)at->arg, pattern, schema)
        {
            if (!schema_goes_on(r, fits))
                return false;
            if (!schema_matches(r, pattern, strlen(pattern), name, strlen(name)))
                continue;
            saw(at, name);
            fits = fits_inside(r, schema, json_string(name), member) && fits;
        }
    }
    return fits && !r->gave_up;
}

static bool has_pattern_for(struct schema_run *r, const json_t *patterns,
                            const char *name)
{
    const char *pattern = NULL;
    json_t *schema = NULL;

    json_object_foreach((json_t *)(uintptr_t)patterns, pattern, schema)
    {
        if (schema_matches(r, pattern, strlen(pattern), name, strlen(name)))
            return true;
    }
    return false;
}

/* A member that no other keyword speaks of. */
static bool fits_as_other(struct schema_run *r, const struct schema_at *at,
                          const char *name, const json_t *member)
{
    saw(at, name);
    if (json_is_false(at->arg))
        return schema_misfit(r, at, "Unrecognized key in object: '%.100s'", name);
    return fits_inside(r, at->arg, json_string(name), member);
}

static bool check_additional(struct schema_run *r, const struct schema_at *at)
{
    const json_t *known = json_object_get(at->schema, "properties");
    const json_t *patterns = json_object_get(at->schema, "patternProperties");
    const char *name = NULL;
    json_t *member = NULL;
    bool fits = true;

    json_object_foreach((json_t *)(uintptr_t)at->value, name, member)
    {
        if (!schema_goes_on(r, fits))
            break;
        if (!json_object_get(known, name) && !has_pattern_for(r, patterns, name))
            fits = fits_as_other(r, at, name, member) && fits;
    }
    return fits;
}

static bool check_unevaluated_properties(struct schema_run *r, const struct schema_at *at)
{
    const char *name = NULL;
    json_t *member = NULL;
    bool fits = true;

    json_object_foreach((json_t *)(uintptr_t)at->value, name, member)
    {
        if (!schema_goes_on(r, fits))
            break;
        if (!was_seen(at, name))
            fits = fits_as_other(r, at, name, member) && fits;
    }
    return fits;
}

static bool check_property_names(struct schema_run *r, const struct schema_at *at)
{
    const char *name = NULL;
    json_t *member = NULL;

    json_object_foreach((json_t *)(uintptr_t)at->value, name, member)
    {
        json_t *as_value CLEANUP(json_drop) = json_str_new(name);
        if (!fits_quietly(r, at->arg, as_value, NULL))
            return schema_misfit(r, at, "Unrecognized key in object: '%.100s'", name);
    }
    return true;
}

static bool check_min_properties(struct schema_run *r, const struct schema_at *at)
{
    double limit = json_number_value(at->arg);
    return !json_is_object(at->value) || (double)json_object_size(at->value) >= limit ||
           schema_misfit(r, at, "Object must have at least %g members", limit);
}

static bool check_max_properties(struct schema_run *r, const struct schema_at *at)
{
    double limit = json_number_value(at->arg);
    return !json_is_object(at->value) || (double)json_object_size(at->value) <= limit ||
           schema_misfit(r, at, "Object must have at most %g members", limit);
}

/* dependencies, dependentRequired and dependentSchemas: names or a schema each. */
static bool check_dependencies(struct schema_run *r, const struct schema_at *at)
{
    const char *name = NULL;
    json_t *need = NULL;
    bool fits = true;

    json_object_foreach((json_t *)(uintptr_t)at->arg, name, need)
    {
        if (!schema_goes_on(r, fits))
            break;
        if (!json_object_get(at->value, name))
            continue;
        struct schema_at inner = *at;
        inner.arg = need;
        fits = (json_is_array(need) ? check_required(r, &inner)
                                    : applies(r, need, at, false)) &&
               fits;
    }
    return fits;
}

/* ---- all of them ---- */

#define BOTH (SCHEMA_07 | SCHEMA_2020)

const struct schema_keyword schema_keywords[] = {
    {"$dynamicRef", SCHEMA_2020, SHAPE_REFUSED, NULL},
    {"$dynamicAnchor", SCHEMA_2020, SHAPE_REFUSED, NULL},
    {"$recursiveRef", BOTH, SHAPE_REFUSED, NULL},
    {"$vocabulary", SCHEMA_2020, SHAPE_REFUSED, NULL},
    {"$ref", BOTH, SHAPE_REF, check_ref},
    {"$defs", SCHEMA_2020, SHAPE_MAP, NULL},
    {"definitions", BOTH, SHAPE_MAP, NULL},
    {"type", BOTH, SHAPE_TYPE, schema_check_type},
    {"enum", BOTH, SHAPE_ARRAY, schema_check_enum},
    {"const", BOTH, SHAPE_ANY, schema_check_const},
    {"required", BOTH, SHAPE_NAMES, check_required},
    {"properties", BOTH, SHAPE_MAP, check_properties},
    {"patternProperties", BOTH, SHAPE_PATTERN_MAP, check_pattern_properties},
    {"additionalProperties", BOTH, SHAPE_SCHEMA, check_additional},
    {"propertyNames", BOTH, SHAPE_SCHEMA, check_property_names},
    {"minProperties", BOTH, SHAPE_COUNT, check_min_properties},
    {"maxProperties", BOTH, SHAPE_COUNT, check_max_properties},
    {"dependencies", SCHEMA_07, SHAPE_DEPENDENCIES, check_dependencies},
    {"dependentRequired", SCHEMA_2020, SHAPE_NAMES_MAP, check_dependencies},
    {"dependentSchemas", SCHEMA_2020, SHAPE_MAP, check_dependencies},
    {"minimum", BOTH, SHAPE_NUMBER, schema_check_minimum},
    {"maximum", BOTH, SHAPE_NUMBER, schema_check_maximum},
    {"exclusiveMinimum", BOTH, SHAPE_NUMBER, schema_check_above},
    {"exclusiveMaximum", BOTH, SHAPE_NUMBER, schema_check_below},
    {"multipleOf", BOTH, SHAPE_POSITIVE, schema_check_multiple},
    {"minLength", BOTH, SHAPE_COUNT, schema_check_min_length},
    {"maxLength", BOTH, SHAPE_COUNT, schema_check_max_length},
    {"pattern", BOTH, SHAPE_PATTERN, schema_check_pattern},
    {"prefixItems", SCHEMA_2020, SHAPE_SCHEMAS, check_prefix},
    {"items", SCHEMA_07, SHAPE_ITEMS, check_items},
    {"items", SCHEMA_2020, SHAPE_SCHEMA, check_items},
    {"additionalItems", SCHEMA_07, SHAPE_SCHEMA, check_additional_items},
    {"minItems", BOTH, SHAPE_COUNT, check_min_items},
    {"maxItems", BOTH, SHAPE_COUNT, check_max_items},
    {"uniqueItems", BOTH, SHAPE_BOOL, schema_check_unique},
    {"contains", BOTH, SHAPE_SCHEMA, check_contains},
    {"minContains", SCHEMA_2020, SHAPE_COUNT, NULL},
    {"maxContains", SCHEMA_2020, SHAPE_COUNT, NULL},
    {"allOf", BOTH, SHAPE_SCHEMAS, check_all_of},
    {"anyOf", BOTH, SHAPE_SCHEMAS, check_any_of},
    {"oneOf", BOTH, SHAPE_SCHEMAS, check_one_of},
    {"not", BOTH, SHAPE_SCHEMA, check_not},
    {"if", BOTH, SHAPE_SCHEMA, check_if},
    {"then", BOTH, SHAPE_SCHEMA, NULL},
    {"else", BOTH, SHAPE_SCHEMA, NULL},
    {"unevaluatedItems", SCHEMA_2020, SHAPE_SCHEMA, check_unevaluated_items},
    {"unevaluatedProperties", SCHEMA_2020, SHAPE_SCHEMA, check_unevaluated_properties},
};
const size_t schema_keywords_n = ARRAY_SIZE(schema_keywords);

static bool apply_keyword(struct schema_run *r, const struct schema_keyword *k,
                          const json_t *schema, const json_t *value, json_t *seen)
{
    const json_t *arg = json_object_get(schema, k->name);

    if (!arg || !k->check || !(k->dialects & (unsigned)r->schema->dialect))
        return true;
    struct schema_at at = {schema, arg, value, seen, k->name};
    return k->check(r, &at);
}

static bool fits_object(struct schema_run *r, const json_t *schema, const json_t *value,
                        json_t *seen)
{
    bool alone = r->schema->dialect == SCHEMA_07 && json_object_get(schema, "$ref");
    bool fits = true;

    for (size_t i = 0; i < schema_keywords_n && schema_goes_on(r, fits); i++) {
        const struct schema_keyword *k = &schema_keywords[i];
        if (alone && strcmp(k->name, "$ref") != 0)
            continue;
        bool good = apply_keyword(r, k, schema, value, seen);
        /* Of a value of another type there is nothing more to say. */
        if (!good && k->check == schema_check_type)
            return false;
        fits = good && fits;
    }
    return fits;
}

bool schema_fits(struct schema_run *r, const json_t *schema, const json_t *value,
                 json_t *seen)
{
    struct schema_at here = {schema, schema, value, seen, "false"};

    if (r->gave_up)
        return false;
    if (!schema_spend(r, 1))
        return false;
    if (r->depth >= SCHEMA_DEPTH)
        return schema_give_up(r, "schema or value are nested too deep");
    if (!json_is_object(schema))
        return json_is_true(schema) || schema_misfit(r, &here, "Nothing may stand here");
    json_t *own CLEANUP(json_drop) = NULL;
    if (!seen && r->schema->unevaluated)
        own = xcheck(json_object());
    r->depth++;
    bool fits = fits_object(r, schema, value, seen ? seen : own);
    r->depth--;
    return fits && !r->gave_up;
}

/* What a value weighs: its elements, and its texts where they are long. */
static int64_t weight(const json_t *value)
{
    int64_t n = 1 + (int64_t)(json_string_length(value) / 64);
    const char *name = NULL;
    const json_t *member = NULL;
    size_t i = 0;

    json_array_foreach(value, i, member) n += weight(member);
    json_object_foreach((json_t *)(uintptr_t)value, name, member)
    {
        n += weight(member);
    }
    return n;
}

int mcp_schema_check(const struct mcp_schema *s, const json_t *value, json_t *issues,
                     struct err *err)
{
    json_t *path CLEANUP(json_drop) = xcheck(json_array());
    struct schema_run r = {.schema = s,
                           .issues = issues,
                           .path = path,
                           .left = SCHEMA_STEPS + SCHEMA_STEPS_EACH * weight(value)};
    bool fits = schema_fits(&r, s->root, value, NULL);

    if (r.gave_up)
        return err_set(err, ERR_SHAPE, "%s", r.gave_up);
    return fits ? MCP_SCHEMA_FITS : MCP_SCHEMA_MISFIT;
}
