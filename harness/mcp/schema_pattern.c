/* The patterns of a schema: regular expressions of ECMA-262, as far as PCRE2 has them. */
#include "mcp/schema_part.h"

#include <stdlib.h>
#include <string.h>

enum { EFFORT = 16 }; /* items of a pattern that are tried in one step */

static int compare(const void *a, const void *b)
{
    const struct schema_pattern *one = a, *other = b;

    if (one->len != other->len)
        return one->len < other->len ? -1 : 1;
    return memcmp(one->text, other->text, one->len);
}

/* What PCRE2 understands and ECMA-262 does not: verbs as (*ACCEPT), which settle a match
 * whatever else is there, and \Q..\E. */
static bool is_foreign(const char *text, size_t len)
{
    bool in_class = false;

    for (size_t i = 0; i + 1 < len; i++) {
        char next = text[i + 1];
        if (text[i] == '\\' && (next == 'Q' || next == 'E'))
            return true;
        if (text[i] == '(' && next == '*' && !in_class)
            return true;
        if (text[i] == '[' || text[i] == ']')
            in_class = text[i] == '[';
        i += text[i] == '\\';
    }
    return false;
}

int schema_pattern_add(struct mcp_schema *s, const char *text, size_t len,
                       struct err *err)
{
    int number = 0;
    PCRE2_SIZE offset = 0;
    struct schema_pattern added = {.text = text, .len = len};

    for (size_t i = 0; i < s->n_patterns; i++)
        if (compare(&s->patterns[i], &added) == 0)
            return 0;
    if (s->n_patterns >= SCHEMA_PATTERNS)
        return err_set(err, ERR_SHAPE, SCHEMA_TOO_LARGE);
    if (is_foreign(text, len))
        return err_set(err, ERR_SHAPE,
                       "the schema's pattern '%.100s' is no regular expression of "
                       "ECMA-262",
                       text);
    added.code = pcre2_compile((PCRE2_SPTR)text, len,
                               PCRE2_UTF | PCRE2_DOLLAR_ENDONLY | PCRE2_ALT_BSUX |
                                   PCRE2_ALLOW_EMPTY_CLASS | PCRE2_MATCH_UNSET_BACKREF |
                                   PCRE2_NEVER_BACKSLASH_C | PCRE2_AUTO_CALLOUT,
                               &number, &offset, NULL);
    if (!added.code)
        return err_set(err, ERR_SHAPE,
                       "the schema's pattern '%.100s' is no regular expression "
                       "(character %zu)",
                       text, (size_t)offset + 1);
    s->patterns = xrealloc(s->patterns, (s->n_patterns + 1) * sizeof(*s->patterns));
    s->patterns[s->n_patterns++] = added;
    return 0;
}

void schema_patterns_sort(struct mcp_schema *s)
{
    if (s->n_patterns)
        qsort(s->patterns, s->n_patterns, sizeof(*s->patterns), compare);
}

void schema_patterns_release(struct mcp_schema *s)
{
    for (size_t i = 0; i < s->n_patterns; i++)
        pcre2_code_free(s->patterns[i].code);
    free(s->patterns);
}

/* ---- matching ---- */

struct effort {
    int64_t left;
    PCRE2_SIZE at; /* where the item before was tried */
};

/* Called where an item of the pattern is tried. PCRE2's own limit counts neither the text
 * that an item runs through nor the places where a match may begin. */
static int on_item(pcre2_callout_block *block, void *arg)
{
    struct effort *e = arg;
    PCRE2_SIZE at = block->current_position;
    PCRE2_SIZE moved = at > e->at ? at - e->at : e->at - at;

    e->at = at;
    e->left -= 1 + (int64_t)(moved / EFFORT);
    return e->left >= 0 ? 0 : PCRE2_ERROR_MATCHLIMIT;
}

bool schema_matches(struct schema_run *r, const char *pattern, size_t pattern_len,
                    const char *text, size_t len)
{
    const struct schema_pattern wanted = {.text = pattern, .len = pattern_len};
    const struct mcp_schema *s = r->schema;
    struct effort effort = {.left = r->left * EFFORT};

    if (len > SCHEMA_PATTERN_TEXT)
        return schema_give_up(r, "a text is too long to look for a pattern in it");
    const struct schema_pattern *found =
        s->n_patterns
            ? bsearch(&wanted, s->patterns, s->n_patterns, sizeof(wanted), compare)
            : NULL;
    if (!found)
        return schema_give_up(r, "a pattern was not read");
    pcre2_match_data *data = xcheck(pcre2_match_data_create(1, NULL));
    pcre2_match_context *context = xcheck(pcre2_match_context_create(NULL));
    (void)pcre2_set_callout(context, on_item, &effort);
    int rc = pcre2_match(found->code, (PCRE2_SPTR)text, len, 0, 0, data, context);
    pcre2_match_context_free(context);
    pcre2_match_data_free(data);
    if (rc < 0 && rc != PCRE2_ERROR_NOMATCH)
        return schema_give_up(r, "a pattern takes too long on this text");
    r->left = effort.left / EFFORT;
    return schema_spend(r, 1) && rc >= 0;
}
