#include "mocks/mcp/tools.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/limits.h"
#include "base/num.h"
#include "io/json.h"
#include "mcp/header.h"
#include "mcp/jsonrpc.h"
#include "mcp/meta.h"
#include "mcp/schema.h"
#include "mocks/mcp/sdk1.h"

struct mcp_tools {
    struct mcp_tools_options opt;
    json_t *views;               /* owned */
    struct mcp_schema **schemas; /* owned, read at a tool's first call */
};

struct mcp_tools *mcp_tools_new(json_t *views, const struct mcp_tools_options *opt)
{
    struct mcp_tools *t = xcalloc(1, sizeof(*t));

    t->opt = *opt;
    if (t->opt.sdk1)
        t->opt.page = 0; /* it knows no cursors */
    t->views = views;
    t->schemas = xcalloc(json_array_size(views) + 1, sizeof(struct mcp_schema *));
    return t;
}

void mcp_tools_free(struct mcp_tools *t)
{
    if (!t)
        return;
    for (size_t i = 0; i < json_array_size(t->views); i++)
        mcp_schema_free(t->schemas[i]);
    free(t->schemas);
    json_decref(t->views);
    free(t);
}

void mcp_tools_text(struct exchange *x, const char *text, bool is_error)
{
    exchange_result(x, rpc_tool_text(text, is_error));
}

static bool is_offered(const struct mcp_tools *t, const struct exchange *x, size_t i)
{
    return !t->opt.offered || t->opt.offered(x, i, t->opt.arg);
}

/* ---- tools/list ---- */

/* Where the page begins; false = the cursor is none of ours. */
static bool read_cursor(const struct mcp_tools *t, const struct exchange *x,
                        size_t *ret_at)
{
    const json_t *cursor = json_object_get(exchange_params(x), "cursor");
    const char *text = json_str(exchange_params(x), "cursor", NULL);
    int64_t at = 0;

    *ret_at = 0;
    if (!cursor || json_is_null(cursor) || t->opt.sdk1)
        return true;
    if (!text || strncmp(text, "from-", 5) != 0 || !t->opt.page ||
        !num_parse(text + 5, 1, (int64_t)json_array_size(t->views) - 1, &at))
        return false;
    *ret_at = (size_t)at;
    return *ret_at % t->opt.page == 0;
}

static void list_tools(const struct mcp_tools *t, struct exchange *x)
{
    size_t at = 0;
    size_t n = json_array_size(t->views);

    if (!read_cursor(t, x, &at)) {
        exchange_error(x, RPC_INVALID_PARAMS, "unknown cursor", NULL);
        return;
    }
    size_t end = t->opt.page && n - at > t->opt.page ? at + t->opt.page : n;
    json_t *rows = xcheck(json_array());
    for (size_t i = at; i < end; i++)
        if (is_offered(t, x, i) && json_array_append(rows, json_array_get(t->views, i)))
            abort(); /* out of memory */
    json_t *result = json_make("{s:o}", "tools", rows);
    if (end < n) {
        char *cursor CLEANUP(free_ptr) = xasprintf("from-%zu", end);
        if (json_object_set_new(result, "nextCursor", json_string(cursor)))
            abort(); /* out of memory */
    }
    exchange_result(x, result);
}

/* ---- tools/call ---- */

bool mcp_tools_check_headers(struct exchange *x, const json_t *schema, const json_t *args)
{
    struct mcp_params params CLEANUP(mcp_params_release) = MCP_PARAMS_INIT;
    struct buf why CLEANUP(buf_release) = BUF_INIT(LIMIT_ERROR_TEXT);

    if (!exchange_has(x, MCP_F_METHOD_HEADERS) || !exchange_over_http(x) ||
        !mcp_params_read(schema, &params, &why))
        return true;
    for (size_t i = 0; i < params.n; i++) {
        const json_t *value = mcp_param_value(&params.v[i], args);
        const char *given = exchange_header(x, params.v[i].header);
        if (!value && !given)
            continue;
        if (value && given && mcp_header_matches(given, value))
            continue;
        char *text CLEANUP(free_ptr) =
            xasprintf("the header %s %s", params.v[i].header,
                      given ? "is not what the arguments say" : "is missing");
        exchange_error(x, MCP_HEADER_MISMATCH, text, NULL);
        return false;
    }
    return true;
}

static size_t find_tool(const struct mcp_tools *t, const struct exchange *x,
                        const char *name)
{
    size_t n = json_array_size(t->views);

    for (size_t i = 0; i < n; i++)
        if (strcmp(json_str(json_array_get(t->views, i), "name", ""), name) == 0 &&
            is_offered(t, x, i))
            return i;
    return n;
}

static void unknown_tool(const struct mcp_tools *t, struct exchange *x, const char *name)
{
    char *text CLEANUP(free_ptr) =
        xasprintf(t->opt.sdk1 ? "Tool %s not found" : "Unknown tool: %s", name);

    if (t->opt.sdk1)
        sdk1_error(x, text);
    else
        exchange_error(x, RPC_INVALID_PARAMS, text, NULL);
}

static void bad_arguments(const struct mcp_tools *t, struct exchange *x, const char *name,
                          const json_t *issues)
{
    if (t->opt.sdk1) {
        sdk1_bad_arguments(x, name, issues);
        return;
    }
    char *list CLEANUP(free_ptr) = mcp_schema_issues_text(issues);
    char *text CLEANUP(free_ptr) =
        xasprintf("Invalid arguments for tool %s: %s", name, list);
    if (exchange_has(x, MCP_F_ARGUMENTS_AS_RESULT))
        mcp_tools_text(x, text, true);
    else
        exchange_error(x, RPC_INVALID_PARAMS, text, NULL);
}

/* False, with the exchange answered, when the arguments are not what the tool takes. */
static bool check_arguments(struct mcp_tools *t, struct exchange *x, size_t i,
                            json_t *args)
{
    const json_t *view = json_array_get(t->views, i);
    json_t *schema = json_object_get(view, "inputSchema");
    json_t *issues CLEANUP(json_drop) = xcheck(json_array());
    struct err err = ERR_INIT;
    int fit = -1;

    if (t->opt.sdk1)
        sdk1_strip(schema, args);
    if (t->schemas[i] || mcp_schema_read(schema, &t->schemas[i], &err) == 0)
        fit = mcp_schema_check(t->schemas[i], args, issues, &err);
    if (fit == MCP_SCHEMA_FITS)
        return true;
    if (fit < 0)
        exchange_error(x, RPC_INTERNAL_ERROR, err.text, NULL);
    else
        bad_arguments(t, x, json_str(view, "name", ""), issues);
    return false;
}

static void put_defaults(const json_t *schema, json_t *args)
{
    json_t *properties = json_object_get(schema, "properties");
    const char *name = NULL;
    const json_t *property = NULL;

    json_object_foreach(properties, name, property)
    {
        json_t *value = json_object_get(property, "default");
        if (value && !json_object_get(args, name))
            json_put(args, name, json_incref(value));
    }
}

static void call_tool(struct mcp_tools *t, struct exchange *x)
{
    const json_t *params = exchange_params(x);
    const char *name = json_str(params, "name", NULL);
    const json_t *given = json_object_get(params, "arguments");

    if (!name || (given && !json_is_null(given) && !json_is_object(given))) {
        exchange_error(x, RPC_INVALID_PARAMS,
                       "params must be {\"name\": string, \"arguments\"?: object}", NULL);
        return;
    }
    size_t i = find_tool(t, x, name);
    if (i == json_array_size(t->views)) {
        unknown_tool(t, x, name);
        return;
    }
    json_t *args CLEANUP(json_drop) =
        xcheck(json_is_object(given) ? json_deep_copy(given) : json_object());
    const json_t *schema = json_object_get(json_array_get(t->views, i), "inputSchema");
    if (!mcp_tools_check_headers(x, schema, args) || !check_arguments(t, x, i, args))
        return;
    put_defaults(schema, args);
    t->opt.call(x, i, args, t->opt.arg);
}

void mcp_tools_request(struct mcp_tools *t, struct exchange *x)
{
    const char *method = exchange_method(x);

    if (strcmp(method, "tools/list") == 0)
        list_tools(t, x);
    else if (strcmp(method, "tools/call") == 0)
        call_tool(t, x);
    else
        exchange_error(x, RPC_METHOD_NOT_FOUND, "Method not found", NULL);
}
