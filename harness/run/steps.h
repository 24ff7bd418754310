/*
 * Steps: how each kind is done once, and how doing it repeatedly becomes a verdict.
 *
 * An act makes one try of a step and says what it saw (struct attempt); converge() calls
 * it as often as `within`, `stays`, `never`, `stable_for` and `retry` say, matches the
 * expectations and records one check each. Adding a step kind is one act and one row in
 * step_acts (steps.c).
 */
#ifndef RUN_STEPS_H
#define RUN_STEPS_H

#include "run/context.h"

/* One try. 0: *at says what was seen, obs.broken included. Negative: the scenario itself
 * is wrong (an undefined variable, ERR_CONFIG), which ends it as BROKEN. */
typedef int act_fn(struct ctx *ctx, const struct step *step, struct attempt *at,
                   struct err *err);

struct step_act {
    act_fn *act;
    int64_t default_within_ms; /* production time, -1 = one try */
    enum step_kind kind;
    bool waits_itself; /* `within` is the act's own deadline, not a poll's */
    bool accepts;      /* an answer that is not 2xx fails it even if nothing is
                          expected: a check "accepted" is recorded then */
};
const struct step_act *step_act_of(enum step_kind kind); /* NULL for use and deny */

/* Runs the list; stops at a hard failure, except for `always` steps. */
void run_steps(struct ctx *ctx, const struct step_list *list);
void run_step(struct ctx *ctx, const struct step *step);
/* One acting step with its checks, captures and nested steps. *ret: the worst of its
 * checks. Negative as act_fn. */
MUST_CHECK int act_step(struct ctx *ctx, const struct step *step, enum verdict *ret,
                        struct err *err);
/* A `deny`: the control, then each refused case. */
MUST_CHECK int run_deny(struct ctx *ctx, const struct step *step, struct err *err);

/* What the tries of a step came to. */
struct result {
    struct attempt at; /* the last one */
    struct outcomes outcomes;
    bool held;
    bool late;        /* the time ran out */
    bool interrupted; /* the run was asked to stop */
    int attempts;
    int64_t took_ms;
};
void result_release(struct result *r);

/* Tries until the step's keys are satisfied, or its time is over. Negative as act_fn. */
MUST_CHECK int converge(struct ctx *ctx, const struct step *step,
                        const struct step_act *act, struct result *ret, struct err *err);
/* Records one check per outcome, and the step's own; joins them into the scenario's
 * verdict. Returns the worst of them. */
enum verdict record_result(struct ctx *ctx, const struct step *step, struct result *r);
/* Records one check by name and joins it. */
void record_check(struct ctx *ctx, const struct step *step, const struct check *check);
/* The scenario cannot go on as written: BROKEN, with err's text as the reason. */
void step_error(struct ctx *ctx, const struct step *step, const struct err *err);
/* Binds the captures from the last answer. */
MUST_CHECK int run_captures(struct ctx *ctx, const struct step *step,
                            const struct attempt *at, struct err *err);

/* Pauses of a poll: from 2.5 s to the target's poll cadence of production time, growing
 * by half, with jitter from the run's seed; `every` is the longest instead. */
struct pacer {
    int64_t next_ms, every_ms;
    int64_t started_ms;
};
void pacer_init(struct pacer *p, const struct ctx *ctx, int64_t every_production_ms);
/* Waits for the next try, not past deadline_ms (-1 = none); true: asked to stop. */
bool pacer_wait(struct pacer *p, struct ctx *ctx, int64_t deadline_ms);

/* Real-time limit of one request of a step: its `timeout`, else fallback (production). */
int64_t step_timeout(const struct ctx *ctx, const struct step *step, int64_t fallback_ms);

/* The acts, by file. */
act_fn act_org;                                            /* steps_org.c */
act_fn act_workspace, act_find_workspace, act_wait_online; /* steps_workspace.c */
act_fn act_restart, act_pause, act_resume, act_delete;
act_fn act_http;                                  /* steps_http.c */
act_fn act_mcp;                                   /* steps_mcp.c */
act_fn act_a2a, act_files, act_plugin, act_audit; /* steps_box.c */
act_fn act_run, act_fault, act_journal;           /* steps_local.c */

/* Token that `as` names ("admin", "nobody", "cp", a workspace, {bearer: TEXT}); absent:
 * the organisation's admin. *ret NULL = no Authorization; caller frees. */
MUST_CHECK int step_token(struct ctx *ctx, const struct step *step,
                          const struct ynode *as, const json_t *org, char **ret,
                          struct err *err);

/* Entered into the ledger, told to the supervisor. ERR_SYS: do not create it. */
MUST_CHECK int note_creating(struct ctx *ctx, const char *kind, const char *id,
                             struct err *err);
void note_created(struct ctx *ctx, const char *kind, const char *id);
/* Removes what the scenario made; what is still there afterwards is told as leaked. */
void teardown(struct ctx *ctx);
/* The same for one organisation, that another process may have made; true: it is gone. */
bool teardown_org(struct ctx *ctx, const char *slug);

#endif
