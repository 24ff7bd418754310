#include "mcp/client.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/limits.h"
#include "io/json.h"
#include "mcp/jsonrpc.h"
#include "mcp/transport.h"

#define DEFAULT_TIMEOUT_MS 60000
#define CANCEL_TIMEOUT_MS 1000

struct mcp_client {
    struct mcp_transport *transport; /* owned */
    char *asked;                     /* revision for initialize */
    char *revision;                  /* negotiated, NULL before */
    char *server_name;               /* NULL before initialize */
    int64_t timeout_ms;
    json_int_t last_id;
};

static const char *const revisions[] = {"2024-11-05", "2025-03-26", "2025-06-18",
                                        MCP_LATEST};

void mcp_answer_release(struct mcp_answer *a)
{
    free(TAKE(a->rpc_message));
    json_decref(TAKE(a->result));
    free(TAKE(a->http_body));
    a->outcome = MCP_OK;
    a->http_status = a->rpc_code = 0;
    a->elapsed_ms = 0;
}

static struct mcp_client *client_new(struct mcp_transport *t,
                                     const struct mcp_options *opt)
{
    struct mcp_client *c = xcalloc(1, sizeof(*c));
    c->transport = t;
    c->asked = xstrdup(opt && opt->revision ? opt->revision : MCP_LATEST);
    c->timeout_ms = opt && opt->timeout_ms ? opt->timeout_ms : DEFAULT_TIMEOUT_MS;
    return c;
}

int mcp_open_http(struct http *http, const char *url, const struct mcp_options *opt,
                  struct mcp_client **ret, struct err *err)
{
    struct mcp_transport *t = NULL;
    if (mcp_http_new(http, url, opt, &t, err))
        return -1;
    *ret = client_new(t, opt);
    return 0;
}

int mcp_open_stdio(char *const *argv, const struct strv *env, const char *cwd,
                   const struct mcp_options *opt, struct mcp_client **ret,
                   struct err *err)
{
    struct mcp_transport *t = NULL;
    if (mcp_stdio_new(argv, env, cwd, opt, &t, err))
        return -1;
    *ret = client_new(t, opt);
    return 0;
}

void mcp_close(struct mcp_client *c)
{
    if (!c)
        return;
    c->transport->free(c->transport);
    free(c->asked);
    free(c->revision);
    free(c->server_name);
    free(c);
}

void mcp_drop(struct mcp_client **c)
{
    mcp_close(TAKE(*c));
}

const char *mcp_revision(const struct mcp_client *c)
{
    return c->revision;
}

const char *mcp_server_name(const struct mcp_client *c)
{
    return c->server_name;
}

const char *mcp_session(const struct mcp_client *c)
{
    return c->transport->session;
}

int mcp_junk_lines(const struct mcp_client *c)
{
    return c->transport->junk_lines;
}

/* The shapes of the results that this client knows, one function per method. */

static int bad_shape(struct err *err, const char *method, const char *what)
{
    return err_set(err, ERR_SHAPE, "result of '%s': %s", method, what);
}

static int check_initialize(const json_t *result, struct err *err)
{
    const json_t *info = json_object_get(result, "serverInfo");
    if (!json_str(result, "protocolVersion", NULL))
        return bad_shape(err, "initialize", "'protocolVersion' is not a string");
    if (!json_is_object(json_object_get(result, "capabilities")))
        return bad_shape(err, "initialize", "'capabilities' is not an object");
    if (!json_str(info, "name", NULL) || !json_str(info, "version", NULL))
        return bad_shape(err, "initialize", "'serverInfo' has no name and version");
    return 0;
}

static int check_tools_list(const json_t *result, struct err *err)
{
    const json_t *tools = json_object_get(result, "tools");
    if (!json_is_array(tools))
        return bad_shape(err, "tools/list", "'tools' is not an array");
    const json_t *cursor = json_object_get(result, "nextCursor");
    if (cursor && !json_is_null(cursor) && !json_is_string(cursor))
        return bad_shape(err, "tools/list", "'nextCursor' is not a string");
    for (size_t i = 0; i < json_array_size(tools); i++) {
        const json_t *tool = json_array_get(tools, i);
        if (!json_str(tool, "name", NULL))
            return bad_shape(err, "tools/list", "a tool without a name");
        if (!json_is_object(json_object_get(tool, "inputSchema")))
            return err_set(err, ERR_SHAPE,
                           "result of 'tools/list': tool '%.100s' has no 'inputSchema' "
                           "object",
                           json_str(tool, "name", ""));
    }
    return 0;
}

static int check_tools_call(const json_t *result, struct err *err)
{
    const json_t *content = json_object_get(result, "content");
    if (!json_is_array(content))
        return bad_shape(err, "tools/call", "'content' is not an array");
    const json_t *is_error = json_object_get(result, "isError");
    if (is_error && !json_is_boolean(is_error))
        return bad_shape(err, "tools/call", "'isError' is not a boolean");
    for (size_t i = 0; i < json_array_size(content); i++) {
        const json_t *block = json_array_get(content, i);
        const char *type = json_str(block, "type", NULL);
        if (!type)
            return bad_shape(err, "tools/call", "a content block without a type");
        if (strcmp(type, "text") == 0 && !json_str(block, "text", NULL))
            return bad_shape(err, "tools/call", "a text block without a text");
    }
    return 0;
}

static const struct {
    const char *method;
    int (*check)(const json_t *result, struct err *err);
} shapes[] = {
    {"initialize", check_initialize},
    {"tools/list", check_tools_list},
    {"tools/call", check_tools_call},
};

static int read_result(const char *method, json_t *result, struct mcp_answer *ret,
                       struct err *err)
{
    if (!json_is_object(result))
        return bad_shape(err, method, "not an object");
    for (size_t i = 0; i < ARRAY_SIZE(shapes); i++)
        if (strcmp(shapes[i].method, method) == 0 && shapes[i].check(result, err))
            return -1;
    bool tool_error = strcmp(method, "tools/call") == 0 &&
                      json_is_true(json_object_get(result, "isError"));
    ret->outcome = tool_error ? MCP_TOOL_ERROR : MCP_OK;
    ret->result = json_incref(result);
    return 0;
}

static int read_exchange(const char *method, struct mcp_exchange *x,
                         struct mcp_answer *ret, struct err *err)
{
    ret->http_status = x->http_status;
    if (x->frame.result)
        return read_result(method, x->frame.result, ret, err);
    if (x->frame.error) {
        ret->outcome = MCP_RPC_ERROR;
        ret->rpc_code = x->frame.code;
        ret->rpc_message = xstrdup(json_str(x->frame.error, "message", ""));
        return 0;
    }
    ret->outcome = MCP_HTTP_ERROR;
    ret->http_body = x->body ? TAKE(x->body) : xstrdup("");
    return 0;
}

/* Tells the server that nobody waits any more; initialize must not be cancelled. */
static void cancel(struct mcp_client *c, json_t *id, const char *method)
{
    if (strcmp(method, "initialize") == 0)
        return;
    CLEANUP(json_drop) json_t *params = json_object();
    if (json_object_set(params, "requestId", id) ||
        json_object_set_new(params, "reason", json_string("timed out")))
        return;
    CLEANUP(free_ptr)
    char *text = rpc_text(rpc_notification("notifications/cancelled", params));
    struct err ignored = ERR_INIT;
    int64_t deadline = clock_mono_ms() + CANCEL_TIMEOUT_MS;
    if (c->transport->send(c->transport, text, deadline, &ignored))
        return; /* best effort: the caller already has the timeout */
}

static int request_once(struct mcp_client *c, const char *method, json_t *params,
                        struct mcp_answer *ret, struct err *err)
{
    mcp_answer_release(ret);
    int64_t start = clock_mono_ms();
    CLEANUP(json_drop) json_t *id = xcheck(json_integer(++c->last_id));
    CLEANUP(free_ptr) char *text = rpc_text(rpc_request(id, method, params));
    CLEANUP(mcp_exchange_release) struct mcp_exchange x = MCP_EXCHANGE_INIT;
    struct err failed = ERR_INIT;
    c->transport->handshake = strcmp(method, "initialize") == 0;
    int rc = c->transport->exchange(c->transport, text, id, start + c->timeout_ms, &x,
                                    &failed);
    if (!rc)
        rc = read_exchange(method, &x, ret, &failed);
    ret->elapsed_ms = clock_mono_ms() - start;
    if (!rc)
        return 0;
    if (failed.kind == ERR_TIMEOUT)
        cancel(c, id, method);
    if (err && err->kind == ERR_NONE)
        *err = failed;
    return -1;
}

int mcp_notify(struct mcp_client *c, const char *method, json_t *params, struct err *err)
{
    CLEANUP(free_ptr) char *text = rpc_text(rpc_notification(method, params));
    int64_t deadline = clock_mono_ms() + c->timeout_ms;
    return c->transport->send(c->transport, text, deadline, err);
}

static int accept_revision(struct mcp_client *c, const json_t *result, struct err *err)
{
    const char *version = json_str(result, "protocolVersion", "");
    const json_t *info = json_object_get(result, "serverInfo");
    bool known = false;
    for (size_t i = 0; i < ARRAY_SIZE(revisions); i++)
        known = known || strcmp(revisions[i], version) == 0;
    if (!known)
        return err_set(err, ERR_SHAPE,
                       "server '%.100s' answers protocol revision '%.40s'; known are %s, "
                       "%s, %s and %s",
                       json_str(info, "name", ""), version, revisions[0], revisions[1],
                       revisions[2], revisions[3]);
    free(c->revision);
    c->revision = xstrdup(version);
    free(c->server_name);
    c->server_name = xstrdup(json_str(info, "name", ""));
    c->transport->revision = c->revision;
    return 0;
}

int mcp_initialize(struct mcp_client *c, struct mcp_answer *ret, struct err *err)
{
    c->transport->revision = NULL;
    free(TAKE(c->transport->session));
    CLEANUP(json_drop)
    json_t *params =
        json_make("{s:s,s:{},s:{s:s,s:s}}", "protocolVersion", c->asked, "capabilities",
                  "clientInfo", "name", "waybill", "version", WAYBILL_VERSION);
    if (request_once(c, "initialize", params, ret, err))
        return -1;
    if (ret->outcome != MCP_OK)
        return 0;
    if (accept_revision(c, ret->result, err))
        return -1;
    return mcp_notify(c, "notifications/initialized", NULL, err);
}

/* The server has forgotten the session: a new one, once. True when the request is to be
 * sent again. */
static int reopen(struct mcp_client *c, bool *ret_again, struct err *err)
{
    CLEANUP(mcp_answer_release) struct mcp_answer a = MCP_ANSWER_INIT;
    *ret_again = false;
    if (mcp_initialize(c, &a, err))
        return err_prefix(err, "the session was lost and cannot be opened anew");
    *ret_again = a.outcome == MCP_OK;
    return 0;
}

int mcp_request(struct mcp_client *c, const char *method, json_t *params,
                struct mcp_answer *ret, struct err *err)
{
    bool again = false;
    if (request_once(c, method, params, ret, err))
        return -1;
    bool lost = ret->http_status == 404 && c->transport->session;
    if (!lost || strcmp(method, "initialize") == 0)
        return 0;
    if (reopen(c, &again, err))
        return -1;
    return again ? request_once(c, method, params, ret, err) : 0;
}

int mcp_call_tool(struct mcp_client *c, const char *name, json_t *arguments,
                  struct mcp_answer *ret, struct err *err)
{
    CLEANUP(json_drop) json_t *params = json_make("{s:s}", "name", name);
    if (arguments && json_object_set(params, "arguments", arguments))
        return err_set(err, ERR_BUG, "arguments of tool '%s' cannot be set", name);
    return mcp_request(c, "tools/call", params, ret, err);
}

/* Takes the page's tools over into all. *ret_cursor: borrowed from page, NULL = last. */
static int take_page(const struct mcp_answer *page, json_t *all, struct strv *seen,
                     const char **ret_cursor, struct err *err)
{
    if (json_array_extend(all, json_object_get(page->result, "tools")))
        return err_set(err, ERR_BUG, "a page of tools cannot be kept");
    *ret_cursor = json_str(page->result, "nextCursor", NULL);
    if (!*ret_cursor)
        return 0;
    if (strv_has(seen, *ret_cursor))
        return err_set(err, ERR_SHAPE, "tools/list repeats the cursor '%.100s'",
                       *ret_cursor);
    if (seen->n + 1 >= LIMIT_MCP_PAGES)
        return err_set(err, ERR_SHAPE, "tools/list has more than %d pages",
                       LIMIT_MCP_PAGES);
    strv_add(seen, *ret_cursor);
    return 0;
}

int mcp_list_tools(struct mcp_client *c, struct mcp_answer *ret, struct err *err)
{
    CLEANUP(json_drop) json_t *all = xcheck(json_array());
    CLEANUP(json_drop) json_t *params = NULL; /* none for the first page */
    CLEANUP(strv_release) struct strv seen = STRV_INIT;
    int64_t start = clock_mono_ms();
    for (;;) {
        const char *cursor = NULL;
        if (mcp_request(c, "tools/list", params, ret, err))
            return -1;
        if (ret->outcome != MCP_OK)
            return 0;
        if (take_page(ret, all, &seen, &cursor, err))
            return -1;
        if (!cursor)
            break;
        json_decref(params);
        params = json_make("{s:s}", "cursor", cursor);
    }
    json_decref(ret->result);
    ret->result = json_make("{s:O}", "tools", all);
    ret->elapsed_ms = clock_mono_ms() - start;
    return 0;
}
