/* The event loop: timers, descriptors that go while they are being served, children. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "io/loop.h"
#include "io/proc.h"

struct fixture {
    struct loop *loop;
    int pipe_a[2], pipe_b[2];
    struct loop_fd *a, *b;
    struct buf order;
    int count;
    struct loop_timer *victim;
    struct proc child;
    int status, signo;
};

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    f->child = (struct proc)PROC_INIT;
    buf_init(&f->order, 4096);
    *state = f;
    if (pipe2(f->pipe_a, O_CLOEXEC) != 0 || pipe2(f->pipe_b, O_CLOEXEC) != 0)
        return -1;
    return loop_new(&f->loop, NULL);
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    loop_free(f->loop);
    proc_release(&f->child);
    for (int i = 0; i < 2; i++) {
        (void)close(f->pipe_a[i]);
        (void)close(f->pipe_b[i]);
    }
    buf_release(&f->order);
    free(f);
    return 0;
}

static void stop(void *arg)
{
    struct fixture *f = arg;
    loop_stop(f->loop);
}

static void note_one(void *arg)
{
    struct fixture *f = arg;
    buf_addc(&f->order, '1');
}

static void note_two(void *arg)
{
    struct fixture *f = arg;
    buf_addc(&f->order, '2');
}

static void note_three(void *arg)
{
    struct fixture *f = arg;
    buf_addc(&f->order, '3');
    loop_stop(f->loop);
}

static void runs_timers_by_time_and_then_by_age(void **state)
{
    struct fixture *f = *state;
    (void)loop_timer_add(f->loop, 20, note_three, f);
    (void)loop_timer_add(f->loop, 5, note_one, f);
    (void)loop_timer_add(f->loop, 5, note_two, f);
    (void)loop_timer_add(f->loop, 0, note_two, f);
    int64_t before = clock_mono_ms();
    assert_int_equal(loop_run(f->loop, NULL), 0);
    assert_string_equal(f->order.data, "2123");
    assert_true(clock_mono_ms() - before >= 20);
}

static void cancel_victim(void *arg)
{
    struct fixture *f = arg;
    loop_timer_cancel(f->victim);
}

static void a_timer_may_cancel_the_next_one(void **state)
{
    struct fixture *f = *state;
    (void)loop_timer_add(f->loop, 1, cancel_victim, f);
    f->victim = loop_timer_add(f->loop, 1, note_one, f);
    (void)loop_timer_add(f->loop, 1, note_three, f);
    assert_int_equal(loop_run(f->loop, NULL), 0);
    assert_string_equal(f->order.data, "3");
}

static void again(void *arg)
{
    struct fixture *f = arg;
    if (++f->count < 100000)
        (void)loop_timer_add(f->loop, 0, again, f);
    else
        loop_stop(f->loop);
}

static void read_and_stop(uint32_t events, void *arg)
{
    (void)events;
    stop(arg);
}

static void a_timer_that_renews_itself_does_not_starve_the_rest(void **state)
{
    struct fixture *f = *state;
    f->a = loop_fd_add(f->loop, f->pipe_a[0], EPOLLIN, read_and_stop, f);
    assert_int_equal(write(f->pipe_a[1], "x", 1), 1);
    (void)loop_timer_add(f->loop, 0, again, f);
    assert_int_equal(loop_run(f->loop, NULL), 0);
    assert_true(f->count < 100000);
}

static void keeps_the_heap_in_order(void **state)
{
    struct fixture *f = *state;
    struct loop_timer *far[64];
    for (int i = 0; i < 64; i++)
        far[i] = loop_timer_add(f->loop, 10000 + (i * 37) % 64, note_one, f);
    (void)loop_timer_add(f->loop, 2, note_two, f);
    for (int i = 0; i < 64; i += 2)
        loop_timer_cancel(far[i]);
    (void)loop_timer_add(f->loop, 3, note_three, f);
    assert_int_equal(loop_run(f->loop, NULL), 0);
    assert_string_equal(f->order.data, "23");
}

static void remove_both(uint32_t events, void *arg)
{
    (void)events;
    struct fixture *f = arg;
    f->count++;
    loop_fd_remove(f->a);
    loop_fd_remove(f->b);
    (void)loop_timer_add(f->loop, 1, stop, f);
}

static void a_callback_may_remove_a_descriptor_that_is_ready_too(void **state)
{
    struct fixture *f = *state;
    f->a = loop_fd_add(f->loop, f->pipe_a[0], EPOLLIN, remove_both, f);
    f->b = loop_fd_add(f->loop, f->pipe_b[0], EPOLLIN, remove_both, f);
    assert_int_equal(write(f->pipe_a[1], "x", 1), 1);
    assert_int_equal(write(f->pipe_b[1], "x", 1), 1);
    assert_int_equal(loop_run(f->loop, NULL), 0);
    assert_int_equal(f->count, 1);
}

static int leave_with_seven(void *arg)
{
    (void)arg;
    return 7;
}

static void on_child(pid_t pid, int status, void *arg)
{
    struct fixture *f = arg;
    assert_int_equal(pid, f->child.pid);
    f->status = status;
    f->child.pid = 0; /* reaped */
    loop_stop(f->loop);
}

static void tells_how_a_child_ended(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(proc_fork(leave_with_seven, NULL, &f->child, NULL), 0);
    loop_child_add(f->loop, f->child.pid, f->child.pidfd, on_child, f);
    f->child.pidfd = -1;
    assert_int_equal(loop_run(f->loop, NULL), 0);
    assert_true(WIFEXITED(f->status));
    assert_int_equal(WEXITSTATUS(f->status), 7);
}

static int signal_itself(void *arg)
{
    struct fixture *f = arg;
    (void)kill(getpid(), SIGTERM);
    return loop_run(f->loop, NULL) == 0 && f->signo == SIGTERM ? 0 : 1;
}

static void on_signal(int signo, void *arg)
{
    struct fixture *f = arg;
    f->signo = signo;
    loop_stop(f->loop);
}

static int wait_for_a_signal(void *arg)
{
    struct fixture *f = arg;
    struct loop *own = NULL;
    if (loop_new(&own, NULL) < 0)
        return 2;
    loop_free(f->loop);
    f->loop = own;
    if (loop_on_terminate(own, on_signal, f, NULL) < 0)
        return 3;
    int rc = signal_itself(f);
    loop_free(own);
    return rc;
}

/* In a child, so that the signals of the test program stay as they are. */
static void hears_termination_in_the_loop(void **state)
{
    struct fixture *f = *state;
    int status = -1;
    assert_int_equal(proc_fork(wait_for_a_signal, f, &f->child, NULL), 0);
    assert_int_equal(proc_wait(&f->child, clock_mono_ms() + 10000, &status, NULL), 0);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
}

#define LOOP(t) cmocka_unit_test_setup_teardown(t, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        LOOP(runs_timers_by_time_and_then_by_age),
        LOOP(a_timer_may_cancel_the_next_one),
        LOOP(a_timer_that_renews_itself_does_not_starve_the_rest),
        LOOP(keeps_the_heap_in_order),
        LOOP(a_callback_may_remove_a_descriptor_that_is_ready_too),
        LOOP(tells_how_a_child_ended),
        LOOP(hears_termination_in_the_loop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
