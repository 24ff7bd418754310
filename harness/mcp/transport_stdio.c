/* One JSON-RPC message per line on the child's stdin and stdout. Both pipes are
 * non-blocking and every wait is a poll with the request's deadline, so neither a child
 * that does not read nor one that does not write can hold us. */
#include "mcp/transport.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/limits.h"
#include "io/json.h"
#include "io/proc.h"

#define STOP_GRACE_MS 1000
#define STOP_POLL_MS 100
#define ASIDE_GRACE_MS 500 /* for the answer, after an error that has no id */
#define READ_SIZE KIB(64)

struct stdio_transport {
    struct mcp_transport base;
    struct proc proc;
    char *program;         /* argv[0], for messages */
    struct strv argv, env; /* to start it anew */
    char *cwd;             /* NULL = ours */
    struct buf in;         /* bytes of the child's stdout */
    size_t taken;          /* of in: the lines that were dealt with */
    size_t scanned;        /* of in: where the next newline is looked for */
    struct buf errors;     /* the end of its stderr */
    struct buf unshown;    /* ... and its line that has no end yet, for on_stderr */
    bool broken;           /* a frame that cannot be read came in place of an answer */
};

static struct stdio_transport *self_of(struct mcp_transport *t)
{
    return (struct stdio_transport *)t;
}

static int set_nonblocking(int fd, struct err *err)
{
    int flags = fcntl(fd, F_GETFL);
    if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0)
        return err_sys(err, errno, "cannot make a pipe non-blocking");
    return 0;
}

/* A write to a child that has gone must be an error, not the end of this program, and
 * whether SIGPIPE is ignored is not ours to decide. */
static ssize_t write_quietly(int fd, const char *data, size_t len)
{
    sigset_t pipe_set;
    sigset_t old;
    sigemptyset(&pipe_set);
    sigaddset(&pipe_set, SIGPIPE);
    pthread_sigmask(SIG_BLOCK, &pipe_set, &old);
    ssize_t n = write(fd, data, len);
    int saved = errno;
    if (n < 0 && saved == EPIPE && !sigismember(&old, SIGPIPE)) {
        const struct timespec now = {0, 0};
        while (sigtimedwait(&pipe_set, NULL, &now) < 0 && errno == EINTR)
            ;
    }
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    errno = saved;
    return n;
}

/* The newline of the first whole line; NULL = there is none yet. */
static const char *line_end(struct stdio_transport *s)
{
    const char *end = memchr(s->in.data + s->scanned, '\n', s->in.len - s->scanned);
    s->scanned = end ? (size_t)(end - s->in.data) : s->in.len;
    return end;
}

/* While a long request is written nobody takes lines out: then there is enough when half
 * the room is taken, so that only a single line can run into the limit. */
static bool holds_enough(struct stdio_transport *s)
{
    return s->in.len - s->taken > s->in.max / 2 && line_end(s);
}

/* 0 = got something or nothing yet; sets ended at the end of file. */
static int read_some(struct stdio_transport *s, struct err *err)
{
    char chunk[READ_SIZE];
    /* Not line by line: of many short ones each would move all the others. */
    buf_consume(&s->in, s->taken);
    s->scanned -= s->taken;
    s->taken = 0;
    ssize_t n = read(s->proc.out, chunk, sizeof(chunk));
    if (n < 0)
        return errno == EAGAIN || errno == EINTR
                   ? 0
                   : err_sys(err, errno, "cannot read from '%s'", s->program);
    if (n == 0)
        s->base.ended = true;
    buf_add(&s->in, chunk, (size_t)n);
    if (s->in.truncated)
        return err_set(err, ERR_SHAPE, "'%s' sent a line of more than %zu bytes",
                       s->program, s->in.max);
    return 0;
}

static void show_line(struct stdio_transport *s, size_t len, size_t end)
{
    s->base.opt.on_stderr(s->unshown.data, len, s->base.opt.on_stderr_arg);
    buf_consume(&s->unshown, len + end);
}

static void show_errors(struct stdio_transport *s, const char *text, size_t len)
{
    if (!s->base.opt.on_stderr)
        return;
    if (s->unshown.len + len > s->unshown.max)
        show_line(s, s->unshown.len, 0);
    buf_add(&s->unshown, text, len);
    for (const char *end; (end = memchr(s->unshown.data, '\n', s->unshown.len));)
        show_line(s, (size_t)(end - s->unshown.data), 1);
}

static void read_errors(struct stdio_transport *s)
{
    char chunk[LIMIT_ERROR_TEXT];
    ssize_t n = read(s->proc.err, chunk, sizeof(chunk));
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (n <= 0) {
        close_fd(&s->proc.err);
        return;
    }
    show_errors(s, chunk, (size_t)n);
    size_t total = s->errors.len + (size_t)n;
    if (total > s->errors.max)
        buf_consume(&s->errors, total - s->errors.max);
    buf_add(&s->errors, chunk, (size_t)n);
}

/* Where the last line of a text begins, blank ends aside; *ret_len 0 = there is none. */
static const char *last_line(const char *text, size_t *ret_len)
{
    size_t end = strlen(text);
    while (end > 0 && text[end - 1] == '\n')
        end--;
    size_t start = end;
    while (start > 0 && text[start - 1] != '\n')
        start--;
    *ret_len = end - start;
    return text + start;
}

/* What it said on stderr so far; what comes later is not waited for. */
static void take_errors(struct stdio_transport *s)
{
    enum { MOST_READS = 64 }; /* more than a pipe holds */
    for (int i = 0; i < MOST_READS && s->proc.err >= 0; i++)
        read_errors(s);
}

/* The last line of its stderr so far, after the words that lead to it; "" = none. The
 * caller frees. */
static char *last_words(struct stdio_transport *s)
{
    enum { MOST = 300 };
    size_t len = 0;
    take_errors(s);
    const char *last = last_line(s->errors.data, &len);
    return len ? xasprintf("; its last words: %.*s", (int)(len > MOST ? MOST : len), last)
               : xstrdup("");
}

static int too_late(struct stdio_transport *s, struct err *err)
{
    CLEANUP(free_ptr) char *words = last_words(s);
    return err_set(err, ERR_TIMEOUT, "'%s' did not answer in time%s", s->program, words);
}

/* Waits until something can be done and takes in what the child wrote. *ret_writable:
 * stdin takes data (asked only when want_write). */
static int turn(struct stdio_transport *s, bool want_write, int64_t deadline_ms,
                bool *ret_writable, struct err *err)
{
    struct pollfd fds[3] = {
        {.fd = s->base.ended || holds_enough(s) ? -1 : s->proc.out, .events = POLLIN},
        {.fd = s->proc.err, .events = POLLIN},
        {.fd = want_write ? s->proc.in : -1, .events = POLLOUT},
    };
    int64_t left = deadline_ms - clock_mono_ms();
    if (mcp_stopped(&s->base))
        return err_set(err, ERR_TIMEOUT, "cancelled before '%s' answered", s->program);
    /* A signal may come just before poll: its flag is looked at again soon. */
    int64_t most = s->base.opt.stop && left > STOP_POLL_MS ? STOP_POLL_MS : left;
    int n = poll(fds, ARRAY_SIZE(fds), most > 0 ? (int)most : 0);
    if (n < 0 && errno != EINTR)
        return err_sys(err, errno, "cannot poll '%s'", s->program);
    if (left <= 0 || (n == 0 && most == left))
        return too_late(s, err);
    if (n > 0 && fds[1].revents)
        read_errors(s);
    *ret_writable = n > 0 && fds[2].revents;
    return n > 0 && fds[0].revents ? read_some(s, err) : 0;
}

/* Does it say so before the place where it cannot be read? */
static bool begins_frame(const char *text)
{
    if (*text++ != '{')
        return false;
    text += strspn(text, " \t");
    return strncmp(text, "\"jsonrpc\"", 9) == 0;
}

/* What answers an id is a frame even if it does not say so. */
static bool is_frame(const json_t *j)
{
    bool answers = json_object_get(j, "id") &&
                   (json_object_get(j, "result") || json_object_get(j, "error"));
    return answers || json_object_get(j, "jsonrpc");
}

/* False: the line is a log line in the wrong place, that is neither a frame nor an array
 * that has one. *ret_root: owned, NULL = it cannot be read. */
static bool read_frame(const char *line, size_t len, json_t **ret_root)
{
    size_t i = 0;
    CLEANUP(json_drop) json_t *j = NULL;
    while (i < len && (line[i] == ' ' || line[i] == '\t'))
        i++;
    if (i == len || (line[i] != '{' && line[i] != '['))
        return false;
    if (json_parse(line, len, &j, NULL))
        return begins_frame(line + i);
    bool frame = is_frame(j);
    for (i = 0; !frame && i < json_array_size(j); i++)
        frame = is_frame(json_array_get(j, i));
    *ret_root = frame ? TAKE(j) : NULL;
    return frame;
}

static void note_junk(struct stdio_transport *s, const char *line, size_t len)
{
    s->base.junk_lines++;
    mcp_note_frame(&s->base, MCP_JUNK, line, len);
}

/* A line that nobody waits for. */
static void note_line(struct stdio_transport *s, size_t len)
{
    const char *line = s->in.data + s->taken;
    CLEANUP(json_drop) json_t *root = NULL;
    s->taken += len;
    len -= len && line[len - 1] == '\r';
    if (!len)
        return;
    if (read_frame(line, len, &root))
        mcp_note_rest(&s->base, line, len, root);
    else
        note_junk(s, line, len);
}

static void note_lines(struct stdio_transport *s)
{
    for (const char *end = NULL; (end = line_end(s));) {
        note_line(s, (size_t)(end - s->in.data) - s->taken);
        s->scanned = ++s->taken;
    }
}

/* What is there, without waiting; no more than can be held. */
static void read_rest(struct stdio_transport *s)
{
    for (size_t before = s->in.len + 1; before != s->in.len && !holds_enough(s);) {
        before = s->in.len;
        if (read_some(s, NULL))
            break;
    }
}

/* What a child that has gone has left behind: no answer, but perhaps why. */
static void note_rest(struct stdio_transport *s)
{
    read_rest(s);
    note_lines(s);
    if (!s->base.ended || s->in.len == s->taken)
        return;
    mcp_found(&s->base, "a last line that no newline ends");
    note_line(s, s->in.len - s->taken);
    s->scanned = s->taken;
}

static int gone(struct stdio_transport *s, struct err *err)
{
    int status = 0;
    s->base.ended = true;
    /* Its stdout is closed; a child that lives on without it is as good as gone. */
    int rc = proc_wait(&s->proc, clock_mono_ms() + STOP_GRACE_MS, &status, NULL);
    note_rest(s);
    CLEANUP(free_ptr) char *words = last_words(s);
    char how[64] = "closed its output";
    if (rc == 0 && WIFEXITED(status))
        (void)snprintf(how, sizeof(how), "ended with exit code %d", WEXITSTATUS(status));
    else if (rc == 0 && WIFSIGNALED(status))
        (void)snprintf(how, sizeof(how), "was ended by signal %d", WTERMSIG(status));
    return err_set(err, ERR_NET, "'%s' %s before it answered%s", s->program, how, words);
}

static int stdio_send(struct mcp_transport *t, const char *text, int64_t deadline_ms,
                      struct mcp_exchange *ret, struct err *err)
{
    (void)ret;
    struct stdio_transport *s = self_of(t);
    CLEANUP(free_ptr) char *line = xasprintf("%s\n", text);
    size_t len = strlen(line);
    t->unsent = s->proc.in < 0;
    if (t->unsent)
        return gone(s, err);
    for (size_t done = 0; done < len;) {
        ssize_t n = write_quietly(s->proc.in, line + done, len - done);
        if (n > 0) {
            done += (size_t)n;
            continue;
        }
        if (n < 0 && errno == EPIPE) {
            t->unsent = done == 0;
            return gone(s, err);
        }
        if (n < 0 && errno != EAGAIN && errno != EINTR)
            return err_sys(err, errno, "cannot write to '%s'", s->program);
        bool writable = false;
        if (turn(s, true, deadline_ms, &writable, err))
            return -1;
    }
    mcp_note_frame(t, MCP_SENT, line, len - 1);
    return 0;
}

static int take_line(struct stdio_transport *s, size_t len, const json_t *id,
                     int64_t deadline_ms, struct rpc_frame *answer, bool *ret_found,
                     struct err *err)
{
    *ret_found = false;
    /* A copy, as replies may move the buffer; all of it, a NUL in the middle too. */
    CLEANUP(free_ptr) char *line = xmalloc(len + 1);
    memcpy(line, s->in.data + s->taken, len);
    line[len] = '\0';
    s->taken += len + 1;
    s->scanned = s->taken;
    if (len && line[len - 1] == '\r')
        line[--len] = '\0';
    if (len == 0)
        return 0;
    json_t *root = NULL;
    if (!read_frame(line, len, &root)) {
        note_junk(s, line, len);
        return 0;
    }
    mcp_note_received(&s->base, line, len, root);
    if (!root) {
        s->broken = true;
        return 0;
    }
    if (mcp_receive_take(&s->base, root, id, deadline_ms, answer, ret_found, err))
        return err_prefix(err, "'%s'", s->program);
    return 0;
}

/* Takes lines until the answer is there or, unless there was one before, an error that
 * may be it. */
static int await(struct stdio_transport *s, const json_t *id, int64_t deadline_ms,
                 struct rpc_frame *answer, bool *ret_found, struct err *err)
{
    bool had_error = s->base.aside.root;
    while (!*ret_found && (had_error || !s->base.aside.root)) {
        const char *end = line_end(s);
        if (end) {
            if (take_line(s, (size_t)(end - s->in.data) - s->taken, id, deadline_ms,
                          answer, ret_found, err))
                return -1;
            if (!*ret_found && clock_mono_ms() >= deadline_ms)
                return too_late(s, err);
            continue;
        }
        if (s->base.ended)
            return gone(s, err);
        bool unused = false;
        if (turn(s, false, deadline_ms, &unused, err))
            return -1;
    }
    return 0;
}

static int stdio_exchange(struct mcp_transport *t, const char *text, const json_t *id,
                          int64_t deadline_ms, struct mcp_exchange *ret, struct err *err)
{
    struct stdio_transport *s = self_of(t);
    struct err failed = ERR_INIT;
    bool found = false;
    s->broken = false;
    rpc_frame_release(&t->aside);
    if (stdio_send(t, text, deadline_ms, NULL, err))
        return -1;
    if (await(s, id, deadline_ms, &ret->frame, &found, &failed)) {
        if (failed.kind == ERR_TIMEOUT && s->broken && !mcp_stopped(t))
            return err_set(err, ERR_SHAPE, "'%s' sent a frame that cannot be read",
                           s->program);
        return err_set(err, failed.kind, "%s", failed.text);
    }
    if (found)
        return 0;
    int64_t grace = clock_mono_ms() + ASIDE_GRACE_MS;
    if (await(s, id, grace < deadline_ms ? grace : deadline_ms, &ret->frame, &found,
              &failed) &&
        failed.kind != ERR_TIMEOUT && failed.kind != ERR_NET)
        return err_set(err, failed.kind, "%s", failed.text);
    if (!found) {
        ret->frame = t->aside;
        t->aside = (struct rpc_frame)RPC_FRAME_INIT;
    }
    return 0;
}

/* Takes in what the child still says, until it has ended or the time is over. */
static void hear_out(struct stdio_transport *s, int64_t deadline_ms)
{
    for (bool over = false; !over;) {
        struct pollfd fds[3] = {
            {.fd = s->base.ended ? -1 : s->proc.out, .events = POLLIN},
            {.fd = s->proc.err, .events = POLLIN},
            {.fd = s->proc.pidfd, .events = POLLIN},
        };
        int64_t left = deadline_ms - clock_mono_ms();
        int n = left > 0 ? poll(fds, ARRAY_SIZE(fds), (int)left) : 0;
        if (n < 0 && errno == EINTR)
            continue;
        over = n <= 0 || fds[2].revents;
        if (n > 0 && fds[1].revents)
            read_errors(s);
        if (n > 0 && fds[0].revents && read_some(s, NULL))
            s->base.ended = true; /* nothing that can be read */
        note_lines(s);
    }
    note_rest(s);
}

/* As the specification orders it: stdin closed, TERM, KILL. A server goes when its stdin
 * ends; only one that does not is signalled. Its pipes are read meanwhile, lest one that
 * has much to say waits for us. */
static void end_child(struct stdio_transport *s)
{
    close_fd(&s->proc.in);
    int status = 0;
    if (s->proc.pid > 0) {
        hear_out(s, clock_mono_ms() + STOP_GRACE_MS);
        if (proc_wait(&s->proc, clock_mono_ms(), &status, NULL) != 0)
            proc_stop(&s->proc, STOP_GRACE_MS);
        take_errors(s);
    }
    if (s->unshown.len > 0)
        show_line(s, s->unshown.len, 0);
    proc_release(&s->proc);
}

static void stdio_finish(struct mcp_transport *t)
{
    end_child(self_of(t));
}

static bool stdio_has_ended(struct mcp_transport *t)
{
    if (!t->ended)
        read_rest(self_of(t));
    return t->ended;
}

static int start_child(struct stdio_transport *s, struct err *err)
{
    struct proc_spec spec = PROC_SPEC_INIT;
    spec.argv = strv_argv(&s->argv);
    spec.env = &s->env;
    spec.cwd = s->cwd;
    spec.in = spec.out = spec.err = PROC_PIPE;
    if (proc_spawn(&spec, &s->proc, err) || set_nonblocking(s->proc.in, err) ||
        set_nonblocking(s->proc.out, err) || set_nonblocking(s->proc.err, err))
        return -1;
    return 0;
}

static int stdio_restart(struct mcp_transport *t, struct err *err)
{
    struct stdio_transport *s = self_of(t);
    end_child(s);
    buf_reset(&s->in);
    buf_reset(&s->errors);
    s->taken = s->scanned = 0;
    t->ended = false;
    t->restarts++;
    s->proc = (struct proc)PROC_INIT;
    return start_child(s, err);
}

static void stdio_free(struct mcp_transport *t)
{
    struct stdio_transport *s = self_of(t);
    end_child(s);
    buf_release(&s->in);
    buf_release(&s->errors);
    buf_release(&s->unshown);
    strv_release(&s->argv);
    strv_release(&s->env);
    mcp_transport_release(t);
    free(s->program);
    free(s->cwd);
    free(s);
}

int mcp_stdio_new(char *const *argv, const struct strv *env, const char *cwd,
                  const struct mcp_options *opt, struct mcp_transport **ret,
                  struct err *err)
{
    struct stdio_transport *s = xcalloc(1, sizeof(*s));
    s->base = (struct mcp_transport){.exchange = stdio_exchange,
                                     .send = stdio_send,
                                     .has_ended = stdio_has_ended,
                                     .restart = stdio_restart,
                                     .finish = stdio_finish,
                                     .free = stdio_free,
                                     .wire = MCP_WIRE_STDIO};
    if (opt)
        s->base.opt = *opt;
    s->proc = (struct proc)PROC_INIT;
    s->program = xstrdup(argv[0]);
    for (size_t i = 0; argv[i]; i++)
        strv_add(&s->argv, argv[i]);
    if (env)
        strv_copy(&s->env, env);
    s->cwd = cwd ? xstrdup(cwd) : NULL;
    buf_init(&s->in, LIMIT_LINE);
    buf_init(&s->errors, LIMIT_ERROR_TEXT);
    buf_init(&s->unshown, LIMIT_ERROR_TEXT);
    if (start_child(s, err)) {
        stdio_free(&s->base);
        return -1;
    }
    *ret = &s->base;
    return 0;
}
