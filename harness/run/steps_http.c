/*
 * One HTTP request, as the scenario spells it; and whose token it carries.
 */
#include <stdlib.h>
#include <string.h>

#include "base/num.h"
#include "io/json.h"
#include "run/steps.h"

/* ---- tokens ---- */

static int token_of_bound(struct ctx *ctx, const struct step *step,
                          const struct ynode *as, const json_t *ref, char **ret,
                          struct err *err)
{
    json_t *bound = vars_ref(ctx->vars, ref);
    const char *token = json_str(bound, "token", NULL);
    if (!token)
        token = json_str(bound, "admin_token", NULL);
    if (token) {
        *ret = xstrdup(token);
        return 0;
    }
    CLEANUP(free_ptr) char *text = json_text(ref, JSON_STRUCT);
    if (bound)
        return ctx_wrong(step, as, err, "%s has no token of its own in this run", text);
    return ctx_wrong(step, as, err,
                     "'as' is admin, cp, nobody, a workspace or {bearer: TEXT}, not %s",
                     text);
}

int step_token(struct ctx *ctx, const struct step *step, const struct ynode *as,
               const json_t *org, char **ret, struct err *err)
{
    CLEANUP(json_drop) json_t *who = NULL;
    *ret = NULL;
    if (as && vars_json(ctx->vars, as, step->file, &who, err) < 0)
        return -1;
    const char *word = json_is_string(who) ? json_string_value(who) : NULL;
    const json_t *bearer = json_object_get(who, "bearer");
    if (bearer) {
        *ret = json_is_string(bearer) ? xstrdup(json_string_value(bearer))
                                      : json_text(bearer, JSON_STRUCT);
        return 0;
    }
    if (word && strcmp(word, "nobody") == 0)
        return 0;
    if (word && strcmp(word, "cp") == 0) {
        *ret = ctx->target->cp_token ? xstrdup(ctx->target->cp_token) : NULL;
        return 0;
    }
    if (!who || (word && strcmp(word, "admin") == 0)) {
        const char *token = json_str(org, "admin_token", NULL);
        *ret = token ? xstrdup(token) : NULL;
        return 0;
    }
    return token_of_bound(ctx, step, as, who, ret, err);
}

/* ---- where to ----  */

/* Base address and default token of `in`, `on` or a whole URL. *org: new reference. */
static int find_base(struct ctx *ctx, const struct step *step, const char *path,
                     char **base, json_t **org, struct err *err)
{
    CLEANUP(free_ptr) char *on = NULL;
    const struct ynode *in = step_get(step, "in");
    if (ctx_text(ctx, step, step_get(step, "on"), &on, err) < 0)
        return -1;
    if (in) {
        CLEANUP(json_drop) json_t *bound = NULL;
        if (ctx_ref(ctx, step, in, &bound, err) < 0 ||
            ctx_org_of(ctx, step, bound, org, err) < 0)
            return -1;
    }
    if (strncmp(path, "http://", 7) == 0 || strncmp(path, "https://", 8) == 0)
        *base = xstrdup("");
    else if (on && strcmp(on, "cp") == 0 && ctx->target->cp_url)
        *base = xstrdup(ctx->target->cp_url);
    else if (on && strcmp(on, "mock") == 0 && ctx->target->mock_url)
        *base = xstrdup(ctx->target->mock_url);
    else if (on)
        return ctx_wrong(step, step_get(step, "on"), err,
                         "this target has no '%s' to ask", on);
    else if (*org)
        *base = xstrdup(json_str(*org, "url", ""));
    else
        return ctx_wrong(step, NULL, err,
                         "whom to ask? say 'in: ORG', 'on: cp' or give a whole URL");
    return 0;
}

static int set_token(struct ctx *ctx, const struct step *step, const char *base,
                     const json_t *org, struct call *c, struct err *err)
{
    const struct ynode *as = step_get(step, "as");
    CLEANUP(free_ptr) char *token = NULL;
    const char *on = ynode_str(step->node, "on", "");
    if (!as && strcmp(on, "cp") == 0)
        token = ctx->target->cp_token ? xstrdup(ctx->target->cp_token) : NULL;
    else if (as || (org && !*on && *base))
        if (step_token(ctx, step, as, org, &token, err) < 0)
            return -1;
    if (token)
        strv_addf(&c->headers, "Authorization: Bearer %s", token);
    return 0;
}

/* X-Molecule-Org-Id: the organisation's id, another text, or nothing at all. */
static int set_org_header(struct ctx *ctx, const struct step *step, const json_t *org,
                          struct call *c, struct err *err)
{
    const struct ynode *node = step_get(step, "org_header");
    CLEANUP(json_drop) json_t *value = NULL;
    if (!node) {
        if (org && !step_get(step, "on"))
            strv_addf(&c->headers, "X-Molecule-Org-Id: %s", json_str(org, "id", ""));
        return 0;
    }
    if (vars_json(ctx->vars, node, step->file, &value, err) < 0)
        return -1;
    if (json_is_string(value))
        strv_addf(&c->headers, "X-Molecule-Org-Id: %s", json_string_value(value));
    return 0;
}

static int set_headers(struct ctx *ctx, const struct step *step, struct call *c,
                       struct err *err)
{
    const struct ynode *node = step_get(step, "headers");
    CLEANUP(json_drop) json_t *headers = NULL;
    const char *name = NULL;
    json_t *value = NULL;
    if (node && vars_json(ctx->vars, node, step->file, &headers, err) < 0)
        return -1;
    json_object_foreach(headers, name, value)
    {
        CLEANUP(free_ptr)
        char *text = json_is_string(value) ? xstrdup(json_string_value(value))
                                           : json_text(value, JSON_STRUCT);
        strv_addf(&c->headers, "%s: %s", name, text);
    }
    return 0;
}

/* ---- bodies ---- */

static int set_form(struct ctx *ctx, const struct step *step, const struct ynode *form,
                    struct call *c, struct err *err)
{
    CLEANUP(json_drop) json_t *fields = NULL;
    if (vars_json(ctx->vars, form, step->file, &fields, err) < 0)
        return -1;
    struct call encoded = CALL_INIT;
    encoded.url = xstrdup("");
    call_query(&encoded, fields);
    c->body = xstrdup(*encoded.url ? encoded.url + 1 : "");
    c->body_len = strlen(c->body);
    strv_add(&c->headers, "Content-Type: application/x-www-form-urlencoded");
    call_release(&encoded);
    return 0;
}

static int set_body(struct ctx *ctx, const struct step *step, struct call *c,
                    struct err *err)
{
    const struct ynode *json = step_get(step, "json"), *body = step_get(step, "body");
    const struct ynode *form = step_get(step, "form");
    json_t *value = NULL;
    if (json) {
        if (vars_json(ctx->vars, json, step->file, &value, err) < 0)
            return -1;
        call_json(c, value);
    } else if (body) {
        if (ctx_text(ctx, step, body, &c->body, err) < 0)
            return -1;
        c->body_len = strlen(c->body);
    } else if (form) {
        return set_form(ctx, step, form, c, err);
    }
    return 0;
}

static int set_query(struct ctx *ctx, const struct step *step, struct call *c,
                     struct err *err)
{
    const struct ynode *node = step_get(step, "query");
    CLEANUP(json_drop) json_t *query = NULL;
    if (!node)
        return 0;
    if (vars_json(ctx->vars, node, step->file, &query, err) < 0)
        return -1;
    call_query(c, query);
    return 0;
}

static int build(struct ctx *ctx, const struct step *step, struct call *c,
                 struct err *err)
{
    CLEANUP(free_ptr) char *path = NULL;
    CLEANUP(free_ptr) char *base = NULL;
    CLEANUP(json_drop) json_t *org = NULL;
    if (ctx_text(ctx, step, step->arg, &path, err) < 0 ||
        find_base(ctx, step, path ? path : "", &base, &org, err) < 0)
        return -1;
    c->method = step->row->method ? step->row->method : "GET";
    c->url = xasprintf("%s%s", base, path ? path : "");
    if (strstr(c->url, "/_mock/"))
        c->protocol = "mock";
    c->timeout_ms = step_timeout(ctx, step, 30000);
    int64_t redirects = 0;
    if (num_parse(ynode_str(step->node, "max_redirects", "0"), 0, 50, &redirects))
        c->max_redirects = (int)redirects;
    if (set_token(ctx, step, base, org, c, err) < 0 ||
        set_org_header(ctx, step, org, c, err) < 0 ||
        set_headers(ctx, step, c, err) < 0 || set_query(ctx, step, c, err) < 0)
        return -1;
    return set_body(ctx, step, c, err);
}

int act_http(struct ctx *ctx, const struct step *step, struct attempt *at,
             struct err *err)
{
    struct call c = CALL_INIT;
    int rc = build(ctx, step, &c, err);
    if (rc == 0)
        ctx_call(ctx, &c, at);
    call_release(&c);
    return rc;
}
