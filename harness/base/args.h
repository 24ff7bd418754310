/*
 * Options of a program as rows of a table; every value goes into a field of one struct.
 */
#ifndef BASE_ARGS_H
#define BASE_ARGS_H

#include <stddef.h>
#include <stdint.h>

#include "base/cleanup.h"
#include "base/err.h"

enum arg_kind {
    ARG_FLAG,  /* bool */
    ARG_TEXT,  /* const char *, borrowed from argv */
    ARG_TEXTS, /* struct strv */
    ARG_INT,   /* int */
    ARG_INT64, /* int64_t */
    ARG_SIZE,  /* size_t */
    ARG_RATIO, /* double, above 0 */
    ARG_HELP   /* no field */
};

struct arg_row {
    const char *name; /* without its dashes */
    enum arg_kind kind;
    size_t offset;     /* of the field in the struct */
    int64_t low, high; /* of a number; of ARG_RATIO only high */
};

enum { ARGS_MAX = 32 }; /* rows of one table */

/* argv[0] is the command's name and does not count. 0 = taken, 1 = help was asked for;
 * negative with ERR_USAGE, which names `program` for more. *ret_word: the one argument
 * that is no option, NULL = none; a NULL ret_word allows none. */
MUST_CHECK int args_parse(int argc, char **argv, const char *program,
                          const struct arg_row *rows, size_t n, void *into,
                          const char **ret_word, struct err *err);

#endif
