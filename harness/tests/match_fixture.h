/*
 * Expectations of the steps in data/match.yaml, one for each kind, on answers that a test
 * makes up. One test program includes it once.
 */
#ifndef TESTS_MATCH_FIXTURE_H
#define TESTS_MATCH_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "io/json.h"
#include "scenario/answers.h"
#include "scenario/load.h"
#include "scenario/match.h"
#include "scenario/vars.h"
#include <stdlib.h>
#include <string.h>

struct fixture {
    struct catalogue *catalogue;
    struct vars *vars;
    struct outcomes out;
    json_t *answer;
    struct observation obs;
};

static int setup_once(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));
    struct problems problems = PROBLEMS_INIT;
    struct err err = ERR_INIT;

    *state = f;
    f->catalogue = catalogue_new("harness/tests/data", NULL);
    if (answers_read("harness/tests/data/routes.json", &f->catalogue->answers, NULL) < 0)
        return -1;
    f->vars = vars_new();
    int r =
        catalogue_load(f->catalogue, "harness/tests/data/match.yaml", &problems, &err);
    if (r < 0 || problems.n > 0 || f->catalogue->n != 1) {
        print_error("%s %s\n", err.text, problems.n ? problems.v[0].text : "");
        return -1;
    }
    scenario_want(f->catalogue->v[0], f->catalogue->exprs);
    if (catalogue_compile(f->catalogue, &problems) < 0)
        return -1;
    vars_set(f->vars, "word", json_string("hello"));
    vars_set(f->vars, "limit", json_integer(10));
    vars_set(f->vars, "pattern", json_string("("));
    vars_bind(f->vars, "worker", json_pack("{s:s}", "token", "the-workers-token"));
    return 0;
}

static int teardown_once(void **state)
{
    struct fixture *f = *state;

    outcomes_release(&f->out);
    json_decref(f->answer);
    vars_free(f->vars);
    catalogue_free(f->catalogue);
    free(f);
    return 0;
}

/* Each test begins with an answer that nothing is known of. */
static int fresh(void **state)
{
    struct fixture *f = *state;

    outcomes_release(&f->out);
    json_decref(f->answer);
    f->answer = NULL;
    f->obs = (struct observation)OBSERVATION_INIT;
    return 0;
}

struct search {
    const char *id;
    const struct step *found;
};

static void look(const struct step *step, void *arg)
{
    struct search *s = arg;

    if (strcmp(step->id, s->id) == 0)
        s->found = step;
}

static const struct step *step_of(struct fixture *f, const char *id)
{
    struct search s = {.id = id};

    scenario_each_step(f->catalogue->v[0], look, &s);
    if (!s.found)
        fail_msg("no step '%s'", id);
    return s.found;
}

static void match(struct fixture *f, const char *id)
{
    struct err err = ERR_INIT;
    const struct step *step = step_of(f, id);

    outcomes_release(&f->out);
    if (match_step(step, &f->obs, f->catalogue->exprs, f->vars, &f->out, &err) < 0)
        fail_msg("%s", err.text);
}

UNUSED static void answer_is(struct fixture *f, const char *json)
{
    json_decref(f->answer);
    f->answer = json_loads(json, JSON_DECODE_ANY, NULL);
    assert_non_null(f->answer);
    f->obs.answer = f->answer;
}

UNUSED static void status_is(struct fixture *f, int status)
{
    f->obs.has_status = true;
    f->obs.status = status;
}

UNUSED static void body_is(struct fixture *f, const char *body)
{
    f->obs.body = body;
    f->obs.body_len = strlen(body);
}

static void assert_pass(struct fixture *f, const char *id)
{
    match(f, id);
    for (size_t i = 0; i < f->out.n; i++)
        if (f->out.v[i].verdict != MATCH_PASS)
            fail_msg("%s: %s, but: %s", f->out.v[i].name, f->out.v[i].expected,
                     f->out.v[i].actual);
    assert_true(f->out.n > 0);
}

UNUSED static void assert_fail(struct fixture *f, const char *id, const char *expected,
                               const char *actual)
{
    match(f, id);
    assert_int_equal(f->out.n, 1);
    assert_int_equal(f->out.v[0].verdict, MATCH_FAIL);
    assert_string_equal(f->out.v[0].expected, expected);
    assert_string_equal(f->out.v[0].actual, actual);
}

#define T(fn) cmocka_unit_test_setup(fn, fresh)

#endif
