/* Arguments of a tool from words of a command line. */
#include "cli/cmd_mcp.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "base/num.h"
#include "io/json.h"

static int read_stdin(struct buf *out, struct err *err)
{
    char chunk[4096];
    for (size_t n; (n = fread(chunk, 1, sizeof(chunk), stdin)) > 0;)
        buf_add(out, chunk, n);
    if (ferror(stdin) || out->truncated)
        return err_set(err, ERR_USAGE, "--args: stdin cannot be read, or is too long");
    return 0;
}

/* --args, or an empty object. */
static int read_object(const struct mcp_session *s, json_t **ret, struct err *err)
{
    CLEANUP(buf_release) struct buf text = BUF_INIT(LIMIT_LINE);
    CLEANUP(json_drop) json_t *read = NULL;
    if (!s->a->args) {
        *ret = xcheck(json_object());
        return 0;
    }
    if (strcmp(s->a->args, "-") != 0)
        buf_adds(&text, s->a->args);
    else if (read_stdin(&text, err))
        return -1;
    struct err why = ERR_INIT;
    if (json_parse(text.data, text.len, &read, &why))
        return err_set(err, ERR_USAGE, "--args: %s", why.text);
    if (!json_is_object(read))
        return err_set(err, ERR_USAGE, "--args takes a JSON object");
    *ret = TAKE(read);
    return 0;
}

/* The types that a property may have: one name, or a list of them. */
static bool may_be(const json_t *property, const char *type)
{
    const json_t *types = json_object_get(property, "type");
    if (json_is_string(types))
        return strcmp(json_string_value(types), type) == 0;
    for (size_t i = 0; i < json_array_size(types); i++) {
        const char *one = json_string_value(json_array_get(types, i));
        if (one && strcmp(one, type) == 0)
            return true;
    }
    return false;
}

/* Text unless the schema, or without one the text itself, says that it is more. */
static json_t *value_of(const json_t *property, const char *text)
{
    static const char *const others[] = {"integer", "number", "boolean",
                                         "object",  "array",  "null"};
    bool other = !json_object_get(property, "type");
    bool plain = may_be(property, "string");
    for (size_t i = 0; i < ARRAY_SIZE(others); i++)
        other = other || may_be(property, others[i]);
    json_t *read = NULL;
    if (plain || !other || json_parse(text, strlen(text), &read, NULL))
        return json_str_new(text);
    return read;
}

int mcp_arguments_of(const struct mcp_session *s, const struct strv *words, size_t first,
                     const json_t *schema, json_t **ret, struct err *err)
{
    CLEANUP(json_drop) json_t *arguments = NULL;
    const json_t *properties = json_object_get(schema, "properties");
    if (read_object(s, &arguments, err))
        return -1;
    for (size_t i = first; i < words->n; i++) {
        const char *equals = strchr(words->v[i], '=');
        if (!equals || equals == words->v[i])
            return err_set(err, ERR_USAGE,
                           "'%s' is no argument; they are written key=value",
                           words->v[i]);
        CLEANUP(free_ptr)
        char *key = xstrndup(words->v[i], (size_t)(equals - words->v[i]));
        json_t *value = value_of(json_object_get(properties, key), equals + 1);
        if (json_object_set_new(arguments, key, value))
            return err_set(err, ERR_USAGE, "'%s' is not UTF-8", key);
    }
    *ret = TAKE(arguments);
    return 0;
}
