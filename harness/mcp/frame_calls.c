#include "mcp/frame_part.h"

#include <string.h>

#include "io/json.h"
#include "mcp/meta.h"

static const struct member any_meta[] = {{"_meta", IS_OBJECT, false, 0}, {.name = NULL}};
static const struct member token[] = {{"progressToken", IS_TOKEN, false, 0},
                                      {.name = NULL}};

static void check_meta(const struct frame_check *c, const json_t *params)
{
    frame_members(c, params, any_meta, "'%.60s'", c->method);
    if (json_object_get(c->message, "id"))
        frame_members(c, json_object_get(params, "_meta"), token, "'_meta'");
}

/* ---- requests ---- */

static const struct member handshake[] = {{"protocolVersion", IS_TEXT, true, 0},
                                          {"capabilities", IS_OBJECT, true, 0},
                                          {"clientInfo", IS_OBJECT, true, 0},
                                          {.name = NULL}};
static const struct member page[] = {{"cursor", IS_TEXT, false, 0}, {.name = NULL}};
static const struct member call[] = {
    {"name", IS_TEXT, true, 0}, {"arguments", IS_OBJECT, false, 0}, {.name = NULL}};
static const struct member uri[] = {{"uri", IS_TEXT, true, 0}, {.name = NULL}};

/* What a client may ask, and nobody else. */
static const struct {
    const char *method;
    const struct member *members;
} requests[] = {
    {"initialize", handshake},      {"server/discover", NULL},
    {"tools/list", page},           {"tools/call", call},
    {"prompts/list", page},         {"prompts/get", call},
    {"resources/list", page},       {"resources/templates/list", page},
    {"resources/read", uri},        {"resources/subscribe", uri},
    {"resources/unsubscribe", uri}, {"subscriptions/listen", NULL},
    {"completion/complete", NULL},  {"logging/setLevel", NULL},
};

static void check_modern_meta(const struct frame_check *c, const json_t *params)
{
    const json_t *meta = json_object_get(params, "_meta");
    const char *name = json_str(meta, MCP_META_VERSION, NULL);
    if (!name)
        FIND(c, "'_meta' does not say the 'protocolVersion'");
    else if (strcmp(name, frame_revision(c)) != 0)
        FIND(c, "'_meta' says revision '%.40s', not %s", name, frame_revision(c));
    if (!json_is_object(json_object_get(meta, MCP_META_CAPABILITIES)))
        FIND(c, "'_meta' does not say the 'clientCapabilities'");
}

static void check_asked_by_client(const struct frame_check *c, const json_t *params)
{
    if (frame_is_modern(c))
        check_modern_meta(c, params);
    for (size_t i = 0; i < ARRAY_SIZE(requests); i++)
        if (requests[i].members && strcmp(requests[i].method, c->method) == 0)
            frame_members(c, params, requests[i].members, "'%s'", c->method);
    const json_t *info = json_object_get(params, "clientInfo");
    if (strcmp(c->method, "initialize") == 0 && json_is_object(info) &&
        (!json_str(info, "name", NULL) || !json_str(info, "version", NULL)))
        FIND(c, "'clientInfo' has no name and version");
}

static void check_asked_by_server(const struct frame_check *c)
{
    if (frame_is_modern(c)) {
        FIND(c, "a server of %s sends no requests", frame_revision(c));
        return;
    }
    for (size_t i = 0; i < ARRAY_SIZE(requests); i++)
        if (strcmp(requests[i].method, c->method) == 0)
            FIND(c, "'%s' is not for a server to ask", c->method);
    if (c->cx->revision && strcmp(c->method, "elicitation/create") == 0 &&
        !frame_has(c, MCP_F_ELICITATION))
        FIND(c, "revision %s has no '%s'", frame_revision(c), c->method);
}

void frame_check_request(const struct frame_check *c, const json_t *params)
{
    if (!frame_is_token(json_object_get(c->message, "id")))
        FIND(c, "the 'id' of a request is a string or an integer");
    if (strncmp(c->method, "notifications/", 14) == 0)
        FIND(c, "'%.60s' is a notification, but has an 'id'", c->method);
    check_meta(c, params);
    if (c->cx->sender == MCP_FROM_CLIENT)
        check_asked_by_client(c, params);
    else
        check_asked_by_server(c);
}

/* ---- notifications ---- */

static const struct member cancelled[] = {
    {"requestId", IS_TOKEN, true, 0}, {"reason", IS_TEXT, false, 0}, {.name = NULL}};
static const struct member progress[] = {{"progressToken", IS_TOKEN, true, 0},
                                         {"progress", IS_NUMBER, true, 0},
                                         {"total", IS_NUMBER, false, 0},
                                         {"message", IS_TEXT, false, MCP_F_HINTS},
                                         {.name = NULL}};
static const struct member logged[] = {{"level", IS_TEXT, true, 0},
                                       {"logger", IS_TEXT, false, 0},
                                       {"data", IS_ANYTHING, true, 0},
                                       {.name = NULL}};

enum { BY_CLIENT = 1 << MCP_FROM_CLIENT, BY_SERVER = 1 << MCP_FROM_SERVER };

static const struct {
    const char *method;
    int senders;
    bool subscribed; /* since there are subscriptions, it belongs to one */
    const struct member *members;
} notifications[] = {
    {"notifications/initialized", BY_CLIENT, false, NULL},
    {"notifications/roots/list_changed", BY_CLIENT, false, NULL},
    {"notifications/cancelled", BY_CLIENT | BY_SERVER, false, cancelled},
    {"notifications/progress", BY_CLIENT | BY_SERVER, false, progress},
    {"notifications/message", BY_SERVER, false, logged},
    {"notifications/tools/list_changed", BY_SERVER, true, NULL},
    {"notifications/prompts/list_changed", BY_SERVER, true, NULL},
    {"notifications/resources/list_changed", BY_SERVER, true, NULL},
    {"notifications/resources/updated", BY_SERVER, true, uri},
};

static void check_log(const struct frame_check *c, const json_t *params)
{
    static const char *const levels[] = {"debug", "info",     "notice", "warning",
                                         "error", "critical", "alert",  "emergency"};
    const char *level = json_str(params, "level", NULL);
    if (level && !IS_ANY(level, levels))
        FIND(c, "'notifications/message' of unknown level '%.40s'", level);
    if (frame_is_modern(c) && c->cx->no_logs)
        FIND(c, "'notifications/message', which nobody asked for");
}

void frame_check_notification(const struct frame_check *c, const json_t *params)
{
    const json_t *meta = json_object_get(params, "_meta");
    bool from_client = c->cx->sender == MCP_FROM_CLIENT;
    if (strncmp(c->method, "notifications/", 14) != 0)
        FIND(c, "'%.60s' is no notification, but has no 'id'", c->method);
    check_meta(c, params);
    for (size_t i = 0; i < ARRAY_SIZE(notifications); i++) {
        if (strcmp(notifications[i].method, c->method) != 0)
            continue;
        if (!(notifications[i].senders & 1 << c->cx->sender))
            FIND(c, "'%s' is not for a %s to send", c->method,
                 from_client ? "client" : "server");
        if (notifications[i].members)
            frame_members(c, params, notifications[i].members, "'%s'", c->method);
        if (notifications[i].subscribed && frame_is_modern(c) &&
            !frame_is_token(json_object_get(meta, MCP_META_SUBSCRIPTION)))
            FIND(c, "'%s' belongs to no subscription", c->method);
    }
    if (strcmp(c->method, "notifications/message") == 0)
        check_log(c, params);
    if (strcmp(c->method, "notifications/cancelled") == 0 && from_client &&
        c->cx->wire == MCP_WIRE_HTTP && frame_has(c, MCP_F_CANCEL_BY_CLOSE))
        FIND(c, "over HTTP a request is cancelled by closing its stream");
}
