/*
 * The control plane as a tenant talks to it: machines made, ended and asked about, the
 * tenant's configuration.
 * Source: molecule-core (1c9f83df) workspace-server/internal/provisioner, with its
 * provision_request.contract.json.
 */
#ifndef CONTROL_PLANE_INSTANCES_H
#define CONTROL_PLANE_INSTANCES_H

#include "mocks/server/router.h"

route_fn instance_provision, instance_delete, instance_status, tenant_config;

#endif
