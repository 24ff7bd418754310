/*
 * The server's side of a WebSocket, over a connection of io/httpd that was upgraded
 * (libwslay).
 * Source: RFC 6455; version 13, no extensions, no subprotocols.
 *
 * Pings are answered with pongs and a close with a close, by itself. What the peer says
 * is read and thrown away: the platform's sockets only tell.
 */
#ifndef IO_WEBSOCKET_H
#define IO_WEBSOCKET_H

#include "io/httpd.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct websocket;

/* Why the request is no opening handshake, as a literal; NULL when it is one. */
const char *websocket_refusal(const struct httpd_req *req);

/* Accepts the handshake (which must be one). After it, req is gone. A ping goes out every
 * ping_ms. gone is called once, when the connection has ended, but not after
 * websocket_close; the handle is dead when it returns. Never NULL, and gone is never
 * called from within this call. */
struct websocket *websocket_accept(struct httpd_req *req, int64_t ping_ms,
                                   void (*gone)(void *arg), void *arg);

/* One text message, copied. It leaves from the event loop; a peer that lets more than
 * WEBSOCKET_QUEUE_MAX bytes wait is cut off. */
enum { WEBSOCKET_QUEUE_MAX = 1024 * 1024 };
void websocket_send(struct websocket *ws, const char *text, size_t len);

/* Says goodbye (1000 = normal, 1001 = going away) and ends. Takes NULL. */
void websocket_close(struct websocket *ws, int code);

#endif
