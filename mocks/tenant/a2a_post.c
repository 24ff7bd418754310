#include <string.h>

#include "base/ids.h"
#include "io/http.h"
#include "io/json.h"
#include "mocks/tenant/a2a.h"
#include "mocks/tenant/rest.h"
#include "mocks/tenant/workspace.h"

/* An agent may think for long; the limit is only there so that no call stays forever. */
enum { AGENT_TIMEOUT_MS = 300000 };

struct a2a_delivery {
    struct a2a_delivery *next, *prev; /* of the platform's list */
    struct http_call *http;
    struct workspace *target;
    a2a_posted_fn *done;
    void *arg;
};

static void delivered(const struct http_response *resp, const struct err *failed,
                      void *arg)
{
    struct a2a_delivery *d = arg;
    struct platform *p = d->target->org->plat;
    if (p->deliveries == d)
        p->deliveries = d->next;
    else
        d->prev->next = d->next;
    if (d->next)
        d->next->prev = d->prev;
    if (!failed)
        d->done(d->target, A2A_POST_ANSWERED, resp, d->arg);
    else
        d->done(d->target, http_err_unsent(failed) ? A2A_POST_UNSENT : A2A_POST_LOST,
                NULL, d->arg);
    free(d);
}

void tenant_stop(struct platform *p)
{
    struct a2a_delivery *d = TAKE(p->deliveries);
    while (d) {
        struct a2a_delivery *next = d->next;
        http_call_cancel(d->http);
        d->done(d->target, A2A_POST_UNSENT, NULL, d->arg);
        free(d);
        d = next;
    }
}

void a2a_post(struct workspace *target, const char *caller, const json_t *message,
              a2a_posted_fn *done, void *arg)
{
    struct platform *p = target->org->plat;
    struct a2a_delivery *d = xcalloc(1, sizeof(*d));
    *d = (struct a2a_delivery){
        .next = p->deliveries, .target = target, .done = done, .arg = arg};
    struct http_request req CLEANUP(http_request_release) = HTTP_REQUEST_INIT;
    char *body CLEANUP(free_ptr) = json_text(message, JSON_STRUCT);
    size_t n = strlen(workspace_url(target));
    while (n > 0 && target->url[n - 1] == '/')
        n--;
    char *url CLEANUP(free_ptr) = xasprintf("%.*s/", (int)n, workspace_url(target));
    req.method = "POST";
    req.url = url;
    req.body = body;
    req.body_len = strlen(body);
    req.timeout_ms = AGENT_TIMEOUT_MS;
    req.connect_timeout_ms = 5000;
    strv_add(&req.headers, "Content-Type: application/json");
    if (caller)
        strv_addf(&req.headers, "X-Workspace-ID: %s", caller);
    if (d->next)
        d->next->prev = d;
    p->deliveries = d;
    d->http = http_async_start(p->http, &req, delivered, d);
}

/* ---- messages ---- */

json_t *a2a_file_parts(const json_t *attachments)
{
    static const char *const members[] = {"uri", "name", "mimeType", "size"};
    json_t *parts = json_array();
    for (size_t i = 0; i < json_array_size(attachments); i++) {
        json_t *file = json_object();
        for (size_t k = 0; k < ARRAY_SIZE(members); k++) {
            json_t *value = json_object_get(json_array_get(attachments, i), members[k]);
            if (value)
                json_object_set(file, members[k], value);
        }
        json_array_append_new(parts,
                              json_make("{s:s,s:o}", "kind", "file", "file", file));
    }
    return parts;
}

json_t *a2a_text_message(const char *text, const json_t *attachments)
{
    char id[37];
    char message_id[37];
    id_uuid4(id);
    id_uuid4(message_id);
    json_t *files CLEANUP(json_drop) = a2a_file_parts(attachments);
    json_t *parts = json_make("[{s:s,s:o}]", "kind", "text", "text", rest_string(text));
    json_array_extend(parts, files);
    return json_make("{s:s,s:s,s:s,s:{s:{s:s,s:s,s:s,s:o}}}", "jsonrpc", "2.0", "id", id,
                     "method", "message/send", "params", "message", "kind", "message",
                     "messageId", message_id, "role", "user", "parts", parts);
}

const char *a2a_method_of(const json_t *message)
{
    return json_str(message, "method", "message/send");
}

char *a2a_reply_text(const struct http_response *resp)
{
    json_t *answer CLEANUP(json_drop) = NULL;
    struct err err = ERR_INIT;
    if (json_parse(resp->body.data, resp->body.len, &answer, &err) < 0)
        return NULL;
    const json_t *result = json_object_get(answer, "result");
    const json_t *parts = json_object_get(result, "parts");
    if (!parts) /* a task instead of a message */
        parts = json_object_get(
            json_object_get(json_object_get(result, "status"), "message"), "parts");
    if (!json_is_array(parts))
        return NULL;
    return json_texts(parts);
}
