/*
 * Small tables of the tenant: arrays of JSON rows under ws->rest or org->rest, oldest
 * row first, each row with a text "id". What a handler keeps, it keeps in one of these.
 *
 * Values that show as time are RFC 3339 text in the rows, so that a row is its own
 * answer.
 */
#ifndef TENANT_ROWS_H
#define TENANT_ROWS_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A row that begins with a new "id"; not yet in a table. Owned. */
json_t *row_new(void);
/* Appends; the oldest row goes when there are more than max. row: taken; returned
 * borrowed. */
json_t *rows_add(json_t *rows, json_t *row, size_t max);
/* The row with this "id", borrowed; NULL = none, also for id NULL. */
json_t *rows_find(const json_t *rows, const char *id);
/* Takes the row with this "id" out; false = there was none. */
bool rows_remove(json_t *rows, const char *id);

/* Whether the member is this text; an absent one is "". */
bool row_is(const json_t *row, const char *key, const char *value);
void row_set(json_t *row, const char *key, const char *value); /* NULL = null */
void row_set_now(json_t *row, const char *key);
/* The time of a member in wall milliseconds, 0 when it is none. */
int64_t row_time(const json_t *row, const char *key);

/* Copies of the rows that fit (fits NULL: all), newest first, at most max; owned, and
 * nothing done to them reaches the table. */
typedef bool row_fits_fn(const json_t *row, const void *arg);
json_t *rows_newest(const json_t *rows, size_t max, row_fits_fn *fits, const void *arg);

/* "2026-05-01T00:00:00Z" with or without a fraction, or with an offset. False: it is not
 * RFC 3339. */
bool rest_parse_time(const char *text, int64_t *ret_wall_ms);

#endif
