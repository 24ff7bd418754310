/*
 * The agent's door: A2A over JSON-RPC at POST /.
 *
 * Source: A2A 0.3.0, JSON-RPC transport; the claude-code runtime for what message/send
 * answers (a message, not a task) and for the text of an unknown method.
 */
#include "mocks/box/state.h"

#include "io/json.h"
#include "mcp/jsonrpc.h"
#include "mocks/box/tasks.h"
#include "mocks/box/turn.h"

#include <string.h>

struct question {
    struct box *b;
    struct httpd_req *req;
    json_t *id, *params; /* borrowed */
};

static void refuse(const struct question *q, int code, const char *message)
{
    httpd_reply_json(q->req, 200, rpc_error(q->id, code, message));
}

/* result: taken. */
static void answer(const struct question *q, json_t *result)
{
    httpd_reply_json(q->req, 200, rpc_result(q->id, result));
}

/* ---- messages ---- */

static bool is_notice(const struct question *q)
{
    const char *from = httpd_header(q->req, "X-Workspace-ID");

    return from && strncmp(from, "system:", 7) == 0;
}

/* The message of the parameters; NULL = answered. */
static json_t *message_of(const struct question *q)
{
    json_t *message = json_object_get(q->params, "message");
    const char *task = json_str(message, "taskId", "");

    box_read_settings(q->b);
    if (!is_notice(q) && box_fault_is(q->b, "agent", "busy")) {
        httpd_add_header(q->req, "Retry-After", "30");
        httpd_reply_json(q->req, 503, json_make("{s:s}", "error", "agent busy"));
        return NULL;
    }
    if (!json_is_object(message)) {
        refuse(q, RPC_INVALID_PARAMS, "params.message is required");
        return NULL;
    }
    /* A turn is a task of its own: there is none to be continued. */
    if (*task) {
        bool known = q->b->tasks && task_find(q->b->tasks, task);
        refuse(q, known ? RPC_INVALID_PARAMS : A2A_TASK_NOT_FOUND,
               known ? "the task takes no further message" : "Task not found");
        return NULL;
    }
    return message;
}

static void send_message(const struct question *q)
{
    const json_t *config = json_object_get(q->params, "configuration");
    json_t *message = message_of(q);

    if (!message)
        return;
    struct turn *t = turn_start(q->b, message, is_notice(q));
    if (json_bool(config, "blocking", true))
        turn_answer(t, q->req, q->id);
    else
        answer(q, task_view(turn_task(t), -1));
}

static void stream_message(const struct question *q)
{
    json_t *message = message_of(q);

    if (message)
        task_watch(turn_task(turn_start(q->b, message, is_notice(q))), q->req, q->id);
}

/* ---- tasks ---- */

/* NULL = answered. */
static struct task *task_of(const struct question *q)
{
    const char *id = json_str(q->params, "id", NULL);
    struct task *t = id && q->b->tasks ? task_find(q->b->tasks, id) : NULL;

    if (!id)
        refuse(q, RPC_INVALID_PARAMS, "params.id is required");
    else if (!t)
        refuse(q, A2A_TASK_NOT_FOUND, "Task not found");
    return t;
}

static void get_task(const struct question *q)
{
    const struct task *t = task_of(q);

    if (t)
        answer(q, task_view(t, json_int(q->params, "historyLength", -1)));
}

static void cancel_task(const struct question *q)
{
    struct task *t = task_of(q);

    if (!t)
        return;
    if (task_over(t)) {
        refuse(q, A2A_TASK_NOT_CANCELABLE, "Task cannot be canceled");
        return;
    }
    turn_cancel(task_turn(t));
    answer(q, task_view(t, -1));
}

static void watch_task(const struct question *q)
{
    struct task *t = task_of(q);

    if (t)
        task_watch(t, q->req, q->id);
}

/* ---- the door ---- */

struct method {
    const char *name;
    void (*fn)(const struct question *q);
};

static const struct method METHODS[] = {
    {"message/send", send_message},    {"message/stream", stream_message},
    {"tasks/get", get_task},           {"tasks/cancel", cancel_task},
    {"tasks/resubscribe", watch_task},
};

void a2a_handle(struct box *b, struct httpd_req *req)
{
    struct rpc_frame frame CLEANUP(rpc_frame_release) = RPC_FRAME_INIT;
    struct question q = {.b = b, .req = req};
    enum rpc_code code = RPC_PARSE_ERROR;
    struct err err = ERR_INIT;
    int rc = rpc_parse(req->body, req->body_len, &frame, &code, &err);

    q.id = frame.id;
    q.params = frame.params;
    if (rc < 0) {
        refuse(&q, (int)code, err.text);
        return;
    }
    if (frame.kind != RPC_REQUEST) {
        refuse(&q, RPC_INVALID_REQUEST, "not a request");
        return;
    }
    for (size_t i = 0; i < ARRAY_SIZE(METHODS); i++)
        if (strcmp(METHODS[i].name, frame.method) == 0) {
            METHODS[i].fn(&q);
            return;
        }
    char *why CLEANUP(free_ptr) = xasprintf("method not found: %s", frame.method);
    refuse(&q, RPC_METHOD_NOT_FOUND, why);
}
