/* Answers of the group workspaces that take more requests than a scenario should make. */
#include "mocks/tests/rest_fixture.h"

static int up(void **state)
{
    (void)state;
    static const char *const args[] = {"--pace", "1", NULL};
    return platform_up(args);
}

static void runs_out_of_numbers_behind_a_name(void **state)
{
    (void)state;
    enum { ENOUGH = 200 };
    int status = 201, made = 0;
    for (; status == 201 && made < ENOUGH; made++)
        status = ask("POST", "/workspaces", "{\"name\":\"again\",\"external\":true}");
    assert_int_equal(status, 409);
    assert_true(made > 2);
    assert_string_equal(text(), "{\"error\":\"workspace name already in use; please pick "
                                "a different name\"}");
    assert_int_equal(ask("POST", "/workspaces", "{\"name\":\"other\",\"external\":true}"),
                     201);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(runs_out_of_numbers_behind_a_name),
    };
    return cmocka_run_group_tests_name("many workspaces", tests, up, platform_down);
}
