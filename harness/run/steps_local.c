/*
 * What happens beside the product: a local command, and the mock platform's own door.
 */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "io/json.h"
#include "io/proc.h"
#include "run/steps.h"

/* ---- run ---- */

/* PATH and HOME of this process, and what the step gives: nothing else leaks in. */
static int command_env(struct ctx *ctx, const struct step *step, struct strv *env,
                       struct err *err)
{
    static const char *const inherited[] = {"PATH", "HOME"};
    const struct ynode *node = step_arg(step, "env");
    CLEANUP(json_drop) json_t *given = NULL;
    const char *name = NULL;
    json_t *value = NULL;
    for (size_t i = 0; i < ARRAY_SIZE(inherited); i++) {
        const char *text = getenv(inherited[i]); /* NOLINT(concurrency-mt-unsafe) */
        if (text)
            strv_env_set(env, inherited[i], text);
    }
    if (node && vars_json(ctx->vars, node, step->file, &given, err) < 0)
        return -1;
    json_object_foreach(given, name, value)
    {
        CLEANUP(free_ptr)
        char *text = json_is_string(value) ? xstrdup(json_string_value(value))
                                           : json_text(value, JSON_STRUCT);
        strv_env_set(env, name, text);
    }
    return 0;
}

static int command_argv(struct ctx *ctx, const struct step *step, struct strv *argv,
                        struct err *err)
{
    const struct ynode *node = step_arg(step, "argv");
    bool list = node && node->kind == YNODE_SEQ;
    for (size_t i = 0; node && i < (list ? node->n : 1); i++) {
        char *text = NULL;
        if (ctx_text(ctx, step, list ? node->items[i] : node, &text, err) < 0)
            return -1;
        strv_take(argv, text);
    }
    return argv->n ? 0 : ctx_wrong(step, node, err, "run: argv is empty");
}

static void see_command(struct ctx *ctx, const struct strv *argv, const char *input,
                        const struct proc_result *r, int64_t took_ms, struct attempt *at)
{
    CLEANUP(free_ptr) char *line = strv_join(argv, " ");
    /* Made valid UTF-8 only: expectations see what was said, secrets included. */
    const struct redact none = REDACT_INIT;
    CLEANUP(free_ptr) char *clean_out = redact_text(&none, r->out.data, r->out.len, 0);
    CLEANUP(free_ptr) char *clean_err = redact_text(&none, r->err.data, r->err.len, 0);
    struct exchange x = {.protocol = "command",
                         .request = line,
                         .request_body = input,
                         .request_len = input ? strlen(input) : 0,
                         .status = r->exit_code,
                         .response_headers = clean_err,
                         .response_body = r->out.data,
                         .response_len = r->out.len,
                         .duration_ms = took_ms};
    at->exchange = emit_exchange(ctx, &x);
    attempt_answer(at, json_make("{s:i, s:s, s:s}", "exit_code", r->exit_code, "stdout",
                                 clean_out, "stderr", clean_err));
    attempt_body(at, r->out.data, r->out.len);
    at->obs.status = r->exit_code;
    at->obs.has_status = true;
    at->obs.elapsed_ms = took_ms;
    if (r->timed_out)
        attempt_broken(at, "'%s' did not end in %lld ms", line, (long long)took_ms);
}

int act_run(struct ctx *ctx, const struct step *step, struct attempt *at, struct err *err)
{
    CLEANUP(strv_release) struct strv argv = STRV_INIT, env = STRV_INIT;
    CLEANUP(free_ptr) char *input = NULL;
    if (command_argv(ctx, step, &argv, err) < 0 ||
        command_env(ctx, step, &env, err) < 0 ||
        ctx_text(ctx, step, step_arg(step, "stdin"), &input, err) < 0)
        return -1;
    struct proc_spec spec = PROC_SPEC_INIT;
    spec.argv = strv_argv(&argv);
    spec.env = &env;
    struct proc_result r;
    struct err failed = ERR_INIT;
    int64_t start = clock_mono_ms();
    /* A command runs in real time, whatever the target's pace is. */
    int64_t limit = step->timeout_ms >= 0 ? step->timeout_ms : 60000;
    limit = (int64_t)((double)limit * clock_timeout_mul());
    if (proc_run(&spec, input ? input : "", input ? strlen(input) : 0, limit, &r,
                 &failed) < 0) {
        attempt_broken(at, "%s", failed.text);
        return 0;
    }
    see_command(ctx, &argv, input, &r, clock_mono_ms() - start, at);
    proc_result_release(&r);
    return 0;
}

/* ---- fault, journal ---- */

/* Slug of the organisation that `in` names; *ret NULL without it. */
static int slug_in(struct ctx *ctx, const struct step *step, char **ret, struct err *err)
{
    CLEANUP(json_drop) json_t *bound = NULL;
    CLEANUP(json_drop) json_t *org = NULL;
    *ret = NULL;
    if (!step_arg(step, "in"))
        return 0;
    if (ctx_ref(ctx, step, step_arg(step, "in"), &bound, err) < 0 ||
        ctx_org_of(ctx, step, bound, &org, err) < 0)
        return -1;
    *ret = xstrdup(json_str(org, "slug", ""));
    return 0;
}

int act_fault(struct ctx *ctx, const struct step *step, struct attempt *at,
              struct err *err)
{
    CLEANUP(free_ptr) char *name = NULL;
    CLEANUP(free_ptr) char *mode = NULL;
    CLEANUP(free_ptr) char *slug = NULL;
    CLEANUP(free_ptr) char *off = NULL;
    if (ctx_text(ctx, step, step_arg(step, "name"), &name, err) < 0 ||
        ctx_text(ctx, step, step_arg(step, "mode"), &mode, err) < 0 ||
        ctx_text(ctx, step, step_arg(step, "off"), &off, err) < 0 ||
        slug_in(ctx, step, &slug, err) < 0)
        return -1;
    CLEANUP(json_drop) json_t *what = json_make("{s:s}", "name", name ? name : "");
    if (slug)
        json_object_set_new(what, "org", json_string(slug));
    struct call c = CALL_INIT;
    if (off && strcmp(off, "true") == 0) {
        call_mock(ctx, &c, "DELETE", "/_mock/faults", NULL);
        call_query(&c, what);
    } else {
        if (mode)
            json_object_set_new(what, "mode", json_string(mode));
        call_mock(ctx, &c, "PUT", "/_mock/faults", json_incref(what));
    }
    ctx_call(ctx, &c, at);
    call_release(&c);
    return 0;
}

static int journal_query(struct ctx *ctx, const struct step *step, json_t *query,
                         struct err *err)
{
    static const char *const members[] = {"method", "path"};
    CLEANUP(free_ptr) char *slug = NULL;
    if (slug_in(ctx, step, &slug, err) < 0)
        return -1;
    if (slug)
        json_object_set_new(query, "org", json_string(slug));
    for (size_t i = 0; i < ARRAY_SIZE(members); i++) {
        CLEANUP(free_ptr) char *text = NULL;
        if (ctx_text(ctx, step, step_arg(step, members[i]), &text, err) < 0)
            return -1;
        if (text)
            json_object_set_new(query, members[i], json_string(text));
    }
    if (step_arg(step, "workspace")) {
        CLEANUP(json_drop) json_t *ws = NULL;
        if (ctx_ref(ctx, step, step_arg(step, "workspace"), &ws, err) < 0)
            return -1;
        json_object_set(query, "workspace", json_object_get(ws, "id"));
    }
    return 0;
}

int act_journal(struct ctx *ctx, const struct step *step, struct attempt *at,
                struct err *err)
{
    CLEANUP(json_drop) json_t *query = json_object();
    struct call c = CALL_INIT;
    if (journal_query(ctx, step, query, err) < 0)
        return -1;
    call_mock(ctx, &c, "GET", "/_mock/journal", NULL);
    call_query(&c, query);
    ctx_call(ctx, &c, at);
    call_release(&c);
    return 0;
}
