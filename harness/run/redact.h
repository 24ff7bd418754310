/*
 * The secrets that a scenario knows, and their replacement in everything it writes.
 *
 * A value of at least 8 characters is known under a name; each occurrence in a text
 * becomes <secret:NAME>, also where it stands JSON-escaped or percent-encoded. Values are
 * learned from token members of every answer, so a secret that nobody named is replaced
 * too. Not thread safe.
 */
#ifndef RUN_REDACT_H
#define RUN_REDACT_H

#include <jansson.h>
#include <stddef.h>

struct redact_row {
    char *name;  /* "acme.admin_token" */
    char *value; /* one spelling of the secret */
    size_t len;
};
struct redact {
    struct redact_row *rows; /* longest value first */
    size_t n, cap;
};
#define REDACT_INIT                                                                      \
    {                                                                                    \
        .rows = NULL, .n = 0, .cap = 0                                                   \
    }
void redact_release(struct redact *r);

/* Copies both. A value that is known already keeps its first name; one shorter than 8
 * characters, or NULL, is not taken. Two values of one name become NAME and NAME-2. */
void redact_add(struct redact *r, const char *name, const char *value);

/* Adds every string member called auth_token, *_token, *_api_key or *_secret, at any
 * depth, under "prefix.member" (prefix NULL: the member's own name). */
void redact_learn(struct redact *r, const char *prefix, const json_t *j);

/* The text without secrets and as valid UTF-8 (bad bytes become '?'), at most max bytes
 * (0 = no limit; a cut never leaves part of a secret). Caller frees; NULL for NULL. */
char *redact_text(const struct redact *r, const char *text, size_t len, size_t max);

/* Replaces in every string of j (values, not keys), in place. */
void redact_json(const struct redact *r, json_t *j);

/* Name of the first secret that occurs in text, or NULL. Borrowed. */
const char *redact_find(const struct redact *r, const char *text, size_t len);

#endif
