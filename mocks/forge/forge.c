#include "mocks/forge/forge.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/ids.h"
#include "base/limits.h"
#include "io/json.h"
#include "mocks/forge/pack.h"

/* What is known of a tree as long as names, sizes and times in it stay. */
struct cached {
    struct cached *next;
    char *path;
    char state[65]; /* "" = nothing is known */
    char commit[41];
    int fd; /* the archive, -1 = not made */
    size_t size;
};

struct forge {
    const struct catalog *catalog;
    char *token, *tmp_dir;
    json_t *kept;
    json_t *access; /* "OWNER/REPO" -> word; absent = private; borrowed of kept */
    json_t *issues; /* likewise */
    struct cached *cache;
};

static json_t *table_of(json_t *kept, const char *name)
{
    json_t *table = json_object_get(kept, name);
    if (!json_is_object(table)) {
        table = xcheck(json_object());
        (void)json_object_set_new(kept, name, table);
    }
    return table;
}

struct forge *forge_new(const struct catalog *catalog, const char *token,
                        const char *tmp_dir, json_t *kept)
{
    struct forge *f = xcalloc(1, sizeof *f);
    f->catalog = catalog;
    f->token = xstrdup(token);
    f->tmp_dir = xstrdup(tmp_dir);
    f->kept = json_is_object(kept) ? json_incref(kept) : xcheck(json_object());
    f->access = table_of(f->kept, "access");
    f->issues = table_of(f->kept, "issues");
    return f;
}

static void forget(struct cached *c)
{
    c->state[0] = '\0';
    close_fd(&c->fd);
}

void forge_free(struct forge *f)
{
    if (f == NULL)
        return;
    while (f->cache != NULL) {
        struct cached *c = f->cache;
        f->cache = c->next;
        forget(c);
        free(c->path);
        free(c);
    }
    json_decref(f->kept);
    free(f->token);
    free(f->tmp_dir);
    free(f);
}

/* ---- who may read ---- */

static const char *const access_words[] = {"private", "public", "restricted"};

bool forge_set_access(struct forge *f, const char *full_name, const char *access)
{
    for (size_t i = 0; i < ARRAY_SIZE(access_words); i++) {
        if (strcmp(access, access_words[i]) == 0)
            return json_object_set_new(f->access, full_name, json_string(access)) == 0;
    }
    return false;
}

const char *forge_access(const struct forge *f, const char *full_name)
{
    return json_str(f->access, full_name, access_words[0]);
}

enum forge_answer forge_check(const struct forge *f, const char *owner, const char *repo,
                              const char *authorization)
{
    CLEANUP(free_ptr) char *full = xasprintf("%s/%s", owner, repo);
    const char *access = forge_access(f, full);
    bool ours = authorization != NULL && strncasecmp(authorization, "token ", 6) == 0 &&
                const_time_equal(authorization + 6, f->token);
    if (authorization == NULL && strcmp(access, "public") == 0)
        return FORGE_OK;
    if (!ours)
        return FORGE_UNAUTHORIZED;
    return strcmp(access, "restricted") == 0 ? FORGE_FORBIDDEN : FORGE_OK;
}

json_t *forge_issues(struct forge *f)
{
    return f->issues;
}

/* ---- trees and their tips ---- */

struct stamp {
    const char *dir;
    struct buf text;
    bool contents; /* else sizes and times */
    struct err *err;
};

static int stamp_content(struct stamp *s, const char *path, const struct stat *st,
                         const char *name)
{
    CLEANUP(buf_release) struct buf data = BUF_INIT(LIMIT_ARCHIVE);
    char hash[65];
    if (fs_read(path, &data, s->err) < 0)
        return -1;
    sha256_hex(data.data, data.len, hash);
    buf_addf(&s->text, "%s %d %s\n", name, (st->st_mode & S_IXUSR) != 0, hash);
    return 0;
}

static int stamp_entry(const struct fs_entry *entry, void *arg)
{
    struct stamp *s = arg;
    CLEANUP(free_ptr) char *path = fs_join(s->dir, entry->path);
    struct stat st;
    if (stat(path, &st) != 0)
        return 0; /* gone between listing and looking: the next look differs */
    if (s->contents)
        return entry->dir ? 0 : stamp_content(s, path, &st, entry->path);
    buf_addf(&s->text, "%s %lld %lld.%09ld %o\n", entry->path,
             entry->dir ? 0 : (long long)st.st_size, (long long)st.st_mtim.tv_sec,
             st.st_mtim.tv_nsec, st.st_mode);
    return 0;
}

/* One short text for a tree or an archive: of its contents, or of what stat tells. */
static int stamp_of(const char *path, bool contents, char out[65], struct err *err)
{
    struct stamp s = {
        .dir = path, .text = BUF_INIT(MIB(16)), .contents = contents, .err = err};
    const struct fs_entry self = {.path = xstrdup("")};
    int rc = fs_is_dir(path) ? catalog_walk(path, stamp_entry, &s, err)
                             : stamp_entry(&self, &s);
    free(self.path);
    sha256_hex(s.text.data, s.text.len, out);
    buf_release(&s.text);
    return rc;
}

static struct cached *cached_get(struct forge *f, const char *path)
{
    for (struct cached *c = f->cache; c != NULL; c = c->next) {
        if (strcmp(c->path, path) == 0)
            return c;
    }
    struct cached *c = xcalloc(1, sizeof *c);
    c->path = xstrdup(path);
    c->fd = -1;
    c->next = f->cache;
    f->cache = c;
    return c;
}

/* What is known of the tree now; borrowed. */
static int look(struct forge *f, const char *path, struct cached **ret, struct err *err)
{
    struct cached *c = cached_get(f, path);
    char state[65];
    if (stamp_of(path, false, state, err) < 0)
        return -1;
    if (strcmp(c->state, state) != 0) {
        char contents[65];
        forget(c);
        if (stamp_of(path, true, contents, err) < 0)
            return -1;
        memcpy(c->commit, contents, sizeof c->commit - 1);
        memcpy(c->state, state, sizeof state);
    }
    *ret = c;
    return 0;
}

void forge_tip_release(struct forge_tip *t)
{
    free(t->path);
    *t = (struct forge_tip){.path = NULL};
}

static bool is_commit_id(const char *ref)
{
    return strlen(ref) == 40 && strspn(ref, "0123456789abcdef") == 40;
}

static int tip_of_name(struct forge *f, const char *owner, const char *repo,
                       const char *ref, struct forge_tip *ret, struct err *err)
{
    CLEANUP(catalog_place_release) struct catalog_place place = {.path = NULL};
    struct cached *c = NULL;
    if (!catalog_find(f->catalog, owner, repo, ref, &place))
        return FORGE_NOT_FOUND;
    if (look(f, place.path, &c, err) < 0)
        return -1;
    ret->path = TAKE(place.path);
    ret->packed = place.packed;
    memcpy(ret->commit, c->commit, sizeof ret->commit);
    return FORGE_OK;
}

int forge_tip(struct forge *f, const char *owner, const char *repo, const char *ref,
              struct forge_tip *ret, struct err *err)
{
    CLEANUP(strv_release) struct strv refs = STRV_INIT;
    int rc = tip_of_name(f, owner, repo, ref, ret, err);
    if (rc != FORGE_NOT_FOUND || !is_commit_id(ref))
        return rc;
    catalog_refs(f->catalog, owner, repo, &refs);
    for (size_t i = 0; i < refs.n; i++) {
        rc = tip_of_name(f, owner, repo, refs.v[i], ret, err);
        if (rc != FORGE_OK || strcmp(ret->commit, ref) == 0)
            return rc;
        forge_tip_release(ret);
    }
    return FORGE_NOT_FOUND;
}

static int make_archive(struct forge *f, struct cached *c, const struct forge_tip *tip,
                        const char *repo, struct err *err)
{
    struct stat st;
    if (tip->packed)
        c->fd = open(tip->path, O_RDONLY | O_CLOEXEC);
    if (tip->packed && c->fd < 0)
        return err_sys(err, errno, "cannot read '%s'", tip->path);
    if (!tip->packed && (pack_open(f->tmp_dir, &c->fd, err) < 0 ||
                         pack_tree(tip->path, repo, LIMIT_FORGE_TREE, c->fd, err) < 0))
        return -1;
    if (fstat(c->fd, &st) != 0)
        return err_sys(err, errno, "cannot read the archive of '%s'", tip->path);
    c->size = (size_t)st.st_size;
    return 0;
}

int forge_archive(struct forge *f, const char *owner, const char *repo, const char *ref,
                  int *ret_fd, size_t *ret_size, char ret_commit[41], struct err *err)
{
    CLEANUP(forge_tip_release) struct forge_tip tip = {.path = NULL};
    int rc = forge_tip(f, owner, repo, ref, &tip, err);
    if (rc != FORGE_OK)
        return rc;
    struct cached *c = cached_get(f, tip.path);
    if (c->fd < 0 && make_archive(f, c, &tip, repo, err) < 0) {
        forget(c);
        return -1;
    }
    *ret_fd = c->fd;
    *ret_size = c->size;
    memcpy(ret_commit, tip.commit, sizeof tip.commit);
    return FORGE_OK;
}
