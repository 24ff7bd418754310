/*
 * The mock forge: archives of the repositories in the catalog, CATALOG/OWNER/REPO/REF/.
 *
 * Source: Gitea's GET /api/v1/repos/:owner/:repo/archive/:ref.tar.gz with
 * "Authorization: token X". Every repository is private: without a token it does not
 * exist (404); a token that is not ours is 401. The archive's top directory is REPO.
 * Archives are kept in memory until a file of the tree changes. The same tree gives the
 * same bytes.
 */
#ifndef FORGE_FORGE_H
#define FORGE_FORGE_H

#include "base/buf.h"
#include "base/err.h"
#include <stdbool.h>

struct forge;

/* catalog, token: copied. ERR_CONFIG: the catalog is not a directory. */
MUST_CHECK int forge_new(const char *catalog, const char *token, struct forge **ret,
                         struct err *err);
void forge_free(struct forge *f); /* takes NULL */

enum forge_answer {
    FORGE_OK = 200,
    FORGE_UNAUTHORIZED = 401,
    FORGE_NOT_FOUND = 404,
};

/* What the authorization alone gives: FORGE_OK, FORGE_UNAUTHORIZED (wrong or of another
 * form) or FORGE_NOT_FOUND (none). authorization: the header's value, NULL = absent. */
enum forge_answer forge_check(const struct forge *f, const char *authorization);

/* The archive; *ret is borrowed until the next call. FORGE_OK, FORGE_NOT_FOUND (owner,
 * repository or ref), negative = failed (ERR_SYS, ERR_SHAPE past LIMIT_ARCHIVE). */
MUST_CHECK int forge_archive(struct forge *f, const char *owner, const char *repo,
                             const char *ref, const struct buf **ret, struct err *err);

/* Splits "/api/v1/repos/OWNER/REPO/archive/REF.tar.gz" (decoded).
 * Each result is owned by the caller. False, and nothing made, for any other path. */
bool forge_parse_path(const char *path, char **ret_owner, char **ret_repo,
                      char **ret_ref);

#endif
