/* The agent's protocol: tasks, streams, and the platform's own door. */
#include "mocks/tests/box_fixture.h"

#define SEND(method, params)                                                             \
    "{\"jsonrpc\":\"2.0\",\"id\":\"q\",\"method\":\"" method "\",\"params\":" params "}"
#define TEXT(text)                                                                       \
    "\"message\":{\"messageId\":\"m\",\"role\":\"user\",\"parts\":[{\"kind\":\"text\","  \
    "\"text\":\"" text "\"}]}"
#define BEGIN(text)                                                                      \
    SEND("message/send", "{\"configuration\":{\"blocking\":false}," TEXT(text) "}")

/* Asks the agent; the answer's result or error, owned by the caller. */
static json_t *rpc(struct fixture *f, const char *body, const char *member)
{
    ask(f, "POST", "/", NULL, body);
    assert_int_equal(f->status, 200);
    json_t *answer = body_json(f);
    json_t *found = json_incref(json_object_get(answer, member));
    json_decref(answer);
    assert_non_null(found);
    return found;
}

static json_t *task_rpc(struct fixture *f, const char *method, const char *id,
                        const char *member)
{
    char *body = xasprintf("{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"%s\",\"params\":{"
                           "\"id\":\"%s\"}}",
                           method, id);
    json_t *found = rpc(f, body, member);
    free(body);
    return found;
}

/* A task that works for a long time; its id, the caller frees. */
static char *begin_work(struct fixture *f)
{
    json_t *task = rpc(f, BEGIN("work for 86400 seconds"), "result");
    assert_string_equal(json_str(task, "kind", ""), "task");
    assert_string_equal(json_str(json_object_get(task, "status"), "state", ""),
                        "working");
    char *id = xstrdup(json_str(task, "id", ""));
    json_decref(task);
    return id;
}

static void answers_a_message_in_exactly_the_runtimes_shape(void **state)
{
    struct fixture *f = *state;
    start_box(f);
    ask(f, "POST", "/", NULL, SEND("message/send", "{" TEXT("reply with PONG") "}"));
    const char *head =
        "{\"id\":\"q\",\"jsonrpc\":\"2.0\",\"result\":{\"kind\":\"message\","
        "\"messageId\":\"";
    const char *tail =
        "\",\"parts\":[{\"kind\":\"text\",\"text\":\"PONG\"}],\"role\":\"agent\"}}";
    assert_int_equal(f->body.len, strlen(head) + 36 + strlen(tail));
    assert_memory_equal(f->body.data, head, strlen(head));
    assert_string_equal(f->body.data + strlen(head) + 36, tail);
}

static void keeps_a_task_and_its_answer(void **state)
{
    struct fixture *f = *state;
    start_box(f);
    json_t *task = rpc(f, BEGIN("work for 1 seconds"), "result");
    char *id = xstrdup(json_str(task, "id", ""));
    json_decref(task);
    for (;;) {
        task = task_rpc(f, "tasks/get", id, "result");
        if (strcmp(json_str(json_object_get(task, "status"), "state", ""), "working") !=
            0)
            break;
        json_decref(task);
    }
    assert_string_equal(json_str(json_object_get(task, "status"), "state", ""),
                        "completed");
    assert_int_equal(json_array_size(json_object_get(task, "history")), 2);
    json_t *part = json_array_get(
        json_object_get(json_array_get(json_object_get(task, "artifacts"), 0), "parts"),
        0);
    assert_string_equal(json_str(part, "text", ""), "I worked for 1 seconds.");
    json_decref(task);
    json_t *error = task_rpc(f, "tasks/cancel", id, "error");
    assert_int_equal(json_int(error, "code", 0), -32002);
    json_decref(error);
    free(id);
}

static void cancels_a_task_that_works(void **state)
{
    struct fixture *f = *state;
    start_box(f);
    char *id = begin_work(f);
    json_t *task = task_rpc(f, "tasks/cancel", id, "result");
    assert_string_equal(json_str(json_object_get(task, "status"), "state", ""),
                        "canceled");
    json_decref(task);
    task = task_rpc(f, "tasks/get", id, "result");
    assert_string_equal(json_str(json_object_get(task, "status"), "state", ""),
                        "canceled");
    json_decref(task);
    free(id);
}

struct refusal {
    const char *body;
    int code;
};

static const struct refusal REFUSALS[] = {
    {SEND("tasks/get", "{}"), -32602},
    {SEND("tasks/get", "{\"id\":\"nobody\"}"), -32001},
    {SEND("tasks/cancel", "{\"id\":\"nobody\"}"), -32001},
    {SEND("tasks/resubscribe", "{\"id\":\"nobody\"}"), -32001},
    {SEND("message/stream", "{}"), -32602},
    {SEND("message/send", "{\"message\":{\"taskId\":\"nobody\",\"parts\":[]}}"), -32001},
    {SEND("tasks/list", "{}"), -32601},
};

static void refuses_tasks_that_are_not_there(void **state)
{
    struct fixture *f = *state;
    start_box(f);
    for (size_t i = 0; i < ARRAY_SIZE(REFUSALS); i++) {
        json_t *error = rpc(f, REFUSALS[i].body, "error");
        assert_int_equal(json_int(error, "code", 0), REFUSALS[i].code);
        json_decref(error);
    }
}

/* The n-th event of the last answer, which is a stream; the caller owns it. */
static json_t *event(const struct fixture *f, int n)
{
    const char *at = f->body.data;
    json_t *frame = NULL;

    for (; at && n; n--) {
        at = strstr(at, "\n\n");
        at = at ? at + 2 : NULL;
    }
    if (!at || strncmp(at, "data: ", 6) != 0)
        return NULL;
    assert_int_equal(json_parse(at + 6, strcspn(at + 6, "\n"), &frame, NULL), 0);
    json_t *result = json_incref(json_object_get(frame, "result"));
    json_decref(frame);
    return result;
}

static void assert_event(const struct fixture *f, int n, const char *kind,
                         const char *state, bool final)
{
    json_t *e = event(f, n);
    assert_non_null(e);
    assert_string_equal(json_str(e, "kind", ""), kind);
    if (state)
        assert_string_equal(json_str(json_object_get(e, "status"), "state", ""), state);
    assert_int_equal(json_bool(e, "final", false), final);
    json_decref(e);
}

static void streams_a_task_to_its_end(void **state)
{
    struct fixture *f = *state;
    start_box(f);
    ask(f, "POST", "/", NULL, SEND("message/stream", "{" TEXT("reply with PONG") "}"));
    assert_string_equal(header(f, "Content-Type"), "text/event-stream");
    assert_event(f, 0, "task", "working", false);
    assert_event(f, 1, "artifact-update", NULL, false);
    assert_event(f, 2, "status-update", "completed", true);
    assert_null(event(f, 3));
    json_t *artifact = event(f, 1);
    json_t *part = json_array_get(
        json_object_get(json_object_get(artifact, "artifact"), "parts"), 0);
    assert_string_equal(json_str(part, "text", ""), "PONG");
    /* Its end can be watched again. */
    char *body = xasprintf(SEND("tasks/resubscribe", "{\"id\":\"%s\"}"),
                           json_str(artifact, "taskId", ""));
    ask(f, "POST", "/", NULL, body);
    assert_event(f, 0, "task", "completed", false);
    assert_null(event(f, 1));
    free(body);
    json_decref(artifact);
}

static void ends_the_streams_of_a_task_that_is_canceled(void **state)
{
    struct fixture *f = *state;
    struct http_request req = HTTP_REQUEST_INIT;
    start_box(f);
    char *id = begin_work(f);
    char *body = xasprintf(SEND("tasks/resubscribe", "{\"id\":\"%s\"}"), id);
    char *url = xasprintf("http://127.0.0.1:%d/", f->box_port);
    req.method = "POST";
    req.url = url;
    req.body = body;
    req.body_len = strlen(body);
    struct fixture watching = {.answered = false};
    buf_init(&watching.body, LIMIT_RESPONSE_BODY);
    (void)http_async_start(f->http, &req, on_answer, &watching);
    /* The watcher asked first and on a connection of its own; whichever comes first, it
     * sees the task canceled. */
    json_decref(task_rpc(f, "tasks/cancel", id, "result"));
    while (!watching.answered)
        ask(f, "GET", "/health", NULL, NULL);
    assert_non_null(strstr(watching.body.data, "\"state\":\"canceled\""));
    buf_release(&watching.body);
    strv_release(&watching.headers);
    free(url);
    free(body);
    free(id);
}

static void leaves_a_wedged_agent_unanswered_until_it_is_canceled(void **state)
{
    struct fixture *f = *state;
    set_fault(f, "agent", "wedged");
    start_ready(f);
    json_t *task = rpc(f, BEGIN("reply with PONG"), "result");
    json_t *beat = await_beat(f, 2);
    assert_int_equal(json_int(beat, "active_tasks", 0), 1);
    json_decref(task_rpc(f, "tasks/cancel", json_str(task, "id", ""), "result"));
    beat = await_beat(f, 2);
    assert_int_equal(json_int(beat, "active_tasks", -1), 0);
    json_decref(task);
}

static bool watcher_answered(struct fixture *f, void *arg)
{
    const struct fixture *watching = arg;
    (void)f;
    return watching->answered;
}

static void ends_in_the_middle_of_tasks_and_streams(void **state)
{
    struct fixture *f = *state;
    struct http_request req = HTTP_REQUEST_INIT;
    start_box(f);
    char *id = begin_work(f);
    char *url = xasprintf("http://127.0.0.1:%d/", f->box_port);
    req.method = "POST";
    req.url = url;
    req.body = SEND("message/stream", "{" TEXT("work for 86400 seconds") "}");
    req.body_len = strlen(req.body);
    struct fixture watching = {.answered = false};
    buf_init(&watching.body, LIMIT_RESPONSE_BODY);
    (void)http_async_start(f->http, &req, on_answer, &watching);
    while (json_int(await_beat(f, 1), "active_tasks", 0) < 2)
        ;
    assert_int_equal(end_box(f), 0);
    pump(f, watcher_answered, &watching, "the end of the stream");
    buf_release(&watching.body);
    strv_release(&watching.headers);
    free(watching.failure);
    free(url);
    free(id);
}

/* ---- the rest of its HTTP surface ---- */

static void answers_any_other_get(void **state)
{
    struct fixture *f = *state;
    start_box(f);
    ask(f, "GET", "/whatever/it/is", NULL, NULL);
    assert_int_equal(f->status, 200);
    ask(f, "PUT", "/whatever/it/is", NULL, "{}");
    assert_int_equal(f->status, 404);
}

static void shows_one_card_at_both_addresses(void **state)
{
    struct fixture *f = *state;
    start_box(f);
    ask(f, "GET", "/.well-known/agent-card.json", NULL, NULL);
    char *card = xstrdup(f->body.data);
    ask(f, "GET", "/.well-known/agent.json", NULL, NULL);
    assert_string_equal(f->body.data, card);
    assert_non_null(strstr(card, "\"streaming\":true"));
    free(card);
}

#define FORM_TYPE "Content-Type: multipart/form-data; boundary=XX"
#define SECRET "\nAuthorization: Bearer inbound"
#define FORM                                                                             \
    "--XX\r\nContent-Disposition: form-data; name=\"files\"; filename=\"a.txt\"\r\n"     \
    "Content-Type: text/plain\r\n\r\nhello\r\n--XX--\r\n"

static void takes_a_chats_files_and_gives_them_back(void **state)
{
    struct fixture *f = *state;
    start_ready(f);
    ask(f, "POST", "/internal/chat/uploads/ingest", FORM_TYPE SECRET, FORM);
    assert_int_equal(f->status, 200);
    json_t *body = body_json(f);
    const json_t *file = json_array_get(json_object_get(body, "files"), 0);
    assert_string_equal(json_str(file, "name", ""), "a.txt");
    assert_string_equal(json_str(file, "mimeType", ""), "text/plain");
    assert_int_equal(json_int(file, "size", 0), 5);
    const char *uri = json_str(file, "uri", "");
    assert_memory_equal(uri, "workspace:/workspace/", 21);
    char *path = xasprintf("/internal/file/read?path=%s", uri + strlen("workspace:"));
    ask(f, "GET", path, "Authorization: Bearer inbound", NULL);
    assert_int_equal(f->status, 200);
    assert_string_equal(f->body.data, "hello");
    free(path);
    json_decref(body);
}

struct shut {
    const char *method, *path, *headers, *body;
    int status;
};

static const struct shut SHUT[] = {
    {"POST", "/internal/chat/uploads/ingest", FORM_TYPE, FORM, 401},
    {"POST", "/internal/chat/uploads/ingest",
     FORM_TYPE "\nAuthorization: Bearer box-token", FORM, 401},
    {"POST", "/internal/chat/uploads/ingest", "Authorization: Bearer inbound", FORM, 400},
    {"POST", "/internal/chat/uploads/ingest", FORM_TYPE SECRET, "--XX--", 400},
    {"GET", "/internal/file/read?path=/configs/.auth_token", NULL, NULL, 401},
    {"GET", "/internal/file/read", "Authorization: Bearer inbound", NULL, 400},
    {"GET", "/internal/file/read?path=/configs/../settings.json",
     "Authorization: Bearer inbound", NULL, 400},
    {"GET", "/internal/file/read?path=/settings.json", "Authorization: Bearer inbound",
     NULL, 400},
    {"GET", "/internal/file/read?path=/configs/none", "Authorization: Bearer inbound",
     NULL, 404},
    {"GET", "/internal/file/read?path=/configs/.auth_token",
     "Authorization: Bearer inbound", NULL, 200},
};

static void shuts_the_platforms_door_to_others(void **state)
{
    struct fixture *f = *state;
    start_ready(f);
    for (size_t i = 0; i < ARRAY_SIZE(SHUT); i++) {
        ask(f, SHUT[i].method, SHUT[i].path, SHUT[i].headers, SHUT[i].body);
        if (f->status != SHUT[i].status)
            fail_msg("%zu: %s answered %d", i, SHUT[i].path, f->status);
    }
}

/* ---- other runtimes ---- */

struct own_file {
    const char *runtime, *file, *text;
};

#define JSON_SERVERS                                                                     \
    "{\"molecule-platform\":{\"command\":\"npx\",\"args\":[\"-y\","                      \
    "\"@molecule-ai/mcp-server\"],\"env\":{\"MOLECULE_MCP_MODE\":\"management\"}}}"

static const struct own_file OWN_FILES[] = {
    {"gemini-cli", ".gemini/settings.json", "{\"mcpServers\":" JSON_SERVERS "}"},
    {"openclaw", ".openclaw/openclaw.json", "{\"mcp\":{\"servers\":" JSON_SERVERS "}}"},
    {"codex", ".codex/config.toml",
     "[mcp_servers.molecule-platform]\ncommand = \"npx\"\nargs = [\n  \"-y\", # yes\n  "
     "'@molecule-ai/mcp-server',\n]\nenv = { MOLECULE_MCP_MODE = \"management\" }\n"},
    {"hermes", ".hermes/config.yaml",
     "mcp_servers:\n  molecule-platform:\n    command: npx\n    args: [-y, "
     "'@molecule-ai/mcp-server']\n    env: {MOLECULE_MCP_MODE: management}\n"},
};

/* A box beats before a server that is slow to start is there. NULL = it never was. */
static json_t *await_tool(struct fixture *f, const char *id)
{
    enum { MOST_BEATS = 50 };
    for (int i = 0; i < MOST_BEATS; i++) {
        json_t *beat = await_report(f);
        char *tools CLEANUP(free_ptr) =
            json_text(json_object_get(beat, "loaded_mcp_tools"), JSON_STRUCT);
        if (strstr(tools, id))
            return beat;
    }
    return NULL;
}

static void loads_what_each_runtimes_own_file_lists(void **state)
{
    struct fixture *f = *state;
    make_concierge(f);
    strv_env_unset(&f->env, "MOLECULE_DECLARED_PLUGINS");
    for (size_t i = 0; i < ARRAY_SIZE(OWN_FILES); i++) {
        put(f, OWN_FILES[i].file, OWN_FILES[i].text);
        strv_env_set(&f->env, "RUNTIME", OWN_FILES[i].runtime);
        start_ready(f);
        json_t *beat = await_tool(f, REQUIRED_ID);
        if (!beat)
            fail_msg("%s does not load it", OWN_FILES[i].runtime);
        assert_true(json_is_true(json_object_get(beat, "mcp_server_present")));
        assert_int_equal(end_box(f), 0);
    }
}

static void loads_none_of_claudes_layers_under_another_runtime(void **state)
{
    struct fixture *f = *state;
    make_concierge(f);
    strv_env_set(&f->env, "RUNTIME", "codex");
    put(f, "configs/mcp_servers.yaml", "other:\n  command: npx\n");
    start_box(f);
    json_t *beat = await_report(f);
    char *tools = json_text(json_object_get(beat, "loaded_mcp_tools"), JSON_STRUCT);
    assert_null(strstr(tools, REQUIRED_ID));
    assert_null(strstr(tools, "mcp__other__"));
    free(tools);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        CASE(answers_a_message_in_exactly_the_runtimes_shape),
        CASE(keeps_a_task_and_its_answer),
        CASE(cancels_a_task_that_works),
        CASE(refuses_tasks_that_are_not_there),
        CASE(streams_a_task_to_its_end),
        CASE(ends_the_streams_of_a_task_that_is_canceled),
        CASE(leaves_a_wedged_agent_unanswered_until_it_is_canceled),
        CASE(ends_in_the_middle_of_tasks_and_streams),
        CASE(answers_any_other_get),
        CASE(shows_one_card_at_both_addresses),
        CASE(takes_a_chats_files_and_gives_them_back),
        CASE(shuts_the_platforms_door_to_others),
        CASE(loads_what_each_runtimes_own_file_lists),
        CASE(loads_none_of_claudes_layers_under_another_runtime),
    };
    int code;

    if (runs_as_box(argc, argv, &code))
        return code;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
