/*
 * One error value, passed upward and printed once, in main.
 *
 * A fallible function returns 0 when done and a negative number when it failed, and then
 * *err is filled. err is the last parameter, may be NULL, and is untouched on success;
 * the first error wins, so a clean-up that fails does not hide the cause. What a product
 * did (HTTP 403, exit code 3) is data, never an error: an error is our own inability.
 */
#ifndef BASE_ERR_H
#define BASE_ERR_H

#include "base/cleanup.h"

enum err_kind {
    ERR_NONE,
    ERR_USAGE,   /* the command line */
    ERR_CONFIG,  /* a file the user wrote, or the environment */
    ERR_SYS,     /* sys = errno */
    ERR_NET,     /* sys = CURLcode */
    ERR_SHAPE,   /* a peer's or file's content is not of the agreed form */
    ERR_TIMEOUT, /* a deadline passed */
    ERR_STORE,   /* sys = sqlite code */
    ERR_BUG,     /* our own mistake */
};

struct err {
    enum err_kind kind;
    int sys;        /* see err_kind, else 0 */
    char text[512]; /* one line, complete: "cannot bind '127.0.0.1:0': ..." */
};

#define ERR_INIT                                                                         \
    {                                                                                    \
        .kind = ERR_NONE                                                                 \
    }

/* Fill *err unless it is NULL or already filled. Always returns -1. */
int err_set(struct err *err, enum err_kind kind, const char *fmt, ...) PRINTF_LIKE(3, 4);

/* The same for a failed system call: kind ERR_SYS, ": strerror(errnum)" appended. */
int err_sys(struct err *err, int errnum, const char *fmt, ...) PRINTF_LIKE(3, 4);

/* The same error, kind and sys included. */
int err_copy(struct err *err, const struct err *from);

/* Puts "prefix: " in front of the text; nothing when no error is set. Returns -1. */
int err_prefix(struct err *err, const char *fmt, ...) PRINTF_LIKE(2, 3);

/* Forget the error, so the struct can be used again. */
void err_clear(struct err *err);

#endif
