/* waybill mcp: an MCP client for hands and scripts. */
#include "cli/cmd_mcp.h"

#include <errno.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/limits.h"
#include "base/table.h"
#include "cli/cmd.h"
#include "cli/console.h"
#include "io/http.h"
#include "base/utf8.h"
#include "io/json.h"
#include "run/verdict.h"

const struct option_row mcp_option_rows[] = {
    {"header", 'H', OPTION_LIST, "NAME: VALUE", NULL,
     offsetof(struct mcp_arguments, header),
     "a header of every request; may be repeated"},
    {"env", 'e', OPTION_LIST, "NAME=VALUE", NULL, offsetof(struct mcp_arguments, env),
     "a variable of the command, over this environment; may be repeated"},
    {"bearer-env", 0, OPTION_TEXT, "NAME", NULL,
     offsetof(struct mcp_arguments, bearer_env),
     "send the token that this environment variable holds; it is never shown"},
    {"ca-file", 0, OPTION_TEXT, "FILE", NULL, offsetof(struct mcp_arguments, ca_file),
     "authorities, as PEM, to trust for https instead of the system's"},
    {"revision", 0, OPTION_TEXT, "DATE", NULL, offsetof(struct mcp_arguments, revision),
     "revision of the protocol (default: found out, the newest first)"},
    {"timeout", 't', OPTION_TEXT, "TIME", "60s", offsetof(struct mcp_arguments, timeout),
     "how long one answer may take"},
    {"args", 'a', OPTION_TEXT, "JSON", NULL, offsetof(struct mcp_arguments, args),
     "call, bench: the arguments as a JSON object; - reads it from stdin"},
    {"input", 0, OPTION_TEXT, "JSON", NULL, offsetof(struct mcp_arguments, input),
     "call: what to answer when the server asks for input, by the names it asks with"},
    {"baseline", 0, OPTION_TEXT, "FILE", NULL, offsetof(struct mcp_arguments, baseline),
     "list: write names, descriptions and schemas there"},
    {"match", 0, OPTION_TEXT, "FILE", NULL, offsetof(struct mcp_arguments, match),
     "list: compare with a baseline; exit 1 and a diff when they differ"},
    {"count", 'n', OPTION_COUNT, "N", "100", offsetof(struct mcp_arguments, count),
     "bench: how many requests"},
    {"cold", 0, OPTION_FLAG, NULL, NULL, offsetof(struct mcp_arguments, cold),
     "bench: a new connection, or a new process, for each; its handshake counts too"},
    {"json", 0, OPTION_FLAG, NULL, NULL, offsetof(struct mcp_arguments, json),
     "the result as JSON"},
    {"verbose", 'v', OPTION_FLAG, NULL, NULL, offsetof(struct mcp_arguments, verbose),
     "every frame, and what the command says, on stderr"},
    {"color", 0, OPTION_TEXT, "WHEN", "auto", offsetof(struct mcp_arguments, color),
     "auto, always or never"},
    {NULL, 0, OPTION_FLAG, NULL, NULL, 0, NULL},
};

/* ---- the session ---- */

static volatile sig_atomic_t stopped; /* the signal that wants an end, or 0 */

static void on_signal(int signo)
{
    stopped = signo;
}

static int catch_signals(struct err *err)
{
    struct sigaction action = {.sa_handler = on_signal};
    if (sigaction(SIGINT, &action, NULL) || sigaction(SIGTERM, &action, NULL))
        return err_sys(err, errno, "cannot catch signals");
    return 0;
}

/* Says of an answer that did not come in time what it was to, and how long that is. */
static int in_time(const struct mcp_session *s, const char *what, int rc, struct err *err)
{
    if (rc && err->kind == ERR_TIMEOUT && !stopped)
        err_prefix(err, "%s (--timeout %s)", what, s->a->timeout);
    return rc;
}

int mcp_session_open(struct mcp_session *s, const char *revision, struct mcp_answer *ret,
                     struct err *err)
{
    struct mcp_options opt = {.revision = revision,
                              .timeout_ms = s->timeout_ms,
                              .on_frame = s->a->verbose ? mcp_show_frame : NULL,
                              .on_frame_arg = s,
                              .on_stderr = s->a->verbose ? mcp_show_stderr : NULL,
                              .on_stderr_arg = s,
                              .on_notification = mcp_show_notification,
                              .on_notification_arg = s,
                              .progress = !s->a->json,
                              .stop = &stopped,
                              .headers = &s->headers,
                              .ca_file = s->a->ca_file};
    int64_t start = clock_mono_ms();
    mcp_session_drop(s);
    s->open = false;
    if (!s->http && http_new(&s->http, err))
        return -1;
    int rc = s->url ? mcp_open_http(s->http, s->url, &opt, &s->client, err)
                    : mcp_open_stdio(strv_argv(&s->command), &s->env, NULL, &opt,
                                     &s->client, err);
    if (rc || in_time(s, "the handshake", mcp_initialize(s->client, ret, err), err))
        return -1;
    s->handshake_ms = clock_mono_ms() - start;
    s->open = ret->outcome == MCP_OK;
    return 0;
}

int mcp_session_tools(struct mcp_session *s, struct mcp_answer *ret, struct err *err)
{
    return in_time(s, "tools/list", mcp_list_tools(s->client, ret, err), err);
}

int mcp_session_call(struct mcp_session *s, const char *tool, json_t *arguments,
                     struct mcp_answer *ret, struct err *err)
{
    int rc = mcp_call_tool(s->client, tool, arguments, ret, err);
    return in_time(s, "tools/call", rc, err);
}

enum { MOST_FINDINGS = 200 };

void mcp_session_keep_findings(struct mcp_session *s)
{
    mcp_finish(s->client);
    const struct strv *findings = mcp_findings(s->client);
    /* A thousand cold starts may find a thousand things that differ by their time. */
    for (size_t i = 0; i < findings->n && s->findings.n < MOST_FINDINGS; i++)
        if (!strv_has(&s->findings, findings->v[i]))
            strv_add(&s->findings, findings->v[i]);
    if (mcp_revision(s->client)) {
        free(s->revision);
        s->revision = xstrdup(mcp_revision(s->client));
    }
}

void mcp_session_drop(struct mcp_session *s)
{
    if (s->client)
        mcp_session_keep_findings(s);
    mcp_close(TAKE(s->client));
}

void mcp_session_forget(struct mcp_session *s)
{
    mcp_session_drop(s);
    http_free(TAKE(s->http));
}

static void session_release(struct mcp_session *s)
{
    mcp_close(TAKE(s->client));
    http_free(s->http);
    json_decref(s->arguments);
    json_decref(s->input);
    json_decref(s->expected);
    strv_release(&s->findings);
    free(s->revision);
    strv_release(&s->words);
    strv_release(&s->command);
    strv_release(&s->headers);
    strv_release(&s->env);
    free(s->url);
    free(s->token);
}

static int read_options(struct mcp_session *s, struct err *err)
{
    struct console_options console = {0};
    if (clock_parse_duration(s->a->timeout, &s->timeout_ms, NULL) || s->timeout_ms <= 0)
        return err_set(err, ERR_USAGE, "--timeout takes a time such as 30s, not '%s'",
                       s->a->timeout);
    if (s->a->revision && !mcp_revision_find(s->a->revision))
        return err_set(err, ERR_USAGE, "--revision: '%s' is unknown; known are %s",
                       s->a->revision, mcp_revision_names());
    if (console_options_for(stdout, s->a->color, &console, err))
        return -1;
    s->colour = console.colour;
    return mcp_read_credentials(s, err);
}

/* ---- call ---- */

/* The server asked for input, and the caller gave some. */
static int call_again(struct mcp_session *s, const char *name, json_t *arguments,
                      struct mcp_answer *a, struct err *err)
{
    CLEANUP(json_drop) json_t *asked = json_incref(a->result);
    int rc = mcp_call_again(s->client, name, arguments, asked, s->input, a, err);
    return in_time(s, "tools/call", rc, err);
}

/* The list says what the values are and, from 2026-07-28 on, which of them HTTP wants in
 * headers. A server that has no time for it may still have some for the call. */
static int arguments_to_call(struct mcp_session *s, json_t **ret, struct err *err)
{
    CLEANUP(mcp_answer_release) struct mcp_answer list = MCP_ANSWER_INIT;
    bool headers = s->url && mcp_revision_is_modern(mcp_revision_in_force(s->client));
    struct err failed = ERR_INIT;
    if ((s->words.n > 1 || headers) && mcp_session_tools(s, &list, &failed)) {
        if (failed.kind != ERR_TIMEOUT || stopped) {
            *err = failed;
            return -1;
        }
        mcp_say(s, "%s; the values are sent as they look", failed.text);
    }
    return mcp_arguments_of(s, &list, ret, err);
}

static int act_call(struct mcp_session *s, struct err *err)
{
    CLEANUP(mcp_answer_release) struct mcp_answer a = MCP_ANSWER_INIT;
    CLEANUP(json_drop) json_t *arguments = NULL;
    const char *name = s->words.v[0];
    if (arguments_to_call(s, &arguments, err) ||
        mcp_session_call(s, name, arguments, &a, err))
        return -1;
    if (a.outcome == MCP_INPUT_REQUIRED && s->input &&
        call_again(s, name, arguments, &a, err))
        return -1;
    if (a.outcome != MCP_OK && a.outcome != MCP_TOOL_ERROR) {
        if (a.outcome == MCP_INPUT_REQUIRED && !s->a->json)
            mcp_print_json(s, json_object_get(a.result, "inputRequests"));
        return mcp_refused(s, name, &a);
    }
    if (s->a->json)
        mcp_print_answer(s, &a);
    else
        mcp_print_content(s, a.result);
    if (a.outcome == MCP_OK)
        return EXIT_PASSED;
    /* What it said is in the result. */
    mcp_say(s, "%s: the tool says it failed", name);
    return EXIT_FAILED;
}

/* ---- ping ---- */

static int act_ping(struct mcp_session *s, struct err *err)
{
    CLEANUP(mcp_answer_release) struct mcp_answer a = MCP_ANSWER_INIT;
    if (in_time(s, "ping", mcp_ping(s->client, &a, err), err))
        return -1;
    if (a.outcome != MCP_OK)
        return mcp_refused(s, "ping", &a);
    CLEANUP(buf_release) struct buf out = BUF_INIT(LIMIT_ERROR_TEXT);
    const char *server = mcp_server_name(s->client);
    utf8_add_line(&out, server ? server : "the server");
    buf_addf(&out, " answers in %lld ms (revision %s)\n", (long long)a.elapsed_ms,
             mcp_revision(s->client));
    if (s->a->json)
        mcp_print_answer(s, &a);
    else
        mcp_print(s, &out);
    return EXIT_PASSED;
}

/* ---- the command ---- */

static const struct action {
    const char *name;
    mcp_action_fn *run;
    size_t words;  /* that it needs at least */
    bool more;     /* may have more of them */
    bool connects; /* before run */
} actions[] = {
    {"list", mcp_list, 0, false, true},
    {"call", act_call, 1, true, true},
    {"ping", act_ping, 0, false, true},
    {"inspect", mcp_inspect, 0, false, true},
    {"bench", mcp_bench, 0, true, true},
    {"conformance", mcp_conformance, 0, false, false},
};

static const struct action *find_action(const struct strv *operands, struct err *err)
{
    const char *names[ARRAY_SIZE(actions)];
    const char *given = operands->n ? operands->v[0] : "";
    for (size_t i = 0; i < ARRAY_SIZE(actions); i++) {
        if (strcmp(actions[i].name, given) == 0)
            return &actions[i];
        names[i] = actions[i].name;
    }
    CLEANUP(free_ptr) char *meant = did_you_mean(given, names, ARRAY_SIZE(actions));
    CLEANUP(free_ptr)
    char *what =
        operands->n ? xasprintf("'%s' is none of", given) : xstrdup("what to do? one of");
    err_set(err, ERR_USAGE,
            "mcp: %s list, call, ping, inspect, bench, conformance%s "
            "(see 'waybill mcp --help')",
            what, meant);
    return NULL;
}

static int check_words(const struct action *action, const struct mcp_session *s,
                       struct err *err)
{
    const char *tool = s->words.n ? s->words.v[0] : "";
    if (action->more && strchr(tool, '='))
        return err_set(err, ERR_USAGE,
                       "mcp %s: which tool? '%s' is an argument of one "
                       "(see 'waybill mcp --help')",
                       action->name, tool);
    if (s->words.n < action->words || (action->more && s->words.n && !*tool))
        return err_set(err, ERR_USAGE, "mcp %s: which tool? (see 'waybill mcp --help')",
                       action->name);
    if (s->words.n > action->words && !action->more)
        return err_set(err, ERR_USAGE, "mcp %s: '%s' is too much", action->name,
                       s->words.v[action->words]);
    return 0;
}

static int act(const struct action *action, struct mcp_session *s, struct err *err)
{
    CLEANUP(mcp_answer_release) struct mcp_answer hello = MCP_ANSWER_INIT;
    if (!action->connects)
        return action->run(s, err);
    if (mcp_session_open(s, s->a->revision, &hello, err))
        return -1;
    if (hello.outcome != MCP_OK)
        return mcp_refused(s, "the server", &hello);
    return action->run(s, err);
}

/* What was found is worth most when something fails. */
static int tell(struct mcp_session *s, int code, struct err *err)
{
    if (s->client)
        mcp_session_keep_findings(s);
    if (code < 0) {
        CLEANUP(buf_release) struct buf safe = BUF_INIT(sizeof(err->text) - 1);
        mcp_safe_line(s, err->text, &safe);
        memcpy(err->text, safe.data, safe.len + 1);
    }
    if (!s->a->json)
        mcp_print_findings(s);
    else if (code < 0 && err->kind != ERR_USAGE && err->kind != ERR_CONFIG)
        mcp_print_broken(s, err);
    return code;
}

static int print_help(void)
{
    CLEANUP(buf_release) struct buf out = BUF_INIT(MIB(1));
    for (const struct command *c = commands; c->name; c++)
        if (strcmp(c->name, "mcp") == 0)
            help_command(c, &out);
    fwrite(out.data, 1, out.len, stdout);
    return EXIT_PASSED;
}

int cmd_mcp(void *arguments, const struct strv *operands, struct err *err)
{
    if (operands->n && strcmp(operands->v[0], "help") == 0)
        return print_help();
    struct mcp_session s = {.a = arguments};
    const struct action *action = find_action(operands, err);
    int code = -1;
    if (action && !mcp_check_options(action->name, s.a, err) &&
        !mcp_read_operands(&s, operands, err) && !mcp_check_reach(&s, err) &&
        !check_words(action, &s, err) && !read_options(&s, err) &&
        !mcp_read_inputs(&s, action->name, err) && !catch_signals(err))
        code = act(action, &s, err);
    code = tell(&s, code, err);
    session_release(&s);
    if (stopped)
        return stopped == SIGINT ? EXIT_SIGINT : EXIT_SIGTERM;
    return code;
}
