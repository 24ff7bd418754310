/*
 * Which scenarios run: by tags, by name, by share of a split run.
 */
#ifndef RUN_PLAN_H
#define RUN_PLAN_H

#include "base/err.h"
#include <stddef.h>

struct scenario;
struct strv;

/* Keeps, in place and in order, those that match; the number kept is in *n.
 * tags: "gate,!slow" = at least one of the plain tags and none of the others; NULL = all.
 * ERR_USAGE for text that is no tag list. */
MUST_CHECK int plan_filter_tags(struct scenario **list, size_t *n, const char *tags,
                                struct err *err);
/* Keeps share i of n_shares (from 0): every n-th one, so that equal lists split equally.
 */
void plan_filter_shard(struct scenario **list, size_t *n, size_t i, size_t n_shares);

/* Why this scenario cannot run on that target (needs, targets), or NULL. Caller frees. */
struct target;
char *plan_skip_reason(const struct scenario *s, const struct target *t);

#endif
