/*
 * What was under way when the platform ended, taken up again: machines that come up,
 * preparations, boxes, which come back in place with their disks, and restarts that were
 * still to come.
 */
#ifndef CONTROL_PLANE_RESUME_H
#define CONTROL_PLANE_RESUME_H

#include "mocks/server/state.h"

/* After the rows were restored and the listener runs. A box that ran starts again with
 * its environment and its folders, and registers with the token that lies there; one
 * whose folders are gone is provisioned anew. */
void resume_all(struct platform *p);

/* The timer of a machine that comes up; orgs.c. */
void org_resume(struct org *org);

#endif
