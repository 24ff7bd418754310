/* Escaped text is well-formed UTF-8 that XML can carry and holds no markup. */
#include "fuzz/fuzz.h"
#include "base/limits.h"
#include "reports/render.h"

#include <string.h>

static bool is_entity(const char *p)
{
    static const char *const known[] = {"&amp;", "&lt;",  "&gt;",   "&quot;",
                                        "&#39;", "&#34;", "&apos;", "&#x27;"};
    for (size_t i = 0; i < ARRAY_SIZE(known); i++) {
        if (!strncmp(p, known[i], strlen(known[i]))) {
            return true;
        }
    }
    return false;
}

/* Bytes of the code point at p; 0 when it is malformed or none of XML 1.0's. */
static size_t code_point(const unsigned char *p)
{
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    size_t n = *p < 0x80 ? 1 : *p < 0xc0 ? 0 : *p < 0xe0 ? 2 : *p < 0xf0 ? 3 : 4;
    uint32_t c = n < 2 ? *p : *p & (0x7fU >> n);
    for (size_t i = 1; i < n; i++) {
        if ((p[i] & 0xc0) != 0x80) {
            return 0;
        }
        c = (c << 6) | (p[i] & 0x3fU);
    }
    bool carried = c == 9 || c == 10 || c == 13 || (c >= 0x20 && c < 0xd800) ||
                   (c >= 0xe000 && c <= 0xfffd) || (c >= 0x10000 && c <= 0x10ffff);
    return n > 0 && c >= least[n] && carried ? n : 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text CLEANUP(free_ptr) = xstrndup((const char *)data, size);
    struct buf out CLEANUP(buf_release) = BUF_INIT(MIB(64));
    xml_escape(&out, text);
    ALWAYS(out.len >= strlen(text) / 4 && strlen(out.data) == out.len);
    for (size_t i = 0; i < out.len;) {
        const char *p = out.data + i;
        ALWAYS(!strchr("<>\"'", *p));
        ALWAYS(*p != '&' || is_entity(p));
        size_t n = code_point((const unsigned char *)p);
        ALWAYS(n > 0);
        i += n;
    }
    return 0;
}
