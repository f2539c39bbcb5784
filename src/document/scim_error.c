/* scim_error.c - why a SCIM request is refused: status, scimType and a detail for people (RFC 7644, 3.12). */
#include "document/scim_error.h"

#include "base/memory.h"

#include <stdarg.h>

#define SCHEMA_ERROR "urn:ietf:params:scim:api:messages:2.0:Error"

bool scim_error_set(struct scim_error *error, int status, enum scim_error_type type,
                    const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    error_set_all(&error->detail, format, arguments);
    va_end(arguments);
    error->status = status;
    error->type = type;
    return false;
}

const char *scim_error_type_name(enum scim_error_type type)
{
    switch (type) {
    case SCIM_ERROR_NO_TYPE:
        return NULL;
    case SCIM_ERROR_INVALID_FILTER:
        return "invalidFilter";
    case SCIM_ERROR_TOO_MANY:
        return "tooMany";
    case SCIM_ERROR_UNIQUENESS:
        return "uniqueness";
    case SCIM_ERROR_MUTABILITY:
        return "mutability";
    case SCIM_ERROR_INVALID_SYNTAX:
        return "invalidSyntax";
    case SCIM_ERROR_INVALID_PATH:
        return "invalidPath";
    case SCIM_ERROR_NO_TARGET:
        return "noTarget";
    case SCIM_ERROR_INVALID_VALUE:
        return "invalidValue";
    case SCIM_ERROR_INVALID_VERSION:
        return "invalidVers";
    case SCIM_ERROR_SENSITIVE:
        return "sensitive";
    }
    return NULL;
}

static struct json *build(int status, enum scim_error_type type, struct span detail)
{
    struct json *document = json_new_object();
    struct json *schemas = json_new_array();
    CLEANUP(buffer_done) struct buffer number = buffer_limited(16);
    json_append_text(schemas, SPAN_LITERAL(SCHEMA_ERROR));
    json_put(document, "schemas", schemas);
    /* A string, as the RFC's examples have it. */
    buffer_add_number(&number, status);
    json_put_text(document, "status", buffer_span(&number));
    if (scim_error_type_name(type) != NULL) {
        json_put_text(document, "scimType", span_of(scim_error_type_name(type)));
    }
    if (!span_empty(detail)) {
        json_put_text(document, "detail", detail);
    }
    return document;
}

struct json *scim_error_json(const struct scim_error *error)
{
    return build(error->status, error->type, span_of(error->detail.text));
}

void scim_error_write(int status, enum scim_error_type type, const char *detail, struct buffer *out)
{
    CLEANUP(json_cleanup) struct json *document = build(status, type, span_of(detail));
    json_write(document, out);
}
