/*
 * A workspace row as the API shows it, and the checks that several routes make of it.
 * Wire shapes: the group "workspaces" of mocks/contracts/routes.json.
 */
#ifndef TENANT_WORKSPACE_H
#define TENANT_WORKSPACE_H

#include "mocks/server/state.h"
#include <jansson.h>
#include <stdbool.h>

/* A row of GET /workspaces; owned by the caller. */
json_t *workspace_row(const struct workspace *ws);
/* GET /workspaces/:id; owned by the caller. */
json_t *workspace_detail(const struct workspace *ws);
/* The url that the API shows: the registered one. */
const char *workspace_url(const struct workspace *ws);

/* name <= 255, role <= 1000, model and runtime <= 100 characters, none with a line
 * break, name and role without { } [ ] | > * & !. NULLs are good. */
bool workspace_texts_ok(const char *name, const char *role, const char *model,
                        const char *runtime);
/* NULL is good. */
bool workspace_dir_ok(const char *dir);
bool workspace_access_ok(const char *access);

/* A name that no live sibling has: " (2)", " (3)" ... are appended. Caller frees; NULL
 * when every one is taken. parent_id "" = parentless. */
char *workspace_free_name(struct org *org, const char *name, const char *parent_id);

/* The model as stored: the secret MODEL, NULL = none. */
const char *workspace_model(const struct workspace *ws);

/* Its box can be reached: it runs, and is not on its way out. */
bool workspace_has_machine(const struct workspace *ws);

/* Restarts the box for a reason of the platform's own, at most once per 60 s (production
 * time): what comes sooner is done together at the end of that time. Nothing for rows
 * without a box, and for those that are stopped. */
void workspace_restart_auto(struct workspace *ws, const char *reason);
/* The one that was still to come when the platform ended. */
void workspace_restart_resume(struct workspace *ws);
/* The same because files were written: 15 s after the first of them, once for all. */
void workspace_restart_debounced(struct workspace *ws);

/* What the platform pays for itself unless it was told otherwise. */
const char *workspace_billing_mode(const struct workspace *ws);
/* 400: a direct vendor key where the platform pays; owned by the caller. */
json_t *workspace_vendor_key_refusal(const char *key, const char *workspace_id);

#endif
