/* The client: on a loop, and waiting. */
#include "harness/tests/http_fixture.h"

/* ---- the client ---- */

static void gets_status_headers_and_body(void **state)
{
    struct fixture *f = *state;
    CLEANUP(result_release) struct result r = RESULT_INIT;
    struct http_request req = {.url = url(f->base, "/hello")};
    ask(f, &req, &r);
    assert_int_equal(r.resp.status, 200);
    assert_string_equal(r.resp.body.data, "hello");
    assert_string_equal(http_response_header(&r.resp, "content-TYPE"),
                        "text/plain; charset=utf-8");
    assert_null(http_response_header(&r.resp, "Content"));
}

static void reuses_one_connection(void **state)
{
    struct fixture *f = *state;
    CLEANUP(result_release) struct result r = RESULT_INIT;
    struct http_request req = {.url = url(f->raw_base, "/")};
    ask(f, &req, &r);
    ask(f, &req, &r);
    ask(f, &req, &r);
    assert_string_equal(r.resp.body.data, "1");
}

static void sends_method_and_body_and_neither_expect_nor_a_form_type(void **state)
{
    struct fixture *f = *state;
    CLEANUP(result_release) struct result r = RESULT_INIT;
    char *body = xmalloc(MIB(2));
    memset(body, 'x', MIB(2));
    struct http_request req = {
        .method = "PUT", .url = url(f->base, "/echo"), .body = body, .body_len = MIB(2)};
    ask(f, &req, &r);
    free(body);
    assert_int_equal(r.resp.status, 201);
    assert_int_equal(r.resp.body.len, MIB(2));
    assert_string_equal(http_response_header(&r.resp, "X-Method"), "PUT");
    req = (struct http_request){
        .method = "POST", .url = url(f->raw_base, "/x"), .body = "{}", .body_len = 2};
    strv_add(&req.headers, "X-Empty:");
    ask(f, &req, &r);
    http_request_release(&req);
    assert_non_null(strstr(f->raw.seen.data, "X-Empty:\r\n"));
    assert_non_null(strstr(f->raw.seen.data, "POST /x HTTP/1.1\r\n"));
    assert_null(strcasestr(f->raw.seen.data, "expect:"));
    assert_null(strcasestr(f->raw.seen.data, "content-type:"));
}

static void reads_a_chunked_body(void **state)
{
    struct fixture *f = *state;
    CLEANUP(result_release) struct result r = RESULT_INIT;
    f->raw.answer = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
                    "3\r\nabc\r\n4\r\ndefg\r\n0\r\n\r\n";
    struct http_request req = {.url = url(f->raw_base, "/")};
    ask(f, &req, &r);
    assert_string_equal(r.resp.body.data, "abcdefg");
}

static void times_out_as_a_timeout(void **state)
{
    struct fixture *f = *state;
    CLEANUP(result_release) struct result r = RESULT_INIT;
    f->raw.answer = "";
    struct http_request req = {.url = url(f->raw_base, "/x?secret=1"), .timeout_ms = 30};
    ask(f, &req, &r);
    assert_int_equal(r.failed.kind, ERR_TIMEOUT);
    assert_non_null(strstr(r.failed.text, "/x:"));
    assert_null(strstr(r.failed.text, "secret"));
}

static void a_refused_connection_is_a_network_error(void **state)
{
    struct fixture *f = *state;
    CLEANUP(result_release) struct result r = RESULT_INIT;
    /* Bound and closed at once: nobody listens there. */
    int fd = -1;
    struct err err = ERR_INIT;
    char text[64];
    assert_int_equal(httpd_bind(0, &fd, &err), 0);
    (void)snprintf(text, sizeof text, "http://127.0.0.1:%d/", httpd_fd_port(fd));
    assert_int_equal(close(fd), 0);
    struct http_request req = {.url = text};
    ask(f, &req, &r);
    assert_int_equal(r.failed.kind, ERR_NET);
    assert_int_equal(r.failed.sys, 7); /* CURLE_COULDNT_CONNECT */
}

static void an_answer_that_breaks_off_is_a_network_error(void **state)
{
    struct fixture *f = *state;
    CLEANUP(result_release) struct result r = RESULT_INIT;
    f->raw.answer = "SSH-2.0-what\r\n\r\n";
    struct http_request req = {.url = url(f->raw_base, "/")};
    ask(f, &req, &r);
    assert_int_equal(r.failed.kind, ERR_NET);
}

static void a_body_past_its_limit_is_a_shape_error(void **state)
{
    struct fixture *f = *state;
    CLEANUP(result_release) struct result r = RESULT_INIT;
    struct http_request req = {.url = url(f->base, "/hello"), .max_body = 4};
    ask(f, &req, &r);
    assert_int_equal(r.failed.kind, ERR_SHAPE);
    req.max_body = 5;
    ask(f, &req, &r);
    assert_int_equal(r.failed.kind, ERR_NONE);
}

static void refuses_urls_methods_and_headers_that_are_none(void **state)
{
    struct fixture *f = *state;
    CLEANUP(result_release) struct result r = RESULT_INIT;
    struct http_request req = {.url = "file:///etc/passwd"};
    ask(f, &req, &r);
    assert_int_equal(r.failed.kind, ERR_SHAPE);
    req = (struct http_request){.url = "http://:0:/"};
    ask(f, &req, &r);
    assert_int_equal(r.failed.kind, ERR_SHAPE);
    req = (struct http_request){.url = url(f->base, "/hello"), .method = "GET /x"};
    ask(f, &req, &r);
    assert_int_equal(r.failed.kind, ERR_SHAPE);
    req.method = NULL;
    strv_add(&req.headers, "X-A: b\r\nX-C: d");
    ask(f, &req, &r);
    http_request_release(&req);
    assert_int_equal(r.failed.kind, ERR_SHAPE);
    assert_int_equal(f->requests, 0);
}

static void names_a_header_that_is_none_without_its_value(void **state)
{
    struct fixture *f = *state;
    CLEANUP(result_release) struct result r = RESULT_INIT;
    struct http_request req = {.url = url(f->base, "/hello")};
    strv_add(&req.headers, "Authorization: Bearer canary\n");
    ask(f, &req, &r);
    http_request_release(&req);
    assert_non_null(strstr(r.failed.text, "'Authorization'"));
    assert_null(strstr(r.failed.text, "canary"));
}

static void follows_redirects_only_when_asked(void **state)
{
    struct fixture *f = *state;
    CLEANUP(result_release) struct result r = RESULT_INIT;
    struct http_request req = {.url = url(f->base, "/redirect?to=/hello")};
    ask(f, &req, &r);
    assert_int_equal(r.resp.status, 302);
    assert_string_equal(http_response_header(&r.resp, "Location"), "/hello");
    req.max_redirects = 2;
    ask(f, &req, &r);
    assert_int_equal(r.resp.status, 200);
    assert_null(http_response_header(&r.resp, "Location"));
    assert_string_equal(r.resp.body.data, "hello");
}

static void carries_the_bearer_to_the_same_host_only(void **state)
{
    struct fixture *f = *state;
    CLEANUP(result_release) struct result r = RESULT_INIT;
    char text[256];
    struct http_request req = {.url = text, .max_redirects = 3};
    strv_add(&req.headers, "Authorization: Bearer canary");
    (void)snprintf(text, sizeof text, "%s/redirect?to=/auth", f->base);
    ask(f, &req, &r);
    assert_string_equal(r.resp.body.data, "Bearer canary");
    (void)snprintf(text, sizeof text, "%s/redirect?to=http://localhost:%d/auth", f->base,
                   httpd_port(f->httpd));
    ask(f, &req, &r);
    assert_string_equal(r.resp.body.data, "none");
    /* Another port is another host. */
    (void)snprintf(text, sizeof text, "%s/redirect?to=http://127.0.0.1:%d/auth", f->base,
                   httpd_fd_port(f->raw.fd));
    ask(f, &req, &r);
    http_request_release(&req);
    assert_non_null(strstr(f->raw.seen.data, "GET /auth"));
    assert_null(strstr(f->raw.seen.data, "canary"));
}

static void a_cancelled_call_is_never_done(void **state)
{
    struct fixture *f = *state;
    CLEANUP(result_release) struct result gone = RESULT_INIT;
    CLEANUP(result_release) struct result r = RESULT_INIT;
    gone.loop = f->loop;
    struct http_request req = {.url = url(f->base, "/hello")};
    struct http_call *call = http_async_start(f->http, &req, on_done, &gone);
    http_call_cancel(call);
    ask(f, &req, &r);
    assert_int_equal(r.resp.status, 200);
    assert_int_equal(gone.done, 0);
}

static int stop_at_once(const char *data, size_t len, void *arg)
{
    buf_add(arg, data, len);
    return 1;
}

static void a_reader_that_has_enough_ends_the_transfer(void **state)
{
    struct fixture *f = *state;
    CLEANUP(result_release) struct result r = RESULT_INIT;
    CLEANUP(buf_release) struct buf got = BUF_INIT(KIB(1));
    struct http_request req = {
        .url = url(f->base, "/ticks"), .on_data = stop_at_once, .on_data_arg = &got};
    ask(f, &req, &r);
    assert_int_equal(r.failed.kind, ERR_NONE);
    assert_true(r.resp.stopped);
    assert_string_equal(got.data, "data: tick\n\n");
}

struct cancel_in_data {
    struct http_call *call;
    struct fixture *f;
};

static int cancel_on_data(const char *data, size_t len, void *arg)
{
    (void)data;
    (void)len;
    struct cancel_in_data *c = arg;
    http_call_cancel(c->call);
    loop_stop(c->f->loop);
    return 0;
}

static void a_reader_may_cancel_its_own_call(void **state)
{
    struct fixture *f = *state;
    CLEANUP(result_release) struct result r = RESULT_INIT;
    struct cancel_in_data c = {NULL, f};
    r.loop = f->loop;
    struct http_request req = {
        .url = url(f->base, "/hello"), .on_data = cancel_on_data, .on_data_arg = &c};
    c.call = http_async_start(f->http, &req, on_done, &r);
    run_loop(f);
    assert_int_equal(r.done, 0);
}

static void escapes_all_but_unreserved(void **state)
{
    (void)state;
    CLEANUP(free_ptr) char *s = http_escape("a-Z_0.~/ ?\xc3\xa9");
    assert_string_equal(s, "a-Z_0.~%2F%20%3F%C3%A9");
}
/* ---- the client that waits, with the listener in a child ---- */

static int serve(void *arg)
{
    struct raw_server *s = arg;
    struct err err = ERR_INIT;
    return loop_run(s->loop, &err) == 0 ? 0 : 1;
}

static int setup_child(void **state)
{
    if (setup(state) < 0)
        return -1;
    struct fixture *f = *state;
    struct err err = ERR_INIT;
    return proc_fork(serve, &f->raw, &f->child, &err);
}

static void waits_for_answers_over_one_connection(void **state)
{
    struct fixture *f = *state;
    struct err err = ERR_INIT;
    struct http *http = NULL;
    struct http_response resp = HTTP_RESPONSE_INIT;
    struct http_request req = {.url = url(f->raw_base, "/"), .timeout_ms = PATIENCE_MS};
    assert_int_equal(http_new(&http, &err), 0);
    int first = http_perform(http, &req, &resp, &err);
    req.method = "POST";
    int second = http_perform(http, &req, &resp, &err);
    char body = resp.body.data[0];
    http_response_release(&resp);
    http_free(http);
    assert_int_equal(first, 0);
    assert_int_equal(second, 0);
    assert_int_equal(body, '1');
}

static void waits_no_longer_than_its_timeout(void **state)
{
    struct fixture *f = *state;
    struct err err = ERR_INIT;
    struct http *http = NULL;
    struct http_response resp = HTTP_RESPONSE_INIT;
    struct http_request req = {.url = url(f->base, "/never"), .timeout_ms = 50};
    assert_int_equal(http_new(&http, &err), 0);
    int64_t before = clock_mono_ms();
    int rc = http_perform(http, &req, &resp, &err);
    int64_t took = clock_mono_ms() - before;
    http_response_release(&resp);
    http_free(http);
    assert_int_equal(rc, -1);
    assert_int_equal(err.kind, ERR_TIMEOUT);
    assert_true(took >= 49);
}
#define WITH_CHILD(t) cmocka_unit_test_setup_teardown(t, setup_child, teardown)

static void shows_a_url_without_what_is_secret(void **state)
{
    static const struct {
        const char *url, *shown;
    } rows[] = {
        {"http://h:1/a/b", "http://h:1/a/b"},
        {"http://u:pw@h:1/a?key=secret", "http://h:1/a"},
        {"https://u:p@w@h/a@b#secret", "https://h/a@b"},
        {"http://h?u@secret", "http://h"},
        {"u:pw@h/a", "h/a"},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        char *shown = http_url_shown(rows[i].url);
        assert_string_equal(shown, rows[i].shown);
        free(shown);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_LOOP(gets_status_headers_and_body),
        IN_LOOP(reuses_one_connection),
        IN_LOOP(sends_method_and_body_and_neither_expect_nor_a_form_type),
        IN_LOOP(reads_a_chunked_body),
        IN_LOOP(times_out_as_a_timeout),
        IN_LOOP(a_refused_connection_is_a_network_error),
        IN_LOOP(an_answer_that_breaks_off_is_a_network_error),
        IN_LOOP(a_body_past_its_limit_is_a_shape_error),
        IN_LOOP(refuses_urls_methods_and_headers_that_are_none),
        IN_LOOP(names_a_header_that_is_none_without_its_value),
        IN_LOOP(follows_redirects_only_when_asked),
        IN_LOOP(carries_the_bearer_to_the_same_host_only),
        IN_LOOP(a_cancelled_call_is_never_done),
        IN_LOOP(a_reader_that_has_enough_ends_the_transfer),
        IN_LOOP(a_reader_may_cancel_its_own_call),
        cmocka_unit_test(shows_a_url_without_what_is_secret),
        cmocka_unit_test(escapes_all_but_unreserved),
        WITH_CHILD(waits_for_answers_over_one_connection),
        WITH_CHILD(waits_no_longer_than_its_timeout),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
