/* The keywords that look at a value alone: type, enum, uniqueItems, numbers, strings. */
#include "mcp/schema_part.h"

#include <float.h>
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "io/json.h"

/* ---- any value ---- */

static bool is_integral(const json_t *j)
{
    return json_is_integer(j) ||
           (json_is_real(j) && json_real_value(j) == floor(json_real_value(j)));
}

/* The value of an integer that 64 bits hold, also when it is written as 1.0. */
static bool as_integer(const json_t *j, json_int_t *ret)
{
    double real = json_number_value(j);

    if (!is_integral(j) ||
        (json_is_real(j) && (real < (double)INT64_MIN || real >= -(double)INT64_MIN)))
        return false;
    *ret = json_is_integer(j) ? json_integer_value(j) : (json_int_t)real;
    return true;
}

/* Of two numbers: below 0, 0 or above, as they are smaller, the same or greater. To the
 * last digit, which a double has not past 2^53. */
static int compare(const json_t *a, const json_t *b)
{
    json_int_t i = 0, k = 0;
    double x = json_number_value(a), y = json_number_value(b);

    if (as_integer(a, &i) && as_integer(b, &k))
        return (i > k) - (i < k);
    return (x > y) - (x < y);
}

static const char *type_name(const json_t *j)
{
    return json_is_object(j)    ? "object"
           : json_is_array(j)   ? "array"
           : json_is_string(j)  ? "string"
           : json_is_number(j)  ? "number"
           : json_is_boolean(j) ? "boolean"
                                : "null";
}

static bool has_type(const json_t *value, const json_t *type)
{
    const char *name = json_string_value(type);

    if (strcmp(name, "integer") == 0)
        return is_integral(value);
    return strcmp(name, type_name(value)) == 0;
}

bool schema_check_type(struct schema_run *r, const struct schema_at *at)
{
    if (json_is_string(at->arg))
        return has_type(at->value, at->arg) ||
               schema_misfit(r, at, "Expected %s, received %s",
                             json_string_value(at->arg), type_name(at->value));
    for (size_t i = 0; i < json_array_size(at->arg); i++)
        if (has_type(at->value, json_array_get(at->arg, i)))
            return true;
    if (!schema_is_heard(r))
        return false;
    char *names CLEANUP(free_ptr) = json_text(at->arg, JSON_STRUCT);
    return schema_misfit(r, at, "Expected one of %.300s, received %s", names,
                         type_name(at->value));
}

static bool equal_objects(struct schema_run *r, const json_t *a, const json_t *b)
{
    const char *key = NULL;
    json_t *member = NULL;

    if (json_object_size(a) != json_object_size(b))
        return false;
    json_object_foreach((json_t *)(uintptr_t)a, key, member)
    {
        const json_t *other = json_object_get(b, key);
        if (!other || !schema_equal(r, member, other))
            return false;
    }
    return true;
}

/* As numbers are: 1 and 1.0 are the same. */
bool schema_equal(struct schema_run *r, const json_t *a, const json_t *b)
{
    if (!schema_spend(r, 1))
        return false;
    if (json_is_number(a) && json_is_number(b))
        return compare(a, b) == 0;
    if (json_typeof(a) != json_typeof(b))
        return false;
    if (json_is_object(a))
        return equal_objects(r, a, b);
    if (!json_is_array(a))
        return json_equal(a, b);
    if (json_array_size(a) != json_array_size(b))
        return false;
    for (size_t i = 0; i < json_array_size(a); i++)
        if (!schema_equal(r, json_array_get(a, i), json_array_get(b, i)))
            return false;
    return true;
}

bool schema_check_enum(struct schema_run *r, const struct schema_at *at)
{
    for (size_t i = 0; i < json_array_size(at->arg); i++)
        if (schema_equal(r, json_array_get(at->arg, i), at->value))
            return true;
    if (!schema_is_heard(r))
        return false;
    char *list CLEANUP(free_ptr) = json_text(at->arg, JSON_STRUCT);
    return schema_misfit(r, at, "Expected one of %.300s", list);
}

bool schema_check_const(struct schema_run *r, const struct schema_at *at)
{
    if (schema_equal(r, at->arg, at->value))
        return true;
    if (!schema_is_heard(r))
        return false;
    char *only CLEANUP(free_ptr) = json_text(at->arg, JSON_STRUCT);
    return schema_misfit(r, at, "Expected %.300s", only);
}

/* ---- arrays ---- */

/* FNV-1a. */
static uint64_t mixed(uint64_t hash, const void *bytes, size_t n)
{
    const unsigned char *at = bytes;

    for (size_t i = 0; i < n; i++)
        hash = (hash ^ at[i]) * 0x100000001b3;
    return hash;
}

/* The same for values that are the same. */
static uint64_t hash_of(const json_t *j)
{
    uint64_t hash = 0xcbf29ce484222325, inner = 0;
    double number = json_number_value(j) + 0.0; /* without the sign of -0.0 */
    const char *name = NULL;
    const json_t *member = NULL;
    size_t i = 0;

    if (json_is_number(j))
        return mixed(hash, &number, sizeof(number));
    if (json_is_string(j))
        return mixed(hash, json_string_value(j), json_string_length(j));
    hash += (uint64_t)json_typeof(j);
    json_array_foreach(j, i, member)
    {
        inner = hash_of(member);
        hash = mixed(hash, &inner, sizeof(inner));
    }
    json_object_foreach((json_t *)(uintptr_t)j, name, member)
    {
        inner = hash_of(member);
        hash += mixed(inner, name, strlen(name)); /* in any order */
    }
    return hash;
}

struct hashed {
    uint64_t hash;
    size_t at;
};

static int by_hash(const void *a, const void *b)
{
    const struct hashed *one = a, *other = b;

    if (one->hash != other->hash)
        return one->hash < other->hash ? -1 : 1;
    return (one->at > other->at) - (one->at < other->at);
}

/* items: sorted, so that only those of one hash are compared. */
static bool are_unique(struct schema_run *r, const struct schema_at *at,
                       const struct hashed *items, size_t n)
{
    for (size_t i = 0; i < n; i++)
        for (size_t k = i + 1; k < n && items[k].hash == items[i].hash; k++)
            if (schema_equal(r, json_array_get(at->value, items[i].at),
                             json_array_get(at->value, items[k].at)))
                return schema_misfit(r, at, "Items %zu and %zu are the same", items[i].at,
                                     items[k].at);
    return schema_spend(r, (int64_t)n);
}

bool schema_check_unique(struct schema_run *r, const struct schema_at *at)
{
    size_t n = json_array_size(at->value);

    if (n < 2 || !json_is_true(at->arg))
        return true;
    struct hashed *items = xcalloc(n, sizeof(*items));
    for (size_t i = 0; i < n; i++)
        items[i] = (struct hashed){hash_of(json_array_get(at->value, i)), i};
    qsort(items, n, sizeof(*items), by_hash);
    bool unique = are_unique(r, at, items, n);
    free(items);
    return unique;
}

/* ---- numbers ---- */

static bool too_far(struct schema_run *r, const struct schema_at *at, const char *what)
{
    if (!schema_is_heard(r))
        return false;
    char *limit CLEANUP(free_ptr) = json_text(at->arg, JSON_STRUCT);
    return schema_misfit(r, at, "Number must be %s %s", what, limit);
}

bool schema_check_minimum(struct schema_run *r, const struct schema_at *at)
{
    return !json_is_number(at->value) || compare(at->value, at->arg) >= 0 ||
           too_far(r, at, "at least");
}

bool schema_check_maximum(struct schema_run *r, const struct schema_at *at)
{
    return !json_is_number(at->value) || compare(at->value, at->arg) <= 0 ||
           too_far(r, at, "at most");
}

bool schema_check_above(struct schema_run *r, const struct schema_at *at)
{
    return !json_is_number(at->value) || compare(at->value, at->arg) > 0 ||
           too_far(r, at, "more than");
}

bool schema_check_below(struct schema_run *r, const struct schema_at *at)
{
    return !json_is_number(at->value) || compare(at->value, at->arg) < 0 ||
           too_far(r, at, "less than");
}

static bool is_multiple(const json_t *value, const json_t *step)
{
    json_int_t whole = 0, whole_step = 0;
    double n = json_number_value(value), s = json_number_value(step);

    if (as_integer(value, &whole) && as_integer(step, &whole_step))
        return whole % whole_step == 0;
    double quotient = n / s;
    if (s == floor(s) || fabs(quotient) > 1e15)
        return fmod(n, s) == 0;
    /* 0.0075 is 75 times 0.0001, though not to the last bit. */
    return fabs(quotient - round(quotient)) <= 4 * DBL_EPSILON * fabs(quotient);
}

bool schema_check_multiple(struct schema_run *r, const struct schema_at *at)
{
    return !json_is_number(at->value) || is_multiple(at->value, at->arg) ||
           too_far(r, at, "a multiple of");
}

/* ---- strings ---- */

/* Characters, as the standard counts them, not bytes. */
static double text_length(const json_t *value)
{
    const char *s = json_string_value(value);
    size_t n = 0;

    for (size_t i = 0; i < json_string_length(value); i++)
        n += ((unsigned char)s[i] & 0xc0) != 0x80;
    return (double)n;
}

bool schema_check_min_length(struct schema_run *r, const struct schema_at *at)
{
    double limit = json_number_value(at->arg);
    return !json_is_string(at->value) || text_length(at->value) >= limit ||
           schema_misfit(r, at, "Length must be at least %g", limit);
}

bool schema_check_max_length(struct schema_run *r, const struct schema_at *at)
{
    double limit = json_number_value(at->arg);
    return !json_is_string(at->value) || text_length(at->value) <= limit ||
           schema_misfit(r, at, "Length must be at most %g", limit);
}

bool schema_check_pattern(struct schema_run *r, const struct schema_at *at)
{
    return !json_is_string(at->value) ||
           schema_matches(r, json_string_value(at->arg), json_string_length(at->arg),
                          json_string_value(at->value), json_string_length(at->value)) ||
           schema_misfit(r, at, "Text must match '%.200s'", json_string_value(at->arg));
}
