/*
 * The answers of the platform's contract, by id: what `expect: {contract: ID}` compares
 * with.
 *
 * Source: mocks/contracts/routes.json (mocks/contracts/README.md says how it is written).
 * An answer is {id, status, when, body | text | empty | type, headers, profiles, test};
 * here it also has "route", "POST /workspaces", and "group".
 */
#ifndef SCENARIO_ANSWERS_H
#define SCENARIO_ANSWERS_H

#include "base/buf.h"
#include "base/err.h"
#include "scenario/match.h"
#include <jansson.h>

/* *ret: object of id to answer, caller owns. ERR_CONFIG: not such a file, an id twice,
 * an answer without a body, a placeholder that is none. */
MUST_CHECK int answers_read(const char *path, json_t **ret, struct err *err);

/* Whether the answer is used under the profile of that name (NULL = any). */
bool answer_is_of(const json_t *answer, const char *profile);

/* Whether what was observed is that answer to the letter: status, headers, content type,
 * body. Otherwise why is appended: what differs, expected, came. */
bool answer_fits(const json_t *answer, const struct observation *obs, struct buf *why);

#endif
