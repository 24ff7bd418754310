/* A pattern and a path, one a line: a pattern fits itself, and a path that fits has as
 * many parts as the pattern. */
#include "fuzz/fuzz.h"
#include "base/cleanup.h"
#include "mocks/server/router.h"

#include <string.h>

static size_t parts(const char *text)
{
    size_t n = 0;
    for (; *text; text++) {
        n += *text == '/';
    }
    return n;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const own[] = {"/workspaces", "/workspaces/:id",
                                      "/workspaces/:id/files/*path",
                                      "/cp/admin/orgs/:slug/admin-token"};
    const uint8_t *newline = size ? memchr(data, '\n', size) : NULL;
    size_t first = newline ? (size_t)(newline - data) : size;
    char *pattern CLEANUP(free_ptr) = xstrndup((const char *)data, first);
    char *path CLEANUP(free_ptr) =
        xstrndup((const char *)data + first + !!newline, size - first - !!newline);
    (void)route_pattern_fits(pattern, path);
    for (size_t i = 0; i < ARRAY_SIZE(own); i++) {
        if (route_pattern_fits(own[i], path) && !strchr(own[i], '*')) {
            size_t more = path[0] && path[strlen(path) - 1] == '/';
            ALWAYS(parts(path) == parts(own[i]) || parts(path) == parts(own[i]) + more);
        }
    }
    return 0;
}
