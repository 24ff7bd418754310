#include "mocks/server/state_save.h"

#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "io/json.h"
#include "mocks/control_plane/boxes.h"
#include "mocks/server/journal.h"
#include "mocks/server/state_file.h"
#include "mocks/server/state_shape.h"

enum { TRIM_EVERY = 1024 }; /* entries of the journal */

/* A row or line that is to be saved; what it replaces is only forgotten once it is. */
struct change {
    const char *kind; /* literal */
    char *id, *owner; /* owned */
    int64_t seq;
    json_t *body;  /* owned; NULL = forget the id */
    uint64_t hash; /* of a row */
    bool line;
};
struct changes {
    struct change *v;
    size_t n;
};

static void changes_release(struct changes *c)
{
    for (size_t i = 0; i < c->n; i++) {
        free(c->v[i].id);
        free(c->v[i].owner);
        json_decref(c->v[i].body);
    }
    free(c->v);
    *c = (struct changes){.v = NULL};
}

static struct change *add_change(struct changes *c, const char *kind, const char *id,
                                 const char *owner, json_t *body)
{
    c->v = xrealloc(c->v, (c->n + 1) * sizeof *c->v);
    struct change *change = &c->v[c->n++];
    *change = (struct change){
        .kind = kind, .id = xstrdup(id), .owner = xstrdup(owner), .body = body};
    return change;
}

/* ---- what differs ---- */

static char *saved_key(const char *kind, const char *id)
{
    return xasprintf("%s %s", kind, id);
}

static bool is_saved(const struct state_file *f, const char *kind, const char *id,
                     uint64_t hash)
{
    CLEANUP(free_ptr) char *key = saved_key(kind, id);
    const json_t *was = json_object_get(f->hashes, key);
    return was != NULL && (uint64_t)json_integer_value(was) == hash;
}

static void add_row(struct changes *c, const char *kind, const char *id,
                    const char *owner, size_t seq, uint64_t hash, json_t *body)
{
    struct change *change = add_change(c, kind, id, owner, body);
    change->seq = (int64_t)seq;
    change->hash = hash;
}

/* Each table of a `rest` is a row of its own: most requests change one. */
static void compare_rest(const struct state_file *f, struct changes *c, const char *kind,
                         const char *owner, json_t *rest)
{
    const char *name;
    json_t *table;
    json_object_foreach(rest, name, table)
    {
        CLEANUP(free_ptr) char *id = xasprintf("%s %s", owner, name);
        uint64_t hash = shape_hash_json(table, SHAPE_SEED);
        if (!is_saved(f, kind, id, hash))
            add_row(c, kind, id, owner, 0, hash,
                    json_make("{s:s, s:O}", "name", name, "table", table));
    }
}

static json_t *rest_names(json_t *rest)
{
    json_t *names = xcheck(json_array());
    const char *name;
    json_t *table;
    json_object_foreach(rest, name, table)
    {
        (void)json_array_append_new(names, json_str_new(name));
    }
    return names;
}

static uint64_t hash_names(json_t *rest, uint64_t h)
{
    const char *name;
    json_t *table;
    json_object_foreach(rest, name, table)
    {
        h = shape_hash_text(name, h);
    }
    return h;
}

/* What follows the line that was saved last; when that one was dropped in memory, all. */
static void compare_lines(const struct state_file *f, struct changes *c, const char *kind,
                          const char *owner, const json_t *lines)
{
    CLEANUP(free_ptr) char *key = saved_key(kind, owner);
    const json_t *last = json_object_get(f->last_lines, key);
    size_t n = json_array_size(lines), from = n;
    while (from > 0 && json_array_get(lines, from - 1) != last)
        from--;
    for (; from < n; from++)
        add_change(c, kind, "", owner, json_incref(json_array_get(lines, from)))->line =
            true;
}

static void compare_workspace(const struct state_file *f, struct changes *c,
                              const struct workspace *ws, size_t seq)
{
    if (ws->gone) {
        if (!is_saved(f, "workspace", ws->id, 0))
            add_change(c, "workspace", ws->id, ws->org->id, NULL);
        return;
    }
    uint64_t hash = hash_names(ws->rest, shape_hash(&shape_workspace, ws, SHAPE_SEED));
    if (ws->box)
        hash = shape_hash(&shape_box, ws->box, hash);
    if (!is_saved(f, "workspace", ws->id, hash)) {
        json_t *body = shape_json(&shape_workspace, ws);
        (void)json_object_set_new(body, "rest", rest_names(ws->rest));
        if (ws->box)
            (void)json_object_set_new(body, "box", shape_json(&shape_box, ws->box));
        add_row(c, "workspace", ws->id, ws->org->id, seq, hash, body);
    }
    compare_rest(f, c, "workspace-rest", ws->id, ws->rest);
    compare_lines(f, c, "audit", ws->id, ws->audit);
}

static bool token_kept(const struct token *t)
{
    return t->ws == NULL || !t->ws->gone;
}

static void compare_tokens(const struct state_file *f, struct changes *c,
                           const struct org *org)
{
    uint64_t hash = SHAPE_SEED;
    for (size_t i = 0; i < org->tokens_n; i++)
        if (token_kept(org->tokens[i]))
            hash = shape_hash_text(org->tokens[i]->ws ? org->tokens[i]->ws->id : NULL,
                                   shape_hash(&shape_token, org->tokens[i], hash));
    if (is_saved(f, "tokens", org->id, hash))
        return;
    json_t *list = xcheck(json_array());
    for (size_t i = 0; i < org->tokens_n; i++) {
        const struct token *t = org->tokens[i];
        if (!token_kept(t))
            continue;
        json_t *row = shape_json(&shape_token, t);
        (void)json_object_set_new(row, "workspace",
                                  json_str_new(t->ws ? t->ws->id : NULL));
        (void)json_array_append_new(list, row);
    }
    add_row(c, "tokens", org->id, org->id, 0, hash, json_make("{s:o}", "tokens", list));
}

static void compare_org(const struct state_file *f, struct changes *c,
                        const struct org *org, size_t seq)
{
    if (org->gone) {
        for (size_t i = 0; i < org->ws_n; i++)
            if (!is_saved(f, "workspace", org->ws[i]->id, 0))
                add_change(c, "workspace", org->ws[i]->id, org->id, NULL);
        if (!is_saved(f, "org", org->id, 0))
            add_change(c, "org", org->id, "", NULL);
        return;
    }
    uint64_t hash = hash_names(org->rest, shape_hash(&shape_org, org, SHAPE_SEED));
    if (!is_saved(f, "org", org->id, hash)) {
        json_t *body = shape_json(&shape_org, org);
        (void)json_object_set_new(body, "rest", rest_names(org->rest));
        add_row(c, "org", org->id, "", seq, hash, body);
    }
    for (size_t i = 0; i < org->ws_n; i++)
        compare_workspace(f, c, org->ws[i], i);
    compare_tokens(f, c, org);
    compare_rest(f, c, "org-rest", org->id, org->rest);
    compare_lines(f, c, "event", org->id, org->events);
}

static void compare(const struct platform *p, struct changes *c)
{
    const struct state_file *f = p->state;
    uint64_t hash = shape_hash(&shape_platform, p, SHAPE_SEED);
    if (!is_saved(f, "platform", "", hash))
        add_row(c, "platform", "", "", 0, hash, shape_json(&shape_platform, p));
    for (size_t i = 0; i < p->orgs_n; i++)
        if (p->orgs[i]->touched)
            compare_org(f, c, p->orgs[i], i);
}

/* ---- saving ---- */

static int write_change(struct state_file *f, const struct change *c, struct err *err)
{
    if (c->body == NULL)
        return state_store_forget(f->store, c->id, err);
    CLEANUP(free_ptr) char *text = xcheck(json_dumps(c->body, JSON_COMPACT));
    const struct state_row row = {.kind = c->kind,
                                  .id = c->id,
                                  .owner = c->owner,
                                  .seq = c->seq,
                                  .body = text,
                                  .body_len = strlen(text)};
    return c->line ? state_store_append(f->store, &row, err)
                   : state_store_put(f->store, &row, err);
}

static int write_journal(struct state_file *f, const struct journal *j, struct err *err)
{
    struct journal_entry e;
    int64_t n = f->entries_saved + 1;
    if (n < journal_first(j))
        n = journal_first(j);
    for (; journal_get(j, n, &e); n++)
        if (state_store_put_entry(f->store, &e, err) < 0)
            return -1;
    if (journal_first(j) - f->entries_trimmed < TRIM_EVERY)
        return 0;
    return state_store_trim_entries(f->store, journal_first(j), err);
}

static void mark_saved(struct state_file *f, const struct changes *c)
{
    for (size_t i = 0; i < c->n; i++) {
        const struct change *change = &c->v[i];
        CLEANUP(free_ptr)
        char *key = saved_key(change->kind, change->line ? change->owner : change->id);
        if (change->line)
            (void)json_object_set(f->last_lines, key, change->body);
        else
            (void)json_object_set_new(f->hashes, key,
                                      json_integer((json_int_t)change->hash));
    }
}

static int write_all(struct state_file *f, const struct changes *c,
                     const struct journal *j, struct err *err)
{
    if (state_store_begin(f->store, err) < 0)
        return -1;
    for (size_t i = 0; i < c->n; i++)
        if (write_change(f, &c->v[i], err) < 0)
            return -1;
    if ((j != NULL && write_journal(f, j, err) < 0) ||
        state_store_commit(f->store, err) < 0)
        return -1;
    return 0;
}

static void tell_trouble(struct state_file *f, const struct err *err)
{
    if (!f->failing)
        log_error("%s; what changes is answered 503", err->text);
    f->failing = true;
}

int state_commit(struct platform *p, struct err *err)
{
    struct state_file *f = p->state;
    if (f == NULL || !f->started)
        return 0;
    const struct journal *j = p->journal;
    CLEANUP(changes_release) struct changes c = {.v = NULL};
    if (f->touched && !p->stopping)
        compare(p, &c);
    if (c.n > 0 || (j != NULL && f->entries_saved + 1 < journal_next(j))) {
        struct err failed = ERR_INIT;
        if (write_all(f, &c, j, &failed) < 0) {
            state_store_rollback(f->store);
            tell_trouble(f, &failed);
            return err_set(err, ERR_STORE, "%s", failed.text);
        }
        mark_saved(f, &c);
        if (j != NULL) {
            f->entries_saved = journal_next(j) - 1;
            if (journal_first(j) - f->entries_trimmed >= TRIM_EVERY)
                f->entries_trimmed = journal_first(j);
        }
    }
    f->failing = false;
    f->touched = false;
    for (size_t i = 0; i < p->orgs_n; i++)
        p->orgs[i]->touched = false;
    return 0;
}

/* ---- when ---- */

void state_touch(struct org *org)
{
    org->touched = true;
    if (org->plat->state != NULL)
        org->plat->state->touched = true;
}

void state_touch_all(struct platform *p)
{
    if (p->state == NULL)
        return;
    p->state->touched = true;
    for (size_t i = 0; i < p->orgs_n; i++)
        p->orgs[i]->touched = true;
}

/* What timers and boxes changed without a request. */
static int64_t before_waiting(void *arg)
{
    struct platform *p = arg;
    if (p->state->touched)
        (void)!state_commit(p, NULL);
    return -1;
}

int state_start(struct platform *p, struct err *err)
{
    if (p->state == NULL)
        return 0;
    p->state->started = true;
    loop_prepare_add(p->loop, before_waiting, p);
    state_touch_all(p);
    return state_commit(p, err);
}
