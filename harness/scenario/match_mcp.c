/* The expectations that speak of MCP: errors of both kinds, tools, frames. */
#include <stdlib.h>
#include <string.h>

#include "base/num.h"
#include "io/json.h"
#include "scenario/match_part.h"
#include "scenario/surface.h"
#include "scenario/vars.h"

/* ---- errors ---- */

/* A refusal as the step saw it, by whatever way it came. */
struct refused {
    bool is;
    json_t *code;        /* owned, NULL = none is known */
    const char *message; /* borrowed, "" when there is none */
};

static int error_holds(struct look *l, const struct expectation *e, const char *what,
                       const struct refused *r, struct err *err)
{
    buf_adds(&l->expected, what);
    if (e->n_matchers) {
        buf_adds(&l->expected, " with code ");
        if (look_all_hold(l, e->matchers, e->n_matchers, r->code, err) < 0)
            return -1;
    }
    if (e->n_message) {
        json_t *text CLEANUP(json_drop) = json_str_new(r->message);
        buf_adds(&l->expected, " with message ");
        if (look_all_hold(l, e->message, e->n_message, text, err) < 0)
            return -1;
    }
    l->holds = l->holds && r->is;
    look_describe(l->obs, &l->actual);
    return 0;
}

static int rpc_error_holds(struct look *l, const struct expectation *e, struct err *err)
{
    const struct observation *o = l->obs;
    json_t *code CLEANUP(json_drop) = o->has_rpc_error ? json_integer(o->rpc_code) : NULL;
    const struct refused r = {o->has_rpc_error, code,
                              o->rpc_message ? o->rpc_message : ""};

    return error_holds(l, e, "JSON-RPC error", &r, err);
}

/* Servers on the TypeScript SDK put errors of JSON-RPC into the text of a result: "MCP
 * error -32602: Tool x not found". NULL = no such text. New reference. */
static json_t *code_in_text(const char *text)
{
    static const char lead[] = "MCP error ";
    int64_t code = 0;

    if (strncmp(text, lead, sizeof(lead) - 1) != 0)
        return NULL;
    text += sizeof(lead) - 1;
    char *number CLEANUP(free_ptr) = xstrdup(text);
    number[strcspn(number, ":")] = '\0';
    return num_parse(number, INT32_MIN, INT32_MAX, &code) ? json_integer(code) : NULL;
}

static int mcp_error_holds(struct look *l, const struct expectation *e, struct err *err)
{
    const struct observation *o = l->obs;
    size_t len = 0;
    const char *text = o->is_error == 1 ? look_content(o, &len) : NULL;
    const char *message = o->has_rpc_error ? o->rpc_message : text;
    json_t *code CLEANUP(json_drop) = o->has_rpc_error ? json_integer(o->rpc_code)
                                      : text           ? code_in_text(text)
                                                       : NULL;
    const struct refused r = {o->has_rpc_error || o->is_error == 1, code,
                              message ? message : ""};

    if (e->node->kind != YNODE_SCALAR || !e->node->text ||
        strcmp(e->node->text, "false") != 0)
        return error_holds(l, e, "an error of JSON-RPC or of the tool", &r, err);
    buf_adds(&l->expected, "no error, neither of JSON-RPC nor of the tool");
    l->holds = !r.is;
    look_describe(o, &l->actual);
    return 0;
}

static int http_status_holds(struct look *l, const struct expectation *e, struct err *err)
{
    const struct observation *o = l->obs;
    int r = look_value_holds(l, e, "HTTP status",
                             o->has_status ? json_integer(o->status) : NULL, err);

    buf_reset(&l->actual);
    if (o->has_status && l->holds)
        buf_addf(&l->actual, "%d", o->status);
    else if (o->has_status)
        look_describe(o, &l->actual);
    else
        buf_adds(&l->actual, "no HTTP status: the server was not asked over HTTP");
    return r;
}

/* ---- tools ---- */

static const char *name_of(const json_t *tool)
{
    return json_str(tool, "name", "");
}

static json_t *find_tool(const json_t *tools, const char *name)
{
    json_t *tool = NULL;
    size_t i = 0;

    json_array_foreach(tools, i, tool)
    {
        if (strcmp(name_of(tool), name) == 0)
            return tool;
    }
    return NULL;
}

static void add_names(struct buf *out, const json_t *tools)
{
    size_t i = 0;
    json_t *tool = NULL;

    buf_addf(out, "%zu tool%s", json_array_size(tools),
             json_array_size(tools) == 1 ? "" : "s");
    json_array_foreach(tools, i, tool)
    {
        buf_addf(out, "%s%s", i ? ", " : ": ", name_of(tool));
    }
}

/* The tools of the answer, borrowed; NULL = it lists none, which is a FAIL. */
static const json_t *tools_of(struct look *l)
{
    const json_t *tools = json_object_get(l->obs->answer, "tools");

    if (json_is_array(tools))
        return tools;
    l->holds = false;
    buf_adds(&l->actual, "no list of tools; ");
    look_describe(l->obs, &l->actual);
    return NULL;
}

/* Every part of `wanted` in `actual`: members of objects, elements of arrays, anything
 * else equal. Says where it is not so. */
static bool is_part(const json_t *wanted, const json_t *actual, const char *path,
                    struct buf *why);

static bool is_member_part(const json_t *wanted, const json_t *actual, const char *path,
                           struct buf *why)
{
    const char *key = NULL;
    json_t *value = NULL;

    json_object_foreach((json_t *)(uintptr_t)wanted, key, value)
    {
        char *inner CLEANUP(free_ptr) = xasprintf("%s.%s", path, key);
        if (!is_part(value, json_object_get(actual, key), inner, why))
            return false;
    }
    return true;
}

static bool is_element(const json_t *wanted, const json_t *actual)
{
    struct buf why CLEANUP(buf_release) = BUF_INIT(SIZE_MAX / 2);
    size_t i = 0;
    json_t *value = NULL;

    json_array_foreach(actual, i, value)
    {
        if (is_part(wanted, value, "", &why))
            return true;
    }
    return false;
}

static bool is_part(const json_t *wanted, const json_t *actual, const char *path,
                    struct buf *why)
{
    bool is = json_equal(wanted, actual);

    if (json_is_object(wanted) && json_is_object(actual))
        return is_member_part(wanted, actual, path, why);
    if (json_is_array(wanted) && json_is_array(actual)) {
        is = true;
        for (size_t i = 0; i < json_array_size(wanted); i++)
            is = is && is_element(json_array_get(wanted, i), actual);
    }
    if (is)
        return true;
    buf_addf(why, "%s is ", path);
    look_add_json(why, actual, QUOTED_MAX);
    return false;
}

static bool text_is(const struct expectation *e)
{
    return e->node->kind == YNODE_SCALAR;
}

static int tool_holds(struct look *l, const struct expectation *e, struct err *err)
{
    static const struct {
        const char *key, *member;
    } parts[] = {{"schema", "inputSchema"},
                 {"output_schema", "outputSchema"},
                 {"annotations", "annotations"},
                 {"title", "title"}};
    json_t *wanted CLEANUP(json_drop) = NULL;

    if (vars_json(l->vars, e->node, l->file, &wanted, err) < 0)
        return -1;
    const char *name =
        text_is(e) ? json_string_value(wanted) : json_str(wanted, "name", NULL);
    if (!name)
        return err_set(err, ERR_CONFIG, "%s:%d:%d: the tool's name is no text", l->file,
                       e->line, e->col);
    buf_adds(&l->expected, "tool ");
    look_add_json(&l->expected, wanted, MATCH_TEXT_MAX);
    const json_t *tools = tools_of(l);
    const json_t *tool = find_tool(tools, name);
    if (tools && !tool) {
        l->holds = false;
        add_names(&l->actual, tools);
    }
    for (size_t i = 0; tool && l->holds && i < ARRAY_SIZE(parts); i++) {
        const json_t *part = json_object_get(wanted, parts[i].key);
        const json_t *has = json_object_get(tool, parts[i].member);
        l->holds = !part || is_part(part, has, parts[i].member, &l->actual);
    }
    if (l->holds && e->n_matchers) {
        buf_adds(&l->expected, " with description ");
        json_t *said = json_object_get(tool, "description");
        if (look_all_hold(l, e->matchers, e->n_matchers, said, err) < 0)
            return -1;
        if (!l->holds) {
            buf_adds(&l->actual, "description is ");
            look_add_json(&l->actual, said, QUOTED_MAX);
        }
    }
    if (l->holds)
        look_add_json(&l->actual, tool, QUOTED_MAX);
    return 0;
}

/* Adds "missing: a, b". wanted: names. */
static void add_those(struct look *l, const char *lead, const json_t *wanted,
                      const json_t *tools, bool listed)
{
    size_t i = 0;
    json_t *name = NULL;
    bool first = true;

    json_array_foreach(wanted, i, name)
    {
        const char *text = json_string_value(name);
        if (!text || (find_tool(tools, text) != NULL) != listed)
            continue;
        buf_addf(&l->actual, "%s%s", first ? lead : ", ", text);
        first = false;
    }
    if (first)
        return;
    buf_adds(&l->actual, "; ");
    l->holds = false;
}

static bool has_name(const json_t *names, const char *name)
{
    size_t i = 0;
    json_t *one = NULL;

    json_array_foreach(names, i, one)
    {
        if (json_is_string(one) && strcmp(json_string_value(one), name) == 0)
            return true;
    }
    return false;
}

static void add_others(struct look *l, const json_t *wanted, const json_t *tools)
{
    size_t i = 0;
    json_t *tool = NULL;
    bool first = true;

    json_array_foreach(tools, i, tool)
    {
        if (has_name(wanted, name_of(tool)))
            continue;
        buf_addf(&l->actual, "%s%s", first ? "not expected: " : ", ", name_of(tool));
        first = false;
    }
    if (first)
        return;
    buf_adds(&l->actual, "; ");
    l->holds = false;
}

static int tools_hold(struct look *l, const struct expectation *e, struct err *err)
{
    json_t *wanted CLEANUP(json_drop) = NULL;
    const char *key = NULL;
    json_t *names = NULL;

    if (vars_json(l->vars, e->node, l->file, &wanted, err) < 0)
        return -1;
    json_object_foreach(wanted, key, names)
    {
        if (!json_is_array(names))
            return err_set(err, ERR_CONFIG, "%s:%d:%d: '%s' of 'tools' has to be a list",
                           l->file, e->line, e->col, key);
    }
    const json_t *exactly = json_object_get(wanted, "exactly");
    buf_adds(&l->expected, "tools ");
    look_add_json(&l->expected, wanted, MATCH_TEXT_MAX);
    const json_t *tools = tools_of(l);
    if (!tools)
        return 0;
    add_those(l, "missing: ", exactly, tools, false);
    add_those(l, "missing: ", json_object_get(wanted, "include"), tools, false);
    add_those(l, "listed, but not to be: ", json_object_get(wanted, "exclude"), tools,
              true);
    if (exactly)
        add_others(l, exactly, tools);
    if (exactly && json_array_size(exactly) < json_array_size(tools) && l->holds) {
        buf_adds(&l->actual, "a name is listed twice; ");
        l->holds = false;
    }
    add_names(&l->actual, tools);
    return 0;
}

static void tools_match(struct look *l, const struct expectation *e)
{
    buf_addf(&l->expected, "the tools of %s", e->node->text);
    const json_t *tools = tools_of(l);
    if (!tools)
        return;
    json_t *surface CLEANUP(json_drop) = surface_make(tools);
    l->holds = surface_diff(e->surface, surface, &l->actual) == 0;
    if (l->holds)
        buf_addf(&l->actual, "the same %zu", json_array_size(tools));
}

/* ---- frames ---- */

static void frames_valid(struct look *l, const struct expectation *e)
{
    const struct strv *findings = l->obs->findings;
    bool wanted = strcmp(e->node->text, "true") == 0;

    buf_adds(&l->expected, wanted ? "frames as the revision has them"
                                  : "frames that break the revision's rules");
    if (!findings) {
        l->holds = false;
        buf_adds(&l->actual, "no frames: not an MCP step");
        return;
    }
    l->holds = wanted == (findings->n == 0);
    char *all CLEANUP(free_ptr) = strv_join(findings, "; ");
    buf_adds(&l->actual, findings->n ? all : "all of them are");
}

static int ended_holds(struct look *l, const struct expectation *e, struct err *err)
{
    const char *how = l->obs->ended ? l->obs->unfit : NULL;

    buf_adds(&l->expected, "the server ends before it answers: ");
    json_t *text CLEANUP(json_drop) = how ? json_str_new(how) : NULL;
    if (look_all_hold(l, e->matchers, e->n_matchers, text, err) < 0)
        return -1;
    if (how)
        look_add_text(&l->actual, how, strlen(how), MATCH_TEXT_MAX);
    else {
        l->holds = false;
        buf_adds(&l->actual, "it did not end; ");
        if (l->obs->unfit)
            look_add_text(&l->actual, l->obs->unfit, strlen(l->obs->unfit), QUOTED_MAX);
        else
            look_describe(l->obs, &l->actual);
    }
    return 0;
}

int look_at_mcp(struct look *l, const struct expectation *e, struct err *err)
{
    switch (e->kind) {
    case EXPECT_RPC_ERROR:
        return rpc_error_holds(l, e, err);
    case EXPECT_MCP_ERROR:
        return mcp_error_holds(l, e, err);
    case EXPECT_HTTP_STATUS:
        return http_status_holds(l, e, err);
    case EXPECT_TOOL:
        return tool_holds(l, e, err);
    case EXPECT_TOOLS:
        return tools_hold(l, e, err);
    case EXPECT_TOOLS_MATCH:
        tools_match(l, e);
        return 0;
    case EXPECT_ENDED:
        return ended_holds(l, e, err);
    case EXPECT_FRAMES_VALID:
        frames_valid(l, e);
        return 0;
    default:
        return 0;
    }
}
