/*
 * What the platform tells whoever started it: one line of JSON, a few lines for people,
 * and a file to source. These, and the concierge's environment, are the only places where
 * tokens are written.
 */
#ifndef SERVER_ANNOUNCE_H
#define SERVER_ANNOUNCE_H

#include "base/err.h"
#include "mocks/server/platform.h"
#include "mocks/server/state.h"

/* Real time that the first concierges may take before the line is written all the same.
 */
enum { ANNOUNCE_PATIENCE_MS = 10000 };

/* Every organisation is up or failed, and its concierge is past provisioning. */
bool announce_ready(const struct platform *p);

/* Writes stdout and the env file (mode 0600). ERR_SYS. */
MUST_CHECK int announce(const struct platform *p, const struct platform_options *options,
                        struct err *err);

#endif
