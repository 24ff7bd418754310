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
#include "base/fs.h"
#include "base/limits.h"
#include "base/table.h"
#include "cli/cmd.h"
#include "cli/console.h"
#include "io/http.h"
#include "io/json.h"
#include "scenario/surface.h"
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
    {"revision", 0, OPTION_TEXT, "DATE", NULL, offsetof(struct mcp_arguments, revision),
     "revision of the protocol (default: found out, the newest first)"},
    {"timeout", 't', OPTION_TEXT, "TIME", "60s", offsetof(struct mcp_arguments, timeout),
     "how long one answer may take"},
    {"args", 'a', OPTION_TEXT, "JSON", NULL, offsetof(struct mcp_arguments, args),
     "call: the arguments as a JSON object; - reads it from stdin"},
    {"input", 0, OPTION_TEXT, "JSON", NULL, offsetof(struct mcp_arguments, input),
     "call: what to answer when the server asks for input, by the names it asks with"},
    {"baseline", 0, OPTION_TEXT, "FILE", NULL, offsetof(struct mcp_arguments, baseline),
     "list: write names, descriptions and schemas there"},
    {"match", 0, OPTION_TEXT, "FILE", NULL, offsetof(struct mcp_arguments, match),
     "list: compare with a baseline; exit 1 and a diff when they differ"},
    {"count", 'n', OPTION_COUNT, "N", "100", offsetof(struct mcp_arguments, count),
     "bench: how many requests"},
    {"cold", 0, OPTION_FLAG, NULL, NULL, offsetof(struct mcp_arguments, cold),
     "bench: a new connection, or a new process, for each"},
    {"json", 0, OPTION_FLAG, NULL, NULL, offsetof(struct mcp_arguments, json),
     "the result as JSON"},
    {"verbose", 'v', OPTION_FLAG, NULL, NULL, offsetof(struct mcp_arguments, verbose),
     "every frame on stderr"},
    {"color", 0, OPTION_TEXT, "WHEN", "auto", offsetof(struct mcp_arguments, color),
     "auto, always or never"},
    {NULL, 0, OPTION_FLAG, NULL, NULL, 0, NULL},
};

/* ---- output ---- */

/* The token has no business in anything that is shown. */
static void hide_token(const struct mcp_session *s, const char *text, struct buf *out)
{
    size_t n = s->token ? strlen(s->token) : 0;
    for (const char *at = NULL; n > 0 && (at = strstr(text, s->token)); text = at + n) {
        buf_add(out, text, (size_t)(at - text));
        buf_addf(out, "<secret:%s>", s->a->bearer_env);
    }
    buf_adds(out, text);
}

static void write_to(const struct mcp_session *s, FILE *file, const char *text)
{
    CLEANUP(buf_release) struct buf out = BUF_INIT(LIMIT_REPORT);
    hide_token(s, text, &out);
    fwrite(out.data, 1, out.len, file);
}

void mcp_print(const struct mcp_session *s, const struct buf *text)
{
    write_to(s, stdout, text->data);
}

void mcp_print_json(const struct mcp_session *s, const json_t *value)
{
    CLEANUP(buf_release) struct buf out = BUF_INIT(LIMIT_REPORT);
    json_render(value, JSON_PRETTY, &out);
    buf_addc(&out, '\n');
    mcp_print(s, &out);
}

json_t *mcp_sentences(const struct strv *list)
{
    json_t *array = xcheck(json_array());
    for (size_t i = 0; i < list->n; i++)
        if (json_array_append_new(array, json_str_new(list->v[i])))
            abort(); /* out of memory */
    return array;
}

static const struct name_row outcome_names[] = {
    {MCP_OK, "ok"},
    {MCP_TOOL_ERROR, "tool_error"},
    {MCP_RPC_ERROR, "rpc_error"},
    {MCP_HTTP_ERROR, "http_error"},
    {MCP_INPUT_REQUIRED, "input_required"},
    {0, NULL},
};

/* An answer as JSON, with what was found on the way. */
static json_t *answer_json(const struct mcp_session *s, const struct mcp_answer *a)
{
    json_t *j =
        json_make("{s:s,s:I,s:s*}", "outcome", table_name(outcome_names, a->outcome),
                  "elapsed_ms", (json_int_t)a->elapsed_ms, "revision",
                  s->client ? mcp_revision(s->client) : NULL);
    if (a->http_status)
        json_object_set_new(j, "http_status", json_integer(a->http_status));
    if (a->result)
        json_object_set(j, "result", a->result);
    if (a->outcome == MCP_RPC_ERROR)
        json_object_set_new(j, "error",
                            json_make("{s:i,s:s,s:O*}", "code", a->rpc_code, "message",
                                      a->rpc_message, "data", a->rpc_data));
    if (a->http_body)
        json_object_set_new(j, "body", json_str_new(a->http_body));
    if (a->challenge)
        json_object_set_new(j, "challenge", json_str_new(a->challenge));
    if (s->client)
        json_object_set_new(j, "findings", mcp_sentences(mcp_findings(s->client)));
    return j;
}

static void print_answer_json(const struct mcp_session *s, const struct mcp_answer *a)
{
    CLEANUP(json_drop) json_t *j = answer_json(s, a);
    mcp_print_json(s, j);
}

int mcp_refused(const struct mcp_session *s, const char *what, const struct mcp_answer *a)
{
    CLEANUP(buf_release) struct buf words = BUF_INIT(LIMIT_ERROR_TEXT);
    if (s->a->json)
        print_answer_json(s, a);
    buf_addf(&words, "waybill: %s: ", what);
    mcp_answer_words(a, &words);
    if (s->url && !mcp_revision(s->client) &&
        (a->http_status == 404 || a->http_status == 405))
        buf_adds(&words, "; the transport of 2024-11-05 (HTTP with SSE) is not spoken");
    buf_addc(&words, '\n');
    write_to(s, stderr, words.data);
    return EXIT_FAILED;
}

/* What the server did wrong, after its answer. */
static void print_findings(const struct mcp_session *s)
{
    const struct strv *findings = mcp_findings(s->client);
    CLEANUP(buf_release) struct buf out = BUF_INIT(LIMIT_REPORT);
    for (size_t i = 0; i < findings->n; i++)
        buf_addf(&out, "waybill: the server breaks revision %s: %s\n",
                 mcp_revision(s->client) ? mcp_revision(s->client) : "(none agreed on)",
                 findings->v[i]);
    write_to(s, stderr, out.data);
}

static void show_frame(const struct mcp_frame_seen *seen, void *arg)
{
    static const char *const arrows[] = {
        [MCP_SENT] = "-->", [MCP_RECEIVED] = "<--", [MCP_JUNK] = "???"};
    CLEANUP(buf_release) struct buf out = BUF_INIT(LIMIT_LINE);
    buf_addf(&out, "%s ", arrows[seen->direction]);
    buf_add(&out, seen->text, seen->len);
    buf_addc(&out, '\n');
    for (size_t i = 0; i < seen->findings->n; i++)
        buf_addf(&out, "  ! %s\n", seen->findings->v[i]);
    write_to(arg, stderr, out.data);
}

static void show_notification(const char *method, const json_t *params, void *arg)
{
    const struct mcp_session *s = arg;
    const json_t *progress = json_object_get(params, "progress");
    if (s->a->json || strcmp(method, "notifications/progress") != 0)
        return;
    CLEANUP(buf_release) struct buf out = BUF_INIT(LIMIT_ERROR_TEXT);
    const json_t *total = json_object_get(params, "total");
    buf_addf(&out, "waybill: progress %g", json_number_value(progress));
    if (total)
        buf_addf(&out, " of %g", json_number_value(total));
    const char *message = json_str(params, "message", "");
    buf_addf(&out, "%s%s\n", *message ? ": " : "", message);
    write_to(s, stderr, out.data);
}

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

int mcp_session_open(struct mcp_session *s, const char *revision, struct mcp_answer *ret,
                     struct err *err)
{
    struct mcp_options opt = {.revision = revision,
                              .timeout_ms = s->timeout_ms,
                              .on_frame = s->a->verbose ? show_frame : NULL,
                              .on_frame_arg = s,
                              .on_notification = show_notification,
                              .on_notification_arg = s,
                              .progress = !s->a->json,
                              .stop = &stopped,
                              .headers = &s->headers};
    int64_t start = clock_mono_ms();
    mcp_close(TAKE(s->client));
    if (!s->http && http_new(&s->http, err))
        return -1;
    int rc = s->url ? mcp_open_http(s->http, s->url, &opt, &s->client, err)
                    : mcp_open_stdio(strv_argv(&s->command), &s->env, NULL, &opt,
                                     &s->client, err);
    if (rc || mcp_initialize(s->client, ret, err))
        return -1;
    s->handshake_ms = clock_mono_ms() - start;
    return 0;
}

void mcp_session_close(struct mcp_session *s)
{
    mcp_close(TAKE(s->client));
    http_free(s->http);
    strv_release(&s->words);
    strv_release(&s->command);
    strv_release(&s->headers);
    strv_release(&s->env);
    free(s->url);
    free(s->token);
}

static bool is_url(const char *s)
{
    return strncmp(s, "http://", 7) == 0 || strncmp(s, "https://", 8) == 0;
}

/* ACTION [URL] WORDS... [URL] [-- COMMAND...] */
static int read_operands(struct mcp_session *s, const struct strv *operands,
                         struct err *err)
{
    size_t i = 1;
    for (; i < operands->n && strcmp(operands->v[i], "--") != 0; i++) {
        if (is_url(operands->v[i]) && !s->url)
            s->url = xstrdup(operands->v[i]);
        else
            strv_add(&s->words, operands->v[i]);
    }
    for (i++; i < operands->n; i++)
        strv_add(&s->command, operands->v[i]);
    if (s->url && s->command.n)
        return err_set(err, ERR_USAGE, "a URL and a command: which of the two?");
    if (!s->url && !s->command.n)
        return err_set(err, ERR_USAGE,
                       "mcp: which server? end with a URL, or with '-- COMMAND...'");
    return 0;
}

static int read_credentials(struct mcp_session *s, struct err *err)
{
    const struct mcp_arguments *a = s->a;
    for (char **e = environ; *e; e++)
        strv_add(&s->env, *e);
    for (size_t i = 0; i < a->env.n; i++) {
        const char *equals = strchr(a->env.v[i], '=');
        if (!equals || equals == a->env.v[i])
            return err_set(err, ERR_USAGE, "--env takes NAME=VALUE, not '%s'",
                           a->env.v[i]);
        CLEANUP(free_ptr)
        char *name = xstrndup(a->env.v[i], (size_t)(equals - a->env.v[i]));
        strv_env_set(&s->env, name, equals + 1);
    }
    for (size_t i = 0; i < a->header.n; i++)
        if (!strchr(a->header.v[i], ':'))
            return err_set(err, ERR_USAGE, "--header takes 'NAME: VALUE', not '%s'",
                           a->header.v[i]);
    strv_copy(&s->headers, &a->header);
    if (!a->bearer_env)
        return 0;
    const char *token = getenv(a->bearer_env); /* NOLINT(concurrency-mt-unsafe) */
    if (!token || !*token)
        return err_set(err, ERR_CONFIG, "--bearer-env: '%s' is not set", a->bearer_env);
    s->token = xstrdup(token);
    strv_addf(&s->headers, "Authorization: Bearer %s", token);
    return 0;
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
    return read_credentials(s, err);
}

/* ---- list ---- */

static void print_tools(const struct mcp_session *s, const struct mcp_answer *a)
{
    const json_t *tools = json_object_get(a->result, "tools");
    CLEANUP(buf_release) struct buf out = BUF_INIT(LIMIT_REPORT);
    size_t widest = 0;
    for (size_t i = 0; i < json_array_size(tools); i++) {
        size_t n = strlen(json_str(json_array_get(tools, i), "name", ""));
        widest = n > widest && n <= 40 ? n : widest;
    }
    for (size_t i = 0; i < json_array_size(tools); i++) {
        const json_t *tool = json_array_get(tools, i);
        const char *about = json_str(tool, "description", "");
        buf_addf(&out, "%s%-*s%s  %.*s\n", s->colour ? "\x1b[1m" : "", (int)widest,
                 json_str(tool, "name", ""), s->colour ? "\x1b[0m" : "",
                 (int)strcspn(about, "\n"), about);
    }
    buf_addf(&out, "%zu tools, %s, revision %s, %lld ms\n", json_array_size(tools),
             mcp_server_name(s->client) ? mcp_server_name(s->client) : "(no name)",
             mcp_revision(s->client), (long long)a->elapsed_ms);
    mcp_print(s, &out);
}

static int write_baseline(const struct mcp_session *s, const json_t *surface,
                          struct err *err)
{
    CLEANUP(buf_release) struct buf text = BUF_INIT(LIMIT_REPORT);
    CLEANUP(buf_release) struct buf safe = BUF_INIT(LIMIT_REPORT);
    surface_render(surface, &text);
    hide_token(s, text.data, &safe);
    if (fs_mkparents(s->a->baseline, err) < 0 ||
        fs_write(s->a->baseline, safe.data, safe.len, 0644, err) < 0)
        return -1;
    fprintf(stderr, "waybill: %zu tools written to '%s'\n",
            json_array_size(json_object_get(surface, "tools")), s->a->baseline);
    return EXIT_PASSED;
}

static int match_baseline(const struct mcp_session *s, const json_t *surface,
                          struct err *err)
{
    CLEANUP(json_drop) json_t *expected = NULL;
    CLEANUP(buf_release) struct buf diff = BUF_INIT(LIMIT_REPORT);
    if (surface_read(s->a->match, &expected, err))
        return -1;
    size_t n = surface_diff(expected, surface, &diff);
    mcp_print(s, &diff);
    fprintf(stderr, "waybill: %zu difference%s from '%s'\n", n, n == 1 ? "" : "s",
            s->a->match);
    return n == 0 ? EXIT_PASSED : EXIT_FAILED;
}

static int act_list(struct mcp_session *s, struct err *err)
{
    CLEANUP(mcp_answer_release) struct mcp_answer a = MCP_ANSWER_INIT;
    if (mcp_list_tools(s->client, &a, err))
        return -1;
    if (a.outcome != MCP_OK)
        return mcp_refused(s, "tools/list", &a);
    CLEANUP(json_drop)
    json_t *surface = surface_make(json_object_get(a.result, "tools"));
    if (s->a->baseline)
        return write_baseline(s, surface, err);
    if (s->a->match)
        return match_baseline(s, surface, err);
    if (s->a->json)
        print_answer_json(s, &a);
    else
        print_tools(s, &a);
    return EXIT_PASSED;
}

/* ---- call ---- */

static void print_content(const struct mcp_session *s, const json_t *result)
{
    const json_t *content = json_object_get(result, "content");
    CLEANUP(buf_release) struct buf out = BUF_INIT(LIMIT_REPORT);
    for (size_t i = 0; i < json_array_size(content); i++) {
        const json_t *block = json_array_get(content, i);
        const char *text = json_str(block, "text", NULL);
        if (text)
            buf_addf(&out, "%s\n", text);
        else
            buf_addf(&out, "[%s %s, %zu bytes]\n", json_str(block, "type", "?"),
                     json_str(block, "mimeType", ""),
                     strlen(json_str(block, "data", "")));
    }
    const json_t *structured = json_object_get(result, "structuredContent");
    if (!json_array_size(content) && structured) {
        json_render(structured, JSON_PRETTY, &out);
        buf_addc(&out, '\n');
    }
    mcp_print(s, &out);
}

static json_t *schema_of(const struct mcp_answer *list, const char *name)
{
    const json_t *tools = json_object_get(list->result, "tools");
    for (size_t i = 0; i < json_array_size(tools); i++) {
        const json_t *tool = json_array_get(tools, i);
        if (strcmp(json_str(tool, "name", ""), name) == 0)
            return json_object_get(tool, "inputSchema");
    }
    return NULL;
}

/* The server asked for input, and the caller gave some. */
static int call_again(struct mcp_session *s, const char *name, json_t *arguments,
                      struct mcp_answer *a, struct err *err)
{
    CLEANUP(json_drop) json_t *input = NULL;
    CLEANUP(json_drop) json_t *asked = json_incref(a->result);
    if (json_parse(s->a->input, strlen(s->a->input), &input, err))
        return err_prefix(err, "--input");
    return mcp_call_again(s->client, name, arguments, asked, input, a, err);
}

static int act_call(struct mcp_session *s, struct err *err)
{
    CLEANUP(mcp_answer_release) struct mcp_answer list = MCP_ANSWER_INIT;
    CLEANUP(mcp_answer_release) struct mcp_answer a = MCP_ANSWER_INIT;
    CLEANUP(json_drop) json_t *arguments = NULL;
    const char *name = s->words.v[0];
    if (mcp_list_tools(s->client, &list, err) ||
        mcp_arguments_of(s, &s->words, 1, schema_of(&list, name), &arguments, err) ||
        mcp_call_tool(s->client, name, arguments, &a, err))
        return -1;
    if (a.outcome == MCP_INPUT_REQUIRED && s->a->input &&
        call_again(s, name, arguments, &a, err))
        return -1;
    if (a.outcome != MCP_OK && a.outcome != MCP_TOOL_ERROR) {
        if (a.outcome == MCP_INPUT_REQUIRED && !s->a->json)
            mcp_print_json(s, json_object_get(a.result, "inputRequests"));
        return mcp_refused(s, name, &a);
    }
    if (s->a->json)
        print_answer_json(s, &a);
    else
        print_content(s, a.result);
    return a.outcome == MCP_OK ? EXIT_PASSED : EXIT_FAILED;
}

/* ---- ping ---- */

static int act_ping(struct mcp_session *s, struct err *err)
{
    CLEANUP(mcp_answer_release) struct mcp_answer a = MCP_ANSWER_INIT;
    if (mcp_ping(s->client, &a, err))
        return -1;
    if (a.outcome != MCP_OK)
        return mcp_refused(s, "ping", &a);
    CLEANUP(buf_release) struct buf out = BUF_INIT(LIMIT_ERROR_TEXT);
    buf_addf(&out, "%s answers in %lld ms (revision %s)\n",
             mcp_server_name(s->client) ? mcp_server_name(s->client) : "the server",
             (long long)a.elapsed_ms, mcp_revision(s->client));
    if (s->a->json)
        print_answer_json(s, &a);
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
    {"list", act_list, 0, false, true},
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
    err_set(err, ERR_USAGE,
            "mcp: '%s' is none of list, call, ping, inspect, bench, conformance%s", given,
            meant);
    return NULL;
}

static int check_words(const struct action *action, const struct mcp_session *s,
                       struct err *err)
{
    if (s->words.n < action->words)
        return err_set(err, ERR_USAGE, "mcp %s: which tool?", action->name);
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
    int code = action->run(s, err);
    if (code >= 0 && !s->a->json)
        print_findings(s);
    return code;
}

int cmd_mcp(void *arguments, const struct strv *operands, struct err *err)
{
    struct mcp_session s = {.a = arguments};
    const struct action *action = find_action(operands, err);
    int code = -1;
    if (action && !read_operands(&s, operands, err) && !check_words(action, &s, err) &&
        !read_options(&s, err) && !catch_signals(err))
        code = act(action, &s, err);
    if (code < 0 && err && s.token) {
        CLEANUP(buf_release) struct buf safe = BUF_INIT(sizeof(err->text) - 1);
        hide_token(&s, err->text, &safe);
        memcpy(err->text, safe.data, safe.len + 1);
    }
    mcp_session_close(&s);
    if (stopped)
        return stopped == SIGINT ? EXIT_SIGINT : EXIT_SIGTERM;
    return code;
}
