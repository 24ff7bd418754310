/*
 * Files and directories by path: whole-file reads and writes, trees, joined paths.
 * Everything opened here is close-on-exec. Symbolic links are never followed out of a
 * tree that is being removed or listed.
 */
#ifndef BASE_FS_H
#define BASE_FS_H

#include "base/buf.h"
#include "base/err.h"
#include "base/strv.h"
#include <stdbool.h>
#include <stdint.h>

/* Appends the file's content. ERR_SYS (ENOENT when absent); ERR_SHAPE past ret's max. */
MUST_CHECK int fs_read(const char *path, struct buf *ret, struct err *err);

/* Writes a temporary file beside it and renames: readers see the old or the new one. */
MUST_CHECK int fs_write(const char *path, const void *data, size_t len, int mode,
                        struct err *err);

/* The same for a path that a user named: a symbolic link leads to the file that is
 * replaced, and what is no regular file (a FIFO, a device, /dev/stdout) is written to. */
MUST_CHECK int fs_write_output(const char *path, const void *data, size_t len, int mode,
                               struct err *err);

/* Creates the directory and its parents (mode 0700 for new ones). */
MUST_CHECK int fs_mkdirs(const char *path, struct err *err);
/* Creates the parents of a file's path. */
MUST_CHECK int fs_mkparents(const char *path, struct err *err);
/* Removes a tree, or nothing when it is absent. */
MUST_CHECK int fs_rmtree(const char *path, struct err *err);

bool fs_exists(const char *path);
bool fs_is_dir(const char *path);

struct fs_entry {
    char *path; /* relative to the listed directory, '/'-separated */
    bool dir;
    int64_t size; /* bytes; 0 for directories */
};

typedef int fs_visit_fn(const struct fs_entry *entry, void *arg);
/* Visits what is under dir, sorted by name, parents before children, down to depth
 * (1 = direct entries only). Symbolic links are skipped. An absent directory visits
 * nothing. A non-zero return of visit ends the walk and is returned. */
int fs_walk(const char *dir, int depth, fs_visit_fn *visit, void *arg, struct err *err);

/* "a/b" without doubled slashes; caller frees. */
char *fs_join(const char *a, const char *b);
/* A relative path without empty, "." or ".." parts and not absolute. */
bool fs_path_is_safe(const char *path);
/* Absolute path of the running program; caller frees. */
char *fs_self_exe(struct err *err);

#endif
