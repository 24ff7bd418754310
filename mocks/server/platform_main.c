#include <getopt.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "base/limits.h"
#include "base/num.h"
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

enum { FIRST_OPTION = 256 }; /* what getopt_long returns for the first row */

enum option_kind { FLAG, TEXT, LIST, PORT, BYTES, PACE, HELP };

static const struct row {
    const char *name;
    enum option_kind kind;
    size_t offset; /* in struct platform_options */
} rows[] = {
    {"http-port", PORT, offsetof(struct platform_options, http_port)},
    {"https-port", PORT, offsetof(struct platform_options, https_port)},
    {"ca-out", TEXT, offsetof(struct platform_options, ca_out)},
    {"domain", TEXT, offsetof(struct platform_options, domain)},
    {"tenant", LIST, offsetof(struct platform_options, tenants)},
    {"cp-stub", FLAG, offsetof(struct platform_options, cp_stub)},
    {"self-hosted", FLAG, offsetof(struct platform_options, self_hosted)},
    {"concierge", FLAG, offsetof(struct platform_options, concierge)},
    {"admin-token", TEXT, offsetof(struct platform_options, admin_token)},
    {"state", TEXT, offsetof(struct platform_options, state)},
    {"journal-bytes", BYTES, offsetof(struct platform_options, journal_bytes)},
    {"dir", TEXT, offsetof(struct platform_options, dir)},
    {"catalog", LIST, offsetof(struct platform_options, catalogs)},
    {"contract", TEXT, offsetof(struct platform_options, contract)},
    {"contracts-dir", TEXT, offsetof(struct platform_options, contracts_dir)},
    {"switch", LIST, offsetof(struct platform_options, switches)},
    {"fault", LIST, offsetof(struct platform_options, faults)},
    {"pace", PACE, offsetof(struct platform_options, pace)},
    {"org", LIST, offsetof(struct platform_options, orgs)},
    {"json", FLAG, offsetof(struct platform_options, json)},
    {"env-file", TEXT, offsetof(struct platform_options, env_file)},
    {"routes-out", TEXT, offsetof(struct platform_options, routes_file)},
    {"help", HELP, 0},
};

void platform_options_release(struct platform_options *o)
{
    strv_release(&o->switches);
    strv_release(&o->faults);
    strv_release(&o->orgs);
    strv_release(&o->catalogs);
    strv_release(&o->tenants);
}

static int take_pace(const char *text, double *pace, struct err *err)
{
    if (!num_parse_double(text, pace) || *pace <= 0 || *pace > 100)
        return err_set(err, ERR_USAGE, "--pace wants a number above 0, got '%s'", text);
    return 0;
}

static int take_port(const char *name, const char *text, int *port, struct err *err)
{
    int64_t value = 0;
    if (!num_parse(text, 0, 65535, &value))
        return err_set(err, ERR_USAGE, "--%s wants a port number, got '%s'", name, text);
    *port = (int)value;
    return 0;
}

static int take_bytes(const char *name, const char *text, size_t *bytes, struct err *err)
{
    int64_t value = 0;
    if (!num_parse(text, KIB(64), (int64_t)MIB(4096), &value))
        return err_set(err, ERR_USAGE,
                       "--%s wants a number of bytes above 65536, got '%s'", name, text);
    *bytes = (size_t)value;
    return 0;
}

/* 0 = taken, 1 = help was asked for. */
static int take(struct platform_options *o, const struct row *row, struct err *err)
{
    void *field = (char *)o + row->offset;
    switch (row->kind) {
    case FLAG:
        *(bool *)field = true;
        return 0;
    case TEXT:
        *(const char **)field = optarg;
        return 0;
    case LIST:
        strv_add(field, optarg);
        return 0;
    case PORT:
        return take_port(row->name, optarg, field, err);
    case BYTES:
        return take_bytes(row->name, optarg, field, err);
    case PACE:
        return take_pace(optarg, field, err);
    case HELP:
        return 1;
    }
    return err_set(err, ERR_BUG, "option '--%s' has no kind", row->name);
}

static int parse(int argc, char **argv, struct platform_options *o, struct err *err)
{
    struct option options[ARRAY_SIZE(rows) + 1] = {{NULL, 0, NULL, 0}};
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
        options[i] = (struct option){rows[i].name,
                                     rows[i].kind == FLAG || rows[i].kind == HELP
                                         ? no_argument
                                         : required_argument,
                                     NULL, FIRST_OPTION + (int)i};
    opterr = 0;
    for (;;) {
        int option = getopt_long(argc, argv, "", options, NULL);
        if (option == -1)
            break;
        if (option == '?')
            return err_set(err, ERR_USAGE,
                           "unknown option or missing value '%s'; see waybill-mock "
                           "platform --help",
                           argv[optind - 1]);
        int taken = take(o, &rows[option - FIRST_OPTION], err);
        if (taken != 0)
            return taken;
    }
    if (optind < argc)
        return err_set(err, ERR_USAGE, "unexpected argument '%s'", argv[optind]);
    return 0;
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
    int parsed = parse(argc, argv, &o, &err);
    if (parsed == 1)
        return fputs(help, stdout) < 0 ? 1 : 0;
    if (parsed == 0 && platform_run(&o, &err) == 0)
        return 0;
    (void)fprintf(stderr, "waybill-mock: %s\n", err.text);
    return exit_code(&err);
}
