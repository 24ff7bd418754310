/*
 * A NULL-terminated list of owned strings: argument vectors, environments, headers.
 *
 * v is NULL only when the list was never appended to; use strv_argv for exec.
 */
#ifndef BASE_STRV_H
#define BASE_STRV_H

#include "base/cleanup.h"
#include <stdbool.h>
#include <stddef.h>

struct strv {
    char **v; /* n strings and a terminating NULL */
    size_t n;
    size_t cap;
};

#define STRV_INIT                                                                        \
    {                                                                                    \
        .v = NULL, .n = 0, .cap = 0                                                      \
    }

void strv_release(struct strv *s);
void strv_add(struct strv *s, const char *str); /* copies */
void strv_take(struct strv *s, char *str);      /* takes ownership */
void strv_addf(struct strv *s, const char *fmt, ...) PRINTF_LIKE(2, 3);
void strv_copy(struct strv *dst, const struct strv *src);
/* Releases what dst held, gives it src's strings and leaves src empty. */
void strv_move(struct strv *dst, struct strv *src);
bool strv_has(const struct strv *s, const char *str);
void strv_sort(struct strv *s);
/* Splits at each sep; empty parts are left out. */
void strv_split(struct strv *s, const char *text, char sep);
/* Owned by the caller. */
char *strv_join(const struct strv *s, const char *sep);
/* Never NULL, borrowed: {NULL} when empty. */
char *const *strv_argv(const struct strv *s);

/* For lists of "NAME=value" (environments): the value, borrowed, or NULL. */
const char *strv_env_get(const struct strv *s, const char *name);
/* Replaces or appends. */
void strv_env_set(struct strv *s, const char *name, const char *value);
void strv_env_unset(struct strv *s, const char *name);

#endif
