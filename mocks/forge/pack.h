/*
 * Trees as gzip tar archives. The same tree gives the same bytes: names in order, no
 * times, modes 0755 and 0644 only, symbolic links and .git left out.
 */
#ifndef FORGE_PACK_H
#define FORGE_PACK_H

#include "base/err.h"
#include <stddef.h>

/* Writes the archive to fd. top: the directory that everything is in, NULL = none.
 * ERR_SYS; ERR_SHAPE past max_total bytes of content. */
MUST_CHECK int pack_tree(const char *dir, const char *top, size_t max_total, int fd,
                         struct err *err);

/* A file without a name in dir, open for reading and writing. ERR_SYS. */
MUST_CHECK int pack_open(const char *dir, int *ret_fd, struct err *err);

#endif
