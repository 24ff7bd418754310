/*
 * The control plane's way to say that fields are missing.
 * Source: molecule-core (1c9f83df) tests/harness, cp-stub: POST /cp/admin/orgs.
 */
#ifndef CONTROL_PLANE_REQUIRED_H
#define CONTROL_PLANE_REQUIRED_H

#include "mocks/server/router.h"
#include <jansson.h>

/* Answers 400 and names those that are absent or empty; false = all are there. */
bool required_missing(struct call *call, const json_t *body, const char *const *names,
                      size_t n);

#endif
