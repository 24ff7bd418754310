/*
 * Tests of the loader: a table of bad files with the place and words of what is wrong,
 * what a good file becomes.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/fs.h"
#include "base/ids.h"
#include "base/limits.h"
#include "io/json.h"
#include "scenario/answers.h"
#include "scenario/explain.h"
#include "scenario/lint.h"
#include "scenario/load.h"
#include "scenario/vars.h"
#include <stdlib.h>
#include <string.h>

#define DATA "harness/tests/data"
#define ANSWERS DATA "/routes.json"

struct fixture {
    struct catalogue *catalogue;
    struct problems problems;
    json_t *contract;
    char *text;
};

static int new_catalogue(struct fixture *f, const char *root, const char *answers)
{
    f->catalogue = catalogue_new(root, f->contract);
    return answers_read(answers, &f->catalogue->answers, NULL);
}

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));

    f->contract = json_pack("{s:s,s:s,s:s}", "required_tool", "create_workspace",
                            "mcp_server", "molecule-platform", "delivery", "plugin");
    *state = f;
    return new_catalogue(f, DATA "/bad", ANSWERS);
}

static int teardown(void **state)
{
    struct fixture *f = *state;

    catalogue_free(f->catalogue);
    problems_release(&f->problems);
    json_decref(f->contract);
    free(f->text);
    free(f);
    return 0;
}

static void root_is(struct fixture *f, const char *root)
{
    catalogue_free(f->catalogue);
    assert_int_equal(new_catalogue(f, root, ANSWERS), 0);
}

/* Loads and compiles, as `waybill check` does. */
static void load(struct fixture *f, const char *path)
{
    struct err err = ERR_INIT;

    if (catalogue_load(f->catalogue, path, &f->problems, &err) < 0)
        fail_msg("%s", err.text);
    for (size_t i = 0; i < f->catalogue->n; i++)
        scenario_want(f->catalogue->v[i], f->catalogue->exprs);
    (void)catalogue_compile(f->catalogue, &f->problems);
    problems_sort(&f->problems);
}

static void load_good(struct fixture *f, const char *root, const char *path)
{
    root_is(f, root);
    load(f, path);
    if (f->problems.n > 0)
        fail_msg("%s:%d:%d: %s", f->problems.v[0].file, f->problems.v[0].line,
                 f->problems.v[0].col, f->problems.v[0].text);
}

struct bad_row {
    const char *file;
    int line, col;
    const char *text;
};

static const struct bad_row bad_rows[] = {
    {"not-yaml", 2, 7, "invalid multiline plain key"},
    {"empty", 1, 1, "a scenario has to be a mapping"},
    {"a-list", 1, 3, "a scenario has to be a mapping"},
    {"duplicate-key", 3, 1, "duplicate key 'name', first in line 2"},
    {"newer-language", 1, 10,
     "'waybill' has to be 1, the version of the language that is known here"},
    {"lacks-proves", 1, 1,
     "a scenario lacks 'proves' (what a pass shows, in one sentence)"},
    {"wrong-type", 4, 8, "'steps' has to be a list of steps, not 'many'"},
    {"unknown-top-key", 4, 1, "unknown key 'tag' in a scenario; did you mean 'tags'?"},
    {"unknown-step", 6, 5, "unknown step 'orgg'; did you mean 'org'?"},
    {"no-step-kind", 5, 5,
     "the step does not say what it does (get, mcp, a2a, files, ...)"},
    {"two-kinds", 6, 5, "one step cannot be both 'get' and 'post'"},
    {"two-requests", 7, 5, "one step cannot be both 'list tools' and 'ping'"},
    {"several-lines", 1, 10, "'waybill' has to be a whole number, not '1 name: x'"},
    {"unknown-key", 7, 5, "unknown key 'expcet' in a 'get' step; did you mean 'expect'?"},
    {"unknown-field", 6, 39,
     "unknown key 'templat' in 'workspace'; did you mean 'template'?"},
    {"lacks-field", 6, 5, "'workspace' lacks 'in' (organisation)"},
    {"unknown-expectation", 8, 7, "unknown expectation 'stauts'; did you mean 'status'?"},
    {"unknown-answer", 8, 24,
     "the contract has no answer 'thing-creat'; did you mean 'thing-create'?"},
    {"unknown-matcher", 8, 14, "unknown matcher 'contain'; did you mean 'contains'?"},
    {"bad-status", 7, 22, "'status' has to be a number from 0 to 599, or a list of them"},
    {"bad-duration", 7, 13,
     "'within' has to be a duration such as 250ms, 30s, 5m or 2h (a bare number is "
     "seconds), not 'soon'"},
    {"duration-list", 7, 5,
     "'within' has to be a duration such as 250ms, 30s, 5m or 2h (a bare number is "
     "seconds), not a list"},
    {"bad-took", 7, 25,
     "'took' takes gt, gte, lt, lte with a duration such as 2s (a bare number is "
     "seconds)"},
    {"bad-bool", 7, 11, "'soft' has to be true or false, not 'yes'"},
    {"undefined-variable", 7, 10,
     "undefined variable 'wroker.id'; did you mean 'worker'?"},
    {"used-before-it-is-bound", 6, 10, "undefined variable 'worker.id'"},
    {"unknown-name", 7, 18, "nothing is called 'wroker' here; did you mean 'worker'?"},
    {"unknown-organisation", 6, 33,
     "nothing is called 'acmee' here; did you mean 'acme'?"},
    {"unknown-name-in-a-list", 8, 27,
     "nothing is called 'secnod' here; did you mean 'second'?"},
    {"unknown-recipient", 6, 15, "nothing is called 'nobody' here"},
    {"unknown-who-asks", 9, 9, "nothing is called 'amdin' here; did you mean 'admin'?"},
    {"unknown-name-in-a-denial", 10, 54,
     "nothing is called 'acmee' here; did you mean 'acme'?"},
    {"name-before-it-is-bound", 6, 18, "nothing is called 'worker' here"},
    {"unknown-run-value", 5, 10, "undefined variable 'run.sed'; did you mean 'seed'?"},
    {"unknown-contract-value", 8, 13,
     "undefined variable 'contract.required_tol'; did you mean 'required_tool'?"},
    {"malformed-variable", 5, 10,
     "malformed variable at '${a b}'; write ${name.member}, or $${ for the text itself"},
    {"jq-bracket", 8, 13, "the jq program has a '(' that is not closed"},
    {"jq-error", 9, 15, "jq: no_such_function/0 is not defined"},
    {"bad-pattern", 8, 16,
     "bad regular expression '(unclosed': missing closing parenthesis at offset 9"},
    {"denial-without-control", 5, 5,
     "a denial without its control proves nothing: add 'control: {subject: ...}', for "
     "whom "
     "the same act succeeds"},
    {"denial-without-reason", 10, 7,
     "a denial says how it is refused: refused_as, status, rpc_error, mcp_error or "
     "http_status"},
    {"unknown-reason", 10, 28,
     "'http_418' is no reason of a refusal; there are unknown_tool, no_such_server, "
     "is_error, rpc_error, http_401, http_403, http_404, not_listed"},
    {"no-such-group", 5, 10,
     "no step group 'make-orgg' in harness/tests/data/bad/steps; did you mean "
     "'make-org'?"},
    {"unknown-parameter", 6, 25,
     "group 'make-org' has no parameter 'tmplate'; did you mean 'template'?"},
    {"missing-parameter", 5, 10, "group 'make-org' needs 'with: {template: ...}'"},
    {"duplicate-id", 6, 10, "duplicate step id 'one'"},
    {"mcp-without-operation", 5, 5,
     "an 'mcp' step says what to ask: initialize, list tools, call tool, ping, discover "
     "or raw"},
    {"mcp-transport", 5, 50, "this server is asked over http"},
    {"mcp-unknown-transport", 5, 39,
     "'transport' has to be stdio or http, not 'carrier pigeon'"},
    {"mcp-key-beside", 6, 5, "'revision' belongs into 'mcp: {...}'"},
    {"mcp-ping-modern", 6, 5,
     "revision 2026-07-28 has no ping: ask 'discover', or send it with 'raw'"},
    {"mcp-revision", 5, 38,
     "'revision' is a date as in 2025-11-25, or auto, not '2025-6-18'"},
    {"mcp-command-empty", 5, 11,
     "'stdio' has to be a list of words, as in [program, argument], not a list"},
    {"mcp-command-text", 5, 18,
     "'stdio' has to be a list of words, as in [program, argument], not 'python3 "
     "server.py'"},
    {"mcp-two-raws", 6, 5, "'raw' takes exactly one of method, notify, text"},
    {"tools-nothing", 7, 14, "'tools' says exactly, include or exclude"},
    {"tools-no-list", 7, 31, "'include' has to be a list of names"},
    {"tools-no-file", 7, 27,
     "cannot open 'harness/tests/data/bad/nowhere.json': No such file or directory"},
    {"path-without-place", 5, 10,
     "say where to ask for this path: 'in: ORG', 'on: cp' or a whole URL"},
    {"never-without-window", 7, 12, "'never' needs a window: say 'within' as well"},
    {"reserved-name", 5, 15, "'run' is a name of the language, choose another"},
    {"capture-name", 7, 15,
     "'my id' cannot be a variable's name: letters, digits, '_', '-'"},
};

/* One line for every bad file, at the exact place; and no bad file without its row. */
static void says_where_and_what_is_wrong(void **state)
{
    struct fixture *f = *state;
    int wrong = 0;

    for (size_t i = 0; i < ARRAY_SIZE(bad_rows); i++) {
        const struct bad_row *row = &bad_rows[i];
        char *path = xasprintf(DATA "/bad/%s.yaml", row->file);
        problems_release(&f->problems);
        root_is(f, DATA "/bad");
        load(f, path);
        const struct problem *p = f->problems.v;
        if (f->problems.n != 1 || p->line != row->line || p->col != row->col ||
            strcmp(p->file, path) != 0 || strcmp(p->text, row->text) != 0) {
            print_error("%s: %zu problems; first: %d:%d: %s\n", row->file, f->problems.n,
                        f->problems.n ? p->line : 0, f->problems.n ? p->col : 0,
                        f->problems.n ? p->text : "");
            wrong++;
        }
        free(path);
    }
    assert_int_equal(wrong, 0);
}

struct mistake {
    int line, col;
    const char *text;
};

static void goes_on_after_an_unknown_key_at_the_top(void **state)
{
    static const struct mistake all[] = {
        {4, 1, "unknown key 'tag' in a scenario; did you mean 'tags'?"},
        {5, 9, "'budget' has to be a duration"},
        {8, 18, "nothing is called 'acmee' here; did you mean 'acme'?"},
        {11, 5, "unknown key 'expcet' in a 'get' step; did you mean 'expect'?"},
    };
    struct fixture *f = *state;

    root_is(f, DATA "/several");
    load(f, DATA "/several/mistakes.yaml");
    assert_int_equal(f->problems.n, ARRAY_SIZE(all));
    for (size_t i = 0; i < ARRAY_SIZE(all); i++) {
        assert_int_equal(f->problems.v[i].line, all[i].line);
        assert_int_equal(f->problems.v[i].col, all[i].col);
        assert_non_null(strstr(f->problems.v[i].text, all[i].text));
    }
    assert_int_equal(f->catalogue->n, 0);
}

static int must_have_row(const struct fs_entry *entry, void *arg)
{
    int *missing = arg;

    for (size_t i = 0; i < ARRAY_SIZE(bad_rows); i++)
        if (strncmp(entry->path, bad_rows[i].file, strlen(bad_rows[i].file)) == 0)
            return 0;
    if (!entry->dir && strcmp(entry->path, "group-uses-itself.yaml") != 0) {
        print_error("%s has no row\n", entry->path);
        (*missing)++;
    }
    return 0;
}

static void every_bad_file_has_its_row(void **state)
{
    int missing = 0;

    (void)state;
    assert_int_equal(fs_walk(DATA "/bad", 1, must_have_row, &missing, NULL), 0);
    assert_int_equal(missing, 0);
}

static void finds_a_group_that_uses_itself(void **state)
{
    struct fixture *f = *state;

    load(f, DATA "/bad/group-uses-itself.yaml");
    assert_int_equal(f->problems.n, 1);
    assert_string_equal(f->problems.v[0].file, DATA "/bad/steps/endless.yaml");
    assert_string_equal(f->problems.v[0].text, "group 'endless' uses itself");
}

static void finds_two_scenarios_of_one_name(void **state)
{
    struct fixture *f = *state;
    struct err err = ERR_INIT;

    root_is(f, DATA "/twice");
    load(f, DATA "/twice");
    assert_int_equal(problems_err(&f->problems, &err), -1);
    assert_string_equal(err.text,
                        DATA "/twice/b/double.yaml:2:7: duplicate scenario name "
                             "'double', also in " DATA "/twice/a/double.yaml:2");
}

static void collects_all_problems_of_all_files(void **state)
{
    struct fixture *f = *state;
    struct err err = ERR_INIT;

    load(f, DATA "/bad");
    assert_true(f->problems.n >= ARRAY_SIZE(bad_rows));
    assert_int_equal(f->catalogue->n, 1); /* jq-error: found when it is compiled */
    assert_int_equal(problems_err(&f->problems, &err), -1);
    assert_non_null(strstr(err.text, " more: waybill check)"));
}

static void takes_one_file_once(void **state)
{
    struct fixture *f = *state;

    load_good(f, DATA "/good", DATA "/good/everything.yaml");
    load(f, "./" DATA "/good/../good/everything.yaml");
    load(f, "everything");
    assert_int_equal(f->problems.n, 0);
    assert_int_equal(f->catalogue->n, 1);
    assert_string_equal(f->catalogue->v[0]->name, "everything");
}

static void names_a_path_that_is_not_there(void **state)
{
    struct fixture *f = *state;
    struct err err = ERR_INIT;

    root_is(f, DATA "/good");
    assert_int_equal(catalogue_load(f->catalogue, "everythin", &f->problems, &err), -1);
    assert_string_equal(err.text, "no such scenario or folder: 'everythin'; did you mean "
                                  "'everything'?");
}

struct search {
    const char *id;
    const struct step *found;
    size_t n;
};

static void look(const struct step *step, void *arg)
{
    struct search *s = arg;

    s->n++;
    if (s->id && strcmp(step->id, s->id) == 0)
        s->found = step;
}

static const struct step *step_of(struct fixture *f, const char *id)
{
    struct search s = {.id = id};

    scenario_each_step(f->catalogue->v[0], look, &s);
    if (!s.found)
        fail_msg("no step '%s'", id);
    return s.found;
}

static void reads_what_stands_above_the_steps(void **state)
{
    struct fixture *f = *state;

    load_good(f, DATA "/good", DATA "/good/everything.yaml");
    const struct scenario *s = f->catalogue->v[0];
    assert_string_equal(s->proves, "every key of the language can be read");
    assert_int_equal(s->budget_ms, 1800000);
    assert_true(strv_has(&s->tags, "gate"));
    assert_true(strv_has(&s->needs, "llm"));
    assert_true(strv_has(&s->targets, "mock"));
    assert_string_equal(s->failure_until, "2099-12-31");
    assert_int_equal(s->n_params, 2);
    assert_string_equal(s->params[1].value->text, "dark");
    assert_null(catalogue_find(f->catalogue, "nothing"));
    assert_ptr_equal(catalogue_find(f->catalogue, "everything"), s);
}

static void reads_times_and_states(void **state)
{
    struct fixture *f = *state;

    load_good(f, DATA "/good", DATA "/good/everything.yaml");
    const struct step *rows = step_of(f, "rows"), *wait = step_of(f, "wait-online");
    assert_int_equal(rows->within_ms, 60000);
    assert_int_equal(rows->every_ms, 1000);
    assert_int_equal(rows->timeout_ms, 10000);
    assert_int_equal(rows->stays_ms, -1);
    assert_int_equal(rows->stable_for, 3);
    assert_int_equal(rows->retry, 2);
    assert_true(strv_has(&wait->terminal, "failed"));
    assert_true(strv_has(&wait->transient, "degraded"));
    assert_true(step_of(f, "journal")->never);
    assert_true(step_of(f, "delete-2")->always);
    assert_int_equal(step_of(f, "delete")->kind, STEP_HTTP);
    assert_int_equal(step_of(f, "delete-2")->kind, STEP_DELETE);
    assert_true(step_of(f, "rows/post")->soft);
    assert_int_equal(rows->line, 21);
}

static void gives_each_run_of_an_act_its_own_step(void **state)
{
    struct fixture *f = *state;

    load_good(f, DATA "/good", DATA "/good/everything.yaml");
    const struct step *deny = step_of(f, "tool");
    assert_string_equal(deny->control.subject, "root");
    assert_string_equal(deny->control.step->id, "tool/control");
    assert_string_equal(deny->control.step->expects[0].items[0].name, "control");
    assert_int_equal(deny->n_refused, 2);
    assert_string_equal(deny->refused[0].step->id, "tool/refused/worker");
    assert_string_equal(deny->refused[1].step->id, "tool/refused/acme");
    assert_string_equal(deny->refused[1].step->expects[0].items[0].name, "refused_as");
    assert_string_equal(ynode_str(deny->refused[1].locals, "subject", ""), "acme");
}

static void puts_a_groups_steps_in_its_place(void **state)
{
    struct fixture *f = *state;

    load_good(f, DATA "/good", DATA "/good/everything.yaml");
    const struct step *use = step_of(f, "use");
    assert_int_equal(use->group.n, 2);
    assert_string_equal(use->group.v[0]->id, "use/org");
    assert_string_equal(use->group.v[0]->file, DATA "/good/steps/make-org.yaml");
    assert_true(json_is_null(json_object_get(use->group_defaults, "template")));
    assert_string_equal(ynode_str(use->locals, "template", ""), "seo-agent");
    /* `org: acme` and `org: {as: acme}` are the same. */
    assert_string_equal(step_arg(step_of(f, "use/org"), "as")->text, "acme");
    assert_string_equal(step_arg(step_of(f, "audit"), "in")->text, "acme");
}

static void checks_a_group_by_itself(void **state)
{
    struct fixture *f = *state;

    load_good(f, DATA "/good", DATA "/good/steps/make-org.yaml");
    assert_int_equal(f->catalogue->n, 0);
}

static void makes_ids_of_names(void **state)
{
    struct fixture *f = *state;

    f->text = id_slug("  The plugin's \"name\": ${x.y} -- arrived!  ", 60);
    assert_string_equal(f->text, "the-plugin-s-name-x-y-arrived");
}

static void explains_in_plain_words(void **state)
{
    struct fixture *f = *state;
    struct buf out = BUF_INIT(KIB(64));

    load_good(f, DATA "/good", DATA "/good/everything.yaml");
    explain_scenario(f->catalogue->v[0], f->catalogue->exprs, &out);
    f->text = buf_steal(&out);
    assert_non_null(
        strstr(f->text, "Proves that every key of the language can be read.\n"));
    assert_non_null(strstr(f->text, "create the workspace worker in acme"));
    assert_non_null(strstr(f->text, "- it is refused for: worker\n"));
    assert_non_null(strstr(f->text, "call the tool list_workspaces on the server"));
    assert_non_null(strstr(f->text, "- has to hold: reply contains hello"));
}

/* The linter */

static void assert_finding(struct fixture *f, const char *file, int line,
                           const char *text)
{
    for (size_t i = 0; i < f->problems.n; i++) {
        const struct problem *p = &f->problems.v[i];
        const char *slash = strrchr(p->file, '/');
        if (strcmp(slash + 1, file) == 0 && p->line == line && strstr(p->text, text))
            return;
    }
    for (size_t i = 0; i < f->problems.n; i++)
        print_error("%s:%d: %s\n", f->problems.v[i].file, f->problems.v[i].line,
                    f->problems.v[i].text);
    fail_msg("not found: %s:%d: %s", file, line, text);
}

static void finds_what_loads_and_proves_nothing(void **state)
{
    struct fixture *f = *state;
    const struct lint_options opt = {.run_tags = NULL, .today = "2026-06-22"};

    load_good(f, DATA "/lint", DATA "/lint");
    lint_catalogue(f->catalogue, &opt, &f->problems);
    assert_finding(f, "blind.yaml", 4, "no job runs this scenario");
    assert_finding(f, "blind.yaml", 5, "the scenario checks nothing");
    assert_finding(f, "blind.yaml", 6, "nothing looks at the answer");
    assert_finding(f, "careless.yaml", 2, "'name' has to be the file's name");
    assert_finding(f, "careless.yaml", 5, "the budget is shorter than");
    assert_finding(f, "careless.yaml", 6, "a day that has passed");
    assert_finding(f, "careless.yaml", 8, "exists on the mock only");
    assert_finding(f, "careless.yaml", 12, "looks like a secret");
    assert_finding(f, "careless.yaml", 13, "'within' is longer");
    assert_finding(f, "careless.yaml", 20, "the control is the case itself");
    assert_finding(f, "careless.yaml", 22, "needs 'box-mcp'");
    assert_int_equal(f->problems.n, 11);
}

static void finds_nothing_in_the_scenarios_of_the_project(void **state)
{
    struct fixture *f = *state;

    json_decref(f->contract);
    f->contract = NULL;
    catalogue_free(f->catalogue);
    assert_int_equal(new_catalogue(f, "scenarios", "mocks/contracts/routes.json"), 0);
    load(f, "scenarios");
    lint_catalogue(f->catalogue, NULL, &f->problems);
    for (size_t i = 0; i < f->problems.n; i++)
        print_error("%s:%d: %s\n", f->problems.v[i].file, f->problems.v[i].line,
                    f->problems.v[i].text);
    assert_int_equal(f->problems.n, 0);
    assert_true(f->catalogue->n >= 10);
}

#define T(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(says_where_and_what_is_wrong),
        T(goes_on_after_an_unknown_key_at_the_top),
        T(every_bad_file_has_its_row),
        T(finds_a_group_that_uses_itself),
        T(finds_two_scenarios_of_one_name),
        T(collects_all_problems_of_all_files),
        T(takes_one_file_once),
        T(names_a_path_that_is_not_there),
        T(reads_what_stands_above_the_steps),
        T(reads_times_and_states),
        T(gives_each_run_of_an_act_its_own_step),
        T(puts_a_groups_steps_in_its_place),
        T(checks_a_group_by_itself),
        T(makes_ids_of_names),
        T(explains_in_plain_words),
        T(finds_what_loads_and_proves_nothing),
        T(finds_nothing_in_the_scenarios_of_the_project),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
