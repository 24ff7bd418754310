#include "io/loop.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/log.h"

enum { EVENTS_PER_TURN = 64 };

struct loop_fd {
    struct loop *loop;
    struct loop_fd *prev, *next;
    int fd;
    bool dead; /* removed, but an event of this turn may still name it */
    loop_fd_fn *fn;
    void *arg;
};

struct loop_timer {
    struct loop *loop;
    int64_t due_ms;
    uint64_t seq; /* order of timers that are due together */
    size_t at;    /* place in the heap */
    loop_fn *fn;
    void *arg;
};

struct loop_child {
    struct loop_child *prev, *next;
    struct loop *loop;
    pid_t pid;
    int pidfd;
    struct loop_fd *watch;
    loop_child_fn *fn;
    void *arg;
};

struct prepare {
    loop_prepare_fn *fn; /* NULL = removed */
    void *arg;
};

struct loop {
    int epfd;
    bool stopped;
    struct loop_fd *fds;  /* live */
    struct loop_fd *dead; /* freed between turns */
    struct loop_child *children;
    struct loop_timer **heap;
    size_t timers, timers_cap;
    uint64_t next_seq;
    struct prepare *prepares;
    size_t prepares_n, prepares_cap;
    int sigfd;
    struct loop_fd *sigwatch;
    void (*on_signal)(int signo, void *arg);
    void *on_signal_arg;
};

int loop_new(struct loop **ret, struct err *err)
{
    int epfd = epoll_create1(EPOLL_CLOEXEC);
    if (epfd < 0)
        return err_sys(err, errno, "cannot create an event loop");
    /* A peer or child that leaves is an error of one write, never the end of the process.
     */
    (void)signal(SIGPIPE, SIG_IGN);
    struct loop *loop = xcalloc(1, sizeof *loop);
    loop->epfd = epfd;
    loop->sigfd = -1;
    *ret = loop;
    return 0;
}

static void sweep(struct loop *loop)
{
    for (struct loop_fd *w = loop->dead, *next; w != NULL; w = next) {
        next = w->next;
        free(w);
    }
    loop->dead = NULL;
}

static void child_release(struct loop_child *c)
{
    loop_fd_remove(c->watch);
    (void)close(c->pidfd);
    free(c);
}

static void child_unlink(struct loop_child *c)
{
    if (c->prev != NULL)
        c->prev->next = c->next;
    else
        c->loop->children = c->next;
    if (c->next != NULL)
        c->next->prev = c->prev;
}

void loop_free(struct loop *loop)
{
    if (loop == NULL)
        return;
    for (struct loop_child *c = loop->children, *next; c != NULL; c = next) {
        next = c->next;
        child_release(c);
    }
    loop_fd_remove(loop->sigwatch);
    if (loop->sigfd >= 0)
        (void)close(loop->sigfd);
    for (struct loop_fd *w = loop->fds, *next; w != NULL; w = next) {
        next = w->next;
        free(w);
    }
    sweep(loop);
    for (size_t i = 0; i < loop->timers; i++)
        free(loop->heap[i]);
    free(loop->heap);
    free(loop->prepares);
    (void)close(loop->epfd);
    free(loop);
}

void loop_stop(struct loop *loop)
{
    loop->stopped = true;
}

/* ---- descriptors ---- */

struct loop_fd *loop_fd_add(struct loop *loop, int fd, uint32_t events, loop_fd_fn *fn,
                            void *arg)
{
    struct loop_fd *w = xcalloc(1, sizeof *w);
    *w = (struct loop_fd){.loop = loop, .fd = fd, .fn = fn, .arg = arg};
    w->next = loop->fds;
    if (w->next != NULL)
        w->next->prev = w;
    loop->fds = w;
    struct epoll_event ev = {.events = events, .data.ptr = w};
    if (epoll_ctl(loop->epfd, EPOLL_CTL_ADD, fd, &ev) != 0)
        log_error("cannot watch descriptor %d: %s", fd, strerrordesc_np(errno));
    return w;
}

void loop_fd_events(struct loop_fd *watch, uint32_t events)
{
    struct epoll_event ev = {.events = events, .data.ptr = watch};
    if (epoll_ctl(watch->loop->epfd, EPOLL_CTL_MOD, watch->fd, &ev) != 0)
        log_error("cannot watch descriptor %d: %s", watch->fd, strerrordesc_np(errno));
}

void loop_fd_remove(struct loop_fd *watch)
{
    if (watch == NULL || watch->dead)
        return;
    struct loop *loop = watch->loop;
    /* A descriptor that was closed first has left the epoll set by itself. */
    (void)epoll_ctl(loop->epfd, EPOLL_CTL_DEL, watch->fd, NULL);
    if (watch->prev != NULL)
        watch->prev->next = watch->next;
    else
        loop->fds = watch->next;
    if (watch->next != NULL)
        watch->next->prev = watch->prev;
    watch->dead = true;
    watch->prev = NULL;
    watch->next = loop->dead;
    loop->dead = watch;
}

/* ---- timers: a binary heap ---- */

static bool before(const struct loop_timer *a, const struct loop_timer *b)
{
    return a->due_ms != b->due_ms ? a->due_ms < b->due_ms : a->seq < b->seq;
}

static void put(struct loop *loop, size_t at, struct loop_timer *t)
{
    loop->heap[at] = t;
    t->at = at;
}

static void sift_up(struct loop *loop, struct loop_timer *t)
{
    size_t at = t->at;
    while (at > 0 && before(t, loop->heap[(at - 1) / 2])) {
        put(loop, at, loop->heap[(at - 1) / 2]);
        at = (at - 1) / 2;
    }
    put(loop, at, t);
}

static void sift_down(struct loop *loop, struct loop_timer *t)
{
    size_t at = t->at;
    for (;;) {
        size_t child = 2 * at + 1;
        if (child >= loop->timers)
            break;
        if (child + 1 < loop->timers && before(loop->heap[child + 1], loop->heap[child]))
            child++;
        if (!before(loop->heap[child], t))
            break;
        put(loop, at, loop->heap[child]);
        at = child;
    }
    put(loop, at, t);
}

struct loop_timer *loop_timer_add(struct loop *loop, int64_t delay_ms, loop_fn *fn,
                                  void *arg)
{
    if (loop->timers == loop->timers_cap) {
        loop->timers_cap = loop->timers_cap == 0 ? 16 : 2 * loop->timers_cap;
        loop->heap = xrealloc(loop->heap, loop->timers_cap * sizeof(void *));
    }
    struct loop_timer *t = xcalloc(1, sizeof *t);
    *t = (struct loop_timer){.loop = loop,
                             .due_ms = clock_mono_ms() + (delay_ms > 0 ? delay_ms : 0),
                             .seq = loop->next_seq++,
                             .at = loop->timers,
                             .fn = fn,
                             .arg = arg};
    loop->heap[loop->timers++] = t;
    sift_up(loop, t);
    return t;
}

static void timer_unlink(struct loop *loop, size_t at)
{
    struct loop_timer *last = loop->heap[--loop->timers];
    if (at == loop->timers)
        return;
    put(loop, at, last);
    sift_up(loop, last);
    sift_down(loop, last);
}

void loop_timer_cancel(struct loop_timer *timer)
{
    if (timer == NULL)
        return;
    timer_unlink(timer->loop, timer->at);
    free(timer);
}

/* Runs what is due now; a timer added meanwhile waits for the next turn. */
static void run_timers(struct loop *loop)
{
    uint64_t end = loop->next_seq;
    int64_t now = clock_mono_ms();
    while (!loop->stopped && loop->timers > 0) {
        struct loop_timer *t = loop->heap[0];
        if (t->due_ms > now || t->seq >= end)
            break;
        struct loop_timer due = *t;
        timer_unlink(loop, 0);
        free(t);
        due.fn(due.arg);
    }
}

/* ---- children ---- */

static void on_child(uint32_t events, void *arg)
{
    (void)events;
    struct loop_child *c = arg;
    int status = 0;
    pid_t got = waitpid(c->pid, &status, WNOHANG);
    if (got == 0 || (got < 0 && errno == EINTR))
        return;
    if (got < 0) {
        log_error("cannot reap process %d: %s", (int)c->pid, strerrordesc_np(errno));
        status = 0;
    }
    loop_child_fn *fn = c->fn;
    void *fn_arg = c->arg;
    pid_t pid = c->pid;
    child_unlink(c);
    child_release(c);
    fn(pid, status, fn_arg);
}

void loop_child_add(struct loop *loop, pid_t pid, int pidfd, loop_child_fn *fn, void *arg)
{
    struct loop_child *c = xcalloc(1, sizeof *c);
    *c = (struct loop_child){
        .loop = loop, .pid = pid, .pidfd = pidfd, .fn = fn, .arg = arg};
    c->next = loop->children;
    if (c->next != NULL)
        c->next->prev = c;
    loop->children = c;
    c->watch = loop_fd_add(loop, pidfd, EPOLLIN, on_child, c);
}

/* ---- signals ---- */

static void on_sigfd(uint32_t events, void *arg)
{
    (void)events;
    struct loop *loop = arg;
    struct signalfd_siginfo info;
    while (read(loop->sigfd, &info, sizeof info) == (ssize_t)sizeof info)
        loop->on_signal((int)info.ssi_signo, loop->on_signal_arg);
}

int loop_on_terminate(struct loop *loop, void (*fn)(int signo, void *arg), void *arg,
                      struct err *err)
{
    assert(loop->sigfd < 0);
    sigset_t set;
    (void)sigemptyset(&set);
    (void)sigaddset(&set, SIGINT);
    (void)sigaddset(&set, SIGTERM);
    if (sigprocmask(SIG_BLOCK, &set, NULL) != 0)
        return err_sys(err, errno, "cannot block signals");
    loop->sigfd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    if (loop->sigfd < 0)
        return err_sys(err, errno, "cannot listen for signals");
    loop->on_signal = fn;
    loop->on_signal_arg = arg;
    loop->sigwatch = loop_fd_add(loop, loop->sigfd, EPOLLIN, on_sigfd, loop);
    return 0;
}

/* ---- the turn ---- */

void loop_prepare_add(struct loop *loop, loop_prepare_fn *fn, void *arg)
{
    if (loop->prepares_n == loop->prepares_cap) {
        loop->prepares_cap = loop->prepares_cap == 0 ? 4 : 2 * loop->prepares_cap;
        loop->prepares =
            xrealloc(loop->prepares, loop->prepares_cap * sizeof(loop->prepares[0]));
    }
    loop->prepares[loop->prepares_n++] = (struct prepare){.fn = fn, .arg = arg};
}

/* cppcheck-suppress constParameter ; the types are loop_prepare_add's */
void loop_prepare_remove(struct loop *loop, loop_prepare_fn *fn, void *arg)
{
    /* Marked only: run_prepares may be walking the array. */
    for (size_t i = 0; i < loop->prepares_n; i++) {
        if (loop->prepares[i].fn == fn && loop->prepares[i].arg == arg)
            loop->prepares[i].fn = NULL;
    }
}

/* Returns the longest wait that all of them allow, -1 = any. */
static int64_t run_prepares(struct loop *loop)
{
    int64_t wait = -1;
    size_t kept = 0;
    for (size_t i = 0; i < loop->prepares_n; i++) {
        struct prepare p = loop->prepares[i];
        if (p.fn == NULL)
            continue;
        int64_t w = p.fn(p.arg);
        if (w >= 0 && (wait < 0 || w < wait))
            wait = w;
    }
    for (size_t i = 0; i < loop->prepares_n; i++) {
        if (loop->prepares[i].fn != NULL)
            loop->prepares[kept++] = loop->prepares[i];
    }
    loop->prepares_n = kept;
    return wait;
}

static int turn(struct loop *loop, struct err *err)
{
    int64_t wait = run_prepares(loop);
    if (loop->stopped)
        return 0;
    if (loop->timers > 0) {
        int64_t left = loop->heap[0]->due_ms - clock_mono_ms();
        if (left < 0)
            left = 0;
        if (wait < 0 || left < wait)
            wait = left;
    }
    struct epoll_event events[EVENTS_PER_TURN];
    int n = epoll_wait(loop->epfd, events, EVENTS_PER_TURN,
                       wait > INT_MAX ? INT_MAX : (int)wait);
    if (n < 0 && errno != EINTR)
        return err_sys(err, errno, "cannot wait for events");
    for (int i = 0; i < n && !loop->stopped; i++) {
        struct loop_fd *w = events[i].data.ptr;
        if (!w->dead)
            w->fn(events[i].events, w->arg);
    }
    run_timers(loop);
    sweep(loop);
    return 0;
}

int loop_run(struct loop *loop, struct err *err)
{
    loop->stopped = false;
    while (!loop->stopped) {
        int rc = turn(loop, err);
        if (rc < 0)
            return rc;
    }
    return 0;
}
