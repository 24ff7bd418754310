/*
 * One request on its connection, as the parts of the listener share it: httpd.c brings it
 * in, httpd_answer.c and httpd_stream.c send the answer. For these alone.
 *
 * libmicrohttpd owns its life: made when the request line is in, freed when the request
 * has ended, so a suspended connection must be resumed for the request to end.
 */
#ifndef IO_HTTPD_CONN_H
#define IO_HTTPD_CONN_H

#include "base/buf.h"
#include "base/strv.h"
#include "io/httpd.h"
#include "io/httpd_peers.h"
#include <microhttpd.h>
#include <stdbool.h>
#include <stddef.h>

struct loop_fd;

enum conn_phase {
    CONN_READING,   /* headers are in, the body is coming */
    CONN_HANDLED,   /* the handler has it: answered within its call, or kept */
    CONN_ANSWERED,  /* response is set, libmicrohttpd has not taken it yet */
    CONN_STREAMING, /* libmicrohttpd pulls from pending */
    CONN_SWITCHING, /* the answer is 101, the socket is not ours yet */
    CONN_UPGRADED,  /* the socket is its owner's */
    CONN_SENT,      /* nothing more to do here */
    CONN_GONE,      /* the peer has left, its owner knows */
};

/* From its first line to its last byte, also as a stream. */
struct httpd_stream {
    struct httpd_req req; /* first: the two are converted into each other */
    struct httpd *d;
    struct httpd_stream *prev, *next;
    struct MHD_Connection *conn; /* NULL until the headers are in */
    enum conn_phase phase;
    bool suspended;
    bool refused;        /* the body is read and thrown away, then answered `refusal` */
    int refusal;         /* status */
    size_t thrown;       /* bytes thrown away */
    char *uri;           /* owned: raw_path and query point into it */
    struct buf body;     /* of the request */
    struct strv trimmed; /* values of its headers that had blanks around them */
    struct strv extra;   /* name, value, name, value ... of the answer */
    const struct httpd_fixed_header *fixed; /* of the answer, borrowed */
    size_t fixed_n;
    struct MHD_Response *response;
    int status;
    struct loop_fd *watch; /* for a peer that leaves while we are suspended */
    void (*req_gone)(struct httpd_req *req, void *arg);
    void (*stream_gone)(void *arg);
    httpd_ready_fn *ready; /* CONN_SWITCHING */
    struct MHD_UpgradeResponseHandle *upgraded;
    void *gone_arg;
    struct buf pending; /* CONN_STREAMING: not yet pulled */
    bool ended;         /* CONN_STREAMING: no more will be written */
};

struct httpd {
    struct loop *loop;
    struct MHD_Daemon *mhd;
    struct loop_fd *watch;
    httpd_fn *fn;
    void *arg;
    struct httpd_stream *live;
    struct peers *peers;
    size_t bodies; /* bytes of bodies in memory */
    int port;
    bool tls;
    bool resumed; /* a connection was resumed since the last run */
};

/* Every httpd_req that a handler sees is the head of one of these. */
struct httpd_stream *conn_of(const struct httpd_req *req);

/* The answer, with what was added of headers. response: taken; type NULL = none. */
void conn_answer(struct httpd_stream *s, int status, const char *type,
                 struct MHD_Response *response);

/* While suspended, nothing is read, written or called for the connection. */
void conn_suspend(struct httpd_stream *s);
void conn_resume(struct httpd_stream *s); /* also when it is not suspended */
/* libmicrohttpd does not look at a suspended connection: the owner is told when the peer
 * leaves, and it ends. */
void conn_watch_peer(struct httpd_stream *s);
void conn_unwatch(struct httpd_stream *s);
/* Tells the owner, once, that there is nobody left to answer. */
void conn_tell_gone(struct httpd_stream *s);
/* The socket of an upgraded connection; libmicrohttpd closes it on its next run. */
void conn_give_back(struct httpd_stream *s);

#endif
