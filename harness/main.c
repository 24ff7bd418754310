/* waybill: composition only. Chooses the command, prints errors, returns exit codes. */
#include "base/limits.h"
#include "base/log.h"
#include "base/table.h"
#include "cli/options.h"
#include "run/verdict.h"

#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { MAX_COMMANDS = 32 };

static const struct command *find_command(const char *name)
{
    const char *names[MAX_COMMANDS];
    size_t n = 0;
    for (const struct command *c = commands; c->name && n < MAX_COMMANDS; c++) {
        if (!strcmp(c->name, name)) {
            return c;
        }
        names[n++] = c->name;
    }
    char *meant CLEANUP(free_ptr) = did_you_mean(name, names, n);
    fprintf(stderr, "waybill: unknown command '%s'%s (see 'waybill --help')\n", name,
            meant);
    return NULL;
}

static int print_help(const struct command *c)
{
    struct buf out CLEANUP(buf_release) = BUF_INIT(MIB(1));
    if (c) {
        help_command(c, &out);
    } else {
        help_overview(&out);
    }
    fwrite(out.data, 1, out.len, stdout);
    return EXIT_PASSED;
}

static int exit_code_of(const struct err *err)
{
    fprintf(stderr, "waybill: %s\n", err->text);
    return err->kind == ERR_USAGE || err->kind == ERR_CONFIG ? EXIT_USAGE : EXIT_BROKEN;
}

/* Results that could not be written were not given; a reader that has seen enough
 * (`| head`) is no failure. An earlier write may have failed, so its errno is gone. */
static bool output_was_taken(void)
{
    struct pollfd out = {.fd = STDOUT_FILENO, .events = POLLOUT};
    bool failed = fflush(stdout) != 0 || ferror(stdout);
    return !failed || (poll(&out, 1, 0) == 1 && (out.revents & POLLERR));
}

static int run_command(const struct command *c, int argc, char **argv)
{
    struct err err = ERR_INIT;
    struct strv operands CLEANUP(strv_release) = STRV_INIT;
    void *arguments = xcalloc(1, c->arguments_size > 0 ? c->arguments_size : 1);
    int result = options_parse(c, argc, argv, arguments, &operands, &err);
    if (result == 0) {
        result = c->run(arguments, &operands, &err);
    } else if (result > 0) {
        result = print_help(c);
    }
    if (result < 0) {
        result = exit_code_of(&err);
    }
    options_release(c, arguments);
    free(arguments);
    if (!output_was_taken() && result == EXIT_PASSED) {
        fputs("waybill: cannot write the output: is the disk full?\n", stderr);
        result = EXIT_BROKEN;
    }
    return result;
}

int main(int argc, char **argv)
{
    log_init("waybill", LOG_WARN);
    /* A reader that leaves (`| head`) must not end a run before its teardown. */
    signal(SIGPIPE, SIG_IGN);
    if (argc < 2) {
        print_help(NULL);
        return EXIT_USAGE;
    }
    if (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h") ||
        !strcmp(argv[1], "help")) {
        const struct command *c = argc > 2 ? find_command(argv[2]) : NULL;
        return argc > 2 && !c ? EXIT_USAGE : print_help(c);
    }
    const char *name = !strcmp(argv[1], "--version") ? "version" : argv[1];
    const struct command *c = find_command(name);
    return c ? run_command(c, argc - 2, argv + 2) : EXIT_USAGE;
}
