#include "mocks/control_plane/volume.h"

#include <string.h>

#include "base/fs.h"
#include "base/limits.h"
#include "mocks/control_plane/boxes.h"
#include "mocks/forge/catalog.h"

bool volume_exists(const struct workspace *ws)
{
    CLEANUP(free_ptr) char *dir = box_path(ws, "/configs", "");
    return dir && fs_is_dir(dir);
}

int volume_make(struct workspace *ws, struct err *err)
{
    static const char *const roots[] = {"/configs", "/workspace", "/home"};
    for (size_t i = 0; i < ARRAY_SIZE(roots); i++) {
        CLEANUP(free_ptr) char *dir = box_path(ws, roots[i], "");
        if (fs_mkdirs(dir, err) < 0)
            return -1;
    }
    return 0;
}

struct reading {
    const char *dir;
    struct assets *into;
    size_t total;
    struct err *err;
};

static int read_one(const struct fs_entry *entry, void *arg)
{
    struct reading *r = arg;
    if (entry->dir)
        return 0;
    CLEANUP(free_ptr) char *path = fs_join(r->dir, entry->path);
    CLEANUP(buf_release) struct buf data = BUF_INIT(LIMIT_FILE);
    if (fs_read(path, &data, r->err) < 0)
        return -1;
    r->total += data.len;
    if (r->total > LIMIT_FILE)
        return err_set(r->err, ERR_SHAPE, "template '%s' exceeds %zu bytes", r->dir,
                       (size_t)LIMIT_FILE);
    assets_add(r->into, entry->path, data.data, data.len);
    return 0;
}

int volume_template(const struct workspace *ws, struct assets *ret, struct err *err)
{
    CLEANUP(free_ptr)
    char *dir =
        ws->template && *ws->template ? template_dir(ws->org, ws->template) : NULL;
    if (!dir)
        return 1;
    struct reading r = {dir, ret, 0, err};
    return catalog_walk(dir, read_one, &r, err) < 0 ? -1 : 0;
}

int volume_write_token(struct workspace *ws, struct err *err)
{
    char token[44];
    (void)token_mint(ws->org, ws, TOKEN_INSTANCE, NULL, token);
    CLEANUP(free_ptr) char *path = box_path(ws, "/configs", ".auth_token");
    return fs_write(path, token, strlen(token), 0600, err);
}
