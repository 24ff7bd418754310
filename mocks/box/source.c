#include "mocks/box/source.h"

#include "base/fs.h"
#include "base/strv.h"

#include <string.h>

#define SCHEME "gitea://"

void boot_source_release(struct boot_source *s)
{
    free(s->owner);
    free(s->repo);
    free(s->sub);
    free(s->ref);
    free(s->name);
    *s = (struct boot_source)BOOT_SOURCE_INIT;
}

enum boot_source_result boot_source_parse(const char *text, struct boot_source *ret)
{
    struct strv parts CLEANUP(strv_release) = STRV_INIT;
    struct strv sub CLEANUP(strv_release) = STRV_INIT;

    if (strncmp(text, SCHEME, strlen(SCHEME)) != 0)
        return BOOT_SOURCE_UNSUPPORTED;
    text += strlen(SCHEME);
    size_t spec_len = strcspn(text, "#");
    const char *ref = text[spec_len] ? text + spec_len + 1 : "main";
    char *spec CLEANUP(free_ptr) = xstrndup(text, spec_len);
    strv_split(&parts, spec, '/');
    if (!*ref || parts.n < 2 || !fs_path_is_safe(spec) || parts.v[parts.n - 1][0] == '.')
        return BOOT_SOURCE_BAD;
    for (size_t i = 2; i < parts.n; i++)
        strv_add(&sub, parts.v[i]);
    *ret = (struct boot_source){.owner = xstrdup(parts.v[0]),
                                .repo = xstrdup(parts.v[1]),
                                .sub = sub.n ? strv_join(&sub, "/") : NULL,
                                .ref = xstrdup(ref),
                                .name = xstrdup(parts.v[parts.n - 1])};
    return BOOT_SOURCE_OK;
}
