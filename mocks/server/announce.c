#include "mocks/server/announce.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/limits.h"
#include "io/json.h"

static bool org_ready(struct org *org)
{
    if (strcmp(org->instance_status, "failed") == 0)
        return true;
    const struct workspace *root = ws_platform_root(org);
    if (!root) /* a fixed tenant without one; others get theirs as they begin to run */
        return strcmp(org->instance_status, "running") == 0;
    return strcmp(root->status, "offline") != 0 &&
           strcmp(root->status, "provisioning") != 0;
}

bool announce_ready(const struct platform *p)
{
    for (size_t i = 0; i < p->orgs_n; i++)
        if (!org_ready(p->orgs[i]))
            return false;
    return true;
}

/* Where a client that has its own idea of names finds the tenant; caller frees. */
static char *https_url_of(const struct org *org)
{
    const struct platform *p = org->plat;
    if (p->self_hosted)
        return xasprintf("https://localhost:%d", p->https_port);
    return org->alias_host
               ? xasprintf("https://%s:%d", org->alias_host, p->https_port)
               : xasprintf("https://%s.%s:%d", org->slug,
                           p->tenant_domain ? p->tenant_domain : "cp.localhost",
                           p->https_port);
}

static char *cp_https_url(const struct platform *p)
{
    return xasprintf("https://%s:%d", p->domain ? p->domain : "cp.localhost",
                     p->https_port);
}

static json_t *orgs_json(const struct platform *p)
{
    json_t *orgs = json_array();
    for (size_t i = 0; i < p->orgs_n; i++) {
        struct org *org = p->orgs[i];
        const struct workspace *root = ws_platform_root(org);
        CLEANUP(free_ptr) char *https_url = https_url_of(org);
        json_t *row = json_make(
            "{s:s, s:s, s:s, s:s, s:s, s:s?, s:{s:s?}}", "slug", org->slug, "id", org->id,
            "url", org->url, "https_url", https_url, "admin_token", org->admin_token,
            "host", org->alias_host, "concierge", "id", root ? root->id : NULL);
        (void)json_array_append_new(orgs, row);
    }
    return orgs;
}

static void add_people_text(const struct platform *p, struct buf *out)
{
    CLEANUP(free_ptr) char *cp_https = cp_https_url(p);
    if (!p->self_hosted) {
        buf_addf(out, "control plane  %s\n", p->cp_url);
        buf_addf(out, "               %s\n", cp_https);
        buf_addf(out, "admin token    %s\n", p->cp_token);
        buf_addf(out, "tenants        http://SLUG.cp.localhost:%d\n", p->port);
        buf_addf(out, "               https://SLUG.%s:%d\n",
                 p->tenant_domain ? p->tenant_domain : "cp.localhost", p->https_port);
    }
    buf_addf(out, "CA file        %s\n", p->ca_file);
    buf_addf(out, "forge          %s\n", p->forge_url);
    buf_addf(out, "mock itself    %s/_mock/info\n", p->mock_url);
    buf_addf(out, "contract       %s, pace %g\n", p->contract, p->pace);
    buf_addf(out, "directory      %s\n", p->dir);
    for (size_t i = 0; i < p->orgs_n; i++) {
        struct org *org = p->orgs[i];
        const struct workspace *root = ws_platform_root(org);
        CLEANUP(free_ptr) char *https_url = https_url_of(org);
        buf_addf(out, "organisation   %s\n", org->slug);
        buf_addf(out, "  address      %s\n               %s\n", org->url, https_url);
        buf_addf(out, "  id           %s\n", org->id);
        buf_addf(out, "  admin token  %s\n",
                 *org->admin_token ? org->admin_token : "(none)");
        if (root)
            buf_addf(out, "  concierge    %s  %s\n", root->id, root->status);
    }
}

static int write_env_file(const struct platform *p, const char *path, struct err *err)
{
    CLEANUP(buf_release) struct buf text = BUF_INIT(LIMIT_SCENARIO_FILE);
    buf_addf(&text, "export MOLECULE_CP_URL='%s'\n", p->cp_url);
    buf_addf(&text, "export MOLECULE_TENANT_DOMAIN='cp.localhost:%d'\n", p->port);
    buf_addf(&text, "export CP_ADMIN_API_TOKEN='%s'\n", p->cp_token);
    CLEANUP(free_ptr) char *cp_https = cp_https_url(p);
    buf_addf(&text, "export MOLECULE_CP_SHARED_SECRET='%s'\n", p->shared_secret);
    buf_addf(&text, "export WAYBILL_CP_HTTPS_URL='%s'\n", cp_https);
    buf_addf(&text, "export WAYBILL_CA_FILE='%s'\n", p->ca_file);
    buf_addf(&text, "export WAYBILL_CP_TOKEN='%s'\n", p->cp_token);
    buf_addf(&text, "export WAYBILL_MOCK_URL='%s'\n", p->mock_url);
    if (p->orgs_n) {
        struct org *org = p->orgs[0];
        const struct workspace *root = ws_platform_root(org);
        buf_addf(&text, "export MOLECULE_API_URL='%s'\n", org->url);
        buf_addf(&text, "export MOLECULE_ORG_ID='%s'\n", org->id);
        buf_addf(&text, "export MOLECULE_ORG_SLUG='%s'\n", org->slug);
        buf_addf(&text, "export MOLECULE_ORG_API_KEY='%s'\n", org->admin_token);
        if (root)
            buf_addf(&text, "export MOLECULE_CONCIERGE_ID='%s'\n", root->id);
    }
    return fs_write_output(path, text.data, text.len, 0600, err);
}

int announce(const struct platform *p, const struct platform_options *options,
             struct err *err)
{
    if (options->env_file && write_env_file(p, options->env_file, err) < 0)
        return -1;
    CLEANUP(buf_release) struct buf text = BUF_INIT(MIB(1));
    if (options->json) {
        CLEANUP(free_ptr) char *domain = xasprintf("cp.localhost:%d", p->port);
        CLEANUP(free_ptr) char *cp_https = cp_https_url(p);
        CLEANUP(json_drop)
        json_t *line = json_make(
            "{s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:f, s:i, s:s, s:o}", "cp_url",
            p->cp_url, "tenant_domain", domain, "cp_https_url", cp_https, "ca_file",
            p->ca_file, "forge_url", p->forge_url, "mock_url", p->mock_url,
            "cp_admin_token", p->cp_token, "cp_shared_secret", p->shared_secret,
            "contract", p->contract, "pace", p->pace, "pid", (int)getpid(), "dir", p->dir,
            "orgs", orgs_json(p));
        json_render(line, JSON_STRUCT, &text);
        buf_addc(&text, '\n');
    } else {
        add_people_text(p, &text);
    }
    if (fwrite(text.data, 1, text.len, stdout) != text.len || fflush(stdout) != 0)
        return err_sys(err, errno, "cannot write to stdout");
    return 0;
}
