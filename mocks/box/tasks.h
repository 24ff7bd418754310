/*
 * The A2A tasks of a box's agent: every message is one, kept in memory while the box
 * runs, and whoever watches one as an event stream.
 *
 * Source: A2A 0.3.0, sections 6.1 (Task), 7.2 (message/stream), 7.3 (tasks/get), 7.4
 * (tasks/cancel), 7.9 (tasks/resubscribe); Server-Sent Events with one JSON-RPC response
 * each.
 */
#ifndef BOX_TASKS_H
#define BOX_TASKS_H

#include "io/httpd.h"
#include <jansson.h>
#include <stdbool.h>

/* A2A's own codes beside those of JSON-RPC. */
enum { A2A_TASK_NOT_FOUND = -32001, A2A_TASK_NOT_CANCELABLE = -32002 };

enum task_state { TASK_SUBMITTED, TASK_WORKING, TASK_COMPLETED, TASK_CANCELED };

struct task;
struct tasks;
struct turn;

struct tasks *tasks_new(void);
/* After the listener is gone. Takes NULL. */
void tasks_free(struct tasks *all);

/* A new task of this message (borrowed), submitted. Beyond the limit the oldest one that
 * is over is forgotten. Owned by the list. */
struct task *task_add(struct tasks *all, const json_t *message, struct turn *turn);
struct task *task_find(const struct tasks *all, const char *id); /* NULL = none */

const char *task_id(const struct task *t);
bool task_over(const struct task *t);
/* The turn that works on it; NULL = it is over. */
struct turn *task_turn(const struct task *t);

/* Tells those who watch; at an end their streams end. */
void task_become(struct task *t, enum task_state state);
/* The agent's answer as an artifact, then completed. message: the A2A message, borrowed.
 */
void task_complete(struct task *t, json_t *message);

/* The Task; history: how many of its messages, -1 = all. Caller owns. */
json_t *task_view(const struct task *t, int64_t history);

/* Answers req with a stream that begins with the Task and follows it to its end. id: of
 * the JSON-RPC request, borrowed. req is gone afterwards. */
void task_watch(struct task *t, struct httpd_req *req, json_t *id);

#endif
