#include "mocks/server/dispatch.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "mocks/server/router.h"

enum { HOST_MAX = 256 + 6 }; /* a name and its port */

/* Compares without the port. */
static bool host_is(const char *host, const char *name)
{
    size_t len = strlen(name);
    return strncasecmp(host, name, len) == 0 && (host[len] == '\0' || host[len] == ':');
}

static bool is_loopback(const char *host)
{
    return host_is(host, "127.0.0.1") || host_is(host, "localhost");
}

static bool is_control_plane(const struct platform *p, const char *host)
{
    return host_is(host, "cp.localhost") || (p->domain && host_is(host, p->domain));
}

static bool is_forge(const char *host)
{
    return host_is(host, "git.cp.localhost");
}

static bool begins(const char *path, const char *prefix)
{
    return strncmp(path, prefix, strlen(prefix)) == 0;
}

char *dispatch_tenant_domain(const char *cp_host)
{
    static const char *const rules[][2] = {{"api.", ""}, {"staging-api.", "staging."}};
    for (size_t i = 0; i < ARRAY_SIZE(rules); i++)
        if (begins(cp_host, rules[i][0]))
            return xasprintf("%s%s", rules[i][1], cp_host + strlen(rules[i][0]));
    return xstrdup(cp_host);
}

void dispatch_names(const struct platform *p, struct strv *ret)
{
    static const char *const own[] = {"cp.localhost", "*.cp.localhost",
                                      "git.cp.localhost", "localhost", "127.0.0.1"};
    for (size_t i = 0; i < ARRAY_SIZE(own); i++)
        strv_add(ret, own[i]);
    if (p->domain) {
        strv_add(ret, p->domain);
        strv_add(ret, p->tenant_domain);
        strv_addf(ret, "*.%s", p->tenant_domain);
    }
    for (size_t i = 0; i < p->orgs_n; i++)
        if (p->orgs[i]->alias_host)
            strv_add(ret, p->orgs[i]->alias_host);
}

/* The tenant that a client means whose host is not a tenant's; NULL = none. */
static struct org *org_by_header(struct platform *p, const struct httpd_req *req)
{
    const char *id = httpd_header(req, "X-Molecule-Org-Id");
    const char *slug = httpd_header(req, "X-Molecule-Org-Slug");
    struct org *org = id ? org_by_id(p, id) : slug ? org_by_slug(p, slug) : NULL;
    return org && strcmp(org->status, "purged") != 0 ? org : NULL;
}

static void no_such_host(struct httpd_req *req, struct platform *p)
{
    struct call *call = call_begin(req, p, NULL);
    call->auth = "none";
    call_decide(call, "no tenant of this host name");
    call_text(call, 404, "404 page not found");
}

/* The host that the client asked for, as a proxy in front reports it. */
static const char *host_asked(struct platform *p, const struct httpd_req *req,
                              char room[HOST_MAX])
{
    const char *host = httpd_header(req, "Host");
    const char *forwarded = httpd_header(req, "X-Forwarded-Host");
    if (forwarded) {
        (void)snprintf(room, HOST_MAX, "%.*s", (int)strcspn(forwarded, ", "), forwarded);
        if (is_control_plane(p, room) || org_by_host(p, room))
            return room;
    }
    return host ? host : "";
}

static void self_hosted(struct httpd_req *req, struct platform *p, const char *host)
{
    if (is_forge(host) || begins(req->path, "/api/v1/repos/"))
        forge_handle(req, p);
    else if (begins(req->path, "/_mock/"))
        mock_handle(req, p);
    else if (p->orgs_n)
        tenant_handle(req, p->orgs[0]);
    else
        no_such_host(req, p);
}

/* Where a request goes that names no tenant by its host. */
static void by_path(struct httpd_req *req, struct platform *p, const char *host)
{
    bool loopback = is_loopback(host);
    bool ours = loopback || is_control_plane(p, host);
    struct org *org = org_by_header(p, req);
    if (ours && begins(req->path, "/_mock/"))
        mock_handle(req, p);
    else if (loopback && begins(req->path, "/api/v1/repos/"))
        forge_handle(req, p);
    else if (ours && (!org || begins(req->path, "/cp/") || begins(req->path, "/api/v1/")))
        cp_handle(req, p);
    else if (org)
        tenant_handle(req, org);
    else
        no_such_host(req, p);
}

void dispatch(struct httpd_req *req, void *arg)
{
    struct platform *p = arg;
    char room[HOST_MAX];
    const char *host = host_asked(p, req, room);
    if (p->self_hosted) {
        self_hosted(req, p, host);
        return;
    }
    struct org *org = org_by_host(p, host);
    if (is_forge(host))
        forge_handle(req, p);
    else if (org)
        tenant_handle(req, org);
    else
        by_path(req, p, host);
}
