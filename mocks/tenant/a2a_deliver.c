#include <string.h>

#include "base/clock.h"
#include "io/http.h"
#include "io/json.h"
#include "mocks/tenant/a2a.h"
#include "mocks/tenant/a2a_queue.h"
#include "mocks/tenant/activity.h"
#include "mocks/tenant/rest.h"
#include "mocks/tenant/workspace.h"

struct delivery {
    struct workspace *target, *from; /* from NULL = a user */
    json_t *message;                 /* owned */
    char *delegation_id;             /* owned, NULL = none */
    a2a_done_fn *done;
    void *arg;
};

/* response: taken, NULL = none. */
static void log_message(const struct delivery *d, const char *status, json_t *response)
{
    const json_t *params = json_object_get(d->message, "params");
    const char *message_id =
        json_str(json_object_get(params, "message"), "messageId", "");
    if (message_id[0] && activity_has_message(d->target, message_id)) {
        json_decref(response);
        return;
    }
    activity_add(d->target, &(struct activity){.activity_type = "a2a_receive",
                                               .method = a2a_method_of(d->message),
                                               .source_id = d->from ? d->from->id : NULL,
                                               .target_id = d->target->id,
                                               .status = status,
                                               .request_body = json_deep_copy(d->message),
                                               .response_body = response});
}

static void finish(struct delivery *d, struct a2a_result result)
{
    d->done(d->target, &result, d->arg);
    json_decref(d->message);
    free(d->delegation_id);
    free(d);
}

static void answered(struct delivery *d, const struct http_response *resp)
{
    json_t *answer = NULL;
    struct err err = ERR_INIT;
    if (json_parse(resp->body.data, resp->body.len, &answer, &err) < 0)
        answer = NULL;
    log_message(d, "ok", answer);
    finish(d, (struct a2a_result){.outcome = A2A_ANSWERED, .resp = resp});
}

static void busy(struct delivery *d)
{
    log_message(d, "queued", NULL);
    const char *id = a2a_queue_add(d->target, d->from, d->message, d->delegation_id);
    finish(d, (struct a2a_result){.outcome = A2A_QUEUED,
                                  .queue_id = id,
                                  .queue_depth = a2a_queue_depth(d->target)});
}

static void unreachable(struct delivery *d)
{
    struct workspace *ws = d->target;
    bool restarts = !ws_external_like(ws) && !box_running(ws) && !ws->org->plat->stopping;
    log_message(d, "error", NULL);
    if (restarts &&
        (strcmp(ws->status, "online") == 0 || strcmp(ws->status, "degraded") == 0)) {
        ws_set_status(ws, "offline");
        event_add(ws->org, ws, "WORKSPACE_OFFLINE", NULL);
        (void)provision_restart(ws, "unreachable");
    }
    finish(d,
           (struct a2a_result){.outcome = restarts ? A2A_RESTARTING : A2A_UNREACHABLE});
}

/* An agent that is busy says so, or takes the message and never answers. */
static void posted(struct workspace *target, enum a2a_post how,
                   const struct http_response *resp, void *arg)
{
    struct delivery *d = arg;
    bool dead = !ws_external_like(target) && !box_running(target);
    if (how == A2A_POST_ANSWERED && resp->status != 503 && resp->status != 429)
        answered(d, resp);
    else if (how == A2A_POST_UNSENT || dead || target->org->plat->stopping)
        unreachable(d);
    else
        busy(d);
}

/* What keeps a message from being posted; A2A_ANSWERED = nothing does. */
static enum a2a_outcome before_post(struct workspace *ws)
{
    char reason[200];
    if (strcmp(ws->delivery_mode, "poll") == 0)
        return A2A_POLLED;
    if (strcmp(ws->status, "hibernated") == 0)
        return A2A_WAKING;
    if (!workspace_url(ws)[0])
        return A2A_NO_URL;
    return rest_url_ok(ws->org, workspace_url(ws), reason) ? A2A_ANSWERED
                                                           : A2A_UNROUTABLE;
}

void a2a_deliver(struct workspace *target, struct workspace *from, json_t *message,
                 const char *delegation_id, a2a_done_fn *done, void *arg)
{
    struct delivery *d = xcalloc(1, sizeof(*d));
    *d = (struct delivery){.target = target,
                           .from = from,
                           .message = message,
                           .delegation_id = delegation_id ? xstrdup(delegation_id) : NULL,
                           .done = done,
                           .arg = arg};
    enum a2a_outcome outcome = before_post(target);
    if (from)
        from->last_outbound_at = clock_wall_ms();
    if (outcome == A2A_ANSWERED) {
        a2a_post(target, from ? from->id : NULL, d->message, posted, d);
        return;
    }
    if (outcome == A2A_POLLED)
        log_message(d, "queued", NULL);
    else if (outcome == A2A_WAKING)
        (void)provision_restart(target, "wake");
    finish(d, (struct a2a_result){.outcome = outcome});
}

/* ---- after a restart ---- */

static const char RESTART_CONTEXT[] = "restart_context";

void restart_context_note(struct workspace *ws, const char *reason)
{
    json_object_set_new(ws->rest, RESTART_CONTEXT, json_string(reason));
}

static void heard(struct workspace *target, enum a2a_post how,
                  const struct http_response *resp, void *arg)
{
    (void)target;
    (void)how;
    (void)resp;
    (void)arg;
}

void restart_context_send(struct workspace *ws)
{
    const char *reason = json_str(ws->rest, RESTART_CONTEXT, NULL);
    if (!reason || !workspace_url(ws)[0])
        return;
    char *text CLEANUP(free_ptr) =
        xasprintf("Notice of the platform: this machine was restarted (%s). What was "
                  "under way before is lost.",
                  reason);
    json_t *message CLEANUP(json_drop) = a2a_text_message(text, NULL);
    json_object_del(ws->rest, RESTART_CONTEXT);
    a2a_post(ws, "system:restart-context", message, heard, NULL);
}
