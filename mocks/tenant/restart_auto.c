/*
 * Restarts that nobody asked for by name: a setting changed, a plugin arrived, an
 * operator dispatched one. At most one starts within 60 s (production time) of the one
 * before; all that are wanted meanwhile are one, at the end of that time. A box that is
 * just being made is not thrown away: the restart looks again 10 s later. Files that are
 * written are given 15 s to be all there.
 */
#include <string.h>

#include "base/clock.h"
#include "mocks/tenant/workspace.h"
#include "mocks/tenant/rest.h"

enum { WINDOW_S = 60, BUSY_S = 10, BUSY_LOOKS_MAX = 100, FILES_S = 15 };

struct auto_restart {
    struct loop_timer *timer; /* of the one that is wanted, NULL = none */
    int64_t started_mono;     /* 0 = never */
    int looks;
};

static bool has_status(const struct workspace *ws, const char *status)
{
    return strcmp(ws->status, status) == 0;
}

static bool may_start(const struct workspace *ws)
{
    return ws_live(ws) && !has_status(ws, "paused") && !has_status(ws, "hibernated");
}

static void wanted(struct workspace *ws, const char *reason)
{
    str_set(&ws->restart_wanted, reason);
    state_touch(ws->org);
}

static void due(void *arg)
{
    struct workspace *ws = arg;
    struct auto_restart *r = ws->auto_restart;
    const struct platform *p = ws->org->plat;
    r->timer = NULL;
    if (p->stopping)
        return;
    if (!may_start(ws)) {
        wanted(ws, NULL);
        return;
    }
    if (has_status(ws, "provisioning") && r->looks++ < BUSY_LOOKS_MAX) {
        r->timer = loop_timer_add(p->loop, pace_ms(p, BUSY_S), due, ws);
        return;
    }
    r->started_mono = clock_mono_ms();
    CLEANUP(free_ptr) char *reason = ws->restart_wanted;
    ws->restart_wanted = NULL;
    (void)provision_restart(ws, reason);
}

/* Not before delay_ms have passed. */
static void want(struct workspace *ws, const char *reason, int64_t delay_ms)
{
    const struct platform *p = ws->org->plat;
    if (ws_external_like(ws) || !may_start(ws))
        return;
    if (!ws->auto_restart)
        ws->auto_restart = xcalloc(1, sizeof(*ws->auto_restart));
    struct auto_restart *r = ws->auto_restart;
    if (r->timer)
        return;
    int64_t left = r->started_mono + pace_ms(p, WINDOW_S) - clock_mono_ms();
    if (r->started_mono != 0 && left > delay_ms)
        delay_ms = left;
    wanted(ws, reason);
    r->looks = 0;
    if (delay_ms > 0)
        r->timer = loop_timer_add(p->loop, delay_ms, due, ws);
    else
        due(ws);
}

void workspace_restart_auto(struct workspace *ws, const char *reason)
{
    want(ws, reason, 0);
}

void workspace_restart_resume(struct workspace *ws)
{
    CLEANUP(free_ptr) char *reason = ws->restart_wanted;
    ws->restart_wanted = NULL;
    if (reason)
        want(ws, reason, 0);
}

void workspace_restart_debounced(struct workspace *ws)
{
    want(ws, "setting", pace_ms(ws->org->plat, FILES_S));
}
