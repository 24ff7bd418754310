/* The merge of settings fragments, by table and by property. */
#include "base/ids.h"
#include "base/strv.h"
#include "io/json.h"
#include "mocks/box/expand.h"
#include "mocks/box/merge.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#define DIR "/configs/.claude"

static json_t *parsed(const char *text)
{
    json_t *j = json_loads(text, JSON_DECODE_ANY, NULL);
    assert_non_null(j);
    return j;
}

struct merge_case {
    const char *about;
    const char *settings; /* NULL = no file */
    const char *fragment;
    const char *expected;
};

static const struct merge_case CASES[] = {
    {"an absent file becomes the fragment and an empty hooks object", NULL,
     "{\"mcpServers\":{\"m\":{\"command\":\"npx\"}}}",
     "{\"hooks\":{},\"mcpServers\":{\"m\":{\"command\":\"npx\"}}}"},
    {"settings that are no object count as empty", "[1,2]", "{\"a\":1}",
     "{\"hooks\":{},\"a\":1}"},
    {"servers are united", "{\"mcpServers\":{\"a\":{\"command\":\"x\"}}}",
     "{\"mcpServers\":{\"b\":{\"command\":\"y\"}}}",
     "{\"hooks\":{},\"mcpServers\":{\"a\":{\"command\":\"x\"},\"b\":{\"command\":\"y\"}}"
     "}"},
    {"the fragment's server replaces the whole entry, its env included",
     "{\"mcpServers\":{\"a\":{\"command\":\"x\",\"env\":{\"K\":\"1\",\"L\":\"2\"}}}}",
     "{\"mcpServers\":{\"a\":{\"command\":\"y\",\"env\":{\"K\":\"3\"}}}}",
     "{\"hooks\":{},\"mcpServers\":{\"a\":{\"command\":\"y\",\"env\":{\"K\":\"3\"}}}}"},
    {"a scalar that is there stays", "{\"model\":\"old\"}",
     "{\"model\":\"new\",\"theme\":\"dark\"}",
     "{\"hooks\":{},\"model\":\"old\",\"theme\":\"dark\"}"},
    {"an array that is there stays", "{\"allow\":[\"a\"]}", "{\"allow\":[\"b\"]}",
     "{\"hooks\":{},\"allow\":[\"a\"]}"},
    {"an object does not replace a scalar", "{\"env\":\"x\"}", "{\"env\":{\"A\":\"1\"}}",
     "{\"hooks\":{},\"env\":\"x\"}"},
    {"a null that is there counts as there", "{\"env\":null}", "{\"env\":{\"A\":\"1\"}}",
     "{\"hooks\":{},\"env\":null}"},
    {"references stay as they are outside hooks", NULL,
     "{\"env\":{\"D\":\"${CLAUDE_DIR}\",\"K\":\"${MOLECULE_ORG_API_KEY}\"}}",
     "{\"hooks\":{},\"env\":{\"D\":\"${CLAUDE_DIR}\",\"K\":\"${MOLECULE_ORG_API_KEY}\"}"
     "}"},
    {"the directory is expanded in hook commands, other references are not", NULL,
     "{\"hooks\":{\"Stop\":[{\"hooks\":[{\"type\":\"command\","
     "\"command\":\"${CLAUDE_DIR}/a ${HOME} ${CLAUDE_DIR}\"}]}]}}",
     "{\"hooks\":{\"Stop\":[{\"hooks\":[{\"type\":\"command\","
     "\"command\":\"/configs/.claude/a ${HOME} /configs/.claude\"}]}]}}"},
    {"a hook with the same matcher and commands is not added again",
     "{\"hooks\":{\"Stop\":[{\"matcher\":\"X\",\"hooks\":[{\"command\":\"" DIR
     "/a\"}]}]}}",
     "{\"hooks\":{\"Stop\":[{\"matcher\":\"X\",\"hooks\":[{\"command\":"
     "\"${CLAUDE_DIR}/a\",\"timeout\":5}]}]}}",
     "{\"hooks\":{\"Stop\":[{\"matcher\":\"X\",\"hooks\":[{\"command\":\"" DIR
     "/a\"}]}]}}"},
    {"a hook with another matcher is appended",
     "{\"hooks\":{\"Stop\":[{\"matcher\":\"X\",\"hooks\":[{\"command\":\"a\"}]}]}}",
     "{\"hooks\":{\"Stop\":[{\"hooks\":[{\"command\":\"a\"}]}]}}",
     "{\"hooks\":{\"Stop\":[{\"matcher\":\"X\",\"hooks\":[{\"command\":\"a\"}]},"
     "{\"hooks\":[{\"command\":\"a\"}]}]}}"},
    {"a hook with more commands is appended",
     "{\"hooks\":{\"Stop\":[{\"hooks\":[{\"command\":\"a\"}]}]}}",
     "{\"hooks\":{\"Stop\":[{\"hooks\":[{\"command\":\"a\"},{\"command\":\"b\"}]}]}}",
     "{\"hooks\":{\"Stop\":[{\"hooks\":[{\"command\":\"a\"}]},"
     "{\"hooks\":[{\"command\":\"a\"},{\"command\":\"b\"}]}]}}"},
    {"hooks of the wrong type are replaced", "{\"hooks\":[]}",
     "{\"hooks\":{\"Stop\":[{\"hooks\":[]}]}}",
     "{\"hooks\":{\"Stop\":[{\"hooks\":[]}]}}"},
    {"malformed handlers are left out", "{}", "{\"hooks\":{\"Stop\":[1,\"x\"],\"A\":3}}",
     "{\"hooks\":{\"Stop\":[],\"A\":[]}}"},
    {"an empty fragment makes the hooks object and nothing else", "{\"a\":1}", "{}",
     "{\"a\":1,\"hooks\":{}}"},
};

static void merges_as_the_table_says(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(CASES); i++) {
        const struct merge_case *c = &CASES[i];
        json_t *settings = c->settings ? parsed(c->settings) : NULL;
        json_t *fragment = parsed(c->fragment);
        json_t *expected = parsed(c->expected);
        json_t *merged = settings_merge(settings, fragment, DIR);
        if (!json_equal(merged, expected))
            fail_msg("%s: got %s", c->about, json_dumps(merged, JSON_COMPACT));
        json_decref(merged);
        json_decref(expected);
        json_decref(fragment);
        json_decref(settings);
    }
}

static void leaves_its_arguments_alone(void **state)
{
    (void)state;
    json_t *settings =
        parsed("{\"mcpServers\":{\"a\":{\"command\":\"x\"}},\"hooks\":{}}");
    json_t *fragment = parsed("{\"mcpServers\":{\"a\":{\"command\":\"y\"}},\"hooks\":"
                              "{\"S\":[{\"hooks\":[{\"command\":\"${CLAUDE_DIR}\"}]}]}}");
    json_t *before =
        json_pack("[O,O]", json_deep_copy(settings), json_deep_copy(fragment));
    json_t *merged = settings_merge(settings, fragment, DIR);
    settings_embed_env(json_object_get(merged, "mcpServers"), &(struct strv)STRV_INIT);
    json_t *after = json_pack("[O,O]", settings, fragment);
    assert_true(json_equal(before, after));
    json_decref(merged);
    json_decref(after);
    json_decref(json_array_get(before, 0));
    json_decref(json_array_get(before, 1));
    json_decref(before);
    json_decref(settings);
    json_decref(fragment);
}

static const char *const PIECES[] = {"${MOLECULE_ORG_API_KEY}",
                                     "${CLAUDE_DIR}",
                                     "${",
                                     "}",
                                     "$",
                                     "${}",
                                     "plain",
                                     "\"",
                                     "\\",
                                     "${A:-b}"};

static json_t *random_fragment(struct rng *rng)
{
    json_t *servers = json_object();
    size_t n = 1 + rng_next(rng) % 3;

    for (size_t i = 0; i < n; i++) {
        json_t *env = json_object();
        for (size_t k = rng_next(rng) % 4; k > 0; k--) {
            char value[128] = "";
            size_t used = 0;
            for (size_t p = rng_next(rng) % 4; p > 0; p--) {
                const char *piece = PIECES[rng_next(rng) % ARRAY_SIZE(PIECES)];
                memcpy(value + used, piece, strlen(piece) + 1);
                used += strlen(piece);
            }
            char name[2] = {(char)('A' + rng_next(rng) % 5), 0};
            json_object_set_new(env, name, json_string(value));
        }
        char server[2] = {(char)('a' + rng_next(rng) % 4), 0};
        json_object_set_new(servers, server,
                            json_pack("{s:s,s:o}", "command", "npx", "env", env));
    }
    return json_pack("{s:o}", "mcpServers", servers);
}

static void keeps_every_reference_literal_and_merges_once(void **state)
{
    (void)state;
    struct rng rng = {.state = 20260622};
    for (int round = 0; round < 500; round++) {
        json_t *first = random_fragment(&rng);
        json_t *second = random_fragment(&rng);
        json_t *one = settings_merge(NULL, first, DIR);
        json_t *two = settings_merge(one, second, DIR);
        json_t *again = settings_merge(two, second, DIR);
        const char *name;
        json_t *entry;
        assert_true(json_equal(two, again));
        json_object_foreach(json_object_get(second, "mcpServers"), name, entry)
        {
            json_t *got = json_object_get(json_object_get(two, "mcpServers"), name);
            assert_true(json_equal(got, entry));
        }
        json_decref(again);
        json_decref(two);
        json_decref(one);
        json_decref(second);
        json_decref(first);
    }
}

struct expand_case {
    const char *text, *expected;
};

static const struct expand_case EXPANSIONS[] = {
    {"${KEY}", "value"},
    {"a ${KEY} b ${KEY}", "a value b value"},
    {"${MISSING}", ""},
    {"${MISSING:-other}", "other"},
    {"${KEY:-other}", "value"},
    {"$KEY", "$KEY"},
    {"${KEY", "${KEY"},
    {"${}", "${}"},
    {"${1A}", "${1A}"},
    {"${A-B}", "${A-B}"},
    {"${EMPTY}", ""},
    {"${NEST}", "${KEY}"},
    {"", ""},
};

static void expands_references_to_the_environment(void **state)
{
    (void)state;
    struct strv env = STRV_INIT;
    strv_env_set(&env, "KEY", "value");
    strv_env_set(&env, "EMPTY", "");
    strv_env_set(&env, "NEST", "${KEY}");
    for (size_t i = 0; i < ARRAY_SIZE(EXPANSIONS); i++) {
        char *got = env_expand(EXPANSIONS[i].text, &env);
        assert_string_equal(got, EXPANSIONS[i].expected);
        free(got);
    }
    strv_release(&env);
}

static void embeds_values_only_when_asked_to(void **state)
{
    (void)state;
    struct strv env = STRV_INIT;
    strv_env_set(&env, "K", "secret");
    json_t *settings =
        parsed("{\"mcpServers\":{\"m\":{\"args\":[\"${K}\"],"
               "\"env\":{\"A\":\"${K}\",\"N\":1}}},\"env\":{\"A\":\"${K}\"}}");
    json_t *expected = parsed("{\"mcpServers\":{\"m\":{\"args\":[\"${K}\"],"
                              "\"env\":{\"A\":\"secret\",\"N\":1}}},"
                              "\"env\":{\"A\":\"${K}\"}}");
    settings_embed_env(json_object_get(settings, "mcpServers"), &env);
    assert_true(json_equal(settings, expected));
    json_decref(settings);
    json_decref(expected);
    strv_release(&env);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(merges_as_the_table_says),
        cmocka_unit_test(leaves_its_arguments_alone),
        cmocka_unit_test(keeps_every_reference_literal_and_merges_once),
        cmocka_unit_test(expands_references_to_the_environment),
        cmocka_unit_test(embeds_values_only_when_asked_to),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
