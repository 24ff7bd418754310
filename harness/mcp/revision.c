#include "mcp/revision.h"

#include <string.h>

#include "base/cleanup.h"
#include "io/json.h"

#define R_2025_03_26                                                                     \
    (MCP_F_STREAMABLE | MCP_F_SSE_RESUME | MCP_F_PING | MCP_F_AUDIO | MCP_F_HINTS)
#define R_2025_06_18                                                                     \
    (R_2025_03_26 | MCP_F_VERSION_HEADER | MCP_F_STRUCTURED | MCP_F_LINKS |              \
     MCP_F_TITLES | MCP_F_ELICITATION)

const struct mcp_revision mcp_revisions[] = {
    {"2024-11-05", MCP_LEGACY, MCP_F_PING},
    {"2025-03-26", MCP_LEGACY, R_2025_03_26 | MCP_F_BATCH},
    {"2025-06-18", MCP_LEGACY, R_2025_06_18},
    {"2025-11-25", MCP_LEGACY, R_2025_06_18 | MCP_F_ARGUMENTS_AS_RESULT},
    {"2026-07-28", MCP_MODERN,
     MCP_F_STREAMABLE | MCP_F_VERSION_HEADER | MCP_F_METHOD_HEADERS |
         MCP_F_CANCEL_BY_CLOSE | MCP_F_ARGUMENTS_AS_RESULT | MCP_F_STRUCTURED |
         MCP_F_STRUCTURED_ANY | MCP_F_RESULT_TYPE | MCP_F_AUDIO | MCP_F_LINKS |
         MCP_F_HINTS | MCP_F_TITLES},
};
const size_t mcp_revision_count = ARRAY_SIZE(mcp_revisions);

const struct mcp_revision *mcp_revision_find(const char *name)
{
    for (size_t i = 0; name && i < mcp_revision_count; i++)
        if (strcmp(mcp_revisions[i].name, name) == 0)
            return &mcp_revisions[i];
    return NULL;
}

const struct mcp_revision *mcp_revision_latest(enum mcp_era era)
{
    for (size_t i = mcp_revision_count; i-- > 0;)
        if (mcp_revisions[i].era == era)
            return &mcp_revisions[i];
    return NULL;
}

bool mcp_revision_has(const struct mcp_revision *r, enum mcp_feature feature)
{
    return r && (r->features & (unsigned)feature) != 0;
}

bool mcp_revision_is_modern(const struct mcp_revision *r)
{
    return r && r->era == MCP_MODERN;
}

bool mcp_method_removed(const struct mcp_revision *r, const char *method)
{
    static const char *const legacy[] = {
        "initialize",
        "ping",
        "logging/setLevel",
        "resources/subscribe",
        "resources/unsubscribe",
        "notifications/initialized",
        "notifications/roots/list_changed",
    };
    for (size_t i = 0; mcp_revision_is_modern(r) && i < ARRAY_SIZE(legacy); i++)
        if (strcmp(legacy[i], method) == 0)
            return true;
    return false;
}

bool mcp_method_exists(const struct mcp_revision *r, const char *method)
{
    bool modern_only = strcmp(method, "server/discover") == 0 ||
                       strcmp(method, "subscriptions/listen") == 0;
    return !mcp_method_removed(r, method) && !(modern_only && r && r->era == MCP_LEGACY);
}

const struct mcp_revision *mcp_revision_choose(const json_t *names)
{
    for (size_t i = mcp_revision_count; i-- > 0;) {
        for (size_t k = 0; k < json_array_size(names); k++) {
            const char *name = json_string_value(json_array_get(names, k));
            if (name && strcmp(name, mcp_revisions[i].name) == 0)
                return &mcp_revisions[i];
        }
    }
    return NULL;
}

const char *mcp_revision_names(void)
{
    return "2024-11-05, 2025-03-26, 2025-06-18, 2025-11-25 and 2026-07-28";
}

const char *mcp_legacy_names(void)
{
    return "2024-11-05, 2025-03-26, 2025-06-18 and 2025-11-25";
}
