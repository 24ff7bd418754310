#include "scenario/load.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/limits.h"

void problems_release(struct problems *p)
{
    for (size_t i = 0; i < p->n; i++) {
        free(p->v[i].file);
        free(p->v[i].text);
    }
    free(p->v);
    *p = (struct problems)PROBLEMS_INIT;
}

void problems_add(struct problems *p, const char *file, int line, int col, bool advice,
                  const char *fmt, ...)
{
    struct buf text CLEANUP(buf_release) = BUF_INIT(LIMIT_ERROR_TEXT);
    va_list ap;

    va_start(ap, fmt);
    buf_vaddf(&text, fmt, ap);
    va_end(ap);
    /* What is quoted of a file may hold line ends; a problem is one line. */
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.data[i];
        if (c < ' ' || c == 0x7f)
            text.data[i] = ' ';
    }
    /* A step group is read once for every use of it. */
    for (size_t i = 0; i < p->n; i++) {
        const struct problem *q = &p->v[i];
        if (q->line == line && q->col == col && strcmp(q->text, text.data) == 0 &&
            strcmp(q->file, file) == 0)
            return;
    }
    p->v = xrealloc(p->v, (p->n + 1) * sizeof(*p->v));
    p->v[p->n++] = (struct problem){.file = xstrdup(file),
                                    .line = line,
                                    .col = col,
                                    .advice = advice,
                                    .text = xstrdup(text.data)};
}

static int by_place(const void *a, const void *b)
{
    const struct problem *p = a, *q = b;
    int c = strcmp(p->file, q->file);

    if (c == 0)
        c = (p->line > q->line) - (p->line < q->line);
    if (c == 0)
        c = (p->col > q->col) - (p->col < q->col);
    return c ? c : strcmp(p->text, q->text);
}

void problems_sort(struct problems *p)
{
    if (p->n > 1)
        qsort(p->v, p->n, sizeof(*p->v), by_place);
}

char *problem_line(const struct problem *p)
{
    if (p->line <= 0)
        return xasprintf("%s: %s", p->file, p->text);
    return xasprintf("%s:%d:%d: %s", p->file, p->line, p->col, p->text);
}

int problems_err(const struct problems *p, struct err *err)
{
    const struct problem *first = NULL;
    size_t n = 0;

    for (size_t i = 0; i < p->n; i++) {
        if (p->v[i].advice)
            continue;
        first = first ? first : &p->v[i];
        n++;
    }
    if (!first)
        return 0;
    char *line CLEANUP(free_ptr) = problem_line(first);
    if (n > 1)
        return err_set(err, ERR_CONFIG, "%s (and %zu more: waybill check)", line, n - 1);
    return err_set(err, ERR_CONFIG, "%s", line);
}
