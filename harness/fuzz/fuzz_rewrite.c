/* A program is refused, or it stays within its own brackets: put between brackets beside
 * another program, that one still compiles and says what it said. */
#include "fuzz/fuzz.h"
#include "base/limits.h"
#include "io/json.h"
#include "scenario/expr.h"
#include "scenario/rewrite.h"
#include "scenario/vars.h"

#include <string.h>

/* libjq needs 30 ms and more to compile, so only one input in so many is. */
enum { COMPILE_EVERY = 64 };

static uint32_t hash_of(const char *text)
{
    uint32_t h = 2166136261U;
    for (; *text; text++) {
        h = (h ^ (unsigned char)*text) * 16777619U;
    }
    return h;
}

static void compile_beside(const char *text)
{
    struct exprs *set CLEANUP(exprs_drop) = exprs_new();
    struct vars *vars CLEANUP(vars_drop) = vars_new();
    json_t *input CLEANUP(json_drop) = json_make("{s:i}", "a", 1);
    json_t *said CLEANUP(json_drop) = NULL;
    char *raised CLEANUP(free_ptr) = NULL;
    struct err err = ERR_INIT;
    int ours = -1, theirs = -1;
    ALWAYS(exprs_add(set, ".a + 41", "f", 1, 1, &ours, &err) == 0);
    if (exprs_add(set, text, "f", 2, 1, &theirs, &err) == 0) {
        exprs_want(set, theirs);
    }
    exprs_want(set, ours);
    (void)!exprs_compile(set, NULL, NULL, &err);
    ALWAYS(exprs_eval(set, ours, input, vars, &said, &raised, &err) == 0);
    ALWAYS(json_array_size(said) == 1 &&
           json_integer_value(json_array_get(said, 0)) == 42);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text CLEANUP(free_ptr) = xstrndup((const char *)data, size);
    struct buf out CLEANUP(buf_release) = BUF_INIT(MIB(4));
    struct strv paths CLEANUP(strv_release) = STRV_INIT;
    struct err err = ERR_INIT;
    if (rewrite_program(text, &out, &paths, &err) < 0) {
        ALWAYS(err.kind == ERR_CONFIG && err.text[0] && !strchr(err.text, '\n'));
    }
    free(expr_rewrite(text));
    const char *deep = getenv("FUZZ_COMPILE");
    if (size < 256 && (deep || hash_of(text) % COMPILE_EVERY == 0)) {
        compile_beside(text);
    }
    return 0;
}
