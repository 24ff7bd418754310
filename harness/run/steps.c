/*
 * The order of things: which step runs, what its failure ends, what it binds.
 */
#include "run/steps.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "io/json.h"

static const struct step_act step_acts[] = {
    {act_org, 900000, STEP_ORG, true, false},
    {act_workspace, -1, STEP_WORKSPACE, false, false},
    {act_find_workspace, 180000, STEP_FIND_WORKSPACE, false, false},
    {act_wait_online, 900000, STEP_WAIT_ONLINE, false, false},
    {act_restart, -1, STEP_RESTART, false, true},
    {act_pause, -1, STEP_PAUSE, false, true},
    {act_resume, -1, STEP_RESUME, false, true},
    {act_delete, -1, STEP_DELETE, false, true},
    {act_http, -1, STEP_HTTP, false, false},
    {act_mcp, -1, STEP_MCP, false, false},
    {act_a2a, -1, STEP_A2A, false, false},
    {act_files, -1, STEP_FILES, false, false},
    {act_plugin, -1, STEP_PLUGIN, false, false},
    {act_audit, -1, STEP_AUDIT, false, false},
    {act_run, -1, STEP_RUN, false, false},
    {act_fault, -1, STEP_FAULT, false, true},
    {act_journal, -1, STEP_JOURNAL, false, false},
};

const struct step_act *step_act_of(enum step_kind kind)
{
    for (size_t i = 0; i < ARRAY_SIZE(step_acts); i++)
        if (step_acts[i].kind == kind)
            return &step_acts[i];
    return NULL;
}

void step_error(struct ctx *ctx, const struct step *step, const struct err *err)
{
    struct check check = {.name = "step",
                          .verdict = VERDICT_BROKEN,
                          .expected = "a step that can be carried out",
                          .actual = err->text,
                          .line = step->line};
    record_check(ctx, step, &check);
    ctx->ended = true;
}

int run_captures(struct ctx *ctx, const struct step *step, const struct attempt *at,
                 struct err *err)
{
    for (size_t i = 0; i < step->n_captures; i++) {
        const struct capture *c = &step->captures[i];
        CLEANUP(json_drop) json_t *results = NULL;
        CLEANUP(free_ptr) char *raised = NULL;
        int rc = exprs_eval(ctx->opt->exprs, c->expr, at->answer, ctx->vars, &results,
                            &raised, err);
        if (rc < 0)
            return -1;
        if (rc > 0)
            return err_set(err, ERR_CONFIG, "%s:%d:%d: capture '%s': %s", step->file,
                           c->line, c->col, c->name, raised);
        json_t *first = json_array_get(results, 0);
        vars_set(ctx->vars, c->name, first ? json_incref(first) : json_null());
    }
    return 0;
}

/* 1 = the step is to run, 0 = its `when` says no. */
static int wanted(struct ctx *ctx, const struct step *step, struct err *err)
{
    if (step->when < 0)
        return 1;
    CLEANUP(json_drop) json_t *results = NULL;
    CLEANUP(free_ptr) char *raised = NULL;
    int rc =
        exprs_eval(ctx->opt->exprs, step->when, NULL, ctx->vars, &results, &raised, err);
    if (rc < 0)
        return -1;
    if (rc > 0)
        return ctx_wrong(step, step_get(step, "when"), err, "when: %s", raised);
    const json_t *first = json_array_get(results, 0);
    return first && !json_is_false(first) && !json_is_null(first);
}

/* A restart that the platform refused, and that nothing was expected of. */
static void own_accepted(const struct step_act *act, struct result *r)
{
    int status = r->at.obs.status;
    if (!act->accepts || r->outcomes.n > 0 || r->at.obs.broken || !r->at.obs.has_status ||
        status_ok(status))
        return;
    CLEANUP(free_ptr)
    char *actual = xasprintf("HTTP %d: %.300s", status, r->at.body ? r->at.body : "");
    attempt_own(&r->at, "accepted", VERDICT_FAIL, true, "an answer of 200 to 299",
                actual);
    r->held = false;
}

/* ---- readings before and after (`unchanged`) ---- */

/* The reading of each EXPECT_UNCHANGED of the step, in order: its value, or null with why
 * there is none beside it. */
struct readings {
    json_t *values; /* array */
    struct strv why;
};

static int take_readings(struct ctx *ctx, const struct step *step, struct readings *ret,
                         struct err *err)
{
    *ret = (struct readings){.values = json_array(), .why = STRV_INIT};
    for (size_t g = 0; g < step->n_expects; g++) {
        for (size_t i = 0; i < step->expects[g].n; i++) {
            const struct expectation *e = &step->expects[g].items[i];
            if (e->kind != EXPECT_UNCHANGED)
                continue;
            struct attempt at;
            char *why = NULL;
            attempt_init(&at);
            int rc = act_http(ctx, e->reading, &at, err);
            json_t *value =
                rc == 0 ? match_reading(e, &at.obs, ctx->opt->exprs, ctx->vars, &why)
                        : NULL;
            json_array_append_new(ret->values, value ? value : json_null());
            strv_take(&ret->why, why ? why : xstrdup(value ? "" : "no reading"));
            attempt_release(&at);
            if (rc < 0)
                return -1;
        }
    }
    return 0;
}

static void release_readings(struct readings *r)
{
    json_decref(r->values);
    strv_release(&r->why);
}

static void compare_readings(const struct step *step, const struct readings *before,
                             const struct readings *after, struct outcomes *out)
{
    size_t n = 0;
    for (size_t g = 0; g < step->n_expects; g++) {
        for (size_t i = 0; i < step->expects[g].n; i++) {
            const struct expectation *e = &step->expects[g].items[i];
            if (e->kind != EXPECT_UNCHANGED)
                continue;
            const char *why = *before->why.v[n] ? before->why.v[n] : after->why.v[n];
            bool ok = !*before->why.v[n] && !*after->why.v[n];
            match_unchanged(e, ok ? json_array_get(before->values, n) : NULL,
                            ok ? json_array_get(after->values, n) : NULL,
                            *why ? why : NULL, out);
            n++;
        }
    }
}

static bool has_readings(const struct step *step)
{
    for (size_t g = 0; g < step->n_expects; g++)
        for (size_t i = 0; i < step->expects[g].n; i++)
            if (step->expects[g].items[i].kind == EXPECT_UNCHANGED)
                return true;
    return false;
}

static int converge_unchanged(struct ctx *ctx, const struct step *step,
                              const struct step_act *act, struct result *r,
                              struct err *err)
{
    struct readings before, after;
    *r = (struct result){.outcomes = OUTCOMES_INIT};
    attempt_init(&r->at);
    int rc = take_readings(ctx, step, &before, err);
    if (rc == 0)
        rc = converge(ctx, step, act, r, err);
    if (rc == 0) {
        rc = take_readings(ctx, step, &after, err);
        if (rc == 0)
            compare_readings(step, &before, &after, &r->outcomes);
        release_readings(&after);
    }
    release_readings(&before);
    return rc;
}

/* ---- one acting step ---- */

static int conclude(struct ctx *ctx, const struct step *step, struct result *r,
                    enum verdict *ret, struct err *err)
{
    if (r->interrupted) {
        ctx_verdict(ctx, VERDICT_BROKEN, "interrupted in step '%s'", step->name);
        ctx->ended = true;
        *ret = VERDICT_BROKEN;
        return 0;
    }
    *ret = record_result(ctx, step, r);
    if ((*ret == VERDICT_FAIL || *ret == VERDICT_BROKEN) && !step->soft)
        ctx->ended = true;
    if (!r->at.obs.broken && !r->at.skip && run_captures(ctx, step, &r->at, err) < 0)
        return -1;
    if (*ret == VERDICT_PASS && !r->at.skip)
        run_steps(ctx, &step->then);
    return 0;
}

int act_step(struct ctx *ctx, const struct step *step, enum verdict *ret, struct err *err)
{
    const struct step_act *act = step_act_of(step->kind);
    struct result r;
    *ret = VERDICT_BROKEN;
    if (!act)
        return ctx_wrong(step, NULL, err, "'%s' cannot be tried", step->row->key);
    int rc = has_readings(step) ? converge_unchanged(ctx, step, act, &r, err)
                                : converge(ctx, step, act, &r, err);
    if (rc == 0) {
        own_accepted(act, &r);
        rc = conclude(ctx, step, &r, ret, err);
    }
    result_release(&r);
    return rc;
}

static int use_group(struct ctx *ctx, const struct step *step, struct err *err)
{
    if (vars_push_params(ctx->vars, step->group_defaults, step->locals, step->file, err) <
        0)
        return -1;
    run_steps(ctx, &step->group);
    vars_pop(ctx->vars);
    if (!ctx->ended)
        run_steps(ctx, &step->then);
    return 0;
}

void run_step(struct ctx *ctx, const struct step *step)
{
    struct err err = ERR_INIT;
    enum verdict verdict = VERDICT_PASS;
    bool ended_before = ctx->ended;
    int rc = wanted(ctx, step, &err);
    if (rc == 0)
        return;
    emit_step(ctx, step);
    if (ended_before)
        ctx->ended = false; /* an `always` step runs its own steps to the end */
    if (rc > 0 && step->kind == STEP_USE)
        rc = use_group(ctx, step, &err);
    else if (rc > 0 && step->kind == STEP_DENY)
        rc = run_deny(ctx, step, &err);
    else if (rc > 0)
        rc = act_step(ctx, step, &verdict, &err);
    if (rc < 0)
        step_error(ctx, step, &err);
    if (step->soft)
        ctx->ended = false;
    if (ended_before || ctx->stopping)
        ctx->ended = true;
}

void run_steps(struct ctx *ctx, const struct step_list *list)
{
    for (size_t i = 0; i < list->n; i++) {
        if (ctx_stopping(ctx))
            ctx->ended = true;
        if (ctx->stopping || (ctx->ended && !list->v[i]->always))
            continue;
        run_step(ctx, list->v[i]);
    }
}
