/*
 * Who wants to know of an organisation's events as they happen: the live routes.
 *
 * event_add (state.h) tells every listener, in the order of the events. A listener may
 * remove itself or others from within its callback.
 */
#ifndef SERVER_LISTENERS_H
#define SERVER_LISTENERS_H

#include "mocks/server/state.h"
#include <jansson.h>

struct event_listener;
/* row: as in org->events, borrowed. */
typedef void event_fn(const json_t *row, void *arg);

/* ws NULL = the whole organisation. end: called, when there will be no more events, once
 * and not after event_unlisten; the handle is dead by then. Never NULL. */
struct event_listener *event_listen(struct org *org, const struct workspace *ws,
                                    event_fn *fn, void (*end)(void *arg), void *arg);
void event_unlisten(struct event_listener *listener); /* takes NULL */

/* Tells the listeners of one event. ws NULL = one of the organisation itself. */
void event_tell(struct org *org, const struct workspace *ws, const json_t *row);
/* The organisation is gone. */
void event_end_all(struct org *org);

#endif
