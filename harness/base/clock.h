/*
 * Time in int64_t milliseconds: the monotonic clock for durations and deadlines, the wall
 * clock for display only.
 */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include "base/err.h"
#include <stdint.h>

int64_t clock_mono_ms(void);
int64_t clock_wall_ms(void);

/* "2026-06-22T10:11:12.345Z", 25 bytes with the terminator. Returns out. */
char *clock_rfc3339(int64_t wall_ms, char out[32]);

/* "250ms", "30s", "5m", "2h" or a bare number of seconds, decimals allowed ("1.5s").
 * ERR_SHAPE names the text. */
MUST_CHECK int clock_parse_duration(const char *text, int64_t *ret_ms, struct err *err);

/* "820 ms", "12.4 s", "3 min 05 s": for people. Returns out. */
char *clock_human(int64_t ms, char out[32]);

/* Real-time multiplier for slow builds: environment TIMEOUT_MUL, at least 1. */
double clock_timeout_mul(void);

#endif
