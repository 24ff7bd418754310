/*
 * The asset channel: config.yaml and prompts/ of a template, from the forge's archive to
 * the box's /configs; and the stub that stands there when nothing was delivered.
 * Source: molecule-core (1c9f83df) workspace-server/internal/provisioner, config_files
 * and template_assets of its provision_request.contract.json.
 */
#ifndef CONTROL_PLANE_ASSETS_H
#define CONTROL_PLANE_ASSETS_H

#include "base/buf.h"
#include "base/err.h"
#include "base/strv.h"
#include "mocks/server/state.h"

struct asset {
    char *path; /* "config.yaml", "prompts/..." */
    char *data;
    size_t len;
};
struct assets {
    struct asset *v;
    size_t n;
};
void assets_release(struct assets *a);
void assets_add(struct assets *a, const char *path, const void *data, size_t len);
const struct asset *assets_find(const struct assets *a, const char *path);

/* "<owner>/<repo>@<ref>", by which a tenant names a template to the control plane. */
struct template_identity {
    char *owner, *repo, *ref; /* owned */
};
/* ERR_SHAPE. */
MUST_CHECK int assets_identity(const char *identity, struct template_identity *ret,
                               struct err *err);
void template_identity_release(struct template_identity *i);

/* Takes what the channel may carry (config.yaml, prompts/) out of a forge's archive,
 * whatever else is in it. ERR_SHAPE: no archive, or more than 16 MiB of that. */
MUST_CHECK int assets_unpack(const void *data, size_t len, struct assets *ret,
                             struct err *err);

/* The declared plugins of its config.yaml: an entry that begins with '!' or '-' removes
 * an earlier one; doubles are dropped; at most 100. */
void assets_plugins(const struct assets *a, struct strv *ret);

/* The persona: the first of prompt_files, with {{CONCIERGE_NAME}} replaced, is added as
 * system-prompt.md. Nothing when there is none. */
void assets_add_persona(struct assets *a, const char *concierge_name);

/* Writes every file under the box's /configs. */
MUST_CHECK int assets_write(const struct workspace *ws, const struct assets *a,
                            struct err *err);

/* What the control plane writes when neither channel brought a config.yaml: exactly 218
 * bytes with an id of 36 characters, runtime claude-code and model moonshot/kimi-k2.6. */
void assets_stub(const struct workspace *ws, const char *model, struct buf *out);
/* The config.yaml of a workspace whose runtime and template no template is known for. */
void assets_generated(const struct workspace *ws, const char *model, struct buf *out);

#endif
