/*
 * Why a request found no route: the row that it was nearest to, and what differs.
 */
#include <string.h>

#include "base/cleanup.h"
#include "mocks/server/router.h"

enum { NOTHING = -1, WHOLE = 1000, SEGMENT = 10, SAME_LENGTH = 5, SPELLING = 4 };

struct miss {
    int score;
    int segment;   /* the first that differs, from 1; 0 = none */
    bool short_of; /* the path ends where the pattern goes on */
};

static size_t segments(const char *path)
{
    size_t n = 0;
    for (; *path != '\0'; path++)
        n += *path == '/';
    return n;
}

static size_t same_letters(const char *a, const char *b)
{
    size_t n = 0;
    while (n < SPELLING && a[n] != '\0' && a[n] == b[n])
        n++;
    return n;
}

static struct miss compare(const char *pattern, const char *path)
{
    struct miss m = {.score = segments(pattern) == segments(path) ? SAME_LENGTH : 0};
    int at = 0;
    while (*pattern == '/' && *path == '/') {
        pattern++;
        path++;
        at++;
        size_t want = strcspn(pattern, "/"), have = strcspn(path, "/");
        if (*pattern == '*')
            return (struct miss){.score = WHOLE};
        bool fits =
            *pattern == ':' ? have > 0 : want == have && memcmp(pattern, path, want) == 0;
        if (!fits) {
            m.segment = at;
            int alike = (int)same_letters(pattern, path);
            m.score = at == 1 && alike < SPELLING ? NOTHING : m.score + alike;
            return m;
        }
        /* A literal says more about what was meant than a parameter. */
        m.score += *pattern == ':' ? SEGMENT - 1 : SEGMENT;
        pattern += want;
        path += have;
    }
    if (*pattern == '\0' && *path == '\0')
        return (struct miss){.score = WHOLE};
    m.segment = at + 1;
    if (at == 0)
        m.score = NOTHING;
    m.short_of = *path == '\0';
    return m;
}

void route_explain_miss(const struct route *rows, size_t n, const char *method,
                        const char *path, struct call *call)
{
    const struct route *best = NULL;
    struct miss least = {.score = NOTHING};
    for (size_t i = 0; i < n; i++) {
        struct miss m = compare(rows[i].pattern, path);
        bool alike = strcmp(rows[i].method, method) == 0;
        if (m.score != NOTHING && alike)
            m.score++;
        if (m.score > least.score) {
            best = &rows[i];
            least = m;
        }
    }
    if (best == NULL)
        call_decide(call, "no route");
    else if (least.segment == 0)
        call_decide(call, "no route: nearest is %s %s (method differs)", best->method,
                    best->pattern);
    else
        call_decide(call, "no route: nearest is %s %s (path %s segment %d)", best->method,
                    best->pattern, least.short_of ? "ends before" : "differs in",
                    least.segment);
}
