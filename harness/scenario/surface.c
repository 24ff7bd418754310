#include "scenario/surface.h"

#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "io/json.h"

static const char *const members[] = {"name",        "title",        "description",
                                      "inputSchema", "outputSchema", "annotations"};

static int by_name(const void *a, const void *b)
{
    return strcmp(json_str(*(json_t *const *)a, "name", ""),
                  json_str(*(json_t *const *)b, "name", ""));
}

static json_t *one_tool(const json_t *tool)
{
    json_t *ours = xcheck(json_object());
    for (size_t i = 0; i < ARRAY_SIZE(members); i++) {
        json_t *value = json_object_get(tool, members[i]);
        if (value && json_object_set(ours, members[i], value))
            abort(); /* out of memory */
    }
    return ours;
}

json_t *surface_make(const json_t *tools)
{
    size_t n = json_array_size(tools);
    json_t **sorted = xcalloc(n + 1, sizeof(void *));
    json_t *list = xcheck(json_array());
    for (size_t i = 0; i < n; i++)
        sorted[i] = json_array_get(tools, i);
    qsort(sorted, n, sizeof(void *), by_name);
    for (size_t i = 0; i < n; i++)
        if (json_array_append_new(list, one_tool(sorted[i])))
            abort(); /* out of memory */
    free(sorted);
    return json_make("{s:s,s:o}", "waybill", "tools", "tools", list);
}

void surface_render(const json_t *surface, struct buf *out)
{
    char *text = xcheck(json_dumps(surface, JSON_INDENT(2) | JSON_SORT_KEYS));
    buf_adds(out, text);
    buf_addc(out, '\n');
    free(text);
}

int surface_read(const char *path, json_t **ret, struct err *err)
{
    CLEANUP(json_drop) json_t *read = NULL;
    struct err why = ERR_INIT;
    if (json_read_file(path, &read, &why))
        return err_set(err, ERR_CONFIG, "%s", why.text);
    if (strcmp(json_str(read, "waybill", ""), "tools") != 0 ||
        !json_is_array(json_object_get(read, "tools")))
        return err_set(err, ERR_CONFIG,
                       "'%s' is no list of tools; 'waybill mcp list --baseline FILE' "
                       "writes one",
                       path);
    *ret = TAKE(read);
    return 0;
}

/* ---- differences ---- */

struct diff {
    json_t *list;
    const char *tool;
};

static void set(json_t *row, const char *key, json_t *value)
{
    if (value && json_object_set(row, key, value))
        abort(); /* out of memory */
}

/* before or after NULL: there is none. */
static void differ(struct diff *d, const char *change, const char *path, json_t *before,
                   json_t *after)
{
    json_t *row =
        json_make("{s:s,s:s,s:s*}", "tool", d->tool, "change", change, "path", path);
    set(row, "before", before);
    set(row, "after", after);
    if (json_array_append_new(d->list, row))
        abort(); /* out of memory */
}

static void compare(struct diff *d, const char *path, json_t *a, json_t *b);

static void compare_member(struct diff *d, const char *path, const char *key, json_t *a,
                           json_t *b)
{
    CLEANUP(free_ptr)
    char *inner = *path ? xasprintf("%s.%s", path, key) : xstrdup(key);
    compare(d, inner, a, b);
}

static void compare_objects(struct diff *d, const char *path, json_t *a, json_t *b)
{
    const char *key = NULL;
    json_t *value = NULL;
    json_object_foreach(a, key, value)
    {
        compare_member(d, path, key, value, json_object_get(b, key));
    }
    json_object_foreach(b, key, value)
    {
        if (!json_object_get(a, key))
            compare_member(d, path, key, NULL, value);
    }
}

static void compare(struct diff *d, const char *path, json_t *a, json_t *b)
{
    if (a && b && json_equal(a, b))
        return;
    if (json_is_object(a) && json_is_object(b))
        compare_objects(d, path, a, b);
    else
        differ(d, "changed", path, a, b);
}

json_t *surface_differences(const json_t *expected, const json_t *actual)
{
    struct diff d = {.list = xcheck(json_array())};
    json_t *before = json_object_get(expected, "tools");
    json_t *after = json_object_get(actual, "tools");
    size_t i = 0, k = 0;
    /* Both are sorted by name. */
    while (i < json_array_size(before) || k < json_array_size(after)) {
        json_t *a = json_array_get(before, i), *b = json_array_get(after, k);
        const char *an = json_str(a, "name", ""), *bn = json_str(b, "name", "");
        int order = !a ? 1 : !b ? -1 : strcmp(an, bn);
        d.tool = order <= 0 ? an : bn;
        if (order == 0)
            compare_objects(&d, "", a, b);
        else
            differ(&d, order < 0 ? "removed" : "added", NULL, NULL, NULL);
        i += order <= 0;
        k += order >= 0;
    }
    return d.list;
}

/* Short enough for a line. */
static char *shown(const json_t *value)
{
    enum { MOST = 200 };
    if (!value)
        return xstrdup("nothing");
    char *text =
        xcheck(json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT | JSON_SORT_KEYS));
    if (strlen(text) > MOST) {
        char *cut = xasprintf("%.*s...", MOST, text);
        free(text);
        return cut;
    }
    return text;
}

void surface_words(const json_t *difference, struct buf *out)
{
    const char *change = json_str(difference, "change", "");
    const char *tool = json_str(difference, "tool", "");
    if (strcmp(change, "changed") != 0) {
        buf_addf(out, "%c tool '%s'", *change == 'a' ? '+' : '-', tool);
        return;
    }
    CLEANUP(free_ptr) char *before = shown(json_object_get(difference, "before"));
    CLEANUP(free_ptr) char *after = shown(json_object_get(difference, "after"));
    buf_addf(out, "~ tool '%s': %s: %s is now %s", tool, json_str(difference, "path", ""),
             before, after);
}

size_t surface_diff(const json_t *expected, const json_t *actual, struct buf *out)
{
    CLEANUP(json_drop) json_t *list = surface_differences(expected, actual);
    size_t n = json_array_size(list);
    for (size_t i = 0; i < n; i++) {
        surface_words(json_array_get(list, i), out);
        buf_addc(out, '\n');
    }
    return n;
}
