/*
 * Messages to an agent: one post, and the whole delivery that the proxy, the bridge and
 * delegations share (poll mode, waking, a busy or a dead agent, the activity row).
 * Wire shapes: the group "a2a" of mocks/contracts/routes.json; A2A 0.3 message/send.
 */
#ifndef TENANT_A2A_H
#define TENANT_A2A_H

#include "mocks/server/state.h"
#include <jansson.h>

struct http_response;

/* ---- one post (a2a_post.c) ---- */

enum a2a_post {
    A2A_POST_ANSWERED,
    A2A_POST_UNSENT, /* no connection was made */
    A2A_POST_LOST,   /* it left, and no answer came */
};
/* resp: of ANSWERED, else NULL; borrowed during the call. */
typedef void a2a_posted_fn(struct workspace *target, enum a2a_post how,
                           const struct http_response *resp, void *arg);
/* Posts the message to the root of the target's URL, which must not be empty. caller: its
 * X-Workspace-ID, NULL = a user. message: borrowed. done is called once, later. */
void a2a_post(struct workspace *target, const char *caller, const json_t *message,
              a2a_posted_fn *done, void *arg);

/* {"jsonrpc","id","method":"message/send","params":{"message":{one text part}}}; owned
 * by the caller. attachments: [{uri,name,mimeType,size}], become file parts; NULL =
 * none. */
json_t *a2a_text_message(const char *text, const json_t *attachments);
/* The parts of attachments (NULL = none); owned by the caller. */
json_t *a2a_file_parts(const json_t *attachments);
/* "message/send" where the message does not say. */
const char *a2a_method_of(const json_t *message);
/* The texts of a message/send answer joined by line breaks; caller frees, NULL = it is
 * no such answer. */
char *a2a_reply_text(const struct http_response *resp);

/* ---- a delivery (a2a_deliver.c) ---- */

enum a2a_outcome {
    A2A_ANSWERED,
    A2A_POLLED,      /* waits in the activity rows until the agent fetches it */
    A2A_WAKING,      /* was hibernated; its box is started */
    A2A_NO_URL,      /* never registered */
    A2A_UNROUTABLE,  /* an address that agents may not have */
    A2A_UNREACHABLE, /* an agent that the platform cannot restart */
    A2A_RESTARTING,  /* its box was dead; it is restarted */
    A2A_QUEUED,      /* busy */
};
struct a2a_result {
    enum a2a_outcome outcome;
    const struct http_response *resp; /* of ANSWERED */
    const char *queue_id;             /* of QUEUED */
    size_t queue_depth;
};
/* result: borrowed during the call. */
typedef void a2a_done_fn(struct workspace *target, const struct a2a_result *result,
                         void *arg);
/* Delivers with one activity row per message id. from NULL = a user. delegation_id: whose
 * row is told when a queued message is answered, NULL = none. message: taken. done is
 * called once, perhaps from within this call. */
void a2a_deliver(struct workspace *target, struct workspace *from, json_t *message,
                 const char *delegation_id, a2a_done_fn *done, void *arg);

/* ---- after a restart (a2a_deliver.c) ---- */

/* The agent that comes online next on this row is told why it was restarted. */
void restart_context_note(struct workspace *ws, const char *reason);
/* Tells it, if there is something to tell and an address. */
void restart_context_send(struct workspace *ws);

#endif
