#include "run/context.h"

#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "base/clock.h"
#include "io/json.h"
#include "io/wait.h"

/* ---- beginning and end ---- */

static void bind_run(struct ctx *ctx, const char *run_id)
{
    char uuid[37], uuid2[37], uuid3[37], at[32];
    id_uuid4(uuid);
    id_uuid4(uuid2);
    id_uuid4(uuid3);
    vars_set(ctx->vars, "run",
             json_make("{s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:f}", "id", run_id, "seed",
                       ctx->opt->seed ? ctx->opt->seed : "", "started_at",
                       clock_rfc3339(clock_wall_ms(), at), "target", ctx->target->name,
                       "uuid", uuid, "uuid2", uuid2, "uuid3", uuid3, "pace",
                       ctx->target->pace));
}

/* env.NAME: only the names that the target lists; whatever they hold is a secret. */
static void bind_env(struct ctx *ctx)
{
    json_t *env = json_object();
    for (size_t i = 0; i < ctx->target->env.n; i++) {
        const char *name = ctx->target->env.v[i];
        const char *value = getenv(name); /* NOLINT(concurrency-mt-unsafe) */
        json_object_set_new(env, name, json_string(value ? value : ""));
        CLEANUP(free_ptr) char *called = xasprintf("env.%s", name);
        ctx_secret(ctx, called, value);
    }
    vars_set(ctx->vars, "env", env);
}

static int bind_params(struct ctx *ctx, struct err *err)
{
    CLEANUP(json_drop) json_t *params = json_object();
    for (size_t i = 0; ctx->scenario && i < ctx->scenario->n_params; i++) {
        const struct param *p = &ctx->scenario->params[i];
        json_t *given = json_object_get(ctx->opt->params, p->name);
        json_t *value = given ? json_incref(given) : NULL;
        if (!value && !p->value)
            return err_set(err, ERR_CONFIG,
                           "%s:%d:%d: parameter '%s' has no value; give "
                           "one with --set %s=...",
                           ctx->scenario->file, p->line, p->col, p->name, p->name);
        if (!value &&
            vars_json(ctx->vars, p->value, ctx->scenario->file, &value, err) < 0)
            return -1;
        /* ${params.x}, and ${x} until a step binds that name. */
        vars_set(ctx->vars, p->name, json_incref(value));
        json_object_set_new(params, p->name, value);
        if (p->secret && json_is_string(value)) {
            CLEANUP(free_ptr) char *name = xasprintf("params.%s", p->name);
            ctx_secret(ctx, name, json_string_value(value));
        }
    }
    vars_set(ctx->vars, "params", TAKE(params));
    return 0;
}

/* SIGTERM and SIGINT become a readable descriptor: a poll in progress ends, a request in
 * progress is let finish, and the teardown follows. */
static int catch_stop(struct ctx *ctx, struct err *err)
{
    sigset_t set;
    (void)sigemptyset(&set);
    (void)sigaddset(&set, SIGTERM);
    (void)sigaddset(&set, SIGINT);
    if (sigprocmask(SIG_BLOCK, &set, NULL) < 0)
        return err_set(err, ERR_SYS, "cannot block signals");
    ctx->stop_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    return ctx->stop_fd < 0 ? err_set(err, ERR_SYS, "cannot make a signalfd") : 0;
}

static uint64_t seed_of(const char *seed, const char *name)
{
    char hex[65];
    CLEANUP(free_ptr) char *text = xasprintf("%s %s", seed ? seed : "", name);
    sha256_hex(text, strlen(text), hex);
    uint64_t value = 0;
    for (int i = 0; i < 16; i++)
        value = value * 31 + (unsigned char)hex[i];
    return value;
}

int ctx_init(struct ctx *ctx, const struct run_options *opt,
             const struct scenario *scenario, const char *run_id, int out_fd,
             struct ledger *ledger, struct err *err)
{
    *ctx = (struct ctx){.opt = opt,
                        .target = opt->target,
                        .scenario = scenario,
                        .name = scenario ? scenario->name : NULL,
                        .run_id = run_id,
                        .out_fd = out_fd,
                        .stop_fd = -1,
                        .verdict = VERDICT_PASS,
                        .ledger = ledger,
                        .secrets = REDACT_INIT};
    ctx->vars = vars_new();
    ctx->rng.state = seed_of(opt->seed, scenario ? scenario->name : "");
    ctx_secret(ctx, "cp_admin_token", ctx->target->cp_token);
    bind_run(ctx, run_id);
    vars_set(ctx->vars, "contract",
             opt->contract ? json_deep_copy(opt->contract) : json_object());
    bind_env(ctx);
    if (catch_stop(ctx, err) < 0 || http_new(&ctx->http, err) < 0)
        return -1;
    return bind_params(ctx, err);
}

void ctx_release(struct ctx *ctx)
{
    for (size_t i = 0; i < ctx->n_made; i++) {
        free(ctx->made[i].kind);
        free(ctx->made[i].id);
    }
    free(ctx->made);
    http_free(ctx->http);
    vars_free(ctx->vars);
    redact_release(&ctx->secrets);
    close_fd(&ctx->stop_fd);
}

/* ---- time ---- */

int64_t ctx_scaled(const struct ctx *ctx, int64_t production_ms)
{
    return (int64_t)((double)production_ms * ctx->target->pace);
}

int64_t ctx_patient(const struct ctx *ctx, int64_t production_ms)
{
    int64_t scaled = ctx_scaled(ctx, production_ms);
    int64_t least = (int64_t)((double)ctx->target->patience_ms * clock_timeout_mul());
    return scaled > least ? scaled : least;
}

int64_t ctx_limited(const struct ctx *ctx, int64_t timeout_ms)
{
    if (ctx->look_until_ms <= 0)
        return timeout_ms;
    int64_t left = ctx->look_until_ms - clock_mono_ms();
    int64_t least = (int64_t)(1000 * clock_timeout_mul());
    if (left < least)
        left = least;
    return timeout_ms < left ? timeout_ms : left;
}

bool ctx_pause(struct ctx *ctx, int64_t ms)
{
    if (!ctx->stopping && wait_pause(ms > 0 ? ms : 0, ctx->stop_fd))
        ctx->stopping = true;
    return ctx->stopping;
}

bool ctx_stopping(struct ctx *ctx)
{
    return ctx_pause(ctx, 0);
}

/* ---- standing ---- */

void ctx_secret(struct ctx *ctx, const char *name, const char *value)
{
    if (!value || !*value)
        return;
    redact_add(&ctx->secrets, name, value);
    vars_add_secret(ctx->vars, name, value);
}

void ctx_verdict(struct ctx *ctx, enum verdict v, const char *fmt, ...)
{
    enum verdict joined = verdict_join(ctx->verdict, v);
    bool first = joined != ctx->verdict || ctx->reason[0] == '\0';
    ctx->verdict = joined;
    if (v == VERDICT_PASS || joined != v || !first)
        return;
    va_list ap;
    va_start(ap, fmt);
    (void)vsnprintf(ctx->reason, sizeof(ctx->reason), fmt, ap);
    va_end(ap);
    for (char *c = ctx->reason; *c; c++)
        if (*c == '\n' || *c == '\r')
            *c = ' ';
}

/* ---- values of steps ---- */

int ctx_wrong(const struct step *step, const struct ynode *node, struct err *err,
              const char *fmt, ...)
{
    char text[400];
    va_list ap;
    va_start(ap, fmt);
    (void)vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    return err_set(err, ERR_CONFIG, "%s:%d:%d: %s", step->file,
                   node ? node->line : step->line, node ? node->col : step->col, text);
}

int ctx_ref(struct ctx *ctx, const struct step *step, const struct ynode *node,
            json_t **ret, struct err *err)
{
    if (!node)
        return ctx_wrong(step, NULL, err, "this step does not say on what it acts");
    CLEANUP(json_drop) json_t *ref = NULL;
    if (vars_json(ctx->vars, node, step->file, &ref, err) < 0)
        return -1;
    json_t *bound = vars_ref(ctx->vars, ref);
    if (!json_is_object(bound)) {
        CLEANUP(free_ptr) char *text = json_text(ref, JSON_STRUCT);
        return ctx_wrong(step, node, err, "nothing is bound to the name %s", text);
    }
    *ret = json_incref(bound);
    return 0;
}

int ctx_org_of(struct ctx *ctx, const struct step *step, const json_t *bound,
               json_t **ret, struct err *err)
{
    const char *name = json_str(bound, "org", NULL);
    json_t *org = name ? vars_get(ctx->vars, name) : NULL;
    if (!name && json_object_get(bound, "slug"))
        org = json_object_get(bound, "slug") ? (json_t *)(uintptr_t)bound : NULL;
    if (!json_is_object(org))
        return ctx_wrong(step, NULL, err, "'%s' belongs to no organisation of this run",
                         json_str(bound, "as", "?"));
    *ret = json_incref(org);
    return 0;
}

int ctx_text(struct ctx *ctx, const struct step *step, const struct ynode *node,
             char **ret, struct err *err)
{
    *ret = NULL;
    return node ? vars_text(ctx->vars, node, step->file, ret, err) : 0;
}
