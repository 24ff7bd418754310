/*
 * One of a box's MCP servers as a child of our own client, before a platform that keeps
 * what it was asked. Header only, so that every test program stands alone.
 */
#ifndef MOCKS_TESTS_CALLS_FIXTURE_H
#define MOCKS_TESTS_CALLS_FIXTURE_H

#include "mcp/client.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/fs.h"
#include "base/limits.h"
#include "harness/tests/fake_http.h"
#include "io/json.h"

struct fixture {
    struct fake_http platform;
    struct mcp_client *client;
    struct mcp_answer answer;
    struct err err;
    struct strv env;
    char *mock;
    char *requests;
    char *dir; /* of a box, NULL unless made */
};

static const struct fake_reply fine[] = {{FAKE_JSON, "{\"status\":\"fine\"}", NULL}};

static int setup_with(void **state, const struct fake_reply *script, size_t n)
{
    struct fixture *x = xcalloc(1, sizeof(*x));
    x->platform = (struct fake_http)FAKE_HTTP_INIT;
    CLEANUP(free_ptr) char *self = fs_self_exe(NULL);
    char *tests = self ? strstr(self, "/mocks/tests/") : NULL;
    if (!tests || fake_start(&x->platform, script, n, NULL)) {
        fake_stop(&x->platform);
        free(x);
        return -1;
    }
    x->mock = xasprintf("%.*s/waybill-mock", (int)(tests - self), self);
    x->dir = xasprintf("%s.box", self);
    strv_addf(&x->env, "MOLECULE_API_URL=%s/", x->platform.url);
    *state = x;
    return 0;
}

UNUSED static int setup(void **state)
{
    return setup_with(state, fine, ARRAY_SIZE(fine));
}

static int teardown(void **state)
{
    struct fixture *x = *state;
    mcp_close(x->client);
    mcp_answer_release(&x->answer);
    fake_stop(&x->platform);
    strv_release(&x->env);
    int rc = fs_rmtree(x->dir, NULL);
    free(x->mock);
    free(x->dir);
    free(x->requests);
    free(x);
    return rc;
}

UNUSED static void start(struct fixture *x, const char *server)
{
    char *name = server ? xstrdup(server) : NULL;
    char *argv[] = {x->mock, (char[]){"mcp"}, name, NULL};
    int rc = mcp_open_stdio(argv, &x->env, NULL, NULL, &x->client, &x->err);
    free(name);
    assert_int_equal(rc, 0);
    assert_int_equal(mcp_initialize(x->client, &x->answer, &x->err), 0);
    assert_int_equal(x->answer.outcome, MCP_OK);
}

UNUSED static void start_management(struct fixture *x)
{
    strv_add(&x->env, "MOLECULE_MCP_MODE=management");
    strv_add(&x->env, "MOLECULE_ORG_API_KEY=org-key");
    strv_add(&x->env, "MOLECULE_ORG_ID=org-id");
    strv_add(&x->env, "MOLECULE_API_KEY=api-key");
    start(x, NULL);
}

UNUSED static void call(struct fixture *x, const char *tool, const char *arguments)
{
    CLEANUP(json_drop) json_t *args = json_loads(arguments, JSON_ALLOW_NUL, NULL);
    assert_non_null(args);
    if (mcp_call_tool(x->client, tool, args, &x->answer, &x->err))
        fail_msg("%s: %s", tool, x->err.text);
}

UNUSED static const char *requests(struct fixture *x)
{
    free(x->requests);
    x->requests = fake_requests(&x->platform);
    return x->requests;
}

/* The text of the answer. */
UNUSED static const char *text(const struct fixture *x)
{
    const json_t *content = json_object_get(x->answer.result, "content");
    return json_str(json_array_get(content, 0), "text", "");
}

UNUSED static void assert_has(const char *all, const char *part)
{
    if (!all || !strstr(all, part))
        fail_msg("'%s' is not in: %s", part, all ? all : "");
}

#endif
