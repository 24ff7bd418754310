#include "mocks/management_mcp/schema.h"

#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/limits.h"
#include "base/num.h"
#include "base/strv.h"
#include "base/table.h"
#include "io/json.h"

/* What a parameter of that name means, wherever it occurs. */
static const struct {
    const char *name;
    const char *about;
} glossary[] = {
    {"workspace_id", "Id of the workspace (UUID)"},
    {"name", "Name"},
    {"role", "What the agent is for"},
    {"template", "Template to make it from"},
    {"runtime", "Runtime, such as claude-code"},
    {"tier", "Tier, 1 to 4"},
    {"parent_id", "Id of the parent workspace; the organisation's root when absent"},
    {"model", "Model, as vendor/name"},
    {"confirm_name", "The workspace's name, to confirm"},
    {"key", "Name of the variable"},
    {"value", "Its value"},
    {"mode", "Mode"},
    {"slug", "Slug of the organisation"},
    {"org_id", "Id of the organisation; MOLECULE_ORG_ID when absent"},
    {"request_id", "Id of the request"},
    {"status", "Only those of this state"},
    {"reason", "Why"},
    {"path", "Path below the root directory"},
    {"source", "Source, as scheme://owner/repository#ref"},
    {"task", "What to do"},
    {"task_id", "Id of the task"},
    {"message", "Text of the message"},
};

static void put(json_t *object, const char *key, json_t *value)
{
    if (json_object_set_new(object, key, xcheck(value)))
        abort(); /* out of memory */
}

static void push(json_t *array, json_t *value)
{
    if (json_array_append_new(array, xcheck(value)))
        abort(); /* out of memory */
}

static json_t *typed(const char *type)
{
    return json_make("{s:s}", "type", type);
}

/* "1,4", "0," or "": the limits of a number or of a text's length. */
static void put_limits(json_t *schema, const char *arg, const char *low, const char *high)
{
    const char *comma = strchr(arg, ',');
    if (!comma)
        return;
    CLEANUP(free_ptr) char *first = xstrndup(arg, (size_t)(comma - arg));
    int64_t n = 0;
    if (num_parse(first, INT64_MIN, INT64_MAX, &n))
        put(schema, low, json_integer(n));
    if (num_parse(comma + 1, INT64_MIN, INT64_MAX, &n))
        put(schema, high, json_integer(n));
}

static json_t *enum_of(const char *arg)
{
    CLEANUP(strv_release) struct strv names = STRV_INIT;
    strv_split(&names, arg, '|');
    json_t *values = json_array();
    for (size_t i = 0; i < names.n; i++)
        push(values, json_string(names.v[i]));
    json_t *schema = typed("string");
    put(schema, "enum", values);
    return schema;
}

static json_t *or_null(json_t *schema)
{
    return json_make("{s:[o,{s:s}]}", "anyOf", schema, "type", "null");
}

static json_t *number(const char *type, const char *arg)
{
    json_t *schema = typed(type);
    put_limits(schema, arg, "minimum", "maximum");
    return schema;
}

static json_t *type_from(const char *type, const char *arg)
{
    if (strcmp(type, "int") == 0)
        return number("integer", arg);
    if (strcmp(type, "num") == 0)
        return number("number", arg);
    if (strcmp(type, "intnull") == 0)
        return or_null(number("integer", arg));
    if (strcmp(type, "bool") == 0)
        return typed("boolean");
    if (strcmp(type, "object") == 0)
        return json_make("{s:s,s:{}}", "type", "object", "additionalProperties");
    if (strcmp(type, "array") == 0)
        return typed("array");
    if (strcmp(type, "strings") == 0)
        return json_make("{s:s,s:{s:s}}", "type", "array", "items", "type", "string");
    if (strcmp(type, "map") == 0)
        return json_make("{s:s,s:{s:s}}", "type", "object", "additionalProperties",
                         "type", "string");
    if (strcmp(type, "enum") == 0)
        return enum_of(arg);
    if (strcmp(type, "enumnull") == 0)
        return or_null(enum_of(arg));
    if (strcmp(type, "periods") == 0) {
        CLEANUP(json_drop)
        json_t *properties = json_make(
            "{s:o,s:o,s:o,s:o}", "hourly", or_null(number("integer", "0,")), "daily",
            or_null(number("integer", "0,")), "weekly", or_null(number("integer", "0,")),
            "monthly", or_null(number("integer", "0,")));
        return json_make("{s:s,s:O,s:b}", "type", "object", "properties", properties,
                         "additionalProperties", 0);
    }
    if (strcmp(type, "str") != 0)
        abort(); /* a row of our own table is wrong; the tests list every tool */
    json_t *schema = typed("string");
    put_limits(schema, arg, "minLength", "maxLength");
    return schema;
}

/* "name*:type(arg)" */
static void add_parameter(const char *text, json_t *properties, json_t *required)
{
    text += strspn(text, " ");
    size_t name_len = strcspn(text, "*: ");
    if (name_len == 0)
        return;
    CLEANUP(free_ptr) char *name = xstrndup(text, name_len);
    const char *at = text + name_len;
    if (*at == '*') {
        push(required, json_string(name));
        at++;
    }
    at += *at == ':';
    size_t type_len = strcspn(at, "( ");
    CLEANUP(free_ptr)
    char *type = xstrndup(type_len ? at : "str", type_len ? type_len : 3);
    const char *open = strchr(at, '(');
    const char *arg_text = open ? open + 1 : "";
    CLEANUP(free_ptr) char *arg = xstrndup(arg_text, strcspn(arg_text, ")"));
    json_t *schema = type_from(type, arg);
    for (size_t i = 0; i < ARRAY_SIZE(glossary); i++)
        if (strcmp(glossary[i].name, name) == 0)
            put(schema, "description", json_string(glossary[i].about));
    put(properties, name, schema);
}

json_t *schema_from_line(const char *line, bool draft07)
{
    CLEANUP(strv_release) struct strv parts = STRV_INIT;
    strv_split(&parts, line, ';');
    json_t *schema = xcheck(json_object());
    json_t *properties = json_object();
    CLEANUP(json_drop) json_t *required = json_array();
    for (size_t i = 0; i < parts.n; i++)
        add_parameter(parts.v[i], properties, required);
    bool empty = json_object_size(properties) == 0;
    if (draft07 && empty)
        put(schema, "$schema", json_string("http://json-schema.org/draft-07/schema#"));
    put(schema, "type", json_string("object"));
    put(schema, "properties", properties);
    if (json_array_size(required))
        put(schema, "required", json_incref(required));
    if (!draft07 || !empty)
        put(schema, "additionalProperties", json_false());
    if (draft07 && !empty)
        put(schema, "$schema", json_string("http://json-schema.org/draft-07/schema#"));
    return schema;
}

/* ---- checking ---- */

struct check {
    json_t *issues; /* borrowed */
    json_t *path;   /* borrowed, where value stands */
    int depth;
};

static void check_value(struct check *c, const json_t *schema, const json_t *value);

static void issue(struct check *c, const char *code, const char *message)
{
    push(c->issues, json_make("{s:s,s:s,s:o}", "code", code, "message", message, "path",
                              json_deep_copy(c->path)));
}

static bool has_type(const json_t *value, const char *type)
{
    static const char *const names[] = {"object", "array",   "string", "integer",
                                        "number", "boolean", "null"};
    const bool is[] = {json_is_object(value),
                       json_is_array(value),
                       json_is_string(value),
                       json_is_integer(value) ||
                           (json_is_real(value) &&
                            json_real_value(value) == floor(json_real_value(value))),
                       json_is_number(value),
                       json_is_boolean(value),
                       json_is_null(value)};
    for (size_t i = 0; i < ARRAY_SIZE(names); i++)
        if (strcmp(names[i], type) == 0)
            return is[i];
    return true; /* a type that we do not know decides nothing */
}

static const char *type_of(const json_t *value)
{
    return json_is_object(value)    ? "object"
           : json_is_array(value)   ? "array"
           : json_is_string(value)  ? "string"
           : json_is_number(value)  ? "number"
           : json_is_boolean(value) ? "boolean"
                                    : "null";
}

static void check_inside(struct check *c, json_t *step, const json_t *schema,
                         const json_t *value)
{
    push(c->path, step);
    check_value(c, schema, value);
    if (json_array_remove(c->path, json_array_size(c->path) - 1))
        abort(); /* it was just appended */
}

static void check_object(struct check *c, const json_t *schema, const json_t *value)
{
    const json_t *properties = json_object_get(schema, "properties");
    const json_t *required = json_object_get(schema, "required");
    const json_t *others = json_object_get(schema, "additionalProperties");
    for (size_t i = 0; i < json_array_size(required); i++) {
        const char *name = json_string_value(json_array_get(required, i));
        if (!name || json_object_get(value, name))
            continue;
        push(c->path, json_string(name));
        issue(c, "invalid_type", "Required");
        if (json_array_remove(c->path, json_array_size(c->path) - 1))
            abort(); /* it was just appended */
    }
    for (void *it = json_object_iter((json_t *)(uintptr_t)value); it;
         it = json_object_iter_next((json_t *)(uintptr_t)value, it)) {
        const char *name = json_object_iter_key(it);
        const json_t *known = json_object_get(properties, name);
        if (!known && json_is_false(others)) {
            CLEANUP(free_ptr)
            char *text = xasprintf("Unrecognized key in object: '%.100s'", name);
            issue(c, "unrecognized_keys", text);
        }
        const json_t *inner = known ? known : others;
        if (json_is_object(inner))
            check_inside(c, json_string(name), inner, json_object_iter_value(it));
    }
}

/* Characters, as the standard counts them, not bytes. */
static int64_t text_length(const json_t *value)
{
    const char *s = json_string_value(value);
    int64_t n = 0;
    for (size_t i = 0; i < json_string_length(value); i++)
        n += ((unsigned char)s[i] & 0xc0) != 0x80;
    return n;
}

static void check_limits(struct check *c, const json_t *schema, const json_t *value)
{
    bool text = json_is_string(value);
    const json_t *low = json_object_get(schema, text ? "minLength" : "minimum");
    const json_t *high = json_object_get(schema, text ? "maxLength" : "maximum");
    double n = text ? (double)text_length(value) : json_number_value(value);
    if (json_is_number(low) && n < json_number_value(low)) {
        CLEANUP(free_ptr)
        char *t = xasprintf("%s must be at least %g", text ? "Length" : "Number",
                            json_number_value(low));
        issue(c, "too_small", t);
    }
    if (json_is_number(high) && n > json_number_value(high)) {
        CLEANUP(free_ptr)
        char *t = xasprintf("%s must be at most %g", text ? "Length" : "Number",
                            json_number_value(high));
        issue(c, "too_big", t);
    }
}

static void check_union(struct check *c, const json_t *choices, const json_t *value)
{
    for (size_t i = 0; i < json_array_size(choices); i++) {
        CLEANUP(json_drop) json_t *found = json_array();
        struct check one = {.issues = found, .path = c->path, .depth = c->depth};
        check_value(&one, json_array_get(choices, i), value);
        if (json_array_size(found) == 0)
            return;
    }
    issue(c, "invalid_union", "Invalid input");
}

static void check_enum(struct check *c, const json_t *values, const json_t *value)
{
    for (size_t i = 0; i < json_array_size(values); i++)
        if (json_equal(json_array_get(values, i), value))
            return;
    CLEANUP(free_ptr) char *list = json_text(values, JSON_STRUCT);
    CLEANUP(free_ptr) char *text = xasprintf("Expected one of %.300s", list);
    issue(c, "invalid_enum_value", text);
}

static void check_value(struct check *c, const json_t *schema, const json_t *value)
{
    if (c->depth >= LIMIT_DEPTH) {
        issue(c, "too_big", "Nested too deep");
        return;
    }
    c->depth++;
    const char *type = json_str(schema, "type", NULL);
    const json_t *choices = json_object_get(schema, "anyOf");
    const json_t *items = json_object_get(schema, "items");
    if (type && !has_type(value, type)) {
        CLEANUP(free_ptr)
        char *text = xasprintf("Expected %s, received %s", type, type_of(value));
        issue(c, "invalid_type", text);
        c->depth--;
        return;
    }
    if (choices)
        check_union(c, choices, value);
    if (json_object_get(schema, "enum"))
        check_enum(c, json_object_get(schema, "enum"), value);
    if (json_is_object(value))
        check_object(c, schema, value);
    if (json_is_array(value) && json_is_object(items))
        for (size_t i = 0; i < json_array_size(value); i++)
            check_inside(c, json_integer((json_int_t)i), items, json_array_get(value, i));
    if (json_is_string(value) || json_is_number(value))
        check_limits(c, schema, value);
    c->depth--;
}

void schema_check(const json_t *schema, const json_t *value, json_t *issues)
{
    CLEANUP(json_drop) json_t *path = xcheck(json_array());
    struct check c = {.issues = issues, .path = path, .depth = 0};
    check_value(&c, schema, value);
}

void schema_strip(const json_t *schema, json_t *value)
{
    const json_t *properties = json_object_get(schema, "properties");
    const char *name = NULL;
    json_t *member = NULL;
    void *next = NULL;
    json_object_foreach_safe(value, next, name, member)
    {
        if (!json_object_get(properties, name) && json_object_del(value, name))
            return; /* it was there a moment ago */
    }
}
