/*
 * What the run has seen so far: events passed on to the sinks, verdicts counted,
 * resources followed from "creating" to "removed".
 */
#ifndef RUN_TALLY_H
#define RUN_TALLY_H

#include "run/run.h"

struct resource {
    char *kind, *id, *scenario, *state;
};

struct tally {
    struct sink *const *sinks;
    size_t n_sinks;
    struct run_summary *summary;
    struct resource *resources;
    size_t n_resources;
    bool store_failed; /* a sink could not keep an event: the run ends 3 */
};

void tally_release(struct tally *t);
/* Sets at_ms when it is 0, hands the event to every sink and follows it. */
void tally_event(struct tally *t, struct event *ev);
/* Organisations of a scenario that are neither removed, kept nor known as leaked. */
void tally_open_orgs(const struct tally *t, const char *scenario, struct strv *ret);
/* Everything still open becomes leaked; the number of leaked ones. world_died: it all
 * went with the mock platform, so nothing is. */
int tally_close_resources(struct tally *t, bool world_died);
/* "org e2e-1-acme-2, workspace e2e-1-acme-2/x and 3 more" of what is leaked, in max
 * bytes: names are whole, and what has no room is counted. */
void tally_leaks_text(const struct tally *t, char *out, size_t max);

#endif
