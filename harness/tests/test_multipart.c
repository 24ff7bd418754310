/* multipart/form-data, as browsers and curl send it and as nobody should. */
#include "io/multipart.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#define TYPE "multipart/form-data; boundary=XX"

static int parse(const char *type, const char *body, struct multipart *m)
{
    return multipart_parse(type, body, strlen(body), m, NULL);
}

static void reads_fields_and_files(void **state)
{
    struct multipart m = MULTIPART_INIT;
    (void)state;
    assert_int_equal(
        parse("Multipart/Form-Data; boundary=\"XX\"",
              "--XX\r\nContent-Disposition: form-data; name=\"note\"\r\n\r\n"
              "hello\r\n--XX\r\ncontent-disposition: form-data; "
              "name=\"files\"; filename=\"C:\\dir\\a.txt\"\r\nContent-Type: "
              "text/plain\r\n\r\nline 1\r\n--X no boundary\r\n\r\n--XX--\r\n",
              &m),
        0);
    assert_int_equal(m.n, 2);
    assert_string_equal(m.v[0].name, "note");
    assert_null(m.v[0].filename);
    assert_memory_equal(m.v[0].data, "hello", 5);
    assert_int_equal(m.v[0].len, 5);
    assert_string_equal(m.v[1].name, "files");
    assert_string_equal(m.v[1].filename, "a.txt");
    assert_string_equal(m.v[1].type, "text/plain");
    assert_int_equal(m.v[1].len, strlen("line 1\r\n--X no boundary\r\n"));
    multipart_release(&m);
}

static void reads_an_empty_form_and_an_empty_file(void **state)
{
    struct multipart m = MULTIPART_INIT;
    (void)state;
    assert_int_equal(parse(TYPE, "--XX--\r\n", &m), 0);
    assert_int_equal(m.n, 0);
    assert_int_equal(parse(TYPE,
                           "--XX\r\nContent-Disposition: form-data; name=\"files\"; "
                           "filename=\"../../e\"\r\n\r\n\r\n--XX--",
                           &m),
                     0);
    assert_int_equal(m.v[0].len, 0);
    assert_string_equal(m.v[0].filename, "e");
    multipart_release(&m);
}

static void refuses_what_is_no_form(void **state)
{
    static const char *const bad[][2] = {
        {NULL, "--XX--"},
        {"application/json", "--XX--"},
        {"multipart/form-data", "--XX--"},
        {TYPE, ""},
        {TYPE, "XX"},
        {TYPE, "--XX"},
        {TYPE, "--XX\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\nno end"},
        {TYPE, "--XX\r\nno headers\r\n--XX--"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
        struct multipart m = MULTIPART_INIT;
        if (parse(bad[i][0], bad[i][1], &m) == 0)
            fail_msg("%zu was taken: %s", i, bad[i][1]);
        assert_int_equal(m.n, 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_fields_and_files),
        cmocka_unit_test(reads_an_empty_form_and_an_empty_file),
        cmocka_unit_test(refuses_what_is_no_form),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
