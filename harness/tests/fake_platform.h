/*
 * A platform of a few routes for the runner's tests: a forked child that knows
 * organisations by slug and misbehaves by name (an organisation called leaky is never
 * removed, a workspace called failing fails, one called slow never comes online).
 */
#ifndef HARNESS_TESTS_FAKE_PLATFORM_H
#define HARNESS_TESTS_FAKE_PLATFORM_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/ids.h"
#include "base/strv.h"
#include "io/httpd.h"
#include "io/json.h"
#include "io/loop.h"
#include "io/proc.h"

#define FAKE_ADMIN_TOKEN "admin-token-of-the-fake-platform"
#define FAKE_SECRET "a-secret-that-came-in-an-answer"

struct fake_platform {
    struct proc proc;
    int listen_fd; /* owned, -1 = none */
    int port;
    /* in the child */
    struct strv slugs;
    int counter;
};
#define FAKE_PLATFORM_INIT                                                               \
    {                                                                                    \
        .proc = PROC_INIT, .listen_fd = -1                                               \
    }

static inline void fake_create_org(struct fake_platform *p, struct httpd_req *req)
{
    CLEANUP(json_drop) json_t *body = NULL;
    char id[37];
    if (json_parse(req->body, req->body_len, &body, NULL) < 0 ||
        !json_str(body, "slug", NULL)) {
        httpd_reply_json(req, 400, json_make("{s:s}", "error", "slug is required"));
        return;
    }
    const char *slug = json_str(body, "slug", "");
    id_uuid5_url(slug, id);
    if (!strv_has(&p->slugs, slug))
        strv_add(&p->slugs, slug);
    httpd_reply_json(req, 201, json_make("{s:s, s:s}", "id", id, "slug", slug));
}

static inline void fake_list_orgs(struct fake_platform *p, struct httpd_req *req)
{
    json_t *orgs = json_array();
    for (size_t i = 0; i < p->slugs.n; i++)
        json_array_append_new(orgs, json_make("{s:s, s:s, s:s}", "slug", p->slugs.v[i],
                                              "instance_status", "running", "status",
                                              "active"));
    httpd_reply_json(req, 200, json_make("{s:o}", "orgs", orgs));
}

static inline void fake_delete_org(struct fake_platform *p, struct httpd_req *req)
{
    const char *slug = strrchr(req->path, '/') + 1;
    struct strv left = STRV_INIT;
    CLEANUP(json_drop) json_t *body = NULL;
    if (json_parse(req->body, req->body_len, &body, NULL) < 0 ||
        strcmp(json_str(body, "confirm", ""), slug) != 0) {
        httpd_reply_json(req, 400, json_make("{s:s}", "error", "confirm"));
        return;
    }
    for (size_t i = 0; i < p->slugs.n; i++)
        if (strcmp(p->slugs.v[i], slug) != 0 || strstr(slug, "leaky"))
            strv_add(&left, p->slugs.v[i]);
    strv_release(&p->slugs);
    p->slugs = left;
    httpd_reply_json(req, 200, json_make("{s:s}", "status", "deleted"));
}

static inline void fake_workspace(struct httpd_req *req, const char *id)
{
    const char *status = strstr(id, "failing") ? "failed" : "provisioning";
    httpd_reply_json(
        req, 200, json_make("{s:s, s:s, s:s}", "id", id, "name", id, "status", status));
}

static inline void fake_create_workspace(struct httpd_req *req)
{
    CLEANUP(json_drop) json_t *body = NULL;
    if (json_parse(req->body, req->body_len, &body, NULL) < 0) {
        httpd_reply_text(req, 400, "no JSON");
        return;
    }
    httpd_reply_json(req, 201,
                     json_make("{s:s, s:s, s:s}", "id", json_str(body, "name", "?"),
                               "auth_token", "token-of-the-workspace", "status",
                               "provisioning"));
}

static inline void fake_guarded(struct httpd_req *req)
{
    const char *auth = httpd_header(req, "Authorization");
    bool ok = auth && strcmp(auth, "Bearer " FAKE_ADMIN_TOKEN) == 0;
    httpd_reply_json(req, ok ? 200 : 401, json_make("{s:b}", "open", ok));
}

static inline void fake_handle(struct httpd_req *req, void *arg)
{
    struct fake_platform *p = arg;
    const char *path = req->path;
    bool get = strcmp(req->method, "GET") == 0;
    if (strcmp(path, "/cp/admin/orgs") == 0 && get)
        fake_list_orgs(p, req);
    else if (strcmp(path, "/cp/admin/orgs") == 0)
        fake_create_org(p, req);
    else if (strstr(path, "/admin-token"))
        httpd_reply_json(req, 200, json_make("{s:s}", "admin_token", FAKE_ADMIN_TOKEN));
    else if (strncmp(path, "/cp/admin/tenants/", 18) == 0)
        fake_delete_org(p, req);
    else if (strcmp(path, "/counter") == 0)
        httpd_reply_json(req, 200, json_make("{s:i}", "n", ++p->counter));
    else if (strcmp(path, "/guarded") == 0)
        fake_guarded(req);
    else if (strcmp(path, "/token") == 0)
        httpd_reply_json(req, 200,
                         json_make("{s:s, s:s}", "auth_token", FAKE_SECRET, "text",
                                   "it is " FAKE_SECRET "."));
    else if (strcmp(path, "/hangup") == 0)
        _exit(0);
    else if (strcmp(path, "/workspaces") == 0 && get)
        httpd_reply_json(req, 200,
                         json_make("[{s:s, s:s}]", "id", "failing", "last_sample_error",
                                   "no model was seeded"));
    else if (strcmp(path, "/workspaces") == 0)
        fake_create_workspace(req);
    else if (strncmp(path, "/workspaces/", 12) == 0)
        fake_workspace(req, path + 12);
    else
        httpd_reply_json(req, 200, json_make("{s:i}", "same", 1));
}

static inline int fake_child(void *arg)
{
    struct fake_platform *p = arg;
    struct loop *loop = NULL;
    struct httpd *httpd = NULL;
    if (loop_new(&loop, NULL) < 0 ||
        httpd_start(loop, p->listen_fd, fake_handle, p, &httpd, NULL) < 0)
        return 1;
    return loop_run(loop, NULL) < 0;
}

static inline int fake_platform_start(struct fake_platform *p, struct err *err)
{
    if (httpd_bind(0, &p->listen_fd, err) < 0)
        return -1;
    p->port = httpd_fd_port(p->listen_fd);
    int rc = proc_fork(fake_child, p, &p->proc, err);
    close_fd(&p->listen_fd); /* the child's alone: when it is gone, nobody listens */
    return rc;
}

static inline void fake_platform_stop(struct fake_platform *p)
{
    proc_stop(&p->proc, 0);
    proc_release(&p->proc);
    close_fd(&p->listen_fd);
    strv_release(&p->slugs);
}

#endif
