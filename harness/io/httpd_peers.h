/*
 * The connections of a listener, and how long each may take over its next request: a
 * peer that sends nothing, half a request, or a byte a second, holds its place for a
 * bounded time only, and not at all while the listener is full.
 *
 * A connection waits from when it is opened, or its last request has ended, until the
 * next one is complete. Whoever waits past the patience is closed; and when there are
 * too many connections, whoever waits longest. For httpd.c alone.
 */
#ifndef IO_HTTPD_PEERS_H
#define IO_HTTPD_PEERS_H

#include <microhttpd.h>
#include <stddef.h>
#include <stdint.h>

struct loop;
struct peers;

/* The limits are those of limits.h, or for tests of the environment:
 * WAYBILL_HTTP_PATIENCE_MS, WAYBILL_HTTP_CONNECTIONS; never more connections than half
 * of the descriptors that the process may open. Never NULL. */
struct peers *peers_new(struct loop *loop);
void peers_free(struct peers *p); /* after the daemon was stopped; takes NULL */
/* For MHD_OPTION_CONNECTION_TIMEOUT and MHD_OPTION_CONNECTION_LIMIT. */
unsigned peers_patience_s(const struct peers *p);
unsigned peers_daemon_limit(const struct peers *p);

/* MHD_OPTION_NOTIFY_CONNECTION; arg: the struct peers *. */
void peers_notify(void *arg, struct MHD_Connection *conn, void **socket_context,
                  enum MHD_ConnectionNotificationCode code);
/* The request is complete; it may take as long as its answer takes. */
void peers_request(struct MHD_Connection *conn);
/* The request has ended. */
void peers_ended(struct MHD_Connection *conn);

#endif
