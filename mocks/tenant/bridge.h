/*
 * The tools of the MCP bridge: name, words, arguments, function.
 * Wire shapes: the group "bridge" of mocks/contracts/routes.json; MCP 2024-11-05
 * tools/list, tools/call.
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

/* Where a tool is there. */
enum bridge_offer {
    BRIDGE_ALWAYS,
    BRIDGE_IF_ALLOWED, /* the switch bridge_send_message=on */
    BRIDGE_IF_FAULTY,  /* the fault bridge=creates */
};

struct bridge_tool {
    const char *name, *description;
    const char *args; /* "title* detail status=pending|done|dismissed"; '*' = required,
                       * "name[]" = a list of attachments */
    bridge_fn *fn;
    enum bridge_offer offer;
};
extern const struct bridge_tool bridge_tools[];
extern const size_t bridge_tools_n;
bool bridge_tool_offered(const struct org *org, const struct bridge_tool *tool);
/* NULL = none of this name is offered. */
const struct bridge_tool *bridge_tool_find(const struct org *org, const char *name);

/* {"name","description","inputSchema"}; owned by the caller. */
json_t *bridge_tool_view(const struct bridge_tool *tool);

/* Each ends the call and frees b. */
void bridge_text(struct bridge_call *b, const char *text);
void bridge_failed(struct bridge_call *b, const char *why); /* -32000 tool call failed */

#endif
