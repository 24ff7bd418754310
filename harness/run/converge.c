/*
 * From tries to a verdict: polling, and the checks that come of it.
 */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/limits.h"
#include "io/json.h"
#include "run/steps.h"

enum { FIRST_PAUSE_MS = 2500 }; /* production time: 5 ms on the mock */

void result_release(struct result *r)
{
    attempt_release(&r->at);
    outcomes_release(&r->outcomes);
}

/* ---- pauses ---- */

void pacer_init(struct pacer *p, const struct ctx *ctx, int64_t every_production_ms)
{
    bool capped = every_production_ms >= 0;
    p->every_ms = capped ? ctx_scaled(ctx, every_production_ms) : -1;
    p->next_ms = ctx_scaled(ctx, FIRST_PAUSE_MS);
    if (capped && p->next_ms > p->every_ms)
        p->next_ms = p->every_ms;
    if (p->next_ms < 1)
        p->next_ms = 1;
    p->started_ms = clock_mono_ms();
}

bool pacer_wait(struct pacer *p, struct ctx *ctx, int64_t deadline_ms)
{
    int64_t now = clock_mono_ms();
    int64_t ms = (int64_t)((double)p->next_ms * (0.8 + 0.4 * rng_unit(&ctx->rng)));
    if (deadline_ms >= 0 && now + ms > deadline_ms)
        ms = deadline_ms - now;
    /* What has not come for long is looked for less often, so that a wait of our
     * patience does not become thousands of requests on a target of great pace. */
    int64_t cap = p->every_ms >= 0 ? p->every_ms : ctx_scaled(ctx, ctx->target->poll_ms);
    int64_t slow = (now - p->started_ms) / 20;
    if (p->every_ms < 0 && slow > cap)
        cap = slow < ctx->target->poll_ms ? slow : ctx->target->poll_ms;
    p->next_ms += p->next_ms / 2 + 1;
    if (p->next_ms > cap)
        p->next_ms = cap > 0 ? cap : 1;
    return ctx_pause(ctx, ms > 0 ? ms : 0);
}

int64_t step_timeout(const struct ctx *ctx, const struct step *step, int64_t fallback_ms)
{
    return ctx_patient(ctx, step->timeout_ms >= 0 ? step->timeout_ms : fallback_ms);
}

/* ---- one try ---- */

static bool in_list(const struct strv *list, const char *word)
{
    return word && list->n > 0 && strv_has(list, word);
}

/* `terminal` names states that do not change any more. */
static bool is_terminal(const struct step *step, const struct attempt *at)
{
    if (at->own_name && at->own_final)
        return true;
    const char *state = json_str(at->answer, "status", NULL);
    if (!state)
        state = json_str(at->answer, "instance_status", NULL);
    return in_list(&step->terminal, state);
}

static int try_once(struct ctx *ctx, const struct step *step, const struct step_act *act,
                    struct result *r, struct err *err)
{
    attempt_release(&r->at);
    outcomes_release(&r->outcomes);
    r->outcomes = (struct outcomes)OUTCOMES_INIT;
    if (act->act(ctx, step, &r->at, err) < 0)
        return -1;
    r->attempts++;
    if (r->at.skip)
        return 0;
    if (match_step(step, &r->at.obs, ctx->opt->exprs, ctx->vars, &r->outcomes, err) < 0)
        return -1;
    r->held = !r->at.obs.broken && outcomes_hold(&r->outcomes) &&
              (!r->at.own_name || r->at.own == VERDICT_PASS);
    return 0;
}

/* The last answer in one line, for the table of tries. */
static void tell_poll(struct ctx *ctx, const struct step *step, const struct result *r)
{
    const char *text = r->at.obs.broken;
    if (!text && r->at.own_name && r->at.own != VERDICT_PASS)
        text = r->at.own_actual;
    for (size_t i = 0; !text && i < r->outcomes.n; i++)
        if (r->outcomes.v[i].verdict != MATCH_PASS)
            text = r->outcomes.v[i].actual;
    emit_poll(ctx, step, r->attempts, r->held, r->at.exchange,
              text ? text : "as expected");
}

/* ---- many tries ---- */

struct look {
    bool timed;          /* there is a deadline to poll until */
    int64_t deadline_ms; /* -1 = none */
    int64_t stays_ms;    /* -1 = unset */
    int64_t held_since;  /* -1 = does not hold */
    int held_times;
    int retries;
};

static void look_init(struct look *look, const struct ctx *ctx, const struct step *step,
                      const struct step_act *act)
{
    int64_t now = clock_mono_ms();
    int64_t within = step->within_ms >= 0 ? step->within_ms : act->default_within_ms;
    *look = (struct look){.held_since = -1, .deadline_ms = -1, .retries = step->retry};
    look->timed = within >= 0 && !act->waits_itself;
    if (look->timed && step->never)
        look->deadline_ms = now + ctx_scaled(ctx, within);
    else if (look->timed)
        look->deadline_ms = now + ctx_patient(ctx, within);
    look->stays_ms = step->stays_ms >= 0 ? ctx_scaled(ctx, step->stays_ms) : -1;
}

/* What one more try says: true = looked long enough. */
static bool enough_when_held(struct look *look, const struct step *step, int64_t now)
{
    if (step->stable_for > 0)
        return ++look->held_times >= step->stable_for;
    if (look->stays_ms < 0)
        return true;
    if (look->held_since < 0)
        look->held_since = now;
    return now - look->held_since >= look->stays_ms;
}

static bool enough_when_not(struct look *look, const struct step *step, struct result *r,
                            int64_t now)
{
    if (look->held_since >= 0)
        return true; /* it held and then did not: `stays` is contradicted */
    look->held_times = 0;
    if (r->at.obs.broken && !look->timed && look->retries > 0) {
        look->retries--;
        return false;
    }
    if (!look->timed && step->stable_for <= 0)
        return true;
    if (!look->timed || is_terminal(step, &r->at))
        return true;
    r->late = now >= look->deadline_ms;
    return r->late;
}

static bool enough_of_never(const struct look *look, struct result *r, int64_t now)
{
    return r->held || !look->timed || now >= look->deadline_ms;
}

static int look_until(struct ctx *ctx, const struct step *step,
                      const struct step_act *act, struct look *look, struct result *ret,
                      struct err *err)
{
    struct pacer pacer;
    int64_t start = clock_mono_ms();
    bool polls = look->timed || look->stays_ms >= 0 || step->stable_for > 0;
    pacer_init(&pacer, ctx, step->every_ms);
    for (;;) {
        if (try_once(ctx, step, act, ret, err) < 0)
            return -1;
        if (polls)
            tell_poll(ctx, step, ret);
        int64_t now = clock_mono_ms();
        ret->took_ms = now - start;
        bool enough = ret->at.skip != NULL;
        if (!enough && step->never)
            enough = enough_of_never(look, ret, now);
        else if (!enough)
            enough = ret->held ? enough_when_held(look, step, now)
                               : enough_when_not(look, step, ret, now);
        if (enough)
            return 0;
        int64_t until = look->deadline_ms;
        if (look->held_since >= 0)
            until = look->held_since + look->stays_ms;
        if (pacer_wait(&pacer, ctx, until)) {
            ret->interrupted = true;
            return 0;
        }
    }
}

int converge(struct ctx *ctx, const struct step *step, const struct step_act *act,
             struct result *ret, struct err *err)
{
    struct look look;
    *ret = (struct result){.outcomes = OUTCOMES_INIT};
    attempt_init(&ret->at);
    look_init(&look, ctx, step, act);
    if (look.timed && !step->never)
        ctx->look_until_ms = look.deadline_ms;
    int rc = look_until(ctx, step, act, &look, ret, err);
    ctx->look_until_ms = 0;
    return rc;
}

/* ---- checks ---- */

static const char *clip(const char *text, char out[200])
{
    size_t n = strlen(text);
    size_t keep = n < 150 ? n : 150;
    memcpy(out, text, keep);
    memcpy(out + keep, n > keep ? "..." : "", n > keep ? 4 : 1);
    return out;
}

void record_check(struct ctx *ctx, const struct step *step, const struct check *check)
{
    char actual[200];
    emit_check(ctx, step, check);
    if (check->verdict == VERDICT_FAIL) {
        char expected[200];
        ctx_verdict(ctx, VERDICT_FAIL, "%s: %s: expected %s, got %s", step->name,
                    check->name, clip(check->expected, expected),
                    clip(check->actual, actual));
    } else if (check->verdict == VERDICT_BROKEN)
        ctx_verdict(ctx, VERDICT_BROKEN, "%s: %s: %s", step->name, check->name,
                    clip(check->actual, actual));
}

static enum verdict of_match(enum match_verdict v)
{
    return v == MATCH_PASS   ? VERDICT_PASS
           : v == MATCH_FAIL ? VERDICT_FAIL
                             : VERDICT_BROKEN;
}

/* Under `never` an expectation that held is the failure, and one that did not is what
 * was wanted. */
static enum verdict inverted(const struct result *r, enum match_verdict v)
{
    if (v == MATCH_BROKEN)
        return VERDICT_BROKEN;
    return r->held ? VERDICT_FAIL : VERDICT_PASS;
}

static char *explain_expected(const struct step *step, const char *expected)
{
    if (step->never)
        return xasprintf("never: %s", expected);
    return xstrdup(expected);
}

static char *explain_actual(const struct step *step, const struct result *r,
                            enum verdict v, const char *actual)
{
    char took[32];
    if (v == VERDICT_FAIL && step->never)
        return xasprintf("%s (after %s, try %d)", actual, clock_human(r->took_ms, took),
                         r->attempts);
    if (v != VERDICT_PASS && r->attempts > 1)
        return xasprintf("%s (%s%d tries in %s)", actual,
                         r->late ? "the last answer of " : "", r->attempts,
                         clock_human(r->took_ms, took));
    return xstrdup(actual);
}

static enum verdict record_own(struct ctx *ctx, const struct step *step,
                               const struct result *r)
{
    enum verdict v = r->at.own;
    if (r->at.obs.broken)
        v = VERDICT_BROKEN;
    else if (v == VERDICT_FAIL && !r->at.own_final && r->late)
        v = r->at.own_late;
    CLEANUP(free_ptr)
    char *actual = explain_actual(step, r, v,
                                  r->at.obs.broken ? r->at.obs.broken : r->at.own_actual);
    struct check check = {.name = r->at.own_name,
                          .verdict = v,
                          .expected = r->at.own_expected,
                          .actual = actual,
                          .line = step->line,
                          .exchange = r->at.exchange};
    record_check(ctx, step, &check);
    return v;
}

static enum verdict record_outcomes(struct ctx *ctx, const struct step *step,
                                    const struct result *r)
{
    enum verdict worst = VERDICT_PASS;
    for (size_t i = 0; i < r->outcomes.n; i++) {
        const struct outcome *o = &r->outcomes.v[i];
        enum verdict v = step->never ? inverted(r, o->verdict) : of_match(o->verdict);
        CLEANUP(free_ptr) char *expected = explain_expected(step, o->expected);
        CLEANUP(free_ptr) char *actual = explain_actual(step, r, v, o->actual);
        struct check check = {.name = o->name,
                              .verdict = v,
                              .expected = expected,
                              .actual = actual,
                              .line = o->line,
                              .exchange = r->at.exchange};
        record_check(ctx, step, &check);
        worst = verdict_join(worst, v);
    }
    return worst;
}

static void record_skips(struct ctx *ctx, const struct step *step, const char *why)
{
    for (size_t g = 0; g < step->n_expects; g++) {
        for (size_t i = 0; i < step->expects[g].n; i++) {
            const struct expectation *e = &step->expects[g].items[i];
            struct check check = {.name = e->name,
                                  .verdict = VERDICT_SKIP,
                                  .expected = "",
                                  .actual = why,
                                  .line = e->line};
            record_check(ctx, step, &check);
        }
    }
}

enum verdict record_result(struct ctx *ctx, const struct step *step, struct result *r)
{
    if (r->at.skip) {
        record_skips(ctx, step, r->at.skip);
        return VERDICT_PASS;
    }
    enum verdict v = VERDICT_PASS;
    if (r->at.own_name)
        v = record_own(ctx, step, r);
    if (v != VERDICT_PASS)
        return v; /* what else was expected of it was not reached */
    if (r->at.obs.broken && r->outcomes.n == 0 && !r->at.own_name) {
        struct check check = {.name = "answer",
                              .verdict = VERDICT_BROKEN,
                              .expected = "an answer",
                              .actual = r->at.obs.broken,
                              .line = step->line,
                              .exchange = r->at.exchange};
        record_check(ctx, step, &check);
        return VERDICT_BROKEN;
    }
    return record_outcomes(ctx, step, r);
}
