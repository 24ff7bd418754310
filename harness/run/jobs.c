#include "run/jobs.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/limits.h"
#include "io/json.h"
#include "scenario/model.h"

static void tell_begin(struct tally *tally, const struct scenario *s)
{
    CLEANUP(free_ptr) char *tags = strv_join(&s->tags, ",");
    struct event ev = {.kind = EV_SCENARIO_BEGIN,
                       .scenario = s->name,
                       .file = s->file,
                       .proves = s->proves,
                       .tags = tags};
    tally_event(tally, &ev);
}

void tell_skipped(struct tally *tally, const struct scenario *s, const char *reason)
{
    tell_begin(tally, s);
    struct event ev = {.kind = EV_SCENARIO_END,
                       .scenario = s->name,
                       .verdict = VERDICT_SKIP,
                       .reason = reason};
    tally_event(tally, &ev);
}

/* A teardown is short; a scenario has its own time. */
static int64_t time_limit(const struct worker *w)
{
    if (w->scenario)
        return worker_deadline_ms(w->opt, w->scenario);
    return (int64_t)(30000 * clock_timeout_mul()) +
           (int64_t)(120000 * w->opt->target->pace);
}

int job_start(struct job *job, const struct worker *worker, struct tally *tally,
              struct err *err)
{
    int ends[2];
    *job = (struct job){.proc = PROC_INIT,
                        .fd = -1,
                        .in = BUF_INIT(LIMIT_LINE),
                        .slugs = STRV_INIT,
                        .worker = *worker,
                        .name = xstrdup(worker->name),
                        .verdict = VERDICT_BROKEN};
    if (worker->scenario)
        tell_begin(tally, worker->scenario);
    if (pipe2(ends, O_CLOEXEC) < 0)
        return err_sys(err, errno, "cannot make a pipe");
    job->fd = ends[0];
    if (worker->slugs)
        strv_copy(&job->slugs, worker->slugs);
    job->worker.name = job->name;
    job->worker.slugs = &job->slugs;
    job->worker.out_fd = ends[1];
    job->started_ms = clock_mono_ms();
    job->deadline_ms = job->started_ms + time_limit(worker);
    int rc = proc_fork(worker_main, &job->worker, &job->proc, err);
    (void)close(ends[1]);
    (void)fcntl(job->fd, F_SETFL, O_NONBLOCK);
    return rc;
}

/* ---- reading ---- */

static void keep_end(struct job *job, const struct event *ev)
{
    job->ended = true;
    job->verdict = ev->verdict;
    free(job->reason);
    job->reason = ev->reason ? xstrdup(ev->reason) : NULL;
    job->duration_ms = ev->duration_ms;
}

/* A contradiction that is on record stays one, however the process ends. */
static void keep_check(struct job *job, const struct event *ev)
{
    job->checks++;
    if (ev->verdict != VERDICT_FAIL)
        return;
    job->verdict = verdict_join(job->verdict, VERDICT_FAIL);
    if (job->failed)
        return;
    job->failed =
        xasprintf("%s: %s: expected %.150s, got %.150s",
                  ev->step_name ? ev->step_name : "?", ev->name ? ev->name : "?",
                  ev->expected ? ev->expected : "?", ev->actual ? ev->actual : "?");
    for (char *c = job->failed; *c; c++)
        if (*c == '\n' || *c == '\r')
            *c = ' ';
}

static void take_line(struct job *job, const char *text, size_t len, struct tally *tally)
{
    struct event ev = {.kind = EV_STEP};
    CLEANUP(json_drop) json_t *j = NULL;
    if (json_parse(text, len, &j, NULL) < 0 || event_from_json(j, &ev, NULL) < 0)
        return; /* cut off by a crash: what came before it is kept */
    if (ev.kind == EV_SCENARIO_END) {
        keep_end(job, &ev);
        return;
    }
    if (ev.kind == EV_STEP) {
        free(job->step);
        job->step = ev.step ? xstrdup(ev.step) : NULL;
    }
    if (ev.kind == EV_CHECK)
        keep_check(job, &ev);
    tally_event(tally, &ev);
}

static void take_lines(struct job *job, struct tally *tally)
{
    size_t from = 0;
    for (;;) {
        char *nl = memchr(job->in.data + from, '\n', job->in.len - from);
        if (!nl)
            break;
        size_t len = (size_t)(nl - job->in.data) - from;
        take_line(job, job->in.data + from, len, tally);
        from += len + 1;
    }
    buf_consume(&job->in, from);
}

bool job_read(struct job *job, struct tally *tally)
{
    char chunk[65536];
    for (;;) {
        ssize_t n = read(job->fd, chunk, sizeof(chunk));
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && errno == EAGAIN)
            return true;
        if (n <= 0)
            return false;
        buf_add(&job->in, chunk, (size_t)n);
        take_lines(job, tally);
        if (job->in.truncated)
            buf_reset(&job->in); /* one line of 8 MiB is none of ours */
    }
}

/* ---- the end ---- */

static char *death_text(const struct job *job, int status)
{
    const char *step = job->step ? job->step : "before its first step";
    if (WIFSIGNALED(status))
        return xasprintf("its process died of signal %d (%s) in step %s",
                         WTERMSIG(status), strsignal(WTERMSIG(status)), step);
    return xasprintf("its process ended with code %d and no verdict in step %s",
                     WIFEXITED(status) ? WEXITSTATUS(status) : -1, step);
}

/* Makes the reason of two parts, either of which may be the old one. */
static void join_reason(char **reason, const char *first, const char *second)
{
    char *text = xasprintf("%s; %s", first, second);
    free(*reason);
    *reason = text;
}

static void judge_death(struct job *job, int status, const char *mock_died)
{
    const char *step = job->step ? job->step : "(none)";
    job->verdict = verdict_join(job->verdict, VERDICT_BROKEN);
    free(job->reason);
    if (job->timed_out) {
        char limit[32];
        (void)clock_human(job->deadline_ms - job->started_ms, limit);
        job->reason = xasprintf("timed out in step %s after %s", step, limit);
    } else if (job->stopped) {
        job->reason =
            xasprintf("stopped in step %s%s%s", step, job->why_stopped ? ": " : "",
                      job->why_stopped ? job->why_stopped : "");
    } else {
        job->reason = death_text(job, status);
    }
    job->duration_ms = clock_mono_ms() - job->started_ms;
    if (job->failed)
        join_reason(&job->reason, job->failed, job->reason);
    if (mock_died)
        join_reason(&job->reason, job->reason, mock_died);
}

void job_finish(struct job *job, struct tally *tally, const char *mock_died)
{
    int status = 0;
    struct err err = ERR_INIT;
    /* Its pipe is closed, so it is leaving; what does not leave is killed. */
    int64_t patience = (int64_t)(5000 * clock_timeout_mul());
    if (proc_wait(&job->proc, clock_mono_ms() + patience, &status, &err) != 0)
        proc_stop(&job->proc, 0);
    close_fd(&job->fd);
    if (!job->worker.scenario)
        return;
    if (!job->ended)
        judge_death(job, status, mock_died);
    else if (mock_died && job->verdict == VERDICT_BROKEN)
        join_reason(&job->reason, job->reason ? job->reason : "", mock_died);
    struct event ev = {.kind = EV_SCENARIO_END,
                       .scenario = job->name,
                       .verdict = job->verdict,
                       .reason = job->reason,
                       .checks = job->checks,
                       .duration_ms = job->duration_ms};
    tally_event(tally, &ev);
}

void job_release(struct job *job)
{
    close_fd(&job->fd);
    proc_release(&job->proc);
    buf_release(&job->in);
    strv_release(&job->slugs);
    free(job->step);
    free(job->name);
    free(job->reason);
    free(job->failed);
}
