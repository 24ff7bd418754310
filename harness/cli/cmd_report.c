#include "cli/cmd.h"

#include "base/fs.h"
#include "base/limits.h"
#include "cli/paths.h"
#include "reports/render.h"
#include "reports/store.h"
#include "run/verdict.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>

const struct option_row report_option_rows[] = {
    {"db", 0, OPTION_TEXT, "FILE", NULL, offsetof(struct report_arguments, db),
     "result database (default: build/results.db in a checkout, else "
     "waybill-results.db)"},
    {"run", 0, OPTION_COUNT, "ID", "0", offsetof(struct report_arguments, run),
     "which run; 0 is the last one"},
    {"format", 'f', OPTION_TEXT, "NAME", "markdown",
     offsetof(struct report_arguments, format), "junit, markdown or html"},
    {"output", 'o', OPTION_TEXT, "FILE", NULL, offsetof(struct report_arguments, output),
     "where to write (default: standard output)"},
    {NULL, 0, OPTION_FLAG, NULL, NULL, 0, NULL},
};

static const struct report_format *find_format(const char *name, struct err *err)
{
    const char *names[8];
    size_t n = 0;
    for (const struct report_format *f = report_formats; f->name; f++) {
        if (!strcmp(f->name, name)) {
            return f;
        }
        names[n++] = f->name;
    }
    char *meant CLEANUP(free_ptr) = did_you_mean(name, names, n);
    err_set(err, ERR_USAGE, "unknown format '%s'%s (known: junit, markdown, html)", name,
            meant);
    return NULL;
}

int cmd_report(void *arguments, const struct strv *operands, struct err *err)
{
    (void)operands;
    struct report_arguments *a = arguments;
    char *fallback CLEANUP(free_ptr) = path_default_db();
    struct store *store CLEANUP(store_drop) = NULL;
    struct report *report CLEANUP(report_drop) = NULL;
    const struct report_format *format = find_format(a->format, err);
    if (!format || store_open(a->db ? a->db : fallback, STORE_READ, &store, err) < 0 ||
        report_load(store, a->run, &report, err) < 0) {
        return -1;
    }
    struct buf out CLEANUP(buf_release) = BUF_INIT(LIMIT_REPORT);
    format->render(report, &out);
    if (!a->output) {
        fwrite(out.data, 1, out.len, stdout);
        return EXIT_PASSED;
    }
    if (fs_mkparents(a->output, err) < 0 ||
        fs_write_output(a->output, out.data, out.len, 0644, err) < 0) {
        return -1;
    }
    return EXIT_PASSED;
}
