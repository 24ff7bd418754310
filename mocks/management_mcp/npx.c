#include "mocks/management_mcp/mcp.h"

#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"
#include "base/num.h"
#include "base/strv.h"
#include "io/loop.h"
#include "mocks/management_mcp/rest.h"

#define PACKAGE "@molecule-ai/mcp-server"
#define NOT_FOUND 127

static bool is_package(const char *arg)
{
    size_t n = strlen(PACKAGE);
    return strncmp(arg, PACKAGE, n) == 0 && (arg[n] == '\0' || arg[n] == '@');
}

static bool is_option(const char *arg)
{
    static const char *const known[] = {"-y", "--yes", "--prefer-offline"};
    for (size_t i = 0; i < ARRAY_SIZE(known); i++)
        if (strcmp(known[i], arg) == 0)
            return true;
    return false;
}

static bool is_ourselves(const char *path)
{
    struct stat own;
    struct stat other;
    return stat("/proc/self/exe", &own) == 0 && stat(path, &other) == 0 &&
           own.st_dev == other.st_dev && own.st_ino == other.st_ino;
}

/* Becomes the next npx in PATH that is another program; returns only when there is none.
 */
static int exec_next(char **argv, const char *package)
{
    CLEANUP(strv_release) struct strv dirs = STRV_INIT;
    const char *path = env_get("PATH");
    strv_split(&dirs, path ? path : "", ':');
    for (size_t i = 0; i < dirs.n; i++) {
        CLEANUP(free_ptr) char *program = xasprintf("%s/npx", dirs.v[i]);
        if (access(program, X_OK) != 0 || is_ourselves(program))
            continue;
        (void)signal(SIGPIPE, SIG_DFL); /* ours is ignored, which it would inherit */
        execv(program, argv);
        struct err err = ERR_INIT;
        (void)err_sys(&err, errno, "cannot run '%s'", program);
        (void)fprintf(stderr, "npx: %s\n", err.text);
        return NOT_FOUND;
    }
    (void)fprintf(stderr, "npx: no package '%s' here, and no other npx in PATH\n",
                  package);
    return NOT_FOUND;
}

static void cold_start_over(void *arg)
{
    loop_stop(arg);
}

/* Without a cache npx fetches the package first. It neither reads nor writes meanwhile.
 */
static int start_cold(struct err *err)
{
    const char *text = env_get("WAYBILL_NPX_COLD_MS");
    struct loop *loop = NULL;
    int64_t ms = 0;

    if (!text)
        return 0;
    if (!num_parse(text, 0, INT32_MAX, &ms))
        return err_set(err, ERR_USAGE, "WAYBILL_NPX_COLD_MS is a number, not '%s'", text);
    if (loop_new(&loop, err) < 0)
        return -1;
    (void)loop_timer_add(loop, ms, cold_start_over, loop);
    int rc = loop_run(loop, err);
    loop_free(loop);
    return rc;
}

int npx_main(int argc, char **argv)
{
    int i = 1;
    while (i < argc && is_option(argv[i]))
        i++;
    const char *which = env_get("WAYBILL_NPX");
    bool real = which && strcmp(which, "real") == 0;
    if (real || i >= argc || !is_package(argv[i]))
        return exec_next(argv, i < argc ? argv[i] : "");
    struct err err = ERR_INIT;
    if (start_cold(&err) < 0) {
        (void)fprintf(stderr, "npx: %s\n", err.text);
        return 1;
    }
    /* The package's program takes no arguments: what follows its name is ignored. */
    static char name[] = "mcp";
    char *server[] = {name, NULL};
    return mcp_main(1, server);
}
