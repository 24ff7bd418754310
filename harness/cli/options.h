/*
 * Command-line options from tables: the parser, --help, the man pages and the shell
 * completions are all made from the same rows.
 *
 * A value comes from the option, else the environment (WAYBILL_<NAME>), else the file
 * waybill.yaml (searched from the current directory upwards), else the default.
 */
#ifndef CLI_OPTIONS_H
#define CLI_OPTIONS_H

#include "base/buf.h"
#include "base/err.h"
#include "base/strv.h"
#include <stdbool.h>
#include <stddef.h>

enum option_type {
    OPTION_FLAG,  /* bool */
    OPTION_TEXT,  /* char *, owned by the arguments struct, NULL when not given */
    OPTION_COUNT, /* int, at least 0 */
    OPTION_LIST,  /* struct strv; may be given several times */
};

struct option_row {
    const char *name; /* without "--"; NULL ends the table */
    char letter;      /* 0 = none */
    enum option_type type;
    const char *value;    /* placeholder in help: "FILE"; NULL for flags */
    const char *fallback; /* as text; NULL = none */
    size_t offset;        /* of the member in the arguments struct */
    const char *help;     /* one line, lower case, no full stop */
};

struct command;
/* Returns the exit code. Prints results on stdout; *err is printed by main. A negative
 * return means that *err says why: exit 2 for ERR_USAGE and ERR_CONFIG, else 3. */
typedef int command_fn(void *arguments, const struct strv *operands, struct err *err);

struct command {
    const char *name;     /* NULL ends the table */
    const char *operands; /* "[PATH...]"; "" = takes none. With "-- " in it the operands
                             keep the first "--", and options end there only */
    const char *about;    /* one line */
    const char *details;  /* paragraphs for --help and the man page; NULL = none */
    const char *example;  /* command lines that work as printed, one a line */
    const struct option_row *options;
    size_t arguments_size;
    command_fn *run;
    size_t given; /* of a struct strv in the arguments that gets the names of the options
                     that stood on the command line; 0 = not wanted */
    const char *exit_codes; /* one a line; NULL = those of a command that only tells */
};
extern const struct command commands[];

/* Parses argv (after the command's name) into arguments (zeroed, arguments_size bytes).
 * 1 = --help was asked for. ERR_USAGE with the nearest known option. */
MUST_CHECK int options_parse(const struct command *c, int argc, char **argv,
                             void *arguments, struct strv *operands, struct err *err);
/* Frees texts and lists; not the struct. */
void options_release(const struct command *c, void *arguments);

/* 80 columns, whatever the terminal. */
void help_command(const struct command *c, struct buf *out);
void help_overview(struct buf *out);
/* troff source of a page: of one command, or NULL for the program's. */
void man_page(const struct command *c, struct buf *out);
/* Shell is "bash", "zsh" or "fish". ERR_USAGE for others. */
MUST_CHECK int completion_script(const char *shell, struct buf *out, struct err *err);

#endif
