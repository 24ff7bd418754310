/* The request journal: order, bounds, filters, and that no token gets in. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/ids.h"
#include "base/limits.h"
#include "io/json.h"
#include "mocks/server/journal.h"

static int setup(void **state)
{
    *state = journal_new(KIB(64));
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
    char path[400];
    for (int i = 1; i <= 5000; i++) {
        (void)snprintf(path, sizeof path, "/%d/%0*d", i, i * 7 % 300 + 1, 0);
        add(j, "GET", path, "a", "?");
        struct journal_entry e;
        assert_true(journal_get(j, i, &e));
        assert_string_equal(e.path, path);
    }
    struct journal_query q = {.limit = INT32_MAX};
    CLEANUP(json_drop) json_t *all = journal_find(j, &q);
    assert_in_range(count(all), KIB(64) / 500, KIB(64) / 80);
    assert_int_equal(first(all), 5001 - (int64_t)count(all));
    assert_int_equal(json_int(all, "next", 0), 5001);
    json_t *row;
    size_t i;
    json_array_foreach(json_object_get(all, "entries"), i, row)
    {
        (void)snprintf(path, sizeof path, "/%d/", (int)json_int(row, "n", 0));
        assert_int_equal(strncmp(json_str(row, "path", ""), path, strlen(path)), 0);
    }
}

static void continues_the_numbers_of_a_journal_that_was_kept(void **state)
{
    struct journal *j = *state;
    journal_restore(j, &(struct journal_entry){.n = 41, .at_ms = 5000, .path = "/old"});
    journal_restore(j, &(struct journal_entry){.n = 43, .path = "/a gap is not taken"});
    assert_int_equal(
        journal_add(j, &(struct journal_entry){.path = "/new", .status = 200}), 42);
    journal_amend(j, 42, 503);
    journal_amend(j, 99, 500);
    struct journal_entry e;
    assert_true(journal_get(j, 42, &e));
    assert_int_equal(e.status, 503);
    assert_true(e.at_ms >= 5000);
    assert_false(journal_get(j, 40, &e));
    assert_int_equal(journal_first(j), 41);
}

static void finds_by_status_caller_and_route(void **state)
{
    struct journal *j = *state;
    const struct journal_entry rows[] = {
        {.path = "/a", .status = 404, .caller = "box:w1"},
        {.path = "/b", .status = 403, .caller = "harness", .route = "GET /workspaces"},
        {.path = "/c", .status = 200, .caller = "boxer", .route = "POST /workspaces"},
    };
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
        (void)journal_add(j, &rows[i]);
    static const struct {
        struct journal_query q;
        size_t hits;
        int64_t first;
    } wanted[] = {
        {{.status = "4xx"}, 2, 1},        {{.status = "403"}, 1, 2},
        {{.caller = "box"}, 1, 1},        {{.caller = "box:w1"}, 1, 1},
        {{.route = "/workspaces"}, 2, 2}, {{.route = "none"}, 1, 1},
        {{.route = "POST"}, 1, 3},        {{.status = "5xx"}, 0, -1},
    };
    for (size_t i = 0; i < ARRAY_SIZE(wanted); i++) {
        CLEANUP(json_drop) json_t *found = journal_find(j, &wanted[i].q);
        assert_int_equal(count(found), wanted[i].hits);
        assert_int_equal(first(found), wanted[i].first);
    }
}

static void answers_quickly_over_a_hundred_thousand_requests(void **state)
{
    (void)state;
    struct journal *j = journal_new(MIB(64));
    for (int i = 0; i < 100000; i++)
        (void)journal_add(j, &(struct journal_entry){.method = "GET",
                                                     .path = "/workspaces/some-id",
                                                     .org = i % 1000 == 0 ? "b" : "a",
                                                     .route = "GET /workspaces/:id",
                                                     .caller = "harness",
                                                     .status = 200});
    int64_t start_ms = clock_mono_ms();
    CLEANUP(json_drop)
    json_t *found = journal_find(j, &(struct journal_query){.org = "b"});
    int64_t took_ms = clock_mono_ms() - start_ms;
    int64_t kept = journal_next(j) - journal_first(j);
    journal_free(j);
    assert_int_equal(kept, 100000);
    assert_int_equal(count(found), 100);
    assert_true((double)took_ms < 100 * clock_timeout_mul());
}

static void shows_the_last_that_fit(void **state)
{
    struct journal *j = *state;
    for (int i = 0; i < 10; i++)
        add(j, i % 2 ? "GET" : "POST", "/x", "a", NULL);
    CLEANUP(json_drop)
    json_t *both = journal_find(j, &(struct journal_query){.method = "post", .last = 2});
    assert_int_equal(count(both), 2);
    assert_int_equal(first(both), 7);
    CLEANUP(json_drop)
    json_t *later = journal_find(j, &(struct journal_query){.since = 9, .last = 5});
    assert_int_equal(first(later), 9);
    CLEANUP(json_drop)
    json_t *all = journal_find(j, &(struct journal_query){.last = 99});
    assert_int_equal(count(all), 10);
}

static void refuses_a_status_that_none_can_have(void **state)
{
    (void)state;
    static const char *const good[] = {"404", "4xx", "5XX", "0"};
    static const char *const bad[] = {"abc", "40", "4x", "9xx", "4044", ""};
    for (size_t i = 0; i < ARRAY_SIZE(good); i++)
        assert_int_equal(
            journal_query_check(&(struct journal_query){.status = good[i]}, NULL), 0);
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
        assert_true(journal_query_check(&(struct journal_query){.status = bad[i]}, NULL) <
                    0);
}

static void replaces_what_looks_like_a_token(void **state)
{
    struct journal *j = *state;
    char token[44];
    id_token(token);
    CLEANUP(free_ptr) char *path = xasprintf("/files/%s/x", token);
    CLEANUP(free_ptr) char *query = xasprintf("a=%s&b=1", token);
    CLEANUP(free_ptr) char *why = xasprintf("no such '%s'", token);
    const char *uuid = "/workspaces/0b8e6a0e-6f6b-4c1c-9d1e-0a1b2c3d4e5f";
    (void)journal_add(
        j, &(struct journal_entry){
               .path = path, .query = query, .caller = token, .decision = why});
    (void)journal_add(j, &(struct journal_entry){.path = uuid});
    CLEANUP(json_drop) json_t *all = journal_find(j, &(struct journal_query){.since = 0});
    CLEANUP(free_ptr) char *text = json_text(all, JSON_WIRE);
    assert_null(strstr(text, token));
    assert_non_null(strstr(text, "\"/files/.../x\""));
    assert_non_null(strstr(text, "a=..."));
    assert_non_null(strstr(text, uuid));
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
        cmocka_unit_test_setup_teardown(continues_the_numbers_of_a_journal_that_was_kept,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(finds_by_status_caller_and_route, setup,
                                        teardown),
        cmocka_unit_test(answers_quickly_over_a_hundred_thousand_requests),
        cmocka_unit_test_setup_teardown(shows_the_last_that_fit, setup, teardown),
        cmocka_unit_test(refuses_a_status_that_none_can_have),
        cmocka_unit_test_setup_teardown(replaces_what_looks_like_a_token, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(replaces_secrets_in_queries, setup, teardown),
        cmocka_unit_test_setup_teardown(survives_text_that_is_not_utf8, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
