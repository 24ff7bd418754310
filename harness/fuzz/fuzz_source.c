/* What a plugin source is taken apart into cannot leave the place where it is used. */
#include "fuzz/fuzz.h"
#include "base/cleanup.h"
#include "base/fs.h"
#include "mocks/tenant/plugin_source.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *raw CLEANUP(free_ptr) = xstrndup((const char *)data, size);
    struct plugin_source s CLEANUP(source_release) = PLUGIN_SOURCE_INIT;
    if (source_parse(raw, &s) != SOURCE_OK) {
        ALWAYS(!s.raw && !s.name);
        return 0;
    }
    ALWAYS(!strcmp(s.raw, raw));
    ALWAYS(s.scheme && s.name && s.name[0]);
    ALWAYS(fs_path_is_safe(s.name) && !strchr(s.name, '/'));
    ALWAYS(!s.sub || fs_path_is_safe(s.sub));
    ALWAYS(!s.owner == !s.repo);
    ALWAYS(!s.owner || (fs_path_is_safe(s.owner) && !strchr(s.owner, '/')));
    ALWAYS(!s.repo || (fs_path_is_safe(s.repo) && !strchr(s.repo, '/')));
    ALWAYS(source_track(&s));
    (void)source_pinned(&s);
    return 0;
}
