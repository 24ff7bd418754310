/* The JSON Schema validator against Debian's json-schema-test-suite (draft-07; it has no
 * newer one), and by rows of our own for what 2020-12 does otherwise. */
#include "mcp/schema.h"

#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/strv.h"
#include "io/json.h"

#define SUITE "/usr/share/json-schema-test-suite/tests/draft7"

/* What of the suite is refused, in which words, and why that is right here. */
static const struct {
    const char *group; /* its description */
    const char *says;
} REFUSED[] = {
    /* Nothing is ever fetched: a tool's schema stands alone. */
    {"remote ref", "leads to another document"},
    {"fragment within remote ref", "leads to another document"},
    {"ref within remote ref", "leads to another document"},
    {"remote ref, containing refs itself", "leads to another document"},
    {"root ref in remote ref", "leads to another document"},
    {"valid definition", "leads to another document"},
    {"invalid definition", "leads to another document"},
    /* '$id' inside a schema moves the base of references: no tool's schema does that. */
    {"base URI change", "'$id', which is not checked here"},
    {"base URI change - change folder", "'$id', which is not checked here"},
    {"base URI change - change folder in subschema", "'$id', which is not checked here"},
    {"Recursive references between schemas", "'$id', which is not checked here"},
};

struct tally {
    int passed, failed, refused;
};

static bool refused[ARRAY_SIZE(REFUSED)];

static bool refusal_is_expected(const char *group, const char *words)
{
    for (size_t i = 0; i < ARRAY_SIZE(REFUSED); i++)
        if (strcmp(group, REFUSED[i].group) == 0 && strstr(words, REFUSED[i].says)) {
            refused[i] = true;
            return true;
        }
    return false;
}

static void run_group(const char *file, const json_t *group, struct tally *n)
{
    json_t *schema = json_object_get(group, "schema");
    const char *about = json_str(group, "description", "");
    struct mcp_schema *s = NULL;
    struct err err = ERR_INIT;
    const json_t *test = NULL;
    size_t i = 0;

    if (json_is_object(schema) && !json_object_get(schema, "$schema"))
        (void)json_object_set_new(schema, "$schema",
                                  json_string("http://json-schema.org/draft-07/schema#"));
    if (mcp_schema_read(schema, &s, &err)) {
        n->refused++;
        if (refusal_is_expected(about, err.text))
            return;
        print_error("%s: '%s' is refused: %s\n", file, about, err.text);
        n->failed++;
        return;
    }
    json_array_foreach(json_object_get(group, "tests"), i, test)
    {
        bool valid = json_bool(test, "valid", false);
        int rc = mcp_schema_check(s, json_object_get(test, "data"), NULL, &err);
        if (rc == (valid ? MCP_SCHEMA_FITS : MCP_SCHEMA_MISFIT)) {
            n->passed++;
            continue;
        }
        print_error("%s: '%s', '%s' is %d\n", file, about,
                    json_str(test, "description", ""), rc);
        n->failed++;
    }
    mcp_schema_free(s);
}

static void run_file(const char *dir, const char *name, struct tally *n)
{
    char *path CLEANUP(free_ptr) = xasprintf("%s/%s", dir, name);
    json_t *groups CLEANUP(json_drop) = NULL;
    const json_t *group = NULL;
    struct err err = ERR_INIT;
    size_t i = 0;

    if (json_read_file(path, &groups, &err))
        fail_msg("%s", err.text);
    json_array_foreach(groups, i, group) run_group(name, group, n);
}

/* Every file of a folder, in order. */
static struct tally run_folder(const char *dir)
{
    struct tally n = {0, 0, 0};
    struct strv names CLEANUP(strv_release) = STRV_INIT;
    DIR *d = opendir(dir);

    if (!d) {
        fail_msg("%s is missing: 'ci/install-deps test' installs it", dir);
        return n;
    }
    for (const struct dirent *e = readdir(d); e; e = readdir(d))
        if (strstr(e->d_name, ".json"))
            strv_add(&names, e->d_name);
    (void)closedir(d);
    strv_sort(&names);
    for (size_t i = 0; i < names.n; i++)
        run_file(dir, names.v[i], &n);
    return n;
}

static void agrees_with_the_suite(void **state)
{
    (void)state;
    struct tally n = run_folder(SUITE);
    print_message("%d passed, %d failed, %d groups refused\n", n.passed, n.failed,
                  n.refused);
    assert_int_equal(n.failed, 0);
    assert_true(n.passed >= 400);
    for (size_t i = 0; i < ARRAY_SIZE(REFUSED); i++)
        if (!refused[i])
            fail_msg("'%s' is not refused any more", REFUSED[i].group);
}

/* ---- 2020-12, and limits ---- */

static const struct {
    const char *schema, *value;
    bool fits;
} ROWS[] = {
    {"{'prefixItems':[{'type':'string'}],'items':{'type':'integer'}}", "['a',1]", true},
    {"{'prefixItems':[{'type':'string'}],'items':{'type':'integer'}}", "['a','b']",
     false},
    {"{'prefixItems':[{'type':'string'}],'items':false}", "['a',1]", false},
    {"{'$ref':'#/$defs/a','minLength':3,'$defs':{'a':{'type':'string'}}}", "'ab'", false},
    {"{'$ref':'#/$defs/a','minLength':3,'$defs':{'a':{'type':'string'}}}", "'abc'", true},
    {"{'$ref':'#here','$defs':{'a':{'$anchor':'here','type':'string'}}}", "1", false},
    {"{'$ref':'#here','$defs':{'a':{'$anchor':'here','type':'string'}}}", "'1'", true},
    {"{'$ref':'#here','default':{'$anchor':'here','type':'integer'},'examples':[{"
     "'$anchor':'here','type':'integer'}],'$defs':{'a':{'$anchor':'here','type':'string'}"
     "}}",
     "'1'", true},
    {"{'$ref':'#here','$defs':{'const':{'$anchor':'here','type':'string'}}}", "1", false},
    {"{'$ref':'#here','$defs':{'enum':{'items':{'$anchor':'here'}}}}", "1", true},
    {"{'dependentRequired':{'a':['b']}}", "{'a':1}", false},
    {"{'dependentRequired':{'a':['b']}}", "{'a':1,'b':2}", true},
    {"{'dependentSchemas':{'a':{'maxProperties':1}}}", "{'a':1,'b':2}", false},
    {"{'contains':{'type':'integer'},'minContains':2}", "[1,'a']", false},
    {"{'contains':{'type':'integer'},'minContains':2}", "[1,'a',2]", true},
    {"{'contains':{'type':'integer'},'maxContains':1}", "[1,2]", false},
    {"{'contains':{'type':'integer'},'minContains':0}", "[]", true},
    {"{'properties':{'a':{}},'unevaluatedProperties':false}", "{'a':1,'b':2}", false},
    {"{'allOf':[{'properties':{'a':{}}}],'unevaluatedProperties':false}", "{'a':1}",
     true},
    {"{'anyOf':[{'required':['x'],'properties':{'x':{}}},{'properties':{'a':{}}}],"
     "'unevaluatedProperties':false}",
     "{'a':1,'x':1}", true},
    {"{'if':{'required':['a'],'properties':{'a':{}}},'then':{'properties':{'b':{}}},"
     "'unevaluatedProperties':{'type':'string'}}",
     "{'a':1,'b':2,'c':3}", false},
    {"{'prefixItems':[true],'unevaluatedItems':false}", "[1,2]", false},
    {"{'contains':{'type':'string'},'unevaluatedItems':{'type':'integer'}}", "['a',2]",
     true},
    {"{'dependencies':{'a':['b']}}", "{'a':1}", true}, /* not in this dialect */
    {"{'pattern':'^\\\\d+$'}", "'12\\n'", false},
    {"{'pattern':'a\\u0000b'}", "'ac'", false}, /* whole, not up to the NUL */
    {"{'pattern':'a\\u0000b'}", "'a\\u0000b'", true},
    {"{'pattern':'^[^]$'}", "'\\n'", true}, /* anything */
    {"{'pattern':'[]'}", "'[]'", false},    /* nothing */
    {"{'pattern':'^[(*]+$'}", "'(*'", true},
    {"{'pattern':'^\\\\(*$'}", "'(('", true},
    {"{'maximum':9007199254740992}", "9007199254740993", false},
    {"{'minimum':9007199254740993}", "9007199254740992", false},
    {"{'exclusiveMaximum':9007199254740993}", "9007199254740992", true},
    {"{'exclusiveMinimum':9007199254740992.0}", "9007199254740993", true},
    {"{'const':9007199254740992.0}", "9007199254740993", false},
    {"{'multipleOf':2}", "9007199254740993", false},
    {"{'multipleOf':2.0}", "9007199254740993", false},
    {"{'multipleOf':1}", "1e-10", false},
    {"{'multipleOf':0.5}", "1e-10", false},
    {"{'multipleOf':0.01}", "4.35", true},
    {"{'multipleOf':0.01}", "4.355", false},
    {"{'multipleOf':0.5}", "1e300", true},
    {"{'uniqueItems':true}", "[1,'1',[1],{'a':1},true,null]", true},
    {"{'uniqueItems':true}", "[0,'a',-0.0]", false},
    {"{'uniqueItems':true}", "[9007199254740992,9007199254740993]", true},
    {"{'uniqueItems':true}", "[{'a':1,'b':[2]},3,{'b':[2.0],'a':1.0}]", false},
    {"{'uniqueItems':true}", "[{'a':1,'b':2},{'a':2,'b':1}]", true},
    {"{'const':1.0}", "1", true},
    {"{'enum':[{'a':[1.0]}]}", "{'a':[1]}", true},
    {"{'type':['string','null']}", "null", true},
    {"{'type':['string','null']}", "0", false},
    {"{'format':'email'}", "'nobody'", true}, /* an annotation */
};

static json_t *quoted(const char *text)
{
    char *json CLEANUP(free_ptr) = xstrdup(text);
    for (char *p = json; *p; p++)
        if (*p == '\'')
            *p = '"';
    json_t *value = json_loads(json, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
    if (!value)
        fail_msg("not JSON: %s", json);
    return value;
}

static void checks_the_newer_dialect(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(ROWS); i++) {
        json_t *schema CLEANUP(json_drop) = quoted(ROWS[i].schema);
        json_t *value CLEANUP(json_drop) = quoted(ROWS[i].value);
        struct mcp_schema *s = NULL;
        struct err err = ERR_INIT;
        if (mcp_schema_read(schema, &s, &err))
            fail_msg("%s: %s", ROWS[i].schema, err.text);
        int rc = mcp_schema_check(s, value, NULL, &err);
        mcp_schema_free(s);
        if (rc != (ROWS[i].fits ? MCP_SCHEMA_FITS : MCP_SCHEMA_MISFIT))
            fail_msg("%s on %s: %d %s", ROWS[i].schema, ROWS[i].value, rc, err.text);
    }
}

static const struct {
    const char *schema, *says;
} BAD[] = {
    {"{'$schema':'https://json-schema.org/draft/2019-09/schema'}", "2019-09"},
    {"{'properties':{'a':{'$dynamicRef':'#x'}}}", "uses '$dynamicRef'"},
    {"{'properties':{'a':{'$id':'http://x/y'}}}", "'$id', which is not checked here"},
    {"{'$ref':'http://127.0.0.1:1/canary'}", "nothing is fetched"},
    {"{'$ref':'#/$defs/none'}", "leads nowhere"},
    {"{'$ref':'#here','enum':[{'$anchor':'here'}]}", "leads nowhere"},
    {"{'$ref':'#/$defs/a\\u0000','$defs':{'a':true}}", "'$ref' of the schema is not"},
    {"{'type':'text'}", "'type' of the schema is not a type"},
    {"{'minimum':'1'}", "'minimum' of the schema is not a number"},
    {"{'properties':{'a':7}}", "neither an object nor true or false"},
    {"{'pattern':'('}", "is no regular expression"},
    {"{'pattern':'x(*ACCEPT)y'}", "is no regular expression of ECMA-262"},
    {"{'pattern':'^\\\\Qa.b\\\\E$'}", "is no regular expression of ECMA-262"},
    {"{'multipleOf':0}", "a number above 0"},
    {"{'anyOf':[]}", "an array of schemas"},
    {"7", "neither an object nor true or false"},
};

static void refuses_in_words_what_it_does_not_understand(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(BAD); i++) {
        json_t *schema CLEANUP(json_drop) = quoted(BAD[i].schema);
        struct mcp_schema *s = NULL;
        struct err err = ERR_INIT;
        assert_int_equal(mcp_schema_read(schema, &s, &err), -1);
        if (!strstr(err.text, BAD[i].says))
            fail_msg("%s: %s", BAD[i].schema, err.text);
    }
}

static void gives_up_on_what_has_no_end(void **state)
{
    static const char *const endless[] = {
        "{'$ref':'#'}",
        "{'allOf':[{'$ref':'#'},{'$ref':'#'}]}",
        "{'not':{'$ref':'#'}}",
        "{'pattern':'^(a+)+$'}",
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(endless); i++) {
        json_t *schema CLEANUP(json_drop) = quoted(endless[i]);
        json_t *value CLEANUP(json_drop) =
            json_string("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa!");
        struct mcp_schema *s = NULL;
        struct err err = ERR_INIT;
        assert_int_equal(mcp_schema_read(schema, &s, &err), 0);
        int rc = mcp_schema_check(s, value, NULL, &err);
        mcp_schema_free(s);
        if (rc >= 0)
            fail_msg("%s: %d", endless[i], rc);
    }
}

/* What a check says; issues: borrowed, NULL = nobody listens. */
static int check(const char *schema, const json_t *value, json_t *issues)
{
    json_t *read CLEANUP(json_drop) = quoted(schema);
    struct mcp_schema *s = NULL;
    struct err err = ERR_INIT;
    if (mcp_schema_read(read, &s, &err))
        fail_msg("%s: %s", schema, err.text);
    int rc = mcp_schema_check(s, value, issues, &err);
    mcp_schema_free(s);
    return rc;
}

/* element: taken. */
static json_t *times(int n, json_t *element)
{
    json_t *array = json_array();
    for (int i = 0; i < n; i++)
        assert_int_equal(json_array_append(array, element), 0);
    json_decref(element);
    return array;
}

static void checks_a_large_value_to_its_end(void **state)
{
    (void)state;
    json_t *value CLEANUP(json_drop) = times(250000, json_string("a"));
    const char *schema = "{'items':{'type':'string'}}";
    assert_int_equal(check(schema, value, NULL), MCP_SCHEMA_FITS);
    json_push(value, json_integer(1));
    assert_int_equal(check(schema, value, NULL), MCP_SCHEMA_MISFIT);
}

static void finds_the_same_item_twice_among_many(void **state)
{
    (void)state;
    json_t *value CLEANUP(json_drop) = json_array();
    json_t *issues CLEANUP(json_drop) = json_array();
    for (int i = 0; i < 20000; i++)
        json_push(value, json_make("{s:i}", "id", i));
    assert_int_equal(check("{'uniqueItems':true}", value, NULL), MCP_SCHEMA_FITS);
    json_push(value, json_make("{s:i}", "id", 77));
    assert_int_equal(check("{'uniqueItems':true}", value, issues), MCP_SCHEMA_MISFIT);
    assert_string_equal(json_str(json_array_get(issues, 0), "message", ""),
                        "Items 77 and 20000 are the same");
}

static void says_no_more_than_a_hundred_faults(void **state)
{
    (void)state;
    json_t *value CLEANUP(json_drop) = times(1000, json_integer(1));
    json_t *issues CLEANUP(json_drop) = json_array();
    assert_int_equal(check("{'items':{'type':'string'}}", value, issues),
                     MCP_SCHEMA_MISFIT);
    assert_int_equal(json_array_size(issues), 100);
}

/* What stands behind the fault would take too long. */
static void stops_at_the_first_fault_when_nobody_listens(void **state)
{
    (void)state;
    json_t *value CLEANUP(json_drop) =
        quoted("[1,'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa!']");
    assert_int_equal(
        check("{'items':{'type':'string','pattern':'^(a+)+$'}}", value, NULL),
        MCP_SCHEMA_MISFIT);
}

static json_t *long_text(size_t n, char c)
{
    char *text CLEANUP(free_ptr) = xmalloc(n);
    memset(text, c, n);
    return json_stringn(text, n);
}

static void gives_up_on_patterns_that_together_take_too_long(void **state)
{
    (void)state;
    /* Each alone is soon found not to fit. */
    json_t *value CLEANUP(json_drop) = times(2000, json_string("aaaaaaaaaaaaaa!"));
    assert_int_equal(check("{'contains':{'pattern':'^(a+)+$'}}", value, NULL), -1);
}

static void gives_up_on_a_pattern_that_begins_anywhere(void **state)
{
    (void)state;
    json_t *value CLEANUP(json_drop) = long_text(40000, 'a');
    assert_int_equal(check("{'pattern':'[a-z]*\\\\d'}", value, NULL), -1);
}

static void gives_up_on_many_patterns_for_many_names(void **state)
{
    (void)state;
    struct mcp_schema *s = NULL;
    json_t *patterns = json_object();
    json_t *schema CLEANUP(json_drop) = json_make("{s:o}", "patternProperties", patterns);
    json_t *value CLEANUP(json_drop) = json_object();
    for (int i = 0; i < 500; i++) {
        char *name CLEANUP(free_ptr) = xasprintf("^p%d$", i);
        json_put(patterns, name, json_true());
    }
    for (int i = 0; i < 3000; i++) {
        char *name CLEANUP(free_ptr) = xasprintf("n%d", i);
        json_put(value, name, json_true());
    }
    assert_int_equal(mcp_schema_read(schema, &s, NULL), 0);
    assert_int_equal(mcp_schema_check(s, value, NULL, NULL), -1);
    mcp_schema_free(s);
}

static void finds_patterns_in_much_text(void **state)
{
    (void)state;
    json_t *file CLEANUP(json_drop) = long_text(1000000, 'A');
    json_t *mails CLEANUP(json_drop) = times(20000, json_string("someone@example.com"));
    json_t *endless CLEANUP(json_drop) = long_text(2000000, 'A');
    assert_int_equal(check("{'pattern':'^[A-Za-z0-9+/]*$'}", file, NULL),
                     MCP_SCHEMA_FITS);
    assert_int_equal(
        check("{'items':{'pattern':'^[^@ ]+@[^@ ]+[.][a-z]+$'}}", mails, NULL),
        MCP_SCHEMA_FITS);
    assert_int_equal(check("{'pattern':'^[A-Za-z0-9+/]*$'}", endless, NULL), -1);
}

static void read_in_vain(json_t *schema, const char *why)
{
    struct mcp_schema *s = NULL;
    struct err err = ERR_INIT;
    assert_int_equal(mcp_schema_read(schema, &s, &err), -1);
    if (!strstr(err.text, why))
        fail_msg("%s", err.text);
}

/* {"$schema":dialect,"definitions":{"0":{"$ref":"#/definitions/1"},...,"n":true}} */
static json_t *chain(const char *dialect, int n)
{
    json_t *definitions = json_object();
    char name[16];
    for (int i = 0; i <= n; i++) {
        char *next CLEANUP(free_ptr) = xasprintf("#/definitions/%d", i + 1);
        (void)snprintf(name, sizeof(name), "%d", i);
        assert_int_equal(
            json_object_set_new(definitions, name,
                                i == n ? json_true() : json_make("{s:s}", "$ref", next)),
            0);
    }
    return json_make("{s:s,s:o,s:{s:s}}", "$schema", dialect, "definitions", definitions,
                     "not", "$ref", "#/definitions/0");
}

static void counts_references_to_references_as_depth(void **state)
{
    (void)state;
    static const char *const dialects[] = {
        "http://json-schema.org/draft-07/schema#",
        "https://json-schema.org/draft/2020-12/schema"};
    for (size_t i = 0; i < ARRAY_SIZE(dialects); i++) {
        struct mcp_schema *s = NULL;
        json_t *longest CLEANUP(json_drop) = chain(dialects[i], 30);
        json_t *endless CLEANUP(json_drop) = chain(dialects[i], 20000);
        assert_int_equal(mcp_schema_read(longest, &s, NULL), 0);
        mcp_schema_free(s);
        read_in_vain(endless, "nested too deep");
    }
}

static void gives_up_on_a_schema_that_is_much_work_to_read(void **state)
{
    (void)state;
    json_t *many CLEANUP(json_drop) = json_object();
    json_t *patterns = json_object();
    json_t *anchors = json_object();
    for (int i = 0; i < 2000; i++) {
        char *name CLEANUP(free_ptr) = xasprintf("p%d", i);
        char *ref CLEANUP(free_ptr) = xasprintf("#p%d", i);
        assert_int_equal(json_object_set_new(patterns, name, json_true()), 0);
        assert_int_equal(json_object_set_new(anchors, name,
                                             json_make("{s:s,s:{s:s}}", "$anchor", name,
                                                       "not", "$ref", ref)),
                         0);
    }
    assert_int_equal(json_object_set_new(many, "patternProperties", patterns), 0);
    read_in_vain(many, "too large to be read");
    assert_int_equal(json_object_clear(many), 0);
    assert_int_equal(json_object_set_new(many, "properties", anchors), 0);
    read_in_vain(many, "too large to be read");
}

static void says_where_and_why(void **state)
{
    (void)state;
    json_t *schema CLEANUP(json_drop) =
        quoted("{'type':'object','properties':{'tier':{'type':'integer','maximum':4},"
               "'list':{'items':{'type':'string'}}},'required':['name']}");
    json_t *value CLEANUP(json_drop) = quoted("{'tier':5,'list':['a',1]}");
    json_t *issues CLEANUP(json_drop) = json_array();
    struct mcp_schema *s = NULL;
    assert_int_equal(mcp_schema_read(schema, &s, NULL), 0);
    assert_int_equal(mcp_schema_check(s, value, issues, NULL), MCP_SCHEMA_MISFIT);
    mcp_schema_free(s);
    char *text CLEANUP(free_ptr) = mcp_schema_issues_text(issues);
    assert_string_equal(text, "'name': Required; 'tier': Number must be at most 4; "
                              "'list.1': Expected string, received number");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(agrees_with_the_suite),
        cmocka_unit_test(checks_the_newer_dialect),
        cmocka_unit_test(refuses_in_words_what_it_does_not_understand),
        cmocka_unit_test(gives_up_on_what_has_no_end),
        cmocka_unit_test(checks_a_large_value_to_its_end),
        cmocka_unit_test(finds_the_same_item_twice_among_many),
        cmocka_unit_test(says_no_more_than_a_hundred_faults),
        cmocka_unit_test(stops_at_the_first_fault_when_nobody_listens),
        cmocka_unit_test(gives_up_on_patterns_that_together_take_too_long),
        cmocka_unit_test(gives_up_on_a_pattern_that_begins_anywhere),
        cmocka_unit_test(gives_up_on_many_patterns_for_many_names),
        cmocka_unit_test(finds_patterns_in_much_text),
        cmocka_unit_test(counts_references_to_references_as_depth),
        cmocka_unit_test(gives_up_on_a_schema_that_is_much_work_to_read),
        cmocka_unit_test(says_where_and_why),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
