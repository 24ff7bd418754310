/* Sessions of the legacy revisions. */
#include "mocks/mcp/http_part.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/ids.h"

enum { SESSIONS_MAX = 512, SESSION_IDLE_MS = 30 * 60 * 1000 };

bool http_session_lives(const struct mcp_http *h, const struct http_session *s)
{
    const struct http_session *at = h->sessions;

    while (at && at != s)
        at = at->next;
    return at;
}

void http_session_end(struct mcp_http *h, struct http_session *s)
{
    struct http_session **at = &h->sessions;

    while (*at && *at != s)
        at = &(*at)->next;
    if (*at)
        *at = s->next;
    h->n_sessions--;
    mcp_server_drop_peer(h->opt.server, &s->peer, "the session has ended");
    http_turns_end(h, s);
    free(s);
}

/* Somebody waits for an answer, or listens. */
static bool is_busy(const struct mcp_http *h, const struct http_session *s)
{
    if (mcp_server_has_calls(h->opt.server, &s->peer))
        return true;
    for (const struct http_turn *t = h->turns; t; t = t->next)
        if (t->session == s && t->stream)
            return true;
    return false;
}

/* Clients seldom end their sessions. */
static void forget_idle(struct mcp_http *h)
{
    int64_t idle_ms = h->opt.session_idle_ms ? h->opt.session_idle_ms : SESSION_IDLE_MS;
    int64_t now = clock_mono_ms();
    struct http_session *next = NULL;

    for (struct http_session *s = h->sessions; s; s = next) {
        next = s->next;
        if (now - s->used_ms > idle_ms && !is_busy(h, s))
            http_session_end(h, s);
    }
}

/* Of those that nobody uses now; false = none. */
static bool forget_oldest(struct mcp_http *h)
{
    struct http_session *oldest = NULL;

    for (struct http_session *s = h->sessions; s; s = s->next)
        if ((!oldest || s->used_ms <= oldest->used_ms) && !is_busy(h, s))
            oldest = s;
    if (oldest)
        http_session_end(h, oldest);
    return oldest;
}

struct http_session *http_session_new(struct mcp_http *h)
{
    forget_idle(h);
    if (h->n_sessions == SESSIONS_MAX && !forget_oldest(h))
        return NULL;
    struct http_session *s = xcalloc(1, sizeof(*s));
    id_hex(s->id, sizeof(s->id) - 1);
    s->used_ms = clock_mono_ms();
    s->next = h->sessions;
    h->sessions = s;
    h->n_sessions++;
    return s;
}

struct http_session *http_session_of(struct mcp_http *h, struct httpd_req *req,
                                     const json_t *frame)
{
    const char *id = httpd_header(req, "Mcp-Session-Id");

    if (!id || http_has_twice(req, "Mcp-Session-Id")) {
        http_refuse_frame(h, req, 400, frame,
                          id ? "more than one Mcp-Session-Id"
                             : "the Mcp-Session-Id header is missing");
        return NULL;
    }
    forget_idle(h);
    for (struct http_session *s = h->sessions; s; s = s->next)
        if (strcmp(s->id, id) == 0) {
            s->used_ms = clock_mono_ms();
            return s;
        }
    http_refuse_frame(h, req, 404, frame, "no such session");
    return NULL;
}
