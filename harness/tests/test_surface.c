#include "scenario/surface.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "io/json.h"

struct fixture {
    json_t *before, *after;
    struct buf out;
};

static int setup(void **state)
{
    struct fixture *x = xcalloc(1, sizeof(*x));
    buf_init(&x->out, 65536);
    *state = x;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *x = *state;
    json_decref(x->before);
    json_decref(x->after);
    buf_release(&x->out);
    free(x);
    return 0;
}

static json_t *surface(const char *tools)
{
    json_t *list = json_loads(tools, 0, NULL);
    json_t *made = surface_make(list);
    json_decref(list);
    return made;
}

static void compares(struct fixture *x, const char *before, const char *after,
                     const char *diff)
{
    x->before = surface(before);
    x->after = surface(after);
    size_t n = surface_diff(x->before, x->after, &x->out);
    assert_string_equal(x->out.data, diff);
    assert_int_equal(n != 0, *diff != 0);
}

static void does_not_depend_on_the_order_of_the_server(void **state)
{
    compares(*state,
             "[{\"name\":\"b\",\"inputSchema\":{}},{\"name\":\"a\",\"inputSchema\":{}}]",
             "[{\"inputSchema\":{},\"name\":\"a\"},{\"inputSchema\":{},\"name\":\"b\"}]",
             "");
}

static void ignores_what_is_no_surface(void **state)
{
    compares(*state, "[{\"name\":\"a\",\"_meta\":{\"x\":1}}]", "[{\"name\":\"a\"}]", "");
}

static void names_tools_that_came_and_went(void **state)
{
    compares(*state, "[{\"name\":\"a\"},{\"name\":\"c\"}]",
             "[{\"name\":\"a\"},{\"name\":\"b\"},{\"name\":\"d\"}]",
             "+ tool 'b'\n- tool 'c'\n+ tool 'd'\n");
}

static void says_where_a_schema_changed(void **state)
{
    compares(*state,
             "[{\"name\":\"a\",\"description\":\"x\",\"inputSchema\":{\"properties\":{"
             "\"n\":{\"type\":\"string\"},\"gone\":{}}}}]",
             "[{\"name\":\"a\",\"description\":\"y\",\"inputSchema\":{\"properties\":{"
             "\"n\":{\"type\":\"integer\"}},\"required\":[\"n\"]}}]",
             "~ tool 'a': description: \"x\" is now \"y\"\n"
             "~ tool 'a': inputSchema.properties.n.type: \"string\" is now \"integer\"\n"
             "~ tool 'a': inputSchema.properties.gone: {} is now nothing\n"
             "~ tool 'a': inputSchema.required: nothing is now [\"n\"]\n");
}

static void renders_the_same_text_for_the_same_tools(void **state)
{
    struct fixture *x = *state;
    struct buf other = BUF_INIT(65536);
    x->before = surface("[{\"name\":\"b\",\"inputSchema\":{\"z\":1,\"a\":2}},"
                        "{\"name\":\"a\"}]");
    x->after = surface("[{\"name\":\"a\"},"
                       "{\"inputSchema\":{\"a\":2,\"z\":1},\"name\":\"b\"}]");
    surface_render(x->before, &x->out);
    surface_render(x->after, &other);
    bool same = strcmp(x->out.data, other.data) == 0;
    buf_release(&other);
    assert_true(same);
}

static void says_differences_as_data(void **state)
{
    struct fixture *x = *state;
    x->before = surface("[{\"name\":\"a\",\"title\":null},{\"name\":\"b\"}]");
    x->after = surface("[{\"name\":\"a\",\"title\":\"A\",\"annotations\":{}},"
                       "{\"name\":\"c\"}]");
    json_t *list = surface_differences(x->before, x->after);
    json_render(list, JSON_WIRE, &x->out);
    json_decref(list);
    assert_string_equal(
        x->out.data,
        "[{\"after\":\"A\",\"before\":null,\"change\":\"changed\",\"path\":\"title\","
        "\"tool\":\"a\"},"
        "{\"after\":{},\"change\":\"changed\",\"path\":\"annotations\",\"tool\":\"a\"},"
        "{\"change\":\"removed\",\"tool\":\"b\"},"
        "{\"change\":\"added\",\"tool\":\"c\"}]");
}

static void a_file_that_is_no_surface_is_a_mistake_of_configuration(void **state)
{
    static const char *const texts[] = {NULL, "{bad", "[]", "{\"waybill\":\"tools\"}"};
    struct fixture *x = *state;
    for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
        char path[] = "/tmp/waybill-surface-XXXXXX";
        int fd = mkstemp(path);
        assert_true(fd >= 0);
        bool written = !texts[i] || write(fd, texts[i], strlen(texts[i])) > 0;
        close(fd);
        if (!texts[i])
            unlink(path);
        struct err err = ERR_INIT;
        int rc = surface_read(path, &x->before, &err);
        unlink(path);
        assert_true(written);
        assert_int_equal(rc, -1);
        assert_int_equal(err.kind, ERR_CONFIG);
        assert_non_null(strstr(err.text, path));
    }
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(does_not_depend_on_the_order_of_the_server),
        T(ignores_what_is_no_surface),
        T(names_tools_that_came_and_went),
        T(says_where_a_schema_changed),
        T(renders_the_same_text_for_the_same_tools),
        T(says_differences_as_data),
        T(a_file_that_is_no_surface_is_a_mistake_of_configuration),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
