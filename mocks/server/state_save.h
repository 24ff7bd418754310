/*
 * State that lasts: the rows of the platform in a state file (state_store.h), compared
 * and saved before the answer that tells of them leaves, and brought back at a start.
 *
 * Saved are the platform's own row, organisations, workspaces, tokens (hashes), each
 * table of their `rest`, events and audit as they come, and the journal. Without a state
 * file every function here does nothing and succeeds.
 */
#ifndef SERVER_STATE_SAVE_H
#define SERVER_STATE_SAVE_H

#include "base/err.h"
#include "mocks/server/state.h"

/* Opens the file into p->state. ERR_CONFIG as in state_store.h. */
MUST_CHECK int state_open(struct platform *p, const char *path, struct err *err);
/* p->state is NULL afterwards. A file that state_open made goes when nothing came of it:
 * state_start was not called. */
void state_close(struct platform *p);

/* The platform's own row: tokens, profile, switches, faults; nothing for a new file.
 * Before the command line is applied. */
MUST_CHECK int state_restore_platform(struct platform *p, struct err *err);
/* The port that it listened on last, 0 = none. */
int state_last_port(const struct platform *p, bool https);
/* Every other row and the journal; p->dir and p->port are known. Starts nothing. */
MUST_CHECK int state_restore_rows(struct platform *p, struct err *err);
/* From here on changes are saved, at the latest before the loop waits. */
MUST_CHECK int state_start(struct platform *p, struct err *err);

/* Every organisation is compared at the next commit. */
void state_touch_all(struct platform *p);
/* Saves what was touched and differs, and the journal's new entries, in one transaction.
 * ERR_STORE: nothing of it is saved, and all of it is tried again the next time. While
 * the platform stops only the journal is saved: boxes that end then are to come back. */
MUST_CHECK int state_commit(struct platform *p, struct err *err);

#endif
