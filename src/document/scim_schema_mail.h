/* scim_schema_mail.h - the tables of the mail extension, for users and groups (docs/scim.md). */
#ifndef DOCUMENT_SCIM_SCHEMA_MAIL_H
#define DOCUMENT_SCIM_SCHEMA_MAIL_H

#include "document/scim_schema.h"

extern const struct scim_schema scim_schema_mail_user, scim_schema_mail_group;

#endif
