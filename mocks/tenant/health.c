#include <string.h>

#include "base/limits.h"
#include "io/json.h"
#include "mocks/tenant/handlers.h"
#include "mocks/tenant/rest.h"

void health_get(struct call *call)
{
    call_json(call, 200, json_make("{s:s}", "status", "ok"));
}

void buildinfo_get(struct call *call)
{
    call_json(call, 200, json_make("{s:s}", "git_sha", "dev"));
}

static void metric_head(struct buf *out, const char *name, const char *type,
                        const char *help)
{
    buf_addf(out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

static void add_workspaces(const struct org *org, struct buf *out)
{
    static const char *const statuses[] = {
        "provisioning", "online",      "degraded",   "offline",       "failed",
        "paused",       "hibernating", "hibernated", "awaiting_agent"};
    metric_head(out, "molecule_workspaces", "gauge", "Workspaces by status.");
    for (size_t s = 0; s < ARRAY_SIZE(statuses); s++) {
        size_t n = 0;
        for (size_t i = 0; i < org->ws_n; i++)
            n += ws_live(org->ws[i]) && strcmp(org->ws[i]->status, statuses[s]) == 0;
        buf_addf(out, "molecule_workspaces{status=\"%s\"} %zu\n", statuses[s], n);
    }
}

void metrics_get(struct call *call)
{
    const struct org *org = call->org;
    struct buf out CLEANUP(buf_release) = BUF_INIT(KIB(16));
    metric_head(&out, "molecule_http_requests_total", "counter",
                "Requests by class of the answer.");
    for (int c = 1; c < 6; c++)
        buf_addf(&out, "molecule_http_requests_total{code=\"%dxx\"} %lld\n", c,
                 (long long)org->answered[c]);
    add_workspaces(org, &out);
    metric_head(&out, "molecule_events_total", "counter", "Events that happened.");
    buf_addf(&out, "molecule_events_total %zu\n", json_array_size(org->events));
    call_bytes(call, 200, "text/plain; version=0.0.4; charset=utf-8", out.data, out.len);
}

void identity_get(struct call *call)
{
    call_json(call, 200,
              json_make("{s:o,s:s,s:b,s:s}", "name", rest_string(call->org->name),
                        "org_id", call->org->id, "platform_managed_available",
                        !call->plat->self_hosted, "slug", call->org->slug));
}
