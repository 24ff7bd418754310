#include "mocks/server/state.h"

#include <string.h>

#include "base/clock.h"
#include "base/fs.h"
#include "base/ids.h"
#include "base/log.h"
#include "io/json.h"
#include "mocks/server/listeners.h"
#include "mocks/server/state_new.h"

void str_set(char **field, const char *value)
{
    char *copy = value ? xstrdup(value) : NULL;
    free(*field);
    *field = copy;
}

struct org *org_by_slug(struct platform *p, const char *slug)
{
    for (size_t i = 0; i < p->orgs_n; i++)
        if (!p->orgs[i]->gone && strcmp(p->orgs[i]->slug, slug) == 0)
            return p->orgs[i];
    return NULL;
}

struct org *org_by_id(struct platform *p, const char *org_id)
{
    for (size_t i = 0; i < p->orgs_n; i++)
        if (!p->orgs[i]->gone && strcmp(p->orgs[i]->id, org_id) == 0)
            return p->orgs[i];
    return NULL;
}

static struct org *org_by_alias(struct platform *p, const char *host, size_t len)
{
    for (size_t i = 0; i < p->orgs_n; i++) {
        const char *alias = p->orgs[i]->alias_host;
        if (alias && !p->orgs[i]->gone && strlen(alias) == len &&
            strncasecmp(alias, host, len) == 0)
            return p->orgs[i];
    }
    return NULL;
}

/* The tenant of "<slug>.<domain>"; domain NULL = no such rule. */
static struct org *org_under(struct platform *p, const char *host, size_t len,
                             const char *domain)
{
    size_t domain_len = domain ? strlen(domain) : 0;
    if (!domain || len < domain_len + 2 ||
        strncasecmp(host + len - domain_len, domain, domain_len) != 0 ||
        host[len - domain_len - 1] != '.')
        return NULL;
    char slug[64];
    (void)snprintf(slug, sizeof(slug), "%.*s", (int)(len - domain_len - 1), host);
    return org_by_slug(p, slug);
}

struct org *org_by_host(struct platform *p, const char *host)
{
    size_t len = strcspn(host, ":");
    struct org *org = org_by_alias(p, host, len);
    if (!org)
        org = org_under(p, host, len, "cp.localhost");
    if (!org)
        org = org_under(p, host, len, p->tenant_domain);
    return org && strcmp(org->status, "purged") != 0 ? org : NULL;
}

struct workspace *ws_by_id(struct org *org, const char *id)
{
    for (size_t i = 0; i < org->ws_n; i++)
        if (!org->ws[i]->gone && strcasecmp(org->ws[i]->id, id) == 0)
            return org->ws[i];
    return NULL;
}

struct workspace *ws_anywhere(struct platform *p, const char *id)
{
    for (size_t i = 0; i < p->orgs_n; i++) {
        struct workspace *ws = p->orgs[i]->gone ? NULL : ws_by_id(p->orgs[i], id);
        if (ws)
            return ws;
    }
    return NULL;
}

bool ws_removed(const struct workspace *ws)
{
    return ws->gone || strcmp(ws->status, "removed") == 0;
}

bool ws_is_platform(const struct workspace *ws)
{
    return ws->kind && strcmp(ws->kind, "platform") == 0;
}

struct workspace *ws_platform_root(struct org *org)
{
    for (size_t i = 0; i < org->ws_n; i++) {
        struct workspace *ws = org->ws[i];
        if (!ws_removed(ws) && ws_is_platform(ws) && !*ws->parent_id)
            return ws;
    }
    return NULL;
}

bool ws_external_like(const struct workspace *ws)
{
    static const char *const names[] = {"external", "kimi", "kimi-cli", "mock"};
    for (size_t i = 0; ws->runtime && i < ARRAY_SIZE(names); i++)
        if (strcmp(ws->runtime, names[i]) == 0)
            return true;
    return ws->external;
}

struct workspace *ws_add(struct org *org, const char *id, const char *name,
                         const char *parent_id)
{
    struct workspace *ws = xcalloc(1, sizeof(*ws));
    state_touch(org);
    ws->org = org;
    if (id)
        (void)snprintf(ws->id, sizeof(ws->id), "%s", id);
    else
        id_uuid4(ws->id);
    (void)snprintf(ws->parent_id, sizeof(ws->parent_id), "%s",
                   parent_id ? parent_id : "");
    str_set(&ws->name, name);
    str_set(&ws->kind, "workspace");
    str_set(&ws->runtime, "claude-code");
    str_set(&ws->status, "provisioning");
    str_set(&ws->url, "");
    str_set(&ws->delivery_mode, "push");
    str_set(&ws->workspace_access, "none");
    str_set(&ws->current_task, "");
    str_set(&ws->last_sample_error, "");
    ws->tier = 4;
    ws->budget_limit = -1;
    ws->max_concurrent_tasks = 1;
    ws->talk_to_user_enabled = true;
    ws->compute = json_object();
    ws->budget = json_object();
    ws->audit = json_array();
    ws->rest = json_object();
    ws->created_at = ws->updated_at = clock_wall_ms();
    ws->provisioning_since_mono = clock_mono_ms();
    id_token(ws->inbound_secret);
    org->ws = xrealloc(org->ws, (org->ws_n + 1) * sizeof(struct workspace *));
    org->ws[org->ws_n++] = ws;
    return ws;
}

const char *ws_default_parent(struct org *org)
{
    const struct workspace *platform = NULL, *root = NULL;
    size_t platforms = 0, roots = 0;
    for (size_t i = 0; i < org->ws_n; i++) {
        const struct workspace *ws = org->ws[i];
        if (ws_removed(ws))
            continue;
        if (ws_is_platform(ws)) {
            platform = ws;
            platforms++;
        }
        if (!*ws->parent_id) {
            root = ws;
            roots++;
        }
    }
    if (platforms)
        return platforms == 1 ? platform->id : "";
    return roots == 1 ? root->id : "";
}

void ws_set_status(struct workspace *ws, const char *status)
{
    state_touch(ws->org);
    if (strcmp(ws->status, status) == 0 && strcmp(status, "provisioning") != 0)
        return;
    str_set(&ws->status, status);
    ws->updated_at = clock_wall_ms();
    if (strcmp(status, "provisioning") == 0)
        ws->provisioning_since_mono = clock_mono_ms();
    else if (strcmp(status, "removed") == 0)
        ws->removed_at = ws->updated_at;
}

void ws_remove(struct workspace *ws)
{
    if (ws_removed(ws))
        return;
    provision_stop(ws);
    token_revoke_all(ws, -1);
    ws_set_status(ws, "removed");
    event_add(ws->org, ws, "WORKSPACE_REMOVED", NULL);
}

void ws_purge(struct workspace *ws)
{
    state_touch(ws->org);
    ws_remove(ws);
    while (ws->declared.n)
        (void)plugin_row_delete(&ws->declared, ws->declared.v[0].plugin_name);
    while (ws->installed.n)
        (void)plugin_row_delete(&ws->installed, ws->installed.v[0].plugin_name);
    ws->gone = true;
}

static void demote_others(struct org *org, const char *id)
{
    if (fault_is(org, "demote", "off"))
        return;
    for (size_t i = 0; i < org->ws_n; i++) {
        struct workspace *ws = org->ws[i];
        if (!ws->gone && ws_is_platform(ws) && strcmp(ws->id, id) != 0)
            str_set(&ws->kind, "workspace");
    }
}

/* What was anchored to a root that is one no more: organisation tokens, allowed plugins.
 * A list that the new root has already stays. */
static void move_anchored(struct org *org, const struct workspace *from,
                          struct workspace *to)
{
    static const char *const tables[] = {"plugin_allowlist", "plugin_allowlist_meta"};
    for (size_t i = 0; i < org->tokens_n; i++)
        if (org->tokens[i]->kind == TOKEN_ORG && org->tokens[i]->ws == from)
            org->tokens[i]->ws = to;
    for (size_t i = 0; i < ARRAY_SIZE(tables); i++) {
        json_t *lists = json_object_get(org->rest, tables[i]);
        json_t *list = json_object_get(lists, from->id);
        if (list && !json_object_get(lists, to->id))
            (void)json_object_set(lists, to->id, list);
        if (list)
            (void)json_object_del(lists, from->id);
    }
}

struct workspace *ws_install_platform(struct org *org, const char *id, const char *name)
{
    demote_others(org, id);
    struct workspace *root = ws_by_id(org, id);
    if (!root) {
        CLEANUP(free_ptr)
        char *fallback = *org->name ? xasprintf("%s Agent", org->name) : NULL;
        root = ws_add(org, id, name ? name : fallback ? fallback : "Org Concierge", NULL);
        root->tier = 0;
        ws_set_status(root, "offline");
    }
    str_set(&root->kind, "platform");
    str_set(&root->runtime, "claude-code");
    str_set(&root->template, "platform-agent");
    root->parent_id[0] = '\0';
    for (size_t i = 0; i < org->ws_n; i++) {
        struct workspace *ws = org->ws[i];
        if (ws == root || ws->gone || *ws->parent_id)
            continue;
        memcpy(ws->parent_id, root->id, sizeof(ws->parent_id));
        move_anchored(org, ws, root);
    }
    return root;
}

static struct secret *secret_row(const struct secrets *s, const char *key)
{
    for (size_t i = 0; i < s->n; i++)
        if (strcmp(s->v[i].key, key) == 0)
            return &s->v[i];
    return NULL;
}

const char *secret_get(const struct secrets *s, const char *key)
{
    const struct secret *row = secret_row(s, key);
    return row ? row->value : NULL;
}

void secret_set(struct secrets *s, const char *key, const char *value)
{
    struct secret *row = secret_row(s, key);
    if (!row) {
        s->v = xrealloc(s->v, (s->n + 1) * sizeof(*s->v));
        row = &s->v[s->n++];
        *row = (struct secret){.key = xstrdup(key), .created_at = clock_wall_ms()};
    }
    str_set(&row->value, value);
    row->updated_at = clock_wall_ms();
}

bool secret_delete(struct secrets *s, const char *key)
{
    struct secret *row = secret_row(s, key);
    if (!row)
        return false;
    free(row->key);
    free(row->value);
    size_t at = (size_t)(row - s->v);
    memmove(row, row + 1, (s->n - at - 1) * sizeof(*row));
    s->n--;
    return true;
}

void event_add(struct org *org, const struct workspace *ws, const char *event_type,
               json_t *payload)
{
    state_touch(org);
    char id[37], when[32];
    id_uuid4(id);
    json_t *row = json_make("{s:s, s:s?, s:s, s:s}", "id", id, "workspace_id",
                            ws ? ws->id : NULL, "event_type", event_type, "created_at",
                            clock_rfc3339(clock_wall_ms(), when));
    (void)json_object_set_new(row, "payload", payload ? payload : json_object());
    (void)json_array_append_new(org->events, row);
    event_tell(org, ws, row);
}

/* One JSON line at the end of the file; a file that cannot be written is only logged. */
static void append_line(const char *dir, const char *name, const json_t *row)
{
    CLEANUP(free_ptr) char *path = fs_join(dir, name);
    CLEANUP(free_ptr) char *text = json_text(row, JSON_STRUCT);
    FILE *f = fopen(path, "ae");
    if (!f || fprintf(f, "%s\n", text) < 0)
        log_warn("cannot append to '%s'", path);
    if (f && fclose(f) != 0)
        log_warn("cannot write '%s'", path);
}

/* The row, in the file already; NULL with the fault audit=off. */
static json_t *audit_row(struct org *org, const struct workspace *ws,
                         const char *event_type, const char *actor_kind, json_t *fields)
{
    if (fault_is(org, "audit", "off")) {
        json_decref(fields);
        return NULL;
    }
    char when[32], correlation[37];
    id_uuid4(correlation);
    json_t *row =
        json_make("{s:s, s:s, s:s?, s:n, s:s, s:s, s:o}", "ts",
                  clock_rfc3339(clock_wall_ms(), when), "event_type", event_type,
                  "workspace_id", ws ? ws->id : NULL, "user_id", "actor_kind", actor_kind,
                  "correlation_id", correlation, "fields", fields);
    append_line(org->dir, "audit.jsonl", row);
    return row;
}

void audit_add(struct workspace *ws, const char *event_type, const char *actor_kind,
               json_t *fields)
{
    state_touch(ws->org);
    json_t *row = audit_row(ws->org, ws, event_type, actor_kind, fields);
    if (row)
        (void)json_array_append_new(ws->audit, row);
}

void audit_line(struct org *org, const struct workspace *ws, const char *event_type,
                const char *actor_kind, json_t *fields)
{
    json_decref(audit_row(org, ws, event_type, actor_kind, fields));
}
