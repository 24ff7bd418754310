/* Each verdict of the runner, shown by a scenario that must end so: tests/verdicts/. */
#include "harness/tests/run_fixture.h"

#include <errno.h>
#include <signal.h>

#include "base/clock.h"
#include "base/num.h"
#include "io/wait.h"

static void passes_when_the_product_is_right(void **state)
{
    struct fixture *f = *state;
    run_one(f, "must-pass");
    assert_string_equal(reason(f), "");
    assert_int_equal(f->summary.exit_code, EXIT_PASSED);
    assert_int_equal(f->summary.passed, 1);
    assert_string_equal(check(f, "counter", "json"), "PASS");
    assert_string_equal(check(f, "never", "status"), "PASS");
    assert_string_equal(check(f, "door/control", "control"), "PASS");
    assert_string_equal(check(f, "door/refused", "refused_as"), "PASS");
    assert_string_equal(check(f, "door/refused", "unchanged"), "PASS");
    assert_non_null(find_event(f, "poll", "counter", NULL));
    assert_nothing_left(f);
}

static void fails_when_the_product_contradicts_a_check(void **state)
{
    struct fixture *f = *state;
    run_one(f, "must-fail");
    assert_int_equal(f->summary.exit_code, EXIT_FAILED);
    assert_string_equal(check(f, "wrong", "two"), "FAIL");
    assert_string_equal(check(f, "wrong", "and the status is right"), "PASS");
    assert_string_equal(check(f, "unreached", NULL), "(none)");
    assert_string_equal(check(f, "last", "status"), "PASS");
    assert_non_null(strstr(reason(f), "two"));
    const json_t *ev = find_event(f, "check", "wrong", "two");
    assert_true(json_int(ev, "exchange", 0) > 0);
    assert_true(json_int(ev, "line", 0) > 0);
    assert_nothing_left(f);
}

static void goes_on_after_a_soft_failure(void **state)
{
    struct fixture *f = *state;
    run_one(f, "must-fail-soft");
    assert_int_equal(f->summary.exit_code, EXIT_FAILED);
    assert_string_equal(check(f, "wrong", "status"), "FAIL");
    assert_string_equal(check(f, "reached", "status"), "PASS");
}

static void fails_with_the_last_answer_when_time_runs_out(void **state)
{
    struct fixture *f = *state;
    run_one(f, "must-fail-in-time");
    assert_int_equal(f->summary.exit_code, EXIT_FAILED);
    const json_t *ev = find_event(f, "check", "late", NULL);
    assert_non_null(strstr(json_str(ev, "actual", ""), "last answer"));
}

static void fails_at_once_for_a_failed_workspace(void **state)
{
    struct fixture *f = *state;
    run_one(f, "must-fail-failed-workspace");
    assert_int_equal(f->summary.exit_code, EXIT_FAILED);
    assert_string_equal(check(f, "wait", "online"), "FAIL");
    assert_non_null(strstr(reason(f), "no model was seeded"));
}

static void breaks_while_a_workspace_is_still_provisioning(void **state)
{
    struct fixture *f = *state;
    run_one(f, "must-break-provisioning");
    assert_int_equal(f->summary.exit_code, EXIT_BROKEN);
    assert_string_equal(check(f, "wait", "online"), "BROKEN");
}

static void fails_when_the_control_of_a_denial_fails(void **state)
{
    struct fixture *f = *state;
    run_one(f, "must-fail-control");
    assert_int_equal(f->summary.exit_code, EXIT_FAILED);
    assert_string_equal(check(f, "door/control", "control"), "FAIL");
    assert_string_equal(check(f, "door/refused", NULL), "(none)");
}

static void breaks_when_an_answer_cannot_be_read(void **state)
{
    struct fixture *f = *state;
    run_one(f, "must-break-transport");
    assert_string_equal(check(f, "unread", "status"), "BROKEN");
    assert_int_equal(f->summary.failed, 0);
    /* The platform is gone, so its organisation cannot be shown to be. */
    assert_int_equal(f->summary.exit_code, EXIT_LEAK);
}

static void leaks_nothing_when_the_control_plane_refuses_to_connect(void **state)
{
    struct fixture *f = *state;
    fake_platform_stop(&f->platform);
    run_one(f, "must-leak");
    assert_int_equal(f->summary.exit_code, EXIT_BROKEN);
    assert_int_equal(f->summary.broken, 1);
    const char *post = strstr(reason(f), "POST http");
    assert_non_null(post);
    assert_null(strstr(post + 1, "POST http"));
    assert_nothing_left(f);
}

static void looks_for_an_organisation_whose_answer_was_lost(void **state)
{
    struct fixture *f = *state;
    free(f->target.cp_url); /* every request reaches the route that hangs up */
    f->target.cp_url = xasprintf("http://cp.localhost:%d/hangup?", f->platform.port);
    run_one(f, "must-leak");
    assert_int_equal(f->summary.exit_code, EXIT_LEAK);
    assert_non_null(find_event(f, "exchange", NULL, NULL));
    CLEANUP(json_drop) json_t *pending = NULL;
    assert_int_equal(ledger_pending(f->ledger, &pending, NULL), 0);
    assert_int_equal(json_array_size(pending), 1);
}

static void breaks_for_a_variable_that_nothing_bound(void **state)
{
    struct fixture *f = *state;
    run_one(f, "must-break-variable");
    assert_int_equal(f->summary.exit_code, EXIT_BROKEN);
    assert_non_null(strstr(reason(f), "must-break-variable.yaml:"));
    assert_nothing_left(f);
}

static void breaks_when_nothing_was_checked(void **state)
{
    struct fixture *f = *state;
    run_one(f, "must-break-unchecked");
    assert_int_equal(f->summary.exit_code, EXIT_BROKEN);
    assert_non_null(strstr(reason(f), "no check"));
}

static void breaks_when_the_worker_dies_and_removes_what_it_made(void **state)
{
    struct fixture *f = *state;
    run_one(f, "must-break-crash");
    assert_int_equal(f->summary.exit_code, EXIT_BROKEN);
    assert_non_null(strstr(reason(f), "signal 11"));
    assert_non_null(strstr(reason(f), "crash"));
    assert_string_equal(check(f, NULL, "created"), "PASS");
    assert_nothing_left(f);
}

static void fails_when_the_worker_dies_after_a_recorded_failure(void **state)
{
    struct fixture *f = *state;
    run_steps_of(f, "must-fail-crash",
                 "  - org: acme\n"
                 "  - id: wrong\n"
                 "    soft: true\n"
                 "    get: /steady\n"
                 "    in: acme\n"
                 "    expect: {status: 404}\n"
                 "  - id: crash\n"
                 "    run: {argv: [sh, -c, 'kill -SEGV $PPID; sleep 5']}\n"
                 "    expect: {status: 0}\n");
    assert_string_equal(check(f, "wrong", "status"), "FAIL");
    assert_int_equal(f->summary.exit_code, EXIT_FAILED);
    assert_int_equal(f->summary.failed, 1);
    assert_non_null(strstr(reason(f), "404"));
    assert_non_null(strstr(reason(f), "signal 11"));
    assert_nothing_left(f);
}

static void skips_and_names_the_need(void **state)
{
    struct fixture *f = *state;
    run_one(f, "must-skip");
    assert_int_equal(f->summary.exit_code, EXIT_UNPROVEN);
    assert_int_equal(f->summary.skipped, 1);
    assert_non_null(strstr(reason(f), "llm"));
}

static bool process_is_gone(void *arg)
{
    pid_t pid = *(pid_t *)arg;
    return kill(pid, 0) < 0 && errno == ESRCH;
}

static void times_out_and_leaves_no_child(void **state)
{
    struct fixture *f = *state;
    CLEANUP(free_ptr) char *pid_file = fs_join(f->dir, "pid");
    CLEANUP(buf_release) struct buf text = BUF_INIT(64);
    int64_t pid = 0;
    json_object_set_new(f->params, "pid_file", json_string(pid_file));
    f->opt.least_deadline_ms = 1500;
    run_one(f, "must-time-out");
    assert_int_equal(f->summary.exit_code, EXIT_BROKEN);
    assert_non_null(strstr(reason(f), "timed out in step hang"));
    assert_int_equal(fs_read(pid_file, &text, NULL), 0);
    text.data[strcspn(text.data, "\n")] = '\0';
    assert_true(num_parse(text.data, 2, INT32_MAX, &pid));
    pid_t child = (pid_t)pid;
    assert_true(wait_until(process_is_gone, &child, clock_mono_ms() + 5000));
    assert_nothing_left(f);
}

static void says_what_is_left_when_an_organisation_stays(void **state)
{
    struct fixture *f = *state;
    run_one(f, "must-leak");
    assert_int_equal(f->summary.passed, 1);
    assert_int_equal(f->summary.exit_code, EXIT_LEAK);
    assert_non_null(strstr(f->summary.reason, "org e2e-"));
    assert_non_null(strstr(f->summary.reason, "leaky"));
    const json_t *end = find_event(f, "run_end", NULL, NULL);
    assert_string_equal(json_str(end, "reason", "(none)"), f->summary.reason);
    CLEANUP(json_drop) json_t *pending = NULL;
    assert_int_equal(ledger_pending(f->ledger, &pending, NULL), 0);
    assert_int_equal(json_array_size(pending), 1);
}

static void counts_the_workspaces_of_an_organisation_that_stays(void **state)
{
    struct fixture *f = *state;
    CLEANUP(json_drop) json_t *pending = NULL;
    run_steps_of(f, "must-leak-workspace",
                 "  - org: leaky\n"
                 "  - workspace: {as: worker, in: leaky}\n");
    assert_int_equal(f->summary.exit_code, EXIT_LEAK);
    assert_int_equal(f->summary.leaked, 2);
    assert_non_null(strstr(f->summary.reason, "workspace e2e-"));
    for (size_t i = 0; i < json_array_size(f->memory.events); i++)
        assert_string_not_equal(
            json_str(json_array_get(f->memory.events, i), "resource_state", ""),
            "removed");
    assert_int_equal(ledger_pending(f->ledger, &pending, NULL), 0);
    assert_int_equal(json_array_size(pending), 2);
}

static void keeps_what_was_made_when_asked_to(void **state)
{
    struct fixture *f = *state;
    f->opt.keep = true;
    run_one(f, "must-fail");
    assert_int_equal(f->summary.exit_code, EXIT_FAILED);
    CLEANUP(json_drop) json_t *pending = NULL;
    assert_int_equal(ledger_pending(f->ledger, &pending, NULL), 0);
    assert_int_equal(json_array_size(pending), 1);
}

static void writes_no_secret_into_any_event(void **state)
{
    struct fixture *f = *state;
    run_one(f, "must-hide-secrets");
    CLEANUP(free_ptr) char *all = json_text(f->memory.events, JSON_PRETTY);
    assert_string_equal(check(f, "use", "status"), "PASS");
    assert_null(strstr(all, FAKE_SECRET));
    assert_null(strstr(all, FAKE_ADMIN_TOKEN));
    assert_null(strstr(all, "cp-token-of-the-fake-platform"));
    assert_non_null(strstr(all, "<secret:acme.admin_token>"));
    assert_non_null(strstr(all, "<secret:auth_token>"));
}

static void ends_3_when_results_cannot_be_kept(void **state)
{
    struct fixture *f = *state;
    f->memory.fail_after = 5;
    run_one(f, "must-pass");
    assert_int_equal(f->summary.exit_code, EXIT_BROKEN);
    assert_non_null(strstr(f->summary.reason, "cannot be kept: no space left"));
    assert_nothing_left(f);
}

static int die_of_sigterm(void *arg)
{
    (void)arg;
    return raise(SIGTERM);
}

static void says_stopped_of_a_worker_that_it_stopped(void **state)
{
    struct fixture *f = *state;
    struct sink *sinks[] = {&f->memory.sink};
    struct tally tally = {.sinks = sinks, .n_sinks = 1, .summary = &f->summary};
    struct scenario scenario = {.name = NULL};
    struct job job = {.proc = PROC_INIT,
                      .fd = -1,
                      .slugs = STRV_INIT,
                      .worker = {.scenario = &scenario},
                      .stopped = true,
                      .why_stopped = "results cannot be kept: no space left"};
    assert_int_equal(proc_fork(die_of_sigterm, NULL, &job.proc, NULL), 0);
    job_finish(&job, &tally, NULL);
    job_release(&job);
    tally_release(&tally);
    assert_non_null(strstr(reason(f), "stopped in step"));
    assert_non_null(strstr(reason(f), "results cannot be kept: no space left"));
    assert_null(strstr(reason(f), "signal"));
}

static void makes_every_skip_count_when_live_is_required(void **state)
{
    struct fixture *f = *state;
    f->opt.require_live = true;
    run_one(f, "must-skip");
    assert_int_equal(f->summary.exit_code, EXIT_UNPROVEN);
}

static void proves_nothing_when_a_name_that_must_run_is_unknown(void **state)
{
    struct fixture *f = *state;
    CLEANUP(strv_release) struct strv names = STRV_INIT;
    strv_add(&names, "must-pass");
    f->opt.must_run = &names;
    run_one(f, "must-pass");
    assert_int_equal(f->summary.exit_code, EXIT_PASSED);
    strv_add(&names, "must-passs");
    run_one(f, "must-pass");
    assert_int_equal(f->summary.exit_code, EXIT_UNPROVEN);
    assert_non_null(strstr(f->summary.reason, "'must-passs'"));
}

static void proves_nothing_when_what_must_run_is_skipped(void **state)
{
    struct fixture *f = *state;
    CLEANUP(strv_release) struct strv names = STRV_INIT;
    strv_add(&names, "must-skip");
    f->opt.must_run = &names;
    run_one(f, "must-skip");
    assert_int_equal(f->summary.exit_code, EXIT_UNPROVEN);
    assert_non_null(strstr(f->summary.reason, "'must-skip' must run and was skipped"));
}

/* A process that interrupts its parent once an organisation is being made. */
static int interrupt_parent(void *arg)
{
    const char *ledger = arg;
    int64_t until = clock_mono_ms() + 5000;
    while (clock_mono_ms() < until && !fs_exists(ledger))
        (void)wait_pause(2, -1);
    return kill(getppid(), SIGTERM);
}

static void tears_down_after_a_signal_and_ends_143(void **state)
{
    struct fixture *f = *state;
    struct proc proc = PROC_INIT;
    f->target.patience_ms = 20000;
    assert_int_equal(proc_fork(interrupt_parent, f->ledger, &proc, NULL), 0);
    run_one(f, "must-fail-in-time");
    proc_release(&proc);
    assert_int_equal(f->summary.exit_code, EXIT_SIGTERM);
    assert_int_equal(f->summary.broken, 1);
    assert_nothing_left(f);
}

#define EACH(test) cmocka_unit_test_setup_teardown(test, setup, teardown_fixture)

int main(void)
{
    const struct CMUnitTest tests[] = {
        EACH(passes_when_the_product_is_right),
        EACH(fails_when_the_product_contradicts_a_check),
        EACH(goes_on_after_a_soft_failure),
        EACH(fails_with_the_last_answer_when_time_runs_out),
        EACH(fails_at_once_for_a_failed_workspace),
        EACH(breaks_while_a_workspace_is_still_provisioning),
        EACH(fails_when_the_control_of_a_denial_fails),
        EACH(breaks_when_an_answer_cannot_be_read),
        EACH(leaks_nothing_when_the_control_plane_refuses_to_connect),
        EACH(looks_for_an_organisation_whose_answer_was_lost),
        EACH(breaks_for_a_variable_that_nothing_bound),
        EACH(breaks_when_nothing_was_checked),
        EACH(breaks_when_the_worker_dies_and_removes_what_it_made),
        EACH(fails_when_the_worker_dies_after_a_recorded_failure),
        EACH(skips_and_names_the_need),
        EACH(times_out_and_leaves_no_child),
        EACH(says_what_is_left_when_an_organisation_stays),
        EACH(counts_the_workspaces_of_an_organisation_that_stays),
        EACH(keeps_what_was_made_when_asked_to),
        EACH(writes_no_secret_into_any_event),
        EACH(ends_3_when_results_cannot_be_kept),
        EACH(says_stopped_of_a_worker_that_it_stopped),
        EACH(makes_every_skip_count_when_live_is_required),
        EACH(proves_nothing_when_a_name_that_must_run_is_unknown),
        EACH(proves_nothing_when_what_must_run_is_skipped),
        EACH(tears_down_after_a_signal_and_ends_143),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
