/*
 * The repositories that the forge serves and the templates that the platform knows: one
 * catalog over another, the later one first.
 *
 * A layer is a catalog, OWNER/REPO/REF/ (a tree) or OWNER/REPO/REF.tar.gz (an archive as
 * it is), with an optional manifest.json naming its templates; or the working tree of one
 * repository (config.yaml or plugin.yaml at its root), which is that repository at every
 * ref, without its .git. Its name is that of the remote "origin", else the directory's,
 * owned by molecule-ai. Nothing is kept of a tree: what is on disk is what is served.
 *
 * Source: manifest.json of molecule-core names templates as {"repo","ref","runtime"}.
 */
#ifndef FORGE_CATALOG_H
#define FORGE_CATALOG_H

#include "base/err.h"
#include "base/fs.h"
#include "base/strv.h"
#include <jansson.h>
#include <stdbool.h>

struct catalog;

struct catalog *catalog_new(void);
void catalog_free(struct catalog *c); /* takes NULL */

/* Lays dir over what is there; naming the same directory twice changes nothing.
 * ERR_CONFIG, one line that says what dir lacks. */
MUST_CHECK int catalog_add(struct catalog *c, const char *dir, struct err *err);

/* Template name -> {"repo","ref","runtime"}; borrowed, changes with catalog_add. */
json_t *catalog_templates(const struct catalog *c);

/* Whether one of such templates is the repository OWNER/REPO. */
bool catalog_names(json_t *templates, const char *full);

/* Reads every layer again. ERR_CONFIG: c is as it was. */
MUST_CHECK int catalog_refresh(struct catalog *c, struct err *err);

struct catalog_place {
    char *path;  /* absolute; owned */
    bool packed; /* an archive, not a tree */
};
void catalog_place_release(struct catalog_place *p);

/* False: no such owner, repository or ref, or names that are none. */
bool catalog_find(const struct catalog *c, const char *owner, const char *repo,
                  const char *ref, struct catalog_place *ret);
/* Tree of the plugin that local://NAME means; caller frees, NULL = none. */
char *catalog_plugin(const struct catalog *c, const char *name);

bool catalog_has(const struct catalog *c, const char *owner, const char *repo);
/* "OWNER/REPO" of each repository, sorted. */
void catalog_repos(const struct catalog *c, struct strv *ret);
/* The refs of one, sorted; a working tree has "main" beside those of the layers below. */
void catalog_refs(const struct catalog *c, const char *owner, const char *repo,
                  struct strv *ret);

/* fs_walk over a tree without its .git. */
int catalog_walk(const char *dir, fs_visit_fn *visit, void *arg, struct err *err);

#endif
