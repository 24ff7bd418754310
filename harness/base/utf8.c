#include "base/utf8.h"

#include <stdbool.h>
#include <string.h>

size_t utf8_len(const char *text, size_t left)
{
    const unsigned char *s = (const unsigned char *)text;
    size_t len = s[0] < 0x80   ? 1
                 : s[0] < 0xc2 ? 0
                 : s[0] < 0xe0 ? 2
                 : s[0] < 0xf0 ? 3
                               : 4;

    if (s[0] > 0xf4 || len == 0 || len > left)
        return 0;
    for (size_t i = 1; i < len; i++) {
        if ((s[i] & 0xc0) != 0x80)
            return 0;
    }
    if ((s[0] == 0xe0 && s[1] < 0xa0) || (s[0] == 0xed && s[1] > 0x9f) ||
        (s[0] == 0xf0 && s[1] < 0x90) || (s[0] == 0xf4 && s[1] > 0x8f))
        return 0;
    return len;
}

size_t utf8_valid(const char *s, size_t len)
{
    size_t at = 0;
    size_t n = 1;
    while (at < len && n > 0) {
        n = utf8_len(s + at, len - at);
        at += n;
    }
    return at;
}

/* C1 is U+0080 to U+009F; U+202A to U+202E and U+2066 to U+2069 turn the direction. */
static bool steers(const unsigned char *c, size_t len)
{
    if (len == 1)
        return (c[0] < 0x20 && c[0] != '\n' && c[0] != '\t') || c[0] == 0x7f;
    if (len == 2)
        return c[0] == 0xc2 && c[1] < 0xa0;
    return len == 3 && c[0] == 0xe2 &&
           ((c[1] == 0x80 && c[2] >= 0xaa && c[2] <= 0xae) ||
            (c[1] == 0x81 && c[2] >= 0xa6 && c[2] <= 0xa9));
}

static void add_shown(struct buf *out, const char *text, size_t len, bool one_line)
{
    for (size_t i = 0; i < len;) {
        size_t n = utf8_len(text + i, len - i);

        if (n == 0 || steers((const unsigned char *)text + i, n) ||
            (one_line && text[i] == '\n'))
            buf_adds(out, "\xef\xbf\xbd");
        else
            buf_add(out, text + i, n);
        i += n ? n : 1;
    }
}

void utf8_add_shown(struct buf *out, const char *text, size_t len)
{
    add_shown(out, text, len, false);
}

void utf8_add_line(struct buf *out, const char *text)
{
    add_shown(out, text, strlen(text), true);
}
