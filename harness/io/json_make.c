#include "io/json.h"

#include "base/log.h"
#include "base/utf8.h"
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

json_t *json_strn_new(const char *s, size_t len)
{
    json_t *j;
    CLEANUP(buf_release) struct buf clean = BUF_INIT(SIZE_MAX / 2);

    if (!s)
        return json_null();
    j = json_stringn(s, len);
    if (j)
        return j;
    for (size_t i = 0; i < len;) {
        size_t n = utf8_len(s + i, len - i);

        if (n)
            buf_add(&clean, s + i, n);
        else
            buf_adds(&clean, "\xef\xbf\xbd");
        i += n ? n : 1;
    }
    return xcheck(json_stringn(clean.data, clean.len));
}

json_t *json_str_new(const char *s)
{
    return json_strn_new(s, s ? strlen(s) : 0);
}

struct packer {
    const char *fmt; /* all of it, for the message */
    const char *at;
    va_list ap;
};

static char next(struct packer *p)
{
    while (*p->at && strchr(" \t\n,:", *p->at))
        p->at++;
    if (*p->at == '\0')
        return '\0';
    return *p->at++;
}

static void bad_format(const struct packer *p)
{
    log_error("json_make(\"%s\"): bad format before \"%s\"", p->fmt, p->at);
    abort();
}

static json_t *pack_value(struct packer *p, char c);

static json_t *pack_string(struct packer *p)
{
    const char *s = va_arg(p->ap, const char *);

    if (*p->at == '#') {
        p->at++;
        return json_strn_new(s, (size_t)va_arg(p->ap, int));
    }
    if (*p->at == '%') {
        p->at++;
        return json_strn_new(s, va_arg(p->ap, size_t));
    }
    return json_str_new(s);
}

/* After s, o and O: NULL when the member is to be left out. */
static json_t *optional(struct packer *p, json_t *j)
{
    char c = *p->at;

    if (c == '?' || c == '*')
        p->at++;
    return c == '*' && json_is_null(j) ? NULL : j;
}

static json_t *pack_object(struct packer *p)
{
    json_t *obj = xcheck(json_object());
    char c;

    while ((c = next(p)) != '}') {
        const char *key;
        json_t *value;

        if (c != 's')
            bad_format(p);
        key = va_arg(p->ap, const char *);
        value = pack_value(p, next(p));
        if (value)
            xcheck(json_object_set_new(obj, key, value) == 0 ? obj : NULL);
    }
    return obj;
}

static json_t *pack_array(struct packer *p)
{
    json_t *array = xcheck(json_array());
    char c;

    while ((c = next(p)) != ']') {
        json_t *value = pack_value(p, c);

        if (value)
            xcheck(json_array_append_new(array, value) == 0 ? array : NULL);
    }
    return array;
}

static json_t *pack_value(struct packer *p, char c)
{
    json_t *j = NULL;

    switch (c) {
    case '{':
        return pack_object(p);
    case '[':
        return pack_array(p);
    case 's':
        return optional(p, pack_string(p));
    case 'o':
    case 'O':
        j = va_arg(p->ap, json_t *);
        if (c == 'O')
            json_incref(j);
        return optional(p, j ? j : json_null());
    case 'i':
        return xcheck(json_integer(va_arg(p->ap, int)));
    case 'I':
        return xcheck(json_integer(va_arg(p->ap, json_int_t)));
    case 'f':
        return xcheck(json_real(va_arg(p->ap, double)));
    case 'b':
        return json_boolean(va_arg(p->ap, int));
    case 'n':
        return json_null();
    default:
        bad_format(p);
        return NULL;
    }
}

json_t *json_make(const char *fmt, ...)
{
    struct packer p = {.fmt = fmt, .at = fmt};
    json_t *j;

    va_start(p.ap, fmt);
    j = pack_value(&p, next(&p));
    if (!j || next(&p) != '\0')
        bad_format(&p);
    va_end(p.ap);
    return j;
}
