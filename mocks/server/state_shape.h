/*
 * The rows of the state as tables of their fields: what is saved of each, rendered as
 * JSON, compared by a hash, and read back. A field that is added to struct org,
 * workspace, box, token or platform and must outlive the process is one row in
 * state_shape.c; mocks/tests/state.test fails for a member that is in neither table.
 */
#ifndef SERVER_STATE_SHAPE_H
#define SERVER_STATE_SHAPE_H

#include "base/err.h"
#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum field_type {
    FIELD_TEXT,  /* char *, NULL = null */
    FIELD_NAME,  /* char *, never NULL: a row without it is damaged */
    FIELD_CHARS, /* char [size] */
    FIELD_INT,
    FIELD_INT64,
    FIELD_DOUBLE,
    FIELD_BOOL,
    FIELD_JSON, /* json_t *, NULL = null */
    FIELD_LIST, /* struct strv */
    FIELD_KIND, /* enum of int size */
};
struct field {
    const char *name; /* of the member, in JSON too */
    enum field_type type;
    bool quiet; /* a change of this alone is not worth a save */
    size_t at, size;
};

/* An array of structs: pointer at `at`, its length at `n_at`. */
struct shape;
struct rows_field {
    const char *name;
    size_t at, n_at, row_size;
    const struct shape *shape;
};
struct shape {
    const struct field *fields;
    size_t n_fields;
    const struct rows_field *rows;
    size_t n_rows;
};

extern const struct shape shape_platform, shape_org, shape_workspace, shape_box,
    shape_token;

/* A value to begin with; the same start and content give the same hash. */
#define SHAPE_SEED UINT64_C(0x9e3779b97f4a7c15)
uint64_t shape_hash(const struct shape *shape, const void *base, uint64_t seed);
uint64_t shape_hash_json(json_t *j, uint64_t seed);
uint64_t shape_hash_text(const char *text, uint64_t seed); /* NULL allowed */

/* Owned by the caller. */
json_t *shape_json(const struct shape *shape, const void *base);
/* Replaces the fields that the object has. ERR_SHAPE names one of another type. */
MUST_CHECK int shape_load(const struct shape *shape, void *base, const json_t *object,
                          struct err *err);

#endif
