#include "mcp/frame.h"

#include <stdarg.h>
#include <string.h>

#include "base/buf.h"
#include "io/json.h"
#include "mcp/meta.h"

struct check {
    const struct mcp_frame_context *cx;
    struct strv *findings;
    const json_t *message;
    const char *method; /* of the message, or of the request that it answers; or NULL */
};

#define FIND(c, ...) mcp_finding_add((c)->findings, __VA_ARGS__)

void mcp_finding_add(struct strv *findings, const char *fmt, ...)
{
    va_list ap;
    CLEANUP(buf_release) struct buf text = BUF_INIT(1024);
    va_start(ap, fmt);
    buf_vaddf(&text, fmt, ap);
    va_end(ap);
    for (char *p = text.data; *p; p++)
        if ((unsigned char)*p < 0x20 || *p == 0x7f)
            *p = '?';
    strv_add(findings, text.data);
}

static bool has(const struct check *c, enum mcp_feature feature)
{
    return mcp_revision_has(c->cx->revision, feature);
}

static bool modern(const struct check *c)
{
    return mcp_revision_is_modern(c->cx->revision);
}

/* Of the revision, for a sentence. */
static const char *revision_name(const struct check *c)
{
    return c->cx->revision ? c->cx->revision->name : "MCP";
}

static bool is_any(const char *s, const char *const *list, size_t n)
{
    for (size_t i = 0; s && i < n; i++)
        if (strcmp(s, list[i]) == 0)
            return true;
    return false;
}
#define IS_ANY(s, list) is_any(s, list, ARRAY_SIZE(list))

/* ---- results that we know ---- */

static void check_initialize(const struct check *c, const json_t *result)
{
    const json_t *info = json_object_get(result, "serverInfo");
    if (!json_str(result, "protocolVersion", NULL))
        FIND(c, "the result of 'initialize' has no 'protocolVersion'");
    if (!json_is_object(json_object_get(result, "capabilities")))
        FIND(c, "the result of 'initialize' has no 'capabilities' object");
    if (!json_str(info, "name", NULL) || !json_str(info, "version", NULL))
        FIND(c, "the result of 'initialize' has no 'serverInfo' with name and version");
}

static void check_caching(const struct check *c, const json_t *result)
{
    static const char *const scopes[] = {"public", "private"};
    const json_t *ttl = json_object_get(result, "ttlMs");
    if (!has(c, MCP_F_RESULT_TYPE))
        return;
    if (!json_is_integer(ttl) || json_integer_value(ttl) < 0)
        FIND(c, "the result of '%s' has no 'ttlMs' of 0 or more", c->method);
    if (!IS_ANY(json_str(result, "cacheScope", NULL), scopes))
        FIND(c, "the result of '%s' has no 'cacheScope' of public or private", c->method);
}

static void check_discover(const struct check *c, const json_t *result)
{
    const json_t *versions = json_object_get(result, "supportedVersions");
    if (!json_is_array(versions) || json_array_size(versions) == 0)
        FIND(c, "the result of 'server/discover' has no 'supportedVersions'");
    if (!json_is_object(json_object_get(result, "capabilities")))
        FIND(c, "the result of 'server/discover' has no 'capabilities' object");
    check_caching(c, result);
}

static void check_tools_list(const struct check *c, const json_t *result)
{
    const json_t *tools = json_object_get(result, "tools");
    const json_t *cursor = json_object_get(result, "nextCursor");
    CLEANUP(strv_release) struct strv names = STRV_INIT;
    if (!json_is_array(tools))
        FIND(c, "the result of 'tools/list' has no 'tools' array");
    if (cursor && !json_is_string(cursor))
        FIND(c, "'nextCursor' is not a string");
    for (size_t i = 0; i < json_array_size(tools); i++) {
        const json_t *tool = json_array_get(tools, i);
        const char *name = json_str(tool, "name", NULL);
        const json_t *schema = json_object_get(tool, "inputSchema");
        if (!name || !*name) {
            FIND(c, "tool %zu has no name", i + 1);
            continue;
        }
        if (strv_has(&names, name))
            FIND(c, "tool '%.128s' is listed twice", name);
        strv_add(&names, name);
        if (!json_is_object(schema))
            FIND(c, "tool '%.128s' has no 'inputSchema' object", name);
        else if (strcmp(json_str(schema, "type", ""), "object") != 0)
            FIND(c, "the 'inputSchema' of tool '%.128s' is not of type object", name);
    }
    check_caching(c, result);
}

/* Contents by type: the member that each needs, and the feature that brought it. */
static const struct {
    const char *type, *member;
    unsigned feature; /* 0 = always there */
} contents[] = {
    {"text", "text", 0},
    {"image", "data", 0},
    {"audio", "data", MCP_F_AUDIO},
    {"resource", "resource", 0},
    {"resource_link", "uri", MCP_F_LINKS},
};

static void check_content(const struct check *c, const json_t *block)
{
    const char *type = json_str(block, "type", NULL);
    for (size_t i = 0; type && i < ARRAY_SIZE(contents); i++) {
        if (strcmp(contents[i].type, type) != 0)
            continue;
        if (!json_object_get(block, contents[i].member))
            FIND(c, "a content of type '%s' has no '%s'", type, contents[i].member);
        if (c->cx->revision && contents[i].feature &&
            !(c->cx->revision->features & contents[i].feature))
            FIND(c, "revision %s has no contents of type '%s'", c->cx->revision->name,
                 type);
        return;
    }
    FIND(c, "a content of unknown type '%.40s'", type ? type : "");
}

static void check_tools_call(const struct check *c, const json_t *result)
{
    const json_t *content = json_object_get(result, "content");
    const json_t *is_error = json_object_get(result, "isError");
    const json_t *structured = json_object_get(result, "structuredContent");
    if (strcmp(json_str(result, "resultType", "complete"), "complete") != 0)
        return;
    if (!json_is_array(content))
        FIND(c, "the result of 'tools/call' has no 'content' array");
    for (size_t i = 0; i < json_array_size(content); i++)
        check_content(c, json_array_get(content, i));
    if (is_error && !json_is_boolean(is_error))
        FIND(c, "'isError' is not a boolean");
    if (structured && !json_is_object(structured) && !has(c, MCP_F_STRUCTURED_ANY))
        FIND(c, "'structuredContent' is not an object");
}

static const struct {
    const char *method;
    void (*check)(const struct check *c, const json_t *result);
} results[] = {
    {"initialize", check_initialize},
    {"server/discover", check_discover},
    {"tools/list", check_tools_list},
    {"tools/call", check_tools_call},
};

static void check_result_type(const struct check *c, const json_t *result)
{
    static const char *const may_ask[] = {"tools/call", "prompts/get", "resources/read"};
    const json_t *member = json_object_get(result, "resultType");
    const char *type = json_string_value(member);
    if (!has(c, MCP_F_RESULT_TYPE))
        return;
    if (!type) {
        FIND(c, "the result has no 'resultType'");
        return;
    }
    if (strcmp(type, "complete") == 0)
        return;
    if (strcmp(type, "input_required") != 0) {
        FIND(c, "'resultType' is '%.40s', which nothing was agreed on", type);
        return;
    }
    if (c->method && !IS_ANY(c->method, may_ask))
        FIND(c, "'%.60s' is answered with 'input_required'", c->method);
    const json_t *state = json_object_get(result, "requestState");
    const json_t *requests = json_object_get(result, "inputRequests");
    if (!state && !requests)
        FIND(c, "'input_required' without 'inputRequests' and without 'requestState'");
    if (state && !json_is_string(state))
        FIND(c, "'requestState' is not a string");
    if (requests && !json_is_object(requests))
        FIND(c, "'inputRequests' is not an object");
}

static void check_result(const struct check *c, const json_t *result)
{
    if (!json_is_object(result)) {
        FIND(c, "'result' is not an object");
        return;
    }
    const json_t *meta = json_object_get(result, "_meta");
    if (meta && !json_is_object(meta))
        FIND(c, "'_meta' of the result is not an object");
    check_result_type(c, result);
    for (size_t i = 0; c->method && i < ARRAY_SIZE(results); i++)
        if (strcmp(results[i].method, c->method) == 0)
            results[i].check(c, result);
}

/* ---- errors ---- */

static void check_reserved_code(const struct check *c, json_int_t code)
{
    bool defined = code == MCP_HEADER_MISMATCH || code == MCP_MISSING_CAPABILITY ||
                   code == MCP_UNSUPPORTED_VERSION;
    if (!modern(c))
        return;
    if (code <= -32020 && code >= -32099 && !defined)
        FIND(c, "error code %lld is reserved", (long long)code);
    if (code == -32002 || code == -32042)
        FIND(c, "error code %lld belongs to earlier revisions", (long long)code);
}

static void check_error_data(const struct check *c, json_int_t code, const json_t *data)
{
    if (code == MCP_UNSUPPORTED_VERSION &&
        (!json_is_array(json_object_get(data, "supported")) ||
         !json_is_string(json_object_get(data, "requested"))))
        FIND(c,
             "error %lld does not say which revisions are 'supported' and which was "
             "'requested'",
             (long long)code);
    if (code == MCP_MISSING_CAPABILITY &&
        !json_is_object(json_object_get(data, "requiredCapabilities")))
        FIND(c, "error %lld has no object 'requiredCapabilities'", (long long)code);
}

static void check_error(const struct check *c, const json_t *error)
{
    const json_t *code = json_object_get(error, "code");
    if (!json_is_object(error)) {
        FIND(c, "'error' is not an object");
        return;
    }
    if (!json_is_string(json_object_get(error, "message")))
        FIND(c, "'error' has no 'message'");
    if (!json_is_integer(code)) {
        FIND(c, "the code of the error is not an integer");
        return;
    }
    check_reserved_code(c, json_integer_value(code));
    if (modern(c))
        check_error_data(c, json_integer_value(code), json_object_get(error, "data"));
}

static void check_response(const struct check *c)
{
    const json_t *id = json_object_get(c->message, "id");
    const json_t *result = json_object_get(c->message, "result");
    const json_t *error = json_object_get(c->message, "error");
    if (c->cx->sender == MCP_FROM_CLIENT && modern(c))
        FIND(c, "a client of %s sends no responses", revision_name(c));
    if (result && error)
        FIND(c, "both 'result' and 'error'");
    if (!result && !error)
        FIND(c, "neither 'method' nor 'result' nor 'error'");
    if (json_is_null(id))
        FIND(c, "'id' is null: an answer to something unreadable has none");
    if (!id && result)
        FIND(c, "a result without an 'id'");
    if (result && !(error && json_is_null(result)))
        check_result(c, result);
    if (error && !(result && json_is_null(error)))
        check_error(c, error);
}

/* ---- requests and notifications ---- */

static void check_modern_meta(const struct check *c, const json_t *params)
{
    const json_t *meta = json_object_get(params, "_meta");
    if (!json_str(meta, MCP_META_VERSION, NULL))
        FIND(c, "'_meta' does not say the 'protocolVersion'");
    else if (strcmp(json_str(meta, MCP_META_VERSION, ""), revision_name(c)) != 0)
        FIND(c, "'_meta' says revision '%.40s', not %s",
             json_str(meta, MCP_META_VERSION, ""), revision_name(c));
    if (!json_is_object(json_object_get(meta, MCP_META_CAPABILITIES)))
        FIND(c, "'_meta' does not say the 'clientCapabilities'");
}

static bool is_token(const json_t *j)
{
    return json_is_string(j) || json_is_integer(j);
}

static void check_notification(const struct check *c, const json_t *params)
{
    if (strncmp(c->method, "notifications/", 14) != 0)
        FIND(c, "'%.60s' is no notification, but has no 'id'", c->method);
    if (strcmp(c->method, "notifications/cancelled") == 0) {
        if (!is_token(json_object_get(params, "requestId")))
            FIND(c, "'notifications/cancelled' does not say which request");
        if (has(c, MCP_F_CANCEL_BY_CLOSE) && c->cx->wire == MCP_WIRE_HTTP &&
            c->cx->sender == MCP_FROM_CLIENT)
            FIND(c, "over HTTP a request is cancelled by closing its stream");
    }
    if (strcmp(c->method, "notifications/progress") == 0) {
        if (!is_token(json_object_get(params, "progressToken")))
            FIND(c, "'notifications/progress' has no 'progressToken'");
        if (!json_is_number(json_object_get(params, "progress")))
            FIND(c, "'notifications/progress' has no number 'progress'");
    }
}

static void check_request(const struct check *c, const json_t *id, const json_t *params)
{
    if (!is_token(id))
        FIND(c, "the 'id' of a request is a string or an integer");
    if (strncmp(c->method, "notifications/", 14) == 0)
        FIND(c, "'%.60s' is a notification, but has an 'id'", c->method);
    if (modern(c) && c->cx->sender == MCP_FROM_SERVER)
        FIND(c, "a server of %s sends no requests", revision_name(c));
    if (modern(c) && c->cx->sender == MCP_FROM_CLIENT)
        check_modern_meta(c, params);
    if (c->cx->sender == MCP_FROM_CLIENT && strcmp(c->method, "tools/call") == 0) {
        const json_t *arguments = json_object_get(params, "arguments");
        if (!json_str(params, "name", NULL))
            FIND(c, "'tools/call' does not say which tool");
        if (arguments && !json_is_object(arguments))
            FIND(c, "'arguments' is not an object");
    }
}

static void check_call(struct check *c)
{
    const json_t *method = json_object_get(c->message, "method");
    const json_t *params = json_object_get(c->message, "params");
    const json_t *id = json_object_get(c->message, "id");
    c->method = json_string_value(method);
    if (!c->method) {
        FIND(c, "'method' is not a string");
        return;
    }
    if (strlen(c->method) != json_string_length(method))
        FIND(c, "'method' has a NUL character in it");
    if (json_object_get(c->message, "result") || json_object_get(c->message, "error"))
        FIND(c, "'%.60s' has both a 'method' and an answer", c->method);
    if (params && !json_is_object(params))
        FIND(c, "'params' is not an object");
    if (c->cx->sender == MCP_FROM_CLIENT &&
        mcp_method_removed(c->cx->revision, c->method))
        FIND(c, "revision %s has no '%s'", revision_name(c), c->method);
    if (id)
        check_request(c, id, params);
    else
        check_notification(c, params);
}

static void check_one(const json_t *message, const struct mcp_frame_context *cx,
                      struct strv *findings)
{
    struct check c = {
        .cx = cx, .findings = findings, .message = message, .method = cx->method};
    if (cx->method_of)
        c.method = cx->method_of(json_object_get(message, "id"), cx->method_of_arg);
    if (!json_is_object(message)) {
        FIND(&c, "a message is an object");
        return;
    }
    if (strcmp(json_str(message, "jsonrpc", ""), "2.0") != 0)
        FIND(&c, "'jsonrpc' is not \"2.0\"");
    const json_t *id = json_object_get(message, "id");
    if (id && !is_token(id) && !json_is_null(id))
        FIND(&c, "'id' is neither a string nor an integer");
    if (json_object_get(message, "method"))
        check_call(&c);
    else
        check_response(&c);
}

static void check_batch(const json_t *batch, const struct mcp_frame_context *cx,
                        struct strv *findings)
{
    if (!mcp_revision_has(cx->revision, MCP_F_BATCH))
        mcp_finding_add(findings, "a batch, which %s does not have",
                        cx->revision ? cx->revision->name : "MCP");
    if (json_array_size(batch) == 0)
        strv_add(findings, "a batch of nothing");
    for (size_t i = 0; i < json_array_size(batch); i++) {
        const json_t *one = json_array_get(batch, i);
        if (strcmp(json_str(one, "method", ""), "initialize") == 0)
            strv_add(findings, "'initialize' in a batch");
        check_one(one, cx, findings);
    }
}

bool mcp_frame_check_json(const json_t *message, const struct mcp_frame_context *cx,
                          struct strv *findings)
{
    size_t before = findings->n;
    if (json_is_array(message))
        check_batch(message, cx, findings);
    else
        check_one(message, cx, findings);
    return findings->n == before;
}

bool mcp_frame_check(const char *text, size_t len, const struct mcp_frame_context *cx,
                     struct strv *findings)
{
    CLEANUP(json_drop) json_t *message = NULL;
    size_t before = findings->n;
    if (cx->wire == MCP_WIRE_STDIO && memchr(text, '\n', len))
        strv_add(findings, "a message with a newline in it");
    struct err err = ERR_INIT;
    if (json_parse(text, len, &message, &err)) {
        mcp_finding_add(findings, "no JSON: %.200s", err.text);
        return false;
    }
    (void)mcp_frame_check_json(message, cx, findings);
    return findings->n == before;
}
