#include <string.h>

#include "io/json.h"
#include "mocks/server/session.h"
#include "mocks/tenant/rest.h"

bool rest_bearer(const struct call *call, char out[BEARER_MAX])
{
    static const char scheme[] = "Bearer ";
    const char *text = call->req ? httpd_header(call->req, "Authorization") : NULL;
    if (!text || strncmp(text, scheme, strlen(scheme)) != 0)
        return false;
    text += strlen(scheme);
    text += strspn(text, " \t");
    size_t len = strlen(text);
    while (len > 0 && (text[len - 1] == ' ' || text[len - 1] == '\t'))
        len--;
    if (len >= BEARER_MAX)
        len = BEARER_MAX - 1;
    memcpy(out, text, len);
    out[len] = '\0';
    return len > 0;
}

void rest_fault(struct call *call, const char *name)
{
    str_set(&call->fault, name);
}

const char *rest_actor(const struct call *call)
{
    const char *auth = call->auth ? call->auth : "";
    if (strcmp(auth, "session") == 0)
        return "admin";
    if (strcmp(auth, "admin") == 0 || strcmp(auth, "org_token") == 0 ||
        strcmp(auth, "workspace") == 0)
        return auth;
    return "system";
}

static bool refuse(struct call *call, const char *text)
{
    call->auth = "refused";
    call_decide(call, "%s", text);
    call_error(call, 401, text);
    return false;
}

/* Whose the bearer is, so that the journal can tell even on open routes. */
static void identify(struct call *call, const char *bearer)
{
    call->token = token_find(call->org, bearer);
    if (call->token)
        call->auth = call->token->kind == TOKEN_ORG ? "org_token" : "workspace";
    else if (token_is_admin(call->org, bearer))
        call->auth = "admin";
}

static bool is_user(const struct call *call)
{
    return strcmp(call->auth, "admin") == 0 || strcmp(call->auth, "org_token") == 0;
}

static bool is_own(const struct call *call, const struct workspace *ws)
{
    return call->token && call->token->kind != TOKEN_ORG && ws && call->token->ws == ws;
}

static bool fault_lets_in(struct call *call)
{
    if (!fault_is(call->org, "auth", "off"))
        return false;
    rest_fault(call, "auth");
    call->auth = "admin";
    return true;
}

/* A platform without an ADMIN_TOKEN takes any live token of a workspace. */
static bool is_fallback(const struct call *call)
{
    return !*call->org->admin_token && strcmp(call->auth, "workspace") == 0;
}

/* A browser of the organisation's owner. */
static bool in_session(struct call *call)
{
    if (session_of_org(call->org, call->req) != SESSION_VALID)
        return false;
    call->auth = "session";
    return true;
}

static bool admin_auth(struct call *call)
{
    char bearer[BEARER_MAX];
    if (in_session(call))
        return true;
    if (!rest_bearer(call, bearer))
        return refuse(call, "admin auth required");
    if (fault_is(call->org, "store", "down")) {
        rest_fault(call, "store");
        call->auth = "refused";
        call_json(call, 503,
                  json_make("{s:s,s:s}", "code", "platform_unavailable", "error",
                            "platform datastore unavailable \xe2\x80\x94 retry "
                            "shortly"));
        return false;
    }
    identify(call, bearer);
    if (is_user(call) || is_fallback(call) || fault_lets_in(call))
        return true;
    audit_line(call->org, NULL, "org_token.validate.failed", "system",
               json_make("{s:s,s:s}", "method", call->req->method, "path",
                         call->route->pattern));
    return refuse(call, "invalid admin auth token");
}

static bool workspace_auth(struct call *call)
{
    char bearer[BEARER_MAX];
    if (!rest_bearer(call, bearer))
        return in_session(call) || refuse(call, "missing workspace auth token");
    identify(call, bearer);
    if (is_user(call) || is_own(call, rest_ws(call)) || fault_lets_in(call))
        return true;
    return refuse(call, "invalid workspace auth token");
}

/* On top of WorkspaceAuth: once the workspace has tokens, nobody else's will do. */
static bool own_auth(struct call *call)
{
    if (!workspace_auth(call))
        return false;
    struct workspace *ws = rest_ws(call);
    if (!ws || token_count(ws) == 0 || is_own(call, ws) || call->fault)
        return true;
    return refuse(call, "invalid workspace auth token");
}

/* Fault auth=closed: what anyone may read of a workspace is closed to nobody in
 * particular. */
static bool is_closed(struct call *call)
{
    if (call->route->auth != ROUTE_OPEN || strcmp(call->route->method, "GET") != 0 ||
        strncmp(call->route->pattern, "/workspaces/", 12) != 0 ||
        !fault_is(call->org, "auth", "closed"))
        return false;
    rest_fault(call, "auth");
    return true;
}

bool rest_need_auth(struct call *call)
{
    char bearer[BEARER_MAX];
    call->auth = "open";
    switch (call->route->auth) {
    case ROUTE_OPEN:
    case ROUTE_SELF:
        if (rest_bearer(call, bearer))
            identify(call, bearer);
        return strcmp(call->auth, "open") != 0 || !is_closed(call) ||
               refuse(call, "missing auth token");
    case ROUTE_ADMIN:
        return admin_auth(call);
    case ROUTE_WORKSPACE:
        return workspace_auth(call);
    case ROUTE_OWN:
        return own_auth(call);
    case ROUTE_CP:
        break;
    }
    return refuse(call, "admin auth required");
}

bool rest_need_registry(struct call *call, struct workspace *ws)
{
    char bearer[BEARER_MAX];
    if (!ws || !token_has_instance(ws) || fault_is(call->org, "auth", "off"))
        return true;
    if (!rest_bearer(call, bearer))
        return refuse(call, "missing workspace auth token");
    if (is_own(call, ws))
        return true;
    return refuse(call, "invalid workspace auth token");
}

bool rest_need_discovery(struct call *call, struct workspace *ws)
{
    char bearer[BEARER_MAX];
    if (!ws || token_count(ws) == 0 || fault_is(call->org, "auth", "off"))
        return true;
    if (!rest_bearer(call, bearer))
        return in_session(call) ||
               refuse(call, session_of_org(call->org, call->req) == SESSION_NONE
                                ? "missing workspace auth token"
                                : "invalid session");
    if (is_user(call) || is_own(call, ws))
        return true;
    return refuse(call, "invalid workspace auth token");
}
