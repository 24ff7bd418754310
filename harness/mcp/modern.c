/* Requests that stand alone: each says its revision, who asks and what the client can do,
 * in the body and, over HTTP, in headers that repeat it. */
#include "mcp/client_internal.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/limits.h"
#include "io/json.h"
#include "mcp/header.h"
#include "mcp/meta.h"

/* The params with _meta; members that the caller put there stay. */
static json_t *with_meta(const struct mcp_client *c, const json_t *params)
{
    if (!client_may_add_meta(params))
        return json_incref((json_t *)(uintptr_t)params);
    json_t *copy =
        params ? xcheck(json_copy((json_t *)(uintptr_t)params)) : xcheck(json_object());
    json_t *given = json_object_get(copy, "_meta");
    json_t *meta = json_make("{s:s,s:{},s:{s:s,s:s}}", MCP_META_VERSION,
                             c->revision->name, MCP_META_CAPABILITIES, MCP_META_CLIENT,
                             "name", "waybill", "version", WAYBILL_VERSION);
    if (given && json_object_update(meta, given))
        abort(); /* out of memory */
    json_put(copy, "_meta", meta);
    return copy;
}

void modern_headers(const struct mcp_client *c, const char *method, const json_t *params,
                    struct strv *headers)
{
    if (c->transport->wire != MCP_WIRE_HTTP ||
        !mcp_revision_has(c->revision, MCP_F_METHOD_HEADERS))
        return;
    CLEANUP(free_ptr) char *coded = mcp_header_encode(method, strlen(method));
    const json_t *name = mcp_header_name_source(method, params);
    strv_addf(headers, "Mcp-Method: %s", coded);
    if (!name)
        return;
    CLEANUP(free_ptr)
    char *value = mcp_header_encode(json_string_value(name), json_string_length(name));
    strv_addf(headers, "Mcp-Name: %s", value);
    if (strcmp(method, "tools/call") != 0)
        return;
    CLEANUP(mcp_params_release) struct mcp_params marked = MCP_PARAMS_INIT;
    CLEANUP(buf_release) struct buf why = BUF_INIT(LIMIT_ERROR_TEXT);
    const json_t *schema = json_object_get(c->schemas, json_string_value(name));
    if (schema && mcp_params_read(schema, &marked, &why))
        mcp_params_headers(&marked, json_object_get(params, "arguments"), headers);
}

static int send_once(struct mcp_client *c, const char *method, const json_t *params,
                     int64_t timeout_ms, struct mcp_answer *ret, struct err *err)
{
    CLEANUP(json_drop) json_t *full = with_meta(c, params);
    CLEANUP(strv_release) struct strv headers = STRV_INIT;
    modern_headers(c, method, full, &headers);
    struct mcp_transport *t = c->transport;
    struct err failed = ERR_INIT;
    /* A server that has ended loses nothing but what was under way then. While the era is
     * looked for, its end is an answer. */
    if (!c->probing && t->has_ended && t->has_ended(t) && t->restart(t, err))
        return -1;
    int rc = client_exchange(c, method, full, &headers, timeout_ms, ret, &failed);
    if (rc && t->unsent && !c->probing) {
        err_clear(&failed);
        rc = t->restart(t, &failed);
        if (!rc)
            rc = client_exchange(c, method, full, &headers, timeout_ms, ret, &failed);
    }
    if (rc && err && err->kind == ERR_NONE)
        *err = failed;
    return rc;
}

/* -32022: the newest modern revision that the server named and that we know. */
static bool choose_revision(struct mcp_client *c, const struct mcp_answer *a)
{
    const struct mcp_revision *chosen =
        mcp_revision_choose(json_object_get(a->rpc_data, "supported"));
    if (!mcp_revision_is_modern(chosen))
        return false;
    client_follow(c, chosen);
    return true;
}

/* -32020 for a tool that was never listed: the list says which headers it needs. */
static bool learn_headers(struct mcp_client *c, const char *method)
{
    CLEANUP(mcp_answer_release) struct mcp_answer list = MCP_ANSWER_INIT;
    if (strcmp(method, "tools/call") != 0 || c->schemas)
        return false;
    struct err ignored = ERR_INIT; /* the refusal itself is the answer then */
    return mcp_list_tools(c, &list, &ignored) == 0 && list.outcome == MCP_OK;
}

int modern_request(struct mcp_client *c, const char *method, json_t *params,
                   int64_t timeout_ms, struct mcp_answer *ret, struct err *err)
{
    if (send_once(c, method, params, timeout_ms, ret, err))
        return -1;
    if (ret->outcome != MCP_RPC_ERROR)
        return 0;
    bool again = (ret->rpc_code == MCP_UNSUPPORTED_VERSION && choose_revision(c, ret)) ||
                 (ret->rpc_code == MCP_HEADER_MISMATCH && learn_headers(c, method));
    if (!again)
        return 0;
    /* The list may have said that the tool must not be called. */
    if (strcmp(method, "tools/call") == 0 &&
        modern_check_tool(c, json_str(params, "name", ""), err))
        return -1;
    return send_once(c, method, params, timeout_ms, ret, err);
}

int modern_notify(struct mcp_client *c, const char *method, json_t *params,
                  struct mcp_exchange *ret, struct err *err)
{
    CLEANUP(json_drop) json_t *full = with_meta(c, params);
    CLEANUP(strv_release) struct strv headers = STRV_INIT;
    modern_headers(c, method, full, &headers);
    CLEANUP(free_ptr) char *text = rpc_text(rpc_notification(method, full));
    c->transport->extra = &headers;
    int rc =
        c->transport->send(c->transport, text, clock_mono_ms() + c->timeout_ms, ret, err);
    c->transport->extra = NULL;
    return rc;
}

int modern_discover(struct mcp_client *c, int64_t timeout_ms, struct mcp_answer *ret,
                    struct err *err)
{
    if (modern_request(c, "server/discover", NULL, timeout_ms, ret, err))
        return -1;
    if (ret->outcome != MCP_OK)
        return 0;
    const json_t *info =
        json_object_get(json_object_get(ret->result, "_meta"), MCP_META_SERVER);
    client_learn(c, ret->result,
                 info ? info : json_object_get(ret->result, "serverInfo"));
    return 0;
}

/* ---- tools ---- */

void modern_keep_tools(struct mcp_client *c, json_t *tools)
{
    if (c->transport->wire != MCP_WIRE_HTTP ||
        !mcp_revision_has(c->revision, MCP_F_METHOD_HEADERS))
        return;
    json_decref(c->schemas);
    c->schemas = xcheck(json_object());
    for (size_t i = 0; i < json_array_size(tools);) {
        const json_t *tool = json_array_get(tools, i);
        const char *name = json_str(tool, "name", "");
        json_t *schema = json_object_get(tool, "inputSchema");
        CLEANUP(mcp_params_release) struct mcp_params marked = MCP_PARAMS_INIT;
        CLEANUP(buf_release) struct buf why = BUF_INIT(LIMIT_ERROR_TEXT);
        if (mcp_params_read(schema, &marked, &why)) {
            json_put(c->schemas, name, json_incref(schema));
            i++;
            continue;
        }
        mcp_found(c->transport, "tool '%s' is left out: %s", name, why.data);
        json_put(c->schemas, name, json_null());
        if (json_array_remove(tools, i))
            abort(); /* i is within the array */
    }
}

int modern_check_tool(const struct mcp_client *c, const char *name, struct err *err)
{
    if (!json_is_null(json_object_get(c->schemas, name)))
        return 0;
    return err_set(err, ERR_SHAPE,
                   "tool '%.100s' was left out of the list: its 'x-mcp-header' "
                   "annotations break the rules",
                   name);
}
