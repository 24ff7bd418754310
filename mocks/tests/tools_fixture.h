/*
 * A server of tools before a mock platform, called tool by tool: what the platform was
 * asked stands in its journal. One test program includes it once.
 */
#ifndef TESTS_TOOLS_FIXTURE_H
#define TESTS_TOOLS_FIXTURE_H

#include "mocks/tests/rest_fixture.h"

#include <stdlib.h>

#include "mcp/client.h"

static struct {
    struct mcp_client *client;
    struct mcp_answer answer;
    json_t *value;  /* of the answer's text; NULL = it is no JSON */
    json_t *vars;   /* "$W" and so on */
    json_t *called; /* names of tools */
    int64_t seen;   /* of the journal */
} m;

/* ---- patterns ---- */

/* Text with every "$X" replaced. Caller frees. */
static char *filled(const char *text)
{
    struct buf out = BUF_INIT(KIB(64));
    for (; *text; text++) {
        char name[3] = {text[0], text[0] == '$' ? text[1] : '\0', '\0'};
        const char *value = json_str(m.vars, name, NULL);
        if (text[0] == '$' && value) {
            buf_adds(&out, value);
            text++;
        } else {
            buf_addc(&out, *text);
        }
    }
    return buf_steal(&out);
}

/* Whether a value has what the pattern says: the members of an object, an element like
 * each one of an array, "*" = anything, "~text" = a string with that in it. */
static bool fits(json_t *want, const json_t *got)
{
    const char *text = json_string_value(want);
    if (text && strcmp(text, "*") == 0)
        return got != NULL;
    if (text && text[0] == '~')
        return json_is_string(got) && strstr(json_string_value(got), text + 1);
    if (json_is_object(want)) {
        const char *key = NULL;
        json_t *member = NULL;
        json_object_foreach(want, key, member)
        {
            if (!fits(member, json_object_get(got, key)))
                return false;
        }
        return json_is_object(got);
    }
    if (json_is_array(want)) {
        for (size_t i = 0; i < json_array_size(want); i++) {
            bool found = false;
            for (size_t k = 0; k < json_array_size(got) && !found; k++)
                found = fits(json_array_get(want, i), json_array_get(got, k));
            if (!found)
                return false;
        }
        return json_is_array(got) && (json_array_size(want) || !json_array_size(got));
    }
    return json_equal(want, got);
}

static json_t *parsed(const char *text)
{
    char *full CLEANUP(free_ptr) = filled(text);
    json_t *value = json_loads(full, JSON_DECODE_ANY, NULL);
    if (!value)
        fail_msg("not JSON: %s", full);
    return value;
}

/* ---- the platform's journal ---- */

/* What was asked since the last look, but by boxes and the platform itself: a line each,
 * "METHOD path?query status". Caller frees. */
static char *asked(void)
{
    struct buf out = BUF_INIT(KIB(64));
    char *path CLEANUP(free_ptr) =
        xasprintf("/_mock/journal?since=%lld", (long long)m.seen);
    assert_int_equal(ask_at(fx.mock_url, NULL, "GET", path, NULL), 200);
    const json_t *entries = json_object_get(fx.json, "entries");
    for (size_t i = 0; i < json_array_size(entries); i++) {
        const json_t *e = json_array_get(entries, i);
        const char *caller = json_str(e, "caller", "");
        const char *query = json_str(e, "query", "");
        const char *where = json_str(e, "path", "");
        if (strncmp(caller, "box", 3) == 0 || strcmp(caller, "platform") == 0 ||
            strncmp(where, "/_mock/", 7) == 0)
            continue;
        buf_addf(&out, "%s%s %s%s%s %d", out.len ? "\n" : "", json_str(e, "method", ""),
                 where, *query ? "?" : "", query, (int)json_int(e, "status", 0));
    }
    m.seen = json_int(fx.json, "next", m.seen);
    return buf_steal(&out);
}

/* ---- calling ---- */

static const char *answer_text(void)
{
    const json_t *content = json_object_get(m.answer.result, "content");
    return json_str(json_array_get(content, 0), "text", "");
}

UNUSED static void call_tool(const char *tool, const char *arguments)
{
    struct err err = ERR_INIT;
    json_t *args CLEANUP(json_drop) = parsed(arguments);
    free(asked());
    if (mcp_call_tool(m.client, tool, args, &m.answer, &err))
        fail_msg("%s: %s", tool, err.text);
    json_decref(m.value);
    m.value = json_loads(answer_text(), JSON_DECODE_ANY, NULL);
    assert_int_equal(json_object_set_new(m.called, tool, json_true()), 0);
}

UNUSED static void assert_asked(const char *tool, const char *lines)
{
    char *want CLEANUP(free_ptr) = filled(lines);
    char *got CLEANUP(free_ptr) = asked();
    if (strcmp(want, got) != 0)
        fail_msg("%s asked:\n%s\ninstead of:\n%s", tool, got, want);
}

UNUSED static void assert_fits(const char *who, const char *pattern, const json_t *value)
{
    json_t *want CLEANUP(json_drop) = parsed(pattern);
    if (fits(want, value))
        return;
    char *got CLEANUP(free_ptr) = value ? json_text(value, JSON_STRUCT) : NULL;
    fail_msg("%s: %s is not like %s", who, got ? got : answer_text(), pattern);
}

struct step {
    const char *tool, *arguments;
    const char *asked;  /* see asked(); "" = nothing */
    const char *answer; /* pattern of the result */
    const char *back;   /* read back here, as administrator; NULL = no need */
    const char *like;   /* pattern of that; NULL = equal to the answer */
    const char *keep;   /* "$Xmember": of the answer, for later steps; or NULL */
};

UNUSED static void take_step(const struct step *s, bool fine)
{
    call_tool(s->tool, s->arguments);
    if ((m.answer.outcome == MCP_OK) != fine)
        fail_msg("%s: %s", s->tool, answer_text());
    assert_asked(s->tool, s->asked);
    assert_fits(s->tool, s->answer, m.value);
    if (s->keep) {
        char name[3] = {'$', s->keep[1], '\0'};
        json_t *value = json_object_get(m.value, s->keep + 2);
        assert_int_equal(json_object_set(m.vars, name, value), 0);
    }
    if (!s->back)
        return;
    char *path CLEANUP(free_ptr) = filled(s->back);
    (void)ask("GET", path, NULL);
    if (s->like)
        assert_fits(path, s->like, fx.json);
    else if (!json_equal(m.value, fx.json))
        fail_msg("%s does not say what %s says: %s", s->tool, path, answer_text());
}

UNUSED static void take(const struct step *steps, size_t n)
{
    for (size_t i = 0; i < n; i++)
        take_step(&steps[i], true);
}
#define TAKE_STEPS(steps) take(steps, ARRAY_SIZE(steps))

UNUSED static void refuse(const struct step *steps, size_t n)
{
    for (size_t i = 0; i < n; i++)
        take_step(&steps[i], false);
}
#define REFUSE_STEPS(steps) refuse(steps, ARRAY_SIZE(steps))

/* A server with these variables beside the platform's address and the organisation. */
UNUSED static void start_server(const char *mode, const char *const *more)
{
    struct strv env CLEANUP(strv_release) = STRV_INIT;
    struct err err = ERR_INIT;
    char *program CLEANUP(free_ptr) = program_path();
    char *name CLEANUP(free_ptr) = xstrdup(mode);
    char *argv[] = {program, (char[]){"mcp"}, name, NULL};
    mcp_close(TAKE(m.client));
    strv_addf(&env, "MOLECULE_API_URL=%s", fx.url);
    strv_addf(&env, "MOLECULE_ORG_ID=%s", fx.org_id);
    for (; *more; more++) {
        char *full CLEANUP(free_ptr) = filled(*more);
        char *value = strchr(full, '=');
        *value++ = '\0';
        strv_env_set(&env, full, value);
    }
    if (mcp_open_stdio(argv, &env, NULL, NULL, &m.client, &err) ||
        mcp_initialize(m.client, &m.answer, &err))
        fail_msg("%s", err.text);
}

static void set_var(const char *name, const char *value)
{
    assert_int_equal(json_object_set_new(m.vars, name, json_string(value)), 0);
}

UNUSED static int group_up(void **state)
{
    /* Slow enough that what restarts a box does so after the steps that follow. */
    static const char *const options[] = {"--pace", "0.05", NULL};
    char id[37];
    (void)state;
    if (platform_up(options))
        return -1;
    m.vars = json_object();
    m.called = json_object();
    set_var("$A", fx.admin);
    set_var("$O", fx.org_id);
    set_var("$C", fx.concierge);
    set_var("$P", json_str(fx.info, "cp_url", ""));
    set_var("$K", json_str(fx.info, "cp_admin_token", ""));
    set_var("$G", json_str(fx.info, "forge_url", ""));
    if (ask_at(fx.mock_url, NULL, "GET", "/_mock/forge", NULL) != 200)
        return -1;
    set_var("$F", json_str(fx.json, "forge_token", ""));
    external_workspace("Elsewhere", NULL, id, NULL);
    set_var("$E", id);
    return 0;
}

UNUSED static int group_down(void **state)
{
    mcp_answer_release(&m.answer);
    json_decref(m.value);
    json_decref(m.vars);
    json_decref(m.called);
    return platform_down(state);
}

UNUSED static int server_down(void **state)
{
    (void)state;
    mcp_close(TAKE(m.client));
    return 0;
}

/* How many of the tools that are listed were called: all but the excused one. */
UNUSED static size_t tools_called(const char *excused)
{
    struct err err = ERR_INIT;
    size_t called = 0;
    assert_int_equal(mcp_list_tools(m.client, &m.answer, &err), 0);
    const json_t *tools = json_object_get(m.answer.result, "tools");
    for (size_t i = 0; i < json_array_size(tools); i++) {
        const char *name = json_str(json_array_get(tools, i), "name", "");
        if (json_object_get(m.called, name))
            called++;
        else if (strcmp(name, excused) != 0)
            fail_msg("%s was not called", name);
    }
    return called;
}

#endif
