/*
 * waybill-mock: the mock platform, its boxes and their MCP servers are one program, so
 * that a box can be started from wherever the platform runs.
 */
#include <fcntl.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/limits.h"
#include "base/log.h"
#include "base/table.h"
#include "mocks/box/box.h"
#include "mocks/management_mcp/mcp.h"
#include "mocks/server/journal_main.h"
#include "mocks/server/platform.h"
#include "mocks/server/routes_main.h"

struct command {
    const char *name;
    int (*main)(int argc, char **argv);
    const char *about;
    const char *help; /* NULL = its own main takes --help */
};

static const struct command commands[] = {
    {"platform", platform_main, "the control plane, its tenants and the forge", NULL},
    {"journal", journal_main, "what a platform was asked, and why it answered so", NULL},
    {"routes", routes_main, "every route, and how often the last run asked for it", NULL},
    {"box", box_main, "one workspace's machine; the platform starts it",
     "usage: waybill-mock box\n\n"
     "The machine of one workspace. The platform starts it, with its listening socket "
     "as\n"
     "descriptor 3 and everything else in the environment; nobody else needs to.\n"},
    {"mcp", mcp_main, "a box's MCP servers on stdio, or over HTTP for tests", NULL},
};

static int usage(FILE *out, int code)
{
    (void)fputs("usage: waybill-mock COMMAND [OPTION...]\n\n", out);
    for (size_t i = 0; i < ARRAY_SIZE(commands); i++)
        (void)fprintf(out, "  %-10s%s\n", commands[i].name, commands[i].about);
    (void)fputs(
        "\n'waybill-mock COMMAND --help' says more. 'waybill mock' starts a platform "
        "too, with\nthe catalogue and the profiles found for it.\n\n"
        "Example: waybill-mock platform --json --org demo\n",
        out);
    return code;
}

static const struct command *find(const char *name)
{
    const char *names[ARRAY_SIZE(commands)];
    for (size_t i = 0; i < ARRAY_SIZE(commands); i++) {
        if (strcmp(name, commands[i].name) == 0)
            return &commands[i];
        names[i] = commands[i].name;
    }
    CLEANUP(free_ptr) char *meant = did_you_mean(name, names, ARRAY_SIZE(names));
    (void)fprintf(stderr,
                  "waybill-mock: unknown command '%s'%s (see 'waybill-mock --help')\n",
                  name, meant);
    return NULL;
}

static bool asks_help(const char *word)
{
    return strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0;
}

static int run(const struct command *c, int argc, char **argv)
{
    char option[] = "--help";
    char *help[] = {argv[0], option, NULL};
    bool asked = argc > 1 && asks_help(argv[1]);
    if (asked && c->help)
        return fputs(c->help, stdout) < 0 ? 1 : 0;
    return asked ? c->main(2, help) : c->main(argc, argv);
}

/* By itself glibc takes the first body of 24 MiB that is freed as a sign that such blocks
 * come and go, and keeps up to twice as much for the next one, for ever. */
static void give_memory_back(void)
{
    (void)mallopt(M_MMAP_THRESHOLD, (int)KIB(256));
    (void)mallopt(M_TRIM_THRESHOLD, (int)MIB(1));
}

/* Otherwise what is opened first would be taken for them. The wrong way round: whoever
 * uses one is told that it was closed. */
static void open_closed_descriptors(void)
{
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
        if (fcntl(fd, F_GETFD) < 0)
            (void)open("/dev/null", fd == STDIN_FILENO ? O_WRONLY : O_RDONLY);
}

int main(int argc, char **argv)
{
    open_closed_descriptors();
    give_memory_back();
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
    bool help = asks_help(argv[1]) || strcmp(argv[1], "help") == 0;
    if (help && argc < 3)
        return usage(stdout, 0);
    if (strcmp(argv[1], "--version") == 0 || strcmp(argv[1], "version") == 0) {
        (void)printf("waybill-mock %s\n", WAYBILL_VERSION);
        return 0;
    }
    const struct command *c = find(argv[help ? 2 : 1]);
    if (!c)
        return 2;
    char option[] = "--help";
    char *about[] = {argv[help ? 2 : 1], option, NULL};
    return help ? run(c, 2, about) : run(c, argc - 1, argv + 1);
}
