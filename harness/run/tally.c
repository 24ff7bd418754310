#include "run/tally.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"

void tally_release(struct tally *t)
{
    for (size_t i = 0; i < t->n_resources; i++) {
        free(t->resources[i].kind);
        free(t->resources[i].id);
        free(t->resources[i].scenario);
        free(t->resources[i].state);
    }
    free(t->resources);
}

static void follow_resource(struct tally *t, const struct event *ev)
{
    if (!ev->resource_kind || !ev->resource_id || !ev->resource_state)
        return;
    for (size_t i = 0; i < t->n_resources; i++) {
        struct resource *r = &t->resources[i];
        if (strcmp(r->kind, ev->resource_kind) != 0 ||
            strcmp(r->id, ev->resource_id) != 0)
            continue;
        free(r->state);
        r->state = xstrdup(ev->resource_state);
        return;
    }
    t->resources = xrealloc(t->resources, (t->n_resources + 1) * sizeof(*t->resources));
    t->resources[t->n_resources++] = (struct resource){
        xstrdup(ev->resource_kind), xstrdup(ev->resource_id),
        xstrdup(ev->scenario ? ev->scenario : ""), xstrdup(ev->resource_state)};
}

static void count(int *pass, int *fail, int *broken, int *skip, enum verdict v)
{
    switch (v) {
    case VERDICT_PASS:
        ++*pass;
        break;
    case VERDICT_FAIL:
        ++*fail;
        break;
    case VERDICT_BROKEN:
        ++*broken;
        break;
    case VERDICT_SKIP:
        ++*skip;
        break;
    }
}

static void follow(struct tally *t, const struct event *ev)
{
    struct run_summary *s = t->summary;
    if (ev->kind == EV_CHECK)
        count(&s->checks_passed, &s->checks_failed, &s->checks_broken, &s->checks_skipped,
              ev->verdict);
    else if (ev->kind == EV_SCENARIO_END)
        count(&s->passed, &s->failed, &s->broken, &s->skipped, ev->verdict);
    else if (ev->kind == EV_RESOURCE)
        follow_resource(t, ev);
}

void tally_event(struct tally *t, struct event *ev)
{
    if (ev->at_ms == 0)
        ev->at_ms = clock_wall_ms();
    follow(t, ev);
    for (size_t i = 0; i < t->n_sinks; i++) {
        struct err err = ERR_INIT;
        if (t->sinks[i]->event(t->sinks[i], ev, &err) >= 0)
            continue;
        if (!t->store_failed)
            (void)snprintf(t->summary->reason, sizeof(t->summary->reason),
                           "results cannot be kept: %.220s", err.text);
        t->store_failed = true;
    }
}

static bool is_open(const struct resource *r)
{
    return strcmp(r->state, "creating") == 0 || strcmp(r->state, "created") == 0;
}

void tally_open_orgs(const struct tally *t, const char *scenario, struct strv *ret)
{
    for (size_t i = 0; i < t->n_resources; i++) {
        const struct resource *r = &t->resources[i];
        if (is_open(r) && strcmp(r->kind, "org") == 0 &&
            strcmp(r->scenario, scenario) == 0)
            strv_add(ret, r->id);
    }
}

/* A workspace is as gone as its organisation ("SLUG/NAME"). */
static bool parent_removed(const struct tally *t, const struct resource *r)
{
    for (size_t i = 0; i < t->n_resources; i++) {
        const struct resource *org = &t->resources[i];
        size_t n = strlen(org->id);
        if (strcmp(org->kind, "org") == 0 && strncmp(r->id, org->id, n) == 0 &&
            r->id[n] == '/')
            return strcmp(org->state, "removed") == 0;
    }
    return false;
}

int tally_close_resources(struct tally *t, bool world_died)
{
    int leaked = 0;
    for (size_t i = 0; i < t->n_resources; i++) {
        struct resource *r = &t->resources[i];
        bool open = is_open(r) || (world_died && strcmp(r->state, "leaked") == 0);
        if (open) {
            bool gone = world_died || parent_removed(t, r);
            struct event ev = {.kind = EV_RESOURCE,
                               .scenario = *r->scenario ? r->scenario : NULL,
                               .resource_kind = r->kind,
                               .resource_id = r->id,
                               .resource_state = gone ? "removed" : "leaked"};
            CLEANUP(free_ptr) char *kind = xstrdup(r->kind);
            CLEANUP(free_ptr) char *id = xstrdup(r->id);
            ev.resource_kind = kind;
            ev.resource_id = id;
            tally_event(t, &ev);
        }
        if (strcmp(t->resources[i].state, "leaked") == 0)
            leaked++;
    }
    t->summary->leaked = leaked;
    return leaked;
}

void tally_leaks_text(const struct tally *t, char *out, size_t max)
{
    enum { ROOM_FOR_MORE = 24 };
    size_t used = 0;
    int more = 0;
    out[0] = '\0';
    for (size_t i = 0; i < t->n_resources; i++) {
        const struct resource *r = &t->resources[i];
        if (strcmp(r->state, "leaked") != 0)
            continue;
        size_t need = strlen(r->kind) + strlen(r->id) + 3;
        if (more > 0 || used + need + ROOM_FOR_MORE > max) {
            more++;
            continue;
        }
        int n =
            snprintf(out + used, max - used, "%s%s %s", used ? ", " : "", r->kind, r->id);
        used += n > 0 ? (size_t)n : 0;
    }
    if (more > 0)
        (void)snprintf(out + used, max - used, "%s%d more", used ? " and " : "", more);
}
