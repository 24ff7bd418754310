/* The JSON Schema of scenarios knows the language that the loader reads. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "io/json.h"
#include "scenario/answers.h"
#include "scenario/load.h"
#include <stdlib.h>
#include <string.h>

struct fixture {
    json_t *schema;
    char *text; /* one joined list, until the next */
};

static int setup(void **state)
{
    *state = xcalloc(1, sizeof(struct fixture));
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;

    json_decref(f->schema);
    free(f->text);
    free(f);
    return 0;
}

static const json_t *defs(struct fixture *f)
{
    struct err err = ERR_INIT;

    if (!f->schema &&
        json_read_file("scenarios/schema/scenario.schema.json", &f->schema, &err) < 0)
        fail_msg("%s", err.text);
    return json_object_get(f->schema, "$defs");
}

/* Members of a definition, sorted, in one text; less: one that is left out. */
static char *properties(const json_t *def, const char *less)
{
    struct strv names CLEANUP(strv_release) = STRV_INIT;
    const char *key;
    json_t *value;

    json_object_foreach(json_object_get(def, "properties"), key, value)
    {
        (void)value;
        if (!less || strcmp(less, key) != 0)
            strv_add(&names, key);
    }
    strv_sort(&names);
    return strv_join(&names, " ");
}

static char *sorted(const char *words)
{
    struct strv names CLEANUP(strv_release) = STRV_INIT;

    strv_split(&names, words, ' ');
    strv_sort(&names);
    return strv_join(&names, " ");
}

static int differ(const char *what, const char *table, char *schema)
{
    char *want = sorted(table);
    int different = strcmp(want, schema) != 0;

    if (different)
        print_error("%s\n  table:  %s\n  schema: %s\n", what, want, schema);
    free(want);
    free(schema);
    return different;
}

static void the_schema_knows_the_keys_of_every_step(void **state)
{
    struct fixture *f = *state;
    struct strv lines CLEANUP(strv_release) = STRV_INIT;
    const json_t *d = defs(f);
    int wrong = 0;

    f->text = step_table_text();
    strv_split(&lines, f->text, '\n');
    for (size_t i = 0; i < lines.n; i++) {
        char *colon = strchr(lines.v[i], ':'), *bar = strchr(lines.v[i], '|');
        *colon = '\0';
        if (bar)
            *bar = '\0';
        if (strcmp(lines.v[i], "*") == 0) {
            wrong += differ("common", colon + 1,
                            properties(json_object_get(d, "common"), NULL));
            continue;
        }
        char *step = xasprintf("step %s", lines.v[i]);
        char *fields = xasprintf("fields of %s", lines.v[i]);
        const json_t *def = json_object_get(d, step);
        if (!def) {
            print_error("no definition of '%s'\n", lines.v[i]);
            wrong++;
        } else if (strcmp(lines.v[i], "mcp") != 0) {
            /* The operations of mcp have spaces; the_schema_knows_every_expectation
             * compares them. */
            wrong += differ(step, bar ? bar + 1 : "", properties(def, lines.v[i]));
        }
        wrong += differ(fields, colon + 1, properties(json_object_get(d, fields), NULL));
        free(step);
        free(fields);
    }
    assert_int_equal(wrong, 0);
    /* One for each line but the common keys'. */
    assert_int_equal(
        json_array_size(json_object_get(json_object_get(d, "step"), "oneOf")),
        lines.n - 1);
}

static int names_missing(const struct name_row *rows, const json_t *in, const char *what)
{
    int wrong = 0;

    for (; rows->name; rows++) {
        if (!json_object_get(in, rows->name)) {
            print_error("%s: the schema lacks '%s'\n", what, rows->name);
            wrong++;
        }
    }
    return wrong;
}

static size_t rows_of(const struct name_row *rows)
{
    size_t n = 0;

    while (rows[n].name)
        n++;
    return n;
}

static void the_schema_knows_every_expectation(void **state)
{
    struct fixture *f = *state;
    const json_t *d = defs(f);
    const json_t *expects =
        json_object_get(json_object_get(d, "expect_group"), "properties");
    const json_t *ops = json_object_get(json_object_get(d, "matchers"), "properties");
    const json_t *mcp = json_object_get(json_object_get(d, "step mcp"), "properties");

    assert_int_equal(names_missing(expect_names, expects, "expect"), 0);
    assert_int_equal(json_object_size(expects), rows_of(expect_names) + 1); /* name */
    assert_int_equal(names_missing(match_op_names, ops, "matchers"), 0);
    assert_int_equal(json_object_size(ops), rows_of(match_op_names));
    assert_int_equal(names_missing(mcp_op_names, mcp, "mcp"), 0);
    assert_int_equal(json_object_size(mcp), rows_of(mcp_op_names) + 1); /* mcp */
}

static void the_schema_knows_the_reasons_of_a_refusal(void **state)
{
    struct fixture *f = *state;
    const json_t *expects =
        json_object_get(json_object_get(defs(f), "expect_group"), "properties");
    const json_t *any = json_object_get(json_object_get(expects, "refused_as"), "anyOf");
    const json_t *list = json_object_get(json_array_get(any, 0), "enum");

    assert_int_equal(json_array_size(list), rows_of(refusal_names));
    for (size_t i = 0; i < json_array_size(list); i++)
        assert_string_equal(json_string_value(json_array_get(list, i)),
                            refusal_names[i].name);
}

static int fields_missing(const struct field_row *rows, const json_t *def)
{
    const json_t *in = json_object_get(def, "properties");
    int wrong = 0;
    size_t n = 0;

    for (; rows->key; rows++, n++)
        wrong += json_object_get(in, rows->key) == NULL;
    return wrong + (json_object_size(in) != n);
}

static void the_schema_knows_the_top_level(void **state)
{
    struct fixture *f = *state;
    const json_t *d = defs(f);
    const json_t *expects =
        json_object_get(json_object_get(d, "expect_group"), "properties");

    assert_int_equal(fields_missing(scenario_fields, json_object_get(d, "scenario")), 0);
    assert_int_equal(fields_missing(group_fields, json_object_get(d, "group")), 0);
    assert_int_equal(
        fields_missing(unchanged_fields, json_object_get(expects, "unchanged")), 0);
}

#define T(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(the_schema_knows_the_keys_of_every_step),
        T(the_schema_knows_every_expectation),
        T(the_schema_knows_the_reasons_of_a_refusal),
        T(the_schema_knows_the_top_level),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
