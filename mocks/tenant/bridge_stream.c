/*
 * GET /workspaces/:id/mcp/stream: tells an older MCP client where to post, and keeps the
 * connection open with comments. Wire shape: group "bridge" of routes.json; MCP
 * 2024-11-05, HTTP with SSE.
 */
#include "base/limits.h"
#include "io/loop.h"
#include "io/sse.h"
#include "mocks/tenant/handlers.h"
#include "mocks/tenant/rest.h"

enum { PING_S = 30 };

struct listener {
    struct platform *plat;
    struct httpd_stream *stream;
    struct loop_timer *ping;
};

static void gone(void *arg)
{
    struct listener *l = arg;
    loop_timer_cancel(l->ping);
    free(l);
}

static void ping(void *arg)
{
    static const char comment[] = ": ping\n\n";
    struct listener *l = arg;
    l->ping = loop_timer_add(l->plat->loop, pace_ms(l->plat, PING_S), ping, l);
    httpd_stream_write(l->stream, comment, sizeof(comment) - 1);
}

void bridge_stream(struct call *call)
{
    struct platform *p = call->plat;
    struct buf text CLEANUP(buf_release) = BUF_INIT(KIB(4));
    char *endpoint CLEANUP(free_ptr) = xasprintf("/workspaces/%s/mcp", call->params[0]);
    struct listener *l = xcalloc(1, sizeof(*l));
    l->plat = p;
    l->stream = call_stream(call, 200, "text/event-stream", gone, l);
    if (!l->stream) {
        free(l);
        return;
    }
    sse_write(&text, "endpoint", NULL, endpoint);
    l->ping = loop_timer_add(p->loop, pace_ms(p, PING_S), ping, l);
    httpd_stream_write(l->stream, text.data, text.len);
}
