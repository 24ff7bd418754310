/* ${...} in the texts of a scenario. */
#include "scenario/vars.h"

#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "io/json.h"

/* Length of the path that begins at s and is closed by '}', 0 when it is not one. */
static size_t path_length(const char *s)
{
    static const char letters[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_0123456789-.";
    size_t n = strspn(s, letters);

    if (n == 0 || s[n] != '}' || strchr("0123456789-.", s[0]) || s[n - 1] == '.')
        return 0;
    for (size_t i = 1; i < n; i++)
        if (s[i] == '.' && s[i - 1] == '.')
            return 0;
    return n;
}

int vars_each_path(const char *text, vars_path_fn *fn, void *arg, size_t *ret_bad)
{
    const char *s = text;

    while ((s = strstr(s, "${"))) {
        if (s > text && s[-1] == '$') {
            s += 2;
            continue;
        }
        size_t n = path_length(s + 2);
        if (n == 0) {
            *ret_bad = (size_t)(s - text);
            return -1;
        }
        char *path = xstrndup(s + 2, n);
        int r = fn ? fn(path, (size_t)(s - text), arg) : 0;
        free(path);
        if (r != 0)
            return r;
        s += n + 3;
    }
    return 0;
}

struct place {
    const struct vars *vars;
    const char *file;
    int line, col;
};

static int lookup(const struct place *at, const char *path, json_t **ret, struct err *err)
{
    *ret = vars_get(at->vars, path);
    if (*ret)
        return 0;
    return err_set(err, ERR_CONFIG, "%s:%d:%d: undefined variable '%s'", at->file,
                   at->line, at->col, path);
}

static int add_value(const struct place *at, const char *path, struct buf *out,
                     struct err *err)
{
    json_t *value;

    if (lookup(at, path, &value, err) < 0)
        return -1;
    if (json_is_string(value)) {
        buf_add(out, json_string_value(value), json_string_length(value));
        return 0;
    }
    if (json_is_object(value) && json_object_get(value, "as"))
        return err_set(err, ERR_CONFIG,
                       "%s:%d:%d: '%s' is a whole object; name a member, as in ${%s.id}",
                       at->file, at->line, at->col, path, path);
    char *text = xcheck(json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY));
    buf_adds(out, text);
    free(text);
    return 0;
}

static int add_text(const struct place *at, const char *text, struct buf *out,
                    struct err *err)
{
    const char *s = text, *dollar;

    while ((dollar = strstr(s, "${"))) {
        if (dollar > s && dollar[-1] == '$') {
            buf_add(out, s, (size_t)(dollar - s) - 1);
            buf_adds(out, "${");
            s = dollar + 2;
            continue;
        }
        buf_add(out, s, (size_t)(dollar - s));
        size_t n = path_length(dollar + 2);
        if (n == 0)
            return err_set(
                err, ERR_CONFIG,
                "%s:%d:%d: malformed variable at '%.20s'; write ${name.member}, "
                "or $${ for the text itself",
                at->file, at->line, at->col, dollar);
        char *path CLEANUP(free_ptr) = xstrndup(dollar + 2, n);
        if (add_value(at, path, out, err) < 0)
            return -1;
        s = dollar + n + 3;
    }
    buf_adds(out, s);
    if (out->truncated)
        return err_set(err, ERR_CONFIG, "%s:%d:%d: the text becomes too long", at->file,
                       at->line, at->col);
    return 0;
}

static int scalar_json(const struct place *at, const struct ynode *node, json_t **ret,
                       struct err *err)
{
    const char *text = node->text;
    size_t len = strlen(text);
    json_t *value;

    if (!strstr(text, "${")) {
        *ret = xcheck(ynode_to_json(node));
        return 0;
    }
    if (strncmp(text, "${", 2) == 0 && path_length(text + 2) + 3 == len) {
        char *path CLEANUP(free_ptr) = xstrndup(text + 2, len - 3);
        if (lookup(at, path, &value, err) < 0)
            return -1;
        *ret = xcheck(json_deep_copy(value));
        return 0;
    }
    struct buf b CLEANUP(buf_release) = BUF_INIT(LIMIT_REQUEST_BODY);
    if (add_text(at, text, &b, err) < 0)
        return -1;
    *ret = xcheck(json_stringn_nocheck(b.data, b.len));
    return 0;
}

static int map_json(const struct vars *v, const struct ynode *node, const char *file,
                    json_t **ret, struct err *err)
{
    json_t *obj CLEANUP(json_drop) = xcheck(json_object());

    for (size_t i = 0; i < node->n; i++) {
        const struct ypair *pair = &node->pairs[i];
        struct place at = {v, file, pair->line, pair->col};
        struct buf key CLEANUP(buf_release) = BUF_INIT(LIMIT_ERROR_TEXT);
        json_t *value;
        if (add_text(&at, pair->key, &key, err) < 0 ||
            vars_json(v, pair->value, file, &value, err) < 0)
            return -1;
        (void)json_object_set_new_nocheck(obj, key.data, value);
    }
    *ret = TAKE(obj);
    return 0;
}

int vars_json(const struct vars *v, const struct ynode *node, const char *file,
              json_t **ret, struct err *err)
{
    struct place at = {v, file, node ? node->line : 0, node ? node->col : 0};

    if (!node || node->kind == YNODE_NULL) {
        *ret = json_null();
        return 0;
    }
    if (node->kind == YNODE_SCALAR)
        return scalar_json(&at, node, ret, err);
    if (node->kind == YNODE_MAP)
        return map_json(v, node, file, ret, err);

    json_t *list CLEANUP(json_drop) = xcheck(json_array());
    for (size_t i = 0; i < node->n; i++) {
        json_t *item;
        if (vars_json(v, node->items[i], file, &item, err) < 0)
            return -1;
        (void)json_array_append_new(list, item);
    }
    *ret = TAKE(list);
    return 0;
}

int vars_text(const struct vars *v, const struct ynode *node, const char *file,
              char **ret, struct err *err)
{
    struct place at = {v, file, node ? node->line : 0, node ? node->col : 0};
    struct buf b CLEANUP(buf_release) = BUF_INIT(LIMIT_REQUEST_BODY);
    json_t *j CLEANUP(json_drop) = NULL;

    if (node && node->kind == YNODE_SCALAR) {
        if (add_text(&at, node->text, &b, err) < 0)
            return -1;
        *ret = b.len ? buf_steal(&b) : xstrdup("");
        return 0;
    }
    if (vars_json(v, node, file, &j, err) < 0)
        return -1;
    *ret = xcheck(json_dumps(j, JSON_COMPACT | JSON_ENCODE_ANY));
    return 0;
}

char *vars_show(const struct vars *v, const char *text)
{
    struct buf b = BUF_INIT(LIMIT_ERROR_TEXT);
    const char *s = text, *dollar;

    while ((dollar = strstr(s, "${"))) {
        size_t n = path_length(dollar + 2);
        buf_add(&b, s, (size_t)(dollar - s));
        char *path = xstrndup(dollar + 2, n);
        json_t *value = n ? vars_get(v, path) : NULL;
        char *shown = value ? json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY) : NULL;
        if (json_is_string(value))
            buf_adds(&b, json_string_value(value));
        else if (shown)
            buf_adds(&b, shown);
        else
            buf_add(&b, dollar, n + 2);
        if (!value && n)
            buf_addc(&b, '}');
        free(shown);
        free(path);
        s = dollar + 2 + (n ? n + 1 : 0);
    }
    buf_adds(&b, s);
    char *text_out = xstrdup(b.data);
    buf_release(&b);
    return text_out;
}
