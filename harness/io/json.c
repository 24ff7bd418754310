#include "io/json.h"

#include "base/fs.h"
#include "base/limits.h"
#include "base/strv.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void json_drop(json_t **j)
{
    json_decref(*j);
    *j = NULL;
}

/* More than `left` arrays and objects inside one another. */
static bool too_deep(const json_t *j, int left)
{
    const char *key;
    json_t *value;

    if (!json_is_array(j) && !json_is_object(j))
        return false;
    if (left == 0)
        return true;
    for (size_t i = 0; i < json_array_size(j); i++) {
        if (too_deep(json_array_get(j, i), left - 1))
            return true;
    }
    json_object_foreach((json_t *)(uintptr_t)j, key, value)
    {
        if (too_deep(value, left - 1))
            return true;
    }
    return false;
}

/* The length of an integer that 64 bits do not hold; 0 = it is something else. */
static size_t huge_integer(const char *text, size_t len)
{
    bool negative = *text == '-';
    const char *most = negative ? "9223372036854775808" : "9223372036854775807";
    size_t n = negative;

    while (n < len && text[n] >= '0' && text[n] <= '9')
        n++;
    if (n < len && text[n] && strchr(".eE", text[n]))
        return 0;
    size_t digits = n - negative;
    bool huge = digits > 19 || (digits == 19 && memcmp(text + negative, most, 19) > 0);
    return huge ? n : 0;
}

static size_t number_length(const char *text, size_t len)
{
    size_t n = 1;

    while (n < len && text[n] && strchr("+-.0123456789Ee", text[n]))
        n++;
    return n;
}

/* The same text with "e0" after each integer that 64 bits do not hold, which makes it a
 * real number of that size. */
static void spell_as_reals(const char *text, size_t len, struct buf *out)
{
    bool quoted = false;

    for (size_t i = 0, n = 1; i < len; i += n) {
        bool escaped = quoted && text[i] == '\\' && i + 1 < len;
        bool digits = !quoted && (text[i] == '-' || (text[i] >= '0' && text[i] <= '9'));
        size_t huge = digits ? huge_integer(text + i, len - i) : 0;

        n = escaped ? 2 : huge ? huge : digits ? number_length(text + i, len - i) : 1;
        quoted ^= text[i] == '"';
        buf_add(out, text + i, n);
        if (huge)
            buf_adds(out, "e0");
    }
}

static json_t *load(const char *text, size_t len, json_error_t *why)
{
    struct buf spelled CLEANUP(buf_release) = BUF_INIT(SIZE_MAX / 2);
    json_t *j = json_loadb(text, len, JSON_DECODE_ANY | JSON_ALLOW_NUL, why);

    if (j || json_error_code(why) != json_error_numeric_overflow)
        return j;
    /* encoding/json, and so our own writer, writes reals below 1e21 without an exponent.
     */
    spell_as_reals(text, len, &spelled);
    return json_loadb(spelled.data, spelled.len, JSON_DECODE_ANY | JSON_ALLOW_NUL, why);
}

int json_parse(const char *text, size_t len, json_t **ret, struct err *err)
{
    return json_parse_deep(text, len, LIMIT_DEPTH, ret, err);
}

int json_parse_deep(const char *text, size_t len, int depth, json_t **ret,
                    struct err *err)
{
    json_error_t why;
    json_t *j = load(text, len, &why);

    if (!j && why.line > 0)
        return err_set(err, ERR_SHAPE, "not JSON: line %d, column %d: %s", why.line,
                       why.column, why.text);
    if (!j)
        return err_set(err, ERR_SHAPE, "not JSON: %s", why.text);
    if (too_deep(j, depth)) {
        json_decref(j);
        return err_set(err, ERR_SHAPE, "JSON is nested more than %d deep", depth);
    }
    *ret = j;
    return 0;
}

int json_read_file(const char *path, json_t **ret, struct err *err)
{
    CLEANUP(buf_release) struct buf text = BUF_INIT(LIMIT_FILE);

    if (fs_read(path, &text, err) < 0)
        return -1;
    if (json_parse(text.data, text.len, ret, err) < 0)
        return err_prefix(err, "%s", path);
    return 0;
}

static bool escapes_html(enum json_style style)
{
    return style != JSON_PRETTY;
}

/* What encoding/json writes for one byte below 0x20 or one of "\<>&; NULL = as it is. */
static const char *short_escape(char c)
{
    switch (c) {
    case '"':
        return "\\\"";
    case '\\':
        return "\\\\";
    case '\b':
        return "\\b";
    case '\f':
        return "\\f";
    case '\n':
        return "\\n";
    case '\r':
        return "\\r";
    case '\t':
        return "\\t";
    default:
        return NULL;
    }
}

static bool is_special(unsigned char c)
{
    return c == '"' || c == '\\' || c == '<' || c == '>' || c == '&';
}

static void add_string(struct buf *out, const char *s, size_t len, enum json_style style)
{
    size_t plain = 0; /* start of what is to be copied as it is */

    buf_addc(out, '"');
    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)s[i];
        /* Nearly every byte: letters, digits and most of the rest. */
        if (c >= 0x20 && c < 0x80 && !is_special(c))
            continue;
        const char *known = short_escape(s[i]);
        size_t width = 1;
        char code[8];

        if (known) {
            (void)snprintf(code, sizeof(code), "%s", known);
        } else if (c < 0x20 ||
                   (escapes_html(style) && (c == '<' || c == '>' || c == '&'))) {
            (void)snprintf(code, sizeof(code), "\\u%04x", c);
        } else if (escapes_html(style) && c == 0xe2 && len - i >= 3 &&
                   (memcmp(s + i, "\xe2\x80\xa8", 3) == 0 ||
                    memcmp(s + i, "\xe2\x80\xa9", 3) == 0)) {
            /* Line and paragraph separator: not allowed in JavaScript strings. */
            (void)snprintf(code, sizeof(code), "\\u202%c",
                           s[i + 2] == '\xa8' ? '8' : '9');
            width = 3;
        } else {
            continue;
        }
        buf_add(out, s + plain, i - plain);
        buf_adds(out, code);
        i += width - 1;
        plain = i + 1;
    }
    buf_add(out, s + plain, len - plain);
    buf_addc(out, '"');
}

/* The shortest text that reads back as the same number; exponents only where
 * encoding/json uses them: below 1e-6 and from 1e21. */
static void add_real(struct buf *out, double value)
{
    double size = fabs(value);
    char text[40];
    int digits = 1;

    if (size < 1e15 && value == floor(value)) {
        buf_addf(out, "%.0f", value);
        return;
    }
    for (; digits <= 17; digits++) {
        (void)snprintf(text, sizeof(text), "%.*e", digits - 1, value);
        if (strtod(text, NULL) == value)
            break;
    }
    if (size != 0 && (size < 1e-6 || size >= 1e21)) {
        char *zero = strstr(text, "e-0");

        if (zero)
            memmove(zero + 2, zero + 3, strlen(zero + 3) + 1);
        buf_adds(out, text);
    } else {
        const char *mark = strchr(text, 'e');
        int exponent = mark ? (int)strtod(mark + 1, NULL) : 0;
        int decimals = digits - 1 - exponent;

        buf_addf(out, "%.*f", decimals > 0 ? decimals : 0, value);
    }
}

static void add_value(struct buf *out, const json_t *j, enum json_style style, int level);

static void new_line(struct buf *out, enum json_style style, int level)
{
    if (style == JSON_PRETTY)
        buf_addf(out, "\n%*s", level * 2, "");
}

static void add_array(struct buf *out, const json_t *j, enum json_style style, int level)
{
    size_t n = json_array_size(j);

    buf_addc(out, '[');
    for (size_t i = 0; i < n; i++) {
        if (i)
            buf_addc(out, ',');
        new_line(out, style, level + 1);
        add_value(out, json_array_get(j, i), style, level + 1);
    }
    if (n)
        new_line(out, style, level);
    buf_addc(out, ']');
}

enum { MEMBERS_FEW = 40 }; /* of an object that is rendered without allocating */

struct member {
    const char *key;
    const json_t *value;
};

static int by_key(const void *a, const void *b)
{
    return strcmp(((const struct member *)a)->key, ((const struct member *)b)->key);
}

/* Few members, which most builders set in about the right order, are sorted in place;
 * qsort would allocate and compare all of them. */
static void sort_members(struct member *v, size_t n)
{
    if (n > MEMBERS_FEW) {
        qsort(v, n, sizeof(*v), by_key);
        return;
    }
    for (size_t i = 1; i < n; i++) {
        struct member moved = v[i];
        size_t to = i;

        for (; to > 0 && strcmp(v[to - 1].key, moved.key) > 0; to--)
            v[to] = v[to - 1];
        v[to] = moved;
    }
}

static void add_object(struct buf *out, const json_t *j, enum json_style style, int level)
{
    size_t size = json_object_size(j), n = 0;
    struct member few[MEMBERS_FEW];
    struct member *members = size <= MEMBERS_FEW ? few : xcalloc(size, sizeof(*members));
    const char *key;
    json_t *value;

    json_object_foreach((json_t *)(uintptr_t)j, key, value)
    {
        members[n++] = (struct member){.key = key, .value = value};
    }
    if (style == JSON_WIRE)
        sort_members(members, n);
    buf_addc(out, '{');
    for (size_t i = 0; i < n; i++) {
        if (i)
            buf_addc(out, ',');
        new_line(out, style, level + 1);
        add_string(out, members[i].key, strlen(members[i].key), style);
        buf_adds(out, style == JSON_PRETTY ? ": " : ":");
        add_value(out, members[i].value, style, level + 1);
    }
    if (n)
        new_line(out, style, level);
    buf_addc(out, '}');
    if (members != few)
        free(members);
}

static void add_value(struct buf *out, const json_t *j, enum json_style style, int level)
{
    if (!j) {
        buf_adds(out, "null");
        return;
    }
    switch (json_typeof(j)) {
    case JSON_OBJECT:
        add_object(out, j, style, level);
        break;
    case JSON_ARRAY:
        add_array(out, j, style, level);
        break;
    case JSON_STRING:
        add_string(out, json_string_value(j), json_string_length(j), style);
        break;
    case JSON_INTEGER:
        buf_addf(out, "%" JSON_INTEGER_FORMAT, json_integer_value(j));
        break;
    case JSON_REAL:
        add_real(out, json_real_value(j));
        break;
    case JSON_TRUE:
        buf_adds(out, "true");
        break;
    case JSON_FALSE:
        buf_adds(out, "false");
        break;
    case JSON_NULL:
        buf_adds(out, "null");
        break;
    }
}

void json_render(const json_t *j, enum json_style style, struct buf *out)
{
    add_value(out, j, style, 0);
}

char *json_text(const json_t *j, enum json_style style)
{
    struct buf out = BUF_INIT(SIZE_MAX / 2);

    json_render(j, style, &out);
    return buf_steal(&out);
}

static void add_shown(struct buf *out, const char *text, size_t len)
{
    while (len > 0) {
        const char *nul = memchr(text, '\0', len);
        size_t n = nul ? (size_t)(nul - text) : len;
        buf_add(out, text, n);
        if (nul)
            buf_adds(out, "\xef\xbf\xbd");
        text += n + (nul != NULL);
        len -= n + (nul != NULL);
    }
}

char *json_texts(const json_t *parts)
{
    struct buf out = BUF_INIT(SIZE_MAX / 2);
    bool first = true;

    for (size_t i = 0; i < json_array_size(parts); i++) {
        const json_t *text = json_object_get(json_array_get(parts, i), "text");
        if (!json_is_string(text))
            continue;
        if (!first)
            buf_addc(&out, '\n');
        add_shown(&out, json_string_value(text), json_string_length(text));
        first = false;
    }
    return buf_steal(&out);
}

const char *json_str(const json_t *obj, const char *key, const char *fallback)
{
    const json_t *j = json_object_get(obj, key);

    /* With a NUL inside it would be cut short: "platform\0x" is not "platform". */
    if (!json_is_string(j) || strlen(json_string_value(j)) != json_string_length(j))
        return fallback;
    return json_string_value(j);
}

int64_t json_int(const json_t *obj, const char *key, int64_t fallback)
{
    const json_t *j = json_object_get(obj, key);

    return json_is_integer(j) ? (int64_t)json_integer_value(j) : fallback;
}

bool json_bool(const json_t *obj, const char *key, bool fallback)
{
    const json_t *j = json_object_get(obj, key);

    return json_is_boolean(j) ? json_is_true(j) : fallback;
}

void json_put(json_t *object, const char *key, json_t *value)
{
    if (json_object_set_new(object, key, xcheck(value)))
        abort();
}

void json_push(json_t *array, json_t *value)
{
    if (json_array_append_new(array, xcheck(value)))
        abort();
}
