/* What a child is sent, and the calls that wait for its answers. */
#include "mocks/box/child_part.h"

#include "base/limits.h"
#include "io/json.h"
#include "io/loop.h"
#include "mcp/jsonrpc.h"

#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

/* ---- writing ---- */

void child_close_in(struct child *c)
{
    loop_fd_remove(c->in_watch);
    c->in_watch = NULL;
    close_fd(&c->proc.in);
}

static void flush_in(struct child *c)
{
    while (c->in.len && c->proc.in >= 0) {
        ssize_t n = write(c->proc.in, c->in.data, c->in.len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && errno == EAGAIN)
            break;
        if (n < 0) { /* it closed its stdin; its end is reported by the loop */
            child_close_in(c);
            return;
        }
        buf_consume(&c->in, (size_t)n);
    }
    if (c->in_watch)
        loop_fd_events(c->in_watch, c->in.len ? EPOLLOUT : 0);
}

void child_in_ready(uint32_t events, void *arg)
{
    struct child *c = arg;

    if (events & EPOLLERR)
        child_close_in(c);
    else
        flush_in(c);
}

bool child_send(struct child *c, json_t *frame)
{
    char *text CLEANUP(free_ptr) = rpc_text(frame);
    size_t len = strlen(text);

    if (len + 1 > c->in.max - c->in.len)
        return false;
    buf_add(&c->in, text, len);
    buf_addc(&c->in, '\n');
    flush_in(c);
    return true;
}

/* ---- calls ---- */

static struct child_call *take_from(struct child_call **at, int64_t id)
{
    for (; *at; at = &(*at)->next)
        if ((*at)->id == id) {
            struct child_call *call = *at;
            *at = call->next;
            return call;
        }
    return NULL;
}

/* Takes the call with this id out of its list; NULL = none. */
static struct child_call *take_call(struct child *c, int64_t id)
{
    struct child_call *call = take_from(&c->calls, id);

    return call ? call : take_from(&c->doomed, id);
}

static void free_call(struct child_call *call)
{
    if (!call)
        return;
    loop_timer_cancel(call->timer);
    free(call);
}

static void finish_call(struct child_call *call, json_t *result, const json_t *error)
{
    child_answer_fn *fn = call->fn;
    void *arg = call->arg;

    free_call(call);
    fn(result, error, arg);
}

/* Answers what is pending. The list is taken away first: an answer may lead to another
 * call, which finds the child failed and gets a turn of the loop of its own. */
void child_drop_calls(struct child *c)
{
    c->doomed = c->calls;
    c->calls = NULL;
    while (c->doomed) {
        struct child_call *call = c->doomed;
        c->doomed = call->next;
        finish_call(call, NULL, NULL);
    }
}

static void call_gone(void *arg)
{
    struct child_call *call = arg;

    call->timer = NULL;
    (void)take_call(call->child, call->id);
    finish_call(call, NULL, NULL);
}

static void call_refused(void *arg)
{
    struct child_call *call = arg;
    json_t *error CLEANUP(json_drop) =
        json_make("{s:i,s:s}", "code", RPC_INTERNAL_ERROR, "message",
                  "the request is too large for what the MCP server reads");

    call->timer = NULL;
    (void)take_call(call->child, call->id);
    finish_call(call, NULL, error);
}

/* ---- requests ---- */

/* The parameters with a token for progress: the call's id. Caller owns. */
static json_t *with_token(const struct child_call *call, const json_t *params)
{
    json_t *all = xcheck(params ? json_copy((json_t *)(uintptr_t)params) : json_object());
    const json_t *old = json_object_get(all, "_meta");
    json_t *meta = xcheck(old ? json_copy((json_t *)(uintptr_t)old) : json_object());

    (void)json_object_set_new(meta, "progressToken", xcheck(json_integer(call->id)));
    (void)json_object_set_new(all, "_meta", meta);
    return all;
}

static void request(struct child *c, struct child_call *call, const char *method,
                    json_t *params)
{
    json_t *id CLEANUP(json_drop) = xcheck(json_integer(call->id));
    json_t *all CLEANUP(json_drop) =
        call->progress ? with_token(call, params) : json_incref(params);

    call->child = c;
    call->next = c->calls;
    c->calls = call;
    if (!child_send(c, rpc_request(id, method, all)))
        call->timer = loop_timer_add(c->loop, 0, call_refused, call);
}

struct child_call *child_request(struct child *child, const char *method, json_t *params,
                                 child_answer_fn *fn, void *arg)
{
    return child_request_watched(child, method, params, fn, NULL, arg);
}

struct child_call *child_request_watched(struct child *child, const char *method,
                                         json_t *params, child_answer_fn *fn,
                                         child_progress_fn *progress, void *arg)
{
    struct child_call *call = xcalloc(1, sizeof(*call));

    call->id = ++child->last_id;
    call->fn = fn;
    call->progress = progress;
    call->arg = arg;
    if (child->state != CHILD_FAILED) {
        request(child, call, method, params);
        return call;
    }
    call->child = child;
    call->next = child->calls;
    child->calls = call;
    call->timer = loop_timer_add(child->loop, 0, call_gone, call);
    return call;
}

void child_call_cancel(struct child_call *call)
{
    if (!call)
        return;
    struct child *c = call->child;
    json_t *params CLEANUP(json_drop) = json_make("{s:I}", "requestId", call->id);
    bool sent = !call->timer;

    free_call(take_call(c, call->id));
    if (sent && c->state != CHILD_FAILED && !c->ending)
        (void)child_send(c, rpc_notification("notifications/cancelled", params));
}

void child_take_progress(const struct child *c, const json_t *params)
{
    const json_t *token = json_object_get(params, "progressToken");
    const json_t *total = json_object_get(params, "total");

    for (const struct child_call *call = c->calls; call; call = call->next)
        if (json_is_integer(token) && call->id == json_integer_value(token) &&
            call->progress) {
            call->progress(json_number_value(json_object_get(params, "progress")),
                           json_is_number(total) ? json_number_value(total) : -1,
                           json_str(params, "message", NULL), call->arg);
            return;
        }
}

void child_take_response(struct child *c, int64_t id, json_t *result, const json_t *error)
{
    struct child_call *call = take_call(c, id);

    if (call)
        finish_call(call, result, error);
}

void child_free_calls(struct child *c)
{
    while (c->calls)
        free_call(take_call(c, c->calls->id));
}

size_t child_waiting(const struct child *child)
{
    size_t n = 0;

    for (const struct child_call *call = child->calls; call; call = call->next)
        n++;
    return n;
}
