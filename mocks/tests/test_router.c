/* Routing, the life of a call and the forge's host, over real connections. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/fs.h"
#include "base/limits.h"
#include "io/http.h"
#include "io/httpd.h"
#include "io/json.h"
#include "io/loop.h"
#include "mocks/forge/forge.h"
#include "mocks/server/journal.h"
#include "mocks/server/router.h"
#include "mocks/server/state_new.h"

enum { PATIENCE_MS = 10000 };

struct fixture {
    struct platform *p;
    char dir[64];
    char base[64];
    bool as_forge;
    struct call *kept;
    struct loop_timer *timer;
    /* the last answer */
    int done, status;
    enum err_kind failed;
    struct buf body;
};

static struct fixture *fx; /* handlers get a call, which has no room for a test's own */

/* ---- handlers ---- */

static void say_params(struct call *call)
{
    json_t *list = json_array();
    for (size_t i = 0; i < ROUTE_PARAMS_MAX && call->params[i] != NULL; i++)
        (void)json_array_append_new(list, json_string(call->params[i]));
    call_json(call, 200,
              json_make("{s:s,s:o}", "route", call->route->pattern, "params", list));
}

static void say_body(struct call *call)
{
    json_t *body = call_body(call);
    if (body == NULL)
        call_error(call, 400, "invalid request body");
    else
        call_struct(call, 201, json_incref(body));
}

static void answer_kept(void *arg)
{
    struct fixture *f = arg;
    f->timer = NULL;
    call_text(TAKE(f->kept), 200, "late");
}

static void keep(struct call *call)
{
    fx->kept = call;
    fx->timer = loop_timer_add(call->plat->loop, 5, answer_kept, fx);
}

/* Until the test answers. */
static void hold(struct call *call)
{
    fx->kept = call;
    loop_stop(fx->p->loop);
}

static void hang(struct call *call)
{
    call_hang(call);
    loop_stop(fx->p->loop);
}

static const struct route rows[] = {
    {"GET", "/things/:id/*rest", ROUTE_OPEN, say_params, "test"},
    {"GET", "/things/:id", ROUTE_OPEN, say_params, "test"},
    {"GET", "/things/:id/:part", ROUTE_OPEN, say_params, "test"},
    {"GET", "/things/:id/parts", ROUTE_OPEN, say_params, "test"},
    {"GET", "/things", ROUTE_OPEN, say_params, "test"},
    {"POST", "/things", ROUTE_OPEN, say_body, "test"},
    {"GET", "/kept", ROUTE_OPEN, keep, "test"},
    {"GET", "/held", ROUTE_OPEN, hold, "test"},
    {"GET", "/hang", ROUTE_OPEN, hang, "test"},
};

static void dispatch(struct httpd_req *req, void *arg)
{
    struct fixture *f = arg;
    if (f->as_forge) {
        forge_handle(req, f->p);
        return;
    }
    struct call *call = call_begin(req, f->p, NULL);
    call->route = route_find(rows, ARRAY_SIZE(rows), call);
    if (call_fault_answer(call))
        return;
    if (call->route == NULL)
        call_text(call, 404, "404 page not found");
    else
        call->route->fn(call);
}

/* ---- the fixture ---- */

static int put(struct fixture *f, const char *rel, const char *text)
{
    CLEANUP(free_ptr) char *path = fs_join(f->dir, rel);
    return fs_mkparents(path, NULL) < 0 ? -1
                                        : fs_write(path, text, strlen(text), 0644, NULL);
}

static int start(struct fixture *f)
{
    int fd = -1;
    struct platform *p = f->p;
    if (loop_new(&p->loop, NULL) < 0 || httpd_bind(0, &fd, NULL) < 0 ||
        httpd_start(p->loop, fd, dispatch, f, &p->httpd, NULL) < 0 ||
        http_async_new(p->loop, &p->http, NULL) < 0)
        return -1;
    (void)snprintf(f->base, sizeof f->base, "http://127.0.0.1:%d", httpd_port(p->httpd));
    (void)snprintf(f->dir, sizeof f->dir, "/tmp/waybill-router-XXXXXX");
    if (mkdtemp(f->dir) == NULL || put(f, "acme/tool/main/plugin.yaml", "name: tool\n") ||
        put(f, "acme/template/main/config.yaml", "name: t\n"))
        return -1;
    p->dir = xstrdup(f->dir);
    p->port = httpd_port(p->httpd);
    (void)json_object_set_new(p->manifest, "t",
                              json_make("{s:s}", "repo", "acme/template"));
    p->repos = catalog_new();
    p->forge = forge_new(p->repos, p->forge_token, f->dir, p->forge_kept);
    return catalog_add(p->repos, f->dir, NULL);
}

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    fx = f;
    *state = f;
    buf_init(&f->body, LIMIT_RESPONSE_BODY);
    f->p = platform_state_new();
    f->p->journal = journal_new(0);
    return start(f);
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    struct platform *p = f->p;
    p->stopping = true;
    http_async_free(p->http);
    httpd_stop(p->httpd);
    loop_timer_cancel(f->timer);
    forge_free(p->forge);
    catalog_free(p->repos);
    loop_free(p->loop);
    int rc = fs_rmtree(f->dir, NULL);
    journal_free(p->journal);
    platform_state_free(p);
    buf_release(&f->body);
    free(f);
    fx = NULL;
    return rc;
}

static void on_done(const struct http_response *resp, const struct err *failed, void *arg)
{
    struct fixture *f = arg;
    f->done++;
    f->status = resp == NULL ? 0 : resp->status;
    f->failed = failed == NULL ? ERR_NONE : failed->kind;
    if (resp != NULL)
        buf_add(&f->body, resp->body.data, resp->body.len);
    loop_stop(f->p->loop);
}

static void on_patience(void *arg)
{
    *(bool *)arg = true;
    loop_stop(fx->p->loop);
}

static void run_loop(struct fixture *f)
{
    bool late = false;
    struct loop_timer *guard = loop_timer_add(
        f->p->loop, (int64_t)(PATIENCE_MS * clock_timeout_mul()), on_patience, &late);
    assert_int_equal(loop_run(f->p->loop, NULL), 0);
    assert_false(late);
    loop_timer_cancel(guard);
}

static void send_request(struct fixture *f, struct http_request *req, const char *path)
{
    CLEANUP(free_ptr) char *url = xasprintf("%s%s", f->base, path);
    req->url = url;
    buf_reset(&f->body);
    f->done = 0;
    assert_non_null(http_async_start(f->p->http, req, on_done, f));
    run_loop(f);
}

static void get(struct fixture *f, const char *path)
{
    struct http_request req = HTTP_REQUEST_INIT;
    send_request(f, &req, path);
    assert_int_equal(f->done, 1);
}

/* The handler of path has the request, and its client has left. */
static void ask_and_leave(struct fixture *f, const char *path)
{
    CLEANUP(free_ptr) char *url = xasprintf("%s%s", f->base, path);
    struct http_request req = HTTP_REQUEST_INIT;
    req.url = url;
    struct http_call *asked = http_async_start(f->p->http, &req, on_done, f);
    assert_non_null(asked);
    run_loop(f); /* which the handler stops */
    http_call_cancel(asked);
    get(f, "/things"); /* by then the listener has seen the end of the other */
    get(f, "/things");
}

/* The newest entry; borrowed from *all. */
static json_t *last_entry(struct fixture *f, json_t **all)
{
    *all = journal_find(f->p->journal, &(struct journal_query){.limit = 1000});
    json_t *entries = json_object_get(*all, "entries");
    assert_true(json_array_size(entries) > 0);
    return json_array_get(entries, json_array_size(entries) - 1);
}

/* ---- routing ---- */

static void takes_the_most_specific_row(void **state)
{
    struct fixture *f = *state;
    static const char *const cases[][2] = {
        {"/things", "{\"params\":[],\"route\":\"/things\"}"},
        {"/things/a", "{\"params\":[\"a\"],\"route\":\"/things/:id\"}"},
        {"/things/a/parts", "{\"params\":[\"a\"],\"route\":\"/things/:id/parts\"}"},
        {"/things/a/b", "{\"params\":[\"a\",\"b\"],\"route\":\"/things/:id/:part\"}"},
        {"/things/a/b/c?x=1",
         "{\"params\":[\"a\",\"b/c\"],\"route\":\"/things/:id/*rest\"}"},
        {"/things/a/", "{\"params\":[\"a\",\"\"],\"route\":\"/things/:id/*rest\"}"},
        {"/things/a%2Fb", "{\"params\":[\"a/b\"],\"route\":\"/things/:id\"}"},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        get(f, cases[i][0]);
        assert_string_equal(f->body.data, cases[i][1]);
    }
}

static void knows_no_other_path_or_method(void **state)
{
    struct fixture *f = *state;
    static const char *const paths[] = {"/thing", "//things", "/", "/kept/x"};
    for (size_t i = 0; i < ARRAY_SIZE(paths); i++) {
        get(f, paths[i]);
        assert_int_equal(f->status, 404);
    }
    struct http_request req = {.method = "DELETE"};
    send_request(f, &req, "/things");
    assert_int_equal(f->status, 404);
}

static void answers_head_by_the_get_row(void **state)
{
    struct fixture *f = *state;
    struct http_request req = {.method = "HEAD"};
    send_request(f, &req, "/things/a");
    assert_int_equal(f->status, 200);
    assert_int_equal(f->body.len, 0);
}

static void fits_patterns_to_paths(void **state)
{
    (void)state;
    assert_true(route_pattern_fits("/a/:b", "/a/x"));
    assert_false(route_pattern_fits("/a/:b", "/a/"));
    assert_false(route_pattern_fits("/a/:b", "/a"));
    assert_false(route_pattern_fits("/a/:b", "/a/x/y"));
    assert_true(route_pattern_fits("/a/*b", "/a/x/y"));
    assert_true(route_pattern_fits("/", "/"));
    assert_false(route_pattern_fits("/ab", "/a"));
}

/* ---- calls ---- */

static void reads_a_json_body_or_says_that_it_is_none(void **state)
{
    struct fixture *f = *state;
    struct http_request req = {
        .method = "POST", .body = "{\"b\":\"<\",\"a\":1}", .body_len = 15};
    send_request(f, &req, "/things");
    assert_int_equal(f->status, 201);
    assert_string_equal(f->body.data, "{\"b\":\"\\u003c\",\"a\":1}");
    req.body = "{";
    req.body_len = 1;
    send_request(f, &req, "/things");
    assert_int_equal(f->status, 400);
    assert_string_equal(f->body.data, "{\"error\":\"invalid request body\"}");
}

static void records_each_call(void **state)
{
    struct fixture *f = *state;
    CLEANUP(json_drop) json_t *all = NULL;
    struct http_request req = HTTP_REQUEST_INIT;
    strv_add(&req.headers, "User-Agent: waybill-box/w-1");
    strv_add(&req.headers, "Authorization: Bearer canary");
    send_request(f, &req, "/things/a?x=1");
    http_request_release(&req);
    json_t *entry = last_entry(f, &all);
    assert_string_equal(json_str(entry, "route", ""), "GET /things/:id");
    assert_string_equal(json_str(entry, "path", ""), "/things/a");
    assert_string_equal(json_str(entry, "query", ""), "x=1");
    assert_string_equal(json_str(entry, "caller", ""), "box:w-1");
    assert_int_equal(json_int(entry, "status", 0), 200);
    CLEANUP(free_ptr) char *text = json_text(all, JSON_WIRE);
    assert_null(strstr(text, "canary"));
}

static void answers_later(void **state)
{
    struct fixture *f = *state;
    get(f, "/kept");
    assert_string_equal(f->body.data, "late");
}

static void an_answer_to_a_peer_that_left_is_only_recorded(void **state)
{
    struct fixture *f = *state;
    CLEANUP(json_drop) json_t *all = NULL;
    ask_and_leave(f, "/held");
    call_text(TAKE(f->kept), 200, "late");
    assert_int_equal(json_int(last_entry(f, &all), "status", -1), 0);
}

static void a_call_that_hangs_ends_with_its_peer(void **state)
{
    struct fixture *f = *state;
    ask_and_leave(f, "/hang");
    CLEANUP(json_drop)
    json_t *found = journal_find(f->p->journal, &(struct journal_query){.path = "/hang"});
    assert_int_equal(json_array_size(json_object_get(found, "entries")), 1);
}

static void answers_by_the_generic_fault(void **state)
{
    struct fixture *f = *state;
    CLEANUP(json_drop) json_t *all = NULL;
    (void)json_object_set_new(f->p->faults, "answer",
                              json_string("GET /things/:id 503 {\"error\":\"no room\"}"));
    get(f, "/things/a");
    assert_int_equal(f->status, 503);
    assert_string_equal(f->body.data, "{\"error\":\"no room\"}");
    assert_string_equal(json_str(last_entry(f, &all), "fault", ""), "answer");
    get(f, "/things");
    assert_int_equal(f->status, 200);
}

static void a_fault_counts_the_requests_that_it_is_about(void **state)
{
    struct fixture *f = *state;
    static const int wanted[] = {200, 503, 503, 200};
    (void)json_object_set_new(f->p->faults, "answer",
                              json_string("GET /things#2-3 503 {}"));
    for (size_t i = 0; i < ARRAY_SIZE(wanted); i++) {
        get(f, "/things/other");
        assert_int_equal(f->status, 200);
        get(f, "/things");
        assert_int_equal(f->status, wanted[i]);
    }
}

/* ---- the forge ---- */

static const char tool[] = "/api/v1/repos/acme/tool/archive/main.tar.gz";
static const char template[] = "/api/v1/repos/acme/template/archive/main.tar.gz";

static void fetch(struct fixture *f, const char *path, const char *token,
                  const char *origin)
{
    struct http_request req = {.timeout_ms = 200};
    if (token != NULL)
        strv_addf(&req.headers, "Authorization: token %s", token);
    if (origin != NULL)
        strv_addf(&req.headers, "Origin: %s", origin);
    f->as_forge = true;
    send_request(f, &req, path);
    http_request_release(&req);
}

static void the_forge_asks_for_its_token(void **state)
{
    struct fixture *f = *state;
    fetch(f, tool, f->p->forge_token, NULL);
    assert_int_equal(f->status, 200);
    assert_int_equal((unsigned char)f->body.data[0], 0x1f); /* gzip */
    fetch(f, tool, NULL, NULL);
    assert_int_equal(f->status, 401);
    fetch(f, tool, "wrong", NULL);
    assert_int_equal(f->status, 401);
    fetch(f, "/api/v1/repos/acme/tool/archive/v9.tar.gz", f->p->forge_token, NULL);
    assert_int_equal(f->status, 404);
    fetch(f, "/api/v1/repos/acme/none", f->p->forge_token, NULL);
    assert_int_equal(f->status, 404);
}

static void the_fault_of_the_forge_spares_templates(void **state)
{
    struct fixture *f = *state;
    (void)json_object_set_new(f->p->switches, "plugin_fetch", json_string("404"));
    fetch(f, tool, f->p->forge_token, NULL);
    assert_int_equal(f->status, 404);
    fetch(f, template, f->p->forge_token, NULL);
    assert_int_equal(f->status, 200);
    (void)json_object_set_new(f->p->switches, "plugin_fetch", json_string("hang"));
    fetch(f, tool, f->p->forge_token, NULL);
    assert_int_equal(f->failed, ERR_TIMEOUT);
}

static void the_fault_of_one_organisation_is_its_own(void **state)
{
    struct fixture *f = *state;
    struct org *bad = org_row_add(f->p, "unlucky", "Unlucky", "u");
    struct org *good = org_row_add(f->p, "lucky", "Lucky", "u");
    (void)json_object_set_new(bad->switches, "plugin_fetch", json_string("fail-once"));
    fetch(f, tool, f->p->forge_token, bad->url);
    assert_int_equal(f->status, 500);
    fetch(f, tool, f->p->forge_token, good->url);
    assert_int_equal(f->status, 200);
    fetch(f, tool, f->p->forge_token, bad->url);
    assert_int_equal(f->status, 200);
}

static void explains_which_route_a_request_was_nearest_to(void **state)
{
    (void)state;
    static const struct route table[] = {
        {"GET", "/workspaces", ROUTE_ADMIN, NULL, "w"},
        {"GET", "/workspaces/:id", ROUTE_ADMIN, NULL, "w"},
        {"POST", "/workspaces/:id/plugins", ROUTE_ADMIN, NULL, "w"},
        {"GET", "/workspaces/:id/peers", ROUTE_ADMIN, NULL, "w"},
        {"GET", "/org/import/:name/status", ROUTE_ADMIN, NULL, "w"},
    };
    static const char *const wanted[][3] = {
        {"DELETE", "/workspaces/x/plugins",
         "no route: nearest is POST /workspaces/:id/plugins (method differs)"},
        {"POST", "/workspaces/x/plugin",
         "no route: nearest is POST /workspaces/:id/plugins (path differs in segment 3)"},
        {"GET", "/workspaces/x/peers/y",
         "no route: nearest is GET /workspaces/:id/peers (path differs in segment 4)"},
        {"GET", "/org/import/a",
         "no route: nearest is GET /org/import/:name/status (path ends before segment "
         "4)"},
        {"GET", "/workspace",
         "no route: nearest is GET /workspaces (path differs in segment 1)"},
        {"GET", "/zzz", "no route"},
        {"GET", "", "no route"},
    };
    for (size_t i = 0; i < ARRAY_SIZE(wanted); i++) {
        struct call call = {.req = NULL};
        route_explain_miss(table, ARRAY_SIZE(table), wanted[i][0], wanted[i][1], &call);
        assert_string_equal(call.decision, wanted[i][2]);
        free(call.decision);
    }
}

#define SERVED(t) cmocka_unit_test_setup_teardown(t, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        SERVED(takes_the_most_specific_row),
        SERVED(knows_no_other_path_or_method),
        SERVED(answers_head_by_the_get_row),
        cmocka_unit_test(fits_patterns_to_paths),
        cmocka_unit_test(explains_which_route_a_request_was_nearest_to),
        SERVED(reads_a_json_body_or_says_that_it_is_none),
        SERVED(records_each_call),
        SERVED(answers_later),
        SERVED(an_answer_to_a_peer_that_left_is_only_recorded),
        SERVED(a_call_that_hangs_ends_with_its_peer),
        SERVED(answers_by_the_generic_fault),
        SERVED(a_fault_counts_the_requests_that_it_is_about),
        SERVED(the_forge_asks_for_its_token),
        SERVED(the_fault_of_the_forge_spares_templates),
        SERVED(the_fault_of_one_organisation_is_its_own),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
