/*
 * Taking a forge's archive (gzip tar) apart, without trusting it.
 *
 * Source: Gitea's archive API: one top directory, named after the repository, which is
 * dropped here. Only regular files come out; links, devices and the archive's own global
 * headers are skipped. A name that is absolute or climbs out of the top directory is an
 * error of the whole archive, and nothing of the name is used.
 */
#ifndef FORGE_UNPACK_H
#define FORGE_UNPACK_H

#include "base/err.h"
#include <stdbool.h>
#include <stddef.h>

/* Whether the file of this path is taken at all; the others count for no limit. */
typedef bool unpack_want_fn(const char *path);

struct unpack_opts {
    const char *sub;  /* only what is under this directory, which is dropped too, or this
                       * one file; NULL or "" = everything */
    size_t max_file;  /* bytes of one file; 0 = LIMIT_FILE */
    size_t max_total; /* bytes of all; 0 = LIMIT_ARCHIVE */
    unpack_want_fn *want; /* NULL = everything */
};

enum unpack_result { UNPACK_OK = 0, UNPACK_NO_SUCH_PATH = 1, UNPACK_TOO_LARGE = 2 };

/* One file; path is relative and safe, data is borrowed. A negative return ends the
 * visit, which returns it; *err is then the visitor's. */
typedef int unpack_visit_fn(const char *path, const void *data, size_t len, void *arg,
                            struct err *err);

/* opts NULL = the defaults. UNPACK_NO_SUCH_PATH: no file is at or under opts->sub.
 * UNPACK_TOO_LARGE: more than a limit (*err says which; the headers are asked first, so
 * nothing is unpacked for nothing). ERR_SHAPE: not an archive, an unsafe name. The files
 * before the fault have been visited. */
MUST_CHECK int unpack_visit(const void *data, size_t len, const struct unpack_opts *opts,
                            unpack_visit_fn *visit, void *arg, struct err *err);

/* Writes the files under dir (made with its parents; existing files are replaced, modes
 * 0600 or, for executables, 0700). On failure what was written stays. */
MUST_CHECK int unpack_dir(const void *data, size_t len, const struct unpack_opts *opts,
                          const char *dir, struct err *err);

#endif
