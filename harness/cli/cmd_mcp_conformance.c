/* waybill mcp conformance: what the official conformance suite wants of a client.
 * Source: npm @modelcontextprotocol/conformance, client mode: the URL is the last
 * argument; MCP_CONFORMANCE_SCENARIO, MCP_CONFORMANCE_PROTOCOL_VERSION and
 * MCP_CONFORMANCE_CONTEXT (JSON) say what is wanted. */
#include "cli/cmd_mcp.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "io/json.h"
#include "run/verdict.h"

/* One scenario, connected. list: the answer of tools/list. context: NULL = none. */
typedef int scenario_fn(struct mcp_session *s, const struct mcp_answer *list,
                        const json_t *context, struct err *err);

static int call(struct mcp_session *s, const char *tool, json_t *arguments,
                struct err *err)
{
    CLEANUP(mcp_answer_release) struct mcp_answer a = MCP_ANSWER_INIT;
    if (mcp_session_call(s, tool, arguments, &a, err))
        return -1;
    return a.outcome == MCP_OK ? 0 : mcp_refused(s, tool, &a);
}

static int do_nothing(struct mcp_session *s, const struct mcp_answer *list,
                      const json_t *context, struct err *err)
{
    (void)s, (void)list, (void)context, (void)err;
    return 0;
}

static int do_add(struct mcp_session *s, const struct mcp_answer *list,
                  const json_t *context, struct err *err)
{
    (void)list, (void)context;
    CLEANUP(json_drop) json_t *arguments = json_make("{s:i,s:i}", "a", 2, "b", 3);
    return call(s, "add_numbers", arguments, err);
}

static int do_reconnect(struct mcp_session *s, const struct mcp_answer *list,
                        const json_t *context, struct err *err)
{
    (void)list, (void)context;
    CLEANUP(json_drop) json_t *arguments = xcheck(json_object());
    return call(s, "test_reconnection", arguments, err);
}

/* Every tool that is left in the list. */
static int do_call_all(struct mcp_session *s, const struct mcp_answer *list,
                       const json_t *context, struct err *err)
{
    (void)context;
    const json_t *tools = json_object_get(list->result, "tools");
    CLEANUP(json_drop) json_t *arguments = json_make("{s:s}", "region", "us-west1");
    int code = 0;
    for (size_t i = 0; code == 0 && i < json_array_size(tools); i++)
        code = call(s, json_str(json_array_get(tools, i), "name", ""), arguments, err);
    return code;
}

/* A request of each method that has a header of its own; the answers do not matter. */
static int do_headers(struct mcp_session *s, const struct mcp_answer *list,
                      const json_t *context, struct err *err)
{
    static const struct {
        const char *list, *member, *read, *key;
    } kinds[] = {
        {"resources/list", "resources", "resources/read", "uri"},
        {"prompts/list", "prompts", "prompts/get", "name"},
    };
    for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
        CLEANUP(mcp_answer_release) struct mcp_answer a = MCP_ANSWER_INIT;
        if (mcp_request(s->client, kinds[i].list, NULL, &a, err))
            return -1;
        const json_t *first =
            json_array_get(json_object_get(a.result, kinds[i].member), 0);
        CLEANUP(json_drop)
        json_t *params =
            json_make("{s:s}", kinds[i].key, json_str(first, kinds[i].key, ""));
        if (first && mcp_request(s->client, kinds[i].read, params, &a, err))
            return -1;
    }
    return do_call_all(s, list, context, err);
}

static int do_context_calls(struct mcp_session *s, const struct mcp_answer *list,
                            const json_t *context, struct err *err)
{
    (void)list;
    const json_t *calls = json_object_get(context, "toolCalls");
    int code = json_array_size(calls) ? 0 : EXIT_UNPROVEN;
    for (size_t i = 0; code == 0 && i < json_array_size(calls); i++) {
        const json_t *one = json_array_get(calls, i);
        code = call(s, json_str(one, "name", ""), json_object_get(one, "arguments"), err);
    }
    return code;
}

static int do_echo_schema(struct mcp_session *s, const struct mcp_answer *list,
                          const json_t *context, struct err *err)
{
    (void)context;
    const json_t *tools = json_object_get(list->result, "tools");
    for (size_t i = 0; i < json_array_size(tools); i++) {
        const json_t *tool = json_array_get(tools, i);
        if (strcmp(json_str(tool, "name", ""), "json_schema_2020_12_tool") != 0)
            continue;
        CLEANUP(json_drop)
        json_t *arguments =
            json_make("{s:O}", "schema", json_object_get(tool, "inputSchema"));
        return call(s, "json_schema_echo", arguments, err);
    }
    return err_set(err, ERR_SHAPE, "the suite lists no tool 'json_schema_2020_12_tool'");
}

/* Asked for input, gives it, whatever it is. */
static int call_with_input(struct mcp_session *s, const char *tool, struct err *err)
{
    CLEANUP(mcp_answer_release) struct mcp_answer a = MCP_ANSWER_INIT;
    CLEANUP(json_drop) json_t *arguments = xcheck(json_object());
    if (mcp_call_tool(s->client, tool, arguments, &a, err))
        return -1;
    if (a.outcome != MCP_INPUT_REQUIRED)
        return a.outcome == MCP_OK ? 0 : mcp_refused(s, tool, &a);
    CLEANUP(json_drop) json_t *asked = json_incref(a.result);
    CLEANUP(json_drop) json_t *responses = xcheck(json_object());
    const char *key = NULL;
    json_t *value = NULL;
    json_object_foreach(json_object_get(asked, "inputRequests"), key, value)
    {
        json_t *yes =
            json_make("{s:s,s:{s:b}}", "action", "accept", "content", "confirmed", true);
        if (json_object_set_new(responses, key, yes))
            abort(); /* out of memory */
    }
    /* Another call in between carries nothing of this one. */
    if (call(s, "test_mrtr_unrelated", arguments, err) < 0 ||
        mcp_call_again(s->client, tool, arguments, asked, responses, &a, err))
        return -1;
    return a.outcome == MCP_OK ? 0 : mcp_refused(s, tool, &a);
}

static int do_request_state(struct mcp_session *s, const struct mcp_answer *list,
                            const json_t *context, struct err *err)
{
    static const char *const tools[] = {"test_mrtr_echo_state", "test_mrtr_no_state",
                                        "test_mrtr_no_result_type"};
    (void)list, (void)context;
    int code = 0;
    for (size_t i = 0; code == 0 && i < ARRAY_SIZE(tools); i++)
        code = call_with_input(s, tools[i], err);
    return code;
}

static const struct {
    const char *name;
    scenario_fn *run;
} scenarios[] = {
    {"initialize", do_nothing},
    {"tools_call", do_add},
    {"sse-retry", do_reconnect},
    {"request-metadata", do_nothing},
    {"http-standard-headers", do_headers},
    {"http-custom-headers", do_context_calls},
    {"http-invalid-tool-headers", do_call_all},
    {"json-schema-ref-no-deref", do_nothing},
    {"json-schema-2020-12-preservation", do_echo_schema},
    {"sep-2322-client-request-state", do_request_state},
};

static scenario_fn *find_scenario(const char *name)
{
    for (size_t i = 0; i < ARRAY_SIZE(scenarios); i++)
        if (strcmp(scenarios[i].name, name) == 0)
            return scenarios[i].run;
    return NULL;
}

int mcp_conformance(struct mcp_session *s, struct err *err)
{
    const char *name =
        getenv("MCP_CONFORMANCE_SCENARIO"); /* NOLINT(concurrency-mt-unsafe) */
    const char *revision =
        getenv("MCP_CONFORMANCE_PROTOCOL_VERSION"); /* NOLINT(concurrency-mt-unsafe) */
    const char *text =
        getenv("MCP_CONFORMANCE_CONTEXT"); /* NOLINT(concurrency-mt-unsafe) */
    CLEANUP(mcp_answer_release) struct mcp_answer hello = MCP_ANSWER_INIT;
    CLEANUP(mcp_answer_release) struct mcp_answer list = MCP_ANSWER_INIT;
    CLEANUP(json_drop) json_t *context = NULL;
    scenario_fn *run = name ? find_scenario(name) : NULL;
    if (!run)
        return err_set(
            err, ERR_CONFIG,
            "MCP_CONFORMANCE_SCENARIO: '%s' is none for a client of tools only",
            name ? name : "");
    if (text && json_parse(text, strlen(text), &context, err))
        return err_prefix(err, "MCP_CONFORMANCE_CONTEXT");
    if (mcp_session_open(s, s->a->revision ? s->a->revision : revision, &hello, err))
        return -1;
    if (hello.outcome != MCP_OK)
        return mcp_refused(s, "the server", &hello);
    if (mcp_session_tools(s, &list, err))
        return -1;
    return run(s, &list, context, err);
}
