/* Register, heartbeat, discovery and the A2A proxy's checks. */
#include "mocks/tests/registry_fixture.h"
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "base/clock.h"
#include "base/num.h"
#include "io/httpd.h"

#define STRAY "22222222-2222-4222-8222-222222222222"

/* A registered workspace elsewhere; token: its instance token. */
static void online_workspace(const char *name, const char *parent, char id[37],
                             char token[44])
{
    external_workspace(name, parent, id, token);
    char *body CLEANUP(free_ptr) =
        xasprintf("{\"id\":\"%s\",\"url\":\"http://localhost:9\",\"agent_card\":{}}", id);
    assert_int_equal(enlist(token, body), 200);
    assert_null(json_object_get(fx.json, "auth_token"));
}

/* ---- register ---- */

static void refuses_registrations_in_order(void **state)
{
    (void)state;
    static const struct {
        const char *body;
        int status;
        const char *says;
    } rows[] = {
        {"{}", 400, "{\"error\":\"invalid request body\"}"},
        {"{\"id\":\"" STRAY "\"}", 400, "invalid request body"},
        {"{\"id\":\"" STRAY "\",\"agent_card\":{},\"delivery_mode\":\"fax\"}", 400,
         "delivery_mode must be 'push' or 'poll'"},
        {"{\"id\":\"" STRAY "\",\"agent_card\":{},\"kind\":\"boss\"}", 400,
         "kind must be 'workspace' or 'platform'"},
        {"{\"id\":\"" STRAY "\",\"agent_card\":{},\"kind\":\"platform\"}", 403,
         "{\"error\":\"kind='platform' may only be assigned by the platform-agent "
         "install "
         "path\"}"},
        {"{\"id\":\"" STRAY "\",\"agent_card\":{}}", 400,
         "url is required for push-mode workspaces"},
        {"{\"id\":\"" STRAY "\",\"agent_card\":{},\"url\":\"http://127.0.0.1:8000\"}",
         400, "url targets a blocked address: loopback address"},
        {"{\"id\":\"" STRAY "\",\"agent_card\":{\"url\":\"http://[::1]:1\"}}", 400,
         "workspace agent_card URL not allowed"},
        {"{\"id\":\"not-a-uuid\",\"agent_card\":{},\"url\":\"http://localhost:1\"}", 500,
         "registration failed"},
    };
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        assert_int_equal(enlist(NULL, rows[i].body), rows[i].status);
        if (!strstr(text(), rows[i].says))
            fail_msg("%s: expected '%s', got '%s'", rows[i].body, rows[i].says, text());
    }
    assert_int_equal(ask_of(STRAY, "GET", "", NULL), 404);
}

static void makes_a_parentless_row_of_an_unknown_id(void **state)
{
    (void)state;
    const char *body = "{\"id\":\"" STRAY "\",\"agent_card\":{\"name\":\"\"},"
                       "\"url\":\"https://stray.example.com\"}";
    assert_int_equal(enlist(NULL, body), 200);
    assert_string_equal(member("status"), "registered");
    assert_string_equal(member("delivery_mode"), "push");
    char *token CLEANUP(free_ptr) = xstrdup(member("auth_token"));
    assert_int_equal(strlen(token), 43);
    assert_int_equal(ask_of(STRAY, "GET", "", NULL), 200);
    assert_string_equal(member("kind"), "workspace");
    assert_string_equal(member("name"), STRAY);
    assert_string_equal(member("status"), "online");
    assert_true(json_is_null(json_object_get(fx.json, "parent_id")));
    const json_t *card = json_object_get(fx.json, "agent_card");
    assert_string_equal(json_str(card, "name", ""), STRAY);
    assert_string_equal(json_str(card, "description", ""), STRAY);

    /* From now on it needs its token; the administrator's is none. */
    assert_int_equal(enlist(NULL, body), 401);
    assert_string_equal(member("error"), "missing workspace auth token");
    assert_int_equal(enlist(fx.admin, body), 401);
    assert_string_equal(member("error"), "invalid workspace auth token");
    assert_int_equal(enlist(token, body), 200);
    assert_null(json_object_get(fx.json, "auth_token"));
    assert_int_equal(beat(NULL, STRAY, ""), 401);
    assert_int_equal(beat(token, STRAY, ""), 200);
}

static void may_refuse_every_registration(void **state)
{
    (void)state;
    char id[37], token[44];
    external_workspace("refused", NULL, id, token);
    fault("PUT", "register", "refuse");
    char *body CLEANUP(free_ptr) =
        xasprintf("{\"id\":\"%s\",\"url\":\"http://localhost:9\",\"agent_card\":{}}", id);
    assert_int_equal(enlist(token, body), 403);
    assert_string_equal(status_of(id), "awaiting_agent");
}

static void degrades_who_failed_to_register(void **state)
{
    (void)state;
    char id[37], token[44];
    online_workspace("careless", NULL, id, token);
    char *bad CLEANUP(free_ptr) =
        xasprintf("{\"id\":\"%s\",\"url\":\"ftp://x\",\"agent_card\":{}}", id);
    assert_int_equal(enlist(token, bad), 400);
    assert_string_equal(member("error"), "url scheme must be http or https, got \"ftp\"");
    assert_int_equal(beat(token, id, ""), 200);
    assert_string_equal(status_of(id), "degraded");
    assert_int_equal(beat(token, id, ",\"agent_card\":{}"), 200);
    assert_string_equal(status_of(id), "online");
}

/* ---- heartbeat ---- */

static void takes_beats_of_unknown_ids(void **state)
{
    (void)state;
    assert_int_equal(beat(NULL, "44444444-4444-4444-8444-444444444444", ""), 200);
    assert_string_equal(member("status"), "ok");
    assert_int_equal(ask_as(NULL, "POST", "/registry/heartbeat", "{}"), 400);
    assert_string_equal(text(), "{\"error\":\"invalid request body\"}");
}

static void brings_a_waiting_agent_online_and_says_from_what(void **state)
{
    (void)state;
    char id[37], token[44];
    external_workspace("waiting", NULL, id, token);
    assert_int_equal(beat(token, id, ",\"active_tasks\":2,\"current_task\":\"t\""), 200);
    assert_string_equal(status_of(id), "online");
    assert_int_equal(json_int(fx.json, "active_tasks", 0), 2);
    char *path CLEANUP(free_ptr) = xasprintf("/events/%s", id);
    assert_int_equal(ask("GET", path, NULL), 200);
    assert_non_null(strstr(text(), "{\"recovered_from\":\"awaiting_agent\"}"));
}

static void follows_error_rate_and_wedge(void **state)
{
    (void)state;
    char id[37], token[44];
    online_workspace("shaky", NULL, id, token);
    assert_int_equal(beat(token, id, ",\"error_rate\":0.4"), 200);
    assert_string_equal(status_of(id), "online");
    assert_int_equal(beat(token, id, ",\"error_rate\":0.5,\"sample_error\":\"boom\""),
                     200);
    assert_string_equal(status_of(id), "degraded");
    assert_int_equal(beat(token, id, ",\"error_rate\":0.1"), 200);
    assert_string_equal(status_of(id), "degraded");
    assert_int_equal(beat(token, id, ",\"error_rate\":0.05"), 200);
    assert_string_equal(status_of(id), "online");
    assert_int_equal(beat(token, id, ",\"runtime_state\":\"wedged\""), 200);
    assert_string_equal(status_of(id), "degraded");
    assert_int_equal(beat(token, id, ",\"runtime_state\":\"\""), 200);
    assert_string_equal(status_of(id), "online");
}

static void holds_a_beat_without_effect(void **state)
{
    (void)state;
    char id[37], token[44];
    external_workspace("held", NULL, id, token);
    fault("PUT", "heartbeat", "hold");
    assert_int_equal(beat(token, id, ""), 200);
    assert_string_equal(status_of(id), "awaiting_agent");
}

/* ---- discovery ---- */

static void shows_siblings_children_and_parent(void **state)
{
    (void)state;
    char a[37], b[37], below[37], token[44];
    online_workspace("peer-a", NULL, a, token);
    external_workspace("peer-b", NULL, b, NULL);
    external_workspace("peer-below", a, below, NULL);
    char *path CLEANUP(free_ptr) = xasprintf("/registry/%s/peers", a);
    assert_int_equal(ask_as(NULL, "GET", path, NULL), 401);
    assert_string_equal(member("error"), "missing workspace auth token");
    assert_int_equal(ask_as(token, "GET", path, NULL), 200);
    assert_non_null(strstr(text(), b));
    assert_non_null(strstr(text(), below));
    assert_non_null(strstr(text(), fx.concierge));
    assert_null(strstr(text(), "\"name\":\"peer-a\""));
    char *query CLEANUP(free_ptr) = xasprintf("/registry/%s/peers?q=PEER-BELOW", a);
    assert_int_equal(ask_as(token, "GET", query, NULL), 200);
    assert_int_equal(json_array_size(fx.json), 1);
    fault("PUT", "peers", "empty");
    assert_int_equal(ask_as(token, "GET", path, NULL), 200);
    assert_string_equal(text(), "[]");
}

static void discovers_only_who_may_be_talked_to(void **state)
{
    (void)state;
    char a[37], b[37], a_token[44], b_token[44];
    online_workspace("disc-a", NULL, a, a_token);
    online_workspace("disc-b", a, b, b_token);
    char *path CLEANUP(free_ptr) = xasprintf("/registry/discover/%s", b);
    char *caller CLEANUP(free_ptr) = xasprintf("X-Workspace-ID: %s", a);
    assert_int_equal(ask_as(a_token, "GET", path, NULL), 400);
    assert_string_equal(member("error"), "X-Workspace-ID header is required");
    with_header(caller);
    assert_int_equal(ask_as(b_token, "GET", path, NULL), 401);
    with_header(caller);
    assert_int_equal(ask_as(a_token, "GET", path, NULL), 200);
    assert_string_equal(member("url"), "http://localhost:9");
    with_header(caller);
    assert_int_equal(ask_as(a_token, "GET", "/registry/discover/nobody", NULL), 403);
    assert_string_equal(member("error"), "not authorized to discover this workspace");
    char *body CLEANUP(free_ptr) =
        xasprintf("{\"caller_id\":\"%s\",\"target_id\":\"%s\"}", fx.concierge, b);
    assert_int_equal(ask_as(NULL, "POST", "/registry/check-access", body), 200);
    assert_string_equal(text(), "{\"allowed\":true}");
    assert_int_equal(ask_as(NULL, "POST", "/registry/check-access",
                            "{\"caller_id\":\"x\",\"target_id\":\"y\"}"),
                     200);
    assert_string_equal(text(), "{\"allowed\":false}");
}

/* ---- A2A ---- */

#define HELLO                                                                            \
    "{\"method\":\"message/send\",\"params\":{\"message\":{\"content\":\"hello\"}}}"

static void checks_who_sends_before_what(void **state)
{
    (void)state;
    char a[37], b[37], a_token[44], b_token[44];
    online_workspace("a2a-a", NULL, a, a_token);
    online_workspace("a2a-b", NULL, b, b_token);
    char *path CLEANUP(free_ptr) = xasprintf("/workspaces/%s/a2a", b);
    char *caller CLEANUP(free_ptr) = xasprintf("X-Workspace-ID: %s", a);
    with_header("X-Workspace-ID: system:cron");
    assert_int_equal(ask("POST", path, HELLO), 403);
    assert_string_equal(member("error"), "invalid caller ID");
    with_header(caller);
    assert_int_equal(ask_as(NULL, "POST", path, HELLO), 401);
    assert_string_equal(member("error"), "missing caller auth token");
    with_header(caller);
    assert_int_equal(ask_as(b_token, "POST", path, HELLO), 401);
    assert_string_equal(member("error"), "invalid caller auth token");
    assert_int_equal(ask("POST", path, "nonsense"), 400);
    assert_string_equal(member("error"), "invalid JSON");
    assert_int_equal(ask("POST", path, "{\"params\":{\"message\":{}}}"), 400);
    assert_string_equal(member("error"),
                        "params.message must contain either 'parts' (v0.3) or 'content' "
                        "(v0.2 compat)");
    with_header(caller);
    assert_int_equal(ask_as(a_token, "POST", path, HELLO), 502);
    assert_string_equal(text(), "{\"error\":\"failed to reach workspace agent\"}");
    assert_int_equal(
        ask("POST", "/workspaces/00000000-0000-4000-8000-000000000000/a2a", HELLO), 404);
}

static void queues_for_an_agent_that_polls(void **state)
{
    (void)state;
    assert_int_equal(ask("POST", "/workspaces",
                         "{\"name\":\"poller\",\"external\":true,"
                         "\"delivery_mode\":\"poll\"}"),
                     201);
    char *id CLEANUP(free_ptr) = xstrdup(member("id"));
    assert_int_equal(ask_of(id, "POST", "/a2a", HELLO), 200);
    assert_string_equal(text(), "{\"delivery_mode\":\"poll\",\"method\":\"message/send\","
                                "\"status\":\"queued\"}");
    assert_int_equal(ask_of(id, "GET", "/activity", NULL), 200);
    assert_int_equal(json_array_size(fx.json), 1);
    assert_non_null(strstr(text(), "\"parts\":[{\"kind\":\"text\",\"text\":\"hello\"}]"));
}

static void knows_no_address_before_registration(void **state)
{
    (void)state;
    char id[37];
    external_workspace("silent", NULL, id, NULL);
    assert_int_equal(ask_of(id, "POST", "/a2a", HELLO), 503);
    assert_string_equal(
        text(), "{\"error\":\"workspace has no URL\",\"status\":\"awaiting_agent\"}");
}

/* ---- the limits ---- */

static void refuses_a_message_of_more_than_16_mib(void **state)
{
    (void)state;
    size_t len = MIB(16) + 1;
    char *body CLEANUP(free_ptr) = xmalloc(len + 1);
    memset(body, ' ', len);
    body[len] = '\0';
    assert_int_equal(ask_of(STRAY, "POST", "/a2a", body), 413);
    assert_non_null(strstr(text(), "\"max_bytes\":16777216,\"truncated\":true}"));
    body[len - 1] = '\0';
    assert_int_equal(ask_of(STRAY, "POST", "/a2a", body), 400);
}

static void takes_no_more_than_64_files_at_once(void **state)
{
    (void)state;
    struct buf body CLEANUP(buf_release) = BUF_INIT(KIB(64));
    char id[37], token[44];
    external_workspace("collector", NULL, id, token);
    char *poll CLEANUP(free_ptr) =
        xasprintf("{\"id\":\"%s\",\"agent_card\":{},\"delivery_mode\":\"poll\"}", id);
    assert_int_equal(enlist(token, poll), 200);
    for (int i = 0; i < 65; i++)
        buf_adds(&body, "--b\r\nContent-Disposition: form-data; name=\"files\"; "
                        "filename=\"f\"\r\n\r\nx\r\n");
    buf_adds(&body, "--b--\r\n");
    with_header("Content-Type: multipart/form-data; boundary=b");
    assert_int_equal(ask_of(id, "POST", "/chat/uploads", body.data), 400);
    assert_string_equal(text(), "{\"error\":\"too many files (limit 64)\"}");
    assert_int_equal(ask_of(id, "GET", "/activity", NULL), 200);
    assert_string_equal(text(), "[]");
    with_header("Content-Type: multipart/form-data; boundary=b");
    assert_int_equal(
        ask_of(id, "POST", "/chat/uploads", strstr(body.data + 4, "--b\r\n")), 200);
    assert_int_equal(json_array_size(json_object_get(fx.json, "files")), 64);
}

/* ---- the end ---- */

static int connect_to(int port)
{
    struct sockaddr_in to = {.sin_family = AF_INET,
                             .sin_port = htons((uint16_t)port),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&to, sizeof(to)), 0);
    return fd;
}

/* In Docker mode the private networks are the operator's own; under the control plane
 * the boxes live there. */
static void keeps_agents_out_of_private_networks_where_they_have_no_business(void **state)
{
    (void)state;
    static const char *const hosts[] = {"10.1.2.3", "172.16.0.1", "172.31.255.255",
                                        "192.168.1.1"};
    for (size_t i = 0; i < ARRAY_SIZE(hosts); i++) {
        char *body CLEANUP(free_ptr) = xasprintf(
            "{\"id\":\"" STRAY "\",\"agent_card\":{},\"url\":\"http://%s:8000\"}",
            hosts[i]);
        fx.no_org = true;
        assert_int_equal(enlist(NULL, body), 400);
        assert_string_equal(text(),
                            "{\"error\":\"url targets a blocked address: RFC-1918 "
                            "private address\"}");
    }
    fx.no_org = true;
    assert_int_equal(enlist(NULL, "{\"id\":\"" STRAY "\",\"agent_card\":{},\"url\":"
                                  "\"http://172.32.0.1:8000\"}"),
                     200);
}

static void ends_cleanly_with_a_message_under_way(void **state)
{
    (void)state;
    struct err err = ERR_INIT;
    int listener CLEANUP(close_fd) = -1;
    int64_t port = 0;
    int status = -1;
    assert_int_equal(httpd_bind(0, &listener, &err), 0);
    char *body CLEANUP(free_ptr) =
        xasprintf("{\"name\":\"mute\",\"external\":true,\"url\":"
                  "\"http://localhost:%d\"}",
                  httpd_fd_port(listener));
    assert_int_equal(ask("POST", "/workspaces", body), 201);
    assert_true(num_parse(strrchr(fx.mock_url, ':') + 1, 1, 65535, &port));
    int client CLEANUP(close_fd) = connect_to((int)port);
    char *request CLEANUP(free_ptr) =
        xasprintf("POST /workspaces/%s/a2a HTTP/1.1\r\nHost: 127.0.0.1\r\n"
                  "X-Molecule-Org-Id: %s\r\nContent-Length: %zu\r\n\r\n%s",
                  member("id"), fx.org_id, strlen(HELLO), HELLO);
    assert_int_equal(write(client, request, strlen(request)), strlen(request));
    /* Once the agent is connected to, the message is under way; it is never answered. */
    struct pollfd called = {.fd = listener, .events = POLLIN};
    assert_int_equal(poll(&called, 1, 20000), 1);
    int agent CLEANUP(close_fd) = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
    assert_true(agent >= 0);
    proc_signal(&fx.proc, SIGTERM);
    assert_int_equal(proc_wait(&fx.proc, clock_mono_ms() + 20000, &status, &err), 0);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(refuses_registrations_in_order),
        cmocka_unit_test(makes_a_parentless_row_of_an_unknown_id),
        cmocka_unit_test_teardown(may_refuse_every_registration, lift_faults),
        cmocka_unit_test(degrades_who_failed_to_register),
        cmocka_unit_test(takes_beats_of_unknown_ids),
        cmocka_unit_test(brings_a_waiting_agent_online_and_says_from_what),
        cmocka_unit_test(follows_error_rate_and_wedge),
        cmocka_unit_test_teardown(holds_a_beat_without_effect, lift_faults),
        cmocka_unit_test_teardown(shows_siblings_children_and_parent, lift_faults),
        cmocka_unit_test(discovers_only_who_may_be_talked_to),
        cmocka_unit_test(checks_who_sends_before_what),
        cmocka_unit_test(queues_for_an_agent_that_polls),
        cmocka_unit_test(knows_no_address_before_registration),
        cmocka_unit_test(takes_no_more_than_64_files_at_once),
        cmocka_unit_test(refuses_a_message_of_more_than_16_mib),
    };
    /* Each of these has a platform of its own. */
    const struct CMUnitTest own[] = {
        cmocka_unit_test_setup_teardown(
            keeps_agents_out_of_private_networks_where_they_have_no_business,
            up_self_hosted, platform_down),
        cmocka_unit_test_setup_teardown(ends_cleanly_with_a_message_under_way, up_slow,
                                        platform_down),
    };
    int failed =
        cmocka_run_group_tests_name("tenant registry", tests, up_slow, platform_down);
    return failed + cmocka_run_group_tests_name("tenant addresses", own, NULL, NULL);
}
