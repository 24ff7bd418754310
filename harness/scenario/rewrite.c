#include "scenario/rewrite.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "scenario/vars.h"

/* Open brackets: ( [ { as they are, '"' a string, 'i' an interpolation in a string. */
struct lexer {
    const char *s; /* what is not read yet */
    char open[LIMIT_DEPTH * 4];
    size_t depth;
    struct buf *out;
    const struct strv *paths;
    struct err *err;
};

static char top(const struct lexer *x)
{
    if (x->depth == 0)
        return '\0';
    return x->open[x->depth - 1];
}

static int push(struct lexer *x, char c)
{
    if (x->depth == sizeof(x->open))
        return err_set(x->err, ERR_CONFIG, "the jq program is nested too deeply");
    x->open[x->depth++] = c;
    return 0;
}

static int collect(const char *path, size_t offset, void *arg)
{
    struct strv *paths = arg;

    (void)offset;
    if (!strv_has(paths, path))
        strv_add(paths, path);
    return 0;
}

/* Where a program uses both ${x} and ${x.y}, x may be a name that stands for an object:
 * then the two cannot both be members of one $vars.x, and ${x.y} gets a key of its own.
 */
static void mark_flat(struct strv *paths)
{
    for (size_t i = 0; i < paths->n; i++) {
        size_t len = strcspn(paths->v[i], ".");
        if (!paths->v[i][len])
            continue;
        for (size_t k = 0; k < paths->n; k++) {
            if (strlen(paths->v[k]) != len || strncmp(paths->v[k], paths->v[i], len) != 0)
                continue;
            char *marked = xasprintf("=%s", paths->v[i]);
            free(paths->v[i]);
            paths->v[i] = marked;
            break;
        }
    }
}

static void add_path(struct lexer *x, const char *path)
{
    char *flat CLEANUP(free_ptr) = xasprintf("=%s", path);

    buf_adds(x->out, "$vars");
    if (strv_has(x->paths, flat)) {
        buf_addf(x->out, "[\"%s\"]", path);
        return;
    }
    struct strv parts CLEANUP(strv_release) = STRV_INIT;
    strv_split(&parts, path, '.');
    for (size_t i = 0; i < parts.n; i++) {
        const char *part = parts.v[i];
        if (strspn(part, "0123456789") == strlen(part))
            buf_addf(x->out, "[%s]", part);
        else if (strchr(part, '-') || strchr("0123456789", part[0]))
            buf_addf(x->out, "[\"%s\"]", part);
        else
            buf_addf(x->out, ".%s", part);
    }
}

static int malformed(struct lexer *x)
{
    return err_set(x->err, ERR_CONFIG,
                   "malformed variable at '%.20s'; write ${name.member}", x->s);
}

/* At "${": one that was not collected was taken for a literal "$${" before, which this
 * lexer reads otherwise ("\\$${" in a string). */
static int variable(struct lexer *x, bool in_string)
{
    size_t n = strcspn(x->s + 2, "}");
    char *path CLEANUP(free_ptr) = xstrndup(x->s + 2, n);
    char *flat CLEANUP(free_ptr) = xasprintf("=%s", path);

    if (!strv_has(x->paths, path) && !strv_has(x->paths, flat))
        return malformed(x);
    buf_adds(x->out, in_string ? "\\(" : "");
    add_path(x, path);
    buf_adds(x->out, in_string ? ")" : "");
    x->s += n + 3;
    return 0;
}

static int string_char(struct lexer *x)
{
    if (strncmp(x->s, "$${", 3) == 0) {
        buf_adds(x->out, "${");
        x->s += 3;
        return 0;
    }
    if (strncmp(x->s, "${", 2) == 0)
        return variable(x, true);
    if (x->s[0] == '\\' && x->s[1]) {
        buf_add(x->out, x->s, 2);
        x->s += 2;
        return x->s[-1] == '(' ? push(x, 'i') : 0;
    }
    if (x->s[0] == '"')
        x->depth--;
    buf_addc(x->out, *x->s++);
    return 0;
}

static int closing(struct lexer *x, char c)
{
    static const char pairs[] = "()[]{}";
    char want = strchr(pairs, c)[-1], is = top(x);

    if (is == want || (c == ')' && is == 'i')) {
        x->depth--;
        buf_addc(x->out, *x->s++);
        return 0;
    }
    return err_set(x->err, ERR_CONFIG, "the jq program has a '%c' too many, at '%.20s'",
                   c, x->s);
}

static int code_char(struct lexer *x)
{
    char c = *x->s;

    if (strncmp(x->s, "$${", 3) == 0)
        return malformed(x); /* a literal has a meaning in strings only */
    if (strncmp(x->s, "${", 2) == 0)
        return variable(x, false);
    if (c == '#') {
        x->s += strcspn(x->s, "\n");
        return 0;
    }
    if (strchr(")]}", c))
        return closing(x, c);
    buf_addc(x->out, *x->s++);
    return strchr("([{\"", c) ? push(x, c) : 0;
}

int rewrite_program(const char *text, struct buf *out, struct strv *paths,
                    struct err *err)
{
    struct lexer x = {.s = text, .out = out, .paths = paths, .err = err};
    size_t bad = 0;

    if (vars_each_path(text, collect, paths, &bad) < 0)
        return err_set(err, ERR_CONFIG,
                       "malformed variable at '%.20s'; write ${name.member}", text + bad);
    mark_flat(paths);
    while (*x.s)
        if ((top(&x) == '"' ? string_char(&x) : code_char(&x)) < 0)
            return -1;
    if (x.depth > 0) {
        char c = top(&x);
        return err_set(err, ERR_CONFIG, "the jq program has a '%s' that is not closed",
                       c == '"'   ? "\""
                       : c == '[' ? "["
                       : c == '{' ? "{"
                                  : "(");
    }
    return 0;
}
