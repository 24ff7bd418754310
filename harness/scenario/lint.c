#include "scenario/lint.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "base/clock.h"

struct linting {
    const struct scenario *s;
    const struct lint_options *opt;
    struct problems *problems;
    size_t checks;    /* that the scenario records */
    int64_t stays_ms; /* of all its steps together */
};

static void at_step(const struct linting *x, const struct step *step, bool advice,
                    const char *text)
{
    problems_add(x->problems, step->file, step->line, step->col, advice, "%s", text);
}

/* Where a top-level key of the scenario stands. */
static void at_key(const struct linting *x, const char *key, bool advice,
                   const char *text)
{
    const struct ypair *pair = ynode_pair(ydoc_root(x->s->doc), key);

    problems_add(x->problems, x->s->file, pair ? pair->line : 1, pair ? pair->col : 1,
                 advice, "%s", text);
}

static bool is_mock_only(const struct step *step)
{
    const char *on = ynode_str(step->node, "on", "");

    if (step->row->mock_only)
        return true;
    if (step->kind == STEP_HTTP)
        return strcmp(on, "mock") == 0;
    if (step->kind == STEP_PLUGIN)
        return step_arg(step, "declare") != NULL;
    return false;
}

static const char *need_of(const struct step *step)
{
    if (step->kind == STEP_MCP && step_arg(step, "on"))
        return "box-mcp";
    return step->row->need;
}

/* What a step reads or does is worth nothing when nobody looks at the answer. */
static bool answers(const struct step *step)
{
    switch (step->kind) {
    case STEP_HTTP:
    case STEP_MCP:
    case STEP_A2A:
    case STEP_FILES:
    case STEP_PLUGIN:
    case STEP_AUDIT:
    case STEP_RUN:
    case STEP_JOURNAL:
        return true;
    case STEP_ORG:
    case STEP_WORKSPACE:
    case STEP_FIND_WORKSPACE:
    case STEP_WAIT_ONLINE:
    case STEP_RESTART:
    case STEP_PAUSE:
    case STEP_RESUME:
    case STEP_DELETE:
    case STEP_FAULT:
    case STEP_USE:
    case STEP_DENY:
        return false;
    }
    return false;
}

static size_t checks_of(const struct step *step)
{
    size_t n = step->row->check != NULL;

    for (size_t i = 0; i < step->n_expects; i++)
        n += step->expects[i].n;
    return n;
}

static bool same_locals(const struct ynode *a, const struct ynode *b)
{
    json_t *x = ynode_to_json(a), *y = ynode_to_json(b);
    bool same = json_equal(x, y) != 0;

    json_decref(x);
    json_decref(y);
    return same;
}

static void lint_deny(struct linting *x, const struct step *step)
{
    for (size_t i = 0; i < step->n_refused; i++) {
        const struct deny_case *c = &step->refused[i];
        if (same_locals(step->control.locals, c->locals))
            problems_add(
                x->problems, step->file, c->line, c->locals->col, false,
                "the control is the case itself: '%s' cannot both succeed and be "
                "refused",
                c->subject);
    }
}

static void lint_step(const struct step *step, void *arg)
{
    struct linting *x = arg;
    const struct scenario *s = x->s;
    const char *need = need_of(step);
    size_t checks = checks_of(step);

    x->checks += checks;
    if (step->stays_ms > 0)
        x->stays_ms += step->stays_ms;
    if (answers(step) && checks == 0 && step->n_captures == 0 && step->then.n == 0)
        at_step(x, step, false, "nothing looks at the answer of this step: add 'expect'");
    if (step->within_ms > 0 && s->budget_ms >= 0 && step->within_ms > s->budget_ms)
        problems_add(x->problems, step->file, ynode_pair(step->node, "within")->line,
                     ynode_pair(step->node, "within")->col, false,
                     "'within' is longer than the scenario's whole budget");
    if (step->within_ms >= 0 && checks == 0 && answers(step))
        at_step(x, step, false, "'within' waits for nothing: there is no 'expect'");
    if (need && !strv_has(&s->needs, need))
        problems_add(
            x->problems, step->file, step->line, step->col, true,
            "the step needs '%s': name it in 'needs', so that it is a SKIP where "
            "it is absent",
            need);
    if (is_mock_only(step)) {
        bool bound = strv_has(&s->needs, "box-mcp") || strv_has(&s->needs, "faults");
        bool claims = strv_has(&s->tags, "smoke") || (s->targets.n == 0 && !bound);
        for (size_t i = 0; i < s->targets.n; i++)
            claims = claims || strcmp(s->targets.v[i], "mock") != 0;
        if (claims)
            at_step(x, step, false,
                    "this step exists on the mock only, but the scenario claims other "
                    "targets too: say 'targets: [mock]'");
    }
    if (step->kind == STEP_DENY)
        lint_deny(x, step);
}

/* Secrets in the file */

static bool is_secret_key(const char *key)
{
    static const char *const words[] = {"token",   "password", "passwd", "secret",
                                        "api_key", "apikey",   "bearer", "authorization"};

    for (size_t i = 0; i < ARRAY_SIZE(words); i++)
        if (strcasecmp(key, words[i]) == 0)
            return true;
    return false;
}

/* A known beginning, or what a platform token looks like: long, without a word in it. */
static bool looks_secret(const char *text)
{
    static const char *const heads[] = {"sk-",   "ghp_", "gho_",      "github_pat_",
                                        "xoxb-", "AKIA", "eyJhbGciOi"};
    size_t len = strlen(text), digits = 0, upper = 0, lower = 0;

    for (size_t i = 0; i < ARRAY_SIZE(heads); i++)
        if (strncmp(text, heads[i], strlen(heads[i])) == 0 && len > 16)
            return true;
    if (len < 40 || len > 128)
        return false;
    for (const char *s = text; *s; s++) {
        if (!isalnum((unsigned char)*s) && *s != '-' && *s != '_')
            return false;
        digits += isdigit((unsigned char)*s) != 0;
        upper += isupper((unsigned char)*s) != 0;
        lower += islower((unsigned char)*s) != 0;
    }
    return digits >= 3 && upper >= 3 && lower >= 3;
}

static void lint_secrets(struct linting *x, const struct ynode *node, const char *key)
{
    if (node->kind == YNODE_SCALAR && !strstr(node->text, "${")) {
        const char *text = node->text;
        if (strncmp(text, "Bearer ", 7) == 0)
            text += 7;
        /* `capture: {token: .connection.auth_token}` is a program. */
        bool named = key && is_secret_key(key) && strlen(text) >= 20 && *text != '.';
        if (named || looks_secret(text))
            problems_add(
                x->problems, x->s->file, node->line, node->col, false,
                "this looks like a secret: take it from a parameter with 'secret: "
                "true', or from env");
    }
    for (size_t i = 0; node->kind == YNODE_SEQ && i < node->n; i++)
        lint_secrets(x, node->items[i], key);
    for (size_t i = 0; node->kind == YNODE_MAP && i < node->n; i++)
        lint_secrets(x, node->pairs[i].value, node->pairs[i].key);
}

/* The top of a scenario */

static void lint_name(const struct linting *x)
{
    const char *slash = strrchr(x->s->name, '/');
    const char *base = slash ? slash + 1 : x->s->name;

    if (x->s->short_name && strcmp(base, x->s->short_name) != 0)
        at_key(x, "name", false, "'name' has to be the file's name without .yaml");
}

static void lint_tags(const struct linting *x)
{
    static const char *const known[] = {"gate",  "smoke",    "slow",
                                        "prove", "contract", "mcp"};
    const struct strv *tags = x->opt ? x->opt->run_tags : NULL;

    for (size_t i = 0; i < x->s->tags.n; i++) {
        if (tags && strv_has(tags, x->s->tags.v[i]))
            return;
        for (size_t k = 0; !tags && k < ARRAY_SIZE(known); k++)
            if (strcmp(known[k], x->s->tags.v[i]) == 0)
                return;
    }
    at_key(x, x->s->tags.n ? "tags" : "name", true,
           "no job runs this scenario: it has none of the tags that jobs ask for (gate, "
           "smoke, ...)");
}

static bool has_passed(const char *day, const char *today)
{
    char now[32];

    return strncmp(day, today ? today : clock_rfc3339(clock_wall_ms(), now), 10) < 0;
}

static void lint_failure(const struct linting *x)
{
    if (x->s->failure_until &&
        has_passed(x->s->failure_until, x->opt ? x->opt->today : NULL))
        at_key(x, "expect_failure", false,
               "the known failure was expected until a day that has passed");
}

static void lint_scenario(const struct scenario *s, const struct lint_options *opt,
                          struct problems *problems)
{
    struct linting x = {.s = s, .opt = opt, .problems = problems};

    scenario_each_step(s, lint_step, &x);
    if (x.checks == 0)
        at_key(&x, "steps", false, "the scenario checks nothing: it would be BROKEN");
    if (s->budget_ms >= 0 && x.stays_ms > s->budget_ms)
        at_key(&x, "budget", false,
               "the budget is shorter than what its 'stays' add up to");
    lint_name(&x);
    lint_tags(&x);
    lint_failure(&x);
    lint_secrets(&x, ydoc_root(s->doc), NULL);
}

void lint_catalogue(const struct catalogue *c, const struct lint_options *opt,
                    struct problems *problems)
{
    for (size_t i = 0; i < c->n; i++)
        lint_scenario(c->v[i], opt, problems);
    problems_sort(problems);
}
