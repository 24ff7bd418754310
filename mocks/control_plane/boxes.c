#include "mocks/control_plane/boxes.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>

#include "base/clock.h"
#include "base/fs.h"
#include "base/log.h"
#include "io/json.h"
#include "io/proc.h"
#include "mocks/server/switches.h"

/* How long a box may take to end its own children before it is killed. */
enum { BOX_GRACE_MS = 300 };

struct box *box_get(struct workspace *ws)
{
    if (!ws->box) {
        struct box *box = xcalloc(1, sizeof(*box));
        box->ws = ws;
        box->root = fs_join(ws->org->dir, ws->id);
        box->arrivals = json_array();
        ws->box = box;
    }
    return ws->box;
}

void box_free(struct box *box)
{
    if (!box)
        return;
    free(box->root);
    json_decref(box->arrivals);
    strv_release(&box->env);
    free(box);
}

int box_wipe(struct workspace *ws, struct err *err)
{
    static const char *const dirs[] = {"configs", "workspace", "home"};
    struct box *box = box_get(ws);
    for (size_t i = 0; i < ARRAY_SIZE(dirs); i++) {
        CLEANUP(free_ptr) char *dir = fs_join(box->root, dirs[i]);
        if (fs_rmtree(dir, err) < 0 || fs_mkdirs(dir, err) < 0)
            return -1;
    }
    return 0;
}

/* A boot-install that fails once works again on every boot but the first. */
static void write_settings(struct box *box)
{
    struct org *org = box->ws->org;
    json_t *faults = faults_effective(org);
    if (box->boots > 1 && fault_is(org, "boot-install", "fail-once"))
        (void)json_object_del(faults, "boot-install");
    CLEANUP(json_drop)
    json_t *settings = json_make("{s:f, s:o, s:o}", "pace", org->plat->pace, "switches",
                                 switches_effective(org), "faults", faults);
    CLEANUP(free_ptr) char *text = json_text(settings, JSON_PRETTY);
    CLEANUP(free_ptr) char *path = fs_join(box->root, "settings.json");
    struct err err = ERR_INIT;
    if (fs_write(path, text, strlen(text), 0600, &err) < 0)
        log_error("%s", err.text);
}

void boxes_write_settings(struct platform *p)
{
    for (size_t i = 0; i < p->orgs_n; i++)
        for (size_t w = 0; w < p->orgs[i]->ws_n; w++) {
            struct box *box = p->orgs[i]->ws[w]->box;
            if (box && box->boots && fs_is_dir(box->root))
                write_settings(box);
        }
}

static void box_ended(pid_t pid, int status, void *arg)
{
    struct workspace *ws = arg;
    struct box *box = ws->box;
    if (box->pid != pid)
        return;
    if (!box->stopping)
        log_info("box of %s ended by itself (status %d)", ws->id, status);
    box->pid = 0;
    box->stopping = false;
    state_touch(ws->org);
    loop_timer_cancel(TAKE(box->kill_timer));
    box_then_fn *then = TAKE(box->then);
    if (then)
        then(ws);
}

static int spawn(struct workspace *ws, int listen_fd, int console_fd, struct err *err)
{
    struct box *box = ws->box;
    char *argv[] = {ws->org->plat->self_exe, (char[]){"box"}, NULL};
    struct proc_spec spec = PROC_SPEC_INIT;
    spec.argv = argv;
    spec.env = &box->env;
    spec.cwd = box->root;
    spec.out = spec.err = console_fd;
    spec.pass_fd = listen_fd;
    struct proc proc = PROC_INIT;
    if (proc_spawn(&spec, &proc, err) < 0)
        return -1;
    box->pid = proc.pid;
    loop_child_add(ws->org->plat->loop, proc.pid, proc.pidfd, box_ended, ws);
    return 0;
}

int box_launch(struct workspace *ws, struct err *err)
{
    struct box *box = box_get(ws);
    CLEANUP(close_fd) int listen_fd = -1;
    if (httpd_bind(0, &listen_fd, err) < 0)
        return -1;
    box->port = httpd_fd_port(listen_fd);
    CLEANUP(free_ptr) char *url = xasprintf("http://localhost:%d", box->port);
    strv_env_set(&box->env, "MOLECULE_WORKSPACE_URL", url);
    box->boots++;
    box->wanted = true;
    state_touch(ws->org);
    write_settings(box);
    CLEANUP(free_ptr) char *log = fs_join(box->root, "console.log");
    CLEANUP(close_fd)
    int console_fd = open(log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (console_fd < 0)
        return err_sys(err, errno, "cannot open '%s'", log);
    box->launched_at_mono = clock_mono_ms();
    ws->last_heartbeat_mono = 0;
    return spawn(ws, listen_fd, console_fd, err);
}

bool box_signal(struct workspace *ws, int signo)
{
    if (!box_running(ws))
        return false;
    struct proc proc = PROC_INIT;
    proc.pid = ws->box->pid;
    proc_signal(&proc, signo);
    return true;
}

static void kill_late(void *arg)
{
    struct workspace *ws = arg;
    ws->box->kill_timer = NULL;
    (void)box_signal(ws, SIGKILL);
}

void box_stop(struct workspace *ws, box_then_fn *then)
{
    struct box *box = box_get(ws);
    box->then = then;
    /* A platform that ends takes its boxes with it; they are to come back with it. */
    if (!ws->org->plat->stopping)
        box->wanted = then != NULL && box->wanted;
    if (!box->pid) {
        box->then = NULL;
        if (then)
            then(ws);
        return;
    }
    if (box->stopping)
        return;
    box->stopping = true;
    (void)box_signal(ws, SIGTERM);
    box->kill_timer = loop_timer_add(ws->org->plat->loop, BOX_GRACE_MS, kill_late, ws);
}

bool box_running(const struct workspace *ws)
{
    return ws->box && ws->box->pid;
}

char *box_url(const struct workspace *ws)
{
    return box_running(ws) ? xasprintf("http://localhost:%d", ws->box->port) : NULL;
}

bool box_is_current(const struct org *org, const char *url)
{
    for (size_t i = 0; i < org->ws_n; i++) {
        CLEANUP(free_ptr) char *own = box_url(org->ws[i]);
        if (own && strcmp(own, url) == 0)
            return !org->ws[i]->box->stopping;
    }
    return false;
}

char *box_path(const struct workspace *ws, const char *root, const char *rel)
{
    static const char *const roots[][2] = {
        {"/configs", "configs"},
        {"/workspace", "workspace"},
        {"/home", "home"},
        {"/plugins", "configs/plugins"},
    };
    if (*rel && !fs_path_is_safe(rel))
        return NULL;
    for (size_t i = 0; i < ARRAY_SIZE(roots); i++)
        if (strcmp(root, roots[i][0]) == 0)
            return xasprintf("%s/%s/%s%s%s", ws->org->dir, ws->id, roots[i][1],
                             *rel ? "/" : "", rel);
    return NULL;
}

void box_arrived(struct workspace *ws, const char *plugin_name, const char *by)
{
    state_touch(ws->org);
    (void)json_array_append_new(
        box_get(ws)->arrivals,
        json_make("{s:s, s:s}", "plugin_name", plugin_name, "by", by));
}

json_t *box_view(const struct workspace *ws)
{
    const struct box *box = ws->box;
    if (!box)
        return NULL;
    json_t *names = json_array();
    bool holds = false;
    for (size_t i = 0; i < box->env.n; i++) {
        const char *entry = box->env.v[i];
        const char *equals = strchr(entry, '=');
        if (!equals)
            continue;
        (void)json_array_append_new(names, json_stringn(entry, (size_t)(equals - entry)));
        holds = holds || strcmp(equals + 1, ws->org->admin_token) == 0;
    }
    return json_make("{s:s, s:s, s:s, s:i, s:i, s:b, s:i, s:i, s:O, s:i, s:o, s:b, s:s?}",
                     "workspace_id", ws->id, "name", ws->name, "kind", ws->kind, "pid",
                     (int)box->pid, "port", box->port, "running", box->pid != 0, "boots",
                     box->boots, "restarts", box->boots ? box->boots - 1 : 0, "arrivals",
                     box->arrivals, "reconciles", box->reconciles, "env_names", names,
                     "holds_org_admin_token", holds, "declared_plugins_env",
                     strv_env_get(&box->env, "MOLECULE_DECLARED_PLUGINS"));
}
