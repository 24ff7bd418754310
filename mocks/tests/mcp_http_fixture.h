/*
 * For the tests of our MCP servers over HTTP: messages of both eras, and a server that
 * has the diagnostic tools; raw connections, whose answers are read when a test likes.
 */
#ifndef MOCKS_TESTS_MCP_HTTP_FIXTURE_H
#define MOCKS_TESTS_MCP_HTTP_FIXTURE_H

#include "base/num.h"
#include "mocks/tests/mcp_fixture.h"

#include <arpa/inet.h>
#include <sys/socket.h>

#define CALL(name, arguments)                                                            \
    "{\"jsonrpc\":\"2.0\",\"id\":7,\"method\":\"tools/call\",\"params\":{"               \
    "\"name\":\"" name "\",\"arguments\":" arguments "}}"
#define M_LIST                                                                           \
    "{\"jsonrpc\":\"2.0\",\"id\":\"l\",\"method\":\"tools/list\",\"params\":{" META "}}"
#define M_CALL(name, arguments)                                                          \
    "{\"jsonrpc\":\"2.0\",\"id\":7,\"method\":\"tools/call\",\"params\":{"               \
    "\"name\":\"" name "\",\"arguments\":" arguments "," META "}}"
#define M_METHOD(name)                                                                   \
    "{\"jsonrpc\":\"2.0\",\"id\":8,\"method\":\"" name "\",\"params\":{" META "}}"
#define ON(method) MODERN "\nMcp-Method: " method
#define CALLING(name) ON("tools/call") "\nMcp-Name: " name

static inline void start_http(struct mcp_fixture *f)
{
    start_server(f, "management --http-port 0 --diagnostics");
}

/* ---- raw connections ---- */

static int UNUSED connect_to(const struct mcp_fixture *f)
{
    const char *port = strrchr(f->url, ':') + 1;
    char *digits CLEANUP(free_ptr) = xstrndup(port, strcspn(port, "/"));
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int64_t number = 0;

    assert_true(fd >= 0 && num_parse(digits, 1, 65535, &number));
    const struct sockaddr_in to = {.sin_family = AF_INET,
                                   .sin_port = htons((uint16_t)number),
                                   .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    assert_int_equal(connect(fd, (const struct sockaddr *)&to, sizeof(to)), 0);
    return fd;
}

/* A POST on a connection of its own, which ends with the answer. headers: without the
 * last "\r\n". */
static int UNUSED send_raw(const struct mcp_fixture *f, const char *headers,
                           const char *body)
{
    char *text CLEANUP(free_ptr) =
        xasprintf("POST /mcp HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n%s\r\n"
                  "Content-Type: application/json\r\nContent-Length: %zu\r\n\r\n%s",
                  headers, strlen(body), body);
    int fd = connect_to(f);

    assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    return fd;
}

static void UNUSED read_to_end(int fd, struct buf *got)
{
    struct pollfd p = {.fd = fd, .events = POLLIN};
    char chunk[4096];

    for (;;) {
        assert_int_equal(poll(&p, 1, (int)(PATIENCE_MS * clock_timeout_mul())), 1);
        ssize_t n = read(fd, chunk, sizeof(chunk));
        if (n <= 0)
            return;
        buf_add(got, chunk, (size_t)n);
    }
}

/* Until the server has seen a frame of that method. */
static void UNUSED await_frame(struct mcp_fixture *f, const char *method)
{
    int64_t deadline = clock_mono_ms() + (int64_t)(PATIENCE_MS * clock_timeout_mul());

    do
        ask_url(f, "GET", f->frames_url, NULL, NULL);
    while (!strstr(f->resp.body.data, method) && clock_mono_ms() < deadline);
    assert_non_null(strstr(f->resp.body.data, method));
}

#endif
