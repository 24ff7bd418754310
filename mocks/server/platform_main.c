#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "base/num.h"
#include "mocks/server/platform.h"

static const char help[] =
    "usage: waybill-mock platform [OPTION...]\n"
    "\n"
    "Serves a mock control plane with its tenants, boxes and forge on 127.0.0.1.\n"
    "\n"
    "  --http-port N        listen on this port (default: any)\n"
    "  --dir DIR            keep the boxes' files there (default: a temporary "
    "directory)\n"
    "  --catalog DIR        templates and plugins that the forge serves\n"
    "  --contract NAME|FILE profile of the product's behaviour (default: rfc)\n"
    "  --contracts-dir DIR  where profiles are found by name\n"
    "  --switch NAME=VALUE  change one switch of the profile\n"
    "  --fault NAME[=MODE]  switch a fault on\n"
    "  --pace X             production time times X is time here (default: 0.002)\n"
    "  --org SLUG           create this organisation at the start\n"
    "  --self-hosted        one tenant in Docker mode on the plain port, no org guard\n"
    "  --concierge          self-hosted: with a concierge\n"
    "  --json               tell addresses and tokens as one line of JSON\n"
    "  --env-file FILE      write them as shell variables too\n"
    "  --help               this text\n"
    "\n"
    "Example: waybill-mock platform --json --org demo\n";

enum {
    OPT_PORT = 256,
    OPT_DIR,
    OPT_CATALOG,
    OPT_CONTRACT,
    OPT_CONTRACTS_DIR,
    OPT_SWITCH,
    OPT_FAULT,
    OPT_PACE,
    OPT_ORG,
    OPT_SELF_HOSTED,
    OPT_CONCIERGE,
    OPT_JSON,
    OPT_ENV_FILE,
    OPT_HELP,
};

static const struct option options[] = {
    {"http-port", required_argument, NULL, OPT_PORT},
    {"dir", required_argument, NULL, OPT_DIR},
    {"catalog", required_argument, NULL, OPT_CATALOG},
    {"contract", required_argument, NULL, OPT_CONTRACT},
    {"contracts-dir", required_argument, NULL, OPT_CONTRACTS_DIR},
    {"switch", required_argument, NULL, OPT_SWITCH},
    {"fault", required_argument, NULL, OPT_FAULT},
    {"pace", required_argument, NULL, OPT_PACE},
    {"org", required_argument, NULL, OPT_ORG},
    {"self-hosted", no_argument, NULL, OPT_SELF_HOSTED},
    {"concierge", no_argument, NULL, OPT_CONCIERGE},
    {"json", no_argument, NULL, OPT_JSON},
    {"env-file", required_argument, NULL, OPT_ENV_FILE},
    {"help", no_argument, NULL, OPT_HELP},
    {NULL, 0, NULL, 0},
};

void platform_options_release(struct platform_options *o)
{
    strv_release(&o->switches);
    strv_release(&o->faults);
    strv_release(&o->orgs);
}

static int take_number(struct platform_options *o, int option, const char *text,
                       struct err *err)
{
    int64_t port = 0;
    if (option == OPT_PACE) {
        if (!num_parse_double(text, &o->pace) || o->pace <= 0 || o->pace > 100)
            return err_set(err, ERR_USAGE, "--pace wants a number above 0, got '%s'",
                           text);
        return 0;
    }
    if (!num_parse(text, 0, 65535, &port))
        return err_set(err, ERR_USAGE, "--http-port wants a port number, got '%s'", text);
    o->http_port = (int)port;
    return 0;
}

/* 0 = taken, 1 = help was asked for. */
static int take(struct platform_options *o, int option, struct err *err)
{
    switch (option) {
    case OPT_PORT:
    case OPT_PACE:
        return take_number(o, option, optarg, err);
    case OPT_DIR:
        o->dir = optarg;
        return 0;
    case OPT_CATALOG:
        o->catalog = optarg;
        return 0;
    case OPT_CONTRACT:
        o->contract = optarg;
        return 0;
    case OPT_CONTRACTS_DIR:
        o->contracts_dir = optarg;
        return 0;
    case OPT_SWITCH:
        strv_add(&o->switches, optarg);
        return 0;
    case OPT_FAULT:
        strv_add(&o->faults, optarg);
        return 0;
    case OPT_ORG:
        strv_add(&o->orgs, optarg);
        return 0;
    case OPT_SELF_HOSTED:
        o->self_hosted = true;
        return 0;
    case OPT_CONCIERGE:
        o->concierge = true;
        return 0;
    case OPT_JSON:
        o->json = true;
        return 0;
    case OPT_ENV_FILE:
        o->env_file = optarg;
        return 0;
    case OPT_HELP:
        return 1;
    default:
        return err_set(err, ERR_USAGE, "bad option; see waybill-mock platform --help");
    }
}

static int parse(int argc, char **argv, struct platform_options *o, struct err *err)
{
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
        int taken = take(o, option, err);
        if (taken != 0)
            return taken;
    }
    if (o->concierge && !o->self_hosted)
        return err_set(err, ERR_USAGE, "--concierge wants --self-hosted");
    if (optind < argc)
        return err_set(err, ERR_USAGE, "unexpected argument '%s'", argv[optind]);
    return 0;
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
    return err.kind == ERR_USAGE || err.kind == ERR_CONFIG ||
                   (err.kind == ERR_SYS && err.sys == EADDRINUSE)
               ? 2
               : 1;
}
