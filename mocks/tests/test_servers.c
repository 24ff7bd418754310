/* Which servers the executor starts, and what boot-install reads in a source. */
#include "base/fs.h"
#include "mocks/box/servers.h"
#include "mocks/box/source.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

struct fixture {
    char dir[64];
    struct server_map map;
};

static struct strv said;

static void say(const char *line)
{
    strv_add(&said, line);
}

static int setup(void **state)
{
    struct fixture *f = xcalloc(1, sizeof(*f));

    memcpy(f->dir, "/tmp/waybill-servers-XXXXXX", sizeof("/tmp/waybill-servers-XXXXXX"));
    *state = f;
    return mkdtemp(f->dir) ? 0 : -1;
}

static int teardown(void **state)
{
    struct fixture *f = *state;

    server_map_release(&f->map);
    (void)!fs_rmtree(f->dir, NULL);
    strv_release(&said);
    free(f);
    return 0;
}

static void put(const struct fixture *f, const char *rel, const char *text)
{
    char *path = fs_join(f->dir, rel);
    struct err err = ERR_INIT;

    if (fs_mkparents(path, &err) < 0 ||
        fs_write(path, text, strlen(text), 0644, &err) < 0)
        fail_msg("%s", err.text);
    free(path);
}

static void load(struct fixture *f, bool settings)
{
    const struct server_options opt = {.configs = f->dir,
                                       .runtime = "claude-code",
                                       .a2a_exe = "/a2a",
                                       .load_settings = settings,
                                       .say = say};

    server_map_load(&opt, &f->map);
}

static void assert_server(const struct fixture *f, size_t i, const char *name,
                          const char *source, const char *command)
{
    assert_true(i < f->map.n);
    assert_string_equal(f->map.v[i].name, name);
    assert_string_equal(server_source_name(f->map.v[i].source), source);
    assert_string_equal(f->map.v[i].command, command);
}

static void starts_a2a_alone_on_an_empty_box(void **state)
{
    struct fixture *f = *state;
    load(f, true);
    assert_int_equal(f->map.n, 1);
    assert_server(f, 0, "a2a", "builtin", "/a2a");
    assert_int_equal(said.n, 0);
}

static void put_all(const struct fixture *f)
{
    put(f, "config.yaml",
        "mcp_servers:\n"
        "  - {name: one, command: from-config, args: [-y, 7], env: {A: '${A}', N: 3}}\n"
        "  - {name: two, command: from-config}\n");
    put(f, "mcp_servers.yaml", "mcp_servers:\n  - {name: two, command: from-own}\n");
    put(f, ".claude/settings.json",
        "{\"mcpServers\":{\"three\":{\"command\":\"from-settings\"},"
        "\"one\":{\"command\":\"from-settings\",\"env\":{\"B\":\"b\"}}}}");
}

static void lets_later_sources_win_in_place(void **state)
{
    struct fixture *f = *state;
    put_all(f);
    load(f, true);
    assert_int_equal(f->map.n, 4);
    assert_server(f, 1, "one", "settings.json", "from-settings");
    assert_server(f, 2, "two", "mcp_servers.yaml", "from-own");
    assert_server(f, 3, "three", "settings.json", "from-settings");
    assert_int_equal(f->map.v[1].args.n, 0);
    assert_int_equal(f->map.v[1].env.n, 1);
    assert_string_equal(f->map.v[1].env.v[0], "B=b");
}

static void does_not_look_at_settings_when_told_so(void **state)
{
    struct fixture *f = *state;
    put_all(f);
    load(f, false);
    assert_int_equal(f->map.n, 3);
    assert_server(f, 1, "one", "config.yaml", "from-config");
    assert_string_equal(f->map.v[1].args.v[1], "7");
    assert_string_equal(strv_env_get(&f->map.v[1].env, "A"), "${A}");
    assert_string_equal(strv_env_get(&f->map.v[1].env, "N"), "3");
}

static void never_replaces_a2a_and_skips_what_has_no_command(void **state)
{
    struct fixture *f = *state;
    put(f, ".claude/settings.json",
        "{\"mcpServers\":{\"a2a\":{\"command\":\"evil\"},\"remote\":{\"url\":\"http://"
        "x\"},"
        "\"odd\":7}}");
    put(f, "config.yaml", "mcp_servers:\n  - {command: nameless}\n");
    load(f, true);
    assert_int_equal(f->map.n, 1);
    assert_server(f, 0, "a2a", "builtin", "/a2a");
    assert_int_equal(said.n, 4);
}

static void goes_on_when_a_file_is_broken(void **state)
{
    struct fixture *f = *state;
    put(f, "config.yaml", "a: [\n");
    put(f, "mcp_servers.yaml", "own: {command: from-own}\n");
    put(f, ".claude/settings.json", "{");
    load(f, true);
    assert_int_equal(f->map.n, 2);
    assert_server(f, 1, "own", "mcp_servers.yaml", "from-own");
    assert_int_equal(said.n, 2);
}

struct source_case {
    const char *text;
    enum boot_source_result result;
    const char *owner, *repo, *sub, *ref, *name;
};

static const struct source_case SOURCES[] = {
    {"gitea://o/r#main", BOOT_SOURCE_OK, "o", "r", NULL, "main", "r"},
    {"gitea://o/r", BOOT_SOURCE_OK, "o", "r", NULL, "main", "r"},
    {"gitea://o/r/a/b#v1.2", BOOT_SOURCE_OK, "o", "r", "a/b", "v1.2", "b"},
    {"gitea://o/r#feature/x", BOOT_SOURCE_OK, "o", "r", NULL, "feature/x", "r"},
    {"github://o/r#main", BOOT_SOURCE_UNSUPPORTED, NULL, NULL, NULL, NULL, NULL},
    {"local://r", BOOT_SOURCE_UNSUPPORTED, NULL, NULL, NULL, NULL, NULL},
    {"r", BOOT_SOURCE_UNSUPPORTED, NULL, NULL, NULL, NULL, NULL},
    {"gitea://o", BOOT_SOURCE_BAD, NULL, NULL, NULL, NULL, NULL},
    {"gitea://", BOOT_SOURCE_BAD, NULL, NULL, NULL, NULL, NULL},
    {"gitea://o/r#", BOOT_SOURCE_BAD, NULL, NULL, NULL, NULL, NULL},
    {"gitea://o/r/../x#main", BOOT_SOURCE_BAD, NULL, NULL, NULL, NULL, NULL},
    {"gitea://o/r/.staging#main", BOOT_SOURCE_BAD, NULL, NULL, NULL, NULL, NULL},
    {"gitea:///o/r#main", BOOT_SOURCE_BAD, NULL, NULL, NULL, NULL, NULL},
};

static bool same(const char *a, const char *b)
{
    return a && b ? strcmp(a, b) == 0 : a == b;
}

static void reads_plugin_sources(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(SOURCES); i++) {
        const struct source_case *c = &SOURCES[i];
        struct boot_source s = BOOT_SOURCE_INIT;
        enum boot_source_result rc = boot_source_parse(c->text, &s);
        if (rc != c->result || !same(s.owner, c->owner) || !same(s.repo, c->repo) ||
            !same(s.sub, c->sub) || !same(s.ref, c->ref) || !same(s.name, c->name))
            fail_msg("'%s'", c->text);
        boot_source_release(&s);
    }
}

#define CASE(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(starts_a2a_alone_on_an_empty_box),
        CASE(lets_later_sources_win_in_place),
        CASE(does_not_look_at_settings_when_told_so),
        CASE(never_replaces_a2a_and_skips_what_has_no_command),
        CASE(goes_on_when_a_file_is_broken),
        cmocka_unit_test(reads_plugin_sources),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
