/*
 * The run: workers started and watched, their events passed on, the end made orderly.
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/ids.h"
#include "run/jobs.h"
#include "run/mock_process.h"
#include "run/plan.h"
#include "scenario/model.h"

enum { MAX_JOBS = 64 };

struct supervisor {
    struct run_options opt; /* with the seed filled in */
    struct run_summary *summary;
    struct tally tally;
    struct ledger ledger;
    struct mock_process mock;
    char *mock_died; /* how, once it has */
    char run_id[9];
    struct job *jobs[MAX_JOBS]; /* running */
    size_t n_jobs, max_jobs;
    size_t next; /* scenario to start */
    int signal_fd;
    sigset_t old_mask;
    struct sigaction old_pipe;
    int signals; /* SIGINT and SIGTERM so far */
    int first_signal;
    bool stop; /* start nothing new */
    const char *why_stopped;
    const char *must_run_missed; /* the first such name, NULL = none */
    bool must_run_unknown;       /* ... is of no scenario here */
};

/* ---- signals ---- */

/* Blocked and read from a descriptor, so that they are events among others. A pipe whose
 * reader left must not end the run before its teardown. */
static int catch_signals(struct supervisor *s, struct err *err)
{
    sigset_t set;
    struct sigaction ignore = {.sa_handler = SIG_IGN};
    (void)sigemptyset(&set);
    (void)sigaddset(&set, SIGINT);
    (void)sigaddset(&set, SIGTERM);
    (void)sigprocmask(SIG_BLOCK, &set, &s->old_mask);
    (void)sigaction(SIGPIPE, &ignore, &s->old_pipe);
    s->signal_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    if (s->signal_fd < 0)
        return err_sys(err, errno, "cannot make a signalfd");
    return 0;
}

static void restore_signals(struct supervisor *s)
{
    close_fd(&s->signal_fd);
    (void)sigaction(SIGPIPE, &s->old_pipe, NULL);
    (void)sigprocmask(SIG_SETMASK, &s->old_mask, NULL);
}

static void stop_starting(struct supervisor *s, const char *why)
{
    if (!s->stop)
        s->why_stopped = why;
    s->stop = true;
}

/* The first signal: everybody tears down, in a time that is limited. The second: now. */
static void on_signal(struct supervisor *s, int signo)
{
    int64_t until = clock_mono_ms() + (int64_t)(30000 * clock_timeout_mul()) +
                    (int64_t)(120000 * s->opt.target->pace);
    if (s->signals++ == 0)
        s->first_signal = signo;
    stop_starting(s, "the run was interrupted");
    for (size_t i = 0; i < s->n_jobs; i++) {
        struct job *job = s->jobs[i];
        job->stopped = true;
        if (s->signals > 1)
            proc_signal(&job->proc, SIGKILL);
        else if (job->worker.scenario)
            proc_signal(&job->proc, SIGTERM);
        if (job->deadline_ms > until)
            job->deadline_ms = until;
    }
}

static void read_signals(struct supervisor *s)
{
    struct signalfd_siginfo info;
    while (read(s->signal_fd, &info, sizeof(info)) == (ssize_t)sizeof(info))
        on_signal(s, (int)info.ssi_signo);
}

/* ---- names that must run ---- */

static bool is_called(const struct scenario *scenario, const char *name)
{
    return strcmp(scenario->name, name) == 0 ||
           (scenario->short_name && strcmp(scenario->short_name, name) == 0);
}

static void miss_unknown(struct supervisor *s)
{
    for (size_t i = 0; s->opt.must_run && i < s->opt.must_run->n; i++) {
        const char *name = s->opt.must_run->v[i];
        bool found = false;
        for (size_t k = 0; k < s->opt.n_scenarios && !found; k++)
            found = is_called(s->opt.scenarios[k], name);
        if (found || s->must_run_missed)
            continue;
        s->must_run_missed = name;
        s->must_run_unknown = true;
    }
}

static void miss_skipped(struct supervisor *s, const struct scenario *scenario)
{
    for (size_t i = 0; s->opt.must_run && i < s->opt.must_run->n; i++)
        if (!s->must_run_missed && is_called(scenario, s->opt.must_run->v[i]))
            s->must_run_missed = s->opt.must_run->v[i];
}

/* ---- jobs ---- */

static void start_job(struct supervisor *s, const struct scenario *scenario,
                      const char *name, const struct strv *slugs)
{
    struct job *job = xcalloc(1, sizeof(*job));
    struct err err = ERR_INIT;
    const struct worker worker = {.opt = &s->opt,
                                  .scenario = scenario,
                                  .name = name,
                                  .slugs = slugs,
                                  .run_id = s->run_id,
                                  .ledger = &s->ledger};
    if (job_start(job, &worker, &s->tally, &err) < 0) {
        if (scenario) {
            struct event ev = {.kind = EV_SCENARIO_END,
                               .scenario = name,
                               .verdict = VERDICT_BROKEN,
                               .reason = err.text};
            tally_event(&s->tally, &ev);
        }
        job_release(job);
        free(job);
        return;
    }
    s->jobs[s->n_jobs++] = job;
}

static void start_jobs(struct supervisor *s)
{
    while (s->next < s->opt.n_scenarios && (s->stop || s->n_jobs < s->max_jobs)) {
        const struct scenario *scenario = s->opt.scenarios[s->next++];
        CLEANUP(free_ptr) char *reason = plan_skip_reason(scenario, s->opt.target);
        if (!reason && s->stop)
            reason = xasprintf("not started: %s", s->why_stopped);
        if (!reason) {
            start_job(s, scenario, scenario->name, NULL);
            continue;
        }
        tell_skipped(&s->tally, scenario, reason);
        miss_skipped(s, scenario);
    }
}

static void end_job(struct supervisor *s, size_t i)
{
    struct job *job = s->jobs[i];
    s->jobs[i] = s->jobs[--s->n_jobs];
    bool was_scenario = job->worker.scenario != NULL;
    job_finish(job, &s->tally, s->mock_died);
    if (was_scenario && s->opt.fail_fast &&
        (job->verdict == VERDICT_FAIL || job->verdict == VERDICT_BROKEN))
        stop_starting(s, "an earlier scenario was red (--fail-fast)");
    /* What a process left that could not tear down itself. */
    if (was_scenario && !job->ended && !s->opt.keep && s->signals < 2 && !s->mock_died) {
        struct strv slugs = STRV_INIT;
        tally_open_orgs(&s->tally, job->name, &slugs);
        if (slugs.n > 0)
            start_job(s, NULL, job->name, &slugs);
        strv_release(&slugs);
    }
    job_release(job);
    free(job);
}

static void kill_late_jobs(struct supervisor *s)
{
    int64_t now = clock_mono_ms();
    for (size_t i = 0; i < s->n_jobs; i++) {
        struct job *job = s->jobs[i];
        if (job->timed_out || now < job->deadline_ms)
            continue;
        job->timed_out = true;
        proc_signal(&job->proc, SIGKILL);
    }
}

/* ---- the mock ---- */

static void on_mock_death(struct supervisor *s)
{
    int status = 0;
    struct err err = ERR_INIT;
    if (proc_wait(&s->mock.proc, 0, &status, &err) == 1)
        return;
    CLEANUP(free_ptr) char *words = mock_process_last_words(&s->mock);
    for (char *c = words; *c; c++)
        if (*c == '\n')
            *c = ' ';
    s->mock_died = xasprintf("the mock platform died (wait status %d)%s%.300s", status,
                             *words ? ": " : "", words);
    stop_starting(s, "the mock platform died");
}

/* ---- the loop ---- */

static int wait_ms(const struct supervisor *s)
{
    int64_t now = clock_mono_ms(), next = now + 60000;
    for (size_t i = 0; i < s->n_jobs; i++)
        if (!s->jobs[i]->timed_out && s->jobs[i]->deadline_ms < next)
            next = s->jobs[i]->deadline_ms;
    return next > now ? (int)(next - now) : 0;
}

/* What they still have to tell is lost, but not what they have to remove. */
static void stop_for_sink(struct supervisor *s)
{
    const char *why = s->summary->reason; /* names the sink's trouble */
    stop_starting(s, why);
    for (size_t i = 0; i < s->n_jobs; i++) {
        struct job *job = s->jobs[i];
        if (!job->worker.scenario)
            continue; /* it removes already */
        job->stopped = true;
        job->why_stopped = why;
        proc_signal(&job->proc, SIGTERM);
    }
}

static void turn(struct supervisor *s)
{
    struct pollfd fds[MAX_JOBS + 2];
    size_t n = s->n_jobs;
    for (size_t i = 0; i < n; i++)
        fds[i] = (struct pollfd){.fd = s->jobs[i]->fd, .events = POLLIN};
    fds[n] = (struct pollfd){.fd = s->signal_fd, .events = POLLIN};
    bool mock = s->mock.proc.pid > 0 && !s->mock_died;
    fds[n + 1] = (struct pollfd){.fd = mock ? s->mock.proc.pidfd : -1, .events = POLLIN};
    if (poll(fds, n + 2, wait_ms(s)) < 0 && errno != EINTR)
        stop_starting(s, "cannot wait for workers");
    if (fds[n].revents)
        read_signals(s);
    if (fds[n + 1].revents)
        on_mock_death(s);
    /* From the end: end_job puts the last job, or a new one, into the hole. */
    for (size_t i = n; i > 0; i--)
        if (fds[i - 1].revents && !job_read(s->jobs[i - 1], &s->tally))
            end_job(s, i - 1);
    kill_late_jobs(s);
    if (s->tally.store_failed && !s->stop)
        stop_for_sink(s);
}

/* ---- beginning and end ---- */

static size_t cores(void)
{
    long n = sysconf(_SC_NPROCESSORS_ONLN);
    return n > 0 ? (size_t)n : 1;
}

static int begin(struct supervisor *s, const struct run_options *opt, struct err *err)
{
    s->opt = *opt;
    id_hex(s->run_id, 8);
    if (opt->seed)
        (void)snprintf(s->summary->seed, sizeof(s->summary->seed), "%s", opt->seed);
    else
        id_hex(s->summary->seed, 8);
    s->opt.seed = s->summary->seed;
    s->max_jobs = opt->jobs > 0 ? (size_t)opt->jobs : cores();
    if (s->max_jobs > MAX_JOBS)
        s->max_jobs = MAX_JOBS;
    if (catch_signals(s, err) < 0)
        return -1;
    if (opt->target->kind == TARGET_MOCK && !opt->target->cp_url) {
        if (!opt->mock.program)
            return err_set(err, ERR_CONFIG, "the mock platform's program is not known");
        if (mock_process_start(&opt->mock, opt->target, &s->mock, err) < 0)
            return -1;
    }
    return ledger_open(opt->ledger_path, s->run_id, opt->target->cp_url, &s->ledger, err);
}

/* Which of the reasons to be red decides: exit codes of the command line's table. */
static int exit_code(const struct supervisor *s)
{
    const struct run_summary *m = s->summary;
    int ran = m->passed + m->failed + m->broken;
    if (m->leaked > 0)
        return EXIT_LEAK;
    if (s->signals > 0)
        return s->first_signal == SIGTERM ? EXIT_SIGTERM : EXIT_SIGINT;
    if (s->tally.store_failed)
        return EXIT_BROKEN;
    if (m->failed > 0)
        return EXIT_FAILED;
    if (m->broken > 0)
        return EXIT_BROKEN;
    if (ran == 0 || s->must_run_missed || (s->opt.require_live && m->skipped > 0))
        return EXIT_UNPROVEN;
    return EXIT_PASSED;
}

static void explain_exit(struct supervisor *s)
{
    struct run_summary *m = s->summary;
    if (m->exit_code == EXIT_LEAK) {
        char leaks[220];
        tally_leaks_text(&s->tally, leaks, sizeof(leaks));
        (void)snprintf(m->reason, sizeof(m->reason), "still there after teardown: %s",
                       leaks);
    } else if (m->exit_code == EXIT_UNPROVEN && s->must_run_missed) {
        (void)snprintf(m->reason, sizeof(m->reason),
                       s->must_run_unknown
                           ? "no scenario of this run is called '%.150s', which must run"
                           : "scenario '%.150s' must run and was skipped",
                       s->must_run_missed);
    } else if (m->exit_code == EXIT_UNPROVEN) {
        (void)snprintf(m->reason, sizeof(m->reason), "%s",
                       m->passed == 0
                           ? "no scenario ran, so nothing is proven"
                           : "a scenario was skipped, and --require-live allows none");
    } else if (m->exit_code == EXIT_BROKEN && !m->reason[0]) {
        (void)snprintf(m->reason, sizeof(m->reason),
                       "%d scenario%s could not find out, and nothing failed", m->broken,
                       m->broken == 1 ? "" : "s");
    }
}

static void tell_end(struct supervisor *s, int64_t start)
{
    struct run_summary *m = s->summary;
    (void)tally_close_resources(&s->tally, s->mock_died != NULL);
    m->wall_ms = clock_mono_ms() - start;
    m->exit_code = exit_code(s);
    explain_exit(s);
    struct event ev = {.kind = EV_RUN_END,
                       .duration_ms = m->wall_ms,
                       .passed = m->passed,
                       .failed = m->failed,
                       .broken = m->broken,
                       .skipped = m->skipped,
                       .checks_passed = m->checks_passed,
                       .checks_failed = m->checks_failed,
                       .checks_broken = m->checks_broken,
                       .checks_skipped = m->checks_skipped,
                       .leaked = m->leaked,
                       .reason = m->reason[0] ? m->reason : NULL,
                       .exit_code = m->exit_code};
    bool kept = !s->tally.store_failed;
    tally_event(&s->tally, &ev);
    if (kept && s->tally.store_failed)
        m->exit_code = exit_code(s);
}

static void supervise(struct supervisor *s, int64_t start)
{
    struct event ev = {.kind = EV_RUN_BEGIN,
                       .target = s->opt.target->name,
                       .contract = s->opt.contract_text,
                       .seed = s->opt.seed,
                       .version = s->opt.version,
                       .command_line = s->opt.command_line,
                       .scenarios = (int)s->opt.n_scenarios};
    tally_event(&s->tally, &ev);
    miss_unknown(s);
    for (start_jobs(s); s->n_jobs > 0; start_jobs(s))
        turn(s);
    tell_end(s, start);
}

int run_scenarios(const struct run_options *opt, struct sink *const *sinks,
                  size_t n_sinks, struct run_summary *ret, struct err *err)
{
    struct supervisor *s = xcalloc(1, sizeof(*s));
    int64_t start = clock_mono_ms();
    *ret = (struct run_summary){0};
    s->summary = ret;
    s->tally = (struct tally){.sinks = sinks, .n_sinks = n_sinks, .summary = ret};
    s->mock = (struct mock_process)MOCK_PROCESS_INIT;
    s->ledger = (struct ledger)LEDGER_INIT;
    s->signal_fd = -1;
    int rc = begin(s, opt, err);
    if (rc == 0)
        supervise(s, start);
    mock_process_stop(&s->mock);
    ledger_close(&s->ledger);
    tally_release(&s->tally);
    if (s->signal_fd >= 0)
        restore_signals(s);
    free(s->mock_died);
    free(s);
    return rc;
}
