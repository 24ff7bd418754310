/*
 * A browser's session at the control plane, as a cookie. Who is signed in and how is the
 * product's own affair; here a session says a user and proves that this control plane
 * made it, so it needs no table and outlives a restart.
 * Source: molecule-core workspace-server (1c9f83df), session cookies; what it asks the
 * control plane of them: GET /cp/auth/tenant-member.
 */
#ifndef SERVER_SESSION_H
#define SERVER_SESSION_H

#include "io/httpd.h"
#include "mocks/server/state.h"

enum session { SESSION_NONE, SESSION_INVALID, SESSION_VALID };

enum { SESSION_USER_MAX = 128 };

/* "molecule_session=..." for the header Cookie; caller frees. NULL: no user name that a
 * cookie can hold. */
char *session_cookie(const struct platform *p, const char *user);
/* What the request's cookie is; user: filled when it is valid. */
enum session session_of(const struct platform *p, const struct httpd_req *req,
                        char user[SESSION_USER_MAX]);
/* Whether the session is that of the organisation's owner. */
enum session session_of_org(const struct org *org, const struct httpd_req *req);

#endif
