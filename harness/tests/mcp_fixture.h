/*
 * For the tests of the MCP client: a client over a scripted HTTP server, over a shell
 * script, and over the mock's own server.
 */
#ifndef HARNESS_TESTS_MCP_FIXTURE_H
#define HARNESS_TESTS_MCP_FIXTURE_H

#include "mcp/client.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/fs.h"
#include "harness/tests/fake_http.h"
#include "io/http.h"
#include "io/json.h"

#define INIT(revision)                                                                   \
    "{\"jsonrpc\":\"2.0\",\"id\":$ID,\"result\":{\"protocolVersion\":\"" revision        \
    "\",\"capabilities\":{\"tools\":{}},\"serverInfo\":{\"name\":\"fake\",\"version\":"  \
    "\"1\"}}}"
#define RESULT(body) "{\"jsonrpc\":\"2.0\",\"id\":$ID,\"result\":" body "}"
#define TOOL(name) "{\"name\":\"" name "\",\"inputSchema\":{\"type\":\"object\"}}"
#define ACCEPTED                                                                         \
    {                                                                                    \
        "202 Accepted", "", NULL                                                         \
    }

#define META "\"resultType\":\"complete\",\"ttlMs\":0,\"cacheScope\":\"private\""
#define DISCOVERED(versions)                                                             \
    RESULT("{" META ",\"supportedVersions\":" versions                                   \
           ",\"capabilities\":{\"tools\":{}},\"_meta\":{\"io.modelcontextprotocol/"      \
           "serverInfo\":{\"name\":\"fake\",\"version\":\"1\"}}}")
#define ERROR(code, more)                                                                \
    "{\"jsonrpc\":\"2.0\",\"id\":$ID,\"error\":{\"code\":" code                          \
    ",\"message\":\"no\"" more "}}"
#define BAD_REQUEST "400 Bad Request\r\nContent-Type: application/json"

struct fixture {
    struct fake_http server;
    struct http *http;
    struct mcp_client *client;
    struct mcp_answer answer;
    struct err err;
    struct strv env;
    char *mock;     /* path of waybill-mock */
    char *requests; /* what the fake server was asked */
    volatile sig_atomic_t stop;
};

static inline int setup(void **state)
{
    struct fixture *x = xcalloc(1, sizeof(*x));
    x->server = (struct fake_http)FAKE_HTTP_INIT;
    CLEANUP(free_ptr) char *self = fs_self_exe(NULL);
    char *tests = self ? strstr(self, "/harness/tests/") : NULL;
    if (!tests || http_new(&x->http, NULL)) {
        free(x);
        return -1;
    }
    x->mock = xasprintf("%.*s/waybill-mock", (int)(tests - self), self);
    *state = x;
    return 0;
}

static inline int teardown(void **state)
{
    struct fixture *x = *state;
    mcp_close(x->client);
    mcp_answer_release(&x->answer);
    fake_stop(&x->server);
    http_free(x->http);
    strv_release(&x->env);
    free(x->mock);
    free(x->requests);
    free(x);
    return 0;
}

/* Without options the tests speak of the handshake, not of how the era is found. */
enum { PATIENCE_MS = 20000 }; /* what never comes fails a test, it does not hang it */
static const struct mcp_options with_handshake = {.revision = MCP_LATEST,
                                                  .timeout_ms = PATIENCE_MS};
static const struct mcp_options any_era = {.timeout_ms = PATIENCE_MS,
                                           .probe_timeout_ms = 300};
static const struct mcp_options modern = {.revision = MCP_MODERN_LATEST,
                                          .timeout_ms = PATIENCE_MS};

/* At the first notification nobody waits any more. */
static inline void stop_soon(const char *method, const json_t *params, void *arg)
{
    struct fixture *x = arg;
    (void)method;
    (void)params;
    x->stop = 1;
}

static inline void open_mock(struct fixture *x, const struct mcp_options *opt)
{
    char *argv[] = {x->mock, (char[]){"mcp"}, NULL};
    opt = opt ? opt : &with_handshake;
    assert_int_equal(mcp_open_stdio(argv, &x->env, NULL, opt, &x->client, &x->err), 0);
}

static inline void open_shell(struct fixture *x, const char *script,
                              const struct mcp_options *opt)
{
    char *text = xstrdup(script);
    char *argv[] = {(char[]){"/bin/sh"}, (char[]){"-c"}, text, NULL};
    opt = opt ? opt : &with_handshake;
    int rc = mcp_open_stdio(argv, &x->env, NULL, opt, &x->client, &x->err);
    free(text);
    assert_int_equal(rc, 0);
}

static inline void open_fake(struct fixture *x, const struct fake_reply *script, size_t n,
                             const struct mcp_options *opt)
{
    assert_int_equal(fake_start(&x->server, script, n, &x->err), 0);
    opt = opt ? opt : &with_handshake;
    assert_int_equal(mcp_open_http(x->http, x->server.url, opt, &x->client, &x->err), 0);
}

static inline void initialize(struct fixture *x)
{
    if (mcp_initialize(x->client, &x->answer, &x->err))
        fail_msg("%s", x->err.text);
    assert_int_equal(x->answer.outcome, MCP_OK);
}

/* Any request. */
static inline int ask(struct fixture *x)
{
    err_clear(&x->err);
    return mcp_request(x->client, "x/y", NULL, &x->answer, &x->err);
}

/* With {"ok": true}. */
static inline void is_answered(struct fixture *x)
{
    if (ask(x))
        fail_msg("%s", x->err.text);
    assert_int_equal(x->answer.outcome, MCP_OK);
    assert_true(json_bool(x->answer.result, "ok", false));
}

/* A finding has these words in it, whatever else was found. */
static inline void has_found(const struct fixture *x, const char *what)
{
    const struct strv *findings = mcp_findings(x->client);
    for (size_t i = 0; i < findings->n; i++)
        if (strstr(findings->v[i], what))
            return;
    fail_msg("%zu findings, none of '%s'; the first: %s", findings->n, what,
             findings->n ? findings->v[0] : "");
}

static inline void has_found_only(const struct fixture *x, const char *what)
{
    has_found(x, what);
    assert_int_equal(mcp_findings(x->client)->n, 1);
}

static inline const char *requests(struct fixture *x)
{
    free(x->requests);
    x->requests = fake_requests(&x->server);
    return x->requests;
}

#endif
