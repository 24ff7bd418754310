/*
 * What the core and its bindings share. For mocks/mcp alone.
 */
#ifndef MOCKS_MCP_SERVER_PART_H
#define MOCKS_MCP_SERVER_PART_H

#include "mcp/frame.h"
#include "mcp/jsonrpc.h"
#include "mocks/mcp/server.h"

struct mcp_refusal;

/* How frames go back to who asked. */
struct mcp_port {
    enum mcp_wire wire;
    /* Whether a modern request is served; NULL = when mcp_check_meta and
     * mcp_check_version find no fault. */
    bool (*check)(const struct exchange *x, struct mcp_refusal *why);
    void (*begin)(struct exchange *x); /* it lives from now on; or NULL */
    /* A notification that belongs to the exchange. frame: taken. */
    void (*note)(struct exchange *x, json_t *frame);
    /* Its answer, when it waits for none any more. status: of HTTP. frame: taken; NULL =
     * it was cancelled. */
    void (*answer)(struct exchange *x, int status, json_t *frame);
    const char *(*header)(const struct exchange *x, const char *name); /* NULL = none */
    void (*close_stream)(struct exchange *x);                          /* or NULL */
};

/* A legacy client: one process, or one session over HTTP. */
struct mcp_peer {
    const struct mcp_revision *revision; /* agreed on; NULL = not yet */
};

/* Where a message came from, and where its answers go. */
struct mcp_origin {
    const struct mcp_port *port;
    void *arg;             /* the binding's */
    struct mcp_peer *peer; /* NULL = modern over HTTP */
};

struct exchange {
    struct mcp_server *server;
    struct exchange *prev, *next; /* of the server */
    struct rpc_frame frame;
    const struct mcp_revision *revision;
    struct mcp_origin origin;
    double progress; /* last told */
    bool has_progress;
    void *user;
};

struct mcp_server {
    struct mcp_server_options opt;
    char *name;   /* owned, or NULL; also in opt */
    json_t *info; /* owned; NULL = not known */
    struct exchange *live;
    size_t n_live;
};

/* Why a request is not served. */
struct mcp_refusal {
    int status, code;
    char text[256];
    json_t *data; /* owned, or NULL */
};

/* Whether the server has the legacy era only. */
bool mcp_server_is_legacy(const struct mcp_server *s);
/* Modern? By what the message itself says. */
bool mcp_is_modern(const struct rpc_frame *f);
/* The checks of a modern request in their order; false = refused. */
bool mcp_check_meta(const struct rpc_frame *f, struct mcp_refusal *why);
bool mcp_check_version(const char *asked, struct mcp_refusal *why);
/* The revisions, newest first. Caller owns. */
json_t *mcp_revision_list(bool legacy);

/* frame: taken over, and empty afterwards. A request is answered through the origin, now
 * or later; anything else is not. modern: the era that the binding found. */
void mcp_server_take(struct mcp_server *s, const struct mcp_origin *origin, bool modern,
                     struct rpc_frame *frame);
/* The error frame of a refusal, whose data it takes. id: borrowed, NULL = none. Caller
 * owns. */
json_t *mcp_refusal_frame(const struct mcp_refusal *why, json_t *id);

/* Ends the exchange with the refusal, whose data it takes. */
void exchange_refuse(struct exchange *x, struct mcp_refusal *why);
/* Nobody waits for it any more: the owner is told; x is gone. No answer is sent. */
void exchange_drop(struct exchange *x);
/* The same, told by the client: the binding ends what it has open. */
void exchange_cancel(struct exchange *x);
/* The owner is told the same, the client an error. */
void exchange_give_up(struct exchange *x, const char *why);
/* Whether a peer waits for an answer. */
bool mcp_server_has_calls(const struct mcp_server *s, const struct mcp_peer *peer);
/* A peer that is no more: each of its exchanges ends, with an error that says why and
 * 404 over HTTP. why NULL = without an answer: nobody is left to read it. */
void mcp_server_drop_peer(struct mcp_server *s, const struct mcp_peer *peer,
                          const char *why);

/* The text of a frame for the client. One of more than max bytes gives way to an error
 * with its id; a batch to one for each answer in it; a notification to nothing, which is
 * NULL. frame: taken. Caller frees. */
char *mcp_text_within(json_t *frame, size_t max);

/* Keeps a frame with those that were seen; revision or method may be NULL. */
void mcp_server_saw(const struct mcp_server *s, enum mcp_sender sender,
                    enum mcp_wire wire, const struct mcp_revision *revision,
                    const char *method, const json_t *frame);

#endif
