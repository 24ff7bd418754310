#include "scenario/explain.h"

#include <string.h>

#include "base/clock.h"
#include "base/limits.h"
#include "scenario/expr.h"

static const char *arg_text(const struct step *step, const char *key,
                            const char *fallback)
{
    const struct ynode *node = step_arg(step, key);

    return node && node->text ? node->text : fallback;
}

static void add_list(struct buf *out, const struct ynode *node)
{
    if (node->kind == YNODE_SCALAR)
        buf_adds(out, node->text);
    for (size_t i = 0; node->kind == YNODE_SEQ && i < node->n; i++)
        buf_addf(out, "%s%s", i ? ", " : "",
                 node->items[i]->text ? node->items[i]->text : "?");
}

static void add_mcp(struct buf *out, const struct step *step)
{
    const char *tool = ynode_str(step->mcp_arg, "name", NULL);

    if (step->mcp_op == MCP_OP_CALL && tool)
        buf_addf(out, "call the tool %s", tool);
    else if (step->mcp_op == MCP_OP_RAW)
        buf_addf(
            out, "send %s",
            ynode_str(step->mcp_arg, "method",
                      ynode_str(step->mcp_arg, "notify", "a message to the letter")));
    else if (step->mcp_op == MCP_OP_NONE)
        buf_adds(out, "talk MCP");
    else
        buf_adds(out, table_name(mcp_op_names, (int)step->mcp_op));
    if (step_arg(step, "on"))
        buf_addf(out, " on the server %s of %s", arg_text(step, "server", "?"),
                 arg_text(step, "on", "?"));
    else if (step_arg(step, "bridge"))
        buf_addf(out, " over the platform's bridge of %s", arg_text(step, "bridge", "?"));
    else if (step_arg(step, "http"))
        buf_addf(out, " at %s", arg_text(step, "http", "?"));
    else if (step_arg(step, "stdio")) {
        buf_adds(out, " with the command ");
        add_list(out, step_arg(step, "stdio"));
    }
}

static void add_plugin(struct buf *out, const struct step *step)
{
    static const char *const acts[] = {"install", "uninstall", "declare"};

    for (size_t i = 0; i < 3; i++)
        if (step_arg(step, acts[i]))
            buf_addf(out, "%s %s on %s", acts[i], arg_text(step, acts[i], "?"),
                     arg_text(step, "on", "?"));
}

static void add_http(struct buf *out, const struct step *step)
{
    const char *in = ynode_str(step->node, "in", NULL);
    const char *on = ynode_str(step->node, "on", NULL);
    const char *as = ynode_str(step->node, "as", NULL);

    buf_addf(out, "%s %s", step->row->method, step->arg->text ? step->arg->text : "?");
    if (in || on)
        buf_addf(out, " %s %s", in ? "in" : "on", in ? in : on);
    if (as)
        buf_addf(out, " as %s", as);
}

static void add_fault(struct buf *out, const struct step *step)
{
    const char *mode = arg_text(step, "mode", NULL);
    const char *off = arg_text(step, "off", "false");

    buf_addf(out, "switch the fault %s%s%s %s", arg_text(step, "name", "?"),
             mode ? "=" : "", mode ? mode : "", strcmp(off, "true") == 0 ? "off" : "on");
    if (step_arg(step, "in"))
        buf_addf(out, " in %s", arg_text(step, "in", "?"));
}

static void add_step(struct buf *out, const struct step *step)
{
    switch (step->kind) {
    case STEP_ORG:
        buf_addf(out, "create the organisation %s", arg_text(step, "as", "?"));
        break;
    case STEP_WORKSPACE:
        buf_addf(out, "create the workspace %s in %s", arg_text(step, "as", "?"),
                 arg_text(step, "in", "?"));
        if (step_arg(step, "template"))
            buf_addf(out, " from the template %s", arg_text(step, "template", "?"));
        break;
    case STEP_FIND_WORKSPACE:
        buf_addf(out, "find the workspace %s in %s", arg_text(step, "as", "?"),
                 arg_text(step, "in", "?"));
        break;
    case STEP_WAIT_ONLINE:
        buf_adds(out, "wait until online: ");
        add_list(out, step->arg);
        break;
    case STEP_RESTART:
    case STEP_PAUSE:
    case STEP_RESUME:
    case STEP_DELETE:
        buf_addf(out, "%s %s", step->row->key, step->arg->text ? step->arg->text : "?");
        break;
    case STEP_HTTP:
        add_http(out, step);
        break;
    case STEP_MCP:
        add_mcp(out, step);
        break;
    case STEP_A2A:
        buf_addf(out, "say to %s: \"%s\"", arg_text(step, "to", "?"),
                 arg_text(step, "text", "?"));
        break;
    case STEP_FILES:
        if (step_arg(step, "read"))
            buf_addf(out, "read the file %s of %s", arg_text(step, "read", "?"),
                     arg_text(step, "of", "?"));
        else
            buf_addf(out, "list the files of %s under %s", arg_text(step, "of", "?"),
                     arg_text(step, "path", "/"));
        break;
    case STEP_PLUGIN:
        add_plugin(out, step);
        break;
    case STEP_AUDIT:
        buf_addf(out, "read the audit of %s", arg_text(step, "in", "?"));
        break;
    case STEP_RUN:
        buf_adds(out, "run ");
        if (step_arg(step, "argv"))
            add_list(out, step_arg(step, "argv"));
        break;
    case STEP_FAULT:
        add_fault(out, step);
        break;
    case STEP_JOURNAL:
        buf_adds(out, "read the platform's journal");
        break;
    case STEP_USE:
        buf_addf(out, "do the steps of %s", step->arg->text ? step->arg->text : "?");
        break;
    case STEP_DENY:
        buf_adds(out, "an act that has to be refused");
        break;
    }
}

char *explain_step(const struct step *step)
{
    struct buf b = BUF_INIT(LIMIT_ERROR_TEXT);
    char *text;

    add_step(&b, step);
    text = xstrdup(b.data);
    buf_release(&b);
    return text;
}

struct explaining {
    const struct exprs *exprs;
    struct buf *out;
};

static void indent(struct explaining *x, int depth)
{
    for (int i = 0; i < depth; i++)
        buf_adds(x->out, "  ");
}

/* The YAML value in one line. */
static void add_node(struct buf *out, const struct ynode *node)
{
    if (node->kind == YNODE_SCALAR)
        buf_adds(out, node->text);
    if (node->kind == YNODE_SEQ)
        add_list(out, node);
    for (size_t i = 0; node->kind == YNODE_MAP && i < node->n; i++) {
        buf_addf(out, "%s%s ", i ? ", " : "", node->pairs[i].key);
        add_node(out, node->pairs[i].value);
    }
}

static void explain_expects(struct explaining *x, const struct step *step, int depth)
{
    for (size_t i = 0; i < step->n_expects; i++) {
        for (size_t k = 0; k < step->expects[i].n; k++) {
            const struct expectation *e = &step->expects[i].items[k];
            const char *key = table_name(expect_names, (int)e->kind);
            if (e->kind == EXPECT_SUCCEEDS)
                continue;
            indent(x, depth);
            buf_addf(x->out, "- has to hold: %s", e->name);
            if (strncmp(e->name, key, strlen(key)) == 0) {
                buf_adds(x->out, " ");
                add_node(x->out, e->node);
            }
            buf_addc(x->out, '\n');
        }
    }
}

static void explain_time(struct explaining *x, const struct step *step)
{
    char human[32];

    if (step->never)
        buf_adds(x->out, ", which must not happen at any time");
    if (step->within_ms >= 0)
        buf_addf(x->out, ", within %s", clock_human(step->within_ms, human));
    if (step->stays_ms >= 0)
        buf_addf(x->out, ", and it stays so for %s", clock_human(step->stays_ms, human));
    if (step->when >= 0)
        buf_addf(x->out, ", only when %s", exprs_text(x->exprs, step->when));
    if (step->always)
        buf_adds(x->out, ", whatever happened before");
}

static void explain_list(struct explaining *x, const struct step_list *list, int depth);

static void explain_deny(struct explaining *x, const struct step *step, int depth)
{
    if (!step->control.step)
        return;
    char *act CLEANUP(free_ptr) = explain_step(step->control.step);
    indent(x, depth);
    buf_addf(x->out, "- the act: %s\n", act);
    indent(x, depth);
    buf_addf(x->out, "- it succeeds for: %s\n", step->control.subject);
    for (size_t i = 0; i < step->n_refused; i++) {
        indent(x, depth);
        buf_addf(x->out, "- it is refused for: %s\n", step->refused[i].subject);
    }
    if (step->n_refused > 0)
        explain_expects(x, step->refused[0].step, depth);
}

static void explain_list(struct explaining *x, const struct step_list *list, int depth)
{
    for (size_t i = 0; i < list->n; i++) {
        const struct step *step = list->v[i];
        char *does CLEANUP(free_ptr) = explain_step(step);
        indent(x, depth);
        if (strcmp(does, step->name) == 0 || step->kind == STEP_DENY)
            buf_addf(x->out, "%zu. %s", i + 1, step->name);
        else
            buf_addf(x->out, "%zu. %s: %s", i + 1, step->name, does);
        explain_time(x, step);
        buf_addc(x->out, '\n');
        if (step->row->check) {
            indent(x, depth + 1);
            buf_addf(x->out, "- has to hold: %s\n", step->row->check);
        }
        explain_expects(x, step, depth + 1);
        explain_deny(x, step, depth + 1);
        explain_list(x, &step->group, depth + 1);
        explain_list(x, &step->then, depth + 1);
    }
}

static void add_line(struct buf *out, const char *what, const struct strv *list)
{
    if (list->n == 0)
        return;
    char *text CLEANUP(free_ptr) = strv_join(list, ", ");
    buf_addf(out, "%s: %s\n", what, text);
}

void explain_scenario(const struct scenario *s, const struct exprs *exprs,
                      struct buf *out)
{
    struct explaining x = {.exprs = exprs, .out = out};

    buf_addf(out, "%s (%s)\n", s->name, s->file);
    buf_addf(out, "Proves that %s.\n", s->proves ? s->proves : "(it does not say)");
    add_line(out, "Tags", &s->tags);
    add_line(out, "Needs", &s->needs);
    add_line(out, "Only on", &s->targets);
    add_line(out, "See", &s->refs);
    if (s->budget_ms >= 0) {
        char human[32];
        buf_addf(out, "May take %s of production time.\n",
                 clock_human(s->budget_ms, human));
    }
    if (s->failure_ref)
        buf_addf(out, "Is known to fail until %s: %s.\n",
                 s->failure_until ? s->failure_until : "?", s->failure_ref);
    buf_adds(out, "\nSteps:\n");
    explain_list(&x, &s->steps, 0);
}
