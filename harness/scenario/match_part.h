/*
 * What the files of the matching share. For harness/scenario/match*.c alone.
 */
#ifndef SCENARIO_MATCH_PART_H
#define SCENARIO_MATCH_PART_H

#include "scenario/match.h"

#define QUOTED_MAX 600 /* bytes of an answer that stand beside a short finding */

/* What one expectation is looked at with. */
struct look {
    const struct observation *obs;
    struct exprs *exprs;
    const struct vars *vars;
    const char *file;
    struct buf expected, actual;
    bool holds;
};

/* Appends text, cut to max bytes at a character's boundary. */
void look_add_text(struct buf *out, const char *text, size_t len, size_t max);
void look_add_json(struct buf *out, const json_t *j, size_t max);
/* The answer in a few words: for expectations that found another kind of answer. */
void look_describe(const struct observation *o, struct buf *out);
/* The text of the answer, NULL = it has none. Borrowed. */
const char *look_content(const struct observation *o, size_t *ret_len);

/* Matchers on a value (NULL = absent); what is wanted is appended to l->expected. */
MUST_CHECK int look_all_hold(struct look *l, const struct matcher *m, size_t n,
                             const json_t *actual, struct err *err);
/* An expectation that is matchers on one value; actual: taken, NULL = absent. */
MUST_CHECK int look_value_holds(struct look *l, const struct expectation *e,
                                const char *what, json_t *actual, struct err *err);

/* The kinds that speak of MCP (match_mcp.c). */
MUST_CHECK int look_at_mcp(struct look *l, const struct expectation *e, struct err *err);

#endif
