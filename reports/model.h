/*
 * One run as the renderers see it: read from the database alone, so that a report can be
 * made again later, from another machine.
 *
 * All strings are owned by the model and never NULL.
 */
#ifndef REPORTS_MODEL_H
#define REPORTS_MODEL_H

#include "base/err.h"
#include "base/strv.h"
#include "run/verdict.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct store;

struct report_check {
    char *step, *step_name, *name;
    enum verdict verdict;
    char *expected, *actual;
    char *file;
    int line;
    int64_t exchange; /* id of an exchange in the model, 0 = none */
};

struct report_exchange {
    int64_t id;
    int number; /* within the scenario */
    char *step, *protocol, *request;
    char *request_headers, *request_body;
    int status;
    char *response_headers, *response_body, *error;
    int64_t duration_ms;
    int n_frames;               /* MCP */
    char *transport, *revision; /* of its frames, "" = none or not agreed on */
};

/* What MCP frames of one step break, other than those that a `raw` step wrote; lines that
 * are no frames are one finding, with the words of the first. */
struct report_finding {
    char *step, *text; /* of the first; "received: ..." */
    int frames;        /* how many */
    int64_t exchange;  /* id of the first one's */
};

struct report_scenario {
    char *name, *file, *proves, *tags, *reason;
    bool ended; /* false: the run was cut off in the middle of it */
    enum verdict verdict;
    int64_t started_ms, duration_ms;
    struct report_check *checks;
    size_t n_checks;
    struct report_exchange *exchanges; /* all of them, in order */
    size_t n_exchanges;
    struct report_finding *findings; /* by first appearance */
    size_t n_findings;
    int polls; /* attempts of steps that waited */
};

struct report {
    int64_t run;
    char *started_at, *target, *contract, *seed, *version, *command_line;
    bool ended; /* false: cut off, exit_code and wall_ms are then 0 */
    int exit_code;
    int64_t wall_ms;
    int passed, failed, broken, skipped;                             /* scenarios */
    int checks_passed, checks_failed, checks_broken, checks_skipped; /* checks */
    int planned, leaked;
    struct report_scenario *scenarios;
    size_t n_scenarios;
};

/* run 0 = the last one. ERR_CONFIG when there is no such run. Caller owns *ret. */
MUST_CHECK int report_load(struct store *s, int64_t run, struct report **ret,
                           struct err *err);
void report_free(struct report *r);
void report_drop(struct report **r); /* for CLEANUP */

/* A cut-off scenario counts as BROKEN, for want of an answer. */
enum verdict report_verdict(const struct report_scenario *s);
/* Two or three words for the top of a page, borrowed: "Delivered", "Not delivered"... */
const char *report_title(const struct report *r);
const struct report_exchange *report_exchange_by_id(const struct report_scenario *s,
                                                    int64_t id);

#endif
