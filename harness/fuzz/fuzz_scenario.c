/* Any file is a scenario, a step group, or a list of problems, each one line with its
 * place. Programs are not compiled: libjq needs 30 ms for each, and has its own target.
 */
#include "fuzz/fuzz.h"
#include "base/fs.h"
#include "base/limits.h"
#include "scenario/explain.h"
#include "scenario/lint.h"
#include "scenario/load.h"

#include <string.h>
#include <unistd.h>

static char dir[] = "/tmp/waybill-fuzz-XXXXXX";
static char *file;

static void remove_dir(void)
{
    (void)fs_rmtree(dir, NULL);
    free(file);
}

static void prepare(void)
{
    if (!file) {
        ALWAYS(mkdtemp(dir));
        file = fs_join(dir, "input.yaml");
        ALWAYS(atexit(remove_dir) == 0);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    prepare();
    struct err err = ERR_INIT;
    struct problems problems CLEANUP(problems_release) = PROBLEMS_INIT;
    struct problems lint CLEANUP(problems_release) = PROBLEMS_INIT;
    struct catalogue *c CLEANUP(catalogue_drop) = catalogue_new(dir, NULL);
    ALWAYS(fs_write(file, data, size, 0600, &err) == 0);
    ALWAYS(catalogue_load(c, file, &problems, &err) == 0);
    problems_sort(&problems);
    for (size_t i = 0; i < problems.n; i++) {
        char *line = problem_line(&problems.v[i]);
        ALWAYS(problems.v[i].text[0] && !strchr(line, '\n'));
        free(line);
    }
    for (size_t i = 0; i < c->n; i++) {
        struct buf words CLEANUP(buf_release) = BUF_INIT(MIB(4));
        explain_scenario(c->v[i], c->exprs, &words);
        ALWAYS(words.len > 0);
    }
    const struct lint_options options = {.today = "2026-01-01"};
    lint_catalogue(c, &options, &lint);
    return 0;
}
