/*
 * The event loop of the mock's processes: descriptors, timers, children, one thread.
 *
 * Callbacks run from loop_run only and may add or remove any source, their own included.
 * Not thread safe.
 */
#ifndef IO_LOOP_H
#define IO_LOOP_H

#include "base/err.h"
#include <stdint.h>
#include <sys/types.h>

struct loop;
struct loop_fd;
struct loop_timer;

typedef void loop_fd_fn(uint32_t events, void *arg); /* EPOLLIN, EPOLLOUT, EPOLLHUP... */
typedef void loop_fn(void *arg);
/* status as from waitpid. */
typedef void loop_child_fn(pid_t pid, int status, void *arg);

/* SIGPIPE is ignored from here on: a peer or child that leaves is an error of one write.
 */
MUST_CHECK int loop_new(struct loop **ret, struct err *err);
void loop_free(struct loop *loop); /* takes NULL */

/* Runs until loop_stop. Blocks. Returns negative only when epoll itself fails. */
MUST_CHECK int loop_run(struct loop *loop, struct err *err);
void loop_stop(struct loop *loop);

/* Watches fd (borrowed; one watch per descriptor). Never NULL. Remove before closing fd:
 * loop_fd_remove does not close it. */
struct loop_fd *loop_fd_add(struct loop *loop, int fd, uint32_t events, loop_fd_fn *fn,
                            void *arg);
void loop_fd_events(struct loop_fd *watch, uint32_t events);
void loop_fd_remove(struct loop_fd *watch); /* takes NULL */

/* Calls fn once after delay_ms (0 = on the next turn). The handle dies when fn starts. */
struct loop_timer *loop_timer_add(struct loop *loop, int64_t delay_ms, loop_fn *fn,
                                  void *arg);
void loop_timer_cancel(struct loop_timer *timer); /* takes NULL */

/* Calls fn once when the child has ended and was reaped. pidfd: taken. */
void loop_child_add(struct loop *loop, pid_t pid, int pidfd, loop_child_fn *fn,
                    void *arg);

/* SIGINT and SIGTERM call fn (through a signalfd; both are blocked from here on). */
MUST_CHECK int loop_on_terminate(struct loop *loop, void (*fn)(int signo, void *arg),
                                 void *arg, struct err *err);

/* A function called before each wait; returns the longest wait in ms or -1. For a
 * library with timeouts of its own (libmicrohttpd). */
typedef int64_t loop_prepare_fn(void *arg);
void loop_prepare_add(struct loop *loop, loop_prepare_fn *fn, void *arg);
void loop_prepare_remove(struct loop *loop, loop_prepare_fn *fn, void *arg);

#endif
