#include "mocks/forge/pack.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/fs.h"
#include "base/limits.h"
#include "mocks/forge/archive.h"
#include "mocks/forge/catalog.h"

struct packing {
    struct archive *a;
    const char *dir, *top;
    size_t total, max_total;
    struct err *err;
};

static int pack_failed(struct packing *p)
{
    const char *why = archive_error_string(p->a);
    return err_set(p->err, ERR_SYS, "cannot pack '%s': %s", p->dir,
                   why == NULL ? "?" : why);
}

static void entry_drop(struct archive_entry **e)
{
    archive_entry_free(*e);
}

static int pack_header(struct packing *p, const char *name, bool dir, mode_t mode,
                       size_t size)
{
    CLEANUP(entry_drop) struct archive_entry *e = xcheck(archive_entry_new());
    CLEANUP(free_ptr)
    char *full =
        xasprintf("%s%s%s%s", p->top == NULL ? "" : p->top, p->top == NULL ? "" : "/",
                  name, dir && *name != '\0' ? "/" : "");
    archive_entry_set_pathname(e, full);
    archive_entry_set_filetype(e, dir ? AE_IFDIR : AE_IFREG);
    archive_entry_set_perm(e, mode);
    archive_entry_set_size(e, (la_int64_t)size);
    archive_entry_set_mtime(e, 0, 0); /* the same tree, the same bytes */
    return archive_write_header(p->a, e) < ARCHIVE_WARN ? pack_failed(p) : 0;
}

static int pack_entry(const struct fs_entry *entry, void *arg)
{
    struct packing *p = arg;
    if (entry->dir)
        return pack_header(p, entry->path, true, 0755, 0);
    CLEANUP(free_ptr) char *path = fs_join(p->dir, entry->path);
    CLEANUP(buf_release) struct buf data = BUF_INIT(LIMIT_ARCHIVE);
    struct stat st;
    if (stat(path, &st) != 0)
        return err_sys(p->err, errno, "cannot read '%s'", path);
    p->total += (size_t)st.st_size;
    if (p->total > p->max_total)
        return err_set(p->err, ERR_SHAPE, "'%s' holds more than %zu bytes", p->dir,
                       p->max_total);
    if (fs_read(path, &data, p->err) < 0)
        return -1;
    mode_t mode = (st.st_mode & S_IXUSR) != 0 ? 0755 : 0644;
    if (pack_header(p, entry->path, false, mode, data.len) < 0)
        return -1;
    if (data.len > 0 &&
        archive_write_data(p->a, data.data, data.len) != (la_ssize_t)data.len)
        return pack_failed(p);
    return 0;
}

static void writer_drop(struct archive **a)
{
    (void)archive_write_free(*a);
}

int pack_tree(const char *dir, const char *top, size_t max_total, int fd, struct err *err)
{
    if (forge_archive_load(err))
        return -1;
    CLEANUP(writer_drop) struct archive *a = xcheck(archive_write_new());
    struct packing p = {
        .a = a, .dir = dir, .top = top, .max_total = max_total, .err = err};
    if (archive_write_set_format_pax_restricted(a) != ARCHIVE_OK ||
        archive_write_add_filter_gzip(a) != ARCHIVE_OK ||
        archive_write_set_options(a, "gzip:compression-level=1,gzip:!timestamp") !=
            ARCHIVE_OK ||
        /* Or zeros would follow the compressed end. */
        archive_write_set_bytes_in_last_block(a, 1) != ARCHIVE_OK ||
        archive_write_open_fd(a, fd) != ARCHIVE_OK)
        return pack_failed(&p);
    if ((top != NULL && pack_header(&p, "", true, 0755, 0) < 0) ||
        catalog_walk(dir, pack_entry, &p, err) < 0)
        return -1;
    return archive_write_close(a) != ARCHIVE_OK ? pack_failed(&p) : 0;
}

int pack_open(const char *dir, int *ret_fd, struct err *err)
{
    int fd = open(dir, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    if (fd < 0)
        return err_sys(err, errno, "cannot make a file in '%s'", dir);
    *ret_fd = fd;
    return 0;
}
