/* The frame checker takes anything: what it calls valid is a frame, what it calls invalid
 * it explains, each rule in one line; and the same bytes get the same words again. */
#include "fuzz/fuzz.h"
#include "io/json.h"
#include "mcp/frame.h"
#include "mcp/jsonrpc.h"

#include <string.h>

static const char *const methods[] = {NULL, "initialize", "server/discover", "tools/list",
                                      "tools/call"};

static void check(const char *text, size_t size, const struct mcp_frame_context *cx)
{
    struct strv findings CLEANUP(strv_release) = STRV_INIT;
    struct strv again CLEANUP(strv_release) = STRV_INIT;
    struct rpc_frame frame CLEANUP(rpc_frame_release) = RPC_FRAME_INIT;
    json_t *root CLEANUP(json_drop) = NULL;
    bool valid = mcp_frame_check(text, size, cx, &findings);
    ALWAYS(valid == (findings.n == 0));
    ALWAYS(mcp_frame_check(text, size, cx, &again) == valid && again.n == findings.n);
    for (size_t i = 0; i < findings.n; i++) {
        ALWAYS(findings.v[i][0] && !strchr(findings.v[i], '\n'));
    }
    if (valid) {
        ALWAYS(json_parse(text, size, &root, NULL) == 0);
        ALWAYS(json_is_array(root) ||
               rpc_parse_take(json_incref(root), &frame, NULL, NULL) == 0);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    for (size_t r = 0; r <= mcp_revision_count; r++) {
        for (size_t m = 0; m < ARRAY_SIZE(methods); m++) {
            struct mcp_frame_context cx = {
                .revision = r < mcp_revision_count ? &mcp_revisions[r] : NULL,
                .wire = (m + r) % 2 ? MCP_WIRE_STDIO : MCP_WIRE_HTTP,
                .sender = m ? MCP_FROM_SERVER : MCP_FROM_CLIENT,
                .method = methods[m]};
            check((const char *)data, size, &cx);
        }
    }
    return 0;
}
