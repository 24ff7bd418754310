/*
 * Scope-bound release of resources, and die-on-out-of-memory allocation.
 *
 * CLEANUP(x_release) on a declaration runs x_release(&var) when the variable leaves its
 * scope; TAKE(p) hands a pointer over and leaves NULL behind. Every input is capped
 * (base/limits.h), so running out of memory is not an error to recover from: the
 * allocation functions print one line and abort.
 */
#ifndef BASE_CLEANUP_H
#define BASE_CLEANUP_H

#include <stddef.h>

#define CLEANUP(fn) __attribute__((cleanup(fn)))
#define TAKE(p)                                                                          \
    __extension__({                                                                      \
        __typeof__(p) take_value_ = (p);                                                 \
        (p) = NULL;                                                                      \
        take_value_;                                                                     \
    })
#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))
#define MUST_CHECK __attribute__((warn_unused_result))
#define PRINTF_LIKE(f, a) __attribute__((format(printf, f, a)))
#define UNUSED __attribute__((unused))

/* For CLEANUP on a char pointer and on a file descriptor (-1 = none). */
void free_ptr(char **p);
void close_fd(int *fd);

/* Never NULL; the caller owns the result and releases it with free(). */
void *xmalloc(size_t n);
void *xcalloc(size_t n, size_t size);
void *xrealloc(void *p, size_t n);
char *xstrdup(const char *s);
char *xstrndup(const char *s, size_t n); /* of a text: it stops at a NUL before n */
char *xasprintf(const char *fmt, ...) PRINTF_LIKE(1, 2);

/* Aborts with one line when p is NULL: for libraries that report out of memory so. */
void *xcheck(void *p);

#endif
