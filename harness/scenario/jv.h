/*
 * jansson values as libjq's and back, without a text between them.
 */
#ifndef SCENARIO_JV_H
#define SCENARIO_JV_H

#include <jansson.h>
#include <jq.h>

/* j: borrowed, NULL = null. */
jv jv_from_json(const json_t *j);
/* value: taken. New reference; an invalid value, NaN and what is nested too deeply become
 * null. */
json_t *json_from_jv(jv value);

#endif
