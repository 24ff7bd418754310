#include "mocks/box/merge.h"

#include "base/buf.h"
#include "base/limits.h"
#include "io/json.h"

#include <string.h>

#define CLAUDE_DIR "${CLAUDE_DIR}"

static json_t *expanded_command(const char *command, const char *claude_dir)
{
    struct buf out = BUF_INIT(LIMIT_FILE);
    const char *hit;

    while ((hit = strstr(command, CLAUDE_DIR))) {
        buf_add(&out, command, (size_t)(hit - command));
        buf_adds(&out, claude_dir);
        command = hit + strlen(CLAUDE_DIR);
    }
    buf_adds(&out, command);
    json_t *j = xcheck(json_string(out.data));
    buf_release(&out);
    return j;
}

/* A copy of one handler ({"matcher","hooks":[{"type","command"}]}) with its commands
 * expanded. */
static json_t *handler_copy(const json_t *handler, const char *claude_dir)
{
    json_t *copy = xcheck(json_deep_copy(handler));
    json_t *hook;
    size_t i;

    json_array_foreach(json_object_get(copy, "hooks"), i, hook)
    {
        const char *command = json_str(hook, "command", NULL);
        if (command)
            (void)json_object_set_new(hook, "command",
                                      expanded_command(command, claude_dir));
    }
    return copy;
}

/* What makes two handlers the same one: the matcher and the commands, in order. */
static json_t *handler_identity(const json_t *handler)
{
    json_t *identity = xcheck(json_array());
    json_t *hook;
    size_t i;

    (void)json_array_append_new(identity,
                                xcheck(json_string(json_str(handler, "matcher", ""))));
    json_array_foreach(json_object_get(handler, "hooks"), i, hook)(void)
        json_array_append_new(identity,
                              xcheck(json_string(json_str(hook, "command", ""))));
    return identity;
}

static bool has_handler(const json_t *handlers, const json_t *wanted)
{
    json_t *identity CLEANUP(json_drop) = handler_identity(wanted);
    json_t *handler;
    size_t i;

    json_array_foreach(handlers, i, handler)
    {
        json_t *other CLEANUP(json_drop) = handler_identity(handler);
        if (json_equal(identity, other))
            return true;
    }
    return false;
}

static void merge_hooks(json_t *out, const json_t *fragment, const char *claude_dir)
{
    json_t *hooks = json_object_get(out, "hooks");
    json_t *handlers;
    const char *event;

    if (!json_is_object(hooks)) {
        hooks = xcheck(json_object());
        (void)json_object_set_new(out, "hooks", hooks);
    }
    json_object_foreach(json_object_get(fragment, "hooks"), event, handlers)
    {
        json_t *there = json_object_get(hooks, event);
        json_t *handler;
        size_t i;
        if (!json_is_array(there)) {
            there = xcheck(json_array());
            (void)json_object_set_new(hooks, event, there);
        }
        json_array_foreach(handlers, i, handler)
        {
            json_t *copy CLEANUP(json_drop) = handler_copy(handler, claude_dir);
            if (json_is_object(copy) && !has_handler(there, copy))
                (void)json_array_append(there, copy);
        }
    }
}

json_t *settings_merge(const json_t *settings, const json_t *fragment,
                       const char *claude_dir)
{
    json_t *out =
        xcheck(json_is_object(settings) ? json_deep_copy(settings) : json_object());
    /* jansson's iteration takes no const object; the fragment is only read. */
    json_t *from CLEANUP(json_drop) = xcheck(json_deep_copy(fragment));
    const char *key;
    json_t *value;

    merge_hooks(out, from, claude_dir);
    json_object_foreach(from, key, value)
    {
        json_t *there = json_object_get(out, key);
        if (strcmp(key, "hooks") == 0)
            continue;
        if (json_is_object(there) && json_is_object(value))
            (void)json_object_update(there, value);
        else if (!there)
            (void)json_object_set(out, key, value);
    }
    return out;
}
