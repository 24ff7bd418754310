#include "scenario/model.h"

#include <stdlib.h>
#include <string.h>

static void list_release(struct step_list *list)
{
    for (size_t i = 0; i < list->n; i++)
        step_free(list->v[i]);
    free(list->v);
}

static void groups_free(struct expect_group *groups, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        for (size_t k = 0; k < groups[i].n; k++) {
            struct expectation *e = &groups[i].items[k];
            free(e->name);
            free(e->header);
            free(e->matchers);
            free(e->message);
            json_decref(e->surface);
            step_free(e->reading);
        }
        free(groups[i].items);
        free(groups[i].name);
    }
    free(groups);
}

static void case_release(struct deny_case *c)
{
    free(c->subject);
    step_free(c->step);
}

void step_free(struct step *step)
{
    if (!step)
        return;
    free(step->id);
    free(step->name);
    strv_release(&step->terminal);
    strv_release(&step->transient);
    groups_free(step->expects, step->n_expects);
    free(step->captures);
    list_release(&step->then);
    list_release(&step->group);
    json_decref(step->group_defaults);
    case_release(&step->control);
    for (size_t i = 0; i < step->n_refused; i++)
        case_release(&step->refused[i]);
    free(step->refused);
    free(step);
}

void scenario_free(struct scenario *s)
{
    if (!s)
        return;
    free(s->name);
    free(s->short_name);
    free(s->file);
    free(s->proves);
    strv_release(&s->refs);
    strv_release(&s->tags);
    strv_release(&s->needs);
    strv_release(&s->targets);
    free(s->params);
    list_release(&s->steps);
    free(s->failure_ref);
    free(s->failure_until);
    strv_release(&s->failure_checks);
    free(s->expr_ids);
    ydoc_free(s->doc);
    free(s);
}

typedef void step_fn(const struct step *step, void *arg);

static void each_of(const struct step_list *list, step_fn *fn, void *arg);

static void each(const struct step *step, step_fn *fn, void *arg)
{
    fn(step, arg);
    each_of(&step->group, fn, arg);
    if (step->kind == STEP_DENY) {
        each(step->control.step, fn, arg);
        for (size_t i = 0; i < step->n_refused; i++)
            each(step->refused[i].step, fn, arg);
    }
    each_of(&step->then, fn, arg);
}

static void each_of(const struct step_list *list, step_fn *fn, void *arg)
{
    for (size_t i = 0; i < list->n; i++)
        each(list->v[i], fn, arg);
}

void scenario_each_step(const struct scenario *s, void (*fn)(const struct step *, void *),
                        void *arg)
{
    each_of(&s->steps, fn, arg);
}

const struct ynode *step_get(const struct step *step, const char *key)
{
    return ynode_get(step->node, key);
}

const struct ynode *step_arg(const struct step *step, const char *key)
{
    const struct step_kind_row *row = step->row;

    if (step->arg && step->arg->kind == YNODE_SCALAR)
        return row->or_scalar && strcmp(row->fields[0].key, key) == 0 ? step->arg : NULL;
    return ynode_get(step->arg, key);
}
