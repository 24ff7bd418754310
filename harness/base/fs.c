#include "base/fs.h"

#include "base/ids.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

int fs_read(const char *path, struct buf *ret, struct err *err)
{
    CLEANUP(close_fd) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    char chunk[16384];

    if (fd < 0)
        return err_sys(err, errno, "cannot open '%s'", path);
    for (;;) {
        ssize_t n = read(fd, chunk, sizeof(chunk));

        if (n == 0)
            return 0;
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return err_sys(err, errno, "cannot read '%s'", path);
        if ((size_t)n > ret->max - ret->len)
            return err_set(err, ERR_SHAPE, "'%s' is larger than %zu bytes", path,
                           ret->max);
        buf_add(ret, chunk, (size_t)n);
    }
}

static int write_all(int fd, const char *data, size_t len)
{
    while (len) {
        ssize_t n = write(fd, data, len);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -1;
        data += n;
        len -= (size_t)n;
    }
    return 0;
}

/* Closes with the result that CLEANUP cannot give: a full disk may show only here. */
static int close_now(int *fd)
{
    int rc = close(*fd);

    *fd = -1;
    return rc;
}

int fs_write(const char *path, const void *data, size_t len, int mode, struct err *err)
{
    CLEANUP(free_ptr) char *temp = NULL;
    CLEANUP(close_fd) int fd = -1;
    char unique[13];

    id_hex(unique, sizeof(unique) - 1);
    temp = xasprintf("%s.%s.tmp", path, unique);
    fd = open(temp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0)
        return err_sys(err, errno, "cannot write '%s'", path);
    if (write_all(fd, data, len) < 0 || fchmod(fd, (mode_t)mode) < 0 ||
        close_now(&fd) < 0 || rename(temp, path) < 0) {
        int cause = errno;

        (void)unlink(temp);
        return err_sys(err, cause, "cannot write '%s'", path);
    }
    return 0;
}

static int write_into(const char *path, const void *data, size_t len, struct err *err)
{
    CLEANUP(close_fd) int fd = open(path, O_WRONLY | O_CLOEXEC | O_NOCTTY);

    if (fd < 0 || write_all(fd, data, len) < 0 || close_now(&fd) < 0)
        return err_sys(err, errno, "cannot write '%s'", path);
    return 0;
}

int fs_write_output(const char *path, const void *data, size_t len, int mode,
                    struct err *err)
{
    CLEANUP(free_ptr) char *real = realpath(path, NULL);
    struct stat st;

    if (stat(path, &st) == 0 && !S_ISREG(st.st_mode))
        return write_into(path, data, len, err);
    return fs_write(real ? real : path, data, len, mode, err);
}

int fs_mkdirs(const char *path, struct err *err)
{
    CLEANUP(free_ptr) char *copy = xstrdup(path);
    char *p = copy;

    do {
        char *end;
        char kept;

        p += strspn(p, "/");
        end = strchrnul(p, '/');
        kept = *end;
        *end = '\0';
        if (*copy && mkdir(copy, 0700) < 0 && !fs_is_dir(copy))
            return err_sys(err, errno, "cannot create directory '%s'", copy);
        *end = kept;
        p = end;
    } while (p[strspn(p, "/")]);
    return 0;
}

int fs_mkparents(const char *path, struct err *err)
{
    const char *slash = strrchr(path, '/');
    CLEANUP(free_ptr) char *dir = NULL;

    if (!slash || slash == path)
        return 0;
    dir = xstrndup(path, (size_t)(slash - path));
    return fs_mkdirs(dir, err);
}

/* Opens a directory without following a symbolic link; NULL with errno. */
static DIR *open_dir(int at, const char *name)
{
    int fd = openat(at, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    DIR *dir;

    if (fd < 0)
        return NULL;
    dir = fdopendir(fd);
    if (!dir)
        close(fd);
    return dir;
}

static void close_dir(DIR **dir)
{
    if (*dir)
        closedir(*dir);
    *dir = NULL;
}

static bool is_dots(const char *name)
{
    return strcmp(name, ".") == 0 || strcmp(name, "..") == 0;
}

static int remove_entry(int at, const char *name);

static int empty_dir(int at, const char *name)
{
    CLEANUP(close_dir) DIR *dir = open_dir(at, name);
    const struct dirent *entry;

    if (!dir && errno == EACCES && fchmodat(at, name, 0700, 0) == 0)
        dir = open_dir(at, name);
    if (!dir)
        return -1;
    /* A tree may hold directories that its owner made read-only. */
    (void)fchmod(dirfd(dir), 0700);
    /* One thread, and nobody else has this stream. */
    while ((errno = 0, entry = readdir(dir))) { /* NOLINT(concurrency-mt-unsafe) */
        if (!is_dots(entry->d_name) && remove_entry(dirfd(dir), entry->d_name) < 0)
            return -1;
    }
    return errno ? -1 : 0;
}

static int remove_entry(int at, const char *name)
{
    /* Again when a process that is just ending has put another file there. */
    enum { TRIES = 8 };

    if (unlinkat(at, name, 0) == 0 || errno == ENOENT)
        return 0;
    if (errno != EISDIR && errno != EPERM)
        return -1;
    for (int i = 0; i < TRIES; i++) {
        if (empty_dir(at, name) < 0 && errno != ENOENT)
            return -1;
        if (unlinkat(at, name, AT_REMOVEDIR) == 0 || errno == ENOENT)
            return 0;
        if (errno != ENOTEMPTY && errno != EEXIST)
            return -1;
    }
    return -1;
}

int fs_rmtree(const char *path, struct err *err)
{
    if (remove_entry(AT_FDCWD, path) < 0)
        return err_sys(err, errno, "cannot remove '%s'", path);
    return 0;
}

bool fs_exists(const char *path)
{
    struct stat st;

    return stat(path, &st) == 0;
}

bool fs_is_dir(const char *path)
{
    struct stat st;

    return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

struct walk {
    const char *root; /* for errors */
    fs_visit_fn *visit;
    void *arg;
    struct err *err;
};

static int walk_dir(const struct walk *w, int at, const char *name, const char *prefix,
                    int depth);

static int walk_entry(const struct walk *w, int dir, const char *name, const char *prefix,
                      int depth)
{
    CLEANUP(free_ptr) char *path = NULL;
    struct fs_entry entry;
    struct stat st;
    int rc;

    /* What is gone since the directory was read was never there. */
    if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0 || S_ISLNK(st.st_mode))
        return 0;
    path = *prefix ? xasprintf("%s/%s", prefix, name) : xstrdup(name);
    entry.path = path;
    entry.dir = S_ISDIR(st.st_mode);
    entry.size = entry.dir ? 0 : (int64_t)st.st_size;
    rc = w->visit(&entry, w->arg);
    if (rc != 0 || !entry.dir || depth <= 1)
        return rc;
    return walk_dir(w, dir, name, path, depth - 1);
}

static int walk_dir(const struct walk *w, int at, const char *name, const char *prefix,
                    int depth)
{
    CLEANUP(close_dir) DIR *dir = open_dir(at, name);
    CLEANUP(strv_release) struct strv found = STRV_INIT;
    const struct dirent *entry;

    if (!dir && errno == ENOENT)
        return 0;
    if (!dir)
        return err_sys(w->err, errno, "cannot list '%s/%s'", w->root, prefix);
    while ((errno = 0, entry = readdir(dir))) { /* NOLINT(concurrency-mt-unsafe) */
        if (!is_dots(entry->d_name))
            strv_add(&found, entry->d_name);
    }
    if (errno)
        return err_sys(w->err, errno, "cannot list '%s/%s'", w->root, prefix);
    strv_sort(&found);
    for (size_t i = 0; i < found.n; i++) {
        int rc = walk_entry(w, dirfd(dir), found.v[i], prefix, depth);

        if (rc != 0)
            return rc;
    }
    return 0;
}

int fs_walk(const char *dir, int depth, fs_visit_fn *visit, void *arg, struct err *err)
{
    /* Each level holds a descriptor. */
    enum { DEEPEST = 128 };
    struct walk w = {.root = dir, .visit = visit, .arg = arg, .err = err};
    /* The root itself may be a link: it was named by the caller. */
    CLEANUP(free_ptr) char *root = xasprintf("%s/.", dir);

    if (depth < 1)
        return 0;
    return walk_dir(&w, AT_FDCWD, root, "", depth < DEEPEST ? depth : DEEPEST);
}

char *fs_join(const char *a, const char *b)
{
    size_t len = strlen(a);

    while (len > 1 && a[len - 1] == '/')
        len--;
    if (len == 0)
        return xstrdup(b);
    b += strspn(b, "/");
    if (!*b)
        return xstrndup(a, len);
    return xasprintf("%.*s%s%s", (int)len, a, a[len - 1] == '/' ? "" : "/", b);
}

bool fs_path_is_safe(const char *path)
{
    if (!*path)
        return false;
    for (;;) {
        size_t len = strcspn(path, "/");

        if (len == 0 || (len == 1 && path[0] == '.') ||
            (len == 2 && path[0] == '.' && path[1] == '.'))
            return false;
        if (!path[len])
            return true;
        path += len + 1;
    }
}

char *fs_self_exe(struct err *err)
{
    char path[PATH_MAX];
    ssize_t n = readlink("/proc/self/exe", path, sizeof(path));

    if (n < 0 || (size_t)n >= sizeof(path)) {
        err_sys(err, n < 0 ? errno : ENAMETOOLONG, "cannot find the running program");
        return NULL;
    }
    return xstrndup(path, (size_t)n);
}
