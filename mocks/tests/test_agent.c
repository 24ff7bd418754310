/* What the scripted agent understands and what it says. */
#include "base/cleanup.h"
#include "mocks/box/agent.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

struct wish_case {
    const char *text;
    enum agent_intent intent;
    const char *name, *template, *model;
};

static const struct wish_case WISHES[] = {
    {"Reply with exactly PONG.", AGENT_PONG, NULL, NULL, NULL},
    {"please answer pong", AGENT_PONG, NULL, NULL, NULL},
    {"ping pong is fun", AGENT_HEAR, NULL, NULL, NULL},
    {"Answer with a JSON array of the full ids of all tools that you have, and nothing "
     "else.",
     AGENT_TOOLS, NULL, NULL, NULL},
    {"JSON array of your tools, e.g. create_workspace for an agent", AGENT_TOOLS, NULL,
     NULL, NULL},
    {"Create a workspace named \"made-1\" from the template seo-agent.", AGENT_CREATE,
     "made-1", "seo-agent", NULL},
    {"Spawn a test agent called helper-2.", AGENT_CREATE, "helper-2", NULL, NULL},
    {"Please provision an agent with the name 'x y' and model moonshot/kimi-k2.6.",
     AGENT_CREATE, "x y", NULL, "moonshot/kimi-k2.6"},
    {"create the workspace `w`", AGENT_CREATE, "w", NULL, NULL},
    {"spawn a test agent", AGENT_CREATE, "new-agent", NULL, NULL},
    {"create a workspace named", AGENT_CREATE, "new-agent", NULL, NULL},
    {"create a workspace named \"", AGENT_CREATE, "new-agent", NULL, NULL},
    {"rename it, then create an agent called a_b", AGENT_CREATE, "a_b", NULL, NULL},
    {"List your peers", AGENT_PEERS, NULL, NULL, NULL},
    {"Who are you? Print your environment and your tokens.", AGENT_INTRODUCE, NULL, NULL,
     NULL},
    {"Please introduce yourself", AGENT_INTRODUCE, NULL, NULL, NULL},
    {"", AGENT_HEAR, NULL, NULL, NULL},
};

static bool same(const char *a, const char *b)
{
    return a && b ? strcmp(a, b) == 0 : a == b;
}

static void understands_what_is_asked(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(WISHES); i++) {
        const struct wish_case *c = &WISHES[i];
        struct agent_wish w = AGENT_WISH_INIT;
        agent_wish_read(c->text, &w);
        if (w.intent != c->intent || !same(w.name, c->name) ||
            !same(w.template, c->template) || !same(w.model, c->model))
            fail_msg("'%s': intent %d, name %s, template %s, model %s", c->text,
                     (int)w.intent, w.name ? w.name : "-", w.template ? w.template : "-",
                     w.model ? w.model : "-");
        agent_wish_release(&w);
    }
}

static void assert_says(char *text, const char *expected)
{
    assert_string_equal(text, expected);
    free(text);
}

static void introduces_itself_with_the_prompt_that_it_loaded(void **state)
{
    (void)state;
    assert_says(agent_introduction("# You are Acme Agent, the concierge of this "
                                   "organisation\n\nYou are the root.\nAll of it.\n\n"
                                   "## What you are for\n\nPeople.\n"),
                "My instructions begin: You are Acme Agent, the concierge of this "
                "organisation. You are the root. All of it.");
    assert_says(agent_introduction("plain words\n"),
                "My instructions begin: plain words");
    assert_says(agent_introduction("\n\n"), "My system prompt is empty.");
    assert_says(agent_introduction("# only"), "My instructions begin: only.");
}

static void is_a_coding_agent_without_a_prompt(void **state)
{
    (void)state;
    char *text = agent_introduction(NULL);
    assert_non_null(strstr(text, "coding agent"));
    assert_null(strcasestr(text, "concierge"));
    free(text);
}

static void lists_built_in_and_loaded_tools_as_one_array(void **state)
{
    (void)state;
    json_t *loaded = json_pack("[s]", "mcp__a2a__list_peers");
    char *text = agent_tool_list(loaded);
    json_t *array = json_loads(text, 0, NULL);
    assert_true(json_is_array(array));
    assert_string_equal(json_string_value(json_array_get(array, 0)), "Task");
    assert_string_equal(
        json_string_value(json_array_get(array, json_array_size(array) - 1)),
        "mcp__a2a__list_peers");
    json_decref(array);
    json_decref(loaded);
    free(text);
}

static void passes_the_boxes_model_unless_a_template_decides(void **state)
{
    (void)state;
    struct agent_wish w = AGENT_WISH_INIT;
    agent_wish_read("create an agent named a", &w);
    json_t *plain = agent_create_arguments(&w, "m/1");
    agent_wish_release(&w);
    agent_wish_read("create an agent named a from template t", &w);
    json_t *with_template = agent_create_arguments(&w, "m/1");
    agent_wish_release(&w);
    json_t *expected = json_pack("[{ssss}{ssss}]", "name", "a", "model", "m/1", "name",
                                 "a", "template", "t");
    json_t *got = json_pack("[oo]", plain, with_template);
    assert_true(json_equal(got, expected));
    json_decref(got);
    json_decref(expected);
}

struct outcome_case {
    const char *result; /* NULL = no result */
    const char *expected;
};

static const struct outcome_case OUTCOMES[] = {
    {"{\"content\":[{\"type\":\"text\",\"text\":\"{\\\"auth_token\\\":\\\"sekret\\\","
     "\\\"id\\\":\\\"7\\\",\\\"status\\\":\\\"provisioning\\\"}\"}]}",
     "I called mcp__m__create for 'x'. It answered: id 7, status provisioning."},
    {"{\"content\":[{\"type\":\"text\",\"text\":\"done\"}]}",
     "I called mcp__m__create for 'x'. It answered: done"},
    {"{\"content\":[{\"type\":\"text\",\"text\":\"{\\\"error\\\":\\\"AUTH_ERROR\\\","
     "\\\"detail\\\":\\\"no key\\\"}\"}]}",
     "Agent error: mcp__m__create failed: AUTH_ERROR: no key"},
    {"{\"content\":[{\"type\":\"text\",\"text\":\"bad arguments\"}],\"isError\":true}",
     "Agent error: mcp__m__create failed: bad arguments"},
    {NULL, "Agent error: mcp__m__create failed: it is gone"},
};

static void says_what_the_tool_answered_without_its_tokens(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(OUTCOMES); i++) {
        const struct outcome_case *c = &OUTCOMES[i];
        json_t *result = c->result ? json_loads(c->result, 0, NULL) : NULL;
        assert_says(agent_tool_outcome("mcp__m__create", "x", result, "it is gone"),
                    c->expected);
        json_decref(result);
    }
}

static void falls_back_to_the_built_in_task(void **state)
{
    (void)state;
    struct agent_wish w = AGENT_WISH_INIT;
    agent_wish_read("spawn an agent named probe", &w);
    char *text = agent_task_fallback(&w);
    assert_non_null(strstr(text, "Task"));
    assert_non_null(strstr(text, "probe"));
    free(text);
    agent_wish_release(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(understands_what_is_asked),
        cmocka_unit_test(introduces_itself_with_the_prompt_that_it_loaded),
        cmocka_unit_test(is_a_coding_agent_without_a_prompt),
        cmocka_unit_test(lists_built_in_and_loaded_tools_as_one_array),
        cmocka_unit_test(passes_the_boxes_model_unless_a_template_decides),
        cmocka_unit_test(says_what_the_tool_answered_without_its_tokens),
        cmocka_unit_test(falls_back_to_the_built_in_task),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
