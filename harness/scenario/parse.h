/*
 * Inside the loader: from YAML nodes to the model, collecting every problem.
 *
 * A function that finds something wrong adds it to the loader's problems and goes on with
 * what it can use; whoever starts the loader looks at the problems at the end.
 */
#ifndef SCENARIO_PARSE_H
#define SCENARIO_PARSE_H

#include "scenario/load.h"

#define GROUPS_DEEP 8 /* step groups that use step groups */

struct group_file {
    char *name;
    char *file;
    struct ydoc *doc; /* NULL: it could not be read, which was reported */
};

struct loader {
    struct catalogue *catalogue;
    struct problems *problems;
    struct scenario *scenario; /* that takes programs and counts steps */
    const char *file;          /* of the nodes that are being read */
    struct strv ids;           /* paths that are taken */
    const char *using[GROUPS_DEEP];
    size_t n_using;
    int depth;
    struct strv lost; /* names that steps may bind which could not be used */
    bool lost_group;  /* such a step, or a group that is not there, could bind any */
};

/* A problem at a node, or at a pair's key. */
void bad_node(struct loader *l, const struct ynode *node, const char *fmt, ...)
    PRINTF_LIKE(3, 4);
void bad_key(struct loader *l, const struct ypair *pair, const char *fmt, ...)
    PRINTF_LIKE(3, 4);
/* "; did you mean 'x'?" or "", caller frees. */
char *suggestion(const char *word, const struct strv *known);

/* Checks keys and types of a mapping against a table; keys of the second table (NULL =
 * none) are known too. what: "a 'get' step". False when something is wrong. */
bool check_fields(struct loader *l, const struct ynode *map,
                  const struct field_row *fields, const struct field_row *more,
                  const char *what);
bool check_type(struct loader *l, const char *key, const struct ynode *node,
                const struct field_row *row);
bool has_variable(const struct ynode *node);
/* Copies a list of scalars, or one. */
void read_texts(const struct ynode *node, struct strv *out);
int64_t read_duration(const struct ynode *node); /* -1 = absent */
bool read_bool(const struct ynode *node);

/* Registers a program for the scenario; -1 when node is NULL or the program is bad. */
int read_program(struct loader *l, const struct ynode *node);

/* Reads `expect`; names are unique within the step. taken: a check name that is in use
 * already, or NULL. */
void read_expect(struct loader *l, const struct ynode *node, struct expect_group **ret,
                 size_t *ret_n);
/* The one expectation of a control: "control", succeeds. */
void control_expect(const struct ynode *at, const char *subject,
                    struct expect_group **ret, size_t *ret_n);

void read_steps(struct loader *l, const struct ynode *list, const char *prefix,
                struct step_list *ret);
/* One step. id: its id when it is already known, else NULL. NULL when it is unusable. */
struct step *read_step(struct loader *l, const struct ynode *node, const char *prefix,
                       const char *id);
/* What an `mcp` step says, beyond the table of its keys. */
void read_mcp(struct loader *l, const struct step *step);
/* The GET of an `unchanged`. */
struct step *read_reading(struct loader *l, const struct ynode *node);

/* The group of a `use`, NULL when it cannot be had. */
const struct group_file *find_group(struct loader *l, const struct ynode *name);

/* Remembers what an unusable step may bind, so that its uses are no further problems. */
void lose_names(struct loader *l, const struct ynode *node);
/* Every ${...} and every plain name of an organisation or a workspace is defined where a
 * scenario uses it. */
void check_variables(struct loader *l, const struct scenario *s);

#endif
