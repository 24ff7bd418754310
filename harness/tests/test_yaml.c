/* Tests of the YAML reader: positions, refusals, values. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/limits.h"
#include "io/json.h"
#include "io/yaml.h"
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct ydoc *read_ok(const char *text)
{
    struct err err = ERR_INIT;
    struct ydoc *doc = NULL;

    if (yaml_parse("f.yaml", text, strlen(text), &doc, &err) < 0)
        fail_msg("%s", err.text);
    return doc;
}

static void assert_refused(const char *text, const char *message)
{
    struct err err = ERR_INIT;
    struct ydoc *doc = NULL;

    if (yaml_parse("f.yaml", text, strlen(text), &doc, &err) == 0)
        fail_msg("was taken: %s", text);
    assert_int_equal(err.kind, ERR_CONFIG);
    assert_string_equal(err.text, message);
}

static void assert_value(const char *text, const char *json)
{
    struct ydoc *doc = read_ok(text);
    json_t *j = ynode_to_json(ydoc_root(doc));
    char *rendered = json_text(j, JSON_STRUCT);

    assert_string_equal(rendered, json);
    free(rendered);
    json_decref(j);
    ydoc_free(doc);
}

static void assert_place(const struct ynode *node, int line, int col)
{
    assert_non_null(node);
    assert_int_equal(node->line, line);
    assert_int_equal(node->col, col);
}

static void every_node_knows_its_place(void **state)
{
    struct ydoc *doc = read_ok("scenario: a\n"
                               "steps:\n"
                               "  - get: /x\n"
                               "    expect: {status: 200,\n"
                               "      json: [a, b]}\n"
                               "  - \"quoted\"\n"
                               "  -\n");
    struct ynode *steps = ynode_get(ydoc_root(doc), "steps");
    struct ynode *expect;

    (void)state;
    assert_string_equal(ydoc_name(doc), "f.yaml");
    assert_place(ynode_get(ydoc_root(doc), "scenario"), 1, 11);
    assert_place(steps, 2, 1);
    assert_int_equal(steps->kind, YNODE_SEQ);
    assert_int_equal(steps->n, 3);
    assert_place(steps->items[0], 3, 5);
    assert_place(ynode_get(steps->items[0], "get"), 3, 10);
    expect = ynode_get(steps->items[0], "expect");
    assert_place(expect, 4, 5);
    assert_place(ynode_get(expect, "status"), 4, 22);
    assert_int_equal(ynode_pair(expect, "json")->line, 5);
    assert_int_equal(ynode_pair(expect, "json")->col, 7);
    assert_place(steps->items[1], 6, 5);
    assert_true(steps->items[1]->quoted);
    assert_int_equal(steps->items[2]->kind, YNODE_NULL);
    ydoc_free(doc);
}

static void members_are_found_by_key_only_in_mappings(void **state)
{
    struct ydoc *doc = read_ok("a: 1\nb: [x]\nc:\n");
    struct ynode *root = ydoc_root(doc);

    (void)state;
    assert_string_equal(ynode_str(root, "a", "?"), "1");
    assert_string_equal(ynode_str(root, "b", "?"), "?");
    assert_string_equal(ynode_str(root, "c", "?"), "?");
    assert_null(ynode_get(root, "d"));
    assert_null(ynode_get(NULL, "a"));
    assert_null(ynode_get(ynode_get(root, "b"), "x"));
    assert_int_equal(ynode_get(root, "c")->kind, YNODE_NULL);
    ydoc_free(doc);
}

static void a_duplicate_key_names_both_places(void **state)
{
    (void)state;
    assert_refused("a: 1\nb: 2\n'a': 3\n",
                   "f.yaml:3:1: duplicate key 'a', first in line 1");
    assert_refused("x:\n  - {k: 1, k: 2}\n",
                   "f.yaml:2:12: duplicate key 'k', first in line 2");
}

static void a_syntax_error_says_where_and_what(void **state)
{
    (void)state;
    assert_refused("a: b: c\n",
                   "f.yaml:1:5: invalid nested block mapping on the same line");
    assert_refused("a:\n\t- b\n",
                   "f.yaml:2:1: tab character may not be used as indentation");
    assert_refused("a: [1, 2\n", "f.yaml:2:1: flow sequence without a closing bracket");
    assert_refused("ps:.\n% error: ", "f.yaml:1:1: invalid multiline plain key");
    assert_refused("ok: 1\nx: *none\n", "f.yaml:2:1: no anchor for alias 'none'");
}

static void what_the_language_does_not_use_is_refused(void **state)
{
    (void)state;
    assert_refused("a: 1\n---\nb: 2\n",
                   "f.yaml:3:1: a file holds one document: remove what follows '---'");
    assert_refused("? [1]\n: 2\n", "f.yaml:1:4: a key must be a plain word or a string");
    assert_refused("a: !thing 1\n", "f.yaml:1:1: unknown tag '!thing'");
    assert_refused("a: \"x\\0y\"\n", "f.yaml:1:4: text must not contain a NUL character");
}

static void bytes_that_are_no_text_are_refused_with_their_place(void **state)
{
    (void)state;
    assert_refused("a: 1\nb: \xff\n",
                   "f.yaml:2:4: not a text file: it has a byte that is not UTF-8");
    assert_refused("%\xf6",
                   "f.yaml:1:2: not a text file: it has a byte that is not UTF-8");
    assert_refused("a: \xed\xa0\x80",
                   "f.yaml:1:4: not a text file: it has a byte that is not UTF-8");
}

static void nothing_is_printed_about_an_error(void **state)
{
    int before = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3);
    int ends[2];
    char byte;

    (void)state;
    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    assert_true(dup2(ends[1], STDERR_FILENO) >= 0);
    close(ends[1]);
    assert_int_equal(yaml_parse("f", "a: [", 4, &(struct ydoc *){NULL}, NULL), -1);
    assert_true(dup2(before, STDERR_FILENO) >= 0);
    close(before);
    assert_int_equal(read(ends[0], &byte, 1), 0);
    close(ends[0]);
}

static void plain_scalars_have_the_core_schemas_types(void **state)
{
    (void)state;
    assert_value("[1, -2, 0x1f, 0o17, 1.5, 1e3, true, False, null, ~, ]",
                 "[1,-2,31,15,1.5,1000,true,false,null,null]");
    assert_value("[yes, on, 1.2.3, 2026-01-01, .inf, -x, 0x, \"1\", 'true', !!str 5]",
                 "[\"yes\",\"on\",\"1.2.3\",\"2026-01-01\",\".inf\",\"-x\",\"0x\",\"1\","
                 "\"true\",\"5\"]");
    assert_value("99999999999999999999", "100000000000000000000");
    assert_value("a: |\n  <x>\n  y\n", "{\"a\":\"\\u003cx\\u003e\\ny\\n\"}");
}

static void an_empty_document_is_null(void **state)
{
    (void)state;
    assert_value("", "null");
    assert_value("# nothing\n", "null");
    assert_value("\xef\xbb\xbf"
                 "a: 1\r\nb: 2\r\n",
                 "{\"a\":1,\"b\":2}");
}

static void aliases_and_merge_keys_are_resolved(void **state)
{
    (void)state;
    assert_value("x: &a {k: 1, m: 2}\ny: *a\nz: {<<: *a, m: 3}\n",
                 "{\"x\":{\"k\":1,\"m\":2},\"y\":{\"k\":1,\"m\":2},\"z\":{\"m\":3,"
                 "\"k\":1}}");
    assert_value("a: &a {k: 1}\nb: &b {k: 2, l: 3}\nc: {<<: [*a, *b]}\n",
                 "{\"a\":{\"k\":1},\"b\":{\"k\":2,\"l\":3},\"c\":{\"k\":1,\"l\":3}}");
    assert_refused("<<: 3\n", "f.yaml:1:5: a merge key takes a mapping");
}

static void an_alias_cannot_contain_itself_or_explode(void **state)
{
    struct buf bomb = BUF_INIT(KIB(4));
    struct err err = ERR_INIT;
    struct ydoc *doc;

    (void)state;
    assert_refused("a: &a [*a]\n",
                   "f.yaml:1:8: nested too deep, or an alias inside its own anchor");
    buf_adds(&bomb, "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
    for (int i = 1; i < 9; i++) {
        buf_addf(&bomb, "a%d: &a%d [", i, i);
        for (int j = 0; j < 10; j++)
            buf_addf(&bomb, "*a%d, ", i - 1);
        buf_adds(&bomb, "]\n");
    }
    assert_int_equal(yaml_parse("f", bomb.data, bomb.len, &doc, &err), -1);
    assert_non_null(strstr(err.text, "too many values"));
    buf_release(&bomb);
}

static void an_absent_file_is_an_error(void **state)
{
    struct err err = ERR_INIT;
    struct ydoc *doc;

    (void)state;
    assert_int_equal(yaml_read_file("/no/such.yaml", KIB(1), &doc, &err), -1);
    assert_int_equal(err.kind, ERR_SYS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_node_knows_its_place),
        cmocka_unit_test(members_are_found_by_key_only_in_mappings),
        cmocka_unit_test(a_duplicate_key_names_both_places),
        cmocka_unit_test(a_syntax_error_says_where_and_what),
        cmocka_unit_test(what_the_language_does_not_use_is_refused),
        cmocka_unit_test(bytes_that_are_no_text_are_refused_with_their_place),
        cmocka_unit_test(nothing_is_printed_about_an_error),
        cmocka_unit_test(plain_scalars_have_the_core_schemas_types),
        cmocka_unit_test(an_empty_document_is_null),
        cmocka_unit_test(aliases_and_merge_keys_are_resolved),
        cmocka_unit_test(an_alias_cannot_contain_itself_or_explode),
        cmocka_unit_test(an_absent_file_is_an_error),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
