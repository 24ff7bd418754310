/*
 * The mock forge: what the repositories of a catalog (mocks/forge/catalog.h) hold at a
 * ref, as archives, and which commit that is.
 *
 * Source: Gitea's GET /api/v1/repos/:owner/:repo/archive/:ref.tar.gz with
 * "Authorization: token X". The archive's top directory is REPO. A ref is a name or the
 * id of a commit that is a tip now; the id is a hash of the tree's names, modes and
 * contents, so a tip moves when a file does. Archives are kept in files without names
 * until the tree changes. Every repository is private unless its access says otherwise.
 */
#ifndef FORGE_FORGE_H
#define FORGE_FORGE_H

#include "base/err.h"
#include "mocks/forge/catalog.h"
#include <jansson.h>
#include <stdbool.h>

struct forge;

/* catalog: borrowed for the forge's life; token, tmp_dir (where archives are kept):
 * copied. kept: what it was told, {"access", "issues"}, which it changes; it takes a
 * reference. Whoever saves that and gives it to the next forge has it go on. NULL = it
 * begins anew and forgets. */
struct forge *forge_new(const struct catalog *catalog, const char *token,
                        const char *tmp_dir, json_t *kept);
void forge_free(struct forge *f); /* takes NULL */

enum forge_answer {
    FORGE_OK = 200,
    FORGE_UNAUTHORIZED = 401, /* no token, or not ours */
    FORGE_FORBIDDEN = 403,    /* a token that may not read this repository */
    FORGE_NOT_FOUND = 404,
};

/* Who may read a repository: "private" (our token; the default), "public" (everyone),
 * "restricted" (our token may not). False: no such word. */
bool forge_set_access(struct forge *f, const char *full_name, const char *access);
const char *forge_access(const struct forge *f, const char *full_name);
/* What the authorization gives; authorization: the header's value, NULL = absent. */
enum forge_answer forge_check(const struct forge *f, const char *owner, const char *repo,
                              const char *authorization);

/* "OWNER/REPO" -> [issue]; borrowed, to be changed by the routes. */
json_t *forge_issues(struct forge *f);

struct forge_tip {
    char commit[41];
    char *path;  /* the tree, or a ready archive; owned */
    bool packed; /* it is an archive */
};
void forge_tip_release(struct forge_tip *t);

/* FORGE_OK, FORGE_NOT_FOUND (owner, repository or ref), negative = failed (ERR_SYS). */
MUST_CHECK int forge_tip(struct forge *f, const char *owner, const char *repo,
                         const char *ref, struct forge_tip *ret, struct err *err);

/* The archive as a file of *ret_size bytes; the descriptor is borrowed until the next
 * call. As forge_tip, and ERR_SHAPE past LIMIT_FORGE_TREE. */
MUST_CHECK int forge_archive(struct forge *f, const char *owner, const char *repo,
                             const char *ref, int *ret_fd, size_t *ret_size,
                             char ret_commit[41], struct err *err);

#endif
