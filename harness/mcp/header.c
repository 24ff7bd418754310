#include "mcp/header.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/ids.h"
#include "base/limits.h"
#include "base/num.h"
#include "base/utf8.h"
#include "io/json.h"

#define WRAP_START "=?base64?"
#define WRAP_END "?="
#define MAX_SAFE_INTEGER 9007199254740991 /* 2^53 - 1, what every peer can hold */

enum { START_LEN = sizeof(WRAP_START) - 1, END_LEN = sizeof(WRAP_END) - 1 };

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

static bool is_wrapped(const char *value, size_t len)
{
    return len >= START_LEN + END_LEN && memcmp(value, WRAP_START, START_LEN) == 0 &&
           memcmp(value + len - END_LEN, WRAP_END, END_LEN) == 0;
}

/* Tabs are allowed in a header, but proxies turn them into spaces. */
static bool is_plain(const char *value, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if (value[i] < 0x20 || value[i] > 0x7e)
            return false;
    return len == 0 ||
           (!is_blank(value[0]) && !is_blank(value[len - 1]) && !is_wrapped(value, len));
}

char *mcp_header_encode(const char *value, size_t len)
{
    if (is_plain(value, len))
        return xstrndup(value, len);
    CLEANUP(free_ptr) char *coded = base64_encode(value, len);
    return xasprintf(WRAP_START "%s" WRAP_END, coded);
}

char *mcp_header_decode(const char *value, size_t *ret_len)
{
    while (is_blank(*value))
        value++;
    size_t len = strlen(value);
    while (len > 0 && is_blank(value[len - 1]))
        len--;
    for (size_t i = 0; i < len; i++)
        if ((value[i] < 0x20 && value[i] != '\t') || value[i] > 0x7e)
            return NULL;
    if (!is_wrapped(value, len)) {
        *ret_len = len;
        return xstrndup(value, len);
    }
    CLEANUP(free_ptr)
    char *inner = xstrndup(value + START_LEN, len - START_LEN - END_LEN);
    CLEANUP(free_ptr) char *text = base64_decode(inner, ret_len);
    if (!text || utf8_valid(text, *ret_len) != *ret_len)
        return NULL;
    return TAKE(text);
}

/* Integers past 2^53 as such: a double would take neighbours for equal. */
static bool is_number(const char *text, const json_t *argument)
{
    int64_t whole = 0;
    double number = 0;
    if (json_is_integer(argument) && num_parse(text, INT64_MIN, INT64_MAX, &whole))
        return whole == json_integer_value(argument);
    if (!num_parse_double(text, &number))
        return false;
    double difference = number - json_number_value(argument);
    return difference <= 0 && difference >= 0;
}

bool mcp_header_matches(const char *value, const json_t *argument)
{
    size_t len = 0;
    CLEANUP(free_ptr) char *text = mcp_header_decode(value, &len);
    if (!text)
        return false;
    if (json_is_string(argument))
        return len == json_string_length(argument) &&
               memcmp(text, json_string_value(argument), len) == 0;
    if (json_is_boolean(argument))
        return strcmp(text, json_is_true(argument) ? "true" : "false") == 0;
    return json_is_number(argument) && strlen(text) == len && is_number(text, argument);
}

static const struct {
    const char *method, *member;
} named[] = {
    {"tools/call", "name"},
    {"prompts/get", "name"},
    {"resources/read", "uri"},
};

const char *mcp_header_name_member(const char *method)
{
    for (size_t i = 0; i < ARRAY_SIZE(named); i++)
        if (strcmp(named[i].method, method) == 0)
            return named[i].member;
    return NULL;
}

const json_t *mcp_header_name_source(const char *method, const json_t *params)
{
    const char *member = mcp_header_name_member(method);
    const json_t *value = member ? json_object_get(params, member) : NULL;
    return json_is_string(value) ? value : NULL;
}

/* ---- annotations ---- */

void mcp_params_release(struct mcp_params *p)
{
    for (size_t i = 0; i < p->n; i++) {
        free(p->v[i].header);
        strv_release(&p->v[i].path);
    }
    free(p->v);
    *p = (struct mcp_params)MCP_PARAMS_INIT;
}

static bool is_token(const char *s)
{
    if (!*s)
        return false;
    for (; *s; s++) {
        unsigned char c = (unsigned char)*s;
        if (c > 0x7e || (!isalnum(c) && !strchr("!#$%&'*+-.^_`|~", c)))
            return false;
    }
    return true;
}

static bool is_primitive(const json_t *property)
{
    const char *type = json_str(property, "type", "");
    return strcmp(type, "string") == 0 || strcmp(type, "integer") == 0 ||
           strcmp(type, "boolean") == 0;
}

static bool add_param(const json_t *property, const struct strv *path,
                      struct mcp_params *ret, struct buf *why)
{
    const json_t *mark = json_object_get(property, "x-mcp-header");
    const char *name = json_str(property, "x-mcp-header", NULL);
    const char *at = path->n ? path->v[path->n - 1] : "";
    if (!mark)
        return true;
    if (!name || !is_token(name)) {
        buf_addf(why, "'x-mcp-header' of '%s' is no header name", at);
        return false;
    }
    if (!is_primitive(property)) {
        buf_addf(why,
                 "'x-mcp-header' of '%s': only strings, integers and booleans can be "
                 "sent in a header",
                 at);
        return false;
    }
    CLEANUP(free_ptr) char *header = xasprintf("Mcp-Param-%s", name);
    for (size_t i = 0; i < ret->n; i++) {
        if (strcasecmp(ret->v[i].header, header) == 0) {
            buf_addf(why, "'x-mcp-header' of '%s': '%s' is taken already", at, name);
            return false;
        }
    }
    ret->v = xrealloc(ret->v, (ret->n + 1) * sizeof(*ret->v));
    struct mcp_param *p = &ret->v[ret->n++];
    *p = (struct mcp_param){.header = TAKE(header), .path = STRV_INIT};
    strv_copy(&p->path, path);
    return true;
}

/* Keywords whose values are data, in which a member of that name means nothing. */
static const char *const data_keywords[] = {"const", "default", "enum", "examples"};
/* Keywords whose values are schemas by a name that is the author's. */
static const char *const map_keywords[] = {
    "$defs",     "definitions", "dependencies", "dependentSchemas", "patternProperties",
    "properties"};

static bool is_any(const char *key, const char *const *names, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (strcmp(names[i], key) == 0)
            return true;
    return false;
}

static bool has_stray(const json_t *j);

static bool keyword_has_stray(const char *keyword, const json_t *value)
{
    const char *name = NULL;
    json_t *member = NULL;
    if (is_any(keyword, data_keywords, ARRAY_SIZE(data_keywords)))
        return false;
    if (!is_any(keyword, map_keywords, ARRAY_SIZE(map_keywords)))
        return has_stray(value);
    json_object_foreach((json_t *)(uintptr_t)value, name, member)
    {
        if (has_stray(member))
            return true;
    }
    return false;
}

/* An annotation that no argument can be found for: below items, a composition, a
 * condition or a definition. j: a schema or an array of them. */
static bool has_stray(const json_t *j)
{
    const char *key = NULL;
    json_t *value = NULL;
    if (json_object_get(j, "x-mcp-header"))
        return true;
    json_object_foreach((json_t *)(uintptr_t)j, key, value)
    {
        if (keyword_has_stray(key, value))
            return true;
    }
    for (size_t i = 0; i < json_array_size(j); i++)
        if (has_stray(json_array_get(j, i)))
            return true;
    return false;
}

static bool read_schema(const json_t *schema, struct strv *path, struct mcp_params *ret,
                        struct buf *why)
{
    const char *key = NULL;
    json_t *value = NULL;
    json_object_foreach((json_t *)(uintptr_t)schema, key, value)
    {
        if (strcmp(key, "properties") == 0 || strcmp(key, "x-mcp-header") == 0)
            continue;
        if (keyword_has_stray(key, value)) {
            buf_addf(why, "'x-mcp-header' below '%s' belongs to no argument", key);
            return false;
        }
    }
    json_t *properties = json_object_get(schema, "properties");
    json_object_foreach(properties, key, value)
    {
        strv_add(path, key);
        bool good =
            add_param(value, path, ret, why) && read_schema(value, path, ret, why);
        free(path->v[--path->n]);
        path->v[path->n] = NULL;
        if (!good)
            return false;
    }
    return true;
}

bool mcp_params_read(const json_t *schema, struct mcp_params *ret, struct buf *why)
{
    CLEANUP(strv_release) struct strv path = STRV_INIT;
    mcp_params_release(ret);
    if (json_object_get(schema, "x-mcp-header")) {
        buf_adds(why, "'x-mcp-header' of the whole schema belongs to no argument");
        return false;
    }
    return read_schema(schema, &path, ret, why);
}

const json_t *mcp_param_value(const struct mcp_param *p, const json_t *arguments)
{
    const json_t *at = arguments;
    for (size_t i = 0; at && i < p->path.n; i++)
        at = json_object_get(at, p->path.v[i]);
    return json_is_null(at) ? NULL : at;
}

/* NULL = a value of a kind that no header can carry: the server will say so. */
static char *value_text(const json_t *value)
{
    if (json_is_string(value))
        return mcp_header_encode(json_string_value(value), json_string_length(value));
    if (json_is_boolean(value))
        return xstrdup(json_is_true(value) ? "true" : "false");
    if (json_is_integer(value))
        return xasprintf("%" JSON_INTEGER_FORMAT, json_integer_value(value));
    double real = json_real_value(value);
    if (json_is_real(value) && real >= -MAX_SAFE_INTEGER && real <= MAX_SAFE_INTEGER)
        return xasprintf("%.17g", real);
    return NULL;
}

void mcp_params_headers(const struct mcp_params *p, const json_t *arguments,
                        struct strv *headers)
{
    for (size_t i = 0; i < p->n; i++) {
        const json_t *value = mcp_param_value(&p->v[i], arguments);
        CLEANUP(free_ptr) char *text = value ? value_text(value) : NULL;
        if (text)
            strv_addf(headers, "%s: %s", p->v[i].header, text);
    }
}
