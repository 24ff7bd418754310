#include "mocks/box/agent.h"

#include "base/buf.h"
#include "base/limits.h"
#include "base/num.h"
#include "io/json.h"

#include <ctype.h>
#include <string.h>

#define DEFAULT_NAME "new-agent"
enum { QUOTED_PROMPT_BYTES = 600, QUOTED_MESSAGE_BYTES = 200 };

static const char *const BUILT_IN_TOOLS[] = {
    "Task", "Bash", "Read", "Write", "Edit", "Glob", "Grep", "TodoWrite", "WebFetch",
};

/* ---- what is asked ---- */

static bool any_of(const char *text, const char *const *words, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (strcasestr(text, words[i]))
            return true;
    return false;
}
#define ANY_OF(text, ...)                                                                \
    any_of(text, (const char *const[]){__VA_ARGS__},                                     \
           ARRAY_SIZE(((const char *const[]){__VA_ARGS__})))

/* "work for 30 seconds"; -1 = it is not said. */
static double seconds_of(const char *text)
{
    static const char before[] = "work for ";
    const char *hit = strcasestr(text, before);
    double seconds = -1;

    if (!hit)
        return -1;
    hit += strlen(before);
    char *number CLEANUP(free_ptr) = xstrndup(hit, strspn(hit, "0123456789."));
    bool counted = num_parse_double(number, &seconds) &&
                   strncasecmp(hit + strlen(number), " second", 7) == 0;
    return counted ? seconds : -1;
}

static enum agent_intent intent_of(const char *text)
{
    if (ANY_OF(text, "tool") && ANY_OF(text, "json") && ANY_OF(text, "array"))
        return AGENT_TOOLS;
    if (ANY_OF(text, "pong") && ANY_OF(text, "reply", "answer", "respond", "say"))
        return AGENT_PONG;
    if (ANY_OF(text, "create", "spawn", "provision", "launch", "make a", "start a") &&
        ANY_OF(text, "workspace", "agent"))
        return AGENT_CREATE;
    if (ANY_OF(text, "peers"))
        return AGENT_PEERS;
    if (ANY_OF(text, "who are you", "introduce", "what are you"))
        return AGENT_INTRODUCE;
    return seconds_of(text) >= 0 ? AGENT_WORK : AGENT_HEAR;
}

static bool is_word_char(char c)
{
    return isalnum((unsigned char)c) || c == '_' || c == '-';
}

/* The word or quoted text that begins at s, after blanks, ':' and '='; NULL = none.
 * A bare word may hold what ids and models hold; a closing full stop is not part of it.
 */
static char *value_at(const char *s)
{
    s += strspn(s, " \t\n:=");
    if (*s && strchr("\"'`", *s)) {
        const char *end = strchr(s + 1, *s);
        return end && end > s + 1 ? xstrndup(s + 1, (size_t)(end - s - 1)) : NULL;
    }
    size_t len = 0;
    while (is_word_char(s[len]) || (s[len] && strchr("./", s[len])))
        len++;
    while (len && strchr("./", s[len - 1]))
        len--;
    return len ? xstrndup(s, len) : NULL;
}

/* What follows the first of the words that stands alone; NULL = nothing does. */
static char *value_after(const char *text, const char *const *words, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        const char *hit = text;
        while ((hit = strcasestr(hit, words[i]))) {
            const char *after = hit + strlen(words[i]);
            bool alone = (hit == text || !is_word_char(hit[-1])) && !is_word_char(*after);
            char *value = alone ? value_at(after) : NULL;
            if (value)
                return value;
            hit = after;
        }
    }
    return NULL;
}

static char *first_quoted(const char *text)
{
    const char *quote = strpbrk(text, "\"`");

    return quote ? value_at(quote) : NULL;
}

void agent_wish_read(const char *text, struct agent_wish *ret)
{
    static const char *const NAMED[] = {"named", "called", "name"};
    static const char *const TEMPLATE[] = {"template"};
    static const char *const MODEL[] = {"model"};
    static const char *const RUNTIME[] = {"runtime"};

    *ret = (struct agent_wish){.intent = intent_of(text), .seconds = seconds_of(text)};
    if (ret->intent != AGENT_CREATE)
        return;
    ret->name = value_after(text, NAMED, ARRAY_SIZE(NAMED));
    if (!ret->name)
        ret->name = first_quoted(text);
    if (!ret->name)
        ret->name = xstrdup(DEFAULT_NAME);
    ret->template = value_after(text, TEMPLATE, ARRAY_SIZE(TEMPLATE));
    ret->model = value_after(text, MODEL, ARRAY_SIZE(MODEL));
    ret->runtime = value_after(text, RUNTIME, ARRAY_SIZE(RUNTIME));
}

void agent_wish_release(struct agent_wish *w)
{
    free(w->name);
    free(w->template);
    free(w->model);
    free(w->runtime);
    *w = (struct agent_wish)AGENT_WISH_INIT;
}

/* ---- what is said ---- */

/* The first heading and the first paragraph as one line. */
static void add_prompt_summary(struct buf *out, const char *prompt)
{
    bool paragraph = false;

    while (*prompt) {
        size_t len = strcspn(prompt, "\n");
        const char *line = prompt;
        size_t marks = strspn(line, "# \t");
        bool blank = marks >= len;
        bool heading = len && line[0] == '#';
        prompt += len + (prompt[len] == '\n');
        if (paragraph && (blank || heading))
            return;
        if (blank)
            continue;
        if (out->len)
            buf_addc(out, ' ');
        buf_add(out, line + marks, len - marks);
        if (heading)
            buf_addc(out, '.');
        paragraph = !heading;
    }
}

char *agent_introduction(const char *prompt)
{
    struct buf summary CLEANUP(buf_release) = BUF_INIT(QUOTED_PROMPT_BYTES);

    if (!prompt)
        return xstrdup(
            "I am a general coding agent with no instructions of my own. I can "
            "read and change files, run commands and use sub-agents. What "
            "shall I build?");
    add_prompt_summary(&summary, prompt);
    if (!summary.len)
        return xstrdup("My system prompt is empty.");
    return xasprintf("My instructions begin: %s", summary.data);
}

char *agent_tool_list(const json_t *loaded)
{
    json_t *ids CLEANUP(json_drop) = xcheck(json_array());
    json_t *id;
    size_t i;

    for (i = 0; i < ARRAY_SIZE(BUILT_IN_TOOLS); i++)
        (void)json_array_append_new(ids, xcheck(json_string(BUILT_IN_TOOLS[i])));
    json_array_foreach(loaded, i, id)(void) json_array_append(ids, id);
    return json_text(ids, JSON_STRUCT);
}

char *agent_task_fallback(const struct agent_wish *w)
{
    return xasprintf("I have no tool that makes workspaces, so I used the built-in Task "
                     "tool: a sub-agent called '%s' ran inside my own process in "
                     "/workspace and is done.",
                     w->name ? w->name : DEFAULT_NAME);
}

char *agent_heard(const char *text)
{
    return xasprintf("I read your message: %.*s", (int)QUOTED_MESSAGE_BYTES, text);
}

char *agent_native_peers(void)
{
    return xstrdup("sessions_list: 1 native session (this one). There are no platform "
                   "peers.");
}

json_t *agent_create_arguments(const struct agent_wish *w, const char *model)
{
    json_t *arguments = xcheck(json_object());
    const char *chosen = w->model ? w->model : w->template ? NULL : model;

    (void)json_object_set_new(arguments, "name", xcheck(json_string(w->name)));
    if (w->template)
        (void)json_object_set_new(arguments, "template",
                                  xcheck(json_string(w->template)));
    if (chosen && *chosen)
        (void)json_object_set_new(arguments, "model", xcheck(json_string(chosen)));
    if (w->runtime)
        (void)json_object_set_new(arguments, "runtime", xcheck(json_string(w->runtime)));
    return arguments;
}

char *a2a_message_text(const json_t *message)
{
    char *text = json_texts(json_object_get(message, "parts"));
    if (*text)
        return text;
    free(text);
    return xstrdup(json_str(message, "content", ""));
}

static char *failure_text(const char *tool_id, const json_t *answer, const char *text)
{
    const char *error = json_str(answer, "error", text);
    const char *detail = json_str(answer, "detail", NULL);

    return xasprintf("Agent error: %s failed: %s%s%s", tool_id, error, detail ? ": " : "",
                     detail ? detail : "");
}

char *agent_tool_outcome(const char *tool_id, const char *subject, const json_t *result,
                         const char *error)
{
    if (!result)
        return failure_text(tool_id, NULL, error ? error : "no answer");

    char *text CLEANUP(free_ptr) = json_texts(json_object_get(result, "content"));
    json_t *answer CLEANUP(json_drop) = NULL;
    (void)!json_parse(text, strlen(text), &answer, NULL);
    if (json_bool(result, "isError", false) || json_object_get(answer, "error"))
        return failure_text(tool_id, answer, text);
    if (!json_is_object(answer))
        return xasprintf("I called %s for '%s'. It answered: %s", tool_id, subject, text);
    /* The answer to a create holds the new workspace's token: only id and status are
     * for the chat. */
    return xasprintf("I called %s for '%s'. It answered: id %s, status %s.", tool_id,
                     subject, json_str(answer, "id", "unknown"),
                     json_str(answer, "status", "unknown"));
}
