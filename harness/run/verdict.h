/*
 * The four verdicts, and the exit codes that every command shares.
 */
#ifndef RUN_VERDICT_H
#define RUN_VERDICT_H

#include "base/table.h"

enum verdict {
    VERDICT_PASS,
    VERDICT_FAIL,   /* the product contradicted an expectation */
    VERDICT_BROKEN, /* we could not find out */
    VERDICT_SKIP,   /* a declared need is absent */
};
extern const struct name_row verdict_names[]; /* "PASS", "FAIL", "BROKEN", "SKIP" */

enum exit_code {
    EXIT_PASSED = 0,
    EXIT_FAILED = 1,
    EXIT_USAGE = 2,
    EXIT_BROKEN = 3,
    EXIT_LEAK = 4,
    EXIT_UNPROVEN = 5,
    EXIT_SIGINT = 130,
    EXIT_SIGTERM = 143,
};

/* FAIL beats BROKEN beats SKIP beats PASS when two are joined, but SKIP joined with PASS
 * is PASS. */
enum verdict verdict_join(enum verdict a, enum verdict b);

#endif
