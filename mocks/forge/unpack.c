#include "mocks/forge/unpack.h"

#include <archive.h>
#include <archive_entry.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/buf.h"
#include "base/fs.h"
#include "base/limits.h"
#include "mocks/forge/archive.h"

static void archive_drop(struct archive **a)
{
    if (*a != NULL)
        (void)archive_read_free(*a);
}

static const char *archive_why(struct archive *a)
{
    const char *why = archive_error_string(a);
    return why == NULL ? "unknown format" : why;
}

static int open_archive(struct archive **ret, const void *data, size_t len,
                        struct err *err)
{
    if (forge_archive_load(err))
        return -1;
    struct archive *a = xcheck(archive_read_new());
    *ret = a;
    if (archive_read_support_filter_gzip(a) < ARCHIVE_WARN ||
        archive_read_support_format_tar(a) < ARCHIVE_WARN ||
        archive_read_open_memory(a, data, len) != ARCHIVE_OK)
        return err_set(err, ERR_SHAPE, "not a gzip tar archive: %s", archive_why(a));
    return 0;
}

/* What is left of a member's name after the top directory: "" for that itself, NULL for
 * a name that is not safe. */
static const char *below_top(const char *name)
{
    if (name == NULL)
        return NULL;
    while (strncmp(name, "./", 2) == 0)
        name += 2;
    size_t len = strlen(name);
    while (len > 1 && name[len - 1] == '/')
        len--;
    if (len == 0)
        return "";
    CLEANUP(free_ptr) char *bare = xstrndup(name, len);
    if (!fs_path_is_safe(bare))
        return NULL;
    const char *slash = strchr(name, '/');
    return slash == NULL ? "" : slash + 1;
}

/* The path under sub, or NULL when it is not there. A file that is sub itself keeps its
 * last component. */
static const char *below_sub(const char *path, const char *sub)
{
    if (sub == NULL || *sub == '\0')
        return path;
    size_t len = strlen(sub);
    if (strncmp(path, sub, len) != 0)
        return NULL;
    if (path[len] == '/')
        return path + len + 1;
    if (path[len] != '\0')
        return NULL;
    const char *slash = strrchr(path, '/');
    return slash == NULL ? path : slash + 1;
}

typedef int take_fn(const char *path, const struct buf *data, bool executable, void *arg,
                    struct err *err);

struct taking {
    const char *sub;
    size_t max_file, max_total;
    size_t total, files; /* so far */
    unpack_want_fn *want;
    take_fn *take;
    void *arg;
};

static int too_large(struct err *err, const char *name, size_t limit)
{
    (void)err_set(err, ERR_SHAPE, "'%.200s' is larger than %zu bytes", name, limit);
    return UNPACK_TOO_LARGE;
}

/* Reads the member's data. Its size in the header is a claim, so bytes are counted. */
static int read_member(struct archive *a, const char *name, struct taking *t,
                       struct buf *out, struct err *err)
{
    char chunk[16 * 1024];
    for (;;) {
        la_ssize_t n = archive_read_data(a, chunk, sizeof chunk);
        if (n == 0)
            return 0;
        if (n < 0)
            return err_set(err, ERR_SHAPE, "damaged archive at '%.200s': %s", name,
                           archive_why(a));
        t->total += (size_t)n;
        if ((size_t)n > t->max_file - out->len)
            return too_large(err, name, t->max_file);
        if (t->total > t->max_total)
            return too_large(err, "the archive", t->max_total);
        buf_add(out, chunk, (size_t)n);
    }
}

static int take_member(struct archive *a, struct archive_entry *entry, struct taking *t,
                       struct err *err)
{
    const char *name = archive_entry_pathname(entry);
    const char *path = below_top(name);
    if (path == NULL)
        return err_set(err, ERR_SHAPE, "unsafe name '%.200s' in the archive",
                       name == NULL ? "?" : name);
    if (archive_entry_filetype(entry) != AE_IFREG || *path == '\0' ||
        archive_entry_hardlink(entry) != NULL)
        return 0;
    path = below_sub(path, t->sub);
    if (path == NULL || *path == '\0' || (t->want != NULL && !t->want(path)))
        return 0;
    size_t claimed = (size_t)archive_entry_size(entry);
    if (claimed > t->max_file)
        return too_large(err, path, t->max_file);
    if (claimed > t->max_total - t->total)
        return too_large(err, "the archive", t->max_total);
    CLEANUP(buf_release) struct buf data = BUF_INIT(t->max_file);
    /* libarchive may reuse the name while it reads. */
    CLEANUP(free_ptr) char *kept = xstrdup(path);
    bool executable = (archive_entry_perm(entry) & S_IXUSR) != 0;
    int rc = read_member(a, kept, t, &data, err);
    if (rc != 0)
        return rc;
    t->files++;
    return t->take(kept, &data, executable, t->arg, err);
}

static int take_members(struct archive *a, struct taking *t, struct err *err)
{
    for (;;) {
        struct archive_entry *entry = NULL;
        int rc = archive_read_next_header(a, &entry);
        if (rc == ARCHIVE_EOF)
            return 0;
        if (rc < ARCHIVE_WARN)
            return err_set(err, ERR_SHAPE, "damaged archive: %s", archive_why(a));
        rc = take_member(a, entry, t, err);
        if (rc != 0)
            return rc;
    }
}

static int take_all(const void *data, size_t len, const struct unpack_opts *opts,
                    struct taking *t, struct err *err)
{
    CLEANUP(archive_drop) struct archive *a = NULL;
    CLEANUP(free_ptr) char *sub = NULL;
    t->max_file = opts != NULL && opts->max_file > 0 ? opts->max_file : LIMIT_FILE;
    t->max_total = opts != NULL && opts->max_total > 0 ? opts->max_total : LIMIT_ARCHIVE;
    if (opts != NULL && opts->sub != NULL && opts->sub[0] != '\0') {
        size_t n = strlen(opts->sub);
        while (n > 0 && opts->sub[n - 1] == '/')
            n--;
        sub = xstrndup(opts->sub, n);
        if (!fs_path_is_safe(sub))
            return UNPACK_NO_SUCH_PATH;
        t->sub = sub;
    }
    if (open_archive(&a, data, len, err) < 0)
        return -1;
    t->want = opts != NULL ? opts->want : NULL;
    int rc = take_members(a, t, err);
    if (rc != 0)
        return rc;
    return sub != NULL && t->files == 0 ? UNPACK_NO_SUCH_PATH : UNPACK_OK;
}

struct visiting {
    unpack_visit_fn *visit;
    void *arg;
};

static int visit_one(const char *path, const struct buf *data, bool executable, void *arg,
                     struct err *err)
{
    (void)executable;
    const struct visiting *v = arg;
    return v->visit(path, data->data, data->len, v->arg, err);
}

int unpack_visit(const void *data, size_t len, const struct unpack_opts *opts,
                 unpack_visit_fn *visit, void *arg, struct err *err)
{
    struct visiting v = {visit, arg};
    struct taking t = {.take = visit_one, .arg = &v};
    return take_all(data, len, opts, &t, err);
}

struct writing {
    const char *dir;
};

static int write_one(const char *path, const struct buf *data, bool executable, void *arg,
                     struct err *err)
{
    const struct writing *w = arg;
    CLEANUP(free_ptr) char *full = fs_join(w->dir, path);
    if (fs_mkparents(full, err) < 0)
        return -1;
    return fs_write(full, data->data, data->len, executable ? 0700 : 0600, err);
}

int unpack_dir(const void *data, size_t len, const struct unpack_opts *opts,
               const char *dir, struct err *err)
{
    struct writing w = {dir};
    struct taking t = {.take = write_one, .arg = &w};
    if (fs_mkdirs(dir, err) < 0)
        return -1;
    return take_all(data, len, opts, &t, err);
}
