/* What a command line gives a tool, read before anybody is asked anything, and which
 * options an action has. */
#include "cli/cmd_mcp.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "base/num.h"
#include "base/utf8.h"
#include "io/json.h"
#include "scenario/surface.h"

/* ---- options ---- */

/* Of some actions only; the others are of all. */
static const struct {
    const char *option, *actions[2];
} only_of[] = {
    {"args", {"call", "bench"}}, {"input", {"call"}},  {"baseline", {"list"}},
    {"match", {"list"}},         {"count", {"bench"}}, {"cold", {"bench"}},
};

static bool is_of(size_t row, const char *action)
{
    for (size_t i = 0; i < ARRAY_SIZE(only_of[row].actions); i++)
        if (only_of[row].actions[i] && strcmp(only_of[row].actions[i], action) == 0)
            return true;
    return false;
}

/* A value of the option from wherever, if the action has that option. */
static const char *value_for(const char *action, const char *option, const char *value)
{
    for (size_t i = 0; i < ARRAY_SIZE(only_of); i++)
        if (strcmp(only_of[i].option, option) == 0)
            return is_of(i, action) ? value : NULL;
    return value;
}

int mcp_check_options(const char *action, const struct mcp_arguments *a, struct err *err)
{
    for (size_t i = 0; i < ARRAY_SIZE(only_of); i++) {
        const char *const *of = only_of[i].actions;
        if (!strv_has(&a->given, only_of[i].option) || is_of(i, action))
            continue;
        return err_set(err, ERR_USAGE, "mcp %s: --%s is an option of %s%s%s", action,
                       only_of[i].option, of[0], of[1] ? " and " : "",
                       of[1] ? of[1] : "");
    }
    return 0;
}

/* ---- inputs ---- */

static int read_stdin(struct buf *out, struct err *err)
{
    char chunk[4096];
    for (size_t n; (n = fread(chunk, 1, sizeof(chunk), stdin)) > 0;)
        buf_add(out, chunk, n);
    if (ferror(stdin) || out->truncated)
        return err_set(err, ERR_USAGE, "--args: stdin cannot be read, or is too long");
    return 0;
}

static int read_object(const char *option, const char *text, size_t len, json_t **ret,
                       struct err *err)
{
    CLEANUP(json_drop) json_t *read = NULL;
    struct err why = ERR_INIT;
    if (strspn(text, " \t\r\n") == len)
        return err_set(err, ERR_USAGE, "%s is empty", option);
    if (json_parse(text, len, &read, &why))
        return err_set(err, ERR_USAGE, "%s: %s", option, why.text);
    if (!json_is_object(read))
        return err_set(err, ERR_USAGE, "%s takes a JSON object", option);
    *ret = TAKE(read);
    return 0;
}

/* --args, or an empty object. */
static int read_args(struct mcp_session *s, const char *args, struct err *err)
{
    CLEANUP(buf_release) struct buf text = BUF_INIT(LIMIT_LINE);
    if (args && strcmp(args, "-") == 0) {
        if (read_stdin(&text, err))
            return -1;
    } else {
        buf_adds(&text, args ? args : "{}");
    }
    return read_object("--args", text.data, text.len, &s->arguments, err);
}

/* Of the words key=value, before anybody is asked what the values are. */
static int check_words(const struct mcp_session *s, struct err *err)
{
    CLEANUP(strv_release) struct strv keys = STRV_INIT;
    for (size_t i = 0; i < s->words.n; i++) {
        const char *word = s->words.v[i];
        size_t n = strcspn(word, "=");
        if (i > 0 && (!n || !word[n]))
            return err_set(err, ERR_USAGE,
                           "'%s' is no argument; they are written key=value", word);
        if (utf8_valid(word, strlen(word)) != strlen(word))
            return err_set(err, ERR_USAGE, "'%s' is not UTF-8", word);
        if (i == 0)
            continue;
        CLEANUP(free_ptr) char *key = xstrndup(word, n);
        if (strv_has(&keys, key) || json_object_get(s->arguments, key))
            return err_set(err, ERR_USAGE, "'%s' is given twice", key);
        strv_add(&keys, key);
    }
    return 0;
}

int mcp_read_inputs(struct mcp_session *s, const char *action, struct err *err)
{
    const struct mcp_arguments *a = s->a;
    const char *input = value_for(action, "input", a->input);
    const char *match = value_for(action, "match", a->match);
    const char *args = value_for(action, "args", a->args);
    if (strcmp(action, "bench") == 0 && a->count < 1)
        return err_set(err, ERR_USAGE, "--count takes 1 or more");
    if (match && a->baseline)
        return err_set(err, ERR_USAGE,
                       "--baseline writes and --match compares: which of the two?");
    if (read_args(s, args, err) || check_words(s, err) ||
        (input && read_object("--input", input, strlen(input), &s->input, err)) ||
        (match && surface_read(match, &s->expected, err)))
        return -1;
    return 0;
}

/* ---- values ---- */

enum { MAY_BE_NULL = 1, MAY_BE_TEXT = 2, MAY_BE_OTHER = 4, MOST_REFS = 16 };

static unsigned type_named(const char *name)
{
    if (!name)
        return 0;
    return strcmp(name, "string") == 0 ? MAY_BE_TEXT
           : strcmp(name, "null") == 0 ? MAY_BE_NULL
                                       : MAY_BE_OTHER;
}

static unsigned type_of_value(const json_t *value)
{
    return json_is_string(value) ? MAY_BE_TEXT
           : json_is_null(value) ? MAY_BE_NULL
           : value               ? MAY_BE_OTHER
                                 : 0;
}

/* What a "$ref" within the schema names: "#/$defs/x". NULL = nothing, or elsewhere. */
static const json_t *referred(const json_t *root, const char *ref)
{
    CLEANUP(strv_release) struct strv parts = STRV_INIT;
    if (ref[0] != '#' || (ref[1] && ref[1] != '/'))
        return NULL;
    strv_split(&parts, ref + 1, '/');
    for (size_t i = 0; i < parts.n && root; i++) {
        CLEANUP(buf_release) struct buf key = BUF_INIT(LIMIT_ERROR_TEXT);
        int64_t at = 0;
        for (const char *p = parts.v[i]; *p; p++) {
            if (*p != '~' || (p[1] != '0' && p[1] != '1')) {
                buf_addc(&key, *p);
                continue;
            }
            p++;
            buf_adds(&key, *p == '0' ? "~" : "/");
        }
        if (!json_is_array(root))
            root = json_object_get(root, key.data);
        else if (num_parse(key.data, 0, INT32_MAX, &at))
            root = json_array_get(root, (size_t)at);
        else
            root = NULL;
    }
    return root;
}

/* What a value of the schema may be; 0 = it does not say. refs: how many more references
 * and branches within each other are followed. */
static unsigned may_be(const json_t *root, const json_t *schema, int refs)
{
    static const char *const branches[] = {"anyOf", "oneOf", "allOf"};
    const json_t *type = json_object_get(schema, "type");
    const json_t *values = json_object_get(schema, "enum");
    const char *ref = json_str(schema, "$ref", NULL);
    unsigned all = type_named(json_string_value(type));
    for (size_t i = 0; i < json_array_size(type); i++)
        all |= type_named(json_string_value(json_array_get(type, i)));
    if (all || refs == 0)
        return all;
    for (size_t i = 0; i < json_array_size(values); i++)
        all |= type_of_value(json_array_get(values, i));
    all |= type_of_value(json_object_get(schema, "const"));
    if (ref)
        all |= may_be(root, referred(root, ref), refs - 1);
    for (size_t i = 0; i < ARRAY_SIZE(branches); i++) {
        const json_t *list = json_object_get(schema, branches[i]);
        for (size_t k = 0; k < json_array_size(list); k++)
            all |= may_be(root, json_array_get(list, k), refs - 1);
    }
    return all;
}

/* Text where the schema allows one; what the text itself says where it does not, or says
 * nothing. NULL = an integer that would be sent as another number. */
static json_t *value_of(const json_t *root, const json_t *property, const char *text)
{
    unsigned all = may_be(root, property, MOST_REFS);
    json_t *read = NULL;
    if ((all & MAY_BE_NULL) && strcmp(text, "null") == 0)
        return json_null();
    if ((all & MAY_BE_TEXT) || json_parse(text, strlen(text), &read, NULL))
        return json_str_new(text);
    if (json_is_real(read) && !strpbrk(text, ".eE")) {
        json_decref(read);
        return NULL;
    }
    return read;
}

static const json_t *schema_of(const struct mcp_answer *list, const char *name)
{
    const json_t *tools = json_object_get(list->result, "tools");
    for (size_t i = 0; i < json_array_size(tools); i++) {
        const json_t *tool = json_array_get(tools, i);
        if (strcmp(json_str(tool, "name", ""), name) == 0)
            return json_object_get(tool, "inputSchema");
    }
    return NULL;
}

int mcp_arguments_of(const struct mcp_session *s, const struct mcp_answer *list,
                     json_t **ret, struct err *err)
{
    CLEANUP(json_drop) json_t *arguments = xcheck(json_deep_copy(s->arguments));
    const json_t *schema = s->words.n ? schema_of(list, s->words.v[0]) : NULL;
    const json_t *properties = json_object_get(schema, "properties");
    for (size_t i = 1; i < s->words.n; i++) {
        const char *equals = strchr(s->words.v[i], '=');
        CLEANUP(free_ptr)
        char *key = xstrndup(s->words.v[i], (size_t)(equals - s->words.v[i]));
        json_t *value = value_of(schema, json_object_get(properties, key), equals + 1);
        if (!value)
            return err_set(err, ERR_USAGE,
                           "'%.200s': more than 64 bits hold; with e0 at its end it is "
                           "sent as a real number, in double quotes as a text",
                           s->words.v[i]);
        json_put(arguments, key, value);
    }
    *ret = TAKE(arguments);
    return 0;
}
