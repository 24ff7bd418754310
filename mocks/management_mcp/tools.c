#include "mocks/management_mcp/tools.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/limits.h"
#include "io/json.h"

/* As in the product, where an empty text is none; NULL = not given. */
static const json_t *given(const json_t *args, const char *name)
{
    const json_t *value = json_object_get(args, name);
    return json_is_string(value) && json_string_length(value) == 0 ? NULL : value;
}

const char *tool_arg(const struct tool_call *call, const char *name)
{
    return json_string_value(given(call->args, name));
}

void tool_text(struct tool_call *call, enum tool_outcome outcome, const char *text)
{
    free(call->text);
    call->text = xstrdup(text);
    call->outcome = outcome;
}

void tool_value(struct tool_call *call, enum tool_outcome outcome, const json_t *value)
{
    free(call->text);
    call->text = json_text(value, JSON_PRETTY);
    call->outcome = outcome;
}

void tool_answer(struct tool_call *call, const struct rest_answer *answer)
{
    tool_value(call, answer->ok ? TOOL_OK : TOOL_PLATFORM_ERROR, answer->value);
}

char *tool_reply_text(const json_t *answer)
{
    const json_t *result = json_object_get(answer, "result");
    const json_t *status = json_object_get(result, "status");
    const json_t *message = json_object_get(status, "message");
    const json_t *parts = json_object_get(message ? message : result, "parts");
    char *text = json_texts(parts);
    if (*text)
        return text;
    free(text);
    return NULL;
}

/* ---- the path ---- */

/* Value of {name} or {name/} as it stands in a URL; NULL when it was not given. Caller
 * frees. */
static char *escaped_arg(const json_t *args, const char *name, size_t len)
{
    bool slashes = len && name[len - 1] == '/';
    CLEANUP(free_ptr) char *key = xstrndup(name, slashes ? len - 1 : len);
    const json_t *value = given(args, key);
    if (json_is_number(value))
        return json_text(value, JSON_STRUCT);
    const char *text = json_string_value(value);
    if (!text)
        return NULL;
    if (!slashes)
        return http_escape(text);
    CLEANUP(strv_release) struct strv escaped = STRV_INIT;
    CLEANUP(strv_release) struct strv parts = STRV_INIT;
    strv_split(&parts, text, '/');
    for (size_t i = 0; i < parts.n; i++)
        strv_take(&escaped, http_escape(parts.v[i]));
    return strv_join(&escaped, "/");
}

static void say_required(struct tool_call *call, const char *what)
{
    CLEANUP(free_ptr) char *text = xasprintf("Invalid argument: %s is required", what);
    tool_text(call, TOOL_BAD_ARGUMENT, text);
}

/* Appends a template without brackets. NULL, or the name of an argument that was not
 * given; caller frees. */
static char *fill(struct buf *out, const json_t *args, const char *text, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        const char *end = text[i] == '{' ? memchr(text + i, '}', len - i) : NULL;
        if (!end) {
            buf_addc(out, text[i]);
            continue;
        }
        size_t name_len = (size_t)(end - text) - i - 1;
        CLEANUP(free_ptr) char *value = escaped_arg(args, text + i + 1, name_len);
        if (!value)
            return xstrndup(text + i + 1, name_len - (end[-1] == '/'));
        buf_adds(out, value);
        i += name_len + 1;
    }
    return NULL;
}

char *tool_path(struct tool_call *call, const char *path)
{
    CLEANUP(buf_release) struct buf out = BUF_INIT(LIMIT_REQUEST_BODY);
    bool query = false;
    while (*path) {
        size_t plain = strcspn(path, "[");
        CLEANUP(free_ptr) char *missing = fill(&out, call->args, path, plain);
        if (missing) {
            say_required(call, missing);
            return NULL;
        }
        path += plain;
        if (!*path)
            break;
        size_t len = strcspn(path, "]");
        CLEANUP(buf_release) struct buf part = BUF_INIT(LIMIT_REQUEST_BODY);
        CLEANUP(free_ptr) char *absent = fill(&part, call->args, path + 1, len - 1);
        if (!absent) {
            /* "?a={a}" after another one that was given becomes "&a=..". */
            if (part.data[0] == '?' && query)
                part.data[0] = '&';
            query = query || part.data[0] == '?';
            buf_adds(&out, part.data);
        }
        path += len + (path[len] == ']');
    }
    return buf_steal(&out);
}

static bool mentions(const char *template, const char *name)
{
    if (!template)
        return false;
    CLEANUP(free_ptr) char *plain = xasprintf("{%s}", name);
    CLEANUP(free_ptr) char *slashes = xasprintf("{%s/}", name);
    return strstr(template, plain) || strstr(template, slashes);
}

/* ---- the body ---- */

static json_t *body_from_args(const struct tool_call *call)
{
    json_t *body = xcheck(json_object());
    const char *name = NULL;
    json_t *value = NULL;
    json_object_foreach(call->args, name, value)
    {
        if (mentions(call->tool->path, name) || mentions(call->tool->header, name))
            continue;
        if (json_object_set(body, name, value))
            abort(); /* out of memory */
    }
    return body;
}

static json_t *body_from_shape(const struct tool_call *call)
{
    json_t *body = NULL;
    if (json_parse(call->tool->shape, strlen(call->tool->shape), &body, NULL))
        abort(); /* a row of our own table is wrong; the tests call every tool */
    const char *key = NULL;
    json_t *member = NULL;
    void *next = NULL;
    json_object_foreach_safe(body, next, key, member)
    {
        const char *text = json_string_value(member);
        if (!text || text[0] != '{')
            continue;
        CLEANUP(free_ptr) char *name = xstrndup(text + 1, strlen(text) - 2);
        json_t *value = json_object_get(call->args, name);
        int rc = value ? json_object_set(body, key, value) : json_object_del(body, key);
        if (rc)
            abort(); /* out of memory */
    }
    return body;
}

/* NULL = none. */
static json_t *body_of(const struct tool_call *call)
{
    switch (call->tool->body) {
    case BODY_NONE:
        return NULL;
    case BODY_EMPTY:
        return xcheck(json_object());
    case BODY_ARGS:
        return body_from_args(call);
    case BODY_ONE:
        return json_incref(json_object_get(call->args, call->tool->shape));
    case BODY_SHAPE:
        return body_from_shape(call);
    }
    return NULL;
}

/* ---- the call ---- */

/* "Name: {argument}" with its value as it is; NULL when it was not given. */
static char *header_of(const struct tool_call *call)
{
    const char *header = call->tool->header;
    const char *open = header ? strchr(header, '{') : NULL;
    if (!open)
        return NULL;
    CLEANUP(free_ptr) char *name = xstrndup(open + 1, strcspn(open + 1, "}"));
    const char *value = tool_arg(call, name);
    return value ? xasprintf("%.*s%s", (int)(open - header), header, value) : NULL;
}

static void settle(struct tool_call *call)
{
    if (!call->asked)
        call->done(call, call->arg);
}

static void on_rest(const struct rest_answer *answer, void *arg)
{
    struct tool_call *call = arg;
    call->asked = NULL;
    call->then(call, answer);
    settle(call);
}

void tool_send(struct tool_call *call, const struct rest_request *req, tool_then_fn *then)
{
    if (!req->path)
        return;
    call->then = then;
    call->asked = rest_start(call->rest, req, on_rest, call);
}

void tool_ask(struct tool_call *call, const char *method, const char *path,
              const json_t *body, tool_then_fn *then)
{
    struct rest_request req = {.client = call->tool->client,
                               .tool = call->tool->name,
                               .method = method,
                               .path = path,
                               .body = body};
    tool_send(call, &req, then);
}

void tool_ask_row(struct tool_call *call, tool_then_fn *then)
{
    CLEANUP(free_ptr) char *path = tool_path(call, call->tool->path);
    CLEANUP(free_ptr) char *header = header_of(call);
    CLEANUP(json_drop) json_t *body = body_of(call);
    struct rest_request req = {
        .client = call->tool->client,
        .tool = call->tool->name,
        .method = call->tool->method,
        .path = path,
        .body = body,
        .header = header,
    };
    tool_send(call, &req, then);
}

/* False, with the call answered, when none of the alternatives was given. */
static bool has_any(struct tool_call *call)
{
    CLEANUP(strv_release) struct strv names = STRV_INIT;
    strv_split(&names, call->tool->any_of, '|');
    for (size_t i = 0; i < names.n; i++)
        if (given(call->args, names.v[i]))
            return true;
    CLEANUP(free_ptr) char *list = strv_join(&names, " or ");
    say_required(call, list);
    return false;
}

/* False, with the call answered, when a text that is used as one has a NUL inside: what
 * stands before it is another text. A body may have it. */
static bool has_whole_texts(struct tool_call *call)
{
    const struct tool *tool = call->tool;
    const char *name = NULL;
    const json_t *value = NULL;
    json_object_foreach(call->args, name, value)
    {
        bool used =
            tool->run || mentions(tool->path, name) || mentions(tool->header, name);
        if (!used || !json_is_string(value) ||
            strlen(json_string_value(value)) == json_string_length(value))
            continue;
        CLEANUP(free_ptr)
        char *text = xasprintf("Invalid argument: %s has a NUL character", name);
        tool_text(call, TOOL_BAD_ARGUMENT, text);
        return false;
    }
    return true;
}

struct tool_call *tool_call_new(const struct tool *tool, struct rest *rest, json_t *args)
{
    struct tool_call *call = xcalloc(1, sizeof(*call));
    call->tool = tool;
    call->rest = rest;
    call->args = json_incref(args);
    return call;
}

void tool_call_free(struct tool_call *call)
{
    if (!call)
        return;
    rest_cancel(call->asked);
    json_decref(call->args);
    json_decref(call->kept);
    free(call->text);
    free(call);
}

void tool_call_start(struct tool_call *call, tool_done_fn *done, void *arg)
{
    const struct tool *tool = call->tool;
    call->done = done;
    call->arg = arg;
    if (has_whole_texts(call) && (!tool->any_of || has_any(call))) {
        if (tool->run)
            tool->run(call);
        else
            tool_ask_row(call, tool_answer);
    }
    settle(call);
}
