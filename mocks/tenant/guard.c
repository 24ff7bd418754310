#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/ids.h"
#include "io/json.h"
#include "mocks/tenant/rest.h"

static void add_header(struct call *call, const char *name, const char *value)
{
    if (call->req)
        httpd_add_header(call->req, name, value);
}

static const char *header(const struct call *call, const char *name)
{
    return call->req ? httpd_header(call->req, name) : NULL;
}

bool rest_cors(struct call *call)
{
    static const char *const origins[] = {"http://localhost:3000",
                                          "http://localhost:3001"};
    const char *origin = header(call, "Origin");
    bool known = false;
    for (size_t i = 0; origin && i < ARRAY_SIZE(origins); i++)
        known = known || strcmp(origin, origins[i]) == 0;
    if (!known)
        return false;
    add_header(call, "Access-Control-Allow-Origin", origin);
    add_header(call, "Access-Control-Allow-Credentials", "true");
    if (strcmp(call->req->method, "OPTIONS") != 0)
        return false;
    add_header(call, "Access-Control-Allow-Methods", "GET,POST,PUT,PATCH,DELETE,OPTIONS");
    add_header(call, "Access-Control-Allow-Headers",
               "Origin,Content-Type,X-Workspace-ID,X-Molecule-Org-Id,"
               "X-Molecule-Org-Slug,X-Confirm-Name,Authorization");
    call->auth = "open";
    call_empty(call, 204);
    return true;
}

void rest_security_headers(struct call *call)
{
    static const struct httpd_fixed_header headers[] = {
        {"X-Content-Type-Options", "nosniff"},
        {"X-Frame-Options", "DENY"},
        {"Strict-Transport-Security", "max-age=31536000; includeSubDomains"},
        {"Referrer-Policy", "strict-origin-when-cross-origin"},
        {"Permissions-Policy", "camera=(), microphone=(), geolocation=()"},
        {"Content-Security-Policy", "default-src 'self'"},
    };
    if (call->req)
        httpd_set_fixed_headers(call->req, headers, ARRAY_SIZE(headers));
}

bool rate_take(struct org *org, const char *key, int64_t limit, int64_t window_ms,
               int64_t *ret_left, int64_t *ret_reset_s)
{
    json_t *windows = rest_object(org->rest, "rate");
    json_t *window = rest_object(windows, key);
    int64_t now = clock_mono_ms();
    int64_t start = json_int(window, "start", 0);
    int64_t count = json_int(window, "count", 0);
    if (start == 0 || now - start >= window_ms) {
        start = now;
        count = 0;
    }
    count++;
    json_object_set_new(window, "start", json_integer(start));
    json_object_set_new(window, "count", json_integer(count));
    *ret_left = count < limit ? limit - count : 0;
    *ret_reset_s = (start + window_ms - now + 999) / 1000;
    return count <= limit;
}

void rest_rate_refused(struct call *call, const char *text, int64_t reset_s)
{
    char seconds[32];
    snprintf(seconds, sizeof(seconds), "%lld", (long long)reset_s);
    add_header(call, "Retry-After", seconds);
    call_decide(call, "rate limit");
    call_json(call, 429,
              json_make("{s:s,s:I}", "error", text, "retry_after", (json_int_t)reset_s));
}

/* The minute is a real one under every pace: the limit protects the platform's machine,
 * which is as fast in a test as elsewhere. */
bool rest_need_rate(struct call *call)
{
    if (switch_is(call->org, "rate_limit", "off"))
        return true;
    if (switch_is(call->org, "rate_limit", "unlimited")) {
        add_header(call, "X-RateLimit-Limit", "unlimited");
        return true;
    }
    int64_t limit = switch_int(call->org, "rate_limit");
    int64_t left = 0;
    int64_t reset_s = 0;
    char key[65];
    char bearer[BEARER_MAX];
    const char *org_header = header(call, "X-Molecule-Org-Id");
    if (org_header)
        snprintf(key, sizeof(key), "org:%.56s", org_header);
    else if (rest_bearer(call, bearer))
        sha256_hex(bearer, strlen(bearer), key);
    else
        snprintf(key, sizeof(key), "ip:127.0.0.1");
    bool ok = rate_take(call->org, key, limit, 60000, &left, &reset_s);
    char text[32];
    snprintf(text, sizeof(text), "%lld", (long long)limit);
    add_header(call, "X-RateLimit-Limit", text);
    snprintf(text, sizeof(text), "%lld", (long long)left);
    add_header(call, "X-RateLimit-Remaining", text);
    snprintf(text, sizeof(text), "%lld", (long long)reset_s);
    add_header(call, "X-RateLimit-Reset", text);
    if (ok)
        return true;
    rest_rate_refused(call, "rate limit exceeded", reset_s);
    return false;
}

static bool path_is_exempt(const char *path)
{
    static const char *const exempt[] = {"/health", "/buildinfo", "/metrics",
                                         "/registry/register", "/registry/heartbeat"};
    for (size_t i = 0; i < ARRAY_SIZE(exempt); i++)
        if (strcmp(path, exempt[i]) == 0)
            return true;
    return strncmp(path, "/cp/", 4) == 0;
}

static bool replay_names_org(const char *replay, const char *org_id)
{
    char state[48];
    snprintf(state, sizeof(state), "state=%s", org_id);
    return replay && strstr(replay, state) != NULL;
}

/* A page served by this very host. */
static bool is_same_origin(const struct call *call)
{
    const char *host = header(call, "Host");
    const char *origin = header(call, "Origin");
    const char *referer = header(call, "Referer");
    char text[300];
    if (!host || !host[0])
        return false;
    snprintf(text, sizeof(text), "https://%s/", host);
    if (referer && strncmp(referer, text, strlen(text)) == 0)
        return true;
    if (!origin)
        return false;
    snprintf(text, sizeof(text), "https://%s", host);
    if (strcmp(origin, text) == 0)
        return true;
    snprintf(text, sizeof(text), "http://%s", host);
    return strcmp(origin, text) == 0;
}

bool rest_need_org(struct call *call)
{
    const char *id = header(call, "X-Molecule-Org-Id");
    const char *slug = header(call, "X-Molecule-Org-Slug");
    if (call->plat->self_hosted || path_is_exempt(call->req->path) ||
        (id && strcmp(id, call->org->id) == 0) ||
        replay_names_org(header(call, "Fly-Replay-Src"), call->org->id) ||
        is_same_origin(call))
        return true;
    if (fault_mode(call->org, "org-guard")) {
        rest_fault(call, "org-guard");
        return true;
    }
    call->auth = "refused";
    if (id || slug) {
        /* Nothing in the answer may tell that the organisation exists. */
        call_decide(call, "org guard: other organisation");
        call_empty(call, 404);
        return false;
    }
    call_decide(call, "org guard: no routing header");
    call_json(call, 400,
              json_make("{s:s,s:s,s:s,s:s}", "code", "TENANT_ORG_HEADER_REQUIRED",
                        "detail",
                        "SaaS tenant API requests must include X-Molecule-Org-Id "
                        "matching the organization UUID.",
                        "error", "missing tenant routing header", "required_header",
                        "X-Molecule-Org-Id"));
    return false;
}
