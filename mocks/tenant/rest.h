/*
 * What the handlers of the tenant's API share: authentication, the org guard, short ways
 * to read a request and to say a value as the platform says it.
 * Source: the groups "guard" and "auth" of mocks/contracts/routes.json.
 *
 * A handler answers its call exactly once (mocks/server/router.h). Functions that are
 * named rest_need_* answer the call themselves when they return false or NULL, and the
 * handler must then return at once.
 */
#ifndef TENANT_REST_H
#define TENANT_REST_H

#include "mocks/server/router.h"
#include "mocks/server/state.h"
#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* ---- middleware (guard.c) ---- */

/* The headers of a browser's cross-origin request; true = a preflight, answered. */
bool rest_cors(struct call *call);
/* False: 429 was answered. Does nothing while the switch rate_limit is off. */
bool rest_need_rate(struct call *call);
/* False: the request belongs to no or another organisation and was answered. */
bool rest_need_org(struct call *call);
void rest_security_headers(struct call *call);
/* True: a path of the control plane, answered by it or refused (cp_proxy.c). */
bool rest_pass_to_cp(struct call *call);
/* Takes one of `limit` requests of `key` in the current window of window_ms. False when
 * none is left. *ret_left, *ret_reset_s (seconds until the window ends) are always set.
 */
bool rate_take(struct org *org, const char *key, int64_t limit, int64_t window_ms,
               int64_t *ret_left, int64_t *ret_reset_s);

/* 429 with Retry-After, ends the call. */
void rest_rate_refused(struct call *call, const char *text, int64_t reset_s);

/* ---- authentication (auth.c) ---- */

enum { BEARER_MAX = 256 };
/* The bearer of the request, trimmed; false = none. One too long to be a token of ours
 * is cut, and so is never accepted. */
bool rest_bearer(const struct call *call, char out[BEARER_MAX]);
/* Checks the route's rule; false = answered. Fills call->auth and call->token. */
bool rest_need_auth(struct call *call);
/* The registry's rule for ws (NULL = unknown id: no bearer is needed). */
bool rest_need_registry(struct call *call, struct workspace *ws);
/* The discovery rule for the caller `ws` (NULL = unknown id: allowed). */
bool rest_need_discovery(struct call *call, struct workspace *ws);
/* Who acts, for audit rows: "admin", "org_token", "workspace" or "system". */
const char *rest_actor(const struct call *call);
/* Notes in the journal that this fault shaped the answer. */
void rest_fault(struct call *call, const char *name);

/* ---- requests (rest.c) ---- */

/* The workspace of the first parameter, removed ones too; NULL = none. */
struct workspace *rest_ws(struct call *call);
/* The same, not removed; else 404 `workspace not found`. */
struct workspace *rest_need_ws(struct call *call);
/* The same with removed ones. */
struct workspace *rest_need_row(struct call *call);
/* First parameter is a UUID, else 400 with this text. */
bool rest_need_uuid(struct call *call, const char *text);
/* The two together: a UUID first, then a live workspace. */
struct workspace *rest_need_ws_uuid(struct call *call, const char *text);
/* The body as an object, else 400 with this text. Borrowed. */
json_t *rest_need_body(struct call *call, const char *text);
/* A text of the body that is not empty, else 400 with this text. Borrowed. */
const char *rest_need_text(struct call *call, const char *key, const char *text);
/* "1" and "true" are true. */
bool rest_query_bool(struct call *call, const char *name);
/* A query parameter or NULL; also NULL when the peer has left. */
const char *rest_query(struct call *call, const char *name);
/* A positive number of rows to answer, cut to max; what is not one is the fallback. */
int64_t rest_query_limit(struct call *call, int64_t max, int64_t fallback);

/* One field of a body: type 's' string, 'i' integer, 'n' number, 'b' bool, 'o' object,
 * 'a' array. null and absence are always good. */
struct rest_field {
    const char *name;
    char type;
};
bool rest_fields_ok(const json_t *body, const struct rest_field *fields, size_t n);
/* A text of a body; NULL when it is absent, empty or none. Borrowed. */
const char *rest_given(const json_t *body, const char *key);

/* ---- values: owned by the caller ---- */

json_t *rest_time(int64_t wall_ms); /* RFC 3339, null for 0 */
json_t *rest_number(double value);  /* whole numbers without a fraction, as Go has it */
json_t *rest_string(const char *s); /* null for NULL; invalid UTF-8 becomes U+FFFD */
json_t *rest_text(const char *s, size_t len);

/* Members of an object field of ws->rest or org->rest, made when missing; borrowed. */
json_t *rest_array(json_t *store, const char *name);
json_t *rest_object(json_t *store, const char *name);
/* Index of the row whose "id" is this, -1 = none. */
int rest_row_index(const json_t *rows, const char *id);

/* ---- the tree of workspaces (rest.c) ---- */

bool ws_live(const struct workspace *ws); /* neither removed nor purged */
struct workspace *ws_parent(const struct workspace *ws);
/* Whether `below` has ws somewhere above it. */
bool ws_is_above(const struct workspace *ws, const struct workspace *below);
size_t ws_count_children(const struct workspace *ws);    /* live ones */
size_t ws_count_descendants(const struct workspace *ws); /* live ones */
/* [{"id","name"}] of live children or descendants; owned by the caller. */
json_t *ws_list_children(const struct workspace *ws);
json_t *ws_list_descendants(const struct workspace *ws);

/* A URL an agent may be reached at; false = reason filled. Names are not looked up. The
 * boxes of a tenant of the control plane live at private addresses, those of a
 * self-hosted one do not. */
bool rest_url_ok(const struct org *org, const char *url, char reason[200]);

#endif
