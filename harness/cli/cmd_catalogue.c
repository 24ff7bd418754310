#include "cli/cmd.h"

#include "cli/paths.h"
#include "base/limits.h"
#include "io/json.h"
#include "run/plan.h"
#include "run/target.h"
#include "run/verdict.h"
#include "scenario/answers.h"
#include "scenario/explain.h"
#include "scenario/lint.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const struct option_row list_option_rows[] = {
    {"tags", 't', OPTION_TEXT, "LIST", NULL, offsetof(struct list_arguments, tags),
     "only scenarios with one of these tags; !TAG leaves one out"},
    {"json", 0, OPTION_FLAG, NULL, NULL, offsetof(struct list_arguments, json),
     "one JSON object a line"},
    {NULL, 0, OPTION_FLAG, NULL, NULL, 0, NULL},
};
const struct option_row check_option_rows[] = {
    {"contract", 0, OPTION_TEXT, "PROFILE", "rfc",
     offsetof(struct check_arguments, contract), "contract profile, a name or a file"},
    {"strict", 0, OPTION_FLAG, NULL, NULL, offsetof(struct check_arguments, strict),
     "advice fails too"},
    {"json", 0, OPTION_FLAG, NULL, NULL, offsetof(struct check_arguments, json),
     "one JSON object a finding"},
    {NULL, 0, OPTION_FLAG, NULL, NULL, 0, NULL},
};
const struct option_row explain_option_rows[] = {
    {"contract", 0, OPTION_TEXT, "PROFILE", "rfc",
     offsetof(struct explain_arguments, contract), "contract profile, a name or a file"},
    {NULL, 0, OPTION_FLAG, NULL, NULL, 0, NULL},
};

int load_operands(const struct strv *operands, const json_t *contract,
                  struct catalogue **ret, struct problems *problems, struct err *err)
{
    char *root CLEANUP(free_ptr) = NULL;
    if (path_data("scenarios", &root, err) < 0) {
        return -1;
    }
    char *routes CLEANUP(free_ptr) = NULL;
    if (path_data("mocks/contracts/routes.json", &routes, err) < 0) {
        return -1;
    }
    struct catalogue *c CLEANUP(catalogue_drop) = catalogue_new(root, contract);
    if (answers_read(routes, &c->answers, err) < 0) {
        return -1;
    }
    if (operands->n == 0 && catalogue_load(c, root, problems, err) < 0) {
        return -1;
    }
    for (size_t i = 0; i < operands->n; i++) {
        if (catalogue_load(c, operands->v[i], problems, err) < 0) {
            return -1;
        }
    }
    *ret = TAKE(c);
    return 0;
}

int load_contract(const char *name, const struct strv *switches, json_t **ret,
                  struct err *err)
{
    char *dir CLEANUP(free_ptr) = NULL;
    if (path_data("mocks/contracts", &dir, err) < 0) {
        return -1;
    }
    return contract_load(name, dir, switches, ret, err);
}

struct scenario **planned_of(const struct catalogue *c, size_t *ret_n)
{
    struct scenario **list = xcalloc(c->n + 1, sizeof(struct scenario *));
    for (size_t i = 0; i < c->n; i++) {
        list[i] = c->v[i];
    }
    *ret_n = c->n;
    return list;
}

static json_t *scenario_json(const struct scenario *s)
{
    json_t *tags = json_array();
    for (size_t i = 0; i < s->tags.n; i++) {
        json_array_append_new(tags, json_string(s->tags.v[i]));
    }
    return json_make("{s:s, s:s, s:s, s:o}", "name", s->name, "file", s->file, "proves",
                     s->proves ? s->proves : "", "tags", tags);
}

int cmd_list(void *arguments, const struct strv *operands, struct err *err)
{
    struct list_arguments *a = arguments;
    struct catalogue *c CLEANUP(catalogue_drop) = NULL;
    struct problems problems CLEANUP(problems_release) = PROBLEMS_INIT;
    if (load_operands(operands, NULL, &c, &problems, err) < 0 ||
        problems_err(&problems, err) < 0) {
        return -1;
    }
    size_t n = 0;
    struct scenario **planned = planned_of(c, &n);
    int result = plan_filter_tags(planned, &n, a->tags, err);
    for (size_t i = 0; result == 0 && i < n; i++) {
        const struct scenario *s = planned[i];
        if (a->json) {
            json_t *line CLEANUP(json_drop) = scenario_json(s);
            char *text CLEANUP(free_ptr) = json_text(line, JSON_STRUCT);
            printf("%s\n", text);
        } else {
            char *tags CLEANUP(free_ptr) = strv_join(&s->tags, ",");
            printf("%-46s [%s]\n    %s\n", s->name, tags, s->proves ? s->proves : "");
        }
    }
    free(planned);
    if (result == 0 && n == 0) {
        fprintf(stderr, "waybill: no scenario matches --tags %s\n", a->tags);
    }
    return result < 0 ? -1 : n > 0 ? EXIT_PASSED : EXIT_UNPROVEN;
}

static void print_problem(const struct problem *p, bool json)
{
    if (json) {
        json_t *line CLEANUP(json_drop) = json_make(
            "{s:s, s:i, s:i, s:s, s:s}", "file", p->file, "line", p->line, "col", p->col,
            "level", p->advice ? "advice" : "error", "text", p->text);
        char *text CLEANUP(free_ptr) = json_text(line, JSON_STRUCT);
        printf("%s\n", text);
        return;
    }
    char *text CLEANUP(free_ptr) = problem_line(p);
    printf("%s%s\n", text, p->advice ? " (advice)" : "");
}

int cmd_check(void *arguments, const struct strv *operands, struct err *err)
{
    struct check_arguments *a = arguments;
    struct strv none = STRV_INIT;
    json_t *contract CLEANUP(json_drop) = NULL;
    struct catalogue *c CLEANUP(catalogue_drop) = NULL;
    struct problems problems CLEANUP(problems_release) = PROBLEMS_INIT;
    if (load_contract(a->contract, &none, &contract, err) < 0 ||
        load_operands(operands, contract, &c, &problems, err) < 0) {
        return -1;
    }
    for (size_t i = 0; i < c->n; i++) {
        scenario_want(c->v[i], c->exprs);
    }
    catalogue_compile(c, &problems);
    lint_catalogue(c, NULL, &problems);
    problems_sort(&problems);
    size_t errors = 0;
    for (size_t i = 0; i < problems.n; i++) {
        print_problem(&problems.v[i], a->json);
        errors += !problems.v[i].advice || a->strict;
    }
    if (!a->json) {
        printf("%zu scenario%s, %zu finding%s\n", c->n, c->n == 1 ? "" : "s", problems.n,
               problems.n == 1 ? "" : "s");
    }
    return errors > 0 ? EXIT_USAGE : EXIT_PASSED;
}

int cmd_explain(void *arguments, const struct strv *operands, struct err *err)
{
    struct explain_arguments *a = arguments;
    struct strv none = STRV_INIT;
    json_t *contract CLEANUP(json_drop) = NULL;
    struct catalogue *c CLEANUP(catalogue_drop) = NULL;
    struct problems problems CLEANUP(problems_release) = PROBLEMS_INIT;
    if (operands->n == 0) {
        return err_set(err, ERR_USAGE,
                       "which scenario? name one: `waybill list` shows them");
    }
    if (load_contract(a->contract, &none, &contract, err) < 0 ||
        load_operands(operands, contract, &c, &problems, err) < 0 ||
        problems_err(&problems, err) < 0) {
        return -1;
    }
    for (size_t i = 0; i < c->n; i++) {
        struct buf out CLEANUP(buf_release) = BUF_INIT(MIB(4));
        explain_scenario(c->v[i], c->exprs, &out);
        printf("%s%s", i > 0 ? "\n" : "", out.data);
    }
    return EXIT_PASSED;
}
