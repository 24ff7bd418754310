/* Register, heartbeat and its gates, discovery, the A2A proxy's checks and the MCP
 * bridge. */
#include "mocks/tests/rest_fixture.h"
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "base/clock.h"
#include "base/num.h"
#include "io/httpd.h"
#include "io/wait.h"

#define STRAY "22222222-2222-4222-8222-222222222222"
#define ROOT "33333333-3333-4333-8333-333333333333"
#define TOOL "mcp__molecule-platform__create_workspace"

/* Nothing expires while the tests run. */
static int up_slow(void **state)
{
    (void)state;
    static const char *const args[] = {"--pace", "1", NULL};
    return platform_up(args);
}

/* The grace is over after ten milliseconds, the liveness after two seconds. */
static int up_fast(void **state)
{
    (void)state;
    static const char *const args[] = {"--pace", "0.01", "--switch", "grace_s=1", NULL};
    return platform_up(args);
}

static int up_self_hosted(void **state)
{
    (void)state;
    static const char *const args[] = {"--pace", "1", "--self-hosted", NULL};
    return platform_up(args);
}

static int lift_faults(void **state)
{
    (void)state;
    strv_release(&fx.headers);
    fault("DELETE", "heartbeat", "");
    fault("DELETE", "register", "");
    fault("DELETE", "peers", "");
    fault("DELETE", "kind-check", "");
    return 0;
}

static int enlist(const char *bearer, const char *body)
{
    return ask_as(bearer, "POST", "/registry/register", body);
}

static int beat(const char *bearer, const char *id, const char *more)
{
    char *body CLEANUP(free_ptr) = xasprintf("{\"workspace_id\":\"%s\"%s}", id, more);
    return ask_as(bearer, "POST", "/registry/heartbeat", body);
}

static const char *status_of(const char *id)
{
    assert_int_equal(ask_of(id, "GET", "", NULL), 200);
    return member("status");
}

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

/* A platform root that no box answers for; token: its instance token. It replaces the
 * concierge for the rest of the program. */
static void platform_root(const char *id, char token[44])
{
    char *body CLEANUP(free_ptr) = xasprintf("{\"id\":\"%s\"}", id);
    assert_int_equal(ask("POST", "/admin/org/platform-agent", body), 200);
    assert_int_equal(ask_of(id, "POST", "/secrets",
                            "{\"key\":\"MODEL\",\"value\":\"moonshot/kimi-k2.6\"}"),
                     200);
    char *reg CLEANUP(free_ptr) =
        xasprintf("{\"id\":\"%s\",\"kind\":\"platform\",\"url\":"
                  "\"http://localhost:9\",\"agent_card\":{}}",
                  id);
    assert_int_equal(enlist(NULL, reg), 200);
    memcpy(token, member("auth_token"), 44);
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

/* ---- the bridge ---- */

static int rpc(const char *id, const char *method, const char *params)
{
    char *body CLEANUP(free_ptr) = xasprintf(
        "{\"jsonrpc\":\"2.0\",\"id\":5,\"method\":\"%s\",\"params\":%s}", method, params);
    return ask_of(id, "POST", "/mcp", body);
}

static int call_tool(const char *id, const char *name, const char *arguments)
{
    char *params CLEANUP(free_ptr) =
        xasprintf("{\"name\":\"%s\",\"arguments\":%s}", name, arguments);
    return rpc(id, "tools/call", params);
}

static const char *tool_text(void)
{
    const json_t *content =
        json_object_get(json_object_get(fx.json, "result"), "content");
    return json_str(json_array_get(content, 0), "text", "(no text)");
}

static void speaks_mcp_with_http_200_for_every_refusal(void **state)
{
    (void)state;
    char id[37];
    external_workspace("bridged", NULL, id, NULL);
    assert_int_equal(rpc(id, "initialize", "{}"), 200);
    assert_non_null(strstr(text(), "{\"jsonrpc\":\"2.0\",\"id\":5,\"result\":{"));
    assert_non_null(strstr(text(), "\"protocolVersion\":\"2024-11-05\""));
    assert_int_equal(ask_of(id, "POST", "/mcp", "{"), 400);
    assert_string_equal(text(),
                        "{\"jsonrpc\":\"2.0\",\"id\":null,\"error\":{\"code\":-32700,"
                        "\"message\":\"parse error\"}}");
    assert_int_equal(rpc(id, "ping", "{}"), 200);
    assert_string_equal(text(),
                        "{\"jsonrpc\":\"2.0\",\"id\":5,\"error\":{\"code\":-32601,"
                        "\"message\":\"method not found\"}}");
    assert_int_equal(call_tool(id, "create_workspace", "{\"name\":\"x\"}"), 200);
    assert_string_equal(text(),
                        "{\"jsonrpc\":\"2.0\",\"id\":5,\"error\":{\"code\":-32000,"
                        "\"message\":\"tool call failed\"}}");
    assert_int_equal(call_tool(id, "recall_memory", "{}"), 200);
    assert_non_null(strstr(text(), "-32000"));
    assert_int_equal(rpc(id, "tools/call", "[]"), 200);
    assert_non_null(strstr(text(), "-32602"));
    assert_int_equal(rpc(id, "tools/list", "{}"), 200);
    const json_t *tools = json_object_get(json_object_get(fx.json, "result"), "tools");
    assert_int_equal(json_array_size(tools), 17);
    assert_string_equal(json_str(json_array_get(tools, 0), "name", ""), "delegate_task");
    assert_null(strstr(text(), "create_workspace"));
    char *path CLEANUP(free_ptr) = xasprintf("/workspaces/%s/mcp", id);
    assert_int_equal(ask_as(NULL, "POST", path, "{}"), 401);
}

static void asks_the_user_and_reads_it_back(void **state)
{
    (void)state;
    char id[37], other[37];
    external_workspace("asker", NULL, id, NULL);
    external_workspace("onlooker", NULL, other, NULL);
    assert_int_equal(call_tool(id, "request_user_action", "{\"title\":\"Sign\"}"), 200);
    assert_string_equal(tool_text(), "Asked the user: Sign");
    assert_int_equal(ask_of(id, "GET", "/user-tasks", NULL), 200);
    char *task CLEANUP(free_ptr) =
        xstrdup(json_str(json_array_get(fx.json, 0), "id", ""));
    char *done CLEANUP(free_ptr) =
        xasprintf("{\"user_task_id\":\"%s\",\"status\":\"done\"}", task);
    assert_int_equal(call_tool(other, "update_user_task", done), 200);
    assert_non_null(strstr(text(), "-32000"));
    assert_int_equal(call_tool(id, "update_user_task", done), 200);
    assert_string_equal(tool_text(), "User task updated.");
    assert_int_equal(call_tool(id, "list_user_tasks", "{}"), 200);
    assert_non_null(strstr(tool_text(), "\"status\":\"done\""));
    char *resolve CLEANUP(free_ptr) = xasprintf("/user-tasks/%s/resolve", task);
    assert_int_equal(ask_of(id, "POST", resolve, "{\"status\":\"done\"}"), 404);
    assert_int_equal(call_tool(id, "delete_user_task", done), 200);
    assert_int_equal(ask_of(id, "GET", "/user-tasks", NULL), 200);
    assert_string_equal(text(), "[]");
}

static void lists_peers_literally(void **state)
{
    (void)state;
    char id[37];
    external_workspace("looker", NULL, id, NULL);
    assert_int_equal(call_tool(id, "list_peers", "{}"), 200);
    assert_non_null(strstr(tool_text(), fx.concierge));
    assert_ptr_equal(strstr(tool_text(), "[\n  {\n    \"id\": \""), tool_text());
    fault("PUT", "peers", "empty");
    assert_int_equal(call_tool(id, "list_peers", "{}"), 200);
    assert_string_equal(tool_text(), "No peers found.");
}

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

static int until_a_ping(const char *data, size_t len, void *arg)
{
    struct buf *seen = arg;
    buf_add(seen, data, len);
    return strstr(seen->data, ": ping") != NULL;
}

static void streams_the_endpoint_and_pings(void **state)
{
    (void)state;
    struct http_request req CLEANUP(http_request_release) = HTTP_REQUEST_INIT;
    struct buf seen CLEANUP(buf_release) = BUF_INIT(KIB(64));
    struct err err = ERR_INIT;
    char id[37], token[44];
    external_workspace("listener", NULL, id, token);
    char *url CLEANUP(free_ptr) = xasprintf("%s/workspaces/%s/mcp/stream", fx.url, id);
    req.url = url;
    req.timeout_ms = 30000;
    req.on_data = until_a_ping;
    req.on_data_arg = &seen;
    strv_addf(&req.headers, "Authorization: Bearer %s", token);
    strv_addf(&req.headers, "X-Molecule-Org-Id: %s", fx.org_id);
    assert_int_equal(http_perform(fx.http, &req, &fx.resp, &err), 0);
    assert_int_equal(fx.resp.status, 200);
    assert_string_equal(http_response_header(&fx.resp, "Content-Type"),
                        "text/event-stream");
    char *first CLEANUP(free_ptr) =
        xasprintf("event: endpoint\ndata: /workspaces/%s/mcp\n\n", id);
    assert_int_equal(strncmp(seen.data, first, strlen(first)), 0);
}

/* ---- the platform agent's gates; they replace the concierge, so they come last ---- */

static void does_not_let_a_platform_agent_in_without_a_model(void **state)
{
    (void)state;
    assert_int_equal(ask("POST", "/admin/org/platform-agent", "{\"id\":\"" ROOT "\"}"),
                     200);
    assert_int_equal(enlist(NULL, "{\"id\":\"" ROOT "\",\"agent_card\":{},"
                                  "\"url\":\"http://localhost:9\"}"),
                     400);
    assert_string_equal(text(), "{\"error\":\"platform agent identity incomplete\"}");
    assert_string_equal(status_of(ROOT), "failed");
    assert_int_equal(ask("GET", "/events/" ROOT, NULL), 200);
    assert_non_null(strstr(text(), "\"code\":\"PLATFORM_AGENT_IDENTITY_GATE\""));
    assert_non_null(strstr(text(), "\"reason\":\"model_missing\""));
}

static void holds_back_a_platform_agent_without_its_server(void **state)
{
    (void)state;
    char token[44];
    platform_root(ROOT, token);
    assert_string_equal(status_of(ROOT), "online");
    assert_int_equal(enlist(token,
                            "{\"id\":\"" ROOT "\",\"agent_card\":{},\"url\":"
                            "\"http://localhost:9\",\"mcp_server_present\":false}"),
                     400);
    assert_string_equal(status_of(ROOT), "failed");
    assert_int_equal(beat(token, ROOT, ",\"mcp_server_present\":false"), 200);
    assert_string_equal(status_of(ROOT), "failed");
    assert_int_equal(beat(token, ROOT, ",\"mcp_server_present\":null"), 200);
    assert_string_equal(status_of(ROOT), "online");
}

static void waits_out_the_grace_for_a_list_of_tools(void **state)
{
    (void)state;
    char token[44];
    platform_root(ROOT, token);
    assert_int_equal(beat(token, ROOT, ",\"mcp_server_present\":true"), 200);
    assert_string_equal(status_of(ROOT), "online");
    assert_int_equal(beat(token, ROOT, ",\"mcp_server_present\":true"), 200);
    assert_string_equal(status_of(ROOT), "online");
}

static bool degraded_after_a_beat(void *token)
{
    assert_int_equal(beat(token, ROOT, ",\"mcp_server_present\":true"), 200);
    return strcmp(status_of(ROOT), "degraded") == 0;
}

static void degrades_after_the_grace_and_recovers_with_a_list(void **state)
{
    (void)state;
    char token[44];
    platform_root(ROOT, token);
    assert_true(wait_until(degraded_after_a_beat, token, clock_mono_ms() + 10000));
    assert_int_equal(ask("GET", "/events/" ROOT, NULL), 200);
    assert_non_null(strstr(text(), "\"loaded_mcp_tools_absent\":true,"
                                   "\"management_mcp_missing\":true"));
    /* Not declared on this row, so an empty list is no fault. */
    assert_int_equal(
        beat(token, ROOT, ",\"mcp_server_present\":true,\"loaded_mcp_tools\":[]"), 200);
    assert_string_equal(status_of(ROOT), "online");
}

static bool degraded_for_want_of_the_tool(void *token)
{
    assert_int_equal(
        beat(token, ROOT,
             ",\"mcp_server_present\":true,\"loaded_mcp_tools\":[\"mcp__a2a__x\"]"),
        200);
    return strcmp(status_of(ROOT), "degraded") == 0;
}

static void demands_the_tool_where_the_plugin_is_declared(void **state)
{
    (void)state;
    char token[44];
    platform_root(ROOT, token);
    assert_int_equal(
        ask_at(fx.mock_url, NULL, "POST", "/_mock/declare",
               "{\"org\":\"acme\",\"workspace\":\"" ROOT "\",\"source\":\"gitea://"
               "molecule-ai/molecule-ai-plugin-molecule-platform-mcp#main\"}"),
        200);
    assert_true(
        wait_until(degraded_for_want_of_the_tool, token, clock_mono_ms() + 10000));
    assert_int_equal(beat(token, ROOT,
                          ",\"mcp_server_present\":true,\"loaded_mcp_tools\":[\"" TOOL
                          "\"]"),
                     200);
    assert_string_equal(status_of(ROOT), "online");
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
    const struct CMUnitTest slow[] = {
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
        cmocka_unit_test(speaks_mcp_with_http_200_for_every_refusal),
        cmocka_unit_test(asks_the_user_and_reads_it_back),
        cmocka_unit_test_teardown(lists_peers_literally, lift_faults),
        cmocka_unit_test(refuses_a_message_of_more_than_16_mib),
        cmocka_unit_test(takes_no_more_than_64_files_at_once),
        cmocka_unit_test(does_not_let_a_platform_agent_in_without_a_model),
    };
    /* Each of these wants an organisation whose root was never seen. */
    const struct CMUnitTest gates[] = {
        cmocka_unit_test_setup_teardown(holds_back_a_platform_agent_without_its_server,
                                        up_slow, platform_down),
        cmocka_unit_test_setup_teardown(waits_out_the_grace_for_a_list_of_tools, up_slow,
                                        platform_down),
        cmocka_unit_test_setup_teardown(degrades_after_the_grace_and_recovers_with_a_list,
                                        up_fast, platform_down),
        cmocka_unit_test_setup_teardown(demands_the_tool_where_the_plugin_is_declared,
                                        up_fast, platform_down),
        cmocka_unit_test_setup_teardown(streams_the_endpoint_and_pings, up_fast,
                                        platform_down),
        cmocka_unit_test_setup_teardown(
            keeps_agents_out_of_private_networks_where_they_have_no_business,
            up_self_hosted, platform_down),
        cmocka_unit_test_setup_teardown(ends_cleanly_with_a_message_under_way, up_slow,
                                        platform_down),
    };
    int failed =
        cmocka_run_group_tests_name("tenant registry", slow, up_slow, platform_down);
    return failed + cmocka_run_group_tests_name("tenant gates", gates, NULL, NULL);
}
