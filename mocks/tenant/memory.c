/*
 * Values that an agent keeps under keys, with a version and perhaps an end, and the
 * memories that need a plugin which a mock never has. Wire shapes: the group "memory" of
 * mocks/contracts/routes.json.
 *
 * A time to live is counted in real seconds under every pace: it is the client's own.
 */
#include <string.h>

#include "base/clock.h"
#include "io/json.h"
#include "mocks/tenant/handlers.h"
#include "mocks/tenant/rest.h"
#include "mocks/tenant/rows.h"

/* Rows {key, value, version, expires_at?, updated_at}, by key. */
static json_t *table(struct workspace *ws)
{
    return rest_array(ws->rest, "memory");
}

/* Index of the key, or where it belongs; *ret_row NULL = not there. A row whose time is
 * over still counts: its version goes on when the key is written again. */
static size_t place_of(const json_t *rows, const char *key, json_t **ret_row)
{
    *ret_row = NULL;
    for (size_t i = 0; i < json_array_size(rows); i++) {
        json_t *row = json_array_get(rows, i);
        int order = strcmp(json_str(row, "key", ""), key);
        if (order == 0)
            *ret_row = row;
        if (order >= 0)
            return i;
    }
    return json_array_size(rows);
}

static bool is_current(const json_t *row)
{
    int64_t end = row_time(row, "expires_at");
    return end == 0 || end > clock_wall_ms();
}

/* The value of the second parameter; NULL = 404 was answered. */
static json_t *need_row(struct call *call, const struct workspace *ws)
{
    json_t *row = NULL;
    const json_t *rows = json_object_get(ws->rest, "memory");
    (void)place_of(rows, call->params[1] ? call->params[1] : "", &row);
    if (row && is_current(row))
        return row;
    call_error(call, 404, "key not found");
    return NULL;
}

void memory_list(struct call *call)
{
    struct workspace *ws = rest_need_ws(call);
    if (!ws)
        return;
    json_t *list = json_array();
    size_t i = 0;
    json_t *row = NULL;
    json_array_foreach(table(ws), i, row)
    {
        if (is_current(row))
            json_array_append_new(list, json_copy(row));
    }
    call_struct(call, 200, list);
}

void memory_get(struct call *call)
{
    const struct workspace *ws = rest_need_ws(call);
    json_t *row = ws ? need_row(call, ws) : NULL;
    if (row)
        call_struct(call, 200, json_copy(row));
}

/* False: 409 was answered, because the row is not what the writer has seen. */
static bool need_version(struct call *call, const json_t *row, const json_t *expected)
{
    json_int_t want = json_integer_value(expected);
    if (json_is_null(expected) || !expected || want == json_int(row, "version", 0))
        return true;
    call_json(call, 409,
              json_make("{s:o,s:s,s:I}", "current_version",
                        row ? json_integer(json_int(row, "version", 0)) : json_null(),
                        "error",
                        row ? "if_match_version mismatch"
                            : "if_match_version mismatch: key does not exist",
                        "expected_version", want));
    return false;
}

void memory_put(struct call *call)
{
    static const struct rest_field fields[] = {
        {"key", 's'}, {"ttl_seconds", 'i'}, {"if_match_version", 'i'}};
    json_t *body = rest_need_body(call, "invalid request body");
    if (!body)
        return;
    const char *key = json_str(body, "key", "");
    if (!rest_fields_ok(body, fields, ARRAY_SIZE(fields))) {
        call_error(call, 400, "invalid request body");
        return;
    }
    if (!key[0]) {
        call_error(call, 400, "key is required");
        return;
    }
    struct workspace *ws = rest_need_ws(call);
    json_t *row = NULL;
    size_t at = ws ? place_of(table(ws), key, &row) : 0;
    if (!ws || !need_version(call, row, json_object_get(body, "if_match_version")))
        return;
    int64_t version = json_int(row, "version", 0) + 1;
    const json_t *ttl = json_object_get(body, "ttl_seconds");
    json_t *value = json_object_get(body, "value");
    json_t *fresh = json_make("{s:s}", "key", key);
    json_object_set_new(fresh, "value", value ? json_incref(value) : json_null());
    json_object_set_new(fresh, "version", json_integer(version));
    if (json_is_integer(ttl))
        json_object_set_new(fresh, "expires_at",
                            rest_time(clock_wall_ms() + json_integer_value(ttl) * 1000));
    row_set_now(fresh, "updated_at");
    if (row)
        json_array_set_new(table(ws), at, fresh);
    else
        json_array_insert_new(table(ws), at, fresh);
    call_json(call, 200,
              json_make("{s:s,s:s,s:I}", "key", key, "status", "ok", "version", version));
}

void memory_delete(struct call *call)
{
    struct workspace *ws = rest_need_ws(call);
    json_t *row = NULL;
    if (!ws)
        return;
    size_t at = place_of(table(ws), call->params[1] ? call->params[1] : "", &row);
    if (row)
        json_array_remove(table(ws), at);
    call_json(call, 200, json_make("{s:s}", "status", "deleted"));
}

void memory_without_plugin(struct call *call)
{
    call_error(call, 503, "memory plugin is not configured (set MEMORY_PLUGIN_URL)");
}
