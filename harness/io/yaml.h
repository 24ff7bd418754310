/*
 * YAML 1.2 documents as a plain tree with a position for every node (libfyaml).
 *
 * A mapping's or sequence's position is its key's where it has one. Anchors, aliases and
 * merge keys are resolved. Duplicate keys are an error. Keys are strings.
 */
#ifndef IO_YAML_H
#define IO_YAML_H

#include "base/err.h"
#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

enum ynode_kind { YNODE_NULL, YNODE_SCALAR, YNODE_SEQ, YNODE_MAP };

struct ynode;
struct ypair {
    char *key;
    int line, col; /* of the key, from 1 */
    struct ynode *value;
};
struct ynode {
    enum ynode_kind kind;
    int line, col;        /* from 1 */
    char *text;           /* SCALAR: its content, owned by the document */
    bool quoted;          /* SCALAR: quoted or block style, so always a string */
    struct ynode **items; /* SEQ */
    struct ypair *pairs;  /* MAP, in the file's order */
    size_t n;             /* of items or pairs */
    int mark;             /* for the reader's use: -1 at first */
};

struct ydoc; /* owns every node */

/* ERR_CONFIG "file:line:col: what"; name is used in errors. An empty document is a
 * YNODE_NULL. Caller owns *ret. */
MUST_CHECK int yaml_parse(const char *name, const char *text, size_t len,
                          struct ydoc **ret, struct err *err);
/* The same for a file; at most max bytes. */
MUST_CHECK int yaml_read_file(const char *path, size_t max, struct ydoc **ret,
                              struct err *err);
void ydoc_free(struct ydoc *doc);
void ydoc_drop(struct ydoc **doc); /* for CLEANUP */
struct ynode *ydoc_root(struct ydoc *doc);
const char *ydoc_name(const struct ydoc *doc);

/* Borrowed, or NULL: absent, or node is NULL or not a mapping. */
struct ynode *ynode_get(const struct ynode *node, const char *key);
const struct ypair *ynode_pair(const struct ynode *node, const char *key);
/* Text of a scalar member, or fallback. */
const char *ynode_str(const struct ynode *node, const char *key, const char *fallback);

/* The core schema's value of a plain scalar (null, true, 12, 1.5), text otherwise;
 * mappings and sequences whole. Caller owns the result. */
json_t *ynode_to_json(const struct ynode *node);

#endif
