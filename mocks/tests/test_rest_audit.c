/*
 * What the platform records in an organisation's audit file and shows nobody: which token
 * was made, ended or refused, which secret was written. Never a token's or a secret's
 * text.
 */
#include "mocks/tests/rest_fixture.h"

#include <stdlib.h>

#include "base/strv.h"

static char *dir;

static int up(void **state)
{
    (void)state;
    const char *base = getenv("TMPDIR");
    dir = xasprintf("%s/waybill-audit-XXXXXX", base ? base : "/tmp");
    if (!mkdtemp(dir))
        return -1;
    const char *const args[] = {"--dir", dir, NULL};
    return platform_up(args);
}

static int down(void **state)
{
    (void)platform_down(state);
    int gone = fs_rmtree(dir, NULL);
    free(TAKE(dir));
    return gone;
}

/*
 * The last line whose event is of the same subject ("org_token" of "org_token.mint"),
 * parsed; owned by the caller. Reconcile goes on beside the test and writes its own
 * lines.
 */
static json_t *last_line(const char *event_type, struct buf *whole)
{
    struct strv lines CLEANUP(strv_release) = STRV_INIT;
    char *path CLEANUP(free_ptr) = xasprintf("%s/orgs/acme/audit.jsonl", dir);
    size_t subject = strcspn(event_type, ".") + 1;
    buf_reset(whole);
    assert_int_equal(fs_read(path, whole, NULL), 0);
    strv_split(&lines, whole->data, '\n');
    for (size_t i = lines.n; i > 0; i--) {
        json_t *row CLEANUP(json_drop) = NULL;
        if (!lines.v[i - 1][0])
            continue;
        assert_int_equal(json_parse(lines.v[i - 1], strlen(lines.v[i - 1]), &row, NULL),
                         0);
        if (!strncmp(json_str(row, "event_type", ""), event_type, subject))
            return TAKE(row);
    }
    return NULL;
}

static void expect_last(const char *event_type, const char *field, const char *value)
{
    struct buf whole CLEANUP(buf_release) = BUF_INIT(KIB(256));
    json_t *row CLEANUP(json_drop) = last_line(event_type, &whole);
    assert_string_equal(json_str(row, "event_type", ""), event_type);
    assert_string_equal(json_str(json_object_get(row, "fields"), field, ""), value);
    assert_null(strstr(whole.data, "hush-hush"));
}

static void records_the_life_of_an_organisation_token(void **state)
{
    (void)state;
    assert_int_equal(ask("POST", "/org/tokens", "{\"name\":\"ci\"}"), 200);
    char *token CLEANUP(free_ptr) = xstrdup(member("auth_token"));
    char *path CLEANUP(free_ptr) = xasprintf("/org/tokens/%s", member("id"));
    expect_last("org_token.mint", "name", "ci");
    assert_int_equal(ask("DELETE", path, NULL), 200);
    expect_last("org_token.revoke", "name", "ci");
    assert_int_equal(ask_as(token, "GET", "/workspaces", NULL), 401);
    expect_last("org_token.validate.failed", "path", "/workspaces");
    struct buf whole CLEANUP(buf_release) = BUF_INIT(KIB(256));
    json_decref(last_line("org_token.validate.failed", &whole));
    assert_null(strstr(whole.data, token));
}

static void records_who_wrote_a_secret_but_not_what(void **state)
{
    (void)state;
    char id[37];
    external_workspace("audited", NULL, id, NULL);
    assert_int_equal(
        ask_of(id, "POST", "/secrets", "{\"key\":\"WORD\",\"value\":\"hush-hush\"}"),
        200);
    expect_last("secret.set", "key", "WORD");
    assert_int_equal(ask_of(id, "POST", "/secrets",
                            "{\"key\":\"OPENAI_API_KEY\",\"value\":\"hush-hush\"}"),
                     400);
    expect_last("secret.set.refused", "key", "OPENAI_API_KEY");
    assert_int_equal(ask_of(id, "DELETE", "/secrets/WORD", NULL), 200);
    expect_last("secret.delete", "scope", "workspace");
    assert_int_equal(
        ask("PUT", "/settings/secrets", "{\"key\":\"ALL\",\"value\":\"hush-hush\"}"),
        200);
    expect_last("secret.set", "scope", "global");
    assert_int_equal(ask_of(id, "GET", "/audit", NULL), 200);
    assert_int_equal(json_int(fx.json, "total", -1), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(records_the_life_of_an_organisation_token),
        cmocka_unit_test(records_who_wrote_a_secret_but_not_what),
    };
    return cmocka_run_group_tests_name("tenant audit", tests, up, down);
}
