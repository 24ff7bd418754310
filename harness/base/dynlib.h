/*
 * Shared libraries that are loaded when the first call wants them: what they bring with
 * them would make every start of a short-lived program wait.
 */
#ifndef BASE_DYNLIB_H
#define BASE_DYNLIB_H

#include <stdbool.h>
#include <stddef.h>

#include "base/cleanup.h"
#include "base/err.h"

struct dynlib_name {
    const char *name;
    void *to; /* a pointer to a pointer of this name's type */
};

struct dynlib {
    const char *soname; /* "libcurl.so.4" */
    const struct dynlib_name *names;
    size_t n;
    bool loaded;
};

/* Fills every pointer, once. The library stays to the end of the process: none of ours
 * could be closed and opened again. ERR_CONFIG: it is not installed, or lacks a name. */
MUST_CHECK int dynlib_load(struct dynlib *lib, struct err *err);

/* Of a list of names, EACH(X) = X(one) X(two) ...: the pointers as members of `lib`, NULL
 * until `library` is loaded. The names need their header only. */
#define DYNLIB(EACH, file)                                                               \
    static struct {                                                                      \
        EACH(DYNLIB_MEMBER)                                                              \
    } lib;                                                                               \
    static const struct dynlib_name library_names[] = {EACH(DYNLIB_ROW)};                \
    static struct dynlib library = {file, library_names, ARRAY_SIZE(library_names), false}
#define DYNLIB_MEMBER(name) __typeof__ (&(name))(name);
#define DYNLIB_ROW(name) {#name, &lib.name},

#endif
