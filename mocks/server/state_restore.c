#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "io/json.h"
#include "mocks/control_plane/boxes.h"
#include "mocks/server/journal.h"
#include "mocks/server/state_file.h"
#include "mocks/server/state_new.h"
#include "mocks/server/state_save.h"
#include "mocks/server/state_shape.h"

int state_open(struct platform *p, const char *path, struct err *err)
{
    struct state_store *store = NULL;
    if (state_store_open(path, &store, err) < 0)
        return -1;
    struct state_file *f = xcalloc(1, sizeof *f);
    f->store = store;
    f->hashes = xcheck(json_object());
    f->last_lines = xcheck(json_object());
    p->state = f;
    return 0;
}

void state_close(struct platform *p)
{
    struct state_file *f = p->state;
    if (f == NULL)
        return;
    if (f->started)
        state_store_close(f->store);
    else
        state_store_abandon(f->store);
    json_decref(f->hashes);
    json_decref(f->last_lines);
    free(f);
    p->state = NULL;
}

int state_last_port(const struct platform *p, bool https)
{
    if (p->state == NULL)
        return 0;
    return https ? p->state->last_https_port : p->state->last_port;
}

/* Our own JSON: as deep as what it holds, any text. */
static int parse(const struct state_row *row, json_t **ret, struct err *err)
{
    json_error_t why;
    *ret = json_loadb(row->body, row->body_len, JSON_ALLOW_NUL | JSON_DECODE_ANY, &why);
    if (*ret == NULL)
        return err_set(err, ERR_SHAPE, "%s", why.text);
    return 0;
}

/* Parses, and says which row it is that cannot be used. */
typedef int take_fn(struct platform *p, const struct state_row *row, json_t *body,
                    struct err *err);
struct taking {
    struct platform *p;
    take_fn *take;
};

static int take_row(const struct state_row *row, void *arg, struct err *err)
{
    struct taking *t = arg;
    CLEANUP(json_drop) json_t *body = NULL;
    struct err why = ERR_INIT;
    if (parse(row, &body, &why) == 0 && t->take(t->p, row, body, &why) == 0)
        return 0;
    return err_set(err, ERR_CONFIG, "the state file is damaged: %s '%s': %s", row->kind,
                   *row->id != '\0' ? row->id : row->owner, why.text);
}

/* ---- the platform's own row ---- */

static int take_platform(struct platform *p, const struct state_row *row, json_t *body,
                         struct err *err)
{
    (void)row;
    if (shape_load(&shape_platform, p, body, err) < 0)
        return -1;
    p->state->last_port = p->port;
    p->state->last_https_port = p->https_port;
    p->port = p->https_port = 0;
    return 0;
}

int state_restore_platform(struct platform *p, struct err *err)
{
    struct taking t = {p, take_platform};
    return p->state == NULL
               ? 0
               : state_store_rows(p->state->store, "platform", take_row, &t, err);
}

/* ---- organisations and workspaces ---- */

/* A row names its tables; one that was dropped since may still lie in the file. */
static void expect_tables(json_t *rest, const json_t *body)
{
    size_t i;
    json_t *name;
    json_array_foreach(json_object_get(body, "rest"), i, name)
    {
        if (json_is_string(name))
            (void)json_object_set_new(rest, json_string_value(name), json_null());
    }
}

static int take_org(struct platform *p, const struct state_row *row, json_t *body,
                    struct err *err)
{
    (void)row;
    const char *slug = json_str(body, "slug", "");
    if (*slug == '\0' || org_by_slug(p, slug) != NULL)
        return err_set(err, ERR_SHAPE, "it has no slug of its own");
    struct org *org = org_row_add(p, slug, json_str(body, "name", ""), NULL);
    expect_tables(org->rest, body);
    return shape_load(&shape_org, org, body, err);
}

static int take_workspace(struct platform *p, const struct state_row *row, json_t *body,
                          struct err *err)
{
    struct org *org = org_by_id(p, row->owner);
    if (org == NULL)
        return err_set(err, ERR_SHAPE, "its organisation is not there");
    struct workspace *ws = ws_add(org, row->id, json_str(body, "name", ""), NULL);
    if (shape_load(&shape_workspace, ws, body, err) < 0)
        return -1;
    expect_tables(ws->rest, body);
    const json_t *box = json_object_get(body, "box");
    return box == NULL ? 0 : shape_load(&shape_box, box_get(ws), box, err);
}

static int take_rest(json_t *rest, const json_t *body, struct err *err)
{
    const char *name = json_str(body, "name", NULL);
    json_t *table = json_object_get(body, "table");
    if (name == NULL || table == NULL)
        return err_set(err, ERR_SHAPE, "it is no table");
    if (json_object_get(rest, name) != NULL)
        (void)json_object_set(rest, name, table);
    return 0;
}

/* Rows of what is gone are harmless: it was forgotten before its tables were. */
static int take_workspace_rest(struct platform *p, const struct state_row *row,
                               json_t *body, struct err *err)
{
    struct workspace *ws = ws_anywhere(p, row->owner);
    return ws == NULL ? 0 : take_rest(ws->rest, body, err);
}

static int take_org_rest(struct platform *p, const struct state_row *row, json_t *body,
                         struct err *err)
{
    struct org *org = org_by_id(p, row->owner);
    return org == NULL ? 0 : take_rest(org->rest, body, err);
}

static int take_tokens(struct platform *p, const struct state_row *row, json_t *body,
                       struct err *err)
{
    struct org *org = org_by_id(p, row->owner);
    size_t i;
    json_t *said;
    json_array_foreach(json_object_get(body, "tokens"), i, said)
    {
        if (org == NULL)
            break;
        struct token *t = xcalloc(1, sizeof *t);
        org->tokens = xrealloc(org->tokens, (org->tokens_n + 1) * sizeof(struct token *));
        org->tokens[org->tokens_n++] = t;
        if (shape_load(&shape_token, t, said, err) < 0)
            return -1;
        const char *ws = json_str(said, "workspace", NULL);
        t->ws = ws == NULL ? NULL : ws_by_id(org, ws);
    }
    return 0;
}

static void remember_line(struct platform *p, const struct state_row *row, json_t *line)
{
    CLEANUP(free_ptr) char *key = xasprintf("%s %s", row->kind, row->owner);
    (void)json_object_set(p->state->last_lines, key, line);
}

static int take_event(struct platform *p, const struct state_row *row, json_t *body,
                      struct err *err)
{
    (void)err;
    struct org *org = org_by_id(p, row->owner);
    if (org != NULL) {
        (void)json_array_append(org->events, body);
        remember_line(p, row, body);
    }
    return 0;
}

static int take_audit(struct platform *p, const struct state_row *row, json_t *body,
                      struct err *err)
{
    (void)err;
    struct workspace *ws = ws_anywhere(p, row->owner);
    if (ws != NULL) {
        (void)json_array_append(ws->audit, body);
        remember_line(p, row, body);
    }
    return 0;
}

/* Times of the machine's own clock mean nothing to another process. */
static void forget_windows(struct platform *p)
{
    for (size_t i = 0; i < p->orgs_n; i++)
        (void)json_object_del(p->orgs[i]->rest, "rate");
}

static int restore_kind(struct platform *p, const char *kind, take_fn *take, bool lines,
                        struct err *err)
{
    struct taking t = {p, take};
    return lines ? state_store_lines(p->state->store, kind, take_row, &t, err)
                 : state_store_rows(p->state->store, kind, take_row, &t, err);
}

int state_restore_rows(struct platform *p, struct err *err)
{
    static const struct {
        const char *kind;
        take_fn *take;
        bool lines;
    } kinds[] = {
        {"org", take_org, false},
        {"workspace", take_workspace, false},
        {"tokens", take_tokens, false},
        {"org-rest", take_org_rest, false},
        {"workspace-rest", take_workspace_rest, false},
        {"event", take_event, true},
        {"audit", take_audit, true},
    };
    if (p->state == NULL)
        return 0;
    for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
        if (restore_kind(p, kinds[i].kind, kinds[i].take, kinds[i].lines, err) < 0)
            return -1;
    forget_windows(p);
    if (p->journal == NULL)
        return 0;
    if (state_store_entries(p->state->store, p->journal, err) < 0)
        return -1;
    p->state->entries_saved = journal_next(p->journal) - 1;
    p->state->entries_trimmed = journal_first(p->journal);
    return 0;
}
