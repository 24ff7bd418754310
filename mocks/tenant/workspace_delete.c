#include <stdio.h>
#include <string.h>

#include "io/json.h"
#include "mocks/tenant/handlers.h"
#include "mocks/tenant/rest.h"

static json_t *confirmation_needed(const struct workspace *ws)
{
    char hint[400];
    snprintf(hint, sizeof(hint),
             "Re-send the same request with header X-Confirm-Name: %s", ws->name);
    return json_make("{s:I,s:I,s:s,s:o,s:I,s:o}", "active_tasks",
                     (json_int_t)ws->active_tasks, "child_count",
                     (json_int_t)ws_count_children(ws), "error",
                     "destructive_action_requires_confirmation", "hint",
                     rest_string(hint), "schedule_count",
                     (json_int_t)json_array_size(json_object_get(ws->rest, "schedules")),
                     "workspace_name", rest_string(ws->name));
}

static json_t *children_stand_in_the_way(const struct workspace *ws)
{
    size_t n = ws_count_children(ws);
    char text[160];
    snprintf(text, sizeof(text),
             "%zu child workspace(s) would be removed too; repeat with ?confirm=true", n);
    return json_make("{s:o,s:I,s:s,s:s}", "children", ws_list_children(ws),
                     "children_count", (json_int_t)n, "message", text, "status",
                     "confirmation_required");
}

/* Descendants go first, so that no live row ever has a removed parent. They are collected
 * before anything is purged, because a purged row no longer leads to those below it. */
static size_t remove_tree(struct workspace *ws, bool purge)
{
    struct org *org = ws->org;
    struct workspace **below = xcalloc(org->ws_n + 1, sizeof(struct workspace *));
    size_t n = 0;
    for (size_t i = 0; i < org->ws_n; i++)
        if (!org->ws[i]->gone && ws_is_above(ws, org->ws[i]))
            below[n++] = org->ws[i];
    size_t removed = 0;
    for (size_t i = n; i-- > 0;) {
        if (ws_live(below[i])) {
            ws_remove(below[i]);
            removed++;
        }
    }
    ws_remove(ws);
    for (size_t i = n; purge && i-- > 0;)
        ws_purge(below[i]);
    if (purge)
        ws_purge(ws);
    free(below);
    return removed;
}

/* A box that does not stop: asked three times, then told. */
struct stopping {
    struct call *call;
    char name[37];
    size_t removed;
    int tries;
};
enum { STOP_TRIES = 3 };

static void try_to_stop(void *arg)
{
    struct stopping *s = arg;
    const struct platform *p = s->call->plat;
    if (++s->tries < STOP_TRIES) {
        loop_timer_add(p->loop, pace_ms(p, s->tries), try_to_stop, s);
        return;
    }
    size_t failures = s->removed;
    char *text CLEANUP(free_ptr) =
        xasprintf("workspace marked removed, but %zu stop call(s) failed \xe2\x80\x94 "
                  "please retry: %s: the machine does not stop",
                  failures, s->name);
    call_json(s->call, 500,
              json_make("{s:s,s:I,s:I}", "error", text, "removed_count",
                        (json_int_t)s->removed, "stop_failures", (json_int_t)failures));
    free(s);
}

static void answer_stop_failure(struct call *call, const struct workspace *ws,
                                size_t removed)
{
    struct stopping *s = xcalloc(1, sizeof(*s));
    rest_fault(call, "box-stop");
    s->call = call;
    s->removed = removed;
    (void)snprintf(s->name, sizeof(s->name), "%s", ws->id);
    try_to_stop(s);
}

void workspace_delete(struct call *call)
{
    if (!rest_need_uuid(call, "invalid workspace ID"))
        return;
    struct workspace *ws = rest_need_row(call);
    if (!ws)
        return;
    if (ws_removed(ws)) {
        call_json(call, 410,
                  json_make("{s:s,s:s}", "error", "workspace removed", "id", ws->id));
        return;
    }
    const char *confirm = call->req ? httpd_header(call->req, "X-Confirm-Name") : NULL;
    if (!confirm || strcmp(confirm, ws->name) != 0) {
        call_json(call, 400, confirmation_needed(ws));
        return;
    }
    if (ws_count_children(ws) > 0 && !rest_query_bool(call, "confirm")) {
        call_json(call, 409, children_stand_in_the_way(ws));
        return;
    }
    bool purge = rest_query_bool(call, "purge");
    bool pretends = fault_is(call->org, "side-effect", "no-delete");
    if (pretends)
        rest_fault(call, "side-effect");
    size_t n = pretends ? ws_count_descendants(ws) : remove_tree(ws, purge);
    if (fault_mode(call->org, "box-stop")) {
        answer_stop_failure(call, ws, n + 1);
        return;
    }
    call_json(call, 200,
              json_make("{s:I,s:s}", "cascade_deleted", (json_int_t)n, "status",
                        purge ? "purged" : "removed"));
}
