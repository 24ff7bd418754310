#include "mocks/forge/archive.h"

#include <archive.h>
#include <archive_entry.h>

#include "base/dynlib.h"

#define EACH(X)                                                                          \
    X(archive_entry_filetype)                                                            \
    X(archive_entry_free)                                                                \
    X(archive_entry_hardlink)                                                            \
    X(archive_entry_new)                                                                 \
    X(archive_entry_pathname)                                                            \
    X(archive_entry_perm)                                                                \
    X(archive_entry_set_filetype)                                                        \
    X(archive_entry_set_mtime)                                                           \
    X(archive_entry_set_pathname)                                                        \
    X(archive_entry_set_perm)                                                            \
    X(archive_entry_set_size)                                                            \
    X(archive_entry_size)                                                                \
    X(archive_error_string)                                                              \
    X(archive_read_data)                                                                 \
    X(archive_read_free)                                                                 \
    X(archive_read_new)                                                                  \
    X(archive_read_next_header)                                                          \
    X(archive_read_open_memory)                                                          \
    X(archive_read_support_filter_gzip)                                                  \
    X(archive_read_support_format_tar)                                                   \
    X(archive_write_add_filter_gzip)                                                     \
    X(archive_write_close)                                                               \
    X(archive_write_data)                                                                \
    X(archive_write_free)                                                                \
    X(archive_write_header)                                                              \
    X(archive_write_new)                                                                 \
    X(archive_write_open_fd)                                                             \
    X(archive_write_set_bytes_in_last_block)                                             \
    X(archive_write_set_format_pax_restricted)                                           \
    X(archive_write_set_options)

DYNLIB(EACH, "libarchive.so.13");

int forge_archive_load(struct err *err)
{
    return dynlib_load(&library, err);
}

int archive_read_free(struct archive *a)
{
    return lib.archive_read_free(a);
}

struct archive *archive_read_new(void)
{
    return lib.archive_read_new();
}

int archive_read_support_filter_gzip(struct archive *a)
{
    return lib.archive_read_support_filter_gzip(a);
}

int archive_read_support_format_tar(struct archive *a)
{
    return lib.archive_read_support_format_tar(a);
}

int archive_read_open_memory(struct archive *a, const void *data, size_t len)
{
    return lib.archive_read_open_memory(a, data, len);
}

int archive_read_next_header(struct archive *a, struct archive_entry **ret)
{
    return lib.archive_read_next_header(a, ret);
}

la_ssize_t archive_read_data(struct archive *a, void *to, size_t len)
{
    return lib.archive_read_data(a, to, len);
}

struct archive *archive_write_new(void)
{
    return lib.archive_write_new();
}

int archive_write_free(struct archive *a)
{
    return lib.archive_write_free(a);
}

int archive_write_close(struct archive *a)
{
    return lib.archive_write_close(a);
}

int archive_write_add_filter_gzip(struct archive *a)
{
    return lib.archive_write_add_filter_gzip(a);
}

int archive_write_set_format_pax_restricted(struct archive *a)
{
    return lib.archive_write_set_format_pax_restricted(a);
}

int archive_write_set_options(struct archive *a, const char *options)
{
    return lib.archive_write_set_options(a, options);
}

int archive_write_set_bytes_in_last_block(struct archive *a, int bytes)
{
    return lib.archive_write_set_bytes_in_last_block(a, bytes);
}

int archive_write_open_fd(struct archive *a, int fd)
{
    return lib.archive_write_open_fd(a, fd);
}

int archive_write_header(struct archive *a, struct archive_entry *e)
{
    return lib.archive_write_header(a, e);
}

la_ssize_t archive_write_data(struct archive *a, const void *data, size_t len)
{
    return lib.archive_write_data(a, data, len);
}

const char *archive_error_string(struct archive *a)
{
    return lib.archive_error_string(a);
}

struct archive_entry *archive_entry_new(void)
{
    return lib.archive_entry_new();
}

void archive_entry_free(struct archive_entry *e)
{
    lib.archive_entry_free(e);
}

const char *archive_entry_pathname(struct archive_entry *e)
{
    return lib.archive_entry_pathname(e);
}

const char *archive_entry_hardlink(struct archive_entry *e)
{
    return lib.archive_entry_hardlink(e);
}

mode_t archive_entry_filetype(struct archive_entry *e)
{
    return lib.archive_entry_filetype(e);
}

mode_t archive_entry_perm(struct archive_entry *e)
{
    return lib.archive_entry_perm(e);
}

la_int64_t archive_entry_size(struct archive_entry *e)
{
    return lib.archive_entry_size(e);
}

void archive_entry_set_pathname(struct archive_entry *e, const char *path)
{
    lib.archive_entry_set_pathname(e, path);
}

void archive_entry_set_filetype(struct archive_entry *e, unsigned int type)
{
    lib.archive_entry_set_filetype(e, type);
}

void archive_entry_set_perm(struct archive_entry *e, mode_t perm)
{
    lib.archive_entry_set_perm(e, perm);
}

void archive_entry_set_size(struct archive_entry *e, la_int64_t size)
{
    lib.archive_entry_set_size(e, size);
}

void archive_entry_set_mtime(struct archive_entry *e, time_t at, long ns)
{
    lib.archive_entry_set_mtime(e, at, ns);
}
