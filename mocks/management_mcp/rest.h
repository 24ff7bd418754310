/*
 * The REST calls behind the tools: which address, which credential, which error envelope.
 * Source: @molecule-ai/mcp-server 1.6.1, its tenant, request, control-plane and forge
 * clients; the box's own client is the runtime's a2a server.
 *
 * A call never fails: whatever happened is the value, the platform's answer or an error
 * envelope {"error","detail","status"}. Nothing is sent when a credential is missing. The
 * answer comes from the event loop, and a call that is under way can be dropped.
 */
#ifndef MOCKS_MANAGEMENT_MCP_REST_H
#define MOCKS_MANAGEMENT_MCP_REST_H

#include "base/strv.h"
#include "io/http.h"
#include <jansson.h>
#include <stdbool.h>

struct loop;

enum rest_client {
    REST_MGMT,  /* tenant, MOLECULE_ORG_API_KEY and the organisation's headers */
    REST_API,   /* tenant, MOLECULE_API_KEY or MOLECULE_API_TOKEN */
    REST_CP,    /* control plane, CP_ADMIN_API_TOKEN */
    REST_GITEA, /* forge, GITEA_ISSUE_TOKEN or GITEA_TOKEN */
    REST_BOX,   /* tenant, the workspace's own token and Origin */
};

struct rest {
    struct loop *loop;       /* borrowed */
    struct http_async *http; /* owned; made at the first call */
};
/* Before the loop ends; drops what is under way. */
void rest_release(struct rest *r);

struct rest_request {
    enum rest_client client;
    const char *tool; /* for messages */
    const char *method;
    const char *path;   /* begins with '/' */
    const json_t *body; /* NULL = none */
    const char *header; /* one more, or NULL */
};

struct rest_answer {
    bool ok;       /* 2xx */
    int status;    /* 0 = no answer came */
    json_t *value; /* owned, never NULL */
};
#define REST_ANSWER_INIT                                                                 \
    {                                                                                    \
        .ok = false                                                                      \
    }
void rest_answer_release(struct rest_answer *a);

struct rest_call;
typedef void rest_done_fn(const struct rest_answer *answer, void *arg);
/* Copies the request, but the strings `tool` and `method`. done is called exactly once,
 * never from within this call; the handle dies when it starts. Waits out a rate limit
 * where the client does. Never NULL. */
struct rest_call *rest_start(struct rest *r, const struct rest_request *req,
                             rest_done_fn *done, void *arg);
/* Ends the transfer; done is not called. Takes NULL. */
void rest_cancel(struct rest_call *c);

/* For the platform's journal: what a box's server asks, the box asks; elsewhere it is
 * neither the box nor the platform. */
void rest_say_who(struct strv *headers);

/* {"error":error,"detail":detail}. Caller owns. */
json_t *rest_error(const char *error, const char *detail);

/* The first of the named environment variables that is set and not empty, or NULL; the
 * list ends with NULL. */
const char *env_first(const char *const *names);
const char *env_get(const char *name);
/* The tenant's address, without a slash at the end. Caller frees. */
char *rest_tenant_base(void);
/* The forge's API address, or NULL. */
const char *rest_gitea_base(void);

#endif
