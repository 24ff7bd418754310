#include "mocks/tenant/models.h"

#include <stddef.h>
#include <string.h>
#include <strings.h>

#include "base/cleanup.h"
#include "mocks/server/state.h"

static const char *const runtimes[] = {"claude-code", "hermes",     "openclaw",
                                       "codex",       "google-adk", "mock",
                                       "external",    "kimi",       "kimi-cli"};
/* Known since plugins describe their servers for every runtime. */
static const char *const later_runtimes[] = {"gemini-cli"};
static const char *const external_runtimes[] = {"external", "kimi", "kimi-cli"};

static const char *const anthropic_keys[] = {"ANTHROPIC_API_KEY",
                                             "CLAUDE_CODE_OAUTH_TOKEN", NULL};
static const char *const minimax_keys[] = {"MINIMAX_API_KEY", NULL};
static const char *const kimi_keys[] = {"KIMI_API_KEY", NULL};
static const char *const openai_keys[] = {"OPENAI_API_KEY", NULL};

static const struct model_provider anthropic = {"anthropic", anthropic_keys};
static const struct model_provider minimax = {"minimax", minimax_keys};
static const struct model_provider kimi = {"kimi-coding", kimi_keys};
static const struct model_provider openai = {"openai", openai_keys};

/* Keys that are refused although no provider of the table takes them. */
static const char *const other_vendor_keys[] = {"ANTHROPIC_AUTH_TOKEN",
                                                "MOONSHOT_API_KEY", "GEMINI_API_KEY",
                                                "GOOGLE_API_KEY", "OPENROUTER_API_KEY"};

struct model_row {
    const char *runtime;
    const char *model;
    bool prefix; /* model is a prefix, compared without regard to case */
    const struct model_provider *provider; /* NULL = the platform pays */
};

static const struct model_row models[] = {
    {"claude-code", "sonnet", false, &anthropic},
    {"claude-code", "opus", false, &anthropic},
    {"claude-code", "haiku", false, &anthropic},
    {"claude-code", "anthropic/claude-opus-4-7", false, NULL},
    {"claude-code", "anthropic/claude-opus-4-8", false, NULL},
    {"claude-code", "anthropic/claude-sonnet-4-6", false, NULL},
    {"claude-code", "moonshot/kimi-k2.6", false, NULL},
    {"claude-code", "moonshot/kimi-k2.5", false, NULL},
    {"claude-code", "minimax/MiniMax-M2.7", false, NULL},
    {"claude-code", "minimax/MiniMax-M2.7-highspeed", false, NULL},
    {"claude-code", "minimax/MiniMax-M3", false, NULL},
    {"claude-code", "claude", true, &anthropic},
    {"claude-code", "minimax-m", true, &minimax},
    {"claude-code", "kimi-", true, &kimi},
    {"hermes", "moonshot/kimi-k2.6", false, NULL},
    {"hermes", "moonshot/kimi-k2.5", false, NULL},
    {"openclaw", "moonshot/kimi-k2.6", false, NULL},
    {"openclaw", "moonshot/kimi-k2.5", false, NULL},
    {"codex", "gpt-5.5", false, &openai},
    {"codex", "openai/gpt-5.4", false, NULL},
    {"codex", "openai/gpt-5.4-mini", false, NULL},
    {"google-adk", "platform:gemini-2.5-pro", false, NULL},
    {"google-adk", "platform:gemini-2.5-flash", false, NULL},
    {"gemini-cli", "platform:gemini-2.5-pro", false, NULL},
    {"gemini-cli", "platform:gemini-2.5-flash", false, NULL},
};

static bool is_one_of(const char *name, const char *const *list, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (strcmp(list[i], name) == 0)
            return true;
    return false;
}

bool runtime_is_known(const struct org *org, const char *runtime)
{
    return is_one_of(runtime, runtimes, ARRAY_SIZE(runtimes)) ||
           (switch_is(org, "plugin_descriptor", "yes") &&
            is_one_of(runtime, later_runtimes, ARRAY_SIZE(later_runtimes)));
}

bool runtime_is_external(const char *runtime)
{
    return is_one_of(runtime, external_runtimes, ARRAY_SIZE(external_runtimes));
}

enum model_fit model_fit(const char *runtime, const char *model,
                         const struct model_provider **ret_provider)
{
    /* The mock runtime answers by itself, and an external agent brings its own model. */
    if (strcmp(runtime, "mock") == 0 || runtime_is_external(runtime))
        return MODEL_PLATFORM;
    for (size_t i = 0; i < ARRAY_SIZE(models); i++) {
        const struct model_row *row = &models[i];
        if (strcmp(row->runtime, runtime) != 0)
            continue;
        if (row->prefix ? strncasecmp(model, row->model, strlen(row->model)) != 0
                        : strcmp(model, row->model) != 0)
            continue;
        if (!row->provider)
            return MODEL_PLATFORM;
        if (ret_provider)
            *ret_provider = row->provider;
        return MODEL_BYOK;
    }
    return MODEL_UNREGISTERED;
}

bool secret_is_vendor_key(const char *name)
{
    for (size_t i = 0; i < ARRAY_SIZE(models); i++) {
        const struct model_provider *p = models[i].provider;
        for (size_t k = 0; p && p->credentials[k]; k++)
            if (strcmp(p->credentials[k], name) == 0)
                return true;
    }
    return is_one_of(name, other_vendor_keys, ARRAY_SIZE(other_vendor_keys));
}
