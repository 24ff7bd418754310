/*
 * Events as they happen: GET /workspaces/:id/events/stream (server-sent events, those of
 * one workspace) and GET /ws (WebSocket, those of the organisation). Both carry the rows
 * of GET /events, one a message, oldest first, from the moment of the request on.
 */
#include <string.h>

#include "base/limits.h"
#include "io/json.h"
#include "io/sse.h"
#include "io/websocket.h"
#include "mocks/server/listeners.h"
#include "mocks/tenant/handlers.h"
#include "mocks/tenant/rest.h"

enum { HEARTBEAT_S = 30, PING_S = 54 };

struct live {
    struct org *org;
    struct event_listener *listener; /* NULL once the organisation is gone */
    struct httpd_stream *stream;     /* one of the two */
    struct websocket *socket;
    struct loop_timer *beat;
};

static void live_free(void *arg)
{
    struct live *live = arg;
    event_unlisten(live->listener);
    loop_timer_cancel(live->beat);
    free(live);
}

static void on_event(const json_t *row, void *arg)
{
    const struct live *live = arg;
    CLEANUP(free_ptr) char *text = json_text(row, JSON_WIRE);
    if (live->socket) {
        websocket_send(live->socket, text, strlen(text));
        return;
    }
    CLEANUP(buf_release) struct buf event = BUF_INIT(LIMIT_RESPONSE_BODY);
    sse_write(&event, NULL, NULL, text);
    httpd_stream_write(live->stream, event.data, event.len);
}

static void on_end(void *arg)
{
    struct live *live = arg;
    live->listener = NULL;
    if (live->socket)
        websocket_close(live->socket, 1001);
    else
        httpd_stream_end(live->stream);
    live_free(live);
}

static struct live *live_new(struct call *call, struct workspace *ws)
{
    struct live *live = xcalloc(1, sizeof(*live));
    live->org = call->org;
    live->listener = event_listen(call->org, ws, on_event, on_end, live);
    return live;
}

static void heartbeat(void *arg)
{
    struct live *live = arg;
    static const char comment[] = ": ping\n\n";
    httpd_stream_write(live->stream, comment, sizeof(comment) - 1);
    live->beat = loop_timer_add(live->org->plat->loop,
                                pace_ms(live->org->plat, HEARTBEAT_S), heartbeat, live);
}

void event_stream(struct call *call)
{
    struct workspace *ws = rest_need_ws(call);
    if (!ws)
        return;
    struct live *live = live_new(call, ws);
    httpd_add_header(call->req, "Cache-Control", "no-cache");
    live->stream = call_stream(call, 200, "text/event-stream", live_free, live);
    if (!live->stream)
        live_free(live);
    else
        heartbeat(live);
}

void event_socket(struct call *call)
{
    const char *refusal = websocket_refusal(call->req);
    if (refusal) {
        call_decide(call, "no WebSocket handshake: %s", refusal);
        httpd_add_header(call->req, "Sec-WebSocket-Version", "13");
        call_text(call, 400, "Bad Request\n");
        return;
    }
    struct live *live = live_new(call, NULL);
    live->socket = call_websocket(call, pace_ms(call->plat, PING_S), live_free, live);
    if (!live->socket)
        live_free(live);
}
