/*
 * The text of a jq program before libjq sees it: ${...} replaced, brackets and quotes
 * checked, so that a program can stand inside another one and nowhere breaks out of it.
 */
#ifndef SCENARIO_REWRITE_H
#define SCENARIO_REWRITE_H

#include "base/buf.h"
#include "base/err.h"
#include "base/strv.h"

/* Appends the rewritten program to out and each path that it uses to paths, once; those
 * that are there under their whole text begin with '='. ERR_CONFIG without a place. */
MUST_CHECK int rewrite_program(const char *text, struct buf *out, struct strv *paths,
                               struct err *err);

#endif
