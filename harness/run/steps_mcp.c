/*
 * MCP requests: to a server on a box (through the box's gateway), over the platform's
 * bridge, to a command, to a URL. Each try is a session of its own, so that a box that
 * was restarted between two tries is simply the next session's server.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "io/http.h"
#include "io/json.h"
#include "mcp/client.h"
#include "run/frames.h"
#include "run/steps.h"

static void keep_frame(const struct mcp_frame_seen *seen, void *arg)
{
    frames_note(arg, seen);
}

struct session {
    struct mcp_client *client;
    struct frames frames;
    struct strv headers, argv, env;
    char *url; /* NULL over stdio */
    char *revision;
    bool gateway;
};

static void session_release(struct session *s)
{
    mcp_close(s->client);
    frames_release(&s->frames);
    strv_release(&s->headers);
    strv_release(&s->argv);
    strv_release(&s->env);
    free(s->url);
    free(s->revision);
}

/* ---- where the server is ---- */

/* Over stdio: the server is started here, as the box says that it starts it. */
static int find_launch(struct ctx *ctx, struct session *s, struct attempt *at)
{
    struct call c = CALL_INIT;
    const char *name = NULL;
    json_t *value = NULL;
    size_t i = 0;
    c.protocol = "mock";
    c.url = TAKE(s->url);
    ctx_call(ctx, &c, at);
    call_release(&c);
    if (at->obs.broken)
        return 0;
    /* As through the gateway: that the box has no such server says something about it. */
    at->obs.gateway = at->obs.status == 404;
    if (at->obs.gateway)
        return 0;
    if (!status_ok(at->obs.status)) {
        CLEANUP(free_ptr) char *why = xstrdup(json_str(at->answer, "error", "?"));
        attempt_broken(at, "the box does not say how it starts the server: %s", why);
        return 0;
    }
    json_array_foreach(json_object_get(at->answer, "argv"), i, value)
    {
        strv_add(&s->argv, json_string_value(value));
    }
    json_object_foreach(json_object_get(at->answer, "env"), name, value)
    {
        strv_env_set(&s->env, name, json_string_value(value));
    }
    return 0;
}

static bool over_stdio(struct ctx *ctx, const struct step *step)
{
    CLEANUP(free_ptr) char *transport = NULL;
    struct err ignored = ERR_INIT;
    return ctx_text(ctx, step, step_arg(step, "transport"), &transport, &ignored) == 0 &&
           transport && strcmp(transport, "stdio") == 0;
}

/* The box of `on` registered the address of its gateway with the platform. */
static int find_box(struct ctx *ctx, const struct step *step, struct session *s,
                    struct attempt *at, struct err *err)
{
    CLEANUP(json_drop) json_t *ws = NULL;
    CLEANUP(json_drop) json_t *org = NULL;
    CLEANUP(free_ptr) char *server = NULL;
    if (ctx_ref(ctx, step, step_arg(step, "on"), &ws, err) < 0 ||
        ctx_org_of(ctx, step, ws, &org, err) < 0 ||
        ctx_text(ctx, step, step_arg(step, "server"), &server, err) < 0)
        return -1;
    CLEANUP(free_ptr) char *path = xasprintf("/workspaces/%s", json_str(ws, "id", ""));
    struct call c = CALL_INIT;
    call_tenant(&c, org, json_str(org, "admin_token", NULL), "GET", path, NULL);
    ctx_call(ctx, &c, at);
    call_release(&c);
    if (at->obs.broken)
        return 0;
    const char *url = json_str(at->answer, "url", "");
    if (!*url) {
        CLEANUP(free_ptr) char *status = xstrdup(json_str(at->answer, "status", "?"));
        attempt_broken(at, "the box of '%s' has no address (status %s)",
                       json_str(ws, "as", "?"), status);
        return 0;
    }
    CLEANUP(free_ptr) char *name = http_escape(server ? server : "");
    bool stdio = over_stdio(ctx, step);
    s->url = xasprintf("%s/%s/%s", url, stdio ? "_box/launch" : "mcp", name);
    s->gateway = !stdio;
    return stdio ? find_launch(ctx, s, at) : 0;
}

static int find_bridge(struct ctx *ctx, const struct step *step, struct session *s,
                       struct err *err)
{
    CLEANUP(json_drop) json_t *ws = NULL;
    CLEANUP(json_drop) json_t *org = NULL;
    CLEANUP(free_ptr) char *token = NULL;
    if (ctx_ref(ctx, step, step_arg(step, "bridge"), &ws, err) < 0 ||
        ctx_org_of(ctx, step, ws, &org, err) < 0)
        return -1;
    const struct ynode *as = step_arg(step, "as");
    const char *own = json_str(ws, "token", NULL);
    if (!as && own)
        token = xstrdup(own);
    else if (step_token(ctx, step, as, org, &token, err) < 0)
        return -1;
    s->url = xasprintf("%s/workspaces/%s/mcp", json_str(org, "url", ""),
                       json_str(ws, "id", ""));
    if (token)
        strv_addf(&s->headers, "Authorization: Bearer %s", token);
    strv_addf(&s->headers, "X-Molecule-Org-Id: %s", json_str(org, "id", ""));
    return 0;
}

static int find_command(struct ctx *ctx, const struct step *step, struct session *s,
                        struct err *err)
{
    const struct ynode *argv = step_arg(step, "stdio"), *env = step_arg(step, "env");
    CLEANUP(json_drop) json_t *given = NULL;
    const char *name = NULL, *path = getenv("PATH"); /* NOLINT(concurrency-mt-unsafe) */
    json_t *value = NULL;
    for (size_t i = 0; i < (argv->kind == YNODE_SEQ ? argv->n : 1); i++) {
        char *text = NULL;
        if (ctx_text(ctx, step, argv->kind == YNODE_SEQ ? argv->items[i] : argv, &text,
                     err) < 0)
            return -1;
        strv_take(&s->argv, text);
    }
    strv_env_set(&s->env, "PATH", path ? path : "/usr/local/bin:/usr/bin:/bin");
    if (env && vars_json(ctx->vars, env, step->file, &given, err) < 0)
        return -1;
    json_object_foreach(given, name, value)
    {
        CLEANUP(free_ptr)
        char *text = json_is_string(value) ? xstrdup(json_string_value(value))
                                           : json_text(value, JSON_STRUCT);
        strv_env_set(&s->env, name, text);
    }
    return 0;
}

static int find_server(struct ctx *ctx, const struct step *step, struct session *s,
                       struct attempt *at, struct err *err)
{
    if (step_arg(step, "on"))
        return find_box(ctx, step, s, at, err);
    if (step_arg(step, "bridge"))
        return find_bridge(ctx, step, s, err);
    if (step_arg(step, "stdio"))
        return find_command(ctx, step, s, err);
    if (step_arg(step, "http"))
        return ctx_text(ctx, step, step_arg(step, "http"), &s->url, err);
    return ctx_wrong(step, step->arg, err,
                     "mcp: say on (a workspace), bridge, stdio or http");
}

/* A step that names none means the handshake, not a search for the era; NULL = search. */
static const char *asked_revision(const struct step *step, const struct session *s)
{
    if (!s->revision)
        return step->mcp_op == MCP_OP_DISCOVER ? MCP_MODERN_LATEST : MCP_LATEST;
    return strcmp(s->revision, "auto") == 0 ? NULL : s->revision;
}

static int open_session(struct ctx *ctx, const struct step *step, struct session *s,
                        struct err *failed)
{
    struct mcp_options opt = {.revision = asked_revision(step, s),
                              .timeout_ms =
                                  ctx_limited(ctx, step_timeout(ctx, step, 60000)),
                              .on_frame = keep_frame,
                              .on_frame_arg = &s->frames,
                              .headers = &s->headers,
                              .ca_file = ctx->target->ca_file};
    if (s->url)
        return mcp_open_http(ctx->http, s->url, &opt, &s->client, failed);
    return mcp_open_stdio(strv_argv(&s->argv), &s->env, NULL, &opt, &s->client, failed);
}

/* ---- asking ---- */

static int record(struct ctx *ctx, struct session *s, const char *what,
                  const struct mcp_answer *a, const struct err *failed)
{
    CLEANUP(free_ptr)
    char *where = s->url ? http_url_shown(s->url) : strv_join(&s->argv, " ");
    CLEANUP(free_ptr)
    char *more = s->frames.left_out
                     ? xasprintf(" (%zu more frames are not kept)", s->frames.left_out)
                     : xstrdup("");
    CLEANUP(free_ptr)
    char *request = xasprintf("%s at %s%s", what, where, more);
    struct exchange x = {.protocol = "mcp",
                         .request = request,
                         .request_body = s->frames.sent.data,
                         .request_len = s->frames.sent.len,
                         .status = a ? a->http_status : 0,
                         .response_body = s->frames.received.data,
                         .response_len = s->frames.received.len,
                         .error = failed ? failed->text : NULL,
                         .duration_ms = a ? a->elapsed_ms : 0};
    /* Before it is written: a tool may answer with a token that was not seen before. */
    if (a)
        redact_learn(&ctx->secrets, NULL, a->result);
    int number = emit_exchange(ctx, &x);
    frames_emit(ctx, number, &s->frames);
    return number;
}

static void see_call(const struct mcp_answer *a, struct attempt *at)
{
    CLEANUP(free_ptr) char *text = json_texts(json_object_get(a->result, "content"));
    json_t *parsed = NULL;
    if (json_parse(text, strlen(text), &parsed, NULL) < 0)
        parsed = json_null();
    json_t *answer = json_copy(a->result);
    json_object_set_new(answer, "text", json_string(text));
    json_object_set_new(answer, "json", parsed);
    at->obs.is_error = a->outcome == MCP_TOOL_ERROR;
    attempt_body(at, text, strlen(text));
    attempt_answer(at, answer);
}

/* What was answered to a message to the letter: a batch has an answer of its own kind. */
static void see_body(const char *text, struct attempt *at)
{
    json_t *parsed = NULL;
    attempt_body(at, text, strlen(text));
    if (json_parse(text, strlen(text), &parsed, NULL) == 0)
        attempt_answer(at, parsed);
}

static void see_answer(const struct step *step, const struct session *s,
                       const struct mcp_answer *a, struct attempt *at)
{
    int exchange = at->exchange;
    attempt_release(at);
    at->exchange = exchange;
    at->obs.gateway = s->gateway;
    at->obs.elapsed_ms = a->elapsed_ms;
    at->obs.has_status = a->http_status > 0;
    at->obs.status = a->http_status;
    switch (a->outcome) {
    case MCP_OK:
    case MCP_TOOL_ERROR:
    case MCP_INPUT_REQUIRED:
        if (step->mcp_op == MCP_OP_CALL && json_is_object(a->result))
            see_call(a, at);
        else if (a->http_body)
            see_body(a->http_body, at);
        else
            attempt_answer(at, a->result ? json_incref(a->result) : NULL);
        break;
    case MCP_RPC_ERROR:
        at->obs.has_rpc_error = true;
        at->obs.rpc_code = a->rpc_code;
        at->rpc_message = xstrdup(a->rpc_message ? a->rpc_message : "");
        at->obs.rpc_message = at->rpc_message;
        attempt_body(at, at->rpc_message, strlen(at->rpc_message));
        break;
    case MCP_HTTP_ERROR:
        attempt_body(at, a->http_body ? a->http_body : "",
                     a->http_body ? strlen(a->http_body) : 0);
        break;
    }
}

static int ask_raw(struct ctx *ctx, const struct step *step, struct session *s,
                   json_t *params, char **what, struct mcp_answer *a, struct err *wrong,
                   struct err *failed)
{
    CLEANUP(free_ptr) char *method = NULL;
    CLEANUP(free_ptr) char *told = NULL;
    CLEANUP(free_ptr) char *text = NULL;
    if (ctx_text(ctx, step, ynode_get(step->mcp_arg, "method"), &method, wrong) < 0 ||
        ctx_text(ctx, step, ynode_get(step->mcp_arg, "notify"), &told, wrong) < 0 ||
        ctx_text(ctx, step, ynode_get(step->mcp_arg, "text"), &text, wrong) < 0)
        return -1;
    *what = xstrdup(method ? method : told ? told : "a message to the letter");
    if (text)
        return mcp_send_text(s->client, text, a, failed);
    if (told)
        return mcp_notify(s->client, told, params, a, failed);
    return mcp_request(s->client, method, params, a, failed);
}

/* The operation's own request; arguments interpolated. Negative with *wrong set: the
 * scenario is wrong; negative with *failed set: no answer. */
static int ask(struct ctx *ctx, const struct step *step, struct session *s, char **what,
               struct mcp_answer *a, struct err *wrong, struct err *failed)
{
    CLEANUP(free_ptr) char *name = NULL;
    CLEANUP(json_drop) json_t *value = NULL;
    const struct ynode *arg = step->mcp_arg;
    bool call = step->mcp_op == MCP_OP_CALL;
    const struct ynode *args = ynode_get(arg, call ? "arguments" : "params");
    if (call && ctx_text(ctx, step, ynode_get(arg, "name"), &name, wrong) < 0)
        return -1;
    if (args && vars_json(ctx->vars, args, step->file, &value, wrong) < 0)
        return -1;
    switch (step->mcp_op) {
    case MCP_OP_LIST:
        *what = xstrdup("tools/list");
        return mcp_list_tools(s->client, a, failed);
    case MCP_OP_CALL:
        *what = xasprintf("tools/call %s", name ? name : "");
        return mcp_call_tool(s->client, name ? name : "", value, a, failed);
    case MCP_OP_PING:
        *what = xstrdup("ping");
        return mcp_request(s->client, "ping", NULL, a, failed);
    case MCP_OP_DISCOVER:
        *what = xstrdup("server/discover");
        return mcp_request(s->client, "server/discover", NULL, a, failed);
    case MCP_OP_RAW:
        return ask_raw(ctx, step, s, value, what, a, wrong, failed);
    case MCP_OP_NONE:
    case MCP_OP_INITIALIZE:
        break;
    }
    return ctx_wrong(step, NULL, wrong, "mcp: the step does not say what to ask");
}

/* The scenario says itself what is sent, or chose what the revision does not have. */
static bool is_meant(const struct step *step, const struct session *s)
{
    const struct mcp_revision *revision = mcp_revision_in_force(s->client);
    return step->mcp_op == MCP_OP_RAW ||
           (step->mcp_op == MCP_OP_PING && !mcp_method_exists(revision, "ping")) ||
           (step->mcp_op == MCP_OP_DISCOVER &&
            !mcp_method_exists(revision, "server/discover"));
}

/* What the server's frames broke may be asserted; what ours broke is our bug. */
static void see_findings(struct session *s, struct attempt *at)
{
    if (!s->client)
        return;
    const struct strv *own = mcp_own_findings(s->client);
    int exchange = at->exchange;
    if (own->n) {
        attempt_broken(at, "waybill sent a frame that breaks the protocol: %s",
                       own->v[0]);
        at->exchange = exchange;
        return;
    }
    strv_copy(&at->findings, mcp_findings(s->client));
    at->obs.findings = &at->findings;
}

/* What the server did instead of an answer, when that was seen: it ended, hung up on a
 * connection that it had taken, the box names a command that is not there, it answered
 * with what no revision calls an answer, or it broke the protocol until the time was
 * over. The caller's; NULL = nothing says that the server did anything at all. */
static char *seen_instead(const struct session *s, const struct err *failed, bool absent)
{
    const struct strv *findings = s->client ? mcp_findings(s->client) : NULL;
    if (failed->kind == ERR_TIMEOUT && findings && findings->n) {
        CLEANUP(free_ptr) char *all = strv_join(findings, "; ");
        return xasprintf("%s; until then: %.2000s", failed->text, all);
    }
    bool gone = failed->kind == ERR_NET && !http_err_unsent(failed);
    return gone || absent || failed->kind == ERR_SHAPE ? xstrdup(failed->text) : NULL;
}

/* No answer. What was seen is held against what is expected of the server; anything else
 * says nothing about it. */
static void see_failure(struct ctx *ctx, const struct step *step, struct session *s,
                        const char *what, const struct err *failed, struct attempt *at)
{
    bool absent =
        step_arg(step, "on") && failed->kind == ERR_SYS && failed->sys == ENOENT;
    int number = record(ctx, s, what ? what : "mcp", NULL, failed);
    CLEANUP(free_ptr) char *unfit = seen_instead(s, failed, absent);
    if (unfit && step->n_expects) {
        attempt_release(at);
        at->unfit = TAKE(unfit);
        at->obs.unfit = at->unfit;
        at->obs.ended = !s->url && (failed->kind == ERR_NET || absent);
    } else {
        attempt_broken(at, "%s: %s", what ? what : "mcp", failed->text);
    }
    at->exchange = number;
}

static int converse(struct ctx *ctx, const struct step *step, struct session *s,
                    struct attempt *at, struct err *err)
{
    struct err failed = ERR_INIT;
    struct mcp_answer a = MCP_ANSWER_INIT;
    CLEANUP(free_ptr) char *what = xstrdup("initialize");
    int rc = open_session(ctx, step, s, &failed);
    if (rc == 0)
        rc = mcp_initialize(s->client, &a, &failed);
    bool greeting = step->mcp_op == MCP_OP_INITIALIZE ||
                    (step->mcp_op == MCP_OP_DISCOVER && rc == 0 &&
                     mcp_revision_is_modern(mcp_revision_in_force(s->client)));
    if (rc == 0 && (a.outcome != MCP_OK || greeting)) {
        at->exchange = record(ctx, s, what, &a, NULL);
        see_answer(step, s, &a, at);
    } else if (rc == 0) {
        mcp_answer_release(&a);
        a = (struct mcp_answer)MCP_ANSWER_INIT;
        buf_reset(&s->frames.sent);
        buf_reset(&s->frames.received);
        free(TAKE(what));
        if (is_meant(step, s))
            mcp_mean(s->client);
        rc = ask(ctx, step, s, &what, &a, err, &failed);
        if (rc < 0 && failed.kind == ERR_NONE) {
            mcp_answer_release(&a);
            return -1;
        }
        if (rc == 0) {
            at->exchange = record(ctx, s, what, &a, NULL);
            see_answer(step, s, &a, at);
        }
    }
    if (rc < 0)
        see_failure(ctx, step, s, what, &failed, at);
    mcp_answer_release(&a);
    see_findings(s, at);
    return 0;
}

int act_mcp(struct ctx *ctx, const struct step *step, struct attempt *at, struct err *err)
{
    struct session s = {
        .frames = FRAMES_INIT, .headers = STRV_INIT, .argv = STRV_INIT, .env = STRV_INIT};
    CLEANUP(free_ptr) char *tool = NULL;
    int rc = find_server(ctx, step, &s, at, err);
    if (rc == 0)
        rc = ctx_text(ctx, step, step_arg(step, "revision"), &s.revision, err);
    if (rc == 0 && step->mcp_op == MCP_OP_CALL)
        rc = ctx_text(ctx, step, ynode_get(step->mcp_arg, "name"), &tool, err);
    bool found = s.url || s.argv.n > 0;
    if (rc == 0 && !at->obs.broken && found)
        rc = converse(ctx, step, &s, at, err);
    if (rc == 0 && tool) {
        free(at->tool);
        at->tool = TAKE(tool);
        at->obs.tool = at->tool;
    }
    session_release(&s);
    return rc;
}
