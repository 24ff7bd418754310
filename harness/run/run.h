/*
 * One run: scenarios, each in a worker process of its own, against one target.
 *
 * The caller loads scenarios (scenario/model.h), target and contract (run/target.h) and
 * chooses what runs (run/plan.h); everything of that can fail with nothing created.
 * run_scenarios then starts the mock platform if the target is one, forks the workers,
 * reads their events, hands each to every sink in order of arrival, and tears down what
 * dead workers left. Single-threaded; SIGINT and SIGTERM are handled while it runs: the
 * first lets the workers tear down, the second stops at once.
 */
#ifndef RUN_RUN_H
#define RUN_RUN_H

#include "base/err.h"
#include "base/strv.h"
#include "run/sink.h"
#include "run/target.h"
#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

struct scenario; /* scenario/model.h */
struct exprs;    /* scenario/expr.h */

/* How to start the mock platform; unused when the target is a real one. Borrowed. */
struct mock_spec {
    const char *program;         /* path of waybill-mock */
    const char *catalog;         /* directory, NULL = the program's own default */
    const struct strv *catalogs; /* more, laid over it; NULL = none */
    const char *contract;        /* profile name or file, NULL = rfc */
    const char *contracts_dir;   /* NULL = the program's own default */
    const char *routes_file;     /* gets the routes that were asked; NULL = none */
    const struct strv *switches; /* "NAME=VALUE", NULL = none */
    const struct strv *faults;   /* "NAME[=MODE]", NULL = none */
};

/* All borrowed during run_scenarios. */
struct run_options {
    struct scenario *const *scenarios; /* what runs, in this order */
    size_t n_scenarios;
    struct exprs *exprs; /* the catalogue's, compiled: scenario_want, catalogue_compile */
    struct target *target; /* filled in with the mock's addresses when it is one */
    struct mock_spec mock;
    json_t *contract;          /* object: contract_load() */
    const char *contract_text; /* for people: "rfc, delivery=asset, asset-channel=stub" */
    json_t *params;            /* object: --set, over the scenarios' own; NULL = none */
    int jobs;                  /* workers at once, 0 = one per core */
    const char *seed;          /* NULL = a random one */
    bool keep;                 /* leave what scenarios created */
    bool fail_fast;            /* start nothing new after the first FAIL or BROKEN */
    bool require_live;         /* a SKIP makes the run prove nothing (exit 5) */
    const struct strv *must_run; /* names; a SKIP there, or no scenario of that
                                    name, does the same. NULL = none */
    int64_t least_deadline_ms;   /* shortest time that a scenario gets, real time; 0 =
                                    60 s. More when its budget or its waits ask for it */
    const char *ledger_path;     /* NULL = no ledger (tests only) */
    const char *version, *command_line;
};

struct run_summary {
    int passed, failed, broken, skipped; /* scenarios */
    int checks_passed, checks_failed, checks_broken, checks_skipped;
    int leaked; /* resources still there after teardown */
    int64_t wall_ms;
    int exit_code;    /* enum exit_code, of docs "exit codes" */
    char reason[256]; /* one line for exit codes 3, 4 and 5; "" else */
    char seed[32];
};

/* Blocks until every worker is gone. 0: *ret is filled and says what happened, every
 * event went to every sink (EV_RUN_BEGIN first, EV_RUN_END last). Negative: the run could
 * not start, nothing was created (ERR_CONFIG, ERR_SYS): exit 2 for ERR_CONFIG and
 * ERR_USAGE, else 3. */
MUST_CHECK int run_scenarios(const struct run_options *opt, struct sink *const *sinks,
                             size_t n_sinks, struct run_summary *ret, struct err *err);

#endif
