/*
 * A mock platform as a child process, with one organisation, and short ways to ask its
 * tenant. One test program includes it once.
 */
#ifndef TESTS_REST_FIXTURE_H
#define TESTS_REST_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/fs.h"
#include "base/ids.h"
#include "base/limits.h"
#include "io/http.h"
#include "io/json.h"
#include "io/proc.h"

struct rest_fixture {
    struct proc proc;
    struct http *http;
    json_t *info; /* the platform's first line */
    const char *url, *mock_url, *org_id, *admin, *concierge; /* of info */
    struct strv headers;       /* added to the next request, then dropped */
    bool no_org;               /* the next request names no organisation */
    struct http_response resp; /* the last answer */
    json_t *json;              /* its body, NULL when it is not JSON */
};
static struct rest_fixture fx;

UNUSED static char *program_path(void)
{
    char *self CLEANUP(free_ptr) = fs_self_exe(NULL);
    for (int i = 0; i < 3; i++) /* build/<mode>/mocks/tests/test_x */
        *strrchr(self, '/') = '\0';
    return fs_join(self, "waybill-mock");
}

UNUSED static int read_line(int fd, struct buf *line)
{
    char c = 0;
    while (read(fd, &c, 1) == 1 && c != '\n')
        buf_addc(line, c);
    return line->len > 0 ? 0 : -1;
}

UNUSED static int platform_down(void **state)
{
    (void)state;
    json_decref(TAKE(fx.json));
    json_decref(TAKE(fx.info));
    http_response_release(&fx.resp);
    strv_release(&fx.headers);
    http_free(TAKE(fx.http));
    proc_stop(&fx.proc, 5000);
    return 0;
}

/* more: further arguments, NULL-terminated. */
UNUSED static int platform_up(const char *const *more)
{
    struct strv argv CLEANUP(strv_release) = STRV_INIT;
    struct strv env CLEANUP(strv_release) = STRV_INIT;
    struct buf line CLEANUP(buf_release) = BUF_INIT(KIB(64));
    struct err err = ERR_INIT;
    fx = (struct rest_fixture){.proc = PROC_INIT, .resp = HTTP_RESPONSE_INIT};
    strv_take(&argv, program_path());
    strv_add(&argv, "platform");
    strv_add(&argv, "--json");
    for (size_t i = 0; more[i]; i++)
        strv_add(&argv, more[i]);
    /* A self-hosted platform has its one tenant without being told. */
    if (!strv_has(&argv, "--self-hosted")) {
        strv_add(&argv, "--org");
        strv_add(&argv, "acme");
    }
    for (char **e = environ; *e; e++)
        strv_add(&env, *e);
    struct proc_spec spec = PROC_SPEC_INIT;
    spec.argv = strv_argv(&argv);
    spec.env = &env;
    spec.out = PROC_PIPE;
    spec.err = STDERR_FILENO;
    if (proc_spawn(&spec, &fx.proc, &err) < 0 || read_line(fx.proc.out, &line) < 0 ||
        json_parse(line.data, line.len, &fx.info, &err) < 0 ||
        http_new(&fx.http, &err) < 0) {
        print_error("no platform: %s\n", err.text);
        (void)platform_down(NULL);
        return -1;
    }
    const json_t *org = json_array_get(json_object_get(fx.info, "orgs"), 0);
    fx.url = json_str(org, "url", "");
    fx.mock_url = json_str(fx.info, "mock_url", "");
    fx.org_id = json_str(org, "id", "");
    fx.admin = json_str(org, "admin_token", "");
    fx.concierge = json_str(json_object_get(org, "concierge"), "id", "");
    return 0;
}

/* Status of the answer; its body is then in fx.json and fx.resp.body. */
UNUSED static int ask_at(const char *base, const char *bearer, const char *method,
                         const char *path, const char *body)
{
    struct http_request req CLEANUP(http_request_release) = HTTP_REQUEST_INIT;
    struct err err = ERR_INIT;
    char *url CLEANUP(free_ptr) = xasprintf("%s%s", base, path);
    req.method = method;
    req.url = url;
    req.body = body;
    req.body_len = body ? strlen(body) : 0;
    req.timeout_ms = 30000;
    strv_copy(&req.headers, &fx.headers);
    if (bearer)
        strv_addf(&req.headers, "Authorization: Bearer %s", bearer);
    if (!fx.no_org)
        strv_addf(&req.headers, "X-Molecule-Org-Id: %s", fx.org_id);
    strv_release(&fx.headers);
    fx.no_org = false;
    json_decref(TAKE(fx.json));
    if (http_perform(fx.http, &req, &fx.resp, &err) < 0)
        fail_msg("%s %s: %s", method, path, err.text);
    if (json_parse(fx.resp.body.data, fx.resp.body.len, &fx.json, NULL) < 0)
        fx.json = NULL;
    return fx.resp.status;
}

UNUSED static int ask_as(const char *bearer, const char *method, const char *path,
                         const char *body)
{
    return ask_at(fx.url, bearer, method, path, body);
}

/* With the organisation's ADMIN_TOKEN. */
UNUSED static int ask(const char *method, const char *path, const char *body)
{
    return ask_at(fx.url, fx.admin, method, path, body);
}

/* The same with one %s in path and in body (either may have none). */
UNUSED static int ask_of(const char *id, const char *method, const char *path,
                         const char *body)
{
    char *full CLEANUP(free_ptr) = xasprintf("/workspaces/%s%s", id, path);
    return ask(method, full, body);
}

UNUSED static const char *text(void)
{
    return fx.resp.body.data;
}

UNUSED static const char *member(const char *key)
{
    return json_str(fx.json, key, "(absent)");
}

UNUSED static void with_header(const char *line)
{
    strv_add(&fx.headers, line);
}

UNUSED static void fault(const char *method, const char *name, const char *mode)
{
    char *body CLEANUP(free_ptr) =
        xasprintf("{\"name\":\"%s\",\"mode\":\"%s\",\"org\":\"acme\"}", name, mode);
    char *path CLEANUP(free_ptr) =
        strcmp(method, "PUT") == 0 ? xstrdup("/_mock/faults")
                                   : xasprintf("/_mock/faults?name=%s&org=acme", name);
    assert_int_equal(
        ask_at(fx.mock_url, NULL, method, path, strcmp(method, "PUT") == 0 ? body : NULL),
        200);
}

/* Makes a workspace whose agent lives elsewhere, so that no box answers for it. Its id
 * goes to id, its instance token to token (may be NULL). */
UNUSED static void external_workspace(const char *name, const char *parent, char id[37],
                                      char token[44])
{
    char *body CLEANUP(free_ptr) =
        parent ? xasprintf("{\"name\":\"%s\",\"external\":true,\"parent_id\":\"%s\"}",
                           name, parent)
               : xasprintf("{\"name\":\"%s\",\"external\":true}", name);
    assert_int_equal(ask("POST", "/workspaces", body), 201);
    memcpy(id, member("id"), 36);
    id[36] = '\0';
    const char *t = json_str(json_object_get(fx.json, "connection"), "auth_token", "");
    assert_int_equal(strlen(t), 43);
    if (token)
        memcpy(token, t, 44);
}

#endif
