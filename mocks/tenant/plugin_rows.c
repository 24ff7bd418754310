#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/ids.h"
#include "mocks/server/state.h"
#include "mocks/tenant/plugin_source.h"

struct plugin_row *plugin_row_find(struct plugin_rows *rows, const char *plugin_name)
{
    for (size_t i = 0; i < rows->n; i++)
        if (strcmp(rows->v[i].plugin_name, plugin_name) == 0)
            return &rows->v[i];
    return NULL;
}

struct plugin_row *plugin_row_put(struct plugin_rows *rows, const char *plugin_name,
                                  const char *source_raw, const char *tracked_ref)
{
    struct plugin_row *row = plugin_row_find(rows, plugin_name);
    if (!row) {
        size_t at = 0;
        while (at < rows->n && strcmp(rows->v[at].plugin_name, plugin_name) < 0)
            at++;
        rows->v = xrealloc(rows->v, (rows->n + 1) * sizeof(*rows->v));
        row = &rows->v[at];
        memmove(row + 1, row, (rows->n - at) * sizeof(*row));
        *row = (struct plugin_row){.plugin_name = xstrdup(plugin_name),
                                   .created_at = clock_wall_ms()};
        id_uuid4(row->id);
        rows->n++;
    }
    str_set(&row->source_raw, source_raw);
    str_set(&row->tracked_ref, tracked_ref);
    row->updated_at = clock_wall_ms();
    return row;
}

bool plugin_row_delete(struct plugin_rows *rows, const char *plugin_name)
{
    struct plugin_row *row = plugin_row_find(rows, plugin_name);
    if (!row)
        return false;
    free(row->plugin_name);
    free(row->source_raw);
    free(row->tracked_ref);
    free(row->installed_sha);
    size_t at = (size_t)(row - rows->v);
    memmove(row, row + 1, (rows->n - at - 1) * sizeof(*row));
    rows->n--;
    return true;
}

int plugin_declare(struct workspace *ws, const char *source, const char *actor_kind,
                   char reason[256])
{
    struct plugin_source s = PLUGIN_SOURCE_INIT;
    if (source_parse(source, &s) != SOURCE_OK) {
        (void)snprintf(reason, 256, "invalid plugin source");
        return 1;
    }
    bool allowed =
        gate_allows(ws, GATE_DECLARE, s.name, source, NULL, actor_kind, reason);
    if (allowed)
        (void)plugin_row_put(&ws->declared, s.name, source, NULL);
    source_release(&s);
    return allowed ? 0 : 1;
}
