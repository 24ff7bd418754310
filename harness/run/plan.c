#include "run/plan.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/strv.h"
#include "run/target.h"
#include "scenario/model.h"

static bool tag_wanted(const struct scenario *s, const struct strv *words)
{
    bool any = false, plain = false;
    for (size_t i = 0; i < words->n; i++) {
        const char *word = words->v[i];
        if (word[0] == '!') {
            if (strv_has(&s->tags, word + 1))
                return false;
        } else {
            plain = true;
            any = any || strv_has(&s->tags, word);
        }
    }
    return any || !plain;
}

static bool good_tag(const char *word)
{
    if (*word == '!')
        word++;
    return *word && word[strspn(word, "abcdefghijklmnopqrstuvwxyz0123456789-_")] == '\0';
}

int plan_filter_tags(struct scenario **list, size_t *n, const char *tags, struct err *err)
{
    CLEANUP(strv_release) struct strv words = STRV_INIT;
    size_t kept = 0;
    if (!tags)
        return 0;
    strv_split(&words, tags, ',');
    for (size_t i = 0; i < words.n; i++)
        if (!good_tag(words.v[i]))
            return err_set(err, ERR_USAGE,
                           "'%s' is no tag list: lower case words, separated by commas, "
                           "each with an optional ! in front",
                           tags);
    for (size_t i = 0; i < *n; i++)
        if (tag_wanted(list[i], &words))
            list[kept++] = list[i];
    *n = kept;
    return 0;
}

void plan_filter_shard(struct scenario **list, size_t *n, size_t i, size_t n_shares)
{
    size_t kept = 0;
    for (size_t k = 0; k < *n; k++)
        if (n_shares <= 1 || k % n_shares == i)
            list[kept++] = list[k];
    *n = kept;
}

struct need_search {
    const struct target *target;
    const struct step *missing; /* first step whose own need is not met */
    const char *need;
};

static void look_for_need(const struct step *step, void *arg)
{
    struct need_search *search = arg;
    if (search->missing)
        return;
    const char *need = step->row->need;
    if (step->kind == STEP_MCP && ynode_get(step->arg, "on"))
        need = "box-mcp";
    if (need && !strv_has(&search->target->needs, need)) {
        search->missing = step;
        search->need = need;
    } else if (step->row->mock_only && search->target->kind != TARGET_MOCK) {
        search->missing = step;
        search->need = "the mock platform";
    }
}

char *plan_skip_reason(const struct scenario *s, const struct target *t)
{
    if (s->targets.n > 0 && !strv_has(&s->targets, t->name)) {
        CLEANUP(free_ptr) char *names = strv_join(&s->targets, ", ");
        return xasprintf("made for target %s only, this is '%s'", names, t->name);
    }
    for (size_t i = 0; i < s->needs.n; i++)
        if (!strv_has(&t->needs, s->needs.v[i]))
            return xasprintf("needs '%s', which target '%s' does not offer",
                             s->needs.v[i], t->name);
    struct need_search search = {.target = t};
    scenario_each_step(s, look_for_need, &search);
    if (search.missing)
        return xasprintf("step '%s' needs '%s', which target '%s' does not offer",
                         search.missing->name, search.need, t->name);
    return NULL;
}
