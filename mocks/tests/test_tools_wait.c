/* The management server before a platform that takes its time: nobody else waits for it,
 * and who does not wait any more ends the transfer. */
#include "mocks/tests/mcp_fixture.h"

#include <sys/wait.h>

#include "harness/tests/fake_http.h"
#include "io/wait.h"

#define CALL(id, name, arguments)                                                        \
    "{\"jsonrpc\":\"2.0\",\"id\":" #id ",\"method\":\"tools/call\",\"params\":{"         \
    "\"name\":\"" name "\",\"arguments\":" arguments "}}"
#define PING(id) "{\"jsonrpc\":\"2.0\",\"id\":" #id ",\"method\":\"ping\"}"
#define CANCEL(id)                                                                       \
    "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/cancelled\",\"params\":{"           \
    "\"requestId\":" #id "}}"
#define MODERN_CALL                                                                      \
    "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/call\",\"params\":{"               \
    "\"name\":\"list_orgs\",\"arguments\":{}," META "}}"
#define REQUESTS "{\"workspace_id\":\"w\"}"

/* The control plane hangs; the tenant answers. */
struct fixture {
    struct mcp_fixture *mcp;
    struct fake_http cp, tenant;
    const char *awaited;
    const struct fake_http *who;
};

static const struct fake_reply hangs[] = {{FAKE_JSON, "[", FAKE_HOLD}};
static const struct fake_reply fine[] = {{FAKE_JSON, "{\"status\":\"fine\"}", NULL}};

static int teardown(void **state)
{
    struct fixture *x = *state;
    void *mcp = x->mcp;
    fake_stop(&x->cp);
    fake_stop(&x->tenant);
    free(x);
    return mcp_teardown(&mcp);
}

static int setup_with(void **state, const struct fake_reply *tenant, size_t n)
{
    struct fixture *x = xcalloc(1, sizeof(*x));
    void *mcp = NULL;
    int rc = mcp_setup(&mcp);
    x->mcp = mcp;
    x->cp = x->tenant = (struct fake_http)FAKE_HTTP_INIT;
    *state = x;
    if (rc || fake_start(&x->cp, hangs, 1, NULL) ||
        fake_start(&x->tenant, tenant, n, NULL)) {
        (void)teardown(state);
        return -1;
    }
    strv_addf(&x->mcp->env, "MOLECULE_API_URL=%s", x->tenant.url);
    strv_addf(&x->mcp->env, "MOLECULE_CP_URL=%s", x->cp.url);
    strv_add(&x->mcp->env, "CP_ADMIN_API_TOKEN=cp");
    strv_add(&x->mcp->env, "MOLECULE_ORG_API_KEY=org");
    strv_add(&x->mcp->env, "MOLECULE_API_KEY=api");
    strv_add(&x->mcp->env, "MOLECULE_ORG_ID=id");
    strv_add(&x->mcp->env, "LOG_LEVEL=60");
    return 0;
}

static int setup(void **state)
{
    return setup_with(state, fine, ARRAY_SIZE(fine));
}

static void start(struct fixture *x)
{
    start_server(x->mcp, "management");
    say_and_hear(x->mcp, INITIALIZE("2025-11-25"));
    say(x->mcp, INITIALIZED);
}

static int heard_id(const struct fixture *x)
{
    return (int)json_int(x->mcp->json, "id", -1);
}

static bool has_come(void *arg)
{
    const struct fixture *x = arg;
    char *text CLEANUP(free_ptr) = fake_requests(x->who);
    return strstr(text, x->awaited) != NULL;
}

/* That a fake platform has kept this text. */
static void wait_for(struct fixture *x, const struct fake_http *who, const char *text)
{
    int64_t deadline = clock_mono_ms() + (int64_t)(PATIENCE_MS * clock_timeout_mul());
    x->who = who;
    x->awaited = text;
    if (!wait_until(has_come, x, deadline))
        fail_msg("the platform never saw '%s'", text);
}

static int asked_times(const struct fake_http *who, const char *text)
{
    char *all CLEANUP(free_ptr) = fake_requests(who);
    return fake_count(all, text);
}

static void answers_others_while_the_platform_hangs(void **state)
{
    struct fixture *x = *state;
    start(x);
    say(x->mcp, CALL(1, "list_orgs", "{}"));
    wait_for(x, &x->cp, "GET /api/v1/admin/orgs");
    say_and_hear(x->mcp, PING(2));
    assert_int_equal(heard_id(x), 2);
    (void)result_of(x->mcp);
    say_and_hear(x->mcp, CALL(3, "list_workspaces", "{}"));
    assert_int_equal(heard_id(x), 3);
    assert_string_equal(result_text(x->mcp), "{\n  \"status\": \"fine\"\n}");
    say_and_hear(x->mcp, CALL(4, "list_templates", "{}"));
    assert_int_equal(heard_id(x), 4);
    assert_int_equal(asked_times(&x->cp, "[closed]"), 0);
}

static void ends_the_transfer_of_a_call_that_is_cancelled(void **state)
{
    struct fixture *x = *state;
    start(x);
    say(x->mcp, CALL(1, "list_orgs", "{}"));
    wait_for(x, &x->cp, "GET /api/v1/admin/orgs");
    say(x->mcp, CANCEL(1));
    wait_for(x, &x->cp, "[closed]");
    say_and_hear(x->mcp, PING(2));
    assert_int_equal(heard_id(x), 2);
}

static void ends_with_its_stdin_though_the_platform_hangs(void **state)
{
    struct fixture *x = *state;
    int status = -1;
    start(x);
    say(x->mcp, CALL(1, "list_orgs", "{}"));
    wait_for(x, &x->cp, "GET /api/v1/admin/orgs");
    close_fd(&x->mcp->server.in);
    assert_int_equal(
        proc_wait(&x->mcp->server, clock_mono_ms() + PATIENCE_MS, &status, NULL), 0);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    wait_for(x, &x->cp, "[closed]");
}

static void answers_what_was_asked_before_its_stdin_ended(void **state)
{
    struct fixture *x = *state;
    start(x);
    say(x->mcp, CALL(1, "list_workspaces", "{}"));
    close_fd(&x->mcp->server.in);
    hear(x->mcp);
    assert_int_equal(heard_id(x), 1);
    assert_string_equal(result_text(x->mcp), "{\n  \"status\": \"fine\"\n}");
}

/* ---- over HTTP ---- */

/* Asks, and leaves once the platform was asked, without an answer. */
static void ask_and_leave(struct fixture *x, const char *headers, const char *body)
{
    struct http_request req CLEANUP(http_request_release) = HTTP_REQUEST_INIT;
    struct err err = ERR_INIT;
    struct strv lines CLEANUP(strv_release) = STRV_INIT;
    int before = asked_times(&x->cp, "GET /api/v1/admin/orgs");
    req.method = "POST";
    req.url = x->mcp->url;
    req.body = body;
    req.body_len = strlen(body);
    req.timeout_ms = (int64_t)(500 * clock_timeout_mul());
    strv_add(&req.headers, "Content-Type: application/json");
    strv_add(&req.headers, "Accept: application/json, text/event-stream");
    strv_split(&lines, headers, '\n');
    strv_copy(&req.headers, &lines);
    assert_int_not_equal(http_perform(x->mcp->http, &req, &x->mcp->resp, &err), 0);
    assert_int_equal(err.kind, ERR_TIMEOUT);
    assert_int_equal(asked_times(&x->cp, "GET /api/v1/admin/orgs"), before + 1);
}

static void ends_the_transfer_when_a_modern_client_leaves(void **state)
{
    struct fixture *x = *state;
    start_server(x->mcp, "management --http-port 0");
    ask_and_leave(x, MODERN "\nMcp-Method: tools/call\nMcp-Name: list_orgs", MODERN_CALL);
    wait_for(x, &x->cp, "[closed]");
}

static void takes_a_legacy_client_that_leaves_for_one_that_returns(void **state)
{
    struct fixture *x = *state;
    start_server(x->mcp, "management --http-port 0");
    shake_hands(x->mcp, "2025-11-25");
    ask_and_leave(x, x->mcp->session, CALL(1, "list_orgs", "{}"));
    assert_int_equal(asked_times(&x->cp, "[closed]"), 0);
    ask(x->mcp, "$S", CALL(2, "list_workspaces", "{}"));
    assert_string_equal(result_text(x->mcp), "{\n  \"status\": \"fine\"\n}");
    ask(x->mcp, "$S", CANCEL(1));
    assert_int_equal(x->mcp->resp.status, 202);
    wait_for(x, &x->cp, "[closed]");
}

/* ---- a platform that is busy ---- */

static int setup_busy(void **state)
{
    static const struct fake_reply script[] = {
        {"429 Too Many Requests\r\nRetry-After: 1", "busy", NULL},
        {"429 Too Many Requests\r\nRetry-After: 0", "busy", NULL},
        {FAKE_JSON, "[]", NULL},
        {"429 Too Many Requests\r\nRetry-After: 0", "busy", NULL},
    };
    return setup_with(state, script, ARRAY_SIZE(script));
}

static void waits_out_a_rate_limit_and_keeps_nobody_waiting(void **state)
{
    struct fixture *x = *state;
    start(x);
    say(x->mcp, CALL(1, "check_requests", REQUESTS));
    wait_for(x, &x->tenant, "GET /workspaces/w/requests");
    say_and_hear(x->mcp, PING(2));
    assert_int_equal(heard_id(x), 2);
    hear(x->mcp);
    assert_int_equal(heard_id(x), 1);
    assert_string_equal(result_text(x->mcp), "[]");
    assert_int_equal(asked_times(&x->tenant, "GET /workspaces/w/requests"), 3);
}

static int setup_always_busy(void **state)
{
    static const struct fake_reply script[] = {
        {"429 Too Many Requests\r\nRetry-After: 0", "busy", NULL}};
    return setup_with(state, script, ARRAY_SIZE(script));
}

static void gives_up_on_a_rate_limit_after_three_more_times(void **state)
{
    struct fixture *x = *state;
    start(x);
    say_and_hear(x->mcp, CALL(1, "check_requests", REQUESTS));
    assert_string_equal(result_text(x->mcp), "{\n  \"error\": \"RATE_LIMITED\",\n"
                                             "  \"detail\": \"busy\"\n}");
    assert_int_equal(asked_times(&x->tenant, "GET /workspaces/w/requests"), 4);
    /* What writes is not said twice, and the other client does not wait. */
    say_and_hear(x->mcp, CALL(2, "cancel_request",
                              "{\"workspace_id\":\"w\",\"request_id\":\"r\"}"));
    assert_string_equal(result_text(x->mcp), "{\n  \"error\": \"HTTP 429\",\n"
                                             "  \"detail\": \"busy\"\n}");
    assert_int_equal(asked_times(&x->tenant, "POST /workspaces/w/requests/r/cancel"), 1);
    say_and_hear(x->mcp, CALL(3, "list_workspaces", "{}"));
    assert_string_equal(result_text(x->mcp), "{\n  \"error\": \"RATE_LIMITED\",\n"
                                             "  \"detail\": \"busy\",\n"
                                             "  \"status\": 429\n}");
    assert_int_equal(asked_times(&x->tenant, "GET /workspaces HTTP"), 1);
}

/* ---- as shipped ---- */

static int setup_slow_health(void **state)
{
    static const struct fake_reply script[] = {
        {FAKE_JSON, "{", "}"}, /* ends when somebody else asks */
        {FAKE_JSON, "[]", NULL},
    };
    return setup_with(state, script, ARRAY_SIZE(script));
}

static void waits_for_the_platforms_health_first_as_shipped(void **state)
{
    struct fixture *x = *state;
    struct pollfd quiet = {.events = POLLIN};
    strv_add(&x->mcp->env, "WAYBILL_MCP_MANNERS=shipped");
    start_server(x->mcp, "management");
    say(x->mcp, INITIALIZE("2025-11-25"));
    wait_for(x, &x->tenant, "GET /health");
    quiet.fd = x->mcp->server.out;
    assert_int_equal(poll(&quiet, 1, 200), 0);
    ask_url(x->mcp, "GET", x->tenant.url, NULL, NULL);
    hear(x->mcp);
    assert_string_equal(
        json_str(json_object_get(result_of(x->mcp), "serverInfo"), "name", ""),
        "molecule-platform");
    assert_int_equal(asked_times(&x->tenant, "GET /templates"), 1);
}

int main(void)
{
#define T(name, up) cmocka_unit_test_setup_teardown(name, up, teardown)
    const struct CMUnitTest tests[] = {
        T(answers_others_while_the_platform_hangs, setup),
        T(ends_the_transfer_of_a_call_that_is_cancelled, setup),
        T(ends_with_its_stdin_though_the_platform_hangs, setup),
        T(answers_what_was_asked_before_its_stdin_ended, setup),
        T(ends_the_transfer_when_a_modern_client_leaves, setup),
        T(takes_a_legacy_client_that_leaves_for_one_that_returns, setup),
        T(waits_out_a_rate_limit_and_keeps_nobody_waiting, setup_busy),
        T(gives_up_on_a_rate_limit_after_three_more_times, setup_always_busy),
        T(waits_for_the_platforms_health_first_as_shipped, setup_slow_health),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
