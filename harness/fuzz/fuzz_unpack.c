/* The first line is the part that is asked for, the rest an archive: whatever it holds,
 * only safe relative names within the limits come out. */
#include "fuzz/fuzz.h"
#include "base/fs.h"
#include "base/limits.h"
#include "mocks/forge/unpack.h"

#include <string.h>

enum { MAX_FILE = 64 * 1024, MAX_TOTAL = 256 * 1024 };

struct seen {
    size_t total;
};

static int visit(const char *path, const void *data, size_t len, void *arg,
                 struct err *err)
{
    struct seen *seen = arg;
    (void)err;
    ALWAYS(fs_path_is_safe(path));
    ALWAYS(len == 0 || data);
    ALWAYS(len <= MAX_FILE);
    seen->total += len;
    ALWAYS(seen->total <= MAX_TOTAL);
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const uint8_t *newline = size ? memchr(data, '\n', size) : NULL;
    if (!newline) {
        return 0;
    }
    size_t first = (size_t)(newline - data) + 1;
    char *sub CLEANUP(free_ptr) = xstrndup((const char *)data, first - 1);
    struct unpack_opts opts = {.sub = sub, .max_file = MAX_FILE, .max_total = MAX_TOTAL};
    struct seen seen = {0};
    struct err err = ERR_INIT;
    int rc = unpack_visit(data + first, size - first, &opts, visit, &seen, &err);
    ALWAYS(rc >= 0 || (err.kind == ERR_SHAPE && err.text[0]));
    ALWAYS(rc != UNPACK_NO_SUCH_PATH || seen.total == 0);
    return 0;
}
