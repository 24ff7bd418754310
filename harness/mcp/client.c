#include "mcp/client_internal.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/limits.h"
#include "io/json.h"

#define DEFAULT_TIMEOUT_MS 60000
#define DEFAULT_PROBE_MS 3000
#define CANCEL_TIMEOUT_MS 1000

static struct mcp_client *client_new(struct mcp_transport *t,
                                     const struct mcp_options *opt)
{
    struct mcp_client *c = xcalloc(1, sizeof(*c));
    const struct mcp_options none = {0};
    opt = opt ? opt : &none;
    c->transport = t;
    c->asked = opt->revision ? xstrdup(opt->revision) : NULL;
    c->timeout_ms = opt->timeout_ms ? opt->timeout_ms : DEFAULT_TIMEOUT_MS;
    c->probe_timeout_ms =
        opt->probe_timeout_ms ? opt->probe_timeout_ms : DEFAULT_PROBE_MS;
    const struct mcp_revision *wanted = mcp_revision_find(c->asked);
    if (mcp_revision_is_modern(wanted)) /* needs no handshake */
        client_follow(c, wanted);
    return c;
}

int mcp_open_http(struct http *http, const char *url, const struct mcp_options *opt,
                  struct mcp_client **ret, struct err *err)
{
    struct mcp_transport *t = NULL;
    if (mcp_http_new(http, url, opt, &t, err))
        return -1;
    *ret = client_new(t, opt);
    return 0;
}

int mcp_open_stdio(char *const *argv, const struct strv *env, const char *cwd,
                   const struct mcp_options *opt, struct mcp_client **ret,
                   struct err *err)
{
    struct mcp_transport *t = NULL;
    if (mcp_stdio_new(argv, env, cwd, opt, &t, err))
        return -1;
    *ret = client_new(t, opt);
    return 0;
}

void mcp_finish(struct mcp_client *c)
{
    c->transport->finish(c->transport);
}

void mcp_close(struct mcp_client *c)
{
    if (!c)
        return;
    mcp_finish(c);
    c->transport->free(c->transport);
    free(c->asked);
    free(c->instructions);
    json_decref(c->server_info);
    json_decref(c->capabilities);
    json_decref(c->schemas);
    json_decref(c->outputs);
    free(c);
}

void mcp_drop(struct mcp_client **c)
{
    mcp_close(TAKE(*c));
}

/* ---- what is known ---- */

const char *mcp_revision(const struct mcp_client *c)
{
    return c->revision ? c->revision->name : NULL;
}

const struct mcp_revision *mcp_revision_in_force(const struct mcp_client *c)
{
    return c->revision;
}

const char *mcp_server_name(const struct mcp_client *c)
{
    return c->server_info ? json_str(c->server_info, "name", "") : NULL;
}

const json_t *mcp_server_info(const struct mcp_client *c)
{
    return c->server_info;
}

const json_t *mcp_capabilities(const struct mcp_client *c)
{
    return c->capabilities;
}

const char *mcp_instructions(const struct mcp_client *c)
{
    return c->instructions;
}

const char *mcp_session(const struct mcp_client *c)
{
    return c->transport->session;
}

int mcp_junk_lines(const struct mcp_client *c)
{
    return c->transport->junk_lines;
}

int mcp_restarts(const struct mcp_client *c)
{
    return c->transport->restarts;
}

const struct strv *mcp_findings(const struct mcp_client *c)
{
    return &c->transport->findings;
}

const struct strv *mcp_own_findings(const struct mcp_client *c)
{
    return &c->transport->own_findings;
}

void mcp_mean(struct mcp_client *c)
{
    c->transport->meant = true;
}

void client_follow(struct mcp_client *c, const struct mcp_revision *revision)
{
    c->revision = revision;
    c->transport->revision = revision;
}

void client_learn(struct mcp_client *c, const json_t *result, const json_t *info)
{
    const char *instructions = json_str(result, "instructions", NULL);
    json_decref(c->server_info);
    json_decref(c->capabilities);
    free(c->instructions);
    c->server_info = json_deep_copy(info);
    c->capabilities = json_deep_copy(json_object_get(result, "capabilities"));
    c->instructions = instructions ? xstrdup(instructions) : NULL;
}

/* ---- one request ---- */

/* Tells the server that nobody waits any more; initialize must not be cancelled, and
 * where the revision says so the closed stream has said it already. */
static void cancel(struct mcp_client *c, json_t *id, const char *method)
{
    bool closed = c->transport->wire == MCP_WIRE_HTTP &&
                  mcp_revision_has(c->revision, MCP_F_CANCEL_BY_CLOSE);
    if (closed || c->probing || strcmp(method, "initialize") == 0)
        return;
    CLEANUP(json_drop)
    json_t *params = json_make("{s:O,s:s}", "requestId", id, "reason",
                               mcp_stopped(c->transport) ? "cancelled" : "timed out");
    CLEANUP(free_ptr)
    char *text = rpc_text(rpc_notification("notifications/cancelled", params));
    struct err ignored = ERR_INIT;
    int64_t deadline = clock_mono_ms() + CANCEL_TIMEOUT_MS;
    const volatile sig_atomic_t *stop = c->transport->opt.stop;
    c->transport->opt.stop = NULL; /* it must not keep this from being sent */
    int rc = c->transport->send(c->transport, text, deadline, NULL, &ignored);
    c->transport->opt.stop = stop;
    if (rc)
        return; /* best effort: the caller already has the timeout */
}

bool client_may_add_meta(const json_t *params)
{
    const json_t *meta = json_object_get(params, "_meta");
    return (!params || json_is_object(params)) && (!meta || json_is_object(meta));
}

/* The params with a token for progress, which is the request's id. */
static json_t *with_token(const struct mcp_client *c, const char *method, json_t *params,
                          json_t *id)
{
    if (!c->transport->opt.progress || strcmp(method, "tools/call") != 0 ||
        !client_may_add_meta(params))
        return json_incref(params);
    json_t *copy = params ? xcheck(json_copy(params)) : xcheck(json_object());
    json_t *meta = json_object_get(copy, "_meta");
    meta = meta ? xcheck(json_copy(meta)) : xcheck(json_object());
    json_put(meta, "progressToken", json_incref(id));
    json_put(copy, "_meta", meta);
    return copy;
}

int client_exchange(struct mcp_client *c, const char *method, json_t *params,
                    const struct strv *headers, int64_t timeout_ms,
                    struct mcp_answer *ret, struct err *err)
{
    struct mcp_transport *t = c->transport;
    mcp_answer_release(ret);
    int64_t start = clock_mono_ms();
    CLEANUP(json_drop) json_t *id = xcheck(json_integer(++c->last_id));
    CLEANUP(json_drop) json_t *full = with_token(c, method, params, id);
    CLEANUP(free_ptr) char *text = rpc_text(rpc_request(id, method, full));
    CLEANUP(mcp_exchange_release) struct mcp_exchange x = MCP_EXCHANGE_INIT;
    struct err failed = ERR_INIT;
    t->handshake = strcmp(method, "initialize") == 0;
    t->method = method;
    t->extra = headers;
    asked_add(&t->asked, id, method, full);
    int rc = t->exchange(t, text, id, start + timeout_ms, &x, &failed);
    if (!rc)
        rc = answer_read(method, c->revision, &x, ret, &failed);
    ret->elapsed_ms = clock_mono_ms() - start;
    t->extra = NULL;
    asked_give_up(&t->asked);
    if (rc && failed.kind == ERR_TIMEOUT)
        cancel(c, id, method);
    t->method = NULL;
    return rc ? err_copy(err, &failed) : 0;
}

static int legacy_notify(struct mcp_client *c, const char *method, json_t *params,
                         struct mcp_exchange *ret, struct err *err)
{
    CLEANUP(free_ptr) char *text = rpc_text(rpc_notification(method, params));
    int64_t deadline = clock_mono_ms() + c->timeout_ms;
    return c->transport->send(c->transport, text, deadline, ret, err);
}

int mcp_notify(struct mcp_client *c, const char *method, json_t *params,
               struct mcp_answer *ret, struct err *err)
{
    CLEANUP(mcp_exchange_release) struct mcp_exchange x = MCP_EXCHANGE_INIT;
    int rc = mcp_revision_is_modern(c->revision)
                 ? modern_notify(c, method, params, &x, err)
                 : legacy_notify(c, method, params, &x, err);
    mcp_answer_release(ret);
    ret->http_status = x.http_status;
    if (rc || x.http_status / 100 == 2 || x.http_status == 0)
        return rc;
    return answer_read(method, NULL, &x, ret, err);
}

/* ---- the legacy handshake ---- */

static int accept_revision(struct mcp_client *c, const json_t *result, struct err *err)
{
    const char *version = json_str(result, "protocolVersion", "");
    const json_t *info = json_object_get(result, "serverInfo");
    const struct mcp_revision *known = mcp_revision_find(version);
    if (!known || known->era != MCP_LEGACY)
        return err_set(err, ERR_SHAPE,
                       "server '%.100s' answers initialize with protocol revision "
                       "'%.40s'; known are %s",
                       json_str(info, "name", ""), version, mcp_legacy_names());
    client_follow(c, known);
    client_learn(c, result, info);
    return 0;
}

int legacy_initialize(struct mcp_client *c, const char *asked, struct mcp_answer *ret,
                      struct err *err)
{
    client_follow(c, NULL);
    free(TAKE(c->transport->session));
    CLEANUP(json_drop)
    json_t *params =
        json_make("{s:s,s:{},s:{s:s,s:s}}", "protocolVersion", asked, "capabilities",
                  "clientInfo", "name", "waybill", "version", WAYBILL_VERSION);
    if (client_exchange(c, "initialize", params, NULL, c->timeout_ms, ret, err))
        return -1;
    if (ret->outcome != MCP_OK)
        return 0;
    if (accept_revision(c, ret->result, err))
        return -1;
    struct mcp_answer told = MCP_ANSWER_INIT;
    int rc = mcp_notify(c, "notifications/initialized", NULL, &told, err);
    if (rc == 0 && told.outcome != MCP_OK) { /* the handshake is refused as a whole */
        mcp_answer_release(ret);
        *ret = told;
        return 0;
    }
    mcp_answer_release(&told);
    return rc;
}

/* The server has forgotten the session: a new one, once. True when the request is to be
 * sent again. */
static int reopen(struct mcp_client *c, bool *ret_again, struct err *err)
{
    CLEANUP(mcp_answer_release) struct mcp_answer a = MCP_ANSWER_INIT;
    CLEANUP(free_ptr) char *asked = xstrdup(c->revision ? c->revision->name : MCP_LATEST);
    *ret_again = false;
    if (legacy_initialize(c, asked, &a, err))
        return err_prefix(err, "the session was lost and cannot be opened anew");
    *ret_again = a.outcome == MCP_OK;
    return 0;
}

/* ---- the calls ---- */

/* *ret_again: the session was lost, there is a new one, and the answer is the refusal of
 * the old one. */
static int request_once(struct mcp_client *c, const char *method, json_t *params,
                        int64_t timeout_ms, struct mcp_answer *ret, bool *ret_again,
                        struct err *err)
{
    *ret_again = false;
    if (mcp_revision_is_modern(c->revision))
        return modern_request(c, method, params, timeout_ms, ret, err);
    if (client_exchange(c, method, params, NULL, timeout_ms, ret, err))
        return -1;
    bool lost = ret->http_status == 404 && c->transport->session;
    return lost && strcmp(method, "initialize") != 0 ? reopen(c, ret_again, err) : 0;
}

int mcp_request(struct mcp_client *c, const char *method, json_t *params,
                struct mcp_answer *ret, struct err *err)
{
    bool again = false;
    if (request_once(c, method, params, c->timeout_ms, ret, &again, err))
        return -1;
    return again ? client_exchange(c, method, params, NULL, c->timeout_ms, ret, err) : 0;
}

int mcp_ping(struct mcp_client *c, struct mcp_answer *ret, struct err *err)
{
    return mcp_request(c,
                       mcp_revision_is_modern(c->revision) ? "server/discover" : "ping",
                       NULL, ret, err);
}

static int call_tool(struct mcp_client *c, const char *name, json_t *arguments,
                     json_t *params, struct mcp_answer *ret, struct err *err)
{
    if (modern_check_tool(c, name, err))
        return -1;
    if (json_object_set_new(params, "name", json_string(name)) ||
        (arguments && json_object_set(params, "arguments", arguments)))
        return err_set(err, ERR_USAGE, "the name of tool '%.100s' is not UTF-8", name);
    if (mcp_request(c, "tools/call", params, ret, err))
        return -1;
    if (ret->outcome == MCP_OK)
        declared_check(c, name, ret->result);
    return 0;
}

int mcp_call_tool(struct mcp_client *c, const char *name, json_t *arguments,
                  struct mcp_answer *ret, struct err *err)
{
    CLEANUP(json_drop) json_t *params = xcheck(json_object());
    return call_tool(c, name, arguments, params, ret, err);
}

int mcp_call_again(struct mcp_client *c, const char *name, json_t *arguments,
                   const json_t *asked, json_t *responses, struct mcp_answer *ret,
                   struct err *err)
{
    CLEANUP(json_drop) json_t *params = xcheck(json_object());
    json_t *state = json_object_get(asked, "requestState");
    /* asked may be ret's own result, which goes when the new answer comes. */
    if ((responses && json_object_set(params, "inputResponses", responses)) ||
        (state && json_object_set(params, "requestState", state)))
        return err_set(err, ERR_BUG, "the inputs of tool '%s' cannot be set", name);
    return call_tool(c, name, arguments, params, ret, err);
}

/* ---- what a user wrote ---- */

/* The id that the answer will have; of a batch, its first one's. Borrowed, NULL = none.
 */
static const json_t *id_in(const json_t *message)
{
    const json_t *id = NULL;
    for (size_t i = 0; !id && i < json_array_size(message); i++)
        id = json_object_get(json_array_get(message, i), "id");
    return id ? id : json_object_get(message, "id");
}

/* Notes what is asked in a message; any, when it has no id. What answers a message that
 * may be wrong is not judged by its method. */
static void ask_all(struct mcp_transport *t, const json_t *message, const json_t *any)
{
    size_t n = json_is_array(message) ? json_array_size(message) : 1;
    if (any)
        asked_add(&t->asked, any, NULL, NULL);
    for (size_t i = 0; i < n; i++) {
        const json_t *one = json_is_array(message) ? json_array_get(message, i) : message;
        const json_t *id = json_object_get(one, "id");
        if (id)
            asked_add(&t->asked, id, NULL, json_object_get(one, "params"));
    }
}

static int send_text(struct mcp_client *c, const char *text, const json_t *message,
                     struct mcp_answer *ret, struct err *err)
{
    struct mcp_transport *t = c->transport;
    const char *method = json_str(message, "method", NULL);
    const json_t *id = id_in(message);
    CLEANUP(json_drop) json_t *any = xcheck(json_integer(0));
    CLEANUP(strv_release) struct strv headers = STRV_INIT;
    CLEANUP(mcp_exchange_release) struct mcp_exchange x = MCP_EXCHANGE_INIT;
    int64_t deadline = clock_mono_ms() + c->timeout_ms;
    if (method && !id && t->wire == MCP_WIRE_STDIO)
        return t->send(t, text, deadline, NULL, err);
    if (method && mcp_revision_is_modern(c->revision))
        modern_headers(c, method, json_object_get(message, "params"), &headers);
    t->extra = &headers;
    ask_all(t, message, id ? NULL : any);
    /* An error without an id is taken for the answer to whatever was asked. */
    int rc = t->exchange(t, text, id ? id : any, deadline, &x, err);
    t->extra = NULL;
    asked_give_up(&t->asked);
    if (!rc)
        rc = answer_read("", NULL, &x, ret, err);
    if (!rc && ret->outcome == MCP_HTTP_ERROR && x.http_status / 100 == 2)
        ret->outcome = MCP_OK;
    return rc;
}

int mcp_send_text(struct mcp_client *c, const char *text, struct mcp_answer *ret,
                  struct err *err)
{
    CLEANUP(json_drop) json_t *message = NULL;
    int64_t start = clock_mono_ms();
    mcp_answer_release(ret);
    (void)!json_parse(text, strlen(text), &message, NULL);
    c->transport->to_the_letter = true;
    int rc = send_text(c, text, message, ret, err);
    c->transport->to_the_letter = false;
    ret->elapsed_ms = clock_mono_ms() - start;
    return rc;
}

/* ---- lists ---- */

/* A list as it is read. */
struct listing {
    json_t *all;      /* the tools so far */
    json_t *params;   /* of the next page; NULL = the first */
    struct strv seen; /* cursors */
    char *scope;      /* 'cacheScope' of the first page, "" = none; NULL = no page yet */
    int64_t deadline_ms;
    size_t most; /* what t->received may come to */
    bool reopened;
};

static void listing_begin(struct listing *l)
{
    json_decref(l->all);
    json_decref(TAKE(l->params));
    strv_release(&l->seen);
    free(TAKE(l->scope));
    l->all = xcheck(json_array());
}

static void listing_release(struct listing *l)
{
    json_decref(l->all);
    json_decref(l->params);
    strv_release(&l->seen);
    free(l->scope);
}

/* One list is for one audience, whatever page of it. */
static void check_scope(struct mcp_client *c, struct listing *l, const json_t *page)
{
    const char *scope = json_str(page, "cacheScope", "");
    if (!l->scope)
        l->scope = xstrdup(scope);
    else if (mcp_revision_has(c->revision, MCP_F_RESULT_TYPE) &&
             strcmp(l->scope, scope) != 0)
        mcp_found(
            c->transport,
            "tools/list: 'cacheScope' is '%.40s' on one page and '%.40s' on another",
            l->scope, scope);
}

/* *ret_more: there is another page. */
static int take_page(struct mcp_client *c, struct listing *l,
                     const struct mcp_answer *page, bool *ret_more, struct err *err)
{
    check_scope(c, l, page->result);
    if (json_array_extend(l->all, json_object_get(page->result, "tools")))
        return err_set(err, ERR_BUG, "a page of tools cannot be kept");
    const char *cursor = json_str(page->result, "nextCursor", NULL);
    *ret_more = cursor;
    if (!cursor)
        return 0;
    if (strv_has(&l->seen, cursor))
        return err_set(err, ERR_SHAPE, "tools/list repeats the cursor '%.100s'", cursor);
    if (l->seen.n + 1 >= LIMIT_MCP_PAGES)
        return err_set(err, ERR_SHAPE, "tools/list has more than %d pages",
                       LIMIT_MCP_PAGES);
    strv_add(&l->seen, cursor);
    json_decref(l->params);
    l->params = json_make("{s:s}", "cursor", cursor);
    return 0;
}

static int read_page(struct mcp_client *c, struct listing *l, struct mcp_answer *ret,
                     bool *ret_more, struct err *err)
{
    int64_t left = l->deadline_ms - clock_mono_ms();
    bool again = false;
    *ret_more = false;
    if (left <= 0)
        return err_set(err, ERR_TIMEOUT, "tools/list did not come to its end in time");
    int rc = l->reopened
                 ? client_exchange(c, "tools/list", l->params, NULL, left, ret, err)
                 : request_once(c, "tools/list", l->params, left, ret, &again, err);
    if (rc)
        return -1;
    if (again) { /* a cursor is of the session that gave it */
        l->reopened = *ret_more = true;
        listing_begin(l);
        return 0;
    }
    if (ret->outcome != MCP_OK)
        return 0;
    if (c->transport->received > l->most)
        return err_set(err, ERR_SHAPE, "tools/list has more than %zu bytes",
                       LIMIT_RESPONSE_BODY);
    return take_page(c, l, ret, ret_more, err);
}

int mcp_list_tools(struct mcp_client *c, struct mcp_answer *ret, struct err *err)
{
    int64_t start = clock_mono_ms();
    CLEANUP(listing_release)
    struct listing l = {.deadline_ms = start + c->timeout_ms,
                        .most = c->transport->received + LIMIT_RESPONSE_BODY};
    listing_begin(&l);
    for (bool more = true; more;)
        if (read_page(c, &l, ret, &more, err))
            return -1;
    if (ret->outcome != MCP_OK)
        return 0;
    if (c->capabilities && !json_object_get(c->capabilities, "tools"))
        mcp_found(c->transport,
                  "tools/list: the server lists tools, but does not declare "
                  "the capability");
    declared_keep(c, l.all);
    modern_keep_tools(c, l.all);
    json_decref(ret->result);
    ret->result = json_make("{s:O}", "tools", l.all);
    ret->elapsed_ms = clock_mono_ms() - start;
    return 0;
}
