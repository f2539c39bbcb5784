/* plan_domain.h - what changes to domains may do; see auth/plan.h. */
#ifndef AUTH_PLAN_DOMAIN_H
#define AUTH_PLAN_DOMAIN_H

#include "auth/planning.h"

/* Each returns true when the plan has its steps, false when it has its answer. */
bool plan_domain_add(struct planning *planning);
bool plan_domain_delete(struct planning *planning);

#endif
