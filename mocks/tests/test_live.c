/*
 * Events as they happen, asked for by a client of our own making: a socket, frames
 * written by hand, so that both sides of the WebSocket are not the same library.
 */
#include "mocks/tests/rest_fixture.h"

#include <arpa/inet.h>
#include <errno.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/time.h>

#include "base/clock.h"
#include "base/num.h"

enum { TEXT = 1, CLOSE = 8, PING = 9, PONG = 10 };

struct client {
    int fd;
    struct buf got; /* received, not yet read */
};

static int setup(void **state)
{
    static const char *const none[] = {NULL};
    (void)state;
    return platform_up(none);
}

/* ---- the client ---- */

static int port_of_platform(void)
{
    int64_t port = 0;
    assert_true(num_parse(strrchr(fx.mock_url, ':') + 1, 1, 65535, &port));
    return (int)port;
}

static struct client client_open(void)
{
    struct client c = {.fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    struct sockaddr_in addr = {.sin_family = AF_INET,
                               .sin_port = htons((uint16_t)port_of_platform()),
                               .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    const struct timeval patience = {.tv_sec = 10 * (time_t)clock_timeout_mul()};
    buf_init(&c.got, MIB(8));
    assert_int_equal(connect(c.fd, (struct sockaddr *)&addr, sizeof addr), 0);
    assert_int_equal(
        setsockopt(c.fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience), 0);
    return c;
}

static void client_close(struct client *c)
{
    assert_int_equal(close(c->fd), 0);
    buf_release(&c->got);
}

static void client_send(const struct client *c, const void *data, size_t len)
{
    assert_int_equal(send(c->fd, data, len, MSG_NOSIGNAL), (ssize_t)len);
}

/* Reads more; false = the platform closed the connection. */
static bool client_more(struct client *c)
{
    char chunk[16384];
    ssize_t n = recv(c->fd, chunk, sizeof chunk, 0);
    if (n < 0 && errno != ECONNRESET)
        fail_msg("nothing came: %s", strerror(errno));
    if (n <= 0)
        return false;
    buf_add(&c->got, chunk, (size_t)n);
    return true;
}

/* Takes the answer's head off what was received; caller frees. */
static char *client_head(struct client *c)
{
    const char *end = NULL;
    while ((end = strstr(c->got.data, "\r\n\r\n")) == NULL)
        assert_true(client_more(c));
    char *head = xstrndup(c->got.data, (size_t)(end - c->got.data));
    buf_consume(&c->got, strlen(head) + 4);
    return head;
}

static void client_ask(const struct client *c, const char *path, const char *more)
{
    char *text CLEANUP(free_ptr) =
        xasprintf("GET %s HTTP/1.1\r\nHost: %s\r\nX-Molecule-Org-Id: %s\r\n%s\r\n", path,
                  strstr(fx.url, "//") + 2, fx.org_id, more);
    client_send(c, text, strlen(text));
}

#define HANDSHAKE                                                                        \
    "Connection: keep-alive, Upgrade\r\nUpgrade: WebSocket\r\n"                          \
    "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"

static struct client socket_open(void)
{
    struct client c = client_open();
    client_ask(&c, "/ws", HANDSHAKE);
    char *head CLEANUP(free_ptr) = client_head(&c);
    assert_non_null(strstr(head, "HTTP/1.1 101 "));
    return c;
}

/* A frame as a client sends it: final and masked; len < 126. */
static size_t frame(unsigned char *out, int opcode, const char *data, size_t len)
{
    static const unsigned char mask[4] = {0x11, 0x22, 0x33, 0x44};
    out[0] = (unsigned char)(0x80 | opcode);
    out[1] = (unsigned char)(0x80 | len);
    memcpy(out + 2, mask, 4);
    for (size_t i = 0; i < len; i++)
        out[6 + i] = (unsigned char)data[i] ^ mask[i % 4];
    return len + 6;
}

static void socket_send(const struct client *c, int opcode, const char *data, size_t len)
{
    unsigned char out[140];
    client_send(c, out, frame(out, opcode, data, len));
}

/* The next frame's content goes to ret; its opcode, -1 when the connection ended. */
static int socket_next(struct client *c, struct buf *ret)
{
    size_t head = 2, len = 0;
    buf_reset(ret);
    for (;;) {
        const unsigned char *in = (const unsigned char *)c->got.data;
        if (c->got.len >= 2) {
            assert_int_equal(in[0] & 0x70, 0); /* no extension was agreed on */
            assert_int_equal(in[1] & 0x80, 0); /* a server does not mask */
            len = in[1];
            head = len < 126 ? 2 : len == 126 ? 4 : 10;
        }
        if (c->got.len >= head && head > 2) {
            len = 0;
            for (size_t i = 2; i < head; i++)
                len = len * 256 + in[i];
        }
        if (c->got.len >= 2 && c->got.len >= head + len)
            break;
        if (!client_more(c))
            return -1;
    }
    int opcode = (unsigned char)c->got.data[0] & 0x0f;
    buf_add(ret, c->got.data + head, len);
    buf_consume(&c->got, head + len);
    return opcode;
}

/* The next frame of this kind; the platform's pings are passed over. */
static void socket_want(struct client *c, int opcode, struct buf *ret)
{
    int have = 0;
    do
        have = socket_next(c, ret);
    while (have == PING && opcode != PING);
    assert_int_equal(have, opcode);
}

static json_t *socket_row(struct client *c)
{
    struct buf text CLEANUP(buf_release) = BUF_INIT(MIB(4));
    json_t *row = NULL;
    socket_want(c, TEXT, &text);
    assert_int_equal(json_parse(text.data, text.len, &row, NULL), 0);
    return row;
}

/* ---- acts that make events ---- */

static void add_task(const char *ws, const char *title)
{
    char *body CLEANUP(free_ptr) = xasprintf("{\"title\":\"%s\"}", title);
    assert_int_equal(ask_of(ws, "POST", "/user-tasks", body), 201);
}

static const char *title_of(const json_t *row)
{
    return json_str(json_object_get(row, "payload"), "title", "");
}

static void assert_next_title(struct client *c, const char *title)
{
    json_t *row CLEANUP(json_drop) = socket_row(c);
    assert_string_equal(title_of(row), title);
}

/* ---- WebSocket ---- */

static void only_a_handshake_opens_a_socket(void **state)
{
    (void)state;
    static const char *const not_one[] = {
        "",
        "Connection: upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n",
        "Connection: upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: a\r\n",
        "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: a\r\n",
        ("Connection: upgrade\r\nUpgrade: h2c\r\nSec-WebSocket-Version: 13\r\n"
         "Sec-WebSocket-Key: a\r\n"),
    };
    for (size_t i = 0; i < ARRAY_SIZE(not_one); i++) {
        struct client c = client_open();
        client_ask(&c, "/ws", not_one[i]);
        char *head CLEANUP(free_ptr) = client_head(&c);
        assert_non_null(strstr(head, "HTTP/1.1 400 "));
        client_close(&c);
    }
}

static void the_key_is_accepted_as_the_rfc_shows(void **state)
{
    (void)state;
    struct client c = client_open();
    client_ask(&c, "/ws", HANDSHAKE);
    char *head CLEANUP(free_ptr) = client_head(&c);
    assert_non_null(strstr(head, "HTTP/1.1 101 "));
    assert_non_null(strcasestr(head, "\r\nUpgrade: websocket"));
    assert_non_null(
        strcasestr(head, "\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo="));
    client_close(&c);
}

static void events_come_in_order_and_as_they_are_listed(void **state)
{
    (void)state;
    char a[37], b[37];
    external_workspace("tells", NULL, a, NULL);
    external_workspace("tells too", NULL, b, NULL);
    struct client c = socket_open();
    add_task(a, "one");
    add_task(b, "two");
    add_task(a, "three");
    json_t *rows[3];
    for (size_t i = 0; i < 3; i++)
        rows[i] = socket_row(&c);
    assert_string_equal(title_of(rows[0]), "one");
    assert_string_equal(title_of(rows[1]), "two");
    assert_string_equal(title_of(rows[2]), "three");
    assert_string_equal(json_str(rows[1], "workspace_id", ""), b);
    char *path CLEANUP(free_ptr) = xasprintf("/events/%s", b);
    assert_int_equal(ask("GET", path, NULL), 200);
    assert_true(json_equal(json_array_get(fx.json, 0), rows[1]));
    for (size_t i = 0; i < 3; i++)
        json_decref(rows[i]);
    client_close(&c);
}

static void another_organisation_hears_nothing(void **state)
{
    (void)state;
    struct client c = client_open();
    char *text CLEANUP(free_ptr) =
        xasprintf("GET /ws HTTP/1.1\r\nHost: %s\r\nX-Molecule-Org-Id: "
                  "00000000-0000-4000-8000-000000000000\r\n" HANDSHAKE "\r\n",
                  strstr(fx.url, "//") + 2);
    client_send(&c, text, strlen(text));
    char *head CLEANUP(free_ptr) = client_head(&c);
    assert_non_null(strstr(head, "HTTP/1.1 404 "));
    client_close(&c);
}

static void a_ping_is_answered_and_pings_are_sent(void **state)
{
    (void)state;
    struct buf text CLEANUP(buf_release) = BUF_INIT(KIB(1));
    struct client c = socket_open();
    socket_send(&c, PING, "are you there", 13);
    socket_want(&c, PONG, &text);
    assert_string_equal(text.data, "are you there");
    int opcode = 0;
    do
        opcode = socket_next(&c, &text);
    while (opcode == TEXT);
    assert_int_equal(opcode, PING);
    client_close(&c);
}

static void frames_sent_with_the_handshake_are_read(void **state)
{
    (void)state;
    struct buf text CLEANUP(buf_release) = BUF_INIT(KIB(1));
    struct client c = client_open();
    unsigned char out[140];
    char *head_and_frame CLEANUP(free_ptr) = xasprintf(
        "GET /ws HTTP/1.1\r\nHost: %s\r\nX-Molecule-Org-Id: %s\r\n" HANDSHAKE "\r\n",
        strstr(fx.url, "//") + 2, fx.org_id);
    struct buf all CLEANUP(buf_release) = BUF_INIT(KIB(4));
    buf_adds(&all, head_and_frame);
    buf_add(&all, out, frame(out, PING, "early", 5));
    client_send(&c, all.data, all.len);
    char *head CLEANUP(free_ptr) = client_head(&c);
    assert_non_null(strstr(head, "HTTP/1.1 101 "));
    socket_want(&c, PONG, &text);
    assert_string_equal(text.data, "early");
    client_close(&c);
}

static void a_goodbye_is_answered_and_ends_the_connection(void **state)
{
    (void)state;
    struct buf text CLEANUP(buf_release) = BUF_INIT(KIB(1));
    struct client c = socket_open();
    socket_send(&c, CLOSE, "\x03\xe8", 2);
    socket_want(&c, CLOSE, &text);
    assert_memory_equal(text.data, "\x03\xe8", 2);
    assert_int_equal(socket_next(&c, &text), -1);
    client_close(&c);
}

static void a_frame_without_a_mask_is_a_protocol_error(void **state)
{
    (void)state;
    struct buf text CLEANUP(buf_release) = BUF_INIT(KIB(1));
    struct client c = socket_open();
    client_send(&c, "\x81\x02hi", 4);
    socket_want(&c, CLOSE, &text);
    assert_memory_equal(text.data, "\x03\xea", 2); /* 1002 */
    assert_int_equal(socket_next(&c, &text), -1);
    client_close(&c);
}

static void who_does_not_read_is_cut_off_and_others_are_served(void **state)
{
    (void)state;
    enum { EVENTS = 40, TITLE = 200 * 1024 };
    char ws[37];
    external_workspace("shouts", NULL, ws, NULL);
    struct client deaf = socket_open();
    char *title CLEANUP(free_ptr) = xmalloc(TITLE + 1);
    memset(title, 'x', TITLE);
    title[TITLE] = '\0';
    for (int i = 0; i < EVENTS; i++)
        add_task(ws, title);
    struct client awake = socket_open();
    add_task(ws, "still here");
    assert_next_title(&awake, "still here");
    client_close(&awake);
    /* Of 8 MB it gets what was on its way, then the end. */
    size_t total = 0;
    while (client_more(&deaf)) {
        total += deaf.got.len;
        buf_reset(&deaf.got);
    }
    assert_in_range(total, 1, MIB(7));
    client_close(&deaf);
}

static void many_sockets_that_leave_at_any_time_do_no_harm(void **state)
{
    (void)state;
    char ws[37];
    external_workspace("crowd", NULL, ws, NULL);
    struct client c[24];
    for (size_t i = 0; i < ARRAY_SIZE(c); i++)
        c[i] = socket_open();
    add_task(ws, "to all");
    for (size_t i = 0; i < ARRAY_SIZE(c); i += 2)
        client_close(&c[i]);
    add_task(ws, "to half");
    for (size_t i = 1; i < ARRAY_SIZE(c); i += 2) {
        assert_next_title(&c[i], "to all");
        assert_next_title(&c[i], "to half");
        client_close(&c[i]);
    }
}

/* ---- server-sent events ---- */

static struct client stream_open(const char *ws)
{
    struct client c = client_open();
    char *path CLEANUP(free_ptr) = xasprintf("/workspaces/%s/events/stream", ws);
    char *auth CLEANUP(free_ptr) = xasprintf("Authorization: Bearer %s\r\n", fx.admin);
    client_ask(&c, path, auth);
    char *head CLEANUP(free_ptr) = client_head(&c);
    assert_non_null(strstr(head, "HTTP/1.1 200 "));
    assert_non_null(strcasestr(head, "Content-Type: text/event-stream"));
    return c;
}

static void stream_wait(struct client *c, const char *what)
{
    while (strstr(c->got.data, what) == NULL)
        assert_true(client_more(c));
}

static void a_stream_has_the_events_of_its_workspace_in_order(void **state)
{
    (void)state;
    char a[37], b[37];
    external_workspace("streams", NULL, a, NULL);
    external_workspace("streams not", NULL, b, NULL);
    struct client c = stream_open(a);
    add_task(a, "first");
    add_task(b, "elsewhere");
    add_task(a, "second");
    stream_wait(&c, "\"second\"");
    const char *first = strstr(c.got.data, "\"first\"");
    assert_non_null(first);
    assert_true(first < strstr(c.got.data, "\"second\""));
    assert_null(strstr(c.got.data, "elsewhere"));
    assert_non_null(strstr(c.got.data, "data: {\"created_at\":\""));
    client_close(&c);
}

static void a_quiet_stream_has_comments(void **state)
{
    (void)state;
    char ws[37];
    external_workspace("quiet", NULL, ws, NULL);
    struct client c = stream_open(ws);
    for (int i = 0; i < 3; i++) {
        stream_wait(&c, ": ping\n\n");
        buf_reset(&c.got);
    }
    client_close(&c);
}

static void a_stream_of_nobody_is_not_found(void **state)
{
    (void)state;
    assert_int_equal(ask("GET",
                         "/workspaces/00000000-0000-4000-8000-000000000000/events/stream",
                         NULL),
                     404);
    assert_string_equal(member("error"), "workspace not found");
}

/* ---- the end of the organisation, of the platform ---- */

static void a_deleted_organisation_says_goodbye(void **state)
{
    (void)state;
    struct buf text CLEANUP(buf_release) = BUF_INIT(KIB(64));
    struct client c = socket_open();
    char *cp_url CLEANUP(free_ptr) = xstrdup(fx.mock_url);
    assert_int_equal(ask_at(cp_url, json_str(fx.info, "cp_admin_token", ""), "DELETE",
                            "/cp/admin/tenants/acme", "{\"confirm\":\"acme\"}"),
                     200);
    int opcode = 0;
    do
        opcode = socket_next(&c, &text);
    while (opcode == TEXT || opcode == PING);
    assert_int_equal(opcode, CLOSE);
    assert_memory_equal(text.data, "\x03\xe9", 2); /* 1001 */
    client_close(&c);
}

static void a_platform_with_open_sockets_ends_in_order(void **state)
{
    (void)state;
    struct client socket = socket_open(), stream = stream_open(fx.concierge);
    proc_signal(&fx.proc, SIGTERM);
    struct err err = ERR_INIT;
    int status = -1;
    int64_t deadline = clock_mono_ms() + (int64_t)(10000 * clock_timeout_mul());
    assert_int_equal(proc_wait(&fx.proc, deadline, &status, &err), 0);
    assert_int_equal(status, 0);
    client_close(&socket);
    client_close(&stream);
}

int main(void)
{
    const struct CMUnitTest shared[] = {
        cmocka_unit_test(only_a_handshake_opens_a_socket),
        cmocka_unit_test(the_key_is_accepted_as_the_rfc_shows),
        cmocka_unit_test(events_come_in_order_and_as_they_are_listed),
        cmocka_unit_test(another_organisation_hears_nothing),
        cmocka_unit_test(a_ping_is_answered_and_pings_are_sent),
        cmocka_unit_test(frames_sent_with_the_handshake_are_read),
        cmocka_unit_test(a_goodbye_is_answered_and_ends_the_connection),
        cmocka_unit_test(a_frame_without_a_mask_is_a_protocol_error),
        cmocka_unit_test(who_does_not_read_is_cut_off_and_others_are_served),
        cmocka_unit_test(many_sockets_that_leave_at_any_time_do_no_harm),
        cmocka_unit_test(a_stream_has_the_events_of_its_workspace_in_order),
        cmocka_unit_test(a_quiet_stream_has_comments),
        cmocka_unit_test(a_stream_of_nobody_is_not_found),
    };
    const struct CMUnitTest ends[] = {
        cmocka_unit_test_setup_teardown(a_deleted_organisation_says_goodbye, setup,
                                        platform_down),
        cmocka_unit_test_setup_teardown(a_platform_with_open_sockets_ends_in_order, setup,
                                        platform_down),
    };
    int failed = cmocka_run_group_tests(shared, setup, platform_down);
    return failed + cmocka_run_group_tests(ends, NULL, NULL);
}
