#include "cli/cmd.h"

#include "cli/paths.h"
#include "base/num.h"
#include "run/verdict.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

const struct option_row mock_option_rows[] = {
    {"http-port", 0, OPTION_TEXT, "N", "0", offsetof(struct mock_arguments, http_port),
     "port on 127.0.0.1; 0 is any free one"},
    {"org", 0, OPTION_LIST, "SLUG", NULL, offsetof(struct mock_arguments, orgs),
     "an organisation with its concierge, made at start; may be repeated"},
    {"contract", 0, OPTION_TEXT, "PROFILE", "rfc",
     offsetof(struct mock_arguments, contract), "contract profile, a name or a file"},
    {"switch", 0, OPTION_LIST, "NAME=VALUE", NULL,
     offsetof(struct mock_arguments, switches), "one switch of the profile"},
    {"fault", 0, OPTION_LIST, "NAME[=MODE]", NULL,
     offsetof(struct mock_arguments, faults), "a thing that goes wrong"},
    {"pace", 0, OPTION_TEXT, "FACTOR", NULL, offsetof(struct mock_arguments, pace),
     "production's clocks times this (default: 0.002)"},
    {"catalog", 0, OPTION_TEXT, "DIR", NULL, offsetof(struct mock_arguments, catalog),
     "templates and plugins, as OWNER/REPO/REF/ (default: the program's own)"},
    {"dir", 0, OPTION_TEXT, "DIR", NULL, offsetof(struct mock_arguments, dir),
     "where boxes live (default: a temporary folder, removed at the end)"},
    {"env-file", 0, OPTION_TEXT, "FILE", NULL, offsetof(struct mock_arguments, env_file),
     "write addresses and tokens as NAME=VALUE lines, to source"},
    {"cp-token", 0, OPTION_TEXT, "TOKEN", NULL, offsetof(struct mock_arguments, cp_token),
     "admin token of the control plane (default: a random one)"},
    {"json", 0, OPTION_FLAG, NULL, NULL, offsetof(struct mock_arguments, json),
     "one JSON object on the first line of stdout once it is ready"},
    {NULL, 0, OPTION_FLAG, NULL, NULL, 0, NULL},
};

static void pass_text(struct strv *argv, const char *option, const char *value)
{
    if (value) {
        strv_add(argv, option);
        strv_add(argv, value);
    }
}

static void pass_list(struct strv *argv, const char *option, const struct strv *values)
{
    for (size_t i = 0; i < values->n; i++) {
        pass_text(argv, option, values->v[i]);
    }
}

/* Becomes the platform: signals, terminal and exit code are then its own. */
int cmd_mock(void *arguments, const struct strv *operands, struct err *err)
{
    (void)operands;
    struct mock_arguments *a = arguments;
    char *program CLEANUP(free_ptr) = NULL;
    char *catalog CLEANUP(free_ptr) = NULL;
    char *contracts CLEANUP(free_ptr) = NULL;
    int64_t port = 0;
    if (!num_parse(a->http_port, 0, 65535, &port)) {
        return err_set(err, ERR_USAGE, "--http-port takes 0 to 65535, not '%s'",
                       a->http_port);
    }
    if (path_mock_program(&program, err) < 0 ||
        path_data("mocks/catalog", &catalog, err) < 0 ||
        path_data("mocks/contracts", &contracts, err) < 0) {
        return -1;
    }
    struct strv argv CLEANUP(strv_release) = STRV_INIT;
    strv_add(&argv, program);
    strv_add(&argv, "platform");
    pass_text(&argv, "--http-port", a->http_port);
    pass_text(&argv, "--dir", a->dir);
    pass_text(&argv, "--catalog", a->catalog ? a->catalog : catalog);
    pass_text(&argv, "--contracts-dir", contracts);
    pass_text(&argv, "--contract", a->contract);
    pass_text(&argv, "--pace", a->pace);
    pass_text(&argv, "--env-file", a->env_file);
    pass_list(&argv, "--switch", &a->switches);
    pass_list(&argv, "--fault", &a->faults);
    pass_list(&argv, "--org", &a->orgs);
    if (a->json) {
        strv_add(&argv, "--json");
    }
    if (a->cp_token && setenv("WAYBILL_CP_TOKEN", a->cp_token, 1) != 0) {
        return err_sys(err, errno, "cannot hand over the token");
    }
    execv(program, strv_argv(&argv));
    return err_sys(err, errno, "cannot run '%s'", program);
}
