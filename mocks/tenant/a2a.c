#include "mocks/tenant/a2a.h"

#include <string.h>

#include "base/ids.h"
#include "base/limits.h"
#include "io/http.h"
#include "io/json.h"
#include "io/loop.h"
#include "mocks/tenant/discovery.h"
#include "mocks/tenant/handlers.h"
#include "mocks/tenant/registry.h"
#include "mocks/tenant/rest.h"

struct proxy {
    struct call *call; /* NULL once it was answered before the agent did */
    struct workspace *target;
    struct workspace *from; /* NULL = the user */
    json_t *message;        /* owned; NULL once it is on its way */
    struct loop_timer *slow;
};

static void proxy_free(struct proxy *p)
{
    loop_timer_cancel(p->slow);
    json_decref(p->message);
    free(p);
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
        /* A tenant knows no more of another one's workspaces than of none. */
        if (!p->from)
            return refuse(call, 403,
                          "access denied: workspaces cannot communicate per hierarchy "
                          "rules");
    } else if (call->token && call->token->kind != TOKEN_ORG) {
        p->from = call->token->ws;
    }
    if (p->from == target)
        return true;
    if (!check_caller_token(call, p->from))
        return false;
    if (!p->from || discovery_allowed(p->from, target))
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
        p->message = json_make("{s:s,s:s,s:s,s:o}", "jsonrpc", "2.0", "id", id, "method",
                               a2a_method_of(body), "params",
                               json_deep_copy(params ? params : body));
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

/* What is spent of a period as far as the tenant knows: agents report the month's. */
static double spent(const struct workspace *ws, const char *period)
{
    return strcmp(period, "monthly") == 0 ? ws->monthly_spend : 0;
}

static bool check_budget(struct call *call)
{
    struct workspace *ws = rest_ws(call);
    json_t *exceeded = json_array();
    const char *period = NULL;
    json_t *limit = NULL;
    json_object_foreach(ws ? ws->budget : NULL, period, limit)
    {
        if (json_is_integer(limit) &&
            (double)json_integer_value(limit) <= spent(ws, period))
            json_array_append_new(exceeded, json_string(period));
    }
    if (ws && ws->budget_limit >= 0 && (double)ws->budget_limit <= ws->monthly_spend &&
        !json_object_get(ws->budget, "monthly"))
        json_array_append_new(exceeded, json_string("monthly"));
    if (json_array_size(exceeded) == 0) {
        json_decref(exceeded);
        return true;
    }
    call_json(call, 402,
              json_make("{s:s,s:o}", "error", "workspace budget limit exceeded",
                        "exceeded_periods", exceeded));
    return false;
}

/* Switch concierge_hold: a platform agent without its tool would only say so. */
static bool check_hold(struct call *call)
{
    const struct workspace *ws = rest_ws(call);
    if (!ws || strcmp(ws->status, "provisioning") != 0 ||
        !registry_holds(ws, ws->loaded_mcp_tools))
        return true;
    call_decide(call, "held until its tool is loaded");
    if (call->req)
        httpd_add_header(call->req, "Retry-After", "15");
    call_json(call, 503,
              json_make("{s:s,s:i,s:s}", "error",
                        "platform agent is provisioning: its management tools are not "
                        "loaded yet \xe2\x80\x94 retry in ~15 seconds",
                        "retry_after", 15, "status", ws->status));
    return false;
}

/* ---- the answer ---- */

static void answer_as_is(struct call *call, const struct http_response *resp)
{
    const char *type = http_response_header(resp, "Content-Type");
    call_bytes(call, resp->status, type ? type : "application/json", resp->body.data,
               resp->body.len);
}

/* What the caller is told when there is no answer of the agent; owned by the caller. */
static json_t *refusal(const struct workspace *target, const struct a2a_result *result,
                       const char *method)
{
    switch (result->outcome) {
    case A2A_POLLED:
        return json_make("{s:s,s:s,s:s}", "delivery_mode", "poll", "method", method,
                         "status", "queued");
    case A2A_WAKING:
        return json_make("{s:s,s:i,s:b}", "error",
                         "workspace is waking from hibernation \xe2\x80\x94 retry in ~15 "
                         "seconds",
                         "retry_after", 15, "waking", 1);
    case A2A_NO_URL:
        return json_make("{s:s,s:s}", "error", "workspace has no URL", "status",
                         target->status);
    case A2A_UNROUTABLE:
        return json_make("{s:s}", "error", "workspace URL is not publicly routable");
    case A2A_UNREACHABLE:
        return json_make("{s:s}", "error", "failed to reach workspace agent");
    case A2A_RESTARTING:
        return json_make("{s:s,s:b}", "error",
                         "workspace agent unreachable \xe2\x80\x94 container restart "
                         "triggered",
                         "restarting", 1);
    case A2A_QUEUED:
        return json_make(
            "{s:s,s:I,s:s,s:b}", "message",
            "workspace agent busy \xe2\x80\x94 request queued, will dispatch "
            "when capacity available",
            "queue_depth", (json_int_t)result->queue_depth, "queue_id", result->queue_id,
            "queued", 1);
    case A2A_ANSWERED:
        break;
    }
    return json_object();
}

static void proxy_done(struct workspace *target, const struct a2a_result *result,
                       void *arg)
{
    static const int status[] = {
        [A2A_POLLED] = 200,     [A2A_WAKING] = 503,      [A2A_NO_URL] = 503,
        [A2A_UNROUTABLE] = 502, [A2A_UNREACHABLE] = 502, [A2A_RESTARTING] = 503,
        [A2A_QUEUED] = 202,
    };
    struct proxy *p = arg;
    struct call *call = p->call;
    if (call && result->outcome == A2A_ANSWERED) {
        answer_as_is(call, result->resp);
    } else if (call) {
        if (result->outcome == A2A_WAKING && call->req)
            httpd_add_header(call->req, "Retry-After", "15");
        call_json(call, status[result->outcome],
                  refusal(target, result, a2a_method_of(call_body(call))));
    }
    proxy_free(p);
}

/* The user does not wait longer than a browser would; the agent goes on. */
static void too_slow(void *arg)
{
    struct proxy *p = arg;
    struct call *call = TAKE(p->call);
    p->slow = NULL;
    call_json(call, 200,
              json_make("{s:s,s:s,s:s}", "delivery_mode", "push-async", "method",
                        "message/send", "status", "queued"));
}

void a2a_send(struct call *call)
{
    struct proxy *p = xcalloc(1, sizeof(*p));
    p->call = call;
    p->target = rest_ws(call);
    if (!check_caller(call, p) || !check_size(call) || !check_budget(call) ||
        !read_message(call, p) || !check_hold(call)) {
        proxy_free(p);
        return;
    }
    int64_t patience_s = switch_int(call->org, "push_async_s");
    if (!p->from && patience_s > 0)
        p->slow = loop_timer_add(call->plat->loop,
                                 pace_ms(call->plat, (double)patience_s), too_slow, p);
    a2a_deliver(p->target, p->from, TAKE(p->message), NULL, proxy_done, p);
}
