/* The entitlement gate: who may hold the management plugin, at which point, and what is
 * audited. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fs.h"
#include "base/log.h"
#include "io/json.h"
#include "mocks/server/state_new.h"
#include "mocks/tenant/gate.h"
#include "mocks/tenant/plugin_source.h"

#define ROOT_ID "7c9e6679-7425-40de-944b-e07fc1f90ae7"
#define PRIVILEGED "molecule-ai-plugin-molecule-platform-mcp"
#define PRIVILEGED_SOURCE "gitea://molecule-ai/" PRIVILEGED "#main"
#define ALIAS_SOURCE "gitea://molecule-ai/molecule-platform-mcp#main"

struct fixture {
    struct platform *p;
    struct org *org;
    struct workspace *root, *child, *stray;
    char dir[64];
    char reason[256];
};

static void write_fragment(const struct fixture *f, const char *text)
{
    CLEANUP(free_ptr) char *path = fs_join(f->dir, "settings-fragment.json");
    struct err err = ERR_INIT;
    assert_int_equal(fs_write(path, text, strlen(text), 0600, &err), 0);
}

static int setup(void **state)
{
    struct fixture *f = xcalloc(1, sizeof(*f));
    (void)snprintf(f->dir, sizeof(f->dir), "/tmp/waybill-gate.XXXXXX");
    if (!mkdtemp(f->dir))
        return -1;
    f->p = platform_state_new();
    f->p->dir = xstrdup(f->dir);
    f->org = org_row_add(f->p, "acme", "Acme", "owner");
    f->root = ws_install_platform(f->org, ROOT_ID, NULL);
    f->child = ws_add(f->org, NULL, "child", ROOT_ID);
    f->stray = ws_add(f->org, NULL, "stray", NULL);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    (void)!fs_rmtree(f->dir, NULL);
    platform_state_free(f->p);
    free(f);
    return 0;
}

static bool allows(struct fixture *f, struct workspace *ws, enum gate_point point)
{
    return gate_allows(ws, point, PRIVILEGED, PRIVILEGED_SOURCE, NULL, "admin",
                       f->reason);
}

/* The last audit event of the workspace, "" = none. */
static const char *last_event(const struct workspace *ws)
{
    size_t n = json_array_size(ws->audit);
    return n ? json_str(json_array_get(ws->audit, n - 1), "event_type", "") : "";
}

static const char *last_field(const struct workspace *ws, const char *name)
{
    const json_t *row = json_array_get(ws->audit, json_array_size(ws->audit) - 1);
    return json_str(json_object_get(row, "fields"), name, "");
}

/* ---- the design's gate ---- */

static void the_root_is_allowed_at_every_point_and_each_is_audited(void **state)
{
    struct fixture *f = *state;
    assert_true(allows(f, f->root, GATE_DECLARE));
    assert_string_equal(last_event(f->root), "plugin.privileged.declare.allowed");
    assert_true(allows(f, f->root, GATE_INSTALL));
    assert_string_equal(last_event(f->root), "plugin.privileged.install.allowed");
    assert_true(allows(f, f->root, GATE_RECONCILE));
    assert_string_equal(last_event(f->root), "plugin.privileged.reconcile.allowed");
    assert_true(allows(f, f->root, GATE_BOOT));
    assert_string_equal(last_event(f->root), "plugin.privileged.boot.allowed");
}

static void a_child_is_refused_at_every_point_and_each_is_audited(void **state)
{
    struct fixture *f = *state;
    assert_false(allows(f, f->child, GATE_DECLARE));
    assert_string_equal(last_event(f->child), "plugin.privileged.declare.refused");
    assert_false(allows(f, f->child, GATE_INSTALL));
    assert_string_equal(last_event(f->child), "plugin.privileged.install.refused");
    assert_false(allows(f, f->child, GATE_RECONCILE));
    assert_string_equal(last_event(f->child), "plugin.privileged.reconcile.refused");
    assert_false(allows(f, f->child, GATE_BOOT));
    assert_string_equal(last_event(f->child), "plugin.privileged.boot.refused");
    assert_string_equal(last_field(f->child, "plugin_name"), PRIVILEGED);
    assert_string_equal(last_field(f->child, "source_raw"), PRIVILEGED_SOURCE);
    assert_string_equal(last_field(f->child, "kind"), "workspace");
    assert_string_equal(last_field(f->child, "reason"), "kind is not platform");
    assert_non_null(strstr(f->reason, "restricted to the org-root platform agent"));
}

static void a_parentless_row_of_kind_workspace_is_refused(void **state)
{
    struct fixture *f = *state;
    assert_string_equal(f->stray->parent_id, "");
    assert_false(allows(f, f->stray, GATE_INSTALL));
}

static void kind_platform_below_another_row_is_refused(void **state)
{
    struct fixture *f = *state;
    str_set(&f->child->kind, "platform");
    assert_false(allows(f, f->child, GATE_INSTALL));
    assert_string_equal(last_field(f->child, "reason"), "not the organisation's root");
}

static void an_unreadable_kind_is_refused(void **state)
{
    struct fixture *f = *state;
    str_set(&f->root->kind, NULL);
    assert_false(allows(f, f->root, GATE_INSTALL));
    assert_string_equal(last_field(f->root, "reason"), "kind unreadable");
}

static void a_demoted_root_is_refused(void **state)
{
    struct fixture *f = *state;
    assert_true(allows(f, f->root, GATE_BOOT));
    (void)ws_install_platform(f->org, "8c9e6679-7425-40de-944b-e07fc1f90ae8", NULL);
    assert_false(allows(f, f->root, GATE_BOOT));
}

static void an_ordinary_plugin_passes_and_leaves_no_audit(void **state)
{
    struct fixture *f = *state;
    assert_true(gate_allows(f->child, GATE_INSTALL, "seo-all",
                            "gitea://molecule-ai/seo-all#main", NULL, "admin",
                            f->reason));
    assert_string_equal(last_event(f->child), "");
}

static void another_install_name_is_known_by_the_server_it_registers(void **state)
{
    struct fixture *f = *state;
    write_fragment(f, "{\"mcpServers\":{\"molecule-platform\":{\"command\":\"npx\"}}}");
    assert_int_equal(gate_known(f->child, "molecule-platform-mcp", ALIAS_SOURCE),
                     GATE_UNKNOWN);
    assert_false(gate_allows(f->child, GATE_INSTALL, "molecule-platform-mcp",
                             ALIAS_SOURCE, f->dir, "admin", f->reason));
    assert_int_equal(gate_known(f->child, "molecule-platform-mcp", ALIAS_SOURCE),
                     GATE_PRIVILEGED);
    assert_true(gate_allows(f->root, GATE_INSTALL, "molecule-platform-mcp", ALIAS_SOURCE,
                            f->dir, "admin", f->reason));
}

static void another_server_name_is_known_by_its_management_mode(void **state)
{
    struct fixture *f = *state;
    write_fragment(f,
                   "{\"mcpServers\":{\"harmless\":{\"command\":\"npx\",\"args\":[\"-y\","
                   "\"@molecule-ai/mcp-server@1.6.1\"],\"env\":{\"MOLECULE_MCP_MODE\":"
                   "\"Management\"}}}}");
    assert_false(gate_allows(f->child, GATE_INSTALL, "harmless", "local://harmless",
                             f->dir, "admin", f->reason));
}

static void the_same_package_in_its_workspace_mode_is_ordinary(void **state)
{
    struct fixture *f = *state;
    write_fragment(f, "{\"mcpServers\":{\"notes\":{\"command\":\"npx\",\"args\":[\"-y\","
                      "\"@molecule-ai/mcp-server\"]}}}");
    assert_true(gate_allows(f->child, GATE_INSTALL, "notes-mcp",
                            "gitea://molecule-ai/notes-mcp#main", f->dir, "admin",
                            f->reason));
}

/* ---- the shipped gate ---- */

static void the_shipped_gate_refuses_rows_and_audits_nothing(void **state)
{
    struct fixture *f = *state;
    (void)json_object_set_new(f->p->switches, "gate_mode", json_string("upstream"));
    assert_false(gate_asks_first(f->org));
    assert_false(allows(f, f->child, GATE_DECLARE));
    assert_non_null(strstr(f->reason, "recordDeclaredPlugin: refusing to declare"));
    assert_false(allows(f, f->child, GATE_INSTALL));
    assert_non_null(strstr(f->reason, "recordWorkspacePluginInstall"));
    assert_true(allows(f, f->root, GATE_INSTALL));
    assert_string_equal(last_event(f->child), "");
    assert_string_equal(last_event(f->root), "");
}

static void the_shipped_gate_is_blind_to_another_install_name(void **state)
{
    struct fixture *f = *state;
    (void)json_object_set_new(f->p->switches, "gate_mode", json_string("upstream"));
    write_fragment(f, "{\"mcpServers\":{\"molecule-platform\":{\"command\":\"npx\"}}}");
    assert_true(gate_allows(f->child, GATE_INSTALL, "molecule-platform-mcp", ALIAS_SOURCE,
                            f->dir, "admin", f->reason));
}

static void the_fault_switches_every_check_off(void **state)
{
    struct fixture *f = *state;
    (void)json_object_set_new(f->org->faults, "entitlement-gate", json_string("off"));
    assert_true(allows(f, f->child, GATE_DECLARE));
    assert_true(allows(f, f->child, GATE_INSTALL));
    assert_true(allows(f, f->child, GATE_BOOT));
    assert_false(gate_asks_first(f->org));
}

static void the_fault_audit_off_leaves_no_row(void **state)
{
    struct fixture *f = *state;
    (void)json_object_set_new(f->p->faults, "audit", json_string("off"));
    assert_false(allows(f, f->child, GATE_INSTALL));
    assert_string_equal(last_event(f->child), "");
}

/* ---- declaring ---- */

static void a_refused_declaration_leaves_no_row(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(plugin_declare(f->child, PRIVILEGED_SOURCE, "system", f->reason), 1);
    assert_int_equal(f->child->declared.n, 0);
    assert_int_equal(plugin_declare(f->root, PRIVILEGED_SOURCE, "system", f->reason), 0);
    assert_int_equal(f->root->declared.n, 1);
    assert_string_equal(f->root->declared.v[0].plugin_name, PRIVILEGED);
}

static void rows_are_sorted_by_name_and_a_later_source_wins(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(plugin_declare(f->child, "gitea://a/zeta#1", "system", f->reason),
                     0);
    assert_int_equal(plugin_declare(f->child, "gitea://a/alpha#1", "system", f->reason),
                     0);
    assert_int_equal(plugin_declare(f->child, "gitea://b/zeta#2", "system", f->reason),
                     0);
    assert_int_equal(f->child->declared.n, 2);
    assert_string_equal(f->child->declared.v[0].plugin_name, "alpha");
    assert_string_equal(f->child->declared.v[1].source_raw, "gitea://b/zeta#2");
}

/* ---- sources ---- */

static void a_source_is_taken_apart(void **state)
{
    (void)state;
    struct plugin_source s = PLUGIN_SOURCE_INIT;
    assert_int_equal(source_parse("gitea://o/r/sub/path#tag:v1", &s), SOURCE_OK);
    assert_string_equal(s.owner, "o");
    assert_string_equal(s.repo, "r");
    assert_string_equal(s.sub, "sub/path");
    assert_string_equal(s.name, "path");
    assert_string_equal(source_track(&s), "tag:v1");
    assert_true(source_pinned(&s));
    source_release(&s);
    assert_int_equal(source_parse("my-plugin", &s), SOURCE_OK);
    assert_string_equal(s.scheme, "local");
    assert_string_equal(s.name, "my-plugin");
    source_release(&s);
    assert_int_equal(source_parse("github://o/r", &s), SOURCE_OK);
    assert_false(source_pinned(&s));
    source_release(&s);
}

static void bad_sources_are_told_apart(void **state)
{
    (void)state;
    struct plugin_source s = PLUGIN_SOURCE_INIT;
    assert_int_equal(source_parse("", &s), SOURCE_BAD);
    assert_int_equal(source_parse("gitea://only-owner", &s), SOURCE_BAD);
    assert_int_equal(source_parse("gitea://o/r/../../etc#main", &s), SOURCE_BAD);
    assert_int_equal(source_parse("gitea://o/..#main", &s), SOURCE_BAD);
    assert_int_equal(source_parse("github://o/r/sub#main", &s), SOURCE_BAD);
    assert_int_equal(source_parse("ftp://o/r", &s), SOURCE_SCHEME);
    assert_int_equal(source_parse("local://../up", &s), SOURCE_NAME);
    assert_int_equal(source_parse("Upper", &s), SOURCE_NAME);
}

#define T(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
    log_init("test_gate", LOG_ERROR);
    const struct CMUnitTest tests[] = {
        T(the_root_is_allowed_at_every_point_and_each_is_audited),
        T(a_child_is_refused_at_every_point_and_each_is_audited),
        T(a_parentless_row_of_kind_workspace_is_refused),
        T(kind_platform_below_another_row_is_refused),
        T(an_unreadable_kind_is_refused),
        T(a_demoted_root_is_refused),
        T(an_ordinary_plugin_passes_and_leaves_no_audit),
        T(another_install_name_is_known_by_the_server_it_registers),
        T(another_server_name_is_known_by_its_management_mode),
        T(the_same_package_in_its_workspace_mode_is_ordinary),
        T(the_shipped_gate_refuses_rows_and_audits_nothing),
        T(the_shipped_gate_is_blind_to_another_install_name),
        T(the_fault_switches_every_check_off),
        T(the_fault_audit_off_leaves_no_row),
        T(a_refused_declaration_leaves_no_row),
        T(rows_are_sorted_by_name_and_a_later_source_wins),
        T(a_source_is_taken_apart),
        T(bad_sources_are_told_apart),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
