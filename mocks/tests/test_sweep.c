/* What the sweep does with those that were not heard of in time. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "base/clock.h"
#include "io/json.h"
#include "io/loop.h"
#include "mocks/control_plane/sweep.h"
#include "mocks/server/state_new.h"

/* Every limit of the sweep at this pace, its floor for slow machines included. */
enum { LONG_AGO_MS = 1000000 };

struct fixture {
    struct platform *p;
    struct org *org;
};

static int setup(void **state)
{
    struct fixture *f = xcalloc(1, sizeof(*f));
    struct err err = ERR_INIT;
    f->p = platform_state_new();
    f->p->pace = 0.0001;
    *state = f;
    if (loop_new(&f->p->loop, &err) < 0)
        return -1;
    f->org = org_row_add(f->p, "acme", "Acme", "owner");
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    loop_free(f->p->loop);
    f->p->loop = NULL;
    platform_state_free(f->p);
    free(f);
    return 0;
}

static void stop(void *arg)
{
    loop_stop(arg);
}

/* One round of the sweep, or two. */
static void sweep_once(struct fixture *f)
{
    struct err err = ERR_INIT;
    sweep_start(f->p);
    (void)loop_timer_add(f->p->loop, 30, stop, f->p->loop);
    assert_int_equal(loop_run(f->p->loop, &err), 0);
}

static struct workspace *workspace(struct fixture *f, const char *runtime,
                                   const char *status)
{
    struct workspace *ws = ws_add(f->org, NULL, "w", NULL);
    str_set(&ws->runtime, runtime);
    ws->external = strcmp(runtime, "external") == 0;
    ws_set_status(ws, status);
    ws->provisioning_since_mono = clock_mono_ms();
    ws->last_heartbeat_mono = clock_mono_ms();
    return ws;
}

/* The n-th event of the organisation, "TYPE payload". Caller frees. */
static char *event(const struct fixture *f, size_t n)
{
    const json_t *row = json_array_get(f->org->events, n);
    char *payload CLEANUP(free_ptr) =
        row ? json_text(json_object_get(row, "payload"), JSON_WIRE) : xstrdup("");
    return xasprintf("%s %s", json_str(row, "event_type", "(none)"), payload);
}

static void leaves_those_alone_that_were_heard_of(void **state)
{
    struct fixture *f = *state;
    struct workspace *starting = workspace(f, "claude-code", "provisioning");
    struct workspace *running = workspace(f, "external", "online");
    sweep_once(f);
    assert_string_equal(starting->status, "provisioning");
    assert_string_equal(running->status, "online");
    assert_int_equal(json_array_size(f->org->events), 0);
}

static void fails_a_box_that_never_registered(void **state)
{
    struct fixture *f = *state;
    struct workspace *ws = workspace(f, "claude-code", "provisioning");
    ws->provisioning_since_mono -= LONG_AGO_MS;
    sweep_once(f);
    assert_string_equal(ws->status, "failed");
    char *said CLEANUP(free_ptr) = event(f, 0);
    assert_string_equal(
        said,
        "WORKSPACE_PROVISION_FAILED {\"error\":\"provisioning timed out — container "
        "started but never called /registry/register. Check container logs and network "
        "connectivity to the platform.\",\"runtime\":\"claude-code\",\"source\":"
        "\"provision_timeout_sweep\",\"timeout_secs\":720}");
    assert_string_equal(
        ws->last_sample_error,
        json_str(json_object_get(json_array_get(f->org->events, 0), "payload"), "error",
                 ""));
}

static void gives_hermes_more_time(void **state)
{
    struct fixture *f = *state;
    struct workspace *slow = workspace(f, "hermes", "provisioning");
    slow->provisioning_since_mono -= LONG_AGO_MS;
    sweep_once(f);
    char *said CLEANUP(free_ptr) = event(f, 0);
    assert_non_null(strstr(said, "\"timeout_secs\":1800"));
}

static void waits_again_for_an_agent_that_lives_elsewhere(void **state)
{
    static const char *const from[] = {"online", "degraded"};
    struct fixture *f = *state;
    for (size_t i = 0; i < ARRAY_SIZE(from); i++) {
        struct workspace *ws = workspace(f, "external", from[i]);
        ws->last_heartbeat_mono -= LONG_AGO_MS;
        sweep_once(f);
        assert_string_equal(ws->status, "awaiting_agent");
        char *said CLEANUP(free_ptr) = event(f, i);
        assert_string_equal(said, "WORKSPACE_OFFLINE {}");
    }
}

static void does_not_wait_for_ever_for_a_first_beat(void **state)
{
    struct fixture *f = *state;
    struct workspace *ws = workspace(f, "external", "online");
    ws->last_heartbeat_mono = 0;
    ws->updated_at -= LONG_AGO_MS;
    sweep_once(f);
    assert_string_equal(ws->status, "awaiting_agent");
}

static void restarts_a_box_that_fell_silent(void **state)
{
    struct fixture *f = *state;
    struct workspace *ws = workspace(f, "claude-code", "online");
    ws->last_heartbeat_mono -= LONG_AGO_MS;
    sweep_once(f);
    char *first CLEANUP(free_ptr) = event(f, 0);
    char *second CLEANUP(free_ptr) = event(f, 1);
    assert_string_equal(first, "WORKSPACE_OFFLINE {}");
    assert_string_equal(second,
                        "WORKSPACE_PROVISIONING "
                        "{\"name\":\"w\",\"runtime\":\"claude-code\",\"tier\":4}");
}

static void does_not_look_at_those_that_rest(void **state)
{
    static const char *const at_rest[] = {"paused",  "hibernated",     "failed",
                                          "offline", "awaiting_agent", "removed"};
    struct fixture *f = *state;
    for (size_t i = 0; i < ARRAY_SIZE(at_rest); i++) {
        struct workspace *ws = workspace(f, "external", at_rest[i]);
        ws->last_heartbeat_mono -= LONG_AGO_MS;
        sweep_once(f);
        assert_string_equal(ws->status, at_rest[i]);
    }
    struct workspace *own = workspace(f, "mock", "online");
    own->last_heartbeat_mono -= LONG_AGO_MS;
    sweep_once(f);
    assert_string_equal(own->status, "online");
}

int main(void)
{
#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(leaves_those_alone_that_were_heard_of),
        TEST(fails_a_box_that_never_registered),
        TEST(gives_hermes_more_time),
        TEST(waits_again_for_an_agent_that_lives_elsewhere),
        TEST(does_not_wait_for_ever_for_a_first_beat),
        TEST(restarts_a_box_that_fell_silent),
        TEST(does_not_look_at_those_that_rest),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
