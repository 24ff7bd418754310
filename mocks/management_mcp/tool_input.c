#include "mocks/management_mcp/tool_input.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
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
    {"tier", "Tier 1-4"},
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
        json_put(schema, low, json_integer(n));
    if (num_parse(comma + 1, INT64_MIN, INT64_MAX, &n))
        json_put(schema, high, json_integer(n));
}

static json_t *enum_of(const char *arg)
{
    CLEANUP(strv_release) struct strv names = STRV_INIT;
    strv_split(&names, arg, '|');
    json_t *values = json_array();
    for (size_t i = 0; i < names.n; i++)
        json_push(values, json_string(names.v[i]));
    json_t *schema = typed("string");
    json_put(schema, "enum", values);
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
    if (strcmp(type, "strnull") == 0)
        return or_null(typed("string"));
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

/* What stands after '=': a number or a text. Caller owns. */
static json_t *default_of(const char *text)
{
    int64_t n = 0;
    return num_parse(text, INT64_MIN, INT64_MAX, &n) ? json_integer(n)
                                                     : json_str_new(text);
}

/* "name*:type(arg)=default 'what it means'" */
static void add_parameter(const char *text, json_t *properties, json_t *required)
{
    text += strspn(text, " ");
    size_t name_len = strcspn(text, "*: ");
    if (name_len == 0)
        return;
    CLEANUP(free_ptr) char *name = xstrndup(text, name_len);
    const char *at = text + name_len;
    if (*at == '*') {
        json_push(required, json_string(name));
        at++;
    }
    at += *at == ':';
    size_t type_len = strcspn(at, "(=' ");
    CLEANUP(free_ptr)
    char *type = xstrndup(type_len ? at : "str", type_len ? type_len : 3);
    const char *open = strchr(at, '(');
    const char *arg_text = open ? open + 1 : "";
    CLEANUP(free_ptr) char *arg = xstrndup(arg_text, strcspn(arg_text, ")"));
    json_t *schema = type_from(type, arg);
    for (size_t i = 0; i < ARRAY_SIZE(glossary); i++)
        if (strcmp(glossary[i].name, name) == 0)
            json_put(schema, "description", json_string(glossary[i].about));
    const char *quote = strchr(at, '\'');
    if (quote) {
        quote++;
        json_put(schema, "description", json_strn_new(quote, strcspn(quote, "'")));
    }
    const char *equals = strchr(at, '=');
    if (equals)
        json_put(schema, "default", default_of(equals + 1));
    json_put(properties, name, schema);
}

json_t *tool_input_schema(const char *line, bool draft07)
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
        json_put(schema, "$schema",
                 json_string("http://json-schema.org/draft-07/schema#"));
    json_put(schema, "type", json_string("object"));
    json_put(schema, "properties", properties);
    if (json_array_size(required))
        json_put(schema, "required", json_incref(required));
    if (!draft07 || !empty)
        json_put(schema, "additionalProperties", json_false());
    if (draft07 && !empty)
        json_put(schema, "$schema",
                 json_string("http://json-schema.org/draft-07/schema#"));
    return schema;
}
