#include "mocks/forge/forge_api.h"

#include <ctype.h>
#include <string.h>

#include "base/clock.h"
#include "base/fs.h"
#include "base/ids.h"
#include "base/limits.h"
#include "io/json.h"
#include "mocks/forge/forge.h"

void forge_error(struct call *call, int status, const char *message)
{
    CLEANUP(free_ptr) char *url = xasprintf("%s/api/swagger", call->plat->forge_url);
    json_t *text = json_string(message);
    call_json(call, status,
              json_make("{s:[], s:o, s:s}", "errors", "message",
                        text != NULL ? text : json_string("?"), "url", url));
}

static void not_found(struct call *call)
{
    forge_error(call, 404, "The target couldn't be found.");
}

/* A name that looks like a version is a tag, every other a branch. */
static bool is_tag(const char *ref)
{
    return isdigit((unsigned char)*ref) ||
           (*ref == 'v' && isdigit((unsigned char)ref[1]));
}

static char *repo_url(const struct call *call, const char *api)
{
    return xasprintf("%s%s/%s/%s", call->plat->forge_url, api, call->params[0],
                     call->params[1]);
}

/* The tip of a ref of the call's repository; false = answered. */
static bool need_tip(struct call *call, const char *ref, struct forge_tip *ret)
{
    struct err err = ERR_INIT;
    int rc =
        forge_tip(call->plat->forge, call->params[0], call->params[1], ref, ret, &err);
    if (rc < 0)
        forge_error(call, 500, err.text);
    else if (rc != FORGE_OK)
        not_found(call);
    return rc == FORGE_OK;
}

static const char *ref_asked(const struct call *call, const char *name)
{
    const char *ref = httpd_query(call->req, name);
    return ref != NULL && *ref != '\0' ? ref : "main";
}

void forge_repo_get(struct call *call)
{
    CLEANUP(free_ptr) char *html = repo_url(call, "");
    CLEANUP(free_ptr) char *clone = xasprintf("%s.git", html);
    CLEANUP(free_ptr) char *full = xasprintf("%s/%s", call->params[0], call->params[1]);
    bool open = strcmp(forge_access(call->plat->forge, full), "public") == 0;
    call_struct(call, 200,
                json_make("{s:s, s:s, s:{s:s}, s:b, s:b, s:b, s:s, s:s, s:s}", "name",
                          call->params[1], "full_name", full, "owner", "login",
                          call->params[0], "private", !open, "empty", 0, "archived", 0,
                          "default_branch", "main", "html_url", html, "clone_url",
                          clone));
}

/* ---- branches, tags, commits ---- */

static json_t *branch_view(const char *ref, const struct forge_tip *tip)
{
    return json_make("{s:s, s:{s:s, s:s}, s:b}", "name", ref, "commit", "id", tip->commit,
                     "message", "contents of the tree", "protected", 0);
}

static json_t *tag_view(const struct call *call, const char *ref,
                        const struct forge_tip *tip)
{
    CLEANUP(free_ptr) char *api = repo_url(call, "/api/v1/repos");
    CLEANUP(free_ptr) char *url = xasprintf("%s/git/commits/%s", api, tip->commit);
    CLEANUP(free_ptr) char *tar = xasprintf("%s/archive/%s.tar.gz", api, ref);
    return json_make("{s:s, s:s, s:s, s:{s:s, s:s}, s:s}", "name", ref, "message", "",
                     "id", tip->commit, "commit", "sha", tip->commit, "url", url,
                     "tarball_url", tar);
}

static void answer_refs(struct call *call, bool tags)
{
    CLEANUP(strv_release) struct strv refs = STRV_INIT;
    json_t *list = xcheck(json_array());
    catalog_refs(call->plat->repos, call->params[0], call->params[1], &refs);
    for (size_t i = 0; i < refs.n; i++) {
        CLEANUP(forge_tip_release) struct forge_tip tip = {.path = NULL};
        if (is_tag(refs.v[i]) != tags ||
            forge_tip(call->plat->forge, call->params[0], call->params[1], refs.v[i],
                      &tip, NULL) != FORGE_OK)
            continue;
        (void)json_array_append_new(list, tags ? tag_view(call, refs.v[i], &tip)
                                               : branch_view(refs.v[i], &tip));
    }
    call_struct(call, 200, list);
}

void forge_branch_list(struct call *call)
{
    answer_refs(call, false);
}

void forge_tag_list(struct call *call)
{
    answer_refs(call, true);
}

void forge_branch_get(struct call *call)
{
    CLEANUP(forge_tip_release) struct forge_tip tip = {.path = NULL};
    if (is_tag(call->params[2]))
        not_found(call);
    else if (need_tip(call, call->params[2], &tip))
        call_struct(call, 200, branch_view(call->params[2], &tip));
}

void forge_commit_list(struct call *call)
{
    CLEANUP(forge_tip_release) struct forge_tip tip = {.path = NULL};
    if (!need_tip(call, ref_asked(call, "sha"), &tip))
        return;
    CLEANUP(free_ptr) char *html = repo_url(call, "");
    CLEANUP(free_ptr) char *url = xasprintf("%s/commit/%s", html, tip.commit);
    call_struct(call, 200,
                json_make("[{s:s, s:s, s:{s:s, s:{s:s}}}]", "sha", tip.commit, "html_url",
                          url, "commit", "message", "contents of the tree", "author",
                          "name", "forge"));
}

/* ---- files ---- */

/* The path of the call below a ref's tree; NULL = answered. */
static char *need_file(struct call *call, struct forge_tip *tip)
{
    const char *path = call->params[2] != NULL ? call->params[2] : "";
    if (!need_tip(call, ref_asked(call, "ref"), tip))
        return NULL;
    bool inside =
        *path == '\0' || (fs_path_is_safe(path) && strncmp(path, ".git", 4) != 0);
    char *full = !tip->packed && inside ? fs_join(tip->path, path) : NULL;
    if (full != NULL && fs_exists(full))
        return full;
    free(full);
    not_found(call);
    return NULL;
}

void forge_raw_get(struct call *call)
{
    CLEANUP(forge_tip_release) struct forge_tip tip = {.path = NULL};
    CLEANUP(free_ptr) char *path = need_file(call, &tip);
    CLEANUP(buf_release) struct buf data = BUF_INIT(LIMIT_FILE);
    if (path == NULL)
        return;
    if (fs_read(path, &data, NULL) < 0)
        not_found(call); /* a directory */
    else
        call_bytes(call, 200, "application/octet-stream", data.data, data.len);
}

static json_t *content_view(const char *path, const char *data, size_t len, bool whole)
{
    const char *slash = strrchr(path, '/');
    char hash[65];
    sha256_hex(data, len, hash);
    hash[40] = '\0';
    json_t *view =
        json_make("{s:s, s:s, s:s, s:s, s:I}", "name", slash ? slash + 1 : path, "path",
                  path, "sha", hash, "type", "file", "size", (json_int_t)len);
    if (whole) {
        CLEANUP(free_ptr) char *text = base64_encode(data, len);
        (void)json_object_set_new(view, "encoding", json_string("base64"));
        (void)json_object_set_new(view, "content", json_string(text));
    }
    return view;
}

struct directory {
    const char *dir, *path;
    json_t *list;
};

static int add_content(const struct fs_entry *entry, void *arg)
{
    struct directory *d = arg;
    CLEANUP(free_ptr)
    char *rel = *d->path != '\0' ? fs_join(d->path, entry->path) : xstrdup(entry->path);
    CLEANUP(free_ptr) char *full = fs_join(d->dir, entry->path);
    CLEANUP(buf_release) struct buf data = BUF_INIT(LIMIT_FILE);
    if (strcmp(entry->path, ".git") == 0)
        return 0;
    if (entry->dir)
        (void)json_array_append_new(d->list,
                                    json_make("{s:s, s:s, s:s, s:i}", "name", entry->path,
                                              "path", rel, "type", "dir", "size", 0));
    else if (fs_read(full, &data, NULL) == 0)
        (void)json_array_append_new(d->list,
                                    content_view(rel, data.data, data.len, false));
    return 0;
}

void forge_contents_get(struct call *call)
{
    CLEANUP(forge_tip_release) struct forge_tip tip = {.path = NULL};
    CLEANUP(free_ptr) char *full = need_file(call, &tip);
    CLEANUP(buf_release) struct buf data = BUF_INIT(LIMIT_FILE);
    struct err err = ERR_INIT;
    if (full == NULL)
        return; /* answered: the call is gone */
    struct directory d = {full, call->params[2] ? call->params[2] : "", NULL};
    if (fs_is_dir(full)) {
        d.list = xcheck(json_array());
        (void)fs_walk(full, 1, add_content, &d, NULL);
        call_struct(call, 200, d.list);
    } else if (fs_read(full, &data, &err) < 0) {
        forge_error(call, 500, err.text);
    } else {
        call_struct(call, 200, content_view(d.path, data.data, data.len, true));
    }
}

/* ---- issues ---- */

static const struct {
    int id;
    const char *name, *color;
} labels[] = {{1, "bug", "d73a4a"},
              {2, "enhancement", "a2eeef"},
              {3, "question", "d876e3"},
              {4, "severity/critical", "b60205"},
              {5, "severity/high", "d93f0b"}};

static json_t *label_view(size_t i)
{
    return json_make("{s:i, s:s, s:s}", "id", labels[i].id, "name", labels[i].name,
                     "color", labels[i].color);
}

void forge_label_list(struct call *call)
{
    json_t *list = xcheck(json_array());
    for (size_t i = 0; i < ARRAY_SIZE(labels); i++)
        (void)json_array_append_new(list, label_view(i));
    call_struct(call, 200, list);
}

/* The issues of the call's repository, oldest first; borrowed. */
static json_t *issues_of(const struct call *call)
{
    json_t *all = forge_issues(call->plat->forge);
    CLEANUP(free_ptr) char *full = xasprintf("%s/%s", call->params[0], call->params[1]);
    json_t *list = json_object_get(all, full);
    if (list == NULL) {
        list = xcheck(json_array());
        (void)json_object_set_new(all, full, list);
    }
    return list;
}

void forge_issue_list(struct call *call)
{
    const json_t *issues = issues_of(call);
    json_t *list = xcheck(json_array());
    for (size_t i = json_array_size(issues); i-- > 0;)
        (void)json_array_append(list, json_array_get(issues, i));
    call_struct(call, 200, list);
}

static json_t *labels_asked(const json_t *ids)
{
    json_t *list = xcheck(json_array());
    for (size_t i = 0; i < json_array_size(ids); i++) {
        json_int_t id = json_integer_value(json_array_get(ids, i));
        for (size_t k = 0; k < ARRAY_SIZE(labels); k++) {
            if (labels[k].id == id)
                (void)json_array_append_new(list, label_view(k));
        }
    }
    return list;
}

void forge_issue_create(struct call *call)
{
    const json_t *body = call_body(call);
    const char *title = json_str(body, "title", "");
    if (*title == '\0') {
        forge_error(call, 422, "[Title]: Required");
        return;
    }
    json_t *issues = issues_of(call);
    int number = (int)json_array_size(issues) + 1;
    char now[32];
    CLEANUP(free_ptr) char *html = repo_url(call, "");
    CLEANUP(free_ptr) char *url = xasprintf("%s/issues/%d", html, number);
    json_t *issue = json_make(
        "{s:i, s:i, s:s, s:s, s:s, s:s, s:o, s:s}", "id", number, "number", number,
        "title", title, "body", json_str(body, "body", ""), "state", "open", "html_url",
        url, "labels", labels_asked(json_object_get(body, "labels")), "created_at",
        clock_rfc3339(clock_wall_ms(), now));
    (void)json_array_append(issues, issue);
    call_struct(call, 201, issue);
}
