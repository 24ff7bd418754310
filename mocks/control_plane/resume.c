#include "mocks/control_plane/resume.h"

#include <string.h>

#include "base/fs.h"
#include "base/log.h"
#include "mocks/control_plane/boxes.h"
#include "mocks/control_plane/provision.h"
#include "mocks/server/state_save.h"
#include "mocks/tenant/workspace.h"

/* A box keeps its last token in its /configs. When the platform knows another one, or
 * the box none, it is let in as a fresh one. */
static void settle_token(struct workspace *ws)
{
    CLEANUP(free_ptr) char *path = box_path(ws, "/configs", ".auth_token");
    CLEANUP(buf_release) struct buf text = BUF_INIT(256);
    if (path && fs_read(path, &text, NULL) == 0) {
        text.data[strcspn(text.data, "\r\n")] = '\0';
        const struct token *held = token_find(ws->org, text.data);
        if (held && held->ws == ws && held->kind == TOKEN_INSTANCE)
            return;
    }
    token_revoke_all(ws, TOKEN_INSTANCE);
}

/* Addresses of the platform's last port, wherever they stand in the environment. */
static void move_addresses(struct box *box, int from, int to)
{
    CLEANUP(free_ptr) char *was = xasprintf("localhost:%d", from);
    CLEANUP(free_ptr) char *now = xasprintf("localhost:%d", to);
    CLEANUP(strv_release) struct strv moved = STRV_INIT;
    size_t len = strlen(was);
    for (size_t i = 0; i < box->env.n; i++) {
        const char *hit = strstr(box->env.v[i], was);
        bool whole = hit && (hit[len] < '0' || hit[len] > '9');
        if (whole)
            strv_addf(&moved, "%.*s%s%s", (int)(hit - box->env.v[i]), box->env.v[i], now,
                      hit + len);
        else
            strv_add(&moved, box->env.v[i]);
    }
    strv_move(&box->env, &moved);
}

static void come_back(struct workspace *ws)
{
    struct platform *p = ws->org->plat;
    struct box *box = ws->box;
    struct err err = ERR_INIT;
    int last = state_last_port(p, false);
    if (last && last != p->port)
        move_addresses(box, last, p->port);
    provision_env_refresh(ws, &box->env);
    settle_token(ws);
    if (box_launch(ws, &err) < 0) {
        log_error("cannot bring back the box of %s: %s", ws->id, err.text);
        provision_failed(ws, "provisioning failed", NULL);
        return;
    }
    /* Whoever asks before it has registered waits in its listener's queue. */
    if (*ws->url) {
        CLEANUP(free_ptr) char *url = box_url(ws);
        str_set(&ws->url, url);
    }
}

static void resume_workspace(struct workspace *ws)
{
    struct box *box = ws->box;
    if (!box || ws_removed(ws) || ws_external_like(ws))
        return;
    CLEANUP(free_ptr) char *preparing = xstrdup(box->preparing);
    CLEANUP(free_ptr) char *configs = box_path(ws, "/configs", "");
    if (*preparing)
        provision_start(ws, preparing);
    else if (box->wanted && configs && fs_is_dir(configs))
        come_back(ws);
    else if (box->wanted)
        (void)provision_restart(ws, "restart");
}

void resume_all(struct platform *p)
{
    for (size_t i = 0; i < p->orgs_n; i++) {
        struct org *org = p->orgs[i];
        if (org->gone || strcmp(org->status, "active") != 0)
            continue;
        org_resume(org);
        for (size_t w = 0; w < org->ws_n; w++)
            resume_workspace(org->ws[w]);
        for (size_t w = 0; w < org->ws_n; w++)
            workspace_restart_resume(org->ws[w]);
    }
}
