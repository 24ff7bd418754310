#include <string.h>

#include "base/num.h"
#include "io/json.h"
#include "mocks/tenant/approvals.h"
#include "mocks/tenant/handlers.h"
#include "mocks/tenant/rest.h"
#include "mocks/tenant/rows.h"

enum { WORKSPACE_TOKENS_MAX = 50, ORG_TOKENS_MAX = 100, MINTS_PER_HOUR = 10 };

/* ---- of a workspace ---- */

void token_list(struct call *call)
{
    if (!rest_need_uuid(call, "invalid workspace id"))
        return;
    const struct workspace *ws = rest_ws(call);
    int64_t limit = rest_query_limit(call, 200, 50);
    int64_t offset = 0;
    const char *skip = rest_query(call, "offset");
    if (skip && !num_parse(skip, 0, INT32_MAX, &offset))
        offset = 0;
    json_t *rows = json_array();
    for (size_t i = call->org->tokens_n; i-- > 0;) {
        const struct token *t = call->org->tokens[i];
        if (t->kind == TOKEN_ORG || !ws || t->ws != ws || !token_live(t) || offset-- > 0)
            continue;
        if ((int64_t)json_array_size(rows) < limit)
            json_array_append_new(
                rows, json_make("{s:s,s:s,s:o,s:o}", "id", t->id, "prefix", t->prefix,
                                "created_at", rest_time(t->created_at), "last_used_at",
                                rest_time(t->last_used_at)));
    }
    call_json(call, 200,
              json_make("{s:I,s:o}", "count", (json_int_t)json_array_size(rows), "tokens",
                        rows));
}

static void mint(struct call *call, struct workspace *ws)
{
    char text[44];
    if (token_count(ws) >= WORKSPACE_TOKENS_MAX) {
        call_error(call, 429, "maximum 50 active tokens per workspace");
        return;
    }
    token_mint(call->org, ws, TOKEN_API, NULL, text);
    call_json(call, 201,
              json_make("{s:s,s:s,s:s}", "auth_token", text, "message",
                        "Save this token now \xe2\x80\x94 it cannot be retrieved again.",
                        "workspace_id", ws->id));
}

void token_create(struct call *call)
{
    struct workspace *ws = rest_need_ws_uuid(call, "invalid workspace id");
    if (ws)
        mint(call, ws);
}

void token_admin_create(struct call *call)
{
    token_create(call);
}

void token_delete(struct call *call)
{
    struct token *t = call->params[1] ? token_by_id(call->org, call->params[1]) : NULL;
    const struct workspace *ws = rest_ws(call);
    if (!t || !ws || t->ws != ws || t->kind == TOKEN_ORG || t->revoked) {
        call_error(call, 404, "token not found or already revoked");
        return;
    }
    t->revoked = true;
    call_json(call, 200, json_make("{s:s}", "status", "revoked"));
}

void token_admin_revoke(struct call *call)
{
    struct workspace *ws = rest_need_ws_uuid(call, "invalid workspace id");
    if (!ws)
        return;
    token_revoke_all(ws, -1);
    call_json(call, 200,
              json_make("{s:s,s:s}", "status", "revoked", "workspace_id", ws->id));
}

/* ---- of the organisation ---- */

static size_t count_org_tokens(const struct org *org)
{
    size_t n = 0;
    for (size_t i = 0; i < org->tokens_n; i++)
        n += org->tokens[i]->kind == TOKEN_ORG && token_live(org->tokens[i]) ? 1 : 0;
    return n;
}

static void set_optional(json_t *row, const char *key, json_t *value)
{
    if (json_is_null(value))
        json_decref(value);
    else
        json_object_set_new(row, key, value);
}

/* Which token, never its text. */
static void record(struct call *call, const char *event_type, const struct token *t)
{
    audit_line(call->org, t->ws, event_type, rest_actor(call),
               json_make("{s:s,s:s,s:o}", "token_id", t->id, "prefix", t->prefix, "name",
                         rest_string(t->name)));
}

void org_token_list(struct call *call)
{
    json_t *rows = json_array();
    for (size_t i = call->org->tokens_n; i-- > 0;) {
        const struct token *t = call->org->tokens[i];
        if (t->kind != TOKEN_ORG || !token_live(t))
            continue;
        json_t *row = json_make("{s:s,s:s,s:o}", "id", t->id, "prefix", t->prefix,
                                "created_at", rest_time(t->created_at));
        set_optional(row, "name", rest_string(t->name));
        set_optional(row, "org_id", rest_string(t->ws ? t->ws->id : NULL));
        set_optional(row, "created_by", rest_string(t->created_by));
        set_optional(row, "last_used_at", rest_time(t->last_used_at));
        set_optional(row, "expires_at", rest_time(t->expires_at));
        json_array_append_new(rows, row);
    }
    call_json(call, 200,
              json_make("{s:I,s:o}", "count", (json_int_t)json_array_size(rows), "tokens",
                        rows));
}

/* Ten an hour for each address, and all come from one here; where rates are limited at
 * all. The hour is the platform's, so it shrinks with the pace. */
static bool need_mint_rate(struct call *call)
{
    int64_t left = 0;
    int64_t reset_s = 0;
    if (switch_is(call->org, "rate_limit", "off") ||
        rate_take(call->org, "mint:127.0.0.1", MINTS_PER_HOUR, pace_ms(call->plat, 3600),
                  &left, &reset_s))
        return true;
    rest_rate_refused(call, "rate limit exceeded", reset_s);
    return false;
}

void org_token_create(struct call *call)
{
    static const struct rest_field fields[] = {{"name", 's'}, {"expires_at", 's'}};
    if (!need_mint_rate(call))
        return;
    json_t *body = call_body(call);
    bool empty = !call->req || call->req->body_len == 0;
    const char *expires = json_str(body, "expires_at", "");
    int64_t expires_at = 0;
    if ((!empty && !json_is_object(body)) ||
        !rest_fields_ok(body, fields, ARRAY_SIZE(fields)) ||
        (expires[0] && !rest_parse_time(expires, &expires_at))) {
        call_error(call, 400, "invalid JSON body");
        return;
    }
    const char *name = json_str(body, "name", "");
    if (strlen(name) > 100) {
        call_error(call, 400, "name too long (max 100 chars)");
        return;
    }
    if (!approval_need_org_token(call, name))
        return;
    if (count_org_tokens(call->org) >= ORG_TOKENS_MAX) {
        call_error(call, 429, "org api token mint ceiling exceeded");
        return;
    }
    char text[44];
    struct workspace *anchor =
        call->token ? call->token->ws : ws_platform_root(call->org);
    struct token *t =
        token_mint(call->org, anchor, TOKEN_ORG, name[0] ? name : NULL, text);
    t->expires_at = expires_at;
    str_set(&t->created_by, call->token ? call->token->prefix : "admin-token");
    record(call, "org_token.mint", t);
    json_t *answer = json_make("{s:s,s:s}", "id", t->id, "prefix", t->prefix);
    set_optional(answer, "name", rest_string(t->name));
    set_optional(answer, "expires_at", rest_time(t->expires_at));
    json_object_set_new(answer, "auth_token", json_string(text));
    json_object_set_new(answer, "warning",
                        json_string("Copy this token now; it is shown once and gives "
                                    "full access to the organisation."));
    call_struct(call, 200, answer);
}

void org_token_delete(struct call *call)
{
    struct token *t = call->params[0] ? token_by_id(call->org, call->params[0]) : NULL;
    if (!t || t->kind != TOKEN_ORG || t->revoked) {
        call_error(call, 404, "token not found or already revoked");
        return;
    }
    t->revoked = true;
    record(call, "org_token.revoke", t);
    call_json(call, 200, json_make("{s:s}", "revoked", t->id));
}
