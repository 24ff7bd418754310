#include "mocks/mcp/sdk1.h"

#include <stdlib.h>
#include <string.h>

#include "io/json.h"
#include "mocks/mcp/tools.h"

/* zod's names for what a keyword finds. */
static const struct {
    const char *keyword, *code;
} codes[] = {
    {"type", "invalid_type"},       {"required", "invalid_type"},
    {"enum", "invalid_enum_value"}, {"additionalProperties", "unrecognized_keys"},
    {"minimum", "too_small"},       {"minLength", "too_small"},
    {"maximum", "too_big"},         {"maxLength", "too_big"},
    {"anyOf", "invalid_union"},
};

void sdk1_error(struct exchange *x, const char *text)
{
    char *full CLEANUP(free_ptr) = xasprintf("MCP error -32602: %s", text);

    mcp_tools_text(x, full, true);
}

static const char *code_of(const json_t *issue)
{
    const char *keyword = json_str(issue, "keyword", "");

    for (size_t i = 0; i < ARRAY_SIZE(codes); i++)
        if (strcmp(codes[i].keyword, keyword) == 0)
            return codes[i].code;
    return "custom";
}

void sdk1_bad_arguments(struct exchange *x, const char *tool, const json_t *issues)
{
    json_t *rows CLEANUP(json_drop) = xcheck(json_array());

    for (size_t i = 0; i < json_array_size(issues); i++) {
        const json_t *one = json_array_get(issues, i);
        json_t *row = json_make("{s:s,s:O,s:O}", "code", code_of(one), "message",
                                json_object_get(one, "message"), "path",
                                json_object_get(one, "path"));
        if (json_array_append_new(rows, row))
            abort(); /* out of memory */
    }
    char *list CLEANUP(free_ptr) = json_text(rows, JSON_PRETTY);
    char *text CLEANUP(free_ptr) = xasprintf(
        "Input validation error: Invalid arguments for tool %s: %s", tool, list);
    sdk1_error(x, text);
}

void sdk1_strip(const json_t *schema, json_t *value)
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
