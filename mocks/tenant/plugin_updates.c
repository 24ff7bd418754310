/*
 * Drift: installed plugins that track a tag which has moved since. What was found is a
 * row of the organisation until it was applied or is out of date. Source: molecule-core,
 * /admin/plugin-updates-pending and /admin/plugin-updates/:id/apply.
 */
#include <string.h>

#include "base/clock.h"
#include "base/ids.h"
#include "base/log.h"
#include "io/json.h"
#include "mocks/control_plane/boxes.h"
#include "mocks/forge/forge.h"
#include "mocks/tenant/handlers.h"
#include "mocks/tenant/plugin_stage.h"
#include "mocks/tenant/rest.h"
#include "mocks/tenant/workspace.h"

/* [{"id","workspace_id","plugin_name","tracked_ref","installed_sha","latest_sha","status",
 * "created_at"}], oldest first. */
static json_t *updates(struct org *org)
{
    return rest_array(org->rest, "plugin_updates");
}

/* The commit that the row's tag is now; false = it tracks none, or it cannot be told. */
static bool latest(const struct org *org, const struct plugin_row *row, char out[41])
{
    struct plugin_source s = PLUGIN_SOURCE_INIT;
    CLEANUP(forge_tip_release) struct forge_tip tip = {.path = NULL};
    bool tracks = row->tracked_ref && row->installed_sha &&
                  strncmp(row->tracked_ref, "tag:", 4) == 0;
    bool found = tracks && source_parse(row->source_raw, &s) == SOURCE_OK && s.owner &&
                 forge_tip(org->plat->forge, s.owner, s.repo, row->tracked_ref + 4, &tip,
                           NULL) == FORGE_OK;
    if (found)
        memcpy(out, tip.commit, sizeof(tip.commit));
    source_release(&s);
    return found;
}

static json_t *find(json_t *rows, const char *workspace_id, const char *plugin_name,
                    const char *sha)
{
    size_t i = 0;
    json_t *row = NULL;
    json_array_foreach(rows, i, row)
    {
        if (strcmp(json_str(row, "workspace_id", ""), workspace_id) == 0 &&
            strcmp(json_str(row, "plugin_name", ""), plugin_name) == 0 &&
            strcmp(json_str(row, "latest_sha", ""), sha) == 0 &&
            strcmp(json_str(row, "status", ""), "pending") == 0)
            return row;
    }
    return NULL;
}

static void look_at(const struct workspace *ws, const struct plugin_row *row)
{
    json_t *rows = updates(ws->org);
    char sha[41], id[37], now[32];
    if (!latest(ws->org, row, sha) || strcmp(sha, row->installed_sha) == 0 ||
        find(rows, ws->id, row->plugin_name, sha))
        return;
    id_uuid4(id);
    json_array_append_new(
        rows,
        json_make("{s:s,s:s,s:s,s:s,s:s,s:s,s:s,s:s}", "id", id, "workspace_id", ws->id,
                  "plugin_name", row->plugin_name, "tracked_ref", row->tracked_ref,
                  "installed_sha", row->installed_sha, "latest_sha", sha, "status",
                  "pending", "created_at", clock_rfc3339(clock_wall_ms(), now)));
}

/* The installed row that a pending update is about; NULL = it is out of date. */
static struct plugin_row *still_wanted(struct org *org, const json_t *update,
                                       struct workspace **ret_ws)
{
    char sha[41];
    struct workspace *ws = ws_by_id(org, json_str(update, "workspace_id", ""));
    struct plugin_row *row =
        ws && ws_live(ws)
            ? plugin_row_find(&ws->installed, json_str(update, "plugin_name", ""))
            : NULL;
    *ret_ws = ws;
    bool wanted = row && latest(org, row, sha) &&
                  strcmp(sha, json_str(update, "latest_sha", "")) == 0 &&
                  row->installed_sha && strcmp(sha, row->installed_sha) != 0;
    return wanted ? row : NULL;
}

void plugin_updates_pending(struct call *call)
{
    struct org *org = call->org;
    for (size_t i = 0; i < org->ws_n; i++)
        for (size_t r = 0; ws_live(org->ws[i]) && r < org->ws[i]->installed.n; r++)
            look_at(org->ws[i], &org->ws[i]->installed.v[r]);
    json_t *list = json_array(), *row = NULL;
    size_t i = 0;
    json_array_foreach(updates(org), i, row)
    {
        struct workspace *ws = NULL;
        if (strcmp(json_str(row, "status", ""), "pending") == 0 &&
            still_wanted(org, row, &ws))
            json_array_append(list, row);
    }
    call_json(call, 200, list);
}

struct apply {
    struct call *call;
    struct workspace *ws;
    char id[37];
    struct plugin_source source;
};

static json_t *update_by_id(struct org *org, const char *id)
{
    int at = rest_row_index(updates(org), id);
    return at < 0 ? NULL : json_array_get(updates(org), (size_t)at);
}

static void applied(struct apply *a, const struct staged *staged)
{
    struct workspace *ws = a->ws;
    struct plugin_row *row = plugin_row_find(&ws->installed, a->source.name);
    json_t *update = update_by_id(ws->org, a->id);
    if (row)
        str_set(&row->installed_sha, staged->commit);
    json_object_set_new(update, "status", json_string("applied"));
    box_arrived(ws, a->source.name, "update");
    (void)provision_restart(ws, "plugin-update");
    call_json(a->call, 200,
              json_make("{s:s,s:s,s:s,s:s}", "id", a->id, "plugin", a->source.name,
                        "status", "applied", "workspace_id", ws->id));
}

static void refuse_delivery(const struct apply *a, const struct err *why)
{
    const char *error = NULL;
    int status = plugin_deliver_status(a->ws, &error);
    log_warn("%s", why->text);
    call_error(a->call, status, error);
}

static void on_staged(const struct staged *staged, void *arg)
{
    struct apply *a = arg;
    struct err err = ERR_INIT;
    if (staged->status != 200)
        call_json(
            a->call, staged->status,
            json_make("{s:s,s:s}", "error", staged->error, "source", a->source.raw));
    else if (!workspace_has_machine(a->ws))
        call_error(a->call, 503, "workspace container not running");
    else if (plugin_deliver(a->ws, a->source.name, staged->tree, &err) == 0)
        applied(a, staged);
    else
        refuse_delivery(a, &err);
    source_release(&a->source);
    free(a);
}

void plugin_update_apply(struct call *call)
{
    const json_t *update = update_by_id(call->org, call->params[0]);
    if (!update) {
        call_error(call, 404, "plugin update not found");
        return;
    }
    if (strcmp(json_str(update, "status", ""), "applied") == 0) {
        call_json(
            call, 200,
            json_make("{s:s,s:s}", "id", call->params[0], "status", "already_applied"));
        return;
    }
    struct workspace *ws = NULL;
    const struct plugin_row *row = still_wanted(call->org, update, &ws);
    struct plugin_source source = PLUGIN_SOURCE_INIT;
    if (!row || source_parse(row->source_raw, &source) != SOURCE_OK) {
        call_error(call, 409, "plugin update is no longer pending");
        return;
    }
    struct apply *a = xcalloc(1, sizeof(*a));
    *a = (struct apply){.call = call, .ws = ws, .source = source};
    memcpy(a->id, json_str(update, "id", ""), sizeof(a->id) - 1);
    /* What it tracks, which is not what the source says when it was named apart. */
    str_set(&a->source.ref, row->tracked_ref);
    (void)stage_start(ws, &a->source, on_staged, a);
}
