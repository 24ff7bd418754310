/*
 * The tools, one row each: what is listed, and the REST call that it makes.
 * Source: @molecule-ai/mcp-server 1.6.1, tools/list of both modes; molecule-ai workspace
 * runtime, a2a stdio server.
 */
#ifndef MOCKS_MANAGEMENT_MCP_TOOLS_H
#define MOCKS_MANAGEMENT_MCP_TOOLS_H

#include "mocks/management_mcp/rest.h"
#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

enum tool_body {
    BODY_NONE,
    BODY_EMPTY, /* {} */
    BODY_ARGS,  /* the given arguments that are not in the path or the header */
    BODY_ONE,   /* the value of the argument named by `shape` */
    BODY_SHAPE, /* `shape` with "{name}" replaced; absent arguments leave the member out
                 */
};

struct tool_call;
typedef void tool_fn(struct tool_call *call);
/* What a call goes on with when the platform has answered. */
typedef void tool_then_fn(struct tool_call *call, const struct rest_answer *answer);
typedef void tool_done_fn(struct tool_call *call, void *arg);

struct tool {
    const char *name;
    const char *about;
    const char *input; /* see tool_input_schema */
    enum rest_client client;
    const char *method; /* NULL: run makes its calls itself */
    const char *path;   /* {name} an argument, {name/} one that may contain slashes,
                           [..] only when the argument within was given; "" is none */
    enum tool_body body;
    const char *shape;  /* see tool_body, else NULL */
    const char *header; /* "Name: {argument}", sent when that was given and not "" */
    const char *any_of; /* "a|b": one of these arguments must be given, or NULL */
    tool_fn *run;       /* instead of the one call, NULL = the call */
};

enum tool_outcome {
    TOOL_OK,
    TOOL_PLATFORM_ERROR, /* isError only by the specification's manners */
    TOOL_BAD_ARGUMENT,   /* isError always */
};

struct tool_call {
    const struct tool *tool; /* borrowed */
    struct rest *rest;       /* borrowed */
    json_t *args;            /* owned, an object, checked against the schema */
    json_t *kept;            /* owned: from one step for a later one, NULL = nothing */
    enum tool_outcome outcome;
    char *text; /* owned; NULL = not answered yet */
    /* What is under way: nothing, or one request and what follows it. */
    struct rest_call *asked;
    tool_then_fn *then;
    tool_done_fn *done;
    void *arg;
};

/* args: shared. Never NULL. */
struct tool_call *tool_call_new(const struct tool *tool, struct rest *rest, json_t *args);
/* Does the row's call with its arguments; done is called once it is answered, perhaps
 * from within, and then owns the call. */
void tool_call_start(struct tool_call *call, tool_done_fn *done, void *arg);
/* Drops it, with its request. Takes NULL. */
void tool_call_free(struct tool_call *call);

/* For the run functions and what follows them: each asks for one thing, or answers. */
/* A path of NULL is none: the call is answered then. */
void tool_send(struct tool_call *call, const struct rest_request *req,
               tool_then_fn *then);
/* A request with the row's credential; body: borrowed, NULL = none. */
void tool_ask(struct tool_call *call, const char *method, const char *path,
              const json_t *body, tool_then_fn *then);
/* The row's call, with method, path and body from the row. */
void tool_ask_row(struct tool_call *call, tool_then_fn *then);
tool_then_fn tool_answer; /* the platform's answer is the tool's */
void tool_value(struct tool_call *call, enum tool_outcome outcome, const json_t *value);
void tool_text(struct tool_call *call, enum tool_outcome outcome, const char *text);
/* NULL = absent, or "", which is the same for what is optional. */
const char *tool_arg(const struct tool_call *call, const char *name);
/* The row's path or another template filled in. NULL, with the call answered, when it
 * needs an argument that was not given. Caller frees. */
char *tool_path(struct tool_call *call, const char *path);
/* The text parts of an A2A answer, a line each: of a message or of a task's status; NULL
 * = none. Caller frees. */
char *tool_reply_text(const json_t *answer);

extern const struct tool management_tools[]; /* each list ends with a NULL name */
extern const struct tool
    management_verb[];                   /* create_workspace, see the switch verb_mode */
extern const struct tool shared_tools[]; /* in both modes, at the end */
extern const struct tool workspace_tools[];
extern const struct tool a2a_tools[];

tool_fn run_allowlist, run_recreate, run_create_issue, run_respond_request;
tool_fn run_provision_verified, run_create_with_canvas, run_chat, run_read_file;
tool_fn run_channel, run_remote_list, run_remote_state, run_remote_setup;
tool_fn run_remote_freshness;

#endif
