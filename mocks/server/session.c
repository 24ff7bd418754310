#include "mocks/server/session.h"

#include <stdio.h>
#include <string.h>

#include "base/ids.h"

static const char cookie_name[] = "molecule_session=";

/* By the control plane's token, which nobody else has. */
static void proof(const struct platform *p, const char *user, char out[65])
{
    CLEANUP(free_ptr) char *text = xasprintf("session:%s:%s", p->cp_token, user);
    sha256_hex(text, strlen(text), out);
}

static bool user_ok(const char *user)
{
    size_t len = strlen(user);
    return len > 0 && len < SESSION_USER_MAX && strcspn(user, " ;,\".\t") == len;
}

char *session_cookie(const struct platform *p, const char *user)
{
    char hash[65];
    if (!user_ok(user))
        return NULL;
    proof(p, user, hash);
    return xasprintf("%s%s.%s", cookie_name, user, hash);
}

enum session session_of(const struct platform *p, const struct httpd_req *req,
                        char user[SESSION_USER_MAX])
{
    const char *cookies = httpd_header(req, "Cookie");
    const char *at = cookies ? strstr(cookies, cookie_name) : NULL;
    if (!at)
        return SESSION_NONE;
    at += strlen(cookie_name);
    CLEANUP(free_ptr) char *value = xstrndup(at, strcspn(at, "; "));
    char *dot = strchr(value, '.');
    char hash[65];
    if (!dot || dot - value >= SESSION_USER_MAX)
        return SESSION_INVALID;
    *dot = '\0';
    proof(p, value, hash);
    if (!const_time_equal(dot + 1, hash))
        return SESSION_INVALID;
    (void)snprintf(user, SESSION_USER_MAX, "%s", value);
    return SESSION_VALID;
}

enum session session_of_org(const struct org *org, const struct httpd_req *req)
{
    char user[SESSION_USER_MAX];
    enum session s = session_of(org->plat, req, user);
    if (s != SESSION_VALID)
        return s;
    return org->owner_user_id && strcmp(org->owner_user_id, user) == 0 ? SESSION_VALID
                                                                       : SESSION_INVALID;
}
