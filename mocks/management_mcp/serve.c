#include "mocks/management_mcp/serve.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/limits.h"
#include "io/json.h"
#include "mcp/client.h"
#include "mcp/jsonrpc.h"
#include "mocks/management_mcp/schema.h"

static const char *const revisions[] = {MCP_LATEST, "2025-06-18", "2025-03-26",
                                        "2024-11-05"};

static int write_all(int fd, const char *data, size_t len, struct err *err)
{
    while (len) {
        ssize_t n = write(fd, data, len);
        if (n < 0 && errno != EINTR)
            return err_sys(err, errno, "cannot write to standard output");
        if (n > 0) {
            data += n;
            len -= (size_t)n;
        }
    }
    return 0;
}

/* ---- methods: each returns the response frame ---- */

static json_t *on_initialize(struct mcp_server *s, const struct rpc_frame *f)
{
    const char *asked = json_str(f->params, "protocolVersion", NULL);
    if (!asked)
        return rpc_error(f->id, RPC_INVALID_PARAMS, "protocolVersion is required");
    const char *answer = s->revision ? s->revision : MCP_LATEST;
    for (size_t i = 0; i < ARRAY_SIZE(revisions); i++)
        if (!s->revision && strcmp(revisions[i], asked) == 0)
            answer = revisions[i];
    if (s->shipped)
        answer = asked;
    return rpc_result(f->id, json_make("{s:s,s:{s:{s:b}},s:{s:s,s:s}}", "protocolVersion",
                                       answer, "capabilities", "tools", "listChanged",
                                       (int)s->shipped, "serverInfo", "name", s->name,
                                       "version", "1.0.0"));
}

static json_t *on_list(const struct mcp_server *s, const struct rpc_frame *f)
{
    const json_t *cursor = json_object_get(f->params, "cursor");
    if (cursor && !json_is_null(cursor) && !s->shipped)
        return rpc_error(f->id, RPC_INVALID_PARAMS, "unknown cursor: there is one page");
    json_t *tools = xcheck(json_array());
    for (size_t i = 0; i < s->n_tools; i++) {
        const struct tool *t = s->tools[i];
        json_t *schema = schema_from_line(t->input, s->shipped);
        json_t *row = json_make("{s:s,s:s,s:o}", "name", t->name, "description", t->about,
                                "inputSchema", schema);
        if (s->shipped &&
            json_object_set_new(row, "execution",
                                json_make("{s:s}", "taskSupport", "forbidden")))
            abort(); /* out of memory */
        if (json_array_append_new(tools, row))
            abort(); /* out of memory */
    }
    return rpc_result(f->id, json_make("{s:o}", "tools", tools));
}

/* What the SDK makes of an McpError inside a tool: a result that looks like one. */
static json_t *sdk_error(json_t *id, const char *text)
{
    CLEANUP(free_ptr) char *full = xasprintf("MCP error -32602: %s", text);
    return rpc_result(id, rpc_tool_text(full, true));
}

static json_t *unknown_tool(const struct mcp_server *s, const struct rpc_frame *f,
                            const char *name)
{
    CLEANUP(free_ptr)
    char *text = s->shipped ? xasprintf("Tool %s not found", name)
                            : xasprintf("Unknown tool: %s", name);
    return s->shipped ? sdk_error(f->id, text)
                      : rpc_error(f->id, RPC_INVALID_PARAMS, text);
}

/* "'tier' Number must be at most 4; 'name' Required" */
static char *issues_text(const json_t *issues)
{
    struct buf out = BUF_INIT(LIMIT_ERROR_TEXT);
    for (size_t i = 0; i < json_array_size(issues); i++) {
        const json_t *one = json_array_get(issues, i);
        const json_t *path = json_object_get(one, "path");
        buf_adds(&out, i ? "; " : "");
        for (size_t k = 0; k < json_array_size(path); k++) {
            const json_t *step = json_array_get(path, k);
            buf_adds(&out, k ? "." : "'");
            if (json_is_string(step))
                buf_adds(&out, json_string_value(step));
            else
                buf_addf(&out, "%lld", (long long)json_integer_value(step));
        }
        buf_addf(&out, "%s%s", json_array_size(path) ? "': " : "",
                 json_str(one, "message", ""));
    }
    return buf_steal(&out);
}

/* NULL = the arguments are as the schema wants them. */
static json_t *bad_arguments(const struct mcp_server *s, const struct rpc_frame *f,
                             const struct tool *t, json_t *args)
{
    CLEANUP(json_drop) json_t *schema = schema_from_line(t->input, s->shipped);
    CLEANUP(json_drop) json_t *issues = xcheck(json_array());
    if (s->shipped)
        schema_strip(schema, args);
    schema_check(schema, args, issues);
    if (json_array_size(issues) == 0)
        return NULL;
    if (s->shipped) {
        CLEANUP(free_ptr) char *list = json_text(issues, JSON_PRETTY);
        CLEANUP(free_ptr)
        char *text = xasprintf(
            "Input validation error: Invalid arguments for tool %s: %s", t->name, list);
        return sdk_error(f->id, text);
    }
    CLEANUP(free_ptr) char *list = issues_text(issues);
    CLEANUP(free_ptr)
    char *text = xasprintf("Invalid arguments for tool %s: %s", t->name, list);
    return rpc_result(f->id, rpc_tool_text(text, true));
}

static json_t *on_call(struct mcp_server *s, const struct rpc_frame *f)
{
    const char *name = json_str(f->params, "name", NULL);
    const json_t *given = json_object_get(f->params, "arguments");
    if (!name || (given && !json_is_null(given) && !json_is_object(given)))
        return rpc_error(f->id, RPC_INVALID_PARAMS,
                         "params must be {\"name\": string, \"arguments\"?: object}");
    const struct tool *tool = NULL;
    for (size_t i = 0; i < s->n_tools && !tool; i++)
        if (strcmp(s->tools[i]->name, name) == 0)
            tool = s->tools[i];
    if (!tool)
        return unknown_tool(s, f, name);
    CLEANUP(json_drop)
    json_t *args = json_is_object(given) ? json_deep_copy(given) : json_object();
    json_t *refusal = bad_arguments(s, f, tool, xcheck(args));
    if (refusal)
        return refusal;
    struct tool_call call = {.tool = tool, .rest = &s->rest, .args = args};
    tool_run(&call);
    CLEANUP(free_ptr) char *text = call.text;
    bool is_error = call.outcome == TOOL_BAD_ARGUMENT ||
                    (call.outcome == TOOL_PLATFORM_ERROR && !s->shipped);
    return rpc_result(f->id, rpc_tool_text(text ? text : "", is_error));
}

static json_t *on_request(struct mcp_server *s, const struct rpc_frame *f)
{
    if (strcmp(f->method, "initialize") == 0)
        return on_initialize(s, f);
    if (strcmp(f->method, "ping") == 0)
        return rpc_result(f->id, NULL);
    if (strcmp(f->method, "tools/list") == 0)
        return on_list(s, f);
    if (strcmp(f->method, "tools/call") == 0)
        return on_call(s, f);
    return rpc_error(f->id, RPC_METHOD_NOT_FOUND, "Method not found");
}

static int answer_line(struct mcp_server *s, const char *line, size_t len, int out,
                       struct err *err)
{
    CLEANUP(rpc_frame_release) struct rpc_frame f = RPC_FRAME_INIT;
    enum rpc_code code = RPC_PARSE_ERROR;
    struct err why = ERR_INIT;
    json_t *response = NULL;
    while (len && (line[len - 1] == '\r' || line[len - 1] == ' '))
        len--;
    if (len == 0)
        return 0;
    if (rpc_parse(line, len, &f, &code, &why))
        /* SDK 1.x says nothing to what it cannot read. */
        response = s->shipped ? NULL : rpc_error(f.id, code, why.text);
    else if (f.kind == RPC_REQUEST)
        response = on_request(s, &f);
    if (!response)
        return 0; /* notifications are never answered, and nothing was asked of the client
                   */
    CLEANUP(free_ptr) char *text = rpc_text(response);
    CLEANUP(free_ptr) char *framed = xasprintf("%s\n", text);
    return write_all(out, framed, strlen(framed), err);
}

/* Answers the complete lines and keeps the rest. */
static int answer_lines(struct mcp_server *s, struct buf *in, int out, struct err *err)
{
    size_t start = 0;
    const char *end = NULL;
    while ((end = memchr(in->data + start, '\n', in->len - start))) {
        size_t len = (size_t)(end - in->data) - start;
        if (answer_line(s, in->data + start, len, out, err))
            return -1;
        start += len + 1;
    }
    buf_consume(in, start);
    return 0;
}

int mcp_serve(struct mcp_server *s, int in, int out, struct err *err)
{
    CLEANUP(buf_release) struct buf pending = BUF_INIT(LIMIT_LINE);
    for (;;) {
        char chunk[KIB(64)];
        ssize_t n = read(in, chunk, sizeof(chunk));
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return err_sys(err, errno, "cannot read standard input");
        if (n == 0)
            return pending.len ? answer_line(s, pending.data, pending.len, out, err) : 0;
        buf_add(&pending, chunk, (size_t)n);
        if (answer_lines(s, &pending, out, err))
            return -1;
        if (pending.truncated)
            return err_set(err, ERR_SHAPE,
                           "a line on standard input is longer than %zu "
                           "bytes",
                           pending.max);
    }
}
