/* waybill mcp bench: how fast a server answers, and how fast it starts. */
#include "cli/cmd_mcp.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/clock.h"
#include "io/json.h"
#include "run/verdict.h"

/* Finer than the milliseconds of base/clock: a local answer takes a tenth of one. */
static double now_ms(void)
{
    struct timespec ts = {0, 0};
    (void)clock_gettime(CLOCK_MONOTONIC, &ts);
    return (double)ts.tv_sec * 1e3 + (double)ts.tv_nsec / 1e6;
}

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Value below which the share of the sorted n times lies. */
static double quantile(const double *times, size_t n, double share)
{
    size_t at = (size_t)(share * (double)(n - 1) + 0.5);
    return times[at];
}

/* One request; cold: with the connection and the handshake before it. Positive: the exit
 * code for what the server refused. */
static int one_turn(struct mcp_session *s, json_t *arguments, double *ret_ms,
                    struct err *err)
{
    CLEANUP(mcp_answer_release) struct mcp_answer a = MCP_ANSWER_INIT;
    /* How the one before ends is none of this one's time. */
    if (s->a->cold)
        mcp_session_forget(s);
    double start = now_ms();
    if (s->a->cold) {
        if (mcp_session_open(s, s->a->revision, &a, err))
            return -1;
        if (a.outcome != MCP_OK)
            return mcp_refused(s, "the server", &a);
    }
    const char *tool = s->words.n ? s->words.v[0] : NULL;
    int rc = tool ? mcp_session_call(s, tool, arguments, &a, err)
                  : mcp_session_tools(s, &a, err);
    *ret_ms = now_ms() - start;
    if (rc)
        return -1;
    return a.outcome == MCP_OK ? 0 : mcp_refused(s, tool ? tool : "tools/list", &a);
}

static void print_times(struct mcp_session *s, const double *times, size_t n)
{
    double total_ms = 0;
    for (size_t i = 0; i < n; i++)
        total_ms += times[i];
    double rate = (double)n * 1e3 / (total_ms > 0 ? total_ms : 1);
    double p50 = quantile(times, n, 0.5), p95 = quantile(times, n, 0.95);
    const char *what = s->words.n ? s->words.v[0] : "tools/list";
    if (s->a->json) {
        json_t *j =
            json_make("{s:s,s:b,s:s,s:I,s:f,s:f,s:f,s:f,s:f}", "request", what, "cold",
                      s->a->cold, "revision", mcp_revision(s->client), "count",
                      (json_int_t)n, "per_second", rate, "min_ms", times[0], "median_ms",
                      p50, "p95_ms", p95, "max_ms", times[n - 1]);
        mcp_print_findings_with(s, j);
        return;
    }
    printf("%zu x %s%s, revision %s: %.0f a second\n"
           "min %.2f ms, median %.2f ms, 95 %% below %.2f ms, max %.2f ms\n",
           n, what, s->a->cold ? " from a cold start, with the handshake" : "",
           mcp_revision(s->client), rate, times[0], p50, p95, times[n - 1]);
}

int mcp_bench(struct mcp_session *s, struct err *err)
{
    CLEANUP(json_drop) json_t *arguments = NULL;
    CLEANUP(mcp_answer_release) struct mcp_answer list = MCP_ANSWER_INIT;
    size_t n = (size_t)s->a->count;
    /* Also what a client of 2026-07-28 has to know before it calls. */
    if (mcp_session_tools(s, &list, err) || mcp_arguments_of(s, &list, &arguments, err))
        return -1;
    double *times = xcalloc(n, sizeof(*times));
    int code = 0;
    for (size_t i = 0; i < n && code == 0; i++)
        code = one_turn(s, arguments, &times[i], err);
    if (code == 0) {
        qsort(times, n, sizeof(*times), ascending);
        print_times(s, times, n);
    }
    free(times);
    return code;
}
