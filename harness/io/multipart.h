/*
 * A multipart/form-data body cut into its parts.
 *
 * Source: RFC 7578 (form-data), RFC 2046 section 5.1 (boundaries).
 */
#ifndef IO_MULTIPART_H
#define IO_MULTIPART_H

#include "base/err.h"
#include <stddef.h>

enum { MULTIPART_PARTS_MAX = 256 };

struct multipart_part {
    char *name;       /* of the field, never NULL */
    char *filename;   /* its last component; NULL = no file */
    char *type;       /* Content-Type, "application/octet-stream" when it is not given */
    const char *data; /* borrowed from the body */
    size_t len;
};

struct multipart {
    struct multipart_part *v;
    size_t n;
};
#define MULTIPART_INIT                                                                   \
    {                                                                                    \
        .v = NULL, .n = 0                                                                \
    }

/* content_type: of the request, NULL = none. *ret must be empty; its data lives as long
 * as body. ERR_SHAPE: another type, no boundary, no end, or more than
 * MULTIPART_PARTS_MAX. */
MUST_CHECK int multipart_parse(const char *content_type, const char *body, size_t len,
                               struct multipart *ret, struct err *err);
void multipart_release(struct multipart *m);

#endif
