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
    {"https-port", 0, OPTION_TEXT, "N", "0", offsetof(struct mock_arguments, https_port),
     "port of the same with TLS; 0 is any free one"},
    {"ca-out", 0, OPTION_TEXT, "FILE", NULL, offsetof(struct mock_arguments, ca_out),
     "write the authority of its certificate there, PEM, for CURL_CA_BUNDLE"},
    {"domain", 0, OPTION_TEXT, "HOST", NULL, offsetof(struct mock_arguments, domain),
     "another name of the control plane; tenants of api.X are found under X, of "
     "staging-api.X under staging.X, of any other under itself"},
    {"tenant", 0, OPTION_LIST, "SLUG,HOST,ORG_ID,ADMIN_TOKEN", NULL,
     offsetof(struct mock_arguments, tenants),
     "a tenant of its own host name, running and empty; may be repeated"},
    {"cp-stub", 0, OPTION_FLAG, NULL, NULL, offsetof(struct mock_arguments, cp_stub),
     "the open stub with its counters instead of the control plane"},
    {"self-hosted", 0, OPTION_FLAG, NULL, NULL,
     offsetof(struct mock_arguments, self_hosted),
     "one empty tenant in Docker mode on the plain port, without an org guard"},
    {"concierge", 0, OPTION_FLAG, NULL, NULL, offsetof(struct mock_arguments, concierge),
     "self-hosted and fixed tenants: with a concierge"},
    {"admin-token", 0, OPTION_TEXT, "TOKEN", NULL,
     offsetof(struct mock_arguments, admin_token),
     "ADMIN_TOKEN of the self-hosted tenant, empty for none (default: a random one)"},
    {"org", 0, OPTION_LIST, "SLUG", NULL, offsetof(struct mock_arguments, orgs),
     "an organisation with its concierge, made at start; may be repeated"},
    {"contract", 0, OPTION_TEXT, "PROFILE", NULL,
     offsetof(struct mock_arguments, contract),
     "contract profile, a name or a file (default: rfc, or the state file's)"},
    {"switch", 0, OPTION_LIST, "NAME=VALUE", NULL,
     offsetof(struct mock_arguments, switches), "one switch of the profile"},
    {"fault", 0, OPTION_LIST, "NAME[=MODE]", NULL,
     offsetof(struct mock_arguments, faults), "a thing that goes wrong"},
    {"pace", 0, OPTION_TEXT, "FACTOR", NULL, offsetof(struct mock_arguments, pace),
     "production's clocks times this (default: 0.002)"},
    {"catalog", 0, OPTION_LIST, "DIR", NULL, offsetof(struct mock_arguments, catalogs),
     "templates and plugins over the built-in ones: OWNER/REPO/REF/, or a working tree; "
     "may be repeated"},
    {"state", 0, OPTION_TEXT, "FILE", NULL, offsetof(struct mock_arguments, state),
     "keep everything there (SQLite), so that it survives this process; boxes then live "
     "in FILE.d unless --dir says otherwise"},
    {"journal-bytes", 0, OPTION_TEXT, "N", NULL,
     offsetof(struct mock_arguments, journal_bytes),
     "size of the request journal (default: 12582912)"},
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

static void pass(struct strv *argv, const char *name, const char *value)
{
    strv_addf(argv, "--%s", name);
    if (value) {
        strv_add(argv, value);
    }
}

/* The platform's options have the names of ours; what is not its own is skipped. */
static void pass_row(struct strv *argv, const struct option_row *row,
                     const void *arguments)
{
    const void *field = (const char *)arguments + row->offset;
    const struct strv *list = field;
    char *const *text = field;
    switch (row->type) {
    case OPTION_FLAG:
        if (*(const bool *)field) {
            pass(argv, row->name, NULL);
        }
        break;
    case OPTION_COUNT: /* the platform has none */
        break;
    case OPTION_TEXT:
        if (*text && strcmp(row->name, "cp-token") != 0) {
            pass(argv, row->name, *text);
        }
        break;
    case OPTION_LIST:
        for (size_t i = 0; i < list->n; i++) {
            pass(argv, row->name, list->v[i]);
        }
        break;
    }
}

static int check_port(const char *name, const char *text, struct err *err)
{
    int64_t port = 0;
    if (num_parse(text, 0, 65535, &port)) {
        return 0;
    }
    return err_set(err, ERR_USAGE, "--%s takes 0 to 65535, not '%s'", name, text);
}

/* Becomes the platform: signals, terminal and exit code are then its own. */
int cmd_mock(void *arguments, const struct strv *operands, struct err *err)
{
    (void)operands;
    struct mock_arguments *a = arguments;
    char *program CLEANUP(free_ptr) = NULL;
    char *catalog CLEANUP(free_ptr) = NULL;
    char *contracts CLEANUP(free_ptr) = NULL;
    if (check_port("http-port", a->http_port, err) < 0 ||
        check_port("https-port", a->https_port, err) < 0 ||
        path_mock_program(&program, err) < 0 ||
        path_data("mocks/catalog", &catalog, err) < 0 ||
        path_data("mocks/contracts", &contracts, err) < 0) {
        return -1;
    }
    struct strv argv CLEANUP(strv_release) = STRV_INIT;
    strv_add(&argv, program);
    strv_add(&argv, "platform");
    pass(&argv, "contracts-dir", contracts);
    pass(&argv, "catalog", catalog);
    /* Only where results belong: nobody expects files in the current directory. */
    char *db CLEANUP(free_ptr) = path_default_db();
    char *routes CLEANUP(free_ptr) = xasprintf("%s.routes.json", db);
    if (strncmp(db, "build/", 6) == 0) {
        pass(&argv, "routes-out", routes);
    }
    for (const struct option_row *row = mock_option_rows; row->name; row++) {
        pass_row(&argv, row, arguments);
    }
    if (a->cp_token && setenv("WAYBILL_CP_TOKEN", a->cp_token, 1) != 0) {
        return err_sys(err, errno, "cannot hand over the token");
    }
    execv(program, strv_argv(&argv));
    return err_sys(err, errno, "cannot run '%s'", program);
}
