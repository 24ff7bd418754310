#include "base/cleanup.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void free_ptr(char **p)
{
    free(*p);
    *p = NULL;
}

void close_fd(int *fd)
{
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

void *xcheck(void *p)
{
    static const char line[] = "out of memory\n";

    if (!p) {
        ssize_t ignored = write(STDERR_FILENO, line, sizeof(line) - 1);
        (void)ignored;
        abort();
    }
    return p;
}

void *xmalloc(size_t n)
{
    return xcheck(malloc(n ? n : 1));
}

void *xcalloc(size_t n, size_t size)
{
    return xcheck(calloc(n ? n : 1, size ? size : 1));
}

void *xrealloc(void *p, size_t n)
{
    return xcheck(realloc(p, n ? n : 1));
}

char *xstrdup(const char *s)
{
    return xcheck(strdup(s));
}

char *xstrndup(const char *s, size_t n)
{
    return xcheck(strndup(s, n));
}

char *xasprintf(const char *fmt, ...)
{
    char *out = NULL;
    va_list ap;

    va_start(ap, fmt);
    if (vasprintf(&out, fmt, ap) < 0)
        out = NULL;
    va_end(ap);
    return xcheck(out);
}
