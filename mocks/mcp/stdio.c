#include "mocks/mcp/stdio.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/limits.h"
#include "io/json.h"
#include "io/loop.h"
#include "mocks/mcp/batch.h"
#include "mocks/mcp/frames.h"
#include "mocks/mcp/server_part.h"

enum {
    LAST_WORDS_MS = 2000, /* for the last answers, and again while they are read */
    UNREAD_MAX = 1 << 20, /* past it nothing more is taken in */
};

#define READ_SIZE KIB(64)

struct mcp_stdio {
    struct loop *loop;
    struct mcp_server *server;
    int in, out;
    struct mcp_peer peer;
    struct buf pending; /* read, and not yet taken */
    struct buf unread;  /* written, and not yet taken by the client */
    struct loop_fd *in_watch;
    struct loop_fd *out_watch; /* NULL = nothing waits for the client */
    struct loop_timer *timer;  /* of a file's next piece, or of the end */
    bool skipping;             /* to the end of a line that is too long */
    bool by_piece;             /* `in` is a file, which epoll refuses */
    bool ended;                /* no more is read */
    bool last;                 /* only what is unread holds up the end */
    struct err err;
    mcp_stdio_end_fn *end;
    void *arg;
};

static void finish(void *arg);

static void give_up(void *arg)
{
    struct mcp_stdio *t = arg;

    (void)err_set(&t->err, ERR_TIMEOUT, "the last %zu bytes are not read by the client",
                  t->unread.len);
    finish(t);
}

static void await_reader(struct mcp_stdio *t)
{
    t->last = true;
    loop_timer_cancel(t->timer);
    t->timer = loop_timer_add(t->loop, LAST_WORDS_MS, give_up, t);
}

static void finish(void *arg)
{
    struct mcp_stdio *t = arg;

    t->timer = NULL;
    if (t->unread.len && t->err.kind == ERR_NONE) {
        await_reader(t);
        return;
    }
    t->end(t->err.kind == ERR_NONE ? NULL : &t->err, t->arg);
}

static void finish_within(struct mcp_stdio *t, int64_t ms)
{
    loop_timer_cancel(t->timer);
    t->timer = loop_timer_add(t->loop, ms, finish, t);
}

/* Ends once everything is answered, or at once when nothing can be. */
static void wind_up(struct mcp_stdio *t)
{
    bool now = t->err.kind != ERR_NONE || !t->server->live;

    loop_fd_remove(t->in_watch);
    t->in_watch = NULL;
    t->ended = true;
    finish_within(t, now ? 0 : LAST_WORDS_MS);
}

/* ---- writing ---- */

static void go_on(struct mcp_stdio *t);

static void fail_writing(struct mcp_stdio *t, int error)
{
    (void)err_sys(&t->err, error, "cannot write to standard output");
    wind_up(t);
}

/* A pipe that is ready takes that much without blocking, whatever its flags are; what
 * epoll would refuse is always ready. */
static bool may_write(const struct mcp_stdio *t)
{
    struct pollfd p = {.fd = t->out, .events = POLLOUT};

    return poll(&p, 1, 0) > 0;
}

/* What the client takes now, of what waits for it. */
static void write_some(struct mcp_stdio *t)
{
    size_t at = 0;

    while (at < t->unread.len && may_write(t)) {
        size_t left = t->unread.len - at;
        ssize_t n = write(t->out, t->unread.data + at, left < PIPE_BUF ? left : PIPE_BUF);
        if (n > 0) {
            at += (size_t)n;
        } else if (n < 0 && errno == EAGAIN) {
            break;
        } else if (n < 0 && errno != EINTR) {
            fail_writing(t, errno);
            break;
        }
    }
    buf_consume(&t->unread, at);
}

static void out_ready(uint32_t events, void *arg)
{
    struct mcp_stdio *t = arg;

    (void)events;
    write_some(t);
    if (t->unread.len && t->err.kind == ERR_NONE) {
        if (t->last)
            await_reader(t);
        return;
    }
    loop_fd_remove(t->out_watch);
    t->out_watch = NULL;
    if (t->last)
        finish_within(t, 0);
    else if (!t->ended)
        go_on(t);
}

static void write_line(struct mcp_stdio *t, const char *text)
{
    buf_adds(&t->unread, text);
    buf_addc(&t->unread, '\n');
    if (t->unread.truncated) {
        (void)err_set(&t->err, ERR_SHAPE,
                      "more than %zu bytes are not read by the client", t->unread.max);
        wind_up(t);
        return;
    }
    if (!t->out_watch)
        write_some(t);
    if (t->unread.len && !t->out_watch && t->err.kind == ERR_NONE)
        t->out_watch = loop_fd_add(t->loop, t->out, EPOLLOUT, out_ready, t);
}

/* frame: taken. */
static void send_frame(struct mcp_stdio *t, json_t *frame)
{
    size_t room = t->unread.max - t->unread.len;
    char *text CLEANUP(free_ptr) = mcp_text_within(frame, room ? room - 1 : 0);

    if (text && t->err.kind == ERR_NONE)
        write_line(t, text);
}

static void note(struct exchange *x, json_t *frame)
{
    send_frame(x->origin.arg, frame);
}

static void perhaps_finish(struct mcp_stdio *t)
{
    if (t->ended && !t->server->live)
        finish_within(t, 0);
}

static void answer(struct exchange *x, int status, json_t *frame)
{
    struct mcp_stdio *t = x->origin.arg;

    (void)status;
    if (frame)
        send_frame(t, frame);
    perhaps_finish(t);
}

static const struct mcp_port PORT = {
    .wire = MCP_WIRE_STDIO, .note = note, .answer = answer};

/* ---- reading ---- */

static void batch_note(json_t *frame, void *arg)
{
    send_frame(arg, frame);
}

static void batch_done(json_t *answers, void *arg)
{
    if (answers)
        send_frame(arg, answers);
    perhaps_finish(arg);
}

static const struct mcp_batch_owner BATCHES = {
    .wire = MCP_WIRE_STDIO, .note = batch_note, .done = batch_done};

static void refuse_line(struct mcp_stdio *t, json_t *id, int code, const char *why)
{
    /* SDK 1.x says nothing to what it cannot read. */
    if (t->server->opt.sdk1)
        return;
    json_t *frame = rpc_error(id, code, why);
    mcp_server_saw(t->server, MCP_FROM_SERVER, MCP_WIRE_STDIO, t->peer.revision, NULL,
                   frame);
    send_frame(t, frame);
}

static void take_batch(struct mcp_stdio *t, json_t *messages)
{
    if (!mcp_revision_has(t->peer.revision, MCP_F_BATCH))
        refuse_line(t, NULL, RPC_INVALID_REQUEST,
                    "a batch: only revision 2025-03-26 has them");
    else if (json_array_size(messages) == 0)
        refuse_line(t, NULL, RPC_INVALID_REQUEST, "an empty batch");
    else
        mcp_batch_take(t->server, &BATCHES, t, &t->peer, messages);
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r';
}

static void take_line(struct mcp_stdio *t, const char *line, size_t len)
{
    struct rpc_frame f CLEANUP(rpc_frame_release) = RPC_FRAME_INIT;
    json_t *root CLEANUP(json_drop) = NULL;
    enum rpc_code code = RPC_PARSE_ERROR;
    struct err err = ERR_INIT;

    while (len && is_blank(line[len - 1]))
        len--;
    if (len == 0)
        return;
    if (json_parse_deep(line, len, LIMIT_MESSAGE_DEPTH, &root, &err)) {
        if (t->server->opt.frames)
            mcp_frames_add_junk(t->server->opt.frames, t->server->opt.name,
                                MCP_WIRE_STDIO, "not JSON");
        refuse_line(t, NULL, RPC_PARSE_ERROR, err.text);
        return;
    }
    if (json_is_array(root)) {
        take_batch(t, root);
        return;
    }
    if (rpc_parse_take(json_incref(root), &f, &code, &err)) {
        mcp_server_saw(t->server, MCP_FROM_CLIENT, MCP_WIRE_STDIO, t->peer.revision, NULL,
                       root);
        refuse_line(t, f.id, (int)code, err.text);
        return;
    }
    const struct mcp_origin origin = {.port = &PORT, .arg = t, .peer = &t->peer};
    mcp_server_take(t->server, &origin,
                    !mcp_server_is_legacy(t->server) && mcp_is_modern(&f), &f);
}

static void refuse_long_line(struct mcp_stdio *t)
{
    char why[64];

    (void)snprintf(why, sizeof(why), "a line of more than %zu bytes", LIMIT_LINE);
    if (t->server->opt.frames)
        mcp_frames_add_junk(t->server->opt.frames, t->server->opt.name, MCP_WIRE_STDIO,
                            why);
    refuse_line(t, NULL, RPC_INVALID_REQUEST, why);
}

/* A line, or the rest of one whose begin is thrown away already. */
static void end_line(struct mcp_stdio *t, const char *line, size_t len)
{
    if (t->skipping)
        t->skipping = false;
    else if (len > LIMIT_LINE)
        refuse_long_line(t);
    else
        take_line(t, line, len);
}

/* What is left is the begin of a line. */
static void begin_line(struct mcp_stdio *t)
{
    if (!t->skipping && t->pending.len <= LIMIT_LINE)
        return;
    if (!t->skipping)
        refuse_long_line(t);
    t->skipping = true;
    buf_reset(&t->pending);
}

static bool takes_more(const struct mcp_stdio *t)
{
    return t->err.kind == ERR_NONE && t->unread.len <= UNREAD_MAX;
}

static void take_lines(struct mcp_stdio *t)
{
    size_t start = 0;
    const char *end = NULL;

    while (takes_more(t) &&
           (end = memchr(t->pending.data + start, '\n', t->pending.len - start))) {
        size_t len = (size_t)(end - t->pending.data) - start;
        end_line(t, t->pending.data + start, len);
        start += len + 1;
    }
    buf_consume(&t->pending, start);
    if (takes_more(t))
        begin_line(t);
}

/* One read, which does not block: there is something, or the end. */
static void take_input(struct mcp_stdio *t)
{
    char chunk[READ_SIZE];
    ssize_t n = read(t->in, chunk, sizeof(chunk));

    if (n < 0 && (errno == EINTR || errno == EAGAIN))
        return;
    if (n > 0) {
        buf_add(&t->pending, chunk, (size_t)n);
        take_lines(t);
        return;
    }
    if (n < 0)
        (void)err_sys(&t->err, errno, "cannot read standard input");
    else
        end_line(t, t->pending.data, t->pending.len);
    wind_up(t);
}

static void in_ready(uint32_t events, void *arg);
static void next_piece(void *arg);

/* Waits for input, unless the client has first to read what it was told. */
static void wait_for_input(struct mcp_stdio *t)
{
    if (t->ended)
        return;
    if (t->unread.len > UNREAD_MAX) {
        /* A watch for nothing would still be told of the other end's leaving. */
        loop_fd_remove(t->in_watch);
        t->in_watch = NULL;
    } else if (t->by_piece) {
        if (!t->timer)
            t->timer = loop_timer_add(t->loop, 0, next_piece, t);
    } else if (!t->in_watch) {
        t->in_watch = loop_fd_add(t->loop, t->in, EPOLLIN, in_ready, t);
    }
}

static void in_ready(uint32_t events, void *arg)
{
    (void)events;
    take_input(arg);
    wait_for_input(arg);
}

/* A file is always ready, which epoll cannot say. */
static void next_piece(void *arg)
{
    struct mcp_stdio *t = arg;

    t->timer = NULL;
    take_input(t);
    wait_for_input(t);
}

/* The client reads again: first what it had said meanwhile. */
static void go_on(struct mcp_stdio *t)
{
    take_lines(t);
    wait_for_input(t);
}

/* Anything else is read without asking, and says by itself why it cannot be. */
static bool can_watch(int fd)
{
    struct stat st;

    return fstat(fd, &st) == 0 &&
           (S_ISFIFO(st.st_mode) || S_ISSOCK(st.st_mode) || isatty(fd));
}

struct mcp_stdio *mcp_stdio_start(struct loop *loop, struct mcp_server *server, int in,
                                  int out, mcp_stdio_end_fn *end, void *arg)
{
    struct mcp_stdio *t = xcalloc(1, sizeof(*t));

    t->loop = loop;
    t->server = server;
    t->in = in;
    t->out = out;
    t->end = end;
    t->arg = arg;
    t->by_piece = !can_watch(in);
    buf_init(&t->pending, LIMIT_LINE + READ_SIZE);
    buf_init(&t->unread, LIMIT_RESPONSE_BODY);
    wait_for_input(t);
    return t;
}

void mcp_stdio_free(struct mcp_stdio *t)
{
    if (!t)
        return;
    mcp_server_drop_peer(t->server, &t->peer, NULL);
    loop_fd_remove(t->in_watch);
    loop_fd_remove(t->out_watch);
    loop_timer_cancel(t->timer);
    buf_release(&t->pending);
    buf_release(&t->unread);
    free(t);
}
