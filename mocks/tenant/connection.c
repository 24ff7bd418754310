#include "mocks/tenant/connection.h"

#include <string.h>

#include "base/ids.h"
#include "io/json.h"
#include "mocks/tenant/rest.h"

/* "My Agent!" -> "my-agent". Caller frees. */
static void put(json_t *block, const char *key, char *text)
{
    json_object_set_new(block, key, rest_string(text));
    free(text);
}

json_t *connection_block(struct call *call, const struct workspace *ws, const char *token)
{
    const char *host = call->req ? httpd_header(call->req, "Host") : NULL;
    char *base CLEANUP(free_ptr) =
        host ? xasprintf("http%s://%s", call->req->tls ? "s" : "", host)
             : xstrdup(call->org->url);
    const char *told = secure_getenv("EXTERNAL_PLATFORM_URL");
    if (told && told[0]) {
        free(base);
        base = xstrdup(told);
    }
    char *slug CLEANUP(free_ptr) = id_slug(ws->name, SIZE_MAX);
    json_t *b = json_object();
    json_object_set_new(b, "workspace_id", json_string(ws->id));
    json_object_set_new(b, "platform_url", json_string(base));
    json_object_set_new(b, "auth_token", json_string(token));
    put(b, "registry_endpoint", xasprintf("%s/registry/register", base));
    put(b, "heartbeat_endpoint", xasprintf("%s/registry/heartbeat", base));
    put(b, "curl_register_template",
        xasprintf("curl -X POST %s/registry/register -H 'Authorization: Bearer %s' "
                  "-d '{\"id\":\"%s\",\"url\":\"https://YOUR-AGENT\","
                  "\"agent_card\":{\"name\":\"%s\"}}'",
                  base, token, ws->id, slug));
    put(b, "python_snippet",
        xasprintf("PLATFORM_URL = \"%s\"\nWORKSPACE_ID = \"%s\"\nAUTH_TOKEN = \"%s\"\n",
                  base, ws->id, token));
    put(b, "claude_code_channel_snippet",
        xasprintf("MOLECULE_PLATFORM_URL=%s MOLECULE_WORKSPACE_ID=%s claude", base,
                  ws->id));
    put(b, "universal_mcp_snippet",
        xasprintf("claude mcp add molecule-%s -s user -- molecule-mcp", slug));
    put(b, "hermes_channel_snippet", xasprintf("hermes channel add molecule-%s", slug));
    put(b, "codex_snippet",
        xasprintf("[mcp_servers.molecule-%s]\ncommand = \"molecule-mcp\"\n", slug));
    put(b, "openclaw_snippet", xasprintf("openclaw mcp add molecule-%s", slug));
    put(b, "kimi_snippet", xasprintf("kimi mcp add molecule-%s", slug));
    return b;
}
