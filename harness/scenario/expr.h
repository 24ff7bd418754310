/*
 * jq programs: registered while files are loaded, compiled together once, evaluated in
 * the process or in any child forked from it.
 *
 * libjq 1.6 needs about 30 ms for each jq_compile, whatever its size, so programs are
 * compiled in chunks of at most EXPR_CHUNK, each chunk one program that selects by
 * number. A program sees the answer as `.` and all variables as $vars. ${a.b} in a
 * program never is text: inside a string literal it becomes \($vars.a.b), elsewhere
 * $vars.a.b; data cannot become code. env, $ENV, input, halt and stderr are not
 * available.
 */
#ifndef SCENARIO_EXPR_H
#define SCENARIO_EXPR_H

#include "base/err.h"
#include <jansson.h>

#define EXPR_CHUNK 200

struct exprs;
struct vars;

struct exprs *exprs_new(void);
void exprs_free(struct exprs *set);
void exprs_drop(struct exprs **set); /* for CLEANUP */

/* Registers a program; equal texts get equal numbers. file, line, col: the place of the
 * first one, for errors (file is copied). ERR_CONFIG "file:line:col: ..." when brackets
 * or quotes do not close or a ${...} is malformed. *ret_id counts from 0. */
MUST_CHECK int exprs_add(struct exprs *set, const char *text, const char *file, int line,
                         int col, int *ret_id, struct err *err);
/* Marks a program as one that exprs_compile has to compile. */
void exprs_want(struct exprs *set, int id);
int exprs_count(const struct exprs *set);
const char *exprs_text(const struct exprs *set, int id); /* as written, borrowed */

/* Called for each program that does not compile. */
typedef void expr_bad_fn(int id, const char *file, int line, int col, const char *why,
                         void *arg);
/* Compiles what is wanted and not yet compiled. Returns 0, or negative with the first
 * error in *err; bad (may be NULL) is called for every one. Those that compile work. */
MUST_CHECK int exprs_compile(struct exprs *set, expr_bad_fn *bad, void *arg,
                             struct err *err);

/* Runs program id on input (borrowed, NULL = null). Returns 0: *ret is an array of what
 * it yielded, new reference. 1: the program raised an error, its text in *ret_error
 * (caller frees). Negative: an undefined variable (ERR_CONFIG, with the place), or the
 * program was not compiled (ERR_BUG). */
MUST_CHECK int exprs_eval(struct exprs *set, int id, const json_t *input,
                          const struct vars *vars, json_t **ret, char **ret_error,
                          struct err *err);

/* The program as libjq gets it, ${...} rewritten; caller frees. For tests. */
char *expr_rewrite(const char *text);

#endif
