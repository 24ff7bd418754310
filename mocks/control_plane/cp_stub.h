/*
 * The open stub that stands in for the control plane in harnesses which bring their own
 * tenants: no token is asked, nothing is made, calls are counted.
 * Source: molecule-core (1c9f83df) tests/harness, cp-stub.
 */
#ifndef CONTROL_PLANE_CP_STUB_H
#define CONTROL_PLANE_CP_STUB_H

#include "mocks/server/router.h"

void cp_stub_run(struct call *call);

#endif
