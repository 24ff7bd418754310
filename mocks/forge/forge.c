#include "mocks/forge/forge.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#include "base/fs.h"
#include "base/ids.h"
#include "base/limits.h"

enum { TREE_DEPTH = 32 };

struct cached {
    struct cached *next;
    char *dir;       /* CATALOG/OWNER/REPO/REF */
    char state[65];  /* of the tree when the archive was made, "" = not made */
    struct buf data; /* the archive */
};

struct forge {
    char *catalog, *token;
    struct cached *cache;
};

int forge_new(const char *catalog, const char *token, struct forge **ret, struct err *err)
{
    if (!fs_is_dir(catalog))
        return err_set(err, ERR_CONFIG, "the catalog '%s' is not a directory", catalog);
    struct forge *f = xcalloc(1, sizeof *f);
    f->catalog = xstrdup(catalog);
    f->token = xstrdup(token);
    *ret = f;
    return 0;
}

void forge_free(struct forge *f)
{
    if (f == NULL)
        return;
    while (f->cache != NULL) {
        struct cached *c = f->cache;
        f->cache = c->next;
        free(c->dir);
        buf_release(&c->data);
        free(c);
    }
    free(f->catalog);
    free(f->token);
    free(f);
}

enum forge_answer forge_check(const struct forge *f, const char *authorization)
{
    if (authorization == NULL)
        return FORGE_NOT_FOUND;
    if (strncasecmp(authorization, "token ", 6) != 0 ||
        !const_time_equal(authorization + 6, f->token))
        return FORGE_UNAUTHORIZED;
    return FORGE_OK;
}

bool forge_parse_path(const char *path, char **ret_owner, char **ret_repo, char **ret_ref)
{
    static const char head[] = "/api/v1/repos/", middle[] = "/archive/",
                      tail[] = ".tar.gz";
    const size_t tail_len = sizeof tail - 1;
    if (strncmp(path, head, sizeof head - 1) != 0)
        return false;
    const char *owner = path + sizeof head - 1;
    size_t owner_len = strcspn(owner, "/");
    if (owner_len == 0 || owner[owner_len] == '\0')
        return false;
    const char *repo = owner + owner_len + 1;
    size_t repo_len = strcspn(repo, "/");
    if (repo_len == 0 || strncmp(repo + repo_len, middle, sizeof middle - 1) != 0)
        return false;
    const char *ref = repo + repo_len + sizeof middle - 1;
    size_t ref_len = strlen(ref);
    if (ref_len <= tail_len || strcmp(ref + ref_len - tail_len, tail) != 0)
        return false;
    *ret_owner = xstrndup(owner, owner_len);
    *ret_repo = xstrndup(repo, repo_len);
    *ret_ref = xstrndup(ref, ref_len - tail_len);
    return true;
}

/* ---- one archive ---- */

struct stamp {
    const char *dir;
    struct buf text;
};

static int stamp_entry(const struct fs_entry *entry, void *arg)
{
    struct stamp *s = arg;
    CLEANUP(free_ptr) char *path = fs_join(s->dir, entry->path);
    struct stat st;
    if (stat(path, &st) != 0)
        return 0; /* gone between listing and looking: the next look differs */
    buf_addf(&s->text, "%s %lld %lld.%09ld\n", entry->path,
             entry->dir ? 0 : (long long)st.st_size, (long long)st.st_mtim.tv_sec,
             st.st_mtim.tv_nsec);
    return 0;
}

/* Names, sizes and times of a tree, as one short text. */
static int tree_state(const char *dir, char out[65], struct err *err)
{
    struct stamp s = {.dir = dir, .text = BUF_INIT(MIB(16))};
    int rc = fs_walk(dir, TREE_DEPTH, stamp_entry, &s, err);
    sha256_hex(s.text.data, s.text.len, out);
    buf_release(&s.text);
    return rc;
}

struct packing {
    struct archive *a;
    const char *dir, *repo;
    size_t total;
    struct err *err;
};

static int pack_failed(struct packing *p)
{
    const char *why = archive_error_string(p->a);
    return err_set(p->err, ERR_SYS, "cannot pack '%s': %s", p->dir,
                   why == NULL ? "?" : why);
}

static void entry_drop(struct archive_entry **e)
{
    archive_entry_free(*e);
}

static int pack_header(struct packing *p, const char *name, bool dir, mode_t mode,
                       size_t size)
{
    CLEANUP(entry_drop) struct archive_entry *e = xcheck(archive_entry_new());
    CLEANUP(free_ptr)
    char *full = xasprintf("%s/%s%s", p->repo, name, dir && *name != '\0' ? "/" : "");
    archive_entry_set_pathname(e, full);
    archive_entry_set_filetype(e, dir ? AE_IFDIR : AE_IFREG);
    archive_entry_set_perm(e, mode);
    archive_entry_set_size(e, (la_int64_t)size);
    archive_entry_set_mtime(e, 0, 0); /* the same tree, the same bytes */
    return archive_write_header(p->a, e) < ARCHIVE_WARN ? pack_failed(p) : 0;
}

static int pack_entry(const struct fs_entry *entry, void *arg)
{
    struct packing *p = arg;
    if (entry->dir)
        return pack_header(p, entry->path, true, 0755, 0);
    CLEANUP(free_ptr) char *path = fs_join(p->dir, entry->path);
    CLEANUP(buf_release) struct buf data = BUF_INIT(LIMIT_FILE);
    struct stat st;
    if (stat(path, &st) != 0)
        return err_sys(p->err, errno, "cannot read '%s'", path);
    if (fs_read(path, &data, p->err) < 0)
        return -1;
    p->total += data.len;
    if (p->total > LIMIT_ARCHIVE)
        return err_set(p->err, ERR_SHAPE, "'%s' holds more than %zu bytes", p->dir,
                       LIMIT_ARCHIVE);
    mode_t mode = (st.st_mode & S_IXUSR) != 0 ? 0755 : 0644;
    if (pack_header(p, entry->path, false, mode, data.len) < 0)
        return -1;
    if (data.len > 0 &&
        archive_write_data(p->a, data.data, data.len) != (la_ssize_t)data.len)
        return pack_failed(p);
    return 0;
}

static la_ssize_t on_write(struct archive *a, void *arg, const void *data, size_t len)
{
    (void)a;
    buf_add(arg, data, len);
    return (la_ssize_t)len;
}

static void writer_drop(struct archive **a)
{
    (void)archive_write_free(*a);
}

static int pack(const char *dir, const char *repo, struct buf *out, struct err *err)
{
    CLEANUP(writer_drop) struct archive *a = xcheck(archive_write_new());
    struct packing p = {.a = a, .dir = dir, .repo = repo, .err = err};
    if (archive_write_set_format_pax_restricted(a) != ARCHIVE_OK ||
        archive_write_add_filter_gzip(a) != ARCHIVE_OK ||
        archive_write_set_options(a, "gzip:compression-level=1,gzip:!timestamp") !=
            ARCHIVE_OK ||
        /* Or zeros would follow the compressed end. */
        archive_write_set_bytes_in_last_block(a, 1) != ARCHIVE_OK ||
        archive_write_open(a, out, NULL, on_write, NULL) != ARCHIVE_OK)
        return pack_failed(&p);
    if (pack_header(&p, "", true, 0755, 0) < 0 ||
        fs_walk(dir, TREE_DEPTH, pack_entry, &p, err) < 0)
        return -1;
    return archive_write_close(a) != ARCHIVE_OK ? pack_failed(&p) : 0;
}

static struct cached *cached_get(struct forge *f, const char *dir)
{
    for (struct cached *c = f->cache; c != NULL; c = c->next) {
        if (strcmp(c->dir, dir) == 0)
            return c;
    }
    struct cached *c = xcalloc(1, sizeof *c);
    c->dir = xstrdup(dir);
    buf_init(&c->data, LIMIT_ARCHIVE);
    c->next = f->cache;
    f->cache = c;
    return c;
}

int forge_archive(struct forge *f, const char *owner, const char *repo, const char *ref,
                  const struct buf **ret, struct err *err)
{
    CLEANUP(free_ptr) char *rel = xasprintf("%s/%s/%s", owner, repo, ref);
    /* A directory inside a ref's tree is no ref. */
    if (!fs_path_is_safe(rel) || strchr(owner, '/') != NULL ||
        strchr(repo, '/') != NULL || strchr(ref, '/') != NULL)
        return FORGE_NOT_FOUND;
    CLEANUP(free_ptr) char *dir = fs_join(f->catalog, rel);
    if (!fs_is_dir(dir))
        return FORGE_NOT_FOUND;
    char state[65];
    if (tree_state(dir, state, err) < 0)
        return -1;
    struct cached *c = cached_get(f, dir);
    if (strcmp(c->state, state) != 0) {
        c->state[0] = '\0';
        buf_reset(&c->data);
        if (pack(dir, repo, &c->data, err) < 0)
            return -1;
        memcpy(c->state, state, sizeof state);
    }
    *ret = &c->data;
    return FORGE_OK;
}
