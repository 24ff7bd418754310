#include "mocks/box/toml.h"

#include "base/limits.h"
#include "base/num.h"
#include "io/json.h"

#include <string.h>

static const char BARE[] =
    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-";

struct reader {
    const char *at;
    int line;
    int depth;
    struct err *err;
};

static int refused(struct reader *r, const char *why)
{
    return err_set(r->err, ERR_CONFIG, "config.toml:%d: %s", r->line, why);
}

/* Blanks on this line; with newlines and comments too inside brackets. */
static void skip_blank(struct reader *r, bool lines)
{
    for (;; r->at++) {
        if (lines && *r->at == '#')
            r->at += strcspn(r->at, "\n");
        if (lines && *r->at == '\n')
            r->line++;
        else if (*r->at != ' ' && *r->at != '\t' && *r->at != '\r')
            return;
    }
}

/* A string in either quotes; NULL = it does not end on this line. */
static char *read_quoted(struct reader *r)
{
    char quote = *r->at;
    const char *from = r->at++;

    while (*r->at && *r->at != '\n' && *r->at != quote)
        r->at += quote == '"' && r->at[0] == '\\' && r->at[1] ? 2 : 1;
    if (*r->at != quote)
        return NULL;
    r->at++;
    if (quote == '\'')
        return xstrndup(from + 1, (size_t)(r->at - from - 2));
    /* The escapes of a basic string are those of JSON. */
    json_t *j CLEANUP(json_drop) =
        json_loadb(from, (size_t)(r->at - from), JSON_DECODE_ANY, NULL);
    return json_is_string(j) ? xstrdup(json_string_value(j)) : NULL;
}

/* One part of a key; NULL = none stands here. */
static char *read_part(struct reader *r)
{
    skip_blank(r, false);
    if (*r->at == '"' || *r->at == '\'')
        return read_quoted(r);
    size_t len = strspn(r->at, BARE);
    char *part = len ? xstrndup(r->at, len) : NULL;
    r->at += len;
    return part;
}

static json_t *table_in(json_t *table, const char *name)
{
    json_t *there = json_object_get(table, name);

    if (!json_is_object(there)) {
        there = xcheck(json_object());
        (void)json_object_set_new(table, name, there);
    }
    return there;
}

/* Reads a.b.c; *ret_table is where the last part belongs, *ret_key that part, owned. */
static int read_key(struct reader *r, json_t *table, json_t **ret_table, char **ret_key)
{
    char *key CLEANUP(free_ptr) = read_part(r);

    for (skip_blank(r, false); key && *r->at == '.'; skip_blank(r, false)) {
        r->at++;
        table = table_in(table, key);
        free(key);
        key = read_part(r);
    }
    if (!key)
        return refused(r, "a key is missing");
    *ret_table = table;
    *ret_key = TAKE(key);
    return 0;
}

static int read_value(struct reader *r, json_t **ret);
static int read_pair(struct reader *r, json_t *table);

static int read_string(struct reader *r, json_t **ret)
{
    char *text CLEANUP(free_ptr) = read_quoted(r);

    if (!text)
        return refused(r, "a text does not end on its line");
    *ret = xcheck(json_string(text));
    return 0;
}

static int read_list(struct reader *r, json_t **ret)
{
    json_t *list CLEANUP(json_drop) = xcheck(json_array());

    for (r->at++, skip_blank(r, true); *r->at != ']'; skip_blank(r, true)) {
        json_t *value = NULL;
        if (read_value(r, &value) < 0)
            return -1;
        (void)json_array_append_new(list, value);
        skip_blank(r, true);
        if (*r->at == ',')
            r->at++;
        else if (*r->at != ']')
            return refused(r, "an array does not end");
    }
    r->at++;
    *ret = TAKE(list);
    return 0;
}

static int read_inline_table(struct reader *r, json_t **ret)
{
    json_t *table CLEANUP(json_drop) = xcheck(json_object());

    for (r->at++, skip_blank(r, true); *r->at != '}'; skip_blank(r, true)) {
        if (read_pair(r, table) < 0)
            return -1;
        skip_blank(r, true);
        if (*r->at == ',')
            r->at++;
        else if (*r->at != '}')
            return refused(r, "an inline table does not end");
    }
    r->at++;
    *ret = TAKE(table);
    return 0;
}

/* true, 12, 1.5; whatever else stands there is kept as the text that it is. */
static int read_word(struct reader *r, json_t **ret)
{
    size_t len = strcspn(r->at, ",]}#\r\n");
    int64_t number = 0;

    while (len && (r->at[len - 1] == ' ' || r->at[len - 1] == '\t'))
        len--;
    if (!len)
        return refused(r, "a value is missing");
    char *word CLEANUP(free_ptr) = xstrndup(r->at, len);
    r->at += len;
    if (strcmp(word, "true") == 0 || strcmp(word, "false") == 0)
        *ret = json_boolean(*word == 't');
    else if (num_parse(word, INT64_MIN, INT64_MAX, &number))
        *ret = xcheck(json_integer(number));
    else
        *ret = xcheck(json_string(word));
    return 0;
}

static int read_value(struct reader *r, json_t **ret)
{
    int rc;

    if (++r->depth > LIMIT_DEPTH)
        return refused(r, "values are nested too deep");
    if (*r->at == '"' || *r->at == '\'')
        rc = read_string(r, ret);
    else if (*r->at == '[')
        rc = read_list(r, ret);
    else if (*r->at == '{')
        rc = read_inline_table(r, ret);
    else
        rc = read_word(r, ret);
    r->depth--;
    return rc;
}

static int read_pair(struct reader *r, json_t *table)
{
    char *key CLEANUP(free_ptr) = NULL;
    json_t *value = NULL;

    if (read_key(r, table, &table, &key) < 0)
        return -1;
    if (*r->at != '=')
        return refused(r, "'=' is missing");
    r->at++;
    skip_blank(r, false);
    if (read_value(r, &value) < 0)
        return -1;
    (void)json_object_set_new(table, key, value);
    return 0;
}

static int read_header(struct reader *r, json_t *root, json_t **ret_table)
{
    char *key CLEANUP(free_ptr) = NULL;

    r->at++;
    if (*r->at == '[')
        return refused(r, "arrays of tables are not read");
    if (read_key(r, root, ret_table, &key) < 0)
        return -1;
    if (*r->at != ']')
        return refused(r, "']' is missing");
    r->at++;
    *ret_table = table_in(*ret_table, key);
    return 0;
}

int toml_parse(const char *text, json_t **ret, struct err *err)
{
    json_t *root CLEANUP(json_drop) = xcheck(json_object());
    struct reader r = {.at = text, .line = 1, .err = err};
    json_t *table = root;

    for (skip_blank(&r, true); *r.at; skip_blank(&r, true)) {
        int rc = *r.at == '[' ? read_header(&r, root, &table) : read_pair(&r, table);
        if (rc < 0)
            return -1;
        skip_blank(&r, false);
        if (*r.at && !strchr("\n#", *r.at))
            return refused(&r, "something stands after the value");
    }
    *ret = TAKE(root);
    return 0;
}

/* ---- writing ---- */

char *toml_key(const char *key)
{
    json_t *j CLEANUP(json_drop) = NULL;

    if (*key && strspn(key, BARE) == strlen(key))
        return xstrdup(key);
    j = xcheck(json_string(key));
    return json_text(j, JSON_STRUCT);
}

void toml_add_table(struct buf *out, const char *name, json_t *members)
{
    const char *key;
    json_t *value;

    if (out->len)
        buf_addc(out, '\n');
    buf_addf(out, "[%s]\n", name);
    json_object_foreach(members, key, value)
    {
        /* Arrays of texts, texts, numbers and booleans are written alike in JSON. */
        char *quoted CLEANUP(free_ptr) = toml_key(key);
        char *text CLEANUP(free_ptr) = json_text(value, JSON_STRUCT);
        if (!json_is_object(value) && !json_is_null(value))
            buf_addf(out, "%s = %s\n", quoted, text);
    }
    json_object_foreach(members, key, value)
    {
        char *quoted CLEANUP(free_ptr) = toml_key(key);
        char *below CLEANUP(free_ptr) = xasprintf("%s.%s", name, quoted);
        if (json_is_object(value))
            toml_add_table(out, below, value);
    }
}

void toml_add_without(struct buf *out, const char *text, const char *name)
{
    char *table CLEANUP(free_ptr) = xasprintf("[%s]", name);
    char *below CLEANUP(free_ptr) = xasprintf("[%s.", name);
    bool dropping = false;

    while (*text) {
        size_t len = strcspn(text, "\n");
        len += text[len] == '\n';
        if (*text == '[')
            dropping = strncmp(text, table, strlen(table)) == 0 ||
                       strncmp(text, below, strlen(below)) == 0;
        if (!dropping)
            buf_add(out, text, len);
        text += len;
    }
}
