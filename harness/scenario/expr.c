#include "scenario/expr.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/limits.h"
#include "io/json.h"
#include "scenario/jv.h"
#include "scenario/rewrite.h"
#include "scenario/vars.h"

#define RESULTS_MAX 100000 /* values that one program may yield */

/* In front of every chunk. What would reach outside the data is taken away; the value is
 * [number, answer, variables]. */
static const char prelude[] =
    "def gone: error(\"not available here\"); def env: gone; def input: gone; "
    "def inputs: gone; def stderr: .; def debug: .; def halt: gone; "
    "def halt_error: gone; def halt_error(f): gone; "
    ". as [$__n, $__in, $vars] | {} as $ENV | $__in | ";

struct program {
    char *text;        /* as written */
    char *rewritten;   /* as libjq gets it */
    struct strv paths; /* variables that it uses, see rewrite.h */
    char *file;
    int line, col;
    bool wanted;
    jq_state *jq; /* the chunk that holds it, borrowed; NULL = not compiled */
    int number;   /* in the chunk */
};

struct exprs {
    struct program *v;
    size_t n;
    jq_state **chunks; /* owned */
    size_t n_chunks;
};

struct exprs *exprs_new(void)
{
    return xcalloc(1, sizeof(struct exprs));
}

void exprs_free(struct exprs *set)
{
    if (!set)
        return;
    for (size_t i = 0; i < set->n; i++) {
        free(set->v[i].text);
        free(set->v[i].rewritten);
        free(set->v[i].file);
        strv_release(&set->v[i].paths);
    }
    free(set->v);
    for (size_t i = 0; i < set->n_chunks; i++)
        jq_teardown(&set->chunks[i]);
    free(set->chunks);
    free(set);
}

void exprs_drop(struct exprs **set)
{
    exprs_free(*set);
    *set = NULL;
}

int exprs_add(struct exprs *set, const char *text, const char *file, int line, int col,
              int *ret_id, struct err *err)
{
    for (size_t i = 0; i < set->n; i++) {
        if (strcmp(set->v[i].text, text) == 0) {
            *ret_id = (int)i;
            return 0;
        }
    }
    struct buf out CLEANUP(buf_release) = BUF_INIT(LIMIT_SCENARIO_FILE);
    struct strv paths = STRV_INIT;
    struct err why = ERR_INIT;
    if (rewrite_program(text, &out, &paths, &why) < 0) {
        strv_release(&paths);
        return err_set(err, ERR_CONFIG, "%s:%d:%d: %s", file, line, col, why.text);
    }
    set->v = xrealloc(set->v, (set->n + 1) * sizeof(*set->v));
    set->v[set->n] = (struct program){.text = xstrdup(text),
                                      .rewritten = xstrdup(out.data),
                                      .paths = paths,
                                      .file = xstrdup(file),
                                      .line = line,
                                      .col = col};
    *ret_id = (int)set->n++;
    return 0;
}

void exprs_want(struct exprs *set, int id)
{
    if (id >= 0 && (size_t)id < set->n)
        set->v[id].wanted = true;
}

int exprs_count(const struct exprs *set)
{
    return (int)set->n;
}

const char *exprs_text(const struct exprs *set, int id)
{
    return id >= 0 && (size_t)id < set->n ? set->v[id].text : "";
}

char *expr_rewrite(const char *text)
{
    struct buf out = BUF_INIT(LIMIT_SCENARIO_FILE);
    struct strv paths CLEANUP(strv_release) = STRV_INIT;

    if (rewrite_program(text, &out, &paths, NULL) < 0)
        buf_reset(&out);
    return buf_steal(&out);
}

/* Compiling */

/* What libjq says about a program, in one line without its decorations. */
static void note_error(void *arg, jv msg)
{
    struct buf *why = arg;
    jv text = jq_format_error(msg);
    const char *s = jv_is_valid(text) ? jv_string_value(text) : "unknown error";

    if (why->len == 0 && !strstr(s, "compile error")) {
        if (strncmp(s, "jq: error: ", 11) == 0)
            s += 11;
        const char *at = strstr(s, " at <top-level>, line ");
        const char *shell = strstr(s, " (Unix shell quoting issues?)");
        size_t len = at ? (size_t)(at - s) : strcspn(s, "\n");
        if (shell && (size_t)(shell - s) < len)
            len = (size_t)(shell - s);
        buf_add(why, s, len);
        size_t digits = at ? strspn(at + 22, "0123456789") : 0;
        if (digits > 0 && !(digits == 1 && at[22] == '1'))
            buf_addf(why, ", in line %.*s of the program", (int)digits, at + 22);
    }
    jv_free(text);
}

/* Halves at each level: a chain of elif would be walked from its head each time. */
static void add_choice(struct program *const *p, size_t from, size_t to, struct buf *out)
{
    if (to - from == 1) {
        /* The newline ends a comment; the brackets are known to be balanced. */
        buf_addf(out, "(%s\n)", p[from]->rewritten);
        return;
    }
    size_t mid = from + (to - from) / 2;
    buf_addf(out, "if $__n < %zu then ", mid);
    add_choice(p, from, mid, out);
    buf_adds(out, " else ");
    add_choice(p, mid, to, out);
    buf_adds(out, " end");
}

/* NULL when it does not compile; then why says what libjq said first. */
static jq_state *compile_chunk(struct program *const *p, size_t n, struct buf *why)
{
    struct buf text CLEANUP(buf_release) = BUF_INIT(MIB(64));
    jq_state *jq = xcheck(jq_init());

    buf_adds(&text, prelude);
    add_choice(p, 0, n, &text);
    jq_set_error_cb(jq, note_error, why);
    int ok = jq_compile(jq, text.data);
    jq_set_error_cb(jq, NULL, NULL);
    if (!ok)
        jq_teardown(&jq);
    return ok ? jq : NULL;
}

struct compiling {
    struct exprs *set;
    expr_bad_fn *bad;
    void *arg;
    struct err *err;
    int failed;
};

static void report_bad(struct compiling *c, const struct program *p, const char *why)
{
    const char *what = why[0] ? why : "the program does not compile";

    c->failed++;
    (void)err_set(c->err, ERR_CONFIG, "%s:%d:%d: jq: %s", p->file, p->line, p->col, what);
    if (c->bad)
        c->bad((int)(p - c->set->v), p->file, p->line, p->col, what, c->arg);
}

/* Compiles p[0..n), halving what fails until the bad programs stand alone. */
static void compile_some(struct compiling *c, struct program **p, size_t n)
{
    struct buf why CLEANUP(buf_release) = BUF_INIT(LIMIT_ERROR_TEXT);
    jq_state *jq = compile_chunk(p, n, &why);

    if (!jq && n == 1) {
        report_bad(c, p[0], why.data);
    } else if (!jq) {
        compile_some(c, p, n / 2);
        compile_some(c, p + n / 2, n - n / 2);
    } else {
        struct exprs *set = c->set;
        set->chunks = xrealloc(set->chunks, (set->n_chunks + 1) * sizeof(jq_state *));
        set->chunks[set->n_chunks++] = jq;
        for (size_t i = 0; i < n; i++) {
            p[i]->jq = jq;
            p[i]->number = (int)i;
        }
    }
}

int exprs_compile(struct exprs *set, expr_bad_fn *bad, void *arg, struct err *err)
{
    struct compiling c = {.set = set, .bad = bad, .arg = arg, .err = err};
    struct program *todo[EXPR_CHUNK];
    size_t n = 0;

    for (size_t i = 0; i < set->n; i++) {
        if (set->v[i].wanted && !set->v[i].jq)
            todo[n++] = &set->v[i];
        if (n == EXPR_CHUNK || (n > 0 && i + 1 == set->n)) {
            compile_some(&c, todo, n);
            n = 0;
        }
    }
    return c.failed ? -1 : 0;
}

/* Running */

static char *error_text(jv invalid)
{
    jv msg = jv_invalid_get_msg(invalid);
    char *text;

    if (jv_get_kind(msg) == JV_KIND_STRING) {
        text = xstrdup(jv_string_value(msg));
        jv_free(msg);
        return text;
    }
    jv dumped = jv_dump_string(msg, 0);
    text = xstrdup(jv_string_value(dumped));
    jv_free(dumped);
    return text;
}

static int run(const struct program *p, jv input, json_t **ret, char **ret_error)
{
    json_t *results CLEANUP(json_drop) = xcheck(json_array());
    jv value;

    jq_start(p->jq, input, 0);
    while (jv_is_valid(value = jq_next(p->jq))) {
        (void)json_array_append_new(results, json_from_jv(value));
        if (json_array_size(results) >= RESULTS_MAX) {
            *ret_error = xasprintf("yields more than %d values", RESULTS_MAX);
            return 1;
        }
    }
    if (jv_invalid_has_msg(jv_copy(value))) {
        *ret_error = error_text(value);
        return 1;
    }
    jv_free(value);
    *ret = TAKE(results);
    return 0;
}

int exprs_eval(struct exprs *set, int id, const json_t *input, const struct vars *vars,
               json_t **ret, char **ret_error, struct err *err)
{
    const char *missing = NULL;

    if (id < 0 || (size_t)id >= set->n || !set->v[id].jq)
        return err_set(err, ERR_BUG, "jq program %d was not compiled", id);

    const struct program *p = &set->v[id];
    json_t *all CLEANUP(json_drop) = vars_all_for(vars, &p->paths, &missing);
    if (!all)
        return err_set(err, ERR_CONFIG, "%s:%d:%d: undefined variable '%s'", p->file,
                       p->line, p->col, missing);
    jv in = jv_array();
    in = jv_array_append(in, jv_number(p->number));
    in = jv_array_append(in, jv_from_json(input));
    in = jv_array_append(in, jv_from_json(all));
    return run(p, in, ret, ret_error);
}
