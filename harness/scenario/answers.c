#include "scenario/answers.h"

#include <string.h>
#include <strings.h>

#include "base/limits.h"
#include "io/json.h"
#include "scenario/wire.h"

static const char type_of_json[] = "application/json; charset=utf-8";
static const char type_of_text[] = "text/plain; charset=utf-8";

/* ---- reading ---- */

static int check_answer(const json_t *answer, struct err *err)
{
    static const char *const kinds[] = {"body", "text", "empty", "type"};
    const char *key = NULL;
    json_t *value = NULL;
    size_t n = 0;

    for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
        n += json_object_get(answer, kinds[i]) != NULL;
    if (n == 0)
        return err_set(err, ERR_CONFIG,
                       "says nothing of the body: one of body, text, "
                       "empty, type");
    if (!json_is_integer(json_object_get(answer, "status")))
        return err_set(err, ERR_CONFIG, "has no status");
    json_object_foreach(json_object_get(answer, "headers"), key, value)
    {
        if (wire_check(value, err) < 0)
            return -1;
    }
    value = json_object_get(answer, "body");
    return value ? wire_check(value, err) : 0;
}

static int add_answer(json_t *all, json_t *answer, const json_t *group,
                      const json_t *route, struct err *err)
{
    const char *id = json_str(answer, "id", NULL);
    struct err why = ERR_INIT;
    CLEANUP(free_ptr)
    char *of =
        xasprintf("%s %s", json_str(route, "method", "?"), json_str(route, "path", "?"));

    if (!id)
        return err_set(err, ERR_CONFIG, "an answer of %s has no id", of);
    if (json_object_get(all, id))
        return err_set(err, ERR_CONFIG, "the answer '%s' is there twice", id);
    if (check_answer(answer, &why) < 0)
        return err_set(err, ERR_CONFIG, "the answer '%s': %s", id, why.text);
    (void)json_object_set_new(answer, "route", json_string(of));
    (void)json_object_set_new(answer, "group",
                              json_string(json_str(group, "group", "?")));
    (void)json_object_set(all, id, answer);
    return 0;
}

int answers_read(const char *path, json_t **ret, struct err *err)
{
    CLEANUP(json_drop) json_t *doc = NULL;
    CLEANUP(json_drop) json_t *all = xcheck(json_object());
    struct err why = ERR_INIT;
    size_t g = 0, r = 0, a = 0;
    json_t *group = NULL, *route = NULL, *answer = NULL;

    if (json_read_file(path, &doc, err) < 0)
        return -1;
    json_array_foreach(json_object_get(doc, "groups"), g, group){
        json_array_foreach(json_object_get(group, "routes"), r, route){
            json_array_foreach(json_object_get(route, "answers"), a, answer){
                if (add_answer(all, answer, group, route, &why) <
                    0) return err_set(err, ERR_CONFIG, "%s: %s", path, why.text);
}
}
}
*ret = TAKE(all);
return 0;
}

bool answer_is_of(const json_t *answer, const char *profile)
{
    const json_t *profiles = json_object_get(answer, "profiles");
    size_t i = 0;
    json_t *one = NULL;

    json_array_foreach(profiles, i, one)
    {
        if (profile && strcmp(json_string_value(one), profile) == 0)
            return true;
    }
    return !profiles || !profile;
}

/* ---- comparing ---- */

/* Value of a header, without the blanks before it; NULL = absent. */
static const char *header_of(const struct observation *obs, const char *name)
{
    size_t len = strlen(name);

    for (size_t i = 0; obs->headers && i < obs->headers->n; i++) {
        const char *h = obs->headers->v[i];
        if (strncasecmp(h, name, len) == 0 && h[len] == ':')
            return h + len + 1 + strspn(h + len + 1, " ");
    }
    return NULL;
}

static bool header_fits(const struct observation *obs, const char *name,
                        const json_t *want, struct buf *why)
{
    const char *is = header_of(obs, name);

    if (json_is_null(want) && is) {
        buf_addf(why, "header %s: expected none, came '%s'", name, is);
        return false;
    }
    if (json_is_null(want))
        return true;
    if (!is) {
        buf_addf(why, "header %s: expected '%s', came none", name,
                 json_string_value(want));
        return false;
    }
    CLEANUP(buf_release) struct buf wrong = BUF_INIT(KIB(8));
    if (wire_text_fits(json_string_value(want), is, strlen(is), &wrong))
        return true;
    buf_addf(why, "header %s: %s", name, wrong.data);
    return false;
}

static bool headers_fit(const json_t *answer, const struct observation *obs,
                        struct buf *why)
{
    const char *type = json_str(answer, "type",
                                json_object_get(answer, "body")   ? type_of_json
                                : json_object_get(answer, "text") ? type_of_text
                                                                  : NULL);
    CLEANUP(json_drop) json_t *want_type = type ? json_string(type) : NULL;
    const char *name = NULL;
    json_t *want = NULL;

    if (type && !header_fits(obs, "Content-Type", want_type, why))
        return false;
    json_object_foreach(json_object_get(answer, "headers"), name, want)
    {
        if (!header_fits(obs, name, want, why))
            return false;
    }
    return true;
}

bool answer_fits(const json_t *answer, const struct observation *obs, struct buf *why)
{
    const json_t *body = json_object_get(answer, "body");
    const char *text = json_str(answer, "text", NULL);
    const char *is = obs->body ? obs->body : "";
    int status = (int)json_int(answer, "status", 0);

    if (!obs->has_status || obs->status != status) {
        buf_addf(why, "status: expected %d, came %d", status, obs->status);
        if (obs->body_len > 0)
            buf_addf(why, "; the body: %.300s", is);
        return false;
    }
    if (!headers_fit(answer, obs, why))
        return false;
    if (body)
        return wire_fits(body, is, obs->body_len, why);
    if (text)
        return wire_text_fits(text, is, obs->body_len, why);
    if (!json_object_get(answer, "empty") || obs->body_len == 0)
        return true;
    buf_addf(why, "body: expected none, came '%.300s'", is);
    return false;
}
