/* The listener, asked by the client and by raw sockets. */
#include "harness/tests/http_fixture.h"

/* ---- the listener ---- */

static void decodes_path_and_query_and_keeps_them_raw(void **state)
{
    struct fixture *f = *state;
    CLEANUP(result_release) struct result r = RESULT_INIT;
    struct http_request req = {.url = url(f->base, "/a%20b?x=1%262&empty")};
    ask(f, &req, &r);
    assert_string_equal(r.resp.body.data,
                        "{\"empty\":true,\"query\":\"x=1%262\\u0026empty\","
                        "\"raw\":\"/a%20b\",\"x\":\"1\\u00262\"}");
}

static void answers_head_without_a_body(void **state)
{
    struct fixture *f = *state;
    CLEANUP(buf_release) struct buf got = BUF_INIT(KIB(4));
    (void)connect_raw(f);
    send_raw(f, "HEAD /hello HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    read_raw(f, &got, NULL);
    assert_non_null(strstr(got.data, "HTTP/1.1 200 OK\r\n"));
    assert_non_null(strstr(got.data, "Content-Length: 5\r\n"));
    assert_string_equal(strstr(got.data, "\r\n\r\n"), "\r\n\r\n");
}

static void keeps_a_connection_for_the_next_request(void **state)
{
    struct fixture *f = *state;
    CLEANUP(buf_release) struct buf got = BUF_INIT(KIB(4));
    (void)connect_raw(f);
    send_raw(f, "GET /later HTTP/1.1\r\nHost: x\r\n\r\n");
    read_raw(f, &got, "\r\n\r\nlater");
    send_raw(f, "GET /hello HTTP/1.1\r\nHost: x\r\n\r\nGET /hello HTTP/1.1\r\nHost: "
                "x\r\nConnection: close\r\n\r\n");
    buf_reset(&got);
    read_raw(f, &got, NULL);
    assert_int_equal(f->requests, 3);
    assert_non_null(strstr(got.data, "\r\n\r\nhelloHTTP/1.1 200 OK"));
}

static void takes_a_chunked_body(void **state)
{
    struct fixture *f = *state;
    CLEANUP(buf_release) struct buf got = BUF_INIT(KIB(4));
    (void)connect_raw(f);
    send_raw(f, "POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n"
                "Connection: close\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n");
    read_raw(f, &got, NULL);
    assert_string_equal(strstr(got.data, "\r\n\r\n"), "\r\n\r\nabcde");
}

static void reads_a_header_without_the_blanks_around_it(void **state)
{
    struct fixture *f = *state;
    CLEANUP(buf_release) struct buf got = BUF_INIT(KIB(4));
    (void)connect_raw(f);
    send_raw(f, "GET /auth HTTP/1.1\r\nHost: x\r\nAuthorization: \t a b \t\r\n"
                "Connection: close\r\n\r\n");
    read_raw(f, &got, NULL);
    assert_string_equal(strstr(got.data, "\r\n\r\n"), "\r\n\r\na b");
}

static void answers_later(void **state)
{
    struct fixture *f = *state;
    CLEANUP(result_release) struct result r = RESULT_INIT;
    struct http_request req = {.url = url(f->base, "/later")};
    ask(f, &req, &r);
    assert_int_equal(r.resp.status, 200);
    assert_string_equal(r.resp.body.data, "later");
}

static void tells_when_the_peer_leaves_before_the_answer(void **state)
{
    struct fixture *f = *state;
    (void)connect_raw(f);
    send_raw(f, "GET /never HTTP/1.1\r\nHost: x\r\n\r\n");
    CLEANUP(result_release) struct result r = RESULT_INIT;
    struct http_request req = {.url = url(f->base, "/hello")};
    ask(f, &req, &r);
    assert_non_null(f->kept);
    assert_int_equal(f->gone, 0);
    assert_int_equal(close(f->client), 0);
    f->client = -1;
    run_loop(f);
    assert_int_equal(f->gone, 1);
}

static void tells_what_is_kept_when_it_stops(void **state)
{
    struct fixture *f = *state;
    CLEANUP(result_release) struct result r = RESULT_INIT;
    struct http_request req = {.url = url(f->base, "/hello")};
    (void)connect_raw(f);
    send_raw(f, "GET /never HTTP/1.1\r\nHost: x\r\n\r\n");
    ask(f, &req, &r);
    assert_non_null(f->kept);
    httpd_stop(TAKE(f->httpd));
    assert_int_equal(f->gone, 1);
    assert_null(f->kept);
}

static void answers_500_in_place_of_json_that_is_too_large(void **state)
{
    struct fixture *f = *state;
    CLEANUP(result_release) struct result r = RESULT_INIT;
    struct http_request req = {.url = url(f->base, "/large")};
    ask(f, &req, &r);
    assert_int_equal(r.resp.status, 500);
    assert_string_equal(http_response_header(&r.resp, "Content-Type"),
                        "application/json; charset=utf-8");
    assert_string_equal(r.resp.body.data,
                        "{\"error\":\"the answer is larger than 67108864 bytes\"}");
}

static void streams_events_until_the_end(void **state)
{
    struct fixture *f = *state;
    CLEANUP(result_release) struct result r = RESULT_INIT;
    struct http_request req = {.url = url(f->base, "/ticks")};
    ask(f, &req, &r);
    assert_int_equal(r.resp.status, 200);
    assert_string_equal(http_response_header(&r.resp, "Content-Type"),
                        "text/event-stream");
    assert_string_equal(r.resp.body.data, "data: tick\n\ndata: tick\n\ndata: tick\n\n");
    assert_int_equal(f->stream_gone, 0);
}

static void sends_the_head_of_a_stream_before_its_first_event(void **state)
{
    struct fixture *f = *state;
    CLEANUP(buf_release) struct buf got = BUF_INIT(KIB(4));
    (void)connect_raw(f);
    send_raw(f, "GET /silent-stream HTTP/1.1\r\nHost: x\r\n\r\n");
    read_raw(f, &got, "\r\n\r\n");
    assert_non_null(f->stream);
    httpd_stream_write(f->stream, "data: one\n\n", 11);
    read_raw(f, &got, "data: one\n\n");
}

static void tells_when_the_reader_of_a_stream_leaves(void **state)
{
    struct fixture *f = *state;
    CLEANUP(buf_release) struct buf got = BUF_INIT(KIB(4));
    (void)connect_raw(f);
    send_raw(f, "GET /silent-stream HTTP/1.1\r\nHost: x\r\n\r\n");
    read_raw(f, &got, "\r\n\r\n");
    assert_int_equal(f->stream_gone, 0);
    assert_int_equal(close(f->client), 0);
    f->client = -1;
    run_loop(f);
    assert_int_equal(f->stream_gone, 1);
}

static void refuses_a_body_past_the_limit_by_its_length(void **state)
{
    struct fixture *f = *state;
    CLEANUP(result_release) struct result r = RESULT_INIT;
    char *body = xcalloc(1, LIMIT_REQUEST_BODY + 1);
    struct http_request req = {.method = "POST",
                               .url = url(f->base, "/echo"),
                               .body = body,
                               .body_len = LIMIT_REQUEST_BODY + 1};
    ask(f, &req, &r);
    free(body);
    assert_int_equal(r.resp.status, 413);
    assert_int_equal(f->requests, 0);
}

static void closes_on_garbage(void **state)
{
    struct fixture *f = *state;
    CLEANUP(buf_release) struct buf got = BUF_INIT(KIB(4));
    (void)connect_raw(f);
    send_raw(f, "\x16\x03\x01 this is not HTTP\r\n\r\n");
    read_raw(f, &got, NULL);
    assert_int_equal(f->requests, 0);
}

static void refuses_two_lengths(void **state)
{
    struct fixture *f = *state;
    CLEANUP(buf_release) struct buf got = BUF_INIT(KIB(4));
    (void)connect_raw(f);
    send_raw(f, "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n"
                "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n");
    read_raw(f, &got, "\r\n\r\n");
    assert_non_null(strstr(got.data, "HTTP/1.1 400 "));
    assert_int_equal(f->requests, 0);
}

static void names_the_port_that_is_taken(void **state)
{
    struct fixture *f = *state;
    struct err err = ERR_INIT;
    char text[32];
    int fd = -1;
    (void)snprintf(text, sizeof text, "127.0.0.1:%d", httpd_port(f->httpd));
    assert_int_equal(httpd_bind(httpd_port(f->httpd), &fd, &err), -1);
    assert_int_equal(err.sys, EADDRINUSE);
    assert_non_null(strstr(err.text, text));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_LOOP(decodes_path_and_query_and_keeps_them_raw),
        IN_LOOP(answers_head_without_a_body),
        IN_LOOP(keeps_a_connection_for_the_next_request),
        IN_LOOP(takes_a_chunked_body),
        IN_LOOP(reads_a_header_without_the_blanks_around_it),
        IN_LOOP(answers_later),
        IN_LOOP(tells_when_the_peer_leaves_before_the_answer),
        IN_LOOP(tells_what_is_kept_when_it_stops),
        IN_LOOP(answers_500_in_place_of_json_that_is_too_large),
        IN_LOOP(streams_events_until_the_end),
        IN_LOOP(sends_the_head_of_a_stream_before_its_first_event),
        IN_LOOP(tells_when_the_reader_of_a_stream_leaves),
        IN_LOOP(refuses_a_body_past_the_limit_by_its_length),
        IN_LOOP(closes_on_garbage),
        IN_LOOP(refuses_two_lengths),
        IN_LOOP(names_the_port_that_is_taken),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
