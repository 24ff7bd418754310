/*
 * Copies of directory trees inside a box: regular files and directories, modes kept,
 * symbolic links left out.
 */
#ifndef BOX_TREE_H
#define BOX_TREE_H

#include "base/err.h"
#include "base/strv.h"

/* Copies what is under src to dst, which is created; a file that is there is replaced.
 * skip: top-level names to leave out, NULL = none. ERR_SYS, ERR_SHAPE (file too large).
 */
MUST_CHECK int tree_copy(const char *src, const char *dst, const struct strv *skip,
                         struct err *err);

/* Copies one file (at most LIMIT_FILE) with its mode; makes the parents. */
MUST_CHECK int tree_copy_file(const char *src, const char *dst, struct err *err);

/* The names of the directories (dirs = true) or of the regular files directly in dir that
 * do not begin with a dot, sorted. An absent directory gives none. */
void tree_list(const char *dir, bool dirs, struct strv *ret);

#endif
