/* The servers of tools over HTTP, where that is more than the transport. */
#include "mocks/tests/mcp_http_fixture.h"

static void start_without_platform(struct mcp_fixture *f)
{
    strv_add(&f->env, "MOLECULE_API_URL=http://127.0.0.1:1");
    strv_add(&f->env, "MOLECULE_ORG_API_KEY=key");
    strv_add(&f->env, "MOLECULE_ORG_ID=org");
    start_http(f);
}

static void says_where_it_is_in_its_first_line_as_shipped_too(void **state)
{
    struct mcp_fixture *f = *state;
    strv_add(&f->env, "WAYBILL_MCP_MANNERS=shipped");
    start_without_platform(f);
    assert_true(strncmp(f->url, "http://127.0.0.1:", 17) == 0);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, mcp_setup, mcp_teardown)
    const struct CMUnitTest tests[] = {
        T(says_where_it_is_in_its_first_line_as_shipped_too),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
