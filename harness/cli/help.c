#include "cli/options.h"

#include <ctype.h>
#include <string.h>

enum { HELP_COLUMN = 26, WIDTH = 80 };

static const char plain_exit_codes[] = "  0    done\n"
                                       "  2    usage or configuration\n"
                                       "  3    broken: we could not find out\n";

static const char *exit_codes_of(const struct command *c)
{
    for (const struct command *k = commands; !c && k->name; k++) {
        if (!strcmp(k->name, "run")) { /* the program's page tells them all */
            return k->exit_codes;
        }
    }
    return c && c->exit_codes ? c->exit_codes : plain_exit_codes;
}

/* Words from the column on, broken before the 80th; the cursor stands in the column. */
static void wrapped(const char *text, size_t column, struct buf *out)
{
    size_t at = column;
    for (const char *p = text; *p;) {
        size_t n = strcspn(p, " ");
        if (at > column && at + 1 + n >= WIDTH) {
            buf_addf(out, "\n%*s", (int)column, "");
            at = column;
        } else if (at > column) {
            buf_addc(out, ' ');
            at++;
        }
        buf_add(out, p, n);
        at += n;
        p += n + strspn(p + n, " ");
    }
    buf_addc(out, '\n');
}

static char *option_left(const struct option_row *o)
{
    char letter[5] = "    ";
    if (o->letter) {
        letter[0] = '-';
        letter[1] = o->letter;
        letter[2] = ',';
    }
    return xasprintf("  %s--%s%s%s", letter, o->name, o->value ? " " : "",
                     o->value ? o->value : "");
}

static void help_option(const struct option_row *o, struct buf *out)
{
    char *left CLEANUP(free_ptr) = option_left(o);
    buf_adds(out, left);
    if (strlen(left) + 2 > HELP_COLUMN) {
        buf_addc(out, '\n');
        buf_addf(out, "%*s", HELP_COLUMN, "");
    } else {
        buf_addf(out, "%*s", (int)(HELP_COLUMN - strlen(left)), "");
    }
    char *text CLEANUP(free_ptr) =
        xasprintf("%s%s%s%s", o->help, o->fallback ? " (default: " : "",
                  o->fallback ? o->fallback : "", o->fallback ? ")" : "");
    wrapped(text, HELP_COLUMN, out);
}

static void indented(const char *lines, const char *indent, struct buf *out)
{
    for (const char *p = lines; *p;) {
        size_t n = strcspn(p, "\n");
        buf_adds(out, n > 0 ? indent : "");
        buf_add(out, p, n);
        buf_addc(out, '\n');
        p += n + (p[n] ? 1 : 0);
    }
}

void help_command(const struct command *c, struct buf *out)
{
    char *usage CLEANUP(free_ptr) =
        xasprintf("usage: waybill %s%s", c->name, c->options ? " [OPTION...]" : "");
    bool fits = strlen(usage) + 1 + strlen(c->operands) <= 80;
    const char *gap = !c->operands[0] ? "" : fits ? " " : "\n       ";
    buf_addf(out, "waybill %s: %s\n\n%s%s%s\n", c->name, c->about, usage, gap,
             c->operands);
    if (c->details) {
        buf_addf(out, "\n%s", c->details);
    }
    if (c->options) {
        buf_adds(out, "\noptions:\n");
        for (const struct option_row *o = c->options; o->name; o++) {
            help_option(o, out);
        }
        buf_adds(
            out,
            "\nAn option may also stand in the environment (--db: WAYBILL_DB) or in\n"
            "waybill.yaml (db: FILE).\n");
    }
    if (c->example) {
        buf_adds(out, "\nexamples:\n");
        indented(c->example, "  ", out);
    }
    buf_addf(out, "\nexit codes:\n%s", exit_codes_of(c));
}

void help_overview(struct buf *out)
{
    buf_adds(out,
             "waybill: proves that an agent platform delivers what a template promises\n"
             "\nusage: waybill COMMAND [OPTION...] [OPERAND...]\n\ncommands:\n");
    for (const struct command *c = commands; c->name; c++) {
        buf_addf(out, "  %-11s %s\n", c->name, c->about);
    }
    buf_adds(out, "\n'waybill COMMAND --help' says more. A first run:\n"
                  "  waybill run --tags gate\n");
}

/* troff: a leading dot or quote, backslashes and hyphens would be read as commands. */
static void troff(struct buf *out, const char *text)
{
    bool line_start = true;
    for (const char *p = text; *p; p++) {
        if (line_start && (*p == '.' || *p == '\'')) {
            buf_adds(out, "\\&");
        }
        if (*p == '\\') {
            buf_adds(out, "\\e");
        } else if (*p == '-') {
            buf_adds(out, "\\-");
        } else {
            buf_addc(out, *p);
        }
        line_start = *p == '\n';
    }
}

static void troff_block(struct buf *out, const char *title, const char *text)
{
    buf_addf(out, ".SH %s\n.nf\n", title);
    troff(out, text);
    buf_adds(out, ".fi\n");
}

static void man_options(const struct command *c, struct buf *out)
{
    buf_adds(out, ".SH OPTIONS\n");
    for (const struct option_row *o = c->options; o->name; o++) {
        buf_adds(out, ".TP\n.B ");
        if (o->letter) {
            buf_addf(out, "\\-%c, ", o->letter);
        }
        buf_adds(out, "\\-\\-");
        troff(out, o->name);
        if (o->value) {
            buf_addf(out, " \\fI%s\\fR", o->value);
        }
        buf_addc(out, '\n');
        troff(out, o->help);
        if (o->fallback) {
            buf_adds(out, " (default: ");
            troff(out, o->fallback);
            buf_addc(out, ')');
        }
        buf_addc(out, '\n');
    }
}

void man_page(const struct command *c, struct buf *out)
{
    const char *dash = c ? "-" : "";
    const char *name = c ? c->name : "";
    buf_addf(out, ".TH WAYBILL%s%s 1 \"\" \"waybill %s\"\n.SH NAME\nwaybill%s%s \\- ",
             dash, name, WAYBILL_VERSION, c ? "\\-" : "", name);
    troff(out, c ? c->about
                 : "proves that an agent platform delivers what a template promises");
    buf_addf(out, "\n.SH SYNOPSIS\n.B waybill %s\n", c ? name : "COMMAND");
    buf_adds(out, "[\\fIOPTION\\fR...] ");
    troff(out, c ? c->operands : "[OPERAND...]");
    buf_addc(out, '\n');
    if (c && c->details) {
        buf_adds(out, ".SH DESCRIPTION\n");
        troff(out, c->details);
    }
    if (c && c->options) {
        man_options(c, out);
    }
    if (!c) {
        buf_adds(out, ".SH COMMANDS\n");
        for (const struct command *k = commands; k->name; k++) {
            buf_addf(out, ".TP\n.B %s\n", k->name);
            troff(out, k->about);
            buf_addc(out, '\n');
        }
    }
    if (c && c->example) {
        troff_block(out, "EXAMPLES", c->example);
    }
    troff_block(out, "EXIT STATUS", exit_codes_of(c));
}

/* The words that a command begins with: "list|call|ping" of its operands. */
static void operand_words(const struct command *c, struct buf *out)
{
    size_t n = strcspn(c->operands, " ");
    if (memchr(c->operands, '|', n) == NULL) {
        return;
    }
    for (const char *p = c->operands; p < c->operands + n; p++) {
        buf_addc(out, (char)(*p == '|' ? ' ' : *p));
    }
    buf_addc(out, ' ');
}

static void complete_bash(struct buf *out)
{
    buf_adds(out, "_waybill() {\n  local cur=${COMP_WORDS[COMP_CWORD]} words\n"
                  "  if [ \"$COMP_CWORD\" = 1 ]; then words='");
    for (const struct command *c = commands; c->name; c++) {
        buf_addf(out, "%s ", c->name);
    }
    buf_adds(out, "'\n  else case ${COMP_WORDS[1]} in\n");
    for (const struct command *c = commands; c->name; c++) {
        buf_addf(out, "    %s) words='", c->name);
        operand_words(c, out);
        for (const struct option_row *o = c->options; o && o->name; o++) {
            buf_addf(out, "--%s ", o->name);
        }
        buf_adds(out, "--help' ;;\n");
    }
    buf_adds(out,
             "  esac; fi\n  COMPREPLY=($(compgen -W \"$words\" -- \"$cur\"))\n"
             "  [ ${#COMPREPLY[@]} -gt 0 ] || COMPREPLY=($(compgen -f -- \"$cur\"))\n"
             "}\ncomplete -F _waybill waybill\n");
}

static void complete_fish(struct buf *out)
{
    for (const struct command *c = commands; c->name; c++) {
        buf_addf(out, "complete -c waybill -n __fish_use_subcommand -a %s -d '%s'\n",
                 c->name, c->about);
        struct buf words CLEANUP(buf_release) = BUF_INIT(1024);
        operand_words(c, &words);
        if (words.len > 0) {
            buf_addf(
                out,
                "complete -c waybill -n '__fish_seen_subcommand_from %s' -f -a '%s'\n",
                c->name, words.data);
        }
        for (const struct option_row *o = c->options; o && o->name; o++) {
            buf_addf(out,
                     "complete -c waybill -n '__fish_seen_subcommand_from %s' -l %s%s\n",
                     c->name, o->name, o->value ? " -r" : "");
        }
    }
}

int completion_script(const char *shell, struct buf *out, struct err *err)
{
    if (!strcmp(shell, "bash")) {
        complete_bash(out);
    } else if (!strcmp(shell, "zsh")) {
        buf_adds(out, "#compdef waybill\nautoload -U +X bashcompinit && bashcompinit\n");
        complete_bash(out);
    } else if (!strcmp(shell, "fish")) {
        complete_fish(out);
    } else {
        return err_set(err, ERR_USAGE, "no completion for '%s': bash, zsh or fish",
                       shell);
    }
    return 0;
}
