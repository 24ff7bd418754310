#include "mocks/server/state_shape.h"

#include <string.h>

#include "base/strv.h"
#include "io/json.h"
#include "mocks/control_plane/boxes.h"
#include "mocks/server/state.h"

/* clang-format off */
#define OF(owner, type, member, quiet)                                                   \
    {#member, type, quiet, offsetof(struct owner, member), sizeof(((struct owner *)NULL)->member)}
/* The size of a pointer is meant here, so its type is named. */
#define JSON(owner, member)                                                              \
    {#member, FIELD_JSON, false, offsetof(struct owner, member), sizeof(json_t *)}
#define WS(type, member) OF(workspace, type, member, false)
#define WS_QUIET(type, member) OF(workspace, type, member, true)
#define ORG(type, member) OF(org, type, member, false)
#define TOKEN(type, member) OF(token, type, member, false)
#define BOX(type, member) OF(box, type, member, false)
#define SECRET(type, member) OF(secret, type, member, false)
#define PLUGIN(type, member) OF(plugin_row, type, member, false)
#define PLATFORM(type, member) OF(platform, type, member, false)
#define ROWS(owner, member, list, row, shape)                                            \
    {#member, offsetof(struct owner, member) + offsetof(struct list, v),                 \
     offsetof(struct owner, member) + offsetof(struct list, n), sizeof(struct row), &(shape)}
#define SHAPE(fields, rows) {fields, ARRAY_SIZE(fields), rows, ARRAY_SIZE(rows)}
#define PLAIN(fields) {fields, ARRAY_SIZE(fields), NULL, 0}

static const struct field secret_fields[] = {
    SECRET(FIELD_NAME, key), SECRET(FIELD_NAME, value), SECRET(FIELD_INT64, created_at),
    SECRET(FIELD_INT64, updated_at),
};
static const struct shape shape_secret = PLAIN(secret_fields);

static const struct field plugin_fields[] = {
    PLUGIN(FIELD_CHARS, id), PLUGIN(FIELD_NAME, plugin_name), PLUGIN(FIELD_NAME, source_raw),
    PLUGIN(FIELD_TEXT, tracked_ref), PLUGIN(FIELD_TEXT, installed_sha),
    PLUGIN(FIELD_INT64, created_at), PLUGIN(FIELD_INT64, updated_at),
};
static const struct shape shape_plugin = PLAIN(plugin_fields);

static const struct field workspace_fields[] = {
    WS(FIELD_CHARS, id), WS(FIELD_NAME, name), WS(FIELD_TEXT, role), WS(FIELD_TEXT, template),
    WS(FIELD_NAME, kind), WS(FIELD_NAME, runtime), WS(FIELD_NAME, status), WS(FIELD_NAME, url),
    WS(FIELD_CHARS, parent_id), WS(FIELD_INT, tier), WS(FIELD_NAME, delivery_mode),
    WS(FIELD_TEXT, workspace_dir), WS(FIELD_NAME, workspace_access),
    WS(FIELD_NAME, current_task), WS(FIELD_NAME, last_sample_error),
    JSON(workspace, agent_card), JSON(workspace, compute), JSON(workspace, budget),
    WS(FIELD_DOUBLE, last_error_rate), WS(FIELD_DOUBLE, monthly_spend), WS(FIELD_DOUBLE, x),
    WS(FIELD_DOUBLE, y), WS(FIELD_INT64, active_tasks), WS_QUIET(FIELD_INT64, uptime_seconds),
    WS(FIELD_INT64, max_concurrent_tasks), WS(FIELD_INT64, budget_limit),
    WS(FIELD_BOOL, collapsed), WS(FIELD_BOOL, broadcast_enabled),
    WS(FIELD_BOOL, talk_to_user_enabled), WS(FIELD_BOOL, external),
    WS(FIELD_INT64, created_at), WS(FIELD_INT64, updated_at), WS(FIELD_INT64, removed_at),
    WS_QUIET(FIELD_INT64, last_heartbeat_at), WS_QUIET(FIELD_INT64, last_outbound_at),
    JSON(workspace, loaded_mcp_tools), WS(FIELD_CHARS, inbound_secret),
    WS(FIELD_BOOL, reset_session), WS(FIELD_TEXT, template_once),
    WS(FIELD_TEXT, restart_wanted),
};
static const struct rows_field workspace_rows[] = {
    ROWS(workspace, secrets, secrets, secret, shape_secret),
    ROWS(workspace, declared, plugin_rows, plugin_row, shape_plugin),
    ROWS(workspace, installed, plugin_rows, plugin_row, shape_plugin),
};
const struct shape shape_workspace = SHAPE(workspace_fields, workspace_rows);

static const struct field box_fields[] = {
    BOX(FIELD_INT, port), BOX(FIELD_INT, boots), BOX(FIELD_INT, reconciles),
    JSON(box, arrivals), BOX(FIELD_LIST, env), BOX(FIELD_BOOL, wanted),
    BOX(FIELD_CHARS, preparing),
};
const struct shape shape_box = PLAIN(box_fields);

static const struct field org_fields[] = {
    ORG(FIELD_CHARS, id), ORG(FIELD_NAME, slug), ORG(FIELD_NAME, name),
    ORG(FIELD_TEXT, owner_user_id), ORG(FIELD_NAME, status), ORG(FIELD_NAME, instance_status),
    ORG(FIELD_NAME, admin_token), ORG(FIELD_TEXT, alias_host), ORG(FIELD_INT64, created_at),
    JSON(org, switches), JSON(org, faults),
};
static const struct rows_field org_rows[] = {ROWS(org, secrets, secrets, secret, shape_secret)};
const struct shape shape_org = SHAPE(org_fields, org_rows);

static const struct field token_fields[] = {
    TOKEN(FIELD_CHARS, id), TOKEN(FIELD_CHARS, prefix), TOKEN(FIELD_CHARS, hash),
    TOKEN(FIELD_KIND, kind), TOKEN(FIELD_TEXT, name), TOKEN(FIELD_TEXT, created_by),
    TOKEN(FIELD_INT64, created_at), OF(token, FIELD_INT64, last_used_at, true),
    TOKEN(FIELD_INT64, expires_at), TOKEN(FIELD_BOOL, revoked),
};
const struct shape shape_token = PLAIN(token_fields);

static const struct field platform_fields[] = {
    PLATFORM(FIELD_INT, port), PLATFORM(FIELD_INT, https_port), PLATFORM(FIELD_NAME, cp_token),
    PLATFORM(FIELD_TEXT, shared_secret), PLATFORM(FIELD_NAME, forge_token),
    PLATFORM(FIELD_NAME, contract), JSON(platform, switches), JSON(platform, faults),
    JSON(platform, answer_seen), JSON(platform, early),
    JSON(platform, seen_sources), JSON(platform, forge_kept),
};
const struct shape shape_platform = PLAIN(platform_fields);
/* clang-format on */

/* ---- the place of a field ---- */

static const void *at(const void *base, size_t offset)
{
    return (const char *)base + offset;
}

static void *place(void *base, size_t offset)
{
    return (char *)base + offset;
}

static size_t rows_count(const struct rows_field *r, const void *base)
{
    size_t n = 0;
    memcpy(&n, at(base, r->n_at), sizeof n);
    return n;
}

static const char *row_at(const struct rows_field *r, const void *base, size_t i)
{
    const char *v = NULL;
    memcpy(&v, at(base, r->at), sizeof v);
    return v + i * r->row_size;
}

/* ---- the hash ---- */

static uint64_t mix(uint64_t h, uint64_t word)
{
    h = (h ^ word) * UINT64_C(0xff51afd7ed558ccd);
    return h ^ (h >> 32);
}

static uint64_t mix_bytes(uint64_t h, const void *data, size_t len)
{
    const char *p = data;
    h = mix(h, len);
    for (; len >= 8; p += 8, len -= 8) {
        uint64_t word;
        memcpy(&word, p, 8);
        h = mix(h, word);
    }
    uint64_t rest = 0;
    if (len > 0)
        memcpy(&rest, p, len);
    return mix(h, rest);
}

uint64_t shape_hash_text(const char *text, uint64_t seed)
{
    return text == NULL ? mix(seed, UINT64_MAX) : mix_bytes(seed, text, strlen(text));
}

uint64_t shape_hash_json(json_t *j, uint64_t seed)
{
    const char *key;
    json_t *value;
    size_t i;
    if (j == NULL)
        return mix(seed, UINT64_MAX - 1);
    uint64_t h = mix(seed, (uint64_t)json_typeof(j));
    if (json_is_string(j))
        return mix_bytes(h, json_string_value(j), json_string_length(j));
    if (json_is_integer(j))
        return mix(h, (uint64_t)json_integer_value(j));
    if (json_is_real(j)) {
        double real = json_real_value(j);
        return mix_bytes(h, &real, sizeof real);
    }
    json_object_foreach(j, key, value)
    {
        h = shape_hash_json(value, shape_hash_text(key, h));
    }
    json_array_foreach(j, i, value)
    {
        h = shape_hash_json(value, h);
    }
    return mix(h, json_array_size(j) + json_object_size(j));
}

static uint64_t hash_field(const struct field *f, const void *p, uint64_t h)
{
    const char *text = NULL;
    const struct strv *list = p;
    json_t *j = NULL;
    switch (f->type) {
    case FIELD_TEXT:
    case FIELD_NAME:
        memcpy(&text, p, sizeof text);
        return shape_hash_text(text, h);
    case FIELD_CHARS:
        return shape_hash_text(p, h);
    case FIELD_JSON:
        memcpy(&j, p, sizeof(void *));
        return shape_hash_json(j, h);
    case FIELD_LIST:
        for (size_t i = 0; i < list->n; i++)
            h = shape_hash_text(list->v[i], h);
        return mix(h, list->n);
    case FIELD_INT:
    case FIELD_INT64:
    case FIELD_DOUBLE:
    case FIELD_BOOL:
    case FIELD_KIND:
        return mix_bytes(h, p, f->size);
    }
    return h;
}

uint64_t shape_hash(const struct shape *shape, const void *base, uint64_t seed)
{
    uint64_t h = seed;
    for (size_t i = 0; i < shape->n_fields; i++)
        if (!shape->fields[i].quiet)
            h = hash_field(&shape->fields[i], at(base, shape->fields[i].at), h);
    for (size_t i = 0; i < shape->n_rows; i++) {
        const struct rows_field *r = &shape->rows[i];
        size_t n = rows_count(r, base);
        h = mix(h, n);
        for (size_t k = 0; k < n; k++)
            h = shape_hash(r->shape, row_at(r, base, k), h);
    }
    return h;
}

/* ---- JSON ---- */

static int64_t whole_number(const struct field *f, const void *p)
{
    int64_t wide = 0;
    int narrow = 0;
    if (f->type == FIELD_INT64) {
        memcpy(&wide, p, sizeof wide);
        return wide;
    }
    memcpy(&narrow, p, sizeof narrow);
    return narrow;
}

static json_t *list_json(const struct strv *list)
{
    json_t *out = xcheck(json_array());
    for (size_t i = 0; i < list->n; i++)
        (void)json_array_append_new(out, json_str_new(list->v[i]));
    return out;
}

static json_t *field_json(const struct field *f, const void *p)
{
    const char *text = NULL;
    json_t *j = NULL;
    double real = 0;
    bool yes = false;
    switch (f->type) {
    case FIELD_TEXT:
    case FIELD_NAME:
        memcpy(&text, p, sizeof text);
        return json_str_new(text);
    case FIELD_CHARS:
        return json_str_new(p);
    case FIELD_INT:
    case FIELD_INT64:
    case FIELD_KIND:
        return json_integer(whole_number(f, p));
    case FIELD_DOUBLE:
        memcpy(&real, p, sizeof real);
        return json_real(real);
    case FIELD_BOOL:
        memcpy(&yes, p, sizeof yes);
        return json_boolean(yes);
    case FIELD_JSON:
        memcpy(&j, p, sizeof(void *));
        return j == NULL ? json_null() : json_incref(j);
    case FIELD_LIST:
        return list_json(p);
    }
    return NULL;
}

json_t *shape_json(const struct shape *shape, const void *base)
{
    json_t *out = xcheck(json_object());
    for (size_t i = 0; i < shape->n_fields; i++)
        (void)json_object_set_new(
            out, shape->fields[i].name,
            field_json(&shape->fields[i], at(base, shape->fields[i].at)));
    for (size_t i = 0; i < shape->n_rows; i++) {
        const struct rows_field *r = &shape->rows[i];
        json_t *list = xcheck(json_array());
        for (size_t k = 0; k < rows_count(r, base); k++)
            (void)json_array_append_new(list, shape_json(r->shape, row_at(r, base, k)));
        (void)json_object_set_new(out, r->name, list);
    }
    return out;
}

/* ---- and back ---- */

static bool fits_type(const struct field *f, const json_t *value)
{
    switch (f->type) {
    case FIELD_TEXT:
        return json_is_string(value) || json_is_null(value);
    case FIELD_NAME:
        return json_is_string(value);
    case FIELD_CHARS:
        return json_is_string(value) && json_string_length(value) < f->size;
    case FIELD_INT:
    case FIELD_INT64:
    case FIELD_KIND:
        return json_is_integer(value);
    case FIELD_DOUBLE:
        return json_is_number(value);
    case FIELD_BOOL:
        return json_is_boolean(value);
    case FIELD_JSON:
        return true;
    case FIELD_LIST:
        return json_is_array(value);
    }
    return false;
}

static void load_list(struct strv *list, const json_t *value)
{
    size_t i;
    json_t *text;
    strv_release(list);
    json_array_foreach(value, i, text)
    {
        if (json_is_string(text))
            strv_add(list, json_string_value(text));
    }
}

static void load_json(void *p, json_t *value)
{
    json_t *old = NULL;
    json_t *now = json_is_null(value) ? NULL : json_incref(value);
    memcpy(&old, p, sizeof(void *));
    json_decref(old);
    memcpy(p, &now, sizeof(void *));
}

static void load_field(const struct field *f, void *p, json_t *value)
{
    int64_t wide = json_integer_value(value);
    int narrow = (int)wide;
    double real = json_number_value(value);
    bool yes = json_is_true(value);
    switch (f->type) {
    case FIELD_TEXT:
    case FIELD_NAME:
        str_set(p, json_string_value(value));
        break;
    case FIELD_CHARS:
        memcpy(p, json_string_value(value), json_string_length(value) + 1);
        break;
    case FIELD_INT:
    case FIELD_KIND:
        memcpy(p, &narrow, sizeof narrow);
        break;
    case FIELD_INT64:
        memcpy(p, &wide, sizeof wide);
        break;
    case FIELD_DOUBLE:
        memcpy(p, &real, sizeof real);
        break;
    case FIELD_BOOL:
        memcpy(p, &yes, sizeof yes);
        break;
    case FIELD_JSON:
        load_json(p, value);
        break;
    case FIELD_LIST:
        load_list(p, value);
        break;
    }
}

static void release_texts(const struct shape *shape, void *base)
{
    for (size_t i = 0; i < shape->n_fields; i++)
        if (shape->fields[i].type == FIELD_TEXT || shape->fields[i].type == FIELD_NAME)
            str_set(place(base, shape->fields[i].at), NULL);
}

/* The array is made anew; the struct must not have rows yet. */
static int load_rows(const struct rows_field *r, void *base, const json_t *list,
                     struct err *err)
{
    size_t n = json_array_size(list);
    if (!json_is_array(list))
        return err_set(err, ERR_SHAPE, "'%s' is no list", r->name);
    if (n == 0)
        return 0;
    char *v = xcalloc(n, r->row_size);
    size_t i = 0;
    while (i < n &&
           shape_load(r->shape, v + i * r->row_size, json_array_get(list, i), err) == 0)
        i++;
    memcpy(place(base, r->at), &v, sizeof v);
    memcpy(place(base, r->n_at), &i, sizeof i);
    if (i == n)
        return 0;
    release_texts(r->shape, v + i * r->row_size); /* half a row */
    return -1;
}

int shape_load(const struct shape *shape, void *base, const json_t *object,
               struct err *err)
{
    if (!json_is_object(object))
        return err_set(err, ERR_SHAPE, "a row is no object");
    for (size_t i = 0; i < shape->n_fields; i++) {
        const struct field *f = &shape->fields[i];
        json_t *value = json_object_get(object, f->name);
        if (value == NULL && f->type != FIELD_NAME)
            continue;
        if (!fits_type(f, value))
            return err_set(err, ERR_SHAPE, "'%s' is of the wrong type", f->name);
        load_field(f, place(base, f->at), value);
    }
    for (size_t i = 0; i < shape->n_rows; i++) {
        json_t *list = json_object_get(object, shape->rows[i].name);
        if (list != NULL && load_rows(&shape->rows[i], base, list, err) < 0)
            return -1;
    }
    return 0;
}
