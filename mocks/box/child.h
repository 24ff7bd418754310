/*
 * One MCP server that the executor started: a child process spoken to over stdio, from
 * the event loop.
 *
 * Source: Model Context Protocol 2025-11-25, stdio transport and lifecycle; the Claude
 * CLI's handling of servers (lines on stdout that are no JSON-RPC frames are skipped, the
 * revision that the server answers is accepted as it is).
 *
 * A child settles once: ready, when the handshake is done and every page of its tool list
 * was read; or failed, when it could not be started, died, answered nonsense or took
 * longer than start_timeout_ms. A ready child that dies fails later. A failed one is
 * started again by child_relaunch alone.
 */
#ifndef BOX_CHILD_H
#define BOX_CHILD_H

#include "base/strv.h"
#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

struct loop;
struct child;
struct child_call;

enum child_state { CHILD_STARTING, CHILD_READY, CHILD_FAILED };
const char *child_state_name(enum child_state state);

/* After each change of the state, and when the process has ended. */
typedef void child_changed_fn(struct child *child, void *arg);

struct child_options {
    struct loop *loop;
    const char *name;        /* of the server */
    const struct strv *argv; /* argv[0] is searched in PATH of env */
    const struct strv *env;  /* whole environment */
    int64_t start_timeout_ms;
    bool crash; /* fault mcp-child=crash: killed as soon as it runs */
    child_changed_fn *changed;
    void *arg;
};

/* Never NULL. Everything in opt is copied or used during the call, except loop and arg.
 * changed is never called from within. */
struct child *child_start(const struct child_options *opt);
/* Starts a failed child once more, as opt says now (name, loop, changed and arg stay); it
 * is starting from here on. When its process is still ending, it starts after that. */
void child_relaunch(struct child *child, const struct child_options *opt);
/* Kills a process that still runs; pending calls are dropped without an answer. */
void child_free(struct child *child);

enum child_state child_state(const struct child *child);
const char *child_name(const struct child *child);
const char *child_why(const struct child *child); /* it failed; "" while it has not */
bool child_running(const struct child *child);    /* there is a process */
int child_junk_lines(const struct child *child);
size_t child_waiting(const struct child *child); /* calls without an answer so far */
/* What initialize answered (protocolVersion, capabilities, serverInfo, instructions);
 * NULL before. Borrowed. */
const json_t *child_hello(const struct child *child);
json_t *
child_tools(const struct child *child); /* array of tools, borrowed; [] at first */
bool child_has_tool(const struct child *child, const char *name);

/* Closes its stdin and signals its group. */
void child_end(struct child *child, int signo);

/* Exactly one of result and error is given, borrowed; neither when the child is gone,
 * which is also said so when it was gone before the call. */
typedef void child_answer_fn(json_t *result, const json_t *error, void *arg);

/* Sends a request; the answer comes later, never from within. params: borrowed, NULL =
 * none. The handle dies when fn starts. One for which there is no room within LIMIT_LINE
 * beside what the server has not read is not sent, and answered with -32603. */
struct child_call *child_request(struct child *child, const char *method, json_t *params,
                                 child_answer_fn *fn, void *arg);
/* The same, and the server is asked to tell its progress: progress is called with arg
 * each time that it does; total: negative = not known; message: borrowed, or NULL. */
typedef void child_progress_fn(double progress, double total, const char *message,
                               void *arg);
struct child_call *child_request_watched(struct child *child, const char *method,
                                         json_t *params, child_answer_fn *fn,
                                         child_progress_fn *progress, void *arg);
/* fn will not be called; the answer, if it comes, is dropped. The server is told. Takes
 * NULL. */
void child_call_cancel(struct child_call *call);

#endif
