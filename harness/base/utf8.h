/*
 * Well-formed UTF-8.
 * Source: RFC 3629 (shortest form, no surrogates, nothing above U+10FFFF).
 */
#ifndef BASE_UTF8_H
#define BASE_UTF8_H

#include "base/buf.h"
#include <stddef.h>

/* Bytes of the character at s, of which left can be read; 0 = malformed. left > 0. */
size_t utf8_len(const char *s, size_t left);
/* Offset of the first byte that is not well-formed; len = all is. */
size_t utf8_valid(const char *s, size_t len);
/* Append a text for people's eyes: what is malformed, what would steer a terminal (C0 but
 * newline and tab, DEL, C1) or turn the direction of writing becomes U+FFFD; in a line
 * newlines as well. */
void utf8_add_shown(struct buf *out, const char *text, size_t len);
void utf8_add_line(struct buf *out, const char *text);

#endif
