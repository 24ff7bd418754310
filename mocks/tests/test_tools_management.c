/* Every tool of the management server against the platform: what the platform was asked,
 * that its answer is the tool's, and that it did what was asked. */
#include "mocks/tests/tools_fixture.h"

/* With every credential. */
static int server_up(void **state)
{
    static const char *const all[] = {"MOLECULE_ORG_API_KEY=$A",  "MOLECULE_API_KEY=$A",
                                      "MOLECULE_ORG_SLUG=acme",   "MOLECULE_CP_URL=$P",
                                      "GITEA_TOKEN=$F",           "CP_ADMIN_API_TOKEN=$K",
                                      "GITEA_API_URL=$G/api/v1/", NULL};
    (void)state;
    start_server("management", all);
    return 0;
}

/* ---- the tools ---- */

static void makes_and_runs_workspaces(void **state)
{
    static const struct step steps[] = {
        {"provision_workspace",
         "{\"name\":\"Made\",\"role\":\"r\",\"runtime\":\"claude-code\",\"tier\":2,"
         "\"template\":\"claude-code-default\",\"parent_id\":\"$C\","
         "\"model\":\"moonshot/kimi-k2.6\"}",
         "POST /workspaces 201", "{\"id\":\"*\",\"status\":\"provisioning\"}",
         "/workspaces", "[{\"name\":\"Made\",\"role\":\"r\",\"parent_id\":\"$C\"}]",
         "$Wid"},
        {"list_workspaces", "{}", "GET /workspaces 200",
         "[{\"id\":\"$W\",\"name\":\"Made\"},{\"id\":\"$C\",\"kind\":\"platform\"}]",
         NULL, NULL, NULL},
        {"get_workspace", "{\"workspace_id\":\"$E\"}", "GET /workspaces/$E 200",
         "{\"id\":\"$E\",\"name\":\"Elsewhere\"}", NULL, NULL, NULL},
        {"restart_workspace", "{\"workspace_id\":\"$W\"}",
         "POST /workspaces/$W/restart 200", "{\"status\":\"*\"}", NULL, NULL, NULL},
        {"pause_workspace", "{\"workspace_id\":\"$W\"}",
         "POST /workspaces/$W/pause?cascade=true 200", "{\"status\":\"paused\"}",
         "/workspaces/$W", "{\"status\":\"paused\"}", NULL},
        {"resume_workspace", "{\"workspace_id\":\"$W\"}",
         "POST /workspaces/$W/resume?cascade=true 200", "{\"status\":\"*\"}", NULL, NULL,
         NULL},
        {"deprovision_workspace", "{\"workspace_id\":\"$W\",\"confirm_name\":\"Made\"}",
         "DELETE /workspaces/$W 200", "{\"status\":\"*\"}", "/workspaces/$W",
         "{\"error\":\"workspace removed\"}", NULL},
    };
    (void)state;
    TAKE_STEPS(steps);
}

static void keeps_secrets(void **state)
{
    static const struct step steps[] = {
        {"set_workspace_secret",
         "{\"workspace_id\":\"$E\",\"key\":\"PLAIN\",\"value\":\"v\"}",
         "POST /workspaces/$E/secrets 200", "{\"key\":\"PLAIN\",\"status\":\"saved\"}",
         "/workspaces/$E/secrets",
         "[{\"key\":\"PLAIN\",\"scope\":\"workspace\",\"has_value\":true}]", NULL},
        {"list_workspace_secrets", "{\"workspace_id\":\"$E\"}",
         "GET /workspaces/$E/secrets 200", "[{\"key\":\"PLAIN\"}]",
         "/workspaces/$E/secrets", NULL, NULL},
        {"delete_workspace_secret", "{\"workspace_id\":\"$E\",\"key\":\"PLAIN\"}",
         "DELETE /workspaces/$E/secrets/PLAIN 200",
         "{\"key\":\"PLAIN\",\"status\":\"deleted\"}", "/workspaces/$E/secrets", "[]",
         NULL},
        {"set_org_secret", "{\"key\":\"WIDE\",\"value\":\"v\"}",
         "POST /settings/secrets 200", "{\"key\":\"WIDE\",\"scope\":\"global\"}",
         "/settings/secrets", "[{\"key\":\"WIDE\"}]", NULL},
        {"list_org_secrets", "{}", "GET /settings/secrets 200", "[{\"key\":\"WIDE\"}]",
         "/settings/secrets", NULL, NULL},
        {"delete_org_secret", "{\"key\":\"WIDE\"}", "DELETE /settings/secrets/WIDE 200",
         "{\"key\":\"WIDE\",\"status\":\"deleted\"}", "/settings/secrets", "[]", NULL},
    };
    (void)state;
    TAKE_STEPS(steps);
}

static void limits_what_is_spent(void **state)
{
    static const struct step steps[] = {
        {"set_workspace_budget",
         "{\"workspace_id\":\"$E\",\"budget_limits\":{\"daily\":500,\"hourly\":null}}",
         "PATCH /workspaces/$E/budget 200",
         "{\"periods\":{\"daily\":{\"limit\":500},\"hourly\":{\"limit\":null}}}",
         "/workspaces/$E/budget", NULL, NULL},
        {"set_workspace_budget", "{\"workspace_id\":\"$E\",\"budget_limit\":700}",
         "PATCH /workspaces/$E/budget 200", "{\"budget_limit\":700}",
         "/workspaces/$E/budget", NULL, NULL},
        {"set_llm_billing_mode", "{\"workspace_id\":\"$E\",\"mode\":\"byok\"}",
         "PUT /admin/workspaces/$E/llm-billing-mode 200",
         "{\"workspace_override\":\"byok\"}", "/admin/workspaces/$E/llm-billing-mode",
         NULL, NULL},
        {"set_llm_billing_mode", "{\"workspace_id\":\"$E\",\"mode\":null}",
         "PUT /admin/workspaces/$E/llm-billing-mode 200", "{\"workspace_override\":null}",
         "/admin/workspaces/$E/llm-billing-mode", NULL, NULL},
    };
    (void)state;
    TAKE_STEPS(steps);
}

static void makes_workspaces_from_templates_and_bundles(void **state)
{
    static const struct step steps[] = {
        {"list_org_templates", "{}", "GET /org/templates 200",
         "[{\"dir\":\"small-shop\"}]", "/org/templates", NULL, NULL},
        {"create_org_from_template", "{\"dir\":\"small-shop\",\"mode\":\"merge\"}",
         "POST /org/import 201", "{\"count\":\"*\",\"workspaces\":\"*\"}", NULL, NULL,
         NULL},
        {"create_org_from_template",
         "{\"template\":{\"name\":\"t\",\"workspaces\":[{\"name\":\"Inline\","
         "\"model\":\"moonshot/kimi-k2.6\",\"tier\":1}]}}",
         "POST /org/import 201", "{\"count\":1}", "/workspaces",
         "[{\"name\":\"Inline\"}]", NULL},
        {"list_templates", "{}", "GET /templates 200", "[{\"id\":\"*\"}]", "/templates",
         NULL, NULL},
        {"import_template",
         "{\"name\":\"mine\",\"files\":{\"config.yaml\":\"name: mine\\n\"}}",
         "POST /templates/import 201", "{\"name\":\"mine\",\"status\":\"imported\"}",
         "/templates", "[{\"id\":\"mine\"}]", NULL},
        {"export_bundle", "{\"workspace_id\":\"$E\"}", "GET /bundles/export/$E 200",
         "{\"id\":\"$E\",\"name\":\"Elsewhere\"}", "/bundles/export/$E", NULL, NULL},
        {"import_bundle", "{\"bundle\":{\"name\":\"Unpacked\",\"tier\":1}}",
         "POST /bundles/import 201", "{\"name\":\"Unpacked\",\"workspace_id\":\"*\"}",
         "/workspaces", "[{\"name\":\"Unpacked\"}]", NULL},
    };
    (void)state;
    TAKE_STEPS(steps);
}

static void mints_and_revokes_tokens(void **state)
{
    static const struct step steps[] = {
        {"mint_org_token", "{\"name\":\"second\"}", "POST /org/tokens 200",
         "{\"name\":\"second\",\"auth_token\":\"*\"}", "/org/tokens",
         "{\"tokens\":[{\"name\":\"second\"}]}", "$Tid"},
        {"list_org_tokens", "{}", "GET /org/tokens 200", "{\"tokens\":[{\"id\":\"$T\"}]}",
         "/org/tokens", NULL, NULL},
        {"revoke_org_token", "{\"id\":\"$T\"}", "DELETE /org/tokens/$T 200",
         "{\"revoked\":\"$T\"}", "/org/tokens", "{\"count\":0}", NULL},
        {"mint_workspace_token", "{\"workspace_id\":\"$E\"}",
         "POST /admin/workspaces/$E/tokens 201",
         "{\"workspace_id\":\"$E\",\"auth_token\":\"*\"}", "/workspaces/$E/tokens",
         "{\"tokens\":[{\"id\":\"*\"},{\"id\":\"*\"}]}", NULL},
    };
    (void)state;
    TAKE_STEPS(steps);
}

static void keeps_the_list_of_allowed_plugins(void **state)
{
    static const struct step steps[] = {
        {"set_org_plugin_allowlist",
         "{\"org_id\":\"$C\",\"plugins\":[\"seo-all\"],\"enabled_by\":\"me\"}",
         "PUT /orgs/$C/plugins/allowlist 200",
         "{\"org_id\":\"$C\",\"plugins\":[\"seo-all\"]}", "/orgs/$C/plugins/allowlist",
         "{\"plugins\":[{\"plugin_name\":\"seo-all\",\"enabled_by\":\"me\"}]}", NULL},
        {"get_org_plugin_allowlist", "{\"org_id\":\"$C\"}",
         "GET /orgs/$C/plugins/allowlist 200",
         "{\"plugins\":[{\"plugin_name\":\"seo-all\"}]}", "/orgs/$C/plugins/allowlist",
         NULL, NULL},
        {"set_org_plugin_allowlist",
         "{\"org_id\":\"$C\",\"plugins\":[],\"enabled_by\":\"me\"}",
         "PUT /orgs/$C/plugins/allowlist 200", "{\"allow_all\":true}", NULL, NULL, NULL},
    };
    /* The organisation of the environment is the control plane's: no workspace. */
    static const struct step other[] = {
        {"get_org_plugin_allowlist", "{}", "GET /orgs/$O/plugins/allowlist 404",
         "{\"error\":\"HTTP 404\",\"status\":404}", NULL, NULL, NULL},
    };
    static const struct step nowhere[] = {
        {"get_org_plugin_allowlist", "{}", "",
         "{\"error\":\"INVALID_ARGUMENTS\","
         "\"detail\":\"org_id is required (or set MOLECULE_ORG_ID)\"}",
         NULL, NULL, NULL},
    };
    static const char *const slug_only[] = {
        "MOLECULE_ORG_API_KEY=$A", "MOLECULE_ORG_SLUG=acme", "MOLECULE_ORG_ID=", NULL};
    (void)state;
    TAKE_STEPS(steps);
    REFUSE_STEPS(other);
    start_server("management", slug_only);
    REFUSE_STEPS(nowhere);
}

static void gate_approvals(const char *value)
{
    char *body CLEANUP(free_ptr) = xasprintf(
        "{\"name\":\"approvals_gate\",\"value\":\"%s\",\"org\":\"acme\"}", value);
    assert_int_equal(ask_at(fx.mock_url, NULL, "PUT", "/_mock/switches", body), 200);
}

static int gate_down(void **state)
{
    gate_approvals("off");
    return server_down(state);
}

/* 202 is no error: what it says has to be read. */
static void is_told_to_wait_for_an_approval(void **state)
{
    static const struct step mint[] = {
        {"mint_org_token", "{\"name\":\"gated\"}", "POST /org/tokens 202",
         "{\"status\":\"pending_approval\",\"reason\":\"mint org token gated\"}",
         "/approvals/pending", "[{\"reason\":\"mint org token gated\"}]",
         "$Rapproval_id"},
        {"list_pending_approvals", "{}", "GET /approvals/pending 200",
         "[{\"id\":\"$R\"}]", "/approvals/pending", NULL, NULL},
    };
    static const struct step again[] = {
        {"mint_org_token", "{\"name\":\"gated\"}", "POST /org/tokens 200",
         "{\"name\":\"gated\",\"auth_token\":\"*\"}", NULL, NULL, NULL},
    };
    static const char *const org_token[] = {"MOLECULE_ORG_API_KEY=$M", NULL};
    (void)state;
    call_tool("mint_org_token", "{\"name\":\"anchored\"}");
    set_var("$M", json_str(m.value, "auth_token", ""));
    gate_approvals("on");
    start_server("management", org_token);
    TAKE_STEPS(mint);
    char *path CLEANUP(free_ptr) = filled("/workspaces/$C/approvals/$R/decide");
    assert_int_equal(ask("POST", path, "{\"decision\":\"approved\"}"), 200);
    TAKE_STEPS(again);
}

static void tells_what_happened_and_what_waits(void **state)
{
    static const struct step steps[] = {
        {"list_org_events", "{}", "GET /events 200", "[{\"event_type\":\"*\"}]", NULL,
         NULL, NULL},
        {"list_org_events", "{\"workspace_id\":\"$C\"}", "GET /events/$C 200",
         "[{\"workspace_id\":\"$C\"}]", "/events/$C", "[{\"workspace_id\":\"$C\"}]",
         NULL},
        {"list_pending_approvals", "{}", "GET /approvals/pending 200", "[]",
         "/approvals/pending", NULL, NULL},
        {"create_approval",
         "{\"workspace_id\":\"$E\",\"action\":\"delete it\",\"reason\":\"old\"}",
         "POST /workspaces/$E/requests 201", "{\"status\":\"pending\"}",
         "/workspaces/$E/requests",
         "[{\"kind\":\"approval\",\"recipient_type\":\"user\",\"recipient_id\":\"\","
         "\"title\":\"delete it\",\"detail\":\"old\"}]",
         NULL},
    };
    (void)state;
    TAKE_STEPS(steps);
}

static void asks_the_control_plane(void **state)
{
    static const struct step steps[] = {
        {"list_orgs", "{}", "GET /api/v1/admin/orgs 200", "\"*\"", NULL, NULL, NULL},
        {"get_org", "{\"slug\":\"acme\"}", "GET /api/v1/orgs/acme 200",
         "{\"slug\":\"acme\",\"id\":\"$O\"}", NULL, NULL, NULL},
    };
    static const struct step redeployed[] = {
        {"recreate_workspace",
         "{\"workspace_id\":\"$E\",\"reason\":\"r\",\"dry_run\":true}",
         "GET /workspaces/$E 200\n"
         "POST /api/v1/admin/tenants/acme/workspaces/redeploy 200",
         "{\"ok\":true,\"slug\":\"acme\",\"runtime\":\"external\",\"result\":{\"n\":1}}",
         NULL, NULL, NULL},
        {"recreate_workspace", "{\"slug\":\"other\",\"all_runtimes\":true}",
         "POST /api/v1/admin/tenants/other/workspaces/redeploy 200",
         "{\"ok\":true,\"slug\":\"other\",\"runtime\":\"\"}", NULL, NULL, NULL},
    };
    (void)state;
    TAKE_STEPS(steps);
    assert_int_equal(
        ask_at(fx.mock_url, NULL, "PUT", "/_mock/faults",
               "{\"name\":\"answer\",\"mode\":\"POST "
               "/api/v1/admin/tenants/:slug/workspaces/redeploy 200 {\\\"n\\\":1}\"}"),
        200);
    TAKE_STEPS(redeployed);
    assert_int_equal(
        ask_at(fx.mock_url, NULL, "DELETE", "/_mock/faults?name=answer", NULL), 200);
}

static void recreates_no_more_than_it_was_asked_for(void **state)
{
    static const struct step steps[] = {
        {"recreate_workspace", "{}", "", "{\"error\":\"SCOPE_REQUIRED\"}", NULL, NULL,
         NULL},
        {"recreate_workspace",
         "{\"workspace_id\":\"00000000-0000-4000-8000-000000000000\"}",
         "GET /workspaces/00000000-0000-4000-8000-000000000000 404",
         "{\"error\":\"RUNTIME_UNRESOLVED\"}", NULL, NULL, NULL},
        {"recreate_workspace", "{\"runtime\":\"hermes\"}",
         "POST /api/v1/admin/tenants/acme/workspaces/redeploy 501",
         "{\"error\":\"REDEPLOY_FAILED\",\"status\":501}", NULL, NULL, NULL},
    };
    static const struct step nowhere[] = {
        {"recreate_workspace", "{\"runtime\":\"hermes\"}", "",
         "{\"error\":\"INVALID_ARGUMENTS\"}", NULL, NULL, NULL},
    };
    static const char *const no_slug[] = {"MOLECULE_ORG_API_KEY=$A",
                                          "CP_ADMIN_API_TOKEN=$K", NULL};
    (void)state;
    REFUSE_STEPS(steps);
    start_server("management", no_slug);
    REFUSE_STEPS(nowhere);
}

#define REPO "molecule-ai/seo-all"

static void files_issues_with_the_labels_that_there_are(void **state)
{
    static const struct step steps[] = {
        {"create_issue",
         "{\"title\":\"It breaks\",\"description\":\"d\",\"repo\":\"" REPO "\","
         "\"severity\":\"high\",\"labels\":[\"Bug\",\"nope\"]}",
         "GET /api/v1/repos/" REPO "/labels?limit=100 200\n"
         "POST /api/v1/repos/" REPO "/issues 201",
         "{\"ok\":true,\"repo\":\"" REPO "\",\"number\":1,\"url\":\"~/issues/1\","
         "\"title\":\"It breaks\",\"labels_applied\":[\"Bug\"],"
         "\"labels_unmatched\":[\"nope\"]}",
         NULL, NULL, NULL},
    };
    (void)state;
    TAKE_STEPS(steps);
    char *token CLEANUP(free_ptr) = filled("Authorization: token $F");
    with_header(token);
    assert_int_equal(ask_at(json_str(fx.info, "forge_url", ""), NULL, "GET",
                            "/api/v1/repos/" REPO "/issues", NULL),
                     200);
    assert_fits("the forge",
                "[{\"title\":\"It breaks\",\"body\":\"~**Severity**: high\","
                "\"labels\":[{\"name\":\"bug\"}]}]",
                fx.json);
}

static void says_why_an_issue_was_not_filed(void **state)
{
    static const struct step steps[] = {
        {"create_issue", "{\"title\":\"t\",\"description\":\"d\"}", "",
         "{\"error\":\"CONFIG_ERROR\"}", NULL, NULL, NULL},
        {"create_issue", "{\"title\":\"t\",\"description\":\"d\",\"repo\":\"x\"}", "",
         "{\"error\":\"VALIDATION_ERROR\"}", NULL, NULL, NULL},
        {"create_issue", "{\"title\":\"t\",\"description\":\"d\",\"repo\":\"no/where\"}",
         "GET /api/v1/repos/no/where/labels?limit=100 404\n"
         "POST /api/v1/repos/no/where/issues 404",
         "{\"error\":\"NOT_FOUND\",\"status\":404}", NULL, NULL, NULL},
        {"create_issue", "{\"title\":\"\",\"description\":\"d\",\"repo\":\"" REPO "\"}",
         "GET /api/v1/repos/" REPO "/labels?limit=100 200\n"
         "POST /api/v1/repos/" REPO "/issues 422",
         "{\"error\":\"VALIDATION_ERROR\",\"status\":422}", NULL, NULL, NULL},
    };
    static const struct step nobody[] = {
        {"create_issue", "{\"title\":\"t\",\"description\":\"d\",\"repo\":\"a/b\"}", "",
         "{\"error\":\"AUTH_ERROR\"}", NULL, NULL, NULL},
    };
    static const char *const no_token[] = {"GITEA_API_URL=$G/api/v1", NULL};
    (void)state;
    REFUSE_STEPS(steps);
    start_server("management", no_token);
    REFUSE_STEPS(nobody);
}

static void raises_and_settles_requests(void **state)
{
    static const struct step steps[] = {
        {"create_request",
         "{\"workspace_id\":\"$E\",\"kind\":\"task\",\"recipient_type\":\"agent\","
         "\"recipient_id\":\"$C\",\"title\":\"look\",\"detail\":\"d\",\"priority\":3}",
         "POST /workspaces/$E/requests 201", "{\"status\":\"pending\"}",
         "/workspaces/$E/requests", "[{\"title\":\"look\",\"priority\":3}]",
         "$Rrequest_id"},
        {"check_requests", "{\"workspace_id\":\"$E\"}", "GET /workspaces/$E/requests 200",
         "[{\"id\":\"$R\"}]", "/workspaces/$E/requests", NULL, NULL},
        {"check_requests", "{\"workspace_id\":\"$E\",\"status\":\"done\"}",
         "GET /workspaces/$E/requests?status=done 200", "[]", NULL, NULL, NULL},
        {"list_inbox", "{\"workspace_id\":\"$C\"}",
         "GET /workspaces/$C/requests/inbox 200", "[{\"id\":\"$R\"}]",
         "/workspaces/$C/requests/inbox", NULL, NULL},
        {"list_inbox", "{\"workspace_id\":\"$C\",\"status\":\"rejected\"}",
         "GET /workspaces/$C/requests/inbox?status=rejected 200", "[]", NULL, NULL, NULL},
        {"add_request_message",
         "{\"workspace_id\":\"$E\",\"request_id\":\"$R\",\"body\":\"please\"}",
         "POST /workspaces/$E/requests/$R/messages 201", "{\"request_id\":\"$R\"}",
         "/workspaces/$E/requests/$R",
         "{\"messages\":[{\"body\":\"please\",\"author_type\":\"agent\","
         "\"author_id\":\"$E\"}]}",
         NULL},
        {"get_request", "{\"workspace_id\":\"$E\",\"request_id\":\"$R\"}",
         "GET /workspaces/$E/requests/$R 200", "{\"request\":{\"id\":\"$R\"}}",
         "/workspaces/$E/requests/$R", NULL, NULL},
        {"respond_request",
         "{\"workspace_id\":\"$C\",\"request_id\":\"$R\",\"action\":\"done\","
         "\"message\":\"here\"}",
         "POST /workspaces/$C/requests/$R/respond 200\n"
         "POST /workspaces/$C/requests/$R/messages 201",
         "{\"respond\":{\"status\":\"done\"},\"message\":{\"request_id\":\"$R\"}}",
         "/workspaces/$E/requests/$R",
         "{\"request\":{\"status\":\"done\",\"responder_type\":\"agent\","
         "\"responder_id\":\"$C\"},\"messages\":[{\"body\":\"here\"}]}",
         NULL},
        {"create_request",
         "{\"workspace_id\":\"$E\",\"kind\":\"approval\",\"recipient_type\":\"agent\","
         "\"recipient_id\":\"$C\",\"title\":\"may I\"}",
         "POST /workspaces/$E/requests 201", "{\"status\":\"pending\"}", NULL, NULL,
         "$Rrequest_id"},
        {"respond_request",
         "{\"workspace_id\":\"$C\",\"request_id\":\"$R\",\"action\":\"approved\"}",
         "POST /workspaces/$C/requests/$R/respond 200", "{\"status\":\"approved\"}",
         "/workspaces/$E/requests/$R", "{\"request\":{\"status\":\"approved\"}}", NULL},
        {"create_request",
         "{\"workspace_id\":\"$E\",\"kind\":\"task\",\"recipient_type\":\"user\","
         "\"recipient_id\":\"u\",\"title\":\"never mind\"}",
         "POST /workspaces/$E/requests 201", "{\"status\":\"pending\"}", NULL, NULL,
         "$Rrequest_id"},
        {"cancel_request", "{\"workspace_id\":\"$E\",\"request_id\":\"$R\"}",
         "POST /workspaces/$E/requests/$R/cancel 200", "{\"status\":\"cancelled\"}",
         "/workspaces/$E/requests/$R", "{\"request\":{\"status\":\"cancelled\"}}", NULL},
    };
    /* Nothing is said to a request that could not be settled. */
    static const struct step late[] = {
        {"respond_request",
         "{\"workspace_id\":\"$C\",\"request_id\":\"$R\",\"action\":\"done\","
         "\"message\":\"m\"}",
         "POST /workspaces/$C/requests/$R/respond 403", "{\"error\":\"HTTP 403\"}", NULL,
         NULL, NULL},
    };
    (void)state;
    TAKE_STEPS(steps);
    REFUSE_STEPS(late);
    assert_null(json_object_get(m.value, "status"));
}

static void asks_to_confirm_before_it_deletes_a_tree(void **state)
{
    char parent[37], child[37];
    external_workspace("Parent", NULL, parent, NULL);
    external_workspace("Child", parent, child, NULL);
    set_var("$W", parent);
    static const struct step steps[] = {
        {"deprovision_workspace", "{\"workspace_id\":\"$W\"}",
         "DELETE /workspaces/$W 400",
         "{\"error\":\"HTTP 400\","
         "\"detail\":\"~destructive_action_requires_confirmation\"}",
         NULL, NULL, NULL},
        {"deprovision_workspace", "{\"workspace_id\":\"$W\",\"confirm_name\":\"Other\"}",
         "DELETE /workspaces/$W 400", "{\"error\":\"HTTP 400\",\"status\":400}", NULL,
         NULL, NULL},
        {"deprovision_workspace", "{\"workspace_id\":\"$W\",\"confirm_name\":\"Parent\"}",
         "DELETE /workspaces/$W 409", "{\"error\":\"HTTP 409\",\"status\":409}",
         "/workspaces/$W", "{\"name\":\"Parent\"}", NULL},
    };
    (void)state;
    REFUSE_STEPS(steps);
}

static void refuses_without_a_request(void **state)
{
    static const struct step steps[] = {
        {"set_workspace_budget", "{\"workspace_id\":\"$E\"}", "", "\"*\"", NULL, NULL,
         NULL},
        {"create_org_from_template", "{\"mode\":\"merge\"}", "", "\"*\"", NULL, NULL,
         NULL},
    };
    static const char *const says[] = {
        "Invalid argument: budget_limits or budget_limit is required",
        "Invalid argument: dir or template is required"};
    static const char *const shipped[] = {"WAYBILL_MCP_MANNERS=shipped", "LOG_LEVEL=60",
                                          "MOLECULE_ORG_API_KEY=$A", NULL};
    (void)state;
    for (size_t i = 0; i < 2 * ARRAY_SIZE(steps); i++) {
        const struct step *s = &steps[i % ARRAY_SIZE(steps)];
        if (i == ARRAY_SIZE(steps))
            start_server("management", shipped);
        call_tool(s->tool, s->arguments);
        assert_int_equal(m.answer.outcome, MCP_TOOL_ERROR);
        assert_string_equal(answer_text(), says[i % ARRAY_SIZE(steps)]);
        assert_asked(s->tool, "");
    }
}

/* As shipped a refusal looks like a success. */
static void hides_a_refusal_in_the_text_as_shipped(void **state)
{
    static const char *const shipped[] = {"WAYBILL_MCP_MANNERS=shipped", "LOG_LEVEL=60",
                                          "MOLECULE_ORG_API_KEY=no",
                                          "MOLECULE_API_KEY=no", NULL};
    static const struct step steps[] = {
        {"list_workspaces", "{}", "GET /workspaces 401",
         "{\"error\":\"AUTH_ERROR\",\"status\":401}", NULL, NULL, NULL},
        {"check_requests", "{\"workspace_id\":\"$E\"}", "GET /workspaces/$E/requests 401",
         "{\"error\":\"HTTP 401\"}", NULL, NULL, NULL},
        {"get_org", "{\"slug\":\"acme\",\"more\":1}", "",
         "{\"error\":\"CP_TIER_NOT_CONFIGURED\"}", NULL, NULL, NULL},
    };
    (void)state;
    start_server("management", shipped);
    TAKE_STEPS(steps);
}

static void says_who_cannot_be_reached(void **state)
{
    static const char *const nowhere[] = {
        "MOLECULE_ORG_API_KEY=$A",       "MOLECULE_API_URL=http://127.0.0.1:1",
        "CP_API_URL=http://127.0.0.1:1", "GITEA_URL=http://127.0.0.1:1/api/v1",
        "CP_ADMIN_API_TOKEN=x",          "GITEA_ISSUE_TOKEN=x",
        "GITEA_ISSUE_REPO=a/b",          NULL};
    static const struct step steps[] = {
        {"list_workspaces", "{}", "",
         "{\"error\":\"Tenant host unreachable at http://127.0.0.1:1\",\"detail\":\"*\"}",
         NULL, NULL, NULL},
        {"get_request", "{\"workspace_id\":\"w\",\"request_id\":\"r\"}", "",
         "{\"error\":\"Platform unreachable at http://127.0.0.1:1\"}", NULL, NULL, NULL},
        {"list_orgs", "{}", "",
         "{\"error\":\"Control plane unreachable at http://127.0.0.1:1\"}", NULL, NULL,
         NULL},
        {"create_issue", "{\"title\":\"t\",\"description\":\"d\"}", "",
         "{\"error\":\"Gitea unreachable at http://127.0.0.1:1/api/v1\"}", NULL, NULL,
         NULL},
    };
    (void)state;
    start_server("management", nowhere);
    REFUSE_STEPS(steps);
}

static void tells_its_two_credentials_apart(void **state)
{
    static const char *const org_only[] = {"MOLECULE_ORG_API_KEY=$A", NULL};
    static const char *const api_only[] = {"MOLECULE_API_TOKEN=$A", NULL};
    static const char *const wrong[] = {"MOLECULE_ORG_API_KEY=no", "MOLECULE_API_KEY=no",
                                        NULL};
    static const struct step no_api[] = {
        {"check_requests", "{\"workspace_id\":\"$E\"}", "GET /workspaces/$E/requests 401",
         "{\"error\":\"HTTP 401\"}", NULL, NULL, NULL},
    };
    static const struct step no_org[] = {
        {"list_workspaces", "{}", "",
         "{\"error\":\"AUTH_ERROR\",\"detail\":\"~MOLECULE_ORG_API_KEY is not set\"}",
         NULL, NULL, NULL},
    };
    static const struct step refused[] = {
        {"list_workspaces", "{}", "GET /workspaces 401",
         "{\"error\":\"AUTH_ERROR\",\"status\":401}", NULL, NULL, NULL},
    };
    static const struct step cp[] = {
        {"get_org", "{\"slug\":\"acme\"}", "", "{\"error\":\"CP_TIER_NOT_CONFIGURED\"}",
         NULL, NULL, NULL},
    };
    static const struct step reads[] = {
        {"check_requests", "{\"workspace_id\":\"$E\"}", "GET /workspaces/$E/requests 200",
         "\"*\"", NULL, NULL, NULL},
    };
    (void)state;
    start_server("management", org_only);
    REFUSE_STEPS(no_api);
    assert_null(json_object_get(m.value, "status"));
    REFUSE_STEPS(cp);
    start_server("management", api_only);
    REFUSE_STEPS(no_org);
    TAKE_STEPS(reads);
    start_server("management", wrong);
    REFUSE_STEPS(refused);
}

static void leaves_no_tool_without_its_call(void **state)
{
    (void)state;
    /* create_workspace is another name for provision_workspace. */
    assert_int_equal(tools_called("create_workspace"), 41);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, server_up, server_down)
    const struct CMUnitTest tests[] = {
        T(makes_and_runs_workspaces),
        T(keeps_secrets),
        T(limits_what_is_spent),
        T(makes_workspaces_from_templates_and_bundles),
        T(mints_and_revokes_tokens),
        cmocka_unit_test_setup_teardown(is_told_to_wait_for_an_approval, server_up,
                                        gate_down),
        T(keeps_the_list_of_allowed_plugins),
        T(tells_what_happened_and_what_waits),
        T(asks_the_control_plane),
        T(recreates_no_more_than_it_was_asked_for),
        T(files_issues_with_the_labels_that_there_are),
        T(says_why_an_issue_was_not_filed),
        T(raises_and_settles_requests),
        T(asks_to_confirm_before_it_deletes_a_tree),
        T(refuses_without_a_request),
        T(hides_a_refusal_in_the_text_as_shipped),
        T(says_who_cannot_be_reached),
        T(tells_its_two_credentials_apart),
        T(leaves_no_tool_without_its_call),
    };
    return cmocka_run_group_tests(tests, group_up, group_down);
}
