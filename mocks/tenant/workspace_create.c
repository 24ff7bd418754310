/*
 * POST /workspaces. The checks are a table, because their order is part of the contract:
 * a body with two faults is always answered for the first one.
 */
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/fs.h"
#include "base/ids.h"
#include "base/limits.h"
#include "io/json.h"
#include "io/yaml.h"
#include "mocks/tenant/connection.h"
#include "mocks/tenant/handlers.h"
#include "mocks/tenant/models.h"
#include "mocks/tenant/rest.h"
#include "mocks/tenant/workspace.h"

struct creation {
    const json_t *body;
    const char *name, *role, *template; /* template "" = none */
    char runtime[128], model[128];      /* as given, then as resolved */
    const char *url;
    bool external;
    char parent_id[37]; /* "" = none */
    char *free_name;    /* owned */
    char id[37];
};

/* False = answered. */
typedef bool check_fn(struct call *call, struct creation *c);

static bool refuse(struct call *call, int status, const char *text)
{
    call_decide(call, "%s", text);
    call_error(call, status, text);
    return false;
}

/* 422 with a code; more: taken, holds the answer's other members. */
static bool refuse_code(struct call *call, const char *code, const char *text,
                        json_t *more)
{
    json_object_set_new(more, "code", json_string(code));
    json_object_set_new(more, "error", rest_string(text));
    call_decide(call, "%s", code);
    call_json(call, 422, more);
    return false;
}

static bool check_payload(struct call *call, struct creation *c)
{
    static const struct rest_field fields[] = {{"name", 's'},
                                               {"role", 's'},
                                               {"template", 's'},
                                               {"tier", 'i'},
                                               {"model", 's'},
                                               {"runtime", 's'},
                                               {"external", 'b'},
                                               {"url", 's'},
                                               {"delivery_mode", 's'},
                                               {"workspace_dir", 's'},
                                               {"workspace_access", 's'},
                                               {"parent_id", 's'},
                                               {"budget_limit", 'i'},
                                               {"secrets", 'o'},
                                               {"max_concurrent_tasks", 'i'},
                                               {"compute", 'o'},
                                               {"canvas", 'o'},
                                               {"initial_memories", 'a'}};
    c->body = call_body(call);
    if (!json_is_object(c->body) || !rest_fields_ok(c->body, fields, ARRAY_SIZE(fields)))
        return refuse(call, 400, "invalid workspace payload");
    c->name = json_str(c->body, "name", "");
    c->role = json_str(c->body, "role", NULL);
    c->template = json_str(c->body, "template", "");
    c->url = json_str(c->body, "url", "");
    c->external = json_bool(c->body, "external", false);
    if (!c->name[0])
        return refuse(call, 400, "invalid workspace payload");
    return true;
}

static bool check_texts(struct call *call, struct creation *c)
{
    const char *model = json_str(c->body, "model", "");
    const char *runtime = json_str(c->body, "runtime", "");
    if (!workspace_texts_ok(c->name, c->role, model, runtime))
        return refuse(call, 400, "invalid workspace fields");
    snprintf(c->model, sizeof(c->model), "%s", model);
    snprintf(c->runtime, sizeof(c->runtime), "%s", runtime);
    return true;
}

static bool check_template(struct call *call, struct creation *c)
{
    if (!c->template[0] || (c->runtime[0] && c->model[0]))
        return true;
    if (!fs_path_is_safe(c->template))
        return refuse(call, 400, "invalid template");
    struct ydoc *doc CLEANUP(ydoc_drop) = template_config(call->org, c->template);
    const struct ynode *root = doc ? ydoc_root(doc) : NULL;
    const char *nested = ynode_str(ynode_get(root, "runtime_config"), "model", "");
    if (!c->runtime[0])
        snprintf(c->runtime, sizeof(c->runtime), "%s", ynode_str(root, "runtime", ""));
    if (!c->model[0])
        snprintf(c->model, sizeof(c->model), "%s", ynode_str(root, "model", nested));
    if (c->runtime[0])
        return true;
    return refuse_code(
        call, "RUNTIME_UNRESOLVED",
        "runtime could not be resolved from the requested template; refusing to silently "
        "provision the default runtime (controlplane#188). Pass an explicit \"runtime\", "
        "or use a template whose config.yaml declares one.",
        json_make("{s:s}", "template", c->template));
}

static bool check_runtime(struct call *call, struct creation *c)
{
    if (!c->runtime[0])
        snprintf(c->runtime, sizeof(c->runtime), "%s",
                 c->external ? "external" : "claude-code");
    if (c->external && !runtime_is_external(c->runtime))
        return refuse_code(
            call, "RUNTIME_UNSUPPORTED",
            "external workspaces must use runtime \"external\", \"kimi\", or "
            "\"kimi-cli\"",
            json_make("{s:s}", "runtime", c->runtime));
    if (!runtime_is_known(call->org, c->runtime))
        return refuse_code(call, "RUNTIME_UNSUPPORTED", "unsupported workspace runtime",
                           json_make("{s:s}", "runtime", c->runtime));
    /* A runtime that lives elsewhere makes the workspace external, said or not. */
    c->external = c->external || runtime_is_external(c->runtime);
    return true;
}

static bool has_credential(const struct call *call, const struct creation *c,
                           const struct model_provider *provider)
{
    const json_t *given = json_object_get(c->body, "secrets");
    for (size_t i = 0; provider->credentials[i]; i++)
        if (json_str(given, provider->credentials[i], "")[0] ||
            secret_get(&call->org->secrets, provider->credentials[i]))
            return true;
    return false;
}

static bool refuse_byok(struct call *call, const struct creation *c,
                        const struct model_provider *provider)
{
    struct strv names CLEANUP(strv_release) = STRV_INIT;
    for (size_t i = 0; provider->credentials[i]; i++)
        strv_add(&names, provider->credentials[i]);
    char *list CLEANUP(free_ptr) = strv_join(&names, ", ");
    char *text CLEANUP(free_ptr) = xasprintf(
        "model \"%s\" resolves to BYOK provider \"%s\" but no credential it accepts (%s) "
        "exists at workspace or org scope \xe2\x80\x94 the workspace would be created "
        "and then fail provisioning with MISSING_BYOK_CREDENTIAL. Add one of those "
        "secrets first, or pick a platform-billed model (the vendor/model slash form, "
        "e.g. moonshot/kimi-k2.6 \xe2\x80\x94 no key needed).",
        c->model, provider->name, list);
    return refuse_code(call, "MISSING_BYOK_CREDENTIAL", text, json_object());
}

static bool check_model(struct call *call, struct creation *c)
{
    if (c->external)
        return true;
    if (!c->model[0])
        return refuse_code(
            call, "MODEL_REQUIRED",
            "model is required and has no platform-side default \xe2\x80\x94 pass an "
            "explicit \"model\" in the request body, or use a \"template\" whose "
            "config.yaml declares one. See feedback_workspace_model_required_no_platform_"
            "default_dynamic_credential_intake for the contract.",
            json_make("{s:s,s:s}", "runtime", c->runtime, "template", c->template));
    const struct model_provider *provider = NULL;
    switch (model_fit(c->runtime, c->model, &provider)) {
    case MODEL_PLATFORM:
        return true;
    case MODEL_BYOK:
        return has_credential(call, c, provider) || refuse_byok(call, c, provider);
    case MODEL_UNREGISTERED:
        break;
    }
    char *text CLEANUP(free_ptr) =
        xasprintf("model \"%s\" is not a registered model for runtime \"%s\"; pick one "
                  "of the runtime's registered models (provider-registry SSOT, "
                  "internal#718)",
                  c->model, c->runtime);
    return refuse_code(call, "UNREGISTERED_MODEL_FOR_RUNTIME", text,
                       json_make("{s:s,s:s}", "model", c->model, "runtime", c->runtime));
}

static bool check_places(struct call *call, struct creation *c)
{
    char reason[200];
    if (!workspace_dir_ok(json_str(c->body, "workspace_dir", NULL)))
        return refuse(call, 400, "invalid workspace directory");
    if (!workspace_access_ok(json_str(c->body, "workspace_access", NULL)))
        return refuse(call, 400, "invalid workspace access");
    if (c->url[0] && !rest_url_ok(call->org, c->url, reason)) {
        char *text CLEANUP(free_ptr) = xasprintf("unsafe workspace URL: %s", reason);
        return refuse(call, 400, text);
    }
    const char *mode = json_str(c->body, "delivery_mode", "");
    if (mode[0] && strcmp(mode, "push") != 0 && strcmp(mode, "poll") != 0)
        return refuse(call, 400, "delivery_mode must be 'push' or 'poll'");
    return true;
}

static bool check_name(struct call *call, struct creation *c)
{
    const char *parent = json_str(c->body, "parent_id", NULL);
    if (!parent || !parent[0])
        parent = ws_default_parent(call->org);
    if (parent && parent[0] && !ws_by_id(call->org, parent))
        return refuse(call, 500, "failed to create workspace");
    snprintf(c->parent_id, sizeof(c->parent_id), "%s", parent ? parent : "");
    c->free_name = workspace_free_name(call->org, c->name, c->parent_id);
    if (!c->free_name)
        return refuse(call, 409,
                      "workspace name already in use; please pick a different name");
    return true;
}

static bool check_secrets(struct call *call, struct creation *c)
{
    const char *key = NULL;
    json_t *value = NULL;
    id_uuid4(c->id);
    json_object_foreach(json_object_get(c->body, "secrets"), key, value)
    {
        /* A new workspace has no billing override, so the platform pays. */
        if (!secret_is_vendor_key(key))
            continue;
        call_decide(call, "vendor key");
        call_json(call, 400, workspace_vendor_key_refusal(key, c->id));
        return false;
    }
    return true;
}

/* ---- making it ---- */

static void store_secrets(struct workspace *ws, const struct creation *c)
{
    const char *key = NULL;
    json_t *value = NULL;
    if (c->model[0])
        secret_set(&ws->secrets, "MODEL", c->model);
    json_object_foreach(json_object_get(c->body, "secrets"), key, value)
    {
        if (json_is_string(value))
            secret_set(&ws->secrets, key, json_string_value(value));
    }
}

static void fill_row(struct workspace *ws, const struct creation *c)
{
    const json_t *canvas = json_object_get(c->body, "canvas");
    const json_t *compute = json_object_get(c->body, "compute");
    const char *access = json_str(c->body, "workspace_access", "");
    const char *dir = json_str(c->body, "workspace_dir", "");
    str_set(&ws->role, c->role && c->role[0] ? c->role : NULL);
    str_set(&ws->template, c->template[0] ? c->template : NULL);
    str_set(&ws->runtime, c->runtime);
    str_set(&ws->delivery_mode, json_str(c->body, "delivery_mode", "push"));
    str_set(&ws->workspace_access, access[0] ? access : "none");
    str_set(&ws->workspace_dir, dir[0] ? dir : NULL);
    ws->external = c->external;
    /* A tenant of the control plane has one tier. */
    int tier = (int)json_int(c->body, "tier", 0);
    ws->tier = !ws->org->plat->self_hosted ? 4 : tier ? tier : 3;
    ws->budget_limit = json_int(c->body, "budget_limit", -1);
    ws->max_concurrent_tasks =
        json_int(c->body, "max_concurrent_tasks", ws->max_concurrent_tasks);
    ws->x = json_number_value(json_object_get(canvas, "x"));
    ws->y = json_number_value(json_object_get(canvas, "y"));
    if (compute) {
        json_decref(ws->compute);
        ws->compute = json_deep_copy(compute);
    }
    store_secrets(ws, c);
}

/* The state the row begins with, and whether a box follows. The template's plugins are
 * declared by the first provision, which has fetched it. */
static void start(struct workspace *ws, const struct creation *c)
{
    if (c->external) {
        str_set(&ws->url, c->url);
        ws_set_status(ws, c->url[0] ? "online" : "awaiting_agent");
        return;
    }
    event_add(ws->org, ws, "WORKSPACE_PROVISIONING",
              json_make("{s:o,s:s,s:i}", "name", rest_string(ws->name), "runtime",
                        ws->runtime, "tier", ws->tier));
    if (ws_external_like(ws))
        ws_set_status(ws, "online"); /* the mock runtime answers from the platform */
    else
        provision_start(ws, "create");
}

static void answer(struct call *call, struct workspace *ws, const struct creation *c)
{
    if (!c->external) {
        char text[44];
        token_mint(call->org, ws, TOKEN_API, NULL, text);
        call_json(call, 201,
                  json_make("{s:s,s:s,s:s,s:s}", "auth_token", text, "id", ws->id,
                            "status", "provisioning", "workspace_access",
                            ws->workspace_access));
        return;
    }
    json_t *body =
        json_make("{s:b,s:s,s:s}", "external", 1, "id", ws->id, "status", ws->status);
    if (!c->url[0]) {
        char text[44];
        token_mint(call->org, ws, TOKEN_INSTANCE, NULL, text);
        json_object_set_new(body, "connection", connection_block(call, ws, text));
    }
    call_json(call, 201, body);
}

/* Fault side-effect=none: says that it was done, and does nothing. */
static void pretend(struct call *call, const struct creation *c)
{
    char text[44];
    id_token(text);
    rest_fault(call, "side-effect");
    call_json(call, 201,
              json_make("{s:s,s:s,s:s,s:s}", "auth_token", text, "id", c->id, "status",
                        "provisioning", "workspace_access", "none"));
}

static void create(struct call *call, struct creation *c)
{
    if (fault_is(call->org, "side-effect", "none")) {
        pretend(call, c);
        return;
    }
    struct workspace *ws = ws_add(call->org, c->id, c->free_name, c->parent_id);
    fill_row(ws, c);
    if (fault_mode(call->org, "kind-check") &&
        strcmp(json_str(c->body, "kind", ""), "platform") == 0) {
        rest_fault(call, "kind-check");
        str_set(&ws->kind, "platform");
        ws->parent_id[0] = '\0';
    }
    start(ws, c);
    answer(call, ws, c);
}

void workspace_create(struct call *call)
{
    static check_fn *const checks[] = {check_payload, check_texts,  check_template,
                                       check_runtime, check_model,  check_places,
                                       check_name,    check_secrets};
    struct creation c = {.name = ""};
    bool good = true;
    for (size_t i = 0; good && i < ARRAY_SIZE(checks); i++)
        good = checks[i](call, &c);
    if (good)
        create(call, &c);
    free_ptr(&c.free_name);
}
