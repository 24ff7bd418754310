/*
 * Input schemas of the tools: written in one line, rendered as JSON Schema.
 * Source: JSON Schema 2020-12 and draft-07, the part that both have.
 */
#ifndef MOCKS_MANAGEMENT_MCP_TOOL_INPUT_H
#define MOCKS_MANAGEMENT_MCP_TOOL_INPUT_H

#include <jansson.h>
#include <stdbool.h>

/*
 * Makes the schema from one line: "name*; tier:int(1,4); mode:enum(a|b)". '*' = required.
 * After the type may stand '=' with a default, and in single quotes what the parameter
 * means, else the glossary says that. Types: str (default) str(MIN,MAX) int(MIN,MAX)
 * num(MIN,MAX) bool object array strings map (object of strings) enum(a|b), and strnull,
 * intnull, enumnull, which allow null. A limit may be left out. A bad line is a bug and
 * aborts. draft07: with $schema, and without additionalProperties when there are no
 * parameters, as SDK 1.x writes it. Caller owns.
 */
json_t *tool_input_schema(const char *line, bool draft07);

#endif
