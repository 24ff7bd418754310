/*
 * One of our MCP servers under test, over HTTP or over stdio, spoken to frame by frame,
 * as no client of ours would. Header only, so that every test program stands alone.
 */
#ifndef MOCKS_TESTS_MCP_FIXTURE_H
#define MOCKS_TESTS_MCP_FIXTURE_H

#include "base/clock.h"
#include "base/fs.h"
#include "base/limits.h"
#include "io/http.h"
#include "io/json.h"
#include "io/proc.h"

#include <errno.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

enum { PATIENCE_MS = 10000 };

#define META                                                                             \
    "\"_meta\":{\"io.modelcontextprotocol/protocolVersion\":\"2026-07-28\","             \
    "\"io.modelcontextprotocol/clientCapabilities\":{}}"
#define MODERN "MCP-Protocol-Version: 2026-07-28"
#define INITIALIZE(revision)                                                             \
    "{\"jsonrpc\":\"2.0\",\"id\":0,\"method\":\"initialize\",\"params\":{"               \
    "\"protocolVersion\":\"" revision "\",\"capabilities\":{},"                          \
    "\"clientInfo\":{\"name\":\"t\",\"version\":\"1\"}}}"
#define INITIALIZED "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/initialized\"}"
#define LIST "{\"jsonrpc\":\"2.0\",\"id\":\"l\",\"method\":\"tools/list\"}"

struct mcp_fixture {
    struct proc server;
    struct strv env;
    struct buf in; /* of its stdout, not yet taken */
    char *url;     /* HTTP, else NULL */
    char *frames_url;
    struct http *http;
    struct http_response resp;
    json_t *json;  /* of the last answer or line */
    char *session; /* "Mcp-Session-Id: .." */
};

static int mcp_setup(void **state)
{
    struct mcp_fixture *f = xcalloc(1, sizeof(*f));

    f->server = (struct proc)PROC_INIT;
    f->resp = (struct http_response)HTTP_RESPONSE_INIT;
    buf_init(&f->in, MIB(16));
    strv_add(&f->env, "PATH=/usr/bin:/bin");
    *state = f;
    return http_new(&f->http, NULL);
}

static int mcp_teardown(void **state)
{
    struct mcp_fixture *f = *state;

    proc_stop(&f->server, 1000);
    proc_release(&f->server);
    http_response_release(&f->resp);
    http_free(f->http);
    strv_release(&f->env);
    buf_release(&f->in);
    json_decref(f->json);
    free(f->session);
    free(f->url);
    free(f->frames_url);
    free(f);
    return 0;
}

/* One line of its stdout; fails the test when none comes. Caller frees. */
static char *next_line(struct mcp_fixture *f)
{
    int64_t deadline = clock_mono_ms() + (int64_t)(PATIENCE_MS * clock_timeout_mul());

    for (;;) {
        char *end = memchr(f->in.data, '\n', f->in.len);
        if (end) {
            char *line = xstrndup(f->in.data, (size_t)(end - f->in.data));
            buf_consume(&f->in, (size_t)(end - f->in.data) + 1);
            return line;
        }
        struct pollfd p = {.fd = f->server.out, .events = POLLIN};
        int64_t left = deadline - clock_mono_ms();
        char chunk[65536];
        if (left <= 0 || poll(&p, 1, (int)left) <= 0)
            fail_msg("no line came");
        ssize_t n = read(f->server.out, chunk, sizeof(chunk));
        if (n <= 0)
            fail_msg("the server has ended");
        buf_add(&f->in, chunk, (size_t)n);
    }
}

/* argv after "waybill-mock mcp", as words. out: as in proc_spec. */
static void start_server_on(struct mcp_fixture *f, const char *words, int out)
{
    struct strv argv CLEANUP(strv_release) = STRV_INIT;
    struct proc_spec spec = PROC_SPEC_INIT;
    char *self CLEANUP(free_ptr) = fs_self_exe(NULL);
    const char *tests = self ? strstr(self, "/mocks/tests/") : NULL;

    assert_non_null(tests);
    strv_addf(&argv, "%.*s/waybill-mock", (int)(tests - self), self);
    strv_add(&argv, "mcp");
    strv_split(&argv, words, ' ');
    spec.argv = strv_argv(&argv);
    spec.env = &f->env;
    spec.in = PROC_PIPE;
    spec.out = out;
    spec.err = STDERR_FILENO;
    assert_int_equal(proc_spawn(&spec, &f->server, NULL), 0);
}

static void start_server(struct mcp_fixture *f, const char *words)
{
    start_server_on(f, words, PROC_PIPE);
    if (!strstr(words, "--http-port"))
        return;
    char *line CLEANUP(free_ptr) = next_line(f);
    json_t *said CLEANUP(json_drop) = json_loads(line, 0, NULL);
    f->url = xstrdup(json_str(said, "url", ""));
    f->frames_url = xstrdup(json_str(said, "frames_url", ""));
}

static char *initialize_in(const char *revision)
{
    return xasprintf(
        "{\"jsonrpc\":\"2.0\",\"id\":0,\"method\":\"initialize\",\"params\":{"
        "\"protocolVersion\":\"%s\",\"capabilities\":{},"
        "\"clientInfo\":{\"name\":\"t\",\"version\":\"1\"}}}",
        revision);
}

/* The exit code, or minus the signal that ended it. */
static int exit_of(struct mcp_fixture *f)
{
    int64_t deadline = clock_mono_ms() + (int64_t)(PATIENCE_MS * clock_timeout_mul());
    int status = -1;

    assert_int_equal(proc_wait(&f->server, deadline, &status, NULL), 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

/* ---- HTTP ---- */

/* headers: lines separated by '\n', "$S" stands for the session's; NULL = none. */
static void UNUSED ask_url(struct mcp_fixture *f, const char *method, const char *url,
                           const char *headers, const char *body)
{
    struct http_request req CLEANUP(http_request_release) = HTTP_REQUEST_INIT;
    struct err err = ERR_INIT;

    req.method = method;
    req.url = url;
    req.body = body;
    req.body_len = body ? strlen(body) : 0;
    req.timeout_ms = (int64_t)(PATIENCE_MS * clock_timeout_mul());
    if (!headers || !strstr(headers, "Content-Type:"))
        strv_add(&req.headers, "Content-Type: application/json");
    if (!headers || !strstr(headers, "Accept:"))
        strv_add(&req.headers, "Accept: application/json, text/event-stream");
    struct strv lines CLEANUP(strv_release) = STRV_INIT;
    strv_split(&lines, headers ? headers : "", '\n');
    for (size_t i = 0; i < lines.n; i++)
        strv_add(&req.headers, strcmp(lines.v[i], "$S") == 0 ? f->session : lines.v[i]);
    if (http_perform(f->http, &req, &f->resp, &err))
        fail_msg("%s %s: %s", method, url, err.text);
    json_decref(f->json);
    f->json = json_loadb(f->resp.body.data, f->resp.body.len, JSON_DECODE_ANY, NULL);
}

static void UNUSED ask(struct mcp_fixture *f, const char *headers, const char *body)
{
    ask_url(f, "POST", f->url, headers, body);
}

struct stream {
    struct buf text;
    const char *until; /* ends the transfer; NULL = its end does */
};

static void UNUSED stream_release(struct stream *s)
{
    buf_release(&s->text);
}

static int collect(const char *data, size_t len, void *arg)
{
    struct stream *s = arg;

    buf_add(&s->text, data, len);
    return s->until && strstr(s->text.data, s->until) ? 1 : 0;
}

/* One request whose answer is read until a text has come, and then left. headers: as
 * above. */
static void UNUSED stream(struct mcp_fixture *f, const char *method, const char *headers,
                          const char *body, struct stream *s)
{
    struct http_request req CLEANUP(http_request_release) = HTTP_REQUEST_INIT;
    struct strv lines CLEANUP(strv_release) = STRV_INIT;
    struct err err = ERR_INIT;

    req.method = method;
    req.url = f->url;
    req.body = body;
    req.body_len = body ? strlen(body) : 0;
    req.timeout_ms = (int64_t)(PATIENCE_MS * clock_timeout_mul());
    req.on_data = collect;
    req.on_data_arg = s;
    strv_add(&req.headers, "Content-Type: application/json");
    strv_addf(&req.headers, "Accept: %stext/event-stream",
              body ? "application/json, " : "");
    strv_split(&lines, headers, '\n');
    for (size_t i = 0; i < lines.n; i++)
        strv_add(&req.headers, strcmp(lines.v[i], "$S") == 0 ? f->session : lines.v[i]);
    if (http_perform(f->http, &req, &f->resp, &err))
        fail_msg("%s", err.text);
}

/* A session in a revision. */
static void UNUSED shake_hands(struct mcp_fixture *f, const char *revision)
{
    char *body CLEANUP(free_ptr) = initialize_in(revision);

    ask(f, NULL, body);
    assert_int_equal(f->resp.status, 200);
    const char *id = http_response_header(&f->resp, "Mcp-Session-Id");
    assert_non_null(id);
    free(f->session);
    f->session = xasprintf("Mcp-Session-Id: %s", id);
}

/* ---- stdio ---- */

static void say(struct mcp_fixture *f, const char *text)
{
    char *line CLEANUP(free_ptr) = xasprintf("%s\n", text);
    size_t len = strlen(line);

    assert_int_equal(write(f->server.in, line, len), (ssize_t)len);
}

/* The next frame of its stdout, which has to be one. */
static void hear(struct mcp_fixture *f)
{
    char *line CLEANUP(free_ptr) = next_line(f);

    json_decref(f->json);
    f->json = json_loads(line, 0, NULL);
    if (!f->json)
        fail_msg("not a frame: %s", line);
}

static void UNUSED say_and_hear(struct mcp_fixture *f, const char *text)
{
    say(f, text);
    hear(f);
}

/* The exit code after its stdin was closed. */
static int UNUSED end(struct mcp_fixture *f)
{
    close_fd(&f->server.in);
    return exit_of(f);
}

/* ---- what was answered ---- */

static int UNUSED error_code(const struct mcp_fixture *f)
{
    return (int)json_int(json_object_get(f->json, "error"), "code", 0);
}

static const json_t UNUSED *result_of(const struct mcp_fixture *f)
{
    const json_t *result = json_object_get(f->json, "result");

    if (!result) {
        char *text = f->json ? json_text(f->json, JSON_STRUCT) : xstrdup("no JSON");
        fail_msg("no result: %s", text);
    }
    return result;
}

/* Of the first content. */
static const char UNUSED *result_text(const struct mcp_fixture *f)
{
    const json_t *content = json_object_get(result_of(f), "content");

    return json_str(json_array_get(content, 0), "text", "");
}

static bool UNUSED lists_tool(const struct mcp_fixture *f, const char *name)
{
    const json_t *tools = json_object_get(result_of(f), "tools");

    for (size_t i = 0; i < json_array_size(tools); i++)
        if (strcmp(json_str(json_array_get(tools, i), "name", ""), name) == 0)
            return true;
    return false;
}

/* ---- a handshake over stdio ---- */

static void UNUSED shake(struct mcp_fixture *f, const char *revision)
{
    char *hello CLEANUP(free_ptr) = initialize_in(revision);

    say_and_hear(f, hello);
    (void)result_of(f);
    say(f, INITIALIZED);
}

static void UNUSED start_stdio(struct mcp_fixture *f, const char *revision)
{
    start_server(f, "management --diagnostics");
    shake(f, revision);
}

#endif
