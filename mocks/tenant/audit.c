/*
 * What is on record of a workspace, and what the platform finds when it is asked to look
 * into one. Wire shapes: the groups "audit", "search" and "terminal" of
 * mocks/contracts/routes.json.
 */
#include <string.h>

#include "io/json.h"
#include "mocks/tenant/handlers.h"
#include "mocks/tenant/rest.h"
#include "mocks/tenant/rows.h"

void audit_list(struct call *call)
{
    const char *from = rest_query(call, "from");
    int64_t from_ms = 0;
    if (from && from[0] && !rest_parse_time(from, &from_ms)) {
        call_error(call, 400, "from must be RFC 3339 (e.g. 2026-04-17T00:00:00Z)");
        return;
    }
    const struct workspace *ws = rest_ws(call);
    json_t *events = json_array();
    size_t n = ws ? json_array_size(ws->audit) : 0;
    for (size_t i = 0; i < n; i++) {
        json_t *row = json_array_get(ws->audit, i);
        if (row_time(row, "ts") >= from_ms)
            json_array_append_new(events, json_copy(row));
    }
    if (fault_mode(call->org, "audit"))
        rest_fault(call, "audit");
    call_json(call, 200,
              json_make("{s:n,s:o,s:I}", "chain_valid", "events", events, "total",
                        (json_int_t)json_array_size(events)));
}

/* Nothing that traces is connected. */
void trace_list(struct call *call)
{
    call_json(call, 200, json_array());
}

/* Bundles are kept for the organisations of a control plane, and a box that never failed
 * leaves none. */
void rescue_get(struct call *call)
{
    if (call->plat->self_hosted)
        call_json(call, 503,
                  json_make("{s:s,s:s}", "code", "platform_misconfigured", "error",
                            "rescue org not configured"));
    else
        call_error(call, 404, "no rescue bundle for this workspace");
}

/* A machine of the control plane is asked whether it runs; elsewhere a terminal needs
 * Docker, which is not there. */
void terminal_diagnose(struct call *call)
{
    const struct workspace *ws = rest_need_ws(call);
    if (!ws)
        return;
    bool remote = !call->plat->self_hosted && ws->box != NULL;
    bool ok = remote && box_running(ws);
    const char *name = remote ? "instance-running" : "docker-available";
    json_t *step =
        json_make("{s:s,s:b,s:i}", "name", name, "ok", (int)ok, "duration_ms", 0);
    if (!ok)
        row_set(step, "error",
                remote ? "the instance is not running" : "docker is not available");
    json_t *answer = json_make("{s:s}", "workspace_id", ws->id);
    if (remote) {
        char *instance CLEANUP(free_ptr) = xasprintf("i-%.8s", ws->id);
        row_set(answer, "instance_id", instance);
    }
    json_object_set_new(answer, "remote", json_boolean(remote));
    json_object_set_new(answer, "ok", json_boolean(ok));
    if (!ok)
        row_set(answer, "first_failure", name);
    json_object_set_new(answer, "steps", json_make("[o]", step));
    call_struct(call, 200, answer);
}
