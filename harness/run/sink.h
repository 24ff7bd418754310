/*
 * What the runner tells the world: a stream of events, and the sinks that take them.
 *
 * A worker writes events as JSON lines into its pipe; the supervisor reads them back and
 * hands each to every sink (console, database, --json). Secrets are replaced before an
 * event is made. Strings are borrowed during the call; NULL where not known.
 * Schema of the lines: harness/run/README section "events", one member per field below.
 */
#ifndef RUN_SINK_H
#define RUN_SINK_H

#include "base/err.h"
#include "run/verdict.h"
#include <jansson.h>
#include <stdint.h>

enum event_kind {
    EV_RUN_BEGIN,
    EV_SCENARIO_BEGIN,
    EV_STEP, /* a step starts: for progress */
    EV_CHECK,
    EV_EXCHANGE, /* one request and its answer, HTTP, MCP over stdio, or a command */
    EV_FRAME,    /* one MCP frame of an exchange, after it */
    EV_POLL,     /* one attempt of a step with `within` */
    EV_RESOURCE, /* something was created or removed outside */
    EV_SCENARIO_END,
    EV_RUN_END,
};
extern const struct name_row event_names[]; /* "run_begin", "check", ... */

struct event {
    enum event_kind kind;
    int64_t at_ms; /* wall clock */
    const char
        *scenario; /* "delivery/concierge-manages-workspaces"; NULL for the run's */

    /* EV_RUN_BEGIN */
    const char *target, *contract, *seed, *version, *command_line;
    int scenarios; /* how many will run */

    /* EV_SCENARIO_BEGIN */
    const char *file, *proves, *tags; /* tags joined by ','. file also EV_CHECK: a step
                                         group has its own */

    /* EV_STEP, EV_CHECK, EV_POLL: id of the step (its `id`, else its name as a slug,
     * else kind and position; nested ones joined by '/'), and what it is called */
    const char *step, *step_name;

    /* EV_CHECK: name is the expectation ("status", "json", or its own `name`) */
    const char *name;
    enum verdict verdict; /* also EV_SCENARIO_END */
    const char *expected, *actual;
    int line;     /* in file */
    int exchange; /* number of the exchange that shows it, 0 = none */

    /* EV_EXCHANGE: number counts from 1 within the scenario */
    int number;
    const char *protocol; /* "http", "mcp", "a2a", "mock", "command" */
    const char *request; /* "POST http://.../workspaces", "tools/call create_workspace" */
    const char *request_headers, *request_body;
    int status; /* HTTP status or exit code; 0 when there was no answer */
    const char *response_headers, *response_body;
    const char *error;   /* why there was no answer */
    int64_t duration_ms; /* also EV_SCENARIO_END, EV_RUN_END (wall) */

    /* EV_FRAME: number is its exchange's */
    const char *direction; /* "sent", "received", "junk" (a line that is no frame) */
    const char *transport; /* "stdio", "http" */
    const char *revision;  /* in force; NULL = not agreed on yet */
    const char *findings;  /* what it breaks, a line each; NULL = nothing */
    int valid;
    int raw; /* 1: a `raw` step wrote it, so what it breaks is meant */

    /* EV_POLL: attempt counts from 1; held = the expectations held; actual = last answer
     */
    int attempt, held;

    /* EV_RESOURCE */
    const char *resource_kind, *resource_id; /* "org", slug */
    const char *resource_state; /* "creating", "created", "removed", "leaked" */

    /* EV_SCENARIO_END */
    const char *reason; /* one line for FAIL, BROKEN, SKIP; also EV_RUN_END: why the exit
                           code is 3, 4 or 5, leaked things named by kind and id */
    int checks;

    /* EV_RUN_END: scenarios by verdict, checks by verdict */
    int passed, failed, broken, skipped;
    int checks_passed, checks_failed, checks_broken, checks_skipped;
    int leaked;
    int exit_code;
};

/* New reference; only the members of the kind. */
json_t *event_to_json(const struct event *ev);
/* ev's strings borrow from j. ERR_SHAPE for an unknown kind. */
MUST_CHECK int event_from_json(const json_t *j, struct event *ev, struct err *err);

struct sink {
    /* Returns negative when the event could not be kept (a full disk): the run ends 3. */
    int (*event)(struct sink *sink, const struct event *ev, struct err *err);
    void (*close)(struct sink *sink); /* frees */
};

#endif
