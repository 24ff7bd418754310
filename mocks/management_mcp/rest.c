#include "mocks/management_mcp/rest.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/fs.h"
#include "base/limits.h"
#include "base/num.h"
#include "io/json.h"
#include "io/loop.h"

#define MAX_RETRY_AFTER_S 60
#define RATE_LIMIT_RETRIES 3

struct rest_call {
    struct rest *rest;
    enum rest_client client;
    const char *tool, *method;    /* borrowed */
    char *base;                   /* owned; NULL = none is configured */
    struct http_request http_req; /* owns its url and body, too */
    char *url, *body;
    int attempt;
    struct http_call *asked;  /* under way */
    struct loop_timer *later; /* the next attempt, or the answer without a request */
    struct rest_answer answer;
    rest_done_fn *done;
    void *arg;
};

void rest_release(struct rest *r)
{
    http_async_free(r->http);
    r->http = NULL;
}

void rest_answer_release(struct rest_answer *a)
{
    json_decref(a->value);
    *a = (struct rest_answer)REST_ANSWER_INIT;
}

const char *env_get(const char *name)
{
    const char *value = getenv(name);
    return value && *value ? value : NULL;
}

const char *env_first(const char *const *names)
{
    for (; *names; names++)
        if (env_get(*names))
            return env_get(*names);
    return NULL;
}

static char *without_slash(const char *base)
{
    size_t n = strlen(base);
    while (n && base[n - 1] == '/')
        n--;
    return xstrndup(base, n);
}

char *rest_tenant_base(void)
{
    static const char *const names[] = {"MOLECULE_API_URL", "MOLECULE_URL",
                                        "PLATFORM_URL", NULL};
    const char *base = env_first(names);
    return without_slash(base ? base : "http://localhost:8080");
}

const char *rest_gitea_base(void)
{
    static const char *const names[] = {"GITEA_API_URL", "GITEA_URL", NULL};
    return env_first(names);
}

json_t *rest_error(const char *error, const char *detail)
{
    return json_make("{s:o,s:o}", "error", json_str_new(error), "detail",
                     json_str_new(detail));
}

static void refuse(struct rest_answer *ret, const char *error, const char *detail)
{
    ret->value = rest_error(error, detail);
}

/* ---- credentials: what each client sends; false = refused without a request ---- */

static bool mgmt_headers(struct strv *headers, struct rest_answer *ret)
{
    const char *key = env_get("MOLECULE_ORG_API_KEY");
    const char *id = env_get("MOLECULE_ORG_ID");
    const char *slug = env_get("MOLECULE_ORG_SLUG");
    if (!key) {
        refuse(ret, "AUTH_ERROR",
               "MOLECULE_ORG_API_KEY is not set. The management tools require an Org API "
               "Key (dashboard \xe2\x86\x92 Org API Keys) presented as a tenant "
               "credential.");
        return false;
    }
    if (!id && !slug) {
        refuse(
            ret, "AUTH_ERROR",
            "MOLECULE_ORG_ID or MOLECULE_ORG_SLUG is required. The tenant host needs a "
            "routing header so the edge / TenantGuard can route and authorize against "
            "the correct org.");
        return false;
    }
    strv_addf(headers, "Authorization: Bearer %s", key);
    if (id)
        strv_addf(headers, "X-Molecule-Org-Id: %s", id);
    if (slug)
        strv_addf(headers, "X-Molecule-Org-Slug: %s", slug);
    return true;
}

static void api_headers(struct strv *headers)
{
    static const char *const keys[] = {"MOLECULE_API_KEY", "MOLECULE_API_TOKEN", NULL};
    static const char *const orgs[] = {"MOLECULE_ORG_ID", "MOLECULE_ORGANIZATION_ID",
                                       "MOLECULE_ORG", NULL};
    if (env_first(keys))
        strv_addf(headers, "Authorization: Bearer %s", env_first(keys));
    if (env_first(orgs))
        strv_addf(headers, "X-Molecule-Org-Id: %s", env_first(orgs));
}

static bool cp_headers(const struct rest_request *req, struct strv *headers,
                       struct rest_answer *ret)
{
    const char *token = env_get("CP_ADMIN_API_TOKEN");
    if (!token) {
        CLEANUP(free_ptr)
        char *detail = xasprintf(
            "'%s' is a control-plane tier tool. The Org API Key cannot reach the "
            "CP. Set CP_ADMIN_API_TOKEN (CP admin bearer) to enable it. This is "
            "gated, not broken.",
            req->tool);
        refuse(ret, "CP_TIER_NOT_CONFIGURED", detail);
        return false;
    }
    strv_addf(headers, "Authorization: Bearer %s", token);
    return true;
}

static bool gitea_headers(struct strv *headers, struct rest_answer *ret)
{
    static const char *const names[] = {"GITEA_ISSUE_TOKEN", "GITEA_TOKEN", NULL};
    const char *token = env_first(names);
    if (!token) {
        refuse(ret, "AUTH_ERROR", "GITEA_ISSUE_TOKEN or GITEA_TOKEN is not set.");
        return false;
    }
    strv_addf(headers, "Authorization: token %s", token);
    return true;
}

/* The token comes with the box's registration, so it is read at each call. */
static void box_headers(struct strv *headers)
{
    const char *root = env_get("WAYBILL_BOX_ROOT");
    const char *id = env_get("WORKSPACE_ID");
    const char *platform = env_get("PLATFORM_URL");
    CLEANUP(buf_release) struct buf token = BUF_INIT(KIB(4));
    if (root) {
        CLEANUP(free_ptr) char *path = fs_join(root, "configs/.auth_token");
        if (fs_read(path, &token, NULL) == 0 && token.len) {
            size_t n = strcspn(token.data, "\r\n");
            strv_addf(headers, "Authorization: Bearer %.*s", (int)n, token.data);
        }
    }
    if (id)
        strv_addf(headers, "X-Workspace-ID: %s", id);
    if (platform)
        strv_addf(headers, "Origin: %s", platform);
}

void rest_say_who(struct strv *headers)
{
    const char *box = env_get("WAYBILL_BOX_ROOT") ? env_get("WORKSPACE_ID") : NULL;
    if (box)
        strv_addf(headers, "User-Agent: waybill-box/%s", box);
    else
        strv_add(headers, "User-Agent: molecule-mcp");
}

static bool add_credentials(const struct rest_request *req, struct strv *headers,
                            struct rest_answer *ret)
{
    rest_say_who(headers);
    switch (req->client) {
    case REST_MGMT:
        return mgmt_headers(headers, ret);
    case REST_CP:
        return cp_headers(req, headers, ret);
    case REST_GITEA:
        return gitea_headers(headers, ret);
    case REST_API:
        api_headers(headers);
        return true;
    case REST_BOX:
        box_headers(headers);
        return true;
    }
    return false;
}

/* NULL = no address. The product's own defaults for the control plane and the forge are
 * hosts on the internet, which a mock must never call: they have to be configured. */
static char *base_of(enum rest_client client)
{
    static const char *const cp[] = {"MOLECULE_CP_URL", "CP_API_URL", NULL};
    const char *base = NULL;
    switch (client) {
    case REST_MGMT:
    case REST_API:
        return rest_tenant_base();
    case REST_CP:
        base = env_first(cp);
        break;
    case REST_GITEA:
        base = rest_gitea_base();
        break;
    case REST_BOX:
        base = env_get("PLATFORM_URL");
        break;
    }
    return base ? without_slash(base) : NULL;
}

/* ---- answers ---- */

static void unreachable(enum rest_client client, const char *base, const char *why,
                        struct rest_answer *ret)
{
    static const char *const forms[] = {
        [REST_MGMT] = "Tenant host unreachable at %s",
        [REST_API] = "Platform unreachable at %s",
        [REST_CP] = "Control plane unreachable at %s",
        [REST_GITEA] = "Gitea unreachable at %s",
        [REST_BOX] = "Platform unreachable at %s",
    };
    CLEANUP(buf_release) struct buf text = BUF_INIT(LIMIT_ERROR_TEXT);
    const char *form = forms[client];
    buf_add(&text, form, strlen(form) - strlen("%s"));
    buf_adds(&text, base ? base : "(no address configured)");
    refuse(ret, text.data, why);
}

/* The name of a refusal: each client has its own idea of which statuses have one. */
static void error_name(const struct rest_call *req, int status, char out[32])
{
    enum rest_client client = req->client;
    const char *name = NULL;
    bool plain = client == REST_API || client == REST_BOX;
    if (!plain && (status == 401 || status == 403))
        name = "AUTH_ERROR";
    else if (client == REST_GITEA && status == 404)
        name = "NOT_FOUND";
    else if (client == REST_GITEA && status == 422)
        name = "VALIDATION_ERROR";
    else if (status == 429 && (!plain || strcmp(req->method, "GET") == 0))
        name = "RATE_LIMITED";
    if (name)
        (void)snprintf(out, 32, "%s", name);
    else
        (void)snprintf(out, 32, "HTTP %d", status);
}

static void read_answer(const struct rest_call *req, const struct http_response *resp,
                        struct rest_answer *ret)
{
    ret->status = resp->status;
    ret->ok = resp->status >= 200 && resp->status <= 299;
    if (!ret->ok) {
        char name[32];
        error_name(req, resp->status, name);
        refuse(ret, name, resp->body.data);
        if (req->client != REST_API && req->client != REST_BOX &&
            json_object_set_new(ret->value, "status", json_integer(resp->status)))
            return; /* out of memory aborts elsewhere; the envelope stands without it */
        return;
    }
    if (json_parse_deep(resp->body.data, resp->body.len, LIMIT_MESSAGE_DEPTH, &ret->value,
                        NULL) == 0)
        return;
    ret->value =
        json_make("{s:o,s:i}", "raw", json_strn_new(resp->body.data, resp->body.len),
                  "status", resp->status);
}

/* ---- calls ---- */

void rest_cancel(struct rest_call *c)
{
    if (!c)
        return;
    http_call_cancel(c->asked);
    loop_timer_cancel(c->later);
    http_request_release(&c->http_req);
    rest_answer_release(&c->answer);
    free(c->base);
    free(c->url);
    free(c->body);
    free(c);
}

/* Tells what came of it; the handle is dead by then. */
static void finish(void *arg)
{
    struct rest_call *c = arg;
    struct rest_answer answer CLEANUP(rest_answer_release) = c->answer;
    rest_done_fn *done = c->done;
    void *done_arg = c->arg;
    c->answer = (struct rest_answer)REST_ANSWER_INIT;
    c->later = NULL;
    rest_cancel(c);
    done(&answer, done_arg);
}

static void on_answer(const struct http_response *resp, const struct err *failed,
                      void *arg);

static void ask(void *arg)
{
    struct rest_call *c = arg;
    c->later = NULL;
    c->asked = http_async_start(c->rest->http, &c->http_req, on_answer, c);
}

/* Only the request tools' client waits out a rate limit, and only for reading. */
static bool wait_for_rate_limit(struct rest_call *c, const struct http_response *resp)
{
    if (c->client != REST_API || resp->status != 429 || strcmp(c->method, "GET") != 0 ||
        c->attempt >= RATE_LIMIT_RETRIES)
        return false;
    int64_t seconds = (int64_t)1 << c->attempt++;
    const char *after = http_response_header(resp, "Retry-After");
    int64_t asked = 0;
    if (after && num_parse(after, 0, MAX_RETRY_AFTER_S, &asked))
        seconds = asked;
    c->later = loop_timer_add(c->rest->loop, seconds * 1000, ask, c);
    return true;
}

static void on_answer(const struct http_response *resp, const struct err *failed,
                      void *arg)
{
    struct rest_call *c = arg;
    c->asked = NULL;
    if (!resp)
        unreachable(c->client, c->base, failed->text, &c->answer);
    else if (wait_for_rate_limit(c, resp))
        return;
    else
        read_answer(c, resp, &c->answer);
    finish(c);
}

static void fill_request(struct rest_call *c, const struct rest_request *req)
{
    c->url = xasprintf("%s%s", c->base, req->path);
    c->body = req->body ? json_text(req->body, JSON_STRUCT) : NULL;
    strv_add(&c->http_req.headers, "Content-Type: application/json");
    if (req->header)
        strv_add(&c->http_req.headers, req->header);
    c->http_req.method = c->method;
    c->http_req.url = c->url;
    c->http_req.body = c->body;
    c->http_req.body_len = c->body ? strlen(c->body) : 0;
}

/* Whether there is anything to send: credentials, an address, and who carries it. */
static bool prepare(struct rest_call *c, const struct rest_request *req)
{
    struct err err = ERR_INIT;
    if (!add_credentials(req, &c->http_req.headers, &c->answer))
        return false;
    c->base = base_of(c->client);
    if (c->base &&
        (c->rest->http || http_async_new(c->rest->loop, &c->rest->http, &err) == 0)) {
        fill_request(c, req);
        return true;
    }
    unreachable(c->client, c->base, err.text, &c->answer);
    return false;
}

struct rest_call *rest_start(struct rest *r, const struct rest_request *req,
                             rest_done_fn *done, void *arg)
{
    struct rest_call *c = xcalloc(1, sizeof(*c));
    c->rest = r;
    c->client = req->client;
    c->tool = req->tool;
    c->method = req->method;
    c->done = done;
    c->arg = arg;
    if (prepare(c, req))
        ask(c);
    else
        c->later = loop_timer_add(r->loop, 0, finish, c);
    return c;
}
