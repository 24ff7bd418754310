#include "base/err.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* An error is one line: what a peer or a file put into it may not break it up. */
static void one_line(char *text)
{
    size_t len = strlen(text);

    while (len && (text[len - 1] == '\n' || text[len - 1] == '\r'))
        text[--len] = '\0';
    for (char *p = text; *p; p++) {
        if ((unsigned char)*p < 0x20 || *p == 0x7f)
            *p = ' ';
    }
}

int err_set(struct err *err, enum err_kind kind, const char *fmt, ...)
{
    va_list ap;

    if (!err || err->kind != ERR_NONE)
        return -1;
    err->kind = kind;
    err->sys = 0;
    va_start(ap, fmt);
    (void)vsnprintf(err->text, sizeof(err->text), fmt, ap);
    va_end(ap);
    one_line(err->text);
    return -1;
}

int err_sys(struct err *err, int errnum, const char *fmt, ...)
{
    const char *why = strerrordesc_np(errnum);
    va_list ap;
    size_t len;

    if (!err || err->kind != ERR_NONE)
        return -1;
    err->kind = ERR_SYS;
    err->sys = errnum;
    va_start(ap, fmt);
    (void)vsnprintf(err->text, sizeof(err->text), fmt, ap);
    va_end(ap);
    len = strlen(err->text);
    if (why)
        (void)snprintf(err->text + len, sizeof(err->text) - len, ": %s", why);
    else
        (void)snprintf(err->text + len, sizeof(err->text) - len, ": error %d", errnum);
    one_line(err->text);
    return -1;
}

int err_copy(struct err *err, const struct err *from)
{
    if (err && err->kind == ERR_NONE)
        *err = *from;
    return -1;
}

int err_prefix(struct err *err, const char *fmt, ...)
{
    char old[sizeof(err->text)];
    va_list ap;
    size_t len;

    if (!err || err->kind == ERR_NONE)
        return -1;
    memcpy(old, err->text, sizeof(old));
    va_start(ap, fmt);
    (void)vsnprintf(err->text, sizeof(err->text), fmt, ap);
    va_end(ap);
    len = strlen(err->text);
    (void)snprintf(err->text + len, sizeof(err->text) - len, ": %s", old);
    one_line(err->text);
    return -1;
}

void err_clear(struct err *err)
{
    err->kind = ERR_NONE;
    err->sys = 0;
    err->text[0] = '\0';
}
