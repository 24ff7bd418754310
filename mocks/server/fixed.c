#include "mocks/server/fixed.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "base/ids.h"
#include "mocks/server/state_new.h"

static const char self_hosted_slug[] = "self-hosted";

enum { SLUG, HOST, ORG_ID, TOKEN, FIELDS };

static bool host_ok(const char *host)
{
    size_t len = strlen(host);
    return len > 0 && len <= 253 && isalnum((unsigned char)*host) &&
           strspn(host, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-."
                        "_") == len;
}

static int check_host(const char *option, const char *host, struct err *err)
{
    if (host_ok(host))
        return 0;
    return err_set(err, ERR_USAGE,
                   "--%s: '%s' is no host name; give it without scheme and port", option,
                   host);
}

static bool id_ok(const char *id)
{
    size_t len = strlen(id);
    return len > 0 && len < sizeof(((struct org *)NULL)->id) &&
           strpbrk(id, " \t") == NULL;
}

static int check_fields(const char *text, const struct strv *fields, struct err *err)
{
    if (fields->n != FIELDS || strstr(text, ",,"))
        return err_set(err, ERR_USAGE,
                       "--tenant wants SLUG,HOST,ORG_ID,ADMIN_TOKEN, got '%s'", text);
    if (!org_slug_valid(fields->v[SLUG]))
        return err_set(err, ERR_USAGE,
                       "--tenant: '%s' is no slug: 3 to 32 of a-z, 0-9 and '-', a letter "
                       "first",
                       fields->v[SLUG]);
    if (check_host("tenant", fields->v[HOST], err) < 0)
        return -1;
    if (!id_ok(fields->v[ORG_ID]))
        return err_set(err, ERR_USAGE,
                       "--tenant: '%s' is no organisation id: 1 to 36 characters",
                       fields->v[ORG_ID]);
    return 0;
}

static int check_twice(const struct strv *a, const struct strv *b, struct err *err)
{
    static const char *const names[] = {"slug", "host", "organisation id"};
    for (size_t i = 0; i < ARRAY_SIZE(names); i++)
        if (strcasecmp(a->v[i], b->v[i]) == 0)
            return err_set(err, ERR_USAGE, "--tenant: the %s '%s' is given twice",
                           names[i], a->v[i]);
    return 0;
}

static int check_one(const struct platform_options *o, size_t at, struct err *err)
{
    const struct strv *all = &o->tenants;
    CLEANUP(strv_release) struct strv fields = STRV_INIT;
    strv_split(&fields, all->v[at], ',');
    if (check_fields(all->v[at], &fields, err) < 0)
        return -1;
    if (strv_has(&o->orgs, fields.v[SLUG]))
        return err_set(err, ERR_USAGE, "organisation '%s' is named by --org and --tenant",
                       fields.v[SLUG]);
    for (size_t i = 0; i < at; i++) {
        CLEANUP(strv_release) struct strv other = STRV_INIT;
        strv_split(&other, all->v[i], ',');
        if (check_twice(&other, &fields, err) < 0)
            return -1;
    }
    return 0;
}

int fixed_check(const struct platform_options *o, struct err *err)
{
    if (o->self_hosted && (o->tenants.n || o->orgs.n || o->domain || o->cp_stub))
        return err_set(err, ERR_USAGE,
                       "--self-hosted is one tenant: it goes without --org, --tenant, "
                       "--domain and --cp-stub");
    if (o->admin_token && !o->self_hosted)
        return err_set(err, ERR_USAGE, "--admin-token wants --self-hosted");
    if (o->concierge && !o->self_hosted && !o->tenants.n)
        return err_set(err, ERR_USAGE, "--concierge wants --self-hosted or --tenant");
    if (o->domain && check_host("domain", o->domain, err) < 0)
        return -1;
    for (size_t i = 0; i < o->tenants.n; i++)
        if (check_one(o, i, err) < 0)
            return -1;
    return 0;
}

/* The row, found again when its state was kept. */
static struct org *running_row(struct platform *p, const char *slug, const char *name)
{
    struct org *org = org_by_slug(p, slug);
    if (!org)
        org = org_row_add(p, slug, name, "waybill-mock");
    str_set(&org->instance_status, "running");
    return org;
}

static void add_self_hosted(struct platform *p, const char *admin_token)
{
    struct org *org = running_row(p, self_hosted_slug, "");
    free(org->url);
    free(org->host);
    org->host = xasprintf("localhost:%d", p->port);
    org->url = xasprintf("http://%s", org->host);
    if (admin_token)
        str_set(&org->admin_token, admin_token);
}

void fixed_add(struct platform *p, const struct platform_options *o)
{
    if (o->self_hosted)
        add_self_hosted(p, o->admin_token);
    for (size_t i = 0; i < o->tenants.n; i++) {
        CLEANUP(strv_release) struct strv fields = STRV_INIT;
        strv_split(&fields, o->tenants.v[i], ',');
        struct org *org = running_row(p, fields.v[SLUG], fields.v[SLUG]);
        (void)snprintf(org->id, sizeof(org->id), "%s", fields.v[ORG_ID]);
        str_set(&org->alias_host, fields.v[HOST]);
        str_set(&org->admin_token, fields.v[TOKEN]);
    }
}

static void seed(struct org *org, const char *name)
{
    if (ws_platform_root(org))
        return;
    char id[37];
    id_uuid5_url(name, id);
    (void)provision_restart(ws_install_platform(org, id, NULL), "platform-agent");
}

void fixed_start(struct platform *p, const struct platform_options *o)
{
    if (!o->concierge)
        return;
    if (o->self_hosted)
        seed(org_by_slug(p, self_hosted_slug), "molecule:self-hosted:platform-agent");
    for (size_t i = 0; i < o->tenants.n; i++) {
        CLEANUP(strv_release) struct strv fields = STRV_INIT;
        strv_split(&fields, o->tenants.v[i], ',');
        CLEANUP(free_ptr)
        char *name = xasprintf("molecule:%s:platform-agent", fields.v[ORG_ID]);
        seed(org_by_slug(p, fields.v[SLUG]), name);
    }
}
