#include <string.h>

#include "io/json.h"
#include "mocks/tenant/handlers.h"
#include "mocks/tenant/models.h"
#include "mocks/tenant/rest.h"
#include "mocks/tenant/workspace.h"

enum { CONFIG_MAX = 256 * 1024 };

/* ---- model ---- */

void model_get(struct call *call)
{
    const struct workspace *ws = rest_ws(call);
    const char *model = ws ? workspace_model(ws) : NULL;
    if (!model) {
        call_json(call, 200, json_make("{s:s,s:s}", "model", "", "source", "unresolved"));
        return;
    }
    call_json(call, 200,
              json_make("{s:o,s:s}", "model", rest_string(model), "source",
                        "workspace_secrets"));
}

void model_put(struct call *call)
{
    json_t *body = rest_need_body(call, "invalid request body");
    if (!body)
        return;
    const char *model = json_str(body, "model", NULL);
    if (!model) {
        call_error(call, 400, "invalid request body");
        return;
    }
    struct workspace *ws = rest_need_ws(call);
    if (!ws)
        return;
    if (!model[0]) {
        secret_delete(&ws->secrets, "MODEL");
        workspace_restart_auto(ws, "setting");
        call_json(call, 200, json_make("{s:s}", "status", "cleared"));
        return;
    }
    if (model_fit(ws->runtime, model, NULL) == MODEL_UNREGISTERED) {
        char *text CLEANUP(free_ptr) =
            xasprintf("model \"%s\" is not a registered model for runtime \"%s\"", model,
                      ws->runtime);
        call_error(call, 422, text);
        return;
    }
    secret_set(&ws->secrets, "MODEL", model);
    json_t *answer = json_make("{s:s,s:s}", "model", model, "status", "saved");
    workspace_restart_auto(ws, "setting");
    call_json(call, 200, answer);
}

/* ---- config: kept, never read by a box ---- */

void config_get(struct call *call)
{
    struct workspace *ws = rest_need_ws(call);
    if (ws)
        call_json(call, 200, json_make("{s:O}", "data", rest_object(ws->rest, "config")));
}

void config_patch(struct call *call)
{
    if (call->req && call->req->body_len > CONFIG_MAX) {
        call_error(call, 400, "failed to read body");
        return;
    }
    json_t *body = rest_need_body(call, "invalid JSON");
    struct workspace *ws = body ? rest_need_ws(call) : NULL;
    if (!ws)
        return;
    const char *key = NULL;
    json_t *value = NULL;
    json_object_foreach(body, key, value)
    {
        json_object_set(rest_object(ws->rest, "config"), key, value);
    }
    call_json(call, 200, json_make("{s:s}", "status", "updated"));
}

/* ---- who pays ---- */

const char *workspace_billing_mode(const struct workspace *ws)
{
    /* Without an override the platform pays where a control plane's proxy is there. */
    return json_str(ws->rest, "billing_mode",
                    ws->org->plat->self_hosted ? "byok" : "platform_managed");
}

static json_t *billing_view(const struct workspace *ws)
{
    const char *override = json_str(ws->rest, "billing_mode", NULL);
    json_t *view = json_object();
    json_object_set_new(view, "workspace_id", json_string(ws->id));
    json_object_set_new(view, "resolved_mode", json_string(workspace_billing_mode(ws)));
    json_object_set_new(view, "workspace_override", rest_string(override));
    json_object_set_new(view, "source",
                        json_string(override ? "workspace_override" : "default"));
    json_object_set_new(view, "provider_selection", json_string(""));
    return view;
}

void billing_get(struct call *call)
{
    struct workspace *ws = rest_need_ws_uuid(call, "invalid workspace id");
    if (ws)
        call_struct(call, 200, billing_view(ws));
}

void billing_put(struct call *call)
{
    static const char *const modes[] = {"platform_managed", "byok", "disabled"};
    if (!rest_need_uuid(call, "invalid workspace id"))
        return;
    json_t *body = rest_need_body(call, "invalid json");
    if (!body)
        return;
    json_t *mode = json_object_get(body, "mode");
    if (!mode) {
        call_error(call, 400,
                   "missing required field 'mode' (use null to clear override)");
        return;
    }
    bool known = json_is_null(mode);
    for (size_t i = 0; json_is_string(mode) && i < ARRAY_SIZE(modes); i++)
        known = known || strcmp(modes[i], json_string_value(mode)) == 0;
    if (!known) {
        call_error(call, 400,
                   "mode must be one of platform_managed, byok, disabled, or null to "
                   "clear");
        return;
    }
    struct workspace *ws = rest_need_ws(call);
    if (!ws)
        return;
    if (json_is_null(mode))
        json_object_del(ws->rest, "billing_mode");
    else
        json_object_set(ws->rest, "billing_mode", mode);
    call_struct(call, 200, billing_view(ws));
}

/* ---- budget ---- */

static const char *const periods[] = {"hourly", "daily", "weekly", "monthly"};

static json_t *limit_view(const json_t *limit)
{
    json_t *view = json_object();
    json_object_set_new(view, "limit",
                        limit ? json_integer(json_integer_value(limit)) : json_null());
    json_object_set_new(view, "spend", json_integer(0));
    json_object_set_new(view, "remaining",
                        limit ? json_integer(json_integer_value(limit)) : json_null());
    return view;
}

static json_t *budget_view(const struct workspace *ws)
{
    json_t *by_period = json_object();
    for (size_t i = 0; i < ARRAY_SIZE(periods); i++)
        json_object_set_new(by_period, periods[i],
                            limit_view(json_object_get(ws->budget, periods[i])));
    json_t *view = json_object();
    json_object_set_new(view, "periods", by_period);
    json_object_set_new(view, "budget_limit",
                        ws->budget_limit < 0 ? json_null()
                                             : json_integer(ws->budget_limit));
    json_object_set_new(view, "monthly_spend", rest_number(ws->monthly_spend));
    json_object_set_new(view, "budget_remaining",
                        ws->budget_limit < 0 ? json_null()
                                             : json_integer(ws->budget_limit -
                                                            (int64_t)ws->monthly_spend));
    return view;
}

void budget_get(struct call *call)
{
    struct workspace *ws = rest_need_ws(call);
    if (ws)
        call_struct(call, 200, budget_view(ws));
}

static bool is_period(const char *name)
{
    for (size_t i = 0; i < ARRAY_SIZE(periods); i++)
        if (strcmp(periods[i], name) == 0)
            return true;
    return false;
}

/* What is wrong with the limits; caller frees, NULL = nothing. */
static char *limits_fault(json_t *limits)
{
    const char *period = NULL;
    json_t *limit = NULL;
    if (!json_is_object(limits))
        return xstrdup("budget_limits must be an object of period\xe2\x86\x92int|null");
    json_object_foreach(limits, period, limit)
    {
        if (!is_period(period))
            return xasprintf("unknown budget period: %s (allowed: hourly, daily, weekly, "
                             "monthly)",
                             period);
        if (json_is_null(limit))
            continue;
        if (!json_is_integer(limit))
            return xstrdup(
                "budget_limits must be an object of period\xe2\x86\x92int|null");
        if (json_integer_value(limit) < 0)
            return xasprintf("budget limit for %s must be >= 0 (USD cents)", period);
    }
    return NULL;
}

static char *limit_fault(const json_t *limit)
{
    if (json_is_null(limit))
        return NULL;
    if (!json_is_integer(limit))
        return xstrdup("budget_limit must be an integer (USD cents) or null");
    if (json_integer_value(limit) < 0)
        return xstrdup("budget_limit must be >= 0 (USD cents)");
    return NULL;
}

void budget_patch(struct call *call)
{
    json_t *body = call_body(call);
    json_t *limits = json_object_get(body, "budget_limits");
    json_t *limit = json_object_get(body, "budget_limit");
    if (!limits && !limit) {
        call_error(call, 400, "budget_limits or budget_limit field is required");
        return;
    }
    char *fault CLEANUP(free_ptr) = limits ? limits_fault(limits) : limit_fault(limit);
    if (fault) {
        call_error(call, 400, fault);
        return;
    }
    struct workspace *ws = rest_need_ws(call);
    if (!ws)
        return;
    const char *period = NULL;
    json_t *value = NULL;
    json_object_foreach(limits, period, value)
    {
        if (json_is_null(value))
            json_object_del(ws->budget, period);
        else
            json_object_set(ws->budget, period, value);
    }
    if (!limits)
        ws->budget_limit = json_is_null(limit) ? -1 : json_integer_value(limit);
    call_struct(call, 200, budget_view(ws));
}
