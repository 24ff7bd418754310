/*
 * The platform's own door to the box: files that a chat brings in, and files that are
 * read out of it. Whoever comes shows the platform's inbound secret.
 *
 * Source: molecule_runtime internal routes /internal/chat/uploads/ingest and
 * /internal/file/read, as the platform calls them.
 */
#include "mocks/box/state.h"

#include "base/buf.h"
#include "base/fs.h"
#include "base/ids.h"
#include "base/limits.h"
#include "io/json.h"
#include "io/multipart.h"

#include <string.h>

#define UPLOADS "/workspace/.molecule/chat-uploads"

/* What a path in the box begins with; the box's own machinery lies beside them. */
static const char *const ROOTS[] = {"configs", "workspace", "home"};

static void refuse(struct httpd_req *req, int status, const char *why)
{
    httpd_reply_json(req, status, json_make("{s:s}", "error", why));
}

/* False = answered. */
static bool check_secret(struct box *b, struct httpd_req *req)
{
    static const char scheme[] = "Bearer ";
    char *path CLEANUP(free_ptr) = box_config_path(b, ".platform_inbound_secret");
    struct buf secret CLEANUP(buf_release) = BUF_INIT(KIB(4));
    const char *given = httpd_header(req, "Authorization");
    bool known = fs_read(path, &secret, NULL) == 0 && secret.len;

    if (known && given && strncmp(given, scheme, strlen(scheme)) == 0 &&
        strcmp(given + strlen(scheme), secret.data) == 0)
        return true;
    refuse(req, 401, "invalid platform inbound secret");
    return false;
}

/* Where a path of the box really is; NULL = it is not one of the box's. */
static char *real_path(const struct box *b, const char *path)
{
    if (*path != '/' || !fs_path_is_safe(path + 1))
        return NULL;
    for (size_t i = 0; i < ARRAY_SIZE(ROOTS); i++) {
        size_t len = strlen(ROOTS[i]);
        if (strncmp(path + 1, ROOTS[i], len) == 0 && path[1 + len] == '/')
            return fs_join(b->root, path + 1);
    }
    return NULL;
}

static int keep(const struct box *b, const struct multipart_part *part, json_t *files,
                struct err *err)
{
    char id[37];

    id_uuid4(id);
    const char *name = part->filename && *part->filename ? part->filename : "file";
    char *path CLEANUP(free_ptr) = xasprintf(UPLOADS "/%s-%s", id, name);
    char *real CLEANUP(free_ptr) = fs_join(b->root, path + 1);
    char *uri CLEANUP(free_ptr) = xasprintf("workspace:%s", path);
    if (fs_mkparents(real, err) < 0 ||
        fs_write(real, part->data, part->len, 0644, err) < 0)
        return -1;
    return json_array_append_new(files, json_make("{s:s,s:s,s:s,s:I}", "uri", uri, "name",
                                                  name, "mimeType", part->type, "size",
                                                  (json_int_t)part->len));
}

/* The platform passes it on, and its own answers have their members in this order. */
static void answer_files(struct httpd_req *req, json_t *files)
{
    json_t *body CLEANUP(json_drop) = json_make("{s:O}", "files", files);
    char *text CLEANUP(free_ptr) = json_text(body, JSON_STRUCT);

    httpd_reply(req, 200, "application/json; charset=utf-8", text, strlen(text));
}

void inbox_ingest(struct box *b, struct httpd_req *req)
{
    struct multipart form CLEANUP(multipart_release) = MULTIPART_INIT;
    json_t *files CLEANUP(json_drop) = xcheck(json_array());
    struct err err = ERR_INIT;

    if (!check_secret(b, req))
        return;
    if (multipart_parse(httpd_header(req, "Content-Type"), req->body, req->body_len,
                        &form, &err) < 0) {
        refuse(req, 400, "malformed multipart body");
        return;
    }
    for (size_t i = 0; i < form.n; i++)
        if (strcmp(form.v[i].name, "files") == 0 &&
            keep(b, &form.v[i], files, &err) < 0) {
            refuse(req, 500, err.text);
            return;
        }
    if (!json_array_size(files))
        refuse(req, 400, "no files field in request");
    else
        answer_files(req, files);
}

void inbox_read(struct box *b, struct httpd_req *req)
{
    struct buf content CLEANUP(buf_release) = BUF_INIT(LIMIT_FILE);

    if (!check_secret(b, req))
        return;
    const char *path = httpd_query(req, "path");
    char *real CLEANUP(free_ptr) = path ? real_path(b, path) : NULL;
    if (!real)
        refuse(req, 400, "invalid path");
    else if (fs_is_dir(real) || fs_read(real, &content, NULL) < 0)
        refuse(req, 404, "file not found");
    else
        httpd_reply(req, 200, "application/octet-stream", content.data, content.len);
}
