/*
 * waybill-mock: the mock platform, its boxes and their MCP servers are one program, so
 * that a box can be started from wherever the platform runs.
 */
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "mocks/box/box.h"
#include "mocks/management_mcp/mcp.h"
#include "mocks/server/journal_main.h"
#include "mocks/server/platform.h"
#include "mocks/server/routes_main.h"

struct command {
    const char *name;
    int (*main)(int argc, char **argv);
    const char *about;
};

static const struct command commands[] = {
    {"platform", platform_main, "the control plane, its tenants and the forge"},
    {"journal", journal_main, "what a platform was asked, and why it answered so"},
    {"box", box_main, "one workspace's machine; the platform starts it"},
    {"mcp", mcp_main, "a management or delegation MCP server on stdio"},
    {"routes", routes_main, "every route, and how often the last run asked for it"},
};

static int usage(FILE *out, int code)
{
    (void)fputs("usage: waybill-mock COMMAND [OPTION...]\n\n", out);
    for (size_t i = 0; i < ARRAY_SIZE(commands); i++)
        (void)fprintf(out, "  %-10s%s\n", commands[i].name, commands[i].about);
    (void)fputs("\nExample: waybill-mock platform --json --org demo\n", out);
    return code;
}

int main(int argc, char **argv)
{
    log_init("waybill-mock", LOG_WARN);
    (void)signal(SIGPIPE, SIG_IGN);
    const char *self = argc > 0 ? strrchr(argv[0], '/') : NULL;
    self = self ? self + 1 : argc > 0 ? argv[0] : "";
    if (strcmp(self, "npx") == 0)
        return npx_main(argc, argv);
    if (strcmp(self, "molecule-platform-mcp") == 0)
        return mcp_main(argc, argv);
    if (argc < 2)
        return usage(stderr, 2);
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "help") == 0)
        return usage(stdout, 0);
    if (strcmp(argv[1], "--version") == 0) {
        (void)printf("waybill-mock %s\n", WAYBILL_VERSION);
        return 0;
    }
    for (size_t i = 0; i < ARRAY_SIZE(commands); i++)
        if (strcmp(argv[1], commands[i].name) == 0)
            return commands[i].main(argc - 1, argv + 1);
    (void)fprintf(stderr, "waybill-mock: unknown command '%s'; see waybill-mock --help\n",
                  argv[1]);
    return 2;
}
