/*
 * Expectations against what was observed: a pure function from an observation to one
 * outcome per expectation.
 *
 * An observation with `broken` set (no answer could be read) makes every outcome BROKEN:
 * not being able to look is never the product's failure. Expected and actual are made
 * for people and cut to MATCH_TEXT_MAX bytes; they may hold secrets, which the caller
 * redacts.
 */
#ifndef SCENARIO_MATCH_H
#define SCENARIO_MATCH_H

#include "base/buf.h"
#include "base/err.h"
#include "base/strv.h"
#include "scenario/model.h"
#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#define MATCH_TEXT_MAX 2048

struct exprs;
struct vars;

struct observation {
    const char *broken; /* why there is no answer; NULL = there is one */
    int status;         /* HTTP status or exit code; see has_status */
    bool has_status;
    const struct strv *headers; /* "Name: value", NULL = none */
    const json_t *answer;       /* `.` of jq programs; NULL = null */
    const char *body;           /* text of the answer, file or output; NULL = none */
    size_t body_len;
    const char *reply; /* A2A text, NULL = none */
    int is_error;      /* MCP tools/call: 0 or 1; -1 = not such an answer */
    bool has_rpc_error;
    int rpc_code;
    const char *rpc_message;     /* NULL = "" */
    const char *tool;            /* name of the tool that was called, NULL = none */
    const struct strv *findings; /* MCP: what the server's frames broke; NULL = no MCP */
    const char *unfit; /* why what an MCP server did is no answer; NULL = it is one */
    bool ended;        /* that is: it ended before it answered */
    bool gateway;      /* over a box's MCP gateway: 404 = no such server */
    unsigned refusals; /* enum refusal bits that the caller knows besides */
    int absent;        /* 1 = what was asked for is not there, 0 = it is, -1 = take
                          404 for absent */
    int64_t bytes;     /* size of what was read; -1 = body_len */
    int64_t elapsed_ms;
};
#define OBSERVATION_INIT                                                                 \
    {                                                                                    \
        .is_error = -1, .absent = -1, .bytes = -1                                        \
    }

/* The same values as enum verdict has for these. */
enum match_verdict { MATCH_PASS = 0, MATCH_FAIL = 1, MATCH_BROKEN = 2 };

struct outcome {
    const struct expectation *of;
    char *name; /* of->name with its variables, owned */
    enum match_verdict verdict;
    char *expected, *actual; /* owned, never NULL */
    int line;
};
struct outcomes {
    struct outcome *v;
    size_t n;
};
#define OUTCOMES_INIT                                                                    \
    {                                                                                    \
        .v = NULL, .n = 0                                                                \
    }
void outcomes_release(struct outcomes *o);
/* True when each is PASS (and for none at all). */
bool outcomes_hold(const struct outcomes *o);

/* Appends one outcome for each expectation of the group except EXPECT_UNCHANGED, for
 * which see match_unchanged. file: for errors. Negative: the scenario is wrong (an
 * undefined variable, a bad pattern that came from one). */
MUST_CHECK int match_group(const struct expect_group *group,
                           const struct observation *obs, struct exprs *exprs,
                           const struct vars *vars, const char *file,
                           struct outcomes *out, struct err *err);
/* Every group of a step. */
MUST_CHECK int match_step(const struct step *step, const struct observation *obs,
                          struct exprs *exprs, const struct vars *vars,
                          struct outcomes *out, struct err *err);

/* The reading that EXPECT_UNCHANGED compares: the program's results on an answer (or the
 * whole answer). New reference; NULL with *ret_why (caller frees) when it could not be
 * read. */
json_t *match_reading(const struct expectation *e, const struct observation *obs,
                      struct exprs *exprs, const struct vars *vars, char **ret_why);
/* Appends the outcome. A NULL reading is BROKEN with why (NULL = "no reading"). */
void match_unchanged(const struct expectation *e, const json_t *before,
                     const json_t *after, const char *why, struct outcomes *out);

/* Every reason of refusal that the observation shows: enum refusal bits, 0 = it was not
 * refused. */
unsigned match_refusals(const struct observation *obs);

/* One matcher on one value (actual NULL = absent). 1 = holds, 0 = does not, negative =
 * the scenario is wrong. */
MUST_CHECK int match_value(const struct matcher *m, const json_t *actual,
                           const struct vars *vars, const char *file, struct err *err);
/* Syntax of a pattern: 0, or negative with ERR_CONFIG "bad regular expression: ... at
 * offset N". */
MUST_CHECK int match_check_pattern(const char *pattern, struct err *err);

#endif
