#include "mcp/client_internal.h"

#include "base/cleanup.h"
#include "io/json.h"
#include "mcp/schema.h"
#include "mcp/transport.h"
#include <stdlib.h>

void declared_keep(struct mcp_client *c, const json_t *tools)
{
    CLEANUP(json_drop) json_t *seen = xcheck(json_object());
    json_decref(c->outputs);
    c->outputs = xcheck(json_object());
    for (size_t i = 0; i < json_array_size(tools); i++) {
        const json_t *tool = json_array_get(tools, i);
        const char *name = json_str(tool, "name", "");
        json_t *schema = json_object_get(tool, "outputSchema");
        if (json_object_get(seen, name))
            mcp_found(c->transport, "tools/list: tool '%.128s' is listed twice", name);
        json_put(seen, name, json_true());
        if (json_is_object(schema) && mcp_revision_has(c->revision, MCP_F_STRUCTURED))
            json_put(c->outputs, name, json_incref(schema));
    }
}

void declared_check(const struct mcp_client *c, const char *tool, const json_t *result)
{
    json_t *declared = json_object_get(c->outputs, tool);
    const json_t *given = json_object_get(result, "structuredContent");
    struct mcp_schema *schema = NULL;
    CLEANUP(json_drop) json_t *issues = xcheck(json_array());
    if (!declared)
        return;
    if (!given) {
        mcp_found(c->transport,
                  "tools/call: tool '%.128s' declares an 'outputSchema' and answers "
                  "without 'structuredContent'",
                  tool);
        return;
    }
    /* A schema that cannot be judged by judges nothing. */
    if (mcp_schema_read(declared, &schema, NULL))
        return;
    if (mcp_schema_check(schema, given, issues, NULL) == MCP_SCHEMA_MISFIT) {
        CLEANUP(free_ptr) char *words = mcp_schema_issues_text(issues);
        mcp_found(c->transport,
                  "tools/call: the 'structuredContent' of tool '%.128s' is not what its "
                  "'outputSchema' says: %.300s",
                  tool, words);
    }
    mcp_schema_free(schema);
}
