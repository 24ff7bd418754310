#include "io/proc.h"

#include "base/clock.h"
#include "base/limits.h"
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/close_range.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* Everything that the child needs, made before fork. */
struct launch {
    const struct proc_spec *spec;
    const char *path;
    char *const *env;
    int fds[4]; /* what becomes descriptors 0 to 3; -1 = none */
    int report; /* write end of the pipe that reports a failed exec */
    pid_t parent;
};

struct failure {
    int where; /* enum stage */
    int errnum;
};
enum stage { AT_SETUP, AT_CHDIR, AT_EXEC };

static bool is_program(const char *path)
{
    struct stat st;

    return stat(path, &st) == 0 && S_ISREG(st.st_mode) && access(path, X_OK) == 0;
}

/* The file to execute; caller frees. NULL with *err. */
static char *find_program(const struct proc_spec *spec, struct err *err)
{
    const char *name = spec->argv[0];
    const char *path = spec->env ? strv_env_get(spec->env, "PATH") : NULL;
    CLEANUP(strv_release) struct strv dirs = STRV_INIT;

    if (!name || !*name) {
        err_set(err, ERR_BUG, "no program to run");
        return NULL;
    }
    if (strchr(name, '/'))
        return xstrdup(name);
    strv_split(&dirs, path ? path : "/usr/local/bin:/usr/bin:/bin", ':');
    for (size_t i = 0; i < dirs.n; i++) {
        CLEANUP(free_ptr) char *candidate = xasprintf("%s/%s", dirs.v[i], name);

        if (is_program(candidate))
            return TAKE(candidate);
    }
    err_sys(err, ENOENT, "cannot run '%s'", name);
    return NULL;
}

/* Handlers of ours must not run in the child, and an ignored SIGPIPE or a blocked
 * SIGTERM must not be inherited by a program that does not expect it. */
static void default_signals(bool ignored_too)
{
    struct sigaction now;
    struct sigaction fresh = {.sa_handler = SIG_DFL};

    for (int signo = 1; signo < NSIG; signo++) {
        if (sigaction(signo, NULL, &now) < 0 || now.sa_handler == SIG_DFL)
            continue;
        if (now.sa_handler != SIG_IGN || ignored_too)
            (void)sigaction(signo, &fresh, NULL);
    }
}

static void unblock_signals(void)
{
    sigset_t none;

    sigemptyset(&none);
    (void)sigprocmask(SIG_SETMASK, &none, NULL);
}

static int die_with_parent(pid_t parent)
{
    if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0)
        return -1;
    /* It may have died before the call. */
    if (getppid() != parent)
        _exit(127);
    return 0;
}

/* Puts the descriptors in their places. All of them are moved out of the way first: a
 * source may stand where another one belongs. */
static int place_fds(struct launch *l)
{
    enum { OUT_OF_THE_WAY = 10 };

    l->report = fcntl(l->report, F_DUPFD_CLOEXEC, OUT_OF_THE_WAY);
    if (l->report < 0)
        return -1;
    for (int i = 0; i < 4; i++) {
        if (l->fds[i] < 0)
            continue;
        l->fds[i] = fcntl(l->fds[i], F_DUPFD_CLOEXEC, OUT_OF_THE_WAY);
        if (l->fds[i] < 0)
            return -1;
    }
    for (int i = 0; i < 4; i++) {
        if (l->fds[i] >= 0 && dup2(l->fds[i], i) < 0)
            return -1;
    }
    /* Ours are close-on-exec from birth; this is for what whoever started us left open.
     * A kernel without the call is no reason to fail. */
    (void)syscall(SYS_close_range, l->fds[3] >= 0 ? 4U : 3U, ~0U, CLOSE_RANGE_CLOEXEC);
    return 0;
}

/* In the child: only async-signal-safe calls from here to exec. */
static void run_child(struct launch *l)
{
    struct failure f = {.where = AT_SETUP};
    ssize_t ignored;

    if (l->spec->keep_after_parent ? setsid() < 0 : setpgid(0, 0) < 0)
        goto failed;
    if (!l->spec->keep_after_parent && die_with_parent(l->parent) < 0)
        goto failed;
    if (place_fds(l) < 0)
        goto failed;
    f.where = AT_CHDIR;
    if (l->spec->cwd && chdir(l->spec->cwd) < 0)
        goto failed;
    default_signals(true);
    unblock_signals();
    f.where = AT_EXEC;
    execve(l->path, l->spec->argv, l->env);
failed:
    f.errnum = errno;
    ignored = write(l->report, &f, sizeof(f));
    (void)ignored;
    _exit(127);
}

struct pipes {
    int child[3]; /* what the child gets as 0, 1, 2; owned where `made` */
    bool made[3];
    int ours[3]; /* owned, -1 = none */
    int null_fd; /* owned */
};

static void pipes_release(struct pipes *p)
{
    for (int i = 0; i < 3; i++) {
        if (p->made[i])
            close_fd(&p->child[i]);
        close_fd(&p->ours[i]);
    }
    close_fd(&p->null_fd);
}

static int pipes_open(struct pipes *p, const struct proc_spec *spec, struct err *err)
{
    const int wanted[3] = {spec->in, spec->out, spec->err};

    p->null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);
    if (p->null_fd < 0)
        return err_sys(err, errno, "cannot open '/dev/null'");
    for (int i = 0; i < 3; i++) {
        int ends[2];

        if (wanted[i] != PROC_PIPE) {
            p->child[i] = wanted[i] == PROC_NULL ? p->null_fd : wanted[i];
            continue;
        }
        if (pipe2(ends, O_CLOEXEC) < 0)
            return err_sys(err, errno, "cannot make a pipe");
        p->child[i] = ends[i == 0 ? 0 : 1];
        p->ours[i] = ends[i == 0 ? 1 : 0];
        p->made[i] = true;
    }
    return 0;
}

static int open_pidfd(pid_t pid)
{
    return (int)syscall(SYS_pidfd_open, pid, 0U);
}

static int reap(pid_t pid, int *ret_status)
{
    pid_t got;

    do
        got = waitpid(pid, ret_status, 0);
    while (got < 0 && errno == EINTR);
    return got < 0 ? -1 : 0;
}

/* 0 = the program runs; otherwise the child's own words about why not. */
static int read_report(int fd, const struct launch *l, struct err *err)
{
    struct failure f;
    ssize_t n;

    do
        n = read(fd, &f, sizeof(f));
    while (n < 0 && errno == EINTR);
    if (n == 0)
        return 0;
    if (n != (ssize_t)sizeof(f))
        return err_sys(err, n < 0 ? errno : EIO, "cannot start '%s'", l->path);
    if (f.where == AT_CHDIR)
        return err_sys(err, f.errnum, "cannot run '%s' in '%s'", l->path, l->spec->cwd);
    if (f.where == AT_EXEC)
        return err_sys(err, f.errnum, "cannot run '%s'", l->path);
    return err_sys(err, f.errnum, "cannot prepare '%s'", l->path);
}

/* Forks with every signal blocked, so that no handler runs in the child. */
static pid_t fork_blocked(void)
{
    sigset_t all, before;
    pid_t pid;
    int saved;

    sigfillset(&all);
    (void)sigprocmask(SIG_SETMASK, &all, &before);
    pid = fork();
    saved = errno;
    if (pid != 0)
        (void)sigprocmask(SIG_SETMASK, &before, NULL);
    errno = saved;
    return pid;
}

/* Fills ret for a child that was just started; it is killed when that fails. */
static int adopt(pid_t pid, struct proc *ret, struct err *err)
{
    int pidfd = open_pidfd(pid);
    int cause = errno;
    int status;

    if (pidfd < 0) {
        (void)kill(pid, SIGKILL);
        (void)reap(pid, &status);
        return err_sys(err, cause, "cannot watch process %d", (int)pid);
    }
    *ret = (struct proc)PROC_INIT;
    ret->pid = pid;
    ret->pidfd = pidfd;
    return 0;
}

static int take_fd(int *fd)
{
    int taken = *fd;

    *fd = -1;
    return taken;
}

int proc_spawn(const struct proc_spec *spec, struct proc *ret, struct err *err)
{
    static const struct strv no_env = STRV_INIT;
    CLEANUP(free_ptr) char *path = find_program(spec, err);
    CLEANUP(pipes_release)
    struct pipes io = {.child = {-1, -1, -1}, .ours = {-1, -1, -1}, .null_fd = -1};
    CLEANUP(close_fd) int report_read = -1;
    CLEANUP(close_fd) int report_write = -1;
    struct launch l;
    int ends[2];
    pid_t pid;

    if (!path || pipes_open(&io, spec, err) < 0)
        return -1;
    if (pipe2(ends, O_CLOEXEC) < 0)
        return err_sys(err, errno, "cannot make a pipe");
    report_read = ends[0];
    report_write = ends[1];
    l = (struct launch){
        .spec = spec,
        .path = path,
        .env = strv_argv(spec->env ? spec->env : &no_env),
        .fds = {io.child[0], io.child[1], io.child[2], spec->pass_fd},
        .report = report_write,
        .parent = getpid(),
    };
    pid = fork_blocked();
    if (pid < 0)
        return err_sys(err, errno, "cannot start '%s'", path);
    if (pid == 0)
        run_child(&l);
    close_fd(&report_write);
    if (read_report(report_read, &l, err) < 0) {
        int status;

        (void)reap(pid, &status);
        return -1;
    }
    if (adopt(pid, ret, err) < 0)
        return -1;
    ret->in = take_fd(&io.ours[0]);
    ret->out = take_fd(&io.ours[1]);
    ret->err = take_fd(&io.ours[2]);
    return 0;
}

int proc_fork(int (*fn)(void *arg), void *arg, struct proc *ret, struct err *err)
{
    pid_t parent = getpid();
    pid_t pid;

    /* Or the child would write what waits in our buffers once more. */
    (void)fflush(stdout);
    (void)fflush(stderr);
    pid = fork_blocked();
    if (pid < 0)
        return err_sys(err, errno, "cannot fork");
    if (pid == 0) {
        int code = 127;

        if (setpgid(0, 0) == 0 && die_with_parent(parent) == 0) {
            default_signals(false);
            unblock_signals();
            code = fn(arg);
        }
        (void)fflush(stdout);
        (void)fflush(stderr);
        _exit(code);
    }
    /* In both, so that the group exists whoever runs first. */
    (void)setpgid(pid, pid);
    return adopt(pid, ret, err);
}

static int poll_until(struct pollfd *fds, nfds_t n, int64_t deadline_ms)
{
    for (;;) {
        int64_t left = -1;
        int rc;

        if (deadline_ms >= 0) {
            left = deadline_ms - clock_mono_ms();
            left = left < 0 ? 0 : left > INT_MAX ? INT_MAX : left;
        }
        rc = poll(fds, n, (int)left);
        if (rc > 0 || (rc < 0 && errno != EINTR))
            return rc;
        if (rc == 0 && clock_mono_ms() >= deadline_ms)
            return 0;
    }
}

int proc_wait(struct proc *p, int64_t deadline_ms, int *ret_status, struct err *err)
{
    struct pollfd one = {.fd = p->pidfd, .events = POLLIN};
    int rc;

    if (p->pid <= 0)
        return err_set(err, ERR_BUG, "there is no process to wait for");
    rc = poll_until(&one, 1, deadline_ms);
    if (rc < 0)
        return err_sys(err, errno, "cannot wait for process %d", (int)p->pid);
    if (rc == 0)
        return 1;
    /* What it left behind in its group goes before it is reaped: until then its number,
     * which is the group's, cannot be given to another process. */
    proc_signal(p, SIGKILL);
    if (reap(p->pid, ret_status) < 0)
        return err_sys(err, errno, "cannot reap process %d", (int)p->pid);
    p->pid = 0;
    close_fd(&p->pidfd);
    return 0;
}

void proc_signal(const struct proc *p, int signo)
{
    if (p->pid > 0)
        (void)kill(-p->pid, signo);
}

static void close_pipes(struct proc *p)
{
    close_fd(&p->in);
    close_fd(&p->out);
    close_fd(&p->err);
}

void proc_stop(struct proc *p, int64_t grace_ms)
{
    int status;

    close_pipes(p);
    if (p->pid > 0) {
        proc_signal(p, SIGTERM);
        if (proc_wait(p, clock_mono_ms() + grace_ms, &status, NULL) == 1) {
            proc_signal(p, SIGKILL);
            (void)!proc_wait(p, -1, &status, NULL);
        }
    }
    close_fd(&p->pidfd);
    p->pid = 0;
}

void proc_release(struct proc *p)
{
    int status;

    close_pipes(p);
    if (p->pid > 0) {
        proc_signal(p, SIGKILL);
        (void)!proc_wait(p, -1, &status, NULL);
    }
    close_fd(&p->pidfd);
    p->pid = 0;
}

void proc_result_release(struct proc_result *r)
{
    buf_release(&r->out);
    buf_release(&r->err);
}

/* One run of proc_run. */
struct exchange {
    struct proc proc;
    const char *input;
    size_t left;
    struct proc_result *ret;
};

/* Reads what is there, closes at the end; bounded, because a child may write faster than
 * we read. */
static void drain(int *fd, struct buf *into)
{
    enum { PIECES = 128 }; /* more than any pipe holds */
    char chunk[16384];

    for (int i = 0; i < PIECES; i++) {
        ssize_t n = read(*fd, chunk, sizeof(chunk));

        if (n > 0) {
            buf_add(into, chunk, (size_t)n);
            continue;
        }
        if (n < 0 && errno == EINTR)
            continue;
        if (n == 0 || errno != EAGAIN)
            close_fd(fd);
        return;
    }
}

static void feed(struct exchange *x)
{
    while (x->left) {
        ssize_t n = write(x->proc.in, x->input, x->left);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && errno == EAGAIN)
            return;
        if (n < 0)
            break; /* it does not want the rest */
        x->input += n;
        x->left -= (size_t)n;
    }
    close_fd(&x->proc.in);
}

/* Moves data until the child has ended. 0 = ended, 1 = the deadline passed. */
static int pump(struct exchange *x, int64_t deadline_ms, struct err *err)
{
    for (;;) {
        struct pollfd fds[] = {
            {.fd = x->proc.pidfd, .events = POLLIN},
            {.fd = x->proc.in, .events = POLLOUT},
            {.fd = x->proc.out, .events = POLLIN},
            {.fd = x->proc.err, .events = POLLIN},
        };
        int rc = poll_until(fds, ARRAY_SIZE(fds), deadline_ms);

        if (rc < 0)
            return err_sys(err, errno, "cannot wait for process %d", (int)x->proc.pid);
        if (rc == 0)
            return 1;
        if (fds[1].revents)
            feed(x);
        if (fds[2].revents)
            drain(&x->proc.out, &x->ret->out);
        if (fds[3].revents)
            drain(&x->proc.err, &x->ret->err);
        if (fds[0].revents)
            return 0;
        /* A child that writes without end must not keep the deadline away. */
        if (deadline_ms >= 0 && clock_mono_ms() >= deadline_ms)
            return 1;
    }
}

static int finish(struct exchange *x, struct err *err)
{
    int status = 0;

    proc_signal(&x->proc, SIGKILL);
    if (proc_wait(&x->proc, -1, &status, err) < 0)
        return -1;
    /* What was written before the end; without waiting, because a process that left the
     * group may hold the other end open. */
    if (x->proc.out >= 0)
        drain(&x->proc.out, &x->ret->out);
    if (x->proc.err >= 0)
        drain(&x->proc.err, &x->ret->err);
    x->ret->signo = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
    x->ret->exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
    return 0;
}

/* A pipe whose reader has gone must be an error of write, not the end of our process,
 * whatever the process has set for SIGPIPE. */
static void block_sigpipe(sigset_t *before, bool *was_pending)
{
    sigset_t one, pending;

    sigemptyset(&pending);
    (void)sigpending(&pending);
    *was_pending = sigismember(&pending, SIGPIPE) == 1;
    sigemptyset(&one);
    sigaddset(&one, SIGPIPE);
    (void)sigprocmask(SIG_BLOCK, &one, before);
}

static void restore_sigpipe(const sigset_t *before, bool was_pending)
{
    struct timespec now = {0};
    sigset_t one;

    sigemptyset(&one);
    sigaddset(&one, SIGPIPE);
    if (!was_pending) {
        int got;

        do
            got = sigtimedwait(&one, NULL, &now);
        while (got < 0 && errno == EINTR);
    }
    (void)sigprocmask(SIG_SETMASK, before, NULL);
}

static int set_nonblocking(int fd, struct err *err)
{
    if (fd >= 0 && fcntl(fd, F_SETFL, O_NONBLOCK) < 0)
        return err_sys(err, errno, "cannot set up a pipe");
    return 0;
}

static int run(struct exchange *x, const struct proc_spec *spec, int64_t timeout_ms,
               struct err *err)
{
    struct proc_spec piped = *spec;
    int rc;

    piped.in = PROC_PIPE;
    piped.out = PROC_PIPE;
    piped.err = PROC_PIPE;
    if (proc_spawn(&piped, &x->proc, err) < 0)
        return -1;
    if (set_nonblocking(x->proc.in, err) < 0 || set_nonblocking(x->proc.out, err) < 0 ||
        set_nonblocking(x->proc.err, err) < 0)
        return -1;
    if (x->left == 0)
        close_fd(&x->proc.in);
    rc = pump(x, timeout_ms > 0 ? clock_mono_ms() + timeout_ms : -1, err);
    if (rc < 0)
        return -1;
    x->ret->timed_out = rc == 1;
    return finish(x, err);
}

int proc_run(const struct proc_spec *spec, const char *input, size_t input_len,
             int64_t timeout_ms, struct proc_result *ret, struct err *err)
{
    struct exchange x = {
        .proc = PROC_INIT, .input = input, .left = input ? input_len : 0, .ret = ret};
    sigset_t before;
    bool was_pending;
    int rc;

    ret->exit_code = -1;
    ret->signo = 0;
    ret->timed_out = false;
    buf_init(&ret->out, LIMIT_CHILD_OUTPUT);
    buf_init(&ret->err, LIMIT_CHILD_OUTPUT);
    block_sigpipe(&before, &was_pending);
    rc = run(&x, spec, timeout_ms, err);
    proc_release(&x.proc);
    restore_sigpipe(&before, was_pending);
    return rc;
}
