#include "mocks/box/box.h"

#include "base/fs.h"
#include "base/log.h"
#include "io/http.h"
#include "io/json.h"
#include "io/loop.h"
#include "mocks/box/adaptors.h"
#include "mocks/box/state.h"
#include "mocks/box/turn.h"
#include "mocks/mcp/http.h"
#include "mocks/server/router.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>

enum { LISTEN_FD = 3, STOP_GRACE_MS = 500 };

/* Production time of a plugin's setup.sh, and the least that it really gets. */
enum { SETUP_SECONDS = 120, SETUP_LEAST_MS = 5000 };

/* ---- HTTP ---- */

static void get_agent_card(struct box *b, struct httpd_req *req)
{
    httpd_reply_json(req, 200, box_agent_card(b));
}

static void get_servers(struct box *b, struct httpd_req *req)
{
    json_t *names = xcheck(json_array());

    for (size_t i = 0; b->mapped && i < b->map.n; i++)
        (void)json_array_append_new(names, xcheck(json_string(b->map.v[i].name)));
    httpd_reply_json(req, 200, json_make("{s:o}", "servers", names));
}

static void get_state(struct box *b, struct httpd_req *req)
{
    httpd_reply_json(req, 200, box_state_view(b));
}

/* Whatever else is asked: that it answers at all is what the platform looks for. */
static void get_health(struct box *b, struct httpd_req *req)
{
    (void)b;
    httpd_reply_json(req, 200, json_make("{s:s}", "status", "ok"));
}

static void pass_to_gateway(struct box *b, struct httpd_req *req)
{
    gateway_handle(b, req, req->path + strlen("/mcp/"));
}

/* How the box starts the server: for who wants to start one like it beside. */
static void get_launch(struct box *b, struct httpd_req *req)
{
    json_t *how = box_launch_view(b, strrchr(req->path, '/') + 1);

    httpd_reply_json(req, how ? 200 : 404,
                     how ? how : json_make("{s:s}", "error", "no such MCP server"));
}

const struct box_route box_routes[] = {
    {"POST", "/", "open", a2a_handle},
    {"GET", "/.well-known/agent-card.json", "open", get_agent_card},
    {"GET", "/.well-known/agent.json", "open", get_agent_card},
    {"POST", "/internal/chat/uploads/ingest", "self", inbox_ingest},
    {"GET", "/internal/file/read", "self", inbox_read},
    {"GET", "/mcp", "open", get_servers},
    {"POST", "/mcp/:server", "open", pass_to_gateway},
    {"DELETE", "/mcp/:server", "open", pass_to_gateway},
    {"GET", "/mcp/:server", "open", pass_to_gateway},
    {"GET", "/_box/state", "open", get_state},
    {"GET", "/_box/frames", "open", gateway_frames},
    {"GET", "/_box/launch/:server", "open", get_launch},
    {"GET", "/*path", "open", get_health},
};
const size_t box_routes_n = ARRAY_SIZE(box_routes);

static void handle(struct httpd_req *req, void *arg)
{
    struct box *b = arg;
    const char *method = strcmp(req->method, "HEAD") == 0 ? "GET" : req->method;
    const char *unwelcome = mcp_why_unwelcome(req);
    bool gateway = strncmp(req->path, "/mcp/", strlen("/mcp/")) == 0;

    if (unwelcome && !gateway) { /* which refuses it in its own words */
        httpd_reply_json(req, 403, json_make("{s:s}", "error", unwelcome));
        return;
    }
    for (size_t i = 0; i < box_routes_n; i++)
        if (strcmp(box_routes[i].method, method) == 0 &&
            route_pattern_fits(box_routes[i].pattern, req->path)) {
            box_routes[i].fn(b, req);
            return;
        }
    if (route_pattern_fits("/mcp/:server", req->path))
        pass_to_gateway(b, req); /* which says what it would take */
    else
        httpd_reply_json(req, 404, json_make("{s:s}", "error", "not found"));
}

/* ---- start ---- */

static void installed(struct box *b)
{
    char *registry CLEANUP(free_ptr) = fs_join(b->root, "opt/plugins_registry");
    const struct adaptor_options opt = {
        .configs = b->configs,
        .plugins_dir = box_env(b, "PLUGINS_DIR"),
        .registry = registry,
        .runtime = b->runtime,
        .setup_timeout_ms = box_patience_ms(b, SETUP_SECONDS, SETUP_LEAST_MS),
        .descriptors = box_switch_is(b, "plugin_descriptor", "yes"),
        .env = &b->env,
        .server_name = box_fragment_server(b),
        .without_mode = box_fault_is(b, "server-mode", "missing"),
        .embed_secrets = box_fault_is(b, "secret", "embedded"),
        .skills_as_assets = box_fault_is(b, "seo-skills", "asset"),
        .say = box_say,
    };

    if (b->stopping)
        return;
    adaptors_run(&opt);
    image_assert_server(b);
    box_load(b);
    link_start(b);
}

/* ---- end ---- */

void box_stopped_one(struct box *b)
{
    if (!b->stopping)
        return;
    for (size_t i = 0; b->mapped && i < b->map.n; i++)
        if (child_running(b->children[i]))
            return;
    loop_stop(b->loop);
}

static void kill_children(void *arg)
{
    struct box *b = arg;

    b->stop_timer = NULL;
    for (size_t i = 0; b->mapped && i < b->map.n; i++)
        child_end(b->children[i], SIGKILL);
}

static void on_terminate(int signo, void *arg)
{
    struct box *b = arg;

    (void)signo;
    if (b->stopping)
        return;
    b->stopping = true;
    for (size_t i = 0; b->mapped && i < b->map.n; i++)
        child_end(b->children[i], SIGTERM);
    b->stop_timer = loop_timer_add(b->loop, STOP_GRACE_MS, kill_children, b);
    box_stopped_one(b);
}

/* ---- the process ---- */

static int start(struct box *b, struct err *err)
{
    if (box_read_env(b, err) < 0)
        return -1;
    /* Inherited for us alone: an MCP server must not hold our port open. */
    if (fcntl(LISTEN_FD, F_SETFD, FD_CLOEXEC) < 0)
        return err_sys(err, errno,
                       "descriptor %d is no listening socket: a box is "
                       "started by the platform",
                       LISTEN_FD);
    box_read_settings(b);
    if (fs_mkdirs(b->configs, err) < 0 || box_count_boot(b, err) < 0)
        return -1;
    if (loop_new(&b->loop, err) < 0 ||
        loop_on_terminate(b->loop, on_terminate, b, err) < 0)
        return -1;
    if (http_async_new(b->loop, &b->http, err) < 0)
        return -1;
    if (httpd_start(b->loop, LISTEN_FD, handle, b, &b->httpd, err) < 0)
        return -1;
    image_fill(b);
    boot_install(b, installed);
    return loop_run(b->loop, err);
}

static void release(struct box *b)
{
    /* The listener first: a request that is kept forgets its waiter and its call. */
    httpd_stop(b->httpd);
    link_free(b);
    http_async_free(b->http);
    gateway_free(b);
    box_unload(b);
    turns_free(b);
    loop_timer_cancel(b->wake_timer);
    loop_timer_cancel(b->stop_timer);
    loop_free(b->loop);
    boot_install_free(b);
    json_decref(b->switches);
    json_decref(b->faults);
    json_decref(b->config);
    json_decref(b->captured);
    strv_release(&b->env);
    free(b->prompt);
    free(b->root);
    free(b->configs);
    free(b->id);
    free(b->platform_url);
    free(b->url);
    free(b->runtime);
    free(b->self_exe);
}

int box_main(int argc, char **argv)
{
    struct box b = {.pace = 0};
    struct err err = ERR_INIT;
    int rc;

    log_init("waybill-mock box", LOG_WARN);
    if (argc > 1) {
        log_error("unexpected argument '%s'", argv[1]);
        return 2;
    }
    rc = start(&b, &err);
    if (rc < 0)
        log_error("%s", err.text);
    release(&b);
    return rc < 0 ? err.kind == ERR_CONFIG ? 2 : 3 : 0;
}
