/* The tools that are more than one call. */
#include "mocks/management_mcp/tools.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/cleanup.h"
#include "base/ids.h"
#include "io/json.h"

static void envelope(struct tool_call *call, const char *error, const char *detail)
{
    CLEANUP(json_drop) json_t *value = rest_error(error, detail);
    tool_value(call, TOOL_PLATFORM_ERROR, value);
}

void run_allowlist(struct tool_call *call)
{
    if (!tool_arg(call, "org_id") && !env_get("MOLECULE_ORG_ID")) {
        envelope(call, "INVALID_ARGUMENTS",
                 "org_id is required (or set MOLECULE_ORG_ID)");
        return;
    }
    if (!tool_arg(call, "org_id"))
        json_put(call->args, "org_id", json_str_new(env_get("MOLECULE_ORG_ID")));
    tool_ask_row(call, tool_answer);
}

/* ---- recreate_workspace: never wider than what was asked ---- */

static json_t *redeploy_body(const struct tool_call *call, const char *runtime)
{
    json_t *body = json_make("{s:s,s:b,s:b}", "runtime", runtime, "recreate",
                             json_bool(call->args, "recreate", true), "dry_run",
                             json_bool(call->args, "dry_run", false));
    const char *actor = tool_arg(call, "actor");
    json_put(body, "actor", json_str_new(actor ? actor : "management-mcp"));
    if (tool_arg(call, "reason"))
        json_put(body, "reason", json_str_new(tool_arg(call, "reason")));
    return body;
}

static const char *redeploy_slug(const struct tool_call *call)
{
    const char *slug = tool_arg(call, "slug");
    return slug ? slug : env_get("MOLECULE_ORG_SLUG");
}

static void redeployed(struct tool_call *call, const struct rest_answer *answer)
{
    bool refused = answer->status == 0 || answer->status == 401 || answer->status == 403;
    if (!answer->ok && refused) {
        tool_answer(call, answer);
        return;
    }
    if (!answer->ok) {
        CLEANUP(json_drop)
        json_t *failed =
            json_make("{s:s,s:O,s:i}", "error", "REDEPLOY_FAILED", "detail",
                      json_object_get(answer->value, "detail"), "status", answer->status);
        tool_value(call, TOOL_PLATFORM_ERROR, failed);
        return;
    }
    CLEANUP(json_drop)
    json_t *done = json_make("{s:b,s:s,s:O,s:O}", "ok", 1, "slug", redeploy_slug(call),
                             "runtime", call->kept, "result", answer->value);
    tool_value(call, TOOL_OK, done);
}

static void redeploy(struct tool_call *call, const char *runtime)
{
    CLEANUP(free_ptr) char *escaped = http_escape(redeploy_slug(call));
    CLEANUP(free_ptr)
    char *path = xasprintf("/api/v1/admin/tenants/%s/workspaces/redeploy", escaped);
    CLEANUP(json_drop) json_t *body = redeploy_body(call, runtime);
    call->kept = json_str_new(runtime);
    tool_ask(call, "POST", path, body, redeployed);
}

static void runtime_found(struct tool_call *call, const struct rest_answer *answer)
{
    const char *found = answer->ok ? json_str(answer->value, "runtime", NULL) : NULL;
    if (found && *found)
        redeploy(call, found);
    else
        envelope(call, "RUNTIME_UNRESOLVED", "the workspace's runtime cannot be read");
}

static void find_runtime(struct tool_call *call)
{
    CLEANUP(free_ptr) char *path = tool_path(call, "/workspaces/{workspace_id}");
    struct rest_request req = {
        .client = REST_MGMT, .tool = call->tool->name, .method = "GET", .path = path};
    tool_send(call, &req, runtime_found);
}

void run_recreate(struct tool_call *call)
{
    if (!redeploy_slug(call))
        envelope(call, "INVALID_ARGUMENTS",
                 "slug is required (or set MOLECULE_ORG_SLUG)");
    else if (json_bool(call->args, "all_runtimes", false))
        redeploy(call, "");
    else if (tool_arg(call, "runtime"))
        redeploy(call, tool_arg(call, "runtime"));
    else if (tool_arg(call, "workspace_id"))
        find_runtime(call);
    else
        envelope(call, "SCOPE_REQUIRED",
                 "give a workspace_id or a runtime, or all_runtimes: true");
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
    buf_addf(&text, "%s\n", json_str(call->args, "description", ""));
    for (size_t i = 0; i < ARRAY_SIZE(parts); i++)
        if (tool_arg(call, parts[i].arg))
            buf_addf(&text, "\n**%s**: %s\n", parts[i].heading,
                     tool_arg(call, parts[i].arg));
    return buf_steal(&text);
}

/* Splits the asked labels by whether the repository has them: {"ids","applied",
 * "unmatched"}. Caller owns. */
static json_t *match_labels(const json_t *asked, const json_t *known)
{
    json_t *ids = json_array();
    json_t *applied = json_array();
    json_t *unmatched = json_array();
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
    return json_make("{s:o,s:o,s:o}", "ids", ids, "applied", applied, "unmatched",
                     unmatched);
}

/* NULL = none is named. */
static const char *issue_repo(const struct tool_call *call)
{
    const char *repo = tool_arg(call, "repo");
    return repo ? repo : env_get("GITEA_ISSUE_REPO");
}

static void issue_filed(struct tool_call *call, const struct rest_answer *issue)
{
    if (!issue->ok) {
        tool_answer(call, issue);
        return;
    }
    CLEANUP(json_drop)
    json_t *done =
        json_make("{s:b,s:s,s:O,s:s,s:O,s:O,s:O}", "ok", 1, "repo", issue_repo(call),
                  "number", json_object_get(issue->value, "number"), "url",
                  json_str(issue->value, "html_url", ""), "title",
                  json_object_get(call->args, "title"), "labels_applied",
                  json_object_get(call->kept, "applied"), "labels_unmatched",
                  json_object_get(call->kept, "unmatched"));
    tool_value(call, TOOL_OK, done);
}

/* A repository without a list of labels still takes the issue. */
static void labels_known(struct tool_call *call, const struct rest_answer *labels)
{
    if (!labels->ok && labels->status != 404) {
        tool_answer(call, labels);
        return;
    }
    call->kept = match_labels(json_object_get(call->args, "labels"),
                              labels->ok ? labels->value : NULL);
    CLEANUP(free_ptr) char *text = issue_text(call);
    CLEANUP(json_drop)
    json_t *body =
        json_make("{s:O,s:s,s:O}", "title", json_object_get(call->args, "title"), "body",
                  text, "labels", json_object_get(call->kept, "ids"));
    CLEANUP(free_ptr) char *path = xasprintf("/repos/%s/issues", issue_repo(call));
    tool_ask(call, "POST", path, body, issue_filed);
}

void run_create_issue(struct tool_call *call)
{
    const char *repo = issue_repo(call);
    if (!repo || !strchr(repo, '/')) {
        envelope(call, repo ? "VALIDATION_ERROR" : "CONFIG_ERROR",
                 "repo is required, as owner/name (or set GITEA_ISSUE_REPO)");
        return;
    }
    CLEANUP(free_ptr) char *path = xasprintf("/repos/%s/labels?limit=100", repo);
    tool_ask(call, "GET", path, NULL, labels_known);
}

/* ---- requests ---- */

static void message_added(struct tool_call *call, const struct rest_answer *added)
{
    CLEANUP(json_drop)
    json_t *both = json_make("{s:O,s:O}", "respond", call->kept, "message", added->value);
    tool_value(call, added->ok ? TOOL_OK : TOOL_PLATFORM_ERROR, both);
}

static void responded(struct tool_call *call, const struct rest_answer *respond)
{
    const char *message = tool_arg(call, "message");
    if (!respond->ok || !message) {
        tool_answer(call, respond);
        return;
    }
    CLEANUP(json_drop)
    json_t *body = json_make("{s:s,s:s,s:s}", "body", message, "author_type", "agent",
                             "author_id", tool_arg(call, "workspace_id"));
    CLEANUP(free_ptr)
    char *path =
        tool_path(call, "/workspaces/{workspace_id}/requests/{request_id}/messages");
    call->kept = json_incref(respond->value);
    tool_ask(call, "POST", path, body, message_added);
}

void run_respond_request(struct tool_call *call)
{
    tool_ask_row(call, responded);
}
