/*
 * What the files of a child share. For mocks/box/child*.c alone.
 */
#ifndef BOX_CHILD_PART_H
#define BOX_CHILD_PART_H

#include "base/buf.h"
#include "io/proc.h"
#include "mocks/box/child.h"

struct child_call {
    struct child *child;
    struct child_call *next;
    int64_t id;
    struct loop_timer *timer; /* of a call that is answered without having been sent */
    child_answer_fn *fn;
    child_progress_fn *progress; /* NULL = not asked for */
    void *arg;
};

struct child {
    struct loop *loop;
    char *name;
    struct proc proc; /* pid 0 = no process */
    struct loop_fd *in_watch, *out_watch;
    struct loop_timer *timer; /* of the start; or that tells of a failed start */
    struct buf in, out;       /* not yet written, not yet a whole line */
    bool ending;              /* it was asked to */
    bool again;               /* to be spawned when the old process has ended */
    bool crash;               /* killed as soon as it runs */
    struct strv argv, env;    /* of the last start */
    int64_t start_timeout_ms;
    enum child_state state;
    char *why;
    json_t *hello, *tools;
    int pages, junk_lines;
    int64_t last_id;
    struct child_call *calls;
    struct child_call *doomed; /* those that are being told that it is gone */
    child_changed_fn *changed;
    void *arg;
};

/* Writes a line to it. frame: taken. False = there is no room for it beside what the
 * server has not read, and nothing of it is sent: a line that was cut would swallow the
 * next one. */
bool child_send(struct child *c, json_t *frame);
void child_in_ready(uint32_t events, void *child); /* of its stdin */
void child_close_in(struct child *c);

/* The answer to one of our calls; any other is ignored. */
void child_take_response(struct child *c, int64_t id, json_t *result,
                         const json_t *error);
/* notifications/progress of one of our calls. */
void child_take_progress(const struct child *c, const json_t *params);
/* Tells every call that the child is gone. */
void child_drop_calls(struct child *c);
/* Without an answer. */
void child_free_calls(struct child *c);

#endif
