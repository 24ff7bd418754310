/*
 * Files of boxes and of templates where it takes many of them, time that stands still, or
 * a self-hosted platform.
 */
#include "mocks/tests/rest_fixture.h"

#include "base/clock.h"

/* At production's pace a written file stays 15 s before its box is made anew. */
static int up(void **state)
{
    static const char *const slow[] = {"--pace", "1", NULL};
    (void)state;
    return platform_up(slow);
}

static int up_self_hosted(void **state)
{
    static const char *const more[] = {"--self-hosted", NULL};
    (void)state;
    return platform_up(more);
}

/* Asks until the answer has this status. */
static void ask_until(int status, const char *path)
{
    int64_t deadline = clock_mono_ms() + (int64_t)(10000 * clock_timeout_mul());
    while (ask("GET", path, NULL) != status)
        if (clock_mono_ms() > deadline)
            fail_msg("GET %s: %d, wanted %d: %s", path, fx.resp.status, status, text());
}

static void until_status(const char *id, const char *status)
{
    char *path CLEANUP(free_ptr) = xasprintf("/workspaces/%s", id);
    do
        ask_until(200, path);
    while (strcmp(member("status"), status) != 0);
}

/* {"name": ..., "files": {"f0.md": "x", ...}} */
static char *many_files(size_t n)
{
    struct buf body = BUF_INIT(KIB(64));
    buf_adds(&body, "{\"name\":\"many\",\"files\":{");
    for (size_t i = 0; i < n; i++)
        buf_addf(&body, "%s\"f%zu.md\":\"x\"", i ? "," : "", i);
    buf_adds(&body, "}}");
    return buf_steal(&body);
}

static void what_is_written_is_read_and_listed(void **state)
{
    (void)state;
    until_status(fx.concierge, "online");
    assert_int_equal(ask_of(fx.concierge, "PUT", "/files/notes/a.md",
                            "{\"content\":\"gr\xc3\xbc\xc3\x9f"
                            "e\"}"),
                     200);
    assert_int_equal(ask_of(fx.concierge, "GET", "/files/notes/a.md", NULL), 200);
    assert_string_equal(text(), "{\"content\":\"gr\xc3\xbc\xc3\x9f"
                                "e\",\"path\":\"notes/a.md\",\"size\":7}");
    assert_int_equal(ask_of(fx.concierge, "PUT", "/files?root=/workspace",
                            "{\"files\":{\"b.md\":\"b\",\"d/c.md\":\"cc\"}}"),
                     200);
    assert_int_equal(ask_of(fx.concierge, "GET", "/files?root=/workspace&depth=2", NULL),
                     200);
    assert_string_equal(text(), "[{\"path\":\"b.md\",\"size\":1,\"dir\":false},"
                                "{\"path\":\"d\",\"size\":0,\"dir\":true},"
                                "{\"path\":\"d/c.md\",\"size\":2,\"dir\":false}]");
    assert_int_equal(ask_of(fx.concierge, "GET", "/files?root=/workspace&path=d", NULL),
                     200);
    assert_string_equal(text(), "[{\"path\":\"c.md\",\"size\":2,\"dir\":false}]");
}

static void takes_two_hundred_files_at_once_and_no_more(void **state)
{
    (void)state;
    until_status(fx.concierge, "online");
    char *good CLEANUP(free_ptr) = many_files(200),
               *bad CLEANUP(free_ptr) = many_files(201);
    static const char refusal[] = "{\"error\":\"too many files (201), max 200\"}";
    assert_int_equal(ask_of(fx.concierge, "PUT", "/files", bad), 400);
    assert_string_equal(text(), refusal);
    assert_int_equal(ask_of(fx.concierge, "PUT", "/files", good), 200);
    assert_int_equal(json_int(fx.json, "files", 0), 200);
    assert_int_equal(ask("POST", "/templates/import", bad), 400);
    assert_string_equal(text(), refusal);
    assert_int_equal(ask("POST", "/templates/import", good), 201);
}

static void what_the_channel_may_not_carry_fails_the_provision(void **state)
{
    (void)state;
    enum { TOO_MUCH = 257 * 1024 };
    char *words CLEANUP(free_ptr) = xmalloc(TOO_MUCH + 1);
    memset(words, 'x', TOO_MUCH);
    words[TOO_MUCH] = '\0';
    char *body CLEANUP(free_ptr) = xasprintf(
        "{\"name\":\"heavy\",\"files\":{\"config.yaml\":\"runtime: "
        "claude-code\\nmodel: moonshot/kimi-k2.6\\n\",\"prompts/a.md\":\"%s\"}}",
        words);
    assert_int_equal(ask("POST", "/templates/import", body), 201);
    assert_int_equal(
        ask("POST", "/workspaces", "{\"name\":\"heavy\",\"template\":\"heavy\"}"), 201);
    char *id CLEANUP(free_ptr) = xstrdup(member("id"));
    until_status(id, "failed");
    char *path CLEANUP(free_ptr) = xasprintf("/events/%s", id);
    assert_int_equal(ask("GET", path, NULL), 200);
    json_t *event = json_array_get(fx.json, 0);
    assert_string_equal(json_str(event, "event_type", ""), "WORKSPACE_PROVISION_FAILED");
    json_t *payload = json_object_get(event, "payload");
    assert_int_equal(json_object_size(payload), 1);
    assert_string_equal(json_str(payload, "error", ""), "provisioning failed");
}

/* ---- self-hosted ---- */

/* A workspace of its own; its id goes to id. */
static void workspace_here(const char *name, char id[37])
{
    char *body CLEANUP(free_ptr) =
        xasprintf("{\"name\":\"%s\",\"runtime\":\"claude-code\","
                  "\"model\":\"moonshot/kimi-k2.6\"}",
                  name);
    assert_int_equal(ask("POST", "/workspaces", body), 201);
    memcpy(id, member("id"), 36);
    id[36] = '\0';
    until_status(id, "online");
}

static void
a_self_hosted_platform_writes_into_the_container_and_onto_its_volume(void **state)
{
    (void)state;
    char id[37];
    workspace_here("writer", id);
    assert_int_equal(ask_of(id, "PUT", "/files", "{\"files\":{\"a.md\":\"a\"}}"), 200);
    assert_string_equal(member("source"), "container");
    assert_int_equal(ask_of(id, "POST", "/pause", NULL), 200);
    assert_int_equal(ask_of(id, "PUT", "/files", "{\"files\":{\"b.md\":\"b\"}}"), 200);
    assert_int_equal(ask_of(id, "POST", "/resume", NULL), 200);
    until_status(id, "online");
    assert_int_equal(ask_of(id, "GET", "/files/a.md", NULL), 200);
    assert_int_equal(ask_of(id, "GET", "/files/b.md", NULL), 200);
}

static void a_self_hosted_platform_says_that_a_file_is_not_there(void **state)
{
    (void)state;
    char id[37], external[37];
    workspace_here("reader", id);
    assert_int_equal(ask_of(id, "GET", "/files/none.md", NULL), 404);
    assert_string_equal(text(), "{\"error\":\"file not found\"}");
    external_workspace("elsewhere", NULL, external, NULL);
    assert_int_equal(ask_of(external, "GET", "/files/none.md", NULL), 404);
    assert_string_equal(
        text(), "{\"error\":\"file not found (container offline, no template)\"}");
}

static void a_self_hosted_platform_refreshes_no_templates(void **state)
{
    (void)state;
    assert_int_equal(ask("POST", "/admin/templates/refresh", NULL), 503);
    assert_string_equal(text(),
                        "{\"error\":\"template cache refresh is not configured\"}");
}

static void a_self_hosted_platform_cannot_pay_for_a_model(void **state)
{
    (void)state;
    char id[37];
    workspace_here("paid", id);
    char *mode CLEANUP(free_ptr) = xasprintf("/admin/workspaces/%s/llm-billing-mode", id);
    assert_int_equal(ask("PUT", mode, "{\"mode\":\"platform_managed\"}"), 200);
    assert_int_equal(ask_of(id, "POST", "/restart", NULL), 200);
    until_status(id, "failed");
    char *path CLEANUP(free_ptr) = xasprintf("/events/%s", id);
    assert_int_equal(ask("GET", path, NULL), 200);
    json_t *payload = json_object_get(json_array_get(fx.json, 0), "payload");
    assert_string_equal(json_str(payload, "code", ""), "MISSING_PLATFORM_PROXY");
    assert_string_equal(json_str(payload, "issue", ""), "2162");
    assert_string_equal(json_str(payload, "billing_mode", ""), "platform_managed");
}

int main(void)
{
    const struct CMUnitTest tenant[] = {
        cmocka_unit_test(what_is_written_is_read_and_listed),
        cmocka_unit_test(takes_two_hundred_files_at_once_and_no_more),
        cmocka_unit_test(what_the_channel_may_not_carry_fails_the_provision),
    };
    const struct CMUnitTest self_hosted[] = {
        cmocka_unit_test(
            a_self_hosted_platform_writes_into_the_container_and_onto_its_volume),
        cmocka_unit_test(a_self_hosted_platform_says_that_a_file_is_not_there),
        cmocka_unit_test(a_self_hosted_platform_refreshes_no_templates),
        cmocka_unit_test(a_self_hosted_platform_cannot_pay_for_a_model),
    };
    int failed = cmocka_run_group_tests(tenant, up, platform_down);
    return failed + cmocka_run_group_tests(self_hosted, up_self_hosted, platform_down);
}
