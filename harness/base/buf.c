#include "base/buf.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

char buf_empty[1];

void buf_init(struct buf *b, size_t max)
{
    *b = (struct buf)BUF_INIT(max);
}

void buf_release(struct buf *b)
{
    if (b->cap)
        free(b->data);
    buf_init(b, b->max);
}

void buf_reset(struct buf *b)
{
    b->len = 0;
    b->truncated = false;
    if (b->cap)
        b->data[0] = '\0';
    else
        b->data = buf_empty;
}

/* Makes room for `more` bytes and the terminator; len + more is within max. */
static void grow(struct buf *b, size_t more)
{
    size_t need = b->len + more + 1;
    /* Doubling, so that a long sequence of small appends stays linear. */
    size_t cap = b->cap ? b->cap * 2 : 64;

    if (need <= b->cap)
        return;
    if (cap < need)
        cap = need;
    b->data = xrealloc(b->cap ? b->data : NULL, cap);
    b->cap = cap;
}

void buf_reserve(struct buf *b, size_t more)
{
    if (more > b->max - b->len)
        more = b->max - b->len;
    grow(b, more);
    b->data[b->len] = '\0';
}

void buf_add(struct buf *b, const void *data, size_t len)
{
    if (len > b->max - b->len) {
        len = b->max - b->len;
        b->truncated = true;
    }
    if (len == 0)
        return;
    grow(b, len);
    memcpy(b->data + b->len, data, len);
    b->len += len;
    b->data[b->len] = '\0';
}

void buf_adds(struct buf *b, const char *s)
{
    buf_add(b, s, strlen(s));
}

void buf_addc(struct buf *b, char c)
{
    if (b->len + 1 >= b->cap || b->len >= b->max) {
        buf_add(b, &c, 1);
        return;
    }
    b->data[b->len++] = c;
    b->data[b->len] = '\0';
}

void buf_vaddf(struct buf *b, const char *fmt, va_list ap)
{
    char small[256];
    va_list again;
    int n;

    va_copy(again, ap);
    n = vsnprintf(small, sizeof(small), fmt, ap);
    if (n >= 0 && (size_t)n < sizeof(small)) {
        buf_add(b, small, (size_t)n);
    } else if (n >= 0) {
        char *text = xmalloc((size_t)n + 1);

        (void)vsnprintf(text, (size_t)n + 1, fmt, again);
        buf_add(b, text, (size_t)n);
        free(text);
    }
    va_end(again);
}

void buf_addf(struct buf *b, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    buf_vaddf(b, fmt, ap);
    va_end(ap);
}

void buf_consume(struct buf *b, size_t n)
{
    if (n == 0)
        return;
    if (n >= b->len) {
        b->len = 0;
    } else {
        memmove(b->data, b->data + n, b->len - n);
        b->len -= n;
    }
    if (b->cap)
        b->data[b->len] = '\0';
}

char *buf_steal(struct buf *b)
{
    char *out = b->cap ? b->data : xstrdup("");

    buf_init(b, b->max);
    return out;
}
