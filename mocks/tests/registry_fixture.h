/*
 * Platforms at their pace, and short ways to register and to beat. One test program
 * includes it once.
 */
#ifndef TESTS_REGISTRY_FIXTURE_H
#define TESTS_REGISTRY_FIXTURE_H

#include "mocks/tests/rest_fixture.h"

/* Nothing expires while the tests run. */
UNUSED static int up_slow(void **state)
{
    (void)state;
    static const char *const args[] = {"--pace", "1", NULL};
    return platform_up(args);
}

/* The grace is over after ten milliseconds, the liveness after two seconds. */
UNUSED static int up_fast(void **state)
{
    (void)state;
    static const char *const args[] = {"--pace", "0.01", "--switch", "grace_s=1", NULL};
    return platform_up(args);
}

UNUSED static int up_self_hosted(void **state)
{
    (void)state;
    static const char *const args[] = {"--pace", "1", "--self-hosted", NULL};
    return platform_up(args);
}

UNUSED static int lift_faults(void **state)
{
    (void)state;
    strv_release(&fx.headers);
    fault("DELETE", "heartbeat", "");
    fault("DELETE", "register", "");
    fault("DELETE", "peers", "");
    fault("DELETE", "kind-check", "");
    return 0;
}

UNUSED static int enlist(const char *bearer, const char *body)
{
    return ask_as(bearer, "POST", "/registry/register", body);
}

UNUSED static int beat(const char *bearer, const char *id, const char *more)
{
    char *body CLEANUP(free_ptr) = xasprintf("{\"workspace_id\":\"%s\"%s}", id, more);
    return ask_as(bearer, "POST", "/registry/heartbeat", body);
}

UNUSED static const char *status_of(const char *id)
{
    assert_int_equal(ask_of(id, "GET", "", NULL), 200);
    return member("status");
}

#endif
