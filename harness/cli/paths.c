#include "cli/paths.h"

#include "base/fs.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char *parent_of(const char *path)
{
    const char *slash = strrchr(path, '/');
    return xstrndup(path, slash ? (size_t)(slash - path) : 0);
}

/* Removes the current directory from the front, where it is one. */
static char *shortened(char *path)
{
    char *cwd CLEANUP(free_ptr) = getcwd(NULL, 0);
    size_t n = cwd ? strlen(cwd) : 0;
    if (n > 1 && !strncmp(path, cwd, n) && path[n] == '/') {
        char *relative = xstrdup(path + n + 1);
        free(path);
        return relative;
    }
    return path;
}

int path_data(const char *name, char **ret, struct err *err)
{
    /* <tree>/build/<mode>/waybill and <prefix>/bin/waybill. */
    static const char *const places[] = {"../..", "../share/waybill"};
    char *exe CLEANUP(free_ptr) = fs_self_exe(err);
    if (!exe) {
        return -1;
    }
    char *dir CLEANUP(free_ptr) = parent_of(exe);
    for (size_t i = 0; i < ARRAY_SIZE(places); i++) {
        char *path CLEANUP(free_ptr) = xasprintf("%s/%s/%s", dir, places[i], name);
        char *real CLEANUP(free_ptr) = realpath(path, NULL);
        if (real) {
            *ret = shortened(TAKE(real));
            return 0;
        }
    }
    return err_set(err, ERR_CONFIG,
                   "'%s' is neither in the source tree of '%s' nor in ../share/waybill: "
                   "run from a checkout, or `make install`",
                   name, exe);
}

int path_mock_program(char **ret, struct err *err)
{
    char *exe CLEANUP(free_ptr) = fs_self_exe(err);
    if (!exe) {
        return -1;
    }
    char *dir CLEANUP(free_ptr) = parent_of(exe);
    char *path CLEANUP(free_ptr) = fs_join(dir, "waybill-mock");
    if (access(path, X_OK) != 0) {
        return err_set(err, ERR_CONFIG, "no mock platform at '%s': run `make`", path);
    }
    *ret = TAKE(path);
    return 0;
}

char *path_default_db(void)
{
    bool checkout = fs_is_dir("build") && fs_is_dir("scenarios") && fs_is_dir("harness");
    return xstrdup(checkout ? "build/results.db" : "waybill-results.db");
}
