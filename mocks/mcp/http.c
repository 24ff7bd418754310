#include "mocks/mcp/http.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/limits.h"
#include "base/num.h"
#include "io/json.h"
#include "mcp/meta.h"
#include "mocks/mcp/frames.h"
#include "mocks/mcp/http_part.h"

/* ---- who may come ---- */

/* What may follow a host: nothing, or a port. */
static bool is_port(const char *text)
{
    int64_t port = 0;

    return !*text || (*text == ':' && strspn(text + 1, "0123456789") <= 5 &&
                      num_parse(text + 1, 0, UINT16_MAX, &port));
}

bool mcp_host_is_local(const char *host)
{
    static const char *const LOCAL[] = {"localhost", "127.0.0.1", "[::1]"};

    for (size_t i = 0; i < ARRAY_SIZE(LOCAL); i++) {
        size_t len = strlen(LOCAL[i]);
        if (strncasecmp(host, LOCAL[i], len) == 0 && is_port(host + len))
            return true;
    }
    return false;
}

bool mcp_origin_is_local(const char *origin)
{
    size_t scheme = strncasecmp(origin, "http://", 7) == 0    ? 7
                    : strncasecmp(origin, "https://", 8) == 0 ? 8
                                                              : 0;
    return scheme && mcp_host_is_local(origin + scheme);
}

void http_refuse(struct mcp_http *h, struct httpd_req *req, int status, json_t *id,
                 int code, const char *why)
{
    json_t *frame = rpc_error(id, code, why);

    mcp_server_saw(h->opt.server, MCP_FROM_SERVER, MCP_WIRE_HTTP, NULL, NULL, frame);
    httpd_reply_json(req, status, frame);
}

void http_refuse_frame(struct mcp_http *h, struct httpd_req *req, int status,
                       const json_t *frame, const char *why)
{
    if (frame)
        mcp_server_saw(h->opt.server, MCP_FROM_CLIENT, MCP_WIRE_HTTP, NULL, NULL, frame);
    http_refuse(h, req, status, NULL, RPC_INVALID_REQUEST, why);
}

/* A message that is not even looked at, and why. */
static void refuse_unread(struct mcp_http *h, struct httpd_req *req, int status,
                          const char *why)
{
    const struct mcp_server_options *opt = &h->opt.server->opt;

    if (opt->frames && strcmp(req->method, "POST") == 0)
        mcp_frames_add_junk(opt->frames, opt->name, MCP_WIRE_HTTP, why);
    http_refuse(h, req, status, NULL, RPC_INVALID_REQUEST, why);
}

static bool is_welcome(struct mcp_http *h, struct httpd_req *req)
{
    const char *why = mcp_why_unwelcome(req);

    if (why)
        refuse_unread(h, req, 403, why);
    return !why;
}

/* RFC 6750 and RFC 9728. */
static bool is_authorized(struct mcp_http *h, struct httpd_req *req)
{
    static const char scheme[] = "Bearer ";
    const char *given = httpd_header(req, "Authorization");
    size_t len = sizeof(scheme) - 1;

    if (!h->opt.bearer)
        return true;
    bool bearer = given && strncasecmp(given, scheme, len) == 0;
    if (bearer && strcmp(given + len, h->opt.bearer) == 0)
        return true;
    char *challenge CLEANUP(free_ptr) = xasprintf(
        "Bearer%s%s%s%s", bearer ? " error=\"invalid_token\"" : "",
        h->opt.metadata_url ? bearer ? ", resource_metadata=\"" : " resource_metadata=\""
                            : "",
        h->opt.metadata_url ? h->opt.metadata_url : "", h->opt.metadata_url ? "\"" : "");
    httpd_add_header(req, "WWW-Authenticate", challenge);
    refuse_unread(h, req, 401,
                  bearer ? "the bearer token is not valid"
                         : "a bearer token is required");
    return false;
}

/* ---- POST ---- */

static void take_request(struct mcp_http *h, struct http_session *session,
                         struct httpd_req *req, bool modern, struct rpc_frame *f)
{
    struct http_turn *t = http_turn_new(h, session, req, modern);
    const struct mcp_origin origin = {
        .port = &http_port, .arg = t, .peer = session ? &session->peer : NULL};

    mcp_server_take(h->opt.server, &origin, modern, f);
}

/* Nothing to answer. */
static void take_other(struct mcp_http *h, struct http_session *session,
                       struct httpd_req *req, bool modern, struct rpc_frame *f)
{
    const struct mcp_origin origin = {
        .port = &http_port, .arg = NULL, .peer = session ? &session->peer : NULL};

    mcp_server_take(h->opt.server, &origin, modern, f);
    httpd_reply(req, 202, NULL, "", 0);
}

static void saw_refused(struct mcp_http *h, bool modern, const json_t *root)
{
    mcp_server_saw(h->opt.server, MCP_FROM_CLIENT, MCP_WIRE_HTTP,
                   modern ? mcp_revision_latest(MCP_MODERN) : NULL, NULL, root);
}

/* What a notification is refused with has no id, and goes with no exchange. */
static void refuse_notification(struct mcp_http *h, struct httpd_req *req,
                                const struct rpc_frame *f, struct mcp_refusal *why)
{
    json_t *frame = mcp_refusal_frame(why, NULL);

    saw_refused(h, true, f->root);
    mcp_server_saw(h->opt.server, MCP_FROM_SERVER, MCP_WIRE_HTTP,
                   mcp_revision_latest(MCP_MODERN), f->method, frame);
    httpd_reply_json(req, why->status, frame);
}

static void post_modern(struct mcp_http *h, struct httpd_req *req, struct rpc_frame *f)
{
    struct mcp_refusal why = {.status = 0};

    if (f->kind == RPC_REQUEST) {
        take_request(h, NULL, req, true, f);
    } else if (f->kind == RPC_RESPONSE) {
        saw_refused(h, true, f->root);
        http_refuse(h, req, 400, NULL, RPC_INVALID_REQUEST,
                    "a response: this server asks nothing of its clients");
    } else if (http_check_modern(req, f, &why)) {
        take_other(h, NULL, req, true, f);
    } else {
        refuse_notification(h, req, f, &why);
    }
}

/* The header of the legacy revisions: one that is given has to be known. frame: as of
 * http_refuse_frame. */
static bool is_version_fine(struct mcp_http *h, struct httpd_req *req,
                            const json_t *frame)
{
    const char *version = httpd_header(req, "MCP-Protocol-Version");
    const struct mcp_revision *r = mcp_revision_find(version);

    if (http_has_twice(req, "MCP-Protocol-Version"))
        http_refuse_frame(h, req, 400, frame, "more than one MCP-Protocol-Version");
    else if (version && (!r || r->era != MCP_LEGACY))
        http_refuse_frame(h, req, 400, frame, "this MCP-Protocol-Version is not spoken");
    else
        return true;
    return false;
}

/* A session is given to who shakes hands; one whose handshake fails is taken back. */
static void post_initialize(struct mcp_http *h, struct httpd_req *req,
                            struct rpc_frame *f)
{
    struct http_session *session = NULL;

    if (json_str(f->params, "protocolVersion", NULL)) {
        session = http_session_new(h);
        if (!session) {
            saw_refused(h, false, f->root);
            http_refuse(h, req, 503, f->id, RPC_INTERNAL_ERROR,
                        "too many sessions, and all are in use");
            return;
        }
    }
    take_request(h, session, req, false, f);
}

static void post_legacy(struct mcp_http *h, struct httpd_req *req, struct rpc_frame *f)
{
    if (!is_version_fine(h, req, f->root))
        return;
    if (f->kind == RPC_REQUEST && strcmp(f->method, "initialize") == 0) {
        post_initialize(h, req, f);
        return;
    }
    struct http_session *session = http_session_of(h, req, f->root);
    if (session && f->kind == RPC_REQUEST)
        take_request(h, session, req, false, f);
    else if (session)
        take_other(h, session, req, false, f);
}

/* ---- batches ---- */

static void post_batch(struct mcp_http *h, struct httpd_req *req, json_t *messages)
{
    struct http_session *session = NULL;
    bool empty = json_array_size(messages) == 0;

    if (!is_version_fine(h, req, messages))
        return;
    if (httpd_header(req, "Mcp-Session-Id")) {
        session = http_session_of(h, req, messages);
        if (!session)
            return;
    }
    if (empty || !session || !mcp_revision_has(session->peer.revision, MCP_F_BATCH)) {
        http_refuse_frame(h, req, 400, messages,
                          empty ? "an empty batch"
                                : "a batch: only revision 2025-03-26 has them");
        return;
    }
    http_turn_batch(h, session, req, messages);
}

/* ---- what it is ---- */

static bool names_modern(const struct httpd_req *req)
{
    return mcp_revision_is_modern(
        mcp_revision_find(httpd_header(req, "MCP-Protocol-Version")));
}

/* Whatever its parameters are. */
static bool is_json(const char *type)
{
    static const char json[] = "application/json";
    size_t len = strcspn(type, "; \t");

    return len == sizeof(json) - 1 && strncasecmp(type, json, len) == 0;
}

/* False = answered. */
static bool has_fitting_types(struct mcp_http *h, struct httpd_req *req)
{
    const char *type = httpd_header(req, "Content-Type");

    if (type && !is_json(type))
        refuse_unread(h, req, 415, "the Content-Type has to be application/json");
    else if (httpd_header(req, "Accept") &&
             !http_accepts(req, "application/*", "application/json") &&
             !http_accepts(req, "text/*", "text/event-stream"))
        refuse_unread(h, req, 406, "answers are application/json or text/event-stream");
    else
        return true;
    return false;
}

static void post(struct mcp_http *h, struct httpd_req *req)
{
    struct rpc_frame f CLEANUP(rpc_frame_release) = RPC_FRAME_INIT;
    json_t *root CLEANUP(json_drop) = NULL;
    enum rpc_code code = RPC_PARSE_ERROR;
    struct err err = ERR_INIT;

    if (!has_fitting_types(h, req))
        return;
    if (json_parse_deep(req->body, req->body_len, LIMIT_MESSAGE_DEPTH, &root, &err)) {
        if (h->opt.server->opt.frames)
            mcp_frames_add_junk(h->opt.server->opt.frames, h->opt.server->opt.name,
                                MCP_WIRE_HTTP, "not JSON");
        http_refuse(h, req, 400, NULL, RPC_PARSE_ERROR, err.text);
        return;
    }
    if (json_is_array(root) && !names_modern(req)) {
        post_batch(h, req, root);
        return;
    }
    if (rpc_parse_take(json_incref(root), &f, &code, &err)) {
        saw_refused(h, names_modern(req), root);
        http_refuse(h, req, 400, f.id, (int)code, err.text);
        return;
    }
    if (!mcp_server_is_legacy(h->opt.server) && (names_modern(req) || mcp_is_modern(&f)))
        post_modern(h, req, &f);
    else
        post_legacy(h, req, &f);
}

/* ---- the endpoint ---- */

static void not_allowed(const struct mcp_http *h, struct httpd_req *req, bool modern)
{
    httpd_add_header(req, "Allow",
                     modern          ? "POST"
                     : h->opt.resume ? "GET, POST, DELETE"
                                     : "POST, DELETE");
    httpd_reply_text(req, 405, "method not allowed\n");
}

static void end_session(struct mcp_http *h, struct httpd_req *req)
{
    struct http_session *session = NULL;

    if (is_version_fine(h, req, NULL))
        session = http_session_of(h, req, NULL);
    if (!session)
        return;
    http_session_end(h, session);
    httpd_reply(req, 204, NULL, "", 0);
}

static void listen_to(struct mcp_http *h, struct httpd_req *req)
{
    struct http_session *session = NULL;

    if (!http_accepts(req, "text/*", "text/event-stream"))
        http_refuse(h, req, 406, NULL, RPC_INVALID_REQUEST,
                    "a stream is text/event-stream");
    else if (is_version_fine(h, req, NULL) && (session = http_session_of(h, req, NULL)))
        http_turn_listen(h, session, req);
}

void mcp_http_handle(struct mcp_http *h, struct httpd_req *req)
{
    bool modern = names_modern(req) && !mcp_server_is_legacy(h->opt.server);

    if (!is_welcome(h, req) || !is_authorized(h, req))
        return;
    if (strcmp(req->method, "POST") == 0)
        post(h, req);
    else if (modern)
        not_allowed(h, req, true);
    else if (strcmp(req->method, "DELETE") == 0)
        end_session(h, req);
    else if (strcmp(req->method, "GET") == 0 && h->opt.resume)
        listen_to(h, req);
    else
        not_allowed(h, req, false);
}

struct mcp_http *mcp_http_new(const struct mcp_http_options *opt)
{
    struct mcp_http *h = xcalloc(1, sizeof(*h));

    h->opt = *opt;
    return h;
}

void mcp_http_free(struct mcp_http *h)
{
    if (!h)
        return;
    while (h->sessions)
        http_session_end(h, h->sessions);
    while (h->turns)
        http_turn_free(h->turns);
    free(h);
}
