/*
 * The gateway: MCP over Streamable HTTP for each server that the box loaded, at
 * /mcp/<server>, in either era.
 *
 * The handshake is answered here from what the server said to the box; every other
 * request goes to the server with an id of the box's own, and its progress and its
 * cancellation go along.
 */
#include "io/json.h"
#include "mcp/jsonrpc.h"
#include "mocks/box/state.h"
#include "mocks/mcp/frames.h"
#include "mocks/mcp/http.h"
#include "mocks/mcp/tools.h"

#include <stdlib.h>
#include <string.h>

/* Members of _meta that the modern era has brought. */
#define META_PREFIX "io.modelcontextprotocol/"

/* One server's endpoint. */
struct door {
    struct door *next;
    struct box *b;
    char *name;
    struct mcp_server *server;
    struct mcp_http *http;
};

/* A request that came while its server is not settled. */
struct early {
    struct box *b;
    struct httpd_req *req;
    struct waiter *waiter;
    char *server;
};

struct gateway {
    struct door *doors;
    struct mcp_frames *frames;
};

/* A request on its way to its server. */
struct passage {
    struct door *door;
    struct exchange *x;
    struct child_call *call;
    bool calls_tool; /* one that the server lists */
};

/* ---- answers ---- */

static void answer_dead(const struct door *door, struct exchange *x)
{
    const struct child *child = box_child(door->b, door->name);
    char *why CLEANUP(free_ptr) = xasprintf("MCP server '%s' is gone: it %s", door->name,
                                            child ? child_why(child) : "was taken away");

    exchange_error(x, RPC_INTERNAL_ERROR, why, NULL);
}

/* A copy with the fault leak=org-token, else the result itself; owned by the caller. */
static json_t *leaking(const struct box *b, json_t *result)
{
    const char *key = box_env(b, "MOLECULE_ORG_API_KEY");

    if (!key || !json_is_object(result) || !box_fault_is(b, "leak", "org-token"))
        return json_incref(result);
    json_t *copy = xcheck(json_deep_copy(result));
    json_t *tool = json_array_get(json_object_get(copy, "tools"), 0);
    (void)json_object_set_new(tool ? tool : copy, tool ? "description" : "debug",
                              xcheck(json_string(key)));
    return copy;
}

static struct child *living(const struct door *door)
{
    struct child *child = box_child(door->b, door->name);

    return child && child_state(child) == CHILD_READY ? child : NULL;
}

/* The tool that a tools/call names, borrowed; NULL = none that the server lists. */
static const json_t *called_tool(const struct exchange *x, const struct child *child)
{
    const char *name = json_str(exchange_params(x), "name", "");
    const json_t *tool = NULL;
    size_t i = 0;

    if (strcmp(exchange_method(x), "tools/call") != 0)
        return NULL;
    json_array_foreach(child_tools(child), i, tool)
    {
        if (strcmp(json_str(tool, "name", ""), name) == 0)
            return tool;
    }
    return NULL;
}

/* Whether arguments were refused as an older revision does it, to a client of one in
 * which that is a result of the tool. The server behind may be older than its client. */
static bool is_refusal_of_arguments(const struct exchange *x, bool calls_tool,
                                    const json_t *error)
{
    const json_t *arguments = json_object_get(exchange_params(x), "arguments");

    return calls_tool && json_int(error, "code", 0) == RPC_INVALID_PARAMS &&
           exchange_has(x, MCP_F_ARGUMENTS_AS_RESULT) &&
           (!arguments || json_is_object(arguments));
}

/* A copy that is not what every revision wants, with the fault gateway=malformed; result:
 * taken. */
static json_t *malformed(const struct box *b, json_t *result)
{
    if (!json_is_object(result) || !box_fault_is(b, "gateway", "malformed"))
        return result;
    json_t *copy = xcheck(json_deep_copy(result));
    json_decref(result);
    (void)json_object_del(json_array_get(json_object_get(copy, "tools"), 0),
                          "inputSchema");
    (void)json_array_append_new(json_object_get(copy, "content"),
                                json_make("{s:s}", "type", "nothing"));
    return copy;
}

static void answered(json_t *result, const json_t *error, void *arg)
{
    struct passage *p = arg;
    struct exchange *x = p->x;
    const struct door *door = p->door;
    bool calls_tool = p->calls_tool;

    free(p);
    if (result)
        exchange_result(x, malformed(door->b, leaking(door->b, result)));
    else if (error && is_refusal_of_arguments(x, calls_tool, error))
        mcp_tools_text(x, json_str(error, "message", ""), true);
    else if (error)
        exchange_error(x, (int)json_int(error, "code", RPC_INTERNAL_ERROR),
                       json_str(error, "message", ""),
                       json_incref(json_object_get(error, "data")));
    else
        answer_dead(door, x);
}

static void progressed(double progress, double total, const char *message, void *arg)
{
    const struct passage *p = arg;

    exchange_progress(p->x, progress, total, message);
}

/* ---- what the core asks for ---- */

/* Of what the server can, what goes through here: requests do, notifications of its own
 * (of lists that change, of subscriptions, of logging) do not. Caller owns. */
static json_t *passable(const json_t *capabilities)
{
    static const char *const lists[] = {"tools", "prompts", "resources"};
    json_t *passed = xcheck(json_object());

    for (size_t i = 0; i < ARRAY_SIZE(lists); i++)
        if (json_object_get(capabilities, lists[i]))
            json_put(passed, lists[i], json_make("{s:b}", "listChanged", 0));
    if (json_object_get(capabilities, "completions"))
        json_put(passed, "completions", json_object());
    return passed;
}

static void on_hello(struct exchange *x, void *arg)
{
    const struct door *door = arg;
    const struct child *child = living(door);

    if (!child) {
        answer_dead(door, x);
        return;
    }
    json_t *hello CLEANUP(json_drop) =
        xcheck(json_copy((json_t *)(uintptr_t)child_hello(child)));
    json_put(hello, "capabilities", passable(json_object_get(hello, "capabilities")));
    exchange_hello(x, hello);
}

/* The parameters as the server knows them: it speaks with the box, in the legacy era. */
static json_t *params_for_child(const struct exchange *x)
{
    json_t *params = json_copy(exchange_params(x));
    json_t *meta = json_copy(json_object_get(params, "_meta"));
    const char *key = NULL;
    json_t *value = NULL;
    void *next = NULL;

    if (!meta)
        return params;
    json_object_foreach_safe(meta, next, key, value)
    {
        if (strncmp(key, META_PREFIX, strlen(META_PREFIX)) == 0 ||
            strcmp(key, "progressToken") == 0)
            (void)json_object_del(meta, key);
    }
    if (json_object_size(meta))
        (void)json_object_set_new(params, "_meta", meta);
    else
        (void)json_object_del(params, "_meta");
    if (json_object_size(meta) == 0)
        json_decref(meta);
    return params;
}

static void on_request(struct exchange *x, void *arg)
{
    struct door *door = arg;
    struct child *child = living(door);

    if (!child) {
        answer_dead(door, x);
        return;
    }
    const json_t *tool = called_tool(x, child);
    if (tool &&
        !mcp_tools_check_headers(x, json_object_get(tool, "inputSchema"),
                                 json_object_get(exchange_params(x), "arguments")))
        return; /* answered */
    struct passage *p = xcalloc(1, sizeof(*p));
    json_t *params CLEANUP(json_drop) = params_for_child(x);
    p->door = door;
    p->x = x;
    p->calls_tool = tool != NULL;
    exchange_set_user(x, p);
    p->call = child_request_watched(child, exchange_method(x), params, answered,
                                    exchange_progress_token(x) ? progressed : NULL, p);
}

static void on_gone(struct exchange *x, void *arg)
{
    struct passage *p = exchange_user(x);

    (void)arg;
    if (p)
        child_call_cancel(p->call);
    free(p);
}

/* ---- doors ---- */

static struct gateway *gateway_of(struct box *b)
{
    if (!b->gateway) {
        b->gateway = xcalloc(1, sizeof(*b->gateway));
        b->gateway->frames = mcp_frames_new();
    }
    return b->gateway;
}

static struct door *door_of(struct box *b, const char *name)
{
    struct gateway *g = gateway_of(b);

    for (struct door *d = g->doors; d; d = d->next)
        if (strcmp(d->name, name) == 0)
            return d;
    struct door *d = xcalloc(1, sizeof(*d));
    const struct mcp_server_options opt = {.name = name,
                                           .hello = on_hello,
                                           .request = on_request,
                                           .gone = on_gone,
                                           .arg = d,
                                           .frames = g->frames};
    d->b = b;
    d->name = xstrdup(name);
    d->server = mcp_server_new(&opt);
    d->http = mcp_http_new(&(struct mcp_http_options){.server = d->server});
    d->next = g->doors;
    g->doors = d;
    return d;
}

void gateway_free(struct box *b)
{
    struct gateway *g = b->gateway;

    while (g && g->doors) {
        struct door *d = g->doors;
        g->doors = d->next;
        mcp_http_free(d->http);
        mcp_server_free(d->server);
        free(d->name);
        free(d);
    }
    if (g)
        mcp_frames_free(g->frames);
    free(g);
    b->gateway = NULL;
}

/* ---- the endpoint ---- */

static void enter(struct box *b, struct httpd_req *req, const char *name)
{
    const struct child *child = box_child(b, name);

    if (!child) {
        httpd_reply_json(req, 404, json_make("{s:s}", "error", "no such MCP server"));
        return;
    }
    struct door *door = door_of(b, name);
    json_t *info = json_object_get(child_hello(child), "serverInfo");
    if (info)
        mcp_server_set_info(door->server, info);
    mcp_http_handle(door->http, req);
}

static void free_early(struct early *e)
{
    free(e->server);
    free(e);
}

static void left_early(struct httpd_req *req, void *arg)
{
    struct early *e = arg;

    (void)req;
    box_wait_cancel(e->b, e->waiter);
    free_early(e);
}

static void settled(void *arg)
{
    struct early *e = arg;
    struct httpd_req *req = e->req;
    struct box *b = e->b;
    char *server CLEANUP(free_ptr) = TAKE(e->server);

    free_early(e);
    httpd_on_gone(req, NULL, NULL);
    enter(b, req, server);
}

void gateway_handle(struct box *b, struct httpd_req *req, const char *rest)
{
    const struct child *child = b->mapped ? box_child(b, rest) : NULL;

    if (b->mapped && (!child || child_state(child) != CHILD_STARTING)) {
        enter(b, req, rest);
        return;
    }
    /* While the box still boots, nobody knows which servers there will be. */
    struct early *e = xcalloc(1, sizeof(*e));
    e->b = b;
    e->req = req;
    e->server = xstrdup(rest);
    httpd_on_gone(req, left_early, e);
    e->waiter = box_wait(b, rest, settled, e);
}

void gateway_frames(struct box *b, struct httpd_req *req)
{
    httpd_reply_json(req, 200, mcp_frames_view(gateway_of(b)->frames, 0));
}
