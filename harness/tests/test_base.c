/* Tests of harness/base. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/fs.h"
#include "base/ids.h"
#include "base/log.h"
#include "base/num.h"
#include "base/strv.h"
#include "base/table.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static void error_text_is_one_complete_line(void **state)
{
    struct err err = ERR_INIT;

    (void)state;
    assert_int_equal(err_sys(&err, ENOENT, "cannot open '%s'", "a\nb"), -1);
    assert_int_equal(err.kind, ERR_SYS);
    assert_int_equal(err.sys, ENOENT);
    assert_string_equal(err.text, "cannot open 'a b': No such file or directory");
    err_prefix(&err, "template '%s'", "seo");
    assert_string_equal(err.text,
                        "template 'seo': cannot open 'a b': No such file or directory");
}

static void the_first_error_wins_until_it_is_cleared(void **state)
{
    struct err err = ERR_INIT;

    (void)state;
    err_set(&err, ERR_SHAPE, "first");
    err_set(&err, ERR_BUG, "second");
    assert_int_equal(err.kind, ERR_SHAPE);
    assert_string_equal(err.text, "first");
    err_clear(&err);
    err_set(&err, ERR_BUG, "second");
    assert_string_equal(err.text, "second");
    assert_int_equal(err_set(NULL, ERR_BUG, "nobody listens"), -1);
}

static void a_prefix_without_an_error_does_nothing(void **state)
{
    struct err err = ERR_INIT;

    (void)state;
    err_prefix(&err, "file");
    assert_int_equal(err.kind, ERR_NONE);
    assert_string_equal(err.text, "");
}

static void a_long_error_is_cut_off_within_its_text(void **state)
{
    struct err err = ERR_INIT;
    char *text = xcalloc(2000, 1);

    (void)state;
    memset(text, 'x', 1999);
    err_set(&err, ERR_SHAPE, "%s", text);
    err_prefix(&err, "%s", text);
    assert_int_equal(strlen(err.text), sizeof(err.text) - 1);
    free(text);
}

static void an_empty_buffer_is_an_empty_string(void **state)
{
    struct buf b = BUF_INIT(10);
    char *text;

    (void)state;
    assert_string_equal(b.data, "");
    text = buf_steal(&b);
    assert_string_equal(text, "");
    free(text);
    buf_release(&b);
}

static void an_append_past_the_maximum_is_cut_off_and_marked(void **state)
{
    struct buf b = BUF_INIT(5);

    (void)state;
    buf_adds(&b, "abc");
    assert_false(b.truncated);
    buf_adds(&b, "defg");
    assert_string_equal(b.data, "abcde");
    assert_int_equal(b.len, 5);
    assert_true(b.truncated);
    buf_reset(&b);
    assert_false(b.truncated);
    assert_string_equal(b.data, "");
    buf_release(&b);
}

static void a_buffer_takes_text_longer_than_its_scratch_space(void **state)
{
    struct buf b = BUF_INIT(10000);

    (void)state;
    buf_addf(&b, "%0700d|", 7);
    buf_addf(&b, "%s", "end");
    assert_int_equal(b.len, 704);
    assert_string_equal(b.data + 699, "7|end");
    buf_release(&b);
}

static void consuming_removes_from_the_front(void **state)
{
    struct buf b = BUF_INIT(100);

    (void)state;
    buf_adds(&b, "header body");
    buf_consume(&b, 7);
    assert_string_equal(b.data, "body");
    buf_consume(&b, 100);
    assert_string_equal(b.data, "");
    buf_release(&b);
}

static void a_list_splits_joins_and_sorts(void **state)
{
    struct strv s = STRV_INIT;
    char *joined;

    (void)state;
    assert_null(strv_argv(&s)[0]);
    strv_split(&s, ":b::a:c:", ':');
    assert_int_equal(s.n, 3);
    strv_sort(&s);
    joined = strv_join(&s, ", ");
    assert_string_equal(joined, "a, b, c");
    assert_true(strv_has(&s, "b"));
    assert_false(strv_has(&s, "d"));
    assert_null(strv_argv(&s)[3]);
    free(joined);
    strv_release(&s);
}

static void a_list_that_moves_replaces_and_leaves_nothing_behind(void **state)
{
    struct strv from = STRV_INIT, to = STRV_INIT;

    (void)state;
    strv_add(&from, "new");
    strv_add(&to, "old");
    strv_add(&to, "older");
    strv_move(&to, &from);
    assert_int_equal(to.n, 1);
    assert_string_equal(to.v[0], "new");
    assert_int_equal(from.n, 0);
    assert_null(from.v);
    strv_release(&to);
}

static void an_environment_names_each_variable_once(void **state)
{
    struct strv env = STRV_INIT;

    (void)state;
    strv_env_set(&env, "PATH", "/bin");
    strv_env_set(&env, "PATHS", "x=y");
    strv_env_set(&env, "PATH", "/usr/bin");
    assert_int_equal(env.n, 2);
    assert_string_equal(strv_env_get(&env, "PATH"), "/usr/bin");
    assert_string_equal(strv_env_get(&env, "PATHS"), "x=y");
    strv_env_unset(&env, "PATH");
    assert_null(strv_env_get(&env, "PATH"));
    assert_int_equal(env.n, 1);
    assert_null(env.v[1]);
    strv_release(&env);
}

static void numbers_are_taken_whole_or_not_at_all(void **state)
{
    int64_t n = 7;

    (void)state;
    assert_true(num_parse("-12", -20, 20, &n));
    assert_int_equal(n, -12);
    assert_true(num_parse("9223372036854775807", INT64_MIN, INT64_MAX, &n));
    assert_true(n == INT64_MAX);
    n = 7;
    assert_false(num_parse("9223372036854775808", INT64_MIN, INT64_MAX, &n));
    assert_false(num_parse("-9223372036854775809", INT64_MIN, INT64_MAX, &n));
    assert_false(num_parse("", 0, 10, &n));
    assert_false(num_parse("-", -10, 10, &n));
    assert_false(num_parse(" 1", 0, 10, &n));
    assert_false(num_parse("+1", 0, 10, &n));
    assert_false(num_parse("1x", 0, 10, &n));
    assert_false(num_parse("11", 0, 10, &n));
    assert_int_equal(n, 7);
}

static void fractions_are_decimal_and_finite(void **state)
{
    double d = 0;

    (void)state;
    assert_true(num_parse_double("0.002", &d));
    assert_true(d > 0.0019 && d < 0.0021);
    assert_false(num_parse_double("inf", &d));
    assert_false(num_parse_double("nan", &d));
    assert_false(num_parse_double("0x10", &d));
    assert_false(num_parse_double("1e999", &d));
    assert_false(num_parse_double("1.5 ", &d));
    assert_false(num_parse_double("", &d));
}

static int64_t duration(const char *text)
{
    int64_t ms = -1;

    return clock_parse_duration(text, &ms, NULL) < 0 ? -1 : ms;
}

static void durations_have_a_unit_or_are_seconds(void **state)
{
    (void)state;
    assert_int_equal(duration("250ms"), 250);
    assert_int_equal(duration("30s"), 30000);
    assert_int_equal(duration("1.5s"), 1500);
    assert_int_equal(duration("5m"), 300000);
    assert_int_equal(duration("2h"), 7200000);
    assert_int_equal(duration("12"), 12000);
    assert_int_equal(duration("0"), 0);
    assert_int_equal(duration(""), -1);
    assert_int_equal(duration("s"), -1);
    assert_int_equal(duration("-1s"), -1);
    assert_int_equal(duration("5 m"), -1);
    assert_int_equal(duration("1.2.3s"), -1);
    assert_int_equal(duration("99999999999999999999h"), -1);
}

static void a_bad_duration_says_what_it_is(void **state)
{
    struct err err = ERR_INIT;
    int64_t ms;

    (void)state;
    assert_int_equal(clock_parse_duration("soon", &ms, &err), -1);
    assert_int_equal(err.kind, ERR_SHAPE);
    assert_non_null(strstr(err.text, "'soon'"));
}

static void times_are_written_for_machines_and_people(void **state)
{
    char out[32];

    (void)state;
    assert_string_equal(clock_rfc3339(1750587072345, out), "2025-06-22T10:11:12.345Z");
    assert_string_equal(clock_rfc3339(-1, out), "1969-12-31T23:59:59.999Z");
    assert_string_equal(clock_human(820, out), "820 ms");
    assert_string_equal(clock_human(12400, out), "12.4 s");
    assert_string_equal(clock_human(185000, out), "3 min 05 s");
}

static void a_misspelt_name_finds_its_neighbour(void **state)
{
    static const char *const words[] = {"expect", "within", "capture"};

    (void)state;
    assert_string_equal(nearest_name("expcet", words, 3), "expect");
    assert_string_equal(nearest_name("Within", words, 3), "within");
    assert_string_equal(nearest_name("captures", words, 3), "capture");
    assert_null(nearest_name("banana", words, 3));
    assert_null(nearest_name("", words, 3));
}

static void a_table_maps_both_ways(void **state)
{
    static const struct name_row rows[] = {{3, "three"}, {5, "five"}, {0, NULL}};
    int value = 0;

    (void)state;
    assert_string_equal(table_name(rows, 5), "five");
    assert_string_equal(table_name(rows, 4), "?");
    assert_true(table_value(rows, "three", &value));
    assert_int_equal(value, 3);
    assert_false(table_value(rows, "four", &value));
}

static void identifiers_have_their_published_form(void **state)
{
    char uuid[37], other[37], token[44], hex[9], sum[65];
    char *text;

    (void)state;
    id_uuid4(uuid);
    id_uuid4(other);
    assert_true(id_is_uuid(uuid));
    assert_int_equal(uuid[14], '4');
    assert_string_not_equal(uuid, other);
    /* Reference value of Python's uuid.uuid5(uuid.NAMESPACE_URL, ...). */
    id_uuid5_url("http://www.example.com/", uuid);
    assert_string_equal(uuid, "fcde3c85-2270-590f-9e7c-ee003d65e0e2");
    assert_false(id_is_uuid("fcde3c85-2270-590f-9e7c-ee003d65e0e"));
    assert_false(id_is_uuid("fcde3c85-2270-590f-9e7c-ee003d65e0e2a"));
    assert_false(id_is_uuid(""));
    id_token(token);
    assert_int_equal(strlen(token), 43);
    assert_int_equal(strspn(token, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
                                   "0123456789-_"),
                     43);
    id_hex(hex, 8);
    assert_int_equal(strspn(hex, "0123456789abcdef"), 8);
    sha256_hex("abc", 3, sum);
    assert_string_equal(
        sum, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    text = base64_encode("ab", 2);
    assert_string_equal(text, "YWI=");
    free(text);
    assert_true(const_time_equal("same", "same"));
    assert_false(const_time_equal("same", "samf"));
    assert_false(const_time_equal("same", "same-and-more"));
}

static void decodes_what_it_encoded(void **state)
{
    static const char bytes[] = {'\0', 'a', '\xff', '\n', '='};
    size_t len = 99;

    (void)state;
    for (size_t n = 0; n <= sizeof(bytes); n++) {
        char *text CLEANUP(free_ptr) = base64_encode(bytes, n);
        char *back CLEANUP(free_ptr) = base64_decode(text, &len);
        assert_non_null(back);
        assert_int_equal(len, n);
        assert_memory_equal(back, bytes, n);
    }
    static const char *const broken[] = {
        "no!!",   "QQ",    "QQ=",    "QQ===",    "Q",   "QQ= =",
        "Q\nQ==", " QQ==", "QQ==\n", "QQ==QQ==", "QR==" /* spare bits */};
    for (size_t i = 0; i < ARRAY_SIZE(broken); i++)
        assert_null(base64_decode(broken[i], &len));
}

static void a_seed_gives_the_same_numbers_again(void **state)
{
    struct rng a = {.state = 1234567};
    struct rng b = {.state = 1234567};

    (void)state;
    /* Reference value of the published splitmix64.c. */
    assert_true(rng_next(&a) == 6457827717110365317U);
    assert_true(rng_next(&b) == 6457827717110365317U);
    for (int i = 0; i < 1000; i++) {
        double x = rng_unit(&a);

        assert_true(x >= 0 && x < 1);
        assert_true(x == rng_unit(&b));
    }
}

/* A directory of its own for each test of files. */
static int make_dir(void **state)
{
    char *dir = xstrdup("/tmp/waybill-test-XXXXXX");

    *state = dir;
    return mkdtemp(dir) ? 0 : -1;
}

static int remove_dir(void **state)
{
    int rc = fs_rmtree(*state, NULL);

    free(*state);
    return rc;
}

static void a_written_file_reads_back_with_its_mode(void **state)
{
    struct err err = ERR_INIT;
    struct buf b = BUF_INIT(100);
    char *path = fs_join(*state, "deep/er/file");
    struct stat st;

    assert_int_equal(fs_mkparents(path, &err), 0);
    assert_int_equal(fs_write(path, "a\0b", 3, 0640, &err), 0);
    assert_int_equal(fs_write(path, "c\0d", 3, 0640, &err), 0);
    assert_int_equal(fs_read(path, &b, &err), 0);
    assert_int_equal(b.len, 3);
    assert_memory_equal(b.data, "c\0d", 3);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0640);
    buf_release(&b);
    free(path);
}

static void a_file_past_the_maximum_is_an_error(void **state)
{
    struct err err = ERR_INIT;
    struct buf b = BUF_INIT(3);
    char *path = fs_join(*state, "big");

    assert_int_equal(fs_write(path, "1234", 4, 0600, NULL), 0);
    assert_int_equal(fs_read(path, &b, &err), -1);
    assert_int_equal(err.kind, ERR_SHAPE);
    buf_release(&b);
    free(path);
}

static void an_absent_file_is_a_system_error(void **state)
{
    struct err err = ERR_INIT;
    struct buf b = BUF_INIT(3);
    char *path = fs_join(*state, "none");

    assert_int_equal(fs_read(path, &b, &err), -1);
    assert_int_equal(err.sys, ENOENT);
    assert_non_null(strstr(err.text, path));
    free(path);
}

static int note(const struct fs_entry *entry, void *arg)
{
    strv_addf(arg, "%s%s", entry->path, entry->dir ? "/" : "");
    return 0;
}

static void put(const char *dir, const char *name)
{
    char *path = fs_join(dir, name);

    assert_int_equal(fs_mkparents(path, NULL), 0);
    assert_int_equal(fs_write(path, "x", 1, 0600, NULL), 0);
    free(path);
}

static char *listing(const char *dir, int depth)
{
    struct strv found = STRV_INIT;
    char *text;

    assert_int_equal(fs_walk(dir, depth, note, &found, NULL), 0);
    text = strv_join(&found, " ");
    strv_release(&found);
    return text;
}

static void a_walk_is_sorted_and_ends_at_its_depth(void **state)
{
    char *text;

    put(*state, "b/two/file");
    put(*state, "b/one");
    put(*state, "a");
    text = listing(*state, 2);
    assert_string_equal(text, "a b/ b/one b/two/");
    free(text);
    text = listing(*state, 1);
    assert_string_equal(text, "a b/");
    free(text);
    text = listing("/tmp/waybill-test-there-is-no-such-directory", 3);
    assert_string_equal(text, "");
    free(text);
}

static void removing_a_tree_does_not_follow_links(void **state)
{
    char *kept = fs_join(*state, "kept/file");
    char *tree = fs_join(*state, "tree");
    char *link_path = fs_join(*state, "tree/link");
    char *locked = fs_join(*state, "tree/locked");
    char *target = fs_join(*state, "kept");
    char *text;

    put(*state, "kept/file");
    put(*state, "tree/locked/x");
    assert_int_equal(symlink(target, link_path), 0);
    assert_int_equal(chmod(locked, 0500), 0);
    text = listing(tree, 3);
    assert_string_equal(text, "locked/ locked/x");
    assert_int_equal(fs_rmtree(tree, NULL), 0);
    assert_false(fs_exists(tree));
    assert_true(fs_exists(kept));
    assert_int_equal(fs_rmtree(tree, NULL), 0);
    free(text);
    free(kept);
    free(tree);
    free(link_path);
    free(locked);
    free(target);
}

static void a_path_of_a_template_cannot_leave_its_tree(void **state)
{
    (void)state;
    assert_true(fs_path_is_safe("prompts/a..b.md"));
    assert_true(fs_path_is_safe(".hidden"));
    assert_false(fs_path_is_safe(""));
    assert_false(fs_path_is_safe("/etc/passwd"));
    assert_false(fs_path_is_safe("a/../b"));
    assert_false(fs_path_is_safe(".."));
    assert_false(fs_path_is_safe("a/."));
    assert_false(fs_path_is_safe("a//b"));
    assert_false(fs_path_is_safe("a/"));
}

static void paths_join_with_one_slash(void **state)
{
    char *a = fs_join("/x/", "/y");
    char *b = fs_join("", "y");
    char *c = fs_join("/", "y");

    (void)state;
    assert_string_equal(a, "/x/y");
    assert_string_equal(b, "y");
    assert_string_equal(c, "/y");
    free(a);
    free(b);
    free(c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(error_text_is_one_complete_line),
        cmocka_unit_test(the_first_error_wins_until_it_is_cleared),
        cmocka_unit_test(a_prefix_without_an_error_does_nothing),
        cmocka_unit_test(a_long_error_is_cut_off_within_its_text),
        cmocka_unit_test(an_empty_buffer_is_an_empty_string),
        cmocka_unit_test(an_append_past_the_maximum_is_cut_off_and_marked),
        cmocka_unit_test(a_buffer_takes_text_longer_than_its_scratch_space),
        cmocka_unit_test(consuming_removes_from_the_front),
        cmocka_unit_test(a_list_splits_joins_and_sorts),
        cmocka_unit_test(a_list_that_moves_replaces_and_leaves_nothing_behind),
        cmocka_unit_test(an_environment_names_each_variable_once),
        cmocka_unit_test(numbers_are_taken_whole_or_not_at_all),
        cmocka_unit_test(fractions_are_decimal_and_finite),
        cmocka_unit_test(durations_have_a_unit_or_are_seconds),
        cmocka_unit_test(a_bad_duration_says_what_it_is),
        cmocka_unit_test(times_are_written_for_machines_and_people),
        cmocka_unit_test(a_misspelt_name_finds_its_neighbour),
        cmocka_unit_test(a_table_maps_both_ways),
        cmocka_unit_test(identifiers_have_their_published_form),
        cmocka_unit_test(decodes_what_it_encoded),
        cmocka_unit_test(a_seed_gives_the_same_numbers_again),
        cmocka_unit_test_setup_teardown(a_written_file_reads_back_with_its_mode, make_dir,
                                        remove_dir),
        cmocka_unit_test_setup_teardown(a_file_past_the_maximum_is_an_error, make_dir,
                                        remove_dir),
        cmocka_unit_test_setup_teardown(an_absent_file_is_a_system_error, make_dir,
                                        remove_dir),
        cmocka_unit_test_setup_teardown(a_walk_is_sorted_and_ends_at_its_depth, make_dir,
                                        remove_dir),
        cmocka_unit_test_setup_teardown(removing_a_tree_does_not_follow_links, make_dir,
                                        remove_dir),
        cmocka_unit_test(a_path_of_a_template_cannot_leave_its_tree),
        cmocka_unit_test(paths_join_with_one_slash),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
