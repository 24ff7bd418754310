#include "run/redact.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/limits.h"
#include "io/http.h"
#include "io/json.h"

enum { SECRET_MIN = 8 };

void redact_release(struct redact *r)
{
    for (size_t i = 0; i < r->n; i++) {
        free(r->rows[i].name);
        free(r->rows[i].value);
    }
    free(r->rows);
    *r = (struct redact)REDACT_INIT;
}

static bool known(const struct redact *r, const char *value)
{
    for (size_t i = 0; i < r->n; i++)
        if (strcmp(r->rows[i].value, value) == 0)
            return true;
    return false;
}

static bool name_taken(const struct redact *r, const char *name)
{
    for (size_t i = 0; i < r->n; i++)
        if (strcmp(r->rows[i].name, name) == 0)
            return true;
    return false;
}

/* Longest first: a secret that contains another is replaced whole. */
static void insert(struct redact *r, const char *name, const char *value)
{
    if (known(r, value))
        return;
    if (r->n == r->cap) {
        r->cap = r->cap ? r->cap * 2 : 16;
        r->rows = xrealloc(r->rows, r->cap * sizeof(*r->rows));
    }
    size_t len = strlen(value), at = 0;
    while (at < r->n && r->rows[at].len >= len)
        at++;
    memmove(r->rows + at + 1, r->rows + at, (r->n - at) * sizeof(*r->rows));
    r->rows[at] = (struct redact_row){xstrdup(name), xstrdup(value), len};
    r->n++;
}

void redact_add(struct redact *r, const char *name, const char *value)
{
    if (!value || strlen(value) < SECRET_MIN || known(r, value))
        return;
    CLEANUP(free_ptr) char *unique = xstrdup(name);
    for (int i = 2; name_taken(r, unique); i++) {
        free(unique);
        unique = xasprintf("%s-%d", name, i);
    }
    insert(r, unique, value);
    CLEANUP(free_ptr) char *percent = http_escape(value);
    insert(r, unique, percent);
    CLEANUP(json_drop) json_t *j = json_string(value);
    if (!j)
        return; /* not UTF-8, so it cannot stand in JSON */
    CLEANUP(free_ptr) char *quoted = json_dumps(j, JSON_ENCODE_ANY);
    size_t len = strlen(xcheck(quoted));
    quoted[len - 1] = '\0';
    insert(r, unique, quoted + 1);
}

static bool ends_with(const char *s, const char *suffix)
{
    size_t n = strlen(s), m = strlen(suffix);
    return n >= m && strcasecmp(s + n - m, suffix) == 0;
}

/* A member of an answer, or a variable of an environment. */
static bool is_secret_member(const char *key)
{
    return ends_with(key, "_token") || ends_with(key, "_secret") ||
           ends_with(key, "_api_key");
}

/* `${NAME}`: names a secret, and is none. */
static bool is_reference(const char *value)
{
    size_t n = strlen(value);
    return n > 3 && strncmp(value, "${", 2) == 0 && strcspn(value, "}") == n - 1;
}

static void learn(struct redact *r, const char *prefix, const json_t *j, int depth);

/* JSON inside a JSON string: an MCP tool's text, a file's content. */
static void learn_text(struct redact *r, const char *prefix, const char *text, int depth)
{
    CLEANUP(json_drop) json_t *inner = NULL;
    const char *start = text + strspn(text, " \t\r\n");
    if ((*start == '{' || *start == '[') &&
        json_parse(start, strlen(start), &inner, NULL) == 0)
        learn(r, prefix, inner, depth);
}

static void learn(struct redact *r, const char *prefix, const json_t *j, int depth)
{
    if (depth > LIMIT_DEPTH)
        return;
    const char *key = NULL;
    json_t *value = NULL;
    if (json_is_array(j)) {
        for (size_t i = 0; i < json_array_size(j); i++)
            learn(r, prefix, json_array_get(j, i), depth + 1);
        return;
    }
    if (json_is_string(j))
        learn_text(r, prefix, json_string_value(j), depth + 1);
    if (!json_is_object(j))
        return;
    json_object_foreach((json_t *)(uintptr_t)j, key, value)
    {
        if (!json_is_string(value) || !is_secret_member(key)) {
            learn(r, prefix, value, depth + 1);
            continue;
        }
        if (is_reference(json_string_value(value)))
            continue;
        CLEANUP(free_ptr)
        char *name = prefix ? xasprintf("%s.%s", prefix, key) : xstrdup(key);
        redact_add(r, name, json_string_value(value));
    }
}

void redact_learn(struct redact *r, const char *prefix, const json_t *j)
{
    learn(r, prefix, j, 0);
}

/* Length of the valid UTF-8 sequence at s, 0 when there is none. */
static size_t utf8_len(const unsigned char *s, size_t n)
{
    static const struct {
        unsigned char mask, lead;
        size_t len;
        uint32_t min;
    } forms[] = {{0xe0, 0xc0, 2, 0x80}, {0xf0, 0xe0, 3, 0x800}, {0xf8, 0xf0, 4, 0x10000}};
    if (s[0] < 0x80)
        return s[0] ? 1 : 0;
    for (size_t f = 0; f < ARRAY_SIZE(forms); f++) {
        if ((s[0] & forms[f].mask) != forms[f].lead)
            continue;
        if (n < forms[f].len)
            return 0;
        uint32_t c = s[0] & (unsigned char)~forms[f].mask;
        for (size_t i = 1; i < forms[f].len; i++) {
            if ((s[i] & 0xc0) != 0x80)
                return 0;
            c = c << 6 | (s[i] & 0x3f);
        }
        bool bad = c < forms[f].min || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff);
        return bad ? 0 : forms[f].len;
    }
    return 0;
}

static void clean_utf8(const char *text, size_t len, struct buf *out)
{
    size_t start = 0, i = 0;
    while (i < len) {
        size_t n = utf8_len((const unsigned char *)text + i, len - i);
        if (n > 0) {
            i += n;
            continue;
        }
        buf_add(out, text + start, i - start);
        buf_addc(out, '?');
        start = ++i;
    }
    buf_add(out, text + start, len - start);
}

static void replace_all(struct buf *b, const struct redact_row *row)
{
    const char *hit = memmem(b->data, b->len, row->value, row->len);
    if (!hit)
        return;
    struct buf out = BUF_INIT(SIZE_MAX);
    const char *from = b->data, *end = b->data + b->len;
    for (; hit; hit = memmem(from, (size_t)(end - from), row->value, row->len)) {
        buf_add(&out, from, (size_t)(hit - from));
        buf_addf(&out, "<secret:%s>", row->name);
        from = hit + row->len;
    }
    buf_add(&out, from, (size_t)(end - from));
    buf_release(b);
    *b = out;
}

/* Drops what a cut may have left of a secret or of a character at the end. */
static void trim_cut(const struct redact *r, struct buf *b, size_t whole)
{
    size_t longest = r->n ? r->rows[0].len - 1 : 0;
    b->len -= longest < b->len ? longest : b->len;
    while (b->len > 0 && ((unsigned char)b->data[b->len - 1] & 0xc0) == 0x80)
        b->len--;
    if (b->len > 0 && (unsigned char)b->data[b->len - 1] >= 0xc0)
        b->len--;
    b->data[b->len] = '\0';
    buf_addf(b, "... (%zu bytes in all)", whole);
}

char *redact_text(const struct redact *r, const char *text, size_t len, size_t max)
{
    if (!text)
        return NULL;
    size_t take = max && len > max ? max : len;
    struct buf b = BUF_INIT(SIZE_MAX);
    clean_utf8(text, take, &b);
    for (size_t i = 0; i < r->n; i++)
        replace_all(&b, &r->rows[i]);
    if (take < len && b.len > 0)
        trim_cut(r, &b, len);
    return buf_steal(&b);
}

static void redact_value(const struct redact *r, json_t *value)
{
    const char *text = json_string_value(value);
    size_t len = json_string_length(value);
    if (!redact_find(r, text, len))
        return;
    CLEANUP(free_ptr) char *clean = redact_text(r, text, len, 0);
    json_string_set(value, clean);
}

void redact_json(const struct redact *r, json_t *j)
{
    const char *key = NULL;
    json_t *value = NULL;
    if (json_is_string(j)) {
        redact_value(r, j);
    } else if (json_is_array(j)) {
        for (size_t i = 0; i < json_array_size(j); i++)
            redact_json(r, json_array_get(j, i));
    } else if (json_is_object(j)) {
        json_object_foreach(j, key, value)
        {
            redact_json(r, value);
        }
    }
}

const char *redact_find(const struct redact *r, const char *text, size_t len)
{
    for (size_t i = 0; i < r->n; i++)
        if (memmem(text, len, r->rows[i].value, r->rows[i].len))
            return r->rows[i].name;
    return NULL;
}
