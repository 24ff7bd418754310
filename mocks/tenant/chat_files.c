/*
 * Files of the chat. For an agent that polls the platform keeps them (workspace.rest
 * "pending_uploads") and tells it by an activity row; to others it hands them on, with
 * the secret that the box was given at registration.
 * Wire shape: group "chat-files" of mocks/contracts/routes.json.
 */
#include <string.h>

#include "base/ids.h"
#include "base/limits.h"
#include "io/http.h"
#include "io/json.h"
#include "io/multipart.h"
#include "mocks/tenant/activity.h"
#include "mocks/tenant/handlers.h"
#include "mocks/tenant/rest.h"
#include "mocks/tenant/workspace.h"

enum { FILES_MAX = 64, FORWARD_TIMEOUT_MS = 60000 };

static json_t *pending_of(struct workspace *ws)
{
    return rest_object(ws->rest, "pending_uploads");
}

/* ---- kept for an agent that polls ---- */

static bool is_file(const struct multipart_part *part)
{
    return strcmp(part->name, "files") == 0;
}

/* {"uri","name","mimeType","size"} of the kept file; owned by the caller. */
static json_t *keep_file(struct workspace *ws, const struct multipart_part *part)
{
    char id[37];
    id_uuid4(id);
    char *uri CLEANUP(free_ptr) = xasprintf("platform-pending:%s/%s", ws->id, id);
    char *data CLEANUP(free_ptr) = base64_encode(part->data, part->len);
    json_t *file =
        json_make("{s:s,s:o,s:o,s:I}", "uri", uri, "name",
                  rest_string(part->filename ? part->filename : "file"), "mimeType",
                  rest_string(part->type), "size", (json_int_t)part->len);
    json_t *row = json_deep_copy(file);
    json_object_set_new(row, "data", json_string(data));
    json_object_set_new(pending_of(ws), id, row);
    json_t *told = json_deep_copy(file);
    json_object_set_new(told, "file_id", json_string(id));
    activity_add(ws, &(struct activity){.activity_type = "a2a_receive",
                                        .method = "chat_upload_receive",
                                        .target_id = ws->id,
                                        .status = "ok",
                                        .request_body = told});
    return file;
}

static void keep(struct call *call, struct workspace *ws)
{
    struct multipart form CLEANUP(multipart_release) = MULTIPART_INIT;
    struct err err = ERR_INIT;
    size_t n = 0;
    int read = multipart_parse(httpd_header(call->req, "Content-Type"), call->req->body,
                               call->req->body_len, &form, &err);
    for (size_t i = 0; i < form.n; i++)
        n += is_file(&form.v[i]) ? 1 : 0;
    const char *refusal = read < 0        ? "malformed multipart body"
                          : n == 0        ? "no files field in request"
                          : n > FILES_MAX ? "too many files (limit 64)"
                                          : NULL;
    if (refusal) {
        call_error(call, 400, refusal);
        return;
    }
    json_t *files = json_array();
    for (size_t i = 0; i < form.n; i++)
        if (is_file(&form.v[i]))
            json_array_append_new(files, keep_file(ws, &form.v[i]));
    call_struct(call, 200, json_make("{s:o}", "files", files));
}

/* The row of the file that the path names; NULL = answered. Borrowed. */
static json_t *need_pending(struct call *call)
{
    const char *id = call->params[1];
    if (!id || !id_is_uuid(id)) {
        call_error(call, 400, "invalid file_id");
        return NULL;
    }
    struct workspace *ws = rest_need_ws(call);
    if (!ws)
        return NULL;
    json_t *row = json_object_get(pending_of(ws), id);
    if (!row)
        call_error(call, 404, "pending upload not found");
    return row;
}

static bool plain_in_filename(unsigned char c)
{
    return c >= 0x20 && c < 0x7f && c != '"' && c != '\\';
}

static void add_disposition(struct call *call, const char *name)
{
    char *plain CLEANUP(free_ptr) = xstrdup(name);
    char *escaped CLEANUP(free_ptr) = http_escape(name);
    for (char *p = plain; *p; p++)
        if (!plain_in_filename((unsigned char)*p))
            *p = '_';
    char *value CLEANUP(free_ptr) =
        xasprintf("attachment; filename=\"%s\"; filename*=UTF-8''%s", plain, escaped);
    if (call->req)
        httpd_add_header(call->req, "Content-Disposition", value);
}

void pending_upload_content(struct call *call)
{
    const json_t *row = need_pending(call);
    if (!row)
        return;
    size_t len = 0;
    char *data CLEANUP(free_ptr) = base64_decode(json_str(row, "data", ""), &len);
    add_disposition(call, json_str(row, "name", "file"));
    call_bytes(call, 200, json_str(row, "mimeType", "application/octet-stream"),
               data ? data : "", len);
}

void pending_upload_ack(struct call *call)
{
    json_t *row = need_pending(call);
    if (!row)
        return;
    json_object_set_new(row, "acked", json_true());
    call_json(call, 200, json_make("{s:b}", "acked", 1));
}

/* ---- handed on to the box ---- */

static void forwarded(const struct http_response *resp, const struct err *failed,
                      void *arg)
{
    struct call *call = arg;
    if (failed) {
        call_decide(call, "%s", failed->text);
        call_error(call, 502, "failed to reach workspace agent");
        return;
    }
    const char *disposition = http_response_header(resp, "Content-Disposition");
    const char *type = http_response_header(resp, "Content-Type");
    if (disposition && call->req)
        httpd_add_header(call->req, "Content-Disposition", disposition);
    call_bytes(call, resp->status, type ? type : "application/octet-stream",
               resp->body.data, resp->body.len);
}

/* The request's body goes along. */
static void forward(struct call *call, const struct workspace *ws, const char *path)
{
    struct http_request req CLEANUP(http_request_release) = HTTP_REQUEST_INIT;
    const char *base = workspace_url(ws);
    size_t n = strlen(base);
    while (n > 0 && base[n - 1] == '/')
        n--;
    char *url CLEANUP(free_ptr) = xasprintf("%.*s%s", (int)n, base, path);
    const char *type = httpd_header(call->req, "Content-Type");
    req.method = call->req->method;
    req.url = url;
    req.body = call->req->body_len > 0 ? call->req->body : NULL;
    req.body_len = call->req->body_len;
    req.timeout_ms = FORWARD_TIMEOUT_MS;
    strv_addf(&req.headers, "Authorization: Bearer %s", ws->inbound_secret);
    if (type)
        strv_addf(&req.headers, "Content-Type: %s", type);
    (void)http_async_start(call->plat->http, &req, forwarded, call);
}

/* False = answered. */
static bool need_url(struct call *call, const struct workspace *ws)
{
    if (workspace_url(ws)[0])
        return true;
    if (strcmp(ws->delivery_mode, "push") == 0)
        call_error(call, 503, "workspace url not registered yet");
    else
        call_error(call, 422, "workspace has no url to hand files on to");
    return false;
}

void chat_upload(struct call *call)
{
    struct workspace *ws = rest_need_ws(call);
    if (!ws)
        return;
    if (strcmp(ws->delivery_mode, "poll") == 0)
        keep(call, ws);
    else if (need_url(call, ws))
        forward(call, ws, "/internal/chat/uploads/ingest");
}

void chat_download(struct call *call)
{
    const char *path = rest_query(call, "path");
    if (!path || path[0] != '/') {
        call_error(call, 400, "path query parameter is required");
        return;
    }
    const struct workspace *ws = rest_need_ws(call);
    if (!ws || !need_url(call, ws))
        return;
    char *escaped CLEANUP(free_ptr) = http_escape(path);
    char *url CLEANUP(free_ptr) = xasprintf("/internal/file/read?path=%s", escaped);
    forward(call, ws, url);
}
