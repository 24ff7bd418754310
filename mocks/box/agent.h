/*
 * The scripted agent: what a message asks for, and what the agent says. Pure functions;
 * the turn that calls tools is in turn.c.
 *
 * The script knows a few wishes. It is no language model: its answers are made of what
 * the box really loaded, so that a check on them proves the delivery and nothing else.
 */
#ifndef BOX_AGENT_H
#define BOX_AGENT_H

#include "base/strv.h"
#include <jansson.h>
#include <stdbool.h>

enum agent_intent {
    AGENT_HEAR,      /* none of the others: say that it was heard */
    AGENT_PONG,      /* "reply with PONG" */
    AGENT_TOOLS,     /* its tools as a JSON array of full ids */
    AGENT_CREATE,    /* a workspace or an agent of some name */
    AGENT_PEERS,     /* who else is there */
    AGENT_INTRODUCE, /* who are you */
    AGENT_WORK,      /* "work for 30 seconds" */
};

/* Strings are owned, NULL = not said. name is always there with AGENT_CREATE. */
struct agent_wish {
    enum agent_intent intent;
    char *name, *template, *model, *runtime;
    double seconds; /* of production time, AGENT_WORK */
};
#define AGENT_WISH_INIT                                                                  \
    {                                                                                    \
        .intent = AGENT_HEAR                                                             \
    }

void agent_wish_read(const char *text, struct agent_wish *ret);
void agent_wish_release(struct agent_wish *w);

/* prompt: the text of system-prompt.md, NULL = there was none and the runtime's generic
 * prompt is in force. The answer quotes the prompt's first heading and paragraph. The
 * answers below are the caller's to free. */
char *agent_introduction(const char *prompt);
/* A JSON array of the built-in tools and of loaded (array of full ids, borrowed). */
char *agent_tool_list(const json_t *loaded);
/* What production showed: no tool, so a sub-agent of its own process. */
char *agent_task_fallback(const struct agent_wish *w);
char *agent_heard(const char *text);
/* An agent that asks its own session list instead of the platform. */
char *agent_native_peers(void);

/* The arguments of the create tool. model: used when neither model nor template was said;
 * NULL = none. Caller owns. */
json_t *agent_create_arguments(const struct agent_wish *w, const char *model);
/* What a tools/call came to. result: as of MCP, borrowed, NULL = the call failed with
 * `error`. An isError result, and a text that is a JSON object with "error", are
 * failures. Tokens in the tool's answer are not repeated. subject: of the call, for the
 * sentence. */
char *agent_tool_outcome(const char *tool_id, const char *subject, const json_t *result,
                         const char *error);

/* The text parts of a message (A2A), or its content when it has none; caller frees. */
char *a2a_message_text(const json_t *message);

#endif
