#include "mocks/tenant/registry.h"

#include <string.h>

#include "base/clock.h"
#include "base/ids.h"
#include "base/num.h"
#include "io/json.h"
#include "mocks/tenant/a2a.h"
#include "mocks/tenant/handlers.h"
#include "mocks/tenant/models.h"
#include "mocks/tenant/rest.h"
#include "mocks/tenant/workspace.h"

enum tristate registry_mcp_present(const json_t *body)
{
    const json_t *value = json_object_get(body, "mcp_server_present");
    if (!json_is_boolean(value))
        return TRI_ABSENT;
    return json_is_true(value) ? TRI_TRUE : TRI_FALSE;
}

enum identity_fault registry_identity(const struct workspace *ws, enum tristate present)
{
    if (!ws || !workspace_model(ws))
        return IDENTITY_NO_MODEL;
    return present == TRI_FALSE ? IDENTITY_NO_MCP : IDENTITY_OK;
}

void registry_identity_fail(struct workspace *ws, enum identity_fault fault,
                            const char *message)
{
    provision_failed(
        ws, message,
        json_make("{s:s,s:s}", "code", "PLATFORM_AGENT_IDENTITY_GATE", "reason",
                  fault == IDENTITY_NO_MODEL ? "model_missing" : "mcp_server_missing"));
}

bool registry_lists_required(const struct org *org, const json_t *tools)
{
    CLEANUP(free_ptr) char *wanted = required_tool_id(org);
    size_t i = 0;
    const json_t *tool = NULL;
    json_array_foreach(tools, i, tool)
    {
        const char *name = json_string_value(tool);
        if (name && strcmp(name, wanted) == 0)
            return true;
    }
    return false;
}

bool registry_holds(const struct workspace *ws, const json_t *tools)
{
    return strcmp(ws->kind, "platform") == 0 &&
           switch_is(ws->org, "concierge_hold", "on") &&
           !registry_lists_required(ws->org, tools);
}

/* ---- register ---- */

struct registration {
    const json_t *body;
    char id[37];
    const char *kind, *mode;  /* NULL = not given */
    json_t *card;             /* owned */
    const char *url;          /* "" = none; in poll mode as given */
    struct workspace *ws;     /* NULL = unknown id */
    bool held;                /* registered, and not online for it */
    struct workspace *proven; /* ws, when the bearer is its own; else NULL */
};

/* False = answered. */
typedef bool step_fn(struct call *call, struct registration *r);

/* A registration that was refused although its bearer was good: for five minutes the
 * heartbeat keeps such a workspace degraded. */
static void stamp_failure(struct registration *r)
{
    if (r->proven)
        r->proven->last_register_failure_mono = clock_mono_ms();
}

static bool refuse(struct call *call, struct registration *r, int status,
                   const char *text)
{
    call_decide(call, "%s", text);
    stamp_failure(r);
    call_error(call, status, text);
    return false;
}

static bool read_body(struct call *call, struct registration *r)
{
    static const struct rest_field fields[] = {{"id", 's'},
                                               {"url", 's'},
                                               {"delivery_mode", 's'},
                                               {"kind", 's'},
                                               {"mcp_server_present", 'b'}};
    r->body = call_body(call);
    const char *id = json_str(r->body, "id", "");
    const json_t *card = json_object_get(r->body, "agent_card");
    if (!rest_fields_ok(r->body, fields, ARRAY_SIZE(fields)) || !id[0] || !card ||
        json_is_null(card))
        return refuse(call, r, 400, "invalid request body");
    r->card = json_deep_copy(card);
    r->ws = ws_by_id(call->org, id);
    snprintf(r->id, sizeof(r->id), "%s", id_is_uuid(id) ? id : "");
    r->url = json_str(r->body, "url", "");
    r->mode = json_str(r->body, "delivery_mode", NULL);
    r->kind = json_str(r->body, "kind", NULL);
    if (r->mode && r->mode[0] && strcmp(r->mode, "push") != 0 &&
        strcmp(r->mode, "poll") != 0)
        return refuse(call, r, 400, "delivery_mode must be 'push' or 'poll'");
    if (r->kind && r->kind[0] && strcmp(r->kind, "workspace") != 0 &&
        strcmp(r->kind, "platform") != 0)
        return refuse(call, r, 400, "kind must be 'workspace' or 'platform'");
    return true;
}

static bool check_token(struct call *call, struct registration *r)
{
    if (!rest_need_registry(call, r->ws))
        return false;
    if (r->ws && call->token && call->token->ws == r->ws &&
        call->token->kind != TOKEN_ORG)
        r->proven = r->ws;
    return true;
}

static bool asks_for_platform(const struct registration *r)
{
    return r->kind && strcmp(r->kind, "platform") == 0;
}

static bool check_kind(struct call *call, struct registration *r)
{
    if (!asks_for_platform(r) || (r->ws && strcmp(r->ws->kind, "platform") == 0))
        return true;
    if (fault_mode(call->org, "kind-check")) {
        rest_fault(call, "kind-check");
        return true;
    }
    return refuse(call, r, 403,
                  "kind='platform' may only be assigned by the platform-agent install "
                  "path");
}

static bool check_fault(struct call *call, struct registration *r)
{
    const char *mode = fault_mode(call->org, "register");
    if (!mode || (r->ws && strcmp(mode, "known-only") == 0))
        return true;
    rest_fault(call, "register");
    return strcmp(mode, "refuse") == 0 ? refuse(call, r, 403, "registration refused")
                                       : refuse(call, r, 404, "workspace not found");
}

static bool check_identity(struct call *call, struct registration *r)
{
    static const char *const messages[] = {
        [IDENTITY_OK] = "",
        [IDENTITY_NO_MODEL] =
            "platform agent registered without a seeded MODEL secret; refusing online",
        [IDENTITY_NO_MCP] =
            "platform agent registered without /opt/molecule-mcp-server; refusing online",
    };
    bool platform =
        asks_for_platform(r) || (r->ws && strcmp(r->ws->kind, "platform") == 0);
    /* Nobody has seeded a row that does not exist: only with fault kind-check=off. */
    if (!platform || !r->ws)
        return true;
    enum identity_fault fault = registry_identity(r->ws, registry_mcp_present(r->body));
    if (fault == IDENTITY_OK)
        return true;
    registry_identity_fail(r->ws, fault, messages[fault]);
    stamp_failure(r);
    call_decide(call, "identity gate: %s", messages[fault]);
    call_error(call, 400, "platform agent identity incomplete");
    return false;
}

static const char *effective_mode(const struct registration *r)
{
    if (r->mode && r->mode[0])
        return r->mode;
    if (r->ws && r->ws->delivery_mode && r->ws->delivery_mode[0])
        return r->ws->delivery_mode;
    return r->ws && runtime_is_external(r->ws->runtime) ? "poll" : "push";
}

static bool check_url(struct call *call, struct registration *r)
{
    char reason[200];
    const char *card_url = json_str(r->card, "url", "");
    r->mode = effective_mode(r);
    if (strcmp(r->mode, "push") != 0)
        return true;
    if (card_url[0] && !rest_url_ok(call->org, card_url, reason))
        return refuse(call, r, 400, "workspace agent_card URL not allowed");
    if (!r->url[0])
        r->url = card_url;
    if (!r->url[0])
        return refuse(call, r, 400, "url is required for push-mode workspaces");
    if (!rest_url_ok(call->org, r->url, reason))
        return refuse(call, r, 400, reason);
    return true;
}

/* The platform knows better than an agent what the agent is called. */
static void reconcile_card(struct registration *r)
{
    if (!json_is_object(r->card))
        return;
    const char *row_name = r->ws ? r->ws->name : r->id;
    const char *name = json_str(r->card, "name", "");
    if (!name[0] || strcmp(name, r->id) == 0)
        json_object_set_new(r->card, "name", rest_string(row_name));
    if (!json_str(r->card, "description", "")[0])
        json_object_set_new(r->card, "description",
                            json_string(json_str(r->card, "name", "")));
    if (r->ws && r->ws->role)
        json_object_set_new(r->card, "role", rest_string(r->ws->role));
}

/* A local address other than the default one was put there by the platform's own
 * container start, and an agent that registers does not replace it. */
static bool keeps_url(const struct workspace *ws)
{
    static const char *const hosts[] = {"http://127.0.0.1:", "http://localhost:"};
    for (size_t i = 0; ws->url && i < ARRAY_SIZE(hosts); i++) {
        int64_t port = 0;
        size_t n = strlen(hosts[i]);
        if (strncmp(ws->url, hosts[i], n) == 0 &&
            num_parse(ws->url + n, 1, 65535, &port) && port != 8000)
            return true;
    }
    return false;
}

static void fill_row(struct registration *r)
{
    struct workspace *ws = r->ws;
    if (asks_for_platform(r) && strcmp(ws->kind, "platform") != 0) {
        /* Only with fault kind-check=off. */
        str_set(&ws->kind, "platform");
        ws->parent_id[0] = '\0';
    }
    if (!keeps_url(ws))
        str_set(&ws->url, r->url);
    str_set(&ws->delivery_mode, r->mode);
    json_decref(ws->agent_card);
    ws->agent_card = TAKE(r->card);
    ws->last_register_failure_mono = 0;
    ws->last_heartbeat_mono = clock_mono_ms();
    ws->last_heartbeat_at = clock_wall_ms();
    r->held = registry_holds(ws, json_object_get(r->body, "loaded_mcp_tools"));
    if (!ws_removed(ws) && !r->held)
        ws_set_status(ws, "online");
}

static void answer(struct call *call, struct workspace *ws)
{
    json_t *body =
        json_make("{s:s,s:s,s:s}", "delivery_mode", ws->delivery_mode,
                  "platform_inbound_secret", ws->inbound_secret, "status", "registered");
    if (!token_has_instance(ws)) {
        char text[44];
        token_mint(call->org, ws, TOKEN_INSTANCE, NULL, text);
        json_object_set_new(body, "auth_token", json_string(text));
    }
    call_json(call, 200, body);
}

static void store(struct call *call, struct registration *r)
{
    if (!r->ws && !r->id[0]) {
        (void)refuse(call, r, 500, "registration failed");
        return;
    }
    reconcile_card(r);
    bool was_provisioning = r->ws && strcmp(r->ws->status, "provisioning") == 0;
    if (!r->ws)
        r->ws = ws_add(call->org, r->id, r->id, NULL);
    struct workspace *ws = r->ws;
    fill_row(r);
    call_decide(call, "%s",
                r->held            ? "registered, held until its tool is loaded"
                : was_provisioning ? "provisioning -> online"
                                   : "registered");
    if (!r->held)
        event_add(call->org, ws, "WORKSPACE_ONLINE",
                  json_make("{s:o,s:O?,s:s}", "url", rest_string(ws->url), "agent_card",
                            ws->agent_card, "delivery_mode", ws->delivery_mode));
    answer(call, ws);
    if (was_provisioning)
        reconcile_start(ws);
    if (!r->held)
        restart_context_send(ws);
}

void registry_register(struct call *call)
{
    static step_fn *const steps[] = {read_body,   check_token,    check_kind,
                                     check_fault, check_identity, check_url};
    struct registration r = {.url = ""};
    bool good = true;
    for (size_t i = 0; good && i < ARRAY_SIZE(steps); i++)
        good = steps[i](call, &r);
    if (good)
        store(call, &r);
    json_decref(r.card);
}

void registry_update_card(struct call *call)
{
    char reason[200];
    json_t *body = rest_need_body(call, "invalid request body");
    if (!body)
        return;
    const char *id = json_str(body, "workspace_id", "");
    json_t *card = json_object_get(body, "agent_card");
    if (!id[0] || !card || json_is_null(card)) {
        call_error(call, 400, "invalid request body");
        return;
    }
    struct workspace *ws = ws_by_id(call->org, id);
    if (!rest_need_registry(call, ws))
        return;
    const char *url = json_str(card, "url", "");
    if (url[0] && !rest_url_ok(call->org, url, reason)) {
        call_error(call, 400, "workspace URL not allowed");
        return;
    }
    if (ws && ws_live(ws)) {
        json_decref(ws->agent_card);
        ws->agent_card = json_deep_copy(card);
        event_add(call->org, ws, "AGENT_CARD_UPDATED",
                  json_make("{s:O}", "agent_card", ws->agent_card));
    }
    call_json(call, 200, json_make("{s:s}", "status", "updated"));
}
