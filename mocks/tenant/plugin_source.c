#include "mocks/tenant/plugin_source.h"

#include <string.h>

#include "base/cleanup.h"
#include "base/fs.h"
#include "mocks/tenant/plugin_check.h"

void source_release(struct plugin_source *s)
{
    char *owned[] = {s->raw, s->scheme, s->owner, s->repo, s->sub, s->ref, s->name};
    for (size_t i = 0; i < ARRAY_SIZE(owned); i++)
        free(owned[i]);
    *s = (struct plugin_source)PLUGIN_SOURCE_INIT;
}

static bool part_ok(const char *s)
{
    return *s && strcmp(s, ".") != 0 && strcmp(s, "..") != 0 &&
           !strpbrk(s, " \t\r\n\\?@:");
}

/* owner/repo[/sub]; the parts go to s. */
static bool parse_repo(const char *spec, bool may_sub, struct plugin_source *s)
{
    const char *slash = strchr(spec, '/');
    if (!slash)
        return false;
    const char *end = strchr(slash + 1, '/');
    s->owner = xstrndup(spec, (size_t)(slash - spec));
    s->repo = end ? xstrndup(slash + 1, (size_t)(end - slash - 1)) : xstrdup(slash + 1);
    if (!part_ok(s->owner) || !part_ok(s->repo))
        return false;
    if (end) {
        if (!may_sub || !fs_path_is_safe(end + 1))
            return false;
        s->sub = xstrdup(end + 1);
    }
    const char *last = s->sub ? strrchr(s->sub, '/') : NULL;
    s->name = xstrdup(last ? last + 1 : s->sub ? s->sub : s->repo);
    return part_ok(s->name);
}

static enum source_problem parse(const char *raw, struct plugin_source *s)
{
    const char *colon = strstr(raw, "://");
    if (!*raw || colon == raw)
        return SOURCE_BAD;
    s->raw = xstrdup(raw);
    s->scheme = colon ? xstrndup(raw, (size_t)(colon - raw)) : xstrdup("local");
    const char *rest = colon ? colon + 3 : raw;
    bool gitea = strcmp(s->scheme, "gitea") == 0;
    if (!gitea && strcmp(s->scheme, "github") != 0) {
        if (strcmp(s->scheme, "local") != 0)
            return SOURCE_SCHEME;
        s->name = xstrdup(rest);
        return plugin_name_ok(rest) ? SOURCE_OK : SOURCE_NAME;
    }
    const char *hash = strchr(rest, '#');
    CLEANUP(free_ptr)
    char *spec = hash ? xstrndup(rest, (size_t)(hash - rest)) : xstrdup(rest);
    if (hash && !part_ok(strncmp(hash, "#tag:", 5) == 0 || strncmp(hash, "#sha:", 5) == 0
                             ? hash + 5
                             : hash + 1))
        return SOURCE_BAD;
    s->ref = hash ? xstrdup(hash + 1) : NULL;
    return parse_repo(spec, gitea, s) ? SOURCE_OK : SOURCE_BAD;
}

enum source_problem source_parse(const char *raw, struct plugin_source *ret)
{
    struct plugin_source s = PLUGIN_SOURCE_INIT;
    enum source_problem problem = parse(raw, &s);
    if (problem == SOURCE_OK)
        *ret = s;
    else
        source_release(&s);
    return problem;
}

bool source_pinned(const struct plugin_source *s)
{
    return s->ref != NULL || strcmp(s->scheme, "local") == 0;
}

bool source_track_ok(const char *track)
{
    bool prefixed = strncmp(track, "tag:", 4) == 0 || strncmp(track, "sha:", 4) == 0;
    return strcmp(track, "none") == 0 || (prefixed && track[4]);
}

const char *source_git_ref(const struct plugin_source *s)
{
    bool prefixed = s->ref && source_track_ok(s->ref) && strchr(s->ref, ':');
    return s->ref ? s->ref + (prefixed ? 4 : 0) : "main";
}

const char *source_track(const struct plugin_source *s)
{
    return s->ref && source_track_ok(s->ref) ? s->ref : "none";
}
