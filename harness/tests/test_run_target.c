/* Target files, contract profiles, the ledger and the plan: what is settled before a run
 * creates anything. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fs.h"
#include "io/json.h"
#include "run/ledger.h"
#include "run/plan.h"
#include "run/target.h"
#include "scenario/model.h"

#define TARGETS "harness/tests/targets"

static char dir[64];

static int setup(void **state)
{
    (void)state;
    (void)snprintf(dir, sizeof(dir), "/tmp/waybill-test-target-%d", (int)getpid());
    return fs_mkdirs(dir, NULL);
}

static int teardown(void **state)
{
    (void)state;
    return fs_rmtree(dir, NULL);
}

static void assert_domain(const char *cp_url, const char *want)
{
    CLEANUP(free_ptr) char *got = target_tenant_domain(cp_url);
    assert_string_equal(got, want);
}

static void derives_the_tenants_domain_from_the_control_plane(void **state)
{
    (void)state;
    assert_domain("https://api.example.test", "example.test");
    assert_domain("https://staging-api.example.test", "staging.example.test");
    assert_domain("http://cp.localhost:4711/x", "cp.localhost:4711");
    assert_domain("https://apiary.example.test", "apiary.example.test");
}

static void reads_a_target_and_makes_tenant_addresses(void **state)
{
    (void)state;
    struct target t = TARGET_INIT;
    struct err err = ERR_INIT;
    if (target_load("local", TARGETS, &t, &err) < 0)
        fail_msg("%s", err.text);
    CLEANUP(free_ptr) char *url = target_tenant_url(&t, "acme");
    assert_string_equal(url, "https://acme.example.test");
    assert_int_equal(t.kind, TARGET_REAL);
    assert_int_equal(t.patience_ms, 2000);
    assert_true(strv_has(&t.needs, "box-mcp"));
    assert_string_equal(t.prefix, "e2e-");
    target_release(&t);
}

static void lets_the_environment_move_a_target(void **state)
{
    (void)state;
    struct target t = TARGET_INIT;
    assert_int_equal(setenv("WAYBILL_TEST_CP_URL", "http://127.0.0.1:9/", 1), 0);
    assert_int_equal(setenv("WAYBILL_TEST_DOMAIN", "tenants.test", 1), 0);
    int rc = target_load("local", TARGETS, &t, NULL);
    (void)unsetenv("WAYBILL_TEST_CP_URL");
    (void)unsetenv("WAYBILL_TEST_DOMAIN");
    assert_int_equal(rc, 0);
    CLEANUP(free_ptr) char *url = target_tenant_url(&t, "acme");
    assert_string_equal(t.cp_url, "http://127.0.0.1:9");
    assert_string_equal(url, "http://acme.tenants.test");
    target_release(&t);
}

static void assert_refused(const char *name, const char *say)
{
    struct target t = TARGET_INIT;
    struct err err = ERR_INIT;
    assert_true(target_load(name, TARGETS, &t, &err) < 0);
    assert_int_equal(err.kind, ERR_CONFIG);
    if (!strstr(err.text, say))
        fail_msg("'%s' does not say '%s'", err.text, say);
}

static void refuses_a_target_without_its_token(void **state)
{
    (void)state;
    assert_refused("tokenless", "WAYBILL_TEST_NO_SUCH_VARIABLE");
}

static void names_the_nearest_key_and_target(void **state)
{
    (void)state;
    assert_refused("typo",
                   "typo.yaml:4:1: unknown key 'cp_ulr' of a target; did you mean "
                   "'cp_url'?");
    assert_refused("locale", "did you mean 'local'?");
    assert_refused("./no/such.yaml", "no such file");
}

static void joins_values_and_switches_of_a_contract(void **state)
{
    (void)state;
    CLEANUP(strv_release) struct strv switches = STRV_INIT;
    CLEANUP(json_drop) json_t *contract = NULL;
    struct err err = ERR_INIT;
    strv_add(&switches, "server_name=platform");
    if (contract_load("rfc", "mocks/contracts", &switches, &contract, &err) < 0)
        fail_msg("%s", err.text);
    assert_string_equal(json_str(contract, "name", ""), "rfc");
    assert_string_equal(json_str(contract, "mcp_server", ""), "platform");
    assert_string_equal(json_str(contract, "required_tool_id", ""),
                        "mcp__platform__create_workspace");
    assert_string_equal(json_str(contract, "delivery", ""), "plugin");
    assert_non_null(json_str(contract, "privileged_plugin", NULL));
}

static void refuses_an_unknown_switch_and_profile(void **state)
{
    (void)state;
    CLEANUP(strv_release) struct strv switches = STRV_INIT;
    json_t *contract = NULL;
    struct err err = ERR_INIT;
    strv_add(&switches, "delivry=asset");
    assert_true(contract_load("rfc", "mocks/contracts", &switches, &contract, &err) < 0);
    assert_non_null(strstr(err.text, "did you mean 'delivery'?"));
    err_clear(&err);
    assert_true(contract_load("rfq", "mocks/contracts", NULL, &contract, &err) < 0);
    assert_int_equal(err.kind, ERR_CONFIG);
}

static void note(struct ledger *l, const char *id, const char *state)
{
    assert_int_equal(ledger_note(l, "s", "org", id, state, NULL), 0);
}

static void lists_what_the_ledger_says_is_left(void **state)
{
    (void)state;
    struct ledger l = LEDGER_INIT;
    CLEANUP(free_ptr) char *path = fs_join(dir, "sub/x.ledger.jsonl");
    CLEANUP(json_drop) json_t *pending = NULL;
    assert_int_equal(ledger_pending(path, &pending, NULL), 0);
    assert_int_equal(json_array_size(pending), 0);
    json_drop(&pending);
    assert_int_equal(ledger_open(path, "run1", "http://cp", &l, NULL), 0);
    note(&l, "gone", "creating");
    note(&l, "half", "creating");
    note(&l, "gone", "created");
    note(&l, "gone", "removed");
    note(&l, "stuck", "leaked");
    /* A crash in the middle of a line costs that line only. */
    assert_int_equal(write(l.fd, "{\"id\":\"ha", 9), 9);
    ledger_close(&l);
    assert_int_equal(ledger_pending(path, &pending, NULL), 0);
    assert_int_equal(json_array_size(pending), 2);
    assert_string_equal(json_str(json_array_get(pending, 0), "id", ""), "half");
    assert_string_equal(json_str(json_array_get(pending, 0), "cp_url", ""), "http://cp");
    assert_string_equal(json_str(json_array_get(pending, 1), "id", ""), "stuck");
}

static void assert_tags(const char *tags, size_t want)
{
    struct scenario a = {.tags = STRV_INIT}, b = {.tags = STRV_INIT};
    struct scenario *list[] = {&a, &b};
    size_t n = 2;
    strv_add(&a.tags, "gate");
    strv_add(&b.tags, "gate");
    strv_add(&b.tags, "slow");
    int rc = plan_filter_tags(list, &n, tags, NULL);
    strv_release(&a.tags);
    strv_release(&b.tags);
    assert_int_equal(rc, 0);
    assert_int_equal(n, want);
}

static void keeps_scenarios_by_tag(void **state)
{
    (void)state;
    size_t n = 0;
    assert_tags(NULL, 2);
    assert_tags("gate", 2);
    assert_tags("gate,!slow", 1);
    assert_tags("!slow", 1);
    assert_tags("smoke,slow", 1);
    assert_tags("smoke", 0);
    assert_true(plan_filter_tags(NULL, &n, "no good", NULL) < 0);
}

static void splits_a_list_into_shares_that_cover_it(void **state)
{
    (void)state;
    struct scenario s[5];
    size_t total = 0;
    for (size_t share = 0; share < 2; share++) {
        struct scenario *list[] = {&s[0], &s[1], &s[2], &s[3], &s[4]};
        size_t n = 5;
        plan_filter_shard(list, &n, share, 2);
        assert_ptr_equal(list[0], &s[share]);
        total += n;
    }
    assert_int_equal(total, 5);
}

#define EACH(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        EACH(derives_the_tenants_domain_from_the_control_plane),
        EACH(reads_a_target_and_makes_tenant_addresses),
        EACH(lets_the_environment_move_a_target),
        EACH(refuses_a_target_without_its_token),
        EACH(names_the_nearest_key_and_target),
        EACH(joins_values_and_switches_of_a_contract),
        EACH(refuses_an_unknown_switch_and_profile),
        EACH(lists_what_the_ledger_says_is_left),
        EACH(keeps_scenarios_by_tag),
        EACH(splits_a_list_into_shares_that_cover_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
