/* Tests of jq programs: what goes in is data, never code; errors have their place. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/clock.h"
#include "io/json.h"
#include "io/proc.h"
#include "scenario/expr.h"
#include "scenario/vars.h"
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

struct fixture {
    struct exprs *set;
    struct vars *vars;
    json_t *results;
    char *raised;
};

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));

    f->set = exprs_new();
    f->vars = vars_new();
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;

    exprs_free(f->set);
    vars_free(f->vars);
    json_decref(f->results);
    free(f->raised);
    free(f);
    return 0;
}

static int add(struct fixture *f, const char *program)
{
    struct err err = ERR_INIT;
    int id = -1;

    if (exprs_add(f->set, program, "f.yaml", 1, 1, &id, &err) < 0)
        fail_msg("%s", err.text);
    exprs_want(f->set, id);
    return id;
}

static void compile(struct fixture *f)
{
    struct err err = ERR_INIT;

    if (exprs_compile(f->set, NULL, NULL, &err) < 0)
        fail_msg("%s", err.text);
}

static int eval(struct fixture *f, int id, const char *input, struct err *err)
{
    json_t *in = json_loads(input, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);

    json_decref(f->results);
    f->results = NULL;
    free(f->raised);
    f->raised = NULL;
    assert_non_null(in);
    int r = exprs_eval(f->set, id, in, f->vars, &f->results, &f->raised, err);
    json_decref(in);
    return r;
}

static void assert_yields(struct fixture *f, int id, const char *input, const char *list)
{
    struct err err = ERR_INIT;

    if (eval(f, id, input, &err) != 0)
        fail_msg("%s%s", err.text, f->raised ? f->raised : "");
    char *text = json_dumps(f->results, JSON_COMPACT | JSON_SORT_KEYS);
    char *copy = test_malloc(strlen(text) + 1);
    memcpy(copy, text, strlen(text) + 1);
    free(text);
    assert_string_equal(copy, list);
    test_free(copy);
}

static void assert_rewritten(const char *program, const char *expected)
{
    char *text = expr_rewrite(program);
    bool same = strcmp(text, expected) == 0;

    if (!same)
        print_error("%s\n", text);
    free(text);
    assert_true(same);
}

static void writes_variables_as_references(void **state)
{
    (void)state;
    assert_rewritten(".id == ${a.b}", ".id == $vars.a.b");
    assert_rewritten(".id == \"x-${a.b}\"", ".id == \"x-\\($vars.a.b)\"");
    assert_rewritten("\"\\(.x + ${y})\"", "\"\\(.x + $vars.y)\"");
    assert_rewritten("\"\\(.x + \"${y}\")\"", "\"\\(.x + \"\\($vars.y)\")\"");
    assert_rewritten("${list.0.my-name}", "$vars.list[0][\"my-name\"]");
    assert_rewritten("\"$${x}\"", "\"${x}\"");
    assert_rewritten("\"\\\"${x}\"", "\"\\\"\\($vars.x)\"");
    assert_rewritten(". # it's ${x} (\n| 1", ". \n| 1");
    assert_rewritten("${s} == ${s.id}", "$vars.s == $vars[\"s.id\"]");
}

static void never_takes_data_for_code(void **state)
{
    static const char *const nasty[] = {"\" or true or \"",
                                        "\\(1+1)",
                                        "${x}",
                                        "$vars",
                                        ") | true | (",
                                        "\\",
                                        "\"",
                                        "#",
                                        "'; halt",
                                        "\xF0\x9F\x98\x80",
                                        "",
                                        "null"};
    struct fixture *f = *state;
    int in_string = add(f, ".[0] == \"<${x}>\"");
    int bare = add(f, ".[1] == ${x}");

    compile(f);
    for (size_t i = 0; i < ARRAY_SIZE(nasty); i++) {
        vars_set(f->vars, "x", json_string(nasty[i]));
        json_t *in = json_pack("[o, s]", json_sprintf("<%s>", nasty[i]), nasty[i]);
        char *text = json_dumps(in, 0);
        assert_yields(f, in_string, text, "[true]");
        assert_yields(f, bare, text, "[true]");
        assert_yields(f, in_string, "[\"other\", 1]", "[false]");
        free(text);
        json_decref(in);
    }
}

static void keeps_the_type_of_a_bare_variable(void **state)
{
    struct fixture *f = *state;
    int id = add(f, "[${n} + 1, ${o}.k, (${l} | length), ${b}, ${z}]");

    compile(f);
    vars_set(f->vars, "n", json_integer(41));
    vars_set(f->vars, "o", json_pack("{s:s}", "k", "v"));
    vars_set(f->vars, "l", json_pack("[i,i]", 1, 2));
    vars_set(f->vars, "b", json_true());
    vars_set(f->vars, "z", json_null());
    assert_yields(f, id, "null", "[[42,\"v\",2,true,null]]");
}

static void shows_all_variables_as_vars(void **state)
{
    struct fixture *f = *state;
    int id = add(f, "$vars.contract.delivery == \"plugin\"");

    compile(f);
    vars_set(f->vars, "contract", json_pack("{s:s}", "delivery", "plugin"));
    assert_yields(f, id, "null", "[true]");
}

static void follows_a_parameter_that_names_a_binding(void **state)
{
    struct fixture *f = *state;
    int id = add(f, "[\"${subject.id}\", \"${subject}\"]");
    int only = add(f, "${subject.id}");

    compile(f);
    vars_bind(f->vars, "worker", json_pack("{s:s}", "id", "w1"));
    vars_push(f->vars, json_pack("{s:s}", "subject", "worker"));
    assert_yields(f, id, "null", "[[\"w1\",\"worker\"]]");
    assert_yields(f, only, "null", "[\"w1\"]");
    vars_pop(f->vars);
}

static void names_the_place_of_an_undefined_variable(void **state)
{
    struct fixture *f = *state;
    struct err err = ERR_INIT;
    int id = add(f, "${nobody.id}");

    compile(f);
    assert_int_equal(eval(f, id, "null", &err), -1);
    assert_string_equal(err.text, "f.yaml:1:1: undefined variable 'nobody.id'");
}

static void tells_a_runtime_error_from_a_result(void **state)
{
    struct fixture *f = *state;
    struct err err = ERR_INIT;
    int id = add(f, ".[] | .id");

    compile(f);
    assert_int_equal(eval(f, id, "[1]", &err), 1);
    assert_string_equal(f->raised, "Cannot index number with string \"id\"");
    assert_yields(f, id, "[{\"id\":1},{\"id\":2}]", "[1,2]");
}

static void compiles_250_programs(void **state)
{
    struct fixture *f = *state;
    int ids[250];
    int64_t start = clock_mono_ms();

    for (int i = 0; i < 250; i++) {
        char *text =
            xasprintf(".tools | map(select(.n > %d)) | sort | length == %d", i, 249 - i);
        ids[i] = add(f, text);
        free(text);
    }
    assert_int_equal(exprs_count(f->set), 250);
    compile(f);
    print_message("250 programs in %d ms\n", (int)(clock_mono_ms() - start));
    json_t *tools = json_array();
    for (int i = 0; i < 250; i++)
        json_array_append_new(tools, json_pack("{s:i}", "n", i));
    json_t *in = json_pack("{s:o}", "tools", tools);
    char *text = json_dumps(in, 0);
    assert_yields(f, ids[0], text, "[true]");
    assert_yields(f, ids[199], text, "[true]");
    assert_yields(f, ids[200], text, "[true]");
    assert_yields(f, ids[249], text, "[true]");
    assert_yields(f, ids[249], "{\"tools\":[{\"n\":999}]}", "[false]");
    free(text);
    json_decref(in);
}

static void gives_equal_programs_one_number(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(add(f, ".a"), add(f, ".a"));
    assert_int_not_equal(add(f, ".a"), add(f, ".b"));
}

struct bad_list {
    int n;
    int lines[10];
    char first[200];
};

static void note_bad(int id, const char *file, int line, int col, const char *why,
                     void *arg)
{
    struct bad_list *bad = arg;

    (void)id;
    (void)col;
    assert_string_equal(file, "f.yaml");
    if (bad->n == 0)
        (void)snprintf(bad->first, sizeof(bad->first), "%s", why);
    if (bad->n < 10)
        bad->lines[bad->n++] = line;
}

static void finds_each_program_that_does_not_compile(void **state)
{
    struct fixture *f = *state;
    struct err err = ERR_INIT;
    struct bad_list bad = {.n = 0};
    int good = -1;

    for (int i = 0; i < 40; i++) {
        bool broken = i == 7 || i == 8 || i == 39;
        char *text = xasprintf(broken ? ".a | nothing%d" : ".a | length > %d", i);
        int id = -1;
        assert_int_equal(exprs_add(f->set, text, "f.yaml", i + 1, 5, &id, &err), 0);
        exprs_want(f->set, id);
        good = i == 20 ? id : good;
        free(text);
    }
    assert_int_equal(exprs_compile(f->set, note_bad, &bad, &err), -1);
    assert_int_equal(bad.n, 3);
    assert_int_equal(bad.lines[0], 8);
    assert_int_equal(bad.lines[1], 9);
    assert_int_equal(bad.lines[2], 40);
    assert_string_equal(bad.first, "nothing7/0 is not defined");
    assert_string_equal(err.text, "f.yaml:8:5: jq: nothing7/0 is not defined");
    assert_yields(f, good, "{\"a\":[]}", "[false]");
}

static void names_the_line_within_a_long_program(void **state)
{
    struct fixture *f = *state;
    struct err err = ERR_INIT;

    (void)add(f, ".a |\n  .b |\n  nothing");
    assert_int_equal(exprs_compile(f->set, NULL, NULL, &err), -1);
    assert_string_equal(err.text,
                        "f.yaml:1:1: jq: nothing/0 is not defined, in line 3 of "
                        "the program");
}

static void assert_rejected(struct fixture *f, const char *program, const char *why)
{
    struct err err = ERR_INIT;
    int id;

    assert_int_equal(exprs_add(f->set, program, "f.yaml", 3, 9, &id, &err), -1);
    assert_string_equal(err.text, why);
}

static void refuses_programs_that_break_out(void **state)
{
    struct fixture *f = *state;

    assert_rejected(f, ".a) | (.b",
                    "f.yaml:3:9: the jq program has a ')' too many, at "
                    "') | (.b'");
    assert_rejected(f, "(.a", "f.yaml:3:9: the jq program has a '(' that is not closed");
    assert_rejected(f, "\"abc",
                    "f.yaml:3:9: the jq program has a '\"' that is not closed");
    assert_rejected(f, "[.a)", "f.yaml:3:9: the jq program has a ')' too many, at ')'");
    assert_rejected(f, "${a b}",
                    "f.yaml:3:9: malformed variable at '${a b}'; write "
                    "${name.member}");
}

static void keeps_neighbours_apart(void **state)
{
    struct fixture *f = *state;
    int comment = add(f, ".a # a comment at the end");
    int own = add(f, "def f: 1; f + .a");
    int other = add(f, ".a");

    compile(f);
    assert_yields(f, comment, "{\"a\":1}", "[1]");
    assert_yields(f, own, "{\"a\":1}", "[2]");
    assert_yields(f, other, "{\"a\":1}", "[1]");
}

static void hides_the_process_from_programs(void **state)
{
    static const char *const programs[] = {"env", "input", "halt", "halt_error",
                                           "[inputs]"};
    struct fixture *f = *state;
    struct err err = ERR_INIT;
    int ids[ARRAY_SIZE(programs)], dollar = add(f, "$ENV");

    for (size_t i = 0; i < ARRAY_SIZE(programs); i++)
        ids[i] = add(f, programs[i]);
    compile(f);
    for (size_t i = 0; i < ARRAY_SIZE(programs); i++) {
        assert_int_equal(eval(f, ids[i], "null", &err), 1);
        assert_string_equal(f->raised, "not available here");
    }
    assert_yields(f, dollar, "null", "[{}]");
}

static int in_child(void *arg)
{
    struct fixture *f = arg;
    json_t *ret = NULL;
    char *raised = NULL;
    json_t *in = json_pack("{s:i}", "a", 4);

    int r = exprs_eval(f->set, 0, in, f->vars, &ret, &raised, NULL);
    return r == 0 && json_integer_value(json_array_get(ret, 0)) == 5 ? 7 : 1;
}

static void works_in_a_forked_child(void **state)
{
    struct fixture *f = *state;
    struct proc child CLEANUP(proc_release) = PROC_INIT;
    int status = 0;

    (void)add(f, ".a + 1");
    compile(f);
    assert_int_equal(proc_fork(in_child, f, &child, NULL), 0);
    assert_int_equal(proc_wait(&child, clock_mono_ms() + 20000, &status, NULL), 0);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 7);
}

static void reads_what_came_back_exactly(void **state)
{
    struct fixture *f = *state;
    int id = add(f, ".");

    compile(f);
    assert_yields(
        f, id, "{\"a\":[1,2.5,-3,\"x\\u0000y\",true,null,{}],\"b\":9007199254740991}",
        "[{\"a\":[1,2.5,-3,\"x\\u0000y\",true,null,{}],\"b\":9007199254740991}]");
}

static void refuses_a_program_that_was_not_compiled(void **state)
{
    struct fixture *f = *state;
    struct err err = ERR_INIT;
    int id = -1;

    assert_int_equal(exprs_add(f->set, ".", "f.yaml", 1, 1, &id, NULL), 0);
    compile(f); /* not wanted */
    assert_int_equal(eval(f, id, "null", &err), -1);
    assert_int_equal(err.kind, ERR_BUG);
}

#define T(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(writes_variables_as_references),
        T(never_takes_data_for_code),
        T(keeps_the_type_of_a_bare_variable),
        T(shows_all_variables_as_vars),
        T(follows_a_parameter_that_names_a_binding),
        T(names_the_place_of_an_undefined_variable),
        T(tells_a_runtime_error_from_a_result),
        T(compiles_250_programs),
        T(gives_equal_programs_one_number),
        T(finds_each_program_that_does_not_compile),
        T(names_the_line_within_a_long_program),
        T(refuses_programs_that_break_out),
        T(keeps_neighbours_apart),
        T(hides_the_process_from_programs),
        T(works_in_a_forked_child),
        T(reads_what_came_back_exactly),
        T(refuses_a_program_that_was_not_compiled),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
