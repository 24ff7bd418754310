/*
 * The routes of the forge beside its archives, in Gitea's shapes.
 * Source: Gitea 1.22, /api/v1 (swagger): Repository, Branch, Tag, Commit,
 * ContentsResponse, Label, Issue, APIError.
 *
 * Every handler is called with OWNER and REPO as its first parameters, after the
 * authorization has passed and the repository is known to exist.
 */
#ifndef FORGE_FORGE_API_H
#define FORGE_FORGE_API_H

#include "mocks/server/router.h"

route_fn forge_repo_get, forge_branch_list, forge_branch_get, forge_tag_list,
    forge_commit_list, forge_contents_get, forge_raw_get, forge_label_list,
    forge_issue_list, forge_issue_create;

/* {"errors","message","url"} as the forge says it. */
void forge_error(struct call *call, int status, const char *message);

/* /_mock/forge: what there is and who may read it; and a change, which moves a tip:
 * {"repo","access"?} or {"repo","ref"?,"files":{path: text or null}}. */
route_fn forge_mock_get, forge_mock_put;

#endif
