/*
 * The result database: SQLite, WAL, foreign keys, one writer.
 *
 * Source of the shape: reports/schema.sql, whose views are the public interface. Runs are
 * appended; every event is committed when it is recorded, so that a run that is cut off
 * (kill -9) keeps what it had. Not thread safe.
 */
#ifndef REPORTS_STORE_H
#define REPORTS_STORE_H

#include "base/err.h"
#include "run/sink.h"
#include <stdbool.h>
#include <stdint.h>

#define STORE_SCHEMA_VERSION 2

struct store;

enum store_mode {
    STORE_WRITE, /* create when absent */
    STORE_READ,  /* must exist; nothing is written */
};

/* ERR_CONFIG: not there (STORE_READ), not a database, of a newer schema, not one of ours;
 * ERR_STORE: sqlite's own trouble. */
MUST_CHECK int store_open(const char *path, enum store_mode mode, struct store **ret,
                          struct err *err);
void store_close(struct store *s); /* takes NULL */
void store_drop(struct store **s); /* for CLEANUP */

/* A sink that appends one run. s: borrowed for the sink's life. Never NULL. */
struct sink *store_sink(struct store *s);
/* Whether it has v_frame: one of an older version that is only read has not. */
bool store_has_frames(const struct store *s);
/* Id of the run that the sink wrote, or of the last run in the database; 0 = none. */
int64_t store_last_run(struct store *s);

/* A query whose rows are visited as text ("" for NULL). Parameters: integers bound to
 * ?1, ?2... A non-zero return of visit ends it. */
typedef int store_row_fn(int columns, const char *const *values, void *arg);
MUST_CHECK int store_query(struct store *s, const char *sql, const int64_t *params,
                           int n_params, store_row_fn *visit, void *arg, struct err *err);

#endif
