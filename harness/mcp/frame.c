#include "mcp/frame_part.h"

#include <stdarg.h>
#include <string.h>

#include "base/buf.h"
#include "base/limits.h"
#include "io/json.h"

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

bool frame_has(const struct frame_check *c, enum mcp_feature feature)
{
    return mcp_revision_has(c->cx->revision, feature);
}

bool frame_is_modern(const struct frame_check *c)
{
    return mcp_revision_is_modern(c->cx->revision);
}

const char *frame_revision(const struct frame_check *c)
{
    return c->cx->revision ? c->cx->revision->name : "MCP";
}

bool frame_is_any(const char *s, const char *const *list, size_t n)
{
    for (size_t i = 0; s && i < n; i++)
        if (strcmp(s, list[i]) == 0)
            return true;
    return false;
}

/* ---- members ---- */

bool frame_is_token(const json_t *j)
{
    return json_is_string(j) || json_is_integer(j);
}

static bool are_texts(const json_t *j)
{
    for (size_t i = 0; i < json_array_size(j); i++)
        if (!json_is_string(json_array_get(j, i)))
            return false;
    return json_is_array(j);
}

static bool is_of_kind(const json_t *j, enum member_kind kind)
{
    switch (kind) {
    case IS_ANYTHING:
        return true;
    case IS_TEXT:
        return json_is_string(j);
    case IS_BOOLEAN:
        return json_is_boolean(j);
    case IS_NUMBER:
        return json_is_number(j);
    case IS_TOKEN:
        return frame_is_token(j);
    case IS_OBJECT:
        return json_is_object(j);
    case IS_ARRAY:
        return json_is_array(j);
    case IS_TEXTS:
        return are_texts(j);
    case IS_SOME_TEXTS:
        return are_texts(j) && json_array_size(j) > 0;
    }
    return false;
}

static const struct {
    const char *article, *word;
} kind_words[] = {
    [IS_ANYTHING] = {"", ""},
    [IS_TEXT] = {"a", " string"},
    [IS_BOOLEAN] = {"a", " boolean"},
    [IS_NUMBER] = {"a", " number"},
    [IS_TOKEN] = {"a", " string or integer"},
    [IS_OBJECT] = {"an", " object"},
    [IS_ARRAY] = {"an", " array"},
    [IS_TEXTS] = {"an", " array of strings"},
    [IS_SOME_TEXTS] = {"a", " non-empty array of strings"},
};

void frame_members(const struct frame_check *c, const json_t *object,
                   const struct member *rows, const char *fmt, ...)
{
    CLEANUP(buf_release) struct buf whose = BUF_INIT(KIB(1));
    va_list ap;
    va_start(ap, fmt);
    buf_vaddf(&whose, fmt, ap);
    va_end(ap);
    for (const struct member *row = rows; row->name; row++) {
        const json_t *value = json_object_get(object, row->name);
        bool there = !row->feature || frame_has(c, (enum mcp_feature)row->feature);
        if (!there || (value ? is_of_kind(value, row->kind) : !row->required))
            continue;
        if (row->required)
            FIND(c, "%s has no '%s'%s", whose.data, row->name,
                 kind_words[row->kind].word);
        else
            FIND(c, "'%s' of %s is not %s%s", row->name, whose.data,
                 kind_words[row->kind].article, kind_words[row->kind].word);
    }
}

/* ---- messages ---- */

static void check_response(const struct frame_check *c)
{
    const json_t *id = json_object_get(c->message, "id");
    const json_t *result = json_object_get(c->message, "result");
    const json_t *error = json_object_get(c->message, "error");
    if (c->cx->sender == MCP_FROM_CLIENT && frame_is_modern(c))
        FIND(c, "a client of %s sends no responses", frame_revision(c));
    if (result && error)
        FIND(c, "both 'result' and 'error'");
    if (!result && !error)
        FIND(c, "neither 'method' nor 'result' nor 'error'");
    if (json_is_null(id))
        FIND(c, "'id' is null: an answer to something unreadable has none");
    if (!id && result)
        FIND(c, "a result without an 'id'");
    if (result && !(error && json_is_null(result)))
        frame_check_result(c, result);
    if (error && !(result && json_is_null(error)))
        frame_check_error(c, error);
}

static void check_call(struct frame_check *c)
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
        !mcp_method_exists(c->cx->revision, c->method))
        FIND(c, "revision %s has no '%s'", frame_revision(c), c->method);
    if (id)
        frame_check_request(c, params);
    else
        frame_check_notification(c, params);
}

static void check_one(const json_t *message, const struct mcp_frame_context *cx,
                      struct strv *findings)
{
    struct frame_check c = {
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
    if (id && !frame_is_token(id) && !json_is_null(id))
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
