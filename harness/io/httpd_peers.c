#include "io/httpd_peers.h"

#include <stdbool.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/limits.h"
#include "base/num.h"
#include "io/loop.h"

/* The daemon closes what is past its own limit at once; the peers that are told to leave
 * need a moment for it. */
enum { DAEMON_SLACK = 64 };

struct peer {
    struct peers *all;
    struct peer *prev, *next; /* among those that wait */
    int fd;
    bool waits;
    int64_t since_ms;
};

struct peers {
    struct loop *loop;
    struct peer *first, *last; /* that wait, the longest first */
    struct loop_timer *timer;  /* for the first; NULL when nobody waits */
    int64_t patience_ms;
    size_t n, max;
};

static int64_t from_env(const char *name, int64_t fallback)
{
    const char *text = getenv(name);
    int64_t value = 0;
    return text != NULL && num_parse(text, 1, INT32_MAX, &value) ? value : fallback;
}

struct peers *peers_new(struct loop *loop)
{
    struct peers *p = xcalloc(1, sizeof *p);
    struct rlimit files = {.rlim_cur = 1024};
    (void)getrlimit(RLIMIT_NOFILE, &files);
    p->loop = loop;
    p->patience_ms = from_env("WAYBILL_HTTP_PATIENCE_MS", LIMIT_HTTP_PATIENCE_MS);
    p->max = (size_t)from_env("WAYBILL_HTTP_CONNECTIONS", LIMIT_CONNECTIONS);
    if (p->max > files.rlim_cur / 2)
        p->max = files.rlim_cur / 2;
    return p;
}

void peers_free(struct peers *p)
{
    if (p == NULL)
        return;
    loop_timer_cancel(p->timer);
    free(p);
}

unsigned peers_patience_s(const struct peers *p)
{
    return (unsigned)((p->patience_ms + 999) / 1000);
}

unsigned peers_daemon_limit(const struct peers *p)
{
    return (unsigned)p->max + DAEMON_SLACK;
}

static void leave(struct peer *peer)
{
    struct peers *p = peer->all;
    if (!peer->waits)
        return;
    peer->waits = false;
    if (peer->prev != NULL)
        peer->prev->next = peer->next;
    else
        p->first = peer->next;
    if (peer->next != NULL)
        peer->next->prev = peer->prev;
    else
        p->last = peer->prev;
    peer->prev = peer->next = NULL;
}

/* libmicrohttpd sees a peer that has left, and closes. */
static void show_out(struct peer *peer)
{
    leave(peer);
    (void)shutdown(peer->fd, SHUT_RDWR);
}

static void on_patience(void *arg);

static void set_timer(struct peers *p)
{
    if (p->timer != NULL || p->first == NULL)
        return;
    int64_t left_ms = p->first->since_ms + p->patience_ms - clock_mono_ms();
    p->timer = loop_timer_add(p->loop, left_ms > 0 ? left_ms : 0, on_patience, p);
}

static void on_patience(void *arg)
{
    struct peers *p = arg;
    p->timer = NULL;
    int64_t before_ms = clock_mono_ms() - p->patience_ms;
    while (p->first != NULL && p->first->since_ms <= before_ms)
        show_out(p->first);
    set_timer(p);
}

static void wait_for_request(struct peer *peer)
{
    struct peers *p = peer->all;
    leave(peer);
    peer->waits = true;
    peer->since_ms = clock_mono_ms();
    peer->prev = p->last;
    if (p->last != NULL)
        p->last->next = peer;
    else
        p->first = peer;
    p->last = peer;
    set_timer(p);
}

static struct peer *of(struct MHD_Connection *conn)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(conn, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    return info == NULL ? NULL : info->socket_context;
}

void peers_notify(void *arg, struct MHD_Connection *conn, void **socket_context,
                  enum MHD_ConnectionNotificationCode code)
{
    struct peers *p = arg;
    struct peer *peer = *socket_context;
    if (code == MHD_CONNECTION_NOTIFY_STARTED) {
        const union MHD_ConnectionInfo *info =
            MHD_get_connection_info(conn, MHD_CONNECTION_INFO_CONNECTION_FD);
        peer = xcalloc(1, sizeof *peer);
        *peer = (struct peer){.all = p, .fd = info == NULL ? -1 : info->connect_fd};
        *socket_context = peer;
        if (++p->n > p->max && p->first != NULL)
            show_out(p->first);
        wait_for_request(peer);
    } else if (peer != NULL) {
        leave(peer);
        p->n--;
        *socket_context = NULL;
        free(peer);
    }
}

void peers_request(struct MHD_Connection *conn)
{
    struct peer *peer = of(conn);
    if (peer != NULL)
        leave(peer);
}

void peers_ended(struct MHD_Connection *conn)
{
    struct peer *peer = of(conn);
    if (peer != NULL)
        wait_for_request(peer);
}
