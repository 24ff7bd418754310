/*
 * Plugin sources as boot-install reads them: gitea://OWNER/REPO[/SUB/PATH][#REF].
 * Source: workspace-template-claude-code entrypoint.sh (8d6fc74).
 */
#ifndef BOX_SOURCE_H
#define BOX_SOURCE_H

struct plugin_source {
    char *owner, *repo;
    char *sub;  /* NULL = the repository's root */
    char *ref;  /* "main" when none is given */
    char *name; /* last part of the sub path, else the repository */
};
#define PLUGIN_SOURCE_INIT                                                               \
    {                                                                                    \
        .owner = NULL                                                                    \
    }

enum source_result { SOURCE_OK, SOURCE_UNSUPPORTED /* another scheme */, SOURCE_BAD };

/* *ret is filled with SOURCE_OK only. */
enum source_result plugin_source_parse(const char *text, struct plugin_source *ret);
void plugin_source_release(struct plugin_source *s);

#endif
