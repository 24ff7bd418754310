#include "mocks/tenant/plugin_stage.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/fs.h"
#include "base/limits.h"
#include "base/ids.h"
#include "base/log.h"
#include "io/http.h"
#include "mocks/forge/catalog.h"
#include "mocks/forge/unpack.h"
#include "mocks/tenant/plugin_check.h"

/* A fetch may take five minutes: that long under the pace where the forge is known to
 * hang, while an exchange that only is slow is never cut off so soon. */
enum { FETCH_HANG_S = 300, FETCH_REAL_MS = 30000 };

struct stage {
    struct workspace *ws;
    char *scheme, *url, *sub, *name;
    char *commit; /* that the forge gave, NULL = it is not known */
    bool no_ref;  /* the ref is nothing that could be fetched */
    char *dir;    /* staging directory, removed at the end */
    char *local;
    stage_done_fn *done;
    void *arg;
    struct http_call *call;
    struct loop_timer *timer;
};

static void stage_free(struct stage *s)
{
    struct err err = ERR_INIT;
    if (fs_rmtree(s->dir, &err) < 0)
        log_warn("%s", err.text);
    char *owned[] = {s->scheme, s->url, s->sub, s->name, s->commit, s->dir, s->local};
    for (size_t i = 0; i < ARRAY_SIZE(owned); i++)
        free(owned[i]);
    free(s);
}

static void stage_end(struct stage *s, int status, const char *error)
{
    CLEANUP(free_ptr)
    char *fetch = xasprintf("failed to fetch plugin from %s", s->scheme);
    struct staged staged = {.status = status,
                            .error = status == 200 ? NULL
                                     : error       ? error
                                                   : fetch,
                            .tree = status == 200 ? s->dir : NULL,
                            .commit = s->commit};
    s->done(&staged, s->arg);
    stage_free(s);
}

/* The tree is here: is it a plugin that may be used? */
static void stage_check(struct stage *s)
{
    if (!plugin_name_ok(s->name))
        stage_end(s, 400, "resolver returned invalid plugin name");
    else if (plugin_tree_size(s->dir) > LIMIT_ARCHIVE)
        stage_end(s, 413, "staged plugin exceeds size limit");
    else if (!plugin_manifest_ok(s->dir))
        stage_end(s, 422, "plugin manifest integrity check failed");
    else
        stage_end(s, 200, NULL);
}

static void unpack_answer(struct stage *s, const struct http_response *resp)
{
    struct err err = ERR_INIT;
    struct unpack_opts opts = {.sub = s->sub, .max_file = LIMIT_ARCHIVE};
    int got = unpack_dir(resp->body.data, resp->body.len, &opts, s->dir, &err);
    if (got < 0 || got == UNPACK_TOO_LARGE)
        log_warn("plugin %s: %s", s->url, err.text);
    if (got == UNPACK_OK)
        stage_check(s);
    else if (got == UNPACK_TOO_LARGE)
        stage_end(s, 413, "staged plugin exceeds size limit");
    else
        stage_end(s, got == UNPACK_NO_SUCH_PATH ? 404 : 502, NULL);
}

/* The forge's ETag is the commit in quotes. */
static void note_commit(struct stage *s, const struct http_response *resp)
{
    const char *etag = http_response_header(resp, "ETag");
    size_t len = etag && *etag == '"' ? strcspn(etag + 1, "\"") : 0;
    s->commit = len ? xstrndup(etag + 1, len) : NULL;
}

static void on_answer(const struct http_response *resp, const struct err *failed,
                      void *arg)
{
    struct stage *s = arg;
    s->call = NULL;
    if (failed) {
        stage_end(s, failed->kind == ERR_TIMEOUT ? 504 : 502, NULL);
    } else if (resp->status == 200) {
        note_commit(s, resp);
        unpack_answer(s, resp);
    } else {
        stage_end(s, resp->status == 404 ? 404 : 502, NULL);
    }
}

struct copy {
    const char *from, *to;
    struct err *err;
};

static int copy_entry(const struct fs_entry *entry, void *arg)
{
    const struct copy *c = arg;
    CLEANUP(free_ptr) char *from = fs_join(c->from, entry->path);
    CLEANUP(free_ptr) char *to = fs_join(c->to, entry->path);
    if (entry->dir)
        return fs_mkdirs(to, c->err);
    CLEANUP(buf_release) struct buf data = BUF_INIT(LIMIT_ARCHIVE);
    if (fs_read(from, &data, c->err) < 0)
        return -1;
    return fs_write(to, data.data, data.len, 0600, c->err);
}

static void on_timer(void *arg)
{
    struct stage *s = arg;
    s->timer = NULL;
    struct err err = ERR_INIT;
    struct copy c = {.from = s->local, .to = s->dir, .err = &err};
    if (!s->local || s->no_ref) {
        stage_end(s, 404, NULL);
    } else if (plugin_tree_size(s->local) > LIMIT_ARCHIVE) {
        stage_end(s, 413, "staged plugin exceeds size limit");
    } else if (fs_mkdirs(s->dir, &err) < 0 ||
               catalog_walk(s->local, copy_entry, &c, &err) != 0) {
        log_warn("plugin '%s': %s", s->local, err.text);
        stage_end(s, 502, NULL);
    } else {
        stage_check(s);
    }
}

static void ask_forge(struct stage *s, const struct plugin_source *source)
{
    struct platform *p = s->ws->org->plat;
    s->url = xasprintf("%s/api/v1/repos/%s/%s/archive/%s.tar.gz", p->forge_url,
                       source->owner, source->repo, source_git_ref(source));
    struct http_request req = HTTP_REQUEST_INIT;
    req.url = s->url;
    req.timeout_ms = switch_is(s->ws->org, "plugin_fetch", "hang")
                         ? pace_ms(p, FETCH_HANG_S)
                         : FETCH_REAL_MS;
    req.max_body = LIMIT_ARCHIVE;
    strv_addf(&req.headers, "Authorization: token %s", p->forge_token);
    strv_addf(&req.headers, "X-Molecule-Org-Id: %s", s->ws->org->id);
    s->call = http_async_start(p->http, &req, on_answer, s);
    http_request_release(&req);
}

struct stage *stage_start(struct workspace *ws, const struct plugin_source *source,
                          stage_done_fn *done, void *arg)
{
    struct stage *s = xcalloc(1, sizeof(*s));
    struct platform *p = ws->org->plat;
    char name[13];
    id_hex(name, sizeof(name) - 1);
    s->ws = ws;
    s->done = done;
    s->arg = arg;
    s->scheme = xstrdup(source->scheme);
    s->sub = source->sub ? xstrdup(source->sub) : NULL;
    s->dir = xasprintf("%s/staging/%s", p->dir, name);
    s->name = xstrdup(source->name);
    /* Such a source is cloned by branch or tag; a commit is neither. */
    s->no_ref = source->ref && strlen(source->ref) == 40 &&
                strspn(source->ref, "0123456789abcdef") == 40;
    if (source->owner && !s->no_ref) {
        ask_forge(s, source);
    } else {
        /* The tenant's own plugin registry is the catalog. */
        s->local = source->owner ? NULL : catalog_plugin(p->repos, source->name);
        s->timer = loop_timer_add(p->loop, 0, on_timer, s);
    }
    return s;
}

void stage_cancel(struct stage *stage)
{
    if (!stage)
        return;
    loop_timer_cancel(stage->timer);
    if (stage->call)
        http_call_cancel(stage->call);
    stage_free(stage);
}

char *plugin_box_dir(const struct workspace *ws, const char *plugin_name)
{
    return box_path(ws, "/plugins", plugin_name);
}

bool plugin_on_box(const struct workspace *ws, const char *plugin_name)
{
    CLEANUP(free_ptr) char *dir = plugin_box_dir(ws, plugin_name);
    CLEANUP(free_ptr) char *path = dir ? fs_join(dir, "plugin.yaml") : NULL;
    CLEANUP(buf_release) struct buf text = BUF_INIT(LIMIT_SCENARIO_FILE);
    return path && fs_read(path, &text, NULL) == 0 && text.len > 0;
}

static int move(const char *from, const char *to, struct err *err)
{
    if (rename(from, to) < 0)
        return err_sys(err, errno, "cannot move '%s' to '%s'", from, to);
    return 0;
}

/* Docker mode: whoever looks sees the old tree or the new one, complete, never half of
 * it. */
static int deliver_atomically(struct workspace *ws, const char *plugin_name,
                              const char *tree, const char *dir, struct err *err)
{
    CLEANUP(free_ptr) char *staging = box_path(ws, "/plugins", ".staging");
    CLEANUP(free_ptr) char *previous = box_path(ws, "/plugins", ".previous");
    CLEANUP(free_ptr) char *fresh = fs_join(staging, plugin_name);
    CLEANUP(free_ptr) char *old = fs_join(previous, plugin_name);
    CLEANUP(free_ptr) char *marker = fs_join(fresh, ".complete");
    if (fs_rmtree(fresh, err) < 0 || fs_rmtree(old, err) < 0 ||
        fs_mkdirs(staging, err) < 0 || fs_mkdirs(previous, err) < 0 ||
        move(tree, fresh, err) < 0 || fs_write(marker, "", 0, 0644, err) < 0)
        return -1;
    if (fs_is_dir(dir) && move(dir, old, err) < 0)
        return -1;
    return move(fresh, dir, err);
}

/* The fault plugin-deliver: the way to the box's disk is cut. */
static int need_way(const struct workspace *ws, const char *plugin_name, struct err *err)
{
    if (fault_mode(ws->org, "plugin-deliver"))
        return err_set(err, ERR_NET, "plugin '%s': box %s cannot be reached", plugin_name,
                       ws->id);
    return 0;
}

int plugin_deliver(struct workspace *ws, const char *plugin_name, const char *tree,
                   struct err *err)
{
    CLEANUP(free_ptr) char *dir = plugin_box_dir(ws, plugin_name);
    if (!dir)
        return err_set(err, ERR_SHAPE, "'%s' is no plugin name", plugin_name);
    if (need_way(ws, plugin_name, err) < 0)
        return -1;
    if (ws->org->plat->self_hosted)
        return deliver_atomically(ws, plugin_name, tree, dir, err);
    if (fs_rmtree(dir, err) < 0 || fs_mkparents(dir, err) < 0)
        return -1;
    return move(tree, dir, err);
}

int plugin_deliver_status(const struct workspace *ws, const char **ret_error)
{
    bool docker = ws->org->plat->self_hosted;
    *ret_error = docker ? "failed to copy plugin to container"
                        : "failed to deliver plugin to workspace EC2";
    return docker ? 500 : 502;
}

int plugin_remove(struct workspace *ws, const char *plugin_name, const char *dir,
                  struct err *err)
{
    if (need_way(ws, plugin_name, err) < 0)
        return -1;
    return fs_rmtree(dir, err);
}
