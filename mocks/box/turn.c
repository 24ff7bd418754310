/*
 * One turn: a message comes in, the scripted agent answers, perhaps through a tool.
 * Whoever sent it waits for the answer, or watches the task that it is.
 */
#include "mocks/box/turn.h"

#include "base/ids.h"
#include "io/json.h"
#include "io/loop.h"
#include "mcp/jsonrpc.h"
#include "mocks/box/adaptors.h"
#include "mocks/box/agent.h"
#include "mocks/box/state.h"
#include "mocks/box/tasks.h"

#include <string.h>

/* How long fault agent=slow thinks, in production seconds. */
enum { SLOW_S = 120 };
/* How often the runtime starts dead servers again before a turn. */
enum { RELAUNCHES_MAX = 2, TASK_TITLE_BYTES = 80 };

struct turn {
    struct turn *next; /* of the box's turns under way */
    struct box *b;
    struct task *task;
    struct httpd_req *req; /* who waits for the message; NULL = nobody */
    json_t *rpc_id;        /* of req */
    struct agent_wish wish;
    bool late;   /* fault agent=slow has had its time */
    bool notice; /* of the platform itself: no task */
    char *text;
    int relaunches;
    struct waiter *waiter;
    struct loop_timer *timer; /* of work that takes its time */
    struct child_call *call;
    char *tool_id; /* of the call under way */
};

static void free_turn(struct turn *t)
{
    json_decref(t->rpc_id);
    agent_wish_release(&t->wish);
    loop_timer_cancel(t->timer);
    free(t->text);
    free(t->tool_id);
    free(t);
}

static void end_turn(struct turn *t)
{
    for (struct turn **at = &t->b->turns; *at; at = &(*at)->next)
        if (*at == t) {
            *at = t->next;
            break;
        }
    free_turn(t);
}

/* Nothing of it is called any more. */
static void drop_turn(struct turn *t)
{
    box_wait_cancel(t->b, t->waiter);
    child_call_cancel(t->call);
    end_turn(t);
}

static void peer_left(struct httpd_req *req, void *arg)
{
    struct turn *t = arg;

    (void)req;
    t->req = NULL;
    task_become(t->task, TASK_CANCELED);
    drop_turn(t);
}

/* text: taken. */
static void say(struct turn *t, char *text)
{
    char message_id[37];
    json_t *message CLEANUP(json_drop) = NULL;

    id_uuid4(message_id);
    message =
        json_make("{s:s,s:s,s:[{s:s,s:s}],s:s}", "kind", "message", "messageId",
                  message_id, "parts", "kind", "text", "text", text, "role", "agent");
    if (t->req)
        httpd_reply_json(t->req, 200, rpc_result(t->rpc_id, json_incref(message)));
    free(text);
    task_complete(t->task, message);
    end_turn(t);
}

/* ---- tools ---- */

static void tool_answered(json_t *result, const json_t *error, void *arg)
{
    struct turn *t = arg;
    const char *why = json_str(error, "message", "the MCP server is gone");

    t->call = NULL;
    if (t->wish.intent == AGENT_PEERS && result)
        say(t, json_texts(json_object_get(result, "content")));
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

static void work_done(void *arg)
{
    struct turn *t = arg;

    t->timer = NULL;
    say(t, xasprintf("I worked for %g seconds.", t->wish.seconds));
}

static void act(struct turn *t)
{
    const char *prompt = box_fault_is(t->b, "agent", "generic") ? NULL : t->b->prompt;

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
    case AGENT_WORK:
        t->timer =
            loop_timer_add(t->b->loop, box_pace_ms(t->b, t->wish.seconds), work_done, t);
        break;
    case AGENT_HEAR:
        say(t, agent_heard(t->text));
        break;
    }
}

static void begin(void *arg);

static void slow_enough(void *arg)
{
    struct turn *t = arg;

    t->timer = NULL;
    begin(t);
}

/* Every server is settled: as the runtime does, nothing is said before. */
static void begin(void *arg)
{
    struct turn *t = arg;

    t->waiter = NULL;
    if (t->relaunches < RELAUNCHES_MAX && box_relaunch_failed(t->b)) {
        t->relaunches++;
        t->waiter = box_wait(t->b, NULL, begin, t);
        return;
    }
    if (box_fault_is(t->b, "agent", "slow") && !t->late) {
        t->late = true;
        t->timer = loop_timer_add(t->b->loop, box_pace_ms(t->b, SLOW_S), slow_enough, t);
        return;
    }
    box_capture_tools(t->b);
    if (box_fault_is(t->b, "agent", "silent"))
        say(t, xstrdup(""));
    else if (!box_fault_is(t->b, "agent", "wedged"))
        act(t);
}

struct turn *turn_start(struct box *b, const json_t *message, bool notice)
{
    struct turn *t = xcalloc(1, sizeof(*t));

    if (!b->tasks)
        b->tasks = tasks_new();
    t->b = b;
    t->text = a2a_message_text(message);
    t->notice = notice;
    b->notices += notice ? 1 : 0;
    t->task = task_add(b->tasks, message, t);
    t->next = b->turns;
    b->turns = t;
    task_become(t->task, TASK_WORKING);
    t->waiter = box_wait(b, NULL, begin, t);
    return t;
}

struct task *turn_task(struct turn *t)
{
    return t->task;
}

void turn_answer(struct turn *t, struct httpd_req *req, json_t *id)
{
    t->req = req;
    t->rpc_id = json_incref(id);
    httpd_on_gone(req, peer_left, t);
}

void turn_cancel(struct turn *t)
{
    struct task *task = t->task;
    struct httpd_req *req = t->req;
    json_t *id CLEANUP(json_drop) = json_incref(t->rpc_id);

    drop_turn(t);
    task_become(task, TASK_CANCELED);
    if (req)
        httpd_reply_json(req, 200, rpc_result(id, task_view(task, -1)));
}

int64_t turns_count(const struct box *b)
{
    int64_t n = 0;

    for (const struct turn *t = b->turns; t; t = t->next)
        n += t->notice ? 0 : 1;
    return n;
}

char *turns_title(const struct box *b)
{
    const char *text = "";

    for (const struct turn *t = b->turns; t; t = t->next)
        if (!t->notice)
            text = t->text;
    size_t len = strcspn(text, "\r\n");
    return xstrndup(text, len < TASK_TITLE_BYTES ? len : TASK_TITLE_BYTES);
}

void turns_free(struct box *b)
{
    while (b->turns) {
        struct turn *t = b->turns;
        b->turns = t->next;
        free_turn(t);
    }
    tasks_free(b->tasks);
    b->tasks = NULL;
}
