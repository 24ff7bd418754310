#include "run/worker.h"

#include <signal.h>
#include <stdlib.h>

#include "base/clock.h"
#include "run/steps.h"

/* ---- how long it may take ---- */

struct waits {
    const struct target *target;
    double mul;
    int64_t total_ms;
};

/* What one step may wait for something good to happen: with all of them used up the
 * scenario is red, but it has not hung. */
static void add_wait(const struct step *step, void *arg)
{
    struct waits *w = arg;
    const struct step_act *act = step_act_of(step->kind);
    int64_t within = step->within_ms >= 0 ? step->within_ms
                     : act                ? act->default_within_ms
                                          : -1;
    if (step->timeout_ms > within)
        within = step->timeout_ms;
    int64_t stays = step->stays_ms >= 0 ? step->stays_ms : 0;
    w->total_ms += (int64_t)((double)stays * w->target->pace);
    if (within < 0)
        return;
    double ms = (double)within * w->target->pace;
    double least = (double)w->target->patience_ms;
    w->total_ms += (int64_t)((ms > least ? ms : least) * w->mul);
}

int64_t worker_deadline_ms(const struct run_options *opt, const struct scenario *s)
{
    struct waits w = {.target = opt->target, .mul = clock_timeout_mul()};
    scenario_each_step(s, add_wait, &w);
    int64_t least = opt->least_deadline_ms > 0 ? opt->least_deadline_ms : 60000;
    int64_t ms = (int64_t)((double)least * w.mul);
    int64_t budget = s->budget_ms > 0
                         ? (int64_t)((double)s->budget_ms * opt->target->pace * w.mul)
                         : 0;
    if (budget > ms)
        ms = budget;
    if (opt->least_deadline_ms <= 0 && w.total_ms > ms)
        ms = w.total_ms;
    return ms;
}

/* ---- its life ---- */

static void run_scenario(struct ctx *ctx, int64_t start)
{
    run_steps(ctx, &ctx->scenario->steps);
    if (ctx->stopping)
        ctx_verdict(ctx, VERDICT_BROKEN, "interrupted");
    else if (ctx->checks == 0)
        ctx_verdict(ctx, VERDICT_BROKEN, "no check was recorded, so nothing is proven");
    ctx->step = NULL;
    teardown(ctx);
    emit_end(ctx, clock_mono_ms() - start);
}

int worker_main(void *arg)
{
    const struct worker *w = arg;
    struct ctx ctx;
    struct err err = ERR_INIT;
    int64_t start = clock_mono_ms();
    (void)signal(SIGPIPE, SIG_IGN);
    int rc = ctx_init(&ctx, w->opt, w->scenario, w->run_id, w->out_fd, w->ledger, &err);
    if (!w->scenario)
        ctx.name = w->name;
    if (rc < 0) {
        ctx_verdict(&ctx, VERDICT_BROKEN, "%s", err.text);
        emit_end(&ctx, clock_mono_ms() - start);
    } else if (w->scenario) {
        run_scenario(&ctx, start);
    } else {
        for (size_t i = 0; i < w->slugs->n; i++)
            (void)teardown_org(&ctx, w->slugs->v[i]);
    }
    ctx_release(&ctx);
    return 0;
}
