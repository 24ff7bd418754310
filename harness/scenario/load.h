/*
 * Reading scenario files: one YAML file, one scenario; files with `group:` are step
 * groups, found by name in <root>/steps and read when a scenario uses them.
 *
 * Every problem is one line, "file:line:col: what; did you mean 'x'?", and all of them
 * are collected. Nothing is compiled or run here: after loading, mark the scenarios that
 * will run (scenario_want) and compile their programs (exprs_compile).
 */
#ifndef SCENARIO_LOAD_H
#define SCENARIO_LOAD_H

#include "base/err.h"
#include "scenario/expr.h"
#include "scenario/model.h"
#include <jansson.h>

struct problem {
    char *file;
    int line, col;
    bool advice; /* lint: worth a look, but the scenario can run */
    char *text;  /* without the place */
};
struct problems {
    struct problem *v;
    size_t n;
};
#define PROBLEMS_INIT                                                                    \
    {                                                                                    \
        .v = NULL, .n = 0                                                                \
    }
void problems_release(struct problems *p);
void problems_add(struct problems *p, const char *file, int line, int col, bool advice,
                  const char *fmt, ...) PRINTF_LIKE(6, 7);
/* By file, line, column. */
void problems_sort(struct problems *p);
/* "file:line:col: text", caller frees. */
char *problem_line(const struct problem *p);
/* The first that is not advice into *err (ERR_CONFIG), with "(and N more)" when there
 * are; returns negative. 0 when there is none. */
MUST_CHECK int problems_err(const struct problems *p, struct err *err);

struct group_file; /* a step group, read once */

struct catalogue {
    char *root;          /* folder of the scenarios, for names and groups */
    struct scenario **v; /* sorted by name after load */
    size_t n;
    struct exprs *exprs;
    struct group_file **groups;
    size_t n_groups;
    json_t *contract; /* known contract.* values, or NULL: any name is taken */
    json_t *answers;  /* what `expect: {contract: ID}` may name (scenario/answers.h), set
                       * before loading and owned; NULL: any id is taken */
};

/* root: NULL = "scenarios". contract: borrowed, may be NULL; an object whose keys are
 * the names that contract.* may have. */
struct catalogue *catalogue_new(const char *root, const json_t *contract);
void catalogue_free(struct catalogue *c);
void catalogue_drop(struct catalogue **c); /* for CLEANUP */

/* Adds a file, or every *.yaml under a folder (not steps/, targets/, schema/, incidents/
 * directly below the root, not hidden ones), or the scenario of that name below the root
 * ("delivery/x"). The same file twice is one. What is wrong with the files goes to
 * problems; negative only when the path itself cannot be read (ERR_CONFIG "no such
 * scenario: ..."). */
MUST_CHECK int catalogue_load(struct catalogue *c, const char *path,
                              struct problems *problems, struct err *err);
/* By full name, or by short name when it is unique; NULL when there is none. */
struct scenario *catalogue_find(const struct catalogue *c, const char *name);

/* Marks every program of the scenario for exprs_compile. */
void scenario_want(const struct scenario *s, struct exprs *exprs);
/* exprs_compile with its errors as problems; 0 when all compiled. */
int catalogue_compile(struct catalogue *c, struct problems *problems);

/* The keys of every step kind and of the common keys, one a line: "org: as name ...". For
 * comparing the JSON Schema with the tables. Caller frees. */
char *step_table_text(void);

#endif
