/*
 * Sinks for people and for pipes: what `waybill run` prints while it works.
 */
#ifndef CLI_CONSOLE_H
#define CLI_CONSOLE_H

#include "run/sink.h"

#include <stdbool.h>
#include <stdio.h>

struct console_options {
    FILE *out;
    bool colour;
    bool live;    /* a progress line that is rewritten; only on a terminal */
    bool quiet;   /* the summary and what is red only */
    bool verbose; /* every check */
};

/* On a terminal: colour unless NO_COLOR is set; mode is "auto", "always" or "never".
 * ERR_USAGE for another mode. */
MUST_CHECK int console_options_for(FILE *out, const char *mode,
                                   struct console_options *ret, struct err *err);

/* A line per scenario, every red check with expected and actual, then the summary. */
struct sink *console_sink(const struct console_options *opt);
/* Every event as one line of JSON. out: borrowed. */
struct sink *json_sink(FILE *out);

#endif
