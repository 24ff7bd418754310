#include "mocks/tenant/reconcile.h"
#include "mocks/tenant/workspace.h"

#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "mocks/control_plane/boxes.h"
#include "mocks/tenant/gate.h"
#include "mocks/tenant/plugin_stage.h"

/* The fault reconcile=loops and the shipped gate restart a box again and again; a real
 * machine takes minutes for each, this one would spin. */
enum { RECONCILE_RESTARTS_MAX = 25 };

struct reconcile {
    struct workspace *ws;
    struct strv names, sources; /* declared when it began */
    size_t at;
    struct plugin_source source;
    struct stage *stage;
    struct loop_timer *timer;
    int delivered;
};

static void reconcile_free(struct reconcile *r)
{
    stage_cancel(r->stage);
    loop_timer_cancel(r->timer);
    strv_release(&r->names);
    strv_release(&r->sources);
    source_release(&r->source);
    r->ws->box->reconcile = NULL;
    free(r);
}

void reconcile_cancel(struct workspace *ws)
{
    if (ws->box && ws->box->reconcile)
        reconcile_free(ws->box->reconcile);
}

static void reconcile_end(struct reconcile *r)
{
    struct workspace *ws = r->ws;
    int delivered = r->delivered;
    reconcile_free(r);
    if (!delivered)
        return;
    ws->box->reconciles++;
    if (ws->box->reconciles > RECONCILE_RESTARTS_MAX) {
        log_warn("workspace %s was restarted by reconcile %d times; no more", ws->id,
                 RECONCILE_RESTARTS_MAX);
        return;
    }
    workspace_restart_auto(ws, "reconcile");
}

/* The shipped gate stands here and tells the log alone. */
static void record(struct reconcile *r, const char *name, const char *commit)
{
    struct workspace *ws = r->ws;
    char reason[256];
    if (!gate_asks_first(ws->org) &&
        !gate_allows(ws, GATE_RECONCILE, name, r->source.raw, NULL, "system", reason)) {
        log_warn("%s", reason);
        return;
    }
    struct plugin_row *row =
        plugin_row_put(&ws->installed, name, r->source.raw, source_track(&r->source));
    str_set(&row->installed_sha, commit);
}

static void next(struct reconcile *r);

static void on_staged(const struct staged *staged, void *arg)
{
    struct reconcile *r = arg;
    struct workspace *ws = r->ws;
    struct err err = ERR_INIT;
    char reason[256];
    const char *name = r->source.name;
    bool again = fault_is(ws->org, "reconcile", "loops");
    r->stage = NULL;
    if (staged->status != 200) {
        log_warn("reconcile of %s: %s: %s", ws->id, r->source.raw, staged->error);
    } else if (gate_asks_first(ws->org) &&
               !gate_allows(ws, GATE_RECONCILE, name, r->source.raw, staged->tree,
                            "system", reason)) {
        log_info("reconcile of %s: %s", ws->id, reason);
    } else if (plugin_on_box(ws, name) && !again && !ws->org->plat->self_hosted) {
        box_arrived(ws, name, "boot-install");
        record(r, name, staged->commit);
    } else if (!box_running(ws)) {
        log_warn("reconcile of %s: no box to deliver %s to", ws->id, name);
    } else if (plugin_deliver(ws, name, staged->tree, &err) < 0) {
        log_warn("reconcile of %s: %s", ws->id, err.text);
    } else {
        r->delivered++;
        box_arrived(ws, name, "reconcile");
        record(r, name, staged->commit);
    }
    next(r);
}

/* What need not be fetched: recorded already, unusable, or refused by what is known. */
static bool skip(struct reconcile *r, const char *name, const char *raw)
{
    struct workspace *ws = r->ws;
    char reason[256];
    const char *why = NULL;
    source_release(&r->source);
    if (source_parse(raw, &r->source) != SOURCE_OK)
        return true;
    /* Before the row is looked at: a demoted root keeps its rows, not its entitlement. */
    if (gate_asks_first(ws->org) && !gate_entitled(ws, &why) &&
        !gate_allows(ws, GATE_RECONCILE, name, raw, NULL, "system", reason))
        return true;
    /* As shipped the row is believed, whatever the box holds. */
    bool there = plugin_row_find(&ws->installed, name) &&
                 (switch_is(ws->org, "install_check", "row") || plugin_on_box(ws, name));
    return there && !fault_is(ws->org, "reconcile", "loops");
}

static void next(struct reconcile *r)
{
    while (r->at < r->names.n) {
        size_t i = r->at++;
        if (skip(r, r->names.v[i], r->sources.v[i]))
            continue;
        r->stage = stage_start(r->ws, &r->source, on_staged, r);
        return;
    }
    reconcile_end(r);
}

static void begin(void *arg)
{
    struct reconcile *r = arg;
    r->timer = NULL;
    next(r);
}

void reconcile_start(struct workspace *ws)
{
    struct box *box = box_get(ws);
    if (!ws->declared.n || box->reconcile || ws_removed(ws) ||
        fault_is(ws->org, "reconcile", "off"))
        return;
    struct reconcile *r = xcalloc(1, sizeof(*r));
    r->ws = ws;
    for (size_t i = 0; i < ws->declared.n; i++) {
        strv_add(&r->names, ws->declared.v[i].plugin_name);
        strv_add(&r->sources, ws->declared.v[i].source_raw);
    }
    box->reconcile = r;
    /* From the loop: the answer to the register or heartbeat that fired it goes first. */
    r->timer = loop_timer_add(ws->org->plat->loop, 0, begin, r);
}
