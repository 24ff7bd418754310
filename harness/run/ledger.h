/*
 * The list of everything that a run creates outside itself, in a file beside the results:
 * one JSON object a line, appended, and synced to disk before the thing is created.
 *
 * Shape of a line: {"at":RFC3339,"run":ID,"scenario":NAME,"kind":"org","id":SLUG,
 * "state":"creating|created|removed|leaked|kept","cp_url":URL}. The last line of a
 * (kind, id) tells its state. Several processes may append: a line is one write.
 */
#ifndef RUN_LEDGER_H
#define RUN_LEDGER_H

#include "base/err.h"
#include <jansson.h>
#include <stddef.h>

struct ledger {
    int fd; /* -1 = no ledger */
    char *run, *cp_url;
};
#define LEDGER_INIT                                                                      \
    {                                                                                    \
        .fd = -1                                                                         \
    }
void ledger_close(struct ledger *l);

/* path NULL: nothing is kept. ERR_SYS. */
MUST_CHECK int ledger_open(const char *path, const char *run, const char *cp_url,
                           struct ledger *ret, struct err *err);
/* Appends one line; "creating" is synced before this returns. ERR_SYS: do not create. */
MUST_CHECK int ledger_note(struct ledger *l, const char *scenario, const char *kind,
                           const char *id, const char *state, struct err *err);

/* What the file says is still there: an array of its last lines whose state is creating,
 * created, kept or leaked. Caller owns *ret. An absent file is an empty array; a line
 * that is no JSON (cut by a crash) is passed over. */
MUST_CHECK int ledger_pending(const char *path, json_t **ret, struct err *err);

#endif
