/* The request journal: order, bounds, filters, and that no token gets in. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "base/cleanup.h"
#include "base/limits.h"
#include "io/json.h"
#include "mocks/server/journal.h"

static int setup(void **state)
{
    *state = journal_new();
    return 0;
}

static int teardown(void **state)
{
    journal_free(*state);
    return 0;
}

static void add(struct journal *j, const char *method, const char *path, const char *org,
                const char *caller)
{
    (void)journal_add(
        j,
        &(struct journal_entry){
            .method = method, .path = path, .org = org, .caller = caller, .status = 200});
}

static size_t count(const json_t *answer)
{
    return json_array_size(json_object_get(answer, "entries"));
}

static int64_t first(const json_t *answer)
{
    return json_int(json_array_get(json_object_get(answer, "entries"), 0), "n", -1);
}

static void keeps_what_happened_in_order(void **state)
{
    struct journal *j = *state;
    const struct journal_entry e = {.method = "GET",
                                    .host = "a.cp.localhost:1",
                                    .path = "/workspaces/w1",
                                    .query = "root=/configs",
                                    .org = "a",
                                    .route = "GET /workspaces/:id",
                                    .auth = "admin",
                                    .caller = "harness",
                                    .status = 200,
                                    .duration_ms = 3};
    assert_int_equal(journal_add(j, &e), 1);
    assert_int_equal(journal_add(j, &e), 2);
    CLEANUP(json_drop)
    json_t *all = journal_find(j, &(struct journal_query){.org = NULL});
    const json_t *row = json_array_get(json_object_get(all, "entries"), 1);
    assert_int_equal(json_int(row, "n", 0), 2);
    assert_string_equal(json_str(row, "host", ""), "a.cp.localhost:1");
    assert_string_equal(json_str(row, "query", ""), "root=/configs");
    assert_string_equal(json_str(row, "route", ""), "GET /workspaces/:id");
    assert_string_equal(json_str(row, "auth", ""), "admin");
    assert_int_equal(json_int(row, "duration_ms", 0), 3);
    assert_true(json_is_null(json_object_get(row, "fault")));
    assert_int_equal(json_int(all, "next", 0), 3);
}

static void finds_by_each_filter(void **state)
{
    struct journal *j = *state;
    add(j, "GET", "/workspaces/w1", "a", "harness");
    add(j, "POST", "/registry/heartbeat", "a", "box:w1");
    add(j, "GET", "/workspaces", "b", "harness");
    static const struct {
        struct journal_query q;
        size_t hits;
        int64_t first;
    } rows[] = {
        {{.org = "a"}, 2, 1},
        {{.org = "none"}, 0, -1},
        {{.method = "POST"}, 1, 2},
        {{.path = "/workspaces"}, 2, 1},
        {{.workspace = "w1"}, 2, 1},
        {{.since = 3}, 1, 3},
        {{.workspace = "w1", .method = "POST"}, 1, 2},
    };
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        CLEANUP(json_drop) json_t *found = journal_find(j, &rows[i].q);
        assert_int_equal(count(found), rows[i].hits);
        assert_int_equal(first(found), rows[i].first);
    }
}

static void continues_where_a_page_ended(void **state)
{
    struct journal *j = *state;
    for (int i = 0; i < 5; i++)
        add(j, i % 2 == 0 ? "GET" : "PUT", "/x", "a", "?");
    struct journal_query q = {.method = "GET", .limit = 2};
    CLEANUP(json_drop) json_t *page = journal_find(j, &q);
    assert_int_equal(count(page), 2);
    assert_int_equal(json_int(page, "next", 0), 5);
    q.since = 5;
    CLEANUP(json_drop) json_t *rest = journal_find(j, &q);
    assert_int_equal(count(rest), 1);
    assert_int_equal(json_int(rest, "next", 0), 6);
}

static void forgets_the_oldest_when_it_is_full(void **state)
{
    struct journal *j = *state;
    for (int i = 0; i < LIMIT_JOURNAL_ENTRIES + 10; i++)
        add(j, "GET", "/x", "a", "?");
    struct journal_query q = {.limit = INT32_MAX};
    CLEANUP(json_drop) json_t *all = journal_find(j, &q);
    assert_int_equal(count(all), LIMIT_JOURNAL_ENTRIES);
    assert_int_equal(first(all), 11);
    assert_int_equal(json_int(all, "next", 0), LIMIT_JOURNAL_ENTRIES + 11);
}

static void replaces_secrets_in_queries(void **state)
{
    struct journal *j = *state;
    (void)journal_add(
        j, &(struct journal_entry){
               .path = "/x", .query = "a=1&api_Key=canary&token=canary&x&Secret=canary"});
    CLEANUP(json_drop) json_t *all = journal_find(j, &(struct journal_query){.since = 0});
    const json_t *row = json_array_get(json_object_get(all, "entries"), 0);
    assert_string_equal(json_str(row, "query", ""),
                        "a=1&api_Key=...&token=...&x&Secret=...");
}

static void survives_text_that_is_not_utf8(void **state)
{
    struct journal *j = *state;
    add(j, "GET", "/\xff\xfe", NULL, NULL);
    CLEANUP(json_drop) json_t *all = journal_find(j, &(struct journal_query){.since = 0});
    assert_int_equal(count(all), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(keeps_what_happened_in_order, setup, teardown),
        cmocka_unit_test_setup_teardown(finds_by_each_filter, setup, teardown),
        cmocka_unit_test_setup_teardown(continues_where_a_page_ended, setup, teardown),
        cmocka_unit_test_setup_teardown(forgets_the_oldest_when_it_is_full, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(replaces_secrets_in_queries, setup, teardown),
        cmocka_unit_test_setup_teardown(survives_text_that_is_not_utf8, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
