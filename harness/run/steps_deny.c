/*
 * A denial and its control: the same act where it has to succeed, first. A control that
 * fails makes the refusals meaningless, so they are not tried then.
 */
#include "run/steps.h"

/* The act of one case under its parameters. */
static int run_case(struct ctx *ctx, const struct step *step, const struct deny_case *one,
                    enum verdict *ret, struct err *err)
{
    *ret = VERDICT_BROKEN;
    if (vars_push_params(ctx->vars, NULL, one->locals, step->file, err) < 0)
        return -1;
    emit_step(ctx, one->step);
    int rc = act_step(ctx, one->step, ret, err);
    vars_pop(ctx->vars);
    return rc;
}

static bool bad(enum verdict v)
{
    return v == VERDICT_FAIL || v == VERDICT_BROKEN;
}

int run_deny(struct ctx *ctx, const struct step *step, struct err *err)
{
    enum verdict v = VERDICT_PASS;
    if (run_case(ctx, step, &step->control, &v, err) < 0)
        return -1;
    bool failed = bad(v);
    for (size_t i = 0; i < step->n_refused && !bad(v) && !ctx->stopping; i++) {
        enum verdict refused = VERDICT_PASS;
        ctx->ended = false;
        if (run_case(ctx, step, &step->refused[i], &refused, err) < 0)
            return -1;
        failed = failed || bad(refused);
    }
    ctx->ended = failed;
    return 0;
}
