/*
 * Shared libraries that are loaded when the first call wants them: what they bring with
 * them would make every start of a short-lived program wait.
 */
#ifndef BASE_DYNLIB_H
#define BASE_DYNLIB_H

#include <stddef.h>

#include "base/cleanup.h"
#include "base/err.h"

struct dynlib_function {
    const char *name;
    void *to; /* a pointer to a function of this name's type */
};

/* Fills every pointer. The library stays to the end of the process: none of ours could be
 * closed and opened again. ERR_CONFIG: it is not installed, or lacks a function. */
MUST_CHECK int dynlib_load(const char *soname, const struct dynlib_function *functions,
                           size_t n, struct err *err);

#endif
