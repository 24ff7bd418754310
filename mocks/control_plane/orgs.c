/*
 * Organisations: made, brought up with their concierge, deleted.
 * Source: what callers of the control plane see: molecule-core (1c9f83df) tests/e2e; the
 * concierge: workspace-server, POST /admin/org/platform-agent.
 */
#include <stdio.h>
#include <string.h>

#include "base/fs.h"
#include "base/ids.h"
#include "base/log.h"
#include "mocks/control_plane/boxes.h"
#include "mocks/control_plane/resume.h"
#include "mocks/server/state.h"
#include "mocks/server/state_new.h"
#include "mocks/server/listeners.h"

/* How long a slow machine takes to come up, production time. */
enum { ORG_SLOW_S = 600, SLUG_MAX = 32 };

bool org_slug_valid(const char *slug)
{
    size_t len = strspn(slug, "abcdefghijklmnopqrstuvwxyz0123456789-");
    return slug[len] == '\0' && len >= 3 && len <= SLUG_MAX && *slug >= 'a' &&
           *slug <= 'z';
}

static void org_up(void *arg)
{
    struct org *org = arg;
    org->ready_timer = NULL;
    state_touch(org);
    if (switch_is(org, "org_create", "failed")) {
        str_set(&org->instance_status, "failed");
        return;
    }
    char id[37];
    CLEANUP(free_ptr) char *name = xasprintf("molecule:%s:platform-agent", org->id);
    id_uuid5_url(name, id);
    str_set(&org->instance_status, "running");
    struct workspace *root = ws_install_platform(org, id, NULL);
    (void)provision_restart(root, "platform-agent");
}

static void bring_up(struct org *org)
{
    struct platform *p = org->plat;
    int64_t delay_ms = switch_int(org, "tenant_ready_ms");
    if (switch_is(org, "org_create", "slow"))
        delay_ms += pace_ms(p, ORG_SLOW_S);
    org->ready_timer = loop_timer_add(p->loop, delay_ms, org_up, org);
}

struct org *org_create(struct platform *p, const char *slug, const char *name,
                       const char *owner_user_id)
{
    struct org *org = org_row_add(p, slug, name, owner_user_id);
    bring_up(org);
    return org;
}

void org_resume(struct org *org)
{
    if (strcmp(org->instance_status, "provisioning") == 0 && !org->ready_timer)
        bring_up(org);
}

/* The directories go when no process of the organisation can write there any more. */
static void drop_dir_when_idle(struct workspace *ws)
{
    struct org *org = ws->org;
    for (size_t i = 0; i < org->ws_n; i++)
        if (box_running(org->ws[i]))
            return;
    struct err err = ERR_INIT;
    if (fs_rmtree(org->dir, &err) < 0)
        log_warn("%s", err.text);
}

void org_delete(struct org *org)
{
    if (switch_is(org, "org_delete", "leak"))
        return;
    loop_timer_cancel(TAKE(org->ready_timer));
    for (size_t i = 0; i < org->ws_n; i++)
        provision_stop(org->ws[i]);
    for (size_t i = 0; i < org->ws_n; i++)
        if (org->ws[i]->box)
            box_stop(org->ws[i], drop_dir_when_idle);
    str_set(&org->status, "purged");
    org->gone = !switch_is(org, "org_delete", "purged");
    event_end_all(org);
}
