/* What a box answers over HTTP: A2A, the MCP gateway, its state. */
#include "mocks/tests/box_fixture.h"

#include <signal.h>

#define GATEWAY "/mcp/molecule-platform"
#define INITIALIZE                                                                       \
    "{\"jsonrpc\":\"2.0\",\"id\":0,\"method\":\"initialize\",\"params\":{"               \
    "\"protocolVersion\":\"2025-06-18\",\"capabilities\":{},"                            \
    "\"clientInfo\":{\"name\":\"t\",\"version\":\"1\"}}}"
#define LIST "{\"jsonrpc\":\"2.0\",\"id\":\"l-1\",\"method\":\"tools/list\"}"

/* ---- A2A ---- */

static void assert_reply(struct fixture *f, const char *text, const char *expected)
{
    char *reply = reply_to(f, text);

    assert_string_equal(reply, expected);
    free(reply);
}

static void answers_pong(void **state)
{
    struct fixture *f = *state;
    start_box(f);
    assert_reply(f, "Reply with exactly PONG.", "PONG");
}

static void answers_an_unknown_method_in_its_protocol(void **state)
{
    struct fixture *f = *state;
    start_box(f);
    ask(f, "POST", "/", NULL, "{\"jsonrpc\":\"2.0\",\"id\":7,\"method\":\"x/y\"}");
    assert_int_equal(f->status, 200);
    assert_string_equal(f->body.data,
                        "{\"error\":{\"code\":-32601,\"message\":\"method not found: "
                        "x/y\"},\"id\":7,\"jsonrpc\":\"2.0\"}");
}

struct bad_message {
    const char *body;
    int code;
};

static const struct bad_message BAD_MESSAGES[] = {
    {"{", -32700},
    {"[]", -32600},
    {"{\"jsonrpc\":\"2.0\",\"method\":\"message/send\"}", -32600},
    {"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"message/send\"}", -32602},
    {"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"message/send\",\"params\":{"
     "\"message\":7}}",
     -32602},
};

static void refuses_what_is_no_message(void **state)
{
    struct fixture *f = *state;
    start_box(f);
    for (size_t i = 0; i < ARRAY_SIZE(BAD_MESSAGES); i++) {
        ask(f, "POST", "/", NULL, BAD_MESSAGES[i].body);
        json_t *body = body_json(f);
        assert_int_equal(json_int(json_object_get(body, "error"), "code", 0),
                         BAD_MESSAGES[i].code);
        json_decref(body);
    }
}

static void introduces_itself_by_the_prompt_on_its_disk(void **state)
{
    struct fixture *f = *state;
    make_concierge(f);
    start_box(f);
    assert_reply(f, "Who are you?",
                 "My instructions begin: You are Acme Agent, the concierge of this "
                 "organisation. You are the root.");
}

static void creates_a_workspace_through_the_tool_at_the_first_message(void **state)
{
    struct fixture *f = *state;
    make_concierge(f);
    start_box(f);
    assert_reply(f, "Create a workspace named \"made-1\" from the template seo-agent.",
                 "I called " REQUIRED_ID " for 'made-1'. It answered: id new-1, status "
                 "provisioning.");
    json_t *seen = nth_seen(f, "/workspaces", 0);
    json_t *expected = json_pack("{s:s,s:s}", "name", "made-1", "template", "seo-agent");
    assert_true(json_equal(json_object_get(seen, "body"), expected));
    assert_string_equal(json_str(seen, "auth", ""), "Bearer " ORG_KEY);
    json_decref(expected);
}

static void uses_the_built_in_task_without_the_tool(void **state)
{
    struct fixture *f = *state;
    start_box(f);
    char *reply = reply_to(f, "Spawn an agent called probe");
    assert_non_null(strstr(reply, "Task"));
    assert_null(nth_seen(f, "/workspaces", 0));
    free(reply);
}

static void lists_its_tools_as_a_json_array(void **state)
{
    struct fixture *f = *state;
    make_concierge(f);
    start_box(f);
    char *reply = reply_to(f, "Answer with a JSON array of the full ids of all tools.");
    assert_non_null(strstr(reply, "\"Task\""));
    assert_non_null(strstr(reply, "\"" REQUIRED_ID "\""));
    assert_non_null(strstr(reply, "\"mcp__a2a__list_peers\""));
    free(reply);
}

static void says_that_expansion_is_missing_when_it_is_off(void **state)
{
    struct fixture *f = *state;
    make_concierge(f);
    set_switch(f, "env_expansion", "no");
    start_box(f);
    char *reply = reply_to(f, "Create a workspace named x");
    assert_non_null(strstr(reply, "Agent error: " REQUIRED_ID " failed"));
    free(reply);
}

struct agent_fault {
    const char *mode, *text, *contains;
};

static const struct agent_fault AGENT_FAULTS[] = {
    {"generic", "Who are you?", "general coding agent"},
    {"generic", "Create a workspace named x", "Task"},
    {"native-peers", "List your peers", "native session"},
};

static void plays_the_agent_faults(void **state)
{
    struct fixture *f = *state;
    make_concierge(f);
    start_box(f);
    for (size_t i = 0; i < ARRAY_SIZE(AGENT_FAULTS); i++) {
        set_fault(f, "agent", AGENT_FAULTS[i].mode);
        write_settings(f);
        char *reply = reply_to(f, AGENT_FAULTS[i].text);
        if (!strstr(reply, AGENT_FAULTS[i].contains))
            fail_msg("%s: %s", AGENT_FAULTS[i].mode, reply);
        free(reply);
    }
    set_fault(f, "agent", "silent");
    write_settings(f);
    assert_reply(f, "Reply with PONG", "");
}

static void shows_its_agent_card(void **state)
{
    struct fixture *f = *state;
    make_concierge(f);
    put(f, "configs/skills/brief/SKILL.md", "brief\n");
    start_ready(f);
    ask(f, "GET", "/.well-known/agent-card.json", NULL, NULL);
    assert_int_equal(f->status, 200);
    json_t *card = body_json(f);
    assert_string_equal(json_str(card, "name", ""), "Concierge");
    assert_string_equal(
        json_str(json_array_get(json_object_get(card, "skills"), 0), "id", ""), "brief");
    json_decref(card);
}

/* ---- the gateway ---- */

/* Opens a session; the header line is the caller's to free. */
static char *open_session(struct fixture *f)
{
    ask(f, "POST", GATEWAY, NULL, INITIALIZE);
    assert_int_equal(f->status, 200);
    assert_non_null(header(f, "Mcp-Session-Id"));
    return xasprintf("Mcp-Session-Id: %s", header(f, "Mcp-Session-Id"));
}

static void carries_the_servers_handshake_and_tools(void **state)
{
    struct fixture *f = *state;
    make_concierge(f);
    start_box(f);
    char *session = open_session(f);
    json_t *hello = body_json(f);
    json_t *result = json_object_get(hello, "result");
    assert_int_equal(json_int(hello, "id", -1), 0);
    assert_string_equal(json_str(result, "protocolVersion", ""), "2025-06-18");
    assert_string_equal(json_str(json_object_get(result, "serverInfo"), "name", ""),
                        "molecule-platform");
    json_decref(hello);
    ask(f, "POST", GATEWAY, session,
        "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/initialized\"}");
    assert_int_equal(f->status, 202);
    assert_int_equal(f->body.len, 0);
    ask(f, "POST", GATEWAY, session, LIST);
    json_t *list = body_json(f);
    assert_string_equal(json_str(list, "id", ""), "l-1");
    assert_true(
        json_array_size(json_object_get(json_object_get(list, "result"), "tools")) > 30);
    json_decref(list);
    free(session);
}

static void passes_calls_and_errors_through(void **state)
{
    struct fixture *f = *state;
    make_concierge(f);
    start_box(f);
    char *session = open_session(f);
    ask(f, "POST", GATEWAY, session,
        "{\"jsonrpc\":\"2.0\",\"id\":5,\"method\":\"tools/call\",\"params\":{\"name\":"
        "\"create_workspace\",\"arguments\":{\"name\":\"by-hand\"}}}");
    assert_non_null(strstr(f->body.data, "new-1"));
    assert_non_null(nth_seen(f, "/workspaces", 0));
    ask(f, "POST", GATEWAY, session,
        "{\"jsonrpc\":\"2.0\",\"id\":6,\"method\":\"no/such\"}");
    json_t *body = body_json(f);
    assert_int_equal(f->status, 200);
    assert_int_equal(json_int(body, "id", -1), 6);
    assert_int_equal(json_int(json_object_get(body, "error"), "code", 0), -32601);
    json_decref(body);
    free(session);
}

struct refusal {
    const char *about, *method, *path, *headers, *body;
    int status;
};

static const struct refusal REFUSALS[] = {
    {"an unknown server", "POST", "/mcp/nobody", NULL, INITIALIZE, 404},
    {"no session", "POST", GATEWAY, NULL, LIST, 400},
    {"an unknown session", "POST", GATEWAY, "Mcp-Session-Id: abc", LIST, 404},
    {"a revision that nobody speaks", "POST", GATEWAY, "MCP-Protocol-Version: 1999-01-01",
     INITIALIZE, 400},
    {"a foreign origin", "POST", GATEWAY, "Origin: http://evil.example", INITIALIZE, 403},
    {"a foreign origin that looks local", "POST", GATEWAY,
     "Origin: http://localhost.evil.example", INITIALIZE, 403},
    {"no JSON", "POST", GATEWAY, NULL, "{", 400},
    {"a batch", "POST", GATEWAY, NULL, "[" LIST "]", 400},
    {"a GET", "GET", GATEWAY, NULL, NULL, 405},
    {"a PUT", "PUT", GATEWAY, NULL, "{}", 405},
    {"a DELETE without a session", "DELETE", GATEWAY, NULL, NULL, 400},
    {"a DELETE of an unknown session", "DELETE", GATEWAY, "Mcp-Session-Id: a", NULL, 404},
};

static void refuses_what_the_transport_forbids(void **state)
{
    struct fixture *f = *state;
    make_concierge(f);
    start_ready(f);
    for (size_t i = 0; i < ARRAY_SIZE(REFUSALS); i++) {
        const struct refusal *r = &REFUSALS[i];
        ask(f, r->method, r->path, r->headers, r->body);
        if (f->status != r->status)
            fail_msg("%s: %d, not %d", r->about, f->status, r->status);
        if (r->status == 405)
            assert_string_equal(header(f, "Allow"), "POST, DELETE");
    }
    ask(f, "POST", "/mcp/nobody", NULL, INITIALIZE);
    assert_string_equal(f->body.data, "{\"error\":\"no such MCP server\"}");
}

static void forgets_a_session_that_was_ended(void **state)
{
    struct fixture *f = *state;
    make_concierge(f);
    start_box(f);
    char *session = open_session(f);
    ask(f, "POST", "/mcp/a2a", session, LIST);
    assert_int_equal(f->status, 404);
    ask(f, "DELETE", GATEWAY, session, NULL);
    assert_int_equal(f->status, 204);
    ask(f, "POST", GATEWAY, session, LIST);
    assert_int_equal(f->status, 404);
    free(session);
}

static bool no_management(struct fixture *f, void *arg)
{
    json_t *beat = json_object_get(nth_seen(f, "/registry/heartbeat", -1), "body");
    char *text = json_text(json_object_get(beat, "loaded_mcp_tools"), JSON_WIRE);
    bool gone = strstr(text, "molecule-platform") == NULL;

    (void)arg;
    free(text);
    return gone;
}

static void kill_management(const struct fixture *f)
{
    char *parent = xasprintf("%d", (int)f->box.pid);
    char *const argv[] = {(char[]){"pkill"},
                          (char[]){"-KILL"},
                          (char[]){"-P"},
                          parent,
                          (char[]){"-f"},
                          (char[]){"@molecule-ai/mcp-server"},
                          NULL};
    struct proc_result r = {.out = BUF_INIT(0), .err = BUF_INIT(0)};
    struct proc_spec spec = PROC_SPEC_INIT;

    spec.argv = argv;
    spec.env = &f->env;
    assert_int_equal(proc_run(&spec, NULL, 0, 10000, &r, NULL), 0);
    assert_int_equal(r.exit_code, 0);
    proc_result_release(&r);
    free(parent);
}

static void notices_that_a_server_died_and_starts_it_for_the_next_turn(void **state)
{
    struct fixture *f = *state;
    make_concierge(f);
    start_ready(f);
    char *session = open_session(f);
    kill_management(f);
    pump(f, no_management, NULL, "a beat without the dead server's tools");
    ask(f, "POST", GATEWAY, session, LIST);
    json_t *body = body_json(f);
    assert_int_equal(f->status, 200);
    assert_int_equal(json_int(json_object_get(body, "error"), "code", 0), -32603);
    json_decref(body);
    ask(f, "POST", GATEWAY, NULL, INITIALIZE);
    body = body_json(f);
    assert_int_equal(json_int(json_object_get(body, "error"), "code", 0), -32603);
    assert_null(header(f, "Mcp-Session-Id"));
    json_decref(body);
    ask(f, "GET", "/_box/state", NULL, NULL);
    assert_non_null(strstr(f->body.data, "was ended by signal 9"));
    char *reply = reply_to(f, "Create a workspace named x");
    assert_non_null(strstr(reply, "It answered: id new-1"));
    free(reply);
    free(session);
    await_console(f,
                  "MCP server 'molecule-platform' was ended by signal 9: started again");
}

static void keeps_requests_until_it_knows_its_servers_and_ends_with_them(void **state)
{
    struct fixture *f = *state;
    struct http_request req = HTTP_REQUEST_INIT;
    make_concierge(f);
    f->forge_hangs = true;
    start_box(f);
    char *url = xasprintf("http://127.0.0.1:%d" GATEWAY, f->box_port);
    req.method = "POST";
    req.url = url;
    req.body = INITIALIZE;
    req.body_len = strlen(INITIALIZE);
    f->answered = false;
    (void)http_async_start(f->http, &req, on_answer, f);
    await_seen(f, "/api/v1/repos/molecule-ai/" MANAGEMENT "/archive/main.tar.gz", 1);
    assert_false(f->answered);
    assert_int_equal(end_box(f), 0);
    pump(f, was_answered, NULL, "the end of the request");
    assert_int_equal(f->status, 0);
    free(url);
}

/* What a page of another site could ask for, by its own name or by one that it has made
 * to mean this machine. */
static void is_no_business_of_other_sites_at_any_door(void **state)
{
    static const char *const doors[] = {
        "/mcp",         "/mcp/a2a",         "/_box/state",
        "/_box/frames", "/_box/launch/a2a", "/.well-known/agent-card.json"};
    struct fixture *f = *state;
    start_ready(f);
    for (size_t i = 0; i < ARRAY_SIZE(doors); i++) {
        ask(f, "GET", doors[i], "Origin: https://evil.example", NULL);
        if (f->status != 403 || strstr(f->body.data, "PATH"))
            fail_msg("%s: %d %s", doors[i], f->status, f->body.data);
        ask(f, "GET", doors[i], "Host: evil.example", NULL);
        assert_int_equal(f->status, 403);
        ask(f, "GET", doors[i], "Origin: http://localhost:1234", NULL);
        assert_int_not_equal(f->status, 403);
    }
    ask(f, "POST", "/", "Origin: https://evil.example", "{}");
    assert_int_equal(f->status, 403);
}

static void names_its_servers(void **state)
{
    struct fixture *f = *state;
    make_concierge(f);
    start_ready(f);
    ask(f, "GET", "/mcp", NULL, NULL);
    assert_string_equal(f->body.data, "{\"servers\":[\"a2a\",\"molecule-platform\"]}");
}

static void skips_log_lines_between_the_frames(void **state)
{
    struct fixture *f = *state;
    make_concierge(f);
    set_switch(f, "mcp_manners", "shipped");
    start_ready(f);
    char *reply = reply_to(f, "Answer with a JSON array of all tools.");
    assert_non_null(strstr(reply, REQUIRED_ID));
    free(reply);
    ask(f, "GET", "/_box/state", NULL, NULL);
    json_t *view = body_json(f);
    json_t *server = json_array_get(json_object_get(view, "servers"), 1);
    assert_true(json_int(server, "junk_lines", 0) > 0);
    json_decref(view);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        CASE(answers_pong),
        CASE(answers_an_unknown_method_in_its_protocol),
        CASE(refuses_what_is_no_message),
        CASE(introduces_itself_by_the_prompt_on_its_disk),
        CASE(creates_a_workspace_through_the_tool_at_the_first_message),
        CASE(uses_the_built_in_task_without_the_tool),
        CASE(lists_its_tools_as_a_json_array),
        CASE(says_that_expansion_is_missing_when_it_is_off),
        CASE(plays_the_agent_faults),
        CASE(shows_its_agent_card),
        CASE(carries_the_servers_handshake_and_tools),
        CASE(passes_calls_and_errors_through),
        CASE(refuses_what_the_transport_forbids),
        CASE(forgets_a_session_that_was_ended),
        CASE(notices_that_a_server_died_and_starts_it_for_the_next_turn),
        CASE(keeps_requests_until_it_knows_its_servers_and_ends_with_them),
        CASE(is_no_business_of_other_sites_at_any_door),
        CASE(names_its_servers),
        CASE(skips_log_lines_between_the_frames),
    };
    int code;

    if (runs_as_box(argc, argv, &code))
        return code;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
