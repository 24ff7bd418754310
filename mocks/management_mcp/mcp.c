#include "mocks/management_mcp/mcp.h"

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "base/args.h"
#include "base/clock.h"
#include "io/http.h"
#include "io/json.h"
#include "mocks/management_mcp/serve.h"

static bool has_tool(const struct tool_server *s, const char *name)
{
    for (size_t i = 0; i < s->n_tools; i++)
        if (strcmp(s->tools[i]->name, name) == 0)
            return true;
    return false;
}

/* Like the SDK's: a name that is registered twice is fatal. */
static int add_tools(struct tool_server *s, const struct tool *tools, const char *without,
                     struct err *err)
{
    for (; tools->name; tools++) {
        if (without && strcmp(tools->name, without) == 0)
            continue;
        if (has_tool(s, tools->name))
            return err_set(err, ERR_BUG, "Error: Tool %s is already registered",
                           tools->name);
        if (s->n_tools == ARRAY_SIZE(s->tools))
            abort(); /* a row too many */
        s->tools[s->n_tools++] = tools;
    }
    return 0;
}

/* As in a release that registered a tool for both modes and once more for this one. */
static int repeat_itself(struct tool_server *s, struct err *err)
{
    static const struct tool again[] = {{.name = "create_request"}, {.name = NULL}};
    const char *defect = env_get("WAYBILL_MCP_DEFECT");

    if (!defect)
        return 0;
    if (strcmp(defect, "duplicate") != 0)
        return err_set(err, ERR_USAGE, "WAYBILL_MCP_DEFECT is 'duplicate' or not set");
    return add_tools(s, again, NULL, err);
}

static int add_management(struct tool_server *s, struct err *err)
{
    const char *verb = env_get("WAYBILL_VERB_MODE");
    bool seed = !verb || strcmp(verb, "seed") == 0;
    bool phantom = verb && strcmp(verb, "phantom") == 0;

    if (!seed && !phantom && strcmp(verb, "real") != 0)
        return err_set(err, ERR_USAGE,
                       "WAYBILL_VERB_MODE is 'seed', 'real' or 'phantom'");
    if (add_tools(s, management_tools, phantom ? "provision_workspace" : NULL, err) ||
        add_tools(s, shared_tools, NULL, err) || repeat_itself(s, err))
        return -1;
    return seed ? add_tools(s, management_verb, NULL, err) : 0;
}

/* A log line, as shipped: over stdio on stdout, where it does not belong. */
static void log_line(FILE *out, const char *text)
{
    const char *level = env_get("LOG_LEVEL");
    const char *node_env = env_get("NODE_ENV");
    if (level && strcmp(level, "60") == 0)
        return;
    int64_t now = clock_wall_ms();
    if (node_env && strcmp(node_env, "production") == 0) {
        (void)fprintf(out, "{\"level\":30,\"time\":%lld,\"msg\":\"%s\"}\n",
                      (long long)now, text);
    } else {
        char stamp[32];
        (void)fprintf(out, "[%s] INFO: %s\n", clock_rfc3339(now, stamp), text);
    }
    (void)fflush(out);
}

static int probe(struct http *http, const char *base, const char *path, int *ret_status)
{
    CLEANUP(http_request_release) struct http_request req = HTTP_REQUEST_INIT;
    CLEANUP(http_response_release) struct http_response resp = HTTP_RESPONSE_INIT;
    CLEANUP(free_ptr) char *url = xasprintf("%s%s", base, path);
    const char *key = env_get("MOLECULE_API_KEY");
    req.url = url;
    rest_say_who(&req.headers);
    if (key)
        strv_addf(&req.headers, "Authorization: Bearer %s", key);
    if (http_perform(http, &req, &resp, NULL))
        return -1;
    *ret_status = resp.status;
    return 0;
}

/* 1.6.1 looks at the platform before it answers anybody; a platform that hangs holds it
 * up, and nothing that it finds stops it. */
static void probe_platform(FILE *out)
{
    CLEANUP(free_ptr) char *base = rest_tenant_base();
    struct http *http = NULL;
    int status = 0;
    log_line(out, "Molecule MCP server starting");
    if (http_new(&http, NULL))
        return;
    if (probe(http, base, "/health", &status))
        log_line(out, "Platform health check failed");
    if (env_get("MOLECULE_API_KEY") && probe(http, base, "/templates", &status) == 0 &&
        (status == 401 || status == 403))
        (void)fprintf(stderr, "AUTH_ERROR: MOLECULE_API_KEY rejected by %s (HTTP %d)\n",
                      base, status);
    log_line(out, "Molecule MCP server connected over stdio");
    http_free(http);
}

struct options {
    const char *mode; /* NULL = as the environment says */
    const char *bearer_env;
    int64_t http_port, page, session_idle_ms;
    bool diagnostics;
};

static const char help[] =
    "usage: waybill-mock mcp [management|workspace|a2a] [OPTION...]\n"
    "\n"
    "An MCP server on stdin and stdout: @molecule-ai/mcp-server, configured as it is,\n"
    "or with 'a2a' the one that a box has for delegation. Without a name\n"
    "MOLECULE_MCP_MODE chooses.\n"
    "\n"
    "MOLECULE_API_URL is the tenant. The management tools call it with\n"
    "MOLECULE_ORG_API_KEY and MOLECULE_ORG_ID; the workspace tools, and those for\n"
    "requests in both modes, with MOLECULE_API_KEY. The tools of the control plane want\n"
    "CP_ADMIN_API_TOKEN, create_issue GITEA_ISSUE_TOKEN; a2a has the box's own token.\n"
    "\n"
    "  --http-port N        serve Streamable HTTP there instead (0 = any) and say where\n"
    "  --diagnostics        offer the conformance suite's tools, and GET streams, too\n"
    "  --page-size N        list so many tools at a time (default: all; always\n"
    "                       with the manners 'shipped')\n"
    "  --session-idle-ms N  forget a session after that time (default: 1800000)\n"
    "  --bearer-env NAME    want the bearer token that this variable holds\n"
    "  --help               this text\n"
    "\n"
    "Example: . build/mock.env && MOLECULE_API_KEY=$MOLECULE_ORG_API_KEY \\\n"
    "             build/waybill-mock mcp management --http-port 0\n";

#define AT(member) offsetof(struct options, member)
static const struct arg_row rows[] = {
    {"http-port", ARG_INT64, AT(http_port), 0, 65535},
    {"diagnostics", ARG_FLAG, AT(diagnostics), 0, 0},
    {"page-size", ARG_INT64, AT(page), 1, 1000},
    {"session-idle-ms", ARG_INT64, AT(session_idle_ms), 1, 86400000},
    {"bearer-env", ARG_TEXT, AT(bearer_env), 0, 0},
    {"help", ARG_HELP, 0, 0, 0},
};

/* The tools of a mode. */
static int choose(struct tool_server *s, const char *mode, struct err *err)
{
    if (strcmp(mode, "a2a") == 0) {
        s->name = "a2a-delegation";
        s->revision = "2024-11-05";
        s->shipped = false;
        return add_tools(s, a2a_tools, NULL, err);
    }
    if (strcmp(mode, "management") == 0) {
        s->name = "molecule-platform";
        return add_management(s, err);
    }
    s->name = "molecule-a2a";
    return add_tools(s, workspace_tools, NULL, err)
               ? -1
               : add_tools(s, shared_tools, NULL, err);
}

/* Only what is given as an argument has to be one of the names. */
static bool is_mode(const char *mode)
{
    static const char *const modes[] = {"management", "workspace", "a2a"};

    for (size_t i = 0; i < ARRAY_SIZE(modes); i++)
        if (strcmp(modes[i], mode) == 0)
            return true;
    return false;
}

static int configure(struct tool_server *s, const struct options *o, struct err *err)
{
    const char *manners = env_get("WAYBILL_MCP_MANNERS");
    const char *mode = env_get("MOLECULE_MCP_MODE");

    if (o->mode && !is_mode(o->mode))
        return err_set(err, ERR_USAGE,
                       "no server '%s': there are management, workspace and a2a",
                       o->mode);
    if (manners && strcmp(manners, "shipped") != 0 && strcmp(manners, "spec") != 0)
        return err_set(err, ERR_USAGE, "WAYBILL_MCP_MANNERS is 'spec' or 'shipped'");
    s->shipped = manners && strcmp(manners, "shipped") == 0;
    s->http_port = (int)o->http_port;
    s->diagnostics = o->diagnostics;
    s->page = o->page;
    s->session_idle_ms = o->session_idle_ms;
    s->bearer = o->bearer_env ? env_get(o->bearer_env) : NULL;
    if (o->bearer_env && !s->bearer)
        return err_set(err, ERR_CONFIG, "the variable '%s' of --bearer-env is not set",
                       o->bearer_env);
    bool management = mode && strcasecmp(mode, "management") == 0;
    return choose(s, o->mode ? o->mode : management ? "management" : "workspace", err);
}

int mcp_main(int argc, char **argv)
{
    struct tool_server s = {.name = NULL};
    struct options o = {.http_port = -1};
    struct err err = ERR_INIT;

    int parsed = args_parse(argc, argv, "waybill-mock mcp", rows, ARRAY_SIZE(rows), &o,
                            &o.mode, &err);
    if (parsed == 1)
        return fputs(help, stdout) < 0 ? 1 : 0;
    if (parsed == 0 && configure(&s, &o, &err) && err.kind == ERR_BUG) {
        /* To the letter what node says of what nobody catches, and its exit code. */
        (void)fprintf(stderr, "%s\n", err.text);
        return 1;
    }
    if (err.kind != ERR_NONE) {
        (void)fprintf(stderr, "waybill-mock mcp: %s\n", err.text);
        return 2;
    }
    if (s.shipped)
        probe_platform(s.http_port < 0 ? stdout : stderr);
    int rc = tool_server_run(&s, &err);
    if (rc)
        (void)fprintf(stderr, "waybill-mock mcp: %s\n", err.text);
    if (rc == 0)
        return 0;
    return err.kind == ERR_SYS && err.sys == EADDRINUSE ? 2 : 1;
}
