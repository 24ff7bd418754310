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
              INIT "yes '{\"jsonrpc\":\"2.0\",\"method\":\"notifications/x\"}' "
                   "| head -n 3000; echo '{\"jsonrpc\":\"2.0\",\"method\":\"x\"}'; " NO_TOOLS,
              "    list tools: {}\n    expect: {json: '.tools == []'}\n");
    assert_int_equal(count_frames(f, 0), 1);
    assert_int_equal(count_frames(f, 1), LIMIT_FRAMES - 1);
    const json_t *x = find_event(f, "exchange", "asked", NULL);
    assert_non_null(
        strstr(json_str(x, "request", ""), "(2006 more frames are not kept)"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(keeps_some_frames_of_a_flood_and_counts_the_rest,
                                        setup, teardown_fixture),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
