/*
 * Switches: what differs between revisions of the product. A contract profile gives every
 * one a value; --switch and /_mock/switches change one; a fault may turn one.
 * Source: mocks/contracts/{rfc,shipped,later}.json, which give each one its value.
 */
#ifndef SERVER_SWITCHES_H
#define SERVER_SWITCHES_H

#include "base/err.h"
#include "mocks/server/state.h"
#include <jansson.h>

/* Every switch with the value that the `rfc` profile gives it; owned by the caller. */
json_t *switches_builtin(void);

/* ERR_USAGE for an unknown name or a value that it does not take. */
MUST_CHECK int switch_check(const char *name, const char *value, struct err *err);

/* Checks, then sets it in the object by its own name; required_tool takes a whole tool id
 * (mcp__SERVER__NAME) too. */
MUST_CHECK int switch_set(json_t *switches, const char *name, const char *value,
                          struct err *err);

/* Reads <contracts_dir>/<name>.json, or the file of that path, into p->profile,
 * p->contract and p->switches. ERR_CONFIG, ERR_SYS. */
MUST_CHECK int profile_load(struct platform *p, const char *name_or_file,
                            struct err *err);

/* All effective values for an organisation; owned by the caller. */
json_t *switches_effective(const struct org *org);
/* The faults that are on for it, name -> mode; owned by the caller. */
json_t *faults_effective(const struct org *org);

/* What holds while no organisation is named. switch_run is never NULL for a known name;
 * fault_run NULL = off. */
const char *switch_run(const struct platform *p, const char *name);
const char *fault_run(const struct platform *p, const char *name);

#endif
