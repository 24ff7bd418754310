#include "mocks/control_plane/provision_llm.h"

#include <string.h>

#include "io/json.h"
#include "mocks/tenant/models.h"
#include "mocks/tenant/workspace.h"

/* Without an override the model tells: one that is billed by the platform needs no key.
 */
const char *provision_billing_mode(const struct workspace *ws, const struct strv *env)
{
    const char *model = strv_env_get(env, "MODEL");
    const char *override = json_str(ws->rest, "billing_mode", NULL);
    if (override)
        return override;
    if (model && model_fit(ws->runtime, model, NULL) == MODEL_BYOK)
        return "byok";
    return "platform_managed";
}

/* A key that the model's provider takes; for a model of the platform any vendor's. */
static bool has_key(const struct workspace *ws, const struct strv *env)
{
    const char *model = strv_env_get(env, "MODEL");
    const struct model_provider *provider = NULL;
    if (model && model_fit(ws->runtime, model, &provider) == MODEL_BYOK) {
        for (size_t i = 0; provider->credentials[i]; i++)
            if (strv_env_get(env, provider->credentials[i]))
                return true;
        return false;
    }
    for (size_t i = 0; i < env->n; i++) {
        CLEANUP(free_ptr) char *name = xstrndup(env->v[i], strcspn(env->v[i], "="));
        if (secret_is_vendor_key(name))
            return true;
    }
    return false;
}

static int abort_with(struct workspace *ws, const char *mode, const char *code,
                      const char *issue, const char *message)
{
    provision_failed(
        ws, message,
        json_make("{s:s, s:s, s:s}", "billing_mode", mode, "code", code, "issue", issue));
    return 1;
}

static void add_proxy(const struct workspace *ws, struct strv *env)
{
    const struct platform *p = ws->org->plat;
    CLEANUP(free_ptr) char *base = xasprintf("%s/llm/v1", p->cp_url);
    CLEANUP(free_ptr) char *anthropic = xasprintf("%s/llm/anthropic", p->cp_url);
    CLEANUP(free_ptr) char *token = xasprintf("llm-usage-%s", ws->org->id);
    strv_env_set(env, "MOLECULE_LLM_BASE_URL", base);
    strv_env_set(env, "MOLECULE_LLM_ANTHROPIC_BASE_URL", anthropic);
    strv_env_set(env, "MOLECULE_LLM_USAGE_TOKEN", token);
}

int provision_llm(struct workspace *ws, struct strv *env)
{
    const char *mode = provision_billing_mode(ws, env);
    bool chosen = json_str(ws->rest, "billing_mode", NULL) != NULL;
    strv_env_set(env, "MOLECULE_LLM_BILLING_MODE", workspace_billing_mode(ws));
    strv_env_set(env, "MOLECULE_LLM_BILLING_MODE_RESOLVED", mode);
    if (strcmp(mode, "byok") == 0 && !has_key(ws, env))
        return abort_with(ws, mode, "MISSING_BYOK_CREDENTIAL", "1994",
                          "provision aborted: the workspace pays for its model itself, "
                          "and no key that the model's provider accepts is set");
    if (strcmp(mode, "platform_managed") != 0)
        return 0;
    if (!ws->org->plat->self_hosted)
        add_proxy(ws, env);
    else if (chosen) /* a self-hosted platform has no proxy */
        return abort_with(ws, mode, "MISSING_PLATFORM_PROXY", "2162",
                          "provision aborted: the platform pays for the model, and no "
                          "LLM proxy is configured");
    return 0;
}
