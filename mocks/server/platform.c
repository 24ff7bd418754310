#include "mocks/server/platform.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fs.h"
#include "base/log.h"
#include "io/http.h"
#include "io/json.h"
#include "mocks/control_plane/boxes.h"
#include "mocks/control_plane/resume.h"
#include "mocks/control_plane/sweep.h"
#include "mocks/forge/catalog.h"
#include "mocks/forge/forge.h"
#include "mocks/server/announce.h"
#include "mocks/server/dispatch.h"
#include "mocks/server/faults.h"
#include "mocks/server/fixed.h"
#include "mocks/server/journal.h"
#include "mocks/server/router.h"
#include "mocks/server/state_new.h"
#include "mocks/server/state_save.h"
#include "mocks/server/switches.h"
#include "mocks/server/tls.h"

struct server {
    struct platform *p;
    const struct platform_options *options;
    bool temp_dir;
    int64_t ready_deadline_ms;
    struct loop_timer *watch;
    struct err failed; /* found out while running */
};

/* ---- what must be there before anything starts ---- */

/* mocks/<name> above the program (a checkout), or its installed place; NULL = neither. */
static char *find_data(const char *exe, const char *name)
{
    CLEANUP(free_ptr) char *dir = xstrdup(exe);
    for (char *slash = strrchr(dir, '/'); slash; slash = strrchr(dir, '/')) {
        *slash = '\0';
        static const char *const places[] = {"mocks", "share/waybill/mocks"};
        for (size_t i = 0; i < ARRAY_SIZE(places); i++) {
            char *path = xasprintf("%s/%s/%s", dir, places[i], name);
            if (fs_is_dir(path))
                return path;
            free(path);
        }
    }
    return NULL;
}

/* The program's own catalog, and what was given laid over it. */
static int load_catalog(struct platform *p, const struct strv *given, struct err *err)
{
    p->repos = catalog_new();
    p->catalog = find_data(p->self_exe, "catalog");
    if (!p->catalog && given->n == 0)
        return err_set(err, ERR_CONFIG,
                       "no catalog 'mocks/catalog'; name one with "
                       "--catalog");
    if (p->catalog && catalog_add(p->repos, p->catalog, err) < 0)
        return -1;
    for (size_t i = 0; i < given->n; i++)
        if (catalog_add(p->repos, given->v[i], err) < 0)
            return err_prefix(err, "--catalog");
    json_decref(p->manifest);
    p->manifest = json_incref(catalog_templates(p->repos));
    return 0;
}

static int apply_switches(struct platform *p, const struct strv *list, struct err *err)
{
    for (size_t i = 0; i < list->n; i++) {
        const char *equals = strchr(list->v[i], '=');
        if (!equals)
            return err_set(err, ERR_USAGE, "--switch wants NAME=VALUE, got '%s'",
                           list->v[i]);
        CLEANUP(free_ptr)
        char *name = xstrndup(list->v[i], (size_t)(equals - list->v[i]));
        if (switch_set(p->switches, name, equals + 1, err) < 0)
            return -1;
    }
    return 0;
}

static int apply_faults(struct platform *p, const struct strv *list, struct err *err)
{
    for (size_t i = 0; i < list->n; i++) {
        const char *equals = strchr(list->v[i], '=');
        CLEANUP(free_ptr)
        char *name = equals ? xstrndup(list->v[i], (size_t)(equals - list->v[i]))
                            : xstrdup(list->v[i]);
        const char *mode = NULL;
        if (fault_check(name, equals ? equals + 1 : NULL, &mode, err) < 0)
            return -1;
        (void)json_object_set_new(p->faults, name, json_string(mode));
    }
    return 0;
}

static int check_orgs(const struct strv *slugs, struct err *err)
{
    for (size_t i = 0; i < slugs->n; i++) {
        if (!org_slug_valid(slugs->v[i]))
            return err_set(err, ERR_USAGE,
                           "'%s' is no slug: 3 to 32 of a-z, 0-9 and '-', a letter first",
                           slugs->v[i]);
        for (size_t j = 0; j < i; j++)
            if (strcmp(slugs->v[i], slugs->v[j]) == 0)
                return err_set(err, ERR_USAGE, "organisation '%s' is named twice",
                               slugs->v[i]);
    }
    return 0;
}

static void set_from_env(char **field, const char *name)
{
    const char *value = getenv(name);
    if (value && *value)
        str_set(field, value);
}

/* The profile that is named, or the state file's with the switches that it held: those
 * that differ from it are kept only under the same profile. */
static int load_profile(struct platform *p, const struct platform_options *o,
                        struct err *err)
{
    CLEANUP(free_ptr) char *last = p->contract ? xstrdup(p->contract) : NULL;
    CLEANUP(json_drop) json_t *kept = p->switches;
    const char *named = o->contract ? o->contract : last ? last : "rfc";
    p->switches = switches_builtin();
    if (profile_load(p, named, err) < 0)
        return -1;
    if (last && strcmp(last, p->contract) == 0)
        (void)json_object_update_existing(p->switches, kept);
    return 0;
}

static int configure(struct platform *p, const struct platform_options *o,
                     struct err *err)
{
    p->self_exe = fs_self_exe(err);
    if (!p->self_exe)
        return -1;
    p->pace = o->pace;
    p->self_hosted = o->self_hosted;
    p->cp_stub = o->cp_stub;
    p->contracts_dir = o->contracts_dir ? xstrdup(o->contracts_dir)
                                        : find_data(p->self_exe, "contracts");
    if (!p->contracts_dir)
        p->contracts_dir = xstrdup("mocks/contracts");
    if (o->domain) {
        str_set(&p->domain, o->domain);
        p->tenant_domain = dispatch_tenant_domain(o->domain);
    }
    if (o->state && state_open(p, o->state, err) < 0)
        return -1;
    if (state_restore_platform(p, err) < 0)
        return -1;
    set_from_env(&p->cp_token, "WAYBILL_CP_TOKEN");
    set_from_env(&p->shared_secret, "WAYBILL_CP_SHARED_SECRET");
    set_from_env(&p->forge_token, "WAYBILL_FORGE_TOKEN");
    if (load_profile(p, o, err) < 0 || apply_switches(p, &o->switches, err) < 0 ||
        apply_faults(p, &o->faults, err) < 0 || check_orgs(&o->orgs, err) < 0 ||
        fixed_check(o, err) < 0)
        return -1;
    return load_catalog(p, &o->catalogs, err);
}

static int make_dir(struct server *s, struct err *err)
{
    struct platform *p = s->p;
    const struct platform_options *o = s->options;
    CLEANUP(free_ptr)
    char *dir = o->dir ? xstrdup(o->dir) : o->state ? xasprintf("%s.d", o->state) : NULL;
    if (dir) {
        if (fs_mkdirs(dir, err) < 0)
            return -1;
        char *real = realpath(dir, NULL);
        if (!real)
            return err_sys(err, errno, "cannot use '%s'", dir);
        p->dir = real;
    } else {
        const char *tmp = getenv("TMPDIR");
        p->dir = xasprintf("%s/waybill-mock.XXXXXX", tmp && *tmp ? tmp : "/tmp");
        if (!mkdtemp(p->dir))
            return err_sys(err, errno, "cannot make '%s'", p->dir);
        s->temp_dir = true;
    }
    /* The names by which this program is a box's command. */
    static const char *const commands[] = {"npx", "molecule-platform-mcp"};
    CLEANUP(free_ptr) char *bin = fs_join(p->dir, "bin");
    if (fs_mkdirs(bin, err) < 0)
        return -1;
    for (size_t i = 0; i < ARRAY_SIZE(commands); i++) {
        CLEANUP(free_ptr) char *link = fs_join(bin, commands[i]);
        if (symlink(p->self_exe, link) < 0 && errno != EEXIST)
            return err_sys(err, errno, "cannot make '%s'", link);
    }
    return 0;
}

/* The HTTPS listener. Its authority goes to a file; no key ever does. */
static int listen_tls(struct platform *p, const struct platform_options *o, int fd,
                      struct err *err)
{
    CLEANUP(tls_release) struct tls tls = TLS_INIT;
    CLEANUP(strv_release) struct strv names = STRV_INIT;
    dispatch_names(p, &names);
    CLEANUP(free_ptr)
    char *path = o->ca_out ? xstrdup(o->ca_out) : fs_join(p->dir, "ca.pem");
    if (tls_make(&names, &tls, err) < 0 ||
        fs_write_output(path, tls.ca_pem, strlen(tls.ca_pem), 0644, err) < 0) {
        (void)close(fd);
        if (o->ca_out && err && err->kind == ERR_SYS)
            err->kind = ERR_CONFIG; /* a path that was asked for */
        return -1;
    }
    p->ca_file = realpath(path, NULL);
    const struct httpd_tls pair = {tls.cert_pem, tls.key_pem};
    return httpd_start_tls(p->loop, fd, &pair, dispatch, p, &p->httpsd, err);
}

/* Any port is rather the one of last time: clients that know it find the platform again.
 */
static int bind_port(int wanted, int last, int *ret_fd, struct err *err)
{
    if (wanted == 0 && last != 0 && httpd_bind(last, ret_fd, NULL) == 0)
        return 0;
    return httpd_bind(wanted, ret_fd, err);
}

static int listen_on(struct platform *p, const struct platform_options *o,
                     struct err *err)
{
    int fd = -1;
    int tls_fd = -1;
    if (bind_port(o->http_port, state_last_port(p, false), &fd, err) < 0)
        return -1;
    p->port = httpd_fd_port(fd);
    p->cp_url = xasprintf("http://cp.localhost:%d", p->port);
    p->forge_url = xasprintf("http://git.cp.localhost:%d", p->port);
    p->mock_url = xasprintf("http://127.0.0.1:%d", p->port);
    if (httpd_start(p->loop, fd, dispatch, p, &p->httpd, err) < 0 ||
        bind_port(o->https_port, state_last_port(p, true), &tls_fd, err) < 0)
        return -1;
    p->https_port = httpd_fd_port(tls_fd);
    if (state_restore_rows(p, err) < 0) {
        (void)close(tls_fd);
        return -1;
    }
    fixed_add(p, o);
    return listen_tls(p, o, tls_fd, err);
}

/* ---- the life of the process ---- */

static void announce_when_ready(void *arg)
{
    struct server *s = arg;
    s->watch = NULL;
    if (s->p->stopping)
        return;
    if (!announce_ready(s->p) && clock_mono_ms() < s->ready_deadline_ms) {
        s->watch = loop_timer_add(s->p->loop, 1, announce_when_ready, s);
        return;
    }
    if (announce(s->p, s->options, &s->failed) < 0)
        loop_stop(s->p->loop);
}

static bool any_box(const struct platform *p)
{
    for (size_t i = 0; i < p->orgs_n; i++)
        for (size_t w = 0; w < p->orgs[i]->ws_n; w++)
            if (box_running(p->orgs[i]->ws[w]))
                return true;
    return false;
}

static void stop_when_empty(void *arg)
{
    struct server *s = arg;
    s->watch = NULL;
    if (any_box(s->p))
        s->watch = loop_timer_add(s->p->loop, 2, stop_when_empty, s);
    else
        loop_stop(s->p->loop);
}

static void on_terminate(int signo, void *arg)
{
    (void)signo;
    struct server *s = arg;
    struct platform *p = s->p;
    if (p->stopping)
        return;
    (void)!state_commit(p, NULL);
    p->stopping = true;
    loop_timer_cancel(TAKE(s->watch));
    for (size_t i = 0; i < p->orgs_n; i++)
        for (size_t w = 0; w < p->orgs[i]->ws_n; w++)
            provision_stop(p->orgs[i]->ws[w]);
    stop_when_empty(s);
}

/* A platform that dies with its parent is killed outright; asked to end instead, it stops
 * its boxes and removes their folders. */
static void end_with_parent_in_order(void)
{
    int signo = 0;
    if (prctl(PR_GET_PDEATHSIG, &signo) == 0 && signo != 0)
        prctl(PR_SET_PDEATHSIG, SIGTERM);
}

/* Each box is a connection, a pidfd and more: a thousand of them need more descriptors
 * than a login shell gives. */
static void allow_many_descriptors(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < limit.rlim_max) {
        limit.rlim_cur = limit.rlim_max;
        (void)setrlimit(RLIMIT_NOFILE, &limit);
    }
}

static int serve(struct server *s, struct err *err)
{
    struct platform *p = s->p;
    allow_many_descriptors();
    end_with_parent_in_order();
    if (loop_on_terminate(p->loop, on_terminate, s, err) < 0 ||
        http_async_new(p->loop, &p->http, err) < 0 || make_dir(s, err) < 0)
        return -1;
    /* What an earlier process was told to commit (/_mock/forge). */
    CLEANUP(free_ptr) char *commits = fs_join(p->dir, "forge");
    if (fs_is_dir(commits) && catalog_add(p->repos, commits, err) < 0)
        return -1;
    p->forge = forge_new(p->repos, p->forge_token, p->dir, p->forge_kept);
    if (listen_on(p, s->options, err) < 0)
        return -1;
    if (state_start(p, err) < 0)
        return -1;
    sweep_start(p);
    resume_all(p);
    fixed_start(p, s->options);
    for (size_t i = 0; i < s->options->orgs.n; i++)
        if (!org_by_slug(p, s->options->orgs.v[i])) /* its state was kept */
            (void)org_create(p, s->options->orgs.v[i], s->options->orgs.v[i],
                             "waybill-mock");
    s->ready_deadline_ms =
        clock_mono_ms() + (int64_t)(ANNOUNCE_PATIENCE_MS * clock_timeout_mul());
    s->watch = loop_timer_add(p->loop, 0, announce_when_ready, s);
    if (loop_run(p->loop, err) < 0)
        return -1;
    if (s->failed.kind != ERR_NONE)
        return err_set(err, s->failed.kind, "%s", s->failed.text);
    return 0;
}

static void write_routes(const struct platform *p, const char *path)
{
    struct err err = ERR_INIT;
    if (!path)
        return;
    CLEANUP(json_drop) json_t *routes = route_list(p);
    CLEANUP(free_ptr) char *text = json_text(routes, JSON_STRUCT);
    if (fs_write(path, text, strlen(text), 0644, &err) < 0)
        log_warn("%s", err.text);
}

int platform_run(const struct platform_options *options, struct err *err)
{
    struct server s = {.p = platform_state_new(), .options = options};
    struct platform *p = s.p;
    p->journal = journal_new(options->journal_bytes);
    int result = configure(p, options, err);
    if (result == 0)
        result = loop_new(&p->loop, err);
    if (result == 0)
        result = serve(&s, err);
    p->stopping = true;
    if (result == 0) /* else the counts of the run before would be gone for nothing */
        write_routes(p, options->routes_file);
    for (size_t i = 0; i < p->orgs_n; i++)
        for (size_t w = 0; w < p->orgs[i]->ws_n; w++)
            provision_stop(p->orgs[i]->ws[w]);
    tenant_stop(p);
    if (p->http)
        http_async_free(p->http);
    httpd_stop(p->httpd);
    httpd_stop(p->httpsd);
    forge_free(p->forge);
    catalog_free(p->repos);
    if (p->loop)
        loop_free(p->loop);
    struct err cleanup = ERR_INIT;
    if (s.temp_dir && fs_rmtree(p->dir, &cleanup) < 0)
        log_warn("%s", cleanup.text);
    state_close(p);
    journal_free(p->journal);
    platform_state_free(p);
    return result;
}
