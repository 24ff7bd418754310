#include "mocks/box/expand.h"

#include "base/buf.h"
#include "base/limits.h"

#include <string.h>

static size_t name_length(const char *s)
{
    static const char digits[] = "0123456789";
    static const char letters[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_0123456789";

    if (strchr(digits, *s))
        return 0;
    return strspn(s, letters);
}

/* The length of the reference at s ("${...}"), 0 when it is none. */
static size_t add_reference(struct buf *out, const char *s, const struct strv *env)
{
    size_t name_len = name_length(s + 2);
    const char *after = s + 2 + name_len;
    const char *fallback = "";
    size_t fallback_len = 0;
    size_t len;

    if (name_len == 0)
        return 0;
    if (strncmp(after, ":-", 2) == 0) {
        fallback = after + 2;
        fallback_len = strcspn(fallback, "}");
        after = fallback + fallback_len;
    }
    if (*after != '}')
        return 0;
    len = (size_t)(after + 1 - s);

    char *name = xstrndup(s + 2, name_len);
    const char *value = strv_env_get(env, name);
    free(name);
    if (value)
        buf_adds(out, value);
    else
        buf_add(out, fallback, fallback_len);
    return len;
}

char *env_expand(const char *text, const struct strv *env)
{
    struct buf out = BUF_INIT(LIMIT_FILE);

    while (*text) {
        size_t len = 0;
        if (text[0] == '$' && text[1] == '{')
            len = add_reference(&out, text, env);
        if (len == 0) {
            buf_addc(&out, *text);
            len = 1;
        }
        text += len;
    }
    return buf_steal(&out);
}

void settings_embed_env(json_t *servers, const struct strv *env)
{
    const char *server_name;
    json_t *server;

    json_object_foreach(servers, server_name, server)
    {
        json_t *entry_env = json_object_get(server, "env");
        const char *name;
        json_t *value;
        json_object_foreach(entry_env, name, value)
        {
            if (!json_is_string(value))
                continue;
            char *expanded = env_expand(json_string_value(value), env);
            (void)json_string_set(value, expanded);
            free(expanded);
        }
    }
}
