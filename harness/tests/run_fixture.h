/*
 * A run of one scenario against the fake platform, with the events that it makes kept in
 * memory. One test program includes it once; tests run in the root of the repository.
 */
#ifndef HARNESS_TESTS_RUN_FIXTURE_H
#define HARNESS_TESTS_RUN_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fs.h"
#include "harness/tests/fake_platform.h"
#include "run/jobs.h"
#include "run/ledger.h"
#include "run/run.h"
#include "scenario/load.h"

struct memory_sink {
    struct sink sink;
    json_t *events; /* array */
    int fail_after; /* -1 = never */
};

struct fixture {
    struct fake_platform platform;
    struct target target;
    struct catalogue *catalogue;
    struct memory_sink memory;
    struct run_options opt;
    struct run_summary summary;
    struct scenario *one;
    json_t *params;
    char dir[64];
    char *ledger;
};

static inline int keep_event(struct sink *sink, const struct event *ev, struct err *err)
{
    struct memory_sink *m = (struct memory_sink *)sink;
    if (m->fail_after >= 0 && (int)json_array_size(m->events) >= m->fail_after)
        return err_set(err, ERR_STORE, "no space left on the test's device");
    json_array_append_new(m->events, event_to_json(ev));
    return 0;
}

static inline int setup(void **state)
{
    struct fixture *f = xcalloc(1, sizeof(*f));
    struct err err = ERR_INIT;
    f->platform = (struct fake_platform)FAKE_PLATFORM_INIT;
    (void)snprintf(f->dir, sizeof(f->dir), "/tmp/waybill-test-run-%d", (int)getpid());
    if (fs_mkdirs(f->dir, &err) < 0 || fake_platform_start(&f->platform, &err) < 0) {
        free(f);
        return -1;
    }
    f->ledger = fs_join(f->dir, "results.db.ledger.jsonl");
    f->target = (struct target){.kind = TARGET_REAL,
                                .name = xstrdup("fake"),
                                .pace = 0.01,
                                .poll_ms = 15000,
                                .patience_ms = 100,
                                .prefix = xstrdup("e2e-"),
                                .owner = xstrdup("tester"),
                                .cp_token = xstrdup("cp-token-of-the-fake-platform")};
    f->target.cp_url = xasprintf("http://cp.localhost:%d", f->platform.port);
    f->target.tenant_domain = target_tenant_domain(f->target.cp_url);
    f->memory = (struct memory_sink){
        .sink = {.event = keep_event}, .events = json_array(), .fail_after = -1};
    f->catalogue = catalogue_new("harness/tests/verdicts", NULL);
    f->params = json_object();
    *state = f;
    return 0;
}

static inline int teardown_fixture(void **state)
{
    struct fixture *f = *state;
    fake_platform_stop(&f->platform);
    target_release(&f->target);
    catalogue_free(f->catalogue);
    json_decref(f->memory.events);
    json_decref(f->params);
    int rc = fs_rmtree(f->dir, NULL);
    free(f->ledger);
    free(f);
    return rc;
}

/* Runs the scenario of that file; the summary and the events are in the fixture. */
static inline void run_file(struct fixture *f, const char *path, const char *name)
{
    struct problems problems = PROBLEMS_INIT;
    struct err err = ERR_INIT;
    int rc = catalogue_load(f->catalogue, path, &problems, &err);
    if (rc == 0)
        rc = problems_err(&problems, &err);
    problems_release(&problems);
    if (rc < 0)
        fail_msg("%s", err.text);
    f->one = catalogue_find(f->catalogue, name);
    assert_non_null(f->one);
    scenario_want(f->one, f->catalogue->exprs);
    assert_int_equal(exprs_compile(f->catalogue->exprs, NULL, NULL, &err), 0);
    struct sink *sinks[] = {&f->memory.sink};
    f->opt.scenarios = &f->one;
    f->opt.n_scenarios = 1;
    f->opt.exprs = f->catalogue->exprs;
    f->opt.target = &f->target;
    f->opt.params = f->params;
    f->opt.seed = "seed";
    f->opt.ledger_path = f->ledger;
    if (run_scenarios(&f->opt, sinks, 1, &f->summary, &err) < 0)
        fail_msg("%s", err.text);
}

static inline void run_one(struct fixture *f, const char *name)
{
    CLEANUP(free_ptr) char *path = xasprintf("harness/tests/verdicts/%s.yaml", name);
    run_file(f, path, name);
}

/* Runs a scenario that is here only a list of steps. */
static inline void run_steps_of(struct fixture *f, const char *name, const char *steps)
{
    struct err err = ERR_INIT;
    CLEANUP(free_ptr) char *path = xasprintf("%s/%s.yaml", f->dir, name);
    CLEANUP(free_ptr)
    char *text = xasprintf("waybill: 1\nname: %s\nproves: a verdict\nbudget: 60s\n"
                           "steps:\n%s",
                           name, steps);
    if (fs_write(path, text, strlen(text), 0600, &err) < 0)
        fail_msg("%s", err.text);
    run_file(f, path, name);
}

static inline const json_t *find_event(struct fixture *f, const char *kind,
                                       const char *step, const char *name)
{
    for (size_t i = 0; i < json_array_size(f->memory.events); i++) {
        const json_t *ev = json_array_get(f->memory.events, i);
        if (strcmp(json_str(ev, "event", ""), kind) == 0 &&
            (!step || strcmp(json_str(ev, "step", ""), step) == 0) &&
            (!name || strcmp(json_str(ev, "name", ""), name) == 0))
            return ev;
    }
    return NULL;
}

static inline const char *check(struct fixture *f, const char *step, const char *name)
{
    return json_str(find_event(f, "check", step, name), "verdict", "(none)");
}

static inline const char *reason(struct fixture *f)
{
    return json_str(find_event(f, "scenario_end", NULL, NULL), "reason", "");
}

/* Nothing that the run made is left, on the platform's word and in the ledger. */
static inline void assert_nothing_left(struct fixture *f)
{
    CLEANUP(json_drop) json_t *pending = NULL;
    assert_int_equal(ledger_pending(f->ledger, &pending, NULL), 0);
    assert_int_equal(json_array_size(pending), 0);
    assert_int_equal(f->summary.leaked, 0);
}

#endif
