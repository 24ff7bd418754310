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

struct tool {
    const char *name;
    const char *about;
    const char *input; /* see schema_from_line */
    enum rest_client client;
    const char *method; /* NULL: run makes its calls itself */
    const char *path;   /* {name} an argument, {name/} one that may contain slashes,
                           [..] only when the argument within was given */
    enum tool_body body;
    const char *shape;  /* see tool_body, else NULL */
    const char *header; /* "Name: {argument}", sent when the argument was given */
    const char *any_of; /* "a|b": one of these arguments must be given, or NULL */
    tool_fn *run;       /* instead of the one call, NULL = the call */
};

enum tool_outcome {
    TOOL_OK,
    TOOL_PLATFORM_ERROR, /* isError only by the specification's manners */
    TOOL_BAD_ARGUMENT,   /* isError always */
};

struct tool_call {
    const struct tool *tool;
    struct rest *rest;
    json_t *args; /* borrowed, an object, checked against the schema */
    enum tool_outcome outcome;
    char *text; /* owned */
};

/* Does the row's call with its arguments. */
void tool_run(struct tool_call *call);

/* For the run functions. */
void tool_answer(struct tool_call *call, const struct rest_answer *answer);
void tool_value(struct tool_call *call, enum tool_outcome outcome, const json_t *value);
void tool_text(struct tool_call *call, enum tool_outcome outcome, const char *text);
/* The row's call, with method and path from the row; ret is filled. */
void tool_rest(struct tool_call *call, struct rest_answer *ret);
const char *tool_arg(const struct tool_call *call, const char *name); /* NULL = absent */
/* The row's path or another template filled in. Caller frees. */
char *tool_path(const struct tool_call *call, const char *path);

extern const struct tool management_tools[]; /* each list ends with a NULL name */
extern const struct tool
    management_verb[];                   /* create_workspace, see the switch verb_mode */
extern const struct tool shared_tools[]; /* in both modes, at the end */
extern const struct tool workspace_tools[];
extern const struct tool a2a_tools[];

tool_fn run_allowlist, run_recreate, run_create_issue, run_respond_request;
tool_fn run_provision_verified, run_create_with_canvas, run_chat;

#endif
