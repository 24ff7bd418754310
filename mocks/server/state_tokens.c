#include <string.h>

#include "base/clock.h"
#include "base/ids.h"
#include "mocks/server/state.h"

struct token *token_mint(struct org *org, struct workspace *ws, enum token_kind kind,
                         const char *name, char out[44])
{
    struct token *t = xcalloc(1, sizeof(*t));
    state_touch(org);
    id_token(out);
    id_uuid4(t->id);
    memcpy(t->prefix, out, sizeof(t->prefix) - 1);
    sha256_hex(out, strlen(out), t->hash);
    t->kind = kind;
    t->ws = ws;
    str_set(&t->name, name);
    t->created_at = clock_wall_ms();
    org->tokens = xrealloc(org->tokens, (org->tokens_n + 1) * sizeof(struct token *));
    org->tokens[org->tokens_n++] = t;
    return t;
}

bool token_live(const struct token *t)
{
    if (t->revoked || (t->expires_at && t->expires_at <= clock_wall_ms()))
        return false;
    return t->kind == TOKEN_ORG || (t->ws && !ws_removed(t->ws));
}

struct token *token_find(struct org *org, const char *text)
{
    char hash[65];
    sha256_hex(text, strlen(text), hash);
    for (size_t i = 0; i < org->tokens_n; i++) {
        struct token *t = org->tokens[i];
        if (const_time_equal(t->hash, hash) && token_live(t)) {
            t->last_used_at = clock_wall_ms();
            return t;
        }
    }
    return NULL;
}

struct token *token_by_id(struct org *org, const char *token_id)
{
    for (size_t i = 0; i < org->tokens_n; i++)
        if (strcmp(org->tokens[i]->id, token_id) == 0 && token_live(org->tokens[i]))
            return org->tokens[i];
    return NULL;
}

static bool token_of(const struct token *t, const struct workspace *ws)
{
    return t->kind != TOKEN_ORG && t->ws == ws && token_live(t);
}

size_t token_count(const struct workspace *ws)
{
    size_t n = 0;
    for (size_t i = 0; i < ws->org->tokens_n; i++)
        n += token_of(ws->org->tokens[i], ws);
    return n;
}

bool token_has_instance(const struct workspace *ws)
{
    for (size_t i = 0; i < ws->org->tokens_n; i++) {
        const struct token *t = ws->org->tokens[i];
        if (t->kind == TOKEN_INSTANCE && token_of(t, ws))
            return true;
    }
    return false;
}

void token_revoke_all(struct workspace *ws, int kind)
{
    state_touch(ws->org);
    for (size_t i = 0; i < ws->org->tokens_n; i++) {
        struct token *t = ws->org->tokens[i];
        if (t->kind != TOKEN_ORG && t->ws == ws && (kind < 0 || kind == (int)t->kind))
            t->revoked = true;
    }
}

bool token_is_admin(const struct org *org, const char *text)
{
    return const_time_equal(org->admin_token, text);
}
