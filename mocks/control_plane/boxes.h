/*
 * Boxes: the machine of a workspace, as one process with a directory and a port.
 *
 * A box lives in <org dir>/<workspace id>/{configs,workspace,home}, with console.log and
 * settings.json beside them. A restart ends the process, empties the directories and
 * starts another process on another port; the platform is told of an end by a pidfd.
 * Source: workspace-template-claude-code (8d6fc74); the environment: provision_env.c.
 */
#ifndef CONTROL_PLANE_BOXES_H
#define CONTROL_PLANE_BOXES_H

#include "base/strv.h"
#include "mocks/server/state.h"
#include <sys/types.h>

struct provision;
struct reconcile;

typedef void box_then_fn(struct workspace *ws);

struct box {
    struct workspace *ws;
    char *root; /* absolute */
    pid_t pid;  /* 0 = no process; also its process group */
    int port;   /* of the last process */
    int boots;
    int reconciles; /* that delivered something */
    int64_t launched_at_mono;
    json_t *arrivals;            /* [{"plugin_name","by"}] */
    struct strv env;             /* of the last start */
    struct provision *provision; /* preparation under way, NULL = none */
    struct reconcile *reconcile; /* likewise */
    box_then_fn *then;           /* called when the process that was stopped is gone */
    bool stopping;               /* told to end */
    bool wanted;                 /* it runs, or will again: what a restart brings back */
    char preparing[32];          /* why a preparation is under way; "" = none is */
    struct loop_timer *kill_timer;
};

/* The workspace's box, made on the first call. Borrowed. */
struct box *box_get(struct workspace *ws);
void box_free(struct box *box); /* the struct alone; takes NULL */

/* Empties and makes the directories of a new machine; the console's log is kept. */
MUST_CHECK int box_wipe(struct workspace *ws, struct err *err);
/* Starts the process with box->env (what depends on the port is added). ERR_SYS. */
MUST_CHECK int box_launch(struct workspace *ws, struct err *err);
/* Ends the process, then calls then (perhaps at once; NULL = nothing). A later call
 * replaces then. */
void box_stop(struct workspace *ws, box_then_fn *then);
/* Signals the process group; false = there is none. */
bool box_signal(struct workspace *ws, int signo);

/* Writes settings.json of every box that has directories: after switches or faults
 * changed. */
void boxes_write_settings(struct platform *p);
void box_arrived(struct workspace *ws, const char *plugin_name, const char *by);

#endif
