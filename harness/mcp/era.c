/* Which era a server is of: a modern request first, and initialize when the answer is not
 * one that only a modern server gives.
 * Source: Model Context Protocol 2026-07-28, backward compatibility of stdio and
 * Streamable HTTP. */
#include "mcp/client_internal.h"

#include <string.h>

#include "io/json.h"
#include "mcp/meta.h"

enum finding_out {
    IS_MODERN,    /* or the server has refused in a way that says so */
    IS_LEGACY,    /* initialize is next */
    IS_SILENT,    /* stdio: no answer in time, so initialize is next */
    IS_FORBIDDEN, /* nothing can be known without other credentials */
};

/* An answer to a modern request that is no result. */
static enum finding_out judge_refusal(const struct mcp_answer *a)
{
    if (a->http_status == 401 || a->http_status == 403 || a->http_status == 407 ||
        a->http_status == 429)
        return IS_FORBIDDEN;
    bool ours = a->outcome == MCP_RPC_ERROR && (a->rpc_code == MCP_HEADER_MISMATCH ||
                                                a->rpc_code == MCP_MISSING_CAPABILITY ||
                                                a->rpc_code == MCP_UNSUPPORTED_VERSION);
    return ours ? IS_MODERN : IS_LEGACY;
}

/* A DiscoverResult; another server may answer anything at all with a result. In force is
 * then the newest revision that both know; none is an error. */
static int judge_result(struct mcp_client *c, const json_t *result,
                        enum finding_out *ret_out, struct err *err)
{
    const json_t *versions = json_object_get(result, "supportedVersions");
    const struct mcp_revision *chosen = mcp_revision_choose(versions);
    *ret_out = mcp_revision_is_modern(chosen) ? IS_MODERN : IS_LEGACY;
    if (*ret_out == IS_MODERN)
        client_follow(c, chosen);
    if (chosen || !json_is_array(versions))
        return 0;
    client_follow(c, NULL);
    CLEANUP(free_ptr) char *named = json_dumps(versions, JSON_COMPACT);
    return err_set(err, ERR_SHAPE,
                   "server '%.60s' supports protocol revisions %.60s; known are %s",
                   mcp_server_name(c), named ? named : "?", mcp_revision_names());
}

/* Negative: there was no answer and nothing else can be tried. */
static int probe(struct mcp_client *c, int64_t timeout_ms, struct mcp_answer *ret,
                 enum finding_out *ret_out, struct err *err)
{
    struct mcp_transport *t = c->transport;
    struct err failed = ERR_INIT;
    client_follow(c, mcp_revision_latest(MCP_MODERN));
    c->probing = true; /* a legacy server must not hear of a cancelled request */
    int rc = modern_discover(c, timeout_ms, ret, &failed);
    c->probing = false;
    if (rc == 0 && ret->outcome == MCP_OK)
        return judge_result(c, ret->result, ret_out, err);
    if (rc == 0) {
        *ret_out = judge_refusal(ret);
        return 0;
    }
    bool stdio = t->wire == MCP_WIRE_STDIO;
    bool silent = stdio && failed.kind == ERR_TIMEOUT && !mcp_stopped(t);
    bool died = stdio && failed.kind == ERR_NET;
    if (silent || died || failed.kind == ERR_SHAPE) {
        *ret_out = silent ? IS_SILENT : IS_LEGACY;
        return t->ended ? t->restart(t, err) : 0;
    }
    return err_copy(err, &failed);
}

/* The legacy revision that the server itself named in its answer; NULL = none, or it
 * named one that needs no initialize. */
static const char *named_legacy(const struct mcp_answer *a)
{
    const json_t *names = json_object_get(a->rpc_data, "supported");
    const struct mcp_revision *named = mcp_revision_choose(
        names ? names : json_object_get(a->result, "supportedVersions"));
    return named && named->era == MCP_LEGACY ? named->name : NULL;
}

/* What a legacy server did wrong with a modern request is no fault of it. */
static void forget_probe(struct strv *findings)
{
    struct strv kept = STRV_INIT;
    for (size_t i = 0; i < findings->n; i++)
        if (strncmp(findings->v[i], "server/discover: ", 17) != 0)
            strv_add(&kept, findings->v[i]);
    strv_release(findings);
    *findings = kept;
}

static int find_out(struct mcp_client *c, struct mcp_answer *ret, struct err *err)
{
    enum finding_out out = IS_LEGACY;
    bool stdio = c->transport->wire == MCP_WIRE_STDIO;
    int64_t patience = stdio && c->probe_timeout_ms < c->timeout_ms ? c->probe_timeout_ms
                                                                    : c->timeout_ms;
    if (probe(c, patience, ret, &out, err))
        return -1;
    const char *named = named_legacy(ret);
    if (out == IS_FORBIDDEN)
        client_follow(c, NULL);
    if (out == IS_FORBIDDEN || (out == IS_MODERN && !named))
        return 0;
    forget_probe(&c->transport->findings);
    asked_forget_methods(&c->transport->asked);
    if (legacy_initialize(c, named ? named : MCP_LATEST, ret, err))
        return -1;
    /* A modern server that was only slow to start. */
    if (out == IS_SILENT && ret->outcome == MCP_RPC_ERROR)
        return probe(c, c->timeout_ms, ret, &out, err);
    return 0;
}

int mcp_initialize(struct mcp_client *c, struct mcp_answer *ret, struct err *err)
{
    const struct mcp_revision *wanted = mcp_revision_find(c->asked);
    if (mcp_revision_is_modern(c->revision) || mcp_revision_is_modern(wanted)) {
        if (!mcp_revision_is_modern(c->revision))
            client_follow(c, wanted);
        return modern_discover(c, c->timeout_ms, ret, err);
    }
    if (c->asked || c->revision) /* asked for, or found out before */
        return legacy_initialize(c, c->asked ? c->asked : c->revision->name, ret, err);
    return find_out(c, ret, err);
}
