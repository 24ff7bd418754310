/*
 * The state of the mock platform: organisations (tenants), their workspaces, tokens,
 * plugin rows, audit rows and boxes, and the operations that move it.
 *
 * Source: molecule-core workspace-server (tenant), the control plane as its callers see
 * it. One thread owns all of it, so there are no locks. Objects are never freed before
 * the platform ends: what is deleted is marked (`gone`) and no look-up finds it again,
 * so a pointer kept by an outgoing call stays good. Strings in rows are owned; fill them
 * with str_set. Times are wall-clock milliseconds, 0 = never, unless the name says mono.
 */
#ifndef SERVER_STATE_H
#define SERVER_STATE_H

#include "base/err.h"
#include "base/strv.h"
#include "io/httpd.h"
#include "io/loop.h"
#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct platform;
struct org;
struct workspace;
struct box;
struct auto_restart;
struct a2a_delivery;
struct catalog;
struct forge;
struct journal;
struct http_async;
struct state_file;
struct ydoc;

/* ---- rows ---- */

enum token_kind { TOKEN_ORG, TOKEN_INSTANCE, TOKEN_API };

struct token {
    char id[37];
    char prefix[9]; /* first 8 characters, for display */
    char hash[65];  /* SHA-256 of the token; the token itself is kept nowhere */
    enum token_kind kind;
    struct workspace *ws; /* owner; of an org token: its anchor, NULL = none */
    char *name;           /* org tokens; NULL = none */
    char *created_by;     /* org tokens; NULL = none */
    int64_t created_at, last_used_at, expires_at;
    bool revoked;
};

struct secret {
    char *key, *value;
    int64_t created_at, updated_at;
};
struct secrets {
    struct secret *v;
    size_t n;
};

/* A row of workspace_declared_plugins or of workspace_plugins. */
struct plugin_row {
    char id[37];
    char *plugin_name;
    char *source_raw;
    char *tracked_ref;   /* installed rows; "none", "tag:x", "sha:x" */
    char *installed_sha; /* installed rows; NULL = unknown */
    int64_t created_at, updated_at;
};
struct plugin_rows {
    struct plugin_row *v; /* sorted by plugin_name */
    size_t n;
};

struct workspace {
    struct org *org;
    char id[37];
    char *name, *role, *template; /* role, template: NULL = none */
    char *kind;                   /* "workspace" or "platform" */
    char *runtime, *status, *url; /* url "" = none */
    char parent_id[37];           /* "" = none */
    int tier;
    char *delivery_mode; /* "push", "poll" */
    char *workspace_dir; /* NULL = none */
    char *workspace_access;
    char *current_task, *last_sample_error; /* never NULL */
    json_t *agent_card;                     /* NULL = none */
    json_t *compute;                        /* object */
    json_t *budget;                         /* period -> limit; object */
    double last_error_rate, monthly_spend, x, y;
    int64_t active_tasks, uptime_seconds, max_concurrent_tasks;
    int64_t budget_limit; /* -1 = null */
    bool collapsed, broadcast_enabled, talk_to_user_enabled, external;
    int64_t created_at, updated_at, removed_at;
    int64_t last_heartbeat_at, last_outbound_at;
    int64_t last_heartbeat_mono, mcp_unloaded_since_mono, last_register_failure_mono;
    int64_t provisioning_since_mono;
    json_t *loaded_mcp_tools; /* of the last heartbeat; NULL = not reported */
    char inbound_secret[44];
    struct secrets secrets;
    struct plugin_rows declared, installed;
    json_t *audit; /* array of rows: {ts,event_type,workspace_id,user_id,actor_kind,
                    * correlation_id,fields} */
    json_t *rest;  /* object; the REST part's own small tables (activity, memory ...) */
    bool reset_session;
    char *template_once;  /* of the preparation that is under way; NULL = its own one */
    char *restart_wanted; /* why a restart is still to come; NULL = none is */
    bool gone;            /* purged: no look-up finds it */
    struct box *box;      /* NULL until the first provision */
    struct auto_restart *auto_restart; /* when one may come (mocks/tenant/restart_auto.c);
                                        * of this process alone, NULL = at once */
};

struct org {
    struct platform *plat;
    char id[37]; /* the org UUID of X-Molecule-Org-Id */
    char *slug, *name, *owner_user_id;
    char *url;             /* "http://<slug>.cp.localhost:PORT" */
    char *host;            /* "<slug>.cp.localhost:PORT" */
    char *alias_host;      /* of a fixed tenant, without the port; NULL = none */
    char *status;          /* "active", "purged" */
    char *instance_status; /* "provisioning", "running", "failed" */
    char *admin_token;
    char *dir; /* <dir>/orgs/<slug> */
    int64_t created_at;
    struct workspace **ws; /* in order of creation, removed ones too */
    size_t ws_n;
    struct token **tokens;
    size_t tokens_n;
    struct secrets secrets; /* global_secrets */
    json_t *events;         /* array, oldest first: {id,workspace_id,event_type,payload,
                             * created_at} */
    json_t *rest;           /* object; the REST part's own small tables. Read elsewhere:
                             * "plugin_allowlist" {workspace id: [plugin name]} */
    json_t *switches;       /* object name -> value: what differs from the run's */
    json_t *faults;         /* object name -> mode: what is on for this org only */
    struct loop_timer *ready_timer;
    struct event_listener *listeners; /* mocks/server/listeners.h */
    int telling;                      /* depth of walks over them */
    int64_t answered[6]; /* requests by the first digit of the status; 0 = peer left */
    bool touched;        /* may differ from what was saved */
    bool gone;           /* deleted: no look-up finds it */
};

struct platform {
    struct loop *loop;
    struct http_async *http;
    struct httpd *httpd;
    struct a2a_delivery *deliveries; /* messages under way (mocks/tenant/a2a.c) */
    struct state_file *state;        /* what lasts (state_save.h); NULL = nothing does */
    struct journal *journal;         /* of requests; NULL in tests that need none */
    struct mcp_frames *frames;       /* over the MCP bridges; NULL before the first */
    struct catalog *repos;           /* templates and plugins; NULL likewise */
    struct forge *forge;             /* NULL likewise */
    struct httpd *httpsd;            /* the same with TLS */
    int port, https_port;
    double pace;
    char *dir, *catalog, *contracts_dir;
    char *self_exe; /* waybill-mock itself */
    char *cp_token, *shared_secret;
    char *forge_token; /* MOLECULE_TEMPLATE_REPO_TOKEN */
    char *cp_url, *forge_url, *mock_url;
    char *domain;         /* another name of the control plane; NULL = none */
    char *tenant_domain;  /* that its tenants are under; NULL likewise */
    char *ca_file;        /* the authority of the HTTPS certificate, PEM */
    char *contract;       /* profile name */
    json_t *profile;      /* the profile file */
    json_t *switches;     /* object name -> value (strings), complete */
    json_t *faults;       /* object name -> mode, run-wide */
    json_t *answer_seen;  /* "SLUG MODE" -> requests that a fault answer= was about */
    json_t *early;        /* slug -> {"switches","faults"} given before the org exists */
    json_t *manifest;     /* template name -> {"repo","ref","runtime"} */
    json_t *stub_calls;   /* counters of the control plane's stub */
    json_t *seen_sources; /* plugin source -> true: registers the management server */
    json_t *forge_kept;   /* what the forge was told (forge/forge.h) */
    struct org **orgs;
    size_t orgs_n;
    bool self_hosted;    /* one tenant in Docker mode on the plain port, no org guard */
    bool cp_stub;        /* the open stub instead of the control plane */
    int64_t *route_hits; /* requests of each route, see route_hit (server/router.h) */
    bool stopping;
};

/* Replaces an owned string by a copy (NULL allowed). */
void str_set(char **field, const char *value);

/* The organisation may have changed: what is said of it is compared with what was saved
 * (state_save.h), before the next answer to a request that is no GET, and before the loop
 * waits again. The operations below and every such request do this; so must whatever else
 * changes rows, a timer for instance. Does nothing without a state file. */
void state_touch(struct org *org);

/* ---- look-ups: borrowed, NULL = not there ---- */

struct org *org_by_slug(struct platform *p, const char *slug);
struct org *org_by_id(struct platform *p, const char *org_id);
struct org *org_by_host(struct platform *p, const char *host); /* with or without :port */

/* Finds removed rows too (status "removed"), purged ones never. */
struct workspace *ws_by_id(struct org *org, const char *id);
/* The same over all organisations (ids are unique). */
struct workspace *ws_anywhere(struct platform *p, const char *id);
bool ws_removed(const struct workspace *ws);
bool ws_is_platform(const struct workspace *ws);
/* kind=platform, parentless, not removed; NULL when there is none. */
struct workspace *ws_platform_root(struct org *org);
/* Runtimes of which the platform starts no box: external, kimi, kimi-cli, mock. */
bool ws_external_like(const struct workspace *ws);

/* ---- workspaces ---- */

/* A new row: kind workspace, status provisioning, tier 4, push, not started.
 * parent_id NULL or "" = none. id NULL = a new UUID. Never NULL. */
struct workspace *ws_add(struct org *org, const char *id, const char *name,
                         const char *parent_id);
/* The parent of a workspace that is created without one, "" = none:
 * the one platform row; two or more: none; else the one parentless row. */
const char *ws_default_parent(struct org *org);
/* Sets the status with the time stamps that belong to it. */
void ws_set_status(struct workspace *ws, const char *status);
/* Status removed: box stopped, tokens dead, WORKSPACE_REMOVED. Not its children. */
void ws_remove(struct workspace *ws);
/* The row is deleted: no look-up finds it again, plugin rows cascade. */
void ws_purge(struct workspace *ws);
/* POST /admin/org/platform-agent in one transaction: demotes another root (unless fault
 * demote=off), upserts id, re-parents. id: a UUID. name NULL = "<org name> Agent". */
struct workspace *ws_install_platform(struct org *org, const char *id, const char *name);

const char *secret_get(const struct secrets *s, const char *key); /* NULL = none */
void secret_set(struct secrets *s, const char *key, const char *value);
bool secret_delete(struct secrets *s, const char *key); /* false: there was none */

/* ---- tokens ---- */

/* Makes a token and stores its hash; the text goes to out only. Borrowed row. */
struct token *token_mint(struct org *org, struct workspace *ws, enum token_kind kind,
                         const char *name, char out[44]);
/* The live token whose text this is (not revoked, not expired, owner not removed);
 * stamps last_used_at. NULL = none. */
struct token *token_find(struct org *org, const char *text);
struct token *token_by_id(struct org *org, const char *token_id);
/* Neither revoked nor expired, and its workspace not removed; an org token outlives its
 * anchor. */
bool token_live(const struct token *t);
size_t token_count(const struct workspace *ws); /* live ones of either kind */
bool token_has_instance(const struct workspace *ws);
/* kind -1 = every kind. Only the workspace's own, never org tokens anchored to it. */
void token_revoke_all(struct workspace *ws, int kind);
bool token_is_admin(const struct org *org, const char *text); /* the ADMIN_TOKEN */

/* ---- what happened ---- */

/* payload: taken, NULL = {}. ws NULL = the org itself. */
void event_add(struct org *org, const struct workspace *ws, const char *event_type,
               json_t *payload);
/* fields: taken. actor_kind: "admin", "org_token", "workspace", "system". Also one line
 * in <org dir>/audit.jsonl. Nothing with the fault audit=off. */
void audit_add(struct workspace *ws, const char *event_type, const char *actor_kind,
               json_t *fields);
/* The same as a line in the file only: what the platform records and shows nobody.
 * ws NULL: the organisation itself. */
void audit_line(struct org *org, const struct workspace *ws, const char *event_type,
                const char *actor_kind, json_t *fields);

/* ---- switches, faults, time ---- */

/* Effective value: of the org's faults, the org's switches, the run's faults, the run's
 * switches, in that order. Never NULL for a known name. (mocks/server/switches.h has the
 * run-wide ones, for where there is no organisation.) */
const char *switch_value(const struct org *org, const char *name);
bool switch_is(const struct org *org, const char *name, const char *value);
int64_t switch_int(const struct org *org, const char *name);
/* Mode of a fault that is on for the org or run-wide (given without one: the first of its
 * row in mocks/server/faults.c), NULL = off. */
const char *fault_mode(const struct org *org, const char *name);
bool fault_is(const struct org *org, const char *name, const char *mode);
/* Production seconds as real milliseconds under the pace, at least 1. */
int64_t pace_ms(const struct platform *p, double seconds);
/* mcp__<server_name>__<required_tool> as the platform demands it: a fault or a switch
 * that renames the box's server does not rename what is demanded. Caller frees. */
char *required_tool_id(const struct org *org);

/* ---- templates ---- */

struct template_ref {
    const char *name, *repo, *ref, *runtime; /* borrowed from the manifest */
};
/* false = not in the manifest. delivery=asset takes platform-agent at asset-era. */
bool template_find(const struct org *org, const char *name, struct template_ref *ret);
/* Directory of a template in the catalog (its local cache); caller frees, NULL = none. */
char *template_dir(const struct org *org, const char *name);
/* Templates that were imported stand beside those of the manifest, in org->rest:
 * "templates" {id: {"name","files": {path: text}}}. Borrowed; NULL = none of this id. */
json_t *template_imported(const struct org *org, const char *id);
/* Whether there is a template of this name, of either kind, with its files. */
bool template_exists(const struct org *org, const char *name);
/* Its config.yaml; NULL when there is none that can be read. Caller owns. */
struct ydoc *template_config(const struct org *org, const char *name);
/* Reads again which templates the catalogs have. ERR_CONFIG: nothing has changed. */
MUST_CHECK int template_refresh(struct platform *p, struct err *err);

/* ---- plugins and the gate (mocks/tenant/gate.c, plugins.c, plugin_source.c) ---- */

enum gate_point { GATE_DECLARE, GATE_INSTALL, GATE_RECONCILE, GATE_BOOT };

/* Whether the workspace may hold the plugin; audits plugin.privileged.<point>.allowed or
 * .refused when it is the privileged one. tree: the staged plugin (its
 * settings-fragment.json tells which server it registers), NULL = not fetched yet.
 * reason: filled when refused. */
bool gate_allows(struct workspace *ws, enum gate_point point, const char *plugin_name,
                 const char *source_raw, const char *tree, const char *actor_kind,
                 char reason[256]);

/* Declares a plugin of the workspace through the gate: 0 = row written, 1 = refused or
 * unusable source (reason filled, no row). */
int plugin_declare(struct workspace *ws, const char *source, const char *actor_kind,
                   char reason[256]);
struct plugin_row *plugin_row_find(struct plugin_rows *rows, const char *plugin_name);
/* Upsert: replaces source_raw. */
struct plugin_row *plugin_row_put(struct plugin_rows *rows, const char *plugin_name,
                                  const char *source_raw, const char *tracked_ref);
bool plugin_row_delete(struct plugin_rows *rows, const char *plugin_name);

/* status and body are the answer of the route; body: taken. */
typedef void plugin_done_fn(int status, json_t *body, void *arg);
/* POST /workspaces/:id/plugins from the source on: resolve, gate, fetch, check, deliver,
 * record, restart. sha256, track: NULL = not given. done is called once, perhaps from
 * within this call. */
void plugin_install(struct workspace *ws, const char *source, const char *sha256,
                    const char *track, const char *actor_kind, plugin_done_fn *done,
                    void *arg);
/* DELETE /workspaces/:id/plugins/:name: the tree and the installed row; restarts. */
void plugin_uninstall(struct workspace *ws, const char *plugin_name, plugin_done_fn *done,
                      void *arg);

/* On each transition to online: tenant/reconcile.h. Fire and forget. */
void reconcile_start(struct workspace *ws);

/* ---- boxes (mocks/control_plane/) ---- */

/* A new box: preparation (provision.h), new /configs, a new process. Status must have
 * been set by the caller (provisioning). An earlier box is killed. reason: "create",
 * "restart", "resume", "plugin-install", "reconcile", "platform-agent", ... */
void provision_start(struct workspace *ws, const char *reason);
/* Sets status provisioning and url "", WORKSPACE_PROVISIONING, then provision_start:
 * what every restart does. False: its runtime has no box to restart. */
bool provision_restart(struct workspace *ws, const char *reason);
/* The same with another template than the workspace's for this once; NULL = its own. */
bool provision_restart_from(struct workspace *ws, const char *reason,
                            const char *template);
/* Kills the box and forgets a preparation under way; the status is not touched. */
void provision_stop(struct workspace *ws);
/* Event WORKSPACE_PROVISION_FAILED (extra: taken, "error" is added), status failed,
 * last_sample_error. */
void provision_failed(struct workspace *ws, const char *message, json_t *extra);
bool box_running(const struct workspace *ws);
/* "http://localhost:PORT" of the running box, caller frees; NULL = none. */
char *box_url(const struct workspace *ws);
/* Absolute path on this machine of a path in the box. root: "/configs", "/workspace",
 * "/home", "/plugins"; rel "" = the root itself. NULL: no such root or an unsafe rel.
 * Caller frees. */
char *box_path(const struct workspace *ws, const char *root, const char *rel);
/* Whether the address is that of a box of the organisation that runs and was not told to
 * end. */
bool box_is_current(const struct org *org, const char *url);
json_t *box_view(const struct workspace *ws); /* /_mock/boxes row; caller owns, or NULL */

/* ---- organisations ---- */

/* Creates the tenant, installs and provisions its concierge (unless the fault
 * org-create says otherwise). The slug must be free and valid. */
struct org *org_create(struct platform *p, const char *slug, const char *name,
                       const char *owner_user_id);
bool org_slug_valid(const char *slug);
/* Stops every box of it; then gone, or what the switch org_delete says. */
void org_delete(struct org *org);

/* ---- HTTP entries ---- */

/* Everything that is asked of a tenant (org guard, auth, routes): mocks/tenant/. The
 * request is answered, now or later. */
void tenant_handle(struct httpd_req *req, struct org *org);
/* Ends what tenants wait for; before p->http is freed and the listener is stopped. */
void tenant_stop(struct platform *p);
/* The forge's archives: mocks/forge/. */
void forge_handle(struct httpd_req *req, struct platform *p);
/* The control plane's routes and /_mock/. */
void cp_handle(struct httpd_req *req, struct platform *p);
void mock_handle(struct httpd_req *req, struct platform *p);

#endif
