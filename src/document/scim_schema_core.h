/* scim_schema_core.h - the tables of RFC 7643: what every resource has, User, Group, the enterprise extension. */
#ifndef DOCUMENT_SCIM_SCHEMA_CORE_H
#define DOCUMENT_SCIM_SCHEMA_CORE_H

#include "document/scim_schema.h"

extern const struct scim_schema_attribute scim_schema_core_common[];
extern const struct scim_schema scim_schema_core_user, scim_schema_core_group,
    scim_schema_core_enterprise;

#endif
