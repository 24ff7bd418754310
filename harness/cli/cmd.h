/*
 * The subcommands: each file has the tables of its options and one function.
 */
#ifndef CLI_CMD_H
#define CLI_CMD_H

#include "cli/options.h"
#include "scenario/load.h"

/* Loads the operands (none = every scenario of the program) as one catalogue. contract:
 * borrowed, kept by the catalogue. What is wrong with the files goes to problems;
 * negative when a path cannot be read. Caller owns *ret. */
MUST_CHECK int load_operands(const struct strv *operands, const json_t *contract,
                             struct catalogue **ret, struct problems *problems,
                             struct err *err);
/* The catalogue's scenarios as a list to filter; the list (not the scenarios) is the
 * caller's, who frees it. */
struct scenario **planned_of(const struct catalogue *c, size_t *ret_n);
/* The contract profile by name or file with switches over it. Caller owns *ret. */
MUST_CHECK int load_contract(const char *name, const struct strv *switches, json_t **ret,
                             struct err *err);

extern const struct option_row run_option_rows[];
extern const struct option_row list_option_rows[];
extern const struct option_row check_option_rows[];
extern const struct option_row explain_option_rows[];
extern const struct option_row mock_option_rows[];
extern const struct option_row report_option_rows[];
extern const struct option_row mcp_option_rows[];

struct run_arguments {
    char *tags, *target, *seed, *contract, *db, *junit, *markdown, *html, *color;
    struct strv set, faults, switches, catalogs, must_run;
    int jobs;
    bool list, keep, json, quiet, verbose, fail_fast, require_live, dry_run;
};
struct list_arguments {
    char *tags;
    bool json;
};
struct check_arguments {
    char *contract;
    bool strict, json;
};
struct explain_arguments {
    char *contract;
};
struct mock_arguments {
    char *http_port, *https_port, *pace, *contract, *env_file, *cp_token, *dir;
    char *ca_out, *domain, *admin_token, *state, *journal_bytes;
    struct strv faults, switches, catalogs, orgs, tenants;
    bool json, cp_stub, self_hosted, concierge;
};
struct report_arguments {
    char *db, *format, *output;
    int run;
};

command_fn cmd_run, cmd_list, cmd_check, cmd_explain, cmd_mock, cmd_mcp, cmd_report,
    cmd_version, cmd_completion, cmd_man;

#endif
