/* Rows, the default parent, the platform root, tokens, switches and faults. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "base/clock.h"
#include "base/ids.h"
#include "io/json.h"
#include "mocks/server/faults.h"
#include "mocks/server/state_new.h"
#include "mocks/server/switches.h"

#define ROOT_ID "7c9e6679-7425-40de-944b-e07fc1f90ae7"
#define SECOND_ID "8c9e6679-7425-40de-944b-e07fc1f90ae8"

struct fixture {
    struct platform *p;
    struct org *org;
};

static int setup(void **state)
{
    struct fixture *f = xcalloc(1, sizeof(*f));
    f->p = platform_state_new();
    f->org = org_row_add(f->p, "acme", "Acme", "owner");
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    platform_state_free(f->p);
    free(f);
    return 0;
}

/* ---- parents ---- */

static void nobody_is_the_parent_in_an_empty_organisation(void **state)
{
    struct fixture *f = *state;
    assert_string_equal(ws_default_parent(f->org), "");
}

static void the_one_parentless_row_is_the_default_parent(void **state)
{
    struct fixture *f = *state;
    const struct workspace *root = ws_add(f->org, NULL, "root", NULL);
    assert_string_equal(ws_default_parent(f->org), root->id);
}

static void two_parentless_rows_leave_the_parent_open(void **state)
{
    struct fixture *f = *state;
    (void)ws_add(f->org, NULL, "one", NULL);
    (void)ws_add(f->org, NULL, "two", NULL);
    assert_string_equal(ws_default_parent(f->org), "");
}

static void the_platform_row_is_the_default_parent_before_any_other(void **state)
{
    struct fixture *f = *state;
    (void)ws_install_platform(f->org, ROOT_ID, NULL);
    (void)ws_add(f->org, NULL, "stray", NULL);
    assert_string_equal(ws_default_parent(f->org), ROOT_ID);
}

static void two_platform_rows_leave_the_parent_open(void **state)
{
    struct fixture *f = *state;
    (void)json_object_set_new(f->p->faults, "demote", json_string("off"));
    (void)ws_install_platform(f->org, ROOT_ID, NULL);
    struct workspace *second = ws_add(f->org, SECOND_ID, "second", NULL);
    str_set(&second->kind, "platform");
    assert_string_equal(ws_default_parent(f->org), "");
}

static void a_removed_row_is_nobodys_default_parent(void **state)
{
    struct fixture *f = *state;
    struct workspace *root = ws_add(f->org, NULL, "root", NULL);
    ws_remove(root);
    assert_string_equal(ws_default_parent(f->org), "");
}

/* ---- the platform root ---- */

static void installing_the_platform_agent_takes_the_parentless_rows_in(void **state)
{
    struct fixture *f = *state;
    const struct workspace *old = ws_add(f->org, NULL, "old", NULL);
    const struct workspace *root = ws_install_platform(f->org, ROOT_ID, NULL);
    assert_string_equal(old->parent_id, ROOT_ID);
    assert_string_equal(root->parent_id, "");
    assert_string_equal(root->kind, "platform");
    assert_string_equal(root->name, "Acme Agent");
    assert_string_equal(root->status, "offline");
    assert_int_equal(root->tier, 0);
}

static void a_second_platform_agent_demotes_the_first(void **state)
{
    struct fixture *f = *state;
    const struct workspace *first = ws_install_platform(f->org, ROOT_ID, NULL);
    const struct workspace *second = ws_install_platform(f->org, SECOND_ID, "Two");
    assert_string_equal(first->kind, "workspace");
    assert_string_equal(first->parent_id, SECOND_ID);
    assert_ptr_equal(ws_platform_root(f->org), second);
}

static void installing_again_keeps_name_and_status(void **state)
{
    struct fixture *f = *state;
    struct workspace *root = ws_install_platform(f->org, ROOT_ID, "First name");
    ws_set_status(root, "online");
    assert_ptr_equal(ws_install_platform(f->org, ROOT_ID, "Other name"), root);
    assert_string_equal(root->name, "First name");
    assert_string_equal(root->status, "online");
}

/* ---- tokens ---- */

static void a_token_is_found_by_its_text_and_kept_nowhere(void **state)
{
    struct fixture *f = *state;
    char text[44];
    struct workspace *ws = ws_add(f->org, NULL, "one", NULL);
    struct token *t = token_mint(f->org, ws, TOKEN_API, NULL, text);
    assert_int_equal(strlen(text), 43);
    assert_ptr_equal(token_find(f->org, text), t);
    assert_memory_equal(t->prefix, text, 8);
    assert_null(strstr(t->hash, text));
    assert_null(token_find(f->org, "not a token"));
}

static void a_token_of_one_organisation_is_unknown_to_another(void **state)
{
    struct fixture *f = *state;
    char text[44];
    struct org *other = org_row_add(f->p, "other", "Other", "owner");
    struct workspace *ws = ws_add(f->org, NULL, "one", NULL);
    (void)token_mint(f->org, ws, TOKEN_API, NULL, text);
    assert_null(token_find(other, text));
}

static void tokens_of_a_removed_workspace_are_dead(void **state)
{
    struct fixture *f = *state;
    char text[44];
    struct workspace *ws = ws_add(f->org, NULL, "one", NULL);
    (void)token_mint(f->org, ws, TOKEN_API, NULL, text);
    ws_remove(ws);
    assert_null(token_find(f->org, text));
    assert_int_equal(token_count(ws), 0);
}

static void revoking_instance_tokens_leaves_the_api_ones(void **state)
{
    struct fixture *f = *state;
    char api[44], instance[44];
    struct workspace *ws = ws_add(f->org, NULL, "one", NULL);
    (void)token_mint(f->org, ws, TOKEN_API, NULL, api);
    assert_false(token_has_instance(ws));
    (void)token_mint(f->org, ws, TOKEN_INSTANCE, NULL, instance);
    assert_true(token_has_instance(ws));
    token_revoke_all(ws, TOKEN_INSTANCE);
    assert_false(token_has_instance(ws));
    assert_null(token_find(f->org, instance));
    assert_non_null(token_find(f->org, api));
}

static void an_org_token_outlives_its_anchor_and_not_its_expiry(void **state)
{
    struct fixture *f = *state;
    char text[44];
    struct workspace *ws = ws_add(f->org, NULL, "one", NULL);
    struct token *t = token_mint(f->org, ws, TOKEN_ORG, "ci", text);
    ws_remove(ws);
    assert_ptr_equal(token_find(f->org, text), t);
    t->expires_at = clock_wall_ms() - 1;
    assert_null(token_find(f->org, text));
}

static void the_admin_token_is_only_the_organisations_own(void **state)
{
    struct fixture *f = *state;
    const struct org *other = org_row_add(f->p, "other", "Other", "owner");
    assert_true(token_is_admin(f->org, f->org->admin_token));
    assert_false(token_is_admin(f->org, other->admin_token));
    assert_false(token_is_admin(f->org, ""));
}

/* ---- look-ups ---- */

static void a_tenant_is_found_by_its_host_name(void **state)
{
    struct fixture *f = *state;
    assert_ptr_equal(org_by_host(f->p, "acme.cp.localhost:4711"), f->org);
    assert_ptr_equal(org_by_host(f->p, "acme.CP.localhost"), f->org);
    assert_null(org_by_host(f->p, "cp.localhost"));
    assert_null(org_by_host(f->p, ".cp.localhost"));
    assert_null(org_by_host(f->p, "acme.example.com"));
}

static void a_purged_workspace_is_found_no_more(void **state)
{
    struct fixture *f = *state;
    struct workspace *ws = ws_add(f->org, NULL, "one", NULL);
    ws_remove(ws);
    assert_ptr_equal(ws_by_id(f->org, ws->id), ws);
    ws_purge(ws);
    assert_null(ws_by_id(f->org, ws->id));
}

/* ---- switches and faults ---- */

static void an_organisations_fault_wins_over_its_switch_and_the_runs(void **state)
{
    struct fixture *f = *state;
    assert_string_equal(switch_value(f->org, "cp_asset_mode"), "consume");
    (void)json_object_set_new(f->p->faults, "asset-channel", json_string("stub"));
    assert_string_equal(switch_value(f->org, "cp_asset_mode"), "drop");
    (void)json_object_set_new(f->org->switches, "cp_asset_mode", json_string("consume"));
    assert_string_equal(switch_value(f->org, "cp_asset_mode"), "consume");
    (void)json_object_set_new(f->org->faults, "asset-channel", json_string("drop"));
    assert_string_equal(switch_value(f->org, "cp_asset_mode"), "drop");
}

static void what_is_said_of_a_slug_before_it_exists_is_kept(void **state)
{
    struct fixture *f = *state;
    (void)json_object_set_new(f->p->early, "later",
                              json_make("{s:{s:s}, s:{s:s}}", "switches", "boot_install",
                                        "off", "faults", "audit", "off"));
    const struct org *later = org_row_add(f->p, "later", "Later", "owner");
    assert_true(switch_is(later, "boot_install", "off"));
    assert_true(fault_is(later, "audit", "off"));
    assert_true(switch_is(f->org, "boot_install", "on"));
}

static void every_fault_turns_only_switches_that_take_the_value(void **state)
{
    (void)state;
    for (size_t i = 0; i < fault_rows_n; i++)
        for (size_t m = 0; m < FAULT_MODES_MAX && fault_rows[i].modes[m].name; m++)
            if (fault_rows[i].modes[m].sets)
                assert_int_equal(switch_check(fault_rows[i].modes[m].sets,
                                              fault_rows[i].modes[m].value, NULL),
                                 0);
}

static void an_unknown_fault_is_refused_with_the_nearest_name(void **state)
{
    (void)state;
    const char *mode = NULL;
    struct err err = ERR_INIT;
    assert_int_equal(fault_check("asset-chanel", NULL, &mode, &err), -1);
    assert_int_equal(err.kind, ERR_USAGE);
    assert_non_null(strstr(err.text, "asset-channel"));
}

static void a_fault_without_a_mode_is_its_first_one(void **state)
{
    (void)state;
    const char *mode = NULL;
    assert_int_equal(fault_check("boot-install", NULL, &mode, NULL), 0);
    assert_string_equal(mode, "off");
    assert_int_equal(fault_check("boot-install", "sometimes", &mode, NULL), -1);
}

static void a_demanded_tool_keeps_its_name_when_the_box_renames_its_server(void **state)
{
    struct fixture *f = *state;
    (void)json_object_set_new(f->p->faults, "server-name", json_string("platform"));
    CLEANUP(free_ptr) char *id = required_tool_id(f->org);
    assert_string_equal(id, "mcp__molecule-platform__create_workspace");
}

static void the_pace_scales_seconds_and_never_reaches_zero(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(pace_ms(f->p, 30), 60);
    assert_int_equal(pace_ms(f->p, 0), 1);
}

static void slugs_are_short_and_begin_with_a_letter(void **state)
{
    (void)state;
    assert_true(org_slug_valid("e2e-a1"));
    assert_true(org_slug_valid("abcdefghijklmnopqrstuvwxyz012345"));
    assert_false(org_slug_valid("abcdefghijklmnopqrstuvwxyz0123456"));
    assert_false(org_slug_valid("ab"));
    assert_false(org_slug_valid("1abc"));
    assert_false(org_slug_valid("Abc"));
    assert_false(org_slug_valid("a_bc"));
}

#define T(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(nobody_is_the_parent_in_an_empty_organisation),
        T(the_one_parentless_row_is_the_default_parent),
        T(two_parentless_rows_leave_the_parent_open),
        T(the_platform_row_is_the_default_parent_before_any_other),
        T(two_platform_rows_leave_the_parent_open),
        T(a_removed_row_is_nobodys_default_parent),
        T(installing_the_platform_agent_takes_the_parentless_rows_in),
        T(a_second_platform_agent_demotes_the_first),
        T(installing_again_keeps_name_and_status),
        T(a_token_is_found_by_its_text_and_kept_nowhere),
        T(a_token_of_one_organisation_is_unknown_to_another),
        T(tokens_of_a_removed_workspace_are_dead),
        T(revoking_instance_tokens_leaves_the_api_ones),
        T(an_org_token_outlives_its_anchor_and_not_its_expiry),
        T(the_admin_token_is_only_the_organisations_own),
        T(a_tenant_is_found_by_its_host_name),
        T(a_purged_workspace_is_found_no_more),
        T(an_organisations_fault_wins_over_its_switch_and_the_runs),
        T(what_is_said_of_a_slug_before_it_exists_is_kept),
        T(every_fault_turns_only_switches_that_take_the_value),
        T(an_unknown_fault_is_refused_with_the_nearest_name),
        T(a_fault_without_a_mode_is_its_first_one),
        T(a_demanded_tool_keeps_its_name_when_the_box_renames_its_server),
        T(the_pace_scales_seconds_and_never_reaches_zero),
        T(slugs_are_short_and_begin_with_a_letter),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
