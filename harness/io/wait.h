/*
 * The one place that polls: calls pred until it says yes or the deadline passes.
 * The pause doubles from 1 ms to 50 ms. For what has no event to wait for.
 */
#ifndef IO_WAIT_H
#define IO_WAIT_H

#include <stdbool.h>
#include <stdint.h>

typedef bool wait_pred_fn(void *arg);

/* True when pred held before deadline_ms (clock_mono_ms). */
bool wait_until(wait_pred_fn *pred, void *arg, int64_t deadline_ms);

/* Pauses for ms (of a poll that has its own rhythm), or less when fd (-1 = none) becomes
 * readable, which returns true. */
bool wait_pause(int64_t ms, int fd);

#endif
