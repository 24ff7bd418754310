/* The bindings of the MCP server core with an owner of our own: one that is slow to shake
 * hands, and one that says more than its client reads. */
#include "base/clock.h"
#include "base/limits.h"
#include "io/httpd.h"
#include "io/json.h"
#include "io/loop.h"
#include "mcp/jsonrpc.h"
#include "mocks/mcp/http.h"
#include "mocks/mcp/stdio.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

enum { REQUESTS = 100, ANSWER_BYTES = 100000, TURNS_MAX = 2000 };

struct fixture {
    struct loop *loop;
    struct mcp_server *server;
    struct mcp_http *http;
    struct httpd *httpd;
    struct mcp_stdio *stdio;
    int in[2], out[2]; /* as a pipe gives them */
    int asked, gone, ended;
};

static void on_hello(struct exchange *x, void *arg)
{
    struct fixture *f = arg;

    (void)x; /* not answered yet */
    f->asked++;
    loop_stop(f->loop);
}

static void on_request(struct exchange *x, void *arg)
{
    struct fixture *f = arg;
    char *text CLEANUP(free_ptr) = xcalloc(1, ANSWER_BYTES + 1);

    f->asked++;
    memset(text, 'x', ANSWER_BYTES);
    exchange_result(x, rpc_tool_text(text, false));
}

static void on_gone(struct exchange *x, void *arg)
{
    struct fixture *f = arg;

    (void)x;
    f->gone++;
}

static int setup(void **state)
{
    struct fixture *f = xcalloc(1, sizeof(*f));
    const struct mcp_server_options opt = {
        .hello = on_hello, .request = on_request, .gone = on_gone, .arg = f};

    *state = f;
    f->in[0] = f->in[1] = f->out[0] = f->out[1] = -1;
    f->server = mcp_server_new(&opt);
    return loop_new(&f->loop, NULL);
}

static int teardown(void **state)
{
    struct fixture *f = *state;

    httpd_stop(f->httpd);
    mcp_http_free(f->http);
    mcp_stdio_free(f->stdio);
    mcp_server_free(f->server);
    loop_free(f->loop);
    for (int i = 0; i < 2; i++) {
        close_fd(&f->in[i]);
        close_fd(&f->out[i]);
    }
    free(f);
    return 0;
}

static void stop_loop(void *arg)
{
    loop_stop(arg);
}

/* At most: the owner stops it too. */
static void run_for(struct fixture *f, int64_t ms)
{
    (void)loop_timer_add(f->loop, ms, stop_loop, f->loop);
    assert_int_equal(loop_run(f->loop, NULL), 0);
}

/* ---- HTTP ---- */

static void on_http(struct httpd_req *req, void *arg)
{
    const struct fixture *f = arg;

    mcp_http_handle(f->http, req);
}

static void ends_a_session_once_when_its_handshake_has_no_answer_yet(void **state)
{
    static const char body[] =
        "{\"jsonrpc\":\"2.0\",\"id\":0,\"method\":\"initialize\",\"params\":{"
        "\"protocolVersion\":\"2025-11-25\",\"capabilities\":{},"
        "\"clientInfo\":{\"name\":\"t\",\"version\":\"1\"}}}";
    struct fixture *f = *state;
    const struct mcp_http_options opt = {.server = f->server};
    int listener = -1;
    f->http = mcp_http_new(&opt);
    assert_true(httpd_bind(0, &listener, NULL) >= 0);
    int port = httpd_fd_port(listener);
    assert_int_equal(httpd_start(f->loop, listener, on_http, f, &f->httpd, NULL), 0);
    f->in[1] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const struct sockaddr_in to = {.sin_family = AF_INET,
                                   .sin_port = htons((uint16_t)port),
                                   .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    assert_int_equal(connect(f->in[1], (const struct sockaddr *)&to, sizeof(to)), 0);
    char *post CLEANUP(free_ptr) =
        xasprintf("POST / HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json"
                  "\r\nContent-Length: %zu\r\n\r\n%s",
                  sizeof(body) - 1, body);
    assert_int_equal(write(f->in[1], post, strlen(post)), (ssize_t)strlen(post));
    run_for(f, 10000);
    assert_int_equal(f->asked, 1);
    httpd_stop(TAKE(f->httpd));
    mcp_http_free(TAKE(f->http));
    assert_int_equal(f->gone, 1);
}

/* ---- stdio ---- */

static void on_end(const struct err *err, void *arg)
{
    struct fixture *f = arg;

    assert_null(err);
    f->ended++;
    loop_stop(f->loop);
}

static size_t drain(struct fixture *f)
{
    static char chunk[KIB(256)];
    size_t lines = 0;

    for (ssize_t n = 0; (n = read(f->out[0], chunk, sizeof(chunk))) > 0;)
        for (ssize_t i = 0; i < n; i++)
            lines += chunk[i] == '\n';
    return lines;
}

static void takes_nothing_in_while_too_much_of_what_it_said_is_unread(void **state)
{
    static const char line[] =
        "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/list\"}\n";
    struct fixture *f = *state;
    assert_int_equal(pipe2(f->in, O_CLOEXEC), 0);
    assert_int_equal(pipe2(f->out, O_CLOEXEC), 0);
    assert_int_equal(fcntl(f->out[0], F_SETFL, O_NONBLOCK), 0);
    for (int i = 0; i < REQUESTS; i++)
        assert_int_equal(write(f->in[1], line, sizeof(line) - 1), sizeof(line) - 1);
    close_fd(&f->in[1]);
    f->stdio = mcp_stdio_start(f->loop, f->server, f->in[0], f->out[1], on_end, f);
    run_for(f, 50);
    assert_in_range(f->asked, 1, 20);
    size_t lines = drain(f);
    for (int i = 0; i < TURNS_MAX && !f->ended; i++) {
        run_for(f, 1);
        lines += drain(f);
    }
    assert_int_equal(f->ended, 1);
    assert_int_equal(f->asked, REQUESTS);
    assert_int_equal(lines, REQUESTS);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(ends_a_session_once_when_its_handshake_has_no_answer_yet),
        T(takes_nothing_in_while_too_much_of_what_it_said_is_unread),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
