#include "mcp/asked.h"

#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "mcp/jsonrpc.h"

static void drop(struct asked *a, size_t i)
{
    struct asked_request *r = &a->v[i];
    json_decref(r->id);
    json_decref(r->token);
    free(r->method);
    memmove(r, r + 1, (a->n - i - 1) * sizeof(*r));
    a->n--;
}

/* The oldest that can do no harm: a late answer to one that is not known any more would
 * be called an answer to nothing. */
static void make_room(struct asked *a)
{
    size_t i = 0;
    while (i < a->n && a->v[i].state != ASKED_ANSWERED)
        i++;
    drop(a, i < a->n ? i : 0);
}

void asked_add(struct asked *a, const json_t *id, const char *method,
               const json_t *params)
{
    const json_t *token =
        json_object_get(json_object_get(params, "_meta"), "progressToken");
    if (a->n == ASKED_MOST)
        make_room(a);
    a->v[a->n++] = (struct asked_request){
        .id = xcheck(json_deep_copy(id)),
        .method = method ? xstrdup(method) : NULL,
        .token = token ? xcheck(json_deep_copy(token)) : NULL,
        .state = ASKED_OPEN,
    };
}

void asked_give_up(struct asked *a)
{
    for (size_t i = 0; i < a->n; i++)
        if (a->v[i].state == ASKED_OPEN)
            a->v[i].state = ASKED_GIVEN_UP;
}

void asked_forget_methods(struct asked *a)
{
    for (size_t i = 0; i < a->n; i++)
        free(TAKE(a->v[i].method));
}

struct asked_request *asked_find(struct asked *a, const json_t *id)
{
    for (size_t i = a->n; i-- > 0;)
        if (rpc_id_equal(a->v[i].id, id))
            return &a->v[i];
    return NULL;
}

struct asked_request *asked_find_token(struct asked *a, const json_t *token)
{
    for (size_t i = a->n; i-- > 0;)
        if (rpc_id_equal(a->v[i].token, token))
            return &a->v[i];
    return NULL;
}

void asked_release(struct asked *a)
{
    while (a->n)
        drop(a, a->n - 1);
}
