/*
 * The routing table of the mock and the life of one call: from the request to the answer
 * and its entry in the journal.
 *
 * A call is begun for every request before it is dispatched; it is answered exactly once,
 * now or later, by one of the call_* answers below, which record it in the journal and
 * free it. When the peer leaves first, the answer is dropped and only the journal sees
 * it, so a handler that answers later needs no care.
 */
#ifndef SERVER_ROUTER_H
#define SERVER_ROUTER_H

#include "io/httpd.h"
#include "mocks/server/state.h"
#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

enum route_auth {
    ROUTE_OPEN,      /* none */
    ROUTE_ADMIN,     /* AdminAuth */
    ROUTE_WORKSPACE, /* WorkspaceAuth of the first parameter */
    ROUTE_OWN,       /* the workspace's own token when it has live ones */
    ROUTE_SELF,      /* the handler decides (registry, discovery) */
    ROUTE_CP,        /* the control plane's admin token */
};

struct call;
typedef void route_fn(struct call *call);

struct route {
    const char *method; /* "GET"; HEAD is answered by GET rows */
    const char
        *pattern; /* "/workspaces/:id/files/" "*path" may end it (no leading '/') */
    enum route_auth auth;
    route_fn *fn;      /* NULL: the contract leaves its shape open; answers 501 */
    const char *group; /* its section of mocks/contracts/routes.json; literal */
};

/* The rows that one handler serves. */
struct route_table {
    const char *plane; /* "tenant", "control-plane", "forge", "mock" */
    const struct route *rows;
    size_t n;
};
extern const struct route_table tenant_routes, cp_routes, cp_stub_routes, forge_routes,
    mock_routes;

/* Every table of the platform; NULL ends it (mocks/server/route_tables.c). */
extern const struct route_table *const route_tables[];
/* Counts a request of the route; one of no table is not counted. */
void route_hit(struct platform *p, const struct route *route);
/* {"routes":[{plane,group,method,path,auth,built,hits}]}, in the tables' order; hits of
 * p, NULL = none. Caller owns. */
json_t *route_list(const struct platform *p);
/* "admin", "workspace" ...: the auth of routes.json. */
const char *route_auth_name(enum route_auth auth);

enum { ROUTE_PARAMS_MAX = 4 };

struct call {
    struct httpd_req *req; /* NULL once the peer has left; use call_* to answer */
    struct platform *plat;
    struct org *org;                /* NULL on the control plane */
    const struct route *route;      /* NULL: none matched */
    char *params[ROUTE_PARAMS_MAX]; /* owned, decoded, in the pattern's order */
    const char *auth;               /* for the journal: "admin", "org_token", "workspace",
                                     * "open", "none", "refused"; literal */
    struct token *token;            /* that the bearer is; NULL = none or ADMIN_TOKEN */
    char caller[48];                /* "box:<ws>", "harness", "platform", "?"; from the
                                     * User-Agent (waybill-box/<ws>, waybill/,
                                     * waybill-mock/), else "" until the token tells */
    char *fault;    /* name of the fault that answered; owned, NULL = none */
    char *decision; /* why, in short words; owned, NULL = none */
    json_t *body;   /* parsed by call_body; owned */
};

/* Begins a call and sets req->user to it. org may be NULL, and set later. Never NULL. */
struct call *call_begin(struct httpd_req *req, struct platform *p, struct org *org);

/* Answers a call that has begun as the control plane does (mocks/control_plane/cp.c). */
void cp_run(struct call *call);

/* The row that fits method and path, with params filled; NULL = none. Of several the most
 * specific: literal text before ":name" before "*rest", whatever the order of the rows.
 * "*rest" may be empty. */
const struct route *route_find(const struct route *rows, size_t n, struct call *call);
/* Decides the call that fits no row: "no route: nearest is POST /x (method differs)".
 * path: as sent. route_find does this. */
void route_explain_miss(const struct route *rows, size_t n, const char *method,
                        const char *path, struct call *call);
/* "/workspaces/:id" fits "/workspaces/x", for faults and tests. */
bool route_pattern_fits(const char *pattern, const char *path);
/* The handler of call->route, or 501 when it has none. */
void route_run(struct call *call);

/* The generic fault answer="METHOD PATTERN[#N[-M]] STATUS[ BODY]": true when it answered
 * (the call is gone). Asked once for each call, after org and route are known, before
 * auth. Requests are counted for each organisation by itself. */
bool call_fault_answer(struct call *call);

/* The request's body as JSON, borrowed; NULL when it is not JSON (empty counts so). */
json_t *call_body(struct call *call);
void call_decide(struct call *call, const char *fmt, ...) PRINTF_LIKE(2, 3);

/* The fault leak=org-token: puts the organisation's admin token into a JSON answer, as
 * the member "debug" of the object or of the first object of the list. */
void call_fault_leak(const struct org *org, json_t *body);

/* Answers; each ends the call. body: taken. */
void call_json(struct call *call, int status, json_t *body);      /* keys sorted (map) */
void call_struct(struct call *call, int status, json_t *body);    /* insertion order */
void call_error(struct call *call, int status, const char *text); /* {"error":text} */
void call_text(struct call *call, int status, const char *text);
void call_bytes(struct call *call, int status, const char *type, const void *body,
                size_t len);
/* A file of len bytes (httpd_reply_file); fd: borrowed. */
void call_file(struct call *call, int status, const char *type, int fd, size_t len);
void call_empty(struct call *call, int status);
/* Never answers: the call ends when its peer leaves. */
void call_hang(struct call *call);
/* An answer in pieces (io/httpd.h); NULL when the peer has left. */
struct httpd_stream *call_stream(struct call *call, int status, const char *type,
                                 void (*gone)(void *arg), void *arg);
/* A WebSocket (io/websocket.h) for a request that is a handshake; NULL likewise. */
struct websocket *call_websocket(struct call *call, int64_t ping_ms,
                                 void (*gone)(void *arg), void *arg);

#endif
