/* Reading a schema: its dialect, the shape of every keyword, its references. */
#include "mcp/schema_part.h"

#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/limits.h"
#include "base/num.h"
#include "io/json.h"

struct reader {
    struct mcp_schema *s;
    struct err *err;
    int depth, steps;
};

static int read_schema(struct reader *r, json_t *schema);

static int misshaped(struct reader *r, const char *keyword, const char *wanted)
{
    return err_set(r->err, ERR_SHAPE, "'%.64s' of the schema is not %s", keyword, wanted);
}

static int not_understood(struct reader *r, const char *keyword, const char *why)
{
    return err_set(r->err, ERR_SHAPE,
                   "the schema uses '%.64s', which is not checked here%s", keyword, why);
}

static int too_large(struct reader *r)
{
    return err_set(r->err, ERR_SHAPE, SCHEMA_TOO_LARGE);
}

/* ---- references ---- */

static int hex(char c)
{
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
}

/* One step of a JSON pointer in a fragment: "a~1b%25" is "a/b%". Caller frees. */
static char *pointer_step(const char *text, size_t len)
{
    struct buf out = BUF_INIT(SIZE_MAX / 2);

    for (size_t i = 0; i < len; i++) {
        char c = text[i];
        if (c == '%' && i + 2 < len && hex(text[i + 1]) >= 0 && hex(text[i + 2]) >= 0) {
            c = (char)(hex(text[i + 1]) * 16 + hex(text[i + 2]));
            i += 2;
        }
        if (c == '~' && i + 1 < len && (text[i + 1] == '0' || text[i + 1] == '1'))
            c = text[++i] == '0' ? '~' : '/';
        buf_addc(&out, c);
    }
    return buf_steal(&out);
}

static json_t *step_into(json_t *at, const char *step)
{
    int64_t index = 0;

    if (json_is_object(at))
        return json_object_get(at, step);
    if (!num_parse(step, 0, INT32_MAX, &index))
        return NULL;
    return json_array_get(at, (size_t)index);
}

static json_t *follow_pointer(json_t *root, const char *pointer)
{
    json_t *at = root;

    while (at && *pointer == '/') {
        size_t len = strcspn(++pointer, "/");
        char *step CLEANUP(free_ptr) = pointer_step(pointer, len);
        at = step_into(at, step);
        pointer += len;
    }
    return at;
}

static json_t *find_anchor(struct reader *r, json_t *at, const char *name, int depth);

/* In what a keyword holds: one schema, or an array or an object of them. */
static json_t *find_anchor_in(struct reader *r, enum schema_shape shape, json_t *arg,
                              const char *name, int depth)
{
    const char *key = NULL;
    json_t *member = NULL;

    if (shape == SHAPE_SCHEMA || (shape == SHAPE_ITEMS && json_is_object(arg)))
        return find_anchor(r, arg, name, depth);
    if (shape == SHAPE_SCHEMAS || shape == SHAPE_ITEMS) {
        size_t i = 0;
        json_array_foreach(arg, i, member)
        {
            json_t *found = find_anchor(r, member, name, depth);
            if (found)
                return found;
        }
    }
    if (shape == SHAPE_MAP || shape == SHAPE_PATTERN_MAP || shape == SHAPE_DEPENDENCIES) {
        json_object_foreach(arg, key, member)
        {
            json_t *found = find_anchor(r, member, name, depth);
            if (found)
                return found;
        }
    }
    return NULL;
}

/* The schema that calls itself so: "$anchor": "a", in draft-07 "$id": "#a". Only where
 * schemas stand: a default is none, whatever it looks like. */
static json_t *find_anchor(struct reader *r, json_t *at, const char *name, int depth)
{
    bool draft07 = r->s->dialect == SCHEMA_07;
    const char *own = json_str(at, draft07 ? "$id" : "$anchor", NULL);
    json_t *found = NULL;

    if (!json_is_object(at) || depth > SCHEMA_DEPTH || ++r->steps > SCHEMA_STEPS)
        return NULL;
    if (own && draft07)
        own = own[0] == '#' ? own + 1 : NULL;
    if (own && strcmp(own, name) == 0)
        return at;
    for (size_t i = 0; i < schema_keywords_n && !found; i++) {
        const struct schema_keyword *k = &schema_keywords[i];
        if (k->dialects & (unsigned)r->s->dialect)
            found = find_anchor_in(r, k->shape, json_object_get(at, k->name), name,
                                   depth + 1);
    }
    return found;
}

static int read_ref(struct reader *r, const char *ref)
{
    struct mcp_schema *s = r->s;
    const char *id = json_str(s->root, "$id", NULL);
    size_t id_len = id ? strcspn(id, "#") : 0;
    const char *fragment = ref;

    if (json_object_get(s->refs, ref))
        return 0;
    if (id_len && strncmp(ref, id, id_len) == 0 &&
        (ref[id_len] == '#' || ref[id_len] == '\0'))
        fragment = ref + id_len;
    if (*fragment && *fragment != '#')
        return err_set(r->err, ERR_SHAPE,
                       "the schema's '$ref' to '%.100s' leads to another document: "
                       "nothing is fetched",
                       ref);
    fragment += *fragment == '#';
    json_t *target = *fragment == '/' || !*fragment
                         ? follow_pointer(s->root, fragment)
                         : find_anchor(r, s->root, fragment, 0);
    if (r->steps > SCHEMA_STEPS)
        return too_large(r);
    if (!target)
        return err_set(r->err, ERR_SHAPE, "the schema's '$ref' to '%.100s' leads nowhere",
                       ref);
    json_put(s->refs, ref, json_incref(target));
    return read_schema(r, target);
}

/* ---- shapes ---- */

static bool is_names(const json_t *j)
{
    if (!json_is_array(j))
        return false;
    for (size_t i = 0; i < json_array_size(j); i++)
        if (!json_is_string(json_array_get(j, i)))
            return false;
    return true;
}

static bool is_type(const json_t *j)
{
    static const char *const names[] = {"object", "array",   "string", "integer",
                                        "number", "boolean", "null"};
    for (size_t i = 0; i < ARRAY_SIZE(names); i++)
        if (json_is_string(j) && strcmp(json_string_value(j), names[i]) == 0)
            return true;
    return false;
}

static bool is_whole_text(const json_t *j)
{
    return json_is_string(j) && strlen(json_string_value(j)) == json_string_length(j);
}

static bool is_types(const json_t *j)
{
    if (!json_is_array(j))
        return is_type(j);
    for (size_t i = 0; i < json_array_size(j); i++)
        if (!is_type(json_array_get(j, i)))
            return false;
    return json_array_size(j) > 0;
}

static bool is_count(const json_t *j)
{
    double n = json_number_value(j);
    return json_is_number(j) && n >= 0 && n == floor(n);
}

static bool is_names_map(json_t *j)
{
    const char *key = NULL;
    json_t *member = NULL;

    json_object_foreach(j, key, member)
    {
        if (!is_names(member))
            return false;
    }
    return json_is_object(j);
}

static int read_list(struct reader *r, const char *keyword, const json_t *list)
{
    if (!json_is_array(list))
        return misshaped(r, keyword, "an array of schemas");
    for (size_t i = 0; i < json_array_size(list); i++)
        if (read_schema(r, json_array_get(list, i)))
            return -1;
    return 0;
}

static int read_map(struct reader *r, const struct schema_keyword *k, json_t *map)
{
    const char *key = NULL;
    json_t *member = NULL;

    if (!json_is_object(map))
        return misshaped(r, k->name, "an object of schemas");
    json_object_foreach(map, key, member)
    {
        bool names = k->shape == SHAPE_DEPENDENCIES && is_names(member);
        if (k->shape == SHAPE_PATTERN_MAP &&
            schema_pattern_add(r->s, key, strlen(key), r->err))
            return -1;
        if (!names && read_schema(r, member))
            return -1;
    }
    return 0;
}

/* Shapes that need no look inside: NULL = any, or not of this kind. */
static const char *wanted_shape(enum schema_shape shape, json_t *arg)
{
    bool fits = true;
    const char *wanted = NULL;

    switch (shape) {
    case SHAPE_NUMBER:
        fits = json_is_number(arg), wanted = "a number";
        break;
    case SHAPE_POSITIVE:
        fits = json_is_number(arg) && json_number_value(arg) > 0;
        wanted = "a number above 0";
        break;
    case SHAPE_COUNT:
        fits = is_count(arg), wanted = "an integer of 0 or more";
        break;
    case SHAPE_BOOL:
        fits = json_is_boolean(arg), wanted = "true or false";
        break;
    case SHAPE_ARRAY:
        fits = json_is_array(arg), wanted = "an array";
        break;
    case SHAPE_NAMES:
        fits = is_names(arg), wanted = "an array of names";
        break;
    case SHAPE_TYPE:
        fits = is_types(arg), wanted = "a type or an array of types";
        break;
    case SHAPE_NAMES_MAP:
        fits = is_names_map(arg), wanted = "an object of arrays of names";
        break;
    case SHAPE_PATTERN:
        fits = json_is_string(arg), wanted = "a string";
        break;
    case SHAPE_REF:
        fits = is_whole_text(arg), wanted = "a string without a NUL";
        break;
    case SHAPE_ANY:
    case SHAPE_SCHEMA:
    case SHAPE_SCHEMAS:
    case SHAPE_ITEMS:
    case SHAPE_MAP:
    case SHAPE_PATTERN_MAP:
    case SHAPE_DEPENDENCIES:
    case SHAPE_REFUSED:
        break;
    }
    return fits ? NULL : wanted;
}

static int read_keyword(struct reader *r, const struct schema_keyword *k, json_t *arg)
{
    const char *wanted = wanted_shape(k->shape, arg);

    if (wanted)
        return misshaped(r, k->name, wanted);
    if (strncmp(k->name, "unevaluated", 11) == 0)
        r->s->unevaluated = true;
    switch (k->shape) {
    case SHAPE_REFUSED:
        return not_understood(r, k->name, "");
    case SHAPE_PATTERN:
        return schema_pattern_add(r->s, json_string_value(arg), json_string_length(arg),
                                  r->err);
    case SHAPE_REF:
        return read_ref(r, json_string_value(arg));
    case SHAPE_SCHEMA:
        return read_schema(r, arg);
    case SHAPE_ITEMS:
        return json_is_array(arg) ? read_list(r, k->name, arg) : read_schema(r, arg);
    case SHAPE_SCHEMAS:
        if (json_array_size(arg) == 0)
            return misshaped(r, k->name, "an array of schemas");
        return read_list(r, k->name, arg);
    case SHAPE_MAP:
    case SHAPE_PATTERN_MAP:
    case SHAPE_DEPENDENCIES:
        return read_map(r, k, arg);
    case SHAPE_ANY:
    case SHAPE_NUMBER:
    case SHAPE_POSITIVE:
    case SHAPE_COUNT:
    case SHAPE_BOOL:
    case SHAPE_ARRAY:
    case SHAPE_NAMES:
    case SHAPE_TYPE:
    case SHAPE_NAMES_MAP:
        return 0;
    }
    return 0;
}

/* '$id' moves the base of every reference below it; an anchor of draft-07 does not. */
static int read_id(struct reader *r, const json_t *schema)
{
    const json_t *id = json_object_get(schema, "$id");
    bool anchor = r->s->dialect == SCHEMA_07 && json_is_string(id) &&
                  json_string_value(id)[0] == '#';

    if (!id || schema == r->s->root || anchor)
        return 0;
    return not_understood(r, "$id", " inside a schema");
}

static int read_schema(struct reader *r, json_t *schema)
{
    if (json_is_boolean(schema))
        return 0;
    if (!json_is_object(schema))
        return err_set(r->err, ERR_SHAPE,
                       "a schema is neither an object nor true or false");
    if (r->depth >= SCHEMA_DEPTH)
        return err_set(r->err, ERR_SHAPE, "the schema is nested too deep");
    if (++r->steps > SCHEMA_STEPS)
        return too_large(r);
    const json_t *ref = json_object_get(schema, "$ref");
    if (ref && r->s->dialect == SCHEMA_07) {
        /* Draft-07 does not look at what stands beside a reference. */
        if (!is_whole_text(ref))
            return misshaped(r, "$ref", "a string without a NUL");
        r->depth++; /* a reference to a reference is depth too */
        int rc = read_ref(r, json_string_value(ref));
        r->depth--;
        return rc;
    }
    if (read_id(r, schema))
        return -1;
    r->depth++;
    for (size_t i = 0; i < schema_keywords_n; i++) {
        const struct schema_keyword *k = &schema_keywords[i];
        json_t *arg = json_object_get(schema, k->name);
        if (arg && (k->dialects & (unsigned)r->s->dialect) && read_keyword(r, k, arg))
            return -1;
    }
    r->depth--;
    return 0;
}

static int read_dialect(struct mcp_schema *s, struct err *err)
{
    static const struct {
        const char *name;
        enum schema_dialect dialect;
    } known[] = {
        {"https://json-schema.org/draft/2020-12/schema", SCHEMA_2020},
        {"http://json-schema.org/draft-07/schema", SCHEMA_07},
        {"https://json-schema.org/draft-07/schema", SCHEMA_07},
    };
    const json_t *given = json_object_get(s->root, "$schema");
    const char *name = json_string_value(given);

    s->dialect = SCHEMA_2020;
    if (!given)
        return 0;
    for (size_t i = 0; name && i < ARRAY_SIZE(known); i++) {
        size_t len = strlen(known[i].name);
        if (strncmp(name, known[i].name, len) == 0 &&
            (name[len] == '\0' || strcmp(name + len, "#") == 0)) {
            s->dialect = known[i].dialect;
            return 0;
        }
    }
    return err_set(err, ERR_SHAPE,
                   "the schema is in the dialect '%.100s': only draft-07 and 2020-12 are "
                   "read",
                   name ? name : "?");
}

int mcp_schema_read(json_t *schema, struct mcp_schema **ret, struct err *err)
{
    struct mcp_schema *s = xcalloc(1, sizeof(*s));

    s->root = json_incref(schema);
    s->refs = xcheck(json_object());
    struct reader r = {.s = s, .err = err};
    if (read_dialect(s, err) || read_schema(&r, schema)) {
        mcp_schema_free(s);
        return -1;
    }
    schema_patterns_sort(s);
    *ret = s;
    return 0;
}

void mcp_schema_free(struct mcp_schema *s)
{
    if (!s)
        return;
    schema_patterns_release(s);
    json_decref(s->refs);
    json_decref(s->root);
    free(s);
}

char *mcp_schema_issues_text(const json_t *issues)
{
    struct buf out = BUF_INIT(LIMIT_ERROR_TEXT);

    for (size_t i = 0; i < json_array_size(issues); i++) {
        const json_t *one = json_array_get(issues, i);
        const json_t *path = json_object_get(one, "path");
        buf_adds(&out, i ? "; " : "");
        for (size_t k = 0; k < json_array_size(path); k++) {
            const json_t *step = json_array_get(path, k);
            buf_adds(&out, k ? "." : "'");
            if (json_is_string(step))
                buf_adds(&out, json_string_value(step));
            else
                buf_addf(&out, "%lld", (long long)json_integer_value(step));
        }
        buf_addf(&out, "%s%s", json_array_size(path) ? "': " : "",
                 json_str(one, "message", ""));
    }
    return buf_steal(&out);
}
