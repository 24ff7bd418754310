/*
 * One turn of the scripted agent, from a message to its answer.
 */
#ifndef BOX_TURN_H
#define BOX_TURN_H

#include "io/httpd.h"
#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

struct box;
struct task;
struct turn;

/* Begins a turn; its task is working. It is never over when this returns. message:
 * borrowed, A2A. notice: of the platform itself, which is no work of the agent's. */
struct turn *turn_start(struct box *b, const json_t *message, bool notice);
struct task *turn_task(struct turn *t); /* borrowed */
/* The answer goes to req, as the result of the request with this id (borrowed). Without
 * it the task alone knows. */
void turn_answer(struct turn *t, struct httpd_req *req, json_t *id);
/* Ends it; its task is canceled, and who waits is told so. */
void turn_cancel(struct turn *t);

int64_t turns_count(const struct box *b);
/* What the oldest turn under way is about, "" = there is none; caller frees. */
char *turns_title(const struct box *b);
/* When the listener and the children are gone, while the loop is there. */
void turns_free(struct box *b);

#endif
