#include "mocks/control_plane/sweep.h"

#include <string.h>

#include "base/clock.h"
#include "io/json.h"
#include "mocks/control_plane/boxes.h"

/* Below these real times a loaded machine, not the product, would be judged: a box that
 * runs may be late with its first word or its next beat. */
enum { SWEEP_S = 30, SWEEP_MIN_MS = 20, TIMEOUT_MIN_MS = 10000, TTL_MIN_MS = 2000 };

static int64_t at_least(int64_t ms, int64_t floor_ms)
{
    int64_t scaled = (int64_t)((double)floor_ms * clock_timeout_mul());
    return ms > scaled ? ms : scaled;
}

static void check_provisioning(struct workspace *ws, int64_t now_ms)
{
    struct org *org = ws->org;
    int64_t timeout_s = switch_int(org, "provision_timeout_s");
    if (strcmp(ws->runtime, "hermes") == 0)
        timeout_s = timeout_s * 5 / 2;
    int64_t limit_ms = at_least(pace_ms(org->plat, (double)timeout_s), TIMEOUT_MIN_MS);
    if (now_ms - ws->provisioning_since_mono < limit_ms)
        return;
    provision_failed(ws,
                     "provisioning timed out — container started but never called "
                     "/registry/register. Check container logs and network connectivity "
                     "to the platform.",
                     json_make("{s:s, s:s, s:I}", "runtime", ws->runtime, "source",
                               "provision_timeout_sweep", "timeout_secs",
                               (json_int_t)timeout_s));
}

/* When the agent was last heard of, or could first have been. */
static int64_t heard_at_mono(const struct workspace *ws)
{
    if (ws->last_heartbeat_mono)
        return ws->last_heartbeat_mono;
    if (ws->box)
        return ws->box->launched_at_mono;
    return clock_mono_ms() - (clock_wall_ms() - ws->updated_at);
}

static void check_alive(struct workspace *ws, int64_t now_ms)
{
    struct org *org = ws->org;
    bool external = ws_external_like(ws);
    int64_t ttl_s = switch_int(org, external ? "stale_s" : "ttl_s");
    int64_t ttl_ms = pace_ms(org->plat, (double)ttl_s);
    if (box_running(ws) || external)
        ttl_ms = at_least(ttl_ms, TTL_MIN_MS);
    /* The mock runtime is the platform's own and never beats. */
    if (strcmp(ws->runtime, "mock") == 0 || now_ms - heard_at_mono(ws) < ttl_ms)
        return;
    ws_set_status(ws, external ? "awaiting_agent" : "offline");
    event_add(org, ws, "WORKSPACE_OFFLINE", NULL);
    if (!external)
        (void)provision_restart(ws, "restart");
}

static void look(struct workspace *ws)
{
    int64_t now_ms = clock_mono_ms();
    if (ws_removed(ws))
        return;
    if (strcmp(ws->status, "provisioning") == 0 && !ws_external_like(ws))
        check_provisioning(ws, now_ms);
    else if (strcmp(ws->status, "online") == 0 || strcmp(ws->status, "degraded") == 0)
        check_alive(ws, now_ms);
}

static void sweep(void *arg)
{
    struct platform *p = arg;
    if (p->stopping)
        return;
    for (size_t i = 0; i < p->orgs_n; i++)
        for (size_t w = 0; !p->orgs[i]->gone && w < p->orgs[i]->ws_n; w++)
            look(p->orgs[i]->ws[w]);
    sweep_start(p);
}

void sweep_start(struct platform *p)
{
    int64_t ms = pace_ms(p, SWEEP_S);
    (void)loop_timer_add(p->loop, ms > SWEEP_MIN_MS ? ms : SWEEP_MIN_MS, sweep, p);
}
