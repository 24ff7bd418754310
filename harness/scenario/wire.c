#include "scenario/wire.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "io/json.h"

#define SHOWN_MAX 160 /* bytes of a value in a finding */
#define TOKEN_LEN 43
#define UUID_LEN 36

struct walk {
    const char *at, *end;
    struct buf path;
    struct buf *why;
};

/* ---- strings and their placeholders ---- */

/* Each tells whether the whole text is one. */
typedef bool piece_fn(const char *s, size_t len);

static bool is_text(const char *s, size_t len)
{
    (void)s;
    (void)len;
    return true;
}

static size_t run_of(const char *s, size_t len, const char *more)
{
    size_t n = 0;

    while (n < len && (isalnum((unsigned char)s[n]) || strchr(more, s[n])))
        n++;
    return n;
}

static bool is_token(const char *s, size_t len)
{
    return len == TOKEN_LEN && run_of(s, len, "-_") == len;
}

static bool is_hex(const char *s, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if (!isxdigit((unsigned char)s[i]) || isupper((unsigned char)s[i]))
            return false;
    return len > 0;
}

/* d: a digit, anything else is itself; the shape's length. 0 = it is not so. */
static size_t shape(const char *s, size_t len, const char *want)
{
    size_t n = strlen(want);

    if (len < n)
        return 0;
    for (size_t i = 0; i < n; i++)
        if (want[i] == 'd' ? !isdigit((unsigned char)s[i]) : s[i] != want[i])
            return 0;
    return n;
}

static bool is_uuid(const char *s, size_t len)
{
    if (len != UUID_LEN)
        return false;
    for (size_t i = 0; i < len; i++) {
        bool dash = i == 8 || i == 13 || i == 18 || i == 23;
        if (dash ? s[i] != '-' : !is_hex(s + i, 1))
            return false;
    }
    return true;
}

static bool is_time(const char *s, size_t len)
{
    size_t n = shape(s, len, "dddd-dd-ddTdd:dd:dd");

    if (n == 0)
        return false;
    if (n < len && s[n] == '.') {
        size_t from = ++n;
        while (n < len && isdigit((unsigned char)s[n]))
            n++;
        if (n == from)
            return false;
    }
    s += n;
    len -= n;
    return (len == 1 && *s == 'Z') ||
           (len == 6 && (*s == '+' || *s == '-') && shape(s + 1, 5, "dd:dd") == 5);
}

static bool is_int(const char *s, size_t len)
{
    size_t n = len > 0 && *s == '-';
    size_t from = n;

    while (n < len && isdigit((unsigned char)s[n]))
        n++;
    return n == len && n > from;
}

static bool is_number(const char *s, size_t len)
{
    char *copy CLEANUP(free_ptr) = xstrndup(s, len);
    char *end = NULL;

    (void)strtod(copy, &end);
    return len > 0 && run_of(s, len, "+-.") == len && *end == '\0' &&
           (isdigit((unsigned char)*s) || *s == '-');
}

static bool is_url(const char *s, size_t len)
{
    size_t n = run_of(s, len, "+-.");

    return n > 1 && len > n + 3 && memcmp(s + n, "://", 3) == 0 &&
           memchr(s, ' ', len) == NULL;
}

static bool is_bool(const char *s, size_t len)
{
    return (len == 4 && memcmp(s, "true", 4) == 0) ||
           (len == 5 && memcmp(s, "false", 5) == 0);
}

struct placeholder {
    const char *name;
    piece_fn *fits;
    bool string; /* alone it is a JSON string, else a bare value */
};
static const struct placeholder placeholders[] = {
    {"text", is_text, true}, {"uuid", is_uuid, true},      {"token", is_token, true},
    {"time", is_time, true}, {"hex", is_hex, true},        {"url", is_url, true},
    {"int", is_int, false},  {"number", is_number, false}, {"bool", is_bool, false},
    {"any", is_text, false},
};

/* "<name>" or "<name|null>" at s; its length, 0 = none. ret_nullable may be NULL. */
static size_t placeholder_at(const char *s, const struct placeholder **ret,
                             bool *ret_nullable)
{
    static const char or_null[] = "|null";

    for (size_t i = 0; *s == '<' && i < ARRAY_SIZE(placeholders); i++) {
        size_t n = strlen(placeholders[i].name);
        if (strncmp(s + 1, placeholders[i].name, n) != 0)
            continue;
        bool nullable = strncmp(s + 1 + n, or_null, sizeof or_null - 1) == 0;
        if (nullable)
            n += sizeof or_null - 1;
        if (s[1 + n] != '>' || (nullable && !ret_nullable))
            continue;
        if (ret_nullable)
            *ret_nullable = nullable;
        *ret = &placeholders[i];
        return n + 2;
    }
    return 0;
}

/* The escaped form of len bytes, without the quotes. */
static void add_escaped(struct buf *out, const char *text, size_t len)
{
    json_t *value CLEANUP(json_drop) = json_strn_new(text, len);
    char *quoted CLEANUP(free_ptr) = json_text(value, JSON_STRUCT);

    buf_add(out, quoted + 1, strlen(quoted) - 2);
}

/* Whether raw (escaped when the pattern is of a JSON string) is made as pattern says. */
static bool pieces_fit(const char *pattern, const char *raw, size_t len, bool escaped)
{
    const struct placeholder *p = NULL;
    size_t literal = 0, taken = 0;

    while (pattern[literal] && !(taken = placeholder_at(pattern + literal, &p, NULL)))
        literal++;
    struct buf want CLEANUP(buf_release) = BUF_INIT(LIMIT_FILE);
    if (escaped)
        add_escaped(&want, pattern, literal);
    else
        buf_add(&want, pattern, literal);
    if (len < want.len || memcmp(raw, want.data, want.len) != 0)
        return false;
    raw += want.len;
    len -= want.len;
    if (taken == 0)
        return len == 0;
    const char *rest = pattern + literal + taken;
    if (*rest == '\0')
        return p->fits(raw, len);
    for (size_t n = len + 1; n-- > 0;)
        if (p->fits(raw, n) && pieces_fit(rest, raw + n, len - n, escaped))
            return true;
    return false;
}

/* ---- values ---- */

static void add_shown(struct buf *out, const char *text, size_t len)
{
    size_t cut = len > SHOWN_MAX ? SHOWN_MAX : len;

    while (cut < len && cut > 0 && ((unsigned char)text[cut] & 0xC0) == 0x80)
        cut--;
    buf_add(out, text, cut);
    if (cut < len)
        buf_adds(out, "...");
}

static bool differs(const struct walk *w, const char *expected, const char *came,
                    size_t came_len)
{
    buf_addf(w->why, "%s: expected ", w->path.data);
    add_shown(w->why, expected, strlen(expected));
    buf_adds(w->why, ", came ");
    if (came_len == 0)
        buf_adds(w->why, "the end");
    add_shown(w->why, came, came_len);
    return false;
}

static bool peek(const struct walk *w, char c)
{
    return w->at < w->end && *w->at == c;
}

static bool take(struct walk *w, char c)
{
    if (!peek(w, c))
        return false;
    w->at++;
    return true;
}

/* Steps over one compact value; false at anything else, at a blank too. */
static bool skip(struct walk *w, int depth);

static bool skip_string(struct walk *w)
{
    if (!take(w, '"'))
        return false;
    while (w->at < w->end && *w->at != '"') {
        if (*w->at == '\\')
            w->at++;
        w->at++;
    }
    return w->at < w->end && take(w, '"');
}

static bool skip_list(struct walk *w, char close, int depth)
{
    w->at++;
    if (take(w, close))
        return true;
    do {
        if (close == '}' && (!skip_string(w) || !take(w, ':')))
            return false;
        if (!skip(w, depth + 1))
            return false;
    } while (take(w, ','));
    return take(w, close);
}

static bool skip(struct walk *w, int depth)
{
    if (w->at >= w->end || depth > LIMIT_DEPTH)
        return false;
    if (*w->at == '"')
        return skip_string(w);
    if (*w->at == '{' || *w->at == '[')
        return skip_list(w, *w->at == '{' ? '}' : ']', depth);
    size_t n = run_of(w->at, (size_t)(w->end - w->at), "+-.");
    w->at += n;
    return n > 0;
}

/* The value here, whose text is start to w->at; false: none, which is said. */
static bool next_value(struct walk *w, const char *expected, const char **ret_start)
{
    *ret_start = w->at;
    return skip(w, 0) || differs(w, expected, *ret_start, (size_t)(w->end - *ret_start));
}

/* Cuts the path back to where it stood. */
static void leave(struct walk *w, size_t len)
{
    w->path.len = len;
    w->path.data[len] = '\0';
}

static bool value_fits(struct walk *w, const json_t *pattern);

static bool string_fits(struct walk *w, const char *pattern)
{
    const struct placeholder *p = NULL;
    const char *start = NULL;
    bool nullable = false;
    size_t n = placeholder_at(pattern, &p, &nullable);
    bool alone = n > 0 && pattern[n] == '\0';

    if (!next_value(w, pattern, &start))
        return false;
    size_t len = (size_t)(w->at - start);
    if (alone && nullable && len == 4 && memcmp(start, "null", 4) == 0)
        return true;
    bool string = *start == '"', fits;
    if (!alone)
        fits = string && pieces_fit(pattern, start + 1, len - 2, true);
    else if (p->string)
        fits = string && p->fits(start + 1, len - 2);
    else
        fits = (p->fits == is_text || !string) && p->fits(start, len);
    if (alone)
        return fits || differs(w, pattern, start, len);
    struct buf quoted CLEANUP(buf_release) = BUF_INIT(LIMIT_FILE);
    buf_addc(&quoted, '"');
    add_escaped(&quoted, pattern, strlen(pattern));
    buf_addc(&quoted, '"');
    return fits || differs(w, quoted.data, start, len);
}

/* "<each>" or "<some>" as the first of two. */
static bool is_list_pattern(const json_t *pattern, bool *ret_some)
{
    const char *word = json_string_value(json_array_get(pattern, 0));

    *ret_some = word && strcmp(word, "<some>") == 0;
    return *ret_some || (word && strcmp(word, "<each>") == 0);
}

static bool element_fits(struct walk *w, const json_t *pattern, size_t i)
{
    size_t len = w->path.len;

    buf_addf(&w->path, "[%zu]", i);
    bool fits = value_fits(w, pattern);
    leave(w, len);
    return fits;
}

static bool list_fits(struct walk *w, const json_t *pattern)
{
    bool some = false, each = is_list_pattern(pattern, &some);
    size_t want = json_array_size(pattern), i = 0;

    if (!take(w, '['))
        return differs(w, "a list", w->at, (size_t)(w->end - w->at));
    for (; !peek(w, ']'); i++) {
        if (i > 0 && !take(w, ','))
            return differs(w, "',' or ']'", w->at, (size_t)(w->end - w->at));
        const json_t *one = json_array_get(pattern, each ? 1 : i);
        if (!one)
            return differs(w, "']', the list ends here", w->at, (size_t)(w->end - w->at));
        if (!element_fits(w, one, i))
            return false;
    }
    if (each ? some && i == 0 : i < want)
        return differs(w, "another element", "]", 1);
    return take(w, ']');
}

/* Whether the rest of the object, from a key on, has the member. */
static bool has_later(struct walk w, const char *key)
{
    size_t len = strlen(key);

    do {
        const char *start = w.at;
        if (!skip_string(&w) || !take(&w, ':'))
            return false;
        if ((size_t)(w.at - start) == len + 3 && memcmp(start + 1, key, len) == 0)
            return true;
    } while (skip(&w, 0) && take(&w, ','));
    return false;
}

/* The key here (w->at at its quote): its text; NULL: there is none. Caller frees. */
static char *peek_key(const struct walk *w)
{
    struct walk ahead = *w;

    if (!skip_string(&ahead) || !peek(&ahead, ':'))
        return NULL;
    return xstrndup(w->at + 1, (size_t)(ahead.at - w->at - 2));
}

static bool member_fits(struct walk *w, const char *key, const json_t *pattern)
{
    size_t len = w->path.len;

    w->at += strlen(key) + 3; /* "key": */
    buf_addf(&w->path, ".%s", key);
    bool fits = value_fits(w, pattern);
    leave(w, len);
    return fits;
}

static bool wrong_member(struct walk *w, const char *wanted, const char *came)
{
    const char *what = came && has_later(*w, wanted) ? "out of order" : "missing";

    buf_addf(w->why, "%s: expected the member '%s', which is %s; came ", w->path.data,
             wanted, what);
    buf_addf(w->why, came ? "'%s'" : "%s", came ? came : "the object's end");
    return false;
}

static bool map_fits(struct walk *w, const json_t *pattern)
{
    char *before CLEANUP(free_ptr) = NULL;

    while (!peek(w, '}')) {
        if (before && !take(w, ','))
            return differs(w, "',' or '}'", w->at, (size_t)(w->end - w->at));
        char *key CLEANUP(free_ptr) = peek_key(w);
        if (!key)
            return differs(w, "a member", w->at, (size_t)(w->end - w->at));
        if (before && strcmp(before, key) >= 0)
            return differs(w, "sorted keys", key, strlen(key));
        if (!member_fits(w, key, pattern))
            return false;
        free(before);
        before = TAKE(key);
    }
    return take(w, '}');
}

static bool members_fit(struct walk *w, const json_t *pattern)
{
    const char *name = NULL;
    json_t *member = NULL;
    bool first = true;

    json_object_foreach((json_t *)(uintptr_t)pattern, name, member)
    {
        size_t len = strlen(name);
        bool optional = len > 1 && name[len - 1] == '?';
        char *want CLEANUP(free_ptr) = xstrndup(name, optional ? len - 1 : len);
        struct walk ahead = *w;
        bool more = first ? !peek(w, '}') : take(&ahead, ',');
        char *key CLEANUP(free_ptr) = more ? peek_key(&ahead) : NULL;
        if (!key || strcmp(key, want) != 0) {
            if (optional)
                continue;
            w->at = ahead.at;
            return wrong_member(w, want, key);
        }
        w->at = ahead.at;
        if (!member_fits(w, want, member))
            return false;
        first = false;
    }
    if (take(w, '}'))
        return true;
    (void)take(w, ',');
    char *extra CLEANUP(free_ptr) = peek_key(w);
    return differs(w, "no other member", extra ? extra : w->at,
                   extra ? strlen(extra) : (size_t)(w->end - w->at));
}

static bool object_fits(struct walk *w, const json_t *pattern)
{
    const json_t *each = json_object_get(pattern, "<each>");

    if (!take(w, '{'))
        return differs(w, "an object", w->at, (size_t)(w->end - w->at));
    return each ? map_fits(w, each) : members_fit(w, pattern);
}

static bool value_fits(struct walk *w, const json_t *pattern)
{
    if (json_is_string(pattern))
        return string_fits(w, json_string_value(pattern));
    if (json_is_array(pattern))
        return list_fits(w, pattern);
    if (json_is_object(pattern))
        return object_fits(w, pattern);
    char *want CLEANUP(free_ptr) = json_text(pattern, JSON_STRUCT);
    const char *start = NULL;
    if (!next_value(w, want, &start))
        return false;
    size_t len = (size_t)(w->at - start);
    return (len == strlen(want) && memcmp(start, want, len) == 0) ||
           differs(w, want, start, len);
}

bool wire_fits(const json_t *pattern, const char *text, size_t len, struct buf *why)
{
    struct walk w = {text, text + len, BUF_INIT(LIMIT_FILE), why};

    buf_addc(&w.path, '$');
    bool fits = value_fits(&w, pattern);
    if (fits && w.at < w.end)
        fits = differs(&w, "the end", w.at, (size_t)(w.end - w.at));
    buf_release(&w.path);
    return fits;
}

bool wire_text_fits(const char *pattern, const char *text, size_t len, struct buf *why)
{
    if (pieces_fit(pattern, text, len, false))
        return true;
    buf_adds(why, "text: expected '");
    add_shown(why, pattern, strlen(pattern));
    buf_adds(why, "', came '");
    add_shown(why, text, len);
    buf_adds(why, "'");
    return false;
}

static int check_string(const char *text, struct err *err)
{
    const struct placeholder *p = NULL;
    bool nullable = false;
    size_t len = strlen(text);
    size_t word =
        len > 2 && *text == '<' ? strspn(text + 1, "abcdefghijklmnopqrstuvwxyz|") : 0;

    if (word == 0 || word + 2 != len || text[len - 1] != '>' ||
        placeholder_at(text, &p, &nullable) == len)
        return 0;
    return err_set(err, ERR_CONFIG, "no such placeholder: '%s'", text);
}

int wire_check(const json_t *pattern, struct err *err)
{
    const char *key = NULL;
    json_t *value = NULL;
    bool some = false, list = is_list_pattern(pattern, &some);

    if (list && json_array_size(pattern) != 2)
        return err_set(err, ERR_CONFIG, "'%s' takes one pattern",
                       some ? "<some>" : "<each>");
    if (json_is_string(pattern))
        return check_string(json_string_value(pattern), err);
    for (size_t i = list ? 1 : 0; i < json_array_size(pattern); i++)
        if (wire_check(json_array_get(pattern, i), err) < 0)
            return -1;
    json_object_foreach((json_t *)(uintptr_t)pattern, key, value)
    {
        if (wire_check(value, err) < 0)
            return -1;
    }
    return 0;
}
