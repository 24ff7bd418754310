/*
 * The tools of the MCP bridge: name, words, arguments, function.
 * Source: platform contract, section 2.14; MCP 2024-11-05 tools/list, tools/call.
 */
#ifndef TENANT_BRIDGE_H
#define TENANT_BRIDGE_H

#include "mocks/server/router.h"
#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

/* One tools/call; answered exactly once by bridge_text or bridge_failed, perhaps later.
 */
struct bridge_call {
    struct call *call;
    struct workspace *ws; /* of the route; live */
    json_t *id;           /* owned, never NULL */
    json_t *args;         /* owned, an object */
};

typedef void bridge_fn(struct bridge_call *b);

struct bridge_tool {
    const char *name, *description;
    const char *args; /* "title* detail status=pending|done|dismissed"; '*' = required,
                       * "name[]" = a list of attachments */
    bridge_fn *fn;
};
extern const struct bridge_tool bridge_tools[];
extern const size_t bridge_tools_n;
/* What a fault puts beside them, NULL = nothing. */
const struct bridge_tool *bridge_faulty_tool(const struct org *org);

/* {"name","description","inputSchema"}; owned by the caller. */
json_t *bridge_tool_view(const struct bridge_tool *tool);

/* Each ends the call and frees b. */
void bridge_text(struct bridge_call *b, const char *text);
void bridge_failed(struct bridge_call *b, const char *why); /* -32000 tool call failed */

#endif
