/*
 * The state file: SQLite, WAL, one writer. It knows rows and lines of text, not what they
 * mean (state_save.h does).
 *
 * A file belongs to one platform at a time (a lock on the file, gone with the process).
 * What is committed survives the process, also when it is killed; after a power failure
 * the last commits may be missing, never parts of one. The file and what SQLite puts
 * beside it can be read by its owner only: it holds secrets. Not thread safe.
 */
#ifndef SERVER_STATE_STORE_H
#define SERVER_STATE_STORE_H

#include "base/err.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define STATE_SCHEMA_VERSION 1

struct journal;
struct journal_entry;
struct state_store;

/* Makes the file when there is none or an empty one. ERR_CONFIG: not ours, of another
 * schema version, damaged, in use by another platform, cannot be read or written; the
 * file is then as it was. */
MUST_CHECK int state_store_open(const char *path, struct state_store **ret,
                                struct err *err);
void state_store_close(struct state_store *s); /* takes NULL */
/* Closes it and, when this opened it anew, removes it. Takes NULL. */
void state_store_abandon(struct state_store *s);

/* ---- writing: between begin and commit; ERR_STORE, then roll back ---- */

MUST_CHECK int state_store_begin(struct state_store *s, struct err *err);
MUST_CHECK int state_store_commit(struct state_store *s, struct err *err);
void state_store_rollback(struct state_store *s);

/* A row as it is now: kind and id name it, owner is whose it is ("" = nobody's), seq
 * orders the rows of a kind. */
struct state_row {
    const char *kind, *id, *owner;
    int64_t seq;
    const char *body; /* JSON */
    size_t body_len;
};
MUST_CHECK int state_store_put(struct state_store *s, const struct state_row *row,
                               struct err *err);
/* One line at the end of a log of the owner; row->id and seq are not used. */
MUST_CHECK int state_store_append(struct state_store *s, const struct state_row *row,
                                  struct err *err);
/* Removes the row of this id in every kind, and all rows and lines that it owns. */
MUST_CHECK int state_store_forget(struct state_store *s, const char *id, struct err *err);

MUST_CHECK int state_store_put_entry(struct state_store *s, struct journal_entry *entry,
                                     struct err *err);
/* Removes the entries before this one. */
MUST_CHECK int state_store_trim_entries(struct state_store *s, int64_t first,
                                        struct err *err);

/* ---- reading ---- */

/* Non-zero ends the visit and is returned. */
typedef int state_row_fn(const struct state_row *row, void *arg, struct err *err);
/* In the order of seq. */
MUST_CHECK int state_store_rows(struct state_store *s, const char *kind, state_row_fn *fn,
                                void *arg, struct err *err);
/* In the order in which they were appended; of all owners. */
MUST_CHECK int state_store_lines(struct state_store *s, const char *kind,
                                 state_row_fn *fn, void *arg, struct err *err);
/* Into an empty journal. */
MUST_CHECK int state_store_entries(struct state_store *s, struct journal *j,
                                   struct err *err);

/* The journal of a state file alone, also of one that a platform is writing. ERR_CONFIG
 * as above. */
MUST_CHECK int state_store_read_journal(const char *path, struct journal *j,
                                        struct err *err);

#endif
