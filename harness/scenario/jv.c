#include "scenario/jv.h"

#include <math.h>
#include <stdint.h>

#include "base/cleanup.h"

#define DEPTH_MAX 1000
#define EXACT_MAX 9007199254740992.0 /* 2^53: whole numbers up to here are exact */

static jv from_object(const json_t *j)
{
    json_t *each = (json_t *)(uintptr_t)j, *member; /* the iterator takes no const */
    const char *key;
    jv obj = jv_object();

    json_object_foreach(each, key, member)
    {
        obj = jv_object_set(obj, jv_string(key), jv_from_json(member));
    }
    return obj;
}

jv jv_from_json(const json_t *j)
{
    if (!j)
        return jv_null();
    switch (json_typeof(j)) {
    case JSON_OBJECT:
        return from_object(j);
    case JSON_ARRAY: {
        jv list = jv_array();
        for (size_t i = 0; i < json_array_size(j); i++)
            list = jv_array_append(list, jv_from_json(json_array_get(j, i)));
        return list;
    }
    case JSON_STRING:
        return jv_string_sized(json_string_value(j), (int)json_string_length(j));
    case JSON_INTEGER:
        return jv_number((double)json_integer_value(j));
    case JSON_REAL:
        return jv_number(json_real_value(j));
    case JSON_TRUE:
        return jv_true();
    case JSON_FALSE:
        return jv_false();
    case JSON_NULL:
        return jv_null();
    }
    return jv_null();
}

static json_t *number(double d)
{
    if (!isfinite(d))
        return json_null();
    if (trunc(d) == d && fabs(d) <= EXACT_MAX)
        return xcheck(json_integer((json_int_t)d));
    return xcheck(json_real(d));
}

static json_t *convert(jv value, int depth);

static json_t *object(jv value, int depth)
{
    json_t *obj = xcheck(json_object());

    for (int it = jv_object_iter(value); jv_object_iter_valid(value, it);
         it = jv_object_iter_next(value, it)) {
        jv key = jv_object_iter_key(value, it);
        (void)json_object_set_new_nocheck(
            obj, jv_string_value(key),
            convert(jv_object_iter_value(value, it), depth + 1));
        jv_free(key);
    }
    return obj;
}

/* Takes value. */
static json_t *convert(jv value, int depth)
{
    json_t *j = NULL;

    switch (depth > DEPTH_MAX ? JV_KIND_NULL : jv_get_kind(value)) {
    case JV_KIND_OBJECT:
        j = object(value, depth);
        break;
    case JV_KIND_ARRAY: {
        int n = jv_array_length(jv_copy(value));
        j = xcheck(json_array());
        for (int i = 0; i < n; i++)
            (void)json_array_append_new(
                j, convert(jv_array_get(jv_copy(value), i), depth + 1));
        break;
    }
    case JV_KIND_STRING:
        j = xcheck(json_stringn_nocheck(jv_string_value(value),
                                        (size_t)jv_string_length_bytes(jv_copy(value))));
        break;
    case JV_KIND_NUMBER:
        j = number(jv_number_value(value));
        break;
    case JV_KIND_TRUE:
        j = json_true();
        break;
    case JV_KIND_FALSE:
        j = json_false();
        break;
    case JV_KIND_NULL:
    case JV_KIND_INVALID:
        j = json_null();
        break;
    }
    jv_free(value);
    return j;
}

json_t *json_from_jv(jv value)
{
    return convert(value, 0);
}
