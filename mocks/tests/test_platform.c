/* The platform as a program: what it says when it is ready, and what it leaves behind. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fs.h"
#include "base/limits.h"
#include "io/http.h"
#include "io/json.h"
#include "io/proc.h"
#include "io/wait.h"

enum { PATIENCE_MS = 20000 };

struct fixture {
    char *mock; /* path of waybill-mock */
    struct strv env;
    struct proc proc;
    json_t *said; /* the first line */
    struct http *http;
    struct http_response answer;
};

static int64_t deadline(void)
{
    return clock_mono_ms() + (int64_t)(PATIENCE_MS * clock_timeout_mul());
}

static int setup(void **state)
{
    struct fixture *f = xcalloc(1, sizeof(*f));
    CLEANUP(free_ptr) char *self = fs_self_exe(NULL);
    const char *tests = self ? strstr(self, "/mocks/tests/") : NULL;
    if (!tests || http_new(&f->http, NULL) < 0) {
        free(f);
        return -1;
    }
    f->mock = xasprintf("%.*s/waybill-mock", (int)(tests - self), self);
    strv_env_set(&f->env, "PATH", "/usr/local/bin:/usr/bin:/bin");
    strv_env_set(&f->env, "WAYBILL_CP_TOKEN", "the-cp-token");
    f->proc = (struct proc)PROC_INIT;
    f->answer = (struct http_response)HTTP_RESPONSE_INIT;
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    proc_stop(&f->proc, 5000);
    proc_release(&f->proc);
    json_decref(f->said);
    http_response_release(&f->answer);
    http_free(f->http);
    strv_release(&f->env);
    free(f->mock);
    free(f);
    return 0;
}

/* Starts the platform with one more option and reads its first line. */
static void start(struct fixture *f, const char *option, const char *value)
{
    char *argv[] = {f->mock, (char[]){"platform"}, (char[]){"--json"}, NULL, NULL, NULL};
    CLEANUP(free_ptr) char *first = option ? xstrdup(option) : NULL;
    CLEANUP(free_ptr) char *second = value ? xstrdup(value) : NULL;
    argv[3] = first;
    argv[4] = second;
    struct proc_spec spec = PROC_SPEC_INIT;
    spec.argv = argv;
    spec.env = &f->env;
    spec.out = PROC_PIPE;
    struct err err = ERR_INIT;
    assert_int_equal(proc_spawn(&spec, &f->proc, &err), 0);
    CLEANUP(buf_release) struct buf line = BUF_INIT(KIB(64));
    char c = '\0';
    while (read(f->proc.out, &c, 1) == 1 && c != '\n')
        buf_addc(&line, c);
    assert_int_equal(json_parse(line.data, line.len, &f->said, &err), 0);
}

static int ask(struct fixture *f, const char *method, const char *path, const char *token,
               const char *body)
{
    CLEANUP(http_request_release) struct http_request req = HTTP_REQUEST_INIT;
    CLEANUP(free_ptr)
    char *url = xasprintf("%s%s", json_str(f->said, "cp_url", ""), path);
    struct err err = ERR_INIT;
    req.method = method;
    req.url = url;
    req.body = body;
    req.body_len = body ? strlen(body) : 0;
    req.timeout_ms = PATIENCE_MS;
    if (token)
        strv_addf(&req.headers, "Authorization: Bearer %s", token);
    assert_int_equal(http_perform(f->http, &req, &f->answer, &err), 0);
    return f->answer.status;
}

/* Process id of the only box that the platform knows. */
static pid_t box_pid(struct fixture *f)
{
    CLEANUP(json_drop) json_t *boxes = NULL;
    assert_int_equal(ask(f, "GET", "/_mock/boxes", NULL, NULL), 200);
    assert_int_equal(json_parse(f->answer.body.data, f->answer.body.len, &boxes, NULL),
                     0);
    const json_t *list = json_object_get(boxes, "boxes");
    assert_int_equal(json_array_size(list), 1);
    return (pid_t)json_int(json_array_get(list, 0), "pid", 0);
}

static bool is_gone(void *arg)
{
    const pid_t *pid = arg;
    CLEANUP(free_ptr) char *path = xasprintf("/proc/%d/stat", (int)*pid);
    CLEANUP(buf_release) struct buf text = BUF_INIT(4096);
    return fs_read(path, &text, NULL) < 0 || strstr(text.data, ") Z ");
}

static void an_organisation_named_at_the_start_is_ready_in_the_first_line(void **state)
{
    struct fixture *f = *state;
    start(f, "--org", "acme");
    const json_t *org = json_array_get(json_object_get(f->said, "orgs"), 0);
    assert_string_equal(json_str(org, "slug", ""), "acme");
    assert_string_equal(json_str(f->said, "contract", ""), "rfc");
    assert_string_equal(json_str(f->said, "cp_admin_token", ""), "the-cp-token");
    assert_true(*json_str(json_object_get(org, "concierge"), "id", ""));
    assert_true(box_pid(f) > 0);
}

static void sigterm_ends_the_boxes_and_removes_the_directory(void **state)
{
    struct fixture *f = *state;
    start(f, "--org", "acme");
    pid_t box = box_pid(f);
    CLEANUP(free_ptr) char *dir = xstrdup(json_str(f->said, "dir", ""));
    assert_true(fs_is_dir(dir));
    int status = -1;
    assert_int_equal(kill(f->proc.pid, SIGTERM), 0);
    assert_int_equal(proc_wait(&f->proc, deadline(), &status, NULL), 0);
    assert_int_equal(status, 0);
    assert_true(is_gone(&box));
    assert_false(fs_exists(dir));
}

static void boxes_die_with_a_platform_that_was_killed(void **state)
{
    struct fixture *f = *state;
    start(f, "--org", "acme");
    pid_t box = box_pid(f);
    CLEANUP(free_ptr) char *dir = xstrdup(json_str(f->said, "dir", ""));
    assert_int_equal(kill(f->proc.pid, SIGKILL), 0);
    assert_true(wait_until(is_gone, &box, deadline()));
    assert_int_equal(fs_rmtree(dir, NULL), 0);
}

static void the_control_plane_refuses_a_wrong_token(void **state)
{
    struct fixture *f = *state;
    start(f, NULL, NULL);
    assert_int_equal(ask(f, "GET", "/health", NULL, NULL), 200);
    assert_int_equal(ask(f, "GET", "/cp/admin/orgs", NULL, NULL), 401);
    assert_int_equal(ask(f, "GET", "/cp/admin/orgs", "wrong", NULL), 401);
    assert_int_equal(ask(f, "GET", "/cp/admin/orgs", "the-cp-token", NULL), 200);
}

static void creating_an_organisation_names_what_is_missing(void **state)
{
    struct fixture *f = *state;
    start(f, NULL, NULL);
    assert_int_equal(ask(f, "POST", "/cp/admin/orgs", "the-cp-token", "{\"name\":\"A\"}"),
                     400);
    assert_string_equal(f->answer.body.data,
                        "{\"error\":\"slug, owner_user_id are required\","
                        "\"fields\":[\"slug\",\"owner_user_id\"]}");
}

static void a_slug_is_taken_once_and_deleted_only_with_its_confirmation(void **state)
{
    static const char body[] =
        "{\"slug\":\"acme\",\"name\":\"A\",\"owner_user_id\":\"u\"}";
    struct fixture *f = *state;
    start(f, NULL, NULL);
    assert_int_equal(ask(f, "POST", "/cp/admin/orgs", "the-cp-token", body), 201);
    assert_int_equal(ask(f, "POST", "/cp/admin/orgs", "the-cp-token", body), 409);
    assert_int_equal(ask(f, "DELETE", "/cp/admin/tenants/acme", "the-cp-token", "{}"),
                     400);
    assert_int_equal(
        ask(f, "GET", "/cp/admin/orgs/acme/admin-token", "the-cp-token", NULL), 200);
    assert_int_equal(ask(f, "DELETE", "/cp/admin/tenants/acme", "the-cp-token",
                         "{\"confirm\":\"acme\"}"),
                     200);
    assert_int_equal(ask(f, "DELETE", "/cp/admin/tenants/acme", "the-cp-token",
                         "{\"confirm\":\"acme\"}"),
                     404);
}

static void an_organisation_that_leaks_is_still_listed(void **state)
{
    static const char body[] =
        "{\"slug\":\"acme\",\"name\":\"A\",\"owner_user_id\":\"u\"}";
    struct fixture *f = *state;
    start(f, "--fault", "org-delete=leak");
    assert_int_equal(ask(f, "POST", "/cp/admin/orgs", "the-cp-token", body), 201);
    assert_int_equal(ask(f, "DELETE", "/cp/admin/tenants/acme", "the-cp-token",
                         "{\"confirm\":\"acme\"}"),
                     200);
    assert_int_equal(ask(f, "GET", "/cp/admin/orgs", "the-cp-token", NULL), 200);
    assert_non_null(strstr(f->answer.body.data, "\"slug\":\"acme\""));
}

/* A beat of the organisation's concierge, from the box with this address. */
static int beat_from(struct fixture *f, const char *box_url)
{
    const json_t *org = json_array_get(json_object_get(f->said, "orgs"), 0);
    CLEANUP(http_request_release) struct http_request req = HTTP_REQUEST_INIT;
    CLEANUP(free_ptr)
    char *url = xasprintf("%s/registry/heartbeat", json_str(org, "url", ""));
    CLEANUP(free_ptr)
    char *body = xasprintf("{\"workspace_id\":\"%s\"}",
                           json_str(json_object_get(org, "concierge"), "id", ""));
    struct err err = ERR_INIT;
    req.method = "POST";
    req.url = url;
    req.body = body;
    req.body_len = strlen(body);
    strv_addf(&req.headers, "X-Waybill-Box: %s", box_url);
    assert_int_equal(http_perform(f->http, &req, &f->answer, &err), 0);
    return f->answer.status;
}

static void a_box_that_was_replaced_brings_nothing_online(void **state)
{
    struct fixture *f = *state;
    start(f, "--org", "acme");
    assert_int_equal(beat_from(f, "http://localhost:1"), 503);
    CLEANUP(json_drop) json_t *boxes = NULL;
    assert_int_equal(ask(f, "GET", "/_mock/boxes", NULL, NULL), 200);
    assert_int_equal(json_parse(f->answer.body.data, f->answer.body.len, &boxes, NULL),
                     0);
    const json_t *box = json_array_get(json_object_get(boxes, "boxes"), 0);
    CLEANUP(free_ptr)
    char *own = xasprintf("http://localhost:%d", (int)json_int(box, "port", 0));
    /* It holds an instance token, so the bearer is asked for next. */
    assert_int_equal(beat_from(f, own), 401);
}

#define T(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(an_organisation_named_at_the_start_is_ready_in_the_first_line),
        T(sigterm_ends_the_boxes_and_removes_the_directory),
        T(boxes_die_with_a_platform_that_was_killed),
        T(a_box_that_was_replaced_brings_nothing_online),
        T(the_control_plane_refuses_a_wrong_token),
        T(creating_an_organisation_names_what_is_missing),
        T(a_slug_is_taken_once_and_deleted_only_with_its_confirmation),
        T(an_organisation_that_leaks_is_still_listed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
