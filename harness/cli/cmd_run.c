#include "cli/cmd.h"

#include "base/fs.h"
#include "base/limits.h"
#include "base/num.h"
#include "cli/console.h"
#include "cli/paths.h"
#include "io/json.h"
#include "reports/render.h"
#include "reports/store.h"
#include "run/plan.h"
#include "run/run.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define AT(member) offsetof(struct run_arguments, member)

const struct option_row run_option_rows[] = {
    {"tags", 't', OPTION_TEXT, "LIST", NULL, AT(tags),
     "only scenarios with one of these tags; !TAG leaves one out"},
    {"target", 0, OPTION_TEXT, "NAME", "mock", AT(target),
     "where to run: mock, staging, or a target file"},
    {"jobs", 'j', OPTION_COUNT, "N", "0", AT(jobs), "scenarios at once; 0 is one a core"},
    {"contract", 0, OPTION_TEXT, "PROFILE", "rfc", AT(contract),
     "contract profile: rfc, shipped, later, or a file"},
    {"switch", 0, OPTION_LIST, "NAME=VALUE", NULL, AT(switches),
     "one switch of the profile; may be repeated"},
    {"fault", 0, OPTION_LIST, "NAME[=MODE]", NULL, AT(faults),
     "a thing that goes wrong on the mock platform; may be repeated"},
    {"catalog", 0, OPTION_LIST, "DIR", NULL, AT(catalogs),
     "templates and plugins over the mock's own: OWNER/REPO/REF/, or a working tree; "
     "may be repeated"},
    {"set", 0, OPTION_LIST, "NAME=VALUE", NULL, AT(set),
     "a parameter that a scenario declares; may be repeated"},
    {"seed", 0, OPTION_TEXT, "TEXT", NULL, AT(seed),
     "seed of everything random (default: a new one, printed)"},
    {"db", 0, OPTION_TEXT, "FILE", NULL, AT(db),
     "result database (default: build/results.db in a checkout, else "
     "waybill-results.db)"},
    {"junit", 0, OPTION_TEXT, "FILE", NULL, AT(junit), "write a JUnit report"},
    {"markdown", 0, OPTION_TEXT, "FILE", NULL, AT(markdown), "write a markdown summary"},
    {"html", 0, OPTION_TEXT, "FILE", NULL, AT(html), "write an HTML report"},
    {"must-run", 0, OPTION_LIST, "NAME", NULL, AT(must_run),
     "a scenario whose skip is not a pass; may be repeated"},
    {"require-live", 0, OPTION_FLAG, NULL, NULL, AT(require_live),
     "any skip ends the run with 5"},
    {"fail-fast", 0, OPTION_FLAG, NULL, NULL, AT(fail_fast),
     "start nothing new after the first red scenario"},
    {"keep", 0, OPTION_FLAG, NULL, NULL, AT(keep),
     "leave what scenarios created (real targets)"},
    {"list", 0, OPTION_FLAG, NULL, NULL, AT(list), "say what would run, and stop"},
    {"dry-run", 0, OPTION_FLAG, NULL, NULL, AT(dry_run),
     "load and compile everything, run nothing"},
    {"json", 0, OPTION_FLAG, NULL, NULL, AT(json), "events as JSON lines on stdout"},
    {"color", 0, OPTION_TEXT, "WHEN", "auto", AT(color), "auto, always or never"},
    {"quiet", 'q', OPTION_FLAG, NULL, NULL, AT(quiet),
     "only what is red, and the summary"},
    {"verbose", 'v', OPTION_FLAG, NULL, NULL, AT(verbose), "every check"},
    {NULL, 0, OPTION_FLAG, NULL, NULL, 0, NULL},
};

/* What one run needs, in the order in which it is made. */
struct run_setup {
    json_t *contract;
    struct target target;
    struct catalogue *catalogue;
    struct scenario **planned; /* what runs; the scenarios are the catalogue's */
    size_t n_planned;
    json_t *params;
    char *mock_program, *catalog, *contracts_dir, *routes_file;
    char *db, *ledger, *contract_text, *command_line;
    struct store *store;
};

static void setup_release(struct run_setup *s)
{
    json_decref(s->contract);
    json_decref(s->params);
    target_release(&s->target);
    free(s->planned);
    catalogue_free(s->catalogue);
    store_close(s->store);
    free(s->mock_program);
    free(s->catalog);
    free(s->contracts_dir);
    free(s->routes_file);
    free(s->db);
    free(s->ledger);
    free(s->contract_text);
    free(s->command_line);
}

static char *contract_text(const struct run_arguments *a)
{
    struct strv parts CLEANUP(strv_release) = STRV_INIT;
    strv_add(&parts, a->contract);
    for (size_t i = 0; i < a->switches.n; i++) {
        strv_add(&parts, a->switches.v[i]);
    }
    for (size_t i = 0; i < a->faults.n; i++) {
        strv_addf(&parts, "fault %s", a->faults.v[i]);
    }
    return strv_join(&parts, ", ");
}

/* What was asked, to be read again in a report. Values of --set may be secrets, so they
 * are left out. */
static char *command_line(const struct run_arguments *a, const struct strv *operands)
{
    struct strv words CLEANUP(strv_release) = STRV_INIT;
    strv_add(&words, "waybill run");
    for (size_t i = 0; i < operands->n; i++) {
        strv_add(&words, operands->v[i]);
    }
    if (a->tags) {
        strv_addf(&words, "--tags %s", a->tags);
    }
    strv_addf(&words, "--target %s --contract %s", a->target, a->contract);
    for (size_t i = 0; i < a->switches.n; i++) {
        strv_addf(&words, "--switch %s", a->switches.v[i]);
    }
    for (size_t i = 0; i < a->faults.n; i++) {
        strv_addf(&words, "--fault '%s'", a->faults.v[i]);
    }
    for (size_t i = 0; i < a->set.n; i++) {
        strv_addf(&words, "--set %.*s=...", (int)strcspn(a->set.v[i], "="), a->set.v[i]);
    }
    return strv_join(&words, " ");
}

/* "NAME=VALUE" texts into an object; numbers stay numbers. Each name must be a parameter
 * of a scenario that runs. */
static int parse_params(const struct run_setup *s, const struct strv *sets, json_t **ret,
                        struct err *err)
{
    json_t *params CLEANUP(json_drop) = json_object();
    for (size_t i = 0; i < sets->n; i++) {
        const char *equals = strchr(sets->v[i], '=');
        if (!equals || equals == sets->v[i]) {
            return err_set(err, ERR_USAGE, "--set takes NAME=VALUE, not '%s'",
                           sets->v[i]);
        }
        char *name CLEANUP(free_ptr) =
            xstrndup(sets->v[i], (size_t)(equals - sets->v[i]));
        bool known = false;
        for (size_t k = 0; k < s->n_planned; k++) {
            const struct scenario *scenario = s->planned[k];
            for (size_t p = 0; p < scenario->n_params; p++) {
                known = known || !strcmp(scenario->params[p].name, name);
            }
        }
        if (!known) {
            return err_set(err, ERR_USAGE,
                           "--set: no scenario that runs has a parameter '%s'", name);
        }
        int64_t number = 0;
        json_object_set_new(params, name,
                            num_parse(equals + 1, INT64_MIN, INT64_MAX, &number)
                                ? json_integer(number)
                                : json_string(equals + 1));
    }
    *ret = TAKE(params);
    return 0;
}

/* A name that no scenario has would never be missed. */
static int check_must_run(const struct catalogue *c, const struct strv *names,
                          struct err *err)
{
    for (size_t i = 0; i < names->n; i++) {
        if (!catalogue_find(c, names->v[i])) {
            return err_set(err, ERR_USAGE,
                           "--must-run: no scenario is called '%s': `waybill list` shows "
                           "them",
                           names->v[i]);
        }
    }
    return 0;
}

/* What the files and options get wrong is found here, before anything is created; what
 * only the mock knows (its faults), when it starts. */
static int prepare(const struct run_arguments *a, const struct strv *operands,
                   struct run_setup *s, struct err *err)
{
    struct problems problems CLEANUP(problems_release) = PROBLEMS_INIT;
    char *targets CLEANUP(free_ptr) = NULL;
    if (load_contract(a->contract, &a->switches, &s->contract, err) < 0 ||
        load_operands(operands, s->contract, &s->catalogue, &problems, err) < 0 ||
        problems_err(&problems, err) < 0) {
        return -1;
    }
    s->planned = planned_of(s->catalogue, &s->n_planned);
    if (plan_filter_tags(s->planned, &s->n_planned, a->tags, err) < 0 ||
        parse_params(s, &a->set, &s->params, err) < 0 ||
        check_must_run(s->catalogue, &a->must_run, err) < 0 ||
        path_data("scenarios/targets", &targets, err) < 0 ||
        target_load(a->target, targets, &s->target, err) < 0) {
        return -1;
    }
    for (size_t i = 0; i < s->n_planned; i++) {
        scenario_want(s->planned[i], s->catalogue->exprs);
    }
    if (catalogue_compile(s->catalogue, &problems) < 0 &&
        problems_err(&problems, err) < 0) {
        return -1;
    }
    if (s->target.kind == TARGET_MOCK) {
        return path_mock_program(&s->mock_program, err) < 0 ||
                       path_data("mocks/catalog", &s->catalog, err) < 0 ||
                       path_data("mocks/contracts", &s->contracts_dir, err) < 0
                   ? -1
                   : 0;
    }
    if (a->catalogs.n > 0) {
        return err_set(err, ERR_USAGE,
                       "--catalog needs the mock platform, and target '%s' is a real one",
                       s->target.name);
    }
    if (a->faults.n > 0) {
        return err_set(err, ERR_USAGE,
                       "--fault needs the mock platform, and target '%s' is a real one",
                       s->target.name);
    }
    return 0;
}

static int open_store(const struct run_arguments *a, struct run_setup *s, struct err *err)
{
    s->db = a->db ? xstrdup(a->db) : path_default_db();
    s->ledger = xasprintf("%s.ledger.jsonl", s->db);
    s->routes_file = xasprintf("%s.routes.json", s->db);
    if (fs_mkparents(s->db, err) < 0) {
        return -1;
    }
    return store_open(s->db, STORE_WRITE, &s->store, err);
}

static int write_report(struct store *store, const char *format, const char *path,
                        struct err *err)
{
    struct report *report CLEANUP(report_drop) = NULL;
    if (!path) {
        return 0;
    }
    if (report_load(store, 0, &report, err) < 0 || fs_mkparents(path, err) < 0) {
        return -1;
    }
    struct buf out CLEANUP(buf_release) = BUF_INIT(LIMIT_REPORT);
    for (const struct report_format *f = report_formats; f->name; f++) {
        if (!strcmp(f->name, format)) {
            f->render(report, &out);
        }
    }
    return fs_write_output(path, out.data, out.len, 0644, err);
}

/* A report that cannot be written is said; it hides nothing of what the run found.
 * Returns whether all are there. */
static bool write_reports(const struct run_arguments *a, struct store *store,
                          int *exit_code)
{
    const char *const reports[][2] = {
        {"junit", a->junit}, {"markdown", a->markdown}, {"html", a->html}};
    bool written = true;
    for (size_t i = 0; i < ARRAY_SIZE(reports); i++) {
        struct err err = ERR_INIT;
        if (write_report(store, reports[i][0], reports[i][1], &err) < 0) {
            fprintf(stderr, "waybill: %s report: %s\n", reports[i][0], err.text);
            *exit_code = *exit_code == EXIT_PASSED ? EXIT_BROKEN : *exit_code;
            written = false;
        }
    }
    return written;
}

static void list_planned(const struct run_setup *s)
{
    for (size_t i = 0; i < s->n_planned; i++) {
        char *skip CLEANUP(free_ptr) = plan_skip_reason(s->planned[i], &s->target);
        printf("%s%s%s\n", s->planned[i]->name, skip ? "  SKIP: " : "", skip ? skip : "");
    }
}

static int run_prepared(const struct run_arguments *a, struct run_setup *s,
                        struct err *err)
{
    struct console_options console = {.quiet = a->quiet, .verbose = a->verbose};
    if (console_options_for(stdout, a->color, &console, err) < 0 ||
        open_store(a, s, err) < 0) {
        return -1;
    }
    s->contract_text = contract_text(a);
    if (s->target.kind == TARGET_REAL && !a->json) {
        printf("control plane %s\n", s->target.cp_url);
    }
    struct run_options opt = {
        .scenarios = s->planned,
        .n_scenarios = s->n_planned,
        .exprs = s->catalogue->exprs,
        .target = &s->target,
        .mock = {.program = s->mock_program,
                 .catalog = s->catalog,
                 .catalogs = &a->catalogs,
                 .contract = a->contract,
                 .contracts_dir = s->contracts_dir,
                 .routes_file = s->routes_file,
                 .switches = &a->switches,
                 .faults = &a->faults},
        .contract = s->contract,
        .contract_text = s->contract_text,
        .params = s->params,
        .jobs = a->jobs,
        .seed = a->seed,
        .keep = a->keep,
        .fail_fast = a->fail_fast,
        .require_live = a->require_live,
        .must_run = &a->must_run,
        .ledger_path = s->ledger,
        .version = WAYBILL_VERSION,
        .command_line = s->command_line,
    };
    struct sink *sinks[] = {store_sink(s->store),
                            a->json ? json_sink(stdout) : console_sink(&console)};
    struct run_summary summary = {0};
    int result = run_scenarios(&opt, sinks, ARRAY_SIZE(sinks), &summary, err);
    for (size_t i = 0; i < ARRAY_SIZE(sinks); i++) {
        sinks[i]->close(sinks[i]);
    }
    if (result < 0) {
        return -1;
    }
    int exit_code = summary.exit_code;
    bool report = write_reports(a, s->store, &exit_code) && a->html;
    if (!a->json && !a->quiet) {
        printf("results in %s%s%s\n", s->db, report ? ", report in " : "",
               report ? a->html : "");
    }
    return exit_code;
}

int cmd_run(void *arguments, const struct strv *operands, struct err *err)
{
    struct run_arguments *a = arguments;
    struct run_setup s CLEANUP(setup_release) = {.target = TARGET_INIT};
    if (prepare(a, operands, &s, err) < 0) {
        return -1;
    }
    if (s.n_planned == 0) {
        fprintf(stderr,
                "waybill: no scenario matches%s%s: `waybill list` shows what "
                "there is\n",
                a->tags ? " --tags " : "", a->tags ? a->tags : "");
        return EXIT_UNPROVEN;
    }
    if (a->list || a->dry_run) {
        list_planned(&s);
        return EXIT_PASSED;
    }
    s.command_line = command_line(a, operands);
    return run_prepared(a, &s, err);
}
