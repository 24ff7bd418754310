/*
 * The faults of the mock: one table of names, modes, the switches that they turn, and
 * what they are about. Adding a fault is one row here, and its effect where it bites.
 */
#ifndef SERVER_FAULTS_H
#define SERVER_FAULTS_H

#include "base/buf.h"
#include "base/err.h"
#include <jansson.h>

enum { FAULT_MODES_MAX = 8 };

struct fault_mode {
    const char *name;  /* NULL ends the list */
    const char *sets;  /* the switch that it turns, NULL = its effect is elsewhere */
    const char *value; /* of that switch */
};
struct fault_row {
    const char *name;
    struct fault_mode modes[FAULT_MODES_MAX]; /* the first one is the default */
    const char *about;
};

extern const struct fault_row fault_rows[];
extern const size_t fault_rows_n;

const struct fault_row *fault_row_find(const char *name); /* NULL = unknown */

/* The row's own spelling of a mode (NULL or "" or "on" = the default one; answer= takes
 * any text of its form). ERR_USAGE names the fault and what is known. */
MUST_CHECK int fault_check(const char *name, const char *mode, const char **ret_mode,
                           struct err *err);

/* [{"name","modes","about"}], owned by the caller. */
json_t *faults_json(void);

#endif
