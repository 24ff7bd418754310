#include "mocks/box/tree.h"

#include "base/buf.h"
#include "base/fs.h"
#include "base/limits.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

enum { WHOLE_TREE = 64 }; /* levels; deeper than any plugin */

int tree_copy_file(const char *src, const char *dst, struct err *err)
{
    struct buf content = BUF_INIT(LIMIT_FILE);
    struct stat st;
    int rc = -1;

    if (stat(src, &st) < 0)
        return err_sys(err, errno, "cannot read '%s'", src);
    if (fs_read(src, &content, err) == 0 && fs_mkparents(dst, err) == 0)
        rc = fs_write(dst, content.data, content.len, (int)(st.st_mode & 0777), err);
    buf_release(&content);
    return rc;
}

struct copy {
    const char *src, *dst;
    const struct strv *skip;
    struct err *err;
};

static bool skipped(const struct copy *c, const char *path)
{
    if (!c->skip)
        return false;
    char *top = xstrndup(path, strcspn(path, "/"));
    bool found = strv_has(c->skip, top);
    free(top);
    return found;
}

static int copy_entry(const struct fs_entry *entry, void *arg)
{
    struct copy *c = arg;

    if (skipped(c, entry->path))
        return 0;
    char *from CLEANUP(free_ptr) = fs_join(c->src, entry->path);
    char *to CLEANUP(free_ptr) = fs_join(c->dst, entry->path);
    return entry->dir ? fs_mkdirs(to, c->err) : tree_copy_file(from, to, c->err);
}

int tree_copy(const char *src, const char *dst, const struct strv *skip, struct err *err)
{
    struct copy c = {.src = src, .dst = dst, .skip = skip, .err = err};

    if (fs_mkdirs(dst, err) < 0)
        return -1;
    return fs_walk(src, WHOLE_TREE, copy_entry, &c, err);
}

struct listing {
    bool dirs;
    struct strv *names;
};

static int list_entry(const struct fs_entry *entry, void *arg)
{
    const struct listing *l = arg;

    if (entry->dir == l->dirs && entry->path[0] != '.')
        strv_add(l->names, entry->path);
    return 0;
}

void tree_list(const char *dir, bool dirs, struct strv *ret)
{
    struct listing l = {.dirs = dirs, .names = ret};

    /* What cannot be listed holds nothing for the adaptors. */
    (void)fs_walk(dir, 1, list_entry, &l, NULL);
    strv_sort(ret);
}
