/*
 * Channels to messengers and what messengers post back. Only what is
 * known of them is built.
 */
#include <string.h>

#include "io/json.h"
#include "mocks/tenant/handlers.h"
#include "mocks/tenant/rest.h"

/* POST /webhooks/:type. An update that is for no channel is taken and ignored. */
void webhook_post(struct call *call)
{
    if (strcmp(call->params[0], "telegram") != 0) {
        call_error(call, 404, "unknown channel type");
        return;
    }
    if (!json_is_object(call_body(call))) {
        call_error(call, 400, "invalid request body");
        return;
    }
    call_json(call, 200, json_make("{s:s}", "status", "ignored"));
}

/* Every URL of the config is one that may be called. */
static bool config_ok(const struct org *org, json_t *config)
{
    const char *key = NULL;
    json_t *value = NULL;
    char reason[200];
    json_object_foreach(config, key, value)
    {
        const char *text = json_string_value(value);
        if (text && strstr(key, "url") && !rest_url_ok(org, text, reason))
            return false;
    }
    return true;
}

/* What a channel looks like once it is made is not known. */
void channel_create(struct call *call)
{
    if (!config_ok(call->org, json_object_get(call_body(call), "config"))) {
        call_error(call, 400, "invalid channel config");
        return;
    }
    call_error(call, 501, "this route is not specified");
}
