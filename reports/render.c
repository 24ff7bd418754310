#include "reports/render.h"

#include <stdint.h>
#include <string.h>

/* Length of the well-formed UTF-8 sequence at p that XML 1.0 may carry, or 0. */
static size_t xml_char_length(const unsigned char *p)
{
    if (p[0] < 0x80) {
        return p[0] >= 0x20 || p[0] == '\t' || p[0] == '\n' || p[0] == '\r' ? 1 : 0;
    }
    size_t n = p[0] >= 0xF0 && p[0] < 0xF5   ? 4
               : p[0] >= 0xE0 && p[0] < 0xF0 ? 3
               : p[0] >= 0xC2 && p[0] < 0xE0 ? 2
                                             : 0;
    uint32_t code = n == 2 ? p[0] & 0x1FU : n == 3 ? p[0] & 0x0FU : p[0] & 0x07U;
    for (size_t i = 1; i < n; i++) {
        if ((p[i] & 0xC0) != 0x80) {
            return 0;
        }
        code = code << 6 | (p[i] & 0x3FU);
    }
    bool overlong = (n == 3 && code < 0x800) || (n == 4 && code < 0x10000);
    bool surrogate = code >= 0xD800 && code <= 0xDFFF;
    bool refused = code == 0xFFFE || code == 0xFFFF || code > 0x10FFFF;
    return overlong || surrogate || refused ? 0 : n;
}

void xml_escape(struct buf *out, const char *text)
{
    const unsigned char *p = (const unsigned char *)text;
    while (*p) {
        size_t n = xml_char_length(p);
        if (n == 0) {
            buf_adds(out, "\xEF\xBF\xBD");
            p++;
            continue;
        }
        const char *entity = *p == '&'    ? "&amp;"
                             : *p == '<'  ? "&lt;"
                             : *p == '>'  ? "&gt;"
                             : *p == '"'  ? "&quot;"
                             : *p == '\'' ? "&#39;"
                                          : NULL;
        if (entity) {
            buf_adds(out, entity);
        } else {
            buf_add(out, p, n);
        }
        p += n;
    }
}

const struct report_format report_formats[] = {
    {"junit", report_junit, "JUnit XML, one test case a check"},
    {"markdown", report_markdown, "a summary for people, as forges show it"},
    {"html", report_html,
     "one page with every check, and the requests behind the red ones"},
    {NULL, NULL, NULL},
};
