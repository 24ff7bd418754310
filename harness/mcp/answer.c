#include "mcp/client_internal.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/limits.h"
#include "io/json.h"

void mcp_answer_release(struct mcp_answer *a)
{
    free(TAKE(a->rpc_message));
    json_decref(TAKE(a->rpc_data));
    json_decref(TAKE(a->result));
    free(TAKE(a->http_body));
    free(TAKE(a->challenge));
    free(TAKE(a->location));
    a->outcome = MCP_OK;
    a->http_status = a->rpc_code = 0;
    a->elapsed_ms = 0;
}

/* ---- in words ---- */

/* One word of a list of challenges: a scheme, or "name=value" with the value as it is
 * meant. Source: RFC 9110, section 11.6.1. */
struct word {
    const char *name; /* borrowed; "" = the list is over */
    int len;
    bool is_scheme;
    struct buf value;
};

static void word_release(struct word *w)
{
    buf_release(&w->value);
}

static const char *quoted(const char *at, struct buf *value)
{
    for (; *at && *at != '"'; at++) {
        if (*at == '\\' && at[1])
            at++;
        buf_addc(value, *at);
    }
    return *at ? at + 1 : at;
}

/* Returns what follows. */
static const char *next_word(const char *at, struct word *w)
{
    at += strspn(at, " \t,");
    w->name = at;
    at += strcspn(at, " \t,=");
    w->len = (int)(at - w->name);
    const char *equals = at + strspn(at, " \t");
    w->is_scheme = *equals != '=';
    buf_reset(&w->value);
    if (w->is_scheme)
        return at;
    at = equals + 1 + strspn(equals + 1, " \t");
    if (*at == '"')
        return quoted(at + 1, &w->value);
    size_t len = strcspn(at, " \t,");
    buf_add(&w->value, at, len);
    return at + len;
}

static bool word_is(const struct word *w, const char *name)
{
    return (size_t)w->len == strlen(name) &&
           strncasecmp(w->name, name, (size_t)w->len) == 0;
}

/* Of several challenges the one that MCP speaks of, or else the first. */
static const char *choose_challenge(const char *list)
{
    CLEANUP(word_release) struct word w = {.value = BUF_INIT(LIMIT_ERROR_TEXT)};
    for (const char *at = list; at = next_word(at, &w), *w.name;)
        if (w.is_scheme && word_is(&w, "Bearer"))
            return w.name;
    return list;
}

static const struct {
    const char *name, *words;
} challenge_parts[] = {
    {"error", "; error "},
    {"error_description", "; "},
    {"scope", "; scope "},
    {"resource_metadata", "; how to get one: "},
};

/* In the order of the table, up to the next challenge. */
static void add_parts(const char *params, struct buf *out)
{
    CLEANUP(word_release) struct word w = {.value = BUF_INIT(LIMIT_ERROR_TEXT)};
    for (size_t i = 0; i < ARRAY_SIZE(challenge_parts); i++)
        for (const char *at = params; at = next_word(at, &w), *w.name && !w.is_scheme;)
            if (word_is(&w, challenge_parts[i].name)) {
                buf_addf(out, "%s%s", challenge_parts[i].words, w.value.data);
                break;
            }
}

static void challenge_words(const struct mcp_answer *a, struct buf *out)
{
    CLEANUP(word_release) struct word scheme = {.value = BUF_INIT(LIMIT_ERROR_TEXT)};
    if (a->http_status == 401)
        buf_adds(out, a->challenge ? ": the server wants a token of scheme "
                                   : ": the server wants a token");
    else if (a->http_status == 403)
        buf_adds(out, a->challenge ? ": the token does not allow this; scheme "
                                   : ": not allowed");
    if (!a->challenge)
        return;
    const char *params = next_word(choose_challenge(a->challenge), &scheme);
    buf_add(out, scheme.name, (size_t)scheme.len);
    add_parts(params, out);
}

/* As much of a text as a line can show. */
static void add_excerpt(struct buf *out, const char *text)
{
    size_t len = strcspn(text, "\r\n");
    buf_addf(out, "%.*s%s", (int)(len > 200 ? 200 : len), text,
             len > 200 || text[len] ? " ..." : "");
}

void mcp_answer_words(const struct mcp_answer *a, struct buf *out)
{
    CLEANUP(free_ptr) char *text = NULL;
    switch (a->outcome) {
    case MCP_OK:
        buf_adds(out, "a result");
        break;
    case MCP_TOOL_ERROR:
        text = json_texts(json_object_get(a->result, "content"));
        buf_adds(out, "the tool says it failed: ");
        add_excerpt(out, text);
        break;
    case MCP_RPC_ERROR:
        buf_addf(out, "error %d: ", a->rpc_code);
        add_excerpt(out, a->rpc_message ? a->rpc_message : "");
        if (a->http_status >= 400) {
            buf_addf(out, " (HTTP %d", a->http_status);
            challenge_words(a, out);
            buf_addc(out, ')');
        }
        break;
    case MCP_HTTP_ERROR:
        buf_addf(out, "HTTP %d", a->http_status);
        challenge_words(a, out);
        if (a->location) {
            buf_adds(out, ": it points to ");
            add_excerpt(out, a->location);
        }
        if (a->http_body && *a->http_body) {
            buf_adds(out, ": ");
            add_excerpt(out, a->http_body);
        }
        break;
    case MCP_INPUT_REQUIRED:
        buf_adds(out, "the server asks for input before it goes on");
        break;
    }
}

/* ---- results ----
 *
 * The members that this client needs, one function per method; what else is wrong is a
 * finding (frame.h). */

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
        if (strcmp(type, "text") == 0 && !json_is_string(json_object_get(block, "text")))
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

/* A value that nobody agreed on makes the result unreadable; none means complete. */
static int read_type(const char *method, const json_t *result, bool *ret_asks,
                     struct err *err)
{
    const json_t *member = json_object_get(result, "resultType");
    const char *type = member ? json_string_value(member) : "complete";
    *ret_asks = type && strcmp(type, "input_required") == 0;
    if (*ret_asks || (type && strcmp(type, "complete") == 0))
        return 0;
    return err_set(err, ERR_SHAPE, "result of '%s': 'resultType' is '%.40s'", method,
                   type ? type : "");
}

static int read_result(const char *method, const struct mcp_revision *revision,
                       json_t *result, struct mcp_answer *ret, struct err *err)
{
    bool asks = false;
    if (!json_is_object(result))
        return bad_shape(err, method, "not an object");
    if (mcp_revision_has(revision, MCP_F_RESULT_TYPE) &&
        read_type(method, result, &asks, err))
        return -1;
    for (size_t i = 0; !asks && i < ARRAY_SIZE(shapes); i++)
        if (strcmp(shapes[i].method, method) == 0 && shapes[i].check(result, err))
            return -1;
    bool tool_error = strcmp(method, "tools/call") == 0 &&
                      json_is_true(json_object_get(result, "isError"));
    ret->outcome = asks ? MCP_INPUT_REQUIRED : tool_error ? MCP_TOOL_ERROR : MCP_OK;
    ret->result = json_incref(result);
    return 0;
}

int answer_read(const char *method, const struct mcp_revision *revision,
                struct mcp_exchange *x, struct mcp_answer *ret, struct err *err)
{
    ret->http_status = x->http_status;
    ret->challenge = TAKE(x->challenge);
    ret->location = TAKE(x->location);
    if (x->frame.result)
        return read_result(method, revision, x->frame.result, ret, err);
    if (x->frame.error) {
        ret->outcome = MCP_RPC_ERROR;
        ret->rpc_code = x->frame.code;
        ret->rpc_message = xstrdup(json_str(x->frame.error, "message", ""));
        ret->rpc_data = json_incref(json_object_get(x->frame.error, "data"));
        return 0;
    }
    ret->outcome = MCP_HTTP_ERROR;
    ret->http_body = x->body ? TAKE(x->body) : xstrdup("");
    return 0;
}
