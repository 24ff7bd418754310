#include "base/table.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"

const char *table_name(const struct name_row *rows, int value)
{
    for (; rows->name; rows++) {
        if (rows->value == value)
            return rows->name;
    }
    return "?";
}

bool table_value(const struct name_row *rows, const char *name, int *ret)
{
    for (; rows->name; rows++) {
        if (strcmp(rows->name, name) == 0) {
            *ret = rows->value;
            return true;
        }
    }
    return false;
}

enum { LONGEST_NAME = 63 };

static size_t min3(size_t a, size_t b, size_t c)
{
    size_t least = a < b ? a : b;

    return least < c ? least : c;
}

static bool same(char a, char b)
{
    return tolower((unsigned char)a) == tolower((unsigned char)b);
}

/* Letters to insert, remove, replace or swap with the neighbour (optimal string
 * alignment), in three rows. */
static size_t distance(const char *a, size_t a_len, const char *b, size_t b_len)
{
    size_t rows[3][LONGEST_NAME + 1];
    size_t *before = rows[0], *above = rows[1], *row = rows[2];

    for (size_t j = 0; j <= b_len; j++)
        above[j] = before[j] = j;
    for (size_t i = 1; i <= a_len; i++) {
        size_t *spare = before;

        row[0] = i;
        for (size_t j = 1; j <= b_len; j++) {
            size_t changed = above[j - 1] + (same(a[i - 1], b[j - 1]) ? 0 : 1);

            row[j] = min3(above[j] + 1, row[j - 1] + 1, changed);
            if (i > 1 && j > 1 && same(a[i - 1], b[j - 2]) && same(a[i - 2], b[j - 1]) &&
                before[j - 2] + 1 < row[j])
                row[j] = before[j - 2] + 1;
        }
        before = above;
        above = row;
        row = spare;
    }
    return above[b_len];
}

const char *nearest_name(const char *word, const char *const *candidates, size_t n)
{
    size_t len = strlen(word);
    size_t least = LONGEST_NAME;
    const char *best = NULL;

    if (len > LONGEST_NAME)
        return NULL;
    for (size_t i = 0; i < n; i++) {
        size_t other = strlen(candidates[i]);
        size_t longer = len > other ? len : other;
        size_t d;

        if (other > LONGEST_NAME)
            continue;
        d = distance(word, len, candidates[i], other);
        if (d * 3 <= longer && d < least) {
            least = d;
            best = candidates[i];
        }
    }
    return best;
}

char *did_you_mean(const char *word, const char *const *candidates, size_t n)
{
    const char *near = n > 0 ? nearest_name(word, candidates, n) : NULL;

    return near ? xasprintf("; did you mean '%s'?", near) : xstrdup("");
}
