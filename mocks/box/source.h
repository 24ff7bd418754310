/*
 * Plugin sources as boot-install reads them: gitea://OWNER/REPO[/SUB/PATH][#REF].
 * Source: workspace-template-claude-code entrypoint.sh (8d6fc74).
 */
#ifndef BOX_SOURCE_H
#define BOX_SOURCE_H

struct boot_source {
    char *owner, *repo;
    char *sub;  /* NULL = the repository's root */
    char *ref;  /* "main" when none is given */
    char *name; /* last part of the sub path, else the repository */
};
#define BOOT_SOURCE_INIT                                                                 \
    {                                                                                    \
        .owner = NULL                                                                    \
    }

enum boot_source_result {
    BOOT_SOURCE_OK,
    BOOT_SOURCE_UNSUPPORTED /* another scheme */,
    BOOT_SOURCE_BAD
};

/* *ret is filled with BOOT_SOURCE_OK only. */
enum boot_source_result boot_source_parse(const char *text, struct boot_source *ret);
void boot_source_release(struct boot_source *s);

#endif
