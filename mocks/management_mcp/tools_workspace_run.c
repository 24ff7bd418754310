/* The tools of the workspace mode that are more than one call, or answer with less than
 * the platform does. Source: @molecule-ai/mcp-server, its workspace tools. */
#include "mocks/management_mcp/tools.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/ids.h"
#include "io/json.h"
#include "mocks/tenant/rows.h"

enum { FRESH_S = 90 };

/* The arguments with a random place on the canvas. Caller owns. */
static json_t *placed(const struct tool_call *call)
{
    json_t *body = xcheck(json_copy(call->args));
    char digits[9];
    id_hex(digits, 8);
    unsigned seed = 0;
    for (const char *p = digits; *p; p++)
        seed = seed * 16 + (unsigned)(*p <= '9' ? *p - '0' : *p - 'a' + 10);
    json_put(body, "canvas",
             json_make("{s:i,s:i}", "x", (int)(100 + seed % 400), "y",
                       (int)(100 + seed / 400 % 300)));
    return body;
}

void run_create_with_canvas(struct tool_call *call)
{
    CLEANUP(json_drop) json_t *body = placed(call);
    tool_ask(call, "POST", "/workspaces", body, tool_answer);
}

/* ---- provision_workspace: what was made has to be what was asked for ---- */

/* Takes detail; id: of the row that was made, NULL = none. */
static void not_provisioned(struct tool_call *call, const char *error, json_t *detail,
                            const char *id, const char *found)
{
    CLEANUP(json_drop)
    json_t *value =
        json_make("{s:s,s:o,s:s,s:b}", "error", error, "detail", detail,
                  "requested_runtime", tool_arg(call, "runtime"), "provisioned", 0);
    if (id)
        json_put(value, "workspace_id", json_str_new(id));
    if (found)
        json_put(value, "resolved_runtime", json_str_new(found));
    tool_value(call, TOOL_PLATFORM_ERROR, value);
}

/* Without a template of its own: the machine is somebody else's. */
static bool brings_its_machine(const char *runtime)
{
    return strcmp(runtime, "external") == 0 || strncmp(runtime, "kimi", 4) == 0;
}

/* Owned; NULL = none. */
static char *template_of(const struct tool_call *call)
{
    const char *runtime = tool_arg(call, "runtime");
    const char *template = json_str(call->args, "template", NULL);
    if (template)
        return *template ? xstrdup(template) : NULL;
    return brings_its_machine(runtime) ? NULL : xasprintf("%s-default", runtime);
}

static void row_known(struct tool_call *call, const struct rest_answer *row)
{
    const char *runtime = tool_arg(call, "runtime");
    const char *id = json_str(call->kept, "id", "");
    const char *found = row->ok ? json_str(row->value, "runtime", NULL) : NULL;
    if (!found) {
        not_provisioned(call, "PROVISION_UNVERIFIED",
                        json_str_new("the workspace was made, but what it runs cannot be "
                                     "read back: nothing is known of its runtime"),
                        id, NULL);
        return;
    }
    if (!brings_its_machine(runtime) && strcmp(found, runtime) != 0) {
        CLEANUP(free_ptr)
        char *why = xasprintf("asked for runtime '%s', and the platform made '%s'",
                              runtime, found);
        not_provisioned(call, "RUNTIME_MISMATCH", json_str_new(why), id, found);
        return;
    }
    CLEANUP(free_ptr) char *template = template_of(call);
    CLEANUP(json_drop)
    json_t *done =
        json_make("{s:b,s:b,s:s,s:s,s:s,s:o,s:s}", "ok", 1, "provisioned", 1,
                  "workspace_id", id, "requested_runtime", runtime, "resolved_runtime",
                  found, "template", template ? json_str_new(template) : json_null(),
                  "status", json_str(call->kept, "status", "provisioning"));
    tool_value(call, TOOL_OK, done);
}

static void row_made(struct tool_call *call, const struct rest_answer *made)
{
    const char *id = json_str(made->value, "id", NULL);
    if (!made->ok) {
        not_provisioned(call, "PROVISION_FAILED", json_incref(made->value), NULL, NULL);
        return;
    }
    if (!id) {
        not_provisioned(call, "PROVISION_FAILED",
                        json_str_new("the platform named no workspace, so that nothing "
                                     "can be read back"),
                        NULL, NULL);
        return;
    }
    call->kept = json_incref(made->value);
    CLEANUP(free_ptr) char *escaped = http_escape(id);
    CLEANUP(free_ptr) char *path = xasprintf("/workspaces/%s", escaped);
    tool_ask(call, "GET", path, NULL, row_known);
}

void run_provision_verified(struct tool_call *call)
{
    CLEANUP(json_drop) json_t *body = placed(call);
    CLEANUP(free_ptr) char *template = template_of(call);
    if (template)
        json_put(body, "template", json_str_new(template));
    tool_ask(call, "POST", "/workspaces", body, row_made);
}

/* ---- one call, and part of its answer ---- */

static void answer_text_or_all(struct tool_call *call, const struct rest_answer *answer,
                               const char *text)
{
    if (answer->ok && text && *text)
        tool_text(call, TOOL_OK, text);
    else
        tool_answer(call, answer);
}

static void agent_replied(struct tool_call *call, const struct rest_answer *answer)
{
    CLEANUP(free_ptr) char *text = tool_reply_text(answer->value);
    answer_text_or_all(call, answer, text);
}

void run_chat(struct tool_call *call)
{
    CLEANUP(json_drop)
    json_t *body = json_make("{s:s,s:{s:{s:s,s:[{s:s,s:O}]}}}", "method", "message/send",
                             "params", "message", "role", "user", "parts", "type", "text",
                             "text", json_object_get(call->args, "message"));
    CLEANUP(free_ptr) char *path = tool_path(call, call->tool->path);
    tool_ask(call, "POST", path, body, agent_replied);
}

static void file_read(struct tool_call *call, const struct rest_answer *answer)
{
    answer_text_or_all(call, answer, json_str(answer->value, "content", NULL));
}

void run_read_file(struct tool_call *call)
{
    tool_ask_row(call, file_read);
}

/* ---- channels: configuration as JSON in a text, users as a list with commas ---- */

static json_t *users_of(const char *list)
{
    json_t *users = xcheck(json_array());
    CLEANUP(strv_release) struct strv names = STRV_INIT;
    strv_split(&names, list, ',');
    for (size_t i = 0; i < names.n; i++) {
        const char *name = names.v[i] + strspn(names.v[i], " ");
        size_t len = strlen(name);
        while (len && name[len - 1] == ' ')
            len--;
        if (len && json_array_append_new(users, json_strn_new(name, len)))
            abort(); /* out of memory */
    }
    return users;
}

void run_channel(struct tool_call *call)
{
    const char *text = json_str(call->args, "config", NULL);
    const char *users = json_str(call->args, "allowed_users", NULL);
    const char *type = json_str(call->args, "channel_type", NULL);
    json_t *enabled = json_object_get(call->args, "enabled");
    CLEANUP(json_drop) json_t *body = xcheck(json_object());
    json_t *config = NULL;
    if (text && json_parse(text, strlen(text), &config, NULL)) {
        tool_text(call, TOOL_PLATFORM_ERROR, "Error: config is not valid JSON");
        return;
    }
    if (type)
        json_put(body, "channel_type", json_str_new(type));
    if (config)
        json_put(body, "config", config);
    if (enabled)
        json_put(body, "enabled", json_incref(enabled));
    if (users || type)
        json_put(body, "allowed_users", users_of(users ? users : ""));
    CLEANUP(free_ptr) char *path = tool_path(call, call->tool->path);
    tool_ask(call, call->tool->method, path, body, tool_answer);
}

/* ---- agents that live elsewhere ---- */

/* A copy of the named members; what is absent stays out. Caller owns. */
static json_t *members(const json_t *row, const char *const *names)
{
    json_t *part = xcheck(json_object());
    for (; *names; names++) {
        json_t *value = json_object_get(row, *names);
        if (value)
            json_put(part, *names, json_incref(value));
    }
    return part;
}

static bool is_remote(const json_t *row)
{
    return strcmp(json_str(row, "runtime", ""), "external") == 0;
}

static void remote_listed(struct tool_call *call, const struct rest_answer *answer)
{
    static const char *const shown[] = {
        "id",   "name", "status", "url", "last_heartbeat_at", "uptime_seconds",
        "tier", NULL};
    if (!json_is_array(answer->value)) {
        tool_answer(call, answer);
        return;
    }
    json_t *agents = xcheck(json_array());
    for (size_t i = 0; i < json_array_size(answer->value); i++) {
        const json_t *row = json_array_get(answer->value, i);
        if (is_remote(row) && json_array_append_new(agents, members(row, shown)))
            abort(); /* out of memory */
    }
    CLEANUP(json_drop)
    json_t *value =
        json_make("{s:i,s:o}", "count", (int)json_array_size(agents), "agents", agents);
    tool_value(call, TOOL_OK, value);
}

void run_remote_list(struct tool_call *call)
{
    tool_ask_row(call, remote_listed);
}

static void remote_known(struct tool_call *call, const struct rest_answer *answer)
{
    static const char *const shown[] = {"runtime", "last_heartbeat_at", NULL};
    const json_t *row = answer->value;
    if (!answer->ok) {
        tool_answer(call, answer);
        return;
    }
    const char *status = json_str(row, "status", "");
    CLEANUP(json_drop)
    json_t *value =
        json_make("{s:O,s:s,s:b,s:b}", "workspace_id", json_object_get(row, "id"),
                  "status", status, "paused", strcmp(status, "paused") == 0, "deleted",
                  strcmp(status, "removed") == 0);
    CLEANUP(json_drop) json_t *rest = members(row, shown);
    if (json_object_update(value, rest))
        abort(); /* out of memory */
    tool_value(call, TOOL_OK, value);
}

void run_remote_state(struct tool_call *call)
{
    tool_ask_row(call, remote_known);
}

static bool is_local(const char *url)
{
    static const char *const hosts[] = {"localhost", "127.0.0.1", "0.0.0.0"};
    const char *host = strstr(url, "://");
    host = host ? host + 3 : url;
    size_t len = strcspn(host, ":/");
    for (size_t i = 0; i < ARRAY_SIZE(hosts); i++)
        if (strlen(hosts[i]) == len && strncmp(host, hosts[i], len) == 0)
            return true;
    return false;
}

static void setup_known(struct tool_call *call, const struct rest_answer *answer)
{
    const json_t *row = answer->value;
    const char *given = tool_arg(call, "platform_url_override");
    CLEANUP(free_ptr) char *base = rest_tenant_base();
    if (!answer->ok) {
        tool_answer(call, answer);
        return;
    }
    if (!is_remote(row)) {
        CLEANUP(json_drop)
        json_t *refused =
            json_make("{s:s,s:O,s:O}", "error",
                      "workspace is not external: its agent is started by the platform",
                      "workspace_id", json_object_get(row, "id"), "actual_runtime",
                      json_object_get(row, "runtime"));
        tool_value(call, TOOL_PLATFORM_ERROR, refused);
        return;
    }
    const char *url = given ? given : base;
    CLEANUP(free_ptr)
    char *command = xasprintf("WORKSPACE_ID=%s PLATFORM_URL=%s python3 -m molecule_agent",
                              json_str(row, "id", ""), url);
    CLEANUP(json_drop)
    json_t *value = json_make(
        "{s:O,s:O,s:s,s:s}", "workspace_id", json_object_get(row, "id"), "workspace_name",
        json_object_get(row, "name"), "platform_url", url, "setup_command", command);
    if (url == base && is_local(base))
        json_put(value, "warnings",
                 json_make("[s]", "the platform's address means this machine; "
                                  "elsewhere give platform_url_override"));
    tool_value(call, TOOL_OK, value);
}

void run_remote_setup(struct tool_call *call)
{
    tool_ask_row(call, setup_known);
}

/* The age of a time as the platform writes it; negative = none was given. */
static int64_t age_s(const char *text)
{
    int64_t at_ms = 0;
    if (!text || !rest_parse_time(text, &at_ms))
        return -1;
    int64_t age_ms = clock_wall_ms() - at_ms;
    return age_ms > 0 ? age_ms / 1000 : 0;
}

static void freshness_known(struct tool_call *call, const struct rest_answer *answer)
{
    static const char *const shown[] = {"status", "runtime", "last_heartbeat_at", NULL};
    if (!answer->ok) {
        tool_answer(call, answer);
        return;
    }
    json_t *given = json_object_get(call->args, "threshold_seconds");
    double threshold = given ? json_number_value(given) : FRESH_S;
    int64_t age = age_s(json_str(answer->value, "last_heartbeat_at", NULL));
    CLEANUP(json_drop) json_t *value = members(answer->value, shown);
    json_put(value, "workspace_id", json_str_new(tool_arg(call, "workspace_id")));
    json_put(value, "seconds_since_heartbeat", age < 0 ? json_null() : json_integer(age));
    json_put(value, "threshold_seconds",
             given ? json_incref(given) : json_integer(FRESH_S));
    json_put(value, "fresh", json_boolean(age >= 0 && (double)age <= threshold));
    tool_value(call, TOOL_OK, value);
}

void run_remote_freshness(struct tool_call *call)
{
    tool_ask_row(call, freshness_known);
}
