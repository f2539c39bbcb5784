/* plan_resource.h - what users and groups share when they are provisioned: the client's row of each. */
#ifndef AUTH_PLAN_RESOURCE_H
#define AUTH_PLAN_RESOURCE_H

#include "auth/planning.h"

/* Those that return a bool return false once the plan has its answer. */

/* A living one of this client and type. `version` 0: any. */
bool plan_resource_need(struct planning *planning, struct span id, enum resource_type type,
                        int64_t version, struct resource *resource);
bool plan_resource_need_account(struct planning *planning, struct span id, struct account *account);
/* Nobody of this client and type has the name; `attribute` is "userName" or "displayName". */
bool plan_resource_need_name(struct planning *planning, const struct provision_resource *wanted,
                             enum resource_type type, const char *attribute);
bool plan_resource_need_rename(struct planning *planning, const struct provision_resource *wanted,
                               const struct resource *now, const char *attribute);
bool plan_resource_same(const struct provision_resource *wanted, const struct resource *now);

/* Steps; they also tell the plan whose resource it is. `given`: its addresses. */
void plan_resource_add(struct planning *planning, const struct provision_resource *wanted,
                       enum resource_type type, struct span id, struct span given);
void plan_resource_update(struct planning *planning, const struct provision_resource *wanted,
                          const struct resource *now, struct span given);

#endif
