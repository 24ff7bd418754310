/* The forge's archives and their unpacking, with honest and with hostile archives. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <archive.h>
#include <archive_entry.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/limits.h"
#include "base/strv.h"
#include "mocks/forge/archive.h"
#include "mocks/forge/forge.h"
#include "mocks/forge/unpack.h"

struct fixture {
    char dir[64]; /* catalog and whatever is unpacked */
    char *catalog, *out;
    struct catalog *repos;
    struct forge *forge;
    struct buf packed; /* what archive_of gave */
    struct buf tar;    /* of hostile archives */
    struct strv seen;
};

static int put(struct fixture *f, const char *rel, const char *text)
{
    CLEANUP(free_ptr) char *path = fs_join(f->catalog, rel);
    return fs_mkparents(path, NULL) < 0 ? -1
                                        : fs_write(path, text, strlen(text), 0644, NULL);
}

static int setup(void **state)
{
    if (forge_archive_load(NULL)) /* for what the tests ask of libarchive themselves */
        return -1;
    struct fixture *f = calloc(1, sizeof *f);
    (void)snprintf(f->dir, sizeof f->dir, "/tmp/waybill-forge-XXXXXX");
    if (mkdtemp(f->dir) == NULL)
        return -1;
    f->catalog = fs_join(f->dir, "catalog");
    f->out = fs_join(f->dir, "out");
    buf_init(&f->tar, MIB(4));
    *state = f;
    if (put(f, "acme/tool/main/plugin.yaml", "name: tool\n") < 0 ||
        put(f, "acme/tool/main/skills/one/SKILL.md", "# one\n") < 0 ||
        put(f, "acme/tool/main/skills/onefold.md", "no\n") < 0 ||
        put(f, "acme/tool/main/empty", "") < 0 || put(f, "acme/tool/v2/only", "2") < 0)
        return -1;
    f->repos = catalog_new();
    buf_init(&f->packed, MIB(4));
    f->forge = forge_new(f->repos, "s3cret", f->dir, NULL);
    return catalog_add(f->repos, f->catalog, NULL);
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    int rc = fs_rmtree(f->dir, NULL);
    forge_free(f->forge);
    catalog_free(f->repos);
    buf_release(&f->packed);
    free(f->catalog);
    free(f->out);
    buf_release(&f->tar);
    strv_release(&f->seen);
    free(f);
    return rc;
}

static int note(const char *path, const void *data, size_t len, void *arg,
                struct err *err)
{
    (void)err;
    strv_addf(arg, "%s=%.*s", path, (int)len, (const char *)data);
    return 0;
}

static const struct buf *archive_of(struct fixture *f, const char *ref)
{
    struct err err = ERR_INIT;
    char commit[41];
    int fd = -1;
    size_t size = 0;
    assert_int_equal(
        forge_archive(f->forge, "acme", "tool", ref, &fd, &size, commit, &err), FORGE_OK);
    CLEANUP(free_ptr) char *data = xmalloc(size);
    assert_int_equal(pread(fd, data, size, 0), size);
    buf_reset(&f->packed);
    buf_add(&f->packed, data, size);
    return &f->packed;
}

/* Visits the archive; the files are in f->seen, sorted. */
static int visit(struct fixture *f, const struct buf *data,
                 const struct unpack_opts *opts, struct err *err)
{
    strv_release(&f->seen);
    int rc = unpack_visit(data->data, data->len, opts, note, &f->seen, err);
    strv_sort(&f->seen);
    return rc;
}

static void serves_a_tree_as_an_archive_with_one_top_directory(void **state)
{
    struct fixture *f = *state;
    const struct buf *data = archive_of(f, "main");
    struct archive *a = archive_read_new();
    struct archive_entry *entry = NULL;
    CLEANUP(strv_release) struct strv names = STRV_INIT;
    (void)archive_read_support_filter_gzip(a);
    (void)archive_read_support_format_tar(a);
    (void)archive_read_open_memory(a, data->data, data->len);
    while (archive_read_next_header(a, &entry) == ARCHIVE_OK)
        strv_add(&names, archive_entry_pathname(entry));
    (void)archive_read_free(a);
    CLEANUP(free_ptr) char *all = strv_join(&names, " ");
    assert_string_equal(all, "tool/ tool/empty tool/plugin.yaml tool/skills/ "
                             "tool/skills/one/ tool/skills/one/SKILL.md "
                             "tool/skills/onefold.md");
}

static void visits_every_file_below_the_top_directory(void **state)
{
    struct fixture *f = *state;
    struct err err = ERR_INIT;
    assert_int_equal(visit(f, archive_of(f, "main"), NULL, &err), UNPACK_OK);
    CLEANUP(free_ptr) char *all = strv_join(&f->seen, "|");
    assert_string_equal(all,
                        "empty=|plugin.yaml=name: tool\n|skills/one/SKILL.md=# one\n|"
                        "skills/onefold.md=no\n");
}

static void takes_a_sub_path_only(void **state)
{
    struct fixture *f = *state;
    struct err err = ERR_INIT;
    struct unpack_opts opts = {.sub = "skills/one"};
    assert_int_equal(visit(f, archive_of(f, "main"), &opts, &err), UNPACK_OK);
    assert_int_equal(f->seen.n, 1);
    assert_string_equal(f->seen.v[0], "SKILL.md=# one\n");
    opts.sub = "plugin.yaml";
    assert_int_equal(visit(f, archive_of(f, "main"), &opts, &err), UNPACK_OK);
    assert_string_equal(f->seen.v[0], "plugin.yaml=name: tool\n");
}

static void says_when_a_sub_path_is_not_there(void **state)
{
    struct fixture *f = *state;
    struct err err = ERR_INIT;
    struct unpack_opts opts = {.sub = "nowhere"};
    assert_int_equal(visit(f, archive_of(f, "main"), &opts, &err), UNPACK_NO_SUCH_PATH);
    opts.sub = "../tool";
    assert_int_equal(visit(f, archive_of(f, "main"), &opts, &err), UNPACK_NO_SUCH_PATH);
    assert_int_equal(err.kind, ERR_NONE);
}

static void unpacks_into_a_directory(void **state)
{
    struct fixture *f = *state;
    struct err err = ERR_INIT;
    const struct buf *data = archive_of(f, "main");
    CLEANUP(free_ptr) char *path = fs_join(f->out, "skills/one/SKILL.md");
    CLEANUP(buf_release) struct buf text = BUF_INIT(64);
    assert_int_equal(unpack_dir(data->data, data->len, NULL, f->out, &err), UNPACK_OK);
    assert_int_equal(fs_read(path, &text, &err), 0);
    assert_string_equal(text.data, "# one\n");
}

static void tip_of(struct fixture *f, const char *repo, const char *ref, char out[41])
{
    CLEANUP(forge_tip_release) struct forge_tip tip = {.path = NULL};
    struct err err = ERR_INIT;
    assert_int_equal(forge_tip(f->forge, "acme", repo, ref, &tip, &err), FORGE_OK);
    memcpy(out, tip.commit, sizeof tip.commit);
}

static void moves_its_tip_when_a_file_changes_and_only_then(void **state)
{
    struct fixture *f = *state;
    struct err err = ERR_INIT;
    char before[41], again[41], after[41];
    tip_of(f, "tool", "main", before);
    tip_of(f, "tool", "main", again);
    assert_string_equal(before, again);
    assert_int_equal(put(f, "acme/tool/main/plugin.yaml", "name: tool2\n"), 0);
    tip_of(f, "tool", "main", after);
    assert_string_not_equal(before, after);
    assert_int_equal(visit(f, archive_of(f, "main"), NULL, &err), UNPACK_OK);
    assert_true(strv_has(&f->seen, "plugin.yaml=name: tool2\n"));
}

static void takes_the_commit_of_a_tip_for_a_ref(void **state)
{
    struct fixture *f = *state;
    struct err err = ERR_INIT;
    char tip[41];
    tip_of(f, "tool", "v2", tip);
    assert_int_equal(visit(f, archive_of(f, tip), NULL, &err), UNPACK_OK);
    assert_string_equal(f->seen.v[0], "only=2");
    assert_int_equal(put(f, "acme/tool/v2/only", "3"), 0);
    struct forge_tip gone = {.path = NULL};
    assert_int_equal(forge_tip(f->forge, "acme", "tool", tip, &gone, &err),
                     FORGE_NOT_FOUND);
}

static void serves_a_working_tree_at_any_ref_without_its_git(void **state)
{
    struct fixture *f = *state;
    struct err err = ERR_INIT;
    CLEANUP(free_ptr) char *tree = fs_join(f->catalog, "../checkout");
    assert_int_equal(put(f, "../checkout/config.yaml", "name: mine\n"), 0);
    assert_int_equal(put(f, "../checkout/.git/config",
                         "[core]\n\tbare = false\n[remote \"origin\"]\n"
                         "\turl = git@host:acme/tool.git\n"),
                     0);
    assert_int_equal(catalog_add(f->repos, tree, &err), 0);
    assert_int_equal(visit(f, archive_of(f, "any-branch"), NULL, &err), UNPACK_OK);
    assert_int_equal(f->seen.n, 1);
    assert_string_equal(f->seen.v[0], "config.yaml=name: mine\n");
    const json_t *row = json_object_get(catalog_templates(f->repos), "tool");
    assert_string_equal(json_string_value(json_object_get(row, "repo")), "acme/tool");
}

static void lays_a_later_catalog_over_an_earlier_one(void **state)
{
    struct fixture *f = *state;
    struct err err = ERR_INIT;
    CLEANUP(free_ptr) char *more = fs_join(f->catalog, "../more");
    assert_int_equal(put(f, "../more/acme/tool/main/plugin.yaml", "name: newer\n"), 0);
    assert_int_equal(catalog_add(f->repos, more, &err), 0);
    assert_int_equal(visit(f, archive_of(f, "main"), NULL, &err), UNPACK_OK);
    assert_int_equal(f->seen.n, 1);
    assert_int_equal(visit(f, archive_of(f, "v2"), NULL, &err), UNPACK_OK);
    assert_string_equal(f->seen.v[0], "only=2");
}

static void knows_only_what_is_in_the_catalog(void **state)
{
    struct fixture *f = *state;
    static const char *const rows[][3] = {
        {"acme", "tool", "v3"},
        {"acme", "none", "main"},
        {"none", "tool", "main"},
        {"acme", "tool", ".."},
        {"acme", "..", "catalog"},
        {"", "tool", "main"},
        {"acme", "tool", ""},
        {"acme", "tool", "main/skills"},
        {"acme/tool", "main", "skills"},
    };
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct forge_tip tip = {.path = NULL};
        struct err err = ERR_INIT;
        assert_int_equal(
            forge_tip(f->forge, rows[i][0], rows[i][1], rows[i][2], &tip, &err),
            FORGE_NOT_FOUND);
    }
}

static int may(struct fixture *f, const char *authorization)
{
    return (int)forge_check(f->forge, "acme", "tool", authorization);
}

static void asks_for_a_token_that_may_read(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(may(f, "token s3cret"), FORGE_OK);
    static const char *const others[] = {NULL, "token wrong", "Bearer s3cret", ""};
    for (size_t i = 0; i < ARRAY_SIZE(others); i++)
        assert_int_equal(may(f, others[i]), FORGE_UNAUTHORIZED);
    assert_true(forge_set_access(f->forge, "acme/tool", "restricted"));
    assert_int_equal(may(f, "token s3cret"), FORGE_FORBIDDEN);
    assert_true(forge_set_access(f->forge, "acme/tool", "public"));
    assert_int_equal(may(f, NULL), FORGE_OK);
    assert_int_equal(may(f, "token wrong"), FORGE_UNAUTHORIZED);
    assert_false(forge_set_access(f->forge, "acme/tool", "secret"));
}

static void says_in_one_line_what_a_catalog_lacks(void **state)
{
    struct fixture *f = *state;
    static const struct {
        const char *file, *content, *dir, *says;
    } rows[] = {
        {NULL, NULL, "../missing", "no catalog"},
        {"../empty/readme.md", "x", "../empty", "holds no repository"},
        {"../flat/acme/tool/plugin.yaml", "name: x", "../flat", "without a ref"},
        {"../broken/config.yaml", "a: [", "../broken", "config.yaml"},
        {"../m/manifest.json", "{}", "../m", "holds no repository"},
        {"acme/tool/main/plugin.yaml", "name: x", "acme/tool/main/plugin.yaml",
         "is not a directory"},
    };
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct err err = ERR_INIT;
        CLEANUP(free_ptr) char *dir = fs_join(f->catalog, rows[i].dir);
        if (rows[i].file != NULL)
            assert_int_equal(put(f, rows[i].file, rows[i].content), 0);
        assert_int_equal(catalog_add(f->repos, dir, &err), -1);
        assert_int_equal(err.kind, ERR_CONFIG);
        assert_non_null(strstr(err.text, rows[i].says));
        assert_null(strchr(err.text, '\n'));
    }
}

static void refuses_a_manifest_that_names_what_is_not_there(void **state)
{
    struct fixture *f = *state;
    struct err err = ERR_INIT;
    CLEANUP(free_ptr) char *dir = fs_join(f->catalog, "../named");
    assert_int_equal(put(f, "../named/acme/tool/main/config.yaml", "name: x\n"), 0);
    assert_int_equal(put(f, "../named/manifest.json",
                         "{\"templates\":{\"t\":{\"repo\":\"acme/tool\","
                         "\"ref\":\"v9\"}}}"),
                     0);
    assert_int_equal(catalog_add(f->repos, dir, &err), -1);
    assert_non_null(strstr(err.text, "'acme/tool@v9'"));
}

/* ---- hostile archives ---- */

static la_ssize_t on_write(struct archive *a, void *arg, const void *data, size_t len)
{
    (void)a;
    buf_add(arg, data, len);
    return (la_ssize_t)len;
}

struct member {
    const char *name;
    int type; /* AE_IFREG, AE_IFLNK */
    const char *content;
};

static void make_tar(struct fixture *f, const struct member *members, size_t n)
{
    struct archive *a = archive_write_new();
    (void)archive_write_set_format_pax_restricted(a);
    (void)archive_write_add_filter_gzip(a);
    (void)archive_write_open(a, &f->tar, NULL, on_write, NULL);
    for (size_t i = 0; i < n; i++) {
        struct archive_entry *e = archive_entry_new();
        bool link = members[i].type == AE_IFLNK;
        size_t len = link ? 0 : strlen(members[i].content);
        archive_entry_set_pathname(e, members[i].name);
        archive_entry_set_filetype(e, (unsigned int)members[i].type);
        archive_entry_set_perm(e, 0644);
        archive_entry_set_size(e, (la_int64_t)len);
        if (link)
            archive_entry_set_symlink(e, members[i].content);
        (void)archive_write_header(a, e);
        (void)archive_write_data(a, members[i].content, len);
        archive_entry_free(e);
    }
    (void)archive_write_close(a);
    (void)archive_write_free(a);
}

static void refuses_names_that_climb_out(void **state)
{
    struct fixture *f = *state;
    static const char *const names[] = {"top/../../evil", "/etc/evil", "../evil",
                                        "top/a/../b", "top//evil"};
    for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
        struct err err = ERR_INIT;
        const struct member m = {names[i], AE_IFREG, "x"};
        buf_reset(&f->tar);
        make_tar(f, &m, 1);
        assert_int_equal(unpack_dir(f->tar.data, f->tar.len, NULL, f->out, &err), -1);
        assert_int_equal(err.kind, ERR_SHAPE);
        assert_non_null(strstr(err.text, names[i]));
    }
    CLEANUP(free_ptr) char *evil = fs_join(f->dir, "evil");
    assert_false(fs_exists(evil));
}

static void leaves_links_out_and_never_writes_through_them(void **state)
{
    struct fixture *f = *state;
    struct err err = ERR_INIT;
    const struct member m[] = {{"top/link", AE_IFLNK, "../catalog"},
                               {"top/link/planted", AE_IFREG, "x"}};
    make_tar(f, m, ARRAY_SIZE(m));
    assert_int_equal(unpack_dir(f->tar.data, f->tar.len, NULL, f->out, &err), UNPACK_OK);
    CLEANUP(free_ptr) char *inside = fs_join(f->out, "link/planted");
    CLEANUP(free_ptr) char *outside = fs_join(f->catalog, "planted");
    assert_true(fs_exists(inside));
    assert_false(fs_exists(outside));
}

static void holds_its_limits(void **state)
{
    struct fixture *f = *state;
    struct err err = ERR_INIT;
    const struct member m[] = {{"t/a", AE_IFREG, "12345678"}, {"t/b", AE_IFREG, "1234"}};
    make_tar(f, m, ARRAY_SIZE(m));
    struct unpack_opts opts = {.max_file = 8, .max_total = 12};
    assert_int_equal(visit(f, &f->tar, &opts, &err), UNPACK_OK);
    opts.max_file = 7;
    assert_int_equal(visit(f, &f->tar, &opts, &err), UNPACK_TOO_LARGE);
    assert_int_equal(err.kind, ERR_SHAPE);
    assert_non_null(strstr(err.text, "'a'"));
    opts = (struct unpack_opts){.max_file = 8, .max_total = 11};
    assert_int_equal(visit(f, &f->tar, &opts, NULL), UNPACK_TOO_LARGE);
    assert_int_equal(f->seen.n, 1);
}

static void refuses_what_is_no_archive(void **state)
{
    struct fixture *f = *state;
    struct err err = ERR_INIT;
    buf_adds(&f->tar, "{\"message\":\"not found\"}");
    assert_int_equal(visit(f, &f->tar, NULL, &err), -1);
    assert_int_equal(err.kind, ERR_SHAPE);
    const struct buf *whole = archive_of(f, "main");
    buf_reset(&f->tar);
    buf_add(&f->tar, whole->data, whole->len / 2);
    assert_int_equal(visit(f, &f->tar, NULL, NULL), -1);
}

#define WITH_CATALOG(t) cmocka_unit_test_setup_teardown(t, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_CATALOG(serves_a_tree_as_an_archive_with_one_top_directory),
        WITH_CATALOG(visits_every_file_below_the_top_directory),
        WITH_CATALOG(takes_a_sub_path_only),
        WITH_CATALOG(says_when_a_sub_path_is_not_there),
        WITH_CATALOG(unpacks_into_a_directory),
        WITH_CATALOG(moves_its_tip_when_a_file_changes_and_only_then),
        WITH_CATALOG(takes_the_commit_of_a_tip_for_a_ref),
        WITH_CATALOG(serves_a_working_tree_at_any_ref_without_its_git),
        WITH_CATALOG(lays_a_later_catalog_over_an_earlier_one),
        WITH_CATALOG(knows_only_what_is_in_the_catalog),
        WITH_CATALOG(asks_for_a_token_that_may_read),
        WITH_CATALOG(says_in_one_line_what_a_catalog_lacks),
        WITH_CATALOG(refuses_a_manifest_that_names_what_is_not_there),
        WITH_CATALOG(refuses_names_that_climb_out),
        WITH_CATALOG(leaves_links_out_and_never_writes_through_them),
        WITH_CATALOG(holds_its_limits),
        WITH_CATALOG(refuses_what_is_no_archive),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
