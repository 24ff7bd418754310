#include "run/sink.h"

#include "io/json.h"
#include <limits.h>
#include <stddef.h>

const struct name_row event_names[] = {
    {EV_RUN_BEGIN, "run_begin"},
    {EV_SCENARIO_BEGIN, "scenario_begin"},
    {EV_STEP, "step"},
    {EV_CHECK, "check"},
    {EV_EXCHANGE, "exchange"},
    {EV_FRAME, "frame"},
    {EV_POLL, "poll"},
    {EV_RESOURCE, "resource"},
    {EV_SCENARIO_END, "scenario_end"},
    {EV_RUN_END, "run_end"},
    {0, NULL},
};

enum field_type { TEXT, NUMBER, LONG, VERDICT };

/* One row per field of struct event: which kinds carry it, in the order of the lines. */
struct field {
    const char *name;
    size_t offset;
    unsigned kinds; /* bit per enum event_kind */
    enum field_type type;
};

#define K(kind) (1U << (kind))
#define FIELD(type, member, kinds) #member, offsetof(struct event, member), kinds, type

enum {
    ANY = (1 << (EV_RUN_END + 1)) - 1,
    STEPS = K(EV_STEP) | K(EV_CHECK) | K(EV_POLL) | K(EV_EXCHANGE) | K(EV_FRAME) |
            K(EV_RESOURCE),
};

static const struct field fields[] = {
    {FIELD(LONG, at_ms, ANY)},
    {FIELD(TEXT, scenario, ANY)},
    {FIELD(TEXT, target, K(EV_RUN_BEGIN))},
    {FIELD(TEXT, contract, K(EV_RUN_BEGIN))},
    {FIELD(TEXT, seed, K(EV_RUN_BEGIN))},
    {FIELD(TEXT, version, K(EV_RUN_BEGIN))},
    {FIELD(TEXT, command_line, K(EV_RUN_BEGIN))},
    {FIELD(NUMBER, scenarios, K(EV_RUN_BEGIN))},
    {FIELD(TEXT, file, K(EV_SCENARIO_BEGIN) | K(EV_CHECK))},
    {FIELD(TEXT, proves, K(EV_SCENARIO_BEGIN))},
    {FIELD(TEXT, tags, K(EV_SCENARIO_BEGIN))},
    {FIELD(TEXT, step, STEPS)},
    {FIELD(TEXT, step_name, STEPS)},
    {FIELD(TEXT, name, K(EV_CHECK))},
    {FIELD(VERDICT, verdict, K(EV_CHECK) | K(EV_SCENARIO_END))},
    {FIELD(TEXT, expected, K(EV_CHECK))},
    {FIELD(TEXT, actual, K(EV_CHECK) | K(EV_POLL))},
    {FIELD(NUMBER, line, K(EV_STEP) | K(EV_CHECK))},
    {FIELD(NUMBER, exchange, K(EV_CHECK) | K(EV_POLL))},
    {FIELD(NUMBER, number, K(EV_EXCHANGE) | K(EV_FRAME))},
    {FIELD(TEXT, protocol, K(EV_EXCHANGE))},
    {FIELD(TEXT, request, K(EV_EXCHANGE))},
    {FIELD(TEXT, request_headers, K(EV_EXCHANGE))},
    {FIELD(TEXT, request_body, K(EV_EXCHANGE))},
    {FIELD(NUMBER, status, K(EV_EXCHANGE))},
    {FIELD(TEXT, response_headers, K(EV_EXCHANGE))},
    {FIELD(TEXT, response_body, K(EV_EXCHANGE))},
    {FIELD(TEXT, error, K(EV_EXCHANGE))},
    {FIELD(LONG, duration_ms, K(EV_EXCHANGE) | K(EV_SCENARIO_END) | K(EV_RUN_END))},
    {FIELD(TEXT, direction, K(EV_FRAME))},
    {FIELD(TEXT, transport, K(EV_FRAME))},
    {FIELD(TEXT, revision, K(EV_FRAME))},
    {FIELD(TEXT, findings, K(EV_FRAME))},
    {FIELD(NUMBER, valid, K(EV_FRAME))},
    {FIELD(NUMBER, raw, K(EV_FRAME))},
    {FIELD(NUMBER, attempt, K(EV_POLL))},
    {FIELD(NUMBER, held, K(EV_POLL))},
    {FIELD(TEXT, resource_kind, K(EV_RESOURCE))},
    {FIELD(TEXT, resource_id, K(EV_RESOURCE))},
    {FIELD(TEXT, resource_state, K(EV_RESOURCE))},
    {FIELD(TEXT, reason, K(EV_SCENARIO_END) | K(EV_RUN_END))},
    {FIELD(NUMBER, checks, K(EV_SCENARIO_END))},
    {FIELD(NUMBER, passed, K(EV_RUN_END))},
    {FIELD(NUMBER, failed, K(EV_RUN_END))},
    {FIELD(NUMBER, broken, K(EV_RUN_END))},
    {FIELD(NUMBER, skipped, K(EV_RUN_END))},
    {FIELD(NUMBER, checks_passed, K(EV_RUN_END))},
    {FIELD(NUMBER, checks_failed, K(EV_RUN_END))},
    {FIELD(NUMBER, checks_broken, K(EV_RUN_END))},
    {FIELD(NUMBER, checks_skipped, K(EV_RUN_END))},
    {FIELD(NUMBER, leaked, K(EV_RUN_END))},
    {FIELD(NUMBER, exit_code, K(EV_RUN_END))},
};

static json_t *field_to_json(const struct event *ev, const struct field *f)
{
    const void *at = (const char *)ev + f->offset;

    switch (f->type) {
    case TEXT:
        return json_str_new(*(const char *const *)at);
    case NUMBER:
        return xcheck(json_integer(*(const int *)at));
    case LONG:
        return xcheck(json_integer(*(const int64_t *)at));
    case VERDICT:
        return json_str_new(table_name(verdict_names, (int)*(const enum verdict *)at));
    }
    return json_null();
}

json_t *event_to_json(const struct event *ev)
{
    json_t *out = json_make("{s:s}", "event", table_name(event_names, (int)ev->kind));

    for (size_t i = 0; i < ARRAY_SIZE(fields); i++) {
        const struct field *f = &fields[i];

        if (!(f->kinds & K(ev->kind)))
            continue;
        /* Texts that are not known are left out. */
        if (f->type == TEXT && !*(const char *const *)((const char *)ev + f->offset))
            continue;
        xcheck(json_object_set_new(out, f->name, field_to_json(ev, f)) == 0 ? out : NULL);
    }
    return out;
}

static int wrong(const struct field *f, struct err *err)
{
    return err_set(err, ERR_SHAPE, "event has a bad '%s'", f->name);
}

static int field_from_json(const json_t *value, const struct field *f, struct event *ev,
                           struct err *err)
{
    void *at = (char *)ev + f->offset;
    int64_t number = (int64_t)json_integer_value(value);
    int verdict;

    switch (f->type) {
    case TEXT:
        if (!json_is_string(value))
            return wrong(f, err);
        *(const char **)at = json_string_value(value);
        return 0;
    case NUMBER:
        if (!json_is_integer(value) || number < INT_MIN || number > INT_MAX)
            return wrong(f, err);
        *(int *)at = (int)number;
        return 0;
    case LONG:
        if (!json_is_integer(value))
            return wrong(f, err);
        *(int64_t *)at = number;
        return 0;
    case VERDICT:
        if (!json_is_string(value) ||
            !table_value(verdict_names, json_string_value(value), &verdict))
            return wrong(f, err);
        *(enum verdict *)at = (enum verdict)verdict;
        return 0;
    }
    return wrong(f, err);
}

int event_from_json(const json_t *j, struct event *ev, struct err *err)
{
    const char *name = json_str(j, "event", "");
    int kind;

    if (!table_value(event_names, name, &kind))
        return err_set(err, ERR_SHAPE, "unknown event '%.64s'", name);
    *ev = (struct event){.kind = (enum event_kind)kind};
    for (size_t i = 0; i < ARRAY_SIZE(fields); i++) {
        const json_t *value;

        if (!(fields[i].kinds & K(kind)))
            continue;
        value = json_object_get(j, fields[i].name);
        if (value && !json_is_null(value) &&
            field_from_json(value, &fields[i], ev, err) < 0)
            return -1;
    }
    return 0;
}
