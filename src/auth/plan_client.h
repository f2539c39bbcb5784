/* plan_client.h - what changes to provisioning clients may do; see auth/plan.h. */
#ifndef AUTH_PLAN_CLIENT_H
#define AUTH_PLAN_CLIENT_H

#include "auth/planning.h"

/* Each returns true when the plan has its steps, false when it has its answer. */
bool plan_client_add(struct planning *planning);
bool plan_client_set(struct planning *planning);
bool plan_client_rotate(struct planning *planning);
bool plan_client_release(struct planning *planning);
bool plan_client_delete(struct planning *planning);

#endif
