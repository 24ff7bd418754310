/* The first line is a schema, the rest a value: a schema is refused in words or read; a
 * value fits, or each misfit is said; twice the same; and a value always fits a schema
 * that has it as its only one. */
#include "fuzz/fuzz.h"
#include "io/json.h"
#include "mcp/schema.h"

#include <string.h>

/* As mcp_schema_check, with what is said about it. */
static int check(json_t *schema, const json_t *value)
{
    struct mcp_schema *s = NULL;
    struct err err = ERR_INIT;
    json_t *issues CLEANUP(json_drop) = xcheck(json_array());
    if (mcp_schema_read(schema, &s, &err)) {
        ALWAYS(!s && err.kind == ERR_SHAPE && err.text[0] && !strchr(err.text, '\n'));
        return -2;
    }
    int fit = mcp_schema_check(s, value, issues, &err);
    if (fit < 0)
        ALWAYS(err.kind == ERR_SHAPE && err.text[0]);
    else
        ALWAYS((fit == MCP_SCHEMA_MISFIT) == (json_array_size(issues) > 0));
    char *text = mcp_schema_issues_text(issues);
    ALWAYS(json_array_size(issues) == 0 || text[0]);
    free(text);
    /* The same without a list to fill, from the same reading. */
    ALWAYS(fit < 0 || mcp_schema_check(s, value, NULL, NULL) == fit);
    mcp_schema_free(s);
    return fit;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *text = (const char *)data;
    const char *end = memchr(text, '\n', size);
    size_t len = end ? (size_t)(end - text) : size;
    json_t *schema CLEANUP(json_drop) = NULL;
    json_t *value CLEANUP(json_drop) = NULL;
    if (json_parse(text, len, &schema, NULL))
        return 0;
    if (!end || json_parse(end + 1, size - len - 1, &value, NULL))
        value = json_incref(schema);
    int fit = check(schema, value);
    ALWAYS(check(schema, value) == fit);
    json_t *only CLEANUP(json_drop) = json_make("{s:[O]}", "enum", value);
    int own = check(only, value);
    ALWAYS(own == MCP_SCHEMA_FITS || own == -2 || own == -1);
    return 0;
}
