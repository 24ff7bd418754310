/*
 * The mock platform as a child of the run: started, asked for its addresses, stopped.
 * Its first line on stdout is one JSON object; what it says on stderr is kept in memory
 * for the moment when it dies.
 */
#ifndef RUN_MOCK_PROCESS_H
#define RUN_MOCK_PROCESS_H

#include "base/err.h"
#include "io/proc.h"
#include "run/run.h"
#include "run/target.h"

struct mock_process {
    struct proc proc;
    int errors; /* memory file with its stderr, -1 = none */
    char *dir;  /* the temporary folder of its boxes, NULL = not known yet */
};
#define MOCK_PROCESS_INIT                                                                \
    {                                                                                    \
        .proc = PROC_INIT, .errors = -1,                                                 \
    }

/* Blocks until the platform is ready, at most 20 s x TIMEOUT_MUL; fills the target's
 * cp_url, tenant_domain, mock_url, cp_token and pace. ERR_CONFIG when it ended with code
 * 2 (its own line is quoted), ERR_SYS, ERR_TIMEOUT, ERR_SHAPE. */
MUST_CHECK int mock_process_start(const struct mock_spec *spec, struct target *target,
                                  struct mock_process *ret, struct err *err);
/* TERM, then KILL after 5 s x TIMEOUT_MUL; what a killed one left in its temporary folder
 * is removed. Takes one that was never started. */
void mock_process_stop(struct mock_process *m);
/* The last lines of its stderr, at most 2 KiB; caller frees. */
char *mock_process_last_words(const struct mock_process *m);

#endif
