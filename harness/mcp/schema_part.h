/*
 * What reading and checking a JSON Schema share. For schema*.c alone.
 */
#ifndef MCP_SCHEMA_PART_H
#define MCP_SCHEMA_PART_H

#include "mcp/schema.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

enum {
    SCHEMA_DEPTH = 64,
    SCHEMA_STEPS = 200000,  /* of reading it, and of one check of a small value */
    SCHEMA_STEPS_EACH = 16, /* more for each element of the value */
    SCHEMA_ISSUES = 100,    /* that are told; nobody reads more */
    SCHEMA_PATTERNS = 1000,
    SCHEMA_PATTERN_TEXT = 1024 * 1024, /* bytes that a pattern is looked for in */
};
#define SCHEMA_TOO_LARGE "the schema is too large to be read"

enum schema_dialect { SCHEMA_07 = 1, SCHEMA_2020 = 2 };

struct schema_pattern {
    const char *text; /* borrowed from the schema */
    size_t len;
    pcre2_code *code; /* owned */
};

struct mcp_schema {
    json_t *root; /* owned reference */
    enum schema_dialect dialect;
    bool unevaluated; /* uses unevaluatedProperties or unevaluatedItems */
    struct schema_pattern *patterns;
    size_t n_patterns;
    json_t *refs; /* owned: text of a $ref -> its target */
};

/* One check on its way. */
struct schema_run {
    const struct mcp_schema *schema;
    json_t *issues; /* NULL = nobody wants to know */
    json_t *path;   /* where the value stands */
    int depth;
    int64_t left;        /* steps */
    const char *gave_up; /* why it is not known; NULL = it is */
};

/* A keyword, its value, and what it is applied to. */
struct schema_at {
    const json_t *schema; /* the object that the keyword stands in */
    const json_t *arg;    /* the keyword's value */
    const json_t *value;
    json_t *seen; /* names or indexes that were looked at; NULL = nobody asks */
    const char *keyword;
};
typedef bool schema_fn(struct schema_run *r, const struct schema_at *at);

/* What a keyword's value has to be, which also says where schemas stand. */
enum schema_shape {
    SHAPE_ANY,
    SHAPE_NUMBER,
    SHAPE_POSITIVE,
    SHAPE_COUNT,
    SHAPE_BOOL,
    SHAPE_ARRAY,
    SHAPE_NAMES, /* array of strings */
    SHAPE_TYPE,
    SHAPE_PATTERN,
    SHAPE_REF,
    SHAPE_SCHEMA,
    SHAPE_SCHEMAS, /* array of them, at least one */
    SHAPE_ITEMS,   /* draft-07: a schema or an array of them */
    SHAPE_MAP,     /* object of schemas */
    SHAPE_PATTERN_MAP,
    SHAPE_DEPENDENCIES, /* object of schemas or arrays of names */
    SHAPE_NAMES_MAP,    /* object of arrays of names */
    SHAPE_REFUSED,
};

struct schema_keyword {
    const char *name;
    unsigned dialects; /* of enum schema_dialect */
    enum schema_shape shape;
    schema_fn *check; /* NULL = decides nothing by itself */
};
/* In the order in which they are applied: what asks what was seen comes last. */
extern const struct schema_keyword schema_keywords[];
extern const size_t schema_keywords_n;

/* Patterns (schema_pattern.c): ERR_SHAPE when it is none, or one too many. text: kept. */
int schema_pattern_add(struct mcp_schema *s, const char *text, size_t len,
                       struct err *err);
/* After the last one, before the first match. */
void schema_patterns_sort(struct mcp_schema *s);
void schema_patterns_release(struct mcp_schema *s);
/* The text contains a match; gives up when that takes too long. */
bool schema_matches(struct schema_run *r, const char *pattern, size_t pattern_len,
                    const char *text, size_t len);

/* The value fits the schema (an object or a boolean). */
bool schema_fits(struct schema_run *r, const json_t *schema, const json_t *value,
                 json_t *seen);

/* Always false: the value does not fit, and why. */
bool schema_misfit(struct schema_run *r, const struct schema_at *at, const char *fmt, ...)
    PRINTF_LIKE(3, 4);
/* Always false: a limit was reached. */
bool schema_give_up(struct schema_run *r, const char *why);
/* False, having given up, when there are not so many steps left. */
bool schema_spend(struct schema_run *r, int64_t steps);
/* Whether somebody wants to hear of another fault. */
bool schema_is_heard(const struct schema_run *r);
/* Whether there is more to find out: fits is what is known so far. */
bool schema_goes_on(const struct schema_run *r, bool fits);

/* As JSON Schema compares: 1 and 1.0 are the same. */
bool schema_equal(struct schema_run *r, const json_t *a, const json_t *b);
/* Keywords that look at a value alone (schema_values.c). */
schema_fn schema_check_type, schema_check_enum, schema_check_const, schema_check_minimum,
    schema_check_maximum, schema_check_above, schema_check_below, schema_check_multiple,
    schema_check_min_length, schema_check_max_length, schema_check_pattern,
    schema_check_unique;

#endif
