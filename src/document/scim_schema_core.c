/* scim_schema_core.c - the tables of RFC 7643: what every resource has, User, Group, the enterprise extension. */
#include "document/scim_schema_core.h"

#include <stddef.h>

/* What most attributes are: readWrite, returned by default, not unique, not case exact. References and binary are case
 * exact (RFC 7643, 2.3.6 and 2.3.7). */
#define TEXT(text, about)    .name = (text), .type = SCIM_SCHEMA_STRING, .description = (about)
#define FLAG(text, about)    .name = (text), .type = SCIM_SCHEMA_BOOLEAN, .description = (about)
#define COMPLEX(text, about) .name = (text), .type = SCIM_SCHEMA_COMPLEX, .description = (about)
#define LINK(text, about, to)                                                         \
    .name = (text), .type = SCIM_SCHEMA_REFERENCE, .exact = true, .references = (to), \
    .description = (about)
#define PRIMARY                                                                 \
    {                                                                           \
        FLAG("primary", "Whether this is the preferred one; true at most once") \
    }
#define DISPLAY                              \
    {                                        \
        TEXT("display", "A name for people") \
    }
#define READ_ONLY .mutability = SCIM_SCHEMA_READ_ONLY
#define IMMUTABLE .mutability = SCIM_SCHEMA_IMMUTABLE

static const char *const to_external[] = {"external", NULL};
static const char *const to_uri[] = {"uri", NULL};
static const char *const to_user[] = {"User", NULL};
static const char *const to_group[] = {"Group", NULL};
static const char *const to_both[] = {"User", "Group", NULL};

/* clang-format off: one attribute a line. */

static const struct scim_schema_attribute meta_parts[] = {
    {TEXT("resourceType", "The name of the resource type"), .exact = true, READ_ONLY},
    {.name = "created",
     .type = SCIM_SCHEMA_DATETIME,
     READ_ONLY,
     .description = "When it was created"},
    {.name = "lastModified",
     .type = SCIM_SCHEMA_DATETIME,
     READ_ONLY,
     .description = "When it last changed"},
    {LINK("location", "Its URL", to_uri), READ_ONLY},
    {TEXT("version", "Its entity tag"), .exact = true, READ_ONLY},
    {0},
};

const struct scim_schema_attribute scim_schema_core_common[] = {
    {LINK("schemas", "The schemas that it uses", to_uri), .multiple = true, .required = true,
     READ_ONLY, .returned = SCIM_SCHEMA_ALWAYS},
    {TEXT("id", "The identifier that this service gave it"), .exact = true, READ_ONLY,
     .returned = SCIM_SCHEMA_ALWAYS, .uniqueness = SCIM_SCHEMA_UNIQUE_SERVER},
    {TEXT("externalId", "The identifier that the client gave it"), .exact = true},
    {COMPLEX("meta", "Facts about the resource itself"), READ_ONLY, .parts = meta_parts},
    {0},
};

static const struct scim_schema_attribute name_parts[] = {
    {TEXT("formatted", "The whole name, as it is shown")},
    {TEXT("familyName", "The family name")},
    {TEXT("givenName", "The given name")},
    {TEXT("middleName", "The middle names")},
    {TEXT("honorificPrefix", "Titles in front of the name")},
    {TEXT("honorificSuffix", "What follows the name")},
    {0},
};

static const char *const email_types[] = {"work", "home", "other", NULL};
static const struct scim_schema_attribute email_parts[] = {
    {TEXT("value", "The address")},
    DISPLAY,
    {TEXT("type", "What it is for"), .canonical = email_types},
    PRIMARY,
    {0},
};

static const char *const phone_types[] = {"work", "home", "mobile", "fax", "pager", "other", NULL};
static const struct scim_schema_attribute phone_parts[] = {
    {TEXT("value", "The number")},
    DISPLAY,
    {TEXT("type", "What it is for"), .canonical = phone_types},
    PRIMARY,
    {0},
};

static const char *const im_types[] = {"aim",   "gtalk", "icq",   "xmpp", "msn",
                                       "skype", "qq",    "yahoo", NULL};
static const struct scim_schema_attribute im_parts[] = {
    {TEXT("value", "The address")},
    DISPLAY,
    {TEXT("type", "Which service"), .canonical = im_types},
    PRIMARY,
    {0},
};

static const char *const photo_types[] = {"photo", "thumbnail", NULL};
static const struct scim_schema_attribute photo_parts[] = {
    {LINK("value", "The URL of the picture, or the picture as a data URL", to_external),
     .large = true},
    DISPLAY,
    {TEXT("type", "Which size"), .canonical = photo_types},
    PRIMARY,
    {0},
};

static const char *const address_types[] = {"work", "home", "other", NULL};
static const struct scim_schema_attribute address_parts[] = {
    {TEXT("formatted", "The whole address, as it is shown")},
    {TEXT("streetAddress", "Street and number")},
    {TEXT("locality", "The city")},
    {TEXT("region", "The state or region")},
    {TEXT("postalCode", "The postal code")},
    {TEXT("country", "The country")},
    {TEXT("type", "What it is for"), .canonical = address_types},
    PRIMARY,
    {0},
};

static const char *const group_types[] = {"direct", "indirect", NULL};
static const struct scim_schema_attribute group_parts[] = {
    {TEXT("value", "The group's id"), .exact = true, READ_ONLY},
    {LINK("$ref", "The group's URL", to_group), READ_ONLY},
    {TEXT("display", "The group's displayName"), READ_ONLY},
    {TEXT("type", "Whether it is a member itself, or by another group"), .canonical = group_types,
     READ_ONLY},
    {0},
};

/* Entitlements and roles. */
static const struct scim_schema_attribute plain_parts[] = {
    {TEXT("value", "The value")}, DISPLAY, {TEXT("type", "What kind it is")}, PRIMARY, {0},
};

static const struct scim_schema_attribute certificate_parts[] = {
    {.name = "value",
     .type = SCIM_SCHEMA_BINARY,
     .exact = true,
     .large = true,
     .description = "The certificate, DER in base64"},
    DISPLAY,
    {TEXT("type", "What it is for")},
    PRIMARY,
    {0},
};

static const struct scim_schema_attribute user_attributes[] = {
    {TEXT("userName", "The name to sign in with, unique without regard to case"), .required = true,
     .uniqueness = SCIM_SCHEMA_UNIQUE_SERVER},
    {COMPLEX("name", "The parts of the person's name"), .parts = name_parts},
    {TEXT("displayName", "The name that others see")},
    {TEXT("nickName", "What the person is called")},
    {LINK("profileUrl", "A page about the person", to_external)},
    {TEXT("title", "The position")},
    {TEXT("userType", "The relation to the organization")},
    {TEXT("preferredLanguage", "The preferred languages, as in Accept-Language")},
    {TEXT("locale", "The form of dates and numbers, like en-US")},
    {TEXT("timezone", "The time zone, like Europe/Berlin")},
    {FLAG("active", "Whether the person may sign in and send")},
    {TEXT("password", "A password to sign in with"), .exact = true,
     .mutability = SCIM_SCHEMA_WRITE_ONLY, .returned = SCIM_SCHEMA_NEVER},
    {COMPLEX("emails", "Mail addresses: those in own domains become the account's"),
     .multiple = true, .parts = email_parts},
    {COMPLEX("phoneNumbers", "Phone numbers"), .multiple = true, .parts = phone_parts},
    {COMPLEX("ims", "Addresses of instant messaging"), .multiple = true, .parts = im_parts},
    {COMPLEX("photos", "Pictures of the person"), .multiple = true, .parts = photo_parts},
    {COMPLEX("addresses", "Postal addresses"), .multiple = true, .parts = address_parts},
    {COMPLEX("groups", "The groups that it is in, also by other groups"), .multiple = true,
     READ_ONLY, .parts = group_parts},
    {COMPLEX("entitlements", "What the person is entitled to"), .multiple = true,
     .parts = plain_parts},
    {COMPLEX("roles", "The person's roles"), .multiple = true, .parts = plain_parts},
    {COMPLEX("x509Certificates", "The person's certificates"), .multiple = true,
     .parts = certificate_parts},
    {0},
};

static const char *const member_types[] = {"User", "Group", NULL};
static const struct scim_schema_attribute member_parts[] = {
    {TEXT("value", "The member's id"), .exact = true, .required = true, IMMUTABLE},
    {LINK("$ref", "The member's URL", to_both), IMMUTABLE},
    {TEXT("type", "Which resource type the member is of"), .canonical = member_types, IMMUTABLE},
    {TEXT("display", "The member's userName or displayName"), IMMUTABLE},
    {0},
};

static const struct scim_schema_attribute group_attributes[] = {
    {TEXT("displayName", "The group's name, unique without regard to case"), .required = true},
    {COMPLEX("members", "The users and groups in it"), .multiple = true, .parts = member_parts},
    {0},
};

static const struct scim_schema_attribute manager_parts[] = {
    {TEXT("value", "The manager's id"), .exact = true},
    {LINK("$ref", "The manager's URL", to_user)},
    {TEXT("displayName", "The manager's displayName"), READ_ONLY},
    {0},
};

static const struct scim_schema_attribute enterprise_attributes[] = {
    {TEXT("employeeNumber", "The employee number")},
    {TEXT("costCenter", "The cost center")},
    {TEXT("organization", "The organization")},
    {TEXT("division", "The division")},
    {TEXT("department", "The department")},
    {COMPLEX("manager", "The manager"), .parts = manager_parts},
    {0},
};

/* clang-format on */

const struct scim_schema scim_schema_core_user = {
    .urn = SCIM_SCHEMA_USER,
    .name = "User",
    .description = "A person",
    .attributes = user_attributes,
};
const struct scim_schema scim_schema_core_group = {
    .urn = SCIM_SCHEMA_GROUP,
    .name = "Group",
    .description = "People together",
    .attributes = group_attributes,
};
const struct scim_schema scim_schema_core_enterprise = {
    .urn = SCIM_SCHEMA_ENTERPRISE,
    .name = "EnterpriseUser",
    .description = "A person's place in an organization",
    .attributes = enterprise_attributes,
};
