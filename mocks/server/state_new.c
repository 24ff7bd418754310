#include "mocks/server/state_new.h"

#include <string.h>

#include "base/clock.h"
#include "base/fs.h"
#include "base/ids.h"
#include "base/log.h"
#include "io/json.h"
#include "mocks/control_plane/boxes.h"
#include "mocks/mcp/frames.h"
#include "mocks/server/switches.h"

struct platform *platform_state_new(void)
{
    struct platform *p = xcalloc(1, sizeof(*p));
    p->pace = 0.002;
    p->profile = json_object();
    p->switches = switches_builtin();
    p->faults = json_object();
    p->answer_seen = json_object();
    p->early = json_object();
    p->manifest = json_object();
    p->stub_calls = json_object();
    p->seen_sources = json_object();
    p->forge_kept = json_object();
    char token[44];
    id_token(token);
    str_set(&p->cp_token, token);
    id_token(token);
    str_set(&p->forge_token, token);
    id_token(token);
    str_set(&p->shared_secret, token);
    return p;
}

static void secrets_release(struct secrets *s)
{
    while (s->n)
        (void)secret_delete(s, s->v[0].key);
    free(s->v);
}

static void rows_release(struct plugin_rows *rows)
{
    while (rows->n)
        (void)plugin_row_delete(rows, rows->v[0].plugin_name);
    free(rows->v);
}

static void ws_free(struct workspace *ws)
{
    box_free(ws->box);
    free(ws->auto_restart);
    char *owned[] = {ws->name,
                     ws->role,
                     ws->template,
                     ws->kind,
                     ws->runtime,
                     ws->status,
                     ws->url,
                     ws->delivery_mode,
                     ws->workspace_dir,
                     ws->current_task,
                     ws->workspace_access,
                     ws->template_once,
                     ws->restart_wanted,
                     ws->last_sample_error};
    for (size_t i = 0; i < ARRAY_SIZE(owned); i++)
        free(owned[i]);
    json_t *values[] = {ws->agent_card,       ws->compute, ws->budget,
                        ws->loaded_mcp_tools, ws->audit,   ws->rest};
    for (size_t i = 0; i < ARRAY_SIZE(values); i++)
        json_decref(values[i]);
    secrets_release(&ws->secrets);
    rows_release(&ws->declared);
    rows_release(&ws->installed);
    free(ws);
}

static void org_free(struct org *org)
{
    for (size_t i = 0; i < org->ws_n; i++)
        ws_free(org->ws[i]);
    free(org->ws);
    for (size_t i = 0; i < org->tokens_n; i++) {
        free(org->tokens[i]->name);
        free(org->tokens[i]->created_by);
        free(org->tokens[i]);
    }
    free(org->tokens);
    char *owned[] = {org->slug,        org->name, org->owner_user_id,
                     org->url,         org->host, org->status,
                     org->admin_token, org->dir,  org->instance_status,
                     org->alias_host};
    for (size_t i = 0; i < ARRAY_SIZE(owned); i++)
        free(owned[i]);
    secrets_release(&org->secrets);
    json_t *values[] = {org->events, org->rest, org->switches, org->faults};
    for (size_t i = 0; i < ARRAY_SIZE(values); i++)
        json_decref(values[i]);
    free(org);
}

void platform_state_free(struct platform *p)
{
    if (!p)
        return;
    for (size_t i = 0; i < p->orgs_n; i++)
        org_free(p->orgs[i]);
    free(p->orgs);
    mcp_frames_free(p->frames);
    char *owned[] = {p->dir,           p->catalog,  p->contracts_dir, p->self_exe,
                     p->cp_token,      p->cp_url,   p->shared_secret, p->forge_token,
                     p->forge_url,     p->mock_url, p->contract,      p->domain,
                     p->tenant_domain, p->ca_file};
    for (size_t i = 0; i < ARRAY_SIZE(owned); i++)
        free(owned[i]);
    json_t *values[] = {p->profile,      p->switches,   p->faults,
                        p->answer_seen,  p->early,      p->manifest,
                        p->seen_sources, p->stub_calls, p->forge_kept};
    for (size_t i = 0; i < ARRAY_SIZE(values); i++)
        json_decref(values[i]);
    free(p->route_hits);
    free(p);
}

/* A copy of what was said of the slug before it existed; empty when nothing was. */
static json_t *early_of(const struct platform *p, const char *slug, const char *what)
{
    const json_t *said = json_object_get(json_object_get(p->early, slug), what);
    return said ? xcheck(json_deep_copy(said)) : json_object();
}

struct org *org_row_add(struct platform *p, const char *slug, const char *name,
                        const char *owner_user_id)
{
    struct org *org = xcalloc(1, sizeof(*org));
    char token[44];
    id_token(token);
    org->plat = p;
    state_touch(org);
    id_uuid4(org->id);
    str_set(&org->slug, slug);
    str_set(&org->name, name);
    str_set(&org->owner_user_id, owner_user_id);
    str_set(&org->status, "active");
    str_set(&org->instance_status, "provisioning");
    str_set(&org->admin_token, token);
    org->host = xasprintf("%s.cp.localhost:%d", slug, p->port);
    org->url = xasprintf("http://%s", org->host);
    org->dir = xasprintf("%s/orgs/%s", p->dir ? p->dir : "", slug);
    org->created_at = clock_wall_ms();
    org->events = json_array();
    org->rest = json_object();
    org->switches = early_of(p, slug, "switches");
    org->faults = early_of(p, slug, "faults");
    p->orgs = xrealloc(p->orgs, (p->orgs_n + 1) * sizeof(struct org *));
    p->orgs[p->orgs_n++] = org;
    struct err err = ERR_INIT;
    if (p->dir && fs_mkdirs(org->dir, &err) < 0)
        log_error("%s", err.text);
    return org;
}
