/*
 * Where scenarios run: the mock platform, or a real control plane.
 *
 * A target file (scenarios/targets/NAME.yaml) says where the control plane is, how a
 * tenant's address follows from it, which environment variable holds the token, how much
 * faster than production its clocks are (pace), and which needs of scenarios it meets.
 * Shape: harness/run/README.md, section "Target files".
 */
#ifndef RUN_TARGET_H
#define RUN_TARGET_H

#include "base/err.h"
#include "base/strv.h"
#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

enum target_kind { TARGET_MOCK, TARGET_REAL };

struct target {
    char *name; /* "mock" */
    char *file;
    enum target_kind kind;
    char *cp_url;        /* no trailing slash; NULL: a mock that is not running yet */
    char *tenant_domain; /* "cp.localhost:4711"; NULL until cp_url is known */
    char *mock_url;      /* of /_mock/ routes; NULL on a real target */
    char *cp_token_env;  /* name of the variable; NULL on the mock */
    char *cp_token;      /* secret; NULL until known */
    double pace;         /* production milliseconds x pace = milliseconds here */
    int64_t poll_ms;     /* longest pause between two polls, production time */
    int64_t patience_ms; /* a positive `within` is never shorter, real time */
    struct strv needs;   /* needs met: "box-mcp", "llm", "faults" ... */
    struct strv env;     /* names that scenarios may read as env.NAME */
    char *prefix;        /* of everything created: "e2e-" */
    char *owner;         /* owner_user_id of organisations */
    char *ca_file;       /* NULL = the system's */
};
#define TARGET_INIT                                                                      \
    {                                                                                    \
        .kind = TARGET_MOCK                                                              \
    }
void target_release(struct target *t);

/* name: "mock" (found as <targets_dir>/mock.yaml) or a path (has a '/' or ends in .yaml).
 * ERR_CONFIG for an unknown name, with the nearest known one, a bad file (file:line:col),
 * or a missing token variable: nothing was created then. */
MUST_CHECK int target_load(const char *name, const char *targets_dir, struct target *ret,
                           struct err *err);

/* Domain of a control plane's tenants: host of cp_url with its port, without a leading
 * "api.", and "staging-api.X" becoming "staging.X". Caller frees. */
char *target_tenant_domain(const char *cp_url);
/* "http://SLUG.DOMAIN" with the scheme of cp_url. Caller frees. */
char *target_tenant_url(const struct target *t, const char *slug);

/* The object that scenarios see as `contract`: values and switches of the profile (a name
 * in contracts_dir, or a file), with switches ("NAME=VALUE", NULL = none) over it, and
 * name, mcp_server, required_tool_id. ERR_CONFIG: no such profile, unknown switch (with
 * the nearest known one). Caller owns *ret. */
MUST_CHECK int contract_load(const char *name, const char *contracts_dir,
                             const struct strv *switches, json_t **ret, struct err *err);

#endif
