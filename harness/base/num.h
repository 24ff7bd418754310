/*
 * Numbers from text, whole or not at all.
 */
#ifndef BASE_NUM_H
#define BASE_NUM_H

#include <stdbool.h>
#include <stdint.h>

/* False unless all of s is one decimal integer within [min, max]. */
bool num_parse(const char *s, int64_t min, int64_t max, int64_t *ret);
bool num_parse_double(const char *s, double *ret);

#endif
