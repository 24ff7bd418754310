/*
 * Provisioning: what is prepared between "provisioning" and a process that runs.
 * Source: molecule-core workspace-server (1c9f83df), provisioning; the steps are in its
 * order.
 */
#ifndef CONTROL_PLANE_PROVISION_H
#define CONTROL_PLANE_PROVISION_H

#include "base/strv.h"
#include "mocks/control_plane/assets.h"
#include "mocks/server/state.h"

/* The template that a workspace is made from; false = none is known. */
bool template_of(const struct workspace *ws, struct template_ref *ret);

/* The environment of the next box, but for MOLECULE_DECLARED_PLUGINS and the port.
 * 0 = env filled; 1 = the provision is aborted: the row has failed already. */
int provision_env(struct workspace *ws, struct strv *env);
/* What the mock's own machinery and every box needs, again for an environment that was
 * kept: folders and addresses may be others now. */
void provision_env_refresh(const struct workspace *ws, struct strv *env);

/* What a machine is made from when the tenant has prepared it itself. */
struct machine {
    struct strv env;      /* of the box */
    struct assets assets; /* template_assets: perhaps not consumed */
    struct assets files;  /* config_files */
};
#define MACHINE_INIT                                                                     \
    {                                                                                    \
        .env = STRV_INIT                                                                 \
    }
void machine_release(struct machine *m);
/* A new box for a row that is there; takes what is in m. An earlier box is killed; the
 * row's status is its tenant's. */
void provision_machine(struct workspace *ws, struct machine *m);

/* Whether it gets what is the concierge's alone: the platform root, and with the fault
 * concierge-hook=every-workspace all. */
bool provision_as_concierge(const struct workspace *ws);

/* The model that a workspace has now: the secret MODEL, NULL = none. */
const char *provision_model(const struct workspace *ws);

#endif
