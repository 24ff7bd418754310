/*
 * Which runtimes a workspace may have and which models are registered for them.
 * Source: molecule-core workspace-server (1c9f83df), POST /workspaces: its checks of
 * runtime, model and provider, and the registry of models.
 *
 * Pure functions over static tables; nothing here allocates or fails.
 */
#ifndef TENANT_MODELS_H
#define TENANT_MODELS_H

#include <stdbool.h>

struct org;

/* A party that serves models and the secrets that pay for them. */
struct model_provider {
    const char *name;
    const char *const
        *credentials; /* secret names, any one of them does; NULL-terminated */
};

enum model_fit {
    MODEL_UNREGISTERED,
    MODEL_PLATFORM, /* billed by the platform: needs no key */
    MODEL_BYOK,     /* needs one of the provider's credentials */
};

bool runtime_is_known(const struct org *org, const char *runtime);
/* The agent runs elsewhere and the platform starts no box for it. */
bool runtime_is_external(const char *runtime);

/* *ret_provider (may be NULL): set for MODEL_BYOK only. */
enum model_fit model_fit(const char *runtime, const char *model,
                         const struct model_provider **ret_provider);

/* The name of a secret that is a direct vendor key: refused where the platform pays. */
bool secret_is_vendor_key(const char *name);

#endif
