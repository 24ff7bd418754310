#include "mocks/box/gateway.h"

#include "base/ids.h"
#include "io/json.h"
#include "mcp/client.h"
#include "mcp/jsonrpc.h"
#include "mocks/box/state.h"

#include <string.h>
#include <strings.h>

enum { SESSIONS_MAX = 512 };

/* Newest first. Older revisions have no Streamable HTTP. */
static const char *const REVISIONS[] = {MCP_LATEST, "2025-06-18", "2025-03-26"};

struct session {
    char id[33];
    char *server;
};

struct gateway {
    struct session *sessions; /* oldest first */
    size_t n;
};

/* A request on its way: waiting for its server, then for its answer. */
struct passage {
    struct box *b;
    struct httpd_req *req;
    struct rpc_frame frame;
    char *server;
    struct waiter *waiter;
    struct child_call *call;
};

bool gateway_knows_revision(const char *revision)
{
    for (size_t i = 0; i < ARRAY_SIZE(REVISIONS); i++)
        if (strcmp(REVISIONS[i], revision) == 0)
            return true;
    return false;
}

const char *gateway_revision(const char *asked)
{
    return asked && gateway_knows_revision(asked) ? asked : REVISIONS[0];
}

bool gateway_origin_is_local(const char *origin)
{
    static const char *const LOCAL[] = {"http://localhost", "http://127.0.0.1",
                                        "http://[::1]", "https://localhost",
                                        "https://127.0.0.1"};

    for (size_t i = 0; i < ARRAY_SIZE(LOCAL); i++) {
        size_t len = strlen(LOCAL[i]);
        if (strncasecmp(origin, LOCAL[i], len) == 0 &&
            (origin[len] == '\0' || origin[len] == ':'))
            return true;
    }
    return false;
}

/* ---- sessions ---- */

static struct gateway *gateway_of(struct box *b)
{
    if (!b->gateway)
        b->gateway = xcalloc(1, sizeof(*b->gateway));
    return b->gateway;
}

static void session_remove(struct gateway *g, size_t i)
{
    free(g->sessions[i].server);
    memmove(&g->sessions[i], &g->sessions[i + 1], (g->n - i - 1) * sizeof(*g->sessions));
    g->n--;
}

static const char *session_add(struct gateway *g, const char *server)
{
    /* Clients seldom end their sessions: the oldest has to go. */
    if (g->n == SESSIONS_MAX)
        session_remove(g, 0);
    g->sessions = xrealloc(g->sessions, (g->n + 1) * sizeof(*g->sessions));
    struct session *s = &g->sessions[g->n++];
    id_hex(s->id, sizeof(s->id) - 1);
    s->server = xstrdup(server);
    return s->id;
}

/* Its place, or -1. */
static int session_find(const struct gateway *g, const char *id, const char *server)
{
    for (size_t i = 0; i < g->n; i++)
        if (strcmp(g->sessions[i].id, id) == 0 &&
            strcmp(g->sessions[i].server, server) == 0)
            return (int)i;
    return -1;
}

void gateway_free(struct box *b)
{
    while (b->gateway && b->gateway->n)
        session_remove(b->gateway, b->gateway->n - 1);
    if (b->gateway)
        free(b->gateway->sessions);
    free(b->gateway);
    b->gateway = NULL;
}

/* ---- a request on its way ---- */

static void free_passage(struct passage *p)
{
    rpc_frame_release(&p->frame);
    free(p->server);
    free(p);
}

static void peer_left(struct httpd_req *req, void *arg)
{
    struct passage *p = arg;

    (void)req;
    box_wait_cancel(p->b, p->waiter);
    child_call_cancel(p->call);
    free_passage(p);
}

/* frame: taken. */
static void arrive(struct passage *p, int status, json_t *frame)
{
    httpd_reply_json(p->req, status, frame);
    free_passage(p);
}

static void arrive_dead(struct passage *p, const struct child *child)
{
    char *why CLEANUP(free_ptr) =
        xasprintf("MCP server '%s' is gone: it %s", p->server, child_why(child));

    arrive(p, 200, rpc_error(p->frame.id, RPC_INTERNAL_ERROR, why));
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

static void answered(json_t *result, const json_t *error, void *arg)
{
    struct passage *p = arg;

    p->call = NULL;
    if (!result && !error) {
        arrive_dead(p, box_child(p->b, p->server));
        return;
    }
    json_t *frame = result
                        ? rpc_result(p->frame.id, leaking(p->b, result))
                        : json_make("{s:s,s:O,s:o}", "jsonrpc", "2.0", "id", p->frame.id,
                                    "error", xcheck(json_deep_copy(error)));
    arrive(p, 200, frame);
}

static void answer_initialize(struct passage *p, const struct child *child)
{
    json_t *result = xcheck(json_deep_copy(child_hello(child)));
    const char *asked = json_str(p->frame.params, "protocolVersion", NULL);

    /* What the server and the box agreed on stays between them: tools look the same in
     * every revision, and the transport is the gateway's own. */
    (void)json_object_set_new(result, "protocolVersion",
                              xcheck(json_string(gateway_revision(asked))));
    httpd_add_header(p->req, "Mcp-Session-Id", session_add(gateway_of(p->b), p->server));
    arrive(p, 200, rpc_result(p->frame.id, result));
}

static void server_settled(void *arg)
{
    struct passage *p = arg;
    struct child *child = box_child(p->b, p->server);

    p->waiter = NULL;
    if (!child)
        arrive(p, 404, json_make("{s:s}", "error", "no such MCP server"));
    else if (child_state(child) != CHILD_READY)
        arrive_dead(p, child);
    else if (strcmp(p->frame.method, "initialize") == 0)
        answer_initialize(p, child);
    else
        p->call = child_request(child, p->frame.method, p->frame.params, answered, p);
}

/* ---- the endpoint ---- */

/* An error of the transport: no id, as nothing of the body counts. */
static void refuse(struct httpd_req *req, int status, int code, const char *why)
{
    httpd_reply_json(req, status, rpc_error(NULL, code, why));
}

/* True when the session that the request names is one of this server's; else answered. */
static bool check_session(struct box *b, struct httpd_req *req, const char *server,
                          int *ret_at)
{
    const char *id = httpd_header(req, "Mcp-Session-Id");
    int at = id ? session_find(gateway_of(b), id, server) : -1;

    if (!id)
        refuse(req, 400, RPC_INVALID_REQUEST, "the Mcp-Session-Id header is missing");
    else if (at < 0)
        refuse(req, 404, RPC_INVALID_REQUEST, "no such session");
    *ret_at = at;
    return at >= 0;
}

/* The frame, out of the scope that would release it. */
static struct rpc_frame frame_take(struct rpc_frame *f)
{
    struct rpc_frame taken = *f;

    *f = (struct rpc_frame)RPC_FRAME_INIT;
    return taken;
}

static void post(struct box *b, struct httpd_req *req, const char *server)
{
    struct rpc_frame frame CLEANUP(rpc_frame_release) = RPC_FRAME_INIT;
    enum rpc_code code = RPC_PARSE_ERROR;
    struct err err = ERR_INIT;
    int at;

    if (rpc_parse(req->body, req->body_len, &frame, &code, &err) < 0) {
        refuse(req, 400, (int)code, err.text);
        return;
    }
    bool initialize =
        frame.kind == RPC_REQUEST && strcmp(frame.method, "initialize") == 0;
    if (!initialize && !check_session(b, req, server, &at))
        return;
    if (frame.kind != RPC_REQUEST) {
        /* The box has told the server itself that it is initialized, and asks nothing
         * of its clients. */
        httpd_reply(req, 202, NULL, "", 0);
        return;
    }
    struct passage *p = xcalloc(1, sizeof(*p));
    p->b = b;
    p->req = req;
    p->server = xstrdup(server);
    p->frame = frame_take(&frame);
    httpd_on_gone(req, peer_left, p);
    p->waiter = box_wait(b, server, server_settled, p);
}

static void end_session(struct box *b, struct httpd_req *req, const char *server)
{
    int at;

    if (!check_session(b, req, server, &at))
        return;
    session_remove(gateway_of(b), (size_t)at);
    httpd_reply(req, 204, NULL, "", 0);
}

void gateway_handle(struct box *b, struct httpd_req *req, const char *rest)
{
    const char *origin = httpd_header(req, "Origin");
    const char *revision = httpd_header(req, "MCP-Protocol-Version");

    if (origin && !gateway_origin_is_local(origin)) {
        refuse(req, 403, RPC_INVALID_REQUEST, "this origin is not allowed");
        return;
    }
    /* While the box still boots, nobody knows which servers there will be. */
    if (b->mapped && !box_child(b, rest)) {
        httpd_reply_json(req, 404, json_make("{s:s}", "error", "no such MCP server"));
        return;
    }
    if (revision && !gateway_knows_revision(revision)) {
        refuse(req, 400, RPC_INVALID_REQUEST, "this MCP-Protocol-Version is not spoken");
        return;
    }
    if (strcmp(req->method, "POST") == 0) {
        post(b, req, rest);
    } else if (strcmp(req->method, "DELETE") == 0) {
        end_session(b, req, rest);
    } else {
        httpd_add_header(req, "Allow", "POST, DELETE");
        httpd_reply_text(req, 405, "method not allowed\n");
    }
}
