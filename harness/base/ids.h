/*
 * Identifiers, tokens, hashes and the run's reproducible random numbers.
 * Source: RFC 9562 (UUID 4 and 5); platform tokens: 32 random bytes, base64url without
 * padding, 43 characters.
 */
#ifndef BASE_IDS_H
#define BASE_IDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

void id_uuid4(char out[37]);
/* Version 5 in the URL namespace: the same name gives the same id. */
void id_uuid5_url(const char *name, char out[37]);
bool id_is_uuid(const char *s); /* 8-4-4-4-12 hexadecimal, either case */
void id_token(char out[44]);
/* n lower-case hexadecimal digits and a terminator. */
void id_hex(char *out, size_t n);

/* "My Template!" -> "my-template": letters and digits in lower case, a '-' for whatever
 * is between them; at most max bytes, "" when nothing is left. Owned by the caller. */
char *id_slug(const char *text, size_t max);

void sha256_hex(const void *data, size_t len, char out[65]);
/* Compares in constant time; false when the lengths differ. */
bool const_time_equal(const char *a, const char *b);

/* Owned by the caller. */
char *base64_encode(const void *data, size_t len);
/* NULL = it is no base64 as RFC 4648, 3 wants it: padded, without blanks, spare bits
 * zero. Owned by the caller, with a NUL after it. */
char *base64_decode(const char *text, size_t *ret_len);

/* splitmix64: the same seed gives the same sequence. */
struct rng {
    uint64_t state;
};
uint64_t rng_next(struct rng *rng);
double rng_unit(struct rng *rng); /* in [0, 1) */

#endif
