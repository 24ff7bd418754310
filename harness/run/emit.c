/*
 * Events of a worker, one JSON line each into the pipe to the supervisor.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/limits.h"
#include "io/json.h"
#include "run/context.h"

enum { SHOWN_TEXT = 4096 };

/* The supervisor is gone when the pipe is: nobody to tell, and the kernel ends us. */
static void write_all(int fd, const char *data, size_t len)
{
    while (len > 0) {
        ssize_t n = write(fd, data, len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            _exit(EXIT_BROKEN);
        data += n;
        len -= (size_t)n;
    }
}

static void emit(struct ctx *ctx, struct event *ev)
{
    ev->at_ms = clock_wall_ms();
    ev->scenario = ctx->name;
    CLEANUP(json_drop) json_t *j = event_to_json(ev);
    redact_json(&ctx->secrets, j);
    struct buf line = BUF_INIT(LIMIT_LINE);
    json_render(j, JSON_STRUCT, &line);
    buf_addc(&line, '\n');
    write_all(ctx->out_fd, line.data, line.len);
    buf_release(&line);
}

static char *shown(const struct ctx *ctx, const char *text)
{
    return redact_text(&ctx->secrets, text, text ? strlen(text) : 0, SHOWN_TEXT);
}

void emit_step(struct ctx *ctx, const struct step *step)
{
    CLEANUP(free_ptr) char *name = shown(ctx, step->name);
    struct event ev = {
        .kind = EV_STEP, .step = step->id, .step_name = name, .line = step->line};
    ctx->step = step;
    emit(ctx, &ev);
}

void emit_check(struct ctx *ctx, const struct step *step, const struct check *check)
{
    CLEANUP(free_ptr) char *expected = shown(ctx, check->expected);
    CLEANUP(free_ptr) char *actual = shown(ctx, check->actual);
    CLEANUP(free_ptr) char *step_name = shown(ctx, step->name);
    CLEANUP(free_ptr) char *name = shown(ctx, check->name);
    struct event ev = {.kind = EV_CHECK,
                       .step = step->id,
                       .step_name = step_name,
                       .name = name,
                       .file = step->file,
                       .verdict = check->verdict,
                       .expected = expected,
                       .actual = actual,
                       .line = check->line,
                       .exchange = check->exchange};
    ctx->checks++;
    emit(ctx, &ev);
}

void emit_poll(struct ctx *ctx, const struct step *step, int attempt, bool held,
               int exchange, const char *actual)
{
    CLEANUP(free_ptr) char *text = shown(ctx, actual);
    CLEANUP(free_ptr) char *step_name = shown(ctx, step->name);
    struct event ev = {.kind = EV_POLL,
                       .step = step->id,
                       .step_name = step_name,
                       .attempt = attempt,
                       .held = held,
                       .exchange = exchange,
                       .actual = text};
    emit(ctx, &ev);
}

void emit_resource(struct ctx *ctx, const char *kind, const char *id, const char *state)
{
    struct event ev = {.kind = EV_RESOURCE,
                       .step = ctx->step ? ctx->step->id : NULL,
                       .resource_kind = kind,
                       .resource_id = id,
                       .resource_state = state};
    emit(ctx, &ev);
}

void emit_end(struct ctx *ctx, int64_t duration_ms)
{
    CLEANUP(free_ptr) char *reason = shown(ctx, ctx->reason);
    struct event ev = {.kind = EV_SCENARIO_END,
                       .verdict = ctx->verdict,
                       .reason = *reason ? reason : NULL,
                       .checks = ctx->checks,
                       .duration_ms = duration_ms};
    emit(ctx, &ev);
}

int emit_exchange(struct ctx *ctx, const struct exchange *x)
{
    const struct redact *r = &ctx->secrets;
    CLEANUP(free_ptr) char *request = shown(ctx, x->request);
    CLEANUP(free_ptr) char *error = shown(ctx, x->error);
    CLEANUP(free_ptr)
    char *request_body =
        redact_text(r, x->request_body, x->request_len, LIMIT_STORED_BODY);
    CLEANUP(free_ptr)
    char *response_body =
        redact_text(r, x->response_body, x->response_len, LIMIT_STORED_BODY);
    CLEANUP(free_ptr) char *request_headers = shown(ctx, x->request_headers);
    CLEANUP(free_ptr) char *response_headers = shown(ctx, x->response_headers);
    struct event ev = {.kind = EV_EXCHANGE,
                       .step = ctx->step ? ctx->step->id : NULL,
                       .number = ++ctx->exchanges,
                       .protocol = x->protocol,
                       .request = request,
                       .request_headers = request_headers,
                       .request_body = request_body,
                       .status = x->status,
                       .response_headers = response_headers,
                       .response_body = response_body,
                       .error = error,
                       .duration_ms = x->duration_ms};
    emit(ctx, &ev);
    return ctx->exchanges;
}

void emit_frame(struct ctx *ctx, int exchange, const struct frame *f)
{
    CLEANUP(free_ptr) char *findings = f->findings ? shown(ctx, f->findings) : NULL;
    struct event ev = {.kind = EV_FRAME,
                       .step = ctx->step ? ctx->step->id : NULL,
                       .number = exchange,
                       .direction = f->direction,
                       .transport = f->transport,
                       .revision = f->revision,
                       .findings = findings,
                       .valid = f->findings == NULL,
                       .raw = f->raw};
    emit(ctx, &ev);
}
