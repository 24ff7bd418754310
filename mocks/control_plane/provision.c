#include "mocks/control_plane/provision.h"

#include <string.h>

#include "base/fs.h"
#include "base/limits.h"
#include "base/log.h"
#include "io/http.h"
#include "io/json.h"
#include "mocks/control_plane/assets.h"
#include "mocks/control_plane/boxes.h"
#include "mocks/control_plane/image.h"
#include "mocks/control_plane/seed.h"
#include "mocks/control_plane/volume.h"
#include "mocks/forge/catalog.h"
#include "mocks/tenant/a2a.h"
#include "mocks/tenant/gate.h"
#include "mocks/tenant/plugin_stage.h"
#include "mocks/tenant/reconcile.h"

enum { ASSETS_TIMEOUT_MS = 30000 };

struct provision {
    struct workspace *ws;
    bool create; /* the first one: the template's plugins are declared */
    bool has_template;
    bool given;            /* files and env came with a request to the control plane */
    bool stopped, fetched; /* the old process is gone; the assets are here */
    struct strv env;
    struct assets assets; /* fetched from the template's repository */
    struct assets files;  /* what the tenant sends by itself */
    struct http_call *call;
    char *assets_url;
    struct stage *look; /* at a plugin that nobody has looked at yet */
    struct strv looked; /* sources that were tried */
    char *looking;      /* the source being looked at */
    struct loop_timer *timer;
};

static void provision_free(struct provision *pr)
{
    if (!pr)
        return;
    pr->ws->box->provision = NULL;
    /* What the end of the platform cuts off is taken up again after it. */
    if (!pr->ws->org->plat->stopping) {
        pr->ws->box->preparing[0] = '\0';
        str_set(&pr->ws->template_once, NULL);
    }
    state_touch(pr->ws->org);
    if (pr->call)
        http_call_cancel(pr->call);
    stage_cancel(pr->look);
    loop_timer_cancel(pr->timer);
    strv_release(&pr->env);
    strv_release(&pr->looked);
    free(pr->looking);
    free(pr->assets_url);
    assets_release(&pr->assets);
    assets_release(&pr->files);
    free(pr);
}

void provision_failed(struct workspace *ws, const char *message, json_t *extra)
{
    json_t *payload = extra ? extra : json_object();
    (void)json_object_set_new(payload, "error", json_string(message));
    event_add(ws->org, ws, "WORKSPACE_PROVISION_FAILED", payload);
    ws_set_status(ws, "failed");
    str_set(&ws->last_sample_error, message);
}

/* What the control plane refuses is only told to the log. */
static void provision_abort(struct provision *pr, const char *detail)
{
    struct workspace *ws = pr->ws;
    log_warn("provision of %s failed: %s", ws->id, detail);
    provision_free(pr);
    provision_failed(ws, "provisioning failed", NULL);
}

/* The fault seo-skills=asset: the world before plugins, for the template that has skills.
 */
static bool skills_by_asset(const struct workspace *ws)
{
    return fault_is(ws->org, "seo-skills", "asset") && ws->template &&
           strcmp(ws->template, "seo-agent") == 0;
}

/* Where the config that the box starts from comes from. */
static const struct assets *config_of(const struct provision *pr)
{
    return assets_find(&pr->files, "config.yaml") ? &pr->files : &pr->assets;
}

static void declare_template_plugins(struct provision *pr)
{
    struct workspace *ws = pr->ws;
    struct strv sources = STRV_INIT;
    assets_plugins(config_of(pr), &sources);
    for (size_t i = 0; i < sources.n; i++) {
        char reason[256];
        if (skills_by_asset(ws) && strstr(sources.v[i], "seo-all"))
            continue;
        if (plugin_declare(ws, sources.v[i], "system", reason) != 0)
            log_info("create %s: failed to record declared plugin %s: %s", ws->id,
                     sources.v[i], reason);
    }
    strv_release(&sources);
}

/* Declared and installed by name; the installed row's source wins. */
static void desired_plugins(const struct workspace *ws, struct plugin_rows *ret)
{
    for (size_t i = 0; i < ws->declared.n; i++)
        (void)plugin_row_put(ret, ws->declared.v[i].plugin_name,
                             ws->declared.v[i].source_raw, NULL);
    for (size_t i = 0; i < ws->installed.n; i++)
        (void)plugin_row_put(ret, ws->installed.v[i].plugin_name,
                             ws->installed.v[i].source_raw, NULL);
}

static void rows_drop(struct plugin_rows *rows)
{
    while (rows->n)
        (void)plugin_row_delete(rows, rows->v[0].plugin_name);
    free(rows->v);
}

/* The box fetches whatever it is told, so an unentitled one is told only of plugins that
 * are known to be ordinary. */
static bool may_boot_with(struct workspace *ws, const struct plugin_row *row)
{
    const char *why = NULL;
    char reason[256];
    if (!gate_allows(ws, GATE_BOOT, row->plugin_name, row->source_raw, NULL, "system",
                     reason)) {
        log_info("boot of %s: %s", ws->id, reason);
        return false;
    }
    return !gate_asks_first(ws->org) || gate_entitled(ws, &why) ||
           gate_known(ws, row->plugin_name, row->source_raw) == GATE_ORDINARY;
}

static void set_declared_env(struct workspace *ws, struct strv *env)
{
    if (ws->box->boots > 0 && fault_is(ws->org, "restart", "loses-plugin"))
        return;
    struct plugin_rows rows = {.v = NULL};
    struct strv sources = STRV_INIT;
    desired_plugins(ws, &rows);
    for (size_t i = 0; i < rows.n; i++)
        if (may_boot_with(ws, &rows.v[i]))
            strv_add(&sources, rows.v[i].source_raw);
    rows_drop(&rows);
    CLEANUP(free_ptr) char *joined = strv_join(&sources, ",");
    if (sources.n)
        strv_env_set(env, "MOLECULE_DECLARED_PLUGINS", joined);
    strv_release(&sources);
}

struct skills {
    struct provision *pr;
    const char *dir;
};

static int copy_skill(const struct fs_entry *entry, void *arg)
{
    const struct skills *s = arg;
    if (entry->dir)
        return 0;
    CLEANUP(free_ptr) char *from = fs_join(s->dir, entry->path);
    CLEANUP(free_ptr) char *to = xasprintf("agent-skills/seo-all/%s", entry->path);
    CLEANUP(buf_release) struct buf text = BUF_INIT(LIMIT_FILE);
    if (fs_read(from, &text, NULL) == 0)
        assets_add(&s->pr->assets, to, text.data, text.len);
    return 0;
}

static void add_asset_skills(struct provision *pr)
{
    struct workspace *ws = pr->ws;
    if (!skills_by_asset(ws))
        return;
    CLEANUP(free_ptr) char *dir = catalog_plugin(ws->org->plat->repos, "seo-all");
    struct skills s = {pr, dir};
    if (dir)
        (void)catalog_walk(dir, copy_skill, &s, NULL);
}

/* The fault leak=org-token, in the file that everyone may read. */
static void add_leak(struct provision *pr)
{
    struct workspace *ws = pr->ws;
    const struct asset *config = assets_find(&pr->assets, "config.yaml");
    if (!config || !fault_is(ws->org, "leak", "org-token"))
        return;
    CLEANUP(free_ptr)
    char *text = xasprintf("%s\n# debug: %s\n", config->data, ws->org->admin_token);
    assets_add(&pr->assets, "config.yaml", text, strlen(text));
}

/* The tenant's own files win over the template's. */
static void add_files(struct provision *pr)
{
    for (size_t i = 0; i < pr->files.n; i++)
        assets_add(&pr->assets, pr->files.v[i].path, pr->files.v[i].data,
                   pr->files.v[i].len);
}

/* Docker mode: a first start gets the template or a generated config.yaml, a later one
 * the template again over what is there. */
static int write_volume(struct provision *pr, struct err *err)
{
    struct workspace *ws = pr->ws;
    bool first = !volume_exists(ws);
    if (ws_is_platform(ws))
        assets_add_persona(&pr->assets, ws->name);
    add_files(pr);
    if (first && !assets_find(&pr->assets, "config.yaml")) {
        const char *model = provision_model(ws);
        CLEANUP(buf_release) struct buf text = BUF_INIT(KIB(64));
        assets_generated(ws, model ? model : "", &text);
        assets_add(&pr->assets, "config.yaml", text.data, text.len);
    }
    add_leak(pr);
    if (volume_make(ws, err) < 0 || assets_write(ws, &pr->assets, err) < 0)
        return -1;
    return volume_write_token(ws, err);
}

/* What the control plane writes into the new box's /configs. */
static int write_configs(struct provision *pr, struct err *err)
{
    struct workspace *ws = pr->ws;
    if (ws->org->plat->self_hosted)
        return write_volume(pr, err);
    const char *model = provision_model(ws);
    CLEANUP(buf_release) struct buf text = BUF_INIT(KIB(64));
    bool consumed = pr->has_template && switch_is(ws->org, "cp_asset_mode", "consume");
    if (!consumed)
        assets_release(&pr->assets);
    else if (ws_is_platform(ws))
        assets_add_persona(&pr->assets, ws->name);
    add_files(pr);
    if (!assets_find(&pr->assets, "config.yaml")) {
        if (pr->has_template)
            assets_stub(ws, model ? model : "", &text);
        else
            assets_generated(ws, model ? model : "", &text);
        assets_add(&pr->assets, "config.yaml", text.data, text.len);
    }
    add_asset_skills(pr);
    if (consumed)
        add_leak(pr);
    return box_wipe(ws, err) < 0 || assets_write(ws, &pr->assets, err) < 0 ? -1 : 0;
}

static void launch(void *arg)
{
    struct provision *pr = arg;
    struct workspace *ws = pr->ws;
    struct err err = ERR_INIT;
    pr->timer = NULL;
    if (write_configs(pr, &err) == 0 && image_write(ws, ws->box->root, &err) == 0) {
        strv_move(&ws->box->env, &pr->env);
        if (box_launch(ws, &err) == 0) {
            provision_free(pr);
            return;
        }
    }
    provision_abort(pr, err.text);
}

static bool look_at_next(struct provision *pr);

static void launch_later(struct provision *pr)
{
    const struct org *org = pr->ws->org;
    pr->timer =
        loop_timer_add(org->plat->loop, switch_int(org, "box_ready_ms"), launch, pr);
}

static void all_known(struct provision *pr)
{
    set_declared_env(pr->ws, &pr->env);
    launch_later(pr);
}

static void on_looked(const struct staged *staged, void *arg)
{
    struct provision *pr = arg;
    pr->look = NULL;
    if (staged->status == 200) {
        struct plugin_source s = PLUGIN_SOURCE_INIT;
        if (source_parse(pr->looking, &s) == SOURCE_OK)
            (void)gate_look(pr->ws, s.name, pr->looking, staged->tree);
        source_release(&s);
    }
    if (!look_at_next(pr))
        all_known(pr);
}

/* Starts to fetch a plugin of which it is not known what it registers; false = none. */
static bool look_at_next(struct provision *pr)
{
    struct workspace *ws = pr->ws;
    const char *why = NULL;
    if (!gate_asks_first(ws->org) || gate_entitled(ws, &why))
        return false;
    struct plugin_rows rows = {.v = NULL};
    desired_plugins(ws, &rows);
    str_set(&pr->looking, NULL);
    for (size_t i = 0; i < rows.n && !pr->looking; i++)
        if (!strv_has(&pr->looked, rows.v[i].source_raw) &&
            gate_known(ws, rows.v[i].plugin_name, rows.v[i].source_raw) == GATE_UNKNOWN)
            str_set(&pr->looking, rows.v[i].source_raw);
    rows_drop(&rows);
    struct plugin_source s = PLUGIN_SOURCE_INIT;
    if (!pr->looking || source_parse(pr->looking, &s) != SOURCE_OK)
        return false;
    strv_add(&pr->looked, pr->looking);
    pr->look = stage_start(ws, &s, on_looked, pr);
    source_release(&s);
    return true;
}

static void advance(struct provision *pr)
{
    if (!pr->stopped || !pr->fetched)
        return;
    if (pr->given) {
        launch_later(pr);
        return;
    }
    if (!seed_check(pr->ws, assets_find(config_of(pr), "config.yaml"), &pr->env)) {
        provision_free(pr);
        return;
    }
    if (pr->create)
        declare_template_plugins(pr);
    if (!look_at_next(pr))
        all_known(pr);
}

static void on_stopped(struct workspace *ws)
{
    struct provision *pr = ws->box->provision;
    if (!pr)
        return;
    pr->stopped = true;
    advance(pr);
}

static void on_assets(const struct http_response *resp, const struct err *failed,
                      void *arg)
{
    struct provision *pr = arg;
    struct err err = ERR_INIT;
    pr->call = NULL;
    if (failed) {
        provision_abort(pr, failed->text);
    } else if (resp->status != 200) {
        CLEANUP(free_ptr)
        char *detail = xasprintf("giteaTemplateAssetFetcher: GET %s: HTTP %d: %.4096s",
                                 pr->assets_url, resp->status, resp->body.data);
        provision_abort(pr, detail);
    } else if (assets_unpack(resp->body.data, resp->body.len, &pr->assets, &err) < 0) {
        provision_abort(pr, err.text);
    } else {
        pr->fetched = true;
        advance(pr);
    }
}

/* False: the identity names no template; *err says why. */
static bool fetch_assets(struct provision *pr, const struct template_ref *ref,
                         struct err *err)
{
    const struct platform *p = pr->ws->org->plat;
    CLEANUP(free_ptr) char *identity = xasprintf("%s@%s", ref->repo, ref->ref);
    CLEANUP(template_identity_release) struct template_identity t = {.owner = NULL};
    if (assets_identity(identity, &t, err) < 0)
        return false;
    pr->assets_url = xasprintf("%s/api/v1/repos/%s/%s/archive/%s.tar.gz", p->forge_url,
                               t.owner, t.repo, t.ref);
    struct http_request req = HTTP_REQUEST_INIT;
    req.url = pr->assets_url;
    req.timeout_ms = ASSETS_TIMEOUT_MS;
    req.max_body = LIMIT_ARCHIVE;
    strv_add(&req.headers, "Accept: application/gzip, application/octet-stream");
    strv_addf(&req.headers, "Authorization: token %s", p->forge_token);
    strv_addf(&req.headers, "X-Molecule-Org-Id: %s", pr->ws->org->id);
    pr->call = http_async_start(p->http, &req, on_assets, pr);
    http_request_release(&req);
    return true;
}

/* A machine whose image has no boot-install would lose what reconcile brought, so it is
 * rebooted with its disk and its environment; not one that is no longer the root, which
 * must lose both. */
static bool reboots_in_place(const struct workspace *ws, const char *reason)
{
    bool was_root = strv_env_get(&ws->box->env, "MOLECULE_ORG_ID") != NULL;
    bool same = was_root == provision_as_concierge(ws);
    return ws->box->boots > 0 && same && switch_is(ws->org, "boot_install", "off") &&
           !fault_is(ws->org, "restart", "loses-plugin") &&
           (strcmp(reason, "reconcile") == 0 || strncmp(reason, "plugin-", 7) == 0);
}

static void reboot(struct workspace *ws)
{
    struct err err = ERR_INIT;
    if (box_launch(ws, &err) < 0) {
        log_error("cannot restart the box of %s: %s", ws->id, err.text);
        provision_failed(ws, "provisioning failed", NULL);
    }
}

void provision_start(struct workspace *ws, const char *reason)
{
    if (ws_external_like(ws) || ws_removed(ws) || ws->org->plat->stopping)
        return;
    struct box *box = box_get(ws);
    provision_free(box->provision);
    reconcile_cancel(ws);
    const char *restart = box->boots > 0 ? fault_mode(ws->org, "restart") : NULL;
    bool fails = restart && strcmp(restart, "fails") == 0;
    if (fails || (restart && strcmp(restart, "stuck") == 0)) {
        box_stop(ws, NULL);
        if (fails)
            provision_failed(ws, "provisioning failed", NULL);
        return;
    }
    if (reboots_in_place(ws, reason)) {
        box_stop(ws, reboot);
        return;
    }
    struct provision *pr = xcalloc(1, sizeof(*pr));
    struct template_ref ref;
    pr->ws = ws;
    pr->create = strcmp(reason, "create") == 0;
    box->provision = pr;
    (void)snprintf(box->preparing, sizeof(box->preparing), "%s", reason);
    token_revoke_all(ws, TOKEN_INSTANCE);
    if (provision_env(ws, &pr->env) != 0) {
        provision_free(pr);
        box_stop(ws, NULL);
        return;
    }
    struct err err = ERR_INIT;
    bool docker = ws->org->plat->self_hosted;
    bool has_template = !docker && template_of(ws, &ref);
    pr->has_template = has_template;
    pr->fetched = !has_template;
    if (seed_files(ws, &pr->files, &err) < 0 ||
        (docker && volume_template(ws, &pr->assets, &err) < 0) ||
        (has_template && !fetch_assets(pr, &ref, &err))) {
        provision_abort(pr, err.text);
        box_stop(ws, NULL);
        return;
    }
    box_stop(ws, on_stopped);
}

void machine_release(struct machine *m)
{
    strv_release(&m->env);
    assets_release(&m->assets);
    assets_release(&m->files);
}

void provision_machine(struct workspace *ws, struct machine *m)
{
    struct box *box = box_get(ws);
    provision_free(box->provision);
    reconcile_cancel(ws);
    token_revoke_all(ws, TOKEN_INSTANCE);
    struct provision *pr = xcalloc(1, sizeof(*pr));
    pr->ws = ws;
    pr->given = pr->fetched = pr->has_template = true;
    pr->env = m->env;
    pr->assets = m->assets;
    pr->files = m->files;
    *m = (struct machine)MACHINE_INIT;
    provision_env_refresh(ws, &pr->env);
    box->provision = pr;
    (void)snprintf(box->preparing, sizeof(box->preparing), "machine");
    box_stop(ws, on_stopped);
}

bool provision_restart_from(struct workspace *ws, const char *reason,
                            const char *template)
{
    if (ws_external_like(ws))
        return false;
    if (ws->box)
        provision_free(ws->box->provision);
    str_set(&ws->template_once, template);
    ws_set_status(ws, "provisioning");
    str_set(&ws->url, "");
    event_add(ws->org, ws, "WORKSPACE_PROVISIONING",
              json_make("{s:s, s:s, s:i}", "name", ws->name, "runtime", ws->runtime,
                        "tier", ws->tier));
    /* A machine that was put to rest is not surprised to wake up. */
    if (ws->box && ws->box->boots > 0 && strcmp(reason, "resume") != 0)
        restart_context_note(ws, reason);
    provision_start(ws, reason);
    return true;
}

bool provision_restart(struct workspace *ws, const char *reason)
{
    return provision_restart_from(ws, reason, NULL);
}

void provision_stop(struct workspace *ws)
{
    if (!ws->box)
        return;
    provision_free(ws->box->provision);
    reconcile_cancel(ws);
    box_stop(ws, NULL);
}
