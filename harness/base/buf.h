/*
 * A growable byte string with a required maximum.
 *
 * Invariants: data is never NULL and always NUL-terminated (the terminator is not
 * counted in len). An append that would pass max is cut off at max and sets `truncated`,
 * which stays set until buf_reset. A buffer of size zero allocates nothing.
 */
#ifndef BASE_BUF_H
#define BASE_BUF_H

#include "base/cleanup.h"
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

struct buf {
    char *data;     /* owned, unless empty */
    size_t len;     /* bytes, without the terminator */
    size_t cap;     /* allocated bytes, 0 = none */
    size_t max;     /* bytes that len may reach */
    bool truncated; /* an append was cut off */
};

extern char buf_empty[1];
#define BUF_INIT(maximum)                                                                \
    {                                                                                    \
        .data = buf_empty, .len = 0, .cap = 0, .max = (maximum)                          \
    }

void buf_init(struct buf *b, size_t max);
void buf_release(struct buf *b); /* empty and usable again, same max */
void buf_reset(struct buf *b);   /* len = 0, keeps the memory */

/* Makes room for `more` bytes at once, where the size is about known. */
void buf_reserve(struct buf *b, size_t more);
void buf_add(struct buf *b, const void *data, size_t len);
void buf_adds(struct buf *b, const char *s);
void buf_addc(struct buf *b, char c);
void buf_addf(struct buf *b, const char *fmt, ...) PRINTF_LIKE(2, 3);
void buf_vaddf(struct buf *b, const char *fmt, va_list ap) PRINTF_LIKE(2, 0);

/* Removes the first n bytes. */
void buf_consume(struct buf *b, size_t n);

/* Hands the memory over (caller frees); the buffer is empty afterwards. Never NULL. */
char *buf_steal(struct buf *b);

#endif
