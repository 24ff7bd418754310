#include "io/sse.h"

#include "base/limits.h"
#include "base/num.h"
#include <string.h>

enum { RETRY_MOST_MS = 24 * 60 * 60 * 1000 };

void sse_init(struct sse_parser *p, sse_fn *fn, void *arg)
{
    buf_init(&p->line, LIMIT_RESPONSE_BODY);
    buf_init(&p->data, LIMIT_RESPONSE_BODY);
    buf_init(&p->event, KIB(1));
    buf_init(&p->id, KIB(4));
    buf_init(&p->last_id, KIB(4));
    p->retry_ms = -1;
    p->has_data = p->last_cr = p->started = false;
    p->fn = fn;
    p->arg = arg;
}

void sse_release(struct sse_parser *p)
{
    buf_release(&p->line);
    buf_release(&p->data);
    buf_release(&p->event);
    buf_release(&p->id);
    buf_release(&p->last_id);
}

void sse_reconnect(struct sse_parser *p)
{
    buf_reset(&p->line);
    buf_reset(&p->data);
    buf_reset(&p->event);
    buf_reset(&p->id);
    buf_add(&p->id, p->last_id.data, p->last_id.len);
    p->has_data = p->last_cr = p->started = false;
}

static int dispatch(struct sse_parser *p)
{
    struct sse_event ev = {
        .event = p->event.len ? p->event.data : "message",
        .data = p->data.data,
        .id = p->id.data,
        .retry_ms = p->retry_ms,
    };
    int rc = 0;

    buf_reset(&p->last_id);
    buf_add(&p->last_id, p->id.data, p->id.len);
    if (p->has_data)
        rc = p->fn(&ev, p->arg);
    buf_reset(&p->data);
    buf_reset(&p->event);
    p->has_data = false;
    return rc;
}

static void set_field(struct sse_parser *p, const char *name, const char *value)
{
    if (strcmp(name, "data") == 0) {
        if (p->has_data)
            buf_addc(&p->data, '\n');
        buf_adds(&p->data, value);
        p->has_data = true;
    } else if (strcmp(name, "event") == 0) {
        buf_reset(&p->event);
        buf_adds(&p->event, value);
    } else if (strcmp(name, "id") == 0) {
        buf_reset(&p->id);
        buf_adds(&p->id, value);
        if (p->id.truncated) /* part of an id is another id */
            buf_reset(&p->id);
    } else if (strcmp(name, "retry") == 0) {
        int64_t ms;

        if (num_parse(value, 0, INT64_MAX, &ms))
            p->retry_ms = ms < RETRY_MOST_MS ? ms : RETRY_MOST_MS;
    }
}

static int end_line(struct sse_parser *p)
{
    char *name = p->line.data;
    char *value;
    int rc = 0;

    if (p->line.len == 0) {
        rc = dispatch(p);
    } else if (name[0] != ':' && !memchr(name, '\0', p->line.len)) {
        value = strchr(name, ':');
        if (value) {
            *value++ = '\0';
            if (*value == ' ')
                value++;
        } else {
            value = name + p->line.len;
        }
        set_field(p, name, value);
    }
    buf_reset(&p->line);
    return rc;
}

/* A byte order mark may stand before the first line. */
static void drop_mark(struct sse_parser *p)
{
    if (!p->started && p->line.len >= 3 && memcmp(p->line.data, "\xef\xbb\xbf", 3) == 0)
        buf_consume(&p->line, 3);
    p->started = true;
}

int sse_feed(struct sse_parser *p, const char *data, size_t len)
{
    const char *end = data + len;

    while (data < end) {
        const char *stop = data;
        int rc;

        /* The second half of a CRLF, which may come in another piece. */
        if (p->last_cr && *data == '\n') {
            p->last_cr = false;
            data++;
            continue;
        }
        p->last_cr = false;
        while (stop < end && *stop != '\n' && *stop != '\r')
            stop++;
        buf_add(&p->line, data, (size_t)(stop - data));
        if (p->line.truncated)
            return SSE_TOO_LONG;
        if (stop == end)
            break;
        p->last_cr = *stop == '\r';
        data = stop + 1;
        drop_mark(p);
        rc = end_line(p);
        if (p->data.truncated)
            return SSE_TOO_LONG;
        if (rc != 0)
            return rc;
    }
    return 0;
}

void sse_write(struct buf *out, const char *event, const char *id, const char *data)
{
    if (event)
        buf_addf(out, "event: %s\n", event);
    if (id)
        buf_addf(out, "id: %s\n", id);
    for (;;) {
        size_t len = strcspn(data, "\r\n");

        buf_adds(out, "data: ");
        buf_add(out, data, len);
        buf_addc(out, '\n');
        if (data[len] == '\0')
            break;
        data += len + (data[len] == '\r' && data[len + 1] == '\n' ? 2 : 1);
    }
    buf_addc(out, '\n');
}
