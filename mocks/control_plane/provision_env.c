/*
 * The environment of a box: secrets, model, and what only the concierge gets.
 * Source: molecule-core workspace-server (1c9f83df), what it prepares before it asks
 * for a machine, and its concierge hook.
 */
#include <string.h>

#include "base/log.h"
#include "io/json.h"
#include "mocks/control_plane/image.h"
#include "mocks/control_plane/provision.h"
#include "mocks/control_plane/provision_llm.h"

/* Keys that belong to whoever runs the platform; they must not come from global secrets.
 */
static const char *const operator_keys[] = {
    "GITEA_TOKEN",
    "GITEA_PAT",
    "GITHUB_TOKEN",
    "GITHUB_PAT",
    "GH_TOKEN",
    "GITLAB_TOKEN",
    "GL_TOKEN",
    "BITBUCKET_TOKEN",
    "CP_ADMIN_API_TOKEN",
    "CP_ADMIN_TOKEN",
    "INFISICAL_OPERATOR_TOKEN",
    "INFISICAL_BOOTSTRAP_TOKEN",
    "RAILWAY_TOKEN",
    "RAILWAY_PERSONAL_API_TOKEN",
    "HETZNER_TOKEN",
    "HETZNER_API_TOKEN",
};

static bool operator_key(const char *key)
{
    for (size_t i = 0; i < ARRAY_SIZE(operator_keys); i++)
        if (strcmp(key, operator_keys[i]) == 0)
            return true;
    return strncmp(key, "MOLECULE_OPERATOR_", 18) == 0;
}

/* Step 2: 1 = aborted. */
static int check_operator_keys(struct workspace *ws)
{
    const struct secrets *global = &ws->org->secrets;
    struct strv names = STRV_INIT, quoted = STRV_INIT;
    for (size_t i = 0; i < global->n; i++)
        if (operator_key(global->v[i].key) && !secret_get(&ws->secrets, global->v[i].key))
            strv_add(&names, global->v[i].key);
    strv_sort(&names);
    json_t *keys = json_array();
    for (size_t i = 0; i < names.n; i++) {
        strv_addf(&quoted, "\"%s\"", names.v[i]);
        (void)json_array_append_new(keys, json_string(names.v[i]));
    }
    strv_release(&names);
    size_t n = quoted.n;
    CLEANUP(free_ptr) char *list = strv_join(&quoted, ", ");
    strv_release(&quoted);
    if (n == 0) {
        json_decref(keys);
        return 0;
    }
    CLEANUP(free_ptr)
    char *message =
        xasprintf("provision aborted: env var%s %s %s operator-scope and must not reach "
                  "tenant workspaces (RFC#523) — remove %s from workspace_secrets / "
                  "global_secrets and retry",
                  n > 1 ? "s" : "", list, n > 1 ? "are" : "is", n > 1 ? "them" : "it");
    provision_failed(ws, message,
                     json_make("{s:o, s:s, s:s}", "forbidden_env_keys", keys, "rfc",
                               "523", "source", "global_secrets"));
    return 1;
}

static void add_secrets(const struct secrets *secrets, struct strv *env)
{
    for (size_t i = 0; i < secrets->n; i++)
        if (strcmp(secrets->v[i].key, "LLM_PROVIDER") != 0)
            strv_env_set(env, secrets->v[i].key, secrets->v[i].value);
}

const char *provision_model(const struct workspace *ws)
{
    return secret_get(&ws->secrets, "MODEL");
}

static void set_absent(struct strv *env, const char *name, const char *value)
{
    if (value && *value && !strv_env_get(env, name))
        strv_env_set(env, name, value);
}

bool provision_as_concierge(const struct workspace *ws)
{
    return ws_is_platform(ws) || fault_mode(ws->org, "concierge-hook");
}

/* Runs at every provision of the platform root; never aborts. */
static void concierge_hook(struct workspace *ws, struct strv *env)
{
    struct org *org = ws->org;
    const struct platform *p = org->plat;
    if (!provision_model(ws) && !fault_is(org, "model", "missing")) {
        const char *model = json_str(json_object_get(p->profile, "values"),
                                     "expected_model", "moonshot/kimi-k2.6");
        if (fault_is(org, "model", "wrong"))
            model = "moonshot/kimi-k2.5";
        secret_set(&ws->secrets, "MODEL", model);
        strv_env_set(env, "MODEL", model);
        strv_env_set(env, "MOLECULE_MODEL", model);
    }
    const char *model = strv_env_get(env, "MODEL");
    /* The stored key is skipped when secrets are loaded: as shipped, a second provision
     * exports nothing. */
    if (model && strncmp(model, "moonshot/", 9) == 0 &&
        (!secret_get(&ws->secrets, "LLM_PROVIDER") ||
         switch_is(org, "llm_provider_export", "always"))) {
        secret_set(&ws->secrets, "LLM_PROVIDER", "platform");
        strv_env_set(env, "LLM_PROVIDER", "platform");
    }
    char reason[256];
    const char *source =
        json_str(json_object_get(p->profile, "values"), "privileged_source",
                 "gitea://molecule-ai/molecule-ai-plugin-molecule-platform-mcp#main");
    if (switch_is(org, "delivery", "plugin") &&
        plugin_declare(ws, source, "system", reason) != 0)
        log_warn("provisioner: concierge %s could not declare %s: %s", ws->id, source,
                 reason);
    if (!fault_is(org, "admin-token", "nobody")) {
        set_absent(env, "MOLECULE_API_KEY", org->admin_token);
        set_absent(env, "MOLECULE_ORG_API_KEY", org->admin_token);
    }
    set_absent(env, "MOLECULE_API_URL", org->url);
    if (!p->self_hosted)
        set_absent(env, "MOLECULE_ORG_ID", org->id);
    set_absent(env, "GIT_HTTP_USERNAME", p->forge_token);
    set_absent(env, "GIT_HTTP_PASSWORD", "x-oauth-basic");
}

/* What the mock's own machinery and every box needs; wins over secrets of these names. */
void provision_env_refresh(const struct workspace *ws, struct strv *env)
{
    const struct org *org = ws->org;
    const struct platform *p = org->plat;
    CLEANUP(free_ptr) char *root = xasprintf("%s/%s", org->dir, ws->id);
    CLEANUP(free_ptr) char *home = xasprintf("%s/home", root);
    CLEANUP(free_ptr)
    char *path = xasprintf("%s/bin:/usr/local/bin:/usr/bin:/bin", p->dir);
    strv_env_set(env, "PATH", path);
    strv_env_set(env, "HOME", home);
    strv_env_set(env, "WAYBILL_BOX_ROOT", root);
    strv_env_set(env, "WORKSPACE_ID", ws->id);
    strv_env_set(env, "PLATFORM_URL", org->url);
    strv_env_set(env, "RUNTIME", ws->runtime);
    strv_env_set(env, "MOLECULE_GITEA_BASE_URL", p->forge_url);
    if (ws->role && *ws->role)
        strv_env_set(env, "MOLECULE_AGENT_ROLE", ws->role);
    if (*ws->parent_id)
        strv_env_set(env, "PARENT_ID", ws->parent_id);
    if (switch_is(org, "boot_install_auth", "token"))
        strv_env_set(env, "MOLECULE_TEMPLATE_REPO_TOKEN", p->forge_token);
    if (image_is_baked(ws))
        strv_env_set(env, "MOLECULE_PLATFORM_AGENT_IMAGE_BAKED", "1");
    if (switch_is(org, "admin_token_in_box_env", "yes"))
        strv_env_set(env, "ADMIN_TOKEN", org->admin_token);
    /* The sanitizers of a test build reach the boxes too, and a real npx when asked. */
    static const char *const passed[] = {"ASAN_OPTIONS",
                                         "UBSAN_OPTIONS",
                                         "TSAN_OPTIONS",
                                         "LSAN_OPTIONS",
                                         "TIMEOUT_MUL",
                                         "WAYBILL_HTTP_PATIENCE_MS",
                                         "WAYBILL_HTTP_CONNECTIONS",
                                         "WAYBILL_NPX"};
    for (size_t i = 0; i < ARRAY_SIZE(passed); i++)
        set_absent(env, passed[i], getenv(passed[i]));
}

/* Commits made on a box are signed with the workspace's name. */
static void add_git_identity(const struct workspace *ws, struct strv *env)
{
    CLEANUP(free_ptr) char *email = xasprintf("%s@%s.workspace", ws->id, ws->org->slug);
    set_absent(env, "GIT_AUTHOR_NAME", ws->name);
    set_absent(env, "GIT_AUTHOR_EMAIL", email);
    set_absent(env, "GIT_COMMITTER_NAME", ws->name);
    set_absent(env, "GIT_COMMITTER_EMAIL", email);
}

int provision_env(struct workspace *ws, struct strv *env)
{
    if (check_operator_keys(ws))
        return 1;
    if (fault_is(ws->org, "model", "missing"))
        (void)secret_delete(&ws->secrets, "MODEL");
    else if (fault_is(ws->org, "model", "wrong") && provision_model(ws))
        secret_set(&ws->secrets, "MODEL", "moonshot/kimi-k2.5");
    add_secrets(&ws->org->secrets, env);
    add_secrets(&ws->secrets, env);
    add_git_identity(ws, env);
    if (provision_llm(ws, env) != 0)
        return 1;
    const char *model = provision_model(ws);
    if (model)
        strv_env_set(env, "MOLECULE_MODEL", model);
    if (fault_is(ws->org, "env-mutator", "fail")) {
        provision_failed(ws, "plugin env mutator chain failed", NULL);
        return 1;
    }
    if (provision_as_concierge(ws))
        concierge_hook(ws, env);
    const char *mode = provision_billing_mode(ws, env);
    if (strcmp(mode, "disabled") != 0 && !strv_env_get(env, "MODEL") &&
        !strv_env_get(env, "MOLECULE_MODEL")) {
        provision_failed(ws, "provision aborted: no model is set for this workspace",
                         json_make("{s:s, s:s, s:s}", "billing_mode", mode, "code",
                                   "MISSING_MODEL", "issue", "2594"));
        return 1;
    }
    provision_env_refresh(ws, env);
    return 0;
}
