/*
 * Input schemas of the tools: written in one line, rendered as JSON Schema, and checked.
 * Source: JSON Schema 2020-12 and draft-07, the part that both have and tools use: type,
 * properties, required, additionalProperties, items, enum, minimum, maximum, minLength,
 * maxLength, anyOf. Other keywords are ignored.
 */
#ifndef MOCKS_MANAGEMENT_MCP_SCHEMA_H
#define MOCKS_MANAGEMENT_MCP_SCHEMA_H

#include <jansson.h>
#include <stdbool.h>

/*
 * Makes the schema from one line: "name*; tier:int(1,4); mode:enum(a|b)". '*' = required.
 * Types: str (default) str(MIN,MAX) int(MIN,MAX) num(MIN,MAX) bool object array strings
 * map (object of strings) enum(a|b), and intnull, enumnull, which allow null. A limit may
 * be left out. A bad line is a bug and aborts. draft07: with $schema, and without
 * additionalProperties when there are no parameters, as SDK 1.x writes it. Caller owns.
 */
json_t *schema_from_line(const char *line, bool draft07);

/*
 * Checks value and appends one issue per fault to issues: {"code","message","path":[..]},
 * codes invalid_type, unrecognized_keys, invalid_enum_value, too_small, too_big,
 * invalid_union. Depth is bounded by LIMIT_DEPTH.
 */
void schema_check(const json_t *schema, const json_t *value, json_t *issues);

/* Removes members that an object schema does not name (SDK 1.x drops them silently). */
void schema_strip(const json_t *schema, json_t *value);

#endif
