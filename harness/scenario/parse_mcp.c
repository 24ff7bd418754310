/* What an `mcp` step may say together. */
#include "scenario/parse.h"

#include <string.h>

static void read_mcp_transport(struct loader *l, const struct step *step)
{
    const struct ynode *transport = step_arg(step, "transport");
    const char *own = step_arg(step, "stdio") ? "stdio"
                      : step_arg(step, "on")  ? NULL
                                              : "http";

    if (!transport || transport->kind != YNODE_SCALAR)
        return;
    if (strcmp(transport->text, "stdio") != 0 && strcmp(transport->text, "http") != 0)
        bad_node(l, transport, "'transport' has to be stdio or http, not '%.40s'",
                 transport->text);
    else if (own && strcmp(transport->text, own) != 0)
        bad_node(l, transport, "this server is asked over %s", own);
}

static void read_mcp_raw(struct loader *l, const struct ynode *raw)
{
    static const char *const forms[] = {"method", "notify", "text"};
    int n = 0;

    for (size_t i = 0; i < ARRAY_SIZE(forms); i++)
        n += ynode_get(raw, forms[i]) != NULL;
    if (n != 1)
        bad_node(l, raw, "'raw' takes exactly one of method, notify, text");
    if (ynode_get(raw, "text") && ynode_get(raw, "params"))
        bad_node(l, raw, "'raw' with 'text' has no 'params': the text is the message");
}

/* One that nobody knows may be asked for, to see what a server offers instead; it has to
 * look like one. The revision may also be a variable's: that is seen when it runs. */
static void read_mcp_revision(struct loader *l, const struct step *step)
{
    static const char form[] = "dddd-dd-dd";
    const struct ynode *node = step_arg(step, "revision");
    const char *text = node && node->kind == YNODE_SCALAR ? node->text : "auto";
    bool date = strlen(text) == sizeof(form) - 1;

    for (size_t i = 0; date && form[i]; i++)
        date = form[i] == 'd' ? text[i] >= '0' && text[i] <= '9' : text[i] == form[i];
    if (!date && strcmp(text, "auto") != 0 && !has_variable(node))
        bad_node(l, node, "'revision' is a date as in 2025-11-25, or auto, not '%.40s'",
                 text);
}

static void read_mcp_ping(struct loader *l, const struct step *step)
{
    static const char *const without_ping[] = {"2026-07-28"};
    const char *revision = ynode_str(step->arg, "revision", "");

    for (size_t i = 0; i < ARRAY_SIZE(without_ping); i++)
        if (strcmp(revision, without_ping[i]) == 0)
            bad_key(l, ynode_pair(step->node, "ping"),
                    "revision %s has no ping: ask 'discover', or send it with 'raw'",
                    revision);
}

void read_mcp(struct loader *l, const struct step *step)
{
    static const char *const ways[] = {"on", "bridge", "stdio", "http"};
    const struct ypair *on, *server;
    int n = 0;

    for (const struct name_row *row = mcp_op_names; row->name; row++) {
        const struct ypair *pair = ynode_pair(step->node, row->name);
        if (pair && pair->value != step->mcp_arg)
            bad_key(l, pair, "one step cannot be both '%s' and '%s'",
                    table_name(mcp_op_names, (int)step->mcp_op), row->name);
    }
    if (step->mcp_op == MCP_OP_NONE)
        bad_node(
            l, step->node,
            "an 'mcp' step says what to ask: initialize, list tools, call tool, ping, "
            "discover or raw");
    for (size_t i = 0; i < ARRAY_SIZE(ways); i++)
        n += ynode_get(step->arg, ways[i]) != NULL;
    if (n != 1 && step->arg->kind == YNODE_MAP)
        bad_node(l, step->arg, "'mcp' takes exactly one of on, bridge, stdio, http");
    on = ynode_pair(step->arg, "on");
    server = ynode_pair(step->arg, "server");
    if (on && !server)
        bad_key(l, on, "'mcp' with 'on' says which 'server' of the box");
    read_mcp_transport(l, step);
    read_mcp_revision(l, step);
    if (step->mcp_op == MCP_OP_PING)
        read_mcp_ping(l, step);
    if (step->mcp_op == MCP_OP_RAW && step->mcp_arg->kind == YNODE_MAP)
        read_mcp_raw(l, step->mcp_arg);
}
