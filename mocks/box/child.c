#include "mocks/box/child_part.h"

#include "base/limits.h"
#include "base/log.h"
#include "base/table.h"
#include "io/json.h"
#include "io/loop.h"
#include "mcp/client.h"
#include "mcp/jsonrpc.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/wait.h>
#include <unistd.h>

enum { MUTE_GRACE_MS = 500 };

#define READ_SIZE KIB(16)

static const struct name_row STATES[] = {{CHILD_STARTING, "starting"},
                                         {CHILD_READY, "ready"},
                                         {CHILD_FAILED, "failed"},
                                         {0, NULL}};

const char *child_state_name(enum child_state state)
{
    return table_name(STATES, (int)state);
}

/* ---- the state ---- */

static void become(struct child *c, enum child_state state)
{
    loop_timer_cancel(c->timer);
    c->timer = NULL;
    c->state = state;
    if (state == CHILD_FAILED)
        child_drop_calls(c);
    c->changed(c, c->arg);
}

static void failed(struct child *c, const char *why)
{
    if (c->state == CHILD_FAILED)
        return;
    free(c->why);
    c->why = xstrdup(why);
    log_at(c->ending ? LOG_INFO : LOG_WARN, "MCP server '%s' %s", c->name, why);
    proc_signal(&c->proc, SIGKILL);
    become(c, CHILD_FAILED);
}

/* ---- the handshake ---- */

static void list_page(struct child *c, const json_t *cursor);

static void page_came(json_t *result, const json_t *error, void *arg)
{
    struct child *c = arg;
    json_t *tools = json_object_get(result, "tools");
    json_t *cursor = json_object_get(result, "nextCursor");

    if (c->state != CHILD_STARTING || (!result && !error))
        return;
    if (error || !json_is_array(tools)) {
        failed(c, error ? "refused to list its tools" : "listed no array of tools");
        return;
    }
    (void)json_array_extend(c->tools, tools);
    if (!json_is_string(cursor))
        become(c, CHILD_READY);
    else if (++c->pages >= LIMIT_MCP_PAGES)
        failed(c, "lists its tools without an end");
    else
        list_page(c, cursor);
}

static void list_page(struct child *c, const json_t *cursor)
{
    json_t *params CLEANUP(json_drop) = NULL;

    if (cursor)
        params = json_make("{s:s}", "cursor", json_string_value(cursor));
    (void)child_request(c, "tools/list", params, page_came, c);
}

static void hello_came(json_t *result, const json_t *error, void *arg)
{
    struct child *c = arg;

    if (c->state != CHILD_STARTING || (!result && !error))
        return;
    if (!json_str(result, "protocolVersion", NULL)) {
        failed(c, "refused to initialize");
        return;
    }
    c->hello = json_incref(result);
    (void)child_send(c, rpc_notification("notifications/initialized", NULL));
    if (c->state == CHILD_STARTING)
        list_page(c, NULL);
}

static void say_hello(struct child *c)
{
    json_t *params CLEANUP(json_drop) =
        json_make("{s:s,s:{},s:{s:s,s:s}}", "protocolVersion", MCP_LATEST, "capabilities",
                  "clientInfo", "name", "claude-code", "version", WAYBILL_VERSION);

    (void)child_request(c, "initialize", params, hello_came, c);
}

/* ---- reading ---- */

static void take_line(struct child *c, const char *line, size_t len)
{
    struct rpc_frame f CLEANUP(rpc_frame_release) = RPC_FRAME_INIT;

    if (len == 0)
        return;
    if (rpc_parse(line, len, &f, NULL, NULL) < 0) {
        c->junk_lines++;
        return;
    }
    if (f.kind == RPC_REQUEST) {
        bool ping = strcmp(f.method, "ping") == 0;
        (void)child_send(
            c, ping ? rpc_result(f.id, NULL)
                    : rpc_error(f.id, RPC_METHOD_NOT_FOUND, "Method not found"));
    } else if (f.kind == RPC_NOTIFICATION) {
        if (strcmp(f.method, "notifications/progress") == 0)
            child_take_progress(c, f.params);
    } else if (f.kind == RPC_RESPONSE && json_is_integer(f.id)) {
        child_take_response(c, json_integer_value(f.id), f.result, f.error);
    }
}

/* seen: bytes in which there is no newline. */
static void take_lines(struct child *c, size_t seen)
{
    size_t start = 0;
    const char *end = NULL;

    while ((end = memchr(c->out.data + seen, '\n', c->out.len - seen))) {
        const char *line = c->out.data + start;
        size_t len = (size_t)(end - line);
        take_line(c, line, len && line[len - 1] == '\r' ? len - 1 : len);
        start = seen = start + len + 1;
    }
    buf_consume(&c->out, start);
    if (c->out.len > LIMIT_RESPONSE_BODY)
        failed(c, "wrote a line that is too long");
}

static void close_out(struct child *c)
{
    loop_fd_remove(c->out_watch);
    c->out_watch = NULL;
    close_fd(&c->proc.out);
}

static void read_out(struct child *c)
{
    char chunk[READ_SIZE];

    while (c->proc.out >= 0) {
        ssize_t n = read(c->proc.out, chunk, sizeof(chunk));
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && errno == EAGAIN)
            return;
        if (n <= 0) {
            close_out(c);
            return;
        }
        size_t seen = c->out.len;
        buf_add(&c->out, chunk, (size_t)n);
        take_lines(c, seen);
    }
}

static void stays_mute(void *arg)
{
    struct child *c = arg;

    c->timer = NULL;
    failed(c, "closed its stdout");
}

static void out_ready(uint32_t events, void *arg)
{
    struct child *c = arg;

    (void)events;
    read_out(c);
    if (c->proc.out >= 0 || c->state == CHILD_FAILED)
        return;
    /* It is ending most probably, and how is told when it has; one that lives on without
     * a stdout has to go. */
    proc_signal(&c->proc, SIGTERM);
    loop_timer_cancel(c->timer);
    c->timer = loop_timer_add(c->loop, MUTE_GRACE_MS, stays_mute, c);
}

/* ---- start and end ---- */

static void launch(struct child *c);

static void ended(pid_t pid, int status, void *arg)
{
    struct child *c = arg;
    char *why CLEANUP(free_ptr) =
        WIFSIGNALED(status) ? xasprintf("was ended by signal %d", WTERMSIG(status))
                            : xasprintf("exited with code %d", WEXITSTATUS(status));

    (void)pid;
    read_out(c);
    /* The rest of its group, if it left any. */
    proc_signal(&c->proc, SIGKILL);
    c->proc.pid = 0;
    child_close_in(c);
    close_out(c);
    if (c->again && !c->ending) {
        launch(c);
        return;
    }
    if (c->state == CHILD_FAILED)
        c->changed(c, c->arg);
    else
        failed(c, why);
}

static void took_too_long(void *arg)
{
    struct child *c = arg;

    c->timer = NULL;
    failed(c, "did not list its tools in time");
}

static void start_failed(void *arg)
{
    struct child *c = arg;

    c->timer = NULL;
    become(c, CHILD_FAILED);
}

static int spawn(struct child *c, struct err *err)
{
    struct proc_spec spec = PROC_SPEC_INIT;

    spec.argv = strv_argv(&c->argv);
    spec.env = &c->env;
    spec.in = PROC_PIPE;
    spec.out = PROC_PIPE;
    spec.err = STDERR_FILENO;
    if (proc_spawn(&spec, &c->proc, err) < 0)
        return -1;
    if (fcntl(c->proc.in, F_SETFL, O_NONBLOCK) < 0 ||
        fcntl(c->proc.out, F_SETFL, O_NONBLOCK) < 0) {
        int errnum = errno;
        proc_release(&c->proc);
        return err_sys(err, errnum, "cannot set up the pipes of '%s'", c->name);
    }
    return 0;
}

/* The process and the handshake; the child is starting. */
static void launch(struct child *c)
{
    struct err err = ERR_INIT;

    c->again = false;
    if (spawn(c, &err) < 0) {
        log_warn("MCP server '%s' cannot be started: %s", c->name, err.text);
        free(c->why);
        c->why = xstrdup(err.text);
        c->timer = loop_timer_add(c->loop, 0, start_failed, c);
        return;
    }
    c->in_watch = loop_fd_add(c->loop, c->proc.in, 0, child_in_ready, c);
    c->out_watch = loop_fd_add(c->loop, c->proc.out, EPOLLIN, out_ready, c);
    loop_child_add(c->loop, c->proc.pid, c->proc.pidfd, ended, c);
    c->proc.pidfd = -1;
    c->timer = loop_timer_add(c->loop, c->start_timeout_ms, took_too_long, c);
    if (c->crash)
        proc_signal(&c->proc, SIGKILL);
    say_hello(c);
}

static void prepare(struct child *c, const struct child_options *opt)
{
    strv_release(&c->argv);
    strv_release(&c->env);
    strv_copy(&c->argv, opt->argv);
    strv_copy(&c->env, opt->env);
    c->start_timeout_ms = opt->start_timeout_ms;
    c->crash = opt->crash;
}

struct child *child_start(const struct child_options *opt)
{
    struct child *c = xcalloc(1, sizeof(*c));

    c->loop = opt->loop;
    c->name = xstrdup(opt->name);
    c->proc = (struct proc)PROC_INIT;
    c->tools = xcheck(json_array());
    c->changed = opt->changed;
    c->arg = opt->arg;
    buf_init(&c->in, LIMIT_LINE);
    buf_init(&c->out, LIMIT_RESPONSE_BODY + READ_SIZE);
    prepare(c, opt);
    launch(c);
    return c;
}

void child_relaunch(struct child *child, const struct child_options *opt)
{
    if (child->state != CHILD_FAILED || child->ending)
        return;
    child->state = CHILD_STARTING;
    json_decref(child->hello);
    child->hello = NULL;
    (void)json_array_clear(child->tools);
    child->pages = 0;
    buf_reset(&child->in);
    buf_reset(&child->out);
    free(child->why);
    child->why = NULL;
    prepare(child, opt);
    /* What the old process still says is not of the new one. */
    child_close_in(child);
    close_out(child);
    if (child->proc.pid)
        child->again = true;
    else
        launch(child);
}

void child_end(struct child *child, int signo)
{
    child->ending = true;
    child_close_in(child);
    proc_signal(&child->proc, signo);
}

void child_free(struct child *child)
{
    if (!child)
        return;
    child_free_calls(child);
    loop_timer_cancel(child->timer);
    proc_signal(&child->proc, SIGKILL);
    child_close_in(child);
    close_out(child);
    buf_release(&child->in);
    buf_release(&child->out);
    json_decref(child->hello);
    json_decref(child->tools);
    strv_release(&child->argv);
    strv_release(&child->env);
    free(child->why);
    free(child->name);
    free(child);
}

/* ---- what is known ---- */

enum child_state child_state(const struct child *child)
{
    return child->state;
}

const char *child_name(const struct child *child)
{
    return child->name;
}

const char *child_why(const struct child *child)
{
    return child->why ? child->why : "";
}

bool child_running(const struct child *child)
{
    return child->proc.pid != 0;
}

int child_junk_lines(const struct child *child)
{
    return child->junk_lines;
}

const json_t *child_hello(const struct child *child)
{
    return child->hello;
}

json_t *child_tools(const struct child *child)
{
    return child->tools;
}

bool child_has_tool(const struct child *child, const char *name)
{
    json_t *tool;
    size_t i;

    json_array_foreach(child->tools, i, tool) if (strcmp(json_str(tool, "name", ""),
                                                         name) == 0) return true;
    return false;
}
