/*
 * What an agent says without being asked: to the user, and to every other agent of the
 * organisation. Both end as rows of the activity. Wire shapes: the group "activity" of
 * mocks/contracts/routes.json.
 */
#include "mocks/tenant/notify.h"

#include <string.h>

#include "io/json.h"
#include "mocks/tenant/a2a.h"
#include "mocks/tenant/activity.h"
#include "mocks/tenant/handlers.h"
#include "mocks/tenant/rest.h"

static const char no_message[] = "message is required";

bool notify_attachments_ok(const json_t *attachments, size_t *ret_bad)
{
    for (size_t i = 0; i < json_array_size(attachments); i++) {
        const json_t *given = json_array_get(attachments, i);
        if (json_str(given, "uri", "")[0] && json_str(given, "name", "")[0])
            continue;
        *ret_bad = i;
        return false;
    }
    return true;
}

void notify_user(struct workspace *ws, const char *message, const json_t *attachments)
{
    json_t *response = json_make("{s:o}", "result", rest_string(message));
    if (json_array_size(attachments) > 0)
        json_object_set_new(response, "parts", a2a_file_parts(attachments));
    activity_add(ws, &(struct activity){.activity_type = "a2a_receive",
                                        .method = "notify",
                                        .summary = message,
                                        .status = "ok",
                                        .response_body = response});
}

void notify_post(struct call *call)
{
    size_t bad = 0;
    const char *message = rest_need_text(call, "message", no_message);
    if (!message)
        return;
    const json_t *attachments = json_object_get(call_body(call), "attachments");
    if (!notify_attachments_ok(attachments, &bad)) {
        char *text CLEANUP(free_ptr) =
            xasprintf("attachment[%zu]: uri and name are required", bad);
        call_error(call, 400, text);
        return;
    }
    struct workspace *ws = rest_need_ws(call);
    if (!ws)
        return;
    if (!ws->talk_to_user_enabled) {
        call_json(call, 403,
                  json_make("{s:s,s:s}", "error", "talk_to_user_disabled", "hint",
                            "This workspace is not allowed to send messages directly to "
                            "the user. Forward your update to a parent workspace using "
                            "delegate_task \xe2\x80\x94 they may be able to reach the "
                            "user."));
        return;
    }
    notify_user(ws, message, attachments);
    call_json(call, 200, json_make("{s:s}", "status", "sent"));
}

void broadcast_post(struct call *call)
{
    const char *message = rest_need_text(call, "message", no_message);
    struct workspace *ws = message ? rest_need_ws(call) : NULL;
    if (!ws)
        return;
    if (!ws->broadcast_enabled) {
        call_json(call, 403,
                  json_make("{s:s,s:s}", "error", "broadcast_disabled", "hint",
                            "This workspace does not have the broadcast ability. Ask a "
                            "user or admin to enable it via PATCH "
                            "/workspaces/:id/abilities."));
        return;
    }
    json_int_t delivered = 0;
    char *heard CLEANUP(free_ptr) = xasprintf("Broadcast from %s: %s", ws->name, message);
    for (size_t i = 0; i < call->org->ws_n; i++) {
        struct workspace *other = call->org->ws[i];
        if (other == ws || !ws_live(other))
            continue;
        activity_add(other, &(struct activity){.activity_type = "broadcast_receive",
                                               .method = "broadcast",
                                               .source_id = ws->id,
                                               .summary = heard,
                                               .status = "ok"});
        delivered++;
    }
    activity_add(ws, &(struct activity){.activity_type = "broadcast_sent",
                                        .method = "broadcast",
                                        .source_id = ws->id,
                                        .summary = message,
                                        .status = "ok"});
    call_json(call, 200,
              json_make("{s:I,s:s}", "delivered", delivered, "status", "sent"));
}
