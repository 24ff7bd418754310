/*
 * Messages to an agent: the checks of the proxy, and one way to send that the proxy and
 * the bridge's delegate_task share.
 * Source: platform contract, section 2.13; A2A 0.3 message/send.
 */
#ifndef TENANT_A2A_H
#define TENANT_A2A_H

#include "mocks/server/state.h"
#include <jansson.h>

struct http_response;

/* resp NULL: the agent could not be reached. Borrowed during the call. */
typedef void a2a_done_fn(struct workspace *target, const struct http_response *resp,
                         void *arg);
/* Posts the message to the root of the target's URL, which must not be empty. from NULL =
 * a user. message: borrowed. done is called once, later. */
void a2a_dispatch(struct workspace *target, const struct workspace *from,
                  const json_t *message, a2a_done_fn *done, void *arg);

/* {"jsonrpc","id","method":"message/send","params":{"message":{one text part}}}; owned
 * by the caller. */
json_t *a2a_text_message(const char *text);
/* The texts of a message/send answer joined by line breaks; caller frees, NULL = it is
 * no such answer. */
char *a2a_reply_text(const struct http_response *resp);

#endif
