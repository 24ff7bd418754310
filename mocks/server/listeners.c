#include "mocks/server/listeners.h"

#include <stdlib.h>

/* A node that was removed while the list is walked stays until the walk is over. */
struct event_listener {
    struct org *org;
    const struct workspace *ws;
    event_fn *fn; /* NULL = removed */
    void (*end)(void *arg);
    void *arg;
    struct event_listener *next;
};

struct event_listener *event_listen(struct org *org, const struct workspace *ws,
                                    event_fn *fn, void (*end)(void *arg), void *arg)
{
    struct event_listener *l = xcalloc(1, sizeof(*l));
    *l = (struct event_listener){
        .org = org, .ws = ws, .fn = fn, .end = end, .arg = arg, .next = org->listeners};
    org->listeners = l;
    return l;
}

static void sweep(struct org *org)
{
    struct event_listener **at = &org->listeners;
    while (*at) {
        struct event_listener *l = *at;
        if (l->fn) {
            at = &l->next;
            continue;
        }
        *at = l->next;
        free(l);
    }
}

void event_unlisten(struct event_listener *listener)
{
    if (!listener)
        return;
    listener->fn = NULL;
    if (!listener->org->telling)
        sweep(listener->org);
}

void event_tell(struct org *org, const struct workspace *ws, const json_t *row)
{
    org->telling++;
    for (struct event_listener *l = org->listeners; l; l = l->next)
        if (l->fn && (!l->ws || l->ws == ws))
            l->fn(row, l->arg);
    if (--org->telling == 0)
        sweep(org);
}

void event_end_all(struct org *org)
{
    org->telling++;
    for (struct event_listener *l = org->listeners; l; l = l->next)
        if (l->fn) {
            l->fn = NULL;
            l->end(l->arg);
        }
    if (--org->telling == 0)
        sweep(org);
}
