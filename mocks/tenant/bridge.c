#include "mocks/tenant/bridge.h"

#include <string.h>

#include "base/ids.h"
#include "io/json.h"
#include "mcp/frame.h"
#include "mcp/jsonrpc.h"
#include "mcp/revision.h"
#include "mocks/mcp/frames.h"
#include "mocks/tenant/handlers.h"
#include "mocks/tenant/rest.h"

/* The frames that /_mock/frames shows, one set for all bridges of the platform. */
static struct mcp_frames *frames_of(struct call *call)
{
    struct platform *p = call->plat;
    if (!p->frames)
        p->frames = mcp_frames_new();
    return p->frames;
}

static char *name_of(const struct call *call)
{
    return xasprintf("%s/%s", call->org->slug, call->params[0]);
}

/* Keeps a frame and what it breaks: of ours too, for the product's own shapes break the
 * protocol where it answers a notification. */
static void keep_frame(struct call *call, enum mcp_sender sender, const json_t *frame)
{
    char *name CLEANUP(free_ptr) = name_of(call);
    const struct mcp_frame_context cx = {.revision = mcp_revision_find("2024-11-05"),
                                         .wire = MCP_WIRE_HTTP,
                                         .sender = sender,
                                         .method =
                                             json_str(call_body(call), "method", NULL)};
    mcp_frames_add(frames_of(call), name, &cx, frame);
}

/* Answers with jsonrpc, id and one more member, in that order. id, value: taken; key
 * NULL = neither result nor error. */
static void reply(struct call *call, int status, json_t *id, const char *key,
                  json_t *value)
{
    json_t *frame = json_object();
    json_object_set_new(frame, "jsonrpc", json_string("2.0"));
    json_object_set_new(frame, "id", id);
    if (key)
        json_object_set_new(frame, key, value);
    keep_frame(call, MCP_FROM_SERVER, frame);
    call_struct(call, status, frame);
}

static void reply_error(struct call *call, int status, json_t *id, int code,
                        const char *message)
{
    json_t *error = json_object();
    json_object_set_new(error, "code", json_integer(code));
    json_object_set_new(error, "message", json_string(message));
    call_decide(call, "%d %s", code, message);
    reply(call, status, id, "error", error);
}

static void bridge_free(struct bridge_call *b)
{
    json_decref(b->args);
    free(b);
}

void bridge_text(struct bridge_call *b, const char *text)
{
    json_t *result = json_make("{s:[{s:o,s:s}]}", "content", "text", rest_string(text),
                               "type", "text");
    reply(b->call, 200, b->id, "result", result);
    bridge_free(b);
}

void bridge_failed(struct bridge_call *b, const char *why)
{
    struct call *call = b->call;
    json_t *id = b->id;
    bridge_free(b);
    call_decide(call, "%s", why);
    json_t *error = json_object();
    json_object_set_new(error, "code", json_integer(RPC_SERVER_ERROR));
    json_object_set_new(error, "message", json_string("tool call failed"));
    reply(call, 200, id, "error", error);
}

static json_t *initialize_result(void)
{
    return json_make("{s:{s:{s:b}},s:s,s:{s:s,s:s}}", "capabilities", "tools",
                     "listChanged", 0, "protocolVersion", "2024-11-05", "serverInfo",
                     "name", "molecule-a2a", "version", "1.0.0");
}

static json_t *tools_result(const struct org *org)
{
    json_t *list = json_array();
    for (size_t i = 0; i < bridge_tools_n; i++)
        if (bridge_tool_offered(org, &bridge_tools[i]))
            json_array_append_new(list, bridge_tool_view(&bridge_tools[i]));
    return json_make("{s:o}", "tools", list);
}

/* id: taken. */
static void call_tool(struct call *call, json_t *id, const json_t *params)
{
    const json_t *name = json_object_get(params, "name");
    const json_t *args = json_object_get(params, "arguments");
    if (!json_is_object(params) ||
        (name && !json_is_null(name) && !json_is_string(name)) ||
        (args && !json_is_null(args) && !json_is_object(args))) {
        reply_error(call, 200, id, -32602, "invalid parameters");
        return;
    }
    struct bridge_call *b = xcalloc(1, sizeof(*b));
    b->call = call;
    b->ws = rest_ws(call);
    b->id = id;
    b->args = json_is_object(args) ? json_deep_copy(args) : json_object();
    if (!b->ws || !ws_live(b->ws)) {
        bridge_failed(b, "no such workspace");
        return;
    }
    const struct bridge_tool *tool =
        bridge_tool_find(call->org, json_str(params, "name", ""));
    if (tool)
        tool->fn(b);
    else
        bridge_failed(b, "unknown tool");
}

/* 120 a minute for each bearer, where rates are limited at all. */
static bool need_rate(struct call *call)
{
    char bearer[BEARER_MAX];
    char key[65 + 4] = "mcp:";
    int64_t left = 0;
    int64_t reset_s = 0;
    if (switch_is(call->org, "rate_limit", "off") || !rest_bearer(call, bearer))
        return true;
    sha256_hex(bearer, strlen(bearer), key + 4);
    if (rate_take(call->org, key, 120, 60000, &left, &reset_s))
        return true;
    rest_rate_refused(call, "MCP rate limit exceeded", reset_s);
    return false;
}

/* What the platform can decode into its own struct, in which null is an empty value; its
 * reader takes anything else for an unreadable body. */
static bool is_frame(const json_t *frame)
{
    const json_t *jsonrpc = json_object_get(frame, "jsonrpc");
    const json_t *method = json_object_get(frame, "method");
    bool fits = (!jsonrpc || json_is_string(jsonrpc) || json_is_null(jsonrpc)) &&
                (!method || json_is_string(method) || json_is_null(method));
    return json_is_null(frame) || (json_is_object(frame) && fits);
}

void bridge_post(struct call *call)
{
    if (!need_rate(call))
        return;
    const json_t *frame = call_body(call);
    if (!is_frame(frame)) {
        char *name CLEANUP(free_ptr) = name_of(call);
        mcp_frames_add_junk(frames_of(call), name, MCP_WIRE_HTTP, "no JSON-RPC message");
        reply_error(call, 400, json_null(), -32700, "parse error");
        return;
    }
    keep_frame(call, MCP_FROM_CLIENT, frame);
    const json_t *given = json_object_get(frame, "id");
    json_t *id = given ? json_deep_copy(given) : json_null();
    const char *method = json_str(frame, "method", "");
    call_decide(call, "%.60s", method);
    if (strcmp(method, "initialize") == 0)
        reply(call, 200, id, "result", initialize_result());
    else if (strcmp(method, "notifications/initialized") == 0)
        reply(call, 200, id, NULL, NULL);
    else if (strcmp(method, "tools/list") == 0)
        reply(call, 200, id, "result", tools_result(call->org));
    else if (strcmp(method, "tools/call") == 0)
        call_tool(call, id, json_object_get(frame, "params"));
    else
        reply_error(call, 200, id, -32601, "method not found");
}
