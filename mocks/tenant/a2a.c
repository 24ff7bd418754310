#include "mocks/tenant/a2a.h"

#include <string.h>

#include "base/clock.h"
#include "base/ids.h"
#include "base/limits.h"
#include "io/http.h"
#include "io/json.h"
#include "mocks/tenant/activity.h"
#include "mocks/tenant/discovery.h"
#include "mocks/tenant/handlers.h"
#include "mocks/tenant/rest.h"
#include "mocks/tenant/workspace.h"

/* An agent may think for long; the limit is only there so that no call stays forever. */
enum { AGENT_TIMEOUT_MS = 300000 };

/* ---- dispatch ---- */

struct a2a_delivery {
    struct a2a_delivery *next, *prev; /* of the platform's list */
    struct http_call *http;
    struct workspace *target;
    a2a_done_fn *done;
    void *arg;
};

/* Tells the sender and forgets the delivery. resp NULL = not reached. */
static void delivery_end(struct a2a_delivery *d, const struct http_response *resp)
{
    struct platform *p = d->target->org->plat;
    if (p->deliveries == d)
        p->deliveries = d->next;
    else
        d->prev->next = d->next;
    if (d->next)
        d->next->prev = d->prev;
    d->done(d->target, resp, d->arg);
    free(d);
}

static void delivered(const struct http_response *resp, const struct err *failed,
                      void *arg)
{
    delivery_end(arg, failed ? NULL : resp);
}

void tenant_stop(struct platform *p)
{
    struct a2a_delivery *d = TAKE(p->deliveries);
    while (d) {
        struct a2a_delivery *next = d->next;
        http_call_cancel(d->http);
        d->done(d->target, NULL, d->arg);
        free(d);
        d = next;
    }
}

void a2a_dispatch(struct workspace *target, const struct workspace *from,
                  const json_t *message, a2a_done_fn *done, void *arg)
{
    struct platform *p = target->org->plat;
    struct a2a_delivery *d = xcalloc(1, sizeof(*d));
    *d = (struct a2a_delivery){
        .next = p->deliveries, .target = target, .done = done, .arg = arg};
    struct http_request req CLEANUP(http_request_release) = HTTP_REQUEST_INIT;
    char *body CLEANUP(free_ptr) = json_text(message, JSON_STRUCT);
    size_t n = strlen(workspace_url(target));
    while (n > 0 && target->url[n - 1] == '/')
        n--;
    char *url CLEANUP(free_ptr) = xasprintf("%.*s/", (int)n, workspace_url(target));
    req.method = "POST";
    req.url = url;
    req.body = body;
    req.body_len = strlen(body);
    req.timeout_ms = AGENT_TIMEOUT_MS;
    req.connect_timeout_ms = 5000;
    strv_add(&req.headers, "Content-Type: application/json");
    if (from)
        strv_addf(&req.headers, "X-Workspace-ID: %s", from->id);
    if (d->next)
        d->next->prev = d;
    p->deliveries = d;
    d->http = http_async_start(p->http, &req, delivered, d);
}

json_t *a2a_text_message(const char *text)
{
    char id[37];
    char message_id[37];
    id_uuid4(id);
    id_uuid4(message_id);
    return json_make("{s:s,s:s,s:s,s:{s:{s:s,s:s,s:s,s:[{s:s,s:o}]}}}", "jsonrpc", "2.0",
                     "id", id, "method", "message/send", "params", "message", "kind",
                     "message", "messageId", message_id, "role", "user", "parts", "kind",
                     "text", "text", rest_string(text));
}

char *a2a_reply_text(const struct http_response *resp)
{
    json_t *answer CLEANUP(json_drop) = NULL;
    struct err err = ERR_INIT;
    if (json_parse(resp->body.data, resp->body.len, &answer, &err) < 0)
        return NULL;
    const json_t *result = json_object_get(answer, "result");
    const json_t *parts = json_object_get(result, "parts");
    if (!parts) /* a task instead of a message */
        parts = json_object_get(
            json_object_get(json_object_get(result, "status"), "message"), "parts");
    if (!json_is_array(parts))
        return NULL;
    struct strv texts CLEANUP(strv_release) = STRV_INIT;
    size_t i = 0;
    const json_t *part = NULL;
    json_array_foreach(parts, i, part)
    {
        const char *text = json_str(part, "text", NULL);
        if (text)
            strv_add(&texts, text);
    }
    return strv_join(&texts, "\n");
}

/* ---- the proxy ---- */

struct proxy {
    struct call *call;
    struct workspace *target;
    struct workspace *from; /* NULL = the user */
    json_t *message;        /* owned */
};

static void proxy_free(struct proxy *p)
{
    json_decref(p->message);
    free(p);
}

static const char *method_of(const json_t *message)
{
    return json_str(message, "method", "message/send");
}

static void log_message(struct proxy *p, const char *status, json_t *response)
{
    const json_t *params = json_object_get(p->message, "params");
    const char *message_id =
        json_str(json_object_get(params, "message"), "messageId", "");
    if (message_id[0] && activity_has_message(p->target, message_id)) {
        json_decref(response);
        return;
    }
    activity_add(p->target, &(struct activity){.activity_type = "a2a_receive",
                                               .method = method_of(p->message),
                                               .source_id = p->from ? p->from->id : NULL,
                                               .target_id = p->target->id,
                                               .status = status,
                                               .request_body = json_deep_copy(p->message),
                                               .response_body = response});
}

/* False = answered. */
static bool refuse(struct call *call, int status, const char *text)
{
    call_decide(call, "%s", text);
    call_error(call, status, text);
    return false;
}

static bool is_system_caller(const char *id)
{
    static const char *const prefixes[] = {"webhook:", "system:", "test:", "channel:"};
    for (size_t i = 0; i < ARRAY_SIZE(prefixes); i++)
        if (strncmp(id, prefixes[i], strlen(prefixes[i])) == 0)
            return true;
    return false;
}

static bool is_user(const struct call *call)
{
    return strcmp(call->auth, "admin") == 0 || strcmp(call->auth, "org_token") == 0;
}

/* A caller that is not the target proves who it is, once it can. */
static bool check_caller_token(struct call *call, const struct workspace *from)
{
    char bearer[BEARER_MAX];
    if (!from || token_count(from) == 0 || is_user(call) ||
        (call->token && call->token->ws == from))
        return true;
    return refuse(call, 401,
                  rest_bearer(call, bearer) ? "invalid caller auth token"
                                            : "missing caller auth token");
}

static bool check_caller(struct call *call, struct proxy *p)
{
    const char *id = call->req ? httpd_header(call->req, "X-Workspace-ID") : NULL;
    struct workspace *target = rest_ws(call);
    if (id && is_system_caller(id))
        return refuse(call, 403, "invalid caller ID");
    if (id && id[0]) {
        p->from = ws_by_id(call->org, id);
        if (!p->from) {
            bool elsewhere = ws_anywhere(call->plat, id) != NULL;
            return refuse(call, 403,
                          elsewhere ? "access denied: org isolation check failed"
                                    : "access denied: workspaces cannot communicate per "
                                      "hierarchy rules");
        }
    } else if (call->token && call->token->kind != TOKEN_ORG) {
        p->from = call->token->ws;
    }
    if (p->from == target)
        return true;
    if (!check_caller_token(call, p->from))
        return false;
    if (!p->from || !target || discovery_allowed(p->from, target))
        return true;
    return refuse(call, 403,
                  "access denied: workspaces cannot communicate per hierarchy rules");
}

/* Takes what clients of several ages send and makes it what an agent expects. False =
 * answered. */
static bool normalise(struct call *call, json_t *message)
{
    json_t *params = json_object_get(message, "params");
    json_t *m = json_object_get(params, "message");
    if (!json_is_object(m))
        return true;
    json_t *parts = json_object_get(m, "parts");
    json_t *content = json_object_get(m, "content");
    if (!parts && !content) {
        call_json(call, 400,
                  json_make("{s:s,s:s}", "error",
                            "params.message must contain either 'parts' (v0.3) or "
                            "'content' (v0.2 compat)",
                            "hint",
                            "send params.message.parts as a list of "
                            "{kind:'text', text:'...'}"));
        return false;
    }
    if (!parts && json_is_string(content)) {
        json_object_set_new(m, "parts",
                            json_make("[{s:s,s:O}]", "kind", "text", "text", content));
        json_object_del(m, "content");
    } else if (!parts) {
        json_object_set(m, "parts", content);
        json_object_del(m, "content");
    }
    size_t i = 0;
    json_t *part = NULL;
    json_array_foreach(json_object_get(m, "parts"), i, part)
    {
        json_t *type = json_object_get(part, "type");
        if (type && !json_object_get(part, "kind")) {
            json_object_set(part, "kind", type);
            json_object_del(part, "type");
        }
    }
    char id[37];
    id_uuid4(id);
    if (!json_str(m, "messageId", "")[0])
        json_object_set_new(m, "messageId", json_string(id));
    if (!json_str(m, "role", "")[0])
        json_object_set_new(m, "role", json_string("user"));
    return true;
}

/* Fills p->message. False = answered. */
static bool read_message(struct call *call, struct proxy *p)
{
    json_t *body = call_body(call);
    if (!json_is_object(body))
        return refuse(call, 400, "invalid JSON");
    if (!rest_ws(call) || !ws_live(rest_ws(call)))
        return refuse(call, 404, "workspace not found");
    p->message = json_deep_copy(body);
    if (!json_object_get(body, "jsonrpc")) {
        char id[37];
        id_uuid4(id);
        json_decref(p->message);
        json_t *params = json_object_get(body, "params");
        p->message =
            json_make("{s:s,s:s,s:s,s:o}", "jsonrpc", "2.0", "id", id, "method",
                      method_of(body), "params", json_deep_copy(params ? params : body));
    }
    return normalise(call, p->message);
}

static bool check_size(struct call *call)
{
    if (!call->req || call->req->body_len <= MIB(16))
        return true;
    call_json(call, 413,
              json_make("{s:s,s:I,s:b}", "error", "request body too large", "max_bytes",
                        (json_int_t)MIB(16), "truncated", 1));
    return false;
}

static bool check_budget(struct call *call)
{
    struct workspace *ws = rest_ws(call);
    json_t *exceeded = json_array();
    const char *period = NULL;
    json_t *limit = NULL;
    json_object_foreach(ws ? ws->budget : NULL, period, limit)
    {
        /* The mock spends nothing, so only a limit of nothing can be used up. */
        if (json_integer_value(limit) == 0)
            json_array_append_new(exceeded, json_string(period));
    }
    if (json_array_size(exceeded) == 0) {
        json_decref(exceeded);
        return true;
    }
    call_json(call, 402,
              json_make("{s:s,s:o}", "error", "workspace budget limit exceeded",
                        "exceeded_periods", exceeded));
    return false;
}

/* Answers for targets that no message can be posted to. False = answered. */
static bool check_target(struct call *call, struct proxy *p)
{
    struct workspace *ws = p->target;
    if (strcmp(ws->delivery_mode, "poll") == 0) {
        log_message(p, "queued", NULL);
        call_json(call, 200,
                  json_make("{s:s,s:s,s:s}", "delivery_mode", "poll", "method",
                            method_of(p->message), "status", "queued"));
        return false;
    }
    if (strcmp(ws->status, "hibernated") == 0) {
        if (call->req)
            httpd_add_header(call->req, "Retry-After", "15");
        (void)provision_restart(ws, "wake");
        call_json(call, 503,
                  json_make("{s:s,s:i,s:b}", "error",
                            "workspace is waking from hibernation \xe2\x80\x94 retry in "
                            "~15 seconds",
                            "retry_after", 15, "waking", 1));
        return false;
    }
    if (workspace_url(ws)[0])
        return true;
    call_json(
        call, 503,
        json_make("{s:s,s:s}", "error", "workspace has no URL", "status", ws->status));
    return false;
}

static void unreachable(struct proxy *p)
{
    struct workspace *ws = p->target;
    log_message(p, "error", NULL);
    if (ws_external_like(ws) || box_running(ws) || ws->org->plat->stopping) {
        call_error(p->call, 502, "failed to reach workspace agent");
        return;
    }
    if (strcmp(ws->status, "online") == 0 || strcmp(ws->status, "degraded") == 0) {
        ws_set_status(ws, "offline");
        event_add(ws->org, ws, "WORKSPACE_OFFLINE", NULL);
        (void)provision_restart(ws, "unreachable");
    }
    call_json(p->call, 503,
              json_make("{s:s,s:b}", "error",
                        "workspace agent unreachable \xe2\x80\x94 container restart "
                        "triggered",
                        "restarting", 1));
}

static void proxy_done(struct workspace *target, const struct http_response *resp,
                       void *arg)
{
    struct proxy *p = arg;
    (void)target;
    if (!resp) {
        unreachable(p);
        proxy_free(p);
        return;
    }
    json_t *answer = NULL;
    struct err err = ERR_INIT;
    if (json_parse(resp->body.data, resp->body.len, &answer, &err) < 0)
        answer = NULL;
    log_message(p, "ok", answer);
    const char *type = http_response_header(resp, "Content-Type");
    call_bytes(p->call, resp->status, type ? type : "application/json", resp->body.data,
               resp->body.len);
    proxy_free(p);
}

void a2a_send(struct call *call)
{
    struct proxy *p = xcalloc(1, sizeof(*p));
    p->call = call;
    p->target = rest_ws(call);
    if (!check_caller(call, p) || !check_size(call) || !check_budget(call) ||
        !read_message(call, p) || !check_target(call, p)) {
        proxy_free(p);
        return;
    }
    if (p->from)
        p->from->last_outbound_at = clock_wall_ms();
    a2a_dispatch(p->target, p->from, p->message, proxy_done, p);
}

void a2a_queue_get(struct call *call)
{
    const char *id = call->req ? httpd_header(call->req, "X-Workspace-ID") : NULL;
    bool known = (id && id[0]) || strcmp(call->auth, "open") != 0;
    if (!known) {
        call_error(call, 401, "caller identity required");
        return;
    }
    /* No agent of the mock is ever too busy, so nothing is ever queued. */
    call_json(call, 404,
              json_make("{s:s,s:b}", "error", "queue item not found", "retryable", 1));
}
