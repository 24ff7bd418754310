/*
 * One A2A turn: a message comes in, the scripted agent answers, perhaps through a tool.
 *
 * Source: A2A 0.3, JSON-RPC binding, message/send; as the claude-code runtime answers it.
 */
#include "mocks/box/state.h"

#include "base/ids.h"
#include "io/json.h"
#include "io/loop.h"
#include "mcp/jsonrpc.h"
#include "mocks/box/adaptors.h"
#include "mocks/box/agent.h"

#include <string.h>

/* How long fault agent=slow thinks, in production seconds. */
enum { SLOW_S = 120 };

struct turn {
    struct box *b;
    struct httpd_req *req;
    struct rpc_frame frame;
    struct agent_wish wish;
    bool late;   /* fault agent=slow has had its time */
    bool notice; /* of the platform itself: no task */
    char *text;
    struct waiter *waiter;
    struct child_call *call;
    struct loop_timer *slow; /* fault agent=slow */
    char *tool_id;           /* of the call under way */
};

static void end_turn(struct turn *t)
{
    t->b->turns -= t->notice ? 0 : 1;
    loop_timer_cancel(t->slow);
    rpc_frame_release(&t->frame);
    agent_wish_release(&t->wish);
    free(t->text);
    free(t->tool_id);
    free(t);
}

static void peer_left(struct httpd_req *req, void *arg)
{
    struct turn *t = arg;

    (void)req;
    box_wait_cancel(t->b, t->waiter);
    child_call_cancel(t->call);
    end_turn(t);
}

/* text: taken. */
static void say(struct turn *t, char *text)
{
    char message_id[37];
    json_t *result;

    id_uuid4(message_id);
    result =
        json_make("{s:s,s:s,s:[{s:s,s:s}],s:s}", "kind", "message", "messageId",
                  message_id, "parts", "kind", "text", "text", text, "role", "agent");
    httpd_reply_json(t->req, 200, rpc_result(t->frame.id, result));
    free(text);
    t->b->turned = true;
    end_turn(t);
}

/* ---- tools ---- */

static void tool_answered(json_t *result, const json_t *error, void *arg)
{
    struct turn *t = arg;
    const char *why = json_str(error, "message", "the MCP server is gone");

    t->call = NULL;
    if (t->wish.intent == AGENT_PEERS && result)
        say(t, mcp_result_text(result));
    else
        say(t, agent_tool_outcome(t->tool_id, t->wish.name ? t->wish.name : "", result,
                                  why));
}

/* A ready server that has the tool, the management server first; NULL = none. */
static struct child *server_with(const struct box *b, const char *tool)
{
    struct child *first = box_child(b, box_fragment_server(b));

    if (first && child_state(first) == CHILD_READY && child_has_tool(first, tool))
        return first;
    for (size_t i = 0; i < b->map.n; i++)
        if (child_state(b->children[i]) == CHILD_READY &&
            child_has_tool(b->children[i], tool))
            return b->children[i];
    return NULL;
}

/* arguments: taken. */
static void use_tool(struct turn *t, struct child *child, const char *tool,
                     json_t *arguments)
{
    json_t *params CLEANUP(json_drop) =
        json_make("{s:s,s:o}", "name", tool, "arguments", arguments);

    t->tool_id = xasprintf("mcp__%s__%s", child_name(child), tool);
    t->call = child_request(child, "tools/call", params, tool_answered, t);
}

static void create(struct turn *t)
{
    const char *tool = box_switch(t->b, "required_tool", "create_workspace");
    struct child *child = server_with(t->b, tool);

    if (!child || box_fault_is(t->b, "agent", "generic"))
        say(t, agent_task_fallback(&t->wish));
    else
        use_tool(t, child, tool,
                 agent_create_arguments(&t->wish, box_env(t->b, "MODEL")));
}

static void peers(struct turn *t)
{
    struct child *child = server_with(t->b, "list_peers");

    if (!child || box_fault_is(t->b, "agent", "native-peers"))
        say(t, agent_native_peers());
    else
        use_tool(t, child, "list_peers", json_object());
}

static void tools(struct turn *t)
{
    json_t *loaded CLEANUP(json_drop) = box_loaded_tools(t->b);

    say(t, agent_tool_list(loaded));
}

static void introduce(struct turn *t, const char *prompt)
{
    const char *key = box_env(t->b, "MOLECULE_ORG_API_KEY");
    char *text = agent_introduction(prompt);

    if (key && box_fault_is(t->b, "leak", "org-token")) {
        char *more = xasprintf("%s\nMOLECULE_ORG_API_KEY=%s", text, key);
        free(text);
        text = more;
    }
    say(t, text);
}

/* ---- the turn ---- */

static void begin(void *arg);

static void slow_enough(void *arg)
{
    struct turn *t = arg;

    t->slow = NULL;
    begin(t);
}

/* Every server is settled: as the runtime does, nothing is said before. */
static void begin(void *arg)
{
    struct turn *t = arg;
    const char *prompt = box_fault_is(t->b, "agent", "generic") ? NULL : t->b->prompt;

    t->waiter = NULL;
    if (box_fault_is(t->b, "agent", "slow") && !t->late) {
        t->late = true;
        t->slow = loop_timer_add(t->b->loop, box_pace_ms(t->b, SLOW_S), slow_enough, t);
        return;
    }
    if (box_fault_is(t->b, "agent", "silent")) {
        say(t, xstrdup(""));
        return;
    }
    agent_wish_read(t->text, &t->wish);
    switch (t->wish.intent) {
    case AGENT_PONG:
        say(t, xstrdup("PONG"));
        break;
    case AGENT_TOOLS:
        tools(t);
        break;
    case AGENT_CREATE:
        create(t);
        break;
    case AGENT_PEERS:
        peers(t);
        break;
    case AGENT_INTRODUCE:
        introduce(t, prompt);
        break;
    case AGENT_HEAR:
        say(t, agent_heard(t->text));
        break;
    }
}

/* The frame, out of the scope that would release it. */
static struct rpc_frame frame_take(struct rpc_frame *f)
{
    struct rpc_frame taken = *f;

    *f = (struct rpc_frame)RPC_FRAME_INIT;
    return taken;
}

static void refuse(struct httpd_req *req, json_t *id, int code, const char *message)
{
    httpd_reply_json(req, 200, rpc_error(id, code, message));
}

void turn_handle(struct box *b, struct httpd_req *req)
{
    struct rpc_frame frame CLEANUP(rpc_frame_release) = RPC_FRAME_INIT;
    enum rpc_code code = RPC_PARSE_ERROR;
    struct err err = ERR_INIT;

    if (rpc_parse(req->body, req->body_len, &frame, &code, &err) < 0) {
        refuse(req, frame.id, (int)code, err.text);
        return;
    }
    if (frame.kind != RPC_REQUEST) {
        refuse(req, frame.id, RPC_INVALID_REQUEST, "not a request");
        return;
    }
    if (strcmp(frame.method, "message/send") != 0) {
        char *why CLEANUP(free_ptr) = xasprintf("method not found: %s", frame.method);
        refuse(req, frame.id, RPC_METHOD_NOT_FOUND, why);
        return;
    }
    const json_t *message = json_object_get(frame.params, "message");
    if (!json_is_object(message)) {
        refuse(req, frame.id, RPC_INVALID_PARAMS, "params.message is required");
        return;
    }
    box_read_settings(b);
    const char *from = httpd_header(req, "X-Workspace-ID");
    bool notice = from && strncmp(from, "system:", 7) == 0;
    if (!notice && box_fault_is(b, "agent", "busy")) {
        httpd_add_header(req, "Retry-After", "30");
        httpd_reply_json(req, 503, json_make("{s:s}", "error", "agent busy"));
        return;
    }
    struct turn *t = xcalloc(1, sizeof(*t));
    t->b = b;
    t->req = req;
    t->text = a2a_message_text(message);
    t->frame = frame_take(&frame);
    t->notice = notice;
    b->turns += notice ? 0 : 1;
    b->notices += notice ? 1 : 0;
    httpd_on_gone(req, peer_left, t);
    t->waiter = box_wait(b, NULL, begin, t);
}
