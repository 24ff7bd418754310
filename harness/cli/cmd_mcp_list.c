/* waybill mcp list: the tools of a server, kept in a file and compared with it. */
#include "cli/cmd_mcp.h"

#include <stdio.h>
#include <string.h>

#include "base/fs.h"
#include "base/limits.h"
#include "base/utf8.h"
#include "io/json.h"
#include "run/verdict.h"
#include "scenario/surface.h"

static void print_tools(const struct mcp_session *s, const struct mcp_answer *a)
{
    const json_t *tools = json_object_get(a->result, "tools");
    const char *server = mcp_server_name(s->client);
    CLEANUP(buf_release) struct buf out = BUF_INIT(LIMIT_REPORT);
    size_t widest = 0;
    for (size_t i = 0; i < json_array_size(tools); i++) {
        size_t n = strlen(json_str(json_array_get(tools, i), "name", ""));
        widest = n > widest && n <= 40 ? n : widest;
    }
    for (size_t i = 0; i < json_array_size(tools); i++) {
        const json_t *tool = json_array_get(tools, i);
        const char *name = json_str(tool, "name", "");
        const char *about = json_str(tool, "description", "");
        buf_adds(&out, s->colour ? "\x1b[1m" : "");
        utf8_add_line(&out, name);
        buf_addf(&out, "%*s%s  ",
                 (int)(widest > strlen(name) ? widest - strlen(name) : 0), "",
                 s->colour ? "\x1b[0m" : "");
        utf8_add_shown(&out, about, strcspn(about, "\n"));
        buf_addc(&out, '\n');
    }
    buf_addf(&out, "%zu tools, ", json_array_size(tools));
    utf8_add_line(&out, server ? server : "(no name)");
    buf_addf(&out, ", revision %s, %lld ms\n", mcp_revision(s->client),
             (long long)a->elapsed_ms);
    mcp_print_styled(s, &out);
}

static int write_baseline(struct mcp_session *s, const json_t *surface, struct err *err)
{
    size_t n = json_array_size(json_object_get(surface, "tools"));
    CLEANUP(buf_release) struct buf text = BUF_INIT(LIMIT_REPORT);
    CLEANUP(buf_release) struct buf safe = BUF_INIT(LIMIT_REPORT);
    surface_render(surface, &text);
    mcp_hide_token(s, text.data, text.len, &safe);
    if (fs_mkparents(s->a->baseline, err) < 0 ||
        fs_write(s->a->baseline, safe.data, safe.len, 0644, err) < 0)
        return -1;
    if (s->a->json)
        mcp_print_findings_with(s, json_make("{s:s,s:I}", "baseline", s->a->baseline,
                                             "tools", (json_int_t)n));
    fprintf(stderr, "waybill: %zu tools written to '%s'\n", n, s->a->baseline);
    return EXIT_PASSED;
}

/* Each in one line, whatever a tool is called. */
static void print_differences(const struct mcp_session *s, const json_t *list)
{
    CLEANUP(buf_release) struct buf out = BUF_INIT(LIMIT_REPORT);
    for (size_t i = 0; i < json_array_size(list); i++) {
        CLEANUP(buf_release) struct buf line = BUF_INIT(LIMIT_REPORT);
        surface_words(json_array_get(list, i), &line);
        utf8_add_line(&out, line.data);
        buf_addc(&out, '\n');
    }
    mcp_print(s, &out);
}

static int match_baseline(struct mcp_session *s, const json_t *surface)
{
    CLEANUP(json_drop) json_t *list = surface_differences(s->expected, surface);
    size_t n = json_array_size(list);
    if (s->a->json)
        mcp_print_findings_with(
            s, json_make("{s:b,s:O}", "same", n == 0, "differences", list));
    else
        print_differences(s, list);
    fprintf(stderr, "waybill: %zu difference%s from '%s'\n", n, n == 1 ? "" : "s",
            s->a->match);
    return n == 0 ? EXIT_PASSED : EXIT_FAILED;
}

int mcp_list(struct mcp_session *s, struct err *err)
{
    CLEANUP(mcp_answer_release) struct mcp_answer a = MCP_ANSWER_INIT;
    if (mcp_session_tools(s, &a, err))
        return -1;
    if (a.outcome != MCP_OK)
        return mcp_refused(s, "tools/list", &a);
    CLEANUP(json_drop)
    json_t *surface = surface_make(json_object_get(a.result, "tools"));
    if (s->a->baseline)
        return write_baseline(s, surface, err);
    if (s->a->match)
        return match_baseline(s, surface);
    if (s->a->json)
        mcp_print_answer(s, &a);
    else
        print_tools(s, &a);
    return EXIT_PASSED;
}
