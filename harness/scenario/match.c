#include "scenario/match.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/clock.h"
#include "base/limits.h"
#include "io/json.h"
#include "scenario/answers.h"
#include "scenario/expr.h"
#include "scenario/match_part.h"
#include "scenario/vars.h"

void outcomes_release(struct outcomes *o)
{
    for (size_t i = 0; i < o->n; i++) {
        free(o->v[i].name);
        free(o->v[i].expected);
        free(o->v[i].actual);
    }
    free(o->v);
    *o = (struct outcomes)OUTCOMES_INIT;
}

bool outcomes_hold(const struct outcomes *o)
{
    for (size_t i = 0; i < o->n; i++)
        if (o->v[i].verdict != MATCH_PASS)
            return false;
    return true;
}

/* Appends text, cut to max bytes at a character's boundary. */
void look_add_text(struct buf *out, const char *text, size_t len, size_t max)
{
    size_t cut = len > max ? max : len;

    while (cut < len && cut > 0 && ((unsigned char)text[cut] & 0xC0) == 0x80)
        cut--;
    buf_add(out, text, cut);
    if (cut < len)
        buf_addf(out, "... (%zu bytes)", len);
}

void look_add_json(struct buf *out, const json_t *j, size_t max)
{
    char *text = j ? json_dumps(j, JSON_COMPACT | JSON_ENCODE_ANY) : NULL;

    look_add_text(out, text ? text : "nothing", text ? strlen(text) : 7, max);
    free(text);
}

static char *cut_text(const struct buf *b)
{
    struct buf out = BUF_INIT(MATCH_TEXT_MAX + 64);

    look_add_text(&out, b->data, b->len, MATCH_TEXT_MAX - 40);
    char *text = xstrdup(out.data);
    buf_release(&out);
    return text;
}

static void add_outcome(struct outcomes *out, const struct expectation *e, char *name,
                        enum match_verdict verdict, const struct buf *expected,
                        const struct buf *actual)
{
    out->v = xrealloc(out->v, (out->n + 1) * sizeof(*out->v));
    out->v[out->n++] = (struct outcome){.of = e,
                                        .name = name,
                                        .verdict = verdict,
                                        .expected = cut_text(expected),
                                        .actual = cut_text(actual),
                                        .line = e->line};
}

/* What came */

const char *look_content(const struct observation *o, size_t *ret_len)
{
    static const char *const members[] = {"content", "text"};

    if (o->body) {
        *ret_len = o->body_len;
        return o->body;
    }
    for (size_t i = 0; i < ARRAY_SIZE(members); i++) {
        const json_t *j = json_object_get(o->answer, members[i]);
        if (json_is_string(j)) {
            *ret_len = json_string_length(j);
            return json_string_value(j);
        }
    }
    return NULL;
}

/* The answer in a few words: for expectations that found another kind of answer. */
void look_describe(const struct observation *o, struct buf *out)
{
    size_t len = 0;
    const char *text = look_content(o, &len);

    if (o->has_rpc_error)
        buf_addf(out, "JSON-RPC error %d: %s", o->rpc_code,
                 o->rpc_message ? o->rpc_message : "");
    else if (o->is_error == 1)
        buf_adds(out, "an error of the tool: ");
    else if (o->is_error == 0)
        buf_adds(out, "a result of the tool: ");
    else if (o->has_status)
        buf_addf(out, "status %d: ", o->status);
    if (o->has_rpc_error)
        return;
    if (o->reply)
        look_add_text(out, o->reply, strlen(o->reply), QUOTED_MAX);
    else if (text && (o->body || o->is_error >= 0))
        look_add_text(out, text, len, QUOTED_MAX);
    else
        look_add_json(out, o->answer, QUOTED_MAX);
}

static bool tool_is_unknown(const struct observation *o)
{
    const char *text = o->has_rpc_error ? o->rpc_message : NULL;
    size_t len = 0;

    if (o->has_rpc_error && o->rpc_code != -32602 && o->rpc_code != -32000)
        return false;
    if (o->is_error == 1)
        text = look_content(o, &len);
    if (!text)
        return false;
    /* The bridge's one text for every tool that it does not carry. */
    if (o->has_rpc_error && strcasestr(text, "tool call failed"))
        return true;
    bool named = o->tool && strstr(text, o->tool);
    bool unknown = strcasestr(text, "not found") || strcasestr(text, "unknown tool") ||
                   strcasestr(text, "no such tool");
    return named && (unknown || o->has_rpc_error);
}

unsigned match_refusals(const struct observation *o)
{
    unsigned mask = o->refusals;

    if (o->broken)
        return 0;
    if (o->has_rpc_error)
        mask |= REFUSED_RPC_ERROR;
    if (o->is_error == 1)
        mask |= REFUSED_IS_ERROR;
    if (tool_is_unknown(o))
        mask |= REFUSED_UNKNOWN_TOOL;
    if (o->has_status && o->status == 401)
        mask |= REFUSED_HTTP_401;
    if (o->has_status && o->status == 403)
        mask |= REFUSED_HTTP_403;
    if (o->has_status && o->status == 404)
        mask |= o->gateway ? REFUSED_NO_SUCH_SERVER : REFUSED_HTTP_404;
    return mask;
}

static void add_refusals(struct buf *out, unsigned mask)
{
    const char *glue = "";

    for (const struct name_row *row = refusal_names; row->name; row++) {
        if (mask & (unsigned)row->value) {
            buf_addf(out, "%s%s", glue, row->name);
            glue = ", ";
        }
    }
}

/* Matchers on a value */

static int add_matcher(const struct look *l, const struct matcher *m, struct buf *out,
                       struct err *err)
{
    json_t *value CLEANUP(json_drop) = NULL;

    if (vars_json(l->vars, m->value, l->file, &value, err) < 0)
        return -1;
    buf_addf(out, "%s ", table_name(match_op_names, (int)m->op));
    look_add_json(out, value, MATCH_TEXT_MAX);
    return 0;
}

int look_all_hold(struct look *l, const struct matcher *m, size_t n, const json_t *actual,
                  struct err *err)
{
    for (size_t i = 0; i < n; i++) {
        buf_adds(&l->expected, i ? " and " : "");
        int r = match_value(&m[i], actual, l->vars, l->file, err);
        if (r < 0 || add_matcher(l, &m[i], &l->expected, err) < 0)
            return -1;
        l->holds = l->holds && r == 1;
    }
    return 0;
}

/* An expectation that is matchers on one value; actual: taken, NULL = absent. */
int look_value_holds(struct look *l, const struct expectation *e, const char *what,
                     json_t *actual, struct err *err)
{
    buf_addf(&l->expected, "%s ", what);
    look_add_json(&l->actual, actual, MATCH_TEXT_MAX);
    int r = look_all_hold(l, e->matchers, e->n_matchers, actual, err);
    json_decref(actual);
    return r;
}

static int text_holds(struct look *l, const struct expectation *e, const char *what,
                      const char *text, size_t len, struct err *err)
{
    if (text)
        return look_value_holds(l, e, what, json_stringn_nocheck(text, len), err);

    int r = look_value_holds(l, e, what, NULL, err);
    l->holds = false;
    buf_reset(&l->actual);
    buf_addf(&l->actual, "no %s; ", what);
    look_describe(l->obs, &l->actual);
    return r;
}

/* The kinds of expectation, one function each. */

static int status_holds(struct look *l, const struct expectation *e, struct err *err)
{
    const struct observation *o = l->obs;

    int r = look_value_holds(l, e, "status",
                             o->has_status ? json_integer(o->status) : NULL, err);
    buf_reset(&l->actual);
    if (o->has_status && l->holds)
        buf_addf(&l->actual, "%d", o->status);
    else
        look_describe(o, &l->actual);
    return r;
}

static int header_holds(struct look *l, const struct expectation *e, struct err *err)
{
    const struct strv *headers = l->obs->headers;
    size_t len = strlen(e->header);

    buf_addf(&l->expected, "%s: ", e->header);
    for (size_t i = 0; headers && i < headers->n; i++) {
        const char *h = headers->v[i];
        if (strncasecmp(h, e->header, len) != 0 || h[len] != ':')
            continue;
        h += len + 1;
        h += strspn(h, " \t");
        return look_value_holds(l, e, "header", json_string_nocheck(h), err);
    }
    return look_value_holds(l, e, "header", NULL, err);
}

/* Programs that decide by themselves show the answer when they do not yield true. */
static void judge_truth(struct look *l, const json_t *results)
{
    l->holds = json_array_size(results) == 1 && json_is_true(json_array_get(results, 0));
    if (json_array_size(results) == 0)
        buf_adds(&l->actual, "nothing");
    for (size_t i = 0; i < json_array_size(results); i++) {
        buf_adds(&l->actual, i ? ", " : "");
        look_add_json(&l->actual, json_array_get(results, i), QUOTED_MAX);
    }
    if (l->holds)
        return;
    buf_adds(&l->actual, "; the answer: ");
    look_describe(l->obs, &l->actual);
}

static int json_holds(struct look *l, const struct expectation *e, struct err *err)
{
    json_t *results CLEANUP(json_drop) = NULL;
    char *raised CLEANUP(free_ptr) = NULL;
    char *program CLEANUP(free_ptr) = vars_show(l->vars, exprs_text(l->exprs, e->expr));
    int r =
        exprs_eval(l->exprs, e->expr, l->obs->answer, l->vars, &results, &raised, err);

    if (r < 0)
        return -1;
    buf_addf(&l->expected, e->n_matchers ? "%s " : "%s", program);
    if (r == 1) {
        l->holds = false;
        buf_addf(&l->actual, "jq: %s; the answer: ", raised);
        look_describe(l->obs, &l->actual);
        return 0;
    }
    if (e->n_matchers == 0) {
        judge_truth(l, results);
        return 0;
    }
    const json_t *value = json_array_get(results, 0);
    look_add_json(&l->actual, value, MATCH_TEXT_MAX);
    if (look_all_hold(l, e->matchers, e->n_matchers, value, err) < 0)
        return -1;
    if (!l->holds && (!value || json_is_null(value))) {
        buf_adds(&l->actual, "; the answer: ");
        look_describe(l->obs, &l->actual);
    }
    return 0;
}

static int is_error_holds(struct look *l, const struct expectation *e, struct err *err)
{
    int is_error = l->obs->is_error;
    json_t *actual = is_error < 0 ? NULL : json_boolean(is_error);
    int r = look_value_holds(l, e, "is_error", actual, err);

    buf_reset(&l->actual);
    look_describe(l->obs, &l->actual);
    return r;
}

static void refused_as_holds(struct look *l, const struct expectation *e)
{
    unsigned is = match_refusals(l->obs), want = 0;
    size_t n = e->node->kind == YNODE_SEQ ? e->node->n : 1;

    for (size_t i = 0; i < n; i++) {
        const struct ynode *item =
            n > 1 || e->node->kind == YNODE_SEQ ? e->node->items[i] : e->node;
        int bit = 0;
        if (item->text && table_value(refusal_names, item->text, &bit))
            want |= (unsigned)bit;
    }
    buf_adds(&l->expected, "refused as ");
    add_refusals(&l->expected, want);
    l->holds = (is & want) != 0;
    buf_adds(&l->actual, is ? "refused as " : "not refused");
    add_refusals(&l->actual, is);
    buf_adds(&l->actual, "; ");
    look_describe(l->obs, &l->actual);
}

static void succeeds(struct look *l, const struct expectation *e)
{
    const struct observation *o = l->obs;
    bool bad_status =
        o->has_status && (o->status >= 400 || (o->status < 200 && o->status != 0));

    char *subject CLEANUP(free_ptr) = vars_show(l->vars, e->header);

    buf_addf(&l->expected, "the same act succeeds for %s", subject);
    l->holds = !bad_status && match_refusals(o) == 0;
    look_describe(o, &l->actual);
}

/* The limits are durations, so they are read as such before they are compared. */
static int took_holds(struct look *l, const struct expectation *e, struct err *err)
{
    char human[32];

    buf_addf(&l->actual, "%s", clock_human(l->obs->elapsed_ms, human));
    buf_adds(&l->expected, "took");
    for (size_t i = 0; i < e->n_matchers; i++) {
        const struct matcher *m = &e->matchers[i];
        char *text CLEANUP(free_ptr) = NULL;
        struct err why = ERR_INIT;
        int64_t limit_ms = 0, ms = l->obs->elapsed_ms;
        if (vars_text(l->vars, m->value, l->file, &text, err) < 0)
            return -1;
        if (clock_parse_duration(text, &limit_ms, &why) < 0)
            return err_set(err, ERR_CONFIG, "%s:%d:%d: %s", l->file, m->line, m->col,
                           why.text);
        buf_addf(&l->expected, " %s %s", table_name(match_op_names, (int)m->op), text);
        l->holds = l->holds && ((m->op == MATCH_LT && ms < limit_ms) ||
                                (m->op == MATCH_LTE && ms <= limit_ms) ||
                                (m->op == MATCH_GT && ms > limit_ms) ||
                                (m->op == MATCH_GTE && ms >= limit_ms));
    }
    return 0;
}

static void absent_holds(struct look *l, const struct expectation *e)
{
    const struct observation *o = l->obs;
    bool want = e->node->text && strcmp(e->node->text, "true") == 0;
    bool is = o->absent < 0 ? o->has_status && o->status == 404 : o->absent == 1;

    buf_adds(&l->expected, want ? "it is absent" : "it is there");
    l->holds = want == is;
    buf_adds(&l->actual, is ? "it is absent; " : "it is there; ");
    look_describe(o, &l->actual);
}

static const char *secret_in_json(const struct vars *vars, const json_t *j)
{
    char *text = j ? json_dumps(j, JSON_COMPACT | JSON_ENCODE_ANY) : NULL;
    const char *name = text ? vars_find_secret(vars, text, strlen(text)) : NULL;

    free(text);
    return name;
}

static void no_secret_holds(struct look *l)
{
    const struct observation *o = l->obs;
    const char *name = secret_in_json(l->vars, o->answer), *where = "the answer";

    if (!name && o->body && (name = vars_find_secret(l->vars, o->body, o->body_len)))
        where = "the body";
    if (!name && o->reply &&
        (name = vars_find_secret(l->vars, o->reply, strlen(o->reply))))
        where = "the reply";
    for (size_t i = 0; !name && o->headers && i < o->headers->n; i++) {
        const char *h = o->headers->v[i];
        name = vars_find_secret(l->vars, h, strlen(h));
        where = "a header";
    }
    if (!name && o->rpc_message) {
        name = vars_find_secret(l->vars, o->rpc_message, strlen(o->rpc_message));
        where = "the error's message";
    }
    l->holds = name == NULL;
    buf_adds(&l->expected, "no secret of this run");
    if (name)
        buf_addf(&l->actual, "%s is in %s", name, where);
    else
        buf_adds(&l->actual, "none");
}

/* Items of a list, or of the one list that an answer's object holds. */
static json_t *count_of(const json_t *answer)
{
    static const char *const lists[] = {"tools", "files",     "entries", "events",
                                        "boxes", "installed", "faults"};

    if (json_is_array(answer))
        return json_integer((json_int_t)json_array_size(answer));
    for (size_t i = 0; i < ARRAY_SIZE(lists); i++) {
        const json_t *list = json_object_get(answer, lists[i]);
        if (json_is_array(list))
            return json_integer((json_int_t)json_array_size(list));
    }
    return NULL;
}

static int contract_holds(struct look *l, const struct expectation *e, struct err *err)
{
    const char *profile = json_string_value(vars_get(l->vars, "contract.name"));

    if (!e->contract)
        return err_set(err, ERR_CONFIG, "%s:%d:%d: no answers of the contract are known",
                       l->file, e->line, e->col);
    if (!answer_is_of(e->contract, profile))
        return err_set(
            err, ERR_CONFIG,
            "%s:%d:%d: the answer '%s' is not of the profile '%s': choose with "
            "when: '$vars.contract.name == \"...\"'",
            l->file, e->line, e->col, e->node->text, profile);
    buf_addf(&l->expected, "%s: %s answers %d", e->node->text,
             json_str(e->contract, "route", "?"),
             (int)json_int(e->contract, "status", 0));
    const json_t *body = json_object_get(e->contract, "body");
    if (body) {
        buf_addc(&l->expected, ' ');
        look_add_json(&l->expected, body, QUOTED_MAX);
    }
    l->holds = l->obs->broken || answer_fits(e->contract, l->obs, &l->actual);
    if (l->holds)
        buf_adds(&l->actual, "the same");
    return 0;
}

static int look_at(struct look *l, const struct expectation *e, struct err *err)
{
    const struct observation *o = l->obs;
    size_t len = 0;
    const char *text;

    switch (e->kind) {
    case EXPECT_STATUS:
        return status_holds(l, e, err);
    case EXPECT_HEADER:
        return header_holds(l, e, err);
    case EXPECT_JSON:
        return json_holds(l, e, err);
    case EXPECT_BODY:
        text = look_content(o, &len);
        return text_holds(l, e, "body", text, len, err);
    case EXPECT_MATCHES:
        text = o->reply ? o->reply : look_content(o, &len);
        return text_holds(l, e, "text", text, o->reply ? strlen(o->reply) : len, err);
    case EXPECT_REPLY:
        return text_holds(l, e, "reply", o->reply, o->reply ? strlen(o->reply) : 0, err);
    case EXPECT_BYTES:
        return look_value_holds(
            l, e, "bytes", json_integer(o->bytes >= 0 ? o->bytes : (int64_t)o->body_len),
            err);
    case EXPECT_COUNT:
        return look_value_holds(l, e, "count", count_of(o->answer), err);
    case EXPECT_CONTRACT:
        return contract_holds(l, e, err);
    case EXPECT_IS_ERROR:
        return is_error_holds(l, e, err);
    case EXPECT_TOOK:
        return took_holds(l, e, err);
    case EXPECT_REFUSED_AS:
        refused_as_holds(l, e);
        return 0;
    case EXPECT_ABSENT:
        absent_holds(l, e);
        return 0;
    case EXPECT_NO_SECRET:
        no_secret_holds(l);
        return 0;
    case EXPECT_SUCCEEDS:
        succeeds(l, e);
        return 0;
    case EXPECT_UNCHANGED:
        return 0;
    case EXPECT_RPC_ERROR:
    case EXPECT_MCP_ERROR:
    case EXPECT_HTTP_STATUS:
    case EXPECT_TOOL:
    case EXPECT_TOOLS:
    case EXPECT_TOOLS_MATCH:
    case EXPECT_FRAMES_VALID:
    case EXPECT_ENDED:
        return look_at_mcp(l, e, err);
    }
    return 0;
}

/* Whether the expectation is about the very thing that made the answer none. */
static bool speaks_of_unfit(const struct expectation *e, const struct observation *obs)
{
    bool found = obs->findings && obs->findings->n > 0;
    return e->kind == EXPECT_ENDED || (e->kind == EXPECT_FRAMES_VALID && found);
}

int match_group(const struct expect_group *group, const struct observation *obs,
                struct exprs *exprs, const struct vars *vars, const char *file,
                struct outcomes *out, struct err *err)
{
    int r = 0;

    for (size_t i = 0; r == 0 && i < group->n; i++) {
        const struct expectation *e = &group->items[i];
        struct look l = {.obs = obs,
                         .exprs = exprs,
                         .vars = vars,
                         .file = file,
                         .expected = BUF_INIT(LIMIT_FILE),
                         .actual = BUF_INIT(LIMIT_FILE),
                         .holds = true};
        if (e->kind == EXPECT_UNCHANGED)
            continue;
        r = look_at(&l, e, err);
        /* Whatever is expected of a server, it has to answer for that. */
        if (r == 0 && obs->unfit && !speaks_of_unfit(e, obs)) {
            l.holds = false;
            buf_reset(&l.actual);
            buf_adds(&l.actual, obs->unfit);
        }
        enum match_verdict verdict = l.holds ? MATCH_PASS : MATCH_FAIL;
        if (obs->broken) {
            verdict = MATCH_BROKEN;
            buf_reset(&l.actual);
            buf_adds(&l.actual, obs->broken);
        }
        if (r == 0)
            add_outcome(out, e, vars_show(vars, e->name), verdict, &l.expected,
                        &l.actual);
        buf_release(&l.expected);
        buf_release(&l.actual);
    }
    return r;
}

int match_step(const struct step *step, const struct observation *obs,
               struct exprs *exprs, const struct vars *vars, struct outcomes *out,
               struct err *err)
{
    for (size_t i = 0; i < step->n_expects; i++)
        if (match_group(&step->expects[i], obs, exprs, vars, step->file, out, err) < 0)
            return -1;
    return 0;
}

json_t *match_reading(const struct expectation *e, const struct observation *obs,
                      struct exprs *exprs, const struct vars *vars, char **ret_why)
{
    json_t *results = NULL;
    char *raised CLEANUP(free_ptr) = NULL;
    struct err err = ERR_INIT;

    if (obs->broken) {
        *ret_why = xstrdup(obs->broken);
        return NULL;
    }
    if (obs->has_status && obs->status >= 400) {
        struct buf what CLEANUP(buf_release) = BUF_INIT(LIMIT_ERROR_TEXT);
        look_describe(obs, &what);
        *ret_why = xasprintf("the reading was answered with %s", what.data);
        return NULL;
    }
    if (e->expr < 0)
        return xcheck(json_deep_copy(obs->answer ? obs->answer : json_null()));
    int r = exprs_eval(exprs, e->expr, obs->answer, vars, &results, &raised, &err);
    if (r != 0)
        *ret_why = xasprintf("the reading: %s", r < 0 ? err.text : raised);
    return results;
}

void match_unchanged(const struct expectation *e, const json_t *before,
                     const json_t *after, const char *why, struct outcomes *out)
{
    struct buf expected CLEANUP(buf_release) = BUF_INIT(LIMIT_FILE);
    struct buf actual CLEANUP(buf_release) = BUF_INIT(LIMIT_FILE);
    enum match_verdict verdict = MATCH_BROKEN;

    buf_adds(&expected, "unchanged");
    if (before) {
        buf_adds(&expected, ": ");
        look_add_json(&expected, before, MATCH_TEXT_MAX);
    }
    if (before && after) {
        verdict = json_equal(before, after) ? MATCH_PASS : MATCH_FAIL;
        look_add_json(&actual, after, MATCH_TEXT_MAX);
    } else {
        buf_adds(&actual, why ? why : "no reading");
    }
    add_outcome(out, e, xstrdup(e->name), verdict, &expected, &actual);
}
