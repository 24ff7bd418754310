#include "mocks/management_mcp/serve.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/num.h"
#include "io/httpd.h"
#include "io/json.h"
#include "io/loop.h"
#include "mcp/jsonrpc.h"
#include "mocks/management_mcp/tool_input.h"
#include "mocks/mcp/diagnostics.h"
#include "mocks/mcp/frames.h"
#include "mocks/mcp/http.h"
#include "mocks/mcp/stdio.h"
#include "mocks/mcp/tools.h"

#define ENDPOINT "/mcp"
#define METADATA "/.well-known/oauth-protected-resource"

/* A tool that has not answered yet. */
struct running {
    struct running *next;
    struct serving *v;
    struct exchange *x;
    struct tool_call *call; /* owned */
};

struct serving {
    struct tool_server *s;
    struct running *running;
    struct loop *loop;
    struct mcp_server *server;
    struct mcp_tools *tools;
    struct diagnostics *diagnostics; /* NULL = none */
    struct mcp_frames *frames;       /* HTTP */
    struct mcp_http *http;
    struct httpd *httpd;
    struct mcp_stdio *stdio;
    char *url, *metadata_url; /* HTTP */
    struct err err;
};

/* ---- what is served ---- */

static json_t *view_of(const struct tool_server *s, const struct tool *t)
{
    json_t *view = json_make("{s:s,s:s,s:o}", "name", t->name, "description", t->about,
                             "inputSchema", tool_input_schema(t->input, s->shipped));

    if (s->shipped && json_object_set_new(view, "execution",
                                          json_make("{s:s}", "taskSupport", "forbidden")))
        abort(); /* out of memory */
    return view;
}

static json_t *views_of(const struct tool_server *s)
{
    json_t *views = xcheck(json_array());

    for (size_t i = 0; i < s->n_tools; i++)
        if (json_array_append_new(views, view_of(s, s->tools[i])))
            abort(); /* out of memory */
    if (s->diagnostics)
        diagnostics_add_views(views);
    return views;
}

static void on_hello(struct exchange *x, void *arg)
{
    const struct serving *v = arg;
    json_t *hello CLEANUP(json_drop) = json_make(
        "{s:{s:{s:b}},s:{s:s,s:s}}", "capabilities", "tools", "listChanged",
        (int)v->s->shipped, "serverInfo", "name", v->s->name, "version", "1.0.0");

    exchange_hello(x, hello);
}

static void on_request(struct exchange *x, void *arg)
{
    const struct serving *v = arg;

    mcp_tools_request(v->tools, x);
}

static void running_free(struct serving *v, struct running *r)
{
    struct running **at = &v->running;

    while (*at != r)
        at = &(*at)->next;
    *at = r->next;
    tool_call_free(r->call);
    free(r);
}

/* Nobody waits for it any more: its request ends with it. */
static void on_gone(struct exchange *x, void *arg)
{
    struct serving *v = arg;
    struct running *r = v->running;

    while (r && r->x != x)
        r = r->next;
    if (r)
        running_free(v, r);
    else if (v->diagnostics)
        diagnostics_gone(v->diagnostics, x);
}

static void on_done(struct tool_call *call, void *arg)
{
    struct running *r = arg;
    struct exchange *x = r->x;
    bool shipped = r->v->s->shipped;
    char *text CLEANUP(free_ptr) = TAKE(call->text);
    bool is_error = call->outcome == TOOL_BAD_ARGUMENT ||
                    (call->outcome == TOOL_PLATFORM_ERROR && !shipped);

    running_free(r->v, r);
    mcp_tools_text(x, text ? text : "", is_error);
}

static bool on_offered(const struct exchange *x, size_t index, void *arg)
{
    const struct serving *v = arg;

    return index < v->s->n_tools || diagnostics_offered(x, index - v->s->n_tools);
}

static void on_call(struct exchange *x, size_t index, json_t *args, void *arg)
{
    struct serving *v = arg;

    if (index >= v->s->n_tools) {
        diagnostics_call(v->diagnostics, x, index - v->s->n_tools, args);
        return;
    }
    struct running *r = xcalloc(1, sizeof(*r));
    r->v = v;
    r->x = x;
    r->call = tool_call_new(v->s->tools[index], &v->s->rest, args);
    r->next = v->running;
    v->running = r;
    tool_call_start(r->call, on_done, r);
}

/* ---- over HTTP ---- */

/* MCP wants an authorization server to be named; tokens are handed out by none, so it is
 * the resource itself. */
static void get_metadata(const struct serving *v, struct httpd_req *req)
{
    char *issuer CLEANUP(free_ptr) = xstrndup(v->url, strlen(v->url) - strlen(ENDPOINT));

    httpd_reply_json(req, 200,
                     json_make("{s:s,s:[s],s:[s]}", "resource", v->url,
                               "authorization_servers", issuer,
                               "bearer_methods_supported", "header"));
}

/* RFC 9728: with the path of the resource, or without where a client tries that. */
static bool is_metadata(const char *path)
{
    return strcmp(path, METADATA) == 0 || strcmp(path, METADATA ENDPOINT) == 0;
}

static void get_frames(const struct serving *v, struct httpd_req *req)
{
    const char *text = httpd_query(req, "since");
    int64_t since = 0;

    if (text && !num_parse(text, 0, INT64_MAX, &since))
        httpd_reply_text(req, 400, "'since' is a number\n");
    else
        httpd_reply_json(req, 200, mcp_frames_view(v->frames, since));
}

static void on_http(struct httpd_req *req, void *arg)
{
    struct serving *v = arg;
    bool get = strcmp(req->method, "GET") == 0;
    const char *unwelcome = mcp_why_unwelcome(req);

    if (strcmp(req->path, ENDPOINT) == 0)
        mcp_http_handle(v->http, req);
    else if (unwelcome)
        httpd_reply_text(req, 403, unwelcome);
    else if (get && strcmp(req->path, "/_frames") == 0)
        get_frames(v, req);
    else if (get && v->s->bearer && is_metadata(req->path))
        get_metadata(v, req);
    else
        httpd_reply_text(req, 404, "not found: the endpoint is " ENDPOINT "\n");
}

static void on_signal(int signo, void *arg)
{
    const struct serving *v = arg;

    (void)signo;
    loop_stop(v->loop);
}

static int start_http(struct serving *v, struct err *err)
{
    int fd = -1;

    if (httpd_bind(v->s->http_port, &fd, err) < 0)
        return -1;
    int port = httpd_fd_port(fd);
    v->url = xasprintf("http://127.0.0.1:%d" ENDPOINT, port);
    v->metadata_url = xasprintf("http://127.0.0.1:%d" METADATA ENDPOINT, port);
    const struct mcp_http_options opt = {.server = v->server,
                                         .session_idle_ms = v->s->session_idle_ms,
                                         .resume = v->s->diagnostics,
                                         .bearer = v->s->bearer,
                                         .metadata_url = v->metadata_url};
    v->http = mcp_http_new(&opt);
    if (httpd_start(v->loop, fd, on_http, v, &v->httpd, err) < 0)
        return -1;
    if (printf("{\"url\":\"%s\",\"frames_url\":\"http://127.0.0.1:%d/_frames\","
               "\"pid\":%d}\n",
               v->url, port, (int)getpid()) < 0 ||
        fflush(stdout))
        return err_set(err, ERR_SYS, "cannot write to standard output");
    return 0;
}

/* ---- over stdio ---- */

static void on_end(const struct err *err, void *arg)
{
    struct serving *v = arg;

    if (err)
        v->err = *err;
    loop_stop(v->loop);
}

/* ---- the process ---- */

static int start(struct serving *v, struct err *err)
{
    const struct tool_server *s = v->s;
    bool http = s->http_port >= 0;

    if (loop_new(&v->loop, err) < 0 || loop_on_terminate(v->loop, on_signal, v, err) < 0)
        return -1;
    v->s->rest.loop = v->loop;
    v->frames = http ? mcp_frames_new() : NULL;
    const struct mcp_tools_options tools = {.call = on_call,
                                            .offered = s->diagnostics ? on_offered : NULL,
                                            .arg = v,
                                            .page = (size_t)s->page,
                                            .sdk1 = s->shipped};
    const struct mcp_server_options opt = {.name = s->name,
                                           .hello = on_hello,
                                           .request = on_request,
                                           .gone = on_gone,
                                           .arg = v,
                                           .revision = s->revision,
                                           .sdk1 = s->shipped,
                                           .frames = v->frames};
    v->tools = mcp_tools_new(views_of(s), &tools);
    v->diagnostics = s->diagnostics ? diagnostics_new(v->loop) : NULL;
    v->server = mcp_server_new(&opt);
    json_t *info CLEANUP(json_drop) =
        json_make("{s:s,s:s}", "name", s->name, "version", "1.0.0");
    mcp_server_set_info(v->server, info);
    if (http)
        return start_http(v, err);
    v->stdio =
        mcp_stdio_start(v->loop, v->server, STDIN_FILENO, STDOUT_FILENO, on_end, v);
    return 0;
}

static void release(struct serving *v)
{
    httpd_stop(v->httpd);
    mcp_http_free(v->http);
    mcp_stdio_free(v->stdio);
    mcp_server_free(v->server);
    mcp_tools_free(v->tools);
    diagnostics_free(v->diagnostics);
    while (v->running)
        running_free(v, v->running);
    rest_release(&v->s->rest);
    mcp_frames_free(v->frames);
    loop_free(v->loop);
    free(v->url);
    free(v->metadata_url);
}

int tool_server_run(struct tool_server *s, struct err *err)
{
    struct serving v = {.s = s};
    int rc = start(&v, err);

    if (rc == 0)
        rc = loop_run(v.loop, err);
    if (rc == 0 && v.err.kind != ERR_NONE) {
        rc = -1;
        if (err)
            *err = v.err;
    }
    release(&v);
    return rc;
}
