/* scim_error.h - why a SCIM request is refused: status, scimType and a detail for people (RFC 7644, 3.12).
 *
 * The detail names the attribute and says what to change. It may quote a short value that the client sent, never a
 * password, and never whose an address is. */
#ifndef DOCUMENT_SCIM_ERROR_H
#define DOCUMENT_SCIM_ERROR_H

#include "base/buffer.h"
#include "base/error.h"
#include "wire/json.h"

enum scim_error_type {
    SCIM_ERROR_NO_TYPE,
    SCIM_ERROR_INVALID_FILTER,
    SCIM_ERROR_TOO_MANY,
    SCIM_ERROR_UNIQUENESS, /* 409 */
    SCIM_ERROR_MUTABILITY,
    SCIM_ERROR_INVALID_SYNTAX,
    SCIM_ERROR_INVALID_PATH,
    SCIM_ERROR_NO_TARGET,
    SCIM_ERROR_INVALID_VALUE,
    SCIM_ERROR_INVALID_VERSION,
    SCIM_ERROR_SENSITIVE, /* 403 */
};

struct scim_error {
    int status;
    enum scim_error_type type;
    struct error detail;
};

#define SCIM_ERROR_CONTENT_TYPE "application/scim+json"

/* Fills `error` and returns false. */
bool scim_error_set(struct scim_error *error, int status, enum scim_error_type type,
                    const char *format, ...) __attribute__((format(printf, 4, 5)));
const char *scim_error_type_name(enum scim_error_type type); /* "invalidFilter"; NULL for none */
/* {"schemas":["urn:ietf:params:scim:api:messages:2.0:Error"],"status":"409","scimType":…,"detail":…} */
struct json *scim_error_json(const struct scim_error *error);
void scim_error_write(int status, enum scim_error_type type, const char *detail,
                      struct buffer *out);

#endif
