/* An event stream means the same, however it is cut into pieces on its way; and what the
 * writer writes, the parser reads. */
#include "fuzz/fuzz.h"
#include "base/limits.h"
#include "io/sse.h"

#include <string.h>

static int record(const struct sse_event *e, void *arg)
{
    struct buf *out = arg;
    buf_addf(out, "[%s][%s][%s][%lld]\n", e->event, e->data, e->id,
             (long long)e->retry_ms);
    return 0;
}

/* With step 0 in one piece, else in pieces of that many bytes. */
static void feed(const uint8_t *data, size_t size, size_t step, struct buf *out)
{
    struct sse_parser p CLEANUP(sse_release);
    sse_init(&p, record, out);
    const char *text = (const char *)data;
    for (size_t at = 0; at < size;) {
        size_t n = step && step < size - at ? step : size - at;
        ALWAYS(sse_feed(&p, text + at, n) == 0);
        at += n;
    }
}

static int rewrite(const struct sse_event *e, void *arg)
{
    sse_write(arg, e->event, e->id, e->data);
    return 0;
}

static int record_data(const struct sse_event *e, void *arg)
{
    buf_addf(arg, "[%s][%s]\n", e->event, e->data);
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct buf whole CLEANUP(buf_release) = BUF_INIT(MIB(64));
    feed(data, size, 0, &whole);
    for (size_t step = 1; step <= 3; step++) {
        struct buf cut CLEANUP(buf_release) = BUF_INIT(MIB(64));
        feed(data, size, step, &cut);
        ALWAYS(whole.len == cut.len && !memcmp(whole.data, cut.data, cut.len));
    }

    struct buf written CLEANUP(buf_release) = BUF_INIT(MIB(64));
    struct buf before CLEANUP(buf_release) = BUF_INIT(MIB(64));
    struct buf after CLEANUP(buf_release) = BUF_INIT(MIB(64));
    struct sse_parser p CLEANUP(sse_release);
    struct sse_parser q CLEANUP(sse_release);
    struct sse_parser r CLEANUP(sse_release);
    sse_init(&p, rewrite, &written);
    sse_init(&q, record_data, &before);
    sse_init(&r, record_data, &after);
    ALWAYS(sse_feed(&p, (const char *)data, size) == 0);
    ALWAYS(sse_feed(&q, (const char *)data, size) == 0);
    ALWAYS(sse_feed(&r, written.data, written.len) == 0);
    ALWAYS(before.len == after.len && !memcmp(before.data, after.data, after.len));
    return 0;
}
