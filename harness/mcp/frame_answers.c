#include "mcp/frame_part.h"

#include <ctype.h>
#include <math.h>
#include <stdint.h>
#include <string.h>

#include "io/json.h"
#include "mcp/meta.h"

/* ---- the handshakes ---- */

static const struct member initialized[] = {{"protocolVersion", IS_TEXT, true, 0},
                                            {"capabilities", IS_OBJECT, true, 0},
                                            {"instructions", IS_TEXT, false, 0},
                                            {.name = NULL}};
static const struct member discovered[] = {{"supportedVersions", IS_SOME_TEXTS, true, 0},
                                           {"capabilities", IS_OBJECT, true, 0},
                                           {"instructions", IS_TEXT, false, 0},
                                           {.name = NULL}};
static const struct member capabilities[] = {
    {"tools", IS_OBJECT, false, 0},       {"prompts", IS_OBJECT, false, 0},
    {"resources", IS_OBJECT, false, 0},   {"logging", IS_OBJECT, false, 0},
    {"completions", IS_OBJECT, false, 0}, {"experimental", IS_OBJECT, false, 0},
    {"extensions", IS_OBJECT, false, 0},  {.name = NULL}};

/* A revision is named by a day, whether we know it or not. */
static bool is_day(const char *s)
{
    static const char form[] = "0000-00-00";
    for (size_t i = 0; i < sizeof form; i++)
        if (form[i] == '0' ? !isdigit((unsigned char)s[i]) : s[i] != form[i])
            return false;
    return true;
}

static void check_handshake(const struct frame_check *c, const json_t *result)
{
    frame_members(c, json_object_get(result, "capabilities"), capabilities,
                  "'capabilities'");
}

static void check_initialize(const struct frame_check *c, const json_t *result)
{
    const json_t *info = json_object_get(result, "serverInfo");
    const char *version = json_str(result, "protocolVersion", NULL);
    check_handshake(c, result);
    if (version && !is_day(version))
        FIND(c, "'protocolVersion' is '%.40s', which names no revision", version);
    if (!json_str(info, "name", NULL) || !json_str(info, "version", NULL))
        FIND(c, "the result of 'initialize' has no 'serverInfo' with name and version");
}

/* ---- tools ---- */

static const struct member listed[] = {
    {"tools", IS_ARRAY, true, 0}, {"nextCursor", IS_TEXT, false, 0}, {.name = NULL}};
static const struct member tool_members[] = {
    {"inputSchema", IS_OBJECT, true, 0},
    {"description", IS_TEXT, false, 0},
    {"annotations", IS_OBJECT, false, MCP_F_HINTS},
    {"title", IS_TEXT, false, MCP_F_TITLES},
    {"outputSchema", IS_OBJECT, false, MCP_F_STRUCTURED},
    {"_meta", IS_OBJECT, false, MCP_F_TITLES},
    {.name = NULL}};
static const struct member hints[] = {{"title", IS_TEXT, false, MCP_F_HINTS},
                                      {"readOnlyHint", IS_BOOLEAN, false, MCP_F_HINTS},
                                      {"destructiveHint", IS_BOOLEAN, false, MCP_F_HINTS},
                                      {"idempotentHint", IS_BOOLEAN, false, MCP_F_HINTS},
                                      {"openWorldHint", IS_BOOLEAN, false, MCP_F_HINTS},
                                      {.name = NULL}};
static const struct member schema_members[] = {{"properties", IS_OBJECT, false, 0},
                                               {"required", IS_TEXTS, false, 0},
                                               {.name = NULL}};

static void check_schema(const struct frame_check *c, const char *tool, const char *which,
                         const json_t *schema)
{
    if (strcmp(json_str(schema, "type", ""), "object") != 0)
        FIND(c, "the '%s' of tool '%.128s' is not of type object", which, tool);
    frame_members(c, schema, schema_members, "the '%s' of tool '%.128s'", which, tool);
}

static void check_tool(const struct frame_check *c, const char *name, const json_t *tool)
{
    const json_t *input = json_object_get(tool, "inputSchema");
    const json_t *output = json_object_get(tool, "outputSchema");
    frame_members(c, tool, tool_members, "tool '%.128s'", name);
    frame_members(c, json_object_get(tool, "annotations"), hints,
                  "the annotations of tool '%.128s'", name);
    if (json_is_object(input))
        check_schema(c, name, "inputSchema", input);
    /* Where structuredContent may be anything, so may its schema. */
    if (json_is_object(output) && frame_has(c, MCP_F_STRUCTURED) &&
        !frame_has(c, MCP_F_STRUCTURED_ANY))
        check_schema(c, name, "outputSchema", output);
}

static void check_tools_list(const struct frame_check *c, const json_t *result)
{
    const json_t *tools = json_object_get(result, "tools");
    CLEANUP(strv_release) struct strv names = STRV_INIT;
    for (size_t i = 0; i < json_array_size(tools); i++) {
        const json_t *tool = json_array_get(tools, i);
        const char *name = json_str(tool, "name", NULL);
        if (!name || !*name) {
            FIND(c, "tool %zu has no name", i + 1);
            continue;
        }
        if (strv_has(&names, name))
            FIND(c, "tool '%.128s' is listed twice", name);
        strv_add(&names, name);
        check_tool(c, name, tool);
    }
}

/* ---- contents ---- */

static const struct member text_members[] = {{"text", IS_TEXT, true, 0}, {.name = NULL}};
static const struct member media_members[] = {
    {"data", IS_TEXT, true, 0}, {"mimeType", IS_TEXT, true, 0}, {.name = NULL}};
static const struct member embedded_members[] = {{"resource", IS_OBJECT, true, 0},
                                                 {.name = NULL}};
static const struct member link_members[] = {
    {"uri", IS_TEXT, true, 0}, {"name", IS_TEXT, true, 0}, {.name = NULL}};
static const struct member resource_members[] = {{"uri", IS_TEXT, true, 0},
                                                 {"mimeType", IS_TEXT, false, 0},
                                                 {"text", IS_TEXT, false, 0},
                                                 {"blob", IS_TEXT, false, 0},
                                                 {.name = NULL}};

/* Contents by type, and the feature that brought each. */
static const struct {
    const char *type;
    unsigned feature; /* 0 = always there */
    const struct member *members;
} contents[] = {
    {"text", 0, text_members},
    {"image", 0, media_members},
    {"audio", MCP_F_AUDIO, media_members},
    {"resource", 0, embedded_members},
    {"resource_link", MCP_F_LINKS, link_members},
};

static void check_resource(const struct frame_check *c, const json_t *resource)
{
    frame_members(c, resource, resource_members, "a resource");
    if (!json_object_get(resource, "text") && !json_object_get(resource, "blob"))
        FIND(c, "a resource has neither 'text' nor 'blob'");
}

static void check_content(const struct frame_check *c, const json_t *block)
{
    const char *type = json_str(block, "type", NULL);
    for (size_t i = 0; type && i < ARRAY_SIZE(contents); i++) {
        if (strcmp(contents[i].type, type) != 0)
            continue;
        frame_members(c, block, contents[i].members, "a content of type '%s'", type);
        if (json_is_object(json_object_get(block, "resource")))
            check_resource(c, json_object_get(block, "resource"));
        if (c->cx->revision && contents[i].feature &&
            !frame_has(c, (enum mcp_feature)contents[i].feature))
            FIND(c, "revision %s has no contents of type '%s'", frame_revision(c), type);
        return;
    }
    FIND(c, "a content of unknown type '%.40s'", type ? type : "");
}

static void check_tools_call(const struct frame_check *c, const json_t *result)
{
    const json_t *content = json_object_get(result, "content");
    const json_t *structured = json_object_get(result, "structuredContent");
    for (size_t i = 0; i < json_array_size(content); i++)
        check_content(c, json_array_get(content, i));
    if (structured && !json_is_object(structured) && frame_has(c, MCP_F_STRUCTURED) &&
        !frame_has(c, MCP_F_STRUCTURED_ANY))
        FIND(c, "'structuredContent' is not an object");
}

static void check_resources_read(const struct frame_check *c, const json_t *result)
{
    const json_t *list = json_object_get(result, "contents");
    for (size_t i = 0; i < json_array_size(list); i++)
        check_resource(c, json_array_get(list, i));
}

/* ---- results ---- */

static const struct member called[] = {
    {"content", IS_ARRAY, true, 0}, {"isError", IS_BOOLEAN, false, 0}, {.name = NULL}};
static const struct member prompts[] = {
    {"prompts", IS_ARRAY, true, 0}, {"nextCursor", IS_TEXT, false, 0}, {.name = NULL}};
static const struct member resources[] = {
    {"resources", IS_ARRAY, true, 0}, {"nextCursor", IS_TEXT, false, 0}, {.name = NULL}};
static const struct member templates[] = {{"resourceTemplates", IS_ARRAY, true, 0},
                                          {"nextCursor", IS_TEXT, false, 0},
                                          {.name = NULL}};
static const struct member read_members[] = {{"contents", IS_ARRAY, true, 0},
                                             {.name = NULL}};

static const struct {
    const char *method;
    const struct member *members;
    void (*check)(const struct frame_check *c, const json_t *result); /* or NULL */
    bool cached; /* since there is caching, it says how long and for whom */
} results[] = {
    {"initialize", initialized, check_initialize, false},
    {"server/discover", discovered, check_handshake, true},
    {"tools/list", listed, check_tools_list, true},
    {"tools/call", called, check_tools_call, false},
    {"prompts/list", prompts, NULL, true},
    {"resources/list", resources, NULL, true},
    {"resources/templates/list", templates, NULL, true},
    {"resources/read", read_members, check_resources_read, true},
};

/* An integer as JSON Schema has it: 1000.0 is one. */
static bool is_whole(const json_t *j)
{
    return json_is_integer(j) ||
           (json_is_real(j) && floor(json_real_value(j)) == json_real_value(j));
}

static void check_caching(const struct frame_check *c, const json_t *result)
{
    static const char *const scopes[] = {"public", "private"};
    const json_t *ttl = json_object_get(result, "ttlMs");
    if (!is_whole(ttl) || json_number_value(ttl) < 0)
        FIND(c, "the result of '%s' has no 'ttlMs' of 0 or more", c->method);
    if (!IS_ANY(json_str(result, "cacheScope", NULL), scopes))
        FIND(c, "the result of '%s' has no 'cacheScope' of public or private", c->method);
}

static void check_known(const struct frame_check *c, const json_t *result)
{
    for (size_t i = 0; c->method && i < ARRAY_SIZE(results); i++) {
        if (strcmp(results[i].method, c->method) != 0)
            continue;
        frame_members(c, result, results[i].members, "the result of '%s'", c->method);
        if (results[i].check)
            results[i].check(c, result);
        if (results[i].cached && frame_has(c, MCP_F_RESULT_TYPE))
            check_caching(c, result);
    }
}

static const struct member asking[] = {{"requestState", IS_TEXT, false, 0},
                                       {"inputRequests", IS_OBJECT, false, 0},
                                       {.name = NULL}};
static const struct member asked[] = {
    {"method", IS_TEXT, true, 0}, {"params", IS_OBJECT, false, 0}, {.name = NULL}};

static void check_asking(const struct frame_check *c, const json_t *result)
{
    static const char *const may_ask[] = {"tools/call", "prompts/get", "resources/read"};
    const json_t *requests = json_object_get(result, "inputRequests");
    if (c->method && !IS_ANY(c->method, may_ask))
        FIND(c, "'%.60s' is answered with 'input_required'", c->method);
    if (!json_object_get(result, "requestState") && !requests)
        FIND(c, "'input_required' without 'inputRequests' and without 'requestState'");
    frame_members(c, result, asking, "'input_required'");
    /* Its iterator takes what is not const, and changes nothing. */
    json_t *list = (json_t *)(uintptr_t)requests, *one = NULL;
    const char *name = NULL;
    json_object_foreach(list, name, one)
    {
        frame_members(c, one, asked, "input request '%.60s'", name);
    }
}

/* Whether it is a result of its method, and not a request for input. */
static bool check_result_type(const struct frame_check *c, const json_t *result)
{
    const char *type = json_str(result, "resultType", NULL);
    if (!frame_has(c, MCP_F_RESULT_TYPE))
        return true;
    if (!type)
        FIND(c, "the result has no 'resultType'");
    else if (strcmp(type, "input_required") == 0)
        check_asking(c, result);
    else if (strcmp(type, "complete") != 0)
        FIND(c, "'resultType' is '%.40s', which nothing was agreed on", type);
    return !type || strcmp(type, "complete") == 0;
}

void frame_check_result(const struct frame_check *c, const json_t *result)
{
    const json_t *meta = json_object_get(result, "_meta");
    if (!json_is_object(result)) {
        FIND(c, "'result' is not an object");
        return;
    }
    if (meta && !json_is_object(meta))
        FIND(c, "'_meta' of the result is not an object");
    if (check_result_type(c, result))
        check_known(c, result);
}

/* ---- errors ---- */

static const struct member unsupported[] = {{"supported", IS_SOME_TEXTS, true, 0},
                                            {"requested", IS_TEXT, true, 0},
                                            {.name = NULL}};
static const struct member missing[] = {{"requiredCapabilities", IS_OBJECT, true, 0},
                                        {.name = NULL}};

static void check_modern_code(const struct frame_check *c, json_int_t code,
                              const json_t *data)
{
    bool version = code == MCP_UNSUPPORTED_VERSION, need = code == MCP_MISSING_CAPABILITY;
    if (version || need)
        frame_members(c, data, version ? unsupported : missing, "error %lld",
                      (long long)code);
    else if (code <= -32020 && code >= -32099 && code != MCP_HEADER_MISMATCH)
        FIND(c, "error code %lld is reserved", (long long)code);
    if (code == -32002 || code == -32042)
        FIND(c, "error code %lld belongs to earlier revisions", (long long)code);
}

void frame_check_error(const struct frame_check *c, const json_t *error)
{
    const json_t *code = json_object_get(error, "code");
    if (!json_is_object(error)) {
        FIND(c, "'error' is not an object");
        return;
    }
    if (!json_is_string(json_object_get(error, "message")))
        FIND(c, "'error' has no 'message'");
    if (!json_is_integer(code))
        FIND(c, "the code of the error is not an integer");
    else if (frame_is_modern(c))
        check_modern_code(c, json_integer_value(code), json_object_get(error, "data"));
}
