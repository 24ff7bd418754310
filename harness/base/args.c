#include "base/args.h"

#include <getopt.h>
#include <stdbool.h>

#include "base/num.h"
#include "base/strv.h"

enum { FIRST_ROW = 256 }; /* what getopt_long returns for the first row */

static int take_number(const struct arg_row *row, void *field, struct err *err)
{
    int64_t value = 0;
    if (!num_parse(optarg, row->low, row->high, &value)) {
        bool bounded = row->high < INT64_MAX;
        return bounded
                   ? err_set(err, ERR_USAGE,
                             "--%s wants a number from %lld to %lld, got '%s'", row->name,
                             (long long)row->low, (long long)row->high, optarg)
                   : err_set(err, ERR_USAGE, "--%s wants a number from %lld on, got '%s'",
                             row->name, (long long)row->low, optarg);
    }
    if (row->kind == ARG_INT)
        *(int *)field = (int)value;
    else if (row->kind == ARG_SIZE)
        *(size_t *)field = (size_t)value;
    else
        *(int64_t *)field = value;
    return 0;
}

static int take_ratio(const struct arg_row *row, double *field, struct err *err)
{
    if (!num_parse_double(optarg, field) || *field <= 0 || *field > (double)row->high)
        return err_set(err, ERR_USAGE,
                       "--%s wants a number above 0, at most %lld, got '%s'", row->name,
                       (long long)row->high, optarg);
    return 0;
}

static int take(const struct arg_row *row, void *field, struct err *err)
{
    switch (row->kind) {
    case ARG_FLAG:
        *(bool *)field = true;
        return 0;
    case ARG_TEXT:
        *(const char **)field = optarg;
        return 0;
    case ARG_TEXTS:
        strv_add(field, optarg);
        return 0;
    case ARG_INT:
    case ARG_INT64:
    case ARG_SIZE:
        return take_number(row, field, err);
    case ARG_RATIO:
        return take_ratio(row, field, err);
    case ARG_HELP:
        return 1;
    }
    return err_set(err, ERR_BUG, "option '--%s' has no kind", row->name);
}

static bool has_value(const struct arg_row *row)
{
    return row->kind != ARG_FLAG && row->kind != ARG_HELP;
}

int args_parse(int argc, char **argv, const char *program, const struct arg_row *rows,
               size_t n, void *into, const char **ret_word, struct err *err)
{
    struct option options[ARGS_MAX + 1] = {{NULL, 0, NULL, 0}};
    if (n > ARGS_MAX)
        return err_set(err, ERR_BUG, "%s has more than %d options", program, ARGS_MAX);
    for (size_t i = 0; i < n; i++)
        options[i] = (struct option){
            rows[i].name, has_value(&rows[i]) ? required_argument : no_argument, NULL,
            FIRST_ROW + (int)i};
    opterr = 0;
    optind = 1;
    for (int got = 0; (got = getopt_long(argc, argv, "", options, NULL)) != -1;) {
        if (got == '?')
            return err_set(err, ERR_USAGE,
                           "unknown option or missing value '%s'; see %s --help",
                           argv[optind - 1], program);
        const struct arg_row *row = &rows[got - FIRST_ROW];
        int taken = take(row, (char *)into + row->offset, err);
        if (taken != 0)
            return taken;
    }
    if (ret_word)
        *ret_word = optind < argc ? argv[optind++] : NULL;
    return optind < argc
               ? err_set(err, ERR_USAGE, "unexpected argument '%s'", argv[optind])
               : 0;
}
