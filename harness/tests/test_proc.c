/* Tests of child processes and of waiting. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/limits.h"
#include "io/proc.h"
#include "io/wait.h"
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { PATIENCE_MS = 10000 };

/* One child at most per test, and a pipe that its descendants hold open. */
struct fixture {
    struct proc proc;
    struct proc_result result;
    struct strv env;
    struct err err;
    int alive[2]; /* [1] is inherited; [0] is at its end when all who had it are dead */
};

static int set_up(void **state)
{
    struct fixture *f = xcalloc(1, sizeof(*f));

    f->proc = (struct proc)PROC_INIT;
    strv_env_set(&f->env, "PATH", "/usr/bin:/bin");
    buf_init(&f->result.out, 0);
    buf_init(&f->result.err, 0);
    *state = f;
    return pipe2(f->alive, O_CLOEXEC);
}

static int tear_down(void **state)
{
    struct fixture *f = *state;

    proc_release(&f->proc);
    proc_result_release(&f->result);
    strv_release(&f->env);
    close_fd(&f->alive[0]);
    close_fd(&f->alive[1]);
    free(f);
    return 0;
}

static int run_shell(struct fixture *f, const char *script, const char *input,
                     int64_t timeout_ms)
{
    char *const argv[] = {(char[]){"sh"}, (char[]){"-c"}, xstrdup(script), NULL};
    struct proc_spec spec = PROC_SPEC_INIT;
    int rc;

    spec.argv = argv;
    spec.env = &f->env;
    rc = proc_run(&spec, input, input ? strlen(input) : 0, timeout_ms, &f->result,
                  &f->err);
    free(argv[2]);
    return rc;
}

static int spawn_shell(struct fixture *f, const char *script)
{
    char *const argv[] = {(char[]){"sh"}, (char[]){"-c"}, xstrdup(script), NULL};
    struct proc_spec spec = PROC_SPEC_INIT;
    int rc;

    spec.argv = argv;
    spec.env = &f->env;
    spec.out = PROC_PIPE;
    spec.pass_fd = f->alive[1];
    rc = proc_spawn(&spec, &f->proc, &f->err);
    free(argv[2]);
    return rc;
}

/* All who inherited alive[1] are gone. */
static bool all_dead(struct fixture *f)
{
    struct pollfd one = {.fd = f->alive[0], .events = POLLIN};

    close_fd(&f->alive[1]);
    return poll(&one, 1, PATIENCE_MS) == 1 && (one.revents & POLLHUP);
}

static void a_run_returns_both_outputs_and_the_code(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(run_shell(f, "cat; echo problem >&2; exit 3", "input\n", 0), 0);
    assert_int_equal(f->result.exit_code, 3);
    assert_int_equal(f->result.signo, 0);
    assert_false(f->result.timed_out);
    assert_string_equal(f->result.out.data, "input\n");
    assert_string_equal(f->result.err.data, "problem\n");
}

static void a_missing_program_is_an_error(void **state)
{
    struct fixture *f = *state;
    char *const argv[] = {(char[]){"no-such-program"}, NULL};
    struct proc_spec spec = PROC_SPEC_INIT;

    spec.argv = argv;
    spec.env = &f->env;
    assert_int_equal(proc_spawn(&spec, &f->proc, &f->err), -1);
    assert_int_equal(f->err.kind, ERR_SYS);
    assert_int_equal(f->err.sys, ENOENT);
    assert_non_null(strstr(f->err.text, "'no-such-program'"));
    assert_int_equal(f->proc.pid, 0);
}

static void a_failed_exec_is_an_error_and_leaves_no_child(void **state)
{
    struct fixture *f = *state;
    char *const argv[] = {(char[]){"/dev/null"}, NULL};
    struct proc_spec spec = PROC_SPEC_INIT;
    int status;

    spec.argv = argv;
    assert_int_equal(proc_spawn(&spec, &f->proc, &f->err), -1);
    assert_int_equal(f->err.sys, EACCES);
    assert_int_equal(waitpid(-1, &status, WNOHANG), -1);
    assert_int_equal(errno, ECHILD);
}

static void a_missing_working_directory_is_named(void **state)
{
    struct fixture *f = *state;
    char *const argv[] = {(char[]){"true"}, NULL};
    struct proc_spec spec = PROC_SPEC_INIT;

    spec.argv = argv;
    spec.env = &f->env;
    spec.cwd = "/no/such/place";
    assert_int_equal(proc_spawn(&spec, &f->proc, &f->err), -1);
    assert_int_equal(f->err.sys, ENOENT);
    assert_non_null(strstr(f->err.text, "/no/such/place"));
}

static void a_timeout_kills_the_whole_group(void **state)
{
    struct fixture *f = *state;
    int64_t begin = clock_mono_ms();

    assert_int_equal(run_shell(f, "echo before; sleep 1000 & sleep 1000", NULL, 200), 0);
    assert_true(f->result.timed_out);
    assert_int_equal(f->result.exit_code, -1);
    assert_int_equal(f->result.signo, SIGKILL);
    assert_string_equal(f->result.out.data, "before\n");
    assert_true(clock_mono_ms() - begin < PATIENCE_MS);
}

static void a_grandchild_dies_with_the_group(void **state)
{
    struct fixture *f = *state;
    char byte;

    assert_int_equal(spawn_shell(f, "(echo x; exec sleep 1000) & wait"), 0);
    assert_int_equal(read(f->proc.out, &byte, 1), 1);
    proc_release(&f->proc);
    assert_true(all_dead(f));
}

static void a_grandchild_that_outlives_its_parent_dies_when_that_is_reaped(void **state)
{
    struct fixture *f = *state;
    int status = -1;

    assert_int_equal(spawn_shell(f, "sleep 1000 & exit 0"), 0);
    assert_int_equal(proc_wait(&f->proc, clock_mono_ms() + PATIENCE_MS, &status, &f->err),
                     0);
    assert_int_equal(status, 0);
    assert_true(all_dead(f));
}

static void a_child_that_ignores_the_polite_signal_is_killed(void **state)
{
    struct fixture *f = *state;
    char byte;

    assert_int_equal(spawn_shell(f, "trap '' TERM; echo x; while :; do sleep 9; done"),
                     0);
    assert_int_equal(read(f->proc.out, &byte, 1), 1);
    proc_stop(&f->proc, 50);
    assert_int_equal(f->proc.pid, 0);
    assert_true(all_dead(f));
}

static void a_deadline_that_passes_leaves_the_child_running(void **state)
{
    struct fixture *f = *state;
    int status;

    assert_int_equal(spawn_shell(f, "exec sleep 1000"), 0);
    assert_int_equal(proc_wait(&f->proc, clock_mono_ms() + 10, &status, &f->err), 1);
    assert_int_equal(kill(f->proc.pid, 0), 0);
}

static void a_background_process_with_the_pipes_does_not_hold_a_run(void **state)
{
    struct fixture *f = *state;
    int64_t begin = clock_mono_ms();

    assert_int_equal(run_shell(f, "sleep 1000 & echo done", NULL, 60000), 0);
    assert_false(f->result.timed_out);
    assert_int_equal(f->result.exit_code, 0);
    assert_string_equal(f->result.out.data, "done\n");
    assert_true(clock_mono_ms() - begin < PATIENCE_MS);
}

static void input_that_nobody_reads_does_not_end_us(void **state)
{
    struct fixture *f = *state;
    char *much = xmalloc(MIB(1) + 1);

    memset(much, 'x', MIB(1));
    much[MIB(1)] = '\0';
    assert_int_equal(run_shell(f, "exec <&-; exit 0", much, PATIENCE_MS), 0);
    free(much);
    assert_int_equal(f->result.exit_code, 0);
}

static void much_data_flows_both_ways(void **state)
{
    struct fixture *f = *state;
    char *much = xmalloc(MIB(1) + 1);
    int rc;

    memset(much, 'x', MIB(1));
    much[MIB(1)] = '\0';
    rc = run_shell(f, "cat", much, PATIENCE_MS);
    free(much);
    assert_int_equal(rc, 0);
    assert_int_equal(f->result.out.len, MIB(1));
    assert_false(f->result.out.truncated);
}

static void output_past_the_limit_is_dropped_and_marked(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(run_shell(f, "head -c 6000000 /dev/zero", NULL, PATIENCE_MS), 0);
    assert_int_equal(f->result.exit_code, 0);
    assert_int_equal(f->result.out.len, LIMIT_CHILD_OUTPUT);
    assert_true(f->result.out.truncated);
}

static void a_child_gets_its_own_environment_and_descriptors_only(void **state)
{
    struct fixture *f = *state;
    int inherited = dup(f->alive[1]); /* NOLINT(android-cloexec-dup): on purpose */

    strv_env_set(&f->env, "ONLY", "this");
    assert_int_equal(setenv("SECRET", "leaks", 1), 0);
    assert_int_equal(
        run_shell(f, "echo $ONLY$SECRET; ls /proc/self/fd | tr '\\n' ' '", NULL, 0), 0);
    close_fd(&inherited);
    /* 3 is ls's own, on /proc/self/fd. */
    assert_string_equal(f->result.out.data, "this\n0 1 2 3 ");
}

static void a_passed_descriptor_is_number_three(void **state)
{
    struct fixture *f = *state;
    char text[6] = {0};
    int status;

    assert_int_equal(spawn_shell(f, "echo hello >&3"), 0);
    assert_int_equal(proc_wait(&f->proc, -1, &status, &f->err), 0);
    assert_int_equal(read(f->alive[0], text, 5), 5);
    assert_string_equal(text, "hello");
}

static void a_child_starts_with_default_signals(void **state)
{
    struct fixture *f = *state;
    sigset_t term, before;
    int rc;

    sigemptyset(&term);
    sigaddset(&term, SIGTERM);
    assert_int_equal(sigprocmask(SIG_BLOCK, &term, &before), 0);
    assert_true(signal(SIGPIPE, SIG_IGN) != SIG_ERR);
    /* Only the last 31 bits: libc keeps signal 32 to itself, and a caller that ignores it
     * hands that down. */
    rc = run_shell(f,
                   "sed -nE 's/^(Sig(Blk|Ign)):.*(.{8})$/\\1 \\3/p' /proc/self/status |"
                   " while read n v; do echo $n $((0x$v & 0x7fffffff)); done",
                   NULL, 0);
    assert_true(signal(SIGPIPE, SIG_DFL) != SIG_ERR);
    assert_int_equal(sigprocmask(SIG_SETMASK, &before, NULL), 0);
    assert_int_equal(rc, 0);
    assert_string_equal(f->result.out.data, "SigBlk 0\nSigIgn 0\n");
}

static int leave_with(void *arg)
{
    return *(int *)arg + (getpgrp() == getpid() ? 0 : 100);
}

static void a_forked_function_leaves_with_its_result(void **state)
{
    struct fixture *f = *state;
    int code = 42;
    int status = 0;

    assert_int_equal(proc_fork(leave_with, &code, &f->proc, &f->err), 0);
    assert_int_equal(proc_wait(&f->proc, -1, &status, &f->err), 0);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 42);
}

static int start_and_vanish(void *arg)
{
    struct fixture *f = arg;

    if (spawn_shell(f, "exec sleep 1000") < 0)
        return 1;
    (void)raise(SIGKILL);
    return 1;
}

static void a_child_dies_with_its_parent(void **state)
{
    struct fixture *f = *state;
    struct proc parent = PROC_INIT;
    int status = 0;

    assert_int_equal(proc_fork(start_and_vanish, f, &parent, &f->err), 0);
    assert_int_equal(proc_wait(&parent, -1, &status, &f->err), 0);
    assert_true(WIFSIGNALED(status));
    assert_true(all_dead(f));
}

static bool third_time(void *arg)
{
    return ++*(int *)arg == 3;
}

static bool never(void *arg)
{
    (void)arg;
    return false;
}

static void waiting_ends_when_the_predicate_holds(void **state)
{
    int calls = 0;

    (void)state;
    assert_true(wait_until(third_time, &calls, clock_mono_ms() + PATIENCE_MS));
    assert_int_equal(calls, 3);
}

static void waiting_ends_at_the_deadline(void **state)
{
    int64_t begin = clock_mono_ms();

    (void)state;
    assert_false(wait_until(never, NULL, begin + 20));
    assert_true(clock_mono_ms() >= begin + 20);
}

static void a_pause_is_cut_short_by_its_descriptor(void **state)
{
    struct fixture *f = *state;

    assert_false(wait_pause(5, f->alive[0]));
    assert_int_equal(write(f->alive[1], "x", 1), 1);
    assert_true(wait_pause(PATIENCE_MS, f->alive[0]));
}

#define WITH_CHILD(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_CHILD(a_run_returns_both_outputs_and_the_code),
        WITH_CHILD(a_missing_program_is_an_error),
        WITH_CHILD(a_failed_exec_is_an_error_and_leaves_no_child),
        WITH_CHILD(a_missing_working_directory_is_named),
        WITH_CHILD(a_timeout_kills_the_whole_group),
        WITH_CHILD(a_grandchild_dies_with_the_group),
        WITH_CHILD(a_grandchild_that_outlives_its_parent_dies_when_that_is_reaped),
        WITH_CHILD(a_child_that_ignores_the_polite_signal_is_killed),
        WITH_CHILD(a_deadline_that_passes_leaves_the_child_running),
        WITH_CHILD(a_background_process_with_the_pipes_does_not_hold_a_run),
        WITH_CHILD(input_that_nobody_reads_does_not_end_us),
        WITH_CHILD(much_data_flows_both_ways),
        WITH_CHILD(output_past_the_limit_is_dropped_and_marked),
        WITH_CHILD(a_child_gets_its_own_environment_and_descriptors_only),
        WITH_CHILD(a_passed_descriptor_is_number_three),
        WITH_CHILD(a_child_starts_with_default_signals),
        WITH_CHILD(a_forked_function_leaves_with_its_result),
        WITH_CHILD(a_child_dies_with_its_parent),
        WITH_CHILD(a_pause_is_cut_short_by_its_descriptor),
        cmocka_unit_test(waiting_ends_when_the_predicate_holds),
        cmocka_unit_test(waiting_ends_at_the_deadline),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
