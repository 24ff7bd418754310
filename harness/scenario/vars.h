/*
 * The variables of one running scenario, and ${...} in its texts.
 *
 * A path is names joined by dots: ${acme.id}, ${contract.server_name}, ${list.0.name}.
 * Bindings and captures live in one scope that lasts to the end of the scenario; the
 * parameters of a `use` and the subject of a `deny` are pushed over it and popped again.
 * A step into a string that is the name of a bound object goes on in that object: with
 * subject: concierge, ${subject.id} is ${concierge.id}. "$${" is a literal "${".
 *
 * A text that is one ${...} and nothing else takes the value with its type; inside other
 * text strings go in as they are, anything else as compact JSON, except that an object
 * bound by name is an error there (${acme} where ${acme.id} was meant). What is inserted
 * is never looked at again.
 *
 * Values of members called token, admin_token, auth_token, api_key or secret are
 * remembered as secrets when they are bound, under the name of their path.
 */
#ifndef SCENARIO_VARS_H
#define SCENARIO_VARS_H

#include "base/buf.h"
#include "base/err.h"
#include "base/strv.h"
#include "io/yaml.h"
#include <jansson.h>
#include <stdbool.h>

struct vars;

struct vars *vars_new(void);
void vars_free(struct vars *v);
void vars_drop(struct vars **v); /* for CLEANUP */

/* Sets a name of the lasting scope. value: taken. An object that has no "as" gets one,
 * the name: that is how references and texts know it again. */
void vars_bind(struct vars *v, const char *name, json_t *value);
/* For run, contract, env, params: bound as it is, without "as". value: taken. */
void vars_set(struct vars *v, const char *name, json_t *value);

/* A scope over the lasting one. locals: an object, taken. */
void vars_push(struct vars *v, json_t *locals);
void vars_pop(struct vars *v);
/* Interpolates `with` (may be NULL) over the defaults and pushes the result. defaults:
 * the parameters of a step group (borrowed object), which then are there as ${x} and as
 * ${params.x}; NULL for the case of a `deny`. ERR_CONFIG with the place. */
MUST_CHECK int vars_push_params(struct vars *v, const json_t *defaults,
                                const struct ynode *with, const char *file,
                                struct err *err);

/* Value of a path, borrowed, or NULL when there is none. */
json_t *vars_get(const struct vars *v, const char *path);
/* The bound object that ref names: ref is a string with its name, or the object itself.
 * Borrowed, or NULL. */
json_t *vars_ref(const struct vars *v, const json_t *ref);
/* Every variable as one object, new reference: $vars of a jq program. */
json_t *vars_all(const struct vars *v);
/* The same for a program that uses these paths (scenario/expr.c): names that stand for a
 * bound object are that object where a member is asked for, and paths that begin with
 * '=' are there under their whole text. NULL when one is undefined: *ret_missing. */
json_t *vars_all_for(const struct vars *v, const struct strv *paths,
                     const char **ret_missing);

/* A node with ${...} replaced, deep (keys of mappings too). ERR_CONFIG "file:line:col:
 * undefined variable 'x.y'". Caller owns *ret. */
MUST_CHECK int vars_json(const struct vars *v, const struct ynode *node, const char *file,
                         json_t **ret, struct err *err);
/* The same as text: a scalar, or compact JSON. Caller frees *ret. */
MUST_CHECK int vars_text(const struct vars *v, const struct ynode *node, const char *file,
                         char **ret, struct err *err);

/* Text that is no node (names of checks and steps): what is undefined stays as written.
 * Caller frees. */
char *vars_show(const struct vars *v, const char *text);

/* Calls fn for each ${path} of a text; a non-zero return ends it and is returned.
 * offset: of the '$'. -1: not well formed, *ret_bad is the offset of the '$'. */
typedef int vars_path_fn(const char *path, size_t offset, void *arg);
int vars_each_path(const char *text, vars_path_fn *fn, void *arg, size_t *ret_bad);
/* Letters, digits, '_', '-', not beginning with a digit. */
bool vars_name_is_good(const char *name);

/* Secrets. A value shorter than 6 bytes is not kept: it would turn up everywhere. */
void vars_add_secret(struct vars *v, const char *name, const char *value);
/* Appends text with each secret replaced by "<secret:NAME>". */
void vars_redact(const struct vars *v, const char *text, size_t len, struct buf *out);
/* New reference: every string (keys too) redacted. */
json_t *vars_redact_json(const struct vars *v, const json_t *j);
/* Name of a secret that occurs in text, borrowed, or NULL. */
const char *vars_find_secret(const struct vars *v, const char *text, size_t len);

#endif
