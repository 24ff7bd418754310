/* The tools that are more than one call. */
#include "mocks/management_mcp/tools.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/cleanup.h"
#include "base/ids.h"
#include "io/json.h"

static void set_member(json_t *object, const char *key, json_t *value)
{
    if (json_object_set_new(object, key, xcheck(value)))
        abort(); /* out of memory */
}

static void envelope(struct tool_call *call, const char *error, const char *detail)
{
    CLEANUP(json_drop) json_t *value = rest_error(error, detail);
    tool_value(call, TOOL_PLATFORM_ERROR, value);
}

/* One call beside the row's. */
static void other_call(struct tool_call *call, const char *method, const char *path,
                       const json_t *body, struct rest_answer *ret)
{
    struct rest_request req = {.client = call->tool->client,
                               .tool = call->tool->name,
                               .method = method,
                               .path = path,
                               .body = body};
    rest_call(call->rest, &req, ret);
}

void run_allowlist(struct tool_call *call)
{
    if (!tool_arg(call, "org_id") && !env_get("MOLECULE_ORG_ID")) {
        envelope(call, "INVALID_ARGUMENTS",
                 "org_id is required (or set MOLECULE_ORG_ID)");
        return;
    }
    if (!tool_arg(call, "org_id"))
        set_member(call->args, "org_id", json_str_new(env_get("MOLECULE_ORG_ID")));
    CLEANUP(rest_answer_release) struct rest_answer answer = REST_ANSWER_INIT;
    tool_rest(call, &answer);
    tool_answer(call, &answer);
}

/* ---- recreate_workspace: never wider than what was asked ---- */

static json_t *redeploy_body(const struct tool_call *call, const char *runtime)
{
    json_t *body = json_make("{s:s,s:b,s:b}", "runtime", runtime, "recreate",
                             json_bool(call->args, "recreate", true), "dry_run",
                             json_bool(call->args, "dry_run", false));
    const char *actor = tool_arg(call, "actor");
    set_member(body, "actor", json_str_new(actor ? actor : "management-mcp"));
    if (tool_arg(call, "reason"))
        set_member(body, "reason", json_str_new(tool_arg(call, "reason")));
    return body;
}

/* The runtime to redeploy, owned; NULL with the call answered. */
static char *redeploy_runtime(struct tool_call *call)
{
    const char *runtime = tool_arg(call, "runtime");
    const char *id = tool_arg(call, "workspace_id");
    if (json_bool(call->args, "all_runtimes", false))
        return xstrdup("");
    if (runtime)
        return xstrdup(runtime);
    if (!id) {
        envelope(call, "SCOPE_REQUIRED",
                 "give a workspace_id or a runtime, or all_runtimes: true");
        return NULL;
    }
    CLEANUP(rest_answer_release) struct rest_answer answer = REST_ANSWER_INIT;
    CLEANUP(free_ptr) char *path = tool_path(call, "/workspaces/{workspace_id}");
    struct rest_request req = {
        .client = REST_MGMT, .tool = call->tool->name, .method = "GET", .path = path};
    rest_call(call->rest, &req, &answer);
    const char *found = answer.ok ? json_str(answer.value, "runtime", NULL) : NULL;
    if (found && *found)
        return xstrdup(found);
    envelope(call, "RUNTIME_UNRESOLVED", "the workspace's runtime cannot be read");
    return NULL;
}

void run_recreate(struct tool_call *call)
{
    const char *slug = tool_arg(call, "slug");
    slug = slug ? slug : env_get("MOLECULE_ORG_SLUG");
    if (!slug) {
        envelope(call, "INVALID_ARGUMENTS",
                 "slug is required (or set MOLECULE_ORG_SLUG)");
        return;
    }
    CLEANUP(free_ptr) char *runtime = redeploy_runtime(call);
    if (!runtime)
        return;
    CLEANUP(free_ptr) char *escaped = http_escape(slug);
    CLEANUP(free_ptr)
    char *path = xasprintf("/api/v1/admin/tenants/%s/workspaces/redeploy", escaped);
    CLEANUP(json_drop) json_t *body = redeploy_body(call, runtime);
    CLEANUP(rest_answer_release) struct rest_answer answer = REST_ANSWER_INIT;
    other_call(call, "POST", path, body, &answer);
    if (!answer.ok && answer.status && answer.status != 401 && answer.status != 403) {
        CLEANUP(json_drop)
        json_t *failed =
            json_make("{s:s,s:O,s:i}", "error", "REDEPLOY_FAILED", "detail",
                      json_object_get(answer.value, "detail"), "status", answer.status);
        tool_value(call, TOOL_PLATFORM_ERROR, failed);
        return;
    }
    if (!answer.ok) {
        tool_answer(call, &answer);
        return;
    }
    CLEANUP(json_drop)
    json_t *done = json_make("{s:b,s:s,s:s,s:O}", "ok", 1, "slug", slug, "runtime",
                             runtime, "result", answer.value);
    tool_value(call, TOOL_OK, done);
}

/* ---- create_issue ---- */

static char *issue_text(const struct tool_call *call)
{
    static const struct {
        const char *arg;
        const char *heading;
    } parts[] = {
        {"severity", "Severity"},
        {"component", "Component"},
        {"environment", "Environment"},
        {"org_id", "Organisation"},
        {"org_slug", "Slug"},
        {"workspace_id", "Workspace"},
        {"agent_role", "Reported by"},
        {"reproduction", "Reproduction"},
        {"logs_excerpt", "From the logs"},
    };
    struct buf text = BUF_INIT(SIZE_MAX / 2);
    buf_addf(&text, "%s\n", tool_arg(call, "description"));
    for (size_t i = 0; i < ARRAY_SIZE(parts); i++)
        if (tool_arg(call, parts[i].arg))
            buf_addf(&text, "\n**%s**: %s\n", parts[i].heading,
                     tool_arg(call, parts[i].arg));
    return buf_steal(&text);
}

/* Splits the asked labels by whether the repository has them; ids goes into the issue. */
static void match_labels(const json_t *asked, const json_t *known, json_t *ids,
                         json_t *applied, json_t *unmatched)
{
    for (size_t i = 0; i < json_array_size(asked); i++) {
        json_t *name = json_array_get(asked, i);
        json_t *id = NULL;
        for (size_t k = 0; k < json_array_size(known) && !id; k++) {
            const json_t *label = json_array_get(known, k);
            if (strcasecmp(json_str(label, "name", ""), json_string_value(name)) == 0)
                id = json_object_get(label, "id");
        }
        if ((id && json_array_append(ids, id)) ||
            json_array_append(id ? applied : unmatched, name))
            abort(); /* out of memory */
    }
}

void run_create_issue(struct tool_call *call)
{
    const char *repo = tool_arg(call, "repo");
    repo = repo ? repo : env_get("GITEA_ISSUE_REPO");
    if (!repo || !strchr(repo, '/')) {
        envelope(call, repo ? "VALIDATION_ERROR" : "CONFIG_ERROR",
                 "repo is required, as owner/name (or set GITEA_ISSUE_REPO)");
        return;
    }
    CLEANUP(json_drop) json_t *ids = json_array();
    CLEANUP(json_drop) json_t *applied = json_array();
    CLEANUP(json_drop) json_t *unmatched = json_array();
    CLEANUP(rest_answer_release) struct rest_answer labels = REST_ANSWER_INIT;
    CLEANUP(free_ptr) char *list = xasprintf("/repos/%s/labels?limit=100", repo);
    other_call(call, "GET", list, NULL, &labels);
    if (!labels.ok && labels.status != 404) {
        tool_answer(call, &labels);
        return;
    }
    match_labels(json_object_get(call->args, "labels"), labels.ok ? labels.value : NULL,
                 ids, applied, unmatched);
    CLEANUP(free_ptr) char *text = issue_text(call);
    CLEANUP(json_drop)
    json_t *body = json_make("{s:s,s:s,s:O}", "title", tool_arg(call, "title"), "body",
                             text, "labels", ids);
    CLEANUP(rest_answer_release) struct rest_answer issue = REST_ANSWER_INIT;
    CLEANUP(free_ptr) char *path = xasprintf("/repos/%s/issues", repo);
    other_call(call, "POST", path, body, &issue);
    if (!issue.ok) {
        tool_answer(call, &issue);
        return;
    }
    CLEANUP(json_drop)
    json_t *done =
        json_make("{s:b,s:s,s:O,s:s,s:s,s:O,s:O}", "ok", 1, "repo", repo, "number",
                  json_object_get(issue.value, "number"), "url",
                  json_str(issue.value, "html_url", ""), "title", tool_arg(call, "title"),
                  "labels_applied", applied, "labels_unmatched", unmatched);
    tool_value(call, TOOL_OK, done);
}

/* ---- requests ---- */

void run_respond_request(struct tool_call *call)
{
    CLEANUP(rest_answer_release) struct rest_answer respond = REST_ANSWER_INIT;
    tool_rest(call, &respond);
    const char *message = tool_arg(call, "message");
    if (!respond.ok || !message) {
        tool_answer(call, &respond);
        return;
    }
    CLEANUP(json_drop)
    json_t *body = json_make("{s:s,s:s,s:s}", "body", message, "author_type", "agent",
                             "author_id", tool_arg(call, "workspace_id"));
    CLEANUP(free_ptr)
    char *path =
        tool_path(call, "/workspaces/{workspace_id}/requests/{request_id}/messages");
    CLEANUP(rest_answer_release) struct rest_answer added = REST_ANSWER_INIT;
    other_call(call, "POST", path, body, &added);
    CLEANUP(json_drop)
    json_t *both =
        json_make("{s:O,s:O}", "respond", respond.value, "message", added.value);
    tool_value(call, added.ok ? TOOL_OK : TOOL_PLATFORM_ERROR, both);
}

/* ---- the workspace mode ---- */

void run_create_with_canvas(struct tool_call *call)
{
    CLEANUP(json_drop) json_t *body = json_copy(call->args);
    char digits[9];
    id_hex(digits, 8);
    unsigned seed = 0;
    for (const char *p = digits; *p; p++)
        seed = seed * 16 + (unsigned)(*p <= '9' ? *p - '0' : *p - 'a' + 10);
    if (!json_object_get(body, "tier"))
        set_member(body, "tier", json_integer(1));
    set_member(
        body, "canvas",
        json_make("{s:i,s:i}", "x", (int)(seed % 800), "y", (int)(seed / 800 % 600)));
    CLEANUP(rest_answer_release) struct rest_answer answer = REST_ANSWER_INIT;
    other_call(call, "POST", "/workspaces", body, &answer);
    tool_answer(call, &answer);
}

static bool runtime_is_known(const char *runtime)
{
    static const char *const known[] = {"claude-code", "hermes",     "openclaw",
                                        "codex",       "google-adk", "external",
                                        "kimi",        "kimi-cli"};
    for (size_t i = 0; i < ARRAY_SIZE(known); i++)
        if (strcmp(known[i], runtime) == 0)
            return true;
    return false;
}

void run_provision_verified(struct tool_call *call)
{
    const char *runtime = tool_arg(call, "runtime");
    if (!runtime_is_known(runtime)) {
        envelope(call, "UNSUPPORTED_RUNTIME", runtime);
        return;
    }
    CLEANUP(json_drop) json_t *body = json_copy(call->args);
    CLEANUP(free_ptr) char *template = xasprintf("%s-default", runtime);
    if (!json_object_get(body, "template"))
        set_member(body, "template", json_str_new(template));
    CLEANUP(rest_answer_release) struct rest_answer made = REST_ANSWER_INIT;
    other_call(call, "POST", "/workspaces", body, &made);
    const char *id = made.ok ? json_str(made.value, "id", NULL) : NULL;
    if (!id) {
        CLEANUP(free_ptr) char *detail = json_text(made.value, JSON_STRUCT);
        envelope(call, "PROVISION_FAILED", detail);
        return;
    }
    CLEANUP(free_ptr) char *path = xasprintf("/workspaces/%s", id);
    CLEANUP(rest_answer_release) struct rest_answer row = REST_ANSWER_INIT;
    other_call(call, "GET", path, NULL, &row);
    const char *found = row.ok ? json_str(row.value, "runtime", NULL) : NULL;
    if (!found || strcmp(found, runtime) != 0) {
        envelope(call, found ? "RUNTIME_MISMATCH" : "PROVISION_UNVERIFIED", id);
        return;
    }
    CLEANUP(json_drop)
    json_t *done = json_make("{s:b,s:b,s:s,s:s,s:O}", "ok", 1, "provisioned", 1, "id", id,
                             "runtime", runtime, "workspace", row.value);
    tool_value(call, TOOL_OK, done);
}

void run_chat(struct tool_call *call)
{
    char id[37];
    id_uuid4(id);
    CLEANUP(json_drop)
    json_t *body =
        json_make("{s:s,s:s,s:{s:{s:s,s:s,s:[{s:s,s:s}]}}}", "jsonrpc", "2.0", "method",
                  "message/send", "params", "message", "role", "user", "messageId", id,
                  "parts", "kind", "text", "text", tool_arg(call, "message"));
    set_member(body, "id", json_string(id));
    CLEANUP(free_ptr) char *path = tool_path(call, call->tool->path);
    CLEANUP(rest_answer_release) struct rest_answer answer = REST_ANSWER_INIT;
    other_call(call, "POST", path, body, &answer);
    tool_answer(call, &answer);
}
