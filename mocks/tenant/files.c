#include <errno.h>
#include <string.h>

#include "base/fs.h"
#include "base/limits.h"
#include "base/num.h"
#include "io/json.h"
#include "mocks/tenant/handlers.h"
#include "mocks/tenant/rest.h"
#include "mocks/tenant/workspace.h"

enum { FILES_MAX = 200 };

/* The root parameter, "/configs" when it was not given; NULL = answered. */
static const char *need_root(struct call *call)
{
    static const char *const roots[] = {"/configs", "/workspace", "/home", "/plugins"};
    const char *root = rest_query(call, "root");
    if (!root || !root[0])
        return roots[0];
    for (size_t i = 0; i < ARRAY_SIZE(roots); i++)
        if (strcmp(root, roots[i]) == 0)
            return roots[i];
    if (strcmp(root, "/agent-home") == 0)
        call_error(
            call, 501,
            "/agent-home not implemented yet (internal#425 RFC Phase 2b \xe2\x80\x94 "
            "docker-exec backend pending)");
    else
        call_error(call, 400,
                   "root must be one of: /configs, /workspace, /home, /plugins, "
                   "/agent-home");
    return NULL;
}

static int add_entry(const struct fs_entry *entry, void *arg)
{
    json_t *row = json_object();
    json_object_set_new(row, "path", rest_string(entry->path));
    json_object_set_new(row, "size", json_integer(entry->size));
    json_object_set_new(row, "dir", json_boolean(entry->dir));
    json_array_append_new(arg, row);
    return 0;
}

void file_list(struct call *call)
{
    const char *root = need_root(call);
    if (!root)
        return;
    const char *rel = rest_query(call, "path");
    rel = rel ? rel : "";
    if (rel[0] && !fs_path_is_safe(rel)) {
        call_error(call, 400, "invalid path");
        return;
    }
    const char *depth_text = rest_query(call, "depth");
    int64_t depth = 1;
    if (depth_text && depth_text[0] && !num_parse(depth_text, 1, 5, &depth)) {
        call_error(call, 400, "depth must be 1-5");
        return;
    }
    struct workspace *ws = rest_need_ws(call);
    if (!ws)
        return;
    char *dir CLEANUP(free_ptr) = box_path(ws, root, rel);
    json_t *rows = json_array();
    struct err err = ERR_INIT;
    if (dir && fs_walk(dir, (int)depth, add_entry, rows, &err) < 0) {
        char *text CLEANUP(free_ptr) = xasprintf("failed to list files: %s", err.text);
        json_decref(rows);
        call_error(call, 500, text);
        return;
    }
    call_struct(call, 200, rows);
}

/* Host path of the file that the request names; caller frees. NULL = answered. */
static char *need_file(struct call *call, const struct workspace *ws, const char *root,
                       const char *rel)
{
    char *path = rel && fs_path_is_safe(rel) ? box_path(ws, root, rel) : NULL;
    if (!path)
        call_error(call, 400, "invalid path");
    return path;
}

static void answer_file(struct call *call, const char *rel, const struct buf *content)
{
    call_json(call, 200,
              json_make("{s:o,s:o,s:I}", "content",
                        rest_text(content->data, content->len), "path", rest_string(rel),
                        "size", (json_int_t)content->len));
}

/* A self-hosted platform shows the template's file while the container is not there. */
static void read_from_template(struct call *call, const struct workspace *ws,
                               const char *rel)
{
    char *dir CLEANUP(free_ptr) =
        ws->template ? template_dir(ws->org, ws->template) : NULL;
    char *path CLEANUP(free_ptr) = dir ? fs_join(dir, rel) : NULL;
    struct buf content CLEANUP(buf_release) = BUF_INIT(LIMIT_FILE);
    if (!path)
        call_error(call, 404, "file not found (container offline, no template)");
    else if (fs_is_dir(path) || fs_read(path, &content, NULL) < 0)
        call_error(call, 404, "file not found");
    else
        answer_file(call, rel, &content);
}

void file_read(struct call *call)
{
    const char *root = need_root(call);
    if (!root)
        return;
    const char *rel = call->params[1];
    if (!rel || !fs_path_is_safe(rel)) {
        call_error(call, 400, "invalid path");
        return;
    }
    struct workspace *ws = rest_need_ws(call);
    if (!ws)
        return;
    if (call->plat->self_hosted && !workspace_has_machine(ws)) {
        read_from_template(call, ws, rel);
        return;
    }
    char *path CLEANUP(free_ptr) = need_file(call, ws, root, rel);
    if (!path)
        return;
    struct buf content CLEANUP(buf_release) = BUF_INIT(LIMIT_FILE);
    struct err err = ERR_INIT;
    if (fs_is_dir(path) || fs_read(path, &content, &err) < 0) {
        if (err.kind == ERR_NONE || err.sys == ENOENT || err.sys == ENOTDIR) {
            call_error(call, 404,
                       call->plat->self_hosted ? "file not found"
                                               : "file not found on workspace");
            return;
        }
        char *text CLEANUP(free_ptr) = xasprintf("failed to read file: %s", err.text);
        call_error(call, 500, text);
        return;
    }
    answer_file(call, rel, &content);
}

/* ---- writing ---- */

static bool write_one(struct call *call, const struct workspace *ws, const char *root,
                      const char *rel, const json_t *content)
{
    char *path CLEANUP(free_ptr) = need_file(call, ws, root, rel);
    if (!path)
        return false;
    struct err err = ERR_INIT;
    if (fs_mkparents(path, &err) < 0 ||
        fs_write(path, json_string_value(content), json_string_length(content), 0644,
                 &err) < 0) {
        char *text CLEANUP(free_ptr) = xasprintf("failed to write file: %s", err.text);
        call_error(call, 500, text);
        return false;
    }
    return true;
}

/* A self-hosted platform can write to the volume of a container that is not there. NULL =
 * answered. */
static struct workspace *need_online(struct call *call)
{
    struct workspace *ws = rest_need_ws(call);
    if (!ws || workspace_has_machine(ws))
        return ws;
    char *volume CLEANUP(free_ptr) = box_path(ws, "/configs", "");
    if (call->plat->self_hosted && volume && fs_is_dir(volume))
        return ws;
    call_error(call, 503, "workspace offline \xe2\x80\x94 retry after it starts");
    return NULL;
}

void file_write(struct call *call)
{
    const char *root = need_root(call);
    json_t *body = root ? rest_need_body(call, "invalid request body") : NULL;
    if (!body)
        return;
    const json_t *content = json_object_get(body, "content");
    const char *rel = call->params[1];
    if (!json_is_string(content)) {
        call_error(call, 400, "invalid request body");
        return;
    }
    struct workspace *ws = need_online(call);
    if (!ws || !write_one(call, ws, root, rel, content))
        return;
    workspace_restart_debounced(ws);
    call_json(call, 200,
              json_make("{s:o,s:s}", "path", rest_string(rel), "status", "saved"));
}

void file_replace(struct call *call)
{
    const char *root = need_root(call);
    json_t *body = root ? rest_need_body(call, "invalid request body") : NULL;
    if (!body)
        return;
    const char *rel = NULL;
    json_t *content = NULL;
    json_t *files = json_object_get(body, "files");
    bool good = json_is_object(files) && json_object_size(files) > 0;
    json_object_foreach(files, rel, content) good = good && json_is_string(content);
    if (!good) {
        call_error(call, 400, "invalid request body");
        return;
    }
    size_t n = json_object_size(files);
    if (n > FILES_MAX) {
        char *text CLEANUP(free_ptr) = xasprintf("too many files (%zu), max 200", n);
        call_error(call, 400, text);
        return;
    }
    struct workspace *ws = need_online(call);
    if (!ws)
        return;
    json_object_foreach(files, rel, content)
    {
        if (!write_one(call, ws, root, rel, content))
            return;
    }
    workspace_restart_debounced(ws);
    const char *way = !call->plat->self_hosted    ? "ec2-ssh"
                      : workspace_has_machine(ws) ? "container"
                                                  : "volume";
    call_json(call, 200,
              json_make("{s:I,s:s,s:s,s:s}", "files", (json_int_t)n, "source", way,
                        "status", "replaced", "workspace", ws->id));
}

/* The product's router hands over a path that begins with a slash, which it refuses. */
void file_delete(struct call *call)
{
    call_error(call, 400, "absolute paths not permitted");
}
