#include "mcp/jsonrpc.h"

#include <limits.h>
#include <string.h>

#include "io/json.h"

void rpc_frame_release(struct rpc_frame *f)
{
    json_decref(f->root);
    *f = (struct rpc_frame)RPC_FRAME_INIT;
}

static bool is_id(const json_t *j)
{
    return json_is_string(j) || json_is_integer(j);
}

static int no_frame(enum rpc_code *ret_code, struct err *err, const char *why)
{
    if (ret_code)
        *ret_code = RPC_INVALID_REQUEST;
    return err_set(err, ERR_SHAPE, "not a JSON-RPC frame: %s", why);
}

static int read_error(struct rpc_frame *f, enum rpc_code *ret_code, struct err *err)
{
    const json_t *code = json_object_get(f->error, "code");
    if (!json_is_integer(code) || !json_is_string(json_object_get(f->error, "message")))
        return no_frame(ret_code, err,
                        "'error' is not an object with an integer 'code' and a "
                        "string 'message'");
    json_int_t value = json_integer_value(code);
    if (value < INT_MIN || value > INT_MAX)
        return no_frame(ret_code, err, "'error.code' is out of range");
    f->code = (int)value;
    return 0;
}

static int read_response(struct rpc_frame *f, const json_t *id, enum rpc_code *ret_code,
                         struct err *err)
{
    f->kind = RPC_RESPONSE;
    f->result = json_object_get(f->root, "result");
    f->error = json_object_get(f->root, "error");
    /* Some servers send the other member as null. */
    if (f->result && json_is_null(f->error))
        f->error = NULL;
    if (f->error && json_is_null(f->result))
        f->result = NULL;
    if (f->result && f->error)
        return no_frame(ret_code, err, "both 'result' and 'error'");
    if (!f->result && !f->error)
        return no_frame(ret_code, err, "neither 'method' nor 'result' nor 'error'");
    if (f->error)
        return read_error(f, ret_code, err);
    if (!id)
        return no_frame(ret_code, err, "a result without an 'id'");
    return 0;
}

static int read_call(struct rpc_frame *f, const json_t *method, enum rpc_code *ret_code,
                     struct err *err)
{
    if (!json_is_string(method))
        return no_frame(ret_code, err, "'method' is not a string");
    f->method = json_string_value(method);
    /* It would be cut short: "ping\0x" is not "ping". */
    if (strlen(f->method) != json_string_length(method))
        return no_frame(ret_code, err, "'method' has a NUL character in it");
    f->kind = f->id ? RPC_REQUEST : RPC_NOTIFICATION;
    json_t *params = json_object_get(f->root, "params");
    if (params && !json_is_null(params)) {
        if (!json_is_object(params) && !json_is_array(params))
            return no_frame(ret_code, err, "'params' is neither an object nor an array");
        f->params = params;
    }
    return 0;
}

int rpc_parse_take(json_t *root, struct rpc_frame *ret, enum rpc_code *ret_code,
                   struct err *err)
{
    rpc_frame_release(ret);
    if (!json_is_object(root)) {
        bool batch = json_is_array(root);
        json_decref(root);
        return no_frame(ret_code, err, batch ? "a batch" : "not an object");
    }
    ret->root = root;
    json_t *id = json_object_get(root, "id");
    if (is_id(id))
        ret->id = id;
    const char *version = json_string_value(json_object_get(root, "jsonrpc"));
    if (!version || strcmp(version, "2.0") != 0)
        return no_frame(ret_code, err, "'jsonrpc' is not \"2.0\"");
    const json_t *method = json_object_get(root, "method");
    if (id && !ret->id && (method || !json_is_null(id)))
        return no_frame(ret_code, err, "'id' is neither a string nor an integer");
    if (method)
        return read_call(ret, method, ret_code, err);
    return read_response(ret, ret->id, ret_code, err);
}

int rpc_parse(const char *text, size_t len, struct rpc_frame *ret,
              enum rpc_code *ret_code, struct err *err)
{
    rpc_frame_release(ret);
    json_t *root = NULL;
    if (json_parse(text, len, &root, err)) {
        if (ret_code)
            *ret_code = RPC_PARSE_ERROR;
        return err_prefix(err, "not a JSON-RPC frame");
    }
    return rpc_parse_take(root, ret, ret_code, err);
}

static json_t *frame_new(json_t *id)
{
    json_t *frame = xcheck(json_object());
    json_put(frame, "jsonrpc", json_string("2.0"));
    if (id)
        json_put(frame, "id", json_incref(id));
    return frame;
}

json_t *rpc_request(json_t *id, const char *method, json_t *params)
{
    json_t *frame = frame_new(id);
    json_put(frame, "method", json_string(method));
    if (params)
        json_put(frame, "params", json_incref(params));
    return frame;
}

json_t *rpc_notification(const char *method, json_t *params)
{
    return rpc_request(NULL, method, params);
}

json_t *rpc_result(json_t *id, json_t *result)
{
    json_t *frame = frame_new(id);
    json_put(frame, "result", result ? result : json_object());
    return frame;
}

json_t *rpc_error(json_t *id, int code, const char *message)
{
    json_t *error = xcheck(json_object());
    json_put(error, "code", json_integer(code));
    json_put(error, "message", json_str_new(message));
    json_t *frame = frame_new(id);
    json_put(frame, "error", error);
    return frame;
}

json_t *rpc_tool_text(const char *text, bool is_error)
{
    json_t *block = xcheck(json_object());
    json_put(block, "type", json_string("text"));
    json_put(block, "text", json_str_new(text));
    json_t *content = xcheck(json_array());
    json_push(content, block);
    json_t *result = xcheck(json_object());
    json_put(result, "content", content);
    if (is_error)
        json_put(result, "isError", json_true());
    return result;
}

char *rpc_text(json_t *frame)
{
    char *text = json_text(frame, JSON_STRUCT);
    json_decref(frame);
    return text;
}

bool rpc_id_equal(const json_t *a, const json_t *b)
{
    return a && b && json_equal(a, b);
}
