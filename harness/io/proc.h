/*
 * Child processes: the only file that forks.
 *
 * argv, environment and the search of PATH are prepared before fork; between fork and
 * exec only async-signal-safe calls are made; a failed exec comes back as an error of
 * proc_spawn through a close-on-exec pipe. Every child leads its own process group and
 * is killed when the thread that started it ends (PR_SET_PDEATHSIG, SIGKILL; a child that
 * wants to clean up asks for another signal itself), so children are started from the
 * main thread only. When the leader has ended, what is left of its group is killed before
 * the leader is reaped. A spawned child begins with default signal handling and gets no
 * descriptors but its own; a forked one keeps ignored signals and all descriptors.
 */
#ifndef IO_PROC_H
#define IO_PROC_H

#include "base/buf.h"
#include "base/err.h"
#include "base/strv.h"
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

enum { PROC_NULL = -1, PROC_PIPE = -2 }; /* instead of a descriptor in proc_spec */

struct proc_spec {
    char *const *argv;      /* argv[0] is searched in PATH of env when it has no slash */
    const struct strv *env; /* the whole environment; NULL = empty */
    const char *cwd;        /* NULL = unchanged */
    int in, out, err;       /* descriptor (borrowed), PROC_NULL or PROC_PIPE */
    int pass_fd;            /* becomes descriptor 3 of the child; -1 = none */
    bool keep_after_parent; /* do not die with the parent; leads a session of its own */
};
#define PROC_SPEC_INIT                                                                   \
    {                                                                                    \
        .in = PROC_NULL, .out = PROC_NULL, .err = PROC_NULL, .pass_fd = -1               \
    }

struct proc {
    pid_t pid;        /* also the process group; 0 = none */
    int pidfd;        /* owned, -1 = none */
    int in, out, err; /* our ends of the pipes, owned, -1 = none; non-blocking: no */
};
#define PROC_INIT                                                                        \
    {                                                                                    \
        .pid = 0, .pidfd = -1, .in = -1, .out = -1, .err = -1                            \
    }

/* ERR_SYS when the program is missing or cannot be executed. */
MUST_CHECK int proc_spawn(const struct proc_spec *spec, struct proc *ret,
                          struct err *err);

/* Forks without exec: the child runs fn(arg) in its own process group and leaves by
 * _exit(fn's result). Only from a single-threaded process. */
MUST_CHECK int proc_fork(int (*fn)(void *arg), void *arg, struct proc *ret,
                         struct err *err);

/* Waits until the child has ended or the deadline (clock_mono_ms, -1 = none) passes.
 * 0 = ended, *ret_status as from waitpid, p->pid is 0; 1 = still running; negative =
 * failed. */
MUST_CHECK int proc_wait(struct proc *p, int64_t deadline_ms, int *ret_status,
                         struct err *err);
/* Signals the whole group; a group that is gone is not an error. */
void proc_signal(const struct proc *p, int signo);
/* Closes the pipes, TERM, waits grace_ms, KILL, reaps. Takes an empty struct too. */
void proc_stop(struct proc *p, int64_t grace_ms);
/* Closes descriptors; a child still running is killed and reaped. For CLEANUP. */
void proc_release(struct proc *p);

struct proc_result {
    int exit_code;  /* -1 when a signal ended it */
    int signo;      /* 0 when it exited */
    bool timed_out; /* the group was killed at the deadline */
    struct buf out, err;
};
void proc_result_release(struct proc_result *r);

/* Runs to the end with input on stdin, captures both outputs (LIMIT_CHILD_OUTPUT each).
 * What the child did is in *ret, which is set up here and released by the caller in every
 * case; negative only when it could not be run. timeout_ms: 0 = none. The spec's in, out
 * and err do not count. What is past the limit is read and dropped (buf.truncated). */
MUST_CHECK int proc_run(const struct proc_spec *spec, const char *input, size_t input_len,
                        int64_t timeout_ms, struct proc_result *ret, struct err *err);

#endif
