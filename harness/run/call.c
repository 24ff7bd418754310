/*
 * HTTP requests of steps: built, made, recorded; and what one try of a step saw.
 */
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/limits.h"
#include "io/json.h"
#include "run/context.h"

/* ---- attempts ---- */

void attempt_init(struct attempt *at)
{
    *at = (struct attempt){
        .obs = OBSERVATION_INIT, .headers = STRV_INIT, .findings = STRV_INIT};
    at->own_late = VERDICT_FAIL;
}

void attempt_release(struct attempt *at)
{
    strv_release(&at->headers);
    strv_release(&at->findings);
    json_drop(&at->answer);
    char *owned[] = {at->body,         at->unfit,      at->reply,
                     at->rpc_message,  at->tool,       at->broken,
                     at->own_expected, at->own_actual, at->skip};
    for (size_t i = 0; i < ARRAY_SIZE(owned); i++)
        free(owned[i]);
    attempt_init(at);
}

void attempt_broken(struct attempt *at, const char *fmt, ...)
{
    struct buf text = BUF_INIT(LIMIT_ERROR_TEXT);
    va_list ap;
    va_start(ap, fmt);
    buf_vaddf(&text, fmt, ap);
    va_end(ap);
    free(at->broken);
    at->broken = buf_steal(&text);
    at->obs.broken = at->broken;
}

void attempt_own(struct attempt *at, const char *name, enum verdict v, bool final,
                 const char *expected, const char *actual)
{
    char *old[] = {at->own_expected, at->own_actual};
    at->own_name = name;
    at->own = v;
    at->own_final = final;
    at->own_expected = xstrdup(expected);
    at->own_actual = xstrdup(actual);
    for (size_t i = 0; i < ARRAY_SIZE(old); i++)
        free(old[i]);
}

void attempt_answer(struct attempt *at, json_t *answer)
{
    json_t *old = at->answer;
    at->answer = answer;
    at->obs.answer = answer;
    json_decref(old);
}

void attempt_body(struct attempt *at, const char *body, size_t len)
{
    char *old = at->body;
    at->body = xmalloc(len + 1);
    memcpy(at->body, body, len);
    at->body[len] = '\0';
    at->obs.body = at->body;
    at->obs.body_len = len;
    free(old);
}

/* ---- building ---- */

void call_release(struct call *c)
{
    free(c->url);
    free(c->body);
    strv_release(&c->headers);
    *c = (struct call)CALL_INIT;
}

void call_json(struct call *c, json_t *json)
{
    if (!json)
        return;
    c->body = json_text(json, JSON_STRUCT);
    c->body_len = strlen(c->body);
    strv_add(&c->headers, "Content-Type: application/json");
    json_decref(json);
}

void call_query(struct call *c, const json_t *query)
{
    const char *key = NULL;
    json_t *value = NULL;
    char sep = strchr(c->url, '?') ? '&' : '?';
    struct buf url = BUF_INIT(LIMIT_ERROR_TEXT * 4);
    buf_adds(&url, c->url);
    json_object_foreach((json_t *)(uintptr_t)query, key, value)
    {
        CLEANUP(free_ptr)
        char *text = json_is_string(value) ? xstrdup(json_string_value(value))
                                           : json_text(value, JSON_STRUCT);
        CLEANUP(free_ptr) char *k = http_escape(key);
        CLEANUP(free_ptr) char *v = http_escape(text);
        buf_addf(&url, "%c%s=%s", sep, k, v);
        sep = '&';
    }
    free(c->url);
    c->url = buf_steal(&url);
}

static void start_call(struct call *c, const char *base, const char *token,
                       const char *method, const char *path, json_t *json)
{
    c->method = method;
    c->url = xasprintf("%s%s", base, path);
    if (token)
        strv_addf(&c->headers, "Authorization: Bearer %s", token);
    call_json(c, json);
}

void call_tenant(struct call *c, const json_t *org, const char *token, const char *method,
                 const char *path, json_t *json)
{
    start_call(c, json_str(org, "url", ""), token, method, path, json);
    strv_addf(&c->headers, "X-Molecule-Org-Id: %s", json_str(org, "id", ""));
}

void call_cp(struct ctx *ctx, struct call *c, const char *method, const char *path,
             json_t *json)
{
    start_call(c, ctx->target->cp_url, ctx->target->cp_token, method, path, json);
}

void call_mock(struct ctx *ctx, struct call *c, const char *method, const char *path,
               json_t *json)
{
    start_call(c, ctx->target->mock_url ? ctx->target->mock_url : "", NULL, method, path,
               json);
    c->protocol = "mock";
}

bool status_ok(int status)
{
    return status >= 200 && status < 300;
}

/* ---- making ---- */

static void record(struct ctx *ctx, const struct call *c,
                   const struct http_response *resp, const struct err *failed,
                   struct attempt *at)
{
    CLEANUP(free_ptr) char *request = xasprintf("%s %s", c->method, c->url);
    CLEANUP(free_ptr) char *sent = strv_join(&c->headers, "\n");
    CLEANUP(free_ptr) char *got = strv_join(&resp->headers, "\n");
    struct exchange x = {.protocol = c->protocol,
                         .request = request,
                         .request_headers = sent,
                         .request_body = c->body,
                         .request_len = c->body_len,
                         .status = failed ? 0 : resp->status,
                         .response_headers = failed ? NULL : got,
                         .response_body = failed ? NULL : resp->body.data,
                         .response_len = resp->body.len,
                         .error = failed ? failed->text : NULL,
                         .duration_ms = resp->elapsed_ms};
    at->exchange = emit_exchange(ctx, &x);
}

/* The JSON that an answer is, or NULL: text, HTML and nothing are answers too. */
static json_t *parse_answer(const struct buf *body)
{
    size_t i = 0;
    while (i < body->len && strchr(" \t\r\n", body->data[i]))
        i++;
    json_t *j = NULL;
    if (i == body->len || json_parse(body->data, body->len, &j, NULL) < 0)
        return NULL;
    return j;
}

static void learn(struct ctx *ctx, const json_t *answer)
{
    size_t before = ctx->secrets.n;
    redact_learn(&ctx->secrets, ctx->learn_as, answer);
    for (size_t i = 0; before != ctx->secrets.n && i < ctx->secrets.n; i++)
        vars_add_secret(ctx->vars, ctx->secrets.rows[i].name, ctx->secrets.rows[i].value);
}

void ctx_call(struct ctx *ctx, const struct call *c, struct attempt *at)
{
    attempt_release(at);
    struct http_request req = HTTP_REQUEST_INIT;
    req.method = c->method;
    req.url = c->url;
    strv_copy(&req.headers, &c->headers);
    req.body = c->body;
    req.body_len = c->body_len;
    int64_t own =
        c->timeout_ms > 0 ? c->timeout_ms : (int64_t)(30000 * clock_timeout_mul());
    req.timeout_ms = ctx_limited(ctx, own);
    req.max_redirects = c->max_redirects;
    req.ca_file = ctx->target->ca_file;
    struct http_response resp = HTTP_RESPONSE_INIT;
    struct err failed = ERR_INIT;
    if (http_perform(ctx->http, &req, &resp, &failed) < 0) {
        record(ctx, c, &resp, &failed, at);
        size_t n = strlen(c->method);
        bool named = strncmp(failed.text, c->method, n) == 0 && failed.text[n] == ' ';
        if (named) /* "POST http://...: ..." already */
            attempt_broken(at, "%s", failed.text);
        else
            attempt_broken(at, "%s %s: %s", c->method, c->url, failed.text);
        at->unsent = http_err_unsent(&failed);
    } else {
        json_t *answer = parse_answer(&resp.body);
        learn(ctx, answer);
        record(ctx, c, &resp, NULL, at);
        attempt_answer(at, answer);
        attempt_body(at, resp.body.data, resp.body.len);
        strv_copy(&at->headers, &resp.headers);
        at->obs.headers = &at->headers;
        at->obs.status = resp.status;
        at->obs.has_status = true;
        at->obs.elapsed_ms = resp.elapsed_ms;
    }
    http_request_release(&req);
    http_response_release(&resp);
}
