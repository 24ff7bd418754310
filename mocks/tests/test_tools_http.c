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

/* A call of import_bundle with a bundle of so many objects inside one another. */
static void import_nested(struct mcp_fixture *f, int depth)
{
    struct buf body CLEANUP(buf_release) = BUF_INIT(KIB(64));
    buf_adds(&body,
             "{\"jsonrpc\":\"2.0\",\"id\":7,\"method\":\"tools/call\",\"params\":{" META
             ",\"name\":\"import_bundle\",\"arguments\":{\"bundle\":");
    for (int i = 0; i < depth; i++)
        buf_adds(&body, "{\"a\":");
    buf_adds(&body, "1");
    for (int i = 0; i < depth; i++)
        buf_addc(&body, '}');
    buf_adds(&body, "}}}");
    ask_url(f, "POST", f->url, CALLING("import_bundle"), body.data);
}

static void takes_a_bundle_that_is_nested_deeply(void **state)
{
    struct mcp_fixture *f = *state;
    start_without_platform(f);
    import_nested(f, 200);
    assert_int_equal(f->resp.status, 200);
    assert_non_null(strstr(f->resp.body.data, "Tenant host unreachable"));
    import_nested(f, 1000);
    assert_int_equal(f->resp.status, 400);
    assert_non_null(strstr(f->resp.body.data, "nested more than 512 deep"));
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, mcp_setup, mcp_teardown)
    const struct CMUnitTest tests[] = {
        T(says_where_it_is_in_its_first_line_as_shipped_too),
        T(takes_a_bundle_that_is_nested_deeply),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
