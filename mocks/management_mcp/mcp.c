#include "mocks/management_mcp/mcp.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "base/clock.h"
#include "io/http.h"
#include "io/json.h"
#include "mocks/management_mcp/serve.h"

static void add_tools(struct mcp_server *s, const struct tool *tools, const char *without)
{
    for (; tools->name; tools++) {
        if (without && strcmp(tools->name, without) == 0)
            continue;
        if (s->n_tools < ARRAY_SIZE(s->tools))
            s->tools[s->n_tools++] = tools;
    }
}

/* false = the name is none of the modes. */
static bool choose_verb(struct mcp_server *s)
{
    const char *verb = env_get("WAYBILL_VERB_MODE");
    bool seed = !verb || strcmp(verb, "seed") == 0;
    bool phantom = verb && strcmp(verb, "phantom") == 0;
    if (!seed && !phantom && strcmp(verb, "real") != 0)
        return false;
    add_tools(s, management_tools, phantom ? "provision_workspace" : NULL);
    add_tools(s, shared_tools, NULL);
    if (seed)
        add_tools(s, management_verb, NULL);
    return true;
}

/* A log line where it does not belong: on stdout, before the protocol (as shipped). */
static void log_on_stdout(const char *text)
{
    const char *level = env_get("LOG_LEVEL");
    const char *node_env = env_get("NODE_ENV");
    if (level && strcmp(level, "60") == 0)
        return;
    int64_t now = clock_wall_ms();
    if (node_env && strcmp(node_env, "production") == 0) {
        printf("{\"level\":30,\"time\":%lld,\"msg\":\"%s\"}\n", (long long)now, text);
    } else {
        char stamp[32];
        printf("[%s] INFO: %s\n", clock_rfc3339(now, stamp), text);
    }
    (void)fflush(stdout);
}

static int probe(struct http *http, const char *base, const char *path, int *ret_status)
{
    CLEANUP(http_request_release) struct http_request req = HTTP_REQUEST_INIT;
    CLEANUP(http_response_release) struct http_response resp = HTTP_RESPONSE_INIT;
    CLEANUP(free_ptr) char *url = xasprintf("%s%s", base, path);
    const char *key = env_get("MOLECULE_API_KEY");
    req.url = url;
    if (key)
        strv_addf(&req.headers, "Authorization: Bearer %s", key);
    if (http_perform(http, &req, &resp, NULL))
        return -1;
    *ret_status = resp.status;
    return 0;
}

/* 1.6.1 looks at the platform before it answers anybody; a platform that hangs holds it
 * up, and nothing that it finds stops it. */
static void probe_platform(struct rest *rest)
{
    CLEANUP(free_ptr) char *base = rest_tenant_base();
    int status = 0;
    log_on_stdout("Molecule MCP server starting");
    if (!rest->http && http_new(&rest->http, NULL))
        return;
    if (probe(rest->http, base, "/health", &status))
        log_on_stdout("Platform health check failed");
    if (env_get("MOLECULE_API_KEY") &&
        probe(rest->http, base, "/templates", &status) == 0 &&
        (status == 401 || status == 403))
        (void)fprintf(stderr, "AUTH_ERROR: MOLECULE_API_KEY rejected by %s (HTTP %d)\n",
                      base, status);
    log_on_stdout("Molecule MCP server connected over stdio");
}

static int usage(const char *what)
{
    (void)fprintf(stderr, "waybill-mock mcp: %s\n", what);
    return 2;
}

int mcp_main(int argc, char **argv)
{
    struct mcp_server s = {.name = "molecule-a2a", .rest = REST_INIT};
    const char *manners = env_get("WAYBILL_MCP_MANNERS");
    const char *mode = env_get("MOLECULE_MCP_MODE");
    bool a2a = argc > 1 && strcmp(argv[1], "a2a") == 0;
    if (argc > 2 || (argc > 1 && !a2a))
        return usage("the only argument is 'a2a'");
    if (manners && strcmp(manners, "shipped") != 0 && strcmp(manners, "spec") != 0)
        return usage("WAYBILL_MCP_MANNERS is 'spec' or 'shipped'");
    s.shipped = !a2a && manners && strcmp(manners, "shipped") == 0;
    if (a2a) {
        s.name = "a2a-delegation";
        s.revision = "2024-11-05";
        add_tools(&s, a2a_tools, NULL);
    } else if (mode && strcasecmp(mode, "management") == 0) {
        s.name = "molecule-platform";
        if (!choose_verb(&s))
            return usage("WAYBILL_VERB_MODE is 'seed', 'real' or 'phantom'");
    } else {
        add_tools(&s, workspace_tools, NULL);
        add_tools(&s, shared_tools, NULL);
    }
    if (s.shipped)
        probe_platform(&s.rest);
    struct err err = ERR_INIT;
    int rc = mcp_serve(&s, STDIN_FILENO, STDOUT_FILENO, &err);
    if (rc)
        (void)fprintf(stderr, "waybill-mock mcp: %s\n", err.text);
    rest_release(&s.rest);
    return rc ? 1 : 0;
}
