/*
 * Enums and their names in one place, and the nearest known name for a typing mistake.
 */
#ifndef BASE_TABLE_H
#define BASE_TABLE_H

#include <stdbool.h>
#include <stddef.h>

struct name_row {
    int value;
    const char *name; /* NULL ends the table */
};

/* Never NULL: "?" for a value that is not in the table. */
const char *table_name(const struct name_row *rows, int value);
bool table_value(const struct name_row *rows, const char *name, int *ret);

/* The candidate nearest to `word`, or NULL when none is near (more than a third of the
 * letters differ). Borrowed from candidates. */
const char *nearest_name(const char *word, const char *const *candidates, size_t n);
/* The end of a message about it: "; did you mean 'x'?", or "". Caller frees. */
char *did_you_mean(const char *word, const char *const *candidates, size_t n);

#endif
