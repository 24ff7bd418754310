#include "io/multipart.h"

#include "base/strv.h"

#include <string.h>

void multipart_release(struct multipart *m)
{
    for (size_t i = 0; i < m->n; i++) {
        free(m->v[i].name);
        free(m->v[i].filename);
        free(m->v[i].type);
    }
    free(m->v);
    *m = (struct multipart)MULTIPART_INIT;
}

/* The value of a parameter ("; key=value" or quoted); NULL = it is not there. */
static char *parameter(const char *header, const char *key)
{
    size_t len = strlen(key);

    for (const char *at = strchr(header, ';'); at; at = strchr(at, ';')) {
        at += 1 + strspn(at + 1, " \t");
        if (strncasecmp(at, key, len) != 0 || at[len] != '=')
            continue;
        at += len + 1;
        if (*at != '"')
            return xstrndup(at, strcspn(at, "; \t"));
        return xstrndup(at + 1, strcspn(at + 1, "\""));
    }
    return NULL;
}

/* Never a path: browsers once sent whole ones. */
static char *last_component(const char *filename)
{
    for (const char *at; (at = strpbrk(filename, "/\\"));)
        filename = at + 1;
    return xstrdup(filename);
}

static void read_header(struct multipart_part *part, const char *line)
{
    static const char disposition[] = "Content-Disposition:", type[] = "Content-Type:";

    if (strncasecmp(line, disposition, strlen(disposition)) == 0) {
        char *filename CLEANUP(free_ptr) = parameter(line, "filename");
        free(part->name);
        free(part->filename);
        part->name = parameter(line, "name");
        part->filename = filename ? last_component(filename) : NULL;
    } else if (strncasecmp(line, type, strlen(type)) == 0) {
        line += strlen(type);
        free(part->type);
        part->type = xstrdup(line + strspn(line, " \t"));
    }
}

/* Headers and data of what stands between two boundaries. */
static int add_part(struct multipart *m, const char *text, size_t len, struct err *err)
{
    const char *end = memmem(text, len, "\r\n\r\n", 4);
    struct multipart_part part = {.data = "", .len = 0};

    if (!end)
        return err_set(err, ERR_SHAPE, "a part of the form has no headers");
    char *headers CLEANUP(free_ptr) = xstrndup(text, (size_t)(end - text));
    struct strv lines CLEANUP(strv_release) = STRV_INIT;
    strv_split(&lines, headers, '\n');
    for (size_t i = 0; i < lines.n; i++) {
        lines.v[i][strcspn(lines.v[i], "\r")] = '\0';
        read_header(&part, lines.v[i]);
    }
    part.data = end + 4;
    part.len = len - (size_t)(part.data - text);
    if (!part.name)
        part.name = xstrdup("");
    if (!part.type)
        part.type = xstrdup("application/octet-stream");
    m->v = xrealloc(m->v, (m->n + 1) * sizeof(*m->v));
    m->v[m->n++] = part;
    return 0;
}

static int add_parts(struct multipart *m, const char *boundary, const char *body,
                     size_t len, struct err *err)
{
    char *mark CLEANUP(free_ptr) = xasprintf("\r\n--%s", boundary);
    size_t mark_len = strlen(mark);
    const char *end = body + len;

    /* The first boundary has no line before it. */
    if (len < mark_len - 2 || memcmp(body, mark + 2, mark_len - 2) != 0)
        return err_set(err, ERR_SHAPE, "the form does not begin with its boundary");
    body += mark_len - 2;
    while (end - body < 2 || memcmp(body, "--", 2) != 0) {
        const char *line = memmem(body, (size_t)(end - body), "\r\n", 2);
        const char *next =
            line ? memmem(line, (size_t)(end - line), mark, mark_len) : NULL;
        if (next == line && line)
            next = memmem(line + 2, (size_t)(end - line - 2), mark, mark_len);
        if (!next)
            return err_set(err, ERR_SHAPE, "the form does not end");
        if (m->n == MULTIPART_PARTS_MAX)
            return err_set(err, ERR_SHAPE, "the form has too many parts");
        if (add_part(m, line + 2, (size_t)(next - line - 2), err) < 0)
            return -1;
        body = next + mark_len;
    }
    return 0;
}

int multipart_parse(const char *content_type, const char *body, size_t len,
                    struct multipart *ret, struct err *err)
{
    static const char kind[] = "multipart/form-data";
    bool is = content_type && strncasecmp(content_type, kind, strlen(kind)) == 0;
    char *boundary CLEANUP(free_ptr) = is ? parameter(content_type, "boundary") : NULL;

    if (!boundary || !*boundary)
        return err_set(err, ERR_SHAPE, "the body is no multipart form");
    if (add_parts(ret, boundary, body, len, err) < 0) {
        multipart_release(ret);
        return -1;
    }
    return 0;
}
