/*
 * One job is one worker process: a scenario, or the teardown after one that died.
 */
#ifndef RUN_JOBS_H
#define RUN_JOBS_H

#include "base/buf.h"
#include "io/proc.h"
#include "run/tally.h"
#include "run/worker.h"

struct job {
    struct worker worker;
    struct proc proc;
    int fd;            /* read end of its pipe, -1 = not running */
    struct buf in;     /* a part of a line */
    char *step;        /* the step that it was in */
    char *name;        /* of the scenario */
    struct strv slugs; /* of a teardown */
    int64_t started_ms, deadline_ms;
    bool ended; /* its EV_SCENARIO_END came */
    bool timed_out, stopped;
    const char *why_stopped; /* borrowed, NULL = not known */
    enum verdict verdict;
    char *reason;
    char *failed; /* the first check that failed, for when it dies without a word */
    int checks;
    int64_t duration_ms;
};

/* Forks the worker; EV_SCENARIO_BEGIN goes out first. worker: copied, its out_fd is set
 * here, and its name and slugs (NULL = none) are copied into the job. On failure the job
 * can only be released. */
MUST_CHECK int job_start(struct job *job, const struct worker *worker,
                         struct tally *tally, struct err *err);
/* Reads what is there and passes it on; false at the end of the pipe. */
bool job_read(struct job *job, struct tally *tally);
/* Reaps the process and says how the scenario ended (EV_SCENARIO_END). */
void job_finish(struct job *job, struct tally *tally, const char *mock_died);
void job_release(struct job *job);

/* BEGIN and END of a scenario that is not run. */
void tell_skipped(struct tally *tally, const struct scenario *s, const char *reason);

#endif
