#include "base/strv.h"

#include "base/buf.h"
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void strv_release(struct strv *s)
{
    for (size_t i = 0; i < s->n; i++)
        free(s->v[i]);
    free(s->v);
    *s = (struct strv)STRV_INIT;
}

void strv_move(struct strv *dst, struct strv *src)
{
    strv_release(dst);
    *dst = *src;
    *src = (struct strv)STRV_INIT;
}

void strv_take(struct strv *s, char *str)
{
    if (s->n + 2 > s->cap) {
        s->cap = s->cap ? s->cap * 2 : 8;
        s->v = xrealloc(s->v, s->cap * sizeof(*s->v));
    }
    s->v[s->n++] = str;
    s->v[s->n] = NULL;
}

void strv_add(struct strv *s, const char *str)
{
    strv_take(s, xstrdup(str));
}

void strv_addf(struct strv *s, const char *fmt, ...)
{
    char *out = NULL;
    va_list ap;

    va_start(ap, fmt);
    if (vasprintf(&out, fmt, ap) < 0)
        out = NULL;
    va_end(ap);
    strv_take(s, xcheck(out));
}

void strv_copy(struct strv *dst, const struct strv *src)
{
    for (size_t i = 0; i < src->n; i++)
        strv_add(dst, src->v[i]);
}

bool strv_has(const struct strv *s, const char *str)
{
    for (size_t i = 0; i < s->n; i++) {
        if (strcmp(s->v[i], str) == 0)
            return true;
    }
    return false;
}

static int compare(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

void strv_sort(struct strv *s)
{
    if (s->n > 1)
        qsort(s->v, s->n, sizeof(*s->v), compare);
}

void strv_split(struct strv *s, const char *text, char sep)
{
    while (*text) {
        const char *end = strchrnul(text, sep);

        if (end > text)
            strv_take(s, xstrndup(text, (size_t)(end - text)));
        text = *end ? end + 1 : end;
    }
}

char *strv_join(const struct strv *s, const char *sep)
{
    struct buf out = BUF_INIT(SIZE_MAX / 2);

    for (size_t i = 0; i < s->n; i++) {
        if (i)
            buf_adds(&out, sep);
        buf_adds(&out, s->v[i]);
    }
    return buf_steal(&out);
}

char *const *strv_argv(const struct strv *s)
{
    static char *const none[] = {NULL};

    return s->v ? s->v : none;
}

static bool names(const char *entry, const char *name, size_t len)
{
    return strncmp(entry, name, len) == 0 && entry[len] == '=';
}

const char *strv_env_get(const struct strv *s, const char *name)
{
    size_t len = strlen(name);

    for (size_t i = 0; i < s->n; i++) {
        if (names(s->v[i], name, len))
            return s->v[i] + len + 1;
    }
    return NULL;
}

void strv_env_set(struct strv *s, const char *name, const char *value)
{
    size_t len = strlen(name);
    char *entry = xasprintf("%s=%s", name, value);

    for (size_t i = 0; i < s->n; i++) {
        if (names(s->v[i], name, len)) {
            free(s->v[i]);
            s->v[i] = entry;
            return;
        }
    }
    strv_take(s, entry);
}

void strv_env_unset(struct strv *s, const char *name)
{
    size_t len = strlen(name);
    size_t kept = 0;

    for (size_t i = 0; i < s->n; i++) {
        if (names(s->v[i], name, len))
            free(s->v[i]);
        else
            s->v[kept++] = s->v[i];
    }
    s->n = kept;
    if (s->v)
        s->v[kept] = NULL;
}
