/* waybill mcp inspect: who the server is, what it can, how long it takes, what it breaks.
 */
#include "cli/cmd_mcp.h"

#include <string.h>

#include "base/limits.h"
#include "base/utf8.h"
#include "io/json.h"
#include "run/verdict.h"

static json_t *inspect_json(const struct mcp_session *s, const struct mcp_answer *list,
                            bool session)
{
    const struct mcp_client *c = s->client;
    json_t *info = json_deep_copy(mcp_server_info(c));
    json_t *capabilities = json_deep_copy(mcp_capabilities(c));
    const json_t *listed = json_object_get(list->result, "tools");
    json_t *tools =
        listed ? json_integer((json_int_t)json_array_size(listed)) : json_null();
    return json_make("{s:o*,s:s,s:s,s:s,s:b,s:o*,s:s*,s:{s:I,s:I},s:o,s:i,s:o}", "server",
                     info, "revision", mcp_revision(c), "era",
                     mcp_revision_is_modern(mcp_revision_in_force(c)) ? "modern"
                                                                      : "legacy",
                     "transport", s->url ? "http" : "stdio", "session", session,
                     "capabilities", capabilities, "instructions", mcp_instructions(c),
                     "timing_ms", "handshake", (json_int_t)s->handshake_ms, "tools_list",
                     (json_int_t)list->elapsed_ms, "tools", tools, "junk_lines",
                     mcp_junk_lines(c), "findings", mcp_sentences(mcp_findings(c)));
}

static void print_inspection(const struct mcp_session *s, const json_t *j)
{
    const json_t *info = json_object_get(j, "server");
    const json_t *timing = json_object_get(j, "timing_ms");
    const char *key = NULL;
    json_t *value = NULL;
    CLEANUP(buf_release) struct buf out = BUF_INIT(LIMIT_REPORT);
    buf_adds(&out, "server        ");
    utf8_add_line(&out, json_str(info, "name", "(no name)"));
    buf_addc(&out, ' ');
    utf8_add_line(&out, json_str(info, "version", ""));
    buf_addf(&out, "\nrevision      %s (%s)\n", json_str(j, "revision", ""),
             json_str(j, "era", ""));
    buf_addf(&out, "transport     %s%s\n", json_str(j, "transport", ""),
             json_bool(j, "session", false) ? ", with a session" : "");
    buf_adds(&out, "capabilities ");
    json_object_foreach(json_object_get(j, "capabilities"), key, value)
    {
        buf_addc(&out, ' ');
        utf8_add_line(&out, key);
    }
    if (json_is_null(json_object_get(j, "tools")))
        buf_adds(&out, "\ntools         unknown\n");
    else
        buf_addf(&out, "\ntools         %lld\n", (long long)json_int(j, "tools", 0));
    buf_addf(&out, "timing        handshake %lld ms, tools/list %lld ms\n",
             (long long)json_int(timing, "handshake", 0),
             (long long)json_int(timing, "tools_list", 0));
    buf_addf(&out, "findings      %zu\n", mcp_findings(s->client)->n);
    const char *instructions = json_str(j, "instructions", "");
    if (*instructions) {
        buf_adds(&out, "instructions  ");
        utf8_add_shown(&out, instructions, strlen(instructions));
        buf_addc(&out, '\n');
    }
    mcp_print(s, &out);
}

int mcp_inspect(struct mcp_session *s, struct err *err)
{
    CLEANUP(mcp_answer_release) struct mcp_answer list = MCP_ANSWER_INIT;
    if (mcp_session_tools(s, &list, err))
        return -1;
    bool session = mcp_session(s->client) != NULL;
    mcp_finish(s->client); /* what is said at the end is to be found as well */
    CLEANUP(json_drop) json_t *j = inspect_json(s, &list, session);
    if (s->a->json)
        mcp_print_json(s, j);
    else
        print_inspection(s, j);
    return list.outcome == MCP_OK ? EXIT_PASSED : mcp_complain(s, "tools/list", &list);
}
