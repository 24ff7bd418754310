#include "scenario/vars.h"

#include <stdlib.h>
#include <string.h>

#include "base/num.h"
#include "io/json.h"

#define SECRET_MIN 6 /* bytes; shorter values occur by chance */

struct secret {
    char *name;
    char *value;
    size_t len;
};

struct vars {
    json_t *base;    /* the lasting scope */
    json_t **locals; /* the pushed ones, innermost last */
    size_t n_locals;
    struct secret *secrets;
    size_t n_secrets;
};

struct vars *vars_new(void)
{
    struct vars *v = xcalloc(1, sizeof(*v));

    v->base = xcheck(json_object());
    return v;
}

void vars_free(struct vars *v)
{
    if (!v)
        return;
    json_decref(v->base);
    for (size_t i = 0; i < v->n_locals; i++)
        json_decref(v->locals[i]);
    free(v->locals);
    for (size_t i = 0; i < v->n_secrets; i++) {
        free(v->secrets[i].name);
        free(v->secrets[i].value);
    }
    free(v->secrets);
    free(v);
}

void vars_drop(struct vars **v)
{
    vars_free(*v);
    *v = NULL;
}

/* Secrets */

static void keep_secret(struct vars *v, const char *name, const char *value, size_t len)
{
    for (size_t i = 0; i < v->n_secrets; i++)
        if (v->secrets[i].len == len && memcmp(v->secrets[i].value, value, len) == 0)
            return;
    v->secrets = xrealloc(v->secrets, (v->n_secrets + 1) * sizeof(*v->secrets));
    v->secrets[v->n_secrets++] =
        (struct secret){.name = xstrdup(name), .value = xstrndup(value, len), .len = len};
}

void vars_add_secret(struct vars *v, const char *name, const char *value)
{
    if (!value || strlen(value) < SECRET_MIN)
        return;
    keep_secret(v, name, value, strlen(value));

    /* The form that it has inside a JSON document. */
    json_t *j = xcheck(json_string_nocheck(value));
    char *text = xcheck(json_dumps(j, JSON_ENCODE_ANY));
    size_t len = strlen(text) - 2;
    if (len != strlen(value))
        keep_secret(v, name, text + 1, len);
    free(text);
    json_decref(j);
}

static bool is_secret_member(const char *key)
{
    static const char *const keys[] = {"token", "admin_token", "auth_token", "api_key",
                                       "secret"};

    for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
        if (strcmp(key, keys[i]) == 0)
            return true;
    return false;
}

static void learn_secrets(struct vars *v, const char *path, json_t *value)
{
    const char *key;
    json_t *member;

    for (size_t i = 0; json_is_array(value) && i < json_array_size(value); i++)
        learn_secrets(v, path, json_array_get(value, i));
    if (!json_is_object(value))
        return;
    json_object_foreach(value, key, member)
    {
        char *name = xasprintf("%s.%s", path, key);
        if (is_secret_member(key) && json_is_string(member))
            vars_add_secret(v, name, json_string_value(member));
        else
            learn_secrets(v, name, member);
        free(name);
    }
}

/* The secret that begins first in text at or after `from`, the longest of those. */
static const struct secret *next_secret(const struct vars *v, const char *text,
                                        size_t len, size_t from, size_t *ret_at)
{
    const struct secret *best = NULL;

    for (size_t i = 0; i < v->n_secrets; i++) {
        const struct secret *s = &v->secrets[i];
        const char *hit = memmem(text + from, len - from, s->value, s->len);
        if (!hit)
            continue;
        size_t at = (size_t)(hit - text);
        if (!best || at < *ret_at || (at == *ret_at && s->len > best->len)) {
            best = s;
            *ret_at = at;
        }
    }
    return best;
}

void vars_redact(const struct vars *v, const char *text, size_t len, struct buf *out)
{
    const struct secret *s;
    size_t from = 0, at = 0;

    while (from < len && (s = next_secret(v, text, len, from, &at))) {
        buf_add(out, text + from, at - from);
        buf_addf(out, "<secret:%s>", s->name);
        from = at + s->len;
    }
    buf_add(out, text + from, len - from);
}

static json_t *redact_string(const struct vars *v, const char *text, size_t len)
{
    struct buf b = BUF_INIT(len * 8 + 4096);
    json_t *j;

    vars_redact(v, text, len, &b);
    j = json_stringn_nocheck(b.data, b.len);
    buf_release(&b);
    return xcheck(j);
}

json_t *vars_redact_json(const struct vars *v, const json_t *j)
{
    if (json_is_string(j))
        return redact_string(v, json_string_value(j), json_string_length(j));
    if (json_is_array(j)) {
        json_t *list = xcheck(json_array());
        for (size_t i = 0; i < json_array_size(j); i++)
            (void)json_array_append_new(list, vars_redact_json(v, json_array_get(j, i)));
        return list;
    }
    if (json_is_object(j)) {
        json_t *obj = xcheck(json_object()), *member;
        const char *key;
        json_t *members = json_copy((json_t *)(uintptr_t)j);
        json_object_foreach(members, key, member)
        {
            json_t *name = redact_string(v, key, strlen(key));
            (void)json_object_set_new_nocheck(obj, json_string_value(name),
                                              vars_redact_json(v, member));
            json_decref(name);
        }
        json_decref(members);
        return obj;
    }
    return xcheck(json_deep_copy(j));
}

const char *vars_find_secret(const struct vars *v, const char *text, size_t len)
{
    size_t at = 0;
    const struct secret *s = next_secret(v, text, len, 0, &at);

    return s ? s->name : NULL;
}

/* Scopes and lookup */

void vars_set(struct vars *v, const char *name, json_t *value)
{
    learn_secrets(v, name, value);
    if (json_object_set_new_nocheck(v->base, name, xcheck(value)) != 0)
        (void)xcheck(NULL);
}

void vars_bind(struct vars *v, const char *name, json_t *value)
{
    if (json_is_object(value) && !json_object_get(value, "as"))
        (void)json_object_set_new_nocheck(value, "as", xcheck(json_string_nocheck(name)));
    vars_set(v, name, value);
}

void vars_push(struct vars *v, json_t *locals)
{
    v->locals = xrealloc(v->locals, (v->n_locals + 1) * sizeof(json_t *));
    v->locals[v->n_locals++] = xcheck(locals);
}

void vars_pop(struct vars *v)
{
    if (v->n_locals > 0)
        json_decref(v->locals[--v->n_locals]);
}

int vars_push_params(struct vars *v, const json_t *defaults, const struct ynode *with,
                     const char *file, struct err *err)
{
    json_t *all CLEANUP(json_drop) = xcheck(json_object());
    json_t *given CLEANUP(json_drop) = NULL;

    if (defaults)
        (void)json_object_update(all, (json_t *)(uintptr_t)defaults);
    if (with && with->kind == YNODE_MAP) {
        if (vars_json(v, with, file, &given, err) < 0)
            return -1;
        (void)json_object_update(all, given);
    }
    if (defaults)
        (void)json_object_set_new(all, "params", xcheck(json_copy(all)));
    vars_push(v, TAKE(all));
    return 0;
}

static json_t *root_value(const struct vars *v, const char *name)
{
    for (size_t i = v->n_locals; i > 0; i--) {
        json_t *found = json_object_get(v->locals[i - 1], name);
        if (found)
            return found;
    }
    return json_object_get(v->base, name);
}

static json_t *bound_object(const struct vars *v, const char *name)
{
    json_t *found = root_value(v, name);

    /* A parameter may be the name of another parameter's binding: one more step. */
    if (json_is_string(found) && strcmp(json_string_value(found), name) != 0)
        found = root_value(v, json_string_value(found));
    return json_is_object(found) && json_object_get(found, "as") ? found : NULL;
}

static json_t *member_of(const json_t *value, const char *name)
{
    int64_t index;

    if (json_is_object(value))
        return json_object_get(value, name);
    if (json_is_array(value) && num_parse(name, 0, INT32_MAX, &index))
        return json_array_get(value, (size_t)index);
    return NULL;
}

json_t *vars_get(const struct vars *v, const char *path)
{
    struct strv parts CLEANUP(strv_release) = STRV_INIT;
    json_t *value;

    strv_split(&parts, path, '.');
    if (parts.n == 0)
        return NULL;
    value = root_value(v, parts.v[0]);
    if (json_is_string(value) && parts.n > 1)
        value = bound_object(v, json_string_value(value));
    for (size_t i = 1; value && i < parts.n; i++)
        value = member_of(value, parts.v[i]);
    return value;
}

json_t *vars_ref(const struct vars *v, const json_t *ref)
{
    if (json_is_object(ref))
        return (json_t *)(uintptr_t)ref;
    return json_is_string(ref) ? bound_object(v, json_string_value(ref)) : NULL;
}

json_t *vars_all(const struct vars *v)
{
    if (v->n_locals == 0)
        return json_incref(v->base);

    json_t *all = xcheck(json_copy(v->base));
    for (size_t i = 0; i < v->n_locals; i++)
        (void)json_object_update(all, v->locals[i]);
    return all;
}

json_t *vars_all_for(const struct vars *v, const struct strv *paths,
                     const char **ret_missing)
{
    json_t *all = vars_all(v);
    bool copied = v->n_locals > 0;

    for (size_t i = 0; i < paths->n; i++) {
        bool flat = paths->v[i][0] == '=';
        const char *path = paths->v[i] + flat;
        json_t *value = vars_get(v, path);
        if (!value) {
            *ret_missing = path;
            json_decref(all);
            return NULL;
        }
        size_t len = strcspn(path, ".");
        char *root CLEANUP(free_ptr) = xstrndup(path, len);
        const json_t *alias = path[len] ? root_value(v, root) : NULL;
        if (!flat && !json_is_string(alias))
            continue;
        if (!copied) {
            json_t *mine = xcheck(json_copy(all));
            json_decref(all);
            all = mine;
            copied = true;
        }
        if (flat)
            (void)json_object_set(all, path, value);
        else
            (void)json_object_set(all, root, bound_object(v, json_string_value(alias)));
    }
    return all;
}

bool vars_name_is_good(const char *name)
{
    static const char letters[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_0123456789-";

    return name[0] && !strchr("0123456789-", name[0]) &&
           strspn(name, letters) == strlen(name);
}
