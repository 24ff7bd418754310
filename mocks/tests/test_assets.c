/* The asset channel: the stub, the persona, the declared plugins of a template. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "mocks/control_plane/assets.h"
#include "mocks/server/state_new.h"

#define ROOT_ID "7c9e6679-7425-40de-944b-e07fc1f90ae7"

struct fixture {
    struct platform *p;
    struct workspace *ws;
    struct assets assets;
    struct strv list;
    struct buf text;
};

static int setup(void **state)
{
    struct fixture *f = xcalloc(1, sizeof(*f));
    f->p = platform_state_new();
    struct org *org = org_row_add(f->p, "acme", "Acme", "owner");
    f->ws = ws_add(org, ROOT_ID, "Concierge", NULL);
    buf_init(&f->text, 4096);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    assets_release(&f->assets);
    strv_release(&f->list);
    buf_release(&f->text);
    platform_state_free(f->p);
    free(f);
    return 0;
}

static void add(struct fixture *f, const char *path, const char *text)
{
    assets_add(&f->assets, path, text, strlen(text));
}

static void the_stub_is_218_bytes_to_the_letter(void **state)
{
    struct fixture *f = *state;
    assets_stub(f->ws, "moonshot/kimi-k2.6", &f->text);
    assert_int_equal(f->text.len, 218);
    assert_string_equal(f->text.data, "name: " ROOT_ID "\n"
                                      "runtime: claude-code\n"
                                      "a2a:\n"
                                      "  port: 8000\n"
                                      "  streaming: true\n"
                                      "model: 'moonshot/kimi-k2.6'\n"
                                      "provider: 'platform'\n"
                                      "runtime_config:\n"
                                      "  model: 'moonshot/kimi-k2.6'\n"
                                      "  provider: 'platform'\n");
}

static void the_persona_is_the_first_prompt_file_with_the_name_in_it(void **state)
{
    struct fixture *f = *state;
    add(f, "config.yaml", "prompt_files:\n  - prompts/a.md\n  - prompts/b.md\n");
    add(f, "prompts/a.md", "I am {{CONCIERGE_NAME}}, yes {{CONCIERGE_NAME}}.");
    add(f, "prompts/b.md", "not this");
    assets_add_persona(&f->assets, "Ada");
    const struct asset *prompt = assets_find(&f->assets, "system-prompt.md");
    assert_non_null(prompt);
    assert_string_equal(prompt->data, "I am Ada, yes Ada.");
}

static void without_prompt_files_there_is_no_persona(void **state)
{
    struct fixture *f = *state;
    add(f, "config.yaml", "name: x\n");
    assets_add_persona(&f->assets, "Ada");
    assert_null(assets_find(&f->assets, "system-prompt.md"));
}

static void a_persona_that_was_not_delivered_is_not_made_up(void **state)
{
    struct fixture *f = *state;
    add(f, "config.yaml", "prompt_files: [prompts/missing.md]\n");
    assets_add_persona(&f->assets, "Ada");
    assert_null(assets_find(&f->assets, "system-prompt.md"));
}

static void plugins_are_listed_once_and_a_mark_takes_one_back(void **state)
{
    struct fixture *f = *state;
    add(f, "config.yaml",
        "plugins:\n  - a\n  - b\n  - a\n  - c\n  - '!b'\n  - '-c'\n  - d\n  - 7: x\n");
    assets_plugins(&f->assets, &f->list);
    CLEANUP(free_ptr) char *joined = strv_join(&f->list, ",");
    assert_string_equal(joined, "a,d");
}

static void no_more_than_a_hundred_plugins_are_declared(void **state)
{
    struct fixture *f = *state;
    CLEANUP(buf_release) struct buf config = BUF_INIT(16384);
    buf_adds(&config, "plugins:\n");
    for (int i = 0; i < 103; i++)
        buf_addf(&config, "  - gitea://acme/p%d#main\n", i);
    add(f, "config.yaml", config.data);
    assets_plugins(&f->assets, &f->list);
    assert_int_equal(f->list.n, 100);
    assert_string_equal(f->list.v[99], "gitea://acme/p99#main");
}

static void a_config_that_is_no_yaml_declares_nothing(void **state)
{
    struct fixture *f = *state;
    add(f, "config.yaml", "plugins: [a\n");
    assets_plugins(&f->assets, &f->list);
    assert_int_equal(f->list.n, 0);
}

static void an_archive_that_is_none_is_an_error(void **state)
{
    struct fixture *f = *state;
    struct err err = ERR_INIT;
    assert_int_equal(assets_unpack("<html>", 6, &f->assets, &err), -1);
    assert_int_equal(err.kind, ERR_SHAPE);
}

static void an_identity_is_owner_repo_and_ref(void **state)
{
    (void)state;
    struct err err = ERR_INIT;
    CLEANUP(template_identity_release) struct template_identity t = {.owner = NULL};
    assert_int_equal(assets_identity("acme/seo@v2", &t, &err), 0);
    assert_string_equal(t.owner, "acme");
    assert_string_equal(t.repo, "seo");
    assert_string_equal(t.ref, "v2");
    struct template_identity none = {.owner = NULL};
    assert_int_equal(assets_identity("acme/seo", &none, &err), -1);
    assert_string_equal(err.text, "templateIdentity \"acme/seo\" has no @ref suffix "
                                  "(want \"<owner>/<repo>@<ref>\")");
    static const char *const others[] = {"acme/seo@", "seo@v2",   "/seo@v2",
                                         "acme/@v2",  "a/b/c@v2", ""};
    for (size_t i = 0; i < ARRAY_SIZE(others); i++)
        assert_int_equal(assets_identity(others[i], &none, NULL), -1);
}

static void a_later_asset_of_a_path_replaces_the_earlier(void **state)
{
    struct fixture *f = *state;
    add(f, "config.yaml", "one");
    add(f, "config.yaml", "");
    assert_int_equal(f->assets.n, 1);
    assert_string_equal(f->assets.v[0].data, "");
    assert_int_equal(f->assets.v[0].len, 0);
}

#define T(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(the_stub_is_218_bytes_to_the_letter),
        T(the_persona_is_the_first_prompt_file_with_the_name_in_it),
        T(without_prompt_files_there_is_no_persona),
        T(a_persona_that_was_not_delivered_is_not_made_up),
        T(plugins_are_listed_once_and_a_mark_takes_one_back),
        T(no_more_than_a_hundred_plugins_are_declared),
        T(a_config_that_is_no_yaml_declares_nothing),
        T(an_archive_that_is_none_is_an_error),
        T(an_identity_is_owner_repo_and_ref),
        T(a_later_asset_of_a_path_replaces_the_earlier),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
