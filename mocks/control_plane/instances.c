#include "mocks/control_plane/instances.h"

#include <stdio.h>
#include <string.h>

#include "base/fs.h"
#include "base/ids.h"
#include "io/json.h"
#include "mocks/control_plane/assets.h"
#include "mocks/control_plane/boxes.h"
#include "mocks/control_plane/provision.h"
#include "mocks/control_plane/required.h"

enum { CONFIG_FILES_MAX = 256 * 1024, ASSETS_MAX = 16 * 1024 * 1024 };

/* ---- who asks ---- */

static const char *bearer_of(const struct call *call)
{
    const char *header = httpd_header(call->req, "Authorization");
    return header && strncmp(header, "Bearer ", 7) == 0 ? header + 7 : "";
}

static void refuse(struct call *call)
{
    call->auth = "refused";
    call_error(call, 401, "unauthorized");
}

static struct org *org_of_admin_token(struct platform *p, const char *token)
{
    struct org *found = NULL;
    for (size_t i = 0; i < p->orgs_n; i++)
        if (!p->orgs[i]->gone && *p->orgs[i]->admin_token &&
            const_time_equal(p->orgs[i]->admin_token, token))
            found = p->orgs[i];
    return found;
}

/* A tenant: by the secret that all share and by its own ADMIN_TOKEN. NULL = answered. */
static struct org *need_tenant(struct call *call)
{
    const char *token = httpd_header(call->req, "X-Molecule-Admin-Token");
    bool shared = const_time_equal(call->plat->shared_secret, bearer_of(call));
    struct org *org = shared && token ? org_of_admin_token(call->plat, token) : NULL;
    if (!org) {
        refuse(call);
        return NULL;
    }
    call->org = org;
    call->auth = "admin";
    return org;
}

/* ---- what a provision brings ---- */

static bool asset_allowed(const char *path)
{
    return strcmp(path, "config.yaml") == 0 ||
           (strncmp(path, "prompts/", 8) == 0 && fs_path_is_safe(path));
}

/* One of the two ways in which files arrive. */
struct channel {
    const char *name;
    size_t max;
    bool (*allowed)(const char *path);
    const char *bad_path; /* format with the path */
    const char *too_big;  /* format with max */
};

static const struct channel config_files = {
    "config_files", CONFIG_FILES_MAX, fs_path_is_safe, "invalid config file path \"%s\"",
    "config files exceed %zu bytes"};
static const struct channel template_assets = {
    "template_assets", ASSETS_MAX, asset_allowed,
    "template asset path \"%s\" rejected: not in template-asset allowlist (config.yaml / "
    "prompts/* only — agent-skills are plugins now, RFC#2843 #32) — see "
    "IsCPTemplateAssetPath",
    "template assets exceed %zu bytes"};

static bool refuse_text(struct call *call, char *text)
{
    call_error(call, 400, text);
    free(text);
    return false;
}

static char *bad_path(const struct channel *c, const char *path)
{
    const char *at = strstr(c->bad_path, "%s");
    return xasprintf("%.*s%s%s", (int)(at - c->bad_path), c->bad_path, path, at + 2);
}

static char *too_big(const struct channel *c)
{
    const char *at = strstr(c->too_big, "%zu");
    return xasprintf("%.*s%zu%s", (int)(at - c->too_big), c->too_big, c->max, at + 3);
}

static bool take_files(struct call *call, const struct channel *c, struct assets *ret)
{
    const char *path = NULL;
    json_t *value = NULL;
    size_t total = 0;
    json_t *files = json_object_get(call_body(call), c->name);
    json_object_foreach(files, path, value)
    {
        if (!c->allowed(path))
            return refuse_text(call, bad_path(c, path));
        const char *text = json_string_value(value);
        size_t len = 0;
        CLEANUP(free_ptr) char *data = text ? base64_decode(text, &len) : NULL;
        if (!data)
            return refuse_text(call,
                               xasprintf("%s: \"%s\" is not base64", c->name, path));
        total += len;
        if (total > c->max)
            return refuse_text(call, too_big(c));
        assets_add(ret, path, data, len);
    }
    return true;
}

static bool take_env(const json_t *body, struct strv *env)
{
    const char *name = NULL;
    json_t *value = NULL;
    json_object_foreach(json_object_get(body, "env"), name, value)
    {
        if (!json_is_string(value) || !*name || strchr(name, '='))
            return false;
        strv_env_set(env, name, json_string_value(value));
    }
    return true;
}

/* A machine's name: of the workspace and of how often it was made anew. */
static void instance_id(const char *ws_id, const struct workspace *ws, char out[20])
{
    char hash[65];
    CLEANUP(free_ptr)
    char *text = xasprintf("%s:%d", ws_id, ws && ws->box ? ws->box->boots : 0);
    sha256_hex(text, strlen(text), hash);
    (void)snprintf(out, 20, "i-%.17s", hash);
}

/* Machines of workspaces that the tenant has no row of: workspace id -> state. */
static json_t *strays(struct org *org)
{
    json_t *rows = json_object_get(org->rest, "instances");
    if (!rows) {
        rows = json_object();
        (void)json_object_set_new(org->rest, "instances", rows);
    }
    return rows;
}

static struct workspace *live_ws(struct org *org, const char *id)
{
    struct workspace *ws = ws_by_id(org, id);
    return ws && !ws_removed(ws) ? ws : NULL;
}

void instance_provision(struct call *call)
{
    static const char *const required[] = {"org_id", "workspace_id", "runtime"};
    struct org *org = need_tenant(call);
    if (!org)
        return;
    json_t *body = call_body(call);
    if (!json_is_object(body)) {
        call_error(call, 400, "invalid request body");
        return;
    }
    if (required_missing(call, body, required, ARRAY_SIZE(required)))
        return;
    if (strcmp(json_str(body, "org_id", ""), org->id) != 0) {
        call_error(call, 404, "org not found");
        return;
    }
    CLEANUP(machine_release) struct machine machine = MACHINE_INIT;
    if (!take_env(body, &machine.env)) {
        call_error(call, 400, "env must be a map of strings");
    } else if (take_files(call, &template_assets, &machine.assets) &&
               take_files(call, &config_files, &machine.files)) {
        const char *id = json_str(body, "workspace_id", "");
        struct workspace *ws = live_ws(org, id);
        char instance[20];
        if (ws)
            provision_machine(ws, &machine);
        else
            (void)json_object_set_new(strays(org), id, json_string("running"));
        instance_id(id, ws, instance);
        call_struct(call, 201,
                    json_make("{s:s, s:s, s:s}", "instance_id", instance, "private_ip",
                              "127.0.0.1", "state", ws ? "pending" : "running"));
    }
}

void instance_delete(struct call *call)
{
    struct org *org = need_tenant(call);
    if (!org)
        return;
    struct workspace *ws = ws_by_id(org, call->params[0]);
    if (ws)
        provision_stop(ws);
    (void)json_object_del(strays(org), call->params[0]);
    call_json(call, 200, json_make("{s:s}", "state", "terminated"));
}

static const char *state_of(struct org *org, const char *id)
{
    const struct workspace *ws = live_ws(org, id);
    if (!ws)
        return json_str(strays(org), id, NULL);
    if (ws->box && ws->box->provision)
        return "pending";
    return box_running(ws) ? "running" : "stopped";
}

void instance_status(struct call *call)
{
    struct org *org = need_tenant(call);
    if (!org)
        return;
    const char *state = state_of(org, call->params[0]);
    if (state)
        call_json(call, 200, json_make("{s:s}", "state", state));
    else
        call_error(call, 404, "instance not found");
}

/* ---- what a tenant starts with ---- */

void tenant_config(struct call *call)
{
    const struct platform *p = call->plat;
    const char *id = httpd_header(call->req, "X-Molecule-Org-Id");
    struct org *org = id ? org_by_id(call->plat, id) : NULL;
    if (!org || !*org->admin_token ||
        !const_time_equal(org->admin_token, bearer_of(call))) {
        refuse(call);
        return;
    }
    call->org = org;
    call->auth = "admin";
    CLEANUP(free_ptr) char *proxy = xasprintf("%s/llm/v1", p->cp_url);
    CLEANUP(free_ptr) char *anthropic = xasprintf("%s/llm/anthropic", p->cp_url);
    CLEANUP(free_ptr) char *usage = xasprintf("%s/llm/usage", p->cp_url);
    char token[65];
    CLEANUP(free_ptr) char *seed = xasprintf("%s:usage", org->admin_token);
    sha256_hex(seed, strlen(seed), token);
    call_json(call, 200,
              json_make("{s:s, s:s, s:s, s:s}", "MOLECULE_LLM_ANTHROPIC_BASE_URL",
                        anthropic, "MOLECULE_LLM_BASE_URL", proxy,
                        "MOLECULE_LLM_USAGE_TOKEN", token, "MOLECULE_LLM_USAGE_URL",
                        usage));
}
