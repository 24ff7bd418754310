#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "base/args.h"
#include "base/limits.h"
#include "mocks/server/platform.h"

static const char help[] =
    "usage: waybill-mock platform [OPTION...]\n"
    "\n"
    "Serves a mock control plane with its tenants, boxes and forge on 127.0.0.1.\n"
    "\n"
    "  --http-port N        listen on this port (default: any)\n"
    "  --https-port N       and with TLS on this one (default: any)\n"
    "  --ca-out FILE        write the authority of its certificate there, PEM (default: "
    "in "
    "DIR)\n"
    "  --domain HOST        another name of the control plane: tenants of api.X are "
    "under "
    "X,\n"
    "                       of staging-api.X under staging.X, of any other under itself\n"
    "  --tenant SLUG,HOST,ORG_ID,ADMIN_TOKEN\n"
    "                       a tenant of its own host name, running and empty\n"
    "  --cp-stub            the open stub with its counters instead of the control "
    "plane\n"
    "  --self-hosted        one empty tenant in Docker mode on the plain port, no org "
    "guard\n"
    "  --concierge          self-hosted and fixed tenants: with a concierge\n"
    "  --admin-token TOKEN  self-hosted: its ADMIN_TOKEN (default: random; '' = none)\n"
    "  --dir DIR            keep the boxes' files there (default: a temporary "
    "directory)\n"
    "  --state FILE         keep everything there (SQLite): it survives this process; "
    "the\n"
    "                       boxes' files are then in FILE.d unless --dir says "
    "otherwise\n"
    "  --journal-bytes N    size of the request journal (default: 12582912)\n"
    "  --catalog DIR        templates and plugins of yours, over the built-in ones: "
    "a catalog\n"
    "                       (OWNER/REPO/REF/) or a working tree; may be repeated\n"
    "  --contract NAME|FILE profile of the product's behaviour (default: rfc)\n"
    "  --contracts-dir DIR  where profiles are found by name\n"
    "  --switch NAME=VALUE  change one switch of the profile\n"
    "  --fault NAME[=MODE]  switch a fault on\n"
    "  --pace X             production time times X is time here (default: 0.002)\n"
    "  --org SLUG           create this organisation at the start\n"
    "  --json               tell addresses and tokens as one line of JSON\n"
    "  --env-file FILE      write them as shell variables too\n"
    "  --routes-out FILE    write at the end how often each route was asked\n"
    "  --help               this text\n"
    "\n"
    "Example: waybill-mock platform --json --org demo\n";

#define AT(member) offsetof(struct platform_options, member)
static const struct arg_row rows[] = {
    {"http-port", ARG_INT, AT(http_port), 0, 65535},
    {"https-port", ARG_INT, AT(https_port), 0, 65535},
    {"ca-out", ARG_TEXT, AT(ca_out), 0, 0},
    {"domain", ARG_TEXT, AT(domain), 0, 0},
    {"tenant", ARG_TEXTS, AT(tenants), 0, 0},
    {"cp-stub", ARG_FLAG, AT(cp_stub), 0, 0},
    {"self-hosted", ARG_FLAG, AT(self_hosted), 0, 0},
    {"concierge", ARG_FLAG, AT(concierge), 0, 0},
    {"admin-token", ARG_TEXT, AT(admin_token), 0, 0},
    {"state", ARG_TEXT, AT(state), 0, 0},
    {"journal-bytes", ARG_SIZE, AT(journal_bytes), KIB(64), MIB(4096)},
    {"dir", ARG_TEXT, AT(dir), 0, 0},
    {"catalog", ARG_TEXTS, AT(catalogs), 0, 0},
    {"contract", ARG_TEXT, AT(contract), 0, 0},
    {"contracts-dir", ARG_TEXT, AT(contracts_dir), 0, 0},
    {"switch", ARG_TEXTS, AT(switches), 0, 0},
    {"fault", ARG_TEXTS, AT(faults), 0, 0},
    {"pace", ARG_RATIO, AT(pace), 0, 100},
    {"org", ARG_TEXTS, AT(orgs), 0, 0},
    {"json", ARG_FLAG, AT(json), 0, 0},
    {"env-file", ARG_TEXT, AT(env_file), 0, 0},
    {"routes-out", ARG_TEXT, AT(routes_file), 0, 0},
    {"help", ARG_HELP, 0, 0, 0},
};

void platform_options_release(struct platform_options *o)
{
    strv_release(&o->switches);
    strv_release(&o->faults);
    strv_release(&o->orgs);
    strv_release(&o->catalogs);
    strv_release(&o->tenants);
}

/* 2 = it never served, for what it was given: options, files, ports; 3 = it broke. */
static int exit_code(const struct err *err)
{
    bool given = err->kind == ERR_USAGE || err->kind == ERR_CONFIG ||
                 err->kind == ERR_SYS || err->kind == ERR_SHAPE;
    return given ? 2 : 3;
}

int platform_main(int argc, char **argv)
{
    CLEANUP(platform_options_release)
    struct platform_options o = PLATFORM_OPTIONS_INIT;
    struct err err = ERR_INIT;
    int parsed = args_parse(argc, argv, "waybill-mock platform", rows, ARRAY_SIZE(rows),
                            &o, NULL, &err);
    if (parsed == 1)
        return fputs(help, stdout) < 0 ? 1 : 0;
    if (parsed == 0 && platform_run(&o, &err) == 0)
        return 0;
    (void)fprintf(stderr, "waybill-mock: %s\n", err.text);
    return exit_code(&err);
}
