/*
 * Where the program's own files are: beside it in a build tree (the source tree's
 * scenarios/ and mocks/), or under <prefix>/share/waybill once installed.
 */
#ifndef CLI_PATHS_H
#define CLI_PATHS_H

#include "base/err.h"

/* Path of a data file or folder ("scenarios", "mocks/contracts"); caller frees.
 * ERR_CONFIG when it is in neither place. A path below the current directory is given
 * relative to it, so that reports and errors show short names. */
MUST_CHECK int path_data(const char *name, char **ret, struct err *err);
/* Path of the mock's program; caller frees. ERR_CONFIG when it is not beside this one. */
MUST_CHECK int path_mock_program(char **ret, struct err *err);
/* Default database: build/results.db in a checkout, else waybill-results.db here. Caller
 * frees. */
char *path_default_db(void);

#endif
