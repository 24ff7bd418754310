/* Where a request comes from, how often its headers come, and those of a modern one
 * against its body. */
#include "mocks/mcp/http_part.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/cleanup.h"
#include "io/json.h"
#include "mcp/header.h"
#include "mcp/meta.h"

struct count {
    const char *name;
    size_t n;
};

static void count_header(const char *name, const char *value, void *arg)
{
    struct count *c = arg;

    (void)value;
    c->n += strcasecmp(name, c->name) == 0;
}

bool http_has_twice(const struct httpd_req *req, const char *name)
{
    struct count c = {.name = name};

    httpd_each_header(req, count_header, &c);
    return c.n > 1;
}

const char *mcp_why_unwelcome(const struct httpd_req *req)
{
    const char *origin = httpd_header(req, "Origin");
    const char *host = httpd_header(req, "Host");

    if (origin && (!mcp_origin_is_local(origin) || http_has_twice(req, "Origin")))
        return "this origin is not allowed";
    if (host && (!mcp_host_is_local(host) || http_has_twice(req, "Host")))
        return "this host is not allowed";
    return NULL;
}

static bool mismatch(struct mcp_refusal *why, const char *header, const char *what)
{
    why->status = 400;
    why->code = MCP_HEADER_MISMATCH;
    (void)snprintf(why->text, sizeof(why->text), "the header %s %s", header, what);
    return false;
}

typedef bool check_fn(const struct httpd_req *req, const struct rpc_frame *f,
                      struct mcp_refusal *why);

struct repeated {
    const struct httpd_req *req;
    const char *name; /* borrowed; NULL = none */
};

static void find_repeated(const char *name, const char *value, void *arg)
{
    struct repeated *r = arg;

    (void)value;
    if (!r->name && strncasecmp(name, "Mcp-", 4) == 0 && http_has_twice(r->req, name))
        r->name = name;
}

static bool has_each_once(const struct httpd_req *req, const struct rpc_frame *f,
                          struct mcp_refusal *why)
{
    struct repeated r = {.req = req};

    (void)f;
    httpd_each_header(req, find_repeated, &r);
    return !r.name || mismatch(why, r.name, "is there more than once");
}

static bool has_version(const struct httpd_req *req, const struct rpc_frame *f,
                        struct mcp_refusal *why)
{
    (void)f;
    return httpd_header(req, "MCP-Protocol-Version") ||
           mismatch(why, "MCP-Protocol-Version", "is missing");
}

/* A header that repeats a string of the body. */
static bool repeats(const struct httpd_req *req, const char *name, const json_t *value,
                    struct mcp_refusal *why)
{
    const char *given = httpd_header(req, name);

    if (!given)
        return mismatch(why, name, "is missing");
    return mcp_header_matches(given, value) ||
           mismatch(why, name, "is not what the body says");
}

static bool has_method(const struct httpd_req *req, const struct rpc_frame *f,
                       struct mcp_refusal *why)
{
    json_t *method CLEANUP(json_drop) = json_str_new(f->method);

    return repeats(req, "Mcp-Method", method, why);
}

static bool has_name(const struct httpd_req *req, const struct rpc_frame *f,
                     struct mcp_refusal *why)
{
    const char *member = mcp_header_name_member(f->method);
    const json_t *name = member ? json_object_get(f->params, member) : NULL;

    if (json_is_string(name))
        return repeats(req, "Mcp-Name", name, why);
    return !member || !httpd_header(req, "Mcp-Name") ||
           mismatch(why, "Mcp-Name", "is not what the body says");
}

/* A notification goes without. */
static bool has_meta(const struct httpd_req *req, const struct rpc_frame *f,
                     struct mcp_refusal *why)
{
    (void)req;
    return f->kind != RPC_REQUEST || mcp_check_meta(f, why);
}

static const json_t *said_version(const struct rpc_frame *f)
{
    return json_object_get(json_object_get(f->params, "_meta"), MCP_META_VERSION);
}

static bool has_same_version(const struct httpd_req *req, const struct rpc_frame *f,
                             struct mcp_refusal *why)
{
    const json_t *said = said_version(f);

    return !said || repeats(req, "MCP-Protocol-Version", said, why);
}

static bool has_known_version(const struct httpd_req *req, const struct rpc_frame *f,
                              struct mcp_refusal *why)
{
    const char *said = json_string_value(said_version(f));

    return mcp_check_version(said ? said : httpd_header(req, "MCP-Protocol-Version"),
                             why);
}

bool http_check_modern(const struct httpd_req *req, const struct rpc_frame *f,
                       struct mcp_refusal *why)
{
    static check_fn *const checks[] = {has_each_once,    has_version, has_method,
                                       has_name,         has_meta,    has_same_version,
                                       has_known_version};

    for (size_t i = 0; i < ARRAY_SIZE(checks); i++)
        if (!checks[i](req, f, why))
            return false;
    return true;
}
