#include <string.h>
#include <sys/stat.h>

#include "base/fs.h"
#include "base/limits.h"
#include "io/json.h"
#include "io/yaml.h"
#include "mocks/forge/catalog.h"
#include "mocks/forge/pack.h"
#include "mocks/tenant/handlers.h"
#include "mocks/tenant/plugin_stage.h"
#include "mocks/tenant/rest.h"

static json_t *list_or_null(const struct ynode *root, const char *key)
{
    const struct ynode *node = ynode_get(root, key);
    return node && node->kind == YNODE_SEQ ? ynode_to_json(node) : json_null();
}

/* What a directory's plugin.yaml says; the name is the directory's, which is what the
 * platform installs and removes by. */
static json_t *plugin_view(const char *dir, const char *name)
{
    char *path CLEANUP(free_ptr) = fs_join(dir, "plugin.yaml");
    struct ydoc *doc CLEANUP(ydoc_drop) = NULL;
    struct err err = ERR_INIT;
    const struct ynode *root = NULL;
    if (yaml_read_file(path, LIMIT_FILE, &doc, &err) == 0)
        root = ydoc_root(doc);
    json_t *view = json_object();
    json_object_set_new(view, "name", rest_string(name));
    json_object_set_new(view, "version", rest_string(ynode_str(root, "version", "")));
    json_object_set_new(view, "description",
                        rest_string(ynode_str(root, "description", "")));
    json_object_set_new(view, "author", rest_string(ynode_str(root, "author", "")));
    json_object_set_new(view, "tags", list_or_null(root, "tags"));
    json_object_set_new(view, "skills", list_or_null(root, "skills"));
    json_object_set_new(view, "runtimes", list_or_null(root, "runtimes"));
    return view;
}

static bool supports(const json_t *view, const char *runtime)
{
    size_t i = 0;
    const json_t *name = NULL;
    const json_t *runtimes = json_object_get(view, "runtimes");
    json_array_foreach(runtimes, i, name)
    {
        if (json_is_string(name) && strcmp(json_string_value(name), runtime) == 0)
            return true;
    }
    return json_array_size(runtimes) == 0; /* says nothing: runs everywhere */
}

struct listing {
    json_t *rows;
    const char *dir;
    const char *runtime; /* NULL = do not ask */
    bool only_supported;
};

static void add_view(struct listing *list, const char *dir, const char *name)
{
    json_t *view = plugin_view(dir, name);
    bool fits = !list->runtime || supports(view, list->runtime);
    if (list->only_supported && !fits) {
        json_decref(view);
        return;
    }
    if (list->runtime)
        json_object_set_new(view, "supported_on_runtime", json_boolean(fits));
    json_array_append_new(list->rows, view);
}

static int add_plugin(const struct fs_entry *entry, void *arg)
{
    struct listing *list = arg;
    /* Staging and the previous tree are kept beside the plugins under dotted names. */
    if (!entry->dir || entry->path[0] == '.')
        return 0;
    char *dir CLEANUP(free_ptr) = fs_join(list->dir, entry->path);
    add_view(list, dir, entry->path);
    return 0;
}

/* What is on the box now; an absent directory has none. */
static json_t *box_plugins(struct call *call, const struct workspace *ws,
                           const char *runtime)
{
    char *dir CLEANUP(free_ptr) = box_path(ws, "/configs", "plugins");
    struct listing list = {.rows = json_array(), .dir = dir, .runtime = runtime};
    struct err err = ERR_INIT;
    if (dir && fs_walk(dir, 1, add_plugin, &list, &err) < 0)
        call_decide(call, "%s", err.text);
    return list.rows;
}

void plugin_list(struct call *call)
{
    struct workspace *ws = rest_need_ws(call);
    if (ws)
        call_struct(call, 200, box_plugins(call, ws, ws->runtime));
}

/* The registry of local:// plugins: what of the catalog is a plugin. runtime NULL = of
 * every one. */
static void answer_registry(struct call *call, const char *runtime)
{
    struct listing list = {
        .rows = json_array(), .runtime = runtime, .only_supported = runtime != NULL};
    CLEANUP(strv_release) struct strv repos = STRV_INIT;
    catalog_repos(call->plat->repos, &repos);
    for (size_t i = 0; i < repos.n; i++) {
        const char *name = strchr(repos.v[i], '/') + 1;
        CLEANUP(free_ptr) char *dir = catalog_plugin(call->plat->repos, name);
        CLEANUP(free_ptr) char *manifest = dir ? fs_join(dir, "plugin.yaml") : NULL;
        if (manifest && fs_exists(manifest)) /* else a template */
            add_view(&list, dir, name);
    }
    call_struct(call, 200, list.rows);
}

void plugin_registry(struct call *call)
{
    const char *runtime = rest_query(call, "runtime");
    answer_registry(call, runtime && runtime[0] ? runtime : NULL);
}

void plugin_available(struct call *call)
{
    struct workspace *ws = rest_need_ws(call);
    if (ws)
        answer_registry(call, ws->runtime);
}

void plugin_sources(struct call *call)
{
    call_json(call, 200, json_make("{s:[s,s,s]}", "schemes", "gitea", "github", "local"));
}

void plugin_compatibility(struct call *call)
{
    const char *runtime = rest_query(call, "runtime");
    if (!runtime || !runtime[0]) {
        call_error(call, 400, "runtime query parameter is required");
        return;
    }
    struct workspace *ws = rest_need_ws(call);
    if (!ws)
        return;
    json_t *good = json_array(), *bad = json_array(), *view = NULL;
    /* On SaaS the product cannot look into the box, and says that all is well. */
    CLEANUP(json_drop)
    json_t *all = call->plat->self_hosted ? box_plugins(call, ws, runtime) : json_array();
    size_t i = 0;
    json_array_foreach(all, i, view)
    {
        json_array_append(supports(view, runtime) ? good : bad, view);
    }
    call_json(call, 200,
              json_make("{s:b,s:o,s:o,s:o}", "all_compatible", json_array_size(bad) == 0,
                        "compatible", good, "incompatible", bad, "target_runtime",
                        rest_string(runtime)));
}

/* ---- download ---- */

struct download {
    struct call *call;
    struct plugin_source source;
};

static void answer_archive(struct call *call, const struct plugin_source *source,
                           const char *tree)
{
    struct err err = ERR_INIT;
    struct stat st;
    int fd = -1;
    if (pack_open(call->plat->dir, &fd, &err) < 0 ||
        pack_tree(tree, NULL, LIMIT_ARCHIVE, fd, &err) < 0 || fstat(fd, &st) != 0) {
        close_fd(&fd);
        call_error(call, 500, err.text);
        return;
    }
    CLEANUP(free_ptr)
    char *file = xasprintf("attachment; filename=\"%s.tar.gz\"", source->name);
    const char *const headers[][2] = {{"Content-Disposition", file},
                                      {"X-Plugin-Name", source->name},
                                      {"X-Plugin-Source", source->raw}};
    for (size_t i = 0; call->req && i < ARRAY_SIZE(headers); i++)
        httpd_add_header(call->req, headers[i][0], headers[i][1]);
    call_file(call, 200, "application/gzip", fd, (size_t)st.st_size);
    close_fd(&fd);
}

static void on_downloaded(const struct staged *staged, void *arg)
{
    struct download *d = arg;
    if (staged->status == 200)
        answer_archive(d->call, &d->source, staged->tree);
    else
        call_json(
            d->call, staged->status,
            json_make("{s:s,s:s}", "error", staged->error, "source", d->source.raw));
    source_release(&d->source);
    free(d);
}

void plugin_download(struct call *call)
{
    struct workspace *ws = rest_need_ws(call);
    if (!ws)
        return;
    const char *name = call->params[1], *asked = rest_query(call, "source");
    struct plugin_source source = PLUGIN_SOURCE_INIT;
    json_t *refusal = NULL;
    int status = plugin_source_refusal(asked && *asked ? asked : name, &source, &refusal);
    if (!status && strcmp(source.name, name) != 0) {
        CLEANUP(free_ptr)
        char *text =
            xasprintf("source resolved to plugin \"%s\" but URL requested \"%s\"",
                      source.name, name);
        refusal = json_make("{s:s,s:s,s:s}", "error", text, "requested_name", name,
                            "resolved_name", source.name);
        status = 400;
    }
    if (status) {
        source_release(&source);
        call_json(call, status, refusal);
        return;
    }
    struct download *d = xcalloc(1, sizeof(*d));
    *d = (struct download){call, source};
    (void)stage_start(ws, &d->source, on_downloaded, d);
}

/* ---- install, uninstall ---- */

static void answer_later(int status, json_t *body, void *arg)
{
    call_json(arg, status, body);
}

void plugin_post(struct call *call)
{
    static const struct rest_field fields[] = {
        {"source", 's'}, {"sha256", 's'}, {"track", 's'}};
    struct workspace *ws = rest_need_ws(call);
    if (!ws)
        return;
    if (ws_external_like(ws)) {
        call_json(call, 422,
                  json_make("{s:s,s:s}", "error",
                            "plugin install via push is not supported for external "
                            "runtimes",
                            "hint",
                            "external workspaces pull plugins via GET "
                            "/workspaces/:id/plugins/:name/download"));
        return;
    }
    json_t *body = call_body(call);
    if (!call->req || call->req->body_len > KIB(64) || !json_is_object(body) ||
        !rest_fields_ok(body, fields, ARRAY_SIZE(fields))) {
        call_error(call, 400, "invalid request body");
        return;
    }
    const char *source = json_str(body, "source", "");
    if (!source[0]) {
        call_error(call, 400,
                   "'source' is required (e.g. \"local://my-plugin\" or "
                   "\"github://owner/repo\")");
        return;
    }
    plugin_install(ws, source, json_str(body, "sha256", NULL),
                   json_str(body, "track", NULL), rest_actor(call), answer_later, call);
}

void plugin_delete(struct call *call)
{
    struct workspace *ws = rest_need_ws(call);
    if (!ws)
        return;
    if (ws_external_like(ws)) {
        call_error(call, 422,
                   "plugin uninstall via docker exec is not supported for external "
                   "runtimes");
        return;
    }
    const char *name = call->params[1];
    if (!name || !fs_path_is_safe(name) || strchr(name, '/') || name[0] == '.') {
        call_error(call, 400, "invalid plugin name");
        return;
    }
    plugin_uninstall(ws, name, answer_later, call);
}
