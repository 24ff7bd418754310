/* Tests of variables: types kept, scopes, places of errors, secrets. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/limits.h"
#include "io/json.h"
#include "scenario/vars.h"
#include <stdlib.h>
#include <string.h>

struct fixture {
    struct vars *vars;
    struct ydoc *doc;
    json_t *value;
    char *text;
};

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));

    f->vars = vars_new();
    vars_bind(f->vars, "acme",
              json_pack("{s:s,s:s,s:s}", "id", "o1", "url", "http://acme.cp.localhost",
                        "admin_token", "tok-of-acme-0001"));
    vars_set(f->vars, "list", json_pack("[{s:s},i]", "name", "first", 2));
    vars_set(f->vars, "n", json_integer(7));
    vars_set(f->vars, "yes", json_true());
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;

    vars_free(f->vars);
    ydoc_free(f->doc);
    json_decref(f->value);
    free(f->text);
    free(f);
    return 0;
}

static struct ynode *parse(struct fixture *f, const char *yaml)
{
    struct err err = ERR_INIT;

    ydoc_free(f->doc);
    f->doc = NULL;
    if (yaml_parse("f.yaml", yaml, strlen(yaml), &f->doc, &err) < 0)
        fail_msg("%s", err.text);
    return ydoc_root(f->doc);
}

static void assert_json(struct fixture *f, const char *yaml, const char *expected)
{
    struct err err = ERR_INIT;

    json_decref(f->value);
    f->value = NULL;
    if (vars_json(f->vars, parse(f, yaml), "f.yaml", &f->value, &err) < 0)
        fail_msg("%s", err.text);
    free(f->text);
    f->text = json_dumps(f->value, JSON_COMPACT | JSON_ENCODE_ANY);
    assert_string_equal(f->text, expected);
}

static void assert_text(struct fixture *f, const char *yaml, const char *expected)
{
    struct err err = ERR_INIT;

    free(f->text);
    f->text = NULL;
    if (vars_text(f->vars, parse(f, yaml), "f.yaml", &f->text, &err) < 0)
        fail_msg("%s", err.text);
    assert_string_equal(f->text, expected);
}

static void assert_fails(struct fixture *f, const char *yaml, const char *why)
{
    struct err err = ERR_INIT;

    assert_int_equal(vars_json(f->vars, parse(f, yaml), "f.yaml", &f->value, &err), -1);
    assert_string_equal(err.text, why);
}

static void keeps_the_type_of_a_whole_value(void **state)
{
    struct fixture *f = *state;

    assert_json(f, "${n}", "7");
    assert_json(f, "'${yes}'", "true");
    assert_json(f, "'${list}'", "[{\"name\":\"first\"},2]");
    assert_json(f, "'${list.0.name}'", "\"first\"");
    assert_json(f, "'${list.1}'", "2");
}

static void inserts_text_into_text(void **state)
{
    struct fixture *f = *state;

    assert_json(f, "'/o/${acme.id}/${n}'", "\"/o/o1/7\"");
    assert_json(f, "'x${yes}${list.0}'", "\"xtrue{\\\"name\\\":\\\"first\\\"}\"");
    assert_text(f, "'${n}'", "7");
    assert_text(f, "1.50", "1.50");
    assert_text(f, "''", "");
    assert_text(f, "[a, '${n}']", "[\"a\",7]");
}

static void goes_deep_and_through_keys(void **state)
{
    struct fixture *f = *state;

    assert_json(f, "{a: [1, '${n}', {b: '${acme.id}'}], '${acme.id}': null, c: true}",
                "{\"a\":[1,7,{\"b\":\"o1\"}],\"o1\":null,\"c\":true}");
}

static void never_looks_at_what_it_inserted(void **state)
{
    struct fixture *f = *state;

    vars_set(f->vars, "nasty", json_string("${acme.admin_token}"));
    assert_json(f, "'<${nasty}>'", "\"<${acme.admin_token}>\"");
    assert_json(f, "'${nasty}'", "\"${acme.admin_token}\"");
}

static void takes_a_doubled_dollar_for_the_text_itself(void **state)
{
    struct fixture *f = *state;

    assert_json(f, "'$${MOLECULE_ORG_API_KEY}'", "\"${MOLECULE_ORG_API_KEY}\"");
    assert_json(f, "'cost: $5, ${n}'", "\"cost: $5, 7\"");
}

static void names_the_place_of_what_is_missing(void **state)
{
    struct fixture *f = *state;

    assert_fails(f, "a: 1\nb:\n  c: 'x ${acme.nope}'\n",
                 "f.yaml:3:6: undefined variable 'acme.nope'");
    assert_fails(f, "'${list.9}'", "f.yaml:1:1: undefined variable 'list.9'");
    assert_fails(f, "'x${acme}'",
                 "f.yaml:1:1: 'acme' is a whole object; name a member, as in ${acme.id}");
    assert_fails(
        f, "'${a b}'",
        "f.yaml:1:1: malformed variable at '${a b}'; write ${name.member}, or $${ "
        "for the text itself");
    assert_fails(
        f, "'${open'",
        "f.yaml:1:1: malformed variable at '${open'; write ${name.member}, or $${ "
        "for the text itself");
}

static void goes_on_in_the_object_that_a_name_stands_for(void **state)
{
    struct fixture *f = *state;

    vars_push(f->vars, json_pack("{s:s}", "subject", "acme"));
    assert_json(f, "'${subject.id} ${subject}'", "\"o1 acme\"");
    assert_ptr_equal(vars_ref(f->vars, vars_get(f->vars, "subject")),
                     vars_get(f->vars, "acme"));
    vars_pop(f->vars);
    assert_null(vars_get(f->vars, "subject"));
}

static void puts_a_scope_over_the_lasting_one(void **state)
{
    struct fixture *f = *state;
    struct err err = ERR_INIT;
    json_t *defaults = json_pack("{s:s,s:{}}", "n", "default", "faults");
    struct ynode *with = parse(f, "{n: '${n}'}");

    assert_int_equal(vars_push_params(f->vars, defaults, with, "f.yaml", &err), 0);
    json_decref(defaults);
    assert_int_equal(json_integer_value(vars_get(f->vars, "n")), 7);
    assert_true(json_is_object(vars_get(f->vars, "params.faults")));
    vars_bind(f->vars, "made", json_pack("{s:s}", "id", "m1"));
    vars_pop(f->vars);
    assert_null(vars_get(f->vars, "faults"));
    assert_string_equal(json_string_value(vars_get(f->vars, "made.id")), "m1");
}

static void leaves_no_params_behind_for_a_case_of_a_denial(void **state)
{
    struct fixture *f = *state;
    struct err err = ERR_INIT;

    vars_set(f->vars, "params", json_pack("{s:s}", "colour", "blue"));
    assert_int_equal(
        vars_push_params(f->vars, NULL, parse(f, "{subject: x}"), "f.yaml", &err), 0);
    assert_string_equal(json_string_value(vars_get(f->vars, "params.colour")), "blue");
    vars_pop(f->vars);
}

static void shows_names_without_failing(void **state)
{
    struct fixture *f = *state;
    char *text = vars_show(f->vars, "${n} of ${nobody.id} in ${acme.id}, ${a b}");

    free(f->text);
    f->text = text;
    assert_string_equal(text, "7 of ${nobody.id} in o1, ${a b}");
}

static void redacts_what_came_from_a_token_field(void **state)
{
    struct fixture *f = *state;
    struct buf out = BUF_INIT(KIB(4));

    vars_bind(f->vars, "w",
              json_pack("{s:{s:s},s:s}", "deep", "auth_token", "tok-of-acme-0001-longer",
                        "name", "no-secret-at-all"));
    static const char text[] =
        "a tok-of-acme-0001 b tok-of-acme-0001-longer no-secret-at-all";
    vars_redact(f->vars, text, sizeof(text) - 1, &out);
    free(f->text);
    f->text = buf_steal(&out);
    assert_string_equal(f->text,
                        "a <secret:acme.admin_token> b <secret:w.deep.auth_token> "
                        "no-secret-at-all");
}

static void redacts_the_json_form_of_a_secret(void **state)
{
    struct fixture *f = *state;

    vars_add_secret(f->vars, "env.KEY", "quo\"ted-secret");
    static const char text[] = "{\"k\":\"quo\\\"ted-secret\"}";
    assert_string_equal(vars_find_secret(f->vars, text, sizeof(text) - 1), "env.KEY");
    json_t *in = json_pack("{s:[s,i]}", "quo\"ted-secret", "x quo\"ted-secret", 1);
    json_t *out = vars_redact_json(f->vars, in);
    free(f->text);
    f->text = json_dumps(out, JSON_COMPACT);
    json_decref(in);
    json_decref(out);
    assert_string_equal(f->text, "{\"<secret:env.KEY>\":[\"x <secret:env.KEY>\",1]}");
}

static void does_not_keep_short_values_as_secrets(void **state)
{
    struct fixture *f = *state;

    vars_add_secret(f->vars, "x", "abc");
    assert_null(vars_find_secret(f->vars, "abcabc", 6));
}

static void knows_what_can_be_a_name(void **state)
{
    (void)state;
    assert_true(vars_name_is_good("my-org_2"));
    assert_false(vars_name_is_good("2nd"));
    assert_false(vars_name_is_good("a.b"));
    assert_false(vars_name_is_good("a b"));
    assert_false(vars_name_is_good(""));
}

#define T(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(keeps_the_type_of_a_whole_value),
        T(inserts_text_into_text),
        T(goes_deep_and_through_keys),
        T(never_looks_at_what_it_inserted),
        T(takes_a_doubled_dollar_for_the_text_itself),
        T(names_the_place_of_what_is_missing),
        T(goes_on_in_the_object_that_a_name_stands_for),
        T(puts_a_scope_over_the_lasting_one),
        T(leaves_no_params_behind_for_a_case_of_a_denial),
        T(shows_names_without_failing),
        T(redacts_what_came_from_a_token_field),
        T(redacts_the_json_form_of_a_secret),
        T(does_not_keep_short_values_as_secrets),
        T(knows_what_can_be_a_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
