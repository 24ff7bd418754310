/*
 * What is wrong with scenarios that can be loaded: findings beyond the loader's. Each has
 * its place; advice does not make `waybill check` fail unless it is asked to.
 *
 * Found: undefined variables, programs and patterns that do not compile (also by the
 * loader), reads that nothing checks, a scenario without any check, a denial whose
 * control cannot prove anything, a mock-only step in a scenario that claims another
 * target, a need that its steps have and it does not name, two scenarios of one name,
 * a `name` that is not the file's, budgets that cannot hold their steps, a secret
 * written into a file, a scenario that no known tag ever runs, an expected failure whose
 * date has passed.
 */
#ifndef SCENARIO_LINT_H
#define SCENARIO_LINT_H

#include "scenario/load.h"

struct lint_options {
    const struct strv *run_tags; /* tags that jobs run; NULL = gate, contract ... */
    const char *today;           /* "2026-06-22" for expect_failure; NULL = the clock's */
};

/* Adds findings about every scenario of the catalogue. opt may be NULL. */
void lint_catalogue(const struct catalogue *c, const struct lint_options *opt,
                    struct problems *problems);

#endif
