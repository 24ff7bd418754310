/* Steps that ask an MCP server, and what is kept of what it said. */
#include "base/limits.h"
#include "harness/tests/fake_http.h"
#include "harness/tests/run_fixture.h"

#define INIT                                                                             \
    "read l; echo '{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{\"protocolVersion\":"       \
    "\"2025-11-25\",\"capabilities\":{\"tools\":{}},\"serverInfo\":{\"name\":\"s\","     \
    "\"version\":\"1\"}}}'; read l; read l; "
#define NO_TOOLS "echo '{\"jsonrpc\":\"2.0\",\"id\":2,\"result\":{\"tools\":[]}}'; "

/* One step whose server is a shell script that reads requests from stdin. */
static void run_shell(struct fixture *f, const char *name, const char *script,
                      const char *more)
{
    CLEANUP(buf_release) struct buf steps = BUF_INIT(KIB(64));
    buf_adds(&steps, "  - id: asked\n    mcp:\n      stdio:\n        - sh\n        - -c\n"
                     "        - |-\n          ");
    buf_adds(&steps, script);
    buf_adds(&steps, "\n      revision: \"2025-11-25\"\n");
    buf_adds(&steps, more);
    run_steps_of(f, name, steps.data);
}

static int count_frames(struct fixture *f, int valid)
{
    int n = 0;
    for (size_t i = 0; i < json_array_size(f->memory.events); i++) {
        const json_t *ev = json_array_get(f->memory.events, i);
        n += strcmp(json_str(ev, "event", ""), "frame") == 0 &&
             json_int(ev, "valid", 0) == valid;
    }
    return n;
}

static void keeps_some_frames_of_a_flood_and_counts_the_rest(void **state)
{
    struct fixture *f = *state;
    run_shell(f, "flood",
              INIT
              "yes '{\"jsonrpc\":\"2.0\",\"method\":\"notifications/x\"}' "
              "| head -n 3000; echo '{\"jsonrpc\":\"2.0\",\"method\":\"x\"}'; " NO_TOOLS,
              "    list tools: {}\n    expect: {json: '.tools == []'}\n");
    assert_int_equal(count_frames(f, 0), 1);
    assert_int_equal(count_frames(f, 1), LIMIT_FRAMES - 1);
    const json_t *x = find_event(f, "exchange", "asked", NULL);
    assert_non_null(
        strstr(json_str(x, "request", ""), "(2006 more frames are not kept)"));
}

#define GREETED                                                                          \
    {FAKE_JSON,                                                                          \
     "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{\"protocolVersion\":"                    \
     "\"2025-11-25\",\"capabilities\":{\"tools\":{}},\"serverInfo\":{\"name\":"          \
     "\"s\",\"version\":\"1\"}}}",                                                       \
     NULL},                                                                              \
    {                                                                                    \
        "202 Accepted", "", NULL                                                         \
    }

/* One step whose server is a list of replies. Its address is still asked when it is not
 * there any more. */
static void run_http(struct fixture *f, const char *name, const struct fake_reply *script,
                     size_t n, const char *more)
{
    struct fake_http server = FAKE_HTTP_INIT;
    struct err err = ERR_INIT;
    assert_int_equal(fake_start(&server, script, n, &err), 0);
    CLEANUP(free_ptr)
    char *steps =
        xasprintf("  - id: asked\n    mcp: {http: '%s', revision: \"2025-11-25\"}\n"
                  "%s",
                  server.url, more);
    if (n == 0)
        fake_stop(&server);
    run_steps_of(f, name, steps);
    fake_stop(&server);
}
#define LISTS "    list tools: {}\n    expect: {frames_valid: true}\n"

static void fails_when_a_server_hangs_up_and_breaks_when_none_is_there(void **state)
{
    struct fixture *f = *state;
    static const struct fake_reply script[] = {
        GREETED, {FAKE_JSON "\r\nContent-Length: 500", "{", NULL}};
    run_http(f, "hangs-up", script, ARRAY_SIZE(script), "    timeout: 3000s\n" LISTS);
    assert_string_equal(check(f, "asked", "frames_valid"), "FAIL");
    json_array_clear(f->memory.events);
    run_http(f, "not-there", script, 0, LISTS);
    assert_string_equal(check(f, "asked", "frames_valid"), "BROKEN");
}

static void fails_when_a_server_breaks_the_protocol_until_the_time_is_over(void **state)
{
    struct fixture *f = *state;
    static const struct fake_reply bad[] = {
        GREETED,
        {FAKE_SSE,
         "data: {\"jsonrpc\":\"2.0\",\"method\":\"notifications/x\",\"params\":[]}\n\n",
         FAKE_HOLD}};
    /* The last is for the word that nobody waits any more. */
    static const struct fake_reply silent[] = {
        GREETED, {FAKE_SSE, ": wait\n\n", FAKE_HOLD}, {"202 Accepted", "", NULL}};
    run_http(f, "breaks", bad, ARRAY_SIZE(bad), "    timeout: 200s\n" LISTS);
    assert_string_equal(check(f, "asked", "frames_valid"), "FAIL");
    assert_non_null(strstr(reason(f), "'params' is not an object"));
    json_array_clear(f->memory.events);
    run_http(f, "silent", silent, ARRAY_SIZE(silent), "    timeout: 200s\n" LISTS);
    assert_string_equal(check(f, "asked", "frames_valid"), "BROKEN");
}

static const json_t *last_sent(struct fixture *f)
{
    const json_t *last = NULL;
    for (size_t i = 0; i < json_array_size(f->memory.events); i++) {
        const json_t *ev = json_array_get(f->memory.events, i);
        if (strcmp(json_str(ev, "event", ""), "frame") == 0 &&
            strcmp(json_str(ev, "direction", ""), "sent") == 0)
            last = ev;
    }
    return last;
}

static void takes_what_the_scenario_wrote_as_it_is_meant(void **state)
{
    struct fixture *f = *state;
    run_shell(f, "wrong-params",
              INIT "echo '{\"jsonrpc\":\"2.0\",\"id\":2,\"result\":{\"content\":[]}}'",
              "    raw: {method: tools/call, params: {name: t, arguments: [1]}}\n"
              "    expect: {json: '.content == []'}\n");
    assert_string_equal(check(f, "asked", "json"), "PASS");
    assert_int_equal(json_int(last_sent(f), "raw", 0), 1);
    assert_int_equal(json_int(last_sent(f), "valid", 1), 0);
    json_array_clear(f->memory.events);
    run_shell(f, "not-meant", INIT NO_TOOLS,
              "    list tools: {}\n    expect: {frames_valid: true}\n");
    assert_int_equal(json_int(last_sent(f), "raw", 0), 0);
}

static void asks_for_what_the_revision_does_not_have(void **state)
{
    struct fixture *f = *state;
    run_shell(f, "discover", INIT NO_TOOLS,
              "    discover: {}\n    expect: {json: '.tools == []'}\n");
    assert_string_equal(check(f, "asked", "json"), "PASS");
    assert_int_equal(json_int(last_sent(f), "raw", 0), 1);
}

static void tells_with_which_status_a_notification_was_answered(void **state)
{
    struct fixture *f = *state;
    static const struct fake_reply taken[] = {GREETED, {"202 Accepted", "", NULL}};
    static const struct fake_reply refused[] = {GREETED, {"400 Bad Request", "", NULL}};
    run_http(f, "taken", taken, ARRAY_SIZE(taken),
             "    raw: {notify: notifications/x}\n    expect: {http_status: 202}\n");
    assert_string_equal(check(f, "asked", "http_status"), "PASS");
    json_array_clear(f->memory.events);
    run_http(f, "refused", refused, ARRAY_SIZE(refused),
             "    raw: {notify: notifications/x}\n    expect: {http_status: 202}\n");
    assert_string_equal(check(f, "asked", "http_status"), "FAIL");
    assert_non_null(strstr(reason(f), "400"));
}

static void finds_a_list_of_tools_that_was_not_declared(void **state)
{
    struct fixture *f = *state;
    run_shell(
        f, "undeclared",
        "read l; echo '{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{\"protocolVersion\":"
        "\"2025-11-25\",\"capabilities\":{},\"serverInfo\":{\"name\":\"s\","
        "\"version\":\"1\"}}}'; read l; read l; " NO_TOOLS,
        "    list tools: {}\n    expect: {frames_valid: true}\n");
    assert_string_equal(check(f, "asked", "frames_valid"), "FAIL");
    assert_non_null(strstr(reason(f), "does not declare the capability"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(keeps_some_frames_of_a_flood_and_counts_the_rest,
                                        setup, teardown_fixture),
        cmocka_unit_test_setup_teardown(
            fails_when_a_server_hangs_up_and_breaks_when_none_is_there, setup,
            teardown_fixture),
        cmocka_unit_test_setup_teardown(
            tells_with_which_status_a_notification_was_answered, setup, teardown_fixture),
        cmocka_unit_test_setup_teardown(finds_a_list_of_tools_that_was_not_declared,
                                        setup, teardown_fixture),
        cmocka_unit_test_setup_teardown(takes_what_the_scenario_wrote_as_it_is_meant,
                                        setup, teardown_fixture),
        cmocka_unit_test_setup_teardown(asks_for_what_the_revision_does_not_have, setup,
                                        teardown_fixture),
        cmocka_unit_test_setup_teardown(
            fails_when_a_server_breaks_the_protocol_until_the_time_is_over, setup,
            teardown_fixture),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
