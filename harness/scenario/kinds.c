/* The language as tables: step kinds, their keys, and the names of expectations. */
#include "scenario/model.h"

#include <string.h>

#define END                                                                              \
    {                                                                                    \
        .key = NULL                                                                      \
    }

static const struct field_row org_fields[] = {
    {"as", FIELD_BIND, true, NULL, "name that the scenario gives it"},
    {"name", FIELD_TEXT, false, NULL, "display name"},
    {"switches", FIELD_MAP, false, NULL, "contract switches of this organisation (mock)"},
    {"faults", FIELD_MAP, false, NULL, "faults of this organisation, name: mode (mock)"},
    END,
};

static const struct field_row workspace_fields[] = {
    {"as", FIELD_BIND, true, NULL, "name that the scenario gives it"},
    {"in", FIELD_REF, true, NULL, "organisation"},
    {"name", FIELD_TEXT, false, NULL, "its name on the platform"},
    {"template", FIELD_TEXT, false, NULL, "template to make it from"},
    {"runtime", FIELD_TEXT, false, NULL, "runtime"},
    {"model", FIELD_TEXT, false, NULL, "model"},
    {"parent", FIELD_REF, false, NULL, "parent workspace"},
    {"role", FIELD_TEXT, false, NULL, "role"},
    {"json", FIELD_MAP, false, NULL, "further members of the request's body"},
    END,
};

static const struct field_row find_fields[] = {
    {"in", FIELD_REF, true, NULL, "organisation"},
    {"as", FIELD_BIND, true, NULL, "name that the scenario gives it"},
    {"where", FIELD_JQ, false, NULL, "condition on one row of GET /workspaces"},
    END,
};

static const struct field_row http_extra[] = {
    {"in", FIELD_REF, false, NULL, "organisation whose platform is asked"},
    {"on", FIELD_PLAIN, false, NULL, "cp (control plane) or mock (the mock's own door)"},
    {"as", FIELD_AS, false, NULL,
     "admin, cp, nobody, a workspace (its token), or {bearer: TEXT}"},
    {"org_header", FIELD_ORG_HEADER, false, NULL,
     "X-Molecule-Org-Id: another id, or false for none"},
    {"headers", FIELD_MAP, false, NULL, "further headers"},
    {"query", FIELD_MAP, false, NULL, "query parameters"},
    {"json", FIELD_ANY, false, NULL, "body, as JSON"},
    {"body", FIELD_TEXT, false, NULL, "body, as text"},
    {"form", FIELD_MAP, false, NULL, "body, as a form"},
    {"max_redirects", FIELD_INT, false, NULL, "redirects to follow (0)"},
    END,
};

static const struct field_row mcp_fields[] = {
    {"on", FIELD_REF, false, NULL, "workspace whose box runs the server"},
    {"server", FIELD_TEXT, false, NULL, "name of the server on that box"},
    {"bridge", FIELD_REF, false, NULL, "workspace, through the platform's bridge"},
    {"as", FIELD_AS, false, NULL, "who asks over the bridge"},
    {"stdio", FIELD_COMMAND, false, NULL, "a command to talk to"},
    {"env", FIELD_MAP, false, NULL, "environment of the command"},
    {"http", FIELD_TEXT, false, NULL, "a URL to talk to"},
    {"transport", FIELD_PLAIN, false, NULL,
     "stdio or http (default: as the server is found); stdio with 'on' starts the server "
     "itself, as the box would"},
    {"revision", FIELD_TEXT, false, NULL,
     "protocol revision to ask for (default: the handshake's newest), or auto"},
    END,
};

static const struct field_row call_fields[] = {
    {"name", FIELD_TEXT, true, NULL, "tool"},
    {"arguments", FIELD_ANY, false, NULL, "its arguments"},
    END,
};

static const struct field_row raw_fields[] = {
    {"method", FIELD_TEXT, false, NULL, "JSON-RPC method"},
    {"params", FIELD_ANY, false, NULL, "its params"},
    {"notify", FIELD_TEXT, false, NULL, "instead: a notification, which nothing answers"},
    {"text", FIELD_TEXT, false, NULL, "instead: a message to the letter"},
    END,
};

static const struct field_row mcp_extra[] = {
    {"initialize", FIELD_MAP, false, NULL, "the handshake: {}"},
    {"list tools", FIELD_MAP, false, NULL, "every page of tools/list: {}"},
    {"call tool", FIELD_FIELDS, false, call_fields, "tools/call"},
    {"ping", FIELD_MAP, false, NULL, "ping: {}"},
    {"discover", FIELD_MAP, false, NULL, "server/discover (2026-07-28): {}"},
    {"raw", FIELD_FIELDS, false, raw_fields, "any method, notification or text"},
    END,
};

static const struct field_row a2a_fields[] = {
    {"to", FIELD_REF, true, NULL, "workspace"},
    {"text", FIELD_TEXT, true, NULL, "the message"},
    {"as", FIELD_AS, false, NULL, "who sends it"},
    END,
};

static const struct field_row files_fields[] = {
    {"of", FIELD_REF, true, NULL, "workspace"},
    {"path", FIELD_TEXT, false, NULL, "folder to list"},
    {"read", FIELD_TEXT, false, NULL, "file to read"},
    {"depth", FIELD_INT, false, NULL, "levels to list"},
    {"root", FIELD_TEXT, false, NULL, "/configs (default) or /workspace"},
    END,
};

static const struct field_row plugin_fields[] = {
    {"install", FIELD_TEXT, false, NULL, "source to install"},
    {"uninstall", FIELD_TEXT, false, NULL, "plugin to remove"},
    {"declare", FIELD_TEXT, false, NULL, "source to declare (mock)"},
    {"on", FIELD_REF, true, NULL, "workspace"},
    {"as", FIELD_AS, false, NULL, "who asks"},
    END,
};

static const struct field_row audit_fields[] = {
    {"in", FIELD_REF, true, NULL, "organisation"},
    END,
};

static const struct field_row run_fields[] = {
    {"argv", FIELD_COMMAND, true, NULL, "the command, no shell"},
    {"env", FIELD_MAP, false, NULL, "its environment"},
    {"stdin", FIELD_TEXT, false, NULL, "its input"},
    END,
};

static const struct field_row fault_fields[] = {
    {"name", FIELD_TEXT, true, NULL, "fault"},
    {"mode", FIELD_TEXT, false, NULL, "its mode"},
    {"in", FIELD_REF, false, NULL, "organisation; without it everywhere"},
    {"off", FIELD_BOOL, false, NULL, "switch it off"},
    END,
};

static const struct field_row journal_fields[] = {
    {"in", FIELD_REF, false, NULL, "organisation"},
    {"method", FIELD_TEXT, false, NULL, "method"},
    {"path", FIELD_TEXT, false, NULL, "beginning of the path"},
    {"workspace", FIELD_REF, false, NULL, "workspace"},
    END,
};

static const struct field_row use_extra[] = {
    {"with", FIELD_MAP, false, NULL, "parameters of the group"},
    END,
};

static const struct field_row deny_fields[] = {
    {"name", FIELD_TEXT, false, NULL, "what is denied"},
    {"id", FIELD_PLAIN, false, NULL, "id of the step"},
    {"act", FIELD_STEP, true, NULL, "the step that is tried, with ${subject}"},
    {"control", FIELD_CASES, true, NULL, "for whom it has to succeed"},
    {"refused_for", FIELD_CASES, true, NULL, "for whom it has to be refused"},
    {"expect", FIELD_EXPECT, true, NULL, "how it is refused"},
    {"control_expect", FIELD_EXPECT, false, NULL, "what success is (not refused)"},
    END,
};

#define HTTP(word, verb)                                                                 \
    {                                                                                    \
        .key = (word), .kind = STEP_HTTP, .method = (verb), .arg_type = FIELD_TEXT,      \
        .extra = http_extra, .about = "one " verb " request: a path, or a URL"           \
    }
#define ON_WORKSPACE(word, value, text)                                                  \
    {                                                                                    \
        .key = (word), .kind = (value), .arg_type = FIELD_REF, .about = (text)           \
    }

const struct step_kind_row step_kinds[] = {
    {.key = "org",
     .kind = STEP_ORG,
     .arg_type = FIELD_FIELDS,
     .fields = org_fields,
     .or_scalar = true,
     .check = "created",
     .about = "creates an organisation and waits until it answers"},
    {.key = "workspace",
     .kind = STEP_WORKSPACE,
     .arg_type = FIELD_FIELDS,
     .fields = workspace_fields,
     .check = "created",
     .about = "creates a workspace"},
    {.key = "find workspace",
     .kind = STEP_FIND_WORKSPACE,
     .arg_type = FIELD_FIELDS,
     .fields = find_fields,
     .check = "found",
     .about = "finds a workspace among an organisation's"},
    {.key = "wait online",
     .kind = STEP_WAIT_ONLINE,
     .arg_type = FIELD_REFS,
     .check = "online",
     .about = "waits until workspaces are online"},
    ON_WORKSPACE("restart", STEP_RESTART, "restarts a workspace"),
    ON_WORKSPACE("pause", STEP_PAUSE, "pauses a workspace"),
    ON_WORKSPACE("resume", STEP_RESUME, "resumes a paused workspace"),
    ON_WORKSPACE("delete", STEP_DELETE, "deletes a workspace"),
    HTTP("get", "GET"),
    HTTP("post", "POST"),
    HTTP("put", "PUT"),
    HTTP("patch", "PATCH"),
    HTTP("delete", "DELETE"),
    HTTP("head", "HEAD"),
    {.key = "mcp",
     .kind = STEP_MCP,
     .arg_type = FIELD_FIELDS,
     .fields = mcp_fields,
     .extra = mcp_extra,
     .about = "talks to an MCP server: on a box, through the bridge, a command, a URL"},
    {.key = "a2a",
     .kind = STEP_A2A,
     .arg_type = FIELD_FIELDS,
     .fields = a2a_fields,
     .about = "sends a message to an agent and reads its reply"},
    {.key = "files",
     .kind = STEP_FILES,
     .arg_type = FIELD_FIELDS,
     .fields = files_fields,
     .about = "lists or reads files on a box"},
    {.key = "plugin",
     .kind = STEP_PLUGIN,
     .arg_type = FIELD_FIELDS,
     .fields = plugin_fields,
     .about = "installs, uninstalls or declares a plugin"},
    {.key = "audit",
     .kind = STEP_AUDIT,
     .arg_type = FIELD_FIELDS,
     .fields = audit_fields,
     .or_scalar = true,
     .about = "reads an organisation's audit entries"},
    {.key = "run",
     .kind = STEP_RUN,
     .arg_type = FIELD_FIELDS,
     .fields = run_fields,
     .about = "runs a command here; what it did is data"},
    {.key = "fault",
     .kind = STEP_FAULT,
     .arg_type = FIELD_FIELDS,
     .fields = fault_fields,
     .or_scalar = true,
     .mock_only = true,
     .need = "faults",
     .about = "switches a fault of the mock on or off"},
    {.key = "journal",
     .kind = STEP_JOURNAL,
     .arg_type = FIELD_FIELDS,
     .fields = journal_fields,
     .mock_only = true,
     .about = "reads what the mock platform was asked"},
    {.key = "use",
     .kind = STEP_USE,
     .arg_type = FIELD_PLAIN,
     .extra = use_extra,
     .about = "the steps of scenarios/steps/NAME.yaml"},
    {.key = "deny",
     .kind = STEP_DENY,
     .arg_type = FIELD_FIELDS,
     .fields = deny_fields,
     .about = "an act that is refused, and its control that succeeds"},
    {.key = NULL},
};

const struct field_row common_step_fields[] = {
    {"name", FIELD_TEXT, false, NULL, "what the step shows, in words"},
    {"id", FIELD_PLAIN, false, NULL, "its id in the results"},
    {"when", FIELD_JQ, false, NULL, "condition on $vars; else the step is left out"},
    {"within", FIELD_DURATION, false, NULL, "poll until everything holds"},
    {"every", FIELD_DURATION, false, NULL, "longest pause between two polls"},
    {"stays", FIELD_DURATION, false, NULL, "it holds, and goes on holding that long"},
    {"never", FIELD_BOOL, false, NULL, "with within: it holds at no time"},
    {"stable_for", FIELD_INT, false, NULL, "holds in that many polls in a row"},
    {"timeout", FIELD_DURATION, false, NULL, "of one request"},
    {"retry", FIELD_INT, false, NULL, "tries more after a transport error"},
    {"terminal", FIELD_TEXTS, false, NULL, "states that end the wait with FAIL"},
    {"transient", FIELD_TEXTS, false, NULL, "states that do not"},
    {"expect", FIELD_EXPECT, false, NULL, "what has to hold"},
    {"capture", FIELD_CAPTURE, false, NULL, "new variables from the answer"},
    {"then", FIELD_STEPS, false, NULL, "steps after this one, when it held"},
    {"always", FIELD_BOOL, false, NULL, "run it even after a failure"},
    {"soft", FIELD_BOOL, false, NULL, "record a failure and go on"},
    END,
};

const struct field_row unchanged_fields[] = {
    {"get", FIELD_TEXT, true, NULL, "path, or URL, that is read before and after"},
    {"json", FIELD_JQ, false, NULL, "what of the answer is compared"},
    {"in", FIELD_REF, false, NULL, "organisation"},
    {"on", FIELD_PLAIN, false, NULL, "cp or mock"},
    {"as", FIELD_AS, false, NULL, "who asks"},
    {"headers", FIELD_MAP, false, NULL, "further headers"},
    {"query", FIELD_MAP, false, NULL, "query parameters"},
    END,
};

const struct field_row failure_fields[] = {
    {"ref", FIELD_TEXT, true, NULL, "the issue that knows of it"},
    {"until", FIELD_PLAIN, true, NULL, "last day, YYYY-MM-DD"},
    {"checks", FIELD_TEXTS, false, NULL, "the checks that may be red"},
    END,
};

const struct field_row scenario_fields[] = {
    {"waybill", FIELD_INT, true, NULL, "version of the language: 1"},
    {"name", FIELD_PLAIN, true, NULL, "the file's name without .yaml"},
    {"proves", FIELD_TEXT, true, NULL, "what a pass shows, in one sentence"},
    {"about", FIELD_TEXT, false, NULL, "what else a reader should know"},
    {"refs", FIELD_TEXTS, false, NULL, "issues and documents"},
    {"tags", FIELD_TEXTS, false, NULL, "for choosing what runs"},
    {"needs", FIELD_TEXTS, false, NULL, "what a target must have, else SKIP"},
    {"targets", FIELD_TEXTS, false, NULL, "the only targets where it makes sense"},
    {"budget", FIELD_DURATION, false, NULL, "production time for all of it"},
    {"params", FIELD_MAP, false, NULL, "parameters with defaults, for --set"},
    {"expect_failure", FIELD_FIELDS, false, failure_fields, "a known failure"},
    {"steps", FIELD_STEPS, true, NULL, "the steps"},
    END,
};

const struct field_row group_fields[] = {
    {"waybill", FIELD_INT, true, NULL, "version of the language: 1"},
    {"group", FIELD_PLAIN, true, NULL, "the file's name without .yaml"},
    {"about", FIELD_TEXT, false, NULL, "what it does, in one sentence"},
    {"params", FIELD_MAP, false, NULL, "parameters with defaults, null = required"},
    {"steps", FIELD_STEPS, true, NULL, "the steps"},
    END,
};

const struct name_row mcp_op_names[] = {
    {MCP_OP_INITIALIZE, "initialize"},
    {MCP_OP_LIST, "list tools"},
    {MCP_OP_CALL, "call tool"},
    {MCP_OP_PING, "ping"},
    {MCP_OP_DISCOVER, "discover"},
    {MCP_OP_RAW, "raw"},
    {0, NULL},
};

const struct name_row match_op_names[] = {
    {MATCH_EQUALS, "equals"},     {MATCH_NOT_EQUALS, "not_equals"},
    {MATCH_CONTAINS, "contains"}, {MATCH_NOT_CONTAINS, "not_contains"},
    {MATCH_MATCHES, "matches"},   {MATCH_NOT_MATCHES, "not_matches"},
    {MATCH_ONE_OF, "one_of"},     {MATCH_GT, "gt"},
    {MATCH_GTE, "gte"},           {MATCH_LT, "lt"},
    {MATCH_LTE, "lte"},           {MATCH_LENGTH, "length"},
    {MATCH_EXISTS, "exists"},     {0, NULL},
};

const struct name_row expect_names[] = {
    {EXPECT_STATUS, "status"},
    {EXPECT_HEADER, "header"},
    {EXPECT_JSON, "json"},
    {EXPECT_BODY, "body"},
    {EXPECT_BYTES, "bytes"},
    {EXPECT_MATCHES, "matches"},
    {EXPECT_IS_ERROR, "is_error"},
    {EXPECT_REFUSED_AS, "refused_as"},
    {EXPECT_RPC_ERROR, "rpc_error"},
    {EXPECT_REPLY, "reply"},
    {EXPECT_TOOK, "took"},
    {EXPECT_UNCHANGED, "unchanged"},
    {EXPECT_ABSENT, "absent"},
    {EXPECT_NO_SECRET, "no_secret"},
    {EXPECT_COUNT, "count"},
    {EXPECT_CONTRACT, "contract"},
    {EXPECT_MCP_ERROR, "mcp_error"},
    {EXPECT_HTTP_STATUS, "http_status"},
    {EXPECT_TOOL, "tool"},
    {EXPECT_TOOLS, "tools"},
    {EXPECT_TOOLS_MATCH, "tools_match"},
    {EXPECT_FRAMES_VALID, "frames_valid"},
    {EXPECT_ENDED, "ended"},
    {0, NULL},
};

const struct name_row refusal_names[] = {
    {REFUSED_UNKNOWN_TOOL, "unknown_tool"},
    {REFUSED_NO_SUCH_SERVER, "no_such_server"},
    {REFUSED_IS_ERROR, "is_error"},
    {REFUSED_RPC_ERROR, "rpc_error"},
    {REFUSED_HTTP_401, "http_401"},
    {REFUSED_HTTP_403, "http_403"},
    {REFUSED_HTTP_404, "http_404"},
    {REFUSED_NOT_LISTED, "not_listed"},
    {0, NULL},
};

const struct step_kind_row *step_kind_find(const char *key, const struct ynode *value)
{
    bool path = value && value->kind == YNODE_SCALAR && strchr(value->text, '/');

    for (const struct step_kind_row *row = step_kinds; row->key; row++)
        if (strcmp(row->key, key) == 0 && !(row->kind == STEP_DELETE && path))
            return row;
    return NULL;
}

const struct field_row *field_find(const struct field_row *fields, const char *key)
{
    for (const struct field_row *row = fields; row && row->key; row++)
        if (strcmp(row->key, key) == 0)
            return row;
    return NULL;
}
