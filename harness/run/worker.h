/*
 * The process of one scenario, and the one that tears down after a process that died.
 */
#ifndef RUN_WORKER_H
#define RUN_WORKER_H

#include "base/strv.h"
#include "run/ledger.h"
#include "run/run.h"

struct worker {
    const struct run_options *opt;
    const struct scenario *scenario; /* NULL: only tear down */
    const char *name;                /* of the scenario that is torn down after */
    const struct strv *slugs;        /* organisations to tear down */
    const char *run_id;
    int out_fd; /* pipe to the supervisor */
    struct ledger *ledger;
};

/* For proc_fork; arg is a struct worker. Events go into the pipe, the last one of a
 * scenario is EV_SCENARIO_END; the exit code says nothing. */
int worker_main(void *arg);

/* Real time that a scenario gets before its process is killed. */
int64_t worker_deadline_ms(const struct run_options *opt, const struct scenario *s);

#endif
