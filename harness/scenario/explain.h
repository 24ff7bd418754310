/*
 * A scenario in plain words, for people who do not read YAML: what it proves, what it
 * needs, and each step with what is expected of it.
 */
#ifndef SCENARIO_EXPLAIN_H
#define SCENARIO_EXPLAIN_H

#include "base/buf.h"
#include "scenario/model.h"

struct exprs;

/* Appends; lines end with a newline and are not wrapped. exprs: to show programs. */
void explain_scenario(const struct scenario *s, const struct exprs *exprs,
                      struct buf *out);
/* One step in one line without newline ("ask 'acme' for GET /workspaces"); caller frees.
 */
char *explain_step(const struct step *step);

#endif
