#include "mocks/box/tasks.h"

#include "base/buf.h"
#include "base/clock.h"
#include "base/ids.h"
#include "base/limits.h"
#include "base/table.h"
#include "io/json.h"
#include "io/sse.h"
#include "mcp/jsonrpc.h"

#include <string.h>

enum { TASKS_MAX = 256 };

struct watcher {
    struct watcher *next;
    struct task *task;
    struct httpd_stream *stream;
    json_t *id;
};

struct task {
    char id[37], context[37];
    enum task_state state;
    int64_t changed_at_ms;
    json_t *history, *artifacts; /* arrays */
    struct turn *turn;
    struct watcher *watchers;
};

struct tasks {
    struct task **v; /* oldest first */
    size_t n;
};

static const struct name_row STATES[] = {{TASK_SUBMITTED, "submitted"},
                                         {TASK_WORKING, "working"},
                                         {TASK_COMPLETED, "completed"},
                                         {TASK_CANCELED, "canceled"},
                                         {0, NULL}};

/* ---- the list ---- */

struct tasks *tasks_new(void)
{
    return xcalloc(1, sizeof(struct tasks));
}

static void free_watcher(struct watcher *w)
{
    json_decref(w->id);
    free(w);
}

static void free_task(struct task *t)
{
    while (t->watchers) {
        struct watcher *w = t->watchers;
        t->watchers = w->next;
        free_watcher(w);
    }
    json_decref(t->history);
    json_decref(t->artifacts);
    free(t);
}

void tasks_free(struct tasks *all)
{
    if (!all)
        return;
    for (size_t i = 0; i < all->n; i++)
        free_task(all->v[i]);
    free((void *)all->v);
    free(all);
}

static void forget_one(struct tasks *all)
{
    for (size_t i = 0; i < all->n; i++) {
        if (!task_over(all->v[i]))
            continue;
        free_task(all->v[i]);
        memmove((void *)&all->v[i], (void *)&all->v[i + 1],
                (all->n - i - 1) * sizeof(struct task *));
        all->n--;
        return;
    }
}

struct task *task_add(struct tasks *all, const json_t *message, struct turn *turn)
{
    struct task *t = xcalloc(1, sizeof(*t));
    const char *context = json_str(message, "contextId", "");
    json_t *copy = xcheck(json_deep_copy(message));

    id_uuid4(t->id);
    id_uuid4(t->context);
    if (id_is_uuid(context))
        memcpy(t->context, context, sizeof(t->context));
    t->changed_at_ms = clock_wall_ms();
    t->history = xcheck(json_array());
    t->artifacts = xcheck(json_array());
    t->turn = turn;
    (void)json_object_set_new(copy, "kind", xcheck(json_string("message")));
    (void)json_object_set_new(copy, "contextId", xcheck(json_string(t->context)));
    (void)json_object_set_new(copy, "taskId", xcheck(json_string(t->id)));
    (void)json_array_append_new(t->history, copy);
    if (all->n >= TASKS_MAX)
        forget_one(all);
    all->v =
        (struct task **)xrealloc((void *)all->v, (all->n + 1) * sizeof(struct task *));
    all->v[all->n++] = t;
    return t;
}

struct task *task_find(const struct tasks *all, const char *id)
{
    for (size_t i = 0; i < all->n; i++)
        if (strcmp(all->v[i]->id, id) == 0)
            return all->v[i];
    return NULL;
}

const char *task_id(const struct task *t)
{
    return t->id;
}

bool task_over(const struct task *t)
{
    return t->state == TASK_COMPLETED || t->state == TASK_CANCELED;
}

struct turn *task_turn(const struct task *t)
{
    return t->turn;
}

/* ---- events ---- */

/* event: borrowed. */
static void tell(struct watcher *w, json_t *event)
{
    char *text CLEANUP(free_ptr) = rpc_text(rpc_result(w->id, json_incref(event)));
    struct buf event_text CLEANUP(buf_release) = BUF_INIT(LIMIT_RESPONSE_BODY);

    sse_write(&event_text, NULL, NULL, text);
    httpd_stream_write(w->stream, event_text.data, event_text.len);
}

/* event: taken. */
static void tell_all(struct task *t, json_t *event)
{
    for (struct watcher *w = t->watchers; w; w = w->next)
        tell(w, event);
    json_decref(event);
}

static json_t *status_view(const struct task *t)
{
    char at[32];

    (void)clock_rfc3339(t->changed_at_ms, at);
    return json_make("{s:s,s:s}", "state", table_name(STATES, (int)t->state), "timestamp",
                     at);
}

void task_become(struct task *t, enum task_state state)
{
    t->state = state;
    t->changed_at_ms = clock_wall_ms();
    if (task_over(t))
        t->turn = NULL;
    tell_all(t, json_make("{s:s,s:s,s:s,s:o,s:b}", "kind", "status-update", "taskId",
                          t->id, "contextId", t->context, "status", status_view(t),
                          "final", task_over(t)));
    while (task_over(t) && t->watchers) {
        struct watcher *w = t->watchers;
        t->watchers = w->next;
        httpd_stream_end(w->stream);
        free_watcher(w);
    }
}

void task_complete(struct task *t, json_t *message)
{
    char artifact_id[37];

    id_uuid4(artifact_id);
    json_t *artifact = json_make("{s:s,s:s,s:O}", "artifactId", artifact_id, "name",
                                 "reply", "parts", json_object_get(message, "parts"));
    (void)json_array_append(t->history, message);
    (void)json_array_append(t->artifacts, artifact);
    tell_all(t, json_make("{s:s,s:s,s:s,s:o,s:b,s:b}", "kind", "artifact-update",
                          "taskId", t->id, "contextId", t->context, "artifact", artifact,
                          "append", 0, "lastChunk", 1));
    task_become(t, TASK_COMPLETED);
}

json_t *task_view(const struct task *t, int64_t history)
{
    json_t *kept = xcheck(json_array());
    size_t n = json_array_size(t->history);
    size_t from = history >= 0 && (size_t)history < n ? n - (size_t)history : 0;

    for (size_t i = from; i < n; i++)
        (void)json_array_append(kept, json_array_get(t->history, i));
    return json_make("{s:s,s:s,s:s,s:o,s:o,s:O}", "kind", "task", "id", t->id,
                     "contextId", t->context, "status", status_view(t), "history", kept,
                     "artifacts", t->artifacts);
}

static void watcher_left(void *arg)
{
    struct watcher *w = arg;

    for (struct watcher **at = &w->task->watchers; *at; at = &(*at)->next)
        if (*at == w) {
            *at = w->next;
            break;
        }
    free_watcher(w);
}

void task_watch(struct task *t, struct httpd_req *req, json_t *id)
{
    struct watcher *w = xcalloc(1, sizeof(*w));
    json_t *view CLEANUP(json_drop) = task_view(t, -1);

    w->task = t;
    w->id = json_incref(id);
    w->next = t->watchers;
    t->watchers = w;
    httpd_add_header(req, "Cache-Control", "no-cache");
    w->stream = httpd_stream_begin(req, 200, "text/event-stream", watcher_left, w);
    tell(w, view);
    if (!task_over(t))
        return;
    t->watchers = w->next;
    httpd_stream_end(w->stream);
    free_watcher(w);
}
