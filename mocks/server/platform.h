/*
 * waybill-mock platform: the control plane, its tenants and the forge in one process with
 * one listener, told apart by the Host header.
 *
 * cp.localhost is the control plane (/health, /cp/, /_mock/), SLUG.cp.localhost a tenant,
 * git.cp.localhost the forge. Clients that cannot resolve those names come to 127.0.0.1
 * and say which tenant they mean with X-Molecule-Org-Id (or -Slug).
 */
#ifndef SERVER_PLATFORM_H
#define SERVER_PLATFORM_H

#include "base/err.h"
#include "base/strv.h"
#include <stdbool.h>

struct platform_options {
    int http_port, https_port; /* 0 = any */
    const char *dir;           /* NULL = a temporary one, removed at the end; with a
                                * state file <file>.d, kept */
    const char *state;         /* file; NULL = everything is in memory */
    size_t journal_bytes;      /* 0 = the usual */
    const char *contract;      /* name or file; NULL = "rfc", or the state file's */
    const char *contracts_dir; /* NULL = beside the program */
    const char *env_file;      /* NULL = none */
    const char *routes_file;   /* gets route_list at the end; NULL = none */
    const char *ca_out;        /* file for the authority; NULL = in dir */
    const char *domain;        /* another name of the control plane; NULL = none */
    const char *admin_token;   /* of a self-hosted tenant; NULL = random, "" = none */
    struct strv tenants;       /* "SLUG,HOST,ORG_ID,ADMIN_TOKEN" */
    bool cp_stub;              /* the open stub instead of the control plane */
    struct strv switches;      /* "NAME=VALUE" */
    struct strv faults;        /* "NAME[=MODE]" */
    struct strv catalogs;      /* directories, laid over the program's own catalog */
    struct strv orgs;          /* slugs to create at the start */
    double pace;               /* production time x pace = time here */
    bool self_hosted;          /* one tenant on the plain port, Docker mode */
    bool concierge;            /* self-hosted and fixed tenants: with a seeded one */
    bool json;
};
#define PLATFORM_OPTIONS_INIT                                                            \
    {                                                                                    \
        .pace = 0.002                                                                    \
    }
void platform_options_release(struct platform_options *o);

/* Serves until SIGTERM or SIGINT, then ends every box and removes what it made. 0 = ended
 * so. ERR_USAGE, ERR_CONFIG (nothing was started), ERR_SYS (a port that is taken). */
MUST_CHECK int platform_run(const struct platform_options *options, struct err *err);

/* The subcommand: argv[0] is "platform". Returns the exit code: 0, 2 when it
 * never served (an option, a file, a port), 3 when it broke. */
int platform_main(int argc, char **argv);

#endif
